/*
 * The command queue: what each command does, how windows are formed, where
 * CONS stands, and what becomes of the kernel's errors.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>

#include "scene.h"

/* No two of these are neighbours, so no two could become one range. */
static uint64_t nth_va(unsigned i)
{
    return 0x100000000 + 0x7000 * (uint64_t)i;
}

static SMMUv3Cmd nth_tlbi(unsigned i)
{
    return cmd_tlbi_va(1, nth_va(i));
}

static SMMUv3Cmd cd_all(unsigned device)
{
    return cmd_raw(SMMUV3_CMD_CFGI_CD_ALL |
                   SMMUV3_PREP(SMMUV3_CMD0_SID, FIRST_SID + device), 0);
}

static void push_tlbis(Scene *s, unsigned first, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        queue_push(&s->queue, nth_tlbi(first + i));
    }
}

static bool is_issued(const Scene *s, SMMUv3Cmd cmd)
{
    for (guint i = 0; i < s->host->issued->len; i++) {
        if (!memcmp(fake_issued(s->host, i), &cmd, sizeof(cmd))) {
            return true;
        }
    }
    return false;
}

/* The issued commands are nth_tlbi(first), nth_tlbi(first + 1), ... */
static void expect_tlbis(const Scene *s, unsigned first, unsigned n)
{
    g_assert_cmpuint(s->host->issued->len, ==, n);
    for (unsigned i = 0; i < n; i++) {
        SMMUv3Cmd cmd = nth_tlbi(first + i);

        g_assert_cmpmem(fake_issued(s->host, i), sizeof(cmd),
                        &cmd, sizeof(cmd));
    }
}

static void expect_drained(Scene *s, SMMUv3CmdqResult r)
{
    g_assert_cmpint(r.status, ==, SMMUV3_CMDQ_DRAINED);
    g_assert_cmpint(r.cerror, ==, SMMUV3_CERROR_NONE);
    g_assert_cmphex(s->queue.regs.cons, ==, s->queue.regs.prod);
}

static void expect_stopped(Scene *s, SMMUv3CmdqResult r, uint32_t cons,
                           SMMUv3CmdError cerror)
{
    g_assert_cmpint(r.status, ==, SMMUV3_CMDQ_STOPPED);
    g_assert_cmpint(r.cerror, ==, cerror);
    g_assert_cmphex(s->queue.regs.cons, ==, cons);
}

static void expect_drains(Scene *s)
{
    expect_drained(s, queue_run(&s->queue, s->engine));
}

static void expect_stops(Scene *s, uint32_t cons, SMMUv3CmdError cerror)
{
    expect_stopped(s, queue_run(&s->queue, s->engine), cons, cerror);
}

/* The table of DESIGN.md, "The command pass", as data. */

typedef enum Fate {
    NOTHING,
    FORWARDED,
    DROPS_CDS,                  /* of the one translating stream */
    ILLEGAL,
} Fate;

enum { NO_ATS = 1, SMMU_OFF = 2, NO_DEVICE = 4 };

typedef struct Row {
    const char *name;
    uint64_t dw[2];
    unsigned scene;
    Fate fate;
} Row;

#define SID SMMUV3_PREP(SMMUV3_CMD0_SID, FIRST_SID)
#define OTHER SMMUV3_PREP(SMMUV3_CMD0_SID, 0x77)
#define SSEC SMMUV3_CMD0_SSEC
#define CS(n) SMMUV3_PREP(SMMUV3_SYNC0_CS, n)

