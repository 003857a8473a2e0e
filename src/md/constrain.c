/* constrain.c - see constrain.h.
 *
 * A cluster's equations couple constraints that share an atom, so their matrix is sparse; clusters of
 * hydrogens around an atom are small and full, those of whole molecules long and thin. Both are solved by
 * conjugate gradients with the matrix of the directions before the step, which is symmetric and positive:
 * exact after n rounds for a cluster of n, near enough after some ten for a long one. Newton's outer rounds
 * then remove what directions have changed by.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/constrain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "md/grow.h"

enum { ROUNDS_MOST = 100 };

/** Two constraints of a cluster, counted from its first, that share an atom. */
typedef struct constrain_coupling {
    uint32_t a, b;
    double per_mass; /* of the atom; negative where one points to it and the other away */
} coupling;

typedef struct constrain_cluster {
    uint32_t first, n, first_coupling, ncouplings;
} cluster;

/** Room for the cluster at hand. */
typedef struct work {
    double (*before)[3], (*now)[3],
        (*way)[3]; /* vectors from first atom to second; way: directions of forces */
    double *square, *wanted, *impulse, *all, *rest, *search, *result;
    uint32_t room;
} work;

/** A thread's part. */
typedef struct constrain_share {
    double virial[9];
    work work;
    allot_err code;
    uint32_t bad;
    char apart[64];
} share;

/* ---- what there is --------------------------------------------------------------------------------------
 */

void al_constraints_clear(al_constraints *constraints)
{
    for (uint32_t k = 0; k < constraints->nkinds; k++)
        constraints->waters[k].n = 0;
    constraints->nbonds = constraints->nclusters = constraints->ncouplings = 0;
}

