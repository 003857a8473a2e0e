/* top.c - see top.h. Lines come from source.c; types are looked up at the line that needs them, in GROMACS's
 * order: what stands on the line wins, then types of the same function, as they are or turned round, the one
 * with the fewest X first. (GROMACS reference manual, "File formats: Topology file".)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/top.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "md/match.h"

enum { PARAMS_MOST = 6, WORDS_MOST = 4096, NREXCL_MOST = 16 };
#define PI 3.14159265358979323846

typedef enum directive {
    NONE,
    DEFAULTS,
    ATOMTYPES,
    BONDTYPES,
    ANGLETYPES,
    DIHEDRALTYPES,
    CONSTRAINTTYPES,
    PAIRTYPES,
    NONBOND_PARAMS,
    CMAPTYPES,
    SKIPPED,
    MOLECULETYPE,
    ATOMS,
    BONDS,
    PAIRS,
    ANGLES,
    DIHEDRALS,
    EXCLUSIONS,
    CONSTRAINTS,
    SETTLES,
    RESTRAINTS,
    CMAP,
    VSITES2,
    VSITES3,
    SYSTEM,
    MOLECULES
} directive;

static const struct {
    const char *name;
    directive what;
} directives[] = {{"defaults", DEFAULTS},
                  {"atomtypes", ATOMTYPES},
                  {"bondtypes", BONDTYPES},
                  {"angletypes", ANGLETYPES},
                  {"dihedraltypes", DIHEDRALTYPES},
                  {"constrainttypes", CONSTRAINTTYPES},
                  {"pairtypes", PAIRTYPES},
                  {"nonbond_params", NONBOND_PARAMS},
                  {"cmaptypes", CMAPTYPES},
                  {"implicit_genborn_params", SKIPPED},
                  {"implicit_surface_params", SKIPPED},
                  {"moleculetype", MOLECULETYPE},
                  {"atoms", ATOMS},
                  {"bonds", BONDS},
                  {"pairs", PAIRS},
                  {"angles", ANGLES},
                  {"dihedrals", DIHEDRALS},
                  {"exclusions", EXCLUSIONS},
                  {"constraints", CONSTRAINTS},
                  {"settles", SETTLES},
                  {"position_restraints", RESTRAINTS},
                  {"cmap", CMAP},
                  {"virtual_sites2", VSITES2},
                  {"dummies2", VSITES2},
                  {"virtual_sites3", VSITES3},
                  {"dummies3", VSITES3},
                  {"system", SYSTEM},
                  {"molecules", MOLECULES}};

/** A function of a section. `turned`: which parameters are degrees; nb: numbers of the B state. */
typedef struct function {
    directive where, types;
    int number;
    al_term_kind kind;
    uint8_t nparams, nb, degrees;
} function;

static const function functions[] = {
    {BONDS, BONDTYPES, 1, AL_TERM_BOND, 2, 2, 0},
    {BONDS, BONDTYPES, 2, AL_TERM_BOND_G96, 2, 2, 0},
    {ANGLES, ANGLETYPES, 1, AL_TERM_ANGLE, 2, 2, 1},
    {ANGLES, ANGLETYPES, 2, AL_TERM_ANGLE_G96, 2, 2, 1},
    {ANGLES, ANGLETYPES, 5, AL_TERM_UREY, 4, 4, 1},
    {DIHEDRALS, DIHEDRALTYPES, 1, AL_TERM_PROPER, 3, 2, 1},
    {DIHEDRALS, DIHEDRALTYPES, 9, AL_TERM_PROPER, 3, 2, 1},
    {DIHEDRALS, DIHEDRALTYPES, 2, AL_TERM_IMPROPER, 2, 2, 1},
    {DIHEDRALS, DIHEDRALTYPES, 4, AL_TERM_IMPROPER_PERIODIC, 3, 2, 1},
    {DIHEDRALS, DIHEDRALTYPES, 3, AL_TERM_RYCKAERT, 6, 6, 0},
    {DIHEDRALS, DIHEDRALTYPES, 5, AL_TERM_RYCKAERT, 4, 4, 0},
    {PAIRS, PAIRTYPES, 1, AL_TERM_PAIR14, 2, 2, 0},
    {CONSTRAINTS, CONSTRAINTTYPES, 1, AL_TERM_CONSTRAINT, 1, 1, 0},
    {CONSTRAINTS, CONSTRAINTTYPES, 2, AL_TERM_CONSTRAINT, 1, 1, 0},
    {SETTLES, NONE, 1, AL_TERM_SETTLE, 2, 0, 0},
    {RESTRAINTS, NONE, 1, AL_TERM_RESTRAINT, 3, 3, 0},
    {CMAP, CMAPTYPES, 1, AL_TERM_CMAP, 0, 0, 0},
    {VSITES2, NONE, 1, AL_TERM_VSITE2, 1, 0, 0},
    {VSITES3, NONE, 1, AL_TERM_VSITE3, 2, 0, 0},
    {VSITES3, NONE, 2, AL_TERM_VSITE3FD, 2, 0, 0},
    {VSITES3, NONE, 3, AL_TERM_VSITE3FAD, 2, 0, 1},
    {VSITES3, NONE, 4, AL_TERM_VSITE3OUT, 3, 0, 0},
};

