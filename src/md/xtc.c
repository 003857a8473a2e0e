/* xtc.c - positions, rounded and packed: GROMACS's .xtc.
 *
 * A frame is a header, the box, and the positions as multiples of 1/precision. Those are packed as one stream
 * of bits, in groups: a first atom by its place in the box that holds all of them, then up to eight atoms by
 * their small distance from the one before. A group's first two atoms are swapped, so that in water both
 * hydrogens are near what precedes them. Three numbers below some sizes are one number in mixed radix, its
 * low byte first; other numbers have their high bit first. How large "small" is, is one of a row of sizes,
 * each about the cube root of two above the one before, so that size k takes k bits for three numbers.
 *
 * The format lets the size change from group to group. Here it does not: the one that makes the frame
 * smallest, going by the distances of neighbours, is taken for all of it.
 *
 * Nine atoms or fewer are written as floats.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "md/trajectory.h"
#include "md/xdr.h"

enum {
    MAGIC = 1995,
    HEAD_NBYTES = 4 * (4 + 9 + 1),   /* magic, natoms, step, time; box; natoms again */
    PACKED_NBYTES = 4 * (1 + 6 + 2), /* precision, least and greatest, size, bytes that follow */
    FEW = 9,
    NATOMS_MOST = 298261617, /* beyond, the format has another header, which few programs read */
    RUN_MOST = 8,
    SIZE_FIRST = 9, /* the least size: three numbers below 8 */
    NSIZES = 73,
    WIDE = 0xffffff, /* a box larger than that is not packed in mixed radix */
};

/** Sizes: numbers below sizes[k], three of them in k bits. Part of the format, with its three odd ones. */
static const uint32_t sizes[NSIZES] = {
    0,       0,       0,       0,       0,        0,        0,       0,       0,       8,       10,
    12,      16,      20,      25,      32,       40,       50,      64,      80,      101,     128,
    161,     203,     256,     322,     406,      512,      645,     812,     1024,    1290,    1625,
    2048,    2580,    3250,    4096,    5060,     6501,     8192,    10321,   13003,   16384,   20642,
    26007,   32768,   41285,   52015,   65536,    82570,    104031,  131072,  165140,  208063,  262144,
    330280,  416127,  524287,  660561,  832255,   1048576,  1321122, 1664510, 2097152, 2642245, 3329021,
    4194304, 5284491, 6658042, 8388607, 10568983, 13316085, 16777216};

/* ---- positions as integers ----------------------------------------------------------------------------- */

typedef struct grid {
    int32_t *x; /* [3 natoms] */
    uint64_t natoms;
    int32_t least[3], greatest[3];
    uint32_t span[3];   /* numbers there are between them */
    unsigned nbits[3];  /* where the box is too wide for one number */
    unsigned nbits_all; /* of all three as one number; 0: it is too wide */
} grid;

static unsigned bit_length(unsigned __int128 value)
{
    unsigned n = 0;
    for (; value != 0; value >>= 1)
        n++;
    return n;
}

/** @return false: it is too far away, or not a number */
static bool round_to(double x, double precision, int32_t *rounded)
{
    double scaled = round(x * precision);
    if (!(fabs(scaled) < INT_MAX - 2))
        return false;
    *rounded = (int32_t)scaled;
    return true;
}

static allot_err make_grid(grid *g, const al_frame *frame, double precision, allot_error *err)
{
    for (unsigned d = 0; d < 3; d++) {
        g->least[d] = INT_MAX;
        g->greatest[d] = INT_MIN;
    }
    for (uint64_t k = 0; k < g->natoms; k++)
        for (unsigned d = 0; d < 3; d++) {
            double x = frame->x.at[k * frame->x.stride + d];
            int32_t n;
            if (!round_to(x, precision, &n))
                return al_fail(err, ALLOT_ERANGE, 0,
                               "%c of atom %" PRIu64 " is %g at step %" PRIu64
                               ": with a precision of %g, .xtc has no room for it; .trr has",
                               "xyz"[d], k, x, frame -> step, precision);
            g->x[3 * k + d] = n;
            g->least[d] = n < g->least[d] ? n : g->least[d];
            g->greatest[d] = n > g->greatest[d] ? n : g->greatest[d];
        }
    bool is_wide = false;
    unsigned __int128 all = 1;
    for (unsigned d = 0; d < 3; d++) {
        int64_t span = (int64_t)g->greatest[d] - g->least[d] + 1;
        if (span >= INT_MAX - 2)
            return al_fail(err, ALLOT_ERANGE, 0,
                           "atoms are too far from each other at step %" PRIu64
                           " for .xtc with a precision of %g; .trr has room for them",
                           frame->step, precision);
        g->span[d] = (uint32_t)span;
        g->nbits[d] = bit_length(g->span[d]);
        is_wide = is_wide || g->span[d] > WIDE;
        all *= g->span[d];
    }
    g->nbits_all = is_wide ? 0 : bit_length(all);
    return ALLOT_OK;
}

/* ---- the size of what is small ------------------------------------------------------------------------- */

