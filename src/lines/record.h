/* record.h - where records end: lines, or what another separator ends.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_LINES_RECORD_H
#define AL_LINES_RECORD_H

#include <stddef.h>
#include <stdint.h>

#define AL_SEPARATOR_MAX 64u

/** What ends a record. */
typedef struct al_separator {
    char at[AL_SEPARATOR_MAX];
    size_t nbytes; /**< 1 to AL_SEPARATOR_MAX */
} al_separator;

/** A place in a stream of records that is looked at piece by piece. Zero-initialise at a record's beginning.
 */
typedef struct al_record_scan {
    char
        tail[AL_SEPARATOR_MAX]; /**< the record's last bytes before the piece: no more than a separator has */
    size_t ntail;
} al_record_scan;

/** Go on through the next piece of a stream.
 * @param most  records to find at most
 * @param[out] nfound  records that end in the piece
 * @return bytes up to the end of the last one found; 0: none ended. Where nfound < most, the whole piece was
 * looked at and the scan goes on after it; otherwise it goes on after the bytes returned, at a record's
 * beginning */
size_t al_record_scan_piece(al_record_scan *scan, const al_separator *separator, const char *at,
                            size_t nbytes, uint64_t most, uint64_t *nfound);

#endif
