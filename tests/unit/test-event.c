/*
 * Events: from the host's queue, and the engine's own, to the guest's EVENTQ.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>

#include "offsets.h"
#include "scene.h"

#define EVENTQ_ADDR (GUEST_BASE + 0xa00000)

/* Where a driver finds them. */
enum { PROD = EVENTQ_PROD, CONS = EVENTQ_CONS };

#define RECINVSID 2u
#define EVENTQ_ABT_ERR 4u
#define OVERFLOW 0x80000000u
#define TRANSLATION 0x10u

typedef struct Scenery {
    Scene s;
    unsigned irqs[2];
    unsigned writes;
} Scenery;

static void on_irq(void *opaque, SMMUv3Irq irq)
{
    ((Scenery *)opaque)->irqs[irq]++;
}

static void on_resume(void *opaque, unsigned delay_ms G_GNUC_UNUSED)
{
    (void)opaque;
    g_assert_not_reached();
}

static int on_write(void *opaque, uint64_t addr, const void *buf, size_t len)
{
    Scenery *t = opaque;

    t->writes++;
    return guest_write(t->s.guest, addr, buf, len);
}

static const GuestHooks ops = {
    .write = on_write, .irq = on_irq, .resume = on_resume,
};

static uint32_t rd(Scenery *t, uint64_t offset)
{
    uint64_t value;

    g_assert_true(smmuv3_engine_read(t->s.engine, offset, 4, &value));
    return value;
}

static void wr(Scenery *t, uint64_t offset, uint32_t value)
{
    g_assert_true(smmuv3_engine_write(t->s.engine, offset, 4, value));
}

static void wr64(Scenery *t, uint64_t offset, uint64_t value)
{
    g_assert_true(smmuv3_engine_write(t->s.engine, offset, 8, value));
}

/* A guest with 19-bit queues, a stream table, and its event queue set up. */
static void init(Scenery *t, unsigned log2size)
{
    uint32_t idr[6];

    memcpy(idr, guest_idr, sizeof(idr));
    idr[1] |= 19u << 21 | 19u << 16;
    *t = (Scenery) { .writes = 0 };
    scene_init(&t->s);
    guest_hook(t->s.guest, &ops, t);
    smmuv3_engine_reset(t->s.engine, idr);
    wr64(t, STRTAB_BASE, STRTAB_ADDR);
    wr(t, STRTAB_BASE_CFG, 8);
    wr64(t, CMDQ_BASE, CMDQ_ADDR | 8);
    wr64(t, EVENTQ_BASE, EVENTQ_ADDR | log2size);
    wr(t, IRQ_CTRL, 5);
}

static void done(Scenery *t)
{
    scene_done(&t->s);
}

/* Device 0 translates and the queue is on. */
static void init_translating(Scenery *t, unsigned log2size)
{
    init(t, log2size);
    scene_add(&t->s, 0);
    strtab_set(t->s.guest, &t->s.regs, FIRST_SID, ste_s1(CONTEXT_PTR));
    wr(t, CR0, EVENTQEN | CMDQEN | SMMUEN);
}

static SMMUv3EventRecord fault(uint64_t addr)
{
    return (SMMUv3EventRecord) {
        .dw = { GUINT64_TO_LE(TRANSLATION), 0, GUINT64_TO_LE(addr), 0 },
    };
}

static void faults(Scenery *t, unsigned first, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_assert_true(fake_host_fault(t->s.host, t->s.dev[0],
                                      fault(0x1000 * (first + i))));
    }
}

static uint64_t event_word(Scenery *t, unsigned slot, unsigned word)
{
    uint64_t value;

    memcpy(&value, guest_at(t->s.guest, EVENTQ_ADDR + 32 * slot + 8 * word, 8),
           8);
    return GUINT64_FROM_LE(value);
}

static void expect_fault(Scenery *t, unsigned slot, unsigned nth)
{
    g_assert_cmphex(event_word(t, slot, 0), ==,
                    TRANSLATION | (uint64_t)FIRST_SID << 32);
    g_assert_cmphex(event_word(t, slot, 2), ==, 0x1000 * nth);
}

