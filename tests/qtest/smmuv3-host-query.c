/*
 * What query-smmuv3-accel and info smmuv3-accel tell, against what the
 * simulated kernel knows.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "smmuv3-host-scene.h"

#include "qobject/qbool.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qobject/qnum.h"

static unsigned count(const QDict *d, const char *name)
{
    g_assert_nonnull(qdict_get_qlist(d, name));
    return qlist_size(qdict_get_qlist(d, name));
}

/* The member of list @name whose @key is @value */
static QDict *find(const QDict *d, const char *name, const char *key,
                   int64_t value)
{
    const QListEntry *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(d, name), e) {
        QDict *item = qobject_to(QDict, qlist_entry_obj(e));

        if (qdict_get_try_int(item, key, -1) == value) {
            return item;
        }
    }
    g_assert_not_reached();
}

static uint64_t nth(const QDict *d, const char *name, unsigned i)
{
    const QListEntry *e = qlist_first(qdict_get_qlist(d, name));

    while (i--) {
        e = qlist_next(e);
    }
    return qnum_get_uint(qobject_to(QNum, qlist_entry_obj(e)));
}

static void expect_str(const QDict *d, const char *name, const char *want)
{
    g_assert_cmpstr(qdict_get_try_str(d, name), ==, want);
}

static void expect_stat(const QDict *instance, const char *name,
                        uint64_t want)
{
    g_assert_cmpuint(qdict_get_int(qdict_get_qdict(instance, "stats"), name),
                     ==, want);
}

static void expect_kind_stat(const QDict *instance, const char *name,
                             const char *kind, uint64_t want)
{
    QDict *stats = qdict_get_qdict(instance, "stats");

    g_assert_cmpuint(qdict_get_int(qdict_get_qdict(stats, name), kind), ==,
                     want);
}

/* Device @i, and its HWPT, are what the kernel has. @event: NULL for none. */
static void expect_device(Scene *s, const QDict *instance, unsigned i,
                          const char *state, const char *event, unsigned users)
{
    const FakeKernelDevice *k = &s->k->device[i];
    g_autofree char *sysfs = scene_sysfs(s, i);
    g_autofree char *host = g_path_get_basename(sysfs);
    g_autofree char *id = g_strdup_printf("dev%u", i);
    g_autofree char *path = g_strdup_printf("/machine/peripheral/%s", id);
    QDict *d = find(instance, "devices", "vsid", s->sid[i]);
    QDict *hwpt = find(instance, "hwpts", "id", k->hwpt);

    expect_str(d, "id", id);
    expect_str(d, "qom-path", path);
    expect_str(d, "host", host);
    expect_str(d, "state", state);
    expect_str(d, "event", event);
    g_assert_cmpuint(qdict_get_int(d, "host-id"), >, 0);
    g_assert_cmpuint(qdict_get_int(d, "hwpt"), ==, k->hwpt);
    g_assert_true(qdict_haskey(d, "vdevice") == k->has_vdevice);
    expect_str(hwpt, "state", state);
    g_assert_cmpuint(qdict_get_int(hwpt, "users"), ==, users);
    g_assert_cmphex(nth(hwpt, "ste", 0), ==, k->ste[0]);
    g_assert_cmphex(nth(hwpt, "ste", 1), ==, k->ste[1]);
}

static bool info_says(Scene *s, const char *regex)
{
    g_autofree char *text = qtest_hmp(s->qts, "info smmuv3-accel");

    if (!g_regex_match_simple(regex, text, G_REGEX_MULTILINE, 0)) {
        g_test_message("no \"%s\" in:\n%s", regex, text);
        return false;
    }
    return true;
}

static void test_no_instance(void)
{
    QDict *instance, *reply;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_bare(&s, MACHINE "-device arm-smmuv3,primary-bus=pcie.0");
    reply = query_smmus(&s, 0, 0, &instance);
    qobject_unref(reply);
    g_assert_true(info_says(&s, "^No arm-smmuv3 with accel=on"));
    scene_done(&s);
}

