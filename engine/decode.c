/*
 * Streams, commands and registers, decoded. See smmuv3-decode.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What the engine itself does not need, because the host's SMMU does it: which
 * CD a stream leads to, what a command drops, and what a VMM asks of registers.
 * The STE and the canonical command come from the files that the engine uses
 * (stream-table.c, forward.c).
 */
#include <glib.h>

#include "opcodes.h"
#include "smmuv3-decode.h"
#include "smmuv3-promise.h"
#include "smmuv3/cd.h"
#include "smmuv3/ste.h"
#include "stream-table.h"

/* ---- Streams ---- */

static void decode_refuse(SMMUv3DecodedStream *out, SMMUv3EventType event,
                          uint64_t addr)
{
    *out = (SMMUv3DecodedStream) {
        .kind = SMMUV3_STREAM_ABORT, .event = event, .event_addr = addr,
    };
}

static uint64_t decode_aligned(uint64_t addr, unsigned log2)
{
    return addr >> log2 << log2;
}

/* CD 0 of a two-level table with 2^@log2l2 CDs in each level 2 table. */
static void decode_find_l2_cd(SMMUv3ReadWords read_words, void *opaque,
                              uint64_t l1, unsigned log2l2,
                              const uint32_t idr[6], SMMUv3DecodedStream *out)
{
    uint64_t l1cd, l2;

    if (read_words(opaque, l1, &l1cd, 1)) {
        decode_refuse(out, SMMUV3_EVENT_F_CD_FETCH, l1);
        return;
    }
    l1cd = GUINT64_FROM_LE(l1cd);
    l2 = l1cd & SMMUV3_L1CD_L2PTR;
    /* 5.3.1, and 3.4.3 for a pointer beyond OAS */
    if (!(l1cd & SMMUV3_L1CD_V) || l2 >> smmuv3_oas_bits(idr[5])) {
        decode_refuse(out, SMMUV3_EVENT_C_BAD_SUBSTREAMID, 0);
        return;
    }
    out->cd = decode_aligned(l2, log2l2 + SMMUV3_CD_LOG2SIZE);
}

/* Tables of CDs are aligned to their size, and to 64 bytes (5.2, S1Fmt). */
static void decode_find_cd(SMMUv3ReadWords read_words, void *opaque,
                           const uint64_t ste[2], const uint32_t idr[6],
                           SMMUv3DecodedStream *out)
{
    uint64_t table = ste[0] & SMMUV3_STE0_S1CONTEXTPTR;
    unsigned cdmax = SMMUV3_GET(SMMUV3_STE0_S1CDMAX, ste[0]);
    unsigned fmt = SMMUV3_GET(SMMUV3_STE0_S1FMT, ste[0]);
    unsigned log2l2 = fmt == SMMUV3_STE_S1FMT_64K_L2 ? 10 : 6;
    unsigned log2l1 = cdmax > log2l2 ? cdmax - log2l2 : 0;

    if (fmt == SMMUV3_STE_S1FMT_LINEAR) {
        out->cd = decode_aligned(table, cdmax + SMMUV3_CD_LOG2SIZE);
    } else {
        decode_find_l2_cd(read_words, opaque,
                          decode_aligned(table, log2l1 + SMMUV3_L1CD_LOG2SIZE),
                          log2l2, idr, out);
    }
}

/* The STE translates: where a transaction without a SubstreamID goes. */
static void decode_enter_stage_1(SMMUv3ReadWords read_words, void *opaque,
                                 const uint64_t ste[2], const uint32_t idr[6],
                                 SMMUv3DecodedStream *out)
{
    unsigned dss = ste[0] & SMMUV3_STE0_S1CDMAX
                   ? SMMUV3_GET(SMMUV3_STE1_S1DSS, ste[1])
                   : SMMUV3_STE_S1DSS_SUBSTREAM0;

    switch (dss) {
    case SMMUV3_STE_S1DSS_TERMINATE:
        decode_refuse(out, SMMUV3_EVENT_F_STREAM_DISABLED, 0);
        break;
    case SMMUV3_STE_S1DSS_BYPASS:
        out->kind = SMMUV3_STREAM_BYPASS;
        break;
    default:
        decode_find_cd(read_words, opaque, ste, idr, out);
    }
}

