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
#include <sys/stat.h>
#include <unistd.h>

#include "engine/bootstrap.h"
#include "engine/launcher.h"
#include "engine/slurm.h"

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
        {"fake:latency=25ms,rate=10M,h", "fake:fake1 ssh:h "},
        {"dryrun:count=2,slots=8,task=1m30s,mem=64G", "dryrun:dryrun1 dryrun:dryrun2 "},
        {"fake:die=1,slurm:time=1:00:00,qos=low,dryrun:slots=2", "fake:fake1 slurm:slurm1 dryrun:dryrun1 "},
        {"dryrun*3", "dryrun:dryrun1*3 "},
        {"fake:", "fake:fake1 "},
        {"fake:count=0", "refused"},
        {"fake:count=1001", "refused"},
        {"fake:count=-1", "refused"},
        {"fake:die=soon", "refused"},
        {"fake:rate=", "refused"},
        {"fake:=1", "refused"},
        {"fake:apart", "refused"},
        {"dryrun:die=1", "refused"},
        {"dryrun:slots=99999999999999999999", "refused"},
        {"dryrun:task=0000000000000000000000000000000000000000000000000000000000000000001", "refused"},
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
    command_of("slurm:begin=now+1hour,cpus=3,time=2h,gres=gpu:1", &opts, out);
    assert_non_null(strstr(out, "exit=0|--cpus-per-task=3|--gres=gpu:1|--relative=0|"));
    (void)unsetenv("SLURM_JOB_ID");
    command_of("fake:banner=1,die=0.5", &opts, out);
    assert_non_null(strstr(out, "sleep 0.5; kill -KILL $$"));
    assert_non_null(strstr(out, "SCRIPT|"));
}

/** What launchers have their agents told. */
static void test_hello(void **state)
{
    (void)state;
    al_engine_spec *specs = NULL;
    uint32_t nspecs = 0;
    al_hello hello = {.cwd = {"/x", 2}, .nslots = 0};
    assert_int_equal(
        al_engine_specs_parse("fake:apart=1,dryrun:slots=8,task=2s,mem=1G,dryrun*3", &specs, &nspecs, NULL),
        ALLOT_EINVAL); /* one name twice */
    al_engine_specs_free(specs, nspecs);
    specs = NULL;
    nspecs = 0;
    assert_int_equal(
        al_engine_specs_parse("fake:apart=1,dryrun:slots=8,task=2s,mem=1G", &specs, &nspecs, NULL), ALLOT_OK);
    assert_false(specs[0].launcher->is_dry);
    specs[0].launcher->hello(&specs[0], &hello);
    assert_int_equal(hello.cwd.nbytes, 0);
    assert_int_equal(hello.is_dry, 0);
    assert_true(specs[1].launcher->is_dry);
    specs[1].launcher->hello(&specs[1], &hello);
    assert_int_equal(hello.is_dry, 1);
    assert_int_equal(hello.nslots, 8);
    assert_int_equal(hello.dry_ns, 2000000000);
    assert_int_equal(hello.dry_mem_bytes, 1 << 30);
    al_engine_specs_free(specs, nspecs);
}

/** The script goes through login shells of all kinds in single quotes: csh would replace a "!" even there. */
static void test_script(void **state)
{
    (void)state;
    assert_null(strpbrk(al_bootstrap_script, "'!\n"));
}

static void test_slurm_targets(void **state)
{
    (void)state;
    assert_true(al_slurm_limit_s("slurm:time=2h") == 7200);
    assert_true(al_slurm_limit_s("slurm:nodes=2,time=1.5m,cpus=3") == 90);
    assert_true(al_slurm_limit_s("slurm:time=1-00:00:00") == 0);
    assert_true(al_slurm_limit_s("slurm") == 0);
    assert_true(al_slurm_is_passing("srun: error: Unable to contact slurm controller (connect failure)"));
    assert_true(al_slurm_is_passing("Slurm temporarily unable to accept job, sleeping and retrying"));
    assert_false(al_slurm_is_passing("srun: error: invalid partition specified: nowhere"));
}

/** A command of Slurm's that says and does this. */
static void fake(const char *folder, const char *name, const char *body)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", body);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0700), 0);
}

/** Answers as Slurm gives them, and such as it should not. */
static void test_slurm_answers(void **state)
{
    (void)state;
    char folder[] = "/tmp/allot-slurm-XXXXXX", path[400], id[AL_SLURM_ID_BYTES], command[100];
    const al_slurm_order order = {
        .target = "slurm:cpus=1", .nnodes = 2, .name = "n", .output = "/dev/null", .script = "#!/bin/sh\n"};
    al_slurm_job job;
    allot_error err;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s:/usr/bin:/bin", folder);
    char *old = strdup(getenv("PATH"));
    (void)setenv("PATH", folder, 1);
    assert_int_equal(al_slurm_submit(&order, id, &err), ALLOT_ENOTFOUND);
    (void)setenv("PATH", path, 1);
    fake(folder, "sbatch",
         "cat >/dev/null; test \"$1 $2 $3 $4\" = '--job-name=n --cpus-per-task=1 --nodes=2 "
         "--signal=B:USR1@0' && echo '17;cluster'");
    assert_int_equal(al_slurm_submit(&order, id, &err), ALLOT_OK);
    assert_string_equal(id, "17");
    fake(folder, "sbatch", "echo hello");
    assert_int_equal(al_slurm_submit(&order, id, &err), ALLOT_EPERM);
    fake(folder, "sbatch", "echo 'sbatch: error: one' >&2; echo two >&2; exit 1");
    assert_int_equal(al_slurm_submit(&order, id, &err), ALLOT_EPERM);
    assert_string_equal(err.text, "sbatch: error: one; two");
    fake(folder, "squeue", "echo 'PENDING|Priority|'");
    assert_int_equal(al_slurm_look("17", &job, &err), ALLOT_OK);
    assert_int_equal(job.state, AL_SLURM_QUEUED);
    assert_string_equal(job.reason, "Priority");
    fake(folder, "squeue", "echo 'COMPLETING|None|n[1-2]'");
    assert_int_equal(al_slurm_look("17", &job, &err), ALLOT_OK);
    assert_int_equal(job.state, AL_SLURM_RUNS);
    assert_string_equal(job.nodes, "n[1-2]");
    fake(folder, "squeue", "head -c 100000 /dev/zero | tr '\\0' x");
    assert_int_equal(al_slurm_look("17", &job, &err), ALLOT_OK);
    assert_int_equal(job.state, AL_SLURM_ENDED);
    fake(folder, "squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1");
    assert_int_equal(al_slurm_look("17", &job, &err), ALLOT_OK);
    assert_int_equal(job.state, AL_SLURM_ENDED);
    assert_string_equal(job.word, "");
    fake(folder, "squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1");
    assert_int_equal(al_slurm_look("17", &job, &err), ALLOT_EPERM);
    (void)setenv("PATH", old, 1);
    free(old);
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),         cmocka_unit_test(test_commands),
        cmocka_unit_test(test_hello),         cmocka_unit_test(test_script),
        cmocka_unit_test(test_slurm_targets), cmocka_unit_test(test_slurm_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
