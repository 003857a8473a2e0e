/* top_reader.h - what is known while a topology is read, and how its lines are taken apart.
 *
 * Rooms: top.c is the order of sections, top_types.c what types say, top_molecule.c the lines of a molecule,
 * top_term.c a term as it is kept, top_exclusions.c which pairs a molecule leaves out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_READ_TOP_READER_H
#define AL_MD_READ_TOP_READER_H

#include "base/attr.h"
#include "md/read/top.h"

enum { AL_TOP_PARAMS_MOST = 6, AL_TOP_WORDS_MOST = 4096, AL_TOP_NREXCL_MOST = 16 };

typedef enum al_top_directive {
    AL_TOP_NONE,
    AL_TOP_DEFAULTS,
    AL_TOP_ATOMTYPES,
    AL_TOP_BONDTYPES,
    AL_TOP_ANGLETYPES,
    AL_TOP_DIHEDRALTYPES,
    AL_TOP_CONSTRAINTTYPES,
    AL_TOP_PAIRTYPES,
    AL_TOP_NONBOND_PARAMS,
    AL_TOP_CMAPTYPES,
    AL_TOP_SKIPPED,
    AL_TOP_MOLECULETYPE,
    AL_TOP_ATOMS,
    AL_TOP_BONDS,
    AL_TOP_PAIRS,
    AL_TOP_ANGLES,
    AL_TOP_DIHEDRALS,
    AL_TOP_EXCLUSIONS,
    AL_TOP_CONSTRAINTS,
    AL_TOP_SETTLES,
    AL_TOP_RESTRAINTS,
    AL_TOP_CMAP,
    AL_TOP_VSITES2,
    AL_TOP_VSITES3,
    AL_TOP_SYSTEM,
    AL_TOP_MOLECULES
} al_top_directive;

/** A function of a section. nb: numbers of the B state; degrees: of its numbers, the first so many are
 * angles. */
typedef struct al_top_function {
    al_top_directive where, types;
    int number;
    al_term_kind kind;
    uint8_t nparams, nb, degrees;
} al_top_function;

typedef struct al_top_atom_type {
    uint32_t bonded; /* number of its name in names[] */
    double mass, charge, v, w;
} al_top_atom_type;

/** A line of a ...types section; params as the file has them. */
typedef struct al_top_entry {
    const al_top_function *f;
    uint32_t name[AL_TERM_ATOMS];
    double params[AL_TOP_PARAMS_MOST];
} al_top_entry;

typedef struct al_top_edge {
    uint32_t a, b;
} al_top_edge;

/** What an atom of the molecule being read has to do with virtual sites, and where it stands. */
typedef struct al_top_role {
    const al_source_line *line;
    bool is_site, makes_site;
} al_top_role;

typedef struct al_top_reader {
    al_source source;
    al_topology top;
    al_top_role *roles;
    al_top_atom_type *types;
    al_top_entry *entries;
    char **names;                   /* of bonded types; 0 is X */
    al_top_edge *bonded, *excluded; /* of the molecule being read */
    uint32_t nentries, nnames, nbonded, nexcluded, nrexcl;
    bool has_defaults, gen_pairs;
    double fudge_lj, fudge_qq;
    double *special; /* nonbond_params: a, b, v, w */
    uint32_t nspecial;
    char *words[AL_TOP_WORDS_MOST];
    uint32_t nwords;
    const al_source_line *line;
    const char *section;
    al_buffer *warnings;
    allot_error *err;
} al_top_reader;

#define AL_TOP_GROW(array, n) al_source_grow(&(array), (n), sizeof *(array))

/** Say what is wrong with the line that is being read. @return ALLOT_EFORMAT */
allot_err al_top_fault(al_top_reader *r, const char *format, ...) AL_COLD ALLOT_PRINTF(2, 3);
/** @return ALLOT_ENOMEM */
allot_err al_top_no_memory(al_top_reader *r) AL_COLD;

/** A finite number, or one of at least 0 without a fraction. @return false: it is none */
bool al_top_number(const char *word, double *value);
bool al_top_whole(const char *word, uint32_t *value);
/** The number of a bonded type's name, a new one if need be; of an atom type, which must be there. */
allot_err al_top_name_number(al_top_reader *r, const char *name, uint32_t *number_of);
allot_err al_top_type_number(al_top_reader *r, const char *name, uint32_t *type);
/** Whether a name is short enough to be kept. */
bool al_top_fits(const char *name);
/** What a section's name stands for, and the name for good. @return false: it is not known */
bool al_top_find_directive(const char *name, al_top_directive *what, const char **kept);
/** The function of a section, or of one of types, that has the number in a word. */
allot_err al_top_find_function(al_top_reader *r, al_top_directive d, const char *word, bool is_type,
                               const al_top_function **f);
/** Numbers from words; a B state must equal the A state. */
allot_err al_top_read_params(al_top_reader *r, const al_top_function *f, uint32_t first,
                             double params[AL_TOP_PARAMS_MOST]);
/** The molecule that is being read. */
al_molecule *al_top_latest(al_top_reader *r);

#endif
