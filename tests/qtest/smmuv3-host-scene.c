/*
 * Machines with vfio-pci devices behind an accelerated SMMU.
 * See smmuv3-host-scene.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "smmuv3-host-scene.h"

#include <glib/gstdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "hw/pci/pci.h"
#include "qemu/atomic.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qobject/qstring.h"

#define LIBRARY_ENV "SMMUV3_FAKE_KERNEL_LIBRARY"
#define DEVICE_NAME "0000:%02x:00.0"

/* Both stages, 16-bit ASIDs, all granules, RIL, S2FWB, BBML 2, ATS */
static const FakeKernelSmmu host_smmu = {
    .idr = {
        IDR0_S1P | IDR0_S2P | 2u << 2 | BIT(4) | BIT(10) |
        BIT(12) | BIT(19) | 2u << 21 | 1u << 24 | BIT(26) | 1u << 27,
        20u << 6 | 32u,
        0,
        IDR3_FWB | IDR3_RIL | BIT(2) | 2u << 11,
        0,
        4u | 7u << 4,
    },
    .aidr = 1,
};

/* ---- The host ---- */

static void *map_shared(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void *shared;

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, sizeof(FakeKernel)), ==, 0);
    shared = mmap(NULL, sizeof(FakeKernel), PROT_READ | PROT_WRITE,
                  MAP_SHARED, fd, 0);
    g_assert_true(shared != MAP_FAILED);
    close(fd);
    return shared;
}

/* /sys/bus/pci/devices/@name/vfio-dev/vfioN/dev */
static void make_sysfs(const char *dir, unsigned i)
{
    g_autofree char *path = g_strdup_printf("%s/" DEVICE_NAME
                                            "/vfio-dev/vfio%u", dir, i + 1, i);
    g_autofree char *dev = g_build_filename(path, "dev", NULL);
    g_autofree char *text = g_strdup_printf("%d:%u\n", FAKE_KERNEL_MAJOR, i);

    g_assert_cmpint(g_mkdir_with_parents(path, 0700), ==, 0);
    g_assert_true(g_file_set_contents(dev, text, -1, NULL));
}

static void remove_sysfs(const char *dir, unsigned i)
{
    static const char *const parts[] = {
        "vfio-dev/vfio%u/dev", "vfio-dev/vfio%u", "vfio-dev", "",
    };

    for (unsigned n = 0; n < G_N_ELEMENTS(parts); n++) {
        g_autofree char *format = g_strdup_printf("%s/" DEVICE_NAME "/%s",
                                                  dir, i + 1, parts[n]);
        g_auto(GStrv) at = g_strsplit(format, "%u", 2);
        g_autofree char *path = at[1] ? g_strdup_printf("%s%u%s", at[0], i,
                                                        at[1])
                                      : g_strdup(at[0]);

        g_remove(path);
    }
}

bool scene_init(Scene *s)
{
    g_autofree char *shared = NULL;

    if (!g_getenv(LIBRARY_ENV)) {
        g_test_skip(LIBRARY_ENV " does not name the preloaded kernel");
        return false;
    }
    *s = (Scene) {
        .dir = g_dir_make_tmp("smmuv3-XXXXXX", NULL), .smmu = SMMU_ADDR,
    };
    g_assert_nonnull(s->dir);
    shared = g_build_filename(s->dir, "kernel", NULL);
    s->k = map_shared(shared);
    for (unsigned i = 0; i < FAKE_KERNEL_SMMUS; i++) {
        s->k->smmu[i] = host_smmu;
    }
    for (unsigned i = 0; i < FAKE_KERNEL_DEVICES; i++) {
        s->k->device[i].smmu = i < 6 ? 0 : i == 6 ? 1 : -1;
        make_sysfs(s->dir, i);
    }
    return true;
}

