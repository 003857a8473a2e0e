/* test_zone.c - md/zone: atoms in blocks, the same for any number of threads, and what blocks span.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "md/zone.h"
#include "support/pools.h"
#include "support/prop.h"

enum { MOST = 1500, NPOOLS = 4 };

static const uint32_t counts[NPOOLS] = {1, 2, 3, 5};
static allot_pool *pools[NPOOLS];
static double x[3 * MOST];
static uint8_t zone_of[MOST];

typedef struct sorted {
    al_zone zones[AL_ZONES];
    al_order order;
} sorted;

static double random_place(double length)
{
    return length * (double)prop_below(1u << 20) / (1u << 20);
}

/** Atoms in some zones, some of them at the same height, others with steps between that floats do not tell.
 */
static uint32_t make_atoms(void)
{
    uint32_t n = (uint32_t)prop_below(MOST), nzones = 1 + (uint32_t)prop_below(AL_ZONES);
    double size = 1 + random_place(20);
    for (uint32_t k = 0; k < n; k++) {
        zone_of[k] = (uint8_t)(prop_chance(2) ? 0 : prop_below(nzones));
        for (int d = 0; d < 3; d++)
            x[3 * k + (uint32_t)d] = random_place(size) - size / 2;
        if (k > 0 && prop_chance(5))
            x[3 * k + 2] = x[3 * k - 1] + (double)prop_below(3) * 1e-12;
    }
    return n;
}

static void sort_with(sorted *s, uint32_t n, double density, int pool)
{
    const al_unsorted unsorted = {.n = n, .x = x, .zone = zone_of, .density = density};
    const al_threads threads = {pools[pool], counts[pool]};
    assert_true(al_zones_sort(s->zones, &s->order, &unsorted, &threads));
}

static void forget(sorted *s)
{
    for (int z = 0; z < AL_ZONES; z++)
        al_zone_fini(&s->zones[z]);
    al_order_fini(&s->order);
}

/** Whether an atom is within its column, to rounding. */
static bool is_in_column(const al_zone *zone, uint32_t column, const double *at)
{
    uint32_t number[2] = {column / zone->ncolumns[1], column % zone->ncolumns[1]};
    for (int d = 0; d < 2; d++) {
        double from = (at[d] - zone->least[d]) / zone->width[d] - number[d];
        if (!(from > -1e-9 && from < 1 + 1e-9))
            return false;
    }
    return true;
}

/** Whether along the direction in which n atoms span most the first half comes before the second. */
static bool are_apart(const uint32_t *atoms, uint32_t n)
{
    double longest = -1;
    bool good = false;
    for (uint32_t d = 0; d < 3; d++) {
        double least[2] = {HUGE_VAL, HUGE_VAL}, greatest[2] = {-HUGE_VAL, -HUGE_VAL};
        for (uint32_t k = 0; k < n; k++) {
            least[2 * k / n] = fmin(least[2 * k / n], x[3 * atoms[k] + d]);
            greatest[2 * k / n] = fmax(greatest[2 * k / n], x[3 * atoms[k] + d]);
        }
        double extent = fmax(greatest[0], greatest[1]) - fmin(least[0], least[1]);
        bool is_sorted = greatest[0] <= least[1];
        good = extent > longest ? is_sorted : good || (extent == longest && is_sorted);
        longest = fmax(longest, extent);
    }
    return good;
}

/** Blocks of a column are in the order of height, each of them above those before; the last, if it is not
 * full, is in that order itself. */
static void check_heights(const sorted *s, uint32_t first, uint32_t n)
{
    float below = -HUGE_VALF, top = -HUGE_VALF;
    for (uint32_t k = 0; k < n; k++) {
        bool is_sorted = k / AL_BLOCK == n / AL_BLOCK; /* the last one */
        float z = (float)x[3 * s->order.atoms[first + k] + 2];
        if (k % AL_BLOCK == 0 || is_sorted)
            below = top;
        prop_require(z >= below);
        top = z > top ? z : top;
    }
}

/** Columns of a zone: full blocks but for the last. @return atoms in them */
static uint32_t check_columns(const sorted *s, int z)
{
    const al_zone *zone = &s->zones[z];
    uint32_t natoms = 0;
    for (uint32_t c = 0; c < al_zone_ncolumns(zone); c++) {
        bool has_ended = false;
        uint32_t first = zone->columns[c] * AL_BLOCK, end = zone->columns[c + 1] * AL_BLOCK, n = 0;
        for (uint32_t place = first; place < end; place++) {
            uint32_t atom = s->order.atoms[place];
            has_ended = has_ended || atom == AL_NO_NUMBER;
            prop_require(has_ended == (atom == AL_NO_NUMBER));
            if (has_ended)
                continue;
            n++;
            prop_require(zone_of[atom] == z && s->order.places[atom] == place);
            prop_require(is_in_column(zone, c, &x[3 * atom]));
        }
        prop_require(end - first < n + AL_BLOCK);
        check_heights(s, first, n);
        for (uint32_t block = 0; block < n / AL_BLOCK; block++) {
            const uint32_t *atoms = s->order.atoms + first + block * AL_BLOCK;
            prop_require(are_apart(atoms, AL_BLOCK));
            prop_require(are_apart(atoms, AL_CLUSTER) && are_apart(atoms + AL_CLUSTER, AL_CLUSTER));
        }
        natoms += n;
    }
    return natoms;
}

