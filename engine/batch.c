/*
 * Batches and the kernel's error contract. See batch.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * IOMMU_HWPT_INVALIDATE's entry_num over-reports after a failure (see
 * smmuv3-host.h), so a count is never believed: the counted prefix is sent
 * again, then the suspect alone. Only a command that fails alone is blamed.
 *
 * After a time-out there is no such search, because each step of it may take
 * a second. The count names the block that timed out. Its ATC_INVs name the
 * suspects, devices whose ATCs may not have answered; a wrong suspicion costs
 * one more call.
 */
#include <errno.h>

#include "batch.h"
#include "device.h"

void smmuv3_batch_init(SMMUv3Batch *b, uint32_t capacity, SMMUv3HostPort *port,
                       const SMMUv3VsidTable *vsids,
                       const SMMUv3AtcRound *atc)
{
    *b = (SMMUv3Batch) {
        .port = port, .vsids = vsids, .atc = atc,
        .cmds = g_new(SMMUv3Cmd, capacity),
        .index = g_new(uint32_t, capacity),
    };
}

void smmuv3_batch_destroy(SMMUv3Batch *b)
{
    g_free(b->cmds);
    g_free(b->index);
}

static bool batch_is_atc_inv(const SMMUv3Cmd *cmd)
{
    return smmuv3_is_atc_inv((SMMUv3Cmd) {
        .dw = { GUINT64_FROM_LE(cmd->dw[0]) },
    });
}

/* After a time-out. Few, because each may take a second of the VM's time. */
#define CALLS_AFTER_TIMEOUT 2

typedef struct Flush {
    SMMUv3Batch *batch;
    uint32_t pos;           /* commands before it are complete */
    uint32_t cap;           /* the next call's limit; failures shrink it */
    uint32_t last;          /* commands from here on go alone; 0: none do */
    unsigned calls;         /* how many calls may still be made */
    bool made;              /* false: the last call was one too many */
    SMMUv3BatchResult result;
} Flush;

static int batch_issue_once(Flush *f, uint32_t n, uint32_t *done)
{
    f->made = f->calls;
    if (!f->made) {
        return -ETIMEDOUT;
    }
    f->calls--;
    return smmuv3_host_invalidate(f->batch->port, &f->batch->cmds[f->pos], n,
                                  done);
}

/* How many commands from @i on, up to @end, are ATC_INVs; or are not. */
static uint32_t batch_alike(const SMMUv3Cmd *cmds, uint32_t i, uint32_t end,
                            bool atc_invs)
{
    uint32_t first = i;

    while (i < end && batch_is_atc_inv(&cmds[i]) == atc_invs) {
        i++;
    }
    return i - first;
}

/*
 * Issues up to *@n commands; *@n becomes how many the result is about. A host
 * with the erratum is sent each TLBI and CFGI twice. ATC_INVs go once, with the
 * second call.
 */
static int batch_issue(Flush *f, uint32_t *n, uint32_t *done)
{
    const SMMUv3Cmd *cmds = &f->batch->cmds[f->pos];
    uint32_t twice;

    if (!f->batch->port->info.repeat_tlbi_cfgi) {
        return batch_issue_once(f, *n, done);
    }
    twice = batch_alike(cmds, 0, *n, false);
    if (twice) {
        int ret = batch_issue_once(f, twice, done);

        if (ret) {
            *n = twice;
            return ret;
        }
    }
    *n = twice + batch_alike(cmds, twice, *n, true);
    return batch_issue_once(f, *n, done);
}

/* Time-outs. */

/* The ATC that ATC_INV @i is for; NULL: its device has gone. */
static SMMUv3AtcState *batch_atc_of(const Flush *f, uint32_t i)
{
    uint64_t dw0 = GUINT64_FROM_LE(f->batch->cmds[i].dw[0]);
    SMMUv3EngineDevice *d = smmuv3_vsid_find(f->batch->vsids,
                                             SMMUV3_GET(SMMUV3_CMD0_SID, dw0));

    return d ? &d->atc : NULL;
}

