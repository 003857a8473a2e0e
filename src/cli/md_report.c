/* md_report.c - see md_report.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/md_report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"

void al_md_report_head(FILE *out, const al_units *units, bool json)
{
    if (json)
        return;
    const char *energy = units->energy;
    (void)fprintf(out, "%10s %14s %16s %16s %16s %14s\n", "step", "temperature", "potential", "kinetic",
                  "total", "pressure");
    if (energy[0] != '\0')
        (void)fprintf(out, "%10s %14s %16s %16s %16s %14s\n", "", units->temperature, energy, energy, energy,
                      units->pressure);
}

bool al_md_report_line(FILE *out, const al_thermo *t, bool json)
{
    double n = t->per;
    if (json)
        (void)fprintf(out,
                      "{\"step\":%" PRIu64 ",\"atoms\":%" PRIu64 ",\"temperature\":%.17g,\"potential\":%.17g,"
                      "\"kinetic\":%.17g,\"total\":%.17g,\"pressure\":%.17g}\n",
                      t->step, t->natoms, t->temperature, t->potential / n, t->kinetic / n, t->total / n,
                      t->pressure);
    else
        (void)fprintf(out, "%10" PRIu64 " %14.9g %16.10g %16.10g %16.10g %14.8g\n", t->step, t->temperature,
                      t->potential / n, t->kinetic / n, t->total / n, t->pressure);
    return fflush(out) == 0 && ferror(out) == 0;
}

/** Pairs of places that kernels go through in a step. Of a cluster's own block about half count. */
static double pairs_of(const al_space *space)
{
    double nblocks = 0;
    for (uint32_t k = 0; k < space->nparts; k++) {
        const al_pair_list *list = &space->parts[k].list;
        nblocks += space->parts[k].nblocks - space->parts[k].nhalves / 2.0;
        for (uint32_t n = 0; n < list->nrows; n++)
            nblocks -= list->blocks[list->rows[n].begin] == list->rows[n].cluster / 2 ? 0.5 : 0;
    }
    return AL_CLUSTER * AL_BLOCK * nblocks;
}

/** Ranks that are done with their forces wait for others': when all agree on something, or for what comes
 * from beside them. What the slowest took more than the mean is taken out there. */
static void take_out_imbalance(al_md_times *times)
{
    static const al_md_phase where[] = {AL_MD_SUM, AL_MD_HALO};
    double left = times->worst_ns[AL_MD_FORCE] - times->mean_ns[AL_MD_FORCE];
    for (size_t k = 0; k < sizeof where / sizeof where[0]; k++) {
        double part = fmin(left, times->mean_ns[where[k]]);
        times->mean_ns[where[k]] -= part;
        times->imbalance_ns += part;
        left -= part;
    }
}

void al_md_report_gather(const al_md *md, uint64_t output_ns, al_md_times *times)
{
    al_comm *comm = md->opts.space.comm;
    *times = (al_md_times){.output_ns = (double)output_ns, .npairs = pairs_of(&md->space)};
    for (int phase = 0; phase < AL_MD_NPHASES; phase++)
        times->mean_ns[phase] = times->worst_ns[phase] = (double)md->phase_ns[phase];
    comm->sum(comm, times->mean_ns, AL_MD_NPHASES);
    comm->greatest(comm, times->worst_ns, AL_MD_NPHASES);
    comm->sum(comm, &times->npairs, 1);
    comm->sum(comm, &times->output_ns, 1);
    for (int phase = 0; phase < AL_MD_NPHASES; phase++)
        times->mean_ns[phase] /= comm->size;
    times->output_ns /= comm->size;
    take_out_imbalance(times);
}

/** A phase in sentences, and as a key. */
static const struct {
    const char *name, *key;
} phases[] = {[AL_MD_FORCE] = {"forces", "force"},
              [AL_MD_LIST] = {"lists", "list"},
              [AL_MD_PRUNE] = {"pruning", "prune"},
              [AL_MD_HALO] = {"copies", "halo"},
              [AL_MD_MIGRATE] = {"migration", "migrate"},
              [AL_MD_STEP] = {"integration", "integrate"},
              [AL_MD_MESH] = {"mesh", "mesh"},
              [AL_MD_SUM] = {"sums", "sum"}};

_Static_assert(sizeof phases / sizeof phases[0] == AL_MD_NPHASES, "each has a name");

/** What is left of the time: energies, and what is between steps. */
static double rest_ns(const al_md_end *end)
{
    double left = (double)end->loop_ns - end->times->output_ns - end->times->imbalance_ns;
    for (int phase = 0; phase < AL_MD_NPHASES; phase++)
        left -= end->times->mean_ns[phase];
    return left > 0 ? left : 0;
}

