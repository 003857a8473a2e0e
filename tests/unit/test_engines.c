/* test_engines.c - variables of engines and functions run by engine; and engines as processes: signals,
 * exits, parents that die, forks, threads, libraries loaded later.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "support/engines.h"
#include "support/pools.h"
#include "support/sanitizers.h"

static const char *const specs[] = {"procs:1", "procs:3", "procs:3,kept"};
#define NSPECS (sizeof specs / sizeof specs[0])

/* Variables. */

static int add_up(uint32_t engine, void *arg)
{
    size_t nbytes = 0, sum_nbytes = 0;
    const int *x = allot_engine_var("x", &nbytes);
    int *sum = allot_engine_var("sum", &sum_nbytes);
    if (x == NULL || sum == NULL || sum_nbytes != 2 * sizeof *sum || engine != allot_engine_index() ||
        allot_engine_var("y", NULL) != NULL)
        return 1;
    for (size_t k = 0; k < nbytes / sizeof *x; k++)
        sum[0] += x[k] * *(const int *)arg;
    sum[1] = (int)engine;
    return 0;
}

static void variables_go_into_engines_and_come_back(void **state)
{
    (void)state;
    enum { N = 100 };
    int x[N], back[N], sums[6], factor = 3;
    for (int k = 0; k < N; k++)
        x[k] = k;
    assert_int_equal(allot_engine_index(), ALLOT_ENGINE_NONE);
    assert_null(allot_engine_var("x", NULL));
    for (size_t s = 0; s < NSPECS; s++) {
        allot_pool *pool = engines_of(specs[s]);
        uint32_t n = allot_pool_nthreads(pool);
        allot_error err;
        size_t nbytes;
        assert_int_equal(allot_engines_scatter(pool, "x", x, N, sizeof x[0], &err), ALLOT_OK);
        assert_int_equal(allot_engines_size(pool, 0, "x", &nbytes, &err), ALLOT_OK);
        assert_int_equal(nbytes, (N / n + (N % n > 0)) * sizeof x[0]);
        assert_int_equal(allot_engines_gather(pool, "x", back, N, sizeof x[0], &err), ALLOT_OK);
        assert_memory_equal(back, x, sizeof x);
        assert_int_equal(allot_engines_push(pool, ALLOT_ENGINES_ALL, "sum", NULL, 2 * sizeof(int), &err),
                         ALLOT_OK);
        for (int times = 1; times < 4; times++) { /* the variable stays from one to the next */
            if (allot_engines_apply(pool, ALLOT_ENGINES_ALL, add_up, &factor, sizeof factor, NULL, &err) !=
                ALLOT_OK)
                fail_msg("%s: %s", specs[s], err.text);
            assert_int_equal(
                allot_engines_pull(pool, ALLOT_ENGINES_ALL, "sum", sums, n * 2 * sizeof(int), &err),
                ALLOT_OK);
            int total = 0;
            for (uint32_t e = 0; e < n; e++) {
                total += sums[2 * e];
                assert_int_equal(sums[2 * e + 1], e);
            }
            assert_int_equal(total, times * factor * N * (N - 1) / 2);
        }
        int one[2] = {5, 6};
        assert_int_equal(allot_engines_push(pool, n - 1, "sum", one, sizeof one, &err), ALLOT_OK);
        assert_int_equal(allot_engines_apply(pool, n - 1, add_up, &factor, sizeof factor, NULL, &err),
                         ALLOT_OK);
        int before = sums[2 * (n - 1)] / 3;
        assert_int_equal(allot_engines_pull(pool, n - 1, "sum", one, sizeof one, &err), ALLOT_OK);
        assert_int_equal(one[0], before + 5);
        assert_int_equal(one[1], n - 1);
        assert_int_equal(allot_engines_forget(pool, "x", &err), ALLOT_OK);
        assert_int_equal(allot_engines_pull(pool, 0, "x", one, sizeof one, &err), ALLOT_ENOTFOUND);
        assert_int_equal(
            allot_engines_apply(pool, ALLOT_ENGINES_ANY, add_up, &factor, sizeof factor, NULL, &err),
            ALLOT_EUSER);
        allot_pool_destroy(pool);
    }
    assert_true(has_no_children());
}

