/*
 * Streams, commands and registers, decoded for a VMM that translates itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "scene.h"
#include "smmuv3-decode.h"
#include "tlb-model.h"

/* ---- Streams ---- */

#define CDS     (GUEST_BASE + 0x900000)
#define CDMAX(n) ((uint64_t)(n) << 59)
#define FMT(n)  ((uint64_t)(n) << 4)

typedef struct Table {
    Guest *guest;
    SMMUv3StreamRegs regs;
    uint32_t idr[6];
} Table;

static void table_init(Table *t)
{
    t->guest = guest_new();
    memcpy(t->idr, guest_idr, sizeof(t->idr));
    strtab_linear(t->guest, &t->regs, STRTAB_ADDR, 5);
}

static SMMUv3DecodedStream look(Table *t, uint32_t sid)
{
    SMMUv3DecodedStream out;

    memset(&out, 0xff, sizeof(out));
    smmuv3_decode_stream(guest_ops.read_words, t->guest, &t->regs, t->idr,
                         sid, &out);
    return out;
}

static void expect(Table *t, SMMUv3StreamKind kind, SMMUv3EventType event,
                   uint64_t addr, uint64_t cd)
{
    SMMUv3DecodedStream out = look(t, 3);

    g_assert_cmpint(out.kind, ==, kind);
    g_assert_cmpint(out.event, ==, event);
    g_assert_cmphex(out.event_addr, ==, addr);
    g_assert_cmphex(out.cd, ==, cd);
}

static void expect_cd(Table *t, uint64_t cd)
{
    expect(t, SMMUV3_STREAM_TRANSLATE, SMMUV3_EVENT_NONE, 0, cd);
}

static void expect_event(Table *t, SMMUv3EventType event, uint64_t addr)
{
    expect(t, SMMUV3_STREAM_ABORT, event, addr, 0);
}

static void install(Table *t, uint64_t dw0, uint64_t dss)
{
    SMMUv3Ste ste = ste_s1(0);

    ste.dw[0] |= dw0;
    ste.dw[1] |= dss;
    strtab_set(t->guest, &t->regs, 3, ste);
}

/* While SMMUEN=0 it is GBPA's, and no table is read. */
static void test_gbpa(void)
{
    Table t;

    table_init(&t);
    t.regs.cr0 = 0;
    expect(&t, SMMUV3_STREAM_BYPASS, SMMUV3_EVENT_NONE, 0, 0);
    t.regs.gbpa = 1u << 20;
    expect_event(&t, SMMUV3_EVENT_NONE, 0);
    g_assert_cmpuint(t.guest->reads, ==, 0);
    guest_free(t.guest);
}

/* What has no use for a CD, and why. */
static void test_no_stage_1(void)
{
    Table t;

    table_init(&t);
    expect_event(&t, SMMUV3_EVENT_C_BAD_STE, 0);
    strtab_set(t.guest, &t.regs, 3, ste_config(0));
    expect_event(&t, SMMUV3_EVENT_NONE, 0);
    strtab_set(t.guest, &t.regs, 3, ste_config(4));
    expect(&t, SMMUV3_STREAM_BYPASS, SMMUV3_EVENT_NONE, 0, 0);
    strtab_set(t.guest, &t.regs, 3, ste_config(6));
    expect_event(&t, SMMUV3_EVENT_C_BAD_STE, 0);
    guest_hole(t.guest, STRTAB_ADDR + 64 * 3, 64);
    expect_event(&t, SMMUV3_EVENT_F_STE_FETCH, STRTAB_ADDR + 64 * 3);
    t.regs.strtab_base_cfg = 1;
    expect_event(&t, SMMUV3_EVENT_C_BAD_STREAMID, 0);
    guest_free(t.guest);
}

/* FetchAddr ends where OAS (44) does. */
static void test_fetch_addr(void)
{
    Table t;

    table_init(&t);
    strtab_2lvl(t.guest, &t.regs, STRTAB_ADDR, 8, 8);
    strtab_set_l1(t.guest, &t.regs, 0, UINT64_C(0xf10000010000), 9);
    expect_event(&t, SMMUV3_EVENT_F_STE_FETCH, 0x10000010000 + 64 * 3);
    guest_free(t.guest);
}

