/*
 * arm-smmuv3 as a device of the virt machine: refusals, the MSI doorbell, and
 * when what the guest is told of it is made.
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

/* The machine's own SMMU is made before there is a platform bus. */
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

/* ---- What the guest is told ---- */

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
 * Without a pluggable SMMU the tree is QEMU's own, unchanged. Firmware may hand
 * the tree on (U-Boot), or have tables of its own (EDK2), which is not to be
 * seen from here. EDK2 takes a tree with one host bridge only, so that with
 * several root buses firmware gets QEMU's own tree.
 */
void smmuv3_accel_virt_done(VirtMachineState *vms)
{
    GArray *roots;

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
