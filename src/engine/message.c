/* message.c - see message.h. Each kind's layout is written down once, in a function that goes through its
 * fields for both encoding and decoding.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/message.h"

#include <string.h>

/** Either appends to out or reads from in. */
typedef struct codec {
    al_buffer *out;
    al_fields *in;
} codec;

static void u8(const codec *c, uint8_t *value)
{
    if (c->out != NULL)
        al_put_u8(c->out, *value);
    else
        *value = al_get_u8(c->in);
}

static void u32(const codec *c, uint32_t *value)
{
    if (c->out != NULL)
        al_put_u32(c->out, *value);
    else
        *value = al_get_u32(c->in);
}

static void u64(const codec *c, uint64_t *value)
{
    if (c->out != NULL)
        al_put_u64(c->out, *value);
    else
        *value = al_get_u64(c->in);
}

static void bytes(const codec *c, al_bytes *value)
{
    if (c->out != NULL)
        al_put_bytes(c->out, *value);
    else
        *value = al_get_bytes(c->in);
}

static void sum(const codec *c, al_sum *value)
{
    u64(c, &value->low);
    u64(c, &value->high);
}

static void hello(const codec *c, al_hello *m)
{
    u32(c, &m->version);
    bytes(c, &m->run);
    bytes(c, &m->cwd);
    bytes(c, &m->boot);
    u64(c, &m->device);
    u64(c, &m->inode);
    bytes(c, &m->token_path);
    bytes(c, &m->token);
    u32(c, &m->nslots);
    u32(c, &m->per_mille);
    u32(c, &m->nmore);
    u32(c, &m->lost_ms);
    u32(c, &m->linger_ms);
    u32(c, &m->kill_after_ms);
    u32(c, &m->nice);
    u64(c, &m->window);
    u8(c, &m->is_live);
    u8(c, &m->is_dry);
    u64(c, &m->dry_ns);
    u64(c, &m->dry_mem_bytes);
    u8(c, &m->packing);
}

static void welcome(const codec *c, al_welcome *m)
{
    u32(c, &m->version);
    sum(c, &m->self);
    bytes(c, &m->host);
    u32(c, &m->uid);
    u32(c, &m->nslots);
    u32(c, &m->ncpus);
    u64(c, &m->mem_bytes);
    u64(c, &m->window);
    u8(c, &m->shares);
    u8(c, &m->has_zstd);
    bytes(c, &m->cached);
}

static void order(const codec *c, al_task_order *m)
{
    u64(c, &m->task);
    u32(c, &m->attempt);
    u32(c, &m->cpus_milli);
    u32(c, &m->gpus);
    u64(c, &m->mem_bytes);
    u64(c, &m->mem_most);
    u32(c, &m->argc);
    bytes(c, &m->argv);
    u32(c, &m->nenv);
    bytes(c, &m->env);
    bytes(c, &m->cwd);
    u8(c, &m->has_stdin);
    bytes(c, &m->in);
    bytes(c, &m->cached);
    bytes(c, &m->outputs);
}

static void end(const codec *c, al_task_end *m)
{
    u64(c, &m->task);
    u32(c, &m->attempt);
    u8(c, &m->cause);
    u32(c, &m->exit_status);
    u32(c, &m->signal);
    u32(c, &m->slot);
    u64(c, &m->wall_us);
    u64(c, &m->user_us);
    u64(c, &m->sys_us);
    u64(c, &m->mem_kb);
    u64(c, &m->nout);
    u64(c, &m->nerr);
    bytes(c, &m->out);
    bytes(c, &m->err);
}

static void file(const codec *c, al_file_head *m)
{
    u64(c, &m->task);
    u32(c, &m->index);
    u8(c, &m->type);
    u32(c, &m->mode);
    u64(c, &m->nbytes);
    sum(c, &m->sum);
    bytes(c, &m->path);
    bytes(c, &m->target);
}