static bool same_kind(const al_settle *a, const al_settle *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/** Room for n more waters of a kind. @return NULL: out of memory */
static al_waters *make_waters(al_constraints *constraints, const al_settle *kind, uint32_t n)
{
    uint32_t k = 0;
    while (k < constraints->nkinds && !same_kind(&constraints->waters[k].kind, kind))
        k++;
    if (k == constraints->nkinds) {
        al_waters *more = realloc(constraints->waters, (k + 1) * sizeof *more);
        if (more == NULL)
            return NULL;
        constraints->waters = more;
        constraints->nkinds++;
        more[k] = (al_waters){.kind = *kind};
    }
    al_waters *waters = &constraints->waters[k];
    bool good = al_grow(&waters->places, &waters->room, 3 * (waters->n + n), sizeof *waters->places);
    return good ? waters : NULL;
}

bool al_constraints_add_water(al_constraints *constraints, const al_settle *kind, const uint32_t places[3])
{
    al_waters *waters = make_waters(constraints, kind, 1);
    if (waters == NULL)
        return false;
    memcpy(waters->places + 3 * waters->n++, places, 3 * sizeof *places);
    return true;
}

/** An end of a constraint. */
typedef struct bond_end {
    uint32_t place, bond, which;
} bond_end;

static int by_place(const void *a, const void *b)
{
    const bond_end *x = a, *y = b;
    return x->place != y->place ? (x->place > y->place) - (x->place < y->place)
                                : (x->bond > y->bond) - (x->bond < y->bond);
}

/** List which of n constraints share atoms. @return false: out of memory */
static bool couple(al_constraints *constraints, const al_constraint *bonds, uint32_t n)
{
    if (n < 2)
        return true; /* nothing to couple */
    bond_end *ends = malloc((size_t)n * 2 * sizeof *ends);
    bool good = ends != NULL;
    for (uint32_t k = 0; good && k < 2 * n; k++)
        ends[k] = (bond_end){bonds[k / 2].place[k % 2], k / 2, k % 2};
    if (good)
        qsort(ends, 2 * (size_t)n, sizeof *ends, by_place);
    for (uint32_t a = 0; good && a < 2 * n; a++)
        for (uint32_t b = a + 1; good && b < 2 * n && ends[b].place == ends[a].place; b++) {
            double per_mass = bonds[ends[a].bond].per_mass[ends[a].which];
            good = al_grow(&constraints->couplings, &constraints->room_couplings, constraints->ncouplings + 1,
                           sizeof *constraints->couplings);
            if (good)
                constraints->couplings[constraints->ncouplings++] = (coupling){
                    ends[a].bond, ends[b].bond, ends[a].which == ends[b].which ? per_mass : -per_mass};
        }
    free(ends);
    return good;
}

bool al_constraints_add_cluster(al_constraints *constraints, const al_constraint *bonds, uint32_t n)
{
    uint32_t first_coupling = constraints->ncouplings;
    if (!al_grow(&constraints->bonds, &constraints->room_bonds, constraints->nbonds + n, sizeof *bonds) ||
        !al_grow(&constraints->clusters, &constraints->room_clusters, constraints->nclusters + 1,
                 sizeof *constraints->clusters) ||
        !couple(constraints, bonds, n))
        return false;
    memcpy(constraints->bonds + constraints->nbonds, bonds, n * sizeof *bonds);
    constraints->clusters[constraints->nclusters++] =
        (cluster){constraints->nbonds, n, first_coupling, constraints->ncouplings - first_coupling};
    constraints->nbonds += n;
    return true;
}

bool al_constraints_append(al_constraints *all, const al_constraints *more)
{
    for (uint32_t k = 0; k < more->nkinds; k++) {
        const al_waters *from = &more->waters[k];
        al_waters *to = from->n > 0 ? make_waters(all, &from->kind, from->n) : NULL;
        if (from->n > 0 && to == NULL)
            return false;
        if (to != NULL)
            memcpy(to->places + 3 * to->n, from->places, 3 * from->n * sizeof *to->places);
        if (to != NULL)
            to->n += from->n;
    }
    if (more->nclusters == 0)
        return true;
    if (!al_grow(&all->bonds, &all->room_bonds, all->nbonds + more->nbonds, sizeof *all->bonds) ||
        !al_grow(&all->clusters, &all->room_clusters, all->nclusters + more->nclusters,
                 sizeof *all->clusters) ||
        !al_grow(&all->couplings, &all->room_couplings, all->ncouplings + more->ncouplings + 1,
                 sizeof *all->couplings))
        return false;
    for (uint32_t k = 0; k < more->nclusters; k++) {
        cluster *c = &all->clusters[all->nclusters++];
        *c = more->clusters[k];
        c->first += all->nbonds;
        c->first_coupling += all->ncouplings;
    }
    memcpy(all->bonds + all->nbonds, more->bonds, more->nbonds * sizeof *all->bonds);
    all->nbonds += more->nbonds;
    if (more->ncouplings > 0)
        memcpy(all->couplings + all->ncouplings, more->couplings, more->ncouplings * sizeof *all->couplings);
    all->ncouplings += more->ncouplings;
    return true;
}

static void free_work(work *w)
{
    free(w->before);
    free(w->square);
}

void al_constraints_fini(al_constraints *constraints)
{
    for (uint32_t k = 0; k < constraints->nkinds; k++)
        free(constraints->waters[k].places);
    for (uint32_t k = 0; k < constraints->nshares; k++)
        free_work(&constraints->shares[k].work);
    free(constraints->waters);
    free(constraints->bonds);
    free(constraints->couplings);
    free(constraints->clusters);
    free(constraints->shares);
    *constraints = (al_constraints){.nkinds = 0};
}

/* ---- a cluster's equations ------------------------------------------------------------------------------
 */

static bool make_room(work *w, uint32_t n)
{
    if (n <= w->room)
        return true;
    free(w->before);
    free(w->square);
    w->room = n + n / 2;
    w->before = malloc(3 * w->room * sizeof *w->before);
    w->square = malloc(7 * w->room * sizeof *w->square);
    if (w->before == NULL || w->square == NULL) {
        w->room = 0;
        return false;
    }
    w->now = w->before + w->room;
    w->way = w->now + w->room;
    w->wanted = w->square + w->room;
    w->impulse = w->wanted + w->room;
    w->all = w->impulse + w->room;
    w->rest = w->all + w->room;
    w->search = w->rest + w->room;
    w->result = w->search + w->room;
    return true;
}

/** result = A all, where A_kl is way_k . way_l by what the two atoms in common weigh. */
static void multiply(const work *w, const al_constraint *bonds, const cluster *c, const coupling *couplings,
                     const double *vector, double *result)
{
    for (uint32_t k = 0; k < c->n; k++)
        result[k] = w->square[k] * (bonds[k].per_mass[0] + bonds[k].per_mass[1]) * vector[k];
    for (uint32_t k = 0; k < c->ncouplings; k++) {
        const coupling *both = &couplings[k];
        const double *a = w->way[both->a], *b = w->way[both->b];
        double by = both->per_mass * (a[0] * b[0] + a[1] * b[1] + a[2] * b[2]);
        result[both->a] += by * vector[both->b];
        result[both->b] += by * vector[both->a];
    }
}

static double product(const double *a, const double *b, uint32_t n)
{
    double sum = 0;
    for (uint32_t k = 0; k < n; k++)
        sum += a[k] * b[k];
    return sum;
}

/** Impulses for which A impulse = wanted, but for `rest` of it. (Hestenes and Stiefel, J. Res. Natl. Bur.
 * Stand. 49, 409, 1952.) */
static void solve(work *w, const al_constraint *bonds, const cluster *c, const coupling *couplings,
                  double rest)
{
    uint32_t n = c->n;
    memset(w->impulse, 0, n * sizeof *w->impulse);
    memcpy(w->rest, w->wanted, n * sizeof *w->rest);
    memcpy(w->search, w->wanted, n * sizeof *w->search);
    double square = product(w->rest, w->rest, n), enough = rest * rest * square;
    for (uint32_t round = 0; round < n + 10 && square > enough; round++) {
        multiply(w, bonds, c, couplings, w->search, w->result);
        double by = square / product(w->search, w->result, n), was = square;
        for (uint32_t k = 0; k < n; k++) {
            w->impulse[k] += by * w->search[k];
            w->rest[k] -= by * w->result[k];
        }
        square = product(w->rest, w->rest, n);
        for (uint32_t k = 0; k < n; k++)
            w->search[k] = w->rest[k] + square / was * w->search[k];
    }
}

/** From the first atom to the image of the second that is near it. */
static void vector_between(const double box[3][3], const double *x, const al_constraint *bond, double r[3])
{
    for (unsigned d = 0; d < 3; d++)
        r[d] = x[al_block_at(bond->place[1], d)] - x[al_block_at(bond->place[0], d)];
    for (int d = 2; d >= 0; d--) {
        double n = nearbyint(r[d] / box[d][d]);
        for (int e = 0; e <= d; e++)
            r[e] -= n * box[d][e];
    }
}

/** How far off the lengths are: wanted[] is what impulses must make good of. @return the worst, relative; not
 * a number if one is not */
static double look(work *w, const al_constraint *bonds, uint32_t n)
{
    double worst = 0;
    for (uint32_t k = 0; k < n; k++) {
        const double *r = w->now[k];
        double length2 = bonds[k].length * bonds[k].length;
        w->wanted[k] = (r[0] * r[0] + r[1] * r[1] + r[2] * r[2] - length2) / 2;
        double off = fabs(w->wanted[k]) / length2;
        worst = worst >= off || worst != worst ? worst : off;
    }
    return worst;
}

/** What impulses along the ways do to the vectors. */
static void push(work *w, const al_constraint *bonds, const cluster *c, const coupling *couplings)
{
    for (uint32_t k = 0; k < c->n; k++) {
        double by = w->impulse[k] * (bonds[k].per_mass[0] + bonds[k].per_mass[1]);
        for (int d = 0; d < 3; d++)
            w->now[k][d] -= by * w->way[k][d];
        w->all[k] += w->impulse[k];
    }
    for (uint32_t k = 0; k < c->ncouplings; k++) {
        const coupling *both = &couplings[k];
        for (int d = 0; d < 3; d++) {
            w->now[both->a][d] -= both->per_mass * w->impulse[both->b] * w->way[both->b][d];
            w->now[both->b][d] -= both->per_mass * w->impulse[both->a] * w->way[both->a][d];
        }
    }
}

/** Give atoms the impulses `by` times all[], along the ways. */
static void apply(const work *w, const al_constraint *bonds, uint32_t n, double by, double *to)
{
    for (uint32_t k = 0; k < n; k++)
        for (unsigned d = 0; d < 3; d++) {
            double impulse = by * w->all[k] * w->way[k][d];
            to[al_block_at(bonds[k].place[0], d)] += impulse * bonds[k].per_mass[0];
            to[al_block_at(bonds[k].place[1], d)] -= impulse * bonds[k].per_mass[1];
        }
}

static void add_virial(const work *w, uint32_t n, double by, double *virial)
{
    for (uint32_t k = 0; k < n; k++)
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                virial[3 * i + j] -= by * w->all[k] * w->way[k][i] * w->way[k][j];
}

/** Nothing is done yet. */
static void set_out(work *w, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        const double *way = w->way[k];
        w->square[k] = way[0] * way[0] + way[1] * way[1] + way[2] * way[2];
        w->all[k] = 0;
    }
}

