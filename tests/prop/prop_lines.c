/* prop_lines.c - line engines against the serial answer, with programs that read, wait, hold answers back and
 * die as they like.
 *
 *  - every item is answered, in order, whatever the copies hold back, however many there are, and however
 * late or in whichever pieces items come and answers are taken;
 *  - copies that die at random change nothing; an item that kills is set aside, and no other;
 *  - memory stays within the window and what one copy may hold;
 *  - a program that answers too little or too much is told so with the counts.
 *
 * This program is its own subject: "prop_lines answer ..." reads records and answers them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "lines/lines.h"
#include "support/prop.h"

#define ROUNDS 60

/* ---- the program ----------------------------------------------------------------------------------------
 */

/** How it behaves. */
typedef struct manner {
    long nread;   /* bytes that it reads at a time at most */
    long nheld;   /* bytes of answers that it holds back; -1: all, until its input ends */
    long wait_us; /* at most, now and then */
    long nlife;   /* it dies after at most so many answers, but at least two; 0: it does not */
    long nextra;  /* every so many records it answers twice; 0: never; negative: not at all */
} manner;

static char sep[16];

static void write_all(const char *at, size_t nbytes)
{
    while (nbytes > 0) {
        ssize_t n = write(STDOUT_FILENO, at, nbytes);
        if (n <= 0)
            _exit(9);
        at += n;
        nbytes -= (size_t)n;
    }
}

/** The answer to a record without its separator: its length, and its bytes from last to first. */
static void answer_to(const char *record, size_t nbytes, al_buffer *out)
{
    char number[24];
    (void)snprintf(number, sizeof number, "%zu:", nbytes);
    al_buffer_text(out, number);
    for (size_t k = nbytes; k-- > 0;) {
        char byte = record[k];
        /* No separator may come about by turning the bytes around. */
        al_buffer_byte(out, sep[0] != '\n' && strchr(sep, byte) != NULL ? '_' : byte);
    }
    al_buffer_append(out, sep, sep[0] == '\0' ? 1 : strlen(sep));
}

static _Noreturn void answer(const manner *m)
{
    al_buffer in = {.at = NULL}, out = {.at = NULL};
    size_t nsep = sep[0] == '\0' ? 1 : strlen(sep), at = 0, seen = 0; /* no end begins before `seen` */
    long count = 0, life = m->nlife > 0 ? 2 + (long)(prop_below((uint64_t)m->nlife)) : 0;
    for (;;) {
        char *room = al_buffer_reserve(&in, (size_t)m->nread);
        ssize_t n = read(STDIN_FILENO, room, (size_t)m->nread);
        if (n <= 0)
            break;
        in.nbytes += (size_t)n;
        for (char *end; (end = memmem(in.at + seen, in.nbytes - seen, sep, nsep)) != NULL;) {
            size_t length = (size_t)(end - (in.at + at));
            if (length >= 4 && memcmp(in.at + at, "KILL", 4) == 0)
                (void)raise(SIGKILL);
            if (life > 0 && count == life)
                _exit(5);
            count++;
            if (m->nextra >= 0 || count % -m->nextra != 0)
                answer_to(in.at + at, length, &out);
            if (m->nextra > 0 && count % m->nextra == 0)
                answer_to(in.at + at, length, &out);
            seen = at += length + nsep;
            if (m->wait_us > 0 && prop_chance(8))
                usleep((useconds_t)prop_below((uint64_t)m->wait_us));
            if (m->nheld >= 0 && (long)out.nbytes > m->nheld) {
                size_t whole = m->nheld == 0 || prop_chance(2) ? out.nbytes : out.nbytes / 2;
                write_all(out.at, whole);
                memmove(out.at, out.at + whole, out.nbytes - whole);
                out.nbytes -= whole;
            }
        }
        if (at > 0)
            memmove(in.at, in.at + at, in.nbytes - at);
        in.nbytes -= at;
        at = 0;
        seen = in.nbytes >= nsep ? in.nbytes - nsep + 1 : 0;
    }
    write_all(out.at, out.nbytes);
    _exit(0); /* the leak checker is not asked */
}

/* ---- a case ---------------------------------------------------------------------------------------------
 */

typedef struct trial {
    manner m;
    al_lines_opts opts;
    al_buffer items, expected, got;
    uint64_t nitems, nkillers;
    bool by_pipe, is_slow_reader;
    al_buffer said;
    al_lines_figures figures;
    allot_error err;
} trial;

static const char *self;

static allot_err take_answers(void *arg, struct iovec *pieces, size_t npieces, allot_error *err)
{
    trial *t = arg;
    (void)err;
    for (size_t k = 0; k < npieces; k++)
        al_buffer_append(&t->got, pieces[k].iov_base, pieces[k].iov_len);
    if (t->is_slow_reader && prop_chance(4))
        usleep((useconds_t)prop_below(3000));
    return ALLOT_OK;
}