static void what_cannot_be_done_with_variables_is_said(void **state)
{
    (void)state;
    allot_pool *pool = engines_of("procs:2"), *threads = engines_of("threads:2");
    allot_error err;
    char name[2 * ALLOT_ENGINE_NAME_MAX], byte = 1;
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(allot_engines_push(threads, 0, "x", &byte, 1, &err), ALLOT_EINVAL);
    assert_int_equal(allot_engines_push(NULL, 0, "x", &byte, 1, &err), ALLOT_EINVAL);
    assert_int_equal(allot_engines_push(pool, 2, "x", &byte, 1, &err), ALLOT_EINVAL);
    assert_int_equal(allot_engines_push(pool, ALLOT_ENGINES_ANY, "x", &byte, 1, &err), ALLOT_EINVAL);
    assert_int_equal(allot_engines_push(pool, 0, "", &byte, 1, &err), ALLOT_EINVAL);
    assert_int_equal(allot_engines_push(pool, 0, NULL, &byte, 1, &err), ALLOT_EINVAL);
    assert_int_equal(allot_engines_push(pool, 0, name, &byte, 1, &err), ALLOT_EINVAL);
    name[ALLOT_ENGINE_NAME_MAX] = '\0';
    assert_int_equal(allot_engines_push(pool, 0, name, &byte, 1, &err), ALLOT_OK);
    assert_int_equal(allot_engines_pull(pool, 1, name, &byte, 1, &err),
                     ALLOT_ENOTFOUND); /* only in engine 0 */
    assert_int_equal(allot_engines_pull(pool, ALLOT_ENGINES_ALL, name, &byte, 1, &err), ALLOT_ENOTFOUND);
    assert_int_equal(allot_engines_pull(pool, 0, name, &byte, 2, &err), ALLOT_EINVAL);
    assert_non_null(strstr(err.text, "1 bytes"));
    assert_int_equal(allot_engines_pull(pool, 0, "other", &byte, 1, &err), ALLOT_ENOTFOUND);
    assert_int_equal(allot_engines_forget(pool, "other", &err), ALLOT_ENOTFOUND);
    assert_int_equal(allot_engines_scatter(pool, "x", NULL, 1, 1, &err), ALLOT_EINVAL);
    assert_int_equal(allot_engines_scatter(pool, "x", &byte, UINT64_MAX, 8, &err), ALLOT_EINVAL);
    assert_int_equal(allot_engines_apply(pool, 2, add_up, NULL, 0, NULL, &err), ALLOT_EINVAL);
    assert_int_equal(allot_engines_apply(pool, 0, NULL, NULL, 0, NULL, &err), ALLOT_EINVAL);
    for (int k = 0; k < 255; k++) {
        (void)snprintf(name, sizeof name, "v%d", k);
        assert_int_equal(allot_engines_push(pool, 0, name, NULL, 0, &err), ALLOT_OK);
    }
    assert_int_equal(allot_engines_push(pool, 0, "one more", NULL, 0, &err), ALLOT_ENOMEM);
    assert_int_equal(allot_engines_forget(pool, "v7", &err), ALLOT_OK);
    assert_int_equal(allot_engines_push(pool, 0, "one more", NULL, 0, &err), ALLOT_OK);
    allot_pool_destroy(pool);
    allot_pool_destroy(threads);
}

static int count_and_crash(uint32_t engine, void *arg)
{
    int *count = allot_engine_var("count", NULL);
    ++*count;
    if (arg == NULL && engine == 1)
        (void)raise(SIGSEGV);
    return arg == NULL && engine == 2 ? 4 : 0;
}

/** An engine that crashes is named, the others do their part, and its variables are there for its successor.
 */
static void variables_outlive_an_engine(void **state)
{
    (void)state;
    for (size_t s = 1; s < NSPECS; s++) {
        allot_pool *pool = engines_of(specs[s]);
        allot_fault items[3];
        allot_faults faults = {.items = items, .room = 3};
        allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
        allot_error err;
        int counts[3], arg = 0;
        opts.faults = &faults;
        assert_int_equal(allot_engines_push(pool, ALLOT_ENGINES_ALL, "count", NULL, sizeof(int), &err),
                         ALLOT_OK);
        assert_int_equal(allot_engines_apply(pool, ALLOT_ENGINES_ALL, count_and_crash, NULL, 0, &opts, &err),
                         ALLOT_EUSER);
        assert_int_equal(err.index, 1);
        assert_non_null(strstr(err.text, "engine 1 failed"));
        assert_int_equal(faults.nfaults, 2);
        assert_int_equal(items[0].kind, ALLOT_FAULT_SIGNAL);
        assert_int_equal(items[1].index, 2);
        assert_int_equal(items[1].value, 4);
        assert_int_equal(allot_engines_apply(pool, 1, count_and_crash, NULL, 0, &opts, &err), ALLOT_EUSER);
        assert_int_equal(err.index, 1);
        assert_int_equal(items[0].index, 1);
        assert_int_equal(
            allot_engines_apply(pool, ALLOT_ENGINES_ALL, count_and_crash, &arg, sizeof arg, &opts, &err),
            ALLOT_OK);
        assert_int_equal(allot_engines_gather(pool, "count", counts, 3, sizeof(int), &err), ALLOT_OK);
        assert_int_equal(counts[0], 2);
        assert_int_equal(counts[1], 3);
        assert_int_equal(counts[2], 2);
        allot_pool_destroy(pool);
    }
}

