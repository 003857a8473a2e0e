/* minimise.c - see minimise.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/minimise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "md/carry.h"

void al_minimise_even_masses(al_topology *topology)
{
    for (uint32_t m = 0; m < topology->nmolecules; m++)
        for (uint32_t k = 0; k < topology->molecules[m].natoms; k++)
            if (topology->molecules[m].atoms[k].mass > 0)
                topology->molecules[m].atoms[k].mass = 1;
}

/* ---- tries ----------------------------------------------------------------------------------------------
 */

/** Vectors, by number. What is remembered of moves and of changes of forces comes after them. */
enum { FORCE_A, FORCE_B, MOVE, WAY, PAIRS };

typedef struct descent {
    al_md *md;
    const al_minimise_opts *opts;
    al_carry carry;
    uint32_t force, tried_force; /* FORCE_A or FORCE_B: of the lowest energy, and of the last try */
    double moved;                /* no atom has gone farther since forces were last found */
    al_minimum *now, tried;
} descent;

static double *vector(const descent *d, uint32_t which)
{
    return al_carry_vector(&d->carry, which);
}

static size_t nreals(const descent *d)
{
    return (size_t)d->md->space.nhome_blocks * AL_BLOCK_REALS;
}

static double greatest(const descent *d, double value)
{
    al_comm *comm = d->md->opts.space.comm;
    comm->greatest(comm, &value, 1);
    return value;
}

static double dot(const descent *d, const double *a, const double *b)
{
    al_comm *comm = d->md->opts.space.comm;
    double sum = 0;
    for (size_t n = 0; n < nreals(d); n++)
        sum += a[n] * b[n];
    comm->sum(comm, &sum, 1);
    return sum;
}

/** The square of the longest of a vector's, one an atom. @param[out] place  whose; of this rank */
static double longest2(const descent *d, const double *a, size_t *place)
{
    double most = -1;
    for (size_t k = 0; k < (size_t)d->md->space.nhome_blocks * AL_BLOCK; k++) {
        double x = a[al_block_at(k, 0)], y = a[al_block_at(k, 1)], z = a[al_block_at(k, 2)];
        double square = x * x + y * y + z * z;
        if (!(square <= most)) {
            most = square;
            *place = k;
        }
    }
    return most;
}

/** The shortest length that positions tell, where about one unit of length is what counts. */
static double least_length(const descent *d)
{
    return d->md->opts.space.is_double ? 1e-12 : 1e-6;
}

/** Forces are what md says they are: in a frame of a trajectory, too. */
static void put_forces(const descent *d)
{
    const al_space *space = &d->md->space;
    const double *f = vector(d, d->force);
    for (size_t n = 0; n < nreals(d); n++)
        if (space->opts.is_double)
            ((double *)space->fr)[n] = f[n];
        else
            ((float *)space->fr)[n] = (float)f[n];
}

/** What the forces of a try are like. */
static void look(const descent *d, al_minimum *m)
{
    const al_space *space = &d->md->space;
    const double *f = vector(d, d->tried_force);
    size_t place = 0;
    double mine = longest2(d, f, &place), most = greatest(d, mine);
    bool is_here = space->nhome > 0 && !(mine < most) && space->id[place] != AL_NO_ATOM;
    m->atom = (uint64_t)-greatest(d, is_here ? -(double)space->id[place] : -0x1p53);
    m->fmax = sqrt(most);
    m->rms = sqrt(dot(d, f, f) / (double)d->md->natoms);
}

/** Energy and forces where atoms are now. */
static allot_err evaluate(descent *d, allot_error *err)
{
    al_space *space = &d->md->space;
    uint64_t nlists = d->md->nlists;
    allot_err code = al_md_evaluate(d->md, d->moved, err);
    if (code == ALLOT_OK && d->md->nlists != nlists)
        code = al_carry_follow(&d->carry, err);
    if (code != ALLOT_OK)
        return code;
    d->moved = 0;
    memcpy(vector(d, d->tried_force), space->v, nreals(d) * sizeof *space->v);
    memset(space->v, 0, nreals(d) * sizeof *space->v);
    al_md_thermo(d->md, &d->tried.thermo);
    look(d, &d->tried);
    return ALLOT_OK;
}

static double potential(const al_minimum *m)
{
    return m->thermo.potential;
}

