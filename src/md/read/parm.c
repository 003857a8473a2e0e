/* parm.c - see parm.h: which sections there are, and the atoms. (ambermd.org, "File formats".)
 *
 * A file has the whole system as one list of atoms. It is read as that, and cut into molecules in the end
 * (cut.h), so that 7000 waters are one that is there 7000 times.
 *
 * Charges are e in al_topology. A file has them times the root of what the energy of two unit charges at one
 * Angstrom is in kcal/mol: 18.2223, or CHARMM's. These are not the constants that GROMACS takes from CODATA,
 * by 3.5e-5 and 2.4e-5 of the energy. A file's own is taken, so that energies are what AMBER has.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/parm.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "md/match.h"
#include "md/read/cut.h"
#include "md/read/parm_reader.h"

#define AMBER_CHARGE 18.2223
#define CHARMM_COULOMB 332.0716 /* kcal/mol Angstrom */

/** Sections that are read, and those that no force depends on. CMAP's grids have numbers in their names. */
static const char known[] =
    " POINTERS TITLE CTITLE FORCE_FIELD_TYPE ATOM_NAME CHARGE MASS ATOM_TYPE_INDEX NUMBER_EXCLUDED_ATOMS "
    "EXCLUDED_ATOMS_LIST NONBONDED_PARM_INDEX LENNARD_JONES_ACOEF LENNARD_JONES_BCOEF LENNARD_JONES_14_ACOEF "
    "LENNARD_JONES_14_BCOEF HBOND_ACOEF HBOND_BCOEF RESIDUE_LABEL RESIDUE_POINTER AMBER_ATOM_TYPE "
    "BOND_FORCE_CONSTANT BOND_EQUIL_VALUE BONDS_INC_HYDROGEN BONDS_WITHOUT_HYDROGEN ANGLE_FORCE_CONSTANT "
    "ANGLE_EQUIL_VALUE ANGLES_INC_HYDROGEN ANGLES_WITHOUT_HYDROGEN DIHEDRAL_FORCE_CONSTANT "
    "DIHEDRAL_PERIODICITY DIHEDRAL_PHASE SCEE_SCALE_FACTOR SCNB_SCALE_FACTOR DIHEDRALS_INC_HYDROGEN "
    "DIHEDRALS_WITHOUT_HYDROGEN CHARMM_UREY_BRADLEY_COUNT CHARMM_UREY_BRADLEY "
    "CHARMM_UREY_BRADLEY_FORCE_CONSTANT CHARMM_UREY_BRADLEY_EQUIL_VALUE CHARMM_NUM_IMPROPERS "
    "CHARMM_IMPROPERS CHARMM_NUM_IMPR_TYPES CHARMM_IMPROPER_FORCE_CONSTANT CHARMM_IMPROPER_PHASE "
    "CHARMM_CMAP_COUNT CHARMM_CMAP_RESOLUTION CHARMM_CMAP_INDEX CMAP_COUNT CMAP_RESOLUTION CMAP_INDEX IPOL "
    "ATOMIC_NUMBER SOLTY HBCUT TREE_CHAIN_CLASSIFICATION JOIN_ARRAY IROTAT SOLVENT_POINTERS "
    "ATOMS_PER_MOLECULE BOX_DIMENSIONS RADIUS_SET RADII SCREEN RESIDUE_NUMBER RESIDUE_CHAINID RESIDUE_ICODE "
    "ATOM_ELEMENT ATOM_OCCUPANCY ATOM_BFACTOR ATOM_NUMBER ";

static bool is_known(const char *name)
{
    char word[AL_PARM_NAME + 3];
    (void)snprintf(word, sizeof word, " %s ", name);
    return strstr(known, word) != NULL || strncmp(name, "CMAP_PARAMETER_", 15) == 0 ||
           strncmp(name, "CHARMM_CMAP_PARAMETER_", 22) == 0;
}

