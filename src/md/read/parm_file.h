/* parm_file.h - the sections of an AMBER topology file (prmtop, parm7) and the arrays in them: each has a
 * %FLAG with its name, a %FORMAT as Fortran has them, and its numbers or names in columns of that width.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_READ_PARM_FILE_H
#define AL_MD_READ_PARM_FILE_H

#include "md/read/columns.h"
#include "md/topology.h"

enum { AL_PARM_NAME = 79 };

typedef struct al_parm_section {
    char name[AL_PARM_NAME + 1];
    uint64_t line;           /**< of its %FLAG, from 1 */
    const char *format;      /**< what stands in %FORMAT's brackets, to format_end */
    const char *format_end;  /**< NULL format: there is no %FORMAT */
    const char *begin, *end; /**< of its lines */
    uint64_t nbefore;        /**< lines before them */
} al_parm_section;

typedef struct al_parm_file {
    al_columns c;
    const char *text_end;
    al_parm_section *sections; /**< [nsections] */
    uint32_t nsections;
    uint64_t nlines;
} al_parm_file;

/** Whether a text begins as such files do. */
bool al_parm_is_one(const char *text, size_t nbytes);

/** Find the sections. @param text, name  borrowed
 * @param[out] file  al_parm_close(), whatever is returned
 * @return ALLOT_OK; ALLOT_EFORMAT: name:line:column, what is wrong; ALLOT_ENOMEM */
allot_err al_parm_open(al_parm_file *file, const char *text, size_t nbytes, const char *name,
                       allot_error *err);
void al_parm_close(al_parm_file *file);

/** @return NULL: the file has no such section */
const al_parm_section *al_parm_find(const al_parm_file *file, const char *name);

/** Read all of a section, which has n numbers; one that has none may be missing.
 * @param[out] values  [n], free(); written only with ALLOT_OK
 * @return ALLOT_OK; ALLOT_EFORMAT: it is missing, has more or less, or something else; ALLOT_ENOMEM */
allot_err al_parm_integers(al_parm_file *file, const char *name, uint64_t n, int32_t **values);
allot_err al_parm_numbers(al_parm_file *file, const char *name, uint64_t n, double **values);
/** The same of names, which have up to AL_TOPOLOGY_NAME characters. */
typedef char al_parm_name[AL_TOPOLOGY_NAME + 1];
allot_err al_parm_names(al_parm_file *file, const char *name, uint64_t n, al_parm_name **values);
/** How many numbers or names a section has. @param[out] n  0: none, or no such section */
allot_err al_parm_count(al_parm_file *file, const char *name, uint64_t *n);

/** Complain of the k-th number or name of a section that was read. @return ALLOT_EFORMAT */
allot_err ALLOT_PRINTF(4, 5)
    al_parm_fault(al_parm_file *file, const char *name, uint64_t k, const char *format, ...);
/** Complain of a section, by its %FLAG, or of the file's end where there is none. @return ALLOT_EFORMAT */
allot_err ALLOT_PRINTF(3, 4) al_parm_refuse(al_parm_file *file, const char *name, const char *format, ...);

#endif
