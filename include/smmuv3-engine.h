/*
 * The engine: a guest's SMMUv3 on a host's nesting SMMUv3.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * One object is one SMMUv3 of a guest. A VMM hands it the guest's register
 * accesses and the host's devices; the engine decides what they mean: which
 * registers there are and what a write sets going (Arm IHI 0070 chapter 6),
 * which command is local, forwarded or illegal (chapter 4), which STE makes
 * which nested HWPT (chapter 5), which vSID is which host device. It calls back
 * through SMMUv3FrontendOps and down through SMMUv3HostOps (smmuv3-host.h).
 *
 * Registers: the SMMU has stage 1 only, and no PRI, ECMDQ, ATOS, MPAM or DPT,
 * so their registers read as zero and ignore writes. Page 1 is an alias of page
 * 0, which 6.1 permits.
 *
 * Locking: none inside. The caller serializes all calls on one engine.
 * Memory: nothing is allocated while commands are consumed, except for what a
 * changed STE needs. All addresses are guest physical (IPA), sizes in bytes.
 * The guest is hostile: whatever it writes, it reaches no assertion, no
 * unbounded loop and no log line here, and one call consumes one slice of
 * commands at the most.
 */
#ifndef SMMUV3_ENGINE_H
#define SMMUV3_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smmuv3-host.h"
#include "smmuv3/event.h"
#include "smmuv3/registers.h"

#ifdef __cplusplus
extern "C" {
#endif

/* This header's version: major * 10000 + minor * 100 + patch. */
#define SMMUV3_ENGINE_VERSION 200

typedef struct SMMUv3Engine SMMUv3Engine;
typedef struct SMMUv3EngineDevice SMMUv3EngineDevice;

/* What becomes of a stream's transactions: all that an STE decodes into. */
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
    SMMUv3EventType event;      /* abort: what a transaction would raise */
    SMMUv3HostId hwpt;          /* 0: bypass on the parent, or abort detached */
} SMMUv3DeviceInfo;

/* A nested HWPT. Its key is the STE as the kernel was given it. */
typedef struct SMMUv3HwptInfo {
    SMMUv3HostId id;
    SMMUv3StreamKind kind;
    uint64_t ste[2];            /* words 0 and 1, host byte order */
    unsigned users;             /* devices attached; 0: kept for the next one */
} SMMUv3HwptInfo;

/* A run of the command queue. */
typedef struct SMMUv3WindowInfo {
    uint32_t from, to;          /* CMDQ_CONS before and after, with wrap bit */
    uint32_t forwarded;
    SMMUv3CmdError cerror;      /* why the command at @to failed, or NONE */
    const SMMUv3Cmd *failed;    /* it; NULL: none failed, or it is unreadable */
} SMMUv3WindowInfo;

/* What one flush of a window sent. */
typedef struct SMMUv3BatchInfo {
    uint32_t forwarded;         /* the guest's commands in it */
    uint32_t sent;              /* the commands that they became */
    uint32_t calls;             /* how many invalidate calls it took */
    SMMUv3CmdError cerror;
} SMMUv3BatchInfo;

/*
 * The registers' values, which are all that there is to migrate. CR0ACK differs
 * from CR0 only inside of a call; IRQ_CTRLACK is IRQ_CTRL. Indices are kept as
 * they were written; a read hides the bits above the queue's size.
 */
typedef struct SMMUv3Regs {
    uint32_t idr[6];
    uint32_t iidr;
    uint32_t aidr;
    uint32_t cr0;
    uint32_t cr0ack;
    uint32_t cr1;
    uint32_t cr2;
    uint32_t gbpa;
    uint32_t irq_ctrl;
    uint32_t gerror;
    uint32_t gerrorn;
    uint64_t gerror_irq_cfg0;
    uint32_t gerror_irq_cfg1;
    uint32_t gerror_irq_cfg2;
    uint64_t strtab_base;
    uint32_t strtab_base_cfg;
    uint64_t cmdq_base;
    uint32_t cmdq_prod;
    uint32_t cmdq_cons;
    uint64_t eventq_base;
    uint32_t eventq_prod;
    uint32_t eventq_cons;
    uint64_t eventq_irq_cfg0;
    uint32_t eventq_irq_cfg1;
    uint32_t eventq_irq_cfg2;
} SMMUv3Regs;

