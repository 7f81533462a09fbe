/*
 * The kernel's errors, swept: each row of DESIGN.md's table fails at every
 * position of batches of 1 to 4096 commands.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Always the same is asked: where CONS stands and with which error, that
 * everything before CONS reached the hardware, that the CMD_SYNC at the end
 * is not signalled before, and that after the acknowledgement all goes down.
 * No two commands here can be merged.
 *
 * Of 4096 positions those at the edges of the kernel's blocks are tried, and
 * every 61st; all with -m slow. EINTR never leaves the port: test-iommufd.
 */
#include <errno.h>

#include "scene.h"

enum { LOG2SIZE = 13, START = (1 << LOG2SIZE) - 100, BLOCK = 63 };

/* To single one out of 4096 with counts that mislead: 12 halvings, squared. */
enum { CALLS = 12 * 12 };

#define FIRST_VA UINT64_C(0x100000000)
#define STRIDE 0x7000

typedef struct Sweep {
    Scene s;
    unsigned n;                 /* commands before the CMD_SYNC */
    unsigned at;                /* the position that fails */
    int atc;                    /* an ATC_INV's index; -1: none */
    unsigned seen[4096];        /* how often each reached the hardware */
} Sweep;

/* What is expected of a first run. */
typedef enum Outcome {
    DRAINS,                     /* the guest does not notice */
    STOPS_AT,                   /* CONS names the failing command */
    STOPS_BEFORE,               /* CONS names it or one before */
    STOPS_AT_SYNC,
} Outcome;

typedef struct Row {
    const char *name;
    void (*fail)(Sweep *w);     /* at w->at */
    Outcome outcome;
    SMMUv3CmdError cerror;
    Outcome single;             /* the same of a batch of one */
    bool repeat;                /* a host with ERRATA_REPEAT_TLBI_CFGI */
    bool atc;                   /* with an ATC_INV at the position */
    int lie;                    /* the count of failures, as LIE_* */
} Row;

enum { NO_LIE, LIE_NONE, LIE_ONE, LIE_LAST, LIE_ALL, LIE_MORE, LIE_HUGE };

static SMMUv3Cmd nth(const Sweep *w, unsigned i)
{
    return (int)i == w->atc ? cmd_atc_inv(FIRST_SID, 0x1000, 0)
                            : cmd_tlbi_va(1, FIRST_VA + STRIDE * (uint64_t)i);
}

/* The failures. */

static void refuse_one(Sweep *w)
{
    fake_host_refuse(w->s.host, nth(w, w->at).dw[1]);
}

static void eio_once(Sweep *w)
{
    fake_host_fail_issue(w->s.host, w->at + 1, EIO);
}

static void timeout_once(Sweep *w)
{
    fake_host_fail_issue(w->s.host, w->at + 1, ETIMEDOUT);
}

static void nomem_once(Sweep *w)
{
    fake_host_fail_nth(w->s.host, FAKE_INVALIDATE, 1, ENOMEM);
}

static void eio_call_once(Sweep *w)
{
    fake_host_fail_nth(w->s.host, FAKE_INVALIDATE, 1, EIO);
}

static void nomem_from_two(Sweep *w)
{
    w->s.host->nomem_from = w->at + 2;
}

static void nomem_always(Sweep *w)
{
    w->s.host->nomem_from = 1;
}

static void gone_enodev(Sweep *w)
{
    fake_host_go_away(w->s.host, w->at + 1, ENODEV);
}

static void gone_enoent(Sweep *w)
{
    fake_host_go_away(w->s.host, w->at + 1, ENOENT);
}

static void gone_timeout(Sweep *w)
{
    fake_host_go_away(w->s.host, w->at + 1, ETIMEDOUT);
}

static void atc_times_out(Sweep *w)
{
    w->s.host->atc_timeout = true;
}

/* Every command is sent twice: the first or the second time is lost. */
static void second_time_lost(Sweep *w)
{
    fake_host_fail_issue(w->s.host, w->n + w->at + 1, EIO);
}

static void second_call_nomem(Sweep *w)
{
    fake_host_fail_nth(w->s.host, FAKE_INVALIDATE, 2, ENOMEM);
}

