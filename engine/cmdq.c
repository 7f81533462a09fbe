/*
 * The command queue: fetch, classify, dispatch, flush, complete.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * One call is one window: the span of commands is copied out of guest memory
 * once and everything is decided on the copy. Legality follows Arm IHI 0070
 * chapter 4 for an SMMU with stage 1 only, so that the kernel never sees a
 * command that it would refuse.
 */
#include "forward.h"
#include "internal.h"
#include "smmuv3-promise.h"

typedef enum Action {
    ACTION_ILLEGAL,
    ACTION_PREFETCH,
    ACTION_CFGI_STE,
    ACTION_CFGI_STE_RANGE,
    ACTION_CFGI_CD,
    ACTION_TLBI,
    ACTION_ATC_INV,
    ACTION_SYNC,
} Action;

typedef struct OpcodeRule {
    uint8_t action;
    bool has_ssec;      /* SSec=1 is illegal on the Non-secure queue, 4.1.6 */
} OpcodeRule;

/*
 * What is not listed is CERROR_ILL: unknown opcodes, stage 2 and EL2 and EL3
 * invalidation (4.4), PRI_RESP, RESUME and STALL_TERM while neither PRI nor
 * stalls are offered (4.6).
 */
static const OpcodeRule rules[SMMUV3_CMD0_OPCODE + 1] = {
    [SMMUV3_CMD_PREFETCH_CONFIG] = { ACTION_PREFETCH, true },
    [SMMUV3_CMD_PREFETCH_ADDR] = { ACTION_PREFETCH, true },
    [SMMUV3_CMD_CFGI_STE] = { ACTION_CFGI_STE, true },
    [SMMUV3_CMD_CFGI_STE_RANGE] = { ACTION_CFGI_STE_RANGE, true },
    [SMMUV3_CMD_CFGI_CD] = { ACTION_CFGI_CD, true },
    [SMMUV3_CMD_CFGI_CD_ALL] = { ACTION_CFGI_CD, true },
    [SMMUV3_CMD_TLBI_NH_ALL] = { ACTION_TLBI, false },
    [SMMUV3_CMD_TLBI_NH_ASID] = { ACTION_TLBI, false },
    [SMMUV3_CMD_TLBI_NH_VA] = { ACTION_TLBI, false },
    [SMMUV3_CMD_TLBI_NH_VAA] = { ACTION_TLBI, false },
    [SMMUV3_CMD_TLBI_NSNH_ALL] = { ACTION_TLBI, false },
    [SMMUV3_CMD_ATC_INV] = { ACTION_ATC_INV, true },
    [SMMUV3_CMD_SYNC] = { ACTION_SYNC, false },
};

/*
 * The classes of commands, each of a cache that is filled from those before:
 * configuration, table walks, leaves, ATCs. The kernel has a CMD_SYNC behind an
 * array, not in it, so that a guest's CMD_SYNC between two of them ends one
 * (4.7.3): without it, what the later class dropped could be filled again from
 * what the earlier one has not dropped yet. Of one class they need not.
 */
typedef enum Class {
    CLASS_CFG,
    CLASS_WALKS,
    CLASS_LEAVES,
    CLASS_ATC,
    CLASSES,
} Class;

/* Copied out of guest memory at a time. */
#define FETCH_MAX 4096

/* A window being consumed. */
typedef struct Window {
    SMMUv3Engine *engine;
    const SMMUv3Cmd *cmds;
    uint32_t n;             /* copied */
    uint32_t taken;         /* looked at */
    uint32_t done;          /* complete and signalled */
    int32_t budget;         /* SMMUV3_COST_*; the slice ends at 0 */
    SMMUv3CmdError cerror;  /* of cmds[done] */
    uint32_t n_syncs;       /* seen, engine->syncs; of them... */
    uint32_t signalled;
    bool msi_aborted;
    uint32_t forwarded;
    uint32_t flushed;       /* of the forwarded ones */
    uint32_t cds_to;        /* CDs are dropped for commands before it */
    uint8_t gathered;       /* bit n: some of class n, since the last flush */
    Class synced;           /* a CMD_SYNC is behind some of it; CLASSES: none */
    uint32_t others;        /* taken that are neither TLBI nor SYNC */
    bool numbered;          /* the guest's StreamIDs have been asked for */
    bool quiet;             /* see smmuv3_engine_cmdq_run() */
    bool loud;              /* it was to be, and is not, behind done */
    bool waits;             /* the host is to do better at cmds[done] */
    bool immovable;         /* a stream that it does not even let abort */
    uint64_t widened;       /* the counter, at the last flush */
} Window;

