/*
 * arm-smmuv3,accel=on: what ties the engine and its register file to QEMU.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The registers of SMMUv3State are the emulated device's. With accel=on idr is
 * the promise; those that decide over streams follow the register file, for
 * emulated endpoints; the others only carry a migration stream's values.
 */
#include "qemu/osdep.h"
#include <sys/epoll.h>
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qapi/error.h"
#include "hw/irq.h"
#include "hw/pci/pci_bus.h"
#include "hw/qdev-core.h"
#include "trace.h"

#include "hw/arm/smmuv3.h"
#include "smmuv3-internal.h"
#include "smmuv3-accel.h"

bool smmuv3_accel_built_in(Error **errp)
{
    return true;
}

const char *smmuv3_accel_name(const SMMUv3State *s)
{
    const char *id = DEVICE(s)->id;

    return id ? id : TYPE_ARM_SMMUV3;
}

static int frontend_read_words(void *opaque, uint64_t addr, uint64_t *words,
                               size_t n)
{
    return smmuv3_accel_memory_read_words(addr, words, n);
}

static bool frontend_vsid(void *opaque, void *cookie, uint32_t *vsid)
{
    return smmuv3_accel_pci_vsid(cookie, vsid);
}

static void frontend_stream_failed(void *opaque, void *cookie,
                                   SMMUv3HostCall call, int err)
{
    smmuv3_accel_pci_stream_failed(cookie, call, err);
}

static void pulse(SMMUv3State *s, SMMUIrq irq)
{
    trace_smmuv3_trigger_irq(irq);
    qemu_irq_pulse(s->irq[irq]);
}

static void frontend_sync_irq(void *opaque)
{
    SMMUv3Accel *a = opaque;

    pulse(a->smmu, SMMU_IRQ_CMD_SYNC);
}

/* Of a CMD_SYNC, or instead of a wired interrupt. */
static int send_msi(void *opaque, uint64_t addr, uint32_t data)
{
    SMMUv3Accel *a = opaque;

    trace_smmuv3_accel_msi(a->name, addr, data);
    return smmuv3_accel_memory_msi(a, addr, data);
}

/* The doorbell is a device, which needs the BQL. */
static bool frontend_msi_is_quiet(void *opaque, uint64_t addr)
{
    SMMUv3Accel *a = opaque;

    return addr != a->smmu->msi_gpa;
}

static void frontend_consumed(void *opaque, const SMMUv3Cmd *cmds, uint32_t n)
{
    smmuv3_accel_emul_consumed(opaque, cmds, n);
}

static void events_readable(void *opaque)
{
    SMMUv3Accel *a = opaque;

    if (smmuv3_accel_enter(a)) {
        smmuv3_regs_host_events(a->regs);
        smmuv3_accel_release(a);
    }
}

/* Once: a guest can ask again and again. */
static void frontend_events_failed(void *opaque, int err)
{
    SMMUv3Accel *a = opaque;

    if (!a->events_failure_told) {
        a->events_failure_told = true;
        warn_report("%s: the host's kernel cannot tell of translation faults"
                    " (%s), so the guest will not see them; Linux 6.15 or"
                    " newer can", smmuv3_accel_name(a->smmu), strerror(-err));
    }
}

/*
 * Who polls a descriptor keeps its file open until poll() returns. The main
 * loop sleeps in it while a vCPU unplugs the last device; the host's queue
 * could not be destroyed then (EBUSY), and with it the vIOMMU would stay. An
 * epoll descriptor between them lets go of the queue at once.
 */
static int poll_through(int fd)
{
    struct epoll_event readable = { .events = EPOLLIN };
    int ep = epoll_create1(EPOLL_CLOEXEC);

    if (ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &readable) < 0) {
        close(ep);
        ep = -1;
    }
    return ep;
}

void smmuv3_accel_listen(SMMUv3Accel *a, bool on)
{
    if (a->events_poll >= 0) {
        qemu_set_fd_handler(a->events_poll, on ? events_readable : NULL, NULL,
                            a);
    }
}

static void frontend_watch(void *opaque, int fd)
{
    SMMUv3Accel *a = opaque;

    if (a->events_poll >= 0) {
        smmuv3_accel_listen(a, false);
        epoll_ctl(a->events_poll, EPOLL_CTL_DEL, a->events_fd, NULL);
        close(a->events_poll);
    }
    a->events_fd = fd;
    a->events_poll = fd >= 0 ? poll_through(fd) : -1;
    if (a->events_poll >= 0) {
        smmuv3_accel_listen(a, a->running);
    } else if (fd >= 0) {
        frontend_events_failed(a, -errno);
    }
}

static void frontend_window_done(void *opaque, const SMMUv3WindowInfo *w)
{
    SMMUv3Accel *a = opaque;

    trace_smmuv3_accel_window(a->name, w->from, w->to, w->forwarded);
    if (w->cerror) {
        trace_smmuv3_accel_command_error(a->name, w->to,
                                         w->failed ? w->failed->dw[0] : 0,
                                         w->failed ? w->failed->dw[1] : 0,
                                         w->cerror);
    }
}

static void frontend_batch_done(void *opaque, const SMMUv3BatchInfo *b)
{
    SMMUv3Accel *a = opaque;

    trace_smmuv3_accel_batch(a->name, b->forwarded, b->sent, b->calls,
                             b->cerror);
}