static void nothing_fails(Sweep *w)
{
    w->s.host->nomem_from = 0;
}

static void heal(Sweep *w)
{
    SMMUv3Host *h = w->s.host;

    h->nomem_from = 0;
    h->atc_timeout = false;
    fake_host_accept(h);
    fake_host_fail_nth(h, FAKE_INVALIDATE, 0, 0);
    fake_host_go_away(h, 0, 0);
}

static const Row rows[] = {
    { .name = "eio", .fail = refuse_one, .outcome = STOPS_AT,
      .single = STOPS_AT, .cerror = SMMUV3_CERROR_ILL },
    { .name = "eio, counts none", .fail = refuse_one, .outcome = STOPS_AT,
      .single = STOPS_AT, .cerror = SMMUV3_CERROR_ILL, .lie = LIE_NONE },
    { .name = "eio, counts one", .fail = refuse_one, .outcome = STOPS_AT,
      .single = STOPS_AT, .cerror = SMMUV3_CERROR_ILL, .lie = LIE_ONE },
    { .name = "eio, counts all but one", .fail = refuse_one,
      .outcome = STOPS_AT, .single = STOPS_AT, .cerror = SMMUV3_CERROR_ILL,
      .lie = LIE_LAST },
    { .name = "eio, counts all", .fail = refuse_one, .outcome = STOPS_AT,
      .single = STOPS_AT, .cerror = SMMUV3_CERROR_ILL, .lie = LIE_ALL },
    { .name = "eio, counts more", .fail = refuse_one, .outcome = STOPS_AT,
      .single = STOPS_AT, .cerror = SMMUV3_CERROR_ILL, .lie = LIE_MORE },
    { .name = "eio, counts garbage", .fail = refuse_one,
      .outcome = STOPS_AT, .single = STOPS_AT, .cerror = SMMUV3_CERROR_ILL,
      .lie = LIE_HUGE },
    { .name = "eio once", .fail = eio_once, .outcome = DRAINS,
      .single = STOPS_AT, .cerror = SMMUV3_CERROR_ILL },
    { .name = "eio once, counts garbage", .fail = eio_once,
      .outcome = DRAINS, .single = STOPS_AT, .cerror = SMMUV3_CERROR_ILL,
      .lie = LIE_HUGE },
    { .name = "timeout once", .fail = timeout_once, .outcome = DRAINS,
      .single = STOPS_AT, .cerror = SMMUV3_CERROR_ABT },
    { .name = "timeout", .fail = gone_timeout, .outcome = STOPS_BEFORE,
      .single = STOPS_AT, .cerror = SMMUV3_CERROR_ABT },
    { .name = "enomem from", .fail = nomem_from_two, .outcome = DRAINS,
      .single = DRAINS },
    { .name = "enodev", .fail = gone_enodev, .outcome = STOPS_BEFORE,
      .single = STOPS_AT, .cerror = SMMUV3_CERROR_ABT },
    { .name = "enoent", .fail = gone_enoent, .outcome = STOPS_BEFORE,
      .single = STOPS_AT, .cerror = SMMUV3_CERROR_ABT },
    { .name = "atc", .fail = atc_times_out, .outcome = STOPS_AT_SYNC,
      .single = STOPS_AT_SYNC, .cerror = SMMUV3_CERROR_ATC_INV_SYNC,
      .atc = true },
    { .name = "atc, timeout once", .fail = timeout_once,
      .outcome = STOPS_AT_SYNC, .single = STOPS_AT_SYNC,
      .cerror = SMMUV3_CERROR_ATC_INV_SYNC, .atc = true },
    { .name = "repeat", .fail = nothing_fails, .outcome = DRAINS,
      .single = DRAINS, .repeat = true },
    { .name = "repeat, eio", .fail = refuse_one, .outcome = STOPS_AT,
      .single = STOPS_AT, .cerror = SMMUV3_CERROR_ILL, .repeat = true },
    { .name = "repeat, first lost", .fail = eio_once, .outcome = DRAINS,
      .single = STOPS_AT, .cerror = SMMUV3_CERROR_ILL, .repeat = true },
    { .name = "repeat, second lost", .fail = second_time_lost,
      .outcome = DRAINS, .single = STOPS_AT, .cerror = SMMUV3_CERROR_ILL,
      .repeat = true },
    { .name = "repeat, atc", .fail = atc_times_out,
      .outcome = STOPS_AT_SYNC, .single = STOPS_AT_SYNC,
      .cerror = SMMUV3_CERROR_ATC_INV_SYNC, .repeat = true, .atc = true },
};