static allot_err check_sections(al_parm_reader *r)
{
    static const char *const refused[][2] = {
        {"LENNARD_JONES_CCOEF", "a 12-6-4 potential (ions)"},
        {"POLARIZABILITY", "a polarizable force field"},
        {"AMOEBA_FORCEFIELD", "the AMOEBA force field"},
        {"PERT_BOND_ATOMS", "perturbation (free energy)"},
        {"CAP_INFO", "a cap of water"},
        {"LES_NTYP", "locally enhanced sampling"},
    };
    for (size_t k = 0; k < sizeof refused / sizeof *refused; k++)
        if (al_parm_find(&r->file, refused[k][0]) != NULL)
            return al_parm_refuse(&r->file, refused[k][0], "%%FLAG %s: %s is not supported", refused[k][0],
                                  refused[k][1]);
    for (uint32_t k = 0; k < r->file.nsections; k++)
        if (!is_known(r->file.sections[k].name))
            return al_parm_refuse(&r->file, r->file.sections[k].name,
                                  "%%FLAG %s is not known; if no force depends on it, take it out",
                                  r->file.sections[k].name);
    return ALLOT_OK;
}

/* ---- pointers ------------------------------------------------------------------------------------------ */

/** What numbers say that is not simulated here. */
static allot_err refuse_pointers(al_parm_reader *r)
{
    static const struct {
        al_parm_pointer which;
        int64_t most;
        const char *what;
    } refused[] = {
        {AL_PARM_IFPERT, 0, "IFPERT: perturbation (free energy)"},
        {AL_PARM_IFCAP, 0, "IFCAP: a cap of water"},
        {AL_PARM_NCOPY, 1, "NCOPY: copies of a path integral"},
    };
    for (size_t k = 0; k < sizeof refused / sizeof *refused; k++)
        if (r->pointers[refused[k].which] > refused[k].most)
            return al_parm_fault(&r->file, "POINTERS", refused[k].which, "%s is not supported",
                                 refused[k].what);
    static const al_parm_pointer same[][2] = {
        {AL_PARM_NBONA, AL_PARM_MBONA}, {AL_PARM_NTHETA, AL_PARM_MTHETA}, {AL_PARM_NPHIA, AL_PARM_MPHIA}};
    for (size_t k = 0; k < sizeof same / sizeof *same; k++)
        if (r->pointers[same[k][0]] != r->pointers[same[k][1]])
            return al_parm_fault(&r->file, "POINTERS", same[k][0],
                                 "this is not the number that is the %dth, %" PRId64
                                 ": terms for constraints are not supported",
                                 (int)same[k][1] + 1, r->pointers[same[k][1]]);
    return ALLOT_OK;
}

static allot_err read_pointers(al_parm_reader *r)
{
    uint64_t n;
    int32_t *values = NULL;
    allot_err code = al_parm_count(&r->file, "POINTERS", &n);
    if (code == ALLOT_OK)
        code = al_parm_integers(&r->file, "POINTERS", n < AL_PARM_NLEAST ? AL_PARM_NLEAST : n, &values);
    for (uint64_t k = 0; k < n && k < AL_PARM_NMOST && code == ALLOT_OK; k++) {
        r->pointers[k] = values[k];
        if (values[k] < 0)
            code = al_parm_fault(&r->file, "POINTERS", k, "none of these numbers is negative");
    }
    free(values);
    if (code == ALLOT_OK)
        code = refuse_pointers(r);
    static const al_parm_pointer wanted[] = {AL_PARM_NATOM, AL_PARM_NTYPES, AL_PARM_NRES};
    for (size_t k = 0; k < 3 && code == ALLOT_OK; k++)
        if (r->pointers[wanted[k]] == 0)
            code = al_parm_fault(&r->file, "POINTERS", wanted[k],
                                 "there are no atoms, types of them or residues");
    return code;
}

