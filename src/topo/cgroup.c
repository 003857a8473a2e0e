/* cgroup.c - the limits that control groups set.
 *
 * A limit binds all below it, so what counts is the tightest from the process's own cgroup up to the top of
 * what is mounted.
 *
 * Invariants: nothing here fails. What cannot be read or understood sets no limit.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "topo/cgroup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** The search for one controller's limit. */
typedef struct search {
    al_cgroup_read_fn *limit_of;
    double limit; /* tightest so far, 0: none */
} search;

double al_cgroup_positive(const char *text)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    return end != text && *end == '\0' && errno == 0 && value > 0 ? (double)value : 0;
}

static void tighten(search *find, double limit)
{
    if (limit > 0 && (find->limit <= 0 || limit < find->limit))
        find->limit = limit;
}

/** Read the limits of a group and of all above it, up to where the hierarchy is mounted. */
static void read_upwards(void *arg, al_cgroup_version version, char *folder, size_t top)
{
    search *find = arg;
    for (;;) {
        tighten(find, find->limit_of(version, folder));
        char *slash = strrchr(folder + top, '/');
        if (slash == NULL)
            return;
        *slash = '\0';
    }
}

double al_cgroup_tightest(const char *root, const char *controller, al_cgroup_read_fn *limit_of)
{
    search find = {.limit_of = limit_of};
    al_cgroup_find(root, controller, read_upwards, &find);
    return find.limit;
}
