/* test_quantity.c - durations and sizes: what is read, what is refused, and why.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/quantity.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define S UINT64_C(1000000000)

typedef struct row {
    const char *text;
    uint64_t value;
} row;

static void check_all(int (*parse)(const char *, uint64_t *), const row *rows, size_t nrows)
{
    for (size_t k = 0; k < nrows; k++) {
        uint64_t value = 99;
        int fault = parse(rows[k].text, &value);
        if (fault != 0 || value != rows[k].value)
            fail_msg("'%s': fault %d, %" PRIu64 ", not %" PRIu64, rows[k].text, fault, value, rows[k].value);
    }
}

static void check_refused(int (*parse)(const char *, uint64_t *), const char *text, int wanted)
{
    uint64_t value = 99;
    int fault = parse(text, &value);
    if (fault != wanted || value != 99)
        fail_msg("'%s': fault %d, not %d", text, fault, wanted);
}

static void durations_are_read(void **state)
{
    (void)state;
    static const row rows[] = {
        {"0", 0},
        {"10", 10 * S},
        {"1.5", 3 * S / 2},
        {".5s", S / 2},
        {"2.s", 2 * S},
        {"7ns", 7},
        {"2us", 2000},
        {"200ms", S / 5},
        {"3m", 180 * S},
        {"2h", 7200 * S},
        {"1d", 86400 * S},
        {"1h30m", 5400 * S},
        {"1d1h1m1s1ms1us1ns", 90061 * S + 1001001},
        {"1m1.5s", 61 * S + S / 2},
        {"1.5h15m", 6300 * S},
        {"0.1234567894", 123456789},
        {"0.0000000005", 1},
        {"9007199254740993ns", UINT64_C(9007199254740993)}, /* more than a double holds */
        {"9223372036854775807ns", INT64_MAX},
        {"1.00000000000000000000000000000000001s", S},
        {"0000000000000000000000000000010", 10 * S},
    };
    check_all(al_duration_parse, rows, COUNT(rows));
}

static void bad_durations_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    ".",   "s",    ".s",    "-1",   "+1",   " 1",    "1 ",
                                      "1e3", "inf", "1x",   "10mm",  "1s1m", "1s1s", "1h30",  "1,5s",
                                      "0x1", "1S",  "1m s", "1.2.3", "1M",   "nan",  "1hour", "1h30m5"};
    for (size_t k = 0; k < COUNT(bad); k++)
        check_refused(al_duration_parse, bad[k], EINVAL);
    check_refused(al_duration_parse, "9223372036854775808ns", ERANGE);
    check_refused(al_duration_parse, "9223372037s", ERANGE);
    check_refused(al_duration_parse, "106751d86400s", ERANGE);
    check_refused(al_duration_parse, "99999999999999999999999999", ERANGE);
    check_refused(al_duration_parse, "9223372036854775807.5ns", ERANGE);
}

static void sizes_are_read(void **state)
{
    (void)state;
    static const row rows[] = {
        {"0", 0},
        {"4096", 4096},
        {"17B", 17},
        {"1k", 1000},
        {"1K", 1024},
        {"2m", 2000000},
        {"2M", 2 << 20},
        {"1g", S},
        {"1G", 1 << 30},
        {"1t", 1000 * S},
        {"1T", UINT64_C(1) << 40},
        {"1P", UINT64_C(1) << 50},
        {"1p", 1000000 * S},
        {"1.5G", UINT64_C(3) << 29},
        {".5K", 512},
        {"1kB", 1000},
        {"1KB", 1000},
        {"1MB", 1000000},
        {"1GB", S},
        {"1KiB", 1024},
        {"1kiB", 1024},
        {"1Mi", 1 << 20},
        {"3GiB", UINT64_C(3) << 30},
        {"9223372036854775807", INT64_MAX},
    };
    check_all(al_size_parse, rows, COUNT(rows));
}

static void bad_sizes_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",   "G",    ".",    "-1",  "1 G",  " 1",   "1G ",  "1b",  "1Kb",
                                      "1X", "1KBB", "1KiK", "1iB", "1G1M", "1e3G", "0x10", "1,5", "1.5.5"};
    for (size_t k = 0; k < COUNT(bad); k++)
        check_refused(al_size_parse, bad[k], EINVAL);
    check_refused(al_size_parse, "8192P", ERANGE);
    check_refused(al_size_parse, "9223372036854775808", ERANGE);
    check_refused(al_size_parse, "99999999999999999999T", ERANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(bad_durations_are_refused),
        cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(bad_sizes_are_refused),
    };
    return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
