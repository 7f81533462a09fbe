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
 * a second. The count names the block, and so the devices whose ATCs may not
 * have answered; being wrong there costs one more call.
 */
#include <errno.h>

#include "internal.h"

void smmuv3_batch_init(SMMUv3Batch *b, uint32_t capacity)
{
    b->cmds = g_new(SMMUv3Cmd, capacity);
    b->index = g_new(uint32_t, capacity);
    b->n = 0;
}

void smmuv3_batch_destroy(SMMUv3Batch *b)
{
    g_free(b->cmds);
    g_free(b->index);
}

static bool is_atc_inv(const SMMUv3Cmd *cmd)
{
    return smmuv3_is_atc_inv((SMMUv3Cmd) {
        .dw = { GUINT64_FROM_LE(cmd->dw[0]) },
    });
}

/* After a time-out, which takes a second of the VM's time each. */
#define CALLS_AFTER_TIMEOUT 2

typedef struct Flush {
    SMMUv3Engine *engine;
    SMMUv3Batch *batch;
    uint32_t pos;           /* all before it are complete */
    uint32_t cap;           /* of the next call; shrinks on failure, regrows */
    uint32_t last;          /* from here on in a call of their own; 0: none */
    unsigned calls;         /* that may still be made */
    bool made;              /* the last one was */
    SMMUv3BatchResult result;
} Flush;

static int call(SMMUv3Engine *e, const SMMUv3Cmd *cmds, uint32_t n,
                uint32_t *done)
{
    e->stats.calls[SMMUV3_CALL_INVALIDATE]++;
    e->stats.entries += n;
    return e->ops->invalidate(e->host, e->viommu, cmds, n, done);
}

static int issue_once(Flush *f, uint32_t n, uint32_t *done)
{
    f->made = f->calls;
    if (!f->made) {
        return -ETIMEDOUT;
    }
    f->calls--;
    return call(f->engine, &f->batch->cmds[f->pos], n, done);
}

/* How many from @i to @end are ATC_INVs, or are none, before that changes? */
static uint32_t alike(const SMMUv3Cmd *cmds, uint32_t i, uint32_t end,
                      bool atc_invs)
{
    uint32_t first = i;

    while (i < end && is_atc_inv(&cmds[i]) == atc_invs) {
        i++;
    }
    return i - first;
}

/*
 * Up to *@n commands; *@n becomes how many it is about. Hosts with the erratum
 * want TLBI and CFGI twice, and those alone: ATC_INVs go with the second time.
 */
static int issue(Flush *f, uint32_t *n, uint32_t *done)
{
    const SMMUv3Cmd *cmds = &f->batch->cmds[f->pos];
    uint32_t twice;

    if (!f->engine->info.repeat_tlbi_cfgi) {
        return issue_once(f, *n, done);
    }
    twice = alike(cmds, 0, *n, false);
    if (twice) {
        int ret = issue_once(f, twice, done);

        if (ret) {
            *n = twice;
            return ret;
        }
    }
    *n = twice + alike(cmds, twice, *n, true);
    return issue_once(f, *n, done);
}

/* Time-outs. */

static SMMUv3EngineDevice *device_of(const Flush *f, uint32_t i)
{
    uint64_t dw0 = GUINT64_FROM_LE(f->batch->cmds[i].dw[0]);

    return smmuv3_vsid_find(f->engine->vsids,
                            SMMUV3_GET(SMMUV3_CMD0_SID, dw0));
}

/* Devices with ATC_INVs from @i to @end may not have answered. How many? */
static unsigned suspect(Flush *f, uint32_t i, uint32_t end)
{
    unsigned devices = 0;

    for (; i < end; i++) {
        if (is_atc_inv(&f->batch->cmds[i]) &&
            !smmuv3_atc_suspected(device_of(f, i))) {
            smmuv3_atc_suspect(device_of(f, i));
            devices++;
        }
    }
    return devices;
}

/* Of a call of @n that timed out: the block, by the kernel's count. */
static void find_block(const Flush *f, uint32_t n, uint32_t done,
                       uint32_t *from, uint32_t *to)
{
    *from = f->pos;
    *to = f->pos + n;
    if (done < n) {
        *from += done - done % SMMUV3_HOST_BLOCK;
        *to = f->pos + done + 1;
    }
}

static void drop(Flush *f, uint32_t i)
{
    uint32_t index = f->batch->index[i];

    f->result.atc_index = f->result.atc_timed_out
                          ? MIN(f->result.atc_index, index) : index;
    f->result.atc_timed_out = true;
}

static void move(SMMUv3Batch *b, uint32_t to, uint32_t from)
{
    b->cmds[to] = b->cmds[from];
    b->index[to] = b->index[from];
}

/*
 * Takes the suspects' ATC_INVs from pos on out of the batch; but for those from
 * @unsent on, which come last. Who is at the end of a block that timed out for
 * another is still a suspect, and may be well.
 */
