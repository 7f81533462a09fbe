/*
 * arm-smmuv3,accel=on: stopping, saving and loading.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * While the VM is stopped the SMMU does nothing on its own: no command is
 * consumed and no event is written, because what is saved after STOP (RAM
 * first, then devices) has to be of one moment. A posted CMDQ_PROD is put into
 * its register. If the last DMA of an emulated endpoint ends after STOP with a
 * fault, the event is written when the VM goes on here, and lost if the guest
 * goes on elsewhere.
 *
 * The stream has the format of the emulated device, and with accel=on the
 * promise beside it: SMMU_IDR0..5 as the guest has read them, and the MSI range
 * of its tables. A QEMU that loads takes the promise over, or refuses. The
 * loaded guest has run, so nothing that is plugged later changes the promise.
 * A host device's state cannot be saved, so none may be plugged, except for one
 * that failover has taken from the guest.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"
#include "migration/blocker.h"
#include "migration/vmstate.h"
#include "system/runstate.h"

#include "smmuv3-accel.h"

/* ---- Stopping ---- */

/*
 * When the VM stops, the handlers of devices run before this one, so the events
 * that they cause are written before RAM is saved.
 */
static void accel_migrate_run_state_changed(void *opaque, bool running,
                                            RunState state)
{
    SMMUv3Accel *a = opaque;

    a->promise.frozen |= running;
    if (!running) {
        smmuv3_accel_emul_deliver(a);
    }
    a->running = running;
    smmuv3_accel_events_listen(a, running);
    if (smmuv3_accel_hold(a)) {
        smmuv3_engine_settle(a->engine);
        smmuv3_engine_pause(a->engine, !running);
        smmuv3_accel_release(a);
    }
    if (running) {
        smmuv3_accel_emul_deliver(a);
    }
}

/* ---- Host devices ---- */

/* Is @d a primary that failover itself takes out before a migration? */
static bool accel_migrate_is_failover_primary(const SMMUv3AccelDevice *d)
{
    PCIDevice *dev = d->bus->devices[d->devfn];

    return dev && dev->failover_pair_id;
}

bool smmuv3_accel_migrate_block(SMMUv3AccelDevice *d, Error **errp)
{
    SMMUv3Accel *a = d->accel;

    if (accel_migrate_is_failover_primary(d)) {
        return true;
    }
    if (!a->migration.blocker) {
        error_setg(&a->migration.blocker,
                   "arm-smmuv3 with accel=on has a host device: the host's"
                   " SMMU state cannot be migrated or saved");
        if (migrate_add_blocker(&a->migration.blocker, errp)) {
            return false;
        }
    }
    d->blocks_migration = true;
    a->migration.blocking++;
    return true;
}

void smmuv3_accel_migrate_unblock(SMMUv3AccelDevice *d)
{
    SMMUv3Accel *a = d->accel;

    if (d->blocks_migration && --a->migration.blocking == 0) {
        migrate_del_blocker(&a->migration.blocker);
    }
}

/* A failover primary that the guest has released stays plugged, and hidden. */
static bool accel_migrate_is_given_up(const SMMUv3AccelDevice *d)
{
    PCIDevice *dev = d->bus->devices[d->devfn];

    return dev && dev->partially_hotplugged;
}

static bool accel_migrate_may_save(const SMMUv3Accel *a)
{
    for (guint i = 0; i < a->devices.all->len; i++) {
        const SMMUv3AccelDevice *d = g_ptr_array_index(a->devices.all, i);

        if (!accel_migrate_is_given_up(d)) {
            error_report("%s: %s is still plugged: the host's SMMU state"
                         " cannot be migrated or saved", a->name, d->name);
            return false;
        }
    }
    return true;
}

/* ---- Registers ---- */

/* A register in the emulated device's state, and in ours */
#define FOR_EACH_REGISTER(COPY)                 \
    COPY(cr[0], cr0)                            \
    COPY(cr[1], cr1)                            \
    COPY(cr[2], cr2)                            \
    COPY(cr0ack, cr0ack)                        \
    COPY(gbpa, gbpa)                            \
    COPY(irq_ctrl, irq_ctrl)                    \
    COPY(gerror, gerror)                        \
    COPY(gerrorn, gerrorn)                      \
    COPY(gerror_irq_cfg0, gerror_irq_cfg0)      \
    COPY(gerror_irq_cfg1, gerror_irq_cfg1)      \
    COPY(gerror_irq_cfg2, gerror_irq_cfg2)      \
    COPY(strtab_base, strtab_base)              \
    COPY(strtab_base_cfg, strtab_base_cfg)      \
    COPY(cmdq.base, cmdq_base)                  \
    COPY(cmdq.prod, cmdq_prod)                  \
    COPY(cmdq.cons, cmdq_cons)                  \
    COPY(eventq.base, eventq_base)              \
    COPY(eventq.prod, eventq_prod)              \
    COPY(eventq.cons, eventq_cons)              \
    COPY(eventq_irq_cfg0, eventq_irq_cfg0)      \
    COPY(eventq_irq_cfg1, eventq_irq_cfg1)      \
    COPY(eventq_irq_cfg2, eventq_irq_cfg2)

