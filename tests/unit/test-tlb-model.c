/*
 * The reference model of caches, against Arm IHI 0070 4.3 to 4.5 by hand.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "scene.h"
#include "tlb-model.h"

#define ASID(n) SMMUV3_PREP(SMMUV3_TLBI0_ASID, n)
#define NUM(n) SMMUV3_PREP(SMMUV3_TLBI0_NUM, n)
#define SCALE(n) SMMUV3_PREP(SMMUV3_TLBI0_SCALE, n)
#define TG(n) SMMUV3_PREP(SMMUV3_TLBI1_TG, n)
#define TTL(n) SMMUV3_PREP(SMMUV3_TLBI1_TTL, n)
#define VA SMMUV3_CMD_TLBI_NH_VA
#define VAA SMMUV3_CMD_TLBI_NH_VAA

typedef struct ModelRow {
    const char *name;
    bool drops;
    SMMUv3Cmd cmd;
    CacheEntry e;
} ModelRow;

#define TLB(...) { .kind = CACHE_TLB, .asid = 1, __VA_ARGS__ }
#define LEAF(granule, lvl, at) \
    TLB(.leaf = true, .tg = SMMUV3_TG_ ## granule, .level = lvl, .va = at)
#define PAGE LEAF(4K, 3, 0x5000)
#define GLOBAL_PAGE TLB(.leaf = true, .tg = SMMUV3_TG_4K, .level = 3, \
                        .va = 0x5000, .global = true)
#define TABLE(at) TLB(.tg = SMMUV3_TG_4K, .level = 2, .va = at)
#define ATC(...) { .kind = CACHE_ATC, .sid = 3, .va = 0x5000, __VA_ARGS__ }
#define CD { .kind = CACHE_CD, .sid = 3, .ssid = 2, .leaf = true }
#define L1CD { .kind = CACHE_CD, .sid = 3, .ssid = 2 }
#define SID3 SMMUV3_PREP(SMMUV3_CMD0_SID, 3)
#define SSID(n) SMMUV3_PREP(SMMUV3_CMD0_SSID, n)
#define SSV SMMUV3_CMD0_SSV
#define G SMMUV3_ATC0_GLOBAL

static const ModelRow model_rows[] = {
    { "all", true, { { SMMUV3_CMD_TLBI_NH_ALL, 0 } }, GLOBAL_PAGE },
    { "nsnh", true, { { SMMUV3_CMD_TLBI_NSNH_ALL, 0 } }, TABLE(0) },
    { "asid", true, { { SMMUV3_CMD_TLBI_NH_ASID | ASID(1), 0 } }, TABLE(0) },
    { "asid, other", false, { { SMMUV3_CMD_TLBI_NH_ASID | ASID(2), 0 } },
      PAGE },
    { "asid, global", false, { { SMMUV3_CMD_TLBI_NH_ASID | ASID(1), 0 } },
      GLOBAL_PAGE },
    { "va", true, { { VA | ASID(1), 0x5001 } }, PAGE },
    { "va, next page", false, { { VA | ASID(1), 0x6001 } }, PAGE },
    { "va, other asid", false, { { VA | ASID(2), 0x5001 } }, PAGE },
    { "va, global", true, { { VA | ASID(2), 0x5001 } },
      GLOBAL_PAGE },
    { "vaa", true, { { VAA, 0x5001 } }, PAGE },
    { "va, table, leaf", false, { { VA | ASID(1), 0x5001 } }, TABLE(0) },
    { "va, table", true, { { VA | ASID(1), 0x5000 } }, TABLE(0) },
    { "va in a block", true, { { VA | ASID(1), 0x1ff001 } },
      LEAF(4K, 2, 0) },
    { "va in a 64K page", true, { { VA | ASID(1), 0xf001 } },
      LEAF(64K, 3, 0) },
    { "range in another granule", false,
      { { VA | ASID(1) | NUM(31), TG(1) | 1 } },
      LEAF(16K, 3, 0x4000) },
    { "range's last page", true,
      { { VA | ASID(1) | NUM(2) | SCALE(1), TG(1) | 1 } }, PAGE },
    { "range's end", false,
      { { VA | ASID(1) | NUM(4), TG(1) | 1 } }, PAGE },
    { "range before", false,
      { { VA | ASID(1) | NUM(4), TG(1) | 0x6001 } }, PAGE },
    { "range into a block", true,
      { { VA | ASID(1) | NUM(1), TG(1) | 0x1ff001 } },
      LEAF(4K, 2, 0x200000) },
    { "range into a table", true,
      { { VA | ASID(1) | NUM(1), TG(1) | 0x1ff000 } },
      TABLE(0x200000) },
    { "range to the top", true,
      { { VA | ASID(1) | NUM(31) | SCALE(63), TG(1) | 0x1001 } },
      LEAF(4K, 3, 0xfffffffffffff000) },
    { "range wraps nowhere", false,
      { { VA | ASID(1) | NUM(31) | SCALE(63), TG(1) | 0x6001 } }, PAGE },
    { "16K range from within a page", true,
      { { VA | ASID(1) | NUM(1), TG(2) | 0x5001 } },
      LEAF(16K, 3, 0x4000) },
    { "level", true, { { VA | ASID(1), TG(1) | TTL(3) | 0x5001 } }, PAGE },
    { "another level", false,
      { { VA | ASID(1), TG(1) | TTL(2) | 0x5001 } }, PAGE },
    { "level, table", true, { { VA | ASID(1), TG(1) | TTL(3) | 0x5000 } },
      TABLE(0) },
    { "level, table below", false,
      { { VA | ASID(1), TG(1) | TTL(2) | 0x5000 } }, TABLE(0) },
    { "level, any address of the block", true,
      { { VA | ASID(1), TG(1) | TTL(2) | 0x5001 } },
      LEAF(4K, 2, 0) },
    { "range, level, not aligned", false,
      { { VA | ASID(1) | NUM(31) | SCALE(5), TG(1) | TTL(2) | 0x5001 } },
      LEAF(4K, 2, 0) },
    { "range, level", true,
      { { VA | ASID(1) | SCALE(10), TG(1) | TTL(2) | 0x200001 } },
      LEAF(4K, 2, 0x400000) },
    { "cd", true, { { SMMUV3_CMD_CFGI_CD | SID3 | SSID(2), 1 } }, CD },
    { "cd, other", false, { { SMMUV3_CMD_CFGI_CD | SID3 | SSID(1), 1 } },
      CD },
    { "cd, other stream", false,
      { { SMMUV3_CMD_CFGI_CD | SSID(2), 1 } }, CD },
    { "l1cd, leaf", false, { { SMMUV3_CMD_CFGI_CD | SID3 | SSID(2), 1 } },
      L1CD },
    { "l1cd", true, { { SMMUV3_CMD_CFGI_CD | SID3 | SSID(2), 0 } },
      L1CD },
    { "cd, by its STE", true, { { SMMUV3_CMD_CFGI_STE | SID3, 1 } }, CD },
    { "l1cd, by its STE", true, { { SMMUV3_CMD_CFGI_STE | SID3, 1 } }, L1CD },
    { "cd, by another STE", false, { { SMMUV3_CMD_CFGI_STE, 0 } }, CD },
    { "cd, by a range of STEs", true,
      { { SMMUV3_CMD_CFGI_STE_RANGE | SMMUV3_PREP(SMMUV3_CMD0_SID, 2), 0 } },
      CD },
    { "cd, by the next range", false,
      { { SMMUV3_CMD_CFGI_STE_RANGE | SMMUV3_PREP(SMMUV3_CMD0_SID, 4), 0 } },
      CD },
    { "l1cd, by all STEs", true,
      { { SMMUV3_CMD_CFGI_STE_RANGE |
          SMMUV3_PREP(SMMUV3_CMD0_SID, 0xffffffff), 31 } }, L1CD },
    { "ste is not tlbi", false, { { SMMUV3_CMD_CFGI_STE_RANGE, 31 } }, PAGE },
    { "ste is not atc", false, { { SMMUV3_CMD_CFGI_STE | SID3, 0 } }, ATC() },
    { "cd all", true, { { SMMUV3_CMD_CFGI_CD_ALL | SID3, 0 } },
      L1CD },
    { "atc", true, { { SMMUV3_CMD_ATC_INV | SID3, 0x5000 } }, ATC() },
    { "atc, next page", false, { { SMMUV3_CMD_ATC_INV | SID3, 0x4000 } },
      ATC() },
    { "atc, aligned span", true, { { SMMUV3_CMD_ATC_INV | SID3, 0x7002 } },
      ATC() },
    { "atc, all", true, { { SMMUV3_CMD_ATC_INV | SID3, 52 } }, ATC() },
    { "atc, other stream", false, { { SMMUV3_CMD_ATC_INV, 52 } }, ATC() },
    { "atc, substream", true,
      { { SMMUV3_CMD_ATC_INV | SID3 | SSV | SSID(1), 0x5000 } },
      ATC(.has_ssid = true, .ssid = 1) },
    { "atc, other substream", false,
      { { SMMUV3_CMD_ATC_INV | SID3 | SSV | SSID(2), 0x5000 } },
      ATC(.has_ssid = true, .ssid = 1, .global = true) },
    { "atc, global", true,
      { { SMMUV3_CMD_ATC_INV | SID3 | SSV | SSID(2) | G, 0x5000 } },
      ATC(.has_ssid = true, .ssid = 1, .global = true) },
    { "atc, no substream", false, { { SMMUV3_CMD_ATC_INV | SID3, 52 } },
      ATC(.has_ssid = true) },
    { "tlbi is not atc", false, { { SMMUV3_CMD_TLBI_NH_ALL, 0 } }, ATC() },
    { "tlbi is not cd", false, { { SMMUV3_CMD_TLBI_NH_ALL, 0 } }, CD },
    { "cd is not tlbi", false, { { SMMUV3_CMD_CFGI_CD_ALL | SID3, 0 } },
      PAGE },
};

static void test_model(gconstpointer data)
{
    const ModelRow *row = data;

    g_assert_cmpint(cache_drops(&row->cmd, guest_idr, &row->e), ==,
                    row->drops);
}

/* Without RIL a range is one address, of any granule. */
static void test_model_no_ril(void)
{
    uint32_t idr[6];
    SMMUv3Cmd cmd = cmd_raw(VA | ASID(1) | NUM(31), TG(1) | TTL(3) | 0x5000);
    CacheEntry in = LEAF(16K, 3, 0x4000);
    CacheEntry out = LEAF(4K, 3, 0x6000);

    memcpy(idr, guest_idr, sizeof(idr));
    idr[3] &= ~(uint32_t)SMMUV3_IDR3_RIL;
    g_assert_true(cache_drops(&cmd, idr, &in));
    g_assert_false(cache_drops(&cmd, idr, &out));
}

