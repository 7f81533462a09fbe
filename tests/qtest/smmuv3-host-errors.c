/*
 * What becomes of the kernel's errors: docs of the engine, "Failure".
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each row of the kernel's error contract, down to the guest's CMDQ_CONS and
 * GERROR, and to what the host's SMMU has received when CONS has passed.
 */
#include "smmuv3-host-scene.h"

#include "qobject/qdict.h"
#include "qobject/qlist.h"

#define HUNDRED 100

/* ---- EINTR ---- */

/* The request is made again, and the guest sees nothing of it. */
static void expect_retried(Scene *s, FakeKernelCall call, unsigned calls)
{
    g_assert_cmpuint(s->k->injected, ==, 1);
    g_assert_cmpuint(s->k->calls[call], ==, calls);
}

static void test_eintr_invalidate(void)
{
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    fail_nth(&s, FK_INVALIDATE, 1, EINTR);
    put_tlbis(&s, 0, HUNDRED);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    expect_tlbis(&s, 0, HUNDRED);
    expect_retried(&s, FK_INVALIDATE, 2);
    scene_done(&s);
}

static void test_eintr_stream(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_devices(&s, 1);
    enable_queue(&s, LOG2SIZE);
    scene_forget(&s);
    fail_nth(&s, FK_VDEVICE_ALLOC, 1, EINTR);
    enable_smmu(&s);
    expect_retried(&s, FK_VDEVICE_ALLOC, 2);
    scene_forget(&s);
    fail_nth(&s, FK_NESTED_ALLOC, 1, EINTR);
    translate(&s, 0, 0);
    expect_translating(&s, 0, 0);
    expect_retried(&s, FK_NESTED_ALLOC, 2);
    scene_forget(&s);
    fail_nth(&s, FK_ATTACH, 1, EINTR);
    translate(&s, 0, 1);
    expect_translating(&s, 0, 1);
    expect_retried(&s, FK_ATTACH, 2);
    scene_done(&s);
}

static void test_eintr_plug(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    fail_nth(&s, FK_VIOMMU_ALLOC, 1, EINTR);
    plug(&s, 0, 0);
    expect_retried(&s, FK_VIOMMU_ALLOC, 2);
    fail_nth(&s, FK_DESTROY, 1, EINTR);
    unplug(&s, 0, 0);
    g_assert_cmpuint(s.k->injected, ==, 1);
    expect_nothing_left(&s);
    scene_done(&s);
}

/* ---- ENOMEM ---- */

/* Smaller arrays until they fit; entry_num then holds the input's length. */
static void test_enomem(const void *from)
{
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    s.k->nomem_from = *(const unsigned *)from;
    put_tlbis(&s, 0, 200);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    expect_tlbis(&s, 0, 200);
    scene_done(&s);
}

/* A queue that has stopped for the host's sake: not the guest's mistake. */
static void expect_held(Scene *s, uint32_t at)
{
    expect_stopped(s, at, CERROR_ABT);
}

/* Never a byte: it ends, nothing is called done, and goes on afterwards. */
static void test_always(const void *opaque)
{
    uint32_t at;
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    at = s.prod;
    s.k->always[FK_INVALIDATE] = *(const int *)opaque;
    put_tlbis(&s, 0, 200);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_held(&s, at);
    g_assert_cmpuint(s.k->calls[FK_INVALIDATE], <=, 11 * 20);
    g_assert_cmpuint(s.k->commands, ==, 0);
    /* Again, as a driver would; it takes a second as well */
    acknowledge(&s);
    expect_held(&s, at);
    g_assert_cmpuint(s.k->calls[FK_INVALIDATE], <=, 2 * 11 * 20);
    fail_nothing(&s);
    acknowledge(&s);
    expect_drained(&s);
    expect_tlbis(&s, 0, 200);
    scene_done(&s);
}

/* ---- ETIMEDOUT ---- */

