/*
 * arm-smmuv3 on the virt machine: PCIe ports that wake.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Linux lets an empty hot-plug port of an arm64 machine sleep, and masks its
 * interrupt meanwhile (pciehp_runtime_suspend()), because PME is to wake it.
 * QEMU's ports have no PME, so a device that is plugged into one stays unseen.
 * This file gives them PME: PCI Bus Power Management 3.2, PCI Express Base
 * 6.1.6 (PME messages) and 6.7.3.4 (wakeup by hot-plug events).
 *
 * Only machines with a pluggable arm-smmuv3 have such ports, because QEMU's
 * released machine types, none of which has one, must not change.
 */
#include "qemu/osdep.h"
#include "qemu/range.h"
#include "qapi/error.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie_port.h"
#include "system/reset.h"

#include "smmuv3-accel.h"

/* Version 3; PME from D0 and D3hot */
#define PORT_PMC (3 | PCI_PM_CAP_PME_D0 | PCI_PM_CAP_PME_D3hot)

typedef struct Port {
    PCIConfigWriteFunc *own_write;  /* the config_write() that it had */
    bool occupied;
    bool unpowered;     /* it has had no power since something was plugged */
} Port;

/* The ports with PME: PCIDevice -> Port */
static GHashTable *ports;

static uint8_t *accel_ports_exp_cap(PCIDevice *d)
{
    return d->config + d->exp.exp_cap;
}

static uint8_t *accel_ports_pmcsr(PCIDevice *d)
{
    return d->config + d->pm_cap + PCI_PM_CTRL;
}

static bool accel_ports_is_root_port(PCIDevice *d)
{
    return d && pci_is_express(d) &&
           pcie_cap_get_type(d) == PCI_EXP_TYPE_ROOT_PORT;
}

/* The root port above @d, or @d itself */
static PCIDevice *accel_ports_root_port_of(PCIDevice *d)
{
    while (d && !accel_ports_is_root_port(d)) {
        d = pci_bridge_get_device(pci_get_bus(d));
    }
    return d;
}

static bool accel_ports_wants_interrupt(PCIDevice *root)
{
    return (pci_get_long(accel_ports_exp_cap(root) + PCI_EXP_RTSTA) &
            PCI_EXP_RTSTA_PME) &&
           (pci_get_word(accel_ports_exp_cap(root) + PCI_EXP_RTCTL) &
            PCI_EXP_RTCTL_PMEIE);
}

/* PME shares the vector of hot-plug events. */
static void accel_ports_interrupt(PCIDevice *root)
{
    if (msix_enabled(root)) {
        msix_notify(root, pcie_cap_flags_get_vector(root));
    } else if (msi_enabled(root)) {
        msi_notify(root, pcie_cap_flags_get_vector(root));
    } else if (pci_intx(root) != -1) {
        pci_set_irq(root, 1);
    }
}

/* Sets the wired interrupt's level, which PME and hot-plug events share. */
static void accel_ports_set_level(PCIDevice *root)
{
    if (!msix_enabled(root) && !msi_enabled(root) && pci_intx(root) != -1) {
        pci_set_irq(root, root->exp.hpev_notified ||
                          accel_ports_wants_interrupt(root));
    }
}

/*
 * Sends a PME message of @d to its root port. If the root port has one already,
 * it notes only that another one is pending (accel_ports_send_pending()).
 */
static void accel_ports_send_pme(PCIDevice *d)
{
    PCIDevice *root = accel_ports_root_port_of(d);

    if (!root || !(root->cap_present & QEMU_PCI_CAP_PM)) {
        return;
    }
    if (pci_get_long(accel_ports_exp_cap(root) + PCI_EXP_RTSTA) &
        PCI_EXP_RTSTA_PME) {
        pci_long_test_and_set_mask(accel_ports_exp_cap(root) + PCI_EXP_RTSTA,
                                   PCI_EXP_RTSTA_PENDING);
        return;
    }
    pci_set_long(accel_ports_exp_cap(root) + PCI_EXP_RTSTA,
                 PCI_EXP_RTSTA_PME | pci_get_bdf(d));
    if (accel_ports_wants_interrupt(root)) {
        accel_ports_interrupt(root);
    }
}

/* 6.7.3.4: an enabled event, whether or not hot-plug interrupts are enabled. */
static bool accel_ports_has_event(PCIDevice *d)
{
    return pci_get_word(accel_ports_exp_cap(d) + PCI_EXP_SLTSTA) &
           pci_get_word(accel_ports_exp_cap(d) + PCI_EXP_SLTCTL) &
           PCI_EXP_HP_EV_SUPPORTED;
}

/* Is @d asleep with an event? */
static bool accel_ports_should_wake(PCIDevice *d)
{
    return (pci_get_word(accel_ports_pmcsr(d)) & PCI_PM_CTRL_STATE_MASK) &&
           accel_ports_has_event(d);
}

