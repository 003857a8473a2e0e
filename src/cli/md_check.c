/* md_check.c - see md_check.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/md_check.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/md_files.h"
#include "md/match.h"

static void print_text(const al_md_files *f, double ns_per_day)
{
    const al_topology *t = &f->topology;
    double charge = al_topology_charge(t);
    printf("system     %s\n", t->name != NULL ? t->name : "");
    printf("atoms      %" PRIu64 ", of %u types; mass %.6g u, charge %.4f e\n", t->natoms, t->ntypes,
           al_topology_mass(t), fabs(charge) < 5e-5 ? 0 : charge);
    for (uint32_t r = 0; r < t->nrows; r++) {
        const al_molecule *molecule = &t->molecules[t->rows[r].molecule];
        printf("molecules  %" PRIu64 " x %s, of %u atoms\n", t->rows[r].count, molecule->name,
               molecule->natoms);
    }
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++)
        if (al_topology_nterms(t, (al_term_kind)kind) > 0)
            printf("terms      %" PRIu64 " %s\n", al_topology_nterms(t, (al_term_kind)kind),
                   al_term_infos[kind].name);
    if (f->has_gro)
        printf("box        %.6g x %.6g x %.6g nm%s\n", f->gro.box[0][0], f->gro.box[1][1], f->gro.box[2][2],
               f->gro.is_triclinic ? ", skewed" : "");
    if (ns_per_day > 0)
        printf("speed      about %.2g ns/day on this machine, as some steps of it went just now\n",
               ns_per_day);
}

/** A name as JSON has strings; the reader takes printable ones alone. */
static void print_name(const char *name)
{
    for (putchar('"'); *name != '\0'; name++) {
        if (*name == '"' || *name == '\\')
            putchar('\\');
        putchar(*name);
    }
    putchar('"');
}

static void print_json(const al_md_files *f, double ns_per_day)
{
    const al_topology *t = &f->topology;
    printf("{\"atoms\":%" PRIu64 ",\"types\":%u,\"mass\":%.9g,\"charge\":%.9g,\"molecules\":[", t->natoms,
           t->ntypes, al_topology_mass(t), al_topology_charge(t));
    for (uint32_t r = 0; r < t->nrows;
         r++) { /* the reader takes names of printable characters without quotes */
        const al_molecule *molecule = &t->molecules[t->rows[r].molecule];
        printf("%s{\"name\":", r > 0 ? "," : "");
        print_name(molecule->name);
        printf(",\"count\":%" PRIu64 ",\"atoms\":%u}", t->rows[r].count, molecule->natoms);
    }
    printf("],\"terms\":{");
    for (int kind = 0, n = 0; kind < AL_TERM_NKINDS; kind++)
        if (al_topology_nterms(t, (al_term_kind)kind) > 0)
            printf("%s\"%s\":%" PRIu64, n++ > 0 ? "," : "", al_term_infos[kind].name,
                   al_topology_nterms(t, (al_term_kind)kind));
    printf("}");
    if (ns_per_day > 0)
        printf(",\"ns_per_day\":%.3g", ns_per_day);
    printf("}\n");
}

int al_md_check(const al_md_options *options, al_md_speed_fn *speed, void *arg)
{
    al_md_files files = {.has_mdp = false};
    allot_error err = {.text = "out of memory"};
    double ns_per_day = 0;
    allot_err code = al_md_files_read(options, &files, &err);
    al_md_files_warn(&files);
    if (code == ALLOT_OK && files.has_mdp && files.has_gro && !al_mdp_minimises(&files.mdp))
        code = speed(arg, &ns_per_day, &err);
    if (code != ALLOT_OK)
        al_complain("md", "%s", err.text);
    else if (options->json)
        print_json(&files, ns_per_day);
    else
        print_text(&files, ns_per_day);
    al_md_files_fini(&files);
    return code == ALLOT_OK ? AL_EXIT_OK : AL_EXIT_FAILED;
}
