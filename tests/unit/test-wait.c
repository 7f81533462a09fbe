/*
 * A host that refuses what hardware could not: the queue waits for it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Through the register file, as a guest has it. Time passes in wait_once().
 */
#include <errno.h>
#include <string.h>

#include "offsets.h"
#include "scene.h"

#define ON (SMMUEN | CMDQEN)

/* A first try and 13 more, all within what Linux waits for a CMD_SYNC: 1 s */
enum { MS_MAX = 895, TRIES = 14 };

/* ---- The host, of which there is one at a time ---- */

static struct {
    FakeCall call;
    int err;
    unsigned left;              /* calls that it still refuses */
} refusal;

static int refuse(SMMUv3Host *h G_GNUC_UNUSED, FakeCall call)
{
    if (call != refusal.call || !refusal.left) {
        return 0;
    }
    refusal.left--;
    return refusal.err;
}

static void host_refuses(SMMUv3Host *h, FakeCall call, int err, unsigned times)
{
    h->fails = refuse;
    refusal.call = call;
    refusal.err = err;
    refusal.left = times;
    fake_host_forget(h);
}

/* ---- The machine ---- */

typedef struct Machine {
    Scene s;
    uint32_t prod;
    bool asked;                 /* resume() was called... */
    unsigned delay_ms;          /* ...with this */
    unsigned ms;                /* that have passed */
} Machine;

static void on_resume(void *opaque, unsigned delay_ms)
{
    Machine *m = opaque;

    m->asked = true;
    m->delay_ms = delay_ms;
}

static void on_irq(void *opaque G_GNUC_UNUSED, SMMUv3Irq irq G_GNUC_UNUSED)
{
}

static int on_write(void *opaque G_GNUC_UNUSED, uint64_t addr G_GNUC_UNUSED,
                    const void *buf G_GNUC_UNUSED, size_t len G_GNUC_UNUSED)
{
    return 0;
}

static const GuestHooks ops = {
    .write = on_write, .irq = on_irq, .resume = on_resume,
};

static uint32_t rd(Machine *m, uint64_t offset)
{
    uint64_t value;

    g_assert_true(smmuv3_engine_read(m->s.engine, offset, 4, &value));
    return value;
}

static void wr(Machine *m, uint64_t offset, uint64_t value)
{
    g_assert_true(smmuv3_engine_write(m->s.engine, offset, 4, value));
}

static void set_up_registers(Machine *m)
{
    uint32_t idr[6];

    memcpy(idr, guest_idr, sizeof(idr));
    idr[1] |= SMMUV3_PREP(SMMUV3_IDR1_CMDQS, 7);
    smmuv3_engine_reset(m->s.engine, idr);
    m->prod = 0;
    wr(m, STRTAB_BASE, (uint32_t)STRTAB_ADDR);
    wr(m, STRTAB_BASE + 4, STRTAB_ADDR >> 32);
    wr(m, STRTAB_BASE_CFG, 8);
    wr(m, CMDQ_BASE, (uint32_t)CMDQ_ADDR | 7);
    wr(m, CMDQ_BASE + 4, CMDQ_ADDR >> 32);
    wr(m, CR0, ON);
}

/* @n devices, which translate. */
static void init(Machine *m, unsigned n)
{
    *m = (Machine) { };
    refusal.left = 0;
    scene_init_translating(&m->s);
    guest_hook(m->s.guest, &ops, m);
    for (unsigned i = 0; i < n; i++) {
        strtab_set(m->s.guest, &m->s.regs, FIRST_SID + i, ste_s1(CONTEXT_PTR));
        if (i) {
            scene_add(&m->s, i);
        }
    }
    set_up_registers(m);
    fake_host_forget(m->s.host);
}

static void done(Machine *m)
{
    scene_done(&m->s);
}

static void push(Machine *m, SMMUv3Cmd cmd)
{
    uint64_t addr = CMDQ_ADDR + 16 * (m->prod++ & 0x7f);

    guest_write64(m->s.guest, addr, cmd.dw[0]);
    guest_write64(m->s.guest, addr + 8, cmd.dw[1]);
}

