/* wire.c - messages between the caller and its engines, with memory that goes along.
 *
 * A message is one packet on a socket. What is too large for it is written into a file without a name
 * (memfd), and the file goes with the message; the receiver maps it, and its memory is given back with the
 * last object that looks into it. So there is one copy, by the sender; memory that is lacking is an error of
 * the sender's write(), never a SIGBUS; and whatever happens to either side, the kernel gives back what was
 * under way.
 *
 * The receiver's mapping is private: what it writes into an array is its own, as it is after a fork.
 *
 * In C, since Ctrl-C must not come between a file's arrival and its keeper.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "wire.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/** The longest message; longer ones are for files. */
#define MESSAGE_NBYTES_MAX (64 * 1024)
/** Parts of a file begin at whole lines of the cache, as arrays want to. */
#define PART_ALIGN 64

PyTypeObject *al_mapping_type;
PyTypeObject *al_link_type;

// ---- mappings ----------------------------------------------------------------------------------------

typedef struct mapping {
    PyObject_HEAD void *memory;
    size_t nbytes;
} mapping;

/** A private mapping of a whole file. NULL with an exception set. */
static PyObject *mapping_make(int fd)
{
    struct stat facts;
    mapping *self = al_object_make(al_mapping_type);
    if (self == NULL)
        return NULL;
    if (fstat(fd, &facts) != 0)
        goto fail;
    // Without a reserve for pages that are written to: they are few, and there may be much that is only read.
    void *memory =
        mmap(NULL, (size_t)facts.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
    if (memory == MAP_FAILED)
        goto fail;
    self->memory = memory;
    self->nbytes = (size_t)facts.st_size;
    return (PyObject *)self;
fail:
    if (errno == ENOMEM)
        PyErr_NoMemory();
    else
        PyErr_SetFromErrno(PyExc_OSError);
    Py_DECREF((PyObject *)self);
    return NULL;
}

static void mapping_dealloc(mapping *self)
{
    if (self->memory != NULL)
        (void)munmap(self->memory, self->nbytes);
    al_object_free((PyObject *)self);
}

static int mapping_buffer(mapping *self, Py_buffer *view, int flags)
{
    return PyBuffer_FillInfo(view, (PyObject *)self, self->memory, (Py_ssize_t)self->nbytes, 0, flags);
}

PyDoc_STRVAR(mapping_doc, "Memory that came with a message; given back when nothing looks into it any more.");
static PyType_Slot mapping_slots[] = {
    {Py_tp_doc, (void *)mapping_doc},
    {Py_tp_dealloc, mapping_dealloc},
    {Py_bf_getbuffer, mapping_buffer},
    {0, NULL},
};

PyType_Spec al_mapping_spec = {
    .name = "allot._engines.Mapping",
    .basicsize = sizeof(mapping),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = mapping_slots,
};

// ---- links -------------------------------------------------------------------------------------------

typedef struct al_link {
    PyObject_HEAD int fd;
} al_link;

static al_link *link_make(int fd)
{
    al_link *self = al_object_make(al_link_type);
    if (self == NULL)
        (void)close(fd);
    else
        self->fd = fd;
    return self;
}

PyObject *al_link_pair(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    al_link *a = link_make(fds[0]), *b = link_make(fds[1]);
    if (a != NULL && b != NULL)
        return Py_BuildValue("NN", a, b);
    Py_XDECREF((PyObject *)a);
    Py_XDECREF((PyObject *)b);
    return NULL;
}

/** Link(fd): of a socket that came from elsewhere; it is the link's from now on. */
static PyObject *link_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)type;
    int fd;
    if (!PyArg_ParseTuple(args, "i:Link", &fd) || (kwargs != NULL && PyDict_Size(kwargs) > 0))
        return NULL;
    return (PyObject *)link_make(fd);
}

