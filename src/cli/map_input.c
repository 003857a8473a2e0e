/* map_input.c - opening inputs and telling them apart.
 *
 * What a file holds is told by its first bytes, not by its name; the name only picks a delimiter (.csv, .tsv)
 * and makes a file that is called .npy and is none an error instead of a line of text that is no number.
 * A regular .npy file is mapped. Of a stream only the bytes needed to tell are read here: one, when it is
 * text, so that a line typed slowly is not waited for twice.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "cli/map_convert.h"

static const char npy_magic[] = "\x93NUMPY";
#define NPY_MAGIC_NBYTES (sizeof npy_magic - 1)

const char *al_input_kind_text(al_input_kind kind)
{
    return kind == AL_INPUT_RANGE ? "a range" : kind == AL_INPUT_TEXT ? "text" : "a .npy array";
}

static bool ends_with(const char *name, const char *ending)
{
    size_t n = strlen(name), m = strlen(ending);
    return n >= m && strcmp(name + n - m, ending) == 0;
}

/** Wait until fd can be read, or until the command's time is up. */
static allot_err wait_readable(const al_map_input *input, const al_map_options *options, allot_error *err)
{
    struct pollfd wait = {.fd = input->fd, .events = POLLIN};
    int timeout_ms = -1;
    if (options->has_timeout) {
        uint64_t spent_ns = al_clock_ns() - options->begin_ns;
        uint64_t left_ms =
            spent_ns < options->timeout_ns ? (options->timeout_ns - spent_ns) / 1000000 + 1 : 0;
        timeout_ms = left_ms > INT32_MAX ? -1 : (int)left_ms;
    }
    int ready;
    do
        ready = poll(&wait, 1, timeout_ms);
    while (ready < 0 && errno == EINTR);
    if (ready == 0)
        return al_fail(err, ALLOT_ETIMEDOUT, 0, "%s gave nothing to read in the time allowed; see --timeout",
                       input->name);
    return ALLOT_OK;
}

/** Read until nbytes have been read in all, or the input ends. */
static allot_err read_stream(const al_map_input *input, const al_map_options *options, unsigned char *bytes,
                             size_t nbytes, size_t *nread, allot_error *err)
{
    while (*nread < nbytes) {
        allot_err code = wait_readable(input, options, err);
        if (code != ALLOT_OK)
            return code;
        ssize_t n = read(input->fd, bytes + *nread, nbytes - *nread);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return al_fail(err, ALLOT_EIO, errno, "%s cannot be read", input->name);
        if (n == 0)
            break;
        *nread += (size_t)n;
    }
    return ALLOT_OK;
}

/** The bytes of a header, from its first twelve: 0 when they are no header. */
static size_t npy_header_nbytes(const unsigned char *bytes, size_t nbytes)
{
    if (nbytes < 12)
        return 0;
    if (bytes[6] == 1)
        return 10u + bytes[8] + 256u * bytes[9];
    uint32_t length =
        bytes[8] | (uint32_t)bytes[9] << 8 | (uint32_t)bytes[10] << 16 | (uint32_t)bytes[11] << 24;
    return 12u + (size_t)length;
}

/** The rest of a stream's header; its first bytes are in sniffed. */
static allot_err read_npy_header(al_map_input *input, const al_map_options *options, allot_error *err)
{
    static unsigned char bytes[AL_NPY_HEADER_MAX];
    size_t nread = input->nsniffed;
    memcpy(bytes, input->sniffed, nread);
    allot_err code = read_stream(input, options, bytes, 12, &nread, err);
    if (code != ALLOT_OK)
        return code;
    size_t wanted = npy_header_nbytes(bytes, nread);
    code = read_stream(input, options, bytes, wanted < sizeof bytes ? wanted : sizeof bytes, &nread, err);
    if (code != ALLOT_OK)
        return code;
    input->nsniffed = 0;
    return al_npy_parse(bytes, nread, UINT64_MAX, input->name, &input->npy, err);
}

static allot_err map_npy(al_map_input *input, allot_error *err)
{
    input->map_nbytes = (size_t)input->nbytes;
    void *map = mmap(NULL, input->map_nbytes, PROT_READ, MAP_SHARED, input->fd, 0);
    if (map == MAP_FAILED)
        return al_fail(err, ALLOT_EIO, errno, "%s cannot be mapped into memory", input->name);
    input->map = map;
    size_t head = input->map_nbytes < AL_NPY_HEADER_MAX ? input->map_nbytes : AL_NPY_HEADER_MAX;
    return al_npy_parse(map, head, input->nbytes, input->name, &input->npy, err);
}

