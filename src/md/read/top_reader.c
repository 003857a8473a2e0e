/* top_reader.c - see top_reader.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/top_reader.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

static const struct {
    const char *name;
    al_top_directive what;
} directives[] = {{"defaults", AL_TOP_DEFAULTS},
                  {"atomtypes", AL_TOP_ATOMTYPES},
                  {"bondtypes", AL_TOP_BONDTYPES},
                  {"angletypes", AL_TOP_ANGLETYPES},
                  {"dihedraltypes", AL_TOP_DIHEDRALTYPES},
                  {"constrainttypes", AL_TOP_CONSTRAINTTYPES},
                  {"pairtypes", AL_TOP_PAIRTYPES},
                  {"nonbond_params", AL_TOP_NONBOND_PARAMS},
                  {"cmaptypes", AL_TOP_CMAPTYPES},
                  {"implicit_genborn_params", AL_TOP_SKIPPED},
                  {"implicit_surface_params", AL_TOP_SKIPPED},
                  {"moleculetype", AL_TOP_MOLECULETYPE},
                  {"atoms", AL_TOP_ATOMS},
                  {"bonds", AL_TOP_BONDS},
                  {"pairs", AL_TOP_PAIRS},
                  {"angles", AL_TOP_ANGLES},
                  {"dihedrals", AL_TOP_DIHEDRALS},
                  {"exclusions", AL_TOP_EXCLUSIONS},
                  {"constraints", AL_TOP_CONSTRAINTS},
                  {"settles", AL_TOP_SETTLES},
                  {"position_restraints", AL_TOP_RESTRAINTS},
                  {"cmap", AL_TOP_CMAP},
                  {"virtual_sites2", AL_TOP_VSITES2},
                  {"dummies2", AL_TOP_VSITES2},
                  {"virtual_sites3", AL_TOP_VSITES3},
                  {"dummies3", AL_TOP_VSITES3},
                  {"system", AL_TOP_SYSTEM},
                  {"molecules", AL_TOP_MOLECULES}};

static const al_top_function functions[] = {
    {AL_TOP_BONDS, AL_TOP_BONDTYPES, 1, AL_TERM_BOND, 2, 2, 0},
    {AL_TOP_BONDS, AL_TOP_BONDTYPES, 2, AL_TERM_BOND_G96, 2, 2, 0},
    {AL_TOP_ANGLES, AL_TOP_ANGLETYPES, 1, AL_TERM_ANGLE, 2, 2, 1},
    {AL_TOP_ANGLES, AL_TOP_ANGLETYPES, 2, AL_TERM_ANGLE_G96, 2, 2, 1},
    {AL_TOP_ANGLES, AL_TOP_ANGLETYPES, 5, AL_TERM_UREY, 4, 4, 1},
    {AL_TOP_DIHEDRALS, AL_TOP_DIHEDRALTYPES, 1, AL_TERM_PROPER, 3, 2, 1},
    {AL_TOP_DIHEDRALS, AL_TOP_DIHEDRALTYPES, 9, AL_TERM_PROPER, 3, 2, 1},
    {AL_TOP_DIHEDRALS, AL_TOP_DIHEDRALTYPES, 2, AL_TERM_IMPROPER, 2, 2, 1},
    {AL_TOP_DIHEDRALS, AL_TOP_DIHEDRALTYPES, 4, AL_TERM_IMPROPER_PERIODIC, 3, 2, 1},
    {AL_TOP_DIHEDRALS, AL_TOP_DIHEDRALTYPES, 3, AL_TERM_RYCKAERT, 6, 6, 0},
    {AL_TOP_DIHEDRALS, AL_TOP_DIHEDRALTYPES, 5, AL_TERM_RYCKAERT, 4, 4, 0},
    {AL_TOP_PAIRS, AL_TOP_PAIRTYPES, 1, AL_TERM_PAIR14, 2, 2, 0},
    {AL_TOP_CONSTRAINTS, AL_TOP_CONSTRAINTTYPES, 1, AL_TERM_CONSTRAINT, 1, 1, 0},
    {AL_TOP_CONSTRAINTS, AL_TOP_CONSTRAINTTYPES, 2, AL_TERM_CONSTRAINT, 1, 1, 0},
    {AL_TOP_SETTLES, AL_TOP_NONE, 1, AL_TERM_SETTLE, 2, 0, 0},
    {AL_TOP_RESTRAINTS, AL_TOP_NONE, 1, AL_TERM_RESTRAINT, 3, 3, 0},
    {AL_TOP_CMAP, AL_TOP_CMAPTYPES, 1, AL_TERM_CMAP, 0, 0, 0},
    {AL_TOP_VSITES2, AL_TOP_NONE, 1, AL_TERM_VSITE2, 1, 0, 0},
    {AL_TOP_VSITES3, AL_TOP_NONE, 1, AL_TERM_VSITE3, 2, 0, 0},
    {AL_TOP_VSITES3, AL_TOP_NONE, 2, AL_TERM_VSITE3FD, 2, 0, 0},
    {AL_TOP_VSITES3, AL_TOP_NONE, 3, AL_TERM_VSITE3FAD, 2, 0, 1},
    {AL_TOP_VSITES3, AL_TOP_NONE, 4, AL_TERM_VSITE3OUT, 3, 0, 0},
};

allot_err al_top_fault(al_top_reader *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    allot_err code = al_source_fault(&r->source, r->line, ALLOT_EFORMAT, r->err, format, args);
    va_end(args);
    return code;
}

allot_err al_top_no_memory(al_top_reader *r)
{
    return al_fail(r->err, ALLOT_ENOMEM, 0, "out of memory for a topology");
}

bool al_top_number(const char *word, double *value)
{
    char *end;
    *value = strtod(word, &end);
    return end != word && *end == '\0' && isfinite(*value);
}

bool al_top_whole(const char *word, uint32_t *value)
{
    char *end;
    if (!isdigit((unsigned char)word[0]))
        return false;
    unsigned long n = strtoul(word, &end, 10);
    *value = (uint32_t)n;
    return *end == '\0' && n < INT32_MAX;
}

allot_err al_top_name_number(al_top_reader *r, const char *name, uint32_t *number_of)
{
    for (*number_of = 0; *number_of < r->nnames; ++*number_of)
        if (strcmp(r->names[*number_of], name) == 0)
            return ALLOT_OK;
    char *copy = strdup(name);
    if (copy == NULL || !AL_TOP_GROW(r->names, r->nnames)) {
        free(copy);
        return al_top_no_memory(r);
    }
    r->names[r->nnames++] = copy;
    return ALLOT_OK;
}

allot_err al_top_type_number(al_top_reader *r, const char *name, uint32_t *type)
{
    for (*type = 0; *type < r->top.ntypes; ++*type)
        if (strcmp(r->top.types[*type].name, name) == 0)
            return ALLOT_OK;
    return al_top_fault(r, "there is no atom type %.40s", name);
}

bool al_top_fits(const char *name)
{
    return strlen(name) <= AL_TOPOLOGY_NAME;
}

bool al_top_find_directive(const char *name, al_top_directive *what, const char **kept)
{
    for (size_t k = 0; k < sizeof directives / sizeof *directives; k++) {
        if (strcmp(directives[k].name, name) != 0)
            continue;
        *what = directives[k].what;
        *kept = directives[k].name;
        return true;
    }
    return false;
}

allot_err al_top_find_function(al_top_reader *r, al_top_directive d, const char *word, bool is_type,
                               const al_top_function **f)
{
    uint32_t n;
    if (!al_top_whole(word, &n))
        return al_top_fault(r, "the number of a function is wanted, not %.40s", word);
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++)
        if ((is_type ? functions[k].types : functions[k].where) == d && functions[k].number == (int)n) {
            *f = &functions[k];
            return ALLOT_OK;
        }
    char known[60] = "";
    for (size_t k = 0, at = 0; k < sizeof functions / sizeof *functions; k++)
        if ((is_type ? functions[k].types : functions[k].where) == d)
            at += (size_t)snprintf(known + at, sizeof known - at, " %d", functions[k].number);
    return al_top_fault(r, "function %u of [ %s ] is not supported; supported:%s", n, r->section, known);
}

allot_err al_top_read_params(al_top_reader *r, const al_top_function *f, uint32_t first,
                             double params[AL_TOP_PARAMS_MOST])
{
    uint32_t n = r->nwords - first;
    bool has_b = n > f->nparams;
    if (n != f->nparams && (f->nb == 0 || (n != (uint32_t)f->nparams + f->nb && n != 2U * f->nparams)))
        return al_top_fault(r, "function %d of [ %s ] wants %u numbers, not %u", f->number, r->section,
                            f->nparams, n);
    for (uint32_t k = 0; k < n; k++) {
        double value;
        if (!al_top_number(r->words[first + k], &value))
            return al_top_fault(r, "%.40s is not a number, nor a #define", r->words[first + k]);
        if (k < f->nparams)
            params[k] = value;
        else if (has_b && value != params[k - f->nparams])
            return al_top_fault(r, "a B state that differs (free energy) is not supported");
    }
    if (f->kind == AL_TERM_SETTLE && !(params[1] > 0 && params[1] < 2 * params[0]))
        return al_top_fault(
            r, "[ settles ]: no water has its hydrogens %g nm from the oxygen and %g nm from each other",
            params[0], params[1]);
    return ALLOT_OK;
}

al_molecule *al_top_latest(al_top_reader *r)
{
    return &r->top.molecules[r->top.nmolecules - 1];
}
