/* essay.c - the textbook parallel map, four ways: the tenth power of each x in range(3000).
 *
 *     results = map(lambda x: x**10, range(3000))
 *
 * A loop does it in a few microseconds. Textbooks then hand the same items to engines, processes that
 * get one item a message and send one result back, and are thousands of times slower. That is the fault of
 * nobody's code but of the cut: an item of two nanoseconds does not pay for a message of microseconds.
 * One share an engine is better and still slower than the loop, for the loop is too short to share at all.
 * allot looks at the loop while it runs and leaves it alone.
 *
 * Powers are exact, in 128 bits, as Python's integers are. All ways must give the same results; the exit
 * status says whether they did. Times are medians; starting the engines is not counted.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <allot/allot.h>

__extension__ typedef __int128 i128;

enum { NITEMS = 3000, MAX_ENGINES = 64, MESSAGE_NBYTES = 64 };

typedef struct engine {
    pid_t pid;
    int fd;
} engine;

static engine engines[MAX_ENGINES];
static unsigned nengines;
static i128 expected[NITEMS];

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static i128 power10(i128 x)
{
    const i128 x2 = x * x, x4 = x2 * x2;
    return x4 * x4 * x2;
}

/* ---- the loop ---- */

static void map_serial(i128 *out)
{
    for (int x = 0; x < NITEMS; x++)
        out[x] = power10(x);
}

/* ---- engines: processes that answer messages ---- */

/* "item X" is answered by the text of X**10, "share B E" by the bytes of all results of [B, E). */
static void answer(int fd, const char *message)
{
    static i128 share[NITEMS];
    int begin, end;
    if (sscanf(message, "share %d %d", &begin, &end) == 2) {
        for (int x = begin; x < end; x++)
            share[x - begin] = power10(x);
        if (send(fd, share, (size_t)(end - begin) * sizeof *share, 0) < 0)
            _exit(1);
    } else if (sscanf(message, "item %d", &begin) == 1) {
        char text[MESSAGE_NBYTES];
        char *at = text + sizeof text;
        i128 rest = power10(begin);
        do
            *--at = (char)('0' + (int)(rest % 10));
        while ((rest /= 10) > 0);
        if (send(fd, at, (size_t)(text + sizeof text - at), 0) < 0)
            _exit(1);
    }
}

static _Noreturn void serve(int fd)
{
    char message[MESSAGE_NBYTES + 1];
    ssize_t nbytes;
    while ((nbytes = recv(fd, message, MESSAGE_NBYTES, 0)) > 0) {
        message[nbytes] = '\0';
        answer(fd, message);
    }
    _exit(0);
}

static void start_engines(unsigned count)
{
    for (; nengines < count; nengines++) {
        int fds[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) != 0)
            die("socketpair");
        engine *e = &engines[nengines];
        e->pid = fork();
        if (e->pid < 0)
            die("fork");
        if (e->pid == 0) {
            for (unsigned other = 0; other < nengines; other++)
                close(engines[other].fd);
            close(fds[0]);
            serve(fds[1]);
        }
        close(fds[1]);
        e->fd = fds[0];
    }
}

static void stop_engines(void)
{
    for (unsigned e = 0; e < nengines; e++) {
        close(engines[e].fd);
        waitpid(engines[e].pid, NULL, 0);
    }
}

/* ---- one item a message ---- */

static void send_item(unsigned e, int x)
{
    char message[MESSAGE_NBYTES];
    const int nbytes = snprintf(message, sizeof message, "item %d", x);
    if (send(engines[e].fd, message, (size_t)nbytes, 0) < 0)
        die("send to an engine");
}

