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
 * Registers: what an SMMU with stage 1 only and without PRI, ECMDQ, ATOS, MPAM
 * or DPT does not have reads as zero and ignores writes. Page 1 is an alias of
 * page 0, which 6.1 permits.
 *
 * Locking: none inside. The caller serializes all calls on one engine.
 * Memory: nothing is allocated while commands are consumed, except for what a
 * changed STE needs. All addresses are guest physical (IPA), sizes in bytes.
 * A guest may write anything in any order: it reaches no assertion, no
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

/* Of this header: major * 10000 + minor * 100 + patch. */
#define SMMUV3_ENGINE_VERSION 100

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
 * The registers' values, all that there is to migrate. CR0ACK lags behind CR0
 * only inside of a call; IRQ_CTRLACK is IRQ_CTRL. Indices are kept as they were
 * written, bits above the queue's size are hidden when they are read.
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

/* Interrupts; that of CMD_SYNC is SMMUv3FrontendOps.sync_irq. */
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

/*
 * What the engine asks of the VMM. None may call back into the engine. Those
 * that are not called optional have to be there.
 */
typedef struct SMMUv3FrontendOps {
    size_t size;                /* of this struct, as the caller knows it */

    /* Copies @len bytes of guest memory at @addr; 0, or -EFAULT. */
    int (*read)(void *opaque, uint64_t addr, void *buf, size_t len);

    SMMUv3ReadWords read_words;

    /* Copies @len bytes to guest memory at @addr; 0, or -EFAULT. */
    int (*write)(void *opaque, uint64_t addr, const void *buf, size_t len);

    /*
     * An edge of a wired interrupt that SMMU_IRQ_CTRL has enabled (3.18), and
     * for which the guest has set no MSI.
     */
    void (*irq)(void *opaque, SMMUv3Irq irq);

    /* A completed CMD_SYNC asked for its wired interrupt (4.7.3, SIG_IRQ). */
    void (*sync_irq)(void *opaque);

    /*
     * An MSI, of a completed CMD_SYNC (4.7.3) or of an interrupt (3.18): @data,
     * little-endian, to @addr (4-byte aligned) by one 32-bit store that nobody
     * sees before what the host has done. 0, or -EFAULT: the write was aborted.
     * Optional: without it every MSI is aborted, so a VMM promises none.
     */
    int (*msi)(void *opaque, uint64_t addr, uint32_t data);

    /*
     * Commands are left after a slice: call smmuv3_engine_resume() soon, when
     * the guest had its thread back; or, as the host refused the next one, in
     * @delay_ms of real time (0: soon), and only then. Asked again for every
     * slice. A reset makes the last @delay_ms void.
     */
    void (*resume)(void *opaque, unsigned delay_ms);

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
     * smmuv3_engine_host_events(). -1: no longer; the old descriptor is closed
     * after this returns.
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

    /*
     * Of @n events the first @written went into the guest's queue, and the rest
     * nowhere; @lost: there had been more.
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
    SMMUV3_REFUSAL_ATTACH,       /* the first attachment failed, or cleaning the
                                    TLB for a first device that comes again */
} SMMUv3Refusal;

/* A device to plug. What it points at outlives smmuv3_engine_unplug(). */
typedef struct SMMUv3Plug {
    const SMMUv3HostOps *ops;
    SMMUv3Host *host;
    SMMUv3HostDevice *dev;
    SMMUv3HostId parent;        /* the nesting parent HWPT it is attached to */
    void *cookie;               /* names the device to SMMUv3FrontendOps */
} SMMUv3Plug;

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
    uint64_t prod_writes;        /* of SMMU_CMDQ_PROD */
    uint64_t events_written;     /* to the guest's EVENTQ */
    /* it is off, an abort not acknowledged, or CR2.RECINVSID not set */
    uint64_t events_dropped;
    uint64_t events_overflowed;  /* it was full (7.4) */
} SMMUv3EngineStats;