static void fields_of(const codec *c, al_message *m)
{
    switch (m->kind) {
    case AL_MESSAGE_HELLO:
        hello(c, &m->hello);
        return;
    case AL_MESSAGE_WELCOME:
        welcome(c, &m->welcome);
        return;
    case AL_MESSAGE_TASK:
        order(c, &m->order);
        return;
    case AL_MESSAGE_KILL:
        u64(c, &m->kill.task);
        u8(c, &m->kill.hard);
        return;
    case AL_MESSAGE_STARTED:
        u64(c, &m->started);
        return;
    case AL_MESSAGE_OUTPUT:
        u64(c, &m->piece.task);
        u8(c, &m->piece.is_err);
        bytes(c, &m->piece.bytes);
        return;
    case AL_MESSAGE_RESULT:
        end(c, &m->end);
        return;
    case AL_MESSAGE_FILE:
        file(c, &m->file);
        return;
    case AL_MESSAGE_DATA:
        u32(c, &m->data.nbytes);
        u8(c, &m->data.is_zstd);
        bytes(c, &m->data.bytes);
        return;
    case AL_MESSAGE_FILE_END:
        sum(c, &m->tail.sum);
        bytes(c, &m->tail.fault);
        return;
    case AL_MESSAGE_BEAT:
        u64(c, &m->beat.stamp);
        u8(c, &m->beat.is_echo);
        return;
    case AL_MESSAGE_CREDIT:
        u64(c, &m->credit);
        return;
    case AL_MESSAGE_FAULT:
        bytes(c, &m->fault);
        return;
    case AL_MESSAGE_BYE:
    case AL_MESSAGE_NONE:
    case AL_MESSAGE_NKINDS:
        return;
    }
}

void al_message_encode(al_buffer *out, const al_message *message)
{
    al_message copy = *message; /* which encoding leaves alone, but decoding does not */
    size_t mark = al_frame_begin(out, (uint8_t)message->kind);
    fields_of(&(codec){.out = out}, &copy);
    al_frame_end(out, mark);
}

size_t al_message_begin_data(al_buffer *out)
{
    size_t mark = al_frame_begin(out, AL_MESSAGE_DATA);
    fields_of(&(codec){.out = out}, &(al_message){.kind = AL_MESSAGE_DATA});
    return mark;
}

void al_message_end_data(al_buffer *out, size_t mark, uint32_t nbytes, bool is_zstd)
{
    if (out->failed)
        return;
    char *head = out->at + mark + AL_FRAME_HEAD; /* size, is_zstd, length: as fields_of() has them */
    al_set_u32(head, nbytes);
    head[4] = (char)is_zstd;
    al_set_u32(head + 5, (uint32_t)(out->nbytes - mark - AL_FRAME_HEAD - 9));
    al_frame_end(out, mark);
}

bool al_message_decode(const al_frame *frame, al_message *message)
{
    al_fields fields = {.rest = frame->payload};
    message->kind = (al_message_kind)frame->kind;
    fields_of(&(codec){.in = &fields}, message);
    return !fields.is_bad && fields.rest.nbytes == 0;
}

void al_cached_input_encode(al_buffer *out, const al_cached_input *input)
{
    al_put_u64(out, input->sum.low);
    al_put_u64(out, input->sum.high);
    al_put_u32(out, input->mode);
    al_put_bytes(out, input->path);
}

bool al_cached_input_next(al_fields *rest, al_cached_input *input)
{
    if (rest->rest.nbytes == 0 || rest->is_bad)
        return false;
    input->sum.low = al_get_u64(rest);
    input->sum.high = al_get_u64(rest);
    input->mode = al_get_u32(rest);
    input->path = al_get_bytes(rest);
    return !rest->is_bad;
}

bool al_path_is_below(al_bytes path)
{
    const char *at = path.at, *past = path.at + path.nbytes;
    if (path.nbytes == 0 || memchr(path.at, '\0', path.nbytes) != NULL)
        return false;
    for (;;) {
        const char *slash = memchr(at, '/', (size_t)(past - at));
        size_t part = (size_t)((slash != NULL ? slash : past) - at);
        if (part == 0 || (part == 1 && at[0] == '.') || (part == 2 && at[0] == '.' && at[1] == '.'))
            return false;
        if (slash == NULL)
            return true;
        at = slash + 1;
    }
}