/* Interrupts, except for CMD_SYNC's, which is SMMUv3FrontendOps.sync_irq. */
typedef enum SMMUv3Irq {
    SMMUV3_IRQ_GERROR,
    SMMUV3_IRQ_EVENTQ,
} SMMUv3Irq;

/*
 * Reads @n words at @addr (8-byte aligned), each with one 64-bit single-copy
 * atomic load (3.21.3), as they stand in memory (little-endian). 0, or -EFAULT.
 */
typedef int (*SMMUv3ReadWords)(void *opaque, uint64_t addr, uint64_t *words,
                               size_t n);

/* The functions of the port (SMMUv3HostOps), except for veventq_close(). */
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

/*
 * The VMM's callbacks. None may call the engine. A callback is mandatory unless
 * its comment says "optional".
 */
typedef struct SMMUv3FrontendOps {
    size_t size;                /* of this struct, as the caller knows it */

    /* Copies @len bytes of guest memory at @addr; 0, or -EFAULT. */
    int (*read)(void *opaque, uint64_t addr, void *buf, size_t len);

    SMMUv3ReadWords read_words;

    /* Copies @len bytes to guest memory at @addr; 0, or -EFAULT. */
    int (*write)(void *opaque, uint64_t addr, const void *buf, size_t len);

    /*
     * An edge of a wired interrupt that SMMU_IRQ_CTRL enables (3.18), and for
     * which the guest has set no MSI.
     */
    void (*irq)(void *opaque, SMMUv3Irq irq);

    /* A completed CMD_SYNC asked for its wired interrupt (4.7.3, SIG_IRQ). */
    void (*sync_irq)(void *opaque);

    /*
     * An MSI, of a completed CMD_SYNC (4.7.3) or of an interrupt (3.18): stores
     * @data, 32 bits little-endian, at @addr (4-byte aligned). It is a release
     * store, because the guest must not see it before what the host has done.
     * 0, or -EFAULT: the write was aborted. Optional: without it every MSI is
     * aborted, so a VMM without it promises no MSIs.
     */
    int (*msi)(void *opaque, uint64_t addr, uint32_t data);

    /*
     * Commands are left after a slice. With @delay_ms 0: call
     * smmuv3_engine_resume() soon, after the guest had its thread back. Else
     * the host refused the next command: call it in @delay_ms of real time, not
     * earlier; a reset makes that void. Asked again for every slice.
     */
    void (*resume)(void *opaque, unsigned delay_ms);

    /*
     * Optional: may a quiet run send an MSI to @addr, because it is a store to
     * RAM? Without the callback it may send none.
     */
    bool (*msi_is_quiet)(void *opaque, uint64_t addr);

    /*
     * The host refused a stream's new configuration: @call failed with @err, a
     * negative errno. @cookie's DMA is blocked, unless the host refuses that as
     * well. The VMM bounds what it logs, because a guest can repeat this.
     */
    void (*stream_failed)(void *opaque, void *cookie, SMMUv3HostCall call,
                          int err);

    /*
     * The StreamID that the guest sees for @cookie now; false: none yet. It
     * does not change during one call of the engine.
     */
    bool (*vsid)(void *opaque, void *cookie, uint32_t *vsid);

    /*
     * Optional: for a VMM with caches of its own to invalidate. The next @n
     * commands (host byte order, @n > 0) are legal and done at the host. No
     * CMD_SYNC among them is signalled, and CONS does not move, before this
     * returns. Each command comes once, in the guest's order.
     */
    void (*consumed)(void *opaque, const SMMUv3Cmd *cmds, uint32_t n);

    /*
     * Watch @fd: when it polls readable, call smmuv3_engine_host_events(). -1:
     * stop watching the last one, which is closed after this returns.
     */
    void (*watch)(void *opaque, int fd);

    /* The host cannot report events; @err is a negative errno. */
    void (*events_failed)(void *opaque, int err);

    /*
     * All callbacks below are optional, for a VMM that traces. Their pointers
     * are valid until they return.
     */

    /* A window of commands has ended. */
    void (*window_done)(void *opaque, const SMMUv3WindowInfo *window);

    /* The commands gathered in a window went to the host, or failed. */
    void (*batch_done)(void *opaque, const SMMUv3BatchInfo *batch);

    /* A device's HWPT, state, event or vSID has changed. */
    void (*stream_changed)(void *opaque, const SMMUv3DeviceInfo *device);

    /* @made: @hwpt exists from now on; otherwise it is about to go. */
    void (*hwpt_changed)(void *opaque, const SMMUv3HwptInfo *hwpt, bool made);

    /*
     * The first @written of @n events went into the guest's queue; the rest
     * were dropped. @lost: others had been lost before.
     */
    void (*recorded)(void *opaque, const SMMUv3EventRecord *records,
                     unsigned n, unsigned written, bool lost);
} SMMUv3FrontendOps;

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
    SMMUV3_REFUSAL_ATTACH,       /* attaching failed, or dropping TLB entries
                                    that are older than the first device */
} SMMUv3Refusal;