static const OpcodeRule *rule_of(const SMMUv3Cmd *cmd)
{
    return &rules[cmd->dw[0] & SMMUV3_CMD0_OPCODE];
}

static bool configures(Action action)
{
    return action == ACTION_CFGI_STE || action == ACTION_CFGI_STE_RANGE;
}

static bool sync_legal(const SMMUv3Cmd *cmd)
{
    return SMMUV3_GET(SMMUV3_SYNC0_CS, cmd->dw[0]) != SMMUV3_SYNC_RESERVED;
}

static bool wants_signal(const SMMUv3Cmd *cmd)
{
    return SMMUV3_GET(SMMUV3_SYNC0_CS, cmd->dw[0]) == SMMUV3_SYNC_IRQ;
}

/*
 * A CMD_SYNC that finds a timed out ATC_INV before it, at @atc_from, stops the
 * window (4.5.1): where, or @end.
 */
static uint32_t atc_failure(Window *w, uint32_t end, uint32_t atc_from)
{
    SMMUv3Engine *e = w->engine;

    for (uint32_t n = w->signalled; e->atc_timed_out && n < w->n_syncs; n++) {
        uint32_t i = e->syncs[n];

        if (i >= end) {
            break;
        }
        if (i >= atc_from) {
            smmuv3_atc_told(e);
            w->cerror = SMMUV3_CERROR_ATC_INV_SYNC;
            return i;
        }
    }
    return end;
}

/* 4.7.3: has a CMD_SYNC an MSI? The whole field says so, beyond OAS, too. */
static bool has_msi(const SMMUv3Engine *e, const SMMUv3Cmd *cmd)
{
    return wants_signal(cmd) && (cmd->dw[1] & e->msi_field);
}

static uint64_t msi_address(const SMMUv3Engine *e, const SMMUv3Cmd *cmd)
{
    return cmd->dw[1] & e->msi_bits;
}

/* True if it asks for the wired interrupt. */
static bool signal_sync(Window *w, const SMMUv3Cmd *cmd)
{
    SMMUv3Engine *e = w->engine;

    if (has_msi(e, cmd)) {
        w->msi_aborted |= e->fe->msi(e->opaque, msi_address(e, cmd),
                                     SMMUV3_GET(SMMUV3_SYNC0_MSIDATA,
                                                cmd->dw[0]));
        return false;
    }
    return wants_signal(cmd);
}

/* Everything up to @end is done: signals the CMD_SYNCs in it. */
static bool complete(Window *w, uint32_t end, uint32_t atc_from)
{
    SMMUv3Engine *e = w->engine;
    bool irq = false;

    /* CONS never goes back, whatever became of what is behind it. */
    end = atc_failure(w, MAX(end, w->done), atc_from);
    if (e->fe->consumed && end > w->done) {
        e->fe->consumed(e->opaque, w->cmds + w->done, end - w->done);
    }
    if (end > w->done) {
        e->tries = 0;
    }
    w->done = end;
    while (w->signalled < w->n_syncs && e->syncs[w->signalled] < end) {
        irq |= signal_sync(w, &w->cmds[e->syncs[w->signalled++]]);
    }
    /* One edge says it for all of them: the guest looks at memory. */
    if (irq) {
        e->fe->sync_irq(e->opaque);
    }
    return w->cerror == SMMUV3_CERROR_NONE;
}

/* All before CONS is done. False: the host has had its tries there. */
static bool wait_at_cons(Window *w)
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

/* The host's answer, as far as @end: what is done, what is to be reported. */
static bool conclude(Window *w, uint32_t end, const SMMUv3BatchResult *result)
{
    SMMUv3Engine *e = w->engine;
    uint32_t atc_from = 0;

    if (result->atc_timed_out) {
        /* An earlier one that no CMD_SYNC has told of concerns the first. */
        atc_from = e->atc_timed_out ? 0 : result->atc_index;
        e->atc_timed_out = true;
    }
    if (result->cerror == SMMUV3_CERROR_NONE) {
        return complete(w, end, atc_from);
    }
    if (complete(w, result->failed, atc_from) &&
        !(result->refused && wait_at_cons(w))) {
        w->cerror = result->cerror;
        /* Acknowledged, it has as many tries again: the guest may not spin. */
        e->tries = 0;
    }
    return false;
}

