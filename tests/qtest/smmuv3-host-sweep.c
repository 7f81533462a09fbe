/*
 * Each call of a sequence fails in turn: the first, the second, ... until one
 * run has met none.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * After each failure QEMU lives; what was refused has left nothing in the
 * kernel; a stream translates as the guest last said, or is blocked, and
 * never translates as before; and the next attempt works.
 */
#include "smmuv3-host-scene.h"

/* More calls than any sequence here has. */
#define TOO_MANY 500

/* What the functions of a sweep know */
typedef struct Run {
    Scene s;
    unsigned n;                 /* which call fails */
    int err;                    /* with what */
    FakeKernelCall call;        /* its kind; FK_CALLS: there was no such call */
    char *error;                /* act()'s, if it plugs */
    int status;                 /* QEMU's, if act() starts it */
    unsigned refused;           /* starts, in all rounds */
} Run;

/* The n-th call of act() fails. prepare() may be missing. */
typedef struct Step {
    void (*prepare)(Run *r);
    void (*act)(Run *r);
    void (*check)(Run *r);
} Step;

/* Rounds with n = 1, 2, ... until none of a round's steps met a failure */
typedef struct Sweep {
    const char *name;
    bool (*init)(Scene *s);     /* false: the test is skipped */
    Step steps[2];              /* of a round; one at least */
    void (*finish)(Run *r);     /* after the last round; may be missing */
    unsigned more_than;         /* rounds, else it has swept nothing */
} Sweep;

/* The kind of the call that was made to fail; FK_CALLS: none was. */
static FakeKernelCall injected_call(const Scene *s, int err)
{
    if (!s->k->injected) {
        return FK_CALLS;
    }
    for (unsigned i = 0; i < s->k->records; i++) {
        if (s->k->journal[i].ret == -err) {
            return s->k->journal[i].call;
        }
    }
    g_assert_not_reached();
}

/*
 * When giving up is what failed, something stays until the iommufd closes,
 * and the kernel refuses what rests on it.
 */
static void forgive(Run *r)
{
    if (r->call == FK_DESTROY || r->call == FK_DETACH) {
        r->s.k->rule_breaks = 0;
        r->s.k->leaked = 0;
    }
}

/* True if there was a call to fail. */
static bool run_step(Run *r, const Step *step)
{
    Scene *s = &r->s;

    if (step->prepare) {
        step->prepare(r);
    }
    scene_forget(s);
    fail_nth(s, FK_CALLS, r->n, r->err);
    step->act(r);
    fail_nothing(s);
    r->call = injected_call(s, r->err);
    step->check(r);
    g_clear_pointer(&r->error, g_free);
    return r->call != FK_CALLS;
}

static void run_sweep(const Sweep *sweep, int err)
{
    Run r = { .err = err };
    bool more;

    if (!sweep->init(&r.s)) {
        return;
    }
    do {
        g_assert_cmpuint(r.n++, <, TOO_MANY);
        more = false;
        for (unsigned i = 0; i < 2 && sweep->steps[i].act; i++) {
            more |= run_step(&r, &sweep->steps[i]);
        }
    } while (more);
    g_assert_cmpuint(r.n, >, sweep->more_than);
    if (sweep->finish) {
        sweep->finish(&r);
    }
    scene_done(&r.s);
}

/* ---- Plugging and unplugging ---- */

static bool init_ports(Scene *s, unsigned n)
{
    if (!scene_init(s)) {
        return false;
    }
    scene_start_ports(s, n);
    enable_queue(s, LOG2SIZE);
    enable_smmu(s);
    return true;
}

static bool init_port(Scene *s)
{
    return init_ports(s, 1);
}

static bool init_plug(Scene *s)
{
    if (!scene_init(s)) {
        return false;
    }
    scene_start_ports(s, 1);
    enable_queue(s, LOG2SIZE);
    put_ste(s, 1 << 8, s1_dw0(0), S1_DW1);
    enable_smmu(s);
    return true;
}

static void act_plug(Run *r)
{
    r->error = try_plug(&r->s, 0, "rp0");
}

static void check_plug(Run *r)
{
    Scene *s = &r->s;

    if (!r->error) {
        s->sid[0] = 1 << 8;
        translate(s, 0, r->n);
        expect_translating(s, 0, r->n);
        unplug(s, 0, 0);
        put_ste(s, 1 << 8, s1_dw0(0), S1_DW1);
    }
    expect_nothing_left(s);
}

/* The second one fails: the first one's stream does not notice. */
static bool init_plug_second(Scene *s)
{
    if (!init_ports(s, 2)) {
        return false;
    }
    plug(s, 0, 0);
    translate(s, 0, 0);
    put_ste(s, 2 << 8, s1_dw0(1), S1_DW1);
    return true;
}

static void act_plug_second(Run *r)
{
    r->error = try_plug(&r->s, 1, "rp1");
}

