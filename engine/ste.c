/*
 * STE decoding, and what GBPA says in an STE's place. See ste.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "smmuv3-promise.h"
#include "smmuv3/ste.h"
#include "ste.h"

SMMUv3StreamConfig smmuv3_ste_abort(SMMUv3EventType event)
{
    return (SMMUv3StreamConfig) { .kind = SMMUV3_STREAM_ABORT, .event = event };
}

/* V=1, but ILLEGAL by the guest's promise (5.2.2). */
static SMMUv3StreamConfig ste_illegal(void)
{
    SMMUv3StreamConfig config = smmuv3_ste_abort(SMMUV3_EVENT_C_BAD_STE);

    config.illegal = true;
    return config;
}

static SMMUv3StreamConfig ste_bypass(void)
{
    return (SMMUv3StreamConfig) { .kind = SMMUV3_STREAM_BYPASS };
}

/* 0b11 is reserved in these fields, and behaves as 0b00. */
static void ste_drop_reserved(uint64_t *word, uint64_t field)
{
    if ((*word & field) == field) {
        *word &= ~field;
    }
}

/*
 * The words of a stage-1 STE as they act (5.2). Fields that are IGNORED by this
 * guest's promise are 0, because the host's SMMU may not ignore them. So are
 * reserved encodings that behave as 0.
 */
static void ste_effective_s1(uint64_t out[2], const uint64_t dw[2],
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
    ste_drop_reserved(&out[0], SMMUV3_STE0_S1FMT);
    ste_drop_reserved(&out[1], SMMUV3_STE1_S1DSS);
    ste_drop_reserved(&out[1], SMMUV3_STE1_EATS);
}

/* 5.2.2, of words that ste_effective_s1() has made. */
static bool ste_s1_legal(const uint64_t dw[2], const uint32_t idr[6])
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
    /* 3.4.3: illegal from SMMUv3.1 on, and allowed to be before. */
    if ((dw[0] & SMMUV3_STE0_S1CONTEXTPTR) >> smmuv3_oas_bits(idr[5])) {
        return false;
    }
    /* Split-stage ATS needs stage 2. */
    return SMMUV3_GET(SMMUV3_STE1_EATS, dw[1]) <= SMMUV3_STE_EATS_FULL;
}

static SMMUv3StreamConfig ste_decode_s1(const uint64_t dw[2],
                                        const uint32_t idr[6])
{
    SMMUv3StreamConfig config = { .kind = SMMUV3_STREAM_TRANSLATE };

    ste_effective_s1(config.key, dw, idr);
    return ste_s1_legal(config.key, idr) ? config : ste_illegal();
}

SMMUv3StreamConfig smmuv3_ste_decode(const uint64_t dw[2],
                                     const uint32_t idr[6])
{
    if (!(dw[0] & SMMUV3_STE0_V)) {
        return smmuv3_ste_abort(SMMUV3_EVENT_C_BAD_STE);
    }
    switch (SMMUV3_GET(SMMUV3_STE0_CONFIG, dw[0])) {
    case SMMUV3_STE_CONFIG_BYPASS:
        return ste_bypass();
    case SMMUV3_STE_CONFIG_S1:
        return ste_decode_s1(dw, idr);
    case SMMUV3_STE_CONFIG_S2:
    case SMMUV3_STE_CONFIG_NESTED:
        return ste_illegal();
    default:
        return smmuv3_ste_abort(SMMUV3_EVENT_NONE);
    }
}

SMMUv3StreamConfig smmuv3_ste_of_gbpa(uint32_t gbpa)
{
    return gbpa & SMMUV3_GBPA_ABORT ? smmuv3_ste_abort(SMMUV3_EVENT_NONE)
                                    : ste_bypass();
}

bool smmuv3_ste_config_equal(const SMMUv3StreamConfig *a,
                             const SMMUv3StreamConfig *b)
{
    return a->kind == b->kind && a->key[0] == b->key[0] &&
           a->key[1] == b->key[1];
}

bool smmuv3_ste_keeps_cds(const SMMUv3StreamConfig *from,
                          const SMMUv3StreamConfig *to)
{
    uint64_t hidden = SMMUV3_STE1_EATS | SMMUV3_STE1_S1STALLD;

    return from->kind == SMMUV3_STREAM_TRANSLATE && from->kind == to->kind &&
           from->key[0] == to->key[0] &&
           !((from->key[1] ^ to->key[1]) & ~hidden);
}
