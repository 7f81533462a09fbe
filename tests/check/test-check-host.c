/*
 * What smmuv3-accel-check says of a host: each line in each verdict.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "tree.h"

#define KMSG(features) \
    "6,9,1,-;arm-smmu-v3 arm-smmu-v3.0.auto: oas 44-bit (features " features \
    ")\n"
#define CONFIG "/boot/config-6.19.0-test"
#define NO_CONFIG { CONFIG, NULL }
/* So that no other line changes where the release does */
#define RELEASE(r) { "/proc/sys/kernel/osrelease", r "\n" }, \
    { "/boot/config-" r, "CONFIG_IOMMUFD=y\nCONFIG_VFIO_PCI=y\n" \
      "CONFIG_VFIO_DEVICE_CDEV=y\nCONFIG_ARM_SMMU_V3_IOMMUFD=y\n" \
      "CONFIG_KVM=y\n" }
#define LIMITS(n) { "/proc/self/limits", \
    "Max locked memory         " n "              " n "  bytes\n" }

static const TreeCase cases[] = {
    { NULL, "kernel", CHECK_OK, "Linux 6.19.0-test", { { 0 } } },
    { NULL, "kernel", CHECK_OK, "Linux 6.15.0", { RELEASE("6.15.0") } },
    { NULL, "kernel", CHECK_OK, "Linux 7.3-rules-6.15",
      { RELEASE("7.3-rules-6.15") } },
    { NULL, "kernel", CHECK_OK, "Linux 10.0.1", { RELEASE("10.0.1") } },
    { NULL, "kernel", CHECK_NO, "loses the MSIs", { RELEASE("6.14.11") } },
    { NULL, "kernel", CHECK_NO, "loses the MSIs", { RELEASE("6.13.0") } },
    { NULL, "kernel", CHECK_UNKNOWN, "has no version",
      { { "/proc/sys/kernel/osrelease", "nonsense\n" },
        { "/boot/config-nonsense", "CONFIG_ARM_SMMU_V3_IOMMUFD=y\n" },
        { "/sys/firmware/acpi/tables/IORT", "" } } },

    { NULL, "iommufd", CHECK_OK, "/dev/iommu", { NO_CONFIG,
      { "/proc/kallsyms", "0 T arm_smmu_hw_info\n" } } },
    { NULL, "iommufd", CHECK_NO, "modprobe iommufd",
      { { "/dev/iommu", NULL } } },
    { NULL, "iommufd", CHECK_NO, "CONFIG_IOMMUFD is off",
      { { "/dev/iommu", NULL },
        { CONFIG, "# CONFIG_IOMMUFD is not set\n"
          "CONFIG_ARM_SMMU_V3_IOMMUFD=y\n" } } },
    { NULL, "iommufd", CHECK_UNKNOWN, "CONFIG_IOMMUFD",
      { { "/dev/iommu", NULL }, NO_CONFIG,
        { "/proc/kallsyms", "0 T arm_smmu_hw_info\n" } } },

    { NULL, "kvm", CHECK_OK, "/dev/kvm", { { 0 } } },
    { NULL, "kvm", CHECK_NO, "EL2", { { "/dev/kvm", NULL } } },

    { NULL, "vfio-cdev", CHECK_OK, "/dev/vfio/devices", { { 0 } } },
    { NULL, "vfio-cdev", CHECK_OK, "CONFIG_VFIO_DEVICE_CDEV in /boot/config",
      { { "/sys/class/vfio-dev/vfio0", NULL } } },
    { NULL, "vfio-cdev", CHECK_OK, "is in /proc/kallsyms",
      { { "/sys/class/vfio-dev/vfio0", NULL }, NO_CONFIG,
        { "/proc/kallsyms", "0 t vfio_df_ioctl_bind_iommufd\t[vfio]\n"
          "0 T arm_smmu_hw_info\n" } } },
    { NULL, "vfio-cdev", CHECK_NO, "CONFIG_VFIO_DEVICE_CDEV is off",
      { { "/sys/class/vfio-dev/vfio0", NULL },
        { CONFIG, "CONFIG_ARM_SMMU_V3_IOMMUFD=y\n" } } },
    { NULL, "vfio-cdev", CHECK_NO, "vfio-dev in sysfs has no file \"dev\"",
      { { TREE_SYSFS "/vfio-dev/vfio0/dev", NULL } } },
    { NULL, "vfio-cdev", CHECK_UNKNOWN, "CONFIG_VFIO_DEVICE_CDEV",
      { { "/sys/class/vfio-dev/vfio0", NULL }, NO_CONFIG,
        { "/proc/kallsyms", "0 T arm_smmu_hw_info\n" } } },

    { NULL, "vfio-pci", CHECK_OK, "the driver vfio-pci", { { 0 } } },
    { NULL, "vfio-pci", CHECK_NO, "modprobe vfio-pci",
      { { "/sys/bus/pci/drivers/vfio-pci", NULL } } },

    { NULL, "smmu-iommufd", CHECK_OK, "in /boot/config", { { 0 } } },
    { NULL, "smmu-iommufd", CHECK_OK, "in /lib/modules", { NO_CONFIG,
      { "/lib/modules/6.19.0-test/config",
        "CONFIG_ARM_SMMU_V3_IOMMUFD=y\n" } } },
    { NULL, "smmu-iommufd", CHECK_NO, "CONFIG_ARM_SMMU_V3_IOMMUFD is off",
      { { CONFIG, "CONFIG_ARM_SMMU_V3_IOMMUFD_TESTS=y\n" } } },
    { NULL, "smmu-iommufd", CHECK_NO, "not in /proc/kallsyms", { NO_CONFIG,
      { "/proc/kallsyms", "0 t arm_smmu_device_probe\n" } } },
    { NULL, "smmu-iommufd", CHECK_UNKNOWN, "CONFIG_ARM_SMMU_V3_IOMMUFD",
      { NO_CONFIG, { "/proc/kallsyms", "0 t arm_smmu_hw_info_other\n" } } },

    { NULL, "smmu", CHECK_OK, "range invalidation: yes, ATS: no", { { 0 } } },
    { NULL, "smmu", CHECK_NO, "stage 1 only",
      { { "/dev/kmsg", KMSG("0x0080830d") } } },
    { NULL, "smmu", CHECK_NO, "erratum",
      { { "/dev/kmsg", KMSG("0x00848f0d") } } },
    { NULL, "smmu", CHECK_NO, "COHACC",
      { { "/dev/kmsg", KMSG("0x008c8e0d") } } },

    { NULL, "rights", CHECK_OK, "may open", { { 0 } } },

    { NULL, "memlock", CHECK_OK, "no limit", { { 0 } } },
    { NULL, "memlock", CHECK_OK, "CAP_IPC_LOCK", { LIMITS("65536"),
      { "/proc/self/status", "CapEff:\t0000000000004000\n" } } },
    { NULL, "memlock", CHECK_OK, "as much as the machine has",
      { LIMITS("17179869184") } },
    { NULL, "memlock", CHECK_NO, "8192 KiB", { LIMITS("8388608") } },
    { NULL, "memlock", CHECK_UNKNOWN, "4096 MiB", { LIMITS("4294967296") } },
    { NULL, "memlock", CHECK_UNKNOWN, "does not tell",
      { { "/proc/self/limits", "" } } },
};

