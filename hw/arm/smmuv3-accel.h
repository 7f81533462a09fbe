/*
 * arm-smmuv3,accel=on: QEMU's side of the engine.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The files, as smmuv3-accel-NAME.c; "accel" is smmuv3-accel.c. A file calls
 * none that stands above it, because a file can then be read without its
 * callers, and a circle of calls hides which lock is held. The build checks
 * that (scripts/check-layers reads this table): each file calls all files
 * behind its arrow, and no other.
 *
 *   bus       may an instance be where it is plugged?
 *             -> accel, props, topology
 *   virt      what hw/arm/virt.c asks: refusals, the MSI doorbell, and when the
 *             guest's tables are made
 *             -> fdt, its, topology, ports
 *   acpi      IORT, for a guest that firmware starts
 *             -> props, msi-range, its, topology
 *   fdt       the device tree, for a guest that -kernel starts
 *             -> props, msi-range, topology
 *   query     queries over QMP and HMP
 *             -> lock
 *   accel     an instance: made, and reset
 *             -> pci, migrate, mmio, engine, memory, emul, props
 *   pci       the devices behind an instance: plugged, refused, unplugged
 *             -> migrate, engine, device, emul, props, msi-range, its,
 *                topology, lock
 *   migrate   stopping, saving, loading
 *             -> events, emul, props, msi-range, its, lock
 *   mmio      the guest's accesses to registers
 *             -> emul, lock
 *   engine    the engine in QEMU: its callbacks, wired interrupts, commands
 *             that are left for later, reset
 *             -> events, trace, device, msi, emul, memory, lock
 *   events    the host's events: watching their descriptor
 *             -> lock
 *   trace     the engine's callbacks for tracing, as trace events
 *   device    a host device, as the engine asks for it
 *             -> msi-range
 *   msi       where an MSI of the SMMU itself goes
 *             -> memory
 *   emul      emulated endpoints, for which QEMU's emulated SMMUv3 translates
 *             -> memory, lock
 *   memory    the way to guest memory
 *             -> ram, lock
 *   props     properties, and what the guest is promised
 *   msi-range where the host's MSI doorbell is for the guest
 *             -> its, topology
 *   its       its-msi-iova=on, an ITS where Linux maps the doorbell
 *   topology  which SMMU serves which root bus, and where the machine has both
 *   ports     PCIe ports that Linux has put to sleep, and that have to wake
 *   lock      which thread may call the engine
 *   ram       guest memory that is plain RAM, which needs no BQL
 *   none      in place of most files, where accel=on is not built in
 *   stub      QMP and HMP where there is no arm-smmuv3 at all
 *
 * No file decides anything that Arm IHI 0070 defines, because the engine does;
 * what files here ask of it is in smmuv3-decode.h.
 *
 * Locking: everything runs under the BQL, except for the DMA of emulated
 * endpoints (emul), a guest's invalidations and its reads of registers (mmio).
 * Because these come without the BQL, the engine has a lock of its own (lock),
 * which every other caller takes beside the BQL.
 */
#ifndef HW_ARM_SMMUV3_ACCEL_H
#define HW_ARM_SMMUV3_ACCEL_H

#include "hw/acpi/bios-linker-loader.h"
#include "hw/arm/smmuv3.h"
#include "hw/arm/virt.h"
#include "qemu/stats64.h"
#include "system/iommufd.h"
#include "smmuv3-accel-lock.h"
#include "smmuv3-decode.h"
#include "smmuv3-engine.h"
#include "smmuv3-iommufd.h"
#include "smmuv3-promise.h"

/* ---- An instance ---- */

/*
 * The IOVAs at which the host's kernel maps the physical MSI doorbell. The
 * guest's tables tell it once that it has to map them one to one for each
 * device that the host's SMMU serves.
 */
typedef struct SMMUv3AccelMsiRange {
    uint64_t base, size;
} SMMUv3AccelMsiRange;

/* pci: the host devices behind an instance. */
typedef struct SMMUv3AccelDevices {
    GPtrArray *all;             /* SMMUv3AccelDevice */
    unsigned taken;             /* how many the engine has */
    IOMMUFDBackend *backend;    /* the one iommufd that all devices use */
    SMMUv3Host host;
} SMMUv3AccelDevices;

