/*
 * arm-smmuv3,accel=on: where an MSI of the SMMU itself goes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The MSI is a CMD_SYNC's, or replaces a wired interrupt. It goes to RAM, which
 * a guest polls, or to the machine's doorbell. It goes to no other device,
 * because the write happens inside of an access to this one.
 *
 * MSIs of the devices behind the SMMU do not come here: the kernel maps their
 * doorbell where smmuv3-accel-msi-range.c says, and KVM sends those that it
 * injects to the doorbell that smmuv3-accel-pci.c names.
 */
#include "qemu/osdep.h"
#include "exec/address-spaces.h"
#include "exec/memory.h"
#include "trace.h"

#include "smmuv3-accel.h"

static int accel_msi_to_doorbell(const SMMUv3Accel *a, uint64_t addr,
                                 uint32_t data)
{
    MemTxAttrs attrs = {
        .requester_id = smmuv3_accel_own_device_id(a->smmu),
    };
    MemTxResult r;

    address_space_stl_le(&address_space_memory, addr, data, attrs, &r);
    return r == MEMTX_OK ? 0 : -EFAULT;
}

int smmuv3_accel_msi_send(void *accel, uint64_t addr, uint32_t data)
{
    SMMUv3Accel *a = accel;

    trace_smmuv3_accel_msi(a->name, addr, data);
    return addr == a->smmu->msi_gpa
           ? accel_msi_to_doorbell(a, addr, data)
           : smmuv3_accel_memory_store(a, addr, data);
}

/* The doorbell is a device, which needs the BQL. */
bool smmuv3_accel_msi_is_quiet(void *accel, uint64_t addr)
{
    SMMUv3Accel *a = accel;

    return addr != a->smmu->msi_gpa;
}
