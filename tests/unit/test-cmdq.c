/*
 * The command queue: where PROD and CONS stand, how commands are fetched, how
 * much a slice consumes, and where an error stops it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "commands.h"

static void test_empty(void)
{
    Scene s;

    scene_init_translating(&s);
    expect_drains(&s);
    g_assert_cmpuint(s.guest->reads, ==, 0);
    g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, 0);
    scene_done(&s);
}

/* CONS, PROD and their wrap bits. */

static void test_wrap(gconstpointer data)
{
    uint32_t start = GPOINTER_TO_UINT(data);
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, start);
    push_tlbis(&s, 0, 20);
    expect_drains(&s);
    g_assert_cmphex(s.queue.regs.cons, ==, (start + 20) & 0x1ff);
    expect_tlbis(&s, 0, 20);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 1);
    g_assert_cmpuint(s.guest->reads, <=, 2);
    scene_done(&s);
}

/* Full is not empty, wherever the indices stand. */
static void test_full(gconstpointer data)
{
    uint32_t start = GPOINTER_TO_UINT(data);
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, start);
    push_tlbis(&s, 0, 256);
    g_assert_cmphex(s.queue.regs.prod ^ s.queue.regs.cons, ==, 0x100);
    expect_drains(&s);
    expect_tlbis(&s, 0, 256);
    scene_done(&s);
}

/* A stop at each place around the wrap names exactly that place. */
static void test_wrap_error(void)
{
    Scene s;

    scene_init_translating(&s);
    for (unsigned bad = 0; bad < 12; bad++) {
        queue_seek(&s.queue, 0x1fa);
        fake_host_forget(s.host);
        push_tlbis(&s, 0, bad);
        queue_push(&s.queue, cmd_raw(0xff, 0));
        push_tlbis(&s, 100, 5);
        expect_stops(&s, (0x1fa + bad) & 0x1ff, SMMUV3_CERROR_ILL);
        expect_tlbis(&s, 0, bad);
    }
    scene_done(&s);
}

/* PROD claims 300 of 256. */
static void test_overfull(void)
{
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 0);
    push_tlbis(&s, 0, 256);
    s.queue.regs.prod = 300;
    expect_drains(&s);
    g_assert_cmpuint(s.host->issued->len, ==, 256);
    scene_done(&s);
}

/* Bits above the wrap bit are not part of the index. */
static void test_prod_garbage(void)
{
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 0);
    push_tlbis(&s, 0, 3);
    s.queue.regs.prod |= 0xfff00000;
    s.queue.regs.cons |= 0x01000000;
    g_assert_cmpint(queue_run(&s.queue, s.engine).status, ==,
                    SMMUV3_CMDQ_DRAINED);
    g_assert_cmphex(s.queue.regs.cons & 0x1ff, ==, 3);
    expect_tlbis(&s, 0, 3);
    scene_done(&s);
}

static void test_one_entry(void)
{
    Scene s;

    scene_init_translating(&s);
    queue_init(&s.queue, s.guest, CMDQ_ADDR, 0);
    for (unsigned i = 0; i < 5; i++) {
        push_tlbis(&s, i, 1);
        expect_drains(&s);
        g_assert_cmphex(s.queue.regs.cons, ==, (i + 1) & 1);
    }
    expect_tlbis(&s, 0, 5);
    scene_done(&s);
}

/* The base is aligned to the queue's size; RA, bit 62, is no address. */
static void test_alignment(void)
{
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 0);
    s.queue.regs.base |= 0xfe0 | SMMUV3_BIT(62);
    push_tlbis(&s, 0, 3);
    expect_drains(&s);
    expect_tlbis(&s, 0, 3);
    scene_done(&s);
}

/* LOG2SIZE beyond what any SMMU can announce: bounded, and no overflow. */
static void test_huge(void)
{
    SMMUv3CmdqRegs q = { .base = 31, .prod = 0xffffffff };
    Scene s;

    scene_init_translating(&s);
    for (unsigned i = 0; i < 1000; i++) {
        SMMUv3CmdqResult r = smmuv3_cmdq_run(s.engine, &q);

        g_assert_cmpint(r.status, ==, SMMUV3_CMDQ_STOPPED);
        g_assert_cmpint(r.cerror, ==, SMMUV3_CERROR_ABT);
    }
    scene_done(&s);
}

