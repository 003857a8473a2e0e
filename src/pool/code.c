/* code.c - whether engines that were forked a while ago have a function.
 *
 * They have what was loaded when they were forked. A library opened since is not there, nor is code that was
 * made at run time; and once a library has been closed, any address may mean something else by now. The
 * dynamic linker counts openings and closings, so that the question costs tens of nanoseconds for a function
 * asked for before.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <link.h>
#include <stdlib.h>

#include "pool/procs.h"

static int count_closed(struct dl_phdr_info *info, size_t nbytes, void *nclosed)
{
    (void)nbytes;
    *(uint64_t *)nclosed = info->dlpi_subs;
    return 1;
}

static uint64_t nclosed_now(void)
{
    uint64_t nclosed = 0;
    (void)dl_iterate_phdr(count_closed, &nclosed);
    return nclosed;
}

/** Count executable segments, and note them while there is room. */
static int note_object(struct dl_phdr_info *info, size_t nbytes, void *arg)
{
    al_code *code = arg;
    (void)nbytes;
    for (size_t k = 0; k < info->dlpi_phnum; k++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[k];
        if (header->p_type != PT_LOAD || (header->p_flags & PF_X) == 0)
            continue;
        if (code->nsegments < code->room) {
            uintptr_t begin = info->dlpi_addr + header->p_vaddr;
            code->segments[code->nsegments] = (al_segment){.begin = begin, .end = begin + header->p_memsz};
        }
        code->nsegments++;
    }
    return 0;
}

bool al_code_note(al_code *code)
{
    *code = (al_code){0};
    do {
        free(code->segments);
        code->room = code->nsegments;
        code->segments = calloc(code->room + 1, sizeof *code->segments);
        if (code->segments == NULL)
            return false;
        code->nsegments = 0;
        code->nclosed = nclosed_now();
        (void)dl_iterate_phdr(note_object, code);
    } while (code->nsegments > code->room);
    return true;
}

bool al_code_has(al_code *code, const void *function)
{
    uintptr_t address = (uintptr_t)function;
    if (nclosed_now() != code->nclosed)
        return false;
    if (address == code->known)
        return true;
    for (uint64_t k = 0; k < code->nsegments; k++)
        if (address >= code->segments[k].begin && address < code->segments[k].end) {
            code->known = address;
            return true;
        }
    return false;
}

void al_code_free(al_code *code)
{
    free(code->segments);
}
