/*
 * Devices: from a stream's decision to an attachment in the kernel.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A replacement is attach first, free after, so that there is no window in
 * which the stream aborts. When it fails the stream aborts: on the abort
 * HWPT, or, if even that cannot be had, detached (the kernel blocks it).
 *
 * A device is on a nested HWPT only with a vDEVICE, because Linux 6.15 to 6.18
 * attach it to none otherwise. What it has to do without one, it does without
 * HWPT: bypass on the parent, abort detached. The latter is for who has no
 * StreamID, and so no driver yet: the kernel sets up no MSIs of a device that
 * is detached.
 */
#include "internal.h"

static const SMMUv3StreamConfig abort_config = { .kind = SMMUV3_STREAM_ABORT };
static const SMMUv3StreamConfig bypass_config = {
    .kind = SMMUV3_STREAM_BYPASS,
};

SMMUv3StreamConfig smmuv3_device_evaluate(const SMMUv3EngineDevice *d)
{
    const SMMUv3Engine *e = d->engine;

    if (!(e->regs.cr0 & SMMUV3_CR0_SMMUEN)) {
        return smmuv3_stream_gbpa(e->regs.gbpa);
    }
    if (!d->has_vsid) {
        return abort_config;
    }
    return smmuv3_stream_lookup(e->fe->read_words, e->opaque, &e->regs,
                                e->idr, d->vsid);
}

/*
 * Renumbered while the host refused to take it off its table: the kernel has
 * the old number in its events, and none for commands.
 */
static bool is_stranded(const SMMUv3EngineDevice *d)
{
    return d->place == SMMUV3_ON_NESTED && !d->vdevice &&
           d->config.kind != SMMUV3_STREAM_ABORT;
}

/* Where @config belongs. What bypasses while SMMUEN=0 tells of no event. */
static SMMUv3Place place_for(const SMMUv3EngineDevice *d,
                             const SMMUv3StreamConfig *config)
{
    if (config->kind == SMMUV3_STREAM_BYPASS &&
        !(d->engine->regs.cr0 & SMMUV3_CR0_SMMUEN)) {
        return SMMUV3_ON_PARENT;
    }
    return d->has_vsid ? SMMUV3_ON_NESTED : SMMUV3_BLOCKED;
}

/* Who has lost its StreamID on the abort HWPT may stay there. */
bool smmuv3_device_changes(const SMMUv3EngineDevice *d,
                           const SMMUv3StreamConfig *config)
{
    SMMUv3Place place = place_for(d, config);

    return !smmuv3_stream_config_equal(&d->config, config) ||
           is_stranded(d) ||
           (d->place != place && place != SMMUV3_BLOCKED);
}

static int ensure_vdevice(SMMUv3EngineDevice *d)
{
    SMMUv3Engine *e = d->engine;
    int ret;

    if (d->vdevice) {
        return 0;
    }
    e->stats.calls[SMMUV3_CALL_VDEVICE_ALLOC]++;
    ret = e->ops->vdevice_alloc(e->host, e->viommu, d->host_dev, d->vsid,
                                &d->vdevice);
    if (ret) {
        e->refused = SMMUV3_CALL_VDEVICE_ALLOC;
        return ret;
    }
    e->stats.vdevices++;
    return 0;
}

static void drop_vdevice(SMMUv3EngineDevice *d)
{
    if (d->vdevice) {
        d->engine->stats.calls[SMMUV3_CALL_DESTROY]++;
        d->engine->ops->destroy(d->engine->host, d->vdevice);
        d->vdevice = 0;
    }
}

static int attach(SMMUv3EngineDevice *d, SMMUv3HostId pt)
{
    SMMUv3Engine *e = d->engine;
    int ret = e->ops->attach(e->host, d->host_dev, pt);

    e->stats.calls[SMMUV3_CALL_ATTACH]++;
    if (ret) {
        e->refused = SMMUV3_CALL_ATTACH;
        return ret;
    }
    e->stats.attaches++;
    return 0;
}

static int detach(SMMUv3EngineDevice *d)
{
    SMMUv3Engine *e = d->engine;
    int ret = e->ops->detach(e->host, d->host_dev);

    e->stats.calls[SMMUV3_CALL_DETACH]++;
    if (ret) {
        e->refused = SMMUV3_CALL_DETACH;
    }
    return ret;
}

