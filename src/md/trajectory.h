/* trajectory.h - where atoms were, frame after frame, in a file that others read. A row a format: xtc.c,
 * trr.c.
 *
 * Numbers are written as they are: nm and ps for who simulates in them, reduced ones for who does not.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_TRAJECTORY_H
#define AL_MD_TRAJECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include <allot/error.h>

#include "base/buffer.h"

/** A vector for each atom, in the order of ids; atom k's begins at at[k * stride]. Borrowed. */
typedef struct al_vectors {
    const double *at; /**< NULL: there are none */
    size_t stride;
} al_vectors;

typedef struct al_frame {
    uint64_t step, natoms;
    double time, box[3][3];
    al_vectors x, v, f;
} al_frame;

typedef struct al_trajectory_opts {
    double precision; /**< xtc: steps of positions in a unit of length; 1000 is usual */
    bool is_double;   /**< trr: numbers of 8 bytes, not 4 */
    bool goes_on; /**< after the frames of steps up to last_step that are there; what is beyond is cut off */
    uint64_t last_step, natoms; /**< with goes_on */
    double dt, time_of_zero;    /**< with goes_on: time of a step, and of step 0 */
} al_trajectory_opts;

/** What the beginning of a frame says. */
typedef struct al_frame_head {
    uint64_t nbytes; /**< of the whole frame */
    uint64_t natoms;
    uint32_t step; /**< the file has room for no more than its low 32 bits */
    double time;
} al_frame_head;

enum { AL_FRAME_HEAD_NBYTES = 128 }; /**< enough for any format's beginning of a frame */

/** A format: a row of al_trajectory_formats[]. Pure. */
typedef struct al_trajectory_format {
    const char *name; /**< and how file names end: "xtc" */
    bool has_all;     /**< velocities and forces too, or positions alone */
    /** Append a frame. @return ALLOT_OK; ALLOT_ENOMEM; ALLOT_ERANGE: an atom where the format has no room */
    allot_err (*encode)(const al_trajectory_opts *opts, const al_frame *frame, al_buffer *out,
                        allot_error *err);
    /** Look at the beginning of a frame.
     * @param nbytes  AL_FRAME_HEAD_NBYTES, or what there is
     * @return false: no frame begins so; head->nbytes is 0, or what bytes there would have to be to tell */
    bool (*head)(const uint8_t *bytes, size_t nbytes, al_frame_head *head);
} al_trajectory_format;

extern const al_trajectory_format al_trajectory_xtc, al_trajectory_trr;
/** All of them, NULL at the end. */
extern const al_trajectory_format *const al_trajectory_formats[];

typedef struct al_trajectory al_trajectory;

/** The file's name says the format.
 * @param[out] made  al_trajectory_close()
 * @return ALLOT_OK; ALLOT_EINVAL: a name of no format; ALLOT_EFORMAT: goes_on, and the file has other atoms
 * or is damaged; ALLOT_EIO; ALLOT_ENOMEM */
allot_err al_trajectory_open(const char *path, const al_trajectory_opts *opts, al_trajectory **made,
                             allot_error *err);
const al_trajectory_format *al_trajectory_format_of(const al_trajectory *trajectory);
/** Write a frame, of a later step than the one before. One that the file went on after is not written again.
 * @return ALLOT_OK; ALLOT_ERANGE: an atom, and why; ALLOT_EIO, as for a full disk: what is there is whole;
 * ALLOT_ENOMEM */
allot_err al_trajectory_frame(al_trajectory *trajectory, const al_frame *frame, allot_error *err);
/** All frames are on the disk. To be called before a checkpoint counts on them. */
allot_err al_trajectory_sync(al_trajectory *trajectory, allot_error *err);
/** Frees everything, whatever it returns. NULL: nothing. */
allot_err al_trajectory_close(al_trajectory *trajectory, allot_error *err);

#endif