static void check_plug_second(Run *r)
{
    Scene *s = &r->s;

    if (!r->error) {
        unplug(s, 1, 1);
    }
    expect_translating(s, 0, 0);
    g_assert_false(s->k->device[1].open);
    g_assert_cmpuint(s->k->parents, ==, 1);
    g_assert_cmpuint(s->k->viommus, ==, 1);
    g_assert_cmpuint(s->k->vdevices, ==, 1);
    g_assert_cmpuint(s->k->rule_breaks, ==, 0);
}

static void finish_plug_second(Run *r)
{
    unplug(&r->s, 0, 0);
    expect_nothing_left(&r->s);
}

static void prepare_unplug(Run *r)
{
    plug(&r->s, 0, 0);
    translate(&r->s, 0, r->n);
}

static void act_unplug(Run *r)
{
    unplug(&r->s, 0, 0);
}

static void check_unplug(Run *r)
{
    forgive(r);
    expect_nothing_left(&r->s);
}

/* ---- Streams ---- */

/* As the guest said last, or blocked. */
static void expect_translating_or_blocked(Scene *s, unsigned device,
                                          unsigned context)
{
    if (!is_blocked(s, device)) {
        expect_translating(s, device, context);
    }
}

/* A TLBI that must be out before the attachment changes, then the change. */
static void act_install(Run *r)
{
    unsigned context = r->n;
    Scene *s = &r->s;

    put_ste(s, s->sid[0], s1_dw0(context), S1_DW1);
    put_tlbis(s, context, 1);
    put(s, CFGI_STE | SID(s->sid[0]), LEAF);
    put(s, CMD_SYNC, 0);
    ring_bell(s);
    if (cmdq_err(s)) {
        expect_translating(s, 0, context - 1);
        acknowledge(s);
    }
    expect_drained(s);
    g_assert_true(is_tlbi_issued(s, context));
}

static void check_install(Run *r)
{
    Scene *s = &r->s;

    expect_translating_or_blocked(s, 0, r->n);
    /* What may pass is tried again. */
    if (r->call == FK_NESTED_ALLOC || r->call == FK_ATTACH) {
        g_assert_true(is_blocked(s, 0) == (r->err != ENOMEM));
    }
    translate(s, 0, r->n);
    expect_translating(s, 0, r->n);
    forgive(r);
}

/* As a driver: acknowledges, and goes on where CONS stands. */
static void drain(Scene *s)
{
    for (unsigned i = 0; cmdq_err(s); i++) {
        g_assert_cmpuint(i, <, 5);
        acknowledge(s);
    }
    expect_drained(s);
}

static void put_mixed_window(Scene *s, unsigned n)
{
    for (unsigned i = 0; i < 2; i++) {
        put_ste(s, s->sid[i], s1_dw0(2 * n + i), S1_DW1);
        put_tlbis(s, 5 * i, 5);
        put(s, CFGI_CD | SID(s->sid[i]), LEAF);
        put(s, CFGI_STE | SID(s->sid[i]), LEAF);
    }
    put_tlbis(s, 10, 5);
    put(s, CMD_SYNC, 0);
}

/* Everything that a guest does in one window, for two devices */
static bool init_window(Scene *s)
{
    if (!scene_init(s)) {
        return false;
    }
    scene_start_devices(s, 2);
    enable_queue(s, LOG2SIZE);
    enable_smmu(s);
    translate(s, 0, 0);
    translate(s, 1, 0);
    return true;
}

static void act_window(Run *r)
{
    put_mixed_window(&r->s, r->n);
    ring_bell(&r->s);
    drain(&r->s);
}

static void check_window(Run *r)
{
    Scene *s = &r->s;

    forgive(r);
    for (unsigned i = 0; i < 15; i++) {
        g_assert_true(is_tlbi_issued(s, i));
    }
    for (unsigned i = 0; i < 2; i++) {
        g_assert_true(is_issued(s, CFGI_CD | SID(s->sid[i]), LEAF));
        expect_translating_or_blocked(s, i, 2 * r->n + i);
        translate(s, i, 2 * r->n + i);
        expect_translating(s, i, 2 * r->n + i);
    }
}

/* ---- SMMUEN 0->1 and 1->0 with three devices, two of them sharing ---- */

static bool init_smmuen(Scene *s)
{
    if (!scene_init(s)) {
        return false;
    }
    scene_start_devices(s, 3);
    enable_queue(s, LOG2SIZE);
    return true;
}

static void prepare_on(Run *r)
{
    for (unsigned i = 0; i < 3; i++) {
        put_ste(&r->s, r->s.sid[i], s1_dw0(2 * r->n + i / 2), S1_DW1);
    }
}

static void act_on(Run *r)
{
    enable_smmu(&r->s);
}

