/*
 * arm-smmuv3,accel=on: emulated endpoints behind an instance.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The host's SMMU does not see their DMA. QEMU's emulated SMMUv3 (smmuv3.c,
 * smmu-common.c) translates it, through the same guest tables. Here is what
 * that needs of the accelerated one: the registers that it looks at, in step
 * with the register file; its caches, invalidated by the commands that the
 * engine has consumed; and its events, handed to the register file.
 *
 * Locking: an endpoint may translate, and fault, in an iothread without the
 * BQL. SMMUv3State.mutex guards the registers and the caches, as it does with
 * accel=off; pending events have a lock of their own, under which nothing is
 * called.
 */
#include "qemu/osdep.h"
#include "qemu/lockable.h"
#include "qemu/main-loop.h"
#include "qemu/thread.h"
#include "hw/pci/pci_bus.h"

#include "hw/arm/smmu-common.h"
#include "hw/arm/smmuv3.h"
#include "smmuv3-internal.h"
#include "smmuv3-accel.h"

/*
 * What one call may spend: an address or a configuration costs 1, what looks
 * at every entry or is split into several 8. Beyond, all is forgotten at once,
 * so that no queue full of commands can hold the BQL.
 */
#define BUDGET 256
#define COST_ONE 1
#define COST_SOME 8

/* ---- Caches ---- */

static void forget_configs(SMMUv3State *s, uint32_t first, uint32_t last)
{
    SMMUSIDRange range = { .start = first, .end = last };

    smmu_configs_inv_sid_range(&s->smmu_state, range);
}

static void forget_translations(SMMUv3State *s)
{
    smmu_inv_notifiers_all(&s->smmu_state);
    smmu_iotlb_inv_all(&s->smmu_state);
}

static void forget_all(SMMUv3State *s)
{
    forget_configs(s, 0, UINT32_MAX);
    forget_translations(s);
}

/* 4.3.2: the low Range+1 bits are ignored; Range=31 is all. */
static void forget_config_range(SMMUv3State *s, uint32_t sid, uint64_t range)
{
    uint32_t ignored = (2ull << range) - 1;

    forget_configs(s, sid & ~ignored, sid | ignored);
}

/* One that QEMU's code would not take in full: reserved, or not aligned. */
static bool is_odd_range(const SMMUv3Cmd *cmd)
{
    unsigned granule = 10 + 2 * SMMUV3_GET(SMMUV3_TLBI1_TG, cmd->dw[1]);

    return SMMUV3_GET(SMMUV3_TLBI0_SCALE, cmd->dw[0]) > 31 ||
           (cmd->dw[1] & SMMUV3_TLBI1_VA & (SMMUV3_BIT(granule) - 1));
}

static int forget_va(SMMUv3State *s, const SMMUv3Cmd *from)
{
    SMMUv3Cmd cmd = *from;
    bool ranges = s->idr[3] & SMMUV3_IDR3_RIL;
    Cmd theirs;

    if (!ranges || !SMMUV3_GET(SMMUV3_TLBI1_TG, cmd.dw[1])) {
        cmd.dw[1] &= ~(SMMUV3_TLBI1_TG | SMMUV3_TLBI1_TTL);
    } else if (is_odd_range(&cmd)) {
        forget_translations(s);
        return COST_SOME;
    }
    theirs = (Cmd) { .word = { cmd.dw[0], cmd.dw[0] >> 32,
                               cmd.dw[1], cmd.dw[1] >> 32 } };
    smmuv3_range_inval(&s->smmu_state, &theirs, SMMU_STAGE_1);
    return SMMUV3_GET(SMMUV3_TLBI1_TG, cmd.dw[1]) ? COST_SOME : COST_ONE;
}

/* What @cmd cost. The engine has found it legal. */
static int apply(SMMUv3State *s, const SMMUv3Cmd *cmd)
{
    uint32_t sid = SMMUV3_GET(SMMUV3_CMD0_SID, cmd->dw[0]);

    switch (cmd->dw[0] & SMMUV3_CMD0_OPCODE) {
    case SMMUV3_CMD_CFGI_STE:
    case SMMUV3_CMD_CFGI_CD:
    case SMMUV3_CMD_CFGI_CD_ALL:
        forget_configs(s, sid, sid);
        return COST_ONE;
    case SMMUV3_CMD_CFGI_STE_RANGE:
        forget_config_range(s, sid, SMMUV3_GET(SMMUV3_CFGI1_RANGE,
                                               cmd->dw[1]));
        return COST_ONE;
    case SMMUV3_CMD_TLBI_NH_ALL:
    case SMMUV3_CMD_TLBI_NSNH_ALL:
        forget_translations(s);
        return COST_SOME;
    case SMMUV3_CMD_TLBI_NH_ASID:
        smmu_inv_notifiers_all(&s->smmu_state);
        smmu_iotlb_inv_asid_vmid(&s->smmu_state,
                                 SMMUV3_GET(SMMUV3_TLBI0_ASID, cmd->dw[0]),
                                 -1);
        return COST_SOME;
    case SMMUV3_CMD_TLBI_NH_VA:
    case SMMUV3_CMD_TLBI_NH_VAA:
        return forget_va(s, cmd);
    default:
        return 0;
    }
}

