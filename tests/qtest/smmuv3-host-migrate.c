/*
 * Stopping, saving and loading an accelerated SMMU.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A guest goes from one QEMU to the next through a file; both are on the same
 * simulated host. What they say of a refusal is read from their stderr.
 */
#include "smmuv3-host-scene.h"

#include <glib/gstdio.h>
#include <sys/wait.h>

#include "hw/pci/pci.h"
#include "qobject/qdict.h"

#define MSI_TARGET      0x47000000

#define PORT            "-device pcie-root-port,id=rp0,chassis=1," \
                        "bus=pcie.0,addr=2 "

/* ---- From one QEMU to the next ---- */

typedef struct Journey {
    Scene s;
    char *file;
} Journey;

static bool journey_init(Journey *j)
{
    int fd;

    if (!scene_init(&j->s)) {
        return false;
    }
    fd = g_file_open_tmp("smmuv3-XXXXXX", &j->file, NULL);
    g_assert_cmpint(fd, >=, 0);
    close(fd);
    return true;
}

static void save(Journey *j)
{
    g_autofree char *uri = g_strdup_printf("file:%s", j->file);

    qtest_qmp_assert_success(j->s.qts, "{ 'execute': 'migrate',"
                             " 'arguments': { 'uri': %s } }", uri);
    wait_for_migration(&j->s, "completed");
    scene_quit(&j->s);
}

/* The target's machine with @more; stopped, and loaded. */
static void load_stopped(Journey *j, const char *more)
{
    g_autofree char *uri = g_strdup_printf("file:%s", j->file);

    scene_start_bare(&j->s, "%s", more);
    qtest_qmp_assert_success(j->s.qts, "{ 'execute': 'migrate-incoming',"
                             " 'arguments': { 'uri': %s } }", uri);
    wait_for_migration(&j->s, "completed");
}

/* What QEMU says of a load that it refuses; its exit status is 1. */
static char *refused_load(Journey *j, const char *more)
{
    g_autofree char *line = g_strdup_printf(
        "%s %s -display none -accel qtest -S -incoming file:%s",
        g_getenv("QTEST_QEMU_BINARY"), more, j->file);
    g_auto(GStrv) argv = NULL, env = scene_environment(&j->s);
    GError *error = NULL;
    char *words = NULL;
    int status = 0;

    g_assert_true(g_shell_parse_argv(line, NULL, &argv, &error));
    g_spawn_sync(NULL, argv, env, 0, NULL, NULL, NULL, &words, &status,
                 &error);
    g_assert_no_error(error);
    g_test_message("%s", words);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 1);
    return words;
}

static void journey_done(Journey *j)
{
    g_remove(j->file);
    g_free(j->file);
    scene_done(&j->s);
}

#define TARGET          MACHINE SMMU PORT "-S -incoming defer"

/* A guest whose SMMU is on and whose slot 1:0 translates, without a device */
static bool leave_home(Journey *j)
{
    if (!journey_init(j)) {
        return false;
    }
    scene_start(&j->s, PORT);
    set_bus(&j->s, 0, 1);
    enable_queue(&j->s, LOG2SIZE);
    enable_smmu(&j->s);
    j->s.sid[0] = 1 << 8;
    translate(&j->s, 0, 0);
    save(j);
    return true;
}

/* libvirt's way: what the guest shall find is plugged while it is stopped. */
static void test_plug_before_cont(void)
{
    Journey j;

    if (!leave_home(&j)) {
        return;
    }
    load_stopped(&j, TARGET);
    g_assert_cmphex(reg(&j.s, CR0), ==, CR0_SMMUEN | CR0_CMDQEN);
    plug(&j.s, 0, 0);
    g_assert_cmphex(reg(&j.s, CR0), ==, CR0_SMMUEN | CR0_CMDQEN);
    g_assert_cmphex(qtest_readq(j.s.qts, SMMU_ADDR + STRTAB_BASE), ==, STRTAB);
    expect_translating(&j.s, 0, 0);
    resume_machine(&j.s);
    expect_translating(&j.s, 0, 0);
    put_tlbis(&j.s, 0, 2);
    put(&j.s, CMD_SYNC, 0);
    scene_forget(&j.s);
    ring_bell(&j.s);
    expect_drained(&j.s);
    expect_tlbis(&j.s, 0, 2);
    journey_done(&j);
}

