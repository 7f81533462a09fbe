/*
 * Streams: what an STE decodes into, and how it is found.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "scene.h"
#include "ste-model.h"
#include "ste.h"
#include "stream-table.h"

#define V SMMUV3_STE0_V
#define CFG(c) SMMUV3_PREP(SMMUV3_STE0_CONFIG, c)
#define S1 (V | CFG(SMMUV3_STE_CONFIG_S1))
#define CDMAX(n) SMMUV3_PREP(SMMUV3_STE0_S1CDMAX, n)
#define FMT(n) SMMUV3_PREP(SMMUV3_STE0_S1FMT, n)
#define DSS(n) SMMUV3_PREP(SMMUV3_STE1_S1DSS, n)
#define EATS(n) SMMUV3_PREP(SMMUV3_STE1_EATS, n)

#define ABORT SMMUV3_STREAM_ABORT
#define BYPASS SMMUV3_STREAM_BYPASS
#define TRANSLATE SMMUV3_STREAM_TRANSLATE
#define BAD_STE SMMUV3_EVENT_C_BAD_STE
#define BAD_STREAMID SMMUV3_EVENT_C_BAD_STREAMID
#define STE_FETCH SMMUV3_EVENT_F_STE_FETCH
#define NONE SMMUV3_EVENT_NONE

typedef struct DecodeCase {
    const char *name;
    uint64_t dw[2];
    SMMUv3StreamKind kind;
    SMMUv3EventType event;
} DecodeCase;

/* guest_idr: SSIDSIZE 10, CD2L, ATS, STALL_MODEL 1, OAS 44 */
static const DecodeCase decode_cases[] = {
    { "V=0", { 0, 0 }, ABORT, BAD_STE },
    { "V=0, all other bits", { ~V, ~UINT64_C(0) }, ABORT, BAD_STE },
    { "Config 0", { V | CFG(0), 0 }, ABORT, NONE },
    { "Config 1", { V | CFG(1), 0 }, ABORT, NONE },
    { "Config 2", { V | CFG(2), 0 }, ABORT, NONE },
    { "Config 3", { V | CFG(3), 0 }, ABORT, NONE },
    { "bypass", { V | CFG(4), 0 }, BYPASS, NONE },
    { "bypass ignores S1", { V | CFG(4) | CDMAX(31) | FMT(3), DSS(3) },
      BYPASS, NONE },
    { "stage 1", { S1 | CONTEXT_PTR, 0 }, TRANSLATE, NONE },
    { "stage 2", { V | CFG(6), 0 }, ABORT, BAD_STE },
    { "nested", { V | CFG(7), 0 }, ABORT, BAD_STE },
    { "CDMax at SSIDSIZE", { S1 | CDMAX(10), 0 }, TRANSLATE, NONE },
    { "CDMax over SSIDSIZE", { S1 | CDMAX(11), 0 }, ABORT, BAD_STE },
    { "CDMax 31", { S1 | CDMAX(31), 0 }, ABORT, BAD_STE },
    { "S1Fmt 4K", { S1 | CDMAX(4) | FMT(1), 0 }, TRANSLATE, NONE },
    { "S1Fmt 64K", { S1 | CDMAX(4) | FMT(2), 0 }, TRANSLATE, NONE },
    { "S1Fmt reserved", { S1 | CDMAX(4) | FMT(3), 0 }, TRANSLATE, NONE },
    { "S1Fmt with one CD", { S1 | FMT(3), 0 }, TRANSLATE, NONE },
    { "S1DSS 2", { S1 | CDMAX(4), DSS(2) }, TRANSLATE, NONE },
    { "S1DSS reserved", { S1 | CDMAX(4), DSS(3) }, TRANSLATE, NONE },
    { "S1DSS with one CD", { S1, DSS(3) }, TRANSLATE, NONE },
    { "S1STALLD", { S1, SMMUV3_STE1_S1STALLD }, ABORT, BAD_STE },
    { "EATS full", { S1, EATS(1) }, TRANSLATE, NONE },
    { "EATS split", { S1, EATS(2) }, ABORT, BAD_STE },
    { "EATS reserved", { S1, EATS(3) }, TRANSLATE, NONE },
    { "S1ContextPtr at OAS", { S1 | SMMUV3_BITS(43, 6), 0 }, TRANSLATE,
      NONE },
    { "S1ContextPtr over OAS", { S1 | SMMUV3_BIT(44), 0 }, ABORT, BAD_STE },
    { "S1ContextPtr of the widest", { S1 | SMMUV3_BIT(51), 0 }, ABORT,
      BAD_STE },
};