static void ring_bell(Machine *m)
{
    wr(m, CMDQ_PROD, m->prod);
}

/* The guest has changed the STE of device @i. */
static SMMUv3Cmd change(Machine *m, unsigned i)
{
    strtab_set(m->s.guest, &m->s.regs, FIRST_SID + i,
               ste_s1(CONTEXT_PTR + 0x1000));
    return cmd_cfgi_ste(FIRST_SID + i);
}

static uint64_t table_of(const Machine *m, unsigned i)
{
    return fake_device_ste0(m->s.dev[i]) & SMMUV3_STE0_S1CONTEXTPTR;
}

static void expect_old(const Machine *m, unsigned i)
{
    g_assert_cmphex(table_of(m, i), ==, CONTEXT_PTR);
}

static void expect_new(const Machine *m, unsigned i)
{
    g_assert_cmphex(table_of(m, i), ==, CONTEXT_PTR + 0x1000);
}

static void expect_aborting(const Machine *m, unsigned i)
{
    g_assert_cmpint(scene_kind(&m->s, i), ==, SMMUV3_STREAM_ABORT);
    g_assert_cmphex(table_of(m, i), ==, 0);
}

/* The time that was asked for passes. False: none was. */
static bool wait_once(Machine *m)
{
    if (!m->asked) {
        return false;
    }
    m->asked = false;
    m->ms += m->delay_ms;
    smmuv3_engine_resume(m->s.engine);
    return true;
}

static void wait_for_end(Machine *m)
{
    m->ms = 0;
    while (wait_once(m)) {
        g_assert_cmpuint(m->ms, <=, 2 * MS_MAX);
    }
}

static void acknowledge(Machine *m)
{
    wr(m, GERRORN, rd(m, GERROR));
}

static uint32_t cons(Machine *m)
{
    return rd(m, CMDQ_CONS) & 0xfffff;
}

static void expect_waits(Machine *m, uint32_t at, unsigned ms)
{
    g_assert_cmpuint(cons(m), ==, at);
    g_assert_cmphex(rd(m, GERROR), ==, rd(m, GERRORN));
    g_assert_true(m->asked);
    g_assert_cmpuint(m->delay_ms, ==, ms);
}

static void expect_drained(Machine *m)
{
    g_assert_cmpuint(cons(m), ==, m->prod);
    g_assert_false(m->asked);
    g_assert_cmphex(rd(m, GERROR), ==, rd(m, GERRORN));
}

/* ---- Streams ---- */

/* In each call that a stream's change makes: it stays where it was. */
static void test_stream(gconstpointer data)
{
    FakeCall call = GPOINTER_TO_UINT(data);
    unsigned ms = 1;
    Machine m;

    init(&m, 1);
    push(&m, cmd_tlbi_va(1, 0x1000));
    push(&m, change(&m, 0));
    push(&m, cmd_sync(SMMUV3_SYNC_IRQ));
    host_refuses(m.s.host, call, call == FAKE_ATTACH ? EBUSY : ENOMEM, 3);
    ring_bell(&m);
    for (unsigned i = 0; i < 3; i++, ms *= 2) {
        expect_waits(&m, 1, ms);
        expect_old(&m, 0);
        g_assert_cmpuint(m.s.guest->sync_irqs, ==, 0);
        wait_once(&m);
    }
    expect_drained(&m);
    expect_new(&m, 0);
    g_assert_cmpuint(m.s.guest->sync_irqs, ==, 1);
    g_assert_cmpuint(m.s.guest->failures, ==, 0);
    g_assert_cmpuint(smmuv3_engine_stats(m.s.engine)->waits, ==, 3);
    g_assert_cmpuint(smmuv3_engine_stats(m.s.engine)->attach_failures, ==, 0);
    done(&m);
}