static void test_illegal(void)
{
    static const struct { bool illegal; SMMUv3Cmd cmd; } of[] = {
        { true, { { VA, TG(1) } } }, { true, { { VAA, TG(3) | 1 } } },
        { true, { { VA | ASID(3), TG(2) | TTL(1) | 0x1000 } } },
        { true, { { VA | SCALE(32), TG(1) } } },
        { false, { { VA, TG(2) | TTL(2) } } },
        { false, { { VA, TG(1) | TTL(1) } } },
        { false, { { VA | NUM(1), TG(1) } } },
        { false, { { VA | SCALE(1), TG(2) | TTL(1) } } },
        { false, { { VA, 0x1000 } } }, { false, { { VA, TTL(1) } } },
        { false, { { SMMUV3_CMD_TLBI_NH_ALL, TG(1) } } },
    };
    uint32_t idr[6];

    memcpy(idr, guest_idr, sizeof(idr));
    for (unsigned i = 0; i < G_N_ELEMENTS(of); i++) {
        g_assert_cmpint(cache_illegal(&of[i].cmd, idr), ==, of[i].illegal);
    }
    idr[3] &= ~(uint32_t)SMMUV3_IDR3_RIL;
    g_assert_false(cache_illegal(&of[0].cmd, idr));
}

static bool owed(const SMMUv3Cmd *cmds, size_t n, const CacheEntry *from,
                 const CacheEntry *e)
{
    CacheDrops before[CACHE_CLASSES], after[CACHE_CLASSES];

    cache_drops_by_class(cmds, n, guest_idr, from, before);
    cache_drops_by_class(cmds, n, guest_idr, e, after);
    return cache_completion_owed(cmds, before, after);
}

