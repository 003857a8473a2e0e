/* map_words.c - naming the item, the reason and the remedy.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_words.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"

allot_err al_words_item(const al_map_stream *stream, allot_error *err)
{
    const al_item_failure *f = &stream->failure;
    if (f->kind == AL_ITEM_CUT_SHORT)
        return al_load_cut_short(stream->apply.input, err);
    char x[AL_NUMBER_TEXT_MAX + 1];
    x[al_number_format(stream->type, f->x, x)] = '\0';
    unsigned long long number = f->number;
    if (f->kind == AL_ITEM_OVERFLOW) {
        const char *text =
            f->overflow_text != NULL ? f->overflow_text : "the result left the range of its type";
        bool is_result = strncmp(text, "the result", 10) == 0;
        const char *remedy = is_result                        ? "choose a wider type with --out-type"
                             : stream->type == AL_TYPE_i128   ? "use --type f64"
                             : stream->type == AL_TYPE_i32    ? "use --type i64, i128 or f64"
                             : al_type_is_float(stream->type) ? "use a wider type in EXPR"
                                                              : "use --type i128 or --type f64";
        return al_fail(err, ALLOT_EUSER, 0, "item %llu (x = %s): %s; %s", number, x, text, remedy);
    }
    bool own_reduce = stream->expr.fold != NULL && strchr(stream->options->reduce, 'b') != NULL;
    if (f->is_combining || (!f->is_repeatable && own_reduce))
        return al_fail(err, ALLOT_EUSER, 0,
                       "--reduce '%s' crashed near item %llu: %s; guard it with CONDITION ? EXPR : VALUE",
                       stream->options->reduce, number, al_crash_text(&f->crash));
    if (!f->is_repeatable)
        return al_fail(
            err, ALLOT_EUSER, 0,
            "item %llu (x = %s) or one soon after it crashed: %s; run again by itself it did not, so it "
            "depends on more than x and i",
            number, x, al_crash_text(&f->crash));
    return al_fail(
        err, ALLOT_EUSER, 0, "item %llu (x = %s) crashed: %s; %s", number, x, al_crash_text(&f->crash),
        stream->options->expr != NULL ? "leave such items out, or guard them with CONDITION ? EXPR : VALUE"
                                      : "mend the function, or leave such items out");
}

/** The range that is left after n items of it; false when it cannot be said exactly. */
static bool rest_of_range(const al_map_stream *stream, uint64_t n, char *text, size_t nbytes)
{
    if (stream->ninputs != 1 || stream->inputs[0].kind != AL_INPUT_RANGE || al_type_is_float(stream->type))
        return false;
    const char *range = stream->inputs[0].name;
    const char *colon = strchr(range, ':');
    _Alignas(16) unsigned char start[16];
    char number[AL_NUMBER_TEXT_MAX + 1];
    al_range_fill(&stream->inputs[0].range, n, 1, start);
    number[al_number_format(stream->type, start, number)] = '\0';
    (void)snprintf(text, nbytes, "%s%s", number, colon);
    return true;
}

/** What keeps a run from ending that was told to. */
static void say_stuck(const al_map_stream *stream, char *text, size_t nbytes)
{
    if (atomic_load(&stream->nitems_now) == 0)
        (void)snprintf(text, nbytes, "; %s does not take what is written to it", stream->output.name);
    else
        (void)snprintf(
            text, nbytes,
            "; an item did not come back when it was told to stop: near item %llu, EXPR may never end",
            (unsigned long long)atomic_load(&stream->ncomputed));
}

void al_words_whereabouts(const al_map_stream *stream, bool is_stuck, char *text, size_t nbytes)
{
    unsigned long long done = al_stream_done(stream), written = atomic_load(&stream->writer.nitems);
    char of[48] = "", rest[128], stuck[200] = "";
    if (stream->nitems_total != UINT64_MAX)
        (void)snprintf(of, sizeof of, " of %llu", (unsigned long long)stream->nitems_total);
    if (is_stuck)
        say_stuck(stream, stuck, sizeof stuck);
    int n = snprintf(text, nbytes, "%llu%s items were done%s", done, of, stuck);
    if (n < 0 || (size_t)n >= nbytes)
        return;
    text += n;
    nbytes -= (size_t)n;
    if (stream->output.path != NULL)
        (void)snprintf(text, nbytes, "; the output file was left as it was");
    else if (stream->expr.fold != NULL)
        (void)snprintf(text, nbytes, "; nothing was written");
    else if (!is_stuck && rest_of_range(stream, written, rest, sizeof rest))
        (void)snprintf(text, nbytes, "; the results of the first %llu were written, %s is left to do",
                       written, rest);
    else
        (void)snprintf(text, nbytes, "; the results of the first %llu were written", written);
}