static const Row rows[] = {
    { "CFGI_STE", { SMMUV3_CMD_CFGI_STE | SID, 1 }, 0, DROPS_CDS },
    { "CFGI_STE Leaf=0", { SMMUV3_CMD_CFGI_STE | SID, 0 }, 0, DROPS_CDS },
    { "CFGI_STE, SMMUEN=0", { SMMUV3_CMD_CFGI_STE | SID, 1 }, SMMU_OFF,
      NOTHING },
    { "CFGI_STE, no device", { SMMUV3_CMD_CFGI_STE | SID, 1 }, NO_DEVICE,
      NOTHING },
    { "CFGI_STE other", { SMMUV3_CMD_CFGI_STE | OTHER, 0 }, 0, NOTHING },
    { "CFGI_STE SSec", { SMMUV3_CMD_CFGI_STE | SID | SSEC, 1 }, 0, ILLEGAL },
    { "CFGI_STE_RANGE", { SMMUV3_CMD_CFGI_STE_RANGE | SID, 3 }, 0,
      DROPS_CDS },
    { "CFGI_STE_RANGE other", { SMMUV3_CMD_CFGI_STE_RANGE | OTHER, 3 }, 0,
      NOTHING },
    { "CFGI_ALL", { SMMUV3_CMD_CFGI_STE_RANGE, 31 }, 0, DROPS_CDS },
    { "CFGI_ALL SSec", { SMMUV3_CMD_CFGI_STE_RANGE | SSEC, 31 }, 0, ILLEGAL },
    { "CFGI_CD", { SMMUV3_CMD_CFGI_CD | SID, 1 }, 0, FORWARDED },
    { "CFGI_CD other", { SMMUV3_CMD_CFGI_CD | OTHER, 1 }, 0, NOTHING },
    { "CFGI_CD SSec", { SMMUV3_CMD_CFGI_CD | SID | SSEC, 1 }, 0, ILLEGAL },
    { "CFGI_CD_ALL", { SMMUV3_CMD_CFGI_CD_ALL | SID, 0 }, 0, FORWARDED },
    { "CFGI_CD_ALL other", { SMMUV3_CMD_CFGI_CD_ALL | OTHER, 0 }, 0,
      NOTHING },
    { "CFGI_CD_ALL SSec", { SMMUV3_CMD_CFGI_CD_ALL | SID | SSEC, 0 }, 0,
      ILLEGAL },
    { "PREFETCH_CONFIG", { SMMUV3_CMD_PREFETCH_CONFIG | SID, 0 }, 0,
      NOTHING },
    { "PREFETCH_CONFIG SSec", { SMMUV3_CMD_PREFETCH_CONFIG | SSEC, 0 }, 0,
      ILLEGAL },
    { "PREFETCH_ADDR", { SMMUV3_CMD_PREFETCH_ADDR | SID, 0 }, 0, NOTHING },
    { "PREFETCH_ADDR SSec", { SMMUV3_CMD_PREFETCH_ADDR | SSEC, 0 }, 0,
      ILLEGAL },
    { "TLBI_NH_ALL", { SMMUV3_CMD_TLBI_NH_ALL, 0 }, 0, FORWARDED },
    { "TLBI_NH_ASID", { SMMUV3_CMD_TLBI_NH_ASID, 0 }, 0, FORWARDED },
    { "TLBI_NH_VA", { SMMUV3_CMD_TLBI_NH_VA, 0x1000 }, 0, FORWARDED },
    { "TLBI_NH_VAA", { SMMUV3_CMD_TLBI_NH_VAA, 0x1000 }, 0, FORWARDED },
    { "TLBI_NH_VA range", { SMMUV3_CMD_TLBI_NH_VA | 1 << 12, 1 << 10 }, 0,
      FORWARDED },
    { "TLBI_NH_VA level", { SMMUV3_CMD_TLBI_NH_VA, 1 << 10 | 3 << 8 }, 0,
      FORWARDED },
    { "TLBI_NH_VA granule", { SMMUV3_CMD_TLBI_NH_VA, 1 << 10 }, 0, ILLEGAL },
    { "TLBI_NH_VAA granule", { SMMUV3_CMD_TLBI_NH_VAA, 3 << 10 }, 0,
      ILLEGAL },
    { "TLBI_NH_VA 16K level 1", { SMMUV3_CMD_TLBI_NH_VA, 2 << 10 | 1 << 8 }, 0,
      ILLEGAL },
    { "TLBI_NH_VA granule, no device",
      { SMMUV3_CMD_TLBI_NH_VA, 1 << 10 }, NO_DEVICE, ILLEGAL },
    { "TLBI_NSNH_ALL", { SMMUV3_CMD_TLBI_NSNH_ALL, 0 }, 0, FORWARDED },
    { "TLBI, SMMUEN=0", { SMMUV3_CMD_TLBI_NSNH_ALL, 0 }, SMMU_OFF,
      FORWARDED },
    { "TLBI, no device", { SMMUV3_CMD_TLBI_NSNH_ALL, 0 }, NO_DEVICE,
      NOTHING },
    { "CFGI_CD, no device", { SMMUV3_CMD_CFGI_CD | SID, 0 }, NO_DEVICE,
      NOTHING },
    { "TLBI_S12_VMALL", { SMMUV3_CMD_TLBI_S12_VMALL, 0 }, 0, ILLEGAL },
    { "TLBI_S2_IPA", { SMMUV3_CMD_TLBI_S2_IPA, 0 }, 0, ILLEGAL },
    { "TLBI_EL2_ALL", { SMMUV3_CMD_TLBI_EL2_ALL, 0 }, 0, ILLEGAL },
    { "TLBI_EL2_ASID", { SMMUV3_CMD_TLBI_EL2_ASID, 0 }, 0, ILLEGAL },
    { "TLBI_EL2_VA", { SMMUV3_CMD_TLBI_EL2_VA, 0 }, 0, ILLEGAL },
    { "TLBI_EL2_VAA", { SMMUV3_CMD_TLBI_EL2_VAA, 0 }, 0, ILLEGAL },
    { "TLBI_EL3_ALL", { SMMUV3_CMD_TLBI_EL3_ALL, 0 }, 0, ILLEGAL },
    { "TLBI_EL3_VA", { SMMUV3_CMD_TLBI_EL3_VA, 0 }, 0, ILLEGAL },
    { "ATC_INV", { SMMUV3_CMD_ATC_INV | SID, 52 }, 0, FORWARDED },
    { "ATC_INV other", { SMMUV3_CMD_ATC_INV | OTHER, 52 }, 0, NOTHING },
    { "ATC_INV, no ATS", { SMMUV3_CMD_ATC_INV | SID, 52 }, NO_ATS, ILLEGAL },
    { "ATC_INV other, no ATS", { SMMUV3_CMD_ATC_INV | OTHER, 52 }, NO_ATS,
      ILLEGAL },
    { "ATC_INV, SMMUEN=0", { SMMUV3_CMD_ATC_INV | SID, 52 }, SMMU_OFF,
      NOTHING },
    { "ATC_INV, both", { SMMUV3_CMD_ATC_INV | SID, 52 }, SMMU_OFF | NO_ATS,
      ILLEGAL },
    { "PRI_RESP", { SMMUV3_CMD_PRI_RESP | SID, 0 }, 0, ILLEGAL },
    { "RESUME", { SMMUV3_CMD_RESUME | SID, 0 }, 0, ILLEGAL },
    { "STALL_TERM", { SMMUV3_CMD_STALL_TERM | SID, 0 }, 0, ILLEGAL },
    { "SYNC", { SMMUV3_CMD_SYNC | CS(0), 0 }, 0, NOTHING },
    { "SYNC SIG_IRQ", { SMMUV3_CMD_SYNC | CS(1), 0 }, 0, NOTHING },
    { "SYNC SIG_SEV", { SMMUV3_CMD_SYNC | CS(2), 0 }, 0, NOTHING },
    { "SYNC reserved CS", { SMMUV3_CMD_SYNC | CS(3), 0 }, 0, ILLEGAL },
};