/** Polarizable force fields. */
static allot_err refuse_polarizable(al_parm_reader *r)
{
    int32_t *value = NULL;
    if (al_parm_find(&r->file, "IPOL") == NULL)
        return ALLOT_OK;
    allot_err code = al_parm_integers(&r->file, "IPOL", 1, &value);
    if (code == ALLOT_OK && *value != 0)
        code = al_parm_fault(&r->file, "IPOL", 0, "a polarizable force field is not supported");
    free(value);
    return code;
}

/* ---- atoms --------------------------------------------------------------------------------------------- */

allot_err al_parm_index(al_parm_reader *r, const char *section, uint64_t k, int32_t value, uint64_t n,
                        uint32_t *index)
{
    if (value < 1 || (uint64_t)value > n)
        return al_parm_fault(&r->file, section, k, "%d: a number from 1 to %" PRIu64 " is needed", (int)value,
                             n);
    *index = (uint32_t)value - 1;
    return ALLOT_OK;
}

static allot_err set_atoms(al_parm_reader *r, const al_parm_name *names, const double *charges,
                           const double *masses, const int32_t *types)
{
    double scale = r->is_chamber ? sqrt(CHARMM_COULOMB) : AMBER_CHARGE;
    allot_err code = ALLOT_OK;
    r->top.coulomb = scale * scale * AL_PARM_KCAL / AL_PARM_NM;
    for (uint32_t a = 0; a < r->all.natoms && code == ALLOT_OK; a++) {
        al_molecule_atom *atom = &r->all.atoms[a];
        memcpy(atom->name, names[a], sizeof atom->name);
        atom->charge = charges[a] / scale;
        atom->mass = masses[a];
        if (masses[a] < 0)
            code = al_parm_fault(&r->file, "MASS", a, "a mass is not negative");
        else
            code = al_parm_index(r, "ATOM_TYPE_INDEX", a, types[a], r->top.ntypes, &atom->type);
    }
    return code;
}

static allot_err read_atoms(al_parm_reader *r)
{
    uint64_t n = (uint64_t)r->pointers[AL_PARM_NATOM];
    al_parm_name *names = NULL;
    double *charges = NULL, *masses = NULL;
    int32_t *types = NULL;
    r->top.ntypes = (uint32_t)r->pointers[AL_PARM_NTYPES];
    allot_err code = al_parm_names(&r->file, "ATOM_NAME", n, &names);
    if (code == ALLOT_OK)
        code = al_parm_numbers(&r->file, "CHARGE", n, &charges);
    if (code == ALLOT_OK)
        code = al_parm_numbers(&r->file, "MASS", n, &masses);
    if (code == ALLOT_OK)
        code = al_parm_integers(&r->file, "ATOM_TYPE_INDEX", n, &types);
    if (code == ALLOT_OK) { /* the file has so many: it is no number that was made up */
        r->all.natoms = (uint32_t)n;
        r->all.atoms = calloc(n, sizeof *r->all.atoms);
        code = r->all.atoms != NULL ? set_atoms(r, names, charges, masses, types)
                                    : al_columns_no_memory(&r->file.c);
    }
    free(names);
    free(charges);
    free(masses);
    free(types);
    return code;
}

static allot_err read_residues(al_parm_reader *r)
{
    uint64_t n = (uint64_t)r->pointers[AL_PARM_NRES];
    al_parm_name *names = NULL;
    int32_t *first = NULL;
    allot_err code = al_parm_names(&r->file, "RESIDUE_LABEL", n, &names);
    if (code == ALLOT_OK)
        code = al_parm_integers(&r->file, "RESIDUE_POINTER", n, &first);
    for (uint64_t k = 0; k < n && code == ALLOT_OK; k++) {
        int32_t end = k + 1 < n ? first[k + 1] : (int32_t)r->all.natoms + 1;
        if (k == 0 && first[0] != 1)
            code = al_parm_fault(&r->file, "RESIDUE_POINTER", 0, "the first residue begins with atom 1");
        else if (end <= first[k] || end > (int32_t)r->all.natoms + 1)
            code =
                al_parm_fault(&r->file, "RESIDUE_POINTER", k,
                              "residues begin one after the other, and within the %u atoms", r->all.natoms);
        for (int32_t a = first[k] - 1; code == ALLOT_OK && a < end - 1; a++) {
            r->all.atoms[a].residue = (int32_t)k + 1;
            memcpy(r->all.atoms[a].residue_name, names[k], sizeof *names);
        }
    }
    free(names);
    free(first);
    return code;
}

