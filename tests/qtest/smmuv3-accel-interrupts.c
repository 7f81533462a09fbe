/*
 * Interrupts of an arm-smmuv3 without a host device: wires and MSIs.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Of CMD_SYNC and of GERROR; to RAM, to the ITS, and to what is no doorbell.
 */
#include "smmuv3-accel-test.h"

static void test_gerror_irq(void)
{
    Scene s = start_queue(ACCEL);

    watch_interrupts(&s);
    put(&s, 0xff, 0);
    ring_bell(&s);
    g_assert_false(take_pending(&s, IRQ_GERROR));     /* IRQ_CTRL is 0 */
    set_reg(&s, IRQ_CTRL, IRQ_CTRL_GERROR);
    g_assert_false(take_pending(&s, IRQ_GERROR));
    acknowledge(&s);                            /* fails again */
    g_assert_true(take_pending(&s, IRQ_GERROR));
    ring_bell(&s);
    g_assert_false(take_pending(&s, IRQ_GERROR));
    put_at(&s, 0, CMD_SYNC, 0);
    acknowledge(&s);
    g_assert_false(take_pending(&s, IRQ_GERROR));
    expect_drained(&s);
    g_assert_false(take_pending(&s, IRQ_CMD_SYNC));
    g_assert_false(take_pending(&s, IRQ_EVENTQ));
    end(&s);
}

static void test_sync_irq(void)
{
    Scene s = start_queue(ACCEL);

    watch_interrupts(&s);
    put(&s, CMD_SYNC | SYNC_CS(0), 0);
    ring_bell(&s);
    g_assert_false(take_pending(&s, IRQ_CMD_SYNC));
    put(&s, CMD_SYNC | SYNC_CS(1), 0);
    ring_bell(&s);
    g_assert_true(take_pending(&s, IRQ_CMD_SYNC));
    g_assert_false(take_pending(&s, IRQ_GERROR));
    end(&s);
}

/* ---- MSIs ---- */

#define MSI_RAM         0x43000000

static void sync_msi(Scene *s, uint64_t addr, uint32_t data)
{
    put(s, CMD_SYNC | SYNC_CS(1) | SYNC_MSI_DATA(data), addr);
    ring_bell(s);
}

static uint32_t errors(Scene *s)
{
    return reg(s, GERROR) ^ reg(s, GERRORN);
}

/* Within the ring, where Linux has it, and elsewhere in RAM. */
static void test_sync_msi(void)
{
    Scene s = start_queue(ACCEL);

    watch_interrupts(&s);
    sync_msi(&s, RING, 0);
    g_assert_cmphex(qtest_readl(s.qts, RING), ==, 0);
    sync_msi(&s, RING + 0xfc, 0x5a17c0de);
    g_assert_cmphex(qtest_readl(s.qts, RING + 0xfc), ==, 0x5a17c0de);
    sync_msi(&s, MSI_RAM, 0x12345678);
    g_assert_cmphex(qtest_readl(s.qts, MSI_RAM), ==, 0x12345678);
    g_assert_cmphex(qtest_readl(s.qts, MSI_RAM + 4), ==, 0);
    g_assert_false(take_pending(&s, IRQ_CMD_SYNC));
    g_assert_cmphex(errors(&s), ==, 0);
    expect_drained(&s);
    end(&s);
}

/* A ring that moved is read, and written, where it is now. */
static void test_moved_ring(void)
{
    Scene s = start_queue(ACCEL);

    sync_msi(&s, RING, 1);
    set_reg(&s, CR0, 0);
    enable_queue_at(&s, RING + 0x10000, LOG2SIZE + 1);
    sync_msi(&s, RING + 0x10000, 2);
    g_assert_cmphex(qtest_readl(s.qts, RING + 0x10000), ==, 2);
    sync_msi(&s, RING, 3);
    g_assert_cmphex(qtest_readl(s.qts, RING), ==, 3);
    expect_drained(&s);
    end(&s);
}

/* No device but the doorbell: not this one, nor flash, nor what is nowhere. */
static void test_msi_to_device(void)
{
    static const uint64_t places[] = {
        SMMU_ADDR + CMDQ_PROD, SMMU_ADDR + CR0, 0x09000000, 0x00000000 + 8,
        0x08000000, 0x3000000000,
    };
    Scene s = start_queue(ACCEL);

    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        sync_msi(&s, places[i], 0);
        g_assert_cmphex(errors(&s), ==, GERROR_MSI_CMDQ_ABT_ERR);
        expect_drained(&s);
        acknowledge(&s);
        g_assert_cmphex(errors(&s), ==, 0);
    }
    g_assert_cmphex(reg(&s, CR0), ==, CR0_CMDQEN);
    end(&s);
}

