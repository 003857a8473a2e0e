/* halo.c - see halo.h.
 *
 * Invariant: a copy is made exactly if it is within reach of all that is not above the receiving domain in
 * any of the directions in which the copy is: rounded at edges and corners. Every pair within reach has then
 * exactly one rank that holds both its atoms in zones that share no bit: the one whose domain has, in each
 * direction, the lower of their coordinates. (Of the two, each is above that domain only in directions in
 * which the other is not, so it is farther from the other than from all of that.) In a rectangular box this
 * is the distance from the domain; in a skewed one it is no more than that, and a copy that leans far aside
 * over an edge is made for nothing.
 *
 * Where atoms have leaders, of a pair P, Q with leaders p, q "above" is said of p and q. Then P is within
 * reach and the radius of what is below those planes, as q is there, and no farther from P than Q is and the
 * radius more: so that is how far copies reach. And p is no farther than another radius: so that is how far
 * away the ranks may be that have them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "comm/halo.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "comm/cuts.h"

/** An atom in a message. */
typedef struct record {
    double x[3];
    uint64_t id;
    uint64_t zone;
} record;

bool al_halo_atoms_grow(al_halo_atoms *atoms, uint32_t room)
{
    if (room <= atoms->room)
        return true;
    room += room / 2 + 64;
    double *x = realloc(atoms->x, (size_t)room * 3 * sizeof *x);
    atoms->x = x != NULL ? x : atoms->x;
    uint64_t *id = realloc(atoms->id, room * sizeof *id);
    atoms->id = id != NULL ? id : atoms->id;
    uint8_t *zone = realloc(atoms->zone, room);
    atoms->zone = zone != NULL ? zone : atoms->zone;
    if (x == NULL || id == NULL || zone == NULL)
        return false;
    atoms->room = room;
    return true;
}

void al_halo_atoms_fini(al_halo_atoms *atoms)
{
    free(atoms->x);
    free(atoms->id);
    free(atoms->zone);
    *atoms = (al_halo_atoms){0};
}

void al_halo_fini(al_halo *halo)
{
    for (int k = 0; k < halo->room; k++)
        free(halo->pulses[k].sent);
    free(halo->pulses);
    free(halo->own.made);
    free(halo->own.copies);
    free(halo->own.moves);
    free(halo->own.begins);
    free(halo->names);
    free(halo->nchosen);
    free(halo->out);
    free(halo->in);
    *halo = (al_halo){.npulses = 0};
}

static bool has_room(char **buffer, size_t *room, size_t needed)
{
    if (needed <= *room)
        return true;
    free(*buffer);
    *room = needed + needed / 2;
    *buffer = malloc(*room);
    return *buffer != NULL;
}

/** How far copies reach. */
typedef struct reaching {
    double distance;           /* of a copy */
    double across[3];          /* what it is along each coordinate */
    double span[3];            /* the same of its leader */
    const al_lattice *lattice; /* NULL: the box is rectangular */
} reaching;

static reaching reaching_of(const al_domain *domain, double reach, double radius)
{
    static const double upright[3] = {1, 1, 1};
    const al_lattice *lattice = domain->lattice;
    const double *thick = lattice != NULL ? lattice->thick : upright;
    /* Positions are rounded when they cross the end of the box: no pair may be lost to that. */
    reach += 8 * DBL_EPSILON * (domain->box[0] + domain->box[1] + domain->box[2] + reach);
    if (lattice != NULL)
        reach += 2 * (lattice->slack[0] + lattice->slack[1] + lattice->slack[2]);
    reaching made = {.distance = reach + radius, .lattice = lattice};
    for (int d = 0; d < 3; d++) {
        made.across[d] = (reach + radius) / thick[d];
        made.span[d] = (reach + 2 * radius) / thick[d];
    }
    return made;
}

/** Whether what is above the planes of some directions by so much is within reach of what is below them. */
static bool is_within(const reaching *reach, const double above[3], unsigned zone)
{
    if (reach->lattice != NULL)
        return al_lattice_apart2(reach->lattice, above, zone) < reach->distance * reach->distance;
    double sum = 0;
    for (int d = 0; d < 3; d++)
        sum += (zone >> d & 1) != 0 ? above[d] * above[d] : 0;
    return sum < reach->distance * reach->distance;
}

