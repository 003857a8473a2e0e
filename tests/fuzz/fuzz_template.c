/* fuzz_template.c - any bytes as a template and arguments: what it makes is words that end, or a complaint.
 *
 * The input's first byte chooses how it is read; what is before the first 0xff is the template's words (a
 * newline between two), what is after it the arguments.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "farm/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

#define WORDS_MOST 16

/** argc texts, each with its end, and nothing behind them. */
static void check_argv(const al_buffer *argv, uint32_t argc)
{
    size_t at = 0;
    for (uint32_t k = 0; k < argc; k++) {
        const char *end = memchr(argv->at + at, '\0', argv->nbytes - at);
        if (end == NULL)
            abort();
        at = (size_t)(end - argv->at) + 1;
    }
    if (at != argv->nbytes)
        abort();
}

static void render(const al_template *template, al_args args)
{
    al_buffer argv = {.at = NULL}, text = {.at = NULL};
    uint32_t argc = 0;
    allot_error err = {.code = ALLOT_OK};
    if (al_template_render(template, args, 7, 3, &argv, &argc, &err) == ALLOT_OK)
        check_argv(&argv, argc);
    else if (err.text[0] == '\0')
        abort();
    (void)al_template_display(template, args, 7, 3, &text, &err);
    al_buffer_fini(&argv);
    al_buffer_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    char *words[WORDS_MOST], *names[] = {"a", "name", "x.y"};
    uint32_t nwords = 0;
    if (nbytes < 2)
        return 0;
    uint8_t how = data[0];
    char *text = malloc(nbytes);
    if (text == NULL)
        return 0;
    memcpy(text, data + 1, nbytes - 1);
    text[nbytes - 1] = '\0';
    char *split = memchr(text, 0xff, nbytes - 1);
    al_args args = {split != NULL ? split + 1 : "", split != NULL ? nbytes - 2 - (size_t)(split - text) : 0};
    if (split != NULL)
        *split = '\0';
    char *at = text, *word;
    while (nwords < WORDS_MOST && (word = strsep(&at, "\n")) != NULL)
        words[nwords++] = word;
    al_template_opts opts = {.words = words,
                             .nwords = how & 1 ? nwords : 1,
                             .names = names,
                             .nnames = how & 2 ? 3 : 0,
                             .use_shell = (al_shell_use)((how >> 2 & 3) % 3),
                             .shell = "/bin/sh",
                             .many = how & 16 ? AL_MANY_CONTEXT : AL_MANY_ONE_WORD,
                             .allows_missing = how & 32,
                             .adds_no_place = how & 64};
    al_template *template = NULL;
    allot_error err = {.code = ALLOT_OK};
    if (al_template_parse(&opts, &template, &err) == ALLOT_OK)
        render(template, args);
    else if (err.text[0] == '\0')
        abort();
    al_template_destroy(template);
    free(text);
    return 0;
}
