/*
 * Re-evaluation: what registers, resets and CFGI_ALL do to every stream, with
 * few devices and with 64.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A walk is a string of a guest's acts upon the register file, one letter
 * each. watch.h looks at every device between any two calls to the host, and
 * strictly: nothing fails here, so a device is on the translation that was
 * right or on the one that is, without a moment of aborting. Devices that keep
 * theirs cost no call, the others one attach; only a CFGI_ALL has one call for
 * all CDs that are to be read again (4.3.6).
 */
#include "watch.h"

#define OTHER_STRTAB (STRTAB_ADDR + 0x10000)

enum { WALKERS = 4, MANY = 64 };

typedef struct Walk {
    Scene s;                    /* its regs: what the registers should say */
    Watch watch;
    uint32_t idr[6];            /* guest_idr, and queues */
    unsigned changes;           /* of STEs, to tell the next one apart */
} Walk;

static SMMUv3Ste s1(unsigned n)
{
    return ste_s1(CONTEXT_PTR + 0x1000 * (uint64_t)n);
}

static void on_irq(void *opaque G_GNUC_UNUSED, SMMUv3Irq irq G_GNUC_UNUSED)
{
}

static void on_resume(void *opaque G_GNUC_UNUSED,
                      unsigned delay_ms G_GNUC_UNUSED)
{
    g_assert_not_reached();     /* no walk fills a slice */
}

static int on_write(void *opaque G_GNUC_UNUSED, uint64_t addr G_GNUC_UNUSED,
                    const void *buf G_GNUC_UNUSED, size_t len G_GNUC_UNUSED)
{
    g_assert_not_reached();     /* no EVENTQEN, no events */
}

static const GuestHooks regs_ops = {
    .write = on_write, .irq = on_irq, .resume = on_resume,
};

static void wr(Walk *w, uint64_t offset, uint32_t value)
{
    g_assert_true(smmuv3_engine_write(w->s.engine, offset, 4, value));
}

static uint32_t rd(Walk *w, uint64_t offset)
{
    uint64_t value;

    g_assert_true(smmuv3_engine_read(w->s.engine, offset, 4, &value));
    return value;
}

static bool enabled(const Walk *w)
{
    return w->s.regs.cr0 & SMMUV3_CR0_SMMUEN;
}

/* Acts. Each says first what the registers should be, then does it. */

static unsigned want_all(Walk *w)
{
    unsigned changed = 0;

    for (unsigned i = 0; i < w->watch.n; i++) {
        watch_expect(&w->watch, i, watch_guest_wants(&w->watch, i));
        changed += w->watch.was[i] != w->watch.right[i];
    }
    return changed;
}

static void set_cr0(Walk *w, uint32_t set, uint32_t clear)
{
    wr(w, SMMUV3_REG_CR0, (rd(w, SMMUV3_REG_CR0) | set) & ~clear);
    g_assert_cmphex(rd(w, SMMUV3_REG_CR0ACK), ==, rd(w, SMMUV3_REG_CR0));
}

static unsigned act_enable(Walk *w)
{
    unsigned changed;

    w->s.regs.cr0 = SMMUV3_CR0_SMMUEN;
    changed = want_all(w);
    set_cr0(w, SMMUV3_CR0_SMMUEN, 0);
    return changed;
}

static unsigned act_disable(Walk *w)
{
    unsigned changed;

    w->s.regs.cr0 = 0;
    changed = want_all(w);
    set_cr0(w, 0, SMMUV3_CR0_SMMUEN);
    return changed;
}

/* Says nothing while SMMUEN=1, but is kept (6.3.14). */
static unsigned act_gbpa(Walk *w, uint32_t gbpa)
{
    unsigned changed;

    w->s.regs.gbpa = gbpa;
    changed = want_all(w);
    wr(w, SMMUV3_REG_GBPA, gbpa | SMMUV3_GBPA_UPDATE);
    return changed;
}

/* Cannot be written while SMMUEN=1 (6.3.24, 6.3.25); means nothing before. */
static unsigned act_strtab(Walk *w, uint64_t base, uint32_t cfg)
{
    if (!enabled(w)) {
        w->s.regs.strtab_base = base;
        w->s.regs.strtab_base_cfg = cfg;
    }
    want_all(w);
    g_assert_true(smmuv3_engine_write(w->s.engine, SMMUV3_REG_STRTAB_BASE, 8,
                                      base));
    wr(w, SMMUV3_REG_STRTAB_BASE_CFG, cfg);
    return 0;
}