static void hear(void *arg, const char *sentence)
{
    trial *t = arg;
    al_buffer_text(&t->said, sentence);
}

/** Random records, some of which kill, and the answers that are expected. */
static void make_items(trial *t, bool has_killers)
{
    size_t nsep = t->opts.separator.nbytes;
    t->nitems = prop_size(13);
    uint64_t longest = prop_size(9), rare = 1 + t->nitems / 2;
    for (uint64_t k = 0; k < t->nitems; k++) {
        size_t begin = t->items.nbytes, length = prop_below(longest + 1);
        bool kills = has_killers && prop_chance(rare);
        if (prop_chance(2000) && t->m.nread > 100)
            length = 300000 + prop_below(700000);
        if (kills)
            al_buffer_text(&t->items, "KILL");
        for (size_t j = 0; j < length; j++)
            al_buffer_byte(&t->items, (char)('a' + prop_below(20)));
        size_t nbytes = t->items.nbytes - begin;
        if (kills && t->opts.rule == AL_LINES_EMPTY)
            al_buffer_append(&t->expected, sep, nsep);
        else if (!kills)
            answer_to(t->items.at + begin, nbytes, &t->expected);
        t->nkillers += kills;
        if (k + 1 < t->nitems || nbytes == 0 || !prop_chance(3)) /* the last may lack its separator */
            al_buffer_append(&t->items, sep, nsep);
    }
}

static void *feed(void *arg)
{
    void **args = arg;
    const trial *t = args[0];
    int fd = (int)(intptr_t)args[1];
    size_t at = 0, piece = 1 + t->items.nbytes / 7;
    while (at < t->items.nbytes) {
        size_t n = t->items.nbytes - at < piece ? t->items.nbytes - at : piece;
        ssize_t written = write(fd, t->items.at + at, n);
        if (written <= 0)
            break;
        at += (size_t)written;
        usleep(1000);
    }
    (void)close(fd);
    return NULL;
}

/** Run it on the items. */
static allot_err run(trial *t)
{
    char texts[6][24];
    long values[6] = {t->m.nread, t->m.nheld, t->m.wait_us, t->m.nlife, t->m.nextra, (long)(prop_u64() >> 2)};
    char *argv[10] = {(char *)(uintptr_t)self, (char *)(uintptr_t) "answer", t->opts.separator.at};
    for (int k = 0; k < 6; k++) {
        (void)snprintf(texts[k], sizeof texts[k], "%ld", values[k]);
        argv[3 + k] = texts[k];
    }
    al_lines_command commands[8];
    for (int k = 0; k < 8; k++)
        commands[k] = (al_lines_command){.argv = argv, .name = "it"};
    int fds[2] = {-1, -1};
    pthread_t feeder;
    void *args[2] = {t, NULL};
    if (t->by_pipe) {
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        args[1] = (void *)(intptr_t)fds[1];
        assert_int_equal(pthread_create(&feeder, NULL, feed, args), 0);
    } else {
        fds[0] = memfd_create("items", MFD_CLOEXEC);
        assert_int_equal(write(fds[0], t->items.at, t->items.nbytes), t->items.nbytes);
        (void)lseek(fds[0], 0, SEEK_SET);
    }
    t->opts.commands = commands;
    t->opts.in_fd = fds[0];
    t->opts.stop_fd = eventfd(0, EFD_CLOEXEC);
    t->opts.noun = "line";
    t->opts.write = take_answers;
    t->opts.say = hear;
    t->opts.arg = t;
    allot_err code = al_lines_run(&t->opts, &t->figures, &t->err);
    (void)close(fds[0]);
    (void)close(t->opts.stop_fd);
    if (t->by_pipe)
        (void)pthread_join(feeder, NULL);
    errno = 0;
    prop_require(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD); /* no copy is left */
    return code;
}

static void end_trial(trial *t)
{
    al_buffer_fini(&t->items);
    al_buffer_fini(&t->expected);
    al_buffer_fini(&t->got);
    al_buffer_fini(&t->said);
}

static void choose(trial *t)
{
    static const char *const seps[] = {"\n", "\n", "\n", "", ";", "\r\n", "--\n--"};
    (void)strcpy(sep, seps[prop_below(7)]);
    t->opts.separator.nbytes = sep[0] == '\0' ? 1 : strlen(sep);
    (void)strcpy(t->opts.separator.at, sep);
    t->m.nread = 1 + (long)prop_size(17);
    t->m.nheld = prop_chance(4) ? -1 : prop_chance(3) ? 0 : (long)prop_size(17);
    t->m.wait_us = prop_chance(2) ? 0 : (long)prop_size(9);
    t->opts.ncopies = 1 + (uint32_t)prop_below(4);
    t->opts.batch_items = prop_chance(4) ? 1 + prop_size(10) : 0;
    t->opts.window_nbytes = prop_chance(3) ? 1u << 20 : 0;
    t->by_pipe = prop_chance(2);
    t->is_slow_reader = prop_chance(3);
}