static void row_scene(Scene *s, unsigned what)
{
    scene_init_translating(s);
    if (what & NO_ATS) {
        uint32_t idr[6];

        memcpy(idr, guest_idr, sizeof(idr));
        idr[0] &= ~(uint32_t)SMMUV3_IDR0_ATS;
        smmuv3_features_set(s->engine, idr);
    }
    if (what & SMMU_OFF) {
        scene_disable(s);
    }
    if (what & NO_DEVICE) {
        scene_remove(s, 0);
    }
    fake_host_forget(s->host);
    queue_seek(&s->queue, 0);
}

static void expect_one_issued(const Scene *s, uint64_t dw0, uint64_t dw1)
{
    g_assert_cmpuint(s->host->calls[FAKE_CALLS], ==, 1);
    g_assert_cmpuint(s->host->issued->len, ==, 1);
    g_assert_cmphex(fake_issued(s->host, 0)->dw[0], ==, dw0);
    g_assert_cmphex(fake_issued(s->host, 0)->dw[1], ==, dw1);
}

static void test_row(gconstpointer data)
{
    const Row *row = data;
    Scene s;

    row_scene(&s, row->scene);
    queue_push(&s.queue, cmd_raw(row->dw[0], row->dw[1]));
    if (row->fate == ILLEGAL) {
        expect_stops(&s, 0, SMMUV3_CERROR_ILL);
        g_assert_cmpuint(smmuv3_engine_stats(s.engine)->errors[1], ==, 1);
    } else {
        expect_drains(&s);
    }
    if (row->fate == FORWARDED) {
        expect_one_issued(&s, row->dw[0], row->dw[1]);
    } else if (row->fate == DROPS_CDS) {
        expect_one_issued(&s, SMMUV3_CMD_CFGI_CD_ALL | SID, 0);
    } else {
        g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, 0);
    }
    scene_done(&s);
}

