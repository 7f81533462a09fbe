/*
 * Who uses a device now, so that it must not be taken away.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A disk is in use while it or a part of it is mounted, swapped to, or held by
 * what is built on it (LVM, md, dm-crypt: "holders"), or while anything else in
 * the kernel claims it for itself (ZFS). A network interface is in use while it
 * is up and has routes, or is a part of a bridge or bond. A device of vfio-pci
 * is in use while a process has its files open.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* PCI's class of bridges */
#define PCI_BRIDGES "0x06"

/* Why the device is in use, in words; empty: it is not. */
typedef GString Reasons;

static void use_because(Reasons *why, const char *format, ...)
    G_GNUC_PRINTF(2, 3);

static void use_because(Reasons *why, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    if (why->len) {
        g_string_append(why, ", ");
    }
    g_string_append_vprintf(why, format, ap);
    va_end(ap);
}

/*
 * NVMe with several ways to one namespace shows the disk below a subsystem that
 * is no PCI device's, beside links to its controllers.
 */
static bool use_is_multipath(const Check *c, const char *disk,
                             const char *device)
{
    g_autofree char *path = check_path(c, "/sys/class/block/%s", disk);
    char *real = realpath(path, NULL);
    char *at = real ? strstr(real, "/nvme-subsystem/") : NULL;
    char *end = at ? strchr(at + strlen("/nvme-subsystem/"), '/') : NULL;
    g_autoptr(GPtrArray) names = NULL;
    bool found = false;

    if (end) {
        *end = '\0';
        names = check_names(c, "%s", real + strlen(c->root));
        for (guint i = 0; i < names->len && !found; i++) {
            g_autofree char *one = g_build_filename(
                real, g_ptr_array_index(names, i), NULL);

            found = g_file_test(one, G_FILE_TEST_IS_SYMLINK) &&
                    check_is_below(one, device);
        }
    }
    free(real);
    return found;
}

static bool use_is_disk_of(const Check *c, const char *disk,
                           const char *device)
{
    g_autofree char *path = check_path(c, "/sys/class/block/%s", disk);

    return check_is_below(path, device) || use_is_multipath(c, disk, device);
}

/*
 * Lines of mountinfo: ID PARENT MAJOR:MINOR ROOT PLACE OPTIONS ... - TYPE
 * SOURCE ...; a file system of several disks (btrfs) has a number of its own,
 * so that its source counts as well.
 */
static char *use_mount_of(const char *mounts, const char *disk,
                          const char *number)
{
    g_auto(GStrv) lines = g_strsplit(mounts ?: "", "\n", -1);
    g_autofree char *node = g_strdup_printf("/dev/%s", disk);

    for (char **line = lines; *line; line++) {
        g_auto(GStrv) words = g_strsplit(*line, " ", -1);
        char **dash = words;

        if (g_strv_length(words) < 6) {
            continue;
        }
        while (*dash && strcmp(*dash, "-")) {
            dash++;
        }
        if ((number && !strcmp(words[2], number)) ||
            (dash[0] && dash[1] && dash[2] && !strcmp(dash[2], node))) {
            return g_strdup(words[4]);
        }
    }
    return NULL;
}

static bool use_is_swap(const Check *c, const char *disk)
{
    g_autofree char *swaps = check_read(c, "/proc/swaps");
    g_autofree char *node = g_strdup_printf("/dev/%s", disk);
    g_auto(GStrv) lines = g_strsplit(swaps ?: "", "\n", -1);

    for (char **line = lines; *line; line++) {
        size_t n = strcspn(*line, " \t");

        if (n == strlen(node) && !strncmp(*line, node, n)) {
            return true;
        }
    }
    return false;
}

/* Init's mounts and ours, because a container may see its own only. */
static void use_disk(const Check *c, Reasons *why, const char *disk)
{
    g_autofree char *number = check_read(c, "/sys/class/block/%s/dev", disk);
    g_autofree char *all = check_read(c, "/proc/1/mountinfo");
    g_autofree char *own = check_read(c, "/proc/self/mountinfo");
    g_autoptr(GPtrArray) holders = check_names(c, "/sys/class/block/%s/holders",
                                               disk);
    g_autofree char *place = use_mount_of(all, disk, number);
    g_autofree char *node = check_path(c, "/dev/%s", disk);
    gsize before = why->len;

    if (!place) {
        place = use_mount_of(own, disk, number);
    }
    if (place) {
        use_because(why, "%s is mounted at %s", disk, place);
    }
    if (use_is_swap(c, disk)) {
        use_because(why, "%s is swapped to", disk);
    }
    for (guint i = 0; i < holders->len; i++) {
        use_because(why, "%s is held by %s", disk,
                    (char *)g_ptr_array_index(holders, i));
    }
    if (why->len == before && c->door->is_claimed(node)) {
        use_because(why, "%s is claimed by something in the kernel", disk);
    }
}

static void use_disks(const Check *c, Reasons *why, const char *device)
{
    g_autoptr(GPtrArray) disks = check_names(c, "/sys/class/block");

    for (guint i = 0; i < disks->len; i++) {
        const char *disk = g_ptr_array_index(disks, i);

        if (use_is_disk_of(c, disk, device)) {
            use_disk(c, why, disk);
        }
    }
}

