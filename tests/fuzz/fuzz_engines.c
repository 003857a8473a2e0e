/* fuzz_engines.c - what --on may say: whatever it is, it is refused or it is engines, and each has a name, a
 * command, and something that its agent is told.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/launcher.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_engine(const al_engine_spec *spec)
{
    const al_launch_opts opts = {.run = "r"};
    al_buffer argv = {.at = NULL};
    al_hello hello = {.cwd = {"/x", 2}};
    uint32_t argc = 0;
    if (spec->name == NULL || spec->name[0] == '\0' || spec->nslots > 4096)
        abort();
    if (spec->launcher == NULL)
        return;
    allot_err code = spec->launcher->command(spec, &opts, "SCRIPT", &argv, &argc, NULL);
    if (code == ALLOT_OK && (argc == 0 || argv.at[argv.nbytes - 1] != '\0'))
        abort();
    if (spec->launcher->hello != NULL)
        spec->launcher->hello(spec, &hello);
    if (hello.nslots > 4096)
        abort();
    al_buffer_fini(&argv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    al_engine_spec *specs = NULL;
    uint32_t nspecs = 0;
    allot_error err;
    if (memchr(data, '@', size) != NULL) /* files are not for this */
        return 0;
    char *text = strndup((const char *)data, size);
    if (text != NULL && al_engine_specs_parse(text, &specs, &nspecs, &err) == ALLOT_OK)
        for (uint32_t k = 0; k < nspecs && k < 4; k++)
            try_engine(&specs[k]);
    al_engine_specs_free(specs, nspecs);
    free(text);
    return 0;
}