/** How far a coordinate is above the domain, with what it is moved by on its way to the rank below. */
static double excess(const al_domain *receiver, int d, double x)
{
    return x >= receiver->hi[d] ? x - receiver->hi[d] : 0;
}

/** Whether a copy of atom k belongs to the receiver: within reach of its domain in the directions that it has
 * come through and goes through now. */
static bool is_wanted(const al_halo_atoms *atoms, uint32_t k, const al_domain *receiver,
                      const al_halo_pulse *pulse, const reaching *reach)
{
    const double *x = &atoms->x[3 * (size_t)k];
    double above[3] = {0, 0, 0};
    int now = pulse->direction;
    unsigned zone = atoms->zone[k];
    above[now] = excess(receiver, now, x[now] + pulse->shift[now]);
    if (above[now] >= reach->across[now])
        return false; /* as most are */
    for (int d = 0; d < 3; d++)
        if (d != now && (zone >> d & 1) != 0)
            above[d] = excess(receiver, d, x[d]);
    return is_within(reach, above, zone | 1u << now);
}

/* ---- pulses ---------------------------------------------------------------------------------------------
 */

/** A pulse being made, in shares of the atoms or of the records. */
typedef struct making {
    al_halo *halo;
    al_halo_pulse *pulse;
    al_halo_atoms *atoms;
    const al_domain *receiver;
    const reaching *reach;
    uint32_t begin, end; /* atoms that may be sent */
    uint32_t nshares;
    record *records;
} making;

/** One of `n` things' shares. */
static uint32_t begin_of(const making *m, uint64_t n, uint64_t share)
{
    return (uint32_t)al_share_begin(n, share, m->nshares);
}

/** In each share, what the rank below is to get of its atoms: from where the share begins in sent[] on. */
static int choose_in_turn(uint64_t begin, uint64_t end, void *arg)
{
    const making *m = arg;
    for (uint64_t share = begin; share < end; share++) {
        uint32_t first = begin_of(m, m->end - m->begin, share),
                 last = begin_of(m, m->end - m->begin, share + 1);
        uint32_t *chosen = m->pulse->sent + first, n = 0;
        for (uint32_t k = m->begin + first; k < m->begin + last; k++) {
            chosen[n] = k;
            n += is_wanted(m->atoms, k, m->receiver, m->pulse, m->reach);
        }
        m->halo->nchosen[share] = n;
    }
    return 0;
}

/** Find what is to be sent, by all threads, in the order of atoms. @return false: out of memory */
static bool choose(const making *m, allot_for_fn in_shares)
{
    al_halo *halo = m->halo;
    al_halo_pulse *pulse = m->pulse;
    uint32_t n = m->end - m->begin;
    if (n + 1 > pulse->room_sent) {
        free(pulse->sent);
        pulse->room_sent = n + n / 4 + 16;
        pulse->sent = malloc(pulse->room_sent * sizeof *pulse->sent);
        if (pulse->sent == NULL) {
            pulse->room_sent = 0;
            return false;
        }
    }
    (void)al_shares_do(&halo->threads, m->nshares, in_shares, (void *)m);
    pulse->nsent = 0;
    for (uint32_t share = 0; share < m->nshares; share++) {
        memmove(pulse->sent + pulse->nsent, pulse->sent + begin_of(m, n, share),
                halo->nchosen[share] * sizeof *pulse->sent);
        pulse->nsent += halo->nchosen[share];
    }
    return true;
}

static int write_records(uint64_t begin, uint64_t end, void *arg)
{
    const making *m = arg;
    const al_halo_pulse *pulse = m->pulse;
    const al_halo_atoms *atoms = m->atoms;
    uint32_t last = begin_of(m, pulse->nsent, end);
    for (uint32_t k = begin_of(m, pulse->nsent, begin); k < last; k++) {
        uint32_t atom = pulse->sent[k];
        record *out = &m->records[k];
        memcpy(out->x, &atoms->x[3 * (size_t)atom], sizeof out->x);
        out->x[pulse->direction] += pulse->shift[pulse->direction];
        out->id = atoms->id[atom];
        out->zone = atoms->zone[atom] | 1u << pulse->direction;
    }
    return 0;
}

