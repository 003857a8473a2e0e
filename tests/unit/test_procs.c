/* test_procs.c - maps, loops and reductions on isolated engines: the same results, what engines see, and what
 * an item costs that crashes, leaves or hangs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/engines.h"
#include "support/pools.h"
#include "support/sanitizers.h"

static const char *const specs[] = {"procs:1", "procs:2", "procs:3,kept"};
#define NSPECS (sizeof specs / sizeof specs[0])
/** More than any item of these tests needs on a machine that is busy, and short enough to wait for. */
#define LIMIT_NS UINT64_C(200000000)

/* Opening. */

static void only_what_is_meant_opens_a_pool(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        uint32_t n; /* 0: as many as processors; UINT32_MAX: no pool */
    } cases[] = {
        {"procs:2", 2},
        {"procs:2,kept", 2},
        {"threads:3", 3},
        {"procs", 0},
        {"threads", 0},
        {"procs,kept", 0},
        {"", UINT32_MAX},
        {"proc", UINT32_MAX},
        {"procs:", UINT32_MAX},
        {"procs:0", UINT32_MAX},
        {"procs:-1", UINT32_MAX},
        {"procs:+1", UINT32_MAX},
        {"procs: 1", UINT32_MAX},
        {"procs:01", UINT32_MAX},
        {"procs:1025", UINT32_MAX},
        {"procs:2 ", UINT32_MAX},
        {"procs:2,", UINT32_MAX},
        {"procs:2,keep", UINT32_MAX},
        {"procs:2,kept,kept", UINT32_MAX},
        {"threads:2,kept", UINT32_MAX},
        {"PROCS:2", UINT32_MAX},
        {"procs:4294967298", UINT32_MAX},
        {"procs:2x", UINT32_MAX},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        allot_pool *pool = NULL;
        allot_error err = {.text = ""};
        allot_err code = allot_pool_open(&pool, cases[k].spec, &err);
        if (cases[k].n == UINT32_MAX) {
            if (code != ALLOT_EINVAL || pool != NULL || strstr(err.text, "procs:N,kept") == NULL)
                fail_msg("'%s' gave %d, %s", cases[k].spec, (int)code, err.text);
            continue;
        }
        if (code != ALLOT_OK)
            fail_msg("'%s': %s", cases[k].spec, err.text);
        assert_int_equal(allot_pool_nthreads(pool), cases[k].n != 0 ? cases[k].n : allot_pool_nthreads(NULL));
        allot_pool_destroy(pool);
    }
    allot_pool *pool = engines_of("procs:1");
    allot_costs costs;
    assert_int_equal(allot_pool_costs(pool, &costs), ALLOT_EUNSUPPORTED);
    allot_pool_destroy(pool);
    assert_int_equal(allot_pool_open(&pool, NULL, NULL), ALLOT_EINVAL);
    assert_int_equal(allot_pool_open(NULL, "procs:1", NULL), ALLOT_EINVAL);
    assert_null(pool);
    assert_true(has_no_children());
}

/* The same results. */

static int square(const void *in, void *out, uint64_t first, uint64_t count, void *arg)
{
    const double *x = in, *add = arg;
    double *y = out;
    (void)first;
    for (uint64_t i = 0; i < count; i++)
        y[i] = x[i] * x[i] + (add != NULL ? *add : 0.0);
    return 0;
}

static void fill(double *x, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        x[i] = (double)i;
}

static bool is_squared(const double *y, uint64_t begin, uint64_t end, double add)
{
    for (uint64_t i = begin; i < end; i++)
        if (y[i] != (double)i * (double)i + add)
            return false;
    return true;
}