static unsigned act_reset(Walk *w)
{
    unsigned changed;

    w->s.regs = (SMMUv3StreamRegs) { .cr0 = 0 };
    changed = want_all(w);
    smmuv3_engine_reset(w->s.engine, w->idr);
    return changed;
}

static void start_queue(Walk *w)
{
    if (rd(w, SMMUV3_REG_CR0) & SMMUV3_CR0_CMDQEN) {
        return;
    }
    queue_seek(&w->s.queue, 0);
    g_assert_true(smmuv3_engine_write(w->s.engine, SMMUV3_REG_CMDQ_BASE, 8,
                                    w->s.queue.regs.base));
    wr(w, SMMUV3_REG_CMDQ_PROD, 0);
    wr(w, SMMUV3_REG_CMDQ_CONS, 0);
    set_cr0(w, SMMUV3_CR0_CMDQEN, 0);
}

static void command(Walk *w, SMMUv3Cmd cmd)
{
    start_queue(w);
    queue_push(&w->s.queue, cmd);
    wr(w, SMMUV3_REG_CMDQ_PROD, w->s.queue.regs.prod);
    w->s.queue.regs.cons = rd(w, SMMUV3_REG_CMDQ_CONS);
    g_assert_cmpuint(queue_pending(&w->s.queue), ==, 0);
}

static unsigned act_cfgi_all(Walk *w)
{
    unsigned changed = want_all(w);

    command(w, cmd_cfgi_range(0, 31));
    return changed;
}

/* Of the table in use, or the one to be used; while it is used, said so. */
static unsigned act_ste(Walk *w)
{
    static const unsigned step[] = { 2, 0, 3, 1 };
    uint32_t sid = FIRST_SID + step[w->changes % G_N_ELEMENTS(step)];
    unsigned changed;

    if (!w->s.regs.strtab_base) {
        return 0;               /* after a reset there is none */
    }
    strtab_set(w->s.guest, &w->s.regs, sid, s1(8 + w->changes++));
    changed = want_all(w);
    if (enabled(w)) {
        command(w, cmd_cfgi_ste(sid));
    }
    return changed;
}

static unsigned act(Walk *w, char what)
{
    switch (what) {
    case 'E': return act_enable(w);
    case 'D': return act_disable(w);
    case 'a': return act_gbpa(w, SMMUV3_GBPA_ABORT);
    case 'b': return act_gbpa(w, 0);
    case '1': return act_strtab(w, STRTAB_ADDR, 8);
    case '2': return act_strtab(w, OTHER_STRTAB, 8);
    case 's': return act_strtab(w, STRTAB_ADDR, 4);     /* too short for all */
    case 'R': return act_reset(w);
    case 'C': return act_cfgi_all(w);
    case 'x': return act_ste(w);
    default: g_assert_not_reached();
    }
}

#define ACTS "EDab12sRCx"

static void walk_init(Walk *w)
{
    static const SMMUv3Ste bypass = { { 0x9 } }, aborting = { { 0x1 } };
    const SMMUv3Ste stes[2][WALKERS] = {
        { s1(0), s1(0), bypass, aborting },
        { s1(1), bypass, s1(0), ste_invalid() },
    };

    *w = (Walk) { .changes = 0 };
    memcpy(w->idr, guest_idr, sizeof(w->idr));
    w->idr[1] |= SMMUV3_PREP(SMMUV3_IDR1_CMDQS, 8);
    scene_init_idr(&w->s, host_idr, w->idr);
    scene_populate(&w->s, WALKERS);
    watch_init(&w->watch, &w->s, WALKERS);
    for (unsigned t = 0; t < 2; t++) {
        w->s.regs.strtab_base = t ? OTHER_STRTAB : STRTAB_ADDR;
        for (unsigned i = 0; i < WALKERS; i++) {
            strtab_set(w->s.guest, &w->s.regs, FIRST_SID + i, stes[t][i]);
        }
    }
    guest_hook(w->s.guest, &regs_ops, NULL);
    act_reset(w);
    for (unsigned i = 0; i < WALKERS; i++) {
        w->watch.right[i] = WATCH_PARENT;
        watch_expect(&w->watch, i, WATCH_PARENT);
        scene_add(&w->s, i);
    }
    watch_settle(&w->watch);
    w->watch.strict = true;
}

