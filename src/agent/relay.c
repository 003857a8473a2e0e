/* relay.c - allot-agent --relay: a way to another place that is long or narrow, for trying out on one machine
 * what engines far away are like. It starts a command and passes bytes on between its own standard streams
 * and the command's, each a while after it came, and no more of them in a second than it was told.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/clock.h"

#define PIECE (16u << 10)
#define FLYING_MOST (UINT64_C(16) << 20) /* bytes that are under way, before no more are taken */

typedef struct piece {
    struct piece *next;
    uint64_t due_ns;
    size_t nbytes, nwritten;
    char bytes[PIECE];
} piece;

/** One direction. */
typedef struct way {
    int from, to; /* -1: closed */
    uint64_t delay_ns, bytes_per_s;
    uint64_t free_ns; /* when the last byte that was taken has left */
    uint64_t nflying;
    piece *first, *last;
} way;

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/** It ends at once, with what is under way. */
static void cut(way *w)
{
    for (piece *one = w->first, *next; one != NULL; one = next) {
        next = one->next;
        free(one);
    }
    w->first = w->last = NULL;
    close_fd(&w->from);
    close_fd(&w->to);
}

static void take(way *w, uint64_t now_ns)
{
    piece *one = malloc(sizeof *one);
    ssize_t n = one != NULL ? read(w->from, one->bytes, PIECE) : 0;
    if (n <= 0) {
        free(one);
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            close_fd(&w->from);
        return;
    }
    if (w->free_ns < now_ns)
        w->free_ns = now_ns;
    if (w->bytes_per_s > 0)
        w->free_ns += (uint64_t)((double)n * 1e9 / (double)w->bytes_per_s);
    one->next = NULL;
    one->nbytes = (size_t)n;
    one->nwritten = 0;
    one->due_ns = w->free_ns + w->delay_ns;
    *(w->last != NULL ? &w->last->next : &w->first) = one;
    w->last = one;
    w->nflying += (uint64_t)n;
}

/** Write what has arrived. */
static void give(way *w, uint64_t now_ns)
{
    while (w->first != NULL && now_ns >= w->first->due_ns) {
        piece *one = w->first;
        ssize_t n = write(w->to, one->bytes + one->nwritten, one->nbytes - one->nwritten);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0) {
            cut(w);
            return;
        }
        one->nwritten += (size_t)n;
        w->nflying -= (uint64_t)n;
        if (one->nwritten < one->nbytes)
            continue;
        w->first = one->next;
        if (w->first == NULL)
            w->last = NULL;
        free(one);
    }
    if (w->first == NULL && w->from < 0)
        close_fd(&w->to);
}

/** What to wait for, in fds[0] and fds[1]; *due_ns comes down to when something arrives. */
static void expect(const way *w, uint64_t now_ns, struct pollfd fds[2], uint64_t *due_ns)
{
    bool has_arrived = w->first != NULL && now_ns >= w->first->due_ns;
    fds[0] = (struct pollfd){.fd = w->nflying < FLYING_MOST ? w->from : -1, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = has_arrived ? w->to : -1, .events = POLLOUT};
    if (w->first != NULL && !has_arrived && w->first->due_ns < *due_ns)
        *due_ns = w->first->due_ns;
}

static void pass_on(way ways[2])
{
    struct pollfd fds[4];
    while (ways[1].to >= 0) { /* until the command has said its last */
        uint64_t now_ns = al_clock_ns(), due_ns = UINT64_MAX;
        for (int k = 0; k < 2; k++) {
            give(&ways[k], now_ns);
            expect(&ways[k], now_ns, fds + 2 * k, &due_ns);
        }
        struct timespec wait = {.tv_sec = 3600};
        if (due_ns != UINT64_MAX)
            wait = (struct timespec){(time_t)((due_ns - now_ns) / 1000000000),
                                     (long)((due_ns - now_ns) % 1000000000)};
        if (ways[1].to < 0 || ppoll(fds, 4, &wait, NULL) <= 0)
            continue;
        now_ns = al_clock_ns();
        for (int k = 0; k < 2; k++)
            if (fds[2 * k].revents != 0)
                take(&ways[k], now_ns);
    }
}

/** The command, its standard input and output pipes of ours. */
static bool start(char **argv, int ends[2])
{
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        return false;
    pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGPIPE, SIG_DFL);
        if (dup2(in[0], STDIN_FILENO) >= 0 && dup2(out[1], STDOUT_FILENO) >= 0)
            (void)execvp(argv[0], argv);
        _exit(127);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    ends[0] = in[1];
    ends[1] = out[0];
    return child > 0;
}

int agent_relay(char **words, int nwords)
{
    int ends[2];
    uint64_t delay_ns = nwords > 2 ? strtoull(words[0], NULL, 10) : 0;
    uint64_t bytes_per_s = nwords > 2 ? strtoull(words[1], NULL, 10) : 0;
    (void)signal(SIGPIPE, SIG_IGN);
    if (nwords < 3 || !start(words + 2, ends)) {
        fprintf(stderr, "allot-agent: --relay DELAY_NS BYTES_PER_S COMMAND ...: %s\n", strerror(errno));
        return 1;
    }
    way ways[2] = {{.from = STDIN_FILENO, .to = ends[0], .delay_ns = delay_ns, .bytes_per_s = bytes_per_s},
                   {.from = ends[1], .to = STDOUT_FILENO, .delay_ns = delay_ns, .bytes_per_s = bytes_per_s}};
    for (int k = 0; k < 2; k++)
        (void)fcntl(ways[k].to, F_SETFL, O_NONBLOCK);
    pass_on(ways);
    cut(&ways[0]);
    cut(&ways[1]);
    return 0;
}