/* Failures of a call as a whole have no position in the batch. */
static const Row call_rows[] = {
    { .name = "enomem once", .fail = nomem_once, .outcome = DRAINS,
      .single = STOPS_AT, .cerror = SMMUV3_CERROR_ABT },
    { .name = "enomem", .fail = nomem_always, .outcome = STOPS_AT,
      .single = STOPS_AT, .cerror = SMMUV3_CERROR_ABT },
    { .name = "eio call once", .fail = eio_call_once, .outcome = DRAINS,
      .single = STOPS_AT, .cerror = SMMUV3_CERROR_ILL },
    { .name = "repeat, second call enomem", .fail = second_call_nomem,
      .outcome = DRAINS, .single = STOPS_AT, .cerror = SMMUV3_CERROR_ABT,
      .repeat = true },
};

/* Looking. */

static void count_issued(Sweep *w)
{
    memset(w->seen, 0, sizeof(w->seen));
    for (guint k = 0; k < w->s.host->issued->len; k++) {
        const SMMUv3Cmd *cmd = fake_issued(w->s.host, k);

        if ((cmd->dw[0] & SMMUV3_CMD0_OPCODE) != SMMUV3_CMD_ATC_INV) {
            uint64_t offset = (cmd->dw[1] & SMMUV3_TLBI1_VA) - FIRST_VA;

            g_assert_cmpuint(offset / STRIDE, <, w->n);
            g_assert_cmpuint(offset % STRIDE, ==, 0);
            w->seen[offset / STRIDE]++;
        }
    }
}

static unsigned done(const Sweep *w)
{
    return w->n + 1 - queue_pending(&w->s.queue);
}

/* An ATC_INV that timed out is told of at the CMD_SYNC, not here. */
static void check_issued(Sweep *w, const Row *row)
{
    unsigned times = row->repeat ? 2 : 1;

    count_issued(w);
    for (unsigned i = 0; i < MIN(done(w), w->n); i++) {
        if ((int)i != w->atc) {
            g_assert_cmpuint(w->seen[i], >=, times);
        }
    }
    g_assert_cmpuint(w->s.guest->sync_irqs, ==, done(w) > w->n);
}

static SMMUv3CmdqResult run_slices(Sweep *w)
{
    SMMUv3CmdqResult r;

    do {
        r = queue_run(&w->s.queue, w->s.engine);
    } while (r.status == SMMUV3_CMDQ_MORE);
    return r;
}

static void check_stop(const Sweep *w, const Row *row, SMMUv3CmdqResult r)
{
    Outcome outcome = w->n == 1 ? row->single : row->outcome;

    if (outcome == DRAINS) {
        g_assert_cmpint(r.status, ==, SMMUV3_CMDQ_DRAINED);
        g_assert_cmpuint(done(w), ==, w->n + 1);
        return;
    }
    g_assert_cmpint(r.status, ==, SMMUV3_CMDQ_STOPPED);
    g_assert_cmpint(r.cerror, ==, row->cerror);
    switch (outcome) {
    case STOPS_AT:
        g_assert_cmpuint(done(w), ==, w->at);
        break;
    case STOPS_BEFORE:
        g_assert_cmpuint(done(w), <=, w->at);
        break;
    default:
        g_assert_cmpuint(done(w), ==, w->n);
    }
}

/* Unless the host has recovered it stops again; then it resumes. */
static void acknowledge(Sweep *w, const Row *row)
{
    if (row->fail == gone_enodev || row->fail == refuse_one) {
        unsigned before = done(w);

        fake_host_forget(w->s.host);
        g_assert_cmpint(run_slices(w).status, ==, SMMUV3_CMDQ_STOPPED);
        g_assert_cmpuint(done(w), ==, before);
        g_assert_cmpuint(w->s.host->calls[FAKE_INVALIDATE], <=, CALLS);
    }
    heal(w);
    w->s.guest->sync_irqs = 0;
    g_assert_cmpint(run_slices(w).status, ==, SMMUV3_CMDQ_DRAINED);
}