/* The kernel's objects that all devices share; 0: there is none. */
typedef struct SMMUv3EngineObjects {
    SMMUv3HostId viommu;
    SMMUv3HostId parent;         /* the caller's, stage 2 */
    SMMUv3HostId veventq;
} SMMUv3EngineObjects;

/*
 * A new engine without devices, all registers zero until the first
 * smmuv3_engine_reset(). @fe is copied, @opaque borrowed until
 * smmuv3_engine_free(). NULL: @fe lacks a callback that has to be there, or has
 * ones that this engine does not know.
 */
SMMUv3Engine *smmuv3_engine_new(const SMMUv3FrontendOps *fe, void *opaque);

/* Unplugs what devices are left, then frees. NULL is allowed. */
void smmuv3_engine_free(SMMUv3Engine *e);

/* ---- Registers ---- */

/*
 * Reset: everything off, GBPA is bypass, queues as large as @idr has them.
 * @idr, SMMU_IDR0..5, is what the guest is promised from now on; with IDR3.HAD,
 * mandatory from there on, it is an SMMUv3.1, else an SMMUv3.0. It promises no
 * more than the head of this file allows, and decides legality (IDR0.ATS, PRI,
 * STALL_MODEL), sizes (IDR1.SIDSIZE, SSIDSIZE) and the width of ASIDs. Every
 * stream is driven again, and what was being consumed stops.
 */
void smmuv3_engine_reset(SMMUv3Engine *e, const uint32_t idr[6]);

/*
 * A guest's access of @size bytes at @offset from the base of page 0. False if
 * it is misaligned or neither of 4 nor of 8 bytes (6.2): it has done nothing
 * and read zero. 8 bytes at two 32-bit registers are both of them, and both are
 * written before either sets anything going. Places without a register are
 * RAZ/WI.
 *
 * A write of SMMU_CMDQ_PROD, of CR0 or GERRORN consumes commands: one slice at
 * the most (16384 commands, of them 4096 that the host has to be sent or that
 * send an MSI, 512 that look at a stream table, or 64 that change an
 * attachment; and it ends after a call that timed out, with two more at the
 * most), as one window: a single copy out of guest memory, as few invalidate
 * calls as the port's limit allows. A PROD that claims more than the queue
 * holds is bounded by its size.
 *
 * A command that the host refuses, though not as illegal (its IOMMU is being
 * reset under a device, memory is short), waits at CONS with the stream as it
 * was: 13 times at the most with 0.9 s in all between them. Then the stream
 * aborts (stream_failed()), or an invalidation is CERROR_ABT, as is the
 * configuration of a stream that the host does not even let abort.
 */
bool smmuv3_engine_read(const SMMUv3Engine *e, uint64_t offset, unsigned size,
                        uint64_t *value);
bool smmuv3_engine_write(SMMUv3Engine *e, uint64_t offset, unsigned size,
                         uint64_t value);

/* The shortest way to the same as a write of @prod to SMMU_CMDQ_PROD. */
void smmuv3_engine_write_prod(SMMUv3Engine *e, uint32_t prod);

/*
 * The value is in the register; what it sets going is left to resume(). For who
 * has to have the registers as they are, but no time for commands.
 */
void smmuv3_engine_post_prod(SMMUv3Engine *e, uint32_t prod);

/*
 * smmuv3_engine_write_prod() in two halves. The first is a quiet run: it
 * forwards invalidations and completes CMD_SYNCs, as nearly all runs do, raises
 * no interrupt, and needs no lock but the one that serializes calls. Of the VMM
 * it calls read, msi, msi_is_quiet, consumed, window_done and batch_done, of
 * the port invalidate. With anything else in its slice (a stream's
 * configuration, a wired interrupt, an illegal command) it does nothing; or it
 * ends before that, if a CMD_SYNC had to be completed first. If it returns
 * false, something is left to do, and smmuv3_engine_settle(), with the locks
 * that any other call needs, comes before all calls but this one, reading, and
 * smmuv3_engine_post_prod(). At other times that does nothing.
 */
