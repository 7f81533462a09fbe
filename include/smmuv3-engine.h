/*
 * The engine: a guest's SMMUv3 on a host's nesting SMMUv3.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A VMM keeps the registers, guest memory and interrupts; the engine decides
 * what they mean: which command is local, forwarded or illegal (Arm IHI 0070
 * chapter 4), which STE makes which nested HWPT (chapter 5), which vSID is
 * which host device. It calls back through SMMUv3FrontendOps and down through
 * SMMUv3HostOps (smmuv3-host.h).
 *
 * Locking: none inside. The caller serializes all calls on one engine.
 * Memory: nothing is allocated while commands are consumed, except for what a
 * changed STE needs. All addresses are guest physical (IPA), sizes in bytes.
 * A guest reaches no assertion, no unbounded loop and no log line here.
 */
#ifndef SMMUV3_ENGINE_H
#define SMMUV3_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smmuv3-host.h"
#include "smmuv3/event.h"
#include "smmuv3/registers.h"

typedef struct SMMUv3Engine SMMUv3Engine;
typedef struct SMMUv3EngineDevice SMMUv3EngineDevice;

/* How a stream's transactions go; the closed set that an STE decodes into. */
typedef enum SMMUv3StreamKind {
    SMMUV3_STREAM_ABORT,
    SMMUV3_STREAM_BYPASS,
    SMMUV3_STREAM_TRANSLATE,
} SMMUv3StreamKind;

/* A device, as smmuv3_engine_for_each_device() shows it. */
typedef struct SMMUv3DeviceInfo {
    void *cookie;
    bool has_vsid;
    uint32_t vsid;
    SMMUv3HostId vdevice;       /* 0: none */
    SMMUv3StreamKind kind;
    SMMUv3EventType event;      /* that its transactions would raise */
    SMMUv3HostId hwpt;          /* 0: bypass on the parent, or abort detached */
} SMMUv3DeviceInfo;

/* A nested HWPT. Its key is the STE as the kernel was given it. */
typedef struct SMMUv3HwptInfo {
    SMMUv3HostId id;
    SMMUv3StreamKind kind;
    uint64_t ste[2];            /* words 0 and 1, host byte order */
    unsigned users;             /* devices; 0: kept for the next one */
} SMMUv3HwptInfo;

/* A run of the command queue. */
typedef struct SMMUv3WindowInfo {
    uint32_t from, to;          /* CMDQ_CONS before and after, with wrap bit */
    uint32_t forwarded;
    SMMUv3CmdError cerror;      /* of the command at @to */
    const SMMUv3Cmd *failed;    /* that one; NULL: none, or not to be read */
} SMMUv3WindowInfo;

/* What one flush of a window sent. */
typedef struct SMMUv3BatchInfo {
    uint32_t forwarded;         /* commands of the guest in it */
    uint32_t sent;              /* what they were merged, or split, to */
    uint32_t calls;             /* invalidate calls that it took */
    SMMUv3CmdError cerror;
} SMMUv3BatchInfo;

/*
 * Reads @n words at @addr (8-byte aligned), each with one 64-bit single-copy
 * atomic load (3.21.3), as they stand in memory (little-endian). 0, or -EFAULT.
 */
typedef int (*SMMUv3ReadWords)(void *opaque, uint64_t addr, uint64_t *words,
                               size_t n);

/* The functions of the port (SMMUv3HostOps), but for veventq_close(). */
typedef enum SMMUv3HostCall {
    SMMUV3_CALL_GET_INFO,
    SMMUV3_CALL_VIOMMU_ALLOC,
    SMMUV3_CALL_VDEVICE_ALLOC,
    SMMUV3_CALL_HWPT_ALLOC,
    SMMUV3_CALL_ATTACH,
    SMMUV3_CALL_DETACH,
    SMMUV3_CALL_INVALIDATE,
    SMMUV3_CALL_VEVENTQ_ALLOC,
    SMMUV3_CALL_VEVENTQ_READ,
    SMMUV3_CALL_DESTROY,
    SMMUV3_CALLS
} SMMUv3HostCall;