static uint32_t lie_of(const Sweep *w, int lie)
{
    static const int sign[] = {
        [LIE_NONE] = 0, [LIE_ONE] = 1, [LIE_LAST] = -1, [LIE_ALL] = 0,
        [LIE_MORE] = 1, [LIE_HUGE] = -1,
    };

    return (lie == LIE_LAST || lie == LIE_ALL || lie == LIE_MORE ? w->n : 0) +
           (uint32_t)sign[lie];
}

static void fail_at(Sweep *w, const Row *row, unsigned at)
{
    GuestQueue *q = &w->s.queue;
    SMMUv3CmdqResult r;

    w->at = at;
    fake_host_forget(w->s.host);
    w->s.guest->sync_irqs = 0;
    q->regs.cons = START;
    row->fail(w);
    r = run_slices(w);
    check_stop(w, row, r);
    check_issued(w, row);
    g_assert_cmpuint(w->s.host->calls[FAKE_INVALIDATE], <=,
                     row->fail == nomem_from_two ? CALLS + 4 * w->n / (at + 1)
                                                 : CALLS);
    if (r.status == SMMUV3_CMDQ_STOPPED) {
        unsigned resumed = done(w);

        fake_host_forget(w->s.host);
        acknowledge(w, row);
        count_issued(w);
        for (unsigned i = resumed; i < w->n; i++) {
            g_assert_cmpuint(w->seen[i], >=, 1);
        }
        g_assert_cmpuint(w->s.guest->sync_irqs, ==, 1);
    }
    heal(w);
    g_assert_cmpuint(w->s.host->rule_breaks, ==, 0);
}

/* The scene. */

static void write_queue(Sweep *w)
{
    GuestQueue *q = &w->s.queue;

    queue_seek(q, START);
    for (unsigned i = 0; i < w->n; i++) {
        queue_push(q, nth(w, i));
    }
    queue_push(q, cmd_sync(SMMUV3_SYNC_IRQ));
}

static Sweep *sweep_new(const Row *row, unsigned n)
{
    Sweep *w = g_new0(Sweep, 1);

    w->n = n;
    w->atc = -1;
    scene_init(&w->s);
    w->s.smmu->info.repeat_tlbi_cfgi = row->repeat;
    scene_add(&w->s, 0);
    scene_enable(&w->s);
    scene_install(&w->s, 0, ste_s1(CONTEXT_PTR));
    queue_init(&w->s.queue, w->s.guest, CMDQ_ADDR, LOG2SIZE);
    write_queue(w);
    w->s.host->lying = row->lie != NO_LIE;
    w->s.host->lie = row->lie == NO_LIE ? 0 : lie_of(w, row->lie);
    return w;
}

static void sweep_free(Sweep *w)
{
    scene_done(&w->s);
    g_free(w);
}

static bool worth_trying(unsigned n, unsigned at)
{
    unsigned in_block = at % BLOCK;

    return n < 4096 || g_test_slow() || in_block == 0 ||
           in_block == BLOCK - 1 || at % 61 == 0 || at + 1 == n;
}

static void sweep(const Row *row, unsigned n, unsigned positions)
{
    Sweep *w = sweep_new(row, n);

    for (unsigned at = 0; at < positions; at++) {
        if (!worth_trying(n, at)) {
            continue;
        }
        if (row->atc) {
            w->atc = at;
            write_queue(w);
        }
        fail_at(w, row, at);
    }
    sweep_free(w);
}

static const unsigned sizes[] = { 1, 2, 63, 64, 65, 255, 4096 };

static void test_positions(gconstpointer row)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        sweep(row, sizes[i], sizes[i]);
    }
}

static void test_call(gconstpointer row)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        sweep(row, sizes[i], 1);
    }
}

static void add_rows(const Row *r, unsigned n, GTestDataFunc func)
{
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf("/errors/%s", r[i].name);

        g_test_add_data_func(path, &r[i], func);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_rows(rows, G_N_ELEMENTS(rows), test_positions);
    add_rows(call_rows, G_N_ELEMENTS(call_rows), test_call);
    return g_test_run();
}
