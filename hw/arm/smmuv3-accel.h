/*
 * arm-smmuv3,accel=on: QEMU's side of the engine.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The files, as smmuv3-accel-NAME.c but for the first:
 *
 *   smmuv3-accel.c  the engine and its register file in QEMU: interrupts, the
 *                   host's events, reset
 *   mmio            the guest's accesses to registers
 *   lock            who may be at the engine
 *   memory          the way to guest memory, and MSIs
 *   ram             what of it may be reached without the BQL: plain RAM
 *   migrate         stopping, saving, loading
 *   pci             the devices behind an instance
 *   bus             may an instance be where it is plugged?
 *   msi             where the host's MSI doorbell is for the guest
 *   emul            QEMU's emulated SMMUv3 translates for those emulated
 *   props           the properties that say what the guest is promised
 *   virt            the virt machine's side: refusals, doorbell, device tree
 *   acpi            what firmware gets instead
 *   ports           ports that Linux has put to sleep wake
 *   none            in place of most of them, where accel=on is not built in
 *   query           what QMP and HMP tell of all of it
 *
 * None of them decides over anything that Arm IHI 0070 defines: that is the
 * engine's.
 *
 * Locking: everything runs under the BQL, but for the DMA of emulated endpoints
 * (emul), a guest's invalidations and its reads of registers (mmio). As these
 * come without the BQL, the engine has a lock of its own (lock). Everybody else
 * takes it beside the BQL.
 */
#ifndef HW_ARM_SMMUV3_ACCEL_H
#define HW_ARM_SMMUV3_ACCEL_H

#include "hw/acpi/bios-linker-loader.h"
#include "hw/arm/smmuv3.h"
#include "hw/arm/virt.h"
#include "qemu/stats64.h"
#include "system/iommufd.h"
#include "smmuv3-accel-lock.h"
#include "smmuv3-engine.h"
#include "smmuv3-iommufd.h"
#include "smmuv3-promise.h"
#include "smmuv3-regs.h"

/* Events of emulated endpoints, from any thread, until the BQL is at hand. */
#define SMMUV3_ACCEL_EVENTS_MAX 64

typedef struct SMMUv3AccelEvents {
    QemuMutex lock;
    QEMUBH *bh;
    unsigned n;
    bool lost;                  /* there were more */
    SMMUv3EventRecord records[SMMUV3_ACCEL_EVENTS_MAX];
} SMMUv3AccelEvents;

/*
 * The IOVAs at which the host's kernel maps the physical MSI doorbell. The
 * guest has to map them one to one for each device that the host's SMMU serves,
 * and is told so once, by its tables.
 */
typedef struct SMMUv3AccelMsiRange {
    uint64_t base, size;
} SMMUv3AccelMsiRange;

/* One per arm-smmuv3 with accel=on. */
typedef struct SMMUv3Accel {
    SMMUv3State *smmu;
    const char *name;           /* for traces */
    SMMUv3Engine *engine;
    SMMUv3RegFile *regs;
    uint32_t idr[6];            /* the promise */
    bool frozen;                /* the guest has run: it stands */
    bool running;               /* the VM is, see smmuv3-accel-migrate.c */
    uint32_t stream_idr[6];     /* idr, as it is saved and loaded */
    SMMUv3AccelMsiRange stream_msi;     /* likewise */
    QEMUBH *bh;                 /* the rest of a long command queue */
    QEMUTimer *retry;           /* of what the host refused */
    SMMUv3AccelLock lock;
    Stat64 prod_writes;
    MemoryRegionCache ring;     /* the command queue's */
    uint64_t ring_base;
    uint64_t ring_size;         /* bytes; 0: not mapped */
    MemoryListener memory_listener;
    SMMUv3StreamRegs taken;     /* that smmuv3-accel-emul.c has */
    int events_fd;              /* the host's events; -1: none */
    int events_poll;            /* polls readable when that does */
    bool events_failure_told;
    GPtrArray *devices;         /* SMMUv3AccelDevice, see smmuv3-accel-pci.c */
    unsigned host_devices;      /* that the engine has taken */
    unsigned blocking;          /* of them, those that block migration */
    const PCIIOMMUOps *emulated_ops;    /* of the emulated SMMU */
    bool emulated;              /* there is, or was, an emulated endpoint */
    SMMUv3AccelEvents emulated_events;
    IOMMUFDBackend *backend;    /* theirs, all of one iommufd */
    SMMUv3Host host;
    Error *migration_blocker;
} SMMUv3Accel;

/*
 * Hooks of hw/arm/smmuv3.c. With accel=off they do nothing, and in an emulator
 * that has no accel=on they are those of smmuv3-accel-none.c.
 */
