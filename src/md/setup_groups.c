/* setup_groups.c - see setup_groups.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/setup_groups.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "md/couple/freedom.h"

enum { NO_GROUP = 255 };

/* ---- groups ---------------------------------------------------------------------------------------------
 */

/** Mark the atoms of a group. @param key  that names it, for the sentence
 * @param mark  for each of its atoms; false: it is in another one, too */
static allot_err mark_group(const al_setup_files *files, const char *key, const char *name,
                            bool (*mark)(void *arg, uint64_t atom), void *arg, allot_error *err)
{
    uint64_t *atoms, n, k = 0;
    allot_error found;
    allot_err code = al_index_find(files->index, name, files->topology->natoms, &atoms, &n, &found);
    if (code != ALLOT_OK)
        return al_fail(err, code, 0, "%s: %s: %s", files->mdp_name, key, found.text);
    while (k < n && mark(arg, atoms[k]))
        k++;
    if (k < n)
        code =
            al_fail(err, ALLOT_ERANGE, 0,
                    "%s: %s: atom %llu is in %s and in a group before it: name groups that have no atom in "
                    "common; --index FILE.ndx may have such",
                    files->mdp_name, key, (unsigned long long)atoms[k] + 1, name);
    free(atoms);
    return code;
}

/** Atoms that get a number, each one. */
typedef struct numbering {
    uint8_t *of;
    uint8_t number;
} numbering;

static bool number_atom(void *arg, uint64_t atom)
{
    const numbering *n = arg;
    bool is_first = n->of[atom] == NO_GROUP;
    n->of[atom] = n->number;
    return is_first;
}

/** Each atom's place in a row of groups, NO_GROUP for those in none.
 * @param[out] of  [natoms], owned by caller; whatever it returns */