static int remember(uint32_t engine, void *arg)
{
    static int calls;
    (void)engine, (void)arg;
    *(int *)allot_engine_var("calls", NULL) = ++calls;
    return 0;
}

/** What a function keeps in static memory stays in an engine that stays, and nowhere else. */
static void statics_stay_in_kept_engines(void **state)
{
    (void)state;
    for (size_t s = 1; s < NSPECS; s++) {
        allot_pool *pool = engines_of(specs[s]);
        int calls[3];
        assert_int_equal(allot_engines_push(pool, ALLOT_ENGINES_ALL, "calls", NULL, sizeof(int), NULL),
                         ALLOT_OK);
        for (int k = 1; k < 4; k++) {
            assert_int_equal(allot_engines_apply(pool, ALLOT_ENGINES_ALL, remember, &k, sizeof k, NULL, NULL),
                             ALLOT_OK);
            assert_int_equal(allot_engines_gather(pool, "calls", calls, 3, sizeof(int), NULL), ALLOT_OK);
            for (int e = 0; e < 3; e++)
                assert_int_equal(calls[e], s == 1 ? 1 : k);
        }
        allot_pool_destroy(pool);
    }
}

/* Code. */

static int say_seven(const void *in, void *out, uint64_t first, uint64_t count, void *arg)
{
    (void)in, (void)first, (void)arg;
    for (uint64_t i = 0; i < count; i++)
        ((int *)out)[i] = 7;
    return 0;
}

static bool says_seven(allot_pool *pool, allot_map_fn fn)
{
    int *out = shared_of(3 * sizeof *out);
    bool right = allot_map(pool, 3, NULL, 0, out, sizeof *out, fn, NULL, NULL, NULL) == ALLOT_OK &&
                 out[0] == 7 && out[2] == 7;
    allot_shared_free(out);
    return right;
}

#if defined(__x86_64__)
/** The machine code of a function that writes 7 to each of `count` ints at `out`. */
static const unsigned char seven_code[] = {
    0x31, 0xc0,                               /* xor eax, eax */
    0x48, 0x39, 0xc8,                         /* again: cmp rax, rcx */
    0x73, 0x0c,                               /* jae done */
    0xc7, 0x04, 0x86, 0x07, 0x00, 0x00, 0x00, /* mov dword [rsi + rax * 4], 7 */
    0x48, 0xff, 0xc0,                         /* inc rax */
    0xeb, 0xef,                               /* jmp again */
    0x31, 0xc0,                               /* done: xor eax, eax */
    0xc3,                                     /* ret */
};
#endif

/** Engines that were forked before a function was there are not asked to run it. */
static void functions_that_came_later_are_found(void **state)
{
    const char *library = *state;
    allot_pool *pool = engines_of("procs:2,kept");
    assert_true(says_seven(pool, say_seven));
    for (int k = 0; k < 2; k++) {
        void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
        if (handle == NULL)
            fail_msg("%s", dlerror());
        allot_map_fn fn = (allot_map_fn)(uintptr_t)dlsym(handle, "say_seven_later");
        assert_non_null(fn);
        assert_true(says_seven(pool, fn));
        (void)dlclose(handle);
        assert_true(says_seven(pool, say_seven));
    }
#if defined(__x86_64__)
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(page, MAP_FAILED);
    memcpy(page, seven_code, sizeof seven_code);
    assert_int_equal(mprotect(page, 4096, PROT_READ | PROT_EXEC), 0);
    assert_true(says_seven(pool, (allot_map_fn)(uintptr_t)page));
    (void)munmap(page, 4096);
#endif
    allot_pool_destroy(pool);
}

