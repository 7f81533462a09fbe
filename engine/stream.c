/*
 * Streams: STE decode, table lookup, GBPA. Pure but for reading guest memory.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <glib.h>

#include "smmuv3/ste.h"
#include "stream.h"

static SMMUv3StreamConfig stream_abort(SMMUv3EventType event)
{
    return (SMMUv3StreamConfig) { .kind = SMMUV3_STREAM_ABORT, .event = event };
}

static SMMUv3StreamConfig stream_bypass(void)
{
    return (SMMUv3StreamConfig) { .kind = SMMUV3_STREAM_BYPASS };
}

/* The fields of a stage-1 STE that make it ILLEGAL, 5.2. */
static bool s1_fields_legal(const uint64_t dw[2], const uint32_t idr[6])
{
    uint64_t cdmax = SMMUV3_GET(SMMUV3_STE0_S1CDMAX, dw[0]);
    uint64_t s1fmt = SMMUV3_GET(SMMUV3_STE0_S1FMT, dw[0]);
    uint64_t s1dss = SMMUV3_GET(SMMUV3_STE1_S1DSS, dw[1]);

    if (cdmax > SMMUV3_GET(SMMUV3_IDR1_SSIDSIZE, idr[1])) {
        return false;
    }
    /* Both are IGNORED with a single CD. */
    if (cdmax && (s1fmt == SMMUV3_STE_S1FMT_RESERVED ||
                  s1dss == SMMUV3_STE_S1DSS_RESERVED)) {
        return false;
    }
    if (cdmax && s1fmt && !(idr[0] & SMMUV3_IDR0_CD2L)) {
        return false;
    }
    if ((dw[1] & SMMUV3_STE1_S1STALLD) && (idr[0] & SMMUV3_IDR0_STALL_MODEL)) {
        return false;
    }
    /* Split-stage ATS needs stage 2; 0b11 is reserved. */
    return !(idr[0] & SMMUV3_IDR0_ATS) ||
           SMMUV3_GET(SMMUV3_STE1_EATS, dw[1]) <= SMMUV3_STE_EATS_FULL;
}

static SMMUv3StreamConfig decode_s1(const uint64_t dw[2],
                                    const uint32_t idr[6])
{
    SMMUv3StreamConfig config = { .kind = SMMUV3_STREAM_TRANSLATE };
    uint64_t dw1_mask = SMMUV3_STE1_NESTED_MASK;

    if (!s1_fields_legal(dw, idr)) {
        return stream_abort(SMMUV3_EVENT_C_BAD_STE);
    }
    if (!(idr[0] & SMMUV3_IDR0_ATS)) {
        dw1_mask &= ~SMMUV3_STE1_EATS;
    }
    config.key[0] = dw[0] & SMMUV3_STE0_NESTED_MASK;
    config.key[1] = dw[1] & dw1_mask;
    return config;
}

SMMUv3StreamConfig smmuv3_ste_decode(const uint64_t dw[2],
                                     const uint32_t idr[6])
{
    if (!(dw[0] & SMMUV3_STE0_V)) {
        return stream_abort(SMMUV3_EVENT_C_BAD_STE);
    }
    switch (SMMUV3_GET(SMMUV3_STE0_CONFIG, dw[0])) {
    case SMMUV3_STE_CONFIG_BYPASS:
        return stream_bypass();
    case SMMUV3_STE_CONFIG_S1:
        return decode_s1(dw, idr);
    case SMMUV3_STE_CONFIG_S2:
    case SMMUV3_STE_CONFIG_NESTED:
        return stream_abort(SMMUV3_EVENT_C_BAD_STE);
    default:
        return stream_abort(SMMUV3_EVENT_NONE);
    }
}

SMMUv3StreamConfig smmuv3_stream_gbpa(uint32_t gbpa)
{
    return gbpa & SMMUV3_GBPA_ABORT ? stream_abort(SMMUV3_EVENT_NONE)
                                    : stream_bypass();
}

/* A table's base is aligned to its size, never to less than 64 bytes. */
static uint64_t table_base(uint64_t base, uint64_t size)
{
    return base & SMMUV3_STRTAB_BASE_ADDR & ~(MAX(size, 64) - 1);
}

static unsigned strtab_split(uint32_t cfg)
{
    unsigned split = SMMUV3_GET(SMMUV3_STRTAB_CFG_SPLIT, cfg);

    return split == 8 || split == 10 ? split : 6;
}

/*
 * The address of @vsid's STE in a two-level table; an event where there is
 * none (3.3.2: an invalid or too short level 2 table is C_BAD_STREAMID), with
 * the address of what could not be read.
 */
