/* Fuzz target: what is read without a compiler. The text is checked as an expression, and what was checked
 * must leave brackets balanced; it is then taken for a compiler's complaint and for a preprocessed file.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "map/expr_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

/* Asked for twice as `(TEXT\n)+(TEXT\n)`, a text that passes must pass again: it closed what it opened. */
static void check_twice(const char *text, size_t length)
{
    char *pasted = malloc(2 * length + 16);
    char *diagnosis = NULL;
    allot_error err;
    if (!pasted)
        return;
    const size_t room = 2 * length + 16;
    snprintf(pasted, room, "[%s\n]+[%s\n]", text, text);
    const allot_err result = al_expr_check(AL_EXPR_TAG_ITEM, pasted, &diagnosis, &err);
    if (result != ALLOT_OK && length < 400 && !strstr(err.text, "200 brackets"))
        abort();
    free(diagnosis);
    free(pasted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    char *text = malloc(nbytes + 1), *diagnosis = NULL;
    allot_error err;
    if (!text)
        return 0;
    if (nbytes > 0)
        memcpy(text, data, nbytes);
    text[nbytes] = '\0';
    if (al_expr_check(AL_EXPR_TAG_ITEM, text, &diagnosis, &err) == ALLOT_OK)
        check_twice(text, strlen(text));
    free(diagnosis);

    const al_expr_spec typed = {.expr = "x\n+ y", .reduce = "a + b"};
    diagnosis = NULL;
    al_complaint_explain(&typed, NULL, text, &diagnosis, &err);
    free(diagnosis);

    const al_expr_spec file = {.file = "f.c", .function = "f"};
    diagnosis = NULL;
    al_complaint_explain(&file, text, "<expression>:1:1: error: 'f' undeclared", &diagnosis, &err);
    free(diagnosis);
    al_complaint_arguments(text);
    free(text);
    return 0;
}
