/* outbox.c - see outbox.h.
 *
 * The rate is of the line only while the line is what is waited for, so it is taken over times in which the
 * descriptor was full now and then; a pause in which nobody had anything to say does not count.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/outbox.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define MEASURE_NS UINT64_C(200000000)
#define PAUSE_NS UINT64_C(5000000)

size_t al_outbox_pending(const al_outbox *out)
{
    return out->bytes.nbytes - out->nwritten;
}

/** What was written makes room; no byte is moved more than once for each that was written. */
static void make_room(al_outbox *out)
{
    size_t left = al_outbox_pending(out);
    if (left == 0)
        al_buffer_clear(&out->bytes);
    else if (out->nwritten >= left)
        memcpy(out->bytes.at, out->bytes.at + out->nwritten, left);
    else
        return;
    out->bytes.nbytes = left;
    out->nwritten = 0;
}

static void measure(al_outbox *out, uint64_t nbytes, bool is_full)
{
    uint64_t now_ns = al_clock_ns(), since_ns = now_ns - out->last_ns;
    if (out->is_full || since_ns < PAUSE_NS)
        out->busy_ns += since_ns;
    out->nbusy += nbytes;
    out->last_ns = now_ns;
    out->is_full = is_full;
    out->was_full = out->was_full || is_full;
    if (out->busy_ns < MEASURE_NS)
        return;
    out->rate = out->was_full ? (double)out->nbusy * 1e9 / (double)out->busy_ns : 0;
    out->busy_ns = out->nbusy = 0;
    out->was_full = is_full;
}

bool al_outbox_write(al_outbox *out, int fd)
{
    uint64_t before = out->nsent;
    int fault = 0;
    if (al_outbox_pending(out) == 0)
        return true;
    while (fault == 0 && al_outbox_pending(out) > 0) {
        ssize_t n = write(fd, out->bytes.at + out->nwritten, al_outbox_pending(out));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            fault = errno;
            continue;
        }
        out->nwritten += (size_t)n;
        out->nsent += (uint64_t)n;
    }
    make_room(out);
    measure(out, out->nsent - before, fault == EAGAIN);
    return fault == 0 || fault == EAGAIN;
}
