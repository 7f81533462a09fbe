/*
 * Canonical commands: what no kernel with range invalidation refuses, and
 * never less than was asked. What a host without is sent: test-coalesce.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The kernel's judgement is the fake's copy of Linux 7.3's validation; what a
 * command covers is worked out here from 4.4.1.1, independently.
 */
#include <inttypes.h>

#include "forward.h"
#include "scene.h"
#include "tlb-model.h"

/* Pairs of a guest's promise and a host that can keep it. */
typedef struct Pair {
    const char *name;
    bool guest_ril, host_ril, host_ds, asid16, substreams;
} Pair;

static const Pair pairs[] = {
    { "all", true, true, true, true, true },
    { "host without DS", true, true, false, true, true },
    { "host without RIL", true, false, false, true, true },
    { "guest without RIL", false, true, false, true, true },
    { "no RIL", false, false, false, true, true },
    { "8-bit ASIDs", true, true, false, false, true },
    { "no substreams", true, true, false, true, false },
};

typedef struct Idrs {
    uint32_t guest[6];
    SMMUv3HostInfo host;
} Idrs;

static void clear(uint32_t *reg, uint64_t bits)
{
    *reg &= ~(uint32_t)bits;
}

static Idrs make_idrs(const Pair *p)
{
    Idrs r = { .host = { .repeat_tlbi_cfgi = 0 } };

    memcpy(r.guest, guest_idr, sizeof(r.guest));
    memcpy(r.host.idr, host_idr, sizeof(r.host.idr));
    clear(&r.guest[3], p->guest_ril ? 0 : SMMUV3_IDR3_RIL);
    clear(&r.host.idr[3], p->host_ril ? 0 : SMMUV3_IDR3_RIL);
    clear(&r.guest[0], p->asid16 ? 0 : SMMUV3_IDR0_ASID16);
    clear(&r.host.idr[0], p->asid16 ? 0 : SMMUV3_IDR0_ASID16);
    clear(&r.guest[1], p->substreams ? 0 : SMMUV3_IDR1_SSIDSIZE);
    clear(&r.host.idr[1], p->substreams ? 0 : SMMUV3_IDR1_SSIDSIZE);
    if (p->host_ds) {
        r.host.idr[5] |= SMMUV3_IDR5_DS;
    }
    return r;
}

static uint64_t opcode(SMMUv3Cmd cmd)
{
    return cmd.dw[0] & SMMUV3_CMD0_OPCODE;
}

/* Takes any command through, and asserts that the kernel would, too. */
static SMMUv3Cmd canonical(const Idrs *r, SMMUv3Cmd cmd, bool *widened)
{
    SMMUv3HostInfo kernel = r->host;
    SMMUv3ForwardRules rules;
    uint64_t count = 0, again = 0;
    SMMUv3Cmd c, twice;

    smmuv3_forward_rules(&rules, r->guest, r->host.idr);
    c = smmuv3_forward_canonical(&rules, cmd, &count);
    twice = smmuv3_forward_canonical(&rules, c, &again);
    *widened = count;
    kernel.idr[3] |= SMMUV3_IDR3_RIL;
    if (!fake_kernel_accepts(&kernel, &c)) {
        g_error("refused: %016" PRIx64 " %016" PRIx64 " from %016" PRIx64
                " %016" PRIx64, c.dw[0], c.dw[1], cmd.dw[0], cmd.dw[1]);
    }
    g_assert_cmphex(twice.dw[0], ==, c.dw[0]);
    g_assert_cmphex(twice.dw[1], ==, c.dw[1]);
    g_assert_cmpuint(again, ==, 0);
    g_assert_cmpuint(count, <=, 1);
    return c;
}

static uint64_t random64(void)
{
    return ((uint64_t)(guint32)g_test_rand_int() << 32) |
           (guint32)g_test_rand_int();
}

/* The addresses of a TLBI by VA: [first, last], and one granule's size. */
typedef struct Span {
    uint64_t first, last, granule;
    bool reserved;
} Span;

static Span va_span(SMMUv3Cmd cmd, bool ril)
{
    static const uint64_t granules[] = { 0x1000, 0x1000, 0x4000, 0x10000 };
    uint64_t tg = ril ? SMMUV3_GET(SMMUV3_TLBI1_TG, cmd.dw[1]) : 0;
    uint64_t num = SMMUV3_GET(SMMUV3_TLBI0_NUM, cmd.dw[0]);
    uint64_t scale = SMMUV3_GET(SMMUV3_TLBI0_SCALE, cmd.dw[0]);
    uint64_t ttl = SMMUV3_GET(SMMUV3_TLBI1_TTL, cmd.dw[1]);
    Span s = { .granule = granules[tg], .first = cmd.dw[1] & SMMUV3_TLBI1_VA };
    unsigned __int128 last;

    if (!tg) {
        num = scale = 0;
    }
    s.reserved = tg && !num && !scale && !ttl;
    last = s.first + (((unsigned __int128)(num + 1) << scale) * s.granule) - 1;
    s.last = last > UINT64_MAX ? UINT64_MAX : (uint64_t)last;
    return s;
}

