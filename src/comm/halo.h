/* halo.h - copies of other ranks' atoms that are near this rank's domain, and what goes to and fro for them.
 *
 * The eighth shell (Bowers, Dror and Shaw, J. Comput. Phys. 221, 303, 2007): a rank gets the atoms that are
 * within reach above its domain, in one, two or three directions; an atom's zone has bit d set if it came
 * from above in direction d. Of all shells it brings the fewest atoms; the price is that forces on copies go
 * back. Atoms pass through one direction after the other, so that corners need no messages of their own;
 * where domains are thinner than the reach, a direction takes several pulses. Where domains have cuts
 * (cuts.h), those above one are not in a row: each rank then sends to each that wants some of its atoms.
 *
 * Atoms may come in groups that stay together on one rank: where its leader is says whose an atom is, and
 * which zone its copies are in; where it is itself says who gets a copy.
 *
 * What is sent is the caller's: it packs and unpacks, the halo knows whose turn it is.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_COMM_HALO_H
#define AL_COMM_HALO_H

#include <allot/error.h>

#include "base/shares.h"
#include "comm/domain.h"

/** Atoms of a rank: those at home first, in any order, then copies. Arrays are owned by whoever begins with
 * zeros; al_halo_atoms_grow() makes room. */
typedef struct al_halo_atoms {
    uint32_t n, nhome, room;
    double *x; /**< 3 n, coordinates of the lattice; copies are where they are near, also beyond the box */
    uint64_t *id;
    uint8_t *zone; /**< 0: home */
    double *lead;  /**< NULL: each atom is its own leader; or [3 nhome]: coordinates of leaders; borrowed */
    double radius; /**< no atom of any rank is farther from its leader in space, nor was any when it was
                      copied */
} al_halo_atoms;

bool al_halo_atoms_grow(al_halo_atoms *atoms, uint32_t room); /**< false: out of memory */
void al_halo_atoms_fini(al_halo_atoms *atoms);

/** One message to a rank that is below, and one from one that is above; perhaps only one of them. */
typedef struct al_halo_pulse {
    int to, from;    /**< -1: nobody */
    int direction;   /**< that it goes through; -1: several at once */
    double shift[3]; /**< added to coordinates that are sent: lengths of the box, or 0 */
    double step[3];  /**< added to places in space that count from the middle of each rank's own domain */
    uint32_t nsent, nreceived, first; /**< first: of what is received */
    uint32_t *sent;                   /**< numbers of atoms, or what al_halo_rename() made of them */
    uint32_t room_sent;
    uint32_t out_first, in_first; /**< atoms before these in the buffers */
    al_comm_request request;
} al_halo_pulse;

/** Put what is to be sent of `n` atoms into out, nbytes each; or take it from in. */
typedef void al_halo_pack(void *arg, const al_halo_pulse *pulse, const uint32_t *names, uint32_t n,
                          void *out);
typedef void al_halo_unpack(void *arg, const al_halo_pulse *pulse, const uint32_t *names, uint32_t n,
                            const void *in);

struct al_halo;
/** Do what pack and unpack would for all copies that a rank has of its own atoms, halo->own, at once. */
typedef void al_halo_carry(void *arg, const struct al_halo *halo);

/** What is under way, or is to be. */
typedef struct al_halo_trip {
    bool is_forward;
    al_comm *comm;
    size_t nbytes; /**< of an atom */
    al_halo_pack *pack;
    al_halo_unpack *unpack;
    al_halo_carry *carry; /**< NULL: pack and unpack are called for these, too */
    void *arg;
    bool is_over; /**< this and what follows is the halo's own */
    int pulse, npulses;
} al_halo_trip;

/** A copy that a rank made of an atom, its root, that it had: by the number of a move. */
typedef struct al_halo_copy {
    uint32_t root, copy, image;
} al_halo_copy;

/** Copies that a rank has of its own atoms, or of copies that others sent: images in directions that are not
 * cut. Each comes from its root by one move, so no copy waits for another. */
typedef struct al_halo_own {
    int first_pulse;         /**< this and all that follow are of such copies */
    uint32_t n, nroots;      /**< copies; atoms that there were before them */
    al_halo_copy *made;      /**< [n]: by numbers, in the order of copies */
    al_halo_copy *copies;    /**< [n]: by names, in shares of the roots; within, in the order of copies */
    uint32_t *begins;        /**< [nshares + 1], of the shares; as many as there are threads */
    double (*moves)[3];      /**< of images: added to places in space that count from the middle */
    uint32_t nmoves, stride; /**< stride: of the latest direction */
    uint32_t room, room_moves;
} al_halo_own;

/** Begin with zeros, but for threads. */
typedef struct al_halo {
    al_threads threads; /**< that help to build it */
    al_halo_pulse *pulses;
    int npulses, room;
    al_halo_own own;
    uint32_t *nchosen; /**< [threads] */
    bool is_direct;    /**< pulses do not wait for each other */
    uint32_t *names;   /**< [n]: what atoms are called by callbacks: their numbers, or al_halo_rename()'s */
    uint32_t nnames;
    char *out, *in;
    size_t room_out, room_in;
    al_halo_trip trip;
    uint64_t nbytes, nmessages; /**< sent to other ranks so far by forward and reverse */
} al_halo;

/** Give each rank copies of what is within reach above its domain. Collective.
 * @param reach  in space
 * @param[in,out] atoms  home atoms; copies are appended
 * @return ALLOT_OK; ALLOT_ENOMEM, of this rank alone: the others wait for it, al_comm's fail() ends them */
allot_err al_halo_build(al_halo *halo, al_comm *comm, const al_domain *domain, double reach,
                        al_halo_atoms *atoms, allot_error *err);
/** From now on atom k is called names[k], which are copied. @return false: out of memory */
bool al_halo_rename(al_halo *halo, const uint32_t *names, uint32_t n);
void al_halo_fini(al_halo *halo);

/** Bring something of all copied atoms, at most 40 bytes each, from where they are at home. Collective. */
void al_halo_forward(al_halo *halo, al_comm *comm, size_t nbytes, al_halo_pack *pack, al_halo_unpack *unpack,
                     void *arg);
/** Take something of all copies back to where they are at home; unpack adds it. Collective. */
void al_halo_reverse(al_halo *halo, al_comm *comm, size_t nbytes, al_halo_pack *pack, al_halo_unpack *unpack,
                     void *arg);

/** The same in parts, so that the caller may work while messages travel: begin, go on now and then, end.
 * Callbacks are called within these alone, on the caller's thread; one trip at a time. Sums of what is
 * brought back have the same bits each time if nothing else is added between begin and end. Collective but
 * for al_halo_go_on(), which does not wait. */
void al_halo_begin_forward(al_halo *halo, al_comm *comm, size_t nbytes, al_halo_pack *pack,
                           al_halo_unpack *unpack, void *arg);
void al_halo_begin_reverse(al_halo *halo, al_comm *comm, size_t nbytes, al_halo_pack *pack,
                           al_halo_unpack *unpack, void *arg);
void al_halo_begin(al_halo *halo, const al_halo_trip *trip); /**< either of them, as trip says */
bool al_halo_go_on(al_halo *halo);                           /**< true: all has come */
void al_halo_end(al_halo *halo);

#endif
