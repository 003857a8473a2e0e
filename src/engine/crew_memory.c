/* crew_memory.c - what running tasks take of memory, and who takes too much. See crew.h.
 *
 * A task is its first process with all below it. Their resident memory is added up a few times a second; only
 * when that is over the limit are pages that several of them share counted once (Pss), which is slow. A limit
 * of the address space (RLIMIT_AS) would be exact and wrong: programs reserve much that they never use. A
 * task in a control group (memory_group.h) is only measured here: the kernel ends it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/crew.h"

#define WEIGH_NS UINT64_C(50000000)
#define PROCESSES_MOST 4096 /* of one task */

/** Read a small file. @return its length, 0 if it is not there */
static size_t read_text(const char *path, char *text, size_t nbytes)
{
    FILE *file = fopen(path, "re");
    size_t n = file != NULL ? fread(text, 1, nbytes - 1, file) : 0;
    if (file != NULL)
        (void)fclose(file);
    text[n] = '\0';
    return n;
}

static uint64_t resident_kb(pid_t pid)
{
    char path[64], text[128];
    unsigned long size, pages = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    (void)(read_text(path, text, sizeof text) > 0 && sscanf(text, "%lu %lu", &size, &pages) == 2);
    return (uint64_t)pages * ((uint64_t)sysconf(_SC_PAGESIZE) / 1024);
}

static uint64_t proportional_kb(pid_t pid)
{
    char path[64], text[1024];
    (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    const char *line = read_text(path, text, sizeof text) > 0 ? strstr(text, "\nPss:") : NULL;
    return line != NULL ? strtoull(line + 5, NULL, 10) : resident_kb(pid);
}

/** The processes of a task: each one's children are put behind it. @return how many */
static size_t list_processes(pid_t first, pid_t *pids)
{
    char path[64], text[8192];
    size_t count = 1;
    pids[0] = first;
    for (size_t k = 0; k < count; k++) {
        (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pids[k], (int)pids[k]);
        (void)read_text(path, text, sizeof text);
        char *end;
        for (char *at = text; count < PROCESSES_MOST; at = end) {
            long pid = strtol(at, &end, 10);
            if (end == at)
                break;
            pids[count++] = (pid_t)pid;
        }
    }
    return count;
}

static uint64_t sum_kb(const pid_t *pids, size_t count, uint64_t (*kb_of)(pid_t pid))
{
    uint64_t kb = 0;
    for (size_t k = 0; k < count; k++)
        kb += kb_of(pids[k]);
    return kb;
}

static void weigh(al_crew *crew, al_child *child)
{
    static pid_t pids[PROCESSES_MOST]; /* one crew, one thread */
    size_t count = list_processes(child->pid, pids);
    uint64_t kb = sum_kb(pids, count, resident_kb);
    if (kb * 1024 > child->mem_bytes && count > 1)
        kb = sum_kb(pids, count, proportional_kb);
    if (kb > child->seen_kb)
        child->seen_kb = kb;
    if (kb * 1024 > child->mem_bytes && !child->is_grouped) {
        child->is_over_memory = true;
        crew->opts.over_memory(crew->opts.arg, child->slot);
    }
}

uint64_t al_crew_weigh(al_crew *crew, uint64_t now_ns)
{
    if (crew->nlimited == 0)
        return UINT64_MAX;
    if (now_ns < crew->weighed_at_ns + WEIGH_NS)
        return crew->weighed_at_ns + WEIGH_NS;
    for (uint32_t slot = 1; slot <= crew->opts.nslots; slot++) {
        al_child *child = &crew->children[slot];
        if (child->is_used && child->pid != 0 && child->mem_bytes > 0 && child->linger_until_ns == 0)
            weigh(crew, child);
    }
    crew->weighed_at_ns = now_ns;
    return now_ns + WEIGH_NS;
}

bool al_crew_kernel_killed(al_crew *crew)
{
    static char text[65536];
    const char *line = read_text("/proc/vmstat", text, sizeof text) > 0 ? strstr(text, "\noom_kill ") : NULL;
    uint64_t count = line != NULL ? strtoull(line + 10, NULL, 10) : 0, before = crew->noom;
    crew->noom = count;
    return count > before;
}