/* A single page's command has to reach what the level hint reached. */
static bool hint_kept(SMMUv3Cmd asked, SMMUv3Cmd got)
{
    uint64_t ttl = SMMUV3_GET(SMMUV3_TLBI1_TTL, got.dw[1]);
    uint64_t tg = SMMUV3_GET(SMMUV3_TLBI1_TG, got.dw[1]);

    return (!ttl || ttl == SMMUV3_GET(SMMUV3_TLBI1_TTL, asked.dw[1])) &&
           (!tg || tg == SMMUV3_GET(SMMUV3_TLBI1_TG, asked.dw[1]));
}

static bool span_covers(SMMUv3Cmd asked, SMMUv3Cmd got, const Idrs *r)
{
    bool ril = r->guest[3] & SMMUV3_IDR3_RIL;
    Span a = va_span(asked, ril), g = va_span(got, ril);
    uint64_t length = g.last - g.first;

    if (opcode(got) != opcode(asked) || g.reserved || g.first != a.first ||
        !hint_kept(asked, got)) {
        return false;
    }
    /* A leaf-only command does not do for one that is not. */
    if ((got.dw[1] & ~asked.dw[1]) & SMMUV3_TLBI1_LEAF) {
        return false;
    }
    /* One address drops the whole entry that it lies in. */
    return g.last >= a.last || (length < g.granule &&
                                a.last - a.first < a.granule);
}

static bool covers(SMMUv3Cmd asked, SMMUv3Cmd got, const Idrs *r)
{
    uint64_t asid_mask = r->guest[0] & SMMUV3_IDR0_ASID16
                         ? SMMUV3_TLBI0_ASID : SMMUV3_BITS(55, 48);
    bool same_asid = !((asked.dw[0] ^ got.dw[0]) & asid_mask);

    switch (opcode(got)) {
    case SMMUV3_CMD_TLBI_NH_ALL:
        return true;
    case SMMUV3_CMD_TLBI_NH_ASID: /* leaves global entries, 4.4.2 */
        return false;
    case SMMUV3_CMD_TLBI_NH_VA:
        return same_asid && span_covers(asked, got, r);
    default:
        return span_covers(asked, got, r);
    }
}

/* One that is illegal is not forwarded, so it has no canonical form. */
static bool is_illegal(const Idrs *r, SMMUv3Cmd cmd)
{
    SMMUv3ForwardRules rules;
    bool illegal;

    smmuv3_forward_rules(&rules, r->guest, r->host.idr);
    illegal = smmuv3_forward_illegal(&rules, cmd);
    g_assert_cmpint(illegal, ==, cache_illegal(&cmd, r->guest));
    return illegal;
}

static void check_va(const Idrs *r, SMMUv3Cmd cmd)
{
    bool widened;
    SMMUv3Cmd c;

    if (is_illegal(r, cmd)) {
        return;
    }
    c = canonical(r, cmd, &widened);

    if (!covers(cmd, c, r)) {
        g_error("narrowed: %016" PRIx64 " %016" PRIx64 " to %016" PRIx64
                " %016" PRIx64, cmd.dw[0], cmd.dw[1], c.dw[0], c.dw[1]);
    }
    g_assert_cmpint(widened, ==, opcode(c) != opcode(cmd));
}

/* All of NUM, SCALE, TTL and TG; everything else at random. */
static void test_ranges(gconstpointer data)
{
    static const uint64_t opcodes[] = {
        SMMUV3_CMD_TLBI_NH_VA, SMMUV3_CMD_TLBI_NH_VAA,
    };
    const uint64_t fields0 = SMMUV3_CMD0_OPCODE | SMMUV3_TLBI0_NUM |
                             SMMUV3_TLBI0_SCALE;
    const uint64_t fields1 = SMMUV3_TLBI1_TTL | SMMUV3_TLBI1_TG;
    Idrs r = make_idrs(data);

    for (unsigned i = 0; i < 2 * 32 * 64 * 16; i++) {
        SMMUv3Cmd cmd = { .dw = { random64() & ~fields0,
                                  random64() & ~fields1 } };

        cmd.dw[0] |= opcodes[i & 1] |
                     SMMUV3_PREP(SMMUV3_TLBI0_NUM, i >> 1) |
                     SMMUV3_PREP(SMMUV3_TLBI0_SCALE, i >> 6);
        cmd.dw[1] |= SMMUV3_PREP(fields1, i >> 12);
        check_va(&r, cmd);
    }
}

