/*
 * Sending and completing a window. See window.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "cfgi.h"
#include "emit.h"
#include "gather.h"
#include "window.h"

/*
 * A CMD_SYNC behind @atc_from, where an ATC_INV timed out, stops the window
 * (4.5.1): returns its index, or @end if there is none before @end.
 */
static uint32_t window_atc_failure(SMMUv3Window *w, uint32_t end,
                                   uint32_t atc_from)
{
    SMMUv3Engine *e = w->engine;

    for (uint32_t n = w->signalled; e->atc.timed_out && n < w->n_syncs; n++) {
        uint32_t i = e->syncs[n];

        if (i >= end) {
            break;
        }
        if (i >= atc_from) {
            smmuv3_atc_told(&e->atc);
            w->cerror = SMMUV3_CERROR_ATC_INV_SYNC;
            return i;
        }
    }
    return end;
}

/* Sends a CMD_SYNC's MSI. True: it asks for the wired interrupt instead. */
static bool window_signal_sync(SMMUv3Window *w, const SMMUv3Cmd *cmd)
{
    SMMUv3Engine *e = w->engine;

    if (smmuv3_window_has_msi(e, cmd)) {
        uint32_t data = SMMUV3_GET(SMMUV3_SYNC0_MSIDATA, cmd->dw[0]);

        w->msi_aborted |=
            smmuv3_send_msi(e, smmuv3_window_msi_address(e, cmd), data) != 0;
        return false;
    }
    return smmuv3_window_wants_signal(cmd);
}

/* All commands before @end are done: signals the CMD_SYNCs among them. */
static bool window_complete(SMMUv3Window *w, uint32_t end, uint32_t atc_from)
{
    SMMUv3Engine *e = w->engine;
    bool irq = false;

    /* CONS never goes back: @end may be before what is done already. */
    end = window_atc_failure(w, MAX(end, w->done), atc_from);
    if (e->fe.consumed && end > w->done) {
        e->fe.consumed(e->opaque, w->cmds + w->done, end - w->done);
    }
    if (end > w->done) {
        e->tries = 0;
    }
    w->done = end;
    while (w->signalled < w->n_syncs && e->syncs[w->signalled] < end) {
        irq |= window_signal_sync(w, &w->cmds[e->syncs[w->signalled++]]);
    }
    /* One edge does for all, because it only has the guest look again. */
    if (irq) {
        e->fe.sync_irq(e->opaque);
    }
    return w->cerror == SMMUV3_CERROR_NONE;
}

bool smmuv3_window_wait(SMMUv3Window *w)
{
    SMMUv3Engine *e = w->engine;

    if (e->tries == SMMUV3_TRIES_MAX) {
        return false;
    }
    e->tries++;
    e->stats.waits++;
    w->waits = true;
    return true;
}

/* Acts on the host's answer to the commands before @end. */
static bool window_conclude(SMMUv3Window *w, uint32_t end,
                            const SMMUv3BatchResult *result)
{
    SMMUv3Engine *e = w->engine;
    uint32_t atc_from = 0;

    if (result->atc_timed_out) {
        /* The first CMD_SYNC reports a time-out that is not reported yet. */
        atc_from = e->atc.timed_out ? 0 : result->atc_index;
        e->atc.timed_out = true;
    }
    if (result->cerror == SMMUV3_CERROR_NONE) {
        return window_complete(w, end, atc_from);
    }
    if (window_complete(w, result->failed, atc_from) &&
        !(result->refused && smmuv3_window_wait(w))) {
        w->cerror = result->cerror;
        /* A guest that acknowledges waits for all tries again: no spinning. */
        e->tries = 0;
    }
    return false;
}

/* A window that is sent to the host once more. */
typedef struct Replay {
    SMMUv3Window *w;
    uint32_t end;           /* commands before it are done, if none failed */
    SMMUv3BatchResult result;
} Replay;

static bool window_replay_ended(const Replay *r)
{
    return r->result.cerror || r->result.timed_out;
}

/* All commands before @i are in this batch, or were in an earlier one. */
static void window_replay_flush(Replay *r, uint32_t i)
{
    r->result = smmuv3_batch_flush(&r->w->engine->batch);
    r->end = i;
}

/* @cmd, of window index @i, unmerged. */
static void window_replay_one(Replay *r, SMMUv3Cmd cmd, uint32_t i)
{
    SMMUv3Engine *e = r->w->engine;

    smmuv3_coalesce_add(&e->gathered, cmd, i);
    smmuv3_emit(&e->gathered, &e->batch);
    if (e->batch.n >= SMMUV3_HOST_INVALIDATE_MAX) {
        window_replay_flush(r, i);
    }
}

static void window_replay_ste(Replay *r, const SMMUv3Cmd *cmd, uint32_t i)
{
    SMMUv3Engine *e = r->w->engine;
    SMMUv3EngineDevice *d;
    guint n = 0;

    while (!window_replay_ended(r) &&
           (d = smmuv3_cfgi_next_device(e, cmd, &n))) {
        if (smmuv3_cfgi_may_have_cds(d)) {
            window_replay_one(r, smmuv3_cfgi_cd_all(d), i);
        }
    }
}

