/*
 * A host that is made up. See tree.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "tree.h"

#define CONFIG_SIZE 4096

CheckDoor tree_door;

static char *root;
static char *output, *errors;

static const TreeChange able[] = {
    { "/proc/sys/kernel/osrelease", "6.19.0-test\n" },
    { "/boot/config-6.19.0-test", "CONFIG_IOMMUFD=m\nCONFIG_VFIO_PCI=m\n"
      "CONFIG_VFIO_DEVICE_CDEV=y\nCONFIG_ARM_SMMU_V3_IOMMUFD=y\n"
      "CONFIG_KVM=y\n" },
    { "/proc/self/limits", "Limit   Soft Limit  Hard Limit  Units\n"
      "Max locked memory         unlimited            unlimited   bytes\n" },
    { "/proc/self/status", "Name:\tcheck\nCapEff:\t0000000000000000\n" },
    { "/proc/self/mountinfo", "22 1 254:0 / / rw - ext4 /dev/vda rw\n" },
    { "/proc/1/mountinfo", "22 1 254:0 / / rw - ext4 /dev/vda rw\n" },
    { "/proc/meminfo", "MemTotal:       16777216 kB\n" },
    { "/proc/swaps", "Filename Type Size Used Priority\n" },
    { "/proc/net/route", "Iface\tDestination\tGateway\tFlags\n" },
    { "/proc/net/if_inet6", "" },
    { "/proc/77/comm", "init\n" },
    { "/proc/77/fd/0", "-> /dev/null" },
    { "/proc/1/fd/0", "-> /dev/null" },
    { "/dev/iommu", "" },
    { "/dev/kvm", "" },
    { "/dev/vfio/devices/vfio0", "" },
    { "/dev/kmsg", "6,900,1,-;arm-smmu-v3 arm-smmu-v3.0.auto: option mask 0x0\n"
      "6,901,1,-;arm-smmu-v3 arm-smmu-v3.0.auto: oas 44-bit"
      " (features 0x008c8f0d)\n" },
    { "/sys/class/iommu/" TREE_SMMU "/device",
      "-> ../../../arm-smmu-v3.0.auto" },
    { "/sys/bus/pci/drivers/vfio-pci/bind", "" },
    { "/sys/bus/pci/drivers/vfio-pci/unbind", "" },
    { "/sys/bus/pci/drivers/nvme/bind", "" },
    { "/sys/bus/pci/drivers/nvme/unbind", "" },
    { "/sys/bus/pci/drivers_probe", "" },
    { "/sys/bus/pci/devices/" TREE_DEVICE,
      "-> ../../../devices/pci0000:00/0000:00:01.0/" TREE_DEVICE },
    { TREE_SYSFS "/vendor", "0x1b36\n" },
    { TREE_SYSFS "/device", "0x0010\n" },
    { TREE_SYSFS "/class", "0x010802\n" },
    { TREE_SYSFS "/driver_override", "(null)\n" },
    { TREE_SYSFS "/driver", "-> ../../../../bus/pci/drivers/vfio-pci" },
    { TREE_SYSFS "/iommu", "-> ../../../platform/x/iommu/" TREE_SMMU },
    { TREE_SYSFS "/iommu_group", "-> ../../../../kernel/iommu_groups/7" },
    { TREE_SYSFS "/vfio-dev/vfio0/dev", "511:0\n" },
    { TREE_SYSFS "/resource",
      "0x0000000010000000 0x0000000010003fff 0x0000000000140204\n"
      "0x0000000000000000 0x0000000000000000 0x0000000000000000\n" },
    { "/sys/class/vfio-dev/vfio0",
      "-> ../../../" TREE_SYSFS "/vfio-dev/vfio0" },
    { "/sys/kernel/iommu_groups/7/devices/" TREE_DEVICE, "" },
    { "/sys/kernel/iommu_groups/7/reserved_regions",
      "0x0000000008000000 0x00000000080fffff msi\n" },
};

static bool tree_is_never(const char *path)
{
    (void)path;
    return false;
}

static bool tree_is_always(const char *path)
{
    (void)path;
    return true;
}

static char *tree_place(const char *path)
{
    return g_strconcat(root, path, NULL);
}

static void tree_make_folder_of(const char *place)
{
    g_autofree char *folder = g_path_get_dirname(place);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
}

/* Not by g_file_set_contents(), which waits for the disk. */
void tree_write_bytes(const char *path, const void *data, size_t size)
{
    g_autofree char *place = tree_place(path);
    FILE *file;

    tree_make_folder_of(place);
    file = fopen(place, "w");
    g_assert_nonnull(file);
    g_assert_cmpuint(fwrite(data, 1, size, file), ==, size);
    g_assert_cmpint(fclose(file), ==, 0);
}

void tree_write(const char *path, const char *text)
{
    tree_write_bytes(path, text, strlen(text));
}