/** Whether a phase is one of this simulation's: atoms that are all alike have no mesh. */
static bool has_phase(const al_md *md, int phase)
{
    return phase != AL_MD_MESH || md->field.pme != NULL;
}

static void explain_time(FILE *out, const al_md_end *end)
{
    const al_md_times *times = end->times;
    double all = (double)end->loop_ns;
    for (int phase = 0; phase < AL_MD_NPHASES; phase++)
        if (has_phase(end->md, phase))
            (void)fprintf(out, "%s%s %.1f %%", phase == 0 ? "time      " : ", ", phases[phase].name,
                          100 * times->mean_ns[phase] / all);
    (void)fprintf(out, ", imbalance %.1f %%, output %.1f %%, the rest %.1f %%\n",
                  100 * times->imbalance_ns / all, 100 * times->output_ns / all, 100 * rest_ns(end) / all);
    if (end->md->opts.space.comm->size == 1)
        return;
    for (int phase = 0; phase < AL_MD_NPHASES; phase++)
        if (has_phase(end->md, phase))
            (void)fprintf(out, "%s%s %.2f", phase == 0 ? "ranks     the slowest takes, of the mean: " : ", ",
                          phases[phase].name, times->worst_ns[phase] / fmax(times->mean_ns[phase], 1));
    (void)fputc('\n', out);
}

/** Steps of this session. */
static double nsteps_of(const al_md_end *end)
{
    return (double)(end->latest->step - end->first->step);
}

/** What a step took, files apart. */
static double reached_ns(const al_md_end *end)
{
    return ((double)end->loop_ns - end->times->output_ns) / nsteps_of(end);
}

/** As many times as fast as one rank alone would have been, by that many ranks. */
static double reached_efficiency(const al_md_end *end)
{
    return end->plan->alone_ns / (reached_ns(end) * end->plan->nranks);
}

static void explain_efficiency(FILE *out, const al_md_end *end)
{
    const al_domains_plan *plan = end->plan;
    if (plan == NULL)
        return;
    (void)fprintf(out,
                  "expected  an efficiency of %.0f %% on %d x %u threads, %.4g ms a step; reached %.0f %%, "
                  "%.4g ms; one rank "
                  "alone would take %.4g ms, by the costs\n",
                  100 * plan->efficiency, plan->nranks, end->md->opts.space.nthreads, plan->step_ns / 1e6,
                  100 * reached_efficiency(end), reached_ns(end) / 1e6, plan->alone_ns / 1e6);
}

/** What share of the arithmetic that processors could do was done for pairs. */
static void explain_peak(FILE *out, const al_md_end *end)
{
    const al_md *md = end->md;
    const al_md_times *times = end->times;
    const al_space_opts *o = &md->opts.space;
    const uint64_t rounds = 300000;
    if (o->is_double || times->mean_ns[AL_MD_FORCE] <= 0)
        return;
    (void)o->kernels->peak(rounds / 3); /* the clock may have to come up */
    uint64_t begin_ns = al_clock_ns();
    double peak = o->kernels->peak(rounds) / (double)(al_clock_ns() - begin_ns);
    int operations = al_pair_operations(&md->opts.pairs);
    double done = times->npairs * operations * nsteps_of(end) / times->mean_ns[AL_MD_FORCE];
    (void)fprintf(out,
                  "peak      forces: %d operations a computed pair, %.3g Gflop/s; %d x %u threads do at most "
                  "%.3g with %s: %.0f %%\n",
                  operations, done, o->comm->size, o->nthreads, peak * o->comm->size * o->nthreads,
                  o->kernels->name, 100 * done / (peak * o->comm->size * o->nthreads));
}

static void explain(FILE *out, const al_md_end *end)
{
    const al_md *md = end->md;
    const al_md_times *times = end->times;
    const al_space *space = &md->space;
    const al_space_opts *o = &space->opts;
    (void)fprintf(
        out,
        "cut       a grid of %d x %d x %d domains of %.4g x %.4g x %.4g; this one: %u atoms, copies of %u "
        "(the eighth shell), %u threads\n",
        o->grid[0], o->grid[1], o->grid[2], space->domain.hi[0] - space->domain.lo[0],
        space->domain.hi[1] - space->domain.lo[1], space->domain.hi[2] - space->domain.lo[2], space->nhome,
        space->atoms.n - space->nhome, o->nthreads);
    (void)fprintf(
        out,
        "kernel    %s, %s precision; %.1f pairs an atom computed a step, listed within %.4g for a cut-off "
        "of %.4g\n",
        o->is_double ? "ref" : o->kernels->name, o->is_double ? "double" : "single",
        times->npairs / (double)md->natoms, o->reach, al_md_cutoff(md));
    (void)fprintf(out,
                  "lists     %" PRIu64 ", one for %.1f steps: an atom had moved by %.4g, half the skin\n",
                  md->nlists, md->nlists > 0 ? nsteps_of(end) / (double)md->nlists : 0,
                  (o->reach - al_md_cutoff(md)) / 2);
    if (md->opts.tolerance > 0)
        (void)fprintf(out,
                      "pruning   every %u steps, for a drift of at most %.2g an atom and time unit by the "
                      "estimate; %.2g is "
                      "allowed\n",
                      md->near_steps, md->estimate, md->opts.tolerance);
    if (md->imbalance > 0)
        (void)fprintf(out, "balance   the rank that takes longest for its forces takes %.2f times the mean\n",
                      md->imbalance);
    explain_time(out, end);
    explain_efficiency(out, end);
    explain_peak(out, end);
}

