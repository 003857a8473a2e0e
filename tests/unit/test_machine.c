/* test_machine.c - `allot machine` apart from measuring: its document, there and back, and its cache.
 *
 * A cache that lies in wait (of somebody else, a link, a FIFO, of another boot) must be as good as none.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/machine.h"

#define BOOT "0a1b2c3d-0000-4000-8000-0123456789ab"

static al_machine measured_machine(void)
{
    al_machine machine = {.nthreads = 2,
                          .boot_id = BOOT,
                          .cpus = "0-1,3",
                          .measured_unix_s = 1234567890,
                          .copy_nbytes = 1 << 27,
                          .memory_limit_bytes = 5,
                          .topo = {.model = "Test", .nallowed = 3, .quota = 1.0 / 3, .nthreads = 4}};
    for (int at = 0; at < AL_MACHINE_NFIGURES; at++)
        machine.figures[at] =
            (al_figure){.median = at + 1.5, .low = at + 0.25, .high = at + 1e6, .nsamples = (uint32_t)at + 1};
    machine.figures[AL_MACHINE_handover_ns] = (al_figure){.nsamples = 0};
    return machine;
}

/** The same machine, nothing measured yet. */
static al_machine seen_machine(void)
{
    al_machine machine = measured_machine();
    memset(machine.figures, 0, sizeof machine.figures);
    machine.measured_unix_s = 0;
    machine.copy_nbytes = 0;
    return machine;
}

static void assert_same_figures(const al_machine *left, const al_machine *right)
{
    for (int at = 0; at < AL_MACHINE_NFIGURES; at++) {
        assert_int_equal(left->figures[at].nsamples, right->figures[at].nsamples);
        assert_true(left->figures[at].median == right->figures[at].median);
        assert_true(left->figures[at].low == right->figures[at].low);
        assert_true(left->figures[at].high == right->figures[at].high);
    }
    assert_true(left->measured_unix_s == right->measured_unix_s);
    assert_true(left->copy_nbytes == right->copy_nbytes);
}

static void lists_of_processors(void **state)
{
    (void)state;
    static const int cpus[] = {0, 1, 2, 5, 7, 8, 1000};
    char text[64];
    al_machine_format_cpus(cpus, 7, text, sizeof text);
    assert_string_equal(text, "0-2,5,7-8,1000");
    al_machine_format_cpus(cpus, 1, text, sizeof text);
    assert_string_equal(text, "0");
    al_machine_format_cpus(cpus, 0, text, sizeof text);
    assert_string_equal(text, "");
    for (size_t room = 8; room < 20; room++) { /* cut anywhere, it ends well */
        memset(text, '#', sizeof text);
        al_machine_format_cpus(cpus, 7, text, room);
        assert_true(strlen(text) < room);
        assert_true(text[room] == '#');
        if (strcmp(text, "0-2,5,7-8,1000") != 0)
            assert_string_equal(text + strlen(text) - 3, "...");
    }
}

static void medians(void **state)
{
    (void)state;
    double odd[] = {5, 1, 9}, even[] = {4, 1, 2, 9};
    al_figure figure = al_machine_figure(odd, 3);
    assert_true(figure.median == 5 && figure.low == 1 && figure.high == 9 && figure.nsamples == 3);
    figure = al_machine_figure(even, 4);
    assert_true(figure.median == 3 && figure.low == 1 && figure.high == 9 && figure.nsamples == 4);
    assert_int_equal(al_machine_figure(odd, 0).nsamples, 0);
}

static void looks_at_this_machine(void **state)
{
    (void)state;
    al_machine machine;
    memset(&machine, 0xff, sizeof machine);
    al_machine_see(&machine);
    assert_int_equal(machine.topo.nallowed, al_cpus_allowed());
    assert_true(machine.nthreads >= 1 && machine.nthreads <= al_cpus_usable());
    assert_true(machine.cpus[0] != '\0');
    assert_true(strlen(machine.boot_id) == 36 || machine.boot_id[0] == '\0');
    assert_int_equal(machine.figures[0].nsamples, 0);
    assert_false(machine.is_cached);
}

static void there_and_back(void **state)
{
    (void)state;
    al_machine machine = measured_machine(), read = seen_machine();
    json_t *document = al_machine_encode(&machine);
    assert_non_null(document);
    char *text = json_dumps(document, JSON_REAL_PRECISION(9)); /* as it is kept */
    json_decref(document);
    document = json_loads(text, 0, NULL);
    free(text);
    assert_true(al_machine_decode(document, &read));
    json_decref(document);
    assert_same_figures(&machine, &read);
    assert_true(read.is_cached);
}

static void model_that_is_not_utf8(void **state)
{
    (void)state;
    al_machine machine = measured_machine();
    memcpy(machine.topo.model, "\xff\xfe", 3);
    json_t *document = al_machine_encode(&machine);
    assert_non_null(document);
    assert_true(json_is_null(json_object_get(json_object_get(document, "processor"), "model")));
    json_decref(document);
}

