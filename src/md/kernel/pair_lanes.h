/* pair_lanes.h - the text of the kernels for vector units: forces of pairs, and pruning. Included by
 * pair_avx2.c and pair_avx512.c, which say what a vector is:
 *
 *   reals, lanes     a vector of floats, and which of them count
 *   GROUP            atoms of a cluster that are done at once, each with the eight of a block: lanes are
 * GROUP times eight same(x) sum(a, b) less(a, b) product(a, b) with(a, b, c) with_less(a, b, c) without(a, b,
 * c) x in all lanes, a + b, a - b, a b, a b + c, a b - c, c - a b
 *   below(which, a, b) keep(which, a) both(which, which) either(which, which) is_any(which) bits(n)
 *                    lanes where a < b; a or 0; lanes in both; in one; whether there are any; lanes from the
 * bits of a mask inverse_of(which, a) inverse_root_of(which, a) estimates, 0 in other lanes, that one step of
 * Newton's refines to a float's precision block_of(x) group_of(x) add_to_block(x, a) add_to_group(x, a)
 * total(a) eight numbers for each atom; one number for each, eight times; the same, changed; the sum of lanes
 *   look_up(table, n, ti, tj)  of types of GROUP atoms and of eight
 *   load(x) greater(a, b) to_bits(which)  numbers for all lanes; the greater; a bit a lane
 *   put_chosen(to, from, n, mask), put_numbers(to, first, n, mask)  of n numbers, sixteen at most, in
 *                    from[], or first, first + 1 and so on: those with their bit set, beside each other;
 * return how many
 *
 * What a pair needs is known when this is compiled: functions below are instances of one for what the
 * parameters ask for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#define ALWAYS static inline __attribute__((always_inline))

enum { NGROUPS = AL_CLUSTER / GROUP, HALF = NGROUPS / 2 };

/** What is asked for; constant in each instance. */
typedef struct asked {
    al_pair_lj lj;
    al_pair_types types;
    al_pair_coulomb coulomb;
    bool is_summed;
} asked;

typedef struct constants {
    const al_pair_params *params;
    reals cutoff2, lj_cutoff2, one; /* cutoff2: of electrostatics, if there are any */
    reals f12, f6, shift12, shift6;
    reals from, a12, a6, b12, b6, width; /* of switches; width: one over it */
    reals rf_2k, rf_k, rf_c, to_t, ewald_shift;
} constants;

/** Some atoms: positions, and what they have. */
typedef struct some_atoms {
    reals x, y, z, charge, a, b;
    const uint32_t *type;
} some_atoms;

typedef struct force {
    reals x, y, z;
} force;

typedef struct lane_sums {
    reals lj, coulomb, virial;
} lane_sums;

static constants constants_of(const al_pair_params *p)
{
    bool has_coulomb = p->coulomb != AL_PAIR_NO_COULOMB;
    double cutoff = has_coulomb ? p->coulomb_cutoff : p->lj_cutoff;
    return (constants){.params = p,
                       .cutoff2 = same((float)(cutoff * cutoff)),
                       .lj_cutoff2 = same((float)(p->lj_cutoff * p->lj_cutoff)),
                       .one = same(1),
                       .f12 = same((float)(12 * p->c12)),
                       .f6 = same((float)(6 * p->c6)),
                       .shift12 = same((float)p->shift12),
                       .shift6 = same((float)p->shift6),
                       .from = same((float)p->switch_from),
                       .a12 = same((float)(p->a12 / 12)),
                       .a6 = same((float)(p->a6 / 6)),
                       .b12 = same((float)(p->b12 / 12)),
                       .b6 = same((float)(p->b6 / 6)),
                       .width = same((float)(1 / (p->lj_cutoff - p->switch_from))),
                       .rf_2k = same((float)(2 * p->rf_k)),
                       .rf_k = same((float)p->rf_k),
                       .rf_c = same((float)p->rf_c),
                       .to_t = same((float)(2 / (cutoff * cutoff))),
                       .ewald_shift = same((float)p->ewald_shift)};
}

