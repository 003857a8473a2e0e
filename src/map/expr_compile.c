/* Finding the compiler and running it.
 *
 * No shell is involved: the command ($CC may have options in it) is cut at blanks and spawned. The
 * program goes in through a file in memory and the complaints come out through another, so that there is
 * neither a pipe that could fill up nor a source file that could be left behind. Everything the compiler
 * writes itself lands in a folder of its own, mode 0700, that is removed whatever happens.
 *
 * The options. -O3 for this very processor, but results that do not depend on it: -ffp-contract=off, and
 * nothing of -ffast-math except that nobody reads errno or the exception flags (-fno-math-errno,
 * -fno-trapping-math), which changes no value. Whole numbers wrap (-fwrapv). What C takes for a mistake
 * of the harmless kind is none here: a function that was never declared, a number for a pointer.
 * -ftabstop=1 makes the columns of complaints count characters.
 *
 * A program that is to run on other machines has all that it needs in it, and is made for a processor that
 * has no more than those which may take part must have, as al_expr_processor() tells them apart: the plainest
 * of this kind, or, where this one has them, with AVX2 and FMA.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "map/expr_parts.h"

extern char **environ;

#if defined(__x86_64__) || defined(__i386__)
#define TUNE "-march=native "
#define PLAIN "-march=x86-64 -mtune=generic "
#define WITH_AVX2 PLAIN "-mavx2 -mfma "
#elif defined(__aarch64__)
#define TUNE "-mcpu=native "
#define PLAIN "-march=armv8-a "
#else
#define TUNE ""
#define PLAIN ""
#endif
#ifndef WITH_AVX2
#define WITH_AVX2 PLAIN
#endif

#define SAME                                                                                                 \
    "-ffp-contract=off -fno-math-errno -fno-trapping-math -fwrapv -fno-strict-aliasing "                     \
    "-fvisibility=hidden -fdiagnostics-color=never -ftabstop=1 -Werror=implicit-function-declaration "       \
    "-Werror=int-conversion -Werror=incompatible-pointer-types"

/* Complaints and preprocessed files are cut off here. */
enum { MAX_OUTPUT = 64 << 20, MAX_WORDS = AL_COMPILER_WORDS + 40 };

const char *al_compiler_flags(al_build build)
{
    char processor[AL_EXPR_PROCESSOR_NBYTES];
    if (build == AL_BUILD_OBJECT)
        return "-std=gnu11 -O3 " TUNE "-fPIC " SAME;
    al_expr_processor(processor);
    return processor[0] == 'f' && processor[1] == 'v' ? "-std=gnu11 -O3 " WITH_AVX2 SAME
                                                      : "-std=gnu11 -O3 " PLAIN SAME;
}

/* ---- bytes ------------------------------------------------------------------------------------------ */