static void walk_done(Walk *w)
{
    w->s.host->watch = NULL;
    scene_done(&w->s);
}

/* Does a stream keep its table, and with it what was cached of that? */
static bool keeps_cds(const Walk *w)
{
    for (unsigned i = 0; i < w->watch.n; i++) {
        if (w->watch.was[i] == w->watch.right[i] &&
            SMMUV3_GET(SMMUV3_STE0_CONFIG, w->watch.right[i]) ==
            SMMUV3_STE_CONFIG_S1) {
            return true;
        }
    }
    return false;
}

static void check_calls(const Walk *w, const char *acts, const char *a,
                        unsigned changed)
{
    const unsigned *calls = w->s.host->calls;
    unsigned invalidations = *a == 'C' && keeps_cds(w);

    if (calls[FAKE_ATTACH] != changed ||
        calls[FAKE_INVALIDATE] != invalidations ||
        (!changed && calls[FAKE_CALLS] != invalidations)) {
        g_error("%s: act %d (%c): %u attaches, %u calls for %u changes",
                acts, (int)(a - acts) + 1, *a, calls[FAKE_ATTACH],
                calls[FAKE_CALLS], changed);
    }
}

static void walk(const char *acts)
{
    g_autofree Walk *w = g_new(Walk, 1);

    walk_init(w);
    for (const char *a = acts; *a; a++) {
        unsigned changed;

        fake_host_forget(w->s.host);
        changed = act(w, *a);
        check_calls(w, acts, a, changed);
        watch_settle(&w->watch);
        for (unsigned i = 0; i < WALKERS; i++) {
            watch_assert_told_truth(&w->watch, i);
        }
    }
    g_assert_cmpuint(w->s.guest->failures, ==, 0);
    walk_done(w);
}

static const struct {
    const char *name, *acts;
} walks[] = {
    { "enable", "1EE" },
    { "disable", "1EDD" },
    { "enable-again", "1EDEDE" },
    { "gbpa-off", "ababb" },
    { "gbpa-on", "1EabD" },
    { "gbpa-kept", "1EaDbE" },
    { "abort-before-enable", "a1ED" },
    { "strtab-off", "1ED2E" },
    { "strtab-on", "1E2CD" },
    { "strtab-short", "1EDsED1E" },
    { "strtab-none", "E" },
    { "reset-enabled", "1ER1E" },
    { "reset-other-table", "1ER2E" },
    { "reset-gbpa", "a1ERE" },
    { "kexec", "1ExCD2aE" },
    { "ste", "1Exxxx" },
    { "ste-off", "1xxEDxxE" },
    { "cfgi-all", "1ECDCEC" },
    { "cfgi-all-off", "1CaC" },
};

static void test_walk(gconstpointer acts)
{
    walk(acts);
}

static void test_random_walks(void)
{
    char acts[17];

    for (unsigned n = 0; n < 1500; n++) {
        for (unsigned i = 0; i < sizeof(acts) - 1; i++) {
            acts[i] = ACTS[g_test_rand_int_range(0, sizeof(ACTS) - 1)];
        }
        acts[sizeof(acts) - 1] = 0;
        walk(acts);
    }
}

/* 64 devices. */

static void many_init(Scene *s)
{
    scene_init(s);
    scene_populate(s, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        scene_add(s, i);
        strtab_set(s->guest, &s->regs, FIRST_SID + i, s1(0));
    }
}

static void many_init_translating(Scene *s)
{
    many_init(s);
    scene_enable(s);
    fake_host_forget(s->host);
}

static void expect_all(const Scene *s, uint64_t ste0)
{
    for (unsigned i = 0; i < MANY; i++) {
        g_assert_cmphex(fake_device_ste0(s->dev[i]), ==, ste0);
    }
}

