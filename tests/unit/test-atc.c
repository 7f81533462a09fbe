/*
 * Devices that do not answer an ATC_INV: who is told, who is still served, and
 * how many seconds that takes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>

#include "commands.h"

/*
 * One device of two has ATS. That of the other needs no invalidation, and is
 * no error: Linux 7.3 would refuse it on an SMMU without ATS.
 */
static void test_atc_inv_without_atc(void)
{
    Scene s;

    scene_init(&s);
    s.dev[0]->no_ats = true;
    scene_add(&s, 0);
    scene_add(&s, 1);
    scene_enable(&s);
    scene_install(&s, 0, ste_s1(0x80000));
    scene_install(&s, 1, ste_s1(0x90000));
    g_array_set_size(s.host->issued, 0);
    for (unsigned i = 0; i < 2; i++) {
        queue_push(&s.queue, cmd_atc_inv(FIRST_SID + i, 0x1000, 0));
    }
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_NONE));
    expect_drained(&s, queue_run(&s.queue, s.engine));
    g_assert_cmpuint(s.host->issued->len, ==, 1);
    g_assert_cmpuint(SMMUV3_GET(SMMUV3_CMD0_SID,
                                g_array_index(s.host->issued, SMMUv3Cmd,
                                              0).dw[0]), ==, FIRST_SID + 1);
    /* Its CDs are cached all the same. */
    scene_command(&s, cmd_raw(SMMUV3_CMD_CFGI_CD_ALL |
                              SMMUV3_PREP(SMMUV3_CMD0_SID, FIRST_SID), 0));
    g_assert_cmpuint(s.host->issued->len, ==, 2);
    scene_done(&s);
}

/* A SYNC that stands before the ATC_INV is none of its business. */
static void test_atc_sync_before(void)
{
    Scene s;

    scene_init_translating(&s);
    s.host->atc_timeout = true;
    queue_seek(&s.queue, 0);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    queue_push(&s.queue, some_atc_inv());
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_NONE));
    expect_stops(&s, 2, SMMUV3_CERROR_ATC_INV_SYNC);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    scene_done(&s);
}

/* The SYNC that has to say so may come with a later PROD write. */
static void test_atc_next_window(void)
{
    Scene s;

    scene_init_translating(&s);
    s.host->atc_timeout = true;
    queue_seek(&s.queue, 0);
    expect_drained(&s, scene_command(&s, some_atc_inv()));
    expect_stopped(&s, scene_command(&s, cmd_sync(SMMUV3_SYNC_IRQ)), 1,
                   SMMUV3_CERROR_ATC_INV_SYNC);
    scene_done(&s);
}

/* Two windows, two time-outs: the first SYNC already belongs to one. */
static void test_atc_two_timeouts(void)
{
    Scene s;

    scene_init_translating(&s);
    s.host->atc_timeout = true;
    queue_seek(&s.queue, 0);
    expect_drained(&s, scene_command(&s, some_atc_inv()));
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    queue_push(&s.queue, some_atc_inv());
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    expect_stops(&s, 1, SMMUV3_CERROR_ATC_INV_SYNC);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 0);
    expect_stops(&s, 3, SMMUV3_CERROR_ATC_INV_SYNC);
    scene_done(&s);
}

/* They go down sorted; the SYNC behind the first that was written tells. */
static void test_atc_sorted(void)
{
    Scene s;

    scene_init_translating(&s);
    s.host->atc_timeout = true;
    queue_seek(&s.queue, 0);
    queue_push(&s.queue, cmd_atc_inv(FIRST_SID, 0x9000, 0));
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    queue_push(&s.queue, cmd_atc_inv(FIRST_SID, 0x1000, 0));
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    expect_stops(&s, 1, SMMUV3_CERROR_ATC_INV_SYNC);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 0);
    scene_done(&s);
}

/* ---- Devices that do not answer: a second for each call that waits ---- */

static void init_three(Scene *s)
{
    scene_init(s);
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        scene_add(s, i);
    }
    scene_enable(s);
    queue_init(&s->queue, s->guest, CMDQ_ADDR, 10);
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        scene_install(s, i, ste_s1(CONTEXT_PTR));
    }
    queue_seek(&s->queue, 0);
    fake_host_forget(s->host);
}

static void let_die(Scene *s, unsigned device)
{
    s->host->atc_dead[s->host->n_atc_dead++] = FIRST_SID + device;
}

