/* test_fail.c - error codes, their names and texts, and how an allot_error is filled.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <allot/allot.h>

#include "base/fail.h"

/** The order is part of the ABI: these numbers must never change. */
static void codes_keep_their_numbers(void **state)
{
    (void)state;
    assert_int_equal(ALLOT_OK, 0);
    assert_int_equal(ALLOT_EINVAL, 1);
    assert_int_equal(ALLOT_ENOMEM, 2);
    assert_int_equal(ALLOT_EIO, 3);
    assert_int_equal(ALLOT_EFORMAT, 4);
    assert_int_equal(ALLOT_ERANGE, 5);
    assert_int_equal(ALLOT_EUSER, 6);
    assert_int_equal(ALLOT_ECANCELED, 7);
    assert_int_equal(ALLOT_ETIMEDOUT, 8);
    assert_int_equal(ALLOT_ECOMPILE, 9);
    assert_int_equal(ALLOT_ENOTFOUND, 10);
    assert_int_equal(ALLOT_EPERM, 11);
    assert_int_equal(ALLOT_EUNSUPPORTED, 12);
}

static void codes_have_names_and_texts(void **state)
{
    (void)state;
    assert_string_equal(allot_err_name(ALLOT_OK), "ALLOT_OK");
    assert_string_equal(allot_err_name(ALLOT_EINVAL), "ALLOT_EINVAL");
    assert_string_equal(allot_err_text(ALLOT_EINVAL), "invalid argument");
    assert_string_equal(allot_err_name(ALLOT_EUNSUPPORTED), "ALLOT_EUNSUPPORTED"); /* the last */
    assert_string_equal(allot_err_text(ALLOT_EUNSUPPORTED), "not supported");
    for (int a = ALLOT_OK; a <= ALLOT_EUNSUPPORTED; a++) {
        assert_memory_equal(allot_err_name((allot_err)a), "ALLOT_", 6);
        for (int b = ALLOT_OK; b < a; b++) {
            assert_string_not_equal(allot_err_name((allot_err)a), allot_err_name((allot_err)b));
            assert_string_not_equal(allot_err_text((allot_err)a), allot_err_text((allot_err)b));
        }
    }
}

static void numbers_that_are_no_code_are_named_so(void **state)
{
    (void)state;
    const int strange[] = {-1, ALLOT_EUNSUPPORTED + 1, 1000, INT32_MAX};
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        assert_string_equal(allot_err_name((allot_err)strange[i]), "ALLOT_E?");
        assert_string_equal(allot_err_text((allot_err)strange[i]), "unknown error");
    }
}

static void an_error_is_filled_completely(void **state)
{
    (void)state;
    allot_error err;
    memset(&err, 0xaa, sizeof err);
    assert_int_equal(al_fail(&err, ALLOT_EIO, 0, "file %s, item %d", "x", 7), ALLOT_EIO);
    assert_int_equal(err.code, ALLOT_EIO);
    assert_int_equal(err.os_errno, 0);
    assert_int_equal(err.user, 0);
    assert_true(err.index == 0);
    assert_string_equal(err.text, "file x, item 7");
}

static void the_systems_reason_is_added(void **state)
{
    (void)state;
    allot_error err;
    char expected[128];
    (void)snprintf(expected, sizeof expected, "journal /x: %s", strerror(ENOSPC));
    assert_int_equal(al_fail(&err, ALLOT_EIO, ENOSPC, "journal %s", "/x"), ALLOT_EIO);
    assert_int_equal(err.os_errno, ENOSPC);
    assert_string_equal(err.text, expected);
}

static void nobody_needs_to_ask_for_the_text(void **state)
{
    (void)state;
    assert_int_equal(al_fail(NULL, ALLOT_ENOMEM, ENOMEM, "nothing"), ALLOT_ENOMEM);
}

/** Texts of every length around the room there is: always terminated, never beyond it. */
static void long_texts_are_cut(void **state)
{
    (void)state;
    char text[sizeof((allot_error *)0)->text + 40];
    for (size_t length = 480; length < sizeof text; length++) {
        struct {
            allot_error err;
            char fence[8];
        } at;
        memset(&at, 0x55, sizeof at);
        memset(text, 'x', length);
        text[length] = '\0';
        assert_int_equal(al_fail(&at.err, ALLOT_EIO, EIO, "%s", text), ALLOT_EIO);
        size_t got = strnlen(at.err.text, sizeof at.err.text);
        assert_true(got < sizeof at.err.text);
        assert_true(got == sizeof at.err.text - 1 || got == length + 2 + strlen(strerror(EIO)));
        assert_memory_equal(at.fence, "UUUUUUUU", sizeof at.fence);
    }
}

static void the_version_is_the_headers(void **state)
{
    (void)state;
    char expected[32];
    (void)snprintf(expected, sizeof expected, "%d.%d.%d", ALLOT_VERSION_MAJOR, ALLOT_VERSION_MINOR,
                   ALLOT_VERSION_PATCH);
    assert_string_equal(allot_version(), ALLOT_VERSION);
    assert_string_equal(allot_version(), expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_keep_their_numbers),
        cmocka_unit_test(codes_have_names_and_texts),
        cmocka_unit_test(numbers_that_are_no_code_are_named_so),
        cmocka_unit_test(an_error_is_filled_completely),
        cmocka_unit_test(the_systems_reason_is_added),
        cmocka_unit_test(nobody_needs_to_ask_for_the_text),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(the_version_is_the_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
