/*
 * The ioctl boundary, replaced at link time (-Wl,--wrap=ioctl).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Stands in for the kernel under hw/vfio/iommufd-nested.c. The numbers and
 * layouts of requests are written down here once more, and not taken from the
 * kernel's headers, so that a wrong header is noticed. Each call is checked
 * (number, size, what must be zero), recorded with the data behind its user
 * pointer, and answered as the test chose.
 *
 * A call that fails scribbles over every result field, so that code which reads
 * them is found out.
 */
#ifndef TESTS_FAKE_IOCTL_H
#define TESTS_FAKE_IOCTL_H

#include <stdint.h>
#include <glib.h>

/* Request numbers: ';' << 8 | number, without size or direction. */
enum {
    FAKE_VFIO_ATTACH = 0x3b77,
    FAKE_VFIO_DETACH = 0x3b78,
    FAKE_IOMMU_DESTROY = 0x3b80,
    FAKE_IOMMU_HWPT_ALLOC = 0x3b89,
    FAKE_IOMMU_GET_HW_INFO = 0x3b8a,
    FAKE_IOMMU_HWPT_INVALIDATE = 0x3b8d,
    FAKE_IOMMU_VIOMMU_ALLOC = 0x3b90,
    FAKE_IOMMU_VDEVICE_ALLOC = 0x3b91,
    FAKE_IOMMU_VEVENTQ_ALLOC = 0x3b93,
};

typedef struct FakeIoctlCall {
    int fd;
    unsigned long op;
    uint8_t arg[64];            /* the structure as it came */
    GBytes *data;               /* a copy of the data behind it, or NULL */
} FakeIoctlCall;

/* How calls are answered. Set by the test, and kept until it changes. */
typedef struct FakeIoctlAnswer {
    unsigned interrupts;        /* so many calls first fail with EINTR */
    int err;                    /* then with this errno; 0: they succeed */
    uint32_t id;                /* out_*_id */
    uint32_t fd;                /* VEVENTQ_ALLOC: out_veventq_fd */
    uint32_t done;              /* entry_num of an invalidate that fails */
    uint32_t info_type;         /* GET_HW_INFO: out_data_type */
    const void *info;           /* GET_HW_INFO: the data */
    uint32_t info_len;
    uint8_t max_pasid_log2;     /* GET_HW_INFO: the device's */
    uint64_t capabilities;      /* GET_HW_INFO: the device's */
} FakeIoctlAnswer;

extern FakeIoctlAnswer fake_ioctl;

/* Forgets the calls and the answers. */
void fake_ioctl_reset(void);

unsigned fake_ioctl_calls(void);
const FakeIoctlCall *fake_ioctl_call(unsigned i);

/* A field of the recorded structure, by its offset in the uAPI. */
uint32_t fake_ioctl_u32(const FakeIoctlCall *c, unsigned offset);
uint64_t fake_ioctl_u64(const FakeIoctlCall *c, unsigned offset);

#endif
