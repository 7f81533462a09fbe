/*
 * What sysfs says of a device: its SMMU, its group, its MSIs, its capabilities
 * and its driver.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define DEVICES         "/sys/bus/pci/devices"

/* The virt machine's RAM begins here, whatever its size. */
#define RAM_BASE        UINT64_C(0x40000000)

/* Extended capabilities of PCI Express, from 0x100 on */
#define EXT_FIRST       0x100
#define FOR_EVERYBODY   64      /* what sysfs shows to others than root */
#define EXT_ID_ATS      0x0f
#define EXT_ID_PASID    0x1b
#define PASID_REGISTER  4       /* its low half: what the device has */
#define PASID_WIDTH(r)  ((r) >> 8 & 0x1f)

/* "1:0.0" as "0000:01:00.0"; other text as it is, which no device has */
static char *device_address(const char *text)
{
    unsigned segment = 0, bus, slot, function;
    int end = 0;

    if ((sscanf(text, "%x:%x:%x.%x%n", &segment, &bus, &slot, &function,
                &end) == 4 && !text[end]) ||
        (segment = 0, end = 0,
         sscanf(text, "%x:%x.%x%n", &bus, &slot, &function, &end) == 3 &&
         !text[end])) {
        return g_strdup_printf("%04x:%02x:%02x.%x", segment, bus, slot,
                               function);
    }
    return g_strdup(text);
}

void check_device_look(const Check *c, CheckDevice *d)
{
    g_autoptr(GPtrArray) cdevs = check_names(c, DEVICES "/%s/vfio-dev",
                                             d->address);

    g_free(d->driver);
    g_free(d->cdev);
    d->driver = check_link(c, DEVICES "/%s/driver", d->address);
    d->cdev = cdevs->len ? g_strdup(g_ptr_array_index(cdevs, 0)) : NULL;
}

CheckDevice *check_device_new(const Check *c, const char *address)
{
    CheckDevice *d = g_new0(CheckDevice, 1);

    d->address = device_address(address);
    d->sysfs = check_path(c, DEVICES "/%s", d->address);
    d->present = !strchr(d->address, '/') &&
                 check_exists(c, DEVICES "/%s/vendor", d->address);
    d->smmu = check_link(c, DEVICES "/%s/iommu", d->address);
    check_device_look(c, d);
    return d;
}

void check_device_free(gpointer device)
{
    CheckDevice *d = device;

    g_free(d->address);
    g_free(d->sysfs);
    g_free(d->driver);
    g_free(d->cdev);
    g_free(d->smmu);
    g_free(d);
}

static void device_say_what(Check *c, const CheckDevice *d)
{
    g_autofree char *vendor = check_read(c, DEVICES "/%s/vendor", d->address);
    g_autofree char *id = check_read(c, DEVICES "/%s/device", d->address);
    g_autofree char *class = check_read(c, DEVICES "/%s/class", d->address);

    check_ok(c, d, "device", "vendor %s, device %s, class %s", vendor ?: "?",
             id ?: "?", class ?: "?");
}

static void device_smmu(Check *c, const CheckDevice *d)
{
    if (d->smmu && g_str_has_prefix(d->smmu, "smmu3.")) {
        check_ok(c, d, "smmu", "%s; devices of another SMMU need an arm-smmuv3"
                 " of their own", d->smmu);
    } else {
        check_no(c, d, "smmu", "use a device that the firmware has put behind"
                 " an SMMUv3", "it is behind %s%s", d->smmu ? "another IOMMU, "
                 : "no IOMMU", d->smmu ?: "");
    }
}

static void device_group(Check *c, const CheckDevice *d)
{
    SMMUv3HostDevice dev = { .device_fd = -1, .sysfs = d->sysfs };
    unsigned number;
    g_autofree char *others = smmuv3_iommufd_group_others(&dev, &number);

    if (others) {
        check_no(c, d, "group", "the kernel gives a group one translation: plug"
                 " the device into a slot whose port has ACS, or take the other"
                 " one away from the host (echo 1 >"
                 " /sys/bus/pci/devices/ADDRESS/remove)", "it shares IOMMU"
                 " group %u with %s", number, others);
    } else if (check_exists(c, DEVICES "/%s/iommu_group", d->address)) {
        check_ok(c, d, "group", "alone in IOMMU group %u", number);
    } else {
        check_no(c, d, "group", "use a device that is behind an IOMMU", "it has"
                 " no IOMMU group");
    }
}

static bool device_is_ram(void *opaque, uint64_t base, uint64_t size)
{
    (void)opaque;
    return base >= RAM_BASE || base + size > RAM_BASE;
}

/* How much memory a guest may have depends on where it would meet the range. */
static void device_msi_in_ram(Check *c, const CheckDevice *d, uint64_t base,
                              uint64_t size)
{
    if (base <= RAM_BASE) {
        check_no(c, d, "msi", "use a kernel that has it below 0x40000000, where"
                 " a guest's RAM begins", "the MSI doorbell is mapped at 0x%"
                 PRIx64 ", 0x%" PRIx64 " bytes, where each guest has RAM",
                 base, size);
    } else {
        check_unknown(c, d, "msi", "give the guest no more memory than that",
                      "the MSI doorbell is mapped at 0x%" PRIx64 ", 0x%" PRIx64
                      " bytes, where a guest of more than %" PRIu64 " MiB has"
                      " RAM", base, size, (base - RAM_BASE) >> 20);
    }
}