static i128 receive_item(unsigned e)
{
    char text[MESSAGE_NBYTES];
    const ssize_t nbytes = recv(engines[e].fd, text, sizeof text, 0);
    if (nbytes <= 0)
        die("an engine has died");
    i128 value = 0;
    for (ssize_t i = 0; i < nbytes; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

/* The engine that answers first gets the next item, as a load-balanced view does it. */
static void map_items(i128 *out)
{
    struct pollfd polls[MAX_ENGINES];
    int item_of[MAX_ENGINES];
    int next = 0, ndone = 0;
    for (unsigned e = 0; e < nengines; e++) {
        polls[e] = (struct pollfd){.fd = engines[e].fd, .events = POLLIN};
        item_of[e] = next;
        send_item(e, next++);
    }
    while (ndone < NITEMS) {
        if (poll(polls, nengines, -1) < 0)
            die("poll");
        for (unsigned e = 0; e < nengines; e++) {
            if (!polls[e].revents)
                continue;
            out[item_of[e]] = receive_item(e);
            ndone++;
            item_of[e] = next;
            if (next < NITEMS)
                send_item(e, next++);
        }
    }
}

/* ---- one share an engine ---- */

static void map_shares(i128 *out)
{
    for (unsigned e = 0; e < nengines; e++) {
        char message[MESSAGE_NBYTES];
        const unsigned begin = NITEMS * e / nengines, end = NITEMS * (e + 1) / nengines;
        const int nbytes = snprintf(message, sizeof message, "share %u %u", begin, end);
        if (send(engines[e].fd, message, (size_t)nbytes, 0) < 0)
            die("send to an engine");
    }
    for (unsigned e = 0; e < nengines; e++) {
        const unsigned begin = NITEMS * e / nengines, end = NITEMS * (e + 1) / nengines;
        const size_t nbytes = (end - begin) * sizeof *out;
        if (recv(engines[e].fd, out + begin, nbytes, MSG_WAITALL) != (ssize_t)nbytes)
            die("an engine has died");
    }
}

/* ---- allot ---- */

static void must(allot_err code, const allot_error *err)
{
    if (code != ALLOT_OK) {
        fprintf(stderr, "%s: %s\n", allot_err_name(code), err->text);
        exit(1);
    }
}

static int power_range(uint64_t begin, uint64_t end, void *arg)
{
    i128 *out = arg;
    for (uint64_t x = begin; x < end; x++)
        out[x] = power10((i128)x);
    return 0;
}

static void map_for(i128 *out)
{
    allot_error err;
    must(allot_for(NULL, NITEMS, power_range, out, NULL, &err), &err);
}

static int power_elements(const void *in, void *out, uint64_t first, uint64_t count, void *arg)
{
    const int32_t *x = in;
    i128 *y = out;
    (void)first;
    (void)arg;
    for (uint64_t i = 0; i < count; i++)
        y[i] = power10(x[i]);
    return 0;
}

static void map_arrays(i128 *out)
{
    static int32_t range[NITEMS];
    allot_error err;
    for (int32_t x = 0; x < NITEMS; x++)
        range[x] = x;
    must(allot_map(NULL, NITEMS, range, sizeof *range, out, sizeof *out, power_elements, NULL, NULL, &err),
         &err);
}

/* ---- the comparison ---- */

typedef struct way {
    const char *name;
    void (*map)(i128 *out);
} way;

static const way ways[] = {
    {"a serial loop", map_serial},
    {"one item a message, on engines", map_items},
    {"one share an engine, cut by hand", map_shares},
    {"allot_for", map_for},
    {"allot_map", map_arrays},
};

static double now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec * 1e-3;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median of several calls, the results of each of which must be right. */
static bool time_way(const way *w, double *median_us)
{
    enum { NTRIES = 15 };
    static i128 out[NITEMS];
    double times_us[NTRIES];
    for (int t = 0; t < NTRIES; t++) {
        memset(out, 0xff, sizeof out);
        const double start_us = now_us();
        w->map(out);
        times_us[t] = now_us() - start_us;
        if (memcmp(out, expected, sizeof out) != 0) {
            fprintf(stderr, "%s: the results differ from the loop's\n", w->name);
            return false;
        }
    }
    qsort(times_us, NTRIES, sizeof *times_us, by_value);
    *median_us = times_us[NTRIES / 2];
    return true;
}

int main(void)
{
    const long nprocessors = sysconf(_SC_NPROCESSORS_ONLN);
    bool is_right = true;
    double serial_us = 0;
    start_engines(nprocessors < 2 ? 2 : nprocessors > MAX_ENGINES ? MAX_ENGINES : (unsigned)nprocessors);
    map_serial(expected);
    printf("x**10 for x in range(%d), exact; %u engines\n\n", NITEMS, nengines);
    printf("%-34s %12s %14s\n", "", "time", "over the loop");
    for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
        double median_us = 0;
        is_right = time_way(&ways[w], &median_us) && is_right;
        serial_us = w == 0 ? median_us : serial_us;
        printf("%-34s %9.1f us %13.2fx\n", ways[w].name, median_us, median_us / serial_us);
    }
    stop_engines();
    if (is_right)
        printf("\nAll gave the same %d results.\n", NITEMS);
    return is_right ? 0 : 1;
}
