/* space.c - see space.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/space.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "md/box.h"
#include "md/grow.h"

#define ALIGNED 64
#define PARTS_ALONE 8u
#define PARTS_OF_RANK 24u  /* after each it is asked whether messages have come */
#define PARTS_A_THREAD 64u /* so that threads' shares of the forces are the same to a hundredth */
#define PIECES_A_THREAD 4u

static size_t real_nbytes(const al_space *space)
{
    return space->opts.is_double ? sizeof(double) : sizeof(float);
}

/** The place in space of coordinates in the lattice. */
static void to_space(const al_space *space, const double u[3], double x[3])
{
    if (space->domain.lattice != NULL)
        al_lattice_place(&space->lattice, u, x);
    else
        memcpy(x, u, 3 * sizeof *x);
}

/** What follows from a new domain's edges. */
static void settle_domain(al_space *space)
{
    al_domain *domain = &space->domain;
    double u[3];
    for (int d = 0; d < 3; d++)
        u[d] = (domain->lo[d] + domain->hi[d]) / 2;
    domain->lattice = al_lattice_is_skewed(&space->lattice) ? &space->lattice : NULL;
    to_space(space, u, space->middle);
}

allot_err al_space_open(al_space *space, const al_space_opts *opts, allot_error *err)
{
    *space = (al_space){.opts = *opts,
                        .migrants = {.nbytes = sizeof(al_atom)},
                        .members = {.nbytes = sizeof(al_member), .beside = offsetof(al_member, x)}};
    al_lattice_init(&space->lattice, opts->box, opts->tilt);
    al_domain_of(opts->box, opts->grid, opts->comm->rank, &space->domain);
    settle_domain(space);
    space->threads = (al_threads){opts->pool, opts->nthreads};
    space->halo.threads = space->migrants.threads = space->members.threads = space->threads;
    bool is_alone = opts->comm->size == 1;
    space->nparts = opts->nthreads > 1 ? opts->nthreads * PARTS_A_THREAD
                    : is_alone         ? PARTS_ALONE
                                       : PARTS_OF_RANK;
    if (!is_alone) { /* pairs that need not wait for messages are apart from those that do */
        space->nhome_parts = space->nparts;
        space->nparts *= 2;
    }
    space->parts = calloc(space->nparts, sizeof *space->parts);
    return space->parts != NULL ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

void al_space_recut(al_space *space)
{
    al_cuts_domain(&space->cuts, space->opts.comm->rank, &space->domain);
    settle_domain(space);
}

/** What balance leaves of a domain at least. */
static double least_thickness(const al_space *space)
{
    const double *thick = space->lattice.thick;
    return space->opts.reach / 4 / fmin(thick[0], fmin(thick[1], thick[2]));
}

allot_err al_space_cut(al_space *space, const double *edges, allot_error *err)
{
    const al_space_opts *opts = &space->opts;
    double least = least_thickness(space);
    for (int d = 0; d < 3; d++)
        least = fmin(least, opts->box[d] / opts->grid[d]);
    if (!al_cuts_are_sound(opts->box, opts->grid, edges, least * (1 - 1e-6))) /* they are rounded */
        return al_fail(err, ALLOT_EFORMAT, 0,
                       "edges of domains do not rise from 0 to the box's end, in steps of %g at least",
                       least);
    allot_err code = al_cuts_restore(&space->cuts, opts->box, opts->grid, edges, err);
    if (code == ALLOT_OK)
        al_space_recut(space);
    return code;
}

void al_space_resize(al_space *space, const double box[3], const double tilt[3])
{
    memcpy(space->opts.box, box, sizeof space->opts.box);
    memcpy(space->opts.tilt, tilt, sizeof space->opts.tilt);
    al_lattice_init(&space->lattice, box, tilt);
    if (space->cuts.edges[0] != NULL) {
        al_cuts_resize(&space->cuts, box);
        al_space_recut(space);
    } else {
        al_domain_of(box, space->opts.grid, space->opts.comm->rank, &space->domain);
        settle_domain(space);
    }
}

allot_err al_space_balance(al_space *space, double load, double *imbalance, allot_error *err)
{
    const al_space_opts *opts = &space->opts;
    double least = least_thickness(space);
    allot_err code = ALLOT_OK;
    if (space->cuts.edges[0] == NULL)
        code = al_cuts_init(&space->cuts, opts->box, opts->grid, err);
    if (code == ALLOT_OK)
        code = al_cuts_balance(&space->cuts, opts->comm, load, least, imbalance, err);
    if (code == ALLOT_OK && *imbalance > AL_CUTS_FAIR)
        al_space_recut(space);
    return code;
}

static void free_blocks(al_space *space)
{
    free(space->id);
    free(space->x);
    free(space->v);
    free(space->x_listed);
    free(space->mass);
    free(space->inverse_mass);
    if (space->x_bounds != space->xr)
        free(space->x_bounds);
    free(space->xr);
    free(space->fr);
    free(space->block_bounds);
    free(space->spans.rows);
    free(space->cluster_bounds);
}

void al_space_box(const al_space *space, double box[3][3])
{
    const double *edge = space->opts.box, *tilt = space->opts.tilt;
    al_box_vectors(&(al_box){{edge[0], edge[1], edge[2]}, {tilt[0], tilt[1], tilt[2]}}, box);
}

void al_space_close(al_space *space)
{
    for (uint32_t k = 0; k < space->nparts && space->parts != NULL; k++)
        al_pairs_fini(&space->parts[k]);
    free(space->parts);
    for (int z = 0; z < AL_ZONES; z++)
        al_zone_fini(&space->zones[z]);
    al_migrants_fini(&space->migrants);
    al_migrants_fini(&space->members);
    free(space->atoms.lead);
    al_halo_fini(&space->halo);
    al_cuts_fini(&space->cuts);
    al_halo_atoms_fini(&space->atoms);
    al_order_fini(&space->order);
    free(space->x_sorted);
    free_blocks(space);
    *space = (al_space){.nparts = 0};
}

bool al_space_claim(const al_space *space, double x[3])
{
    for (int d = 2; d >= 0; d--)
        al_domain_enter(&space->domain, x, d, true);
    return al_domain_has(&space->domain, x);
}

allot_err al_space_add(al_space *space, const al_atom *atoms, uint32_t n, allot_error *err)
{
    al_migrants *migrants = &space->migrants;
    if (!al_migrants_grow(migrants, migrants->n + n))
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    memcpy(migrants->records + migrants->n * sizeof *atoms, atoms, n * sizeof *atoms);
    migrants->n += n;
    return ALLOT_OK;
}

/** Home atoms on their way out of blocks. */
typedef struct collecting {
    const al_space *space;
    al_atom *atoms;
    uint32_t *first; /* of each share's atoms; at first how many they are */
    uint32_t nshares;
} collecting;

static size_t first_place(const collecting *c, uint64_t share)
{
    return al_share_begin(c->space->nhome_blocks, share, c->nshares) * AL_BLOCK;
}

static int count_atoms(uint64_t begin, uint64_t end, void *arg)
{
    const collecting *c = arg;
    for (uint64_t share = begin; share < end; share++) {
        uint32_t count = 0;
        for (size_t place = first_place(c, share); place < first_place(c, share + 1); place++)
            count += c->space->id[place] != AL_NO_ATOM;
        c->first[share] = count;
    }
    return 0;
}

static int collect_atoms(uint64_t begin, uint64_t end, void *arg)
{
    const collecting *c = arg;
    const al_space *space = c->space;
    for (uint64_t share = begin; share < end; share++) {
        al_atom *atom = &c->atoms[c->first[share]];
        for (size_t place = first_place(c, share); place < first_place(c, share + 1); place++) {
            if (space->id[place] == AL_NO_ATOM)
                continue;
            atom->id = space->id[place];
            for (unsigned d = 0; d < 3; d++) {
                atom->x[d] = space->x[al_block_at(place, d)];
                atom->v[d] = space->v[al_block_at(place, d)];
            }
            atom++;
        }
    }
    return 0;
}

bool al_space_collect(const al_space *space, al_migrants *migrants)
{
    uint32_t nshares = al_threads_count(&space->threads), count = migrants->n;
    uint32_t *first = malloc(nshares * sizeof *first);
    bool good = first != NULL && al_migrants_grow(migrants, migrants->n + space->nhome);
    collecting c = {space, good ? (al_atom *)(void *)migrants->records : NULL, first, nshares};
    if (good) {
        (void)al_shares_do(&space->threads, nshares, count_atoms, &c);
        for (uint32_t share = 0; share < nshares; share++) {
            uint32_t n = first[share];
            first[share] = count;
            count += n;
        }
        (void)al_shares_do(&space->threads, nshares, collect_atoms, &c);
        migrants->n = count;
    }
    free(first);
    return good;
}

/* ---- positions and forces of copies ---------------------------------------------------------------------
 */

/** Some atoms between blocks and a message. */
typedef struct moving {
    const al_space *space;
    const uint32_t *names;
    double by[3]; /* what positions are moved by */
    void *out;
    const void *in;
} moving;

/** A loop over the numbers of the atoms in a message: `k` is one's place there, `at` its place here. */
#define MOVING_LOOP(name, statement_double, statement_float)                                                 \
    static int name(uint64_t begin, uint64_t end, void *arg)                                                 \
    {                                                                                                        \
        const moving *m = arg;                                                                               \
        const al_space *space = m->space;                                                                    \
        for (uint64_t atom = begin; atom < end; atom++)                                                      \
            for (unsigned d = 0; d < 3; d++) {                                                               \
                size_t at = al_block_at(m->names[atom], d), k = 3 * atom + d;                                \
                if (space->opts.is_double)                                                                   \
                    statement_double;                                                                        \
                else                                                                                         \
                    statement_float;                                                                         \
            }                                                                                                \
        return 0;                                                                                            \
    }

MOVING_LOOP(pack_x_loop, ((double *)m->out)[k] = ((const double *)space->xr)[at] + m->by[d],
            ((float *)m->out)[k] = (float)((double)((const float *)space->xr)[at] + m->by[d]))
MOVING_LOOP(unpack_x_loop, ((double *)space->xr)[at] = ((const double *)m->in)[k],
            ((float *)space->xr)[at] = ((const float *)m->in)[k])
MOVING_LOOP(pack_f_loop, ((double *)m->out)[k] = ((const double *)space->fr)[at],
            ((float *)m->out)[k] = ((const float *)space->fr)[at])
MOVING_LOOP(add_f_loop, ((double *)space->fr)[at] += ((const double *)m->in)[k],
            ((float *)space->fr)[at] += ((const float *)m->in)[k])

static void move_all(allot_for_fn loop, moving m, uint32_t n)
{
    (void)!allot_for(m.space->opts.pool, n, loop, &m, NULL, NULL);
}

static void pack_x(void *arg, const al_halo_pulse *pulse, const uint32_t *names, uint32_t n, void *out)
{
    const al_space *space = arg;
    moving m = {.space = space, .names = names, .out = out};
    memcpy(m.by, pulse->step, sizeof m.by); /* each rank counts from its own middle */
    move_all(pack_x_loop, m, n);
}

static void unpack_x(void *arg, const al_halo_pulse *pulse, const uint32_t *names, uint32_t n, const void *in)
{
    (void)pulse;
    move_all(unpack_x_loop, (moving){.space = arg, .names = names, .in = in}, n);
}

static void pack_f(void *arg, const al_halo_pulse *pulse, const uint32_t *names, uint32_t n, void *out)
{
    (void)pulse;
    move_all(pack_f_loop, (moving){.space = arg, .names = names, .out = out}, n);
}

static void add_f(void *arg, const al_halo_pulse *pulse, const uint32_t *names, uint32_t n, const void *in)
{
    (void)pulse;
    move_all(add_f_loop, (moving){.space = arg, .names = names, .in = in}, n);
}

/** A loop over copies that are this rank's own: `at` is one's coordinate, `root` that of what it is a copy
 * of.
 */
#define CARRYING_LOOP(name, statement_double, statement_float)                                               \
    static int name(uint64_t begin, uint64_t end, void *arg)                                                 \
    {                                                                                                        \
        const al_space *space = arg;                                                                         \
        const al_halo_own *own = &space->halo.own;                                                           \
        for (uint64_t k = own->begins[begin]; k < own->begins[end]; k++) {                                   \
            const al_halo_copy *copy = &own->copies[k];                                                      \
            const double *by = own->moves[copy->image];                                                      \
            for (unsigned d = 0; d < 3; d++) {                                                               \
                size_t at = al_block_at(copy->copy, d), root = al_block_at(copy->root, d);                   \
                if (space->opts.is_double)                                                                   \
                    statement_double;                                                                        \
                else                                                                                         \
                    statement_float;                                                                         \
            }                                                                                                \
            (void)by;                                                                                        \
        }                                                                                                    \
        return 0;                                                                                            \
    }

CARRYING_LOOP(carry_x_loop, ((double *)space->xr)[at] = ((const double *)space->xr)[root] + by[d],
              ((float *)space->xr)[at] = (float)((double)((const float *)space->xr)[root] + by[d]))
CARRYING_LOOP(carry_f_loop, ((double *)space->fr)[root] += ((const double *)space->fr)[at],
              ((float *)space->fr)[root] += ((const float *)space->fr)[at])

static void carry_x(void *arg, const al_halo *halo)
{
    (void)al_shares_do(&halo->threads, al_threads_count(&halo->threads), carry_x_loop, arg);
}

static void carry_f(void *arg, const al_halo *halo)
{
    (void)al_shares_do(&halo->threads, al_threads_count(&halo->threads), carry_f_loop, arg);
}

void al_space_begin_forward(al_space *space)
{
    al_halo_begin(&space->halo, &(al_halo_trip){.is_forward = true,
                                                .comm = space->opts.comm,
                                                .nbytes = 3 * real_nbytes(space),
                                                .pack = pack_x,
                                                .unpack = unpack_x,
                                                .carry = carry_x,
                                                .arg = space});
}

void al_space_begin_reverse(al_space *space)
{
    al_halo_begin(&space->halo, &(al_halo_trip){.is_forward = false,
                                                .comm = space->opts.comm,
                                                .nbytes = 3 * real_nbytes(space),
                                                .pack = pack_f,
                                                .unpack = add_f,
                                                .carry = carry_f,
                                                .arg = space});
}

/* ---- the list -------------------------------------------------------------------------------------------
 */

static bool grow_blocks(al_space *space, uint32_t nblocks)
{
    if (nblocks <= space->room_blocks && space->id != NULL)
        return true;
    free_blocks(space);
    size_t room = nblocks + nblocks / 4 + 8, numbers = room * AL_BLOCK_REALS;
    space->room_blocks = (uint32_t)room;
    space->id = malloc(room * AL_BLOCK * sizeof *space->id);
    space->x = aligned_alloc(ALIGNED, numbers * sizeof(double));
    space->v = aligned_alloc(ALIGNED, numbers * sizeof(double));
    space->x_listed = aligned_alloc(ALIGNED, numbers * sizeof(double));
    space->mass_stride = space->opts.masses.of != NULL ? AL_BLOCK : 0;
    size_t nmasses = space->mass_stride > 0 ? room * AL_BLOCK : AL_BLOCK;
    space->mass = aligned_alloc(ALIGNED, nmasses * sizeof(double));
    space->inverse_mass = aligned_alloc(ALIGNED, nmasses * sizeof(double));
    space->xr = aligned_alloc(ALIGNED, numbers * sizeof(double));
    space->fr = aligned_alloc(ALIGNED, numbers * sizeof(double));
    space->x_bounds = space->opts.is_double ? aligned_alloc(ALIGNED, numbers * sizeof(double)) : space->xr;
    space->block_bounds = malloc(room * sizeof *space->block_bounds);
    space->cluster_bounds = malloc(2 * room * sizeof *space->cluster_bounds);
    space->spans.stride = room + AL_SPANS_BEYOND;
    space->spans.rows = calloc(6 * space->spans.stride, sizeof *space->spans.rows);
    return space->id != NULL && space->x != NULL && space->v != NULL && space->x_listed != NULL &&
           space->mass != NULL && space->inverse_mass != NULL && space->xr != NULL && space->fr != NULL &&
           space->x_bounds != NULL && space->block_bounds != NULL && space->cluster_bounds != NULL &&
           space->spans.rows != NULL;
}

static uint32_t nshares_of(const al_space *space)
{
    return al_threads_count(&space->threads);
}

static int take_shares(uint64_t begin, uint64_t end, void *arg)
{
    al_space *space = arg;
    const al_atom *records = (const al_atom *)(const void *)space->migrants.records;
    al_halo_atoms *atoms = &space->atoms;
    uint64_t last = al_share_begin(space->nhome, end, nshares_of(space));
    for (uint64_t k = al_share_begin(space->nhome, begin, nshares_of(space)); k < last; k++) {
        for (int d = 0; d < 3; d++)
            atoms->x[3 * k + (uint64_t)d] = al_domain_at(&space->domain, records[k].x, d);
        atoms->id[k] = records[k].id;
        atoms->zone[k] = 0;
    }
    return 0;
}

/** Home atoms from records, with their positions where the halo looks for them. */
static bool take_home(al_space *space)
{
    uint32_t n = space->migrants.n;
    if (!al_halo_atoms_grow(&space->atoms, n))
        return false;
    space->nhome = space->atoms.nhome = space->atoms.n = n;
    (void)al_shares_do(&space->threads, nshares_of(space), take_shares, space);
    return true;
}

/** A place in space from the middle, as kernels see it. */
static void from_middle(const al_space *space, uint32_t atom, double x[3])
{
    const al_atom *records = (const al_atom *)(const void *)space->migrants.records;
    if (atom < space->nhome)
        memcpy(x, records[atom].x, 3 * sizeof *x);
    else
        to_space(space, &space->atoms.x[3 * (size_t)atom], x);
    for (int d = 0; d < 3; d++)
        x[d] -= space->middle[d];
}

static int find_places(uint64_t begin, uint64_t end, void *arg)
{
    al_space *space = arg;
    uint64_t last = al_share_begin(space->atoms.n, end, nshares_of(space));
    for (uint64_t k = al_share_begin(space->atoms.n, begin, nshares_of(space)); k < last; k++)
        from_middle(space, (uint32_t)k, &space->x_sorted[3 * k]);
    return 0;
}

static bool sort_zones(al_space *space)
{
    const al_halo_atoms *atoms = &space->atoms;
    if (!al_grow(&space->x_sorted, &space->room_sorted, atoms->n + 1, 3 * sizeof *space->x_sorted))
        return false;
    (void)al_shares_do(&space->threads, nshares_of(space), find_places, space);
    al_unsorted unsorted = {
        .n = atoms->n, .x = space->x_sorted, .zone = atoms->zone, .density = space->opts.density};
    if (!al_zones_sort(space->zones, &space->order, &unsorted, &space->threads))
        return false;
    space->places = space->order.places;
    space->nblocks = space->order.nblocks;
    space->nhome_blocks = space->zones[0].nblocks;
    return true;
}

static void set_mass(al_space *space, size_t place, double mass)
{
    space->mass[place] = mass;
    space->inverse_mass[place] = mass > 0 ? 1 / mass : 0;
}

static void set_position(al_space *space, size_t at, double x)
{
    space->x_bounds[at] = (float)x;
    if (space->opts.is_double)
        ((double *)space->xr)[at] = x;
}

/** A place of a block from its atom, if it has one. */
static void fill_place(al_space *space, size_t place)
{
    const al_atom *records = (const al_atom *)(const void *)space->migrants.records;
    uint32_t number = space->order.atoms[place];
    bool is_home = place < (size_t)space->nhome_blocks * AL_BLOCK, is_there = number != AL_NO_NUMBER;
    const al_atom *atom = is_home && is_there ? &records[number] : NULL;
    for (unsigned d = 0; d < 3; d++) {
        size_t at = al_block_at(place, d);
        double x = is_there ? space->x_sorted[3 * (size_t)number + d] : al_block_nowhere(place, d);
        set_position(space, at, x);
        if (!is_home)
            continue;
        space->x[at] = space->x_listed[at] = atom != NULL ? atom->x[d] : x + space->middle[d];
        space->v[at] = atom != NULL ? atom->v[d] : 0;
    }
    if (!is_home)
        return;
    space->id[place] = atom != NULL ? atom->id : AL_NO_ATOM;
    if (space->mass_stride > 0)
        set_mass(space, place, atom != NULL ? al_mass_of(&space->opts.masses, atom->id) : 0);
}

/** Pieces of each zone's columns: what is in their blocks, and the bounds of these. */
static int fill_pieces(uint64_t begin, uint64_t end, void *arg)
{
    al_space *space = arg;
    uint32_t npieces = nshares_of(space) * PIECES_A_THREAD;
    for (uint64_t piece = begin; piece < end; piece++)
        for (int z = 0; z < AL_ZONES; z++) {
            al_zone *zone = &space->zones[z];
            uint64_t ncolumns = al_zone_ncolumns(zone);
            uint32_t first = (uint32_t)al_share_begin(ncolumns, piece, npieces);
            uint32_t last = (uint32_t)al_share_begin(ncolumns, piece + 1, npieces);
            for (size_t place = (size_t)zone->columns[first] * AL_BLOCK;
                 place < (size_t)zone->columns[last] * AL_BLOCK; place++)
                fill_place(space, place);
            al_zone_bound(zone, first, last, space->x_bounds, space->block_bounds, space->cluster_bounds);
            al_zone_span(zone, first, last, space->block_bounds, &space->spans);
        }
    return 0;
}

static void fill_blocks(al_space *space)
{
    for (size_t place = 0; place < AL_BLOCK && space->mass_stride == 0; place++)
        set_mass(space, place, space->opts.masses.same);
    (void)al_shares_do(&space->threads, nshares_of(space) * PIECES_A_THREAD, fill_pieces, space);
    for (int z = 0; z < AL_ZONES; z++)
        space->zone_bounds[z] = al_zone_bounds(&space->zones[z]);
}

/** Floats hold positions a little beside where they are: lists reach farther by that, so that none is lost.
 */
static float with_slack(const al_space *space, double reach)
{
    double greatest = 0, half[3];
    for (int d = 0; d < 3; d++)
        half[d] = (space->domain.hi[d] - space->domain.lo[d]) / 2;
    const double *slope = space->lattice.slope;
    half[0] += fabs(slope[0]) * half[1] + fabs(slope[1]) * half[2];
    half[1] += fabs(slope[2]) * half[2];
    for (int d = 0; d < 3; d++)
        greatest = fmax(greatest, half[d] + space->opts.reach + 2 * space->atoms.radius);
    return (float)(reach * (1 + 1e-6) + 4 * FLT_EPSILON * greatest);
}

static int build_part(uint64_t begin, uint64_t end, void *arg)
{
    al_space *space = arg;
    const al_pair_space pairs = {.zones = space->zones,
                                 .blocks = space->block_bounds,
                                 .clusters = space->cluster_bounds,
                                 .spans = space->spans,
                                 .zone_bounds = space->zone_bounds,
                                 .x = space->x_bounds,
                                 .kernels = space->opts.kernels,
                                 .reach = with_slack(space, space->opts.reach),
                                 .excluded_first = space->excluded_first,
                                 .excluded = space->excluded};
    uint32_t nhome = space->nhome_parts;
    for (uint64_t k = begin; k < end; k++) {
        bool is_home = k < nhome;
        uint64_t nblocks = is_home ? space->nhome_blocks : al_pairs_nblocks(space->zones);
        uint64_t part = is_home ? k : k - nhome, nparts = is_home ? nhome : space->nparts - nhome;
        al_pairs_of of = is_home ? AL_PAIRS_HOME : nhome > 0 ? AL_PAIRS_COPIES : AL_PAIRS_ALL;
        if (!al_pairs_build(&space->parts[k], &pairs, of, (uint32_t)(nblocks * part / nparts),
                            (uint32_t)(nblocks * (part + 1) / nparts)))
            return 1;
    }
    return 0;
}

static int prune_part(uint64_t begin, uint64_t end, void *arg)
{
    al_space *space = arg;
    for (uint64_t k = begin; k < end; k++)
        if (!al_pairs_prune(&space->parts[k], space->opts.kernels, space->x_bounds,
                            with_slack(space, space->opts.near)))
            return 1;
    return 0;
}

static int round_blocks(uint64_t begin, uint64_t end, void *arg)
{
    al_space *space = arg;
    for (uint64_t k = begin * AL_BLOCK_REALS; k < end * AL_BLOCK_REALS; k++)
        space->x_bounds[k] = (float)((const double *)space->xr)[k];
    return 0;
}

bool al_space_prune(al_space *space)
{
    if (space->opts.is_double)
        (void)!allot_for(space->opts.pool, space->nblocks, round_blocks, space, NULL, NULL);
    return al_shares_do(&space->threads, space->nparts, prune_part, space);
}

static int by_id(const void *a, const void *b)
{
    const al_atom *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/** To their ranks, each with its group: all follow where their leader goes. */
static allot_err migrate_groups(al_space *space, allot_error *err)
{
    al_comm *comm = space->opts.comm;
    al_migrants *members = &space->members;
    double radius = 0;
    allot_err code =
        al_groups_join(&space->opts.groups, &space->domain, &space->migrants, members, &radius, err);
    if (code == ALLOT_OK) {
        comm->greatest(comm, &radius, 1); /* the same halo for all */
        code = al_migrate(members, comm, &space->domain, !space->is_placed, err);
    }
    if (code != ALLOT_OK)
        return code;
    double *lead = realloc(space->atoms.lead, ((size_t)members->n + 1) * 3 * sizeof *lead);
    if (lead == NULL || !al_migrants_grow(&space->migrants, members->n))
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    space->atoms.lead = lead;
    space->atoms.radius = radius;
    return ALLOT_OK;
}

/** Members as atoms again, and where their leaders are. */
static int leave_groups(uint64_t begin, uint64_t end, void *arg)
{
    al_space *space = arg;
    const al_member *members = (const al_member *)(const void *)space->members.records;
    al_atom *atoms = (al_atom *)(void *)space->migrants.records;
    uint64_t last = al_share_begin(space->members.n, end, nshares_of(space));
    for (uint64_t k = al_share_begin(space->members.n, begin, nshares_of(space)); k < last; k++) {
        for (int d = 0; d < 3; d++)
            space->atoms.lead[3 * k + (uint64_t)d] = al_domain_at(&space->domain, members[k].atom.x, d);
        atoms[k] = members[k].atom;
        memcpy(atoms[k].x, members[k].x, sizeof atoms[k].x);
    }
    return 0;
}

/** Home atoms to where they belong. */
static allot_err migrate(al_space *space, bool is_fresh, allot_error *err)
{
    bool has_groups = space->opts.groups.leader != NULL;
    al_migrants *records = has_groups ? &space->members : &space->migrants;
    allot_err code = has_groups
                         ? migrate_groups(space, err)
                         : al_migrate(records, space->opts.comm, &space->domain, !space->is_placed, err);
    if (code == ALLOT_OK && is_fresh) /* members begin as atoms do */
        qsort(records->records, records->n, records->nbytes, by_id);
    if (code == ALLOT_OK && has_groups) {
        space->migrants.n = space->members.n;
        (void)al_shares_do(&space->threads, nshares_of(space), leave_groups, space);
    }
    return code;
}

allot_err al_space_rebuild(al_space *space, bool is_fresh, allot_error *err)
{
    if (!al_space_collect(space, &space->migrants))
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    uint64_t begin_ns = al_clock_ns();
    allot_err code = migrate(space, is_fresh, err);
    uint64_t migrated_ns = al_clock_ns();
    if (code == ALLOT_OK && !take_home(space))
        code = al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    if (code == ALLOT_OK)
        code = al_halo_build(&space->halo, space->opts.comm, &space->domain, space->opts.reach, &space->atoms,
                             err);
    space->migrate_ns = migrated_ns - begin_ns;
    space->halo_ns = al_clock_ns() - migrated_ns;
    if (code != ALLOT_OK)
        return code;
    if (!sort_zones(space) || !grow_blocks(space, space->nblocks) ||
        !al_halo_rename(&space->halo, space->places, space->atoms.n))
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    fill_blocks(space);
    if (space->opts.placed != NULL && !space->opts.placed(space->opts.placed_arg, space))
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    space->is_placed = true;
    space->migrants.n = 0;
    if (!al_shares_do(&space->threads, space->nparts, build_part, space) || !al_space_prune(space))
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    return ALLOT_OK;
}
