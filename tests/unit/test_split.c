/* test_split.c - splits of electrostatics: meshes that transform fast, cut-offs that are as many times as
 * long as the mesh is coarser, and what a simulation's options become.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "md/split.h"
#include "support/prop.h"

static void assert_split(const al_split *split, int x, int y, int z, double cutoff)
{
    if (split->mesh[0] != x || split->mesh[1] != y || split->mesh[2] != z ||
        !(fabs(split->cutoff / cutoff - 1) < 1e-14))
        fail_msg("%d x %d x %d to %.17g, not %d x %d x %d to %.17g", split->mesh[0], split->mesh[1],
                 split->mesh[2], split->cutoff, x, y, z, cutoff);
}

static void all_there_are(void **state)
{
    (void)state;
    static const int points[] = {56, 52, 48, 44, 42, 40, 36, 32, 28, 25, 24, 20};
    const al_split asked = {{56, 56, 56}, 0.9};
    al_split splits[20];
    uint32_t n = al_split_list(&asked, 4, 2.6, splits, 20);
    assert_int_equal(n, sizeof points / sizeof points[0]);
    for (uint32_t k = 0; k < n; k++) {
        assert_split(&splits[k], points[k], points[k], points[k], 0.9 * 56 / points[k]);
        assert_int_equal(al_split_is_of(&asked, &splits[k]), k > 0);
    }
    assert_int_equal(al_split_list(&asked, 4, 1.0, splits, 20), 2); /* the longest cut-off */
    assert_int_equal(al_split_list(&asked, 4, 0.9, splits, 20), 1);
    assert_int_equal(al_split_list(&asked, 4, 2.6, splits, 3), 3);    /* the room */
    assert_int_equal(al_split_list(&asked, 4, 1e9, splits, 20), 12);  /* three times as coarse */
    assert_int_equal(al_split_list(&asked, 12, 1e9, splits, 20), 11); /* 24 points have room for order 12 */
    /* directions do not become coarser at the same factors: the cut-off follows the coarsest */
    const al_split odd = {{48, 47, 100}, 1};
    assert_true(al_split_list(&odd, 4, 1.12, splits, 20) > 1);
    assert_split(&splits[1], 48, 47, 96, 100 / 96.0);
    assert_split(&splits[2], 48, 44, 96, 47 / 44.0);
}

static void at_most_a_factor(void **state)
{
    (void)state;
    const al_split asked = {{56, 56, 28}, 0.9};
    al_split split;
    allot_error err;
    assert_int_equal(al_split_coarser(&asked, 4, 1.2, &split, &err), ALLOT_OK);
    assert_split(&split, 48, 48, 24, 0.9 * 56 / 48);
    assert_int_equal(al_split_coarser(&asked, 4, 56 / 48.0, &split, &err), ALLOT_OK);
    assert_split(&split, 48, 48, 24, 0.9 * 56 / 48);
    assert_int_equal(al_split_coarser(&asked, 4, 1, &split, &err), ALLOT_OK);
    assert_split(&split, 56, 56, 28, 0.9);
    assert_false(al_split_is_of(&asked, &split));
    assert_int_equal(al_split_coarser(&asked, 6, 3, &split, &err), ALLOT_ERANGE);
    assert_string_equal(err.text, "a mesh of 20 x 20 x 10 points is too coarse for splines of order 6");
    const al_split coarse = {{10, 10, 10}, 0.9}; /* what is asked for is not questioned */
    assert_int_equal(al_split_coarser(&coarse, 6, 1, &split, &err), ALLOT_OK);
}

static void never_coarser_for_its_cut_off(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 3000; round++) {
        prop_begin(round);
        al_split asked = {.cutoff = prop_log(0.3, 3)}, splits[20];
        for (int d = 0; d < 3; d++)
            asked.mesh[d] = (int)prop_log(8, 600);
        uint32_t n = al_split_list(&asked, 4, asked.cutoff * prop_log(1, 3), splits, 20);
        assert_true(n >= 1 && memcmp(&splits[0], &asked, sizeof asked) == 0);
        for (uint32_t k = 1; k < n; k++) {
            double coarsest = 0;
            assert_true(splits[k].cutoff > splits[k - 1].cutoff && al_split_is_of(&asked, &splits[k]));
            for (int d = 0; d < 3; d++) {
                assert_true(splits[k].mesh[d] <= splits[k - 1].mesh[d] && splits[k].mesh[d] >= 8);
                assert_true(splits[k].mesh[d] == asked.mesh[d] ||
                            al_pme_points(splits[k].mesh[d], 1) == splits[k].mesh[d]);
                coarsest = fmax(coarsest, (double)asked.mesh[d] / splits[k].mesh[d]);
            }
            assert_true(fabs(splits[k].cutoff / asked.cutoff / coarsest - 1) < 1e-14);
        }
    }
    /* what is of something else */
    const al_split asked = {{56, 56, 56}, 0.9};
    const al_split others[] = {
        {{48, 48, 48}, 1.06}, {{60, 48, 48}, 1.05}, {{0, 48, 48}, 1.05}, {{48, -48, 48}, 1.05}};
    for (size_t k = 0; k < sizeof others / sizeof others[0]; k++)
        assert_false(al_split_is_of(&asked, &others[k]));
}

static al_md_opts opts_of(double lj_cutoff, double cutoff)
{
    al_md_opts opts = {
        .space = {.reach = fmax(lj_cutoff, cutoff) + 0.25, .near = fmax(lj_cutoff, cutoff) + 0.05},
        .pairs = {.coulomb = AL_PAIR_EWALD, .lj_cutoff = lj_cutoff, .coulomb_cutoff = cutoff},
        .field = {.mesh = {56, 56, 56}, .order = 4}};
    opts.pairs.beta = al_pme_beta(cutoff, 1e-5);
    opts.pairs.ewald_shift = erfc(opts.pairs.beta * cutoff) / cutoff;
    return opts;
}

static void options_follow(void **state)
{
    (void)state;
    const al_split split = {{48, 48, 48}, 1.05};
    for (int has_longer = 0; has_longer < 2; has_longer++) {
        al_md_opts opts = opts_of(has_longer ? 1.2 : 0.9, 0.9);
        al_split_apply(&split, &opts);
        assert_true(opts.pairs.coulomb_cutoff == 1.05 && opts.pairs.lj_cutoff == (has_longer ? 1.2 : 0.9));
        assert_true(fabs(erfc(opts.pairs.beta * 1.05) / 1e-5 - 1) < 1e-9);
        assert_true(fabs(opts.pairs.ewald_shift * 1.05 / 1e-5 - 1) < 1e-9);
        assert_true(fabs(opts.space.reach - (has_longer ? 1.45 : 1.3)) < 1e-14);
        assert_true(fabs(opts.space.near - (has_longer ? 1.25 : 1.1)) < 1e-14);
        assert_memory_equal(opts.field.mesh, split.mesh, sizeof split.mesh);
        assert_memory_equal(&opts.split, &split, sizeof split);
    }
    al_md_opts opts = opts_of(0.9, 0.9); /* coulomb-modifier = none */
    opts.pairs.ewald_shift = 0;
    al_split_apply(&split, &opts);
    assert_true(opts.pairs.ewald_shift == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_there_are),
        cmocka_unit_test(at_most_a_factor),
        cmocka_unit_test(never_coarser_for_its_cut_off),
        cmocka_unit_test(options_follow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
