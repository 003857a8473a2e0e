/* vsites.c - see vsites.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/vsites.h"

#include "base/fail.h"
#include "md/grow.h"
#include "md/match.h"

allot_err al_vsites_open(al_vsites *vsites, const al_topology *topology, const al_held *held,
                         allot_error *err)
{
    bool is_wanted[AL_TERM_NKINDS], is_any = false;
    *vsites = (al_vsites){.topology = topology};
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++) {
        is_wanted[kind] = al_site_places_d[kind] != NULL;
        is_any = is_any || (is_wanted[kind] && al_topology_nterms(topology, (al_term_kind)kind) > 0);
    }
    if (!is_any)
        return ALLOT_OK;
    vsites->indices = al_term_indices_make(topology, is_wanted, held->leaders);
    return vsites->indices != NULL ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

void al_vsites_close(al_vsites *vsites)
{
    if (vsites->indices != NULL)
        al_term_indices_free(vsites->indices, vsites->topology);
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++)
        free(vsites->terms[kind]);
    *vsites = (al_vsites){.topology = NULL};
}

static bool add(al_vsites *vsites, const al_space *space, const al_locals *locals, al_term_ref ref,
                const al_term *term, uint64_t first_id)
{
    al_term found = {.params = term->params};
    for (uint32_t a = 0; a < al_term_infos[ref.kind].natoms; a++)
        found.atom[a] = al_locals_place(locals, space, first_id + term->atom[a]);
    if (!al_grow(&vsites->terms[ref.kind], &vsites->room[ref.kind], vsites->n[ref.kind] + 1, sizeof found))
        return false;
    vsites->terms[ref.kind][vsites->n[ref.kind]++] = found;
    return true;
}

bool al_vsites_find(al_vsites *vsites, const al_space *space, const al_locals *locals)
{
    if (!al_vsites_are_any(vsites))
        return true;
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++)
        vsites->n[kind] = 0;
    for (uint32_t k = 0; k < space->nhome; k++) {
        const al_local *local = &locals->of[k];
        const al_term_index *index = &vsites->indices[local->molecule];
        const al_molecule *molecule = &vsites->topology->molecules[local->molecule];
        for (uint32_t n = index->first[local->atom]; n < index->first[local->atom + 1]; n++) {
            al_term_ref ref = index->refs[n];
            if (!add(vsites, space, locals, ref, &molecule->terms[ref.kind][ref.term], local->first_id))
                return false;
        }
    }
    return true;
}

void al_vsites_place(const al_vsites *vsites, al_space *space)
{
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++) {
        if (vsites->n[kind] == 0)
            continue;
        al_site_places_d[kind](vsites->topology->params, vsites->n[kind], vsites->terms[kind], space->x);
        for (uint32_t k = 0; k < vsites->n[kind]; k++)
            for (unsigned d = 0; d < 3; d++)
                space->v[al_block_at(vsites->terms[kind][k].atom[0], d)] = 0;
    }
}

void al_vsites_spread(const al_vsites *vsites, al_space *space, double *virial)
{
    const double *params = vsites->indices != NULL ? vsites->topology->params : NULL;
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++) {
        if (vsites->n[kind] == 0)
            continue;
        if (space->opts.is_double)
            al_site_spreads_d[kind](params, vsites->n[kind], vsites->terms[kind], space->xr, space->fr,
                                    virial);
        else
            al_site_spreads_f[kind](params, vsites->n[kind], vsites->terms[kind], space->xr, space->fr,
                                    virial);
    }
}