/* ---- Slices ---- */

/* Another context table after every look at the stream table. */
static void change_ste(Guest *g, uint64_t addr, size_t len)
{
    Scene *s = g->hook_data;

    if (len == 2 * sizeof(uint64_t) && addr >= STRTAB_ADDR &&
        addr < STRTAB_ADDR + 0x4000) {
        strtab_set(g, &s->regs, FIRST_SID, ste_s1(0x100000 + 64 * g->reads));
    }
}

/* Changing an attachment is slow in the kernel: fewer of those a slice. */
static void test_slice_of_changes(void)
{
    SMMUv3CmdqResult r;
    unsigned runs = 0;
    Scene s;

    scene_init_translating(&s);
    s.guest->hook_data = &s;
    s.guest->after_read = change_ste;
    for (unsigned i = 0; i < 100; i++) {
        queue_push(&s.queue, cmd_cfgi_ste(FIRST_SID));
    }
    change_ste(s.guest, STRTAB_ADDR, 2 * sizeof(uint64_t));
    r = queue_run(&s.queue, s.engine);
    g_assert_cmpint(r.status, ==, SMMUV3_CMDQ_MORE);
    g_assert_cmpuint(queue_pending(&s.queue), ==, 100 - 64);
    while (r.status == SMMUV3_CMDQ_MORE) {
        r = queue_run(&s.queue, s.engine);
        g_assert_cmpuint(++runs, <=, 2);
    }
    g_assert_cmpint(r.status, ==, SMMUV3_CMDQ_DRAINED);
    g_assert_cmpuint(queue_pending(&s.queue), ==, 0);
    scene_done(&s);
}

static void test_slices(void)
{
    const unsigned n = 10000;
    SMMUv3CmdqResult r;
    unsigned runs = 0;
    uint32_t before;
    Scene s;

    scene_init_translating(&s);
    queue_init(&s.queue, s.guest, CMDQ_ADDR, 14);
    queue_seek(&s.queue, 9000);
    push_tlbis(&s, 0, n);
    do {
        before = queue_pending(&s.queue);
        r = queue_run(&s.queue, s.engine);
        g_assert_cmpuint(before - queue_pending(&s.queue), <=, 4096);
        g_assert_cmpuint(before, >, queue_pending(&s.queue));
        g_assert_cmpint(r.status, ==, queue_pending(&s.queue)
                        ? SMMUV3_CMDQ_MORE : SMMUV3_CMDQ_DRAINED);
        g_assert_cmpuint(++runs, <=, 3);
    } while (r.status == SMMUV3_CMDQ_MORE);
    g_assert_cmpuint(runs, ==, 3);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 3);
    expect_tlbis(&s, 0, n);
    g_assert_cmpuint(smmuv3_engine_stats(s.engine)->forwarded, ==, n);
    scene_done(&s);
}

/* What a slice may look at in guest memory is bounded, too. */
static void test_slice_of_lookups(void)
{
    unsigned reads, runs = 0;
    Scene s;

    init_long_queue(&s);
    for (unsigned i = 0; i < 16384; i++) {
        queue_push(&s.queue, cmd_cfgi_ste(FIRST_SID));
    }
    do {
        reads = s.guest->reads;
        g_assert_cmpint(queue_run(&s.queue, s.engine).status, !=,
                        SMMUV3_CMDQ_STOPPED);
        g_assert_cmpuint(s.guest->reads - reads, <=, 520);
        /* The CDs of the one stream, once a slice. */
        g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, ++runs);
        g_assert_cmpuint(s.host->issued->len, ==, runs);
    } while (queue_pending(&s.queue));
    scene_done(&s);
}

/* A slice of commands that cost nothing is as long as it can be. */
static void test_slice_of_syncs(void)
{
    Scene s;

    init_long_queue(&s);
    for (unsigned i = 0; i < 16384; i++) {
        queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    }
    expect_drains(&s);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    scene_done(&s);
}

