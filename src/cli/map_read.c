/* map_read.c - from a descriptor to blocks of whole lines, or of whole items.
 *
 * A block is handed on when it is full. When the input pauses (a pipe whose writer is slow, a terminal) and
 * the loops have nothing to do, the whole lines that have come so far are handed on at once, so that
 * `tail -f log | allot map ...` answers line by line; while the loops are busy anyway, waiting a moment
 * longer makes a larger block, which is cheaper by the item.
 *
 * The reader also cuts text into pieces at line ends and counts the lines of each: that gives every piece a
 * place of its own in the block's values, so that all of them can be parsed at once.
 *
 * Invariant: what lies in `rest` comes before everything that is still to be read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_read.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"

/** A thread's share of parsing before it looks for more: some 2,000 numbers, 40 us. */
#define PIECE_NBYTES ((size_t)16 << 10)
/** No line of numbers is longer; without a bound, a file without newlines would be read whole. */
#define LINE_NBYTES_MAX ((size_t)64 << 20)
/** How long to wait for more while the loops are busy. */
#define BUSY_WAIT_MS 1

typedef enum arrival { ARRIVED, PAUSED, STOPPED } arrival;

/** Wait for input. PAUSED: none now, and what there is should be handed on. */
static arrival wait_input(const al_reader *reader, bool has_something)
{
    struct pollfd fds[2] = {{.fd = reader->input->fd, .events = POLLIN},
                            {.fd = reader->stop_fd, .events = POLLIN}};
    for (;;) {
        bool hungry = has_something && al_ring_is_hungry(reader->ring);
        int n = poll(fds, 2, !has_something ? -1 : hungry ? 0 : BUSY_WAIT_MS);
        if (n > 0)
            return fds[1].revents != 0 ? STOPPED : ARRIVED;
        if (n == 0 && hungry)
            return PAUSED;
        if (n < 0 && errno != EINTR)
            return ARRIVED; /* read() will say what is wrong */
    }
}

/** Read once. @return false: stop here, with reader->code set unless the ring was stopped */
static bool read_some(al_reader *reader, char *place, size_t room, size_t *nread)
{
    ssize_t n;
    do
        n = read(reader->input->fd, place, room);
    while (n < 0 && (errno == EINTR || errno == EAGAIN));
    if (n < 0) {
        reader->code = al_fail(&reader->err, ALLOT_EIO, errno, "%s cannot be read", reader->input->name);
        return false;
    }
    reader->at_end = n == 0;
    *nread = (size_t)n;
    atomic_fetch_add_explicit(reader->nbytes, (uint64_t)n, memory_order_relaxed);
    return true;
}

static bool no_memory(al_reader *reader)
{
    reader->code =
        al_fail(&reader->err, ALLOT_ENOMEM, 0, "out of memory while reading %s", reader->input->name);
    return false;
}

/** Bytes of [text, text + n) that may be handed on: whole lines, or whole items. */
static size_t whole(const al_reader *reader, const char *bytes, size_t n)
{
    if (reader->input->kind == AL_INPUT_TEXT)
        return al_text_whole_lines(bytes, n);
    return n - n % al_type_nbytes(reader->input->npy.type);
}

/** A block without one whole line is full: make it larger. */
static bool make_room(al_reader *reader, al_map_block *block)
{
    if (block->bytes.room >= LINE_NBYTES_MAX) {
        reader->code =
            al_fail(&reader->err, ALLOT_EFORMAT, 0,
                    "%s:%llu: the line is longer than %zu MB; this is not a text of numbers, one item a line",
                    reader->input->name, (unsigned long long)reader->nlines + 1, LINE_NBYTES_MAX >> 20);
        return false;
    }
    return al_room_grow(&block->bytes, block->bytes.room * 2) || no_memory(reader);
}