/* Its promise, before any host is known. */
static void test_no_device(void)
{
    QDict *instance, *reply, *properties;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_with(&s, "-global arm-smmuv3.oas=48"
                     " -global arm-smmuv3.ril=off -S", 0);
    reply = query_smmus(&s, 1, 0, &instance);
    expect_str(instance, "id", "smmu");
    expect_str(instance, "qom-path", "/machine/peripheral/smmu");
    expect_str(instance, "bus", "pcie.0");
    g_assert_false(qdict_haskey(instance, "host"));
    g_assert_cmpuint(count(instance, "devices"), ==, 0);
    g_assert_cmpuint(count(instance, "hwpts"), ==, 0);
    g_assert_false(qdict_get_bool(instance, "promise-final"));
    properties = qdict_get_qdict(instance, "properties");
    g_assert_cmpuint(qdict_get_int(properties, "oas"), ==, 48);
    g_assert_false(qdict_get_bool(properties, "ril"));
    g_assert_false(qdict_get_bool(properties, "ats"));
    g_assert_cmphex(nth(qdict_get_qdict(instance, "promise"), "idr", 5), ==,
                    reg(&s, IDR5));
    g_assert_true(reg(&s, IDR0) & IDR0_MSI);
    g_assert_true(qdict_get_bool(qdict_get_qdict(instance, "promise"), "msi"));
    qobject_unref(reply);
    g_assert_true(info_says(&s, "properties: ril=off ats=off ssidsize=0"
                            " oas=48 cmdqv=off \\(until the guest runs\\)"));
    g_assert_true(info_says(&s, "stage 1, MSI, 16-bit ASIDs"));
    g_assert_true(info_says(&s, "devices: none"));
    qtest_qmp_assert_success(s.qts, "{ 'execute': 'cont' }");
    reply = query_smmus(&s, 1, 0, &instance);
    g_assert_true(qdict_get_bool(instance, "promise-final"));
    qobject_unref(reply);
    scene_done(&s);
}

static void test_devices(void)
{
    QDict *instance, *reply, *host, *hwpt;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_devices(&s, 3);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    translate(&s, 0, 3);
    translate(&s, 1, 3);
    reply = query_smmus(&s, 1, 0, &instance);
    g_assert_cmpuint(count(instance, "devices"), ==, 3);
    expect_device(&s, instance, 0, "translate", NULL, 2);
    expect_device(&s, instance, 1, "translate", NULL, 2);
    /* The table has zeroes for it: V=0 */
    expect_device(&s, instance, 2, "abort", "c-bad-ste", 1);
    hwpt = find(instance, "hwpts", "id", s.k->device[0].hwpt);
    g_assert_cmphex(qdict_get_int(hwpt, "s1-context-ptr"), ==,
                    CONTEXTS + 64 * 3);
    host = qdict_get_qdict(instance, "host");
    expect_str(host, "iommufd", "/objects/iommufd0");
    g_assert_cmphex(nth(qdict_get_qdict(host, "features"), "idr", 1), ==,
                    s.k->smmu[0].idr[1]);
    g_assert_false(qdict_haskey(qdict_get_qdict(host, "features"), "ats"));
    /* Of abort, the two after the first. */
    expect_stat(instance, "hwpt-shared", 2 + 1);
    g_assert_cmphex(qdict_get_int(qdict_get_qdict(instance, "registers"),
                                  "cr0"), ==, CR0_SMMUEN | CR0_CMDQEN);
    qobject_unref(reply);
    g_assert_true(info_says(&s, "dev0: host 0000:01:00.0 \\(id \\d+\\), vSID"
                            " 0x10 \\(vDEVICE \\d+\\), translate, HWPT \\d+"));
    g_assert_true(info_says(&s, "\\d+: translate, 2 users, STE 0x[0-9a-f]+"
                            " 0x[0-9a-f]+, S1ContextPtr 0x440000c0"));
    scene_done(&s);
}