/* A device to plug. Its pointers stay valid until smmuv3_engine_unplug(). */
typedef struct SMMUv3Plug {
    const SMMUv3HostOps *ops;
    SMMUv3Host *host;
    SMMUv3HostDevice *dev;
    SMMUv3HostId parent;        /* the nesting parent HWPT it is attached to */
    void *cookie;               /* names the device to SMMUv3FrontendOps */
} SMMUv3Plug;

/* Classes of commands. */
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
    uint64_t windows;            /* runs that found commands */
    uint64_t commands;           /* commands consumed */
    uint64_t by_class[SMMUV3_CLASSES]; /* of .commands */
    /*
     * Commands for the host. A CFGI_STE, CFGI_STE_RANGE or CFGI_ALL counts once
     * for each stream whose CDs the host is told to drop; all TLBIs between the
     * last device and the next one count once. Commands behind a failed one
     * count again, because they are looked at again.
     */
    uint64_t forwarded;
    uint64_t coalesced;          /* fewer sent than forwarded, by batches */
    uint64_t expanded;           /* more sent than forwarded, by batches */
    uint64_t sent;               /* commands that the host was sent */
    uint64_t windows_forwarding; /* windows that forwarded at least one */
    uint64_t batches;            /* arrays of the commands sent */
    uint64_t entries;            /* commands in all invalidate calls */
    uint64_t widened;            /* reserved or too long, so sent as more */
    uint64_t calls[SMMUV3_CALLS]; /* calls of the host, failed ones included */
    uint64_t hwpt_translate;     /* nested HWPTs allocated, by kind */
    uint64_t hwpt_bypass;
    uint64_t hwpt_abort;
    uint64_t hwpt_shared;        /* a stream joined an HWPT in use */
    uint64_t hwpt_reused;        /* a stream took an HWPT without users */
    uint64_t attaches;
    uint64_t attach_failures;    /* configurations given up: the host refused */
    uint64_t waits;              /* runs that ended to wait for the host */
    uint64_t vdevices;
    uint64_t ste_unchanged;      /* evaluations that attached nothing */
    uint64_t errors[4];          /* windows, by SMMUv3CmdError */
    uint64_t events;             /* the host's, of StreamIDs that exist */
    uint64_t events_own;         /* the engine's, of illegal STEs */
    uint64_t events_lost;        /* gaps in the host's events */
    uint64_t events_unknown;     /* the host's, of StreamIDs that do not */
    uint64_t prod_writes;        /* writes of SMMU_CMDQ_PROD */
    uint64_t events_written;     /* events that are in the guest's EVENTQ */
    /* EVENTQ is off, its write aborted, or CR2.RECINVSID is not set */
    uint64_t events_dropped;
    uint64_t events_overflowed;  /* events for which EVENTQ was full (7.4) */
} SMMUv3EngineStats;

/* The kernel's objects that all devices share; 0: there is none. */
typedef struct SMMUv3EngineObjects {
    SMMUv3HostId viommu;
    SMMUv3HostId parent;         /* the caller's, stage 2 */
    SMMUv3HostId veventq;
} SMMUv3EngineObjects;

/*
 * A new engine without devices; all registers are zero until the first
 * smmuv3_engine_reset(). @fe is copied, @opaque borrowed until
 * smmuv3_engine_free(). NULL: @fe lacks a mandatory callback, or has callbacks
 * that this engine does not know.
 */
SMMUv3Engine *smmuv3_engine_new(const SMMUv3FrontendOps *fe, void *opaque);

