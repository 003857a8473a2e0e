/* waves.h - charges on a mesh made their potential, wave by wave; their energy and virial.
 *
 * What a charge spread by B-splines is to a wave is taken away again here, so that nobody else knows of both
 * splines and waves. (Essmann and others, J. Chem. Phys. 103, 8577, 1995.)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_WAVES_H
#define AL_MD_WAVES_H

#include <stdbool.h>

#include <allot/pool.h>

/** What a rank adds to the sums over all. */
typedef struct al_pme_sums {
    double energy;
    double virial[3][3]; /**< its trace has the sign of the sum of r . f */
} al_pme_sums;

typedef struct al_waves_opts {
    int n[3];        /**< points of the mesh */
    int order;       /**< of splines */
    bool is_double;  /**< waves are of doubles, else of floats */
    double beta;     /**< 1/length: charges are Gaussians of this width */
    double coulomb;  /**< energy of two unit charges at a unit's distance */
    int first_y, ny; /**< the rows of waves that are this rank's */
} al_waves_opts;

/** A rank's rows of waves. */
typedef struct al_waves {
    al_waves_opts opts;
    double inverse[3][3], volume; /**< of the box: fractions = x . inverse */
    void *influence;              /**< [ny][n0][n2 / 2 + 1]: what waves are multiplied by */
    double *moduli[3];            /**< [n[d]]: of the splines' waves */
    struct al_waves_row *rows;    /**< [ny]: sums of each */
} al_waves;

/** @return false: out of memory; al_waves_close() is due all the same */
bool al_waves_open(al_waves *waves, const al_waves_opts *opts);
void al_waves_close(al_waves *waves); /**< zeros are allowed */
/** A box of which fractions = x . inverse; by the threads of a pool. */
void al_waves_set_box(al_waves *waves, allot_pool *pool, const double inverse[3][3], double volume);
/** Make row y of charges' waves, [n0][n2 / 2 + 1] complex numbers, one of the potential's. Threads may do
 * different rows at once. @param is_summed  for al_waves_sum() */
void al_waves_solve_row(al_waves *waves, int y, void *values, bool is_summed);
/** Energy and virial of this rank's rows, the same bits whoever did them. */
void al_waves_sum(const al_waves *waves, al_pme_sums *sums);

#endif
