/*
 * The command queue: fetches a window, looks at each command, runs it.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * One call is one window. The commands are copied out of guest memory once, and
 * everything is decided on the copy, because the guest may write on.
 */
#include "cfgi.h"
#include "cmdq.h"
#include "gather.h"
#include "smmuv3-promise.h"
#include "window.h"

/* How many commands are copied out of guest memory at a time. */
#define FETCH_MAX 4096

/* The part of the ring that a window is copied from. */
typedef struct Span {
    uint64_t ring;          /* its address */
    uint32_t size;          /* of the ring, in commands */
    uint32_t first;         /* ring index of the window's first command */
    uint32_t n;             /* the window's length at the most */
} Span;

static int cmdq_copy(SMMUv3Window *w, const Span *s, uint32_t n)
{
    SMMUv3Engine *e = w->engine;
    uint32_t at = (s->first + w->n) & (s->size - 1);

    return e->fe.read(e->opaque, s->ring + at * sizeof(SMMUv3Cmd),
                       e->window + w->n, n * sizeof(SMMUv3Cmd));
}

static void cmdq_take(SMMUv3Window *w, uint32_t n)
{
    SMMUv3Cmd *cmds = w->engine->window + w->n;

    for (uint32_t i = 0; i < n; i++) {
        cmds[i].dw[0] = GUINT64_FROM_LE(cmds[i].dw[0]);
        cmds[i].dw[1] = GUINT64_FROM_LE(cmds[i].dw[1]);
    }
    w->n += n;
}

/*
 * Copies the next stretch of commands; one by one if it cannot be read as a
 * whole. False: the span has no more, or its next command cannot be read.
 */
static bool cmdq_fetch(SMMUv3Window *w, const Span *s)
{
    uint32_t at = (s->first + w->n) & (s->size - 1);
    uint32_t n = MIN(MIN(s->n - w->n, s->size - at), FETCH_MAX);
    uint32_t before = w->n;

    if (n && cmdq_copy(w, s, n) == 0) {
        cmdq_take(w, n);
        return true;
    }
    while (n-- && cmdq_copy(w, s, 1) == 0) {
        cmdq_take(w, 1);
    }
    return w->n != before;
}

/* Notes the CMD_SYNC; it is signalled when the commands before it are done. */
static bool cmdq_sync(SMMUv3Window *w, uint32_t i)
{
    SMMUv3Engine *e = w->engine;
    const SMMUv3Cmd *cmd = &w->cmds[i];
    bool msi = smmuv3_window_has_msi(e, cmd);

    if (w->quiet && smmuv3_window_wants_signal(cmd) &&
        !(msi && e->fe.msi_is_quiet &&
          e->fe.msi_is_quiet(e->opaque, smmuv3_window_msi_address(e, cmd)))) {
        return smmuv3_window_give_up_quiet(w);
    }
    e->syncs[w->n_syncs++] = i;
    if (w->gathered) {
        w->synced = __builtin_ctz(w->gathered);
    }
    w->budget -= msi ? SMMUV3_COST_MSI : 0;
    return true;
}

static bool cmdq_dispatch(SMMUv3Window *w, uint32_t i)
{
    SMMUv3Engine *e = w->engine;
    const SMMUv3Cmd *cmd = &w->cmds[i];

    /* What a guest sends all the time is always legal, so it comes first. */
    if (smmuv3_forward_is_single(&e->rules, *cmd)) {
        return smmuv3_gather_single(w, i);
    }
    if (!smmuv3_opcode_legal(cmd, e->idr, &e->rules)) {
        return smmuv3_window_fail(w, i, SMMUV3_CERROR_ILL);
    }
    switch (smmuv3_opcode_action(cmd)) {
    case SMMUV3_ACTION_CFGI_STE:
    case SMMUV3_ACTION_CFGI_STE_RANGE:
        return smmuv3_cfgi_ste(w, i);
    case SMMUV3_ACTION_TLBI:
        return smmuv3_gather_tlbi(w, i);
    case SMMUV3_ACTION_CFGI_CD:
        w->others++;
        return smmuv3_gather_command(w, i, SMMUV3_ACTION_CFGI_CD,
                                     SMMUV3_CACHE_CFG);
    case SMMUV3_ACTION_ATC_INV:
        w->others++;
        return smmuv3_gather_command(w, i, SMMUV3_ACTION_ATC_INV,
                                     SMMUV3_CACHE_ATC);
    case SMMUV3_ACTION_SYNC:
        return cmdq_sync(w, i);
    default: /* SMMUV3_ACTION_PREFETCH: nothing is fetched ahead, 4.2 */
        w->others++;
        return true;
    }
}

static bool cmdq_affordable(const SMMUv3Window *w)
{
    return w->budget > (int32_t)w->engine->gathered.cost;
}

/* Has the window a command @i, with the same word 0 as the one before? */
static bool cmdq_goes_on(const SMMUv3Window *w, uint32_t i)
{
    return i < w->n && w->cmds[i].dw[0] == w->cmds[i - 1].dw[0];
}

