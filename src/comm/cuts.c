/* cuts.c - see cuts.h.
 *
 * Work is known at the edges as they are and as they were the time before: what is between those is found by
 * linear interpolation. Without the second, a crowd's edge would be jumped over again and again.
 *
 * Invariant: edges begin with 0 and end with the length of the box, exactly, and rise.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "comm/cuts.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

/* Domains that did nothing count as if they had done a little, so that one is not blown up at once. */
#define LEAST_SHARE 0.02

/** Rows of domains in direction d. */
static int nrows(const int grid[3], int d)
{
    return d == 0 ? 1 : d == 1 ? grid[0] : grid[0] * grid[1];
}

double *al_cuts_edges(const al_cuts *cuts, const int at[3], int d)
{
    int row = d == 0 ? 0 : d == 1 ? at[0] : at[0] * cuts->grid[1] + at[1];
    return cuts->edges[d] + (size_t)row * ((size_t)cuts->grid[d] + 1);
}

allot_err al_cuts_init(al_cuts *cuts, const double box[3], const int grid[3], allot_error *err)
{
    *cuts = (al_cuts){.box = {box[0], box[1], box[2]}, .grid = {grid[0], grid[1], grid[2]}};
    for (int d = 0; d < 3; d++) {
        size_t n = (size_t)grid[d] + 1, nall = n * (size_t)nrows(grid, d);
        cuts->edges[d] = malloc(nall * sizeof **cuts->edges);
        cuts->before[d] = malloc(nall * sizeof **cuts->before);
        cuts->shares[d] = malloc(nall * sizeof **cuts->shares);
        if (cuts->edges[d] == NULL || cuts->before[d] == NULL || cuts->shares[d] == NULL) {
            al_cuts_fini(cuts);
            return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
        }
        for (size_t k = 0; k < nall; k++) {
            cuts->edges[d][k] = al_domain_edge(box, grid, d, (int)(k % n));
            cuts->before[d][k] = 0; /* tells nothing */
            cuts->shares[d][k] = 0;
        }
    }
    return ALLOT_OK;
}

void al_cuts_fini(al_cuts *cuts)
{
    for (int d = 0; d < 3; d++) {
        free(cuts->edges[d]);
        free(cuts->before[d]);
        free(cuts->shares[d]);
    }
    *cuts = (al_cuts){.grid = {0, 0, 0}};
}

/** Edges in direction d. */
static size_t nedges(const int grid[3], int d)
{
    return ((size_t)grid[d] + 1) * (size_t)nrows(grid, d);
}

size_t al_cuts_nedges(const int grid[3])
{
    return nedges(grid, 0) + nedges(grid, 1) + nedges(grid, 2);
}

void al_cuts_save(const al_cuts *cuts, double *edges)
{
    for (int d = 0; d < 3; edges += nedges(cuts->grid, d), d++)
        memcpy(edges, cuts->edges[d], nedges(cuts->grid, d) * sizeof *edges);
}

void al_cuts_resize(al_cuts *cuts, const double box[3])
{
    for (int d = 0; d < 3; d++) {
        size_t n = (size_t)cuts->grid[d] + 1;
        for (size_t k = 0; k < nedges(cuts->grid, d); k++) {
            cuts->edges[d][k] = k % n + 1 == n ? box[d] : cuts->edges[d][k] / cuts->box[d] * box[d];
            cuts->before[d][k] = cuts->before[d][k] / cuts->box[d] * box[d];
        }
        cuts->box[d] = box[d];
    }
}

bool al_cuts_are_sound(const double box[3], const int grid[3], const double *edges, double least)
{
    for (int d = 0; d < 3; d++)
        for (int row = 0; row < nrows(grid, d); row++, edges += grid[d] + 1) {
            if (edges[0] != 0 || edges[grid[d]] != box[d])
                return false;
            for (int k = 0; k < grid[d]; k++) {
                double thickness = edges[k + 1] - edges[k];
                if (!(thickness > 0 && thickness >= least)) /* nor not a number */
                    return false;
            }
        }
    return true;
}

allot_err al_cuts_restore(al_cuts *cuts, const double box[3], const int grid[3], const double *edges,
                          allot_error *err)
{
    allot_err code = al_cuts_init(cuts, box, grid, err);
    for (int d = 0; d < 3 && code == ALLOT_OK; edges += nedges(grid, d), d++)
        memcpy(cuts->edges[d], edges, nedges(grid, d) * sizeof *edges);
    return code;
}

