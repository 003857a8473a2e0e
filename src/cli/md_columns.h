/* md_columns.h - the energies that are told of a step: their names, and their numbers in the same order.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_COLUMNS_H
#define AL_CLI_MD_COLUMNS_H

#include "md/md.h"
#include "md/series.h"

enum { AL_MD_COLUMNS_MOST = AL_TERM_NKINDS + 32 };

/** Of atoms that are all alike, temperature, energies an atom, and pressure; of molecules the energy of each
 * kind of term that there is, those of the whole, and the tensors of virial and pressure, by GROMACS' names.
 * @param[out] columns  [AL_MD_COLUMNS_MOST] @return how many */
uint32_t al_md_columns(const al_md *md, al_series_column *columns);
/** Numbers of a step. @param[out] values  as many as there are columns */
void al_md_columns_values(const al_md *md, const al_thermo *thermo, double *values);

#endif