static void test_decode(gconstpointer data)
{
    const DecodeCase *c = data;
    SMMUv3StreamConfig config = smmuv3_ste_decode(c->dw, guest_idr);

    g_assert_cmpint(config.kind, ==, c->kind);
    g_assert_cmpint(config.event, ==, c->event);
    if (c->kind != TRANSLATE) {
        g_assert_cmphex(config.key[0], ==, 0);
        g_assert_cmphex(config.key[1], ==, 0);
    }
}

static void test_features(void)
{
    uint32_t idr[6];
    uint64_t stalld[2] = { S1, SMMUV3_STE1_S1STALLD };
    uint64_t table[2] = { S1 | CDMAX(4) | FMT(1), 0 };
    SMMUv3StreamConfig config;

    memcpy(idr, guest_idr, sizeof(idr));
    idr[0] &= ~(uint32_t)(SMMUV3_IDR0_STALL_MODEL | SMMUV3_IDR0_CD2L);
    config = smmuv3_ste_decode(stalld, idr);
    g_assert_cmpint(config.kind, ==, TRANSLATE);
    g_assert_cmphex(config.key[1], ==, SMMUV3_STE1_S1STALLD);
    config = smmuv3_ste_decode(table, idr);
    g_assert_cmpint(config.kind, ==, ABORT);
    g_assert_cmpint(config.event, ==, BAD_STE);
}

/* Without ATS, EATS is IGNORED: never illegal, and never in the key. */
static void test_no_ats(void)
{
    uint32_t idr[6];

    memcpy(idr, guest_idr, sizeof(idr));
    idr[0] &= ~(uint32_t)SMMUV3_IDR0_ATS;
    for (unsigned eats = 0; eats < 4; eats++) {
        uint64_t dw[2] = { S1 | CONTEXT_PTR, EATS(eats) };
        SMMUv3StreamConfig config = smmuv3_ste_decode(dw, idr);

        g_assert_cmpint(config.kind, ==, TRANSLATE);
        g_assert_cmphex(config.key[1], ==, 0);
    }
}

/* What may differ in an STE of stage 1 for the guest: each value of each. */
typedef struct Fields {
    unsigned cdmax, fmt, dss, eats, stalld;
} Fields;

static bool next_value(unsigned *field, unsigned values)
{
    *field = (*field + 1) % values;
    return *field != 0;
}

static bool next_fields(Fields *f)
{
    return next_value(&f->cdmax, 32) || next_value(&f->fmt, 4) ||
           next_value(&f->dss, 4) || next_value(&f->eats, 4) ||
           next_value(&f->stalld, 2);
}

/* The key says what the STE does, and nothing else. */
static void compare_key(const SMMUv3StreamConfig *c, const SteModel *want)
{
    g_assert_cmpint(c->kind, ==, TRANSLATE);
    g_assert_cmphex(c->key[0], ==, S1 | CDMAX(want->cdmax) | FMT(want->fmt) |
                    want->context_ptr);
    g_assert_cmphex(c->key[1], ==, DSS(want->dss) | EATS(want->eats) |
                    (uint64_t)want->memory << 2 |
                    (want->stalld ? SMMUV3_STE1_S1STALLD : 0));
}

