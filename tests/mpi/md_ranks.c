/* md_ranks.c - whole simulations on ranks, for tests: md_ranks droplet|restart|minimise|traffic
 *
 *   droplet EVERY  a crystal that melts in a corner of a box that is empty but for it; EVERY lists edges are
 * moved, or never (0). Prints the imbalance of computed pairs, at first and in the end, and the energy
 *   restart FILE   the same, but smaller; when edges have moved they stay, a checkpoint is written, and what
 * goes on from it has the bits of what goes on without
 *   minimise METHOD  a crystal out of shape, by al_minimiser: energy, greatest force and its atom of each
 * step; at last, how many atoms came to another rank traffic        boxes of atoms: messages and bytes that
 * halos send, and what the plan foretold
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "md/checkpoint.h"
#include "md/gather.h"
#include "md/md.h"
#include "md/minimise.h"
#include "md/start.h"
#include "plan/domains.h"
#include "support/prop.h"

#define require(comm, property)                                                                              \
    do {                                                                                                     \
        if (!(property))                                                                                     \
            (comm)->fail((comm), 1, #property);                                                              \
    } while (0)

/* ---- a droplet ------------------------------------------------------------------------------------------
 */

/** The greatest number of pairs that a rank computes by the mean. Counted, so it does not depend on whose
 * turn it is. */
static double imbalance_of(const al_md *md)
{
    al_comm *comm = md->opts.space.comm;
    double npairs = 0, most, sum;
    for (uint32_t k = 0; k < md->space.nparts; k++)
        npairs += md->space.parts[k].nblocks;
    most = sum = npairs;
    comm->sum(comm, &sum, 1);
    comm->greatest(comm, &most, 1);
    return most * comm->size / sum;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/** Of n values, which are sorted. */
static double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, by_value);
    return values[n / 2];
}

/** n^3 / 2 atoms of an fcc crystal in a corner. */
static void add_crystal(al_md *md, int n, double cell)
{
    al_comm *comm = md->opts.space.comm;
    uint64_t id = 0;
    for (int k = 0; k < n * n * n; k++) {
        int at[3] = {k % n, k / n % n, k / n / n};
        al_atom atom = {.id = id};
        if ((at[0] + at[1] + at[2]) % 2 != 0)
            continue;
        for (int d = 0; d < 3; d++)
            atom.x[d] = 0.4 + cell / 2 * at[d];
        if (id++ % (uint64_t)comm->size == (uint64_t)comm->rank)
            require(comm, al_space_add(&md->space, &atom, 1, NULL) == ALLOT_OK);
    }
    al_start_velocities(&md->space, id, 0.6, 1);
}

static al_md_opts droplet_opts(al_comm *comm, double edge, uint64_t every)
{
    const int grids[9][3] = {[1] = {1, 1, 1}, [2] = {2, 1, 1}, [4] = {2, 2, 1}, [8] = {2, 2, 2}};
    const int *grid = grids[comm->size];
    return (al_md_opts){.space = {.comm = comm,
                                  .box = {edge, edge, edge},
                                  .grid = {grid[0], grid[1], grid[2]},
                                  .reach = 2.8,
                                  .near = 2.6,
                                  .density = 0.8,
                                  .masses = {.same = 1},
                                  .kernels = al_kernels_find(NULL),
                                  .nthreads = 1},
                        .pairs = {.c6 = 4, .c12 = 4, .lj_cutoff = 2.5, .is_shifted = true},
                        .dt = 0.005,
                        .balance_every = every,
                        .units = &al_units_reduced};
}

