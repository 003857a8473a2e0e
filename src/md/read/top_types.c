/* top_types.c - see top_types.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/top_types.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "md/read/top_term.h"

allot_err al_top_read_defaults(al_top_reader *r)
{
    uint32_t nb, rule;
    if (r->has_defaults)
        return al_top_fault(r, "a second [ defaults ]");
    if (r->nwords < 2 || !al_top_whole(r->words[0], &nb) || !al_top_whole(r->words[1], &rule) || rule < 1 ||
        rule > 3)
        return al_top_fault(
            r, "[ defaults ] wants: 1, a combination rule of 1 to 3, gen-pairs, fudgeLJ, fudgeQQ");
    if (nb != 1)
        return al_top_fault(r,
                            nb == 2
                                ? "the Buckingham potential (nbfunc 2) is not supported; Lennard-Jones (1) is"
                                : "nbfunc %u is not known; 1 is Lennard-Jones",
                            nb);
    r->top.combination = (al_combination)rule;
    r->gen_pairs = r->nwords > 2 && (r->words[2][0] == 'y' || r->words[2][0] == 'Y');
    if ((r->nwords > 3 && !al_top_number(r->words[3], &r->fudge_lj)) ||
        (r->nwords > 4 && !al_top_number(r->words[4], &r->fudge_qq)))
        return al_top_fault(r, "fudgeLJ and fudgeQQ are numbers");
    r->has_defaults = true;
    return ALLOT_OK;
}

/** Where particle types stand tells which of the two optional columns there are, as in GROMACS. */
allot_err al_top_read_atom_type(al_top_reader *r)
{
    char **w = r->words;
    bool both = r->nwords > 5 && strlen(w[5]) == 1 && isalpha((unsigned char)w[5][0]);
    bool none = !both && r->nwords > 3 && strlen(w[3]) == 1 && isalpha((unsigned char)w[3][0]);
    bool is_bonded = both || (!none && r->nwords > 1 && isalpha((unsigned char)w[1][0]));
    uint32_t at = both ? 3 : none ? 1 : 2;
    al_top_atom_type t = {.mass = 0};
    if (r->nwords != at + 5 || !al_top_number(w[at], &t.mass) || !al_top_number(w[at + 1], &t.charge) ||
        !al_top_number(w[at + 3], &t.v) || !al_top_number(w[at + 4], &t.w) || t.mass < 0)
        return al_top_fault(
            r, "an atom type wants: name, bonded type, atomic number (either may be left out), mass, "
               "charge, A or V, and two numbers");
    if (strchr("AVDavd", w[at + 2][0]) == NULL || w[at + 2][1] != '\0')
        return al_top_fault(r, "particle type %.10s is not supported; A (atom) and V or D (virtual site) are",
                            w[at + 2]);
    if (!al_top_fits(w[0]))
        return al_top_fault(r, "the name %.40s is longer than %d", w[0], AL_TOPOLOGY_NAME);
    allot_err code = al_top_name_number(r, is_bonded ? w[1] : w[0], &t.bonded);
    if (code != ALLOT_OK)
        return code;
    uint32_t k = 0;
    while (k < r->top.ntypes && strcmp(r->top.types[k].name, w[0]) != 0)
        k++;
    if (k == r->top.ntypes) {
        if (!AL_TOP_GROW(r->types, k) || !AL_TOP_GROW(r->top.types, k))
            return al_top_no_memory(r);
        r->top.ntypes++;
    }
    r->types[k] = t;
    (void)snprintf(r->top.types[k].name, sizeof r->top.types[k].name, "%s", w[0]);
    return ALLOT_OK;
}

allot_err al_top_read_special(al_top_reader *r)
{
    uint32_t a, b, f;
    double v, w;
    if (r->nwords != 5 || !al_top_whole(r->words[2], &f) || !al_top_number(r->words[3], &v) ||
        !al_top_number(r->words[4], &w))
        return al_top_fault(r, "[ nonbond_params ] wants: two types, 1, two numbers");
    if (f != 1)
        return al_top_fault(r, "[ nonbond_params ] function %u is not supported; 1 (Lennard-Jones) is", f);
    allot_err code = al_top_type_number(r, r->words[0], &a);
    if (code == ALLOT_OK)
        code = al_top_type_number(r, r->words[1], &b);
    if (code != ALLOT_OK)
        return code;
    double row[4] = {a, b, v, w};
    for (int k = 0; k < 4; k++) {
        if (!AL_TOP_GROW(r->special, r->nspecial))
            return al_top_no_memory(r);
        r->special[r->nspecial++] = row[k];
    }
    return ALLOT_OK;
}

static bool same_names(const al_top_entry *a, const al_top_entry *b)
{
    return a->f->kind == b->f->kind && memcmp(a->name, b->name, sizeof a->name) == 0;
}