typedef struct atom_type {
    uint32_t bonded; /* number of its name in names[] */
    double mass, charge, v, w;
} atom_type;

/** A line of a ...types section; params as the file has them. */
typedef struct entry {
    const function *f;
    uint32_t name[AL_TERM_ATOMS];
    double params[PARAMS_MOST];
} entry;

typedef struct edge {
    uint32_t a, b;
} edge;

/** What an atom of the molecule being read has to do with virtual sites, and where it stands. */
typedef struct role {
    const al_source_line *line;
    bool is_site, makes_site;
} role;

typedef struct reader {
    al_source source;
    al_topology top;
    role *roles;
    atom_type *types;
    entry *entries;
    char **names;            /* of bonded types; 0 is X */
    edge *bonded, *excluded; /* of the molecule being read */
    uint32_t nentries, nnames, nbonded, nexcluded, nrexcl;
    bool has_defaults, gen_pairs;
    double fudge_lj, fudge_qq;
    double *special; /* nonbond_params: a, b, v, w */
    uint32_t nspecial;
    char *words[WORDS_MOST];
    uint32_t nwords;
    const al_source_line *line;
    const char *section;
    al_buffer *warnings;
    allot_error *err;
} reader;

static allot_err AL_COLD ALLOT_PRINTF(2, 3) fault(reader *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    allot_err code = al_source_fault(&r->source, r->line, ALLOT_EFORMAT, r->err, format, args);
    va_end(args);
    return code;
}

static allot_err AL_COLD no_memory(reader *r)
{
    return al_fail(r->err, ALLOT_ENOMEM, 0, "out of memory for a topology");
}

#define GROW(array, n) al_source_grow(&(array), (n), sizeof *(array))

static bool number(const char *word, double *value)
{
    char *end;
    *value = strtod(word, &end);
    return end != word && *end == '\0' && isfinite(*value);
}

static bool whole(const char *word, uint32_t *value)
{
    char *end;
    if (!isdigit((unsigned char)word[0]))
        return false;
    unsigned long n = strtoul(word, &end, 10);
    *value = (uint32_t)n;
    return *end == '\0' && n < INT32_MAX;
}

static allot_err name_number(reader *r, const char *name, uint32_t *number_of)
{
    for (*number_of = 0; *number_of < r->nnames; ++*number_of)
        if (strcmp(r->names[*number_of], name) == 0)
            return ALLOT_OK;
    char *copy = strdup(name);
    if (copy == NULL || !GROW(r->names, r->nnames)) {
        free(copy);
        return no_memory(r);
    }
    r->names[r->nnames++] = copy;
    return ALLOT_OK;
}

static allot_err type_number(reader *r, const char *name, uint32_t *type)
{
    for (*type = 0; *type < r->top.ntypes; ++*type)
        if (strcmp(r->top.types[*type].name, name) == 0)
            return ALLOT_OK;
    return fault(r, "there is no atom type %.40s", name);
}

static bool fits(const char *name)
{
    return strlen(name) <= AL_TOPOLOGY_NAME;
}

static allot_err read_defaults(reader *r)
{
    uint32_t nb, rule;
    if (r->has_defaults)
        return fault(r, "a second [ defaults ]");
    if (r->nwords < 2 || !whole(r->words[0], &nb) || !whole(r->words[1], &rule) || rule < 1 || rule > 3)
        return fault(r, "[ defaults ] wants: 1, a combination rule of 1 to 3, gen-pairs, fudgeLJ, fudgeQQ");
    if (nb != 1)
        return fault(r,
                     nb == 2 ? "the Buckingham potential (nbfunc 2) is not supported; Lennard-Jones (1) is"
                             : "nbfunc %u is not known; 1 is Lennard-Jones",
                     nb);
    r->top.combination = (al_combination)rule;
    r->gen_pairs = r->nwords > 2 && (r->words[2][0] == 'y' || r->words[2][0] == 'Y');
    if ((r->nwords > 3 && !number(r->words[3], &r->fudge_lj)) ||
        (r->nwords > 4 && !number(r->words[4], &r->fudge_qq)))
        return fault(r, "fudgeLJ and fudgeQQ are numbers");
    r->has_defaults = true;
    return ALLOT_OK;
}

/** Where particle types stand tells which of the two optional columns there are, as in GROMACS. */
static allot_err read_atom_type(reader *r)
{
    char **w = r->words;
    bool both = r->nwords > 5 && strlen(w[5]) == 1 && isalpha((unsigned char)w[5][0]);
    bool none = !both && r->nwords > 3 && strlen(w[3]) == 1 && isalpha((unsigned char)w[3][0]);
    bool is_bonded = both || (!none && r->nwords > 1 && isalpha((unsigned char)w[1][0]));
    uint32_t at = both ? 3 : none ? 1 : 2;
    atom_type t = {.mass = 0};
    if (r->nwords != at + 5 || !number(w[at], &t.mass) || !number(w[at + 1], &t.charge) ||
        !number(w[at + 3], &t.v) || !number(w[at + 4], &t.w) || t.mass < 0)
        return fault(r,
                     "an atom type wants: name, bonded type, atomic number (either may be left out), mass, "
                     "charge, A or V, and two numbers");
    if (strchr("AVDavd", w[at + 2][0]) == NULL || w[at + 2][1] != '\0')
        return fault(r, "particle type %.10s is not supported; A (atom) and V or D (virtual site) are",
                     w[at + 2]);
    if (!fits(w[0]))
        return fault(r, "the name %.40s is longer than %d", w[0], AL_TOPOLOGY_NAME);
    allot_err code = name_number(r, is_bonded ? w[1] : w[0], &t.bonded);
    if (code != ALLOT_OK)
        return code;
    uint32_t k = 0;
    while (k < r->top.ntypes && strcmp(r->top.types[k].name, w[0]) != 0)
        k++;
    if (k == r->top.ntypes) {
        if (!GROW(r->types, k) || !GROW(r->top.types, k))
            return no_memory(r);
        r->top.ntypes++;
    }
    r->types[k] = t;
    (void)snprintf(r->top.types[k].name, sizeof r->top.types[k].name, "%s", w[0]);
    return ALLOT_OK;
}

