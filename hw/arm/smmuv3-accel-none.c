/*
 * arm-smmuv3 in an emulator that is built without accel=on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * accel=on needs IOMMUFD's vIOMMUs: a host with Linux, and a linux/iommufd.h
 * that has them (hw/vfio/meson.build decides). Where either is missing, these
 * are the hooks of hw/arm/smmuv3.c. No instance has accel=on, because it is
 * refused before anything else is checked. accel=off works as everywhere, in
 * device tree and ACPI, too.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qapi/error.h"
#include "hw/pci/pci_bus.h"
#include "migration/vmstate.h"

#include "smmuv3-accel.h"

bool smmuv3_accel_built_in(Error **errp)
{
    ERRP_GUARD();

#ifdef CONFIG_LINUX
    error_setg(errp, "accel=on is not built in: this QEMU was built without"
               " linux/iommufd.h of Linux 6.15 or newer");
    error_append_hint(errp, "Build it with such headers"
                      " (-Dsmmuv3-accel:linux_headers=DIR), use another QEMU,"
                      " or drop accel=on.\n");
#else
    error_setg(errp, "accel=on is not built in: it needs a host with Linux,"
               " whose IOMMUFD nests on the host's SMMU");
    error_append_hint(errp, "Drop accel=on: QEMU then emulates the SMMU.\n");
#endif
    return false;
}

void smmuv3_accel_realize(SMMUv3State *s)
{
    s->smmu_state.primary_bus->iommu_per_bus = s->smmu_per_bus;
}

void smmuv3_accel_reset(SMMUv3State *s)
{
}

int smmuv3_accel_pre_save(void *opaque)
{
    return 0;
}

int smmuv3_accel_post_load(void *opaque, int version_id)
{
    return 0;
}

/* ---- Hooks for accel=on, which no instance has ---- */

const MemoryRegionOps smmuv3_accel_mem_ops = { };

static bool accel_none_never_needed(void *opaque)
{
    return false;
}

/* QEMU finds a section by its name, so accel=off may get this one. */
static int accel_none_refuse_promise(void *opaque)
{
    error_report("%s: the guest comes from an arm-smmuv3 with accel=on, and"
                 " this one has accel=off", TYPE_ARM_SMMUV3);
    return -EINVAL;
}

const VMStateDescription vmstate_smmuv3_accel = {
    .name = "smmuv3/accel",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = accel_none_never_needed,
    .pre_load = accel_none_refuse_promise,
    .fields = (const VMStateField[]) { VMSTATE_END_OF_LIST() },
};

MemTxResult smmuv3_accel_record_event(SMMUv3State *s, const uint32_t word[8])
{
    return MEMTX_ERROR;
}

int smmuv3_accel_find_ste(SMMUv3State *s, uint32_t sid, struct STE *ste,
                          struct SMMUEventInfo *event)
{
    return -EINVAL;
}
