/* cut.h - a box of atoms, cut in some way, and what must hold of it on every rank; by brute force.
 *
 * Ranks may be threads (ranks.h) or MPI's: all that a rank says is in its cut_report. Atoms are the same on
 * all ranks, made before from the seed of prop.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_SUPPORT_CUT_H
#define TESTS_SUPPORT_CUT_H

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "md/checksum.h"
#include "md/forces.h"
#include "support/prop.h"

enum { CUT_ATOMS_MOST = 240 };

typedef struct cut_case {
    double box[3], tilt[3], reach;
    int grid[3];
    uint32_t n, nthreads;
    bool is_double, are_at_first;    /* all atoms are rank 0 at first */
    uint32_t ngroups;                /* 0: atoms are alone; others: atom k goes with atom k % ngroups */
    double radius[3];                /* how far the farthest is from its leader, after so many moves */
    uint64_t recut;                  /* 0: domains of one size; others: how edges lie, anew each turn */
    al_lattice lattice;              /* of the box and its tilt */
    double moves[CUT_ATOMS_MOST][3]; /* what each is moved by, twice */
    double x[3][CUT_ATOMS_MOST][3];  /* where it is after so many moves, in the box, rounded as a rank does */
} cut_case;

/** What a rank found, and the first thing that was wrong. */
typedef struct cut_report {
    al_checksum sums[3];
    char why[160];
} cut_report;

