/*
 * Threads at one engine: hw/arm/smmuv3-accel-lock.c, the register file and the
 * engine, without QEMU. Made to run under ThreadSanitizer (scripts/threads).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two vCPUs post CMDQ_PROD and consume, a third reads registers, a main loop
 * does what they leave for it, and a thread with the BQL resets, pauses, reads
 * events and looks. The ring holds invalidations and CMD_SYNCs, some of them
 * with a wired interrupt, for which the BQL is needed. The last command is
 * illegal, and stops the queue until a reset; every other reset gives a queue
 * without it.
 *
 * Asserted: what needs the BQL is called with it; CONS stands still while the
 * SMMU is paused; and when the vCPUs rest, all that they posted is consumed.
 */
#include <stdlib.h>
#include <string.h>

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/main-loop.h"

#include "offsets.h"
#include "scene.h"
#include "smmuv3-accel-lock.h"

#define ON              (SMMUEN | CMDQEN)
#define LOG2SIZE        10
#define RING            (1u << LOG2SIZE)
#define INDICES         (2 * RING - 1)
#define WIRED_EACH      97
#define ROUND_US        20000
#define DRAIN_TRIES     20000           /* of 1 ms */

typedef struct Machine {
    Scene s;
    SMMUv3AccelLock lock;
    bool later;                 /* asked for; atomic */
    bool end;                   /* all; atomic */
    bool rest;                  /* vCPUs and reader do; atomic */
    unsigned resting;           /* so many do; atomic */
    uint32_t next;              /* PROD; atomic */
    uint64_t posts, reads, resets, drained;
} Machine;

/* ---- The BQL ---- */

static pthread_mutex_t bql = PTHREAD_MUTEX_INITIALIZER;
static __thread bool has_bql;

void bql_lock(void)
{
    pthread_mutex_lock(&bql);
    has_bql = true;
}

void bql_unlock(void)
{
    has_bql = false;
    pthread_mutex_unlock(&bql);
}

bool bql_locked(void)
{
    return has_bql;
}

/* ---- What the register file calls ---- */

static void later(void *opaque)
{
    Machine *m = opaque;

    qatomic_xchg(&m->later, true);
}

static void on_resume(void *opaque, unsigned delay_ms G_GNUC_UNUSED)
{
    later(opaque);
}

static void on_irq(void *opaque G_GNUC_UNUSED, SMMUv3Irq irq G_GNUC_UNUSED)
{
    g_assert_true(bql_locked());
}

static void on_sync_irq(Guest *g G_GNUC_UNUSED)
{
    g_assert_true(bql_locked());
}

static int on_write(void *opaque G_GNUC_UNUSED, uint64_t addr G_GNUC_UNUSED,
                    const void *buf G_GNUC_UNUSED, size_t len G_GNUC_UNUSED)
{
    g_assert_true(bql_locked());
    return 0;
}

static const GuestHooks ops = {
    .write = on_write, .irq = on_irq, .resume = on_resume,
};

/* ---- The guest ---- */

static SMMUv3Cmd command(uint32_t index)
{
    if (index == RING - 1) {
        return cmd_raw(0xff, 0);
    }
    if (index % WIRED_EACH == WIRED_EACH - 1) {
        return cmd_sync(SMMUV3_SYNC_IRQ);
    }
    return index % 3 == 2 ? cmd_sync(SMMUV3_SYNC_NONE)
                          : cmd_tlbi_va(1, 0x100000 + 0x3000 * index);
}

/* Written before there are threads; they only read it. */
static void fill_ring(Machine *m)
{
    for (uint32_t i = 0; i < RING; i++) {
        SMMUv3Cmd cmd = command(i);

        guest_write64(m->s.guest, CMDQ_ADDR + 16 * i, cmd.dw[0]);
        guest_write64(m->s.guest, CMDQ_ADDR + 16 * i + 8, cmd.dw[1]);
    }
}

static void wr(Machine *m, uint64_t offset, unsigned size, uint64_t value)
{
    g_assert_true(smmuv3_engine_write(m->s.engine, offset, size, value));
}

static uint32_t rd(Machine *m, uint64_t offset)
{
    uint64_t value;

    g_assert_true(smmuv3_engine_read(m->s.engine, offset, 4, &value));
    return value;
}

static void bring_up(Machine *m)
{
    uint32_t idr[6];

    memcpy(idr, guest_idr, sizeof(idr));
    idr[1] |= 19 << 21 | 19 << 16;      /* queues of 2^19 */
    smmuv3_engine_reset(m->s.engine, idr);
    wr(m, STRTAB_BASE, 8, STRTAB_ADDR);
    wr(m, STRTAB_BASE_CFG, 4, 8);
    /* Every other time its first half, which has no illegal command */
    wr(m, CMDQ_BASE, 8, CMDQ_ADDR | (LOG2SIZE - m->resets % 2));
    wr(m, CR0, 4, ON);
    qatomic_set(&m->next, 0);
}

static bool is_stopped(Machine *m)
{
    return (rd(m, GERROR) ^ rd(m, GERRORN)) & SMMUV3_GERROR_CMDQ_ERR;
}

