/* area.c - memory that the caller and its engines share.
 *
 * Items are claimed in two steps, so that a bad guess of what items cost costs little. A worker claims a span
 * from the shared counter; it then takes short runs off the front of its own span as it goes (items.c), and
 * whoever finds the counter used up takes the back half of the longest span there is. A span is one word
 * (begin, length), so each step is one compare-and-exchange and nothing can be left half done by a worker
 * that is killed. What a killed one had claimed is still there to be read.
 *
 * Results go through a ring an engine: the engine alone moves the head, the caller alone the tail.
 *
 * The memory is a file without a name (memfd), so that a process which is no child of ours can be given it,
 * too; it is gone with the last of those who have it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "area.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

PyTypeObject *al_area_type;

// ---- spans -------------------------------------------------------------------------------------------

static uint64_t span(int64_t begin, int64_t end)
{
    return (uint64_t)begin << 24 | (uint64_t)(end - begin);
}

static int64_t span_begin(uint64_t word)
{
    return (int64_t)(word >> 24);
}

static int64_t span_count(uint64_t word)
{
    return (int64_t)(word & (uint64_t)AL_SPAN_MAX);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t al_span_take(al_shared *shared, al_slot *slot, int64_t want, int64_t *begin)
{
    uint64_t word = atomic_load(&slot->rest);
    for (;;) {
        *begin = span_begin(word);
        int64_t count = span_count(word), end = *begin + count;
        int64_t taken = least(least(want, count), atomic_load(&shared->limit) - *begin);
        if (taken <= 0)
            return 0;
        if (atomic_compare_exchange_weak(&slot->rest, &word, span(*begin + taken, end)))
            return taken;
    }
}

static int64_t claim_fresh(al_shared *shared, int64_t want, int64_t *begin)
{
    *begin = atomic_load(&shared->next);
    for (;;) {
        int64_t taken = least(want, atomic_load(&shared->limit) - *begin);
        if (taken <= 0)
            return 0;
        if (atomic_compare_exchange_weak(&shared->next, begin, *begin + taken))
            return taken;
    }
}

/** The back half of the longest span that another has claimed and not begun. */
static int64_t claim_from_others(al_shared *shared, const al_slot *own, int64_t *begin)
{
    for (;;) {
        al_slot *richest = NULL;
        uint64_t most = 0;
        for (uint32_t k = 0; k < shared->nslots; k++) {
            uint64_t word = atomic_load(&shared->slots[k].rest);
            if (&shared->slots[k] != own && span_begin(word) < atomic_load(&shared->limit) &&
                span_count(word) > span_count(most)) {
                most = word;
                richest = &shared->slots[k];
            }
        }
        if (richest == NULL)
            return 0;
        int64_t first = span_begin(most), end = first + span_count(most);
        *begin = first + span_count(most) / 2;
        if (atomic_compare_exchange_strong(&richest->rest, &most, span(first, *begin)))
            return end - *begin;
    }
}

// ---- the object --------------------------------------------------------------------------------------

static size_t shared_nbytes(uint32_t nslots, size_t page_nbytes)
{
    size_t nbytes = sizeof(al_shared) + nslots * sizeof(al_slot);
    return (nbytes + page_nbytes - 1) / page_nbytes * page_nbytes;
}

