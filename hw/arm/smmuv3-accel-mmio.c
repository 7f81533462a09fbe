/*
 * arm-smmuv3,accel=on: the guest's accesses to registers, and who may be at
 * the engine.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A write of CMDQ_PROD is posted, as on hardware: the vCPU leaves the value,
 * and if another one is consuming commands just then, that one goes on with
 * these as well, and the vCPU is back in its guest, where it waits for its
 * CMD_SYNC. Who consumes does so without the BQL as long as there are only
 * invalidations and CMD_SYNCs polled in memory (a quiet run, smmuv3-engine.h),
 * so that no system call of theirs keeps other devices waiting.
 *
 * All else comes with the BQL, and holds the engine beside it: "held" says that
 * somebody is at the register file and the engine. With the BQL one waits for
 * a vCPU to be done, for one slice of commands at the most. A vCPU that holds
 * the engine never waits for the BQL: it lets go first, leaving what needs the
 * BQL as it is, and whoever comes next settles that before anything else.
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

/* With the BQL one waits, first like this, then asleep. */
#define SPINS_MAX 1000
#define NAP_US 20

/* ---- Who holds the engine ---- */

static bool take(SMMUv3Accel *a)
{
    return !qatomic_xchg(&a->held, true);
}

static void let_go(SMMUv3Accel *a)
{
    qatomic_set_mb(&a->held, false);
}

bool smmuv3_accel_hold(SMMUv3Accel *a)
{
    if (a->inside) {
        return false;
    }
    qatomic_set_mb(&a->wanted, true);
    for (unsigned n = 0; !take(a); n++) {
        if (n < SPINS_MAX) {
            cpu_relax();
        } else {
            g_usleep(NAP_US);
        }
    }
    qatomic_set_mb(&a->wanted, false);
    a->inside = true;
    return true;
}

static void leave(SMMUv3Accel *a)
{
    a->inside = false;
    let_go(a);
}

void smmuv3_accel_release(SMMUv3Accel *a)
{
    leave(a);
    if (qatomic_read(&a->posted)) {
        qemu_bh_schedule(a->bh);
    }
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

void smmuv3_accel_drop_posted(SMMUv3Accel *a)
{
    qatomic_set(&a->posted, 0);
}

bool smmuv3_accel_enter(SMMUv3Accel *a)
{
    uint32_t posted;

    if (!smmuv3_accel_hold(a)) {
        return false;
    }
    smmuv3_regs_settle(a->regs);
    posted = qatomic_xchg(&a->posted, 0);
    if (posted) {
        smmuv3_regs_write_prod(a->regs, posted & SMMUV3_QUEUE_INDEX);
    }
    return true;
}

/* False: there is something left to do, or all, with the BQL. */
static bool consume_quietly(SMMUv3Accel *a)
{
    uint32_t posted;

    /* Emulated endpoints have caches that are invalidated with the BQL. */
    if (qatomic_read(&a->emulated)) {
        return false;
    }
    posted = qatomic_xchg(&a->posted, 0);
    return !posted || smmuv3_regs_write_prod_quiet(a->regs, posted &
                                                   SMMUV3_QUEUE_INDEX);
}

static void consume_with_bql(SMMUv3Accel *a)
{
    BQL_LOCK_GUARD();
    if (smmuv3_accel_enter(a)) {
        leave(a);
    }
}

/*
 * A vCPU posts, then looks whether the engine is held, or wanted; who lets go
 * of it, or gets what it wanted, looks at what is posted afterwards: one of
 * them sees the other.
 */
static void consume_posted(SMMUv3Accel *a)
{
    for (unsigned n = 0; n < ROUNDS_MAX; n++) {
        bool done;

        if (!qatomic_read(&a->posted) || qatomic_read(&a->wanted) ||
            !take(a)) {
            return;
        }
        done = consume_quietly(a);
        let_go(a);
        if (!done) {
            consume_with_bql(a);
        }
    }
    if (qatomic_read(&a->posted)) {
        qemu_bh_schedule(a->bh);
    }
}

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

/* ---- Accesses ---- */

static MemTxResult result(bool legal)
{
    return legal ? MEMTX_OK : MEMTX_ERROR;
}

static bool read_register(SMMUv3Accel *a, hwaddr offset, uint64_t *data,
                          unsigned size)
{
    bool legal;

    BQL_LOCK_GUARD();
    if (!smmuv3_accel_enter(a)) {
        return false;
    }
    legal = smmuv3_regs_read(a->regs, offset, size, data);
    leave(a);
    return legal;
}

/* The region's opaque is that of the emulated device's. */
static SMMUv3Accel *accel_of(void *opaque)
{
    return container_of(opaque, SMMUv3State, smmu_state)->accel_state;
}

static MemTxResult accel_read(void *opaque, hwaddr offset, uint64_t *data,
                              unsigned size, MemTxAttrs attrs)
{
    SMMUv3Accel *a = accel_of(opaque);
    MemTxResult r;

    *data = 0;
    r = result(read_register(a, offset, data, size));
    consume_posted(a);
    trace_smmuv3_read_mmio(offset, *data, size, r);
    return r;
}

static bool write_register(SMMUv3Accel *a, hwaddr offset, uint64_t data,
                           unsigned size)
{
    bool legal;

    BQL_LOCK_GUARD();
    if (!smmuv3_accel_enter(a)) {
        return false;
    }
    legal = smmuv3_regs_write(a->regs, offset, size, data);
    if (stream_regs_changed(a)) {
        smmuv3_accel_take_regs(a);
    }
    leave(a);
    return legal;
}

static MemTxResult accel_write(void *opaque, hwaddr offset, uint64_t data,
                               unsigned size, MemTxAttrs attrs)
{
    SMMUv3Accel *a = accel_of(opaque);
    MemTxResult r = MEMTX_OK;

    if (is_prod(offset, size)) {
        post(a, data);
    } else {
        r = result(write_register(a, offset, data, size));
    }
    consume_posted(a);
    trace_smmuv3_write_mmio(offset, data, size, r);
    return r;
}

const MemoryRegionOps smmuv3_accel_mem_ops = {
    .read_with_attrs = accel_read,
    .write_with_attrs = accel_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    .impl = { .min_access_size = 4, .max_access_size = 8 },
};

void smmuv3_accel_mmio_init(SMMUv3Accel *a)
{
    MemoryRegion *mr = &a->smmu->smmu_state.iomem;

    mr->lockless_io = true;
    /* It would refuse the second of two vCPUs. */
    mr->disable_reentrancy_guard = true;
}
