/*
 * The port over IOMMUFD: smmuv3-host.h on raw file descriptors.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Each function of smmuv3_iommufd_ops is one ioctl of linux/iommufd.h, or of
 * linux/vfio.h for attaching; or a read() or close() of a vEVENTQ. get_info
 * also looks the device's IOMMU group up in sysfs. The host needs Linux 6.15
 * and CONFIG_ARM_SMMU_V3_IOMMUFD, building the headers of 6.15. Linux 6.13
 * nests as well, but loses MSIs of devices whose stage 1 is the guest's.
 *
 * Ownership: the descriptors are the caller's, and stay open for as long as
 * the engine uses them. Nothing is opened, closed or remembered here, except
 * for a vEVENTQ's descriptor, which comes and goes with the queue.
 *
 * Errors: negative errno as the kernel gave it, except for -ENODEV of get_info,
 * which is made here. EINTR is retried for as long as it comes.
 */
#ifndef SMMUV3_IOMMUFD_H
#define SMMUV3_IOMMUFD_H

#include "smmuv3-host.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An open iommufd. */
struct SMMUv3Host {
    int iommufd;
};

/* A VFIO device (the cdev's descriptor) that is bound to that iommufd. */
struct SMMUv3HostDevice {
    int device_fd;
    uint32_t dev_id;            /* out_devid of VFIO_DEVICE_BIND_IOMMUFD */
    /*
     * The device's folder in sysfs, /sys/bus/pci/devices/...; borrowed. NULL:
     * it is found by the descriptor's device number. A VMM without sysfs has to
     * see to it that the device is alone in its IOMMU group.
     */
    const char *sysfs;
};

extern const SMMUv3HostOps smmuv3_iommufd_ops;

/*
 * Why the host cannot nest stage 1, for its administrator: what is missing,
 * with the value that was seen, and what helps. @info is get_info's, NULL or
 * zeroed if that failed; @err is the negative errno of get_info, viommu_alloc,
 * or of allocating the nesting parent.
 *
 * A clause in the manner of error_setg(): no capital, no full stop. Free it
 * with g_free(). It is a guess where the kernel does not tell the reason, made
 * from IDR0.S1P and S2P, IDR3.FWB and IIDR. They are not on the list of struct
 * iommu_hw_info_arm_smmuv3, so they decide over nothing but this text.
 */
char *smmuv3_iommufd_explain_no_nesting(const SMMUv3HostInfo *info, int err);

/*
 * The other devices of the IOMMU group of @dev, which is *@number:
 * "0000:00:1d.1", or several. NULL: there are none, or sysfs does not tell.
 * Free it with g_free(). See SMMUv3HostInfo.shares_group.
 */
char *smmuv3_iommufd_group_others(const SMMUv3HostDevice *dev,
                                  unsigned *number);

/*
 * The IOVAs at which the kernel maps the doorbell of @dev's MSIs ("msi" in its
 * group's reserved_regions). A guest has to map them one to one. False: sysfs
 * does not tell.
 */
bool smmuv3_iommufd_msi_range(const SMMUv3HostDevice *dev, uint64_t *base,
                              uint64_t *size);

/* Whether a guest can be told of such a range, and why not. */
typedef enum SMMUv3MsiRange {
    SMMUV3_MSI_RANGE_TELLABLE,
    SMMUV3_MSI_RANGE_NOT_ALIGNED,
    SMMUV3_MSI_RANGE_IS_RAM,
} SMMUv3MsiRange;

/* The unit of ranges in IORT (Arm DEN 0049, memory range descriptor). */
#define SMMUV3_MSI_RANGE_ALIGN UINT64_C(0x10000)

/*
 * @is_ram says whether the guest has RAM in a range; it is asked only about one
 * that is aligned. Inline, so that a VMM without accel=on has the rule as well.
 */
static inline SMMUv3MsiRange
smmuv3_iommufd_msi_range_tellable(uint64_t base, uint64_t size,
                                  bool (*is_ram)(void *opaque, uint64_t base,
                                                 uint64_t size),
                                  void *opaque)
{
    if ((base | size) & (SMMUV3_MSI_RANGE_ALIGN - 1)) {
        return SMMUV3_MSI_RANGE_NOT_ALIGNED;
    }
    return is_ram(opaque, base, size) ? SMMUV3_MSI_RANGE_IS_RAM
                                      : SMMUV3_MSI_RANGE_TELLABLE;
}

#ifdef __cplusplus
}
#endif

#endif