/* Unplugs the devices that are left, then frees @e. NULL is allowed. */
void smmuv3_engine_free(SMMUv3Engine *e);

/* ---- Registers ---- */

/*
 * Reset: everything off, GBPA is bypass, queues as large as @idr has them.
 * @idr, SMMU_IDR0..5, is the promise from now on. It is an SMMUv3.1 if it has
 * IDR3.HAD, which is mandatory from that version on, else an SMMUv3.0. It
 * promises no more than the head of this file allows, and decides legality
 * (IDR0.ATS, STALL_MODEL, IDR3.RIL), sizes (IDR1.SIDSIZE, SSIDSIZE) and the
 * width of ASIDs. Every stream is evaluated again; no command is consumed until
 * the guest enables the queue.
 */
void smmuv3_engine_reset(SMMUv3Engine *e, const uint32_t idr[6]);

/*
 * A guest's access of @size bytes at @offset from the base of page 0. False: it
 * is misaligned, or neither of 4 nor of 8 bytes (6.2); it did nothing, and read
 * zero. 8 bytes at two 32-bit registers write both, before either sets anything
 * going. Places without a register are RAZ/WI.
 *
 * A write of SMMU_CMDQ_PROD, of CR0 or GERRORN consumes commands, one slice at
 * the most, as one window: a single copy out of guest memory, as few invalidate
 * calls as the port's limit allows. A slice is 16384 commands, of them at most
 * 4096 that the host is sent or that send an MSI, 512 that look at a stream
 * table, or 64 that change an attachment. A call that timed out ends it, after
 * two more at the most. A PROD that claims more than the queue holds is bounded
 * by its size.
 *
 * A command that the host refuses, though not as illegal (the device is being
 * reset, memory is short), waits at CONS with the stream as it was, 13 times at
 * the most, 0.9 s in all. After that a stream aborts (stream_failed()), and an
 * invalidation is CERROR_ABT. So is the configuration of a stream that the host
 * does not even let abort.
 */
bool smmuv3_engine_read(const SMMUv3Engine *e, uint64_t offset, unsigned size,
                        uint64_t *value);
bool smmuv3_engine_write(SMMUv3Engine *e, uint64_t offset, unsigned size,
                         uint64_t value);

/* smmuv3_engine_write() of @prod to SMMU_CMDQ_PROD, in fewer steps. */
void smmuv3_engine_write_prod(SMMUv3Engine *e, uint32_t prod);

/*
 * Writes @prod to SMMU_CMDQ_PROD, and asks for resume() instead of consuming
 * commands. For a VMM that needs the registers up to date at once.
 */
void smmuv3_engine_post_prod(SMMUv3Engine *e, uint32_t prod);

/*
 * smmuv3_engine_write_prod() in two halves. The first is a quiet run: it
 * forwards invalidations and completes CMD_SYNCs, as nearly all runs do, raises
 * no interrupt, and needs no lock but the one that serializes calls. It calls
 * read, msi, msi_is_quiet, consumed, window_done and batch_done of the VMM, and
 * invalidate of the port. If its slice has anything else (a stream's
 * configuration, a wired interrupt, an illegal command), the run does nothing;
 * or, if a CMD_SYNC had to be completed first, it ends before that command.
 *
 * False: something is left to do. Then the second half, smmuv3_engine_settle(),
 * comes before all other calls but this one, smmuv3_engine_read() and
 * smmuv3_engine_post_prod(), with the locks that other calls need. If nothing
 * is left it does nothing.
 */
bool smmuv3_engine_write_prod_quiet(SMMUv3Engine *e, uint32_t prod);
void smmuv3_engine_settle(SMMUv3Engine *e);

/*
 * Consumes the next slice of commands, as resume() asked for; nothing if the
 * guest has switched the queue off since, or the engine was reset.
 */
void smmuv3_engine_resume(SMMUv3Engine *e);

/*
 * While paused, no command is consumed, so nothing is written to the guest's
 * memory and no interrupt is raised, whatever registers are written. This is
 * for a VM that is stopped or migrated. The VMM calls smmuv3_engine_settle()
 * first, and passes no events on meanwhile. The end of a pause asks for
 * resume() if commands may be left. A new engine is not paused;
 * smmuv3_engine_reset() and _set_state() change nothing about that.
 */
void smmuv3_engine_pause(SMMUv3Engine *e, bool paused);

