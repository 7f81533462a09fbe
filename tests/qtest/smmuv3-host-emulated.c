/*
 * Emulated endpoints behind an accelerated SMMU, beside a passed-through one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What they translate, what makes a page that moved be seen where it is, and
 * their MSIs; -tables.c has tables of other forms and in other places,
 * -events.c what the guest is told, -plug.c plugging and bridges.
 */
#include "smmuv3-host-edu.h"

#include "hw/pci/pci.h"

static void test_translates(void)
{
    Scene s;

    if (!start_edu(&s, 1)) {
        return;
    }
    map_page(&s, 0, IOVA + 0x1000, PAGE_B);
    g_assert_true(lands(&s, IOVA + 0x1000, PAGE_B));
    g_assert_true(lands_nowhere(&s, IOVA + 0x2000));
    g_assert_true(lands_nowhere(&s, PAGE_A));
    /* Nothing of that is the host's, or the other device's. */
    g_assert_cmpuint(s.k->calls[FK_CALLS], ==, 0);
    expect_translating(&s, 0, 0);
    scene_done(&s);
}

/* No host, no vIOMMU, and all the same. */
static void test_alone(void)
{
    Scene s;

    if (!start_edu(&s, 0)) {
        return;
    }
    map_page(&s, 0, IOVA, PAGE_B);
    run_with_sync(&s, TLBI_NH_VA | ASID(ASID_EDU), IOVA | LEAF);
    g_assert_true(lands(&s, IOVA, PAGE_B));
    g_assert_cmpuint(s.k->calls[FK_CALLS], ==, 0);
    scene_done(&s);
}

/* Read-only pages stay as they are. */
static void test_permission(void)
{
    Scene s;

    if (!start_edu(&s, 1)) {
        return;
    }
    map_page(&s, 0, IOVA + 0x1000, PAGE_B | BIT_ULL(7));
    g_assert_true(lands_nowhere(&s, IOVA + 0x1000));
    scene_done(&s);
}

/* What makes a page that moved be seen where it is */
typedef struct Invalidation {
    const char *name;
    uint64_t dw0, dw1;
    const char *more;           /* arguments */
} Invalidation;

static const Invalidation invalidations[] = {
    { "va", TLBI_NH_VA | ASID(ASID_EDU), IOVA | LEAF },
    { "va-not-leaf", TLBI_NH_VA | ASID(ASID_EDU), IOVA },
    { "va-ttl", TLBI_NH_VA | ASID(ASID_EDU), IOVA | TG_4K | 3 << 8 },
    { "vaa", TLBI_NH_VAA, IOVA | LEAF },
    { "range", TLBI_NH_VA | ASID(ASID_EDU) | NUM(7),
      (IOVA - 0x3000) | TG_4K | LEAF },
    { "range-scaled", TLBI_NH_VAA | NUM(1) | SCALE(9),
      (IOVA & ~0x1fffffull) | TG_4K | LEAF },
    { "range-of-64k", TLBI_NH_VA | ASID(ASID_EDU) | NUM(1),
      (IOVA & ~0xffffull) | TG_64K },
    /* Whatever is reserved or odd is more, not less. */
    { "range-unaligned", TLBI_NH_VA | ASID(ASID_EDU) | NUM(1),
      (IOVA & ~0x1fffull) | TG_64K },
    { "range-reserved", TLBI_NH_VA | ASID(ASID_EDU) | NUM(1) | SCALE(32),
      0x1000 | TG_4K },
    { "range-to-the-end", TLBI_NH_VA | ASID(ASID_EDU) | NUM(31) | SCALE(31),
      TG_64K },
    { "no-ril", TLBI_NH_VA | ASID(ASID_EDU) | NUM(3) | SCALE(3),
      IOVA | TG_64K | 3 << 8, "-global arm-smmuv3.ril=off" },
    { "asid", TLBI_NH_ASID | ASID(ASID_EDU), 0 },
    { "nh-all", TLBI_NH_ALL, 0 },
    { "nsnh-all", TLBI_NSNH_ALL, 0 },
};

