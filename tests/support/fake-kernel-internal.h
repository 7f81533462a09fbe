/*
 * What the parts of the preloaded kernel share. See smmuv3-fake-kernel.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_FAKE_KERNEL_INTERNAL_H
#define TESTS_FAKE_KERNEL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "fake-host.h"
#include "smmuv3-fake-kernel.h"

typedef struct Iommufd {
    int fd;
    SMMUv3Host *host;           /* for nesting: fake-host.c */
    GHashTable *ioass;          /* id -> GArray of IoasMap */
    GHashTable *plain;          /* stage-2 HWPTs without NEST_PARENT, by id */
    GHashTable *devices;        /* dev_id -> SMMUv3HostDevice */
    unsigned bound;             /* how many devices are bound */
    GHashTable *events;         /* a vEVENTQ's id -> its descriptor */
} Iommufd;

typedef struct IoasMap {
    uint64_t iova;
    uint64_t length;
} IoasMap;

typedef struct VfioDevice {
    int fd;                     /* -1: closed */
    Iommufd *iommufd;           /* the one it is bound to; NULL: not bound */
    SMMUv3HostDevice *dev;      /* the device in iommufd->host */
    uint32_t dev_id;
    int vectors[FAKE_PCI_VECTORS];  /* our own eventfds; -1: none */
} VfioDevice;

/* A request. Handlers fill @id and @n for the journal. */
typedef struct Request {
    Iommufd *iommufd;           /* set in an iommufd's ioctl */
    VfioDevice *device;         /* set in a device's ioctl */
    void *arg;
    FakeKernelCall call;
    uint32_t id;
    uint32_t n;
} Request;

typedef struct Handler {
    unsigned long op;
    FakeKernelCall call;
    uint32_t min_size;          /* least value of the structure's first word */
    int (*run)(Request *r);     /* 0, or a negative errno */
} Handler;

extern FakeKernel *fake_kernel;
extern VfioDevice fake_devices[FAKE_KERNEL_DEVICES];

/* fake-kernel.c; all but the first are called by the interposers */
Iommufd *fake_kernel_iommufd(int fd);
void fake_kernel_start(FakeKernel *shared);
bool fake_kernel_owns(const char *path);
int fake_kernel_open(const char *path);         /* fd, or a negative errno */
bool fake_kernel_is_ours(int fd);
int fake_kernel_ioctl(int fd, unsigned long op, void *arg);
bool fake_kernel_rdev(int fd, dev_t *rdev);
void fake_kernel_closing(int fd);
void fake_kernel_written(int fd, const void *buf, size_t len, off_t at);

/* fake-iommufd.c */
const Handler *fake_iommufd_handler(unsigned long op);
FakeKernelCall fake_iommufd_call(const Handler *h, const void *arg);
Iommufd *fake_iommufd_new(int fd);
/* Returns how many objects were left. */
unsigned fake_iommufd_free(Iommufd *f);
unsigned fake_iommufd_maps(const Iommufd *f, uint64_t *bytes);

/* fake-threads.c */
void fake_threads_start(FakeKernel *shared);

/* fake-vfio-pci.c */
const Handler *fake_vfio_handler(unsigned long op);
int fake_vfio_memfd(unsigned index);
void fake_vfio_close(VfioDevice *d);
void fake_vfio_written(VfioDevice *d, const void *buf, size_t len, off_t at);
unsigned fake_vfio_vectors(const VfioDevice *d);

#endif