/* Has @d a PME message to send, or sent one? */
static bool accel_ports_has_pme(PCIDevice *d)
{
    const uint16_t both = PCI_PM_CTRL_PME_STATUS | PCI_PM_CTRL_PME_ENABLE;

    return (pci_get_word(accel_ports_pmcsr(d)) & both) == both;
}

static void accel_ports_note_pme(PCIDevice *d)
{
    pci_word_test_and_set_mask(accel_ports_pmcsr(d), PCI_PM_CTRL_PME_STATUS);
}

/*
 * Notes whether the slot's device has had power yet. With PDC the device was
 * plugged just now; without it there was one when the guest came from elsewhere.
 */
static void accel_ports_note_power(Port *p, PCIDevice *d)
{
    uint16_t status = pci_get_word(accel_ports_exp_cap(d) + PCI_EXP_SLTSTA);
    bool occupied = status & PCI_EXP_SLTSTA_PDS;

    if (occupied && !p->occupied) {
        p->unpowered = status & PCI_EXP_SLTSTA_PDC;
    }
    p->occupied = occupied;
    p->unpowered = p->unpowered && occupied &&
                   (pci_get_word(accel_ports_exp_cap(d) + PCI_EXP_SLTCTL) &
                    PCI_EXP_SLTCTL_PCC);
}

/*
 * Called by hw/pci/pcie.c: a slot's events may have changed. A port that has a
 * PME already sends no other.
 */
static void accel_ports_event_changed(PCIDevice *d)
{
    bool before = accel_ports_has_pme(d);

    accel_ports_note_power(g_hash_table_lookup(ports, d), d);
    if (accel_ports_should_wake(d)) {
        accel_ports_note_pme(d);
    }
    if (!before && accel_ports_has_pme(d)) {
        accel_ports_send_pme(d);
    }
}

/* The ports that have a PME, of a root port and those below it */
typedef struct Waiting {
    PCIDevice *first;
    uint16_t but;           /* except this requester, which was just taken */
    bool more;              /* there are others than the first */
} Waiting;

static void accel_ports_find_waiting(PCIBus *bus, PCIDevice *d, void *opaque)
{
    Waiting *w = opaque;

    if (d->exp.hotplug_event && accel_ports_has_pme(d) &&
        pci_get_bdf(d) != w->but) {
        w->more = w->first != NULL;
        w->first = w->first ?: d;
    }
}

static void *accel_ports_look_at_bus(PCIBus *bus, void *opaque)
{
    pci_for_each_device_under_bus(bus, accel_ports_find_waiting, opaque);
    return opaque;
}

/*
 * 6.1.6: sends the next PME when the guest has taken the last one. It may clear
 * the last sender's own status later, so that sender is left out.
 */
static void accel_ports_send_pending(PCIDevice *root)
{
    uint32_t status = pci_get_long(accel_ports_exp_cap(root) + PCI_EXP_RTSTA);
    Waiting w = { .but = status & 0xffff };

    if ((status & PCI_EXP_RTSTA_PME) || !(status & PCI_EXP_RTSTA_PENDING)) {
        return;
    }
    accel_ports_find_waiting(NULL, root, &w);
    pci_for_each_bus_depth_first(pci_bridge_get_sec_bus(PCI_BRIDGE(root)),
                                 accel_ports_look_at_bus, NULL, &w);
    pci_set_long(accel_ports_exp_cap(root) + PCI_EXP_RTSTA, 0);
    if (w.first) {
        accel_ports_send_pme(w.first);
    }
    if (w.more) {
        pci_long_test_and_set_mask(accel_ports_exp_cap(root) + PCI_EXP_RTSTA,
                                   PCI_EXP_RTSTA_PENDING);
    }
}

/*
 * 6.7.3.4: the port wakes when it has an event, the event is enabled, and the
 * port sleeps, in any order. So it is with PME_Status and PME_En.
 */
static void accel_ports_written(PCIDevice *d, bool woke, bool had_pme)
{
    if (!woke && accel_ports_should_wake(d)) {
        accel_ports_note_pme(d);
    }
    if (!had_pme && accel_ports_has_pme(d)) {
        accel_ports_send_pme(d);
    }
}

static void accel_ports_root_written(PCIDevice *d, bool wanted)
{
    accel_ports_send_pending(d);
    if (!wanted && accel_ports_wants_interrupt(d)) {
        accel_ports_interrupt(d);
    }
    accel_ports_set_level(d);
}

/*
 * Linux takes a hot-plug event of a port that fell asleep meanwhile, lets the
 * power indicator blink, and then wakes the port, which restores Slot Control
 * as it was: indicator off, power off. QEMU takes an indicator that goes out
 * while there is no power for an ejection, and would remove the device that was
 * just plugged. What never had power cannot be ejected, so the indicator is
 * made to be off already.
 */