void smmuv3_engine_device_info(const SMMUv3EngineDevice *d,
                               SMMUv3DeviceInfo *info)
{
    *info = (SMMUv3DeviceInfo) {
        .cookie = d->cookie,
        .has_vsid = d->has_vsid,
        .vsid = d->vsid,
        .vdevice = d->vdevice,
        .kind = d->config.kind,
        .event = d->config.event,
        .hwpt = d->hwpt ? smmuv3_hwpt_id(d->hwpt) : 0,
    };
}

static void tell(const SMMUv3EngineDevice *d)
{
    const SMMUv3Engine *e = d->engine;

    if (e->fe->stream_changed) {
        SMMUv3DeviceInfo info;

        smmuv3_engine_device_info(d, &info);
        e->fe->stream_changed(e->opaque, &info);
    }
}

static void take_config(SMMUv3EngineDevice *d,
                        const SMMUv3StreamConfig *config)
{
    d->config = *config;
    if (!config->illegal) {
        smmuv3_event_forget(d);
    }
}

/* @hwpt with SMMUV3_ON_NESTED only. */
static void take_place(SMMUv3EngineDevice *d, SMMUv3Place place,
                       SMMUv3Hwpt *hwpt, const SMMUv3StreamConfig *config)
{
    SMMUv3Hwpt *old = d->hwpt;

    d->place = place;
    d->hwpt = hwpt;
    take_config(d, config);
    tell(d);
    smmuv3_hwpt_put(d->engine->hwpts, old);
}

/* The reason for which it aborts may be another one. */
static void take_event(SMMUv3EngineDevice *d, const SMMUv3StreamConfig *config)
{
    bool other = d->config.event != config->event;

    take_config(d, config);
    if (other) {
        tell(d);
    }
}

static int go_to_parent(SMMUv3EngineDevice *d)
{
    int ret;

    if (d->place == SMMUV3_ON_PARENT) {
        return 0;
    }
    ret = attach(d, d->engine->parent);
    if (!ret) {
        take_place(d, SMMUV3_ON_PARENT, NULL, &bypass_config);
    }
    return ret;
}

static int go_nowhere(SMMUv3EngineDevice *d, const SMMUv3StreamConfig *config)
{
    int ret;

    if (d->place == SMMUV3_BLOCKED) {
        take_event(d, config);
        return 0;
    }
    ret = detach(d);
    if (!ret) {
        take_place(d, SMMUV3_BLOCKED, NULL, config);
    }
    return ret;
}

static int go_to_nested(SMMUv3EngineDevice *d,
                        const SMMUv3StreamConfig *config)
{
    SMMUv3Engine *e = d->engine;
    SMMUv3Hwpt *hwpt;
    int ret = smmuv3_hwpt_get(e->hwpts, d->host_dev, config, &hwpt);

    if (ret) {
        e->refused = SMMUV3_CALL_HWPT_ALLOC;
        return ret;
    }
    ret = attach(d, smmuv3_hwpt_id(hwpt));
    if (ret) {
        smmuv3_hwpt_put(e->hwpts, hwpt);
        return ret;
    }
    take_place(d, SMMUV3_ON_NESTED, hwpt, config);
    return 0;
}

/*
 * Events of a stream go where it had its vDEVICE when it was attached. Where
 * none can be had, only what translates fails.
 */
static int install(SMMUv3EngineDevice *d, const SMMUv3StreamConfig *config)
{
    SMMUv3Place place = place_for(d, config);

    if (place == SMMUV3_ON_NESTED) {
        int ret = ensure_vdevice(d);

        if (!ret) {
            return go_to_nested(d, config);
        }
        if (config->kind == SMMUV3_STREAM_TRANSLATE) {
            return ret;
        }
        place = config->kind == SMMUV3_STREAM_BYPASS ? SMMUV3_ON_PARENT
                                                     : SMMUV3_BLOCKED;
    }
    return place == SMMUV3_ON_PARENT ? go_to_parent(d) : go_nowhere(d, config);
}

/* If the kernel refuses the detach too, it stays where it was. */
static int block(SMMUv3EngineDevice *d)
{
    return install(d, &abort_config) ? go_nowhere(d, &abort_config) : 0;
}

