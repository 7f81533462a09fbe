/*
 * The command queue: fetch, classify, dispatch, complete.
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

typedef enum Action {
    ACTION_ILLEGAL,
    ACTION_NOTHING,
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
    [SMMUV3_CMD_PREFETCH_CONFIG] = { ACTION_NOTHING, true },
    [SMMUV3_CMD_PREFETCH_ADDR] = { ACTION_NOTHING, true },
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

/* Changing an attachment takes the host long; so many end the slice. */
#define SLICE_CHANGES_MAX 64

/* A window being consumed. */
typedef struct Window {
    SMMUv3Engine *engine;
    const SMMUv3Cmd *cmds;
    uint32_t n;
    uint32_t done;          /* complete and signalled */
    SMMUv3CmdError cerror;  /* of cmds[done] */
    bool forwarded;
    unsigned changes;       /* commands that changed an attachment */
} Window;

static Action classify(const SMMUv3Engine *e, const SMMUv3Cmd *cmd)
{
    const OpcodeRule *rule = &rules[cmd->dw[0] & SMMUV3_CMD0_OPCODE];

    if (rule->has_ssec && (cmd->dw[0] & SMMUV3_CMD0_SSEC)) {
        return ACTION_ILLEGAL;
    }
    switch (rule->action) {
    case ACTION_ATC_INV:
        return e->idr[0] & SMMUV3_IDR0_ATS ? ACTION_ATC_INV : ACTION_ILLEGAL;
    case ACTION_SYNC:
        return SMMUV3_GET(SMMUV3_SYNC0_CS, cmd->dw[0]) == SMMUV3_SYNC_RESERVED
               ? ACTION_ILLEGAL : ACTION_SYNC;
    default:
        return rule->action;
    }
}

/*
 * Everything up to @end is done: signals the CMD_SYNCs in it. A CMD_SYNC that
 * finds a timed out ATC_INV before it stops the window instead (4.5.1).
 */
static bool complete(Window *w, uint32_t end, uint32_t atc_from)
{
    SMMUv3Engine *e = w->engine;
    bool irq = false;

    for (; w->done < end; w->done++) {
        uint64_t dw0 = w->cmds[w->done].dw[0];

        if ((dw0 & SMMUV3_CMD0_OPCODE) != SMMUV3_CMD_SYNC) {
            continue;
        }
        if (e->atc_timed_out && w->done >= atc_from) {
            e->atc_timed_out = false;
            w->cerror = SMMUV3_CERROR_ATC_INV_SYNC;
            break;
        }
        irq |= SMMUV3_GET(SMMUV3_SYNC0_CS, dw0) == SMMUV3_SYNC_IRQ;
    }
    /* One interrupt says it for all of them: the guest looks at memory. */
    if (irq) {
        e->fe->sync_irq(e->opaque);
    }
    return w->cerror == SMMUV3_CERROR_NONE;
}

/* Sends what was forwarded before @end and completes up to there. */
static bool flush(Window *w, uint32_t end)
{
    SMMUv3Engine *e = w->engine;
    SMMUv3BatchResult result = smmuv3_batch_flush(&e->batch, e);
    uint32_t atc_from = 0;

    if (result.atc_timed_out) {
        /* An earlier one that no CMD_SYNC has told of concerns the first. */
        atc_from = e->atc_timed_out ? 0 : result.atc_index;
        e->atc_timed_out = true;
    }
    if (result.cerror == SMMUV3_CERROR_NONE) {
        return complete(w, end, atc_from);
    }
    if (complete(w, result.failed, atc_from)) {
        w->cerror = result.cerror;
    }
    return false;
}

static bool fail(Window *w, uint32_t i, SMMUv3CmdError cerror)
{
    if (flush(w, i)) {
        w->cerror = cerror;
    }
    return false;
}

static void forward(Window *w, uint32_t i)
{
    SMMUv3Engine *e = w->engine;
    bool widened;
    SMMUv3Cmd cmd;

    if (!e->viommu) {
        return;
    }
    cmd = smmuv3_forward_canonical(w->cmds[i], e->idr, e->info.idr, &widened);
    e->stats.widened += widened;
    smmuv3_batch_add(&e->batch, cmd, i);
    w->forwarded = true;
}

/* CFGI_CD* and ATC_INV: the kernel translates vSIDs that have a vDEVICE. */
static void forward_for_stream(Window *w, uint32_t i)
{
    uint32_t vsid = SMMUV3_GET(SMMUV3_CMD0_SID, w->cmds[i].dw[0]);
    SMMUv3EngineDevice *d = smmuv3_vsid_find(w->engine->vsids, vsid);

    if (d && d->vdevice) {
        forward(w, i);
    }
}

/* Takes one stream's configuration in; flushes first if it changes. */
static bool update_stream(Window *w, uint32_t i, SMMUv3EngineDevice *d)
{
    SMMUv3StreamConfig config = smmuv3_device_evaluate(d);

    if (smmuv3_device_changes(d, &config)) {
        if (!flush(w, i)) {
            return false;
        }
        w->changes++;
    }
    /* An STE's content is never a command error, 4.3.1. */
    smmuv3_device_apply(d, &config);
    return true;
}

/* CFGI_STE_RANGE ignores the low Range+1 bits, 4.3.2; Range=31 is all. */
static uint64_t range_mask(const SMMUv3Cmd *cmd)
{
    return SMMUV3_BIT(SMMUV3_GET(SMMUV3_CFGI1_RANGE, cmd->dw[1]) + 1) - 1;
}

