/* C expressions: the cache, the compiler, and what goes wrong with either.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "support/expr_fixture.h"

static const al_expr_spec twice = {.expr = "x + x", .in_type = AL_TYPE_f64};

static bool works(const al_expr *expr)
{
    const double in = 21;
    double out = 0;
    expr->map(&in, &out, 0, 1, NULL);
    return out == 42;
}

/* Each test begins with an empty cache and the machine's compiler. */
static int empty_cache(void **state)
{
    (void)state;
    fixture_remove(fixture_path("cache"));
    fixture_remove(fixture_path("tmp"));
    mkdir(fixture_path("tmp"), 0700);
    chmod(fixture_path("tmp"), 01777);
    setenv("TMPDIR", fixture_path("tmp"), 1);
    unsetenv("CC");
    return 0;
}

/* Files in a folder whose name begins with prefix. */
static int count_files(const char *folder, const char *prefix)
{
    DIR *dir = opendir(folder);
    int count = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.' && strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    if (dir)
        closedir(dir);
    return count;
}

/* Load and note where the object is kept. */
static void keep(const al_expr_spec *spec, char path[512])
{
    al_expr expr;
    load_or_fail(spec, &expr);
    assert_true(works(&expr));
    snprintf(path, 512, "%s", expr.path);
    al_expr_unload(&expr);
    assert_int_equal(access(path, R_OK), 0);
}

static void expect_compiled(const al_expr_spec *spec, bool compiled)
{
    al_expr expr;
    load_or_fail(spec, &expr);
    assert_int_equal(expr.from_cache, !compiled);
    assert_true(compiled ? expr.compile_ns > 0 : expr.compile_ns == 0);
    assert_true(works(&expr));
    al_expr_unload(&expr);
}

static void expect_failure(const al_expr_spec *spec, allot_err code, const char *words)
{
    al_expr expr;
    allot_error err = {0};
    char *diagnosis = NULL;
    const allot_err got = al_expr_load(spec, &expr, &diagnosis, &err);
    if (got != code || err.code != code || !strstr(err.text, words))
        fail_msg("%s (%s), not %s with \"%s\"", allot_err_name(got), err.text, allot_err_name(code), words);
    assert_null(expr.handle);
    free(diagnosis);
    assert_int_equal(count_files(fixture_path("tmp"), ""), 0);
}

/* A compiler that writes a line to a log and then goes on as `rest` says. */
static const char *write_compiler(const char *rest)
{
    static char path[512];
    char text[1024];
    snprintf(path, sizeof path, "%s", fixture_path("compiler"));
    snprintf(text, sizeof text, "#!/bin/sh\necho run >> '%s'\n%s\n", fixture_path("log"), rest);
    fixture_write("compiler", text);
    unlink(fixture_path("log"));
    chmod(path, 0755);
    return path;
}

static int compiler_runs(void)
{
    int runs = 0, c;
    FILE *log = fopen(fixture_path("log"), "r");
    while (log && (c = fgetc(log)) != EOF)
        runs += c == '\n';
    if (log)
        fclose(log);
    return runs;
}

/* ---- kept, and found again -------------------------------------------------------------------------- */