static void test_atc_timeout(void)
{
    uint32_t sync;
    Scene s;

    if (!scene_init_translating_with(&s, "-global arm-smmuv3.ats=on")) {
        return;
    }
    s.k->atc_timeout = 1;
    put_tlbis(&s, 0, 50);
    put(&s, CMD_SYNC, 0);
    put(&s, ATC_INV | SID(s.sid[0]), nth_va(0));
    put_tlbis(&s, 50, 50);
    sync = s.prod;
    put(&s, CMD_SYNC, 0);
    put_tlbis(&s, 100, 1);
    ring_bell(&s);
    expect_stopped(&s, sync, CERROR_ATC_INV_SYNC);
    for (unsigned i = 0; i < 100; i++) {
        g_assert_true(is_tlbi_issued(&s, i));
    }
    s.k->atc_timeout = 0;
    acknowledge(&s);
    expect_drained(&s);
    g_assert_true(is_tlbi_issued(&s, 100));
    scene_done(&s);
}

/* A block that is lost once is sent again; CONS never passes it before. */
static void expect_all_in_the_end(Scene *s, uint32_t at, unsigned n)
{
    if (cmdq_err(s)) {
        unsigned done = cons(s) - at;

        g_assert_cmpuint(cerror(s), !=, CERROR_ILL);
        for (unsigned i = 0; i < done; i++) {
            g_assert_true(is_tlbi_issued(s, i));
        }
        acknowledge(s);
    }
    expect_drained(s);
    for (unsigned i = 0; i < n; i++) {
        g_assert_true(is_tlbi_issued(s, i));
    }
}

typedef struct LostCase {
    const char *name;
    unsigned n;                 /* commands */
    unsigned kth;               /* is lost with its block */
    int err;
} LostCase;

static const LostCase lost_cases[] = {
    { "timeout-only", 1, 1, ETIMEDOUT },
    { "timeout-first", HUNDRED, 1, ETIMEDOUT },
    { "timeout-63rd", HUNDRED, 63, ETIMEDOUT },
    { "timeout-64th", HUNDRED, 64, ETIMEDOUT },
    { "timeout-last", HUNDRED, HUNDRED, ETIMEDOUT },
    { "eio-first", HUNDRED, 1, EIO },
    { "eio-64th", HUNDRED, 64, EIO },
    { "eio-last", HUNDRED, HUNDRED, EIO },
};

static void test_lost(const void *opaque)
{
    const LostCase *c = opaque;
    uint32_t at;
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    at = s.prod;
    s.k->issue_errno = c->err;
    s.k->issue_countdown = c->kth;
    put_tlbis(&s, 0, c->n);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_all_in_the_end(&s, at, c->n);
    g_assert_cmpuint(s.k->issue_countdown, ==, 0);
    scene_done(&s);
}

/* ---- EIO of one command ---- */

/*
 * The kernel counts commands of a block that it converted and did not issue:
 * with 63 a block, a refused 70th is reported after 69, of which it issued 63.
 */
static void test_eio(const void *opaque)
{
    unsigned bad = *(const unsigned *)opaque;
    uint32_t at;
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    at = s.prod;
    s.k->refused_dw1 = nth_va(bad) | LEAF;
    s.k->refusing = 1;
    put_tlbis(&s, 0, HUNDRED);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_stopped(&s, at + bad, CERROR_ILL);
    g_assert_cmpuint(s.k->calls[FK_INVALIDATE], <=, 20);
    g_assert_false(is_tlbi_issued(&s, bad));
    for (unsigned i = 0; i < bad; i++) {
        g_assert_true(is_tlbi_issued(&s, i));
    }
    s.k->refusing = 0;
    acknowledge(&s);
    expect_drained(&s);
    for (unsigned i = bad; i < HUNDRED; i++) {
        g_assert_true(is_tlbi_issued(&s, i));
    }
    scene_done(&s);
}

/* ---- The erratum ---- */

