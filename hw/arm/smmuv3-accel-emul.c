/*
 * arm-smmuv3,accel=on: emulated endpoints behind an instance.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The host's SMMU does not see their DMA, so QEMU's emulated SMMUv3 (smmuv3.c,
 * smmu-common.c) walks the guest's page tables. This file gives that the CDs,
 * or events, of streams, and the entries that commands drop from its caches,
 * both as the engine decodes them (smmuv3-decode.h); and the engine's
 * registers. It takes the emulated SMMU's events to the engine.
 *
 * Locking: an endpoint may translate, and fault, in an iothread without the
 * BQL. SMMUv3State.mutex guards the registers and the caches, as it does with
 * accel=off. Pending events have a lock of their own, under which nothing is
 * called.
 */
#include "qemu/osdep.h"
#include "qemu/lockable.h"
#include "qemu/main-loop.h"
#include "qemu/thread.h"
#include "hw/pci/pci_bus.h"
#include "trace.h"

#include "hw/arm/smmu-common.h"
#include "hw/arm/smmuv3.h"
#include "smmuv3-internal.h"
#include "smmuv3-accel.h"
#include "smmuv3-decode.h"

/*
 * What one call may spend. An address or a configuration costs 1, a command
 * that looks at every entry or becomes several blocks 8. Beyond the budget the
 * caches are emptied, so that no queue full of commands can hold the BQL.
 */
#define BUDGET 256
#define COST_ONE 1
#define COST_SOME 8

/* ---- Caches ---- */

static void accel_emul_forget_configs(SMMUv3State *s, uint32_t first,
                                      uint32_t last)
{
    SMMUSIDRange range = { .start = first, .end = last };

    smmu_configs_inv_sid_range(&s->smmu_state, range);
}

static void accel_emul_forget_translations(SMMUv3State *s)
{
    smmu_inv_notifiers_all(&s->smmu_state);
    smmu_iotlb_inv_all(&s->smmu_state);
}

static void accel_emul_forget_all(SMMUv3State *s)
{
    accel_emul_forget_configs(s, 0, UINT32_MAX);
    accel_emul_forget_translations(s);
}

/* QEMU's cache and its notifiers take aligned blocks, or one address. */
static int accel_emul_forget_pages(SMMUv3State *s,
                                   const SMMUv3Invalidation *inv)
{
    int asid = inv->any_asid ? -1 : inv->asid;
    SMMUv3Invalidation left = *inv;
    uint64_t addr, n;

    while (smmuv3_decode_next_block(&left, &addr, &n)) {
        smmuv3_inv_notifiers_iova(&s->smmu_state, asid, -1, addr, inv->tg, n,
                                  SMMU_STAGE_1);
        smmu_iotlb_inv_iova(&s->smmu_state, asid, -1, addr, inv->tg, n, 0);
    }
    return inv->tg ? COST_SOME : COST_ONE;
}

/* Drops what @inv says; returns the cost. */
static int accel_emul_apply(SMMUv3State *s, const SMMUv3Invalidation *inv)
{
    switch (inv->kind) {
    case SMMUV3_INVALIDATE_CONFIG:
        accel_emul_forget_configs(s, inv->first_sid, inv->last_sid);
        return COST_ONE;
    case SMMUV3_INVALIDATE_ALL:
        accel_emul_forget_translations(s);
        return COST_SOME;
    case SMMUV3_INVALIDATE_ASID:
        smmu_inv_notifiers_all(&s->smmu_state);
        smmu_iotlb_inv_asid_vmid(&s->smmu_state, inv->asid, -1);
        return COST_SOME;
    case SMMUV3_INVALIDATE_PAGES:
        return accel_emul_forget_pages(s, inv);
    default:
        return 0;
    }
}

void smmuv3_accel_emul_consumed(void *accel, const SMMUv3Cmd *cmds,
                                uint32_t n)
{
    SMMUv3Accel *a = accel;
    SMMUv3State *s = a->smmu;
    int budget = BUDGET;

    if (!a->emul.present) {
        return;
    }
    QEMU_LOCK_GUARD(&s->mutex);
    for (uint32_t i = 0; i < n && budget > 0; i++) {
        SMMUv3Invalidation inv = smmuv3_decode_command(s->idr, &cmds[i]);

        budget -= accel_emul_apply(s, &inv);
    }
    if (budget <= 0) {
        accel_emul_forget_all(s);
    }
}

/* ---- Registers ---- */

static SMMUv3StreamRegs accel_emul_stream_regs(const SMMUv3Accel *a)
{
    const SMMUv3Regs *r = smmuv3_engine_state(a->engine);

    return (SMMUv3StreamRegs) {
        .cr0 = r->cr0, .gbpa = r->gbpa, .strtab_base = r->strtab_base,
        .strtab_base_cfg = r->strtab_base_cfg,
    };
}

