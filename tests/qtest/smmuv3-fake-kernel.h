/*
 * A host kernel for QEMU under qtest: what the test and the kernel share.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A library preloaded into an unmodified QEMU answers for /dev/iommu and
 * the VFIO devices: fake-preload.c takes open() and ioctl() over,
 * fake-kernel.c dispatches, fails on request and keeps the journal,
 * fake-iommufd.c and fake-vfio-pci.c are the two halves of the uAPI, and
 * fake-host.c, which the unit tests use as well, keeps the rules of nesting,
 * those of the kernel that SMMUV3_HOST_RULES names in the environment.
 *
 * Both processes map the structure below from the file that the environment
 * names. QEMU answers a register access of qtest only when its ioctls are
 * done, so the test reads results without waiting and without a lock.
 *
 * simulated_host.py reads the structures from this text, so their members are
 * of fixed width, one a line.
 */
#ifndef TESTS_FAKE_KERNEL_H
#define TESTS_FAKE_KERNEL_H

#include <semaphore.h>
#include <stdint.h>

#define FAKE_KERNEL_ENV "SMMUV3_FAKE_KERNEL"

/*
 * Behind the shared file's path: the FIFO that is a vEVENTQ's descriptor. What
 * a test writes into it is what the kernel would give to read().
 */
#define FAKE_KERNEL_EVENTS ".events"

#define FAKE_KERNEL_SMMUS 2
#define FAKE_KERNEL_DEVICES 8
#define FAKE_KERNEL_JOURNAL 16384
#define FAKE_KERNEL_ISSUED 65536
#define FAKE_KERNEL_THREADS 4
#define FAKE_KERNEL_PATH 64

/* Device @i is /dev/vfio/devices/vfio@i; its character device is this: */
#define FAKE_KERNEL_MAJOR 511

/*
 * Descriptors that QEMU is started with, as libvirt starts it: the iommufd is
 * the first, device @i the (i+1)-th after it.
 */
#define FAKE_KERNEL_PASSED 200

/*
 * A passed-through device: BAR 0 is 64 KiB of memory that cannot be mapped,
 * BAR 2 is 64 KiB that can. Writing n to BAR 0 offset 0 raises MSI-X vector
 * n. The MSI-X table is at 0x8000 of BAR 0, its capability at 0x60. With a
 * doorbell BAR 0 can be mapped, too, and the table has it, as the kernel's has.
 * There is one extended capability, ATS at 0x100.
 */
#define FAKE_PCI_VENDOR 0x1b36
#define FAKE_PCI_DEVICE 0x7e57
#define FAKE_PCI_MSIX_CAP 0x60
#define FAKE_PCI_MSIX_TABLE 0x8000
#define FAKE_PCI_ATS_CAP 0x100
#define FAKE_PCI_VECTORS 8
#define FAKE_PCI_BAR_SIZE 0x10000

/* What can be made to fail, and what the journal calls it. */
typedef enum FakeKernelCall {
    FK_BIND,
    FK_ATTACH,
    FK_DETACH,
    FK_DEVICE_INFO,
    FK_REGION_INFO,
    FK_IRQ_INFO,
    FK_SET_IRQS,
    FK_RESET,
    FK_FEATURE,
    FK_DESTROY,
    FK_IOAS_ALLOC,
    FK_IOVA_RANGES,
    FK_MAP,
    FK_UNMAP,
    FK_PARENT_ALLOC,            /* HWPT_ALLOC of stage 2, nesting or not */
    FK_NESTED_ALLOC,            /* HWPT_ALLOC with an STE */
    FK_HW_INFO,
    FK_INVALIDATE,
    FK_VIOMMU_ALLOC,
    FK_VDEVICE_ALLOC,
    FK_VEVENTQ_ALLOC,
    FK_OPEN,                    /* of either kind of file */
    FK_OTHER,                   /* ioctls that this kernel does not know */
    FK_CALLS,                   /* the number of kinds; "any" when failing */
} FakeKernelCall;

typedef struct FakeKernelRecord {
    uint32_t call;              /* FakeKernelCall */
    int32_t device;             /* -1: an iommufd's */
    uint32_t id;                /* what was made, attached or destroyed */
    uint32_t n;                 /* entries of an invalidate */
    int32_t ret;                /* 0 or a negative errno */
} FakeKernelRecord;

typedef struct FakeKernelCommand {
    uint64_t dw[2];             /* host byte order */
} FakeKernelCommand;

/* The test's to set, before QEMU starts or at any time. */
typedef struct FakeKernelSmmu {
    uint32_t idr[6];
    uint32_t iidr;
    uint32_t aidr;
    uint32_t repeat_tlbi_cfgi;
} FakeKernelSmmu;

