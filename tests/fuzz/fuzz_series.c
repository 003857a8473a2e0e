/* fuzz_series.c - any bytes as a file of energies that a run is to go on with: what stays is whole lines, and
 * of what stays all stays again; what is refused is refused in a printable sentence.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "md/series.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static const al_series_column columns[] = {{"a", "A", "K"}, {"b", "B", ""}};

static void check(const char *path, const uint8_t *data, size_t nbytes)
{
    const al_series_opts opts = {
        .title = "", .time_unit = "", .columns = columns, .ncolumns = 2, .last_step = 1000, .dt = 0.5};
    char *text = malloc(nbytes + 1);
    al_series_end end, again;
    allot_error err = {.text = ""};
    if (text == NULL)
        return;
    if (nbytes > 0)
        memcpy(text, data, nbytes);
    allot_err code = al_series_find_end(path, &opts, text, nbytes, &end, &err);
    if (code == ALLOT_OK) {
        if (end.nbytes > nbytes || (end.nbytes > 0 && data[end.nbytes - 1] != '\n') ||
            end.step > opts.last_step)
            abort();
        if (nbytes > 0)
            memcpy(text, data, nbytes);
        if (al_series_find_end(path, &opts, text, end.nbytes, &again, NULL) != ALLOT_OK ||
            again.nbytes != end.nbytes || again.has_step != end.has_step || again.step != end.step)
            abort();
    } else if (code != ALLOT_EFORMAT || strncmp(err.text, path, strlen(path)) != 0)
        abort();
    for (const char *at = err.text; *at != '\0'; at++)
        if (*at < ' ' || *at > '~')
            abort();
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    check("x.xvg", data, nbytes);
    check("x.jsonl", data, nbytes);
    return 0;
}
