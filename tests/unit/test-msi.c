/*
 * MSIs: those of CMD_SYNC, and those instead of the wired interrupts.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>

#include "offsets.h"
#include "scene.h"

#define MSI_CMDQ_ABT    0x10u
#define MSI_EVENTQ_ABT  0x20u
#define MSI_GERROR_ABT  0x80u

#define MSI_ADDR    (GUEST_BASE + 0xb00000)
#define EVENTQ_ADDR (GUEST_BASE + 0xa00000)
#define NOWHERE     UINT64_C(0x1000)

/* ---- CMD_SYNC ---- */

static void init(Scene *s)
{
    uint32_t idr[6];

    scene_init_translating(s);
    memcpy(idr, guest_idr, sizeof(idr));
    idr[0] |= 1u << 13;
    smmuv3_features_set(s->engine, idr);
}

static void expect_drained(SMMUv3CmdqResult r, bool aborted)
{
    g_assert_cmpint(r.status, ==, SMMUV3_CMDQ_DRAINED);
    g_assert_cmpint(r.cerror, ==, SMMUV3_CERROR_NONE);
    g_assert_cmpint(r.msi_aborted, ==, aborted);
}

static void test_sync(void)
{
    Scene s;

    init(&s);
    expect_drained(scene_command(&s, cmd_sync_msi(MSI_ADDR + 4, 0x5a17c0de)),
                   false);
    g_assert_cmphex(guest_read32(s.guest, MSI_ADDR), ==, 0);
    g_assert_cmphex(guest_read32(s.guest, MSI_ADDR + 4), ==, 0x5a17c0de);
    g_assert_cmphex(guest_read32(s.guest, MSI_ADDR + 8), ==, 0);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 0);
    scene_done(&s);
}

/* Without an address it is the wire's; with one, only what SIG_IRQ asks for. */
static void test_sync_wired(void)
{
    Scene s;

    init(&s);
    scene_command(&s, cmd_sync_msi(0, 1));
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    scene_command(&s, cmd_raw(0x46, MSI_ADDR));
    scene_command(&s, cmd_raw(0x46 | 2 << 12, MSI_ADDR));
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    g_assert_cmpuint(s.guest->msis, ==, 0);
    scene_done(&s);
}

/* A VMM that promises MSIs and takes none has them aborted, not called. */
static void test_sync_not_taken(void)
{
    Scene s;

    init(&s);
    s.engine->fe.msi = NULL;
    expect_drained(scene_command(&s, cmd_sync_msi(MSI_ADDR, 1)), true);
    g_assert_cmphex(guest_read32(s.guest, MSI_ADDR), ==, 0);
    scene_done(&s);
}

static void test_sync_not_promised(void)
{
    Scene s;

    scene_init_translating(&s);
    scene_command(&s, cmd_sync_msi(MSI_ADDR, 1));
    g_assert_cmpuint(s.guest->msis, ==, 0);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    scene_done(&s);
}

/*
 * Truncated to IDR5.OAS (44); but whether there is one at all is for the whole
 * field, MSIAddress[55:2], to say.
 */
static void test_sync_address(void)
{
    Scene s;

    init(&s);
    scene_command(&s, cmd_sync_msi(UINT64_C(0xfffff00000000003) | MSI_ADDR, 7));
    g_assert_cmphex(guest_read32(s.guest, MSI_ADDR), ==, 7);
    expect_drained(scene_command(&s, cmd_sync_msi(UINT64_C(1) << 44, 7)),
                   true);
    expect_drained(scene_command(&s, cmd_sync_msi(UINT64_C(1) << 55, 7)),
                   true);
    g_assert_cmpuint(s.guest->msis, ==, 3);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 0);
    scene_command(&s, cmd_sync_msi(UINT64_C(0xff00000000000003), 7));
    g_assert_cmpuint(s.guest->msis, ==, 3);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    scene_done(&s);
}

static void expect_issued(Guest *g, uint64_t addr G_GNUC_UNUSED, uint32_t data)
{
    Scene *s = g->hook_data;

    g_assert_cmpuint(s->host->issued->len, >=, data);
    g_assert_cmpuint(g->msis, ==, data);
}

