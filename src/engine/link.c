/* link.c - see link.h.
 *
 * States: GREETING (whatever the login shell prints, until the script's greeting), OFFERED (it looks whether
 * it has the agent), SENDING (it has not), WELCOMING (frames; the agent is to answer), UP, GONE.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "engine/link.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "engine/bootstrap.h"
#include "engine/spawn.h"

#define BANNER_MOST (UINT64_C(1) << 20) /* bytes that a login shell may print */
#define READ_MOST (UINT64_C(256) << 10) /* at a time, */
#define TURN_MOST (UINT64_C(4) << 20)   /* before others get their turn */
#define WORDS_MOST 400u

typedef enum state { GREETING, OFFERED, SENDING, WELCOMING, UP, GONE } state;

struct al_link {
    state state;
    pid_t pid;
    al_link_fds fds;
    al_link_opts opts;
    const al_agent_image *image;
    bool has_bad_agent;
    al_buffer read;
    size_t nused; /* of it, dealt with */
    al_outbox out;
    uint64_t opened_ns, heard_ns, beat_ns;
    uint64_t rtt_ns, rtt_since_ns;
    uint64_t credit, owed, window;
    uint64_t nreceived;
    char machine[64];
    char words[WORDS_MOST]; /* the last line of standard error */
    char why[WORDS_MOST + 200];
};

static void lose(al_link *link, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** It is gone, and why. */
static void lose(al_link *link, const char *format, ...)
{
    if (link->state == GONE)
        return;
    link->state = GONE;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(link->why, sizeof link->why, format, args);
    va_end(args);
}

/* ---- start and end --------------------------------------------------------------------------------------
 */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/** Two pipes, and for its standard input a socket: a pipe that is full has room again as soon as a page was
 * read, and we would be woken for each; a socket, once most of it was. ends: the process's. */
static bool open_pipes(al_link *link, int ends[3])
{
    int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
    bool good = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pipes[0]) == 0;
    for (int k = 1; k < 3; k++)
        good = good && pipe2(pipes[k], O_CLOEXEC) == 0;
    link->fds = (al_link_fds){.in = pipes[0][1], .out = pipes[1][0], .err = pipes[2][0]};
    ends[0] = pipes[0][0];
    ends[1] = pipes[1][1];
    ends[2] = pipes[2][1];
    const int ours[] = {link->fds.in, link->fds.out, link->fds.err};
    for (int k = 0; k < 3 && good; k++)
        good = fcntl(ours[k], F_SETFL, O_NONBLOCK) == 0;
    if (good) {
        int most = 1 << 20; /* the system's limit, where that is less */
        (void)setsockopt(link->fds.in, SOL_SOCKET, SO_SNDBUF, &most, sizeof most);
        (void)fcntl(link->fds.out, F_SETPIPE_SZ, 1 << 20);
    }
    return good;
}

