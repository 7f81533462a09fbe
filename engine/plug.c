/*
 * Plugging and unplugging: devices, and the vIOMMU that they share.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "attach.h"
#include "cmdq.h"
#include "host-events.h"
#include "internal.h"
#include "renumber.h"
#include "smmuv3-promise.h"

/* IDR0.STALL_MODEL, 6.3.1 */
#define STALL_OPTIONAL 0

static unsigned plug_stall_model(const SMMUv3HostInfo *info)
{
    return SMMUV3_GET(SMMUV3_IDR0_STALL_MODEL, info->idr[0]);
}

static void plug_close_viommu(SMMUv3Engine *e)
{
    smmuv3_host_events_close(e);
    smmuv3_hwpt_table_free(e->hwpts);
    e->hwpts = NULL;
    smmuv3_host_destroy(&e->port, e->port.viommu);
    e->port.viommu = 0;
    e->tlb_stale = true;
    smmuv3_atc_told(&e->atc);
}

/*
 * The TLB may hold entries of the guest's old tables, because the parent, and
 * with it the VMID, may have stayed while no vIOMMU took the guest's TLBIs.
 */
static int plug_clean_tlb(SMMUv3Engine *e)
{
    SMMUv3Cmd all = { .dw = { SMMUV3_CMD_TLBI_NH_ALL, 0 } };

    if (!e->tlb_stale) {
        return 0;
    }
    smmuv3_batch_add(&e->batch, all, 0);
    e->stats.forwarded++;
    if (smmuv3_batch_flush(&e->batch).cerror != SMMUV3_CERROR_NONE) {
        return -EIO;
    }
    e->tlb_stale = false;
    return 0;
}

/* Makes the vIOMMU, which comes with the first device. */
static int plug_open_viommu(SMMUv3Engine *e, const SMMUv3Plug *plug,
                            const SMMUv3HostInfo *info)
{
    int ret;

    smmuv3_host_take_ops(&e->port, plug->ops);
    e->port.host = plug->host;
    ret = smmuv3_host_viommu_alloc(&e->port, plug->dev, plug->parent);
    if (ret) {
        return ret;
    }
    e->port.info = *info;
    smmuv3_cmdq_set_idr(e);
    e->parent = plug->parent;
    e->hwpts = smmuv3_hwpt_table_new(&e->port,
                                     plug_stall_model(info) == STALL_OPTIONAL);
    smmuv3_hwpt_table_tell(e->hwpts, &e->fe, e->opaque);
    smmuv3_host_events_open(e);
    return 0;
}

/* Why the device cannot be taken; before anything is allocated for it. */
static SMMUv3Refusal plug_check(const SMMUv3Engine *e, const SMMUv3Plug *plug,
                                const SMMUv3HostInfo *info)
{
    SMMUv3Shortfall shortfall;

    if (e->port.viommu && e->port.host != plug->host) {
        return SMMUV3_REFUSAL_OTHER_HOST;
    }
    if (e->port.viommu && e->parent != plug->parent) {
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

static int plug_errno(SMMUv3Refusal why)
{
    return why == SMMUV3_REFUSAL_FEATURE ? -EOPNOTSUPP : -EXDEV;
}

/* The VMM has attached the device to the parent. */
static SMMUv3EngineDevice *plug_device_new(SMMUv3Engine *e,
                                           const SMMUv3Plug *plug,
                                           const SMMUv3HostInfo *info)
{
    SMMUv3EngineDevice *d = g_new0(SMMUv3EngineDevice, 1);

    d->engine = e;
    d->host_dev = plug->dev;
    d->cookie = plug->cookie;
    d->no_ats = info->no_ats;
    d->place = SMMUV3_ON_PARENT;
    d->config.kind = SMMUV3_STREAM_BYPASS;
    return d;
}

static int plug_open_first(SMMUv3Engine *e, const SMMUv3Plug *plug,
                           const SMMUv3HostInfo *info, SMMUv3Refusal *why)
{
    int ret = plug_open_viommu(e, plug, info);

    if (ret) {
        *why = SMMUV3_REFUSAL_NO_NESTING;
        return ret;
    }
    ret = plug_clean_tlb(e);
    if (ret) {
        *why = SMMUV3_REFUSAL_ATTACH;
        plug_close_viommu(e);
    }
    return ret;
}

/* Asks @plug's port, because the engine has none without a device. */
static int plug_get_info(SMMUv3Engine *e, const SMMUv3Plug *plug,
                         SMMUv3HostInfo *info)
{
    SMMUv3HostPort port = { .host = plug->host, .stats = &e->stats };

    return smmuv3_host_take_ops(&port, plug->ops)
           ? smmuv3_host_get_info(&port, plug->dev, info) : -EINVAL;
}

/*
 * Attaches @d, and other devices that have a new vSID. While the queue waits,
 * those are left to it, because it may be waiting for one of them.
 */
static int plug_attach(SMMUv3Engine *e, SMMUv3EngineDevice *d)
{
    g_ptr_array_add(e->devices, d);
    smmuv3_renumber(e);
    for (guint i = 0; i + 1 < e->devices->len; i++) {
        SMMUv3EngineDevice *other = g_ptr_array_index(e->devices, i);

        if (other->renumbered && !e->tries) {
            smmuv3_attach_now(other);
        }
    }
    return smmuv3_attach_now(d);
}

int smmuv3_engine_plug(SMMUv3Engine *e, const SMMUv3Plug *plug,
                       SMMUv3EngineDevice **out, SMMUv3Refusal *why)
{
    SMMUv3EngineDevice *d;
    SMMUv3HostInfo info;
    int ret = plug_get_info(e, plug, &info);

    if (ret) {
        *why = ret == -ENODEV ? SMMUV3_REFUSAL_NOT_SMMUV3
                              : SMMUV3_REFUSAL_INFO;
        return ret;
    }
    *why = plug_check(e, plug, &info);
    if (*why != SMMUV3_REFUSAL_NONE) {
        return plug_errno(*why);
    }
    if (!e->port.viommu) {
        ret = plug_open_first(e, plug, &info, why);
        if (ret) {
            return ret;
        }
    }
    d = plug_device_new(e, plug, &info);
    ret = plug_attach(e, d);
    if (ret) {
        *why = SMMUV3_REFUSAL_ATTACH;
        smmuv3_engine_unplug(e, d);
        return ret;
    }
    d->joined = true;
    *out = d;
    return 0;
}

void smmuv3_engine_unplug(SMMUv3Engine *e, SMMUv3EngineDevice *d)
{
    smmuv3_attach_release(d);
    g_ptr_array_remove(e->devices, d);
    g_free(d);
    if (!e->devices->len) {
        plug_close_viommu(e);
    }
}
