/* map_load.c - parsing text, converting arrays, writing out ranges: in parallel, into one array of items.
 *
 * Every piece of text has a place of its own for as many values as it has lines. Blank lines and comments
 * leave gaps there, which are closed afterwards; most files have none.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_load.h"

#include <string.h>

#include "base/fail.h"
#include "cli/map_apply.h"
#include "cli/map_convert.h"

static allot_err no_memory(const al_map_block *block, allot_error *err)
{
    return al_fail(err, ALLOT_ENOMEM, 0, "out of memory for the items of %s", block->input->name);
}

allot_err al_load_cut_short(const al_map_input *input, allot_error *err)
{
    return al_fail(err, ALLOT_EIO, 0,
                   "%s was cut short while it was read; run again when nobody writes to it", input->name);
}

/* ---- text ---- */

static bool parse_piece(const al_load *load, al_text_piece *piece, al_text_fault *fault)
{
    const al_map_block *block = load->block;
    const char *text = (const char *)block->bytes.bytes + piece->offset;
    char *values = (char *)block->values.bytes + piece->first_value * al_type_nbytes(load->type);
    return al_text_parse(&block->input->format, load->type, text, piece->nbytes, values, &piece->nvalues,
                         fault);
}

static int parse_pieces(uint64_t begin, uint64_t end, void *arg)
{
    const al_load *load = arg;
    al_text_piece *pieces = load->block->pieces.bytes;
    for (uint64_t k = begin; k < end; k++) {
        al_text_fault fault;
        if (!parse_piece(load, &pieces[k], &fault))
            return allot_fail_at(k, 1);
    }
    return 0;
}

/** Move the values of the first npieces pieces together. @return how many there are */
static uint64_t close_gaps(const al_load *load, uint64_t npieces)
{
    const al_text_piece *pieces = load->block->pieces.bytes;
    char *values = load->block->values.bytes;
    size_t nbytes = al_type_nbytes(load->type);
    uint64_t n = 0;
    for (uint64_t k = 0; k < npieces; k++) {
        if (n != pieces[k].first_value)
            memmove(values + n * nbytes, values + pieces[k].first_value * nbytes, pieces[k].nvalues * nbytes);
        n += pieces[k].nvalues;
    }
    return n;
}

static const char *wider_type(al_type type)
{
    switch (type) {
    case AL_TYPE_i32:
        return "i64";
    case AL_TYPE_i64:
    case AL_TYPE_u64:
        return "i128";
    default:
        return "f64";
    }
}

/** What to do about a field that is no number. */
static const char *syntax_remedy(const al_load *load, const al_text_fault *fault, uint64_t line)
{
    const al_text_format *format = &load->block->input->format;
    double value;
    if (!al_type_is_float(load->type) &&
        al_number_parse(AL_TYPE_f64, fault->excerpt, fault->excerpt + strlen(fault->excerpt), &value) ==
            AL_NUMBER_OK)
        return "use --type f64";
    if (line == 1 && !load->block->input->has_header)
        return format->separator == 0 ? "skip a header with --header, or choose a column with --column"
                                      : "skip the header with --header";
    return format->separator == 0 ? "remove the line, or choose a column with --column"
                                  : "remove the line, or choose another column";
}

