/*
 * Streams: STE decode, table lookup, GBPA. Pure but for reading guest memory.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <glib.h>

#include "smmuv3-promise.h"
#include "smmuv3/ste.h"
#include "stream.h"

#define LOG2_STE_SIZE 6
#define LOG2_L1STD_SIZE 3

static SMMUv3StreamConfig stream_abort(SMMUv3EventType event)
{
    return (SMMUv3StreamConfig) { .kind = SMMUV3_STREAM_ABORT, .event = event };
}

/* V=1, but not what the guest was promised (5.2.2) */
static SMMUv3StreamConfig stream_illegal(void)
{
    SMMUv3StreamConfig config = stream_abort(SMMUV3_EVENT_C_BAD_STE);

    config.illegal = true;
    return config;
}

static SMMUv3StreamConfig stream_bypass(void)
{
    return (SMMUv3StreamConfig) { .kind = SMMUV3_STREAM_BYPASS };
}

/* 0b11, which behaves as 0b00 */
static void drop_reserved(uint64_t *word, uint64_t field)
{
    if ((*word & field) == field) {
        *word &= ~field;
    }
}

/*
 * The words of a stage-1 STE as they act (5.2): without the fields that are
 * IGNORED for a guest with this promise, which the host's SMMU may not ignore,
 * and without the reserved encodings that behave as 0.
 */
static void effective_s1(uint64_t out[2], const uint64_t dw[2],
                         const uint32_t idr[6])
{
    out[0] = dw[0] & SMMUV3_STE0_NESTED_MASK;
    out[1] = dw[1] & SMMUV3_STE1_NESTED_MASK;
    if (!(idr[1] & SMMUV3_IDR1_SSIDSIZE)) {
        out[0] &= ~SMMUV3_STE0_S1CDMAX;
    }
    if (!(out[0] & SMMUV3_STE0_S1CDMAX)) {
        out[0] &= ~SMMUV3_STE0_S1FMT;
        out[1] &= ~SMMUV3_STE1_S1DSS;
    }
    if (!(idr[0] & SMMUV3_IDR0_ATS)) {
        out[1] &= ~SMMUV3_STE1_EATS;
    }
    drop_reserved(&out[0], SMMUV3_STE0_S1FMT);
    drop_reserved(&out[1], SMMUV3_STE1_S1DSS);
    drop_reserved(&out[1], SMMUV3_STE1_EATS);
}

/* Of effective words: what makes a stage-1 STE ILLEGAL, 5.2.2 */
static bool s1_legal(const uint64_t dw[2], const uint32_t idr[6])
{
    if (SMMUV3_GET(SMMUV3_STE0_S1CDMAX, dw[0]) >
        SMMUV3_GET(SMMUV3_IDR1_SSIDSIZE, idr[1])) {
        return false;
    }
    if ((dw[0] & SMMUV3_STE0_S1FMT) && !(idr[0] & SMMUV3_IDR0_CD2L)) {
        return false;
    }
    if ((dw[1] & SMMUV3_STE1_S1STALLD) && (idr[0] & SMMUV3_IDR0_STALL_MODEL)) {
        return false;
    }
    /* 3.4.3: so it is from SMMUv3.1 on, and may be before. */
    if ((dw[0] & SMMUV3_STE0_S1CONTEXTPTR) >> smmuv3_oas_bits(idr[5])) {
        return false;
    }
    /* Split-stage ATS needs stage 2. */
    return SMMUV3_GET(SMMUV3_STE1_EATS, dw[1]) <= SMMUV3_STE_EATS_FULL;
}

static SMMUv3StreamConfig decode_s1(const uint64_t dw[2],
                                    const uint32_t idr[6])
{
    SMMUv3StreamConfig config = { .kind = SMMUV3_STREAM_TRANSLATE };

    effective_s1(config.key, dw, idr);
    return s1_legal(config.key, idr) ? config : stream_illegal();
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
        return stream_illegal();
    default:
        return stream_abort(SMMUV3_EVENT_NONE);
    }
}

SMMUv3StreamConfig smmuv3_stream_gbpa(uint32_t gbpa)
{
    return gbpa & SMMUV3_GBPA_ABORT ? stream_abort(SMMUV3_EVENT_NONE)
                                    : stream_bypass();
}

/*
 * The base is aligned to the size that LOG2SIZE says, also where SIDSIZE lets
 * less of it be reached, and never to less than 64 bytes (6.3.24).
 */
