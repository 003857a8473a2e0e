/* spawn.c - see spawn.h.
 *
 * vfork() and not fork(), since copying our page tables would cost more than all else we do for a task. So
 * between vfork() and execve() the child runs in our memory: it calls only what is async-signal-safe, writes
 * only to locals declared for it, and cannot receive a signal whose handler is ours, since there are none
 * (signals are blocked here and read from a descriptor).
 *
 * The path is looked up once for each program, not tried out along $PATH for each task as execvp() does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "engine/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/** What the child reports through the memory it shares with us. */
typedef struct report {
    volatile int fault;
    const char *volatile failed;
    pid_t parent;
    sigset_t ignored;
} report;

/** Signals that are ignored here, by us or since nohup started us so: all else is reset by execve() itself.
 */
static sigset_t ignored_signals(void)
{
    struct sigaction action;
    sigset_t set;
    (void)sigemptyset(&set);
    for (int signal = 1; signal < SIGRTMIN; signal++)
        if (sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            (void)sigaddset(&set, signal);
    return set;
}

static void default_signals(const sigset_t *ignored)
{
    sigset_t none;
    for (int number = 1; number < SIGRTMIN; number++)
        if (sigismember(ignored, number) == 1 && number != SIGHUP) /* nohup means the tasks, too */
            (void)signal(number, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/** In the child. @return only when something failed */
static void become(const al_spawn *spawn, report *told)
{
    if (spawn->new_session)
        (void)setsid();
    else
        (void)setpgid(0, 0);
    told->failed = "connect";
    if (dup2(spawn->in_fd, STDIN_FILENO) < 0 || dup2(spawn->out_fd, STDOUT_FILENO) < 0 ||
        dup2(spawn->err_fd, STDERR_FILENO) < 0)
        goto fail;
    told->failed = "chdir";
    if (spawn->cwd != NULL && chdir(spawn->cwd) != 0)
        goto fail;
    if (spawn->nice != 0)
        (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + spawn->nice);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* should we be killed, nobody would hear of its end */
    if (getppid() != told->parent)          /* as we were already */
        _exit(127);
    default_signals(&told->ignored);
    told->failed = "execute";
    (void)execve(spawn->path, spawn->argv, spawn->envp);
fail:
    told->fault = errno;
    _exit(127);
}

/** As vfork(), but into a control group: from its first moment on, all that it takes counts there. It gets
 * memory of its own, since a function that shares its caller's stack cannot be written in C. */
static pid_t fork_into(int group_fd)
{
    struct clone_args args = {.flags = (uint64_t)CLONE_VFORK | CLONE_INTO_CGROUP,
                              .exit_signal = SIGCHLD,
                              .cgroup = (unsigned)group_fd};
    return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

/** The memory that all children share with us. NULL: out of memory */
static report *make_report(void)
{
    report *told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (told == MAP_FAILED)
        return NULL;
    *told = (report){.parent = getpid(), .ignored = ignored_signals()}; /* what is the same for all */
    return told;
}

int al_spawn_start(const al_spawn *spawn, pid_t *pid, const char **failed)
{
    static report *told;
    *failed = "start";
    if (told == NULL && (told = make_report()) == NULL)
        return ENOMEM;
    told->fault = 0;
    told->failed = "start";
    pid_t child = spawn->group_fd >= 0 ? fork_into(spawn->group_fd) : vfork();
    if (child == 0)
        become(spawn, told);
    int fault = child < 0 ? errno : told->fault;
    *failed = told->failed;
    if (child > 0 && fault != 0) /* it never became the program: nobody else need hear of it */
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
    *pid = child;
    return fault;
}

/* ---- where a program is -------------------------------------------------------------------------------- */

enum { NKEPT = 8 };

static struct {
    char *name, *path;
} kept[NKEPT];
static unsigned next_kept;

static bool is_program(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    if (!S_ISREG(st.st_mode) || access(path, X_OK) != 0) {
        errno = EACCES;
        return false;
    }
    return true;
}

/** Look along $PATH. @return in memory of its own, or NULL with errno */
static char *search(const char *name)
{
    const char *folder = getenv("PATH");
    char path[PATH_MAX];
    int fault = ENOENT;
    if (folder == NULL)
        folder = "/usr/local/bin:/usr/bin:/bin";
    for (;; folder++) {
        size_t length = strcspn(folder, ":");
        int n = snprintf(path, sizeof path, "%.*s%s%s", (int)length, folder, length > 0 ? "/" : "./", name);
        if (n > 0 && (size_t)n < sizeof path && is_program(path))
            return strdup(path);
        if (errno == EACCES)
            fault = EACCES;
        folder += length;
        if (*folder == '\0')
            break;
    }
    errno = fault;
    return NULL;
}

const char *al_program_path(const char *name)
{
    if (strchr(name, '/') != NULL)
        return name;
    for (unsigned k = 0; k < NKEPT; k++)
        if (kept[k].name != NULL && strcmp(kept[k].name, name) == 0)
            return kept[k].path;
    char *path = search(name), *copy = path != NULL ? strdup(name) : NULL;
    if (copy == NULL) {
        free(path);
        return NULL;
    }
    free(kept[next_kept].name);
    free(kept[next_kept].path);
    kept[next_kept].name = copy;
    kept[next_kept].path = path;
    next_kept = (next_kept + 1) % NKEPT;
    return path;
}