/* False: the device that ATC_INV @i is for has gone, or is a suspect. */
static bool batch_may_answer(const Flush *f, uint32_t i)
{
    const SMMUv3AtcState *atc = batch_atc_of(f, i);

    return atc && !smmuv3_atc_suspected(atc, f->batch->atc);
}

/* Suspects the devices with ATC_INVs from @i to @end; how many are new. */
static unsigned batch_suspect(Flush *f, uint32_t i, uint32_t end)
{
    unsigned devices = 0;

    for (; i < end; i++) {
        if (batch_is_atc_inv(&f->batch->cmds[i]) && batch_may_answer(f, i)) {
            smmuv3_atc_suspect(batch_atc_of(f, i), f->batch->atc);
            devices++;
        }
    }
    return devices;
}

/* The block of a call of @n that timed out, by the kernel's count @done. */
static void batch_find_block(const Flush *f, uint32_t n, uint32_t done,
                             uint32_t *from, uint32_t *to)
{
    *from = f->pos;
    *to = f->pos + n;
    if (done < n) {
        *from += done - done % SMMUV3_HOST_BLOCK;
        *to = f->pos + done + 1;
    }
}

static void batch_drop(Flush *f, uint32_t i)
{
    uint32_t index = f->batch->index[i];

    f->result.atc_index = f->result.atc_timed_out
                          ? MIN(f->result.atc_index, index) : index;
    f->result.atc_timed_out = true;
}

static void batch_move(SMMUv3Batch *b, uint32_t to, uint32_t from)
{
    b->cmds[to] = b->cmds[from];
    b->index[to] = b->index[from];
}

/*
 * Takes the suspects' ATC_INVs from pos on out of the batch. Those from @unsent
 * on, behind the block that timed out, move to the batch's end instead, because
 * a suspect may be well: another device of its block was silent.
 */
static void batch_drop_suspects(Flush *f, uint32_t unsent)
{
    SMMUv3Batch *b = f->batch;
    uint32_t kept = f->pos, last = 0;

    for (uint32_t i = f->pos; i < b->n; i++) {
        if (!batch_is_atc_inv(&b->cmds[i]) || batch_may_answer(f, i)) {
            SMMUv3Cmd cmd = b->cmds[i];
            uint32_t index = b->index[i];

            batch_move(b, kept + last, kept);
            b->cmds[kept] = cmd;
            b->index[kept++] = index;
        } else if (i >= unsent) {
            batch_move(b, kept + last++, i);
        } else {
            batch_drop(f, i);
        }
    }
    f->last = kept;
    b->n = kept + last;
}

/* Devices with ATC_INVs in the next @n commands are no suspects any more. */
static void batch_acquit(Flush *f, uint32_t n)
{
    for (uint32_t i = f->pos; i < f->pos + n; i++) {
        SMMUv3AtcState *atc = batch_atc_of(f, i);

        if (batch_is_atc_inv(&f->batch->cmds[i]) && atc) {
            atc->suspected = false;
        }
    }
}

/*
 * The queue stops at the first command that is left. The guest has the commands
 * from there on done again, so their devices are suspects no more. A device
 * whose ATC_INVs were dropped stays one, because a CMD_SYNC reports those.
 */
static void batch_give_up(Flush *f)
{
    const SMMUv3Batch *b = f->batch;
    uint32_t first = UINT32_MAX;

    for (uint32_t i = f->pos; i < b->n; i++) {
        first = MIN(first, b->index[i]);
    }
    batch_acquit(f, b->n - f->pos);
    f->result.cerror = SMMUV3_CERROR_ABT;
    f->result.failed = first;
}

/*
 * A call timed out; or one did before, and this one failed. What is left goes
 * in at most two more calls, without the suspects' ATC_INVs. If the second
 * time-out's block names no new suspect, every device with an ATC_INV left
 * becomes one, because the count was wrong. A call that was not made, or that
 * failed in another way, makes no suspects.
 */
