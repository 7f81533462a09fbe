/*
 * The engine's life: features, devices, registers, statistics.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "internal.h"
#include "smmuv3-promise.h"

SMMUv3Engine *smmuv3_engine_new(const SMMUv3FrontendOps *fe, void *opaque)
{
    SMMUv3Engine *e = g_new0(SMMUv3Engine, 1);

    e->fe = fe;
    e->opaque = opaque;
    e->vsids = smmuv3_vsid_table_new();
    e->devices = g_ptr_array_new();
    e->window = g_new(SMMUv3Cmd, SMMUV3_WINDOW_MAX);
    e->syncs = g_new(uint32_t, SMMUV3_WINDOW_MAX);
    smmuv3_coalesce_init(&e->gathered, SMMUV3_SLICE_COST, &e->stats);
    smmuv3_batch_init(&e->batch, SMMUV3_BATCH_MAX);
    return e;
}

void smmuv3_engine_free(SMMUv3Engine *e)
{
    if (!e) {
        return;
    }
    while (e->devices->len) {
        smmuv3_engine_device_remove(e, g_ptr_array_index(e->devices, 0));
    }
    smmuv3_batch_destroy(&e->batch);
    smmuv3_coalesce_destroy(&e->gathered);
    g_free(e->syncs);
    g_free(e->window);
    g_ptr_array_free(e->devices, TRUE);
    smmuv3_vsid_table_free(e->vsids);
    g_free(e);
}

void smmuv3_engine_set_features(SMMUv3Engine *e, const uint32_t idr[6])
{
    memcpy(e->idr, idr, sizeof(e->idr));
    smmuv3_cmdq_set_idr(e);
    smmuv3_atc_told(e);
    e->tries = 0;
}

/* IDR0.STALL_MODEL, 6.3.1 */
#define STALL_OPTIONAL 0

static unsigned stall_model(const SMMUv3HostInfo *info)
{
    return SMMUV3_GET(SMMUV3_IDR0_STALL_MODEL, info->idr[0]);
}

static void close_viommu(SMMUv3Engine *e)
{
    smmuv3_events_close(e);
    smmuv3_hwpt_table_free(e->hwpts);
    e->hwpts = NULL;
    e->stats.calls[SMMUV3_CALL_DESTROY]++;
    e->ops->destroy(e->host, e->viommu);
    e->viommu = 0;
    e->tlb_stale = true;
    smmuv3_atc_told(e);
}

/*
 * The parent, and with it the VMID, may have stayed while there was no vIOMMU
 * to take the guest's TLBIs. By now its ASIDs may have other tables.
 */
static int clean_tlb(SMMUv3Engine *e)
{
    SMMUv3Cmd all = { .dw = { SMMUV3_CMD_TLBI_NH_ALL, 0 } };

    if (!e->tlb_stale) {
        return 0;
    }
    smmuv3_batch_add(&e->batch, all, 0);
    e->stats.forwarded++;
    if (smmuv3_batch_flush(&e->batch, e).cerror != SMMUV3_CERROR_NONE) {
        return -EIO;
    }
    e->tlb_stale = false;
    return 0;
}

/* The vIOMMU comes with the first device and goes with the last. */
static int open_viommu(SMMUv3Engine *e, const SMMUv3HostOps *ops,
                       SMMUv3Host *host, SMMUv3HostDevice *dev,
                       const SMMUv3HostInfo *info, SMMUv3HostId parent)
{
    int ret = ops->viommu_alloc(host, dev, parent, &e->viommu);

    e->stats.calls[SMMUV3_CALL_VIOMMU_ALLOC]++;
    if (ret) {
        return ret;
    }
    e->ops = ops;
    e->host = host;
    e->info = *info;
    smmuv3_cmdq_set_idr(e);
    e->parent = parent;
    e->hwpts = smmuv3_hwpt_table_new(ops, host, e->viommu,
                                     stall_model(info) == STALL_OPTIONAL,
                                     &e->stats);
    smmuv3_hwpt_table_tell(e->hwpts, e->fe, e->opaque);
    smmuv3_events_open(e);
    return 0;
}

/* Can @dev join, as far as can be told before anything is allocated? */
static SMMUv3Refusal check_device(const SMMUv3Engine *e, SMMUv3Host *host,
                                  const SMMUv3HostInfo *info,
                                  SMMUv3HostId parent)
{
    SMMUv3Shortfall shortfall;

    if (e->viommu && e->host != host) {
        return SMMUV3_REFUSAL_OTHER_HOST;
    }
    if (e->viommu && e->parent != parent) {
        return SMMUV3_REFUSAL_OTHER_SMMU;
    }
    if (info->shares_group) {
        return SMMUV3_REFUSAL_SHARED_GROUP;
    }
    if (smmuv3_promise_broken(e->idr, info, &shortfall)) {
        return SMMUV3_REFUSAL_FEATURE;
    }
    return SMMUV3_REFUSAL_NONE;
}