/** Does a document with the member at `path` ("a.b") replaced by the JSON text (NULL: removed) decode? */
static bool decodes_with(const char *path, const char *json)
{
    al_machine machine = measured_machine(), read = seen_machine();
    const al_machine before = read;
    json_t *document = al_machine_encode(&machine), *object = document;
    char words[128];
    (void)snprintf(words, sizeof words, "%s", path);
    char *save, *word = strtok_r(words, ".", &save);
    for (char *next = strtok_r(NULL, ".", &save); next != NULL; next = strtok_r(NULL, ".", &save)) {
        object = json_object_get(object, word);
        word = next;
    }
    assert_non_null(json_object_get(object, word)); /* a misspelt path would prove nothing */
    if (json == NULL)
        assert_int_equal(json_object_del(object, word), 0);
    else
        assert_int_equal(json_object_set_new(object, word, json_loads(json, JSON_DECODE_ANY, NULL)), 0);
    bool usable = al_machine_decode(document, &read);
    json_decref(document);
    if (!usable)
        assert_memory_equal(&read, &before, sizeof read);
    return usable;
}

static void of_another_machine(void **state)
{
    (void)state;
    assert_true(decodes_with("boot_id", "\"" BOOT "\""));
    assert_true(decodes_with("cpus.quota", "0.333333333"));
    assert_true(decodes_with("processor.model", "\"another name, which is only shown\""));
    static const char *const others[][2] = {
        {"format", "\"allot-map\""},    {"version", "2"},      {"version", "\"1\""},
        {"allot", "\"0.0.9\""},         {"boot_id", "null"},   {"boot_id", "\"0a1b2c3d-0000\""},
        {"cpus.allowed", "\"0-2\""},    {"cpus.count", "4"},   {"cpus.quota", "0.25"},
        {"cpus.quota", "null"},         {"cpus.threads", "3"}, {"cpus", "[]"},
        {"cpus.quota", "\"0.333333\""}, {"cpus.count", "3.0"},
    };
    for (size_t at = 0; at < sizeof others / sizeof others[0]; at++)
        if (decodes_with(others[at][0], others[at][1]))
            fail_msg("taken for ours with %s: %s", others[at][0], others[at][1]);
}

static void unknown_boot_matches_nothing(void **state)
{
    (void)state;
    al_machine machine = measured_machine();
    machine.boot_id[0] = '\0';
    json_t *document = al_machine_encode(&machine);
    assert_int_equal(json_object_set_new(document, "boot_id", json_string("")), 0);
    al_machine read = machine;
    assert_false(al_machine_decode(document, &read));
    json_decref(document);
    assert_false(al_machine_decode(NULL, &read));
}

static void impossible_figures(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"measured.clock_ns", NULL},
        {"measured.clock_ns", "5"},
        {"measured.clock_ns", "{}"},
        {"measured.clock_ns.median", "\"5\""},
        {"measured.clock_ns.median", NULL},
        {"measured.clock_ns.median", "1e19"},
        {"measured.clock_ns.median", "0.1"}, /* below low */
        {"measured.clock_ns.low", "-1"},
        {"measured.clock_ns.high", "1"},
        {"measured.clock_ns.high", "1e19"},
        {"measured.clock_ns.samples", "0"},
        {"measured.clock_ns.samples", "-3"},
        {"measured.clock_ns.samples", "2.5"},
        {"measured.clock_ns.samples", "99999999999"},
        {"measured.copy_bytes_per_s", NULL},
        {"measured", "null"},
        {"measured_unix_s", "null"},
        {"measured_unix_s", NULL},
        {"copy_buffer_bytes", "-1"},
        {"copy_buffer_bytes", "\"64 MiB\""},
    };
    assert_true(decodes_with("measured.clock_ns", "null"));
    assert_true(decodes_with("copy_buffer_bytes", "null"));
    for (size_t at = 0; at < sizeof wrong / sizeof wrong[0]; at++)
        if (decodes_with(wrong[at][0], wrong[at][1]))
            fail_msg("believed: %s: %s", wrong[at][0], wrong[at][1] != NULL ? wrong[at][1] : "(missing)");
}