static void test_invalidate(const void *opaque)
{
    const Invalidation *c = opaque;
    Scene s;

    if (!start_with_edu(&s, c->more ?: "", 1)) {
        return;
    }
    map_page(&s, 0, IOVA, PAGE_B);
    /* What proves nothing without a cache */
    g_assert_true(lands(&s, IOVA, PAGE_A));
    run_with_sync(&s, TLBI_NH_ASID | ASID(ASID_EDU + 1), 0);
    run_with_sync(&s, TLBI_NH_VA | ASID(ASID_EDU), 0x1000);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    scene_forget(&s);
    run_with_sync(&s, c->dw0, c->dw1);
    g_assert_true(lands(&s, IOVA, PAGE_B));
    /* And the host had it as well, with one call. */
    g_assert_cmpuint(s.k->calls[FK_INVALIDATE], ==, 1);
    scene_done(&s);
}

/* A queue full of ranges, the last of which counts */
static void test_long_window(void)
{
    unsigned n = (1 << LOG2SIZE) - 1;
    Scene s;

    if (!start_edu(&s, 1)) {
        return;
    }
    map_page(&s, 0, IOVA, PAGE_B);
    for (unsigned i = 0; i + 1 < n; i++) {
        put(&s, TLBI_NH_VA | ASID(1) | NUM(2), nth_va(i) | TG_4K);
    }
    run_with_sync(&s, TLBI_NH_VA | ASID(ASID_EDU), IOVA);
    g_assert_true(lands(&s, IOVA, PAGE_B));
    scene_done(&s);
}

/* Behind a command that stops the queue nothing has happened. */
static void test_illegal_before(void)
{
    uint32_t at;
    Scene s;

    if (!start_edu(&s, 1)) {
        return;
    }
    map_page(&s, 0, IOVA, PAGE_B);
    at = s.prod;
    put(&s, 0xff, 0);
    put(&s, TLBI_NH_VA | ASID(ASID_EDU), IOVA);
    ring_bell(&s);
    expect_stopped(&s, at, CERROR_ILL);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    put_at(&s, at, CMD_SYNC, 0);
    acknowledge(&s);
    expect_drained(&s);
    g_assert_true(lands(&s, IOVA, PAGE_B));
    scene_done(&s);
}

/* Configuration: by which command, for which stream */
typedef struct Configuration {
    const char *name;
    uint64_t dw0, dw1;
    bool other_cd;              /* another CD there; or else an aborting STE */
} Configuration;

static const Configuration configurations[] = {
    { "ste", CFGI_STE | SID(EDU_SID), LEAF },
    { "ste-range", CFGI_STE_RANGE | SID(EDU_SID + 3), 2 },
    { "ste-all", CFGI_STE_RANGE, 31 },
    { "cd", CFGI_CD | SID(EDU_SID), LEAF, true },
    { "cd-all", CFGI_CD_ALL | SID(EDU_SID), 0, true },
};

static void test_configuration(const void *opaque)
{
    const Configuration *c = opaque;
    Scene s;

    if (!start_edu(&s, 1)) {
        return;
    }
    if (c->other_cd) {
        map_page(&s, 1, IOVA, PAGE_B);
        put_cd(&s, CONTEXT, 1, ASID_EDU + 1);
    } else {
        put_ste(&s, EDU_SID, STE_ABORT, 0);
    }
    g_assert_true(lands(&s, IOVA, PAGE_A));
    run_with_sync(&s, CFGI_STE | SID(EDU_SID + 1), LEAF);
    run_with_sync(&s, CFGI_STE_RANGE | SID(EDU_SID + 8), 1);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    run_with_sync(&s, c->dw0, c->dw1);
    g_assert_true(c->other_cd ? lands(&s, IOVA, PAGE_B)
                              : lands_nowhere(&s, IOVA));
    expect_translating(&s, 0, 0);
    scene_done(&s);
}

