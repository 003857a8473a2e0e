/* test_frame.c - frames and messages: what goes in comes out; what is damaged, cut short or hostile does not.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "engine/message.h"

static al_bytes text(const char *at)
{
    return (al_bytes){at, strlen(at)};
}

static void same(al_bytes a, al_bytes b)
{
    assert_int_equal(a.nbytes, b.nbytes);
    assert_memory_equal(a.at, b.at, a.nbytes);
}

/** Through a frame and back. */
static al_message there_and_back(const al_message *message, al_buffer *out)
{
    al_frame frame;
    al_message back;
    size_t used;
    const char *why;
    al_message_encode(out, message);
    assert_int_equal(al_frame_next((al_bytes){out->at, out->nbytes}, &frame, &used, &why), AL_FRAME_WHOLE);
    assert_int_equal(used, out->nbytes);
    assert_true(al_message_decode(&frame, &back));
    assert_int_equal(back.kind, message->kind);
    return back;
}

static void test_messages(void **state)
{
    (void)state;
    al_buffer out = {.at = NULL};
    al_message hello = {.kind = AL_MESSAGE_HELLO,
                        .hello = {.version = AL_FRAME_VERSION,
                                  .run = text("r"),
                                  .cwd = text("/a b"),
                                  .device = UINT64_MAX,
                                  .token = text(""),
                                  .per_mille = 500,
                                  .nmore = (uint32_t)-2,
                                  .nice = (uint32_t)-3,
                                  .window = 1u << 25,
                                  .is_live = 1,
                                  .dry_ns = UINT64_MAX - 1}};
    al_message back = there_and_back(&hello, &out);
    same(back.hello.cwd, hello.hello.cwd);
    assert_int_equal(back.hello.device, UINT64_MAX);
    assert_int_equal((int32_t)back.hello.nice, -3);
    assert_int_equal((int32_t)back.hello.nmore, -2);
    assert_int_equal(back.hello.per_mille, 500);
    assert_int_equal(back.hello.dry_ns, UINT64_MAX - 1);
    al_buffer_clear(&out);
    al_message order = {
        .kind = AL_MESSAGE_TASK,
        .order = {.task = 7, .argc = 2, .argv = {"a\0b", 4}, .in = {"\0\n", 2}, .has_stdin = 1}};
    back = there_and_back(&order, &out);
    same(back.order.argv, order.order.argv);
    same(back.order.in, order.order.in);
    al_buffer_clear(&out);
    al_message end = {
        .kind = AL_MESSAGE_RESULT,
        .end = {.task = 9, .cause = 2, .signal = 11, .wall_us = 1, .nerr = 3, .err = text("err")}};
    back = there_and_back(&end, &out);
    assert_int_equal(back.end.signal, 11);
    same(back.end.err, text("err"));
    al_buffer_fini(&out);
}

/** Each byte of a frame matters: changed, the frame is bad, or a length that asks for more. */
static void test_damage(void **state)
{
    (void)state;
    al_buffer out = {.at = NULL};
    al_message piece = {.kind = AL_MESSAGE_OUTPUT, .piece = {.task = 3, .bytes = text("hello, world")}};
    al_frame frame;
    size_t used;
    const char *why;
    al_message_encode(&out, &piece);
    for (size_t k = 0; k < out.nbytes; k++) {
        out.at[k] ^= 0x15;
        assert_int_not_equal(al_frame_next((al_bytes){out.at, out.nbytes}, &frame, &used, &why),
                             AL_FRAME_WHOLE);
        out.at[k] ^= 0x15;
    }
    for (size_t n = 0; n < out.nbytes; n++)
        assert_int_equal(al_frame_next((al_bytes){out.at, n}, &frame, &used, &why), AL_FRAME_PART);
    al_buffer_fini(&out);
}

/** A payload that is too short or too long for its kind is no message, though its frame is whole. */
static void test_wrong_length(void **state)
{
    (void)state;
    for (uint8_t kind = 1; kind < AL_MESSAGE_NKINDS; kind++) {
        al_buffer out = {.at = NULL};
        al_frame frame;
        al_message message;
        size_t used, mark = al_frame_begin(&out, kind);
        const char *why;
        for (int k = 0; k < 3; k++)
            al_put_u8(&out, 0xff);
        al_frame_end(&out, mark);
        assert_int_equal(al_frame_next((al_bytes){out.at, out.nbytes}, &frame, &used, &why), AL_FRAME_WHOLE);
        assert_false(al_message_decode(&frame, &message));
        al_buffer_fini(&out);
    }
}

static void test_too_long(void **state)
{
    (void)state;
    static const char head[AL_FRAME_HEAD] = {0, 0, 0x20, 0, AL_MESSAGE_DATA};
    al_frame frame;
    size_t used;
    const char *why;
    assert_int_equal(al_frame_next((al_bytes){head, sizeof head}, &frame, &used, &why), AL_FRAME_BAD);
    assert_non_null(strstr(why, "too long"));
}

static void test_cached_inputs(void **state)
{
    (void)state;
    al_buffer row = {.at = NULL};
    al_cached_input a = {.sum = {1, 2}, .mode = 0640, .path = text("a/b")}, b = {.path = text("c")}, got;
    al_cached_input_encode(&row, &a);
    al_cached_input_encode(&row, &b);
    al_fields rest = {.rest = {row.at, row.nbytes}};
    assert_true(al_cached_input_next(&rest, &got));
    assert_int_equal(got.sum.high, 2);
    same(got.path, a.path);
    assert_true(al_cached_input_next(&rest, &got));
    assert_false(al_cached_input_next(&rest, &got));
    assert_false(rest.is_bad);
    rest = (al_fields){.rest = {row.at, row.nbytes - 1}};
    assert_true(al_cached_input_next(&rest, &got));
    assert_false(al_cached_input_next(&rest, &got));
    assert_true(rest.is_bad);
    al_buffer_fini(&row);
}

static void test_paths(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "a/b", ".a", "a/..b", "...", "a b/\n", "-"};
    static const char *const bad[] = {"",     "/",      "/a",   "..", ".",   "a/..",
                                      "../a", "a/../b", "a//b", "a/", "./a", "a/./b"};
    for (size_t k = 0; k < sizeof good / sizeof good[0]; k++)
        assert_true(al_path_is_below(text(good[k])));
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++)
        assert_false(al_path_is_below(text(bad[k])));
    assert_false(al_path_is_below((al_bytes){"a\0b", 3}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_messages),      cmocka_unit_test(test_damage),
                                       cmocka_unit_test(test_wrong_length),  cmocka_unit_test(test_too_long),
                                       cmocka_unit_test(test_cached_inputs), cmocka_unit_test(test_paths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