/* migrate */
typedef struct SMMUv3AccelMigration {
    unsigned blocking;          /* how many devices block migration */
    Error *blocker;
    uint32_t stream_idr[6];     /* the promise, as it is saved and loaded */
    SMMUv3AccelMsiRange stream_msi;     /* what the guest was told, likewise */
    bool stream_its_moved;
} SMMUv3AccelMigration;

/* mmio */
typedef struct SMMUv3AccelMmio {
    Stat64 prod_writes;
} SMMUv3AccelMmio;

/* engine: commands that are left for later. */
typedef struct SMMUv3AccelResume {
    QEMUBH *bh;                 /* for the rest of a long command queue */
    QEMUTimer *retry;           /* for a command that the host refused */
} SMMUv3AccelResume;

/* events: the host's events. */
typedef struct SMMUv3AccelHostEvents {
    int fd;                     /* the queue's; -1: there is none */
    int poll;                   /* polls readable when fd does */
    bool failure_told;
} SMMUv3AccelHostEvents;

/* emul: endpoints' events, from any thread, that wait for the BQL. */
#define SMMUV3_ACCEL_EVENTS_MAX 64

typedef struct SMMUv3AccelEvents {
    QemuMutex lock;
    QEMUBH *bh;
    unsigned n;
    bool lost;                  /* there were more than fit */
    SMMUv3EventRecord records[SMMUV3_ACCEL_EVENTS_MAX];
} SMMUv3AccelEvents;

/* emul */
typedef struct SMMUv3AccelEmul {
    const PCIIOMMUOps *ops;     /* of the emulated SMMU */
    bool present;               /* there is, or was, an emulated endpoint */
    SMMUv3StreamRegs regs;      /* the registers that endpoints go by */
    SMMUv3AccelEvents events;
} SMMUv3AccelEmul;

/* memory: the mapping of the command queue's ring. */
typedef struct SMMUv3AccelRing {
    MemoryRegionCache cache;
    uint64_t base;
    uint64_t size;              /* bytes; 0: not mapped */
    MemoryListener listener;
} SMMUv3AccelRing;

/* props: what the guest reads in SMMU_IDR0..5. */
typedef struct SMMUv3AccelPromise {
    uint32_t idr[6];
    bool frozen;                /* the guest has run, so idr stands */
} SMMUv3AccelPromise;

/*
 * One per arm-smmuv3 with accel=on. All files use the members up to lock; each
 * structure behind it belongs to one file.
 */
typedef struct SMMUv3Accel {
    SMMUv3State *smmu;
    const char *name;           /* for messages and traces */
    SMMUv3Engine *engine;
    bool running;               /* the VM runs; set by migrate */
    SMMUv3AccelLock lock;
    SMMUv3AccelDevices devices;
    SMMUv3AccelMigration migration;
    SMMUv3AccelMmio mmio;
    SMMUv3AccelResume resume;
    SMMUv3AccelHostEvents events;
    SMMUv3AccelEmul emul;
    SMMUv3AccelRing ring;
    SMMUv3AccelPromise promise;
} SMMUv3Accel;

/* A vfio-pci device that VFIO has bound. */
typedef struct SMMUv3AccelDevice {
    SMMUv3Accel *accel;
    PCIBus *bus;
    int devfn;
    char *name;                 /* the host's name of it, for messages */
    bool failure_told;
    bool doorbell_checked;
    bool blocks_migration;
    SMMUv3HostDevice host_dev;
    SMMUv3HostInfo info;        /* zeroes if the host gives none */
    SMMUv3EngineDevice *engine_dev;
} SMMUv3AccelDevice;

/* For messages: an instance's id, or its type if it has none. */
static inline const char *smmuv3_accel_name(const SMMUv3State *s)
{
    return DEVICE(s)->id ?: TYPE_ARM_SMMUV3;
}

/*
 * The DeviceID of an instance's own MSIs. It is one of bus 255's last, which
 * are the least likely to have a function, because PCI functions fill the 16
 * bits of DeviceIDs that an ITS has.
 */
