/* npy_tool.c - src/data/npy.h as a command, for test_npy_numpy.py to compare with NumPy.
 *
 *     npy_tool read FILE              type, order, shape and items as text, one a line
 *     npy_tool write TYPE ORDER DIM...  an array of the items 0, 1, 2, ... on standard output
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/npy.h"
#include "data/text.h"

static int complain(const char *text)
{
    fprintf(stderr, "%s\n", text);
    return 1;
}

static int read_array(const char *name)
{
    static char bytes[1 << 20];
    FILE *file = fopen(name, "rb");
    if (file == NULL)
        return complain("cannot open the file");
    size_t nbytes = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    al_npy npy;
    allot_error err;
    if (al_npy_parse(bytes, nbytes, nbytes, "x.npy", &npy, &err) != ALLOT_OK)
        return complain(err.text);
    printf("%s %s", al_type_name(npy.type), npy.fortran_order ? "F" : "C");
    for (uint32_t i = 0; i < npy.ndims; i++)
        printf(" %" PRIu64, npy.dims[i]);
    printf("\n");
    char *text = malloc(npy.nitems * (AL_NUMBER_TEXT_MAX + 1) + 1);
    if (text == NULL)
        return complain("out of memory");
    fwrite(text, 1, al_text_print(npy.type, bytes + npy.data_offset, npy.nitems, text), stdout);
    free(text);
    return 0;
}

static void write_item(al_type type, uint64_t item)
{
    char text[AL_NUMBER_TEXT_MAX], value[sizeof(al_i128)];
    size_t nbytes = al_number_format(AL_TYPE_u64, &item, text);
    if (al_number_parse(type, text, text + nbytes, value) == AL_NUMBER_OK)
        fwrite(value, al_type_nbytes(type), 1, stdout);
}

static int write_array(int argc, char **argv)
{
    al_npy npy = {.fortran_order = argv[1][0] == 'F', .ndims = (uint32_t)(argc - 2)};
    if (!al_type_parse(argv[0], &npy.type))
        return complain("no such type");
    uint64_t nitems = 1;
    for (uint32_t i = 0; i < npy.ndims; i++)
        nitems *= npy.dims[i] = strtoull(argv[i + 2], NULL, 10);
    char header[4096];
    size_t nbytes = sizeof header;
    allot_error err;
    if (al_npy_format(&npy, header, &nbytes, &err) != ALLOT_OK)
        return complain(err.text);
    fwrite(header, 1, nbytes, stdout);
    for (uint64_t i = 0; i < nitems; i++)
        write_item(npy.type, i);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "read") == 0)
        return read_array(argv[2]);
    if (argc >= 4 && argc <= 4 + AL_NPY_MAX_DIMS && strcmp(argv[1], "write") == 0)
        return write_array(argc - 2, argv + 2);
    return complain("usage: npy_tool read FILE | write TYPE C|F DIM...");
}