/*
 * An STE that is none: the stream aborts, and the answer says why. The guest is
 * told if the STE says that it is one.
 */
static void test_event(void)
{
    static const uint64_t stes[] = { 0, BIT(0) | 6 << 1 };  /* V=0; stage 2 */
    QDict *instance, *reply, *d;
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(stes); i++) {
        install(&s, 0, stes[i], 0);
        reply = query_smmus(&s, 1, 0, &instance);
        d = find(instance, "devices", "vsid", s.sid[0]);
        expect_str(d, "state", "abort");
        expect_str(d, "event", "c-bad-ste");
        expect_stat(instance, "events-own", i);
        expect_stat(instance, "events-dropped", i);     /* EVENTQEN=0 */
        qobject_unref(reply);
    }
    g_assert_true(info_says(&s, "abort \\(c-bad-ste\\)"));
    scene_done(&s);
}

static void expect_calls(Scene *s, const QDict *instance)
{
    static const struct { const char *name; FakeKernelCall call; } calls[] = {
        { "viommu-alloc", FK_VIOMMU_ALLOC },
        { "vdevice-alloc", FK_VDEVICE_ALLOC },
        { "hwpt-alloc", FK_NESTED_ALLOC },
        { "invalidate", FK_INVALIDATE },
        { "veventq-alloc", FK_VEVENTQ_ALLOC },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(calls); i++) {
        expect_kind_stat(instance, "host-calls", calls[i].name,
                         s->k->calls[calls[i].call]);
    }
}

static void test_counters(void)
{
    QDict *instance, *reply;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_devices(&s, 1);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    translate(&s, 0, 0);                            /* CFGI_STE, SYNC */
    s.k->commands = 0;
    put_tlbis(&s, 0, 5);
    put(&s, CFGI_CD | SID(s.sid[0]), LEAF);
    put(&s, TLBI_NH_VA | ASID(9), 0x1000 | LEAF);
    put(&s, TLBI_NH_VA | ASID(9), 0x1000 | LEAF);   /* coalesced */
    put(&s, PREFETCH_ADDR, 0);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    run_one(&s, 0xff, 0);
    reply = query_smmus(&s, 1, 0, &instance);
    expect_stat(instance, "prod-writes", 1 + 3);    /* enable_queue() */
    expect_stat(instance, "windows", 3);
    expect_stat(instance, "windows-forwarding", 1);
    expect_stat(instance, "forwarded", 8);
    expect_stat(instance, "coalesced", 1);
    expect_stat(instance, "sent", 7);
    expect_stat(instance, "entries", s.k->commands);
    expect_stat(instance, "batches", 1);
    expect_kind_stat(instance, "commands", "cfgi-ste", 1);
    expect_kind_stat(instance, "commands", "cfgi-cd", 1);
    expect_kind_stat(instance, "commands", "tlbi", 7);
    expect_kind_stat(instance, "commands", "prefetch", 1);
    expect_kind_stat(instance, "commands", "sync", 2);
    expect_kind_stat(instance, "command-errors", "ill", 1);
    expect_kind_stat(instance, "command-errors", "abt", 0);
    expect_calls(&s, instance);
    qobject_unref(reply);
    g_assert_true(info_says(&s, "PROD writes 4, windows 3 \\(1 forwarding\\)"));
    g_assert_true(info_says(&s, "errors: ILL 1, ABT 0, ATC_INV_SYNC 0"));
    scene_done(&s);
}

