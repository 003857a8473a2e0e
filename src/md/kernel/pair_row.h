/* pair_row.h - the reference kernel's text, for REAL as float and as double. Included by pair_ref.c alone,
 * once for each: REAL, and NAME(x), which ends names with its letter.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

/** c6 and c12 of two atoms. */
static inline void NAME(combine)(const al_pair_params *p, const al_pair_atoms *atoms, size_t i, size_t j,
                                 REAL *c6, REAL *c12)
{
    const REAL *a = atoms->a, *b = atoms->b;
    if (p->types == AL_PAIR_ONE_TYPE) {
        *c6 = (REAL)p->c6;
        *c12 = (REAL)p->c12;
    } else if (p->types == AL_PAIR_GEOMETRIC) {
        *c6 = a[i] * a[j] / 6;
        *c12 = b[i] * b[j] / 12;
    } else if (p->types == AL_PAIR_LORENTZ) {
        REAL sigma2 = (a[i] + a[j]) * (a[i] + a[j]), sigma6 = sigma2 * sigma2 * sigma2;
        *c6 = b[i] * b[j] * sigma6 / 6;
        *c12 = *c6 * sigma6;
    } else {
        size_t both = (size_t)atoms->type[i] * p->ntypes + atoms->type[j];
        *c6 = (REAL)p->c6s[both];
        *c12 = (REAL)p->c12s[both];
    }
}

/** Energy, and force over r, of Lennard-Jones. */
static inline REAL NAME(lennard_jones)(const al_pair_params *p, REAL c6, REAL c12, REAL r2, double *energy)
{
    REAL inverse2 = 1 / r2, inverse6 = inverse2 * inverse2 * inverse2;
    REAL f = inverse6 * (12 * c12 * inverse6 - 6 * c6) * inverse2;
    *energy = (double)c12 * ((double)(inverse6 * inverse6) - p->shift12) -
              (double)c6 * ((double)inverse6 - p->shift6);
    if (p->lj == AL_PAIR_LJ_CUT)
        return f;
    REAL r = NAME(root)(r2), d = r - (REAL)p->switch_from;
    if (d <= 0)
        return f;
    if (p->lj == AL_PAIR_LJ_FORCE_SWITCH) {
        *energy -= (double)(d * d * d * (c12 * (REAL)(p->a12 / 3) - c6 * (REAL)(p->a6 / 3)));
        *energy -= (double)(d * d * d * d * (c12 * (REAL)(p->b12 / 4) - c6 * (REAL)(p->b6 / 4)));
        return f +
               d * d / r * (c12 * ((REAL)p->a12 + (REAL)p->b12 * d) - c6 * ((REAL)p->a6 + (REAL)p->b6 * d));
    }
    REAL width = (REAL)(p->lj_cutoff - p->switch_from), t = d / width;
    REAL by = 1 + t * t * t * (-10 + t * (15 - 6 * t)), slope = t * t * (-30 + t * (60 - 30 * t)) / width;
    f = f * by - (REAL)*energy * slope / r;
    *energy *= (double)by;
    return f;
}

/** The same of electrostatics of unit charges. */
static inline REAL NAME(electrostatics)(const al_pair_params *p, REAL r2, bool is_excluded, double *energy)
{
    REAL r = NAME(root)(r2), inverse = is_excluded ? 0 : 1 / r;
    if (p->coulomb == AL_PAIR_REACTION_FIELD) {
        *energy = (double)inverse + p->rf_k * (double)r2 - p->rf_c;
        return inverse * inverse * inverse - (REAL)(2 * p->rf_k);
    }
    double s = p->beta * p->beta * (double)r2;
    *energy = (double)inverse - (is_excluded ? 0 : p->ewald_shift) + p->beta * al_pair_smooth_energy(s);
    return inverse * inverse * inverse + (REAL)(p->beta * p->beta * p->beta * al_pair_smooth_force(s));
}

/** One pair; k counts places. */
static inline void NAME(pair)(const al_pair_params *p, const al_pair_atoms *atoms, size_t i, size_t j,
                              bool is_excluded, const REAL *x, REAL *f, al_pair_sums *sums)
{
    REAL r[3], r2 = 0, by = 0;
    double lj = 0, coulomb = 0;
    for (unsigned d = 0; d < 3; d++) {
        r[d] = x[al_block_at(i, d)] - x[al_block_at(j, d)];
        r2 += r[d] * r[d];
    }
    if (r2 < (REAL)(p->lj_cutoff * p->lj_cutoff) && !is_excluded) {
        REAL c6, c12;
        NAME(combine)(p, atoms, i, j, &c6, &c12);
        by = NAME(lennard_jones)(p, c6, c12, r2, &lj);
    }
    if (p->coulomb != AL_PAIR_NO_COULOMB && r2 < (REAL)(p->coulomb_cutoff * p->coulomb_cutoff)) {
        REAL qq = ((const REAL *)atoms->charge)[i] * ((const REAL *)atoms->charge)[j];
        by += qq * NAME(electrostatics)(p, r2, is_excluded, &coulomb);
        coulomb *= (double)qq;
    }
    for (unsigned d = 0; d < 3; d++) {
        f[al_block_at(i, d)] += by * r[d];
        f[al_block_at(j, d)] -= by * r[d];
    }
    if (sums == NULL)
        return;
    sums->lj += lj;
    sums->coulomb += coulomb;
    sums->virial += (double)(by * r2);
}

void NAME(al_pair_ref)(const al_pair_params *params, const al_pair_atoms *atoms, const al_pair_list *list,
                       uint32_t begin, uint32_t end, const REAL *x, REAL *f, al_pair_sums *sums)
{
    for (uint32_t k = begin; k < end; k++) {
        const al_pair_row *row = &list->rows[k];
        for (uint32_t n = row->begin; n < row->end; n++) {
            uint32_t block = list->blocks[n], nth = n - row->begin;
            uint32_t counted = block == row->cluster / 2 ? al_pair_above(row->cluster) : UINT32_MAX;
            uint32_t mask = nth < row->nmasked ? list->masks[row->first_mask + nth] : UINT32_MAX;
            for (unsigned at = 0; at < AL_CLUSTER * AL_BLOCK; at++)
                if (counted >> at & 1)
                    NAME(pair)
            (params, atoms, (size_t)row->cluster * AL_CLUSTER + at / AL_BLOCK,
             (size_t)block * AL_BLOCK + at % AL_BLOCK, !(mask >> at & 1), x, f, sums);
        }
    }
}
