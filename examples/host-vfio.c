/*
 * A device of this machine for the guest, up to where the engine takes it.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The order of linux/vfio.h and linux/iommufd.h: open both, bind, make an IOAS
 * with the guest's RAM at its guest physical address, allocate stage 2 as a
 * nesting parent, attach. From then on only the engine attaches the device.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "vmm.h"

/* On failure: perror(), and false. */
static bool try(int fd, unsigned long op, void *arg, const char *name)
{
    if (ioctl(fd, op, arg) < 0) {
        perror(name);
        return false;
    }
    return true;
}

static bool bind_device(Host *host)
{
    struct vfio_device_bind_iommufd bind = {
        .argsz = sizeof(bind),
        .iommufd = host->iommufd.iommufd,
    };

    if (!try(host->device.device_fd, VFIO_DEVICE_BIND_IOMMUFD, &bind,
             "VFIO_DEVICE_BIND_IOMMUFD")) {
        return false;
    }
    host->device.dev_id = bind.out_devid;
    return true;
}

/* Maps all of the guest's RAM, which pins it: see RLIMIT_MEMLOCK. */
static bool map_ram(Host *host, void *ram, uint32_t *ioas)
{
    struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
    struct iommu_ioas_map map = {
        .size = sizeof(map),
        .flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
                 IOMMU_IOAS_MAP_WRITEABLE,
        .user_va = (uintptr_t)ram,
        .iova = RAM_BASE,
        .length = RAM_SIZE,
    };

    if (!try(host->iommufd.iommufd, IOMMU_IOAS_ALLOC, &alloc,
             "IOMMU_IOAS_ALLOC")) {
        return false;
    }
    *ioas = map.ioas_id = alloc.out_ioas_id;
    return try(host->iommufd.iommufd, IOMMU_IOAS_MAP, &map, "IOMMU_IOAS_MAP");
}

/* Each SMMU of the guest needs its own parent, whose VMID tags the TLB. */
static bool make_parent(Host *host, uint32_t ioas)
{
    struct iommu_hwpt_alloc alloc = {
        .size = sizeof(alloc),
        .flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
        .dev_id = host->device.dev_id,
        .pt_id = ioas,
    };
    struct vfio_device_attach_iommufd_pt attach = {
        .argsz = sizeof(attach),
    };

    if (!try(host->iommufd.iommufd, IOMMU_HWPT_ALLOC, &alloc,
             "IOMMU_HWPT_ALLOC of a nesting parent")) {
        return false;
    }
    attach.pt_id = host->parent = alloc.out_hwpt_id;
    return try(host->device.device_fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach,
               "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
}

bool host_open(Host *host, const char *cdev, void *ram)
{
    uint32_t ioas;

    host->iommufd.iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
    if (host->iommufd.iommufd < 0) {
        perror("/dev/iommu");
        return false;
    }
    host->device.device_fd = open(cdev, O_RDWR | O_CLOEXEC);
    if (host->device.device_fd < 0) {
        perror(cdev);
        return false;
    }
    return bind_device(host) && map_ram(host, ram, &ioas) &&
           make_parent(host, ioas);
}
