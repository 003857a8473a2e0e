/* map_report.c - the report of a run, twice: for people and for programs.
 *
 * Both are written from one set of figures, gathered first. Costs an item are time inside loop bodies, summed
 * over threads and divided by items: what one thread alone would take. The achieved gain is that time over
 * the loops' wall time; the command's gain is over the whole run, reading and writing included.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/map_away.h"
#include "topo/topo.h"

typedef struct loop_row {
    const char *name;
    const al_map_phase *phase;
} loop_row;

typedef struct figures {
    allot_costs costs;
    bool has_costs;
    uint64_t nitems, naway; /* of these, computed by engines */
    loop_row loops[3];
    size_t nloops;
    const al_map_phase *main; /* the map or the fold */
    double busy_ns, wall_ns;
    double predicted, achieved, command;
    char decision[256];
} figures;

static void gather(al_map_stream *stream, figures *f)
{
    *f = (figures){.nitems = stream->first, .naway = al_away_nitems(stream->away)};
    f->has_costs = allot_pool_costs(stream->pool, &f->costs) == ALLOT_OK;
    f->main = stream->expr.fold != NULL ? &stream->fold.phase : &stream->map;
    loop_row rows[3] = {{"load", &stream->load.phase},
                        {stream->expr.fold != NULL ? "reduce" : "map", f->main},
                        {"print", &stream->print.phase}};
    for (size_t k = 0; k < 3; k++) {
        if (rows[k].phase->nruns == 0)
            continue;
        f->loops[f->nloops++] = rows[k];
        f->busy_ns += rows[k].phase->busy_ns;
        f->wall_ns += rows[k].phase->wall_ns;
    }
    const allot_plan *plan = &f->main->plan;
    f->predicted = plan->parallel_ns > 0 ? plan->serial_ns / plan->parallel_ns : 1;
    f->achieved = f->wall_ns > 0 ? f->busy_ns / f->wall_ns : 1;
    f->command = stream->run_ns > 0 ? f->busy_ns / (double)stream->run_ns : 1;
    (void)allot_plan_explain(plan, f->decision, sizeof f->decision);
}

/** A loop's cost of an item; engines do their items of the main one. */
static double an_item(const figures *f, const al_map_phase *phase)
{
    uint64_t naway = phase == f->main ? f->naway : 0;
    return f->nitems > naway ? phase->busy_ns / (double)(f->nitems - naway) : 0;
}

/* ---- for people ---- */

const char *al_report_time(double ns)
{
    static char texts[3][32];
    static unsigned turn;
    static const char *const units[] = {"ns", "us", "ms", "s"};
    int unit = 0;
    while (ns >= 999.5 && unit < 3) {
        ns /= 1000;
        unit++;
    }
    char *text = texts[turn++ % 3];
    (void)snprintf(text, sizeof texts[0], "%.*f %s", ns < 9.995 ? 2 : ns < 99.95 ? 1 : 0, ns, units[unit]);
    return text;
}

