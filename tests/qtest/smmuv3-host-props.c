/*
 * What the guest is promised: ril, ats, ssidsize and oas, on hosts that have
 * more or less, decided before the guest runs and standing from then on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "smmuv3-host-scene.h"

#include "qobject/qdict.h"

typedef struct Field {
    uint32_t reg;
    unsigned at, bits;
} Field;

#define F_ATS       { IDR0, 10, 1 }
#define F_ASID16    { IDR0, 12, 1 }
#define F_CD2L      { IDR0, 19, 1 }
#define F_SSIDSIZE  { IDR1, 6, 5 }
#define F_HAD       { IDR3, 2, 1 }
#define F_RIL       { IDR3, 10, 1 }
#define F_BBML      { IDR3, 11, 2 }
#define F_OAS       { IDR5, 0, 3 }
#define F_GRANULES  { IDR5, 4, 3 }

static unsigned field(Scene *s, Field f)
{
    return extract32(reg(s, f.reg), f.at, f.bits);
}

static void set_host(Scene *s, unsigned smmu, Field f, unsigned value)
{
    uint32_t *idr = &s->k->smmu[smmu].idr[f.reg / 4];

    *idr = deposit32(*idr, f.at, f.bits, value);
}

/* ---- With the device there from the start ---- */

typedef struct ColdCase {
    const char *name;
    const char *option;
    Field host;                 /* of the host, made this; bits 0: none */
    unsigned host_value;
    Field seen;                 /* what the guest reads */
    unsigned value;
} ColdCase;

#define AS_IT_IS { 0 }, 0

static const ColdCase cold[] = {
    { "ril", "ril=auto", AS_IT_IS, F_RIL, 1 },
    { "ril-without", "ril=auto", F_RIL, 0, F_RIL, 1 },
    { "ril-on-without", "ril=on", F_RIL, 0, F_RIL, 1 },
    { "ril-off", "ril=off", AS_IT_IS, F_RIL, 0 },
    { "ats", "ats=auto", AS_IT_IS, F_ATS, 0 },
    { "ats-off", "ats=off", AS_IT_IS, F_ATS, 0 },
    { "ats-on", "ats=on", AS_IT_IS, F_ATS, 1 },
    { "ats-on-blind", "ats=on", F_ATS, 0, F_ATS, 1 },
    { "ssidsize", "ssidsize=auto", F_SSIDSIZE, 13, F_SSIDSIZE, 13 },
    { "ssidsize-default", "accel=on", AS_IT_IS, F_SSIDSIZE, 20 },
    { "ssidsize-without", "ssidsize=auto", F_SSIDSIZE, 0, F_SSIDSIZE, 0 },
    { "ssidsize-less", "ssidsize=8", AS_IT_IS, F_SSIDSIZE, 8 },
    { "ssidsize-none", "ssidsize=0", AS_IT_IS, F_SSIDSIZE, 0 },
    { "cd2l", "ssidsize=8", AS_IT_IS, F_CD2L, 1 },
    { "cd2l-without", "ssidsize=8", F_CD2L, 0, F_CD2L, 0 },
    { "cd2l-no-ssids", "ssidsize=0", AS_IT_IS, F_CD2L, 0 },
    { "oas", "oas=auto", AS_IT_IS, F_OAS, 4 },
    { "oas-44", "oas=44", AS_IT_IS, F_OAS, 4 },
    { "oas-48", "oas=48", AS_IT_IS, F_OAS, 5 },
    /* The host's field may not be read. */
    { "oas-blind", "oas=auto", F_OAS, 2, F_OAS, 4 },
    { "bbml", "accel=on", F_BBML, 1, F_BBML, 1 },
    { "granules", "accel=on", F_GRANULES, 5, F_GRANULES, 5 },
};

static void test_cold(const void *opaque)
{
    const ColdCase *c = opaque;
    g_autofree char *more = g_strdup_printf("-global arm-smmuv3.%s",
                                            c->option);
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    if (c->host.bits) {
        set_host(&s, 0, c->host, c->host_value);
    }
    scene_start_with(&s, more, 1);
    g_assert_cmpuint(field(&s, c->seen), ==, c->value);
    qtest_system_reset(s.qts);
    g_assert_cmpuint(field(&s, c->seen), ==, c->value);
    scene_done(&s);
}

/* ---- Plugged, before the guest runs and after ---- */