static const SMMUv3EngineStats *stats(Scenery *t)
{
    return smmuv3_engine_stats(t->s.engine);
}

/* The host's queue comes with the guest's wish and the vIOMMU, in any order. */
static void test_when(void)
{
    Scenery t;

    init(&t, 4);
    scene_add(&t.s, 0);
    g_assert_cmpint(t.s.guest->events_fd, ==, -1);
    wr(&t, CR0, EVENTQEN);
    g_assert_cmpint(t.s.guest->events_fd, >=, 1000);
    wr(&t, CR0, 0);
    wr(&t, CR0, EVENTQEN);
    g_assert_cmpuint(fake_objects(t.s.host, FAKE_VEVENTQ), ==, 1);
    scene_remove(&t.s, 0);
    g_assert_cmpint(t.s.guest->events_fd, ==, -1);
    g_assert_cmpuint(fake_objects(t.s.host, FAKE_VEVENTQ), ==, 0);
    scene_add(&t.s, 1);
    g_assert_cmpint(t.s.guest->events_fd, >=, 1000);
    done(&t);
}

/* A kernel without: said, and all else works. */
static void test_no_queue(void)
{
    Scenery t;

    init(&t, 4);
    scene_add(&t.s, 0);
    fake_host_fail_nth(t.s.host, FAKE_VEVENTQ_ALLOC, 1, EOPNOTSUPP);
    wr(&t, CR0, EVENTQEN);
    g_assert_cmpuint(t.s.guest->events_failures, ==, 1);
    g_assert_cmpint(t.s.guest->events_fd, ==, -1);
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmpuint(t.s.host->calls[FAKE_VEVENTQ_READ], ==, 0);
    g_assert_cmphex(rd(&t, CR0ACK), ==, EVENTQEN);
    done(&t);
}

/* Several in one read, one write, one interrupt. */
static void test_bulk(void)
{
    Scenery t;

    init_translating(&t, 6);
    faults(&t, 1, 20);
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmphex(rd(&t, PROD), ==, 20);
    for (unsigned i = 0; i < 20; i++) {
        expect_fault(&t, i, i + 1);
    }
    g_assert_cmpuint(t.writes, ==, 1);
    g_assert_cmpuint(t.s.host->calls[FAKE_VEVENTQ_READ], ==, 1);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_EVENTQ], ==, 1);
    g_assert_cmpuint(stats(&t)->events, ==, 20);
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_EVENTQ], ==, 1);
    done(&t);
}

/* One call takes 128 at the most; the descriptor stays readable. */
static void test_bounded(void)
{
    Scenery t;

    init_translating(&t, 10);
    faults(&t, 0, 300);
    for (unsigned i = 0; i < 3; i++) {
        smmuv3_engine_host_events(t.s.engine);
        g_assert_cmphex(rd(&t, PROD), ==, MIN(300, 128 * (i + 1)));
    }
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_EVENTQ], ==, 3);
    done(&t);
}

static void test_no_irq(void)
{
    Scenery t;

    init_translating(&t, 4);
    wr(&t, IRQ_CTRL, 1);
    faults(&t, 0, 1);
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmphex(rd(&t, PROD), ==, 1);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_EVENTQ], ==, 0);
    done(&t);
}

/* Around the ring's end, wrap bit included. */
static void test_wrap(void)
{
    Scenery t;

    init_translating(&t, 3);
    for (unsigned round = 0; round < 7; round++) {
        faults(&t, 5 * round, 5);
        smmuv3_engine_host_events(t.s.engine);
        g_assert_cmphex(rd(&t, PROD), ==, (5 * (round + 1)) & 0xf);
        for (unsigned i = 5 * round; i < 5 * round + 5; i++) {
            expect_fault(&t, i & 7, i);
        }
        wr(&t, CONS, rd(&t, PROD));
    }
    done(&t);
}