int smmuv3_accel_pre_save(void *opaque)
{
    SMMUv3State *s = opaque;
    SMMUv3Accel *a = s->accel_state;
    const SMMUv3Regs *regs;

    if (!s->accel) {
        return 0;
    }
    if (!accel_migrate_may_save(a)) {
        return -EBUSY;
    }
    if (smmuv3_accel_hold(a)) {
        regs = smmuv3_engine_state(a->engine);
#define TO_STREAM(theirs, ours) s->theirs = regs->ours;
        FOR_EACH_REGISTER(TO_STREAM)
        memcpy(a->migration.stream_idr, a->promise.idr,
               sizeof(a->migration.stream_idr));
        a->migration.stream_msi = *smmuv3_accel_msi_range_told();
        a->migration.stream_its_moved = smmuv3_accel_its_is_moved();
        smmuv3_accel_release(a);
    }
    return 0;
}

static void accel_migrate_load_registers(SMMUv3Accel *a)
{
    SMMUv3State *s = a->smmu;
    SMMUv3Regs regs;

    smmuv3_accel_emul_reset(a);
    if (smmuv3_accel_hold(a)) {
        /* This is the stream's promise: smmuv3_accel_props_take() took it. */
        smmuv3_engine_reset(a->engine, a->promise.idr);
        regs = *smmuv3_engine_state(a->engine);
#define FROM_STREAM(theirs, ours) regs.ours = s->theirs;
        FOR_EACH_REGISTER(FROM_STREAM)
        smmuv3_engine_set_state(a->engine, &regs);
        smmuv3_accel_emul_take_regs(a);
        smmuv3_accel_release(a);
    }
}

/* Nothing else in the stream says where the machine has its ITS. */
static bool accel_migrate_its_is_same(const SMMUv3Accel *a, Error **errp)
{
    bool here = smmuv3_accel_its_is_moved();

    if (a->migration.stream_its_moved == here) {
        return true;
    }
    error_setg(errp, "the guest comes from a machine with its-msi-iova=%s, and"
               " this one has its-msi-iova=%s", here ? "off" : "on",
               here ? "on" : "off");
    return false;
}

int smmuv3_accel_post_load(void *opaque, int version_id)
{
    SMMUv3State *s = opaque;
    SMMUv3Accel *a = s->accel_state;
    Error *err = NULL;
    bool kept;

    if (!s->accel) {
        return 0;
    }
    kept = accel_migrate_its_is_same(a, &err) &&
           smmuv3_accel_props_take(a, a->migration.stream_idr, &err) &&
           smmuv3_accel_msi_range_load(&a->migration.stream_msi, &err);
    memset(a->migration.stream_idr, 0, sizeof(a->migration.stream_idr));
    a->migration.stream_its_moved = false;
    if (!kept) {
        error_prepend(&err, "%s: ", a->name);
        error_report_err(err);
        return -EINVAL;
    }
    accel_migrate_load_registers(a);
    return 0;
}

static bool accel_migrate_its_is_moved(void *opaque)
{
    return smmuv3_accel_its_is_moved();
}

/* Only if it is moved, because a stream without it is one of before. */
static const VMStateDescription vmstate_its = {
    .name = "smmuv3/accel/promise/its",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = accel_migrate_its_is_moved,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(migration.stream_its_moved, SMMUv3Accel),
        VMSTATE_END_OF_LIST()
    }
};

static const VMStateDescription vmstate_promise = {
    .name = "smmuv3/accel/promise",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32_ARRAY(migration.stream_idr, SMMUv3Accel, 6),
        VMSTATE_UINT64(migration.stream_msi.base, SMMUv3Accel),
        VMSTATE_UINT64(migration.stream_msi.size, SMMUv3Accel),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription * const []) { &vmstate_its, NULL }
};

static bool accel_migrate_is_accelerated(void *opaque)
{
    SMMUv3State *s = opaque;

    return s->accel;
}

/* QEMU finds a section by its name, so accel=off may get this one, too. */
static int accel_migrate_promise_pre_load(void *opaque)
{
    SMMUv3State *s = opaque;

    if (!s->accel) {
        error_report("%s: the guest comes from an arm-smmuv3 with accel=on,"
                     " and this one has accel=off", smmuv3_accel_name(s));
        return -EINVAL;
    }
    return 0;
}

/* Cleared, because a stream without a promise must not find this one. */
static int accel_migrate_promise_post_save(void *opaque)
{
    SMMUv3Accel *a = ((SMMUv3State *)opaque)->accel_state;

    memset(a->migration.stream_idr, 0, sizeof(a->migration.stream_idr));
    a->migration.stream_its_moved = false;
    return 0;
}

const VMStateDescription vmstate_smmuv3_accel = {
    .name = "smmuv3/accel",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = accel_migrate_is_accelerated,
    .pre_load = accel_migrate_promise_pre_load,
    .post_save = accel_migrate_promise_post_save,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_POINTER(accel_state, SMMUv3State, vmstate_promise,
                               SMMUv3Accel),
        VMSTATE_END_OF_LIST()
    }
};

void smmuv3_accel_migrate_setup(SMMUv3Accel *a)
{
    a->running = runstate_is_running();
    smmuv3_engine_pause(a->engine, !a->running);
    qemu_add_vm_change_state_handler(accel_migrate_run_state_changed, a);
}