static inline uint16_t smmuv3_accel_own_device_id(const SMMUv3State *s)
{
    return UINT16_MAX - s->identifier;
}

/* Does the host's SMMU serve @dev? QEMU translates for all other endpoints. */
static inline bool smmuv3_accel_is_vfio(PCIDevice *dev)
{
    return object_dynamic_cast(OBJECT(dev), "vfio-pci") != NULL;
}

/*
 * ---- What QEMU's own files call ----
 *
 * Each comment names the caller and the file. With accel=off these hooks do
 * nothing unless their comment says so. Where accel=on is not built in,
 * smmuv3-accel-none.c has some of them.
 */

/* hw/arm/smmuv3.c, of bus: may @s be plugged? With accel=off, too. */
bool smmuv3_accel_check_bus(SMMUv3State *s, Error **errp);

/* hw/arm/smmuv3.c, of accel */
void smmuv3_accel_realize(SMMUv3State *s);
void smmuv3_accel_reset(SMMUv3State *s);

/* hw/arm/smmuv3.c, of mmio: the registers' region, of the SMMUState */
extern const MemoryRegionOps smmuv3_accel_mem_ops;

/* hw/arm/smmuv3.c, of migrate */
int smmuv3_accel_pre_save(void *opaque);
int smmuv3_accel_post_load(void *opaque, int version_id);
extern const VMStateDescription vmstate_smmuv3_accel;

/* hw/arm/smmuv3.c, of emul: an event from any thread; with accel=on only */
MemTxResult smmuv3_accel_record_event(SMMUv3State *s, const uint32_t word[8]);

struct STE;
struct SMMUEventInfo;

/*
 * hw/arm/smmuv3.c, of emul: in place of smmu_find_ste() with accel=on. An STE
 * by which QEMU's code translates; or -EINVAL and the event.
 */
int smmuv3_accel_find_ste(SMMUv3State *s, uint32_t sid, struct STE *ste,
                          struct SMMUEventInfo *event);

/* hw/arm/virt.c, of virt */
void smmuv3_accel_virt_pre_plug(VirtMachineState *vms, DeviceState *dev,
                                Error **errp);
bool smmuv3_accel_virt_in_use(void);
void smmuv3_accel_virt_done(VirtMachineState *vms);

/*
 * hw/arm/virt.c, of its: the machine's property; the memory map, before
 * anything is mapped by it; whether the ITS is moved; and how much of the
 * second flash's end nobody may use, because the ITS covers it
 * (hw/arm/virt-acpi-build.c, too).
 */
void smmuv3_accel_its_class_init(ObjectClass *oc);
void smmuv3_accel_its_place(VirtMachineState *vms);
bool smmuv3_accel_its_is_moved(void);
hwaddr smmuv3_accel_its_covers_flash(void);

/* hw/arm/virt-acpi-build.c, of acpi */
void smmuv3_accel_build_iort(VirtMachineState *vms, GArray *table_data,
                             BIOSLinker *linker);
bool smmuv3_accel_keeps_pci_config(PCIBus *bus);

/* ---- What the files call of one another, in the table's order ---- */

/* fdt: completes the tree of @roots (SMMUv3AccelRootBus). */
void smmuv3_accel_fdt_complete(VirtMachineState *vms, GArray *roots);

/* accel: is accel=on built in? */
bool smmuv3_accel_built_in(Error **errp);

/* pci */
void smmuv3_accel_pci_setup(SMMUv3Accel *a);

/* migrate */
void smmuv3_accel_migrate_setup(SMMUv3Accel *a);
bool smmuv3_accel_migrate_block(SMMUv3AccelDevice *d, Error **errp);
void smmuv3_accel_migrate_unblock(SMMUv3AccelDevice *d);

/* mmio */
void smmuv3_accel_mmio_init(SMMUv3Accel *a);

/* engine: the engine, and its lock */
void smmuv3_accel_engine_init(SMMUv3Accel *a);
void smmuv3_accel_engine_reset(SMMUv3Accel *a);

