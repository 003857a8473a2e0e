/* agent.c - allot-agent: runs tasks for a controller that speaks to it over standard input and output.
 *
 * One thread, one loop, nothing that waits: messages in, processes started and reaped, messages out. When
 * standard input is at its end, or nothing was heard for as long as the controller said, all tasks are ended
 * and their folders removed: nothing stays behind on a borrowed machine but the cache.
 *
 * It is linked statically and needs nothing of its host but a kernel.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"

#define WINDOW (UINT64_C(32) << 20) /* bytes that the controller may send ahead */
#define READ_MOST (UINT64_C(256) << 10)
#define WRITE_MOST (UINT64_C(8) << 20) /* waiting to be written, before tasks' output waits, too */
#define ABOUT_INPUT UINT64_MAX
#define ABOUT_OUTPUT (UINT64_MAX - 1)
#define ABOUT_SIGNALS (UINT64_MAX - 2)
#define NEVENTS 64

/* ---- the end --------------------------------------------------------------------------------------------
 */

static void end_tasks(agent *a)
{
    for (uint32_t slot = 1; a->crew.children != NULL && slot <= a->crew.opts.nslots; slot++)
        al_crew_kill(&a->crew, slot, true);
    al_crew_end_strays();
    al_crew_fini(&a->crew);
    if (a->scratch[0] != '\0')
        al_folder_remove(a->scratch);
}

static void flush(agent *a);

void agent_fault(agent *a, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    agent_send(a, &(al_message){.kind = AL_MESSAGE_FAULT, .fault = {text, strlen(text)}});
    (void)fcntl(STDOUT_FILENO, F_SETFL, 0);
    flush(a);
    end_tasks(a);
    exit(1);
}

/* ---- messages out ---------------------------------------------------------------------------------------
 */

static void flush(agent *a)
{
    if (!al_outbox_write(&a->out, STDOUT_FILENO))
        a->has_ended = true;
}

/** What was appended since before is to be sent. */
static void charge(agent *a, size_t before, bool takes)
{
    uint64_t nbytes = a->out.bytes.nbytes - before;
    if (takes)
        a->credit = a->credit > nbytes ? a->credit - nbytes : 0;
    if (a->out.bytes.failed)
        exit(1); /* out of memory: the controller hears of the end */
}

void agent_send(agent *a, const al_message *message)
{
    size_t before = a->out.bytes.nbytes;
    al_message_encode(&a->out.bytes, message);
    charge(a, before,
           message->kind == AL_MESSAGE_OUTPUT || message->kind == AL_MESSAGE_RESULT ||
               message->kind == AL_MESSAGE_FILE);
}

bool agent_send_piece(agent *a)
{
    size_t before = a->out.bytes.nbytes;
    bool good = al_sender_next(&a->sender, &a->out);
    charge(a, before, a->sender.fd >= 0); /* a FILE_END is free */
    return good;
}

/** Live output. Where the controller does not keep up, tasks wait, as they would for a terminal. */
static void wrote(void *arg, uint32_t slot, bool is_err, const char *at, size_t nbytes)
{
    agent *a = arg;
    const job *j = a->by_slot[slot];
    agent_send(a, &(al_message){.kind = AL_MESSAGE_OUTPUT,
                                .piece = {.task = j->task, .is_err = is_err, .bytes = {at, nbytes}}});
    while (al_outbox_pending(&a->out) > WRITE_MOST && !a->has_ended) {
        struct pollfd fd = {.fd = STDOUT_FILENO, .events = POLLOUT};
        (void)poll(&fd, 1, 1000);
        flush(a);
    }
}

static void path_of(void *arg, uint32_t slot, bool is_err, char *path, size_t nbytes)
{
    const agent *a = arg;
    (void)snprintf(path, nbytes, "%s/spool-%llu.%s", a->scratch, (unsigned long long)a->by_slot[slot]->task,
                   is_err ? "err" : "out");
}

static void over_memory(void *arg, uint32_t slot)
{
    agent *a = arg;
    al_crew_kill(&a->crew, slot, true);
}

/* ---- the first message ----------------------------------------------------------------------------------
 */

static uint32_t count_cpus(void)
{
    cpu_set_t set;
    const char *given = getenv("SLURM_CPUS_ON_NODE"); /* the step's share, which may not be bound */
    int allowed =
        sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    int ours = given != NULL ? atoi(given) : 0;
    if (ours > 0 && ours < allowed)
        allowed = ours;
    return allowed > 0 ? (uint32_t)allowed : 1;
}

