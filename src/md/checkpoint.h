/* checkpoint.h - the state of a simulation on disk, to the last bit: docs/formats/checkpoint.md.
 *
 * Two generations are kept, the one before under the name NAME.1. A file is written under another name, seen
 * on the disk, and renamed: whatever happens, at least one of the two is whole.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_CHECKPOINT_H
#define AL_MD_CHECKPOINT_H

#include "base/buffer.h"
#include "md/pme_choice.h"
#include "md/space.h"

enum { AL_CHECKPOINT_VERSION = 3, AL_CHECKPOINT_RANKS_MOST = 1000000, AL_CHECKPOINT_MESH_MOST = 1000000 };

/** How the box was cut. */
typedef struct al_checkpoint_cut {
    uint32_t nranks; /**< that there were, used or not; 0: it is not known, nor is the rest */
    int grid[3];
    double *edges; /**< as al_cuts_save() has them; NULL: domains were of one size */
} al_checkpoint_cut;

typedef struct al_checkpoint {
    uint64_t step, natoms, seed;
    double time, dt, box[3][3]; /**< of the box, a row is a vector */
    al_checkpoint_cut cut;
    al_split split; /**< of electrostatics; cut-off 0, and no mesh: as run parameters say */
    double *kept;   /**< [nkept]: what thermostat and barostat remember; NULL: nothing */
    uint64_t nkept;
    char *options;  /**< what the restart must have in common, a line each: "cutoff 2.5\n"; ends in NUL */
    al_atom *atoms; /**< [natoms], in the order of their ids, which are 0 to natoms - 1 */
} al_checkpoint;

/** Atoms in any order into that of their ids, in place: as all of md's files have them.
 * @return ALLOT_OK; ALLOT_ERANGE: their ids are not 0 to n - 1, each once; which is twice, or beyond */
allot_err al_atoms_order(al_atom *atoms, uint64_t n, allot_error *err);

/** Append the bytes of a file. Pure. @param checkpoint  borrowed, as its parts are
 * @return ALLOT_OK; ALLOT_EINVAL: atoms are not in the order of their ids; ALLOT_ENOMEM */
allot_err al_checkpoint_encode(const al_checkpoint *checkpoint, al_buffer *bytes, allot_error *err);
/** Read a file's bytes. Pure.
 * @param name            of the file, for the sentence
 * @param[out] checkpoint owned by caller, al_checkpoint_fini(); written only with ALLOT_OK
 * @return ALLOT_OK; ALLOT_EFORMAT: damaged, or not a checkpoint; ALLOT_EUNSUPPORTED: of a later version;
 * ALLOT_ENOMEM */
allot_err al_checkpoint_decode(const void *bytes, size_t nbytes, const char *name, al_checkpoint *checkpoint,
                               allot_error *err);

/** Make a generation.
 * @param keeps_newest  what is there becomes the one before. false: it is damaged, as al_checkpoint_read()
 * warned; it is replaced, and the one before stays
 * @return ALLOT_OK; ALLOT_EIO, as for a full disk: those that were there are as before; ALLOT_EINVAL;
 * ALLOT_ENOMEM */
allot_err al_checkpoint_write(const char *path, const al_checkpoint *checkpoint, bool keeps_newest,
                              allot_error *err);
/** Read the newest generation that is whole.
 * @param[out] warning  text is empty, or says why it is not the newest
 * @return ALLOT_OK; ALLOT_ENOTFOUND: there is none; ALLOT_EFORMAT, ALLOT_EIO: what is wrong with each;
 * ALLOT_ENOMEM */
allot_err al_checkpoint_read(const char *path, al_checkpoint *checkpoint, allot_error *warning,
                             allot_error *err);
/** Whether a restart has the options of the checkpoint.
 * @param options  as al_checkpoint has them
 * @return ALLOT_OK; ALLOT_EINVAL: the first that differs, and what it was */
allot_err al_checkpoint_compare(const al_checkpoint *checkpoint, const char *options, const char *name,
                                allot_error *err);
void al_checkpoint_fini(al_checkpoint *checkpoint);

#endif
