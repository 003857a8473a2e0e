/* trajectory.c - see trajectory.h.
 *
 * To go on with a file, its frames are walked from the first by what their beginnings say. The walk ends at
 * the first frame of a later step than that of the checkpoint, at one that is torn, or at zeros up to the
 * end, which is what some file systems leave behind when power fails; the file is cut there. Anything else
 * that is no frame is left alone: a person must look at it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "md/trajectory.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "md/file.h"

const al_trajectory_format *const al_trajectory_formats[] = {&al_trajectory_xtc, &al_trajectory_trr, NULL};

struct al_trajectory {
    const al_trajectory_format *format;
    al_trajectory_opts opts;
    al_growth file;
    bool has_step;
    uint64_t step; /* of the last frame in the file */
};

static const al_trajectory_format *find_format(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (const al_trajectory_format *const *format = al_trajectory_formats; *format != NULL; format++)
        if (dot != NULL && strcmp(dot + 1, (*format)->name) == 0)
            return *format;
    return NULL;
}

const al_trajectory_format *al_trajectory_format_of(const al_trajectory *trajectory)
{
    return trajectory->format;
}

/* ---- going on ------------------------------------------------------------------------------------------ */

/** @return bytes read, fewer at the end of the file; -1: errno */
static ssize_t read_at(int fd, uint8_t *bytes, size_t nbytes, uint64_t offset)
{
    size_t got = 0;
    while (got < nbytes) {
        ssize_t n = pread(fd, bytes + got, nbytes - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

/** Whether there are only zeros from offset on. */
static bool is_blank(int fd, uint64_t offset)
{
    uint8_t bytes[4096];
    for (ssize_t n; (n = read_at(fd, bytes, sizeof bytes, offset)) > 0; offset += (uint64_t)n)
        for (ssize_t k = 0; k < n; k++)
            if (bytes[k] != 0)
                return false;
    return true;
}

typedef enum found { FOUND_FRAME, FOUND_END, FOUND_FAULT } found;

/** The frame at offset, if it is whole. */
static found find_frame(al_trajectory *t, uint64_t offset, al_frame_head *head, allot_error *err)
{
    uint8_t bytes[AL_FRAME_HEAD_NBYTES];
    ssize_t n = read_at(t->file.fd, bytes, sizeof bytes, offset);
    if (n < 0) {
        (void)al_fail(err, ALLOT_EIO, errno, "%s", t->file.path);
        return FOUND_FAULT;
    }
    if (t->format->head(bytes, (size_t)n, head))
        return head->nbytes <= t->file.nbytes - offset ? FOUND_FRAME : FOUND_END;
    if ((head->nbytes > (size_t)n) || is_blank(t->file.fd, offset))
        return FOUND_END;
    (void)al_fail(err, ALLOT_EFORMAT, 0,
                  "%s: no frame of .%s begins at byte %" PRIu64 "; move the file away, or cut it there with: "
                  "truncate -s %" PRIu64 " FILE",
                  t->file.path, t->format->name, offset, offset);
    return FOUND_FAULT;
}

/** The step of which the file has the low 32 bits: not before the one before; of the first frame, what its
 * time says. */
static uint64_t whole_step(const al_trajectory *t, const al_frame_head *head)
{
    const uint64_t turn = UINT64_C(1) << 32;
    double nturns =
        t->opts.dt > 0 ? round(((head->time - t->opts.time_of_zero) / t->opts.dt - head->step) / (double)turn)
                       : 0;
    if (!t->has_step)
        return nturns > 0 && nturns < 1e9 ? (uint64_t)nturns * turn + head->step : head->step;
    uint64_t step = (t->step & ~(turn - 1)) | head->step;
    return step < t->step ? step + turn : step;
}

/** Cut the file behind the last frame that is to stay. */
static allot_err go_on(al_trajectory *t, allot_error *err)
{
    al_frame_head head;
    found what;
    uint64_t offset = 0;
    while ((what = find_frame(t, offset, &head, err)) == FOUND_FRAME) {
        if (head.natoms != t->opts.natoms)
            return al_fail(err, ALLOT_EFORMAT, 0,
                           "%s: it has frames of %" PRIu64 " atoms, and there are %" PRIu64
                           " now; move it away, or name another file",
                           t->file.path, head.natoms, t->opts.natoms);
        uint64_t step = whole_step(t, &head);
        if (step > t->opts.last_step)
            break;
        t->step = step;
        t->has_step = true;
        offset += head.nbytes;
    }
    return what == FOUND_FAULT ? ALLOT_EFORMAT : al_growth_cut(&t->file, offset, err);
}

/* ---- for others ---------------------------------------------------------------------------------------- */

allot_err al_trajectory_open(const char *path, const al_trajectory_opts *opts, al_trajectory **made,
                             allot_error *err)
{
    const al_trajectory_format *format = find_format(path);
    if (format == NULL)
        return al_fail(err, ALLOT_EINVAL, 0, "%s: trajectories are .xtc (positions) or .trr (all there is)",
                       path);
    al_trajectory *t = calloc(1, sizeof *t);
    if (t == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    *t = (al_trajectory){.format = format, .opts = *opts};
    allot_err code = al_growth_open(&t->file, path, opts->goes_on, err);
    if (code == ALLOT_OK && opts->goes_on)
        code = go_on(t, err);
    if (code == ALLOT_OK)
        *made = t;
    else
        (void)al_trajectory_close(t, NULL);
    return code;
}

allot_err al_trajectory_frame(al_trajectory *t, const al_frame *frame, allot_error *err)
{
    if (t->has_step && frame->step <= t->step)
        return ALLOT_OK;
    allot_error fault;
    allot_err code = t->format->encode(&t->opts, frame, &t->file.pending, &fault);
    if (code != ALLOT_OK) {
        al_growth_abandon(&t->file);
        return al_fail(err, code, 0, "%s: %s", t->file.path, fault.text);
    }
    t->has_step = true;
    t->step = frame->step;
    return al_growth_settle(&t->file, err);
}

allot_err al_trajectory_sync(al_trajectory *t, allot_error *err)
{
    return al_growth_sync(&t->file, err);
}

allot_err al_trajectory_close(al_trajectory *t, allot_error *err)
{
    if (t == NULL)
        return ALLOT_OK;
    allot_err code = al_growth_close(&t->file, err);
    free(t);
    return code;
}
