/* couple_tool.c - for tests/md/couple.py: what thermostat and barostat do, step by step, with the energies of
 * a simulation that was done elsewhere.
 *
 *     couple_tool RUN.mdp REMOVED NATOMS...   of each temperature group; REMOVED degrees of freedom of the
 * whole
 *
 * reads, a step a line: step, kinetic energies of groups half a step before, kinetic tensor, virial tensor,
 * pressure tensor (9 each; as barostat.h has them), box (9). Writes a line for each: lambda and drag of each
 * group, pressure, M, mu, the greatest strain, energies of thermostat and barostat after what was due.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "md/couple/freedom.h"
#include "md/couple/step.h"

enum { GROUPS_MOST = 8 };

typedef double tensor[3][3];

static bool read_numbers(double *numbers, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++)
        if (scanf("%lf", &numbers[k]) != 1)
            return false;
    return true;
}

static void write_numbers(const double *numbers, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++)
        printf("%.17g ", numbers[k]);
}

/** @return false: there is no other step */
static bool step_once(const al_couple *couple, al_couple_state *state)
{
    uint64_t step;
    double halves[GROUPS_MOST];
    al_turn turns[GROUPS_MOST];
    tensor kinetic, virial, theirs, box, pressure;
    if (scanf("%" SCNu64, &step) != 1)
        return false;
    if (!read_numbers(halves, couple->ngroups) || !read_numbers(&kinetic[0][0], 9) ||
        !read_numbers(&virial[0][0], 9) || !read_numbers(&theirs[0][0], 9) || !read_numbers(&box[0][0], 9))
        exit(2);
    al_barostat_pressure(&couple->barostat, kinetic, virial, box, pressure);
    for (uint32_t g = 0; g < couple->ngroups && !al_couple_wants_halves(couple, step); g++)
        halves[g] = NAN; /* not to be read */
    for (int k = 0; k < 9 && !al_couple_wants_pressure(couple, step); k++)
        kinetic[k / 3][k % 3] = virial[k / 3][k % 3] = theirs[k / 3][k % 3] = NAN;
    al_couple_begin(couple, step, halves, box, state, turns);
    if (al_couple_end(couple, step, kinetic, virial, theirs, box, state))
        for (int d = 0; d < 3; d++)
            al_barostat_place(state->mu, box[d]);
    for (uint32_t g = 0; g < couple->ngroups; g++) {
        write_numbers(&turns[g].a[0][0], 9);
        write_numbers(&turns[g].b, 1);
    }
    write_numbers(&pressure[0][0], 9);
    write_numbers(&state->mu[0][0], 9);
    write_numbers((const double[]){al_couple_energy(couple, state, box)}, 1);
    printf("\n");
    return true;
}

/** Each step as if it were the first one after a checkpoint. */
static bool run(const al_couple *couple)
{
    double kept[100] = {0};
    bool goes_on = al_couple_nkept(couple) <= 100;
    while (goes_on) {
        al_couple_state state;
        if (!al_couple_state_init(couple, &state))
            return false;
        al_couple_recall(couple, kept, &state);
        goes_on = step_once(couple, &state);
        al_couple_keep(couple, &state, kept);
        al_couple_state_fini(&state);
    }
    return true;
}

int main(int argc, char **argv)
{
    al_mdp mdp;
    allot_error err;
    al_couple couple;
    uint32_t ngroups = (uint32_t)argc - 3;
    al_freedom_part parts[GROUPS_MOST];
    double freedom[GROUPS_MOST], removed = argc > 2 ? strtod(argv[2], NULL) : 0;
    if (argc < 4 || ngroups > GROUPS_MOST)
        return 2;
    for (uint32_t g = 0; g < ngroups; g++)
        parts[g] =
            (al_freedom_part){.natoms = strtod(argv[g + 3], NULL), .freedom = 3 * strtod(argv[g + 3], NULL)};
    al_freedom_share(parts, ngroups, 1, &removed, freedom);
    allot_err code = al_mdp_read(argv[1], &mdp, &err);
    if (code == ALLOT_OK) {
        code = al_couple_from_mdp(&mdp, argv[1], freedom, 1, &couple, &err);
        al_mdp_fini(&mdp);
    }
    if (code != ALLOT_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    write_numbers(freedom, ngroups);
    printf("\n");
    bool is_done = run(&couple);
    al_couple_fini(&couple);
    return is_done ? 0 : 2;
}