static void batch_after_timeout(Flush *f, int err, uint32_t n, uint32_t done)
{
    bool again = f->result.timed_out, hopeless = false;
    uint32_t from, to;

    f->result.timed_out = true;
    f->cap = SMMUV3_HOST_INVALIDATE_MAX;
    if (!again) {
        f->calls = CALLS_AFTER_TIMEOUT;
    }
    if (err == -ETIMEDOUT && f->made) {
        unsigned devices;

        batch_find_block(f, n, done, &from, &to);
        devices = batch_suspect(f, from, to);
        if (again && !devices) {
            devices = batch_suspect(f, f->pos, f->batch->n);
            hopeless = !devices;
        }
        batch_drop_suspects(f, !again && devices > 1 ? to : UINT32_MAX);
    }
    if ((!f->calls || hopeless) && f->pos < f->batch->n) {
        batch_give_up(f);
    }
}

static void batch_blame(Flush *f, SMMUv3CmdError cerror)
{
    f->result.cerror = cerror;
    f->result.failed = f->batch->index[f->pos];
}

/* A call of @n commands at pos failed: how long the next one is, if any. */
static void batch_after_failure(Flush *f, int err, uint32_t n, uint32_t done)
{
    if (err == -ETIMEDOUT || f->result.timed_out) {
        batch_after_timeout(f, err, n, done);
    } else if (n == 1) {
        batch_blame(f, err == -EIO ? SMMUV3_CERROR_ILL : SMMUV3_CERROR_ABT);
        f->result.refused = err != -EIO;
    } else if (err == -ENOMEM || done == 0 || done >= n) {
        f->cap = n / 2;
    } else {
        f->cap = done;
    }
}

static void batch_after_success(Flush *f, uint32_t n)
{
    if (f->result.timed_out) {
        batch_acquit(f, n);
    }
    f->pos += n;
    f->cap = MIN(f->cap * 2, SMMUV3_HOST_INVALIDATE_MAX);
}

/*
 * Sends what is left after a first call of @n commands, which ended with @ret;
 * @n is 0 if there was none.
 */
static SMMUv3BatchResult batch_go_on(SMMUv3Batch *b, int ret,
                                     uint32_t n, uint32_t done)
{
    Flush f = {
        .batch = b, .cap = SMMUV3_HOST_INVALIDATE_MAX,
        .calls = UINT_MAX, .made = true,
    };

    for (;;) {
        if (ret) {
            batch_after_failure(&f, ret, n, done);
        } else {
            batch_after_success(&f, n);
        }
        if (f.pos >= b->n || f.result.cerror != SMMUV3_CERROR_NONE) {
            break;
        }
        n = MIN((f.pos < f.last ? f.last : b->n) - f.pos, f.cap);
        done = 0;
        ret = batch_issue(&f, &n, &done);
    }
    b->n = 0;
    return f.result;
}

SMMUv3BatchResult smmuv3_batch_flush(SMMUv3Batch *b)
{
    SMMUv3HostPort *port = b->port;
    SMMUv3EngineStats *stats = port->stats;
    uint32_t done = 0, n = b->n;
    int ret;

    if (!n) {
        return (SMMUv3BatchResult) { .cerror = SMMUV3_CERROR_NONE };
    }
    stats->sent += n;
    stats->batches++;
    if (n > SMMUV3_HOST_INVALIDATE_MAX || port->info.repeat_tlbi_cfgi) {
        return batch_go_on(b, 0, 0, 0);
    }
    ret = smmuv3_host_invalidate(port, b->cmds, n, &done);
    if (ret) {
        return batch_go_on(b, ret, n, done);
    }
    b->n = 0;
    return (SMMUv3BatchResult) { .cerror = SMMUV3_CERROR_NONE };
}
