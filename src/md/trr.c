/* trr.c - positions, velocities and forces in full: GROMACS's .trr.
 *
 * A frame is a header, which has the size in bytes of each part that may follow, and the parts that are
 * there: box, positions, velocities, forces. All numbers of a frame have 4 bytes, or all have 8.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <limits.h>

#include "base/fail.h"
#include "md/trajectory.h"
#include "md/xdr.h"

static const char version[] = "GMX_trn_file";

enum {
    MAGIC = 1993,
    SIZES_AT = 4 + 4 + 4 + 12, /* behind the magic, the version's size with its end, and its text */
    NSIZES = 10,               /* of parts, in the order of the header */
    BOX = 2,
    X = 7,
    V,
    F,
    TIME_AT = SIZES_AT + 4 * (NSIZES + 3), /* and another number; 4 or 8 bytes each */
    HEAD_NBYTES = TIME_AT + 16,            /* with numbers of 8 bytes */
};

_Static_assert(sizeof version - 1 == 12, "a multiple of four: no padding");

static char *put_real(char *at, double value, bool is_double)
{
    return is_double ? al_xdr_put_f64(at, value) : al_xdr_put_f32(at, value);
}

static char *put_head(char *at, const al_frame *frame, const uint32_t sizes[NSIZES], bool is_double)
{
    at = al_xdr_put_u32(at, MAGIC);
    at = al_xdr_put_u32(at, sizeof version);
    at = al_xdr_put_u32(at, sizeof version - 1);
    memcpy(at, version, sizeof version - 1);
    at += sizeof version - 1;
    for (unsigned k = 0; k < NSIZES; k++)
        at = al_xdr_put_u32(at, sizes[k]);
    at = al_xdr_put_u32(at, (uint32_t)frame->natoms);
    at = al_xdr_put_u32(at, (uint32_t)frame->step);
    at = al_xdr_put_u32(at, 0);
    at = put_real(at, frame->time, is_double);
    return put_real(at, 0, is_double);
}

static char *put_vectors(char *at, const al_vectors *vectors, uint64_t natoms, bool is_double)
{
    for (uint64_t k = 0; vectors->at != NULL && k < natoms; k++)
        for (unsigned d = 0; d < 3; d++)
            at = put_real(at, vectors->at[k * vectors->stride + d], is_double);
    return at;
}

static allot_err encode(const al_trajectory_opts *opts, const al_frame *frame, al_buffer *out,
                        allot_error *err)
{
    const unsigned nbytes = opts->is_double ? 8 : 4;
    const al_vectors *parts[] = {&frame->x, &frame->v, &frame->f};
    uint32_t sizes[NSIZES] = {[BOX] = 9 * nbytes};
    uint64_t total = TIME_AT + (2 + 9) * nbytes;
    if (frame->natoms > INT_MAX / (3 * nbytes))
        return al_fail(err, ALLOT_ERANGE, 0,
                       "%" PRIu64 " atoms: .trr has room for %u with %u bytes a number%s", frame->natoms,
                       INT_MAX / (3 * nbytes), nbytes, opts->is_double ? "; 4 might do" : "");
    for (unsigned k = 0; k < 3; k++) {
        sizes[X + k] = parts[k]->at != NULL ? (uint32_t)(3 * nbytes * frame->natoms) : 0;
        total += sizes[X + k];
    }
    char *at = al_buffer_reserve(out, total), *end;
    if (at == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    end = put_head(at, frame, sizes, opts->is_double);
    for (unsigned k = 0; k < 9; k++)
        end = put_real(end, frame->box[k / 3][k % 3], opts->is_double);
    for (unsigned k = 0; k < 3; k++)
        end = put_vectors(end, parts[k], frame->natoms, opts->is_double);
    out->nbytes += (size_t)(end - at);
    return ALLOT_OK;
}

/** Bytes of a number in this frame; 0: no telling. */
static unsigned real_nbytes(const uint32_t sizes[NSIZES], uint64_t natoms)
{
    uint64_t whole = sizes[BOX], n = 9;
    for (unsigned k = X; whole == 0 && k <= F; k++) {
        whole = sizes[k];
        n = 3 * natoms;
    }
    return whole == 4 * n && n > 0 ? 4 : whole == 8 * n && n > 0 ? 8 : 0;
}

static bool head(const uint8_t *bytes, size_t nbytes, al_frame_head *head)
{
    *head = (al_frame_head){.nbytes = HEAD_NBYTES};
    if (nbytes < HEAD_NBYTES)
        return false;
    head->nbytes = 0;
    if (al_xdr_u32(bytes) != MAGIC || al_xdr_u32(bytes + 4) != sizeof version ||
        al_xdr_u32(bytes + 8) != sizeof version - 1 || memcmp(bytes + 12, version, sizeof version - 1) != 0)
        return false;
    uint32_t sizes[NSIZES];
    uint64_t total = TIME_AT;
    for (unsigned k = 0; k < NSIZES; k++) {
        sizes[k] = al_xdr_u32(bytes + SIZES_AT + 4 * k);
        if (sizes[k] > INT_MAX || sizes[k] % 4 != 0)
            return false;
        total += sizes[k];
    }
    head->natoms = al_xdr_u32(bytes + SIZES_AT + 4 * NSIZES);
    head->step = al_xdr_u32(bytes + SIZES_AT + 4 * NSIZES + 4);
    unsigned real = real_nbytes(sizes, head->natoms);
    if (real == 0 || head->natoms > INT_MAX)
        return false;
    head->nbytes = total + 2 * real;
    head->time = real == 8 ? al_xdr_f64(bytes + TIME_AT) : al_xdr_f32(bytes + TIME_AT);
    return true;
}

const al_trajectory_format al_trajectory_trr = {
    .name = "trr", .has_all = true, .encode = encode, .head = head};