/*
 * Takes commands from @i on that differ from the one before in a single address
 * only; a guest sends them by the thousand. The outcome is cmdq_dispatch()'s.
 * Returns the index of the first command that is not taken.
 */
static uint32_t cmdq_take_alike(SMMUv3Window *w, uint32_t i)
{
    SMMUv3Engine *e = w->engine;
    uint32_t room, n;

    if (!e->port.viommu || !cmdq_affordable(w) ||
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

/* The window ends with the span, the budget, or readable memory. */
static void cmdq_consume(SMMUv3Window *w, const Span *s)
{
    bool more = true;
    uint32_t i = 0;

    while (cmdq_affordable(w) && (i < w->n || (more = cmdq_fetch(w, s)))) {
        if (!cmdq_dispatch(w, i++)) {
            w->taken = i;
            return;
        }
        if (cmdq_goes_on(w, i)) {
            i = cmdq_take_alike(w, i);
        }
    }
    w->taken = i;
    if (!more && i < s->n) {
        smmuv3_window_fail(w, i, SMMUV3_CERROR_ABT);
    } else {
        smmuv3_window_flush(w, i);
    }
}

/*
 * A window of TLBIs and CMD_SYNCs only is not counted one by one, unless it
 * failed, because then not all commands that were taken are done.
 */
static void cmdq_count_classes(SMMUv3Engine *e, const SMMUv3Window *w)
{
    uint64_t *n = e->stats.by_class;

    if (!w->others && w->done == w->taken) {
        n[SMMUV3_CLASS_SYNC] += w->n_syncs;
        n[SMMUV3_CLASS_TLBI] += w->done - w->n_syncs;
        return;
    }
    for (uint32_t i = 0; i < w->done; i++) {
        n[smmuv3_opcode_class(&w->cmds[i])]++;
    }
}

static void cmdq_tell_window(const SMMUv3Window *w, uint32_t from, uint32_t to)
{
    const SMMUv3Engine *e = w->engine;

    if (e->fe.window_done) {
        SMMUv3WindowInfo info = {
            .from = from, .to = to,
            .forwarded = w->forwarded,
            .cerror = w->cerror,
            .failed = w->cerror && w->done < w->n ? &w->cmds[w->done] : NULL,
        };

        e->fe.window_done(e->opaque, &info);
    }
}

static void cmdq_count(SMMUv3Engine *e, const SMMUv3Window *w)
{
    cmdq_count_classes(e, w);
    e->stats.windows++;
    e->stats.commands += w->done;
    e->stats.forwarded += w->forwarded;
    e->stats.windows_forwarding += w->forwarded != 0;
    e->stats.errors[w->cerror]++;
}

static unsigned cmdq_log2size(uint64_t base)
{
    return MIN(SMMUV3_GET(SMMUV3_CMDQ_BASE_LOG2SIZE, base),
               SMMUV3_QUEUE_LOG2SIZE_MAX);
}

/* 6.3.26: aligned to its size, and to 32 bytes. */
uint64_t smmuv3_cmdq_ring(uint64_t base, uint64_t *addr)
{
    uint64_t bytes = sizeof(SMMUv3Cmd) << cmdq_log2size(base);

    *addr = base & SMMUV3_CMDQ_BASE_ADDR & ~(MAX(bytes, 32) - 1);
    return bytes;
}

SMMUv3CmdqResult smmuv3_cmdq_run(SMMUv3Engine *e, SMMUv3CmdqRegs *q)
{
    uint32_t size = 1u << cmdq_log2size(q->base);
    uint32_t wrap_mask = 2 * size - 1;
    uint32_t cons = q->cons & wrap_mask;
    uint32_t pending = (q->prod - cons) & wrap_mask;
    SMMUv3Window w = {
        .engine = e, .cmds = e->window, .budget = SMMUV3_SLICE_COST,
        .quiet = q->quiet, .synced = SMMUV3_CACHES, .widened = e->stats.widened,
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
    smmuv3_cmdq_ring(q->base, &span.ring);
    span.first = cons & (size - 1);
    span.n = MIN(pending, SMMUV3_WINDOW_MAX);
    cmdq_consume(&w, &span);
    if (w.loud && !w.done) {
        return (SMMUv3CmdqResult) { .status = SMMUV3_CMDQ_NOT_QUIET };
    }
    cmdq_count(e, &w);
    q->cons = (cons + w.done) & wrap_mask;
    cmdq_tell_window(&w, cons, q->cons);
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
    smmuv3_forward_rules(&e->rules, e->idr, e->port.info.idr);
    smmuv3_coalesce_set_idr(&e->gathered, e->idr, e->port.info.idr);
    e->msi_field = e->idr[0] & SMMUV3_IDR0_MSI ? SMMUV3_SYNC1_MSIADDR : 0;
    e->msi_bits = e->msi_field &
                  (SMMUV3_BIT(smmuv3_oas_bits(e->idr[5])) - 1);
}
