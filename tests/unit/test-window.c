/*
 * A window of commands on its way: which calls it takes, and when what is done
 * is told and signalled.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>

#include "commands.h"

/* SYNC. */

static void test_sync_irq(void)
{
    Scene s;

    scene_init_translating(&s);
    scene_command(&s, cmd_sync(SMMUV3_SYNC_NONE));
    scene_command(&s, cmd_sync(SMMUV3_SYNC_SEV));
    g_assert_cmpuint(s.guest->sync_irqs, ==, 0);
    scene_command(&s, cmd_sync(SMMUV3_SYNC_IRQ));
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    scene_command(&s, cmd_sync(SMMUV3_SYNC_RESERVED));
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    scene_done(&s);
}

static void expect_issued_before_irq(Guest *g)
{
    Scene *s = g->hook_data;

    g_assert_cmpuint(s->host->issued->len, >=, 40);
}

static void test_sync_after_work(void)
{
    Scene s;

    scene_init_translating(&s);
    s.guest->on_sync_irq = expect_issued_before_irq;
    s.guest->hook_data = &s;
    push_tlbis(&s, 0, 40);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    expect_drains(&s);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    scene_done(&s);
}

/* What a VMM with caches of its own is told. */

static void expect_in_order(Guest *g, const SMMUv3Cmd *cmds, uint32_t n)
{
    Scene *s = g->hook_data;
    unsigned first = g->consumed - n;

    g_assert_cmpuint(n, >, 0);
    for (uint32_t i = 0; i < n && first + i < 40; i++) {
        SMMUv3Cmd cmd = nth_tlbi(first + i);

        g_assert_cmpmem(&cmds[i], sizeof(cmd), &cmd, sizeof(cmd));
    }
    g_assert_cmpuint(s->host->issued->len, >=, MIN(g->consumed, 40));
    g_assert_cmpuint(g->sync_irqs, ==, 0);
}

static void expect_told(Guest *g)
{
    g_assert_cmpuint(g->consumed, ==, 43);
}

/* After the host, before the guest; a changed STE makes two stretches. */
static void test_consumed(void)
{
    Scene s;

    scene_init_translating(&s);
    s.guest->consumed = 0;
    s.guest->on_consumed = expect_in_order;
    s.guest->on_sync_irq = expect_told;
    s.guest->hook_data = &s;
    push_tlbis(&s, 0, 40);
    strtab_set(s.guest, &s.regs, FIRST_SID, ste_invalid());
    queue_push(&s.queue, cmd_cfgi_ste(FIRST_SID));
    queue_push(&s.queue, cmd_cfgi_ste(0x77));
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    expect_drains(&s);
    g_assert_cmpuint(s.guest->consumed, ==, 43);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    scene_done(&s);
}

/* Neither the illegal command nor what follows, until it is replaced. */
static void test_consumed_illegal(void)
{
    Scene s;

    scene_init_translating(&s);
    s.guest->consumed = 0;
    push_tlbis(&s, 0, 3);
    queue_push(&s.queue, cmd_raw(SMMUV3_CMD_TLBI_EL3_ALL, 0));
    push_tlbis(&s, 3, 2);
    queue_run(&s.queue, s.engine);
    g_assert_cmpuint(s.guest->consumed, ==, 3);
    queue_patch(&s.queue, 0, nth_tlbi(9));
    expect_drains(&s);
    g_assert_cmpuint(s.guest->consumed, ==, 6);
    scene_done(&s);
}

/* Without a device the host has nothing to do; the VMM may have. */
static void test_consumed_no_device(void)
{
    Scene s;

    scene_init(&s);
    scene_enable(&s);
    s.guest->consumed = 0;
    push_tlbis(&s, 0, 5);
    expect_drains(&s);
    g_assert_cmpuint(s.guest->consumed, ==, 5);
    scene_done(&s);
}

/* Windows. */

static void test_one_window(void)
{
    const SMMUv3EngineStats *stats;
    Scene s;

    scene_init_translating(&s);
    stats = smmuv3_engine_stats(s.engine);
    queue_seek(&s.queue, 0);
    push_tlbis(&s, 0, 255);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    g_assert_cmpuint(stats->forwarded, ==, 0);
    expect_drains(&s);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 1);
    g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, 1);
    g_assert_cmpuint(s.guest->reads, ==, 1);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    expect_tlbis(&s, 0, 255);
    g_assert_cmpuint(stats->forwarded, ==, 255);
    g_assert_cmpuint(stats->calls[SMMUV3_CALL_INVALIDATE], ==, 1);
    g_assert_cmpuint(stats->windows_forwarding, ==, 1);
    scene_done(&s);
}

static void test_syncs_inside(void)
{
    Scene s;

    scene_init_translating(&s);
    for (unsigned i = 0; i < 60; i++) {
        push_tlbis(&s, i, 1);
        queue_push(&s.queue, cmd_sync(i % 3));
    }
    expect_drains(&s);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 1);
    expect_tlbis(&s, 0, 60);
    g_assert_cmpuint(s.guest->sync_irqs, >=, 1);
    scene_done(&s);
}

/*
 * A CMD_SYNC is completed before a command of a later class (4.7.3, 4.8); of
 * one class it costs nothing. The letters: letter_cmd().
 */
