/* test_transfer.c - files as frames: what is read at one end is written at the other, packed or not; what is
 * damaged on purpose writes nothing that it should not, and is told from what merely went wrong.
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
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/file_transfer.h"

static char folder[] = "/tmp/test-transfer-XXXXXX";
static int root;

static int make_folder(void **state)
{
    *state = NULL;
    root = mkdtemp(folder) != NULL ? open(folder, O_RDONLY | O_DIRECTORY) : -1;
    return root >= 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)close(root);
    al_folder_remove(folder);
    return 0;
}

/** Bytes that become shorter, or that do not. */
static char *content(size_t nbytes, bool is_text)
{
    char *at = malloc(nbytes + 1);
    uint64_t x = 88172645463325252u;
    assert_non_null(at);
    for (size_t k = 0; k < nbytes; k++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        at[k] = (char)(is_text ? "allot farm\n"[x % 11 * (k % 3 == 0)] : (char)(x >> 24));
    }
    return at;
}

static int file_of(const char *bytes, size_t nbytes)
{
    int fd = openat(root, "from", O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, nbytes), nbytes);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void same_file(const char *name, const char *bytes, size_t nbytes)
{
    char *got = malloc(nbytes + 1);
    int fd = openat(root, name, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, got, nbytes + 1), nbytes);
    assert_memory_equal(got, bytes, nbytes);
    (void)close(fd);
    free(got);
}

/** Send a file whole into an outbox. @return bytes of its frames */
static size_t send_all(al_sender *sender, int fd, size_t nbytes, al_outbox *out)
{
    assert_true(al_sender_begin(sender, fd, nbytes));
    while (sender->fd >= 0)
        assert_true(al_sender_next(sender, out));
    assert_false(out->bytes.failed);
    return out->bytes.nbytes;
}

/** Hear all frames. */
static void receive_all(al_receiver *receiver, const al_outbox *out)
{
    al_bytes rest = {out->bytes.at, out->bytes.nbytes};
    al_frame frame;
    al_message message = {.kind = AL_MESSAGE_NONE};
    size_t used;
    const char *why;
    al_sum sum;
    while (al_frame_next(rest, &frame, &used, &why) == AL_FRAME_WHOLE) {
        assert_true(al_message_decode(&frame, &message));
        if (message.kind == AL_MESSAGE_DATA)
            assert_true(al_receiver_data(receiver, &message.data));
        rest = (al_bytes){rest.at + used, rest.nbytes - used};
    }
    assert_int_equal(rest.nbytes, 0);
    assert_int_equal(message.kind, AL_MESSAGE_FILE_END);
    assert_true(al_receiver_end(receiver, &message.tail, &sum));
    assert_int_equal(al_receiver_name(receiver), 0);
}

static void test_there_and_back(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 1000, (256u << 10) - 1, 256u << 10, (256u << 10) + 1, 3000000};
    al_sender senders[2] = {{.fd = -1}, {.fd = -1, .packing = {.when = AL_PACKING_ALWAYS}}};
    al_receiver receiver = {.folder = -1, .fd = -1};
    for (size_t k = 0; k < 4 * sizeof sizes / sizeof sizes[0]; k++) {
        size_t nbytes = sizes[k / 4];
        bool is_text = k % 2 == 1, packs = k / 2 % 2 == 1;
        al_outbox out = {.bytes = {.at = NULL}};
        char *bytes = content(nbytes, is_text);
        size_t nframes = send_all(&senders[packs], file_of(bytes, nbytes), nbytes, &out);
        al_receiver_begin(&receiver, root, (al_bytes){"to", 2}, nbytes, 0600);
        receive_all(&receiver, &out);
        same_file("to", bytes, nbytes);
        if (nbytes >= 1000 && is_text && packs)
            assert_true(nframes < nbytes * 3 / 4);
        assert_true(nframes < nbytes + 25 * (nbytes / AL_TRANSFER_CHUNK + 1) + 36 + 1);
        al_buffer_fini(&out.bytes);
        free(bytes);
    }
    al_sender_fini(&senders[0]);
    al_sender_fini(&senders[1]);
    al_receiver_fini(&receiver);
}

