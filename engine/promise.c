/*
 * The promise. See smmuv3-promise.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Only those fields of the host's IDRs are read that the comment of struct
 * iommu_hw_info_arm_smmuv3 lists. It lists neither OAS nor IDR0.ATS.
 */
#include <glib.h>

#include "smmuv3-promise.h"
#include "smmuv3/registers.h"

/* IDR0.TTF is two flags: AArch32 LPAE and AArch64. */
#define TTF_AARCH64     2
/* IDR0.TTENDIAN */
#define TTENDIAN_LITTLE 2
/* IDR0.STALL_MODEL */
#define STALL_NEVER     1
#define STALL_FORCED    2
/* IDR0.ST_LEVEL */
#define ST_LEVEL_TWO    1

#define SIDSIZE         16      /* a RequesterID */
#define BBML_MAX        2
#define OAS_AUTO        44

#define GRANULES (SMMUV3_IDR5_GRAN4K | SMMUV3_IDR5_GRAN16K | \
                  SMMUV3_IDR5_GRAN64K)

/* IDR5.OAS of @bits; -1: no wish may name @bits. */
static int promise_oas_field(int bits)
{
    switch (bits) {
    case 44: return 4;
    case 48: return 5;
    default: return -1;
    }
}

unsigned smmuv3_oas_bits(uint32_t idr5)
{
    static const uint8_t bits[] = { 32, 36, 40, 42, 44, 48, 52, 52 };

    return bits[SMMUV3_GET(SMMUV3_IDR5_OAS, idr5)];
}

bool smmuv3_oas_valid(int bits)
{
    return promise_oas_field(bits) >= 0;
}

/*
 * 6.3.4: HAD is mandatory for stage 1 from SMMUv3.1 on. The version in AIDR
 * decides, because the bit is not on the kernel's list. An SMMUv3.0 is taken
 * for one without HAD.
 */
static bool promise_has_had(const SMMUv3HostInfo *info)
{
    return (info->aidr & SMMUV3_AIDR_REV) >= SMMUV3_AIDR_3_1;
}

/*
 * Takes off what the host lacks, and adds what it has. CD2L needs substreams,
 * because with a single CD the format is IGNORED (5.2, S1Fmt).
 */
static void promise_narrow(uint32_t idr[6], const SMMUv3HostInfo *info,
                           bool substreams)
{
    uint32_t bbml = MIN(SMMUV3_GET(SMMUV3_IDR3_BBML, info->idr[3]), BBML_MAX);

    idr[0] &= info->idr[0] | ~(uint32_t)SMMUV3_IDR0_ASID16;
    idr[0] |= substreams ? info->idr[0] & SMMUV3_IDR0_CD2L : 0;
    idr[3] |= SMMUV3_PREP(SMMUV3_IDR3_BBML, bbml);
    idr[3] &= promise_has_had(info) ? ~UINT32_C(0) : ~(uint32_t)SMMUV3_IDR3_HAD;
    idr[5] &= info->idr[5] | ~(uint32_t)GRANULES;
}

static unsigned promise_ssidsize(const SMMUv3Wishes *w,
                                 const SMMUv3HostInfo *info)
{
    if (w->ssidsize != SMMUV3_AUTO) {
        return w->ssidsize;
    }
    return info ? MIN(SMMUV3_GET(SMMUV3_IDR1_SSIDSIZE, info->idr[1]),
                      SMMUV3_SSIDSIZE_MAX) : 0;
}

void smmuv3_promise(const SMMUv3Wishes *w, const SMMUv3HostInfo *info,
                    uint32_t idr[6])
{
    unsigned ssids = promise_ssidsize(w, info);
    int oas = w->oas == SMMUV3_AUTO ? OAS_AUTO : w->oas;

    idr[0] = SMMUV3_IDR0_S1P | SMMUV3_IDR0_COHACC | SMMUV3_IDR0_ASID16 |
             SMMUV3_IDR0_TERM_MODEL | SMMUV3_IDR0_MSI |
             SMMUV3_PREP(SMMUV3_IDR0_TTF, TTF_AARCH64) |
             SMMUV3_PREP(SMMUV3_IDR0_TTENDIAN, TTENDIAN_LITTLE) |
             SMMUV3_PREP(SMMUV3_IDR0_STALL_MODEL, STALL_NEVER) |
             SMMUV3_PREP(SMMUV3_IDR0_ST_LEVEL, ST_LEVEL_TWO) |
             (w->ats == 1 ? SMMUV3_IDR0_ATS : 0);
    idr[1] = SMMUV3_PREP(SMMUV3_IDR1_SIDSIZE, SIDSIZE) |
             SMMUV3_PREP(SMMUV3_IDR1_SSIDSIZE, ssids) |
             SMMUV3_PREP(SMMUV3_IDR1_CMDQS, SMMUV3_QUEUE_LOG2SIZE_MAX) |
             SMMUV3_PREP(SMMUV3_IDR1_EVENTQS, SMMUV3_QUEUE_LOG2SIZE_MAX);
    idr[2] = 0;
    idr[3] = SMMUV3_IDR3_HAD | (w->ril ? SMMUV3_IDR3_RIL : 0);
    idr[4] = 0;
    idr[5] = GRANULES | SMMUV3_PREP(SMMUV3_IDR5_OAS, promise_oas_field(oas));
    if (info) {
        promise_narrow(idr, info, ssids != 0);
    }
}

