/*
 * arm-smmuv3 as a device of the virt machine: refusals, the MSI doorbell, and
 * when the guest's tables are made.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qapi/error.h"
#include "hw/pci/pci_bus.h"
#include "hw/qdev-properties.h"

#include "smmuv3-accel.h"

/* Offsets of GITS_TRANSLATER and of GICv2m's MSI_SETSPI_NS. */
#define ITS_TRANSLATER  0x10040
#define V2M_SETSPI_NS   0x40

static hwaddr accel_virt_msi_doorbell(const VirtMachineState *vms)
{
    switch (vms->msi_controller) {
    case VIRT_MSI_CTRL_ITS:
        return vms->memmap[VIRT_GIC_ITS].base + ITS_TRANSLATER;
    case VIRT_MSI_CTRL_GICV2M:
        return vms->memmap[VIRT_GIC_V2M].base + V2M_SETSPI_NS;
    default:
        return 0;
    }
}

/* Not for the machine's own SMMU, which comes before the platform bus. */
void smmuv3_accel_virt_pre_plug(VirtMachineState *vms, DeviceState *dev,
                                Error **errp)
{
    ERRP_GUARD();
    static uint8_t instances;

    if (!vms->platform_bus_dev) {
        return;
    }
    if (vms->iommu != VIRT_IOMMU_NONE) {
        error_setg(errp, "the machine has an IOMMU for all its buses already"
                   " (%s); arm-smmuv3 cannot be added to it",
                   vms->iommu == VIRT_IOMMU_SMMUV3 ? "iommu=smmuv3"
                                                   : "virtio-iommu");
        error_append_hint(errp, "Drop one of the two.\n");
        return;
    }
    qdev_prop_set_bit(dev, "smmu_per_bus", true);
    qdev_prop_set_uint8(dev, "identifier", instances++);
    qdev_prop_set_uint64(dev, "msi-gpa", accel_virt_msi_doorbell(vms));
}

bool smmuv3_accel_virt_in_use(void)
{
    return smmuv3_accel_topology_in_use();
}

/* ---- The guest's tables ---- */

static void accel_virt_warn_of_hidden_buses(const VirtMachineState *vms,
                                            GArray *roots)
{
    for (unsigned i = 0; i < roots->len; i++) {
        const SMMUv3AccelRootBus *r = smmuv3_accel_topology_root(roots, i);

        if (r->end == r->first) {
            warn_report("pxb-pcie '%s': bus %u is beyond the machine's %u"
                        " buses; the guest will not see it", BUS(r->bus)->name,
                        r->first, smmuv3_accel_topology_buses(vms));
        }
    }
}

/*
 * Without a pluggable SMMU the tree stays QEMU's own. It is completed for
 * firmware as well, because firmware may pass it on (U-Boot) or not (EDK2),
 * which cannot be seen from here. With several root buses firmware gets QEMU's
 * own tree, because EDK2 takes a tree with one host bridge only.
 */
void smmuv3_accel_virt_done(VirtMachineState *vms)
{
    GArray *roots;

    smmuv3_accel_its_check_use(smmuv3_accel_topology_is_accelerated(),
                               smmuv3_accel_topology_has_tree_alone());
    if (!smmuv3_accel_topology_in_use()) {
        return;
    }
    smmuv3_accel_ports_wake();
    if (vms->bootinfo.dtb_filename) {
        return;
    }
    roots = smmuv3_accel_topology_roots(vms);
    accel_virt_warn_of_hidden_buses(vms, roots);
    if (!vms->bootinfo.firmware_loaded || roots->len == 1) {
        smmuv3_accel_fdt_complete(vms, roots);
    } else if (!virt_is_acpi_enabled(vms)) {
        warn_report("arm-smmuv3: with acpi=off a guest that is started by"
                    " firmware is told neither of it nor of the buses of"
                    " pxb-pcie; drop acpi=off or pxb-pcie, or start the guest"
                    " with -kernel and without firmware");
    }
    g_array_free(roots, true);
}