/** Keep what follows the whole part for the next block. */
static bool keep_rest(al_reader *reader, const char *bytes, size_t nbytes)
{
    if (!al_room_reserve(&reader->rest, nbytes > 0 ? nbytes : 1))
        return no_memory(reader);
    memcpy(reader->rest.bytes, bytes, nbytes);
    reader->nrest = nbytes;
    return true;
}

/** Fill the block's bytes with whole lines or items. @return false: stop here */
static bool fill_bytes(al_reader *reader, al_map_block *block)
{
    size_t n = reader->nrest;
    size_t room = n > reader->block_nbytes ? n : reader->block_nbytes;
    if (!al_room_reserve(&block->bytes, room))
        return no_memory(reader);
    char *bytes = block->bytes.bytes;
    memcpy(bytes, reader->rest.bytes != NULL ? reader->rest.bytes : "", n);
    reader->nrest = 0;
    size_t nwhole = whole(reader, bytes, n);
    while (!reader->at_end) {
        if (n == block->bytes.room) {
            if (nwhole > 0)
                break;
            if (!make_room(reader, block))
                return false;
            bytes = block->bytes.bytes;
        }
        if (!reader->input->is_regular) {
            arrival what = wait_input(reader, nwhole > 0);
            if (what == STOPPED)
                return false;
            if (what == PAUSED)
                break;
        }
        size_t nread = 0;
        if (!read_some(reader, bytes + n, block->bytes.room - n, &nread))
            return false;
        size_t added = whole(reader, bytes + n, nread);
        if (reader->input->kind != AL_INPUT_TEXT)
            nwhole = whole(reader, bytes, n + nread);
        else if (added > 0)
            nwhole = n + added;
        n += nread;
    }
    if (reader->at_end && reader->input->kind == AL_INPUT_TEXT)
        nwhole = n; /* the last line may lack its newline */
    block->nbytes = nwhole;
    return keep_rest(reader, bytes + nwhole, n - nwhole);
}

/** The field of a header line that begins at *text, without quotes; moves *text past its separator. */
static size_t next_field(char separator, const char **text, const char *end, const char **field)
{
    const char *at = *text;
    if (separator == ' ')
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
    bool quoted = at < end && *at == '"' && separator != ' ';
    *field = at + quoted;
    const char *stop = *field;
    while (stop < end && (quoted             ? *stop != '"'
                          : separator == ' ' ? *stop != ' ' && *stop != '\t'
                                             : *stop != separator))
        stop++;
    size_t length = (size_t)(stop - *field);
    while (stop < end && *stop != separator)
        stop++;
    *text = stop < end ? stop + 1 : end;
    while (!quoted && length > 0 && (*field)[length - 1] == ' ')
        length--;
    return length;
}

