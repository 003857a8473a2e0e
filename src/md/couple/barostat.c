/* barostat.c - see barostat.h. x, y and z are 0, 1 and 2.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/couple/barostat.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "md/couple/random.h"

#define FOR_BAROSTAT 0x6261726fu /* tells this use of the seed apart */

void al_barostat_spread(int coupling, const double *numbers, double tensor[3][3])
{
    static const int places[3][3] = {{0, 3, 4}, {3, 1, 5}, {4, 5, 2}};
    for (int d = 0; d < 3; d++)
        for (int e = 0; e < 3; e++)
            if (coupling == AL_COUPLING_ANISOTROPIC)
                tensor[d][e] = numbers[places[d][e]];
            else
                tensor[d][e] = d != e ? 0 : numbers[coupling == AL_COUPLING_SEMIISOTROPIC && d == 2 ? 1 : 0];
}

allot_err al_barostat_check(const al_barostat_opts *opts, allot_error *err)
{
    if (opts->kind == AL_BAROSTAT_NONE)
        return ALLOT_OK;
    if (opts->kind == AL_BAROSTAT_C_RESCALE && opts->coupling == AL_COUPLING_ANISOTROPIC)
        return al_fail(err, ALLOT_EUNSUPPORTED, 0,
                       "c-rescale is isotropic or semiisotropic, as in GROMACS; parrinello-rahman can be "
                       "anisotropic");
    if (!(opts->tau > 0) || !isfinite(opts->tau))
        return al_fail(err, ALLOT_ERANGE, 0, "pressure cannot be held with a time constant of %g", opts->tau);
    for (int d = 0; d < 3; d++)
        for (int e = 0; e < 3; e++) {
            double beta = opts->compressibility[d][e];
            if (!(beta >= 0) || !isfinite(beta))
                return al_fail(err, ALLOT_ERANGE, 0, "a compressibility of %g: 0 or more is wanted", beta);
            if (!isfinite(opts->reference[d][e]))
                return al_fail(err, ALLOT_ERANGE, 0, "a pressure of %g cannot be held",
                               opts->reference[d][e]);
        }
    return ALLOT_OK;
}

bool al_barostat_is_due(const al_barostat_opts *opts, uint64_t step)
{
    uint64_t later = opts->kind == AL_BAROSTAT_PARRINELLO_RAHMAN ? opts->every - 1 : 0;
    return opts->kind != AL_BAROSTAT_NONE && (step + later) % opts->every == 0;
}

double al_barostat_volume(const double box[3][3])
{
    return box[0][0] * box[1][1] * box[2][2];
}

void al_barostat_pressure(const al_barostat_opts *opts, const double kinetic[3][3], const double virial[3][3],
                          const double box[3][3], double pressure[3][3])
{
    double unit = al_barostat_volume(box) * opts->pressure_energy;
    for (int d = 0; d < 3; d++)
        for (int e = 0; e < 3; e++)
            pressure[d][e] = (2 * kinetic[d][e] + virial[d][e]) / unit;
}

static double period_of(const al_barostat_opts *opts)
{
    return opts->every * opts->dt;
}

/** Lower triangular, both and what comes of it. */
static void multiply(const double a[3][3], const double b[3][3], double c[3][3])
{
    memset(c, 0, 9 * sizeof(double));
    for (int d = 0; d < 3; d++)
        for (int e = 0; e <= d; e++)
            for (int k = e; k <= d; k++)
                c[d][e] += a[d][k] * b[k][e];
}

static void invert(const double a[3][3], double inverse[3][3])
{
    memset(inverse, 0, 9 * sizeof(double));
    for (int d = 0; d < 3; d++)
        inverse[d][d] = 1 / a[d][d];
    inverse[1][0] = -a[1][0] * inverse[0][0] * inverse[1][1];
    inverse[2][1] = -a[2][1] * inverse[1][1] * inverse[2][2];
    inverse[2][0] = -(a[2][0] * inverse[0][0] + a[2][1] * inverse[1][0]) * inverse[2][2];
}

/** What is above the diagonal to what is below it. */
static void fold(double tensor[3][3])
{
    for (int d = 0; d < 3; d++)
        for (int e = 0; e < d; e++) {
            tensor[d][e] += tensor[e][d];
            tensor[e][d] = 0;
        }
}