bool smmuv3_engine_write_prod_quiet(SMMUv3Engine *e, uint32_t prod);
void smmuv3_engine_settle(SMMUv3Engine *e);

/*
 * The next slice of commands, as resume() asked for. Nothing happens if the
 * guest has switched the queue off since, or a reset came between.
 */
void smmuv3_engine_resume(SMMUv3Engine *e);

/*
 * While paused no command is consumed, so nothing is written to the guest's
 * memory and no interrupt is raised, whatever registers are written: a VM that
 * is stopped, or migrated, stays as it is. The VMM settles first, and brings no
 * events. The end of a pause asks for what is left by resume(). A new engine is
 * not paused; smmuv3_engine_reset() and _set_state() leave it as it is.
 */
void smmuv3_engine_pause(SMMUv3Engine *e, bool paused);

/* To look at, or to migrate; valid until the next call on @e. */
const SMMUv3Regs *smmuv3_engine_state(const SMMUv3Engine *e);

/*
 * Takes over a state that smmuv3_engine_state() gave elsewhere: every stream is
 * driven again, and what was left in the command queue is asked for by
 * resume(). @from is not trusted: bits that do not exist are dropped. False,
 * and nothing done: its identification registers are not the ones that
 * smmuv3_engine_reset() made here.
 */
bool smmuv3_engine_set_state(SMMUv3Engine *e, const SMMUv3Regs *from);

/*
 * Where the command queue's ring lies, for a VMM that keeps it mapped: its size
 * in bytes, at most 8 MiB, and its guest physical address in *@addr. That is
 * what SMMUv3FrontendOps.read is asked for next.
 */
uint64_t smmuv3_engine_cmdq_ring(const SMMUv3Engine *e, uint64_t *addr);

/* ---- Devices ---- */

/*
 * Takes a device: reads its host information, allocates the vIOMMU with the
 * first one (and, if there was one before, drops all of the guest's TLB
 * entries, as TLBIs went nowhere since), and attaches the stream as the
 * registers say. On its parent it stays while SMMUEN=0 and GBPA does not abort;
 * that HWPT stays the caller's. @plug->ops is copied with the first device.
 *
 * 0 and *@out, owned by the engine until smmuv3_engine_unplug(); or a negative
 * errno and why in *@why, with the device as it was. -EINVAL: @plug->ops is
 * not complete.
 */
int smmuv3_engine_plug(SMMUv3Engine *e, const SMMUv3Plug *plug,
                       SMMUv3EngineDevice **out, SMMUv3Refusal *why);

/*
 * Gives a device up: back on the parent (blocked if that fails), its
 * vDEVICE destroyed; with the last device the nested HWPTs and the vIOMMU go
 * too. Nothing of it is left in the kernel when this returns.
 */
void smmuv3_engine_unplug(SMMUv3Engine *e, SMMUv3EngineDevice *d);

/* ---- Events ---- */

/*
 * The host's events can be read (SMMUv3FrontendOps.watch): puts those that are
 * there, SMMUV3_HOST_EVENTS_MAX at the most, into the guest's EVENTQ, with one
 * interrupt. A queue that is off drops them, a full one sets OVFLG (7.4), one
 * that cannot be written raises GERROR.EVENTQ_ABT_ERR (7.2.1). C_BAD_STREAMID
 * is written with CR2.RECINVSID only (6.3.12).
 */
void smmuv3_engine_host_events(SMMUv3Engine *e);

/*
 * The same for @n records, little-endian, that the VMM makes itself; @lost:
 * there were more than it could keep. Lost events set OVFLG, with an interrupt,
 * also if none came.
 */
void smmuv3_engine_record_events(SMMUv3Engine *e,
                                 const SMMUv3EventRecord *records, unsigned n,
                                 bool lost);

/* ---- What there is ---- */

/* Host information: of the first device; false while there is none. */
bool smmuv3_engine_host_info(const SMMUv3Engine *e, SMMUv3HostInfo *info);

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

#ifdef __cplusplus
}
#endif

#endif
