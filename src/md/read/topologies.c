/* topologies.c - see topologies.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/topologies.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "md/file.h"
#include "md/read/parm.h"
#include "md/read/parm_file.h"
#include "md/read/top.h"

/** Whether the file is AMBER's. What cannot be read is for the reader to complain of. */
static bool is_parm(const char *path)
{
    char head[16];
    static const char *const suffixes[] = {".prmtop", ".parm7"};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, head, sizeof head) : -1;
    if (fd >= 0)
        (void)close(fd);
    bool is = n > 0 && al_parm_is_one(head, (size_t)n);
    for (size_t k = 0; k < 2; k++) { /* what is called so and is none is complained of as such */
        size_t length = strlen(path), nbytes = strlen(suffixes[k]);
        is = is || (length >= nbytes && strcmp(path + length - nbytes, suffixes[k]) == 0);
    }
    return is;
}

static allot_err find_flexible(const char *path, const al_source_options *options, bool *is_flexible,
                               allot_error *err)
{
    *is_flexible = false;
    for (size_t k = 0; k < options->ndefines; k++) {
        if (strcmp(options->defines[k], "FLEXIBLE") != 0)
            return al_fail(
                err, ALLOT_EINVAL, 0,
                "define = -D%s: nothing in %s depends on it, an AMBER topology, for which there is "
                "-DFLEXIBLE alone",
                options->defines[k], path);
        *is_flexible = true;
    }
    return ALLOT_OK;
}

allot_err al_topology_read(const char *path, const al_source_options *options, al_topology *topology,
                           al_buffer *warnings, allot_error *err)
{
    al_buffer text = {.at = NULL};
    bool is_flexible;
    if (!is_parm(path))
        return al_top_read(path, options, topology, warnings, err);
    allot_err code = find_flexible(path, options, &is_flexible, err);
    if (code == ALLOT_OK)
        code = al_file_read(path, &text, err);
    if (code == ALLOT_OK)
        code = al_parm_parse(text.at != NULL ? text.at : "", text.nbytes, path, is_flexible, topology,
                             warnings, err);
    al_buffer_fini(&text);
    return code;
}
