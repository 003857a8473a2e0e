/* migrate.c - see migrate.h. One direction after the other: an atom that left through a corner takes three
 * steps.
 *
 * In a skewed box, putting an atom back along one vector moves it in space along others too, but its
 * coordinates in the lattice along later vectors not at all. So where atoms are put back as they pass, z
 * comes first. Where they are routed, x must come first, as rows of domains depend on it: then all are put
 * back before they leave.
 *
 * Invariant: every rank sends and receives the same number of messages, whatever it finds wrong on the way;
 * what is wrong is agreed upon at the end, so that all ranks return the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "comm/migrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

/** What every record begins with. */
typedef struct head {
    double x[3];
    uint64_t id;
} head;

bool al_migrants_grow(al_migrants *migrants, uint32_t n)
{
    if (n <= migrants->room && migrants->records != NULL)
        return true;
    char *more = realloc(migrants->records, ((size_t)n + n / 4 + 16) * migrants->nbytes);
    if (more == NULL)
        return false;
    migrants->records = more;
    migrants->room = n + n / 4 + 16;
    return true;
}

void al_migrants_fini(al_migrants *migrants)
{
    free(migrants->records);
    migrants->records = NULL;
    migrants->n = migrants->room = 0;
}

static head *at(const al_migrants *migrants, uint32_t k)
{
    return (head *)(void *)(migrants->records + k * migrants->nbytes);
}

static void append(al_migrants *to, const al_migrants *from, uint32_t k)
{
    memcpy(to->records + to->n++ * to->nbytes, at(from, k), to->nbytes);
}

/** Which way an atom at x leaves the domain in direction d. @return -1: down, 0: it stays, 1: up */
static int way_of(const al_domain *domain, int d, double x, bool is_routed)
{
    if (!is_routed)
        return x < domain->lo[d] ? -1 : x >= domain->hi[d];
    int steps = (al_domain_index(domain, d, x) - domain->at[d] + domain->grid[d]) % domain->grid[d];
    return steps == 0 ? 0 : steps <= domain->grid[d] / 2 ? 1 : -1;
}

/** Take out those that are beyond the domain in direction d. @return false: out of memory */
static bool split(al_migrants *all, const al_domain *domain, int d, bool is_routed, al_migrants *down,
                  al_migrants *up)
{
    uint32_t nkept = 0;
    down->n = up->n = 0;
    if (!al_migrants_grow(down, all->n) || !al_migrants_grow(up, all->n))
        return false;
    for (uint32_t k = 0; k < all->n; k++) {
        head *atom = at(all, k);
        int way = way_of(domain, d, al_domain_at(domain, atom->x, d), is_routed);
        if (way != 0)
            append(way < 0 ? down : up, all, k);
        else if (nkept++ != k)
            memcpy(at(all, nkept - 1), atom, all->nbytes);
    }
    all->n = nkept;
    return true;
}

/** Send some, and append those that come. @return false: out of memory */
static bool pass(al_migrants *all, al_migrants *some, al_comm *comm, int to, int from)
{
    uint32_t ncoming = 0;
    al_comm_exchange(comm, to, &some->n, sizeof some->n, from, &ncoming, sizeof ncoming);
    if (!al_migrants_grow(all, all->n + ncoming))
        return false;
    al_comm_exchange(comm, to, some->records, some->n * some->nbytes, from, at(all, all->n),
                     ncoming * all->nbytes);
    all->n += ncoming;
    return true;
}

/** Records being put into the box. */
typedef struct entering {
    const al_migrants *migrants;
    const al_domain *domain;
    int directions[3], n; /* in this order */
    bool is_far;
    uint32_t nshares;
} entering;

/** Put one back that left the box along vector d. What is then still outside is found to be astray. */
static void enter_one(const entering *e, uint32_t k, int d)
{
    double *x = at(e->migrants, k)->x, was[3] = {x[0], x[1], x[2]};
    double n = al_domain_enter(e->domain, x, d, e->is_far);
    double *beside = (double *)(void *)((char *)x + e->migrants->beside);
    if (n == 0 || e->migrants->beside == 0)
        return;
    if (memcmp(beside, was, sizeof was) == 0) /* it is the same, and stays so to the last bit */
        memcpy(beside, x, sizeof was);
    else
        al_domain_move(e->domain, beside, d, n);
}