static allot_err sniff(al_map_input *input, const al_map_options *options, allot_error *err)
{
    bool is_npy = true;
    if (input->is_regular) {
        ssize_t n = pread(input->fd, input->sniffed, NPY_MAGIC_NBYTES, 0);
        if (n < 0)
            return al_fail(err, ALLOT_EIO, errno, "%s cannot be read", input->name);
        is_npy = (size_t)n == NPY_MAGIC_NBYTES && memcmp(input->sniffed, npy_magic, NPY_MAGIC_NBYTES) == 0;
    } else {
        while (is_npy && input->nsniffed < NPY_MAGIC_NBYTES) {
            size_t before = input->nsniffed;
            allot_err code = read_stream(input, options, (unsigned char *)input->sniffed, before + 1,
                                         &input->nsniffed, err);
            if (code != ALLOT_OK)
                return code;
            is_npy = input->nsniffed > before && input->sniffed[before] == npy_magic[before];
        }
    }
    input->kind = is_npy || ends_with(input->name, ".npy") ? AL_INPUT_NPY : AL_INPUT_TEXT;
    return ALLOT_OK;
}

static void set_text_format(al_map_input *input, const al_map_options *options)
{
    input->nitems = UINT64_MAX;
    input->has_header = options->has_header;
    if (options->column == NULL)
        return;
    input->column_name = options->column_name;
    input->format.column = options->column_number;
    input->format.separator = options->separator;
    if (options->separator == 0)
        input->format.separator = ends_with(input->name, ".csv")   ? ','
                                  : ends_with(input->name, ".tsv") ? '\t'
                                                                   : ' ';
}

/** What the open descriptor holds. */
static allot_err look(al_map_input *input, const al_map_options *options, allot_error *err)
{
    struct stat status;
    if (fstat(input->fd, &status) != 0)
        return al_fail(err, ALLOT_EIO, errno, "%s", input->name);
    if (S_ISDIR(status.st_mode))
        return al_fail(err, ALLOT_EINVAL, 0, "%s is a folder; name the files in it", input->name);
    input->is_regular = S_ISREG(status.st_mode) && lseek(input->fd, 0, SEEK_CUR) == 0;
    input->nbytes = input->is_regular && status.st_size > 0 ? (uint64_t)status.st_size : UINT64_MAX;
    allot_err code = sniff(input, options, err);
    if (code != ALLOT_OK)
        return code;
    if (input->kind == AL_INPUT_TEXT) {
        set_text_format(input, options);
        return ALLOT_OK;
    }
    code = input->is_regular && input->nbytes != UINT64_MAX ? map_npy(input, err)
                                                            : read_npy_header(input, options, err);
    input->nitems = input->npy.nitems;
    return code;
}

static allot_err open_operand(const char *operand, const al_map_options *options, al_map_input *input,
                              allot_error *err)
{
    *input = (al_map_input){.name = operand, .fd = -1, .nbytes = UINT64_MAX};
    if (strcmp(operand, "-") == 0) {
        input->name = "standard input";
        input->fd = STDIN_FILENO;
        return look(input, options, err);
    }
    if (al_range_is_range(operand)) {
        input->kind = AL_INPUT_RANGE;
        return ALLOT_OK;
    }
    input->fd = open(operand, O_RDONLY | O_CLOEXEC);
    if (input->fd < 0 && errno == ENOENT)
        return al_fail(err, ALLOT_ENOTFOUND, 0, "'%s' is neither a file nor a range A:B or A:B:STEP",
                       operand);
    if (input->fd < 0)
        return al_fail(err, ALLOT_EIO, errno, "%s cannot be opened", operand);
    return look(input, options, err);
}

allot_err al_inputs_open(char **operands, size_t noperands, const al_map_options *options,
                         al_map_input *inputs, size_t *ninputs, allot_error *err)
{
    *ninputs = 0;
    if (noperands == 0) {
        *ninputs = 1;
        return open_operand("-", options, &inputs[0], err);
    }
    bool has_stdin = false;
    for (size_t k = 0; k < noperands; k++) {
        bool is_stdin = strcmp(operands[k], "-") == 0;
        if (is_stdin && has_stdin)
            return al_fail(err, ALLOT_EINVAL, 0, "standard input (-) can be read only once");
        has_stdin = has_stdin || is_stdin;
        *ninputs = k + 1;
        allot_err code = open_operand(operands[k], options, &inputs[k], err);
        if (code != ALLOT_OK)
            return code;
    }
    return ALLOT_OK;
}