/*
 * An ATC_INV without any ATC behind it is nothing: while SMMUEN=0 (4.5.1), or
 * for a device without ATS. Linux 7.3 refuses it if the SMMU has no ATS. One
 * that has not answered is not asked again before the guest knows.
 */
static bool can_have_atc(const SMMUv3EngineDevice *d)
{
    return (d->engine->regs.cr0 & SMMUV3_CR0_SMMUEN) && !d->no_ats &&
           !smmuv3_atc_suspected(d);
}

/* Does @cmd concern the host now? The kernel knows vSIDs with a vDEVICE. */
static inline bool is_forwarded(const SMMUv3Engine *e, Action action,
                                const SMMUv3Cmd *cmd)
{
    SMMUv3EngineDevice *d;

    switch (action) {
    case ACTION_TLBI:
        return e->viommu != 0;
    case ACTION_ATC_INV:
    case ACTION_CFGI_CD:
        d = smmuv3_vsid_find(e->vsids, SMMUV3_GET(SMMUV3_CMD0_SID,
                                                  cmd->dw[0]));
        if (!d || !d->vdevice) {
            return false;
        }
        return action == ACTION_CFGI_CD || can_have_atc(d);
    default:
        return false;
    }
}

static SMMUv3Cmd canonical(SMMUv3Engine *e, SMMUv3Cmd cmd)
{
    return smmuv3_forward_canonical(&e->rules, cmd, &e->stats.widened);
}

/* Which bits of the StreamID of a CFGI_STE or CFGI_STE_RANGE say nothing. */
static uint64_t ignored_sid_bits(const SMMUv3Cmd *cmd)
{
    return rule_of(cmd)->action == ACTION_CFGI_STE_RANGE
           ? smmuv3_cfgi_ignored_bits(cmd) : 0;
}

/*
 * The next device from place *@n on whose stream @cmd, a CFGI_STE or
 * CFGI_STE_RANGE, is about; NULL: there is no more.
 */
static SMMUv3EngineDevice *next_configured(const SMMUv3Engine *e,
                                           const SMMUv3Cmd *cmd, guint *n)
{
    uint64_t ignored = ignored_sid_bits(cmd);
    uint64_t sid = SMMUV3_GET(SMMUV3_CMD0_SID, cmd->dw[0]);

    if (!ignored) {
        return (*n)++ ? NULL : smmuv3_vsid_find(e->vsids, sid);
    }
    while (*n < e->devices->len) {
        SMMUv3EngineDevice *d = g_ptr_array_index(e->devices, (*n)++);

        if (d->has_vsid && !((d->vsid ^ sid) & ~ignored)) {
            return d;
        }
    }
    return NULL;
}

/* What the host is told of an STE that it does not see change, 4.3.1. */
static SMMUv3Cmd cfgi_cd_all(const SMMUv3EngineDevice *d)
{
    return (SMMUv3Cmd) {
        .dw = {
            SMMUV3_CMD_CFGI_CD_ALL | SMMUV3_PREP(SMMUV3_CMD0_SID, d->vsid),
        },
    };
}

static bool may_have_cds(const SMMUv3EngineDevice *d)
{
    return d->config.kind == SMMUV3_STREAM_TRANSLATE && d->vdevice;
}

/* A window on its way to the host once more. */
typedef struct Replay {
    Window *w;
    uint32_t end;           /* all before it are done, unless one failed */
    SMMUv3BatchResult result;
} Replay;

static bool replay_ended(const Replay *r)
{
    return r->result.cerror || r->result.timed_out;
}

/* What precedes command @i is in this batch, or was in one before. */
static void replay_flush(Replay *r, uint32_t i)
{
    r->result = smmuv3_batch_flush(&r->w->engine->batch, r->w->engine);
    r->end = i;
}

/* @cmd, of window index @i, unmerged. */
static void replay_one(Replay *r, SMMUv3Cmd cmd, uint32_t i)
{
    SMMUv3Engine *e = r->w->engine;

    smmuv3_coalesce_add(&e->gathered, cmd, i);
    smmuv3_coalesce_emit(&e->gathered, &e->batch);
    if (e->batch.n >= SMMUV3_HOST_INVALIDATE_MAX) {
        replay_flush(r, i);
    }
}

static void replay_ste(Replay *r, const SMMUv3Cmd *cmd, uint32_t i)
{
    SMMUv3Engine *e = r->w->engine;
    SMMUv3EngineDevice *d;
    guint n = 0;

    while (!replay_ended(r) && (d = next_configured(e, cmd, &n))) {
        if (may_have_cds(d)) {
            replay_one(r, cfgi_cd_all(d), i);
        }
    }
}

