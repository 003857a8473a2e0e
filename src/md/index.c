/* index.c - see index.h. Which groups there are, and in which order, is what `gmx make_ndx` of GROMACS 2022
 * makes (tests/md/index.sh).
 *
 * A group that is made of a topology is a rule, not a list: it is asked of each atom of each kind of molecule
 * when the group is wanted.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/index.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/fail.h"

#define MAIN_CHAIN "N CA C O O1 O2 OC1 OC2 OT OXT"

/** Parts of a protein: names of their atoms, or of those they have not; NAME* is all that begin so. Digits
 * before a name do not count. */
static const struct {
    const char *name, *atoms;
    bool is_without;
} parts[] = {
    {"Protein-H", "H*", true},
    {"C-alpha", "CA", false},
    {"Backbone", "N CA C", false},
    {"MainChain", MAIN_CHAIN, false},
    {"MainChain+Cb", MAIN_CHAIN " CB", false},
    {"MainChain+H", MAIN_CHAIN " H1 H2 H3 H HN", false},
    {"SideChain", MAIN_CHAIN " H1 H2 H3 H HN", true},
    {"SideChain-H", MAIN_CHAIN " H*", true},
    {"Prot-Masses", "MN1 MN2 MCB1 MCB2 MCG1 MCG2 MCD1 MCD2 MCE1 MCE2 MNZ1 MNZ2", true},
};
enum { NPARTS = sizeof parts / sizeof *parts };

void al_index_fini(al_index *index)
{
    for (uint32_t k = 0; k < index->ngroups; k++) {
        free(index->groups[k].name);
        free(index->groups[k].listed);
    }
    free(index->groups);
    free(index->source);
    *index = (al_index){.source = NULL};
}

al_index_group *al_index_add(al_index *index, const char *name)
{
    al_index_group *groups = realloc(index->groups, (index->ngroups + 1) * sizeof *groups);
    index->groups = groups != NULL ? groups : index->groups;
    char *copy = groups != NULL ? strdup(name) : NULL;
    if (copy == NULL)
        return NULL;
    groups[index->ngroups] = (al_index_group){.name = copy};
    return &groups[index->ngroups++];
}

/* ---- rules ----------------------------------------------------------------------------------------------
 */

/** Whether one of a row of words, or the beginning of one that ends in *, is this name. */
static bool is_among(const char *words, const char *name)
{
    while (isdigit((unsigned char)*name))
        name++;
    for (const char *at = words; *at != '\0'; at += strspn(at, " ")) {
        size_t length = strcspn(at, " "), same = length - (at[length - 1] == '*');
        if (strncasecmp(at, name, same) == 0 && (same < length || name[same] == '\0'))
            return true;
        at += length;
    }
    return false;
}

static bool has_atom(const al_index_group *group, const al_molecule_atom *atom)
{
    if (group->rule == AL_INDEX_ALL)
        return true;
    if (group->rule == AL_INDEX_RESIDUE)
        return strcmp(group->name, atom->residue_name) == 0;
    al_residue_class is = al_residue_class_of(atom->residue_name);
    switch (group->rule) {
    case AL_INDEX_CLASS:
        return is == group->of;
    case AL_INDEX_NOT_CLASS:
        return is != group->of;
    case AL_INDEX_PART:
        return is == AL_RESIDUE_PROTEIN &&
               is_among(parts[group->part].atoms, atom->name) != parts[group->part].is_without;
    default: /* AL_INDEX_WATER_AND_IONS */
        return is == AL_RESIDUE_WATER || is == AL_RESIDUE_ION;
    }
}

/** How many atoms of a kind of molecule; into has[], if wanted, which ones. */
static uint64_t count_in(const al_index_group *group, const al_molecule *molecule, bool *has)
{
    uint64_t n = 0;
    for (uint32_t a = 0; a < molecule->natoms; a++) {
        bool is_in = has_atom(group, &molecule->atoms[a]);
        n += is_in;
        if (has != NULL)
            has[a] = is_in;
    }
    return n;
}

static uint64_t count_all(const al_index_group *group, const al_topology *topology)
{
    uint64_t n = 0;
    for (uint32_t r = 0; r < topology->nrows; r++)
        n +=
            topology->rows[r].count * count_in(group, &topology->molecules[topology->rows[r].molecule], NULL);
    return n;
}

/* ---- what there is --------------------------------------------------------------------------------------
 */

typedef struct maker {
    al_index *index;
    bool failed;
} maker;

/** @param to_all  also a group that all atoms are in, or none */
static void add(maker *m, const char *name, al_index_group like, bool to_all)
{
    like.name = (char *)(uintptr_t)name; /* rules look at it */
    uint64_t n = to_all ? 0 : count_all(&like, m->index->topology);
    if (!to_all && (n == 0 || n == m->index->topology->natoms))
        return;
    al_index_group *made = al_index_add(m->index, name);
    m->failed = m->failed || made == NULL;
    if (made == NULL)
        return;
    like.name = made->name;
    *made = like;
}