static allot_err read_special(reader *r)
{
    uint32_t a, b, f;
    double v, w;
    if (r->nwords != 5 || !whole(r->words[2], &f) || !number(r->words[3], &v) || !number(r->words[4], &w))
        return fault(r, "[ nonbond_params ] wants: two types, 1, two numbers");
    if (f != 1)
        return fault(r, "[ nonbond_params ] function %u is not supported; 1 (Lennard-Jones) is", f);
    allot_err code = type_number(r, r->words[0], &a);
    if (code == ALLOT_OK)
        code = type_number(r, r->words[1], &b);
    if (code != ALLOT_OK)
        return code;
    double row[4] = {a, b, v, w};
    for (int k = 0; k < 4; k++) {
        if (!GROW(r->special, r->nspecial))
            return no_memory(r);
        r->special[r->nspecial++] = row[k];
    }
    return ALLOT_OK;
}

static allot_err find_function(reader *r, directive d, const char *word, bool is_type, const function **f)
{
    uint32_t n;
    if (!whole(word, &n))
        return fault(r, "the number of a function is wanted, not %.40s", word);
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++)
        if ((is_type ? functions[k].types : functions[k].where) == d && functions[k].number == (int)n) {
            *f = &functions[k];
            return ALLOT_OK;
        }
    char known[60] = "";
    for (size_t k = 0, at = 0; k < sizeof functions / sizeof *functions; k++)
        if ((is_type ? functions[k].types : functions[k].where) == d)
            at += (size_t)snprintf(known + at, sizeof known - at, " %d", functions[k].number);
    return fault(r, "function %u of [ %s ] is not supported; supported:%s", n, r->section, known);
}

/** Numbers from words; a B state must equal the A state. */
static allot_err read_params(reader *r, const function *f, uint32_t first, double params[PARAMS_MOST])
{
    uint32_t n = r->nwords - first;
    bool has_b = n > f->nparams;
    if (n != f->nparams && (f->nb == 0 || (n != (uint32_t)f->nparams + f->nb && n != 2U * f->nparams)))
        return fault(r, "function %d of [ %s ] wants %u numbers, not %u", f->number, r->section, f->nparams,
                     n);
    for (uint32_t k = 0; k < n; k++) {
        double value;
        if (!number(r->words[first + k], &value))
            return fault(r, "%.40s is not a number, nor a #define", r->words[first + k]);
        if (k < f->nparams)
            params[k] = value;
        else if (has_b && value != params[k - f->nparams])
            return fault(r, "a B state that differs (free energy) is not supported");
    }
    if (f->kind == AL_TERM_SETTLE && !(params[1] > 0 && params[1] < 2 * params[0]))
        return fault(
            r, "[ settles ]: no water has its hydrogens %g nm from the oxygen and %g nm from each other",
            params[0], params[1]);
    return ALLOT_OK;
}

static bool same_names(const entry *a, const entry *b)
{
    return a->f->kind == b->f->kind && memcmp(a->name, b->name, sizeof a->name) == 0;
}

/** Keep a type: function 9 may have rows of lines, others replace what was there. */
static allot_err keep_entry(reader *r, const entry *e)
{
    for (uint32_t k = 0; k < r->nentries; k++) {
        if (!same_names(&r->entries[k], e))
            continue;
        if (memcmp(r->entries[k].params, e->params, sizeof e->params) == 0)
            return ALLOT_OK;
        if (e->f->number == 9) {
            for (uint32_t j = k + 1; j < r->nentries; j++)
                if (r->entries[j].f->kind == e->f->kind && !same_names(&r->entries[j], e))
                    return fault(r,
                                 "a second block of dihedral types 9 for the same atoms: put them together");
            break;
        }
        r->entries[k] = *e;
        return ALLOT_OK;
    }
    if (!GROW(r->entries, r->nentries))
        return no_memory(r);
    r->entries[r->nentries++] = *e;
    return ALLOT_OK;
}

