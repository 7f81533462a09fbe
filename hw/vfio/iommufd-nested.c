/*
 * The port over IOMMUFD: one function, one ioctl. See smmuv3-iommufd.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * No policy: nothing is shared, cached, split or retried here, except for
 * EINTR. Each function names the comment of the kernel's uAPI it rests on.
 * get_info's answer about the device's group comes from sysfs (iommu-group.c).
 * The last part puts a refusal into words, without any system call.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <glib.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "smmuv3-iommufd.h"
#include "smmuv3/registers.h"

/* IOMMU_HW_INFO_ARM_SMMUV3_ERRATA_REPEAT_TLBI_CFGI; an enum of Linux 7.3. */
#define INFO_REPEAT_TLBI_CFGI (1u << 0)

/* IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED; an enum of Linux 7.3, too. */
#define CAP_ATS_NOT_SUPPORTED (1u << 3)

_Static_assert(sizeof(SMMUv3EventRecord) ==
               sizeof(struct iommu_vevent_arm_smmuv3),
               "records are handed up as they are");
_Static_assert(sizeof(SMMUv3Cmd) ==
               sizeof(struct iommu_viommu_arm_smmuv3_invalidate),
               "commands are handed down as they are");

/* @arg can be used again, because the kernel writes it only on success. */
static int iommufd_request(int fd, unsigned long op, void *arg)
{
    int ret;

    do {
        ret = ioctl(fd, op, arg);
    } while (ret < 0 && errno == EINTR);
    return ret < 0 ? -errno : 0;
}

static uint64_t iommufd_user_ptr(const void *p)
{
    return (uintptr_t)p;
}

/*
 * struct iommu_hw_info: a kernel that knows less zeroes the buffer's tail; a
 * driver without information says IOMMU_HW_INFO_TYPE_NONE and succeeds.
 */
static int iommufd_get_info(SMMUv3Host *host, SMMUv3HostDevice *dev,
                            SMMUv3HostInfo *info)
{
    unsigned group;
    g_autofree char *others = smmuv3_iommufd_group_others(dev, &group);
    struct iommu_hw_info_arm_smmuv3 data = { 0 };
    struct iommu_hw_info req = {
        .size = sizeof(req),
        .dev_id = dev->dev_id,
        .data_len = sizeof(data),
        .data_uptr = iommufd_user_ptr(&data),
    };
    int ret = iommufd_request(host->iommufd, IOMMU_GET_HW_INFO, &req);

    if (ret) {
        return ret;
    }
    if (req.out_data_type != IOMMU_HW_INFO_TYPE_ARM_SMMUV3) {
        return -ENODEV;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(info->idr); i++) {
        info->idr[i] = data.idr[i];
    }
    info->iidr = data.iidr;
    info->aidr = data.aidr;
    info->repeat_tlbi_cfgi = !!(data.flags & INFO_REPEAT_TLBI_CFGI);
    info->no_ats = !!(req.out_capabilities & CAP_ATS_NOT_SUPPORTED);
    info->shares_group = others != NULL;
    info->pasid_bits = req.out_max_pasid_log2;
    info->pasid_exec = !!(req.out_capabilities & IOMMU_HW_CAP_PCI_PASID_EXEC);
    info->pasid_priv = !!(req.out_capabilities & IOMMU_HW_CAP_PCI_PASID_PRIV);
    return 0;
}

/* struct iommu_viommu_alloc; the type has no data of its own. */
static int iommufd_viommu_alloc(SMMUv3Host *host, SMMUv3HostDevice *dev,
                                SMMUv3HostId parent, SMMUv3HostId *viommu)
{
    struct iommu_viommu_alloc req = {
        .size = sizeof(req),
        .type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3,
        .dev_id = dev->dev_id,
        .hwpt_id = parent,
    };
    int ret = iommufd_request(host->iommufd, IOMMU_VIOMMU_ALLOC, &req);

    if (!ret) {
        *viommu = req.out_viommu_id;
    }
    return ret;
}

