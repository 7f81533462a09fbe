/*
 * The reference model of invalidation. See tlb-model.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "smmuv3/registers.h"
#include "tlb-model.h"

/* Wide enough for any range from any address. */
typedef unsigned __int128 Wide;

static const unsigned granule_shift[] = {
    [SMMUV3_TG_NONE] = 12, [SMMUV3_TG_4K] = 12, [SMMUV3_TG_16K] = 14,
    [SMMUV3_TG_64K] = 16,
};

/* A table holds a granule of 8-byte descriptors. */
unsigned cache_tlb_shift(uint8_t tg, uint8_t level)
{
    unsigned page = granule_shift[tg];

    return page + (page - 3) * (3 - level);
}

static uint16_t command_asid(const SMMUv3Cmd *cmd, const uint32_t idr[6])
{
    uint16_t asid = SMMUV3_GET(SMMUV3_TLBI0_ASID, cmd->dw[0]);

    return idr[0] & SMMUV3_IDR0_ASID16 ? asid : asid & 0xff;
}

static bool overlap(Wide first, Wide length, uint64_t va, unsigned shift)
{
    return first < (Wide)va + ((Wide)1 << shift) && va < first + length;
}

/* TTL names the leaves' level; the tables that lead there are above it. */
static bool level_named(unsigned ttl, const CacheEntry *e)
{
    return e->leaf ? e->level == ttl : e->level < ttl;
}

/* 4.4.1.1: TG != 0 drops entries of that granule, TTL != 0 of that level. */
static bool range_drops(const SMMUv3Cmd *cmd, const CacheEntry *e)
{
    uint64_t num = SMMUV3_GET(SMMUV3_TLBI0_NUM, cmd->dw[0]);
    uint64_t scale = SMMUV3_GET(SMMUV3_TLBI0_SCALE, cmd->dw[0]);
    unsigned tg = SMMUV3_GET(SMMUV3_TLBI1_TG, cmd->dw[1]);
    unsigned ttl = SMMUV3_GET(SMMUV3_TLBI1_TTL, cmd->dw[1]);
    unsigned page = granule_shift[tg];
    uint64_t first = (cmd->dw[1] & SMMUV3_TLBI1_VA) >> page << page;
    Wide length = (Wide)(num + 1) << scale << page;

    if (e->tg != tg || (ttl && !level_named(ttl, e))) {
        return false;
    }
    if (ttl && (num || scale) &&
        (first & ((UINT64_C(1) << cache_tlb_shift(tg, ttl)) - 1))) {
        return false;
    }
    return overlap(first, length, e->va, cache_tlb_shift(tg, e->level));
}

static bool va_drops(const SMMUv3Cmd *cmd, const uint32_t idr[6],
                     const CacheEntry *e)
{
    if ((cmd->dw[1] & SMMUV3_TLBI1_LEAF) && !e->leaf) {
        return false;
    }
    if ((idr[3] & SMMUV3_IDR3_RIL) && (cmd->dw[1] & SMMUV3_TLBI1_TG)) {
        return range_drops(cmd, e);
    }
    return overlap(cmd->dw[1] & SMMUV3_TLBI1_VA, 1, e->va,
                   cache_tlb_shift(e->tg, e->level));
}

bool cache_illegal(const SMMUv3Cmd *cmd, const uint32_t idr[6])
{
    unsigned tg = SMMUV3_GET(SMMUV3_TLBI1_TG, cmd->dw[1]);
    unsigned ttl = SMMUV3_GET(SMMUV3_TLBI1_TTL, cmd->dw[1]);
    unsigned op = cmd->dw[0] & SMMUV3_CMD0_OPCODE;

    return (op == SMMUV3_CMD_TLBI_NH_VA || op == SMMUV3_CMD_TLBI_NH_VAA) &&
           (idr[3] & SMMUV3_IDR3_RIL) && tg &&
           (ttl == 0 || (ttl == 1 && tg == SMMUV3_TG_16K)) &&
           SMMUV3_GET(SMMUV3_TLBI0_NUM, cmd->dw[0]) == 0 &&
           SMMUV3_GET(SMMUV3_BITS(24, 20), cmd->dw[0]) == 0;
}