/** A polynomial of t, even and odd powers apart, so that they are found at once. */
ALWAYS reals polynomial(const float *powers, reals t)
{
    reals t2 = product(t, t), even = same(powers[AL_PAIR_EWALD_TERMS - 1]),
          odd = same(powers[AL_PAIR_EWALD_TERMS - 2]);
    for (int k = AL_PAIR_EWALD_TERMS - 3; k >= 0; k -= 2) {
        even = with(even, t2, same(powers[k]));
        if (k > 0)
            odd = with(odd, t2, same(powers[k - 1]));
    }
    return with(odd, t, even);
}

/** 12 c12 and 6 c6. */
ALWAYS void combine(const constants *c, asked what, const some_atoms *i, const some_atoms *j, reals *f12,
                    reals *f6)
{
    if (what.types == AL_PAIR_ONE_TYPE) {
        *f12 = c->f12;
        *f6 = c->f6;
    } else if (what.types == AL_PAIR_GEOMETRIC) {
        *f6 = product(i->a, j->a);
        *f12 = product(i->b, j->b);
    } else if (what.types == AL_PAIR_LORENTZ) {
        reals sigma = sum(i->a, j->a), sigma2 = product(sigma, sigma);
        reals sigma6 = product(product(sigma2, sigma2), sigma2);
        *f6 = product(product(i->b, j->b), sigma6);
        *f12 = product(sum(*f6, *f6), sigma6);
    } else {
        *f6 = look_up(c->params->table6, c->params->ntypes, i->type, j->type);
        *f12 = look_up(c->params->table12, c->params->ntypes, i->type, j->type);
    }
}

/** Powers of 1/r, from an estimate y of it: with e = 1 - r^2 y^2, which is small, 1/r^n is y^n (1 + n/2 e) to
 * a float's precision. All are 0 where nothing is wanted. The third is left as two factors to who adds to it.
 */
typedef struct inverses {
    reals first, second, third, third_by;
} inverses;

ALWAYS inverses inverses_of(const constants *c, lanes which, reals r2)
{
    reals y = inverse_root_of(which, r2), y2 = product(y, y), e = without(r2, y2, c->one);
    if (ESTIMATE_BITS < 14) /* the next term of the series, about right for each n */
        e = product(e, with(e, same(1.125F), c->one));
    return (inverses){.first = with(product(y, same(0.5F)), e, y),
                      .second = with(y2, e, y2),
                      .third = product(y2, y),
                      .third_by = with(e, same(1.5F), c->one)};
}

/** What switches make of Lennard-Jones' force over r, and of the energy. */
ALWAYS reals switched(const constants *c, asked what, reals f12, reals f6, reals r2, reals inverse, reals f,
                      lanes which, reals *energy)
{
    reals d = less(product(r2, inverse), c->from), zero = same(0);
    d = keep(below(which, zero, d), d);
    if (what.lj == AL_PAIR_LJ_FORCE_SWITCH) {
        reals by = without(f6, with(c->b6, d, c->a6), product(f12, with(c->b12, d, c->a12)));
        if (what.is_summed) {
            reals third = same(1.0F / 3), fourth = same(0.25F);
            reals e = without(f6, with(product(c->b6, fourth), d, product(c->a6, third)),
                              product(f12, with(product(c->b12, fourth), d, product(c->a12, third))));
            *energy = without(product(product(d, d), d), e, *energy);
        }
        return with(product(product(d, d), inverse), by, f);
    }
    reals t = product(d, c->width), t2 = product(t, t);
    reals by = with(product(t2, t), with(with(same(-6), t, same(15)), t, same(-10)), c->one);
    reals slope = product(product(t2, c->width), with(with(same(-30), t, same(60)), t, same(-30)));
    f = without(product(*energy, slope), inverse, product(f, by));
    *energy = product(*energy, by);
    return f;
}

/** Lennard-Jones: the force over r, added to f, and the energy if the switch or who asks needs it. The
 * inverse square is 0 where nothing is wanted, there all of it is 0 but what is added: lanes say where. */