/* qtest_quit() looks every 100 ms only, so it is called when QEMU is gone. */
void scene_quit(Scene *s)
{
    siginfo_t info;

    kill(qtest_pid(s->qts), SIGTERM);
    g_assert_cmpint(waitid(P_PID, qtest_pid(s->qts), &info,
                           WEXITED | WNOWAIT), ==, 0);
    qtest_quit(s->qts);
    s->qts = NULL;
}

void scene_done(Scene *s)
{
    g_autofree char *shared = g_build_filename(s->dir, "kernel", NULL);

    if (s->qts) {
        scene_quit(s);
    }
    g_assert_cmpuint(s->k->rule_breaks, ==, 0);
    g_assert_cmpuint(s->k->leaked, ==, 0);
    munmap(s->k, sizeof(*s->k));
    for (unsigned i = 0; i < FAKE_KERNEL_DEVICES; i++) {
        remove_sysfs(s->dir, i);
    }
    g_remove(shared);
    g_rmdir(s->dir);
    g_free(s->dir);
}

char **scene_environment(const Scene *s)
{
    g_autofree char *shared = g_build_filename(s->dir, "kernel", NULL);
    char **env = g_get_environ();

    env = g_environ_setenv(env, FAKE_KERNEL_ENV, shared, true);
    return g_environ_setenv(env, "LD_PRELOAD", g_getenv(LIBRARY_ENV), true);
}

/* The environment is QEMU's alone, so it is put on for the fork. */
static void start(Scene *s, const char *args)
{
    g_autofree char *shared = g_build_filename(s->dir, "kernel", NULL);

    g_setenv(FAKE_KERNEL_ENV, shared, true);
    g_setenv("LD_PRELOAD", g_getenv(LIBRARY_ENV), true);
    s->qts = qtest_init(args);
    g_unsetenv("LD_PRELOAD");
    g_unsetenv(FAKE_KERNEL_ENV);
    g_assert_true(s->k->started);
}

void scene_start_bare(Scene *s, const char *fmt, ...)
{
    g_autofree char *args = NULL;
    va_list ap;

    va_start(ap, fmt);
    args = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    start(s, args);
}

void scene_start(Scene *s, const char *fmt, ...)
{
    g_autofree char *more = NULL, *args = NULL;
    va_list ap;

    va_start(ap, fmt);
    more = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    args = g_strdup_printf(MACHINE SMMU "%s", more);
    start(s, args);
}

char *scene_sysfs(const Scene *s, unsigned i)
{
    return g_strdup_printf("%s/" DEVICE_NAME, s->dir, i + 1);
}

void scene_set_regions(Scene *s, unsigned i, const char *regions)
{
    g_autofree char *sysfs = scene_sysfs(s, i);
    g_autofree char *group = g_build_filename(sysfs, "iommu_group", NULL);
    g_autofree char *file = g_build_filename(group, "reserved_regions", NULL);

    g_assert_cmpint(g_mkdir_with_parents(group, 0700), ==, 0);
    g_assert_true(g_file_set_contents(file, regions, -1, NULL));
}

void scene_drop_regions(Scene *s, unsigned i)
{
    g_autofree char *sysfs = scene_sysfs(s, i);
    g_autofree char *group = g_build_filename(sysfs, "iommu_group", NULL);
    g_autofree char *file = g_build_filename(group, "reserved_regions", NULL);

    g_assert_cmpint(unlink(file), ==, 0);
    g_assert_cmpint(rmdir(group), ==, 0);
}

char *scene_device(const Scene *s, unsigned i)
{
    g_autofree char *sysfs = scene_sysfs(s, i);

    return g_strdup_printf("vfio-pci,id=dev%u,iommufd=iommufd0,sysfsdev=%s",
                           i, sysfs);
}

/* Until QEMU closes it. */
static char *read_all(int fd)
{
    GString *text = g_string_new("");
    char part[256];
    ssize_t n;

    while ((n = read(fd, part, sizeof(part))) > 0) {
        g_string_append_len(text, part, n);
    }
    g_assert_cmpint(n, ==, 0);
    return g_string_free(text, false);
}