static void test_stes(void)
{
    Scene s;

    if (!start_edu(&s, 1)) {
        return;
    }
    install_edu(&s, EDU_SID, STE_BYPASS, 0);
    g_assert_true(lands(&s, PAGE_B, PAGE_B));
    install_edu(&s, EDU_SID, 0, 0);
    g_assert_true(lands_nowhere(&s, IOVA));
    g_assert_true(lands_nowhere(&s, PAGE_B));
    install_edu(&s, EDU_SID, STE_V | 6 << 1, 0);    /* stage 2 */
    g_assert_true(lands_nowhere(&s, IOVA));
    install_edu(&s, EDU_SID, s1_dw0(CONTEXT), S1_DW1);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    scene_done(&s);
}

/* The registers that decide over streams decide over this one, too. */
static void test_registers(void)
{
    Scene s;

    if (!start_edu(&s, 1)) {
        return;
    }
    disable_smmu(&s);
    g_assert_true(lands(&s, PAGE_B, PAGE_B));
    set_gbpa(&s, GBPA_ABORT);
    g_assert_true(lands_nowhere(&s, PAGE_B));
    enable_smmu(&s);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    disable_smmu(&s);
    set_gbpa(&s, 0);
    g_assert_true(lands(&s, PAGE_B, PAGE_B));
    enable_smmu(&s);
    g_assert_true(lands_nowhere(&s, PAGE_B));
    g_assert_true(lands(&s, IOVA, PAGE_A));
    scene_done(&s);
}

static void test_reset(void)
{
    Scene s;

    if (!start_edu(&s, 1)) {
        return;
    }
    qtest_system_reset(s.qts);
    enable_edu(&s, 0, EDU_SLOT << 3);
    g_assert_true(lands(&s, PAGE_B, PAGE_B));
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    map_page(&s, 0, IOVA, PAGE_B);
    install_edu(&s, EDU_SID, s1_dw0(CONTEXT), S1_DW1);
    g_assert_true(lands(&s, IOVA, PAGE_B));
    scene_done(&s);
}

/* Its MSI reaches the doorbell whatever address the guest gave it. */
static void test_msi(void)
{
    uint64_t cap = config_addr(0, EDU_SLOT << 3, 0);
    unsigned irq = 80;          /* GICv2m's first */
    Scene s;

    if (!start_edu(&s, 1)) {
        return;
    }
    watch_interrupts(&s);
    cap += qtest_readb(s.qts, cap + PCI_CAPABILITY_LIST);
    g_assert_cmphex(qtest_readb(s.qts, cap), ==, PCI_CAP_ID_MSI);
    qtest_writel(s.qts, cap + PCI_MSI_ADDRESS_LO, 0xdead0000);
    qtest_writew(s.qts, cap + PCI_MSI_DATA_64, irq);
    qtest_writew(s.qts, cap + PCI_MSI_FLAGS, PCI_MSI_FLAGS_ENABLE);
    g_assert_false(is_pending(&s, irq));
    qtest_writel(s.qts, EDU_BAR + EDU_RAISE, 1);
    g_assert_true(is_pending(&s, irq));
    scene_done(&s);
}

void add_emulated_tests(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(invalidations); i++) {
        g_autofree char *path = g_strdup_printf(
            "smmuv3-host/emulated/invalidate/%s", invalidations[i].name);

        qtest_add_data_func(path, &invalidations[i], test_invalidate);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(configurations); i++) {
        g_autofree char *path = g_strdup_printf(
            "smmuv3-host/emulated/configuration/%s", configurations[i].name);

        qtest_add_data_func(path, &configurations[i], test_configuration);
    }
    qtest_add_func("smmuv3-host/emulated/translates", test_translates);
    qtest_add_func("smmuv3-host/emulated/alone", test_alone);
    qtest_add_func("smmuv3-host/emulated/permission", test_permission);
    qtest_add_func("smmuv3-host/emulated/long-window", test_long_window);
    qtest_add_func("smmuv3-host/emulated/illegal-before",
                   test_illegal_before);
    qtest_add_func("smmuv3-host/emulated/stes", test_stes);
    qtest_add_func("smmuv3-host/emulated/registers", test_registers);
    qtest_add_func("smmuv3-host/emulated/reset", test_reset);
    qtest_add_func("smmuv3-host/emulated/msi", test_msi);
    add_emulated_tables_tests();
    add_emulated_events_tests();
    add_emulated_plug_tests();
}
