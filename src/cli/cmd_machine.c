/* cmd_machine.c - `allot machine`: what there is to work with, and what working together costs here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/machine.h"

typedef struct machine_options {
    bool json, fresh;
} machine_options;

static const al_option options[] = {
    {.name = "json",
     .kind = AL_OPTION_FLAG,
     .offset = offsetof(machine_options, json),
     .help = "print one JSON object",
     .seen_offset = SIZE_MAX},
    {.name = "fresh",
     .kind = AL_OPTION_FLAG,
     .offset = offsetof(machine_options, fresh),
     .help = "measure again, whatever was measured since the machine started",
     .seen_offset = SIZE_MAX},
};

static int print_json(const al_machine *machine)
{
    json_t *document = al_machine_encode(machine);
    char *text = document != NULL ? json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    if (text == NULL)
        al_complain("machine", "out of memory");
    else
        (void)printf("%s\n", text);
    int status = text != NULL ? AL_EXIT_OK : AL_EXIT_FAILED;
    free(text);
    json_decref(document);
    return status;
}

static int run(int argc, char **argv)
{
    machine_options chosen = {.json = false};
    int noperands, status;
    if (!al_option_parse(&al_command_machine, argc, argv, &chosen, &noperands, &status))
        return status;
    if (noperands > 0) {
        al_complain("machine", "'%s' is too much: the command takes no operands", argv[1]);
        return AL_EXIT_USAGE;
    }
    al_machine machine;
    al_machine_see(&machine);
    if (machine.topo_error.code != ALLOT_OK)
        al_complain("machine", "%s; caches and cores stay unknown", machine.topo_error.text);
    allot_error err = {.code = ALLOT_OK};
    if (chosen.fresh || !al_machine_load(&machine)) {
        if (al_machine_measure(&machine, &err) == ALLOT_OK)
            al_machine_store(&machine);
        else
            al_complain("machine", "%s; what needs threads was not measured", err.text);
    }
    status = AL_EXIT_OK;
    if (chosen.json)
        status = print_json(&machine);
    else
        al_machine_report(&machine, stdout);
    return err.code != ALLOT_OK ? AL_EXIT_FAILED : status;
}

const al_command al_command_machine = {
    .name = "machine",
    .summary = "show what allot sees of this machine, and what it measured",
    .usage = "",
    .description =
        "Shows the processor, its caches and memory, the processors and the CPU quota that allot may use, "
        "and "
        "what was measured: what it costs to read the clock, to hand work to a thread that spins or sleeps, "
        "to "
        "start threads and programs, and to copy memory. From these follows how much work a loop must have "
        "before it is shared.\n"
        "\n"
        "Measuring takes about a second. The figures are kept in $XDG_CACHE_HOME/allot (or ~/.cache/allot) "
        "until "
        "the machine is started again, and used again for the same processors and the same quota.",
    .examples = "allot machine  # the page for people\n"
                "allot machine --json | jq .measured.handover_ns.median  # one figure for a script\n",
    .options = options,
    .noptions = sizeof options / sizeof options[0],
    .statuses = "0  success\n"
                "1  something could not be measured\n"
                "2  the command line is wrong\n",
    .run = run,
};