static allot_err number_groups(const al_setup_files *files, const char *key, const al_words *names,
                               uint8_t **of, allot_error *err)
{
    uint64_t natoms = files->topology->natoms;
    allot_err code = ALLOT_OK;
    if (names->n >= NO_GROUP)
        return al_fail(err, ALLOT_EUNSUPPORTED, 0, "%s: %s: at most %d groups", files->mdp_name, key,
                       NO_GROUP - 1);
    *of = malloc(natoms);
    if (*of == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    memset(*of, NO_GROUP, natoms);
    for (uint32_t g = 0; g < names->n && code == ALLOT_OK; g++) {
        numbering number = {*of, (uint8_t)g};
        code = mark_group(files, key, names->at[g], number_atom, &number, err);
    }
    return code;
}

static allot_err find_temperature_groups(al_setup *setup, const al_setup_files *files, allot_error *err)
{
    const al_words *names = &files->mdp->temperature_groups;
    if (names->n == 0)
        return ALLOT_OK;
    allot_err code = number_groups(files, "tc-grps", names, &setup->group, err);
    const uint8_t *left = code == ALLOT_OK ? memchr(setup->group, NO_GROUP, files->topology->natoms) : NULL;
    return left == NULL ? code
                        : al_fail(err, ALLOT_ERANGE, 0, "%s: tc-grps: atom %llu is in none of them",
                                  files->mdp_name, (unsigned long long)(left - setup->group) + 1);
}

/** What is in none of them keeps its motion, as in GROMACS. */
static allot_err find_still_groups(al_setup *setup, const al_setup_files *files, allot_error *err)
{
    const al_words *names = &files->mdp->comm_groups;
    if (names->n == 0 || !files->mdp->removes_drift)
        return ALLOT_OK;
    allot_err code = number_groups(files, "comm-grps", names, &setup->still_group, err);
    setup->still = (al_drift_groups){.of = setup->still_group, .n = names->n};
    return code;
}

static bool frame_atom(void *arg, uint64_t atom)
{
    al_setup *setup = arg;
    bool is_first = setup->framed[atom] == 0;
    setup->framed[atom] = 1;
    return is_first;
}

/** Atoms of all groups in their own order: as GROMACS writes them. */
static allot_err find_framed(al_setup *setup, const al_setup_files *files, allot_error *err)
{
    const al_words *names = &files->mdp->compressed_groups;
    uint64_t natoms = files->topology->natoms;
    allot_err code = ALLOT_OK;
    if (names->n == 0)
        return ALLOT_OK;
    setup->framed = calloc(natoms, sizeof *setup->framed);
    if (setup->framed == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    for (uint32_t g = 0; g < names->n && code == ALLOT_OK; g++)
        code = mark_group(files, "compressed-x-grps", names->at[g], frame_atom, setup, err);
    for (uint64_t k = 0; k < natoms; k++)
        if (setup->framed[k] != 0)
            setup->framed[setup->nframed++] = k;
    return code != ALLOT_OK || setup->nframed > 0
               ? code
               : al_fail(err, ALLOT_ERANGE, 0, "%s: compressed-x-grps: there are no atoms in them",
                         files->mdp_name);
}

/* ---- what is frozen -------------------------------------------------------------------------------------
 */

/** Atoms that are frozen along some directions. */
typedef struct freezing {
    uint8_t *of, directions;
} freezing;

static bool freeze_atom(void *arg, uint64_t atom)
{
    const freezing *f = arg;
    bool is_first = f->of[atom] == 0;
    f->of[atom] |= f->directions;
    return is_first || f->directions == 0;
}

/** Y or N for x, y and z. */
static allot_err read_directions(const al_setup_files *files, uint32_t group, uint8_t *directions,
                                 allot_error *err)
{
    *directions = 0;
    for (uint32_t d = 0; d < 3; d++) {
        const char *word = files->mdp->freeze_dimensions.at[3 * group + d];
        int letter = word[0] | 0x20;
        if (letter != 'y' && letter != 'n')
            return al_fail(err, ALLOT_EFORMAT, 0, "%s: freezedim: %.20s: Y or N is wanted", files->mdp_name,
                           word);
        if (letter == 'y')
            *directions = (uint8_t)(*directions | 1 << d);
    }
    return ALLOT_OK;
}

/** What keeps a length would move a frozen atom, or else could not keep it; and forces that virtual sites
 * give to their atoms are no matter. */
static allot_err check_lengths(const al_setup *setup, const al_setup_files *files, allot_error *err)
{
    const al_topology *t = files->topology;
    uint64_t id = 0;
    for (uint32_t r = 0; r < t->nrows; r++) {
        const al_molecule *molecule = &t->molecules[t->rows[r].molecule];
        for (uint64_t n = 0; n < t->rows[r].count; n++, id += molecule->natoms)
            for (int kind = AL_TERM_CONSTRAINT; kind <= AL_TERM_SETTLE; kind++)
                for (uint32_t k = 0; k < molecule->nterms[kind] * al_term_infos[kind].natoms; k++) {
                    uint32_t atom = molecule->terms[kind][k / al_term_infos[kind].natoms]
                                        .atom[k % al_term_infos[kind].natoms];
                    uint8_t frozen = setup->frozen[id + atom];
                    if (frozen != 0 && frozen != AL_FREEZE_ALL)
                        return al_fail(
                            err, ALLOT_EUNSUPPORTED, 0,
                            "%s: freezedim: atom %llu (%s of %d%s) is frozen along some directions, "
                            "and has %s, which cannot be kept then: freeze it along all (Y Y Y), or "
                            "take constraints = none and flexible waters",
                            files->mdp_name, (unsigned long long)(id + atom) + 1, molecule->atoms[atom].name,
                            (int)molecule->atoms[atom].residue, molecule->atoms[atom].residue_name,
                            al_term_infos[kind].name);
                }
    }
    return ALLOT_OK;
}

static allot_err find_frozen(al_setup *setup, const al_setup_files *files, allot_error *err)
{
    const al_mdp *mdp = files->mdp;
    allot_err code = ALLOT_OK;
    if (mdp->freeze_groups.n == 0)
        return ALLOT_OK;
    setup->frozen = calloc(files->topology->natoms, 1);
    if (setup->frozen == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    for (uint32_t g = 0; g < mdp->freeze_groups.n && code == ALLOT_OK; g++) {
        freezing f = {.of = setup->frozen};
        code = read_directions(files, g, &f.directions, err);
        if (code == ALLOT_OK)
            code = mark_group(files, "freezegrps", mdp->freeze_groups.at[g], freeze_atom, &f, err);
    }
    return code == ALLOT_OK ? check_lengths(setup, files, err) : code;
}

allot_err al_setup_find_groups(al_setup *setup, const al_setup_files *files, allot_error *err)
{
    allot_err code = find_temperature_groups(setup, files, err);
    if (code == ALLOT_OK)
        code = find_still_groups(setup, files, err);
    if (code == ALLOT_OK)
        code = find_framed(setup, files, err);
    return code == ALLOT_OK ? find_frozen(setup, files, err) : code;
}

/* ---- degrees of freedom ---------------------------------------------------------------------------------
 */

static uint8_t directions_of(const al_setup *setup, uint64_t id)
{
    return setup->frozen != NULL ? setup->frozen[id] : 0;
}

/** Twice what an atom has by itself. */
static uint8_t own_freedom(const al_setup *setup, const al_molecule_atom *atom, uint64_t id)
{
    uint8_t frozen = directions_of(setup, id);
    int n = 3 - (frozen & 1) - (frozen >> 1 & 1) - (frozen >> 2);
    return atom->mass > 0 ? (uint8_t)(2 * n) : 0;
}

/** What is left of it in a molecule whose first atom has this id. */
static void hold_molecule(const al_setup *setup, const al_molecule *molecule, uint64_t id, uint8_t *twice)
{
    for (uint32_t k = 0; k < molecule->natoms; k++)
        twice[k] = own_freedom(setup, &molecule->atoms[k], id + k);
    for (uint32_t k = 0; k < molecule->nterms[AL_TERM_CONSTRAINT]; k++) {
        const uint32_t *atom = molecule->terms[AL_TERM_CONSTRAINT][k].atom;
        al_freedom_hold(&twice[atom[0]], &twice[atom[1]]);
    }
    for (uint32_t k = 0; k < molecule->nterms[AL_TERM_SETTLE]; k++) {
        const uint32_t *atom = molecule->terms[AL_TERM_SETTLE][k].atom;
        al_freedom_hold(&twice[atom[0]], &twice[atom[1]]);
        al_freedom_hold(&twice[atom[1]], &twice[atom[2]]);
        al_freedom_hold(&twice[atom[2]], &twice[atom[0]]);
    }
}

/** Degrees of freedom that are being counted. */
typedef struct counting {
    const al_setup *setup;
    uint32_t ngroups, nstill; /* temperature groups; groups of motion, the last one what is in none of them */
    al_freedom_part *parts;   /* [ngroups * nstill] */
    uint8_t *free;            /* [nstill]: directions along which some atom of a group of motion moves */
    uint8_t *twice;           /* of a molecule's atoms */
} counting;

static void count_molecule(counting *c, const al_molecule *molecule, uint64_t id)
{
    hold_molecule(c->setup, molecule, id, c->twice);
    for (uint32_t k = 0; k < molecule->natoms; k++, id++) {
        uint8_t group = c->setup->group != NULL ? c->setup->group[id] : 0;
        uint8_t still = c->setup->still.of != NULL ? c->setup->still.of[id] : 0;
        uint32_t motion = still < c->nstill ? still : c->nstill - 1;
        al_freedom_part *part = &c->parts[group * c->nstill + motion];
        if (directions_of(c->setup, id) == AL_FREEZE_ALL)
            continue;
        part->natoms++;
        part->freedom += c->twice[k] / 2.0;
        if (molecule->atoms[k].mass > 0)
            c->free[motion] = (uint8_t)(c->free[motion] | (AL_FREEZE_ALL & ~directions_of(c->setup, id)));
    }
}

/** How many of a group of motion's are taken out. */
static void find_removed(const counting *c, bool removes_drift, double *removed)
{
    for (uint32_t k = 0; k < c->nstill; k++) {
        bool is_rest = c->setup->still.of != NULL && k == c->nstill - 1;
        removed[k] =
            removes_drift && !is_rest ? (c->free[k] & 1) + (c->free[k] >> 1 & 1) + (c->free[k] >> 2) : 0;
    }
}

allot_err al_setup_freedom(const al_setup *setup, const al_setup_files *files, double *freedom,
                           allot_error *err)
{
    const al_topology *t = files->topology;
    uint32_t most = 0, ntemperature = files->mdp->temperature_groups.n;
    counting c = {.setup = setup,
                  .ngroups = ntemperature > 0 ? ntemperature : 1,
                  .nstill = setup->still.of != NULL ? setup->still.n + 1 : 1};
    for (uint32_t k = 0; k < t->nmolecules; k++)
        most = t->molecules[k].natoms > most ? t->molecules[k].natoms : most;
    c.parts = calloc((size_t)c.ngroups * c.nstill, sizeof *c.parts);
    c.free = calloc(c.nstill, 1);
    c.twice = malloc(most + 1);
    double *removed = calloc(c.nstill, sizeof *removed);
    bool good = c.parts != NULL && c.free != NULL && c.twice != NULL && removed != NULL;
    uint64_t id = 0;
    for (uint32_t r = 0; good && r < t->nrows; r++)
        for (uint64_t n = 0; n < t->rows[r].count; n++) {
            const al_molecule *molecule = &t->molecules[t->rows[r].molecule];
            count_molecule(&c, molecule, id);
            id += molecule->natoms;
        }
    if (good) {
        find_removed(&c, files->mdp->removes_drift, removed);
        al_freedom_share(c.parts, c.ngroups, c.nstill, removed, freedom);
    }
    free(c.parts);
    free(c.free);
    free(c.twice);
    free(removed);
    return good ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}