/** Arrays in the caller's own memory or in shared memory, one over the other or apart. */
static void map_and_check(allot_pool *pool, uint64_t n, int places, uint64_t chunk_items)
{
    double *own[2] = {malloc(n * sizeof(double) + 1), malloc(n * sizeof(double) + 1)};
    double *shared[2] = {shared_of(n * sizeof(double) + 1), shared_of(n * sizeof(double) + 1)};
    double *x = (places & 1) != 0 ? shared[0] : own[0];
    double *y = (places & 4) != 0 ? x : (places & 2) != 0 ? shared[1] : own[1];
    double add = 3.0;
    allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
    allot_stats stats;
    allot_error err = {.text = ""};
    opts.chunk_items = chunk_items;
    opts.stats = &stats;
    fill(x, n);
    allot_err code = allot_map(pool, n, x, sizeof *x, y, sizeof *y, square, &add, &opts, &err);
    if (code != ALLOT_OK)
        fail_msg("%llu items, places %d: %s", (unsigned long long)n, places, err.text);
    assert_true(is_squared(y, 0, n, add));
    assert_int_equal(stats.nitems, n);
    if (chunk_items != 0)
        assert_int_equal(stats.nchunks, (n + chunk_items - 1) / chunk_items);
    for (int k = 0; k < 2; k++) {
        free(own[k]);
        allot_shared_free(shared[k]);
    }
}

static void maps_are_right_wherever_their_arrays_lie(void **state)
{
    (void)state;
    static const uint64_t counts[] = {0, 1, 2, 7, 1000, 70001};
    for (size_t s = 0; s < NSPECS; s++) {
        allot_pool *pool = engines_of(specs[s]);
        for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++)
            for (int places = 0; places < 8; places++)
                map_and_check(pool, counts[k], places, k % 2 == 0 ? 0 : 13);
        allot_pool_destroy(pool);
    }
    assert_true(has_no_children());
}

static int say_who(const void *in, void *out, uint64_t first, uint64_t count, void *arg)
{
    (void)in, (void)first, (void)arg;
    for (uint64_t i = 0; i < count; i++)
        ((pid_t *)out)[i] = getpid();
    return 0;
}

static int crash_in(uint64_t begin, uint64_t end, void *caller)
{
    (void)begin, (void)end;
    return getpid() == *(pid_t *)caller ? 1 : 0;
}

/** Not even a loop that a pool of threads has found to be short is done by the caller. */
static void the_caller_does_no_items(void **state)
{
    (void)state;
    pid_t *caller = shared_of(sizeof *caller), who[300];
    *caller = 0; /* nobody: nothing fails */
    for (int k = 0; k < 1000; k++)
        assert_int_equal(allot_for(NULL, 3, crash_in, caller, NULL, NULL), ALLOT_OK);
    *caller = getpid();
    assert_int_equal(allot_for(NULL, 3, crash_in, caller, NULL, NULL), ALLOT_EUSER); /* it does notice */
    for (size_t s = 0; s < NSPECS; s++) {
        allot_pool *pool = engines_of(specs[s]);
        for (int k = 0; k < 20; k++)
            assert_int_equal(allot_for(pool, 3, crash_in, caller, NULL, NULL), ALLOT_OK);
        assert_int_equal(allot_map(pool, 300, NULL, 0, who, sizeof who[0], say_who, NULL, NULL, NULL),
                         ALLOT_OK);
        for (int i = 0; i < 300; i++)
            assert_true(who[i] != getpid() && who[i] > 0);
        allot_pool_destroy(pool);
    }
    allot_shared_free(caller);
}

static int add_roots(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    const double *x = arg;
    for (uint64_t i = begin; i < end; i++) {
        if (x[i] < 0.0)
            abort();
        if (isinf(x[i]))
            return allot_fail_at(i, 5);
        *(double *)acc += sqrt(x[i]);
    }
    return 0;
}

static void add_double(void *acc, const void *right, void *arg)
{
    (void)arg;
    *(double *)acc += *(const double *)right;
}

