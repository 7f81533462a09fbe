/*
 * The command queue of an arm-smmuv3 without a host device.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is legal, where the queue stops, how it goes on, and long windows; what
 * a host gets of it is in smmuv3-host-test.c.
 */
#include "smmuv3-accel-test.h"

static void test_tlbi_and_sync(const void *smmu)
{
    Scene s = start_queue(smmu);

    put(&s, TLBI_NH_VA, 0x7000);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    end(&s);
}

static void test_disabled_queue(const void *smmu)
{
    Scene s = start_queue(smmu);

    set_reg(&s, CR0, 0);
    put(&s, TLBI_NH_ALL, 0);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    g_assert_cmphex(cons(&s), ==, 0);
    set_reg(&s, CR0, CR0_CMDQEN);
    expect_drained(&s);
    end(&s);
}

/* One error: named, nothing after it consumed, resumed by acknowledging. */
static void test_error_and_resume(const void *smmu)
{
    Scene s = start_queue(smmu);
    uint32_t gerror;

    put(&s, TLBI_NH_ALL, 0);
    put(&s, 0xff, 0);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_stopped(&s, 1, CERROR_ILL);
    gerror = reg(&s, GERROR);
    g_assert_cmphex(gerror, ==, GERROR_CMDQ_ERR);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_stopped(&s, 1, CERROR_ILL);
    g_assert_cmphex(reg(&s, GERROR), ==, gerror);

    put_at(&s, 1, CMD_SYNC, 0);
    acknowledge(&s);
    expect_drained(&s);
    g_assert_cmphex(reg(&s, GERROR), ==, gerror);

    /* The next error toggles it back. */
    put(&s, 0xff, 0);
    ring_bell(&s);
    expect_stopped(&s, 4, CERROR_ILL);
    g_assert_cmphex(reg(&s, GERROR), ==, 0);
    end(&s);
}

/* Acknowledged without a repair, the command fails again. */
static void test_error_again(void)
{
    Scene s = start_queue(ACCEL);

    put(&s, 0xff, 0);
    ring_bell(&s);
    expect_stopped(&s, 0, CERROR_ILL);
    acknowledge(&s);
    expect_stopped(&s, 0, CERROR_ILL);
    g_assert_cmphex(reg(&s, GERROR), ==, 0);
    g_assert_cmphex(reg(&s, GERRORN), ==, GERROR_CMDQ_ERR);
    end(&s);
}

typedef struct CommandCase {
    const char *name;
    uint64_t dw0, dw1;
    uint32_t error;
} CommandCase;

/* With nothing behind the SMMU: what is legal, for one with stage 1 only. */
static const CommandCase commands[] = {
    { "prefetch", PREFETCH_CONFIG | SID(8), 0, CERROR_NONE },
    { "prefetch-ssec", PREFETCH_CONFIG | SSEC, 0, CERROR_ILL },
    { "cfgi-ste-unknown-sid", CFGI_STE | SID(0x1234), 1, CERROR_NONE },
    { "cfgi-ste-huge-sid", CFGI_STE | SID(0xffffffff), 1, CERROR_NONE },
    { "cfgi-ste-ssec", CFGI_STE | SSEC, 1, CERROR_ILL },
    { "cfgi-all", CFGI_STE_RANGE, 31, CERROR_NONE },
    { "cfgi-all-ssec", CFGI_STE_RANGE | SSEC, 31, CERROR_ILL },
    { "cfgi-cd", CFGI_CD | SID(8), 1, CERROR_NONE },
    { "cfgi-cd-ssec", CFGI_CD | SSEC, 1, CERROR_ILL },
    { "cfgi-cd-all", CFGI_CD_ALL, 0, CERROR_NONE },
    { "tlbi-nh-all", TLBI_NH_ALL, 0, CERROR_NONE },
    { "tlbi-nh-asid", TLBI_NH_ASID | ASID(3), 0, CERROR_NONE },
    { "tlbi-nh-va", TLBI_NH_VA, 0x1000, CERROR_NONE },
    { "tlbi-nh-va-range", TLBI_NH_VA | NUM(5) | SCALE(31),
      0x1000 | TG_4K, CERROR_NONE },
    { "tlbi-nh-va-granule", TLBI_NH_VA, 0x1000 | TG_4K, CERROR_ILL },
    { "tlbi-nh-vaa", TLBI_NH_VAA, 0x1001, CERROR_NONE },
    { "tlbi-nsnh-all", TLBI_NSNH_ALL, 0, CERROR_NONE },
    { "tlbi-el3-all", TLBI_EL3_ALL, 0, CERROR_ILL },
    { "tlbi-el2-all", TLBI_EL2_ALL, 0, CERROR_ILL },
    { "tlbi-el2-va", TLBI_EL2_VA, 0, CERROR_ILL },
    { "tlbi-s12-vmall", TLBI_S12_VMALL, 0, CERROR_ILL },
    { "tlbi-s2-ipa", TLBI_S2_IPA, 0, CERROR_ILL },
    { "atc-inv-without-ats", ATC_INV, 0, CERROR_ILL },
    { "pri-resp", PRI_RESP, 0, CERROR_ILL },
    { "resume", RESUME, 0, CERROR_ILL },
    { "stall-term", STALL_TERM, 0, CERROR_ILL },
    { "sync", CMD_SYNC, 0, CERROR_NONE },
    { "sync-irq", CMD_SYNC | SYNC_CS(1), 0, CERROR_NONE },
    { "sync-sev", CMD_SYNC | SYNC_CS(2), 0, CERROR_NONE },
    { "sync-cs-reserved", CMD_SYNC | SYNC_CS(3), 0, CERROR_ILL },
    { "opcode-00", 0x00, 0, CERROR_ILL },
    { "opcode-ff", 0xff, 0, CERROR_ILL },
};