/** Simulated in a day of the clock: ns, or units of time. */
static double a_day(const al_md_end *end, bool *is_ns)
{
    *is_ns = strcmp(end->md->opts.units->time, "ps") == 0;
    double time = nsteps_of(end) * end->md->opts.dt / ((double)end->loop_ns * 1e-9) * 86400;
    return *is_ns ? time * 1e-3 : time;
}

void al_md_report_end(FILE *out, const al_md_end *end, bool is_explained)
{
    const al_md *md = end->md;
    const al_thermo *first = end->first, *latest = end->latest;
    double seconds = (double)end->loop_ns * 1e-9, nsteps = nsteps_of(end);
    bool is_ns;
    double day = a_day(end, &is_ns);
    if (is_explained && nsteps > 0)
        explain(out, end);
    (void)fprintf(
        out,
        "allot md: %.0f steps of %" PRIu64 " atoms in %.3g s: %.3g million atom-steps/s, %.4g steps/s, "
        "%.4g %s; %s went from %.8g to %.8g%s%s%s\n",
        nsteps, md->natoms, seconds, (double)md->natoms * nsteps / seconds * 1e-6, nsteps / seconds, day,
        is_ns ? "ns/day" : "time units a day",
        md->opts.ensemble.couple != NULL ? "the energy, with what heat and pressure took," : "the energy",
        first->conserved / first->per, latest->conserved / latest->per,
        md->opts.units->energy[0] != '\0' ? " " : "", md->opts.units->energy,
        latest->per > 1 ? " an atom" : "");
}

void al_md_report_json(FILE *out, const al_md_end *end)
{
    const al_md *md = end->md;
    const al_space_opts *o = &md->opts.space;
    double seconds = (double)end->loop_ns * 1e-9, nsteps = nsteps_of(end), all = (double)end->loop_ns;
    bool is_ns;
    double day = a_day(end, &is_ns);
    (void)fprintf(out,
                  "{\"steps\":%.0f,\"atoms\":%" PRIu64 ",\"ranks\":%d,\"threads\":%u,\"grid\":[%d,%d,%d],"
                  "\"seconds\":%.6g,\"atom_steps_per_s\":%.6g,\"%s\":%.6g,\"lists\":%" PRIu64
                  ",\"prunings\":%" PRIu64 ",\"imbalance\":%.6g,\"pairs_per_atom\":%.6g,\"time\":{",
                  nsteps, md->natoms, o->comm->size, o->nthreads, o->grid[0], o->grid[1], o->grid[2], seconds,
                  (double)md->natoms * nsteps / seconds, is_ns ? "ns_per_day" : "time_per_day", day,
                  md->nlists, md->nprunings, md->imbalance, end->times->npairs / (double)md->natoms);
    for (int phase = 0; phase < AL_MD_NPHASES; phase++)
        if (has_phase(md, phase))
            (void)fprintf(out, "\"%s\":%.6g,", phases[phase].key, end->times->mean_ns[phase] / all);
    (void)fprintf(out, "\"imbalance\":%.6g,\"output\":%.6g,\"rest\":%.6g}", end->times->imbalance_ns / all,
                  end->times->output_ns / all, rest_ns(end) / all);
    if (md->field.pme != NULL)
        (void)fprintf(out, ",\"pme\":{\"mesh\":[%d,%d,%d],\"cutoff\":%.9g}", md->opts.field.mesh[0],
                      md->opts.field.mesh[1], md->opts.field.mesh[2], md->opts.pairs.coulomb_cutoff);
    if (end->plan != NULL && nsteps > 0)
        (void)fprintf(out,
                      ",\"efficiency\":{\"expected\":%.6g,\"reached\":%.6g,\"expected_step_ms\":%.6g,"
                      "\"reached_step_ms\":%.6g,\"alone_step_ms\":%.6g}",
                      end->plan->efficiency, reached_efficiency(end), end->plan->step_ns / 1e6,
                      reached_ns(end) / 1e6, end->plan->alone_ns / 1e6);
    (void)fputs("}\n", out);
}