static uint32_t distance(const int32_t *a, const int32_t *b)
{
    uint32_t most = 0;
    for (unsigned d = 0; d < 3; d++) {
        int64_t along = llabs((int64_t)a[d] - b[d]);
        most = along > most ? (uint32_t)along : most;
    }
    return most;
}

/** The least size for this distance; NSIZES: there is none. */
static unsigned size_for(uint32_t along)
{
    unsigned low = SIZE_FIRST, high = NSIZES;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (along < sizes[middle] / 2)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static unsigned first_nbits(const grid *g)
{
    return g->nbits_all > 0 ? g->nbits_all : g->nbits[0] + g->nbits[1] + g->nbits[2];
}

/** Of the group that begins with atom k: how many follow the first. The second is sent first, so that what
 * follows it is the first; then each follows the one before, the third that same first. */
static unsigned run_at(const grid *g, uint64_t k, uint32_t near)
{
    const int32_t *x = &g->x[3 * k];
    uint64_t left = g->natoms - k;
    if (left < 2 || distance(x, x + 3) >= near)
        return 0;
    unsigned run = 1;
    while (run < RUN_MOST && run + 1 < left && distance(x + 3 * (run + 1), run == 1 ? x : x + 3 * run) < near)
        run++;
    return run;
}

/** Bits that all atoms take with this size. */
static uint64_t count_bits(const grid *g, unsigned size)
{
    uint64_t total = 0;
    unsigned run_before = UINT_MAX;
    for (uint64_t k = 0, run; k < g->natoms; k += run + 1) {
        run = run_at(g, k, sizes[size] / 2);
        total += first_nbits(g) + 1 + (run != run_before ? 5 : 0) + run * size;
        run_before = (unsigned)run;
    }
    return total;
}

/** The size that makes the frame smallest if each atom that is near the one before in number is sent so: a
 * guess, as of each group's first three atoms other distances count. */
static unsigned guess_size(const grid *g)
{
    uint64_t count[NSIZES + 1] = {0}, nsmall = 0, least = UINT64_MAX;
    unsigned guess = SIZE_FIRST;
    for (uint64_t k = 1; k < g->natoms; k++)
        count[size_for(distance(&g->x[3 * k - 3], &g->x[3 * k]))]++;
    for (unsigned size = SIZE_FIRST; size < NSIZES; size++) {
        nsmall += count[size];
        uint64_t total = nsmall * size + (g->natoms - nsmall) * (first_nbits(g) + 1);
        if (total < least) {
            least = total;
            guess = size;
        }
    }
    return guess;
}

/** The size that makes the frame smallest, from the guess down- or upwards as long as it helps. */
static unsigned choose_size(const grid *g)
{
    unsigned size = guess_size(g), chosen = size;
    uint64_t least = count_bits(g, size);
    for (int way = -1; way <= 1 && chosen == size; way += 2)
        for (unsigned next = size + (unsigned)way; next >= SIZE_FIRST && next < NSIZES;
             next += (unsigned)way) {
            uint64_t total = count_bits(g, next);
            if (total >= least)
                break;
            least = total;
            chosen = next;
        }
    return chosen;
}

/* ---- bits ---------------------------------------------------------------------------------------------- */

typedef struct bits {
    char *at;
    uint64_t held; /* the lowest nheld of them are still to be written */
    unsigned nheld;
} bits;

/** The lowest n <= 32 bits, the highest first. */
static inline void put_bits(bits *b, uint32_t value, unsigned n)
{
    b->held = b->held << n | value;
    b->nheld += n;
    while (b->nheld >= 8) {
        b->nheld -= 8;
        *b->at++ = (char)(b->held >> b->nheld);
    }
}

/** n bits, their lowest byte first; what is over eights comes last. */
static inline void put_bytes(bits *b, unsigned __int128 value, unsigned n)
{
    for (; n >= 8; n -= 8, value >>= 8)
        put_bits(b, (uint8_t)value, 8);
    put_bits(b, (uint32_t)value, n);
}

static inline void put_mixed(bits *b, const uint32_t n[3], const uint32_t below[3], unsigned nbits)
{
    uint64_t high = (uint64_t)n[0] * below[1] + n[1];
    put_bytes(b, (unsigned __int128)high * below[2] + n[2], nbits);
}

static void put_first(bits *b, const grid *g, const int32_t *x)
{
    uint32_t n[3];
    for (unsigned d = 0; d < 3; d++)
        n[d] = (uint32_t)((int64_t)x[d] - g->least[d]);
    if (g->nbits_all > 0)
        put_mixed(b, n, g->span, g->nbits_all);
    else
        for (unsigned d = 0; d < 3; d++)
            put_bits(b, n[d], g->nbits[d]);
}

static void put_near(bits *b, const int32_t *x, const int32_t *from, unsigned size)
{
    const uint32_t below[3] = {sizes[size], sizes[size], sizes[size]};
    uint32_t n[3];
    for (unsigned d = 0; d < 3; d++)
        n[d] = (uint32_t)((int64_t)x[d] - from[d] + sizes[size] / 2);
    put_mixed(b, n, below, size);
}

/** All atoms. @return just behind the last byte */
static char *pack(const grid *g, unsigned size, char *at)
{
    bits b = {.at = at};
    unsigned run_before = UINT_MAX;
    for (uint64_t k = 0; k < g->natoms;) {
        const int32_t *x = &g->x[3 * k];
        unsigned run = run_at(g, k, sizes[size] / 2);
        put_first(&b, g, run > 0 ? x + 3 : x);
        put_bits(&b, run != run_before, 1);
        if (run != run_before)
            put_bits(&b, 3 * run + 1, 5); /* 1: the size stays as it is */
        run_before = run;
        for (unsigned n = 1; n <= run; n++)
            put_near(&b, n == 1 ? x : x + 3 * n, n == 1 ? x + 3 : n == 2 ? x : x + 3 * (n - 1), size);
        k += run + 1;
    }
    if (b.nheld > 0)
        put_bits(&b, 0, 8 - b.nheld);
    return b.at;
}

/* ---- frames -------------------------------------------------------------------------------------------- */

static char *put_head(char *at, const al_frame *frame)
{
    at = al_xdr_put_u32(at, MAGIC);
    at = al_xdr_put_u32(at, (uint32_t)frame->natoms);
    at = al_xdr_put_u32(at, (uint32_t)frame->step);
    at = al_xdr_put_f32(at, frame->time);
    for (unsigned k = 0; k < 9; k++)
        at = al_xdr_put_f32(at, frame->box[k / 3][k % 3]);
    return al_xdr_put_u32(at, (uint32_t)frame->natoms);
}

static char *put_few(char *at, const al_frame *frame)
{
    for (uint64_t k = 0; k < 3 * frame->natoms; k++)
        at = al_xdr_put_f32(at, frame->x.at[k / 3 * frame->x.stride + k % 3]);
    return at;
}

static char *put_packed(char *at, const grid *g, double precision)
{
    unsigned size = choose_size(g);
    at = al_xdr_put_f32(at, precision);
    for (unsigned d = 0; d < 3; d++)
        at = al_xdr_put_u32(at, (uint32_t)g->least[d]);
    for (unsigned d = 0; d < 3; d++)
        at = al_xdr_put_u32(at, (uint32_t)g->greatest[d]);
    at = al_xdr_put_u32(at, size);
    char *end = pack(g, size, at + 4);
    at = al_xdr_put_u32(at, (uint32_t)(end - at - 4));
    for (; (end - at) % 4 != 0; end++)
        *end = 0;
    return end;
}

static allot_err encode(const al_trajectory_opts *opts, const al_frame *frame, al_buffer *out,
                        allot_error *err)
{
    if (frame->natoms > NATOMS_MOST)
        return al_fail(err, ALLOT_ERANGE, 0, "%" PRIu64 " atoms: .xtc has room for %d", frame->natoms,
                       NATOMS_MOST);
    /* Each atom takes less than 3 * 32 + 6 bits. */
    char *at = al_buffer_reserve(out, HEAD_NBYTES + PACKED_NBYTES + 16 + 14 * frame->natoms), *end;
    grid g = {.natoms = frame->natoms, .x = malloc((3 * frame->natoms + 1) * sizeof *g.x)};
    allot_err code = ALLOT_OK;
    if (at == NULL || g.x == NULL)
        code = al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    else if (frame->natoms > FEW)
        code = make_grid(&g, frame, opts->precision, err);
    if (code == ALLOT_OK) {
        end = put_head(at, frame);
        end = frame->natoms > FEW ? put_packed(end, &g, (float)opts->precision) : put_few(end, frame);
        out->nbytes += (size_t)(end - at);
    }
    free(g.x);
    return code;
}

static bool head(const uint8_t *bytes, size_t nbytes, al_frame_head *head)
{
    *head = (al_frame_head){.nbytes = HEAD_NBYTES};
    if (nbytes < HEAD_NBYTES)
        return false;
    head->nbytes = 0;
    head->natoms = al_xdr_u32(bytes + 4);
    head->step = al_xdr_u32(bytes + 8);
    head->time = al_xdr_f32(bytes + 12);
    if (al_xdr_u32(bytes) != MAGIC || head->natoms > NATOMS_MOST ||
        al_xdr_u32(bytes + HEAD_NBYTES - 4) != head->natoms)
        return false;
    if (head->natoms <= FEW) {
        head->nbytes = HEAD_NBYTES + 12 * head->natoms;
        return true;
    }
    head->nbytes = HEAD_NBYTES + PACKED_NBYTES;
    if (nbytes < HEAD_NBYTES + PACKED_NBYTES)
        return false;
    uint32_t npacked = al_xdr_u32(bytes + HEAD_NBYTES + PACKED_NBYTES - 4);
    head->nbytes += ((uint64_t)npacked + 3) & ~UINT64_C(3);
    return true;
}

const al_trajectory_format al_trajectory_xtc = {.name = "xtc", .encode = encode, .head = head};