ALWAYS reals lennard_jones(const constants *c, asked what, const some_atoms *i, const some_atoms *j, reals r2,
                           const inverses *inverse, lanes which, reals f, reals *energy)
{
    bool has_switch = what.lj != AL_PAIR_LJ_CUT;
    reals f12, f6, inverse2 = inverse->second;
    combine(c, what, i, j, &f12, &f6);
    reals inverse6 = product(product(inverse2, inverse2), inverse2);
    reals e12 = product(f12, same(1.0F / 12)), e6 = product(f6, same(1.0F / 6));
    if (what.lj == AL_PAIR_LJ_POTENTIAL_SWITCH)
        *energy = product(with_less(e12, inverse6, e6), inverse6);
    else if (what.is_summed)
        *energy = keep(which, less(product(e12, less(product(inverse6, inverse6), c->shift12)),
                                   product(e6, less(inverse6, c->shift6))));
    if (!has_switch && what.types == AL_PAIR_LORENTZ) {
        /* 24 epsilon (2 s^6 - 1) s^6/r^2 of s = sigma^2/r^2 */
        reals sigma = sum(i->a, j->a), s = product(product(sigma, sigma), inverse2);
        reals s3 = product(product(s, s), s), of = product(product(i->b, j->b), inverse2);
        return with(of, product(s3, with_less(s3, same(2), c->one)), f);
    }
    reals own = product(with_less(f12, inverse6, f6), inverse6);
    if (!has_switch)
        return with(own, inverse2, f);
    return sum(f, switched(c, what, f12, f6, r2, inverse->first, product(own, inverse2), which, energy));
}

/** Electrostatics of unit charges: the force over r, and the energy if who asks wants it, of excluded pairs,
 * too. */
ALWAYS reals electrostatics(const constants *c, asked what, const inverses *inverse, reals r2, lanes normal,
                            reals *energy)
{
    if (what.coulomb == AL_PAIR_REACTION_FIELD) {
        if (what.is_summed)
            *energy = sum(inverse->first, with(c->rf_k, r2, less(same(0), c->rf_c)));
        return with_less(inverse->third, inverse->third_by, c->rf_2k);
    }
    reals t = with_less(r2, c->to_t, c->one);
    if (what.is_summed)
        *energy =
            sum(less(inverse->first, keep(normal, c->ewald_shift)), polynomial(c->params->ewald_energy, t));
    return with(inverse->third, inverse->third_by, polynomial(c->params->ewald_force, t));
}

/** One group with one block. normal: not excluded. */
ALWAYS void interact(const constants *c, asked what, const some_atoms *i, bool has_lj, const some_atoms *j,
                     lanes counted, lanes normal, force *fi, force *fj, lane_sums *sums)
{
    bool has_coulomb = what.coulomb != AL_PAIR_NO_COULOMB;
    reals dx = less(i->x, j->x), dy = less(i->y, j->y), dz = less(i->z, j->z);
    reals r2 = with(dz, dz, with(dy, dy, product(dx, dx)));
    lanes within = below(counted, r2, c->cutoff2), pairs = both(within, normal), lj_pairs = pairs;
    reals f = same(0), energy = same(0);
    inverses inverse;
    if (has_coulomb || what.lj != AL_PAIR_LJ_CUT) {
        inverse = inverses_of(c, pairs, r2);
    } else {
        inverse.first = same(0);
        inverse.second = inverse_of(pairs, r2);
        inverse.second = product(inverse.second, without(r2, inverse.second, same(2)));
    }
    if (has_coulomb) {
        reals qq = product(i->charge, j->charge);
        f = product(qq, keep(within, electrostatics(c, what, &inverse, r2, normal, &energy)));
        if (what.is_summed)
            sums->coulomb = with(qq, keep(within, energy), sums->coulomb);
    }
    if (has_lj) {
        if (has_coulomb) {
            lj_pairs = below(pairs, r2, c->lj_cutoff2);
            inverse.second = keep(lj_pairs, inverse.second);
        }
        f = lennard_jones(c, what, i, j, r2, &inverse, lj_pairs, f, &energy);
        if (what.is_summed)
            sums->lj = sum(sums->lj, energy);
    }
    fi->x = with(f, dx, fi->x);
    fi->y = with(f, dy, fi->y);
    fi->z = with(f, dz, fi->z);
    fj->x = with(f, dx, fj->x);
    fj->y = with(f, dy, fj->y);
    fj->z = with(f, dz, fj->z);
    if (what.is_summed)
        sums->virial = with(f, r2, sums->virial);
}