void tree_link(const char *path, const char *to)
{
    g_autofree char *place = tree_place(path);

    tree_make_folder_of(place);
    g_unlink(place);
    g_assert_cmpint(symlink(to, place), ==, 0);
}

static void tree_remove_place(const char *place)
{
    GDir *dir = g_file_test(place, G_FILE_TEST_IS_SYMLINK)
                ? NULL : g_dir_open(place, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *inner = g_build_filename(place, name, NULL);

        tree_remove_place(inner);
    }
    g_clear_pointer(&dir, g_dir_close);
    g_assert_cmpint(g_remove(place), ==, 0);
}

void tree_remove(const char *path)
{
    g_autofree char *place = tree_place(path);

    tree_remove_place(place);
}

void tree_change(const TreeChange *change)
{
    if (!change->text) {
        tree_remove(change->path);
    } else if (g_str_has_prefix(change->text, "-> ")) {
        tree_link(change->path, change->text + 3);
    } else {
        tree_write(change->path, change->text);
    }
}

/* A last capability with ATS at 0x100 and PASID (20 bits) behind it */
static void tree_write_config(void)
{
    uint8_t config[CONFIG_SIZE] = { 0 };
    static const uint8_t ats[] = { 0x0f, 0, 0x01, 0x12 };
    static const uint8_t pasid[] = { 0x1b, 0, 0x01, 0, 0, 20, 0, 0 };

    memcpy(config + 0x100, ats, sizeof(ats));
    memcpy(config + 0x120, pasid, sizeof(pasid));
    tree_write_bytes(TREE_SYSFS "/config", config, sizeof(config));
}

void tree_begin(void)
{
    g_assert_null(root);
    root = g_dir_make_tmp("check-XXXXXX", NULL);
    g_assert_nonnull(root);
    for (unsigned i = 0; i < G_N_ELEMENTS(able); i++) {
        tree_change(&able[i]);
    }
    tree_write_config();
    tree_door = check_door;
    tree_door.is_claimed = tree_is_never;
    tree_door.may_open = tree_is_always;
}

void tree_end(void)
{
    tree_remove_place(root);
    g_clear_pointer(&root, g_free);
    g_clear_pointer(&output, g_free);
    g_clear_pointer(&errors, g_free);
}

const char *tree_root(void)
{
    return root;
}

int tree_run(const char *word, ...)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    size_t out_size, err_size;
    FILE *out, *err;
    va_list ap;
    int status;

    g_clear_pointer(&output, free);
    g_clear_pointer(&errors, free);
    out = open_memstream(&output, &out_size);
    err = open_memstream(&errors, &err_size);
    g_ptr_array_add(argv, (char *)"smmuv3-accel-check");
    g_ptr_array_add(argv, (char *)"--root");
    g_ptr_array_add(argv, root);
    va_start(ap, word);
    for (; word; word = va_arg(ap, const char *)) {
        g_ptr_array_add(argv, (char *)word);
    }
    va_end(ap);
    status = check_main(argv->len, (char **)argv->pdata, &tree_door, out, err);
    fclose(out);
    fclose(err);
    return status;
}

const char *tree_output(void)
{
    return output;
}

const char *tree_errors(void)
{
    return errors;
}

char *tree_line(const char *about, const char *check)
{
    g_autofree char *mark = g_strdup_printf("  %s %s: ", about ?: "host",
                                            check);
    g_auto(GStrv) lines = g_strsplit(output, "\n", -1);
    char *found = NULL;

    for (char **line = lines; *line; line++) {
        if (strstr(*line, mark)) {
            g_assert_null(found);
            found = g_strdup(*line);
        }
    }
    if (!found) {
        g_error("no line \"%s\" in:\n%s", mark, output);
    }
    return found;
}

void tree_assert_line(const char *about, const char *check,
                      CheckVerdict verdict, const char *says)
{
    g_autofree char *line = tree_line(about, check);
    g_autofree char *start = g_strconcat(check_verdict_name(verdict), "  ",
                                         NULL);

    if (!g_str_has_prefix(line, start) || !strstr(line, says)) {
        g_error("not \"%s\" with \"%s\": %s", start, says, line);
    }
    /* Whoever reads "no" is told what helps. */
    if (verdict == CHECK_NO) {
        g_assert_nonnull(strstr(line, "; "));
    }
}

void tree_assert_case(const TreeCase *one)
{
    static const int status[] = {
        [CHECK_OK] = CHECK_STATUS_OK,
        [CHECK_UNKNOWN] = CHECK_STATUS_UNKNOWN,
        [CHECK_NO] = CHECK_STATUS_NO,
    };
    int got;

    tree_begin();
    for (unsigned i = 0; one->changes[i].path; i++) {
        tree_change(&one->changes[i]);
    }
    got = tree_run(TREE_DEVICE, NULL);
    tree_assert_line(one->about, one->check, one->verdict, one->says);
    if (got != status[one->verdict]) {
        g_error("exit status %d after \"%s\":\n%s", got, one->says, output);
    }
    tree_end();
}
