/*
 * A device's IOMMU group in sysfs: its other devices, and where its MSIs go.
 * See smmuv3-iommufd.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The kernel puts devices into one group that can reach each other past the
 * SMMU: the functions of a slot without ACS, the devices below a switch or a
 * conventional bridge. It attaches a group as a whole, bridges included
 * (for_each_group_device() in drivers/iommu/iommu.c), so a device of the group
 * would walk another one's tables, or have no vDEVICE and fail the attachment.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <glib.h>

#include "smmuv3-iommufd.h"

/* How many devices a message names; one would do to see what is wrong. */
#define NAMED_MAX 4

/* The device's folder in sysfs; NULL: it has none. */
static char *group_device_folder(const SMMUv3HostDevice *dev)
{
    struct stat st;

    if (dev->sysfs) {
        return g_strdup(dev->sysfs);
    }
    if (fstat(dev->device_fd, &st) || !S_ISCHR(st.st_mode)) {
        return NULL;
    }
    return g_strdup_printf("/sys/dev/char/%u:%u/device", major(st.st_rdev),
                           minor(st.st_rdev));
}

static gint group_by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The devices in the folder @group, except @own. */
static GPtrArray *group_list_others(const char *group, const char *own)
{
    g_autofree char *path = g_build_filename(group, "devices", NULL);
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    GDir *dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        if (strcmp(name, own)) {
            g_ptr_array_add(names, g_strdup(name));
        }
    }
    g_clear_pointer(&dir, g_dir_close);
    g_ptr_array_sort(names, group_by_name);
    return names;
}

static char *group_in_words(const GPtrArray *names)
{
    GString *text = g_string_new(NULL);
    guint n = MIN(names->len, NAMED_MAX);

    for (guint i = 0; i < n; i++) {
        g_string_append_printf(text, "%s%s", i ? ", " : "",
                               (const char *)g_ptr_array_index(names, i));
    }
    if (names->len > n) {
        g_string_append_printf(text, " and %u more", names->len - n);
    }
    return g_string_free(text, FALSE);
}

/* The folder of @dev's group, and in *@own its name; NULL: there is none. */
static char *group_folder(const SMMUv3HostDevice *dev, char **own)
{
    g_autofree char *path = group_device_folder(dev);
    g_autofree char *real = path ? realpath(path, NULL) : NULL;
    g_autofree char *link = real ? g_build_filename(real, "iommu_group", NULL)
                                 : NULL;

    *own = real ? g_path_get_basename(real) : NULL;
    return link ? realpath(link, NULL) : NULL;
}

char *smmuv3_iommufd_group_others(const SMMUv3HostDevice *dev,
                                  unsigned *number)
{
    g_autofree char *own = NULL;
    g_autofree char *group = group_folder(dev, &own);
    g_autofree char *name = group ? g_path_get_basename(group) : NULL;
    g_autoptr(GPtrArray) names = group ? group_list_others(group, own) : NULL;

    *number = name ? strtoul(name, NULL, 10) : 0;
    return names && names->len ? group_in_words(names) : NULL;
}

/* "FIRST LAST TYPE", as reserved_regions_show() has it; false: another type. */
static bool group_is_msi_range(const char *line, uint64_t *base, uint64_t *size)
{
    uint64_t first, last;
    char type[8];

    if (sscanf(line, "%" SCNx64 " %" SCNx64 " %7s", &first, &last, type) != 3 ||
        strcmp(type, "msi") || last < first) {
        return false;
    }
    *base = first;
    *size = last - first + 1;
    return true;
}

bool smmuv3_iommufd_msi_range(const SMMUv3HostDevice *dev, uint64_t *base,
                              uint64_t *size)
{
    g_autofree char *own = NULL;
    g_autofree char *group = group_folder(dev, &own);
    g_autofree char *path = group ? g_build_filename(group, "reserved_regions",
                                                     NULL) : NULL;
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!path || !g_file_get_contents(path, &text, NULL, NULL)) {
        return false;
    }
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (group_is_msi_range(*line, base, size)) {
            return true;
        }
    }
    return false;
}
