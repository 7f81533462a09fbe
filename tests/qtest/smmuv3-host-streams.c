/*
 * Streams of devices behind an accelerated SMMU: STEs, SMMUEN, GBPA, resets.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "smmuv3-host-scene.h"

/* The journal's calls but those that @but names; FK_CALLS: all. */
static unsigned calls_but(Scene *s, FakeKernelCall but)
{
    return s->k->calls[FK_CALLS] -
           (but == FK_CALLS ? 0 : s->k->calls[but]);
}

/* The index of the first such call in the journal; it is there. */
static unsigned find_call(Scene *s, FakeKernelCall call)
{
    for (unsigned i = 0; i < s->k->records; i++) {
        if (s->k->journal[i].call == call) {
            return i;
        }
    }
    g_assert_not_reached();
}

static bool start_devices(Scene *s, unsigned n)
{
    if (!scene_init(s)) {
        return false;
    }
    scene_start_devices(s, n);
    enable_queue(s, LOG2SIZE);
    enable_smmu(s);
    return true;
}

static void test_start(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_devices(&s, 1);
    /* GBPA of reset: bypass, which is stage 2: the guest's memory, all of it */
    expect_stage2(&s, 0);
    g_assert_cmpuint(s.k->calls[FK_NESTED_ALLOC], ==, 0);
    g_assert_cmpuint(s.k->calls[FK_ATTACH], ==, 1);
    g_assert_cmpuint(s.k->viommus, ==, 1);
    g_assert_cmpuint(s.k->parents, ==, 1);
    g_assert_cmpuint(s.k->ioass, ==, 1);
    g_assert_cmpuint(s.k->mapped, >=, 128 << 20);
    /* The first nested attach needs a vDEVICE, and it is there before. */
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    translate(&s, 0, 0);
    g_assert_cmpuint(s.k->calls[FK_NESTED_ALLOC], ==, 2);
    g_assert_cmpuint(s.k->calls[FK_ATTACH], ==, 3);
    g_assert_cmpuint(s.k->calls[FK_DETACH], ==, 0);
    g_assert_cmpuint(s.k->device[0].vsid, ==, s.sid[0]);
    g_assert_cmpuint(find_call(&s, FK_VDEVICE_ALLOC), <,
                     find_call(&s, FK_NESTED_ALLOC));
    scene_done(&s);
}

/* Attach first, free after; and nothing in between. */
static void test_replace(void)
{
    unsigned attaches = 0;
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    translate(&s, 0, 1);
    expect_translating(&s, 0, 1);
    for (unsigned i = 0; i < s.k->records; i++) {
        attaches += s.k->journal[i].call == FK_ATTACH;
        if (s.k->journal[i].call == FK_DESTROY) {
            g_assert_cmpuint(attaches, ==, 1);
        }
    }
    g_assert_cmpuint(attaches, ==, 1);
    g_assert_cmpuint(s.k->calls[FK_DETACH], ==, 0);
    g_assert_cmpuint(s.k->calls[FK_NESTED_ALLOC], ==, 1);
    g_assert_cmpuint(s.k->calls[FK_VDEVICE_ALLOC], ==, 0);
    scene_done(&s);
}

/* No attach; its CDs go, with one call a window (4.3.1). */
static void test_unchanged(void)
{
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    translate(&s, 0, 0);
    /* Bits that the kernel does not take: stage 2, EATS without ATS, ... */
    install(&s, 0, s1_dw0(0), S1_DW1 | 1ull << 28 | 1ull << 44);
    put(&s, CFGI_STE_RANGE, 31);
    put(&s, CFGI_STE | SID(0x77), LEAF);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    g_assert_cmpuint(s.k->calls[FK_INVALIDATE], ==, 3);
    g_assert_cmpuint(calls_but(&s, FK_INVALIDATE), ==, 0);
    g_assert_cmpuint(times_issued(&s, CFGI_CD_ALL | SID(s.sid[0]), 0), ==, 3);
    g_assert_cmpuint(s.k->commands, ==, 3);
    scene_done(&s);
}

