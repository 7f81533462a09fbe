/*
 * What smmuv3-accel-check says of a device: each line in each verdict, and who
 * uses it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "tree.h"

#define DEV TREE_DEVICE
#define RESERVED "/sys/kernel/iommu_groups/7/reserved_regions"
#define KMSG(features) \
    { "/dev/kmsg", "6,9,1,-;arm-smmu-v3 arm-smmu-v3.0.auto: oas 44-bit" \
                   " (features " features ")\n" }
#define NO_FWB KMSG("0x000c8f0d")

/* A disk below the device, and one partition */
#define DISK { "/sys/class/block/nvme0n1", "-> ../../devices/pci0000:00/" \
               "0000:00:01.0/" DEV "/nvme/nvme0/nvme0n1" }, \
    { TREE_SYSFS "/nvme/nvme0/nvme0n1/dev", "259:0\n" }
#define PART DISK, \
    { "/sys/class/block/nvme0n1p2", "-> ../../devices/pci0000:00/" \
      "0000:00:01.0/" DEV "/nvme/nvme0/nvme0n1/nvme0n1p2" }, \
    { TREE_SYSFS "/nvme/nvme0/nvme0n1/nvme0n1p2/dev", "259:2\n" }
/* An interface below the device; IFF_UP is bit 0 */
#define NET(flags) \
    { "/sys/class/net/eth0", "-> ../../devices/pci0000:00/0000:00:01.0/" DEV \
      "/net/eth0" }, { TREE_SYSFS "/net/eth0/flags", flags "\n" }
#define ROUTES(lines) \
    { "/proc/net/route", "Iface\tDestination\tGateway\n" lines }

