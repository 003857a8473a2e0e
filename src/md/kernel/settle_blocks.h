/* settle_blocks.h - the text of settle.h's functions, compiled for several processors by settle_*.c, which
 * includes it: POSITIONS and VELOCITIES, their names. All loops are of eight waters, for the compiler's
 * vectors. A last batch that is not full repeats its last water, which is then written once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

/** One number of each of eight waters. */
typedef struct eight {
    double of[AL_BLOCK];
} eight;

/** A vector of each of eight waters. */
typedef struct vectors {
    eight at[3];
} vectors;

#define EACH for (int w = 0; w < AL_BLOCK; w++)

static inline size_t place_of(const uint32_t *places, uint64_t first, uint64_t end, int w, int atom)
{
    uint64_t water = first + (uint64_t)w < end ? first + (uint64_t)w : end - 1;
    return places[3 * water + (uint64_t)atom];
}

static inline void take(vectors *to, const double *from, const uint32_t *places, uint64_t first, uint64_t end,
                        int atom)
{
    EACH
    {
        size_t place = place_of(places, first, end, w, atom);
        for (unsigned d = 0; d < 3; d++)
            to->at[d].of[w] = from[al_block_at(place, d)];
    }
}

static inline void put(const vectors *from, double *to, const uint32_t *places, uint64_t first, uint64_t end,
                       int atom)
{
    for (int w = 0; w < AL_BLOCK && first + (uint64_t)w < end; w++)
        for (unsigned d = 0; d < 3; d++)
            to[al_block_at(place_of(places, first, end, w, atom), d)] = from->at[d].of[w];
}

/** What to add to b so that it is the image near a. */
static inline void nearest(const double box[3][3], const vectors *a, const vectors *b, vectors *shift)
{
    for (int d = 0; d < 3; d++)
        EACH shift->at[d].of[w] = 0;
    for (int d = 2; d >= 0; d--)
        EACH
        {
            double n = nearbyint((a->at[d].of[w] - b->at[d].of[w] - shift->at[d].of[w]) / box[d][d]);
            for (int e = 0; e <= d; e++)
                shift->at[e].of[w] += n * box[d][e];
        }
}

static inline void add(vectors *a, const vectors *b, double by)
{
    for (int d = 0; d < 3; d++)
        EACH a->at[d].of[w] += by * b->at[d].of[w];
}

static inline vectors less(const vectors *a, const vectors *b)
{
    vectors c = *a;
    add(&c, b, -1);
    return c;
}

static inline vectors cross(const vectors *a, const vectors *b)
{
    vectors c;
    for (int d = 0; d < 3; d++) {
        int e = (d + 1) % 3, g = (d + 2) % 3;
        EACH c.at[d].of[w] = a->at[e].of[w] * b->at[g].of[w] - a->at[g].of[w] * b->at[e].of[w];
    }
    return c;
}

static inline eight dot(const vectors *a, const vectors *b)
{
    eight c;
    EACH c.of[w] =
        a->at[0].of[w] * b->at[0].of[w] + a->at[1].of[w] * b->at[1].of[w] + a->at[2].of[w] * b->at[2].of[w];
    return c;
}

static inline void normalize(vectors *a)
{
    eight square = dot(a, a);
    for (int d = 0; d < 3; d++)
        EACH a->at[d].of[w] /= sqrt(square.of[w]);
}

/** Coordinates of a vector along three axes. */
static inline vectors along(const vectors axes[3], const vectors *a)
{
    vectors c;
    for (int d = 0; d < 3; d++)
        c.at[d] = dot(&axes[d], a);
    return c;
}

static inline vectors back(const vectors axes[3], const vectors *a)
{
    vectors c;
    for (int d = 0; d < 3; d++)
        EACH c.at[d].of[w] = axes[0].at[d].of[w] * a->at[0].of[w] + axes[1].at[d].of[w] * a->at[1].of[w] +
                             axes[2].at[d].of[w] * a->at[2].of[w];
    return c;
}

/** x (x) f summed over the waters that count. */
static inline void add_virial(double *virial, const vectors *x, const vectors *f, uint64_t count)
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            for (int w = 0; w < AL_BLOCK && (uint64_t)w < count; w++)
                virial[3 * i + j] += x->at[i].of[w] * f->at[j].of[w];
}