static const struct {
    const char *name, *window;
    unsigned calls;
} class_cases[] = {
    { "cd, tlbi", "C,L,", 2 },
    { "cd all, tlbi", "D,L,", 2 },
    { "ste, tlbi", "S,L,", 2 },
    { "cd, tables", "C,W,", 2 },
    { "cd, asid", "C,A,", 2 },
    { "cd, atc", "C,T,", 2 },
    { "tlbi, atc", "L,T,", 2 },
    { "tables, atc", "W,T,", 2 },
    { "tables, leaves", "W,L,", 2 },
    { "asid, leaves", "A,L,", 2 },
    { "all, leaves", "N,L,", 2 },
    { "all four", "C,W,L,T,", 4 },
    { "all four twice", "C,W,L,T,C,W,L,T,", 7 },
    { "not synced", "CWLT,", 1 },
    { "synced before", ",,CWLT", 1 },
    { "synced behind all", "CWLT,,", 1 },
    { "synced once", "CC,CC,L", 2 },
    { "synced late", "CL,L", 2 },
    { "one class: cds", "C,D,S,C,", 1 },
    { "one class: tables", "W,A,N,W,", 1 },
    { "one class: leaves", "L,L,L,L,", 1 },
    { "one class: atcs", "T,T,T,T,", 1 },
    { "earlier classes", "T,L,W,C,", 1 },
    { "earlier, then later", "L,C,L,", 2 },
    { "of no device", "F,L,", 1 },
    { "prefetch", "P,L,", 1 },
};

static SMMUv3Cmd letter_cmd(char letter, unsigned i)
{
    SMMUv3Cmd cmd = nth_tlbi(i);

    switch (letter) {
    case 'C': return cmd_cfgi_cd(FIRST_SID, i);
    case 'D': return cd_all(0);
    case 'F': return cmd_cfgi_cd(0x77, 0);
    case 'S': return cmd_cfgi_ste(FIRST_SID);
    case 'W': return cmd_raw(cmd.dw[0], nth_va(i));
    case 'A': return cmd_raw(SMMUV3_CMD_TLBI_NH_ASID, 0);
    case 'N': return cmd_raw(SMMUV3_CMD_TLBI_NH_ALL, 0);
    case 'L': return cmd;
    case 'T': return cmd_atc_inv(FIRST_SID, nth_va(i), 0);
    case 'P': return cmd_raw(SMMUV3_CMD_PREFETCH_CONFIG |
                              SMMUV3_PREP(SMMUV3_CMD0_SID, FIRST_SID), 0);
    case ',': return cmd_sync(SMMUV3_SYNC_NONE);
    default: g_assert_not_reached();
    }
}

static void push_letters(Scene *s, const char *window)
{
    for (unsigned i = 0; window[i]; i++) {
        queue_push(&s->queue, letter_cmd(window[i], i));
    }
}

static void test_classes(gconstpointer data)
{
    unsigned n = GPOINTER_TO_UINT(data);
    Scene s;

    scene_init_translating(&s);
    push_letters(&s, class_cases[n].window);
    expect_drains(&s);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==,
                     class_cases[n].calls);
    g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, class_cases[n].calls);
    scene_done(&s);
}

/* A guest that alternates has its calls bounded as everything else. */
static void test_slice_of_classes(void)
{
    SMMUv3CmdqResult r;
    unsigned calls = 0;
    Scene s;

    scene_init_translating(&s);
    queue_init(&s.queue, s.guest, CMDQ_ADDR, 13);
    for (unsigned i = 0; i < 2000; i++) {
        push_letters(&s, "C,L,");
    }
    do {
        r = queue_run(&s.queue, s.engine);
        g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE] - calls, <=, 512);
        calls = s.host->calls[FAKE_INVALIDATE];
    } while (r.status == SMMUV3_CMDQ_MORE);
    expect_drained(&s, r);
    scene_done(&s);
}

/* The CMD_SYNC that is completed in the middle is signalled there. */
static void expect_first_call_only(Guest *g)
{
    Scene *s = g->hook_data;

    g_assert_cmpuint(s->host->calls[FAKE_INVALIDATE], ==, g->sync_irqs);
}

static void test_classes_signalled(void)
{
    Scene s;

    scene_init_translating(&s);
    s.guest->on_sync_irq = expect_first_call_only;
    s.guest->hook_data = &s;
    queue_push(&s.queue, cmd_cfgi_cd(FIRST_SID, 0));
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    push_tlbis(&s, 0, 3);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    expect_drains(&s);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 2);
    scene_done(&s);
}

/* What the host fails before the CMD_SYNC leaves the rest undone. */
static void test_classes_fail(void)
{
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 0);
    push_letters(&s, "C,");
    push_tlbis(&s, 0, 3);
    fake_host_fail_nth(s.host, FAKE_INVALIDATE, 1, EIO);
    expect_stops(&s, 0, SMMUV3_CERROR_ILL);
    g_assert_cmpuint(s.host->issued->len, ==, 0);
    expect_drains(&s);
    g_assert_cmpuint(s.host->issued->len, ==, 4);
    scene_done(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(class_cases); i++) {
        g_autofree char *path = g_strdup_printf("/cmdq/class/%s",
                                                class_cases[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_classes);
    }
    g_test_add_func("/cmdq/sync/irq", test_sync_irq);
    g_test_add_func("/cmdq/sync/after-work", test_sync_after_work);
    g_test_add_func("/cmdq/consumed/order", test_consumed);
    g_test_add_func("/cmdq/consumed/illegal", test_consumed_illegal);
    g_test_add_func("/cmdq/consumed/no-device", test_consumed_no_device);
    g_test_add_func("/cmdq/window/one", test_one_window);
    g_test_add_func("/cmdq/window/syncs-inside", test_syncs_inside);
    g_test_add_func("/cmdq/window/slice-of-classes", test_slice_of_classes);
    g_test_add_func("/cmdq/class/signalled", test_classes_signalled);
    g_test_add_func("/cmdq/class/fail", test_classes_fail);
    return g_test_run();
}
