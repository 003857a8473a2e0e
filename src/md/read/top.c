/* top.c - see top.h. Lines come from source.c; here is the order of sections, and to whom each line goes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/top.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "md/match.h"
#include "md/read/top_molecule.h"
#include "md/read/top_types.h"

static allot_err read_row(al_top_reader *r)
{
    uint32_t count, k = 0;
    if (r->nwords != 2 || !al_top_whole(r->words[1], &count))
        return al_top_fault(r, "[ molecules ] wants: a name, and how many");
    while (k < r->top.nmolecules && strcmp(r->top.molecules[k].name, r->words[0]) != 0)
        k++;
    if (k == r->top.nmolecules)
        return al_top_fault(r, "there is no [ moleculetype ] %.40s", r->words[0]);
    if (count == 0)
        return ALLOT_OK;
    if (!AL_TOP_GROW(r->top.rows, r->top.nrows))
        return al_top_no_memory(r);
    r->top.rows[r->top.nrows++] =
        (al_molecule_row){.molecule = k, .count = count, .first_atom = r->top.natoms};
    r->top.natoms += (uint64_t)count * r->top.molecules[k].natoms;
    return ALLOT_OK;
}

static allot_err begin_section(al_top_reader *r, char *at, al_top_directive *now)
{
    char *end = strchr(at, ']');
    if (end == NULL || end[1 + strspn(end + 1, " \t")] != '\0')
        return al_top_fault(r, "a section is [ name ], and nothing after it");
    at += 1 + strspn(at + 1, " \t");
    end = at + strcspn(at, " \t]");
    *end = '\0';
    al_top_directive d;
    if (!al_top_find_directive(at, &d, &r->section))
        return al_top_fault(r, "[ %.40s ] is not supported", at);
    if (d > AL_TOP_DEFAULTS && !r->has_defaults)
        return al_top_fault(r, "[ %s ] before [ defaults ]", at);
    if (d < AL_TOP_MOLECULETYPE && r->top.nmolecules > 0)
        return al_top_fault(r, "[ %s ] after [ moleculetype ]: types come first", at);
    if (d > AL_TOP_MOLECULETYPE && d < AL_TOP_SYSTEM &&
        (r->top.nmolecules == 0 || *now >= AL_TOP_SYSTEM || *now < AL_TOP_MOLECULETYPE))
        return al_top_fault(r, "[ %s ] outside a [ moleculetype ]", at);
    if (d == AL_TOP_MOLECULETYPE && *now >= AL_TOP_SYSTEM)
        return al_top_fault(r, "[ moleculetype ] after [ system ]");
    if (d == AL_TOP_MOLECULES && *now != AL_TOP_SYSTEM && *now != AL_TOP_MOLECULES)
        return al_top_fault(r, "[ molecules ] before [ system ]");
    *now = d;
    return d == AL_TOP_SYSTEM ? al_top_finish_molecule(r) : ALLOT_OK;
}

static allot_err split(al_top_reader *r, char *at)
{
    r->nwords = 0;
    for (;;) {
        at += strspn(at, " \t");
        if (*at == '\0')
            return ALLOT_OK;
        if (r->nwords == AL_TOP_WORDS_MOST)
            return al_top_fault(r, "more than %d words in a line", AL_TOP_WORDS_MOST);
        r->words[r->nwords++] = at;
        at += strcspn(at, " \t");
        if (*at != '\0')
            *at++ = '\0';
    }
}

static allot_err read_line(al_top_reader *r, char *text, al_top_directive *now)
{
    text += strspn(text, " \t");
    if (*text == '[')
        return begin_section(r, text, now);
    if (*now == AL_TOP_SYSTEM && r->top.name == NULL) {
        r->top.name = strdup(text);
        return r->top.name != NULL ? ALLOT_OK : al_top_no_memory(r);
    }
    allot_err code = split(r, text);
    if (code != ALLOT_OK || r->nwords == 0)
        return code;
    switch (*now) {
    case AL_TOP_NONE:
        return ALLOT_OK; /* titles, as the rows of stars that force fields begin with; GROMACS passes over
                            them */
    case AL_TOP_DEFAULTS:
        return al_top_read_defaults(r);
    case AL_TOP_ATOMTYPES:
        return al_top_read_atom_type(r);
    case AL_TOP_NONBOND_PARAMS:
        return al_top_read_special(r);
    case AL_TOP_SKIPPED:
        return ALLOT_OK;
    case AL_TOP_MOLECULETYPE:
        return al_top_read_molecule_type(r);
    case AL_TOP_ATOMS:
        return al_top_read_atom(r);
    case AL_TOP_EXCLUSIONS:
        return al_top_read_exclusion(r);
    case AL_TOP_SYSTEM:
        return al_top_fault(r, "[ system ] has one line");
    case AL_TOP_MOLECULES:
        return read_row(r);
    default:
        return *now < AL_TOP_MOLECULETYPE ? al_top_read_type(r, *now) : al_top_read_term(r, *now);
    }
}

static allot_err finish(al_top_reader *r)
{
    if (r->top.name == NULL || r->top.natoms == 0)
        return al_fail(r->err, ALLOT_EFORMAT, 0, "%s:%u: the topology ends without %s",
                       r->source.files[0].path, r->line != NULL ? r->line->line : 1,
                       r->top.name == NULL ? "[ system ] and its name" : "[ molecules ]");
    allot_err code = al_top_make_matrix(r);
    return code == ALLOT_OK ? al_topology_tell_charge(&r->top, r->source.files[0].path, r->warnings, r->err)
                            : code;
}

static void reader_fini(al_top_reader *r)
{
    for (uint32_t k = 0; k < r->nnames; k++)
        free(r->names[k]);
    free(r->names);
    free(r->types);
    free(r->roles);
    free(r->entries);
    free(r->bonded);
    free(r->excluded);
    free(r->special);
    al_source_fini(&r->source);
    free(r);
}

/** Either of path and text. */
static allot_err read_any(const char *path, const char *text, size_t nbytes, const al_source_options *options,
                          al_topology *topology, al_buffer *warnings, allot_error *err)
{
    al_top_reader *r = calloc(1, sizeof *r);
    if (r == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory for a topology");
    r->err = err;
    r->warnings = warnings;
    r->fudge_lj = r->fudge_qq = 1;
    al_top_directive now = AL_TOP_NONE;
    allot_err code = text != NULL ? al_source_parse(text, nbytes, path, options, &r->source, err)
                                  : al_source_read(path, options, &r->source, err);
    uint32_t any;
    if (code == ALLOT_OK)
        code = al_top_name_number(r, "X", &any);
    for (uint32_t k = 0; k < r->source.nlines && code == ALLOT_OK; k++) {
        r->line = &r->source.lines[k];
        code = read_line(r, r->source.text.at + r->line->begin, &now);
    }
    if (code == ALLOT_OK)
        code = finish(r);
    if (code == ALLOT_OK)
        *topology = r->top;
    else
        al_topology_fini(&r->top);
    reader_fini(r);
    return code;
}

allot_err al_top_parse(const char *text, size_t nbytes, const char *name, const al_source_options *options,
                       al_topology *topology, al_buffer *warnings, allot_error *err)
{
    return read_any(name, text, nbytes, options, topology, warnings, err);
}

allot_err al_top_read(const char *path, const al_source_options *options, al_topology *topology,
                      al_buffer *warnings, allot_error *err)
{
    return read_any(path, NULL, 0, options, topology, warnings, err);
}