static allot_err read_grid(reader *r, uint32_t side, double *number_of)
{
    al_topology *t = &r->top;
    if (!GROW(t->cmaps, t->ncmaps) || !GROW(t->cmap_side, t->ncmaps))
        return no_memory(r);
    double *grid = malloc((size_t)side * side * sizeof *grid);
    if (grid == NULL)
        return no_memory(r);
    *number_of = t->ncmaps;
    t->cmap_side[t->ncmaps] = side;
    t->cmaps[t->ncmaps++] = grid;
    for (uint32_t k = 0; k < side * side; k++)
        if (!number(r->words[8 + k], &grid[k]))
            return fault(r, "%.40s in a CMAP grid is not a number", r->words[8 + k]);
    return ALLOT_OK;
}

/** Lines of bondtypes and the like: names, function, numbers. */
static allot_err read_type(reader *r, directive d)
{
    uint32_t natoms = d == ANGLETYPES ? 3 : d == DIHEDRALTYPES ? 4 : d == CMAPTYPES ? 5 : 2, given = natoms;
    entry e = {.f = NULL};
    char any[] = "X", *name[AL_TERM_ATOMS] = {any, any, any, any, any};
    if (d == DIHEDRALTYPES && r->nwords > 2 && strlen(r->words[2]) == 1 &&
        isdigit((unsigned char)r->words[2][0]))
        given = 2;
    if (r->nwords <= given)
        return fault(r, "[ %s ] wants %u types and a function", r->section, natoms);
    allot_err code = find_function(r, d, r->words[given], true, &e.f);
    if (code != ALLOT_OK)
        return code;
    for (uint32_t k = 0; k < given; k++) /* of two: the outer ones of impropers, the inner ones of others */
        name[given == natoms ? k : e.f->kind == AL_TERM_IMPROPER ? 3 * k : k + 1] = r->words[k];
    for (uint32_t k = 0; k < natoms && code == ALLOT_OK; k++)
        code = d == PAIRTYPES ? type_number(r, name[k], &e.name[k]) : name_number(r, name[k], &e.name[k]);
    if (code != ALLOT_OK)
        return code;
    uint32_t side, other;
    if (d != CMAPTYPES)
        code = read_params(r, e.f, given + 1, e.params);
    else if (r->nwords < 8 || !whole(r->words[6], &side) || !whole(r->words[7], &other) || side != other ||
             side < 2 || side > 60 || r->nwords != 8 + side * side)
        code = fault(r, "[ cmaptypes ] wants: five types, 1, the sides of a square grid, and its numbers");
    else
        code = read_grid(r, side, &e.params[0]);
    return code == ALLOT_OK ? keep_entry(r, &e) : code;
}

static al_molecule *latest(reader *r)
{
    return &r->top.molecules[r->top.nmolecules - 1];
}

/** grompp's rule: terms that force fields write for every angle and the like, and that do nothing. */
static bool is_left_out(al_term_kind kind, const double *p)
{
    bool is_zero = true;
    for (unsigned k = 0; k < al_term_infos[kind].nparams; k++)
        is_zero = is_zero && p[k] == 0;
    switch (kind) {
    case AL_TERM_PROPER:
    case AL_TERM_IMPROPER_PERIODIC:
        return p[1] == 0;
    case AL_TERM_ANGLE:
    case AL_TERM_ANGLE_G96:
    case AL_TERM_UREY:
    case AL_TERM_IMPROPER:
    case AL_TERM_RYCKAERT:
    case AL_TERM_RESTRAINT:
        return is_zero;
    default:
        return false;
    }
}

static allot_err add_term(reader *r, const function *f, const uint32_t *atom, const double *given)
{
    al_molecule *m = latest(r);
    double p[PARAMS_MOST] = {0};
    uint32_t n = al_term_infos[f->kind].nparams, *count = &m->nterms[f->kind];
    memcpy(p, given, sizeof p);
    if (f->kind == AL_TERM_PAIR14) {
        bool is_sigma = r->top.combination != AL_COMBINE_C6_C12;
        double s6 = pow(given[0], 6);
        p[0] = is_sigma ? 4 * given[1] * s6 : given[0];
        p[1] = is_sigma ? 4 * given[1] * s6 * s6 : given[1];
        p[2] = r->fudge_qq * m->atoms[atom[0]].charge * m->atoms[atom[1]].charge;
    } else if (f->where == DIHEDRALS && f->number == 5) {
        double rb[PARAMS_MOST] = {given[1] + (given[0] + given[2]) / 2,
                                  (3 * given[2] - given[0]) / 2,
                                  4 * given[3] - given[1],
                                  -2 * given[2],
                                  -4 * given[3],
                                  0};
        memcpy(p, rb, sizeof p);
    } else if (f->degrees > 0) {
        p[0] *= PI / 180;
    }
    if (is_left_out(f->kind, p))
        return ALLOT_OK;
    if (!GROW(m->terms[f->kind], *count))
        return no_memory(r);
    al_term term = {.params = r->top.nparams};
    memcpy(term.atom, atom, sizeof term.atom);
    for (uint32_t k = 0; k < n; k++) {
        if (!GROW(r->top.params, r->top.nparams))
            return no_memory(r);
        r->top.params[r->top.nparams++] = p[k];
    }
    m->terms[f->kind][(*count)++] = term;
    return ALLOT_OK;
}

