/*
 * A gathered entry: one command for the host, or a run of addresses.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * coalesce.c gathers, sorts and merges entries, emit.c makes commands of them.
 */
#ifndef ENGINE_ENTRY_H
#define ENGINE_ENTRY_H

#include "forward.h"

/*
 * A range of more single addresses becomes TLBI_NH_ALL: so many has a last
 * level table of 4 KiB pages.
 */
#define SMMUV3_EXPAND_MAX 512

/*
 * The sort order. key[1] holds the opcode in its top byte, so that opcodes
 * order the commands. TLBIs by address of leaves take two opcodes that do not
 * exist (0x14, 0x15), which puts them behind those that drop table walks. A
 * TLBI by address has ASID (bits 31:16), TTL and TG in key[1], and the number
 * of the 4 KiB page in key[0]. Other commands have the rest of their two words.
 */
#define SMMUV3_KEY_OPCODE_SHIFT 56
#define SMMUV3_KEY_ASID_SHIFT 32
#define SMMUV3_KEY_PAGE_SHIFT 12

/* The range of a merged entry: NUM and SCALE are computed by emit.c. */
#define SMMUV3_RANGE_MERGED UINT32_MAX

typedef struct SMMUv3CoalesceEntry {
    uint64_t key[2];
    uint64_t pages;         /* of 4 KiB; 0: not by address */
    uint32_t index;         /* window index of the first command in it */
    uint32_t range;         /* NUM and SCALE, or SMMUV3_RANGE_MERGED */
} SMMUv3CoalesceEntry;

/* key[1] of a TLBI by address, canonical. */
static inline uint64_t smmuv3_coalesce_kind(SMMUv3Cmd cmd)
{
    uint64_t opcode = cmd.dw[0] & SMMUV3_CMD0_OPCODE;
    uint64_t leaf = cmd.dw[1] & SMMUV3_TLBI1_LEAF;

    return (opcode + 2 * leaf) << SMMUV3_KEY_OPCODE_SHIFT |
           cmd.dw[0] >> SMMUV3_KEY_ASID_SHIFT |
           (cmd.dw[1] & (SMMUV3_TLBI1_TG | SMMUV3_TLBI1_TTL));
}

static inline unsigned smmuv3_entry_opcode(const SMMUv3CoalesceEntry *e)
{
    return e->key[1] >> SMMUV3_KEY_OPCODE_SHIFT;
}

static inline bool smmuv3_entry_is_by_address(const SMMUv3CoalesceEntry *e)
{
    return e->pages != 0;
}

static inline unsigned smmuv3_entry_tg(const SMMUv3CoalesceEntry *e)
{
    return SMMUV3_GET(SMMUV3_TLBI1_TG, e->key[1]);
}

static inline unsigned smmuv3_entry_ttl(const SMMUv3CoalesceEntry *e)
{
    return SMMUV3_GET(SMMUV3_TLBI1_TTL, e->key[1]);
}

/* log2 of a granule in pages of 4 KiB; 0 for TG=0, a single address. */
static inline unsigned smmuv3_granule_shift(unsigned tg)
{
    return tg ? 2 * (tg - 1) : 0;
}

/* log2 of the pages that a level @ttl entry maps; TTL=0: of the granule. */
static inline unsigned smmuv3_level_shift(unsigned tg, unsigned ttl)
{
    unsigned granule = smmuv3_granule_shift(tg);

    return ttl ? granule + (3 - ttl) * (9 + granule) : granule;
}

/* How many blocks of 1 << @shift pages the @pages from @first on touch. */
static inline uint64_t smmuv3_units(uint64_t first, uint64_t pages,
                                    unsigned shift)
{
    uint64_t mask = SMMUV3_BIT(shift) - 1;

    return ((first & mask) + pages + mask) >> shift;
}

/* How many single addresses @e becomes on a host without RIL. */
static inline uint64_t smmuv3_entry_singles(const SMMUv3CoalesceEntry *e)
{
    return smmuv3_units(e->key[0], e->pages,
                        smmuv3_level_shift(smmuv3_entry_tg(e),
                                           smmuv3_entry_ttl(e)));
}

#endif