/** Triangles where they are rigid, from where they were and where they flew to; both from the oxygen's place
 * before, the second then from the centre of mass. Equations as in the paper's appendix. */
static inline void rotate(const al_settle *water, const vectors before[3], vectors after[3])
{
    double total = water->mass_o + 2 * water->mass_h, rc = water->length_hh / 2;
    double height = sqrt(water->length_oh * water->length_oh - rc * rc);
    double ra = 2 * water->mass_h * height / total, rb = height - ra;
    vectors axes[3], b0 = less(&before[1], &before[0]), c0 = less(&before[2], &before[0]);
    axes[2] = cross(&b0, &c0);
    axes[0] = cross(&after[0], &axes[2]);
    axes[1] = cross(&axes[2], &axes[0]);
    for (int d = 0; d < 3; d++)
        normalize(&axes[d]);
    b0 = along(axes, &b0);
    c0 = along(axes, &c0);
    vectors a = along(axes, &after[0]), b = along(axes, &after[1]), c = along(axes, &after[2]);
    EACH
    {
        double sin_phi = a.at[2].of[w] / ra, cos_phi = sqrt(1 - sin_phi * sin_phi);
        double sin_psi = (b.at[2].of[w] - c.at[2].of[w]) / (2 * rc * cos_phi),
               cos_psi = sqrt(1 - sin_psi * sin_psi);
        double ya = ra * cos_phi, xb = -rc * cos_psi;
        double yb = -rb * cos_phi - rc * sin_psi * sin_phi, yc = -rb * cos_phi + rc * sin_psi * sin_phi;
        double xb0 = b0.at[0].of[w], yb0 = b0.at[1].of[w], xc0 = c0.at[0].of[w], yc0 = c0.at[1].of[w];
        double alpha = xb * (xb0 - xc0) + yb0 * yb + yc0 * yc, beta = xb * (yc0 - yb0) + xb0 * yb + xc0 * yc;
        double gamma = xb0 * b.at[1].of[w] - b.at[0].of[w] * yb0 + xc0 * c.at[1].of[w] - c.at[0].of[w] * yc0;
        double square = alpha * alpha + beta * beta;
        double sin_theta = (alpha * gamma - beta * sqrt(square - gamma * gamma)) / square;
        double cos_theta = sqrt(1 - sin_theta * sin_theta);
        a.at[0].of[w] = -ya * sin_theta;
        a.at[1].of[w] = ya * cos_theta;
        b.at[0].of[w] = xb * cos_theta - yb * sin_theta;
        b.at[1].of[w] = xb * sin_theta + yb * cos_theta;
        c.at[0].of[w] = -xb * cos_theta - yc * sin_theta;
        c.at[1].of[w] = -xb * sin_theta + yc * cos_theta;
    }
    after[0] = back(axes, &a);
    after[1] = back(axes, &b);
    after[2] = back(axes, &c);
}

/** Eight waters, or fewer. */
static void settle_batch(const al_settle *water, const al_settle_step *step, uint64_t first, uint64_t end,
                         const uint32_t *places, double *x, double *v, double *virial)
{
    const double mass[3] = {water->mass_o, water->mass_h, water->mass_h};
    double total = mass[0] + 2 * mass[1];
    vectors free_x[3], free_v[3], before[3], after[3], shift[3], centre;
    for (int atom = 0; atom < 3; atom++) {
        take(&free_x[atom], x, places, first, end, atom);
        take(&free_v[atom], v, places, first, end, atom);
        before[atom] = free_x[atom];
        add(&before[atom], &free_v[atom], -step->dt);
    }
    for (int atom = 0; atom < 3; atom++) {
        nearest(step->box, &before[0], &before[atom], &shift[atom]);
        add(&free_x[atom], &shift[atom], 1);
        add(&before[atom], &shift[atom], 1);
    }
    for (int d = 0; d < 3; d++)
        EACH centre.at[d].of[w] =
            (mass[0] * free_x[0].at[d].of[w] + mass[1] * (free_x[1].at[d].of[w] + free_x[2].at[d].of[w])) /
            total;
    for (int atom = 0; atom < 3; atom++)
        after[atom] = less(&free_x[atom], &centre);
    rotate(water, before, after);
    uint64_t count = end - first;
    for (int atom = 0; atom < 3; atom++) {
        vectors moved = after[atom], from_oxygen = less(&before[atom], &before[0]);
        add(&moved, &centre, 1);
        vectors rigid = less(&moved, &shift[atom]);
        moved = less(&moved, &free_x[atom]);
        add(&free_v[atom], &moved, 1 / step->dt);
        put(&rigid, x, places, first, end, atom);
        if (step->has_velocities)
            put(&free_v[atom], v, places, first, end, atom);
        for (int d = 0; d < 3; d++) /* from a length to a force */
            EACH moved.at[d].of[w] *= mass[atom] / (step->dt * step->dt);
        add_virial(virial, &from_oxygen, &moved, count);
    }
}