/* What has no row that is legal is illegal: all 256. */
static void test_all_opcodes(void)
{
    bool legal[256] = { false };
    Scene s;

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        legal[rows[i].dw[0] & 0xff] |= rows[i].fate != ILLEGAL;
    }
    scene_init_translating(&s);
    for (unsigned op = 0; op < 256; op++) {
        SMMUv3CmdqResult r;

        queue_seek(&s.queue, 5);
        r = scene_command(&s, cmd_raw(op | SID, 0));
        if (legal[op]) {
            expect_drained(&s, r);
        } else {
            expect_stopped(&s, r, 5, SMMUV3_CERROR_ILL);
        }
    }
    scene_done(&s);
}

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
    case 'P': return cmd_raw(SMMUV3_CMD_PREFETCH_CONFIG | SID, 0);
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

static void test_empty(void)
{
    Scene s;

    scene_init_translating(&s);
    expect_drains(&s);
    g_assert_cmpuint(s.guest->reads, ==, 0);
    g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, 0);
    scene_done(&s);
}

/* What changes an attachment splits; what changes nothing does not. */
static void test_cfgi_splits(void)
{
    const FakeRecord *r;
    Scene s;

    scene_init_translating(&s);
    strtab_set(s.guest, &s.regs, FIRST_SID, ste_s1(CONTEXT_PTR + 0x1000));
    push_tlbis(&s, 0, 2);
    queue_push(&s.queue, cmd_cfgi_ste(FIRST_SID));
    push_tlbis(&s, 2, 3);
    expect_drains(&s);
    expect_tlbis(&s, 0, 5);
    g_assert_cmpuint(s.host->journal->len, ==, 4);
    r = &g_array_index(s.host->journal, FakeRecord, 0);
    g_assert_cmpint(r[0].call, ==, FAKE_INVALIDATE);
    g_assert_cmpuint(r[0].n, ==, 2);
    g_assert_cmpint(r[1].call, ==, FAKE_HWPT_ALLOC);
    g_assert_cmpint(r[2].call, ==, FAKE_ATTACH);
    g_assert_cmpint(r[3].call, ==, FAKE_INVALIDATE);
    g_assert_cmpuint(r[3].n, ==, 3);
    scene_done(&s);
}

/* The CDs of its stream go, once, with what is forwarded anyway. */
static void test_cfgi_unchanged(void)
{
    const SMMUv3EngineStats *stats;
    Scene s;

    scene_init_translating(&s);
    stats = smmuv3_engine_stats(s.engine);
    push_tlbis(&s, 0, 2);
    queue_push(&s.queue, cmd_cfgi_ste(FIRST_SID));
    queue_push(&s.queue, cmd_cfgi_range(0, 31));
    queue_push(&s.queue, cmd_cfgi_ste(0x77));
    push_tlbis(&s, 2, 3);
    expect_drains(&s);
    g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, 1);
    g_assert_cmpuint(s.host->issued->len, ==, 6);
    g_assert_true(is_issued(&s, cd_all(0)));
    for (unsigned i = 0; i < 5; i++) {
        g_assert_true(is_issued(&s, nth_tlbi(i)));
    }
    g_assert_cmpuint(stats->forwarded, ==, 7);
    g_assert_cmpuint(stats->coalesced, ==, 1);
    scene_done(&s);
}

/* Those that translate, and those only. */
static void test_cfgi_all_unchanged(void)
{
    Scene s;

    scene_init_translating(&s);
    scene_add(&s, 1);
    scene_add(&s, 2);
    scene_install(&s, 1, ste_config(SMMUV3_STE_CONFIG_BYPASS));
    scene_install(&s, 2, ste_s1(CONTEXT_PTR + 0x1000));
    fake_host_forget(s.host);
    expect_drained(&s, scene_command(&s, cmd_cfgi_range(0, 31)));
    g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, 1);
    g_assert_cmpuint(s.host->issued->len, ==, 2);
    g_assert_true(is_issued(&s, cd_all(0)));
    g_assert_true(is_issued(&s, cd_all(2)));
    scene_done(&s);
}