/** A type is called as the first atom is that has it. */
static allot_err name_types(al_parm_reader *r)
{
    al_parm_name *names = NULL;
    if (al_parm_find(&r->file, "AMBER_ATOM_TYPE") == NULL)
        return ALLOT_OK;
    allot_err code = al_parm_names(&r->file, "AMBER_ATOM_TYPE", r->all.natoms, &names);
    for (uint32_t a = 0; a < r->all.natoms && code == ALLOT_OK; a++) {
        al_atom_type *type = &r->top.types[r->all.atoms[a].type];
        if (type->name[0] == '\0')
            memcpy(type->name, names[a], sizeof type->name);
    }
    free(names);
    return code;
}

static allot_err read_title(al_parm_reader *r)
{
    static const char *const flags[] = {"TITLE", "CTITLE"};
    char text[81] = "";
    for (int k = 0; k < 2; k++) {
        const al_parm_section *section = al_parm_find(&r->file, flags[k]);
        const char *at = section != NULL ? section->begin : NULL;
        size_t n = 0;
        for (; at != NULL && at < section->end && *at != '\n' && n < sizeof text - 1; at++)
            text[n++] = *at >= ' ' && *at <= '~' ? *at : ' ';
        while (n > 0 && text[n - 1] == ' ')
            n--;
        if (at != NULL)
            text[n] = '\0';
    }
    r->top.name = strdup(text);
    return r->top.name != NULL ? ALLOT_OK : al_columns_no_memory(&r->file.c);
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

typedef allot_err part_fn(al_parm_reader *r);

static allot_err read_all(al_parm_reader *r)
{
    static part_fn *const parts[] = {check_sections,     read_pointers,      refuse_polarizable,
                                     read_title,         read_atoms,         read_residues,
                                     al_parm_read_types, name_types,         al_parm_read_exclusions,
                                     al_parm_read_terms, al_parm_read_charmm};
    allot_err code = ALLOT_OK;
    r->is_chamber = al_parm_find(&r->file, "CTITLE") != NULL;
    for (size_t k = 0; k < sizeof parts / sizeof *parts && code == ALLOT_OK; k++)
        code = parts[k](r);
    return code;
}

static allot_err finish(al_parm_reader *r, bool is_flexible, al_buffer *warnings)
{
    bool was_bent = false;
    allot_err code = al_cut_molecules(&r->all, &r->top, r->file.c.err);
    if (code == ALLOT_OK)
        code = al_parm_find_waters(r, is_flexible, &was_bent);
    if (code == ALLOT_OK && was_bent) {
        (void)al_buffer_text(warnings, r->file.c.name);
        (void)al_buffer_text(warnings, ": water that has an angle and no bond between its hydrogens is taken "
                                       "as rigid; with define = -DFLEXIBLE it bends\n");
    }
    if (code == ALLOT_OK)
        code = al_topology_tell_charge(&r->top, r->file.c.name, warnings, r->file.c.err);
    return code;
}

allot_err al_parm_parse(const char *text, size_t nbytes, const char *name, bool is_flexible,
                        al_topology *topology, al_buffer *warnings, allot_error *err)
{
    al_parm_reader r = {.is_chamber = false};
    allot_err code = al_parm_open(&r.file, text, nbytes, name, err);
    if (code == ALLOT_OK)
        code = read_all(&r);
    if (code == ALLOT_OK)
        code = finish(&r, is_flexible, warnings);
    if (code == ALLOT_OK)
        *topology = r.top;
    else
        al_topology_fini(&r.top);
    al_molecule_fini(&r.all);
    al_parm_close(&r.file);
    return code;
}