static void accel_ports_stop_blinking(Port *p, PCIDevice *d, uint32_t addr,
                                      int len)
{
    uint32_t high = d->exp.exp_cap + PCI_EXP_SLTCTL + 1;

    if (p->unpowered && ranges_overlap(addr, len, high, 1)) {
        pci_word_test_and_set_mask(accel_ports_exp_cap(d) + PCI_EXP_SLTCTL,
                                   PCI_EXP_SLTCTL_PIC);
    }
}

static void accel_ports_config_write(PCIDevice *d, uint32_t addr,
                                     uint32_t value, int len)
{
    Port *p = g_hash_table_lookup(ports, d);
    bool woke = accel_ports_should_wake(d), had_pme = accel_ports_has_pme(d);
    bool wanted = accel_ports_is_root_port(d) && accel_ports_wants_interrupt(d);

    /* No event tells of a device that comes while PDC and ABP are still set. */
    accel_ports_note_power(p, d);
    accel_ports_stop_blinking(p, d, addr, len);
    p->own_write(d, addr, value, len);
    accel_ports_note_power(p, d);
    accel_ports_written(d, woke, had_pme);
    if (accel_ports_is_root_port(d)) {
        accel_ports_root_written(d, wanted);
    }
}

static void accel_ports_reset(void *opaque)
{
    PCIDevice *d = opaque;
    Port *p = g_hash_table_lookup(ports, d);

    p->occupied = p->unpowered = false;
    pci_set_word(accel_ports_pmcsr(d), PCI_PM_CTRL_NO_SOFT_RESET);
    if (accel_ports_is_root_port(d)) {
        pci_set_long(accel_ports_exp_cap(d) + PCI_EXP_RTSTA, 0);
    }
}

static void accel_ports_forget(PCIDevice *d)
{
    Port *p = g_hash_table_lookup(ports, d);

    if (p) {
        d->config_write = p->own_write;
        d->exp.hotplug_event = NULL;
        g_hash_table_remove(ports, d);
        qemu_unregister_reset(accel_ports_reset, d);
    }
}

/* For a port that failed to be realized later, of which no listener is told. */
static void accel_ports_freed(Object *obj, const char *name, void *opaque)
{
    accel_ports_forget(PCI_DEVICE(obj));
}

static void accel_ports_add_pme(PCIDevice *d)
{
    int at = pci_pm_init(d, 0, NULL);
    Port *p;

    if (at < 0) {
        return;         /* its configuration space is full: as it was */
    }
    pci_set_word(d->config + at + PCI_PM_PMC, PORT_PMC);
    pci_set_word(d->wmask + at + PCI_PM_CTRL,
                 PCI_PM_CTRL_STATE_MASK | PCI_PM_CTRL_PME_ENABLE);
    pci_set_word(d->w1cmask + at + PCI_PM_CTRL, PCI_PM_CTRL_PME_STATUS);
    if (accel_ports_is_root_port(d)) {
        pci_word_test_and_set_mask(d->wmask + d->exp.exp_cap + PCI_EXP_RTCTL,
                                   PCI_EXP_RTCTL_PMEIE);
        pci_set_long(d->w1cmask + d->exp.exp_cap + PCI_EXP_RTSTA,
                     PCI_EXP_RTSTA_PME);
        /* Not compared on loading, because it differs from moment to moment. */
        pci_set_long(d->cmask + d->exp.exp_cap + PCI_EXP_RTSTA, 0);
    }
    p = g_new0(Port, 1);
    p->own_write = d->config_write;
    g_hash_table_insert(ports, d, p);
    accel_ports_reset(d);
    d->config_write = accel_ports_config_write;
    d->exp.hotplug_event = accel_ports_event_changed;
    qemu_register_reset(accel_ports_reset, d);
    object_property_add(OBJECT(d), "smmuv3-accel-wakes", "bool", NULL, NULL,
                        accel_ports_freed, NULL);
}

static int accel_ports_visit(Object *obj, void *opaque)
{
    PCIDevice *d = (PCIDevice *)object_dynamic_cast(obj, TYPE_PCIE_SLOT);

    if (d && !(d->cap_present & QEMU_PCI_CAP_PM)) {
        accel_ports_add_pme(d);
    }
    return 0;
}

/* Ports can be plugged into ports, and leave again. */
static void accel_ports_realized(DeviceListener *l, DeviceState *dev)
{
    accel_ports_visit(OBJECT(dev), NULL);
}

static void accel_ports_unrealized(DeviceListener *l, DeviceState *dev)
{
    PCIDevice *d = (PCIDevice *)object_dynamic_cast(OBJECT(dev),
                                                    TYPE_PCIE_SLOT);

    if (d) {
        accel_ports_forget(d);
    }
}

static DeviceListener listener = {
    .realize = accel_ports_realized,
    .unrealize = accel_ports_unrealized,
};

void smmuv3_accel_ports_wake(void)
{
    ports = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    object_child_foreach_recursive(object_get_root(), accel_ports_visit, NULL);
    device_listener_register(&listener);
}