static void compare_decode(const uint64_t dw[2], const uint32_t idr[6])
{
    SteModel want = ste_model(dw, idr);
    SMMUv3StreamConfig c = smmuv3_ste_decode(dw, idr);

    g_assert_cmpint(c.event, ==,
                    want.kind == STE_MODEL_ILLEGAL ? BAD_STE : NONE);
    g_assert_cmpint(c.illegal, ==, want.kind == STE_MODEL_ILLEGAL && dw[0] & V);
    switch (want.kind) {
    case STE_MODEL_STAGE_1:
        compare_key(&c, &want);
        break;
    case STE_MODEL_BYPASS:
        g_assert_cmpint(c.kind, ==, BYPASS);
        break;
    default:
        g_assert_cmpint(c.kind, ==, ABORT);
    }
}

/* All of them, for a guest that was promised little, much, and in between. */
static void test_model_decode(void)
{
    static const unsigned ssidsizes[] = { 0, 1, 10, 20 };
    static const uint32_t absent[] = {
        0, SMMUV3_IDR0_ATS, SMMUV3_IDR0_CD2L, SMMUV3_IDR0_STALL_MODEL,
        SMMUV3_IDR0_ATS | SMMUV3_IDR0_CD2L,
    };
    Fields f = { 0 };

    do {
        uint64_t dw[2] = {
            S1 | CONTEXT_PTR | CDMAX(f.cdmax) | FMT(f.fmt),
            DSS(f.dss) | EATS(f.eats) | 0x9c |
            (f.stalld ? SMMUV3_STE1_S1STALLD : 0),
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(ssidsizes); i++) {
            for (unsigned j = 0; j < G_N_ELEMENTS(absent); j++) {
                uint32_t idr[6];

                memcpy(idr, guest_idr, sizeof(idr));
                idr[0] &= ~absent[j];
                idr[1] &= ~(uint32_t)SMMUV3_IDR1_SSIDSIZE;
                idr[1] |= SMMUV3_PREP(SMMUV3_IDR1_SSIDSIZE, ssidsizes[i]);
                compare_decode(dw, idr);
            }
        }
    } while (next_fields(&f));
}

/* Any words. */
static void test_model_decode_random(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);

    for (unsigned i = 0; i < 200000; i++) {
        uint64_t dw[2];

        for (unsigned j = 0; j < 2; j++) {
            dw[j] = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);
        }
        /* Nearly all would be beyond OAS. */
        dw[0] &= i & 1 ? ~SMMUV3_BITS(51, 44) : UINT64_MAX;
        compare_decode(dw, guest_idr);
    }
}

/* The key is what the kernel accepts: nothing more, and nothing less. */
static void test_key(void)
{
    static const uint64_t legal1 =
        SMMUV3_STE1_NESTED_MASK & ~(SMMUV3_STE1_S1STALLD | EATS(2) | DSS(1));
    uint64_t mask0 = V | CFG(7) | FMT(3) | CDMAX(31) |
                     SMMUV3_BITS(51, 6);
    uint64_t dw[2] = {
        (~UINT64_C(0) & ~(CFG(7) | CDMAX(31) | FMT(3) | SMMUV3_BITS(51, 44))) |
        CFG(SMMUV3_STE_CONFIG_S1) | CDMAX(10) | FMT(2),
        (~UINT64_C(0) & ~SMMUV3_STE1_NESTED_MASK) | legal1,
    };
    SMMUv3StreamConfig config = smmuv3_ste_decode(dw, guest_idr);

    g_assert_cmphex(mask0, ==, SMMUV3_STE0_NESTED_MASK);
    g_assert_cmpint(config.kind, ==, TRANSLATE);
    g_assert_cmphex(config.key[0], ==, dw[0] & mask0);
    g_assert_cmphex(config.key[1], ==, legal1);
}

static void test_equal(void)
{
    SMMUv3StreamConfig a = { .kind = TRANSLATE, .key = { S1, 4 } }, b = a;

    g_assert_true(smmuv3_ste_config_equal(&a, &b));
    b.key[1] = 0;
    g_assert_false(smmuv3_ste_config_equal(&a, &b));
    b = a;
    b.key[0] |= CONTEXT_PTR;
    g_assert_false(smmuv3_ste_config_equal(&a, &b));
    b = a;
    b.kind = ABORT;
    g_assert_false(smmuv3_ste_config_equal(&a, &b));
}