#define cut_require(report, property)                                                                        \
    do {                                                                                                     \
        if (!(property) && (report)->why[0] == '\0')                                                         \
            (void)snprintf((report)->why, sizeof(report)->why, "line %d: %s", __LINE__, #property);          \
    } while (0)

/* ---- by brute force -------------------------------------------------------------------------------------
 */

static inline uint64_t cut_mix(uint64_t z)
{
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline uint64_t cut_mix_moved(uint64_t hash, const int n[3])
{
    for (int d = 0; d < 3; d++)
        hash = cut_mix(hash ^ (uint64_t)(int64_t)n[d]);
    return hash;
}

/** Call visit for n[] in [-most, most]^3. */
#define CUT_EACH_IMAGE(n, least, most)                                                                       \
    for (int n[3] = {(least)[0], 0, 0}; n[0] <= (most)[0]; n[0]++)                                           \
        for (n[1] = (least)[1]; n[1] <= (most)[1]; n[1]++)                                                   \
            for (n[2] = (least)[2]; n[2] <= (most)[2]; n[2]++)

static inline void cut_images(const cut_case *c, int turn, int least[3], int most[3])
{
    double reach = c->reach + 2 * c->radius[turn];
    for (int d = 0; d < 3; d++) {
        most[d] = (int)ceil(reach * 1.001 / (c->box[d] * c->lattice.thick[d]));
        least[d] = -most[d];
    }
}

/** From a to the image n[] of b; @return its square. */
static inline double cut_apart(const cut_case *c, const double *a, const double *b, const int n[3],
                               double apart[3])
{
    for (int d = 0; d < 3; d++)
        apart[d] = (b[d] - a[d]) + n[d] * c->box[d];
    apart[0] = apart[0] + n[1] * c->tilt[0] + n[2] * c->tilt[1];
    apart[1] = apart[1] + n[2] * c->tilt[2];
    return apart[0] * apart[0] + apart[1] * apart[1] + apart[2] * apart[2];
}

static inline uint64_t cut_leader(const void *arg, uint64_t id)
{
    const cut_case *c = arg;
    return c->ngroups > 0 ? id % c->ngroups : id;
}

/** Coordinate d in the lattice. */
static inline double cut_at(const cut_case *c, const double x[3], int d)
{
    return al_lattice_is_skewed(&c->lattice) ? al_lattice_at(&c->lattice, x, d) : x[d];
}

static inline bool cut_is_first(const int n[3])
{
    return n[0] != 0 ? n[0] > 0 : n[1] != 0 ? n[1] > 0 : n[2] > 0;
}

/** Atoms and pairs of the whole box. */
static inline void cut_expect(const cut_case *c, int turn, al_checksum *sum)
{
    int least[3], most[3];
    cut_images(c, turn, least, most);
    *sum = (al_checksum){.natoms = c->n};
    for (uint32_t a = 0; a < c->n; a++) {
        const double *xa = c->x[turn][a];
        sum->atoms += cut_mix(a);
        for (uint32_t b = a; b < c->n; b++) {
            const double *xb = c->x[turn][b];
            CUT_EACH_IMAGE(n, least, most)
            {
                double apart[3], r2 = cut_apart(c, xa, xb, n, apart);
                if (!(r2 < c->reach * c->reach) || (a == b && !cut_is_first(n)))
                    continue;
                sum->npairs++;
                sum->pairs += cut_mix_moved(cut_mix(cut_mix(a) ^ b), n);
            }
        }
    }
}

/** Copies that a domain must have, with those that are at the very edge of its reach or without. */
static inline void cut_expect_copies(const cut_case *c, const al_domain *domain, int turn, double reach,
                                     al_checksum *sum)
{
    int least[3], most[3];
    cut_images(c, turn, least, most);
    memset(least, 0, sizeof least);
    *sum = (al_checksum){.ncopies = 0};
    for (uint32_t k = 0; k < c->n; k++) {
        const double *x = c->x[turn][k], *lead = c->x[turn][cut_leader(c, k)];
        CUT_EACH_IMAGE(n, least, most)
        {
            double above[3];
            unsigned zone = 0;
            bool is_above = true;
            for (int d = 0; d < 3; d++) {
                double at = cut_at(c, lead, d) + n[d] * c->box[d];
                is_above = is_above && at >= domain->lo[d];
                zone |= (at >= domain->hi[d] ? 1u : 0u) << d;
                above[d] = fmax(cut_at(c, x, d) + n[d] * c->box[d] - domain->hi[d], 0);
            }
            if (!is_above || zone == 0 || !(al_lattice_apart2(&c->lattice, above, zone) < reach * reach))
                continue;
            sum->ncopies++;
            sum->copies += cut_mix_moved(cut_mix(cut_mix(k) ^ zone), n);
        }
    }
}

/** The force on an atom, and how much it could be wrong by. */
static inline void cut_expect_force(const cut_case *c, int turn, const al_pair_params *lj, uint64_t atom,
                                    double f[4])
{
    int least[3], most[3];
    const double *xa = c->x[turn][atom];
    cut_images(c, turn, least, most);
    memset(f, 0, 4 * sizeof *f);
    for (uint32_t b = 0; b < c->n; b++) {
        const double *xb = c->x[turn][b];
        CUT_EACH_IMAGE(n, least, most)
        {
            double x[3], r2 = cut_apart(c, xa, xb, n, x);
            if (r2 >= lj->lj_cutoff * lj->lj_cutoff || (atom == b && n[0] == 0 && n[1] == 0 && n[2] == 0))
                continue;
            double r6 = 1 / (r2 * r2 * r2), push = (12 * lj->c12 * r6 - 6 * lj->c6) * r6 / r2;
            for (int d = 0; d < 3; d++)
                f[d] -= push * x[d];
            f[3] += fabs(push) * (sqrt(r2) + 1e-3);
        }
    }
}

/* ---- a rank ---------------------------------------------------------------------------------------------
 */

/** Whether atoms at home are those whose leaders' place it is, as they were put. */
static inline void cut_check_home(const cut_case *c, const al_space *space, int turn, cut_report *report)
{
    uint32_t expected = 0;
    for (uint32_t k = 0; k < c->n; k++) {
        const double *x = c->x[turn][cut_leader(c, k)];
        bool is_home = true;
        for (int d = 0; d < 3; d++)
            is_home =
                is_home && cut_at(c, x, d) >= space->domain.lo[d] && cut_at(c, x, d) < space->domain.hi[d];
        expected += is_home;
    }
    cut_require(report, space->nhome == expected);
    for (uint32_t k = 0; k < space->nhome; k++) {
        uint64_t id = space->atoms.id[k];
        cut_require(report, al_domain_has(&space->domain, c->x[turn][cut_leader(c, id)]));
        for (unsigned d = 0; d < 3; d++)
            cut_require(report, space->x[al_block_at(space->places[k], d)] == c->x[turn][id][d]);
    }
}

static inline void cut_check_copies(const cut_case *c, const al_space *space, int turn,
                                    const al_checksum *found, cut_report *report)
{
    al_checksum least, most;
    double reach = c->reach + c->radius[turn];
    cut_expect_copies(c, &space->domain, turn, reach * (1 - 1e-9), &least);
    cut_expect_copies(c, &space->domain, turn, reach * (1 + 1e-9), &most);
    cut_require(report, found->ncopies >= least.ncopies && found->ncopies <= most.ncopies);
    if (least.ncopies == most.ncopies)
        cut_require(report, found->copies == least.copies);
}

static inline void cut_pack_id(void *arg, const al_halo_pulse *pulse, const uint32_t *names, uint32_t n,
                               void *out)
{
    const double(*values)[2] = arg;
    (void)pulse;
    for (uint32_t k = 0; k < n; k++)
        memcpy((char *)out + k * sizeof *values, values[names[k]], sizeof *values);
}

static inline void cut_unpack_id(void *arg, const al_halo_pulse *pulse, const uint32_t *names, uint32_t n,
                                 const void *in)
{
    double(*values)[2] = arg;
    (void)pulse;
    for (uint32_t k = 0; k < n; k++)
        memcpy(values[names[k]], (const char *)in + k * sizeof *values, sizeof *values);
}

static inline void cut_add_id(void *arg, const al_halo_pulse *pulse, const uint32_t *names, uint32_t n,
                              const void *in)
{
    double(*values)[2] = arg;
    (void)pulse;
    for (uint32_t k = 0; k < n; k++)
        for (int m = 0; m < 2; m++)
            values[names[k]][m] += ((const double *)in)[2 * k + (uint32_t)m];
}

/** A rank's copies of its own atoms: each once, all of a root in one share, whatever is moved by what. */
static inline void cut_check_own(const al_space *space, cut_report *report)
{
    const al_halo_own *own = &space->halo.own;
    size_t nplaces = (size_t)space->nblocks * AL_BLOCK + 1;
    uint32_t *seen = calloc(nplaces, sizeof *seen), nshares = al_threads_count(&space->threads), n = 0;
    for (int p = own->first_pulse; p < space->halo.npulses; p++)
        n += space->halo.pulses[p].nsent;
    cut_require(report, seen != NULL && own->begins[0] == 0 && own->begins[nshares] == own->n && own->n == n);
    for (uint32_t share = 0; share < nshares && seen != NULL; share++)
        for (uint32_t k = own->begins[share]; k < own->begins[share + 1]; k++) {
            const al_halo_copy *copy = &own->copies[k];
            cut_require(report, copy->image > 0 && copy->image < own->nmoves);
            cut_require(report, seen[copy->copy] == 0 && copy->root != copy->copy);
            cut_require(report, seen[copy->root] == 0 || seen[copy->root] == nshares + 1 + share);
            seen[copy->copy] = 1 + share;
            seen[copy->root] = nshares + 1 + share;
        }
    free(seen);
}

/** There and back: copies get their atom's number; then each sends it home, and 1. */
static inline void cut_check_halo(al_space *space, al_comm *comm, cut_report *report)
{
    size_t nplaces = (size_t)space->nblocks * AL_BLOCK + 1;
    double(*values)[2] = calloc(nplaces, sizeof *values), home = 0;
    if (values == NULL)
        return;
    for (uint32_t k = 0; k < space->nhome; k++)
        values[space->places[k]][0] = (double)space->atoms.id[k];
    cut_check_own(space, report);
    al_halo_begin_forward(&space->halo, comm, sizeof *values, cut_pack_id, cut_unpack_id, values);
    for (int k = 0; k < 5; k++)
        (void)al_halo_go_on(&space->halo);
    al_halo_end(&space->halo);
    cut_require(report, al_halo_go_on(&space->halo));
    for (uint32_t k = 0; k < space->atoms.n; k++) {
        double *value = values[space->places[k]];
        cut_require(report, value[0] == (double)space->atoms.id[k]);
        value[0] = k < space->nhome ? 0 : value[0];
        value[1] = k < space->nhome ? 0 : 1;
    }
    al_halo_begin_reverse(&space->halo, comm, sizeof *values, cut_pack_id, cut_add_id, values);
    (void)al_halo_go_on(&space->halo);
    al_halo_end(&space->halo);
    for (uint32_t k = 0; k < space->nhome; k++) {
        const double *value = values[space->places[k]];
        cut_require(report, value[0] == value[1] * (double)space->atoms.id[k]);
        home += value[1];
    }
    double all[] = {home, space->atoms.n - space->nhome};
    comm->sum(comm, all, 2);
    cut_require(report, all[0] == all[1]);
    free(values);
}

/** No row of the list is in two parts: among those that need no copies, and the others. */
static inline void cut_check_rows(const al_space *space, cut_report *report)
{
    uint8_t *has_row = calloc(2 * (size_t)space->nblocks + 1, 1);
    for (uint32_t p = 0; has_row != NULL && p < space->nparts; p++)
        for (uint32_t k = 0; k < space->parts[p].outer.nrows; k++)
            cut_require(report, has_row[space->parts[p].outer.rows[k].cluster]++ == 0);
    free(has_row);
}

/** How often this rank's thread asked whether a message has come, and whom it asks. */
static _Thread_local uint64_t cut_nasked;
static _Thread_local bool (*cut_ask)(al_comm *comm, al_comm_request *request);

static inline bool cut_has_come(al_comm *comm, al_comm_request *request)
{
    cut_nasked++;
    return cut_ask(comm, request);
}

static inline void cut_go_on(void *arg)
{
    al_space *space = arg;
    (void)al_halo_go_on(&space->halo);
}

static inline void cut_check_forces(const cut_case *c, al_space *space, int turn, cut_report *report)
{
    al_pair_params lj = {.c6 = 4, .c12 = 4, .lj_cutoff = c->reach * 0.9};
    const al_pair_atoms atoms = {.charge = NULL};
    al_forces forces = {.go_on = cut_go_on, .go_on_arg = space};
    uint32_t npieces = 1 + (uint32_t)space->nhome % 4;       /* the same forces, however many they are */
    for (uint32_t k = space->nhome; k < space->atoms.n; k++) /* what is copied comes from home */
        for (unsigned d = 0; d < 3; d++)
            ((double *)space->xr)[al_block_at(space->places[k], d)] = 0;
    al_space_begin_forward(space);
    cut_require(report, al_pair_prepare(&lj) && al_forces_divide(&forces, space));
    al_comm *comm = space->opts.comm;
    bool is_under_way = !space->halo.trip.is_over;
    cut_ask = comm->has_come;
    cut_nasked = 0;
    comm->has_come = cut_has_come;
    for (uint32_t piece = 0; piece < npieces; piece++)
        al_forces_home(&forces, space, &lj, &atoms, false, piece, npieces);
    comm->has_come = cut_ask;
    /* messages go on while pairs at home are computed; with several threads the caller may have none of them
     */
    cut_require(report, comm->size == 1 || space->opts.nthreads > 1 || !is_under_way || cut_nasked > 0);
    al_halo_end(&space->halo);
    al_forces_rest(&forces, space, &lj, &atoms, NULL);
    al_space_begin_reverse(space);
    al_halo_end(&space->halo);
    for (uint32_t k = 0; k < space->nhome; k++) {
        double expected[4];
        cut_expect_force(c, turn, &lj, space->atoms.id[k], expected);
        for (unsigned d = 0; d < 3; d++) {
            double f = ((const double *)space->fr)[al_block_at(space->places[k], d)];
            if (expected[3] < 1e100) /* atoms may be on top of each other */
                cut_require(report, fabs(f - expected[d]) <= 1e-7 * expected[3]);
        }
    }
    al_forces_fini(&forces);
}

/** Atoms as they come: all at rank 0, lengths of the box away; or each at a rank that is not its own. */
static inline void cut_add(const cut_case *c, al_space *space, const al_comm *comm)
{
    for (uint32_t k = 0; k < c->n; k++) {
        al_atom atom = {.id = k, .v = {k, 0, 0}};
        memcpy(atom.x, c->x[0][k], sizeof atom.x);
        uint32_t leader = (uint32_t)cut_leader(c, k);
        if (comm->rank == (c->are_at_first ? 0 : (int)(leader % (uint32_t)comm->size)))
            (void)!al_space_add(space, &atom, 1, NULL);
    }
}

static inline void cut_move(const cut_case *c, al_space *space)
{
    for (uint32_t k = 0; k < space->nhome; k++)
        for (unsigned d = 0; d < 3; d++)
            space->x[al_block_at(space->places[k], d)] += c->moves[space->atoms.id[k]][d];
}

/** Edges anywhere, the same on all ranks; domains may be as thin as a thousandth of the box. */
static inline void cut_recut(const cut_case *c, al_space *space, int turn, cut_report *report)
{
    uint64_t state = c->recut + (uint64_t)turn;
    if (c->recut == 0)
        return;
    al_cuts_fini(&space->cuts);
    cut_require(report, al_cuts_init(&space->cuts, c->box, c->grid, NULL) == ALLOT_OK);
    for (int d = 0; d < 3; d++) {
        int nrows = d == 0 ? 1 : d == 1 ? c->grid[0] : c->grid[0] * c->grid[1];
        for (int row = 0; row < nrows; row++) {
            double *edges = space->cuts.edges[d] + row * (c->grid[d] + 1), sum = 0, widths[16];
            for (int k = 0; k < c->grid[d]; k++) {
                state = cut_mix(state);
                widths[k] = state % 8 == 0 ? 1e-3 : 0.05 + (double)(state >> 11) * 0x1p-53;
                sum += widths[k];
            }
            for (int k = 0; k + 1 < c->grid[d]; k++)
                edges[k + 1] = edges[k] + widths[k] * c->box[d] / sum;
        }
    }
    al_space_recut(space);
}

/** All of it, on one rank. */
static inline void cut_check(const cut_case *c, al_comm *comm, cut_report *report)
{
    al_space space;
    allot_error err;
    al_space_opts opts = {.comm = comm,
                          .reach = c->reach,
                          .near = c->reach * 0.95,
                          .density = c->n / (c->box[0] * c->box[1] * c->box[2]),
                          .is_double = c->is_double,
                          .kernels = al_kernels_find(NULL),
                          .nthreads = c->nthreads};
    memcpy(opts.box, c->box, sizeof opts.box);
    memcpy(opts.tilt, c->tilt, sizeof opts.tilt);
    if (c->ngroups > 0)
        opts.groups = (al_groups){cut_leader, c};
    memcpy(opts.grid, c->grid, sizeof opts.grid);
    report->why[0] = '\0';
    cut_require(report, al_space_open(&space, &opts, &err) == ALLOT_OK);
    cut_add(c, &space, comm);
    for (int turn = 0; turn < 3 && report->why[0] == '\0'; turn++) {
        cut_recut(c, &space, turn, report);
        if (al_space_rebuild(&space, turn == 1, &err) != ALLOT_OK) {
            (void)snprintf(report->why, sizeof report->why, "turn %d: %.140s", turn, err.text);
            break; /* all ranks do */
        }
        cut_require(report, al_checksum_part(&space, &report->sums[turn], &err) == ALLOT_OK);
        cut_check_home(c, &space, turn, report);
        cut_check_copies(c, &space, turn, &report->sums[turn], report);
        cut_check_halo(&space, comm, report);
        cut_check_rows(&space, report);
        if (c->is_double)
            cut_check_forces(c, &space, turn, report);
        cut_move(c, &space);
        double wrong = report->why[0] != '\0'; /* all stop, or none */
        comm->greatest(comm, &wrong, 1);
        if (wrong > 0 && report->why[0] == '\0')
            (void)snprintf(report->why, sizeof report->why, "another rank");
    }
    al_space_close(&space);
}

/* ---- cases ----------------------------------------------------------------------------------------------
 */

/** A coordinate: anywhere, in a corner, or on one of the edges that domains may have. */
static inline double cut_coordinate(double box, int kind)
{
    double x = kind == 1   ? box * 0.1 * prop_unit()
               : kind == 2 ? box * (double)prop_below(13) / 12
                           : box * prop_unit();
    return x < box ? x : 0;
}

/** Where an atom is after a move, and how its leader then gets into the box. */
static inline void cut_moved(cut_case *c, uint32_t k, int turn)
{
    const al_domain domain = {.box = {c->box[0], c->box[1], c->box[2]},
                              .lattice = al_lattice_is_skewed(&c->lattice) ? &c->lattice : NULL};
    uint32_t leader = (uint32_t)cut_leader(c, k);
    double lead[3], *x = c->x[turn][k];
    for (int d = 0; d < 3; d++) {
        x[d] = c->x[turn - 1][k][d] + c->moves[k][d];
        lead[d] = c->x[turn - 1][leader][d] + c->moves[leader][d];
    }
    for (int d = 2; d >= 0; d--) {
        double n = al_domain_enter(&domain, lead, d, false);
        if (n != 0)
            al_domain_move(&domain, x, d, n);
    }
    if (leader == k)
        memcpy(x, lead, sizeof lead);
}

/** Put atom k near its leader, and let it move as that does, about. */
static inline void cut_follow(cut_case *c, uint32_t k, double radius)
{
    uint64_t leader = cut_leader(c, k);
    for (int d = 0; d < 3 && leader != k; d++) {
        c->x[0][k][d] = c->x[0][leader][d] + (2 * prop_unit() - 1) * radius / 2;
        c->moves[k][d] = c->moves[leader][d] + (2 * prop_unit() - 1) * radius / 50;
    }
}

static inline void cut_measure(cut_case *c)
{
    for (int turn = 0; turn < 3; turn++)
        for (uint32_t k = 0; k < c->n; k++) {
            const double *x = c->x[turn][k], *lead = c->x[turn][cut_leader(c, k)];
            double r2 = 0;
            for (int d = 0; d < 3; d++)
                r2 += (x[d] - lead[d]) * (x[d] - lead[d]);
            c->radius[turn] = fmax(c->radius[turn], sqrt(r2));
        }
}

/** Atoms of a case whose box, tilt, grid and reach are set, from prop.h's numbers. Moves are within a domain.
 * @param radius  of groups, if there are any */
static inline void cut_fill(cut_case *c, uint32_t n, int kind, double radius)
{
    c->n = n;
    al_lattice_init(&c->lattice, c->box, c->tilt);
    for (uint32_t k = 0; k < n; k++) {
        double u[3], by[3];
        for (int d = 0; d < 3; d++) {
            by[d] = (2 * prop_unit() - 1) * 0.9 * c->box[d] / c->grid[d];
            u[d] = cut_coordinate(c->box[d], kind);
        }
        al_lattice_place(&c->lattice, by, c->moves[k]);
        al_lattice_place(&c->lattice, u, c->x[0][k]);
        cut_follow(c, k, radius);
    }
    for (int turn = 1; turn < 3; turn++)
        for (uint32_t k = 0; k < n; k++)
            cut_moved(c, k, turn);
    cut_measure(c);
}

/** The shortest distance between opposite faces. */
static inline double cut_width(const cut_case *c)
{
    al_lattice lattice;
    double shortest = HUGE_VAL;
    al_lattice_init(&lattice, c->box, c->tilt);
    for (int d = 0; d < 3; d++)
        shortest = fmin(shortest, lattice.edge[d] * lattice.thick[d]);
    return shortest;
}

/** Tilts as GROMACS allows them, at the very end of what it allows, or beyond. */
static inline void cut_tilt(cut_case *c)
{
    double most = prop_chance(4) ? 2 : 0.5;
    for (int k = 0; k < 3; k++)
        c->tilt[k] =
            (prop_chance(4) ? (double)prop_below(3) - 1 : 2 * prop_unit() - 1) * most * c->box[k == 2];
}

/** Any case. */
static inline void cut_random(cut_case *c)
{
    *c = (cut_case){.nthreads = 1 + (uint32_t)prop_below(3), .is_double = prop_chance(2)};
    do
        for (int d = 0; d < 3; d++)
            c->grid[d] = 1 + (int)prop_below(4);
    while (c->grid[0] * c->grid[1] * c->grid[2] > 12);
    for (int d = 0; d < 3; d++)
        c->box[d] = prop_log(1, 30);
    if (prop_chance(2))
        cut_tilt(c);
    double shortest = cut_width(c);
    c->reach = shortest * (prop_chance(4) ? 0.99 : 0.1 + 0.5 * prop_unit());
    if (prop_chance(6))
        c->reach = c->box[0] / c->grid[0]; /* just the width */
    c->reach = fmin(c->reach, shortest * 1.4);
    c->are_at_first = prop_chance(2);
    c->recut = prop_chance(2) ? 1 + prop_below(1000000) : 0;
    uint32_t n =
        (uint32_t)(prop_chance(5) ? prop_below(4) : prop_below(prop_chance(8) ? CUT_ATOMS_MOST : 80));
    c->ngroups = prop_chance(3) ? n / (2 + (uint32_t)prop_below(3)) : 0;
    cut_fill(c, n, (int)prop_below(4), shortest * 0.4 * prop_unit());
}

#endif