PyDoc_STRVAR(close_doc, "close(): what was not read is lost; the other side finds the end.");
static PyObject *link_close(al_link *self, PyObject *unused)
{
    (void)unused;
    if (self->fd >= 0)
        (void)close(self->fd);
    self->fd = -1;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(finish_doc, "finish(): nothing more will be sent; the other side finds the end after what was.");
static PyObject *link_finish(al_link *self, PyObject *unused)
{
    (void)unused;
    (void)shutdown(self->fd, SHUT_WR); // it may be gone, which is as good
    Py_RETURN_NONE;
}

PyDoc_STRVAR(fileno_doc, "fileno() -> the number of the socket, for select; -1 when it is closed.");
static PyObject *link_fileno(al_link *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromLong(self->fd);
}

static void link_dealloc(al_link *self)
{
    if (self->fd >= 0)
        (void)close(self->fd);
    al_object_free((PyObject *)self);
}

// ---- sending -----------------------------------------------------------------------------------------

static bool write_all(int fd, const char *data, size_t nbytes, off_t *offset)
{
    while (nbytes > 0) {
        ssize_t done = pwrite(fd, data, nbytes, *offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        data += done;
        nbytes -= (size_t)done;
        *offset += done;
    }
    return true;
}

/** Write the buffers of a sequence one after the other. @return false with an exception set */
static bool write_parts(int fd, PyObject *parts)
{
    off_t offset = 0;
    for (Py_ssize_t i = 0; i < PyTuple_Size(parts); i++) {
        Py_buffer view;
        if (PyObject_GetBuffer(PyTuple_GetItem(parts, i), &view, PyBUF_SIMPLE) != 0)
            return false;
        offset = (offset + PART_ALIGN - 1) / PART_ALIGN * PART_ALIGN;
        PyThreadState *state = PyEval_SaveThread();
        bool is_done = write_all(fd, view.buf, (size_t)view.len, &offset);
        int error = errno;
        PyEval_RestoreThread(state);
        PyBuffer_Release(&view);
        if (!is_done) {
            errno = error;
            (void)(error == ENOMEM || error == ENOSPC ? PyErr_NoMemory() : PyErr_SetFromErrno(PyExc_OSError));
            return false;
        }
    }
    return true;
}

/** @return 1: sent; 0: not now; -1 with an exception set */
static int send_message(int socket, const Py_buffer *message, int fd, bool wait)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec part = {message->buf, (size_t)message->len};
    struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        head.msg_control = control.bytes;
        head.msg_controllen = sizeof control.bytes;
        *CMSG_FIRSTHDR(&head) = (struct cmsghdr){CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&head)), &fd, sizeof fd);
    }
    for (;;) {
        PyThreadState *state = PyEval_SaveThread();
        ssize_t sent = sendmsg(socket, &head, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
        if (sent < 0 && errno == ETOOMANYREFS && wait)
            (void)usleep(1000); // files under way: as many as may be open; the receiver takes them one by one
        PyEval_RestoreThread(state);
        if (sent >= 0)
            return 1;
        if ((errno == EAGAIN || errno == ETOOMANYREFS) && !wait)
            return 0;
        if (errno == EINTR || errno == ETOOMANYREFS) {
            if (PyErr_CheckSignals() != 0)
                return -1;
            continue;
        }
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
}

PyDoc_STRVAR(
    send_doc,
    "send(message, parts, wait) -> whether it was sent: a message, and with it, if parts is not empty, one\n"
    "piece of memory that these buffers are copied into, each from a multiple of 64 bytes on.");
static PyObject *link_send(al_link *self, PyObject *args)
{
    int fd = -1, wait, result = -1;
    Py_buffer message;
    PyObject *parts;
    if (!PyArg_ParseTuple(args, "y*O!p:send", &message, &PyTuple_Type, &parts, &wait))
        return NULL;
    if (message.len < 1 || message.len > MESSAGE_NBYTES_MAX) {
        PyErr_Format(PyExc_ValueError, "send: a message of %zd bytes: at most %d", message.len,
                     MESSAGE_NBYTES_MAX);
        goto done;
    }
    if (PyTuple_Size(parts) > 0) {
        fd = memfd_create("allot", MFD_CLOEXEC);
        if (fd < 0) {
            PyErr_SetFromErrno(PyExc_OSError);
            goto done;
        }
        if (!write_parts(fd, parts))
            goto done;
    }
    result = send_message(self->fd, &message, fd, wait != 0);
done:
    if (fd >= 0)
        (void)close(fd);
    PyBuffer_Release(&message);
    return result < 0 ? NULL : PyBool_FromLong(result);
}

// ---- receiving ---------------------------------------------------------------------------------------

static int file_of(struct msghdr *head)
{
    int fd = -1;
    struct cmsghdr *control = CMSG_FIRSTHDR(head);
    if (control != NULL && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(control), sizeof fd);
    return fd;
}

/** What came with a message cannot be mapped: the error says which message it was. */
static void note_message(const char *message, Py_ssize_t nbytes)
{
    PyObject *kind, *value, *traceback;
    PyErr_Fetch(&kind, &value, &traceback);
    PyErr_NormalizeException(&kind, &value, &traceback);
    PyObject *bytes = PyBytes_FromStringAndSize(message, nbytes);
    if (value == NULL || bytes == NULL || PyObject_SetAttrString(value, "allot_message", bytes) != 0)
        PyErr_Clear(); // without it, then
    Py_XDECREF(bytes);
    PyErr_Restore(kind, value, traceback);
}

PyDoc_STRVAR(
    receive_doc,
    "receive(wait) -> (message, Mapping or None); b'' at the end; None if there is nothing and wait is\n"
    "false. A MemoryError has the message as its allot_message.");
static PyObject *link_receive(al_link *self, PyObject *args)
{
    int wait;
    if (!PyArg_ParseTuple(args, "p:receive", &wait))
        return NULL;
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    static char message[MESSAGE_NBYTES_MAX]; // only while the lock of the interpreter is held: see below
    struct iovec part = {message, sizeof message};
    struct msghdr head;
    ssize_t nbytes;
    for (;;) {
        head = (struct msghdr){.msg_iov = &part,
                               .msg_iovlen = 1,
                               .msg_control = control.bytes,
                               .msg_controllen = sizeof control.bytes};
        nbytes = recvmsg(self->fd, &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (nbytes >= 0 || (errno != EINTR && errno != EAGAIN))
            break;
        if (errno == EAGAIN && !wait)
            Py_RETURN_NONE;
        if (errno == EAGAIN) {
            PyThreadState *state = PyEval_SaveThread();
            (void)recv(self->fd, message, 0, MSG_PEEK); // until there is something
            PyEval_RestoreThread(state);
        }
        if (PyErr_CheckSignals() != 0)
            return NULL;
    }
    if (nbytes < 0 && errno != ECONNRESET) // the other side was killed with messages unread: its end, too
        return PyErr_SetFromErrno(PyExc_OSError);
    int fd = nbytes > 0 ? file_of(&head) : -1;
    PyObject *memory = fd >= 0 ? mapping_make(fd) : Py_NewRef(Py_None);
    if (fd >= 0)
        (void)close(fd);
    if (memory == NULL) {
        note_message(message, nbytes);
        return NULL;
    }
    return Py_BuildValue("y#N", message, nbytes > 0 ? nbytes : (Py_ssize_t)0, memory);
}

static PyMethodDef methods[] = {
    {"send", (PyCFunction)link_send, METH_VARARGS, send_doc},
    {"receive", (PyCFunction)link_receive, METH_VARARGS, receive_doc},
    {"finish", (PyCFunction)link_finish, METH_NOARGS, finish_doc},
    {"close", (PyCFunction)link_close, METH_NOARGS, close_doc},
    {"fileno", (PyCFunction)link_fileno, METH_NOARGS, fileno_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(link_doc, "Link(fd): one end of a socket of packets, which is closed with it.");
static PyType_Slot link_slots[] = {
    {Py_tp_doc, (void *)link_doc},
    {Py_tp_new, link_new},
    {Py_tp_dealloc, link_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec al_link_spec = {
    .name = "allot._engines.Link",
    .basicsize = sizeof(al_link),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = link_slots,
};