static void copies_within_memory(void **state)
{
    (void)state;
    const uint64_t mib = 1 << 20;
    al_machine machine = {.topo = {.memory_bytes = 65536 * mib}};
    assert_true(al_machine_copy_nbytes(&machine) == 64 * mib);
    machine.topo.caches[0] = (al_topo_cache){.level = 3, .count = 2, .nbytes = 16 * mib};
    machine.topo.ncaches = 1;
    assert_true(al_machine_copy_nbytes(&machine) == 128 * mib);
    machine.topo.caches[0].count = 1000;
    assert_true(al_machine_copy_nbytes(&machine) == 512 * mib);
    machine.memory_limit_bytes = 256 * mib;
    assert_true(al_machine_copy_nbytes(&machine) == 16 * mib);
    machine.topo.memory_bytes = 0; /* unknown: the limit still counts */
    assert_true(al_machine_copy_nbytes(&machine) == 16 * mib);
    machine.memory_limit_bytes = 0;
    machine.topo.ncaches = 0;
    assert_true(al_machine_copy_nbytes(&machine) == 64 * mib);
}

static void copying(void **state)
{
    (void)state;
    al_figure figure = al_machine_measure_copy(1 << 22, 3);
    assert_true(figure.nsamples > 1 && figure.low > 0 && figure.median <= figure.high);
    assert_int_equal(al_machine_measure_copy(100, 3).nsamples, 0);               /* too little to cut */
    assert_int_equal(al_machine_measure_copy(UINT64_C(1) << 60, 1).nsamples, 0); /* cannot be had */
}

/* ---- the cache ---- */

static char home[] = "/tmp/test_machine.XXXXXX";

static const char *in_home(const char *name)
{
    static char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", home, name);
    return path;
}

#define FOLDER "allot"
#define FILE_NAME FOLDER "/machine-" BOOT ".json"

static int make_home(void **state)
{
    (void)state;
    (void)snprintf(home, sizeof home, "/tmp/test_machine.XXXXXX");
    return mkdtemp(home) != NULL ? setenv("XDG_CACHE_HOME", home, 1) : -1;
}

static int remove_home(void **state)
{
    (void)state;
    char command[PATH_MAX];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", home);
    return system(command);
}

static bool loads(void)
{
    al_machine read = seen_machine();
    return al_machine_load(&read);
}

static void store(void)
{
    al_machine machine = measured_machine();
    al_machine_store(&machine);
}

static void keeps_what_was_measured(void **state)
{
    (void)state;
    al_machine machine = measured_machine(), read = seen_machine();
    assert_false(al_machine_load(&read));
    store();
    assert_true(al_machine_load(&read));
    assert_same_figures(&machine, &read);
    struct stat stat;
    assert_int_equal(lstat(in_home(FILE_NAME), &stat), 0);
    assert_int_equal(stat.st_mode, S_IFREG | 0600);
    assert_int_equal(lstat(in_home(FOLDER), &stat), 0);
    assert_int_equal(stat.st_mode, S_IFDIR | 0700);
    store(); /* over itself */
    assert_true(loads());
}

static void leaves_no_temporary_file(void **state)
{
    (void)state;
    store();
    char command[PATH_MAX + 128];
    (void)snprintf(command, sizeof command, "test \"$(ls '%s')\" = 'machine-" BOOT ".json'", in_home(FOLDER));
    assert_int_equal(system(command), 0);
}

static void distrusts_a_file_others_may_write(void **state)
{
    (void)state;
    store();
    assert_int_equal(chmod(in_home(FILE_NAME), 0620), 0);
    assert_false(loads());
    assert_int_equal(chmod(in_home(FILE_NAME), 0602), 0);
    assert_false(loads());
    assert_int_equal(chmod(in_home(FILE_NAME), 0644), 0);
    assert_true(loads());
}

static void distrusts_a_folder_others_may_write(void **state)
{
    (void)state;
    store();
    assert_int_equal(chmod(in_home(FOLDER), 0770), 0);
    assert_false(loads());
    assert_int_equal(unlink(in_home(FILE_NAME)), 0);
    store(); /* must not write there either */
    assert_int_equal(access(in_home(FILE_NAME), F_OK), -1);
}

static void distrusts_what_somebody_else_owns(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("distrusts_what_somebody_else_owns: skipped, only root can give files away\n");
        skip();
    }
    store();
    assert_int_equal(chown(in_home(FILE_NAME), 65534, 65534), 0);
    assert_false(loads());
    store(); /* replaces it by our own */
    assert_true(loads());
    assert_int_equal(chown(in_home(FOLDER), 65534, 65534), 0);
    assert_false(loads());
}

static void follows_no_links(void **state)
{
    (void)state;
    store();
    char real[PATH_MAX];
    (void)snprintf(real, sizeof real, "%s/real.json", home);
    assert_int_equal(rename(in_home(FILE_NAME), real), 0);
    assert_int_equal(symlink(real, in_home(FILE_NAME)), 0);
    assert_false(loads());
    store(); /* replaces the link, leaves what it pointed to */
    assert_true(loads());
    assert_int_equal(access(real, F_OK), 0);
    (void)snprintf(real, sizeof real, "%s/real", home);
    assert_int_equal(rename(in_home(FOLDER), real), 0);
    assert_int_equal(symlink(real, in_home(FOLDER)), 0);
    assert_false(loads());
}

