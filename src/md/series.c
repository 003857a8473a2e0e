/* series.c - see series.h.
 *
 * A format is a row of formats[]: how the file begins, how a row is written, and which step a line is of. To
 * go on, lines are read with the eyes of the writer: the file must begin as it would begin now, and each line
 * have the columns that there are now. Only the last may be torn.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/series.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "md/file.h"

typedef struct format {
    const char *name; /* and how file names end */
    void (*begin)(const al_series_opts *opts, al_buffer *text);
    void (*row)(const al_series_opts *opts, uint64_t step, double time, const double *values,
                al_buffer *text);
    /* Of a line, which ends in NUL. false: it is no row of these columns */
    bool (*step)(const al_series_opts *opts, const char *line, uint64_t *step);
} format;

struct al_series {
    const format *format;
    al_series_opts opts;
    al_growth file;
    bool has_step;
    uint64_t step; /* of the last row */
};

/* ---- .xvg ---------------------------------------------------------------------------------------------- */

static void put_quoted(const char *before, const char *text, al_buffer *out)
{
    (void)al_buffer_text(out, before);
    (void)al_buffer_byte(out, '"');
    for (; *text != '\0'; text++)
        (void)al_buffer_byte(out, *text == '"' ? '\'' : *text == '\n' ? ' ' : *text);
    (void)al_buffer_text(out, "\"\n");
}

/** The units there are, each once: "(kJ/mol), (K)". */
static void name_units(const al_series_opts *opts, char *units, size_t room)
{
    size_t n = 0;
    units[0] = '\0';
    for (uint32_t k = 0; k < opts->ncolumns && n < room; k++) {
        bool is_new = opts->columns[k].unit[0] != '\0';
        for (uint32_t before = 0; before < k; before++)
            is_new = is_new && strcmp(opts->columns[before].unit, opts->columns[k].unit) != 0;
        if (is_new)
            n += (size_t)snprintf(units + n, room - n, "%s(%s)", n > 0 ? ", " : "", opts->columns[k].unit);
    }
}

static void xvg_begin(const al_series_opts *opts, al_buffer *text)
{
    char line[256];
    (void)snprintf(line, sizeof line, "# allot md, a row a step; version %d\n", AL_SERIES_VERSION);
    (void)al_buffer_text(text, line);
    put_quoted("@    title ", opts->title, text);
    (void)snprintf(line, sizeof line, opts->time_unit[0] != '\0' ? "Time (%s)" : "Time", opts->time_unit);
    put_quoted("@    xaxis  label ", line, text);
    name_units(opts, line, sizeof line);
    put_quoted("@    yaxis  label ", line, text);
    (void)al_buffer_text(text, "@TYPE xy\n"
                               "@ view 0.15, 0.15, 0.75, 0.85\n"
                               "@ legend on\n"
                               "@ legend box on\n"
                               "@ legend loctype view\n"
                               "@ legend 0.78, 0.8\n"
                               "@ legend length 2\n");
    for (uint32_t k = 0; k < opts->ncolumns; k++) {
        (void)snprintf(line, sizeof line, "@ s%u legend ", k);
        put_quoted(line, opts->columns[k].name, text);
    }
}

static void xvg_row(const al_series_opts *opts, uint64_t step, double time, const double *values,
                    al_buffer *text)
{
    (void)step;
    char number[40];
    (void)snprintf(number, sizeof number, "%14.12g", time);
    (void)al_buffer_text(text, number);
    for (uint32_t k = 0; k < opts->ncolumns; k++) {
        (void)snprintf(number, sizeof number, " %18.12g", values[k]);
        (void)al_buffer_text(text, number);
    }
    (void)al_buffer_byte(text, '\n');
}

static bool xvg_step(const al_series_opts *opts, const char *line, uint64_t *step)
{
    char *end;
    double time = strtod(line, &end), nsteps = round((time - opts->time_of_zero) / opts->dt);
    bool good = end > line && nsteps >= 0 && nsteps < 0x1p63;
    for (uint32_t k = 0; good && k < opts->ncolumns; k++) {
        const char *at = end;
        (void)strtod(at, &end);
        good = end > at;
    }
    *step = good ? (uint64_t)nsteps : 0;
    return good && *end == '\0';
}

