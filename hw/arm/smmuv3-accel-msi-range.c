/*
 * arm-smmuv3,accel=on: where the host's kernel maps the physical MSI doorbell.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An MSI of a passed-through device is a write to an IOVA that the host's
 * kernel has chosen at stage 2, so the guest's stage 1 has to map that IOVA to
 * itself. The guest learns of the range from its tables. They are made once for
 * all instances, so a device that needs another range later cannot be taken.
 */
#include "qemu/osdep.h"
#include "exec/memory.h"
#include "hw/qdev-core.h"
#include "qapi/error.h"
#include "exec/address-spaces.h"

#include "smmuv3-accel.h"

/* Until a device gives one: MSI_IOVA_BASE and MSI_IOVA_LENGTH of Linux. */
static SMMUv3AccelMsiRange told = {
    .base = SMMUV3_ACCEL_MSI_IOVA,
    .size = 0x00100000,
};

/* A device, or a guest that was loaded, needs this range: it stands. */
static bool decided;

const SMMUv3AccelMsiRange *smmuv3_accel_msi_range_told(void)
{
    return &told;
}

static bool accel_msi_range_is_told(const SMMUv3AccelMsiRange *range)
{
    return range->base == told.base && range->size == told.size;
}

static bool accel_msi_range_is_ram(void *opaque, uint64_t base, uint64_t size)
{
    MemoryRegionSection s = memory_region_find(get_system_memory(), base, size);
    bool ram = s.mr && memory_region_is_ram(s.mr);

    memory_region_unref(s.mr);
    return ram;
}

static bool accel_msi_range_may_be_told(const SMMUv3AccelMsiRange *range,
                                        Error **errp)
{
    ERRP_GUARD();

    if (smmuv3_accel_its_is_moved() && range->base != SMMUV3_ACCEL_MSI_IOVA) {
        error_setg(errp, "the host's MSI doorbell is mapped at 0x%" PRIx64
                   ", and its-msi-iova=on has put the guest's at 0x%" PRIx64,
                   range->base, SMMUV3_ACCEL_MSI_IOVA);
        error_append_hint(errp, "Drop its-msi-iova=on: on this host there is no"
                          " VFIO in a guest.\n");
        return false;
    }
    switch (smmuv3_iommufd_msi_range_tellable(range->base, range->size,
                                              accel_msi_range_is_ram, NULL)) {
    case SMMUV3_MSI_RANGE_NOT_ALIGNED:
        error_setg(errp, "the host's MSI doorbell is mapped at 0x%" PRIx64
                   ", 0x%" PRIx64 " bytes, which no guest can be told: both"
                   " have to be multiples of 64 KiB", range->base, range->size);
        return false;
    case SMMUV3_MSI_RANGE_IS_RAM:
        error_setg(errp, "the host's MSI doorbell is mapped at 0x%" PRIx64
                   ", 0x%" PRIx64 " bytes, where the guest has RAM",
                   range->base, range->size);
        return false;
    default:
        return true;
    }
}

bool smmuv3_accel_msi_range_take(const SMMUv3AccelMsiRange *range, Error **errp)
{
    ERRP_GUARD();

    if (accel_msi_range_is_told(range)) {
        decided = true;
        return true;
    }
    if (decided || phase_check(PHASE_MACHINE_READY)) {
        error_setg(errp, "the host's MSI doorbell is mapped at 0x%" PRIx64
                   ", 0x%" PRIx64 " bytes, and the guest is told of 0x%" PRIx64
                   ", 0x%" PRIx64 " bytes", range->base, range->size, told.base,
                   told.size);
        error_append_hint(errp, "Start the guest with this device, and with no"
                          " device of which that is not true.\n");
        return false;
    }
    if (!accel_msi_range_may_be_told(range, errp)) {
        return false;
    }
    told = *range;
    decided = true;
    return true;
}

/*
 * Another range can still be told in ACPI, which is made again when the guest
 * restarts, but not in the device tree, which is made once.
 */
bool smmuv3_accel_msi_range_load(const SMMUv3AccelMsiRange *range, Error **errp)
{
    ERRP_GUARD();

    if (!decided && !accel_msi_range_is_told(range) &&
        smmuv3_accel_topology_has_tree_alone()) {
        error_setg(errp, "the guest was told that the MSI doorbell is at 0x%"
                   PRIx64 ", 0x%" PRIx64 " bytes, and the device tree that it"
                   " finds when it restarts says 0x%" PRIx64 ", 0x%" PRIx64
                   " bytes", range->base, range->size, told.base, told.size);
        error_append_hint(errp, "Start this QEMU with a device whose host has"
                          " it there, which can be unplugged later.\n");
        return false;
    }
    if (decided && !accel_msi_range_is_told(range)) {
        error_setg(errp, "the guest was told that the MSI doorbell is at 0x%"
                   PRIx64 ", 0x%" PRIx64 " bytes, and this host has it at 0x%"
                   PRIx64 ", 0x%" PRIx64 " bytes", range->base, range->size,
                   told.base, told.size);
        return false;
    }
    told = *range;
    decided = true;
    return true;
}
