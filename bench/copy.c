/* copy.c - what the machine can copy, and input to copy: the yardstick of npy.sh.
 *
 *     bench-copy make N FILE        write a .npy file of N doubles 0, 0.5, 1, ...
 *     bench-copy check IN OUT       are the doubles of OUT x*x + 1 of those of IN? exit status 1 if not
 *     bench-copy memory THREADS NBYTES [TRIES]
 *                                   seconds to copy NBYTES from memory to memory, median of TRIES: both
 * arrays have their pages, each thread copies one share
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"

enum { NPY_HEADER_NBYTES = 128, MAX_THREADS = 64, MAX_TRIES = 101 };

static AL_NOINLINE _Noreturn void die(const char *what, const char *name)
{
    fprintf(stderr, "bench-copy: %s: %s: %s\n", name, what, strerror(errno));
    exit(1);
}

static uint64_t parse_count(const char *text, uint64_t most)
{
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value == 0 || value > most) {
        fprintf(stderr, "bench-copy: '%s' is not a number from 1 to %llu\n", text, (unsigned long long)most);
        exit(2);
    }
    return value;
}

/* ---- input ---- */

static void write_header(FILE *file, uint64_t n)
{
    char header[NPY_HEADER_NBYTES + 1];
    const int used = snprintf(header, sizeof header,
                              "%cNUMPY%c%c%c%c{'descr': '<f8', 'fortran_order': False, "
                              "'shape': (%llu,), }",
                              0x93, 1, 0, NPY_HEADER_NBYTES - 10, 0, (unsigned long long)n);
    memset(header + used, ' ', (size_t)(NPY_HEADER_NBYTES - used));
    header[NPY_HEADER_NBYTES - 1] = '\n';
    fwrite(header, 1, NPY_HEADER_NBYTES, file);
}

static int make(const char *count, const char *name)
{
    enum { BLOCK = 4096 };
    const uint64_t n = parse_count(count, UINT64_C(1) << 40);
    FILE *file = fopen(name, "wb");
    if (!file)
        die("cannot be written", name);
    write_header(file, n);
    for (uint64_t i = 0; i < n; i += BLOCK) {
        double block[BLOCK];
        const uint64_t count_here = n - i < BLOCK ? n - i : BLOCK;
        for (uint64_t k = 0; k < count_here; k++)
            block[k] = 0.5 * (double)(i + k);
        fwrite(block, sizeof *block, count_here, file);
    }
    const int failed = ferror(file);
    if (fclose(file) != 0 || failed)
        die("cannot be written", name);
    return 0;
}

/* ---- check ---- */

/* The doubles of a file that make() or allot wrote: the header's length is in its bytes 8 and 9. */
static const double *map_doubles(const char *name, uint64_t *n)
{
    const int fd = open(name, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0)
        die("cannot be read", name);
    const size_t nbytes = (size_t)status.st_size;
    const unsigned char *bytes = nbytes < 16 ? MAP_FAILED : mmap(NULL, nbytes, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        die("cannot be mapped", name);
    close(fd);
    const size_t skip = 10 + (size_t)bytes[8] + 256 * (size_t)bytes[9];
    if (memcmp(bytes, "\x93NUMPY\x01", 7) != 0 || skip > nbytes || skip % sizeof(double) != 0) {
        fprintf(stderr, "bench-copy: %s is no .npy file of version 1\n", name);
        exit(1);
    }
    *n = (nbytes - skip) / sizeof(double);
    return (const double *)(const void *)(bytes + skip);
}

static int check(const char *in_name, const char *out_name)
{
    uint64_t n, nout;
    const double *in = map_doubles(in_name, &n), *out = map_doubles(out_name, &nout);
    if (n != nout) {
        fprintf(stderr, "bench-copy: %s has %llu items, %s has %llu\n", in_name, (unsigned long long)n,
                out_name, (unsigned long long)nout);
        return 1;
    }
    for (uint64_t i = 0; i < n; i++) {
        const double expected = in[i] * in[i] + 1;
        if (memcmp(&out[i], &expected, sizeof expected) != 0) {
            fprintf(stderr, "bench-copy: %s: item %llu is %.17g, expected %.17g\n", out_name,
                    (unsigned long long)i, out[i], expected);
            return 1;
        }
    }
    return 0;
}

/* ---- memory to memory ---- */

typedef struct copier {
    pthread_t thread;
    pthread_barrier_t *barrier; /* passed before each copy and after it */
    char *to;
    const char *from;
    size_t nbytes;
    unsigned ntries;
} copier;

static void *copy_share(void *arg)
{
    const copier *mine = arg;
    for (unsigned t = 0; t < mine->ntries; t++) {
        pthread_barrier_wait(mine->barrier);
        memcpy(mine->to, mine->from, mine->nbytes);
        pthread_barrier_wait(mine->barrier);
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static char *take_pages(size_t nbytes, int fill)
{
    char *bytes = aligned_alloc(4096, (nbytes + 4095) / 4096 * 4096);
    if (!bytes)
        die("no memory", "copy");
    memset(bytes, fill, nbytes);
    return bytes;
}

static void start_copiers(copier *copiers, unsigned nthreads, pthread_barrier_t *barrier, size_t nbytes,
                          unsigned ntries)
{
    char *to = take_pages(nbytes, 1), *from = take_pages(nbytes, 2);
    for (unsigned t = 0; t < nthreads; t++) {
        const size_t begin = nbytes / nthreads * t,
                     end = t + 1 == nthreads ? nbytes : nbytes / nthreads * (t + 1);
        copiers[t] = (copier){.barrier = barrier, .to = to + begin, .from = from + begin};
        copiers[t].nbytes = end - begin;
        copiers[t].ntries = ntries;
        errno = pthread_create(&copiers[t].thread, NULL, copy_share, &copiers[t]);
        if (errno != 0)
            die("starting a thread", "copy");
    }
}

static int memory(const char *threads, const char *bytes, const char *tries)
{
    const unsigned nthreads = (unsigned)parse_count(threads, MAX_THREADS);
    const size_t nbytes = parse_count(bytes, UINT64_C(1) << 40);
    const unsigned ntries = (unsigned)parse_count(tries, MAX_TRIES);
    copier copiers[MAX_THREADS];
    double seconds[MAX_TRIES];
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, nthreads + 1);
    start_copiers(copiers, nthreads, &barrier, nbytes, ntries);
    for (unsigned t = 0; t < ntries; t++) {
        pthread_barrier_wait(&barrier);
        const uint64_t start_ns = al_clock_ns();
        pthread_barrier_wait(&barrier);
        seconds[t] = (double)(al_clock_ns() - start_ns) * 1e-9;
    }
    for (unsigned t = 0; t < nthreads; t++)
        pthread_join(copiers[t].thread, NULL);
    qsort(seconds, ntries, sizeof *seconds, by_value);
    printf("%.6f\n", seconds[ntries / 2]);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "make") == 0)
        return make(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "check") == 0)
        return check(argv[2], argv[3]);
    if ((argc == 4 || argc == 5) && strcmp(argv[1], "memory") == 0)
        return memory(argv[2], argv[3], argc == 5 ? argv[4] : "7");
    fprintf(stderr, "usage: bench-copy make N FILE | check IN OUT | memory THREADS NBYTES [TRIES]\n");
    return 2;
}