/* What the engine asks of the VMM. */
typedef struct SMMUv3FrontendOps {
    /* Copies @len bytes of guest memory at @addr; 0, or -EFAULT. */
    int (*read)(void *opaque, uint64_t addr, void *buf, size_t len);

    SMMUv3ReadWords read_words;

    /* A completed CMD_SYNC asked for its wired interrupt (4.7.3, SIG_IRQ). */
    void (*sync_irq)(void *opaque);

    /*
     * The MSI of a completed CMD_SYNC (4.7.3): @data, little-endian, to @addr
     * (4-byte aligned) by one 32-bit store that nobody sees before what the
     * host has done; with IDR0.MSI only. 0, or -EFAULT: the write was aborted.
     */
    int (*msi)(void *opaque, uint64_t addr, uint32_t data);

    /*
     * Optional, for quiet runs: may an MSI to @addr be sent in one, being a
     * store to RAM? Without it none may.
     */
    bool (*msi_is_quiet)(void *opaque, uint64_t addr);

    /*
     * The host refused a stream's new configuration: @call failed with @err, a
     * negative errno. @cookie's DMA is blocked, unless the host refuses that as
     * well. A guest can cause it again and again.
     */
    void (*stream_failed)(void *opaque, void *cookie, SMMUv3HostCall call,
                          int err);

    /*
     * The StreamID that the guest sees for @cookie now; false: none yet. One
     * answer does for a whole call of the engine's.
     */
    bool (*vsid)(void *opaque, void *cookie, uint32_t *vsid);

    /*
     * Optional: for a VMM that has caches of its own to invalidate. The next
     * @n commands (host byte order, @n > 0) are legal and done at the host;
     * no CMD_SYNC among them is signalled, and CONS has not moved, before this
     * returns. In the guest's order, each command once.
     */
    void (*consumed)(void *opaque, const SMMUv3Cmd *cmds, uint32_t n);

    /*
     * Host events can be read when @fd polls readable: then call
     * smmuv3_engine_read_events(), or what is built on it. -1: no longer; the
     * old descriptor is closed after this returns.
     */
    void (*watch)(void *opaque, int fd);

    /* The host cannot tell of its events, @err a negative errno. */
    void (*events_failed)(void *opaque, int err);

    /*
     * Optional, each of the rest: for a VMM that traces. What they point at is
     * valid until they return, and they call nothing of the engine.
     */

    /* A window of commands has ended, and how. */
    void (*window_done)(void *opaque, const SMMUv3WindowInfo *window);

    /* What was gathered in a window went to the host, or failed. */
    void (*batch_done)(void *opaque, const SMMUv3BatchInfo *batch);

    /* A device has another HWPT, state, event or vSID than before. */
    void (*stream_changed)(void *opaque, const SMMUv3DeviceInfo *device);

    /* @made: @hwpt exists from now on; otherwise it is about to go. */
    void (*hwpt_changed)(void *opaque, const SMMUv3HwptInfo *hwpt, bool made);
} SMMUv3FrontendOps;

/* The guest's registers that decide over streams (6.3). */
typedef struct SMMUv3StreamRegs {
    uint32_t cr0;
    uint32_t gbpa;
    uint64_t strtab_base;
    uint32_t strtab_base_cfg;
} SMMUv3StreamRegs;

/* The command queue's registers. CONS's ERR field is the caller's to write. */
typedef struct SMMUv3CmdqRegs {
    uint64_t base;              /* SMMU_CMDQ_BASE, 6.3.26 */
    uint32_t prod;              /* index and wrap bit, 6.3.27 */
    uint32_t cons;              /* index and wrap bit, 6.3.28; advanced */
    bool quiet;                 /* see smmuv3_engine_cmdq_run() */
    bool restarted;             /* CMDQEN was 0 since the last run */
} SMMUv3CmdqRegs;

