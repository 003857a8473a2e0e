/* map_stream.c - inputs one after the other, each as blocks; each block through its loops.
 *
 * A block goes through up to three parallel loops: loading (parsing text, converting), the map or the fold,
 * and printing. Three loops over a block that fits the caches cost a few nanoseconds an item more than one
 * loop over all would, and buy three things: every item's number is known before the expression sees it,
 * each loop is cut by what it alone measures, and results come out in order with no more memory than a few
 * blocks.
 *
 * Blocks of ranges and mapped arrays are descriptions; they begin small and grow until one takes a tenth of a
 * second, so that heavy items are written as they come and light ones pay nothing for the cut. Blocks of a
 * stream are filled by a reader.
 *
 * Invariants: items are numbered through all inputs; a failure is that of the lowest item that fails,
 * whatever the blocks, and what comes before it is written.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_stream.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "cli/map_away.h"
#include "cli/map_spread.h"
#include "cli/map_words.h"

#define KILO ((uint64_t)1 << 10)
#define MEGA ((uint64_t)1 << 20)

/** The time a block of computed items should take: long against the cut's cost, short against patience. */
#define BLOCK_NS 100000000u

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/** Bytes of a block that is read: enough for every thread to have something to do for a while. */
static size_t block_nbytes(const al_map_stream *stream)
{
    return (size_t)clamp(512 * KILO * stream->nthreads, MEGA, 16 * MEGA);
}

/** Whether many blocks are at work at once. */
static bool is_spread(const al_map_stream *stream)
{
    return stream->away != NULL && atomic_load(&stream->share.window) > 1;
}

/** The most items of a block that is computed: bounded by memory, where results are kept. */
static uint64_t block_items_max(const al_map_stream *stream)
{
    if (stream->expr.fold != NULL)
        return 16 * MEGA;
    if (is_spread(stream))
        return 128 * KILO;
    return clamp(128 * KILO * stream->nthreads, 256 * KILO, 2 * MEGA);
}

static uint64_t block_items_min(const al_map_stream *stream)
{
    return stream->nthreads > 4 ? 16u * stream->nthreads : 64;
}

/* ---- making and ending ---- */

static allot_err make_pool(al_map_stream *stream, allot_error *err)
{
    const al_map_options *options = stream->options;
    uint32_t usual = allot_pool_nthreads(NULL), wanted = (uint32_t)options->nthreads;
    stream->nthreads = wanted != 0 ? wanted : usual;
    if (!options->pin && wanted <= usual)
        return ALLOT_OK; /* the default pool: made when it pays */
    if (wanted == 1)
        return ALLOT_OK;
    allot_pool_opts opts = ALLOT_POOL_OPTS_INIT;
    opts.nthreads = wanted;
    opts.pin = options->pin;
    return allot_pool_create(&stream->pool, &opts, err);
}

static void make_phases(al_map_stream *stream)
{
    al_map_phase plain = {.pool = stream->pool, .opts = ALLOT_MAP_OPTS_INIT};
    plain.opts.max_threads = (uint32_t)stream->options->nthreads;
    plain.opts.control = stream->control;
    stream->load = (al_load){.type = stream->type, .phase = plain};
    stream->print = (al_print){.type = stream->expr.out_type, .phase = plain};
    stream->fold.phase = plain;
    plain.opts.chunk_items = stream->options->chunk_items;
    stream->map = plain;
    stream->apply = (al_apply){.expr = &stream->expr,
                               .in_nbytes = al_type_nbytes(stream->type),
                               .out_nbytes = al_type_nbytes(stream->expr.out_type)};
}

static uint64_t total_nbytes(const al_map_stream *stream)
{
    uint64_t total = 0;
    for (size_t k = 0; k < stream->ninputs; k++) {
        const al_map_input *input = &stream->inputs[k];
        if (input->kind != AL_INPUT_TEXT)
            continue;
        if (input->nbytes == UINT64_MAX)
            return UINT64_MAX;
        total += input->nbytes;
    }
    return total;
}

