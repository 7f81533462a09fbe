/*
 * arm-smmuv3: the root bus that an instance is to serve, with accel=off, too.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The checks when an instance is plugged: of the bus, of its own properties
 * (smmuv3-accel-props.c), and of devices that came before it.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"

#include "smmuv3-accel.h"

static void accel_bus_check_early_device(PCIBus *bus, PCIDevice *dev,
                                         void *opaque)
{
    Error **err = opaque;

    if (*err || !smmuv3_accel_is_vfio(dev)) {
        return;
    }
    error_setg(err, "vfio-pci '%s' comes before the arm-smmuv3 that it is to"
               " be behind", dev->name);
    error_append_hint(err, "Put -device arm-smmuv3 before it.\n");
}

static bool accel_bus_check_early_devices(PCIBus *bus, Error **errp)
{
    Error *err = NULL;

    smmuv3_accel_topology_for_each(bus, accel_bus_check_early_device, &err);
    error_propagate(errp, err);
    return !err;
}

static bool accel_bus_is_root_bus(PCIBus *bus)
{
    return pci_bus_is_root(bus) && pci_bus_is_express(bus);
}

bool smmuv3_accel_check_bus(SMMUv3State *s, Error **errp)
{
    ERRP_GUARD();
    PCIBus *bus = s->smmu_state.primary_bus;

    if (s->accel && !smmuv3_accel_built_in(errp)) {
        return false;
    }
    if (!bus) {
        error_setg(errp, "property 'primary-bus' is not set");
        error_append_hint(errp, "Name the PCIe root bus that this SMMU serves:"
                          " primary-bus=pcie.0, or the id of a pxb-pcie.\n");
        return false;
    }
    if (!accel_bus_is_root_bus(bus)) {
        error_setg(errp, "primary-bus '%s' is not a PCIe root bus",
                   BUS(bus)->name);
        error_append_hint(errp, "An SMMU serves pcie.0 or the bus of a"
                          " pxb-pcie, with everything below it.\n");
        return false;
    }
    if (bus->iommu_ops) {
        error_setg(errp, "bus '%s' has an IOMMU already", BUS(bus)->name);
        error_append_hint(errp, "Give each arm-smmuv3 a root bus of its own"
                          " (another pxb-pcie).\n");
        return false;
    }
    if (s->smmu_per_bus && pci_bus_bypass_iommu(bus)) {
        error_setg(errp, "bus '%s' bypasses its IOMMU (bypass_iommu=on)",
                   BUS(bus)->name);
        error_append_hint(errp, "Drop bypass_iommu of the pxb-pcie, or"
                          " default-bus-bypass-iommu of the machine.\n");
        return false;
    }
    return smmuv3_accel_props_check(s, errp) &&
           accel_bus_check_early_devices(bus, errp);
}
