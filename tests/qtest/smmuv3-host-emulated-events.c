/*
 * Events of emulated endpoints in the guest's queue.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Their records and interrupt, a full queue, a stopped machine, and a queue
 * that is in registers.
 */
#include "smmuv3-host-edu.h"

#include "hw/pci/pci.h"

/* A fault arrives with StreamID and address, and its interrupt. */
static void test_events(void)
{
    Scene s;

    if (!start_edu(&s, 1)) {
        return;
    }
    g_assert_true(lands_nowhere(&s, IOVA + 0x1000));
    enable_events(&s, 3);
    watch_interrupts(&s);
    set_reg(&s, IRQ_CTRL, IRQ_CTRL_EVENTQ);
    g_assert_cmpuint(edu_events(&s), ==, 0);
    g_assert_true(lands_nowhere(&s, IOVA + 0x1008));
    expect_event(&s, 0, F_TRANSLATION);
    g_assert_cmphex(edu_event_word(&s, 0, 2), ==, IOVA + 0x1008);
    g_assert_cmphex(edu_event_word(&s, 0, 1) & BIT_ULL(35), ==, 0);  /* RnW */
    g_assert_true(is_pending(&s, IRQ_EVENTQ));
    install_edu(&s, EDU_SID, s1_dw0(CONTEXT + 1), S1_DW1);
    qtest_memset(s.qts, CONTEXTS + 64 * (CONTEXT + 1), 0, 64);
    g_assert_true(lands_nowhere(&s, IOVA));
    expect_event(&s, 1, C_BAD_CD);
    install_edu(&s, EDU_SID, 0, 0);
    g_assert_true(lands_nowhere(&s, IOVA));
    expect_event(&s, 2, C_BAD_STE);
    scene_done(&s);
}

static void test_events_overflow(void)
{
    Scene s;

    if (!start_edu(&s, 1)) {
        return;
    }
    enable_events(&s, 3);
    for (unsigned i = 0; i < 8; i++) {
        g_assert_true(lands_nowhere(&s, IOVA + 0x1000));
        g_assert_cmphex(edu_events(&s), ==, i + 1);
    }
    g_assert_true(lands_nowhere(&s, IOVA + 0x1000));
    g_assert_cmphex(edu_events(&s), ==, EVENTQ_OVFLG | 8);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    g_assert_cmphex(reg(&s, GERROR), ==, reg(&s, GERRORN));
    scene_done(&s);
}

/* ---- While the machine is stopped ---- */

/* A controller that fetches a command in the main loop, stopped or not */
#define NVME            "-device nvme,serial=none,bus=pcie.0,addr=0xb "
#define NVME_DEVFN      (11 << 3)
#define NVME_BAR        0x10900000
#define NVME_CC         0x14
#define NVME_AQA        0x24
#define NVME_ASQ        0x28
#define NVME_ACQ        0x30
#define NVME_SQ0_TAIL   0x1000

/* Its admin queue is where its stage 1 has nothing; it tries on and on. */
static void start_nvme(Scene *s)
{
    qtest_writel(s->qts, config_addr(0, NVME_DEVFN, PCI_BASE_ADDRESS_0),
                 NVME_BAR);
    qtest_writew(s->qts, config_addr(0, NVME_DEVFN, PCI_COMMAND),
                 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    qtest_writel(s->qts, NVME_BAR + NVME_AQA, 63 << 16 | 63);
    qtest_writeq(s->qts, NVME_BAR + NVME_ASQ, IOVA + 0x10000);
    qtest_writeq(s->qts, NVME_BAR + NVME_ACQ, IOVA + 0x20000);
    qtest_writel(s->qts, NVME_BAR + NVME_CC, 4 << 20 | 6 << 16 | 1);
}

static void fault_of_nvme(Scene *s)
{
    qtest_writel(s->qts, NVME_BAR + NVME_SQ0_TAIL, 1);
}

/* A fault after STOP is told at the RESUME; but not to another guest. */
static void test_events_of_stopped(void)
{
    Scene s;

    if (!start_with_edu(&s, NVME, 0)) {
        return;
    }
    install_edu(&s, NVME_DEVFN, s1_dw0(CONTEXT), S1_DW1);
    enable_events(&s, 3);
    stop_machine(&s);
    start_nvme(&s);
    fault_of_nvme(&s);
    for (unsigned i = 0; i < 50; i++) {
        g_assert_cmpuint(edu_events(&s), ==, 0);
        g_usleep(1000);
    }
    resume_machine(&s);
    for (unsigned i = 0; i < 5000 && !edu_events(&s); i++) {
        g_usleep(1000);
    }
    g_assert_cmphex(edu_event_word(&s, 0, 0) & 0xff, ==, F_TRANSLATION);
    g_assert_cmphex(edu_event_word(&s, 0, 0) >> 32, ==, NVME_DEVFN);

    stop_machine(&s);
    start_nvme(&s);
    fault_of_nvme(&s);
    g_usleep(50 * 1000);
    qtest_system_reset(s.qts);
    s.cr0 = 0;
    enable_events(&s, 3);
    resume_machine(&s);
    g_usleep(50 * 1000);
    g_assert_cmpuint(edu_events(&s), ==, 0);
    scene_done(&s);
}

/* An endpoint's event is not written into a device's registers. */
static void test_events_to_registers(void)
{
    Scene s;

    if (!start_edu_off(&s)) {
        return;
    }
    /* A queue of one event, where edu has its DMA registers */
    set_reg64(&s, EVENTQ_BASE, EDU_BAR + EDU_SRC);
    set_reg(&s, CR0, s.cr0 | CR0_EVENTQEN);
    g_assert_true(lands_nowhere(&s, IOVA + 0x1000));
    g_assert_cmphex(qtest_readq(s.qts, EDU_BAR + EDU_SRC), ==, EDU_BUFFER);
    g_assert_cmphex(reg(&s, GERROR) ^ reg(&s, GERRORN), ==,
                    GERROR_EVENTQ_ABT_ERR);
    scene_done(&s);
}

void add_emulated_events_tests(void)
{
    qtest_add_func("smmuv3-host/emulated/events", test_events);
    qtest_add_func("smmuv3-host/emulated/events-overflow",
                   test_events_overflow);
    qtest_add_func("smmuv3-host/emulated/events-of-stopped",
                   test_events_of_stopped);
    qtest_add_func("smmuv3-host/emulated/off/events-to-registers",
                   test_events_to_registers);
}