static allot_err open_output(al_map_stream *stream, allot_error *err)
{
    al_npy npy = {.type = stream->expr.out_type, .ndims = 1, .nitems = stream->nitems_total};
    npy.dims[0] = npy.nitems;
    if (stream->expr.fold != NULL) {
        npy = (al_npy){.type = stream->expr.reduce_type, .ndims = 0, .nitems = 1};
    } else if (stream->ninputs == 1 && stream->inputs[0].kind == AL_INPUT_NPY) {
        npy = stream->inputs[0].npy; /* the shape stays */
        npy.type = stream->expr.out_type;
    }
    return al_output_open(&stream->output, stream->options->output, stream->is_npy, &npy, err);
}

static void writing_failed(void *arg)
{
    al_stream_stop(arg);
}

static void open_share(al_map_stream *stream)
{
    bool folds = stream->expr.fold != NULL;
    stream->share.folds = folds;
    stream->share.in_nbytes = stream->apply.in_nbytes;
    stream->share.result_nbytes = folds ? stream->expr.acc_nbytes : stream->apply.out_nbytes;
    stream->share.stride = folds ? stream->fold.stride : stream->apply.out_nbytes;
    stream->part_units = stream->nthreads;
}

allot_err al_stream_init(al_map_stream *stream, allot_error *err)
{
    al_ring_init(&stream->ring);
    if (stream->away != NULL)
        al_share_init(&stream->share);
    stream->output.fd = -1;
    stream->stop_fd = eventfd(0, EFD_CLOEXEC);
    return allot_control_create(&stream->control, err);
}

allot_err al_stream_open(al_map_stream *stream, allot_error *err)
{
    allot_err code = make_pool(stream, err);
    if (code != ALLOT_OK)
        return code;
    make_phases(stream);
    stream->block_items = block_items_min(stream);
    stream->nbytes_total = total_nbytes(stream);
    stream->reader = (al_reader){.ring = &stream->ring,
                                 .block_nbytes = block_nbytes(stream),
                                 .stop_fd = stream->stop_fd,
                                 .nbytes = &stream->nbytes_read};
    stream->writer = (al_writer){
        .ring = &stream->ring, .output = &stream->output, .failed = writing_failed, .arg = stream};
    if (stream->expr.fold != NULL)
        code = al_fold_init(&stream->fold, &stream->apply, err);
    if (stream->away != NULL)
        open_share(stream);
    return code == ALLOT_OK ? open_output(stream, err) : code;
}

void al_stream_fini(al_map_stream *stream)
{
    al_output_close(&stream->output);
    al_fold_fini(&stream->fold);
    if (stream->away != NULL)
        al_share_fini(&stream->share);
    al_ring_fini(&stream->ring);
    allot_pool_destroy(stream->pool);
    allot_control_destroy(stream->control);
    if (stream->stop_fd >= 0)
        (void)close(stream->stop_fd);
    stream->pool = NULL;
    stream->control = NULL;
}

void al_stream_stop(al_map_stream *stream)
{
    atomic_store(&stream->is_stopped, true);
    allot_control_cancel(stream->control);
    al_ring_stop(&stream->ring);
    if (stream->away != NULL)
        al_share_stop(&stream->share);
    uint64_t one = 1;
    if (write(stream->stop_fd, &one, sizeof one) < 0)
        return; /* it is full: the reader has been told already */
}

/* ---- one block ---- */

void al_stream_set_apply(al_map_stream *stream, const al_map_block *block)
{
    stream->apply.input = block->input;
    stream->apply.items = block->items;
    stream->apply.range = block->input->range.pair;
    stream->apply.first = block->first;
    stream->apply.results = block->results.bytes;
}

/** Map the block; after a failing item, up to it. */
static allot_err map_block(al_map_stream *stream, al_map_block *block, allot_error *err)
{
    if (!al_room_reserve(&block->results, block->nitems * stream->apply.out_nbytes))
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory for the results");
    al_stream_set_apply(stream, block);
    atomic_store(&stream->nitems_now, block->nitems);
    allot_err code = al_phase_run(&stream->map, block->nitems, al_apply_map, &stream->apply, err);
    atomic_store(&stream->nitems_now, 0);
    if (code == ALLOT_EUSER) {
        block->nitems = err->index;
        al_apply_describe(&stream->apply, err->index, err->user, &stream->failure);
        code = al_words_item(stream, err);
    }
    return code;
}

