/* file.h - files as md needs them: read whole; and written at the end, a whole frame or line at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_FILE_H
#define AL_MD_FILE_H

#include <stdint.h>

#include <allot/error.h>

#include "base/buffer.h"

/** Append the whole of a file to bytes.
 * @return ALLOT_OK; ALLOT_ENOTFOUND: there is no such file; ALLOT_EIO; ALLOT_ENOMEM */
allot_err al_file_read(const char *path, al_buffer *bytes, allot_error *err);

/** Write all of it. @return 0 or errno */
int al_file_write(int fd, const void *bytes, size_t nbytes);

/** Make the file hold these bytes: written as path.new, seen on the disk, and renamed. What was there is
 * called `before` afterwards (NULL: it is gone); if anything fails, nothing has changed.
 * @return ALLOT_OK; ALLOT_EIO, as for a full disk; ALLOT_ENOMEM */
allot_err al_file_replace(const char *path, const char *before, const void *bytes, size_t nbytes,
                          allot_error *err);

/** A file that grows at its end. What was appended to `pending` between two calls of al_growth_settle() is
 * one piece: the file has all of it or nothing, also when the disk is full. */
typedef struct al_growth {
    char *path;        /**< owned */
    int fd;            /**< -1: not open */
    uint64_t nbytes;   /**< of whole pieces in the file */
    al_buffer pending; /**< what is not in the file yet; append to it */
    size_t settled;    /**< bytes of whole pieces in it */
} al_growth;

/** @param keep  go on after what is there, if anything; else the file begins anew
 * @return ALLOT_OK; ALLOT_EIO; ALLOT_ENOMEM */
allot_err al_growth_open(al_growth *growth, const char *path, bool keep, allot_error *err);
/** Cut off what is beyond the first nbytes. @return ALLOT_OK; ALLOT_EIO */
allot_err al_growth_cut(al_growth *growth, uint64_t nbytes, allot_error *err);
/** A piece is complete: it is written when enough has come together. What could not be written is kept, so
 * that it may be tried again.
 * @return ALLOT_OK; ALLOT_EIO, as for a full disk; ALLOT_ENOMEM: the piece was not taken */
allot_err al_growth_settle(al_growth *growth, allot_error *err);
/** Forget the piece that was begun. */
void al_growth_abandon(al_growth *growth);
/** Write what is pending, now. @return as al_growth_settle() */
allot_err al_growth_flush(al_growth *growth, allot_error *err);
/** al_growth_flush(), and see it on the disk. */
allot_err al_growth_sync(al_growth *growth, allot_error *err);
/** al_growth_flush() and close; frees everything, whatever it returns. Of a zeroed one with fd -1: nothing.
 */
allot_err al_growth_close(al_growth *growth, allot_error *err);

#endif