static void is_not_held_up_by_a_fifo(void **state)
{
    (void)state;
    store();
    assert_int_equal(unlink(in_home(FILE_NAME)), 0);
    assert_int_equal(mkfifo(in_home(FILE_NAME), 0600), 0);
    (void)alarm(10); /* ends the test if it is */
    assert_false(loads());
    (void)alarm(0);
}

static void write_cache(const char *text, size_t nbytes)
{
    FILE *file = fopen(in_home(FILE_NAME), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, nbytes, file), nbytes);
    assert_int_equal(fclose(file), 0);
}

static void survives_every_truncation(void **state)
{
    (void)state;
    store();
    char text[16384];
    FILE *file = fopen(in_home(FILE_NAME), "r");
    assert_non_null(file);
    size_t nbytes = fread(text, 1, sizeof text, file);
    assert_int_equal(fclose(file), 0);
    assert_true(nbytes > 1000 && nbytes < sizeof text);
    for (size_t length = 0; length < nbytes; length += 7) {
        write_cache(text, length);
        assert_false(loads());
    }
    write_cache(text, nbytes);
    assert_true(loads());
    text[nbytes / 2] = '\0';
    write_cache(text, nbytes);
    assert_false(loads());
    write_cache("\xff\xff\xff\xff", 4);
    assert_false(loads());
}

static void does_not_read_a_huge_file(void **state)
{
    (void)state;
    store();
    FILE *file = fopen(in_home(FILE_NAME), "a");
    assert_non_null(file);
    for (int at = 0; at < 70000; at++)
        (void)fputc(' ', file); /* still a well-formed document */
    assert_int_equal(fclose(file), 0);
    assert_false(loads());
}

static void forgets_old_boots_only(void **state)
{
    (void)state;
    store();
    static const char *const names[] = {FOLDER "/machine-old.json", FOLDER "/machine-5.tmp",
                                        FOLDER "/object.so", FOLDER "/machine-recent.json"};
    struct timespec old[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
    for (size_t at = 0; at < 4; at++) {
        FILE *file = fopen(in_home(names[at]), "w");
        assert_non_null(file);
        assert_int_equal(fclose(file), 0);
        if (at < 3)
            assert_int_equal(utimensat(AT_FDCWD, in_home(names[at]), old, 0), 0);
    }
    store();
    assert_int_equal(access(in_home(names[0]), F_OK), -1);
    assert_int_equal(access(in_home(names[1]), F_OK), -1);
    assert_int_equal(access(in_home(names[2]), F_OK), 0); /* not ours */
    assert_int_equal(access(in_home(names[3]), F_OK), 0);
    assert_true(loads());
}

static void finds_its_folder(void **state)
{
    (void)state;
    char missing[PATH_MAX];
    (void)snprintf(missing, sizeof missing, "%s/nobody", home);
    assert_int_equal(setenv("XDG_CACHE_HOME", "relative", 1), 0);
    assert_int_equal(setenv("HOME", missing, 1), 0);
    store(); /* does not make a home folder */
    assert_int_equal(access(missing, F_OK), -1);
    assert_false(loads());
    assert_int_equal(setenv("HOME", home, 1), 0);
    store();
    assert_int_equal(access(in_home(".cache/" FILE_NAME), F_OK), 0);
    assert_true(loads());
    assert_int_equal(unsetenv("HOME"), 0);
    assert_false(loads());
    store();
    assert_int_equal(unsetenv("XDG_CACHE_HOME"), 0);
    assert_false(loads());
    assert_int_equal(setenv("XDG_CACHE_HOME", missing, 1), 0);
    store(); /* this one is made */
    assert_true(loads());
}

int main(void)
{
#define CACHE_TEST(name) cmocka_unit_test_setup_teardown(name, make_home, remove_home)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_processors),
        cmocka_unit_test(medians),
        cmocka_unit_test(looks_at_this_machine),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(model_that_is_not_utf8),
        cmocka_unit_test(of_another_machine),
        cmocka_unit_test(unknown_boot_matches_nothing),
        cmocka_unit_test(impossible_figures),
        cmocka_unit_test(copies_within_memory),
        cmocka_unit_test(copying),
        CACHE_TEST(keeps_what_was_measured),
        CACHE_TEST(leaves_no_temporary_file),
        CACHE_TEST(distrusts_a_file_others_may_write),
        CACHE_TEST(distrusts_a_folder_others_may_write),
        CACHE_TEST(distrusts_what_somebody_else_owns),
        CACHE_TEST(follows_no_links),
        CACHE_TEST(is_not_held_up_by_a_fifo),
        CACHE_TEST(survives_every_truncation),
        CACHE_TEST(does_not_read_a_huge_file),
        CACHE_TEST(forgets_old_boots_only),
        CACHE_TEST(finds_its_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