static int read_records(uint64_t begin, uint64_t end, void *arg)
{
    const making *m = arg;
    const al_halo_pulse *pulse = m->pulse;
    al_halo_atoms *atoms = m->atoms;
    uint32_t last = begin_of(m, pulse->nreceived, end);
    for (uint32_t k = begin_of(m, pulse->nreceived, begin); k < last; k++) {
        const record *in = &m->records[k];
        size_t atom = (size_t)pulse->first + k;
        memcpy(&atoms->x[3 * atom], in->x, sizeof in->x);
        atoms->id[atom] = in->id;
        atoms->zone[atom] = (uint8_t)in->zone;
    }
    return 0;
}

/** Room for what a pulse brings, behind all others. @return false: out of memory */
static bool make_room(al_halo_pulse *pulse, al_halo_atoms *atoms)
{
    if (!al_halo_atoms_grow(atoms, atoms->n + pulse->nreceived))
        return false;
    pulse->first = atoms->n;
    atoms->n += pulse->nreceived;
    return true;
}

/** One pulse: send what the rank below wants of the atoms in question, append what comes from above. */
static bool exchange(making *m, al_comm *comm)
{
    al_halo *halo = m->halo;
    al_halo_pulse *pulse = m->pulse;
    if (!choose(m, choose_in_turn))
        return false;
    al_comm_exchange(comm, pulse->to, &pulse->nsent, sizeof pulse->nsent, pulse->from, &pulse->nreceived,
                     sizeof pulse->nreceived);
    size_t nout = pulse->nsent * sizeof(record), nin = pulse->nreceived * sizeof(record);
    if (!has_room(&halo->out, &halo->room_out, nout) || !has_room(&halo->in, &halo->room_in, nin) ||
        !make_room(pulse, m->atoms))
        return false;
    m->records = (record *)(void *)halo->out;
    (void)al_shares_do(&halo->threads, m->nshares, write_records, m);
    al_comm_exchange(comm, pulse->to, halo->out, nout, pulse->from, halo->in, nin);
    m->records = (record *)(void *)halo->in;
    (void)al_shares_do(&halo->threads, m->nshares, read_records, m);
    return true;
}

static al_halo_pulse *add_pulse(al_halo *halo)
{
    if (halo->npulses == halo->room) {
        int room = halo->room * 2 + 3;
        al_halo_pulse *more = realloc(halo->pulses, (size_t)room * sizeof *more);
        if (more == NULL)
            return NULL;
        memset(more + halo->room, 0, (size_t)(room - halo->room) * sizeof *more);
        halo->pulses = more;
        halo->room = room;
    }
    al_halo_pulse *pulse = &halo->pulses[halo->npulses++];
    *pulse = (al_halo_pulse){
        .to = -1, .from = -1, .direction = -1, .sent = pulse->sent, .room_sent = pulse->room_sent};
    return pulse;
}

/** A difference of coordinates as one of places. */
static void to_space(const al_domain *domain, double step[3])
{
    const double u[3] = {step[0], step[1], step[2]};
    if (domain->lattice != NULL)
        al_lattice_place(domain->lattice, u, step);
}

/* ---- a rank's copies of its own atoms -------------------------------------------------------------------
 */

/** Moves of the images that another direction adds to those that there are: each of these, moved once more.
 * @return false: out of memory */
static bool begin_own(al_halo *halo, uint32_t natoms, double npulses, const al_domain *domain, int d)
{
    al_halo_own *own = &halo->own;
    if (own->nmoves == 0) {
        own->first_pulse = halo->npulses;
        own->nroots = natoms;
    }
    uint32_t before = own->nmoves > 0 ? own->nmoves : 1, all = before * ((uint32_t)npulses + 1);
    if (all > own->room_moves) {
        double(*more)[3] = realloc(own->moves, all * sizeof *more);
        if (more == NULL)
            return false;
        own->moves = more;
        own->room_moves = all;
    }
    double step[3] = {0, 0, 0};
    step[d] = domain->box[d];
    to_space(domain, step);
    memset(own->moves[0], 0, sizeof own->moves[0]);
    for (uint32_t image = before; image < all; image++)
        for (int e = 0; e < 3; e++)
            own->moves[image][e] = own->moves[image - before][e] + step[e];
    own->stride = before;
    own->nmoves = all;
    return true;
}

