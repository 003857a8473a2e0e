/* test_engine_spec.c - what --on says, and the commands that launchers make of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/launcher.h"

/** Names with counts, as "a*2 b ". */
static char *parsed(const char *text, char *out)
{
    al_engine_spec *specs = NULL;
    uint32_t nspecs = 0;
    allot_error err;
    out[0] = '\0';
    allot_err code = al_engine_specs_parse(text, &specs, &nspecs, &err);
    for (uint32_t k = 0; k < nspecs && code == ALLOT_OK; k++) {
        char count[16] = "";
        if (specs[k].nslots > 0)
            (void)snprintf(count, sizeof count, "*%u", specs[k].nslots);
        (void)strcat(
            strcat(strcat(strcat(out, specs[k].launcher != NULL ? specs[k].launcher->name : "-"), ":"),
                   specs[k].name),
            strcat(count, " "));
    }
    al_engine_specs_free(specs, nspecs);
    return code == ALLOT_OK ? out : strcpy(out, "refused");
}

static void test_texts(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"host", "ssh:host "},
        {"me@host*8,other", "ssh:me@host*8 ssh:other "},
        {"4/host,:", "ssh:host*4 -:local "},
        {"local*2,h", "-:local*2 ssh:h "},
        {"slurm:nodes=2,time=1h,h", "slurm:slurm1 slurm:slurm2 ssh:h "},
        {"h,slurm:partition=p", "ssh:h slurm:slurm1 "},
        {"fake:count=2,die=1,h", "fake:fake1 fake:fake2 ssh:h "},
        {"", "refused"},
        {"a,", "refused"},
        {"a*0", "refused"},
        {"a*x", "refused"},
        {"a,a", "refused"},
        {"-oProxyCommand=x", "refused"},
        {"a;b", "refused"},
        {"$(x)", "refused"},
        {"slurm:", "slurm:slurm1 "},
        {"slurm:nodes", "refused"},
        {"slurm:--x=1", "refused"},
        {"@/nowhere/file", "refused"},
    };
    char out[1000];
    (void)unsetenv("SLURM_JOB_ID");
    for (size_t k = 0; k < sizeof pairs / sizeof pairs[0]; k++)
        assert_string_equal(parsed(pairs[k][0], out), pairs[k][1]);
}

/** The words of a launcher's command. */
static char *command_of(const char *text, const al_launch_opts *opts, char *out)
{
    al_engine_spec *specs = NULL;
    uint32_t nspecs = 0, argc = 0;
    al_buffer argv = {.at = NULL};
    allot_error err;
    assert_int_equal(al_engine_specs_parse(text, &specs, &nspecs, &err), ALLOT_OK);
    assert_int_equal(specs[0].launcher->command(&specs[0], opts, "SCRIPT", &argv, &argc, &err), ALLOT_OK);
    out[0] = '\0';
    for (size_t at = 0; at < argv.nbytes; at += strlen(argv.at + at) + 1)
        (void)strcat(strcat(out, argv.at + at), "|");
    al_buffer_fini(&argv);
    al_engine_specs_free(specs, nspecs);
    return out;
}

static void test_commands(void **state)
{
    (void)state;
    const al_launch_opts opts = {.run = "r", .ssh = "ssh  -p 22"};
    char out[2000];
    (void)unsetenv("SLURM_JOB_ID");
    command_of("me@h", &opts, out);
    assert_non_null(strstr(out, "ssh|-p|22|"));
    assert_non_null(strstr(out, "|-oBatchMode=yes|"));
    assert_non_null(strstr(out, "|--|me@h|exec sh -c 'SCRIPT'|"));
    command_of("slurm:time=90m,cpus=3,qos=low", &opts, out);
    assert_non_null(strstr(out, "|--time=1:30:00|--cpus-per-task=3|--qos=low|"));
    assert_non_null(strstr(out, "|--job-name=allot-r|sh|-c|SCRIPT|"));
    assert_null(strstr(out, "exclusive"));
    command_of("slurm", &opts, out);
    assert_non_null(strstr(out, "|--exclusive|"));
    (void)setenv("SLURM_JOB_ID", "5", 1);
    (void)setenv("SLURM_JOB_NUM_NODES", "2", 1);
    command_of("slurm", &opts, out);
    assert_non_null(strstr(out, "|--relative=0|--overlap|"));
    (void)unsetenv("SLURM_JOB_ID");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts), cmocka_unit_test(test_commands)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