/* EATS of a device without ATS is not in its STE: the kernel writes nothing. */
static void test_cfgi_unseen(void)
{
    SMMUv3Ste ste = ste_s1(CONTEXT_PTR);
    Scene s;

    scene_init(&s);
    s.dev[0]->no_ats = true;
    scene_add(&s, 0);
    scene_enable(&s);
    scene_install(&s, 0, ste);
    ste.dw[1] |= SMMUV3_PREP(SMMUV3_STE1_EATS, SMMUV3_STE_EATS_FULL);
    fake_host_forget(s.host);
    scene_install(&s, 0, ste);
    g_assert_true(is_issued(&s, cd_all(0)));

    /* This one it writes, and that drops the CDs. */
    fake_host_forget(s.host);
    scene_install(&s, 0, ste_s1(CONTEXT_PTR + 0x1000));
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 0);
    g_assert_cmpuint(s.host->reached->len, ==, 1);
    scene_done(&s);
}

/* Refused alone, it is the CFGI_STE that is named. */
static void test_cfgi_refused(void)
{
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 0);
    scene_add(&s, 1);
    scene_install(&s, 1, ste_s1(CONTEXT_PTR));
    queue_seek(&s.queue, 0);
    push_tlbis(&s, 0, 2);
    queue_push(&s.queue, cmd_cfgi_range(0, 31));
    push_tlbis(&s, 2, 2);
    fake_host_refuse(s.host, 0);
    expect_stops(&s, 2, SMMUV3_CERROR_ILL);
    g_assert_true(is_issued(&s, nth_tlbi(1)));
    fake_host_accept(s.host);
    expect_drains(&s);
    g_assert_true(is_issued(&s, cd_all(1)));
    g_assert_true(is_issued(&s, nth_tlbi(3)));
    scene_done(&s);
}

/* An STE's content is no command error: the queue goes on (4.3.1). */
static void test_bad_ste(void)
{
    static const unsigned bad[] = { SMMUV3_STE_CONFIG_S2,
                                    SMMUV3_STE_CONFIG_NESTED };
    Scene s;

    scene_init_translating(&s);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        scene_install(&s, 0, ste_config(bad[i]));
        g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_ABORT);
        g_assert_cmpint(scene_event(&s, 0), ==,
                        SMMUV3_EVENT_C_BAD_STE);
    }
    guest_hole(s.guest, STRTAB_ADDR, 64 * 256);
    expect_drained(&s, scene_command(&s, cmd_cfgi_ste(FIRST_SID)));
    g_assert_cmpint(scene_event(&s, 0), ==,
                    SMMUV3_EVENT_F_STE_FETCH);
    scene_done(&s);
}

/* The failed fetch of a translating stream's STE aborts it. */
static void test_ste_fetch_fails(void)
{
    Scene s;

    scene_init_translating(&s);
    guest_hole(s.guest, STRTAB_ADDR, 64 * 256);
    expect_drained(&s, scene_command(&s, cmd_cfgi_ste(FIRST_SID)));
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_ABORT);
    g_assert_cmphex(fake_device_ste0(s.dev[0]), ==,
                    ste_config(SMMUV3_STE_CONFIG_ABORT).dw[0]);
    scene_done(&s);
}

typedef struct RangeCase {
    const char *name;
    uint32_t sid;
    unsigned range;
    bool reached[SCENE_DEVICES];
} RangeCase;

/* The devices are 0x10, 0x11 and 0x12. */
static const RangeCase range_cases[] = {
    { "0x10+1", 0x10, 0, { true, true, false } },
    { "0x11+1", 0x11, 0, { true, true, false } },
    { "0x12+1", 0x12, 0, { false, false, true } },
    { "0x13+3", 0x13, 1, { true, true, true } },
    { "0x1f+15", 0x1f, 3, { true, true, true } },
    { "0x0f+15", 0x0f, 3, { false, false, false } },
    { "0x80000010+1", 0x80000010, 0, { false, false, false } },
    { "all", 0, 31, { true, true, true } },
    { "all, any SID", 0xffffffff, 31, { true, true, true } },
    { "lower half", 0x7fffffff, 30, { true, true, true } },
    { "upper half", 0x80000000, 30, { false, false, false } },
};