/* events; _watch() and _failed() are SMMUv3FrontendOps's. */
void smmuv3_accel_events_init(SMMUv3Accel *a);
void smmuv3_accel_events_listen(SMMUv3Accel *a, bool on);
void smmuv3_accel_events_watch(void *accel, int fd);
void smmuv3_accel_events_failed(void *accel, int err);

/* trace: the last callbacks of SMMUv3FrontendOps */
void smmuv3_accel_trace_window(void *accel, const SMMUv3WindowInfo *w);
void smmuv3_accel_trace_batch(void *accel, const SMMUv3BatchInfo *b);
void smmuv3_accel_trace_stream(void *accel, const SMMUv3DeviceInfo *info);
void smmuv3_accel_trace_hwpt(void *accel, const SMMUv3HwptInfo *h, bool made);
void smmuv3_accel_trace_recorded(void *accel, const SMMUv3EventRecord *records,
                                 unsigned n, unsigned written, bool lost);

/* device; _vsid() and _failed() are SMMUv3FrontendOps's. */
SMMUv3AccelDevice *smmuv3_accel_device_new(SMMUv3Accel *a, PCIBus *bus,
                                           int devfn);
void smmuv3_accel_device_free(SMMUv3AccelDevice *d);

/*
 * @entry: of the host device's MSI-X table, as PCIIOMMUOps.show_msix_entry has
 * it. Warns, once for each device, if its MSIs go elsewhere than to where the
 * guest has its doorbell.
 */
void smmuv3_accel_device_check_doorbell(SMMUv3AccelDevice *d,
                                        const void *entry);

/* NULL: there is no host device at @bus, @devfn. */
SMMUv3AccelDevice *smmuv3_accel_device_find(SMMUv3Accel *a, PCIBus *bus,
                                            int devfn);
bool smmuv3_accel_device_vsid(void *accel, void *cookie, uint32_t *vsid);
void smmuv3_accel_device_failed(void *accel, void *cookie,
                                SMMUv3HostCall call, int err);

/* msi: SMMUv3FrontendOps.msi and .msi_is_quiet */
int smmuv3_accel_msi_send(void *accel, uint64_t addr, uint32_t data);
bool smmuv3_accel_msi_is_quiet(void *accel, uint64_t addr);

/* emul: before pci sets its PCIIOMMUOps of the bus */
void smmuv3_accel_emul_init(SMMUv3Accel *a);

/* Under the BQL: there is an emulated endpoint from now on. */
void smmuv3_accel_emul_be_present(SMMUv3Accel *a);

/* Under the BQL: delivers events that wait, unless the VM is stopped. */
void smmuv3_accel_emul_deliver(SMMUv3Accel *a);

/* Forgets events that wait, because the guest is reset, or another one. */
void smmuv3_accel_emul_reset(SMMUv3Accel *a);

/*
 * Under the BQL and the engine's lock: the emulated SMMU takes over the
 * registers that streams depend on, and empties its caches. _follow_regs() does
 * so only if the registers have changed.
 */
void smmuv3_accel_emul_take_regs(SMMUv3Accel *a);
void smmuv3_accel_emul_follow_regs(SMMUv3Accel *a);

/* SMMUv3FrontendOps.consumed */
void smmuv3_accel_emul_consumed(void *accel, const SMMUv3Cmd *cmds,
                                uint32_t n);
AddressSpace *smmuv3_accel_emul_address_space(SMMUv3Accel *a, PCIBus *bus,
                                              int devfn);

/*
 * memory. Addresses are guest physical. 0, or -EFAULT if not all of it is RAM.
 * _store() is one little-endian store with release semantics.
 */
void smmuv3_accel_memory_init(SMMUv3Accel *a);
int smmuv3_accel_memory_read(void *accel, uint64_t addr, void *buf,
                             size_t len);
int smmuv3_accel_memory_read_words(void *accel, uint64_t addr, uint64_t *words,
                                   size_t n);
int smmuv3_accel_memory_write(void *accel, uint64_t addr, const void *buf,
                              size_t len);
int smmuv3_accel_memory_store(SMMUv3Accel *a, uint64_t addr, uint32_t value);