void smmuv3_decode_stream(SMMUv3ReadWords read_words, void *opaque,
                          const SMMUv3StreamRegs *regs, const uint32_t idr[6],
                          uint32_t sid, SMMUv3DecodedStream *out)
{
    SMMUv3StreamConfig config =
        regs->cr0 & SMMUV3_CR0_SMMUEN
        ? smmuv3_stream_table_lookup(read_words, opaque, regs, idr, sid)
        : smmuv3_ste_of_gbpa(regs->gbpa);

    *out = (SMMUv3DecodedStream) {
        .kind = config.kind,
        .event = config.event,
        .event_addr = config.event_addr,
    };
    if (config.kind == SMMUV3_STREAM_TRANSLATE) {
        decode_enter_stage_1(read_words, opaque, config.key, idr, out);
    }
    /* FetchAddr has no bits from OAS on, 7.3.4. */
    out->event_addr &= SMMUV3_BIT(smmuv3_oas_bits(idr[5])) - 1;
}

uint64_t smmuv3_decode_plain_ste(const SMMUv3DecodedStream *stream)
{
    static const unsigned configs[] = {
        [SMMUV3_STREAM_ABORT] = SMMUV3_STE_CONFIG_ABORT,
        [SMMUV3_STREAM_BYPASS] = SMMUV3_STE_CONFIG_BYPASS,
        [SMMUV3_STREAM_TRANSLATE] = SMMUV3_STE_CONFIG_S1,
    };

    return SMMUV3_STE0_V | stream->cd |
           SMMUV3_PREP(SMMUV3_STE0_CONFIG, configs[stream->kind]);
}

bool smmuv3_decode_same_regs(const SMMUv3StreamRegs *a,
                             const SMMUv3StreamRegs *b)
{
    return a->cr0 == b->cr0 && a->gbpa == b->gbpa &&
           a->strtab_base == b->strtab_base &&
           a->strtab_base_cfg == b->strtab_base_cfg;
}

/* ---- Commands ---- */

static SMMUv3Invalidation decode_config_of(uint32_t sid, uint64_t ignored_bits)
{
    return (SMMUv3Invalidation) {
        .kind = SMMUV3_INVALIDATE_CONFIG,
        .first_sid = sid & ~ignored_bits,
        .last_sid = sid | ignored_bits,
    };
}

/* 4.4.1.1; an unaligned address means the granule that it is in. */
static void decode_take_pages(SMMUv3Invalidation *inv, const SMMUv3Cmd *cmd)
{
    uint64_t tg = SMMUV3_GET(SMMUV3_TLBI1_TG, cmd->dw[1]);
    uint64_t addr = cmd->dw[1] & SMMUV3_TLBI1_VA, pages, room;

    if (!tg) {
        inv->addr = addr;
        inv->pages = 1;
        return;
    }
    inv->tg = tg;
    inv->granule_bits = 10 + 2 * tg;
    inv->addr = decode_aligned(addr, inv->granule_bits);
    pages = (SMMUV3_GET(SMMUV3_TLBI0_NUM, cmd->dw[0]) + 1) <<
            SMMUV3_GET(SMMUV3_TLBI0_SCALE, cmd->dw[0]);
    pages += inv->addr != addr;
    /* A range does not wrap at 2^64. */
    room = inv->addr ? -inv->addr >> inv->granule_bits
                     : SMMUV3_BIT(64 - inv->granule_bits);
    inv->pages = MIN(pages, room);
}

/* What @cmd, a canonical TLBI, drops. */
static SMMUv3Invalidation decode_translations_of(const SMMUv3Cmd *cmd)
{
    SMMUv3Invalidation inv = {
        .asid = SMMUV3_GET(SMMUV3_TLBI0_ASID, cmd->dw[0]),
    };

    switch (cmd->dw[0] & SMMUV3_CMD0_OPCODE) {
    case SMMUV3_CMD_TLBI_NH_ASID:
        inv.kind = SMMUV3_INVALIDATE_ASID;
        break;
    case SMMUV3_CMD_TLBI_NH_VAA:
        inv.any_asid = true;
        /* fall through */
    case SMMUV3_CMD_TLBI_NH_VA:
        inv.kind = SMMUV3_INVALIDATE_PAGES;
        decode_take_pages(&inv, cmd);
        break;
    default:
        inv.kind = SMMUV3_INVALIDATE_ALL;
    }
    return inv;
}