/* That is all it gets; what comes next is done, and tried as often. */
static void test_stream_lost(void)
{
    Machine m;

    init(&m, 1);
    push(&m, change(&m, 0));
    push(&m, cmd_sync(SMMUV3_SYNC_IRQ));
    host_refuses(m.s.host, FAKE_ATTACH, EBUSY, TRIES);
    ring_bell(&m);
    expect_old(&m, 0);
    wait_for_end(&m);
    g_assert_cmpuint(m.ms, ==, MS_MAX);
    expect_drained(&m);
    expect_aborting(&m, 0);
    g_assert_cmpuint(m.s.guest->failures, ==, 1);
    g_assert_cmpint(m.s.guest->failed_call, ==, SMMUV3_CALL_ATTACH);
    g_assert_cmpuint(m.s.guest->sync_irqs, ==, 1);
    push(&m, cmd_cfgi_ste(FIRST_SID));
    host_refuses(m.s.host, FAKE_ATTACH, EBUSY, TRIES - 1);
    ring_bell(&m);
    wait_for_end(&m);
    g_assert_cmpuint(m.ms, ==, MS_MAX);
    expect_new(&m, 0);
    done(&m);
}

/* The call that has failed is named, not one of those that follow. */
static void test_stream_call(void)
{
    static const struct {
        FakeCall fake;
        SMMUv3HostCall call;
    } calls[] = {
        { FAKE_HWPT_ALLOC, SMMUV3_CALL_HWPT_ALLOC },
        { FAKE_ATTACH, SMMUV3_CALL_ATTACH },
    };
    Machine m;

    for (unsigned i = 0; i < G_N_ELEMENTS(calls); i++) {
        init(&m, 1);
        push(&m, change(&m, 0));
        host_refuses(m.s.host, calls[i].fake, ENOMEM, UINT_MAX);
        ring_bell(&m);
        wait_for_end(&m);
        g_assert_cmpuint(m.s.guest->failures, ==, 1);
        g_assert_cmpint(m.s.guest->failed_call, ==, calls[i].call);
        refusal.left = 0;
        done(&m);
    }
}

/* So it is with a number that is new, whose vDEVICE comes first... */
static void test_call_vdevice(void)
{
    Machine m;

    init(&m, 1);
    guest_set_vsid(m.s.guest, m.s.dev[0], FIRST_SID + 5);
    push(&m, cmd_cfgi_ste(FIRST_SID + 7));
    strtab_set(m.s.guest, &m.s.regs, FIRST_SID + 5, ste_s1(CONTEXT_PTR));
    host_refuses(m.s.host, FAKE_VDEVICE_ALLOC, ENOMEM, UINT_MAX);
    ring_bell(&m);
    wait_for_end(&m);
    expect_drained(&m);
    g_assert_cmpuint(m.s.guest->failures, ==, 1);
    g_assert_cmpint(m.s.guest->failed_call, ==, SMMUV3_CALL_VDEVICE_ALLOC);
    refusal.left = 0;
    done(&m);
}

/* ...and with none at all, which is aborted by a detach. */
static void test_call_detach(void)
{
    Machine m;

    init(&m, 1);
    wr(&m, CR0, CMDQEN);
    guest_clear_vsid(m.s.guest, m.s.dev[0]);
    push(&m, cmd_cfgi_ste(FIRST_SID));
    ring_bell(&m);
    expect_drained(&m);
    host_refuses(m.s.host, FAKE_DETACH, EBUSY, UINT_MAX);
    wr(&m, CR0, ON);
    g_assert_cmpuint(m.s.guest->failures, ==, 1);
    g_assert_cmpint(m.s.guest->failed_call, ==, SMMUV3_CALL_DETACH);
    refusal.left = 0;
    done(&m);
}

/* What may pass, whichever of these it is. */
static void test_stream_passes(void)
{
    static const int errors[] = { EBUSY, ENOMEM, EAGAIN };
    Machine m;

    for (unsigned i = 0; i < G_N_ELEMENTS(errors); i++) {
        init(&m, 1);
        push(&m, change(&m, 0));
        host_refuses(m.s.host, FAKE_ATTACH, errors[i], 1);
        ring_bell(&m);
        expect_waits(&m, 0, 1);
        wait_for_end(&m);
        expect_drained(&m);
        expect_new(&m, 0);
        done(&m);
    }
}

