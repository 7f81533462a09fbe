/*
 * Batches and the kernel's error contract. See batch.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * IOMMU_HWPT_INVALIDATE's entry_num over-reports after a failure (see
 * smmuv3-host.h), so a count is never believed: the counted prefix is sent
 * again, then the suspect alone. Only a command that fails alone is blamed.
 */
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

static int issue_once(SMMUv3Engine *e, const SMMUv3Cmd *cmds, uint32_t n,
                      uint32_t *done)
{
    e->stats.calls[SMMUV3_CALL_INVALIDATE]++;
    e->stats.entries += n;
    return e->ops->invalidate(e->host, e->viommu, cmds, n, done);
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
static int issue(SMMUv3Engine *e, const SMMUv3Cmd *cmds, uint32_t *n,
                 uint32_t *done)
{
    uint32_t twice;

    if (!e->info.repeat_tlbi_cfgi) {
        return issue_once(e, cmds, *n, done);
    }
    twice = alike(cmds, 0, *n, false);
    if (twice) {
        int ret = issue_once(e, cmds, twice, done);

        if (ret) {
            *n = twice;
            return ret;
        }
    }
    *n = twice + alike(cmds, twice, *n, true);
    return issue_once(e, cmds, *n, done);
}

typedef struct Flush {
    SMMUv3Engine *engine;
    SMMUv3Batch *batch;
    uint32_t pos;           /* all before it are complete */
    uint32_t cap;           /* of the next call; shrinks on failure, regrows */
    SMMUv3BatchResult result;
} Flush;

/* Takes the ATC_INVs from pos on out of the batch; were there any? */
static bool drop_atc_invs(Flush *f)
{
    SMMUv3Batch *b = f->batch;
    uint32_t kept = f->pos, first = UINT32_MAX;

    for (uint32_t i = f->pos; i < b->n; i++) {
        if (!is_atc_inv(&b->cmds[i])) {
            b->cmds[kept] = b->cmds[i];
            b->index[kept++] = b->index[i];
        } else {
            first = MIN(first, b->index[i]);
        }
    }
    if (kept == b->n) {
        return false;
    }
    b->n = kept;
    f->result.atc_index = first;
    f->result.atc_timed_out = true;
    return true;
}

static void blame(Flush *f, SMMUv3CmdError cerror)
{
    f->result.cerror = cerror;
    f->result.failed = f->batch->index[f->pos];
}

/* A call of @n commands at pos failed; decides on what goes next. */
static void after_failure(Flush *f, int err, uint32_t n, uint32_t done)
{
    if (err == -ETIMEDOUT && drop_atc_invs(f)) {
        f->cap = SMMUV3_HOST_INVALIDATE_MAX;
        return;
    }
    if (n == 1) {
        blame(f, err == -EIO ? SMMUV3_CERROR_ILL : SMMUV3_CERROR_ABT);
    } else if (err == -ENOMEM || done == 0 || done >= n) {
        f->cap = n / 2;
    } else {
        f->cap = done;
    }
}

SMMUv3BatchResult smmuv3_batch_flush(SMMUv3Batch *b, SMMUv3Engine *e)
{
    Flush f = { .engine = e, .batch = b, .cap = SMMUV3_HOST_INVALIDATE_MAX };

    e->stats.sent += b->n;
    e->stats.batches += b->n != 0;
    while (f.pos < b->n && f.result.cerror == SMMUV3_CERROR_NONE) {
        uint32_t n = MIN(b->n - f.pos, f.cap), done = 0;
        int ret = issue(e, &b->cmds[f.pos], &n, &done);

        if (ret) {
            after_failure(&f, ret, n, done);
        } else {
            f.pos += n;
            f.cap = MIN(f.cap * 2, SMMUV3_HOST_INVALIDATE_MAX);
        }
    }
    b->n = 0;
    return f.result;
}