static void droplet(al_comm *comm, uint64_t every)
{
    static al_md md;
    al_md_opts opts = droplet_opts(comm, 60, every);
    al_thermo thermo;
    require(comm, al_md_open(&md, &opts, NULL) == ALLOT_OK);
    add_crystal(&md, 30, 1.6);
    require(comm, al_md_start(&md, 0, NULL) == ALLOT_OK);
    double first = imbalance_of(&md), seen[30];
    for (int k = 0; k < 30; k++) {
        require(comm, al_md_advance(&md, 10, NULL) == ALLOT_OK);
        seen[k] = imbalance_of(&md);
    }
    // Edges follow measured times: another program may push them astray for one look or two.
    double latest = median(seen + 15, 15);
    al_md_thermo(&md, &thermo);
    if (comm->rank == 0)
        printf("%.3f %.3f %.6f\n", first, latest, thermo.total / (double)thermo.natoms);
    al_md_close(&md);
}

/* ---- a restart ------------------------------------------------------------------------------------------
 */

enum { MORE_STEPS = 40 };

/** All atoms after some steps more, at rank 0. */
static al_atom *go_on(al_md *md)
{
    al_comm *comm = md->opts.space.comm;
    al_atom *atoms;
    require(comm, al_md_advance(md, MORE_STEPS, NULL) == ALLOT_OK);
    require(comm, al_md_gather(md, &atoms, NULL, NULL) == ALLOT_OK);
    return atoms;
}

static void write_state(al_md *md, const char *path)
{
    al_comm *comm = md->opts.space.comm;
    al_atom *atoms;
    double none = 0;
    char options[] = "";
    require(comm, al_md_gather(md, &atoms, NULL, NULL) == ALLOT_OK);
    require(comm, md->space.domain.cuts != NULL); /* they have moved */
    if (comm->rank == 0) {
        const al_space_opts *o = &md->opts.space;
        double *edges = malloc(al_cuts_nedges(o->grid) * sizeof *edges);
        al_cuts_save(&md->space.cuts, edges);
        al_checkpoint state = {.step = md->step,
                               .natoms = md->natoms,
                               .cut = {.nranks = (uint32_t)comm->size,
                                       .grid = {o->grid[0], o->grid[1], o->grid[2]},
                                       .edges = edges},
                               .box = {{o->box[0], 0, 0}, {0, o->box[1], 0}, {0, 0, o->box[2]}},
                               .options = options,
                               .atoms = atoms};
        require(comm, al_checkpoint_write(path, &state, true, NULL) == ALLOT_OK);
        free(edges);
    }
    comm->sum(comm, &none, 1); /* it is there */
    free(atoms);
}

/** From the checkpoint. @param has_edges  with the edges that it has @return as go_on() */
static al_atom *begin_again(al_comm *comm, const char *path, bool has_edges)
{
    static al_md md;
    al_checkpoint state;
    allot_error warning;
    al_md_opts opts = droplet_opts(comm, 30, 0);
    require(comm, al_checkpoint_read(path, &state, &warning, NULL) == ALLOT_OK);
    require(comm, al_md_open(&md, &opts, NULL) == ALLOT_OK);
    require(comm, memcmp(state.cut.grid, opts.space.grid, sizeof state.cut.grid) == 0);
    if (has_edges)
        require(comm, al_space_cut(&md.space, state.cut.edges, NULL) == ALLOT_OK);
    for (uint64_t k = 0; k < state.natoms; k++)
        if (al_space_claim(&md.space, state.atoms[k].x))
            require(comm, al_space_add(&md.space, &state.atoms[k], 1, NULL) == ALLOT_OK);
    require(comm, al_md_start(&md, state.step, NULL) == ALLOT_OK);
    al_atom *atoms = go_on(&md);
    al_md_close(&md);
    al_checkpoint_fini(&state);
    return atoms;
}