/* One CD: S1DSS and S1Fmt mean nothing. */
static void test_single_cd(void)
{
    Table t;

    table_init(&t);
    for (unsigned i = 0; i < 16; i++) {
        install(&t, (CDS + 64) | FMT(i & 3), i >> 2);
        expect_cd(&t, CDS + 64);
    }
    guest_free(t.guest);
}

/* Without substreams in the promise CDMax means nothing either. */
static void test_not_promised(void)
{
    Table t;

    table_init(&t);
    t.idr[1] &= ~(uint32_t)SMMUV3_IDR1_SSIDSIZE;
    install(&t, CDMAX(10) | FMT(1) | (CDS + 64), 0);
    expect_cd(&t, CDS + 64);
    guest_free(t.guest);
}

/* 5.2, S1DSS; 0b11 behaves as 0b00. */
static void test_default_substream(void)
{
    Table t;

    table_init(&t);
    install(&t, CDMAX(4) | CDS, 0);
    expect_event(&t, SMMUV3_EVENT_F_STREAM_DISABLED, 0);
    install(&t, CDMAX(4) | CDS, 3);
    expect_event(&t, SMMUV3_EVENT_F_STREAM_DISABLED, 0);
    install(&t, CDMAX(4) | CDS, 1);
    expect(&t, SMMUV3_STREAM_BYPASS, SMMUV3_EVENT_NONE, 0, 0);
    install(&t, CDMAX(4) | CDS, 2);
    expect_cd(&t, CDS);
    install(&t, CDMAX(11) | CDS, 2);
    expect_event(&t, SMMUV3_EVENT_C_BAD_STE, 0);
    guest_free(t.guest);
}

/* A table is aligned to its size. */
static void test_linear(void)
{
    Table t;

    table_init(&t);
    install(&t, CDMAX(4) | FMT(0) | (CDS + 64 * 15), 2);
    expect_cd(&t, CDS);
    install(&t, CDMAX(4) | FMT(3) | (CDS + 64 * 16), 2);
    expect_cd(&t, CDS + 64 * 16);
    guest_free(t.guest);
}

typedef struct LevelCase {
    const char *name;
    unsigned fmt, cdmax;
    uint64_t l1;            /* from CDS on: where the L1CD of CD 0 is sought */
    uint64_t l2ptr, cd;
} LevelCase;

static const LevelCase level_cases[] = {
    { "4k", 1, 4, 0x40, 0x7000, 0x7000 },
    { "4k, many", 1, 10, 0, 0x7fff, 0x7000 },
    { "64k", 2, 8, 0x40, 0x17fff, 0x10000 },
    { "64k, more than one", 2, 10, 0x40, 0x10000, 0x10000 },
};

/* CDS + 0x40 is aligned to less than an L1 table of 16 descriptors is. */
static void test_levels(gconstpointer data)
{
    const LevelCase *c = data;
    uint64_t l1 = CDS + c->l1;
    Table t;

    table_init(&t);
    install(&t, CDMAX(c->cdmax) | FMT(c->fmt) | (CDS + 0x40), 2);
    guest_write64(t.guest, l1, (CDS & ~UINT64_C(0xfffff)) | c->l2ptr | 1);
    expect_cd(&t, (CDS & ~UINT64_C(0xfffff)) | c->cd);
    guest_write64(t.guest, l1, CDS);
    expect_event(&t, SMMUV3_EVENT_C_BAD_SUBSTREAMID, 0);
    guest_write64(t.guest, l1, UINT64_C(1) << 44 | 1);
    expect_event(&t, SMMUV3_EVENT_C_BAD_SUBSTREAMID, 0);
    guest_hole(t.guest, l1, 8);
    expect_event(&t, SMMUV3_EVENT_F_CD_FETCH, l1);
    /* CD2L=0: two levels are illegal. */
    t.idr[0] &= ~(uint32_t)SMMUV3_IDR0_CD2L;
    expect_event(&t, SMMUV3_EVENT_C_BAD_STE, 0);
    guest_free(t.guest);
}

