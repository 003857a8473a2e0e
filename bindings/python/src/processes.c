/* processes.c - the processes that engines are: forked, waited for, and ended for certain.
 *
 * In C for two reasons. Ctrl-C may come at any instant: between the fork and the note of its number no signal
 * may be acted on, and the end of a `with` block must kill and reap without a single step of the interpreter
 * in between, where another KeyboardInterrupt could be raised. And what a fork leaves in the child must never
 * return into the caller's frames, whatever happens in it.
 *
 * Invariants: a process is on the list from before signals are let in until it is reaped, so nobody else's
 * process is ever killed; a child owns none of its siblings.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "processes.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES_MAX 65535

typedef struct process {
    pid_t pid;  /* 0: not started, or reaped */
    int status; /* what waitpid() said; -1: somebody else reaped it */
    int pidfd;  /* readable when it has ended; -1: closed, or this kernel has none */
} process;

typedef struct processes {
    PyObject_HEAD pid_t owner; /* who forks them, and alone may end them */
    process *list;
    Py_ssize_t count;
} processes;

/** More arguments are for classes that are made of this one. */
static PyObject *processes_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)kwargs;
    Py_ssize_t count =
        PyTuple_Size(args) > 0 ? PyNumber_AsSsize_t(PyTuple_GetItem(args, 0), PyExc_OverflowError) : 0;
    if (count == -1 && PyErr_Occurred())
        return NULL;
    if (count < 1 || count > PROCESSES_MAX)
        return PyErr_Format(PyExc_ValueError, "%zd engines: 1 to %d", count, PROCESSES_MAX);
    processes *self = al_object_make(type);
    if (self == NULL)
        return NULL;
    self->owner = getpid();
    self->list = calloc((size_t)count, sizeof *self->list);
    if (self->list == NULL) {
        Py_DECREF((PyObject *)self);
        return PyErr_NoMemory();
    }
    self->count = count;
    for (Py_ssize_t k = 0; k < count; k++)
        self->list[k].pidfd = -1;
    return (PyObject *)self;
}

/** The k-th, from 1 on. NULL with an exception set. */
static process *find(processes *self, PyObject *number)
{
    Py_ssize_t k = PyLong_AsSsize_t(number);
    if (k == -1 && PyErr_Occurred())
        return NULL;
    if (k < 1 || k > self->count) {
        PyErr_Format(PyExc_IndexError, "process %zd of %zd", k, self->count);
        return NULL;
    }
    return &self->list[k - 1];
}

// ---- the child ---------------------------------------------------------------------------------------

static void flush(const char *name)
{
    PyObject *file = PySys_GetObject(name); // borrowed
    PyObject *result = file == NULL || Py_IsNone(file) ? NULL : PyObject_CallMethod(file, "flush", NULL);
    Py_XDECREF(result);
    PyErr_Clear();
}

/** Engines are ended by signals, not interrupted: Ctrl-C in a terminal reaches them as it reaches the caller.
 */
static void take_signals_as_they_come(void)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
        (void)signal(ending[i], SIG_DFL);
}

/** A fork starts where its parent runs, more often than not where other processors are busy, and stays there
 * for milliseconds; an engine is there to run beside it. */
static void leave_processor(int cpu)
{
    cpu_set_t before, others;
    if (cpu < 0 || sched_getcpu() != cpu || sched_getaffinity(0, sizeof before, &before) != 0)
        return;
    others = before;
    CPU_CLR((size_t)cpu, &others);
    if (CPU_COUNT(&others) > 0 && sched_setaffinity(0, sizeof others, &others) == 0)
        (void)sched_setaffinity(0, sizeof before, &before);
}

static _Noreturn void be_engine(PyObject *body, pid_t parent, bool dies_with_parent, const sigset_t *mask)
{
    take_signals_as_they_come();
    // Of the thread that forked, not of its process: only the first thread lasts as long as that.
    if (dies_with_parent && (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent))
        _exit(EXIT_FAILURE);
    (void)pthread_sigmask(SIG_SETMASK, mask, NULL);
    PyObject *result = PyObject_CallObject(body, NULL);
    if (result == NULL)
        PyErr_WriteUnraisable(body);
    flush("stdout");
    flush("stderr");
    (void)fflush(NULL);
    _exit(result == NULL ? EXIT_FAILURE : EXIT_SUCCESS);
}

// ---- the caller --------------------------------------------------------------------------------------

/** os.fork(), since it does what Python owes other modules before and after. -1 with an exception set. */
static pid_t fork_python(void)
{
    PyObject *os = PyImport_ImportModule("os");
    PyObject *result = os == NULL ? NULL : PyObject_CallMethod(os, "fork", NULL);
    Py_XDECREF(os);
    if (result == NULL)
        return -1;
    long pid = PyLong_AsLong(result);
    Py_DECREF(result);
    return (pid_t)pid;
}

PyDoc_STRVAR(fork_doc,
             "fork(k, body): process k of these, which must not live, calls body() and ends. What has been\n"
             "printed is flushed before.");
static PyObject *processes_fork(processes *self, PyObject *args)
{
    PyObject *number, *body;
    if (!PyArg_ParseTuple(args, "OO:fork", &number, &body))
        return NULL;
    process *one = find(self, number);
    if (one == NULL)
        return NULL;
    if (self->owner != getpid() || one->pid != 0) {
        PyErr_SetString(PyExc_RuntimeError, one->pid != 0 ? "fork: this process lives"
                                                          : "fork: these are the parent's processes");
        return NULL;
    }
    flush("stdout");
    flush("stderr");
    (void)fflush(NULL);
    if (PyErr_CheckSignals() != 0)
        return NULL;
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    bool is_first_thread = syscall(SYS_gettid) == parent;
    int cpu = sched_getcpu();
    pid_t pid = fork_python();
    if (pid == 0)
        leave_processor(cpu);
    if (pid == 0)
        be_engine(body, parent, is_first_thread, &before);
    if (pid > 0)
        *one = (process){.pid = pid, .pidfd = (int)syscall(SYS_pidfd_open, pid, 0)};
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0)
        return NULL;
    Py_RETURN_NONE;
}

