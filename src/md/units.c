/* units.c - see units.h. Constants of CODATA 2018, which are exact: 1.380649e-23 J/K and 6.02214076e23 /mol.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/units.h"

const al_units al_units_reduced = {"reduced", "", "", "", "", "", 1, 1};
const al_units al_units_real = {
    "real", "nm", "ps", "kJ/mol", "K", "bar", 1.380649e-23 * 6.02214076e23 * 1e-3, 0.0602214076};