static bool equals_file(al_bytes path, al_bytes wanted)
{
    char name[PATH_MAX], text[256];
    if (path.nbytes == 0 || path.nbytes >= sizeof name || wanted.nbytes == 0)
        return false;
    memcpy(name, path.at, path.nbytes);
    name[path.nbytes] = '\0';
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;
    if (fd >= 0)
        (void)close(fd);
    return n == (ssize_t)wanted.nbytes && memcmp(text, wanted.at, wanted.nbytes) == 0;
}

/** Whether we see the folder that the controller is in: on the same machine by its device and number,
 * elsewhere by a file that it has put there. */
static bool sees_cwd(agent *a)
{
    char boot[64] = "";
    struct stat st;
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, boot, sizeof boot) : 0;
    if (fd >= 0)
        (void)close(fd);
    if (stat(a->cwd, &st) != 0 || access(a->cwd, X_OK) != 0)
        return false;
    if (n > 0 && (size_t)n == a->hello.boot.nbytes && memcmp(boot, a->hello.boot.at, (size_t)n) == 0)
        return (uint64_t)st.st_dev == a->hello.device && (uint64_t)st.st_ino == a->hello.inode;
    return equals_file(a->hello.token_path, a->hello.token);
}

static al_sum own_sum(void)
{
    al_sum sum = {0, 0};
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)al_file_sum(fd, NULL, &sum);
        (void)close(fd);
    }
    return sum;
}

/** As many at a time as the controller wants, by what we have. */
static uint32_t count_slots(const al_hello *hello, uint32_t ncpus)
{
    int64_t n = hello->nslots;
    if (n == 0)
        n = ((int64_t)ncpus * hello->per_mille + 500) / 1000 + (int32_t)hello->nmore;
    return n < 1 ? 1 : n > 4096 ? 4096 : (uint32_t)n;
}

static void open_crew(agent *a)
{
    struct sysinfo info = {.mem_unit = 1};
    (void)sysinfo(&info);
    a->mem_bytes = (uint64_t)info.totalram * info.mem_unit;
    if (a->hello.is_dry != 0 && a->hello.dry_mem_bytes > 0)
        a->mem_bytes = a->hello.dry_mem_bytes;
    a->ncpus = count_cpus();
    a->nslots = count_slots(&a->hello, a->ncpus);
    al_crew_opts opts = {.nslots = a->nslots > 512 ? 4096
                                                   : a->nslots * 8, /* tasks may take less than a processor */
                         .epoll = a->epoll,
                         .is_live = a->hello.is_live != 0,
                         .linger_ns = a->hello.linger_ms * UINT64_C(1000000),
                         .kill_after_ns = a->hello.kill_after_ms * UINT64_C(1000000),
                         .arg = a,
                         .ended = agent_ended,
                         .wrote = wrote,
                         .path_of = a->hello.is_live != 0 ? NULL : path_of,
                         .over_memory = over_memory};
    a->by_slot = calloc(opts.nslots + 1, sizeof *a->by_slot);
    if (!al_crew_init(&a->crew, &opts) || a->by_slot == NULL)
        exit(1);
}

static void answer(agent *a)
{
    struct utsname name;
    al_buffer sums = {.at = NULL};
    (void)uname(&name);
    agent_cache_list(a, &sums);
    al_message welcome = {.kind = AL_MESSAGE_WELCOME,
                          .welcome = {.version = AL_FRAME_VERSION,
                                      .self = own_sum(),
                                      .host = {name.nodename, strlen(name.nodename)},
                                      .uid = (uint32_t)getuid(),
                                      .nslots = a->nslots,
                                      .ncpus = a->ncpus,
                                      .mem_bytes = a->mem_bytes,
                                      .window = WINDOW,
                                      .shares = a->shares,
                                      .has_zstd = al_pack_is_here(),
                                      .cached = {sums.at, sums.nbytes}}};
    agent_send(a, &welcome);
    al_buffer_fini(&sums);
}

/** The texts of hello outlive the frame. */
static void keep_hello(agent *a, const al_hello *hello)
{
    a->hello = *hello;
    al_bytes *const texts[] = {&a->hello.run, &a->hello.cwd, &a->hello.boot, &a->hello.token_path,
                               &a->hello.token};
    al_buffer all = {.at = NULL};
    for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
        (void)al_buffer_append(&all, texts[k]->at, texts[k]->nbytes);
    if (all.failed || !al_buffer_byte(&all, '\0'))
        exit(1);
    const char *at = a->hello_text = all.at;
    for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
        texts[k]->at = at;
        at += texts[k]->nbytes;
    }
}