static bool tlb_drops(const SMMUv3Cmd *cmd, const uint32_t idr[6],
                      const CacheEntry *e)
{
    bool same_asid = command_asid(cmd, idr) == e->asid;

    switch (cmd->dw[0] & SMMUV3_CMD0_OPCODE) {
    case SMMUV3_CMD_TLBI_NH_ALL:
    case SMMUV3_CMD_TLBI_NSNH_ALL:
        return true;
    case SMMUV3_CMD_TLBI_NH_ASID: /* leaves global entries, 4.4.2 */
        return same_asid && !e->global;
    case SMMUV3_CMD_TLBI_NH_VA:
        return (same_asid || e->global) && va_drops(cmd, idr, e);
    case SMMUV3_CMD_TLBI_NH_VAA:
        return va_drops(cmd, idr, e);
    default:
        return false;
    }
}

static bool has_ssids(const uint32_t idr[6])
{
    return SMMUV3_GET(SMMUV3_IDR1_SSIDSIZE, idr[1]) != 0;
}

static uint32_t command_ssid(const SMMUv3Cmd *cmd, const uint32_t idr[6])
{
    return has_ssids(idr) ? SMMUV3_GET(SMMUV3_CMD0_SSID, cmd->dw[0]) : 0;
}

/* 4.3.2: the low Range+1 bits of the StreamID are ignored. */
static bool in_sid_range(const SMMUv3Cmd *cmd, uint32_t sid)
{
    unsigned range = SMMUV3_GET(SMMUV3_CFGI1_RANGE, cmd->dw[1]);
    uint64_t first = SMMUV3_GET(SMMUV3_CMD0_SID, cmd->dw[0]);

    return first >> (range + 1) == (uint64_t)sid >> (range + 1);
}

/*
 * 4.3.3: Leaf=0 drops the L1CD as well. 4.3.1, 4.3.2: a command for an STE
 * drops the CDs that were fetched through it, whatever its own Leaf is.
 */
static bool cd_drops(const SMMUv3Cmd *cmd, const uint32_t idr[6],
                     const CacheEntry *e)
{
    bool same_sid = SMMUV3_GET(SMMUV3_CMD0_SID, cmd->dw[0]) == e->sid;

    switch (cmd->dw[0] & SMMUV3_CMD0_OPCODE) {
    case SMMUV3_CMD_CFGI_STE_RANGE:
        return in_sid_range(cmd, e->sid);
    case SMMUV3_CMD_CFGI_STE:
    case SMMUV3_CMD_CFGI_CD_ALL:
        return same_sid;
    case SMMUV3_CMD_CFGI_CD:
        return same_sid && command_ssid(cmd, idr) == e->ssid &&
               (e->leaf || !(cmd->dw[1] & SMMUV3_CFGI1_LEAF));
    default:
        return false;
    }
}

/* 4.5.1: the address is that of a naturally aligned 2^Size pages. */
static bool atc_drops(const SMMUv3Cmd *cmd, const uint32_t idr[6],
                      const CacheEntry *e)
{
    uint64_t addr = cmd->dw[1] & SMMUV3_ATC1_ADDR;
    unsigned size = SMMUV3_GET(SMMUV3_ATC1_SIZE, cmd->dw[1]);
    bool ssv = has_ssids(idr) && (cmd->dw[0] & SMMUV3_CMD0_SSV);

    if ((cmd->dw[0] & SMMUV3_CMD0_OPCODE) != SMMUV3_CMD_ATC_INV ||
        SMMUV3_GET(SMMUV3_CMD0_SID, cmd->dw[0]) != e->sid ||
        e->has_ssid != ssv) {
        return false;
    }
    if (ssv && command_ssid(cmd, idr) != e->ssid &&
        !(e->global && (cmd->dw[0] & SMMUV3_ATC0_GLOBAL))) {
        return false;
    }
    return size >= SMMUV3_ATC_SIZE_ALL ||
           (addr ^ e->va) >> (12 + size) == 0;
}