static void reductions_have_the_same_bits(void **state)
{
    (void)state;
    enum { N = 30000 };
    static double x[N];
    const allot_reducer add = {.acc_nbytes = sizeof(double), .fold = add_roots, .combine = add_double};
    fill(x, N);
    double expected = 0.0, got;
    assert_int_equal(allot_reduce(NULL, N, &add, &expected, x, NULL, NULL), ALLOT_OK);
    for (size_t s = 0; s < NSPECS; s++) {
        allot_pool *pool = engines_of(specs[s]);
        allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
        allot_error err;
        got = 0.0;
        assert_int_equal(allot_reduce(pool, N, &add, &got, x, NULL, &err), ALLOT_OK);
        assert_memory_equal(&got, &expected, sizeof got);
        opts.exact = true; /* it is not, but nearly */
        got = 0.0;
        assert_int_equal(allot_reduce(pool, N, &add, &got, x, &opts, &err), ALLOT_OK);
        assert_true(fabs(got - expected) < 1e-9 * expected);
        x[20000] = INFINITY;
        assert_int_equal(allot_reduce(pool, N, &add, &got, x, NULL, &err), ALLOT_EUSER);
        assert_int_equal(err.index, 20000);
        assert_int_equal(err.user, 5);
        x[20000] = -1.0;
        assert_int_equal(allot_reduce(pool, N, &add, &got, x, NULL, &err), ALLOT_EUSER);
        assert_true(err.index <= 20000 && err.index + allot_plan_leaf(N) > 20000);
        assert_non_null(strstr(err.text, "leaf"));
        assert_non_null(strstr(err.text, "SIGABRT"));
        x[20000] = 20000.0;
        allot_faults faults = {0};
        opts.faults = &faults;
        assert_int_equal(allot_reduce(pool, N, &add, &got, x, &opts, &err), ALLOT_EINVAL);
        allot_pool_destroy(pool);
    }
}

/* What engines see. */

static int global, written;

static int tell_global(const void *in, void *out, uint64_t first, uint64_t count, void *arg)
{
    (void)in, (void)first;
    for (uint64_t i = 0; i < count; i++)
        ((int *)out)[i] = global + (arg != NULL ? *(int *)arg : 0);
    written = 1; /* the engine's own */
    return 0;
}

static void engines_see_memory_as_it_is_at_the_call(void **state)
{
    (void)state;
    for (size_t s = 0; s < NSPECS; s++) {
        allot_pool *pool = engines_of(specs[s]);
        for (int k = 1; k < 6; k++) {
            int out[4], *heap = malloc(sizeof *heap);
            global = k;
            *heap = 10 * k;
            assert_int_equal(allot_map(pool, 4, NULL, 0, out, sizeof out[0], tell_global, heap, NULL, NULL),
                             ALLOT_OK);
            for (int i = 0; i < 4; i++)
                assert_int_equal(out[i], 11 * k);
            assert_int_equal(written, 0);
            free(heap);
        }
        allot_pool_destroy(pool);
    }
}

/** Engines that stay are the same for all calls with shared memory, and are made anew when one is gone. */
static void kept_engines_stay(void **state)
{
    (void)state;
    allot_pool *pool = engines_of("procs:1,kept");
    pid_t *who = shared_of(sizeof *who), first = 0;
    int own = 7;
    for (int k = 0; k < 5; k++) {
        assert_int_equal(allot_map(pool, 1, NULL, 0, who, sizeof *who, say_who, NULL, NULL, NULL), ALLOT_OK);
        first = first != 0 ? first : *who;
        assert_int_equal(*who, first);
    }
    assert_int_equal(allot_map(pool, 1, NULL, 0, who, sizeof *who, say_who, &own, NULL, NULL), ALLOT_OK);
    assert_int_not_equal(*who, first); /* own is not shared */
    assert_true(kill(first, SIGKILL) == 0 && is_soon_gone(first));
    for (int k = 0; k < 2; k++) {
        assert_int_equal(allot_map(pool, 1, NULL, 0, who, sizeof *who, say_who, NULL, NULL, NULL), ALLOT_OK);
        assert_int_not_equal(*who, first);
    }
    allot_pool_destroy(pool);
    allot_shared_free(who);
    assert_true(has_no_children());
}

static int write_to(uint64_t begin, uint64_t end, void *arg)
{
    for (uint64_t i = begin; i < end; i++)
        ((uint64_t *)arg)[i] = i + 1;
    return 0;
}

