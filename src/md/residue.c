/* residue.c - see residue.h. Names are those that force fields use; tests/md/index.sh has them against the
 * list that GROMACS comes with.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/residue.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

const char *const al_residue_class_names[AL_RESIDUE_NCLASSES] = {
#define AL_RESIDUE_TEXT(name, text) text,
    AL_RESIDUES(AL_RESIDUE_TEXT)
#undef AL_RESIDUE_TEXT
};

/** Amino acids whose names have an N before them at one end of a chain and a C at the other. */
static const char ends[] =
    " ALA ARG ASN ASP ASPH CYS CYS2 DAB GLN GLU GLUH GLY HID HIE HIP HISD HISE HISH HYP ILE LEU LYS "
    "LYSN MET ORN PHE PRO SER THR TRP TYR VAL ";

/** Names of each class, a blank around each. */
static const char *const names[AL_RESIDUE_NCLASSES] = {
    [AL_RESIDUE_OTHER] = "",
    [AL_RESIDUE_PROTEIN] = " ABU ACE AIB ALA ARG ARGN ASH ASN ASN1 ASP ASP1 ASPH ASPP CT3 CYM CYN CYS CYS1 "
                           "CYS2 CYSH CYX DAB DALA "
                           "GLH GLN GLU GLUH GLUP GLY HID HIE HIP HIS HIS1 HISA HISB HISD HISE HISH HISP HSD "
                           "HSE HSP HYP ILE LEU LSN "
                           "LYN LYP LYS LYSH LYSN MELEU MET MEVAL NAC NH2 NHE NME ORN PGLU PHE PHEH PHEU PHL "
                           "PRO SER THR TRP TRPH "
                           "TRPU TYR TYRH TYRU VAL ",
    [AL_RESIDUE_DNA] = " DA DA3 DA5 DAN DC DC3 DC5 DCN DG DG3 DG5 DGN DT DT3 DT5 DTN ",
    [AL_RESIDUE_RNA] = " A C G RA RA3 RA5 RAN RC RC3 RC5 RCN RG RG3 RG5 RGN RT3 RT5 RTN RU RU3 RU5 RUN U ",
    [AL_RESIDUE_WATER] = " HOH OHH SOL T3H T3P T4P T5P TIP WAT ",
    [AL_RESIDUE_ION] = " BR CA CL CL- CS CU CU1 Cal F I IB+ K LI MG NA NA+ OH RB ZN ",
};

static bool has(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; length > 0 && (at = strstr(at, name)) != NULL; at++)
        if (at > list && at[-1] == ' ' && at[length] == ' ')
            return true;
    return false;
}

al_residue_class al_residue_class_of(const char *name)
{
    if (strchr(name, ' ') != NULL)
        return AL_RESIDUE_OTHER;
    for (int k = 1; k < AL_RESIDUE_NCLASSES; k++)
        if (has(names[k], name))
            return (al_residue_class)k;
    return (name[0] == 'N' || name[0] == 'C') && has(ends, name + 1) ? AL_RESIDUE_PROTEIN : AL_RESIDUE_OTHER;
}