void al_report_line(const char *label, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%-10s", label);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

static void print_machine(const al_map_stream *stream, const figures *f)
{
    char quota[48] = "no quota";
    double limit = al_cpus_quota("");
    if (limit > 0)
        (void)snprintf(quota, sizeof quota, "a quota of %.3g", limit);
    al_report_line("machine", "%u thread%s (%u processor%s allowed, %s)", stream->nthreads,
                   stream->nthreads == 1 ? "" : "s", al_cpus_allowed(), al_cpus_allowed() == 1 ? "" : "s",
                   quota);
    if (f->has_costs && f->costs.handover_ns > 0)
        al_report_line("", "handing work to a spinning thread takes %s, waking a sleeping one %s",
                       al_report_time(f->costs.handover_ns), al_report_time(f->costs.wake_latency_ns));
}

static void print_inputs(const al_map_stream *stream)
{
    for (size_t k = 0; k < stream->ninputs; k++) {
        const al_map_input *input = &stream->inputs[k];
        char count[48] = "items not known in advance";
        if (input->nitems != UINT64_MAX)
            (void)snprintf(count, sizeof count, "%" PRIu64 " item%s", input->nitems,
                           input->nitems == 1 ? "" : "s");
        al_report_line(k == 0 ? "input" : "", "%s: %s%s, %s", input->name, al_input_kind_text(input->kind),
                       input->kind == AL_INPUT_NPY && input->map != NULL ? " (mapped)" : "", count);
    }
}

static void print_program(const al_map_stream *stream)
{
    const al_expr *expr = &stream->expr;
    if (expr->fold != NULL)
        al_report_line("types", "x is %s, the expression %s, its %s %s", al_type_name(stream->type),
                       al_type_name(expr->out_type), stream->options->reduce,
                       al_type_name(expr->reduce_type));
    else
        al_report_line("types", "x is %s, the result %s", al_type_name(stream->type),
                       al_type_name(expr->out_type));
    const char *path = expr->path[0] != '\0' ? expr->path : "not kept";
    if (expr->from_cache)
        al_report_line("compiled", "before: %s", path);
    else
        al_report_line("compiled", "now, in %s: %s", al_report_time(expr->compile_ns), path);
}

static void print_loops(const figures *f)
{
    for (size_t k = 0; k < f->nloops; k++) {
        const al_map_phase *p = f->loops[k].phase;
        al_report_line(f->loops[k].name,
                       "%s an item; %u thread%s, %" PRIu64 " chunks, %" PRIu64 " steals, %" PRIu64
                       " wake-ups; %s for %s of work",
                       al_report_time(an_item(f, p)), p->nengines, p->nengines == 1 ? "" : "s", p->nchunks,
                       p->nsteals, p->nwakes, al_report_time(p->wall_ns), al_report_time(p->busy_ns));
    }
}

static const char *state_of(const al_away *away, const al_map_engine *engine)
{
    return engine->is_given_up ? "left out"
           : engine->was_up    ? "took part"
           : away->has_called  ? "did not come up"
                               : "not called";
}

static void print_engine(const al_away *away, const al_map_engine *engine)
{
    char pace[64] = "";
    if (engine->pace > 0)
        (void)snprintf(pace, sizeof pace, ", an item takes %.2f of our time", engine->pace);
    al_report_line("", "%s: %s; %" PRIu64 " chunks, %" PRIu64 " items%s%s%.300s", engine->spec->name,
                   state_of(away, engine), engine->nchunks, engine->nitems, pace,
                   engine->why[0] != '\0' ? "; " : "", engine->why);
    if (engine->was_up)
        al_report_line(
            "",
            "  %u at a time, %s there and back, %.3g MB sent, %.3g MB received, chunks lost %" PRIu64
            ", failed %" PRIu64,
            engine->nslots, al_report_time(engine->rtt_ns), (double)engine->nsent * 1e-6,
            (double)engine->nreceived * 1e-6, engine->nlost, engine->nspoilt);
}

/** What engines had of the work, and why not more. */
static void print_away(const al_map_stream *stream, const figures *f)
{
    const al_away *away = stream->away;
    if (away == NULL)
        return;
    const al_ship_plan *plan = &away->plan;
    const char *why = away->fault[0] != '\0' ? away->fault
                      : away->was_asked      ? al_ship_reason_text(plan->reason)
                                             : "the work was done before engines were worth a thought";
    al_report_line("engines", "%s %" PRIu64 " of %" PRIu64 " items were computed elsewhere: %s",
                   f->naway > 0 ? "shared:" : "stayed at home:", f->naway, f->nitems, why);
    if (away->was_asked && away->common.item_ns > 0)
        al_report_line("",
                       "an item takes %s here and %s to send and fetch; when last asked, %s of work was left",
                       al_report_time(away->common.item_ns), al_report_time(plan->ship_ns),
                       al_report_time(plan->home_ns));
    if (away->common.program >= 0)
        al_report_line("", "compiled for engines %s%s", away->from_cache ? "before" : "in ",
                       away->from_cache ? "" : al_report_time(away->compile_ns));
    for (uint32_t k = 0; k < away->nengines && away->engines != NULL; k++)
        print_engine(away, &away->engines[k]);
}

static void print_text(const al_map_stream *stream, const figures *f)
{
    print_machine(stream, f);
    print_inputs(stream);
    print_program(stream);
    if (stream->options->dry_run) {
        al_report_line("output", "%s, %s; nothing was mapped (--dry-run)",
                       stream->options->output != NULL ? stream->options->output : "standard output",
                       stream->is_npy ? ".npy" : "text");
        return;
    }
    print_loops(f);
    al_report_line("decision", "%s", f->decision);
    print_away(stream, f);
    al_report_line("gain", "predicted %.2fx, achieved %.2fx in the loops, %.2fx over the whole run",
                   f->predicted, f->achieved, f->command);
    al_report_line("time", "%s for %" PRIu64 " items, %s with starting and compiling",
                   al_report_time((double)stream->run_ns), f->nitems,
                   al_report_time((double)(al_clock_ns() - stream->options->begin_ns)));
}

/* ---- for programs ---- */

/** A double that JSON can hold: NaN and infinity become null. */
static json_t *real(double value)
{
    json_t *number = json_real(value);
    return number != NULL ? number : json_null();
}

static json_t *count(uint64_t value)
{
    return value == UINT64_MAX ? json_null() : json_integer((json_int_t)value);
}

static json_t *machine_json(const al_map_stream *stream, const figures *f)
{
    double quota = al_cpus_quota("");
    json_t *machine = json_pack("{s:i, s:i, s:o}", "threads", (int)stream->nthreads, "processors",
                                (int)al_cpus_allowed(), "quota", quota > 0 ? real(quota) : json_null());
    if (f->has_costs) {
        (void)json_object_set_new(machine, "clock_ns", real(f->costs.clock_ns));
        (void)json_object_set_new(machine, "handover_ns", real(f->costs.handover_ns));
        (void)json_object_set_new(machine, "wake_call_ns", real(f->costs.wake_call_ns));
        (void)json_object_set_new(machine, "wake_latency_ns", real(f->costs.wake_latency_ns));
    }
    return machine;
}

/** A name as JSON can hold it: bytes that are no UTF-8 become '?'. */
static json_t *name_json(const char *name)
{
    json_t *text = json_string(name);
    if (text != NULL)
        return text;
    char copy[256];
    size_t k = 0;
    for (; name[k] != '\0' && k + 1 < sizeof copy; k++)
        copy[k] = (unsigned char)name[k] < 0x80 ? name[k] : '?';
    copy[k] = '\0';
    return json_string(copy);
}

static json_t *inputs_json(const al_map_stream *stream)
{
    static const char *const kinds[] = {"range", "text", "npy"};
    json_t *inputs = json_array();
    for (size_t k = 0; k < stream->ninputs; k++) {
        const al_map_input *input = &stream->inputs[k];
        (void)json_array_append_new(inputs, json_pack("{s:o, s:s, s:o, s:b}", "name", name_json(input->name),
                                                      "kind", kinds[input->kind], "items",
                                                      count(input->nitems), "mapped", input->map != NULL));
    }
    return inputs;
}

static json_t *loops_json(const figures *f)
{
    json_t *loops = json_object();
    for (size_t k = 0; k < f->nloops; k++) {
        const al_map_phase *p = f->loops[k].phase;
        json_t *row =
            json_pack("{s:o, s:o, s:o, s:i, s:o, s:o, s:o}", "item_ns", real(an_item(f, p)), "busy_ns",
                      real(p->busy_ns), "wall_ns", real(p->wall_ns), "threads", (int)p->nengines, "chunks",
                      count(p->nchunks), "steals", count(p->nsteals), "wakes", count(p->nwakes));
        (void)json_object_set_new(row, "blocks", count(p->nruns));
        (void)json_object_set_new(loops, f->loops[k].name, row);
    }
    return loops;
}

static json_t *engine_json(const al_away *away, const al_map_engine *e)
{
    json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
                            e->spec->name, "launcher", e->spec->launcher->name, "host", e->host, "state",
                            state_of(away, e), "slots", (int)e->nslots, "rtt_ns", real(e->rtt_ns), "pace",
                            e->pace > 0 ? real(e->pace) : json_null(), "chunks", count(e->nchunks), "items",
                            count(e->nitems), "lost", count(e->nlost), "failed", count(e->nspoilt),
                            "sent_bytes", count(e->nsent), "received_bytes", count(e->nreceived));
    (void)json_object_set_new(row, "why", e->why[0] != '\0' ? name_json(e->why) : json_null());
    return row;
}