static void results_that_would_be_lost_are_refused(void **state)
{
    (void)state;
    enum { N = 100 };
    uint64_t own[N], *shared = shared_of(sizeof own);
    allot_pool *pool = engines_of("procs:2");
    allot_error err;
    assert_int_equal(allot_for(pool, N, write_to, own, NULL, &err), ALLOT_EINVAL);
    assert_non_null(strstr(err.text, "allot_shared_alloc()"));
    assert_int_equal(allot_for(pool, N, write_to, shared, NULL, &err), ALLOT_OK);
    for (uint64_t i = 0; i < N; i++)
        assert_int_equal(shared[i], i + 1);
    double acc = 0.0;
    const allot_scanner scanner = {
        .reduce = {.acc_nbytes = sizeof acc, .fold = add_roots, .combine = add_double}, .emit = add_roots};
    allot_job *job = NULL;
    assert_int_equal(allot_scan(pool, N, &scanner, &acc, NULL, NULL, &err), ALLOT_EUNSUPPORTED);
    assert_int_equal(allot_job_start(pool, N, write_to, shared, NULL, &job, &err), ALLOT_EUNSUPPORTED);
    assert_null(job);
    allot_pool_destroy(pool);
    allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
    opts.item_timeout_ns = 1;
    assert_int_equal(allot_for(NULL, N, write_to, own, &opts, &err), ALLOT_EINVAL);
    assert_non_null(strstr(err.text, "procs:N"));
    allot_shared_free(shared);
}

/* Items that end their engine. */

typedef enum how { FINE, SEGV, ABORT, EXIT, LEAVE, HANG, RETURN, KILL, SLOW } how;

static int do_as_told(const void *in, void *out, uint64_t first, uint64_t count, void *arg)
{
    const how *items = in;
    (void)arg;
    for (uint64_t i = 0; i < count; i++) {
        switch (items[i]) {
        case SEGV:
            (void)raise(SIGSEGV);
            break;
        case ABORT:
            abort();
        case EXIT:
            exit(3);
        case LEAVE:
            _exit(0);
        case HANG:
            for (;;)
                ;
        case RETURN:
            return allot_fail_at(first + i, 9);
        case KILL:
            (void)raise(SIGKILL);
            break;
        case SLOW:
            nap_ns(2000000);
            break;
        default:
            break;
        }
        ((uint64_t *)out)[i] = first + i + 1;
    }
    return 0;
}

enum { NTOLD = 2000 };

typedef struct told {
    how items[NTOLD];
    uint64_t out[NTOLD];
} told;

static told *told_of(void)
{
    return shared_of(sizeof(told));
}

static const struct {
    how how;
    allot_fault_kind kind;
    int value;
    const char *text;
} endings[] = {
    {SEGV, ALLOT_FAULT_SIGNAL, SIGSEGV, "SIGSEGV"}, {ABORT, ALLOT_FAULT_SIGNAL, SIGABRT, "SIGABRT"},
    {EXIT, ALLOT_FAULT_EXIT, 3, "exit(3)"},         {LEAVE, ALLOT_FAULT_EXIT, 0, "exit(0)"},
    {HANG, ALLOT_FAULT_LIMIT, 0, "longer"},         {RETURN, ALLOT_FAULT_RETURNED, 9, "returned 9"},
    {KILL, ALLOT_FAULT_SIGNAL, SIGKILL, "SIGKILL"},
};
#define NENDINGS (sizeof endings / sizeof endings[0])

static bool is_done(const uint64_t *out, uint64_t begin, uint64_t end)
{
    for (uint64_t i = begin; i < end; i++)
        if (out[i] != i + 1)
            return false;
    return true;
}

/** One item is bad: it is named, and what comes before it is done. */
static void an_item_that_ends_its_engine_is_named(void **state)
{
    (void)state;
    told *t = told_of();
    for (size_t s = 0; s < NSPECS; s++) {
        allot_pool *pool = engines_of(specs[s]);
        for (size_t e = 0; e < NENDINGS; e++) {
            uint64_t out[NTOLD], bad = 300 * e + 17;
            allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
            allot_error err;
            opts.item_timeout_ns = LIMIT_NS;
            opts.chunk_items = e % 2 == 0 ? 0 : 50;
            memset(t, 0, sizeof *t);
            memset(out, 0, sizeof out);
            t->items[bad] = endings[e].how;
            bool own = e % 3 == 0;
            allot_err code = allot_map(pool, NTOLD, t->items, sizeof t->items[0], own ? out : t->out,
                                       sizeof out[0], do_as_told, NULL, &opts, &err);
            assert_int_equal(code, ALLOT_EUSER);
            assert_int_equal(err.index, bad);
            assert_int_equal(err.user, endings[e].how == RETURN ? 9 : 0);
            if (strstr(err.text, endings[e].text) == NULL)
                fail_msg("'%s' is not in '%s'", endings[e].text, err.text);
            assert_true(is_done(own ? out : t->out, 0, bad));
        }
        allot_pool_destroy(pool);
    }
    allot_shared_free(t);
    assert_true(has_no_children());
}