/* What will not pass is not waited for. */
static void test_stream_at_once(void)
{
    Machine m;

    init(&m, 1);
    push(&m, change(&m, 0));
    host_refuses(m.s.host, FAKE_ATTACH, EINVAL, 1);
    ring_bell(&m);
    expect_drained(&m);
    expect_aborting(&m, 0);
    g_assert_cmpuint(m.s.guest->failures, ==, 1);
    done(&m);
}

/* One command about several streams has its second once. */
static void test_streams(void)
{
    Machine m;

    init(&m, 3);
    for (unsigned i = 0; i < 3; i++) {
        change(&m, i);
    }
    push(&m, cmd_cfgi_range(0, 31));
    push(&m, cmd_sync(SMMUV3_SYNC_IRQ));
    host_refuses(m.s.host, FAKE_ATTACH, EBUSY, UINT_MAX);
    ring_bell(&m);
    wait_for_end(&m);
    g_assert_cmpuint(m.ms, ==, MS_MAX);
    expect_drained(&m);
    g_assert_cmpuint(m.s.guest->failures, ==, 3);
    refusal.left = 0;
    push(&m, cmd_cfgi_range(0, 31));
    ring_bell(&m);
    expect_drained(&m);
    for (unsigned i = 0; i < 3; i++) {
        expect_new(&m, i);
    }
    done(&m);
}

/* ---- Invalidations ---- */

static void test_invalidation(void)
{
    Machine m;

    init(&m, 1);
    push(&m, cmd_tlbi_va(1, 0x1000));
    push(&m, cmd_sync(SMMUV3_SYNC_IRQ));
    host_refuses(m.s.host, FAKE_INVALIDATE, ENOMEM, 2);
    ring_bell(&m);
    expect_waits(&m, 0, 1);
    wait_once(&m);
    expect_waits(&m, 0, 2);
    wait_once(&m);
    expect_drained(&m);
    g_assert_cmpuint(m.s.guest->sync_irqs, ==, 1);
    done(&m);
}

/* The guest acknowledges and acknowledges; each time takes a second. */
static void test_invalidation_lost(void)
{
    Machine m;

    init(&m, 1);
    push(&m, cmd_tlbi_va(1, 0x1000));
    push(&m, cmd_sync(SMMUV3_SYNC_IRQ));
    host_refuses(m.s.host, FAKE_INVALIDATE, ENOMEM, UINT_MAX);
    ring_bell(&m);
    for (unsigned i = 0; i < 3; i++) {
        wait_for_end(&m);
        g_assert_cmpuint(m.ms, ==, MS_MAX);
        g_assert_cmpuint(m.s.host->calls[FAKE_INVALIDATE], ==, TRIES);
        g_assert_cmphex(rd(&m, CMDQ_CONS), ==, SMMUV3_CERROR_ABT << 24);
        g_assert_cmphex(rd(&m, GERROR), !=, rd(&m, GERRORN));
        fake_host_forget(m.s.host);
        acknowledge(&m);
    }
    refusal.left = 0;
    wait_for_end(&m);
    expect_drained(&m);
    g_assert_cmpuint(m.s.guest->sync_irqs, ==, 1);
    done(&m);
}

/* An illegal one is the guest's fault, whatever the host said before. */
static void test_illegal(void)
{
    Machine m;

    init(&m, 1);
    push(&m, cmd_tlbi_va(1, 0x1000));
    host_refuses(m.s.host, FAKE_INVALIDATE, EIO, 1);
    ring_bell(&m);
    g_assert_false(m.asked);
    g_assert_cmphex(rd(&m, CMDQ_CONS), ==, SMMUV3_CERROR_ILL << 24);
    done(&m);
}

/* ---- While it waits ---- */

static void init_waiting(Machine *m)
{
    init(m, 1);
    push(m, change(m, 0));
    host_refuses(m->s.host, FAKE_ATTACH, EBUSY, 1);
    ring_bell(m);
    expect_waits(m, 0, 1);
}