/* Engines as processes. */

static int *at_exit_ran; /* shared */

static void note_exit(void)
{
    if (at_exit_ran != NULL)
        ++*at_exit_ran;
}

static void on_signal(int number)
{
    (void)number;
    if (at_exit_ran != NULL)
        *at_exit_ran += 100;
}

static int exit_or_raise(uint64_t begin, uint64_t end, void *arg)
{
    (void)end, (void)arg;
    if (begin == 1)
        exit(0);
    if (begin == 2)
        (void)raise(SIGUSR1);
    return 0;
}

/** Neither exit handlers nor signal handlers of the caller run in engines, and what it has buffered is
 * written once. */
static void what_is_the_callers_is_not_run_in_engines(void **state)
{
    (void)state;
    at_exit_ran = shared_of(sizeof *at_exit_ran);
    assert_int_equal(atexit(note_exit), 0);
    void (*before)(int) = signal(SIGUSR1, on_signal);
    FILE *file = tmpfile();
    assert_non_null(file);
    int own = dup(STDOUT_FILENO);
    (void)fflush(stdout);
    assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
    (void)printf("once\n"); /* buffered: it is a file */
    allot_pool *pool = engines_of("procs:2");
    allot_fault items[4];
    allot_faults faults = {.items = items, .room = 4};
    allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
    opts.faults = &faults;
    opts.chunk_items = 1;
    allot_err code = allot_for(pool, 4, exit_or_raise, NULL, &opts, NULL);
    allot_pool_destroy(pool);
    (void)fflush(stdout);
    assert_true(dup2(own, STDOUT_FILENO) >= 0);
    assert_int_equal(close(own), 0);
    assert_int_equal(code, ALLOT_EUSER);
    assert_int_equal(faults.nfaults, 2);
    assert_int_equal(items[0].kind, ALLOT_FAULT_EXIT);
    assert_int_equal(items[1].value, SIGUSR1);
    assert_int_equal(*at_exit_ran, 0);
    char text[64];
    rewind(file);
    size_t n = fread(text, 1, sizeof text, file);
    assert_int_equal(n, 5);
    (void)fclose(file);
    (void)signal(SIGUSR1, before);
    int *shared = at_exit_ran;
    at_exit_ran = NULL;
    allot_shared_free(shared);
}

static int print_item(uint64_t begin, uint64_t end, void *arg)
{
    (void)arg;
    for (uint64_t i = begin; i < end; i++)
        (void)printf("%d\n", (int)i);
    return 0;
}

/** What functions print arrives, each line once. */
static void what_functions_print_arrives(void **state)
{
    (void)state;
    for (size_t s = 0; s < NSPECS; s++) {
        FILE *file = tmpfile();
        assert_non_null(file);
        (void)fflush(stdout);
        int own = dup(STDOUT_FILENO), seen[50] = {0}, i;
        assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
        allot_pool *pool = engines_of(specs[s]);
        allot_err code = allot_for(pool, 50, print_item, NULL, NULL, NULL);
        assert_true(dup2(own, STDOUT_FILENO) >= 0);
        assert_int_equal(close(own), 0);
        assert_int_equal(code, ALLOT_OK);
        rewind(file);
        while (fscanf(file, "%d", &i) == 1)
            seen[i]++;
        for (i = 0; i < 50; i++)
            assert_int_equal(seen[i], 1);
        (void)fclose(file);
        allot_pool_destroy(pool);
    }
}

static volatile sig_atomic_t ninterrupts;

static void on_interrupt(int number)
{
    (void)number;
    ninterrupts++;
}

static void *interrupt_group(void *nothing)
{
    (void)nothing;
    for (int k = 0; k < 20; k++) {
        nap_ns(2000000);
        (void)kill(0, k % 2 == 0 ? SIGINT : SIGQUIT);
    }
    return NULL;
}

static int nap(uint64_t begin, uint64_t end, void *arg)
{
    (void)arg;
    for (uint64_t i = begin; i < end; i++)
        nap_ns(1000000);
    return 0;
}