static void frontend_stream_changed(void *opaque, const SMMUv3DeviceInfo *d)
{
    smmuv3_accel_pci_stream_changed(opaque, d);
}

static void frontend_hwpt_changed(void *opaque, const SMMUv3HwptInfo *h,
                                  bool made)
{
    SMMUv3Accel *a = opaque;

    trace_smmuv3_accel_hwpt(a->name, made ? "new" : "freed", h->id,
                            smmuv3_accel_kind_name(h->kind), h->ste[0],
                            h->ste[1]);
}

static const SMMUv3FrontendOps frontend_ops = {
    .read = smmuv3_accel_memory_read,
    .read_words = frontend_read_words,
    .sync_irq = frontend_sync_irq,
    .msi = send_msi,
    .msi_is_quiet = frontend_msi_is_quiet,
    .stream_failed = frontend_stream_failed,
    .vsid = frontend_vsid,
    .consumed = frontend_consumed,
    .watch = frontend_watch,
    .events_failed = frontend_events_failed,
    .window_done = frontend_window_done,
    .batch_done = frontend_batch_done,
    .stream_changed = frontend_stream_changed,
    .hwpt_changed = frontend_hwpt_changed,
};

static int regs_write(void *opaque, uint64_t addr, const void *buf, size_t len)
{
    return smmuv3_accel_memory_write(addr, buf, len);
}

static void regs_irq(void *opaque, SMMUv3Irq irq)
{
    SMMUv3Accel *a = opaque;

    pulse(a->smmu, irq == SMMUV3_IRQ_EVENTQ ? SMMU_IRQ_EVTQ
                                            : SMMU_IRQ_GERROR);
}

/* Of the lock, from any thread */
static void resume_soon(void *opaque)
{
    SMMUv3Accel *a = opaque;

    qemu_bh_schedule(a->bh);
}

/* From any thread, too. It is the host that is waited for: real time. */
static void regs_resume(void *opaque, unsigned delay_ms)
{
    SMMUv3Accel *a = opaque;

    if (delay_ms) {
        timer_mod(a->retry,
                  qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + delay_ms);
    } else {
        resume_soon(a);
    }
}

static void trace_one_event(const SMMUv3Accel *a, const char *what,
                            const SMMUv3EventRecord *record)
{
    uint64_t dw0 = le64_to_cpu(record->dw[0]);

    trace_smmuv3_accel_event(a->name, what,
                             SMMUV3_GET(SMMUV3_EVENT0_SID, dw0),
                             SMMUV3_GET(SMMUV3_EVENT0_TYPE, dw0),
                             le64_to_cpu(record->dw[1]),
                             le64_to_cpu(record->dw[2]),
                             le64_to_cpu(record->dw[3]));
}

static void regs_recorded(void *opaque, const SMMUv3EventRecord *records,
                          unsigned n, unsigned written, bool lost)
{
    SMMUv3Accel *a = opaque;

    if (trace_event_get_state_backends(TRACE_SMMUV3_ACCEL_EVENT)) {
        for (unsigned i = 0; i < n; i++) {
            trace_one_event(a, i < written ? "forwarded" : "dropped",
                            &records[i]);
        }
    }
    if (lost) {
        trace_smmuv3_accel_events_lost(a->name);
    }
}

static const SMMUv3RegsOps regs_ops = {
    .write = regs_write,
    .irq = regs_irq,
    .msi = send_msi,
    .resume = regs_resume,
    .recorded = regs_recorded,
};

static void resume(void *opaque)
{
    SMMUv3Accel *a = opaque;

    if (smmuv3_accel_enter(a)) {
        /* The bottom half comes for what a guest does, and no wait ends so. */
        if (!timer_pending(a->retry)) {
            smmuv3_regs_resume(a->regs);
        }
        smmuv3_accel_release(a);
    }
}

void smmuv3_accel_reset(SMMUv3State *s)
{
    SMMUv3Accel *a = s->accel_state;

    if (!s->accel) {
        return;
    }
    qemu_bh_cancel(a->bh);
    timer_del(a->retry);
    smmuv3_accel_emul_reset(a);
    if (smmuv3_accel_hold(a)) {
        smmuv3_regs_reset(a->regs, a->idr);
        smmuv3_accel_take_regs(a);
        smmuv3_accel_release(a);
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
    a->events_fd = -1;
    a->events_poll = -1;
    a->engine = smmuv3_engine_new(&frontend_ops, a);
    a->regs = smmuv3_regs_new(a->engine, &regs_ops, a);
    a->bh = qemu_bh_new_guarded(resume, a,
                                &DEVICE(s)->mem_reentrancy_guard);
    a->retry = timer_new_ms(QEMU_CLOCK_REALTIME, resume, a);
    smmuv3_accel_lock_init(&a->lock, a->regs, resume_soon, a);
    a->devices = g_ptr_array_new();
    smmuv3_accel_memory_init(a);
    smmuv3_accel_mmio_init(a);
    smmuv3_accel_emul_init(a);
    s->accel_state = a;
    smmuv3_accel_props_setup(a);
    smmuv3_accel_migrate_setup(a);
    smmuv3_accel_pci_setup(a);
}