void al_cuts_domain(const al_cuts *cuts, int rank, al_domain *domain)
{
    al_domain_of(cuts->box, cuts->grid, rank, domain);
    domain->cuts = cuts;
    for (int d = 0; d < 3; d++) {
        const double *edges = al_cuts_edges(cuts, domain->at, d);
        domain->edges[d] = edges;
        domain->lo[d] = edges[domain->at[d]];
        domain->hi[d] = edges[domain->at[d] + 1];
    }
}

/** Of the n parts that a row is cut into, the share of the load that is below the edges k = 0 to n: of
 * `stride` ranks each, and a little for all. */
static void add_up(const double *loads, int n, int stride, double *shares)
{
    double sum = 0, below = 0;
    for (int k = 0; k < n * stride; k++)
        sum += loads[k];
    double little = sum > 0 ? LEAST_SHARE * sum / n : 1;
    for (int k = 0; k < n; k++) {
        shares[k] = below / (sum + n * little);
        for (int m = 0; m < stride; m++)
            below += loads[k * stride + m];
        below += little;
    }
    shares[n] = 1;
}

/** Where in a row a share is below: from the shares at its edges, now and before. */
static double find_share(double wanted, const double *edges, const double *shares, const double *before,
                         const double *shares_before, int n)
{
    int in = 0;
    while (in + 1 < n && shares[in + 1] < wanted)
        in++;
    double low = edges[in], high = edges[in + 1], share_low = shares[in], share_high = shares[in + 1];
    for (int k = 1; k < n; k++) {
        if (before[k] <= low || before[k] >= high)
            continue;
        double share = shares_before[k]; /* what is known now is surer */
        share = share < share_low ? share_low : share > share_high ? share_high : share;
        if (share <= wanted) {
            low = before[k];
            share_low = share;
        } else {
            high = before[k];
            share_high = share;
            break;
        }
    }
    return share_high > share_low ? low + (high - low) * ((wanted - share_low) / (share_high - share_low))
                                  : (low + high) / 2;
}

/** Move the inner edges of a row to where each part has the same load. moved: room for n + 1 */
static void move_edges(double *edges, double *before, double *shares_before, const double *shares, int n,
                       double least, double *moved)
{
    double width = edges[n] / n;
    least = least < width ? least : width;
    moved[0] = edges[0];
    moved[n] = edges[n];
    for (int k = 1; k < n; k++)
        moved[k] = find_share((double)k / n, edges, shares, before, shares_before, n);
    for (int k = 1; k < n; k++) /* room below, then room above */
        moved[k] = moved[k] > moved[k - 1] + least ? moved[k] : moved[k - 1] + least;
    for (int k = n - 1; k > 0; k--)
        moved[k] = moved[k] < moved[k + 1] - least ? moved[k] : moved[k + 1] - least;
    for (int k = 1; k < n; k++) {
        before[k] = edges[k];
        shares_before[k] = shares[k];
        edges[k] = moved[k];
    }
}

/** Move all edges by the loads of all ranks. scratch: room for two rows */
static void move_all(al_cuts *cuts, const double *loads, double least, double *scratch)
{
    const int *grid = cuts->grid;
    for (int d = 0; d < 3; d++) {
        int stride = d == 0 ? grid[1] * grid[2] : d == 1 ? grid[2] : 1;
        for (int r = 0; r < nrows(grid, d); r++) {
            size_t row = (size_t)r * ((size_t)grid[d] + 1);
            add_up(loads + (size_t)r * (size_t)(grid[d] * stride), grid[d], stride, scratch);
            move_edges(cuts->edges[d] + row, cuts->before[d] + row, cuts->shares[d] + row, scratch, grid[d],
                       least, scratch + grid[d] + 1);
        }
    }
}

allot_err al_cuts_balance(al_cuts *cuts, al_comm *comm, double load, double least, double *imbalance,
                          allot_error *err)
{
    int size = comm->size;
    double most = 0, total = 0, *loads = calloc((size_t)size * 3 + 2, sizeof *loads);
    if (loads == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    loads[comm->rank] = load;
    comm->sum(comm, loads, (size_t)size);
    for (int k = 0; k < size; k++) {
        total += loads[k];
        most = loads[k] > most ? loads[k] : most;
    }
    *imbalance = total > 0 ? most * size / total : 1;
    if (*imbalance > AL_CUTS_FAIR)
        move_all(cuts, loads, least, loads + size);
    free(loads);
    return ALLOT_OK;
}
