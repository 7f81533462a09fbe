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
 * Of 4096 positions those at the edges of every fourth of the kernel's blocks
 * are tried, and every 122nd; all with -m slow. EINTR never leaves the port:
 * test-iommufd.
 */
#include <errno.h>

#include "scene.h"

enum { LOG2SIZE = 13, START = (1 << LOG2SIZE) - 100, BLOCK = 63 };

/* Invalidate calls to single one out of 4096: measured, and a little. */
enum { CALLS = 20, CALLS_MISLED = 120, TRIES = 13 };

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
    STOPS_AT_SYNC_OR_DRAINS,    /* the first, if it is the ATC_INV's block */
} Outcome;

typedef struct Row {
    const char *name;
    void (*fail)(Sweep *w);     /* at w->at */
    Outcome outcome;
    SMMUv3CmdError cerror;
    unsigned scene;
    int lie;                    /* the count of failures, as LIE_* */
} Row;

enum {
    REPEAT = 1,                 /* a host with ERRATA_REPEAT_TLBI_CFGI */
    ATC = 2,                    /* with an ATC_INV at the position */
    ONCE = 4,                   /* only a command that is alone is blamed */
};

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

#define ILL SMMUV3_CERROR_ILL
#define ABT SMMUV3_CERROR_ABT
#define SYN SMMUV3_CERROR_ATC_INV_SYNC

static const Row rows[] = {
    { "eio", refuse_one, STOPS_AT, ILL, 0, NO_LIE },
    { "eio, counts none", refuse_one, STOPS_AT, ILL, 0, LIE_NONE },
    { "eio, counts one", refuse_one, STOPS_AT, ILL, 0, LIE_ONE },
    { "eio, counts all but one", refuse_one, STOPS_AT, ILL, 0, LIE_LAST },
    { "eio, counts all", refuse_one, STOPS_AT, ILL, 0, LIE_ALL },
    { "eio, counts more", refuse_one, STOPS_AT, ILL, 0, LIE_MORE },
    { "eio, counts garbage", refuse_one, STOPS_AT, ILL, 0, LIE_HUGE },
    { "eio once", eio_once, DRAINS, ILL, ONCE, NO_LIE },
    { "eio once, counts garbage", eio_once, DRAINS, ILL, ONCE, LIE_HUGE },
    { "timeout once", timeout_once, DRAINS, ABT, 0, NO_LIE },
    { "timeout once, counts none", timeout_once, DRAINS, ABT, 0, LIE_NONE },
    { "timeout once, counts garbage", timeout_once, DRAINS, ABT, 0, LIE_HUGE },
    { "timeout", gone_timeout, STOPS_BEFORE, ABT, 0, NO_LIE },
    { "timeout, counts all", gone_timeout, STOPS_BEFORE, ABT, 0, LIE_ALL },
    { "repeat, timeout once", timeout_once, DRAINS, ABT, REPEAT, NO_LIE },
    { "repeat, timeout", gone_timeout, STOPS_BEFORE, ABT, REPEAT, NO_LIE },
    { "enomem from", nomem_from_two, DRAINS, 0, 0, NO_LIE },
    { "enodev", gone_enodev, STOPS_BEFORE, ABT, 0, NO_LIE },
    { "enoent", gone_enoent, STOPS_BEFORE, ABT, 0, NO_LIE },
    { "atc", atc_times_out, STOPS_AT_SYNC, SYN, ATC, NO_LIE },
    { "atc, counts none", atc_times_out, STOPS_AT_SYNC, SYN, ATC, LIE_NONE },
    { "atc, counts garbage", atc_times_out, STOPS_AT_SYNC, SYN, ATC,
      LIE_HUGE },
    { "atc, timeout once", timeout_once, STOPS_AT_SYNC_OR_DRAINS, SYN, ATC,
      NO_LIE },
    { "repeat", nothing_fails, DRAINS, 0, REPEAT, NO_LIE },
    { "repeat, eio", refuse_one, STOPS_AT, ILL, REPEAT, NO_LIE },
    { "repeat, first lost", eio_once, DRAINS, ILL, REPEAT | ONCE, NO_LIE },
    { "repeat, second lost", second_time_lost, DRAINS, ILL, REPEAT | ONCE,
      NO_LIE },
    { "repeat, atc", atc_times_out, STOPS_AT_SYNC, SYN, REPEAT | ATC,
      NO_LIE },
};

