/*
 * A reference model of what invalidation commands are guaranteed to drop.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Arm IHI 0070 4.3 to 4.5 for a guest's stage 1, written for tests and from
 * nothing of the engine's. A cache is a set of entries; a command drops some
 * of them for sure and may drop others: only what is sure counts, on both
 * sides. What the guest asked for has to be a subset of what was issued.
 *
 * Where the architecture reserves an encoding the model is generous (RES0
 * fields are ignored, a reserved range is a range), since the engine promises
 * to widen it; a kernel never takes one, which the fake host watches. What is
 * CERROR_ILL drops nothing: cache_illegal(). A range with a level hint whose
 * address is not aligned to that level's size is sure of nothing, so that no
 * merge relies on it.
 */
#ifndef TESTS_TLB_MODEL_H
#define TESTS_TLB_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "smmuv3/cmd.h"

/*
 * In the order of who is filled from whom: an entry that is dropped before
 * what it was filled from may come back.
 */
typedef enum CacheKind {
    CACHE_CD,
    CACHE_TLB,
    CACHE_ATC,
} CacheKind;

typedef struct CacheEntry {
    CacheKind kind;
    bool leaf;          /* TLB: page or block; CD: the CD, not an L1CD */
    bool global;        /* TLB, ATC: of any ASID, of any substream */

    uint16_t asid;      /* TLB, unless global */
    uint8_t tg;         /* TLB: enum SMMUv3TlbiTg, never 0 */
    uint8_t level;      /* TLB: 1..3 of leaves, 0..2 of tables */

    uint32_t sid;       /* CD, ATC */
    bool has_ssid;      /* ATC */
    uint32_t ssid;      /* CD, ATC if has_ssid */

    uint64_t va;        /* TLB, ATC: of the first byte */
} CacheEntry;

/* log2 of what an entry of that granule and level translates. */
unsigned cache_tlb_shift(uint8_t tg, uint8_t level);

/*
 * 4.4.1.1: a TLBI with a granule, but neither a range nor a level, is
 * CERROR_ILL. So is TTL=1 in place of the level of 16K tables, as without
 * IDR5.DS it counts as 0. Of other commands this says nothing.
 */
bool cache_illegal(const SMMUv3Cmd *cmd, const uint32_t idr[6]);

/* Is @e dropped for sure by @cmd, on an SMMU that reads @idr? */
bool cache_drops(const SMMUv3Cmd *cmd, const uint32_t idr[6],
                 const CacheEntry *e);

/* The places of the first and the last of @n commands that drop an entry. */
typedef struct CacheDrops {
    bool any;
    size_t first, last;
} CacheDrops;

CacheDrops cache_drops_of(const SMMUv3Cmd *cmds, size_t n,
                          const uint32_t idr[6], const CacheEntry *e);

/* May @e be filled again from what @from holds? */
bool cache_fills(const CacheEntry *from, const CacheEntry *e);

/*
 * Completion. What a CMD_SYNC stands behind is complete before anything behind
 * the CMD_SYNC begins (4.7.3), and without one nothing is (4.3.8, 4.5.1). So an
 * entry that is dropped behind it cannot be filled again from one that was
 * dropped before it.
 *
 * That is owed here from one class of commands to a later one. Of one class the
 * engine sends what it gathered over several CMD_SYNCs at once.
 */
typedef enum CacheClass {
    CACHE_CLASS_CFG,            /* CFGI_* */
    CACHE_CLASS_WALKS,          /* TLBI but Leaf=1 */
    CACHE_CLASS_LEAVES,
    CACHE_CLASS_ATC,
    CACHE_CLASSES,
} CacheClass;

/* CACHE_CLASSES: neither drops, nor is dropped before. */
CacheClass cache_class(const SMMUv3Cmd *cmd);

/* By class, which of @n commands are the first and the last to drop @e. */
void cache_drops_by_class(const SMMUv3Cmd *cmds, size_t n,
                          const uint32_t idr[6], const CacheEntry *e,
                          CacheDrops drops[CACHE_CLASSES]);

/*
 * Does a CMD_SYNC stand between a command that drops one entry and one, of a
 * later class, that drops another? @before and @after say which of @cmds do.
 */
bool cache_completion_owed(const SMMUv3Cmd *cmds,
                           const CacheDrops before[CACHE_CLASSES],
                           const CacheDrops after[CACHE_CLASSES]);

#endif