/*
 * Something that was merged failed, so that no single command can be named.
 * Once more, one by one and in the guest's order (invalidations are
 * idempotent), this time to find out. A time-out ends it, with what is done.
 */
static Replay replay(Window *w, uint32_t end)
{
    SMMUv3Engine *e = w->engine;
    Replay r = { .w = w };

    for (uint32_t i = w->done; i < end && !replay_ended(&r); i++) {
        const SMMUv3Cmd *cmd = &w->cmds[i];
        Action action = rule_of(cmd)->action;

        if (is_forwarded(e, action, cmd)) {
            replay_one(&r, canonical(e, *cmd), i);
        } else if (configures(action)) {
            replay_ste(&r, cmd, i);
        }
    }
    if (!replay_ended(&r)) {
        replay_flush(&r, end);
    }
    return r;
}

/* How many commands does the host get for this one, unmerged? */
static uint32_t forwarded_for(const SMMUv3Engine *e, const SMMUv3Cmd *cmd)
{
    Action action = rule_of(cmd)->action;
    SMMUv3EngineDevice *d;
    uint32_t sum = 0;
    guint n = 0;

    if (!configures(action)) {
        return is_forwarded(e, action, cmd);
    }
    while ((d = next_configured(e, cmd, &n))) {
        sum += may_have_cds(d);
    }
    return sum;
}

/* Were the @sent commands of the batch those before @end, one by one? */
static bool sent_as_written(const Window *w, uint32_t end, uint32_t sent)
{
    const SMMUv3Engine *e = w->engine;
    uint32_t n = 0;

    for (uint32_t i = 1; i < sent; i++) {
        if (e->batch.index[i] <= e->batch.index[i - 1]) {
            return false;
        }
    }
    for (uint32_t i = w->done; i < end; i++) {
        n += forwarded_for(e, &w->cmds[i]);
    }
    return n == sent;
}

static void count_batch(const Window *w, uint32_t sent)
{
    SMMUv3EngineStats *stats = &w->engine->stats;
    uint32_t forwarded = w->forwarded - w->flushed;

    if (sent < forwarded) {
        stats->coalesced += forwarded - sent;
    } else {
        stats->expanded += sent - forwarded;
    }
}

/* @calls: how many there had been before it */
static void tell_batch(const Window *w, uint32_t sent, uint64_t calls,
                       SMMUv3CmdError cerror)
{
    const SMMUv3Engine *e = w->engine;

    if (e->fe->batch_done && sent) {
        SMMUv3BatchInfo info = {
            .forwarded = w->forwarded - w->flushed,
            .sent = sent,
            .calls = e->stats.calls[SMMUV3_CALL_INVALIDATE] - calls,
            .cerror = cerror,
        };

        e->fe->batch_done(e->opaque, &info);
    }
}

/*
 * Sends what was forwarded before @end and completes up to there. A command
 * about several streams may be at @end, and have some of its CDs in it. False:
 * the window ends here. After a time-out it does, because who is behind it may
 * not wait for the next one, too.
 */
static bool flush(Window *w, uint32_t end)
{
    SMMUv3Engine *e = w->engine;
    uint32_t to = MAX(end, w->cds_to);
    uint64_t calls = e->stats.calls[SMMUV3_CALL_INVALIDATE];
    SMMUv3BatchResult result;
    uint32_t sent;

    w->budget -= e->gathered.cost;
    smmuv3_coalesce_emit(&e->gathered, &e->batch);
    sent = e->batch.n;
    count_batch(w, sent);
    result = smmuv3_batch_flush(&e->batch, e);
    if (result.cerror && !result.timed_out && !sent_as_written(w, to, sent)) {
        Replay r = replay(w, to);

        result = r.result;
        end = MIN(end, r.end);
    }
    tell_batch(w, sent, calls, result.cerror);
    w->flushed = w->forwarded;
    w->widened = e->stats.widened;
    w->gathered = 0;
    w->synced = CLASSES;
    return conclude(w, end, &result) && !result.timed_out;
}

/* Nothing of a quiet window is done that has not been looked through. */
static bool give_up_quiet(Window *w)
{
    SMMUv3Engine *e = w->engine;

    w->loud = true;
    w->forwarded = w->flushed;
    e->stats.widened = w->widened;
    smmuv3_coalesce_clear(&e->gathered);
    return false;
}

