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

static const int errors[] = { ENOMEM, EIO };

/* More calls than any sequence here has. */
#define TOO_MANY 500

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
static void forgive(Scene *s, FakeKernelCall call)
{
    if (call == FK_DESTROY || call == FK_DETACH) {
        s->k->rule_breaks = 0;
        s->k->leaked = 0;
    }
}

static void arm(Scene *s, unsigned nth, int err)
{
    scene_forget(s);
    fail_nth(s, FK_CALLS, nth, err);
}

/* Ends the arming; false if there was nothing left to fail. */
static bool disarm(Scene *s, int err, FakeKernelCall *call)
{
    fail_nothing(s);
    *call = injected_call(s, err);
    return *call != FK_CALLS;
}

/* ---- Plugging and unplugging ---- */

static void test_plug(const void *opaque)
{
    int err = *(const int *)opaque;
    unsigned n = 0;
    bool more;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    enable_queue(&s, LOG2SIZE);
    put_ste(&s, 1 << 8, s1_dw0(0), S1_DW1);
    enable_smmu(&s);
    do {
        g_autofree char *error = NULL;
        FakeKernelCall call;

        g_assert_cmpuint(n++, <, TOO_MANY);
        arm(&s, n, err);
        error = try_plug(&s, 0, "rp0");
        more = disarm(&s, err, &call);
        if (!error) {
            s.sid[0] = 1 << 8;
            translate(&s, 0, n);
            expect_translating(&s, 0, n);
            unplug(&s, 0, 0);
            put_ste(&s, 1 << 8, s1_dw0(0), S1_DW1);
        }
        expect_nothing_left(&s);
    } while (more);
    g_assert_cmpuint(n, >, 20);
    scene_done(&s);
}

/* The second one fails: the first one's stream does not notice. */
static void test_plug_second(const void *opaque)
{
    int err = *(const int *)opaque;
    unsigned n = 0;
    bool more;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 2);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    plug(&s, 0, 0);
    translate(&s, 0, 0);
    put_ste(&s, 2 << 8, s1_dw0(1), S1_DW1);
    do {
        g_autofree char *error = NULL;
        FakeKernelCall call;

        g_assert_cmpuint(n++, <, TOO_MANY);
        arm(&s, n, err);
        error = try_plug(&s, 1, "rp1");
        more = disarm(&s, err, &call);
        if (!error) {
            unplug(&s, 1, 1);
        }
        expect_translating(&s, 0, 0);
        g_assert_false(s.k->device[1].open);
        g_assert_cmpuint(s.k->parents, ==, 1);
        g_assert_cmpuint(s.k->viommus, ==, 1);
        g_assert_cmpuint(s.k->vdevices, ==, 1);
        g_assert_cmpuint(s.k->rule_breaks, ==, 0);
    } while (more);
    unplug(&s, 0, 0);
    expect_nothing_left(&s);
    scene_done(&s);
}

