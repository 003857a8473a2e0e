/* record.c - see record.h.
 *
 * Of a line nothing is of interest but that it ends: with a separator of one byte, ends are counted as many
 * bytes at a time as a vector holds, which costs a small part of what moving the bytes does.
 *
 * A longer separator is looked for by its last byte; what comes before that may lie in the piece before, of
 * which the scan keeps as much. Since all separators are equally long, the first to end is also the first to
 * begin: ends found so are those of a search from left to right.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lines/record.h"

#include <string.h>

/** Bytes that are counted before it is asked whether there were too many. */
#define STRIDE 4096u

/** Compiled to compares of whole vectors: at most 255 rounds, so that a byte holds a lane's count. */
__attribute__((optimize("O3"))) static uint64_t count_byte(const char *at, size_t nbytes, char byte)
{
    uint64_t count = 0;
    for (size_t k = 0; k < nbytes;) {
        size_t n = nbytes - k < 16 * 255 ? nbytes - k : 16 * 255;
        uint8_t lanes[16] = {0};
        size_t whole = n / 16 * 16;
        for (size_t j = 0; j < whole; j += 16)
            for (size_t lane = 0; lane < 16; lane++)
                lanes[lane] = (uint8_t)(lanes[lane] + (at[k + j + lane] == byte));
        for (size_t lane = 0; lane < 16; lane++)
            count += lanes[lane];
        for (size_t j = whole; j < n; j++)
            count += at[k + j] == byte;
        k += n;
    }
    return count;
}

static size_t scan_byte(char byte, const char *at, size_t nbytes, uint64_t most, uint64_t *nfound)
{
    size_t done = 0;
    while (done < nbytes && *nfound < most) {
        size_t n = nbytes - done < STRIDE ? nbytes - done : STRIDE;
        uint64_t count = count_byte(at + done, n, byte);
        if (count > most - *nfound)
            break;
        *nfound += count;
        done += n;
    }
    if (done == nbytes || *nfound == most) {
        const char *last = *nfound > 0 ? memrchr(at, byte, done) : NULL;
        return last != NULL ? (size_t)(last - at) + 1 : 0;
    }
    for (; *nfound < most; ++*nfound)
        done = (size_t)((const char *)memchr(at + done, byte, nbytes - done) - at) + 1;
    return done;
}

/** Whether the record, of which `own` bytes lie at `at` and more in the scan's tail, ends in the separator.
 */
static int ends_so(const al_record_scan *scan, const al_separator *separator, const char *at, size_t own)
{
    size_t here = own < separator->nbytes ? own : separator->nbytes, before = separator->nbytes - here;
    return before <= scan->ntail && memcmp(at + own - here, separator->at + before, here) == 0 &&
           memcmp(scan->tail + scan->ntail - before, separator->at, before) == 0;
}

/** Keep the last bytes of the record that goes on. */
static void keep_tail(al_record_scan *scan, size_t most, const char *at, size_t nbytes)
{
    if (nbytes >= most) {
        memcpy(scan->tail, at + nbytes - most, most);
        scan->ntail = most;
        return;
    }
    size_t kept = scan->ntail < most - nbytes ? scan->ntail : most - nbytes;
    memmove(scan->tail, scan->tail + scan->ntail - kept, kept);
    memcpy(scan->tail + kept, at, nbytes);
    scan->ntail = kept + nbytes;
}

size_t al_record_scan_piece(al_record_scan *scan, const al_separator *separator, const char *at,
                            size_t nbytes, uint64_t most, uint64_t *nfound)
{
    *nfound = 0;
    if (separator->nbytes == 1)
        return scan_byte(separator->at[0], at, nbytes, most, nfound);
    char last = separator->at[separator->nbytes - 1];
    size_t begin = 0, from = 0; /* of the record; of the search */
    while (*nfound < most) {
        const char *end = memchr(at + from, last, nbytes - from);
        if (end == NULL) {
            keep_tail(scan, separator->nbytes - 1, at + begin, nbytes - begin);
            return begin;
        }
        from = (size_t)(end - at) + 1;
        if (ends_so(scan, separator, at + begin, from - begin)) {
            begin = from;
            scan->ntail = 0;
            ++*nfound;
        }
    }
    return begin;
}
