/*
 * Fewer commands for the host than the guest wrote, never narrower ones.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Gathers a window's canonical commands (forward.h) and turns them into what
 * the host is asked:
 *
 *  - Order: CFGI_CD*, then TLBI_NH_ASID, TLBIs that drop table walks (Leaf=0),
 *    TLBIs of leaves, ATC_INV last. Each cache is emptied after the one that
 *    it is filled from, so any order that the guest chose drops no more.
 *  - Exact duplicates go once. TLBI_NH_ALL and TLBI_NSNH_ALL swallow every
 *    other TLBI. TLBI_NH_ASID swallows nothing but itself: it leaves global
 *    entries (4.4.2), which a TLBI_NH_VA of that ASID drops.
 *  - TLBIs by address with one opcode, ASID, Leaf, TG and TTL whose addresses
 *    touch become one run. A run with a granule (TG) is one range. A run of
 *    single addresses (TG=0) concerns entries of any granule, and a range
 *    only those of its own (4.4.1.1): it becomes a range for each granule
 *    that the guest was promised, if that is less than the run.
 *  - For a host without IDR3.RIL a range becomes single addresses, one for
 *    each page or, with TTL, block in it; TLBI_NH_ALL if those are too many.
 */
#ifndef ENGINE_COALESCE_H
#define ENGINE_COALESCE_H

#include "entry.h"

typedef struct SMMUv3Coalesce {
    SMMUv3EngineStats *stats;
    bool ranges;            /* the host has RIL */
    uint8_t granules;       /* the guest's: bit n for TG=n */
    uint32_t singles_max;   /* longer runs of single addresses are ranges */
    bool sorted;            /* and therefore merged */
    bool has_ranges;        /* with TG */
    uint64_t all;           /* TLBI_NH_ALL or TLBI_NSNH_ALL; 0: neither */
    uint32_t all_index;     /* of the first of them, in the window */
    uint32_t n;
    uint32_t cost;          /* what is gathered is no more commands than so */
    SMMUv3CoalesceEntry *entries, *scratch;
} SMMUv3Coalesce;

/* Room for @capacity commands that do not merge. @stats is borrowed. */
void smmuv3_coalesce_init(SMMUv3Coalesce *c, uint32_t capacity,
                          SMMUv3EngineStats *stats);
void smmuv3_coalesce_destroy(SMMUv3Coalesce *c);

/* What the guest was promised and the host has. Nothing is gathered now. */
void smmuv3_coalesce_set_idr(SMMUv3Coalesce *c, const uint32_t guest_idr[6],
                             const uint32_t host_idr[6]);

/*
 * Takes in @cmd, canonical and in host byte order, of window index @index;
 * indices ascend. The caller keeps to the capacity.
 */
void smmuv3_coalesce_add_any(SMMUv3Coalesce *c, SMMUv3Cmd cmd,
                             uint32_t index);

/* The same; inline for a single address that is another or the next one. */
static inline void smmuv3_coalesce_add(SMMUv3Coalesce *c, SMMUv3Cmd cmd,
                                       uint32_t index)
{
    if (c->n && smmuv3_is_tlbi_va(cmd) && !(cmd.dw[1] & SMMUV3_TLBI1_TG)) {
        SMMUv3CoalesceEntry *last = &c->entries[c->n - 1];
        uint64_t kind = smmuv3_coalesce_kind(cmd);
        uint64_t page = cmd.dw[1] >> SMMUV3_KEY_PAGE_SHIFT;
        uint64_t ahead = page - last->key[0];

        if (kind == last->key[1] && ahead > last->pages) {
            c->sorted &= page > last->key[0];
            last[1] = (SMMUv3CoalesceEntry) {
                .key = { page, kind }, .pages = 1, .index = index,
            };
            c->n++;
            c->cost++;
            return;
        }
        if (kind == last->key[1] && ahead == last->pages &&
            ahead >= c->singles_max) {
            last->pages++;
            return;
        }
    }
    smmuv3_coalesce_add_any(c, cmd, index);
}

/*
 * The same for the first of @n commands from @cmds on, of which the first is of
 * window index @index, that are the one before them, a single address that was
 * just taken in, but for their address, and need no look at any but the last
 * entry. How many those are. @granule is what makes an address a range.
 */
uint32_t smmuv3_coalesce_add_alike(SMMUv3Coalesce *c, const SMMUv3Cmd *cmds,
                                   uint32_t index, uint32_t n,
                                   uint64_t granule);

/* Forgets what was gathered. */
static inline void smmuv3_coalesce_clear(SMMUv3Coalesce *c)
{
    c->n = 0;
    c->cost = 0;
    c->all = 0;
    c->sorted = true;
    c->has_ranges = false;
}

/* Sorts and merges: what came in order was merged as it came. */
void smmuv3_coalesce_sort(SMMUv3Coalesce *c);

#endif
