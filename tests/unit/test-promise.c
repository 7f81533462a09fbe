/*
 * What the guest is promised, on which host, by which wishes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <string.h>

#include "scene.h"
#include "smmuv3-promise.h"

#define AUTO SMMUV3_AUTO

#define ALL_AUTO { AUTO, AUTO, AUTO, AUTO }

static SMMUv3HostInfo host_info(void)
{
    SMMUv3HostInfo info = { .aidr = 2 };

    memcpy(info.idr, host_idr, sizeof(info.idr));
    return info;
}

/* A field of the promise, and what it is to be. */
typedef struct Case {
    const char *name;
    SMMUv3Wishes wishes;
    bool host;                  /* is there one? */
    unsigned host_reg;          /* with this field changed */
    uint64_t host_mask;
    unsigned host_value;
    unsigned reg;
    uint64_t mask;
    unsigned value;
} Case;

#define ANY_HOST true, 0, 0, 0
#define NO_HOST false, 0, 0, 0
#define IDR0(field) 0, SMMUV3_IDR0_##field
#define IDR1(field) 1, SMMUV3_IDR1_##field
#define IDR3(field) 3, SMMUV3_IDR3_##field
#define IDR5(field) 5, SMMUV3_IDR5_##field

static const Case cases[] = {
    { "s1p", ALL_AUTO, ANY_HOST, IDR0(S1P), 1 },
    { "no-s2p", ALL_AUTO, ANY_HOST, IDR0(S2P), 0 },
    { "no-hyp", ALL_AUTO, ANY_HOST, IDR0(HYP), 0 },
    { "ttf", ALL_AUTO, NO_HOST, IDR0(TTF), 2 },
    { "little-endian", ALL_AUTO, NO_HOST, IDR0(TTENDIAN), 2 },
    { "no-stalls", ALL_AUTO, true, IDR0(STALL_MODEL), 0,
      IDR0(STALL_MODEL), 1 },
    { "st-level", ALL_AUTO, true, IDR0(ST_LEVEL), 0, IDR0(ST_LEVEL), 1 },
    { "no-pri", ALL_AUTO, ANY_HOST, IDR0(PRI), 0 },
    { "msi", ALL_AUTO, ANY_HOST, IDR0(MSI), 1 },
    { "sidsize", ALL_AUTO, ANY_HOST, IDR1(SIDSIZE), 16 },
    { "cmdqs", ALL_AUTO, ANY_HOST, IDR1(CMDQS), 19 },
    { "eventqs", ALL_AUTO, ANY_HOST, IDR1(EVENTQS), 19 },
    /* The version says it, not the bit, which may not be read. */
    { "had", ALL_AUTO, true, IDR3(HAD), 0, IDR3(HAD), 1 },
    { "had-unknown", ALL_AUTO, NO_HOST, IDR3(HAD), 1 },
    { "no-fwb", ALL_AUTO, ANY_HOST, IDR3(FWB), 0 },
    { "no-ds", ALL_AUTO, true, IDR5(DS), 1, IDR5(DS), 0 },
    { "no-vax", ALL_AUTO, true, IDR5(VAX), 1, IDR5(VAX), 0 },
    { "asid16", ALL_AUTO, NO_HOST, IDR0(ASID16), 1 },
    { "asid8-host", ALL_AUTO, true, IDR0(ASID16), 0, IDR0(ASID16), 0 },
    { "granules", ALL_AUTO, NO_HOST, 5, SMMUV3_BITS(6, 4), 7 },
    { "no-16k-host", ALL_AUTO, true, IDR5(GRAN16K), 0,
      5, SMMUV3_BITS(6, 4), 5 },
    { "bbml-unknown", ALL_AUTO, NO_HOST, IDR3(BBML), 0 },
    { "bbml", ALL_AUTO, ANY_HOST, IDR3(BBML), 2 },
    { "bbml-1-host", ALL_AUTO, true, IDR3(BBML), 1, IDR3(BBML), 1 },
    { "bbml-reserved", ALL_AUTO, true, IDR3(BBML), 3, IDR3(BBML), 2 },

    { "ril-auto", ALL_AUTO, ANY_HOST, IDR3(RIL), 1 },
    { "ril-auto-without", ALL_AUTO, true, IDR3(RIL), 0, IDR3(RIL), 1 },
    { "ril-on-without", { 1, AUTO, AUTO, AUTO }, true, IDR3(RIL), 0,
      IDR3(RIL), 1 },
    { "ril-off", { 0, AUTO, AUTO, AUTO }, ANY_HOST, IDR3(RIL), 0 },

    /* The host's bit may not be read, so nothing follows from it. */
    { "ats-auto", ALL_AUTO, true, IDR0(ATS), 1, IDR0(ATS), 0 },
    { "ats-off", { AUTO, 0, AUTO, AUTO }, true, IDR0(ATS), 1, IDR0(ATS), 0 },
    { "ats-on", { AUTO, 1, AUTO, AUTO }, true, IDR0(ATS), 0, IDR0(ATS), 1 },

    { "ssidsize-auto", ALL_AUTO, true, IDR1(SSIDSIZE), 10,
      IDR1(SSIDSIZE), 10 },
    { "ssidsize-auto-reserved", ALL_AUTO, true, IDR1(SSIDSIZE), 31,
      IDR1(SSIDSIZE), 20 },
    { "ssidsize-auto-unknown", ALL_AUTO, NO_HOST, IDR1(SSIDSIZE), 0 },
    { "ssidsize-0", { AUTO, AUTO, 0, AUTO }, ANY_HOST, IDR1(SSIDSIZE), 0 },
    { "ssidsize-8", { AUTO, AUTO, 8, AUTO }, ANY_HOST, IDR1(SSIDSIZE), 8 },
    { "ssidsize-8-unknown", { AUTO, AUTO, 8, AUTO }, NO_HOST,
      IDR1(SSIDSIZE), 8 },
    { "ssidsize-20-of-8", { AUTO, AUTO, 20, AUTO }, true, IDR1(SSIDSIZE), 8,
      IDR1(SSIDSIZE), 20 },
    { "cd2l", ALL_AUTO, ANY_HOST, IDR0(CD2L), 1 },
    { "cd2l-unknown", { AUTO, AUTO, 8, AUTO }, NO_HOST, IDR0(CD2L), 0 },
    { "cd2l-without", ALL_AUTO, true, IDR0(CD2L), 0, IDR0(CD2L), 0 },
    { "cd2l-ssidsize-0", { AUTO, AUTO, 0, AUTO }, ANY_HOST, IDR0(CD2L), 0 },

    { "oas-auto", ALL_AUTO, true, IDR5(OAS), 6, IDR5(OAS), 4 },
    { "oas-44", { AUTO, AUTO, AUTO, 44 }, ANY_HOST, IDR5(OAS), 4 },
    { "oas-48", { AUTO, AUTO, AUTO, 48 }, true, IDR5(OAS), 0, IDR5(OAS), 5 },
};