/* Any bits at all for any forwarded opcode: never refused. */
static void test_random(gconstpointer data)
{
    static const uint64_t opcodes[] = {
        SMMUV3_CMD_TLBI_NH_ALL, SMMUV3_CMD_TLBI_NH_ASID,
        SMMUV3_CMD_TLBI_NH_VA, SMMUV3_CMD_TLBI_NH_VAA,
        SMMUV3_CMD_TLBI_NSNH_ALL, SMMUV3_CMD_CFGI_CD,
        SMMUV3_CMD_CFGI_CD_ALL, SMMUV3_CMD_ATC_INV,
    };
    Idrs r = make_idrs(data);

    for (unsigned i = 0; i < 200000; i++) {
        uint64_t op = opcodes[i % G_N_ELEMENTS(opcodes)];
        SMMUv3Cmd cmd = {
            .dw = { (random64() & ~SMMUV3_CMD0_OPCODE) | op, random64() },
        };
        bool widened;
        SMMUv3Cmd c;

        if (is_illegal(&r, cmd)) {
            continue;
        }
        c = canonical(&r, cmd, &widened);
        if (!widened) {
            g_assert_cmphex(opcode(c), ==, op);
        }
    }
}

typedef struct MaskCase {
    const char *name;
    uint64_t opcode, keep0, keep1;
} MaskCase;

/* Which bits of all ones are left; RIL on both sides and DS off. */
static const MaskCase mask_cases[] = {
    { "NH_ALL", SMMUV3_CMD_TLBI_NH_ALL, 0, 0 },
    { "NSNH_ALL", SMMUV3_CMD_TLBI_NSNH_ALL, 0, 0 },
    { "NH_ASID", SMMUV3_CMD_TLBI_NH_ASID, SMMUV3_TLBI0_ASID, 0 },
    { "CFGI_CD", SMMUV3_CMD_CFGI_CD, SMMUV3_CMD0_SID | SMMUV3_CMD0_SSID, 1 },
    { "CFGI_CD_ALL", SMMUV3_CMD_CFGI_CD_ALL, SMMUV3_CMD0_SID, 0 },
};

static void test_masks(gconstpointer data)
{
    const MaskCase *c = data;
    Idrs r = make_idrs(&pairs[1]);
    bool widened;
    SMMUv3Cmd got = canonical(&r, cmd_raw(~UINT64_C(0xff) | c->opcode,
                                          ~UINT64_C(0)), &widened);

    g_assert_cmphex(got.dw[0], ==, c->keep0 | c->opcode);
    g_assert_cmphex(got.dw[1], ==, c->keep1);
    g_assert_false(widened);
}

/* TG=0 is a single address and legal; the rest of the range is RES0. */
static void test_tg0(void)
{
    Idrs r = make_idrs(&pairs[1]);
    SMMUv3Cmd cmd = cmd_tlbi_va(7, 0x12345000), got;
    bool widened;

    got = canonical(&r, cmd, &widened);
    g_assert_cmphex(got.dw[0], ==, cmd.dw[0]);
    g_assert_cmphex(got.dw[1], ==, cmd.dw[1]);
    cmd.dw[0] |= SMMUV3_TLBI0_NUM | SMMUV3_TLBI0_SCALE | SMMUV3_TLBI0_VMID;
    cmd.dw[1] |= SMMUV3_TLBI1_TTL;
    got = canonical(&r, cmd, &widened);
    g_assert_cmphex(got.dw[0], ==, cmd_tlbi_va(7, 0).dw[0]);
    g_assert_cmphex(got.dw[1], ==, cmd_tlbi_va(7, 0x12345000).dw[1]);
    g_assert_false(widened);
}

/* What Linux writes passes as it is. */
static void test_range_kept(void)
{
    Idrs r = make_idrs(&pairs[1]);
    SMMUv3Cmd cmd = cmd_tlbi_va(7, 0x12345000), got;
    bool widened;

    cmd.dw[0] |= SMMUV3_PREP(SMMUV3_TLBI0_NUM, 31) |
                 SMMUV3_PREP(SMMUV3_TLBI0_SCALE, 31);
    cmd.dw[1] |= SMMUV3_PREP(SMMUV3_TLBI1_TG, SMMUV3_TG_4K) |
                 SMMUV3_PREP(SMMUV3_TLBI1_TTL, 3);
    got = canonical(&r, cmd, &widened);
    g_assert_cmphex(got.dw[0], ==, cmd.dw[0]);
    g_assert_cmphex(got.dw[1], ==, cmd.dw[1]);
    g_assert_false(widened);
}