/** Many are bad: the lowest is named, whatever the timing. */
static void the_lowest_bad_item_is_named(void **state)
{
    (void)state;
    told *t = told_of();
    for (size_t s = 0; s < NSPECS; s++) {
        allot_pool *pool = engines_of(specs[s]);
        for (uint64_t round = 0; round < 4; round++) {
            uint64_t lowest = 400 + 31 * round;
            allot_error err;
            memset(t, 0, sizeof *t);
            for (uint64_t i = lowest; i < NTOLD; i += 97)
                t->items[i] = i / 97 % 2 == 0 ? SEGV : i / 97 % 3 == 0 ? RETURN : EXIT;
            t->items[NTOLD - 1] = HANG; /* nobody waits for it */
            assert_int_equal(allot_map(pool, NTOLD, t->items, sizeof t->items[0], t->out, sizeof t->out[0],
                                       do_as_told, NULL, NULL, &err),
                             ALLOT_EUSER);
            assert_int_equal(err.index, lowest);
            assert_true(is_done(t->out, 0, lowest));
        }
        allot_pool_destroy(pool);
    }
    allot_shared_free(t);
}

/** With a place for faults all others are done, and each that is not is listed with its reason. */
static void bad_items_are_listed_and_the_rest_is_done(void **state)
{
    (void)state;
    told *t = told_of();
    for (size_t s = 0; s < 2 * NSPECS; s++) {
        allot_pool *pool = engines_of(specs[s / 2]);
        bool own = s % 2 == 0;
        uint64_t out[NTOLD];
        allot_fault items[2 * NENDINGS];
        allot_faults faults = {.items = items, .room = s == 0 ? 3 : 2 * NENDINGS};
        allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
        allot_error err;
        allot_stats stats;
        opts.item_timeout_ns = LIMIT_NS;
        opts.faults = &faults;
        opts.stats = &stats;
        memset(t, 0, sizeof *t);
        for (uint64_t i = 0; i < NTOLD; i++)
            out[i] = 77; /* of items that fail this stays */
        for (uint64_t e = 0; e < NENDINGS; e++)
            t->items[100 + 7 * e] = t->items[NTOLD - 1 - 200 * e] = endings[e].how;
        assert_int_equal(allot_map(pool, NTOLD, t->items, sizeof t->items[0], own ? out : t->out,
                                   sizeof out[0], do_as_told, NULL, &opts, &err),
                         ALLOT_EUSER);
        assert_int_equal(err.index, 100);
        assert_int_equal(faults.nfaults, 2 * NENDINGS);
        assert_int_equal(stats.nitems, NTOLD);
        for (uint64_t k = 0; k < faults.room; k++) {
            size_t e = k < NENDINGS ? k : 2 * NENDINGS - 1 - k;
            assert_int_equal(items[k].index, k < NENDINGS ? 100 + 7 * e : NTOLD - 1 - 200 * e);
            assert_int_equal(items[k].kind, endings[e].kind);
            assert_int_equal(items[k].value, endings[e].value);
        }
        for (uint64_t i = 0; i < NTOLD; i++)
            assert_int_equal((own ? out : t->out)[i], t->items[i] == FINE ? i + 1 : own ? 77 : 0);
        memset(t, 0, sizeof *t);
        assert_int_equal(allot_map(pool, NTOLD, t->items, sizeof t->items[0], out, sizeof out[0], do_as_told,
                                   NULL, &opts, &err),
                         ALLOT_OK);
        assert_int_equal(faults.nfaults, 0);
        allot_pool_destroy(pool);
    }
    allot_shared_free(t);
}

/** Half done in place and done again would be done twice. */
static int square_or_crash(const void *in, void *out, uint64_t first, uint64_t count, void *arg)
{
    uint64_t bad = *(const uint64_t *)arg;
    if (square(in, out, first, count, NULL) == 0 && first <= bad && bad < first + count)
        (void)raise(SIGSEGV);
    return 0;
}

