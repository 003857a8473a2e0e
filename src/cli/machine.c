/* machine.c - looking at the machine: hwloc's picture of it, and what this process may use of it.
 *
 * Everything here is cheap and is looked at anew each time; only what must be measured is ever kept.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/machine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <allot/pool.h>

const al_machine_row al_machine_rows[AL_MACHINE_NFIGURES] = {
#define ROW(name, unit, label) {#name, AL_MACHINE_##unit, label},
    AL_MACHINE_FIGURES(ROW)
#undef ROW
};

void al_machine_format_cpus(const int *cpus, uint32_t n, char *text, size_t nbytes)
{
    size_t length = 0;
    text[0] = '\0';
    for (uint32_t at = 0; at < n;) {
        uint32_t last = at;
        while (last + 1 < n && cpus[last + 1] == cpus[last] + 1)
            last++;
        char word[32];
        int wrote = last == at
                        ? snprintf(word, sizeof word, "%s%d", at > 0 ? "," : "", cpus[at])
                        : snprintf(word, sizeof word, "%s%d-%d", at > 0 ? "," : "", cpus[at], cpus[last]);
        if (length + (size_t)wrote + sizeof ",..." > nbytes) {
            (void)snprintf(text + length, nbytes - length, "%s", length > 0 ? ",..." : "...");
            return;
        }
        memcpy(text + length, word, (size_t)wrote + 1);
        length += (size_t)wrote;
        at = last + 1;
    }
}

static void list_cpus(al_machine *machine)
{
    uint32_t n = machine->topo.nallowed;
    int *cpus = calloc(n, sizeof *cpus);
    if (cpus == NULL) /* an empty list is never equal to a cached one */
        return;
    n = al_cpus_list(n, cpus);
    al_machine_format_cpus(cpus, n, machine->cpus, sizeof machine->cpus);
    free(cpus);
}

/** The kernel's name for the time since it started: 36 characters of hexadecimal digits and dashes. It
 * becomes part of a file's name, so anything else counts as unknown. */
static void read_boot_id(char boot_id[AL_MACHINE_BOOT_NBYTES])
{
    const size_t length = 36;
    boot_id[0] = '\0';
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = read(fd, boot_id, AL_MACHINE_BOOT_NBYTES - 1);
    (void)close(fd);
    boot_id[n > 0 ? n : 0] = '\0';
    boot_id[strcspn(boot_id, "\n")] = '\0';
    if (strlen(boot_id) != length || strspn(boot_id, "0123456789abcdef-") != length)
        boot_id[0] = '\0';
}

void al_machine_see(al_machine *machine)
{
    *machine = (al_machine){.is_cached = false};
    (void)al_topo_read(&machine->topo, &machine->topo_error);
    machine->nthreads = allot_pool_nthreads(NULL);
    machine->memory_limit_bytes = al_memory_limit("");
    list_cpus(machine);
    read_boot_id(machine->boot_id);
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

al_figure al_machine_figure(double *samples, uint32_t nsamples)
{
    if (nsamples == 0)
        return (al_figure){.nsamples = 0};
    qsort(samples, nsamples, sizeof *samples, by_value);
    return (al_figure){.median = (samples[(nsamples - 1) / 2] + samples[nsamples / 2]) / 2,
                       .low = samples[0],
                       .high = samples[nsamples - 1],
                       .nsamples = nsamples};
}