/* ---- The threads ---- */

static bool may_go_on(Machine *m)
{
    if (qatomic_read(&m->rest)) {
        __atomic_fetch_add(&m->resting, 1, __ATOMIC_SEQ_CST);
        while (qatomic_read(&m->rest) && !qatomic_read(&m->end)) {
            g_usleep(100);
        }
        __atomic_fetch_sub(&m->resting, 1, __ATOMIC_SEQ_CST);
    }
    return !qatomic_read(&m->end);
}

static gpointer vcpu(gpointer opaque)
{
    Machine *m = opaque;

    while (may_go_on(m)) {
        uint32_t n = __atomic_add_fetch(&m->next, 5, __ATOMIC_SEQ_CST);

        smmuv3_accel_lock_post(&m->lock, n & INDICES);
        smmuv3_accel_lock_consume(&m->lock);
        __atomic_fetch_add(&m->posts, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static gpointer reader(gpointer opaque)
{
    Machine *m = opaque;

    while (may_go_on(m)) {
        g_assert_true(smmuv3_accel_lock_look(&m->lock));
        g_assert_cmphex(rd(m, CMDQ_CONS) & 0xfffff, <=, INDICES);
        g_assert_cmphex(rd(m, CMDQ_PROD), <=, INDICES);
        smmuv3_accel_lock_looked(&m->lock);
        smmuv3_accel_lock_consume(&m->lock);
        m->reads++;
    }
    return NULL;
}

/* Bottom halves */
static gpointer main_loop(gpointer opaque)
{
    Machine *m = opaque;

    while (!qatomic_read(&m->end)) {
        if (!qatomic_xchg(&m->later, false)) {
            g_usleep(50);
            continue;
        }
        bql_lock();
        if (smmuv3_accel_lock_enter(&m->lock)) {
            smmuv3_engine_resume(m->s.engine);
            smmuv3_accel_lock_release(&m->lock);
        }
        bql_unlock();
    }
    return NULL;
}

/* ---- Orders that come with the BQL ---- */

static void reset(Machine *m)
{
    BQL_LOCK_GUARD();
    g_assert_true(smmuv3_accel_lock_hold(&m->lock));
    bring_up(m);
    fake_host_forget(m->s.host);
    smmuv3_accel_lock_release(&m->lock);
    m->resets++;
}

static void set_paused(Machine *m, bool paused, uint32_t *cons)
{
    BQL_LOCK_GUARD();
    g_assert_true(smmuv3_accel_lock_hold(&m->lock));
    smmuv3_engine_settle(m->s.engine);
    if (!paused) {
        g_assert_cmphex(rd(m, CMDQ_CONS), ==, *cons);
    }
    smmuv3_engine_pause(m->s.engine, paused);
    *cons = rd(m, CMDQ_CONS);
    smmuv3_accel_lock_release(&m->lock);
}

/* A vCPU that comes by meanwhile leaves its value, and no more. */
static void stop_and_go_on(Machine *m)
{
    uint32_t cons;

    set_paused(m, true, &cons);
    g_usleep(500);
    set_paused(m, false, &cons);
}

/* True: nothing is left, or the queue is stopped by an error. */
static bool is_drained(Machine *m, bool *stopped)
{
    bool done;

    BQL_LOCK_GUARD();
    g_assert_true(smmuv3_accel_lock_look(&m->lock));
    *stopped = is_stopped(m);
    done = *stopped ||
           (!qatomic_read(&m->lock.posted) &&
            rd(m, CMDQ_CONS) == rd(m, CMDQ_PROD));
    smmuv3_accel_lock_looked(&m->lock);
    return done;
}

/* Nothing comes any more: who has left something, has left it to somebody. */
static void expect_drained(Machine *m, unsigned guests)
{
    unsigned tries = 0;
    bool stopped;

    qatomic_xchg(&m->rest, true);
    while (__atomic_load_n(&m->resting, __ATOMIC_SEQ_CST) < guests) {
        g_usleep(100);
    }
    while (!is_drained(m, &stopped)) {
        g_assert_cmpuint(++tries, <, DRAIN_TRIES);
        g_usleep(1000);
    }
    m->drained += !stopped;
    qatomic_xchg(&m->rest, false);
    while (__atomic_load_n(&m->resting, __ATOMIC_SEQ_CST)) {
        g_usleep(100);
    }
}

static void run_rounds(Machine *m, unsigned guests, gint64 end)
{
    for (unsigned n = 0; g_get_monotonic_time() < end; n++) {
        g_usleep(ROUND_US);
        switch (n % 3) {
        case 0:
            expect_drained(m, guests);
            break;
        case 1:
            stop_and_go_on(m);
            break;
        default:
            reset(m);
        }
    }
}

/* ---- The tests ---- */

static void init(Machine *m)
{
    *m = (Machine) { };
    scene_init_translating(&m->s);
    m->s.guest->on_sync_irq = on_sync_irq;
    guest_hook(m->s.guest, &ops, m);
    smmuv3_accel_lock_init(&m->lock, m->s.engine, later, m);
    fill_ring(m);
    reset(m);
}

static void done(Machine *m)
{
    smmuv3_accel_lock_destroy(&m->lock);
    scene_done(&m->s);
}

static unsigned seconds(void)
{
    const char *text = g_getenv("SMMUV3_THREADS_SECONDS");

    return text ? atoi(text) : 2;
}

static void test_threads(gconstpointer data)
{
    unsigned vcpus = GPOINTER_TO_UINT(data), n = 0;
    GThread *threads[5];
    Machine m;

    init(&m);
    for (; n < vcpus; n++) {
        threads[n] = g_thread_new("vcpu", vcpu, &m);
    }
    threads[n++] = g_thread_new("reader", reader, &m);
    threads[n++] = g_thread_new("main loop", main_loop, &m);
    run_rounds(&m, vcpus + 1, g_get_monotonic_time() +
               seconds() * G_USEC_PER_SEC / 2);
    qatomic_set(&m.end, true);
    while (n) {
        g_thread_join(threads[--n]);
    }
    g_test_message("%" G_GUINT64_FORMAT " posts, %" G_GUINT64_FORMAT
                   " reads, %" G_GUINT64_FORMAT " resets, %" G_GUINT64_FORMAT
                   " rests", m.posts, m.reads, m.resets, m.drained);
    g_assert_cmpuint(m.posts, >, 0);
    g_assert_cmpuint(m.drained, >, 0);
    done(&m);
}

/* From inside of an access nothing is begun, and nothing waits for itself. */
static void test_inside(void)
{
    Machine m;

    init(&m);
    BQL_LOCK_GUARD();
    g_assert_true(smmuv3_accel_lock_enter(&m.lock));
    g_assert_false(smmuv3_accel_lock_enter(&m.lock));
    g_assert_false(smmuv3_accel_lock_hold(&m.lock));
    g_assert_false(smmuv3_accel_lock_look(&m.lock));
    smmuv3_accel_lock_post(&m.lock, 3);
    smmuv3_accel_lock_consume(&m.lock);
    g_assert_cmphex(rd(&m, CMDQ_PROD), ==, 0);
    g_assert_false(m.later);
    /* Who lets go sees what came meanwhile. */
    smmuv3_accel_lock_release(&m.lock);
    g_assert_true(m.later);
    /* The value is in its register at once, its commands come later. */
    g_assert_true(smmuv3_accel_lock_hold(&m.lock));
    g_assert_cmphex(rd(&m, CMDQ_PROD), ==, 3);
    g_assert_cmphex(rd(&m, CMDQ_CONS), ==, 0);
    smmuv3_accel_lock_release(&m.lock);
    done(&m);
}

/* Another vCPU, each time that commands are fetched */
static void post_again(Guest *g, uint64_t addr G_GNUC_UNUSED,
                       size_t len G_GNUC_UNUSED)
{
    Machine *m = g->hook_data;

    smmuv3_accel_lock_post(&m->lock, ++m->next & INDICES);
}

/* A vCPU goes on for others, but not for ever: then the main loop does. */
static void test_rounds(void)
{
    Machine m;

    init(&m);
    m.s.guest->hook_data = &m;
    m.s.guest->after_read = post_again;
    m.next = 1;
    smmuv3_accel_lock_post(&m.lock, 1);
    smmuv3_accel_lock_consume(&m.lock);
    g_assert_cmphex(rd(&m, CMDQ_CONS), ==, 4);
    g_assert_true(m.later);
    m.s.guest->after_read = NULL;
    bql_lock();
    g_assert_true(smmuv3_accel_lock_enter(&m.lock));
    smmuv3_accel_lock_release(&m.lock);
    bql_unlock();
    g_assert_cmphex(rd(&m, CMDQ_CONS), ==, 5);
    done(&m);
}

static void on_consumed(Guest *g G_GNUC_UNUSED,
                        const SMMUv3Cmd *cmds G_GNUC_UNUSED,
                        uint32_t n G_GNUC_UNUSED)
{
    g_assert_true(bql_locked());
}

/* With a cache that is invalidated under the BQL no run is quiet. */
static void test_loud(void)
{
    Machine m;

    init(&m);
    m.s.guest->on_consumed = on_consumed;
    bql_lock();
    smmuv3_accel_lock_be_loud(&m.lock);
    bql_unlock();
    smmuv3_accel_lock_post(&m.lock, 2);
    smmuv3_accel_lock_consume(&m.lock);
    g_assert_cmphex(rd(&m, CMDQ_CONS), ==, 2);
    g_assert_false(bql_locked());
    done(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lock/inside", test_inside);
    g_test_add_func("/lock/rounds", test_rounds);
    g_test_add_func("/lock/loud", test_loud);
    g_test_add_data_func("/lock/threads/one-vcpu", GUINT_TO_POINTER(1),
                         test_threads);
    g_test_add_data_func("/lock/threads/two-vcpus", GUINT_TO_POINTER(2),
                         test_threads);
    return g_test_run();
}
