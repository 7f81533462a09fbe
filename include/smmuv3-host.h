/*
 * The port: what the engine asks of the host.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The engine owns this interface; hw/vfio/iommufd-nested.c provides it over
 * IOMMUFD, tests/support/fake-host.c provides it in memory. One function is
 * one request to the kernel, without any policy. The objects follow
 * linux/iommufd.h: a vIOMMU on a nesting parent HWPT (stage 2), vDEVICEs that
 * tie a vSID to a device, nested HWPTs that carry a guest's STE.
 *
 * Results: 0, or a negative errno as the kernel gave it. EINTR is never
 * returned, because an implementation retries it. On failure nothing exists
 * that did not exist before, and outputs are untouched (but see invalidate).
 *
 * Locking: the engine calls from the thread that called the engine, never
 * concurrently for one engine.
 *
 * Order that the engine keeps, because the kernel wants it:
 *  - a device's vDEVICE exists before the device is attached to a nested HWPT:
 *    Linux 6.15 to 6.18 answer ENOENT otherwise, newer kernels only for HWPTs
 *    that translate (struct iommu_hwpt_arm_smmuv3);
 *  - an HWPT is destroyed only when no device is attached to it (EBUSY);
 *  - vDEVICEs, nested HWPTs and the vEVENTQ are destroyed before their vIOMMU,
 *    and a vDEVICE before its device's file descriptor closes
 *    (struct iommu_vdevice_alloc).
 */
#ifndef SMMUV3_HOST_H
#define SMMUV3_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smmuv3/cmd.h"
#include "smmuv3/event.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One iommufd context. Owned by the caller that made it; outlives its use. */
typedef struct SMMUv3Host SMMUv3Host;

/* One device bound to that iommufd. Outlives smmuv3_engine_unplug(). */
typedef struct SMMUv3HostDevice SMMUv3HostDevice;

/* An IOMMUFD object id; 0 is none (the kernel never hands out 0). */
typedef uint32_t SMMUv3HostId;

/* The most entries of one invalidate(). */
#define SMMUV3_HOST_INVALIDATE_MAX 4096

/* Linux 7.3 puts a CMD_SYNC behind each so many entries, and at the end. */
#define SMMUV3_HOST_BLOCK 63

/*
 * What IOMMU_GET_HW_INFO reports of the physical SMMU. In idr only the fields
 * that the comment of struct iommu_hw_info_arm_smmuv3 lists mean anything. The
 * engine reads no others; the text of a refusal may name some.
 */
typedef struct SMMUv3HostInfo {
    uint32_t idr[6];
    uint32_t iidr;
    uint32_t aidr;
    /*
     * TLBI and CFGI have to be issued twice, ATC_INV not (hw_info flag of
     * Linux >= 7.3).
     */
    int repeat_tlbi_cfgi;
    /* The device's, not its SMMU's, from here on. */
    int no_ats;             /* it cannot use ATS; older kernels do not tell */
    int shares_group;       /* its IOMMU group has other devices in it */
    unsigned pasid_bits;    /* the width of its PASIDs; 0: it has none */
    int pasid_exec;         /* its PASID capability has Execute Permission */
    int pasid_priv;         /* its PASID capability has Privileged Mode */
} SMMUv3HostInfo;

/* An event of a vEVENTQ (struct iommufd_vevent_header). */
typedef struct SMMUv3HostEvent {
    uint32_t sequence;          /* 0 to INT32_MAX, then 0 again */
    bool lost;                  /* events were lost here; no record */
    SMMUv3EventRecord record;   /* little-endian; its StreamID is the vSID */
} SMMUv3HostEvent;

/* The most events of one veventq_read(). */
#define SMMUV3_HOST_EVENTS_MAX 128

typedef struct SMMUv3HostOps {
    size_t size;                /* of this struct, as the caller knows it */

    /*
     * -ENODEV: there is an IOMMU, but it is no SMMUv3. A device that shares its
     * IOMMU group is refused, because the host attaches a group as a whole.
     */
    int (*get_info)(SMMUv3Host *host, SMMUv3HostDevice *dev,
                    SMMUv3HostInfo *info);

    /*
     * A vIOMMU of type ARM_SMMUV3 on @parent, backed by the SMMU of @dev.
     * -EOPNOTSUPP: that SMMU cannot nest; -EINVAL: @parent is another SMMU's.
     */
    int (*viommu_alloc)(SMMUv3Host *host, SMMUv3HostDevice *dev,
                        SMMUv3HostId parent, SMMUv3HostId *viommu);

    /* -EEXIST: the vSID is taken, or the device has a vDEVICE already. */
    int (*vdevice_alloc)(SMMUv3Host *host, SMMUv3HostId viommu,
                         SMMUv3HostDevice *dev, uint32_t vsid,
                         SMMUv3HostId *vdevice);

    /* @ste: words 0 and 1, little-endian. -EIO: not legal for the kernel. */
    int (*hwpt_alloc)(SMMUv3Host *host, SMMUv3HostId viommu,
                      SMMUv3HostDevice *dev, const uint64_t ste[2],
                      SMMUv3HostId *hwpt);

    /*
     * Attaches or replaces; on failure the old attachment stands. @pt is a
     * nested HWPT or the nesting parent.
     */
    int (*attach)(SMMUv3Host *host, SMMUv3HostDevice *dev, SMMUv3HostId pt);

    /* Afterwards the device's DMA is blocked. */
    int (*detach)(SMMUv3Host *host, SMMUv3HostDevice *dev);

    /*
     * Issues @n (at most SMMUV3_HOST_INVALIDATE_MAX) little-endian commands
     * in order and waits for them. On success all are complete. On failure
     * *@done is the kernel's count, to be distrusted. All commands may be
     * issued again, because invalidations are idempotent. In Linux 7.3:
     *
     *  -EIO        the command at *@done is not legal. The blocks before its
     *              own are complete; its own was not issued. Fails at once.
     *  -ETIMEDOUT  a block's CMD_SYNC had no answer for a second. *@done is the
     *              block's last command. The block may yet become complete; the
     *              blocks before it are complete, those behind not issued.
     *  -ENOMEM     nothing was issued; *@done is @n.
     *  others      nothing was issued; *@done is 0.
     */
    int (*invalidate)(SMMUv3Host *host, SMMUv3HostId viommu,
                      const SMMUv3Cmd *cmds, uint32_t n, uint32_t *done);

    /*
     * A queue of @depth events of @viommu's devices. *@fd polls readable when
     * there are any; the caller owns it, and closes it by veventq_close()
     * before it destroys the queue. -ENOTTY, -EOPNOTSUPP: the kernel has no
     * vEVENTQs (Linux before 6.15).
     */
    int (*veventq_alloc)(SMMUv3Host *host, SMMUv3HostId viommu, uint32_t depth,
                         SMMUv3HostId *veventq, int *fd);

    /*
     * Takes at most @n events (SMMUV3_HOST_EVENTS_MAX) out of the queue, in
     * order; never blocks. Returns how many; 0: there are none now.
     */
    int (*veventq_read)(SMMUv3Host *host, int fd, SMMUv3HostEvent *events,
                        unsigned n);

    void (*veventq_close)(SMMUv3Host *host, int fd);

    /* -EBUSY: still in use. */
    int (*destroy)(SMMUv3Host *host, SMMUv3HostId id);
} SMMUv3HostOps;

#ifdef __cplusplus
}
#endif

#endif