/* A device that stands there from the start is on its stream after the load. */
static void test_plugged_before_load(void)
{
    g_autofree char *device = NULL, *args = NULL;
    Journey j;

    if (!leave_home(&j)) {
        return;
    }
    device = scene_device(&j.s, 0);
    args = g_strdup_printf(TARGET " -device %s,bus=rp0", device);
    load_stopped(&j, args);
    expect_translating(&j.s, 0, 0);
    resume_machine(&j.s);
    expect_translating(&j.s, 0, 0);
    journey_done(&j);
}

/* ---- The promise ---- */

#define IDRS 6

/* A guest that was promised what device 0's host has, and then lost it */
static bool leave_after_promise(Journey *j, const char *properties,
                                uint32_t idr[IDRS])
{
    g_autofree char *device = NULL;

    if (!journey_init(j)) {
        return false;
    }
    device = scene_device(&j->s, 0);
    scene_start_bare(&j->s, MACHINE "-device arm-smmuv3,primary-bus=pcie.0,"
                     "id=smmu,accel=on%s " PORT "-device %s,bus=rp0",
                     properties, device);
    for (unsigned i = 0; i < IDRS; i++) {
        idr[i] = reg(&j->s, 4 * i);
    }
    set_bus(&j->s, 0, 1);
    unplug(&j->s, 0, 0);
    save(j);
    return true;
}

static void test_promise_travels(void)
{
    uint32_t idr[IDRS];
    Journey j;

    if (!leave_after_promise(&j, "", idr)) {
        return;
    }
    /* What no target without a device would promise by itself */
    g_assert_cmpuint(extract32(idr[3], 11, 2), ==, 2);          /* BBML */
    g_assert_cmpuint(extract32(idr[1], 6, 5), ==, 20);          /* SSIDSIZE */
    g_assert_cmpuint(extract32(idr[0], 19, 1), ==, 1);          /* CD2L */
    load_stopped(&j, TARGET);
    for (unsigned i = 0; i < IDRS; i++) {
        g_assert_cmphex(reg(&j.s, 4 * i), ==, idr[i]);
    }
    /* A reset is of the guest that came: it finds what it had. */
    resume_machine(&j.s);
    qtest_system_reset(j.s.qts);
    for (unsigned i = 0; i < IDRS; i++) {
        g_assert_cmphex(reg(&j.s, 4 * i), ==, idr[i]);
    }
    set_bus(&j.s, 0, 1);
    plug(&j.s, 1, 0);
    expect_stage2(&j.s, 1);
    journey_done(&j);
}

typedef struct Denial {
    const char *name;
    const char *source, *target;    /* properties */
    const char *words;
} Denial;

static const Denial denials[] = {
    { "ril", "", ",ril=off",
      "smmu: ril=off is not what the guest was promised at its source:"
      " ril=on" },
    { "ats", ",ats=on", ",ats=off",
      "smmu: ats=off is not what the guest was promised at its source:"
      " ats=on" },
    { "ssidsize", "", ",ssidsize=16",
      "smmu: ssidsize=16 is not what the guest was promised at its source:"
      " ssidsize=20" },
    { "oas", ",oas=48", ",oas=44",
      "smmu: oas=44 is not what the guest was promised at its source:"
      " oas=48" },
    { "accel", "", ",accel=off",
      "smmu: the guest comes from an arm-smmuv3 with accel=on, and this one"
      " has accel=off" },
    { "source-accel", ",accel=off", "",
      "smmu: the guest comes with no promise" },
};