static void test_erratum(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    s.k->smmu[0].repeat_tlbi_cfgi = 1;
    scene_start_with(&s, "-global arm-smmuv3.ats=on", 1);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    translate(&s, 0, 0);
    scene_forget(&s);
    put_tlbis(&s, 0, HUNDRED);
    put(&s, CFGI_CD | SID(s.sid[0]), LEAF);
    put(&s, ATC_INV | SID(s.sid[0]), nth_va(0));
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    for (unsigned i = 0; i < HUNDRED; i++) {
        g_assert_cmpuint(times_issued(&s, TLBI_NH_VA | ASID(1),
                                      nth_va(i) | LEAF), ==, 2);
    }
    g_assert_cmpuint(times_issued(&s, CFGI_CD | SID(s.sid[0]), LEAF), ==, 2);
    g_assert_cmpuint(times_issued(&s, ATC_INV | SID(s.sid[0]), nth_va(0)), ==,
                     1);
    scene_done(&s);
}

/* ---- Streams ---- */

/* Not even the abort HWPT can be had: detached, which blocks. */
static void test_attach_always(const void *opaque)
{
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    s.k->always[FK_ATTACH] = *(const int *)opaque;
    translate(&s, 0, 1);
    g_assert_cmpuint(s.k->device[0].table, ==, FAKE_NOT_ATTACHED);
    /* What was allocated for nothing does not pile up: 11 tries, or one. */
    for (unsigned i = 0; i < (*(const int *)opaque == ENOMEM ? 6 : 60); i++) {
        translate(&s, 0, i);
    }
    g_assert_cmpuint(s.k->device[0].table, ==, FAKE_NOT_ATTACHED);
    g_assert_cmpuint(s.k->nested, <=, 16);
    fail_nothing(&s);
    translate(&s, 0, 2);
    expect_translating(&s, 0, 2);
    scene_done(&s);
}

/* The host has lost the device: the guest's other ones live on. */
static void test_gone(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 2);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    plug(&s, 0, 0);
    plug(&s, 1, 1);
    translate(&s, 0, 0);
    translate(&s, 1, 1);
    s.k->device[0].gone = 1;
    scene_forget(&s);
    translate(&s, 0, 2);
    translate(&s, 1, 2);
    expect_translating(&s, 1, 2);
    scene_forget(&s);
    put_tlbis(&s, 0, 10);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    expect_tlbis(&s, 0, 10);
    unplug(&s, 0, 0);
    expect_translating(&s, 1, 2);
    unplug(&s, 1, 1);
    g_assert_cmpuint(s.k->iommufds, ==, 0);
    /* The kernel's own order: it was attached until it was closed. */
    s.k->rule_breaks = 0;
    s.k->leaked = 0;
    s.k->device[0].gone = 0;
    plug(&s, 0, 0);
    translate(&s, 0, 3);
    expect_translating(&s, 0, 3);
    scene_done(&s);
}

/* ---- A host that refuses for the moment ---- */

/* The STE of device 0 has changed, and the host does not take it. */
static bool init_waiting(Scene *s, FakeKernelCall call, int err)
{
    if (!scene_init_translating(s)) {
        return false;
    }
    s->k->always[call] = err;
    put_ste(s, s->sid[0], s1_dw0(1), S1_DW1);
    put(s, CFGI_STE | SID(s->sid[0]), LEAF);
    put(s, CMD_SYNC, 0);
    ring_bell(s);
    expect_translating(s, 0, 0);
    g_assert_false(cmdq_err(s));
    return true;
}

static void test_wait(const void *opaque)
{
    FakeKernelCall call = *(const int *)opaque;
    Scene s;

    if (!init_waiting(&s, call, call == FK_ATTACH ? EBUSY : ENOMEM)) {
        return;
    }
    /* What is written meanwhile makes it neither faster nor slower. */
    put_tlbis(&s, 0, 10);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_translating(&s, 0, 0);
    fail_nothing(&s);
    expect_drained(&s);
    expect_translating(&s, 0, 1);
    expect_tlbis(&s, 0, 10);
    g_assert_cmpuint(query_stat(&s, "waits"), >=, 1);
    g_assert_cmpuint(query_stat(&s, "waits"), <=, 13);
    scene_done(&s);
}

/* A second is all it gets. */
static void test_wait_in_vain(void)
{
    Scene s;

    if (!init_waiting(&s, FK_ATTACH, EBUSY)) {
        return;
    }
    expect_drained(&s);
    g_assert_true(is_blocked(&s, 0));
    g_assert_cmpuint(query_stat(&s, "waits"), ==, 13);
    fail_nothing(&s);
    translate(&s, 0, 2);
    expect_translating(&s, 0, 2);
    scene_done(&s);
}