static void test_promise(gconstpointer data)
{
    const Case *c = data;
    SMMUv3HostInfo info = host_info();
    uint32_t idr[6];

    info.idr[c->host_reg] &= ~(uint32_t)c->host_mask;
    if (c->host_mask) {
        info.idr[c->host_reg] |= SMMUV3_PREP(c->host_mask, c->host_value);
    }
    smmuv3_promise(&c->wishes, c->host ? &info : NULL, idr);
    g_assert_cmpuint(SMMUV3_GET(c->mask, idr[c->reg]), ==, c->value);
    g_assert_cmphex(idr[2], ==, 0);
    g_assert_cmphex(idr[4], ==, 0);
}

/* 6.3.4: mandatory from SMMUv3.1 on; before, nobody tells. */
static void test_had(void)
{
    static const SMMUv3Wishes wishes = ALL_AUTO;
    static const struct {
        uint32_t aidr;
        unsigned had;
    } hosts[] = { { 0x00, 0 }, { 0x01, 1 }, { 0x02, 1 }, { 0x04, 1 },
                  { 0x10, 1 }, { 0xffffff00, 0 } };

    for (unsigned i = 0; i < G_N_ELEMENTS(hosts); i++) {
        SMMUv3HostInfo info = host_info();
        SMMUv3Shortfall out = { .feature = NULL };
        uint32_t idr[6];

        info.aidr = hosts[i].aidr;
        smmuv3_promise(&wishes, &info, idr);
        g_assert_cmpuint(SMMUV3_GET(SMMUV3_IDR3_HAD, idr[3]), ==,
                         hosts[i].had);
        g_assert_true(smmuv3_promise_valid(idr));
        g_assert_false(smmuv3_promise_broken(idr, &info, &out));
        idr[3] |= SMMUV3_IDR3_HAD;
        g_assert_cmpint(smmuv3_promise_broken(idr, &info, &out), ==,
                        !hosts[i].had);
        if (!hosts[i].had) {
            g_assert_cmpstr(out.feature, ==, "IDR3.HAD");
            g_assert_cmpuint(out.wanted, ==, 1);
            g_assert_cmpuint(out.host, ==, 0);
        }
    }
}