/** Keep a type: function 9 may have rows of lines, others replace what was there. */
static allot_err keep_entry(al_top_reader *r, const al_top_entry *e)
{
    for (uint32_t k = 0; k < r->nentries; k++) {
        if (!same_names(&r->entries[k], e))
            continue;
        if (memcmp(r->entries[k].params, e->params, sizeof e->params) == 0)
            return ALLOT_OK;
        if (e->f->number == 9) {
            for (uint32_t j = k + 1; j < r->nentries; j++)
                if (r->entries[j].f->kind == e->f->kind && !same_names(&r->entries[j], e))
                    return al_top_fault(
                        r, "a second block of dihedral types 9 for the same atoms: put them together");
            break;
        }
        r->entries[k] = *e;
        return ALLOT_OK;
    }
    if (!AL_TOP_GROW(r->entries, r->nentries))
        return al_top_no_memory(r);
    r->entries[r->nentries++] = *e;
    return ALLOT_OK;
}

static allot_err read_grid(al_top_reader *r, uint32_t side, double *number_of)
{
    al_topology *t = &r->top;
    if (!AL_TOP_GROW(t->cmaps, t->ncmaps) || !AL_TOP_GROW(t->cmap_side, t->ncmaps))
        return al_top_no_memory(r);
    double *grid = malloc((size_t)side * side * sizeof *grid);
    if (grid == NULL)
        return al_top_no_memory(r);
    *number_of = t->ncmaps;
    t->cmap_side[t->ncmaps] = side;
    t->cmaps[t->ncmaps++] = grid;
    for (uint32_t k = 0; k < side * side; k++)
        if (!al_top_number(r->words[8 + k], &grid[k]))
            return al_top_fault(r, "%.40s in a CMAP grid is not a number", r->words[8 + k]);
    return ALLOT_OK;
}

allot_err al_top_read_type(al_top_reader *r, al_top_directive d)
{
    uint32_t natoms = d == AL_TOP_ANGLETYPES      ? 3
                      : d == AL_TOP_DIHEDRALTYPES ? 4
                      : d == AL_TOP_CMAPTYPES     ? 5
                                                  : 2,
             given = natoms;
    al_top_entry e = {.f = NULL};
    char any[] = "X", *name[AL_TERM_ATOMS] = {any, any, any, any, any};
    if (d == AL_TOP_DIHEDRALTYPES && r->nwords > 2 && strlen(r->words[2]) == 1 &&
        isdigit((unsigned char)r->words[2][0]))
        given = 2;
    if (r->nwords <= given)
        return al_top_fault(r, "[ %s ] wants %u types and a function", r->section, natoms);
    allot_err code = al_top_find_function(r, d, r->words[given], true, &e.f);
    if (code != ALLOT_OK)
        return code;
    for (uint32_t k = 0; k < given; k++) /* of two: the outer ones of impropers, the inner ones of others */
        name[given == natoms ? k : e.f->kind == AL_TERM_IMPROPER ? 3 * k : k + 1] = r->words[k];
    for (uint32_t k = 0; k < natoms && code == ALLOT_OK; k++)
        code = d == AL_TOP_PAIRTYPES ? al_top_type_number(r, name[k], &e.name[k])
                                     : al_top_name_number(r, name[k], &e.name[k]);
    if (code != ALLOT_OK)
        return code;
    uint32_t side, other;
    if (d != AL_TOP_CMAPTYPES)
        code = al_top_read_params(r, e.f, given + 1, e.params);
    else if (r->nwords < 8 || !al_top_whole(r->words[6], &side) || !al_top_whole(r->words[7], &other) ||
             side != other || side < 2 || side > 60 || r->nwords != 8 + side * side)
        code = al_top_fault(
            r, "[ cmaptypes ] wants: five types, 1, the sides of a square grid, and its numbers");
    else
        code = read_grid(r, side, &e.params[0]);
    return code == ALLOT_OK ? keep_entry(r, &e) : code;
}

/** How many names match without X; -1: one does not match. */
static int match(const al_top_entry *e, const uint32_t *name, uint32_t natoms, bool turned)
{
    int exact = 0;
    for (uint32_t k = 0; k < natoms; k++) {
        uint32_t mine = e->name[turned ? natoms - 1 - k : k];
        if (mine == name[k])
            exact++;
        else if (e->f->where != AL_TOP_DIHEDRALS || mine != 0)
            return -1;
    }
    return exact;
}

static void combine(al_top_reader *r, uint32_t a, uint32_t b, double *v, double *w)
{
    const al_top_atom_type *s = &r->types[a], *t = &r->types[b];
    *v = r->top.combination == AL_COMBINE_LORENTZ ? (s->v + t->v) / 2 : sqrt(s->v * t->v);
    *w = sqrt(s->w * t->w);
    for (uint32_t k = 0; k < r->nspecial; k += 4) {
        const double *row = &r->special[k];
        if ((row[0] == a && row[1] == b) || (row[0] == b && row[1] == a)) {
            *v = row[2];
            *w = row[3];
        }
    }
}