void smmuv3_accel_realize(SMMUv3State *s);
void smmuv3_accel_reset(SMMUv3State *s);

/* smmuv3-accel-migrate.c: hooks of hw/arm/smmuv3.c's VMStateDescription */
int smmuv3_accel_pre_save(void *opaque);
int smmuv3_accel_post_load(void *opaque, int version_id);
extern const VMStateDescription vmstate_smmuv3_accel;

/* smmuv3-accel-mmio.c: the registers' region; its opaque is the SMMUState */
extern const MemoryRegionOps smmuv3_accel_mem_ops;

void smmuv3_accel_mmio_init(SMMUv3Accel *a);

/* smmuv3_accel_lock_hold(), _enter() and _release() of an instance */
static inline bool smmuv3_accel_hold(SMMUv3Accel *a)
{
    return smmuv3_accel_lock_hold(&a->lock);
}

static inline bool smmuv3_accel_enter(SMMUv3Accel *a)
{
    return smmuv3_accel_lock_enter(&a->lock);
}

static inline void smmuv3_accel_release(SMMUv3Accel *a)
{
    smmuv3_accel_lock_release(&a->lock);
}

/* Registers that streams depend on may have changed. */
void smmuv3_accel_take_regs(SMMUv3Accel *a);


/* An emulated endpoint's event, from any thread; with accel=on only. */
MemTxResult smmuv3_accel_record_event(SMMUv3State *s, const uint32_t word[8]);

struct STE;
struct SMMUEventInfo;

/*
 * In place of smmu_find_ste() with accel=on: an STE for QEMU's code to go on
 * with, or -EINVAL and the event.
 */
int smmuv3_accel_find_ste(SMMUv3State *s, uint32_t sid, struct STE *ste,
                          struct SMMUEventInfo *event);

/* For traces: the id, or the type of an instance without. */
const char *smmuv3_accel_name(const SMMUv3State *s);

/*
 * smmuv3-accel-memory.c. Addresses are guest physical; 0, or -EFAULT for what
 * is not all RAM.
 */
void smmuv3_accel_memory_init(SMMUv3Accel *a);
int smmuv3_accel_memory_read(void *accel, uint64_t addr, void *buf,
                             size_t len);
int smmuv3_accel_memory_read_words(uint64_t addr, uint64_t *words, size_t n);
int smmuv3_accel_memory_write(uint64_t addr, const void *buf, size_t len);

/* To RAM or to the machine's MSI doorbell, with our DeviceID. */
int smmuv3_accel_memory_msi(SMMUv3Accel *a, uint64_t addr, uint32_t data);

/*
 * The DeviceID of an instance's own MSIs. Those of PCI functions fill the 16
 * bits that an ITS has; the last ones, of bus 255, are the least likely to
 * have a function.
 */
static inline uint16_t smmuv3_accel_device_id(const SMMUv3State *s)
{
    return UINT16_MAX - s->identifier;
}

/* smmuv3-accel.c: the host's events are listened to. */
void smmuv3_accel_listen(SMMUv3Accel *a, bool on);

/* Is there accel=on at all? If not, why. */
bool smmuv3_accel_built_in(Error **errp);

/* smmuv3-accel-bus.c, a hook of hw/arm/smmuv3.c: with accel=off, too */
bool smmuv3_accel_check_bus(SMMUv3State *s, Error **errp);

typedef void (*SMMUv3AccelVisitor)(PCIBus *bus, PCIDevice *dev, void *opaque);

/* What was plugged before the SMMU was there to be asked. */
void smmuv3_accel_for_each_early_device(PCIBus *bus, SMMUv3AccelVisitor visit,
                                        void *opaque);

/* The host's SMMU serves it; for all other endpoints QEMU translates. */
static inline bool smmuv3_accel_is_vfio(PCIDevice *dev)
{
    return object_dynamic_cast(OBJECT(dev), "vfio-pci") != NULL;
}

/* smmuv3-accel-props.c: with accel=off, too */
bool smmuv3_accel_check_props(SMMUv3State *s, Error **errp);

void smmuv3_accel_props_setup(SMMUv3Accel *a);

/* Makes a->idr for the host's @info (NULL: not known). Not when frozen. */
void smmuv3_accel_promise(SMMUv3Accel *a, const SMMUv3HostInfo *info);

/* Which field of @info does not do for a->idr, and what to do about it. */
void smmuv3_accel_explain_shortfall(Error **errp, SMMUv3Accel *a,
                                    const SMMUv3HostInfo *info);

/*
 * The promise that a guest comes with. True: it is kept from now on. False:
 * properties or plugged devices cannot keep it.
 */
bool smmuv3_accel_take_promise(SMMUv3Accel *a, const uint32_t idr[6],
                               Error **errp);