/* ---- Commands ---- */

static SMMUv3Invalidation decode(uint64_t dw0, uint64_t dw1)
{
    SMMUv3Cmd cmd = cmd_raw(dw0, dw1);

    return smmuv3_decode_command(guest_idr, &cmd);
}

static void test_nothing(void)
{
    static const unsigned opcodes[] = { 0x01, 0x02, 0x40, 0x46 };

    for (unsigned i = 0; i < G_N_ELEMENTS(opcodes); i++) {
        g_assert_cmpint(decode(opcodes[i], 0).kind, ==,
                        SMMUV3_INVALIDATE_NOTHING);
    }
}

static void expect_sids(uint64_t dw0, uint64_t dw1, uint32_t first,
                        uint32_t last)
{
    SMMUv3Invalidation inv = decode(dw0, dw1);

    g_assert_cmpint(inv.kind, ==, SMMUV3_INVALIDATE_CONFIG);
    g_assert_cmphex(inv.first_sid, ==, first);
    g_assert_cmphex(inv.last_sid, ==, last);
}

static void test_config(void)
{
    uint64_t sid = UINT64_C(0x12345678) << 32;

    expect_sids(sid | 0x03, 1, 0x12345678, 0x12345678);
    expect_sids(sid | 0x03, 0, 0x12345678, 0x12345678);
    expect_sids(sid | 0x05 | 7 << 12, 1, 0x12345678, 0x12345678);
    expect_sids(sid | 0x06, 0, 0x12345678, 0x12345678);
    expect_sids(sid | 0x04, 0, 0x12345678, 0x12345679);
    expect_sids(sid | 0x04, 11, 0x12345000, 0x12345fff);
    expect_sids(sid | 0x04, 30, 0, 0x7fffffff);
    expect_sids(sid | 0x04, 31, 0, 0xffffffff);
}

typedef struct PagesCase {
    const char *name;
    uint64_t dw0, dw1;
    uint64_t addr, pages;
    unsigned granule_bits;
    unsigned blocks;        /* naturally aligned ones that it consists of */
} PagesCase;

#define VA(tg, ttl, addr) ((addr) | (tg) << 10 | (ttl) << 8)
#define NUM(n) ((uint64_t)(n) << 12)
#define SCALE(n) ((uint64_t)(n) << 20)

static const PagesCase pages_cases[] = {
    { "single", 0, VA(0, 0, 0x7000), 0x7000, 1, 0, 1 },
    { "single, RES0 fields", NUM(3) | SCALE(2), VA(0, 3, 0x7000), 0x7000, 1,
      0, 1 },
    { "4k", NUM(4), VA(1, 0, 0x7000), 0x7000, 5, 12, 2 },
    { "4k, scaled", NUM(1) | SCALE(3), VA(1, 3, 0x7000), 0x7000, 16, 12, 5 },
    { "16k", NUM(1), VA(2, 0, 0x8000), 0x8000, 2, 14, 1 },
    { "64k", NUM(1), VA(3, 2, 0x20000), 0x20000, 2, 16, 1 },
    { "64k, not aligned", NUM(1), VA(3, 0, 0x27000), 0x20000, 3, 16, 2 },
    { "largest", NUM(31) | SCALE(31), VA(3, 0, 0), 0,
      UINT64_C(1) << 36, 16, 1 },
    { "to the end", NUM(31) | SCALE(20), VA(1, 0, UINT64_MAX << 14),
      UINT64_MAX << 14, 4, 12, 1 },
};

/* The blocks of @inv lie one behind the other, and end where it does. */
static unsigned count_blocks(SMMUv3Invalidation inv)
{
    uint64_t end = inv.addr + (inv.pages << inv.granule_bits);
    uint64_t at = inv.addr, addr, pages;
    unsigned n = 0;

    for (; smmuv3_decode_next_block(&inv, &addr, &pages); n++) {
        g_assert_cmphex(addr, ==, at);
        g_assert_cmphex(pages & (pages - 1), ==, 0);
        g_assert_cmphex(addr >> inv.granule_bits & (pages - 1), ==, 0);
        at += pages << inv.granule_bits;
    }
    g_assert_cmphex(at, ==, end);
    return n;
}

