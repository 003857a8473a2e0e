/* comm_ranks.c - what the tests of MPI have ranks do: comm_ranks serial|mpi WHAT [ARG...]
 *
 *   cuts THREADS   boxes of atoms, cut into as many domains as there are ranks, checked by brute force;
 * prints what must not depend on the cut talk           every call of comm.h fail RANK      that rank fails
 * (all: each does) while the others wait for it wait           all ranks say who they are, then wait for a
 * message that does not come
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "comm/measure.h"
#include "support/cut.h"

#define NCUTS 8
#define LONG_NBYTES 3000000

/** Fail, all ranks, unless it holds. */
#define require(comm, property)                                                                              \
    do {                                                                                                     \
        if (!(property))                                                                                     \
            (comm)->fail((comm), 1, #property);                                                              \
    } while (0)

/* ---- cuts -----------------------------------------------------------------------------------------------
 */

static void grid_of(int size, int grid[3])
{
    static const int grids[][3] = {{1, 1, 1}, {2, 1, 1}, {1, 3, 1}, {2, 2, 1},
                                   {1, 1, 5}, {3, 1, 2}, {1, 7, 1}, {2, 2, 2}};
    memcpy(grid, grids[size - 1], sizeof grids[0]);
}

/** Case k: a box of any shape, a reach up to its shortest width. The same atoms and moves for every cut. */
static void make_cut(cut_case *c, uint64_t k, int size, uint32_t nthreads)
{
    prop_begin(k);
    *c = (cut_case){.grid = {4, 4, 4}, .nthreads = nthreads, .is_double = true, .are_at_first = k % 2 == 0};
    for (int d = 0; d < 3; d++)
        c->box[d] = prop_log(3, 20);
    if (k % 2 == 1)
        cut_tilt(c);
    c->reach = cut_width(c) * (k % 4 == 3 ? 0.999 : 0.15 + 0.4 * prop_unit());
    c->recut = k % 3 == 1 ? 7 : 0;
    c->ngroups = k >= 6 ? CUT_ATOMS_MOST / 3 : 0;
    cut_fill(c, k == 5 ? 3 : CUT_ATOMS_MOST, (int)k % 4, cut_width(c) * 0.1);
    grid_of(size, c->grid);
}

static void print_sums(al_comm *comm, uint64_t k, const cut_report *report)
{
    for (int turn = 0; turn < 3; turn++) {
        al_checksum sum = report->sums[turn];
        require(comm, al_checksum_add(comm, &sum, NULL) == ALLOT_OK);
        if (comm->rank == 0)
            printf("%llu.%d: %llu atoms %016llx, %llu pairs %016llx\n", (unsigned long long)k, turn,
                   (unsigned long long)sum.natoms, (unsigned long long)sum.atoms,
                   (unsigned long long)sum.npairs, (unsigned long long)sum.pairs);
    }
}

static void cuts(al_comm *comm, uint32_t nthreads)
{
    static cut_case c;
    for (uint64_t k = 0; k < NCUTS; k++) {
        cut_report report;
        make_cut(&c, k, comm->size, nthreads);
        cut_check(&c, comm, &report);
        if (report.why[0] != '\0')
            comm->fail(comm, 1, report.why);
        print_sums(comm, k, &report);
    }
}

/* ---- talk -----------------------------------------------------------------------------------------------
 */

static void talk_to_neighbours(al_comm *comm)
{
    int above = (comm->rank + 1) % comm->size, below = (comm->rank + comm->size - 1) % comm->size;
    char *out = malloc(LONG_NBYTES), *in = malloc(LONG_NBYTES);
    al_comm_request request;
    int first = comm->rank, second = comm->rank + 100, got[2] = {-1, -1};
    require(comm, out != NULL && in != NULL);
    memset(out, comm->rank, LONG_NBYTES);
    comm->start(comm, AL_COMM_ATOMS, above, out, LONG_NBYTES, below, in, LONG_NBYTES, &request);
    while (!comm->has_come(comm, &request))
        usleep(100);
    comm->finish(comm, &request); /* allowed still */
    for (size_t k = 0; k < LONG_NBYTES; k++)
        require(comm, in[k] == (char)below);
    al_comm_exchange(comm, above, NULL, 0, below, NULL, 0);
    al_comm_request requests[2]; /* both at once: they come in their order */
    comm->start(comm, AL_COMM_ATOMS, above, &first, sizeof first, below, &got[0], sizeof first, &requests[0]);
    if (above != comm->rank || below != comm->rank)
        comm->start(comm, AL_COMM_ATOMS, above, &second, sizeof second, below, &got[1], sizeof second,
                    &requests[1]);
    else
        al_comm_exchange(comm, above, &second, sizeof second, below, &got[1], sizeof second);
    if (comm->size > 1)
        comm->finish(comm, &requests[1]);
    comm->finish(comm, &requests[0]);
    require(comm, got[0] == below && got[1] == below + 100);
    /* Of two kinds, each rank starts them in an order of its own. */
    double third = comm->rank + 200.0, came = -1;
    int turn = comm->rank % 2;
    for (int k = 0; k < 2 && comm->size > 1; k++)
        if ((k + turn) % 2 == 0)
            comm->start(comm, AL_COMM_ATOMS, above, &first, sizeof first, below, &got[0], sizeof first,
                        &requests[0]);
        else
            comm->start(comm, AL_COMM_MESH, above, &third, sizeof third, below, &came, sizeof third,
                        &requests[1]);
    for (int k = 0; k < 2 && comm->size > 1; k++)
        comm->finish(comm, &requests[k]);
    require(comm, comm->size == 1 || (got[0] == below && came > below + 199.5 && came < below + 200.5));
    free(out);
    free(in);
}

static void talk_to_all(al_comm *comm)
{
    double values[] = {1.0 / (comm->rank + 1), comm->rank % 2 == 0 ? 1e16 : -1e16, 1}, sums[3] = {0, 0, 0};
    for (int rank = 0; rank < comm->size; rank++) {
        sums[0] += 1.0 / (rank + 1);
        sums[1] += rank % 2 == 0 ? 1e16 : -1e16;
        sums[2] += 1;
    }
    comm->sum(comm, values, 3);
    require(comm, memcmp(values, sums, sizeof sums) == 0); /* the bits of this order */
    double most[] = {comm->rank, -comm->rank, comm->rank == comm->size / 2 ? NAN : 1};
    comm->greatest(comm, most, 3);
    require(comm, most[0] == comm->size - 1 && most[1] == 0 && most[2] == HUGE_VAL);
    int mine[2] = {comm->rank, -1}, all[2 * 16];
    comm->gather(comm, mine, sizeof mine, all);
    for (int rank = 0; comm->rank == 0 && rank < comm->size; rank++)
        require(comm, all[2 * rank] == rank && all[2 * rank + 1] == -1);
}

/** Costs are what a rank can pay, and the same on all. */
static void talk_of_costs(al_comm *comm)
{
    al_comm_costs costs;
    require(comm, al_comm_measure(comm, &costs, NULL) == ALLOT_OK);
    double values[] = {costs.message_ns, costs.byte_ns, costs.sum_ns}, most[3];
    memcpy(most, values, sizeof most);
    comm->greatest(comm, most, 3);
    require(comm, memcmp(values, most, sizeof most) == 0);
    require(comm, comm->size == 1 ? most[0] == 0 : most[0] > 0 && most[0] < 10e9 && most[2] > 0);
}

static void talk(al_comm *comm)
{
    int was = comm->rank, size = comm->size;
    talk_to_neighbours(comm);
    talk_to_all(comm);
    talk_of_costs(comm);
    require(comm, comm->narrow(comm, size + 1) && comm->size == size);
    if (size > 1 && !comm->narrow(comm, size - 1)) {
        require(comm, was == size - 1);
        return; /* to close() */
    }
    require(comm, comm->rank == was && comm->size == (size > 1 ? size - 1 : 1));
    talk_to_neighbours(comm);
    talk_to_all(comm);
    if (comm->rank == 0)
        printf("%d ranks talked\n", size);
}

/* ---- ends -----------------------------------------------------------------------------------------------
 */

static void wait_for_nothing(al_comm *comm)
{
    char in;
    int beside = (comm->rank + 1) % comm->size;
    printf("rank %d is process %d\n", comm->rank, (int)getpid());
    (void)fflush(stdout);
    if (comm->rank > 0)
        al_comm_exchange(comm, beside, NULL, 0, 0, &in, 1);
    for (;;)
        pause();
}

static void fail_or_wait(al_comm *comm, const char *who)
{
    if (strcmp(who, "all") == 0 || atoi(who) == comm->rank)
        comm->fail(comm, 3, "this is why");
    for (double never = 0;;)
        comm->sum(comm, &never, 1);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    al_comm *comm = strcmp(argv[1], "mpi") == 0 ? al_comm_mpi() : al_comm_serial();
    const char *what = argv[2], *arg = argc > 3 ? argv[3] : "1";
    if (strcmp(what, "cuts") == 0)
        cuts(comm, (uint32_t)atoi(arg));
    else if (strcmp(what, "talk") == 0)
        talk(comm);
    else if (strcmp(what, "fail") == 0)
        fail_or_wait(comm, arg);
    else if (strcmp(what, "wait") == 0)
        wait_for_nothing(comm);
    comm->close(comm);
    return 0;
}
