/* md_main.c - allot-md: the simulation itself, as `allot md` starts it.
 *
 * This file reads the command line and tells the story in order: begin, go on step by step, report. Signals
 * ask for an end after the step that is being done; a second one ends the program on the spot.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "cli/md_check.h"
#include "cli/md_costs.h"
#include "cli/md_files.h"
#include "cli/md_log.h"
#include "cli/md_minimum.h"
#include "cli/md_options.h"
#include "cli/md_output.h"
#include "cli/md_ranks.h"
#include "cli/md_report.h"
#include "cli/md_step.h"
#include "cli/md_tune.h"
#include "md/box.h"
#include "md/read/positions.h"
#include "md/setup.h"
#include "md/split.h"
#include "md/start.h"
#include "monitor/progress.h"

/* A step is a row of short loops; between them threads stay awake. */
#define SPIN_NS UINT64_C(1000000)

/* What help knows of: in this program, one. */
const al_command *const al_commands[] = {&al_command_md};
const size_t al_ncommands = 1;

static volatile sig_atomic_t stop; /* the signal that asked for an end */

static void ask_to_stop(int number)
{
    if (stop != 0 && number != SIGUSR1) /* launchers pass that on more than once */
        _exit(AL_EXIT_SIGNAL + number);
    if (stop == 0)
        stop = number;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = SA_RESTART};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGUSR1, &action, NULL); /* launchers end others in a hurry; Slurm's notice */
    (void)signal(SIGPIPE, SIG_IGN);
}

/** What is simulated. */
typedef struct simulation {
    al_md_options options;
    al_comm *comm;
    al_setup setup;
    al_md md;
    allot_pool *pool;
    al_md_files files;  /* of molecules; or a structure alone */
    al_checkpoint from; /* natoms 0: it begins */
    al_box conf_box;    /* of molecules' structure */
    al_split split;     /* that it begins with, where it is not the one that is asked for */
    al_md_output output;
    al_md_log log;
    al_thermo first, latest;
    _Atomic double told_temperature, told_drift, told_potential,
        told_fmax;              /* what the progress line says of the latest energies */
    uint64_t start_ns, loop_ns; /* when the first step began, and how long all took */
    uint64_t output_ns;         /* of that, for what is written */
    al_domains_plan plan;
    bool has_plan;      /* it is of costs that were measured */
    al_minimum minimum; /* of a minimisation */
    bool timed_out;
    int nranks;   /* that there are, idle ones too */
    bool is_idle; /* this rank is one too many */
} simulation;

/** What there is before the simulation: a structure, or a checkpoint to go on from. */
static allot_err read_files(simulation *s, allot_error *err)
{
    al_md_options *o = &s->options;
    allot_error warning = {.text = ""};
    allot_err code = ALLOT_OK;
    if (o->topology != NULL) {
        code = al_md_files_read(o, &s->files, err);
        if (s->comm->rank == 0 && !o->quiet)
            al_md_files_warn(&s->files);
    } else if (o->conf != NULL) {
        code = al_positions_read(o->conf, &s->files.gro, err);
        s->files.has_gro = code == ALLOT_OK;
    }
    if (code == ALLOT_OK && o->conf != NULL) {
        o->natoms = s->files.gro.natoms;
        if (o->natoms < 2)
            code = al_fail(err, ALLOT_ERANGE, 0, "%s: at least two atoms are wanted", o->conf);
    }
    if (code == ALLOT_OK && o->topology != NULL) {
        al_md_files_apply(&s->files, o);
        if (o->minimiser != AL_MD_STEPS)
            al_minimise_even_masses(&s->files.topology);
        if (o->minimiser != AL_MD_STEPS && o->resumes)
            code =
                al_fail(err, ALLOT_EINVAL, 0,
                        "--resume: a minimisation keeps nothing but where atoms are: begin again, in another "
                        "folder, with -c %s/final.gro",
                        o->output);
        o->cutoff = al_setup_cutoff(&s->files.mdp);
    }
    if (code != ALLOT_OK || !o->resumes)
        return code;
    code = al_md_output_recall(o, &s->from, &warning, err);
    if (code == ALLOT_OK && warning.text[0] != '\0' && s->comm->rank == 0)
        al_complain("md", "%s", warning.text);
    return code == ALLOT_ENOTFOUND ? ALLOT_OK : code;
}