static void test_oas_valid(void)
{
    for (int bits = -2; bits < 70; bits++) {
        g_assert_cmpint(smmuv3_oas_valid(bits), ==, bits == 44 || bits == 48);
    }
}

/* ---- What the host cannot keep ---- */

typedef struct BrokenCase {
    const char *name;
    unsigned reg;
    uint64_t mask;
    unsigned wanted, host;
    const char *feature;    /* NULL: the host does not need it */
} BrokenCase;

static const BrokenCase broken_cases[] = {
    { "asid16", IDR0(ASID16), 1, 0, "IDR0.ASID16" },
    { "cd2l", IDR0(CD2L), 1, 0, "IDR0.CD2L" },
    { "ssidsize", IDR1(SSIDSIZE), 10, 9, "IDR1.SSIDSIZE" },
    { "ssidsize-same", IDR1(SSIDSIZE), 10, 10, NULL },
    { "ssidsize-more", IDR1(SSIDSIZE), 10, 11, NULL },
    { "bbml", IDR3(BBML), 2, 1, "IDR3.BBML" },
    { "bbml-more", IDR3(BBML), 1, 2, NULL },
    { "4k", IDR5(GRAN4K), 1, 0, "IDR5.GRAN4K" },
    { "16k", IDR5(GRAN16K), 1, 0, "IDR5.GRAN16K" },
    { "64k", IDR5(GRAN64K), 1, 0, "IDR5.GRAN64K" },
    { "ril", IDR3(RIL), 1, 0, NULL },
    { "ats", IDR0(ATS), 1, 0, NULL },
    { "oas", IDR5(OAS), 5, 4, NULL },
    { "msi", IDR0(MSI), 1, 0, NULL },
    { "sidsize", IDR1(SIDSIZE), 16, 8, NULL },
    { "aarch32-only", IDR0(TTF), 2, 1, "IDR0.TTF (AArch64 tables)" },
    { "both-formats", IDR0(TTF), 2, 3, NULL },
    { "stalls-optional", IDR0(STALL_MODEL), 1, 0, NULL },
    { "stalls-forced", IDR0(STALL_MODEL), 1, 2,
      "IDR0.STALL_MODEL (faults that do not stall)" },
};

static void set_field(uint32_t idr[6], unsigned reg, uint64_t mask,
                      unsigned value)
{
    idr[reg] = (idr[reg] & ~(uint32_t)mask) | SMMUV3_PREP(mask, value);
}

static void test_broken(gconstpointer data)
{
    const BrokenCase *c = data;
    SMMUv3HostInfo info = host_info();
    SMMUv3Shortfall out = { .feature = NULL };
    uint32_t idr[6];

    memcpy(idr, guest_idr, sizeof(idr));
    set_field(idr, c->reg, c->mask, c->wanted);
    set_field(info.idr, c->reg, c->mask, c->host);
    g_assert_cmpint(smmuv3_promise_broken(idr, &info, &out), ==,
                    c->feature != NULL);
    g_assert_cmpstr(out.feature, ==, c->feature);
    if (c->feature) {
        g_assert_cmpuint(out.wanted, ==, c->wanted);
        g_assert_cmpuint(out.host, ==, c->host);
    }
}