static allot_err missing(al_top_reader *r, const al_top_function *f, const uint32_t *atom)
{
    char text[120] = "";
    for (uint32_t k = 0, at = 0; k < al_term_infos[f->kind].natoms; k++)
        at += (uint32_t)snprintf(text + at, sizeof text - at, " %s",
                                 f->kind == AL_TERM_PAIR14
                                     ? r->top.types[al_top_latest(r)->atoms[atom[k]].type].name
                                     : r->names[r->types[al_top_latest(r)->atoms[atom[k]].type].bonded]);
    return al_top_fault(r, "no numbers for [ %s ] function %d, neither here nor for the types%s", r->section,
                        f->number, text);
}

allot_err al_top_look_up(al_top_reader *r, const al_top_function *f, const uint32_t *atom)
{
    uint32_t name[AL_TERM_ATOMS] = {0}, natoms = al_term_infos[f->kind].natoms, best = UINT32_MAX;
    int most = -1;
    for (uint32_t k = 0; k < natoms; k++) {
        uint32_t type = al_top_latest(r)->atoms[atom[k]].type;
        name[k] = f->kind == AL_TERM_PAIR14 ? type : r->types[type].bonded;
    }
    for (uint32_t k = 0; k < r->nentries; k++) {
        const al_top_entry *e = &r->entries[k];
        if (e->f->kind != f->kind || (f->kind == AL_TERM_RYCKAERT && e->f != f))
            continue;
        int ahead = match(e, name, natoms, false),
            back = f->kind == AL_TERM_CMAP ? -1 : match(e, name, natoms, true);
        if (ahead > most || back > most) {
            most = ahead > back ? ahead : back;
            best = k;
        }
    }
    if (best == UINT32_MAX && f->kind == AL_TERM_PAIR14 && r->gen_pairs) {
        double p[AL_TOP_PARAMS_MOST] = {0};
        combine(r, name[0], name[1], &p[0], &p[1]);
        p[1] *= r->fudge_lj;
        if (r->top.combination == AL_COMBINE_C6_C12)
            p[0] *= r->fudge_lj;
        return al_top_add_term(r, f, atom, p);
    }
    if (best == UINT32_MAX)
        return missing(r, f, atom);
    allot_err code = ALLOT_OK;
    for (uint32_t k = best, n = 0; k < r->nentries && code == ALLOT_OK; k++) {
        if (r->entries[k].f->kind != f->kind)
            continue;
        if (!same_names(&r->entries[k], &r->entries[best]))
            break;
        if (n++ > 0 && f->number != 9)
            return al_top_fault(r, "several types match: that is for dihedrals of function 9");
        code = al_top_add_term(r, f, atom, r->entries[k].params);
    }
    return code;
}

allot_err al_top_make_matrix(al_top_reader *r)
{
    al_topology *t = &r->top;
    size_t n = t->ntypes;
    t->c6 = calloc(n * n + 1, sizeof *t->c6);
    t->c12 = calloc(n * n + 1, sizeof *t->c12);
    if (t->c6 == NULL || t->c12 == NULL)
        return al_top_no_memory(r);
    t->has_special_pairs = r->nspecial > 0;
    bool is_sigma = t->combination != AL_COMBINE_C6_C12;
    uint32_t nspecial = r->nspecial;
    r->nspecial = 0; /* written over the matrix below, not searched for in every pair */
    for (uint32_t a = 0; a < n; a++)
        for (uint32_t b = 0; b < n; b++) {
            double v, w;
            combine(r, a, b, &v, &w);
            double s6 = is_sigma ? v * v * v * v * v * v : 0;
            t->c6[a * n + b] = is_sigma ? 4 * w * s6 : v;
            t->c12[a * n + b] = is_sigma ? 4 * w * s6 * s6 : w;
        }
    for (r->nspecial = nspecial; nspecial > 0; nspecial -= 4) {
        const double *row = &r->special[r->nspecial - nspecial];
        size_t a = (size_t)row[0], b = (size_t)row[1];
        double s6 = pow(row[2], 6);
        t->c6[a * n + b] = t->c6[b * n + a] = is_sigma ? 4 * row[3] * s6 : row[2];
        t->c12[a * n + b] = t->c12[b * n + a] = is_sigma ? 4 * row[3] * s6 * s6 : row[3];
    }
    for (uint32_t a = 0; a < n; a++) {
        const al_top_atom_type *s = &r->types[a];
        bool has = s->v > 0 && s->w > 0;
        t->types[a].sigma = is_sigma ? s->v : has ? pow(s->w / s->v, 1.0 / 6) : 0;
        t->types[a].epsilon = is_sigma ? s->w : has ? s->v * s->v / (4 * s->w) : 0;
    }
    return ALLOT_OK;
}