static allot_err text_fault(const al_load *load, const al_text_fault *fault, uint64_t line, allot_error *err)
{
    const char *name = load->block->input->name, *type = al_type_name(load->type);
    unsigned long long at = line;
    if (fault->no_column)
        return al_fail(err, ALLOT_EFORMAT, 0, "%s:%llu: there is no column %u in '%s'; is --delimiter right?",
                       name, at, load->block->input->format.column + 1, fault->excerpt);
    if (fault->open_quote)
        return al_fail(err, ALLOT_EFORMAT, 0,
                       "%s:%llu:%u: the quote that begins here does not end on its line", name, at,
                       fault->column);
    switch (fault->fault) {
    case AL_NUMBER_EMPTY:
        return al_fail(err, ALLOT_EFORMAT, 0,
                       "%s:%llu:%u: there is no number in column %u; fill it in (nan is one), "
                       "or remove the line",
                       name, at, fault->column, load->block->input->format.column + 1);
    case AL_NUMBER_RANGE:
        return al_fail(err, ALLOT_EFORMAT, 0, "%s:%llu:%u: '%s' does not fit %s; %s%s", name, at,
                       fault->column, fault->excerpt, type,
                       load->type == AL_TYPE_f64 ? "correct it" : "use --type ",
                       load->type == AL_TYPE_f64 ? "" : wider_type(load->type));
    default:
        return al_fail(err, ALLOT_EFORMAT, 0, "%s:%llu:%u: '%s' is not a number (%s); %s", name, at,
                       fault->column, fault->excerpt, type, syntax_remedy(load, fault, line));
    }
}

allot_err al_load_text(al_load *load, al_map_block *block, allot_error *err)
{
    load->block = block;
    if (!al_room_reserve(&block->values, block->nitems * al_type_nbytes(load->type)))
        return no_memory(block, err);
    allot_error failed;
    allot_err code = al_phase_run(&load->phase, block->npieces, parse_pieces, load, &failed);
    uint64_t npieces = block->npieces;
    if (code == ALLOT_EUSER) {
        /* The lowest piece with a fault is parsed again for what the loop had no place for. */
        al_text_fault fault;
        al_text_piece *piece = (al_text_piece *)block->pieces.bytes + failed.index;
        npieces = failed.index + 1;
        code = ALLOT_OK;
        if (!parse_piece(load, piece, &fault))
            code = text_fault(load, &fault, block->first_line + piece->first_line + fault.line + 1, err);
    } else if (code != ALLOT_OK) {
        if (err != NULL)
            *err = failed;
        return code;
    }
    block->nitems = close_gaps(load, npieces);
    block->items = block->values.bytes;
    return code;
}

/* ---- arrays ---- */

typedef struct conversion {
    al_convert_fn *convert;
    const void *from;
    void *to;
    uint64_t count;
} conversion;

static void run_conversion(void *arg)
{
    const conversion *c = arg;
    c->convert(c->from, c->to, c->count);
}

static int convert_items(uint64_t begin, uint64_t end, void *arg)
{
    const al_load *load = arg;
    const al_map_input *input = load->block->input;
    conversion c = {.convert = al_convert_find(input->npy.type, load->type),
                    .from = (const char *)load->raw + begin * al_type_nbytes(input->npy.type),
                    .to = (char *)load->block->values.bytes + begin * al_type_nbytes(load->type),
                    .count = end - begin};
    return al_apply_read(input, run_conversion, &c);
}

allot_err al_load_raw(al_load *load, al_map_block *block, const void *raw, allot_error *err)
{
    load->block = block;
    load->raw = raw;
    block->items = raw;
    if (block->input->npy.type == load->type)
        return ALLOT_OK;
    if (!al_room_reserve(&block->values, block->nitems * al_type_nbytes(load->type)))
        return no_memory(block, err);
    block->items = block->values.bytes;
    allot_err code = al_phase_run(&load->phase, block->nitems, convert_items, load, err);
    return code == ALLOT_EUSER ? al_load_cut_short(block->input, err) : code;
}

/* ---- ranges ---- */

static int fill_items(uint64_t begin, uint64_t end, void *arg)
{
    const al_load *load = arg;
    char *values = load->block->values.bytes;
    al_range_fill(&load->block->input->range, load->first + begin, end - begin,
                  values + begin * al_type_nbytes(load->type));
    return 0;
}

allot_err al_load_range(al_load *load, al_map_block *block, uint64_t first, allot_error *err)
{
    load->block = block;
    load->first = first;
    if (!al_room_reserve(&block->values, block->nitems * al_type_nbytes(load->type)))
        return no_memory(block, err);
    block->items = block->values.bytes;
    return al_phase_run(&load->phase, block->nitems, fill_items, load, err);
}
