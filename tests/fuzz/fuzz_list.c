/* fuzz_list.c - any bytes as a list of arguments: by lines or NULs, cut by a separator, several to a task.
 *
 * Whatever the reads that it comes in, the tasks are the same; without a separator, all values come through.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "farm/inputs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

/** The tasks of a list, an 0x1e after each. */
static allot_err read_list(const al_inputs_opts *opts, al_buffer *all)
{
    al_inputs *inputs = NULL;
    allot_error err = {.code = ALLOT_OK};
    al_input_state state = AL_INPUT_WAIT;
    allot_err code = al_inputs_create(opts, &inputs, &err);
    while (code == ALLOT_OK && state != AL_INPUT_END) {
        al_args args;
        code = al_inputs_next(inputs, &state, &args, &err);
        if (code == ALLOT_OK && state == AL_INPUT_WAIT)
            code = al_inputs_fill(inputs, &err);
        else if (code == ALLOT_OK && state == AL_INPUT_TASK)
            (void)(al_buffer_append(all, args.at, args.nbytes) && al_buffer_byte(all, 0x1e));
    }
    if (code != ALLOT_OK && err.text[0] == '\0')
        abort();
    al_inputs_destroy(inputs);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    static const char *const separators[] = {NULL, ",", "\t", "[,;]+", " *- *", "(a|b)"};
    char path[64];
    if (nbytes < 1)
        return 0;
    uint8_t how = data[0];
    int fd = memfd_create("list", 0);
    if (fd < 0 || write(fd, data + 1, nbytes - 1) != (ssize_t)(nbytes - 1))
        abort();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    al_input_source source = {.path = path};
    al_inputs_opts opts = {.sources = &source,
                           .nsources = 1,
                           .end = how & 1 ? '\0' : '\n',
                           .colsep = separators[(how >> 1) % 6],
                           .has_header = how & 16,
                           .nper = how & 32 ? 3 : 1,
                           .nbytes_max = 100};
    al_buffer streamed = {.at = NULL}, whole = {.at = NULL};
    allot_err code = read_list(&opts, &streamed);
    al_input_source both[] = {{.path = path}, {.values = (char *[]){"x"}, .nvalues = 1, .linked = true}};
    if (opts.colsep == NULL && !opts.has_header && opts.nper == 1 && code == ALLOT_OK) {
        size_t nvalues = 0, ntasks = 0; /* one task a value */
        for (size_t k = 1; k < nbytes; k++)
            nvalues += data[k] == (uint8_t)opts.end || k == nbytes - 1;
        for (size_t k = 0; k < streamed.nbytes; k++)
            ntasks += streamed.at[k] == 0x1e;
        if (memchr(data + 1, 0x1e, nbytes - 1) == NULL && ntasks != nvalues)
            abort();
        opts.sources = both; /* read into memory: the same values, x behind each */
        opts.nsources = 2;
        if (read_list(&opts, &whole) != ALLOT_OK || whole.nbytes != streamed.nbytes + 2 * nvalues)
            if (memchr(data + 1, 0x1e, nbytes - 1) == NULL)
                abort();
    }
    al_buffer_fini(&streamed);
    al_buffer_fini(&whole);
    (void)close(fd);
    return 0;
}