static int refusal_errno(SMMUv3Refusal why)
{
    return why == SMMUV3_REFUSAL_FEATURE ? -EOPNOTSUPP : -EXDEV;
}

/* On the parent, as its owner has attached it. */
static SMMUv3EngineDevice *device_new(SMMUv3Engine *e, SMMUv3HostDevice *dev,
                                      const SMMUv3HostInfo *info, void *cookie)
{
    SMMUv3EngineDevice *d = g_new0(SMMUv3EngineDevice, 1);

    d->engine = e;
    d->host_dev = dev;
    d->cookie = cookie;
    d->no_ats = info->no_ats;
    d->place = SMMUV3_ON_PARENT;
    d->config.kind = SMMUV3_STREAM_BYPASS;
    return d;
}

static int open_first(SMMUv3Engine *e, const SMMUv3HostOps *ops,
                      SMMUv3Host *host, SMMUv3HostDevice *dev,
                      const SMMUv3HostInfo *info, SMMUv3HostId parent,
                      SMMUv3Refusal *why)
{
    int ret = open_viommu(e, ops, host, dev, info, parent);

    if (ret) {
        *why = SMMUV3_REFUSAL_NO_NESTING;
        return ret;
    }
    ret = clean_tlb(e);
    if (ret) {
        *why = SMMUV3_REFUSAL_ATTACH;
        close_viommu(e);
    }
    return ret;
}

static int apply_now(SMMUv3EngineDevice *d)
{
    SMMUv3StreamConfig config = smmuv3_device_evaluate(d);

    return smmuv3_device_apply(d, &config);
}

/*
 * Others only if their numbers have changed meanwhile; not while the queue
 * waits at one of them, which is for the queue to do.
 */
static int attach_first(SMMUv3Engine *e, SMMUv3EngineDevice *d)
{
    g_ptr_array_add(e->devices, d);
    smmuv3_vsids_sync(e);
    for (guint i = 0; i + 1 < e->devices->len; i++) {
        SMMUv3EngineDevice *other = g_ptr_array_index(e->devices, i);

        if (other->renumbered && !e->tries) {
            apply_now(other);
        }
    }
    return apply_now(d);
}

int smmuv3_engine_device_add(SMMUv3Engine *e, const SMMUv3HostOps *ops,
                             SMMUv3Host *host, SMMUv3HostDevice *dev,
                             SMMUv3HostId parent, void *cookie,
                             SMMUv3EngineDevice **out, SMMUv3Refusal *why)
{
    SMMUv3EngineDevice *d;
    SMMUv3HostInfo info;
    int ret = ops->get_info(host, dev, &info);

    e->stats.calls[SMMUV3_CALL_GET_INFO]++;
    if (ret) {
        *why = ret == -ENODEV ? SMMUV3_REFUSAL_NOT_SMMUV3
                              : SMMUV3_REFUSAL_INFO;
        return ret;
    }
    *why = check_device(e, host, &info, parent);
    if (*why != SMMUV3_REFUSAL_NONE) {
        return refusal_errno(*why);
    }
    if (!e->viommu) {
        ret = open_first(e, ops, host, dev, &info, parent, why);
        if (ret) {
            return ret;
        }
    }
    d = device_new(e, dev, &info, cookie);
    ret = attach_first(e, d);
    if (ret) {
        *why = SMMUV3_REFUSAL_ATTACH;
        smmuv3_engine_device_remove(e, d);
        return ret;
    }
    d->joined = true;
    *out = d;
    return 0;
}

void smmuv3_engine_device_remove(SMMUv3Engine *e, SMMUv3EngineDevice *d)
{
    smmuv3_device_release(d);
    g_ptr_array_remove(e->devices, d);
    g_free(d);
    if (!e->devices->len) {
        close_viommu(e);
    }
}

bool smmuv3_engine_host_info(const SMMUv3Engine *e, SMMUv3HostInfo *info)
{
    if (e->viommu) {
        *info = e->info;
    }
    return e->viommu != 0;
}

void smmuv3_engine_set_regs(SMMUv3Engine *e, const SMMUv3StreamRegs *regs)
{
    e->regs = *regs;
    smmuv3_vsids_sync(e);
    for (guint i = 0; i < e->devices->len; i++) {
        apply_now(g_ptr_array_index(e->devices, i));
    }
}

const SMMUv3EngineStats *smmuv3_engine_stats(const SMMUv3Engine *e)
{
    return &e->stats;
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
    if (e->viommu) {
        smmuv3_hwpt_for_each(e->hwpts, visit, opaque);
    }
}

SMMUv3EngineObjects smmuv3_engine_objects(const SMMUv3Engine *e)
{
    return (SMMUv3EngineObjects) {
        .viommu = e->viommu,
        .parent = e->viommu ? e->parent : 0,
        .veventq = e->veventq,
    };
}

SMMUv3StreamKind smmuv3_engine_device_kind(const SMMUv3EngineDevice *d)
{
    return d->config.kind;
}

SMMUv3EventType smmuv3_engine_device_event(const SMMUv3EngineDevice *d)
{
    return d->config.event;
}
