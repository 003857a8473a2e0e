/* md_files_tool.c - for test_md_oracle.py: writes md's files from numbers on standard input.
 *
 *     md_files_tool traj FILE PRECISION is_double    frames: step time natoms nparts box[9] x... [v...
 * [f...]] md_files_tool gro IN OUT                       reads and writes md_files_tool xvg FILE rows: step
 * time a b
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "md/gro.h"
#include "md/series.h"
#include "md/trajectory.h"

static int complain(const allot_error *err)
{
    fprintf(stderr, "%s\n", err->text);
    return 1;
}

static double *read_numbers(uint64_t n)
{
    double *numbers = malloc((n + 1) * sizeof *numbers);
    for (uint64_t k = 0; numbers != NULL && k < n; k++)
        if (scanf("%lf", &numbers[k]) != 1)
            exit(2);
    return numbers;
}

static int write_frames(al_trajectory *trajectory)
{
    al_frame frame;
    unsigned nparts;
    allot_error err;
    while (scanf("%" SCNu64 " %lf %" SCNu64 " %u", &frame.step, &frame.time, &frame.natoms, &nparts) == 4) {
        double *box = read_numbers(9), *x = read_numbers(3 * nparts * frame.natoms);
        memcpy(frame.box, box, sizeof frame.box);
        al_vectors *parts[] = {&frame.x, &frame.v, &frame.f};
        for (unsigned k = 0; k < 3; k++)
            *parts[k] = (al_vectors){k < nparts ? x + 3 * k * frame.natoms : NULL, 3};
        allot_err code = al_trajectory_frame(trajectory, &frame, &err);
        free(box);
        free(x);
        if (code != ALLOT_OK)
            return complain(&err);
    }
    return al_trajectory_close(trajectory, &err) == ALLOT_OK ? 0 : complain(&err);
}

static int write_trajectory(char **argv)
{
    al_trajectory_opts opts = {.precision = atof(argv[1]), .is_double = atoi(argv[2]) != 0};
    al_trajectory *trajectory;
    allot_error err;
    return al_trajectory_open(argv[0], &opts, &trajectory, &err) == ALLOT_OK ? write_frames(trajectory)
                                                                             : complain(&err);
}

static int copy_gro(char **argv)
{
    al_gro gro;
    allot_error err;
    if (al_gro_read(argv[0], &gro, &err) != ALLOT_OK || al_gro_write(argv[1], &gro, &err) != ALLOT_OK)
        return complain(&err);
    al_gro_fini(&gro);
    return 0;
}

static int write_series(char **argv)
{
    static const al_series_column columns[] = {{"potential", "Potential", "kJ/mol"},
                                               {"temperature", "Temperature", "K"}};
    const al_series_opts opts = {.title = "Energies", .time_unit = "ps", .columns = columns, .ncolumns = 2};
    al_series *series;
    allot_error err;
    uint64_t step;
    double time, values[2];
    allot_err code = al_series_open(argv[0], &opts, &series, &err);
    while (code == ALLOT_OK && scanf("%" SCNu64 " %lf %lf %lf", &step, &time, &values[0], &values[1]) == 4)
        code = al_series_row(series, step, time, values, &err);
    if (code == ALLOT_OK)
        code = al_series_close(series, &err);
    return code == ALLOT_OK ? 0 : complain(&err);
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "traj") == 0)
        return write_trajectory(argv + 2);
    if (argc == 4 && strcmp(argv[1], "gro") == 0)
        return copy_gro(argv + 2);
    if (argc == 3 && strcmp(argv[1], "series") == 0)
        return write_series(argv + 2);
    fprintf(stderr, "usage: see the source\n");
    return 2;
}