/* struct iommu_vdevice_alloc: virt_id is the vSID. */
static int iommufd_vdevice_alloc(SMMUv3Host *host, SMMUv3HostId viommu,
                                 SMMUv3HostDevice *dev, uint32_t vsid,
                                 SMMUv3HostId *vdevice)
{
    struct iommu_vdevice_alloc req = {
        .size = sizeof(req),
        .viommu_id = viommu,
        .dev_id = dev->dev_id,
        .virt_id = vsid,
    };
    int ret = iommufd_request(host->iommufd, IOMMU_VDEVICE_ALLOC, &req);

    if (!ret) {
        *vdevice = req.out_vdevice_id;
    }
    return ret;
}

/* struct iommu_hwpt_alloc: a nested HWPT's pt_id is the vIOMMU. */
static int iommufd_hwpt_alloc(SMMUv3Host *host, SMMUv3HostId viommu,
                              SMMUv3HostDevice *dev, const uint64_t ste[2],
                              SMMUv3HostId *hwpt)
{
    struct iommu_hwpt_arm_smmuv3 data = { .ste = { ste[0], ste[1] } };
    struct iommu_hwpt_alloc req = {
        .size = sizeof(req),
        .dev_id = dev->dev_id,
        .pt_id = viommu,
        .data_type = IOMMU_HWPT_DATA_ARM_SMMUV3,
        .data_len = sizeof(data),
        .data_uptr = iommufd_user_ptr(&data),
    };
    int ret = iommufd_request(host->iommufd, IOMMU_HWPT_ALLOC, &req);

    if (!ret) {
        *hwpt = req.out_hwpt_id;
    }
    return ret;
}

/* struct vfio_device_attach_iommufd_pt: attaching again is a replacement. */
static int iommufd_attach(SMMUv3Host *host, SMMUv3HostDevice *dev,
                          SMMUv3HostId pt)
{
    struct vfio_device_attach_iommufd_pt req = {
        .argsz = sizeof(req),
        .pt_id = pt,
    };

    (void)host;
    return iommufd_request(dev->device_fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &req);
}

/* struct vfio_device_detach_iommufd_pt */
static int iommufd_detach(SMMUv3Host *host, SMMUv3HostDevice *dev)
{
    struct vfio_device_detach_iommufd_pt req = { .argsz = sizeof(req) };

    (void)host;
    return iommufd_request(dev->device_fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &req);
}

/*
 * struct iommu_hwpt_invalidate: entry_num is written on failure, too, so it is
 * set again before a retry, which sends the array from its start.
 */
static int iommufd_invalidate(SMMUv3Host *host, SMMUv3HostId viommu,
                              const SMMUv3Cmd *cmds, uint32_t n, uint32_t *done)
{
    struct iommu_hwpt_invalidate req = {
        .size = sizeof(req),
        .hwpt_id = viommu,
        .data_uptr = iommufd_user_ptr(cmds),
        .data_type = IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3,
        .entry_len = sizeof(*cmds),
    };
    int ret;

    do {
        req.entry_num = n;
        ret = ioctl(host->iommufd, IOMMU_HWPT_INVALIDATE, &req);
    } while (ret < 0 && errno == EINTR);
    *done = req.entry_num;
    return ret < 0 ? -errno : 0;
}

/* struct iommu_veventq_alloc */
static int iommufd_veventq_alloc(SMMUv3Host *host, SMMUv3HostId viommu,
                                 uint32_t depth, SMMUv3HostId *veventq, int *fd)
{
    struct iommu_veventq_alloc req = {
        .size = sizeof(req),
        .viommu_id = viommu,
        .type = IOMMU_VEVENTQ_TYPE_ARM_SMMUV3,
        .veventq_depth = depth,
    };
    int ret = iommufd_request(host->iommufd, IOMMU_VEVENTQ_ALLOC, &req);

    if (!ret) {
        *veventq = req.out_veventq_id;
        *fd = req.out_veventq_fd;
    }
    return ret;
}

/*
 * struct iommufd_vevent_header: a record follows each header, except for a
 * header that says that events were lost. The kernel gives whole events only; a
 * part of one at the end is ignored.
 */
