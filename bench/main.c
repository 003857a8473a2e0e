/* main.c - the command line of a benchmark program: which command, which peer, which row.
 *
 *     bench-NAME list                           the peers in this program, one a line
 *     bench-NAME calibrate                      steps of the chain in a nanosecond
 *     bench-NAME check  --peer P                each item exactly once, the right results
 *     bench-NAME grid   --peer P --shape uniform|growing|heavy --state hot|cold|new|alone --item-ns C
 *                       [--limit-ns L] [--steps-per-ns R] [--quick]
 *     bench-NAME empty  --peer P [--steps-per-ns R] [--quick]
 *     bench-NAME pow10  --peer P [--steps-per-ns R] [--quick]
 *
 * bench/run calls it row by row, with the programs of all runtimes by turns.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <getopt.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

typedef struct command {
    const char *name;
    int (*run)(const bench_request *request);
} command;

static const command commands[] = {
    {"check", bench_check},
    {"grid", bench_grid},
    {"empty", bench_empty},
    {"pow10", bench_pow10},
};

const char *const bench_state_names[] = {
#define STATE_TEXT(name, text) [BENCH_##name] = text,
    BENCH_STATES(STATE_TEXT)
#undef STATE_TEXT
};

unsigned bench_nthreads(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    const int count = CPU_COUNT(&set);
    return count > 0 ? (unsigned)count : 1;
}

static int complain(const char *what, const char *value)
{
    fprintf(stderr, "bench: %s '%s'; see the head of bench/main.c for the options\n", what, value);
    return 2;
}

static const bench_peer *find_peer(const char *name)
{
    for (size_t i = 0; i < bench_npeers; i++) {
        if (strcmp(bench_peers[i].name, name) == 0)
            return &bench_peers[i];
    }
    return NULL;
}

static bool parse_positive(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*value) && *value > 0;
}

static bool parse_shape(const char *text, bench_kind *shape)
{
    if (strcmp(text, "uniform") == 0)
        *shape = BENCH_UNIFORM;
    else if (strcmp(text, "growing") == 0)
        *shape = BENCH_GROWING;
    else if (strcmp(text, "heavy") == 0)
        *shape = BENCH_HEAVY;
    else
        return false;
    return true;
}

static bool parse_state(const char *text, bench_state *state)
{
    for (int s = 0; s < BENCH_NSTATES; s++) {
        if (strcmp(text, bench_state_names[s]) == 0) {
            *state = (bench_state)s;
            return true;
        }
    }
    return false;
}

static int parse_option(int option, const char *value, bench_request *request)
{
    switch (option) {
    case 'p':
        request->peer = find_peer(value);
        return request->peer ? 0 : complain("no such peer in this program:", value);
    case 's':
        return parse_shape(value, &request->shape) ? 0 : complain("unknown shape", value);
    case 't':
        return parse_state(value, &request->state) ? 0 : complain("unknown state", value);
    case 'i':
        return parse_positive(value, &request->item_ns) ? 0 : complain("not a cost:", value);
    case 'l':
        return parse_positive(value, &request->limit_ns) ? 0 : complain("not a limit:", value);
    case 'r':
        return parse_positive(value, &request->steps_per_ns) ? 0 : complain("not a rate:", value);
    case 'q':
        request->quick = true;
        return 0;
    default:
        return 2; /* getopt_long has complained */
    }
}

static int parse(int argc, char **argv, bench_request *request)
{
    static const struct option options[] = {
        {"peer", required_argument, NULL, 'p'},     {"shape", required_argument, NULL, 's'},
        {"state", required_argument, NULL, 't'},    {"item-ns", required_argument, NULL, 'i'},
        {"limit-ns", required_argument, NULL, 'l'}, {"steps-per-ns", required_argument, NULL, 'r'},
        {"quick", no_argument, NULL, 'q'},          {NULL, 0, NULL, 0},
    };
    int option, status;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if ((status = parse_option(option, optarg, request)) != 0)
            return status;
    }
    if (optind < argc)
        return complain("unexpected argument", argv[optind]);
    return request->peer ? 0 : complain("missing option", "--peer");
}

static int run(const command *chosen, bench_request *request)
{
    if (request->steps_per_ns == 0)
        request->steps_per_ns = bench_work_steps_per_ns();
    if (request->peer->open)
        request->peer->open();
    const int status = chosen->run(request);
    if (request->peer->close)
        request->peer->close();
    return status;
}

int main(int argc, char **argv)
{
    bench_request request = {.shape = BENCH_UNIFORM, .item_ns = 100, .limit_ns = 100e6};
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "calibrate") == 0) {
        printf("%.6f\n", bench_work_steps_per_ns());
        return 0;
    }
    if (strcmp(name, "list") == 0) {
        for (size_t i = 0; i < bench_npeers; i++)
            puts(bench_peers[i].name);
        return 0;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            const int status = parse(argc - 1, argv + 1, &request);
            return status == 0 ? run(&commands[i], &request) : status;
        }
    }
    return complain("unknown command", name);
}