/* With a command before and one after it, in one window. */
static void test_command(const void *opaque)
{
    const CommandCase *c = opaque;
    Scene s = start_queue(ACCEL);

    put(&s, TLBI_NH_ALL, 0);
    put(&s, c->dw0, c->dw1);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    if (c->error) {
        expect_stopped(&s, 1, c->error);
    } else {
        expect_drained(&s);
    }
    g_assert_cmpuint(query_stat_sum(&s, "command-errors"), ==,
                     c->error ? 1 : 0);
    g_assert_cmpuint(query_stat_sum(&s, "commands"), ==, c->error ? 1 : 3);
    g_assert_cmpuint(query_stat(&s, "forwarded"), ==, 0);
    end(&s);
}

/* CFGI while SMMUEN=1 and the stream table is nowhere: never an error. */
static void test_cfgi_while_enabled(void)
{
    Scene s = start_queue(ACCEL);

    set_reg(&s, CR0, CR0_SMMUEN | CR0_CMDQEN);
    put(&s, CFGI_STE | SID(0x100), 1);
    put(&s, CFGI_STE_RANGE, 31);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    end(&s);
}

/* Three rounds and a half through a ring of 8, 5 at a time */
static void test_wrap(const void *smmu)
{
    Scene s = start(smmu);

    enable_queue_at(&s, RING, 3);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 5; i++) {
            put(&s, TLBI_NH_ALL, 0);
        }
        ring_bell(&s);
        expect_drained(&s);
    }
    /* 25 commands: index 1, wrap bit 1. The first of the next round fails. */
    g_assert_cmphex(s.prod, ==, 9);
    for (int i = 0; i < 7; i++) {
        put(&s, TLBI_NH_ALL, 0);
    }
    put(&s, 0xff, 0);
    ring_bell(&s);
    expect_stopped(&s, 0, CERROR_ILL);
    end(&s);
}

static void test_full(const void *smmu)
{
    Scene s = start(smmu);

    enable_queue_at(&s, RING, 3);
    for (int i = 0; i < 8; i++) {
        put(&s, CMD_SYNC, 0);
    }
    g_assert_cmphex(s.prod, ==, 8);
    ring_bell(&s);
    expect_drained(&s);
    end(&s);
}

/* A PROD that claims more than the queue holds, 3.5.1: work stays bounded. */
static void test_overfull(void)
{
    Scene s = start(ACCEL);

    enable_queue_at(&s, RING, 3);
    for (int i = 0; i < 8; i++) {
        put(&s, CMD_SYNC, 0);
    }
    s.prod = 8 + 3;
    ring_bell(&s);
    expect_drained(&s);
    g_assert_cmpuint(query_stat_sum(&s, "commands"), <=, 8);
    end(&s);
}

/* A hole, a device's registers: neither is memory that a queue can be in. */
static void test_unreadable(const void *opaque)
{
    Scene s = start(ACCEL);

    enable_queue_at(&s, *(const uint64_t *)opaque, LOG2SIZE);
    s.prod = 1;
    ring_bell(&s);
    expect_stopped(&s, 0, CERROR_ABT);
    set_reg(&s, CR0, 0);
    acknowledge(&s);
    enable_queue_at(&s, RING, LOG2SIZE);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    end(&s);
}

/* The window's first half is in RAM, its second half is not. */
static void test_memory_ends(void)
{
    Scene s = start_line(MACHINE "-m 65568k " ACCEL);

    enable_queue_at(&s, 0x44000000, 12);
    put_many(&s, TLBI_NH_ALL, 2048);
    s.prod = 2050;
    ring_bell(&s);
    expect_stopped(&s, 2048, CERROR_ABT);
    end(&s);
}

/* More than one slice: the rest comes from a bottom half. */
static void test_long_window(void)
{
    unsigned n = 20000, polls = 0;
    Scene s = start(ACCEL);

    enable_queue_at(&s, RING, 15);
    put_many(&s, TLBI_NH_ALL, n);
    ring_bell(&s);
    while (cons(&s) != s.prod) {
        g_assert_cmpuint(polls++, <, 1000);
    }
    expect_drained(&s);
    g_assert_cmpuint(query_stat_sum(&s, "commands"), ==, n);
    g_assert_cmpuint(query_stat(&s, "windows"), >=, 2);
    end(&s);
}