/* In the guest's order, none before what precedes it is done. */
static void test_sync_order(void)
{
    Scene s;

    init(&s);
    s.guest->on_msi = expect_issued;
    s.guest->hook_data = &s;
    for (unsigned i = 1; i <= 40; i++) {
        queue_push(&s.queue, cmd_tlbi_va(1, 0x7000 * (uint64_t)i));
        queue_push(&s.queue, cmd_sync_msi(MSI_ADDR, i));
    }
    expect_drained(queue_run(&s.queue, s.engine), false);
    g_assert_cmpuint(s.guest->msis, ==, 40);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 1);
    g_assert_cmphex(guest_read32(s.guest, MSI_ADDR), ==, 40);
    scene_done(&s);
}

/* It is told of, and stops nothing. */
static void test_sync_aborted(void)
{
    Scene s;

    init(&s);
    queue_push(&s.queue, cmd_sync_msi(NOWHERE, 1));
    queue_push(&s.queue, cmd_tlbi_va(1, 0x7000));
    queue_push(&s.queue, cmd_sync_msi(MSI_ADDR, 2));
    expect_drained(queue_run(&s.queue, s.engine), true);
    g_assert_cmphex(guest_read32(s.guest, MSI_ADDR), ==, 2);
    g_assert_cmpuint(s.host->issued->len, ==, 1);
    expect_drained(scene_command(&s, cmd_sync_msi(MSI_ADDR, 3)), false);
    scene_done(&s);
}

/* Not of a CMD_SYNC behind the command that fails. */
static void test_sync_behind_error(void)
{
    Scene s;

    init(&s);
    queue_push(&s.queue, cmd_sync_msi(MSI_ADDR, 1));
    queue_push(&s.queue, cmd_raw(0xff, 0));
    queue_push(&s.queue, cmd_sync_msi(MSI_ADDR, 2));
    g_assert_cmpint(queue_run(&s.queue, s.engine).cerror, ==,
                    SMMUV3_CERROR_ILL);
    g_assert_cmphex(guest_read32(s.guest, MSI_ADDR), ==, 1);
    scene_done(&s);
}

/* Of one that has to report a timed out ATC_INV neither. */
static void test_sync_atc_timeout(void)
{
    Scene s;

    init(&s);
    fake_host_fail_nth(s.host, FAKE_INVALIDATE, 1, ETIMEDOUT);
    queue_push(&s.queue, cmd_sync_msi(MSI_ADDR, 1));
    queue_push(&s.queue, cmd_atc_inv(FIRST_SID, 0x1000, 0));
    queue_push(&s.queue, cmd_sync_msi(MSI_ADDR, 2));
    g_assert_cmpint(queue_run(&s.queue, s.engine).cerror, ==,
                    SMMUV3_CERROR_ATC_INV_SYNC);
    g_assert_cmphex(guest_read32(s.guest, MSI_ADDR), ==, 1);
    g_assert_cmpint(queue_run(&s.queue, s.engine).status, ==,
                    SMMUV3_CMDQ_DRAINED);
    g_assert_cmphex(guest_read32(s.guest, MSI_ADDR), ==, 2);
    scene_done(&s);
}

/* A slice writes 4096 at the most. */
static void test_sync_slice(void)
{
    unsigned before;
    Scene s;

    init(&s);
    queue_init(&s.queue, s.guest, CMDQ_ADDR, 14);
    for (unsigned i = 0; i < 16384; i++) {
        queue_push(&s.queue, cmd_sync_msi(MSI_ADDR, i));
    }
    do {
        before = s.guest->msis;
        g_assert_cmpint(queue_run(&s.queue, s.engine).status, !=,
                        SMMUV3_CMDQ_STOPPED);
        g_assert_cmpuint(s.guest->msis - before, <=, 4096);
    } while (queue_pending(&s.queue));
    g_assert_cmpuint(s.guest->msis, ==, 16384);
    scene_done(&s);
}

/* ---- The other two ---- */

typedef struct Regs {
    Scene s;
    unsigned irqs[2];
} Regs;