static bool is_number(const al_minimum *m)
{
    return isfinite(potential(m)) && isfinite(m->fmax);
}

/** The last try is the lowest one. */
static void accept(descent *d)
{
    uint32_t force = d->force;
    d->force = d->tried_force;
    d->tried_force = force;
    d->now->thermo = d->tried.thermo;
    d->now->fmax = d->tried.fmax;
    d->now->atom = d->tried.atom;
    d->now->rms = d->tried.rms;
    put_forces(d);
}

/** From the last try to where it set out from. Whatever box the list has put atoms into meanwhile, the way
 * back is as long. */
static void go_back(descent *d)
{
    size_t place;
    const double *move = vector(d, MOVE);
    for (size_t n = 0; n < nreals(d); n++)
        d->md->space.x[n] -= move[n];
    d->moved += sqrt(greatest(d, longest2(d, move, &place)));
    put_forces(d);
}

/** Keep lengths along the way, on all ranks or none. *is_good is false where they cannot be kept. */
static allot_err keep_lengths(descent *d, double by, bool *is_good, allot_error *err)
{
    al_rigid *rigid = &d->md->field.rigid;
    *is_good = true;
    if (!al_rigid_is_any(rigid))
        return ALLOT_OK;
    allot_err code = al_rigid_positions(rigid, &d->md->space, by, false, NULL, err);
    if (code != ALLOT_OK && code != ALLOT_ERANGE)
        return code;
    *is_good = !(greatest(d, code == ALLOT_ERANGE) > 0);
    return ALLOT_OK;
}

/** From where atoms are, so far along a vector; then energy and forces.
 * @param[out] is_good  false: lengths cannot be kept that far, and atoms are where they were */
static allot_err try_along(descent *d, uint32_t way, double by, bool *is_good, allot_error *err)
{
    al_space *space = &d->md->space;
    size_t place, nbytes = nreals(d) * sizeof *space->x;
    double *move = vector(d, MOVE);
    memcpy(move, space->x, nbytes); /* where they were, for now */
    memcpy(space->v, vector(d, way), nbytes);
    for (size_t n = 0; n < nreals(d); n++)
        space->x[n] += by * space->v[n];
    allot_err code = keep_lengths(d, by, is_good, err);
    if (code != ALLOT_OK)
        return code;
    if (!*is_good) {
        memcpy(space->x, move, nbytes);
        memset(space->v, 0, nbytes);
        return ALLOT_OK;
    }
    for (size_t n = 0; n < nreals(d); n++)
        move[n] = space->x[n] - move[n];
    d->tried.length = sqrt(greatest(d, longest2(d, move, &place)));
    d->moved += d->tried.length;
    return evaluate(d, err);
}

static bool is_stopped(const descent *d)
{
    const al_md_opts *o = &d->md->opts;
    bool is_late = o->deadline_ns > 0 && al_clock_ns() >= o->deadline_ns;
    return greatest(d, is_late || (o->stop != NULL && *o->stop != 0)) > 0;
}

/** @param is_shortest  steps have become as short as they can be */
static allot_err tell(descent *d, uint64_t step, bool is_shortest, allot_error *err)
{
    al_minimum *now = d->now;
    d->md->step = step;
    now->step = now->thermo.step = step;
    now->end = now->fmax < d->opts->tolerance || now->fmax <= 0 ? AL_MINIMUM_CONVERGED
               : step >= d->opts->nsteps                        ? AL_MINIMUM_STEPS
               : is_shortest                                    ? AL_MINIMUM_PRECISION
               : is_stopped(d)                                  ? AL_MINIMUM_STOPPED
                                                                : AL_MINIMUM_GOES_ON;
    return d->opts->tell != NULL ? d->opts->tell(d->opts->arg, now, err) : ALLOT_OK;
}

/** The first energy. */
static allot_err begin(descent *d, allot_error *err)
{
    allot_err code = evaluate(d, err);
    if (code == ALLOT_OK && !is_number(&d->tried))
        code = al_fail(err, ALLOT_ERANGE, 0,
                       "the energy where it begins is not a number: atoms are on top of each other");
    if (code != ALLOT_OK)
        return code;
    accept(d);
    d->now->length = d->opts->step;
    return tell(d, 0, false, err);
}

