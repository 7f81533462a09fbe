/*
 * A reference model of what invalidation commands are guaranteed to drop.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Arm IHI 0070 4.3 to 4.5 for a guest's stage 1. It shares no code with the
 * engine. A cache is a set of entries. A command is sure to drop some entries,
 * and may drop others; only those that are sure count. What the guest's
 * commands are sure to drop has to be a subset of what the issued commands are
 * sure to drop.
 *
 * The model is generous to a guest's reserved encodings (RES0 fields are
 * ignored, a reserved range is a range), because the engine promises to widen
 * them. The fake host sees to it that the kernel gets none. A command that is
 * CERROR_ILL drops nothing: cache_illegal(). A range with a level hint whose
 * address is not aligned to that level's size is sure to drop nothing, so that
 * no merge relies on it.
 */
#ifndef TESTS_TLB_MODEL_H
#define TESTS_TLB_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "smmuv3/cmd.h"

/*
 * In the order in which they fill: an entry that is dropped before the entry of
 * an earlier kind that it was filled from may come back.
 */
typedef enum CacheKind {
    CACHE_CD,
    CACHE_TLB,
    CACHE_ATC,
} CacheKind;

typedef struct CacheEntry {
    CacheKind kind;
    bool leaf;          /* TLB: page or block; CD: the CD, not an L1CD */
    bool global;        /* TLB: of any ASID; ATC: of any substream */

    uint16_t asid;      /* TLB, unless global */
    uint8_t tg;         /* TLB: enum SMMUv3TlbiTg, never 0 */
    uint8_t level;      /* TLB: 1..3 of leaves, 0..2 of tables */

    uint32_t sid;       /* CD, ATC */
    bool has_ssid;      /* ATC */
    uint32_t ssid;      /* CD, ATC if has_ssid */

    uint64_t va;        /* TLB, ATC: the first byte's */
} CacheEntry;

/* log2 of what an entry of that granule and level translates. */
unsigned cache_tlb_shift(uint8_t tg, uint8_t level);

/*
 * 4.4.1.1: a TLBI with a granule, but neither a range nor a level, is
 * CERROR_ILL. TTL=1 with 16K is no level, because without IDR5.DS it counts as
 * 0. False for any other command.
 */
bool cache_illegal(const SMMUv3Cmd *cmd, const uint32_t idr[6]);

/* Is @e dropped for sure by @cmd, on an SMMU that reads @idr? */
bool cache_drops(const SMMUv3Cmd *cmd, const uint32_t idr[6],
                 const CacheEntry *e);

/* The indices of the first and the last command that drop an entry. */
typedef struct CacheDrops {
    bool any;
    size_t first, last;
} CacheDrops;

CacheDrops cache_drops_of(const SMMUv3Cmd *cmds, size_t n,
                          const uint32_t idr[6], const CacheEntry *e);

/* May @e be filled again from @from? */
bool cache_fills(const CacheEntry *from, const CacheEntry *e);

/*
 * Completion. Commands before a CMD_SYNC are complete before commands behind it
 * begin (4.7.3); without a CMD_SYNC none need be (4.3.8, 4.5.1). So an entry
 * that is dropped behind the CMD_SYNC cannot be filled again from an entry that
 * was dropped before it.
 *
 * The model asks that from one class of commands to a later one only, because
 * within a class the engine sends commands over several CMD_SYNCs at once.
 */
typedef enum CacheClass {
    CACHE_CLASS_CFG,            /* CFGI_* */
    CACHE_CLASS_WALKS,          /* TLBI, without Leaf=1 */
    CACHE_CLASS_LEAVES,
    CACHE_CLASS_ATC,
    CACHE_CLASSES,
} CacheClass;

/* The class of @cmd; CACHE_CLASSES: it drops nothing. */
CacheClass cache_class(const SMMUv3Cmd *cmd);

/* By class: the first and the last of @n commands that drop @e. */
void cache_drops_by_class(const SMMUv3Cmd *cmds, size_t n,
                          const uint32_t idr[6], const CacheEntry *e,
                          CacheDrops drops[CACHE_CLASSES]);

/*
 * Is a CMD_SYNC of @cmds between a command of @before, which drops one entry,
 * and a command of a later class of @after, which drops another entry?
 */
bool cache_completion_owed(const SMMUv3Cmd *cmds,
                           const CacheDrops before[CACHE_CLASSES],
                           const CacheDrops after[CACHE_CLASSES]);

#endif