static void same_as_serial(trial *t)
{
    allot_err code = run(t);
    if (code != ALLOT_OK)
        fail_msg("PROP_SEED=%llu: %s", (unsigned long long)prop_seed, t->err.text);
    prop_require(t->got.nbytes == t->expected.nbytes);
    prop_require(t->got.nbytes == 0 || memcmp(t->got.at, t->expected.at, t->got.nbytes) == 0);
    prop_require(t->figures.nitems == t->nitems);
    prop_require(t->figures.nset_aside == t->nkillers);
    prop_require(t->figures.ncopies_most <= t->opts.ncopies && t->figures.ncopies_most <= t->nitems);
}

static void test_serial(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < prop_rounds(ROUNDS); k++) {
        trial t = {.got = {.at = NULL}};
        prop_begin(k);
        choose(&t);
        make_items(&t, false);
        same_as_serial(&t);
        end_trial(&t);
    }
}

static void test_deaths(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < prop_rounds(ROUNDS) / 2; k++) {
        trial t = {.got = {.at = NULL}};
        prop_begin(k);
        choose(&t);
        t.opts.rule = prop_chance(2) ? AL_LINES_SKIP : AL_LINES_EMPTY;
        make_items(&t, prop_chance(2));
        if (t.m.nheld >= 0 &&
            t.nkillers == 0) /* one that holds everything and then dies never answers anything */
            t.m.nlife = 20 + (long)(t.nitems / 4);
        if (t.nkillers > 0 && t.nitems < 8) { /* too few to have seen it answer anything at all */
            end_trial(&t);
            continue;
        }
        same_as_serial(&t);
        end_trial(&t);
    }
}

/** A program that slurps its input, and more input than the window. */
static void test_memory(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < 4; k++) {
        trial t = {.got = {.at = NULL}};
        prop_begin(k);
        (void)strcpy(sep, "\n");
        t.opts.separator = (al_separator){"\n", 1};
        t.m = (manner){.nread = 65536, .nheld = k % 2 == 0 ? -1 : 65536};
        t.opts.ncopies = 2;
        t.opts.window_nbytes = 2u << 20;
        t.by_pipe = k >= 2;
        for (t.nitems = 0; t.items.nbytes < 8u << 20; t.nitems++) {
            size_t begin = t.items.nbytes;
            for (uint64_t j = prop_below(20); j > 0; j--)
                al_buffer_text(&t.items, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
            answer_to(t.items.at + begin, t.items.nbytes - begin, &t.expected);
            al_buffer_byte(&t.items, '\n');
        }
        same_as_serial(&t);
        /* The window, what a copy may hold beyond it, its answers to that, and what is in hand. */
        prop_require(t.figures.nheld_most < 9u << 20);
        prop_require((t.figures.nrefreshed > 0) == (k % 2 == 0));
        end_trial(&t);
    }
}

static void test_contract(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < prop_rounds(ROUNDS) / 3; k++) {
        trial t = {.got = {.at = NULL}};
        prop_begin(k);
        choose(&t);
        make_items(&t, false);
        long every = t.nitems > 0 ? 1 + (long)prop_below(t.nitems) / t.opts.ncopies : 1;
        every = every > 1 ? every / 2 + 1 : 1;
        t.m.nextra = prop_chance(2) ? every : -every;
        if (t.nitems < 50 || t.items.nbytes > 1000000) { /* so that each copy comes to break it */
            end_trial(&t);
            continue;
        }
        t.m.nextra = t.m.nextra > 0 ? 3 : -3;
        t.opts.ncopies = 1;
        prop_require(run(&t) == ALLOT_EUSER);
        unsigned long long nwrote = 0, ngiven = 0;
        const char *what = t.m.nextra > 0 ? "it wrote more lines" : "it wrote fewer lines";
        const char *counts = strstr(t.err.text, "given: ");
        prop_require(strncmp(t.err.text, what, strlen(what)) == 0 && counts != NULL);
        prop_require(sscanf(counts, "given: %llu for %llu;", &nwrote, &ngiven) == 2);
        prop_require(t.m.nextra > 0 ? nwrote > ngiven : nwrote < ngiven);
        prop_require(ngiven <= t.nitems);
        end_trial(&t);
    }
}

int main(int argc, char **argv)
{
    if (argc == 9 && strcmp(argv[1], "answer") == 0) {
        (void)strncpy(sep, argv[2], sizeof sep - 1);
        long v[6];
        for (int k = 0; k < 6; k++)
            v[k] = strtol(argv[3 + k], NULL, 10);
        prop_state = (uint64_t)v[5] + (uint64_t)getpid();
        answer(&(manner){v[0], v[1], v[2], v[3], v[4]});
    }
    static char path[4096];
    if (readlink("/proc/self/exe", path, sizeof path - 1) < 0)
        return 1;
    self = path;
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_serial),
        cmocka_unit_test(test_deaths),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
