/* expr_fixture.h - for the tests of C expressions: a cache folder of their own, and short ways to load.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_EXPR_FIXTURE_H
#define TESTS_EXPR_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "map/expr_parts.h"

/* The folder of this program, and the cache in it. */
static char fixture_root[64];

static inline const char *fixture_path(const char *name)
{
    static char path[4][512];
    static unsigned turn;
    char *at = path[turn++ % 4];
    snprintf(at, sizeof path[0], "%s/%s", fixture_root, name);
    return at;
}

static inline int fixture_remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static inline void fixture_remove(const char *path)
{
    nftw(path, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline int fixture_setup(void **state)
{
    (void)state;
    strcpy(fixture_root, "/tmp/allot-test-expr-XXXXXX");
    if (!mkdtemp(fixture_root))
        return -1;
    setenv("XDG_CACHE_HOME", fixture_path("cache"), 1);
    return 0;
}

static inline int fixture_teardown(void **state)
{
    (void)state;
    fixture_remove(fixture_root);
    return 0;
}

static inline void fixture_write(const char *name, const char *text)
{
    FILE *file = fopen(fixture_path(name), "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* Load what must load. */
static inline void load_or_fail(const al_expr_spec *spec, al_expr *expr)
{
    allot_error err = {0};
    char *diagnosis = NULL;
    if (al_expr_load(spec, expr, &diagnosis, &err) != ALLOT_OK)
        fail_msg("%s: %s\n%s", spec->expr ? spec->expr : spec->file, err.text, diagnosis ? diagnosis : "");
    assert_null(diagnosis);
}

#endif