/** The step that it begins or goes on at. */
static uint64_t begin_of(const simulation *s)
{
    return s->from.natoms > 0 ? s->from.step : s->options.first_step;
}

static allot_err find_box(const simulation *s, al_box *box, allot_error *err)
{
    const al_md_options *o = &s->options;
    bool is_read = s->from.natoms == 0 && o->conf != NULL, was_reduced = false;
    double edge = al_start_edge(o->natoms, o->density);
    *box = (al_box){.edge = {edge, edge, edge}};
    if (s->from.natoms == 0 && !is_read)
        return ALLOT_OK;
    allot_err code = al_box_take(is_read ? s->files.gro.box : s->from.box, is_read ? o->conf : o->output, box,
                                 &was_reduced, err);
    if (code == ALLOT_OK && was_reduced && is_read && s->comm->rank == 0 && !o->quiet)
        al_complain(
            "md",
            "%s: the box leans by more than half an edge: taken as %.5f %.5f %.5f 0 0 %.5f 0 %.5f %.5f, "
            "which is the same crystal",
            o->conf, box->edge[0], box->edge[1], box->edge[2], box->tilt[0], box->tilt[1], box->tilt[2]);
    return code;
}

/** How electrostatics of molecules are split between pairs and mesh: as the checkpoint has it, or as is asked
 * for, by run parameters or --tune-pme. The mesh is that of the box that they began with. */
static allot_err find_split(simulation *s, allot_error *err)
{
    const al_md_options *o = &s->options;
    bool was_reduced;
    al_split asked;
    allot_error found;
    if (o->topology == NULL)
        return ALLOT_OK;
    allot_err code = al_box_take(s->files.gro.box, o->conf, &s->conf_box, &was_reduced, err);
    if (code != ALLOT_OK)
        return code;
    al_setup_split(&s->files.mdp, &s->conf_box, &asked);
    if (s->from.natoms > 0) {
        s->split = s->from.split;
        return s->split.cutoff == 0 || al_split_is_of(&asked, &s->split)
                   ? ALLOT_OK
                   : al_fail(err, ALLOT_EINVAL, 0,
                             "%s/checkpoint was made with other electrostatics than %s has (rcoulomb, "
                             "fourierspacing): say the same, or start anew",
                             o->output, o->parameters);
    }
    if (o->tune != AL_MD_TUNE_FACTOR)
        return ALLOT_OK;
    if (asked.cutoff == 0)
        return al_fail(err, ALLOT_EINVAL, 0, "--tune-pme: %s has electrostatics without a mesh (coulombtype)",
                       o->parameters);
    code = al_split_coarser(&asked, (int)s->files.mdp.pme_order, o->tune_factor, &s->split, &found);
    if (code != ALLOT_OK)
        return al_fail(err, ALLOT_EINVAL, 0, "--tune-pme %s: %s", o->tune_text, found.text);
    if (s->split.cutoff == asked.cutoff) /* no mesh is that little coarser */
        s->split = (al_split){.cutoff = 0};
    return ALLOT_OK;
}

/** How far pairs are listed. */
static double reach_of(const simulation *s)
{
    return fmax(s->options.cutoff, s->split.cutoff) + s->options.skin;
}

static allot_err check_box(const simulation *s, const al_box *box, allot_error *err)
{
    double reach = reach_of(s), widths[3];
    al_box_widths(box, widths);
    for (int d = 0; d < 3; d++)
        if (!(widths[d] >= reach))
            return al_fail(err, ALLOT_ERANGE, 0,
                           "a box of %g x %g x %g between its faces for %llu atoms is shorter than cut-off "
                           "and skin, %g: take %s",
                           widths[0], widths[1], widths[2], (unsigned long long)s->options.natoms, reach,
                           s->split.cutoff > 0
                               ? "a larger box (gmx editconf -d), or a smaller factor of --tune-pme"
                           : s->options.topology != NULL
                               ? "a larger box (gmx editconf -d), or shorter cut-offs in the parameters"
                               : "more atoms, or a shorter cut-off");
    return ALLOT_OK;
}

/** All atoms, in the order of their ids, of a file or of a checkpoint: those whose leader is in the domain
 * are this rank's. */
