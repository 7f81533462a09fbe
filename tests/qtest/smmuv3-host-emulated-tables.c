/*
 * Tables of an emulated endpoint: their forms, and where they may be.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two levels, substreams, and tables and queues in registers and in BARs, which
 * the SMMU does not read.
 */
#include "smmuv3-host-edu.h"

#include "hw/pci/pci.h"

/* Two levels, and back: in either the table is where it says. */
static void test_two_levels(void)
{
    const uint64_t l1 = STRTAB + (64 << STRTAB_LOG2SIZE);
    Scene s;

    if (!start_edu(&s, 1)) {
        return;
    }
    disable_smmu(&s);
    qtest_memset(s.qts, l1, 0, 0x1000);
    put_word(&s, l1 + 8 * (EDU_SID >> 8), STRTAB | 9);
    set_reg64(&s, STRTAB_BASE, l1);
    set_reg(&s, STRTAB_BASE_CFG, 1 << 16 | 8 << 6 | STRTAB_LOG2SIZE);
    enable_smmu(&s);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    disable_smmu(&s);
    set_reg64(&s, STRTAB_BASE, STRTAB);
    set_reg(&s, STRTAB_BASE_CFG, STRTAB_LOG2SIZE);
    enable_smmu(&s);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    scene_done(&s);
}

/* CD 0 of eight, or none, is what serves who has no substreams (5.2, S1DSS). */
static void test_substreams(void)
{
    uint64_t dw0 = s1_dw0(CONTEXT) | STE_S1CDMAX(3);
    Scene s;

    if (!start_edu(&s, 1)) {
        return;
    }
    enable_events(&s, 3);
    install_edu(&s, EDU_SID, dw0, S1_DW1 | 2);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    install_edu(&s, EDU_SID, dw0, S1_DW1 | 1);
    g_assert_true(lands(&s, PAGE_B, PAGE_B));
    g_assert_cmpuint(edu_events(&s), ==, 0);
    install_edu(&s, EDU_SID, dw0, S1_DW1 | 3);      /* behaves as 0 */
    g_assert_true(lands_nowhere(&s, IOVA));
    expect_event(&s, 0, F_STREAM_DISABLED);
    scene_done(&s);
}

#define L1_TABLE (STRTAB + 0x80000)
#define L2_TABLE (STRTAB + 0x90000)

/* The endpoint's STE is the 17th of its level 2 table: SPLIT is 6. */
static void use_two_levels(Scene *s, unsigned span, uint32_t cr2)
{
    uint64_t ste[2] = { s1_dw0(CONTEXT), S1_DW1 };

    disable_smmu(s);
    set_reg(s, CR2, cr2);
    set_reg64(s, STRTAB_BASE, L1_TABLE);
    set_reg(s, STRTAB_BASE_CFG, 8 | 6 << 6 | 1 << 16);
    put_word(s, L1_TABLE + 8 * (EDU_SID >> 6), L2_TABLE | span);
    qtest_memwrite(s->qts, L2_TABLE + 64 * (EDU_SID & 63), ste, sizeof(ste));
    enable_smmu(s);
}

/* 2^(Span-1) STEs, and C_BAD_STREAMID for who asks for it. */
static void test_level_2_bounds(void)
{
    Scene s;

    if (!start_edu(&s, 0)) {
        return;
    }
    enable_events(&s, 3);
    use_two_levels(&s, 6, 0);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    use_two_levels(&s, 5, 0);
    g_assert_true(lands_nowhere(&s, IOVA));
    use_two_levels(&s, 8, 0);
    g_assert_true(lands_nowhere(&s, IOVA));
    g_assert_cmpuint(edu_events(&s), ==, 0);
    use_two_levels(&s, 5, CR2_RECINVSID);
    g_assert_true(lands_nowhere(&s, IOVA));
    expect_event(&s, 0, C_BAD_STREAMID);
    scene_done(&s);
}

/* A table in a device's registers is none: they are not looked at. */
static void test_tables_in_registers(void)
{
    Scene s;

    if (!start_edu(&s, 0)) {
        return;
    }
    disable_smmu(&s);
    set_reg64(&s, STRTAB_BASE, SMMU_ADDR);
    enable_smmu(&s);
    enable_events(&s, 3);
    g_assert_true(lands_nowhere(&s, IOVA));
    expect_event(&s, 0, F_STE_FETCH);
    disable_smmu(&s);
    set_reg64(&s, STRTAB_BASE, STRTAB);
    enable_smmu(&s);
    put_word(&s, CONTEXTS + 64 * CONTEXT + 8, SMMU_ADDR);
    run_with_sync(&s, CFGI_CD | SID(EDU_SID), LEAF);
    run_with_sync(&s, TLBI_NH_ALL, 0);
    g_assert_true(lands_nowhere(&s, IOVA));
    expect_event(&s, 1, F_WALK_EABT);
    scene_done(&s);
}

/* ---- Queues and tables in the BAR of a passed-through device ---- */

