/* fft.h - a Fourier transform of a three-dimensional real mesh, something done to its waves, and the
 * transform back; over ranks and threads.
 *
 * Real space is cut into slabs of planes across the first direction, wave space into slabs of rows across the
 * second: a rank has some of each. Between them every rank sends to every other.
 *
 * Only fft.c knows FFTW. (Frigo and Johnson, Proc. IEEE 93, 216, 2005.)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_FFT_H
#define AL_MD_FFT_H

#include <stdbool.h>

#include "base/shares.h"
#include "comm/comm.h"

typedef struct al_fft_opts {
    al_comm *comm;
    al_threads threads;
    int n[3];       /**< points in each direction, at least 2 */
    bool is_double; /**< numbers are doubles, else floats */
} al_fft_opts;

typedef struct al_fft al_fft;

/** Plane x of the mesh: n[1] rows of al_fft_row_reals() numbers, of which n[2] count. Called by several
 * threads, for different planes. */
typedef void al_fft_plane_fn(void *arg, int x, void *plane);
/** Row y of the waves: [n[0]][n[2] / 2 + 1] complex numbers. Called by several threads, for different rows.
 */
typedef void al_fft_row_fn(void *arg, int y, void *waves);

/** Collective. @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_fft_open(al_fft **fft, const al_fft_opts *opts, allot_error *err);
void al_fft_close(al_fft *fft); /**< NULL is allowed */

/** What part of n planes or rows is a rank's. Pure. */
void al_fft_share(int n, int nranks, int rank, int *first, int *count);
/** Numbers that a row of a plane takes: n[2], and room. Pure. */
int al_fft_row_reals(const int n[3]);

/** Have this rank's planes filled, transform them, have the waves' rows worked upon, and transform back; no
 * factor is applied. In three parts, so that the caller may do other things while messages travel: begin()
 * sends what turn() waits for, and turn() what end() does. Collective. */
void al_fft_begin(al_fft *fft, al_fft_plane_fn *fill, al_fft_row_fn *work, void *arg);
void al_fft_turn(al_fft *fft);
void al_fft_end(al_fft *fft);
/** Between these: messages travel on. Not collective, does not wait. @param has_turned  turn() was called */
void al_fft_go_on(al_fft *fft, bool has_turned);
/** A plane of this rank, as al_fft_end() left it. */
void *al_fft_plane(const al_fft *fft, int x);

#endif
