/* domain.c - see domain.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "comm/domain.h"

static int rank_at(const int grid[3], const int at[3])
{
    return (at[0] * grid[1] + at[1]) * grid[2] + at[2];
}

/** Where domain k of direction d begins: the same number for it and for the one below, which ends there. The
 * last one ends where the box does, which box * n / n need not be. */
double al_domain_edge(const double box[3], const int grid[3], int d, int k)
{
    return k < grid[d] ? box[d] * k / grid[d] : box[d];
}

void al_domain_of(const double box[3], const int grid[3], int rank, al_domain *domain)
{
    *domain = (al_domain){.at = {rank / grid[2] / grid[1], rank / grid[2] % grid[1], rank % grid[2]}};
    for (int d = 0; d < 3; d++) {
        int other[3] = {domain->at[0], domain->at[1], domain->at[2]};
        domain->box[d] = box[d];
        domain->grid[d] = grid[d];
        domain->lo[d] = al_domain_edge(box, grid, d, domain->at[d]);
        domain->hi[d] = al_domain_edge(box, grid, d, domain->at[d] + 1);
        other[d] = (domain->at[d] + 1) % grid[d];
        domain->above[d] = rank_at(grid, other);
        other[d] = (domain->at[d] + grid[d] - 1) % grid[d];
        domain->below[d] = rank_at(grid, other);
    }
}

/** Where domain k begins of those in a row with this one. */
static double edge(const al_domain *domain, int d, int k)
{
    return domain->edges[d] != NULL ? domain->edges[d][k] : al_domain_edge(domain->box, domain->grid, d, k);
}

int al_domain_index(const al_domain *domain, int d, double x)
{
    int begin = 0, end = domain->grid[d]; /* it is in [begin, end) */
    while (end - begin > 1) {
        int middle = begin + (end - begin) / 2;
        if (x >= edge(domain, d, middle))
            begin = middle;
        else
            end = middle;
    }
    return begin;
}