/*
 * QEMU calls the BAR RAM, and takes the BQL to reach it. So it is no place for
 * what an SMMU reads on its own, whoever holds the BQL.
 */
#define VFIO_BAR        0x10000000

static void map_vfio_bar(Scene *s)
{
    uint64_t bar = config_addr(0, 2 << 3, PCI_BASE_ADDRESS_2);

    qtest_writel(s->qts, bar, VFIO_BAR);
    qtest_writew(s->qts, config_addr(0, 2 << 3, PCI_COMMAND),
                 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    qtest_writeq(s->qts, VFIO_BAR, 0x5a5a);
    g_assert_cmphex(qtest_readq(s->qts, VFIO_BAR), ==, 0x5a5a);
}

static void test_queue_in_bar(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_devices(&s, 1);
    map_vfio_bar(&s);
    enable_queue(&s, LOG2SIZE);
    set_reg(&s, CR0, 0);
    s.ring = VFIO_BAR;
    set_reg64(&s, CMDQ_BASE, s.ring | 4);
    set_reg(&s, CR0, CR0_CMDQEN);
    s.log2size = 4;
    put(&s, TLBI_NH_ALL, 0);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_stopped(&s, 0, CERROR_ABT);
    scene_done(&s);
}

static void test_tables_in_bar(void)
{
    static const uint64_t words[] = { STE_BYPASS, 0 };
    Scene s;

    if (!start_edu(&s, 1)) {
        return;
    }
    map_vfio_bar(&s);
    enable_events(&s, 3);
    /* A stream table that would let everything through */
    disable_smmu(&s);
    for (unsigned sid = 0; sid < 0x100; sid++) {
        qtest_memwrite(s.qts, VFIO_BAR + 64 * sid, words, sizeof(words));
    }
    set_reg64(&s, STRTAB_BASE, VFIO_BAR);
    set_reg(&s, STRTAB_BASE_CFG, 8);
    enable_smmu(&s);
    g_assert_true(lands_nowhere(&s, PAGE_A));
    expect_event(&s, 0, F_STE_FETCH);
    disable_smmu(&s);
    set_reg64(&s, STRTAB_BASE, STRTAB);
    set_reg(&s, STRTAB_BASE_CFG, STRTAB_LOG2SIZE);
    enable_smmu(&s);
    /* A first level of tables that leads to those in RAM */
    qtest_memset(s.qts, VFIO_BAR, 0, 0x1000);
    put_word(&s, VFIO_BAR + 8 * extract64(IOVA, 30, 9),
             (edu_tables(0) + 0x1000) | PTE_TABLE);
    put_word(&s, CONTEXTS + 64 * CONTEXT + 8, VFIO_BAR);
    run_with_sync(&s, CFGI_CD | SID(EDU_SID), LEAF);
    run_with_sync(&s, TLBI_NH_ALL, 0);
    g_assert_true(lands_nowhere(&s, IOVA));
    expect_event(&s, 1, F_WALK_EABT);
    /* A CD, the same as the one in RAM */
    put_word(&s, CONTEXTS + 64 * CONTEXT + 8, edu_tables(0));
    for (unsigned i = 0; i < 64; i += 8) {
        put_word(&s, VFIO_BAR + i,
                 qtest_readq(s.qts, CONTEXTS + 64 * CONTEXT + i));
    }
    install_edu(&s, EDU_SID, STE_S1 | VFIO_BAR, S1_DW1);
    g_assert_true(lands_nowhere(&s, IOVA));
    expect_event(&s, 2, F_CD_FETCH);
    scene_done(&s);
}

/* A table of 2^63 entries begins at 0, whatever its base says. */
static void test_largest_table(void)
{
    Scene s;

    if (!start_edu_off(&s)) {
        return;
    }
    disable_smmu(&s);
    set_reg(&s, STRTAB_BASE_CFG, 63);
    enable_smmu(&s);
    run_with_sync(&s, CFGI_STE_RANGE, 31);
    g_assert_true(lands_nowhere(&s, IOVA));
    disable_smmu(&s);
    set_reg(&s, STRTAB_BASE_CFG, STRTAB_LOG2SIZE);
    enable_smmu(&s);
    run_with_sync(&s, CFGI_STE_RANGE, 31);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    scene_done(&s);
}

void add_emulated_tables_tests(void)
{
    qtest_add_func("smmuv3-host/emulated/two-levels", test_two_levels);
    qtest_add_func("smmuv3-host/emulated/substreams", test_substreams);
    qtest_add_func("smmuv3-host/emulated/level-2-bounds",
                   test_level_2_bounds);
    qtest_add_func("smmuv3-host/emulated/tables-in-registers",
                   test_tables_in_registers);
    qtest_add_func("smmuv3-host/emulated/queue-in-bar", test_queue_in_bar);
    qtest_add_func("smmuv3-host/emulated/tables-in-bar",
                   test_tables_in_bar);
    qtest_add_func("smmuv3-host/emulated/off/largest-table",
                   test_largest_table);
}