static void push_atc_invs(Scene *s, unsigned device, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        queue_push(&s->queue, cmd_atc_inv(FIRST_SID + device, nth_va(i), 0));
    }
}

static void expect_atc_invs(const Scene *s, unsigned device, unsigned n)
{
    unsigned found = 0;

    for (guint i = 0; i < s->host->issued->len; i++) {
        const SMMUv3Cmd *cmd = fake_issued(s->host, i);

        found += (cmd->dw[0] & SMMUV3_CMD0_OPCODE) == SMMUV3_CMD_ATC_INV &&
                 SMMUV3_GET(SMMUV3_CMD0_SID, cmd->dw[0]) ==
                 FIRST_SID + device;
    }
    g_assert_cmpuint(found, ==, n);
}

/* Those of the others are sent, whoever it is and however many there are. */
static void test_atc_healthy(gconstpointer data)
{
    unsigned dead = GPOINTER_TO_UINT(data) & 3;
    unsigned each = GPOINTER_TO_UINT(data) >> 2;
    Scene s;

    init_three(&s);
    let_die(&s, dead);
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        push_atc_invs(&s, i, each);
    }
    push_tlbis(&s, 0, 5);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    expect_stops(&s, 3 * each + 5, SMMUV3_CERROR_ATC_INV_SYNC);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 0);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], <=, 3);
    for (unsigned i = 0; i < 5; i++) {
        g_assert_true(is_issued(&s, nth_tlbi(i)));
    }
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        for (unsigned n = 0; i != dead && n < each; n++) {
            g_assert_true(is_issued(&s, cmd_atc_inv(FIRST_SID + i, nth_va(n),
                                                    0)));
        }
    }
    expect_atc_invs(&s, dead, 0);
    scene_done(&s);
}

/* Two of them, in blocks of their own. */
static void test_atc_two_dead(void)
{
    Scene s;

    init_three(&s);
    let_die(&s, 0);
    let_die(&s, 1);
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        push_atc_invs(&s, i, 63);
    }
    push_tlbis(&s, 0, 5);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    expect_stops(&s, 3 * 63 + 5, SMMUV3_CERROR_ATC_INV_SYNC);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 3);
    expect_atc_invs(&s, 2, 63);
    g_assert_true(is_issued(&s, nth_tlbi(4)));
    scene_done(&s);
}

/* Three, and no fourth second: CERROR_ABT first, and on from there. */
static void test_atc_three_dead(void)
{
    Scene s;

    init_three(&s);
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        let_die(&s, i);
        push_atc_invs(&s, i, 63);
    }
    push_tlbis(&s, 0, 63);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    expect_stops(&s, 3 * 63, SMMUV3_CERROR_ABT);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 3);
    expect_stops(&s, 4 * 63, SMMUV3_CERROR_ATC_INV_SYNC);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 4);
    g_assert_true(is_issued(&s, nth_tlbi(62)));
    scene_done(&s);
}

/* Nobody has failed to answer a call that the host refused. */
static void test_atc_refused_behind(void)
{
    Scene s;

    init_three(&s);
    let_die(&s, 0);
    push_atc_invs(&s, 0, 63);
    push_atc_invs(&s, 1, 1);
    push_atc_invs(&s, 2, 1);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    fake_host_fail_nth(s.host, FAKE_INVALIDATE, 2, ENOMEM);
    expect_stops(&s, 65, SMMUV3_CERROR_ATC_INV_SYNC);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 3);
    expect_atc_invs(&s, 1, 1);
    expect_atc_invs(&s, 2, 1);
    scene_done(&s);
}

/*
 * It is not asked again before a CMD_SYNC has told the guest; then it is, if
 * the guest asks again.
 */
static void test_atc_asked_once(void)
{
    Scene s;

    init_three(&s);
    let_die(&s, 0);
    push_atc_invs(&s, 0, 1);
    expect_drains(&s);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 1);
    push_atc_invs(&s, 0, 1);
    push_atc_invs(&s, 1, 1);
    expect_drains(&s);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 2);
    expect_atc_invs(&s, 1, 1);
    push_atc_invs(&s, 0, 1);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    expect_stops(&s, 4, SMMUV3_CERROR_ATC_INV_SYNC);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 2);

    s.host->n_atc_dead = 0;
    queue_patch(&s.queue, 0, cmd_atc_inv(FIRST_SID, 0x1000, 0));
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    expect_drains(&s);
    g_assert_true(is_issued(&s, cmd_atc_inv(FIRST_SID, 0x1000, 0)));
    scene_done(&s);
}