/** @return ALLOT_OK; ALLOT_ENOMEM; ALLOT_ERANGE */
static allot_err positions_of(work *w, const al_constraint *bonds, const cluster *c,
                              const coupling *couplings, const al_settle_step *step, double *x, double *v,
                              double *virial)
{
    if (!make_room(w, c->n))
        return ALLOT_ENOMEM;
    for (uint32_t k = 0; k < c->n; k++) {
        vector_between(step->box, x, &bonds[k], w->now[k]);
        for (unsigned d = 0; d < 3; d++)
            w->way[k][d] = w->now[k][d] - step->dt * (v[al_block_at(bonds[k].place[1], d)] -
                                                      v[al_block_at(bonds[k].place[0], d)]);
    }
    set_out(w, c->n);
    int round = 0;
    while (!(look(w, bonds, c->n) <= AL_CONSTRAIN_TOLERANCE) && round++ < ROUNDS_MOST) {
        solve(w, bonds, c, couplings, 1e-3);
        push(w, bonds, c, couplings);
    }
    if (round > ROUNDS_MOST)
        return ALLOT_ERANGE;
    apply(w, bonds, c->n, 1, x);
    if (step->has_velocities)
        apply(w, bonds, c->n, 1 / step->dt, v);
    add_virial(w, c->n, 1 / (step->dt * step->dt), virial);
    return ALLOT_OK;
}