/* No write makes it try again: the guest is not to set the pace. */
static void test_no_hurry(void)
{
    Machine m;

    init_waiting(&m);
    push(&m, cmd_sync(SMMUV3_SYNC_IRQ));
    ring_bell(&m);
    g_assert_false(smmuv3_engine_write_prod_quiet(m.s.engine, m.prod) &&
                   m.s.guest->sync_irqs);
    smmuv3_engine_settle(m.s.engine);
    m.asked = false;
    smmuv3_engine_post_prod(m.s.engine, m.prod);
    wr(&m, GERRORN, 0);
    wr(&m, CR0, SMMUEN);
    wr(&m, CR0, ON);
    g_assert_false(m.asked);
    g_assert_cmpuint(m.s.host->calls[FAKE_ATTACH], ==, 1);
    g_assert_cmpuint(cons(&m), ==, 0);
    smmuv3_engine_resume(m.s.engine);
    expect_drained(&m);
    expect_new(&m, 0);
    done(&m);
}

static void test_reset(void)
{
    Machine m;

    init_waiting(&m);
    set_up_registers(&m);
    expect_new(&m, 0);
    push(&m, cmd_sync(SMMUV3_SYNC_IRQ));
    m.asked = false;
    ring_bell(&m);
    expect_drained(&m);
    done(&m);
}

/* The state of another VM has nothing to wait for here. */
static void test_load(void)
{
    SMMUv3Regs state;
    Machine m;

    init_waiting(&m);
    state = *smmuv3_engine_state(m.s.engine);
    m.asked = false;
    smmuv3_engine_set_state(m.s.engine, &state);
    expect_waits(&m, 0, 0);
    wait_for_end(&m);
    expect_drained(&m);
    expect_new(&m, 0);
    done(&m);
}

/* A VM that is stopped tries nothing, and goes on where it was. */
static void test_pause(void)
{
    Machine m;

    init_waiting(&m);
    smmuv3_engine_pause(m.s.engine, true);
    wait_once(&m);
    expect_old(&m, 0);
    g_assert_false(m.asked);
    smmuv3_engine_pause(m.s.engine, false);
    g_assert_true(m.asked);
    wait_for_end(&m);
    expect_drained(&m);
    expect_new(&m, 0);
    done(&m);
}

/* Another device's plugging is none of the stream's business. */
static void test_plug(void)
{
    Machine m;

    init_waiting(&m);
    strtab_set(m.s.guest, &m.s.regs, FIRST_SID + 1, ste_s1(CONTEXT_PTR));
    scene_add(&m.s, 1);
    expect_old(&m, 0);
    expect_waits(&m, 0, 1);
    wait_for_end(&m);
    expect_drained(&m);
    expect_new(&m, 0);
    g_assert_cmpuint(m.s.guest->failures, ==, 0);
    done(&m);
}

/* Whose number has changed waits like any other, aborting meanwhile. */
static void test_renumbered(void)
{
    Machine m;

    init(&m, 1);
    guest_set_vsid(m.s.guest, m.s.dev[0], FIRST_SID + 5);
    strtab_set(m.s.guest, &m.s.regs, FIRST_SID + 5,
               ste_s1(CONTEXT_PTR + 0x1000));
    push(&m, cmd_cfgi_ste(FIRST_SID + 7));
    push(&m, cmd_sync(SMMUV3_SYNC_IRQ));
    host_refuses(m.s.host, FAKE_HWPT_ALLOC, ENOMEM, 2);
    ring_bell(&m);
    expect_waits(&m, 0, 1);
    expect_aborting(&m, 0);
    wait_for_end(&m);
    expect_drained(&m);
    expect_new(&m, 0);
    g_assert_cmpuint(m.s.guest->failures, ==, 0);
    done(&m);
}

