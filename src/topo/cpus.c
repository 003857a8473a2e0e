/* cpus.c - how many processors this process may use: its affinity mask and its cgroup's CPU quota.
 *
 * A container that is limited to 1.5 processors of a machine with 64 shows all 64 in its affinity mask;
 * a thread on each would be stopped by the scheduler most of the time, in the middle of a loop that others
 * wait for. So the quota counts as much as the mask. It is read from files, without any library, because
 * every default pool asks for it.
 *
 * A cgroup's quota binds all below it, so the answer is the tightest from the process's own cgroup up to
 * the top of what is mounted. Where a mount shows only part of the hierarchy (a container's usually does),
 * its root is cut off the process's path. A mount that shows the path of somebody else is left aside, unless
 * there is no better one: then its top is taken to be the process's own, as it is in a container whose
 * /proc shows the host's paths.
 *
 * Invariants: nothing here fails. What cannot be read or understood puts no limit.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "topo/topo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** No kernel has more processors than this; the size of the mask is not searched beyond. */
#define MAX_CPUS (1u << 20)

/** The calling thread's mask, to be freed with CPU_FREE(); NULL when the system does not tell. */
static cpu_set_t *read_mask(size_t *nbytes)
{
    for (size_t ncpus = 1024; ncpus <= MAX_CPUS; ncpus *= 2) {
        cpu_set_t *mask = CPU_ALLOC(ncpus);
        if (mask == NULL)
            return NULL;
        *nbytes = CPU_ALLOC_SIZE(ncpus);
        CPU_ZERO_S(*nbytes, mask);
        if (sched_getaffinity(0, *nbytes, mask) == 0)
            return mask;
        CPU_FREE(mask);
        if (errno != EINVAL) /* EINVAL: the kernel's own mask is longer */
            return NULL;
    }
    return NULL;
}

uint32_t al_cpus_allowed(void)
{
    size_t nbytes = 0;
    cpu_set_t *mask = read_mask(&nbytes);
    long n = mask != NULL ? CPU_COUNT_S(nbytes, mask) : sysconf(_SC_NPROCESSORS_ONLN);
    if (mask != NULL)
        CPU_FREE(mask);
    return n >= 1 && n <= (long)MAX_CPUS ? (uint32_t)n : 1;
}

uint32_t al_cpus_list(uint32_t max, int *cpus)
{
    size_t nbytes = 0;
    cpu_set_t *mask = read_mask(&nbytes);
    uint32_t n = 0;
    if (mask == NULL) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        for (; n < max && (long)n < online; n++)
            cpus[n] = (int)n;
        return n;
    }
    for (size_t cpu = 0; cpu < nbytes * 8 && n < max; cpu++)
        if (CPU_ISSET_S(cpu, nbytes, mask))
            cpus[n++] = (int)cpu;
    CPU_FREE(mask);
    return n;
}

/** The two ways in which a kernel shows cgroups; a machine may have both mounted. */
typedef enum hierarchy {
    V1_CPU,
    V2,
    NHIERARCHIES,
} hierarchy;

/** One hierarchy as this process sees it. */
typedef struct view {
    char *path;      /* the process's cgroup, "/a/b"; NULL: not in this hierarchy */
    char *elsewhere; /* first mount point whose root is not above path; NULL: none */
    bool found;      /* a mount whose root is above path was read */
    double quota;    /* tightest so far, 0: none */
} view;

/** Is `word` one of the comma-separated words of list? */
static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

static void tighten(double *quota, double other)
{
    if (other > 0 && (*quota <= 0 || other < *quota))
        *quota = other;
}

/** The first line of folder/name. @return false when there is none */
static bool read_line(const char *folder, const char *name, char *line, size_t nbytes)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, line, nbytes - 1);
    (void)close(fd);
    if (n <= 0)
        return false;
    line[n] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return true;
}

/** A whole line that is one decimal number of microseconds above 0. @return 0 for anything else */
static double positive(const char *text)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    return end != text && *end == '\0' && errno == 0 && value > 0 ? (double)value : 0;
}

/** cpu.max: "QUOTA PERIOD", QUOTA may be "max". */
static double read_v2(const char *folder)
{
    char line[128];
    if (!read_line(folder, "cpu.max", line, sizeof line))
        return 0;
    char *blank = strchr(line, ' ');
    if (blank == NULL)
        return 0;
    *blank = '\0';
    double quota = positive(line), period = positive(blank + 1);
    return period > 0 ? quota / period : 0;
}

/** cpu.cfs_quota_us (-1: none) over cpu.cfs_period_us. */
static double read_v1(const char *folder)
{
    char line[128];
    double quota = read_line(folder, "cpu.cfs_quota_us", line, sizeof line) ? positive(line) : 0;
    double period = read_line(folder, "cpu.cfs_period_us", line, sizeof line) ? positive(line) : 0;
    return period > 0 ? quota / period : 0;
}

/** The tightest quota from mount/below up to mount itself. */
static double read_upwards(hierarchy kind, const char *root, const char *mount, const char *below)
{
    char folder[PATH_MAX];
    int top = snprintf(folder, sizeof folder, "%s%s", root, mount);
    if (top < 0 || (size_t)top >= sizeof folder ||
        (size_t)snprintf(folder + top, sizeof folder - (size_t)top, "%s", below) >=
            sizeof folder - (size_t)top)
        return 0;
    double quota = 0;
    for (;;) {
        tighten(&quota, kind == V2 ? read_v2(folder) : read_v1(folder));
        char *slash = strrchr(folder + top, '/');
        if (slash == NULL)
            return quota;
        *slash = '\0';
    }
}