/* The registers, to look at or to migrate; valid until the next call on @e. */
const SMMUv3Regs *smmuv3_engine_state(const SMMUv3Engine *e);

/*
 * Takes over a state that smmuv3_engine_state() gave elsewhere: every stream is
 * evaluated again, and resume() is asked for if the command queue is on. Bits
 * that do not exist are dropped, because @from is not trusted. False, and
 * nothing done: its identification registers are not the ones that
 * smmuv3_engine_reset() made here.
 */
bool smmuv3_engine_set_state(SMMUv3Engine *e, const SMMUv3Regs *from);

/*
 * The size in bytes of the command queue's ring, at most 8 MiB, and in *@addr
 * its guest physical address; for a VMM that keeps it mapped, because
 * SMMUv3FrontendOps.read reads commands from there.
 */
uint64_t smmuv3_engine_cmdq_ring(const SMMUv3Engine *e, uint64_t *addr);

/* ---- Devices ---- */

/*
 * Takes a device: reads its host information, allocates the vIOMMU for the
 * first device, and attaches the stream as the registers say. If there was a
 * vIOMMU before, all of the guest's TLB entries are dropped, because no host
 * took its TLBIs since. The device stays on its parent, which is the caller's
 * HWPT, while SMMUEN=0 and GBPA does not abort. @plug->ops is copied with the
 * first device.
 *
 * 0 and *@out, owned by the engine until smmuv3_engine_unplug(); or a negative
 * errno, the reason in *@why, and the device as it was. -EINVAL: @plug->ops
 * lacks a function, or has functions that this engine does not know.
 */
int smmuv3_engine_plug(SMMUv3Engine *e, const SMMUv3Plug *plug,
                       SMMUv3EngineDevice **out, SMMUv3Refusal *why);

/*
 * Gives a device up: attaches it to the parent (blocks it if that fails) and
 * destroys its vDEVICE; with the last device also the nested HWPTs and the
 * vIOMMU. No object of it is left in the kernel when this returns.
 */
void smmuv3_engine_unplug(SMMUv3Engine *e, SMMUv3EngineDevice *d);

/* ---- Events ---- */

/*
 * Reads the host's events (SMMUv3FrontendOps.watch), SMMUV3_HOST_EVENTS_MAX at
 * the most, and writes them to the guest's EVENTQ, with one interrupt. An
 * EVENTQ that is off drops them, a full one sets OVFLG (7.4), one that cannot
 * be written raises GERROR.EVENTQ_ABT_ERR (7.2.1). C_BAD_STREAMID is written
 * with CR2.RECINVSID only (6.3.12).
 */
void smmuv3_engine_host_events(SMMUv3Engine *e);

/*
 * Writes @n records that the VMM makes itself, little-endian, in the same way.
 * @lost: the VMM had more than it could keep. That sets OVFLG, with an
 * interrupt even if @n is 0.
 */
void smmuv3_engine_record_events(SMMUv3Engine *e,
                                 const SMMUv3EventRecord *records, unsigned n,
                                 bool lost);

/* ---- Queries ---- */

/* The first device's host information; false: there is no device. */
bool smmuv3_engine_host_info(const SMMUv3Engine *e, SMMUv3HostInfo *info);

/* Valid for as long as @e lives; calls on @e move the counters. */
const SMMUv3EngineStats *smmuv3_engine_stats(const SMMUv3Engine *e);

/*
 * Visits each device, in the order of plugging, and each nested HWPT, in the
 * order of ids. Reads the engine's own state: asks neither the host nor guest
 * memory. @visit calls nothing of the engine.
 */
void smmuv3_engine_for_each_device(
    const SMMUv3Engine *e,
    void (*visit)(void *opaque, const SMMUv3DeviceInfo *device), void *opaque);
void smmuv3_engine_for_each_hwpt(
    const SMMUv3Engine *e,
    void (*visit)(void *opaque, const SMMUv3HwptInfo *hwpt), void *opaque);

/* One device, and the kernel's objects that all devices share. */
void smmuv3_engine_device_info(const SMMUv3EngineDevice *d,
                               SMMUv3DeviceInfo *info);
SMMUv3EngineObjects smmuv3_engine_objects(const SMMUv3Engine *e);

#ifdef __cplusplus
}
#endif

#endif