/* Nor is it if that waits at a new number. */
static void test_plug_renumbered(void)
{
    Machine m;

    init(&m, 1);
    guest_set_vsid(m.s.guest, m.s.dev[0], FIRST_SID + 5);
    strtab_set(m.s.guest, &m.s.regs, FIRST_SID + 5,
               ste_s1(CONTEXT_PTR + 0x1000));
    push(&m, cmd_cfgi_ste(FIRST_SID + 7));
    host_refuses(m.s.host, FAKE_VDEVICE_ALLOC, ENOMEM, 1);
    ring_bell(&m);
    expect_waits(&m, 0, 1);
    scene_add(&m.s, 1);
    expect_aborting(&m, 0);
    expect_waits(&m, 0, 1);
    wait_for_end(&m);
    expect_drained(&m);
    expect_new(&m, 0);
    done(&m);
}

/* What the host owes one queue is not what it owes the next (kexec). */
static void test_new_queue(void)
{
    Machine m;

    init(&m, 2);
    push(&m, change(&m, 0));
    host_refuses(m.s.host, FAKE_ATTACH, EBUSY, TRIES - 1);
    ring_bell(&m);
    for (unsigned i = 0; i < TRIES - 2; i++) {
        g_assert_true(wait_once(&m));
    }
    expect_waits(&m, 0, 128);
    wr(&m, CR0, SMMUEN);
    wr(&m, CMDQ_PROD, 0);
    wr(&m, CMDQ_CONS, 0);
    wr(&m, CR0, ON);
    m.prod = 0;
    push(&m, change(&m, 1));
    host_refuses(m.s.host, FAKE_ATTACH, EBUSY, 1);
    ring_bell(&m);
    g_assert_true(wait_once(&m));
    expect_waits(&m, 0, 1);
    wait_for_end(&m);
    expect_drained(&m);
    expect_new(&m, 1);
    done(&m);
}

static int refuse_to_move(SMMUv3Host *h G_GNUC_UNUSED, FakeCall call)
{
    return call == FAKE_ATTACH || call == FAKE_DETACH ? EBUSY : 0;
}

/* A stream that cannot even be made to abort is not done. */
static void test_immovable(void)
{
    Machine m;

    init(&m, 1);
    strtab_set(m.s.guest, &m.s.regs, FIRST_SID, (SMMUv3Ste) { });
    push(&m, cmd_cfgi_ste(FIRST_SID));
    push(&m, cmd_sync(SMMUV3_SYNC_IRQ));
    m.s.host->fails = refuse_to_move;
    for (unsigned i = 0; i < 2; i++) {
        ring_bell(&m);
        wait_for_end(&m);
        g_assert_cmphex(rd(&m, CMDQ_CONS), ==, SMMUV3_CERROR_ABT << 24);
        g_assert_cmphex(rd(&m, GERROR), !=, rd(&m, GERRORN));
        g_assert_cmpuint(m.s.guest->sync_irqs, ==, 0);
        g_assert_cmpint(m.s.guest->failed_call, ==, SMMUV3_CALL_ATTACH);
        expect_old(&m, 0);
        m.s.host->fails = i ? NULL : refuse_to_move;
        acknowledge(&m);
    }
    wait_for_end(&m);
    expect_drained(&m);
    expect_aborting(&m, 0);
    g_assert_cmpuint(m.s.guest->sync_irqs, ==, 1);
    done(&m);
}

/* So it is with one that has lost its number, and has no other. */
static void test_immovable_number(void)
{
    Machine m;

    init(&m, 1);
    guest_clear_vsid(m.s.guest, m.s.dev[0]);
    push(&m, cmd_cfgi_ste(FIRST_SID));
    m.s.host->fails = refuse_to_move;
    ring_bell(&m);
    wait_for_end(&m);
    g_assert_cmphex(rd(&m, CMDQ_CONS), ==, SMMUV3_CERROR_ABT << 24);
    m.s.host->fails = NULL;
    acknowledge(&m);
    wait_for_end(&m);
    expect_drained(&m);
    expect_aborting(&m, 0);
    done(&m);
}

static int gone_errno;

