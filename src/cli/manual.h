/* manual.h - manual pages out of the tables of options.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MANUAL_H
#define AL_CLI_MANUAL_H

/** `allot __man [COMMAND|allot [FILE]]`: print a page in the mdoc language; FILE holds sections written by
 * hand, in mdoc too, that go before EXIT STATUS. @return the exit status */
int al_manual_run(int argc, char **argv);

#endif
