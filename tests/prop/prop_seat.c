/* prop_seat.c - an engine may die between any two instructions, and no item is lost.
 *
 * An engine is followed one machine instruction at a time, from inside its first item to the end of the call:
 * chunks off its own range, halves taken from another's, items that fail. After each instruction the board is
 * copied and recovered as if the engine had died there; then each item must be done, or in exactly one place
 * where somebody will find it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ptrace.h>

#include <cmocka.h>

#include "pool/team.h"
#include "support/engines.h"
#include "support/prop.h"
#include "support/sanitizers.h"

enum { NSEATS = 3, NITEMS_MAX = 64, STEPS_MAX = 400000 };

typedef struct record {
    _Atomic uint32_t begun[NITEMS_MAX], done[NITEMS_MAX];
    uint64_t failing; /* this item returns non-zero */
} record;

static int do_item(uint64_t begin, uint64_t end, void *arg)
{
    record *r = arg;
    static bool started;
    if (!started) {
        started = true;
        (void)raise(SIGSTOP); /* the follower takes over */
    }
    for (uint64_t i = begin; i < end; i++)
        atomic_fetch_add(&r->begun[i], 1);
    for (uint64_t i = begin; i < end; i++) {
        if (i == r->failing)
            return allot_fail_at(i, 1);
        atomic_fetch_add(&r->done[i], 1);
    }
    return 0;
}

/** A board on which seat 0 has `own` items and seat 1 the rest. */
static void post(al_board *board, record *r, uint32_t own, uint32_t nitems)
{
    uint64_t step = 1 + prop_u64() % 3, chunk_items = prop_u64() % 2;
    uint32_t nunits = (uint32_t)(nitems / step + (nitems % step != 0));
    uint32_t cut = own < nunits ? own : nunits;
    for (uint32_t k = 0; k < NSEATS; k++)
        al_seat_clear(&board->seats[k]);
    *r = (record){.failing = prop_u64() % 4 == 0 ? prop_u64() % nitems : UINT64_MAX};
    board->call = (al_call){.kind = AL_CALL_FOR,
                            .fn.each = do_item,
                            .arg = r,
                            .chunk_items = chunk_items,
                            .go_on = true,
                            .faults = shared_of(NITEMS_MAX * sizeof(allot_fault))};
    board->seats[0].call++;
    board->cut.nitems = nitems;
    board->cut.step = step;
    board->limit = UINT64_MAX;
    board->nfaults = 0;
    board->seats[0].range = al_range_pack(0, cut);
    board->seats[1].range = al_range_pack(cut, nunits);
}

static void count_units(const al_board *board, uint64_t units, uint32_t *places)
{
    for (uint32_t u = al_range_begin(units); u < al_range_end(units); u++)
        for (uint64_t i = al_cut_item(&board->cut, u); i < al_cut_item(&board->cut, u + 1); i++)
            places[i]++;
}

/** If the engine were dead now: would each item be found? */
static void recover_and_check(const al_board *board, const record *r)
{
    static _Alignas(64) char memory[sizeof(al_board) + NSEATS * sizeof(al_seat)];
    al_board *copy = (al_board *)(void *)memory;
    uint32_t places[NITEMS_MAX] = {0};
    memcpy(copy, board, sizeof memory);
    al_seat_loss loss = al_seat_recover(&copy->cut, copy->seats, 0);
    for (uint32_t k = 0; k < NSEATS; k++)
        count_units(copy, copy->seats[k].range, places);
    for (uint64_t i = copy->seats[0].at; i < copy->seats[0].redo_end; i++)
        places[i]++;
    prop_require(copy->cut.thief == 0);
    prop_require(copy->seats[0].until == 0 && copy->seats[0].doing == 0);
    prop_require(loss.end == loss.first ||
                 (loss.first == copy->seats[0].at && loss.end <= copy->seats[0].redo_end));
    for (uint64_t i = 0; i < copy->cut.nitems; i++) {
        bool answered = r->done[i] > 0 || (i == r->failing && r->begun[i] > 0);
        bool in_redo = i >= copy->seats[0].at && i < copy->seats[0].redo_end;
        prop_require(places[i] <= 1);
        prop_require(places[i] == 1 || answered);
        prop_require(places[i] == 0 || !answered || in_redo); /* what is done is not in a range */
        prop_require(r->begun[i] == 0 || answered || (i >= loss.first && i < loss.end)); /* it is in hand */
    }
}

static pid_t start_engine(al_team *team)
{
    pid_t caller = getpid(), pid = fork();
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(77);
        al_engine_main(team, 0, caller);
    }
    return pid;
}

/** Follow an engine to the end of its call. @return instructions, or 0: this is not allowed here */
static uint64_t follow(al_team *team, const record *r)
{
    int status;
    uint64_t nsteps = 0;
    team->board->seats[0].order = AL_SEAT_ORDERED;
    pid_t pid = start_engine(team);
    prop_require(waitpid(pid, &status, 0) == pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        return 0;
    prop_require(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    while (team->board->seats[0].order == AL_SEAT_WORKING && nsteps < STEPS_MAX) {
        prop_require(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0);
        prop_require(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
        recover_and_check(team->board, r);
        nsteps++;
    }
    prop_require(nsteps < STEPS_MAX);
    prop_require(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
    return nsteps;
}

static void no_item_is_lost_wherever_an_engine_dies(void **state)
{
    (void)state;
    uint64_t nsteps = 0, nsteals = 0;
    allot_error err;
    record *r = shared_of(sizeof *r);
    al_team *team = al_team_create(NSEATS, NULL, false, &err);
    assert_non_null(team);
    for (uint64_t k = 0; k < prop_rounds(12); k++) {
        prop_begin(k);
        uint32_t nitems = 1 + (uint32_t)(prop_u64() % 12);
        post(team->board, r, 1 + (uint32_t)(prop_u64() % nitems), nitems);
        uint64_t taken = follow(team, r);
        if (taken == 0) {
            (void)fprintf(stderr, "skipped: ptrace() is not allowed here\n");
            exit(77);
        }
        nsteps += taken;
        for (uint64_t i = 0; i < nitems; i++)
            prop_require(r->done[i] == (i == r->failing ? 0 : 1) ||
                         (r->failing != UINT64_MAX && r->done[i] >= 1));
        nsteals += team->board->seats[0].nsteals;
        allot_shared_free(team->board->call.faults);
    }
    print_message("%llu instructions, %llu thefts\n", (unsigned long long)nsteps,
                  (unsigned long long)nsteals);
    assert_true(nsteps > 1000 && nsteals > 0);
    al_team_destroy(team, false);
    allot_shared_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_item_is_lost_wherever_an_engine_dies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