/* ---- .jsonl -------------------------------------------------------------------------------------------- */

static void json_begin(const al_series_opts *opts, al_buffer *text)
{
    (void)opts, (void)text;
}

/** The fewest digits that read back as the same. */
static void put_json_number(double value, al_buffer *text)
{
    char number[40] = "null";
    for (int digits = 15; isfinite(value) && digits <= 17; digits++) {
        (void)snprintf(number, sizeof number, "%.*g", digits, value);
        if (strtod(number, NULL) == value)
            break;
    }
    (void)al_buffer_text(text, number);
}

static void json_row(const al_series_opts *opts, uint64_t step, double time, const double *values,
                     al_buffer *text)
{
    char line[128];
    (void)snprintf(line, sizeof line, "{\"version\":%d,\"step\":%" PRIu64 ",\"time\":", AL_SERIES_VERSION,
                   step);
    (void)al_buffer_text(text, line);
    put_json_number(time, text);
    for (uint32_t k = 0; k < opts->ncolumns; k++) {
        (void)snprintf(line, sizeof line, ",\"%s\":", opts->columns[k].key);
        (void)al_buffer_text(text, line);
        put_json_number(values[k], text);
    }
    (void)al_buffer_text(text, "}\n");
}

static bool skip(const char **at, const char *text)
{
    size_t n = strlen(text);
    bool is_there = strncmp(*at, text, n) == 0;
    *at += is_there ? n : 0;
    return is_there;
}

static bool skip_number(const char **at)
{
    char *end;
    if (skip(at, "null"))
        return true;
    (void)strtod(*at, &end);
    bool is_there = end > *at;
    *at = end;
    return is_there;
}

static bool json_step(const al_series_opts *opts, const char *line, uint64_t *step)
{
    char key[128];
    char *end;
    (void)snprintf(key, sizeof key, "{\"version\":%d,\"step\":", AL_SERIES_VERSION);
    if (!skip(&line, key) || *line < '0' || *line > '9')
        return false;
    *step = strtoull(line, &end, 10);
    line = end;
    bool good = skip(&line, ",\"time\":") && skip_number(&line);
    for (uint32_t k = 0; good && k < opts->ncolumns; k++) {
        (void)snprintf(key, sizeof key, ",\"%s\":", opts->columns[k].key);
        good = skip(&line, key) && skip_number(&line);
    }
    return good && strcmp(line, "}") == 0;
}

static const format formats[] = {
    {"xvg", xvg_begin, xvg_row, xvg_step},
    {"jsonl", json_begin, json_row, json_step},
};

static const format *find_format(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (size_t k = 0; dot != NULL && k < sizeof formats / sizeof *formats; k++)
        if (strcmp(dot + 1, formats[k].name) == 0)
            return &formats[k];
    return NULL;
}

/* ---- going on ------------------------------------------------------------------------------------------ */

/** Of the lines from end->nbytes on, those that are to stay: end->nbytes becomes where they end.
 * @return false: line *nline is no row */
static bool keep_rows(const format *f, const al_series_opts *opts, char *text, size_t nbytes,
                      al_series_end *end, uint64_t *nline)
{
    while (end->nbytes < nbytes) {
        char *line = text + end->nbytes, *newline = memchr(line, '\n', nbytes - end->nbytes);
        if (newline == NULL) /* torn, or zeros that a power failure left */
            return true;
        ++*nline;
        *newline = '\0';
        uint64_t step;
        if (!f->step(opts, line, &step) || strlen(line) != (size_t)(newline - line) ||
            (end->has_step && step <= end->step))
            return false;
        if (step > opts->last_step)
            return true;
        end->has_step = true;
        end->step = step;
        end->nbytes = (uint64_t)(newline + 1 - text);
    }
    return true;
}

