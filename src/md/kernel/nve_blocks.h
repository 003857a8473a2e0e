/* nve_blocks.h - the text of nve.h's passes, for REAL as float and as double, compiled for several processors
 * by nve_*.c, which includes it: REAL, and NAME, the function's. Loops are of eight, for the compiler's
 * vectors; it may not contract them, so that all have the same bits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

void NAME(AL_NVE_ARGS(REAL))
{
    double mv2[AL_BLOCK] = {0}, moved2[AL_BLOCK] = {0}, speed2[AL_BLOCK] = {0};
    const al_nve n = *nve; /* which no store below can change */
    /* Leap-frog: the velocities half a step later, which are not to be had yet. */
    const double later_kick = n.begin_kick - n.end_kick;
    for (size_t block = begin; block < end; block++) {
        double apart2[AL_BLOCK] = {0}, fast2[AL_BLOCK] = {0}, end_kick[AL_BLOCK], begin_kick[AL_BLOCK];
        const double *mass = n.mass + block * n.stride, *inverse_mass = n.inverse_mass + block * n.stride;
        for (unsigned k = 0; k < AL_BLOCK; k++) {
            end_kick[k] = n.end_kick * inverse_mass[k];
            begin_kick[k] = n.begin_kick * inverse_mass[k];
        }
        for (unsigned d = 0; d < 3; d++) {
            size_t at = block * AL_BLOCK_REALS + d * AL_BLOCK;
            double *xs = x + at, *vs = v + at;
            const double *was = x_listed + at;
            const REAL *fs = f + at;
            REAL *rs = xr + at;
            if (n.ends)
                for (unsigned k = 0; k < AL_BLOCK; k++)
                    vs[k] += end_kick[k] * (double)fs[k];
            if (n.is_summed)
                for (unsigned k = 0; k < AL_BLOCK; k++) {
                    double later = vs[k] + later_kick * inverse_mass[k] * (double)fs[k];
                    mv2[k] += mass[k] * ((vs[k] * vs[k] + later * later) / 2);
                }
            if (n.begins)
                for (unsigned k = 0; k < AL_BLOCK; k++) {
                    vs[k] += begin_kick[k] * (double)fs[k];
                    xs[k] += n.dt * vs[k];
                    fast2[k] += vs[k] * vs[k];
                    apart2[k] += (xs[k] - was[k]) * (xs[k] - was[k]);
                    rs[k] = (REAL)(xs[k] - n.middle[d]);
                }
        }
        for (unsigned k = 0; k < AL_BLOCK; k++) {
            /* what is not a number stays */
            moved2[k] = moved2[k] != moved2[k] || moved2[k] >= apart2[k] ? moved2[k] : apart2[k];
            speed2[k] = speed2[k] > fast2[k] ? speed2[k] : fast2[k];
        }
    }
    for (unsigned k = 0; k < AL_BLOCK; k++) {
        sums->mv2 += mv2[k];
        sums->moved2 = sums->moved2 != sums->moved2 || sums->moved2 >= moved2[k] ? sums->moved2 : moved2[k];
        sums->speed2 = sums->speed2 > speed2[k] ? sums->speed2 : speed2[k];
    }
}