/* QEMU's code goes by SMMUv3State's copy, and the decoder by a->emul.regs. */
void smmuv3_accel_emul_take_regs(SMMUv3Accel *a)
{
    SMMUv3StreamRegs regs = accel_emul_stream_regs(a);
    SMMUv3State *s = a->smmu;

    WITH_QEMU_LOCK_GUARD(&s->mutex) {
        a->emul.regs = regs;
        memcpy(s->idr, a->promise.idr, sizeof(s->idr));
        s->cr[0] = regs.cr0;
        s->gbpa = regs.gbpa;
        s->strtab_base = regs.strtab_base;
        s->strtab_base_cfg = regs.strtab_base_cfg;
        accel_emul_forget_all(s);
    }
    trace_smmuv3_accel_regs(a->name, regs.cr0, regs.gbpa, regs.strtab_base,
                            regs.strtab_base_cfg);
}

void smmuv3_accel_emul_follow_regs(SMMUv3Accel *a)
{
    SMMUv3StreamRegs regs = accel_emul_stream_regs(a);

    if (!smmuv3_decode_same_regs(&regs, &a->emul.regs)) {
        smmuv3_accel_emul_take_regs(a);
    }
}

/* ---- Streams ---- */

/*
 * Under SMMUv3State.mutex. Both event types have the architecture's numbers.
 * The STE is one without substreams, because QEMU's code has none.
 */
int smmuv3_accel_find_ste(SMMUv3State *s, uint32_t sid, STE *ste,
                          SMMUEventInfo *event)
{
    SMMUv3Accel *a = s->accel_state;
    SMMUv3DecodedStream stream;
    uint64_t word0;

    smmuv3_decode_stream(smmuv3_accel_memory_read_words, a, &a->emul.regs,
                         s->idr, sid, &stream);
    if (stream.event == SMMUV3_EVENT_NONE) {
        word0 = smmuv3_decode_plain_ste(&stream);
        *ste = (STE) { .word = { word0, word0 >> 32 } };
        return 0;
    }
    event->type = (SMMUEventType)stream.event;
    if (stream.event == SMMUV3_EVENT_F_STE_FETCH) {
        event->u.f_ste_fetch.addr = stream.event_addr;
    } else if (stream.event == SMMUV3_EVENT_F_CD_FETCH) {
        event->u.f_cd_fetch.addr = stream.event_addr;
    }
    return -EINVAL;
}

/* ---- Events ---- */

void smmuv3_accel_emul_deliver(SMMUv3Accel *a)
{
    SMMUv3AccelEvents *e = &a->emul.events;
    SMMUv3EventRecord records[SMMUV3_ACCEL_EVENTS_MAX];
    unsigned n;
    bool lost;

    if (!a->running) {
        return;
    }
    /* Later, if this thread is inside of an access and has the lock. */
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
        smmuv3_engine_record_events(a->engine, records, n, lost);
    }
    smmuv3_accel_release(a);
}

void smmuv3_accel_emul_reset(SMMUv3Accel *a)
{
    SMMUv3AccelEvents *e = &a->emul.events;

    QEMU_LOCK_GUARD(&e->lock);
    e->n = 0;
    e->lost = false;
}

static void accel_emul_deliver_bh(void *opaque)
{
    smmuv3_accel_emul_deliver(opaque);
}

static void accel_emul_keep(SMMUv3AccelEvents *e, const uint32_t word[8])
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

    accel_emul_keep(&a->emul.events, word);
    if (bql_locked()) {
        smmuv3_accel_emul_deliver(a);
    } else {
        qemu_bh_schedule(a->emul.events.bh);
    }
    return MEMTX_OK;
}

/* ---- Life ---- */

void smmuv3_accel_emul_init(SMMUv3Accel *a)
{
    SMMUv3AccelEvents *e = &a->emul.events;

    a->emul.ops = a->smmu->smmu_state.primary_bus->iommu_ops;
    qemu_mutex_init(&e->lock);
    e->bh = qemu_bh_new_guarded(accel_emul_deliver_bh, a,
                                &DEVICE(a->smmu)->mem_reentrancy_guard);
}

/* No run is quiet from now on, because caches are emptied under the BQL. */
void smmuv3_accel_emul_be_present(SMMUv3Accel *a)
{
    smmuv3_accel_lock_be_loud(&a->lock);
    a->emul.present = true;
}

AddressSpace *smmuv3_accel_emul_address_space(SMMUv3Accel *a, PCIBus *bus,
                                              int devfn)
{
    return a->emul.ops->get_address_space(bus, a->smmu, devfn);
}