/* Equal STEs: one nested HWPT. */
static void test_many_share(void)
{
    const SMMUv3EngineStats *stats;
    Scene s;

    many_init(&s);
    fake_host_forget(s.host);
    scene_enable(&s);
    stats = smmuv3_engine_stats(s.engine);
    g_assert_cmpuint(stats->hwpt_translate, ==, 1);
    g_assert_cmpuint(s.host->calls[FAKE_HWPT_ALLOC], ==, 1);
    g_assert_cmpuint(s.host->calls[FAKE_ATTACH], ==, MANY);
    g_assert_cmpuint(s.host->calls[FAKE_VDEVICE_ALLOC], ==, MANY);
    g_assert_cmpuint(fake_objects(s.host, FAKE_NESTED), ==, 1);
    expect_all(&s, s1(0).dw[0]);
    for (unsigned i = 1; i < MANY; i++) {
        g_assert_cmpuint(s.dev[i]->pt, ==, s.dev[0]->pt);
    }
    /* It goes with its last device, kept for a while. */
    for (unsigned i = 0; i < MANY; i++) {
        scene_install(&s, i, ste_config(SMMUV3_STE_CONFIG_BYPASS));
    }
    g_assert_cmpuint(fake_objects(s.host, FAKE_NESTED), ==, 2);
    scene_done(&s);
}

/* The 64th costs what the second did. */
static void test_many_plug(void)
{
    unsigned calls = 0;
    Scene s;

    scene_init(&s);
    scene_populate(&s, MANY);
    scene_enable(&s);
    for (unsigned i = 0; i < MANY; i++) {
        strtab_set(s.guest, &s.regs, FIRST_SID + i, s1(0));
        fake_host_forget(s.host);
        scene_add(&s, i);
        if (i == 1) {
            calls = s.host->calls[FAKE_CALLS];
        }
        g_assert_cmpuint(s.host->calls[FAKE_CALLS], <=, i ? calls : 5);
    }
    g_assert_cmpuint(calls, ==, 3);     /* get_info, vdevice_alloc, attach */
    scene_done(&s);
}

/* No attach, and one call for the CDs of all; registers drop no CD. */
static void test_many_unchanged(void)
{
    Scene s;

    many_init_translating(&s);
    for (unsigned i = 0; i < 10; i++) {
        fake_host_forget(s.host);
        for (unsigned n = 0; n < 3; n++) {
            queue_push(&s.queue, cmd_cfgi_range(0, 31));
        }
        g_assert_cmpint(scene_command(&s, cmd_sync(0)).status, ==,
                        SMMUV3_CMDQ_DRAINED);
        g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 1);
        g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, 1);
        g_assert_cmpuint(s.host->issued->len, ==, MANY);
    }
    fake_host_forget(s.host);
    smmuv3_attach_all(s.engine, &s.regs);
    g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, 0);
    scene_done(&s);
}

/* Attaches only: the parent is there, and the shared HWPT is kept. */
static void test_many_off_on(void)
{
    Scene s;

    many_init_translating(&s);
    for (unsigned i = 0; i < 3; i++) {
        fake_host_forget(s.host);
        scene_disable(&s);
        expect_all(&s, WATCH_PARENT);
        g_assert_cmpuint(s.host->calls[FAKE_ATTACH], ==, MANY);
        g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, MANY);
        fake_host_forget(s.host);
        scene_enable(&s);
        expect_all(&s, s1(0).dw[0]);
        g_assert_cmpuint(s.host->calls[FAKE_ATTACH], ==, MANY);
        g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, MANY);
    }
    scene_done(&s);
}

/* Each STE is another when it is read again. */
static void change_behind_its_back(Guest *g, uint64_t addr, size_t len)
{
    unsigned *n = g->hook_data;

    if (addr >= STRTAB_ADDR && addr < STRTAB_ADDR + 0x4000 && len < 64) {
        guest_write_ste(g, addr, s1(++*n % 1000));
    }
}

/*
 * A command's 64 changes cannot be cut in two, so a slice has those of one
 * CFGI_ALL and, at the most, those that nearly filled it before.
 */