static void restart(al_comm *comm, const char *path)
{
    static al_md md;
    al_md_opts opts = droplet_opts(comm, 30, 1);
    require(comm, al_md_open(&md, &opts, NULL) == ALLOT_OK);
    add_crystal(&md, 14, 1.6);
    require(comm, al_md_start(&md, 0, NULL) == ALLOT_OK);
    require(comm, al_md_advance(&md, 60, NULL) == ALLOT_OK);
    md.opts.balance_every = 0; /* what moves edges is measured time, and no two runs have the same */
    require(comm, al_md_renew(&md, NULL) == ALLOT_OK);
    write_state(&md, path);
    size_t nbytes = md.natoms * sizeof(al_atom);
    al_atom *expected = go_on(&md), *found = begin_again(comm, path, true),
            *even = begin_again(comm, path, false);
    if (comm->rank == 0) {
        require(comm, memcmp(found, expected, nbytes) == 0);
        require(comm, memcmp(even, expected, nbytes) != 0); /* so edges do matter */
        printf("the same bits\n");
    }
    free(expected);
    free(found);
    free(even);
    al_md_close(&md);
}

/* ---- a minimisation -------------------------------------------------------------------------------------
 */

static allot_err print_minimum(void *arg, const al_minimum *now, allot_error *err)
{
    al_comm *comm = arg;
    (void)err;
    if (comm->rank == 0)
        printf("%.10g %.5g %d\n", now->thermo.potential, now->fmax, (int)now->atom);
    return ALLOT_OK;
}

/** How many of this rank's atoms are none of n others. */
static double count_new(const al_md *md, const uint64_t *ids, size_t n)
{
    double found = 0;
    for (size_t place = 0; place < (size_t)md->space.nhome_blocks * AL_BLOCK; place++) {
        bool is_new = md->space.id[place] != AL_NO_ATOM;
        for (size_t k = 0; is_new && k < n; k++)
            is_new = ids[k] != md->space.id[place];
        found += is_new;
    }
    return found;
}

static void minimise(al_comm *comm, al_minimiser method)
{
    static al_md md;
    enum { CELLS = 10 };
    const double cell = 1.6, edge = CELLS * cell / 2;
    al_minimum now;
    al_md_opts opts = droplet_opts(comm, edge, 0);
    opts.space.is_double = true;
    require(comm, al_md_open(&md, &opts, NULL) == ALLOT_OK);
    add_crystal(&md, CELLS, cell);
    al_atom *atoms = (al_atom *)(void *)md.space.migrants.records;
    for (uint32_t k = 0; k < md.space.migrants.n; k++) {
        prop_begin(atoms[k].id);
        for (int d = 0; d < 3; d++)
            atoms[k].x[d] += 0.5 * prop_unit();
    }
    require(comm, al_md_start(&md, 0, NULL) == ALLOT_OK);
    size_t nplaces = (size_t)md.space.nhome_blocks * AL_BLOCK;
    uint64_t *ids = malloc((nplaces + 1) * sizeof *ids);
    require(comm, ids != NULL);
    memcpy(ids, md.space.id, nplaces * sizeof *ids);
    const al_minimise_opts how = {.method = method,
                                  .tolerance = 1e-3,
                                  .step = 0.05,
                                  .nsteps = 80,
                                  .ncorrections = 8,
                                  .tell = print_minimum,
                                  .arg = comm};
    require(comm, al_minimise(&md, &how, &now, NULL) == ALLOT_OK);
    double ncame = count_new(&md, ids, nplaces);
    comm->sum(comm, &ncame, 1);
    if (comm->rank == 0)
        printf("came %g\n", ncame);
    free(ids);
    al_md_close(&md);
}

/* ---- traffic --------------------------------------------------------------------------------------------
 */

static void pack_nothing(void *arg, const al_halo_pulse *pulse, const uint32_t *names, uint32_t n, void *out)
{
    (void)arg;
    (void)pulse;
    (void)names;
    memset(out, 0, (size_t)n * 12);
}

static void unpack_nothing(void *arg, const al_halo_pulse *pulse, const uint32_t *names, uint32_t n,
                           const void *in)
{
    (void)arg;
    (void)pulse;
    (void)names;
    (void)n;
    (void)in;
}

typedef struct traffic_case {
    double box[3], reach;
    int grid[3];
} traffic_case;

