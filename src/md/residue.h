/* residue.h - what residues are, by their names.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_RESIDUE_H
#define AL_MD_RESIDUE_H

/** Classes and GROMACS's names of them. */
#define AL_RESIDUES(X)                                                                                       \
    X(OTHER, "Other")                                                                                        \
    X(PROTEIN, "Protein")                                                                                    \
    X(DNA, "DNA")                                                                                            \
    X(RNA, "RNA")                                                                                            \
    X(WATER, "Water")                                                                                        \
    X(ION, "Ion")

typedef enum al_residue_class {
#define AL_RESIDUE_CLASS(name, text) AL_RESIDUE_##name,
    AL_RESIDUES(AL_RESIDUE_CLASS)
#undef AL_RESIDUE_CLASS
        AL_RESIDUE_NCLASSES
} al_residue_class;

extern const char *const al_residue_class_names[AL_RESIDUE_NCLASSES];

/** The class of residues of this name, capitals and small letters being different: as GROMACS's
 * residuetypes.dat has them (2022), and OTHER for all that are not in it. Pure. */
al_residue_class al_residue_class_of(const char *name);

#endif
