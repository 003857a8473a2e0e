/* supervise.c - see supervise.h.
 *
 * mpirun that is interrupted gives its ranks a second to live, and salloc gives the allocation back at once:
 * too little for a checkpoint. So neither hears of it: they are in a process group of their own, which a
 * terminal's Ctrl-C does not reach, and get a signal that mpirun hands on to ranks. salloc hands on none, so
 * what runs in it says which process is to be told.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "cli/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"

#define TELL "ALLOT_TELL_FD"
#define SIGNALLED 128

void al_supervise_listen(int fds[2], char tell[64])
{
    fds[0] = fds[1] = -1;
    if (pipe(fds) != 0)
        return;
    (void)fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
    (void)snprintf(tell, 64, TELL "=%d", fds[1]);
}

void al_supervise_tell(void)
{
    const char *text = getenv(TELL);
    int fd = text != NULL ? atoi(text) : -1;
    pid_t self = getpid();
    if (fd > STDERR_FILENO) {
        (void)!write(fd, &self, sizeof self); /* a pipe: whole */
        (void)close(fd);
    }
    (void)unsetenv(TELL);
}

/** In the child: become what is to be run. */
static void become(const al_supervised *what, pid_t parent, int failed_fd)
{
    sigset_t none;
    int null = open("/dev/null", O_RDONLY);
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(SIGNALLED + SIGTERM);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (null >= 0)
        (void)dup2(null, STDIN_FILENO);
    if (what->tell != NULL)
        (void)putenv((char *)(uintptr_t)what->tell);
    (void)execvp(what->argv[0], what->argv);
    int fault = errno;
    (void)!write(failed_fd, &fault, sizeof fault);
    _exit(127);
}

/** @return 0 or errno: also of what happened in the child */
static int start(const al_supervised *what, pid_t *pid)
{
    int fds[2], fault = 0;
    pid_t parent = getpid();
    if (pipe2(fds, O_CLOEXEC) != 0)
        return errno;
    *pid = fork();
    if (*pid == 0)
        become(what, parent, fds[1]);
    if (*pid < 0)
        fault = errno;
    (void)close(fds[1]);
    if (*pid > 0 && read(fds[0], &fault, sizeof fault) == sizeof fault)
        (void)waitpid(*pid, NULL, 0);
    (void)close(fds[0]);
    return fault;
}

/** Something that runs, and what we have been asked. */
typedef struct charge {
    const al_supervised *what;
    pid_t pid, inner; /* inner: 0 until it is told */
    int nasked, first;
} charge;

static void find_inner(charge *c)
{
    pid_t told;
    if (c->inner == 0 && c->what->inner_fd >= 0 &&
        read(c->what->inner_fd, &told, sizeof told) == sizeof told && told > 0)
        c->inner = told;
}

static void ask_to_end(charge *c, int number)
{
    if (c->nasked++ == 0)
        c->first = number;
    find_inner(c);
    if (c->nasked > 1)
        (void)kill(c->inner > 0 ? c->inner : -c->pid, c->nasked > 2 ? SIGKILL : SIGTERM);
    else if (c->what->inner_fd < 0)
        (void)kill(c->pid, c->what->end_by);
    else
        (void)kill(c->inner > 0 ? c->inner : c->pid, c->inner > 0 ? c->what->end_by : SIGTERM);
}

/** The terminal's Ctrl-Z. */
static void stop_together(charge *c)
{
    find_inner(c);
    pid_t whom = c->inner > 0 ? c->inner : c->pid;
    (void)kill(whom, SIGTSTP);
    (void)raise(SIGSTOP);
    (void)kill(whom, SIGCONT);
}

static int status_of(const charge *c, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status);
    bool was_waiting = c->what->inner_fd >= 0 && c->inner == 0;
    return c->nasked > 0 && (code == SIGNALLED + c->what->end_by || was_waiting) ? SIGNALLED + c->first
                                                                                 : code;
}

allot_err al_supervise(const al_supervised *what, int *status, allot_error *err)
{
    charge c = {.what = what};
    static const int heard[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGTSTP, SIGCHLD};
    struct sigaction hangup;
    sigset_t set;
    int found = 0, number = 0;
    (void)signal(SIGCHLD, SIG_DFL);
    (void)sigaction(SIGHUP, NULL, &hangup);
    (void)sigemptyset(&set);
    for (size_t k = 0; k < sizeof heard / sizeof heard[0]; k++)
        if (heard[k] != SIGHUP || hangup.sa_handler != SIG_IGN) /* nohup */
            (void)sigaddset(&set, heard[k]);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    int fault = start(what, &c.pid);
    if (fault != 0)
        return al_fail(err, fault == ENOENT ? ALLOT_ENOTFOUND : ALLOT_EIO, fault, "%s", what->argv[0]);
    while (true) {
        number = sigwaitinfo(&set, NULL);
        if (number == SIGCHLD && waitpid(c.pid, &found, WNOHANG) == c.pid)
            break;
        if (number == SIGTSTP)
            stop_together(&c);
        else if (number > 0 && number != SIGCHLD)
            ask_to_end(&c, number);
    }
    find_inner(&c);
    *status = status_of(&c, found);
    return ALLOT_OK;
}