static void test_lines(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        tree_assert_case(&cases[i]);
    }
}

/* Too old for a vIOMMU: the features' bits are not those that are read, too. */
static void test_old_kernel(void)
{
    tree_begin();
    tree_write("/proc/sys/kernel/osrelease", "6.12.9\n");
    g_assert_cmpint(tree_run(NULL), ==, CHECK_STATUS_NO);
    tree_assert_line(NULL, "kernel", CHECK_NO, "since 6.13");
    tree_assert_line(NULL, "smmu", CHECK_UNKNOWN, "does not tell");
    tree_end();
}

static bool but_iommu(const char *path)
{
    return !g_str_has_suffix(path, "/dev/iommu");
}

static void test_no_rights(void)
{
    tree_begin();
    tree_door.may_open = but_iommu;
    g_assert_cmpint(tree_run(NULL), ==, CHECK_STATUS_NO);
    tree_assert_line(NULL, "rights", CHECK_NO, "chown USER /dev/iommu");
    tree_end();
}

/* A log that cannot be read, and one that has lost the line */
static void test_no_log(void)
{
    tree_begin();
    tree_remove("/dev/kmsg");
    g_assert_cmpint(tree_run(NULL), ==, CHECK_STATUS_UNKNOWN);
    tree_assert_line(NULL, "smmu", CHECK_UNKNOWN, "cannot be read");
    tree_assert_line(NULL, "coherence", CHECK_UNKNOWN, "S2FWB: not told");
    tree_write("/dev/kmsg", "6,1,1,-;arm-smmu-v3 other: (features 0x1)\n");
    g_assert_cmpint(tree_run(NULL), ==, CHECK_STATUS_UNKNOWN);
    tree_assert_line(NULL, "smmu", CHECK_UNKNOWN, "does not tell");
    tree_end();
}

