/*
 * Gathering a window's commands for the host. See gather.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "gather.h"

/*
 * An ATC_INV is dropped while SMMUEN=0 (4.5.1), and for a device without ATS,
 * because there is no ATC, and Linux 7.3 refuses it if the SMMU has no ATS. An
 * ATC that has not answered is not asked again before the guest knows (atc.h).
 */
static bool gather_can_have_atc(const SMMUv3EngineDevice *d)
{
    return (d->engine->driven.cr0 & SMMUV3_CR0_SMMUEN) && !d->no_ats &&
           !smmuv3_atc_suspected(&d->atc, &d->engine->atc);
}

bool smmuv3_gather_is_forwarded(const SMMUv3Engine *e,
                                SMMUv3Action action,
                                const SMMUv3Cmd *cmd)
{
    SMMUv3EngineDevice *d;

    switch (action) {
    case SMMUV3_ACTION_TLBI:
        return e->port.viommu != 0;
    case SMMUV3_ACTION_ATC_INV:
    case SMMUV3_ACTION_CFGI_CD:
        d = smmuv3_vsid_find(e->vsids, SMMUV3_GET(SMMUV3_CMD0_SID,
                                                  cmd->dw[0]));
        if (!d || !d->vdevice) {
            return false;
        }
        return action == SMMUV3_ACTION_CFGI_CD || gather_can_have_atc(d);
    default:
        return false;
    }
}

SMMUv3Cmd smmuv3_gather_canonical(SMMUv3Engine *e, SMMUv3Cmd cmd)
{
    return smmuv3_forward_canonical(&e->rules, cmd, &e->stats.widened);
}

bool smmuv3_gather_command(SMMUv3Window *w, uint32_t i,
                           SMMUv3Action action, SMMUv3Cache cache)
{
    SMMUv3Engine *e = w->engine;

    if (!smmuv3_gather_is_forwarded(e, action, &w->cmds[i])) {
        return true;
    }
    if (!smmuv3_gather_enter(w, i, cache)) {
        return false;
    }
    smmuv3_gather_cmd(w, i, smmuv3_gather_canonical(e, w->cmds[i]), cache);
    return true;
}

/* By the command as written, though the host may be sent a wider one. */
bool smmuv3_gather_tlbi(SMMUv3Window *w, uint32_t i)
{
    SMMUv3Cmd cmd = w->cmds[i];
    bool leaves = smmuv3_is_tlbi_va(cmd) && (cmd.dw[1] & SMMUV3_TLBI1_LEAF);

    return smmuv3_gather_command(w, i, SMMUV3_ACTION_TLBI,
                                 leaves ? SMMUV3_CACHE_LEAVES
                                        : SMMUV3_CACHE_WALKS);
}