static void device_msi(Check *c, const CheckDevice *d)
{
    SMMUv3HostDevice dev = { .device_fd = -1, .sysfs = d->sysfs };
    uint64_t base, size;

    if (!smmuv3_iommufd_msi_range(&dev, &base, &size)) {
        check_unknown(c, d, "msi", "look for \"msi\" in its"
                      " iommu_group/reserved_regions", "sysfs does not tell"
                      " where its MSI doorbell is mapped");
        return;
    }
    switch (smmuv3_iommufd_msi_range_tellable(base, size, device_is_ram,
                                              NULL)) {
    case SMMUV3_MSI_RANGE_TELLABLE:
        check_ok(c, d, "msi", "the doorbell is mapped at 0x%" PRIx64 ", 0x%"
                 PRIx64 " bytes, which a guest can be told", base, size);
        break;
    case SMMUV3_MSI_RANGE_NOT_ALIGNED:
        check_no(c, d, "msi", "use a kernel that has it at multiples of 64 KiB,"
                 " as Linux as it is has", "the MSI doorbell is mapped at 0x%"
                 PRIx64 ", 0x%" PRIx64 " bytes, which no guest can be told",
                 base, size);
        break;
    case SMMUV3_MSI_RANGE_IS_RAM:
        device_msi_in_ram(c, d, base, size);
        break;
    }
}

static uint32_t device_config32(const char *config, size_t at)
{
    uint32_t v;

    memcpy(&v, config + at, sizeof(v));
    return GUINT32_FROM_LE(v);
}

/* Where the capability is in the space; 0: it has none. Ends on a circle. */
static size_t device_capability(const char *config, size_t size, unsigned id)
{
    size_t at = EXT_FIRST;

    for (unsigned n = 0; n < 960 && at >= EXT_FIRST && at + 8 <= size; n++) {
        uint32_t header = device_config32(config, at);

        if (header && (header & 0xffff) == id) {
            return at;
        }
        at = header >> 20 & ~3u;
    }
    return 0;
}

/* What the device has. Its SMMU decides over both as well. */
static void device_capabilities(Check *c, const CheckDevice *d)
{
    g_autofree char *path = g_strdup_printf(DEVICES "/%s/config", d->address);
    g_autofree char *config = NULL;
    size_t size, ats, pasid;

    if (!check_read_bytes(c, path, &config, &size) || size <= FOR_EVERYBODY) {
        check_unknown(c, d, "ats-pasid", "run this as root", "its configuration"
                      " space can be read as root only");
        return;
    }
    if (size <= EXT_FIRST) {
        check_ok(c, d, "ats-pasid", "neither, as it is conventional PCI");
        return;
    }
    ats = device_capability(config, size, EXT_ID_ATS);
    pasid = device_capability(config, size, EXT_ID_PASID);
    if (pasid) {
        check_ok(c, d, "ats-pasid", "ATS: %s, PASID: %u bits",
                 ats ? "yes" : "no",
                 PASID_WIDTH(device_config32(config, pasid + PASID_REGISTER)));
    } else {
        check_ok(c, d, "ats-pasid", "ATS: %s, PASID: no", ats ? "yes" : "no");
    }
}

static void device_say_cdev(Check *c, const CheckDevice *d)
{
    g_autofree char *path = g_strdup_printf("/dev/vfio/devices/%s", d->cdev);
    g_autofree char *remedy = g_strconcat("give it to the user who starts the"
                                          " guest: chown USER ", path, NULL);

    if (!check_exists(c, DEVICES "/%s/vfio-dev/%s/dev", d->address, d->cdev)) {
        check_no(c, d, "driver", "use a kernel with CONFIG_VFIO_DEVICE_CDEV=y",
                 "vfio-pci, without a character device (there is no file"
                 " vfio-dev/%s/dev)", d->cdev);
    } else if (!check_may_open(c, path)) {
        check_no(c, d, "driver", remedy, "vfio-pci; %s: this user may not read"
                 " and write it", path);
    } else {
        check_ok(c, d, "driver", "vfio-pci; %s", path);
    }
}

void check_device_driver(Check *c, const CheckDevice *d)
{
    if (!d->driver) {
        check_ok(c, d, "driver", "none; --bind %s gives it to vfio-pci",
                 d->address);
    } else if (strcmp(d->driver, "vfio-pci")) {
        check_ok(c, d, "driver", "%s; --bind %s gives it to vfio-pci",
                 d->driver, d->address);
    } else if (d->cdev) {
        device_say_cdev(c, d);
    } else {
        check_no(c, d, "driver", "use Linux 6.15 or newer with"
                 " CONFIG_VFIO_DEVICE_CDEV=y", "vfio-pci, which shows no"
                 " vfio-dev in sysfs");
    }
}

bool check_device(Check *c, CheckDevice *d)
{
    if (!d->present) {
        check_no(c, d, "device", "lspci -D lists those that there are", "there"
                 " is no such PCI device");
        return false;
    }
    device_say_what(c, d);
    device_smmu(c, d);
    device_group(c, d);
    device_msi(c, d);
    check_bars(c, d);
    device_capabilities(c, d);
    check_use(c, d);
    return true;
}