static int on_write(void *opaque, uint64_t addr, const void *buf, size_t len)
{
    Regs *t = opaque;

    return guest_write(t->s.guest, addr, buf, len);
}

static void on_irq(void *opaque, SMMUv3Irq irq)
{
    Regs *t = opaque;

    t->irqs[irq]++;
}

static void on_resume(void *opaque G_GNUC_UNUSED,
                      unsigned delay_ms G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

static const GuestHooks ops = {
    .write = on_write, .irq = on_irq, .resume = on_resume,
};

static uint32_t rd(Regs *t, uint64_t offset)
{
    uint64_t value;

    g_assert_true(smmuv3_engine_read(t->s.engine, offset, 4, &value));
    return value;
}

static void wr(Regs *t, uint64_t offset, unsigned size, uint64_t value)
{
    g_assert_true(smmuv3_engine_write(t->s.engine, offset, size, value));
}

/* Queues of 16, both on; MSIs to @gerror and @events. */
static void init_regs(Regs *t, uint64_t gerror, uint64_t events)
{
    uint32_t idr[6];

    memcpy(idr, guest_idr, sizeof(idr));
    idr[0] |= 1u << 13;
    idr[1] |= 19 << 21 | 19 << 16;
    *t = (Regs) { };
    scene_init_idr(&t->s, host_idr, idr);
    guest_hook(t->s.guest, &ops, t);
    smmuv3_engine_reset(t->s.engine, idr);
    queue_init(&t->s.queue, t->s.guest, CMDQ_ADDR, 4);
    queue_seek(&t->s.queue, 0);
    wr(t, CMDQ_BASE, 8, CMDQ_ADDR | 4);
    wr(t, EVENTQ_BASE, 8, EVENTQ_ADDR | 4);
    wr(t, GERROR_IRQ_CFG0, 8, gerror);
    wr(t, GERROR_IRQ_CFG1, 4, 0xe440);
    wr(t, EVENTQ_IRQ_CFG0, 8, events);
    wr(t, EVENTQ_IRQ_CFG1, 4, 0xe7e7);
    wr(t, IRQ_CTRL, 4, 5);
    wr(t, CR0, 4, 0xc);
}

static void done(Regs *t)
{
    scene_done(&t->s);
}

static void run(Regs *t, SMMUv3Cmd cmd)
{
    t->s.queue.regs.cons = rd(t, CMDQ_CONS) & 0xfffff;
    queue_push(&t->s.queue, cmd);
    wr(t, CMDQ_PROD, 4, t->s.queue.regs.prod);
}

static void record(Regs *t)
{
    static const SMMUv3EventRecord event = { .dw = { 0x10 } };

    smmuv3_engine_record_events(t->s.engine, &event, 1, false);
}

static uint32_t active(Regs *t)
{
    return rd(t, GERROR) ^ rd(t, GERRORN);
}

static void acknowledge(Regs *t)
{
    wr(t, GERRORN, 4, rd(t, GERROR));
}

static void test_events(void)
{
    Regs t;

    init_regs(&t, 0, MSI_ADDR);
    record(&t);
    g_assert_cmphex(guest_read32(t.s.guest, MSI_ADDR), ==, 0xe7e7);
    g_assert_cmphex(rd(&t, EVENTQ_PROD), ==, 1);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_EVENTQ], ==, 0);
    g_assert_cmphex(active(&t), ==, 0);
    done(&t);
}

/* The GERROR that tells of it has its wire. */
static void test_events_aborted(void)
{
    Regs t;

    init_regs(&t, 0, NOWHERE);
    record(&t);
    g_assert_cmphex(active(&t), ==, MSI_EVENTQ_ABT);
    g_assert_cmphex(rd(&t, EVENTQ_PROD), ==, 1);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_GERROR], ==, 1);
    /* Told once until it is acknowledged; events go on. */
    record(&t);
    g_assert_cmphex(active(&t), ==, MSI_EVENTQ_ABT);
    g_assert_cmphex(rd(&t, EVENTQ_PROD), ==, 2);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_GERROR], ==, 1);
    acknowledge(&t);
    record(&t);
    g_assert_cmphex(active(&t), ==, MSI_EVENTQ_ABT);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_GERROR], ==, 2);
    done(&t);
}