/** Whether a group from the first-th on is called so. Names that differ in capitals get a group each, so that
 * who asks for one is told that it is not clear which. */
static bool is_known(const al_index *index, uint32_t first, const char *name)
{
    for (uint32_t k = first; k < index->ngroups; k++)
        if (strcmp(index->groups[k].name, name) == 0)
            return true;
    return false;
}

/** Something for each residue that differs from the one before, in the order of the system; of a kind of
 * molecule once. */
static void each_residue(maker *m, void (*act)(maker *m, const char *residue, void *arg), void *arg)
{
    const al_topology *t = m->index->topology;
    for (uint32_t r = 0; r < t->nrows; r++) {
        const al_molecule *molecule = &t->molecules[t->rows[r].molecule];
        bool is_first = true;
        for (uint32_t k = 0; k < r; k++)
            is_first = is_first && t->rows[k].molecule != t->rows[r].molecule;
        for (uint32_t a = 0; a < molecule->natoms && is_first; a++)
            if (a == 0 || strcmp(molecule->atoms[a].residue_name, molecule->atoms[a - 1].residue_name) != 0)
                act(m, molecule->atoms[a].residue_name, arg);
    }
}

/** What is no protein, DNA, RNA or water is split by the names of residues; so ions stand there, too. */
static void add_residue(maker *m, const char *residue, void *first)
{
    al_residue_class is = al_residue_class_of(residue);
    if ((is == AL_RESIDUE_OTHER || is == AL_RESIDUE_ION) && !is_known(m->index, *(uint32_t *)first, residue))
        add(m, residue, (al_index_group){.rule = AL_INDEX_RESIDUE}, true);
}

static void add_class(maker *m, al_residue_class is)
{
    add(m, al_residue_class_names[is], (al_index_group){.rule = AL_INDEX_CLASS, .of = is}, true);
}

/** A class, when its first residue is met. Of Other, DNA and RNA GROMACS has the first one only. */
static void add_classes(maker *m, const char *residue, void *arg)
{
    bool *seen = arg;
    al_residue_class is = al_residue_class_of(residue);
    bool is_second = seen[AL_RESIDUE_OTHER] || seen[AL_RESIDUE_DNA] || seen[AL_RESIDUE_RNA];
    if (seen[is])
        return;
    seen[is] = true;
    if (is == AL_RESIDUE_PROTEIN) {
        add_class(m, is);
        for (uint8_t k = 0; k < NPARTS; k++)
            add(m, parts[k].name, (al_index_group){.rule = AL_INDEX_PART, .part = k}, true);
        add(m, "non-Protein", (al_index_group){.rule = AL_INDEX_NOT_CLASS, .of = is}, false);
    } else if (is == AL_RESIDUE_WATER) {
        add_class(m, is);
        add(m, "SOL", (al_index_group){.rule = AL_INDEX_CLASS, .of = is}, true);
        add(m, "non-Water", (al_index_group){.rule = AL_INDEX_NOT_CLASS, .of = is}, false);
    } else if (is == AL_RESIDUE_ION) {
        add_class(m, is);
    } else if (!is_second) {
        uint32_t first = m->index->ngroups;
        add_class(m, is);
        each_residue(m, add_residue, &first);
    }
}

/** What GROMACS has no group for: a second one of Other, DNA and RNA; NA in a system of protein, water and
 * ions; HOH. */
static void add_rest(maker *m, const char *residue, void *arg)
{
    al_residue_class is = al_residue_class_of(residue);
    const char *class_name = al_residue_class_names[is];
    (void)arg;
    if (!is_known(m->index, 0, class_name))
        add_class(m, is);
    if (is != AL_RESIDUE_PROTEIN && is != AL_RESIDUE_DNA && is != AL_RESIDUE_RNA &&
        !is_known(m->index, 0, residue))
        add(m, residue, (al_index_group){.rule = AL_INDEX_RESIDUE}, true);
}

allot_err al_index_of(const al_topology *topology, al_index *index, allot_error *err)
{
    al_index made = {.topology = topology};
    maker m = {.index = &made};
    bool seen[AL_RESIDUE_NCLASSES] = {false};
    add(&m, "System", (al_index_group){.rule = AL_INDEX_ALL}, true);
    each_residue(&m, add_classes, seen);
    if (seen[AL_RESIDUE_WATER] && seen[AL_RESIDUE_ION])
        add(&m, "Water_and_ions", (al_index_group){.rule = AL_INDEX_WATER_AND_IONS}, true);
    each_residue(&m, add_rest, NULL);
    if (m.failed) {
        al_index_fini(&made);
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory for groups");
    }
    *index = made;
    return ALLOT_OK;
}

/* ---- one of them ----------------------------------------------------------------------------------------
 */