/* 7.4: OVFLG is toggled once, and again only when it was acknowledged. */
static void test_overflow(void)
{
    Scenery t;

    init_translating(&t, 3);
    faults(&t, 0, 10);
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmphex(rd(&t, PROD), ==, OVERFLOW | 8);
    faults(&t, 10, 1);
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmphex(rd(&t, PROD), ==, OVERFLOW | 8);
    expect_fault(&t, 0, 0);
    /* Room, but not acknowledged: an event comes, OVFLG stays. */
    wr(&t, CONS, 8);
    faults(&t, 11, 9);
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmphex(rd(&t, PROD), ==, OVERFLOW | 0);
    expect_fault(&t, 0, 11);
    /* Acknowledged: the next overflow toggles it back. */
    wr(&t, CONS, OVERFLOW | 8);
    faults(&t, 30, 1);
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmphex(rd(&t, PROD), ==, 0);
    g_assert_cmphex(rd(&t, GERROR), ==, 0);
    done(&t);
}

/* A CONS that was never written is a full queue, not endless room. */
static void test_bogus_cons(void)
{
    Scenery t;

    init_translating(&t, 3);
    wr(&t, CONS, 3);
    faults(&t, 0, 4);
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmphex(rd(&t, PROD), ==, OVERFLOW | 0);
    g_assert_cmpuint(t.writes, ==, 0);
    done(&t);
}

/* The host's own queue was full: a LOST_EVENTS at its tail, or a gap. */
static void test_lost(void)
{
    Scenery t;

    init_translating(&t, 13);
    faults(&t, 0, 4096 + 7);
    while (stats(&t)->events < 4096) {
        g_assert_cmphex(rd(&t, PROD) & OVERFLOW, ==, 0);
        smmuv3_engine_host_events(t.s.engine);
    }
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmphex(rd(&t, PROD), ==, OVERFLOW | 4096);
    g_assert_cmpuint(stats(&t)->events_lost, ==, 1);
    /* What follows is in sequence again. */
    wr(&t, CONS, OVERFLOW | 4096);
    faults(&t, 0, 3);
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmphex(rd(&t, PROD), ==, OVERFLOW | 4099);
    g_assert_cmpuint(stats(&t)->events_lost, ==, 1);
    done(&t);
}

/* Nothing but the loss: told at once, and once until it is acknowledged. */
static void test_lost_alone(void)
{
    SMMUv3EventRecord none;
    Scenery t;

    init_translating(&t, 4);
    for (unsigned round = 0; round < 3; round++) {
        uint32_t flag = round % 2 ? 0 : OVERFLOW;

        smmuv3_engine_record_events(t.s.engine, &none, 0, true);
        smmuv3_engine_record_events(t.s.engine, &none, 0, true);
        g_assert_cmphex(rd(&t, PROD), ==, flag);
        g_assert_cmpuint(t.irqs[SMMUV3_IRQ_EVENTQ], ==, round + 1);
        wr(&t, CONS, flag);
    }
    g_assert_cmpuint(t.writes, ==, 0);
    done(&t);
}

/* The host's last word was that it lost some, and no event comes after it. */
static void test_lost_tail(void)
{
    unsigned before;
    Scenery t;

    init_translating(&t, 13);
    faults(&t, 0, 4096 + 7);
    while (stats(&t)->events < 4096) {
        smmuv3_engine_host_events(t.s.engine);
    }
    before = t.irqs[SMMUV3_IRQ_EVENTQ];
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmphex(rd(&t, PROD), ==, OVERFLOW | 4096);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_EVENTQ], ==, before + 1);
    done(&t);
}

/* Of a queue that is off nobody hears anything, 7.4. */
static void test_lost_disabled(void)
{
    SMMUv3EventRecord none;
    Scenery t;

    init_translating(&t, 4);
    wr(&t, CR0, SMMUEN);
    smmuv3_engine_record_events(t.s.engine, &none, 0, true);
    g_assert_cmphex(rd(&t, PROD), ==, 0);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_EVENTQ], ==, 0);
    done(&t);
}