/* A reset takes devices off their tables, and one is kept for later. */
static void test_reset(void)
{
    QDict *instance, *reply, *device, *kept;
    uint32_t id;
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    id = s.k->device[0].hwpt;
    qtest_system_reset(s.qts);
    reply = query_smmus(&s, 1, 0, &instance);
    device = find(instance, "devices", "vsid", s.sid[0]);
    expect_str(device, "state", "bypass");
    g_assert_false(qdict_haskey(device, "hwpt"));
    kept = find(instance, "hwpts", "id", id);
    g_assert_cmpuint(qdict_get_int(kept, "users"), ==, 0);
    expect_stat(instance, "hwpt-translate", 1);
    qobject_unref(reply);
    g_assert_true(info_says(&s, "dev0: .*, bypass, stage 2 alone, "));
    scene_done(&s);
}

/* The host refuses each table, so that the device is left without one. */
static void test_blocked(void)
{
    QDict *instance, *reply, *device;
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    s.k->always[FK_ATTACH] = EINVAL;
    translate(&s, 0, 1);
    fail_nothing(&s);
    reply = query_smmus(&s, 1, 0, &instance);
    device = find(instance, "devices", "vsid", s.sid[0]);
    expect_str(device, "state", "abort");
    g_assert_false(qdict_haskey(device, "hwpt"));
    qobject_unref(reply);
    g_assert_true(info_says(&s, "dev0: .*, abort, blocked by the host, "));
    scene_done(&s);
}

static void test_unplug(void)
{
    QDict *instance, *reply;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    plug(&s, 0, 0);
    translate(&s, 0, 0);
    reply = query_smmus(&s, 1, 0, &instance);
    expect_device(&s, instance, 0, "translate", NULL, 1);
    g_assert_true(qdict_haskey(instance, "host"));
    qobject_unref(reply);
    unplug(&s, 0, 0);
    reply = query_smmus(&s, 1, 0, &instance);
    g_assert_cmpuint(count(instance, "devices"), ==, 0);
    g_assert_cmpuint(count(instance, "hwpts"), ==, 0);
    g_assert_false(qdict_haskey(instance, "host"));
    expect_stat(instance, "hwpt-translate", 1);
    qobject_unref(reply);
    scene_done(&s);
}

static void test_two_instances(void)
{
    g_autofree char *near = NULL, *far = NULL;
    QDict *instance, *reply;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    near = scene_device(&s, 0);
    far = scene_device(&s, 6);
    scene_start(&s, "-device pxb-pcie,id=pcie.1,bus_nr=8,bus=pcie.0,addr=9 "
                "-device arm-smmuv3,primary-bus=pcie.1,id=far,accel=on "
                "-device pcie-root-port,id=farport,bus=pcie.1,chassis=9 "
                "-device %s,bus=pcie.0,addr=2 -device %s,bus=farport",
                near, far);
    for (unsigned i = 0; i < 2; i++) {
        bool is_far;

        reply = query_smmus(&s, 2, i, &instance);
        is_far = !strcmp(qdict_get_str(instance, "id"), "far");
        expect_str(instance, "bus", is_far ? "pcie.1" : "pcie.0");
        g_assert_cmpuint(count(instance, "devices"), ==, 1);
        expect_str(qobject_to(QDict, qlist_peek(qdict_get_qlist(instance,
                                                                "devices"))),
                   "id", is_far ? "dev6" : "dev0");
        qobject_unref(reply);
    }
    g_assert_true(info_says(&s, "^smmu: serves pcie.0"));
    g_assert_true(info_says(&s, "^far: serves pcie.1"));
    scene_done(&s);
}

void add_query_tests(void)
{
    qtest_add_func("smmuv3-host/query/no-instance", test_no_instance);
    qtest_add_func("smmuv3-host/query/no-device", test_no_device);
    qtest_add_func("smmuv3-host/query/devices", test_devices);
    qtest_add_func("smmuv3-host/query/event", test_event);
    qtest_add_func("smmuv3-host/query/counters", test_counters);
    qtest_add_func("smmuv3-host/query/reset", test_reset);
    qtest_add_func("smmuv3-host/query/blocked", test_blocked);
    qtest_add_func("smmuv3-host/query/unplug", test_unplug);
    qtest_add_func("smmuv3-host/query/two-instances", test_two_instances);
}