/* While QEMU waits for "cont", what is plugged still decides. */
static void test_before_it_runs(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    set_host(&s, 0, (Field) F_GRANULES, 5);
    set_host(&s, 0, (Field) F_SSIDSIZE, 6);
    scene_start_ports_with(&s, "-S", 2);
    g_assert_cmpuint(field(&s, (Field) F_GRANULES), ==, 7);
    g_assert_cmpuint(field(&s, (Field) F_SSIDSIZE), ==, 0);
    plug(&s, 0, 0);
    g_assert_cmpuint(field(&s, (Field) F_GRANULES), ==, 5);
    g_assert_cmpuint(field(&s, (Field) F_SSIDSIZE), ==, 6);
    qtest_qmp_assert_success(s.qts, "{ 'execute': 'cont' }");
    qtest_system_reset(s.qts);
    plug(&s, 1, 1);
    g_assert_cmpuint(field(&s, (Field) F_GRANULES), ==, 5);
    g_assert_cmpuint(field(&s, (Field) F_SSIDSIZE), ==, 6);
    scene_done(&s);
}

/* A device that is refused decides over nothing. */
static void test_refused_leaves_promise(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    set_host(&s, 0, (Field) F_GRANULES, 5);
    set_host(&s, 0, (Field) F_SSIDSIZE, 10);
    scene_start_ports_with(&s, "-S -global arm-smmuv3.ssidsize=16", 2);
    expect_refused(&s, 0, "rp0", "lacks IDR1.SSIDSIZE: it has 10,"
                   " ssidsize asks for 16");
    expect_nothing_left(&s);
    g_assert_cmpuint(field(&s, (Field) F_GRANULES), ==, 7);
    g_assert_cmpuint(field(&s, (Field) F_SSIDSIZE), ==, 16);
    /* The other SMMU has it. */
    plug(&s, 6, 1);
    scene_done(&s);
}

/* Nor does one whose information cannot be had, or that is no SMMUv3's. */
static void test_unknown_host(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports_with(&s, "-S", 2);
    fail_nth(&s, FK_HW_INFO, 1, ENOMEM);
    expect_refused(&s, 0, "rp0", "");
    expect_refused(&s, 7, "rp0", "describes no SMMUv3 behind the device");
    expect_nothing_left(&s);
    g_assert_cmpuint(field(&s, (Field) F_SSIDSIZE), ==, 0);
    plug(&s, 0, 0);
    g_assert_cmpuint(field(&s, (Field) F_SSIDSIZE), ==, 20);
    scene_done(&s);
}

static void test_explicit_hotplug(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    set_host(&s, 0, (Field) F_SSIDSIZE, 7);
    set_host(&s, 1, (Field) F_SSIDSIZE, 8);
    scene_start_ports_with(&s, "-global arm-smmuv3.ssidsize=8", 2);
    expect_refused(&s, 0, "rp0", "lacks IDR1.SSIDSIZE: it has 7,"
                   " ssidsize asks for 8");
    plug(&s, 6, 1);
    g_assert_cmpuint(field(&s, (Field) F_SSIDSIZE), ==, 8);
    scene_done(&s);
}

/* What no option can mend is not blamed on a promise. */
static void test_unusable(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    set_host(&s, 0, (Field) { IDR0, 24, 2 }, 2);
    scene_start_ports_with(&s, "-S", 2);
    expect_refused(&s, 0, "rp0", "lacks IDR0.STALL_MODEL (faults that do not"
                   " stall): it has 2, any guest needs 1");
    scene_done(&s);
}

/* ---- The promise stands ---- */

/* A narrow host's device goes and comes; resets change nothing. */
static void test_stands_without_device(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    set_host(&s, 0, (Field) F_GRANULES, 5);
    set_host(&s, 0, (Field) F_ASID16, 0);
    set_host(&s, 0, (Field) F_SSIDSIZE, 6);
    scene_start_ports_with(&s, "-S", 2);
    plug(&s, 0, 0);
    qtest_qmp_assert_success(s.qts, "{ 'execute': 'cont' }");
    unplug(&s, 0, 0);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpuint(field(&s, (Field) F_GRANULES), ==, 5);
        g_assert_cmpuint(field(&s, (Field) F_ASID16), ==, 0);
        g_assert_cmpuint(field(&s, (Field) F_SSIDSIZE), ==, 6);
        qtest_system_reset(s.qts);
    }
    set_bus(&s, 0, 1);
    plug(&s, 0, 0);
    scene_done(&s);
}

/* A guest that was promised little gets no more from a host that has it. */
static void test_wider_host(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 2);
    plug(&s, 0, 0);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpuint(field(&s, (Field) F_SSIDSIZE), ==, 0);
        g_assert_cmpuint(field(&s, (Field) F_BBML), ==, 0);
        qtest_system_reset(s.qts);
    }
    scene_done(&s);
}

/* The host behind the device changes while the guest runs: another SMMU. */
static void test_narrower_host(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    set_host(&s, 1, (Field) F_BBML, 1);
    scene_start_ports_with(&s, "-S", 2);
    plug(&s, 0, 0);
    qtest_qmp_assert_success(s.qts, "{ 'execute': 'cont' }");
    unplug(&s, 0, 0);
    expect_refused(&s, 6, "rp1", "lacks IDR3.BBML: it has 1,"
                   " the guest was promised 2");
    expect_nothing_left(&s);
    plug(&s, 0, 0);
    scene_done(&s);
}

