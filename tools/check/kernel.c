/*
 * The host's kernel: its version, its options, its log.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Options are read from the first file that has them; where there is none, from
 * what the kernel shows: a name in /proc/kallsyms. A name that is there says
 * that the option is on. One that is not says nothing of a module that is not
 * loaded, so that the answer is "cannot tell", but for the SMMU's driver, which
 * is loaded as soon as there is an SMMU.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

typedef struct KernelOption {
    const char *name;
    const char *check;          /* the line's name */
    const char *what;           /* what is for it */
    const char *symbol;         /* a name that stands for it; NULL: none */
    bool absence_tells;         /* without the name it is off */
    const char *path;           /* a file that shows it */
} KernelOption;

static const KernelOption options[] = {
    { "CONFIG_IOMMUFD", "iommufd", "/dev/iommu", NULL, false, "/dev/iommu" },
    { "CONFIG_VFIO_PCI", "vfio-pci", "the driver vfio-pci", "vfio_pci_probe",
      false, "/sys/bus/pci/drivers/vfio-pci" },
    { "CONFIG_VFIO_DEVICE_CDEV", "vfio-cdev", "/dev/vfio/devices",
      "vfio_df_ioctl_bind_iommufd", false, NULL },
    { "CONFIG_ARM_SMMU_V3_IOMMUFD", "smmu-iommufd", "nesting of guests' tables",
      "arm_smmu_hw_info", true, NULL },
    { "CONFIG_KVM", "kvm", "/dev/kvm", NULL, false, "/dev/kvm" },
};

#define OLDEST_MAJOR 6
#define OLDEST_MINOR 15

static void kernel_read_release(Check *c)
{
    c->release = check_read(c, "/proc/sys/kernel/osrelease");
    if (c->release &&
        sscanf(c->release, "%u.%u", &c->major, &c->minor) != 2) {
        c->major = c->minor = 0;
    }
}

/*
 * /dev/kmsg gives a record a read(), and EPIPE for those that were overwritten;
 * it never ends but by EAGAIN. Each line is "PRIORITY,...;TEXT".
 */
static char *kernel_read_log(const Check *c)
{
    g_autofree char *path = check_path(c, "/dev/kmsg");
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    GString *text;
    char buf[8192];
    ssize_t n;

    if (fd < 0) {
        return NULL;
    }
    text = g_string_new(NULL);
    while ((n = read(fd, buf, sizeof(buf))) > 0 ||
           (n < 0 && (errno == EPIPE || errno == EINTR))) {
        g_string_append_len(text, buf, MAX(n, 0));
    }
    close(fd);
    return g_string_free(text, FALSE);
}

void check_kernel_look(Check *c)
{
    kernel_read_release(c);
    c->log = kernel_read_log(c);
}

bool check_kernel_is(const Check *c, unsigned major, unsigned minor)
{
    return c->major > major || (c->major == major && c->minor >= minor);
}

static void kernel_version(Check *c)
{
    static const char remedy[] = "use Linux 6.15 or newer";

    if (!c->major) {
        check_unknown(c, NULL, "kernel", remedy,
                      "/proc/sys/kernel/osrelease has no version: %s",
                      c->release ?: g_strerror(errno));
    } else if (check_kernel_is(c, OLDEST_MAJOR, OLDEST_MINOR)) {
        check_ok(c, NULL, "kernel", "Linux %s", c->release);
    } else if (check_kernel_is(c, 6, 13)) {
        check_no(c, NULL, "kernel", remedy, "Linux %s nests, but loses the MSIs"
                 " of a device once the guest's stage 1 translates, and tells"
                 " of no translation faults", c->release);
    } else {
        check_no(c, NULL, "kernel", remedy, "Linux %s gives no guest a part of"
                 " an SMMUv3 (since 6.13)", c->release);
    }
}

/* /proc/config.gz, by gzip, which each distribution has */
static char *kernel_unzip(const Check *c)
{
    g_autofree char *path = check_path(c, "/proc/config.gz");
    char *argv[] = { (char *)"gzip", (char *)"-dc", path, NULL };
    char *text = NULL;
    int status;

    if (access(path, R_OK) ||
        !g_spawn_sync(NULL, argv, NULL,
                      G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                      NULL, &text, NULL, &status, NULL)) {
        return NULL;
    }
    if (status) {
        g_clear_pointer(&text, g_free);
    }
    return text;
}

/* Around the release: where distributions keep a kernel's options */
static const char *const kernel_places[][2] = {
    { "/boot/config-", "" },
    { "/lib/modules/", "/config" },
    { "/usr/lib/modules/", "/config" },
    { "/lib/modules/", "/build/.config" },
};

