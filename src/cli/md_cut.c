/* md_cut.c - see md_cut.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/md_cut.h"

#include <stdio.h>
#include <string.h>

#include "cli/md_costs.h"
#include "cli/md_ranks.h"

/** What an atom and a copy cost, where somebody wants to know. @return whether it was measured */
static bool find_costs(const al_simulation *s, const al_md_opts *alone, bool has_grid,
                       al_domains_costs *costs)
{
    if (((s->comm->size == 1 || has_grid) && !s->options.explain) || s->options.topology != NULL)
        return false;
    return al_md_costs_measure(alone, alone->units->boltzmann * s->options.temperature, costs, NULL) ==
           ALLOT_OK;
}

static void tell_costs(const al_domains_costs *costs, bool is_measured, int nranks)
{
    (void)fprintf(stderr,
                  "costs     %.3g ns an atom, %.3g ns a copy, with all threads of a rank (%s); %.3g us a "
                  "message, %.3g ns a "
                  "byte, %.3g us a sum (%s)\n",
                  costs->atom_ns, costs->copy_ns,
                  is_measured ? "measured: two small boxes on one thread, just now"
                              : "assumed: it could not be measured",
                  costs->message_ns / 1e3, costs->byte_ns, costs->sum_ns / 1e3,
                  nranks > 1 ? "measured between these ranks" : "assumed: one rank sends nothing");
}

/** The grid that is wanted, if one is: the one that was asked for; or the checkpoint's, with as many ranks,
 * so that what follows has the same bits as if it had not been interrupted. */
static bool find_grid(const al_simulation *s, int grid[3], al_domains_reason *reason)
{
    const al_checkpoint_cut *cut = &s->from.cut;
    *reason = AL_DOMAINS_ASKED;
    if (s->options.grid != NULL)
        return al_domains_parse(s->options.grid, grid);
    if (s->from.natoms == 0 || s->nranks == 1 || cut->nranks != (uint32_t)s->nranks)
        return false;
    *reason = AL_DOMAINS_KEPT;
    memcpy(grid, cut->grid, sizeof cut->grid);
    return true;
}

allot_err al_md_cut_box(al_simulation *s, const al_box *box, const al_md_opts *alone, int grid[3],
                        allot_error *err)
{
    const al_md_options *o = &s->options;
    double reach = al_simulation_reach(s);
    al_domains_job job = {.reach = reach,
                          .least = reach / 3, /* what is thinner takes a fourth message a direction */
                          .natoms = (double)o->natoms};
    al_lattice lattice;
    al_lattice_init(&lattice, box->edge, box->tilt);
    if (al_lattice_is_skewed(&lattice))
        al_lattice_shares(&lattice, job.edges, &job.corner);
    al_box_widths(box, job.box);
    al_domains_plan plan;
    al_domains_costs costs = AL_DOMAINS_COSTS_INIT;
    char text[512], forecast[2048];
    al_domains_reason reason;
    bool is_used = true, is_wanted = find_grid(s, grid, &reason);
    bool is_measured = find_costs(s, alone, is_wanted, &costs);
    allot_err code = al_md_ranks_cut(s->comm, &job, allot_pool_nthreads(s->pool), is_wanted ? grid : NULL,
                                     &costs, &plan, &is_used, err);
    if (code != ALLOT_OK)
        return code;
    plan.reason = is_wanted ? reason : plan.reason;
    s->is_idle = !is_used;
    s->plan = plan;
    s->has_plan = is_measured;
    memcpy(grid, plan.grid, sizeof plan.grid);
    (void)al_domains_explain(&job, &plan, text, sizeof text);
    bool is_told = o->explain || (plan.nranks < job.nranks && !o->quiet);
    if (is_used && s->comm->rank == 0 && job.nranks > 1 && is_told)
        (void)fprintf(stderr, "allot md: %s\n", text);
    if (is_used && s->comm->rank == 0 && o->explain) {
        tell_costs(&costs, is_measured, job.nranks);
        (void)al_domains_forecast(&job, &costs, forecast, sizeof forecast);
        (void)fputs(forecast, stderr);
    }
    return ALLOT_OK;
}