static void items_in_place_are_not_done_twice(void **state)
{
    (void)state;
    enum { N = 3000 };
    double *shared = shared_of(N * sizeof *shared), own[N];
    uint64_t *bad = shared_of(sizeof *bad);
    *bad = 1500;
    for (size_t s = 0; s < 2 * NSPECS; s++) {
        double *x = s % 2 == 0 ? shared : own;
        allot_pool *pool = engines_of(specs[s / 2]);
        allot_faults faults = {0};
        allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
        opts.faults = &faults;
        fill(x, N);
        assert_int_equal(allot_map(pool, N, x, sizeof *x, x, sizeof *x, square_or_crash, bad, &opts, NULL),
                         ALLOT_EUSER);
        assert_int_equal(faults.nfaults, 1);
        assert_true(is_squared(x, 0, *bad, 0.0) && is_squared(x, *bad + 1, N, 0.0));
        assert_true(x[*bad] == (double)*bad);
        allot_pool_destroy(pool);
    }
    allot_shared_free(shared);
    allot_shared_free(bad);
}

static void too_many_deaths_end_the_call(void **state)
{
    (void)state;
    told *t = told_of();
    allot_pool *pool = engines_of("procs:2");
    allot_faults faults = {0};
    allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
    allot_error err;
    opts.faults = &faults;
    for (uint64_t i = 0; i < NTOLD; i++)
        t->items[i] = LEAVE;
    assert_int_equal(allot_map(pool, NTOLD, t->items, sizeof t->items[0], t->out, sizeof t->out[0],
                               do_as_told, NULL, &opts, &err),
                     ALLOT_EUSER);
    assert_non_null(strstr(err.text, "given up"));
    assert_in_range(faults.nfaults, 990, 1010);
    assert_int_equal(allot_map(pool, NTOLD, t->items, sizeof t->items[0], t->out, sizeof t->out[0],
                               do_as_told, NULL, NULL, &err),
                     ALLOT_EUSER);
    assert_int_equal(err.index, 0);
    allot_pool_destroy(pool);
    allot_shared_free(t);
    assert_true(has_no_children());
}

/* Stopping. */

static void *cancel_soon(void *control)
{
    nap_ns(20000000);
    allot_control_cancel(control);
    return NULL;
}

static void a_call_can_be_stopped_in_an_endless_item(void **state)
{
    (void)state;
    told *t = told_of();
    t->items[5] = t->items[1000] = HANG;
    for (size_t s = 0; s < NSPECS; s++) {
        allot_pool *pool = engines_of(specs[s]);
        allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
        uint64_t out[NTOLD] = {0}, done, total;
        allot_error err;
        opts.timeout_ns = 20000000;
        assert_int_equal(allot_map(pool, NTOLD, t->items, sizeof t->items[0], out, sizeof out[0], do_as_told,
                                   NULL, &opts, &err),
                         ALLOT_ETIMEDOUT);
        opts.timeout_ns = 0;
        assert_int_equal(allot_control_create(&opts.control, NULL), ALLOT_OK);
        pthread_t thread = thread_of(cancel_soon, opts.control);
        assert_int_equal(allot_map(pool, NTOLD, t->items, sizeof t->items[0], out, sizeof out[0], do_as_told,
                                   NULL, &opts, &err),
                         ALLOT_ECANCELED);
        assert_int_equal(pthread_join(thread, NULL), 0);
        allot_control_progress(opts.control, &done, &total);
        assert_true(total == NTOLD && done < NTOLD);
        allot_control_destroy(opts.control);
        for (uint64_t i = 0; i < NTOLD; i++)
            assert_int_equal(out[i], 0); /* staged, and dropped */
        opts.control = NULL;
        assert_int_equal(allot_map(pool, 4, t->items, sizeof t->items[0], out, sizeof out[0], do_as_told,
                                   NULL, &opts, &err),
                         ALLOT_OK); /* the pool is as good as new */
        allot_pool_destroy(pool);
    }
    allot_shared_free(t);
    assert_true(has_no_children());
}