/* Column @column of a line of @text that has @name in column @where */
static bool use_has_route(const char *text, const char *name, unsigned where,
                          unsigned column, const char *prefix)
{
    g_auto(GStrv) lines = g_strsplit(text ?: "", "\n", -1);

    for (char **line = lines; *line; line++) {
        g_auto(GStrv) raw = g_strsplit_set(*line, " \t", -1);
        const char *words[16] = { NULL };
        unsigned n = 0;

        for (char **w = raw; *w && n < G_N_ELEMENTS(words); w++) {
            if (**w) {
                words[n++] = *w;
            }
        }
        if (n > MAX(where, column) && !strcmp(words[where], name) &&
            g_str_has_prefix(words[column], prefix)) {
            return true;
        }
    }
    return false;
}

/* Each link has an IPv6 address of its own, fe80..., which does not count. */
static bool use_has_address6(const char *text, const char *name)
{
    g_auto(GStrv) lines = g_strsplit(text ?: "", "\n", -1);

    for (char **line = lines; *line; line++) {
        const char *last = strrchr(*line, ' ');

        if (last && !strcmp(last + 1, name) &&
            !g_str_has_prefix(*line, "fe80")) {
            return true;
        }
    }
    return false;
}

static void use_interface(const Check *c, Reasons *why, const char *name)
{
    g_autofree char *flags = check_read(c, "/sys/class/net/%s/flags", name);
    g_autofree char *master = check_link(c, "/sys/class/net/%s/master", name);
    g_autofree char *routes = check_read(c, "/proc/net/route");
    g_autofree char *addresses = check_read(c, "/proc/net/if_inet6");

    if (master) {
        use_because(why, "%s is a part of %s", name, master);
    }
    if (!flags || !(strtoul(flags, NULL, 16) & 1)) {
        return;
    }
    if (use_has_route(routes, name, 0, 1, "00000000")) {
        use_because(why, "%s is up and has the default route", name);
    } else if (use_has_route(routes, name, 0, 1, "") ||
               use_has_address6(addresses, name)) {
        use_because(why, "%s is up and has an address", name);
    }
}

static void use_interfaces(const Check *c, Reasons *why, const char *device)
{
    g_autoptr(GPtrArray) names = check_names(c, "/sys/class/net");

    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        g_autofree char *path = check_path(c, "/sys/class/net/%s", name);

        if (check_is_below(path, device)) {
            use_interface(c, why, name);
        }
    }
}

/* The VFs of a PF go with its driver, and what is behind a bridge, too. */
static void use_functions(const Check *c, Reasons *why, const CheckDevice *d)
{
    g_autofree char *class = check_read(c, "/sys/bus/pci/devices/%s/class",
                                        d->address);
    g_autofree char *n = check_read(c, "/sys/bus/pci/devices/%s/sriov_numvfs",
                                    d->address);

    if (n && strcmp(n, "0") && strcmp(d->driver ?: "", "vfio-pci")) {
        use_because(why, "it has %s virtual functions", n);
    }
    if (class && g_str_has_prefix(class, PCI_BRIDGES)) {
        use_because(why, "it is a bridge of this host");
    }
}

/* Whether a process has @path open; *@blind: one does not show its files */
static bool use_has_open(const Check *c, const char *pid, const char *path,
                         bool *blind)
{
    g_autofree char *folder = check_path(c, "/proc/%s/fd", pid);
    GDir *dir = g_dir_open(folder, 0, NULL);
    bool found = false;
    const char *name;

    /* One that has ended meanwhile has nothing open. */
    *blind |= !dir && check_exists(c, "/proc/%s", pid);
    while (dir && !found && (name = g_dir_read_name(dir))) {
        g_autofree char *link = g_build_filename(folder, name, NULL);
        g_autofree char *to = g_file_read_link(link, NULL);

        found = to && !strcmp(to, path);
    }
    g_clear_pointer(&dir, g_dir_close);
    return found;
}

/* A guest that has it; *@blind: not all processes could be looked at */
static void use_processes(const Check *c, Reasons *why, const CheckDevice *d,
                          bool *blind)
{
    g_autofree char *path = g_strdup_printf("/dev/vfio/devices/%s",
                                            d->cdev ?: "");
    g_autofree char *group = check_link(c, "/sys/bus/pci/devices/%s"
                                        "/iommu_group", d->address);
    g_autofree char *legacy = g_strdup_printf("/dev/vfio/%s", group ?: "");
    g_autoptr(GPtrArray) pids = check_names(c, "/proc");

    for (guint i = 0; i < pids->len; i++) {
        const char *pid = g_ptr_array_index(pids, i);

        if (!g_ascii_isdigit(pid[0])) {
            continue;
        }
        if (use_has_open(c, pid, path, blind) ||
            use_has_open(c, pid, legacy, blind)) {
            g_autofree char *name = check_read(c, "/proc/%s/comm", pid);

            use_because(why, "%s (process %s) has it open", name ?: "?", pid);
        }
    }
}

static void use_say(Check *c, CheckDevice *d, const Reasons *why, bool blind)
{
    if (why->len) {
        d->in_use = true;
        check_no(c, d, "use", "end that use first: unmount, take the interface"
                 " down, stop the guest", "%s", why->str);
    } else if (blind) {
        check_unknown(c, d, "use", "run this as root", "other users' processes"
                      " do not show whether they have it open");
    } else {
        check_ok(c, d, "use", "nobody uses it");
    }
}

void check_use(Check *c, CheckDevice *d)
{
    char *device = realpath(d->sysfs, NULL);
    Reasons *why = g_string_new(NULL);
    bool blind = false;

    if (device) {
        use_disks(c, why, device);
        use_interfaces(c, why, device);
    }
    use_functions(c, why, d);
    if (d->driver && !strcmp(d->driver, "vfio-pci")) {
        use_processes(c, why, d, &blind);
    }
    use_say(c, d, why, blind);
    g_string_free(why, TRUE);
    free(device);
}