typedef enum SMMUv3CmdqStatus {
    SMMUV3_CMDQ_DRAINED,        /* CONS reached PROD */
    SMMUV3_CMDQ_MORE,           /* a slice is done; call again soon */
    SMMUV3_CMDQ_WAIT,           /* the host refuses; call again in wait_ms */
    SMMUV3_CMDQ_STOPPED,        /* CONS names the failing command, see cerror */
    SMMUV3_CMDQ_NOT_QUIET,      /* nothing was done: run it without quiet */
} SMMUv3CmdqStatus;

typedef struct SMMUv3CmdqResult {
    SMMUv3CmdqStatus status;
    SMMUv3CmdError cerror;
    unsigned wait_ms;           /* of WAIT */
    bool msi_aborted;           /* a CMD_SYNC's MSI, GERROR.MSI_CMDQ_ABT_ERR */
    bool events_due;            /* smmuv3_engine_own_events() has some */
} SMMUv3CmdqResult;

/* Why a device cannot be taken. */
typedef enum SMMUv3Refusal {
    SMMUV3_REFUSAL_NONE,
    SMMUV3_REFUSAL_INFO,         /* IOMMU_GET_HW_INFO failed */
    SMMUV3_REFUSAL_NOT_SMMUV3,   /* the device sits behind another IOMMU */
    SMMUV3_REFUSAL_FEATURE,      /* see smmuv3_promise_broken() */
    SMMUV3_REFUSAL_OTHER_HOST,   /* another iommufd than the first device's */
    SMMUV3_REFUSAL_OTHER_SMMU,   /* another physical SMMU than the first's */
    SMMUV3_REFUSAL_SHARED_GROUP, /* its IOMMU group has other devices, too */
    SMMUV3_REFUSAL_NO_NESTING,   /* IOMMU_VIOMMU_ALLOC failed */
    SMMUV3_REFUSAL_ATTACH,       /* the first attachment failed, or cleaning the
                                    TLB for a first device that comes again */
} SMMUv3Refusal;

/* Commands by what they are about. */
typedef enum SMMUv3CommandClass {
    SMMUV3_CLASS_CFGI_STE,       /* CFGI_STE, CFGI_STE_RANGE, CFGI_ALL */
    SMMUV3_CLASS_CFGI_CD,        /* CFGI_CD, CFGI_CD_ALL */
    SMMUV3_CLASS_TLBI,
    SMMUV3_CLASS_ATC_INV,
    SMMUV3_CLASS_PREFETCH,
    SMMUV3_CLASS_SYNC,
    SMMUV3_CLASSES
} SMMUv3CommandClass;

/*
 * Counters since smmuv3_engine_new(); exact, never reset. Without failures of
 * the host, sent = forwarded - coalesced + expanded.
 */
typedef struct SMMUv3EngineStats {
    uint64_t windows;            /* cmdq runs that found commands */
    uint64_t commands;           /* commands consumed; of them, by class: */
    uint64_t by_class[SMMUV3_CLASSES];
    /*
     * Commands that were the host's to do; a CFGI_STE, CFGI_STE_RANGE or
     * CFGI_ALL once for each stream whose CDs the host is told to drop, and
     * all TLBIs between the last device and the next one once. Those behind
     * one that failed are looked at, and count, again.
     */
    uint64_t forwarded;
    uint64_t coalesced;          /* so many fewer were sent, batch by batch */
    uint64_t expanded;           /* so many more, for a host without RIL */
    uint64_t sent;               /* commands that the host was sent for them */
    uint64_t windows_forwarding; /* windows that forwarded at least one */
    uint64_t batches;            /* arrays that the sent ones came in */
    uint64_t entries;            /* of all invalidate calls, repeated or not */
    uint64_t widened;            /* reserved or too long, so sent as more */
    uint64_t calls[SMMUV3_CALLS]; /* of the host, those that failed, too */
    uint64_t hwpt_translate;     /* nested HWPTs allocated, by kind */
    uint64_t hwpt_bypass;
    uint64_t hwpt_abort;
    uint64_t hwpt_shared;        /* a stream joined an HWPT in use */
    uint64_t hwpt_reused;        /* a stream took a kept, unreferenced HWPT */
    uint64_t attaches;
    uint64_t attach_failures;    /* streams that abort as the host refused */
    uint64_t waits;              /* runs that ended with WAIT */
    uint64_t vdevices;
    uint64_t ste_unchanged;      /* re-evaluations that attached nothing */
    uint64_t errors[4];          /* by SMMUv3CmdError */
    uint64_t events;             /* of the host, passed on to the guest */
    uint64_t events_own;         /* of illegal STEs */
    uint64_t events_lost;        /* gaps in what the host told */
    uint64_t events_unknown;     /* of StreamIDs that the guest has not */
} SMMUv3EngineStats;