static bool fail(Window *w, uint32_t i, SMMUv3CmdError cerror)
{
    if (w->quiet) {
        return give_up_quiet(w);
    }
    if (flush(w, i)) {
        w->cerror = cerror;
    }
    return false;
}

static bool complete_synced(Window *w, uint32_t i)
{
    w->budget -= SMMUV3_COST_SYNCED;
    return flush(w, i);
}

/* Before the first of @class behind a CMD_SYNC behind an earlier one. */
static inline bool enter_class(Window *w, uint32_t i, Class class)
{
    return class <= w->synced || complete_synced(w, i);
}

/* @cmd, of window index @i, is the host's to do; its class was entered. */
static inline void gather(Window *w, uint32_t i, SMMUv3Cmd cmd, Class class)
{
    w->gathered |= 1u << class;
    smmuv3_coalesce_add(&w->engine->gathered, cmd, i);
    w->forwarded++;
}

/* A TLBI of a single address: what a guest sends all the time. */
static inline bool forward_single(Window *w, uint32_t i)
{
    SMMUv3Engine *e = w->engine;
    SMMUv3Cmd cmd = w->cmds[i];
    Class class = cmd.dw[1] & SMMUV3_TLBI1_LEAF ? CLASS_LEAVES : CLASS_WALKS;

    if (!e->viommu) {
        return true;
    }
    if (!enter_class(w, i, class)) {
        return false;
    }
    gather(w, i, smmuv3_forward_single(&e->rules, cmd), class);
    return true;
}

static bool forward(Window *w, uint32_t i, Action action, Class class)
{
    SMMUv3Engine *e = w->engine;

    if (!is_forwarded(e, action, &w->cmds[i])) {
        return true;
    }
    if (!enter_class(w, i, class)) {
        return false;
    }
    gather(w, i, canonical(e, w->cmds[i]), class);
    return true;
}

/* A range of addresses, or all. The class as written: it may go as more. */
static bool forward_tlbi(Window *w, uint32_t i)
{
    SMMUv3Cmd cmd = w->cmds[i];
    bool leaves = smmuv3_is_tlbi_va(cmd) && (cmd.dw[1] & SMMUV3_TLBI1_LEAF);

    if (smmuv3_forward_illegal(&w->engine->rules, cmd)) {
        return fail(w, i, SMMUV3_CERROR_ILL);
    }
    return forward(w, i, ACTION_TLBI, leaves ? CLASS_LEAVES : CLASS_WALKS);
}

/*
 * 4.3.1, 4.3.2: the CDs that were fetched through @d's STE are dropped. As many
 * commands of the guest as say so, it is one for the host in the end.
 */
static bool forward_cds(Window *w, uint32_t i, const SMMUv3EngineDevice *d)
{
    SMMUv3Engine *e = w->engine;

    if (!d->cds_due || !may_have_cds(d)) {
        return true;
    }
    /* One command may be about more devices than there is room left. */
    if (e->gathered.cost >= SMMUV3_SLICE_COST && !flush(w, i)) {
        return false;
    }
    w->cds_to = i + 1;
    gather(w, i, cfgi_cd_all(d), CLASS_CFG);
    return true;
}

/* Hosts do better: they reset a function, or run out of memory for a moment. */
static bool may_pass(int err)
{
    return err == -EBUSY || err == -ENOMEM || err == -EAGAIN;
}

/*
 * An STE's content is never a command error, 4.3.1. A stream that the host
 * refuses stays where it is while the queue waits, because a device whose DMA
 * aborts for a moment may be lost to its driver. False: it does.
 */
static bool configure(Window *w, SMMUv3EngineDevice *d,
                      const SMMUv3StreamConfig *config)
{
    int ret = smmuv3_device_try(d, config);

    if (!ret) {
        return true;
    }
    if (may_pass(ret) && wait_at_cons(w)) {
        return false;
    }
    w->immovable |= !smmuv3_device_give_up(d, ret);
    return true;
}

/*
 * Takes one stream's configuration in; flushes first if it changes. @named:
 * the guest means this stream, so it is told if there is nothing to use.
 */
static bool update_stream(Window *w, uint32_t i, SMMUv3EngineDevice *d,
                          bool named)
{
    SMMUv3StreamConfig before = d->config, config = smmuv3_device_evaluate(d);

    w->budget -= SMMUV3_COST_LOOKUP;
    if (smmuv3_device_changes(d, &config)) {
        if (!flush(w, i)) {
            return false;
        }
        w->budget -= SMMUV3_COST_CHANGE;
    }
    if (!configure(w, d, &config)) {
        return false;
    }
    if (named) {
        smmuv3_event_due(d);
    }
    d->cds_due = smmuv3_stream_keeps_cds(&before, &d->config);
    return true;
}

