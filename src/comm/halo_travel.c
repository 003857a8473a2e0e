/* halo_travel.c - values of atoms sent to their copies, and what copies have brought back. See halo.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "comm/halo.h"

/** Send a pulse's message, there or back, and get ready for what comes. */
static void depart(al_halo *halo, int p)
{
    const al_halo_trip *trip = &halo->trip;
    al_halo_pulse *pulse = &halo->pulses[p];
    al_comm *comm = trip->comm;
    size_t there = pulse->nsent * trip->nbytes, back = pulse->nreceived * trip->nbytes;
    char *out = halo->out + pulse->out_first * trip->nbytes, *in = halo->in + pulse->in_first * trip->nbytes;
    int to = trip->is_forward ? pulse->to : pulse->from;
    if (trip->is_forward) {
        trip->pack(trip->arg, pulse, pulse->sent, pulse->nsent, out);
        comm->start(comm, AL_COMM_ATOMS, pulse->to, out, there, pulse->from, in, back, &pulse->request);
    } else {
        trip->pack(trip->arg, pulse, halo->names + pulse->first, pulse->nreceived, in);
        comm->start(comm, AL_COMM_ATOMS, pulse->from, in, back, pulse->to, out, there, &pulse->request);
    }
    if (to >= 0 && to != comm->rank) {
        halo->nbytes += trip->is_forward ? there : back;
        halo->nmessages++;
    }
}

/** Copies of a rank's own atoms, all at once. */
static void carry(al_halo *halo)
{
    if (halo->trip.carry != NULL && halo->own.n > 0)
        halo->trip.carry(halo->trip.arg, halo);
}

/** Take what has come, and turn to the next pulse. What is brought back takes the ways in the other order, as
 * it may have come by several. */
static void arrive(al_halo *halo)
{
    al_halo_trip *trip = &halo->trip;
    const al_halo_pulse *pulse = &halo->pulses[trip->pulse];
    if (trip->is_forward)
        trip->unpack(trip->arg, pulse, halo->names + pulse->first, pulse->nreceived,
                     halo->in + pulse->in_first * trip->nbytes);
    else
        trip->unpack(trip->arg, pulse, pulse->sent, pulse->nsent,
                     halo->out + pulse->out_first * trip->nbytes);
    trip->pulse += trip->is_forward ? 1 : -1;
    trip->is_over = trip->pulse < 0 || trip->pulse == trip->npulses;
    if (trip->is_over && trip->is_forward)
        carry(halo);
    else if (!trip->is_over && !halo->is_direct)
        depart(halo, trip->pulse);
}

void al_halo_begin(al_halo *halo, const al_halo_trip *trip)
{
    halo->trip = *trip;
    int npulses = halo->trip.npulses = trip->carry != NULL ? halo->own.first_pulse : halo->npulses;
    halo->trip.pulse = trip->is_forward ? 0 : npulses - 1;
    halo->trip.is_over = npulses == 0;
    if (!trip->is_forward || npulses == 0)
        carry(halo);
    int ndeparting = halo->is_direct ? npulses : npulses > 0;
    for (int k = 0; k < ndeparting; k++)
        depart(halo, trip->is_forward ? k : npulses - 1 - k);
}

/** What the pulse that is waited for waits for. */
static al_comm_request *awaited(al_halo *halo)
{
    return &halo->pulses[halo->trip.pulse].request;
}

bool al_halo_go_on(al_halo *halo)
{
    const al_halo_trip *trip = &halo->trip;
    while (!trip->is_over && trip->comm->has_come(trip->comm, awaited(halo)))
        arrive(halo);
    return trip->is_over;
}

void al_halo_end(al_halo *halo)
{
    const al_halo_trip *trip = &halo->trip;
    while (!trip->is_over) {
        trip->comm->finish(trip->comm, awaited(halo));
        arrive(halo);
    }
}

void al_halo_begin_forward(al_halo *halo, al_comm *comm, size_t nbytes, al_halo_pack *pack,
                           al_halo_unpack *unpack, void *arg)
{
    al_halo_begin(halo, &(al_halo_trip){.is_forward = true, comm, nbytes, pack, unpack, .arg = arg});
}

void al_halo_begin_reverse(al_halo *halo, al_comm *comm, size_t nbytes, al_halo_pack *pack,
                           al_halo_unpack *unpack, void *arg)
{
    al_halo_begin(halo, &(al_halo_trip){.is_forward = false, comm, nbytes, pack, unpack, .arg = arg});
}

void al_halo_forward(al_halo *halo, al_comm *comm, size_t nbytes, al_halo_pack *pack, al_halo_unpack *unpack,
                     void *arg)
{
    al_halo_begin_forward(halo, comm, nbytes, pack, unpack, arg);
    al_halo_end(halo);
}

void al_halo_reverse(al_halo *halo, al_comm *comm, size_t nbytes, al_halo_pack *pack, al_halo_unpack *unpack,
                     void *arg)
{
    al_halo_begin_reverse(halo, comm, nbytes, pack, unpack, arg);
    al_halo_end(halo);
}