static void test_pages(gconstpointer data)
{
    const PagesCase *c = data;

    for (unsigned any = 0; any < 2; any++) {
        SMMUv3Invalidation inv = decode(c->dw0 | 0x12 | any |
                                        UINT64_C(0xabcd) << 48, c->dw1);

        g_assert_cmpint(inv.kind, ==, SMMUV3_INVALIDATE_PAGES);
        g_assert_cmpint(inv.any_asid, ==, any);
        if (!any) {
            g_assert_cmphex(inv.asid, ==, 0xabcd);
        }
        g_assert_cmphex(inv.addr, ==, c->addr);
        g_assert_cmphex(inv.pages, ==, c->pages);
        g_assert_cmpuint(inv.granule_bits, ==, c->granule_bits);
        g_assert_cmpuint(inv.tg, ==, inv.granule_bits ? c->dw1 >> 10 & 3 : 0);
        g_assert_cmpuint(count_blocks(inv), ==, c->blocks);
    }
}

/* A guest without RIL has single addresses, one with 8-bit ASIDs 8 bits. */
static void test_promise(void)
{
    SMMUv3Cmd cmd = cmd_raw(UINT64_C(0xabcd) << 48 | 0x12 | NUM(4),
                            VA(1, 0, 0x7000));
    uint32_t idr[6];
    SMMUv3Invalidation inv;

    memcpy(idr, guest_idr, sizeof(idr));
    idr[3] &= ~(uint32_t)SMMUV3_IDR3_RIL;
    idr[0] &= ~(uint32_t)SMMUV3_IDR0_ASID16;
    inv = smmuv3_decode_command(idr, &cmd);
    g_assert_cmphex(inv.asid, ==, 0xcd);
    g_assert_cmphex(inv.pages, ==, 1);
    g_assert_cmpuint(inv.granule_bits, ==, 0);
    cmd.dw[0] = UINT64_C(0xabcd) << 48 | 0x11;
    inv = smmuv3_decode_command(idr, &cmd);
    g_assert_cmpint(inv.kind, ==, SMMUV3_INVALIDATE_ASID);
    g_assert_cmphex(inv.asid, ==, 0xcd);
}

static bool covers_address(const SMMUv3Invalidation *inv, const CacheEntry *e)
{
    unsigned shift = cache_tlb_shift(e->tg, e->level);
    uint64_t last = e->va + ((UINT64_C(1) << shift) - 1);
    uint64_t end = inv->addr + ((inv->pages << inv->granule_bits) - 1);

    return inv->addr <= last && e->va <= end;
}

/* Would a VMM that drops what @inv says drop @e? */
static bool covers(const SMMUv3Invalidation *inv, const CacheEntry *e)
{
    switch (inv->kind) {
    case SMMUV3_INVALIDATE_CONFIG:
        return e->kind == CACHE_CD && e->sid >= inv->first_sid &&
               e->sid <= inv->last_sid;
    case SMMUV3_INVALIDATE_ALL:
        return e->kind == CACHE_TLB;
    case SMMUV3_INVALIDATE_ASID:
        return e->kind == CACHE_TLB && !e->global && e->asid == inv->asid;
    case SMMUV3_INVALIDATE_PAGES:
        return e->kind == CACHE_TLB && covers_address(inv, e) &&
               (inv->any_asid || e->global || e->asid == inv->asid);
    default:
        return false;
    }
}

static CacheEntry random_entry(GRand *rand)
{
    CacheEntry e = {
        .kind = g_rand_int_range(rand, 0, 8) ? CACHE_TLB : CACHE_CD,
        .leaf = g_rand_boolean(rand),
        .global = !g_rand_int_range(rand, 0, 4),
        .asid = g_rand_int_range(rand, 0, 3) << 7,
        .tg = g_rand_int_range(rand, 1, 4),
        .sid = g_rand_int_range(rand, 0, 4),
        .ssid = g_rand_int_range(rand, 0, 2),
        .va = (uint64_t)g_rand_int_range(rand, 0, 64) << 12,
    };
    unsigned shift;

    e.level = e.leaf ? g_rand_int_range(rand, 1, 4)
                     : g_rand_int_range(rand, 0, 3);
    shift = cache_tlb_shift(e.tg, e.level);
    e.va = e.va >> shift << shift;
    return e;
}