/* Whatever a usable host has: it can keep what 'auto' promises on it. */
static void test_auto_is_kept(void)
{
    static const SMMUv3Wishes wishes = ALL_AUTO;
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);

    for (unsigned round = 0; round < 10000; round++) {
        SMMUv3HostInfo info = { .aidr = round % 5 };
        SMMUv3Shortfall out;
        uint32_t idr[6];

        for (unsigned i = 0; i < G_N_ELEMENTS(info.idr); i++) {
            info.idr[i] = g_rand_int(rand);
        }
        set_field(info.idr, IDR0(TTF), 2);
        set_field(info.idr, IDR0(STALL_MODEL), round & 1);
        smmuv3_promise(&wishes, &info, idr);
        g_assert_false(smmuv3_promise_broken(idr, &info, &out));
    }
}

/* The comment of struct iommu_hw_info_arm_smmuv3, Linux 7.3 */
static const uint32_t listed[6] = {
    SMMUV3_IDR0_ST_LEVEL | SMMUV3_IDR0_TERM_MODEL | SMMUV3_IDR0_STALL_MODEL |
    SMMUV3_IDR0_TTENDIAN | SMMUV3_IDR0_CD2L | SMMUV3_IDR0_ASID16 |
    SMMUV3_IDR0_TTF,
    SMMUV3_IDR1_SIDSIZE | SMMUV3_IDR1_SSIDSIZE,
    0,
    SMMUV3_IDR3_BBML | SMMUV3_IDR3_RIL,
    0,
    SMMUV3_IDR5_VAX | SMMUV3_IDR5_GRAN64K | SMMUV3_IDR5_GRAN16K |
    SMMUV3_IDR5_GRAN4K | SMMUV3_IDR5_DS,
};

/* What the list does not have changes neither promise nor verdict. */
static void test_only_listed(void)
{
    static const SMMUv3Wishes wishes = ALL_AUTO;
    g_autoptr(GRand) rand = g_rand_new_with_seed(2);

    for (unsigned round = 0; round < 10000; round++) {
        uint32_t aidr = round % 3;
        SMMUv3HostInfo info = { .aidr = aidr };
        SMMUv3HostInfo other = { .aidr = aidr, .iidr = 1 };
        SMMUv3Shortfall out[2] = { { .host = 0 }, { .host = 0 } };
        uint32_t idr[2][6];

        for (unsigned i = 0; i < G_N_ELEMENTS(info.idr); i++) {
            info.idr[i] = g_rand_int(rand);
            other.idr[i] = (info.idr[i] & listed[i]) |
                           (g_rand_int(rand) & ~listed[i]);
        }
        smmuv3_promise(&wishes, &info, idr[0]);
        smmuv3_promise(&wishes, &other, idr[1]);
        g_assert_cmpmem(idr[0], sizeof(idr[0]), idr[1], sizeof(idr[1]));
        g_assert_cmpint(smmuv3_promise_broken(guest_idr, &info, &out[0]), ==,
                        smmuv3_promise_broken(guest_idr, &other, &out[1]));
        g_assert_cmpstr(out[0].feature, ==, out[1].feature);
    }
}

/* ---- Promises that come from elsewhere ---- */

/* What is made for any host and any wish is taken. */
static void test_made_is_valid(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);

    for (unsigned round = 0; round < 10000; round++) {
        SMMUv3Wishes w = {
            .ril = g_rand_int_range(rand, -1, 2),
            .ats = g_rand_int_range(rand, -1, 2),
            .ssidsize = g_rand_int_range(rand, -1, 21),
            .oas = round % 3 == 0 ? -1 : round % 3 == 1 ? 44 : 48,
        };
        SMMUv3HostInfo info = { .aidr = round % 3 };
        SMMUv3Shortfall out;
        uint32_t idr[6];

        for (unsigned i = 0; i < G_N_ELEMENTS(info.idr); i++) {
            info.idr[i] = g_rand_int(rand);
        }
        smmuv3_promise(&w, round % 5 ? &info : NULL, idr);
        g_assert_true(smmuv3_promise_valid(idr));
        g_assert_false(smmuv3_promise_denied(idr, &w, &out));
    }
}