void smmuv3_accel_emul_consumed(SMMUv3Accel *a, const SMMUv3Cmd *cmds,
                                uint32_t n)
{
    SMMUv3State *s = a->smmu;
    int budget = BUDGET;

    if (!a->emulated) {
        return;
    }
    QEMU_LOCK_GUARD(&s->mutex);
    for (uint32_t i = 0; i < n && budget > 0; i++) {
        budget -= apply(s, &cmds[i]);
    }
    if (budget <= 0) {
        forget_all(s);
    }
}

/* ---- Registers ---- */

/* STRTAB_BASE_CFG as the emulation has it; a reserved SPLIT is 6, 6.3.25. */
static void take_strtab_cfg(SMMUv3State *s, uint32_t cfg)
{
    unsigned split = SMMUV3_GET(SMMUV3_STRTAB_CFG_SPLIT, cfg);

    s->strtab_base_cfg = cfg;
    s->sid_split = split == 8 || split == 10 ? split : 6;
    s->features &= ~SMMU_FEATURE_2LVL_STE;
    if (SMMUV3_GET(SMMUV3_STRTAB_CFG_FMT, cfg) == SMMUV3_STRTAB_2LVL) {
        s->features |= SMMU_FEATURE_2LVL_STE;
    }
}

void smmuv3_accel_emul_take_regs(SMMUv3Accel *a)
{
    const SMMUv3Regs *regs = smmuv3_regs_state(a->regs);
    SMMUv3State *s = a->smmu;

    QEMU_LOCK_GUARD(&s->mutex);
    memcpy(s->idr, a->idr, sizeof(s->idr));
    s->cr[0] = regs->cr0;
    s->gbpa = regs->gbpa;
    s->strtab_base = regs->strtab_base;
    take_strtab_cfg(s, regs->strtab_base_cfg);
    forget_all(s);
}

/* ---- Events ---- */

void smmuv3_accel_emul_deliver(SMMUv3Accel *a)
{
    SMMUv3AccelEvents *e = &a->emulated_events;
    SMMUv3EventRecord records[SMMUV3_ACCEL_EVENTS_MAX];
    unsigned n;
    bool lost;

    if (!a->running) {
        return;
    }
    /* Not from inside of an access; nor is one begun in an endpoint's DMA. */
    if (!smmuv3_accel_hold(a)) {
        qemu_bh_schedule(e->bh);
        return;
    }
    WITH_QEMU_LOCK_GUARD(&e->lock) {
        n = e->n;
        lost = e->lost;
        memcpy(records, e->records, n * sizeof(*records));
        e->n = 0;
        e->lost = false;
    }
    if (n) {
        smmuv3_regs_record(a->regs, records, n, lost);
    }
    smmuv3_accel_release(a);
}

/* They are of a guest that is no more. */
void smmuv3_accel_emul_reset(SMMUv3Accel *a)
{
    SMMUv3AccelEvents *e = &a->emulated_events;

    QEMU_LOCK_GUARD(&e->lock);
    e->n = 0;
    e->lost = false;
}

static void deliver_bh(void *opaque)
{
    smmuv3_accel_emul_deliver(opaque);
}

static void keep(SMMUv3AccelEvents *e, const uint32_t word[8])
{
    SMMUv3EventRecord record;

    for (int i = 0; i < ARRAY_SIZE(record.dw); i++) {
        record.dw[i] = cpu_to_le64(word[2 * i] |
                                   (uint64_t)word[2 * i + 1] << 32);
    }
    QEMU_LOCK_GUARD(&e->lock);
    if (e->n < SMMUV3_ACCEL_EVENTS_MAX) {
        e->records[e->n++] = record;
    } else {
        e->lost = true;
    }
}

MemTxResult smmuv3_accel_record_event(SMMUv3State *s, const uint32_t word[8])
{
    SMMUv3Accel *a = s->accel_state;

    keep(&a->emulated_events, word);
    if (bql_locked()) {
        smmuv3_accel_emul_deliver(a);
    } else {
        qemu_bh_schedule(a->emulated_events.bh);
    }
    return MEMTX_OK;
}

/* ---- Life ---- */

void smmuv3_accel_emul_init(SMMUv3Accel *a)
{
    SMMUv3AccelEvents *e = &a->emulated_events;

    qemu_mutex_init(&e->lock);
    e->bh = qemu_bh_new_guarded(deliver_bh, a,
                                &DEVICE(a->smmu)->mem_reentrancy_guard);
}

AddressSpace *smmuv3_accel_emul_address_space(SMMUv3Accel *a, PCIBus *bus,
                                              int devfn)
{
    return a->emulated_ops->get_address_space(bus, a->smmu, devfn);
}
