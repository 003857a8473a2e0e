/* spin.h - what a thread does between two looks at a word that another will write.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_BASE_SPIN_H
#define AL_BASE_SPIN_H

#include "base/attr.h"

AL_INLINE void al_spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

#endif