/* To and fro, as a driver that unbinds and binds: attaches only. */
static void test_back_again(void)
{
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    install(&s, 0, STE_ABORT, 0);
    expect_kind(&s, 0, STE_ABORT);
    scene_forget(&s);
    translate(&s, 0, 0);
    install(&s, 0, STE_ABORT, 0);
    translate(&s, 0, 0);
    expect_translating(&s, 0, 0);
    g_assert_cmpuint(s.k->calls[FK_ATTACH], ==, 3);
    g_assert_cmpuint(calls_but(&s, FK_ATTACH), ==, 0);
    scene_done(&s);
}

/* Many keys, one after the other: what waits for reuse is bounded. */
static void test_many_keys(void)
{
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    for (unsigned i = 1; i < 100; i++) {
        translate(&s, 0, i);
    }
    expect_translating(&s, 0, 99);
    g_assert_cmpuint(s.k->nested, <=, 16);
    scene_done(&s);
}

/* An STE's content is no command error, 4.3.1: the stream aborts. */
typedef struct SteCase {
    const char *name;
    uint64_t dw0, dw1;
    uint64_t becomes;           /* the nested STE's word 0 */
} SteCase;

static const SteCase ste_cases[] = {
    { "invalid", 0, 0, STE_ABORT },
    { "abort", STE_ABORT, 0, STE_ABORT },
    { "reserved-config", STE_V | 2 << 1, 0, STE_ABORT },
    { "bypass", STE_BYPASS, 0, STE_BYPASS },
    { "stage-2", STE_V | 6 << 1, 0, STE_ABORT },
    { "both-stages", STE_V | 7 << 1, 0, STE_ABORT },
    { "cdmax", STE_S1 | CONTEXTS | 21ull << 59, S1_DW1, STE_ABORT },
    { "s1stalld", STE_S1 | CONTEXTS, S1_DW1 | BIT_ULL(27), STE_ABORT },
};

static void test_ste(const void *opaque)
{
    const SteCase *c = opaque;
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    install(&s, 0, c->dw0, c->dw1);
    expect_kind(&s, 0, c->becomes);
    translate(&s, 0, 0);
    expect_translating(&s, 0, 0);
    scene_done(&s);
}

static void test_eats(void)
{
    Scene s;

    if (!scene_init_translating_with(&s, "-global arm-smmuv3.ats=on")) {
        return;
    }
    install(&s, 0, s1_dw0(0), S1_DW1 | 1ull << 28);
    expect_kind(&s, 0, s1_dw0(0));
    g_assert_cmphex(s.k->device[0].ste[1], ==, S1_DW1 | 1ull << 28);
    /* Split-stage ATS is reserved without stage 2. */
    install(&s, 0, s1_dw0(0), S1_DW1 | 2ull << 28);
    expect_kind(&s, 0, STE_ABORT);
    scene_done(&s);
}

/* A stream table that cannot be read: never the old translation. */
static void test_fetch_fails(void)
{
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    disable_smmu(&s);
    expect_stage2(&s, 0);
    qtest_writeq(s.qts, SMMU_ADDR + STRTAB_BASE, 0x20000000);
    enable_smmu(&s);
    expect_kind(&s, 0, STE_ABORT);
    put(&s, CFGI_STE | SID(s.sid[0]), LEAF);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    expect_kind(&s, 0, STE_ABORT);
    scene_done(&s);
}

/* A StreamID beyond STRTAB_BASE_CFG.LOG2SIZE */
static void test_table_too_small(void)
{
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    disable_smmu(&s);
    set_reg(&s, STRTAB_BASE_CFG, 4);
    enable_smmu(&s);
    expect_kind(&s, 0, STE_ABORT);
    scene_done(&s);
}

/* ---- Several devices ---- */