static SMMUv3EventType locate_2lvl(const SMMUv3FrontendOps *fe, void *opaque,
                                   const SMMUv3StreamRegs *regs,
                                   unsigned log2size, uint32_t vsid,
                                   uint64_t *addr)
{
    unsigned split = strtab_split(regs->strtab_base_cfg);
    unsigned log2l1 = log2size > split ? log2size - split : 0;
    uint64_t l1 = table_base(regs->strtab_base,
                             (uint64_t)SMMUV3_L1STD_SIZE << log2l1);
    uint32_t l2_index = vsid & (SMMUV3_BIT(split) - 1);
    uint64_t desc, span;

    *addr = l1 + SMMUV3_L1STD_SIZE * (vsid >> split);
    if (fe->read_words(opaque, *addr, &desc, 1)) {
        return SMMUV3_EVENT_F_STE_FETCH;
    }
    desc = GUINT64_FROM_LE(desc);
    span = SMMUV3_GET(SMMUV3_L1STD_SPAN, desc);
    if (!span || span > SMMUV3_L1STD_SPAN_MAX ||
        l2_index >= SMMUV3_BIT(span - 1)) {
        return SMMUV3_EVENT_C_BAD_STREAMID;
    }
    *addr = (desc & SMMUV3_L1STD_L2PTR &
             ~(sizeof(SMMUv3Ste) * SMMUV3_BIT(span - 1) - 1)) +
            sizeof(SMMUv3Ste) * l2_index;
    return SMMUV3_EVENT_NONE;
}

static SMMUv3EventType locate(const SMMUv3FrontendOps *fe, void *opaque,
                              const SMMUv3StreamRegs *regs,
                              const uint32_t idr[6], uint32_t vsid,
                              uint64_t *addr)
{
    unsigned sidsize = MIN(SMMUV3_GET(SMMUV3_IDR1_SIDSIZE, idr[1]), 32);
    unsigned log2size = MIN(SMMUV3_GET(SMMUV3_STRTAB_CFG_LOG2SIZE,
                                       regs->strtab_base_cfg), sidsize);

    if (vsid >= SMMUV3_BIT(log2size)) {
        return SMMUV3_EVENT_C_BAD_STREAMID;
    }
    if (SMMUV3_GET(SMMUV3_STRTAB_CFG_FMT, regs->strtab_base_cfg) ==
        SMMUV3_STRTAB_2LVL && (idr[0] & SMMUV3_IDR0_ST_LEVEL)) {
        return locate_2lvl(fe, opaque, regs, log2size, vsid, addr);
    }
    *addr = table_base(regs->strtab_base, sizeof(SMMUv3Ste) << log2size) +
            sizeof(SMMUv3Ste) * vsid;
    return SMMUV3_EVENT_NONE;
}

SMMUv3StreamConfig smmuv3_stream_lookup(const SMMUv3FrontendOps *fe,
                                        void *opaque,
                                        const SMMUv3StreamRegs *regs,
                                        const uint32_t idr[6], uint32_t vsid)
{
    uint64_t addr = 0, dw[2];
    SMMUv3EventType event = locate(fe, opaque, regs, idr, vsid, &addr);

    if (event == SMMUV3_EVENT_NONE &&
        fe->read_words(opaque, addr, dw, G_N_ELEMENTS(dw))) {
        event = SMMUV3_EVENT_F_STE_FETCH;
    }
    if (event != SMMUV3_EVENT_NONE) {
        SMMUv3StreamConfig config = stream_abort(event);

        config.event_addr = addr;
        return config;
    }
    dw[0] = GUINT64_FROM_LE(dw[0]);
    dw[1] = GUINT64_FROM_LE(dw[1]);
    return smmuv3_ste_decode(dw, idr);
}

bool smmuv3_stream_config_equal(const SMMUv3StreamConfig *a,
                                const SMMUv3StreamConfig *b)
{
    return a->kind == b->kind && a->key[0] == b->key[0] &&
           a->key[1] == b->key[1];
}

bool smmuv3_stream_keeps_cds(const SMMUv3StreamConfig *from,
                             const SMMUv3StreamConfig *to)
{
    uint64_t hidden = SMMUV3_STE1_EATS | SMMUV3_STE1_S1STALLD;

    return from->kind == SMMUV3_STREAM_TRANSLATE && from->kind == to->kind &&
           from->key[0] == to->key[0] &&
           !((from->key[1] ^ to->key[1]) & ~hidden);
}
