/* md_end.c - see md_end.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/md_end.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/md_report.h"
#include "cli/option.h"

/** What an atom is called where it came from a file. */
static const char *called(const al_simulation *s, uint64_t id, char text[64])
{
    const al_gro_label *label =
        s->files.gro.labels != NULL && id < s->files.gro.natoms ? &s->files.gro.labels[id] : NULL;
    if (label != NULL)
        (void)snprintf(text, 64, "%" PRIu64 " (%s of %d%s)", id + 1, label->name, (int)label->residue,
                       label->residue_name);
    else
        (void)snprintf(text, 64, "%" PRIu64, id + 1);
    return text;
}

void al_md_end_add_astray(const al_simulation *s, char *why, size_t room)
{
    const al_astray *a = &s->md.astray;
    char name[64];
    size_t n = strlen(why);
    n += (size_t)snprintf(why + n, room - n,
                          ". Farthest went atom %s: it was at (%.4g %.4g %.4g) when pairs were last listed, "
                          "and came to (%.4g %.4g %.4g)",
                          called(s, a->id, name), a->before[0], a->before[1], a->before[2], a->now[0],
                          a->now[1], a->now[2]);
    for (int k = 0; k < a->nneighbours && n < room; k++)
        n += (size_t)snprintf(why + n, room - n, "%s%s at %.3g", k > 0 ? ", " : "; beside it were atoms ",
                              called(s, a->neighbours[k].id, name), a->neighbours[k].distance);
}

static allot_err tell_minimum_end(al_simulation *s)
{
    allot_error err;
    char name[64];
    (void)called(s, s->minimum.atom, name);
    if (!s->options.quiet)
        al_md_minimum_end(stderr, &s->minimum, &s->options, name);
    if (s->log.out != NULL) {
        (void)fputc('\n', s->log.out);
        al_md_minimum_end(s->log.out, &s->minimum, &s->options, name);
    }
    allot_err code = al_md_log_close(&s->log, &err);
    if (code != ALLOT_OK)
        al_complain("md", "%s", err.text);
    return code;
}

allot_err al_md_end_tell(al_simulation *s, bool is_first)
{
    allot_error err;
    al_md_times times;
    const al_md_end end = {.md = &s->md,
                           .times = &times,
                           .first = &s->first,
                           .latest = &s->latest,
                           .loop_ns = s->loop_ns,
                           .plan = s->has_plan ? &s->plan : NULL};
    al_md_report_gather(&s->md, s->output_ns, &times);
    if (!is_first)
        return ALLOT_OK;
    if (s->options.minimiser != AL_MD_STEPS)
        return tell_minimum_end(s);
    if (!s->options.quiet && s->options.explain && s->options.json)
        al_md_report_json(stderr, &end);
    else if (!s->options.quiet)
        al_md_report_end(stderr, &end, s->options.explain);
    if (s->log.out != NULL) {
        al_md_log_averages(&s->log, s->log.out, s->md.opts.units, (double)s->md.natoms);
        (void)fputc('\n', s->log.out);
        al_md_report_end(s->log.out, &end, true);
        (void)fputc('\n', s->log.out);
    }
    allot_err code = al_md_log_close(&s->log, &err);
    if (code != ALLOT_OK)
        al_complain("md", "%s", err.text);
    return code;
}