int scene_try_start(Scene *s, const char *device, char **said)
{
    static const char quit[] = "{'execute': 'qmp_capabilities'}"
                               "{'execute': 'quit'}";
    g_autofree char *line =
        g_strdup_printf("%s " MACHINE SMMU "-device %s,bus=pcie.0,addr=2 "
                        "-display none -accel qtest -qmp stdio",
                        g_getenv("QTEST_QEMU_BINARY"), device);
    g_auto(GStrv) env = scene_environment(s);
    g_auto(GStrv) argv = NULL;
    GError *error = NULL;
    int in, err, status;
    GPid pid;

    signal(SIGPIPE, SIG_IGN);
    g_assert_true(g_shell_parse_argv(line, NULL, &argv, NULL));
    g_spawn_async_with_pipes(NULL, argv, env, G_SPAWN_DO_NOT_REAP_CHILD |
                             G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, &pid,
                             &in, NULL, &err, &error);
    g_assert_no_error(error);
    /* One that has refused already reads no more. */
    if (write(in, quit, sizeof(quit) - 1) < 0) {
        g_assert_cmpint(errno, ==, EPIPE);
    }
    *said = read_all(err);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    close(in);
    close(err);
    g_assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

void scene_start_with(Scene *s, const char *more, unsigned n)
{
    g_autoptr(GString) args = g_string_new("");

    for (unsigned i = 0; i < n; i++) {
        g_autofree char *device = scene_device(s, i);

        g_string_append_printf(args, "-device %s,bus=pcie.0,addr=%u ",
                               device, i + 2);
        s->sid[i] = (i + 2) << 3;
    }
    scene_start_bare(s, MACHINE SMMU "%s %s", more, args->str);
}

void scene_start_devices(Scene *s, unsigned n)
{
    scene_start_with(s, "", n);
}

void scene_start_ports_with(Scene *s, const char *more, unsigned n)
{
    g_autoptr(GString) args = g_string_new("");

    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(args, "-device pcie-root-port,id=rp%u,"
                               "chassis=%u,bus=pcie.0,addr=%u ", i, i + 1,
                               i + 2);
    }
    scene_start(s, "%s %s", args->str, more);
    for (unsigned i = 0; i < n; i++) {
        set_bus(s, i, i + 1);
    }
}

void scene_start_ports(Scene *s, unsigned n)
{
    scene_start_ports_with(s, "", n);
}

bool scene_init_translating_with(Scene *s, const char *more)
{
    if (!scene_init(s)) {
        return false;
    }
    scene_start_with(s, more, 1);
    enable_queue(s, LOG2SIZE);
    enable_smmu(s);
    translate(s, 0, 0);
    expect_translating(s, 0, 0);
    scene_forget(s);
    return true;
}

bool scene_init_translating(Scene *s)
{
    return scene_init_translating_with(s, "");
}

/* ---- PCI ---- */

uint64_t config_addr(unsigned bus, unsigned devfn, unsigned offset)
{
    return ECAM + (bus << 20) + (devfn << 12) + offset;
}

static uint64_t port_config(unsigned port, unsigned offset)
{
    return config_addr(0, PCI_DEVFN(port + 2, 0), offset);
}

void set_bus(Scene *s, unsigned port, unsigned bus)
{
    qtest_writeb(s->qts, port_config(port, PCI_SECONDARY_BUS), bus);
    qtest_writeb(s->qts, port_config(port, PCI_SUBORDINATE_BUS), bus);
}

void wait_closed(Scene *s, unsigned i)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    while (qatomic_read(&s->k->device[i].open)) {
        g_assert_cmpint(sem_timedwait(&s->k->closed, &until), ==, 0);
    }
}

