/* series.h - a few numbers a step, as the run goes: for plotting (.xvg) and for programs (.jsonl).
 * docs/formats/md-energies.md says how they look.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_SERIES_H
#define AL_MD_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <allot/error.h>

enum { AL_SERIES_VERSION = 1 };

typedef struct al_series_column {
    const char *key;  /**< in JSON: "kinetic" */
    const char *name; /**< in legends: "Kinetic En." */
    const char *unit; /**< "kJ/mol"; "": it has none */
} al_series_column;

/** Texts are borrowed until the series is closed. */
typedef struct al_series_opts {
    const char *title;
    const char *time_unit; /**< "ps"; "": it has none */
    const al_series_column *columns;
    uint32_t ncolumns;
    bool goes_on; /**< after the rows of steps up to last_step that are there; those beyond are cut off */
    uint64_t last_step;  /**< with goes_on */
    double dt;           /**< with goes_on: time of a step, greater than 0 */
    double time_of_zero; /**< with goes_on: of step 0 */
} al_series_opts;

/** Where a file is to go on. */
typedef struct al_series_end {
    uint64_t nbytes; /**< what is beyond is to be cut off */
    bool has_step;
    uint64_t step; /**< of the last row before */
} al_series_end;

/** Find out where. Pure.
 * @param path  says the format, and for the sentence
 * @param text  of the file; line ends are overwritten
 * @return as al_series_open() */
allot_err al_series_find_end(const char *path, const al_series_opts *opts, char *text, size_t nbytes,
                             al_series_end *end, allot_error *err);

typedef struct al_series al_series;

/** The file's name says the format: .xvg or .jsonl.
 * @param[out] made  al_series_close()
 * @return ALLOT_OK; ALLOT_EINVAL: a name of no format; ALLOT_EFORMAT: goes_on, and the file has other
 * columns, or a line that is none; ALLOT_EIO; ALLOT_ENOMEM */
allot_err al_series_open(const char *path, const al_series_opts *opts, al_series **made, allot_error *err);
/** A row, of a later step than the one before. One that the file went on after is not written again.
 * @param values  [ncolumns]; what is not a finite number is null in JSON
 * @return ALLOT_OK; ALLOT_EIO, as for a full disk: what is there is whole; ALLOT_ENOMEM */
allot_err al_series_row(al_series *series, uint64_t step, double time, const double *values,
                        allot_error *err);
/** Rows can be seen by others. */
allot_err al_series_flush(al_series *series, allot_error *err);
/** Rows are on the disk. To be called before a checkpoint counts on them. */
allot_err al_series_sync(al_series *series, allot_error *err);
/** Frees everything, whatever it returns. NULL: nothing. */
allot_err al_series_close(al_series *series, allot_error *err);

#endif