/* Of fields that the host's STE may not have, it is not told: 4.3.1 is ours. */
static void test_keeps_cds(void)
{
    SMMUv3StreamConfig a = { .kind = TRANSLATE, .key = { S1 | CONTEXT_PTR } };
    SMMUv3StreamConfig b = a;

    g_assert_true(smmuv3_ste_keeps_cds(&a, &b));
    b.key[1] = EATS(1);
    g_assert_true(smmuv3_ste_keeps_cds(&a, &b));
    b.key[1] = SMMUV3_STE1_S1STALLD;
    g_assert_true(smmuv3_ste_keeps_cds(&a, &b));
    b.key[1] = DSS(1);
    g_assert_false(smmuv3_ste_keeps_cds(&a, &b));
    b = a;
    b.key[0] ^= CONTEXT_PTR;
    g_assert_false(smmuv3_ste_keeps_cds(&a, &b));
    b.kind = ABORT;
    g_assert_false(smmuv3_ste_keeps_cds(&b, &a));
    g_assert_false(smmuv3_ste_keeps_cds(&b, &b));
}

static void test_gbpa(void)
{
    SMMUv3StreamConfig c = smmuv3_ste_of_gbpa(~(uint32_t)SMMUV3_GBPA_ABORT);

    g_assert_cmpint(c.kind, ==, BYPASS);
    c = smmuv3_ste_of_gbpa(SMMUV3_GBPA_ABORT);
    g_assert_cmpint(c.kind, ==, ABORT);
    g_assert_cmpint(c.event, ==, NONE);
}

/* Lookup. */

/* L1 descriptors at STRTAB_ADDR, level 2 tables 1 MiB behind, 64 KiB each */
#define L2(n) (STRTAB_ADDR + 0x100000 + 0x10000 * (uint64_t)(n))

typedef struct Table {
    Guest *guest;
    SMMUv3StreamRegs regs;
    uint32_t idr[6];
} Table;

static void table_init(Table *t)
{
    t->guest = guest_new();
    memcpy(t->idr, guest_idr, sizeof(t->idr));
}

static SMMUv3StreamConfig look(Table *t, uint32_t vsid)
{
    return smmuv3_stream_table_lookup(guest_ops.read_words, t->guest, &t->regs,
                                t->idr, vsid);
}

static void expect_key(Table *t, uint32_t vsid, uint64_t context_ptr)
{
    SMMUv3StreamConfig c = look(t, vsid);

    g_assert_cmpint(c.kind, ==, TRANSLATE);
    g_assert_cmphex(c.key[0] & SMMUV3_STE0_S1CONTEXTPTR, ==, context_ptr);
}

/* Only F_STE_FETCH's record has an address, 7.3.3 to 7.3.5. */
static void expect_event(Table *t, uint32_t vsid, SMMUv3EventType event)
{
    SMMUv3StreamConfig c = look(t, vsid);

    g_assert_cmpint(c.kind, ==, ABORT);
    g_assert_cmpint(c.event, ==, event);
    if (event != STE_FETCH) {
        g_assert_cmphex(c.event_addr, ==, 0);
    }
}

static void expect_no_fetch(Table *t, uint32_t vsid, uint64_t addr)
{
    expect_event(t, vsid, STE_FETCH);
    g_assert_cmphex(look(t, vsid).event_addr, ==, addr);
}

static void test_linear(void)
{
    Table t;

    table_init(&t);
    strtab_linear(t.guest, &t.regs, STRTAB_ADDR, 5);
    strtab_set(t.guest, &t.regs, 0, ste_s1(0x1000));
    strtab_set(t.guest, &t.regs, 31, ste_s1(0x2000));
    strtab_set(t.guest, &t.regs, 32, ste_s1(0x3000)); /* beyond the table */
    expect_key(&t, 0, 0x1000);
    expect_key(&t, 31, 0x2000);
    expect_event(&t, 1, BAD_STE);
    expect_event(&t, 32, BAD_STREAMID);
    expect_event(&t, 0xffffffff, BAD_STREAMID);
    guest_free(t.guest);
}