static allot_err fold_block(al_map_stream *stream, al_map_block *block, bool is_last, allot_error *err)
{
    al_stream_set_apply(stream, block);
    atomic_store(&stream->nitems_now, block->nitems);
    allot_err code = al_fold_block(&stream->fold, block->nitems, is_last, &stream->failure, err);
    atomic_store(&stream->nitems_now, 0);
    return code == ALLOT_EUSER ? al_words_item(stream, err) : code;
}

allot_err al_stream_hand_on(al_map_stream *stream, al_map_block *block, allot_err code, allot_error *err)
{
    bool folds = stream->expr.fold != NULL;
    allot_error print_err;
    if (code != ALLOT_OK && code != ALLOT_EUSER)
        return code;
    allot_err printed =
        folds || stream->is_npy ? ALLOT_OK : al_print_block(&stream->print, block, &print_err);
    if (printed != ALLOT_OK && code == ALLOT_OK) {
        *err = print_err;
        code = printed;
    }
    if (code == ALLOT_ECANCELED || code == ALLOT_ENOMEM)
        return code;
    stream->first = block->first + block->nitems;
    if (!folds && !stream->writer.is_running) {
        allot_err started = al_writer_start(&stream->writer, err);
        if (started != ALLOT_OK)
            return started;
    }
    al_ring_computed(&stream->ring);
    if (folds)
        al_ring_written(&stream->ring); /* there is nothing to write */
    return code;
}

/** The main loop over a loaded block, which is handed on after that; with engines, it may take a while. */
static allot_err compute_block(al_map_stream *stream, al_map_block *block, bool is_last, allot_error *err)
{
    if (stream->away != NULL)
        return al_spread_block(stream, block, is_last, err);
    bool folds = stream->expr.fold != NULL;
    allot_err code = folds ? fold_block(stream, block, is_last, err) : map_block(stream, block, err);
    code = al_stream_hand_on(stream, block, code, err);
    atomic_store(&stream->nloaded, stream->first);
    atomic_store(&stream->ncomputed, stream->first);
    return code;
}

/* ---- inputs whose items are there: ranges, mapped arrays ---- */

/** Items of the next block of `left`, when `nloaded` is the number of the first one. */
static uint64_t next_block_items(const al_map_stream *stream, uint64_t left)
{
    uint64_t first = atomic_load(&stream->nloaded);
    uint64_t n = stream->block_items < left ? stream->block_items : left;
    if (stream->expr.fold == NULL || n == left)
        return n;
    /* Ending where a leaf ends saves copying the rest of it. */
    uint64_t end = al_leaf_begin(al_leaf_of(first + n));
    if (end <= first)
        end = al_leaf_begin(al_leaf_of(first) + 1);
    return end - first < left ? end - first : left;
}

static void adapt_block_items(al_map_stream *stream, uint64_t took_ns)
{
    uint64_t n = stream->block_items;
    if (is_spread(stream)) { /* blocks are many at once, so their cost is told by that of an item */
        double item_ns = (double)atomic_load(&stream->item_ps) * 1e-3 + 1e-3;
        double all = (double)stream->nthreads + (double)atomic_load(&stream->nslots_away);
        double wanted = BLOCK_NS * all / item_ns, most = (double)block_items_max(stream);
        stream->block_items = clamp((uint64_t)(wanted < most ? wanted : most), block_items_min(stream),
                                    block_items_max(stream));
        return;
    }
    if (took_ns < BLOCK_NS / 4)
        n *= 4;
    else if (took_ns > BLOCK_NS * 4)
        n /= 2;
    stream->block_items = clamp(n, block_items_min(stream), block_items_max(stream));
}

