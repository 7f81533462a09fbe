/*
 * Address translation caches that have not answered an invalidation.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A device whose ATC may not have answered is sent no more ATC_INVs until the
 * guest's next CMD_SYNC has reported the time-out (4.5.1), because each may
 * cost another second. A round lasts from one such report to the next.
 */
#ifndef ENGINE_ATC_H
#define ENGINE_ATC_H

#include <stdbool.h>

/* The round that all devices are in. */
typedef struct SMMUv3AtcRound {
    bool timed_out;         /* the next CMD_SYNC reports it */
    unsigned number;
} SMMUv3AtcRound;

/* One device's ATC. */
typedef struct SMMUv3AtcState {
    bool suspected;         /* it may not have answered */
    unsigned round;         /* the round in which it was suspected */
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

/* The round ends: the time-out was reported, or a reset made it void. */
static inline void smmuv3_atc_told(SMMUv3AtcRound *round)
{
    round->timed_out = false;
    round->number++;
}

#endif