int al_bytes_read(int fd, size_t max, al_bytes *bytes)
{
    struct stat st;
    *bytes = (al_bytes){NULL, 0};
    if (fstat(fd, &st) != 0)
        return -1;
    if ((uint64_t)st.st_size > max) {
        errno = EFBIG;
        return -1;
    }
    const size_t nbytes = (size_t)st.st_size;
    char *at = malloc(nbytes + 1);
    size_t done = 0;
    while (at && done < nbytes) {
        const ssize_t n = pread(fd, at + done, nbytes - done, (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            const int saved = n < 0 ? errno : EIO;
            free(at);
            errno = saved;
            return -1;
        }
        done += (size_t)n;
    }
    if (!at)
        return -1;
    at[nbytes] = '\0';
    *bytes = (al_bytes){at, nbytes};
    return 0;
}

int al_bytes_write(int fd, const void *at, size_t nbytes)
{
    const char *from = at;
    while (nbytes > 0) {
        const ssize_t n = write(fd, from, nbytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        from += n;
        nbytes -= (size_t)n;
    }
    return 0;
}

/* ---- finding it ------------------------------------------------------------------------------------- */

static bool is_program(const char *path, struct stat *st)
{
    return stat(path, st) == 0 && S_ISREG(st->st_mode) && access(path, X_OK) == 0;
}

/* What a shell would start for name, with all links resolved. */
static bool search_path(const char *name, char *path, size_t nbytes, struct stat *st)
{
    char found[4096];
    if (strchr(name, '/'))
        return is_program(name, st) && strlen(name) < nbytes && strcpy(path, name);
    const char *dirs = getenv("PATH");
    for (const char *dir = dirs ? dirs : "/usr/local/bin:/usr/bin:/bin"; *dir != '\0';) {
        const size_t length = strcspn(dir, ":");
        const int n = length == 0 ? snprintf(found, sizeof found, "./%s", name)
                                  : snprintf(found, sizeof found, "%.*s/%s", (int)length, dir, name);
        if (n < (int)sizeof found && is_program(found, st))
            return (size_t)n < nbytes && strcpy(path, found);
        dir += length + (dir[length] == ':');
    }
    return false;
}

static allot_err cut_at_blanks(al_compiler *compiler, allot_error *err)
{
    char *rest = NULL;
    for (char *word = strtok_r(compiler->words, " \t\n", &rest); word;
         word = strtok_r(NULL, " \t\n", &rest)) {
        if (compiler->argc == AL_COMPILER_WORDS)
            return al_fail(err, ALLOT_EINVAL, 0, "the compiler's command has more than %d words",
                           AL_COMPILER_WORDS);
        compiler->argv[compiler->argc++] = word;
    }
    return ALLOT_OK;
}

static allot_err no_compiler(const char *name, const char *from, allot_error *err)
{
    return al_fail(err, ALLOT_ENOTFOUND, 0,
                   "no C compiler: `%.100s`%s is not %s; install one with: apt-get install gcc", name, from,
                   strchr(name, '/') ? "there" : "in PATH");
}

allot_err al_compiler_find(const char *command, al_compiler *compiler, allot_error *err)
{
    const char *from = "";
    struct stat st = {0};
    memset(compiler, 0, sizeof *compiler);
    if (!command) {
        command = getenv("CC");
        from = " (from $CC)";
    }
    if (!command || command[strspn(command, " \t\n")] == '\0') {
        command = "cc";
        from = "";
    }
    compiler->words = strdup(command);
    if (!compiler->words)
        return al_fail(err, ALLOT_ENOMEM, errno, "compiler");
    allot_err result = cut_at_blanks(compiler, err);
    if (result == ALLOT_OK && !search_path(compiler->argv[0], compiler->path, sizeof compiler->path, &st))
        result = no_compiler(compiler->argv[0], from, err);
    if (result != ALLOT_OK) {
        al_compiler_fini(compiler);
        return result;
    }
    compiler->nbytes = (uint64_t)st.st_size;
    compiler->inode = (uint64_t)st.st_ino;
    compiler->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    return ALLOT_OK;
}

void al_compiler_fini(al_compiler *compiler)
{
    free(compiler->words);
    compiler->words = NULL;
    compiler->argc = 0;
}

/* ---- running it ------------------------------------------------------------------------------------- */

/* One run. The words are borrowed. */
typedef struct run {
    char *argv[MAX_WORDS];
    int argc;
    char *flags;       /* owned: al_compiler_flags() cut at blanks */
    char folder[4096]; /* what it may write in, or "" */
    char object[4200]; /* in it */
    int in, out, said; /* memory files, or -1 */
    int status;        /* wait's, or -1 when another part of the process took it */
} run;

static void add(run *r, const char *word)
{
    if (r->argc < MAX_WORDS - 1)
        r->argv[r->argc++] = (char *)(uintptr_t)word;
}

static void run_fini(run *r)
{
    if (r->folder[0] != '\0')
        al_work_folder_remove(r->folder);
    for (int k = 0; k < 3; k++) {
        const int fd = k == 0 ? r->in : k == 1 ? r->out : r->said;
        if (fd >= 0)
            close(fd);
    }
    free(r->flags);
}

/* Open what every run needs and put the command's first words down. */
static allot_err run_init(run *r, const al_compiler *compiler, al_build build, allot_error *err)
{
    memset(r, 0, sizeof *r);
    r->in = r->out = r->said = -1;
    r->flags = strdup(al_compiler_flags(build));
    if (!r->flags)
        return al_fail(err, ALLOT_ENOMEM, errno, "compiler");
    if (al_work_folder_make(r->folder, sizeof r->folder) != 0) {
        const int saved = errno;
        r->folder[0] = '\0';
        return al_fail(
            err, ALLOT_EIO, saved,
            "cannot make a temporary folder for the compiler; set TMPDIR to a folder that can be written");
    }
    snprintf(r->object, sizeof r->object, "%s/expression.so", r->folder);
    r->in = al_memory_file("allot-source");
    r->out = al_memory_file("allot-output");
    r->said = al_memory_file("allot-complaint");
    if (r->in < 0 || r->out < 0 || r->said < 0)
        return al_fail(err, ALLOT_EIO, errno, "cannot open files in memory for the compiler");
    for (int k = 0; k < compiler->argc; k++)
        add(r, compiler->argv[k]);
    char *rest = NULL;
    for (char *word = strtok_r(r->flags, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        add(r, word);
    return ALLOT_OK;
}

/* The environment, but with complaints in English and temporary files where they are removed. */
static char **child_environment(const run *r, char *tmpdir, size_t nbytes)
{
    static char english[] = "LC_ALL=C", no_language[] = "LANGUAGE=";
    size_t n = 0, kept = 0;
    while (environ && environ[n])
        n++;
    char **env = malloc((n + 4) * sizeof *env);
    if (!env)
        return NULL;
    for (size_t k = 0; k < n; k++)
        if (strncmp(environ[k], "LC_ALL=", 7) != 0 && strncmp(environ[k], "LANGUAGE=", 9) != 0 &&
            strncmp(environ[k], "TMPDIR=", 7) != 0)
            env[kept++] = environ[k];
    snprintf(tmpdir, nbytes, "TMPDIR=%s", r->folder);
    env[kept++] = english;
    env[kept++] = no_language;
    env[kept++] = tmpdir;
    env[kept] = NULL;
    return env;
}

static int spawn(const al_compiler *compiler, run *r, pid_t *pid)
{
    char tmpdir[4200];
    char **env = child_environment(r, tmpdir, sizeof tmpdir);
    if (!env)
        return ENOMEM;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &none);
    int failed = posix_spawn_file_actions_adddup2(&actions, r->in, 0);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&actions, r->out, 1);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&actions, r->said, 2);
    if (!failed)
        failed = posix_spawn(pid, compiler->path, &actions, &attributes, r->argv, env);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    free(env);
    return failed;
}

/* Run it to its end and keep what it said. */
static allot_err run_wait(const al_compiler *compiler, run *r, al_bytes *complaint, allot_error *err)
{
    pid_t pid = -1;
    r->argv[r->argc] = NULL;
    if (r->argc == MAX_WORDS - 1)
        return al_fail(err, ALLOT_EINVAL, 0, "the compiler's command has too many words");
    const int failed = spawn(compiler, r, &pid);
    if (failed)
        return al_fail(err, failed == ENOMEM ? ALLOT_ENOMEM : ALLOT_ENOTFOUND, failed,
                       "cannot start the compiler %.200s", compiler->path);
    pid_t got;
    while ((got = waitpid(pid, &r->status, 0)) < 0 && errno == EINTR)
        ;
    if (got < 0)
        r->status = -1; /* SIGCHLD is ignored in this process; what it left behind tells */
    if (al_bytes_read(r->said, MAX_OUTPUT, complaint) != 0)
        return al_fail(err, ALLOT_EIO, errno, "cannot read what the compiler said");
    if (r->status != -1 && WIFSIGNALED(r->status))
        return al_fail(err, ALLOT_ECOMPILE, 0, "the compiler %.200s was ended by signal %d", compiler->path,
                       WTERMSIG(r->status));
    return ALLOT_OK;
}

static bool succeeded(const run *r)
{
    return r->status == -1 || (WIFEXITED(r->status) && WEXITSTATUS(r->status) == 0);
}

allot_err al_compiler_preprocess(const al_compiler *compiler, const char *file, al_bytes *text,
                                 al_bytes *complaint, allot_error *err)
{
    run r;
    char name[4200];
    *text = *complaint = (al_bytes){NULL, 0};
    allot_err result = run_init(&r, compiler, AL_BUILD_OBJECT, err);
    if (result == ALLOT_OK) {
        /* A name that begins with a dash would be an option. */
        snprintf(name, sizeof name, "%s%s", file[0] == '-' ? "./" : "", file);
        add(&r, "-E");
        add(&r, "-x");
        add(&r, "c");
        add(&r, name);
        result = run_wait(compiler, &r, complaint, err);
    }
    if (result == ALLOT_OK && !succeeded(&r))
        result = al_fail(err, ALLOT_ECOMPILE, 0, "the preprocessor failed");
    else if (result == ALLOT_OK && al_bytes_read(r.out, MAX_OUTPUT, text) != 0)
        result = al_fail(err, ALLOT_EIO, errno, "cannot read the preprocessed file");
    run_fini(&r);
    return result;
}

static allot_err read_object(const run *r, al_bytes *object, allot_error *err)
{
    const int fd = open(r->object, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return al_fail(err, ALLOT_ECOMPILE, 0, "the compiler wrote no object");
    const int failed = al_bytes_read(fd, MAX_OUTPUT, object);
    const int saved = errno;
    close(fd);
    if (failed)
        return al_fail(err, ALLOT_EIO, saved, "cannot read the compiled expression %.200s", r->object);
    return ALLOT_OK;
}

allot_err al_compiler_build(const al_compiler *compiler, al_build build, const char *source, al_bytes *object,
                            al_bytes *complaint, allot_error *err)
{
    /* -z defs: a function that is declared and nowhere defined is the linker's to report, with a name. */
    const char *const words[] = {
        build == AL_BUILD_OBJECT ? "-shared" : "-static",    "-x",  "c", "-", "-x", "none",
        build == AL_BUILD_OBJECT ? "-Wl,-z,defs" : "-Wl,-s", "-lm", "-o"};
    run r;
    *object = *complaint = (al_bytes){NULL, 0};
    allot_err result = run_init(&r, compiler, build, err);
    if (result == ALLOT_OK &&
        (al_bytes_write(r.in, source, strlen(source)) != 0 || lseek(r.in, 0, SEEK_SET) != 0))
        result = al_fail(err, ALLOT_EIO, errno, "cannot hand the program to the compiler");
    if (result == ALLOT_OK) {
        for (size_t k = 0; k < sizeof words / sizeof *words; k++)
            add(&r, words[k]);
        add(&r, r.object);
        result = run_wait(compiler, &r, complaint, err);
    }
    if (result == ALLOT_OK && !succeeded(&r))
        result = al_fail(err, ALLOT_ECOMPILE, 0, "the compiler failed");
    else if (result == ALLOT_OK)
        result = read_object(&r, object, err);
    run_fini(&r);
    return result;
}
