/*
 * Ports that the guest has put to sleep wake when something is plugged.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What Linux' pciehp, PME service and PCI core write, without them.
 */
#include "smmuv3-nested-scene.h"

#include "hw/pci/pci.h"

#define D3HOT   3
#define PME_MSG (PCI_EXP_RTSTA_PME)
/* pcie.0's wired interrupts: SPI 3 to 6, by slot and pin */
#define INTX(slot)  (32 + 3 + (slot) % 4)

/* A function, and where its capabilities are. */
typedef struct Port {
    unsigned bus, devfn;
    uint8_t pm, exp;            /* 0: none */
} Port;

static uint8_t find_cap(Scene *s, const Port *p, uint8_t id)
{
    uint8_t at = qtest_readb(s->qts, config_addr(p->bus, p->devfn,
                                                 PCI_CAPABILITY_LIST));

    while (at && qtest_readb(s->qts, config_addr(p->bus, p->devfn, at)) != id) {
        at = qtest_readb(s->qts, config_addr(p->bus, p->devfn,
                                             at + PCI_CAP_LIST_NEXT));
    }
    return at;
}

static Port port_at(Scene *s, unsigned bus, unsigned devfn)
{
    Port p = { .bus = bus, .devfn = devfn };

    p.pm = find_cap(s, &p, PCI_CAP_ID_PM);
    p.exp = find_cap(s, &p, PCI_CAP_ID_EXP);
    g_assert_cmpuint(p.exp, !=, 0);
    return p;
}

static uint64_t pmcsr_of(const Port *p)
{
    return config_addr(p->bus, p->devfn, p->pm + PCI_PM_CTRL);
}

static uint64_t exp_reg(const Port *p, unsigned offset)
{
    return config_addr(p->bus, p->devfn, p->exp + offset);
}

/* pciehp_runtime_suspend(), then pci_set_power_state() */
static void put_to_sleep(Scene *s, const Port *p, uint16_t more)
{
    qtest_writew(s->qts, exp_reg(p, PCI_EXP_SLTCTL),
                 PCI_EXP_SLTCTL_PWR_IND_ON | PCI_EXP_SLTCTL_PWR_ON |
                 PCI_EXP_SLTCTL_PDCE | PCI_EXP_SLTCTL_ABPE);
    qtest_writew(s->qts, exp_reg(p, PCI_EXP_SLTSTA), 0x1f);
    qtest_writew(s->qts, pmcsr_of(p), PCI_PM_CTRL_PME_STATUS | D3HOT | more);
}

static void enable_pme_interrupt(Scene *s, const Port *root)
{
    qtest_writew(s->qts, exp_reg(root, PCI_EXP_RTCTL), PCI_EXP_RTCTL_PMEIE);
}

/* pcie_pme_work_fn(), and pci_check_pme_status() */
static void take_pme(Scene *s, const Port *root, const Port *p)
{
    qtest_writel(s->qts, exp_reg(root, PCI_EXP_RTSTA), PCI_EXP_RTSTA_PME);
    qtest_writew(s->qts, pmcsr_of(p), PCI_PM_CTRL_PME_STATUS);
}

static uint32_t root_status(Scene *s, const Port *root)
{
    return qtest_readl(s->qts, exp_reg(root, PCI_EXP_RTSTA));
}

static void expect_pme(Scene *s, const Port *root, const Port *p)
{
    g_assert_cmphex(root_status(s, root), ==,
                    PME_MSG | PCI_BUILD_BDF(p->bus, p->devfn));
    g_assert_cmphex(qtest_readw(s->qts, pmcsr_of(p)) & PCI_PM_CTRL_PME_STATUS,
                    !=, 0);
    g_assert_true(is_pending(s, INTX(root->devfn >> 3)));
}

static void expect_no_pme(Scene *s, const Port *root)
{
    g_assert_cmphex(root_status(s, root), ==, 0);
}

static void test_wakes(void)
{
    Scene s;
    Port p;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 2);
    watch_interrupts(&s);
    p = port_at(&s, 0, PCI_DEVFN(2, 0));
    g_assert_cmpuint(p.pm, !=, 0);
    enable_pme_interrupt(&s, &p);
    put_to_sleep(&s, &p, PCI_PM_CTRL_PME_ENABLE);
    expect_no_pme(&s, &p);
    plug(&s, 0, 0);
    expect_pme(&s, &p, &p);
    take_pme(&s, &p, &p);
    expect_no_pme(&s, &p);
    g_assert_cmphex(qtest_readw(s.qts, pmcsr_of(&p)), ==,
                    PCI_PM_CTRL_NO_SOFT_RESET);
    /* Awake, it tells of what is plugged by its own interrupt alone. */
    unplug(&s, 0, 0);
    power_on(&s, 0);
    plug(&s, 0, 0);
    expect_no_pme(&s, &p);
    scene_done(&s);
}