static SMMUv3Cmd random_command(GRand *rand)
{
    static const uint8_t opcodes[] = { 0x05, 0x06, 0x10, 0x11, 0x12, 0x12,
                                       0x12, 0x13, 0x30 };
    uint64_t op = opcodes[g_rand_int_range(rand, 0, sizeof(opcodes))];
    bool tlbi = op >= 0x10;

    return cmd_raw(op | NUM(g_rand_int_range(rand, 0, 4)) |
                   (tlbi ? SCALE(g_rand_int_range(rand, 0, 3)) |
                           (uint64_t)g_rand_int_range(rand, 0, 3) << 55
                         : (uint64_t)g_rand_int_range(rand, 0, 4) << 32),
                   VA(g_rand_int_range(rand, 0, 4),
                      g_rand_int_range(rand, 0, 4),
                      (uint64_t)g_rand_int_range(rand, 0, 64) << 12) |
                   g_rand_boolean(rand));
}

/* Never less than the command is sure to drop (tlb-model.h). */
static void test_model(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(6);
    unsigned dropped = 0;

    for (unsigned i = 0; i < 500000; i++) {
        SMMUv3Cmd cmd = random_command(rand);
        CacheEntry e = random_entry(rand);
        SMMUv3Invalidation inv = smmuv3_decode_command(guest_idr, &cmd);

        if (cache_drops(&cmd, guest_idr, &e)) {
            g_assert_true(covers(&inv, &e));
            dropped++;
        }
    }
    g_assert_cmpuint(dropped, >, 50000);
}

/* A plain STE leads where the stream does that it was made of. */
static void test_plain_ste(void)
{
    static const SMMUv3DecodedStream streams[] = {
        { .kind = SMMUV3_STREAM_ABORT },
        { .kind = SMMUV3_STREAM_BYPASS },
        { .kind = SMMUV3_STREAM_TRANSLATE, .cd = CDS + 64 },
    };
    Table t;

    table_init(&t);
    for (unsigned i = 0; i < G_N_ELEMENTS(streams); i++) {
        SMMUv3Ste ste = { .dw = { smmuv3_decode_plain_ste(&streams[i]) } };

        strtab_set(t.guest, &t.regs, 3, ste);
        expect(&t, streams[i].kind, SMMUV3_EVENT_NONE, 0, streams[i].cd);
    }
    g_assert_cmphex(smmuv3_decode_plain_ste(&streams[0]), ==, 1);
    g_assert_cmphex(smmuv3_decode_plain_ste(&streams[1]), ==, 0x9);
    g_assert_cmphex(smmuv3_decode_plain_ste(&streams[2]), ==, CDS + 64 + 0xb);
    guest_free(t.guest);
}

/* ---- Registers ---- */

static void test_same_regs(void)
{
    const SMMUv3StreamRegs a = { 1, 2, 3, 4 };
    const SMMUv3StreamRegs others[] = {
        { 0, 2, 3, 4 }, { 1, 0, 3, 4 }, { 1, 2, 0, 4 }, { 1, 2, 3, 0 },
        { 1, 2, UINT64_C(1) << 32 | 3, 4 },
    };

    g_assert_true(smmuv3_decode_same_regs(&a, &(SMMUv3StreamRegs) { 1, 2, 3,
                                                                   4 }));
    for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
        g_assert_false(smmuv3_decode_same_regs(&a, &others[i]));
    }
}

/* Both pages have it; what differs in another bit is another register. */
static void test_is_cmdq_prod(void)
{
    g_assert_true(smmuv3_decode_is_cmdq_prod(0x98));
    g_assert_true(smmuv3_decode_is_cmdq_prod(0x10098));
    g_assert_false(smmuv3_decode_is_cmdq_prod(0x9c));
    g_assert_false(smmuv3_decode_is_cmdq_prod(0xa8));
    g_assert_false(smmuv3_decode_is_cmdq_prod(0x20098));
    g_assert_false(smmuv3_decode_is_cmdq_prod(UINT64_C(1) << 32 | 0x98));
}

