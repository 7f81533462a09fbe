/*
 * Ports that the guest has put to sleep wake when something is plugged.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What Linux' pciehp, PME service and PCI core write, without them.
 */
#include "smmuv3-host-scene.h"

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
    uint8_t at;

    /* Nothing that answers all ones has a list that ends. */
    g_assert_cmphex(qtest_readw(s->qts, config_addr(p->bus, p->devfn,
                                                    PCI_VENDOR_ID)), !=, 0xffff);
    at = qtest_readb(s->qts, config_addr(p->bus, p->devfn,
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

/* pciehp_runtime_suspend() */
static void mask_interrupt(Scene *s, const Port *p)
{
    qtest_writew(s->qts, exp_reg(p, PCI_EXP_SLTCTL),
                 PCI_EXP_SLTCTL_PWR_IND_ON | PCI_EXP_SLTCTL_PWR_ON |
                 PCI_EXP_SLTCTL_PDCE | PCI_EXP_SLTCTL_ABPE);
    qtest_writew(s->qts, exp_reg(p, PCI_EXP_SLTSTA), 0x1f);
}

/* That, then pci_set_power_state() */
static void put_to_sleep(Scene *s, const Port *p, uint16_t more)
{
    mask_interrupt(s, p);
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

/* Who sent the last one stays there. */
static void expect_no_pme(Scene *s, const Port *root)
{
    g_assert_cmphex(root_status(s, root) &
                    (PCI_EXP_RTSTA_PME | PCI_EXP_RTSTA_PENDING), ==, 0);
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
    /* It has now. */
    watch_interrupts(&s);
    qtest_writew(s.qts, pmcsr_of(&p), D3HOT | PCI_PM_CTRL_PME_ENABLE);
    expect_pme(&s, &p, &p);
    scene_done(&s);
}

/* An event that comes between the mask and sleep is not lost. */
static void test_event_before_sleep(void)
{
    Scene s;
    Port p;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    watch_interrupts(&s);
    p = port_at(&s, 0, PCI_DEVFN(2, 0));
    enable_pme_interrupt(&s, &p);
    mask_interrupt(&s, &p);
    plug(&s, 0, 0);
    expect_no_pme(&s, &p);
    qtest_writew(s.qts, pmcsr_of(&p), D3HOT | PCI_PM_CTRL_PME_ENABLE);
    expect_pme(&s, &p, &p);
    scene_done(&s);
}

/*
 * Linux takes the event of a port that has just fallen asleep: the indicator
 * blinks. It wakes the port to power it on, and that restores Slot Control as
 * it was before sleep. The device stays, until it had power and loses it.
 */
static void test_blinks_asleep(void)
{
    const uint16_t off = PCI_EXP_SLTCTL_PWR_IND_OFF | PCI_EXP_SLTCTL_PWR_OFF;
    Scene s;
    Port p;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    p = port_at(&s, 0, PCI_DEVFN(2, 0));
    qtest_writew(s.qts, exp_reg(&p, PCI_EXP_SLTCTL), off);
    qtest_writew(s.qts, pmcsr_of(&p), D3HOT | PCI_PM_CTRL_PME_ENABLE);
    plug(&s, 0, 0);
    qtest_writew(s.qts, exp_reg(&p, PCI_EXP_SLTCTL),
                 PCI_EXP_SLTCTL_PWR_IND_BLINK | PCI_EXP_SLTCTL_PWR_OFF);
    qtest_writew(s.qts, pmcsr_of(&p), 0);
    qtest_writew(s.qts, exp_reg(&p, PCI_EXP_SLTCTL), off);
    g_assert_cmphex(qtest_readw(s.qts, exp_reg(&p, PCI_EXP_SLTSTA)) &
                    PCI_EXP_SLTSTA_PDS, !=, 0);
    power_on(&s, 0);
    unplug(&s, 0, 0);
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

static void set_numbers(Scene *s, unsigned bus, unsigned devfn,
                        unsigned secondary, unsigned subordinate)
{
    qtest_writeb(s->qts, config_addr(bus, devfn, PCI_SECONDARY_BUS), secondary);
    qtest_writeb(s->qts, config_addr(bus, devfn, PCI_SUBORDINATE_BUS),
                 subordinate);
}

static void plug_into(Scene *s, unsigned i, const char *bus)
{
    g_autofree char *error = try_plug(s, i, bus);

    g_assert_cmpstr(error, ==, NULL);
}

/*
 * Below a switch the messages go to the root port, with the slots' own ids: the
 * second when the guest has taken the first.
 */
static void test_switch(void)
{
    Port root, down[2];
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start(&s, "-device pcie-root-port,id=rp0,chassis=1,bus=pcie.0,addr=2"
                " -device x3130-upstream,id=up,bus=rp0"
                " -device xio3130-downstream,id=down0,bus=up,chassis=9,addr=0"
                " -device xio3130-downstream,id=down1,bus=up,chassis=10,addr=1");
    watch_interrupts(&s);
    set_numbers(&s, 0, PCI_DEVFN(2, 0), 1, 4);
    set_numbers(&s, 1, 0, 2, 4);
    set_numbers(&s, 2, 0, 3, 3);
    set_numbers(&s, 2, PCI_DEVFN(1, 0), 4, 4);
    root = port_at(&s, 0, PCI_DEVFN(2, 0));
    enable_pme_interrupt(&s, &root);
    for (unsigned i = 0; i < 2; i++) {
        down[i] = port_at(&s, 2, PCI_DEVFN(i, 0));
        put_to_sleep(&s, &down[i], PCI_PM_CTRL_PME_ENABLE);
    }
    plug_into(&s, 0, "down0");
    expect_pme(&s, &root, &down[0]);
    plug_into(&s, 1, "down1");
    g_assert_cmphex(root_status(&s, &root), ==, PCI_EXP_RTSTA_PENDING |
                    PME_MSG | PCI_BUILD_BDF(2, 0));
    take_pme(&s, &root, &down[0]);
    expect_pme(&s, &root, &down[1]);
    take_pme(&s, &root, &down[1]);
    expect_no_pme(&s, &root);
    scene_done(&s);
}

/* One that fails when all but its state is registered is forgotten. */
static void test_too_deep(void)
{
    bool failed = false;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    for (unsigned i = 1; i < 200 && !failed; i++) {
        g_autofree char *id = g_strdup_printf("rp%u", i);
        g_autofree char *bus = g_strdup_printf("rp%u", i - 1);
        QDict *reply = qtest_qmp(
            s.qts, "{ 'execute': 'device_add', 'arguments': { 'driver':"
            " 'pcie-root-port', 'id': %s, 'bus': %s, 'chassis': %u } }",
            id, bus, 20 + i);

        failed = qdict_haskey(reply, "error");
        qobject_unref(reply);
    }
    g_assert_true(failed);
    qtest_system_reset(s.qts);
    scene_done(&s);
}

/* For who goes on: the port in slot 2 has sent a PME, and it was taken. */
void send_and_take_pme(Scene *s)
{
    Port p = port_at(s, 0, PCI_DEVFN(2, 0));

    enable_pme_interrupt(s, &p);
    put_to_sleep(s, &p, PCI_PM_CTRL_PME_ENABLE);
    plug(s, 0, 0);
    g_assert_cmphex(root_status(s, &p), ==, PME_MSG | PCI_BUILD_BDF(0, 2 << 3));
    take_pme(s, &p, &p);
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
    power_on(&s, 0);
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
    qtest_add_func("smmuv3-host/ports/wake", test_wakes);
    qtest_add_func("smmuv3-host/ports/not-enabled", test_not_enabled);
    qtest_add_func("smmuv3-host/ports/event-before-sleep",
                   test_event_before_sleep);
    qtest_add_func("smmuv3-host/ports/blinks-asleep", test_blinks_asleep);
    qtest_add_func("smmuv3-host/ports/too-deep", test_too_deep);
    qtest_add_func("smmuv3-host/ports/interrupt-later",
                   test_interrupt_later);
    qtest_add_func("smmuv3-host/ports/reset", test_reset);
    qtest_add_func("smmuv3-host/ports/switch", test_switch);
    qtest_add_func("smmuv3-host/ports/plugged", test_plugged_port);
    qtest_add_func("smmuv3-host/ports/released", test_released);
}