static void test_range(gconstpointer data)
{
    const RangeCase *c = data;
    Scene s;

    scene_init(&s);
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        scene_add(&s, i);
    }
    scene_enable(&s);
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        strtab_set(s.guest, &s.regs, FIRST_SID + i, ste_s1(CONTEXT_PTR));
    }
    expect_drained(&s, scene_command(&s, cmd_cfgi_range(c->sid, c->range)));
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        g_assert_cmpint(scene_kind(&s, i), ==,
                        c->reached[i] ? SMMUV3_STREAM_TRANSLATE
                                      : SMMUV3_STREAM_ABORT);
    }
    scene_done(&s);
}

/* Whatever the host says to the CDs, no stream stays on its old table. */
static void test_cfgi_all_fails(void)
{
    Scene s;

    scene_init_translating(&s);
    scene_add(&s, 1);
    scene_install(&s, 1, ste_s1(CONTEXT_PTR));
    strtab_set(s.guest, &s.regs, FIRST_SID + 1,
               ste_config(SMMUV3_STE_CONFIG_BYPASS));
    queue_seek(&s.queue, 0);
    push_tlbis(&s, 0, 1);
    queue_push(&s.queue, cmd_cfgi_range(0, 31));
    fake_host_refuse(s.host, 0);
    expect_stops(&s, 1, SMMUV3_CERROR_ILL);
    g_assert_cmpint(scene_kind(&s, 1), ==, SMMUV3_STREAM_BYPASS);
    fake_host_accept(s.host);
    expect_drains(&s);
    g_assert_true(is_issued(&s, cd_all(0)));
    scene_done(&s);
}

static bool is_cd_all_of_first(const SMMUv3Cmd *cmd)
{
    SMMUv3Cmd of_first = cd_all(0);

    return !memcmp(cmd, &of_first, sizeof(of_first));
}

/* More streams than what was gathered leaves room for. */
static void test_cfgi_no_room(void)
{
    Scene s;

    scene_init_translating(&s);
    for (unsigned i = 1; i < SCENE_DEVICES; i++) {
        scene_add(&s, i);
        scene_install(&s, i, ste_s1(CONTEXT_PTR));
    }
    queue_init(&s.queue, s.guest, CMDQ_ADDR, 13);
    fake_host_forget(s.host);
    push_tlbis(&s, 0, 4095);
    queue_push(&s.queue, cmd_cfgi_range(0, 31));
    expect_drains(&s);
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        g_assert_true(is_issued(&s, cd_all(i)));
    }
    g_assert_cmpuint(s.host->issued->len, ==, 4095 + SCENE_DEVICES);

    queue_seek(&s.queue, 0);
    push_tlbis(&s, 0, 4095);
    queue_push(&s.queue, cmd_cfgi_range(0, 31));
    s.host->refuses = is_cd_all_of_first;
    expect_stops(&s, 4095, SMMUV3_CERROR_ILL);
    s.host->refuses = NULL;
    expect_drains(&s);
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

static void init_long_queue(Scene *s)
{
    scene_init_translating(s);
    queue_init(&s->queue, s->guest, CMDQ_ADDR, 14);
    queue_seek(&s->queue, 9000);
}

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

/* The kernel's errors; swept in test-errors. */

static SMMUv3Cmd some_atc_inv(void)
{
    return cmd_atc_inv(FIRST_SID, 0x1000, 0);
}

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

static void push_pages(Scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        queue_push(&s->queue, cmd_tlbi_va(2, 0x1000 * i));
    }
}

static bool is_range(const SMMUv3Cmd *cmd)
{
    return cmd->dw[1] & SMMUV3_TLBI1_TG;
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

/* Of an ATC_INV that was not made the guest is told, or it is made after all. */
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

static void add_numbers(const char *what, GTestDataFunc func,
                        const unsigned *numbers, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf("/cmdq/%s/%u", what,
                                                numbers[i]);

        g_test_add_data_func(path, GUINT_TO_POINTER(numbers[i]), func);
    }
}