static void kept_and_found(void **state)
{
    (void)state;
    char path[512];
    struct stat st;
    const int before = count_files("/proc/self/fd", "");
    expect_compiled(&twice, true);
    expect_compiled(&twice, false);
    keep(&twice, path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(fixture_path("cache/allot"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(count_files(fixture_path("tmp"), ""), 0);
    assert_int_equal(count_files(fixture_path("cache/allot"), "new."), 0);
    assert_int_equal(count_files("/proc/self/fd", ""), before);
}

static void any_difference_is_compiled_anew(void **state)
{
    (void)state;
    al_expr_spec other = twice;
    expect_compiled(&twice, true);
    other.expr = "x +  x";
    expect_compiled(&other, true);
    other = twice;
    other.compiler = "cc -DSOMETHING";
    expect_compiled(&other, true);
    expect_compiled(&other, false);
    other.compiler = NULL;
    setenv("CC", "cc  -DSOMETHING", 1);
    expect_compiled(&other, false);
    unsetenv("CC");
    other = twice;
    other.reduce = "sum";
    expect_compiled(&other, true);
    other = twice;
    other.has_out_type = true;
    other.out_type = AL_TYPE_f64;
    expect_compiled(&other, true);
}

static void another_compiler_under_the_same_name(void **state)
{
    (void)state;
    al_expr_spec spec = twice;
    spec.compiler = write_compiler("exec cc \"$@\"");
    expect_compiled(&spec, true);
    expect_compiled(&spec, false);
    spec.compiler = write_compiler("exec cc  \"$@\"");
    expect_compiled(&spec, true);
}

static void folder_can_be_named(void **state)
{
    (void)state;
    char dir[512];
    al_expr_spec spec = twice;
    snprintf(dir, sizeof dir, "%s", fixture_path("cache/deep/er//"));
    spec.cache_dir = dir;
    expect_compiled(&spec, true);
    expect_compiled(&spec, false);
    assert_int_equal(count_files(fixture_path("cache/deep/er"), "lock."), 1);
}

/* ---- damaged ---------------------------------------------------------------------------------------- */

static void damaged_objects_are_compiled_anew(void **state)
{
    (void)state;
    char path[512];
    struct stat st;
    keep(&twice, path);
    assert_int_equal(stat(path, &st), 0);
    const off_t cuts[] = {0, 1, 63, 64, 100, st.st_size / 2, st.st_size - 64, st.st_size - 1};
    for (size_t k = 0; k < sizeof cuts / sizeof *cuts; k++) {
        assert_int_equal(truncate(path, cuts[k]), 0);
        expect_compiled(&twice, true);
        expect_compiled(&twice, false);
    }
    for (off_t at = 0; at < st.st_size; at += st.st_size / 5) {
        const int fd = open(path, O_RDWR);
        char byte = 0;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte = (char)(byte ^ 0x10);
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        close(fd);
        expect_compiled(&twice, true);
    }
    FILE *longer = fopen(path, "a");
    fputs("more", longer);
    fclose(longer);
    expect_compiled(&twice, true);
}

/* An object that is whole, but of another expression. */
static void swapped_objects_are_compiled_anew(void **state)
{
    (void)state;
    char one[512], two[512];
    al_expr_spec other = {.expr = "x * 2", .in_type = AL_TYPE_f64};
    keep(&twice, one);
    keep(&other, two);
    assert_string_not_equal(one, two);
    assert_int_equal(rename(two, one), 0);
    expect_compiled(&twice, true);
}

/* ---- not to be trusted ------------------------------------------------------------------------------ */

static void writable_by_others_is_refused(void **state)
{
    (void)state;
    char path[512];
    keep(&twice, path);
    assert_int_equal(chmod(path, 0620), 0);
    expect_failure(&twice, ALLOT_EPERM, "chmod go-w");
    assert_int_equal(chmod(path, 0602), 0);
    expect_failure(&twice, ALLOT_EPERM, path);
    assert_int_equal(chmod(path, 0644), 0);
    expect_compiled(&twice, false);
    assert_int_equal(chmod(fixture_path("cache/allot"), 0770), 0);
    expect_failure(&twice, ALLOT_EPERM, "cache folder");
    assert_int_equal(chmod(fixture_path("cache/allot"), 01777), 0);
    expect_failure(&twice, ALLOT_EPERM, "chmod go-w");
    assert_int_equal(chmod(fixture_path("cache/allot"), 0755), 0);
    expect_compiled(&twice, false);
}

static void owned_by_another_is_refused(void **state)
{
    (void)state;
    char path[512];
    if (geteuid() != 0)
        skip(); /* only root can give a file away */
    keep(&twice, path);
    assert_int_equal(chown(path, 65534, 65534), 0);
    expect_failure(&twice, ALLOT_EPERM, "uid 65534");
    assert_int_equal(chown(path, 0, 0), 0);
    assert_int_equal(chown(fixture_path("cache/allot"), 65534, 65534), 0);
    expect_failure(&twice, ALLOT_EPERM, "XDG_CACHE_HOME");
}

static void links_and_pipes_are_refused(void **state)
{
    (void)state;
    char path[512], aside[520];
    keep(&twice, path);
    snprintf(aside, sizeof aside, "%s.aside", path);
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(symlink(aside, path), 0);
    expect_failure(&twice, ALLOT_EPERM, "symbolic link");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_failure(&twice, ALLOT_EPERM, "plain file");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rename(aside, path), 0);
    assert_int_equal(rename(fixture_path("cache/allot"), fixture_path("cache/elsewhere")), 0);
    assert_int_equal(symlink(fixture_path("cache/elsewhere"), fixture_path("cache/allot")), 0);
    expect_failure(&twice, ALLOT_EPERM, "symbolic link");
}

/* ---- no cache at all -------------------------------------------------------------------------------- */

static void expect_not_kept(void)
{
    al_expr expr;
    load_or_fail(&twice, &expr);
    assert_false(expr.from_cache);
    assert_string_equal(expr.path, "");
    assert_true(works(&expr));
    al_expr_unload(&expr);
    assert_int_equal(count_files(fixture_path("tmp"), ""), 0);
}

static void home_may_be_missing_or_no_folder(void **state)
{
    (void)state;
    char *home = getenv("HOME") ? strdup(getenv("HOME")) : NULL;
    static const char *const homes[] = {"/dev/null", "/proc/nowhere", "not/absolute", ""};
    unsetenv("XDG_CACHE_HOME");
    for (size_t k = 0; k < sizeof homes / sizeof *homes; k++) {
        setenv("HOME", homes[k], 1);
        expect_not_kept();
    }
    unsetenv("HOME");
    expect_not_kept();
    mkdir(fixture_path("tmp/home"), 0700);
    setenv("HOME", fixture_path("tmp/home"), 1);
    expect_compiled(&twice, true);
    assert_int_equal(access(fixture_path("tmp/home/.cache/allot"), R_OK), 0);
    if (home)
        setenv("HOME", home, 1);
    free(home);
    setenv("XDG_CACHE_HOME", fixture_path("cache"), 1);
}

/* As a user who may write nothing in a home that is root's; root itself may write anywhere. */
static void home_may_be_read_only(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    chmod(fixture_root, 0755);
    mkdir(fixture_path("cache"), 0755);
    mkdir(fixture_path("cache/allot"), 0755);
    const pid_t child = fork();
    if (child == 0) {
        al_expr expr;
        bool ok = setgid(65534) == 0 && setuid(65534) == 0;
        ok = ok && al_expr_load(&twice, &expr, NULL, NULL) == ALLOT_OK && !expr.from_cache && works(&expr) &&
             expr.path[0] == '\0';
        _exit(ok ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(count_files(fixture_path("tmp"), ""), 0);
}

static void temporary_folder_is_needed(void **state)
{
    (void)state;
    setenv("TMPDIR", "/proc/nowhere", 1);
    expect_failure(&twice, ALLOT_EIO, "TMPDIR");
    setenv("TMPDIR", fixture_path("tmp"), 1);
}

/* ---- several at once -------------------------------------------------------------------------------- */

static void race(const al_expr_spec *spec)
{
    enum { NPROCESSES = 8 };
    pid_t child[NPROCESSES];
    for (int k = 0; k < NPROCESSES; k++) {
        child[k] = fork();
        if (child[k] == 0) {
            al_expr expr;
            allot_error err;
            if (al_expr_load(spec, &expr, NULL, &err) == ALLOT_OK)
                _exit(works(&expr) ? 0 : 1);
            fprintf(stderr, "%s\n", err.text);
            _exit(2);
        }
    }
    for (int k = 0; k < NPROCESSES; k++) {
        int status = -1;
        assert_int_equal(waitpid(child[k], &status, 0), child[k]);
        assert_int_equal(status, 0);
    }
}

static void one_of_eight_compiles(void **state)
{
    (void)state;
    al_expr_spec spec = twice;
    spec.compiler = write_compiler("exec cc \"$@\"");
    race(&spec);
    assert_int_equal(compiler_runs(), 1);
    assert_int_equal(count_files(fixture_path("cache/allot"), "new."), 0);
    expect_compiled(&spec, false);
}

/* Without locks, as on some network file systems, all of them compile, and all are right. */
static void eight_compile_without_locks(void **state)
{
    (void)state;
    char name[32];
    al_expr_spec spec = twice;
    spec.compiler = write_compiler("sleep 0.3; exec cc \"$@\"");
    mkdir(fixture_path("cache"), 0700);
    mkdir(fixture_path("cache/allot"), 0700);
    for (int k = 0; k < 16; k++) {
        snprintf(name, sizeof name, "cache/allot/lock.%x", k);
        mkdir(fixture_path(name), 0700);
    }
    race(&spec);
    assert_true(compiler_runs() > 1);
    expect_compiled(&spec, false);
}

/* ---- not too many ----------------------------------------------------------------------------------- */

static void oldest_are_removed(void **state)
{
    (void)state;
    char name[64], path[512];
    const struct timespec ancient[2] = {{1000, 0}, {1000, 0}};
    mkdir(fixture_path("cache"), 0700);
    mkdir(fixture_path("cache/allot"), 0700);
    fixture_write("cache/allot/new.1.1", "litter");
    fixture_write("cache/allot/new.1.2", "being written");
    fixture_write("cache/allot/mine.txt", "not ours");
    assert_int_equal(utimensat(AT_FDCWD, fixture_path("cache/allot/new.1.1"), ancient, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, fixture_path("cache/allot/mine.txt"), ancient, 0), 0);
    for (int k = 0; k < 300; k++) {
        const struct timespec when[2] = {{2000 + k, 0}, {2000 + k, 0}};
        snprintf(name, sizeof name, "cache/allot/%032x.so", k);
        fixture_write(name, "old");
        assert_int_equal(utimensat(AT_FDCWD, fixture_path(name), when, 0), 0);
    }
    keep(&twice, path);
    expect_compiled(&twice, false);
    snprintf(name, sizeof name, "cache/allot/%032x.so", 299);
    assert_int_equal(access(fixture_path(name), F_OK), 0);
    snprintf(name, sizeof name, "cache/allot/%032x.so", 0);
    assert_int_not_equal(access(fixture_path(name), F_OK), 0);
    assert_int_not_equal(access(fixture_path("cache/allot/new.1.1"), F_OK), 0);
    assert_int_equal(access(fixture_path("cache/allot/new.1.2"), F_OK), 0);
    assert_int_equal(access(fixture_path("cache/allot/mine.txt"), F_OK), 0);
    /* 192 objects, two files that are none, and a lock. */
    assert_int_equal(count_files(fixture_path("cache/allot"), ""), 192 + 3);
}

/* ---- the compiler ----------------------------------------------------------------------------------- */

static void no_compiler(void **state)
{
    (void)state;
    char *path = strdup(getenv("PATH"));
    al_expr_spec spec = twice;
    setenv("PATH", "/proc/nowhere", 1);
    expect_failure(&twice, ALLOT_ENOTFOUND,
                   "no C compiler: `cc` is not in PATH; install one with: apt-get install gcc");
    setenv("PATH", "", 1);
    expect_failure(&twice, ALLOT_ENOTFOUND, "`cc` is not in PATH");
    setenv("PATH", path, 1);
    free(path);
    setenv("CC", "no-such-compiler -O2", 1);
    expect_failure(&twice, ALLOT_ENOTFOUND, "`no-such-compiler` (from $CC)");
    setenv("CC", "  ", 1);
    expect_compiled(&twice, true);
    unsetenv("CC");
    spec.compiler = "/proc/nowhere/cc";
    expect_failure(&spec, ALLOT_ENOTFOUND, "/proc/nowhere/cc");
    spec.compiler =
        "cc 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32";
    expect_failure(&spec, ALLOT_EINVAL, "words");
}

static void broken_compilers(void **state)
{
    (void)state;
    static const struct {
        const char *script, *words;
        allot_err code;
    } cases[] = {
        {"exit 0", "wrote no object", ALLOT_ECOMPILE},
        {"exit 1", "the compiler failed", ALLOT_ECOMPILE},
        {"echo 'out of luck' >&2; exit 3", "out of luck", ALLOT_ECOMPILE},
        {"kill -SEGV $$", "signal 11", ALLOT_ECOMPILE},
        {"echo \"cc: fatal error: cannot execute 'cc1': execvp: No such file\" >&2; exit 1",
         "apt-get install gcc", ALLOT_ENOTFOUND},
        {"echo '<stdin>:1:10: fatal error: math.h: No such file or directory' >&2; exit 1", "libc6-dev",
         ALLOT_ENOTFOUND},
        {"for a; do out=$a; done; echo junk > $out", "cannot load", ALLOT_EIO},
        {"for a; do out=$a; done; : > $out", "cannot load", ALLOT_EIO},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        al_expr_spec spec = twice;
        spec.compiler = write_compiler(cases[k].script);
        expect_failure(&spec, cases[k].code, cases[k].words);
        expect_failure(&spec, cases[k].code, cases[k].words);
        assert_int_equal(compiler_runs(), 2);
    }
}

/* A program that ignores SIGCHLD never learns how its children ended. */
static void children_may_be_ignored(void **state)
{
    (void)state;
    const al_expr_spec wrong = {.expr = "x +", .in_type = AL_TYPE_f64};
    signal(SIGCHLD, SIG_IGN);
    expect_compiled(&twice, true);
    expect_failure(&wrong, ALLOT_ECOMPILE, "not complete");
    signal(SIGCHLD, SIG_DFL);
}

/* Nor may anything of ours take their place: what the program prints would be written into it. */
static void standard_files_may_be_closed(void **state)
{
    (void)state;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        al_expr expr;
        for (int fd = 0; fd < 3; fd++)
            close(fd);
        bool ok = al_expr_load(&twice, &expr, NULL, NULL) == ALLOT_OK && works(&expr);
        for (int fd = 0; fd < 3; fd++)
            ok = ok && fcntl(fd, F_GETFD) == -1;
        _exit(ok ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

#define ROW(name) cmocka_unit_test_setup(name, empty_cache)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(kept_and_found),
        ROW(any_difference_is_compiled_anew),
        ROW(another_compiler_under_the_same_name),
        ROW(folder_can_be_named),
        ROW(damaged_objects_are_compiled_anew),
        ROW(swapped_objects_are_compiled_anew),
        ROW(writable_by_others_is_refused),
        ROW(owned_by_another_is_refused),
        ROW(links_and_pipes_are_refused),
        ROW(home_may_be_missing_or_no_folder),
        ROW(home_may_be_read_only),
        ROW(temporary_folder_is_needed),
        ROW(one_of_eight_compiles),
        ROW(eight_compile_without_locks),
        ROW(oldest_are_removed),
        ROW(no_compiler),
        ROW(broken_compilers),
        ROW(children_may_be_ignored),
        ROW(standard_files_may_be_closed),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
