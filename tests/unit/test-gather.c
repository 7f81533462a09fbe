/*
 * TLBIs by address on their way into a window: those that are alike but for the
 * address, in order and not.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "commands.h"

/* As many as a queue of 16384 takes, page by page: one slice, one call. */
static void test_contiguous(void)
{
    Scene s;

    init_long_queue(&s);
    for (unsigned i = 0; i < 16383; i++) {
        queue_push(&s.queue, cmd_tlbi_va(1, 0x100000000 + 0x1000ULL * i));
    }
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    expect_drains(&s);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 1);
    /* A range for each granule that the guest was promised. */
    g_assert_cmpuint(s.host->issued->len, ==, 3);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    g_assert_cmpuint(smmuv3_engine_stats(s.engine)->forwarded, ==, 16383);
    g_assert_cmpuint(smmuv3_engine_stats(s.engine)->sent, ==, 3);
    scene_done(&s);
}

/* Nothing to merge: a call for each 4096, each in a slice of its own. */
static void test_scattered(void)
{
    SMMUv3CmdqResult r;
    unsigned calls = 0;
    Scene s;

    init_long_queue(&s);
    push_tlbis(&s, 0, 16383);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    do {
        r = queue_run(&s.queue, s.engine);
        g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE] - calls, <=, 1);
        calls = s.host->calls[FAKE_INVALIDATE];
    } while (r.status == SMMUV3_CMDQ_MORE);
    expect_drained(&s, r);
    g_assert_cmpuint(calls, ==, 4);
    expect_tlbis(&s, 0, 16383);
    scene_done(&s);
}

/*
 * Addresses behind a TLBI_NH_ALL are swallowed, however alike they are, and do
 * not come to stand beside what was gathered before it.
 */
static void test_alike_behind_all(void)
{
    SMMUv3Cmd all = cmd_raw(SMMUV3_CMD_TLBI_NH_ALL, 0);
    SMMUv3Cmd cd = cmd_cfgi_cd(FIRST_SID, 0);
    Scene s;

    cd.dw[1] |= 1;
    scene_init_translating(&s);
    queue_push(&s.queue, cd);
    queue_push(&s.queue, all);
    for (unsigned i = 0; i < 4; i++) {
        queue_push(&s.queue, cmd_tlbi_va(1, 0xa000 * (uint64_t)i));
    }
    expect_drains(&s);
    g_assert_cmpuint(s.host->issued->len, ==, 2);
    g_assert_true(is_issued(&s, cd));
    g_assert_true(is_issued(&s, all));
    scene_done(&s);
}

/* Out of order, and alike but for Leaf: each is sent, as it was written. */
static void test_alike_but(void)
{
    static const uint64_t dw1[] = {
        0x100000000, 0x100008000, 0x100004000, 0x10000c001, 0x100020001,
        0x100010000,
    };
    Scene s;

    scene_init_translating(&s);
    for (unsigned i = 0; i < G_N_ELEMENTS(dw1); i++) {
        queue_push(&s.queue, cmd_raw(cmd_tlbi_va(1, 0).dw[0], dw1[i]));
    }
    expect_drains(&s);
    g_assert_cmpuint(s.host->issued->len, ==, G_N_ELEMENTS(dw1));
    for (unsigned i = 0; i < G_N_ELEMENTS(dw1); i++) {
        g_assert_true(is_issued(&s, cmd_raw(cmd_tlbi_va(1, 0).dw[0],
                                            dw1[i])));
    }
    scene_done(&s);
}

/* With a granule it is a range, and one of no length is illegal (4.4.1.1). */
static void test_alike_but_granule(void)
{
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 0);
    queue_push(&s.queue, cmd_raw(cmd_tlbi_va(1, 0).dw[0], 0x100000000));
    queue_push(&s.queue, cmd_raw(cmd_tlbi_va(1, 0).dw[0],
                                 0x100008000 | 1 << 10));
    expect_stops(&s, 1, SMMUV3_CERROR_ILL);
    g_assert_cmpuint(s.host->issued->len, ==, 1);
    scene_done(&s);
}

/* Page by page, but not in order: as few commands as in order. */
static void test_alike_shuffled(void)
{
    Scene s;

    scene_init_translating(&s);
    for (unsigned i = 0; i < 16; i++) {
        queue_push(&s.queue, cmd_tlbi_va(1, 0x100000000 +
                                            0x1000ULL * (5 * i % 16)));
    }
    expect_drains(&s);
    g_assert_cmpuint(s.host->issued->len, ==, 3);
    scene_done(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cmdq/window/contiguous", test_contiguous);
    g_test_add_func("/cmdq/window/scattered", test_scattered);
    g_test_add_func("/cmdq/alike/behind-all", test_alike_behind_all);
    g_test_add_func("/cmdq/alike/but", test_alike_but);
    g_test_add_func("/cmdq/alike/but-granule", test_alike_but_granule);
    g_test_add_func("/cmdq/alike/shuffled", test_alike_shuffled);
    return g_test_run();
}