/** What each element of the pressure counts as: the mean of x, y and z, or of x and y, or itself. */
static void level(int coupling, const double pressure[3][3], double levelled[3][3])
{
    memcpy(levelled, pressure, 9 * sizeof(double));
    if (coupling == AL_COUPLING_ISOTROPIC)
        levelled[0][0] = levelled[1][1] = levelled[2][2] =
            (pressure[0][0] + pressure[1][1] + pressure[2][2]) / 3;
    else if (coupling == AL_COUPLING_SEMIISOTROPIC)
        levelled[0][0] = levelled[1][1] = (pressure[0][0] + pressure[1][1]) / 2;
}

/* ---- Berendsen, C-rescale ------------------------------------------------------------------------------ */

/** By chance, what the logarithms of the three lengths change by. With beta' = period/tau beta, that of the
 * volume has a variance of 2 kT beta'/V; of it z alone, or x and y together, have a third, or two. */
static void shake(const al_barostat_opts *opts, uint64_t step, const double box[3][3], double change[3])
{
    al_random random = {.seed = opts->seed, .use = FOR_BAROSTAT, .step = step};
    double unit =
        2 * opts->thermal * period_of(opts) / opts->tau / (al_barostat_volume(box) * opts->pressure_energy);
    double across = opts->compressibility[0][0] * unit, along = opts->compressibility[2][2] * unit;
    double first = al_random_normal(&random);
    if (opts->coupling == AL_COUPLING_ISOTROPIC) {
        change[0] = change[1] = change[2] = sqrt(across) * first / 3;
    } else {
        change[0] = change[1] = sqrt(across * 2 / 3) * first / 2;
        change[2] = sqrt(along / 3) * al_random_normal(&random);
    }
}

/** Energy that atoms lose when they are moved by mu, and with C-rescale their velocities changed. */
static double lost(const al_barostat_opts *opts, const double kinetic[3][3], const double virial[3][3],
                   const double mu[3][3])
{
    double sum = 0;
    for (int d = 0; d < 3; d++) {
        for (int e = 0; e <= d; e++)
            sum += (mu[d][e] - (d == e)) * virial[d][e];
        if (opts->kind == AL_BAROSTAT_C_RESCALE)
            sum += kinetic[d][d] * (1 - 1 / (mu[d][d] * mu[d][d]));
    }
    return sum;
}

void al_barostat_scale(const al_barostat_opts *opts, uint64_t step, const double kinetic[3][3],
                       const double virial[3][3], const double pressure[3][3], const double box[3][3],
                       al_barostat_state *state, double mu[3][3])
{
    double by_chance[3];
    level(opts->coupling, pressure, mu);
    for (int d = 0; d < 3; d++)
        for (int e = 0; e < 3; e++)
            mu[d][e] = opts->compressibility[d][e] * period_of(opts) / opts->tau *
                       (mu[d][e] - opts->reference[d][e]) / 3;
    if (opts->kind == AL_BAROSTAT_C_RESCALE)
        shake(opts, step, box, by_chance);
    for (int d = 0; d < 3; d++)
        mu[d][d] = opts->kind == AL_BAROSTAT_C_RESCALE ? exp(mu[d][d] + by_chance[d]) : 1 + mu[d][d];
    fold(mu);
    state->work += lost(opts, kinetic, virial, mu);
}

/* ---- Parrinello-Rahman --------------------------------------------------------------------------------- */

/** W^-1 of an element of the box. */
static double inverse_mass(const al_barostat_opts *opts, const double box[3][3], int d, int e)
{
    double longest = fmax(fmax(box[0][0], box[1][1]), box[2][2]);
    return 4 * M_PI * M_PI * opts->compressibility[d][e] / (3 * opts->tau * opts->tau * longest);
}

/** How many of x, y, z grow as one. */
static int neven(const al_barostat_opts *opts)
{
    static const int n[] = {3, 2, 0};
    return n[opts->coupling];
}