static void begin(agent *a, const al_hello *hello)
{
    if (a->is_ready || hello->version != AL_FRAME_VERSION)
        agent_fault(a, "the agent speaks version %u, the controller %u", AL_FRAME_VERSION, hello->version);
    keep_hello(a, hello);
    (void)snprintf(a->cwd, sizeof a->cwd, "%.*s", (int)(hello->cwd.nbytes < PATH_MAX ? hello->cwd.nbytes : 0),
                   a->hello.cwd.at);
    a->shares = hello->is_dry != 0 || sees_cwd(a); /* dry: nothing is to be copied */
    if (!agent_open_folders(a))
        agent_fault(a, "no folder for tasks could be made in %s: %s",
                    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp", strerror(errno));
    open_crew(a);
    a->credit = hello->window;
    a->sender.packing.when =
        hello->packing <= AL_PACKING_ALWAYS ? (al_packing_when)hello->packing : AL_PACKING_NEVER;
    a->is_ready = true;
    answer(a);
}

/* ---- messages in ----------------------------------------------------------------------------------------
 */

static void credit_back(agent *a, uint64_t nbytes)
{
    static uint64_t owed;
    owed += nbytes;
    if (owed >= WINDOW / 8) {
        agent_send(a, &(al_message){.kind = AL_MESSAGE_CREDIT, .credit = owed});
        owed = 0;
    }
}

static void hear(agent *a, const al_message *m, const al_bytes *payload)
{
    if (!a->is_ready && m->kind != AL_MESSAGE_HELLO)
        agent_fault(a, "the controller does not begin as it should");
    switch (m->kind) {
    case AL_MESSAGE_HELLO:
        begin(a, &m->hello);
        return;
    case AL_MESSAGE_TASK:
        agent_order(a, payload);
        break;
    case AL_MESSAGE_KILL:
        agent_kill(a, &m->kill);
        return;
    case AL_MESSAGE_FILE:
        agent_file(a, &m->file);
        break;
    case AL_MESSAGE_DATA:
        if (!al_receiver_data(&a->receiver, &m->data))
            agent_fault(a, "the controller sent a damaged piece of a file");
        break;
    case AL_MESSAGE_FILE_END:
        agent_file_end(a, &m->tail);
        return;
    case AL_MESSAGE_BEAT:
        if (m->beat.is_echo == 0)
            agent_send(a, &(al_message){.kind = AL_MESSAGE_BEAT, .beat = {m->beat.stamp, 1}});
        return;
    case AL_MESSAGE_CREDIT:
        a->credit += m->credit;
        return;
    case AL_MESSAGE_BYE:
        a->has_ended = true;
        return;
    default:
        agent_fault(a, "the controller sent a message that is not for agents");
    }
    credit_back(a, payload->nbytes + AL_FRAME_HEAD);
}

static void hear_all(agent *a)
{
    al_frame frame;
    al_message message;
    size_t used, done = 0;
    const char *why;
    al_frame_state state;
    while ((state = al_frame_next((al_bytes){a->read.at + done, a->read.nbytes - done}, &frame, &used,
                                  &why)) == AL_FRAME_WHOLE) {
        if (!al_message_decode(&frame, &message)) {
            why = "a message that makes no sense";
            state = AL_FRAME_BAD;
            break;
        }
        done += used;
        hear(a, &message, &frame.payload);
    }
    if (state == AL_FRAME_BAD)
        agent_fault(a, "the controller sent %s", why);
    if (done > 0) {
        memmove(a->read.at, a->read.at + done, a->read.nbytes - done);
        a->read.nbytes -= done;
    }
}

static void read_input(agent *a)
{
    for (int k = 0; k < 4 && !a->has_ended; k++) {
        char *at = al_buffer_reserve(&a->read, READ_MOST);
        ssize_t n = at != NULL ? read(STDIN_FILENO, at, READ_MOST) : 0;
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            return;
        if (n <= 0) {
            a->has_ended = true;
            return;
        }
        a->read.nbytes += (size_t)n;
        a->heard_ns = al_clock_ns();
        hear_all(a);
        if ((size_t)n < READ_MOST)
            return;
    }
}

/* ---- the loop -------------------------------------------------------------------------------------------
 */

static void hear_signals(agent *a)
{
    struct signalfd_siginfo info[8];
    ssize_t n = read(a->signals, info, sizeof info);
    for (size_t k = 0; n > 0 && k < (size_t)n / sizeof info[0]; k++)
        if (info[k].ssi_signo != SIGCHLD)
            a->has_ended = true;
}

static int watch(const agent *a, int fd, uint32_t events, uint64_t about)
{
    struct epoll_event event = {.events = events, .data.u64 = about};
    return epoll_ctl(a->epoll, EPOLL_CTL_ADD, fd, &event);
}

static bool open_descriptors(agent *a)
{
    static const int heard[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP};
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t k = 0; k < sizeof heard / sizeof heard[0]; k++)
        (void)sigaddset(&set, heard[k]);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    a->epoll = epoll_create1(EPOLL_CLOEXEC);
    a->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    a->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    /* Standard streams may be anything that ssh, srun or a person gave us: what epoll does not take (a file)
     * is always ready. */
    return a->epoll >= 0 && a->signals >= 0 && a->null >= 0 &&
           fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK) == 0 && fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK) == 0 &&
           watch(a, STDIN_FILENO, EPOLLIN, ABOUT_INPUT) == 0 &&
           watch(a, a->signals, EPOLLIN, ABOUT_SIGNALS) == 0;
}