ALWAYS some_atoms block_at(asked what, const al_pair_atoms *atoms, const float *x, uint32_t block)
{
    const float *at = x + (size_t)block * AL_BLOCK_REALS;
    size_t place = (size_t)block * AL_BLOCK;
    some_atoms j = {.x = block_of(at), .y = block_of(at + AL_BLOCK), .z = block_of(at + 2 * AL_BLOCK)};
    if (what.coulomb != AL_PAIR_NO_COULOMB)
        j.charge = block_of((const float *)atoms->charge + place);
    if (what.types == AL_PAIR_GEOMETRIC || what.types == AL_PAIR_LORENTZ) {
        j.a = block_of((const float *)atoms->a + place);
        j.b = block_of((const float *)atoms->b + place);
    }
    j.type = what.types == AL_PAIR_MATRIX ? atoms->type + place : NULL;
    return j;
}

ALWAYS some_atoms group_at(asked what, const al_pair_atoms *atoms, const float *x, size_t place)
{
    const float *at = x + al_block_at(place, 0);
    some_atoms i = {.x = group_of(at), .y = group_of(at + AL_BLOCK), .z = group_of(at + 2 * AL_BLOCK)};
    if (what.coulomb != AL_PAIR_NO_COULOMB)
        i.charge = group_of((const float *)atoms->charge + place);
    if (what.types == AL_PAIR_GEOMETRIC || what.types == AL_PAIR_LORENTZ) {
        i.a = group_of((const float *)atoms->a + place);
        i.b = group_of((const float *)atoms->b + place);
    }
    i.type = what.types == AL_PAIR_MATRIX ? atoms->type + place : NULL;
    return i;
}

/** Whether a group has Lennard-Jones atoms at all: hydrogens of many waters do not. */
ALWAYS bool has_any_lj(asked what, const al_pair_atoms *atoms, size_t place)
{
    bool has_any = what.types == AL_PAIR_ONE_TYPE || what.types == AL_PAIR_MATRIX;
    for (size_t k = place; !has_any && k < place + GROUP; k++)
        has_any = ((const float *)atoms->b)[k] != 0;
    return has_any;
}

/** A cluster at work. */
typedef struct acting {
    some_atoms i[NGROUPS];
    bool has_lj[NGROUPS];
    force f[NGROUPS];
    lane_sums sums;
} acting;

/** Groups [begin, end) of the cluster with a block. */
ALWAYS void with_block(const constants *c, asked what, const al_pair_atoms *atoms, acting *a, int begin,
                       int end, const float *x, float *f, uint32_t block, uint32_t counted, uint32_t normal)
{
    const force nothing = {same(0), same(0), same(0)};
    some_atoms j = block_at(what, atoms, x, block);
    force fj = nothing;
    for (int g = begin; g < end; g++)
        interact(c, what, &a->i[g], a->has_lj[g], &j, bits(counted >> (8 * GROUP * g)),
                 bits(normal >> (8 * GROUP * g)), &a->f[g], &fj, &a->sums);
    take_from_block(f + (size_t)block * AL_BLOCK_REALS, fj.x, fj.y, fj.z);
}