static void expect_no_features(SMMUv3Features f)
{
    g_assert_false(f.stage1 || f.stage2 || f.two_level_cds || f.ats ||
                   f.msi || f.s2fwb || f.ril);
    g_assert_cmpuint(f.bbml + f.stall_model + f.sid_bits + f.ssid_bits, ==, 0);
    g_assert_cmpuint(f.asid_bits, ==, 8);
    g_assert_cmpuint(f.oas_bits, ==, 32);
    g_assert_cmphex(f.page_sizes, ==, 0);
}

static void test_features(void)
{
    static const uint32_t all[6] = {
        0x01083403 | 1u << 24, 0x10 | 0xa << 6, 0, 0x1500, 0, 0x75,
    };
    static const uint32_t none[6];
    SMMUv3Features f = smmuv3_decode_features(all);

    g_assert_true(f.stage1 && f.stage2 && f.two_level_cds && f.ats &&
                  f.msi && f.s2fwb && f.ril);
    g_assert_cmpuint(f.bbml, ==, 2);
    g_assert_cmpuint(f.stall_model, ==, 1);
    g_assert_cmpuint(f.asid_bits, ==, 16);
    g_assert_cmpuint(f.sid_bits, ==, 16);
    g_assert_cmpuint(f.ssid_bits, ==, 10);
    g_assert_cmpuint(f.oas_bits, ==, 48);
    g_assert_cmphex(f.page_sizes, ==, 0x15000);
    expect_no_features(smmuv3_decode_features(none));
}

/* The narrower one of what the guest was promised and what a device has */
static void test_pasid(void)
{
    SMMUv3HostInfo info = { .pasid_bits = 12 };
    uint32_t idr[6] = { [1] = 10 << 6 };

    g_assert_cmpuint(smmuv3_decode_pasid_bits(idr, &info), ==, 10);
    idr[1] = 20 << 6;
    g_assert_cmpuint(smmuv3_decode_pasid_bits(idr, &info), ==, 12);
    info.pasid_bits = 0;
    g_assert_cmpuint(smmuv3_decode_pasid_bits(idr, &info), ==, 0);
    info.pasid_bits = 12;
    idr[1] = 0;
    g_assert_cmpuint(smmuv3_decode_pasid_bits(idr, &info), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/decode/stream/gbpa", test_gbpa);
    g_test_add_func("/decode/stream/no-stage-1", test_no_stage_1);
    g_test_add_func("/decode/stream/fetch-addr", test_fetch_addr);
    g_test_add_func("/decode/stream/single-cd", test_single_cd);
    g_test_add_func("/decode/stream/not-promised", test_not_promised);
    g_test_add_func("/decode/stream/default", test_default_substream);
    g_test_add_func("/decode/stream/linear", test_linear);
    for (unsigned i = 0; i < G_N_ELEMENTS(level_cases); i++) {
        g_autofree char *path = g_strdup_printf("/decode/stream/levels/%s",
                                                level_cases[i].name);

        g_test_add_data_func(path, &level_cases[i], test_levels);
    }
    g_test_add_func("/decode/stream/plain-ste", test_plain_ste);
    g_test_add_func("/decode/registers/same", test_same_regs);
    g_test_add_func("/decode/registers/cmdq-prod", test_is_cmdq_prod);
    g_test_add_func("/decode/registers/features", test_features);
    g_test_add_func("/decode/registers/pasid", test_pasid);
    g_test_add_func("/decode/command/nothing", test_nothing);
    g_test_add_func("/decode/command/config", test_config);
    for (unsigned i = 0; i < G_N_ELEMENTS(pages_cases); i++) {
        g_autofree char *path = g_strdup_printf("/decode/command/pages/%s",
                                                pages_cases[i].name);

        g_test_add_data_func(path, &pages_cases[i], test_pages);
    }
    g_test_add_func("/decode/command/promise", test_promise);
    g_test_add_func("/decode/command/model", test_model);
    return g_test_run();
}
