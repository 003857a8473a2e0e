/* progress.c - the progress line: a pure function that writes it, and a thread that shows it.
 *
 * The thread sleeps between redraws and reads counters that others keep anyway, so that progress costs the
 * work nothing. The rate is that of the whole time, which does not jump about; the time left follows from it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "monitor/progress.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"

#define LINE_NBYTES 512
#define BAR_MIN 10
#define BAR_MAX 40

struct al_progress {
    al_progress_opts opts;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopped;
    atomic_bool abandoned;
    atomic_bool drawn; /* a line stands on the terminal */
};

/** 1234567 as "1.23M". */
static void format_count(double value, char *text, size_t nbytes)
{
    static const char units[] = " kMGTPE";
    size_t unit = 0;
    while (value >= 999.5 && unit + 2 < sizeof units) {
        value /= 1000;
        unit++;
    }
    int decimals = unit == 0       ? (value < 9.995 && value > 0 && value != (double)(int)value ? 1 : 0)
                   : value < 9.995 ? 2
                   : value < 99.95 ? 1
                                   : 0;
    (void)snprintf(text, nbytes, unit == 0 ? "%.*f" : "%.*f%c", decimals, value, units[unit]);
}

static void format_time(double seconds, char *text, size_t nbytes)
{
    if (seconds < 99.5)
        (void)snprintf(text, nbytes, "%.0f s", seconds);
    else if (seconds < 5970)
        (void)snprintf(text, nbytes, "%.0f min", seconds / 60);
    else if (seconds < 172800)
        (void)snprintf(text, nbytes, "%.1f h", seconds / 3600);
    else
        (void)snprintf(text, nbytes, "%.0f days", seconds / 86400);
}

static double fraction_of(const al_progress_state *state)
{
    double fraction = state->fraction;
    if (fraction < 0 && state->ntotal != UINT64_MAX)
        fraction = state->ntotal == 0 ? 1.0 : (double)state->ndone / (double)state->ntotal;
    return fraction > 1 ? 1 : fraction;
}

size_t al_progress_format(const al_progress_state *state, uint64_t elapsed_ns, const char *unit,
                          uint32_t width, char *text, size_t nbytes)
{
    char count[16], rate[16], left[16], tail[256];
    double fraction = fraction_of(state), seconds = (double)elapsed_ns * 1e-9;
    double nnew = state->ndone > state->nbefore ? (double)(state->ndone - state->nbefore) : 0;
    double share_new = state->ndone > 0 ? nnew / (double)state->ndone : 1; /* of the fraction, in this time */
    format_count((double)state->ndone, count, sizeof count);
    format_count(seconds > 0 ? nnew / seconds : 0, rate, sizeof rate);
    int n = snprintf(tail, sizeof tail, "%s %s, %s/s", count, unit, rate);
    if (state->remark[0] != '\0')
        n += snprintf(tail + n, sizeof tail - (size_t)n, ", %s", state->remark);
    if (fraction * share_new > 0) {
        format_time(seconds * (1 - fraction) / (fraction * share_new), left, sizeof left);
        (void)snprintf(tail + n, sizeof tail - (size_t)n, ", %s left", left);
    }
    char bar[BAR_MAX + 3] = "";
    size_t room = width > strlen(tail) + 8 ? width - strlen(tail) - 8 : 0; /* "[]", " 100% " */
    if (fraction >= 0 && room >= BAR_MIN) {
        size_t length = room < BAR_MAX ? room : BAR_MAX, filled = (size_t)(fraction * (double)length);
        memset(bar, ' ', length + 2);
        memset(bar + 1, '=', filled);
        bar[0] = '[';
        bar[length + 1] = ']';
        bar[length + 2] = '\0';
    }
    if (fraction >= 0)
        (void)snprintf(text, nbytes, "%s%3d%% %s", bar, (int)(fraction * 100), tail);
    else
        (void)snprintf(text, nbytes, "%s", tail);
    if (width > 0 && width < nbytes && strlen(text) > width)
        text[width] = '\0';
    return strlen(text);
}

static void put(const al_progress *progress, const char *text, size_t nbytes)
{
    while (nbytes > 0) {
        ssize_t n = write(progress->opts.fd, text, nbytes);
        if (n <= 0)
            return; /* nobody is there to look */
        text += n;
        nbytes -= (size_t)n;
    }
}

static uint32_t columns(int fd)
{
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u : 79u;
}

static void erase(al_progress *progress)
{
    if (atomic_exchange(&progress->drawn, false))
        put(progress, "\r\033[K", 4);
}

static void show(al_progress *progress, uint64_t elapsed_ns)
{
    char line[LINE_NBYTES];
    al_progress_state state = {.ntotal = UINT64_MAX, .fraction = -1};
    progress->opts.read(progress->opts.arg, &state);
    bool in_place = progress->opts.is_terminal;
    size_t n = in_place ? 1 : 0;
    line[0] = '\r';
    n += al_progress_format(&state, elapsed_ns, progress->opts.unit,
                            in_place ? columns(progress->opts.fd) : 0, line + n, sizeof line - 5);
    const char *ending = in_place ? "\033[K" : "\n";
    memcpy(line + n, ending, strlen(ending));
    if (atomic_load(&progress->abandoned))
        return;
    if (in_place)
        atomic_store(&progress->drawn, true);
    put(progress, line, n + strlen(ending));
}

/** Sleep until woken to stop, or for so long. @return false: stop */
static bool sleep_ms(al_progress *progress, uint32_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    (void)pthread_mutex_lock(&progress->lock);
    while (!progress->stopped && pthread_cond_timedwait(&progress->wake, &progress->lock, &until) == 0)
        ;
    bool go_on = !progress->stopped;
    (void)pthread_mutex_unlock(&progress->lock);
    return go_on;
}

static void *keep_showing(void *arg)
{
    al_progress *progress = arg;
    uint64_t begin_ns = al_clock_ns();
    bool go_on = sleep_ms(progress, progress->opts.delay_ms);
    while (go_on) {
        show(progress, al_clock_ns() - begin_ns);
        go_on = sleep_ms(progress, progress->opts.every_ms);
    }
    return NULL;
}

allot_err al_progress_start(const al_progress_opts *opts, al_progress **progress, allot_error *err)
{
    al_progress *made = calloc(1, sizeof *made);
    if (made == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    made->opts = *opts;
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&made->wake, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_init(&made->lock, NULL);
    int failed = pthread_create(&made->thread, NULL, keep_showing, made);
    if (failed != 0) {
        (void)pthread_cond_destroy(&made->wake);
        (void)pthread_mutex_destroy(&made->lock);
        free(made);
        return al_fail(err, ALLOT_ENOMEM, failed, "a thread for the progress line cannot be made");
    }
    *progress = made;
    return ALLOT_OK;
}

void al_progress_stop(al_progress *progress)
{
    if (progress == NULL)
        return;
    (void)pthread_mutex_lock(&progress->lock);
    progress->stopped = true;
    (void)pthread_cond_signal(&progress->wake);
    (void)pthread_mutex_unlock(&progress->lock);
    (void)pthread_join(progress->thread, NULL);
    erase(progress);
    (void)pthread_cond_destroy(&progress->wake);
    (void)pthread_mutex_destroy(&progress->lock);
    free(progress);
}

void al_progress_abandon(al_progress *progress)
{
    if (progress == NULL)
        return;
    atomic_store(&progress->abandoned, true);
    erase(progress);
}
