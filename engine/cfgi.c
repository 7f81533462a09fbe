/*
 * Streams, as CFGI_STE configures them. See cfgi.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "attach.h"
#include "cfgi.h"
#include "gather.h"
#include "renumber.h"
#include "ste-events.h"

/* The StreamID bits that a CFGI_STE (none) or CFGI_STE_RANGE ignores. */
static uint64_t cfgi_ignored_sid_bits(const SMMUv3Cmd *cmd)
{
    return smmuv3_opcode_action(cmd) == SMMUV3_ACTION_CFGI_STE_RANGE
           ? smmuv3_cfgi_ignored_bits(cmd) : 0;
}

static bool cfgi_names(const SMMUv3Cmd *cmd, const SMMUv3EngineDevice *d)
{
    uint64_t sid = SMMUV3_GET(SMMUV3_CMD0_SID, cmd->dw[0]);

    return d->has_vsid && !((d->vsid ^ sid) & ~cfgi_ignored_sid_bits(cmd));
}

SMMUv3EngineDevice *smmuv3_cfgi_next_device(const SMMUv3Engine *e,
                                                   const SMMUv3Cmd *cmd,
                                                   guint *n)
{
    if (!cfgi_ignored_sid_bits(cmd)) {
        return (*n)++ ? NULL : smmuv3_vsid_find(
            e->vsids, SMMUV3_GET(SMMUV3_CMD0_SID, cmd->dw[0]));
    }
    while (*n < e->devices->len) {
        SMMUv3EngineDevice *d = g_ptr_array_index(e->devices, (*n)++);

        if (cfgi_names(cmd, d)) {
            return d;
        }
    }
    return NULL;
}

SMMUv3Cmd smmuv3_cfgi_cd_all(const SMMUv3EngineDevice *d)
{
    return (SMMUv3Cmd) {
        .dw = {
            SMMUV3_CMD_CFGI_CD_ALL | SMMUV3_PREP(SMMUV3_CMD0_SID, d->vsid),
        },
    };
}

bool smmuv3_cfgi_may_have_cds(const SMMUv3EngineDevice *d)
{
    return d->config.kind == SMMUV3_STREAM_TRANSLATE && d->vdevice;
}

/*
 * 4.3.1, 4.3.2: the CDs that were fetched through @d's STE are dropped. However
 * many commands of the guest ask for it, they merge into one for the host.
 */
static bool cfgi_forward_cds(SMMUv3Window *w, uint32_t i,
                             const SMMUv3EngineDevice *d)
{
    SMMUv3Engine *e = w->engine;

    if (!d->cds_due || !smmuv3_cfgi_may_have_cds(d)) {
        return true;
    }
    /* One command may be about more devices than there is room left. */
    if (e->gathered.cost >= SMMUV3_SLICE_COST && !smmuv3_window_flush(w, i)) {
        return false;
    }
    w->cds_to = i + 1;
    smmuv3_gather_cmd(w, i, smmuv3_cfgi_cd_all(d), SMMUV3_CACHE_CFG);
    return true;
}

/* A refusal that passes: a function is being reset, or memory is short. */
static bool cfgi_may_pass(int err)
{
    return err == -EBUSY || err == -ENOMEM || err == -EAGAIN;
}

/*
 * An STE's content is never a command error, 4.3.1. A stream that the host
 * refuses stays where it is while the queue waits, because a device whose DMA
 * aborts for a moment may be lost to its driver. False: the queue waits.
 */
static bool cfgi_configure(SMMUv3Window *w, SMMUv3EngineDevice *d,
                           const SMMUv3StreamConfig *config)
{
    int ret = smmuv3_attach_try(d, config);

    if (!ret) {
        return true;
    }
    if (cfgi_may_pass(ret) && smmuv3_window_wait(w)) {
        return false;
    }
    w->immovable |= !smmuv3_attach_give_up(d, ret);
    return true;
}

/*
 * Configures one stream, after a flush if its attachment changes. @named: the
 * command names this stream, so an illegal STE is an event.
 */
static bool cfgi_update_stream(SMMUv3Window *w, uint32_t i,
                               SMMUv3EngineDevice *d, bool named)
{
    SMMUv3StreamConfig before = d->config, config = smmuv3_attach_evaluate(d);

    w->budget -= SMMUV3_COST_LOOKUP;
    if (smmuv3_attach_changes(d, &config)) {
        if (!smmuv3_window_flush(w, i)) {
            return false;
        }
        w->budget -= SMMUV3_COST_CHANGE;
    }
    if (!cfgi_configure(w, d, &config)) {
        return false;
    }
    if (named) {
        smmuv3_ste_event_due(d);
    }
    d->cds_due = smmuv3_ste_keeps_cds(&before, &d->config);
    return true;
}

/*
 * Takes new StreamIDs over, once a window, because commands name streams by
 * them. What command @i names is left to it, or it would be done twice.
 */
static bool cfgi_take_numbers(SMMUv3Window *w, uint32_t i)
{
    SMMUv3Engine *e = w->engine;

    if (w->numbered || !smmuv3_renumber_due(e)) {
        w->numbered = true;
        return true;
    }
    if (!smmuv3_window_flush(w, i)) {
        return false;
    }
    smmuv3_renumber(e);
    for (guint n = 0; n < e->devices->len; n++) {
        SMMUv3EngineDevice *d = g_ptr_array_index(e->devices, n);

        if (d->renumbered && !cfgi_names(&w->cmds[i], d)) {
            SMMUv3StreamConfig config = smmuv3_attach_evaluate(d);

            if (!cfgi_configure(w, d, &config)) {
                return false;
            }
        }
    }
    w->numbered = true;
    return true;
}

/*
 * If the host does not even let a stream abort, the command fails, because the
 * device may still reach memory that the guest has taken from it.
 */
static bool cfgi_all_moved(SMMUv3Window *w, uint32_t i)
{
    if (!w->immovable) {
        return true;
    }
    smmuv3_window_fail(w, i, SMMUV3_CERROR_ABT);
    if (w->cerror) {
        w->engine->tries = 0;
    }
    return false;
}

bool smmuv3_cfgi_ste(SMMUv3Window *w, uint32_t i)
{
    SMMUv3Engine *e = w->engine;
    const SMMUv3Cmd *cmd = &w->cmds[i];
    bool all = cfgi_ignored_sid_bits(cmd) == UINT32_MAX;
    SMMUv3EngineDevice *d;
    guint n = 0;

    if (w->quiet) {
        return smmuv3_window_give_up_quiet(w);
    }
    w->others++;
    if (!cfgi_take_numbers(w, i)) {
        return false;
    }
    if (cfgi_ignored_sid_bits(cmd)) {
        w->budget -= e->devices->len / SMMUV3_COMPARED_FOR_1;
    }
    while ((d = smmuv3_cfgi_next_device(e, cmd, &n))) {
        if (!cfgi_update_stream(w, i, d, !all)) {
            return false;
        }
    }
    /* Streams first, because a flush for the CDs can end the window. */
    for (n = 0; (d = smmuv3_cfgi_next_device(e, cmd, &n));) {
        if (!cfgi_forward_cds(w, i, d)) {
            return false;
        }
    }
    return cfgi_all_moved(w, i);
}