static FakeObject *veventq(Scenery *t)
{
    return fake_object(t->s.host, t->s.guest->events_fd - FAKE_VEVENTQ_FD(0));
}

/* A gap without a LOST_EVENTS: the lost one was followed by another. */
static void test_gap(void)
{
    Scenery t;

    init_translating(&t, 4);
    faults(&t, 0, 2);
    veventq(&t)->sequence += 3;
    faults(&t, 2, 1);
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmphex(rd(&t, PROD), ==, OVERFLOW | 3);
    expect_fault(&t, 2, 2);
    g_assert_cmpuint(stats(&t)->events_lost, ==, 1);
    done(&t);
}

/* INT_MAX is followed by 0. */
static void test_sequence_wrap(void)
{
    Scenery t;

    init_translating(&t, 5);
    veventq(&t)->sequence = INT32_MAX - 1;
    faults(&t, 0, 1);
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmpuint(stats(&t)->events_lost, ==, 1);
    faults(&t, 1, 5);
    g_assert_cmpuint(veventq(&t)->sequence, ==, 4);
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmpuint(stats(&t)->events_lost, ==, 1);
    g_assert_cmphex(rd(&t, PROD) & ~OVERFLOW, ==, 6);
    done(&t);
}

/* 7.2.1: a write abort, and nothing more until it is acknowledged. */
static void test_abort(void)
{
    Scenery t;

    init_translating(&t, 4);
    guest_hole(t.s.guest, EVENTQ_ADDR, 64);
    faults(&t, 0, 2);
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmphex(rd(&t, GERROR), ==, EVENTQ_ABT_ERR);
    g_assert_cmphex(rd(&t, PROD), ==, 0);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_GERROR], ==, 1);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_EVENTQ], ==, 0);
    guest_no_holes(t.s.guest);
    faults(&t, 2, 1);
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmphex(rd(&t, PROD), ==, 0);
    wr(&t, GERRORN, EVENTQ_ABT_ERR);
    faults(&t, 3, 1);
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmphex(rd(&t, PROD), ==, 1);
    expect_fault(&t, 0, 3);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_GERROR], ==, 1);
    done(&t);
}

static void test_disabled(void)
{
    Scenery t;

    init_translating(&t, 4);
    wr(&t, CR0, SMMUEN);
    faults(&t, 0, 2);
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmphex(rd(&t, PROD), ==, 0);
    g_assert_cmpuint(t.writes, ==, 0);
    wr(&t, CR0, SMMUEN | EVENTQEN);
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmphex(rd(&t, PROD), ==, 0);
    done(&t);
}

/* What was read late, of a number that is no longer the guest's. */
static void test_unknown(void)
{
    Scenery t;

    init_translating(&t, 4);
    scene_add(&t.s, 1);
    faults(&t, 0, 2);
    scene_remove(&t.s, 0);
    smmuv3_engine_host_events(t.s.engine);
    g_assert_cmphex(rd(&t, PROD), ==, 0);
    g_assert_cmpuint(stats(&t)->events_unknown, ==, 2);
    done(&t);
}

/* Of its own: an STE with V=1 that is illegal. */

static void put_command(Scenery *t, uint32_t slot, SMMUv3Cmd cmd)
{
    guest_write64(t->s.guest, CMDQ_ADDR + 16 * (slot & 0xff), cmd.dw[0]);
    guest_write64(t->s.guest, CMDQ_ADDR + 16 * (slot & 0xff) + 8, cmd.dw[1]);
}

static void cfgi(Scenery *t, SMMUv3Cmd cmd)
{
    uint32_t prod = rd(t, CMDQ_PROD);

    put_command(t, prod, cmd);
    wr(t, CMDQ_PROD, (prod + 1) & 0x1ff);
}

static void install(Scenery *t, SMMUv3Ste ste)
{
    strtab_set(t->s.guest, &t->s.regs, FIRST_SID, ste);
    cfgi(t, cmd_cfgi_ste(FIRST_SID));
}

