/*
 * Address translation caches that have not answered an invalidation.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A device whose ATC may not have answered is sent no more of them until the
 * guest has been told by its next CMD_SYNC (4.5.1), because each may cost
 * another second. A round lasts from one such CMD_SYNC to the next.
 */
#ifndef ENGINE_ATC_H
#define ENGINE_ATC_H

#include <stdbool.h>

/* Of all devices. */
typedef struct SMMUv3AtcRound {
    bool timed_out;         /* the next CMD_SYNC has to say so */
    unsigned number;
} SMMUv3AtcRound;

/* Of one device. */
typedef struct SMMUv3AtcState {
    bool suspected;         /* it has not answered... */
    unsigned round;         /* ...in this round */
} SMMUv3AtcState;

static inline void smmuv3_atc_suspect(SMMUv3AtcState *s,
                                      const SMMUv3AtcRound *round)
{
    s->suspected = true;
    s->round = round->number;
}

static inline bool smmuv3_atc_suspected(const SMMUv3AtcState *s,
                                        const SMMUv3AtcRound *round)
{
    return s->suspected && s->round == round->number;
}

/* The guest was told, or nobody is there to be told any more. */
static inline void smmuv3_atc_told(SMMUv3AtcRound *round)
{
    round->timed_out = false;
    round->number++;
}

#endif