static void test_linear_single(void)
{
    Table t;

    table_init(&t);
    strtab_linear(t.guest, &t.regs, STRTAB_ADDR, 0);
    strtab_set(t.guest, &t.regs, 0, ste_s1(0x1000));
    expect_key(&t, 0, 0x1000);
    expect_event(&t, 1, BAD_STREAMID);
    guest_free(t.guest);
}

/* Each lookup reads guest memory once, and only words 0 and 1 count. */
static void test_reads_once(void)
{
    Table t;

    table_init(&t);
    strtab_linear(t.guest, &t.regs, STRTAB_ADDR, 5);
    strtab_set(t.guest, &t.regs, 3, ste_s1(0x1000));
    expect_key(&t, 3, 0x1000);
    g_assert_cmpuint(t.guest->reads, ==, 1);
    strtab_2lvl(t.guest, &t.regs, STRTAB_ADDR, 16, 8);
    strtab_set_l1(t.guest, &t.regs, 0, STRTAB_ADDR + 0x10000, 9);
    t.guest->reads = 0;
    look(&t, 3);
    g_assert_cmpuint(t.guest->reads, ==, 2);
    guest_free(t.guest);
}

static void test_sidsize(void)
{
    Table t;

    table_init(&t);
    strtab_linear(t.guest, &t.regs, STRTAB_ADDR, 6);
    strtab_set(t.guest, &t.regs, 15, ste_s1(0x1000));
    strtab_set(t.guest, &t.regs, 16, ste_s1(0x2000));
    t.idr[1] &= ~(uint32_t)SMMUV3_IDR1_SIDSIZE;
    t.idr[1] |= 4;
    t.regs.strtab_base_cfg = 12; /* more than SIDSIZE is SIDSIZE */
    expect_key(&t, 15, 0x1000);
    expect_event(&t, 16, BAD_STREAMID);
    guest_free(t.guest);
}

/* 6.3.24: aligned by LOG2SIZE as it was written, however few StreamIDs. */
static void test_literal_alignment(void)
{
    Table t;

    table_init(&t);
    t.idr[1] = (t.idr[1] & ~(uint32_t)SMMUV3_IDR1_SIDSIZE) | 4;
    strtab_linear(t.guest, &t.regs, STRTAB_ADDR, 8);
    strtab_set(t.guest, &t.regs, 3, ste_s1(0x1000));
    t.regs.strtab_base = STRTAB_ADDR | 0x3fc0;
    expect_key(&t, 3, 0x1000);
    t.regs.strtab_base_cfg = 63;
    expect_no_fetch(&t, 3, 64 * 3);
    strtab_2lvl(t.guest, &t.regs, STRTAB_ADDR, 16, 6);
    strtab_set_l1(t.guest, &t.regs, 0, L2(0), 7);
    guest_write_ste(t.guest, L2(0) + 64 * 3, ste_s1(0x2000));
    t.regs.strtab_base = STRTAB_ADDR | 0x1fc0;
    expect_key(&t, 3, 0x2000);
    guest_free(t.guest);
}

static void test_sidsize_32(void)
{
    Table t;

    table_init(&t);
    t.idr[1] = (t.idr[1] & ~(uint32_t)SMMUV3_IDR1_SIDSIZE) | 32;
    strtab_linear(t.guest, &t.regs, STRTAB_ADDR, 0);
    t.regs.strtab_base = 0;
    t.regs.strtab_base_cfg = 32;
    /* 64 GiB in: far outside RAM, and no overflow on the way there. */
    expect_event(&t, 0x3fffffff, STE_FETCH);
    /* The table is aligned to its size: its base is 0 */
    guest_write_ste(t.guest, GUEST_BASE + 64, ste_s1(0x1000));
    expect_key(&t, (GUEST_BASE + 64) / 64, 0x1000);
    guest_free(t.guest);
}