/** The pipe is watched while it is full. */
static void watch_output(agent *a)
{
    static bool is_watched;
    bool wanted = al_outbox_pending(&a->out) > 0;
    if (wanted == is_watched)
        return;
    struct epoll_event event = {.events = EPOLLOUT, .data.u64 = ABOUT_OUTPUT};
    int copy = STDOUT_FILENO;
    (void)epoll_ctl(a->epoll, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, copy, &event);
    is_watched = wanted;
}

static void wait_for_events(agent *a, uint64_t due_ns)
{
    struct epoll_event events[NEVENTS];
    uint64_t now_ns = al_clock_ns();
    uint64_t ms = due_ns <= now_ns ? 0 : (due_ns - now_ns + 999999) / 1000000;
    int n = epoll_wait(a->epoll, events, NEVENTS, ms < 60000 ? (int)ms : 60000);
    for (int k = 0; k < n; k++) {
        uint64_t about = events[k].data.u64;
        if (about == ABOUT_SIGNALS)
            hear_signals(a);
        else if (about == ABOUT_INPUT)
            read_input(a);
        else if (about != ABOUT_OUTPUT)
            al_crew_hear(&a->crew, (uint32_t)about);
    }
}

static uint64_t least(uint64_t x, uint64_t y)
{
    return x < y ? x : y;
}

/** @return when next */
static uint64_t work(agent *a)
{
    uint64_t now_ns = al_clock_ns();
    al_crew_reap(&a->crew, now_ns);
    (void)agent_end_pretended(a, now_ns); /* their places are free for others, */
    agent_start(a);
    uint64_t due_ns = agent_end_pretended(a, now_ns); /* which have their times, too */
    due_ns = least(due_ns, agent_pump(a, al_clock_ns()));
    due_ns = least(due_ns, al_crew_weigh(&a->crew, now_ns));
    due_ns = least(due_ns, al_crew_grow_up(&a->crew, now_ns));
    return least(due_ns, al_crew_linger(&a->crew, now_ns));
}

static void run(agent *a)
{
    uint64_t silence_ns = UINT64_C(120000000000); /* until the controller says something else */
    a->heard_ns = al_clock_ns();
    while (!a->has_ended) {
        uint64_t due_ns = a->is_ready ? work(a) : UINT64_MAX;
        if (a->is_ready)
            silence_ns = a->hello.lost_ms * UINT64_C(1000000);
        flush(a);
        watch_output(a);
        if (a->sending != NULL && a->credit > 0 && al_outbox_pending(&a->out) == 0)
            due_ns = 0; /* the pipe took all: there is more for it */
        due_ns = least(due_ns, a->heard_ns + silence_ns);
        wait_for_events(a, due_ns);
        if (al_clock_ns() >= a->heard_ns + silence_ns)
            break;
    }
    end_tasks(a);
}

int main(int argc, char **argv)
{
    static agent a = {.receiver = {.folder = -1, .fd = -1}, .sender = {.fd = -1}};
    if (argc > 1 && strcmp(argv[1], "--relay") == 0)
        return agent_relay(argv + 2, argc - 2);
    if (argc > 1) {
        printf("allot-agent, frames of version %u\n", AL_FRAME_VERSION);
        return strcmp(argv[1], "--version") == 0 ? 0 : 2;
    }
    if (!open_descriptors(&a)) {
        fprintf(stderr,
                "allot-agent: started by allot, not by hand: standard input and output must be pipes\n");
        return 1;
    }
    run(&a);
    return 0;
}