bool cache_drops(const SMMUv3Cmd *cmd, const uint32_t idr[6],
                 const CacheEntry *e)
{
    switch (e->kind) {
    case CACHE_CD:
        return cd_drops(cmd, idr, e);
    case CACHE_TLB:
        return tlb_drops(cmd, idr, e);
    case CACHE_ATC:
        return atc_drops(cmd, idr, e);
    }
    return false;
}

static void note_drop(CacheDrops *drops, size_t i)
{
    drops->first = drops->any ? drops->first : i;
    drops->last = i;
    drops->any = true;
}

CacheDrops cache_drops_of(const SMMUv3Cmd *cmds, size_t n,
                          const uint32_t idr[6], const CacheEntry *e)
{
    CacheDrops drops = { .any = false };

    for (size_t i = 0; i < n; i++) {
        if (cache_drops(&cmds[i], idr, e)) {
            note_drop(&drops, i);
        }
    }
    return drops;
}

/* Is @e below @table in the same translation regime? */
static bool leads_to(const CacheEntry *table, const CacheEntry *e)
{
    return !table->leaf && table->tg == e->tg && table->level < e->level &&
           (table->global || e->global || table->asid == e->asid) &&
           !((table->va ^ e->va) >> cache_tlb_shift(table->tg, table->level));
}

bool cache_fills(const CacheEntry *from, const CacheEntry *e)
{
    switch (from->kind) {
    case CACHE_CD:
        return e->kind == CACHE_TLB ||
               (e->kind == CACHE_ATC && e->sid == from->sid);
    case CACHE_TLB:
        return e->kind == CACHE_ATC ||
               (e->kind == CACHE_TLB && leads_to(from, e));
    case CACHE_ATC:
        return false;
    }
    return false;
}

CacheClass cache_class(const SMMUv3Cmd *cmd)
{
    switch (cmd->dw[0] & SMMUV3_CMD0_OPCODE) {
    case SMMUV3_CMD_CFGI_STE:
    case SMMUV3_CMD_CFGI_STE_RANGE:
    case SMMUV3_CMD_CFGI_CD:
    case SMMUV3_CMD_CFGI_CD_ALL:
        return CACHE_CLASS_CFG;
    case SMMUV3_CMD_TLBI_NH_VA:
    case SMMUV3_CMD_TLBI_NH_VAA:
        return cmd->dw[1] & SMMUV3_TLBI1_LEAF ? CACHE_CLASS_LEAVES
                                              : CACHE_CLASS_WALKS;
    case SMMUV3_CMD_TLBI_NH_ALL:
    case SMMUV3_CMD_TLBI_NH_ASID:
    case SMMUV3_CMD_TLBI_NSNH_ALL:
        return CACHE_CLASS_WALKS;
    case SMMUV3_CMD_ATC_INV:
        return CACHE_CLASS_ATC;
    default:
        return CACHE_CLASSES;
    }
}

void cache_drops_by_class(const SMMUv3Cmd *cmds, size_t n,
                          const uint32_t idr[6], const CacheEntry *e,
                          CacheDrops drops[CACHE_CLASSES])
{
    for (unsigned c = 0; c < CACHE_CLASSES; c++) {
        drops[c].any = false;
    }
    for (size_t i = 0; i < n; i++) {
        CacheClass c = cache_class(&cmds[i]);

        if (c != CACHE_CLASSES && cache_drops(&cmds[i], idr, e)) {
            note_drop(&drops[c], i);
        }
    }
}

static bool synced(const SMMUv3Cmd *cmds, size_t from, size_t to)
{
    for (size_t i = from + 1; i < to; i++) {
        if ((cmds[i].dw[0] & SMMUV3_CMD0_OPCODE) == SMMUV3_CMD_SYNC) {
            return true;
        }
    }
    return false;
}

bool cache_completion_owed(const SMMUv3Cmd *cmds,
                           const CacheDrops before[CACHE_CLASSES],
                           const CacheDrops after[CACHE_CLASSES])
{
    for (unsigned b = 0; b < CACHE_CLASSES; b++) {
        for (unsigned a = b + 1; a < CACHE_CLASSES; a++) {
            if (before[b].any && after[a].any &&
                synced(cmds, before[b].first, after[a].last)) {
                return true;
            }
        }
    }
    return false;
}
