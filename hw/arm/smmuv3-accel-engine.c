/*
 * arm-smmuv3,accel=on: the engine in QEMU.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The table of its callbacks, most of which are in other files; wired
 * interrupts; and resuming later, by a bottom half or a timer.
 */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "hw/irq.h"
#include "hw/qdev-core.h"
#include "trace.h"

#include "smmuv3-accel.h"

/* ---- Interrupts ---- */

static void accel_engine_pulse(SMMUv3Accel *a, SMMUIrq irq)
{
    trace_smmuv3_trigger_irq(irq);
    qemu_irq_pulse(a->smmu->irq[irq]);
}

static void accel_engine_sync_irq(void *opaque)
{
    accel_engine_pulse(opaque, SMMU_IRQ_CMD_SYNC);
}

static void accel_engine_irq(void *opaque, SMMUv3Irq irq)
{
    accel_engine_pulse(opaque, irq == SMMUV3_IRQ_EVENTQ ? SMMU_IRQ_EVTQ
                                                        : SMMU_IRQ_GERROR);
}

/* ---- Resuming later ---- */

static void accel_engine_resume(void *opaque)
{
    SMMUv3Accel *a = opaque;

    if (smmuv3_accel_enter(a)) {
        /* A wait goes on, because a guest can schedule the bottom half. */
        if (!timer_pending(a->resume.retry)) {
            smmuv3_engine_resume(a->engine);
        }
        smmuv3_accel_release(a);
    }
}

/* The lock's @later; called from any thread. */
static void accel_engine_resume_soon(void *opaque)
{
    SMMUv3Accel *a = opaque;

    qemu_bh_schedule(a->resume.bh);
}

/* Called from any thread. In real time, because the host is waited for. */
static void accel_engine_resume_in(void *opaque, unsigned delay_ms)
{
    SMMUv3Accel *a = opaque;

    if (delay_ms) {
        timer_mod(a->resume.retry,
                  qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + delay_ms);
    } else {
        accel_engine_resume_soon(a);
    }
}

/* ---- Life ---- */

static const SMMUv3FrontendOps accel_engine_frontend_ops = {
    .size = sizeof(SMMUv3FrontendOps),
    .read = smmuv3_accel_memory_read,
    .read_words = smmuv3_accel_memory_read_words,
    .write = smmuv3_accel_memory_write,
    .irq = accel_engine_irq,
    .sync_irq = accel_engine_sync_irq,
    .resume = accel_engine_resume_in,
    .msi = smmuv3_accel_msi_send,
    .msi_is_quiet = smmuv3_accel_msi_is_quiet,
    .stream_failed = smmuv3_accel_device_failed,
    .vsid = smmuv3_accel_device_vsid,
    .consumed = smmuv3_accel_emul_consumed,
    .watch = smmuv3_accel_events_watch,
    .events_failed = smmuv3_accel_events_failed,
    .window_done = smmuv3_accel_trace_window,
    .batch_done = smmuv3_accel_trace_batch,
    .stream_changed = smmuv3_accel_trace_stream,
    .hwpt_changed = smmuv3_accel_trace_hwpt,
    .recorded = smmuv3_accel_trace_recorded,
};

void smmuv3_accel_engine_reset(SMMUv3Accel *a)
{
    qemu_bh_cancel(a->resume.bh);
    timer_del(a->resume.retry);
    smmuv3_accel_emul_reset(a);
    if (smmuv3_accel_hold(a)) {
        smmuv3_engine_reset(a->engine, a->promise.idr);
        smmuv3_accel_emul_take_regs(a);
        smmuv3_accel_release(a);
    }
}

void smmuv3_accel_engine_init(SMMUv3Accel *a)
{
    smmuv3_accel_events_init(a);
    a->engine = smmuv3_engine_new(&accel_engine_frontend_ops, a);
    /* It fails only if a mandatory callback is missing. */
    g_assert(a->engine);
    a->resume.bh = qemu_bh_new_guarded(accel_engine_resume, a,
                                       &DEVICE(a->smmu)->mem_reentrancy_guard);
    a->resume.retry = timer_new_ms(QEMU_CLOCK_REALTIME, accel_engine_resume,
                                   a);
    smmuv3_accel_lock_init(&a->lock, a->engine, accel_engine_resume_soon, a);
}
