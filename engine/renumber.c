/*
 * Renumbering devices. See renumber.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "attach.h"
#include "renumber.h"
#include "ste-events.h"

static const SMMUv3StreamConfig abort_config = { .kind = SMMUV3_STREAM_ABORT };

/*
 * Without a vSID @d has moved only if its new vSID is free, because @d cannot
 * take one that another device holds.
 */
static bool renumber_moved(const SMMUv3EngineDevice *d)
{
    const SMMUv3Engine *e = d->engine;
    uint32_t vsid;

    if (!e->fe.vsid(e->opaque, d->cookie, &vsid)) {
        return d->has_vsid;
    }
    return d->has_vsid ? d->vsid != vsid : !smmuv3_vsid_find(e->vsids, vsid);
}

bool smmuv3_renumber_due(SMMUv3Engine *e)
{
    for (guint i = 0; i < e->devices->len; i++) {
        SMMUv3EngineDevice *d = g_ptr_array_index(e->devices, i);

        if (d->renumbered || renumber_moved(d)) {
            return true;
        }
    }
    return false;
}

/*
 * The stream aborts before its vDEVICE goes, because translation needs the
 * vDEVICE, and while SMMUEN=1 no stream goes on by the STE of a lost vSID.
 */
static void renumber_forget(SMMUv3EngineDevice *d)
{
    if (!d->has_vsid) {
        return;
    }
    if (d->place != SMMUV3_BLOCKED &&
        (d->config.kind == SMMUV3_STREAM_TRANSLATE ||
         (d->engine->driven.cr0 & SMMUV3_CR0_SMMUEN))) {
        smmuv3_attach_apply(d, &abort_config);
    }
    smmuv3_attach_drop_vdevice(d);
    smmuv3_ste_event_forget(d);
    smmuv3_vsid_remove(d->engine->vsids, d->vsid);
    d->has_vsid = false;
    d->renumbered = true;
    smmuv3_attach_tell(d);
}

static void renumber_learn(SMMUv3EngineDevice *d)
{
    SMMUv3Engine *e = d->engine;
    uint32_t vsid;

    if (!d->has_vsid && e->fe.vsid(e->opaque, d->cookie, &vsid) &&
        smmuv3_vsid_insert(e->vsids, vsid, d)) {
        d->vsid = vsid;
        d->has_vsid = true;
        d->renumbered = true;
        smmuv3_attach_tell(d);
    }
}

/* All old vSIDs go before any new one comes, because two may be swapped. */
void smmuv3_renumber(SMMUv3Engine *e)
{
    if (!smmuv3_renumber_due(e)) {
        return;
    }
    for (guint i = 0; i < e->devices->len; i++) {
        SMMUv3EngineDevice *d = g_ptr_array_index(e->devices, i);

        if (renumber_moved(d)) {
            renumber_forget(d);
        }
    }
    for (guint i = 0; i < e->devices->len; i++) {
        renumber_learn(g_ptr_array_index(e->devices, i));
    }
}