static allot_err add_atoms(simulation *s, al_atom *atoms, uint64_t n, allot_error *err)
{
    al_space *space = &s->md.space;
    const al_groups *groups = &space->opts.groups;
    allot_err code = ALLOT_OK;
    if (groups->leader != NULL)
        al_groups_enter(groups, &space->domain, atoms, n);
    for (uint64_t k = 0; k < n && code == ALLOT_OK; k++) {
        al_atom atom = atoms[k];
        double lead[3];
        bool has_leader = groups->leader != NULL && groups->leader(groups->arg, k) != k;
        memcpy(lead, has_leader ? atoms[groups->leader(groups->arg, k)].x : atom.x, sizeof lead);
        bool is_here = al_space_claim(space, lead);
        if (groups->leader == NULL)
            memcpy(atom.x, lead, sizeof lead);
        if (is_here)
            code = al_space_add(space, &atom, 1, err);
    }
    return code;
}

static void draw_velocities(simulation *s)
{
    const al_md_options *o = &s->options;
    al_start_velocities(&s->md.space, o->natoms, al_md_units(o)->boltzmann * o->temperature, o->seed);
}

/** Atoms of the structure that was read. */
static allot_err add_structure(simulation *s, allot_error *err)
{
    const al_gro *gro = &s->files.gro;
    bool draws = s->files.has_mdp ? s->files.mdp.gen_vel : gro->v == NULL;
    al_atom *atoms = calloc(gro->natoms, sizeof *atoms);
    if (atoms == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    for (uint64_t k = 0; k < gro->natoms; k++) {
        atoms[k].id = k;
        memcpy(atoms[k].x, &gro->x[3 * k], sizeof atoms[k].x);
        if (gro->v != NULL && !draws)
            memcpy(atoms[k].v, &gro->v[3 * k], sizeof atoms[k].v);
    }
    allot_err code = add_atoms(s, atoms, gro->natoms, err);
    free(atoms);
    if (code == ALLOT_OK && draws)
        draw_velocities(s);
    return code;
}

static allot_err add_all(simulation *s, const al_box *box, allot_error *err)
{
    const al_md_options *o = &s->options;
    if (s->from.natoms > 0)
        return add_atoms(s, s->from.atoms, s->from.natoms, err);
    if (o->conf != NULL)
        return add_structure(s, err);
    allot_err code = al_start_lattice(&s->md.space, o->natoms, box->edge[0], err);
    if (code == ALLOT_OK)
        draw_velocities(s);
    return code;
}

/** 4 epsilon ((sigma/r)^12 - (sigma/r)^6), and how it ends. */
static al_pair_params pair_params(const al_md_options *o)
{
    static const al_pair_lj forms[] = {AL_PAIR_LJ_CUT, AL_PAIR_LJ_CUT, AL_PAIR_LJ_FORCE_SWITCH,
                                       AL_PAIR_LJ_POTENTIAL_SWITCH}; /* by AL_MD_CUT and so on */
    double six = pow(o->sigma, 6);
    return (al_pair_params){.lj = forms[o->modifier],
                            .is_shifted = o->modifier == AL_MD_SHIFT,
                            .c6 = 4 * o->epsilon * six,
                            .c12 = 4 * o->epsilon * six * six,
                            .lj_cutoff = o->cutoff,
                            .switch_from = al_md_switch_from(o)};
}

static al_md_opts md_opts(const simulation *s, const al_box *box, const int grid[3],
                          const al_kernels *kernels, uint32_t nthreads)
{
    const al_md_options *o = &s->options;
    return (al_md_opts){.space = {.comm = s->comm,
                                  .box = {box->edge[0], box->edge[1], box->edge[2]},
                                  .tilt = {box->tilt[0], box->tilt[1], box->tilt[2]},
                                  .grid = {grid[0], grid[1], grid[2]},
                                  .reach = o->cutoff + o->skin,
                                  .near = o->cutoff + (o->near_skin < o->skin ? o->near_skin : o->skin),
                                  .density = (double)o->natoms / (box->edge[0] * box->edge[1] * box->edge[2]),
                                  .masses = {.same = o->mass},
                                  .is_double = o->precision == AL_MD_DOUBLE,
                                  .kernels = kernels,
                                  .pool = s->pool,
                                  .nthreads = nthreads},
                        .pairs = pair_params(o),
                        .has_dispersion = o->has_dispersion,
                        .has_dispersion_pressure = o->has_dispersion,
                        .dt = o->dt,
                        .integrator = o->integrator == AL_MD_LEAP_FROG ? AL_LEAP_FROG : AL_VELOCITY_VERLET,
                        .still_every = o->still_every,
                        .tolerance = o->tolerance,
                        .balance_every = o->balance == AL_MD_BALANCE_AUTO ? 10 : 0,
                        .units = al_md_units(o),
                        .stop = &stop,
                        .deadline_ns = o->has_timeout ? o->begin_ns + o->timeout_ns : 0};
}

/** Of rank 0; the others learn of it when that fails. */
static allot_err open_log(simulation *s, allot_error *err)
{
    const al_md_options *o = &s->options;
    char path[PATH_MAX];
    if (s->comm->rank != 0 || o->output == NULL)
        return ALLOT_OK;
    (void)snprintf(path, sizeof path, "%s/md.log", o->output);
    return al_md_log_open(&s->log, path, o, &s->md, err);
}

/** What an atom and a copy cost, where somebody wants to know. @return whether it was measured */
static bool find_costs(const simulation *s, const al_box *box, const al_kernels *kernels, bool has_grid,
                       al_domains_costs *costs)
{
    static const int one[3] = {1, 1, 1};
    if (((s->comm->size == 1 || has_grid) && !s->options.explain) || s->options.topology != NULL)
        return false;
    al_md_opts like = md_opts(s, box, one, kernels, 1);
    return al_md_costs_measure(&like, like.units->boltzmann * s->options.temperature, costs, NULL) ==
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
static bool find_grid(const simulation *s, int grid[3], al_domains_reason *reason)
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

/** Cut the box for the ranks that there are. */
static allot_err cut_box(simulation *s, const al_box *box, uint32_t nthreads, const al_kernels *kernels,
                         int grid[3], allot_error *err)
{
    const al_md_options *o = &s->options;
    double reach = reach_of(s);
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
    bool is_measured = find_costs(s, box, kernels, is_wanted, &costs);
    allot_err code =
        al_md_ranks_cut(s->comm, &job, nthreads, is_wanted ? grid : NULL, &costs, &plan, &is_used, err);
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

/** Edges of domains where the checkpoint has them, if the grid is the same. */
static allot_err restore_edges(simulation *s, const int grid[3], allot_error *err)
{
    const al_checkpoint_cut *cut = &s->from.cut;
    allot_error found;
    if (s->from.natoms == 0 || cut->edges == NULL || memcmp(grid, cut->grid, sizeof cut->grid) != 0)
        return ALLOT_OK;
    allot_err code = al_space_cut(&s->md.space, cut->edges, &found);
    return code == ALLOT_OK ? code
                            : al_fail(err, code, 0, "%s/checkpoint: %s", s->options.output, found.text);
}

/** What thermostat and barostat remember, from the checkpoint. */
static allot_err restore_ensemble(simulation *s, allot_error *err)
{
    if (s->from.natoms == 0)
        return ALLOT_OK;
    if (s->from.nkept != al_ensemble_nkept(&s->md.ensemble))
        return al_fail(
            err, ALLOT_EINVAL, 0,
            "%s/checkpoint was made with other thermostats or barostats: say the same, or start anew",
            s->options.output);
    al_ensemble_recall(&s->md.ensemble, s->from.kept);
    return ALLOT_OK;
}

/** Molecules, as their files say. The mesh, and how blocks are cut, are those of the box that they began
 * with, whatever pressure made of it since: so a restart has the same bits. */
static allot_err set_up(simulation *s, al_md_opts *opts, allot_error *err)
{
    const al_md_options *o = &s->options;
    const al_setup_files files = {.mdp = &s->files.mdp,
                                  .mdp_name = o->parameters,
                                  .topology = &s->files.topology,
                                  .index = &s->files.index,
                                  .reference = s->files.has_reference ? &s->files.reference : NULL,
                                  .reference_name = o->reference,
                                  .seed = o->seed};
    const double *edge = s->conf_box.edge;
    allot_err code = al_setup_make(&s->setup, &files, &s->conf_box, opts, err);
    opts->space.density = (double)o->natoms / (edge[0] * edge[1] * edge[2]);
    if (code == ALLOT_OK && s->split.cutoff > 0)
        al_split_apply(&s->split, opts);
    if (s->from.natoms > 0)
        opts->settles_start = opts->begins_late = false;
    return code;
}

/** Threads for each of the ranks on this machine, who share what it offers. */
static uint64_t share_threads(void)
{
    uint64_t n = allot_pool_nthreads(NULL) / al_md_step_nlocal();
    return n > 0 ? n : 1;
}

static allot_err open_md(simulation *s, allot_error *err)
{
    const al_md_options *o = &s->options;
    allot_pool_opts pool = ALLOT_POOL_OPTS_INIT;
    const al_kernels *kernels = al_kernels_find(o->kernel);
    al_box box;
    int grid[3];
    if (kernels == NULL)
        return al_fail(err, ALLOT_EINVAL, 0,
                       "--kernel %.40s: there is no such kernel, or this processor does not run it",
                       o->kernel);
    allot_err code = find_box(s, &box, err);
    if (code == ALLOT_OK)
        code = find_split(s, err);
    if (code == ALLOT_OK)
        code = check_box(s, &box, err);
    pool.spin_ns = SPIN_NS;
    pool.nthreads = (uint32_t)(o->nthreads > 0 ? o->nthreads : share_threads());
    if (code == ALLOT_OK)
        code = allot_pool_create(&s->pool, &pool, err);
    if (code == ALLOT_OK)
        code = cut_box(s, &box, pool.nthreads, kernels, grid, err);
    if (code != ALLOT_OK || s->is_idle)
        return code;
    al_md_opts opts = md_opts(s, &box, grid, kernels, pool.nthreads);
    if (o->topology != NULL)
        code = set_up(s, &opts, err);
    if (code == ALLOT_OK)
        code = al_md_open(&s->md, &opts, err);
    if (code == ALLOT_OK)
        code = restore_edges(s, grid, err);
    if (code == ALLOT_OK)
        code = restore_ensemble(s, err);
    if (code == ALLOT_OK)
        code = add_all(s, &box, err);
    if (code == ALLOT_OK)
        code = al_md_start(&s->md, begin_of(s), err);
    if (code == ALLOT_OK)
        code = al_md_output_open(&s->output, o, &s->md,
                                 &(al_md_output_facts){.nranks = s->nranks,
                                                       .from = s->from.natoms > 0 ? &s->from : NULL,
                                                       .conf = o->conf != NULL ? &s->files.gro : NULL,
                                                       .setup = &s->setup},
                                 err);
    if (code == ALLOT_OK)
        code = open_log(s, err);
    return code;
}

static void read_progress(void *arg, al_progress_state *state)
{
    const simulation *s = arg;
    *state = (al_progress_state){
        .ndone = s->md.step, .ntotal = s->options.nsteps, .fraction = -1, .nbefore = begin_of(s)};
    double days = (double)(al_clock_ns() - s->start_ns) * 1e-9 / 86400;
    double time = (double)(state->ndone - begin_of(s)) * s->options.dt;
    bool is_ps = s->options.units == AL_MD_REAL;
    if (s->options.minimiser != AL_MD_STEPS) {
        (void)snprintf(state->remark, sizeof state->remark, "potential %.6g, largest force %.4g",
                       s->told_potential, s->told_fmax);
        return;
    }
    (void)snprintf(state->remark, sizeof state->remark, "%.3g %s, T %.4g, drift %.0e",
                   (is_ps ? 1e-3 : 1) * time / days, is_ps ? "ns/day" : "tau/day", s->told_temperature,
                   s->told_drift); /* short: what is left of the time comes behind it, in 79 columns */
}

static al_progress *start_progress(simulation *s)
{
    al_progress *progress = NULL;
    bool is_terminal = isatty(STDERR_FILENO) != 0 || getenv(AL_MD_TERMINAL) != NULL;
    al_progress_opts opts = {.unit = "steps",
                             .read = read_progress,
                             .arg = s,
                             .fd = STDERR_FILENO,
                             .is_terminal = is_terminal,
                             .delay_ms = 2000,
                             .every_ms = is_terminal ? 100 : 5000};
    bool wanted = s->options.progress == AL_MD_PROGRESS_ALWAYS ||
                  (s->options.progress == AL_MD_PROGRESS_AUTO && is_terminal);
    if (wanted && !s->options.quiet && s->comm->rank == 0)
        (void)!al_progress_start(&opts, &progress, NULL);
    return progress;
}

/** Whether this rank wants to stop. */
static bool is_stopped(const simulation *s)
{
    return stop != 0 || (s->options.has_timeout && al_clock_ns() >= s->md.opts.deadline_ns);
}

/** The energy of all is kept but for what steps of finite length cost: little, compared with what atoms have
 * to move by. When it changes by half of that between two looks, what follows is no simulation. The same on
 * all ranks. */
static allot_err check_jump(const simulation *s, const al_thermo *before, allot_error *err)
{
    const al_thermo *now = &s->latest;
    double jump = fabs(now->conserved - before->conserved);
    if (jump <= 0.5 * fmax(now->kinetic, before->kinetic) + 1e-4 * fabs(now->potential))
        return ALLOT_OK;
    return al_fail(err, ALLOT_ERANGE, 0,
                   "step %" PRIu64 ": the total energy jumped from %.6g an atom at step %" PRIu64
                   " to %.6g, by more than half of the kinetic energy: the system blew up; a shorter --dt "
                   "may help, or atoms "
                   "that are less close to each other at first",
                   now->step, before->conserved / (double)now->natoms, before->step,
                   now->conserved / (double)now->natoms);
}

/** All time that steps have taken so far. */
static uint64_t spent_ns(const al_md *md)
{
    uint64_t sum = 0;
    for (int phase = 0; phase < AL_MD_NPHASES; phase++)
        sum += md->phase_ns[phase];
    return sum;
}

/** What is due at the step that it is at is written. */
static allot_err write_due(simulation *s, bool is_wanted, allot_error *err)
{
    uint64_t begin_ns = al_clock_ns(), spent = spent_ns(&s->md);
    allot_err code = ALLOT_OK;
    if (is_wanted && s->comm->rank == 0 && !al_md_report_line(stdout, &s->latest, s->options.json))
        return al_fail(err, ALLOT_EIO, 0, "standard output cannot be written");
    if (is_wanted && s->comm->rank == 0)
        code = al_md_log_step(&s->log, &s->latest, err);
    if (code == ALLOT_OK)
        code = al_md_output_step(&s->output, &s->md, &s->latest, err);
    s->output_ns += al_clock_ns() - begin_ns - (spent_ns(&s->md) - spent); /* a renewal is no output */
    return code;
}

/** What is due at the step that it is at. */
static allot_err tell(simulation *s, bool is_first, allot_error *err)
{
    const al_md_options *o = &s->options;
    bool is_wanted = is_first || (o->told_every > 0 && s->md.step % o->told_every == 0) ||
                     s->md.step == o->nsteps || is_stopped(s);
    const al_thermo before = s->latest;
    al_md_thermo(&s->md, &s->latest);
    if (is_first)
        s->first = s->latest;
    allot_err code = is_first ? ALLOT_OK : check_jump(s, &before, err);
    if (code != ALLOT_OK)
        return code;
    s->told_temperature = s->latest.temperature;
    s->told_drift = s->latest.conserved / s->first.conserved - 1;
    return write_due(s, is_wanted, err);
}

/** Another split of electrostatics, if that is faster. Step 0 is told of with the one that is asked for; what
 * energies are compared with is then that of the other. A run that goes on has the one that it had. */
static allot_err tune(simulation *s, allot_error *err)
{
    const al_md_options *o = &s->options;
    al_md_tuning tuning;
    if (o->tune != AL_MD_TUNE_AUTO || s->md.field.pme == NULL || s->from.natoms > 0 ||
        s->md.step >= o->nsteps)
        return ALLOT_OK;
    allot_err code = al_md_tune(&s->md, (double)(o->nsteps - s->md.step), &tuning, err);
    if (code != ALLOT_OK)
        return code;
    al_md_thermo(&s->md, &s->latest);
    if (tuning.plan.split > 0)
        s->first = s->latest;
    if (s->comm->rank == 0)
        al_md_log_tuning(&s->log, &tuning, &s->latest, s->md.opts.units);
    if (s->comm->rank == 0 && o->explain)
        al_md_tune_tell(stderr, &tuning, s->md.opts.units, "pme       ");
    return ALLOT_OK;
}

static allot_err go_on(simulation *s, allot_error *err)
{
    const al_md_options *o = &s->options;
    allot_err code = tell(s, true, err);
    if (code == ALLOT_OK)
        code = tune(s, err);
    bool is_asked = code == ALLOT_OK && al_md_ranks_any(s->comm, stop != 0);
    while (code == ALLOT_OK && !is_asked && !s->timed_out && s->md.step < o->nsteps) {
        code = al_md_advance(&s->md, al_md_output_wait(o, s->md.step), err);
        if (code == ALLOT_OK)
            code = tell(s, false, err);
        if (code != ALLOT_OK)
            break; /* perhaps here alone: see simulate() */
        s->timed_out = al_md_ranks_any(s->comm, stop == 0 && is_stopped(s));
        is_asked = al_md_ranks_any(s->comm, stop != 0);
    }
    if (code == ALLOT_OK)
        code = al_md_output_end(&s->output, &s->md, s->md.step >= o->nsteps, err);
    return code;
}

/** A step of a minimisation: whatever is due, and at its end all. */
static allot_err tell_minimum(void *arg, const al_minimum *now, allot_error *err)
{
    simulation *s = arg;
    al_md_options *o = &s->options;
    bool is_over = now->end != AL_MINIMUM_GOES_ON,
         is_due = o->told_every > 0 && now->step % o->told_every == 0;
    s->told_potential = now->thermo.potential;
    s->told_fmax = now->fmax;
    s->latest = now->thermo;
    if (is_over)
        o->nsteps = now->step; /* there are no more */
    allot_err code = ALLOT_OK;
    if (s->comm->rank == 0 && (now->step == 0 || is_due || is_over)) {
        if (!al_md_minimum_line(stdout, now, o->json))
            return al_fail(err, ALLOT_EIO, 0, "standard output cannot be written");
        code = al_md_log_minimum(&s->log, now, err);
    }
    return code == ALLOT_OK ? al_md_output_step(&s->output, &s->md, &s->latest, err) : code;
}

static allot_err go_down(simulation *s, allot_error *err)
{
    const al_md_options *o = &s->options;
    const al_minimise_opts opts = {.method = o->minimiser == AL_MD_LBFGS ? AL_LBFGS : AL_STEEPEST_DESCENT,
                                   .tolerance = o->tolerance_force,
                                   .step = o->first_length,
                                   .nsteps = o->nsteps,
                                   .ncorrections = (uint32_t)o->ncorrections,
                                   .tell = tell_minimum,
                                   .arg = s};
    allot_err code = al_minimise(&s->md, &opts, &s->minimum, err);
    s->timed_out = code == ALLOT_OK && s->minimum.end == AL_MINIMUM_STOPPED && stop == 0;
    return code == ALLOT_OK ? al_md_output_minimum(&s->output, &s->md, err) : code;
}

static int status_of(const simulation *s, allot_err code)
{
    if (code != ALLOT_OK)
        return code == ALLOT_EINVAL ? AL_EXIT_USAGE : AL_EXIT_FAILED;
    return stop != 0 ? AL_EXIT_SIGNAL + stop : s->timed_out ? AL_EXIT_TIMEOUT : AL_EXIT_OK;
}

/** What an atom is called where it came from a file. */
static const char *called(const simulation *s, uint64_t id, char text[64])
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

/** Of what all ranks know the first one is heard; the others are ended by that, however busy the machine is.
 */
static void leave_it_to_the_first(const simulation *s, int status)
{
    const struct timespec a_while = {.tv_sec = 10};
    if (s->comm->rank > 0 && nanosleep(&a_while, NULL) != 0)
        _exit(status);
}

/** Of a simulation that blew up because an atom went astray: which, added to the sentence. All ranks know. */
static void add_astray(const simulation *s, char *why, size_t room)
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

static allot_err tell_minimum_end(simulation *s)
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

/** Collective. */
static allot_err tell_end(simulation *s, bool is_first)
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

static void close_all(simulation *s)
{
    al_md_close(&s->md);
    al_setup_fini(&s->setup);
    allot_pool_destroy(s->pool);
    al_md_files_fini(&s->files);
    if (s->from.natoms > 0)
        al_checkpoint_fini(&s->from);
}

static int simulate(simulation *s)
{
    allot_error err;
    allot_err code = read_files(s, &err);
    if (code == ALLOT_OK)
        code = open_md(s, &err);
    if (code == ALLOT_OK && !s->is_idle) {
        if (s->comm->rank == 0)
            (s->options.minimiser != AL_MD_STEPS ? al_md_minimum_head : al_md_report_head)(
                stdout, al_md_units(&s->options), s->options.json);
        al_progress *progress = start_progress(s);
        s->start_ns = al_clock_ns();
        memset(s->md.phase_ns, 0, sizeof s->md.phase_ns); /* so far it has begun */
        code = s->options.minimiser != AL_MD_STEPS ? go_down(s, &err) : go_on(s, &err);
        s->loop_ns = al_clock_ns() - s->start_ns;
        al_progress_stop(progress);
    }
    uint64_t saved = 0;
    bool is_saved = code != ALLOT_OK && al_md_output_save(&s->output, &saved);
    allot_err closed = al_md_output_close(&s->output, code == ALLOT_OK ? &err : NULL);
    code = code == ALLOT_OK ? closed : code;
    char why[1024];
    (void)snprintf(why, sizeof why, "%s", code != ALLOT_OK ? err.text : "");
    if (code == ALLOT_ERANGE && s->md.astray.moved > 0) {
        add_astray(s, why, sizeof why);
        leave_it_to_the_first(s, status_of(s, code));
    }
    if (is_saved)
        al_complain("md", "what there was at step %llu is in %s/checkpoint", (unsigned long long)saved,
                    s->options.output);
    if (code != ALLOT_OK && s->comm->size > 1) /* the others may know nothing of it */
        s->comm->fail(s->comm, status_of(s, code), why);
    bool is_first = s->comm->rank == 0 && !s->is_idle;
    if (code != ALLOT_OK)
        al_complain("md", "%s", why);
    else if (!s->is_idle)
        code = tell_end(s, is_first);
    if (code == ALLOT_OK && s->options.output != NULL && s->md.step < s->options.nsteps && is_first)
        al_complain("md", "ended at step %llu of %llu; the same command with --resume goes on",
                    (unsigned long long)s->md.step, (unsigned long long)s->options.nsteps);
    close_all(s);
    return status_of(s, code);
}

/** As many steps as take a third of a second: an al_md_speed_fn. */
static allot_err try_speed(void *arg, double *ns_per_day, allot_error *err)
{
    simulation *s = arg;
    uint64_t nsteps = 1, spent = 0;
    s->options.quiet = true; /* what there is to say of files has been said */
    s->options.output = NULL;
    s->comm = al_md_ranks_open();
    s->nranks = s->comm->size;
    allot_err code = read_files(s, err);
    if (code == ALLOT_OK)
        code = open_md(s, err);
    while (code == ALLOT_OK && !s->is_idle && spent < UINT64_C(300000000)) {
        uint64_t begin = al_clock_ns();
        code = al_md_advance(&s->md, nsteps, err);
        spent = al_clock_ns() - begin;
        *ns_per_day = (double)nsteps * s->options.dt * 1e-3 / ((double)spent * 1e-9) * 86400;
        nsteps *= 2;
    }
    close_all(s);
    s->comm->close(s->comm);
    return code;
}

int al_md_run(int argc, char **argv)
{
    static simulation s;
    int noperands, status;
    s.options = al_md_options_default();
    if (!al_option_parse(&al_command_md, argc, argv, &s.options, &noperands, &status))
        return status;
    if (!al_md_options_check(&s.options, noperands))
        return AL_EXIT_USAGE;
    if (s.options.checks)
        return al_md_check(&s.options, try_speed, &s);
    catch_signals();
    uint32_t ntasks = al_md_step_ntasks();
    s.comm = al_md_ranks_open();
    s.nranks = s.comm->size;
    bool is_lost = ntasks > 1 && s.nranks == 1 && s.options.nranks != 1;
    if (is_lost)
        al_md_step_complain(ntasks);
    status = is_lost ? AL_EXIT_USAGE : simulate(&s);
    s.comm->close(s.comm);
    if (fflush(stdout) != 0 && status == AL_EXIT_OK)
        status = AL_EXIT_FAILED;
    return status;
}

int main(int argc, char **argv)
{
    return al_md_run(argc, argv);
}