/* ---- steepest descent -----------------------------------------------------------------------------------
 */

static allot_err descend(descent *d, allot_error *err)
{
    allot_err code = begin(d, err);
    al_minimum *now = d->now;
    while (code == ALLOT_OK && now->end == AL_MINIMUM_GOES_ON) {
        bool is_good;
        code = try_along(d, d->force, now->length / now->fmax, &is_good, err);
        if (code != ALLOT_OK)
            break;
        if (is_good && is_number(&d->tried) && potential(&d->tried) < potential(now)) {
            accept(d);
            now->length *= 1.2;
        } else {
            if (is_good)
                go_back(d);
            now->length *= 0.5;
        }
        code = tell(d, now->step + 1, now->length < least_length(d), err);
    }
    return code;
}

/* ---- L-BFGS ---------------------------------------------------------------------------------------------
 */

/** What it remembers: a ring of pairs. */
typedef struct memory {
    double *per_curvature; /* [ncorrections]: one over s.y */
    double *shares;        /* [ncorrections] */
    uint32_t n, next;
    double scale; /* s.y / y.y of the last pair */
} memory;

static uint32_t moves_of(uint32_t pair)
{
    return PAIRS + 2 * pair;
}

static uint32_t changes_of(uint32_t pair)
{
    return PAIRS + 2 * pair + 1;
}

static void add(const descent *d, double by, const double *what, double *to)
{
    for (size_t n = 0; n < nreals(d); n++)
        to[n] += by * what[n];
}

/** The way to go, by forces and what is remembered: algorithm 7.4. */
static void find_way(descent *d, memory *m)
{
    uint32_t most = d->opts->ncorrections;
    double *way = vector(d, WAY);
    memcpy(way, vector(d, d->force), nreals(d) * sizeof *way);
    for (uint32_t k = 0; k < m->n; k++) {
        uint32_t pair = (m->next + most - 1 - k) % most;
        m->shares[pair] = m->per_curvature[pair] * dot(d, vector(d, moves_of(pair)), way);
        add(d, -m->shares[pair], vector(d, changes_of(pair)), way);
    }
    for (size_t n = 0; m->n > 0 && n < nreals(d); n++)
        way[n] *= m->scale;
    for (uint32_t k = m->n; k-- > 0;) {
        uint32_t pair = (m->next + most - 1 - k) % most;
        double share = m->per_curvature[pair] * dot(d, vector(d, changes_of(pair)), way);
        add(d, m->shares[pair] - share, vector(d, moves_of(pair)), way);
    }
}

/** The last try was a step: its move, and what it changed of the gradient, which is minus the force. A pair
 * without curvature is none. */
static void remember(descent *d, memory *m)
{
    double *move = vector(d, moves_of(m->next)), *change = vector(d, changes_of(m->next));
    const double *before = vector(d, d->force), *after = vector(d, d->tried_force);
    memcpy(move, vector(d, MOVE), nreals(d) * sizeof *move);
    for (size_t n = 0; n < nreals(d); n++)
        change[n] = before[n] - after[n];
    double curvature = dot(d, move, change), change2 = dot(d, change, change);
    if (!(curvature > 1e-10 * sqrt(dot(d, move, move) * change2)))
        return;
    m->per_curvature[m->next] = 1 / curvature;
    m->scale = curvature / change2;
    m->next = (m->next + 1) % d->opts->ncorrections;
    m->n += m->n < d->opts->ncorrections;
}

/** A place along the way, the energy there, and how it changes. */
typedef struct point {
    double at, energy, slope;
} point;

/** Where a cubic through two points has its minimum; not too near to either. */
static double between(const point *a, const point *b)
{
    double span = b->at - a->at, mean = a->slope + b->slope - 3 * (a->energy - b->energy) / (a->at - b->at);
    double root = sqrt(mean * mean - a->slope * b->slope);
    double at = b->at - span * (b->slope + root - mean) / (b->slope - a->slope + 2 * root);
    return isfinite(at) ? fmin(fmax(at, a->at + 0.1 * span), b->at - 0.1 * span) : a->at + 0.5 * span;
}

enum { TRIES_MOST = 30 };

/** Whether a point is as low as it should be for how far it is, and where energies are too near to each other
 * to tell, as flat. */