void POSITIONS(AL_SETTLE_POSITIONS_ARGS)
{
    for (uint64_t first = begin; first < end; first += AL_BLOCK)
        settle_batch(water, step, first, end, places, x, v, virial);
}

/** The solution of three equations with a symmetric matrix, by Cramer's rule: m = {00, 11, 22, 01, 12, 02}.
 */
static inline void solve(const eight m[6], const eight r[3], eight s[3])
{
    EACH
    {
        double a = m[0].of[w], b = m[1].of[w], c = m[2].of[w], d = m[3].of[w], e = m[4].of[w], f = m[5].of[w];
        double aa = b * c - e * e, bb = a * c - f * f, cc = a * b - d * d;
        double dd = f * e - d * c, ee = d * f - a * e, ff = d * e - b * f;
        double by = 1 / (a * aa + d * dd + f * ff), x = r[0].of[w], y = r[1].of[w], z = r[2].of[w];
        s[0].of[w] = by * (aa * x + dd * y + ff * z);
        s[1].of[w] = by * (dd * x + bb * y + ee * z);
        s[2].of[w] = by * (ff * x + ee * y + cc * z);
    }
}

/** Impulses along the three sides so that none gets longer or shorter. Side k is from atom k to atom k + 1.
 */
static void still_batch(const al_settle *water, const al_settle_step *step, uint64_t first, uint64_t end,
                        const uint32_t *places, const double *x, double *v, double *virial)
{
    const double per_mass[3] = {1 / water->mass_o, 1 / water->mass_h, 1 / water->mass_h};
    vectors at[3], speed[3], side[3], shift;
    eight m[6], rate[3], impulse[3];
    for (int atom = 0; atom < 3; atom++) {
        take(&at[atom], x, places, first, end, atom);
        take(&speed[atom], v, places, first, end, atom);
        nearest(step->box, &at[0], &at[atom], &shift);
        add(&at[atom], &shift, 1);
    }
    for (int k = 0; k < 3; k++) {
        int next = (k + 1) % 3;
        vectors relative = less(&speed[next], &speed[k]);
        side[k] = less(&at[next], &at[k]);
        rate[k] = dot(&side[k], &relative);
    }
    for (int k = 0; k < 3; k++) { /* sides k and k + 1 share atom k + 1, at their end and their beginning */
        int next = (k + 1) % 3;
        m[k] = dot(&side[k], &side[k]);
        m[3 + k] = dot(&side[k], &side[next]);
        EACH m[k].of[w] *= per_mass[k] + per_mass[next];
        EACH m[3 + k].of[w] *= -per_mass[next];
    }
    solve(m, rate, impulse);
    for (int k = 0; k < 3; k++) {
        vectors push = side[k];
        for (int d = 0; d < 3; d++)
            EACH push.at[d].of[w] *= impulse[k].of[w];
        add(&speed[k], &push, per_mass[k]);
        add(&speed[(k + 1) % 3], &push, -per_mass[(k + 1) % 3]);
        for (int d = 0; d < 3; d++)
            EACH push.at[d].of[w] *= -1 / step->dt;
        add_virial(virial, &side[k], &push, end - first);
    }
    for (int atom = 0; atom < 3; atom++)
        put(&speed[atom], v, places, first, end, atom);
}

void VELOCITIES(AL_SETTLE_VELOCITIES_ARGS)
{
    for (uint64_t first = begin; first < end; first += AL_BLOCK)
        still_batch(water, step, first, end, places, x, v, virial);
}

#undef EACH
