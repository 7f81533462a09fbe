/*
 * STE decoding: from an STE to a decision.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Raw STE bits end here: the rest of the engine knows abort, bypass, and
 * translate with the key under which a nested HWPT is shared.
 */
#ifndef ENGINE_STE_H
#define ENGINE_STE_H

#include "smmuv3-decode.h"

typedef struct SMMUv3StreamConfig {
    SMMUv3StreamKind kind;
    uint64_t key[2];        /* translate: STE words 0, 1 as they act; else 0 */
    SMMUv3EventType event;  /* abort: what a transaction would raise */
    bool illegal;           /* abort: the STE has V=1, but is ILLEGAL (5.2.2) */
    uint64_t event_addr;    /* F_STE_FETCH: the address not readable; else 0 */
} SMMUv3StreamConfig;

/*
 * Decodes an STE's first two words (5.2) for a guest that was promised @idr.
 * Pure.
 */
SMMUv3StreamConfig smmuv3_ste_decode(const uint64_t dw[2],
                                     const uint32_t idr[6]);

/* A stream that aborts, and raises @event with each transaction. Pure. */
SMMUv3StreamConfig smmuv3_ste_abort(SMMUv3EventType event);

/* How GBPA has all streams go while SMMUEN=0 (6.3.14). Pure. */
SMMUv3StreamConfig smmuv3_ste_of_gbpa(uint32_t gbpa);

bool smmuv3_ste_config_equal(const SMMUv3StreamConfig *a,
                             const SMMUv3StreamConfig *b);

/*
 * May CDs that were cached under @from be there under @to, after the host was
 * given @to? The kernel drops them only if the STE that it writes changes.
 * EATS and S1STALLD need not change that STE, because it has no EATS for a
 * device without ATS, and may always disable stalls. Pure.
 */
bool smmuv3_ste_keeps_cds(const SMMUv3StreamConfig *from,
                          const SMMUv3StreamConfig *to);

#endif