static void test_base_alignment(void)
{
    Table t;

    table_init(&t);
    strtab_linear(t.guest, &t.regs, STRTAB_ADDR, 8);
    strtab_set(t.guest, &t.regs, 2, ste_s1(0x1000));
    /* Bits below the table's size are not there; nor is RA, bit 62. */
    t.regs.strtab_base = STRTAB_ADDR | 0x3fc0 | 0x3f | SMMUV3_BIT(62);
    expect_key(&t, 2, 0x1000);
    guest_free(t.guest);
}

static void test_unreadable(void)
{
    Table t;

    table_init(&t);
    strtab_linear(t.guest, &t.regs, STRTAB_ADDR, 8);
    strtab_set(t.guest, &t.regs, 1, ste_s1(0x1000));
    strtab_set(t.guest, &t.regs, 2, ste_s1(0x2000));
    guest_hole(t.guest, STRTAB_ADDR + 64, 64);
    expect_no_fetch(&t, 1, STRTAB_ADDR + 64);
    expect_key(&t, 2, 0x2000);
    t.regs.strtab_base = 0;
    expect_no_fetch(&t, 2, 128);
    guest_free(t.guest);
}

typedef struct SplitCase {
    const char *name;
    unsigned field, split;
} SplitCase;

static const SplitCase split_cases[] = {
    { "6", 6, 6 }, { "8", 8, 8 }, { "10", 10, 10 },
    { "0 is 6", 0, 6 }, { "7 is 6", 7, 6 }, { "9 is 6", 9, 6 },
    { "11 is 6", 11, 6 }, { "31 is 6", 31, 6 },
};

static void test_split(gconstpointer data)
{
    const SplitCase *c = data;
    uint32_t per_l2 = 1u << c->split;
    Table t;

    table_init(&t);
    strtab_2lvl(t.guest, &t.regs, STRTAB_ADDR, 12, c->field);
    strtab_set_l1(t.guest, &t.regs, 1, L2(1), c->split + 1);
    guest_write_ste(t.guest, L2(1), ste_s1(0x1000));
    guest_write_ste(t.guest, L2(1) + 64 * (per_l2 - 1), ste_s1(0x2000));
    expect_key(&t, per_l2, 0x1000);
    expect_key(&t, 2 * per_l2 - 1, 0x2000);
    expect_event(&t, per_l2 - 1, BAD_STREAMID);
    expect_event(&t, 2 * per_l2, BAD_STREAMID);
    expect_event(&t, 4096, BAD_STREAMID);
    guest_free(t.guest);
}

/* Span 0 and the reserved 12..31 have no level 2; n has 2^(n-1) STEs. */
static void test_span(void)
{
    Table t;

    table_init(&t);
    strtab_2lvl(t.guest, &t.regs, STRTAB_ADDR, 16, 10);
    for (uint32_t i = 0; i < 1024; i++) {
        guest_write_ste(t.guest, L2(0) + 64 * i, ste_s1(0x1000));
    }
    for (unsigned span = 0; span < 32; span++) {
        bool valid = span >= 1 && span <= 11;

        strtab_set_l1(t.guest, &t.regs, 2, L2(0), span);
        if (!valid) {
            expect_event(&t, 2 * 1024, BAD_STREAMID);
            continue;
        }
        expect_key(&t, 2 * 1024, 0x1000);
        expect_key(&t, 2 * 1024 + (1u << (span - 1)) - 1, 0x1000);
        if (span < 11) {
            expect_event(&t, 2 * 1024 + (1u << (span - 1)), BAD_STREAMID);
        }
    }
    guest_free(t.guest);
}

/* A span that no StreamID below the split can reach is no table (5.1.1). */
static void test_span_over_split(void)
{
    static const unsigned splits[] = { 6, 8, 10 };

    for (unsigned i = 0; i < G_N_ELEMENTS(splits); i++) {
        unsigned split = splits[i];
        Table t;

        table_init(&t);
        strtab_2lvl(t.guest, &t.regs, STRTAB_ADDR, 12, split);
        guest_write_ste(t.guest, L2(0), ste_s1(0x1000));
        strtab_set_l1(t.guest, &t.regs, 1, L2(0), split + 1);
        expect_key(&t, 1u << split, 0x1000);
        for (unsigned span = split + 2; span < 32; span++) {
            strtab_set_l1(t.guest, &t.regs, 1, L2(0), span);
            expect_event(&t, 1u << split, BAD_STREAMID);
        }
        guest_free(t.guest);
    }
}