static void test_unplug(const void *opaque)
{
    int err = *(const int *)opaque;
    unsigned n = 0;
    bool more;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    do {
        FakeKernelCall call;

        g_assert_cmpuint(n++, <, TOO_MANY);
        plug(&s, 0, 0);
        translate(&s, 0, n);
        arm(&s, n, err);
        unplug(&s, 0, 0);
        more = disarm(&s, err, &call);
        forgive(&s, call);
        expect_nothing_left(&s);
    } while (more);
    g_assert_cmpuint(n, >, 5);
    scene_done(&s);
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
static void invalidate_and_translate(Scene *s, unsigned context)
{
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

static void test_install(const void *opaque)
{
    int err = *(const int *)opaque;
    unsigned n = 0;
    bool more;
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    do {
        FakeKernelCall call;

        g_assert_cmpuint(n++, <, TOO_MANY);
        arm(&s, n, err);
        invalidate_and_translate(&s, n);
        more = disarm(&s, err, &call);
        expect_translating_or_blocked(&s, 0, n);
        /* What may pass is tried again. */
        if (call == FK_NESTED_ALLOC || call == FK_ATTACH) {
            g_assert_true(is_blocked(&s, 0) == (err != ENOMEM));
        }
        translate(&s, 0, n);
        expect_translating(&s, 0, n);
        forgive(&s, call);
    } while (more);
    g_assert_cmpuint(n, >, 2);
    scene_done(&s);
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
static void test_window(const void *opaque)
{
    int err = *(const int *)opaque;
    unsigned n = 0;
    bool more;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_devices(&s, 2);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    translate(&s, 0, 0);
    translate(&s, 1, 0);
    do {
        FakeKernelCall call;

        g_assert_cmpuint(n++, <, TOO_MANY);
        arm(&s, n, err);
        put_mixed_window(&s, n);
        ring_bell(&s);
        drain(&s);
        more = disarm(&s, err, &call);
        forgive(&s, call);
        for (unsigned i = 0; i < 15; i++) {
            g_assert_true(is_tlbi_issued(&s, i));
        }
        for (unsigned i = 0; i < 2; i++) {
            g_assert_true(is_issued(&s, CFGI_CD | SID(s.sid[i]), LEAF));
            expect_translating_or_blocked(&s, i, 2 * n + i);
            translate(&s, i, 2 * n + i);
            expect_translating(&s, i, 2 * n + i);
        }
    } while (more);
    g_assert_cmpuint(n, >, 6);
    scene_done(&s);
}

/* SMMUEN 0->1 and 1->0 with three devices, two of them sharing. */
static void test_smmuen(const void *opaque)
{
    int err = *(const int *)opaque;
    unsigned n = 0;
    bool more_on, more_off;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_devices(&s, 3);
    enable_queue(&s, LOG2SIZE);
    do {
        FakeKernelCall call;

        g_assert_cmpuint(n++, <, TOO_MANY);
        for (unsigned i = 0; i < 3; i++) {
            put_ste(&s, s.sid[i], s1_dw0(2 * n + i / 2), S1_DW1);
        }
        arm(&s, n, err);
        enable_smmu(&s);
        more_on = disarm(&s, err, &call);
        forgive(&s, call);
        for (unsigned i = 0; i < 3; i++) {
            expect_translating_or_blocked(&s, i, 2 * n + i / 2);
            translate(&s, i, 2 * n + i / 2);
            expect_translating(&s, i, 2 * n + i / 2);
        }
        arm(&s, n, err);
        disable_smmu(&s);
        more_off = disarm(&s, err, &call);
        forgive(&s, call);
        for (unsigned i = 0; i < 3; i++) {
            if (!is_blocked(&s, i)) {
                expect_stage2(&s, i);
            }
        }
    } while (more_on || more_off);
    g_assert_cmpuint(n, >, 3);
    scene_done(&s);
}

/* Another bus number: the vDEVICE goes, and another comes. */
static void test_renumber(const void *opaque)
{
    int err = *(const int *)opaque;
    unsigned n = 0;
    bool more;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    do {
        FakeKernelCall call;

        g_assert_cmpuint(n++, <, TOO_MANY);
        set_bus(&s, 0, 1);
        plug(&s, 0, 0);
        translate(&s, 0, 0);
        expect_translating(&s, 0, 0);
        set_bus(&s, 0, 2);
        s.sid[0] = 2 << 8;
        put_ste(&s, s.sid[0], s1_dw0(n), S1_DW1);
        put(&s, CFGI_STE | SID(s.sid[0]), LEAF);
        put(&s, CMD_SYNC, 0);
        arm(&s, n, err);
        ring_bell(&s);
        drain(&s);
        more = disarm(&s, err, &call);
        expect_translating_or_blocked(&s, 0, n);
        if (call != FK_DESTROY) {
            translate(&s, 0, n);
            expect_translating(&s, 0, n);
            g_assert_cmphex(s.k->device[0].vsid, ==, 2 << 8);
        }
        unplug(&s, 0, 0);
        forgive(&s, call);
        expect_nothing_left(&s);
    } while (more);
    g_assert_cmpuint(n, >, 4);
    scene_done(&s);
}

/* ---- Reset ---- */

static void test_reset(const void *opaque)
{
    int err = *(const int *)opaque;
    unsigned n = 0;
    bool more;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_devices(&s, 2);
    do {
        FakeKernelCall call;

        g_assert_cmpuint(n++, <, TOO_MANY);
        enable_queue(&s, LOG2SIZE);
        enable_smmu(&s);
        for (unsigned i = 0; i < 2; i++) {
            translate(&s, i, n + i);
            expect_translating(&s, i, n + i);
        }
        arm(&s, n, err);
        qtest_system_reset(s.qts);
        more = disarm(&s, err, &call);
        forgive(&s, call);
        for (unsigned i = 0; i < 2; i++) {
            if (!is_blocked(&s, i)) {
                expect_stage2(&s, i);
            }
        }
        g_assert_cmphex(reg(&s, CR0), ==, 0);
    } while (more);
    g_assert_cmpuint(n, >, 3);
    scene_done(&s);
}

/* ---- The command line ---- */

/* QEMU starts or says no: it never dies otherwise. */
static void test_start(const void *opaque)
{
    int err = *(const int *)opaque;
    g_autofree char *device = NULL;
    unsigned n = 0, refused = 0;
    bool more;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    device = scene_device(&s, 0);
    do {
        g_autofree char *said = NULL;
        FakeKernelCall call;
        int status;

        g_assert_cmpuint(n++, <, TOO_MANY);
        arm(&s, n, err);
        status = scene_try_start(&s, device, &said);
        more = disarm(&s, err, &call);
        g_assert_cmpint(status, <=, 1);
        g_assert_true(status == 0 || more);
        refused += status;
    } while (more);
    g_assert_cmpuint(refused, >, 10);
    scene_done(&s);
}

typedef struct Sweep {
    const char *name;
    GTestDataFunc test;
} Sweep;

static const Sweep sweeps[] = {
    { "plug", test_plug },
    { "plug-second", test_plug_second },
    { "unplug", test_unplug },
    { "install", test_install },
    { "window", test_window },
    { "smmuen", test_smmuen },
    { "renumber", test_renumber },
    { "reset", test_reset },
    { "start", test_start },
};

void add_sweep_tests(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(sweeps); i++) {
        for (unsigned e = 0; e < G_N_ELEMENTS(errors); e++) {
            g_autofree char *path =
                g_strdup_printf("smmuv3-host/sweep/%s/%s", sweeps[i].name,
                                errors[e] == EIO ? "eio" : "enomem");

            qtest_add_data_func(path, &errors[e], sweeps[i].test);
        }
    }
}