/* Once a window: whose number has changed is told from who had it before. */
static bool take_numbers(Window *w, uint32_t i)
{
    SMMUv3Engine *e = w->engine;

    if (w->numbered || !smmuv3_vsids_stale(e)) {
        w->numbered = true;
        return true;
    }
    if (!flush(w, i)) {
        return false;
    }
    smmuv3_vsids_sync(e);
    for (guint n = 0; n < e->devices->len; n++) {
        SMMUv3EngineDevice *d = g_ptr_array_index(e->devices, n);

        if (d->renumbered) {
            SMMUv3StreamConfig config = smmuv3_device_evaluate(d);

            if (!configure(w, d, &config)) {
                return false;
            }
        }
    }
    w->numbered = true;
    return true;
}

/*
 * What the guest has taken from a device is not done before the device is made
 * to leave it: if the host does not even let it abort, the guest has to know.
 */
static bool all_moved(Window *w, uint32_t i)
{
    if (!w->immovable) {
        return true;
    }
    fail(w, i, SMMUV3_CERROR_ABT);
    if (w->cerror) {
        w->engine->tries = 0;
    }
    return false;
}

static bool cfgi_ste(Window *w, uint32_t i)
{
    SMMUv3Engine *e = w->engine;
    const SMMUv3Cmd *cmd = &w->cmds[i];
    bool all = ignored_sid_bits(cmd) == UINT32_MAX;
    SMMUv3EngineDevice *d;
    guint n = 0;

    if (w->quiet) {
        return give_up_quiet(w);
    }
    w->others++;
    if (!take_numbers(w, i)) {
        return false;
    }
    if (ignored_sid_bits(cmd)) {
        w->budget -= e->devices->len / SMMUV3_COMPARED_FOR_1;
    }
    while ((d = next_configured(e, cmd, &n))) {
        if (!update_stream(w, i, d, !all)) {
            return false;
        }
    }
    /* All streams are as the guest wants them before the host can fail this. */
    for (n = 0; (d = next_configured(e, cmd, &n));) {
        if (!forward_cds(w, i, d)) {
            return false;
        }
    }
    return all_moved(w, i);
}

/* Signalled when what precedes it is done. */
static bool sync_command(Window *w, uint32_t i)
{
    SMMUv3Engine *e = w->engine;
    const SMMUv3Cmd *cmd = &w->cmds[i];
    bool msi = has_msi(e, cmd);

    if (!sync_legal(cmd)) {
        return fail(w, i, SMMUV3_CERROR_ILL);
    }
    if (w->quiet && wants_signal(cmd) &&
        !(msi && e->fe->msi_is_quiet &&
          e->fe->msi_is_quiet(e->opaque, msi_address(e, cmd)))) {
        return give_up_quiet(w);
    }
    e->syncs[w->n_syncs++] = i;
    if (w->gathered) {
        w->synced = __builtin_ctz(w->gathered);
    }
    w->budget -= msi ? SMMUV3_COST_MSI : 0;
    return true;
}

/* Legality is decided here: all that has to be asked beside the opcode. */
static bool dispatch(Window *w, uint32_t i)
{
    SMMUv3Engine *e = w->engine;
    const SMMUv3Cmd *cmd = &w->cmds[i];
    const OpcodeRule *rule = rule_of(cmd);

    if (rule->has_ssec && (cmd->dw[0] & SMMUV3_CMD0_SSEC)) {
        return fail(w, i, SMMUV3_CERROR_ILL);
    }
    switch (rule->action) {
    case ACTION_CFGI_STE:
    case ACTION_CFGI_STE_RANGE:
        return cfgi_ste(w, i);
    case ACTION_TLBI:
        return smmuv3_forward_is_single(&e->rules, *cmd)
               ? forward_single(w, i) : forward_tlbi(w, i);
    case ACTION_CFGI_CD:
        w->others++;
        return forward(w, i, ACTION_CFGI_CD, CLASS_CFG);
    case ACTION_ATC_INV:
        if (!(e->idr[0] & SMMUV3_IDR0_ATS)) {
            return fail(w, i, SMMUV3_CERROR_ILL);
        }
        w->others++;
        return forward(w, i, ACTION_ATC_INV, CLASS_ATC);
    case ACTION_SYNC:
        return sync_command(w, i);
    case ACTION_PREFETCH:
        w->others++;
        return true;
    default:
        return fail(w, i, SMMUV3_CERROR_ILL);
    }
}

