/* index_tool.c - for tests/md/index.py: groups of atoms, as text.
 *
 *     index_tool classes            of each name on standard input, its class
 *     index_tool groups TOPOLOGY    all groups that are made of a topology, in the format of a .ndx file
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "md/index.h"
#include "md/read/top.h"

static int print_classes(void)
{
    char name[64];
    while (scanf("%63s", name) == 1)
        printf("%s %s\n", name, al_residue_class_names[al_residue_class_of(name)]);
    return 0;
}

static int print_groups(const al_topology *topology, allot_error *err)
{
    al_index index;
    uint64_t *atoms, n;
    if (al_index_of(topology, &index, err) != ALLOT_OK)
        return 1;
    for (uint32_t k = 0; k < index.ngroups; k++) {
        if (al_index_find(&index, index.groups[k].name, topology->natoms, &atoms, &n, err) != ALLOT_OK)
            return 1;
        printf("[ %s ]\n", index.groups[k].name);
        for (uint64_t a = 0; a < n; a++)
            printf("%" PRIu64 "\n", atoms[a] + 1);
        free(atoms);
    }
    al_index_fini(&index);
    return 0;
}

int main(int argc, char **argv)
{
    al_source_options options = {.nfolders = 0};
    al_topology topology = {.name = NULL};
    al_buffer warnings = {.at = NULL};
    allot_error err = {.text = ""};
    if (argc == 2 && strcmp(argv[1], "classes") == 0)
        return print_classes();
    if (argc != 3)
        return 2;
    int status = al_top_read(argv[2], &options, &topology, &warnings, &err) != ALLOT_OK;
    if (status == 0)
        status = print_groups(&topology, &err);
    if (status != 0)
        fprintf(stderr, "%s\n", err.text);
    al_topology_fini(&topology);
    al_buffer_fini(&warnings);
    return status;
}
