/* items.c - the items of a worker's span, one by one, for as long as a slice of time lasts.
 *
 * An iterator, because the fastest loop over a Python function is the interpreter's own (`[f(x) for x in
 * items]`, where it calls f without leaving itself). What has to be done between items is done here: the
 * worker's corner says which item is being done, runs are taken off the span, and the clock is looked at
 * between runs only. A run lasts about RUN_NS: long enough that the look costs nothing, short enough that
 * others find something to take.
 *
 * The iterator ends when the slice of time is over or the span is used up; in the first case it goes on where
 * it was when it is iterated over again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "items.h"

#include "base/clock.h"

#define RUN_NS 20000
#define RUN_ITEMS_MAX 4096

typedef struct items {
    PyObject_HEAD al_area *area;
    al_slot *slot;
    PyObject *source;
    iternextfunc next;
    int64_t at;        /* the item that comes next */
    int64_t run_end;   /* the first that is not ours yet */
    int64_t run_items; /* how many the next run may have */
    int64_t run_ns;    /* when this one began */
    int64_t slice_ns;  /* how long a slice lasts */
    int64_t slice_end_ns;
    int64_t first; /* the first item of this slice */
    bool in_slice;
    bool is_timed; /* note when each item was begun */
    bool is_over;  /* the span is used up */
} items;

static PyObject *items_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"area", "k", "source", "first", "slice_ns", "timed", NULL};
    PyObject *area, *source;
    unsigned int k;
    long long first, slice_ns;
    int is_timed = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OIOLL|p:Items", names, &area, &k, &source, &first,
                                     &slice_ns, &is_timed))
        return NULL;
    items *self = al_object_make(type);
    if (self == NULL)
        return NULL;
    self->area = (al_area *)(void *)Py_NewRef(area);
    self->source = Py_NewRef(source);
    self->next = PyIter_Check(source) ? (iternextfunc)PyType_GetSlot(Py_TYPE(source), Py_tp_iternext) : NULL;
    if (!PyObject_TypeCheck(area, al_area_type) || k >= self->area->shared->nslots || self->next == NULL) {
        PyErr_SetString(PyExc_TypeError, "Items: an Area, a worker of it, and an iterator");
        Py_DECREF(self);
        return NULL;
    }
    self->slot = &self->area->shared->slots[k];
    self->at = self->run_end = self->first = first;
    self->run_items = 1;
    self->slice_ns = slice_ns;
    self->is_timed = is_timed != 0;
    return (PyObject *)self;
}

static void items_dealloc(items *self)
{
    Py_XDECREF((PyObject *)self->area);
    Py_XDECREF(self->source);
    al_object_free((PyObject *)self);
}

static bool end_slice(items *self, bool is_over)
{
    atomic_store_explicit(&self->slot->at, -1, memory_order_relaxed);
    self->in_slice = false;
    self->is_over = is_over;
    return false;
}

/** As many items as would last RUN_NS, going by the run that is over. */
static void fit_run(items *self, int64_t took_ns)
{
    if (took_ns < RUN_NS / 2)
        self->run_items *= took_ns < RUN_NS / 8 ? 4 : 2;
    else if (took_ns > 2 * RUN_NS)
        self->run_items = self->run_items * RUN_NS / took_ns;
    if (self->run_items > RUN_ITEMS_MAX)
        self->run_items = RUN_ITEMS_MAX;
    if (self->run_items < 1)
        self->run_items = 1;
}

/** Have the next run ready, or end the slice. */
static bool take_run(items *self)
{
    int64_t now = (int64_t)al_clock_ns(), begin;
    if (self->in_slice) {
        fit_run(self, now - self->run_ns);
        if (now >= self->slice_end_ns)
            return end_slice(self, false);
    } else {
        self->slice_end_ns = now + self->slice_ns;
        self->first = self->at;
        self->in_slice = true;
    }
    self->run_ns = now;
    int64_t count = al_span_take(self->area->shared, self->slot, self->run_items, &begin);
    if (count == 0)
        return end_slice(self, true);
    self->run_end = begin + count;
    return true;
}

static PyObject *items_next(items *self)
{
    if (self->is_over || (self->at == self->run_end && !take_run(self)))
        return NULL;
    if (self->is_timed)
        atomic_store_explicit(&self->slot->since_ns, (int64_t)al_clock_ns(), memory_order_relaxed);
    atomic_store_explicit(&self->slot->at, self->at++, memory_order_relaxed);
    PyObject *item = self->next(self->source);
    if (item == NULL) // it has fewer than it said, or fails
        end_slice(self, true);
    return item;
}

static PyObject *items_at(items *self, void *unused)
{
    (void)unused;
    return PyLong_FromLongLong(self->at);
}

static PyObject *items_first(items *self, void *unused)
{
    (void)unused;
    return PyLong_FromLongLong(self->first);
}

static PyObject *items_over(items *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(self->is_over);
}

static PyGetSetDef members[] = {
    {"at", (getter)items_at, NULL,
     "The item that comes next; after an error, the one after the item at fault.", NULL},
    {"first", (getter)items_first, NULL, "The first item of this slice of time, or of the last.", NULL},
    {"over", (getter)items_over, NULL, "There will be no more items.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(
    items_doc,
    "Items(area, k, source, first, slice_ns, timed=False): what the iterator source gives, as long as\n"
    "worker k's span lasts, which begins at item first; ends after slice_ns, and can then go on.");
static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)items_doc},
    {Py_tp_new, items_new},
    {Py_tp_dealloc, items_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, items_next},
    {Py_tp_getset, members},
    {0, NULL},
};

PyType_Spec al_items_spec = {
    .name = "allot._engines.Items",
    .basicsize = sizeof(items),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
