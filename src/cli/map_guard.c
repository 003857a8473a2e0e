/* map_guard.c - crash handlers that return to where the crashing code was called.
 *
 * The code of an expression is the user's, and part of what it may do is crash. The handler runs on a stack
 * of its own (a stack overflow has left no other), notes what happened and jumps back into al_guard_call().
 * A crash anywhere else is a defect of ours: the default action is restored and the instruction run again, so
 * that it ends and dumps core as it would have without us.
 *
 * Invariant: `active` is set only between the sigsetjmp() and the return of the guarded call in this thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_guard.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/attr.h"

#define ALTERNATE_NBYTES ((size_t)64 << 10)
/** How far past a stack's end an overflow may land: the guard the kernel keeps, and one large frame. */
#define OVERFLOW_NBYTES ((uintptr_t)1 << 20)

typedef struct guard {
    sigjmp_buf back;
    volatile sig_atomic_t active;
    bool ready;
    uintptr_t stack_low; /* lowest address of the thread's stack; 0: unknown */
    al_crash crash;
} guard;

static AL_TLS guard here;
static const int guarded[] = {SIGFPE, SIGSEGV, SIGBUS, SIGILL, SIGABRT};
static void (*say_last_words)(void);
static pthread_key_t stack_key;

static void on_crash(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (!here.active) {
        if (say_last_words != NULL)
            say_last_words();
        (void)signal(number, SIG_DFL);
        if (info->si_code <= 0 || number == SIGABRT)
            (void)raise(number); /* sent by somebody: returning would not bring it back */
        return;
    }
    uintptr_t address = (uintptr_t)info->si_addr;
    here.crash = (al_crash){.signal = number, .reason = info->si_code, .address = address};
    here.crash.stack_overflow = number == SIGSEGV && here.stack_low != 0 &&
                                address >= here.stack_low - OVERFLOW_NBYTES &&
                                address < here.stack_low + OVERFLOW_NBYTES / 4;
    here.active = 0;
    siglongjmp(here.back, 1);
}

static void free_stack(void *stack)
{
    stack_t none = {.ss_flags = SS_DISABLE};
    (void)sigaltstack(&none, NULL);
    (void)munmap(stack, ALTERNATE_NBYTES);
}

void al_guard_install(void (*last_words)(void))
{
    say_last_words = last_words;
    (void)pthread_key_create(&stack_key, free_stack);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_crash;
    /* NODEFER: the handler is left by a jump, which would leave the signal blocked. */
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    (void)sigemptyset(&action.sa_mask);
    for (size_t k = 0; k < sizeof guarded / sizeof guarded[0]; k++)
        (void)sigaction(guarded[k], &action, NULL);
}

/** A fault whose signal is blocked ends the process, and a pool's workers block all signals. */
static void unblock_faults(void)
{
    sigset_t faults;
    (void)sigemptyset(&faults);
    for (size_t k = 0; k < sizeof guarded / sizeof guarded[0]; k++)
        (void)sigaddset(&faults, guarded[k]);
    (void)pthread_sigmask(SIG_UNBLOCK, &faults, NULL);
}

/** The first guarded call of a thread: a stack for the handler, and where the thread's own one ends. */
static AL_NOINLINE void prepare_thread(void)
{
    here.ready = true;
    unblock_faults();
    stack_t old;
    if (sigaltstack(NULL, &old) == 0 && (old.ss_flags & SS_DISABLE) != 0) {
        void *stack =
            mmap(NULL, ALTERNATE_NBYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (stack != MAP_FAILED) {
            stack_t own = {.ss_sp = stack, .ss_size = ALTERNATE_NBYTES};
            (void)sigaltstack(&own, NULL);
            (void)pthread_setspecific(stack_key, stack);
        }
    }
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        void *low;
        size_t nbytes;
        if (pthread_attr_getstack(&attributes, &low, &nbytes) == 0)
            here.stack_low = (uintptr_t)low;
        (void)pthread_attr_destroy(&attributes);
    }
}

int al_guard_call(void (*fn)(void *arg), void *arg, al_crash *crash)
{
    if (AL_UNLIKELY(!here.ready))
        prepare_thread();
    if (sigsetjmp(here.back, 0) != 0) {
        unblock_faults(); /* a sanitizer's handler around ours blocks them */
        *crash = here.crash;
        return crash->signal;
    }
    here.active = 1;
    fn(arg);
    here.active = 0;
    return 0;
}

const char *al_crash_text(const al_crash *crash)
{
    if (crash->stack_overflow)
        return "the stack overflowed (SIGSEGV)";
    switch (crash->signal) {
    case SIGFPE:
        return crash->reason == FPE_INTDIV
                   ? "integer division by zero, or one whose result does not fit (SIGFPE)"
                   : "arithmetic fault (SIGFPE)";
    case SIGSEGV:
        return "memory was touched that is not there (SIGSEGV)";
    case SIGBUS:
        return "memory was touched that has nothing behind it (SIGBUS)";
    case SIGILL:
        return "an instruction this processor does not have, or a trap (SIGILL)";
    case SIGABRT:
        return "abort() was called (SIGABRT)";
    default:
        return strsignal(crash->signal);
    }
}