static allot_err expand(const al_index_group *group, const al_topology *topology, uint64_t *atoms,
                        uint64_t *n)
{
    *n = 0;
    for (uint32_t r = 0; r < topology->nrows; r++) {
        const al_molecule_row *row = &topology->rows[r];
        const al_molecule *molecule = &topology->molecules[row->molecule];
        bool *has = calloc((size_t)molecule->natoms + 1, sizeof *has);
        if (has == NULL)
            return ALLOT_ENOMEM;
        uint64_t repeats = count_in(group, molecule, has) > 0 ? row->count : 0;
        for (uint64_t k = 0; k < repeats; k++)
            for (uint32_t a = 0; a < molecule->natoms; a++)
                if (has[a])
                    atoms[(*n)++] = row->first_atom + k * molecule->natoms + a;
        free(has);
    }
    return ALLOT_OK;
}

static int by_number(const void *x, const void *y)
{
    const uint64_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

static allot_err sort(const al_index *index, const al_index_group *group, uint64_t natoms, uint64_t *atoms,
                      uint64_t *n, allot_error *err)
{
    *n = group->nlisted;
    if (*n == 0)
        return ALLOT_OK;
    memcpy(atoms, group->listed, *n * sizeof *atoms);
    qsort(atoms, *n, sizeof *atoms, by_number);
    for (uint64_t k = 1; k < *n; k++)
        if (atoms[k] == atoms[k - 1])
            return al_fail(err, ALLOT_ERANGE, 0,
                           "%s:%" PRIu64 ": group %s has atom %" PRIu64 " twice; here each may be in it once",
                           index->source, group->line, group->name, atoms[k] + 1);
    if (atoms[*n - 1] >= natoms)
        return al_fail(err, ALLOT_ERANGE, 0,
                       "%s:%" PRIu64 ": group %s has atom %" PRIu64 ", and there are %" PRIu64
                       " atoms: is the file of this system?",
                       index->source, group->line, group->name, atoms[*n - 1] + 1, natoms);
    return ALLOT_OK;
}

/** @param[out] atoms  as al_index_find() */
static allot_err atoms_of(const al_index *index, const al_index_group *group, uint64_t natoms,
                          uint64_t **atoms, uint64_t *n, allot_error *err)
{
    bool is_listed = group->rule == AL_INDEX_LISTED;
    uint64_t room = is_listed ? group->nlisted : count_all(group, index->topology);
    uint64_t *found = malloc((room + 1) * sizeof *found);
    allot_err code = found == NULL ? ALLOT_ENOMEM
                     : is_listed   ? sort(index, group, natoms, found, n, err)
                                   : expand(group, index->topology, found, n);
    if (code == ALLOT_ENOMEM)
        (void)al_fail(err, code, 0, "out of memory for group %s", group->name);
    if (code == ALLOT_OK)
        *atoms = found;
    else
        free(found);
    return code;
}

static allot_err no_group(const al_index *index, const char *name, allot_error *err)
{
    al_buffer list = {.at = NULL};
    for (uint32_t k = 0; k < index->ngroups; k++) {
        (void)al_buffer_text(&list, k > 0 ? ", " : "");
        (void)al_buffer_text(&list, index->groups[k].name);
    }
    (void)al_buffer_byte(&list, '\0');
    const char *from = index->source != NULL ? index->source : "the topology";
    allot_err code = list.failed ? al_fail(err, ALLOT_ENOMEM, 0, "out of memory")
                                 : al_fail(err, ALLOT_ENOTFOUND, 0, "%s has no group %.60s; there %s: %s",
                                           from, name, index->ngroups == 0 ? "is none" : "are", list.at);
    al_buffer_fini(&list);
    return code;
}

allot_err al_index_find(const al_index *index, const char *name, uint64_t natoms, uint64_t **atoms,
                        uint64_t *n, allot_error *err)
{
    uint64_t *found = NULL, *other, nfound = 0, nother;
    allot_err code = ALLOT_OK;
    for (uint32_t k = 0; k < index->ngroups && code == ALLOT_OK; k++) {
        if (strcasecmp(index->groups[k].name, name) != 0)
            continue;
        code = atoms_of(index, &index->groups[k], natoms, &other, &nother, err);
        if (code != ALLOT_OK)
            break;
        bool differs =
            found != NULL && (nfound != nother || memcmp(found, other, nother * sizeof *other) != 0);
        free(found);
        found = other;
        nfound = nother;
        if (differs)
            code = al_fail(err, ALLOT_ERANGE, 0, "%s has several groups %s, which differ; rename one",
                           index->source != NULL ? index->source : "the topology", index->groups[k].name);
    }
    if (code == ALLOT_OK && found == NULL)
        return no_group(index, name, err);
    if (code == ALLOT_OK) {
        *atoms = found;
        *n = nfound;
    } else {
        free(found);
    }
    return code;
}
