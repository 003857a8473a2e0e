/* top_tool.c - for tests/md/top.py: what the reader made of a topology, as text.
 *
 *     top_tool FILE [-I FOLDER]... [-D NAME[=VALUE]]... [h-bonds | all-bonds]
 *
 * Lines, with atoms from 0 in their molecule and angles in degrees:
 *     row MOLECULE COUNT | lj TYPE TYPE c6 c12 | cmap NUMBER SIDE values...
 *     molecule NAME, and of it: atom TYPE NAME charge mass | term KIND atoms... numbers... | excluded ATOM
 * others...
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "md/read/top.h"

enum { OPTIONS_MOST = 16 };

static const char *const kinds[] = {
#define KIND_NAME(name, text, natoms, nparams) #name,
    AL_TERMS(KIND_NAME)
#undef KIND_NAME
};

static void print_terms(const al_topology *t, const al_molecule *m, unsigned kind)
{
    bool has_angle = kind == AL_TERM_ANGLE || kind == AL_TERM_ANGLE_G96 || kind == AL_TERM_UREY ||
                     kind == AL_TERM_PROPER || kind == AL_TERM_IMPROPER ||
                     kind == AL_TERM_IMPROPER_PERIODIC || kind == AL_TERM_VSITE3FAD;
    for (uint32_t k = 0; k < m->nterms[kind]; k++) {
        printf("term %s", kinds[kind]);
        for (unsigned a = 0; a < al_term_infos[kind].natoms; a++)
            printf(" %" PRIu32, m->terms[kind][k].atom[a]);
        for (unsigned p = 0; p < al_term_infos[kind].nparams; p++)
            printf(" %.17g", t->params[m->terms[kind][k].params + p] *
                                 (has_angle && p == 0 ? 180 / 3.14159265358979323846 : 1));
        printf("\n");
    }
}

static void print_molecule(const al_topology *t, const al_molecule *m)
{
    printf("molecule %s\n", m->name);
    for (uint32_t a = 0; a < m->natoms; a++) {
        const al_molecule_atom *atom = &m->atoms[a];
        printf("atom %" PRIu32 " %s %.17g %.17g\n", atom->type, atom->name, atom->charge, atom->mass);
        printf("excluded %" PRIu32, a);
        for (uint32_t k = m->excluded_first[a]; k < m->excluded_first[a + 1]; k++)
            printf(" %" PRIu32, m->excluded[k]);
        printf("\n");
    }
    for (unsigned kind = 0; kind < AL_TERM_NKINDS; kind++)
        print_terms(t, m, kind);
}

static void print_topology(const al_topology *t)
{
    for (uint32_t k = 0; k < t->nrows; k++)
        printf("row %s %" PRIu64 "\n", t->molecules[t->rows[k].molecule].name, t->rows[k].count);
    for (uint32_t a = 0; a < t->ntypes; a++)
        for (uint32_t b = 0; b < t->ntypes; b++)
            printf("lj %" PRIu32 " %" PRIu32 " %.17g %.17g\n", a, b, t->c6[a * t->ntypes + b],
                   t->c12[a * t->ntypes + b]);
    for (uint32_t k = 0; k < t->ncmaps; k++) {
        printf("cmap %" PRIu32 " %" PRIu32, k, t->cmap_side[k]);
        for (uint32_t p = 0; p < t->cmap_side[k] * t->cmap_side[k]; p++)
            printf(" %.17g", t->cmaps[k][p]);
        printf("\n");
    }
    for (uint32_t k = 0; k < t->nmolecules; k++)
        print_molecule(t, &t->molecules[k]);
}

int main(int argc, char **argv)
{
    const char *folders[OPTIONS_MOST], *defines[OPTIONS_MOST], *constraints = "";
    al_source_options options = {.folders = folders, .defines = defines};
    al_topology topology = {.name = NULL};
    al_buffer warnings = {.at = NULL};
    allot_error err;
    for (int k = 2; k < argc; k++)
        if (strcmp(argv[k], "-I") == 0 && k + 1 < argc && options.nfolders < OPTIONS_MOST)
            folders[options.nfolders++] = argv[++k];
        else if (strcmp(argv[k], "-D") == 0 && k + 1 < argc && options.ndefines < OPTIONS_MOST)
            defines[options.ndefines++] = argv[++k];
        else
            constraints = argv[k];
    if (argc < 2)
        return 2;
    allot_err code = al_top_read(argv[1], &options, &topology, &warnings, &err);
    al_buffer_fini(&warnings);
    if (code == ALLOT_OK && constraints[0] != '\0')
        code = al_topology_constrain(&topology, strcmp(constraints, "h-bonds") == 0, &err);
    if (code == ALLOT_OK)
        print_topology(&topology);
    else
        fprintf(stderr, "%s\n", err.text);
    al_topology_fini(&topology);
    return code == ALLOT_OK ? 0 : 1;
}
