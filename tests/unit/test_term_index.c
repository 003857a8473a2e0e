/* test_term_index.c - the terms that atoms bring with them: each once, in order, with its first atom or with
 * that one's leader.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "md/term_index.h"

/** Four atoms in a row: bonds 0-1, 2-1, 2-3; an angle 2-1-0; a water of 3, 0, 1 that nobody would make. */
static al_term bonds[] = {{.atom = {0, 1}}, {.atom = {2, 1}}, {.atom = {2, 3}}},
               angles[] = {{.atom = {2, 1, 0}}}, waters[] = {{.atom = {3, 0, 1}}};
static const al_molecule chain = {
    .natoms = 4,
    .terms = {[AL_TERM_BOND] = bonds, [AL_TERM_ANGLE] = angles, [AL_TERM_SETTLE] = waters},
    .nterms = {[AL_TERM_BOND] = 3, [AL_TERM_ANGLE] = 1, [AL_TERM_SETTLE] = 1}};

/** "kind.term" of each atom's, atoms apart by |. */
static void write_index(const al_term_index *index, uint32_t natoms, char text[128])
{
    size_t length = 0;
    text[0] = '\0';
    for (uint32_t atom = 0; atom < natoms; atom++) {
        for (uint32_t k = index->first[atom]; k < index->first[atom + 1]; k++)
            length += (size_t)snprintf(text + length, 128 - length, "%u.%u ", index->refs[k].kind,
                                       index->refs[k].term);
        length += (size_t)snprintf(text + length, 128 - length, "|");
    }
}

static void expect(const bool *is_wanted, const uint32_t *leaders, const char *wanted)
{
    al_term_index index;
    char text[128];
    assert_true(al_term_index_init(&index, &chain, is_wanted, leaders));
    write_index(&index, chain.natoms, text);
    assert_string_equal(text, wanted);
    al_term_index_fini(&index);
}

static void terms_go_with_their_first_atom(void **state)
{
    (void)state;
    char wanted[64];
    bool all[AL_TERM_NKINDS], bonded[AL_TERM_NKINDS] = {[AL_TERM_BOND] = true, [AL_TERM_ANGLE] = true};
    memset(all, true, sizeof all);
    (void)snprintf(wanted, sizeof wanted, "%d.0 ||%d.1 %d.2 %d.0 ||", AL_TERM_BOND, AL_TERM_BOND,
                   AL_TERM_BOND, AL_TERM_ANGLE);
    expect(bonded, NULL, wanted);
    (void)snprintf(wanted, sizeof wanted, "%d.0 ||%d.1 %d.2 %d.0 |%d.0 |", AL_TERM_BOND, AL_TERM_BOND,
                   AL_TERM_BOND, AL_TERM_ANGLE, AL_TERM_SETTLE);
    expect(all, NULL, wanted);
    expect((bool[AL_TERM_NKINDS]){false}, NULL, "||||");
}

static void or_with_its_leader(void **state)
{
    (void)state;
    char wanted[64];
    const uint32_t leaders[] = {1, 1, 1, 3};
    const bool bonded[AL_TERM_NKINDS] = {[AL_TERM_BOND] = true, [AL_TERM_SETTLE] = true};
    (void)snprintf(wanted, sizeof wanted, "|%d.0 %d.1 %d.2 ||%d.0 |", AL_TERM_BOND, AL_TERM_BOND,
                   AL_TERM_BOND, AL_TERM_SETTLE);
    expect(bonded, leaders, wanted);
}

static void each_kind_of_molecule_has_its_own(void **state)
{
    (void)state;
    al_molecule molecules[] = {chain, {.natoms = 0}, {.natoms = 2}};
    const al_topology topology = {.molecules = molecules, .nmolecules = 3};
    const bool bonded[AL_TERM_NKINDS] = {[AL_TERM_BOND] = true};
    uint32_t last[] = {3, 3, 3, 3}, own[] = {0, 1};
    uint32_t *const leaders[] = {last, NULL, own};
    al_term_index *indices = al_term_indices_make(&topology, bonded, leaders);
    assert_non_null(indices);
    assert_int_equal(indices[0].first[3], 0);
    assert_int_equal(indices[0].first[4], 3);
    assert_int_equal(indices[1].first[0], 0);
    assert_int_equal(indices[2].first[2], 0);
    al_term_indices_free(indices, &topology);
    indices = al_term_indices_make(&topology, bonded, NULL);
    assert_non_null(indices);
    assert_int_equal(indices[0].first[1], 1);
    al_term_indices_free(indices, &topology);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_go_with_their_first_atom),
        cmocka_unit_test(or_with_its_leader),
        cmocka_unit_test(each_kind_of_molecule_has_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