static int is_gone(SMMUv3Host *h G_GNUC_UNUSED, FakeCall call)
{
    return call == FAKE_ATTACH || call == FAKE_DETACH ? gone_errno : 0;
}

/* One that is gone, or does not wake, does no DMA: it holds nobody up. */
static void test_gone(gconstpointer data)
{
    Machine m;

    gone_errno = GPOINTER_TO_INT(data);
    init(&m, 1);
    strtab_set(m.s.guest, &m.s.regs, FIRST_SID, (SMMUv3Ste) { });
    push(&m, cmd_cfgi_ste(FIRST_SID));
    push(&m, cmd_sync(SMMUV3_SYNC_IRQ));
    m.s.host->fails = is_gone;
    ring_bell(&m);
    expect_drained(&m);
    g_assert_cmpuint(m.s.guest->failures, ==, 1);
    g_assert_cmpuint(m.s.guest->sync_irqs, ==, 1);
    m.s.host->fails = NULL;
    done(&m);
}

static void test_unplug(void)
{
    Machine m;

    init_waiting(&m);
    scene_remove(&m.s, 0);
    wait_for_end(&m);
    expect_drained(&m);
    done(&m);
}

/* A quiet run forwards, and so may have to wait. */
static void test_quiet(void)
{
    Machine m;

    init(&m, 1);
    push(&m, cmd_tlbi_va(1, 0x1000));
    push(&m, cmd_sync(SMMUV3_SYNC_NONE));
    host_refuses(m.s.host, FAKE_INVALIDATE, ENOMEM, 1);
    m.s.guest->quiet = true;
    g_assert_false(smmuv3_engine_write_prod_quiet(m.s.engine, m.prod));
    m.s.guest->quiet = false;
    /* Who has yet to settle that goes on with what was posted meanwhile. */
    m.asked = false;
    smmuv3_engine_post_prod(m.s.engine, m.prod);
    g_assert_false(m.asked);
    smmuv3_engine_settle(m.s.engine);
    expect_waits(&m, 0, 1);
    wait_once(&m);
    expect_drained(&m);
    done(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/wait/stream/attach", GUINT_TO_POINTER(FAKE_ATTACH),
                         test_stream);
    g_test_add_data_func("/wait/stream/hwpt",
                         GUINT_TO_POINTER(FAKE_HWPT_ALLOC), test_stream);
    g_test_add_func("/wait/stream/lost", test_stream_lost);
    g_test_add_func("/wait/stream/call", test_stream_call);
    g_test_add_func("/wait/stream/call-vdevice", test_call_vdevice);
    g_test_add_func("/wait/stream/call-detach", test_call_detach);
    g_test_add_func("/wait/stream/passes", test_stream_passes);
    g_test_add_func("/wait/stream/at-once", test_stream_at_once);
    g_test_add_func("/wait/stream/several", test_streams);
    g_test_add_func("/wait/invalidation/again", test_invalidation);
    g_test_add_func("/wait/invalidation/lost", test_invalidation_lost);
    g_test_add_func("/wait/invalidation/illegal", test_illegal);
    g_test_add_func("/wait/no-hurry", test_no_hurry);
    g_test_add_func("/wait/reset", test_reset);
    g_test_add_func("/wait/load", test_load);
    g_test_add_func("/wait/pause", test_pause);
    g_test_add_func("/wait/plug", test_plug);
    g_test_add_func("/wait/plug-renumbered", test_plug_renumbered);
    g_test_add_func("/wait/renumbered", test_renumbered);
    g_test_add_func("/wait/new-queue", test_new_queue);
    g_test_add_func("/wait/immovable", test_immovable);
    g_test_add_func("/wait/immovable-number", test_immovable_number);
    g_test_add_data_func("/wait/gone/enodev", GINT_TO_POINTER(ENODEV),
                         test_gone);
    g_test_add_data_func("/wait/gone/eio", GINT_TO_POINTER(EIO), test_gone);
    g_test_add_func("/wait/unplug", test_unplug);
    g_test_add_func("/wait/quiet", test_quiet);
    return g_test_run();
}