static void test_denied(const void *opaque)
{
    const Denial *c = opaque;
    g_autofree char *words = NULL, *args = NULL;
    Journey j;

    if (!journey_init(&j)) {
        return;
    }
    /* What device 0's host has is not asked: ssidsize is 20 by property. */
    scene_start_bare(&j.s, MACHINE "-device arm-smmuv3,primary-bus=pcie.0,"
                     "id=smmu,%s%s", strstr(c->source, "accel=") ? "ril=on"
                     : "accel=on,ssidsize=20", c->source);
    save(&j);
    args = g_strdup_printf(MACHINE "-device arm-smmuv3,primary-bus=pcie.0,"
                           "id=smmu,accel=on%s", c->target);
    words = refused_load(&j, args);
    g_assert_nonnull(strstr(words, c->words));
    journey_done(&j);
}

/* ---- Snapshots ---- */

#define MONITOR         "{ 'execute': 'human-monitor-command'," \
                        " 'arguments': { 'command-line': %s } }"
#define JOB             "smmu"

static void wait_for_job(Scene *s)
{
    bool concluded = false;

    while (!concluded) {
        QDict *event = qtest_qmp_eventwait_ref(s->qts, "JOB_STATUS_CHANGE");
        const char *status = qdict_get_str(qdict_get_qdict(event, "data"),
                                           "status");

        g_assert_cmpstr(status, !=, "aborting");
        concluded = g_str_equal(status, "concluded");
        qobject_unref(event);
    }
}

/* An image for snapshots; made with @make, else it is there. */
static void add_image(Journey *j, bool make)
{
    qtest_qmp_assert_success(j->s.qts, "{ 'execute': 'blockdev-add',"
                             " 'arguments': { 'driver': 'file', 'node-name':"
                             " 'file', 'filename': %s } }", j->file);
    if (make) {
        qtest_qmp_assert_success(j->s.qts, "{ 'execute': 'blockdev-create',"
                                 " 'arguments': { 'job-id': '" JOB "',"
                                 " 'options': { 'driver': 'qcow2', 'file':"
                                 " 'file', 'size': 1048576 } } }");
        wait_for_job(&j->s);
        qtest_qmp_assert_success(j->s.qts, "{ 'execute': 'job-dismiss',"
                                 " 'arguments': { 'id': '" JOB "' } }");
    }
    qtest_qmp_assert_success(j->s.qts, "{ 'execute': 'blockdev-add',"
                             " 'arguments': { 'driver': 'qcow2', 'node-name':"
                             " 'image', 'file': 'file' } }");
}

/* "" if it went well */
static char *monitor(Journey *j, const char *line)
{
    QDict *reply = qtest_qmp(j->s.qts, MONITOR, line);
    char *words = g_strdup(qdict_get_str(reply, "return"));

    g_test_message("%s: %s", line, words);
    qobject_unref(reply);
    return words;
}

static void expect_monitor(Journey *j, const char *line, const char *words)
{
    g_autofree char *said = monitor(j, line);

    g_assert_cmpstr(said, ==, words);
}

/* What was saved a moment ago is no promise of a stream that has none. */
static void test_promise_of_another(void)
{
    g_autofree char *said = NULL;
    Journey j;

    if (!journey_init(&j)) {
        return;
    }
    scene_start_bare(&j.s, MACHINE "-device arm-smmuv3,primary-bus=pcie.0,"
                     "id=smmu,ril=on,accel=off");
    add_image(&j, true);
    expect_monitor(&j, "savevm other", "");
    scene_quit(&j.s);
    scene_start_bare(&j.s, MACHINE SMMU);
    add_image(&j, false);
    expect_monitor(&j, "savevm own", "");
    said = monitor(&j, "loadvm other");
    g_assert_nonnull(strstr(said, "the guest comes with no promise"));
    expect_monitor(&j, "loadvm own", "");
    journey_done(&j);
}