static int copy_records(uint64_t begin, uint64_t end, void *arg)
{
    const making *m = arg;
    const al_halo_pulse *pulse = m->pulse;
    const al_halo_own *own = &m->halo->own;
    al_halo_atoms *atoms = m->atoms;
    uint32_t last = begin_of(m, pulse->nsent, end);
    for (uint32_t k = begin_of(m, pulse->nsent, begin); k < last; k++) {
        uint32_t from = pulse->sent[k], to = pulse->first + k;
        al_halo_copy *made = &own->made[to - own->nroots];
        *made = (al_halo_copy){.root = from, .copy = to, .image = own->stride};
        if (from >= own->nroots) {
            made->root = own->made[from - own->nroots].root;
            made->image += own->made[from - own->nroots].image;
        }
        memcpy(&atoms->x[3 * (size_t)to], &atoms->x[3 * (size_t)from], 3 * sizeof *atoms->x);
        atoms->x[3 * (size_t)to + (size_t)pulse->direction] += pulse->shift[pulse->direction];
        atoms->id[to] = atoms->id[from];
        atoms->zone[to] = (uint8_t)(atoms->zone[from] | 1u << pulse->direction);
    }
    return 0;
}

/** One pulse from a rank to itself, as exchange(), without messages. */
static bool copy_own(making *m)
{
    al_halo_own *own = &m->halo->own;
    al_halo_pulse *pulse = m->pulse;
    if (!choose(m, choose_in_turn))
        return false;
    pulse->nreceived = pulse->nsent;
    if (!make_room(pulse, m->atoms))
        return false;
    own->n = m->atoms->n - own->nroots;
    if (own->n > own->room) {
        uint32_t room = own->n + own->n / 4 + 64;
        al_halo_copy *made = realloc(own->made, room * sizeof *made);
        own->made = made != NULL ? made : own->made;
        al_halo_copy *copies = realloc(own->copies, room * sizeof *copies);
        own->copies = copies != NULL ? copies : own->copies;
        own->room = made != NULL && copies != NULL ? room : own->room;
    }
    size_t nbytes = pulse->nsent * sizeof(record); /* of messages to itself, if they are not carried */
    if (own->n > own->room || !has_room(&m->halo->out, &m->halo->room_out, nbytes) ||
        !has_room(&m->halo->in, &m->halo->room_in, nbytes))
        return false;
    (void)al_shares_do(&m->halo->threads, m->nshares, copy_records, m);
    return true;
}

/** All pulses in direction d: what came is passed on, as often as the reach takes. */
static bool build_direction(al_halo *halo, al_comm *comm, const al_domain *domain, int d,
                            const reaching *reach, al_halo_atoms *atoms)
{
    al_domain receiver = *domain; /* the rank below, where we see it: with its end at our beginning */
    double npulses = ceil(reach->span[d] * domain->grid[d] / domain->box[d]); /* the same for all ranks */
    bool is_own = domain->grid[d] == 1;
    making m = {.halo = halo,
                .atoms = atoms,
                .receiver = &receiver,
                .reach = reach,
                .end = atoms->n,
                .nshares = al_threads_count(&halo->threads)};
    receiver.hi[d] = domain->at[d] > 0 ? domain->lo[d] : domain->lo[d] + domain->box[d];
    if (is_own && !begin_own(halo, atoms->n, npulses, domain, d))
        return false;
    for (int p = 0; p < npulses; p++) {
        al_halo_pulse *pulse = m.pulse = add_pulse(halo);
        if (pulse == NULL)
            return false;
        pulse->direction = d;
        pulse->to = domain->below[d];
        pulse->from = domain->above[d];
        pulse->shift[d] = domain->at[d] > 0 ? 0 : domain->box[d];
        pulse->step[d] = domain->hi[d] - domain->lo[d];
        to_space(domain, pulse->step);
        if (is_own ? !copy_own(&m) : !exchange(&m, comm))
            return false;
        m.begin = m.end;
        m.end = atoms->n;
    }
    return true;
}

/* ---- where domains have cuts ----------------------------------------------------------------------------
 */

/** Whether some of the sender's domain, moved by n lengths of the box, may be within reach above the
 * receiver's. Asked by both, of the same numbers. */
static bool is_near(const al_domain *receiver, const al_domain *sender, const int n[3], const reaching *reach)
{
    bool is_itself = true;
    for (int d = 0; d < 3; d++) {
        double moved = n[d] * receiver->box[d];
        if (sender->lo[d] + moved >= receiver->hi[d] + reach->span[d] ||
            sender->hi[d] + moved <= receiver->lo[d])
            return false;
        is_itself = is_itself && n[d] == 0 && sender->at[d] == receiver->at[d];
    }
    return !is_itself;
}