/* Guest memory. */

static void spoil_queue(Guest *g, uint64_t addr, size_t len)
{
    if (addr >= CMDQ_ADDR && addr < CMDQ_ADDR + 0x1000) {
        memset(guest_at(g, addr, len), 0xff, len);
    }
}

static void test_copy_once(void)
{
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 200);
    push_tlbis(&s, 0, 100);
    s.guest->after_read = spoil_queue;
    expect_drains(&s);
    expect_tlbis(&s, 0, 100);
    scene_done(&s);
}

static void test_unreadable(gconstpointer data)
{
    uint32_t bad = GPOINTER_TO_UINT(data);
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 250);
    push_tlbis(&s, 0, 10);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    guest_hole(s.guest, CMDQ_ADDR + 16 * ((250 + bad) & 0xff), 16);
    expect_stops(&s, (250 + bad) & 0x1ff, SMMUV3_CERROR_ABT);
    expect_tlbis(&s, 0, bad);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 0);
    guest_no_holes(s.guest);
    expect_drains(&s);
    expect_tlbis(&s, 0, 10);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    scene_done(&s);
}

/* Before an error everything is done, behind it nothing; then it resumes. */
static void test_error_in_the_middle(void)
{
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 0);
    push_tlbis(&s, 0, 10);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    queue_push(&s.queue, cmd_raw(SMMUV3_CMD_TLBI_S2_IPA, 0));
    strtab_set(s.guest, &s.regs, FIRST_SID,
               ste_config(SMMUV3_STE_CONFIG_BYPASS));
    queue_push(&s.queue, cmd_cfgi_ste(FIRST_SID));
    push_tlbis(&s, 10, 10);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    expect_stops(&s, 11, SMMUV3_CERROR_ILL);
    expect_tlbis(&s, 0, 10);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    /* Not fixed: it stops again at the same place. */
    expect_stops(&s, 11, SMMUV3_CERROR_ILL);
    expect_tlbis(&s, 0, 10);
    queue_patch(&s.queue, 0, cmd_sync(SMMUV3_SYNC_NONE));
    expect_drains(&s);
    expect_tlbis(&s, 0, 20);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 2);
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_BYPASS);
    scene_done(&s);
}

static void add_numbers(const char *what, GTestDataFunc func,
                        const unsigned *numbers, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf("/cmdq/%s/%u", what,
                                                numbers[i]);

        g_test_add_data_func(path, GUINT_TO_POINTER(numbers[i]), func);
    }
}

int main(int argc, char **argv)
{
    static const unsigned wraps[] = { 0, 236, 240, 255, 256, 492, 500, 511 };
    static const unsigned bad[] = { 0, 1, 5, 6, 9, 10 };

    g_test_init(&argc, &argv, NULL);
    add_numbers("wrap", test_wrap, wraps, G_N_ELEMENTS(wraps));
    add_numbers("full", test_full, wraps, G_N_ELEMENTS(wraps));
    add_numbers("unreadable", test_unreadable, bad, G_N_ELEMENTS(bad));
    g_test_add_func("/cmdq/window/empty", test_empty);
    g_test_add_func("/cmdq/window/slices", test_slices);
    g_test_add_func("/cmdq/window/slice-of-changes", test_slice_of_changes);
    g_test_add_func("/cmdq/window/slice-of-lookups", test_slice_of_lookups);
    g_test_add_func("/cmdq/window/slice-of-syncs", test_slice_of_syncs);
    g_test_add_func("/cmdq/window/copy-once", test_copy_once);
    g_test_add_func("/cmdq/index/wrap-error", test_wrap_error);
    g_test_add_func("/cmdq/index/overfull", test_overfull);
    g_test_add_func("/cmdq/index/garbage", test_prod_garbage);
    g_test_add_func("/cmdq/index/one-entry", test_one_entry);
    g_test_add_func("/cmdq/index/alignment", test_alignment);
    g_test_add_func("/cmdq/index/huge", test_huge);
    g_test_add_func("/cmdq/error/middle", test_error_in_the_middle);
    return g_test_run();
}