/* An error in the second slice is named like one in the first. */
static void test_long_window_error(void)
{
    unsigned polls = 0;
    Scene s = start(ACCEL);

    enable_queue_at(&s, RING, 15);
    put_many(&s, TLBI_NH_ALL, 20000);
    put_at(&s, 17000, 0xff, 0);
    ring_bell(&s);
    while (!cmdq_err(&s)) {
        g_assert_cmpuint(polls++, <, 1000);
    }
    expect_stopped(&s, 17000, CERROR_ILL);
    put_at(&s, 17000, CMD_SYNC, 0);
    acknowledge(&s);
    expect_drained(&s);
    end(&s);
}

/* A reset between two slices: nothing is consumed after it. */
static void test_reset_in_window(void)
{
    Scene s = start(ACCEL);

    enable_queue_at(&s, RING, 15);
    put_many(&s, TLBI_NH_ALL, 32768);
    ring_bell(&s);
    qtest_system_reset(s.qts);
    g_assert_cmphex(reg(&s, CMDQ_CONS), ==, 0);
    g_assert_cmphex(reg(&s, CMDQ_CONS), ==, 0);
    g_assert_cmphex(reg(&s, GERROR), ==, 0);
    end(&s);
}

/* 6.3.28: the guest moves CONS only while the queue is off. */
static void test_cons_read_only(void)
{
    Scene s = start_queue(ACCEL);

    set_reg(&s, CMDQ_CONS, 5);
    g_assert_cmphex(reg(&s, CMDQ_CONS), ==, 0);
    set_reg(&s, CR0, 0);
    set_reg(&s, CMDQ_CONS, 5);
    g_assert_cmphex(reg(&s, CMDQ_CONS), ==, 5);
    end(&s);
}

/* Bases are aligned to the queue's size, 6.3.26. */
static void test_base_alignment(void)
{
    Scene s = start(ACCEL);

    enable_queue_at(&s, RING, 6);
    set_reg(&s, CR0, 0);
    set_reg64(&s, CMDQ_BASE, (RING + 0x3e0) | 6);
    g_assert_cmphex(reg64(&s, CMDQ_BASE), ==, (RING + 0x3e0) | 6);
    set_reg(&s, CR0, CR0_CMDQEN);
    put(&s, CMD_SYNC, 0);
    put(&s, 0xff, 0);
    ring_bell(&s);
    expect_stopped(&s, 1, CERROR_ILL);
    end(&s);
}

/* An error waits: switching the queue off and on is no acknowledgement. */
static void test_error_survives_enable(void)
{
    Scene s = start_queue(ACCEL);

    put(&s, 0xff, 0);
    ring_bell(&s);
    put_at(&s, 0, CMD_SYNC, 0);
    set_reg(&s, CR0, 0);
    set_reg(&s, CR0, CR0_CMDQEN);
    expect_stopped(&s, 0, CERROR_ILL);
    acknowledge(&s);
    expect_drained(&s);
    end(&s);
}

/* A PCIe window, the GIC's distributor, beyond everything */
static const uint64_t unreadable[] = { 0x20000000, 0x08000000, 0xff0000000000 };

static const BothCase both[] = {
    { "cmdq/tlbi-and-sync", test_tlbi_and_sync },
    { "cmdq/disabled", test_disabled_queue },
    { "cmdq/error-and-resume", test_error_and_resume },
    { "cmdq/wrap", test_wrap },
    { "cmdq/full", test_full },
};

void add_queue_tests(void)
{
    add_both(both, ARRAY_SIZE(both));
    for (int i = 0; i < ARRAY_SIZE(commands); i++) {
        add("command", commands[i].name, &commands[i], test_command);
    }
    for (int i = 0; i < ARRAY_SIZE(unreadable); i++) {
        g_autofree char *name = g_strdup_printf("0x%" PRIx64, unreadable[i]);

        add("accel/cmdq/unreadable", name, &unreadable[i], test_unreadable);
    }
    qtest_add_func("smmuv3-accel/accel/cmdq/base-alignment",
                   test_base_alignment);
    qtest_add_func("smmuv3-accel/accel/cmdq/error-survives-enable",
                   test_error_survives_enable);
    qtest_add_func("smmuv3-accel/accel/cmdq/error-again", test_error_again);
    qtest_add_func("smmuv3-accel/accel/cmdq/cfgi-enabled",
                   test_cfgi_while_enabled);
    qtest_add_func("smmuv3-accel/accel/cmdq/cons-read-only",
                   test_cons_read_only);
    qtest_add_func("smmuv3-accel/accel/cmdq/overfull", test_overfull);
    qtest_add_func("smmuv3-accel/accel/cmdq/memory-ends", test_memory_ends);
    qtest_add_func("smmuv3-accel/accel/cmdq/long-window", test_long_window);
    qtest_add_func("smmuv3-accel/accel/cmdq/long-window-error",
                   test_long_window_error);
    qtest_add_func("smmuv3-accel/accel/cmdq/reset-in-window",
                   test_reset_in_window);
}
