/* task.c - see task.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/task.h"

const char *al_cause_word(al_cause cause)
{
    switch (cause) {
#define WORD_OF(name, number, word)                                                                          \
    case AL_CAUSE_##name:                                                                                    \
        return word;
        AL_CAUSES(WORD_OF)
#undef WORD_OF
    }
    return "unknown";
}

const char *al_task_state_word(al_task_state state)
{
    static const char *const words[] = {"blocked", "ready",  "running", "delayed",
                                        "done",    "failed", "skipped", "canceled"};
    return (unsigned)state < sizeof words / sizeof words[0] ? words[state] : "unknown";
}