static void test_gerror(void)
{
    Regs t;

    init_regs(&t, MSI_ADDR, 0);
    run(&t, cmd_raw(0xff, 0));
    g_assert_cmphex(active(&t), ==, CMDQ_ERR);
    g_assert_cmphex(guest_read32(t.s.guest, MSI_ADDR), ==, 0xe440);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_GERROR], ==, 0);
    done(&t);
}

/* Seen by who looks, and no interrupt for it. */
static void test_gerror_aborted(void)
{
    Regs t;

    init_regs(&t, NOWHERE, 0);
    run(&t, cmd_raw(0xff, 0));
    g_assert_cmphex(active(&t), ==, CMDQ_ERR | MSI_GERROR_ABT);
    g_assert_cmpuint(t.s.guest->msis, ==, 1);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_GERROR], ==, 0);
    done(&t);
}

static void test_cmdq_aborted(void)
{
    Regs t;

    init_regs(&t, 0, 0);
    run(&t, cmd_sync_msi(NOWHERE, 1));
    g_assert_cmphex(active(&t), ==, MSI_CMDQ_ABT);
    g_assert_cmphex(rd(&t, CMDQ_CONS), ==, 1);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_GERROR], ==, 1);
    run(&t, cmd_sync_msi(MSI_ADDR, 2));
    g_assert_cmphex(guest_read32(t.s.guest, MSI_ADDR), ==, 2);
    run(&t, cmd_sync_msi(NOWHERE, 3));
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_GERROR], ==, 1);
    acknowledge(&t);
    g_assert_cmphex(active(&t), ==, 0);
    done(&t);
}

/* A disabled interrupt is none, MSI or not. */
static void test_disabled(void)
{
    Regs t;

    init_regs(&t, MSI_ADDR, MSI_ADDR);
    wr(&t, IRQ_CTRL, 4, 0);
    record(&t);
    run(&t, cmd_raw(0xff, 0));
    g_assert_cmphex(active(&t), ==, CMDQ_ERR);
    g_assert_cmpuint(t.s.guest->msis, ==, 0);
    done(&t);
}

static void test_ring(void)
{
    uint64_t addr;
    Regs t;

    init_regs(&t, 0, 0);
    g_assert_cmpuint(smmuv3_engine_cmdq_ring(t.s.engine, &addr), ==, 256);
    g_assert_cmphex(addr, ==, CMDQ_ADDR);
    /* Aligned to its size; 2^31 commands are capped to 2^19. */
    wr(&t, CR0, 4, 0);
    wr(&t, CMDQ_BASE, 8, (CMDQ_ADDR + 0x1e0) | 31);
    g_assert_cmpuint(smmuv3_engine_cmdq_ring(t.s.engine, &addr), ==, 8 << 20);
    g_assert_cmphex(addr, ==, CMDQ_ADDR & ~UINT64_C(0x7fffff));
    done(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/msi/sync", test_sync);
    g_test_add_func("/msi/sync/wired", test_sync_wired);
    g_test_add_func("/msi/sync/not-promised", test_sync_not_promised);
    g_test_add_func("/msi/sync/not-taken", test_sync_not_taken);
    g_test_add_func("/msi/sync/address", test_sync_address);
    g_test_add_func("/msi/sync/order", test_sync_order);
    g_test_add_func("/msi/sync/aborted", test_sync_aborted);
    g_test_add_func("/msi/sync/behind-error", test_sync_behind_error);
    g_test_add_func("/msi/sync/atc-timeout", test_sync_atc_timeout);
    g_test_add_func("/msi/sync/slice", test_sync_slice);
    g_test_add_func("/msi/events", test_events);
    g_test_add_func("/msi/events/aborted", test_events_aborted);
    g_test_add_func("/msi/gerror", test_gerror);
    g_test_add_func("/msi/gerror/aborted", test_gerror_aborted);
    g_test_add_func("/msi/cmdq/aborted", test_cmdq_aborted);
    g_test_add_func("/msi/disabled", test_disabled);
    g_test_add_func("/msi/ring", test_ring);
    return g_test_run();
}