ALWAYS void do_rows(asked what, const al_pair_params *params, const al_pair_atoms *atoms,
                    const al_pair_list *list, uint32_t begin, uint32_t end, const float *x, float *f,
                    al_pair_sums *sums)
{
    const constants c = constants_of(params);
    const force nothing = {same(0), same(0), same(0)};
    for (uint32_t k = begin; k < end; k++) {
        const al_pair_row *row = &list->rows[k];
        size_t place = (size_t)row->cluster * AL_CLUSTER;
        acting a = {.sums = {same(0), same(0), same(0)}};
        for (int g = 0; g < NGROUPS; g++) {
            a.i[g] = group_at(what, atoms, x, place + (size_t)(g * GROUP));
            a.has_lj[g] = has_any_lj(what, atoms, place + (size_t)(g * GROUP));
            a.f[g] = nothing;
        }
        uint32_t n = row->begin, masked_end = row->begin + row->nmasked;
        uint32_t second = row->end - row->nsecond, first = second - row->nfirst;
        for (const uint32_t *mask = list->masks + row->first_mask; n < masked_end; n++, mask++) {
            bool is_own = list->blocks[n] == row->cluster / 2;
            with_block(&c, what, atoms, &a, 0, NGROUPS, x, f, list->blocks[n],
                       is_own ? al_pair_above(row->cluster) : UINT32_MAX, *mask);
        }
        if (what.is_summed) /* rare: what is too far adds nothing */
            first = second = row->end;
        for (; n < first; n++)
            with_block(&c, what, atoms, &a, 0, NGROUPS, x, f, list->blocks[n], UINT32_MAX, UINT32_MAX);
        for (; n < second; n++)
            with_block(&c, what, atoms, &a, 0, HALF, x, f, list->blocks[n], UINT32_MAX, UINT32_MAX);
        for (; n < row->end; n++)
            with_block(&c, what, atoms, &a, HALF, NGROUPS, x, f, list->blocks[n], UINT32_MAX, UINT32_MAX);
        for (int g = 0; g < NGROUPS; g++) {
            float *at = f + al_block_at(place + (size_t)(g * GROUP), 0);
            add_to_group(at, a.f[g].x);
            add_to_group(at + AL_BLOCK, a.f[g].y);
            add_to_group(at + 2 * AL_BLOCK, a.f[g].z);
        }
        if (what.is_summed) {
            sums->lj += (double)total(a.sums.lj);
            sums->coulomb += (double)total(a.sums.coulomb);
            sums->virial += (double)total(a.sums.virial);
        }
    }
}

/* ---- instances ------------------------------------------------------------------------------------------
 */

#define ARGS                                                                                                 \
    const al_pair_params *params, const al_pair_atoms *atoms, const al_pair_list *list, uint32_t begin,      \
        uint32_t end, const float *x, float *f, al_pair_sums *sums

/** X(lj, types, coulomb) of all that there is. */
#define COULOMBS(X, lj, types) X(lj, types, REACTION_FIELD) X(lj, types, EWALD)
#define TYPES(X, lj)                                                                                         \
    X(lj, ONE_TYPE, NO_COULOMB) COULOMBS(X, lj, GEOMETRIC) COULOMBS(X, lj, LORENTZ) COULOMBS(X, lj, MATRIX)
#define ALL(X) TYPES(X, CUT) TYPES(X, FORCE_SWITCH) TYPES(X, POTENTIAL_SWITCH)