char *try_plug(Scene *s, unsigned i, const char *bus)
{
    g_autofree char *sysfs = scene_sysfs(s, i);
    g_autofree char *id = g_strdup_printf("dev%u", i);
    QDict *reply = qtest_qmp(s->qts, "{ 'execute': 'device_add', 'arguments':"
                             " { 'driver': 'vfio-pci', 'id': %s, 'bus': %s,"
                             " 'iommufd': 'iommufd0', 'sysfsdev': %s } }",
                             id, bus, sysfs);
    char *error = NULL;

    if (qdict_haskey(reply, "error")) {
        error = g_strdup(qdict_get_str(qdict_get_qdict(reply, "error"),
                                       "desc"));
        wait_closed(s, i);
    }
    qobject_unref(reply);
    return error;
}

void plug(Scene *s, unsigned i, unsigned port)
{
    g_autofree char *bus = g_strdup_printf("rp%u", port);
    g_autofree char *error = try_plug(s, i, bus);

    g_assert_cmpstr(error, ==, NULL);
    s->sid[i] = (port + 1) << 8;
}

void expect_refused(Scene *s, unsigned i, const char *bus, const char *words)
{
    g_autofree char *error = try_plug(s, i, bus);

    g_assert_nonnull(error);
    g_test_message("%s", error);
    g_assert_nonnull(strstr(error, words));
}

/* Slot Control of the port's PCI Express capability */
static uint64_t slot_control(Scene *s, unsigned port)
{
    uint8_t cap = qtest_readb(s->qts, port_config(port, PCI_CAPABILITY_LIST));

    while (qtest_readb(s->qts, port_config(port, cap)) != PCI_CAP_ID_EXP) {
        cap = qtest_readb(s->qts, port_config(port, cap + PCI_CAP_LIST_NEXT));
        g_assert_cmpuint(cap, !=, 0);
    }
    return port_config(port, cap + PCI_EXP_SLTCTL);
}

void power_on(Scene *s, unsigned port)
{
    qtest_writew(s->qts, slot_control(s, port),
                 PCI_EXP_SLTCTL_PWR_IND_ON | PCI_EXP_SLTCTL_PWR_ON);
}

/* As Linux' remove_board() does it, with the power before its indicator */
void switch_off(Scene *s, unsigned port)
{
    uint64_t control = slot_control(s, port);

    qtest_writew(s->qts, control, PCI_EXP_SLTCTL_PWR_IND_ON);
    qtest_writew(s->qts, control, PCI_EXP_SLTCTL_PWR_IND_BLINK);
    qtest_writew(s->qts, control, PCI_EXP_SLTCTL_PWR_IND_BLINK |
                 PCI_EXP_SLTCTL_PWR_OFF);
    qtest_writew(s->qts, control, PCI_EXP_SLTCTL_PWR_IND_OFF |
                 PCI_EXP_SLTCTL_PWR_OFF);
}

void power_off(Scene *s, unsigned port)
{
    switch_off(s, port);
    qtest_qmp_eventwait(s->qts, "DEVICE_DELETED");
}

void unplug(Scene *s, unsigned i, unsigned port)
{
    power_off(s, port);
    wait_closed(s, i);
}

/* VFIO has a reason of its own, so all of them are asked for. */
bool scene_blocks_migration(Scene *s)
{
    QDict *reply = qtest_qmp(s->qts, "{ 'execute': 'query-migrate' }");
    QList *reasons = qdict_get_qlist(qdict_get_qdict(reply, "return"),
                                     "blocked-reasons");
    bool found = false;
    const QListEntry *entry;

    for (entry = reasons ? qlist_first(reasons) : NULL; entry;
         entry = qlist_next(entry)) {
        const char *text = qstring_get_str(qobject_to(QString, entry->value));

        found |= strstr(text, "arm-smmuv3 with accel=on") != NULL;
    }
    qobject_unref(reply);
    return found;
}

/* ---- Journal and failures ---- */

void scene_forget(Scene *s)
{
    s->k->records = 0;
    s->k->commands = 0;
    s->k->injected = 0;
    memset(s->k->calls, 0, sizeof(s->k->calls));
}

void fail_nth(Scene *s, FakeKernelCall call, unsigned nth, int err)
{
    s->k->injected = 0;
    s->k->fail_errno[call] = err;
    s->k->fail_countdown[call] = nth;
}