/* props: are the properties of @s possible? With accel=off, too. */
bool smmuv3_accel_props_check(SMMUv3State *s, Error **errp);

/* Do the guest's tables say that devices behind @s may use ATS? */
bool smmuv3_accel_props_ats(const SMMUv3State *s);

/* Makes the promise for the host's @info (NULL: not known). Not when frozen. */
void smmuv3_accel_props_promise(SMMUv3Accel *a, const SMMUv3HostInfo *info);

/* Sets @errp: the field of @info that breaks the promise, and what helps. */
void smmuv3_accel_props_explain(Error **errp, SMMUv3Accel *a,
                                const SMMUv3HostInfo *info);

/*
 * Takes over the promise @idr of a guest that is loaded, for good. False: the
 * properties or the plugged devices cannot keep it.
 */
bool smmuv3_accel_props_take(SMMUv3Accel *a, const uint32_t idr[6],
                             Error **errp);

/* msi-range: the range that the guest is told of. */
const SMMUv3AccelMsiRange *smmuv3_accel_msi_range_told(void);

/* A device's host has @range. False: the device cannot be taken. */
bool smmuv3_accel_msi_range_take(const SMMUv3AccelMsiRange *range,
                                 Error **errp);

/* A guest is loaded that was told of @range. False: it cannot run here. */
bool smmuv3_accel_msi_range_load(const SMMUv3AccelMsiRange *range,
                                 Error **errp);

/* its: MSI_IOVA_BASE of Linux, and of its iommufd's sw_msi_start */
#define SMMUV3_ACCEL_MSI_IOVA   UINT64_C(0x08000000)

/* When all is plugged: ends QEMU if the move is in vain. */
void smmuv3_accel_its_check_use(bool accelerated, bool tree_alone);

/* topology: a PCIe root bus, which is pcie.0, or a pxb-pcie's. */
typedef struct SMMUv3AccelRootBus {
    PCIBus *bus;
    unsigned first;             /* its bus number */
    unsigned end;               /* first bus number beyond; first: hidden */
    SMMUv3State *smmu;          /* pluggable; NULL: none serves the bus */
} SMMUv3AccelRootBus;

/* All root buses, by ascending number; the caller frees the array. */
GArray *smmuv3_accel_topology_roots(const VirtMachineState *vms);

static inline SMMUv3AccelRootBus *smmuv3_accel_topology_root(GArray *roots,
                                                             unsigned i)
{
    return &g_array_index(roots, SMMUv3AccelRootBus, i);
}

/* Is there a pluggable SMMU at all? One with accel=on? */
bool smmuv3_accel_topology_in_use(void);
bool smmuv3_accel_topology_is_accelerated(void);

/* How many buses the machine has; where the ECAM of @bus is. */
unsigned smmuv3_accel_topology_buses(const VirtMachineState *vms);
hwaddr smmuv3_accel_topology_ecam(const VirtMachineState *vms, unsigned bus);

/* Where the platform bus has put the registers and the @irq of @s. */
hwaddr smmuv3_accel_topology_mmio(const VirtMachineState *vms, SMMUv3State *s);
unsigned smmuv3_accel_topology_spi(const VirtMachineState *vms,
                                   SMMUv3State *s, SMMUIrq irq);

/* Do the guest's tables have a DeviceID of @s, so that it may send MSIs? */
bool smmuv3_accel_topology_sends_msis(const VirtMachineState *vms,
                                      const SMMUv3State *s);

/* Does the guest learn of its SMMUs from a device tree alone? */
bool smmuv3_accel_topology_has_tree_alone(void);

typedef void (*SMMUv3AccelVisitor)(PCIBus *bus, PCIDevice *dev, void *opaque);

/* Visits the devices plugged below @bus now, without those of a pxb-pcie. */
void smmuv3_accel_topology_for_each(PCIBus *bus, SMMUv3AccelVisitor visit,
                                    void *opaque);

/* ports: makes all PCIe slots wake, those plugged later as well. */
void smmuv3_accel_ports_wake(void);

/* lock: smmuv3_accel_lock_hold(), _enter() and _release() of an instance */
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

#endif