/* The kernel's objects that all devices share; 0: there is none. */
typedef struct SMMUv3EngineObjects {
    SMMUv3HostId viommu;
    SMMUv3HostId parent;         /* the caller's, stage 2 */
    SMMUv3HostId veventq;
} SMMUv3EngineObjects;

/*
 * A new engine without devices: SMMUEN=0, GBPA bypass, no features. Never
 * fails. @fe and @opaque are borrowed until smmuv3_engine_free().
 */
SMMUv3Engine *smmuv3_engine_new(const SMMUv3FrontendOps *fe, void *opaque);

/* Removes what devices are left, then frees. NULL is allowed. */
void smmuv3_engine_free(SMMUv3Engine *e);

/*
 * What the guest is promised, as its SMMU_IDR0..5 read. Call before the guest
 * runs and at reset. Decides legality (IDR0.ATS, PRI, STALL_MODEL), sizes
 * (IDR1.SIDSIZE, SSIDSIZE) and the width of ASIDs.
 */
void smmuv3_engine_set_features(SMMUv3Engine *e, const uint32_t idr[6]);

/*
 * Takes a device: reads its host information, allocates the vIOMMU with the
 * first one (and, if there was one before, drops all of the guest's TLB
 * entries, as TLBIs went nowhere since), and attaches the stream as the
 * registers say. @parent is the nesting parent HWPT the device is attached to,
 * and stays on while SMMUEN=0 and GBPA does not abort; it stays the caller's.
 * @cookie names the device to ops->vsid().
 *
 * 0 and *@out, owned by the engine until smmuv3_engine_device_remove(); or a
 * negative errno and why in *@why, with the device as it was.
 */
int smmuv3_engine_device_add(SMMUv3Engine *e, const SMMUv3HostOps *ops,
                             SMMUv3Host *host, SMMUv3HostDevice *dev,
                             SMMUv3HostId parent, void *cookie,
                             SMMUv3EngineDevice **out, SMMUv3Refusal *why);

/*
 * Gives a device up: back on the parent (blocked if that fails), its
 * vDEVICE destroyed; with the last device the nested HWPTs and the vIOMMU go
 * too. Nothing of it is left in the kernel when this returns.
 */
void smmuv3_engine_device_remove(SMMUv3Engine *e, SMMUv3EngineDevice *d);

/* Host information: of the first device; false while there is none. */
bool smmuv3_engine_host_info(const SMMUv3Engine *e, SMMUv3HostInfo *info);

/*
 * The registers changed (CR0.SMMUEN, GBPA while SMMUEN=0, the stream table's
 * base at enabling; 6.3.9, 6.3.14, 6.3.24): re-drives every stream. Costs no
 * system call for a stream that stays as it was.
 */
void smmuv3_engine_set_regs(SMMUv3Engine *e, const SMMUv3StreamRegs *regs);