/** Messages and bytes of a step, a rank's share. */
static void count(al_comm *comm, const traffic_case *c, uint32_t natoms, double *nmessages, double *nbytes)
{
    al_halo halo = {0};
    al_halo_atoms atoms = {0};
    al_domain domain;
    al_domain_of(c->box, c->grid, comm->rank, &domain);
    require(comm, al_halo_atoms_grow(&atoms, natoms));
    prop_begin(7);
    for (uint32_t k = 0; k < natoms; k++) {
        double x[3];
        bool is_ours = true;
        for (int d = 0; d < 3; d++) {
            x[d] = prop_unit() * c->box[d];
            is_ours = is_ours && x[d] >= domain.lo[d] && x[d] < domain.hi[d];
        }
        if (!is_ours)
            continue;
        memcpy(&atoms.x[3 * atoms.n], x, sizeof x);
        atoms.id[atoms.n] = k;
        atoms.zone[atoms.n] = 0;
        atoms.nhome = ++atoms.n;
    }
    require(comm, al_halo_build(&halo, comm, &domain, c->reach, &atoms, NULL) == ALLOT_OK);
    al_halo_forward(&halo, comm, 12, pack_nothing, unpack_nothing, NULL);
    al_halo_reverse(&halo, comm, 12, pack_nothing, unpack_nothing, NULL);
    double sums[] = {(double)halo.nmessages, (double)halo.nbytes};
    comm->sum(comm, sums, 2);
    *nmessages = sums[0] / comm->size;
    *nbytes = sums[1] / comm->size;
    al_halo_fini(&halo);
    al_halo_atoms_fini(&atoms);
}

static void traffic(al_comm *comm)
{
    static const traffic_case cases[] = {
        {{20, 20, 20}, 2.5, {1, 1, 1}}, {{40, 20, 20}, 3, {2, 1, 1}}, {{20, 8, 20}, 7, {1, 2, 1}},
        {{20, 20, 20}, 3, {2, 2, 1}},   {{12, 30, 30}, 4, {4, 1, 1}}, {{9, 25, 9}, 8, {2, 1, 2}},
        {{20, 20, 20}, 3, {2, 2, 2}},   {{24, 30, 24}, 7, {8, 1, 1}}, {{18, 18, 30}, 6, {4, 2, 1}},
        {{20, 24, 20}, 9, {1, 4, 2}},
    };
    enum { NATOMS = 60000 };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        const traffic_case *c = &cases[k];
        if (c->grid[0] * c->grid[1] * c->grid[2] != comm->size)
            continue;
        al_domains_job job = {.reach = c->reach, .least = 0.1, .natoms = NATOMS, .nranks = comm->size};
        const al_domains_costs costs = AL_DOMAINS_COSTS_INIT;
        al_domains_plan plan;
        double nmessages, nbytes;
        memcpy(job.box, c->box, sizeof job.box);
        al_domains_of(&job, &costs, c->grid, &plan);
        count(comm, c, NATOMS, &nmessages, &nbytes);
        if (comm->rank == 0)
            printf("%dx%dx%d of %gx%gx%g, reach %g: %g messages, %d foretold; %.0f bytes, %.0f foretold\n",
                   c->grid[0], c->grid[1], c->grid[2], c->box[0], c->box[1], c->box[2], c->reach, nmessages,
                   plan.nmessages, nbytes, plan.nbytes);
        require(comm, fabs(nmessages - plan.nmessages) <= 0.1 * plan.nmessages);
        require(comm, fabs(nbytes - plan.nbytes) <= 0.1 * plan.nbytes);
    }
}

int main(int argc, char **argv)
{
    al_comm *comm = al_comm_mpi();
    if (argc > 2 && strcmp(argv[1], "droplet") == 0)
        droplet(comm, (uint64_t)atoi(argv[2]));
    else if (argc > 2 && strcmp(argv[1], "restart") == 0)
        restart(comm, argv[2]);
    else if (argc > 2 && strcmp(argv[1], "minimise") == 0)
        minimise(comm, (al_minimiser)atoi(argv[2]));
    else
        traffic(comm);
    comm->close(comm);
    return 0;
}