/* Failures of a call as a whole have no position in the batch. */
static const Row call_rows[] = {
    { "enomem once", nomem_once, DRAINS, ABT, 0, NO_LIE },
    { "enomem", nomem_always, STOPS_AT, ABT, 0, NO_LIE },
    { "eio call once", eio_call_once, DRAINS, ILL, ONCE, NO_LIE },
    { "repeat, second call enomem", second_call_nomem, DRAINS, ABT,
      REPEAT, NO_LIE },
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
    unsigned times = row->scene & REPEAT ? 2 : 1;

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
    Outcome outcome = row->outcome;

    if ((row->scene & ONCE) && w->n == 1) {
        outcome = STOPS_AT;
    }
    if (outcome == STOPS_AT_SYNC_OR_DRAINS) {
        outcome = w->at / BLOCK == (w->n - 1) / BLOCK ? STOPS_AT_SYNC : DRAINS;
    }
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

static bool is_timeout(const Row *row)
{
    return row->fail == timeout_once || row->fail == gone_timeout ||
           row->fail == atc_times_out;
}

static unsigned calls_max(const Sweep *w, const Row *row)
{
    /* A second each: what times out, and two more. With the erratum once. */
    if (is_timeout(row)) {
        return row->scene & REPEAT ? 4 : 3;
    }
    if (row->lie != NO_LIE) {
        return CALLS_MISLED;
    }
    /* Who is alone and refused is tried again. */
    if (row->cerror == SMMUV3_CERROR_ABT) {
        return CALLS * (TRIES + 1);
    }
    /* The host has memory for at + 1 commands at a time. */
    return row->fail == nomem_from_two ? CALLS + 4 * w->n / (w->at + 1)
                                       : CALLS;
}

/* Unless the host has recovered it stops again; then it resumes. */
static void acknowledge(Sweep *w, const Row *row)
{
    if (row->fail == gone_enodev || row->fail == refuse_one) {
        unsigned before = done(w);

        fake_host_forget(w->s.host);
        g_assert_cmpint(run_slices(w).status, ==, SMMUV3_CMDQ_STOPPED);
        g_assert_cmpuint(done(w), ==, before);
        g_assert_cmpuint(w->s.host->calls[FAKE_INVALIDATE], <=,
                         calls_max(w, row));
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
    const SMMUv3EngineStats *stats = smmuv3_engine_stats(w->s.engine);
    GuestQueue *q = &w->s.queue;
    SMMUv3CmdqResult r;
    uint64_t errors;

    w->at = at;
    fake_host_forget(w->s.host);
    w->s.guest->sync_irqs = 0;
    q->regs.cons = START;
    row->fail(w);
    errors = stats->errors[row->cerror];
    r = run_slices(w);
    check_stop(w, row, r);
    if (r.status == SMMUV3_CMDQ_STOPPED) {
        g_assert_cmpuint(stats->errors[row->cerror], ==, errors + 1);
    }
    check_issued(w, row);
    g_assert_cmpuint(w->s.host->calls[FAKE_INVALIDATE], <=,
                     calls_max(w, row));
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
    w->s.smmu->info.repeat_tlbi_cfgi = (row->scene & REPEAT) != 0;
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
    return n < 4096 || g_test_slow() || (at + 1) % (4 * BLOCK) <= 1 ||
           at % 122 == 0 || at + 1 == n;
}

static void sweep(const Row *row, unsigned n, unsigned positions)
{
    Sweep *w = sweep_new(row, n);

    for (unsigned at = 0; at < positions; at++) {
        if (!worth_trying(n, at)) {
            continue;
        }
        if (row->scene & ATC) {
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

/*
 * Behind a command that failed nothing has happened: an STE is not taken in,
 * a new number is not, and the error that comes later is not reported first.
 */

enum { BEFORE = 5 };

typedef struct Behind {
    Scene s;
    SMMUv3HostId pt, vdevice;   /* of the device before */
} Behind;

static void behind_init(Behind *b)
{
    scene_init_translating(&b->s);
    queue_seek(&b->s.queue, 0);
    b->pt = b->s.dev[0]->pt;
    b->vdevice = b->s.dev[0]->vdevice;
}

/* @cmd stands behind commands of which one is refused. */
static void run_behind(Behind *b, SMMUv3Cmd cmd, unsigned refused)
{
    Scene *s = &b->s;
    SMMUv3CmdqResult r;

    for (unsigned i = 0; i < BEFORE; i++) {
        queue_push(&s->queue, cmd_tlbi_va(1, FIRST_VA + STRIDE * i));
    }
    queue_push(&s->queue, cmd);
    fake_host_refuse(s->host, cmd_tlbi_va(1, FIRST_VA + STRIDE * refused)
                              .dw[1]);
    r = queue_run(&s->queue, s->engine);
    g_assert_cmpint(r.status, ==, SMMUV3_CMDQ_STOPPED);
    g_assert_cmpint(r.cerror, ==, ILL);
    g_assert_cmpuint(queue_pending(&s->queue), ==, BEFORE + 1 - refused);
    g_assert_cmpuint(s->dev[0]->pt, ==, b->pt);
    g_assert_cmpuint(s->dev[0]->vdevice, ==, b->vdevice);
    fake_host_accept(s->host);
}

static void test_ste_behind(void)
{
    for (unsigned refused = 0; refused < BEFORE; refused++) {
        Behind b;

        behind_init(&b);
        strtab_set(b.s.guest, &b.s.regs, FIRST_SID,
                   ste_config(SMMUV3_STE_CONFIG_BYPASS));
        run_behind(&b, cmd_cfgi_ste(FIRST_SID), refused);
        g_assert_cmpint(queue_run(&b.s.queue, b.s.engine).status, ==,
                        SMMUV3_CMDQ_DRAINED);
        g_assert_cmpint(scene_kind(&b.s, 0), ==, SMMUV3_STREAM_BYPASS);
        scene_done(&b.s);
    }
}

static void test_number_behind(void)
{
    for (unsigned refused = 0; refused < BEFORE; refused++) {
        Behind b;

        behind_init(&b);
        guest_set_vsid(b.s.guest, b.s.dev[0], 0x77);
        strtab_set(b.s.guest, &b.s.regs, 0x77, ste_s1(CONTEXT_PTR));
        run_behind(&b, cmd_cfgi_ste(0x77), refused);
        g_assert_cmpint(queue_run(&b.s.queue, b.s.engine).status, ==,
                        SMMUV3_CMDQ_DRAINED);
        g_assert_cmpuint(fake_object(b.s.host, b.s.dev[0]->vdevice)->vsid,
                         ==, 0x77);
        scene_done(&b.s);
    }
}

/* Its CERROR_ILL is not that of the host's failure before it. */
static void test_illegal_behind(void)
{
    SMMUv3CmdqResult r;
    Scene s;

    scene_init_translating(&s);
    queue_push(&s.queue, cmd_tlbi_va(1, FIRST_VA));
    queue_push(&s.queue, cmd_raw(SMMUV3_CMD_TLBI_S2_IPA, 0));
    fake_host_go_away(s.host, 1, ENODEV);
    r = queue_run(&s.queue, s.engine);
    g_assert_cmpint(r.cerror, ==, ABT);
    g_assert_cmpuint(queue_pending(&s.queue), ==, 2);
    fake_host_go_away(s.host, 0, 0);
    r = queue_run(&s.queue, s.engine);
    g_assert_cmpint(r.cerror, ==, ILL);
    g_assert_cmpuint(queue_pending(&s.queue), ==, 1);
    scene_done(&s);
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
    g_test_add_func("/errors/behind/ste", test_ste_behind);
    g_test_add_func("/errors/behind/number", test_number_behind);
    g_test_add_func("/errors/behind/illegal", test_illegal_behind);
    return g_test_run();
}
