/*
 * The stream table by the letter. See ste-model.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ste-model.h"

/* [hi:lo] of @word, and a word without [hi:0] */
static uint64_t bits(uint64_t word, unsigned hi, unsigned lo)
{
    return word << (63 - hi) >> (63 - hi + lo);
}

static uint64_t without_low(uint64_t word, unsigned hi)
{
    return hi >= 63 ? 0 : word >> (hi + 1) << (hi + 1);
}

static bool fetch(Guest *g, uint64_t addr, uint64_t *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (guest_ops.read_words(g, addr + 8 * i, &words[i], 1)) {
            return false;
        }
        words[i] = GUINT64_FROM_LE(words[i]);
    }
    return true;
}

static SteModelPlace at(uint64_t addr)
{
    return (SteModelPlace) { SMMUV3_EVENT_NONE, addr };
}

static SteModelPlace bad_streamid(void)
{
    return (SteModelPlace) { SMMUV3_EVENT_C_BAD_STREAMID, 0 };
}

/* 6.3.25: other values than 8 and 10 behave as 6. */
static unsigned split_of(uint32_t cfg)
{
    switch (bits(cfg, 10, 6)) {
    case 8:
        return 8;
    case 10:
        return 10;
    default:
        return 6;
    }
}

/* 5.1, and 7.3.3 for a StreamID out of range */
static SteModelPlace level_2(Guest *g, uint64_t l1, unsigned split,
                             uint32_t sid)
{
    uint64_t addr = l1 + 8 * (uint64_t)(sid >> split), l1std;
    uint64_t index = sid & ((1u << split) - 1);
    unsigned span;

    if (!fetch(g, addr, &l1std, 1)) {
        return (SteModelPlace) { SMMUV3_EVENT_F_STE_FETCH, addr };
    }
    span = bits(l1std, 4, 0);
    if (span == 0 || span >= 12 || span > split + 1 ||
        index >= 1u << (span - 1)) {
        return bad_streamid();
    }
    return at(without_low(bits(l1std, 51, 6) << 6, 5 + span - 1) +
              64 * index);
}

static SteModelPlace locate(Guest *g, const SMMUv3StreamRegs *regs,
                            const uint32_t idr[6], uint32_t sid)
{
    int log2size = bits(regs->strtab_base_cfg, 5, 0);
    unsigned sidsize = bits(idr[1], 5, 0);
    uint64_t base = bits(regs->strtab_base, 51, 6) << 6;

    if ((uint64_t)sid >> MIN(log2size, (int)sidsize)) {
        return bad_streamid();
    }
    /* 6.3.24: the literal LOG2SIZE, not limited by SIDSIZE */
    if (bits(idr[0], 28, 27) == 1 &&
        bits(regs->strtab_base_cfg, 17, 16) == 1) {
        int split = split_of(regs->strtab_base_cfg);

        return level_2(g, without_low(base, MAX(5, log2size - split - 1 + 3)),
                       split, sid);
    }
    return at(without_low(base, log2size + 5) + 64 * (uint64_t)sid);
}

SteModelPlace ste_model_locate(Guest *g, const SMMUv3StreamRegs *regs,
                               const uint32_t idr[6], uint32_t sid)
{
    SteModelPlace place = locate(g, regs, idr, sid);
    uint64_t ste[2];

    if (place.event == SMMUV3_EVENT_NONE && !fetch(g, place.addr, ste, 2)) {
        place.event = SMMUV3_EVENT_F_STE_FETCH;
    }
    return place;
}

/* ---- What an STE does ---- */

/* "0b11: Reserved (behaves as 0b00)": S1Fmt, S1DSS, EATS without DPT */
static unsigned or_reserved(uint64_t value)
{
    return value == 3 ? 0 : value;
}

static SteModel stage_1(const uint64_t dw[2], const uint32_t idr[6])
{
    bool ats = bits(idr[0], 10, 10), cd2l = bits(idr[0], 19, 19);
    unsigned stall_model = bits(idr[0], 25, 24);
    static const unsigned oas[] = { 32, 36, 40, 42, 44, 48, 52, 52 };
    unsigned ssidsize = bits(idr[1], 10, 6);
    SteModel m = {
        .kind = STE_MODEL_STAGE_1,
        .context_ptr = bits(dw[0], 51, 6) << 6,
        .cdmax = ssidsize ? bits(dw[0], 63, 59) : 0,
        .memory = bits(dw[1], 7, 2),
        .stalld = bits(dw[1], 27, 27),
        .eats = ats ? or_reserved(bits(dw[1], 29, 28)) : 0,
    };

    if (m.cdmax) {
        m.fmt = or_reserved(bits(dw[0], 5, 4));
        m.dss = or_reserved(bits(dw[1], 1, 0));
    }
    /* Split-stage ATS needs Config 0b111; 3.4.3: an address beyond OAS */
    if (m.cdmax > ssidsize || (m.fmt && !cd2l) || m.eats == 2 ||
        (m.stalld && stall_model != 0) ||
        m.context_ptr >> oas[bits(idr[5], 2, 0)]) {
        m.kind = STE_MODEL_ILLEGAL;
    }
    return m;
}

SteModel ste_model(const uint64_t dw[2], const uint32_t idr[6])
{
    if (!(dw[0] & 1)) {
        return (SteModel) { .kind = STE_MODEL_ILLEGAL };
    }
    switch (bits(dw[0], 3, 1)) {
    case 0 ... 3:
        return (SteModel) { .kind = STE_MODEL_ABORT };
    case 4:
        return (SteModel) { .kind = STE_MODEL_BYPASS };
    case 5:
        return stage_1(dw, idr);
    default:
        return (SteModel) { .kind = STE_MODEL_ILLEGAL };
    }
}