static uint64_t table_base(uint64_t base, unsigned log2bytes)
{
    return log2bytes > 63 ? 0 : base & SMMUV3_STRTAB_BASE_ADDR &
                                ~(SMMUV3_BIT(log2bytes) - 1);
}

static unsigned strtab_split(uint32_t cfg)
{
    unsigned split = SMMUV3_GET(SMMUV3_STRTAB_CFG_SPLIT, cfg);

    return split == 8 || split == 10 ? split : 6;
}

/*
 * The address of @vsid's STE in a two-level table; an event where there is
 * none (7.3.3: an invalid or too short level 2 table is C_BAD_STREAMID), with
 * the address of what could not be read.
 */
static SMMUv3EventType locate_2lvl(SMMUv3ReadWords read_words, void *opaque,
                                   const SMMUv3StreamRegs *regs,
                                   unsigned log2size, uint32_t vsid,
                                   uint64_t *addr)
{
    unsigned split = strtab_split(regs->strtab_base_cfg);
    unsigned log2l1 = log2size > split ? log2size - split : 0;
    uint64_t l1 = table_base(regs->strtab_base, log2l1 + LOG2_L1STD_SIZE);
    uint32_t l2_index = vsid & (SMMUV3_BIT(split) - 1);
    uint64_t desc, span;

    *addr = l1 + SMMUV3_L1STD_SIZE * (vsid >> split);
    if (read_words(opaque, *addr, &desc, 1)) {
        return SMMUV3_EVENT_F_STE_FETCH;
    }
    desc = GUINT64_FROM_LE(desc);
    span = SMMUV3_GET(SMMUV3_L1STD_SPAN, desc);
    /* A span that the split cannot reach is none (5.1.1, 7.3.3). */
    if (!span || span > split + 1 || l2_index >= SMMUV3_BIT(span - 1)) {
        return SMMUV3_EVENT_C_BAD_STREAMID;
    }
    *addr = (desc & SMMUV3_L1STD_L2PTR &
             ~(sizeof(SMMUv3Ste) * SMMUV3_BIT(span - 1) - 1)) +
            sizeof(SMMUv3Ste) * l2_index;
    return SMMUV3_EVENT_NONE;
}

static SMMUv3EventType locate(SMMUv3ReadWords read_words, void *opaque,
                              const SMMUv3StreamRegs *regs,
                              const uint32_t idr[6], uint32_t vsid,
                              uint64_t *addr)
{
    unsigned sidsize = MIN(SMMUV3_GET(SMMUV3_IDR1_SIDSIZE, idr[1]), 32);
    unsigned log2size = SMMUV3_GET(SMMUV3_STRTAB_CFG_LOG2SIZE,
                                   regs->strtab_base_cfg);

    if (vsid >= SMMUV3_BIT(MIN(log2size, sidsize))) {
        return SMMUV3_EVENT_C_BAD_STREAMID;
    }
    if (SMMUV3_GET(SMMUV3_STRTAB_CFG_FMT, regs->strtab_base_cfg) ==
        SMMUV3_STRTAB_2LVL && (idr[0] & SMMUV3_IDR0_ST_LEVEL)) {
        return locate_2lvl(read_words, opaque, regs, log2size, vsid, addr);
    }
    *addr = table_base(regs->strtab_base, log2size + LOG2_STE_SIZE) +
            sizeof(SMMUv3Ste) * vsid;
    return SMMUV3_EVENT_NONE;
}

SMMUv3StreamConfig smmuv3_stream_lookup(SMMUv3ReadWords read_words,
                                        void *opaque,
                                        const SMMUv3StreamRegs *regs,
                                        const uint32_t idr[6], uint32_t vsid)
{
    uint64_t addr = 0, dw[2];
    SMMUv3EventType event = locate(read_words, opaque, regs, idr, vsid, &addr);
    SMMUv3StreamConfig config;

    if (event == SMMUV3_EVENT_NONE &&
        read_words(opaque, addr, dw, G_N_ELEMENTS(dw))) {
        event = SMMUV3_EVENT_F_STE_FETCH;
    }
    if (event != SMMUV3_EVENT_NONE) {
        config = stream_abort(event);
        /* All other events have RES0 there, C_BAD_STREAMID included. */
        config.event_addr = event == SMMUV3_EVENT_F_STE_FETCH ? addr : 0;
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
