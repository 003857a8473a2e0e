/* quantity.h - durations and sizes as people write them: 90, 1.5s, 1h30m; 4096, 2G, 1.5GiB.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_BASE_QUANTITY_H
#define AL_BASE_QUANTITY_H

#include <stdint.h>

/** Read a duration: a number with one of ns us ms s m h d, or several of them from the largest unit to the
 * smallest (1h30m, 1m1.5s). A number alone is seconds. Numbers are digits with or without a decimal point; no
 * sign, no exponent, no blanks.
 * @param[out] ns  to the nearest, set on success only
 * @return 0; EINVAL: not a duration; ERANGE: over 292 years */
int al_duration_parse(const char *text, uint64_t *ns);

/** Read a size. A number alone (or with B) is bytes. As for GNU parallel, a large letter is a power of 1024
 * and a small one of 1000: K M G T P, k m g t p. With iB or i it is 1024 whatever the letter's size (KiB,
 * gi), with B it is 1000 (kB, MB, gB). Numbers are as in durations.
 * @param[out] nbytes  to the nearest, set on success only
 * @return 0; EINVAL: not a size; ERANGE: over 2^63 - 1 */
int al_size_parse(const char *text, uint64_t *nbytes);

#endif