/* By the guest's promise alone, because no host executes the command. */
static SMMUv3Invalidation decode_tlbi(const uint32_t idr[6],
                                      const SMMUv3Cmd *cmd)
{
    SMMUv3ForwardRules rules;
    uint64_t widened = 0;
    SMMUv3Cmd canonical;

    smmuv3_forward_rules(&rules, idr, idr);
    canonical = smmuv3_forward_canonical(&rules, *cmd, &widened);
    return decode_translations_of(&canonical);
}

SMMUv3Invalidation smmuv3_decode_command(const uint32_t idr[6],
                                         const SMMUv3Cmd *cmd)
{
    uint32_t sid = SMMUV3_GET(SMMUV3_CMD0_SID, cmd->dw[0]);

    switch (cmd->dw[0] & SMMUV3_CMD0_OPCODE) {
    case SMMUV3_CMD_CFGI_STE:
    case SMMUV3_CMD_CFGI_CD:
    case SMMUV3_CMD_CFGI_CD_ALL:
        return decode_config_of(sid, 0);
    case SMMUV3_CMD_CFGI_STE_RANGE:
        return decode_config_of(sid, smmuv3_cfgi_ignored_bits(cmd));
    case SMMUV3_CMD_TLBI_NH_ALL:
    case SMMUV3_CMD_TLBI_NH_ASID:
    case SMMUV3_CMD_TLBI_NH_VA:
    case SMMUV3_CMD_TLBI_NH_VAA:
    case SMMUV3_CMD_TLBI_NSNH_ALL:
        return decode_tlbi(idr, cmd);
    default:
        return (SMMUv3Invalidation) { .kind = SMMUV3_INVALIDATE_NOTHING };
    }
}

/* The largest power of two up to @n; @n is not 0. */
static uint64_t decode_power_in(uint64_t n)
{
    while (n & (n - 1)) {
        n &= n - 1;
    }
    return n;
}

bool smmuv3_decode_next_block(SMMUv3Invalidation *inv, uint64_t *addr,
                              uint64_t *pages)
{
    uint64_t first = inv->addr >> inv->granule_bits, block;

    if (!inv->pages) {
        return false;
    }
    block = decode_power_in(inv->pages);
    block = first ? MIN(block, first & -first) : block;
    *addr = inv->addr;
    *pages = block;
    inv->addr += block << inv->granule_bits;
    inv->pages -= block;
    return true;
}

/* ---- Registers ---- */

static uint32_t decode_page_sizes(uint32_t idr5)
{
    return (idr5 & SMMUV3_IDR5_GRAN4K ? 4 * 1024 : 0) |
           (idr5 & SMMUV3_IDR5_GRAN16K ? 16 * 1024 : 0) |
           (idr5 & SMMUV3_IDR5_GRAN64K ? 64 * 1024 : 0);
}

SMMUv3Features smmuv3_decode_features(const uint32_t idr[6])
{
    return (SMMUv3Features) {
        .stage1 = idr[0] & SMMUV3_IDR0_S1P,
        .stage2 = idr[0] & SMMUV3_IDR0_S2P,
        .two_level_cds = idr[0] & SMMUV3_IDR0_CD2L,
        .ats = idr[0] & SMMUV3_IDR0_ATS,
        .msi = idr[0] & SMMUV3_IDR0_MSI,
        .s2fwb = idr[3] & SMMUV3_IDR3_FWB,
        .ril = idr[3] & SMMUV3_IDR3_RIL,
        .bbml = SMMUV3_GET(SMMUV3_IDR3_BBML, idr[3]),
        .stall_model = SMMUV3_GET(SMMUV3_IDR0_STALL_MODEL, idr[0]),
        .asid_bits = idr[0] & SMMUV3_IDR0_ASID16 ? 16 : 8,
        .sid_bits = SMMUV3_GET(SMMUV3_IDR1_SIDSIZE, idr[1]),
        .ssid_bits = SMMUV3_GET(SMMUV3_IDR1_SSIDSIZE, idr[1]),
        .oas_bits = smmuv3_oas_bits(idr[5]),
        .page_sizes = decode_page_sizes(idr[5]),
    };
}

unsigned smmuv3_decode_pasid_bits(const uint32_t idr[6],
                                  const SMMUv3HostInfo *info)
{
    return MIN(SMMUV3_GET(SMMUV3_IDR1_SSIDSIZE, idr[1]), info->pasid_bits);
}

bool smmuv3_decode_is_cmdq_prod(uint64_t offset)
{
    return (offset & ~(uint64_t)SMMUV3_REG_PAGE1) == SMMUV3_REG_CMDQ_PROD;
}
