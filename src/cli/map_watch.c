/* map_watch.c - one thread that waits for signals and the deadline, so that no handler has to do anything.
 *
 * The first event asks the work to end, which it does after the chunk it is in. Code that never returns
 * cannot be asked: when the grace has passed, or a second signal comes, the command says its last words and
 * ends there and then.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "cli/option.h"

static const int watched[] = {SIGINT, SIGTERM, SIGHUP};

_Noreturn void al_watch_die(int number)
{
    sigset_t only;
    (void)sigemptyset(&only);
    (void)sigaddset(&only, number);
    (void)signal(number, SIG_DFL);
    (void)pthread_sigmask(SIG_UNBLOCK, &only, NULL);
    (void)raise(number);
    _exit(AL_EXIT_SIGNAL + number);
}

/** Signals that somebody chose to ignore (nohup) stay ignored. */
static void wanted_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    for (size_t k = 0; k < sizeof watched / sizeof watched[0]; k++) {
        struct sigaction action;
        if (sigaction(watched[k], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            (void)sigaddset(set, watched[k]);
    }
}

static int ms_until(uint64_t deadline_ns)
{
    if (deadline_ns == UINT64_MAX)
        return -1;
    uint64_t now_ns = al_clock_ns();
    uint64_t left_ms = deadline_ns > now_ns ? (deadline_ns - now_ns + 999999) / 1000000 : 0;
    return left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

/** Wait for an event. @return 0: told to quit; a signal; AL_WATCH_TIMEOUT */
static int next_event(const al_watch *watch, uint64_t deadline_ns)
{
    struct pollfd fds[2] = {{.fd = watch->quit, .events = POLLIN}, {.fd = watch->signals, .events = POLLIN}};
    for (;;) {
        int n = poll(fds, 2, ms_until(deadline_ns));
        if (n > 0 && fds[0].revents != 0)
            return 0;
        struct signalfd_siginfo info;
        if (n > 0 && read(watch->signals, &info, sizeof info) == (ssize_t)sizeof info)
            return (int)info.ssi_signo;
        if (n == 0 && al_clock_ns() >= deadline_ns)
            return AL_WATCH_TIMEOUT;
    }
}

static void *keep_watch(void *arg)
{
    al_watch *watch = arg;
    int reason = next_event(watch, watch->deadline_ns);
    if (reason == 0)
        return NULL;
    atomic_store(&watch->reason, reason);
    watch->stop(watch->arg);
    if (next_event(watch, al_clock_ns() + AL_WATCH_GRACE_MS * UINT64_C(1000000)) == 0)
        return NULL;
    watch->last_words(watch->arg, reason);
    if (reason == AL_WATCH_TIMEOUT)
        _exit(AL_EXIT_TIMEOUT);
    al_watch_die(reason);
}

allot_err al_watch_start(al_watch *watch, allot_error *err)
{
    sigset_t set;
    wanted_signals(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    atomic_store(&watch->reason, 0);
    watch->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    watch->quit = eventfd(0, EFD_CLOEXEC);
    int failed = watch->signals < 0 || watch->quit < 0
                     ? errno
                     : pthread_create(&watch->thread, NULL, keep_watch, watch);
    if (failed != 0)
        return al_fail(err, ALLOT_ENOMEM, failed, "signals cannot be watched");
    return ALLOT_OK;
}

int al_watch_end(al_watch *watch)
{
    uint64_t one = 1;
    if (write(watch->quit, &one, sizeof one) == (ssize_t)sizeof one)
        (void)pthread_join(watch->thread, NULL);
    (void)close(watch->quit);
    (void)close(watch->signals);
    return atomic_load(&watch->reason);
}
