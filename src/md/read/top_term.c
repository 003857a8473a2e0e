/* top_term.c - see top_term.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/top_term.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846

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

allot_err al_top_add_term(al_top_reader *r, const al_top_function *f, const uint32_t *atom,
                          const double *given)
{
    al_molecule *m = al_top_latest(r);
    double p[AL_TOP_PARAMS_MOST] = {0};
    uint32_t n = al_term_infos[f->kind].nparams, *count = &m->nterms[f->kind];
    memcpy(p, given, sizeof p);
    if (f->kind == AL_TERM_PAIR14) {
        bool is_sigma = r->top.combination != AL_COMBINE_C6_C12;
        double s6 = pow(given[0], 6);
        p[0] = is_sigma ? 4 * given[1] * s6 : given[0];
        p[1] = is_sigma ? 4 * given[1] * s6 * s6 : given[1];
        p[2] = r->fudge_qq * m->atoms[atom[0]].charge * m->atoms[atom[1]].charge;
    } else if (f->where == AL_TOP_DIHEDRALS && f->number == 5) {
        double rb[AL_TOP_PARAMS_MOST] = {given[1] + (given[0] + given[2]) / 2,
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
    if (!AL_TOP_GROW(m->terms[f->kind], *count))
        return al_top_no_memory(r);
    al_term term = {.params = r->top.nparams};
    memcpy(term.atom, atom, sizeof term.atom);
    for (uint32_t k = 0; k < n; k++) {
        if (!AL_TOP_GROW(r->top.params, r->top.nparams))
            return al_top_no_memory(r);
        r->top.params[r->top.nparams++] = p[k];
    }
    m->terms[f->kind][(*count)++] = term;
    return ALLOT_OK;
}
