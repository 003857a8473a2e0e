/* prefix.c - packing records of different lengths, in parallel.
 *
 * To copy many strings into one buffer without gaps, each must know where the ones before it end: a prefix
 * sum over their lengths, which looks serial and is not. allot_scan() finds all places, allot_for() copies.
 * The result is compared with a serial loop's; the exit status says whether it is the same.
 *
 *     prefix [RECORDS]        1000000 unless given
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <allot/allot.h>

enum { MAX_LENGTH = 24 };

typedef struct record {
    uint8_t length;
    char text[MAX_LENGTH - 1];
} record;

typedef struct packing {
    const record *records;
    uint64_t *places; /* where each record begins in the buffer */
    char *buffer;
} packing;

static int add_lengths(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    const packing *p = arg;
    uint64_t *total = acc;
    for (uint64_t i = begin; i < end; i++)
        *total += p->records[i].length;
    return 0;
}

static void add_totals(void *acc, const void *right, void *arg)
{
    (void)arg;
    *(uint64_t *)acc += *(const uint64_t *)right;
}

/* Writing before adding makes the sum exclusive: the place of a record is the length of all before it. */
static int place_records(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    packing *p = arg;
    uint64_t *total = acc;
    for (uint64_t i = begin; i < end; i++) {
        p->places[i] = *total;
        *total += p->records[i].length;
    }
    return 0;
}

static int copy_records(uint64_t begin, uint64_t end, void *arg)
{
    packing *p = arg;
    for (uint64_t i = begin; i < end; i++)
        memcpy(p->buffer + p->places[i], p->records[i].text, p->records[i].length);
    return 0;
}

static void make_records(record *records, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        char text[MAX_LENGTH];
        const int length = snprintf(text, sizeof text, "%llx;", (unsigned long long)(i * i * 2654435761u));
        records[i].length = (uint8_t)length;
        memcpy(records[i].text, text, (size_t)length);
    }
}

static int is_packed(const packing *p, uint64_t n, uint64_t nbytes)
{
    uint64_t at = 0;
    for (uint64_t i = 0; i < n; i++) {
        const record *r = &p->records[i];
        if (p->places[i] != at || memcmp(p->buffer + at, r->text, r->length) != 0)
            return 0;
        at += r->length;
    }
    return at == nbytes;
}

static int pack(packing *p, uint64_t n, uint64_t *nbytes)
{
    static const allot_scanner lengths = {{sizeof(uint64_t), add_lengths, add_totals}, place_records};
    allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
    allot_error err;
    opts.exact = true; /* whole numbers: any cut gives the same sums, so allot may choose it */
    *nbytes = 0;
    if (allot_scan(NULL, n, &lengths, nbytes, p, &opts, &err) != ALLOT_OK ||
        allot_for(NULL, n, copy_records, p, NULL, &err) != ALLOT_OK) {
        fprintf(stderr, "prefix: %s\n", err.text);
        return 0;
    }
    return 1;
}

int main(int argc, char **argv)
{
    const uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    if (n == 0 || n > UINT64_C(1) << 32) {
        fprintf(stderr, "usage: prefix [RECORDS], a number from 1 to 4294967296\n");
        return 2;
    }
    record *records = malloc(n * sizeof *records);
    packing p = {records, malloc(n * sizeof *p.places), malloc(n * MAX_LENGTH)};
    uint64_t nbytes;
    int status = 1;
    if (!records || !p.places || !p.buffer) {
        fprintf(stderr, "prefix: no memory for %llu records\n", (unsigned long long)n);
    } else {
        make_records(records, n);
        if (pack(&p, n, &nbytes)) {
            status = is_packed(&p, n, nbytes) ? 0 : 1;
            printf("%llu records packed into %llu bytes: %s\n", (unsigned long long)n,
                   (unsigned long long)nbytes, status == 0 ? "as in series" : "WRONG");
        }
    }
    free(records);
    free(p.places);
    free(p.buffer);
    return status;
}
