/* machine.h - what `allot machine` knows: what is there, what may be used, and what was measured.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MACHINE_H
#define AL_CLI_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "topo/topo.h"

/** Every figure that is measured, in the order in which they are shown: X(name, unit, label). The names are
 * the keys in JSON, so none may change its meaning; see docs/formats/machine.md. */
#define AL_MACHINE_FIGURES(X)                                                                                \
    X(clock_ns, NS, "reading the clock")                                                                     \
    X(handover_ns, NS, "hand-over to a spinning thread")                                                     \
    X(wake_call_after_200us_ns, NS, "waking a thread that slept 0.2 ms: the call")                           \
    X(wake_latency_after_200us_ns, NS, "... until it runs")                                                  \
    X(wake_call_after_20ms_ns, NS, "waking a thread that slept 20 ms: the call")                             \
    X(wake_latency_after_20ms_ns, NS, "... until it runs")                                                   \
    X(thread_spawn_ns, NS, "new thread")                                                                     \
    X(process_fork_ns, NS, "new process (fork) and its end")                                                 \
    X(process_spawn_ns, NS, "new program ('true') and its end")                                              \
    X(empty_call_ns, NS, "loop over nothing to do")                                                          \
    X(empty_call_after_20ms_ns, NS, "... after 20 ms of rest")                                               \
    X(break_even_awake_ns, NS, "work that pays for a spinning thread")                                       \
    X(break_even_asleep_ns, NS, "work that pays for waking a thread (slept 20 ms)")                          \
    X(copy_bytes_per_s, BYTES_PER_S, "memory copied by one thread")                                          \
    X(copy_all_bytes_per_s, BYTES_PER_S, "memory copied by all threads")

typedef enum al_machine_at {
#define AL_MACHINE_MEMBER(name, unit, label) AL_MACHINE_##name,
    AL_MACHINE_FIGURES(AL_MACHINE_MEMBER)
#undef AL_MACHINE_MEMBER
        AL_MACHINE_NFIGURES,
} al_machine_at;

typedef enum al_machine_unit {
    AL_MACHINE_NS,
    AL_MACHINE_BYTES_PER_S,
} al_machine_unit;

typedef struct al_machine_row {
    const char *name;
    al_machine_unit unit;
    const char *label;
} al_machine_row;

/** One row a figure. machine.c */
extern const al_machine_row al_machine_rows[AL_MACHINE_NFIGURES];

/** nsamples 0: not measured (there is nothing to measure with one thread, say). low <= median <= high. */
typedef struct al_figure {
    double median, low, high;
    uint32_t nsamples;
} al_figure;

#define AL_MACHINE_CPUS_NBYTES 1024
#define AL_MACHINE_BOOT_NBYTES 40

typedef struct al_machine {
    al_topo topo;
    allot_error topo_error;               /* code ALLOT_OK: topo is complete */
    char cpus[AL_MACHINE_CPUS_NBYTES];    /* the allowed ones, "0-3,8"; a long list ends in "..." */
    char boot_id[AL_MACHINE_BOOT_NBYTES]; /* "": unknown */
    uint32_t nthreads;                    /* that allot will use */
    uint64_t memory_limit_bytes;          /* 0: none */
    bool is_cached;                       /* what follows comes from the cache */
    int64_t measured_unix_s;              /* when */
    uint64_t copy_nbytes;                 /* size of the buffer that was copied; 0: none was */
    al_figure figures[AL_MACHINE_NFIGURES];
} al_machine;

/** Look at the machine: milliseconds, measures nothing, cannot fail (see topo_error). machine.c */
void al_machine_see(al_machine *machine);

/** Write n ascending numbers as "0-3,8". A list that does not fit ends in "...". nbytes >= 8. */
void al_machine_format_cpus(const int *cpus, uint32_t n, char *text, size_t nbytes);

/** Sort the samples and sum them up. */
al_figure al_machine_figure(double *samples, uint32_t nsamples);

/** Fill figures, copy_nbytes and measured_unix_s of a machine that was seen. Takes about a second.
 * @return ALLOT_OK; ALLOT_ENOMEM when no pool can be made: other figures are there. machine_measure.c */
allot_err al_machine_measure(al_machine *machine, allot_error *err);

/** The bytes that a copy of a buffer should move to be far beyond the caches, within what memory allows. */
uint64_t al_machine_copy_nbytes(const al_machine *machine);

/** Speed of copying nbytes by nthreads threads at once. machine_copy.c */
al_figure al_machine_measure_copy(uint64_t nbytes, uint32_t nthreads);

/** The document of docs/formats/machine.md, owned by caller; NULL when memory is short. machine_json.c */
json_t *al_machine_encode(const al_machine *machine);

/** Take what was measured from a document, provided that it was measured by this version since this boot
 * with these processors and this quota. @return false otherwise; the machine is then unchanged */
bool al_machine_decode(const json_t *document, al_machine *machine);

/** Print it for people. machine_report.c */
void al_machine_report(const al_machine *machine, FILE *out);

/** Load what was measured earlier. @return false when there is nothing that can be trusted and used.
 * machine_cache.c */
bool al_machine_load(al_machine *machine);

/** Keep what was measured. Does nothing where it cannot be kept safely. */
void al_machine_store(const al_machine *machine);

#endif