/** The pulse that is the k-th with a receiver, or with a sender. */
static al_halo_pulse *pulse_at(al_halo *halo, int k)
{
    return k < halo->npulses ? &halo->pulses[k] : add_pulse(halo);
}

/** Pulses to and from another rank, for each image of the box. Between two ranks they are in the order of
 * images for both. @return false: out of memory */
static bool meet(al_halo *halo, const al_domain *domain, const al_domain *other, int rank,
                 const reaching *reach, int *nto, int *nfrom)
{
    int n[3], most[3];
    for (int d = 0; d < 3; d++)
        most[d] = (int)ceil(reach->span[d] / domain->box[d]);
    for (n[0] = 0; n[0] <= most[0]; n[0]++)
        for (n[1] = 0; n[1] <= most[1]; n[1]++)
            for (n[2] = 0; n[2] <= most[2]; n[2]++) {
                if (is_near(other, domain, n, reach)) {
                    al_halo_pulse *pulse = pulse_at(halo, (*nto)++);
                    if (pulse == NULL)
                        return false;
                    pulse->to = rank;
                    for (int d = 0; d < 3; d++) {
                        pulse->shift[d] = n[d] * domain->box[d];
                        pulse->step[d] = (domain->lo[d] + domain->hi[d]) / 2 + pulse->shift[d] -
                                         (other->lo[d] + other->hi[d]) / 2;
                    }
                    to_space(domain, pulse->step);
                }
                if (is_near(domain, other, n, reach)) {
                    al_halo_pulse *pulse = pulse_at(halo, (*nfrom)++);
                    if (pulse == NULL)
                        return false;
                    pulse->from = rank;
                }
            }
    return true;
}

/** The zone that a receiver has an atom in, and where it has it; 0: it does not want it. */
static unsigned zone_at(const al_domain *receiver, const al_halo_atoms *atoms, uint32_t k,
                        const al_halo_pulse *pulse, const reaching *reach, double x[3])
{
    const double *own = &atoms->x[3 * (size_t)k], *leads = atoms->lead != NULL ? atoms->lead : atoms->x;
    const double *lead = &leads[3 * (size_t)k];
    double above[3];
    unsigned zone = 0;
    for (int d = 0; d < 3; d++) {
        double at = lead[d] + pulse->shift[d];
        if (at < receiver->lo[d])
            return 0;
        zone |= (at >= receiver->hi[d] ? 1u : 0u) << d;
        x[d] = own[d] + pulse->shift[d];
        above[d] = excess(receiver, d, x[d]);
    }
    return is_within(reach, above, zone) ? zone : 0;
}

static int choose_directly(uint64_t begin, uint64_t end, void *arg)
{
    const making *m = arg;
    for (uint64_t share = begin; share < end; share++) {
        uint32_t first = begin_of(m, m->end, share), last = begin_of(m, m->end, share + 1), n = 0;
        for (uint32_t k = first; k < last; k++) {
            double x[3];
            m->pulse->sent[first + n] = k;
            n += zone_at(m->receiver, m->atoms, k, m->pulse, m->reach, x) != 0;
        }
        m->halo->nchosen[share] = n;
    }
    return 0;
}

static int write_directly(uint64_t begin, uint64_t end, void *arg)
{
    const making *m = arg;
    const al_halo_pulse *pulse = m->pulse;
    uint32_t last = begin_of(m, pulse->nsent, end);
    for (uint32_t k = begin_of(m, pulse->nsent, begin); k < last; k++) {
        record *out = &m->records[pulse->out_first + k];
        out->id = m->atoms->id[pulse->sent[k]];
        out->zone = zone_at(m->receiver, m->atoms, pulse->sent[k], pulse, m->reach, out->x);
    }
    return 0;
}

/** All pulses' messages at once: how many atoms, or the atoms. */
static void exchange_all(al_halo *halo, al_comm *comm, bool are_records)
{
    size_t n = are_records ? sizeof(record) : 0;
    for (int p = 0; p < halo->npulses; p++) {
        al_halo_pulse *pulse = &halo->pulses[p];
        void *out = are_records ? halo->out + pulse->out_first * n : (void *)&pulse->nsent;
        void *in = are_records ? halo->in + pulse->in_first * n : (void *)&pulse->nreceived;
        comm->start(comm, AL_COMM_ATOMS, pulse->to, out, are_records ? pulse->nsent * n : sizeof pulse->nsent,
                    pulse->from, in, are_records ? pulse->nreceived * n : sizeof pulse->nreceived,
                    &pulse->request);
    }
    for (int p = 0; p < halo->npulses; p++)
        comm->finish(comm, &halo->pulses[p].request);
}