/* The record is type and StreamID; all else is RES0 (7.3.5). */
static void expect_own(Scenery *t, unsigned n)
{
    g_assert_cmphex(rd(t, PROD), ==, n);
    g_assert_cmpuint(t->irqs[SMMUV3_IRQ_EVENTQ], ==, n);
    g_assert_cmpuint(stats(t)->events_own, ==, n);
    if (n) {
        g_assert_cmphex(event_word(t, n - 1, 0), ==,
                        SMMUV3_EVENT_C_BAD_STE | (uint64_t)FIRST_SID << 32);
        for (unsigned word = 1; word < 4; word++) {
            g_assert_cmphex(event_word(t, n - 1, word), ==, 0);
        }
    }
}

/* Once for as long as it stands, however often it is named. */
static void test_own(void)
{
    Scenery t;

    init_translating(&t, 4);
    for (unsigned i = 0; i < 3; i++) {
        install(&t, ste_config(SMMUV3_STE_CONFIG_NESTED));
        cfgi(&t, cmd_cfgi_range(FIRST_SID, 1));
        expect_own(&t, 1);
    }
    install(&t, ste_s1(CONTEXT_PTR));
    install(&t, ste_config(SMMUV3_STE_CONFIG_S2));
    expect_own(&t, 2);
    /* Off and on again, it stands anew. */
    wr(&t, CR0, EVENTQEN | CMDQEN);
    wr(&t, CR0, EVENTQEN | CMDQEN | SMMUEN);
    expect_own(&t, 2);
    cfgi(&t, cmd_cfgi_ste(FIRST_SID));
    expect_own(&t, 3);
    done(&t);
}

/* Nobody meant the stream, or there is nothing to tell. */
static void test_own_silent(void)
{
    Scenery t;

    init_translating(&t, 4);
    cfgi(&t, cmd_cfgi_ste(FIRST_SID));
    install(&t, ste_config(SMMUV3_STE_CONFIG_ABORT));
    strtab_set(t.s.guest, &t.s.regs, FIRST_SID,
               ste_config(SMMUV3_STE_CONFIG_NESTED));
    cfgi(&t, cmd_cfgi_range(0, 31));
    cfgi(&t, cmd_cfgi_ste(FIRST_SID + 1));
    wr(&t, CR0, EVENTQEN | CMDQEN);
    wr(&t, CR0, EVENTQEN | CMDQEN | SMMUEN);
    expect_own(&t, 0);
    g_assert_cmpint(scene_kind(&t.s, 0), ==, SMMUV3_STREAM_ABORT);
    done(&t);
}

