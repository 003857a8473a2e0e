/* fuzz_words.c - any words as one text and back: the same words; any text as words and back: the same words
 * again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "farm/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static void check_round_trip(char *const *words, int count)
{
    al_buffer text = {.at = NULL};
    int again = 0;
    if (!al_words_write(&text, words, (size_t)count))
        abort();
    char **back = al_words_read(text.at, &again);
    if (back == NULL || again != count || back[count] != NULL)
        abort();
    for (int k = 0; k < count; k++)
        if (strcmp(back[k], words[k]) != 0)
            abort();
    free(back);
    al_buffer_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    char *text = malloc(nbytes + 1), *words[64];
    int count = 0;
    if (text == NULL)
        return 0;
    memcpy(text, data, nbytes);
    text[nbytes] = '\0';
    char **read = al_words_read(text, &count);
    if (read == NULL)
        abort();
    check_round_trip(read, count);
    free(read);
    count = 0;
    for (size_t at = 0; at < nbytes && count < 64; at += strlen(text + at) + 1)
        words[count++] = text + at;
    check_round_trip(words, count);
    free(text);
    return 0;
}