/* Others wait for a slice: one time-out, and two more calls, end it. */
static void test_timeout_ends_slice(void)
{
    unsigned runs = 0;
    SMMUv3CmdqResult r;
    Scene s;

    init_three(&s);
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        let_die(&s, i);
        push_atc_invs(&s, i, 1);
        strtab_set(s.guest, &s.regs, FIRST_SID + i,
                   ste_s1(CONTEXT_PTR + 0x1000));
        queue_push(&s.queue, cmd_cfgi_ste(FIRST_SID + i));
    }
    do {
        fake_host_forget(s.host);
        r = queue_run(&s.queue, s.engine);
        g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], <=, 3);
        g_assert_cmpuint(++runs, <=, 4);
    } while (r.status == SMMUV3_CMDQ_MORE);
    expect_drained(&s, r);
    g_assert_cmpuint(runs, ==, 4);
    scene_done(&s);
}

/* Of a run that was merged backwards, CONS stays at the first. */
static void test_timeout_merged(void)
{
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 0);
    queue_push(&s.queue, cmd_tlbi_va(2, 0x2000));
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    queue_push(&s.queue, cmd_tlbi_va(2, 0x1000));
    fake_host_go_away(s.host, 1, ETIMEDOUT);
    expect_stops(&s, 0, SMMUV3_CERROR_ABT);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 2);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 0);
    fake_host_go_away(s.host, 0, 0);
    expect_drains(&s);
    scene_done(&s);
}

/* While one is looked for, too: what was done before it stays done. */
static void test_timeout_in_replay(void)
{
    Scene s;

    scene_init_translating(&s);
    queue_init(&s.queue, s.guest, CMDQ_ADDR, 13);
    push_pages(&s, 5000);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    s.host->refuses = is_range;
    fake_host_fail_issue(s.host, 4000, ETIMEDOUT);
    g_assert_cmpint(queue_run(&s.queue, s.engine).status, ==,
                    SMMUV3_CMDQ_MORE);
    g_assert_cmpuint(queue_pending(&s.queue), >, 1);
    g_assert_cmpuint(queue_pending(&s.queue), <, 5000);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 0);
    expect_drains(&s);
    for (unsigned i = 0; i < 5000; i++) {
        g_assert_true(is_issued(&s, cmd_tlbi_va(2, 0x1000 * i)));
    }
    scene_done(&s);
}

static void add_healthy(void)
{
    static const unsigned atc_invs_each[] = { 1, 2, 58, 63, 126 };

    for (unsigned i = 0; i < G_N_ELEMENTS(atc_invs_each); i++) {
        for (unsigned dead = 0; dead < SCENE_DEVICES; dead++) {
            unsigned each = atc_invs_each[i];
            g_autofree char *path = g_strdup_printf(
                "/cmdq/timeout/healthy/%u of %u each", dead, each);

            g_test_add_data_func(path, GUINT_TO_POINTER(each << 2 | dead),
                                 test_atc_healthy);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_healthy();
    g_test_add_func("/cmdq/atc-inv/without-atc", test_atc_inv_without_atc);
    g_test_add_func("/cmdq/error/atc-sync-before", test_atc_sync_before);
    g_test_add_func("/cmdq/error/atc-next-window", test_atc_next_window);
    g_test_add_func("/cmdq/error/atc-two-timeouts", test_atc_two_timeouts);
    g_test_add_func("/cmdq/error/atc-sorted", test_atc_sorted);
    g_test_add_func("/cmdq/timeout/two-dead", test_atc_two_dead);
    g_test_add_func("/cmdq/timeout/three-dead", test_atc_three_dead);
    g_test_add_func("/cmdq/timeout/asked-once", test_atc_asked_once);
    g_test_add_func("/cmdq/timeout/refused-behind", test_atc_refused_behind);
    g_test_add_func("/cmdq/timeout/ends-slice", test_timeout_ends_slice);
    g_test_add_func("/cmdq/timeout/merged", test_timeout_merged);
    g_test_add_func("/cmdq/timeout/in-replay", test_timeout_in_replay);
    return g_test_run();
}