/* 3.21.3.1, up and down: each step is a window of its own. */
static void test_own_update_procedure(void)
{
    SMMUv3Ste filled = ste_s1(CONTEXT_PTR), illegal;
    Scenery t;

    filled.dw[0] &= ~SMMUV3_STE0_V;
    illegal = ste_config(SMMUV3_STE_CONFIG_NESTED);
    illegal.dw[0] &= ~SMMUV3_STE0_V;
    init_translating(&t, 4);
    for (unsigned round = 0; round < 2; round++) {
        install(&t, ste_invalid());
        install(&t, illegal);
        install(&t, filled);
        install(&t, ste_s1(CONTEXT_PTR));
        g_assert_cmpint(scene_kind(&t.s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    }
    install(&t, filled);
    g_assert_cmpint(scene_event(&t.s, 0), ==,
                    SMMUV3_EVENT_C_BAD_STE);
    expect_own(&t, 0);
    done(&t);
}

/* A table that is not there, or not yet, has no STE that could be illegal. */
static void test_own_no_ste(void)
{
    Scenery t;

    init_translating(&t, 4);
    guest_hole(t.s.guest, STRTAB_ADDR, 0x4000);
    cfgi(&t, cmd_cfgi_ste(FIRST_SID));
    g_assert_cmpint(scene_event(&t.s, 0), ==,
                    SMMUV3_EVENT_F_STE_FETCH);
    guest_no_holes(t.s.guest);
    wr(&t, CR0, EVENTQEN | CMDQEN);
    wr(&t, STRTAB_BASE_CFG, 4);
    wr(&t, CR0, EVENTQEN | CMDQEN | SMMUEN);
    cfgi(&t, cmd_cfgi_ste(FIRST_SID));
    g_assert_cmpint(scene_event(&t.s, 0), ==,
                    SMMUV3_EVENT_C_BAD_STREAMID);
    expect_own(&t, 0);
    done(&t);
}

/* A hundred commands in one window leave one event. */
static void test_own_once(void)
{
    Scenery t;

    init_translating(&t, 4);
    strtab_set(t.s.guest, &t.s.regs, FIRST_SID,
               ste_config(SMMUV3_STE_CONFIG_S2));
    for (unsigned i = 0; i < 100; i++) {
        put_command(&t, i, cmd_cfgi_ste(FIRST_SID));
    }
    wr(&t, CMDQ_PROD, 100);
    expect_own(&t, 1);
    done(&t);
}

/* The STE is legal when the engine looks for the second time. */
static void make_legal(Guest *g, uint64_t addr, size_t len)
{
    const Scenery *t = g->hook_data;

    if (len == 2 * sizeof(uint64_t) &&
        addr == STRTAB_ADDR + sizeof(SMMUv3Ste) * FIRST_SID) {
        strtab_set(g, &t->s.regs, FIRST_SID, ste_s1(CONTEXT_PTR + 0x1000));
    }
}

/* What did not last until the window's end is not told of. */
static void test_own_passing(void)
{
    Scenery t;

    init_translating(&t, 4);
    strtab_set(t.s.guest, &t.s.regs, FIRST_SID,
               ste_config(SMMUV3_STE_CONFIG_S2));
    t.s.guest->after_read = make_legal;
    t.s.guest->hook_data = &t;
    put_command(&t, 0, cmd_cfgi_ste(FIRST_SID));
    put_command(&t, 1, cmd_cfgi_ste(FIRST_SID));
    wr(&t, CMDQ_PROD, 2);
    g_assert_cmpint(scene_kind(&t.s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    expect_own(&t, 0);
    done(&t);
}

/* A device that goes takes along what it had to tell. */
static void test_own_removed(void)
{
    SMMUv3EventRecord record;
    Scene s;

    scene_init_translating(&s);
    scene_install(&s, 0, ste_config(SMMUV3_STE_CONFIG_S2));
    scene_remove(&s, 0);
    g_assert_cmpuint(smmuv3_ste_events_take(s.engine, &record, 1), ==, 0);
    scene_done(&s);
}

static void test_record(void)
{
    SMMUv3EventRecord records[2] = { fault(0x1000), fault(0x2000) };
    Scenery t;

    init(&t, 4);
    smmuv3_engine_record_events(t.s.engine, records, 2, false);
    g_assert_cmphex(rd(&t, PROD), ==, 0);
    wr(&t, CR0, EVENTQEN);
    smmuv3_engine_record_events(t.s.engine, records, 2, false);
    g_assert_cmphex(rd(&t, PROD), ==, 2);
    g_assert_cmphex(event_word(&t, 1, 2), ==, 0x2000);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_EVENTQ], ==, 1);
    done(&t);
}

/* ---- CR2.RECINVSID ---- */

#define BAD_STREAMID 0x02u

static SMMUv3EventRecord bad_streamid(void)
{
    return (SMMUv3EventRecord) { .dw = { GUINT64_TO_LE(BAD_STREAMID) } };
}

/* Between two others: of the VMM, and of the host. */
static void bad_streamids(Scenery *t)
{
    SMMUv3EventRecord records[] = { fault(0x1000), bad_streamid(),
                                    fault(0x3000) };

    smmuv3_engine_record_events(t->s.engine, records, G_N_ELEMENTS(records),
                                false);
    for (unsigned i = 0; i < G_N_ELEMENTS(records); i++) {
        g_assert_true(fake_host_fault(t->s.host, t->s.dev[0], records[i]));
    }
    smmuv3_engine_host_events(t->s.engine);
}

/* 6.3.12: C_BAD_STREAMID is recorded for those who ask for it. */
static void test_recinvsid(void)
{
    Scenery t;

    init_translating(&t, 4);
    bad_streamids(&t);
    g_assert_cmphex(rd(&t, PROD), ==, 4);
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmphex(event_word(&t, i, 0) & 0xff, ==, TRANSLATION);
    }
    g_assert_cmphex(event_word(&t, 1, 2), ==, 0x3000);
    g_assert_cmpuint(smmuv3_engine_stats(t.s.engine)->events_dropped, ==, 2);
    wr(&t, CONS, 4);
    wr(&t, CR0, EVENTQEN | CMDQEN);
    wr(&t, CR2, RECINVSID);
    wr(&t, CR0, EVENTQEN | CMDQEN | SMMUEN);
    bad_streamids(&t);
    g_assert_cmphex(rd(&t, PROD), ==, 10);
    g_assert_cmphex(event_word(&t, 5, 0), ==, BAD_STREAMID);
    g_assert_cmphex(event_word(&t, 8, 0), ==,
                    BAD_STREAMID | (uint64_t)FIRST_SID << 32);
    done(&t);
}

/* Nothing is left: no interrupt. */
static void test_recinvsid_only(void)
{
    SMMUv3EventRecord record = bad_streamid();
    Scenery t;

    init_translating(&t, 4);
    smmuv3_engine_record_events(t.s.engine, &record, 1, false);
    g_assert_cmphex(rd(&t, PROD), ==, 0);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_EVENTQ], ==, 0);
    g_assert_cmpuint(t.writes, ==, 0);
    done(&t);
}