/* The part of the ring that a window is copied from. */
typedef struct Span {
    uint64_t ring;          /* its address */
    uint32_t size;          /* of the ring, in commands */
    uint32_t first;         /* ring index of the window's first command */
    uint32_t n;             /* the window's length at the most */
} Span;

static int copy(Window *w, const Span *s, uint32_t n)
{
    SMMUv3Engine *e = w->engine;
    uint32_t at = (s->first + w->n) & (s->size - 1);

    return e->fe->read(e->opaque, s->ring + at * sizeof(SMMUv3Cmd),
                       e->window + w->n, n * sizeof(SMMUv3Cmd));
}

static void take(Window *w, uint32_t n)
{
    SMMUv3Cmd *cmds = w->engine->window + w->n;

    for (uint32_t i = 0; i < n; i++) {
        cmds[i].dw[0] = GUINT64_FROM_LE(cmds[i].dw[0]);
        cmds[i].dw[1] = GUINT64_FROM_LE(cmds[i].dw[1]);
    }
    w->n += n;
}

/*
 * Copies the next stretch; if it cannot be read at once, as many as can be one
 * by one. False when there is no more to copy or none can be.
 */
static bool fetch(Window *w, const Span *s)
{
    uint32_t at = (s->first + w->n) & (s->size - 1);
    uint32_t n = MIN(MIN(s->n - w->n, s->size - at), FETCH_MAX);
    uint32_t before = w->n;

    if (n && copy(w, s, n) == 0) {
        take(w, n);
        return true;
    }
    while (n-- && copy(w, s, 1) == 0) {
        take(w, 1);
    }
    return w->n != before;
}

static bool affordable(const Window *w)
{
    return w->budget > (int32_t)w->engine->gathered.cost;
}

/* Is there more after @i, with the same word 0? */
static bool goes_on(const Window *w, uint32_t i)
{
    return i < w->n && w->cmds[i].dw[0] == w->cmds[i - 1].dw[0];
}

/*
 * What a guest sends by the thousand: commands at @i that differ from the one
 * before in nothing but a single address, taken as dispatch() would. Where the
 * next one stands.
 */
static uint32_t take_alike(Window *w, uint32_t i)
{
    SMMUv3Engine *e = w->engine;
    uint32_t room, n;

    if (!e->viommu || !affordable(w) ||
        !smmuv3_forward_is_single(&e->rules, w->cmds[i - 1])) {
        return i;
    }
    room = w->budget - e->gathered.cost;
    n = smmuv3_coalesce_add_alike(&e->gathered, &w->cmds[i], i,
                                  MIN(w->n - i, room),
                                  e->rules.range[1] & SMMUV3_TLBI1_TG);
    w->forwarded += n;
    return i + n;
}

/* The window ends where the span does, the budget, or readable memory. */
static void consume(Window *w, const Span *s)
{
    bool more = true;
    uint32_t i = 0;

    while (affordable(w) && (i < w->n || (more = fetch(w, s)))) {
        if (!dispatch(w, i++)) {
            w->taken = i;
            return;
        }
        if (goes_on(w, i)) {
            i = take_alike(w, i);
        }
    }
    w->taken = i;
    if (!more && i < s->n) {
        fail(w, i, SMMUV3_CERROR_ABT);
    } else {
        flush(w, i);
    }
}

static SMMUv3CommandClass class_of(const SMMUv3Cmd *cmd)
{
    switch (rule_of(cmd)->action) {
    case ACTION_CFGI_STE:
    case ACTION_CFGI_STE_RANGE:
        return SMMUV3_CLASS_CFGI_STE;
    case ACTION_CFGI_CD:
        return SMMUV3_CLASS_CFGI_CD;
    case ACTION_ATC_INV:
        return SMMUV3_CLASS_ATC_INV;
    case ACTION_PREFETCH:
        return SMMUV3_CLASS_PREFETCH;
    case ACTION_SYNC:
        return SMMUV3_CLASS_SYNC;
    default:
        return SMMUV3_CLASS_TLBI;
    }
}

/*
 * Where there are TLBIs and CMD_SYNCs only, nobody counts one by one. After a
 * failure not all that was taken is done.
 */