static void test_gerror_msi(void)
{
    Scene s = start_queue(ACCEL);

    watch_interrupts(&s);
    set_reg64(&s, GERROR_IRQ_CFG0, MSI_RAM);
    set_reg(&s, GERROR_IRQ_CFG1, 0x77);
    set_reg(&s, IRQ_CTRL, IRQ_CTRL_GERROR);
    put(&s, 0xff, 0);
    ring_bell(&s);
    g_assert_true(cmdq_err(&s));
    g_assert_cmphex(qtest_readl(s.qts, MSI_RAM), ==, 0x77);
    g_assert_false(take_pending(&s, IRQ_GERROR));
    end(&s);
}

/* The ITS and its tables; 1 MiB each is more than they need. */
#define GITS            0x08080000
#define GITS_TRANSLATER (GITS + 0x10040)
#define GICR            0x080a0000
#define ITS_RAM         0x44000000
#define ITS_TABLE(n)    (ITS_RAM + (n) * 0x100000ULL)
#define LPI             8195
#define EVENT           5

static void its_command(Scene *s, unsigned n, uint64_t w0, uint64_t w1,
                        uint64_t w2)
{
    uint64_t cmd[4] = { cpu_to_le64(w0), cpu_to_le64(w1), cpu_to_le64(w2) };

    qtest_memwrite(s->qts, ITS_TABLE(0) + n * sizeof(cmd), cmd, sizeof(cmd));
}

/* Event EVENT of @device_id becomes LPI, pending at processor 0. */
static void set_up_its(Scene *s, uint32_t device_id)
{
    qtest_writeq(s->qts, GICR + 0x70, ITS_TABLE(1) | 15);       /* PROPBASER */
    qtest_writeq(s->qts, GICR + 0x78, ITS_TABLE(2));            /* PENDBASER */
    qtest_writel(s->qts, GICR, 1);                              /* EnableLPIs */
    qtest_writeq(s->qts, GITS + 0x100, BIT_ULL(63) | ITS_TABLE(3) | 0xff);
    qtest_writeq(s->qts, GITS + 0x108, BIT_ULL(63) | ITS_TABLE(4) | 0xff);
    qtest_writeq(s->qts, GITS + 0x80, BIT_ULL(63) | ITS_TABLE(0));
    qtest_writel(s->qts, GITS, 1);
    its_command(s, 0, 0x08 | (uint64_t)device_id << 32, 4,      /* MAPD */
                BIT_ULL(63) | ITS_TABLE(5));
    its_command(s, 1, 0x09, 0, BIT_ULL(63));                    /* MAPC */
    its_command(s, 2, 0x0a | (uint64_t)device_id << 32,         /* MAPTI */
                (uint64_t)LPI << 32 | EVENT, 0);
    qtest_writeq(s->qts, GITS + 0x88, 3 * 32);                  /* CWRITER */
    g_assert_cmphex(qtest_readq(s->qts, GITS + 0x90), ==, 3 * 32);
}

static bool lpi_pending(Scene *s)
{
    return qtest_readb(s->qts, ITS_TABLE(2) + LPI / 8) & BIT(LPI % 8);
}

/* With the DeviceID that firmware and device tree tell the guest. */
static void test_msi_by_its(void)
{
    Scene s = start_queue(ACCEL);

    set_up_its(&s, 0xffff);
    sync_msi(&s, GITS_TRANSLATER, EVENT + 1);
    g_assert_false(lpi_pending(&s));
    sync_msi(&s, GITS_TRANSLATER, EVENT);
    g_assert_true(lpi_pending(&s));
    g_assert_cmphex(errors(&s), ==, 0);
    end(&s);
}

void add_interrupt_tests(void)
{
    qtest_add_func("smmuv3-accel/accel/irq/gerror", test_gerror_irq);
    qtest_add_func("smmuv3-accel/accel/irq/sync", test_sync_irq);
    qtest_add_func("smmuv3-accel/accel/msi/sync", test_sync_msi);
    qtest_add_func("smmuv3-accel/accel/msi/moved-ring", test_moved_ring);
    qtest_add_func("smmuv3-accel/accel/msi/to-device", test_msi_to_device);
    qtest_add_func("smmuv3-accel/accel/msi/gerror", test_gerror_msi);
    qtest_add_func("smmuv3-accel/accel/msi/its", test_msi_by_its);
}