static allot_err velocities_of(work *w, const al_constraint *bonds, const cluster *c,
                               const coupling *couplings, const al_settle_step *step, const double *x,
                               double *v, double *virial)
{
    if (!make_room(w, c->n))
        return ALLOT_ENOMEM;
    for (uint32_t k = 0; k < c->n; k++) {
        vector_between(step->box, x, &bonds[k], w->way[k]);
        w->wanted[k] = 0;
        for (unsigned d = 0; d < 3; d++)
            w->wanted[k] +=
                w->way[k][d] * (v[al_block_at(bonds[k].place[1], d)] - v[al_block_at(bonds[k].place[0], d)]);
    }
    set_out(w, c->n);
    solve(w, bonds, c, couplings, 1e-12);
    memcpy(w->all, w->impulse, c->n * sizeof *w->all);
    apply(w, bonds, c->n, 1, v);
    add_virial(w, c->n, 1 / step->dt, virial);
    return isfinite(product(w->all, w->all, c->n)) ? ALLOT_OK : ALLOT_ERANGE;
}

/* ---- all of them, by threads ----------------------------------------------------------------------------
 */

typedef struct task {
    al_constraints *constraints;
    const al_constrain_step *step;
    const double *x;
    double *moved_x; /* NULL: velocities alone */
    double *v;
} task;