static void test_sharing(void)
{
    unsigned before;
    Scene s;

    if (!start_devices(&s, 4)) {
        return;
    }
    translate(&s, 0, 0);
    before = s.k->nested;
    scene_forget(&s);
    for (unsigned i = 1; i < 4; i++) {
        translate(&s, i, 0);
        expect_translating(&s, i, 0);
        g_assert_cmpuint(s.k->device[i].hwpt, ==, s.k->device[0].hwpt);
        g_assert_cmpuint(s.k->device[i].vsid, ==, s.sid[i]);
    }
    g_assert_cmpuint(s.k->nested, ==, before);
    g_assert_cmpuint(s.k->calls[FK_NESTED_ALLOC], ==, 0);
    g_assert_cmpuint(s.k->viommus, ==, 1);
    g_assert_cmpuint(s.k->parents, ==, 1);
    /* One of them leaves: the others stay. */
    translate(&s, 2, 7);
    expect_translating(&s, 2, 7);
    expect_translating(&s, 3, 0);
    g_assert_cmpuint(s.k->device[2].hwpt, !=, s.k->device[0].hwpt);
    scene_done(&s);
}

static void test_four_devices(void)
{
    Scene s;

    if (!start_devices(&s, 4)) {
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        translate(&s, i, i);
    }
    scene_forget(&s);
    for (unsigned i = 0; i < 4; i++) {
        put(&s, CFGI_CD | SID(s.sid[i]), LEAF);
        put(&s, TLBI_NH_ASID | ASID(i + 1), 0);
    }
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    g_assert_cmpuint(s.k->calls[FK_INVALIDATE], ==, 1);
    for (unsigned i = 0; i < 4; i++) {
        expect_translating(&s, i, i);
        g_assert_true(is_issued(&s, CFGI_CD | SID(s.sid[i]), LEAF));
        g_assert_true(is_issued(&s, TLBI_NH_ASID | ASID(i + 1), 0));
    }
    scene_done(&s);
}

/* The low Range+1 bits of the StreamID are ignored, 4.3.2. */
static void test_range(void)
{
    Scene s;

    if (!start_devices(&s, 4)) {
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        put_ste(&s, s.sid[i], s1_dw0(i), S1_DW1);
    }
    /* 0x10 and 0x18 share all but the low four bits; 0x20 and 0x28 do not. */
    put(&s, CFGI_STE_RANGE | SID(0x13), 3);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    expect_translating(&s, 0, 0);
    expect_translating(&s, 1, 1);
    expect_kind(&s, 2, STE_ABORT);
    expect_kind(&s, 3, STE_ABORT);
    put(&s, CFGI_STE_RANGE | SID(0xffffffff), 31);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    expect_translating(&s, 2, 2);
    expect_translating(&s, 3, 3);
    scene_done(&s);
}

/* The batch goes before an attachment changes, and again at the end. */
static void test_cfgi_splits(void)
{
    const FakeKernelRecord *r;
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    put_ste(&s, s.sid[0], s1_dw0(1), S1_DW1);
    put_tlbis(&s, 0, 2);
    put(&s, CFGI_STE | SID(s.sid[0]), LEAF);
    put_tlbis(&s, 2, 3);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    expect_tlbis(&s, 0, 5);
    r = s.k->journal;
    g_assert_cmpuint(s.k->records, ==, 4);
    g_assert_cmpuint(r[0].call, ==, FK_INVALIDATE);
    g_assert_cmpuint(r[0].n, ==, 2);
    g_assert_cmpuint(r[1].call, ==, FK_NESTED_ALLOC);
    g_assert_cmpuint(r[2].call, ==, FK_ATTACH);
    g_assert_cmpuint(r[3].call, ==, FK_INVALIDATE);
    g_assert_cmpuint(r[3].n, ==, 3);
    scene_done(&s);
}

/* ---- SMMUEN, GBPA, reset ---- */

