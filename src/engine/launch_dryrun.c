/* launch_dryrun.c - engines that take everything and run nothing: to see how a run would be cut over engines
 * that one does not have, or not yet.
 *
 *     dryrun                      an engine with this machine's processors, where tasks end at once
 *     dryrun:count=12,slots=8     twelve, each with eight tasks at a time
 *     dryrun:task=90s             where each task takes 90 s
 *     dryrun:mem=64G              with so much memory
 *     dryrun:latency=25ms,rate=10M   far away: see launch_fake.c
 *
 * They are agents, here, which are told to pretend (al_hello.is_dry): so it is the real scheduler, over the
 * real protocol. What such a run says of its tasks is not so, and the run is not kept: al_launcher.is_dry.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "base/fail.h"
#include "engine/launcher.h"
#include "engine/target.h"

enum { COUNT, SLOTS, TASK, MEM, LATENCY, RATE, NKEYS };

static const al_target_key keys[NKEYS] = {
    [COUNT] = {"count", AL_TARGET_COUNT, 1000}, [SLOTS] = {"slots", AL_TARGET_COUNT, 4096},
    [TASK] = {"task", AL_TARGET_TIME, 0},       [MEM] = {"mem", AL_TARGET_SIZE, 0},
    [LATENCY] = {"latency", AL_TARGET_TIME, 0}, [RATE] = {"rate", AL_TARGET_SIZE, 0}};

static bool claims(const char *text)
{
    return strcmp(text, "dryrun") == 0 || strncmp(text, "dryrun:", 7) == 0;
}

static allot_err expand(const char *target, uint32_t *count, uint32_t number, char **named, allot_error *err)
{
    uint64_t values[NKEYS] = {[COUNT] = 1};
    allot_err code = al_target_read(target, keys, NKEYS, values, err);
    return code == ALLOT_OK ? al_target_name("dryrun", values[COUNT], number, count, named, err) : code;
}

static allot_err command(const al_engine_spec *spec, const al_launch_opts *opts, const char *script,
                         al_buffer *argv, uint32_t *argc, allot_error *err)
{
    (void)opts;
    uint64_t values[NKEYS] = {0};
    allot_err code = al_target_read(spec->target, keys, NKEYS, values, err);
    if (code == ALLOT_OK)
        code = al_argv_add_relay(argv, argc, values[LATENCY], values[RATE], err);
    al_argv_add(argv, argc, "sh");
    al_argv_add(argv, argc, "-c");
    al_argv_add(argv, argc, script);
    return code == ALLOT_OK && argv->failed ? al_fail(err, ALLOT_ENOMEM, 0, "out of memory") : code;
}

static void hello(const al_engine_spec *spec, al_hello *message)
{
    uint64_t values[NKEYS] = {0};
    (void)al_target_read(spec->target, keys, NKEYS, values, NULL);
    if (spec->nslots == 0 && values[SLOTS] > 0)
        message->nslots = (uint32_t)values[SLOTS];
    message->is_dry = 1;
    message->dry_ns = values[TASK];
    message->dry_mem_bytes = values[MEM];
}

const al_launcher al_launch_dryrun = {.name = "dryrun",
                                      .claims = claims,
                                      .expand = expand,
                                      .command = command,
                                      .hello = hello,
                                      .start_ns = UINT64_C(60000000000),
                                      .is_dry = true};
