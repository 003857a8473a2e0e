/* words.c - see words.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "farm/words.h"

#include <stdlib.h>
#include <string.h>

#include "farm/template.h"

bool al_words_write(al_buffer *text, char *const *words, size_t nwords)
{
    for (size_t k = 0; k < nwords; k++) {
        if (k > 0)
            (void)al_buffer_byte(text, ' ');
        (void)al_shell_quote(text, words[k], strlen(words[k]));
    }
    return al_buffer_byte(text, '\0');
}

char **al_words_read(const char *text, int *count)
{
    al_buffer row = {.at = NULL};
    uint32_t argc = 0;
    char **words = NULL;
    if (al_command_render(text, strlen(text), AL_SHELL_NEVER, NULL, &row, &argc, NULL) == ALLOT_OK)
        words = malloc((argc + 1) * sizeof *words + row.nbytes);
    if (words != NULL) {
        char *at = (char *)(words + argc + 1);
        if (argc > 0)
            memcpy(at, row.at, row.nbytes);
        for (uint32_t k = 0; k < argc; k++, at += strlen(at) + 1)
            words[k] = at;
        words[argc] = NULL;
    }
    al_buffer_fini(&row);
    *count = (int)argc;
    return words;
}