/* The device that stands there already cannot keep the promise. */
static void test_device_falls_short(void)
{
    g_autofree char *device = NULL, *args = NULL, *words = NULL;
    uint32_t idr[IDRS];
    Journey j;

    if (!leave_after_promise(&j, "", idr)) {
        return;
    }
    j.s.k->smmu[0].idr[3] &= ~(3u << 11);
    device = scene_device(&j.s, 0);
    args = g_strdup_printf(MACHINE SMMU PORT "-device %s,bus=rp0", device);
    words = refused_load(&j, args);
    g_assert_nonnull(strstr(words, "lacks IDR3.BBML: it has 0, the guest was"
                            " promised 2 at its source"));
    journey_done(&j);
}

/* ---- Nothing moves after STOP ---- */

static void put_msi_sync(Scene *s, uint32_t data)
{
    put(s, CMD_SYNC | SYNC_CS(1) | SYNC_MSI_DATA(data), MSI_TARGET);
}

/* A write that comes while the VM is stopped is a register, and no more. */
static void test_stopped_queue(void)
{
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    stop_machine(&s);
    qtest_writel(s.qts, MSI_TARGET, 0);
    put_tlbis(&s, 0, 3);
    put_msi_sync(&s, 0x1234);
    ring_bell(&s);
    g_assert_cmphex(reg(&s, CMDQ_PROD), ==, s.prod);
    g_assert_cmphex(cons(&s), !=, s.prod);
    /* Neither the query nor another register sets it going. */
    qobject_unref(qtest_qmp_assert_success_ref(
        s.qts, "{ 'execute': 'query-smmuv3-accel' }"));
    set_reg(&s, IRQ_CTRL, IRQ_CTRL_GERROR);
    g_assert_cmphex(cons(&s), !=, s.prod);
    g_assert_cmpuint(s.k->calls[FK_CALLS], ==, 0);
    g_assert_cmphex(qtest_readl(s.qts, MSI_TARGET), ==, 0);
    resume_machine(&s);
    for (unsigned i = 0; i < 5000 && cons(&s) != s.prod; i++) {
        g_usleep(1000);
    }
    expect_drained(&s);
    expect_tlbis(&s, 0, 3);
    g_assert_cmphex(qtest_readl(s.qts, MSI_TARGET), ==, 0x1234);
    scene_done(&s);
}

#define LONG_LOG2SIZE   18

/* A queue of CFGI_ALLs, of which a slice takes 512 */
static void fill_long_queue(Scene *s)
{
    size_t n = 1u << LONG_LOG2SIZE;
    g_autofree uint64_t *cmds = g_new(uint64_t, 2 * n);

    for (size_t i = 0; i < n; i++) {
        cmds[2 * i] = cpu_to_le64(CFGI_STE_RANGE);
        cmds[2 * i + 1] = cpu_to_le64(31);
    }
    set_reg(s, CR0, 0);
    enable_queue(s, LONG_LOG2SIZE);
    enable_smmu(s);
    qtest_memwrite(s->qts, s->ring, cmds, n * 16);
}

/* A long queue, whose slices a bottom half takes, stands still in between. */
static void test_stopped_slices(void)
{
    uint32_t at = 0;
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    /* Once more if QEMU was done with all of it before it heard of "stop" */
    for (unsigned i = 0; i < 10; i++) {
        fill_long_queue(&s);
        s.prod = (1u << LONG_LOG2SIZE) - 1;
        ring_bell(&s);
        stop_machine(&s);
        at = cons(&s);
        if (at != s.prod) {
            break;
        }
        resume_machine(&s);
    }
    g_assert_cmphex(at, !=, 0);
    g_assert_cmphex(at, !=, s.prod);
    /* Rounds of the main loop in which it could go on */
    for (unsigned i = 0; i < 50; i++) {
        g_assert_cmphex(cons(&s), ==, at);
        g_usleep(1000);
    }
    resume_machine(&s);
    for (unsigned i = 0; i < 30000 && cons(&s) != s.prod; i++) {
        g_usleep(1000);
    }
    expect_drained(&s);
    scene_done(&s);
}