void fail_nothing(Scene *s)
{
    memset(s->k->fail_countdown, 0, sizeof(s->k->fail_countdown));
    memset(s->k->always, 0, sizeof(s->k->always));
}

/* ---- Events of the host ---- */

HostEvent a_fault(uint32_t sequence, uint32_t sid, uint64_t addr)
{
    return (HostEvent) {
        .sequence = sequence,
        .record = { cpu_to_le64(F_TRANSLATION | SID(sid)), 0,
                    cpu_to_le64(addr), 0 },
    };
}

int open_events(Scene *s, int flags)
{
    g_autofree char *path = g_strdup_printf("%s/kernel" FAKE_KERNEL_EVENTS,
                                            s->dir);
    int fd = open(path, O_WRONLY | O_CLOEXEC | flags);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

void fault(Scene *s, uint32_t sequence, uint32_t sid, uint64_t addr)
{
    HostEvent event = a_fault(sequence, sid, addr);
    int fd = open_events(s, 0);

    g_assert_cmpint(write(fd, &event, sizeof(event)), ==, sizeof(event));
    close(fd);
}

/* ---- The driver's work for a device ---- */

void install(Scene *s, unsigned device, uint64_t dw0, uint64_t dw1)
{
    put_ste(s, s->sid[device], dw0, dw1);
    put(s, CFGI_STE | SID(s->sid[device]), LEAF);
    put(s, CMD_SYNC, 0);
    ring_bell(s);
    expect_drained(s);
}

void translate(Scene *s, unsigned device, unsigned context)
{
    install(s, device, s1_dw0(context), S1_DW1);
}

/* ---- What reached the host ---- */

unsigned times_issued(Scene *s, uint64_t dw0, uint64_t dw1)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < s->k->commands; i++) {
        n += s->k->issued[i].dw[0] == dw0 && s->k->issued[i].dw[1] == dw1;
    }
    return n;
}

bool is_issued(Scene *s, uint64_t dw0, uint64_t dw1)
{
    return times_issued(s, dw0, dw1) != 0;
}

bool is_tlbi_issued(Scene *s, unsigned i)
{
    return is_issued(s, TLBI_NH_VA | ASID(1), nth_va(i) | LEAF);
}

/* These and no others, in whatever order. */
void expect_tlbis(Scene *s, unsigned first, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_assert_true(is_tlbi_issued(s, first + i));
    }
    g_assert_cmpuint(s->k->commands, ==, n);
}

void expect_kind(Scene *s, unsigned device, uint64_t ste_dw0)
{
    const FakeKernelDevice *d = &s->k->device[device];

    g_assert_cmpuint(d->table, ==, FAKE_ON_NESTED);
    g_assert_cmphex(d->ste[0], ==, ste_dw0);
}

void expect_stage2(Scene *s, unsigned device)
{
    g_assert_cmpuint(s->k->device[device].table, ==, FAKE_ON_PARENT);
}

void expect_translating(Scene *s, unsigned device, unsigned context)
{
    const FakeKernelDevice *d = &s->k->device[device];

    expect_kind(s, device, s1_dw0(context));
    g_assert_cmphex(d->ste[1], ==, S1_DW1);
    g_assert_true(d->has_vdevice);
}

bool is_blocked(Scene *s, unsigned device)
{
    const FakeKernelDevice *d = &s->k->device[device];

    return d->table == FAKE_NOT_ATTACHED ||
           (d->table == FAKE_ON_NESTED && STE_CONFIG(d->ste[0]) == 0);
}

void expect_nothing_left(Scene *s)
{
    g_assert_cmpuint(s->k->iommufds, ==, 0);
    g_assert_cmpuint(s->k->leaked, ==, 0);
    g_assert_cmpuint(s->k->rule_breaks, ==, 0);
    for (unsigned i = 0; i < FAKE_KERNEL_DEVICES; i++) {
        g_assert_false(s->k->device[i].open);
    }
}
