/* pairs.c - how fast kernels of pairs are, alone: a box of water, its list made as `allot md` makes it, and
 * forces computed again and again. Peer: gmx nonbonded-benchmark, which does the same; bench/md runs both.
 *
 *     bench-pairs [KERNEL [SIDE [CUTOFF [ROUNDS]]]]    SIDE^3 molecules, 0.334 to a cube of 1 A
 *
 * Molecules stand on a lattice, turned at random: what matters is how many atoms a volume has. All: hydrogens
 * have Lennard-Jones, too; half: they have not. Useful pairs are within the cut-off and not excluded. The
 * best of all rounds counts.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "md/space.h"
#include "stopwatch.h"

enum { SITES = 3 };

static const double density = 33.4; /* molecules a cubic nm */

static double next_random(void)
{
    static uint64_t seed = 1;
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (double)(seed >> 11) * 0x1p-53;
}

/** SPC/E: two bonds of 0.1 nm, at right angles or a little more. */
static void add_water(al_space *space, uint32_t number, const double at[3], double box)
{
    double z = 2 * next_random() - 1, phi = 2 * M_PI * next_random(), turn = 2 * M_PI * next_random();
    double s = sqrt(1 - z * z), a[3] = {s * cos(phi), s * sin(phi), z};
    double b[3] = {-sin(phi), cos(phi), 0};
    double c[3] = {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
    for (uint32_t k = 0; k < SITES; k++) {
        al_atom atom = {.id = (uint64_t)SITES * number + k};
        for (int d = 0; d < 3; d++) {
            double across = cos(turn) * b[d] + sin(turn) * c[d];
            double bond = k == 0 ? 0 : k == 1 ? a[d] : -a[d] / 3 + across * sqrt(8) / 3;
            atom.x[d] = fmod(at[d] + 0.1 * bond + box, box);
        }
        (void)!al_space_add(space, &atom, 1, NULL);
    }
}

static void fill(al_space *space, uint32_t side, double box)
{
    for (uint32_t n = 0; n < side * side * side; n++) {
        uint32_t cell[3] = {n / side / side, n / side % side, n % side};
        double at[3];
        for (int d = 0; d < 3; d++)
            at[d] = box / side * (cell[d] + 0.3 + 0.4 * next_random());
        add_water(space, n, at, box);
    }
}

/** What atoms have, by place, and which are excluded. */
typedef struct properties {
    float *charge, *a, *b;
    uint32_t *type, *excluded_first, *excluded;
} properties;

static float *reals(size_t n)
{
    float *all = aligned_alloc(64, (n * sizeof(float) + 63) / 64 * 64);
    if (all == NULL)
        exit(1);
    memset(all, 0, n * sizeof(float));
    return all;
}

static void give(properties *have, const al_space *space, const al_pair_params *params, double hydrogen)
{
    const double c6[] = {2.6173e-3, 2.6173e-3 * hydrogen}, c12[] = {2.6341e-6, 2.6341e-6 * hydrogen};
    size_t nplaces = (size_t)space->nblocks * AL_BLOCK;
    *have = (properties){.charge = reals(nplaces),
                         .a = reals(nplaces),
                         .b = reals(nplaces),
                         .type = (uint32_t *)(void *)reals(nplaces)};
    for (uint32_t k = 0; k < space->atoms.n; k++) {
        uint32_t place = space->places[k], is_hydrogen = space->atoms.id[k] % SITES != 0;
        double a, b;
        al_pair_atom(params, c6[is_hydrogen], c12[is_hydrogen], &a, &b);
        have->charge[place] = 11.787F * (is_hydrogen ? 0.4238F : -0.8476F);
        have->type[place] = is_hydrogen;
        have->a[place] = (float)a;
        have->b[place] = (float)b;
    }
}

/** Of an atom, those of its molecule that are near: at home, or its copies. */
static void exclude(properties *have, const al_space *space)
{
    size_t nplaces = (size_t)space->nblocks * AL_BLOCK, nmolecules = space->nhome / SITES, most = 8 * SITES;
    uint32_t *seen = malloc(nmolecules * most * sizeof *seen), *nseen = calloc(nmolecules, sizeof *nseen);
    uint64_t *molecule = malloc(nplaces * sizeof *molecule);
    have->excluded_first = malloc((nplaces + 1) * sizeof *have->excluded_first);
    have->excluded = malloc(nplaces * 2 * sizeof *have->excluded);
    if (seen == NULL || nseen == NULL || molecule == NULL || have->excluded == NULL ||
        have->excluded_first == NULL)
        exit(1);
    memset(molecule, 0xFF, nplaces * sizeof *molecule);
    for (uint32_t k = 0; k < space->atoms.n; k++) {
        uint64_t m = molecule[space->places[k]] = space->atoms.id[k] / SITES;
        seen[m * most + nseen[m]++] = space->places[k];
    }
    uint32_t n = 0;
    for (uint32_t place = 0; place < nplaces; place++) {
        uint64_t m = molecule[place];
        have->excluded_first[place] = n;
        for (uint32_t k = 0; m != UINT64_MAX && k < nseen[m]; k++) {
            double r2 = 0;
            for (unsigned d = 0; d < 3; d++)
                r2 += pow((double)space->x_bounds[al_block_at(place, d)] -
                              (double)space->x_bounds[al_block_at(seen[m * most + k], d)],
                          2);
            if (seen[m * most + k] != place && r2 < 0.09)
                have->excluded[n++] = seen[m * most + k];
        }
    }
    have->excluded_first[nplaces] = n;
    free(seen);
    free(nseen);
    free(molecule);
}

static double count_useful(const al_pair_list *list, const float *x, double cutoff)
{
    double n = 0;
    for (uint32_t k = 0; k < list->nrows; k++) {
        const al_pair_row *row = &list->rows[k];
        for (uint32_t b = row->begin; b < row->end; b++) {
            uint32_t mask =
                b - row->begin < row->nmasked ? list->masks[row->first_mask + b - row->begin] : UINT32_MAX;
            if (list->blocks[b] == row->cluster / 2)
                mask &= al_pair_above(row->cluster);
            for (uint32_t at = 0; at < AL_CLUSTER * AL_BLOCK; at++) {
                double r2 = 0;
                for (unsigned d = 0; d < 3; d++)
                    r2 +=
                        pow((double)x[al_block_at((size_t)row->cluster * AL_CLUSTER + at / AL_BLOCK, d)] -
                                (double)x[al_block_at((size_t)list->blocks[b] * AL_BLOCK + at % AL_BLOCK, d)],
                            2);
                n += (mask >> at & 1) && r2 < cutoff * cutoff;
            }
        }
    }
    return n;
}

static void time_kernel(const al_space *space, const al_pairs *pairs, const properties *have,
                        const al_pair_params *params, const char *name, bool is_summed, int rounds)
{
    const al_pair_atoms atoms = {have->charge, have->a, have->b, have->type};
    double least = HUGE_VAL, useful = count_useful(&pairs->list, space->x_bounds, params->lj_cutoff),
           computed = (double)pairs->nblocks * AL_CLUSTER * AL_BLOCK;
    al_pair_sums sums = {.lj = 0};
    memset(space->fr, 0, (size_t)space->nblocks * AL_BLOCK_REALS * sizeof(float));
    for (int k = 0; k < rounds; k++) {
        uint64_t begin = bench_ticks();
        space->opts.kernels->pairs(params, &atoms, &pairs->list, 0, pairs->list.nrows, space->xr, space->fr,
                                   is_summed ? &sums : NULL);
        least = fmin(least, (double)(bench_ticks() - begin));
    }
    printf("%-7s %-34s %9.4f %9.4f pairs/cycle (computed, useful) %8.3f Mcycles\n", space->opts.kernels->name,
           name, computed / least, useful / least, least * 1e-6);
}

static void time_all(al_space *space, double cutoff, int rounds)
{
    static const char *const coulombs[] = {"", "RF", "Ewald"};
    static const char *const types[] = {"", "geom.", "LB", "matrix"};
    double c6s[] = {2.6173e-3, 0, 0, 0}, c12s[] = {2.6341e-6, 0, 0, 0};
    for (int coulomb = AL_PAIR_EWALD; coulomb >= AL_PAIR_REACTION_FIELD; coulomb--)
        for (int type = AL_PAIR_GEOMETRIC; type <= AL_PAIR_MATRIX; type++)
            for (int kind = 0; kind < 3; kind++) {
                al_pair_params params = {.types = (al_pair_types)type,
                                         .coulomb = (al_pair_coulomb)coulomb,
                                         .lj_cutoff = cutoff,
                                         .coulomb_cutoff = cutoff,
                                         .ntypes = 2,
                                         .c6s = c6s,
                                         .c12s = c12s,
                                         .beta = 3.12 / cutoff};
                properties have;
                al_pairs pairs = {.nouter = 0};
                char name[80];
                al_pair_set_reaction_field(&params, 0);
                if (!al_pair_prepare(&params))
                    exit(1);
                give(&have, space, &params, kind == 1 ? 0 : 1);
                exclude(&have, space);
                const al_pair_space where = {.zones = space->zones,
                                             .blocks = space->block_bounds,
                                             .clusters = space->cluster_bounds,
                                             .spans = space->spans,
                                             .x = space->x_bounds,
                                             .kernels = space->opts.kernels,
                                             .reach = (float)cutoff,
                                             .excluded_first = have.excluded_first,
                                             .excluded = have.excluded};
                if (!al_pairs_build(&pairs, &where, AL_PAIRS_ALL, 0, al_pairs_nblocks(space->zones)) ||
                    !al_pairs_prune(&pairs, space->opts.kernels, space->x_bounds, (float)cutoff))
                    exit(1);
                (void)snprintf(name, sizeof name, "%s %s %s%s", coulombs[coulomb], kind == 1 ? "half" : "all",
                               types[type], kind == 2 ? ", energies" : "");
                time_kernel(space, &pairs, &have, &params, name, kind == 2, rounds);
                al_pairs_fini(&pairs);
                al_pair_unprepare(&params);
                free(have.charge);
                free(have.a);
                free(have.b);
                free(have.type);
                free(have.excluded_first);
                free(have.excluded);
            }
}

int main(int argc, char **argv)
{
    const al_kernels *kernels = al_kernels_find(argc > 1 && argv[1][0] != '\0' ? argv[1] : NULL);
    uint32_t side = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 20;
    double cutoff = argc > 3 ? strtod(argv[3], NULL) : 0.9, box = side / cbrt(density);
    int rounds = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 100;
    if (kernels == NULL || side < 1 || !(cutoff > 0 && cutoff < box) || rounds < 1) {
        fprintf(stderr,
                "usage: bench-pairs [KERNEL [SIDE [CUTOFF [ROUNDS]]]]: a kernel that runs here, a box "
                "that the cut-off is in\n");
        return 2;
    }
    al_space space;
    const al_space_opts opts = {.comm = al_comm_serial(),
                                .box = {box, box, box},
                                .grid = {1, 1, 1},
                                .reach = cutoff,
                                .near = cutoff,
                                .density = SITES * density,
                                .kernels = kernels,
                                .nthreads = 1};
    if (al_space_open(&space, &opts, NULL) != ALLOT_OK)
        return 1;
    fill(&space, side, box);
    if (al_space_rebuild(&space, true, NULL) != ALLOT_OK)
        return 1;
    printf("%u atoms, cut-off %g nm\n", space.nhome, cutoff);
    time_all(&space, cutoff, rounds);
    al_space_close(&space);
    return 0;
}
