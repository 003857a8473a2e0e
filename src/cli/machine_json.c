/* machine_json.c - the machine as a JSON document, and back; docs/formats/machine.md is its page.
 *
 * The same document is what `allot machine --json` prints and what the cache keeps. Only what was measured
 * is ever read back, and only when it was measured with what is there now: the other parts say with what.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/machine.h"

#define FORMAT "allot-machine"
#define VERSION 1

/** Larger figures, and more samples, than any machine gives. */
#define FIGURE_MAX 1e18
#define SAMPLES_MAX 1000000

static json_t *integer_or_null(uint64_t value)
{
    return value > 0 ? json_integer((json_int_t)value) : json_null();
}

static json_t *text_or_null(const char *text)
{
    json_t *value = text[0] != '\0' ? json_string(text) : NULL; /* NULL also when it is not UTF-8 */
    return value != NULL ? value : json_null();
}

static json_t *encode_processor(const al_topo *topo)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "model", text_or_null(topo->model), "packages",
                     integer_or_null(topo->npackages), "cores", integer_or_null(topo->ncores),
                     "hardware_threads", integer_or_null(topo->nthreads), "numa_nodes",
                     integer_or_null(topo->nnuma));
}

static json_t *encode_caches(const al_topo *topo)
{
    json_t *caches = json_array();
    for (uint32_t at = 0; at < topo->ncaches; at++) {
        const al_topo_cache *cache = &topo->caches[at];
        json_t *row =
            json_pack("{s:i, s:i, s:o, s:o}", "level", (int)cache->level, "count", (int)cache->count, "bytes",
                      integer_or_null(cache->nbytes), "line_bytes", integer_or_null(cache->line_bytes));
        if (json_array_append_new(caches, row) != 0) {
            json_decref(caches);
            return NULL;
        }
    }
    return caches;
}

static json_t *encode_figure(const al_figure *figure)
{
    if (figure->nsamples == 0)
        return json_null();
    return json_pack("{s:f, s:f, s:f, s:i}", "median", figure->median, "low", figure->low, "high",
                     figure->high, "samples", (int)figure->nsamples);
}

static json_t *encode_figures(const al_machine *machine)
{
    json_t *figures = json_object();
    for (int at = 0; at < AL_MACHINE_NFIGURES; at++)
        if (json_object_set_new(figures, al_machine_rows[at].name, encode_figure(&machine->figures[at])) !=
            0) {
            json_decref(figures);
            return NULL;
        }
    return figures;
}

/** What a measurement is good for: the same allot, boot, processors and quota. */
static json_t *encode_cpus(const al_machine *machine)
{
    json_t *quota = machine->topo.quota > 0 ? json_real(machine->topo.quota) : json_null();
    return json_pack("{s:s, s:i, s:o, s:i}", "allowed", machine->cpus, "count", (int)machine->topo.nallowed,
                     "quota", quota, "threads", (int)machine->nthreads);
}

json_t *al_machine_encode(const al_machine *machine)
{
    json_t *memory = json_pack("{s:o, s:o}", "bytes", integer_or_null(machine->topo.memory_bytes),
                               "limit_bytes", integer_or_null(machine->memory_limit_bytes));
    return json_pack("{s:s, s:i, s:s, s:o, s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "format", FORMAT,
                     "version", VERSION, "allot", allot_version(), "boot_id", text_or_null(machine->boot_id),
                     "measured_unix_s", (json_int_t)machine->measured_unix_s, "cached", machine->is_cached,
                     "processor", encode_processor(&machine->topo), "caches", encode_caches(&machine->topo),
                     "memory", memory, "cpus", encode_cpus(machine), "measured", encode_figures(machine),
                     "copy_buffer_bytes", integer_or_null(machine->copy_nbytes));
}

static bool is_text(const json_t *object, const char *key, const char *expected)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL && strcmp(text, expected) == 0;
}

static bool is_integer(const json_t *object, const char *key, int64_t expected)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) && json_integer_value(value) == expected;
}

/** Equal but for what printing a number loses. */
static bool is_quota(const json_t *object, const char *key, double expected)
{
    const json_t *value = json_object_get(object, key);
    if (expected <= 0)
        return json_is_null(value);
    return json_is_number(value) && fabs(json_number_value(value) - expected) <= 1e-6 * expected;
}

static bool is_for_this(const json_t *document, const al_machine *machine)
{
    const json_t *cpus = json_object_get(document, "cpus");
    return is_text(document, "format", FORMAT) && is_integer(document, "version", VERSION) &&
           is_text(document, "allot", allot_version()) && machine->boot_id[0] != '\0' &&
           is_text(document, "boot_id", machine->boot_id) && machine->cpus[0] != '\0' &&
           is_text(cpus, "allowed", machine->cpus) && is_integer(cpus, "count", machine->topo.nallowed) &&
           is_quota(cpus, "quota", machine->topo.quota) && is_integer(cpus, "threads", machine->nthreads);
}

/** A number that a machine could have given. */
static bool decode_number(const json_t *object, const char *key, double *value)
{
    const json_t *number = json_object_get(object, key);
    *value = json_number_value(number);
    return json_is_number(number) && *value >= 0 && *value <= FIGURE_MAX;
}

static bool decode_figure(const json_t *object, al_figure *figure)
{
    *figure = (al_figure){.nsamples = 0};
    if (json_is_null(object))
        return true;
    const json_t *samples = json_object_get(object, "samples");
    if (!decode_number(object, "median", &figure->median) || !decode_number(object, "low", &figure->low) ||
        !decode_number(object, "high", &figure->high) || !json_is_integer(samples))
        return false;
    json_int_t nsamples = json_integer_value(samples);
    if (nsamples < 1 || nsamples > SAMPLES_MAX || figure->low > figure->median ||
        figure->median > figure->high)
        return false;
    figure->nsamples = (uint32_t)nsamples;
    return true;
}

bool al_machine_decode(const json_t *document, al_machine *machine)
{
    if (!is_for_this(document, machine))
        return false;
    al_machine read = *machine;
    const json_t *figures = json_object_get(document, "measured");
    for (int at = 0; at < AL_MACHINE_NFIGURES; at++) {
        const json_t *figure = json_object_get(figures, al_machine_rows[at].name);
        if (figure == NULL || !decode_figure(figure, &read.figures[at]))
            return false;
    }
    const json_t *when = json_object_get(document, "measured_unix_s");
    const json_t *copied = json_object_get(document, "copy_buffer_bytes");
    if (!json_is_integer(when) || (!json_is_null(copied) && json_integer_value(copied) <= 0))
        return false;
    read.measured_unix_s = json_integer_value(when);
    read.copy_nbytes = (uint64_t)json_integer_value(copied); /* null: 0 */
    read.is_cached = true;
    *machine = read;
    return true;
}