/** Describe the items [at, at + n) of the input in the block. */
static allot_err load_items(al_map_stream *stream, al_map_block *block, uint64_t at, allot_error *err)
{
    const al_map_input *input = block->input;
    if (input->kind == AL_INPUT_NPY) {
        size_t nbytes = al_type_nbytes(input->npy.type);
        return al_load_raw(&stream->load, block, input->map + input->npy.data_offset + at * nbytes, err);
    }
    /* A range of floats that does not begin at item 0 cannot be renumbered without rounding it. */
    if (al_type_is_float(stream->type) && block->first != at)
        return al_load_range(&stream->load, block, at, err);
    return ALLOT_OK;
}

static allot_err run_items(al_map_stream *stream, al_map_input *input, bool is_last, allot_error *err)
{
    if (input->kind == AL_INPUT_RANGE && !al_type_is_float(stream->type))
        al_range_number_from(&input->range, atomic_load(&stream->nloaded));
    uint64_t n = 0;
    for (uint64_t at = 0; at < input->nitems; at += n) {
        al_map_block *block = al_ring_free(&stream->ring);
        if (block == NULL)
            return al_fail(err, ALLOT_ECANCELED, 0, "stopped");
        uint64_t begin_ns = al_clock_ns();
        n = next_block_items(stream, input->nitems - at);
        block->input = input;
        block->first = atomic_load(&stream->nloaded);
        block->nitems = n;
        al_ring_filled(&stream->ring);
        (void)al_ring_take(&stream->ring); /* it is this one */
        allot_err code = load_items(stream, block, at, err);
        if (code == ALLOT_OK)
            code = compute_block(stream, block, is_last && at + n == input->nitems, err);
        if (code != ALLOT_OK)
            return code;
        adapt_block_items(stream, al_clock_ns() - begin_ns);
    }
    return ALLOT_OK;
}

/* ---- inputs that are read ---- */

static allot_err run_read_block(al_map_stream *stream, al_map_block *block, allot_error *err)
{
    block->first = atomic_load(&stream->nloaded);
    allot_error load_err;
    allot_err loaded = block->input->kind == AL_INPUT_TEXT
                           ? al_load_text(&stream->load, block, &load_err)
                           : al_load_raw(&stream->load, block, block->bytes.bytes, &load_err);
    if (loaded != ALLOT_OK && loaded != ALLOT_EFORMAT) {
        *err = load_err;
        return loaded;
    }
    allot_err code = compute_block(stream, block, false, err);
    if (code == ALLOT_OK && loaded != ALLOT_OK && stream->away != NULL)
        code = al_spread_end(stream, err);
    if (code != ALLOT_OK || loaded == ALLOT_OK)
        return code;
    *err = load_err; /* the line that could not be read comes after all items that could */
    return loaded;
}

static al_map_block *next_read_block(al_map_stream *stream, allot_err *code, allot_error *err)
{
    return stream->away != NULL ? al_spread_next(stream, code, err) : al_ring_take(&stream->ring);
}

static allot_err run_reader(al_map_stream *stream, al_map_input *input, allot_error *err)
{
    al_ring_begin(&stream->ring);
    stream->reader.input = input;
    allot_err code = al_reader_start(&stream->reader, err);
    if (code != ALLOT_OK)
        return code;
    al_map_block *block;
    while (code == ALLOT_OK && (block = next_read_block(stream, &code, err)) != NULL)
        code = run_read_block(stream, block, err);
    if (code == ALLOT_OK && atomic_load(&stream->is_stopped))
        code = al_fail(err, ALLOT_ECANCELED, 0, "stopped");
    if (code != ALLOT_OK) {
        /* The writer has what is good; then the reader is told to leave whatever it waits for. */
        allot_error ignored;
        al_ring_finish(&stream->ring);
        if (al_writer_join(&stream->writer, &ignored) != ALLOT_OK && code == ALLOT_ECANCELED)
            code = al_fail(err, ALLOT_EIO, 0, "%s", ignored.text);
        al_stream_stop(stream);
        (void)al_reader_join(&stream->reader, NULL);
        return code;
    }
    return al_reader_join(&stream->reader, err);
}

/* ---- the end ---- */