/** Ctrl-C reaches the whole group: what becomes of the call is the caller's to say, engines go on. */
static void engines_leave_the_terminals_signals_to_the_caller(void **state)
{
    (void)state;
    pid_t pid = fork(); /* a group of its own, so that nobody else is interrupted */
    if (pid == 0) {
        bool right = setpgid(0, 0) == 0;
        (void)signal(SIGINT, on_interrupt);
        (void)signal(SIGQUIT, on_interrupt);
        for (size_t s = 0; s < NSPECS && right; s++) {
            allot_pool *pool = engines_of(specs[s]);
            pthread_t thread;
            right = pthread_create(&thread, NULL, interrupt_group, NULL) == 0 &&
                    allot_for(pool, 150, nap, NULL, NULL, NULL) == ALLOT_OK &&
                    pthread_join(thread, NULL) == 0 && ninterrupts > 0;
            allot_pool_destroy(pool);
        }
        _exit(right ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static int tell_and_hang(uint32_t engine, void *arg)
{
    _Atomic pid_t **who = arg;
    (*who)[engine] = getpid();
    while ((*who)[engine] != 0)
        nap_ns(1000000);
    return 0;
}

static int tell(uint32_t engine, void *arg)
{
    _Atomic pid_t **who = arg;
    (*who)[engine] = getpid();
    return 0;
}

/** Whatever engines do when their parent is killed, they end. */
static void engines_end_with_their_parent(void **state)
{
    (void)state;
    for (int k = 0; k < 4; k++) {
        bool kept = k % 2 == 1, idle = k >= 2;
        if (idle && !kept)
            continue;
        _Atomic pid_t *who = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(who, MAP_FAILED);
        pid_t pid = fork();
        if (pid == 0) {
            allot_pool *pool = engines_of(kept ? "procs:2,kept" : "procs:2");
            allot_err code = allot_engines_apply(pool, ALLOT_ENGINES_ALL, idle ? tell : tell_and_hang, &who,
                                                 sizeof who, NULL, NULL);
            for (;;)
                nap_ns(code == ALLOT_OK ? 1000000 : 2000000);
        }
        while (who[0] == 0 || who[1] == 0)
            nap_ns(1000000);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_true(is_soon_gone(who[0]) && is_soon_gone(who[1]));
        (void)munmap((void *)who, 4096);
    }
}

static int square_index(const void *in, void *out, uint64_t first, uint64_t count, void *arg)
{
    (void)in, (void)arg;
    for (uint64_t i = 0; i < count; i++)
        ((uint64_t *)out)[i] = (first + i) * (first + i);
    return 0;
}

static bool maps_well(allot_pool *pool, bool shared)
{
    enum { N = 2000 };
    uint64_t own[N] = {0}, *out = shared ? shared_of(sizeof own) : own;
    bool right = allot_map(pool, N, NULL, 0, out, sizeof out[0], square_index, NULL, NULL, NULL) == ALLOT_OK;
    for (uint64_t i = 0; i < N; i++)
        right = right && out[i] == i * i;
    if (shared)
        allot_shared_free(out);
    return right;
}

/** In a child that was forked without us a pool works by engines of the child's; the parent's are left alone.
 */
static void a_forked_child_has_engines_of_its_own(void **state)
{
    (void)state;
    for (size_t s = 0; s < NSPECS; s++) {
        allot_pool *pool = engines_of(specs[s]);
        assert_true(maps_well(pool, true));
        pid_t pid = fork();
        if (pid == 0) {
            allot_error err;
            bool right = maps_well(pool, true) && maps_well(pool, false) &&
                         allot_engines_push(pool, 0, "x", NULL, 1, &err) == ALLOT_EUNSUPPORTED;
            allot_pool_destroy(pool);
            _exit(right ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_true(maps_well(pool, true));
        allot_pool_destroy(pool);
    }
}

static allot_pool *around;

static int map_inside(const void *in, void *out, uint64_t first, uint64_t count, void *arg)
{
    (void)in, (void)first, (void)arg;
    for (uint64_t i = 0; i < count; i++) {
        pid_t who[64];
        ((int *)out)[i] = maps_well(around, false) && maps_well(NULL, false);
        for (int k = 0; k < 64; k++)
            who[k] = 0;
        allot_pool *inner = NULL; /* and engines may have engines */
        if (allot_pool_open(&inner, "procs:1", NULL) != ALLOT_OK || !maps_well(inner, false) || who[0] != 0)
            ((int *)out)[i] = 0;
        allot_pool_destroy(inner);
    }
    return 0;
}

static void calls_nest(void **state)
{
    (void)state;
    for (size_t s = 0; s < NSPECS; s++) {
        int right[6];
        around = engines_of(specs[s]);
        assert_int_equal(allot_map(around, 6, NULL, 0, right, sizeof right[0], map_inside, NULL, NULL, NULL),
                         ALLOT_OK);
        for (int k = 0; k < 6; k++)
            assert_int_equal(right[k], 1);
        allot_pool_destroy(around);
    }
}

typedef struct hammer {
    allot_pool *pool;
    atomic_bool over;
    _Atomic int nwrong;
} hammer;

static void *allocate_and_print(void *arg)
{
    hammer *h = arg;
    FILE *nowhere = fopen("/dev/null", "w");
    while (!h->over) {
        char *memory[20];
        for (int k = 0; k < 20; k++)
            memory[k] = malloc(100u << k % 12);
        void *shared = allot_shared_alloc(5000, NULL);
        (void)fprintf(nowhere, "%p\n", shared);
        for (int k = 0; k < 20; k++)
            free(memory[k]);
        allot_shared_free(shared);
    }
    (void)fclose(nowhere);
    return NULL;
}

static int allocate(const void *in, void *out, uint64_t first, uint64_t count, void *arg)
{
    (void)in, (void)arg;
    for (uint64_t i = 0; i < count; i++) {
        char *memory = malloc(1000);
        int n = snprintf(memory, 1000, "%f", (double)(first + i));
        ((int *)out)[i] = n > 0;
        free(memory);
    }
    return 0;
}

static void *call_again(void *arg)
{
    hammer *h = arg;
    while (!h->over) {
        int out[10] = {0};
        allot_err code = allot_map(h->pool, 10, NULL, 0, out, sizeof out[0], allocate, NULL, NULL, NULL);
        h->nwrong += code != ALLOT_OK || out[0] != 1 || out[9] != 1 || !maps_well(h->pool, true);
    }
    return NULL;
}

/** Threads that allocate and print while others fork, and calls at the same time on one pool. */
static void calls_work_while_threads_run(void **state)
{
    (void)state;
    for (size_t s = 1; s < NSPECS; s++) {
        hammer h = {.pool = engines_of(specs[s])};
        pthread_t threads[4];
        for (int k = 0; k < 4; k++)
            threads[k] = thread_of(k < 2 ? allocate_and_print : call_again, &h);
        nap_ns(300000000);
        h.over = true;
        for (int k = 0; k < 4; k++)
            assert_int_equal(pthread_join(threads[k], NULL), 0);
        assert_int_equal(h.nwrong, 0);
        allot_pool_destroy(h.pool);
    }
    assert_true(has_no_children());
}

static int leave_at_two(uint64_t begin, uint64_t end, void *arg)
{
    (void)arg;
    if (begin <= 2 && 2 < end)
        _exit(5);
    return 0;
}

/** Somebody who ignores SIGCHLD is not told how his children end: nor are we. */
static void ends_that_nobody_is_told_of(void **state)
{
    (void)state;
    void (*before)(int) = signal(SIGCHLD, SIG_IGN);
    for (size_t s = 0; s < NSPECS; s++) {
        allot_pool *pool = engines_of(specs[s]);
        allot_error err;
        assert_true(maps_well(pool, false) && maps_well(pool, true));
        assert_int_equal(allot_for(pool, 9, leave_at_two, NULL, NULL, &err), ALLOT_EUSER);
        assert_int_equal(err.index, 2);
        assert_non_null(strstr(err.text, "nobody can say how"));
        allot_pool_destroy(pool);
    }
    (void)signal(SIGCHLD, before);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_go_into_engines_and_come_back),
        cmocka_unit_test(what_cannot_be_done_with_variables_is_said),
        cmocka_unit_test(variables_outlive_an_engine),
        cmocka_unit_test(statics_stay_in_kept_engines),
        cmocka_unit_test_prestate(functions_that_came_later_are_found, argc > 1 ? argv[1] : NULL),
        cmocka_unit_test(what_is_the_callers_is_not_run_in_engines),
        cmocka_unit_test(what_functions_print_arrives),
        cmocka_unit_test(engines_leave_the_terminals_signals_to_the_caller),
        cmocka_unit_test(engines_end_with_their_parent),
        cmocka_unit_test(a_forked_child_has_engines_of_its_own),
        cmocka_unit_test(calls_nest),
        cmocka_unit_test(calls_work_while_threads_run),
        cmocka_unit_test(ends_that_nobody_is_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