static int enter_shares(uint64_t begin, uint64_t end, void *arg)
{
    const entering *e = arg;
    uint32_t last = (uint32_t)al_share_begin(e->migrants->n, end, e->nshares);
    for (uint32_t k = (uint32_t)al_share_begin(e->migrants->n, begin, e->nshares); k < last; k++)
        for (int n = 0; n < e->n; n++)
            enter_one(e, k, e->directions[n]);
    return 0;
}

/** Put them into the box along the vectors that are waiting for it. */
static void enter(entering *e)
{
    const al_threads *threads = &e->migrants->threads;
    if (e->n > 0)
        (void)al_shares_do(threads, e->nshares, enter_shares, e);
    e->n = 0;
}

static int find_astray(uint64_t begin, uint64_t end, void *arg)
{
    const entering *e = arg;
    uint64_t last = al_share_begin(e->migrants->n, end, e->nshares);
    for (uint64_t k = al_share_begin(e->migrants->n, begin, e->nshares); k < last; k++)
        if (!al_domain_has(e->domain, at(e->migrants, (uint32_t)k)->x))
            return 1;
    return 0;
}

/** The first atom that is not in the domain; NULL: none. */
static const head *stray(const entering *e)
{
    if (al_shares_do(&e->migrants->threads, e->nshares, find_astray, (void *)e))
        return NULL;
    for (uint32_t k = 0; k < e->migrants->n; k++)
        if (!al_domain_has(e->domain, at(e->migrants, k)->x))
            return at(e->migrants, k);
    return NULL;
}

/** Whether any rank has an atom astray: one of them is named, the same on all. */
static allot_err agree(const head *astray, al_comm *comm, allot_error *err)
{
    double greatest = astray != NULL ? (double)astray->id + 1 : 0, x[3] = {0, 0, 0};
    comm->greatest(comm, &greatest, 1);
    if (greatest == 0)
        return ALLOT_OK;
    if (astray != NULL && (double)astray->id + 1 == greatest)
        memcpy(x, astray->x, sizeof x);
    comm->sum(comm, x, 3);
    if (isfinite(x[0] + x[1] + x[2]))
        return al_fail(err, ALLOT_ERANGE, 0,
                       "atom %.0f moved by more than a domain at once, to (%.6g %.6g %.6g)", greatest, x[0],
                       x[1], x[2]);
    return al_fail(err, ALLOT_ERANGE, 0, "atom %.0f is nowhere: its position is (%.6g %.6g %.6g)", greatest,
                   x[0], x[1], x[2]);
}

/** To the ranks beside this one in direction d, and from them. @return false: out of memory */
static bool pass_both(al_migrants *migrants, al_comm *comm, const al_domain *domain, int d, bool is_routed,
                      al_migrants *down, al_migrants *up)
{
    return split(migrants, domain, d, is_routed, down, up) &&
           pass(migrants, down, comm, domain->below[d], domain->above[d]) &&
           pass(migrants, up, comm, domain->above[d], domain->below[d]);
}

allot_err al_migrate(al_migrants *migrants, al_comm *comm, const al_domain *domain, bool is_far,
                     allot_error *err)
{
    al_migrants down = {.nbytes = migrants->nbytes}, up = {.nbytes = migrants->nbytes};
    bool good = al_migrants_grow(migrants, migrants->n);
    bool is_routed = is_far || domain->cuts != NULL; /* what is beside in one slab may be far in the next */
    bool is_upward = is_routed || domain->lattice == NULL;
    entering e = {.migrants = migrants,
                  .domain = domain,
                  .is_far = is_far,
                  .nshares = al_threads_count(&migrants->threads)};
    for (int d = 2; d >= 0 && is_routed; d--)
        e.directions[e.n++] = d;
    for (int k = 0; k < 3 && good; k++) {
        int d = is_upward ? k : 2 - k;
        int nrounds = domain->grid[d] == 1 ? 0 : is_routed ? domain->grid[d] / 2 : 1;
        if (nrounds > 0)
            enter(&e);
        for (int round = 0; round < nrounds && good; round++)
            good = pass_both(migrants, comm, domain, d, is_routed, &down, &up);
        if (!is_routed)
            e.directions[e.n++] = d;
    }
    enter(&e);
    al_migrants_fini(&down);
    al_migrants_fini(&up);
    return good ? agree(stray(&e), comm, err) : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}