typedef enum FakeKernelTable {
    FAKE_NOT_ATTACHED,
    FAKE_ON_PARENT,
    FAKE_ON_NESTED,
} FakeKernelTable;

typedef struct FakeKernelDevice {
    int32_t smmu;               /* set by the test; -1: another IOMMU */
    uint32_t gone;              /* set by the test: unplugged on the host */
    uint32_t no_ats;            /* set by the test: what hw_info says of it */
    uint32_t pasid_bits;
    uint32_t pasid_exec;
    uint32_t pasid_priv;
    uint32_t network;           /* set by the test: its class is Ethernet */
    uint32_t config_tail;       /* what stands 8 bytes before its end */
    uint32_t group;             /* set by the test; IOMMU group, 0: alone */
    uint32_t open;              /* and from here on the kernel's */
    uint32_t bound;
    uint32_t table;             /* FakeKernelTable */
    uint32_t hwpt;              /* the id of that */
    uint64_t ste[2];            /* ON_NESTED; host byte order */
    uint64_t doorbell;          /* set by the test: where its MSIs go */
    uint32_t has_vdevice;
    uint32_t vsid;
    uint32_t resets;
    uint32_t vectors;           /* with an eventfd */
} FakeKernelDevice;

/* Threads in QEMU that access memory without the BQL: fake-threads.c */
typedef enum FakeKernelThreadKind {
    FAKE_THREAD_PROD,           /* writes @prod, moved on by @step */
    FAKE_THREAD_READ,           /* reads a register */
    FAKE_THREAD_DMA,            /* reads and writes as the device @device */
} FakeKernelThreadKind;

/*
 * The test fills it in, clears @stop and posts @go; to end it sets @stop and
 * waits for @quiescent, after which the thread is not in QEMU.
 */
typedef struct FakeKernelThread {
    sem_t go;
    sem_t quiescent;
    uint32_t kind;              /* FakeKernelThreadKind */
    uint32_t stop;
    uint64_t address;           /* what it reads or writes */
    uint32_t log2size;          /* PROD: of the queue */
    uint32_t step;
    uint32_t pause_us;          /* after each access; 0: it yields */
    uint32_t refused;           /* by the kernel: what it needs is not there */
    uint64_t accesses;          /* and how many it did */
    uint64_t failed;            /* how many of them were answered by an error */
    char device[FAKE_KERNEL_PATH];
} FakeKernelThread;

typedef struct FakeKernel {
    /* Set by the test. */
    uint32_t threads;           /* that can run; before QEMU starts */
    uint32_t prod;              /* an index; threads count it on */
    FakeKernelThread thread[FAKE_KERNEL_THREADS];
    FakeKernelSmmu smmu[FAKE_KERNEL_SMMUS];
    uint32_t fail_countdown[FK_CALLS + 1];  /* the n-th from now; 0: never */
    int32_t fail_errno[FK_CALLS + 1];
    int32_t always[FK_CALLS];   /* each one fails with this; 0: none */
    uint32_t nomem_from;        /* entries of an invalidate: ENOMEM; 0: never */
    uint32_t atc_timeout;       /* a block with an ATC_INV times out */
    uint32_t issue_countdown;   /* the block with the k-th command is lost */
    int32_t issue_errno;
    uint32_t passed;            /* devices open from the start; 0: none */
    uint32_t refusing;          /* EIO for a command with this word 1 */
    uint64_t refused_dw1;

    FakeKernelDevice device[FAKE_KERNEL_DEVICES];

    /* Set by the kernel. */
    sem_t closed;               /* posted whenever a device was closed */
    uint32_t started;           /* the library is in QEMU */
    uint32_t size;              /* of this structure, as the library knows it */
    uint32_t injected;          /* failures on request; the test may clear */
    uint32_t rule_breaks;       /* requests that no correct caller makes */
    uint32_t leaked;            /* objects left when an iommufd closed */
    uint32_t iommufds;          /* open */
    uint32_t ioass;
    uint32_t maps;
    uint64_t mapped;            /* bytes */
    uint32_t parents;
    uint32_t viommus;
    uint32_t vdevices;
    uint32_t nested;
    uint32_t calls[FK_CALLS + 1];   /* the last: of any kind */

    uint32_t records;           /* in the journal; the test may clear */
    FakeKernelRecord journal[FAKE_KERNEL_JOURNAL];
    uint32_t commands;          /* issued; the test may clear */
    FakeKernelCommand issued[FAKE_KERNEL_ISSUED];
} FakeKernel;

#endif