static const TreeCase cases[] = {
    { DEV, "device", CHECK_OK, "vendor 0x1b36, device 0x0010", { { 0 } } },

    { DEV, "smmu", CHECK_OK, TREE_SMMU, { { 0 } } },
    { DEV, "smmu", CHECK_NO, "no IOMMU", { { TREE_SYSFS "/iommu", NULL } } },
    { DEV, "smmu", CHECK_NO, "another IOMMU, dmar0",
      { { TREE_SYSFS "/iommu", "-> ../../../dmar0" } } },

    { DEV, "group", CHECK_OK, "alone in IOMMU group 7", { { 0 } } },
    { DEV, "group", CHECK_NO, "group 7 with 0000:01:00.1, 0000:01:00.2",
      { { "/sys/kernel/iommu_groups/7/devices/0000:01:00.1", "" },
        { "/sys/kernel/iommu_groups/7/devices/0000:01:00.2", "" } } },

    { DEV, "msi", CHECK_OK, "0x8000000, 0x100000 bytes", { { 0 } } },
    { DEV, "msi", CHECK_NO, "multiples of 64 KiB",
      { { RESERVED, "0x08001000 0x080fffff msi\n" } } },
    { DEV, "msi", CHECK_NO, "multiples of 64 KiB",
      { { RESERVED, "0x08000000 0x08000fff msi\n" } } },
    { DEV, "msi", CHECK_NO, "each guest has RAM",
      { { RESERVED, "0x3fff0000 0x4000ffff msi\n" } } },
    { DEV, "msi", CHECK_UNKNOWN, "a guest of more than 1024 MiB",
      { { RESERVED, "0x80000000 0x800fffff msi\n" } } },
    { DEV, "msi", CHECK_UNKNOWN, "does not tell",
      { { RESERVED, "0x08000000 0x080fffff reserved\n" } } },

    { DEV, "coherence", CHECK_OK, "its SMMU has S2FWB", { { 0 } } },
    { DEV, "coherence", CHECK_NO, "promises no CANWBS", { NO_FWB } },
    { DEV, "coherence", CHECK_UNKNOWN, "S2FWB: no; CANWBS: not told",
      { NO_FWB, { "/sys/firmware/acpi/tables/FACP", "" } } },

    { DEV, "ats-pasid", CHECK_OK, "ATS: yes, PASID: 20 bits", { { 0 } } },
    { DEV, "ats-pasid", CHECK_UNKNOWN, "root only",
      { { TREE_SYSFS "/config", "short" } } },

    { DEV, "bars", CHECK_OK, "BAR 0: 16 KiB;", { { 0 } } },
    { DEV, "bar-pages", CHECK_OK, "smaller than 64 KiB", { { 0 } } },
    { DEV, "bar-pages", CHECK_OK, "for itself",
      { { TREE_SYSFS "/resource", "0x10010000 0x1001ffff 0x40200\n" } } },
    { DEV, "peer-to-peer", CHECK_OK, "no other device's", { { 0 } } },
    { DEV, "bars", CHECK_UNKNOWN, "cannot be read",
      { { TREE_SYSFS "/resource", NULL } } },
    { DEV, "bars", CHECK_OK, "highmem-mmio-size: 512G with 1 root bus, 1T with"
      " 2, 2T with 3 or 4, 4T with 5 to 8",
      { { TREE_SYSFS "/resource",
          "0x4000000000 0x7fffffffff 0x14220c\n" } } },
    { DEV, "bar-pages", CHECK_OK, "1 BAR not aligned to pages",
      { { TREE_SYSFS "/resource",
          "0x10000800 0x100017ff 0x40200\n"
          "0x10010000 0x1001ffff 0x40200\n" } } },

    { DEV, "driver", CHECK_OK, "/dev/vfio/devices/vfio0", { { 0 } } },
    { DEV, "driver", CHECK_OK, "nvme; --bind " DEV,
      { { TREE_SYSFS "/driver", "-> ../../../../bus/pci/drivers/nvme" } } },
    { DEV, "driver", CHECK_OK, "none; --bind",
      { { TREE_SYSFS "/driver", NULL } } },
    { DEV, "driver", CHECK_NO, "CONFIG_VFIO_DEVICE_CDEV",
      { { TREE_SYSFS "/vfio-dev", NULL },
        { "/sys/class/vfio-dev/vfio0", NULL } } },

    { DEV, "use", CHECK_OK, "nobody", { { 0 } } },
    { DEV, "use", CHECK_OK, "nobody", { PART } },
    { DEV, "use", CHECK_NO, "nvme0n1p2 is mounted at /data", { PART,
      { "/proc/self/mountinfo",
        "9 1 259:2 / /data rw shared:1 - ext4 /dev/nvme0n1p2 rw\n" } } },
    { DEV, "use", CHECK_NO, "nvme0n1p2 is mounted at /elsewhere", { PART,
      { "/proc/1/mountinfo",
        "9 1 259:2 / /elsewhere rw - ext4 /dev/nvme0n1p2 rw\n" } } },
    { DEV, "use", CHECK_NO, "nvme0n1 is mounted at /pool", { DISK,
      { "/proc/self/mountinfo",
        "9 1 0:44 / /pool rw - btrfs /dev/nvme0n1 rw\n" } } },
    { DEV, "use", CHECK_NO, "nvme0n1 is swapped to", { DISK,
      { "/proc/swaps", "Filename Type\n/dev/nvme0n1   partition\n" } } },
    { DEV, "use", CHECK_OK, "nobody", { DISK,
      { "/proc/swaps", "Filename Type\n/dev/nvme0n10   partition\n" } } },
    { DEV, "use", CHECK_OK, "nobody", { DISK,
      { "/proc/swaps", "Filename Type\n/dev/nvme0n   partition\n" } } },
    { DEV, "use", CHECK_NO, "nvme0n1p2 is held by dm-3", { PART,
      { TREE_SYSFS "/nvme/nvme0/nvme0n1/nvme0n1p2/holders/dm-3", "" } } },
    { DEV, "use", CHECK_OK, "nobody", { DISK,
      { "/sys/class/block/sda",
        "-> ../../devices/pci0000:00/0000:00:02.0/sda" },
      { "/sys/devices/pci0000:00/0000:00:02.0/sda/dev", "8:0\n" },
      { "/proc/self/mountinfo", "9 1 8:0 / /data rw - ext4 /dev/sda rw\n" } } },
    { DEV, "use", CHECK_NO, "nvme0n1 is mounted at /multi",
      { { "/sys/class/block/nvme0n1", "-> ../../devices/virtual/nvme-subsystem/"
          "nvme-subsys0/nvme0n1" },
        { "/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/dev",
          "259:0\n" },
        { "/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0",
          "-> ../../../pci0000:00/0000:00:01.0/" DEV "/nvme/nvme0" },
        { TREE_SYSFS "/nvme/nvme0/model", "x\n" },
        { "/proc/self/mountinfo", "9 1 259:0 / /multi rw - xfs x rw\n" } } },

    { DEV, "use", CHECK_OK, "nobody", { NET("0x1002"),
      ROUTES("eth0\t00000000\t0100000A\n") } },
    { DEV, "use", CHECK_OK, "nobody", { NET("0x1003") } },
    { DEV, "use", CHECK_NO, "eth0 is up and has the default route",
      { NET("0x1003"), ROUTES("eth0\t00000000\t0100000A\n") } },
    { DEV, "use", CHECK_NO, "eth0 is up and has an address",
      { NET("0x1003"), ROUTES("eth0\t0000000A\t00000000\n") } },
    { DEV, "use", CHECK_OK, "nobody",
      { NET("0x1003"), ROUTES("eth1\t00000000\t0100000A\n") } },
    { DEV, "use", CHECK_NO, "eth0 is up and has an address", { NET("0x1003"),
      { "/proc/net/if_inet6", "20010db8000000000000000000000001 02 40 00 80"
        "     eth0\n" } } },
    { DEV, "use", CHECK_OK, "nobody", { NET("0x1003"),
      { "/proc/net/if_inet6", "fe800000000000000000000000000001 02 40 20 80"
        "     eth0\n" } } },
    { DEV, "use", CHECK_NO, "eth0 is a part of br0", { NET("0x1002"),
      { TREE_SYSFS "/net/eth0/master", "-> ../../../../br0" } } },

    { DEV, "use", CHECK_NO, "it has 4 virtual functions",
      { { TREE_SYSFS "/sriov_numvfs", "4\n" },
        { TREE_SYSFS "/driver", "-> ../../../../bus/pci/drivers/nvme" } } },
    { DEV, "use", CHECK_NO, "it is a bridge",
      { { TREE_SYSFS "/class", "0x060400\n" } } },
    { DEV, "use", CHECK_NO, "qemu-system-aar (process 1234) has it open",
      { { "/proc/1234/comm", "qemu-system-aar\n" },
        { "/proc/1234/fd/31", "-> /dev/vfio/devices/vfio0" } } },
    { DEV, "use", CHECK_UNKNOWN, "do not show",
      { { "/proc/1234/comm", "hidden\n" } } },
};