static uint64_t count_lines(const al_buffer *text)
{
    uint64_t n = 0;
    for (size_t k = 0; k < text->nbytes; k++)
        n += text->at[k] == '\n';
    return n;
}

allot_err al_series_find_end(const char *path, const al_series_opts *opts, char *text, size_t nbytes,
                             al_series_end *end, allot_error *err)
{
    const format *f = find_format(path);
    al_buffer begin = {.at = NULL};
    if (f != NULL)
        f->begin(opts, &begin);
    size_t nsame = begin.nbytes < nbytes ? begin.nbytes : nbytes;
    uint64_t nline = count_lines(&begin);
    allot_err code = ALLOT_OK;
    *end = (al_series_end){.nbytes = nsame == begin.nbytes ? nsame : 0};
    if (f == NULL)
        code = al_fail(err, ALLOT_EINVAL, 0, "%s: energies are .xvg or .jsonl", path);
    else if (begin.failed)
        code = al_fail(err, ALLOT_ENOMEM, 0, "%s: out of memory", path);
    else if (nsame > 0 && memcmp(begin.at, text, nsame) != 0)
        code =
            al_fail(err, ALLOT_EFORMAT, 0,
                    "%s: does not begin as this run would: it has other columns, or is no file of allot md; "
                    "move it away, or name another",
                    path);
    else if (nsame == begin.nbytes && !keep_rows(f, opts, text, nbytes, end, &nline))
        code = al_fail(err, ALLOT_EFORMAT, 0,
                       "%s:%" PRIu64
                       ": this line is no row with the columns of this run, of a later step than the "
                       "one before; move the file away, or name another",
                       path, nline);
    al_buffer_fini(&begin);
    return code;
}

/** Cut the file behind the last row that is to stay. */
static allot_err go_on(al_series *s, allot_error *err)
{
    al_buffer text = {.at = NULL};
    al_series_end end;
    allot_err code = al_file_read(s->file.path, &text, err);
    if (code == ALLOT_OK)
        code = al_series_find_end(s->file.path, &s->opts, text.at, text.nbytes, &end, err);
    if (code == ALLOT_OK)
        code = al_growth_cut(&s->file, end.nbytes, err);
    if (code == ALLOT_OK) {
        s->has_step = end.has_step;
        s->step = end.step;
    }
    al_buffer_fini(&text);
    return code;
}

/* ---- for others ---------------------------------------------------------------------------------------- */

allot_err al_series_open(const char *path, const al_series_opts *opts, al_series **made, allot_error *err)
{
    const format *found = find_format(path);
    if (found == NULL)
        return al_fail(err, ALLOT_EINVAL, 0, "%s: energies are .xvg or .jsonl", path);
    al_series *s = calloc(1, sizeof *s);
    if (s == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    *s = (al_series){.format = found, .opts = *opts};
    allot_err code = al_growth_open(&s->file, path, opts->goes_on, err);
    if (code == ALLOT_OK && opts->goes_on)
        code = go_on(s, err);
    if (code == ALLOT_OK && s->file.nbytes == 0) {
        found->begin(opts, &s->file.pending);
        code = al_growth_settle(&s->file, err);
    }
    if (code == ALLOT_OK)
        *made = s;
    else
        (void)al_series_close(s, NULL);
    return code;
}

allot_err al_series_row(al_series *s, uint64_t step, double time, const double *values, allot_error *err)
{
    if (s->has_step && step <= s->step)
        return ALLOT_OK;
    s->format->row(&s->opts, step, time, values, &s->file.pending);
    s->has_step = true;
    s->step = step;
    return al_growth_settle(&s->file, err);
}

allot_err al_series_flush(al_series *s, allot_error *err)
{
    return al_growth_flush(&s->file, err);
}

allot_err al_series_sync(al_series *s, allot_error *err)
{
    return al_growth_sync(&s->file, err);
}

allot_err al_series_close(al_series *s, allot_error *err)
{
    if (s == NULL)
        return ALLOT_OK;
    allot_err code = al_growth_close(&s->file, err);
    free(s);
    return code;
}
