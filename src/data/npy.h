/* npy.h - NumPy's .npy array files (format versions 1.0, 2.0 and 3.0), header only.
 *
 * Pure: works on bytes in memory; whoever calls maps or reads the file.
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_DATA_NPY_H
#define AL_DATA_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <allot/error.h>

#include "data/number.h"

#define AL_NPY_MAX_DIMS 32
/** A header never needs more bytes than this to be judged; longer ones are refused. */
#define AL_NPY_HEADER_MAX 65536

/** The first so many bytes are enough for al_npy_header_nbytes() to be sure. */
#define AL_NPY_PREFIX_NBYTES 12

typedef struct al_npy {
    al_type type;
    bool fortran_order;
    uint32_t ndims;
    uint64_t dims[AL_NPY_MAX_DIMS];
    uint64_t nitems;    /* product of dims; 1 for a scalar array (ndims 0) */
    size_t data_offset; /* bytes before the first item; a multiple of 64 as NumPy writes it, any in others' */
} al_npy;

/** Tell whether bytes begin a .npy file, and how many of them al_npy_parse() wants to see.
 * @param nbytes  AL_NPY_PREFIX_NBYTES, or what there is
 * @return 0: not a .npy file; else the bytes up to the first item, or AL_NPY_PREFIX_NBYTES for a file
 *         that is too short, or of an unknown version, which al_npy_parse() will say */
size_t al_npy_header_nbytes(const void *bytes, size_t nbytes);

/** Read a header. Item types other than <i4 <i8 <u8 <f4 <f8 (and big-endian ones) are refused by name,
 * with the remedy (numpy's astype). Also refused: dims whose product or byte size overflows, a file of
 * fewer bytes than header and items need (the sentence says how many are missing). Bytes behind the last
 * item are nobody's business here, as they are none of NumPy's.
 * @param nbytes      bytes at hand; at least al_npy_header_nbytes() of them, unless the file has fewer
 * @param file_nbytes size of the whole file, to find a truncated one; UINT64_MAX: unknown
 * @param name        the file's name, for the sentence
 * @param[out] npy    written only with ALLOT_OK
 * @return ALLOT_OK; ALLOT_EFORMAT; ALLOT_EUNSUPPORTED */
allot_err al_npy_parse(const void *bytes, size_t nbytes, uint64_t file_nbytes, const char *name, al_npy *npy,
                       allot_error *err);

/** Write a version 1.0 header, padded so that the data begins at a multiple of 64 bytes.
 * @param npy     type, fortran_order, ndims, dims; nitems and data_offset are not looked at
 * @param header  room for *nbytes (AL_NPY_HEADER_MAX is always enough)
 * @param[in,out] nbytes  room on entry, written on return
 * @return ALLOT_OK; ALLOT_EUNSUPPORTED (i128 has no NumPy type); ALLOT_EINVAL (too many dims, no room) */
allot_err al_npy_format(const al_npy *npy, void *header, size_t *nbytes, allot_error *err);

#endif