static bool cfgi_ste(Window *w, uint32_t i, uint64_t ignored_bits)
{
    SMMUv3Engine *e = w->engine;
    uint64_t sid = SMMUV3_GET(SMMUV3_CMD0_SID, w->cmds[i].dw[0]);

    if (smmuv3_vsids_stale(e)) {
        if (!flush(w, i)) {
            return false;
        }
        smmuv3_vsids_sync(e);
    }
    for (guint n = 0; n < e->devices->len; n++) {
        SMMUv3EngineDevice *d = g_ptr_array_index(e->devices, n);

        if (d->has_vsid && !((d->vsid ^ sid) & ~ignored_bits) &&
            !update_stream(w, i, d)) {
            return false;
        }
    }
    return true;
}

static bool dispatch(Window *w, uint32_t i)
{
    SMMUv3Engine *e = w->engine;

    switch (classify(e, &w->cmds[i])) {
    case ACTION_ILLEGAL:
        return fail(w, i, SMMUV3_CERROR_ILL);
    case ACTION_CFGI_STE:
        return cfgi_ste(w, i, 0);
    case ACTION_CFGI_STE_RANGE:
        return cfgi_ste(w, i, range_mask(&w->cmds[i]));
    case ACTION_TLBI:
        forward(w, i);
        return true;
    case ACTION_ATC_INV:
        if (e->regs.cr0 & SMMUV3_CR0_SMMUEN) {
            forward_for_stream(w, i);
        }
        return true;
    case ACTION_CFGI_CD:
        forward_for_stream(w, i);
        return true;
    case ACTION_SYNC:       /* signalled when what precedes it is done */
    case ACTION_NOTHING:
        return true;
    }
    return true;
}

static int fetch_one_span(SMMUv3Engine *e, uint64_t addr, SMMUv3Cmd *to,
                          uint32_t n)
{
    return n ? e->fe->read(e->opaque, addr, to, n * sizeof(*to)) : 0;
}

/*
 * Copies @n commands from ring index @first on. If the span cannot be read at
 * once, as many as can be read one by one. Returns how many.
 */
static uint32_t fetch(SMMUv3Engine *e, uint64_t ring, uint32_t size,
                      uint32_t first, uint32_t n)
{
    uint32_t head = MIN(n, size - first), got = n;

    if (fetch_one_span(e, ring + first * sizeof(SMMUv3Cmd), e->window, head) ||
        fetch_one_span(e, ring, e->window + head, n - head)) {
        for (got = 0; got < n; got++) {
            uint32_t at = (first + got) & (size - 1);

            if (fetch_one_span(e, ring + at * sizeof(SMMUv3Cmd),
                               e->window + got, 1)) {
                break;
            }
        }
    }
    for (uint32_t i = 0; i < got; i++) {
        e->window[i].dw[0] = GUINT64_FROM_LE(e->window[i].dw[0]);
        e->window[i].dw[1] = GUINT64_FROM_LE(e->window[i].dw[1]);
    }
    return got;
}

/* True if the window's end was reached, or an early one of the slice. */
static bool consume(Window *w)
{
    uint32_t i;

    for (i = 0; i < w->n && w->changes < SLICE_CHANGES_MAX; i++) {
        if (!dispatch(w, i)) {
            return false;
        }
    }
    return flush(w, i);
}

static void count(SMMUv3Engine *e, const Window *w)
{
    e->stats.windows++;
    e->stats.commands += w->done;
    e->stats.windows_forwarding += w->forwarded;
    e->stats.errors[w->cerror]++;
}

static unsigned queue_log2size(uint64_t base)
{
    return MIN(SMMUV3_GET(SMMUV3_CMDQ_BASE_LOG2SIZE, base),
               SMMUV3_QUEUE_LOG2SIZE_MAX);
}

static uint64_t queue_addr(uint64_t base, uint32_t size)
{
    uint64_t bytes = MAX(size * sizeof(SMMUv3Cmd), 32);

    return base & SMMUV3_CMDQ_BASE_ADDR & ~(bytes - 1);
}

SMMUv3CmdqResult smmuv3_engine_cmdq_run(SMMUv3Engine *e, SMMUv3CmdqRegs *q)
{
    uint32_t size = 1u << queue_log2size(q->base);
    uint32_t wrap_mask = 2 * size - 1;
    uint32_t cons = q->cons & wrap_mask;
    uint32_t pending = (q->prod - cons) & wrap_mask;
    Window w = { .engine = e, .cmds = e->window };
    uint32_t span;

    if (!pending) {
        return (SMMUv3CmdqResult) { .status = SMMUV3_CMDQ_DRAINED };
    }
    /* A PROD beyond a full queue (3.5.1) counts as exactly full. */
    if (pending > size) {
        cons = (q->prod - size) & wrap_mask;
        pending = size;
    }
    span = MIN(pending, SMMUV3_WINDOW_MAX);
    w.n = fetch(e, queue_addr(q->base, size), size, cons & (size - 1), span);
    if (consume(&w) && w.done == w.n && w.n < span) {
        w.cerror = SMMUV3_CERROR_ABT;
    }
    count(e, &w);
    q->cons = (cons + w.done) & wrap_mask;
    if (w.cerror) {
        return (SMMUv3CmdqResult) { SMMUV3_CMDQ_STOPPED, w.cerror };
    }
    return (SMMUv3CmdqResult) {
        .status = w.done < pending ? SMMUV3_CMDQ_MORE : SMMUV3_CMDQ_DRAINED,
    };
}
