/*
 * The port: what the engine asks of the host.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The engine owns this interface; hw/vfio/iommufd-nested.c provides it over
 * IOMMUFD, tests/support/fake-host.c provides it in memory. One function is
 * one request to the kernel; there is no policy behind it. The objects follow
 * linux/iommufd.h: a vIOMMU on a nesting parent HWPT (stage 2), vDEVICEs that
 * tie a vSID to a device, nested HWPTs that carry a guest's STE.
 *
 * Results: 0, or a negative errno as the kernel gave it. An implementation
 * retries EINTR itself, EINTR is never returned. On failure nothing exists
 * that did not exist before, and outputs are untouched (but see invalidate).
 *
 * Locking: the engine calls from the thread that called the engine, never
 * concurrently for one engine.
 *
 * Order that the engine keeps, because the kernel wants it:
 *  - a device's vDEVICE exists before the device is attached to a nested HWPT:
 *    Linux 6.15 to 6.18 answer ENOENT otherwise, newer ones for those that
 *    translate (struct iommu_hwpt_arm_smmuv3);
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

/* One iommufd context. Owned by whoever made it; outlives the engine's use. */
typedef struct SMMUv3Host SMMUv3Host;

/* One device bound to that iommufd. Outlives smmuv3_engine_unplug(). */
typedef struct SMMUv3HostDevice SMMUv3HostDevice;

/* An IOMMUFD object id; 0 is none (the kernel never hands out 0). */
typedef uint32_t SMMUv3HostId;

/* More entries than this in one invalidate() are never sent. */
#define SMMUV3_HOST_INVALIDATE_MAX 4096

/* Linux 7.3 has a CMD_SYNC behind each so many of them, and behind the last. */
#define SMMUV3_HOST_BLOCK 63

/*
 * What IOMMU_GET_HW_INFO says of the physical SMMU. Of idr only the fields
 * that the comment of struct iommu_hw_info_arm_smmuv3 lists mean anything; the
 * engine reads no others, except that a refusal's text may name what looks
 * missing.
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
    /* From here on of the device, not of its SMMU. */
    int no_ats;             /* it cannot use ATS; older kernels do not tell */
    int shares_group;       /* its IOMMU group has other devices in it */
    unsigned pasid_bits;    /* the width of its PASIDs; 0: it has none */
    int pasid_exec;         /* what the PASID capability says of it */
    int pasid_priv;
} SMMUv3HostInfo;

/* What a vEVENTQ gives (struct iommufd_vevent_header). */
typedef struct SMMUv3HostEvent {
    uint32_t sequence;          /* 0 to INT32_MAX, then 0 again */
    bool lost;                  /* events before this were; no record */
    SMMUv3EventRecord record;   /* little-endian; its StreamID is the vSID */
} SMMUv3HostEvent;

/* At most so many in one veventq_read(). */
#define SMMUV3_HOST_EVENTS_MAX 128

typedef struct SMMUv3HostOps {
    size_t size;                /* of this struct, as the caller knows it */

    /*
     * -ENODEV: there is an IOMMU, but it is no SMMUv3. The host attaches an
     * IOMMU group as a whole, so that who shares its group cannot be taken.
     */
    int (*get_info)(SMMUv3Host *host, SMMUv3HostDevice *dev,
                    SMMUv3HostInfo *info);

    /*
     * A vIOMMU of type ARM_SMMUV3 on @parent, backed by the SMMU of @dev.
     * -EOPNOTSUPP: that SMMU cannot nest; -EINVAL: @parent is of another one.
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
     * *@done is the kernel's count, to be distrusted. What it names may be
     * issued again: invalidations are idempotent. Of Linux 7.3:
     *
     *  -EIO        the command at *@done is not legal. Those before it are
     *              complete, but for those of its block: not issued. At once.
     *  -ETIMEDOUT  no answer to a block's CMD_SYNC for a second. *@done is its
     *              last command. It was issued, and may become complete; the
     *              blocks before are, those behind were not issued.
     *  -ENOMEM     nothing was issued; *@done is @n.
     *  others      nothing was issued; *@done is 0.
     */
    int (*invalidate)(SMMUv3Host *host, SMMUv3HostId viommu,
                      const SMMUv3Cmd *cmds, uint32_t n, uint32_t *done);

    /*
     * A queue of @depth events of @viommu's devices. *@fd polls readable when
     * there are any; it belongs to the caller, who gives it to veventq_close()
     * before the queue is destroyed. -ENOTTY, -EOPNOTSUPP: the kernel has no
     * such thing (Linux before 6.15).
     */
    int (*veventq_alloc)(SMMUv3Host *host, SMMUv3HostId viommu, uint32_t depth,
                         SMMUv3HostId *veventq, int *fd);

    /*
     * Takes at most @n events (SMMUV3_HOST_EVENTS_MAX) out of the queue, in
     * order; never blocks. How many, 0 if there are none now.
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
