/* machine_report.c - the machine on a page for people.
 *
 * Three digits are enough to compare by; units follow the size of the value. The last sentence says what the
 * figures mean for whoever writes a loop.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/machine.h"

#define VALUE_NBYTES 32

typedef struct scale {
    double least; /* of the values that are written in this unit */
    double unit;
    const char *name;
} scale;

/** The first row that value reaches; the last one has least 0. */
static void format_scaled(const scale *rows, double value, char text[VALUE_NBYTES])
{
    while (value < rows->least)
        rows++;
    (void)snprintf(text, VALUE_NBYTES, "%.3g %s", value / rows->unit, rows->name);
}

/** A unit begins where three digits of the one below it would round up to a thousand. */
static void format_ns(double ns, char text[VALUE_NBYTES])
{
    static const scale rows[] = {
        {0.9995e9, 1e9, "s"}, {0.9995e6, 1e6, "ms"}, {0.9995e3, 1e3, "us"}, {0, 1, "ns"}};
    format_scaled(rows, ns, text);
}

static void format_rate(double bytes_per_s, char text[VALUE_NBYTES])
{
    static const scale rows[] = {
        {0.9995e12, 1e12, "TB/s"}, {0.9995e9, 1e9, "GB/s"}, {0.9995e6, 1e6, "MB/s"}, {0, 1e3, "kB/s"}};
    format_scaled(rows, bytes_per_s, text);
}

/** Up to 1023 of a unit, so that sizes which are powers of two stay whole. */
static void format_bytes(uint64_t nbytes, char text[VALUE_NBYTES])
{
    static const scale rows[] = {{0x1p40, 0x1p40, "TiB"},
                                 {0x1p30, 0x1p30, "GiB"},
                                 {0x1p20, 0x1p20, "MiB"},
                                 {0x1p10, 0x1p10, "KiB"},
                                 {0, 1, "bytes"}};
    const scale *row = rows;
    while ((double)nbytes < row->least)
        row++;
    double value = (double)nbytes / row->unit;
    (void)snprintf(text, VALUE_NBYTES, value >= 100 ? "%.0f %s" : "%.3g %s", value, row->name);
}

static void format_figure(int at, double value, char text[VALUE_NBYTES])
{
    if (al_machine_rows[at].unit == AL_MACHINE_NS)
        format_ns(value, text);
    else
        format_rate(value, text);
}

static const char *plural(uint32_t n)
{
    return n == 1 ? "" : "s";
}

#define LABEL "%-11s "

static void print_processor(const al_topo *topo, FILE *out)
{
    (void)fprintf(out, LABEL "%s\n", "processor", topo->model[0] != '\0' ? topo->model : "unknown");
    if (topo->nthreads == 0)
        return;
    (void)fprintf(out, LABEL, "");
    if (topo->npackages > 0)
        (void)fprintf(out, "%u package%s, ", topo->npackages, plural(topo->npackages));
    if (topo->ncores > 0)
        (void)fprintf(out, "%u core%s, ", topo->ncores, plural(topo->ncores));
    (void)fprintf(out, "%u hardware thread%s, %u memory node%s\n", topo->nthreads, plural(topo->nthreads),
                  topo->nnuma, plural(topo->nnuma));
}

static void print_caches(const al_topo *topo, FILE *out)
{
    (void)fprintf(out, LABEL, "caches");
    for (uint32_t at = 0; at < topo->ncaches; at++) {
        const al_topo_cache *cache = &topo->caches[at];
        char size[VALUE_NBYTES], count[16] = "";
        format_bytes(cache->nbytes, size);
        if (cache->count > 1)
            (void)snprintf(count, sizeof count, "%u x ", cache->count);
        (void)fprintf(out, "%sL%u %s%s", at > 0 ? ", " : "", cache->level, count, size);
    }
    if (topo->ncaches > 0 && topo->caches[0].line_bytes > 0)
        (void)fprintf(out, "; lines of %u bytes", topo->caches[0].line_bytes);
    (void)fprintf(out, "%s\n", topo->ncaches > 0 ? "" : "unknown");
}

