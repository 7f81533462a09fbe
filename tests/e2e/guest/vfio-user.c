// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "vfio-user.h"

void fail(const char *what)
{
    printf("error=%s\n", what);
    exit(1);
}

void fail_sys(const char *what)
{
    printf("error=%s: %s\n", what, strerror(errno));
    exit(1);
}

static int must_open(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0) {
        fail_sys(path);
    }
    return fd;
}

static void must(int fd, unsigned long request, void *arg, const char *name)
{
    if (ioctl(fd, request, arg) < 0) {
        fail_sys(name);
    }
}

/* ---- The two ways ---- */

static int open_cdev(const char *address)
{
    char pattern[128], path[300];
    glob_t found;

    snprintf(pattern, sizeof(pattern),
             "/sys/bus/pci/devices/%s/vfio-dev/vfio*", address);
    if (glob(pattern, 0, NULL, &found) || found.gl_pathc != 1) {
        fail("no vfio-dev");
    }
    snprintf(path, sizeof(path), "/dev/vfio/devices/%s",
             basename(found.gl_pathv[0]));
    globfree(&found);
    return must_open(path);
}

static void open_by_iommufd(struct vfio_user *v, const char *address)
{
    struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };

    v->device = open_cdev(address);
    v->container = must_open("/dev/iommu");
    bind.iommufd = v->container;
    must(v->device, VFIO_DEVICE_BIND_IOMMUFD, &bind, "bind");
    for (unsigned i = 0; i < 2; i++) {
        struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

        must(v->container, IOMMU_IOAS_ALLOC, &alloc, "ioas");
        v->ioas[i] = alloc.out_ioas_id;
    }
    vfio_attach(v, 0);
}

static int open_group(const char *address)
{
    char path[128], link[256] = "";

    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group",
             address);
    if (readlink(path, link, sizeof(link) - 1) < 0) {
        fail_sys(path);
    }
    snprintf(path, sizeof(path), "/dev/vfio/%s", basename(link));
    return must_open(path);
}

static void open_by_container(struct vfio_user *v, const char *address)
{
    int group = open_group(address);

    v->container = must_open("/dev/vfio/vfio");
    must(group, VFIO_GROUP_SET_CONTAINER, &v->container, "set container");
    must(v->container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU, "set iommu");
    v->device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, address);
    if (v->device < 0) {
        fail_sys("device of the group");
    }
}

void vfio_open(struct vfio_user *v, const char *address, bool cdev)
{
    v->cdev = cdev;
    if (cdev) {
        open_by_iommufd(v, address);
    } else {
        open_by_container(v, address);
    }
}

void vfio_attach(struct vfio_user *v, unsigned ioas)
{
    struct vfio_device_attach_iommufd_pt attach = {
        .argsz = sizeof(attach), .pt_id = v->ioas[ioas],
    };

    must(v->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach, "attach");
}

void vfio_detach(struct vfio_user *v)
{
    struct vfio_device_detach_iommufd_pt detach = { .argsz = sizeof(detach) };

    must(v->device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach, "detach");
}

/* ---- Memory ---- */

void vfio_map(struct vfio_user *v, uint64_t iova, void *memory, size_t size)
{
    struct vfio_iommu_type1_dma_map type1 = {
        .argsz = sizeof(type1),
        .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
        .vaddr = (uintptr_t)memory, .iova = iova, .size = size,
    };

    if (!v->cdev) {
        must(v->container, VFIO_IOMMU_MAP_DMA, &type1, "map");
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        struct iommu_ioas_map map = {
            .size = sizeof(map), .ioas_id = v->ioas[i],
            .flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
                     IOMMU_IOAS_MAP_WRITEABLE,
            .user_va = (uintptr_t)memory, .iova = iova, .length = size,
        };

        must(v->container, IOMMU_IOAS_MAP, &map, "map");
    }
}

void vfio_unmap(struct vfio_user *v, uint64_t iova, size_t size)
{
    struct vfio_iommu_type1_dma_unmap type1 = {
        .argsz = sizeof(type1), .iova = iova, .size = size,
    };

    if (!v->cdev) {
        must(v->container, VFIO_IOMMU_UNMAP_DMA, &type1, "unmap");
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        struct iommu_ioas_unmap unmap = {
            .size = sizeof(unmap), .ioas_id = v->ioas[i], .iova = iova,
            .length = size,
        };

        must(v->container, IOMMU_IOAS_UNMAP, &unmap, "unmap");
    }
}

void *vfio_memory(struct vfio_user *v, uint64_t iova, size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (memory == MAP_FAILED) {
        fail_sys("memory");
    }
    vfio_map(v, iova, memory, size);
    return memory;
}

/* ---- The device ---- */

static struct vfio_region_info region_of(struct vfio_user *v, unsigned index)
{
    struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

    must(v->device, VFIO_DEVICE_GET_REGION_INFO, &info, "region");
    return info;
}

volatile void *vfio_start(struct vfio_user *v, unsigned bar, size_t size)
{
    struct vfio_region_info config = region_of(v, VFIO_PCI_CONFIG_REGION_INDEX);
    struct vfio_region_info info = region_of(v, bar);
    off_t command_at = config.offset + PCI_COMMAND;
    uint16_t command;
    void *p;

    if (pread(v->device, &command, 2, command_at) != 2) {
        fail_sys("PCI_COMMAND");
    }
    command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
    if (pwrite(v->device, &command, 2, command_at) != 2) {
        fail_sys("PCI_COMMAND");
    }
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, v->device,
             info.offset);
    if (p == MAP_FAILED) {
        fail_sys("BAR");
    }
    return p;
}

void vfio_interrupts(struct vfio_user *v, unsigned index, int *fds, unsigned n)
{
    size_t size = sizeof(struct vfio_irq_set) + n * sizeof(*fds);
    struct vfio_irq_set *set = calloc(1, size);

    set->argsz = size;
    set->flags = VFIO_IRQ_SET_ACTION_TRIGGER |
                 (n ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE);
    set->index = index;
    set->count = n;
    if (n) {
        memcpy(set->data, fds, n * sizeof(*fds));
    }
    must(v->device, VFIO_DEVICE_SET_IRQS, set, "interrupts");
    free(set);
}

void vfio_reset(struct vfio_user *v)
{
    must(v->device, VFIO_DEVICE_RESET, NULL, "reset");
}

bool vfio_wait(int fd, int ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    uint64_t count;

    return poll(&p, 1, ms) == 1 && read(fd, &count, sizeof(count)) == sizeof(count);
}