/** What of path lies below root ("" when they are the same); NULL when path is not under root. */
static const char *path_below(const char *path, const char *root)
{
    size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(path, root, length) != 0 || (path[length] != '/' && path[length] != '\0'))
        return NULL;
    const char *below = path + length;
    for (const char *up = strstr(below, "/.."); up != NULL; up = strstr(up + 1, "/.."))
        if (up[3] == '/' || up[3] == '\0') /* outside of this cgroup namespace: leads out of the mount */
            return NULL;
    return strcmp(below, "/") == 0 ? "" : below;
}

/** mountinfo writes blanks, tabs, newlines and backslashes as \ooo. In place. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *at = text; *at != '\0';) {
        bool octal = at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' && at[2] <= '7' &&
                     at[3] >= '0' && at[3] <= '7';
        if (!octal) {
            *to++ = *at++;
            continue;
        }
        *to++ = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
        at += 4;
    }
    *to = '\0';
}

static void read_mount(hierarchy kind, view *seen, const char *prefix, char *root, char *mount)
{
    if (seen->path == NULL)
        return;
    unescape(root);
    unescape(mount);
    const char *below = path_below(seen->path, root);
    if (below != NULL) {
        seen->found = true;
        tighten(&seen->quota, read_upwards(kind, prefix, mount, below));
    } else if (seen->elsewhere == NULL) {
        seen->elsewhere = strdup(mount);
    }
}

/** One line of /proc/self/mountinfo:
 * ID PARENT MAJOR:MINOR ROOT MOUNT OPTIONS [TAG ...] - FSTYPE SOURCE SUPEROPTIONS */
static void read_mountinfo_line(char *line, const char *prefix, view seen[NHIERARCHIES])
{
    char *rest = strstr(line, " - ");
    if (rest == NULL)
        return;
    *rest = '\0';
    char *save, *root = NULL, *mount = NULL;
    char *word = strtok_r(line, " ", &save);
    for (int at = 0; word != NULL && at < 5; at++, word = strtok_r(NULL, " ", &save)) {
        root = at == 3 ? word : root;
        mount = at == 4 ? word : mount;
    }
    const char *type = strtok_r(rest + 3, " ", &save);
    if (mount == NULL || type == NULL)
        return;
    const char *options = type;
    while ((word = strtok_r(NULL, " \n", &save)) != NULL)
        options = word; /* the last word, also when the source is empty */
    if (strcmp(type, "cgroup2") == 0)
        read_mount(V2, &seen[V2], prefix, root, mount);
    else if (strcmp(type, "cgroup") == 0 && has_word(options, "cpu"))
        read_mount(V1_CPU, &seen[V1_CPU], prefix, root, mount);
}

/** One line of /proc/self/cgroup: ID:CONTROLLERS:PATH, with ID 0 and no controllers for v2. */
static void read_cgroup_line(char *line, view seen[NHIERARCHIES])
{
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    if (path == NULL || path[1] != '/')
        return;
    *controllers++ = '\0';
    *path++ = '\0';
    bool is_v2 = strcmp(line, "0") == 0 && *controllers == '\0';
    if (!is_v2 && !has_word(controllers, "cpu"))
        return;
    view *mine = &seen[is_v2 ? V2 : V1_CPU];
    if (mine->path == NULL)
        mine->path = strdup(path);
}

static FILE *open_under(const char *root, const char *name)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s%s", root, name) >= sizeof path)
        return NULL;
    return fopen(path, "re");
}

static void read_views(const char *root, view seen[NHIERARCHIES])
{
    char *line = NULL;
    size_t room = 0;
    FILE *file = open_under(root, "/proc/self/cgroup");
    if (file == NULL)
        return;
    while (getline(&line, &room, file) > 0)
        read_cgroup_line(line, seen);
    (void)fclose(file);
    file = open_under(root, "/proc/self/mountinfo");
    while (file != NULL && getline(&line, &room, file) > 0)
        read_mountinfo_line(line, root, seen);
    if (file != NULL)
        (void)fclose(file);
    free(line);
}

double al_cpus_quota(const char *root)
{
    view seen[NHIERARCHIES] = {{0}};
    read_views(root, seen);
    double quota = 0;
    for (int kind = 0; kind < NHIERARCHIES; kind++) {
        view *mine = &seen[kind];
        if (!mine->found && mine->elsewhere != NULL)
            mine->quota = read_upwards((hierarchy)kind, root, mine->elsewhere, "");
        tighten(&quota, mine->quota);
        free(mine->path);
        free(mine->elsewhere);
    }
    return quota;
}

uint32_t al_cpus_worth(uint32_t nallowed, double quota)
{
    if (nallowed < 1)
        nallowed = 1;
    if (!(quota > 0) || quota >= (double)nallowed)
        return nallowed;
    uint32_t whole = (uint32_t)quota;
    return whole + ((double)whole < quota);
}

uint32_t al_cpus_usable(void)
{
    return al_cpus_worth(al_cpus_allowed(), al_cpus_quota(""));
}
