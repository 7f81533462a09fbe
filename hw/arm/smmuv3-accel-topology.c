/*
 * arm-smmuv3 on the virt machine: which SMMU serves which root bus, and where
 * the machine has put both.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For the device tree (smmuv3-accel-fdt.c) and ACPI (smmuv3-accel-acpi.c). It
 * is looked up when it is asked for, because QEMU does not report a new bus or
 * SMMU.
 */
#include "qemu/osdep.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie_host.h"
#include "hw/platform-bus.h"

#include "smmuv3-accel.h"

/* ---- SMMUs and root buses ---- */

static int accel_topology_collect_smmu(Object *obj, void *opaque)
{
    SMMUv3State *s = (SMMUv3State *)object_dynamic_cast(obj, TYPE_ARM_SMMUV3);
    GSList **list = opaque;

    if (s && s->smmu_per_bus) {
        *list = g_slist_append(*list, s);
    }
    return 0;
}

static GSList *accel_topology_plugged_smmus(void)
{
    GSList *list = NULL;

    object_child_foreach_recursive(object_get_root(),
                                   accel_topology_collect_smmu, &list);
    return list;
}

bool smmuv3_accel_topology_in_use(void)
{
    g_autoptr(GSList) list = accel_topology_plugged_smmus();

    return list != NULL;
}

bool smmuv3_accel_topology_is_accelerated(void)
{
    g_autoptr(GSList) list = accel_topology_plugged_smmus();

    for (GSList *l = list; l; l = l->next) {
        if (((SMMUv3State *)l->data)->accel) {
            return true;
        }
    }
    return false;
}

static SMMUv3State *accel_topology_smmu_of_bus(GSList *smmus, const PCIBus *bus)
{
    for (GSList *l = smmus; l; l = l->next) {
        SMMUv3State *s = l->data;

        if (s->smmu_state.primary_bus == bus) {
            return s;
        }
    }
    return NULL;
}

static int accel_topology_collect_root_bus(Object *obj, void *opaque)
{
    PCIBus *bus = (PCIBus *)object_dynamic_cast(obj, TYPE_PCIE_BUS);
    SMMUv3AccelRootBus root = { .bus = bus };

    if (bus && pci_bus_is_root(bus)) {
        root.first = pci_bus_num(bus);
        g_array_append_val((GArray *)opaque, root);
    }
    return 0;
}

static gint accel_topology_by_bus_number(gconstpointer a, gconstpointer b)
{
    const SMMUv3AccelRootBus *x = a, *y = b;

    return (int)x->first - (int)y->first;
}

static const MemMapEntry *accel_topology_ecam_entry(const VirtMachineState *vms)
{
    return &vms->memmap[VIRT_ECAM_ID(vms->highmem_ecam)];
}

hwaddr smmuv3_accel_topology_ecam(const VirtMachineState *vms, unsigned bus)
{
    return accel_topology_ecam_entry(vms)->base + bus * PCIE_MMCFG_SIZE_MIN;
}

unsigned smmuv3_accel_topology_buses(const VirtMachineState *vms)
{
    return accel_topology_ecam_entry(vms)->size / PCIE_MMCFG_SIZE_MIN;
}

GArray *smmuv3_accel_topology_roots(const VirtMachineState *vms)
{
    g_autoptr(GSList) smmus = accel_topology_plugged_smmus();
    GArray *roots = g_array_new(false, false, sizeof(SMMUv3AccelRootBus));
    unsigned end = smmuv3_accel_topology_buses(vms);

    object_child_foreach_recursive(object_get_root(),
                                   accel_topology_collect_root_bus, roots);
    g_array_sort(roots, accel_topology_by_bus_number);
    for (unsigned i = roots->len; i-- > 0;) {
        SMMUv3AccelRootBus *r = smmuv3_accel_topology_root(roots, i);

        r->end = MAX(end, r->first);
        r->smmu = accel_topology_smmu_of_bus(smmus, r->bus);
        end = MIN(end, r->first);
    }
    return roots;
}

/* ---- An SMMU in the machine ---- */

hwaddr smmuv3_accel_topology_mmio(const VirtMachineState *vms, SMMUv3State *s)
{
    PlatformBusDevice *pbus = PLATFORM_BUS_DEVICE(vms->platform_bus_dev);

    return vms->memmap[VIRT_PLATFORM_BUS].base +
           platform_bus_get_mmio_addr(pbus, SYS_BUS_DEVICE(s), 0);
}

unsigned smmuv3_accel_topology_spi(const VirtMachineState *vms,
                                   SMMUv3State *s, SMMUIrq irq)
{
    PlatformBusDevice *pbus = PLATFORM_BUS_DEVICE(vms->platform_bus_dev);

    return vms->irqmap[VIRT_PLATFORM_BUS] +
           platform_bus_get_irqn(pbus, SYS_BUS_DEVICE(s), irq);
}

/* Only an ITS needs a DeviceID; a GICv2m takes an MSI without one. */
bool smmuv3_accel_topology_sends_msis(const VirtMachineState *vms,
                                      const SMMUv3State *s)
{
    return s->accel && vms->msi_controller == VIRT_MSI_CTRL_ITS;
}

bool smmuv3_accel_topology_has_tree_alone(void)
{
    VirtMachineState *vms = VIRT_MACHINE(qdev_get_machine());

    return !vms->bootinfo.firmware_loaded || !virt_is_acpi_enabled(vms);
}

/* ---- Devices ---- */

void smmuv3_accel_topology_for_each(PCIBus *bus, SMMUv3AccelVisitor visit,
                                    void *opaque)
{
    PCIBus *child;

    pci_for_each_device_under_bus(bus, visit, opaque);
    QLIST_FOREACH(child, &bus->child, sibling) {
        /* A pxb-pcie's bus hangs on this one, but has its own SMMU or none. */
        if (!pci_bus_is_root(child)) {
            smmuv3_accel_topology_for_each(child, visit, opaque);
        }
    }
}