/* What will not pass is not waited for. */
static void test_wait_not(void)
{
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    s.k->always[FK_ATTACH] = EINVAL;
    translate(&s, 0, 1);
    g_assert_true(is_blocked(&s, 0));
    g_assert_cmpuint(query_stat(&s, "waits"), ==, 0);
    fail_nothing(&s);
    scene_done(&s);
}

static void test_wait_reset(void)
{
    Scene s;

    if (!init_waiting(&s, FK_ATTACH, EBUSY)) {
        return;
    }
    fail_nothing(&s);
    qtest_system_reset(s.qts);
    expect_stage2(&s, 0);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    translate(&s, 0, 3);
    expect_translating(&s, 0, 3);
    scene_done(&s);
}

/* A VM that is stopped asks for nothing, and goes on where it was. */
static void test_wait_stopped(void)
{
    unsigned calls;
    Scene s;

    if (!init_waiting(&s, FK_ATTACH, EBUSY)) {
        return;
    }
    stop_machine(&s);
    calls = s.k->calls[FK_ATTACH];
    g_usleep(G_USEC_PER_SEC * 6 / 5);
    g_assert_cmpuint(s.k->calls[FK_ATTACH], ==, calls);
    expect_translating(&s, 0, 0);
    fail_nothing(&s);
    resume_machine(&s);
    expect_drained(&s);
    expect_translating(&s, 0, 1);
    scene_done(&s);
}

static void add_numbers(const char *name, const unsigned *numbers, unsigned n,
                        GTestDataFunc test)
{
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf("smmuv3-host/error/%s/%u",
                                                name, numbers[i]);

        qtest_add_data_func(path, &numbers[i], test);
    }
}

void add_error_tests(void)
{
    static const unsigned nomem[] = { 2, 64, 128 };
    static const unsigned bad[] = { 0, 1, 62, 63, 64, 70, 99 };
    static const unsigned always[] = { ENOMEM, ENODEV, ENOENT, ETIMEDOUT };
    static const unsigned attach[] = { ENOMEM, ENODEV };
    static const int attach_call = FK_ATTACH, hwpt_call = FK_NESTED_ALLOC;

    qtest_add_func("smmuv3-host/error/eintr/invalidate",
                   test_eintr_invalidate);
    qtest_add_func("smmuv3-host/error/eintr/stream", test_eintr_stream);
    qtest_add_func("smmuv3-host/error/eintr/plug", test_eintr_plug);
    add_numbers("enomem-from", nomem, G_N_ELEMENTS(nomem), test_enomem);
    add_numbers("always", always, G_N_ELEMENTS(always), test_always);
    qtest_add_func("smmuv3-host/error/atc-timeout", test_atc_timeout);
    for (unsigned i = 0; i < G_N_ELEMENTS(lost_cases); i++) {
        g_autofree char *path = g_strdup_printf("smmuv3-host/error/lost/%s",
                                                lost_cases[i].name);

        qtest_add_data_func(path, &lost_cases[i], test_lost);
    }
    add_numbers("eio", bad, G_N_ELEMENTS(bad), test_eio);
    qtest_add_func("smmuv3-host/error/erratum", test_erratum);
    add_numbers("attach-always", attach, G_N_ELEMENTS(attach),
                test_attach_always);
    qtest_add_func("smmuv3-host/error/gone", test_gone);
    qtest_add_data_func("smmuv3-host/wait/attach", &attach_call, test_wait);
    qtest_add_data_func("smmuv3-host/wait/hwpt", &hwpt_call, test_wait);
    qtest_add_func("smmuv3-host/wait/in-vain", test_wait_in_vain);
    qtest_add_func("smmuv3-host/wait/not", test_wait_not);
    qtest_add_func("smmuv3-host/wait/reset", test_wait_reset);
    qtest_add_func("smmuv3-host/wait/stopped", test_wait_stopped);
}