static void drop_suspects(Flush *f, uint32_t unsent)
{
    SMMUv3Batch *b = f->batch;
    uint32_t kept = f->pos, last = 0;

    for (uint32_t i = f->pos; i < b->n; i++) {
        if (!is_atc_inv(&b->cmds[i]) ||
            !smmuv3_atc_suspected(device_of(f, i))) {
            SMMUv3Cmd cmd = b->cmds[i];
            uint32_t index = b->index[i];

            move(b, kept + last, kept);
            b->cmds[kept] = cmd;
            b->index[kept++] = index;
        } else if (i >= unsent) {
            move(b, kept + last++, i);
        } else {
            drop(f, i);
        }
    }
    f->last = kept;
    b->n = kept + last;
}

/* The next @n have gone well, though a time-out was, or were not tried. */
static void acquit(Flush *f, uint32_t n)
{
    for (uint32_t i = f->pos; i < f->pos + n; i++) {
        if (is_atc_inv(&f->batch->cmds[i])) {
            device_of(f, i)->atc_suspected = false;
        }
    }
}

/*
 * What is not complete begins with the first of what is left. The guest has it
 * done again: whoever is in it is asked again, and only whom it was told of,
 * or will be, is not.
 */
static void give_up(Flush *f)
{
    const SMMUv3Batch *b = f->batch;
    uint32_t first = UINT32_MAX;

    for (uint32_t i = f->pos; i < b->n; i++) {
        first = MIN(first, b->index[i]);
    }
    acquit(f, b->n - f->pos);
    f->result.cerror = SMMUV3_CERROR_ABT;
    f->result.failed = first;
}

/*
 * A call timed out, or one did before and this one failed. Who is to blame is
 * not searched for: what is left goes once more, without the ATC_INVs of
 * devices that may not have answered, and once more after that. A count that
 * names none of them twice is not believed: then it may be any. Nobody is
 * blamed for a call that was not made, or failed in another way.
 */
static void after_timeout(Flush *f, int err, uint32_t n, uint32_t done)
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

        find_block(f, n, done, &from, &to);
        devices = suspect(f, from, to);
        if (again && !devices) {
            devices = suspect(f, f->pos, f->batch->n);
            hopeless = !devices;
        }
        drop_suspects(f, !again && devices > 1 ? to : UINT32_MAX);
    }
    if ((!f->calls || hopeless) && f->pos < f->batch->n) {
        give_up(f);
    }
}

static void blame(Flush *f, SMMUv3CmdError cerror)
{
    f->result.cerror = cerror;
    f->result.failed = f->batch->index[f->pos];
}

/* A call of @n commands at pos failed; decides on what goes next. */
static void after_failure(Flush *f, int err, uint32_t n, uint32_t done)
{
    if (err == -ETIMEDOUT || f->result.timed_out) {
        after_timeout(f, err, n, done);
    } else if (n == 1) {
        blame(f, err == -EIO ? SMMUV3_CERROR_ILL : SMMUV3_CERROR_ABT);
        f->result.refused = err != -EIO;
    } else if (err == -ENOMEM || done == 0 || done >= n) {
        f->cap = n / 2;
    } else {
        f->cap = done;
    }
}

static void after_success(Flush *f, uint32_t n)
{
    if (f->result.timed_out) {
        acquit(f, n);
    }
    f->pos += n;
    f->cap = MIN(f->cap * 2, SMMUV3_HOST_INVALIDATE_MAX);
}

/* From a first call of @n on, which ended with @ret; 0: none was made. */
static SMMUv3BatchResult go_on(SMMUv3Batch *b, SMMUv3Engine *e, int ret,
                               uint32_t n, uint32_t done)
{
    Flush f = {
        .engine = e, .batch = b, .cap = SMMUV3_HOST_INVALIDATE_MAX,
        .calls = UINT_MAX, .made = true,
    };

    for (;;) {
        if (ret) {
            after_failure(&f, ret, n, done);
        } else {
            after_success(&f, n);
        }
        if (f.pos >= b->n || f.result.cerror != SMMUV3_CERROR_NONE) {
            break;
        }
        n = MIN((f.pos < f.last ? f.last : b->n) - f.pos, f.cap);
        done = 0;
        ret = issue(&f, &n, &done);
    }
    b->n = 0;
    return f.result;
}

SMMUv3BatchResult smmuv3_batch_flush(SMMUv3Batch *b, SMMUv3Engine *e)
{
    uint32_t done = 0, n = b->n;
    int ret;

    if (!n) {
        return (SMMUv3BatchResult) { .cerror = SMMUV3_CERROR_NONE };
    }
    e->stats.sent += n;
    e->stats.batches++;
    if (n > SMMUV3_HOST_INVALIDATE_MAX || e->info.repeat_tlbi_cfgi) {
        return go_on(b, e, 0, 0, 0);
    }
    ret = call(e, b->cmds, n, &done);
    if (ret) {
        return go_on(b, e, ret, n, done);
    }
    b->n = 0;
    return (SMMUv3BatchResult) { .cerror = SMMUV3_CERROR_NONE };
}