/*
 * A batch of merged commands failed, which names no command of the guest's. So
 * the window is sent again, unmerged and in the guest's order, to find the one
 * that fails; that is harmless, because invalidations are idempotent. A
 * time-out ends the search.
 */
static Replay window_replay(SMMUv3Window *w, uint32_t end)
{
    SMMUv3Engine *e = w->engine;
    Replay r = { .w = w };

    for (uint32_t i = w->done; i < end && !window_replay_ended(&r); i++) {
        const SMMUv3Cmd *cmd = &w->cmds[i];
        SMMUv3Action action = smmuv3_opcode_action(cmd);

        if (smmuv3_gather_is_forwarded(e, action, cmd)) {
            window_replay_one(&r, smmuv3_gather_canonical(e, *cmd), i);
        } else if (smmuv3_opcode_configures(action)) {
            window_replay_ste(&r, cmd, i);
        }
    }
    if (!window_replay_ended(&r)) {
        window_replay_flush(&r, end);
    }
    return r;
}

/* How many commands the host gets for @cmd, unmerged. */
static uint32_t window_forwarded_for(const SMMUv3Engine *e,
                                     const SMMUv3Cmd *cmd)
{
    SMMUv3Action action = smmuv3_opcode_action(cmd);
    SMMUv3EngineDevice *d;
    uint32_t sum = 0;
    guint n = 0;

    if (!smmuv3_opcode_configures(action)) {
        return smmuv3_gather_is_forwarded(e, action, cmd);
    }
    while ((d = smmuv3_cfgi_next_device(e, cmd, &n))) {
        sum += smmuv3_cfgi_may_have_cds(d);
    }
    return sum;
}

/* Was each of the @sent commands one of those before @end, and in order? */
static bool window_sent_as_written(const SMMUv3Window *w, uint32_t end,
                                   uint32_t sent)
{
    const SMMUv3Engine *e = w->engine;
    uint32_t n = 0;

    for (uint32_t i = 1; i < sent; i++) {
        if (e->batch.index[i] <= e->batch.index[i - 1]) {
            return false;
        }
    }
    for (uint32_t i = w->done; i < end; i++) {
        n += window_forwarded_for(e, &w->cmds[i]);
    }
    return n == sent;
}

static void window_count_batch(const SMMUv3Window *w, uint32_t sent)
{
    SMMUv3EngineStats *stats = &w->engine->stats;
    uint32_t forwarded = w->forwarded - w->flushed;

    if (sent < forwarded) {
        stats->coalesced += forwarded - sent;
    } else {
        stats->expanded += sent - forwarded;
    }
}

/* @calls: the count of invalidate calls before the batch. */
static void window_tell_batch(const SMMUv3Window *w, uint32_t sent,
                              uint64_t calls, SMMUv3CmdError cerror)
{
    const SMMUv3Engine *e = w->engine;

    if (e->fe.batch_done && sent) {
        SMMUv3BatchInfo info = {
            .forwarded = w->forwarded - w->flushed,
            .sent = sent,
            .calls = e->stats.calls[SMMUV3_CALL_INVALIDATE] - calls,
            .cerror = cerror,
        };

        e->fe.batch_done(e->opaque, &info);
    }
}

bool smmuv3_window_flush(SMMUv3Window *w, uint32_t end)
{
    SMMUv3Engine *e = w->engine;
    uint32_t to = MAX(end, w->cds_to);
    uint64_t calls = e->stats.calls[SMMUV3_CALL_INVALIDATE];
    SMMUv3BatchResult result;
    uint32_t sent;

    w->budget -= e->gathered.cost;
    smmuv3_emit(&e->gathered, &e->batch);
    sent = e->batch.n;
    window_count_batch(w, sent);
    result = smmuv3_batch_flush(&e->batch);
    if (result.cerror && !result.timed_out &&
        !window_sent_as_written(w, to, sent)) {
        Replay r = window_replay(w, to);

        result = r.result;
        end = MIN(end, r.end);
    }
    window_tell_batch(w, sent, calls, result.cerror);
    w->flushed = w->forwarded;
    w->widened = e->stats.widened;
    w->gathered = 0;
    w->synced = SMMUV3_CACHES;
    return window_conclude(w, end, &result) && !result.timed_out;
}

bool smmuv3_window_give_up_quiet(SMMUv3Window *w)
{
    SMMUv3Engine *e = w->engine;

    /* The next run gathers the same commands, and counts them, again. */
    w->loud = true;
    w->forwarded = w->flushed;
    e->stats.widened = w->widened;
    smmuv3_coalesce_clear(&e->gathered);
    return false;
}

bool smmuv3_window_fail(SMMUv3Window *w, uint32_t i,
                        SMMUv3CmdError cerror)
{
    if (w->quiet) {
        return smmuv3_window_give_up_quiet(w);
    }
    if (smmuv3_window_flush(w, i)) {
        w->cerror = cerror;
    }
    return false;
}
