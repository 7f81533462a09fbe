/*
 * An example: a VMM of its own around the engine, without QEMU.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 *   main.c       the story: plug, let the guest work, unplug; and the checks
 *   vmm.c        the VMM's callbacks, and its calls of the engine
 *   guest.c      a guest's SMMUv3 driver, as register accesses
 *   host-vfio.c  a device of this machine, bound to an iommufd, by ioctls
 *   host-spy.c   prints and counts the requests to the host on their way
 *   edu.c        DMA by QEMU's edu device, if it is the one that was plugged
 *
 * The program has no vCPUs: guest.c calls vmm_mmio_read() and vmm_mmio_write(),
 * as the exit handler of a VMM would.
 */
#ifndef EXAMPLES_VMM_H
#define EXAMPLES_VMM_H

#include <inttypes.h>
#include <pthread.h>

#include "smmuv3-engine.h"
#include "smmuv3-iommufd.h"

#define RAM_BASE UINT64_C(0x40000000)
#define RAM_SIZE (UINT64_C(16) << 20)

/* A device, and its iommufd, as a VMM that passes devices through has them. */
typedef struct Host {
    SMMUv3Host iommufd;
    SMMUv3HostDevice device;
    SMMUv3HostId parent;        /* the nesting parent, over the guest's RAM */
} Host;

typedef struct Vmm {
    pthread_mutex_t lock;       /* around every call on engine */
    uint8_t *ram;               /* RAM_SIZE bytes at guest physical RAM_BASE */
    SMMUv3Engine *engine;
    SMMUv3EngineDevice *plugged;
    uint32_t rid;               /* the RequesterID that the guest gave it */
    int events_fd;              /* readable: the host has events; -1: none */
    bool resume;                /* commands are left after a slice */
    int64_t resume_at;          /* when to resume them, see now_ms() */
    unsigned irqs[2];           /* by SMMUv3Irq */
    unsigned sync_irqs;
    unsigned refused;           /* configurations that the host refused */
} Vmm;

/* vmm.c */
void vmm_init(Vmm *vmm);
bool vmm_plug(Vmm *vmm, const SMMUv3HostOps *ops, Host *host, uint32_t rid);
void vmm_reset(Vmm *vmm);
void vmm_unplug(Vmm *vmm);
void vmm_destroy(Vmm *vmm);
uint64_t vmm_mmio_read(Vmm *vmm, uint64_t offset, unsigned size);
void vmm_mmio_write(Vmm *vmm, uint64_t offset, unsigned size, uint64_t value);
void vmm_main_loop(Vmm *vmm, int timeout_ms);

/* guest.c: IOVA_BUFFER is mapped to 2 MiB at IPA_BUFFER. */
#define IOVA_BUFFER UINT64_C(0x200000)
#define IPA_BUFFER (RAM_BASE + 0x200000)

void guest_enable(Vmm *vmm);
void guest_write_ste(Vmm *vmm, uint32_t sid, const uint64_t ste[2]);
void guest_translate(Vmm *vmm, uint32_t sid);
void guest_break_ste(Vmm *vmm, uint32_t sid);
void guest_unmap(Vmm *vmm, unsigned pages);
bool guest_next_event(Vmm *vmm, SMMUv3EventRecord *event);

/* host-vfio.c. Never closed, because the kernel does that at exit. */
bool host_open(Host *host, const char *cdev, void *ram);

/* host-spy.c: with @below NULL it answers for a host that does not exist. */
typedef struct Seen {
    unsigned made, destroyed;               /* objects */
    unsigned translate, vdevices;           /* objects made, by kind */
    unsigned invalidate_calls, commands;
    SMMUv3HostId attached;                  /* the device's HWPT */
    uint32_t vsid;                          /* the last vDEVICE's */
} Seen;

extern const SMMUv3HostOps spy_ops;
void spy_on(const SMMUv3HostOps *below);
const Seen *spy_seen(void);

/* edu.c */
bool edu_found(const Host *host);
bool edu_copies_through_the_iommu(Vmm *vmm, const Host *host);
bool edu_fault_is_reported(Vmm *vmm, const Host *host);

#endif