/* One that is gone, or that VFIO cannot wake (EIO), does no DMA. */
static bool is_lifeless(int err)
{
    return err == -ENODEV || err == -EIO;
}

int smmuv3_device_try(SMMUv3EngineDevice *d, const SMMUv3StreamConfig *config)
{
    int ret = 0;

    if (!smmuv3_device_changes(d, config)) {
        take_event(d, config);
        d->engine->stats.ste_unchanged++;
    } else {
        /* To be attached to the same table again is nothing to the kernel. */
        if (is_stranded(d)) {
            block(d);
        }
        ret = install(d, config);
    }
    d->renumbered &= ret != 0;
    return ret;
}

bool smmuv3_device_give_up(SMMUv3EngineDevice *d, int err)
{
    SMMUv3Engine *e = d->engine;
    SMMUv3HostCall refused = e->refused;
    int stays = block(d);

    e->stats.attach_failures++;
    d->renumbered = false;
    if (d->joined) {
        e->fe->stream_failed(e->opaque, d->cookie, refused, err);
    }
    return !stays || is_lifeless(stays);
}

int smmuv3_device_apply(SMMUv3EngineDevice *d,
                        const SMMUv3StreamConfig *config)
{
    int ret = smmuv3_device_try(d, config);

    if (ret) {
        smmuv3_device_give_up(d, ret);
    }
    return ret;
}

void smmuv3_device_release(SMMUv3EngineDevice *d)
{
    SMMUv3Engine *e = d->engine;

    if (go_to_parent(d)) {
        go_nowhere(d, &abort_config);
    }
    drop_vdevice(d);
    smmuv3_event_forget(d);
    if (d->has_vsid) {
        smmuv3_vsid_remove(e->vsids, d->vsid);
        d->has_vsid = false;
    }
}

/* One that another device holds is no news until that one moves. */
static bool vsid_moved(const SMMUv3EngineDevice *d)
{
    const SMMUv3Engine *e = d->engine;
    uint32_t vsid;

    if (!e->fe->vsid(e->opaque, d->cookie, &vsid)) {
        return d->has_vsid;
    }
    return d->has_vsid ? d->vsid != vsid : !smmuv3_vsid_find(e->vsids, vsid);
}

bool smmuv3_vsids_stale(SMMUv3Engine *e)
{
    for (guint i = 0; i < e->devices->len; i++) {
        SMMUv3EngineDevice *d = g_ptr_array_index(e->devices, i);

        if (d->renumbered || vsid_moved(d)) {
            return true;
        }
    }
    return false;
}

/*
 * A translate stream needs its vDEVICE, so it aborts before that goes; and no
 * stream lives on under the STE of a number that it has lost.
 */
static void forget_vsid(SMMUv3EngineDevice *d)
{
    if (!d->has_vsid) {
        return;
    }
    if (d->place != SMMUV3_BLOCKED &&
        (d->config.kind == SMMUV3_STREAM_TRANSLATE ||
         (d->engine->regs.cr0 & SMMUV3_CR0_SMMUEN))) {
        smmuv3_device_apply(d, &abort_config);
    }
    drop_vdevice(d);
    smmuv3_event_forget(d);
    smmuv3_vsid_remove(d->engine->vsids, d->vsid);
    d->has_vsid = false;
    d->renumbered = true;
    tell(d);
}

static void learn_vsid(SMMUv3EngineDevice *d)
{
    SMMUv3Engine *e = d->engine;
    uint32_t vsid;

    if (!d->has_vsid && e->fe->vsid(e->opaque, d->cookie, &vsid) &&
        smmuv3_vsid_insert(e->vsids, vsid, d)) {
        d->vsid = vsid;
        d->has_vsid = true;
        d->renumbered = true;
        tell(d);
    }
}

/* All are forgotten before any is learned: numbers may have been swapped. */
void smmuv3_vsids_sync(SMMUv3Engine *e)
{
    if (!smmuv3_vsids_stale(e)) {
        return;
    }
    for (guint i = 0; i < e->devices->len; i++) {
        SMMUv3EngineDevice *d = g_ptr_array_index(e->devices, i);

        if (vsid_moved(d)) {
            forget_vsid(d);
        }
    }
    for (guint i = 0; i < e->devices->len; i++) {
        learn_vsid(g_ptr_array_index(e->devices, i));
    }
}