static int iommufd_parse_events(const uint8_t *at, size_t left,
                                SMMUv3HostEvent *events, unsigned max)
{
    unsigned n = 0;

    while (n < max && left >= sizeof(struct iommufd_vevent_header)) {
        struct iommufd_vevent_header header;
        SMMUv3HostEvent *event = &events[n];

        memcpy(&header, at, sizeof(header));
        at += sizeof(header);
        left -= sizeof(header);
        event->sequence = header.sequence;
        event->lost = header.flags & IOMMU_VEVENTQ_FLAG_LOST_EVENTS;
        if (!event->lost) {
            if (left < sizeof(event->record)) {
                break;
            }
            memcpy(&event->record, at, sizeof(event->record));
            at += sizeof(event->record);
            left -= sizeof(event->record);
        }
        n++;
    }
    return n;
}

/* An empty queue gives 0 events, and never blocks. */
static int iommufd_veventq_read(SMMUv3Host *host, int fd,
                                SMMUv3HostEvent *events, unsigned n)
{
    uint8_t buf[SMMUV3_HOST_EVENTS_MAX *
                (sizeof(struct iommufd_vevent_header) +
                 sizeof(struct iommu_vevent_arm_smmuv3))];
    size_t one = sizeof(buf) / SMMUV3_HOST_EVENTS_MAX;
    ssize_t got;

    (void)host;
    do {
        got = read(fd, buf, MIN(n, SMMUV3_HOST_EVENTS_MAX) * one);
    } while (got < 0 && errno == EINTR);
    return got > 0 ? iommufd_parse_events(buf, got, events, n) : 0;
}

static void iommufd_veventq_close(SMMUv3Host *host, int fd)
{
    (void)host;
    close(fd);
}

/* struct iommu_destroy */
static int iommufd_destroy(SMMUv3Host *host, SMMUv3HostId id)
{
    struct iommu_destroy req = { .size = sizeof(req), .id = id };

    return iommufd_request(host->iommufd, IOMMU_DESTROY, &req);
}

const SMMUv3HostOps smmuv3_iommufd_ops = {
    .size = sizeof(SMMUv3HostOps),
    .get_info = iommufd_get_info,
    .viommu_alloc = iommufd_viommu_alloc,
    .vdevice_alloc = iommufd_vdevice_alloc,
    .hwpt_alloc = iommufd_hwpt_alloc,
    .attach = iommufd_attach,
    .detach = iommufd_detach,
    .invalidate = iommufd_invalidate,
    .veventq_alloc = iommufd_veventq_alloc,
    .veventq_read = iommufd_veventq_read,
    .veventq_close = iommufd_veventq_close,
    .destroy = iommufd_destroy,
};

/*
 * From here on: why a host cannot nest, by what Linux 7.3 does:
 *  - a kernel before 6.13 does not know IOMMU_VIOMMU_ALLOC: ENOTTY;
 *  - without CONFIG_ARM_SMMU_V3_IOMMUFD the SMMU's driver has neither hw_info
 *    (type NONE: our ENODEV) nor get_viommu_size (EOPNOTSUPP);
 *  - arm_smmu_get_viommu_size() is 0, hence EOPNOTSUPP, without both stages,
 *    with an erratum that arm_smmu_device_iidr_probe() knows, or with neither
 *    S2FWB nor CANWBS; allocating the nesting parent answers EOPNOTSUPP in the
 *    first two of these cases;
 *  - the parent was not made for nesting, or for another SMMU: EINVAL.
 */

/* SMMU_IIDR, 6.3.7 */
#define IIDR_PRODUCT            SMMUV3_BITS(31, 20)
#define IIDR_VARIANT            SMMUV3_BITS(19, 16)
#define IIDR_REVISION           SMMUV3_BITS(15, 12)
#define IIDR_IMPLEMENTER        SMMUV3_BITS(11, 0)
#define IMPLEMENTER_ARM         0x43b
#define PRODUCT_MMU_600         0x483
#define PRODUCT_MMU_700         0x487

/* Were IDRs read at all? They have a stage, because every SMMU has one. */
static bool iommufd_has_idrs(const SMMUv3HostInfo *info)
{
    return info && (info->idr[0] & (SMMUV3_IDR0_S1P | SMMUV3_IDR0_S2P));
}