static bool is_low(const descent *d, const point *start, const point *p)
{
    double enough = 1e-4, noise = (d->md->opts.space.is_double ? 1e-13 : 1e-7) * fabs(start->energy);
    if (p->energy <= start->energy + enough * p->at * start->slope)
        return true;
    return p->energy <= start->energy + noise && p->slope <= (2 * enough - 1) * start->slope;
}

/** Along the way, from the place `by` on: a try that is low and flat enough, or the best that there is at
 * `most`. *is_found is false where there is none; atoms are where they were then. */
static allot_err search(descent *d, double by, double most, bool *is_found, allot_error *err)
{
    point start = {0, potential(d->now), -dot(d, vector(d, d->force), vector(d, WAY))}, low = start,
          high = {INFINITY, 0, 0};
    *is_found = false;
    for (int k = 0; k < TRIES_MOST; k++) {
        point p = {.at = fmin(by, most)};
        bool is_good;
        allot_err code = try_along(d, WAY, p.at, &is_good, err);
        if (code != ALLOT_OK)
            return code;
        p.energy = potential(&d->tried);
        p.slope = -dot(d, vector(d, d->tried_force), vector(d, WAY));
        if (!is_number(&d->tried) || !is_low(d, &start, &p))
            high = p;
        else if (p.slope < 0.9 * start.slope && p.at < most)
            low = p;
        else {
            *is_found = true;
            return ALLOT_OK;
        }
        go_back(d);
        by = high.at < INFINITY ? between(&low, &high) : 2 * p.at;
    }
    return ALLOT_OK;
}

/** One step. @param[out] is_shortest  no lower energy was found, or nearly where it was */
static allot_err step(descent *d, memory *m, bool *is_shortest, allot_error *err)
{
    size_t place;
    bool is_found = false;
    allot_err code = ALLOT_OK;
    for (bool is_plain = false; code == ALLOT_OK && !is_found && !is_plain;) {
        is_plain = m->n == 0;
        find_way(d, m);
        double farthest = sqrt(greatest(d, longest2(d, vector(d, WAY), &place)));
        code =
            search(d, is_plain ? d->opts->step / farthest : 1, 10 * d->opts->step / farthest, &is_found, err);
        if (!is_found)
            m->n = 0; /* along the forces, then */
    }
    *is_shortest = !is_found;
    if (code != ALLOT_OK || !is_found)
        return code;
    remember(d, m);
    accept(d);
    d->now->length = d->tried.length;
    *is_shortest = d->tried.length < least_length(d);
    return ALLOT_OK;
}

static allot_err bend(descent *d, memory *m, allot_error *err)
{
    allot_err code = begin(d, err);
    while (code == ALLOT_OK && d->now->end == AL_MINIMUM_GOES_ON) {
        bool is_shortest;
        code = step(d, m, &is_shortest, err);
        if (code == ALLOT_OK)
            code = tell(d, d->now->step + 1, is_shortest, err);
    }
    return code;
}

static allot_err run_lbfgs(descent *d, allot_error *err)
{
    uint32_t n = d->opts->ncorrections;
    memory m = {.per_curvature = malloc(n * sizeof(double)), .shares = malloc(n * sizeof(double))};
    allot_err code = m.per_curvature != NULL && m.shares != NULL
                         ? bend(d, &m, err)
                         : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    free(m.per_curvature);
    free(m.shares);
    return code;
}

allot_err al_minimise(al_md *md, const al_minimise_opts *opts, al_minimum *now, allot_error *err)
{
    bool is_lbfgs = opts->method == AL_LBFGS;
    descent d = {.md = md, .opts = opts, .force = FORCE_A, .tried_force = FORCE_B, .now = now};
    *now = (al_minimum){.end = AL_MINIMUM_GOES_ON};
    if (is_lbfgs && al_rigid_is_any(&md->field.rigid))
        return al_fail(err, ALLOT_EUNSUPPORTED, 0, "l-bfgs keeps no lengths: of constraints or rigid waters");
    allot_err code = ALLOT_OK;
    if (!al_carry_open(&d.carry, &md->space, is_lbfgs ? PAIRS + 2 * opts->ncorrections : PAIRS))
        code = al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    if (code == ALLOT_OK)
        code = is_lbfgs ? run_lbfgs(&d, err) : descend(&d, err);
    al_carry_close(&d.carry);
    return code;
}