static void add_cases(void)
{
    static const unsigned wraps[] = { 0, 236, 240, 255, 256, 492, 500, 511 };
    static const unsigned bad[] = { 0, 1, 5, 6, 9, 10 };
    static const unsigned atc_invs_each[] = { 1, 2, 58, 63, 126 };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/cmdq/legality/%s",
                                                rows[i].name);

        g_test_add_data_func(path, &rows[i], test_row);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(range_cases); i++) {
        g_autofree char *path = g_strdup_printf("/cmdq/cfgi/range/%s",
                                                range_cases[i].name);

        g_test_add_data_func(path, &range_cases[i], test_range);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(class_cases); i++) {
        g_autofree char *path = g_strdup_printf("/cmdq/class/%s",
                                                class_cases[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_classes);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(atc_invs_each); i++) {
        for (unsigned dead = 0; dead < SCENE_DEVICES; dead++) {
            unsigned each = atc_invs_each[i];
            g_autofree char *path = g_strdup_printf(
                "/cmdq/timeout/healthy/%u of %u each", dead, each);

            g_test_add_data_func(path, GUINT_TO_POINTER(each << 2 | dead),
                                 test_atc_healthy);
        }
    }
    add_numbers("wrap", test_wrap, wraps, G_N_ELEMENTS(wraps));
    add_numbers("full", test_full, wraps, G_N_ELEMENTS(wraps));
    add_numbers("unreadable", test_unreadable, bad, G_N_ELEMENTS(bad));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_cases();
    g_test_add_func("/cmdq/legality/all-opcodes", test_all_opcodes);
    g_test_add_func("/cmdq/sync/irq", test_sync_irq);
    g_test_add_func("/cmdq/sync/after-work", test_sync_after_work);
    g_test_add_func("/cmdq/consumed/order", test_consumed);
    g_test_add_func("/cmdq/consumed/illegal", test_consumed_illegal);
    g_test_add_func("/cmdq/consumed/no-device", test_consumed_no_device);
    g_test_add_func("/cmdq/window/one", test_one_window);
    g_test_add_func("/cmdq/window/syncs-inside", test_syncs_inside);
    g_test_add_func("/cmdq/window/empty", test_empty);
    g_test_add_func("/cmdq/window/slice-of-classes", test_slice_of_classes);
    g_test_add_func("/cmdq/class/signalled", test_classes_signalled);
    g_test_add_func("/cmdq/class/fail", test_classes_fail);
    g_test_add_func("/cmdq/window/slices", test_slices);
    g_test_add_func("/cmdq/window/slice-of-changes", test_slice_of_changes);
    g_test_add_func("/cmdq/window/slice-of-lookups", test_slice_of_lookups);
    g_test_add_func("/cmdq/window/slice-of-syncs", test_slice_of_syncs);
    g_test_add_func("/cmdq/window/contiguous", test_contiguous);
    g_test_add_func("/cmdq/window/scattered", test_scattered);
    g_test_add_func("/cmdq/alike/behind-all", test_alike_behind_all);
    g_test_add_func("/cmdq/alike/but", test_alike_but);
    g_test_add_func("/cmdq/alike/but-granule", test_alike_but_granule);
    g_test_add_func("/cmdq/alike/shuffled", test_alike_shuffled);
    g_test_add_func("/cmdq/window/copy-once", test_copy_once);
    g_test_add_func("/cmdq/cfgi/splits", test_cfgi_splits);
    g_test_add_func("/cmdq/cfgi/unchanged", test_cfgi_unchanged);
    g_test_add_func("/cmdq/cfgi/all-unchanged", test_cfgi_all_unchanged);
    g_test_add_func("/cmdq/cfgi/unseen", test_cfgi_unseen);
    g_test_add_func("/cmdq/cfgi/refused", test_cfgi_refused);
    g_test_add_func("/cmdq/cfgi/all-fails", test_cfgi_all_fails);
    g_test_add_func("/cmdq/cfgi/no-room", test_cfgi_no_room);
    g_test_add_func("/cmdq/cfgi/bad-ste", test_bad_ste);
    g_test_add_func("/cmdq/cfgi/ste-fetch", test_ste_fetch_fails);
    g_test_add_func("/cmdq/index/wrap-error", test_wrap_error);
    g_test_add_func("/cmdq/index/overfull", test_overfull);
    g_test_add_func("/cmdq/index/garbage", test_prod_garbage);
    g_test_add_func("/cmdq/index/one-entry", test_one_entry);
    g_test_add_func("/cmdq/index/alignment", test_alignment);
    g_test_add_func("/cmdq/index/huge", test_huge);
    g_test_add_func("/cmdq/error/middle", test_error_in_the_middle);
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