static void print_memory(const al_machine *machine, FILE *out)
{
    char size[VALUE_NBYTES] = "unknown", limit[VALUE_NBYTES];
    if (machine->topo.memory_bytes > 0)
        format_bytes(machine->topo.memory_bytes, size);
    (void)fprintf(out, LABEL "%s", "memory", size);
    if (machine->memory_limit_bytes > 0) {
        format_bytes(machine->memory_limit_bytes, limit);
        (void)fprintf(out, ", %s of it allowed by the cgroup", limit);
    }
    (void)fprintf(out, "\n");
}

static void print_cpus(const al_machine *machine, FILE *out)
{
    const al_topo *topo = &machine->topo;
    (void)fprintf(out, LABEL "%u processor%s: %s\n", "allowed", topo->nallowed, plural(topo->nallowed),
                  machine->cpus[0] != '\0' ? machine->cpus : "unknown");
    if (topo->quota > 0)
        (void)fprintf(out, LABEL "%.4g processors, set by the cgroup\n", "CPU quota", topo->quota);
    else
        (void)fprintf(out, LABEL "none\n", "CPU quota");
    (void)fprintf(out, LABEL "%u for allot to use\n", "threads", machine->nthreads);
}

/** Columns: what, median, and the lowest and highest where there was more than one sample. */
#define FIGURE_ROW "%-48s %10s %10s %10s\n"

static void print_figures(const al_machine *machine, FILE *out)
{
    (void)fprintf(out, FIGURE_ROW, "measured", "median", "lowest", "highest");
    for (int at = 0; at < AL_MACHINE_NFIGURES; at++) {
        const al_figure *figure = &machine->figures[at];
        char median[VALUE_NBYTES] = "-", low[VALUE_NBYTES] = "", high[VALUE_NBYTES] = "";
        if (figure->nsamples > 0)
            format_figure(at, figure->median, median);
        if (figure->nsamples > 1) {
            format_figure(at, figure->low, low);
            format_figure(at, figure->high, high);
        }
        char line[160];
        (void)snprintf(line, sizeof line, FIGURE_ROW, al_machine_rows[at].label, median, low, high);
        line[strcspn(line, "\n")] = '\0';
        for (size_t length = strlen(line); length > 0 && line[length - 1] == ' '; length--)
            line[length - 1] = '\0';
        (void)fprintf(out, "%s\n", line);
    }
}

static void print_when(const al_machine *machine, FILE *out)
{
    time_t when = (time_t)machine->measured_unix_s;
    struct tm date;
    char text[64];
    if (!machine->is_cached)
        (void)fprintf(out, "Measured just now.\n");
    else if (localtime_r(&when, &date) != NULL && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &date) > 0)
        (void)fprintf(out, "Measured on %s, after the machine last started; --fresh measures again.\n", text);
    else
        (void)fprintf(out, "Measured earlier; --fresh measures again.\n");
}

static void print_alone(const al_machine *machine, FILE *out)
{
    if (machine->topo.nallowed == 1)
        (void)fprintf(out, "Every loop is left in series: only one processor is allowed.\n");
    else
        (void)fprintf(out, "Every loop is left in series: the CPU quota is that of %.4g processors.\n",
                      machine->topo.quota);
}

static void print_meaning(const al_machine *machine, FILE *out)
{
    const al_figure *awake = &machine->figures[AL_MACHINE_break_even_awake_ns];
    const al_figure *asleep = &machine->figures[AL_MACHINE_break_even_asleep_ns];
    char text[VALUE_NBYTES];
    if (machine->nthreads == 1) {
        print_alone(machine, out);
        return;
    }
    if (awake->nsamples > 0) {
        format_ns(awake->median, text);
        (void)fprintf(out, "A loop of less than %s is left in series, whatever it does.\n", text);
    }
    if (asleep->nsamples > 0) {
        format_ns(asleep->median, text);
        (void)fprintf(out, "One of more than %s is shared even when all other threads are asleep.\n", text);
    }
}

void al_machine_report(const al_machine *machine, FILE *out)
{
    print_processor(&machine->topo, out);
    print_caches(&machine->topo, out);
    print_memory(machine, out);
    print_cpus(machine, out);
    (void)fprintf(out, "\n");
    print_figures(machine, out);
    (void)fprintf(out, "\n");
    print_when(machine, out);
    print_meaning(machine, out);
}
