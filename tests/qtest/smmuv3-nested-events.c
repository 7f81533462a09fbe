/*
 * Events of the host, from the vEVENTQ's descriptor to the guest's queue.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "smmuv3-nested-scene.h"

#define EVENTQ          0x46000000
#define EVENTQ_BASE     0xa0
#define EVENTQ_PROD     0x100a8
#define EVENTQ_CONS     0x100ac
#define CR0_EVENTQEN    BIT(2)
#define IRQ_CTRL_EVENTQ BIT(2)
#define OVFLG           BIT(31)
#define IRQ_EVENTQ      (32 + 112 + 0)
#define F_TRANSLATION   0x10

/* The device translates, the event queue holds 1 << @log2size. */
static bool init(Scene *s, unsigned log2size)
{
    if (!scene_init_translating(s)) {
        return false;
    }
    set_reg(s, EVENTQ_BASE, EVENTQ | log2size);
    set_reg(s, IRQ_CTRL, IRQ_CTRL_EVENTQ);
    watch_interrupts(s);
    s->cr0 |= CR0_EVENTQEN;
    set_reg(s, CR0, s->cr0);
    return true;
}

/* What the kernel gives to read(): headers, each with its record. */
static void fault(Scene *s, uint32_t sequence, uint32_t sid, uint64_t addr)
{
    g_autofree char *path = g_strdup_printf("%s/kernel" FAKE_KERNEL_EVENTS,
                                            s->dir);
    struct {
        uint32_t flags, sequence;
        uint64_t record[4];
    } event = {
        .sequence = sequence,
        .record = { cpu_to_le64(F_TRANSLATION | SID(sid)), 0,
                    cpu_to_le64(addr), 0 },
    };
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, &event, sizeof(event)), ==, sizeof(event));
    close(fd);
}

/* QEMU sees the descriptor when it comes around to it. */
static void expect_prod(Scene *s, uint32_t want)
{
    for (unsigned i = 0; i < 5000 && reg(s, EVENTQ_PROD) != want; i++) {
        g_usleep(1000);
    }
    g_assert_cmphex(reg(s, EVENTQ_PROD), ==, want);
}

static void test_arrives(void)
{
    Scene s;

    if (!init(&s, 4)) {
        return;
    }
    g_assert_cmpuint(s.k->calls[FK_VEVENTQ_ALLOC], ==, 1);
    fault(&s, 0, s.sid[0], 0x12345000);
    expect_prod(&s, 1);
    g_assert_cmphex(qtest_readq(s.qts, EVENTQ), ==,
                    F_TRANSLATION | SID(s.sid[0]));
    g_assert_cmphex(qtest_readq(s.qts, EVENTQ + 16), ==, 0x12345000);
    g_assert_true(is_pending(&s, IRQ_EVENTQ));
    scene_done(&s);
}

static void test_overflow(void)
{
    Scene s;

    if (!init(&s, 1)) {
        return;
    }
    for (unsigned i = 0; i < 3; i++) {
        fault(&s, i, s.sid[0], 0x1000 * i);
    }
    expect_prod(&s, OVFLG | 2);
    set_reg(&s, EVENTQ_CONS, OVFLG | 2);
    fault(&s, 3, s.sid[0], 0x5000);
    expect_prod(&s, OVFLG | 3);
    scene_done(&s);
}

/* Another guest device's number is no business of this one's. */
static void test_foreign(void)
{
    Scene s;

    if (!init(&s, 4)) {
        return;
    }
    fault(&s, 0, 0x77, 0x1000);
    fault(&s, 1, s.sid[0], 0x2000);
    expect_prod(&s, 1);
    g_assert_cmphex(qtest_readq(s.qts, EVENTQ + 16), ==, 0x2000);
    scene_done(&s);
}

/* A kernel without: the guest goes on without events. */
static void test_no_queue(void)
{
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    fail_nth(&s, FK_VEVENTQ_ALLOC, 1, EOPNOTSUPP);
    set_reg(&s, CR0, s.cr0 | CR0_EVENTQEN);
    g_assert_cmphex(reg(&s, CR0ACK), ==, s.cr0 | CR0_EVENTQEN);
    put(&s, TLBI_NH_ALL, 0);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    scene_done(&s);
}

/* A reset guest hears nothing, and hears again when it asks again. */
static void test_reset(void)
{
    Scene s;

    if (!init(&s, 4)) {
        return;
    }
    qtest_system_reset(s.qts);
    fault(&s, 0, s.sid[0], 0x1000);
    g_assert_cmphex(reg(&s, EVENTQ_PROD), ==, 0);
    set_reg(&s, EVENTQ_BASE, EVENTQ | 4);
    set_reg(&s, CR0, CR0_EVENTQEN);
    fault(&s, 1, s.sid[0], 0x2000);
    for (unsigned i = 0; i < 5000 && !reg(&s, EVENTQ_PROD); i++) {
        g_usleep(1000);
    }
    g_assert_cmpuint(s.k->calls[FK_VEVENTQ_ALLOC], ==, 1);
    g_assert_cmphex(qtest_readq(s.qts, EVENTQ + 32 *
                                (reg(&s, EVENTQ_PROD) - 1) + 16), ==, 0x2000);
    scene_done(&s);
}

void add_event_tests(void)
{
    qtest_add_func("smmuv3-nested/event/arrives", test_arrives);
    qtest_add_func("smmuv3-nested/event/overflow", test_overflow);
    qtest_add_func("smmuv3-nested/event/foreign", test_foreign);
    qtest_add_func("smmuv3-nested/event/no-queue", test_no_queue);
    qtest_add_func("smmuv3-nested/event/reset", test_reset);
}