/* As many as the VMM likes. */
static void test_record_many(void)
{
    SMMUv3EventRecord records[300];
    Scenery t;

    init_translating(&t, 9);
    for (unsigned i = 0; i < G_N_ELEMENTS(records); i++) {
        records[i] = fault(0x1000 * i);
    }
    smmuv3_engine_record_events(t.s.engine, records, G_N_ELEMENTS(records),
                                true);
    g_assert_cmphex(rd(&t, PROD), ==, OVERFLOW | 300);
    g_assert_cmphex(event_word(&t, 299, 2), ==, 0x1000 * 299);
    done(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/event/when", test_when);
    g_test_add_func("/event/no-queue", test_no_queue);
    g_test_add_func("/event/bulk", test_bulk);
    g_test_add_func("/event/bounded", test_bounded);
    g_test_add_func("/event/no-irq", test_no_irq);
    g_test_add_func("/event/wrap", test_wrap);
    g_test_add_func("/event/overflow", test_overflow);
    g_test_add_func("/event/bogus-cons", test_bogus_cons);
    g_test_add_func("/event/lost", test_lost);
    g_test_add_func("/event/lost-alone", test_lost_alone);
    g_test_add_func("/event/lost-tail", test_lost_tail);
    g_test_add_func("/event/lost-disabled", test_lost_disabled);
    g_test_add_func("/event/gap", test_gap);
    g_test_add_func("/event/sequence-wrap", test_sequence_wrap);
    g_test_add_func("/event/abort", test_abort);
    g_test_add_func("/event/disabled", test_disabled);
    g_test_add_func("/event/unknown", test_unknown);
    g_test_add_func("/event/own", test_own);
    g_test_add_func("/event/own-silent", test_own_silent);
    g_test_add_func("/event/own-update-procedure", test_own_update_procedure);
    g_test_add_func("/event/own-no-ste", test_own_no_ste);
    g_test_add_func("/event/own-once", test_own_once);
    g_test_add_func("/event/own-passing", test_own_passing);
    g_test_add_func("/event/own-removed", test_own_removed);
    g_test_add_func("/event/record", test_record);
    g_test_add_func("/event/record-many", test_record_many);
    g_test_add_func("/event/recinvsid", test_recinvsid);
    g_test_add_func("/event/recinvsid-only", test_recinvsid_only);
    return g_test_run();
}
