/*
 * arm-smmuv3,accel=on: the guest's accesses to registers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * They come without the BQL (lockless_io). All but one take it, so that the
 * register file and the engine are only ever used under it. The one is a write
 * of CMDQ_PROD, which is posted, as on hardware: the vCPU leaves the value, and
 * if another one is consuming commands just then, that one goes on with these
 * as well, and the vCPU is back in its guest, where it waits for its CMD_SYNC.
 * Whoever comes to the registers next finds the value applied.
 *
 * What the device reads and writes is RAM, or the machine's MSI doorbell
 * (smmuv3-accel-memory.c). QEMU's emulated ITS goes on from there to wherever
 * its guest has put its tables: an access from inside of another does nothing.
 */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "hw/qdev-core.h"
#include "trace.h"

#include "smmuv3-accel.h"

/* Beside an index and its wrap bit, which is all that PROD has (6.3.27). */
#define POSTED BIT(31)
#define PAGE1 0x10000

/* A vCPU consumes for others so many times before the main loop does. */
#define ROUNDS_MAX 4

/* ---- Registers that streams depend on ---- */

/* Emulated endpoints go by registers of their own. */
void smmuv3_accel_take_regs(SMMUv3Accel *a)
{
    const SMMUv3Regs *r = smmuv3_regs_state(a->regs);

    a->taken = (SMMUv3StreamRegs) {
        .cr0 = r->cr0, .gbpa = r->gbpa, .strtab_base = r->strtab_base,
        .strtab_base_cfg = r->strtab_base_cfg,
    };
    smmuv3_accel_emul_take_regs(a);
    trace_smmuv3_accel_regs(a->name, r->cr0, r->gbpa, r->strtab_base,
                            r->strtab_base_cfg);
}

static bool stream_regs_changed(const SMMUv3Accel *a)
{
    const SMMUv3Regs *r = smmuv3_regs_state(a->regs);
    const SMMUv3StreamRegs *old = &a->taken;

    return r->cr0 != old->cr0 || r->gbpa != old->gbpa ||
           r->strtab_base != old->strtab_base ||
           r->strtab_base_cfg != old->strtab_base_cfg;
}

/* ---- CMDQ_PROD ---- */

static bool is_prod(hwaddr offset, unsigned size)
{
    return (offset & ~(hwaddr)PAGE1) == SMMUV3_REG_CMDQ_PROD && size == 4;
}

/* An older value that nobody has seen is as if it had never been written. */
static void post(SMMUv3Accel *a, uint32_t value)
{
    stat64_add(&a->prod_writes, 1);
    qatomic_xchg(&a->posted, POSTED | (value & SMMUV3_QUEUE_INDEX));
}

void smmuv3_accel_apply_posted(SMMUv3Accel *a)
{
    uint32_t posted;

    if (a->busy) {
        return;
    }
    posted = qatomic_xchg(&a->posted, 0);
    if (posted) {
        a->busy = true;
        smmuv3_regs_write_prod(a->regs, posted & SMMUV3_QUEUE_INDEX);
        a->busy = false;
    }
}

void smmuv3_accel_drop_posted(SMMUv3Accel *a)
{
    qatomic_set(&a->posted, 0);
}

static void apply_locked(SMMUv3Accel *a)
{
    BQL_LOCK_GUARD();
    smmuv3_accel_apply_posted(a);
}

/*
 * Who sets @consuming consumes. A vCPU posts, then looks at it; who clears it
 * looks at what is posted afterwards: one of them sees the other.
 */
static void consume_posted(SMMUv3Accel *a)
{
    for (unsigned n = 0; n < ROUNDS_MAX; n++) {
        if (!qatomic_read(&a->posted) || qatomic_xchg(&a->consuming, true)) {
            return;
        }
        apply_locked(a);
        qatomic_set_mb(&a->consuming, false);
    }
    if (qatomic_read(&a->posted)) {
        qemu_bh_schedule(a->bh);
    }
}

/* ---- Accesses ---- */

static MemTxResult result(bool legal)
{
    return legal ? MEMTX_OK : MEMTX_ERROR;
}

MemTxResult smmuv3_accel_read(SMMUv3State *s, hwaddr offset, uint64_t *data,
                              unsigned size)
{
    SMMUv3Accel *a = s->accel_state;
    MemTxResult r;

    BQL_LOCK_GUARD();
    smmuv3_accel_apply_posted(a);
    *data = 0;
    r = result(!a->busy && smmuv3_regs_read(a->regs, offset, size, data));
    trace_smmuv3_read_mmio(offset, *data, size, r);
    return r;
}

static MemTxResult write_locked(SMMUv3Accel *a, hwaddr offset, uint64_t data,
                                unsigned size)
{
    MemTxResult r;

    BQL_LOCK_GUARD();
    smmuv3_accel_apply_posted(a);
    if (a->busy) {
        return MEMTX_ERROR;
    }
    a->busy = true;
    r = result(smmuv3_regs_write(a->regs, offset, size, data));
    a->busy = false;
    if (stream_regs_changed(a)) {
        smmuv3_accel_take_regs(a);
    }
    return r;
}

MemTxResult smmuv3_accel_write(SMMUv3State *s, hwaddr offset, uint64_t data,
                               unsigned size)
{
    SMMUv3Accel *a = s->accel_state;
    MemTxResult r = MEMTX_OK;

    if (is_prod(offset, size)) {
        post(a, data);
        consume_posted(a);
    } else {
        r = write_locked(a, offset, data, size);
    }
    trace_smmuv3_write_mmio(offset, data, size, r);
    return r;
}

void smmuv3_accel_mmio_init(SMMUv3Accel *a)
{
    MemoryRegion *mr = &a->smmu->smmu_state.iomem;

    mr->lockless_io = true;
    /* It would refuse the second of two vCPUs. */
    mr->disable_reentrancy_guard = true;
}