/* Small numbers more often than others, so that tables are found. */
static uint32_t any_below(GRand *rand, unsigned bits)
{
    return g_rand_int(rand) >> (31 - g_rand_int_range(rand, 0, bits));
}

static void random_table(GRand *rand, Table *t)
{
    bool two_level = g_rand_boolean(rand);
    unsigned sidsize = g_rand_int_range(rand, 0, 17);

    t->idr[1] = (t->idr[1] & ~(uint32_t)SMMUV3_IDR1_SIDSIZE) | sidsize;
    t->regs.strtab_base = STRTAB_ADDR + 64 * (uint64_t)any_below(rand, 16);
    t->regs.strtab_base_cfg =
        SMMUV3_PREP(SMMUV3_STRTAB_CFG_LOG2SIZE, any_below(rand, 6)) |
        SMMUV3_PREP(SMMUV3_STRTAB_CFG_SPLIT, g_rand_int_range(rand, 5, 12)) |
        SMMUV3_PREP(SMMUV3_STRTAB_CFG_FMT, two_level);
    /* Descriptors all over */
    for (uint64_t at = 0; at < 0x800; at += 8) {
        guest_write64(t->guest, STRTAB_ADDR + at,
                      (STRTAB_ADDR + 64 * (uint64_t)any_below(rand, 14)) |
                      g_rand_int_range(rand, 0, 14));
    }
}

/* An STE is what is read two words at a time. */
static void note_ste(Guest *g, uint64_t addr, size_t len)
{
    if (len == 2 * sizeof(uint64_t)) {
        *(uint64_t *)g->hook_data = addr;
    }
}

static void compare_lookup(Table *t, uint32_t sid, unsigned *found)
{
    SteModelPlace want = ste_model_locate(t->guest, &t->regs, t->idr, sid);
    uint64_t ste = 0;
    SMMUv3StreamConfig c;

    t->guest->hook_data = &ste;
    t->guest->after_read = note_ste;
    c = look(t, sid);
    t->guest->after_read = NULL;
    if (want.event == NONE) {
        g_assert_cmphex(ste, ==, want.addr);
        ++*found;
    } else {
        g_assert_cmpint(c.event, ==, want.event);
        g_assert_cmphex(c.event_addr, ==, want.addr);
    }
}

/* Any table, any StreamID: the STE that 5.1 and 6.3.24 lead to, or why not. */
static void test_model_lookup(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(4);
    unsigned found = 0;
    Table t;

    table_init(&t);
    for (unsigned round = 0; round < 2000; round++) {
        random_table(rand, &t);
        for (unsigned i = 0; i < 50; i++) {
            compare_lookup(&t, any_below(rand, 18), &found);
        }
    }
    g_assert_cmpuint(found, >, 10000);
    guest_free(t.guest);
}

/* L2Ptr's bits below the table's size are not there (5.1). */
static void test_l2_alignment(void)
{
    Table t;

    table_init(&t);
    strtab_2lvl(t.guest, &t.regs, STRTAB_ADDR, 16, 8);
    strtab_set_l1(t.guest, &t.regs, 0, L2(0) | 0x3fc0, 9);
    guest_write_ste(t.guest, L2(0) + 64, ste_s1(0x1000));
    expect_key(&t, 1, 0x1000);
    guest_free(t.guest);
}

static void test_2lvl_unreadable(void)
{
    Table t;

    table_init(&t);
    strtab_2lvl(t.guest, &t.regs, STRTAB_ADDR, 16, 8);
    strtab_set_l1(t.guest, &t.regs, 0, L2(0), 9);
    strtab_set_l1(t.guest, &t.regs, 1, 0, 9);
    guest_write_ste(t.guest, L2(0), ste_s1(0x1000));
    expect_no_fetch(&t, 256, 0);
    expect_no_fetch(&t, 257, 64);
    expect_key(&t, 0, 0x1000);
    guest_hole(t.guest, STRTAB_ADDR, 8);
    expect_no_fetch(&t, 0, STRTAB_ADDR);
    guest_free(t.guest);
}