/* The host's events wait for the guest. */
static void test_stopped_events(void)
{
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    enable_events(&s, 4);
    stop_machine(&s);
    fault(&s, 0, 2 << 3, 0);
    for (unsigned i = 0; i < 50; i++) {
        g_assert_cmphex(reg(&s, EVENTQ_PROD), ==, 0);
        g_usleep(1000);
    }
    g_assert_cmphex(qtest_readq(s.qts, EVENTQ), ==, 0);
    resume_machine(&s);
    for (unsigned i = 0; i < 5000 && !reg(&s, EVENTQ_PROD); i++) {
        g_usleep(1000);
    }
    g_assert_cmphex(reg(&s, EVENTQ_PROD), ==, 1);
    scene_done(&s);
}

/* PROD travels as it was written; the target consumes from CONS on. */
static void test_posted_travels(void)
{
    uint32_t before, prod;
    Journey j;

    if (!journey_init(&j)) {
        return;
    }
    scene_start(&j.s, PORT);
    set_bus(&j.s, 0, 1);
    enable_queue(&j.s, LOG2SIZE);
    enable_smmu(&j.s);
    stop_machine(&j.s);
    before = cons(&j.s);
    put_msi_sync(&j.s, 0x77);
    ring_bell(&j.s);
    prod = j.s.prod;
    save(&j);
    load_stopped(&j, TARGET);
    g_assert_cmphex(cons(&j.s), ==, before);
    g_assert_cmphex(reg(&j.s, CMDQ_PROD), ==, prod);
    g_assert_cmphex(qtest_readl(j.s.qts, MSI_TARGET), ==, 0);
    resume_machine(&j.s);
    for (unsigned i = 0; i < 5000 && cons(&j.s) != prod; i++) {
        g_usleep(1000);
    }
    g_assert_cmphex(cons(&j.s), ==, prod);
    g_assert_cmphex(qtest_readl(j.s.qts, MSI_TARGET), ==, 0x77);
    journey_done(&j);
}

/* What a port has told of itself is no obstacle where it goes. */
static void test_woken_port_travels(void)
{
    Journey j;

    if (!journey_init(&j)) {
        return;
    }
    scene_start(&j.s, PORT);
    set_bus(&j.s, 0, 1);
    send_and_take_pme(&j.s);
    unplug(&j.s, 0, 0);
    save(&j);
    load_stopped(&j, TARGET);
    resume_machine(&j.s);
    journey_done(&j);
}

/* The target's tree is made, with the usual range, before it knows better. */
static void test_other_msi_range(void)
{
    g_autofree char *words = NULL;
    g_autofree char *device = NULL;
    Journey j;

    if (!journey_init(&j)) {
        return;
    }
    scene_set_regions(&j.s, 0, "0x00000000a0000000 0x00000000a01fffff msi\n");
    device = scene_device(&j.s, 0);
    scene_start(&j.s, PORT "-device %s,bus=rp0", device);
    unplug(&j.s, 0, 0);
    save(&j);
    words = refused_load(&j, MACHINE SMMU PORT);
    g_assert_nonnull(strstr(words, "0xa0000000, 0x200000 bytes"));
    g_assert_nonnull(strstr(words, "device tree"));
    scene_drop_regions(&j.s, 0);
    journey_done(&j);
}

#define USUAL_ITS "-M gic-version=3 "

typedef struct ItsCase {
    const char *name, *from, *to, *words;
} ItsCase;