#define INSTANCE(lj, types, coulomb)                                                                         \
    static void do_##lj##_##types##_##coulomb(ARGS)                                                          \
    {                                                                                                        \
        if (sums != NULL)                                                                                    \
            do_rows((asked){AL_PAIR_LJ_##lj, AL_PAIR_##types, AL_PAIR_##coulomb, true}, params, atoms, list, \
                    begin, end, x, f, sums);                                                                 \
        else                                                                                                 \
            do_rows((asked){AL_PAIR_LJ_##lj, AL_PAIR_##types, AL_PAIR_##coulomb, false}, params, atoms,      \
                    list, begin, end, x, f, NULL);                                                           \
    }
ALL(INSTANCE)

static void do_pairs(ARGS)
{
#define TRY(lj_, types_, coulomb_)                                                                           \
    if (params->lj == AL_PAIR_LJ_##lj_ && params->types == AL_PAIR_##types_ &&                               \
        params->coulomb == AL_PAIR_##coulomb_)                                                               \
        do_##lj_##_##types_##_##coulomb_(params, atoms, list, begin, end, x, f, sums);
    ALL(TRY)
#undef TRY
}

/* ---- pruning --------------------------------------------------------------------------------------------
 */

/** How far squares of distances may be off in floats, over the squares that they are differences of: fourteen
 * roundings at most. */
#define SQUARES_SLACK 2e-6F

enum { AT_ONCE = 16 };

/** A cluster that looks for blocks near it: |i - j|^2 < reach^2 where |j|^2 - 2 i j < reach^2 - |i|^2. */
typedef struct looking {
    reals x[NGROUPS], y[NGROUPS], z[NGROUPS], limit[NGROUPS]; /* -2 i, and what is on the right */
} looking;

ALWAYS looking look_from(const float *x, float reach)
{
    const reals by = same(-2), reach2 = same(reach * reach);
    looking l;
    for (int g = 0; g < NGROUPS; g++, x += GROUP) {
        reals ix = group_of(x), iy = group_of(x + AL_BLOCK), iz = group_of(x + 2 * AL_BLOCK);
        reals own2 = with(iz, iz, with(iy, iy, product(ix, ix)));
        l.x[g] = product(by, ix);
        l.y[g] = product(by, iy);
        l.z[g] = product(by, iz);
        l.limit[g] = less(with(same(SQUARES_SLACK), sum(own2, reach2), reach2), own2);
    }
    return l;
}

/** Which of n blocks, AT_ONCE at most, are near: a bit of each half's number for each of them. */
ALWAYS void look_at(const looking *l, const uint32_t *blocks, uint32_t n, const float *x, uint32_t halves[2])
{
    const lanes all = bits(UINT32_MAX);
    halves[0] = halves[1] = 0;
    while (n-- > 0) { /* the last first, for its bit to come to be the highest */
        const float *at = x + (size_t)blocks[n] * AL_BLOCK_REALS;
        reals jx = block_of(at), jy = block_of(at + AL_BLOCK), jz = block_of(at + 2 * AL_BLOCK);
        reals j2 = with(jz, jz, with(jy, jy, product(jx, jx)));
        for (int half = 0; half < 2; half++) {
            lanes near = bits(0);
            for (int g = half * HALF; g < (half + 1) * HALF; g++)
                near = either(near, below(all, with(l->x[g], jx, with(l->y[g], jy, with(l->z[g], jz, j2))),
                                          l->limit[g]));
            halves[half] = halves[half] * 2 + is_any(near);
        }
    }
}

/** No branch depends on what is near, which would often be foreseen wrongly. */
static void prune(uint32_t cluster, const uint32_t *blocks, uint32_t nblocks, const float *x, float reach,
                  al_pair_near *near)
{
    const looking l = look_from(x + al_block_at((size_t)cluster * AL_CLUSTER, 0), reach);
    uint32_t nwhole = 0, nfirst = 0, nsecond = 0;
    for (uint32_t n; nblocks > 0; nblocks -= n, blocks += n) {
        uint32_t halves[2];
        n = nblocks < AT_ONCE ? nblocks : AT_ONCE;
        look_at(&l, blocks, n, x, halves);
        nwhole += put_chosen(near->whole + nwhole, blocks, n, halves[0] & halves[1]);
        nfirst += put_chosen(near->first + nfirst, blocks, n, halves[0] & ~halves[1]);
        nsecond += put_chosen(near->second + nsecond, blocks, n, halves[1] & ~halves[0]);
    }
    near->nwhole = nwhole;
    near->nfirst = nfirst;
    near->nsecond = nsecond;
}

/* ---- blocks near others ---------------------------------------------------------------------------------
 */

static uint32_t find_near(const al_bounds *own, const al_spans *blocks, uint32_t begin, uint32_t end,
                          float reach, uint32_t *near)
{
    enum { LANES = GROUP * AL_BLOCK };
    const reals reach2 = same(reach * reach), zero = same(0);
    uint32_t count = 0;
    reals least[3], greatest[3];
    for (int d = 0; d < 3; d++) {
        least[d] = same(own->least[d]);
        greatest[d] = same(own->greatest[d]);
    }
    for (uint32_t block = begin; block < end; block += LANES) {
        const float *row = blocks->rows + block;
        uint32_t n = end - block < LANES ? end - block : LANES;
        reals apart2 = zero;
        for (size_t d = 0; d < 3; d++, row += blocks->stride) {
            reals above = less(load(row), greatest[d]),
                  below = less(least[d], load(row + 3 * blocks->stride));
            reals apart = greater(greater(above, below), zero);
            apart2 = with(apart, apart, apart2);
        }
        count +=
            put_numbers(near + count, block, n, to_bits(below(bits(UINT32_MAX >> (32 - n)), apart2, reach2)));
    }
    return count;
}