/** How many names match without X; -1: one does not match. */
static int match(const entry *e, const uint32_t *name, uint32_t natoms, bool turned)
{
    int exact = 0;
    for (uint32_t k = 0; k < natoms; k++) {
        uint32_t mine = e->name[turned ? natoms - 1 - k : k];
        if (mine == name[k])
            exact++;
        else if (e->f->where != DIHEDRALS || mine != 0)
            return -1;
    }
    return exact;
}

static void combine(reader *r, uint32_t a, uint32_t b, double *v, double *w)
{
    const atom_type *s = &r->types[a], *t = &r->types[b];
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

static allot_err missing(reader *r, const function *f, const uint32_t *atom)
{
    char text[120] = "";
    for (uint32_t k = 0, at = 0; k < al_term_infos[f->kind].natoms; k++)
        at += (uint32_t)snprintf(text + at, sizeof text - at, " %s",
                                 f->kind == AL_TERM_PAIR14
                                     ? r->top.types[latest(r)->atoms[atom[k]].type].name
                                     : r->names[r->types[latest(r)->atoms[atom[k]].type].bonded]);
    return fault(r, "no numbers for [ %s ] function %d, neither here nor for the types%s", r->section,
                 f->number, text);
}

static allot_err look_up(reader *r, const function *f, const uint32_t *atom)
{
    uint32_t name[AL_TERM_ATOMS] = {0}, natoms = al_term_infos[f->kind].natoms, best = UINT32_MAX;
    int most = -1;
    for (uint32_t k = 0; k < natoms; k++) {
        uint32_t type = latest(r)->atoms[atom[k]].type;
        name[k] = f->kind == AL_TERM_PAIR14 ? type : r->types[type].bonded;
    }
    for (uint32_t k = 0; k < r->nentries; k++) {
        const entry *e = &r->entries[k];
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
        double p[PARAMS_MOST] = {0};
        combine(r, name[0], name[1], &p[0], &p[1]);
        p[1] *= r->fudge_lj;
        if (r->top.combination == AL_COMBINE_C6_C12)
            p[0] *= r->fudge_lj;
        return add_term(r, f, atom, p);
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
            return fault(r, "several types match: that is for dihedrals of function 9");
        code = add_term(r, f, atom, r->entries[k].params);
    }
    return code;
}

static allot_err add_edge(reader *r, edge **edges, uint32_t *n, uint32_t a, uint32_t b)
{
    if (!GROW(*edges, *n))
        return no_memory(r);
    (*edges)[(*n)++] = (edge){a, b};
    return ALLOT_OK;
}

static allot_err read_atom_number(reader *r, const char *word, uint32_t *atom)
{
    if (!whole(word, atom) || *atom < 1 || *atom > latest(r)->natoms)
        return fault(r, "%.40s is not an atom of %s: it has %u", word, latest(r)->name, latest(r)->natoms);
    --*atom;
    return ALLOT_OK;
}

/** A virtual site and its atoms: sites are placed in any order, so none is made of another. */
static allot_err mark_site(reader *r, const uint32_t *atom, uint32_t natoms)
{
    for (uint32_t k = 0; k < natoms; k++) {
        role *mine = &r->roles[atom[k]];
        if (k == 0 && mine->is_site)
            return fault(r, "atom %u is a virtual site already", atom[k] + 1);
        if (k == 0 ? mine->makes_site : mine->is_site)
            return fault(r,
                         "atom %u is a virtual site and another site is made of it, which is not supported: "
                         "make each of atoms with mass",
                         atom[k] + 1);
        mine->is_site = mine->is_site || k == 0;
        mine->makes_site = mine->makes_site || k > 0;
    }
    return ALLOT_OK;
}

/** An atom without mass is a virtual site, and a virtual site has none. */
static allot_err check_sites(reader *r, const al_molecule *m)
{
    for (uint32_t a = 0; a < m->natoms; a++) {
        if (r->roles[a].is_site == (m->atoms[a].mass == 0))
            continue;
        r->line = r->roles[a].line;
        return fault(r,
                     r->roles[a].is_site
                         ? "atom %u, %s, is a virtual site and has a mass, which must be 0"
                         : "atom %u, %s, has no mass, and no [ virtual_sites ] says where it is",
                     a + 1, m->atoms[a].name);
    }
    return ALLOT_OK;
}

static allot_err read_term(reader *r, directive d)
{
    uint32_t given = d == SETTLES || d == RESTRAINTS  ? 1
                     : d == ANGLES || d == VSITES2    ? 3
                     : d == CMAP                      ? 5
                     : d == DIHEDRALS || d == VSITES3 ? 4
                                                      : 2;
    uint32_t atom[AL_TERM_ATOMS] = {0};
    double params[PARAMS_MOST] = {0};
    const function *f;
    char one[] = "1"; /* the function that is meant where a line has atoms only */
    if (r->nwords == given)
        r->words[r->nwords++] = one;
    if (r->nwords < given)
        return fault(r, "[ %s ] wants %u atom%s and a function", r->section, given, given > 1 ? "s" : "");
    allot_err code = find_function(r, d, r->words[given], false, &f);
    for (uint32_t k = 0; k < given && code == ALLOT_OK; k++) {
        code = read_atom_number(r, r->words[k], &atom[k]);
        for (uint32_t j = 0; j < k && code == ALLOT_OK; j++)
            if (atom[j] == atom[k] && d != CMAP)
                code = fault(r, "atom %u stands twice", atom[k] + 1);
    }
    if (code != ALLOT_OK)
        return code;
    if (d == SETTLES) {
        if (atom[0] + 2 >= latest(r)->natoms)
            return fault(r, "[ settles ] wants an oxygen with two hydrogens after it");
        atom[1] = atom[0] + 1;
        atom[2] = atom[0] + 2;
    }
    if (d == BONDS ||
        (d == CONSTRAINTS && f->number == 1)) /* for nrexcl settles are no bonds, as in grompp */
        code = add_edge(r, &r->bonded, &r->nbonded, atom[0], atom[1]);
    if (code != ALLOT_OK)
        return code;
    if (r->nwords == given + 1 && f->types != NONE)
        return look_up(r, f, atom);
    code = read_params(r, f, given + 1, params);
    if (code == ALLOT_OK && (d == VSITES2 || d == VSITES3))
        code = mark_site(r, atom, given);
    return code == ALLOT_OK ? add_term(r, f, atom, params) : code;
}

static allot_err read_atom(reader *r)
{
    al_molecule *m = latest(r);
    char **w = r->words, *end;
    uint32_t nr, type_b;
    double charge_b, mass_b;
    al_molecule_atom a = {.mass = 0};
    if (r->nwords < 6 || !whole(w[0], &nr) || nr != m->natoms + 1)
        return fault(
            r, "an atom wants: its number, %u here, type, residue and its name, atom name, charge group",
            m->natoms + 1);
    allot_err code = type_number(r, w[1], &a.type);
    if (code != ALLOT_OK)
        return code;
    a.residue = (int32_t)strtol(w[2], &end, 10);
    if (end == w[2] || !fits(w[3]) || !fits(w[4]))
        return fault(r, "a residue is a number, and names have at most %d characters", AL_TOPOLOGY_NAME);
    (void)snprintf(a.residue_name, sizeof a.residue_name, "%s", w[3]);
    (void)snprintf(a.name, sizeof a.name, "%s", w[4]);
    a.is_hydrogen = toupper((unsigned char)a.name[0]) == 'H'; /* grompp's rule */
    a.charge = r->types[a.type].charge;
    a.mass = r->types[a.type].mass;
    if ((r->nwords > 6 && !number(w[6], &a.charge)) || (r->nwords > 7 && !number(w[7], &a.mass)) ||
        a.mass < 0)
        return fault(r, "charge and mass are numbers, the mass not negative");
    if (r->nwords > 8) {
        code = type_number(r, w[8], &type_b);
        if (code != ALLOT_OK)
            return code;
        charge_b = r->types[type_b].charge;
        mass_b = r->types[type_b].mass;
        if ((r->nwords > 9 && !number(w[9], &charge_b)) || (r->nwords > 10 && !number(w[10], &mass_b)) ||
            r->nwords > 11 || type_b != a.type || charge_b != a.charge || mass_b != a.mass)
            return fault(r, "a B state that differs (free energy) is not supported");
    }
    if (!GROW(m->atoms, m->natoms) || !GROW(r->roles, m->natoms))
        return no_memory(r);
    r->roles[m->natoms] = (role){.line = r->line};
    m->atoms[m->natoms++] = a;
    return ALLOT_OK;
}

static int by_edge(const void *x, const void *y)
{
    const edge *a = x, *b = y;
    return a->a != b->a ? (a->a < b->a ? -1 : 1) : (a->b > b->b) - (a->b < b->b);
}

static void sort_edges(edge *edges, uint32_t n)
{
    if (n > 0)
        qsort(edges, n, sizeof *edges, by_edge);
}

/** Atoms up to nrexcl bonds from one, breadth first over the sorted bonds. first[a]: where a's begin. */
static allot_err exclude_near(reader *r, const uint32_t *first, uint32_t *seen, uint32_t *queue,
                              uint32_t from)
{
    uint32_t begin = 0, end = 1;
    queue[0] = from;
    seen[from] = from + 1;
    for (uint32_t step = 0; step < r->nrexcl; step++) {
        uint32_t level = end;
        for (; begin < level; begin++)
            for (uint32_t k = first[queue[begin]]; k < first[queue[begin] + 1]; k++) {
                uint32_t to = r->bonded[k].b;
                if (seen[to] == from + 1)
                    continue;
                seen[to] = from + 1;
                queue[end++] = to;
                if (add_edge(r, &r->excluded, &r->nexcluded, from, to) != ALLOT_OK)
                    return ALLOT_ENOMEM;
            }
    }
    return ALLOT_OK;
}

static void index_edges(const edge *edges, uint32_t n, uint32_t natoms, uint32_t *first)
{
    for (uint32_t a = 0, k = 0; a <= natoms; a++) {
        while (k < n && edges[k].a < a)
            k++;
        first[a] = k;
    }
}

static allot_err both_ways(reader *r, edge **edges, uint32_t *n)
{
    allot_err code = ALLOT_OK;
    for (uint32_t k = 0, given = *n; k < given && code == ALLOT_OK; k++)
        code = add_edge(r, edges, n, (*edges)[k].b, (*edges)[k].a);
    sort_edges(*edges, *n);
    return code;
}

/** A molecule is complete: its exclusions. */
static allot_err finish_molecule(reader *r)
{
    if (r->top.nmolecules == 0)
        return ALLOT_OK;
    al_molecule *m = latest(r);
    if (m->natoms == 0)
        return fault(r, "the molecule before, %s, has no atoms", m->name);
    allot_err code = check_sites(r, m);
    if (code != ALLOT_OK)
        return code;
    uint32_t *room = calloc(3 * ((size_t)m->natoms + 1), sizeof *room);
    m->excluded_first = calloc((size_t)m->natoms + 1, sizeof *m->excluded_first);
    code = room != NULL && m->excluded_first != NULL ? both_ways(r, &r->bonded, &r->nbonded) : no_memory(r);
    if (code == ALLOT_OK) {
        index_edges(r->bonded, r->nbonded, m->natoms, room);
        for (uint32_t a = 0; a < m->natoms && code == ALLOT_OK; a++)
            code = exclude_near(r, room, room + m->natoms + 1, room + 2 * ((size_t)m->natoms + 1), a);
    }
    free(room);
    if (code == ALLOT_OK)
        code = both_ways(r, &r->excluded, &r->nexcluded);
    if (code != ALLOT_OK)
        return code;
    uint32_t n = 0;
    for (uint32_t k = 0; k < r->nexcluded; k++)
        if (n == 0 || by_edge(&r->excluded[n - 1], &r->excluded[k]) != 0)
            r->excluded[n++] = r->excluded[k];
    index_edges(r->excluded, n, m->natoms, m->excluded_first);
    m->excluded = malloc(((size_t)n + 1) * sizeof *m->excluded);
    if (m->excluded == NULL)
        return no_memory(r);
    for (uint32_t k = 0; k < n; k++)
        m->excluded[k] = r->excluded[k].b;
    r->nbonded = r->nexcluded = 0;
    return ALLOT_OK;
}

static allot_err read_molecule_type(reader *r)
{
    allot_err code = finish_molecule(r);
    if (code != ALLOT_OK)
        return code;
    if (r->nwords != 2 || !whole(r->words[1], &r->nrexcl) || r->nrexcl > NREXCL_MOST)
        return fault(r, "[ moleculetype ] wants: a name, and nrexcl");
    for (uint32_t k = 0; k < r->top.nmolecules; k++)
        if (strcmp(r->top.molecules[k].name, r->words[0]) == 0)
            return fault(r, "a second [ moleculetype ] %.40s", r->words[0]);
    char *name = strdup(r->words[0]);
    if (name == NULL || !GROW(r->top.molecules, r->top.nmolecules)) {
        free(name);
        return no_memory(r);
    }
    r->top.molecules[r->top.nmolecules++] = (al_molecule){.name = name};
    return ALLOT_OK;
}

static allot_err read_row(reader *r)
{
    uint32_t count, k = 0;
    if (r->nwords != 2 || !whole(r->words[1], &count))
        return fault(r, "[ molecules ] wants: a name, and how many");
    while (k < r->top.nmolecules && strcmp(r->top.molecules[k].name, r->words[0]) != 0)
        k++;
    if (k == r->top.nmolecules)
        return fault(r, "there is no [ moleculetype ] %.40s", r->words[0]);
    if (count == 0)
        return ALLOT_OK;
    if (!GROW(r->top.rows, r->top.nrows))
        return no_memory(r);
    r->top.rows[r->top.nrows++] =
        (al_molecule_row){.molecule = k, .count = count, .first_atom = r->top.natoms};
    r->top.natoms += (uint64_t)count * r->top.molecules[k].natoms;
    return ALLOT_OK;
}

static allot_err read_exclusion(reader *r)
{
    uint32_t a, b;
    allot_err code = read_atom_number(r, r->words[0], &a);
    for (uint32_t k = 1; k < r->nwords && code == ALLOT_OK; k++) {
        code = read_atom_number(r, r->words[k], &b);
        if (code == ALLOT_OK && a != b)
            code = add_edge(r, &r->excluded, &r->nexcluded, a, b);
    }
    return code;
}

static allot_err begin_section(reader *r, char *at, directive *now)
{
    char *end = strchr(at, ']');
    if (end == NULL || end[1 + strspn(end + 1, " \t")] != '\0')
        return fault(r, "a section is [ name ], and nothing after it");
    at += 1 + strspn(at + 1, " \t");
    end = at + strcspn(at, " \t]");
    *end = '\0';
    for (size_t k = 0; k < sizeof directives / sizeof *directives; k++) {
        if (strcmp(directives[k].name, at) != 0)
            continue;
        directive d = directives[k].what;
        if (d > DEFAULTS && !r->has_defaults)
            return fault(r, "[ %s ] before [ defaults ]", at);
        if (d < MOLECULETYPE && r->top.nmolecules > 0)
            return fault(r, "[ %s ] after [ moleculetype ]: types come first", at);
        if (d > MOLECULETYPE && d < SYSTEM &&
            (r->top.nmolecules == 0 || *now >= SYSTEM || *now < MOLECULETYPE))
            return fault(r, "[ %s ] outside a [ moleculetype ]", at);
        if (d == MOLECULETYPE && *now >= SYSTEM)
            return fault(r, "[ moleculetype ] after [ system ]");
        if (d == MOLECULES && *now != SYSTEM && *now != MOLECULES)
            return fault(r, "[ molecules ] before [ system ]");
        r->section = directives[k].name;
        *now = d;
        return d == SYSTEM ? finish_molecule(r) : ALLOT_OK;
    }
    return fault(r, "[ %.40s ] is not supported", at);
}

static allot_err split(reader *r, char *at)
{
    r->nwords = 0;
    for (;;) {
        at += strspn(at, " \t");
        if (*at == '\0')
            return ALLOT_OK;
        if (r->nwords == WORDS_MOST)
            return fault(r, "more than %d words in a line", WORDS_MOST);
        r->words[r->nwords++] = at;
        at += strcspn(at, " \t");
        if (*at != '\0')
            *at++ = '\0';
    }
}

static allot_err read_line(reader *r, char *text, directive *now)
{
    text += strspn(text, " \t");
    if (*text == '[')
        return begin_section(r, text, now);
    if (*now == SYSTEM && r->top.name == NULL) {
        r->top.name = strdup(text);
        return r->top.name != NULL ? ALLOT_OK : no_memory(r);
    }
    allot_err code = split(r, text);
    if (code != ALLOT_OK || r->nwords == 0)
        return code;
    switch (*now) {
    case NONE:
        return ALLOT_OK; /* titles, as the rows of stars that force fields begin with; GROMACS passes over
                            them */
    case DEFAULTS:
        return read_defaults(r);
    case ATOMTYPES:
        return read_atom_type(r);
    case NONBOND_PARAMS:
        return read_special(r);
    case SKIPPED:
        return ALLOT_OK;
    case MOLECULETYPE:
        return read_molecule_type(r);
    case ATOMS:
        return read_atom(r);
    case EXCLUSIONS:
        return read_exclusion(r);
    case SYSTEM:
        return fault(r, "[ system ] has one line");
    case MOLECULES:
        return read_row(r);
    default:
        return *now < MOLECULETYPE ? read_type(r, *now) : read_term(r, *now);
    }
}

/** c6 and c12 of every two types. */
static allot_err make_matrix(reader *r)
{
    al_topology *t = &r->top;
    size_t n = t->ntypes;
    t->c6 = calloc(n * n + 1, sizeof *t->c6);
    t->c12 = calloc(n * n + 1, sizeof *t->c12);
    if (t->c6 == NULL || t->c12 == NULL)
        return no_memory(r);
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
        const atom_type *s = &r->types[a];
        bool has = s->v > 0 && s->w > 0;
        t->types[a].sigma = is_sigma ? s->v : has ? pow(s->w / s->v, 1.0 / 6) : 0;
        t->types[a].epsilon = is_sigma ? s->w : has ? s->v * s->v / (4 * s->w) : 0;
    }
    return ALLOT_OK;
}

