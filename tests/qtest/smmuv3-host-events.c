/*
 * Events of the host, from the vEVENTQ's descriptor to the guest's queue.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "smmuv3-host-scene.h"
#include "qemu/atomic.h"
#include <poll.h>

/* The device translates, the event queue holds 1 << @log2size. */
static bool init(Scene *s, unsigned log2size)
{
    if (!scene_init_translating(s)) {
        return false;
    }
    set_reg(s, IRQ_CTRL, IRQ_CTRL_EVENTQ);
    watch_interrupts(s);
    enable_events(s, log2size);
    return true;
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
    expect_prod(&s, EVENTQ_OVFLG | 2);
    set_reg(&s, EVENTQ_CONS, EVENTQ_OVFLG | 2);
    fault(&s, 3, s.sid[0], 0x5000);
    expect_prod(&s, EVENTQ_OVFLG | 3);
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
    s.cr0 = 0;
    enable_events(&s, 4);
    fault(&s, 1, s.sid[0], 0x2000);
    for (unsigned i = 0; i < 5000 && !reg(&s, EVENTQ_PROD); i++) {
        g_usleep(1000);
    }
    g_assert_cmpuint(s.k->calls[FK_VEVENTQ_ALLOC], ==, 1);
    g_assert_cmphex(qtest_readq(s.qts, EVENTQ + 32 *
                                (reg(&s, EVENTQ_PROD) - 1) + 16), ==, 0x2000);
    scene_done(&s);
}

/* A device that does nothing but fault, as fast as the host can tell. */
typedef struct Flood {
    Scene *s;
    bool stop;
    uint64_t events;
} Flood;

#define AT_ONCE 64          /* not more than a pipe takes whole */

static void *flood(void *opaque)
{
    Flood *f = opaque;
    HostEvent events[AT_ONCE];
    int fd = open_events(f->s, O_NONBLOCK);
    struct pollfd room = { .fd = fd, .events = POLLOUT };

    G_STATIC_ASSERT(sizeof(events) <= PIPE_BUF);
    while (!qatomic_read(&f->stop)) {
        for (unsigned i = 0; i < AT_ONCE; i++) {
            events[i] = a_fault((f->events + i) & INT32_MAX, f->s->sid[0],
                                i * 0x1000);
        }
        if (write(fd, events, sizeof(events)) == sizeof(events)) {
            f->events += AT_ONCE;
        } else {
            poll(&room, 1, 100);
        }
    }
    close(fd);
    return NULL;
}

static long resident_kib(Scene *s)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/statm",
                                            qtest_pid(s->qts));
    g_autofree char *text = NULL;
    long size, resident;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpint(sscanf(text, "%ld %ld", &size, &resident), ==, 2);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* The slowest answer of the monitor in so many seconds, in microseconds */
static int64_t ask_for(Scene *s, unsigned seconds)
{
    int64_t end = g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
    int64_t slowest = 0;

    while (g_get_monotonic_time() < end) {
        int64_t asked = g_get_monotonic_time();

        qtest_qmp_assert_success(s->qts, "{'execute': 'query-status'}");
        slowest = MAX(slowest, g_get_monotonic_time() - asked);
        g_usleep(10000);
    }
    return slowest;
}

/*
 * The guest does not take them out of its queue. SMMUV3_FLOOD_SECONDS makes it
 * last longer (scripts/check nightly: a minute).
 */
static void test_flood(void)
{
    const char *asked = g_getenv("SMMUV3_FLOOD_SECONDS");
    unsigned seconds = asked ? atoi(asked) : 3;
    Flood f = { 0 };
    int64_t slowest;
    GThread *thread;
    long before;
    Scene s;

    if (!init(&s, 8)) {
        return;
    }
    f.s = &s;
    thread = g_thread_new("flood", flood, &f);
    ask_for(&s, 1);
    before = resident_kib(&s);
    slowest = ask_for(&s, seconds);
    g_assert_cmpint(resident_kib(&s) - before, <=, 1024);
    qatomic_set(&f.stop, true);
    g_thread_join(thread);
    g_test_message("%" PRIu64 " events, the slowest answer in %" PRId64 " us",
                   f.events, slowest);
    g_assert_cmpint(slowest, <, 5 * G_USEC_PER_SEC);
    g_assert_cmpuint(f.events, >=, 2 * 256);
    g_assert_true(reg(&s, EVENTQ_PROD) & EVENTQ_OVFLG);
    scene_done(&s);
}

void add_event_tests(void)
{
    qtest_add_func("smmuv3-host/event/flood", test_flood);
    qtest_add_func("smmuv3-host/event/arrives", test_arrives);
    qtest_add_func("smmuv3-host/event/overflow", test_overflow);
    qtest_add_func("smmuv3-host/event/foreign", test_foreign);
    qtest_add_func("smmuv3-host/event/no-queue", test_no_queue);
    qtest_add_func("smmuv3-host/event/reset", test_reset);
}
