/*
 * arm-smmuv3,accel=on: the guest's accesses to registers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A write of CMDQ_PROD is posted, as on hardware. The vCPU leaves the value. If
 * another vCPU is consuming commands, that one consumes these as well, and the
 * first vCPU returns to its guest, which waits for its CMD_SYNC there. A read
 * takes the engine's lock alone. So other vCPUs reach other devices while an
 * invalidation is at the host, or while a guest polls CMDQ_CONS, unless a
 * thread waits for the engine's lock with the BQL. Any other write takes the
 * BQL (smmuv3-accel-lock.h).
 *
 * The device accesses only RAM and the machine's MSI doorbell
 * (smmuv3-accel-memory.c). Behind the doorbell QEMU's emulated ITS accesses the
 * addresses that the guest gives for its tables, which may be these registers:
 * an access inside of another access does nothing.
 */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "hw/qdev-core.h"
#include "trace.h"

#include "smmuv3-accel.h"
#include "smmuv3-decode.h"

static MemTxResult accel_mmio_result(bool legal)
{
    return legal ? MEMTX_OK : MEMTX_ERROR;
}

static bool accel_mmio_read_register(SMMUv3Accel *a, hwaddr offset,
                                     uint64_t *data, unsigned size)
{
    bool legal;

    if (!smmuv3_accel_lock_look(&a->lock)) {
        return false;
    }
    legal = smmuv3_engine_read(a->engine, offset, size, data);
    smmuv3_accel_lock_looked(&a->lock);
    return legal;
}

/* The region's opaque is the emulated device's, SMMUState. */
static SMMUv3Accel *accel_mmio_instance(void *opaque)
{
    return container_of(opaque, SMMUv3State, smmu_state)->accel_state;
}

static MemTxResult accel_mmio_read(void *opaque, hwaddr offset, uint64_t *data,
                                   unsigned size, MemTxAttrs attrs)
{
    SMMUv3Accel *a = accel_mmio_instance(opaque);
    MemTxResult r;

    *data = 0;
    r = accel_mmio_result(accel_mmio_read_register(a, offset, data, size));
    smmuv3_accel_lock_consume(&a->lock);
    trace_smmuv3_read_mmio(offset, *data, size, r);
    return r;
}

static bool accel_mmio_write_register(SMMUv3Accel *a, hwaddr offset,
                                      uint64_t data, unsigned size)
{
    bool legal;

    BQL_LOCK_GUARD();
    if (!smmuv3_accel_enter(a)) {
        return false;
    }
    legal = smmuv3_engine_write(a->engine, offset, size, data);
    smmuv3_accel_emul_follow_regs(a);
    smmuv3_accel_release(a);
    return legal;
}

static MemTxResult accel_mmio_write(void *opaque, hwaddr offset, uint64_t data,
                                    unsigned size, MemTxAttrs attrs)
{
    SMMUv3Accel *a = accel_mmio_instance(opaque);
    bool prod = smmuv3_decode_is_cmdq_prod(offset);
    MemTxResult r = MEMTX_OK;

    if (prod) {
        stat64_add(&a->mmio.prod_writes, 1);
    }
    /* 8 bytes are not posted, because CMDQ_CONS changes with CMDQ_PROD. */
    if (prod && size == 4) {
        smmuv3_accel_lock_post(&a->lock, data);
    } else {
        r = accel_mmio_result(accel_mmio_write_register(a, offset, data, size));
    }
    smmuv3_accel_lock_consume(&a->lock);
    trace_smmuv3_write_mmio(offset, data, size, r);
    return r;
}

const MemoryRegionOps smmuv3_accel_mem_ops = {
    .read_with_attrs = accel_mmio_read,
    .write_with_attrs = accel_mmio_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    .impl = { .min_access_size = 4, .max_access_size = 8 },
};

void smmuv3_accel_mmio_init(SMMUv3Accel *a)
{
    MemoryRegion *mr = &a->smmu->smmu_state.iomem;

    mr->lockless_io = true;
    /* Because the guard would refuse the second of two vCPUs. */
    mr->disable_reentrancy_guard = true;
}