static void test_lines(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        tree_assert_case(&cases[i]);
    }
}

static void test_addresses(void)
{
    tree_begin();
    g_assert_cmpint(tree_run("1:0.0", DEV, "01:00.0", "0:1:0.0", NULL), ==,
                    CHECK_STATUS_OK);
    tree_assert_line(DEV, "device", CHECK_OK, "vendor");    /* and only one */
    g_assert_cmpint(tree_run("0000:09:00.0", NULL), ==, CHECK_STATUS_NO);
    tree_assert_line("0000:09:00.0", "device", CHECK_NO, "no such");
    g_assert_cmpint(tree_run("../drivers/nvme", NULL), ==, CHECK_STATUS_NO);
    tree_assert_line("../drivers/nvme", "device", CHECK_NO, "no such");
    tree_end();
}

/* The table of the guide in docs/: rows of 64, 128 and 256 GiB; 1, 2, 4, 8 buses */
static void test_windows(void)
{
    static const unsigned buses[] = { 1, 2, 4, 8 };
    static const uint64_t table[3][4] = {
        { 512, 512, 512, 1024 },
        { 512, 512, 1024, 2048 },
        { 512, 1024, 2048, 4096 },
    };

    for (unsigned row = 0; row < 3; row++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(buses); i++) {
            g_assert_cmpuint(check_bars_window(UINT64_C(64) << (30 + row),
                                               buses[i]), ==, table[row][i]);
        }
    }
    g_assert_cmpuint(check_bars_window(UINT64_C(64) << 30, 3), ==, 512);
    g_assert_cmpuint(check_bars_window(UINT64_C(64) << 30, 5), ==, 1024);
}

static bool is_claimed(const char *path)
{
    return g_str_has_suffix(path, "/dev/nvme0n1");
}

