/* test_progress.c - the progress line as text, and the thread that shows it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "monitor/progress.h"

#define SECOND UINT64_C(1000000000)

static const char *format(uint64_t ndone, uint64_t ntotal, double fraction, uint64_t elapsed_ns,
                          uint32_t width)
{
    static char text[256];
    al_progress_state state = {.ndone = ndone, .ntotal = ntotal, .fraction = fraction};
    size_t n = al_progress_format(&state, elapsed_ns, "items", width, text, sizeof text);
    assert_int_equal(n, strlen(text));
    return text;
}

static void test_plain(void **state)
{
    (void)state;
    assert_string_equal(format(50, 200, -1, 10 * SECOND, 0), " 25% 50 items, 5/s, 30 s left");
    assert_string_equal(format(0, 200, -1, 10 * SECOND, 0), "  0% 0 items, 0/s");
    assert_string_equal(format(200, 200, -1, 10 * SECOND, 0), "100% 200 items, 20/s, 0 s left");
    assert_string_equal(format(0, 0, -1, SECOND, 0), "100% 0 items, 0/s, 0 s left");
    assert_string_equal(format(1234567, UINT64_MAX, -1, SECOND, 0), "1.23M items, 1.23M/s");
    assert_string_equal(format(1000, UINT64_MAX, 0.5, SECOND, 0), " 50% 1.00k items, 1.00k/s, 1 s left");
    assert_string_equal(format(10, 1000, 0.5, SECOND, 0), " 50% 10 items, 10/s, 1 s left");
    /* More done than was announced, and a clock that has not moved. */
    assert_string_equal(format(300, 200, -1, SECOND, 0), "100% 300 items, 300/s, 0 s left");
    assert_string_equal(format(3, 4, -1, 0, 0), " 75% 3 items, 0/s, 0 s left");
}

static void test_what_was_done_before(void **state)
{
    (void)state;
    char text[256];
    al_progress_state s = {.ndone = 150, .ntotal = 200, .fraction = -1, .nbefore = 100, .remark = "T 1.44"};
    (void)al_progress_format(&s, 10 * SECOND, "steps", 0, text, sizeof text);
    assert_string_equal(text, " 75% 150 steps, 5/s, T 1.44, 10 s left"); /* 50 in 10 s, 50 more to do */
    s.ndone = 100;
    (void)al_progress_format(&s, 10 * SECOND, "steps", 0, text, sizeof text);
    assert_string_equal(text, " 50% 100 steps, 0/s, T 1.44");
}

static void test_counts(void **state)
{
    (void)state;
    assert_string_equal(format(999, UINT64_MAX, -1, 4 * SECOND, 0), "999 items, 250/s");
    assert_string_equal(format(9996, UINT64_MAX, -1, 0, 0), "10.0k items, 0/s");
    assert_string_equal(format(99960, UINT64_MAX, -1, 0, 0), "100k items, 0/s");
    assert_string_equal(format(999600, UINT64_MAX, -1, 0, 0), "1.00M items, 0/s");
    assert_string_equal(format(3, UINT64_MAX, -1, 2 * SECOND, 0), "3 items, 1.5/s");
    assert_string_equal(format(UINT64_MAX - 1, UINT64_MAX, -1, 0, 0), "18.4E items, 0/s");
}

static void test_times(void **state)
{
    (void)state;
    assert_non_null(strstr(format(1, 100, -1, SECOND, 0), ", 99 s left"));
    assert_non_null(strstr(format(1, 121, -1, SECOND, 0), ", 2 min left"));
    assert_non_null(strstr(format(1, 7201, -1, SECOND, 0), ", 2.0 h left"));
    assert_non_null(strstr(format(1, 864001, -1, SECOND, 0), ", 10 days left"));
}

static void test_widths(void **state)
{
    (void)state;
    assert_string_equal(format(50, 200, -1, 10 * SECOND, 59),
                        "[======                     ] 25% 50 items, 5/s, 30 s left");
    assert_int_equal(strlen(format(50, 200, -1, 10 * SECOND, 1000)),
                     strlen(format(50, 200, -1, 10 * SECOND, 200)));
    for (uint32_t width = 1; width < 200; width++)
        assert_true(strlen(format(123456, 200000, -1, 10 * SECOND, width)) <= width);
    assert_null(strchr(format(50, 200, -1, 10 * SECOND, 30), '[')); /* no room for a bar */
    assert_null(strchr(format(50, UINT64_MAX, -1, 10 * SECOND, 79), '['));
    assert_non_null(strchr(format(50, UINT64_MAX, 0.5, 10 * SECOND, 79), '['));
}

/* ---- the thread ---- */

typedef struct source {
    atomic_uint nreads;
} source;

static void read_source(void *arg, al_progress_state *state)
{
    source *s = arg;
    state->ndone = atomic_fetch_add(&s->nreads, 1) + 1;
    state->ntotal = 100;
}

/** Run a progress line until it has been drawn three times, or not at all. @return what was written */
static const char *show(bool is_terminal, uint32_t delay_ms, bool abandons)
{
    static char text[4096];
    static source s;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    atomic_store(&s.nreads, 0);
    al_progress_opts opts = {.unit = "items",
                             .read = read_source,
                             .arg = &s,
                             .fd = fds[1],
                             .is_terminal = is_terminal,
                             .delay_ms = delay_ms,
                             .every_ms = 1};
    al_progress *progress = NULL;
    assert_int_equal(al_progress_start(&opts, &progress, NULL), ALLOT_OK);
    while (delay_ms < 1000 && atomic_load(&s.nreads) < 4)
        usleep(1000);
    if (abandons)
        al_progress_abandon(progress);
    al_progress_stop(progress);
    close(fds[1]);
    ssize_t n = read(fds[0], text, sizeof text - 1);
    close(fds[0]);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static bool ends_with(const char *text, const char *ending)
{
    size_t n = strlen(text), m = strlen(ending);
    return n >= m && strcmp(text + n - m, ending) == 0;
}

static void test_terminal(void **state)
{
    (void)state;
    const char *text = show(true, 0, false);
    assert_memory_equal(text, "\r[", 2); /* a pipe has no width: 79 columns */
    assert_non_null(strstr(text, "1% 1 items"));
    assert_non_null(strstr(text, "\033[K\r["));
    assert_null(strchr(text, '\n'));
    assert_true(ends_with(text, "\r\033[K")); /* removed */
    assert_true(ends_with(show(true, 0, true), "\r\033[K"));
}

static void test_lines(void **state)
{
    (void)state;
    const char *text = show(false, 0, false);
    assert_memory_equal(text, "  1% 1 items", 12);
    assert_non_null(strstr(text, "\n  2% 2 items"));
    assert_null(strchr(text, '\r'));
    assert_true(ends_with(text, "\n"));
}

static void test_short_work_shows_nothing(void **state)
{
    (void)state;
    assert_string_equal(show(true, 3600000, false), "");
    al_progress_stop(NULL);
    al_progress_abandon(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),  cmocka_unit_test(test_what_was_done_before),
        cmocka_unit_test(test_counts), cmocka_unit_test(test_times),
        cmocka_unit_test(test_widths), cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_lines),  cmocka_unit_test(test_short_work_shows_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
