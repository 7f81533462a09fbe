/*
 * Emulated endpoints that come, go, and get other bus numbers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * In turns with a passed-through one, and behind bridges that leave what was
 * cached below them.
 */
#include "smmuv3-host-edu.h"

#include "hw/pci/pci.h"

/* ---- Plugging ---- */

static void plug_edu(Scene *s, unsigned port)
{
    g_autofree char *bus = g_strdup_printf("rp%u", port);

    qtest_qmp_assert_success(s->qts, "{ 'execute': 'device_add', 'arguments':"
                             " { 'driver': 'edu', 'id': 'edu', 'bus': %s,"
                             " 'dma_mask': %" PRIu64 " } }", bus,
                             UINT64_MAX);
    power_on(s, port);
}

static void set_window(Scene *s, unsigned port)
{
    uint64_t window = EDU_BAR >> 16 | (EDU_BAR >> 16) << 16;

    qtest_writel(s->qts, config_addr(0, PCI_DEVFN(port + 2, 0),
                                     PCI_MEMORY_BASE), window);
    qtest_writew(s->qts, config_addr(0, PCI_DEVFN(port + 2, 0), PCI_COMMAND),
                 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/* The slot's next device is a passed-through one, and again the other way. */
static void test_take_turns(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 2);
    set_window(&s, 0);
    for (unsigned round = 0; round < 2; round++) {
        plug(&s, 0, 0);
        expect_stage2(&s, 0);
        g_assert_cmpuint(s.k->mapped, >=, 128 << 20);
        unplug(&s, 0, 0);
        plug_edu(&s, 0);
        enable_edu(&s, 1, 0);
        fill_buffer(&s);
        enable_queue(&s, LOG2SIZE);
        enable_smmu(&s);
        translate_edu(&s, 1 << 8);
        g_assert_true(lands(&s, IOVA, PAGE_A));
        g_assert_true(lands_nowhere(&s, PAGE_A));
        set_reg(&s, CR0, 0);
        power_off(&s, 0);
    }
    expect_nothing_left(&s);
    scene_done(&s);
}

/* A bus that gets another number: its stream is that of the new one. */
static void test_renumber(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    set_window(&s, 0);
    plug_edu(&s, 0);
    enable_edu(&s, 1, 0);
    fill_buffer(&s);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    translate_edu(&s, 1 << 8);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    set_bus(&s, 0, 5);
    map_page(&s, 0, IOVA, PAGE_B);
    run_with_sync(&s, TLBI_NH_ASID | ASID(ASID_EDU), 0);
    /* All of its old configuration is forgotten with this one. */
    install_edu(&s, 5 << 8, STE_ABORT, 0);
    g_assert_true(lands_nowhere(&s, IOVA));
    install_edu(&s, 5 << 8, s1_dw0(CONTEXT), S1_DW1);
    g_assert_true(lands(&s, IOVA, PAGE_B));
    scene_done(&s);
}

/* ---- A bridge that goes, and leaves what was cached below it ---- */

#define BRIDGE_BUS      2
#define BEHIND_SID      (BRIDGE_BUS << 8)       /* all that is behind it */

/* rp0, bus 1; a conventional bridge in it, bus 2; edu in its slot 1 */
#define BRIDGE          "-device pcie-root-port,id=rp0,chassis=1,bus=pcie.0," \
                        "addr=2 -device pcie-pci-bridge,id=br,bus=rp0 " \
                        EDU_ARGS "bus=br,addr=1 "

static void number_bridges(Scene *s)
{
    set_window(s, 0);
    qtest_writeb(s->qts, config_addr(0, PCI_DEVFN(2, 0), PCI_SECONDARY_BUS),
                 1);
    qtest_writeb(s->qts, config_addr(0, PCI_DEVFN(2, 0),
                                     PCI_SUBORDINATE_BUS), BRIDGE_BUS);
    qtest_writeb(s->qts, config_addr(1, 0, PCI_SECONDARY_BUS), BRIDGE_BUS);
    qtest_writeb(s->qts, config_addr(1, 0, PCI_SUBORDINATE_BUS), BRIDGE_BUS);
    qtest_writel(s->qts, config_addr(1, 0, PCI_MEMORY_BASE),
                 EDU_BAR >> 16 | (EDU_BAR >> 16) << 16);
    qtest_writew(s->qts, config_addr(1, 0, PCI_COMMAND),
                 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/* What names the SMMU, and where its registers are */
typedef struct Kind {
    const char *machine;
    bool accel;
} Kind;

static const Kind accelerated = { MACHINE SMMU, true };
static const Kind machine_wide = {
    "-M virt,gic-version=2,highmem-ecam=off,iommu=smmuv3 -m 128 -nodefaults ",
};

/* edu's DMA behind the bridge goes through. */
static void start_bridge(Scene *s, const Kind *kind)
{
    /* Freed memory is filled, so that whoever looks there is seen. */
    g_setenv("MALLOC_PERTURB_", "165", true);
    scene_start_bare(s, "%s" BRIDGE, kind->machine);
    g_unsetenv("MALLOC_PERTURB_");
    s->smmu = kind->accel ? SMMU_ADDR : MACHINE_SMMU_ADDR;
    number_bridges(s);
    enable_edu(s, BRIDGE_BUS, 1 << 3);
    fill_buffer(s);
    enable_queue(s, LOG2SIZE);
    enable_smmu(s);
    translate_edu(s, BEHIND_SID);
    g_assert_true(lands(s, IOVA, PAGE_A));
}

/* Then its slot, bridge and bus are gone. */
static void lose_bridge(Scene *s, const Kind *kind)
{
    start_bridge(s, kind);
    switch_off(s, 0);
    qtest_qmp_eventwait(s->qts, "DEVICE_DELETED");
    qtest_qmp_eventwait(s->qts, "DEVICE_DELETED");
}

static void test_bridge_gone(const void *opaque)
{
    const Kind *kind = opaque;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    lose_bridge(&s, kind);
    run_with_sync(&s, CFGI_CD | SID(0x123), LEAF);
    run_with_sync(&s, CFGI_STE | SID(BEHIND_SID), LEAF);
    run_with_sync(&s, CFGI_STE_RANGE | SID(BEHIND_SID), 7);
    run_with_sync(&s, CFGI_STE_RANGE, 31);
    disable_smmu(&s);
    enable_smmu(&s);
    scene_done(&s);
}

/* Stage 2 with tables of AArch32, which no SMMU of QEMU has (5.2, S2AA64) */
static void test_stage2_aarch32(const void *opaque)
{
    static const unsigned configs[] = { 6, 7 };
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    start_bridge(&s, opaque);
    enable_events(&s, 3);
    for (unsigned i = 0; i < G_N_ELEMENTS(configs); i++) {
        install_edu(&s, BEHIND_SID, 1 | configs[i] << 1, 0);
        g_assert_true(lands_nowhere(&s, IOVA));
        expect_event_of(&s, i, C_BAD_STE, BEHIND_SID);
    }
    scene_done(&s);
}

void add_emulated_plug_tests(void)
{
    qtest_add_func("smmuv3-host/emulated/take-turns", test_take_turns);
    qtest_add_func("smmuv3-host/emulated/renumber", test_renumber);
    qtest_add_data_func("smmuv3-host/emulated/bridge-gone/accel",
                        &accelerated, test_bridge_gone);
    qtest_add_data_func("smmuv3-host/emulated/bridge-gone/machine-wide",
                        &machine_wide, test_bridge_gone);
    qtest_add_data_func("smmuv3-host/emulated/aarch32/accel", &accelerated,
                        test_stage2_aarch32);
    qtest_add_data_func("smmuv3-host/emulated/aarch32/machine-wide",
                        &machine_wide, test_stage2_aarch32);
}