/** A file that becomes shorter ends with the reason, and leaves no half of a frame behind. */
static void test_shorter(void **state)
{
    (void)state;
    al_sender sender = {.fd = -1};
    al_outbox out = {.bytes = {.at = NULL}};
    al_frame frame;
    al_message message;
    size_t used;
    const char *why;
    char *bytes = content(1000, true);
    assert_true(al_sender_begin(&sender, file_of(bytes, 1000), 2000));
    assert_true(al_sender_next(&sender, &out));
    size_t first = out.bytes.nbytes;
    assert_false(al_sender_next(&sender, &out));
    assert_int_equal(sender.fd, -1);
    al_bytes rest = {out.bytes.at + first, out.bytes.nbytes - first};
    assert_int_equal(al_frame_next(rest, &frame, &used, &why), AL_FRAME_WHOLE);
    assert_int_equal(used, rest.nbytes);
    assert_true(al_message_decode(&frame, &message));
    assert_int_equal(message.kind, AL_MESSAGE_FILE_END);
    assert_true(message.tail.fault.nbytes > 0);
    al_buffer_fini(&out.bytes);
    al_sender_fini(&sender);
    free(bytes);
}

/** Pieces that no sender of ours makes. */
static void test_nonsense(void **state)
{
    (void)state;
    enum { LARGE = 200000 };
    static char packed[LARGE], zeros[LARGE];
    al_packer packer = {NULL, NULL};
    if (!al_pack_is_here())
        skip();
    size_t npacked = al_pack(&packer, zeros, sizeof zeros, packed, sizeof packed);
    assert_in_range(npacked, 1, 1000);
    const al_file_data bad[] = {
        {10, 1, {packed, npacked}},                         /* a bomb: it becomes more than it says, */
        {LARGE + 1, 1, {packed, npacked}},                  /* or less */
        {LARGE, 1, {packed, npacked - 1}},                  /* cut off */
        {LARGE, 1, {zeros, 100}},                           /* nothing of the kind */
        {LARGE, 1, {"", 0}},                                /* nothing */
        {LARGE, 2, {packed, npacked}},                      /* an unknown kind */
        {AL_TRANSFER_CHUNK + 1, 1, {packed, npacked}},      /* longer than pieces are */
        {UINT32_MAX, 1, {packed, npacked}},                 /* much longer */
        {LARGE, 0, {packed, npacked}},                      /* not as long as it says */
        {AL_TRANSFER_CHUNK + 1, 0, {zeros, sizeof zeros}}}; /* plain, and longer than pieces are */
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        al_receiver receiver = {.folder = -1, .fd = -1};
        al_receiver_begin(&receiver, root, (al_bytes){"bad", 3}, UINT64_C(1) << 40, 0600);
        assert_false(al_receiver_data(&receiver, &bad[k]));
        assert_int_equal(receiver.nbytes, 0);
        al_receiver_fini(&receiver);
    }
    struct stat st;
    assert_int_equal(fstatat(root, "bad", &st, 0), -1);
    /* What is right, but more than the file: the file's fault, not the line's; nothing of it is unpacked. */
    al_receiver receiver = {.folder = -1, .fd = -1};
    al_file_tail tail = {.fault = {"", 0}};
    al_sum sum;
    al_receiver_begin(&receiver, root, (al_bytes){"bad", 3}, 100, 0600);
    assert_true(al_receiver_data(&receiver, &(al_file_data){LARGE, 1, {packed, npacked}}));
    assert_int_equal(receiver.nbytes, 0);
    assert_false(al_receiver_end(&receiver, &tail, &sum));
    al_receiver_fini(&receiver);
    al_packer_fini(&packer);
}

/** A pipe that takes little at a time gets every byte, in order, and little is kept. */
static void test_outbox(void **state)
{
    (void)state;
    int ends[2];
    al_outbox out = {.bytes = {.at = NULL}};
    unsigned char next_in = 0, next_out = 0, piece[3001], got[2500];
    size_t heard = 0;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    while (heard < 3000000) { /* less is read at a time than comes, so that something always waits */
        if (al_outbox_pending(&out) < 100000) {
            for (size_t k = 0; k < sizeof piece; k++)
                piece[k] = next_in++;
            assert_true(al_buffer_append(&out.bytes, piece, sizeof piece));
        }
        assert_true(al_outbox_write(&out, ends[1]));
        ssize_t n = read(ends[0], got, sizeof got);
        assert_true(n > 0);
        for (ssize_t k = 0; k < n; k++)
            assert_int_equal(got[k], next_out++);
        heard += (size_t)n;
    }
    assert_true(al_outbox_pending(&out) > 90000);
    assert_true(out.bytes.room <= 512u << 10);
    assert_int_equal(out.nsent >= heard, true);
    (void)close(ends[0]);
    assert_true(al_buffer_append(&out.bytes, piece, sizeof piece));
    (void)signal(SIGPIPE, SIG_IGN);
    assert_false(al_outbox_write(&out, ends[1]));
    (void)close(ends[1]);
    al_buffer_fini(&out.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_shorter),
                                       cmocka_unit_test(test_nonsense), cmocka_unit_test(test_outbox)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
