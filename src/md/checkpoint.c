/* checkpoint.c - see checkpoint.h.
 *
 * What a reader believes is decided by the sum over all bytes, which is the last thing it has; what comes
 * before that is only looked at to say what is wrong in better words than "damaged".
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "md/checkpoint.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/fail.h"
#include "md/file.h"

static const char magic[8] = "allotmd\x1a";

enum {
    HEAD_NBYTES = 192,   /* up to the options */
    HEAD_1_NBYTES = 144, /* of version 1, which has nothing of the cut */
    HEAD_2_NBYTES = 168, /* of version 2, which has nothing of the split */
    NKEPT_AT = 56,
    BOX_AT = 64,
    OPTIONS_NBYTES_AT = 136,
    NRANKS_AT = 144,
    GRID_AT = 148,
    NEDGES_AT = 160,
    MESH_AT = 168,
    SPLIT_CUTOFF_AT = 184,
    ATOM_NBYTES = 48,
    SUM_NBYTES = 16,
    OPTIONS_MOST = 1 << 20,
    KEPT_MOST = 1 << 16,
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file is little-endian, and copied as it is");

void al_checkpoint_fini(al_checkpoint *checkpoint)
{
    free(checkpoint->cut.edges);
    free(checkpoint->kept);
    free(checkpoint->options);
    free(checkpoint->atoms);
    *checkpoint = (al_checkpoint){.options = NULL};
}

allot_err al_atoms_order(al_atom *atoms, uint64_t n, allot_error *err)
{
    for (uint64_t k = 0; k < n; k++)
        while (atoms[k].id != k) {
            uint64_t id = atoms[k].id;
            if (id >= n || atoms[id].id == id)
                return al_fail(err, ALLOT_ERANGE, 0,
                               id >= n ? "there is an atom %" PRIu64 " of %" PRIu64
                                       : "atom %" PRIu64 " of %" PRIu64
                                         " is there twice, and another is lost",
                               id, n);
            al_atom there = atoms[id];
            atoms[id] = atoms[k];
            atoms[k] = there;
        }
    return ALLOT_OK;
}

/* ---- bytes --------------------------------------------------------------------------------------------- */

/** With the zeros that fill it up to eights. */
static size_t padded(size_t nbytes)
{
    return (nbytes + 7) / 8 * 8;
}

static void put_sum(char *at, const void *bytes, size_t nbytes)
{
    XXH128_hash_t sum = XXH3_128bits(bytes, nbytes);
    memcpy(at, &sum.low64, 8);
    memcpy(at + 8, &sum.high64, 8);
}

static size_t nedges_of(const al_checkpoint_cut *cut)
{
    return cut->edges != NULL ? al_cuts_nedges(cut->grid) : 0;
}

static void put_head(char *at, const al_checkpoint *checkpoint, size_t noptions, size_t nhead)
{
    const uint32_t version = AL_CHECKPOINT_VERSION, begin = (uint32_t)nhead;
    const uint64_t noptions64 = noptions, nedges = nedges_of(&checkpoint->cut);
    memcpy(at, magic, 8);
    memcpy(at + 8, &version, 4);
    memcpy(at + 12, &begin, 4);
    memcpy(at + 16, &checkpoint->step, 8);
    memcpy(at + 24, &checkpoint->natoms, 8);
    memcpy(at + 32, &checkpoint->seed, 8);
    memcpy(at + 40, &checkpoint->time, 8);
    memcpy(at + 48, &checkpoint->dt, 8);
    memcpy(at + NKEPT_AT, &checkpoint->nkept, 8);
    memcpy(at + BOX_AT, checkpoint->box, sizeof checkpoint->box);
    memcpy(at + OPTIONS_NBYTES_AT, &noptions64, 8);
    memcpy(at + NRANKS_AT, &checkpoint->cut.nranks, 4);
    memcpy(at + GRID_AT, checkpoint->cut.grid, sizeof checkpoint->cut.grid);
    memcpy(at + NEDGES_AT, &nedges, 8);
    memcpy(at + MESH_AT, checkpoint->split.mesh, sizeof checkpoint->split.mesh);
    memcpy(at + SPLIT_CUTOFF_AT, &checkpoint->split.cutoff, 8);
}

