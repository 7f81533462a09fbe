/*
 * STE decoding: from an STE to a decision.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Raw STE bits end here; further on there are only abort, bypass and
 * translate with the key under which its nested HWPT is shared.
 */
#ifndef ENGINE_STE_H
#define ENGINE_STE_H

#include "smmuv3-decode.h"

typedef struct SMMUv3StreamConfig {
    SMMUv3StreamKind kind;
    uint64_t key[2];        /* STE words 0, 1 as they act; 0: not translate */
    SMMUv3EventType event;  /* what a transaction would raise; abort only */
    bool illegal;           /* the STE has V=1, and cannot be used (5.2.2) */
    uint64_t event_addr;    /* F_STE_FETCH: what could not be read */
} SMMUv3StreamConfig;

/*
 * Decides over an STE's first two words (5.2), for a guest that was promised
 * @idr. Pure.
 */
SMMUv3StreamConfig smmuv3_ste_decode(const uint64_t dw[2],
                                     const uint32_t idr[6]);

/* What aborts, and raises @event with each transaction. Pure. */
SMMUv3StreamConfig smmuv3_ste_abort(SMMUv3EventType event);

/* SMMUEN=0: all streams go as GBPA says (6.3.14). Pure. */
SMMUv3StreamConfig smmuv3_ste_of_gbpa(uint32_t gbpa);

bool smmuv3_ste_config_equal(const SMMUv3StreamConfig *a,
                             const SMMUv3StreamConfig *b);

/*
 * May CDs that were cached under @from still be there under @to, the host
 * having been told of the change? It writes an STE, and drops them, only if
 * its own STE becomes another one: that has no EATS for a device without ATS,
 * and may disable stalls whatever the guest's says. Pure.
 */
bool smmuv3_ste_keeps_cds(const SMMUv3StreamConfig *from,
                          const SMMUv3StreamConfig *to);

#endif