static void do_waters(const task *t, uint64_t k, double *virial)
{
    const al_constraints *all = t->constraints;
    uint64_t nshares = all->nshares;
    for (uint32_t kind = 0; kind < all->nkinds; kind++) {
        const al_waters *w = &all->waters[kind];
        uint64_t begin = (uint64_t)w->n * k / nshares, end = (uint64_t)w->n * (k + 1) / nshares;
        if (t->moved_x != NULL)
            t->step->kernels->positions(&w->kind, &t->step->settle, begin, end, w->places, t->moved_x, t->v,
                                        virial);
        else
            t->step->kernels->velocities(&w->kind, &t->step->settle, begin, end, w->places, t->x, t->v,
                                         virial);
    }
}

static int do_shares(uint64_t begin, uint64_t end, void *arg)
{
    const task *t = arg;
    const al_constraints *all = t->constraints;
    for (uint64_t k = begin; k < end; k++) {
        share *s = &all->shares[k];
        uint64_t first = (uint64_t)all->nclusters * k / all->nshares,
                 last = (uint64_t)all->nclusters * (k + 1) / all->nshares;
        memset(s->virial, 0, sizeof s->virial);
        s->code = ALLOT_OK;
        do_waters(t, k, s->virial);
        for (uint64_t n = first; n < last && s->code == ALLOT_OK; n++) {
            const cluster *c = &all->clusters[n];
            const al_constraint *bonds = all->bonds + c->first;
            const coupling *couplings = all->couplings + c->first_coupling;
            s->code = t->moved_x != NULL ? positions_of(&s->work, bonds, c, couplings, &t->step->settle,
                                                        t->moved_x, t->v, s->virial)
                                         : velocities_of(&s->work, bonds, c, couplings, &t->step->settle,
                                                         t->x, t->v, s->virial);
            s->bad = bonds->place[0];
        }
    }
    return 0;
}

/** A water that could not be kept leaves what is no number. */
static allot_err find_bad_water(const task *t, uint32_t *bad)
{
    const al_constraints *all = t->constraints;
    for (uint32_t kind = 0; kind < all->nkinds; kind++)
        for (uint32_t n = 0; n < 3 * all->waters[kind].n; n++) {
            *bad = all->waters[kind].places[n];
            if (!isfinite(t->v[al_block_at(*bad, 0)]) || !isfinite(t->x[al_block_at(*bad, 0)]))
                return ALLOT_ERANGE;
        }
    return ALLOT_OK;
}

static allot_err find_bad(const task *t, uint32_t *bad)
{
    const al_constraints *all = t->constraints;
    for (uint32_t k = 0; k < all->nshares; k++)
        if (all->shares[k].code != ALLOT_OK) {
            *bad = all->shares[k].bad;
            return all->shares[k].code;
        }
    bool is_good = true;
    for (uint32_t k = 0; k < all->nshares; k++)
        is_good = is_good && isfinite(all->shares[k].virial[0]);
    return is_good ? ALLOT_OK : find_bad_water(t, bad);
}

static allot_err run(task *t, double *virial, uint32_t *bad)
{
    al_constraints *all = t->constraints;
    const al_threads *threads = &t->step->threads;
    if (all->shares == NULL) {
        uint32_t n = al_threads_count(threads);
        all->shares = calloc(n, sizeof *all->shares);
        all->nshares = all->shares != NULL ? n : 0;
    }
    if (all->nshares == 0)
        return ALLOT_ENOMEM;
    (void)al_shares_do(threads, all->nshares, do_shares, t); /* a share is a thread's */
    for (int i = 0; virial != NULL && i < 9; i++) {
        virial[i] = 0;
        for (uint32_t k = 0; k < all->nshares; k++)
            virial[i] += all->shares[k].virial[i];
    }
    return find_bad(t, bad);
}

allot_err al_constrain_positions(al_constraints *constraints, const al_constrain_step *step, double *x,
                                 double *v, double *virial, uint32_t *bad)
{
    return run(&(task){.constraints = constraints, .step = step, .x = x, .moved_x = x, .v = v}, virial, bad);
}

allot_err al_constrain_velocities(al_constraints *constraints, const al_constrain_step *step, const double *x,
                                  double *v, double *virial, uint32_t *bad)
{
    return run(&(task){.constraints = constraints, .step = step, .x = x, .v = v}, virial, bad);
}