allot_err al_checkpoint_encode(const al_checkpoint *checkpoint, al_buffer *bytes, allot_error *err)
{
    size_t noptions = strlen(checkpoint->options);
    if (noptions > OPTIONS_MOST)
        return al_fail(err, ALLOT_EINVAL, 0, "options of %zu bytes are too many for a checkpoint", noptions);
    size_t nedges = nedges_of(&checkpoint->cut),
           nhead = HEAD_NBYTES + padded(noptions) + (nedges + (size_t)checkpoint->nkept) * 8;
    size_t nbytes = nhead + (size_t)checkpoint->natoms * ATOM_NBYTES;
    char *at = al_buffer_reserve(bytes, nbytes + SUM_NBYTES);
    if (at == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    memset(at, 0, nhead);
    put_head(at, checkpoint, noptions, nhead);
    memcpy(at + HEAD_NBYTES, checkpoint->options, noptions);
    if (nedges > 0)
        memcpy(at + HEAD_NBYTES + padded(noptions), checkpoint->cut.edges, nedges * 8);
    if (checkpoint->nkept > 0)
        memcpy(at + HEAD_NBYTES + padded(noptions) + nedges * 8, checkpoint->kept,
               (size_t)checkpoint->nkept * 8);
    for (uint64_t k = 0; k < checkpoint->natoms; k++) {
        const al_atom *atom = &checkpoint->atoms[k];
        if (atom->id != k)
            return al_fail(err, ALLOT_EINVAL, 0, "atom %" PRIu64 " is where atom %" PRIu64 " should be",
                           atom->id, k);
        memcpy(at + nhead + k * ATOM_NBYTES, atom->x, 24);
        memcpy(at + nhead + k * ATOM_NBYTES + 24, atom->v, 24);
    }
    put_sum(at + nbytes, at, nbytes);
    bytes->nbytes += nbytes + SUM_NBYTES;
    return ALLOT_OK;
}

static uint32_t u32_at(const char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t u64_at(const char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/** Where the parts of a file are. */
typedef struct layout {
    size_t options, noptions, edges, nedges, kept, nkept, atoms;
    uint64_t natoms;
} layout;

/** The grid of the cut. @return whether it is one */
static bool read_grid(const char *at, int grid[3])
{
    uint64_t ndomains = 1;
    for (int d = 0; d < 3; d++) {
        uint32_t n = u32_at(at + GRID_AT + 4 * d);
        if (n < 1 || n > AL_CHECKPOINT_RANKS_MOST || (ndomains *= n) > AL_CHECKPOINT_RANKS_MOST)
            return false;
        grid[d] = (int)n;
    }
    return true;
}

/** How electrostatics are split. @return whether it is a split, or none */
static bool read_split(const char *at, al_split *split)
{
    bool is_any;
    *split = (al_split){.cutoff = 0};
    if (u32_at(at + 8) < 3)
        return true;
    memcpy(&split->cutoff, at + SPLIT_CUTOFF_AT, 8);
    memcpy(split->mesh, at + MESH_AT, sizeof split->mesh);
    is_any = split->cutoff != 0;
    for (int d = 0; d < 3; d++)
        if (is_any ? split->mesh[d] < 1 || split->mesh[d] > AL_CHECKPOINT_MESH_MOST : split->mesh[d] != 0)
            return false;
    return split->cutoff >= 0 && isfinite(split->cutoff);
}

static size_t head_nbytes(const char *at)
{
    static const size_t nbytes[] = {HEAD_1_NBYTES, HEAD_2_NBYTES, HEAD_NBYTES};
    return nbytes[u32_at(at + 8) - 1];
}

/** From what the head says, which may be anything. @return whether that could be */
static bool lay_out(const char *at, layout *l)
{
    bool has_cut = u32_at(at + 8) > 1;
    al_split split;
    uint64_t noptions = u64_at(at + OPTIONS_NBYTES_AT), nedges = has_cut ? u64_at(at + NEDGES_AT) : 0;
    uint64_t nkept = has_cut ? u64_at(at + NKEPT_AT) : 0;
    uint32_t nranks = has_cut ? u32_at(at + NRANKS_AT) : 0;
    int grid[3];
    if (noptions > OPTIONS_MOST || nkept > KEPT_MOST || nranks > AL_CHECKPOINT_RANKS_MOST ||
        (nranks == 0 && nedges > 0) || !read_split(at, &split) ||
        (nranks > 0 && (!read_grid(at, grid) || (nedges > 0 && nedges != al_cuts_nedges(grid)))))
        return false;
    *l = (layout){.options = head_nbytes(at),
                  .noptions = (size_t)noptions,
                  .nedges = (size_t)nedges,
                  .nkept = (size_t)nkept,
                  .natoms = u64_at(at + 24)};
    l->edges = l->options + padded(l->noptions);
    l->kept = l->edges + l->nedges * 8;
    l->atoms = l->kept + l->nkept * 8;
    return l->natoms < UINT64_MAX / 64 && u32_at(at + 12) == l->atoms;
}

static allot_err check(const char *at, size_t nbytes, const char *name, layout *l, allot_error *err)
{
    char sum[SUM_NBYTES];
    if (nbytes < 8 || memcmp(at, magic, 8) != 0)
        return al_fail(err, ALLOT_EFORMAT, 0, "%s: is no checkpoint of allot md", name);
    uint32_t version = nbytes >= 12 ? u32_at(at + 8) : 0;
    if (nbytes >= 12 && (version < 1 || version > AL_CHECKPOINT_VERSION))
        return al_fail(err, ALLOT_EUNSUPPORTED, 0,
                       "%s: is a checkpoint of version %u, and this allot reads versions 1 to %d: use the "
                       "allot that wrote it",
                       name, version, AL_CHECKPOINT_VERSION);
    if (nbytes < 12 || nbytes < head_nbytes(at) + SUM_NBYTES)
        return al_fail(err, ALLOT_EFORMAT, 0, "%s: was cut off: it has %zu bytes", name, nbytes);
    bool is_sane = lay_out(at, l);
    uint64_t wanted = is_sane ? l->atoms + l->natoms * ATOM_NBYTES + SUM_NBYTES : 0;
    if (is_sane && wanted != nbytes)
        return al_fail(err, ALLOT_EFORMAT, 0, "%s: %s: it has %zu bytes, and %" PRIu64 " atoms take %" PRIu64,
                       name, nbytes < wanted ? "was cut off" : "is damaged", nbytes, l->natoms, wanted);
    put_sum(sum, at, nbytes - SUM_NBYTES);
    if (!is_sane || memcmp(sum, at + nbytes - SUM_NBYTES, SUM_NBYTES) != 0 ||
        memchr(at + l->options, '\0', l->noptions) != NULL)
        return al_fail(err, ALLOT_EFORMAT, 0, "%s: is damaged: its sum is wrong", name);
    return ALLOT_OK;
}

/** How the box was cut. */
static allot_err read_cut(const char *at, const layout *l, const char *name, al_checkpoint *made,
                          allot_error *err)
{
    const double box[3] = {made->box[0][0], made->box[1][1], made->box[2][2]};
    al_checkpoint_cut *cut = &made->cut;
    cut->nranks = l->options > HEAD_1_NBYTES ? u32_at(at + NRANKS_AT) : 0;
    if (cut->nranks == 0)
        return ALLOT_OK;
    (void)read_grid(at, cut->grid);
    if (l->nedges == 0)
        return ALLOT_OK;
    cut->edges = malloc(l->nedges * 8);
    if (cut->edges == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "%s: out of memory", name);
    memcpy(cut->edges, at + l->edges, l->nedges * 8);
    return al_cuts_are_sound(box, cut->grid, cut->edges, 0)
               ? ALLOT_OK
               : al_fail(err, ALLOT_EFORMAT, 0,
                         "%s: is damaged: edges of domains do not rise from 0 to the box's end", name);
}

static al_atom atom_at(const char *at, uint64_t id)
{
    al_atom atom = {.id = id};
    memcpy(atom.x, at, 24);
    memcpy(atom.v, at + 24, 24);
    return atom;
}

allot_err al_checkpoint_decode(const void *bytes, size_t nbytes, const char *name, al_checkpoint *checkpoint,
                               allot_error *err)
{
    const char *at = bytes;
    layout l = {.options = 0};
    allot_err code = check(at, nbytes, name, &l, err);
    if (code != ALLOT_OK)
        return code;
    al_checkpoint made = {.step = u64_at(at + 16), .natoms = l.natoms, .seed = u64_at(at + 32)};
    memcpy(&made.time, at + 40, 8);
    memcpy(&made.dt, at + 48, 8);
    memcpy(made.box, at + BOX_AT, sizeof made.box);
    (void)read_split(at, &made.split);
    made.options = strndup(at + l.options, l.noptions);
    made.atoms = malloc(((size_t)made.natoms + 1) * sizeof *made.atoms);
    made.nkept = l.nkept;
    made.kept = l.nkept > 0 ? malloc(l.nkept * 8) : NULL;
    if (made.kept != NULL)
        memcpy(made.kept, at + l.kept, l.nkept * 8);
    code = made.options != NULL && made.atoms != NULL && (made.kept != NULL || l.nkept == 0)
               ? read_cut(at, &l, name, &made, err)
               : al_fail(err, ALLOT_ENOMEM, 0, "%s: out of memory", name);
    if (code != ALLOT_OK) {
        al_checkpoint_fini(&made);
        return code;
    }
    for (uint64_t k = 0; k < made.natoms; k++)
        made.atoms[k] = atom_at(at + l.atoms + k * ATOM_NBYTES, k);
    *checkpoint = made;
    return ALLOT_OK;
}

/* ---- files --------------------------------------------------------------------------------------------- */

allot_err al_checkpoint_write(const char *path, const al_checkpoint *checkpoint, bool keeps_newest,
                              allot_error *err)
{
    al_buffer bytes = {.at = NULL};
    char *before = NULL;
    allot_err code = asprintf(&before, "%s.1", path) < 0 ? al_fail(err, ALLOT_ENOMEM, 0, "out of memory")
                                                         : al_checkpoint_encode(checkpoint, &bytes, err);
    if (code == ALLOT_OK)
        code = al_file_replace(path, keeps_newest ? before : NULL, bytes.at, bytes.nbytes, err);
    free(before);
    al_buffer_fini(&bytes);
    return code;
}

static allot_err read_one(const char *path, al_checkpoint *checkpoint, allot_error *err)
{
    al_buffer bytes = {.at = NULL};
    allot_err code = al_file_read(path, &bytes, err);
    if (code == ALLOT_OK)
        code = al_checkpoint_decode(bytes.at, bytes.nbytes, path, checkpoint, err);
    al_buffer_fini(&bytes);
    return code;
}

allot_err al_checkpoint_read(const char *path, al_checkpoint *checkpoint, allot_error *warning,
                             allot_error *err)
{
    char *before;
    allot_error first, second;
    *warning = (allot_error){.code = ALLOT_OK};
    allot_err code = read_one(path, checkpoint, &first);
    if (code == ALLOT_OK)
        return ALLOT_OK;
    if (code == ALLOT_ENOMEM || asprintf(&before, "%s.1", path) < 0)
        return al_fail(err, ALLOT_ENOMEM, 0, "%s: out of memory", path);
    allot_err code_before = read_one(before, checkpoint, &second);
    free(before);
    if (code_before == ALLOT_OK) {
        (void)al_fail(warning, code, 0, "%.300s; going on from the one before it, %.150s.1, of step %" PRIu64,
                      first.text, path, checkpoint->step);
        return ALLOT_OK;
    }
    if (code_before == ALLOT_ENOTFOUND)
        return al_fail(err, code, 0, "%s", first.text);
    return al_fail(err, code == ALLOT_ENOTFOUND ? code_before : code, 0, "%.240s; and %.240s", first.text,
                   second.text);
}

/* ---- options ------------------------------------------------------------------------------------------- */

allot_err al_checkpoint_compare(const al_checkpoint *checkpoint, const char *options, const char *name,
                                allot_error *err)
{
    const char *then = checkpoint->options, *now = options;
    while (*then != '\0' || *now != '\0') {
        size_t nthen = strcspn(then, "\n"), nnow = strcspn(now, "\n");
        if (nthen != nnow || memcmp(then, now, nthen) != 0)
            return al_fail(err, ALLOT_EINVAL, 0,
                           "%s: was made with \"%.*s\", and now it is \"%.*s\": say the same, or start anew",
                           name, (int)(nthen < 100 ? nthen : 100), then, (int)(nnow < 100 ? nnow : 100), now);
        then += nthen + (then[nthen] == '\n');
        now += nnow + (now[nnow] == '\n');
    }
    return ALLOT_OK;
}