/* An SMMUv3.0 need not have what an SMMUv3.1 has (6.3.4). */
static void test_old_host(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    s.k->smmu[0].aidr = 0;
    scene_start_ports_with(&s, "-S", 2);
    g_assert_cmpuint(field(&s, (Field) F_HAD), ==, 1);
    g_assert_cmphex(reg(&s, AIDR), ==, 1);
    plug(&s, 0, 0);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpuint(field(&s, (Field) F_HAD), ==, 0);
        g_assert_cmphex(reg(&s, AIDR), ==, 0);
        qtest_system_reset(s.qts);
    }
    scene_done(&s);
}

static void test_old_host_too_late(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    s.k->smmu[0].aidr = 0;
    scene_start_ports(&s, 2);
    expect_refused(&s, 0, "rp0", "lacks IDR3.HAD: it has 0,"
                   " the guest was promised 1");
    expect_nothing_left(&s);
    plug(&s, 6, 1);
    scene_done(&s);
}

/* Of two physical SMMUs the narrower is another one above all. */
static void test_narrower_second(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    set_host(&s, 1, (Field) F_GRANULES, 5);
    scene_start_ports_with(&s, "-S", 2);
    plug(&s, 0, 0);
    expect_refused(&s, 6, "rp1", "another physical SMMU");
    g_assert_cmpuint(field(&s, (Field) F_GRANULES), ==, 7);
    scene_done(&s);
}

/* ---- Substreams ---- */


static void test_substreams(void)
{
    uint64_t dw0 = s1_dw0(0);
    Scene s;

    if (!scene_init_translating_with(&s, "-global arm-smmuv3.ssidsize=8")) {
        return;
    }
    install(&s, 0, dw0 | STE_S1CDMAX(9), S1_DW1);
    expect_kind(&s, 0, STE_ABORT);
    install(&s, 0, dw0 | STE_S1CDMAX(8) | STE_S1FMT_4K_L2,
            S1_DW1 | STE_S1DSS_BYPASS);
    g_assert_cmpuint(s.k->device[0].table, ==, FAKE_ON_NESTED);
    g_assert_cmphex(s.k->device[0].ste[0], ==,
                    dw0 | STE_S1CDMAX(8) | STE_S1FMT_4K_L2);
    g_assert_cmphex(s.k->device[0].ste[1] & 3, ==, STE_S1DSS_BYPASS);
    /* Reserved, and so as 0b00 (5.2, S1DSS) */
    install(&s, 0, dw0 | STE_S1CDMAX(8), S1_DW1 | 3);
    g_assert_cmpuint(s.k->device[0].table, ==, FAKE_ON_NESTED);
    g_assert_cmphex(s.k->device[0].ste[0], ==, dw0 | STE_S1CDMAX(8));
    g_assert_cmphex(s.k->device[0].ste[1] & 3, ==, 0);
    scene_forget(&s);
    put(&s, CFGI_CD | SID(s.sid[0]) | SSID(0xab), LEAF);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    g_assert_true(is_issued(&s, CFGI_CD | SID(s.sid[0]) | SSID(0xab), LEAF));
    scene_done(&s);
}

/*
 * Without substreams the SSID is RES0 and S1CDMax is ignored, and the host never
 * sees either.
 */
static void test_no_substreams(void)
{
    uint64_t dw0 = s1_dw0(0);
    Scene s;

    if (!scene_init_translating_with(&s, "-global arm-smmuv3.ssidsize=0")) {
        return;
    }
    put(&s, CFGI_CD | SID(s.sid[0]) | SSID(0xab), LEAF);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    g_assert_true(is_issued(&s, CFGI_CD | SID(s.sid[0]), LEAF));
    install(&s, 0, dw0 | STE_S1CDMAX(1), S1_DW1);
    g_assert_cmpuint(s.k->device[0].table, ==, FAKE_ON_NESTED);
    g_assert_cmphex(s.k->device[0].ste[0], ==, dw0);
    scene_done(&s);
}

/* ---- What the guest sees of a device ---- */

#define PASID_CAP_ID    0x1b

/* The place of an extended capability of the device in slot 2; 0: none. */
static unsigned find_ext_cap(Scene *s, uint16_t id)
{
    unsigned at = 0x100;

    for (unsigned i = 0; i < 64 && at; i++) {
        uint32_t header = qtest_readl(s->qts, config_addr(0, 2 << 3, at));

        if ((header & 0xffff) == id) {
            return at;
        }
        at = header >> 20;
    }
    return 0;
}

