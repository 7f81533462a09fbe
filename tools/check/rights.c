/*
 * May whoever runs this start a guest? Files, and memory that is locked.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is asked is asked of this process, so it is to be run as the user who
 * starts the guests. VFIO pins all of a guest's memory. The kernel counts that
 * against RLIMIT_MEMLOCK, unless the process has CAP_IPC_LOCK.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define CAP_IPC_LOCK 14

/* No guest with Linux starts with less than this. */
#define LEAST_MEMORY (UINT64_C(128) << 20)

bool check_may_open(const Check *c, const char *path)
{
    g_autofree char *whole = check_path(c, "%s", path);

    return c->door->may_open(whole);
}

static void rights_files(Check *c)
{
    static const char *const paths[] = { "/dev/kvm", "/dev/iommu" };
    GString *closed = g_string_new(NULL);
    g_autofree char *remedy = NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(paths); i++) {
        if (check_exists(c, "%s", paths[i]) && !check_may_open(c, paths[i])) {
            g_string_append_printf(closed, "%s%s", closed->len ? " " : "",
                                   paths[i]);
        }
    }
    if (closed->len) {
        remedy = g_strdup_printf("run it as root, or give them to the user who"
                                 " starts the guest: chown USER %s",
                                 closed->str);
        check_no(c, NULL, "rights", remedy, "this user may not read and write"
                 " %s", closed->str);
    } else {
        check_ok(c, NULL, "rights", "this user may open what there is of"
                 " /dev/kvm and /dev/iommu");
    }
    g_string_free(closed, TRUE);
}

/* What stands behind @key in a file of lines; NULL: nothing */
static const char *rights_value(const char *text, const char *key)
{
    const char *at = text ? strstr(text, key) : NULL;

    return at ? at + strlen(key) : NULL;
}

static bool rights_may_lock(const Check *c)
{
    g_autofree char *status = check_read(c, "/proc/self/status");
    const char *caps = rights_value(status, "CapEff:");

    return caps && (g_ascii_strtoull(caps, NULL, 16) >> CAP_IPC_LOCK & 1);
}

/* In KiB, "MemTotal: N kB" */
static uint64_t rights_memory(const Check *c)
{
    g_autofree char *info = check_read(c, "/proc/meminfo");
    const char *total = rights_value(info, "MemTotal:");

    return total ? g_ascii_strtoull(total, NULL, 10) << 10 : UINT64_MAX;
}

static void rights_memlock(Check *c)
{
    static const char remedy[] = "raise it to the guest's memory and a little"
        " more: ulimit -l, limits.conf, or systemd's LimitMEMLOCK=";
    g_autofree char *limits = check_read(c, "/proc/self/limits");
    const char *soft = rights_value(limits, "Max locked memory");
    uint64_t bytes;

    if (!soft) {
        check_unknown(c, NULL, "memlock", remedy, "/proc/self/limits does not"
                      " tell how much memory may be locked");
        return;
    }
    soft += strspn(soft, " ");
    bytes = g_ascii_strtoull(soft, NULL, 10);
    if (g_str_has_prefix(soft, "unlimited")) {
        check_ok(c, NULL, "memlock", "no limit");
    } else if (rights_may_lock(c)) {
        check_ok(c, NULL, "memlock", "the limit does not hold for this user"
                 " (CAP_IPC_LOCK)");
    } else if (bytes >= rights_memory(c)) {
        check_ok(c, NULL, "memlock", "as much as the machine has");
    } else if (bytes < LEAST_MEMORY) {
        check_no(c, NULL, "memlock", remedy, "this user may lock %"
                 G_GUINT64_FORMAT " KiB of memory, which is less than any"
                 " guest has", (guint64)(bytes >> 10));
    } else {
        check_unknown(c, NULL, "memlock", remedy, "this user may lock %"
                      G_GUINT64_FORMAT " MiB of memory, enough for a guest with"
                      " a little less", (guint64)(bytes >> 20));
    }
}

void check_rights(Check *c)
{
    rights_files(c);
    rights_memlock(c);
}
