/* md_input.c - see md_input.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/md_input.h"

#include "base/fail.h"
#include "cli/option.h"
#include "md/minimise.h"
#include "md/read/positions.h"
#include "md/start.h"

allot_err al_md_input_read(al_simulation *s, allot_error *err)
{
    al_md_options *o = &s->options;
    allot_error warning = {.text = ""};
    allot_err code = ALLOT_OK;
    if (o->topology != NULL) {
        code = al_md_files_read(o, &s->files, err);
        if (s->comm->rank == 0 && !o->quiet)
            al_md_files_warn(&s->files);
    } else if (o->conf != NULL) {
        code = al_positions_read(o->conf, &s->files.gro, err);
        s->files.has_gro = code == ALLOT_OK;
    }
    if (code == ALLOT_OK && o->conf != NULL) {
        o->natoms = s->files.gro.natoms;
        if (o->natoms < 2)
            code = al_fail(err, ALLOT_ERANGE, 0, "%s: at least two atoms are wanted", o->conf);
    }
    if (code == ALLOT_OK && o->topology != NULL) {
        al_md_files_apply(&s->files, o);
        if (o->minimiser != AL_MD_STEPS)
            al_minimise_even_masses(&s->files.topology);
        if (o->minimiser != AL_MD_STEPS && o->resumes)
            code =
                al_fail(err, ALLOT_EINVAL, 0,
                        "--resume: a minimisation keeps nothing but where atoms are: begin again, in another "
                        "folder, with -c %s/final.gro",
                        o->output);
        o->cutoff = al_setup_cutoff(&s->files.mdp);
    }
    if (code != ALLOT_OK || !o->resumes)
        return code;
    code = al_md_output_recall(o, &s->from, &warning, err);
    if (code == ALLOT_OK && warning.text[0] != '\0' && s->comm->rank == 0)
        al_complain("md", "%s", warning.text);
    return code == ALLOT_ENOTFOUND ? ALLOT_OK : code;
}

static allot_err find_box(const al_simulation *s, al_box *box, allot_error *err)
{
    const al_md_options *o = &s->options;
    bool is_read = s->from.natoms == 0 && o->conf != NULL, was_reduced = false;
    double edge = al_start_edge(o->natoms, o->density);
    *box = (al_box){.edge = {edge, edge, edge}};
    if (s->from.natoms == 0 && !is_read)
        return ALLOT_OK;
    allot_err code = al_box_take(is_read ? s->files.gro.box : s->from.box, is_read ? o->conf : o->output, box,
                                 &was_reduced, err);
    if (code == ALLOT_OK && was_reduced && is_read && s->comm->rank == 0 && !o->quiet)
        al_complain(
            "md",
            "%s: the box leans by more than half an edge: taken as %.5f %.5f %.5f 0 0 %.5f 0 %.5f %.5f, "
            "which is the same crystal",
            o->conf, box->edge[0], box->edge[1], box->edge[2], box->tilt[0], box->tilt[1], box->tilt[2]);
    return code;
}

/** How electrostatics of molecules are split between pairs and mesh: as the checkpoint has it, or as is asked
 * for, by run parameters or --tune-pme. The mesh is that of the box that they began with. */
static allot_err find_split(al_simulation *s, allot_error *err)
{
    const al_md_options *o = &s->options;
    bool was_reduced;
    al_split asked;
    allot_error found;
    if (o->topology == NULL)
        return ALLOT_OK;
    allot_err code = al_box_take(s->files.gro.box, o->conf, &s->conf_box, &was_reduced, err);
    if (code != ALLOT_OK)
        return code;
    al_setup_split(&s->files.mdp, &s->conf_box, &asked);
    if (s->from.natoms > 0) {
        s->split = s->from.split;
        return s->split.cutoff == 0 || al_split_is_of(&asked, &s->split)
                   ? ALLOT_OK
                   : al_fail(err, ALLOT_EINVAL, 0,
                             "%s/checkpoint was made with other electrostatics than %s has (rcoulomb, "
                             "fourierspacing): say the same, or start anew",
                             o->output, o->parameters);
    }
    if (o->tune != AL_MD_TUNE_FACTOR)
        return ALLOT_OK;
    if (asked.cutoff == 0)
        return al_fail(err, ALLOT_EINVAL, 0, "--tune-pme: %s has electrostatics without a mesh (coulombtype)",
                       o->parameters);
    code = al_split_coarser(&asked, (int)s->files.mdp.pme_order, o->tune_factor, &s->split, &found);
    if (code != ALLOT_OK)
        return al_fail(err, ALLOT_EINVAL, 0, "--tune-pme %s: %s", o->tune_text, found.text);
    if (s->split.cutoff == asked.cutoff) /* no mesh is that little coarser */
        s->split = (al_split){.cutoff = 0};
    return ALLOT_OK;
}

static allot_err check_box(const al_simulation *s, const al_box *box, allot_error *err)
{
    double reach = al_simulation_reach(s), widths[3];
    al_box_widths(box, widths);
    for (int d = 0; d < 3; d++)
        if (!(widths[d] >= reach))
            return al_fail(err, ALLOT_ERANGE, 0,
                           "a box of %g x %g x %g between its faces for %llu atoms is shorter than cut-off "
                           "and skin, %g: take %s",
                           widths[0], widths[1], widths[2], (unsigned long long)s->options.natoms, reach,
                           s->split.cutoff > 0
                               ? "a larger box (gmx editconf -d), or a smaller factor of --tune-pme"
                           : s->options.topology != NULL
                               ? "a larger box (gmx editconf -d), or shorter cut-offs in the parameters"
                               : "more atoms, or a shorter cut-off");
    return ALLOT_OK;
}

allot_err al_md_input_box(al_simulation *s, al_box *box, allot_error *err)
{
    allot_err code = find_box(s, box, err);
    if (code == ALLOT_OK)
        code = find_split(s, err);
    return code == ALLOT_OK ? check_box(s, box, err) : code;
}