/*
 * Consumes from @q->cons to @q->prod, one slice at the most (16384 commands, of
 * them 4096 that the host has to be sent or that send an MSI, 512 that look at
 * a stream table, or 64 that change an attachment; and it ends after a call
 * that timed out, with two more at the most), as one window: a single copy out
 * of guest memory, as few invalidate calls as the port's limit allows. A PROD
 * that claims more than the queue holds is bounded by its size. The caller has
 * checked that CMDQEN=1 and that no CMDQ_ERR is unacknowledged, and on STOPPED
 * writes ERR and toggles GERROR, as it does for an aborted MSI.
 *
 * A command that the host refuses, though not as illegal (its IOMMU is being
 * reset under a device, memory is short), waits at CONS with the stream as it
 * was: WAIT, 13 times at the most with 0.9 s in all between them. Then the
 * stream aborts (stream_failed()), or an invalidation is CERROR_ABT, as is the
 * configuration of a stream that the host does not even let abort.
 *
 * A quiet run forwards invalidations and completes CMD_SYNCs, as nearly all
 * runs do. With anything else in its slice (a stream's configuration, a wired
 * interrupt, an illegal command) it does nothing; or it ends before that, with
 * MORE, if a CMD_SYNC had to be completed first. Of the VMM it calls read,
 * msi, msi_is_quiet, consumed, window_done and batch_done, of the port
 * invalidate: a VMM can do without the locks that other callbacks need. Calls
 * are serialized all the same.
 */
SMMUv3CmdqResult smmuv3_engine_cmdq_run(SMMUv3Engine *e, SMMUv3CmdqRegs *q);

/*
 * Where a command queue's ring lies, SMMU_CMDQ_BASE being @base: its size in
 * bytes, and in *@addr its address.
 */
uint64_t smmuv3_engine_cmdq_ring(uint64_t base, uint64_t *addr);

/*
 * Whether the guest wants events now (CR0.EVENTQEN). The host's queue is made
 * when there are both a guest that wants them and a vIOMMU, and stays for as
 * long as the vIOMMU.
 */
void smmuv3_engine_want_events(SMMUv3Engine *e, bool wanted);

/*
 * Takes at most @max (SMMUV3_HOST_EVENTS_MAX) of the host's events, little-
 * endian as they go to the guest's EVENTQ; never blocks. How many; *@lost is
 * set if the host lost some since the last call.
 */
unsigned smmuv3_engine_read_events(SMMUv3Engine *e, SMMUv3EventRecord *out,
                                   unsigned max, bool *lost);

/*
 * The same for events of the engine's own. An SMMU tells of a bad configuration
 * with a transaction (7.2), but the host aborts the transactions silently. So
 * C_BAD_STE of an STE with V=1 that is illegal (5.2.2) is told without one:
 * once, when a CFGI_STE or CFGI_STE_RANGE names the stream, and the STE still
 * stands when the run of the queue ends. Nothing is told of V=0, of a StreamID
 * beyond the tables, nor of tables that cannot be read, which drivers have on
 * the way (3.21.3.1). Call until it gives 0, when a run of the queue says that
 * there are some.
 */
unsigned smmuv3_engine_own_events(SMMUv3Engine *e, SMMUv3EventRecord *out,
                                  unsigned max);

/* Of @e for as long as it lives; each call on @e moves the counters. */
const SMMUv3EngineStats *smmuv3_engine_stats(const SMMUv3Engine *e);

/*
 * What there is: each device in the order in which they were added, each
 * nested HWPT in the order of ids. Reads the engine's own state; no call to
 * the host, none to guest memory. @visit calls nothing of the engine.
 */
void smmuv3_engine_for_each_device(
    const SMMUv3Engine *e,
    void (*visit)(void *opaque, const SMMUv3DeviceInfo *device), void *opaque);
void smmuv3_engine_for_each_hwpt(
    const SMMUv3Engine *e,
    void (*visit)(void *opaque, const SMMUv3HwptInfo *hwpt), void *opaque);

/* One of them, and the kernel's objects that they share. */
void smmuv3_engine_device_info(const SMMUv3EngineDevice *d,
                               SMMUv3DeviceInfo *info);
SMMUv3EngineObjects smmuv3_engine_objects(const SMMUv3Engine *e);

/* How a device's stream stands, and the event its transactions would raise. */
SMMUv3StreamKind smmuv3_engine_device_kind(const SMMUv3EngineDevice *d);
SMMUv3EventType smmuv3_engine_device_event(const SMMUv3EngineDevice *d);

#endif