static void bury(process *gone, int status)
{
    if (gone->pidfd >= 0)
        (void)close(gone->pidfd);
    *gone = (process){.pid = 0, .pidfd = -1, .status = status};
}

/** @return whether the process is gone; its status is kept then */
static bool reap(process *one)
{
    int status;
    pid_t pid = one->pid == 0 ? 0 : waitpid(one->pid, &status, WNOHANG);
    if (pid != 0)
        bury(one,
             pid < 0 ? -1 : status); // ECHILD: SIGCHLD is ignored here, or the caller waits for any child
    return one->pid == 0;
}

/** Kill and reap all, without a step of the interpreter. */
static void end_all(processes *self)
{
    if (self->owner != getpid())
        return;
    for (Py_ssize_t k = 0; k < self->count; k++) {
        if (self->list[k].pid != 0)
            (void)kill(self->list[k].pid, SIGKILL);
    }
    for (Py_ssize_t k = 0; k < self->count; k++) {
        if (self->list[k].pid == 0)
            continue;
        int status;
        pid_t pid;
        while ((pid = waitpid(self->list[k].pid, &status, 0)) < 0 && errno == EINTR)
            ;
        bury(&self->list[k], pid < 0 ? -1 : status);
    }
}

// ---- methods -----------------------------------------------------------------------------------------

PyDoc_STRVAR(pid_doc, "pid(k) -> its number, 0 when it has been reaped.");
static PyObject *processes_pid(processes *self, PyObject *number)
{
    process *one = find(self, number);
    return one == NULL ? NULL : PyLong_FromLong(one->pid);
}

PyDoc_STRVAR(pidfd_doc,
             "pidfd(k) -> a file that is readable when process k has ended, until it is reaped; -1: none.");
static PyObject *processes_pidfd(processes *self, PyObject *number)
{
    process *one = find(self, number);
    return one == NULL ? NULL : PyLong_FromLong(one->pidfd);
}

PyDoc_STRVAR(kill_doc, "kill(k): SIGKILL for process k, if it lives.");
static PyObject *processes_kill(processes *self, PyObject *number)
{
    process *one = find(self, number);
    if (one == NULL)
        return NULL;
    if (one->pid != 0 && self->owner == getpid())
        (void)kill(one->pid, SIGKILL);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(
    reap_doc,
    "reap(k, wait=False) -> status as os.waitpid() gives it, None while it lives; -1: it is gone, and\n"
    "somebody else was told how.");
static PyObject *processes_reap(processes *self, PyObject *args)
{
    PyObject *number;
    int wait = 0;
    if (!PyArg_ParseTuple(args, "O|p:reap", &number, &wait))
        return NULL;
    process *one = find(self, number);
    if (one == NULL)
        return NULL;
    while (!reap(one)) {
        if (!wait)
            Py_RETURN_NONE;
        pid_t pid = one->pid;
        PyThreadState *state = PyEval_SaveThread();
        siginfo_t info;
        int failed = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT); // reap() takes it, under the lock
        PyEval_RestoreThread(state);
        if (failed && errno == EINTR && PyErr_CheckSignals() != 0)
            return NULL;
    }
    return PyLong_FromLong(one->status);
}

PyDoc_STRVAR(end_doc, "end(): kill and reap all that live.");
static PyObject *processes_end(processes *self, PyObject *unused)
{
    (void)unused;
    end_all(self);
    Py_RETURN_NONE;
}

static PyObject *processes_enter(PyObject *self, PyObject *unused)
{
    (void)unused;
    return Py_NewRef(self);
}

static PyObject *processes_exit(processes *self, PyObject *unused)
{
    (void)unused;
    end_all(self);
    Py_RETURN_FALSE;
}

static void processes_dealloc(processes *self)
{
    end_all(self);
    for (Py_ssize_t k = 0; k < self->count; k++)
        bury(&self->list[k], 0); // in a child, which has them from its parent
    free(self->list);
    al_object_free((PyObject *)self);
}

static PyMethodDef methods[] = {
    {"fork", (PyCFunction)processes_fork, METH_VARARGS, fork_doc},
    {"pid", (PyCFunction)processes_pid, METH_O, pid_doc},
    {"pidfd", (PyCFunction)processes_pidfd, METH_O, pidfd_doc},
    {"kill", (PyCFunction)processes_kill, METH_O, kill_doc},
    {"reap", (PyCFunction)processes_reap, METH_VARARGS, reap_doc},
    {"end", (PyCFunction)processes_end, METH_NOARGS, end_doc},
    {"__enter__", (PyCFunction)processes_enter, METH_NOARGS, "self"},
    {"__exit__", (PyCFunction)processes_exit, METH_VARARGS, end_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(
    processes_doc,
    "Processes(n): processes 1 to n, forked from this one. A context; when it is left, or forgotten,\n"
    "those that live are killed and reaped.");
static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)processes_doc},
    {Py_tp_new, processes_new},
    {Py_tp_dealloc, processes_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec al_processes_spec = {
    .name = "allot._engines.Processes",
    .basicsize = sizeof(processes),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = slots,
};
