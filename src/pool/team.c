/* team.c - making engines and burying them.
 *
 * An engine is a fork of the calling thread. Each is watched by a pidfd, which says when it has ended without
 * SIGCHLD, whose handler is the program's. It is asked for by its process id, so that the program's other
 * children are not touched; if the program's own handler waits for any child, or SIGCHLD is ignored, how the
 * engine ended is not known, and everything else is as usual. An engine does nothing before it is ordered to,
 * so that it cannot end before it is watched.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "pool/team.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "topo/topo.h"

static int pidfd_of(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

/** Everything but the board. @return whether all is there */
static bool furnish(al_team *team)
{
    team->processes = calloc(team->nseats, sizeof *team->processes);
    team->polled = calloc((size_t)team->nseats + 1, sizeof *team->polled);
    team->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (team->processes == NULL || team->polled == NULL || team->wake_fd < 0)
        return false;
    for (uint32_t k = 0; k < team->nseats; k++) {
        team->processes[k].lost = UINT64_MAX;
        atomic_store_explicit(&team->board->seats[k].cpu, -1, memory_order_relaxed);
        team->polled[k] = (struct pollfd){.fd = -1, .events = POLLIN};
    }
    team->polled[team->nseats] = (struct pollfd){.fd = team->wake_fd, .events = POLLIN};
    return true;
}

al_team *al_team_create(uint32_t nseats, const al_variables *variables, bool once, allot_error *err)
{
    al_team *team = calloc(1, sizeof *team);
    if (team == NULL) {
        (void)al_fail(err, ALLOT_ENOMEM, 0, "%u engines: out of memory", nseats);
        return NULL;
    }
    team->nseats = nseats;
    team->variables = variables;
    team->nprocessors = al_cpus_usable();
    team->wake_fd = -1;
    if (sched_getaffinity(0, sizeof team->allowed, &team->allowed) != 0)
        CPU_ZERO(&team->allowed); /* more than 1024 of them: keep_apart() does nothing then */
    team->board = allot_shared_alloc(sizeof *team->board + nseats * sizeof(al_seat), err);
    if (team->board == NULL)
        goto fail;
    if (!furnish(team)) {
        (void)al_fail(err, ALLOT_ENOMEM, errno, "%u engines: no memory, or no descriptor", nseats);
        goto fail;
    }
    team->board->nseats = nseats;
    team->board->once = once;
    return team;
fail:
    al_team_destroy(team, false);
    return NULL;
}

int al_team_fork(al_team *team, uint32_t seat)
{
    sigset_t all, before;
    atomic_store_explicit(&team->board->seats[seat].asleep, 0, memory_order_relaxed);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* no handler of the caller's may run in the engine */
    pid_t caller = getpid(), pid = fork();
    int failure = errno;
    if (pid == 0)
        al_engine_main(team, seat, caller);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0)
        return failure;
    team->processes[seat].pid = pid;
    team->processes[seat].killed = false;
    CPU_ZERO(&team->processes[seat].allowed);
    team->polled[seat].fd = pidfd_of(pid);
    if (team->polled[seat].fd < 0) {
        failure = errno;
        (void)kill(pid, SIGKILL);
        (void)al_team_bury(team, seat);
        return failure;
    }
    return 0;
}

void al_team_kill(al_team *team, uint32_t seat)
{
    if (team->processes[seat].pid == 0)
        return;
    /* Where SIGCHLD is ignored, its process id may be another's already. */
    (void)syscall(SYS_pidfd_send_signal, team->polled[seat].fd, SIGKILL, NULL, 0);
    team->processes[seat].killed = true;
}

int al_team_bury(al_team *team, uint32_t seat)
{
    int status = 0;
    pid_t pid;
    do
        pid = waitpid(team->processes[seat].pid, &status, 0);
    while (pid < 0 && errno == EINTR);
    if (team->polled[seat].fd >= 0)
        (void)close(team->polled[seat].fd);
    team->polled[seat].fd = -1;
    team->processes[seat].pid = 0;
    return pid < 0 ? -1 : status;
}

void al_team_destroy(al_team *team, bool is_child)
{
    if (team == NULL)
        return;
    for (uint32_t k = 0; team->processes != NULL && !is_child && k < team->nseats; k++)
        al_team_kill(team, k);
    for (uint32_t k = 0; team->processes != NULL && k < team->nseats; k++)
        if (is_child && team->polled[k].fd >= 0)
            (void)close(team->polled[k].fd);
        else if (team->processes[k].pid != 0)
            (void)al_team_bury(team, k);
    if (team->wake_fd >= 0)
        (void)close(team->wake_fd);
    if (!is_child)
        allot_shared_free(team->board);
    free(team->polled);
    free(team->processes);
    free(team);
}

void al_board_note_fault(al_board *board, uint64_t index, allot_fault_kind kind, int value)
{
    uint64_t place = atomic_fetch_add_explicit(&board->nfaults, 1, memory_order_relaxed);
    if (place < AL_FAULTS_MAX)
        board->call.faults[place] = (allot_fault){.index = index, .kind = kind, .value = value};
}

void al_board_lower_limit(al_board *board, uint64_t index)
{
    uint64_t limit = atomic_load_explicit(&board->limit, memory_order_relaxed);
    while (index < limit && !atomic_compare_exchange_weak_explicit(
                                &board->limit, &limit, index, memory_order_relaxed, memory_order_relaxed))
        ;
}