void al_inputs_close(al_map_input *inputs, size_t ninputs)
{
    for (size_t k = 0; k < ninputs; k++) {
        if (inputs[k].map != NULL)
            (void)munmap((void *)(uintptr_t)inputs[k].map, inputs[k].map_nbytes);
        if (inputs[k].fd > STDIN_FILENO)
            (void)close(inputs[k].fd);
    }
}

/** The type an input has by itself. Text and ranges follow the arrays beside them, where there are any. */
static al_type own_type(const al_map_input *input, const char *operand_text)
{
    switch (input->kind) {
    case AL_INPUT_RANGE:
        return al_range_is_integer(operand_text) ? AL_TYPE_i64 : AL_TYPE_f64;
    case AL_INPUT_NPY:
        return input->npy.type;
    case AL_INPUT_TEXT:
        break;
    }
    return AL_TYPE_f64;
}

allot_err al_inputs_choose_type(const al_map_input *inputs, size_t ninputs, const al_map_options *options,
                                al_type *type, allot_error *err)
{
    if (options->has_type) {
        *type = (al_type)options->type;
        return ALLOT_OK;
    }
    const al_map_input *chosen = NULL;
    for (size_t k = 0; k < ninputs; k++) {
        const al_map_input *input = &inputs[k];
        al_type own = own_type(input, input->name);
        if (chosen == NULL || (chosen->kind != AL_INPUT_NPY && input->kind == AL_INPUT_NPY)) {
            chosen = input;
            *type = own;
        } else if (input->kind == AL_INPUT_NPY && own != *type) {
            return al_fail(err, ALLOT_EINVAL, 0,
                           "%s holds %s and %s holds %s; say which type x is to have with --type",
                           chosen->name, al_type_name(*type), input->name, al_type_name(own));
        } else if (chosen->kind != AL_INPUT_NPY && own == AL_TYPE_f64) {
            *type = own;
        }
    }
    return ALLOT_OK;
}

static const char *numpy_name(al_type type)
{
    switch (type) {
    case AL_TYPE_i32:
        return "int32";
    case AL_TYPE_i64:
        return "int64";
    case AL_TYPE_u64:
        return "uint64";
    case AL_TYPE_f32:
        return "float32";
    default:
        return "float64";
    }
}

static allot_err check_array_type(const al_map_input *input, al_type type, allot_error *err)
{
    if (input->npy.type == type || al_convert_find(input->npy.type, type) != NULL)
        return ALLOT_OK;
    const char *own = al_type_name(input->npy.type);
    if (type == AL_TYPE_i128)
        return al_fail(err, ALLOT_EUNSUPPORTED, 0, "%s holds %s, which need not fit i128; leave --type out",
                       input->name, own);
    return al_fail(err, ALLOT_EUNSUPPORTED, 0,
                   "%s holds %s, which need not fit %s; leave --type out, or convert the array with numpy's "
                   "a.astype('%s')",
                   input->name, own, al_type_name(type), numpy_name(type));
}

allot_err al_inputs_set_type(al_map_input *inputs, size_t ninputs, al_type type, uint64_t *nitems,
                             allot_error *err)
{
    *nitems = 0;
    for (size_t k = 0; k < ninputs; k++) {
        al_map_input *input = &inputs[k];
        allot_err code = ALLOT_OK;
        if (input->kind == AL_INPUT_RANGE) {
            code = al_range_parse(input->name, type, &input->range, err);
            input->nitems = input->range.nitems;
        } else if (input->kind == AL_INPUT_NPY) {
            code = check_array_type(input, type, err);
        }
        if (code != ALLOT_OK)
            return code;
        bool unknown = *nitems == UINT64_MAX || input->nitems == UINT64_MAX;
        *nitems = unknown ? UINT64_MAX : *nitems + input->nitems;
        if (!unknown && *nitems > (uint64_t)INT64_MAX)
            return al_fail(err, ALLOT_ERANGE, 0,
                           "the inputs have more than 2^63 - 1 items in all; map them one by one");
    }
    return ALLOT_OK;
}