/** Coordinates 0 to n - 1 of all vectors by the mean of what each would grow by, relative to the diagonal. */
static void even_out(const double box[3][3], int n, double force[3][3])
{
    double mean = 0;
    for (int d = 0; d < n; d++)
        mean += force[d][d] / box[d][d] / n;
    for (int d = 0; d < 3; d++)
        for (int e = 0; e <= d && e < n; e++)
            force[d][e] = mean * box[d][e];
}

/** b'^-1 (P - P0), levelled. */
static void find_force(const al_barostat_opts *opts, const double pressure[3][3], const double box[3][3],
                       double force[3][3])
{
    double inverse[3][3];
    invert(box, inverse);
    memset(force, 0, 9 * sizeof(double));
    for (int d = 0; d < 3; d++)
        for (int e = 0; e < 3; e++)
            for (int k = d; k < 3; k++)
                force[d][e] += inverse[k][d] * (pressure[k][e] - opts->reference[k][e]);
    fold(force);
    even_out(box, neven(opts), force);
}

static double mean_reference(const al_barostat_opts *opts)
{
    return (opts->reference[0][0] + opts->reference[1][1] + opts->reference[2][2]) / 3;
}

/** Work against what the reference is more in one direction than in the mean: no function of the box. */
static double uneven_work(const al_barostat_opts *opts, const double box[3][3], const double mu[3][3])
{
    double grown = mu[0][0] * mu[1][1] * mu[2][2], sum = 0;
    for (int d = 0; d < 3; d++)
        sum += (opts->reference[d][d] - mean_reference(opts)) * log(mu[d][d]);
    return al_barostat_volume(box) * (1 + grown) / 2 * opts->pressure_energy * sum;
}

void al_barostat_push(const al_barostat_opts *opts, const double pressure[3][3], const double box[3][3],
                      al_barostat_state *state, double m[3][3], double mu[3][3])
{
    double force[3][3], inverse[3][3], next[3][3] = {{0}}, volume = al_barostat_volume(box);
    find_force(opts, pressure, box, force);
    for (int d = 0; d < 3; d++)
        for (int e = 0; e <= d; e++) {
            double per_mass = e < neven(opts) ? inverse_mass(opts, box, 0, 0) : inverse_mass(opts, box, d, e);
            state->velocity[d][e] += period_of(opts) * per_mass * volume * force[d][e];
            next[d][e] = box[d][e] + period_of(opts) * state->velocity[d][e];
        }
    invert(box, inverse);
    multiply(inverse, state->velocity, m);
    multiply(inverse, next, mu);
    state->work += uneven_work(opts, box, mu);
}

/** What one over the masses that lengths move with comes to, where a length's force is that of the pressure
 * alone: as one, by what even_out() does; tilts by what fold() does. */
static double moving_mass(const al_barostat_opts *opts, const double box[3][3], int d, int e)
{
    return inverse_mass(opts, box, d, e) * (d == e ? 1 : 1 + box[d][d] / box[e][e]);
}

static double moving_energy(const al_barostat_opts *opts, const al_barostat_state *state,
                            const double box[3][3])
{
    int n = neven(opts);
    double energy = 0, per_mass = 0, rate = state->velocity[0][0] / box[0][0];
    for (int d = 0; d < n; d++)
        per_mass += inverse_mass(opts, box, 0, 0) / (box[d][d] * box[d][d]) / n;
    if (per_mass > 0)
        energy += n * rate * rate / (2 * per_mass);
    for (int e = n; e < 3; e++)
        for (int d = e; d < 3; d++)
            if ((per_mass = moving_mass(opts, box, d, e)) > 0)
                energy += state->velocity[d][e] * state->velocity[d][e] / (2 * per_mass);
    return energy;
}

double al_barostat_energy(const al_barostat_opts *opts, const al_barostat_state *state,
                          const double box[3][3])
{
    if (opts->kind != AL_BAROSTAT_PARRINELLO_RAHMAN)
        return state->work;
    return state->work + opts->pressure_energy * (moving_energy(opts, state, box) +
                                                  al_barostat_volume(box) * mean_reference(opts));
}

double al_barostat_strain(const double mu[3][3])
{
    double greatest = 0;
    for (int d = 0; d < 3; d++)
        for (int e = 0; e <= d; e++)
            greatest = fmax(greatest, fabs(mu[d][e] - (d == e)));
    return greatest;
}
