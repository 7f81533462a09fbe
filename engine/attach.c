/*
 * Attaching streams. See attach.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A new HWPT is attached before the old one is freed, because the stream would
 * abort in between otherwise. If attaching fails, the stream aborts: on the
 * abort HWPT, or, if the host refuses even that, detached (the kernel blocks
 * the device).
 *
 * A device is on a nested HWPT only with a vDEVICE, because Linux 6.15 to 6.18
 * refuse the attachment otherwise. A device without a vDEVICE bypasses on the
 * parent and aborts detached. Detached is meant for a device without a
 * StreamID, which has no driver yet, because the kernel sets up no MSIs of a
 * detached device.
 */
#include "attach.h"
#include "renumber.h"
#include "ste-events.h"
#include "stream-table.h"

static const SMMUv3StreamConfig abort_config = { .kind = SMMUV3_STREAM_ABORT };
static const SMMUv3StreamConfig bypass_config = {
    .kind = SMMUV3_STREAM_BYPASS,
};

SMMUv3StreamConfig smmuv3_attach_evaluate(const SMMUv3EngineDevice *d)
{
    const SMMUv3Engine *e = d->engine;

    if (!(e->driven.cr0 & SMMUV3_CR0_SMMUEN)) {
        return smmuv3_ste_of_gbpa(e->driven.gbpa);
    }
    if (!d->has_vsid) {
        return abort_config;
    }
    return smmuv3_stream_table_lookup(e->fe.read_words, e->opaque, &e->driven,
                                e->idr, d->vsid);
}

/*
 * Was @d renumbered while the host refused to take it off its HWPT? Then the
 * kernel reports its events under the old vSID, and knows none for commands.
 */
static bool attach_is_stranded(const SMMUv3EngineDevice *d)
{
    return d->place == SMMUV3_ON_NESTED && !d->vdevice &&
           d->config.kind != SMMUV3_STREAM_ABORT;
}

/*
 * Where @config belongs. Bypass while SMMUEN=0 may be on the parent, because it
 * has no events to report.
 */
static SMMUv3Place attach_place_for(const SMMUv3EngineDevice *d,
                                    const SMMUv3StreamConfig *config)
{
    if (config->kind == SMMUV3_STREAM_BYPASS &&
        !(d->engine->driven.cr0 & SMMUV3_CR0_SMMUEN)) {
        return SMMUV3_ON_PARENT;
    }
    return d->has_vsid ? SMMUV3_ON_NESTED : SMMUV3_BLOCKED;
}

/* Without a StreamID a device may stay on the abort HWPT: it aborts there. */
bool smmuv3_attach_changes(const SMMUv3EngineDevice *d,
                           const SMMUv3StreamConfig *config)
{
    SMMUv3Place place = attach_place_for(d, config);

    return !smmuv3_ste_config_equal(&d->config, config) ||
           attach_is_stranded(d) ||
           (d->place != place && place != SMMUV3_BLOCKED);
}

static int attach_ensure_vdevice(SMMUv3EngineDevice *d)
{
    return d->vdevice ? 0
           : smmuv3_host_vdevice_alloc(&d->engine->port, d->host_dev, d->vsid,
                                       &d->vdevice);
}

void smmuv3_attach_drop_vdevice(SMMUv3EngineDevice *d)
{
    smmuv3_host_destroy(&d->engine->port, d->vdevice);
    d->vdevice = 0;
}

void smmuv3_attach_tell(const SMMUv3EngineDevice *d)
{
    const SMMUv3Engine *e = d->engine;

    if (e->fe.stream_changed) {
        SMMUv3DeviceInfo info;

        smmuv3_engine_device_info(d, &info);
        e->fe.stream_changed(e->opaque, &info);
    }
}

static void attach_take_config(SMMUv3EngineDevice *d,
                               const SMMUv3StreamConfig *config)
{
    d->config = *config;
    if (!config->illegal) {
        smmuv3_ste_event_forget(d);
    }
}

/* @hwpt is NULL unless @place is SMMUV3_ON_NESTED. */
static void attach_take_place(SMMUv3EngineDevice *d, SMMUv3Place place,
                              SMMUv3Hwpt *hwpt,
                              const SMMUv3StreamConfig *config)
{
    SMMUv3Hwpt *old = d->hwpt;

    d->place = place;
    d->hwpt = hwpt;
    attach_take_config(d, config);
    smmuv3_attach_tell(d);
    smmuv3_hwpt_put(d->engine->hwpts, old);
}

/* @d stays where it is, though the event for which it aborts may change. */
static void attach_take_event(SMMUv3EngineDevice *d,
                              const SMMUv3StreamConfig *config)
{
    bool other = d->config.event != config->event;

    attach_take_config(d, config);
    if (other) {
        smmuv3_attach_tell(d);
    }
}

static int attach_to_parent(SMMUv3EngineDevice *d)
{
    int ret;

    if (d->place == SMMUV3_ON_PARENT) {
        return 0;
    }
    ret = smmuv3_host_attach(&d->engine->port, d->host_dev, d->engine->parent);
    if (!ret) {
        attach_take_place(d, SMMUV3_ON_PARENT, NULL, &bypass_config);
    }
    return ret;
}