static int area_map(al_area *self, uint32_t nslots, size_t ring_nbytes)
{
    size_t head_nbytes = shared_nbytes(nslots, (size_t)sysconf(_SC_PAGESIZE));
    self->nbytes = head_nbytes + (nslots - 1) * ring_nbytes;
    struct stat facts;
    if (fstat(self->fd, &facts) != 0)
        return -1;
    bool is_fresh = facts.st_size == 0;
    if (is_fresh && ftruncate(self->fd, (off_t)self->nbytes) != 0)
        return -1;
    if (!is_fresh && (size_t)facts.st_size != self->nbytes) {
        errno = EINVAL;
        return -1;
    }
    void *memory = mmap(NULL, self->nbytes, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
    if (memory == MAP_FAILED)
        return -1;
    self->shared = memory;
    self->rings = (unsigned char *)memory + head_nbytes;
    if (is_fresh) {
        self->shared->nslots = nslots;
        self->shared->ring_nbytes = ring_nbytes;
        for (uint32_t k = 0; k < nslots; k++)
            atomic_store(&self->shared->slots[k].at, -1);
    }
    return 0;
}

static PyObject *area_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"nengines", "ring_nbytes", "fd", NULL};
    unsigned int nengines;
    Py_ssize_t ring_nbytes = 1 << 20;
    int fd = -1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "I|ni:Area", names, &nengines, &ring_nbytes, &fd))
        return NULL;
    if (nengines < 1 || nengines > 65535 || ring_nbytes < 4096 || ring_nbytes % 4096 != 0)
        return PyErr_Format(PyExc_ValueError,
                            "Area: 1 to 65535 engines with rings of whole pages, not %u with %zd bytes",
                            nengines, ring_nbytes);
    al_area *self = al_object_make(type);
    if (self == NULL)
        return NULL;
    self->fd = fd >= 0 ? dup(fd) : memfd_create("allot", MFD_CLOEXEC);
    if (self->fd < 0 || area_map(self, nengines + 1, (size_t)ring_nbytes) != 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void area_dealloc(al_area *self)
{
    if (self->shared != NULL)
        (void)munmap(self->shared, self->nbytes);
    if (self->fd >= 0)
        (void)close(self->fd);
    al_object_free((PyObject *)self);
}

static al_slot *slot_of(al_area *self, unsigned int k)
{
    if (k < self->shared->nslots)
        return &self->shared->slots[k];
    PyErr_Format(PyExc_IndexError, "worker %u of %u", k, self->shared->nslots);
    return NULL;
}

// ---- methods: claims ---------------------------------------------------------------------------------

PyDoc_STRVAR(open_doc, "open(begin, end): items begin to end-1 may be claimed. Before engines start.");
static PyObject *area_open(al_area *self, PyObject *args)
{
    long long begin, end;
    if (!PyArg_ParseTuple(args, "LL:open", &begin, &end))
        return NULL;
    if (begin < 0 || end < begin || end > AL_ITEMS_MAX)
        return PyErr_Format(PyExc_OverflowError, "%lld items: at most 2**40", end);
    atomic_store(&self->shared->next, begin);
    atomic_store(&self->shared->limit, end);
    for (uint32_t k = 0; k < self->shared->nslots; k++) {
        atomic_store(&self->shared->slots[k].rest, 0);
        atomic_store(&self->shared->slots[k].at, -1);
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(
    claim_doc,
    "claim(k, want) -> (begin, end) or None: worker k has claimed these items, or there are none left.\n"
    "Fresh ones, else half of what another has claimed and not begun.");
static PyObject *area_claim(al_area *self, PyObject *args)
{
    unsigned int k;
    long long want;
    if (!PyArg_ParseTuple(args, "IL:claim", &k, &want))
        return NULL;
    al_slot *slot = slot_of(self, k);
    if (slot == NULL)
        return NULL;
    want = want < 1 ? 1 : least(want, AL_SPAN_MAX);
    int64_t begin, count = claim_fresh(self->shared, want, &begin);
    if (count == 0)
        count = claim_from_others(self->shared, slot, &begin);
    if (count == 0)
        Py_RETURN_NONE;
    atomic_store(&slot->rest, span(begin, begin + count));
    return Py_BuildValue("LL", (long long)begin, (long long)(begin + count));
}

PyDoc_STRVAR(assign_doc, "assign(k, begin, end): these items are worker k's, as if it had claimed them.");
static PyObject *area_assign(al_area *self, PyObject *args)
{
    unsigned int k;
    long long begin, end;
    if (!PyArg_ParseTuple(args, "ILL:assign", &k, &begin, &end))
        return NULL;
    al_slot *slot = slot_of(self, k);
    if (slot == NULL)
        return NULL;
    if (begin < 0 || end < begin || end - begin > AL_SPAN_MAX || end > AL_ITEMS_MAX)
        return PyErr_Format(PyExc_OverflowError, "items %lld to %lld: at most 2**24 at a time", begin, end);
    atomic_store(&slot->rest, span(begin, end));
    Py_RETURN_NONE;
}

PyDoc_STRVAR(revoke_doc,
             "revoke(k) -> (begin, end): what worker k had claimed and not begun is its no more.");
static PyObject *area_revoke(al_area *self, PyObject *args)
{
    unsigned int k;
    if (!PyArg_ParseTuple(args, "I:revoke", &k))
        return NULL;
    al_slot *slot = slot_of(self, k);
    if (slot == NULL)
        return NULL;
    uint64_t word = atomic_exchange(&slot->rest, 0);
    return Py_BuildValue("LL", (long long)span_begin(word), (long long)(span_begin(word) + span_count(word)));
}

PyDoc_STRVAR(cut_doc, "cut(limit): no item from limit on is begun any more.");
static PyObject *area_cut(al_area *self, PyObject *args)
{
    long long limit;
    if (!PyArg_ParseTuple(args, "L:cut", &limit))
        return NULL;
    int64_t old = atomic_load(&self->shared->limit);
    while (limit < old && !atomic_compare_exchange_weak(&self->shared->limit, &old, limit))
        ;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(extend_doc, "extend(limit): items up to limit-1 may be claimed from now on.");
static PyObject *area_extend(al_area *self, PyObject *args)
{
    long long limit;
    if (!PyArg_ParseTuple(args, "L:extend", &limit))
        return NULL;
    if (limit > AL_ITEMS_MAX)
        return PyErr_Format(PyExc_OverflowError, "%lld items: at most 2**40", limit);
    atomic_store(&self->shared->limit, limit);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(left_doc, "left() -> number of items that nobody has claimed.");
static PyObject *area_left(al_area *self, PyObject *unused)
{
    (void)unused;
    int64_t left = atomic_load(&self->shared->limit) - atomic_load(&self->shared->next);
    return PyLong_FromLongLong(left > 0 ? left : 0);
}

PyDoc_STRVAR(
    at_doc,
    "at(k) -> (item, since_ns): what worker k is doing, -1 between items; since when on the clock of\n"
    "time.monotonic_ns(), where its items() were asked to note it.");
static PyObject *area_at(al_area *self, PyObject *args)
{
    unsigned int k;
    if (!PyArg_ParseTuple(args, "I:at", &k))
        return NULL;
    al_slot *slot = slot_of(self, k);
    if (slot == NULL)
        return NULL;
    return Py_BuildValue("LL", (long long)atomic_load(&slot->at), (long long)atomic_load(&slot->since_ns));
}

PyDoc_STRVAR(rest_doc, "rest(k): worker k is between items; of one that starts anew.");
static PyObject *area_rest(al_area *self, PyObject *args)
{
    unsigned int k;
    if (!PyArg_ParseTuple(args, "I:rest", &k))
        return NULL;
    al_slot *slot = slot_of(self, k);
    if (slot == NULL)
        return NULL;
    atomic_store(&slot->at, -1);
    Py_RETURN_NONE;
}

// ---- methods: rings ----------------------------------------------------------------------------------

PyDoc_STRVAR(put_doc,
             "put(k, data) -> position or None: into the ring of engine k, which has room, or has not.");
static PyObject *area_put(al_area *self, PyObject *args)
{
    unsigned int k;
    Py_buffer data;
    if (!PyArg_ParseTuple(args, "Iy*:put", &k, &data))
        return NULL;
    al_slot *slot = k == 0 ? NULL : slot_of(self, k);
    PyObject *result = NULL;
    uint64_t nbytes = (uint64_t)data.len, size = self->shared->ring_nbytes;
    if (slot == NULL) {
        if (k == 0)
            PyErr_SetString(PyExc_IndexError, "the caller has no ring");
    } else {
        uint64_t begin = slot->head, offset = begin % size;
        if (offset + nbytes > size)
            begin += size - offset; // in one piece: from the ring's beginning
        if (begin + nbytes - atomic_load_explicit(&slot->tail, memory_order_acquire) > size) {
            result = Py_NewRef(Py_None);
        } else {
            memcpy(self->rings + (k - 1) * size + begin % size, data.buf, nbytes);
            slot->head = begin + nbytes;
            result = PyLong_FromUnsignedLongLong(begin);
        }
    }
    PyBuffer_Release(&data);
    return result;
}

PyDoc_STRVAR(take_back_doc, "take_back(k, position): what was put there last was not told to anyone.");
static PyObject *area_take_back(al_area *self, PyObject *args)
{
    unsigned int k;
    unsigned long long position;
    if (!PyArg_ParseTuple(args, "IK:take_back", &k, &position))
        return NULL;
    al_slot *slot = slot_of(self, k);
    if (slot == NULL)
        return NULL;
    slot->head = position;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(where_doc, "where(k, position) -> offset of a position of engine k's ring in memoryview(area).");
static PyObject *area_where(al_area *self, PyObject *args)
{
    unsigned int k;
    unsigned long long position;
    if (!PyArg_ParseTuple(args, "IK:where", &k, &position))
        return NULL;
    if (k == 0 || slot_of(self, k) == NULL)
        return PyErr_Format(PyExc_IndexError, "worker %u has no ring", k);
    size_t rings = (size_t)(self->rings - (unsigned char *)self->shared);
    return PyLong_FromUnsignedLongLong(rings + (k - 1) * self->shared->ring_nbytes +
                                       position % self->shared->ring_nbytes);
}

PyDoc_STRVAR(release_doc, "release(k, position): what engine k's ring holds before position has been read.");
static PyObject *area_release(al_area *self, PyObject *args)
{
    unsigned int k;
    unsigned long long position;
    if (!PyArg_ParseTuple(args, "IK:release", &k, &position))
        return NULL;
    al_slot *slot = slot_of(self, k);
    if (slot == NULL)
        return NULL;
    atomic_store_explicit(&slot->tail, position, memory_order_release);
    Py_RETURN_NONE;
}

static int area_buffer(al_area *self, Py_buffer *view, int flags)
{
    return PyBuffer_FillInfo(view, (PyObject *)self, self->shared, (Py_ssize_t)self->nbytes, 0, flags);
}

static PyObject *area_fd(al_area *self, void *unused)
{
    (void)unused;
    return PyLong_FromLong(self->fd);
}

static PyObject *area_ring_nbytes(al_area *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(self->shared->ring_nbytes);
}

static PyMethodDef methods[] = {
    {"open", (PyCFunction)area_open, METH_VARARGS, open_doc},
    {"claim", (PyCFunction)area_claim, METH_VARARGS, claim_doc},
    {"assign", (PyCFunction)area_assign, METH_VARARGS, assign_doc},
    {"revoke", (PyCFunction)area_revoke, METH_VARARGS, revoke_doc},
    {"cut", (PyCFunction)area_cut, METH_VARARGS, cut_doc},
    {"extend", (PyCFunction)area_extend, METH_VARARGS, extend_doc},
    {"left", (PyCFunction)area_left, METH_NOARGS, left_doc},
    {"at", (PyCFunction)area_at, METH_VARARGS, at_doc},
    {"rest", (PyCFunction)area_rest, METH_VARARGS, rest_doc},
    {"put", (PyCFunction)area_put, METH_VARARGS, put_doc},
    {"take_back", (PyCFunction)area_take_back, METH_VARARGS, take_back_doc},
    {"where", (PyCFunction)area_where, METH_VARARGS, where_doc},
    {"release", (PyCFunction)area_release, METH_VARARGS, release_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef members[] = {
    {"fd", (getter)area_fd, NULL, "The file that the memory is.", NULL},
    {"ring_nbytes", (getter)area_ring_nbytes, NULL, "What the ring of an engine holds.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(
    area_doc,
    "Area(nengines, ring_nbytes=1 MiB, fd=-1): memory shared with engines 1 to nengines; the caller is\n"
    "worker 0. With fd, the area that another process made with the same numbers.");
static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)area_doc},
    {Py_tp_new, area_new},
    {Py_tp_dealloc, area_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, members},
    {Py_bf_getbuffer, area_buffer},
    {0, NULL},
};

PyType_Spec al_area_spec = {
    .name = "allot._engines.Area",
    .basicsize = sizeof(al_area),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