typedef struct finish_call {
    const al_map_stream *stream;
    unsigned char *value;
    bool has_value;
} finish_call;

static void run_finish(void *arg)
{
    finish_call *call = arg;
    call->has_value = call->stream->expr.finish(call->stream->fold.total.bytes, call->value);
}

/** The value of a reduction, written. */
static allot_err finish_fold(al_map_stream *stream, allot_error *err)
{
    allot_err code = al_fold_end(&stream->fold, &stream->failure, err);
    if (code == ALLOT_EUSER)
        return al_words_item(stream, err);
    if (code != ALLOT_OK)
        return code;
    const al_expr *expr = &stream->expr;
    _Alignas(16) unsigned char value[16];
    *expr->overflowed() = false;
    finish_call call = {.stream = stream, .value = value};
    al_item_failure *failure = &stream->failure;
    int number = al_guard_call(run_finish, &call, &failure->crash);
    if (number != 0) {
        failure->kind = AL_ITEM_CRASHED + number;
        failure->is_combining = true;
        failure->number = stream->first;
        return al_words_item(stream, err);
    }
    if (!call.has_value || (stream->first == 0 && strcmp(stream->options->reduce, "mean") == 0))
        return al_fail(err, ALLOT_EINVAL, 0, "--reduce %s of no items has no value; the input is empty",
                       stream->options->reduce);
    if (*expr->overflowed()) {
        *expr->overflowed() = false;
        return al_fail(err, ALLOT_ERANGE, 0, "--reduce %s: %s; use --out-type f64", stream->options->reduce,
                       expr->overflow_text());
    }
    if (stream->is_npy)
        return al_output_write(&stream->output, value, al_type_nbytes(expr->reduce_type), 1, err);
    char text[AL_NUMBER_TEXT_MAX + 1];
    size_t nbytes = al_number_format(expr->reduce_type, value, text);
    text[nbytes++] = '\n';
    return al_output_write(&stream->output, text, nbytes, 1, err);
}

allot_err al_stream_run(al_map_stream *stream, allot_error *err)
{
    uint64_t begin_ns = al_clock_ns();
    allot_err code = stream->away != NULL ? al_away_start(stream->away, stream, err) : ALLOT_OK;
    for (size_t k = 0; k < stream->ninputs && code == ALLOT_OK; k++) {
        al_map_input *input = &stream->inputs[k];
        bool is_there = input->kind == AL_INPUT_RANGE || input->map != NULL;
        code = is_there ? run_items(stream, input, k + 1 == stream->ninputs, err)
                        : run_reader(stream, input, err);
    }
    if (code == ALLOT_OK && stream->away != NULL)
        code = al_spread_end(stream, err);
    al_away_end(stream->away);
    al_ring_finish(&stream->ring);
    allot_error write_err;
    allot_err written = al_writer_join(&stream->writer, &write_err);
    if (written != ALLOT_OK && (code == ALLOT_OK || code == ALLOT_ECANCELED)) {
        code = written;
        *err = write_err;
    }
    if (code == ALLOT_OK && stream->expr.fold != NULL)
        code = finish_fold(stream, err);
    if (code == ALLOT_OK)
        code = al_output_commit(&stream->output, err);
    stream->run_ns = al_clock_ns() - begin_ns;
    return code;
}

/* ---- how far it is ---- */

uint64_t al_stream_done(const al_map_stream *stream)
{
    uint64_t now = atomic_load(&stream->nitems_now), done, total;
    allot_control_progress(stream->control, &done, &total);
    uint64_t part = now != 0 && total != 0 ? (uint64_t)((double)now * (double)done / (double)total) : 0;
    return atomic_load(&stream->ncomputed) + (part < now ? part : now);
}

void al_stream_progress(void *arg, al_progress_state *state)
{
    const al_map_stream *stream = arg;
    state->ndone = al_stream_done(stream);
    state->ntotal = stream->nitems_total;
    state->fraction = -1;
    if (stream->nbytes_total != UINT64_MAX && stream->nbytes_total > 0)
        state->fraction = (double)atomic_load(&stream->nbytes_read) / (double)stream->nbytes_total;
}