/* One bit flipped, anywhere: only what a host may lack can be so. */
static void test_flipped_is_not(void)
{
    static const SMMUv3Wishes wishes = {
        .ril = 1, .ats = 0, .ssidsize = 20, .oas = 44,
    };
    static const uint32_t free_bits[6] = {
        1u << 10 | 1u << 12 | 1u << 19,         /* ATS, ASID16, CD2L */
        0x1f << 6,                              /* SSIDSIZE */
        0,
        1u << 2 | 1u << 10 | 3u << 11,          /* HAD, RIL, BBML */
        0,
        7u << 4 | 1,                            /* granules; OAS 48 for 44 */
    };
    uint32_t idr[6];

    smmuv3_promise(&wishes, NULL, idr);
    for (unsigned bit = 0; bit < 6 * 32; bit++) {
        uint32_t flip = 1u << bit % 32;
        bool is_free = free_bits[bit / 32] & flip;

        idr[bit / 32] ^= flip;
        /* SSIDSIZE may only say less than 20 of what it can. */
        if (bit / 32 == 1 && is_free) {
            is_free = (idr[1] >> 6 & 0x1f) <= 20;
        }
        g_assert_cmpint(smmuv3_promise_valid(idr), ==, is_free);
        idr[bit / 32] ^= flip;
    }
    /* BBML 3 is reserved; two levels of CDs are for substreams. */
    idr[3] |= 3u << 11;
    g_assert_false(smmuv3_promise_valid(idr));
    idr[3] &= ~(1u << 12);
    g_assert_true(smmuv3_promise_valid(idr));
    idr[0] |= 1u << 19;
    g_assert_true(smmuv3_promise_valid(idr));
    idr[1] &= ~(0x1fu << 6);
    g_assert_false(smmuv3_promise_valid(idr));
}

typedef struct DeniedCase {
    const char *name;
    SMMUv3Wishes wishes;
    int wished, promised;
} DeniedCase;

static const DeniedCase denied_cases[] = {
    { NULL, ALL_AUTO, 0, 0 },
    { NULL, { 1, 0, 8, 44 }, 0, 0 },
    { "ril", { 0, -1, -1, -1 }, 0, 1 },
    { "ats", { -1, 1, -1, -1 }, 1, 0 },
    { "ssidsize", { -1, -1, 0, -1 }, 0, 8 },
    { "oas", { -1, -1, -1, 48 }, 48, 44 },
    { "ril", { 0, 1, 9, 48 }, 0, 1 },
};

static void test_denied(void)
{
    static const SMMUv3Wishes source = { 1, 0, 8, 44 };
    uint32_t idr[6];

    smmuv3_promise(&source, NULL, idr);
    for (unsigned i = 0; i < G_N_ELEMENTS(denied_cases); i++) {
        const DeniedCase *c = &denied_cases[i];
        SMMUv3Shortfall out = { NULL, 0, 0 };

        g_assert_cmpint(smmuv3_promise_denied(idr, &c->wishes, &out), ==,
                        c->name != NULL);
        g_assert_cmpstr(out.feature, ==, c->name);
        g_assert_cmpuint(out.host, ==, c->wished);
        g_assert_cmpuint(out.wanted, ==, c->promised);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/promise/%s", cases[i].name);

        g_test_add_data_func(path, &cases[i], test_promise);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(broken_cases); i++) {
        g_autofree char *path = g_strdup_printf("/broken/%s",
                                                broken_cases[i].name);

        g_test_add_data_func(path, &broken_cases[i], test_broken);
    }
    g_test_add_func("/promise/had-by-version", test_had);
    g_test_add_func("/promise/oas-valid", test_oas_valid);
    g_test_add_func("/promise/auto-is-kept", test_auto_is_kept);
    g_test_add_func("/promise/only-listed", test_only_listed);
    g_test_add_func("/brought/made-is-valid", test_made_is_valid);
    g_test_add_func("/brought/flipped-is-not", test_flipped_is_not);
    g_test_add_func("/brought/denied", test_denied);
    return g_test_run();
}