/* Reserved ranges are widened, to something that takes global entries too. */
static void test_reserved(void)
{
    Idrs r = make_idrs(&pairs[1]);
    SMMUv3Cmd cmd = cmd_tlbi_va(7, 0x1000), got;
    bool widened;

    cmd.dw[0] |= SMMUV3_PREP(SMMUV3_TLBI0_SCALE, 32) |
                 SMMUV3_PREP(SMMUV3_TLBI0_NUM, 1);
    cmd.dw[1] |= SMMUV3_PREP(SMMUV3_TLBI1_TG, SMMUV3_TG_4K);
    got = canonical(&r, cmd, &widened);
    g_assert_true(widened);
    g_assert_true(covers(cmd, got, &r));
    cmd.dw[0] ^= SMMUV3_CMD_TLBI_NH_VA ^ SMMUV3_CMD_TLBI_NH_VAA;
    got = canonical(&r, cmd, &widened);
    g_assert_true(widened);
    g_assert_cmphex(got.dw[0], ==, SMMUV3_CMD_TLBI_NH_ALL);
    g_assert_cmphex(got.dw[1], ==, 0);
}

static void test_atc(void)
{
    Idrs r = make_idrs(&pairs[1]);
    SMMUv3Cmd cmd = cmd_atc_inv(0x1234, 0x5000, 3), got;
    bool widened;

    cmd.dw[0] |= SMMUV3_CMD0_SSV | SMMUV3_ATC0_GLOBAL |
                 SMMUV3_PREP(SMMUV3_CMD0_SSID, 9);
    got = canonical(&r, cmd, &widened);
    g_assert_cmphex(got.dw[0], ==, cmd.dw[0]);
    g_assert_cmphex(got.dw[1], ==, cmd.dw[1]);
    for (unsigned size = 0; size < 64; size++) {
        got = canonical(&r, cmd_atc_inv(1, 0x5000, size), &widened);
        g_assert_cmpuint(SMMUV3_GET(SMMUV3_ATC1_SIZE, got.dw[1]), ==,
                         MIN(size, SMMUV3_ATC_SIZE_ALL));
        g_assert_cmpint(widened, ==, size > SMMUV3_ATC_SIZE_ALL);
    }
}

/*
 * A reserved Size becomes the whole address space, without the address, because
 * that is how two of them are seen to be the same.
 */
static void test_widened_atc_has_no_address(void)
{
    Idrs r = make_idrs(&pairs[1]);
    bool widened;
    SMMUv3Cmd got = canonical(&r, cmd_atc_inv(1, 0x5000,
                                              SMMUV3_ATC_SIZE_ALL + 1),
                              &widened);

    g_assert_true(widened);
    g_assert_cmphex(got.dw[1], ==,
                    SMMUV3_PREP(SMMUV3_ATC1_SIZE, SMMUV3_ATC_SIZE_ALL));
}

static void test_8bit_asid(void)
{
    Idrs r = make_idrs(&pairs[5]);
    bool widened;
    SMMUv3Cmd got = canonical(&r, cmd_tlbi_va(0xab12, 0x1000), &widened);

    g_assert_cmphex(SMMUV3_GET(SMMUV3_TLBI0_ASID, got.dw[0]), ==, 0x12);
    g_assert_false(widened);
}

static void add_pairs(const char *what, GTestDataFunc func)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autofree char *path = g_strdup_printf("/forward/%s/%s", what,
                                                pairs[i].name);

        g_test_add_data_func(path, &pairs[i], func);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_pairs("ranges", test_ranges);
    add_pairs("random", test_random);
    for (unsigned i = 0; i < G_N_ELEMENTS(mask_cases); i++) {
        g_autofree char *path = g_strdup_printf("/forward/mask/%s",
                                                mask_cases[i].name);

        g_test_add_data_func(path, &mask_cases[i], test_masks);
    }
    g_test_add_func("/forward/tg-0", test_tg0);
    g_test_add_func("/forward/range-kept", test_range_kept);
    g_test_add_func("/forward/reserved", test_reserved);
    g_test_add_func("/forward/atc", test_atc);
    g_test_add_func("/forward/widened-atc-has-no-address",
                    test_widened_atc_has_no_address);
    g_test_add_func("/forward/8-bit-asid", test_8bit_asid);
    return g_test_run();
}
