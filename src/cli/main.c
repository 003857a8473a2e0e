/* main.c - `allot`: finds the command that the first argument names and runs it.
 *
 * What a command prints counts only when it arrived: standard output is closed here, and an error that
 * shows up then (a full disk) fails the command, whichever it was. A reader that went away (| head)
 * ends the program by SIGPIPE, silently, as it does any filter.
 *
 * `allot __man` and `allot __complete` are for the build: the manual pages and the shells' completions
 * out of the same tables.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/complete.h"
#include "cli/help.h"
#include "cli/manual.h"

/** Run what the command line says. @return the exit status */
static int run(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    if (name == NULL) {
        al_help_overview(stderr);
        return AL_EXIT_USAGE;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("allot %s\n", allot_version());
        return AL_EXIT_OK;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        al_help_overview(stdout);
        return AL_EXIT_OK;
    }
    if (strcmp(name, "__man") == 0)
        return al_manual_run(argc - 1, argv + 1);
    if (strcmp(name, "__complete") == 0)
        return al_complete_run(argc - 1, argv + 1);
    const al_command *command = al_command_find(name);
    return command != NULL ? command->run(argc - 1, argv + 1) : al_command_unknown(name);
}

/** Close standard output. @return 0, or why something that was printed did not arrive; closed by the caller
 * and not needed is fine */
static int close_output(void)
{
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout) != 0)
        return errno != 0 ? errno : EIO;
    return fclose(stdout) == 0 || errno == EBADF ? 0 : errno;
}

/** Descriptors 0 to 2, if somebody closed them, would be given to the next files that are opened, and what is
 * printed would go there. What takes their place refuses. */
static void guard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
    guard_descriptors();
    int status = run(argc, argv);
    int fault = close_output();
    if (fault == 0)
        return status;
    if (fault != EPIPE) /* a reader that has seen enough, as `head` has, needs no telling */
        al_complain(NULL, "standard output: %s", strerror(fault));
    return status == AL_EXIT_OK ? AL_EXIT_FAILED : status;
}
