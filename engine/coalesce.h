/*
 * Fewer commands for the host than the guest wrote, never narrower ones.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Gathers a window's canonical commands (forward.h), sorts and merges them:
 *
 *  - Order: CFGI_CD*, then TLBI_NH_ASID, TLBIs that drop table walks (Leaf=0),
 *    TLBIs of leaves, ATC_INV last. No order that the guest chose drops more,
 *    because each cache is emptied after the one that it is filled from.
 *  - Exact duplicates go once. TLBI_NH_ALL and TLBI_NSNH_ALL swallow every
 *    other TLBI. TLBI_NH_ASID swallows nothing but itself, because it leaves
 *    global entries (4.4.2), which a TLBI_NH_VA of that ASID drops.
 *  - TLBIs by address with one opcode, ASID, Leaf, TG and TTL whose addresses
 *    touch become one run. A run with a granule (TG) is one range. A run of
 *    single addresses (TG=0) becomes a range for each granule that the guest
 *    was promised, if those are fewer, because a single address concerns
 *    entries of any granule and a range only those of its own (4.4.1.1).
 *  - For a host without IDR3.RIL a range becomes single addresses, one for
 *    each page or, with TTL, each block in it; TLBI_NH_ALL if they are too
 *    many.
 */
#ifndef ENGINE_COALESCE_H
#define ENGINE_COALESCE_H

#include "entry.h"

typedef struct SMMUv3Coalesce {
    SMMUv3EngineStats *stats;
    bool ranges;            /* the host has RIL */
    uint8_t granules;       /* the guest's: bit n for TG=n */
    uint32_t singles_max;   /* longer runs of single addresses are ranges */
    bool sorted;            /* entries are in order, and therefore merged */
    bool has_ranges;        /* some entry has TG */
    uint64_t all;           /* TLBI_NH_ALL or TLBI_NSNH_ALL; 0: neither */
    uint32_t all_index;     /* window index of the first such command */
    uint32_t n;
    uint32_t cost;          /* at most so many commands are emitted */
    SMMUv3CoalesceEntry *entries, *scratch;
} SMMUv3Coalesce;

/* Room for @capacity commands that do not merge. @stats is borrowed. */
void smmuv3_coalesce_init(SMMUv3Coalesce *c, uint32_t capacity,
                          SMMUv3EngineStats *stats);
void smmuv3_coalesce_destroy(SMMUv3Coalesce *c);

/* Sets the guest's promise and the host's features. @c is empty. */
void smmuv3_coalesce_set_idr(SMMUv3Coalesce *c, const uint32_t guest_idr[6],
                             const uint32_t host_idr[6]);

/*
 * Takes in @cmd, canonical and in host byte order, of window index @index;
 * indices ascend. The caller keeps to the capacity.
 */
void smmuv3_coalesce_add_any(SMMUv3Coalesce *c, SMMUv3Cmd cmd,
                             uint32_t index);

/*
 * smmuv3_coalesce_add_any() with two cases inline: a single address of the last
 * entry's kind that does not touch it, and one that lengthens a run without
 * more cost.
 */
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
 * Takes in commands from @cmds on, @n at the most, and returns how many. Each
 * differs from cmds[-1], a single address that was taken in last, in its
 * address only, and needs no look at other entries than the last one: the first
 * command that does not ends it. @index is the window index of cmds[0].
 * @granule is the field (TG) that would make the address a range.
 */
uint32_t smmuv3_coalesce_add_alike(SMMUv3Coalesce *c, const SMMUv3Cmd *cmds,
                                   uint32_t index, uint32_t n,
                                   uint64_t granule);

/* Empties @c, and sends nothing. */
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