/* The bits that promise_narrow() may change, by register. */
static const uint32_t narrowed[6] = {
    [0] = SMMUV3_IDR0_ASID16 | SMMUV3_IDR0_CD2L,
    [3] = SMMUV3_IDR3_BBML | SMMUV3_IDR3_HAD,
    [5] = GRANULES,
};

static SMMUv3Wishes promise_wishes_of(const uint32_t idr[6])
{
    return (SMMUv3Wishes) {
        .ril = (idr[3] & SMMUV3_IDR3_RIL) != 0,
        .ats = (idr[0] & SMMUV3_IDR0_ATS) != 0,
        .ssidsize = SMMUV3_GET(SMMUV3_IDR1_SSIDSIZE, idr[1]),
        .oas = smmuv3_oas_bits(idr[5]),
    };
}

bool smmuv3_promise_valid(const uint32_t idr[6])
{
    SMMUv3Wishes w = promise_wishes_of(idr);
    uint32_t made[6];

    if (w.ssidsize > SMMUV3_SSIDSIZE_MAX || !smmuv3_oas_valid(w.oas) ||
        SMMUV3_GET(SMMUV3_IDR3_BBML, idr[3]) > BBML_MAX ||
        (!w.ssidsize && (idr[0] & SMMUV3_IDR0_CD2L))) {
        return false;
    }
    smmuv3_promise(&w, NULL, made);
    for (unsigned i = 0; i < G_N_ELEMENTS(made); i++) {
        if ((made[i] ^ idr[i]) & ~narrowed[i]) {
            return false;
        }
    }
    return true;
}

static bool promise_differs(const char *name, int wished, int promised,
                            SMMUv3Shortfall *out)
{
    if (wished == SMMUV3_AUTO || wished == promised) {
        return false;
    }
    *out = (SMMUv3Shortfall) { name, promised, wished };
    return true;
}

bool smmuv3_promise_denied(const uint32_t idr[6], const SMMUv3Wishes *w,
                           SMMUv3Shortfall *out)
{
    SMMUv3Wishes have = promise_wishes_of(idr);

    return promise_differs("ril", w->ril, have.ril, out) ||
           promise_differs("ats", w->ats, have.ats, out) ||
           promise_differs("ssidsize", w->ssidsize, have.ssidsize, out) ||
           promise_differs("oas", w->oas, have.oas, out);
}

/* Numbers and flags: a guest is promised no more than the host has. */
static const struct {
    unsigned reg;
    uint32_t mask;
    const char *name;
} promised[] = {
    { 0, SMMUV3_IDR0_ASID16, "IDR0.ASID16" },
    { 0, SMMUV3_IDR0_CD2L, "IDR0.CD2L" },
    { 1, SMMUV3_IDR1_SSIDSIZE, "IDR1.SSIDSIZE" },
    { 3, SMMUV3_IDR3_BBML, "IDR3.BBML" },
    { 5, SMMUV3_IDR5_GRAN4K, "IDR5.GRAN4K" },
    { 5, SMMUV3_IDR5_GRAN16K, "IDR5.GRAN16K" },
    { 5, SMMUV3_IDR5_GRAN64K, "IDR5.GRAN64K" },
};

/* Does the host lack what every guest needs? */
static bool promise_unusable(const SMMUv3HostInfo *info, SMMUv3Shortfall *out)
{
    unsigned ttf = SMMUV3_GET(SMMUV3_IDR0_TTF, info->idr[0]);
    unsigned stall = SMMUV3_GET(SMMUV3_IDR0_STALL_MODEL, info->idr[0]);

    if (!(ttf & TTF_AARCH64)) {
        *out = (SMMUv3Shortfall) { "IDR0.TTF (AArch64 tables)", TTF_AARCH64,
                                   ttf };
        return true;
    }
    if (stall == STALL_FORCED) {
        *out = (SMMUv3Shortfall) {
            "IDR0.STALL_MODEL (faults that do not stall)", STALL_NEVER, stall };
        return true;
    }
    return false;
}

/*
 * RIL is not compared, because the engine expands ranges for a host without it;
 * nor are features that the VMM serves itself.
 */
bool smmuv3_promise_broken(const uint32_t idr[6], const SMMUv3HostInfo *info,
                           SMMUv3Shortfall *out)
{
    if (promise_unusable(info, out)) {
        return true;
    }
    if ((idr[3] & SMMUV3_IDR3_HAD) && !promise_has_had(info)) {
        *out = (SMMUv3Shortfall) { "IDR3.HAD", 1, 0 };
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(promised); i++) {
        unsigned want = SMMUV3_GET(promised[i].mask, idr[promised[i].reg]);
        unsigned have = SMMUV3_GET(promised[i].mask,
                                   info->idr[promised[i].reg]);

        if (want > have) {
            *out = (SMMUv3Shortfall) { promised[i].name, want, have };
            return true;
        }
    }
    return false;
}
