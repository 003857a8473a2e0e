/* packing.c - see packing.h.
 *
 * A line is measured by what is sent over it as it is. While it seems slow a piece is packed now and then
 * to see what comes of it; plan/compress.h decides. While packing is on the line may not be what is
 * waited for, and then nothing new is known of it: so now and then pieces go as they are for a while.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/packing.h"

#define PIECE_LEAST 1024u                 /* bytes: what is less saves nothing that can be noticed */
#define LOOK_EVERY (UINT64_C(8) << 20)    /* bytes that go plain between two tries, at most, */
#define LOOK_EVERY_S 0.5                  /* or what the line takes in such a time, */
#define DOUBT_EVERY (UINT64_C(256) << 20) /* and packed before the line is measured again */

bool al_packing_wants(al_packing *packing, size_t nbytes, double line_rate)
{
    if (packing->when != AL_PACKING_PAYS || nbytes < PIECE_LEAST)
        return packing->when == AL_PACKING_ALWAYS && nbytes > 0;
    if (packing->is_on) {
        if (line_rate > 0)
            packing->facts.line_rate = line_rate;
        packing->is_on = line_rate > 0 || packing->nplain < DOUBT_EVERY;
        if (!packing->is_on)
            packing->nplain = 0;
        return packing->is_on;
    }
    packing->facts.line_rate = line_rate;
    bool is_time = packing->facts.pack_rate == 0 || packing->nplain >= LOOK_EVERY ||
                   (double)packing->nplain >= line_rate * LOOK_EVERY_S;
    if (!al_plan_may_compress(line_rate))
        (void)al_plan_compress(&packing->facts, false, &packing->why);
    return is_time && al_plan_may_compress(line_rate);
}

void al_packing_tried(al_packing *packing, size_t nbytes, size_t npacked, uint64_t took_ns)
{
    al_line_facts *facts = &packing->facts;
    double rate = (double)nbytes * 1e9 / (double)(took_ns > 0 ? took_ns : 1);
    double ratio = npacked > 0 ? (double)npacked / (double)nbytes : 1;
    /* A piece may be odd, or the processor was taken from us meanwhile: half of what was known stays. */
    facts->pack_rate = packing->is_on ? (facts->pack_rate + rate) / 2 : rate;
    facts->ratio = packing->is_on ? (facts->ratio + ratio) / 2 : ratio;
    bool was_on = packing->is_on;
    packing->is_on = packing->when == AL_PACKING_ALWAYS || al_plan_compress(facts, was_on, &packing->why);
    packing->nplain = packing->is_on && was_on ? packing->nplain + nbytes : 0;
}

void al_packing_passed(al_packing *packing, size_t nbytes)
{
    packing->nplain += nbytes;
}

void al_packing_fini(al_packing *packing)
{
    al_packer_fini(&packing->packer);
}