static void progress_never_goes_back(void **state)
{
    (void)state;
    told *t = told_of();
    watcher w = {.n = 300};
    for (uint64_t i = 0; i < w.n; i++)
        t->items[i] = i % 100 == 50 ? SEGV : i % 10 == 0 ? SLOW : FINE;
    allot_pool *pool = engines_of("procs:2,kept");
    allot_faults faults = {0};
    allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
    assert_int_equal(allot_control_create(&w.control, NULL), ALLOT_OK);
    opts.control = w.control;
    opts.faults = &faults;
    pthread_t thread = thread_of(watch, &w);
    assert_int_equal(allot_map(pool, w.n, t->items, sizeof t->items[0], t->out, sizeof t->out[0], do_as_told,
                               NULL, &opts, NULL),
                     ALLOT_EUSER);
    w.over = true;
    assert_int_equal(pthread_join(thread, NULL), 0);
    uint64_t done, total;
    allot_control_progress(w.control, &done, &total);
    assert_int_equal(done, w.n);
    assert_true(w.nlooks > 0 && w.nwrong == 0);
    assert_int_equal(faults.nfaults, 3);
    allot_control_destroy(w.control);
    allot_pool_destroy(pool);
    allot_shared_free(t);
}

/* Nothing is left behind. */

static uint64_t count_open_files(void)
{
    uint64_t n = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder) != NULL)
        n++;
    (void)closedir(folder);
    return n;
}

static void shared_memory_is_zeros_and_comes_back(void **state)
{
    (void)state;
    enum { N = 64 };
    char *first = shared_of(1), *pieces[N];
    uint64_t nopen = count_open_files();
    for (int round = 0; round < 3; round++) {
        for (size_t k = 0; k < N; k++) {
            size_t nbytes = 1 + k * k * 37;
            pieces[k] = shared_of(nbytes);
            assert_int_equal((uintptr_t)pieces[k] % 64, 0);
            for (size_t b = 0; b < nbytes; b++)
                assert_int_equal(pieces[k][b], 0);
            memset(pieces[k], 0xff, nbytes);
        }
        for (size_t k = 0; k < N; k++)
            allot_shared_free(pieces[(k * 29) % N]);
    }
    char *again = shared_of(N * N * 37); /* all of it is one piece again */
    assert_ptr_equal(again, first + 64);
    allot_shared_free(again + 64); /* none of ours: nothing happens */
    allot_shared_free(&again);
    allot_shared_free(again);
    allot_shared_free(first);
    allot_error err;
    assert_null(allot_shared_alloc(0, &err));
    assert_int_equal(err.code, ALLOT_EINVAL);
    assert_null(allot_shared_alloc(SIZE_MAX, &err));
    assert_int_equal(err.code, ALLOT_ENOMEM);
    assert_null(allot_shared_alloc(SIZE_MAX / 2, &err));
    assert_int_equal(count_open_files(), nopen);
}

static void calls_leave_no_files_open(void **state)
{
    (void)state;
    double x[50];
    fill(x, 50);
    uint64_t nopen = count_open_files();
    for (int k = 0; k < 10; k++)
        for (size_t s = 0; s < NSPECS; s++) {
            allot_pool *pool = engines_of(specs[s]);
            assert_int_equal(allot_map(pool, 50, x, sizeof x[0], x, sizeof x[0], square, NULL, NULL, NULL),
                             ALLOT_OK);
            allot_pool_destroy(pool);
        }
    assert_int_equal(count_open_files(), nopen);
    assert_true(has_no_children());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_meant_opens_a_pool),
        cmocka_unit_test(shared_memory_is_zeros_and_comes_back),
        cmocka_unit_test(maps_are_right_wherever_their_arrays_lie),
        cmocka_unit_test(the_caller_does_no_items),
        cmocka_unit_test(reductions_have_the_same_bits),
        cmocka_unit_test(engines_see_memory_as_it_is_at_the_call),
        cmocka_unit_test(kept_engines_stay),
        cmocka_unit_test(results_that_would_be_lost_are_refused),
        cmocka_unit_test(an_item_that_ends_its_engine_is_named),
        cmocka_unit_test(the_lowest_bad_item_is_named),
        cmocka_unit_test(bad_items_are_listed_and_the_rest_is_done),
        cmocka_unit_test(items_in_place_are_not_done_twice),
        cmocka_unit_test(too_many_deaths_end_the_call),
        cmocka_unit_test(a_call_can_be_stopped_in_an_endless_item),
        cmocka_unit_test(progress_never_goes_back),
        cmocka_unit_test(calls_leave_no_files_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