/** Find the column that the header calls by name. */
static bool find_column(al_reader *reader, const char *line, size_t nbytes)
{
    al_map_input *input = reader->input;
    const char *end = line + nbytes;
    while (end > line && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    if (end - line >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
        line += 3; /* a byte-order mark */
    const char *at = line;
    for (uint32_t column = 0; at < end; column++) {
        const char *field;
        size_t length = next_field(input->format.separator, &at, end, &field);
        if (length == strlen(input->column_name) && memcmp(field, input->column_name, length) == 0) {
            input->format.column = column;
            return true;
        }
    }
    int shown = end - line > 200 ? 200 : (int)(end - line);
    reader->code = al_fail(&reader->err, ALLOT_ENOTFOUND, 0,
                           "%s:1: no column is called '%s'; the header reads: %.*s (is --delimiter right?)",
                           input->name, input->column_name, shown, line);
    return false;
}

/** Take the header line off the first block. @return the bytes it takes, SIZE_MAX to stop */
static size_t take_header(al_reader *reader, const char *bytes, size_t nbytes)
{
    if (reader->header_done || !reader->input->has_header || nbytes == 0)
        return 0;
    reader->header_done = true;
    size_t nheader = al_text_line_end(bytes, nbytes, 0);
    if (reader->input->column_name != NULL && !find_column(reader, bytes, nheader))
        return SIZE_MAX;
    return nheader;
}

/** Cut the block's text into pieces of whole lines. */
static bool cut_text(al_reader *reader, al_map_block *block)
{
    const char *bytes = block->bytes.bytes;
    size_t at = take_header(reader, bytes, block->nbytes);
    if (at == SIZE_MAX)
        return false;
    if (!al_room_reserve(&block->pieces, (block->nbytes / PIECE_NBYTES + 1) * sizeof(al_text_piece)))
        return no_memory(reader);
    al_text_piece *pieces = block->pieces.bytes;
    uint64_t nlines = at > 0, nvalues = 0;
    block->first_line = reader->nlines;
    block->npieces = 0;
    while (at < block->nbytes) {
        size_t aim = at + PIECE_NBYTES < block->nbytes ? at + PIECE_NBYTES - 1 : block->nbytes - 1;
        size_t end = al_text_line_end(bytes, block->nbytes, aim);
        uint64_t count = al_text_count_lines(bytes + at, end - at);
        pieces[block->npieces++] =
            (al_text_piece){.offset = at, .nbytes = end - at, .first_line = nlines, .first_value = nvalues};
        nlines += count;
        nvalues += count;
        at = end;
    }
    block->nitems = nvalues; /* at most: blank lines hold none */
    reader->nlines += nlines;
    return true;
}

/** Raw items: no more than the header promises; no fewer either. */
static bool cut_items(al_reader *reader, al_map_block *block)
{
    const al_npy *npy = &reader->input->npy;
    uint64_t left = npy->nitems - reader->nraw_items;
    uint64_t count = block->nbytes / al_type_nbytes(npy->type);
    block->nitems = count < left ? count : left;
    reader->nraw_items += block->nitems;
    if (reader->at_end && reader->nraw_items < npy->nitems) {
        reader->code = al_fail(&reader->err, ALLOT_EFORMAT, 0,
                               "%s was cut short: it ends after %llu of the %llu items its header promises",
                               reader->input->name, (unsigned long long)reader->nraw_items,
                               (unsigned long long)npy->nitems);
    }
    reader->at_end = reader->at_end || reader->nraw_items == npy->nitems;
    return true;
}

static void *read_blocks(void *arg)
{
    al_reader *reader = arg;
    while (!reader->at_end) {
        al_map_block *block = al_ring_free(reader->ring);
        if (block == NULL || !fill_bytes(reader, block))
            break;
        block->input = reader->input;
        bool is_text = reader->input->kind == AL_INPUT_TEXT;
        if (!(is_text ? cut_text(reader, block) : cut_items(reader, block)))
            break;
        if (block->nitems > 0)
            al_ring_filled(reader->ring);
    }
    al_ring_end(reader->ring);
    return NULL;
}

allot_err al_reader_start(al_reader *reader, allot_error *err)
{
    al_map_input *input = reader->input;
    reader->code = ALLOT_OK;
    reader->header_done = false;
    reader->nlines = 0;
    reader->nraw_items = 0;
    reader->at_end = input->kind == AL_INPUT_NPY && input->npy.nitems == 0;
    if (!al_room_reserve(&reader->rest, AL_INPUT_SNIFF_MAX))
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    memcpy(reader->rest.bytes, input->sniffed, sizeof input->sniffed);
    reader->nrest = input->nsniffed;
    int failed = pthread_create(&reader->thread, NULL, read_blocks, reader);
    if (failed != 0) {
        al_room_free(&reader->rest);
        return al_fail(err, ALLOT_ENOMEM, failed, "a thread to read %s cannot be made", input->name);
    }
    return ALLOT_OK;
}

allot_err al_reader_join(al_reader *reader, allot_error *err)
{
    (void)pthread_join(reader->thread, NULL);
    al_room_free(&reader->rest);
    if (reader->code != ALLOT_OK && err != NULL)
        *err = reader->err;
    return reader->code;
}