/* The text of the options, and in *@where whose; NULL: there is no such file */
static char *kernel_config(const Check *c, char **where)
{
    char *text = kernel_unzip(c);

    *where = text ? g_strdup("/proc/config.gz") : NULL;
    for (unsigned i = 0; !text && c->release &&
                         i < G_N_ELEMENTS(kernel_places); i++) {
        g_free(*where);
        *where = g_strconcat(kernel_places[i][0], c->release,
                             kernel_places[i][1], NULL);
        text = check_read(c, "%s", *where);
    }
    return text;
}

/* 'y', 'm', or 'n', also for an option that the file does not have */
static char kernel_option(const char *config, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = config; (at = strstr(at, name)); at += n) {
        if ((at == config || at[-1] == '\n') && at[n] == '=') {
            return at[n + 1];
        }
    }
    return 'n';
}

/* "ffff... T name" or "... t name<TAB>[module]" */
static bool kernel_has_symbol(const char *symbols, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = symbols; (at = strstr(at, name)); at += n) {
        if (at > symbols && at[-1] == ' ' &&
            (!at[n] || at[n] == '\n' || at[n] == '\t')) {
            return true;
        }
    }
    return false;
}

/* By effect: without the option vfioN is in sysfs as well, without "dev". */
static int kernel_cdev_seen(const Check *c)
{
    g_autoptr(GPtrArray) names = check_names(c, "/sys/class/vfio-dev");

    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);

        return check_exists(c, "/sys/class/vfio-dev/%s/dev", name);
    }
    return -1;
}

static void kernel_say_off(Check *c, const KernelOption *o, const char *how)
{
    g_autofree char *remedy = g_strdup_printf("use a kernel that is built with"
                                              " %s=y, or =m", o->name);

    check_no(c, NULL, o->check, remedy, "%s is off (%s)", o->name, how);
}

/* The option is on, and its file is not there: its module is not loaded. */
static void kernel_say_not_loaded(Check *c, const KernelOption *o)
{
    const char *remedy = "modprobe vfio-pci";

    if (g_str_equal(o->check, "iommufd")) {
        remedy = "modprobe iommufd";
    } else if (g_str_equal(o->check, "kvm")) {
        remedy = "look for \"kvm\" in dmesg: the CPU runs guests only if the"
                 " firmware starts Linux at EL2";
    }
    check_no(c, NULL, o->check, remedy, "%s is on, and there is no %s", o->name,
             o->path);
}

/* The option's file shows it, or an absence of it nothing. */
static bool kernel_seen(Check *c, const KernelOption *o)
{
    int cdev = g_str_equal(o->check, "vfio-cdev") ? kernel_cdev_seen(c) : -1;

    if (cdev == 0) {
        kernel_say_off(c, o, "vfio-dev in sysfs has no file \"dev\"");
        return true;
    }
    if (cdev == 1 || (o->path && check_exists(c, "%s", o->path))) {
        check_ok(c, NULL, o->check, "%s (%s)", o->what, o->name);
        return true;
    }
    return false;
}

static void kernel_without_config(Check *c, const KernelOption *o,
                                  const char *symbols)
{
    g_autofree char *remedy = g_strdup_printf("look whether the kernel is built"
                                              " with %s", o->name);

    if (symbols && o->symbol && kernel_has_symbol(symbols, o->symbol)) {
        check_ok(c, NULL, o->check, "%s (%s: %s is in /proc/kallsyms)", o->what,
                 o->name, o->symbol);
    } else if (symbols && o->absence_tells &&
               kernel_has_symbol(symbols, "arm_smmu_device_probe")) {
        kernel_say_off(c, o, "arm_smmu_hw_info is not in /proc/kallsyms");
    } else {
        check_unknown(c, NULL, o->check, remedy, "neither /proc/config.gz nor"
                      " /boot/config-%s tells of %s", c->release ?: "RELEASE",
                      o->name);
    }
}

static void kernel_options(Check *c)
{
    g_autofree char *where = NULL, *symbols = NULL;
    g_autofree char *config = kernel_config(c, &where);

    if (!config) {
        symbols = check_read(c, "/proc/kallsyms");
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(options); i++) {
        const KernelOption *o = &options[i];

        if (kernel_seen(c, o)) {
            continue;
        }
        if (!config) {
            kernel_without_config(c, o, symbols);
        } else if (kernel_option(config, o->name) == 'n') {
            kernel_say_off(c, o, where);
        } else if (o->path) {
            kernel_say_not_loaded(c, o);
        } else {
            check_ok(c, NULL, o->check, "%s (%s in %s)", o->what, o->name,
                     where);
        }
    }
}

void check_kernel(Check *c)
{
    kernel_version(c);
    kernel_options(c);
}