/* The erratum for which Linux turns nesting off; NULL: there is none. */
static const char *iommufd_nesting_erratum(uint32_t iidr)
{
    unsigned variant = SMMUV3_GET(IIDR_VARIANT, iidr);
    unsigned revision = SMMUV3_GET(IIDR_REVISION, iidr);

    if (SMMUV3_GET(IIDR_IMPLEMENTER, iidr) != IMPLEMENTER_ARM) {
        return NULL;
    }
    switch (SMMUV3_GET(IIDR_PRODUCT, iidr)) {
    case PRODUCT_MMU_600:
        return variant < 2 ? "MMU-600 erratum 1209401" : NULL;
    case PRODUCT_MMU_700:
        return variant < 1 || revision < 1
               ? "MMU-700 errata 2268618 and 2812531" : NULL;
    default:
        return NULL;
    }
}

static char *iommufd_explain_stages(const SMMUv3HostInfo *info)
{
    return g_strdup_printf(
        "its SMMU does not implement both stages (IDR0.S1P=%d IDR0.S2P=%d);"
        " nesting needs a machine whose SMMU has stage 1 and stage 2",
        !!(info->idr[0] & SMMUV3_IDR0_S1P),
        !!(info->idr[0] & SMMUV3_IDR0_S2P));
}

static char *iommufd_explain_erratum(const SMMUv3HostInfo *info,
                                     const char *erratum)
{
    return g_strdup_printf(
        "its kernel does not nest on this SMMU because of %s (IIDR=0x%08x);"
        " nesting needs a later revision of the hardware",
        erratum, info->iidr);
}

static char *iommufd_explain_fwb(void)
{
    return g_strdup(
        "its SMMU has no S2FWB (IDR3.FWB=0), and its firmware seems not to"
        " promise coherence instead (CANWBS of the root complex in the ACPI"
        " IORT, which cannot be seen from here); nesting needs one of the"
        " two, so look for newer firmware, or use a machine with S2FWB");
}

static char *iommufd_explain_unseen(const SMMUv3HostInfo *info)
{
    return g_strdup_printf(
        "its SMMU looks capable (IDR0.S1P=1 IDR0.S2P=1 IDR3.FWB=1"
        " IIDR=0x%08x) and its kernel refuses nevertheless; check that the"
        " kernel is built with CONFIG_ARM_SMMU_V3_IOMMUFD=y, and what its log"
        " says of arm-smmu-v3", info->iidr);
}

/* The kernel gives no reason, so it is guessed from the IDRs. */
static char *iommufd_explain_unsupported(const SMMUv3HostInfo *info)
{
    uint64_t stages = SMMUV3_IDR0_S1P | SMMUV3_IDR0_S2P;
    const char *erratum = iommufd_nesting_erratum(info->iidr);

    if ((info->idr[0] & stages) != stages) {
        return iommufd_explain_stages(info);
    }
    if (erratum) {
        return iommufd_explain_erratum(info, erratum);
    }
    if (!(info->idr[3] & SMMUV3_IDR3_FWB)) {
        return iommufd_explain_fwb();
    }
    return iommufd_explain_unseen(info);
}

static char *iommufd_explain_no_idrs(void)
{
    return g_strdup(
        "its kernel describes no SMMUv3 behind the device: the IOMMU is of"
        " another kind, or the kernel is built without"
        " CONFIG_ARM_SMMU_V3_IOMMUFD=y; use a kernel that has it");
}

char *smmuv3_iommufd_explain_no_nesting(const SMMUv3HostInfo *info, int err)
{
    switch (-err) {
    case ENOTTY:
        return g_strdup(
            "its kernel does not know IOMMU_VIOMMU_ALLOC; use Linux 6.15 or"
            " newer, built with CONFIG_ARM_SMMU_V3_IOMMUFD=y");
    case ENODEV:
        return iommufd_explain_no_idrs();
    case EOPNOTSUPP:
        return iommufd_has_idrs(info) ? iommufd_explain_unsupported(info)
                                      : iommufd_explain_no_idrs();
    case EINVAL:
        return g_strdup(
            "the stage-2 HWPT was not allocated as a nesting parent, or for"
            " another SMMU than the device's; give devices of different SMMUs"
            " an arm-smmuv3 each, on a pxb-pcie of its own");
    default:
        return g_strdup_printf("IOMMUFD answered: %s", g_strerror(-err));
    }
}
