/* nve_blocks.h - the text of nve.h's passes, for REAL as float and as double, compiled for several processors
 * by nve_*.c, which includes it: REAL, and NAME, the function's. Vectors are GCC's, as wide as the
 * processor's. It may not contract what is done with them, so that all have the same bits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef AL_MD_KERNEL_NVE_BLOCKS_H
#define AL_MD_KERNEL_NVE_BLOCKS_H

#if defined __AVX512F__
enum { LANES = 8 };
#elif defined __AVX__
enum { LANES = 4 };
#else
enum { LANES = 2 };
#endif

/** A coordinate of some of a block's atoms, wherever numbers may be. */
typedef double some __attribute__((vector_size(LANES * 8), aligned(8), may_alias));
typedef int64_t some_are __attribute__((vector_size(LANES * 8), aligned(8), may_alias));

/** Keep the greater number of each, and what is not a number. */
static inline __attribute__((always_inline)) void keep_greatest(double *most, const some *found)
{
    const some was = *(const some *)most;
    const some_are kept = (was != was) | (was >= *found);
    *(some *)most = (some)(((some_are)was & kept) | ((some_are)*found & ~kept));
}

#endif

void NAME(AL_NVE_ARGS(REAL))
{
    typedef REAL some_reals
        __attribute__((vector_size(LANES * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));
    double mv2[AL_BLOCK] = {0}, moved2[AL_BLOCK] = {0}, speed2[AL_BLOCK] = {0};
    const al_nve n = *nve; /* which no store below can change */
    /* Leap-frog: the velocities half a step later, which are not to be had yet. */
    const double later_kick = n.begin_kick - n.end_kick;
    for (size_t place = begin * AL_BLOCK; place < end * AL_BLOCK; place += LANES) {
        const size_t lane = place % AL_BLOCK, nth = place / AL_BLOCK * n.stride + lane;
        const some inverse_mass = *(const some *)(n.inverse_mass + nth);
        const some end_kick = n.end_kick * inverse_mass, begin_kick = n.begin_kick * inverse_mass;
        some apart2 = {0}, fast2 = {0};
        for (unsigned d = 0; d < 3; d++) {
            const size_t at = al_block_at(place, d);
            const some force = __builtin_convertvector(*(const some_reals *)(f + at), some);
            some speed = *(const some *)(v + at);
            if (n.ends)
                speed += end_kick * force;
            if (n.is_summed) {
                const some later = speed + later_kick * inverse_mass * force;
                *(some *)(mv2 + lane) +=
                    *(const some *)(n.mass + nth) * ((speed * speed + later * later) / 2);
            }
            if (n.begins) {
                speed += begin_kick * force;
                const some now = *(const some *)(x + at) + n.dt * speed;
                const some apart = now - *(const some *)(x_listed + at);
                fast2 += speed * speed;
                apart2 += apart * apart;
                *(some *)(x + at) = now;
                *(some_reals *)(xr + at) = __builtin_convertvector(now - n.middle[d], some_reals);
            }
            if (n.ends || n.begins)
                *(some *)(v + at) = speed;
        }
        keep_greatest(moved2 + lane, &apart2);
        keep_greatest(speed2 + lane, &fast2);
    }
    for (unsigned k = 0; k < AL_BLOCK; k++) {
        sums->mv2 += mv2[k];
        sums->moved2 = sums->moved2 != sums->moved2 || sums->moved2 >= moved2[k] ? sums->moved2 : moved2[k];
        sums->speed2 = sums->speed2 > speed2[k] ? sums->speed2 : speed2[k];
    }
}