allot_err al_link_open(const al_link_opts *opts, al_link **made, allot_error *err)
{
    extern char **environ;
    int ends[3];
    const char *failed = "start", *path = al_program_path(opts->argv[0]);
    if (path == NULL || (strchr(path, '/') != NULL && access(path, X_OK) != 0))
        return al_fail(err, ALLOT_ENOTFOUND, errno, "%s: this program is needed to reach it", opts->argv[0]);
    al_link *link = calloc(1, sizeof *link);
    if (link == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    link->opts = *opts;
    link->opened_ns = link->heard_ns = al_clock_ns();
    bool opened = open_pipes(link, ends);
    al_spawn spawn = {.path = path,
                      .argv = opts->argv,
                      .envp = environ,
                      .in_fd = ends[0],
                      .out_fd = ends[1],
                      .err_fd = ends[2],
                      .group_fd = -1,
                      .new_session = opts->new_session};
    int fault = opened ? al_spawn_start(&spawn, &link->pid, &failed) : errno;
    for (int k = 0; k < 3; k++)
        close_fd(&ends[k]);
    if (fault != 0) {
        link->pid = 0;
        al_link_close(link);
        return al_fail(err, ALLOT_EIO, fault, "%s: cannot %s", opts->argv[0], failed);
    }
    *made = link;
    return ALLOT_OK;
}

void al_link_close(al_link *link)
{
    if (link == NULL)
        return;
    if (link->pid > 0) {
        (void)kill(-link->pid, SIGTERM);
        (void)kill(-link->pid, SIGCONT);
    }
    close_fd(&link->fds.in);
    close_fd(&link->fds.out);
    close_fd(&link->fds.err);
    al_buffer_fini(&link->read);
    al_buffer_fini(&link->out.bytes);
    free(link);
}

/* ---- bringing the agent up ------------------------------------------------------------------------------
 */

/** The next whole line of what was read; NULL: none yet. It may be changed. */
static char *next_line(al_link *link)
{
    char *at = link->read.at + link->nused;
    size_t left = link->read.nbytes - link->nused;
    char *end = left > 0 ? memchr(at, '\n', left) : NULL;
    if (end == NULL)
        return NULL;
    *end = '\0';
    if (end > at && end[-1] == '\r')
        end[-1] = '\0';
    link->nused = (size_t)(end + 1 - link->read.at);
    return at;
}

static void offer(al_link *link, const char *greeting)
{
    char system[64], line[160];
    allot_error err = {.text = "its greeting is odd"};
    if (sscanf(greeting, "@allot %63s %63s", system, link->machine) != 2 ||
        al_agent_image_for(system, link->machine, &link->image, &err) != ALLOT_OK) {
        lose(link, "%s", err.text);
        return;
    }
    (void)snprintf(line, sizeof line, "%s %zu %s\n", link->image->name, link->image->bytes.nbytes,
                   link->opts.replaces_agent ? "new" : "keep");
    (void)al_buffer_text(&link->out.bytes, line);
    link->state = OFFERED;
}

static void send_agent(al_link *link)
{
    al_bytes program = link->image->bytes;
    (void)al_buffer_append(&link->out.bytes, program.at, program.nbytes);
    link->state = SENDING;
}

static void welcome(al_link *link)
{
    al_message hello = {.kind = AL_MESSAGE_HELLO, .hello = link->opts.hello};
    al_message_encode(&link->out.bytes, &hello);
    link->state = WELCOMING;
}

/** Lines of the script's. */
static void bring_up(al_link *link)
{
    char *line;
    while (link->state < WELCOMING && (line = next_line(link)) != NULL) {
        if (link->state == GREETING && strncmp(line, "@allot ", 7) == 0)
            offer(link, line);
        else if (link->state == OFFERED && strcmp(line, "@send") == 0)
            send_agent(link);
        else if (link->state != GREETING && strcmp(line, "@run") == 0)
            welcome(link);
        else if (link->state != GREETING && strncmp(line, "@full ", 6) == 0)
            lose(link, "there is no room for the agent on its disk (%s)", line + 6);
        else if (link->state != GREETING && strcmp(line, "@none") == 0)
            lose(link, "it has no folder where the agent may be kept and run (tried its cache folder, /tmp "
                       "and /dev/shm)");
        else if (link->state != GREETING)
            lose(link, "it answered with something else than expected: %.100s", line);
    }
    if (link->state == GREETING && link->nreceived > BANNER_MOST)
        lose(link, "its login shell prints without end");
}

/* ---- bytes ----------------------------------------------------------------------------------------------
 */

/** What the launcher's program says: its last line is kept. */
static void hear_words(al_link *link)
{
    char text[1024];
    ssize_t n;
    while (link->fds.err >= 0 && (n = read(link->fds.err, text, sizeof text - 1)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return;
        text[n] = '\0';
        for (char *at = text, *line; (line = strsep(&at, "\r\n")) != NULL;)
            if (line[0] != '\0' &&
                strspn(line, "@ \t-=*") < strlen(line) && /* not a frame around a warning */
                strncmp(line, "Try ", 4) != 0)            /* '... --help', below what is wrong */
                (void)snprintf(link->words, sizeof link->words, "%s", line);
    }
    close_fd(&link->fds.err);
}

static void note_end(al_link *link)
{
    hear_words(link);
    link->has_bad_agent = link->state == WELCOMING; /* it was started, and said nothing */
    if (link->words[0] != '\0')
        lose(link, "%s", link->words);
    else
        lose(link, link->state == UP ? "the connection was closed" : "it ended before it came up");
}

static void read_more(al_link *link, uint64_t now_ns)
{
    uint64_t turn_end = link->nreceived + TURN_MOST;
    if (link->nused > 0) { /* what was dealt with makes room */
        memmove(link->read.at, link->read.at + link->nused, link->read.nbytes - link->nused);
        link->read.nbytes -= link->nused;
        link->nused = 0;
    }
    if (link->read.nbytes >= 2 * TURN_MOST)
        link->heard_ns = now_ns; /* it is we who do not listen */
    while (link->state != GONE && link->nreceived < turn_end && link->read.nbytes < 2 * TURN_MOST) {
        char *at = al_buffer_reserve(&link->read, READ_MOST);
        ssize_t n = at != NULL ? read(link->fds.out, at, READ_MOST) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            close_fd(&link->fds.out);
            return;
        }
        link->read.nbytes += (size_t)n;
        link->nreceived += (uint64_t)n;
        link->heard_ns = now_ns;
    }
}

static void write_more(al_link *link)
{
    if (link->fds.in >= 0 && !al_outbox_write(&link->out, link->fds.in))
        close_fd(&link->fds.in); /* its end will be heard, and why */
}

bool al_link_wants_write(const al_link *link)
{
    return link->fds.in >= 0 && al_outbox_pending(&link->out) > 0;
}

al_link_fds al_link_descriptors(const al_link *link)
{
    return link->fds;
}

/* ---- messages -------------------------------------------------------------------------------------------
 */

static bool takes_credit(al_message_kind kind)
{
    return kind == AL_MESSAGE_OUTPUT || kind == AL_MESSAGE_RESULT || kind == AL_MESSAGE_FILE ||
           kind == AL_MESSAGE_DATA || kind == AL_MESSAGE_TASK;
}

/** What was appended since before is to be sent. */
static void charge(al_link *link, size_t before, bool takes)
{
    uint64_t nbytes = link->out.bytes.nbytes - before;
    if (takes)
        link->credit = link->credit > nbytes ? link->credit - nbytes : 0;
    if (link->out.bytes.failed)
        lose(link, "out of memory");
}

void al_link_send(al_link *link, const al_message *message)
{
    size_t before = link->out.bytes.nbytes;
    al_message_encode(&link->out.bytes, message);
    charge(link, before, takes_credit(message->kind));
}

uint64_t al_link_room(const al_link *link)
{
    uint64_t pending = al_outbox_pending(&link->out);
    uint64_t room = pending < AL_OUTBOX_MOST ? AL_OUTBOX_MOST - pending : 0;
    return link->state != UP ? 0 : room < link->credit ? room : link->credit;
}

void al_link_send_encoded(al_link *link, al_bytes frame)
{
    size_t before = link->out.bytes.nbytes;
    (void)al_buffer_append(&link->out.bytes, frame.at, frame.nbytes);
    charge(link, before, true);
}

void al_link_send_piece(al_link *link, al_sender *sender)
{
    size_t before = link->out.bytes.nbytes;
    (void)al_sender_next(sender, &link->out);
    charge(link, before, sender->fd >= 0); /* a FILE_END is free */
}

/** What takes credit was taken: the agent may send as much again. */
static void give_credit(al_link *link, uint64_t nbytes)
{
    link->owed += nbytes;
    if (link->owed < link->window / 8)
        return;
    al_message credit = {.kind = AL_MESSAGE_CREDIT, .credit = link->owed};
    link->owed = 0;
    al_link_send(link, &credit);
}

static void measure_rtt(al_link *link, uint64_t stamp, uint64_t now_ns)
{
    uint64_t rtt_ns = now_ns > stamp ? now_ns - stamp : 1;
    bool is_old = now_ns - link->rtt_since_ns > UINT64_C(60000000000);
    if (link->rtt_ns == 0 || rtt_ns < link->rtt_ns || is_old) {
        link->rtt_ns = rtt_ns;
        link->rtt_since_ns = now_ns;
    }
}

static void answer_beat(al_link *link, const al_beat *beat)
{
    if (beat->is_echo != 0) {
        measure_rtt(link, beat->stamp, al_clock_ns());
        return;
    }
    al_message echo = {.kind = AL_MESSAGE_BEAT, .beat = {beat->stamp, 1}};
    al_link_send(link, &echo);
}

/** The agent's answer. @return whether it is the one we want */
static bool check_welcome(al_link *link, const al_welcome *welcome)
{
    if (welcome->version != AL_FRAME_VERSION)
        lose(link, "its agent speaks version %u, not %u", welcome->version, AL_FRAME_VERSION);
    else if (welcome->self.low != link->image->sum.low || welcome->self.high != link->image->sum.high)
        link->has_bad_agent = true;
    if (link->has_bad_agent)
        lose(link, "the agent's program there is not what was sent once: it is sent again");
    if (link->state == GONE)
        return false;
    link->state = UP;
    link->credit = welcome->window;
    link->window = link->opts.hello.window;
    link->beat_ns = 0; /* at once: the first echo is the first measurement */
    return true;
}

bool al_link_next(al_link *link, al_message *message)
{
    al_frame frame;
    size_t used;
    const char *why;
    while (link->state == WELCOMING || link->state == UP) {
        al_bytes rest = {link->read.at + link->nused, link->read.nbytes - link->nused};
        al_frame_state found = al_frame_next(rest, &frame, &used, &why);
        if (found == AL_FRAME_PART)
            break;
        if (found == AL_FRAME_BAD || !al_message_decode(&frame, message)) {
            lose(link, "it sent %s", found == AL_FRAME_BAD ? why : "a message that makes no sense");
            return false;
        }
        link->nused += used;
        if (takes_credit(message->kind))
            give_credit(link, used);
        if (message->kind == AL_MESSAGE_BEAT)
            answer_beat(link, &message->beat);
        else if (message->kind == AL_MESSAGE_CREDIT)
            link->credit += message->credit;
        else if (message->kind == AL_MESSAGE_FAULT)
            lose(link, "%.*s", (int)(message->fault.nbytes < 300 ? message->fault.nbytes : 300),
                 message->fault.at);
        else if (link->state == WELCOMING && message->kind != AL_MESSAGE_WELCOME)
            lose(link, "it does not begin as an agent does");
        else if (message->kind != AL_MESSAGE_WELCOME || check_welcome(link, &message->welcome))
            return true;
    }
    if (link->fds.out < 0 && link->state != GONE) /* all that came before the end was heard */
        note_end(link);
    return false;
}

/* ---- time -----------------------------------------------------------------------------------------------
 */

static uint64_t look_at_time(al_link *link, uint64_t now_ns)
{
    uint64_t beat_every_ns = link->opts.lost_ns / 4;
    if (link->state < UP) {
        if (now_ns >= link->opened_ns + link->opts.start_ns)
            lose(link, "it did not come up within %.0f s%s%s", (double)link->opts.start_ns * 1e-9,
                 link->words[0] != '\0' ? ": " : "", link->words);
        return link->opened_ns + link->opts.start_ns;
    }
    if (now_ns >= link->heard_ns + link->opts.lost_ns) {
        lose(link, "nothing was heard of it for %.0f s", (double)link->opts.lost_ns * 1e-9);
        return now_ns;
    }
    if (now_ns >= link->beat_ns) {
        al_message beat = {.kind = AL_MESSAGE_BEAT, .beat = {.stamp = now_ns}};
        al_link_send(link, &beat);
        link->beat_ns = now_ns + beat_every_ns;
    }
    uint64_t silent_ns = link->heard_ns + link->opts.lost_ns;
    return link->beat_ns < silent_ns ? link->beat_ns : silent_ns;
}

uint64_t al_link_step(al_link *link, uint64_t now_ns)
{
    if (link->state == GONE)
        return UINT64_MAX;
    if (link->fds.out >= 0)
        read_more(link, now_ns);
    hear_words(link);
    if (link->state < WELCOMING)
        bring_up(link);
    if (link->state < WELCOMING && link->fds.out < 0)
        note_end(link);
    uint64_t due_ns = link->state != GONE ? look_at_time(link, now_ns) : UINT64_MAX;
    if (link->state != GONE)
        write_more(link);
    return due_ns;
}

void al_link_flush(al_link *link)
{
    if (link->state != GONE)
        write_more(link);
}

bool al_link_is_up(const al_link *link)
{
    return link->state == UP;
}

bool al_link_is_gone(const al_link *link)
{
    return link->state == GONE;
}

void al_link_lose(al_link *link, const char *why)
{
    lose(link, "%s", why);
}

const char *al_link_why(const al_link *link)
{
    return link->why;
}

int al_link_pid(const al_link *link)
{
    return link->pid;
}

const char *al_link_machine(const al_link *link)
{
    return link->machine;
}

bool al_link_has_bad_agent(const al_link *link)
{
    return link->has_bad_agent;
}

uint64_t al_link_rtt_ns(const al_link *link)
{
    return link->rtt_ns;
}

void al_link_traffic(const al_link *link, uint64_t *nsent, uint64_t *nreceived)
{
    *nsent = link->out.nsent;
    *nreceived = link->nreceived;
}