/* smmuv3-accel-pci.c */

/* A vfio-pci device; the host's side is filled when VFIO has bound it. */
typedef struct SMMUv3AccelDevice {
    SMMUv3Accel *accel;
    PCIBus *bus;
    int devfn;
    char *name;                 /* of the host, for messages */
    bool failure_told;
    bool blocks_migration;
    SMMUv3HostDevice host_dev;
    SMMUv3HostInfo info;        /* zeroes if there is none to have */
    SMMUv3EngineDevice *engine_dev;
} SMMUv3AccelDevice;

void smmuv3_accel_pci_setup(SMMUv3Accel *a);
bool smmuv3_accel_pci_vsid(void *cookie, uint32_t *vsid);
void smmuv3_accel_pci_stream_failed(void *cookie, SMMUv3HostCall call,
                                    int err);
void smmuv3_accel_pci_stream_changed(SMMUv3Accel *a,
                                     const SMMUv3DeviceInfo *info);

/* smmuv3-accel-migrate.c */
void smmuv3_accel_migrate_setup(SMMUv3Accel *a);
bool smmuv3_accel_block_migration(SMMUv3AccelDevice *d, Error **errp);
void smmuv3_accel_unblock_migration(SMMUv3AccelDevice *d);

/* smmuv3-accel-emul.c */
void smmuv3_accel_emul_init(SMMUv3Accel *a);

/* Under the BQL: events that wait, unless the VM is stopped */
void smmuv3_accel_emul_deliver(SMMUv3Accel *a);

/* A reset, or another guest: events that wait are forgotten. */
void smmuv3_accel_emul_reset(SMMUv3Accel *a);

/*
 * Registers that streams depend on have changed: the emulated SMMU takes them
 * over and forgets what it has cached.
 */
void smmuv3_accel_emul_take_regs(SMMUv3Accel *a);
void smmuv3_accel_emul_consumed(SMMUv3Accel *a, const SMMUv3Cmd *cmds,
                                uint32_t n);
AddressSpace *smmuv3_accel_emul_address_space(SMMUv3Accel *a, PCIBus *bus,
                                              int devfn);

/* smmuv3-accel-msi.c */

/* What the guest is told. */
const SMMUv3AccelMsiRange *smmuv3_accel_msi_range(void);

/* A device's host has @range. False: the device cannot be taken. */
bool smmuv3_accel_take_msi_range(const SMMUv3AccelMsiRange *range,
                                 Error **errp);

/* A guest is loaded that was told of @range elsewhere. */
bool smmuv3_accel_load_msi_range(const SMMUv3AccelMsiRange *range,
                                 Error **errp);

/* smmuv3-accel-virt.c: what device tree and ACPI guests are told alike. */

/* A PCIe root bus: pcie.0, or a pxb-pcie's. */
typedef struct SMMUv3AccelRootBus {
    PCIBus *bus;
    unsigned first;             /* its number, and the first not below it; */
    unsigned end;               /* the same if beyond the machine's buses */
    SMMUv3State *smmu;          /* pluggable; NULL: none serves it */
} SMMUv3AccelRootBus;

/* All of them, by ascending number; the caller's to free. */
GArray *smmuv3_accel_virt_root_buses(const VirtMachineState *vms);

hwaddr smmuv3_accel_virt_mmio(const VirtMachineState *vms, SMMUv3State *s);
unsigned smmuv3_accel_virt_spi(const VirtMachineState *vms, SMMUv3State *s,
                               SMMUIrq irq);

/* Is the guest told of a DeviceID, so that it may use MSIs for events? */
bool smmuv3_accel_virt_sends_msis(const VirtMachineState *vms,
                                  const SMMUv3State *s);

/* smmuv3-accel-ports.c: all PCIe slots wake, those plugged later as well. */
void smmuv3_accel_ports_wake(void);

/* smmuv3-accel-acpi.c: hooks of hw/arm/virt-acpi-build.c */
void smmuv3_accel_build_iort(VirtMachineState *vms, GArray *table_data,
                             BIOSLinker *linker);
bool smmuv3_accel_keeps_pci_config(PCIBus *bus);

/* smmuv3-accel-query.c: "abort", "bypass", "translate" */
const char *smmuv3_accel_kind_name(SMMUv3StreamKind kind);

/* Hooks of hw/arm/virt.c. */
void smmuv3_accel_virt_pre_plug(VirtMachineState *vms, DeviceState *dev,
                                Error **errp);
bool smmuv3_accel_virt_in_use(void);

/* Has the guest nothing else to learn of its SMMUs from? */
bool smmuv3_accel_virt_has_tree_alone(void);
void smmuv3_accel_virt_done(VirtMachineState *vms);

#endif
