/*
 * Batches and the host's errors: who is to blame for a call that failed, which
 * calls that takes, counts that lie, hosts that want commands twice. Time-outs
 * of devices: test-atc; each error at each place: test-errors.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>

#include "commands.h"

/* ---- Refusals: who is to blame ---- */

static bool is_range_or_page_41(const SMMUv3Cmd *cmd)
{
    return is_range(cmd) || (cmd->dw[1] & SMMUV3_TLBI1_VA) == 41 * 0x1000;
}

static bool is_nh_all(const SMMUv3Cmd *cmd)
{
    return (cmd->dw[0] & SMMUV3_CMD0_OPCODE) == SMMUV3_CMD_TLBI_NH_ALL;
}

/* TLBI_NH_ALL stands where it was written: what is before it stays done. */
static void test_all_refused(void)
{
    SMMUv3Cmd all = cmd_raw(SMMUV3_CMD_TLBI_NH_ALL, 0);
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 0);
    s.host->refuses = is_nh_all;
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    queue_push(&s.queue, all);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    expect_stops(&s, 1, SMMUV3_CERROR_ILL);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    s.host->refuses = NULL;
    expect_drains(&s);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 2);
    scene_done(&s);
}

/* Nor does CONS go back past a batch that went before an attachment. */
static void test_all_refused_behind_ste(void)
{
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 0);
    s.host->refuses = is_nh_all;
    strtab_set(s.guest, &s.regs, FIRST_SID, ste_s1(CONTEXT_PTR + 0x1000));
    push_tlbis(&s, 0, 3);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    queue_push(&s.queue, cmd_cfgi_ste(FIRST_SID));
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    queue_push(&s.queue, cmd_raw(SMMUV3_CMD_TLBI_NH_ALL, 0));
    expect_stops(&s, 6, SMMUV3_CERROR_ILL);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 2);
    s.host->refuses = NULL;
    expect_drains(&s);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 2);
    scene_done(&s);
}

/* What it swallowed is named as it was written. */
static void test_all_swallowed_refused(void)
{
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 0);
    push_tlbis(&s, 0, 3);
    queue_push(&s.queue, cmd_raw(SMMUV3_CMD_TLBI_NH_ALL, 0));
    push_tlbis(&s, 3, 3);
    s.host->refuses = is_nh_all;
    expect_stops(&s, 3, SMMUV3_CERROR_ILL);
    s.host->refuses = NULL;
    expect_drains(&s);
    scene_done(&s);
}

/* So does the one that a range becomes for a host without them. */
static void test_widened_refused(void)
{
    uint32_t host[6];
    Scene s;

    memcpy(host, host_idr, sizeof(host));
    host[3] &= ~(uint32_t)SMMUV3_IDR3_RIL;
    scene_init_idr(&s, host, guest_idr);
    scene_add(&s, 0);
    scene_enable(&s);
    s.host->refuses = is_nh_all;
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    queue_push(&s.queue, cmd_raw(SMMUV3_CMD_TLBI_NH_VA |
                                 SMMUV3_PREP(SMMUV3_TLBI0_NUM, 31) |
                                 SMMUV3_PREP(SMMUV3_TLBI0_SCALE, 10),
                                 SMMUV3_PREP(SMMUV3_TLBI1_TG, SMMUV3_TG_4K)));
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    expect_stops(&s, 1, SMMUV3_CERROR_ILL);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    s.host->refuses = NULL;
    expect_drains(&s);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 2);
    scene_done(&s);
}

static bool is_range_or_page_11(const SMMUv3Cmd *cmd)
{
    return is_range(cmd) || (cmd->dw[1] & SMMUV3_TLBI1_VA) == 11 * 0x1000;
}

/* What was merged is refused: what it was merged from is not. */
static void test_merged_refused(void)
{
    Scene s;

    scene_init_translating(&s);
    push_tlbis(&s, 0, 10);
    push_pages(&s, 100);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    s.host->refuses = is_range;
    expect_drains(&s);
    for (unsigned i = 0; i < 100; i++) {
        g_assert_true(is_issued(&s, cmd_tlbi_va(2, 0x1000 * i)));
    }
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    scene_done(&s);
}

/* The guest is told of its own command, not of the range it went into. */
static void test_merged_blame(void)
{
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 0);
    push_tlbis(&s, 0, 10);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    push_pages(&s, 100);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    s.host->refuses = is_range_or_page_41;
    expect_stops(&s, 11 + 41, SMMUV3_CERROR_ILL);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    for (unsigned i = 0; i < 100; i++) {
        g_assert_cmpint(is_issued(&s, cmd_tlbi_va(2, 0x1000 * i)), ==,
                        i < 41);
    }
    s.host->refuses = NULL;
    expect_drains(&s);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 2);
    scene_done(&s);
}

/*
 * A refusal is found one by one, and in that a time-out, after which nothing is
 * searched for: CERROR_ABT, the guest goes on, and then the refusal is found.
 */
static void test_merged_blame_and_timeout(void)
{
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 0);
    queue_push(&s.queue, some_atc_inv());
    push_pages(&s, 100);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    s.host->atc_timeout = true;
    s.host->refuses = is_range_or_page_41;
    expect_stops(&s, 1, SMMUV3_CERROR_ABT);
    expect_stops(&s, 1 + 41, SMMUV3_CERROR_ILL);
    s.host->refuses = NULL;
    expect_stops(&s, 1 + 100, SMMUV3_CERROR_ATC_INV_SYNC);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 0);
    s.host->atc_timeout = false;
    expect_drains(&s);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    scene_done(&s);
}

/* ---- Hosts with the erratum ---- */