static void test_many_slices(gconstpointer data)
{
    unsigned singles = GPOINTER_TO_UINT(data), n = 0, runs = 0;
    SMMUv3CmdqResult r;
    Scene s;

    many_init_translating(&s);
    s.guest->hook_data = &n;
    s.guest->after_read = change_behind_its_back;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < singles; i++) {
            queue_push(&s.queue, cmd_cfgi_ste(FIRST_SID + i));
        }
        queue_push(&s.queue, cmd_cfgi_range(0, 31));
        queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_NONE));
    }
    /* So that the first look finds a change, too. */
    for (unsigned i = 0; i < MANY; i++) {
        strtab_set(s.guest, &s.regs, FIRST_SID + i, s1(2000 + i));
    }
    do {
        fake_host_forget(s.host);
        r = queue_run(&s.queue, s.engine);
        g_assert_cmpint(r.cerror, ==, SMMUV3_CERROR_NONE);
        g_assert_cmpuint(s.host->calls[FAKE_ATTACH], <, 2 * MANY);
        g_assert_cmpuint(s.host->calls[FAKE_CALLS], <=, 3 * 2 * MANY);
        g_assert_cmpuint(++runs, <, 20);
    } while (r.status == SMMUV3_CMDQ_MORE);
    g_assert_cmpint(r.status, ==, SMMUV3_CMDQ_DRAINED);
    g_assert_cmpuint(runs, >=, 3);
    g_assert_cmpuint(smmuv3_engine_stats(s.engine)->attach_failures, ==, 0);
    s.guest->after_read = NULL;
    scene_done(&s);
}

/* StreamIDs of no device: none is looked at for each of them. */
static void test_many_foreign(void)
{
    unsigned runs = 0;
    SMMUv3CmdqResult r;
    Scene s;

    many_init_translating(&s);
    queue_init(&s.queue, s.guest, CMDQ_ADDR, 14);
    for (unsigned i = 0; i < 16384; i++) {
        queue_push(&s.queue, cmd_cfgi_ste(0x8000 + i));
    }
    s.guest->vsid_calls = s.guest->reads = 0;
    do {
        r = queue_run(&s.queue, s.engine);
        runs++;
    } while (r.status == SMMUV3_CMDQ_MORE);
    g_assert_cmpint(r.status, ==, SMMUV3_CMDQ_DRAINED);
    g_assert_cmpuint(s.guest->vsid_calls, <=, runs * MANY);
    g_assert_cmpuint(s.guest->reads, <=, 8);
    g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, 0);
    scene_done(&s);
}

/* A range is compared with each device, so fewer of those make a slice. */
static void test_many_foreign_ranges(void)
{
    unsigned before;
    SMMUv3CmdqResult r;
    Scene s;

    many_init_translating(&s);
    queue_init(&s.queue, s.guest, CMDQ_ADDR, 14);
    for (unsigned i = 0; i < 16384; i++) {
        queue_push(&s.queue, cmd_cfgi_range(0x8000, 3));
    }
    s.guest->vsid_calls = 0;
    do {
        before = queue_pending(&s.queue);
        r = queue_run(&s.queue, s.engine);
        g_assert_cmpuint(before - queue_pending(&s.queue), <=, 512);
    } while (r.status == SMMUV3_CMDQ_MORE);
    g_assert_cmpint(r.status, ==, SMMUV3_CMDQ_DRAINED);
    g_assert_cmpuint(s.guest->vsid_calls, <=, 16384 / 512 * MANY);
    g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, 0);
    scene_done(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(walks); i++) {
        g_autofree char *path = g_strdup_printf("/redrive/walk/%s",
                                                walks[i].name);

        g_test_add_data_func(path, walks[i].acts, test_walk);
    }
    g_test_add_func("/redrive/walk/random", test_random_walks);
    g_test_add_func("/redrive/64/share", test_many_share);
    g_test_add_func("/redrive/64/plug", test_many_plug);
    g_test_add_func("/redrive/64/unchanged", test_many_unchanged);
    g_test_add_func("/redrive/64/off-on", test_many_off_on);
    g_test_add_func("/redrive/64/foreign", test_many_foreign);
    g_test_add_func("/redrive/64/foreign-ranges", test_many_foreign_ranges);
    g_test_add_data_func("/redrive/64/slices", GUINT_TO_POINTER(0),
                         test_many_slices);
    g_test_add_data_func("/redrive/64/slices-singles", GUINT_TO_POINTER(62),
                         test_many_slices);
    return g_test_run();
}