/* Each SMMU has a line of its own; another kind of IOMMU has none. */
static void test_two_smmus(void)
{
    tree_begin();
    tree_link("/sys/class/iommu/smmu3.0x000000000a000000/device", "../second");
    tree_link("/sys/class/iommu/dmar0/device", "../other");
    tree_write("/dev/kmsg", KMSG("0x008c8f0d")
               "6,9,1,-;arm-smmu-v3 second: oas 48-bit (features 0x8a0d)\n");
    g_assert_cmpint(tree_run(NULL), ==, CHECK_STATUS_NO);
    g_assert_nonnull(strstr(tree_output(), TREE_SMMU " nests"));
    g_assert_nonnull(strstr(tree_output(),
                            "smmu3.0x000000000a000000 has stage 1 only"));
    g_assert_null(strstr(tree_output(), "dmar0"));
    tree_end();
}

/* /proc/config.gz comes first. */
static void test_config_gz(void)
{
    g_autofree char *program = g_find_program_in_path("gzip");
    g_autofree char *command = NULL;

    if (!program) {
        g_test_skip("there is no gzip");
        return;
    }
    tree_begin();
    tree_write("/proc/config", "CONFIG_KVM=y\n");
    command = g_strdup_printf("gzip '%s/proc/config'", tree_root());
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_assert_cmpint(tree_run(NULL), ==, CHECK_STATUS_NO);
    tree_assert_line(NULL, "smmu-iommufd", CHECK_NO, "(/proc/config.gz)");
    tree_write("/proc/config.gz", "broken");
    g_assert_cmpint(tree_run(NULL), ==, CHECK_STATUS_OK);
    tree_assert_line(NULL, "smmu-iommufd", CHECK_OK, "in /boot/config");
    tree_end();
}

/* One line, whatever else is asked for */
static void test_no_smmu(void)
{
    static const uint8_t iort[] = {
        'I', 'O', 'R', 'T', 64, 0, 0, 0, [36] = 1, [40] = 48,
        [48] = 4, [49] = 16, [63] = 0,
    };

    tree_begin();
    tree_remove("/sys/class/iommu/" TREE_SMMU);
    g_assert_cmpint(tree_run("--try", TREE_DEVICE, NULL), ==, CHECK_STATUS_NO);
    tree_assert_line(NULL, "smmu", CHECK_NO, "this machine has no SMMUv3");
    g_assert_true(strchr(tree_output(), '\n') ==
                  tree_output() + strlen(tree_output()) - 1);
    tree_write_bytes("/sys/firmware/acpi/tables/IORT", iort, sizeof(iort));
    g_assert_cmpint(tree_run(NULL), ==, CHECK_STATUS_NO);
    tree_assert_line(NULL, "smmu", CHECK_NO, "describes 1 SMMUv3");
    tree_end();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/check/host/lines", test_lines);
    g_test_add_func("/check/host/old-kernel", test_old_kernel);
    g_test_add_func("/check/host/no-rights", test_no_rights);
    g_test_add_func("/check/host/no-log", test_no_log);
    g_test_add_func("/check/host/two-smmus", test_two_smmus);
    g_test_add_func("/check/host/config-gz", test_config_gz);
    g_test_add_func("/check/host/no-smmu", test_no_smmu);
    return g_test_run();
}
