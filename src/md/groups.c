/* groups.c - see groups.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/groups.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "md/id_map.h"

/** What a share of the atoms found. */
typedef struct share {
    double most2;
    uint32_t bad; /* the first one without its leader, or how many there are */
} share;

/** Atoms becoming members. */
typedef struct joining {
    const al_groups *groups;
    const al_domain *domain;
    const al_atom *atoms;
    al_member *made;
    uint64_t *ids, *leaders; /* [n] */
    al_id_map map;
    share *shares; /* [nshares] */
    uint32_t n, nshares;
} joining;

/** Move x by vectors of the box to where it is nearest to its leader. Of one that is there already no bit
 * changes. @return how far it is then, squared */
static double put_beside(const al_domain *domain, const double lead[3], double x[3])
{
    double apart[3] = {x[0] - lead[0], x[1] - lead[1], x[2] - lead[2]};
    for (int d = 2; d >= 0; d--) {
        double u = domain->lattice != NULL ? al_lattice_raw(domain->lattice, apart, d) : apart[d];
        double n = -rint(u / domain->box[d]);
        if (n == 0)
            continue;
        al_domain_move(domain, x, d, n);
        al_domain_move(domain, apart, d, n);
    }
    return apart[0] * apart[0] + apart[1] * apart[1] + apart[2] * apart[2];
}

static int find_leaders(uint64_t begin, uint64_t end, void *arg)
{
    const joining *j = arg;
    uint64_t last = al_share_begin(j->n, end, j->nshares);
    for (uint64_t k = al_share_begin(j->n, begin, j->nshares); k < last; k++) {
        j->ids[k] = j->atoms[k].id;
        j->leaders[k] = j->groups->leader(j->groups->arg, j->ids[k]);
    }
    return 0;
}

/** An atom beside its leader. @return how far it is then, squared */
static double join(const joining *j, const al_atom *atom, const al_atom *leader, al_member *made)
{
    made->atom = *atom;
    memcpy(made->x, atom->x, sizeof made->x);
    memcpy(made->atom.x, leader->x, sizeof made->x);
    return put_beside(j->domain, made->atom.x, made->x);
}

static int join_shares(uint64_t begin, uint64_t end, void *arg)
{
    const joining *j = arg;
    for (uint64_t k = begin; k < end; k++) {
        share *s = &j->shares[k];
        *s = (share){.bad = j->n};
        uint32_t last = (uint32_t)al_share_begin(j->n, k + 1, j->nshares);
        for (uint32_t n = (uint32_t)al_share_begin(j->n, k, j->nshares); n < last && s->bad == j->n; n++) {
            uint32_t at = al_id_map_find(&j->map, j->leaders[n]);
            double r2 = at != AL_ID_NONE ? join(j, &j->atoms[n], &j->atoms[at], &j->made[n]) : 0;
            s->most2 = r2 > s->most2 ? r2 : s->most2;
            s->bad = at != AL_ID_NONE ? j->n : n;
        }
    }
    return 0;
}

/** What all shares found. */
static allot_err settle(const joining *j, double *radius, allot_error *err)
{
    double most2 = 0;
    for (uint32_t k = 0; k < j->nshares; k++) {
        const share *s = &j->shares[k];
        if (s->bad < j->n)
            return al_fail(err, ALLOT_ERANGE, 0,
                           "atom %" PRIu64 " is not where atom %" PRIu64 " is, which it goes with",
                           j->ids[s->bad] + 1, j->leaders[s->bad] + 1);
        most2 = s->most2 > most2 ? s->most2 : most2;
    }
    *radius = sqrt(most2);
    return ALLOT_OK;
}

allot_err al_groups_join(const al_groups *groups, const al_domain *domain, const al_migrants *atoms,
                         al_migrants *members, double *radius, allot_error *err)
{
    const al_threads *threads = &members->threads;
    joining j = {.groups = groups,
                 .domain = domain,
                 .atoms = (const al_atom *)(const void *)atoms->records,
                 .n = atoms->n,
                 .nshares = al_threads_count(threads)};
    j.ids = malloc(((size_t)j.n + 1) * 2 * sizeof *j.ids);
    j.shares = malloc(j.nshares * sizeof *j.shares);
    bool good = j.ids != NULL && j.shares != NULL && al_migrants_grow(members, j.n);
    if (good) {
        j.leaders = j.ids + j.n;
        j.made = (al_member *)(void *)members->records;
        (void)al_shares_do(threads, j.nshares, find_leaders, &j);
        good = al_id_map_build(&j.map, j.ids, j.n, threads);
    }
    if (good)
        (void)al_shares_do(threads, j.nshares, join_shares, &j);
    members->n = j.n;
    allot_err code = good ? settle(&j, radius, err) : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    al_id_map_fini(&j.map);
    free(j.ids);
    free(j.shares);
    return code;
}

void al_groups_enter(const al_groups *groups, const al_domain *domain, al_atom *atoms, uint64_t n)
{
    for (int is_leader = 0; is_leader < 2; is_leader++) /* leaders last: the others look where they were */
        for (uint64_t k = 0; k < n; k++) {
            uint64_t leader = groups->leader != NULL ? groups->leader(groups->arg, k) : k;
            double lead[3];
            if ((leader == k) != (is_leader == 1) || leader >= n)
                continue;
            memcpy(lead, atoms[leader].x, sizeof lead);
            for (int d = 2; d >= 0; d--) {
                double by = al_domain_enter(domain, lead, d, false);
                if (by != 0 && leader != k)
                    al_domain_move(domain, atoms[k].x, d, by);
            }
            if (leader == k)
                memcpy(atoms[k].x, lead, sizeof lead);
        }
}