/* What no file shows: ZFS, another program that has the disk to itself */
static void test_claimed(void)
{
    static const TreeChange disk[] = { DISK };

    tree_begin();
    tree_change(&disk[0]);
    tree_change(&disk[1]);
    tree_door.is_claimed = is_claimed;
    g_assert_cmpint(tree_run(DEV, NULL), ==, CHECK_STATUS_NO);
    tree_assert_line(DEV, "use", CHECK_NO, "nvme0n1 is claimed by something");
    tree_end();
}

static bool but_cdev(const char *path)
{
    return !strstr(path, "/vfio/devices/");
}

static void test_cdev_rights(void)
{
    tree_begin();
    tree_door.may_open = but_cdev;
    g_assert_cmpint(tree_run(DEV, NULL), ==, CHECK_STATUS_NO);
    tree_assert_line(DEV, "driver", CHECK_NO,
                     "chown USER /dev/vfio/devices/vfio0");
    tree_end();
}

/* An IORT with a node of another kind, and root complexes of two segments */
static void write_iort(uint8_t flags0, uint8_t flags1, size_t size)
{
    uint8_t table[48 + 24 + 32 + 32] = {
        'I', 'O', 'R', 'T', [36] = 3, [40] = 48,
        [48] = 0, [49] = 24,
        [72] = 2, [73] = 32, [72 + 23] = flags0, [72 + 28] = 0,
        [104] = 2, [105] = 32, [104 + 23] = flags1, [104 + 28] = 1,
    };

    tree_write_bytes("/sys/firmware/acpi/tables/IORT", table,
                     MIN(size, sizeof(table)));
}

static void test_iort(void)
{
    static const TreeChange no_fwb = NO_FWB;

    tree_begin();
    tree_change(&no_fwb);
    write_iort(7, 3, SIZE_MAX);
    g_assert_cmpint(tree_run(DEV, NULL), ==, CHECK_STATUS_OK);
    tree_assert_line(DEV, "coherence", CHECK_OK, "has CANWBS");
    write_iort(3, 7, SIZE_MAX);
    g_assert_cmpint(tree_run(DEV, NULL), ==, CHECK_STATUS_NO);
    tree_assert_line(DEV, "coherence", CHECK_NO, "promises no CANWBS");
    for (size_t size = 0; size < 104; size++) {     /* cut short anywhere */
        write_iort(7, 7, size);
        g_assert_cmpint(tree_run(DEV, NULL), ==, CHECK_STATUS_UNKNOWN);
    }
    tree_end();
}

/* Capabilities that lead in a circle, or out of the space, end. */
static void test_capabilities(void)
{
    uint8_t config[4096] = { [0x100] = 3, [0x102] = 1, [0x103] = 0x10 };

    tree_begin();
    tree_write_bytes(TREE_SYSFS "/config", config, sizeof(config));
    g_assert_cmpint(tree_run(DEV, NULL), ==, CHECK_STATUS_OK);
    tree_assert_line(DEV, "ats-pasid", CHECK_OK, "ATS: no, PASID: no");
    tree_write_bytes(TREE_SYSFS "/config", config, 256);
    g_assert_cmpint(tree_run(DEV, NULL), ==, CHECK_STATUS_OK);
    tree_assert_line(DEV, "ats-pasid", CHECK_OK, "conventional PCI");
    tree_write_bytes(TREE_SYSFS "/config", config, 64);
    g_assert_cmpint(tree_run(DEV, NULL), ==, CHECK_STATUS_UNKNOWN);
    tree_assert_line(DEV, "ats-pasid", CHECK_UNKNOWN, "as root only");
    config[0x102] = 0xc1;
    config[0x103] = 0xff;
    config[0xffc] = 0x1b;
    tree_write_bytes(TREE_SYSFS "/config", config, sizeof(config));
    g_assert_cmpint(tree_run(DEV, NULL), ==, CHECK_STATUS_OK);
    tree_end();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/check/device/lines", test_lines);
    g_test_add_func("/check/device/addresses", test_addresses);
    g_test_add_func("/check/device/windows", test_windows);
    g_test_add_func("/check/device/claimed", test_claimed);
    g_test_add_func("/check/device/cdev-rights", test_cdev_rights);
    g_test_add_func("/check/device/iort", test_iort);
    g_test_add_func("/check/device/capabilities", test_capabilities);
    return g_test_run();
}