static uint16_t config_word(Scene *s, unsigned at)
{
    return qtest_readw(s->qts, config_addr(0, 2 << 3, at));
}

typedef struct PasidCase {
    const char *name;
    const char *option;
    unsigned bits, exec, priv;  /* the device's */
    uint16_t cap;               /* what the guest sees; 0: no capability */
    uint32_t tail;              /* what the device has in that place */
} PasidCase;

static const PasidCase pasids[] = {
    { "all", "ssidsize=auto", 20, 1, 1, 20 << 8 | 6 },
    { "plain", "ssidsize=auto", 16, 0, 0, 16 << 8 },
    { "exec", "ssidsize=auto", 16, 1, 0, 16 << 8 | 2 },
    { "priv", "ssidsize=auto", 16, 0, 1, 16 << 8 | 4 },
    { "narrower", "ssidsize=8", 20, 0, 0, 8 << 8 },
    { "no-substreams", "ssidsize=0", 20, 1, 1, 0 },
    { "no-pasid", "ssidsize=auto", 0, 0, 0, 0 },
    { "no-place", "ssidsize=auto", 20, 1, 1, 0, 1 },
};

static void test_pasid(const void *opaque)
{
    const PasidCase *c = opaque;
    g_autofree char *more = g_strdup_printf("-global arm-smmuv3.%s",
                                            c->option);
    unsigned at;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    s.k->device[0].pasid_bits = c->bits;
    s.k->device[0].pasid_exec = c->exec;
    s.k->device[0].pasid_priv = c->priv;
    s.k->device[0].config_tail = c->tail;
    scene_start_with(&s, more, 1);
    g_assert_cmphex(find_ext_cap(&s, 0x0f), ==, FAKE_PCI_ATS_CAP);
    at = find_ext_cap(&s, PASID_CAP_ID);
    g_assert_cmpint(at != 0, ==, c->cap != 0);
    if (at) {
        g_assert_cmphex(config_word(&s, at + 4), ==, c->cap);
        qtest_writel(s.qts, config_addr(0, 2 << 3, at + 4), 0xffffffff);
        g_assert_cmphex(config_word(&s, at + 4), ==, c->cap);
        g_assert_cmphex(config_word(&s, at + 6), ==, 1 | (c->cap & 6));
        qtest_system_reset(s.qts);
        g_assert_cmphex(config_word(&s, at + 4), ==, c->cap);
        g_assert_cmphex(config_word(&s, at + 6), ==, 0);
    }
    scene_done(&s);
}

/* On hosts of which the kernel tells that there is no ATC to invalidate */
static void test_no_ats(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    s.k->device[0].no_ats = 1;
    set_host(&s, 0, (Field) F_ATS, 0);
    scene_start_with(&s, "-global arm-smmuv3.ats=on", 1);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    translate(&s, 0, 0);
    scene_forget(&s);
    put(&s, ATC_INV | SID(s.sid[0]), 52);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    g_assert_cmpuint(s.k->calls[FK_CALLS], ==, 0);
    scene_done(&s);
}

void add_props_tests(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(cold); i++) {
        g_autofree char *path = g_strdup_printf("smmuv3-host/promise/cold/"
                                                "%s", cold[i].name);

        qtest_add_data_func(path, &cold[i], test_cold);
    }
    qtest_add_func("smmuv3-host/promise/before-it-runs",
                   test_before_it_runs);
    qtest_add_func("smmuv3-host/promise/refused",
                   test_refused_leaves_promise);
    qtest_add_func("smmuv3-host/promise/unknown-host", test_unknown_host);
    qtest_add_func("smmuv3-host/promise/explicit", test_explicit_hotplug);
    qtest_add_func("smmuv3-host/promise/unusable", test_unusable);
    qtest_add_func("smmuv3-host/promise/stands",
                   test_stands_without_device);
    qtest_add_func("smmuv3-host/promise/wider-host", test_wider_host);
    qtest_add_func("smmuv3-host/promise/narrower-host",
                   test_narrower_host);
    qtest_add_func("smmuv3-host/promise/narrower-second",
                   test_narrower_second);
    qtest_add_func("smmuv3-host/promise/old-host", test_old_host);
    qtest_add_func("smmuv3-host/promise/old-host-too-late",
                   test_old_host_too_late);
    for (unsigned i = 0; i < G_N_ELEMENTS(pasids); i++) {
        g_autofree char *path = g_strdup_printf("smmuv3-host/pasid/%s",
                                                pasids[i].name);

        qtest_add_data_func(path, &pasids[i], test_pasid);
    }
    qtest_add_func("smmuv3-host/ats/host-without", test_no_ats);
    qtest_add_func("smmuv3-host/substreams/with", test_substreams);
    qtest_add_func("smmuv3-host/substreams/without", test_no_substreams);
}
