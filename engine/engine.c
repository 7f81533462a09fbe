/*
 * The engine object: making and freeing it, and queries of its state.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "internal.h"

/* A later version may have more callbacks, as long as they are NULL. */
static bool engine_knows_all(const SMMUv3FrontendOps *fe)
{
    const char *bytes = (const char *)fe;

    for (size_t i = sizeof(*fe); i < fe->size; i++) {
        if (bytes[i]) {
            return false;
        }
    }
    return true;
}

/* Copies @from; false: it lacks a mandatory callback, or has unknown ones. */
static bool engine_take_ops(SMMUv3FrontendOps *to,
                            const SMMUv3FrontendOps *from)
{
    memset(to, 0, sizeof(*to));
    if (from->size < sizeof(from->size) || !engine_knows_all(from)) {
        return false;
    }
    memcpy(to, from, MIN(from->size, sizeof(*to)));
    return to->read && to->read_words && to->write && to->sync_irq &&
           to->irq && to->resume && to->stream_failed && to->vsid &&
           to->watch && to->events_failed;
}

SMMUv3Engine *smmuv3_engine_new(const SMMUv3FrontendOps *fe, void *opaque)
{
    SMMUv3FrontendOps ops;
    SMMUv3Engine *e;

    if (!engine_take_ops(&ops, fe)) {
        return NULL;
    }
    e = g_new0(SMMUv3Engine, 1);
    e->fe = ops;
    e->opaque = opaque;
    e->vsids = smmuv3_vsid_table_new();
    e->devices = g_ptr_array_new();
    e->window = g_new(SMMUv3Cmd, SMMUV3_WINDOW_MAX);
    e->syncs = g_new(uint32_t, SMMUV3_WINDOW_MAX);
    smmuv3_coalesce_init(&e->gathered, SMMUV3_SLICE_COST, &e->stats);
    smmuv3_batch_init(&e->batch, SMMUV3_BATCH_MAX, &e->port, e->vsids,
                      &e->atc);
    e->port.stats = &e->stats;
    return e;
}

void smmuv3_engine_free(SMMUv3Engine *e)
{
    if (!e) {
        return;
    }
    while (e->devices->len) {
        smmuv3_engine_unplug(e, g_ptr_array_index(e->devices, 0));
    }
    smmuv3_batch_destroy(&e->batch);
    smmuv3_coalesce_destroy(&e->gathered);
    g_free(e->syncs);
    g_free(e->window);
    g_ptr_array_free(e->devices, TRUE);
    smmuv3_vsid_table_free(e->vsids);
    g_free(e);
}

void smmuv3_features_set(SMMUv3Engine *e, const uint32_t idr[6])
{
    memcpy(e->idr, idr, sizeof(e->idr));
    smmuv3_cmdq_set_idr(e);
    smmuv3_atc_told(&e->atc);
    e->tries = 0;
}

bool smmuv3_engine_host_info(const SMMUv3Engine *e, SMMUv3HostInfo *info)
{
    if (e->port.viommu) {
        *info = e->port.info;
    }
    return e->port.viommu != 0;
}

const SMMUv3EngineStats *smmuv3_engine_stats(const SMMUv3Engine *e)
{
    return &e->stats;
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

void smmuv3_engine_for_each_device(
    const SMMUv3Engine *e,
    void (*visit)(void *opaque, const SMMUv3DeviceInfo *device), void *opaque)
{
    for (guint i = 0; i < e->devices->len; i++) {
        SMMUv3DeviceInfo info;

        smmuv3_engine_device_info(g_ptr_array_index(e->devices, i), &info);
        visit(opaque, &info);
    }
}

void smmuv3_engine_for_each_hwpt(
    const SMMUv3Engine *e,
    void (*visit)(void *opaque, const SMMUv3HwptInfo *hwpt), void *opaque)
{
    if (e->port.viommu) {
        smmuv3_hwpt_for_each(e->hwpts, visit, opaque);
    }
}

SMMUv3EngineObjects smmuv3_engine_objects(const SMMUv3Engine *e)
{
    return (SMMUv3EngineObjects) {
        .viommu = e->port.viommu,
        .parent = e->port.viommu ? e->parent : 0,
        .veventq = e->veventq,
    };
}