static void every_atom_has_a_place(void **state)
{
    (void)state;
    sorted s = {.order = {.nblocks = 0}}; /* kept, as what a rank has is from one list to the next */
    for (uint64_t k = 0, rounds = prop_rounds(300); k < rounds; k++) {
        prop_begin(k);
        uint32_t n = make_atoms(), natoms = 0, block = 0;
        sort_with(&s, n, 0.2 + random_place(3), (int)prop_below(NPOOLS));
        for (int z = 0; z < AL_ZONES; z++) {
            prop_require(s.zones[z].first_block == block);
            block += s.zones[z].nblocks;
            natoms += check_columns(&s, z);
        }
        prop_require(natoms == n && s.order.nblocks == block);
    }
    forget(&s);
}

static void threads_sort_alike(void **state)
{
    (void)state;
    for (uint64_t k = 0, rounds = prop_rounds(100); k < rounds; k++) {
        prop_begin(k);
        uint32_t n = make_atoms();
        sorted alone = {.order = {.nblocks = 0}};
        sort_with(&alone, n, 1, 0);
        for (int pool = 1; pool < NPOOLS; pool++) {
            sorted s = {.order = {.nblocks = 0}};
            sort_with(&s, n, 1, pool);
            prop_require(s.order.nblocks == alone.order.nblocks && s.order.ncolumns == alone.order.ncolumns);
            prop_require(n == 0 || memcmp(s.order.places, alone.order.places, n * sizeof(uint32_t)) == 0);
            prop_require(
                memcmp(s.order.atoms, alone.order.atoms, s.order.nblocks * AL_BLOCK * sizeof(uint32_t)) == 0);
            forget(&s);
        }
        forget(&alone);
    }
}

/** What some places of a block span. */
static al_bounds span_of(const sorted *s, uint32_t first, uint32_t n)
{
    al_bounds all = {{HUGE_VALF, HUGE_VALF, HUGE_VALF}, {-HUGE_VALF, -HUGE_VALF, -HUGE_VALF}};
    for (uint32_t place = first; place < first + n; place++)
        for (uint32_t d = 0; d < 3 && s->order.atoms[place] != AL_NO_NUMBER; d++) {
            float at = (float)x[3 * s->order.atoms[place] + d];
            all.least[d] = fminf(all.least[d], at);
            all.greatest[d] = fmaxf(all.greatest[d], at);
        }
    return all;
}

static bool are_same(const al_bounds *a, const al_bounds *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static void bounds_are_of_atoms_alone(void **state)
{
    (void)state;
    for (uint64_t k = 0, rounds = prop_rounds(50); k < rounds; k++) {
        prop_begin(k);
        sorted s = {.order = {.nblocks = 0}};
        sort_with(&s, make_atoms(), 1, 1);
        size_t nplaces = (size_t)s.order.nblocks * AL_BLOCK + 1;
        float *at = malloc(3 * nplaces * sizeof *at);
        al_bounds *blocks = malloc(nplaces * sizeof *blocks), *clusters = malloc(nplaces * sizeof *clusters);
        assert_true(at != NULL && blocks != NULL && clusters != NULL);
        for (uint32_t place = 0; place + 1 < nplaces; place++)
            for (unsigned d = 0; d < 3; d++)
                at[al_block_at(place, d)] = s.order.atoms[place] != AL_NO_NUMBER
                                                ? (float)x[3 * s.order.atoms[place] + d]
                                                : (float)al_block_nowhere(place, d);
        for (int z = 0; z < AL_ZONES; z++) {
            al_zone *zone = &s.zones[z];
            al_zone_bound(zone, 0, al_zone_ncolumns(zone), at, blocks, clusters);
            for (uint32_t c = 0; c < al_zone_ncolumns(zone); c++) {
                uint32_t first = zone->columns[c] * AL_BLOCK, end = zone->columns[c + 1] * AL_BLOCK;
                al_bounds whole = span_of(&s, first, end - first);
                prop_require(are_same(&whole, &zone->column_bounds[c]));
            }
        }
        for (uint32_t block = 0; block < s.order.nblocks; block++) {
            al_bounds all = span_of(&s, block * AL_BLOCK, AL_BLOCK);
            al_bounds low = span_of(&s, block * AL_BLOCK, AL_CLUSTER);
            al_bounds high = span_of(&s, block * AL_BLOCK + AL_CLUSTER, AL_CLUSTER);
            prop_require(are_same(&all, &blocks[block]));
            prop_require(are_same(&low, &clusters[2 * block]) && are_same(&high, &clusters[2 * block + 1]));
        }
        free(at);
        free(blocks);
        free(clusters);
        forget(&s);
    }
}

static int make_pools(void **state)
{
    (void)state;
    make_pools_of(pools, counts, 0, NPOOLS);
    return 0;
}

static int end_pools(void **state)
{
    (void)state;
    end_pools_of(pools, 0, NPOOLS);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_atom_has_a_place),
        cmocka_unit_test(threads_sort_alike),
        cmocka_unit_test(bounds_are_of_atoms_alone),
    };
    return cmocka_run_group_tests(tests, make_pools, end_pools);
}
