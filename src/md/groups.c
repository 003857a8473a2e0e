/* groups.c - see groups.h.
 *
 * Leaders are found by a table of their ids, with open addresses: ids are any, and few of all there are.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/groups.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

/** Leaders by id: places in atoms, UINT32_MAX where there is none. */
typedef struct table {
    const al_atom *atoms;
    uint32_t *slots;
    uint64_t mask;
} table;

/** Where an id is, or would be. */
static uint32_t *slot_of(const table *t, uint64_t id)
{
    uint64_t at = id * UINT64_C(0x9e3779b97f4a7c15) >> 32;
    while (t->slots[at & t->mask] != UINT32_MAX && t->atoms[t->slots[at & t->mask]].id != id)
        at++;
    return &t->slots[at & t->mask];
}

static bool fill(table *t, const al_groups *groups, uint32_t n)
{
    uint64_t nslots = 64;
    while (nslots < 2 * (uint64_t)n)
        nslots *= 2;
    t->mask = nslots - 1;
    t->slots = malloc(nslots * sizeof *t->slots);
    if (t->slots == NULL)
        return false;
    memset(t->slots, 0xff, nslots * sizeof *t->slots);
    for (uint32_t k = 0; k < n; k++)
        if (groups->leader(groups->arg, t->atoms[k].id) == t->atoms[k].id)
            *slot_of(t, t->atoms[k].id) = k;
    return true;
}

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

allot_err al_groups_join(const al_groups *groups, const al_domain *domain, const al_migrants *atoms,
                         al_migrants *members, double *radius, allot_error *err)
{
    table t = {.atoms = (const al_atom *)(const void *)atoms->records};
    double most2 = 0;
    allot_err code = ALLOT_OK;
    if (!al_migrants_grow(members, atoms->n) || !fill(&t, groups, atoms->n))
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    al_member *made = (al_member *)(void *)members->records;
    for (uint32_t k = 0; k < atoms->n && code == ALLOT_OK; k++) {
        uint64_t leader = groups->leader(groups->arg, t.atoms[k].id);
        uint32_t at = *slot_of(&t, leader);
        if (at == UINT32_MAX) {
            code = al_fail(err, ALLOT_ERANGE, 0,
                           "atom %" PRIu64 " is not where atom %" PRIu64 " is, which it goes with",
                           t.atoms[k].id + 1, leader + 1);
            break;
        }
        made[k].atom = t.atoms[k];
        memcpy(made[k].x, t.atoms[k].x, sizeof made[k].x);
        memcpy(made[k].atom.x, t.atoms[at].x, sizeof made[k].x);
        double r2 = put_beside(domain, made[k].atom.x, made[k].x);
        most2 = r2 > most2 ? r2 : most2;
    }
    members->n = atoms->n;
    *radius = sqrt(most2);
    free(t.slots);
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
