/* map_lines_report.c - what copies of a program were given, and how that went: --explain and --json.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/map_lines.h"
#include "cli/map_report.h"

/** Time of an item in one copy, ns. */
static double item_ns(const al_lines_figures *f)
{
    uint64_t nitems = atomic_load(&f->nitems);
    return nitems > 0 ? (double)f->run_ns * (double)f->ncopies_most / (double)nitems : 0;
}

static void print_text(const al_lines_report *r)
{
    const al_lines_figures *f = r->figures;
    uint64_t nitems = atomic_load(&f->nitems);
    al_report_line("copies", "%u of %s at a time, of %u allowed; %" PRIu64 " started", f->ncopies_most,
                   r->opts->commands[0].name, r->opts->ncopies, f->nstarted);
    if (f->nrefreshed > 0)
        al_report_line("", "%" PRIu64 " answered nothing before their input was closed; fresh ones went on",
                       f->nrefreshed);
    if (f->ndied > 0)
        al_report_line("", "%" PRIu64 " ended before they had answered; fresh ones were given the rest",
                       f->ndied);
    if (f->nset_aside > 0)
        al_report_line("", "%" PRIu64 " %ss were set aside", f->nset_aside, r->opts->noun);
    al_report_line("batches", "%" PRIu64 ", the largest of %" PRIu64 " %ss; an item takes %s in a copy",
                   f->nbatches, f->batch_most, r->opts->noun, al_report_time(item_ns(f)));
    al_report_line("memory", "%.1f MB for items and answers at one time, at most",
                   (double)f->nheld_most * 1e-6);
    al_report_line("time", "%s for %" PRIu64 " %ss, %.3g MB read and %.3g MB written",
                   al_report_time((double)f->run_ns), nitems, r->opts->noun,
                   (double)atomic_load(&f->nread) * 1e-6, (double)atomic_load(&f->nwritten) * 1e-6);
}

static json_t *count(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static void print_json(const al_lines_report *r)
{
    const al_lines_figures *f = r->figures;
    json_t *copies =
        json_pack("{s:i, s:i, s:o, s:o, s:o, s:o}", "allowed", (int)r->opts->ncopies, "most",
                  (int)f->ncopies_most, "started", count(f->nstarted), "refreshed", count(f->nrefreshed),
                  "died", count(f->ndied), "ended_badly", count(f->nended_badly));
    json_t *report = json_pack(
        "{s:i, s:s, s:i, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "version", 1, "allot",
        allot_version(), "status", r->status, "lines", 1, "items", count(atomic_load(&f->nitems)),
        "set_aside", count(f->nset_aside), "copies", copies, "batches", count(f->nbatches), "batch_most",
        count(f->batch_most), "item_ns", json_real(item_ns(f)), "read_bytes", count(atomic_load(&f->nread)),
        "written_bytes", count(atomic_load(&f->nwritten)), "memory_bytes", count(f->nheld_most), "run_ns",
        count(f->run_ns));
    (void)json_object_set_new(report, "command_ns", count(al_clock_ns() - r->options->begin_ns));
    char *text = json_dumps(report, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    if (text != NULL)
        fprintf(stderr, "%s\n", text);
    free(text);
    json_decref(report);
}

void al_map_lines_report(const al_lines_report *report)
{
    if (report->options->json)
        print_json(report);
    else
        print_text(report);
}