/* Nobody is told whom the guest has not asked to be. */
static void test_not_enabled(void)
{
    Scene s;
    Port p;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    p = port_at(&s, 0, PCI_DEVFN(2, 0));
    enable_pme_interrupt(&s, &p);
    put_to_sleep(&s, &p, 0);
    plug(&s, 0, 0);
    expect_no_pme(&s, &p);
    g_assert_cmphex(qtest_readw(s.qts, pmcsr_of(&p)) & PCI_PM_CTRL_PME_STATUS,
                    !=, 0);
    scene_done(&s);
}

/* The interrupt comes when it is enabled, if the message was there before. */
static void test_interrupt_later(void)
{
    Scene s;
    Port p;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    watch_interrupts(&s);
    p = port_at(&s, 0, PCI_DEVFN(2, 0));
    put_to_sleep(&s, &p, PCI_PM_CTRL_PME_ENABLE);
    plug(&s, 0, 0);
    g_assert_false(is_pending(&s, INTX(2)));
    enable_pme_interrupt(&s, &p);
    expect_pme(&s, &p, &p);
    scene_done(&s);
}

static void test_reset(void)
{
    Scene s;
    Port p;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    p = port_at(&s, 0, PCI_DEVFN(2, 0));
    enable_pme_interrupt(&s, &p);
    put_to_sleep(&s, &p, PCI_PM_CTRL_PME_ENABLE);
    plug(&s, 0, 0);
    qtest_system_reset(s.qts);
    expect_no_pme(&s, &p);
    g_assert_cmphex(qtest_readw(s.qts, pmcsr_of(&p)), ==,
                    PCI_PM_CTRL_NO_SOFT_RESET);
    scene_done(&s);
}

/* Below a switch the message goes to the root port, with the slot's own id. */
static void test_switch(void)
{
    g_autofree char *error = NULL;
    Port root, down;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start(&s, "-device pcie-root-port,id=rp0,chassis=1,bus=pcie.0,addr=2"
                " -device x3130-upstream,id=up,bus=rp0"
                " -device xio3130-downstream,id=down,bus=up,chassis=9");
    watch_interrupts(&s);
    qtest_writeb(s.qts, config_addr(0, PCI_DEVFN(2, 0), PCI_SECONDARY_BUS), 1);
    qtest_writeb(s.qts, config_addr(0, PCI_DEVFN(2, 0), PCI_SUBORDINATE_BUS),
                 3);
    qtest_writeb(s.qts, config_addr(1, 0, PCI_SECONDARY_BUS), 2);
    qtest_writeb(s.qts, config_addr(1, 0, PCI_SUBORDINATE_BUS), 3);
    qtest_writeb(s.qts, config_addr(2, 0, PCI_SECONDARY_BUS), 3);
    qtest_writeb(s.qts, config_addr(2, 0, PCI_SUBORDINATE_BUS), 3);
    root = port_at(&s, 0, PCI_DEVFN(2, 0));
    down = port_at(&s, 2, 0);
    enable_pme_interrupt(&s, &root);
    put_to_sleep(&s, &down, PCI_PM_CTRL_PME_ENABLE);
    error = try_plug(&s, 0, "down");
    g_assert_cmpstr(error, ==, NULL);
    expect_pme(&s, &root, &down);
    take_pme(&s, &root, &down);
    expect_no_pme(&s, &root);
    scene_done(&s);
}

/* A port that is plugged later wakes as well, and may leave. */
static void test_plugged_port(void)
{
    Port root, p;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    root = port_at(&s, 0, PCI_DEVFN(2, 0));
    g_assert_cmpuint(root.pm, !=, 0);
    qtest_qmp_assert_success(s.qts, "{ 'execute': 'device_add', 'arguments':"
                             " { 'driver': 'pcie-root-port', 'id': 'late',"
                             " 'bus': 'rp0', 'chassis': 7 } }");
    p = port_at(&s, 1, 0);
    g_assert_cmpuint(p.pm, !=, 0);
    power_off(&s, 0);
    qtest_system_reset(s.qts);
    scene_done(&s);
}

/* Machines as they were released have ports as they were. */
static void test_released(void)
{
    Scene s;
    Port p;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_bare(&s, "%s", MACHINE "-device pcie-root-port,id=rp0,"
                     "chassis=1,bus=pcie.0,addr=2");
    p = port_at(&s, 0, PCI_DEVFN(2, 0));
    g_assert_cmpuint(p.pm, ==, 0);
    qtest_writew(s.qts, exp_reg(&p, PCI_EXP_RTCTL), PCI_EXP_RTCTL_PMEIE);
    g_assert_cmphex(qtest_readw(s.qts, exp_reg(&p, PCI_EXP_RTCTL)), ==, 0);
    scene_done(&s);
}

void add_ports_tests(void)
{
    qtest_add_func("smmuv3-nested/ports/wake", test_wakes);
    qtest_add_func("smmuv3-nested/ports/not-enabled", test_not_enabled);
    qtest_add_func("smmuv3-nested/ports/interrupt-later",
                   test_interrupt_later);
    qtest_add_func("smmuv3-nested/ports/reset", test_reset);
    qtest_add_func("smmuv3-nested/ports/switch", test_switch);
    qtest_add_func("smmuv3-nested/ports/plugged", test_plugged_port);
    qtest_add_func("smmuv3-nested/ports/released", test_released);
}