static void count_classes(SMMUv3Engine *e, const Window *w)
{
    uint64_t *n = e->stats.by_class;

    if (!w->others && w->done == w->taken) {
        n[SMMUV3_CLASS_SYNC] += w->n_syncs;
        n[SMMUV3_CLASS_TLBI] += w->done - w->n_syncs;
        return;
    }
    for (uint32_t i = 0; i < w->done; i++) {
        n[class_of(&w->cmds[i])]++;
    }
}

static void tell_window(const Window *w, uint32_t from, uint32_t to)
{
    const SMMUv3Engine *e = w->engine;

    if (e->fe->window_done) {
        SMMUv3WindowInfo info = {
            .from = from, .to = to,
            .forwarded = w->forwarded,
            .cerror = w->cerror,
            .failed = w->cerror && w->done < w->n ? &w->cmds[w->done] : NULL,
        };

        e->fe->window_done(e->opaque, &info);
    }
}

static void count(SMMUv3Engine *e, const Window *w)
{
    count_classes(e, w);
    e->stats.windows++;
    e->stats.commands += w->done;
    e->stats.forwarded += w->forwarded;
    e->stats.windows_forwarding += w->forwarded != 0;
    e->stats.errors[w->cerror]++;
}

static unsigned queue_log2size(uint64_t base)
{
    return MIN(SMMUV3_GET(SMMUV3_CMDQ_BASE_LOG2SIZE, base),
               SMMUV3_QUEUE_LOG2SIZE_MAX);
}

/* 6.3.26: aligned to its size, and to 32 bytes. */
uint64_t smmuv3_engine_cmdq_ring(uint64_t base, uint64_t *addr)
{
    uint64_t bytes = sizeof(SMMUv3Cmd) << queue_log2size(base);

    *addr = base & SMMUV3_CMDQ_BASE_ADDR & ~(MAX(bytes, 32) - 1);
    return bytes;
}

SMMUv3CmdqResult smmuv3_engine_cmdq_run(SMMUv3Engine *e, SMMUv3CmdqRegs *q)
{
    uint32_t size = 1u << queue_log2size(q->base);
    uint32_t wrap_mask = 2 * size - 1;
    uint32_t cons = q->cons & wrap_mask;
    uint32_t pending = (q->prod - cons) & wrap_mask;
    Window w = {
        .engine = e, .cmds = e->window, .budget = SMMUV3_SLICE_COST,
        .quiet = q->quiet, .synced = CLASSES, .widened = e->stats.widened,
    };
    Span span = { .size = size };

    if (q->restarted) {
        e->tries = 0;
    }
    if (!pending) {
        return (SMMUv3CmdqResult) { .status = SMMUV3_CMDQ_DRAINED };
    }
    /* A PROD beyond a full queue (3.5.1) counts as exactly full. */
    if (pending > size) {
        cons = (q->prod - size) & wrap_mask;
        pending = size;
    }
    smmuv3_engine_cmdq_ring(q->base, &span.ring);
    span.first = cons & (size - 1);
    span.n = MIN(pending, SMMUV3_WINDOW_MAX);
    consume(&w, &span);
    if (w.loud && !w.done) {
        return (SMMUv3CmdqResult) { .status = SMMUV3_CMDQ_NOT_QUIET };
    }
    count(e, &w);
    q->cons = (cons + w.done) & wrap_mask;
    tell_window(&w, cons, q->cons);
    return (SMMUv3CmdqResult) {
        .status = w.cerror ? SMMUV3_CMDQ_STOPPED
                  : w.waits ? SMMUV3_CMDQ_WAIT
                  : w.done < pending ? SMMUV3_CMDQ_MORE : SMMUV3_CMDQ_DRAINED,
        .cerror = w.cerror,
        .wait_ms = w.waits ? MIN(1u << (e->tries - 1), SMMUV3_WAIT_MAX_MS) : 0,
        .msi_aborted = w.msi_aborted,
        .events_due = e->events_due != 0,
    };
}

void smmuv3_cmdq_set_idr(SMMUv3Engine *e)
{
    smmuv3_forward_rules(&e->rules, e->idr, e->info.idr);
    smmuv3_coalesce_set_idr(&e->gathered, e->idr, e->info.idr);
    e->msi_field = e->idr[0] & SMMUV3_IDR0_MSI ? SMMUV3_SYNC1_MSIADDR : 0;
    e->msi_bits = e->msi_field &
                  (SMMUV3_BIT(smmuv3_oas_bits(e->idr[5])) - 1);
}
