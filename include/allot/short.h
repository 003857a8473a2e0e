/* short.h - what allot_for() does with a loop that it knows to be short, compiled into the caller.
 *
 * After a pause everything that a call touches has to be fetched again, its code included: a library's pages
 * take as long as a thousand items of a nanosecond. And after a pause all workers sleep, so that a loop which
 * would not pay for waking one is to be done alone, whatever else is known. That much is decided here, with
 * one line of memory and the caller's own code; whatever needs more thought is the library's. Included by
 * map.h, for compilers that know GNU attributes; define ALLOT_NO_INLINE to do without.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ALLOT_SHORT_H
#define ALLOT_SHORT_H

#include <allot/map.h>

/** Of loops done without a look at the clock, the next is timed after one less. */
#define ALLOT_SHORT_TIMED 4

ALLOT_BEGIN_DECLS

/** What a thread remembers of the latest loop that a program called, in one cache line. Zeros: nothing. The
 * fields are the library's to fill, and advice: whatever they say, the results are the same. */
typedef struct allot_short {
    allot_for_fn fn; /**< and its argument: which loop it was */
    void *arg;
    uint64_t nshort; /**< so many items are not worth a look at the clock, */
    uint64_t left;   /**< so many times, this one included; then one is timed */
    uint64_t nitems; /**< so many are not worth waking anybody, if all sleep */
    uint64_t ended;  /**< the counter at the end of its latest run that was timed */
    uint64_t pause;  /**< counts after that by which whoever helped is asleep */
    uint64_t most;   /**< counts that such a loop may take; longer: it is not known well enough */
} allot_short;

/** allot_for(), and leave in *here what the next call from there may do by itself.
 * @param here  the calling thread's
 * @return as allot_for().  Threads: any, several at once, also from inside a body.  Blocks: yes.  Since: 0.1
 */
ALLOT_API ALLOT_NODISCARD allot_err allot_for_from(allot_short *here, allot_pool *pool, uint64_t n,
                                                   allot_for_fn fn, void *arg, const allot_map_opts *opts,
                                                   allot_error *err);
/** The error of a body that returned `user` for some of n items.
 * @return ALLOT_EUSER.  Threads: the body's.  Blocks: no.  Since: 0.1 */
ALLOT_API ALLOT_NODISCARD allot_err allot_for_failed(uint64_t n, int user, allot_error *err);

#if defined(__GNUC__) && !defined(ALLOT_NO_INLINE) && (defined(__x86_64__) || defined(__aarch64__))

/** One for each program or library that is linked, and each of its threads. */
__attribute__((weak, visibility("hidden"), aligned(64))) __thread allot_short allot_short_here;

extern inline __attribute__((gnu_inline, always_inline)) uint64_t allot_short_count(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    uint64_t count;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
    return count;
#endif
}

/** Whether the pool does items in engines: then its handle is an odd number. */
extern inline __attribute__((gnu_inline, always_inline)) bool allot_short_is_apart(const allot_pool *pool)
{
    return ((uintptr_t)pool & 1) != 0;
}

extern inline __attribute__((gnu_inline, always_inline)) allot_err allot_short_end(uint64_t n, int user,
                                                                                   allot_error *err)
{
    return __builtin_expect(user == 0, 1) ? ALLOT_OK : allot_for_failed(n, user, err);
}

extern inline __attribute__((gnu_inline)) allot_err allot_for(allot_pool *pool, uint64_t n, allot_for_fn fn,
                                                              void *arg, const allot_map_opts *opts,
                                                              allot_error *err)
{
    allot_short *here = &allot_short_here;
    if (opts == NULL && fn != NULL && n == 0)
        return ALLOT_OK;
    if (opts == NULL && n - 1 < here->nitems && here->fn == fn && here->arg == arg &&
        !allot_short_is_apart(pool)) {
        if (n - 1 < here->nshort && --here->left > 0)
            return allot_short_end(n, fn(0, n, arg), err);
        uint64_t begin = allot_short_count();
        if (begin - here->ended > here->pause) {
            int user = fn(0, n, arg);
            here->ended = allot_short_count();
            here->left = ALLOT_SHORT_TIMED;
            if (here->ended - begin > here->most)
                here->nitems = 0;
            return allot_short_end(n, user, err);
        }
    }
    return allot_for_from(here, pool, n, fn, arg, opts, err);
}

#endif

ALLOT_END_DECLS

#endif