/* 0->1 takes the STE in without a command; 1->0 leaves GBPA's word. */
static void test_smmuen(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_devices(&s, 2);
    enable_queue(&s, LOG2SIZE);
    put_ste(&s, s.sid[0], s1_dw0(3), S1_DW1);
    expect_stage2(&s, 0);
    enable_smmu(&s);
    expect_translating(&s, 0, 3);
    expect_kind(&s, 1, STE_ABORT);
    disable_smmu(&s);
    expect_stage2(&s, 0);
    expect_stage2(&s, 1);
    enable_smmu(&s);
    expect_translating(&s, 0, 3);
    expect_kind(&s, 1, STE_ABORT);
    scene_done(&s);
}

static void test_gbpa(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_devices(&s, 1);
    enable_queue(&s, LOG2SIZE);
    set_gbpa(&s, GBPA_ABORT);
    expect_kind(&s, 0, STE_ABORT);
    set_gbpa(&s, 0);
    expect_stage2(&s, 0);
    enable_smmu(&s);
    translate(&s, 0, 0);
    /* It says nothing while SMMUEN=1, 6.3.14. */
    scene_forget(&s);
    set_gbpa(&s, GBPA_ABORT);
    expect_translating(&s, 0, 0);
    g_assert_cmpuint(s.k->calls[FK_CALLS], ==, 0);
    disable_smmu(&s);
    g_assert_cmpuint(s.k->device[0].table, ==, FAKE_ON_NESTED);
    scene_done(&s);
}

static void test_reset(void)
{
    Scene s;

    if (!start_devices(&s, 4)) {
        return;
    }
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 4; i++) {
            translate(&s, i, i);
            expect_translating(&s, i, i);
        }
        qtest_system_reset(s.qts);
        for (unsigned i = 0; i < 4; i++) {
            expect_stage2(&s, i);
            g_assert_cmpuint(s.k->device[i].resets, >, round);
        }
        g_assert_cmphex(reg(&s, CR0), ==, 0);
        g_assert_cmpuint(s.k->nested, <=, 16);
        enable_queue(&s, LOG2SIZE);
        enable_smmu(&s);
    }
    scene_done(&s);
}

/* An error that was not acknowledged does not outlive the reset. */
static void test_reset_after_error(void)
{
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    run_one(&s, 0xff, 0);
    expect_stopped(&s, cons(&s), CERROR_ILL);
    qtest_system_reset(s.qts);
    g_assert_false(cmdq_err(&s));
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    translate(&s, 0, 1);
    expect_translating(&s, 0, 1);
    scene_done(&s);
}

void add_stream_tests(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(ste_cases); i++) {
        g_autofree char *path = g_strdup_printf("smmuv3-host/ste/%s",
                                                ste_cases[i].name);

        qtest_add_data_func(path, &ste_cases[i], test_ste);
    }
    qtest_add_func("smmuv3-host/ste/start", test_start);
    qtest_add_func("smmuv3-host/ste/replace", test_replace);
    qtest_add_func("smmuv3-host/ste/unchanged", test_unchanged);
    qtest_add_func("smmuv3-host/ste/back-again", test_back_again);
    qtest_add_func("smmuv3-host/ste/many-keys", test_many_keys);
    qtest_add_func("smmuv3-host/ste/eats", test_eats);
    qtest_add_func("smmuv3-host/ste/fetch-fails", test_fetch_fails);
    qtest_add_func("smmuv3-host/ste/table-too-small", test_table_too_small);
    qtest_add_func("smmuv3-host/devices/sharing", test_sharing);
    qtest_add_func("smmuv3-host/devices/four", test_four_devices);
    qtest_add_func("smmuv3-host/devices/range", test_range);
    qtest_add_func("smmuv3-host/devices/cfgi-splits", test_cfgi_splits);
    qtest_add_func("smmuv3-host/registers/smmuen", test_smmuen);
    qtest_add_func("smmuv3-host/registers/gbpa", test_gbpa);
    qtest_add_func("smmuv3-host/reset/translating", test_reset);
    qtest_add_func("smmuv3-host/reset/after-error", test_reset_after_error);
}
