/* nve_blocks.h - the text of nve.h's passes, for REAL as float and as double, compiled for several processors
 * by nve_*.c, which includes it: REAL, and NAME, the function's. Vectors are GCC's, of eight: the compiler
 * cuts them into what the processor has. It may not contract what is done with them, so that all have the
 * same bits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef AL_MD_KERNEL_NVE_BLOCKS_H
#define AL_MD_KERNEL_NVE_BLOCKS_H

/** A coordinate of a block's atoms, wherever numbers may be. */
typedef double eight __attribute__((vector_size(64), aligned(8), may_alias));
typedef int64_t eight_are __attribute__((vector_size(64), aligned(8), may_alias));

/** Keep the greater number of each, and what is not a number. */
static inline __attribute__((always_inline)) void keep_greatest(eight *most, const eight *found)
{
    eight_are kept = (*most != *most) | (*most >= *found);
    *most = (eight)(((eight_are)*most & kept) | ((eight_are)*found & ~kept));
}

#endif

void NAME(AL_NVE_ARGS(REAL))
{
    typedef REAL eight_reals __attribute__((vector_size(8 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));
    eight mv2 = {0}, moved2 = {0}, speed2 = {0};
    const al_nve n = *nve; /* which no store below can change */
    /* Leap-frog: the velocities half a step later, which are not to be had yet. */
    const double later_kick = n.begin_kick - n.end_kick;
    for (size_t block = begin; block < end; block++) {
        const eight mass = *(const eight *)(n.mass + block * n.stride);
        const eight inverse_mass = *(const eight *)(n.inverse_mass + block * n.stride);
        const eight end_kick = n.end_kick * inverse_mass, begin_kick = n.begin_kick * inverse_mass;
        eight apart2 = {0}, fast2 = {0};
        for (unsigned d = 0; d < 3; d++) {
            size_t at = block * AL_BLOCK_REALS + d * AL_BLOCK;
            const eight force = __builtin_convertvector(*(const eight_reals *)(f + at), eight);
            eight speed = *(const eight *)(v + at);
            if (n.ends)
                speed += end_kick * force;
            if (n.is_summed) {
                const eight later = speed + later_kick * inverse_mass * force;
                mv2 += mass * ((speed * speed + later * later) / 2);
            }
            if (n.begins) {
                speed += begin_kick * force;
                const eight now = *(const eight *)(x + at) + n.dt * speed;
                const eight apart = now - *(const eight *)(x_listed + at);
                fast2 += speed * speed;
                apart2 += apart * apart;
                *(eight *)(x + at) = now;
                *(eight_reals *)(xr + at) = __builtin_convertvector(now - n.middle[d], eight_reals);
            }
            if (n.ends || n.begins)
                *(eight *)(v + at) = speed;
        }
        keep_greatest(&moved2, &apart2);
        keep_greatest(&speed2, &fast2);
    }
    for (unsigned k = 0; k < AL_BLOCK; k++) {
        sums->mv2 += mv2[k];
        sums->moved2 = sums->moved2 != sums->moved2 || sums->moved2 >= moved2[k] ? sums->moved2 : moved2[k];
        sums->speed2 = sums->speed2 > speed2[k] ? sums->speed2 : speed2[k];
    }
}