static allot_err finish(reader *r)
{
    if (r->top.name == NULL || r->top.natoms == 0)
        return al_fail(r->err, ALLOT_EFORMAT, 0, "%s:%u: the topology ends without %s",
                       r->source.files[0].path, r->line != NULL ? r->line->line : 1,
                       r->top.name == NULL ? "[ system ] and its name" : "[ molecules ]");
    allot_err code = make_matrix(r);
    return code == ALLOT_OK ? al_topology_tell_charge(&r->top, r->source.files[0].path, r->warnings, r->err)
                            : code;
}

static void reader_fini(reader *r)
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
    reader *r = calloc(1, sizeof *r);
    if (r == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory for a topology");
    r->err = err;
    r->warnings = warnings;
    r->fudge_lj = r->fudge_qq = 1;
    directive now = NONE;
    allot_err code = text != NULL ? al_source_parse(text, nbytes, path, options, &r->source, err)
                                  : al_source_read(path, options, &r->source, err);
    uint32_t any;
    if (code == ALLOT_OK)
        code = name_number(r, "X", &any);
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

static allot_err constrain(al_molecule *m, al_term_kind kind, bool only_hydrogens)
{
    uint32_t kept = 0, *n = &m->nterms[AL_TERM_CONSTRAINT];
    for (uint32_t k = 0; k < m->nterms[kind]; k++) {
        al_term term = m->terms[kind][k];
        if (only_hydrogens && !m->atoms[term.atom[0]].is_hydrogen && !m->atoms[term.atom[1]].is_hydrogen) {
            m->terms[kind][kept++] = term;
            continue;
        }
        if (!GROW(m->terms[AL_TERM_CONSTRAINT], *n))
            return ALLOT_ENOMEM;
        m->terms[AL_TERM_CONSTRAINT][(*n)++] = term; /* the length comes first in both */
    }
    m->nterms[kind] = kept;
    return ALLOT_OK;
}

allot_err al_topology_constrain(al_topology *topology, bool only_hydrogens, allot_error *err)
{
    for (uint32_t k = 0; k < topology->nmolecules; k++)
        if (constrain(&topology->molecules[k], AL_TERM_BOND, only_hydrogens) != ALLOT_OK ||
            constrain(&topology->molecules[k], AL_TERM_BOND_G96, only_hydrogens) != ALLOT_OK)
            return al_fail(err, ALLOT_ENOMEM, 0, "out of memory for constraints");
    return ALLOT_OK;
}
