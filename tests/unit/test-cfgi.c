/*
 * CFGI_STE, CFGI_STE_RANGE and CFGI_ALL: which streams a command reaches, and
 * what becomes of their attachments and of their CDs.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "commands.h"

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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(range_cases); i++) {
        g_autofree char *path = g_strdup_printf("/cmdq/cfgi/range/%s",
                                                range_cases[i].name);

        g_test_add_data_func(path, &range_cases[i], test_range);
    }
    g_test_add_func("/cmdq/cfgi/splits", test_cfgi_splits);
    g_test_add_func("/cmdq/cfgi/unchanged", test_cfgi_unchanged);
    g_test_add_func("/cmdq/cfgi/all-unchanged", test_cfgi_all_unchanged);
    g_test_add_func("/cmdq/cfgi/unseen", test_cfgi_unseen);
    g_test_add_func("/cmdq/cfgi/refused", test_cfgi_refused);
    g_test_add_func("/cmdq/cfgi/all-fails", test_cfgi_all_fails);
    g_test_add_func("/cmdq/cfgi/no-room", test_cfgi_no_room);
    g_test_add_func("/cmdq/cfgi/bad-ste", test_bad_ste);
    g_test_add_func("/cmdq/cfgi/ste-fetch", test_ste_fetch_fails);
    return g_test_run();
}