/* 4.7.3: what is behind a CMD_SYNC between two classes, and only that. */
static void test_completion(void)
{
    const SMMUv3Cmd ste = cmd_cfgi_ste(3), sync = cmd_sync(0);
    const SMMUv3Cmd leaves = cmd_raw(VA | ASID(1), 0x5000 | 1);
    const SMMUv3Cmd walks = cmd_raw(SMMUV3_CMD_TLBI_NH_ALL, 0);
    const SMMUv3Cmd none[] = { ste, leaves }, first[] = { sync, ste, leaves };
    const SMMUv3Cmd between[] = { ste, sync, leaves };
    const SMMUv3Cmd earlier[] = { leaves, sync, ste };
    const SMMUv3Cmd other[] = { cmd_cfgi_ste(4), sync, leaves };
    const SMMUv3Cmd two[] = { walks, sync, leaves };
    const SMMUv3Cmd one[] = { walks, sync, walks };
    const CacheEntry cd = CD, page = PAGE, table = TABLE(0x0);

    g_assert_true(owed(between, 3, &cd, &page));
    g_assert_false(owed(none, 2, &cd, &page));
    g_assert_false(owed(first, 3, &cd, &page));
    g_assert_false(owed(earlier, 3, &cd, &page));
    g_assert_false(owed(other, 3, &cd, &page));
    g_assert_true(owed(two, 3, &table, &page));
    g_assert_false(owed(one, 3, &table, &page));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(model_rows); i++) {
        g_autofree char *path = g_strdup_printf("/tlb-model/%s",
                                                model_rows[i].name);

        g_test_add_data_func(path, &model_rows[i], test_model);
    }
    g_test_add_func("/tlb-model/no RIL", test_model_no_ril);
    g_test_add_func("/tlb-model/illegal", test_illegal);
    g_test_add_func("/tlb-model/completion", test_completion);
    return g_test_run();
}
