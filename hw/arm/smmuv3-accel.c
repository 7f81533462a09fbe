/*
 * arm-smmuv3,accel=on: an instance, made and reset.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The registers of SMMUv3State are the emulated device's. With accel=on idr is
 * the promise. Registers that streams depend on follow the engine's, for
 * emulated endpoints. The others only carry a migration stream's values.
 */
#include "qemu/osdep.h"
#include "hw/pci/pci_bus.h"

#include "smmuv3-accel.h"

bool smmuv3_accel_built_in(Error **errp)
{
    return true;
}

void smmuv3_accel_reset(SMMUv3State *s)
{
    if (s->accel) {
        smmuv3_accel_engine_reset(s->accel_state);
    }
}

/* smmu-common.c has just set the emulated SMMU's PCIIOMMUOps. */
void smmuv3_accel_realize(SMMUv3State *s)
{
    SMMUv3Accel *a;

    s->smmu_state.primary_bus->iommu_per_bus = s->smmu_per_bus;
    if (!s->accel) {
        return;
    }
    a = g_new0(SMMUv3Accel, 1);
    a->smmu = s;
    a->name = smmuv3_accel_name(s);
    smmuv3_accel_engine_init(a);
    smmuv3_accel_memory_init(a);
    smmuv3_accel_mmio_init(a);
    smmuv3_accel_emul_init(a);
    s->accel_state = a;
    smmuv3_accel_props_promise(a, NULL);
    smmuv3_accel_migrate_setup(a);
    smmuv3_accel_pci_setup(a);
}