static json_t *away_json(const al_away *away, const figures *f)
{
    const al_ship_plan *plan = &away->plan;
    json_t *engines = json_array();
    for (uint32_t k = 0; k < away->nengines && away->engines != NULL; k++)
        (void)json_array_append_new(engines, engine_json(away, &away->engines[k]));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "items", count(f->naway), "reason",
                     away->was_asked ? json_string(al_ship_reason_name(plan->reason)) : json_null(),
                     "item_ns", real(away->common.item_ns), "ship_ns", real(plan->ship_ns), "left_ns",
                     real(plan->home_ns), "called", json_boolean(away->has_called), "compile_ns",
                     real(away->compile_ns), "fault",
                     away->fault[0] != '\0' ? name_json(away->fault) : json_null(), "engines", engines);
}

static void print_json(const al_map_stream *stream, const figures *f, int status)
{
    const al_expr *expr = &stream->expr;
    json_t *report = json_pack("{s:i, s:s, s:i, s:b}", "version", 1, "allot", allot_version(), "status",
                               status, "dry_run", stream->options->dry_run);
    (void)json_object_set_new(report, "machine", machine_json(stream, f));
    (void)json_object_set_new(report, "inputs", inputs_json(stream));
    json_t *types =
        json_pack("{s:s, s:s}", "x", al_type_name(stream->type), "result", al_type_name(expr->out_type));
    if (expr->fold != NULL)
        (void)json_object_set_new(types, "reduced", json_string(al_type_name(expr->reduce_type)));
    (void)json_object_set_new(report, "types", types);
    (void)json_object_set_new(report, "compiled",
                              json_pack("{s:b, s:o, s:o}", "from_cache", expr->from_cache, "ns",
                                        real(expr->compile_ns), "path",
                                        expr->path[0] != '\0' ? name_json(expr->path) : json_null()));
    if (!stream->options->dry_run) {
        const allot_plan *plan = &f->main->plan;
        (void)json_object_set_new(report, "items", count(f->nitems));
        (void)json_object_set_new(report, "loops", loops_json(f));
        (void)json_object_set_new(report, "decision",
                                  json_pack("{s:s, s:s, s:i, s:o, s:o}", "reason",
                                            allot_reason_name(plan->reason), "text", f->decision, "threads",
                                            (int)plan->nengines, "serial_ns", real(plan->serial_ns),
                                            "parallel_ns", real(plan->parallel_ns)));
        if (stream->away != NULL)
            (void)json_object_set_new(report, "engines", away_json(stream->away, f));
        (void)json_object_set_new(report, "gain",
                                  json_pack("{s:o, s:o, s:o}", "predicted", real(f->predicted), "loops",
                                            real(f->achieved), "run", real(f->command)));
        (void)json_object_set_new(report, "run_ns", count(stream->run_ns));
    }
    (void)json_object_set_new(report, "command_ns", count(al_clock_ns() - stream->options->begin_ns));
    char *text = json_dumps(report, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    if (text != NULL)
        fprintf(stderr, "%s\n", text);
    free(text);
    json_decref(report);
}

void al_report_print(al_map_stream *stream, bool is_json, int status)
{
    figures f;
    gather(stream, &f);
    if (is_json)
        print_json(stream, &f, status);
    else
        print_text(stream, &f);
}