static const ItsCase its_cases[] = {
    { "moved-to-usual", MOVED_ITS, USUAL_ITS, "comes from a machine with"
      " its-msi-iova=on, and this one has its-msi-iova=off" },
    { "usual-to-moved", USUAL_ITS, MOVED_ITS, "comes from a machine with"
      " its-msi-iova=off, and this one has its-msi-iova=on" },
};

/* The guest knows where its ITS is, and finds nothing there elsewhere. */
static void test_other_its(const void *opaque)
{
    const ItsCase *c = opaque;
    g_autofree char *words = NULL, *target = NULL, *back = NULL;
    Journey j;

    if (!journey_init(&j)) {
        return;
    }
    scene_start(&j.s, PORT "%s", c->from);
    save(&j);
    target = g_strconcat(MACHINE SMMU PORT, c->to, NULL);
    words = refused_load(&j, target);
    g_assert_nonnull(strstr(words, c->words));
    back = g_strconcat(TARGET " ", c->from, NULL);
    load_stopped(&j, back);
    resume_machine(&j.s);
    journey_done(&j);
}

/* ---- Failover ---- */

/* A primary is failover's to take out, so it does not block. */
static void test_failover_primary(void)
{
    g_autofree char *path = NULL;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    s.k->device[0].network = true;
    scene_start_ports(&s, 2);
    path = scene_sysfs(&s, 0);
    qtest_qmp_assert_success(s.qts, "{ 'execute': 'device_add', 'arguments':"
                             " { 'driver': 'vfio-pci', 'id': 'dev0', 'bus':"
                             " 'rp0', 'iommufd': 'iommufd0', 'sysfsdev': %s,"
                             " 'failover_pair_id': 'net0' } }", path);
    g_assert_false(scene_blocks_migration(&s));
    /* Nobody has taken this one out: it is not saved without. */
    qtest_qmp_assert_success(s.qts, "{ 'execute': 'migrate', 'arguments':"
                             " { 'uri': 'exec:cat >/dev/null' } }");
    wait_for_migration(&s, "failed");
    /* One beside it blocks, and only as long as it is there. */
    plug(&s, 1, 1);
    g_assert_true(scene_blocks_migration(&s));
    unplug(&s, 1, 1);
    g_assert_false(scene_blocks_migration(&s));
    scene_done(&s);
}

void add_migrate_tests(void)
{
    qtest_add_func("smmuv3-host/migrate/plug-before-cont",
                   test_plug_before_cont);
    qtest_add_func("smmuv3-host/migrate/plugged-before-load",
                   test_plugged_before_load);
    qtest_add_func("smmuv3-host/migrate/promise", test_promise_travels);
    for (unsigned i = 0; i < G_N_ELEMENTS(denials); i++) {
        g_autofree char *path = g_strdup_printf(
            "smmuv3-host/migrate/denied/%s", denials[i].name);

        qtest_add_data_func(path, &denials[i], test_denied);
    }
    qtest_add_func("smmuv3-host/migrate/promise-of-another",
                   test_promise_of_another);
    qtest_add_func("smmuv3-host/migrate/device-falls-short",
                   test_device_falls_short);
    qtest_add_func("smmuv3-host/migrate/posted", test_posted_travels);
    qtest_add_func("smmuv3-host/migrate/woken-port", test_woken_port_travels);
    qtest_add_func("smmuv3-host/migrate/other-msi-range",
                   test_other_msi_range);
    for (unsigned i = 0; i < G_N_ELEMENTS(its_cases); i++) {
        g_autofree char *path = g_strdup_printf(
            "smmuv3-host/migrate/its/%s", its_cases[i].name);

        qtest_add_data_func(path, &its_cases[i], test_other_its);
    }
    qtest_add_func("smmuv3-host/migrate/failover", test_failover_primary);
    qtest_add_func("smmuv3-host/stop/queue", test_stopped_queue);
    qtest_add_func("smmuv3-host/stop/slices", test_stopped_slices);
    qtest_add_func("smmuv3-host/stop/events", test_stopped_events);
}
