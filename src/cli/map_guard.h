/* map_guard.h - calling code that may crash, and surviving it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_GUARD_H
#define AL_CLI_MAP_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/** A crash, as the machine reported it. */
typedef struct al_crash {
    int signal;          /* SIGFPE SIGSEGV SIGBUS SIGILL SIGABRT */
    int reason;          /* si_code */
    uintptr_t address;   /* that was touched (SIGSEGV, SIGBUS) */
    bool stack_overflow; /* the address lies just past the thread's stack */
} al_crash;

/** Install the handlers, for the whole process. Outside al_guard_call() they do what would have happened
 * without them, after calling last_words (async-signal-safe). */
void al_guard_install(void (*last_words)(void));

/** Call fn(arg). @return 0, or the signal by which it crashed, with *crash filled. What fn had begun is left
 * as it was: memory it allocated is lost, a lock it held stays held.
 * Threads: any. Not nested. */
int al_guard_call(void (*fn)(void *arg), void *arg, al_crash *crash);

/** "integer division by zero (SIGFPE)" */
const char *al_crash_text(const al_crash *crash);

#endif