/* A table smaller than the split has one descriptor, 64-byte aligned. */
static void test_2lvl_small(void)
{
    Table t;

    table_init(&t);
    strtab_2lvl(t.guest, &t.regs, STRTAB_ADDR, 4, 8);
    strtab_set_l1(t.guest, &t.regs, 0, L2(0), 9);
    guest_write_ste(t.guest, L2(0) + 64 * 15, ste_s1(0x1000));
    guest_write_ste(t.guest, L2(0) + 64 * 16, ste_s1(0x1000));
    expect_key(&t, 15, 0x1000);
    expect_event(&t, 16, BAD_STREAMID);
    guest_free(t.guest);
}

/* FMT: reserved values are linear, as is 2LVL where it is not offered. */
static void test_fmt(void)
{
    Table t;

    table_init(&t);
    strtab_linear(t.guest, &t.regs, STRTAB_ADDR, 8);
    strtab_set(t.guest, &t.regs, 5, ste_s1(0x1000));
    for (unsigned fmt = 2; fmt < 4; fmt++) {
        t.regs.strtab_base_cfg =
            8 | SMMUV3_PREP(SMMUV3_STRTAB_CFG_FMT, fmt);
        expect_key(&t, 5, 0x1000);
    }
    t.regs.strtab_base_cfg = 8 | SMMUV3_PREP(SMMUV3_STRTAB_CFG_FMT, 1);
    expect_event(&t, 5, BAD_STREAMID); /* the STE read as a descriptor */
    t.idr[0] &= ~(uint32_t)SMMUV3_IDR0_ST_LEVEL;
    expect_key(&t, 5, 0x1000);
    guest_free(t.guest);
}

static void add_cases(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(decode_cases); i++) {
        g_autofree char *path = g_strdup_printf("/stream/decode/%s",
                                                decode_cases[i].name);

        g_test_add_data_func(path, &decode_cases[i], test_decode);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(split_cases); i++) {
        g_autofree char *path = g_strdup_printf("/stream/2lvl/split %s",
                                                split_cases[i].name);

        g_test_add_data_func(path, &split_cases[i], test_split);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_cases();
    g_test_add_func("/stream/features", test_features);
    g_test_add_func("/stream/no-ats", test_no_ats);
    g_test_add_func("/stream/key", test_key);
    g_test_add_func("/stream/equal", test_equal);
    g_test_add_func("/stream/keeps-cds", test_keeps_cds);
    g_test_add_func("/stream/gbpa", test_gbpa);
    g_test_add_func("/stream/linear/bounds", test_linear);
    g_test_add_func("/stream/linear/single", test_linear_single);
    g_test_add_func("/stream/linear/alignment", test_base_alignment);
    g_test_add_func("/stream/linear/unreadable", test_unreadable);
    g_test_add_func("/stream/sidsize/small", test_sidsize);
    g_test_add_func("/stream/sidsize/32", test_sidsize_32);
    g_test_add_func("/stream/sidsize/alignment", test_literal_alignment);
    g_test_add_func("/stream/reads-once", test_reads_once);
    g_test_add_func("/stream/2lvl/span", test_span);
    g_test_add_func("/stream/2lvl/span-over-split", test_span_over_split);
    g_test_add_func("/stream/model/lookup", test_model_lookup);
    g_test_add_func("/stream/model/decode", test_model_decode);
    g_test_add_func("/stream/model/decode-random", test_model_decode_random);
    g_test_add_func("/stream/2lvl/alignment", test_l2_alignment);
    g_test_add_func("/stream/2lvl/unreadable", test_2lvl_unreadable);
    g_test_add_func("/stream/2lvl/small", test_2lvl_small);
    g_test_add_func("/stream/fmt", test_fmt);
    return g_test_run();
}
