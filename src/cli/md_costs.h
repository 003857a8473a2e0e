/* md_costs.h - what an atom and a copy cost in a step of allot md, measured here before the box is cut.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_COSTS_H
#define AL_CLI_MD_COSTS_H

#include "md/md.h"
#include "plan/domains.h"

/** Do some steps with two small boxes of the same kind of atoms, on one thread: some tens of milliseconds.
 * Nothing of it is collective.
 * @param like  of which pairs, skins, density, precision, kernel, mass and length of step are taken
 * @param thermal  energy: Boltzmann's constant times their temperature
 * @param[out] costs  atom_ns and copy_ns; the rest is left alone
 * @return ALLOT_OK; ALLOT_ENOMEM; ALLOT_ERANGE: those atoms cannot be simulated */
allot_err al_md_costs_measure(const al_md_opts *like, double thermal, al_domains_costs *costs,
                              allot_error *err);

#endif