/** Where each pulse's atoms are in the buffers. @return false: out of memory */
static bool lay_out(al_halo *halo)
{
    uint32_t nout = 0, nin = 0;
    for (int p = 0; p < halo->npulses; p++) {
        halo->pulses[p].out_first = nout;
        halo->pulses[p].in_first = nin;
        nout += halo->pulses[p].nsent;
        nin += halo->pulses[p].nreceived;
    }
    return has_room(&halo->out, &halo->room_out, ((size_t)nout + 1) * sizeof(record)) &&
           has_room(&halo->in, &halo->room_in, ((size_t)nin + 1) * sizeof(record));
}

static bool build_directly(al_halo *halo, al_comm *comm, const al_domain *domain, const reaching *reach,
                           al_halo_atoms *atoms)
{
    int nto = 0, nfrom = 0;
    al_domain other;
    bool good = true;
    for (int rank = 0; good && rank < comm->size; rank++) {
        al_cuts_domain(domain->cuts, rank, &other);
        good = meet(halo, domain, &other, rank, reach, &nto, &nfrom);
    }
    making m = {.halo = halo,
                .atoms = atoms,
                .receiver = &other,
                .reach = reach,
                .end = atoms->nhome,
                .nshares = al_threads_count(&halo->threads)};
    for (int p = 0; good && p < nto; p++) {
        m.pulse = &halo->pulses[p];
        al_cuts_domain(domain->cuts, m.pulse->to, &other);
        good = choose(&m, choose_directly);
    }
    if (!good)
        return false;
    exchange_all(halo, comm, false);
    if (!lay_out(halo))
        return false;
    m.records = (record *)(void *)halo->out;
    for (int p = 0; p < nto; p++) {
        m.pulse = &halo->pulses[p];
        al_cuts_domain(domain->cuts, m.pulse->to, &other);
        (void)al_shares_do(&halo->threads, m.nshares, write_directly, &m);
    }
    exchange_all(halo, comm, true);
    for (int p = 0; good && p < halo->npulses; p++) {
        m.pulse = &halo->pulses[p];
        m.records = (record *)(void *)halo->in + m.pulse->in_first;
        good = make_room(m.pulse, atoms);
        if (good)
            (void)al_shares_do(&halo->threads, m.nshares, read_records, &m);
    }
    return good;
}

/* ---- both -----------------------------------------------------------------------------------------------
 */

/** Room for a number, or a beginning, for each thread. @return false: out of memory */
static bool grow_shares(al_halo *halo)
{
    uint32_t n = al_threads_count(&halo->threads);
    if (halo->nchosen == NULL)
        halo->nchosen = malloc(n * sizeof *halo->nchosen);
    if (halo->own.begins == NULL)
        halo->own.begins = malloc((n + 1) * sizeof *halo->own.begins);
    return halo->nchosen != NULL && halo->own.begins != NULL;
}

allot_err al_halo_build(al_halo *halo, al_comm *comm, const al_domain *domain, double reach,
                        al_halo_atoms *atoms, allot_error *err)
{
    bool good = grow_shares(halo);
    const reaching wanted = reaching_of(domain, reach, atoms->radius);
    halo->npulses = 0;
    halo->own.n = halo->own.nmoves = 0;
    halo->trip = (al_halo_trip){.is_over = true}; /* nothing is under way */
    atoms->n = atoms->nhome;
    halo->is_direct = domain->cuts != NULL;
    if (halo->is_direct)
        good = good && build_directly(halo, comm, domain, &wanted, atoms);
    /* Directions that are not cut come last: what goes through them is this rank's own, and what it would
     * have brought to another one that one has itself. */
    for (int cut = 1; cut >= 0 && !halo->is_direct; cut--)
        for (int d = 0; d < 3 && good; d++)
            if ((domain->grid[d] > 1) == cut)
                good = build_direction(halo, comm, domain, d, &wanted, atoms);
    if (halo->own.nmoves == 0)
        halo->own.first_pulse = halo->npulses;
    good = good && al_halo_rename(halo, NULL, atoms->n);
    return good ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}