static void check_on(Run *r)
{
    forgive(r);
    for (unsigned i = 0; i < 3; i++) {
        expect_translating_or_blocked(&r->s, i, 2 * r->n + i / 2);
        translate(&r->s, i, 2 * r->n + i / 2);
        expect_translating(&r->s, i, 2 * r->n + i / 2);
    }
}

static void act_off(Run *r)
{
    disable_smmu(&r->s);
}

static void expect_stage2_or_blocked(Scene *s, unsigned devices)
{
    for (unsigned i = 0; i < devices; i++) {
        if (!is_blocked(s, i)) {
            expect_stage2(s, i);
        }
    }
}

static void check_off(Run *r)
{
    forgive(r);
    expect_stage2_or_blocked(&r->s, 3);
}

/* ---- Another bus number: the vDEVICE goes, and another comes ---- */

static void prepare_renumber(Run *r)
{
    Scene *s = &r->s;

    set_bus(s, 0, 1);
    plug(s, 0, 0);
    translate(s, 0, 0);
    expect_translating(s, 0, 0);
    set_bus(s, 0, 2);
    s->sid[0] = 2 << 8;
    put_ste(s, s->sid[0], s1_dw0(r->n), S1_DW1);
    put(s, CFGI_STE | SID(s->sid[0]), LEAF);
    put(s, CMD_SYNC, 0);
}

static void act_renumber(Run *r)
{
    ring_bell(&r->s);
    drain(&r->s);
}

static void check_renumber(Run *r)
{
    Scene *s = &r->s;

    expect_translating_or_blocked(s, 0, r->n);
    if (r->call != FK_DESTROY) {
        translate(s, 0, r->n);
        expect_translating(s, 0, r->n);
        g_assert_cmphex(s->k->device[0].vsid, ==, 2 << 8);
    }
    unplug(s, 0, 0);
    forgive(r);
    expect_nothing_left(s);
}

/* ---- Reset ---- */

static bool init_reset(Scene *s)
{
    if (!scene_init(s)) {
        return false;
    }
    scene_start_devices(s, 2);
    return true;
}

static void prepare_reset(Run *r)
{
    enable_queue(&r->s, LOG2SIZE);
    enable_smmu(&r->s);
    for (unsigned i = 0; i < 2; i++) {
        translate(&r->s, i, r->n + i);
        expect_translating(&r->s, i, r->n + i);
    }
}

static void act_reset(Run *r)
{
    qtest_system_reset(r->s.qts);
}

static void check_reset(Run *r)
{
    forgive(r);
    expect_stage2_or_blocked(&r->s, 2);
    g_assert_cmphex(reg(&r->s, CR0), ==, 0);
}

/* ---- The command line: QEMU starts or says no, and dies of nothing ---- */

static void act_start(Run *r)
{
    g_autofree char *device = scene_device(&r->s, 0);
    g_autofree char *said = NULL;

    r->status = scene_try_start(&r->s, device, &said);
}

static void check_start(Run *r)
{
    g_assert_cmpint(r->status, <=, 1);
    g_assert_true(r->status == 0 || r->call != FK_CALLS);
    r->refused += r->status;
}

static void finish_start(Run *r)
{
    g_assert_cmpuint(r->refused, >, 10);
}

/* ---- The list ---- */

static const Sweep sweeps[] = {
    { "plug", init_plug, {{ NULL, act_plug, check_plug }}, .more_than = 20 },
    { "plug-second", init_plug_second,
      {{ NULL, act_plug_second, check_plug_second }}, finish_plug_second },
    { "unplug", init_port, {{ prepare_unplug, act_unplug, check_unplug }},
      .more_than = 5 },
    { "install", scene_init_translating,
      {{ NULL, act_install, check_install }}, .more_than = 2 },
    { "window", init_window, {{ NULL, act_window, check_window }},
      .more_than = 6 },
    { "smmuen", init_smmuen, {{ prepare_on, act_on, check_on },
                              { NULL, act_off, check_off }}, .more_than = 3 },
    { "renumber", init_port,
      {{ prepare_renumber, act_renumber, check_renumber }}, .more_than = 4 },
    { "reset", init_reset, {{ prepare_reset, act_reset, check_reset }},
      .more_than = 3 },
    { "start", scene_init, {{ NULL, act_start, check_start }}, finish_start },
};

static void test_enomem(const void *opaque)
{
    run_sweep(opaque, ENOMEM);
}

static void test_eio(const void *opaque)
{
    run_sweep(opaque, EIO);
}

static void add_sweep(const Sweep *sweep, const char *error, GTestDataFunc test)
{
    g_autofree char *path = g_strdup_printf("smmuv3-host/sweep/%s/%s",
                                            sweep->name, error);

    qtest_add_data_func(path, sweep, test);
}

void add_sweep_tests(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(sweeps); i++) {
        add_sweep(&sweeps[i], "enomem", test_enomem);
        add_sweep(&sweeps[i], "eio", test_eio);
    }
}