static int attach_to_nothing(SMMUv3EngineDevice *d,
                             const SMMUv3StreamConfig *config)
{
    int ret;

    if (d->place == SMMUV3_BLOCKED) {
        attach_take_event(d, config);
        return 0;
    }
    ret = smmuv3_host_detach(&d->engine->port, d->host_dev);
    if (!ret) {
        attach_take_place(d, SMMUV3_BLOCKED, NULL, config);
    }
    return ret;
}

static int attach_to_nested(SMMUv3EngineDevice *d,
                            const SMMUv3StreamConfig *config)
{
    SMMUv3Engine *e = d->engine;
    SMMUv3Hwpt *hwpt;
    int ret = smmuv3_hwpt_get(e->hwpts, d->host_dev, config, &hwpt);

    if (ret) {
        return ret;
    }
    ret =
        smmuv3_host_attach(&d->engine->port, d->host_dev, smmuv3_hwpt_id(hwpt));
    if (ret) {
        smmuv3_hwpt_put(e->hwpts, hwpt);
        return ret;
    }
    attach_take_place(d, SMMUV3_ON_NESTED, hwpt, config);
    return 0;
}

/*
 * The vDEVICE is made first, because the kernel reports a stream's events under
 * the vDEVICE that it had when it was attached. Without a vDEVICE only a stream
 * that translates fails.
 */
static int attach_install(SMMUv3EngineDevice *d,
                          const SMMUv3StreamConfig *config)
{
    SMMUv3Place place = attach_place_for(d, config);

    if (place == SMMUV3_ON_NESTED) {
        int ret = attach_ensure_vdevice(d);

        if (!ret) {
            return attach_to_nested(d, config);
        }
        if (config->kind == SMMUV3_STREAM_TRANSLATE) {
            return ret;
        }
        place = config->kind == SMMUV3_STREAM_BYPASS ? SMMUV3_ON_PARENT
                                                     : SMMUV3_BLOCKED;
    }
    return place == SMMUV3_ON_PARENT ? attach_to_parent(d)
           : attach_to_nothing(d, config);
}

/* If the kernel refuses even to detach @d, @d stays where it was. */
static int attach_block(SMMUv3EngineDevice *d)
{
    return attach_install(d, &abort_config)
           ? attach_to_nothing(d, &abort_config) : 0;
}

/* A device that is gone, or that VFIO cannot wake (EIO), does no DMA. */
static bool attach_is_lifeless(int err)
{
    return err == -ENODEV || err == -EIO;
}

int smmuv3_attach_try(SMMUv3EngineDevice *d, const SMMUv3StreamConfig *config)
{
    int ret = 0;

    if (!smmuv3_attach_changes(d, config)) {
        attach_take_event(d, config);
        d->engine->stats.ste_unchanged++;
    } else {
        /* Because attaching to the same HWPT again would change nothing. */
        if (attach_is_stranded(d)) {
            attach_block(d);
        }
        ret = attach_install(d, config);
    }
    d->renumbered &= ret != 0;
    return ret;
}

bool smmuv3_attach_give_up(SMMUv3EngineDevice *d, int err)
{
    SMMUv3Engine *e = d->engine;
    SMMUv3HostCall refused = e->port.failed;
    int stays = attach_block(d);
    bool done = !stays || attach_is_lifeless(stays);

    e->stats.attach_failures++;
    /* Any later CFGI tries again, because none names it by its lost StreamID. */
    d->renumbered &= !done;
    if (d->joined) {
        e->fe.stream_failed(e->opaque, d->cookie, refused, err);
    }
    return done;
}

int smmuv3_attach_apply(SMMUv3EngineDevice *d,
                        const SMMUv3StreamConfig *config)
{
    int ret = smmuv3_attach_try(d, config);

    if (ret) {
        smmuv3_attach_give_up(d, ret);
    }
    return ret;
}

int smmuv3_attach_now(SMMUv3EngineDevice *d)
{
    SMMUv3StreamConfig config = smmuv3_attach_evaluate(d);

    return smmuv3_attach_apply(d, &config);
}

void smmuv3_attach_all(SMMUv3Engine *e, const SMMUv3StreamRegs *regs)
{
    e->driven = *regs;
    smmuv3_renumber(e);
    for (guint i = 0; i < e->devices->len; i++) {
        smmuv3_attach_now(g_ptr_array_index(e->devices, i));
    }
}

void smmuv3_attach_release(SMMUv3EngineDevice *d)
{
    SMMUv3Engine *e = d->engine;

    if (attach_to_parent(d)) {
        attach_to_nothing(d, &abort_config);
    }
    smmuv3_attach_drop_vdevice(d);
    smmuv3_ste_event_forget(d);
    if (d->has_vsid) {
        smmuv3_vsid_remove(e->vsids, d->vsid);
        d->has_vsid = false;
    }
}
