/* sanitizers.h - what tests ask the sanitizers to let pass: memory that is refused rather than a fault, and
 * threads made in a forked child.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_SUPPORT_SANITIZERS_H
#define TESTS_SUPPORT_SANITIZERS_H

#define SEEN_BY_THE_SANITIZER __attribute__((visibility("default")))

SEEN_BY_THE_SANITIZER const char *__asan_default_options(void);
SEEN_BY_THE_SANITIZER const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1:die_after_fork=0";
}

#endif