static void init_repeating(Scene *s)
{
    scene_init(s);
    s->smmu->info.repeat_tlbi_cfgi = 1;
    scene_add(s, 0);
    scene_enable(s);
    scene_install(s, 0, ste_s1(CONTEXT_PTR));
    fake_host_forget(s->host);
}

static unsigned times_issued(const Scene *s, SMMUv3Cmd cmd)
{
    unsigned times = 0;

    for (guint j = 0; j < s->host->issued->len; j++) {
        times += !memcmp(fake_issued(s->host, j), &cmd, sizeof(cmd));
    }
    return times;
}

/* Hosts with the erratum do not repeat for us: TLBI and CFGI go twice... */
static void test_repeat(void)
{
    Scene s;

    init_repeating(&s);
    push_tlbis(&s, 0, 100);
    queue_push(&s.queue, cmd_cfgi_cd(FIRST_SID, 0));
    queue_push(&s.queue, some_atc_inv());
    expect_drains(&s);
    for (unsigned i = 0; i < 100; i++) {
        g_assert_cmpuint(times_issued(&s, nth_tlbi(i)), ==, 2);
    }
    g_assert_cmpuint(times_issued(&s, cmd_cfgi_cd(FIRST_SID, 0)), ==, 2);
    /* ...and ATC_INV once, behind both. */
    g_assert_cmpuint(times_issued(&s, some_atc_inv()), ==, 1);
    g_assert_true(is_issued(&s, some_atc_inv()));
    g_assert_cmpuint(SMMUV3_GET(SMMUV3_CMD0_OPCODE,
                                fake_issued(s.host, s.host->issued->len - 1)
                                ->dw[0]), ==, SMMUV3_CMD_ATC_INV);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 2);
    scene_done(&s);
}

static unsigned calls_made;
static int third_error;

static int fails_first_and_third(SMMUv3Host *h G_GNUC_UNUSED, FakeCall call)
{
    if (call != FAKE_INVALIDATE) {
        return 0;
    }
    calls_made++;
    return calls_made == 1 ? ETIMEDOUT : calls_made == 3 ? third_error : 0;
}

/* The guest is told of an ATC_INV that was not made, or it is made after all. */
static void test_repeat_atc_not_reached(gconstpointer data)
{
    Scene s;

    init_repeating(&s);
    queue_seek(&s.queue, 0);
    push_tlbis(&s, 0, 1);
    queue_push(&s.queue, some_atc_inv());
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    calls_made = 0;
    third_error = GPOINTER_TO_INT(data);
    s.host->fails = fails_first_and_third;
    expect_stops(&s, 0, SMMUV3_CERROR_ABT);
    if (third_error == ETIMEDOUT) {
        expect_stops(&s, 2, SMMUV3_CERROR_ATC_INV_SYNC);
    }
    g_assert_cmpuint(s.guest->sync_irqs, ==, 0);
    expect_drains(&s);
    g_assert_cmpint(is_issued(&s, some_atc_inv()), ==,
                    third_error != ETIMEDOUT);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    scene_done(&s);
}

static void test_repeat_no_atc_inv(void)
{
    Scene s;

    init_repeating(&s);
    for (unsigned i = 0; i < 3; i++) {
        queue_push(&s.queue, cmd_atc_inv(FIRST_SID, nth_va(i), 0));
    }
    expect_drains(&s);
    g_assert_cmpuint(s.host->issued->len, ==, 3);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 1);
    scene_done(&s);
}

/* In the guest's order, when one is looked for that was refused. */
static void test_repeat_refused(void)
{
    Scene s;

    init_repeating(&s);
    queue_seek(&s.queue, 0);
    queue_push(&s.queue, some_atc_inv());
    push_pages(&s, 20);
    queue_push(&s.queue, cmd_atc_inv(FIRST_SID, 0x9000, 0));
    s.host->refuses = is_range_or_page_11;
    expect_stops(&s, 1 + 11, SMMUV3_CERROR_ILL);
    for (unsigned i = 0; i < 11; i++) {
        g_assert_cmpuint(times_issued(&s, cmd_tlbi_va(2, 0x1000 * i)), >=, 2);
    }
    s.host->refuses = NULL;
    fake_host_forget(s.host);
    expect_drains(&s);
    g_assert_cmpuint(times_issued(&s, cmd_atc_inv(FIRST_SID, 0x9000, 0)), ==,
                     1);
    scene_done(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cmdq/error/all-refused", test_all_refused);
    g_test_add_func("/cmdq/error/all-refused-behind-ste",
                    test_all_refused_behind_ste);
    g_test_add_func("/cmdq/error/all-swallowed-refused",
                    test_all_swallowed_refused);
    g_test_add_func("/cmdq/error/widened-refused", test_widened_refused);
    g_test_add_func("/cmdq/error/merged-refused", test_merged_refused);
    g_test_add_func("/cmdq/error/merged-blame", test_merged_blame);
    g_test_add_func("/cmdq/error/merged-blame-and-timeout",
                    test_merged_blame_and_timeout);
    g_test_add_func("/cmdq/repeat/twice", test_repeat);
    g_test_add_func("/cmdq/repeat/no-atc-inv", test_repeat_no_atc_inv);
    g_test_add_data_func("/cmdq/repeat/atc-not-reached/timeout",
                         GINT_TO_POINTER(ETIMEDOUT),
                         test_repeat_atc_not_reached);
    g_test_add_data_func("/cmdq/repeat/atc-not-reached/no-memory",
                         GINT_TO_POINTER(ENOMEM), test_repeat_atc_not_reached);
    g_test_add_func("/cmdq/repeat/refused", test_repeat_refused);
    return g_test_run();
}
