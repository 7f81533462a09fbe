/*
 * The register file: SMMU_* of Arm IHI 0070 chapter 6 as a guest sees them.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Stands between a VMM's MMIO region and the engine. It knows which bits exist,
 * when they may be written, and what a write sets going: streams are re-driven,
 * commands consumed, errors reported. What an SMMU with stage 1 only and
 * without PRI, ECMDQ, ATOS, MPAM or DPT does not have reads as zero and ignores
 * writes. Page 1 is an alias of page 0, which 6.1 permits.
 *
 * Locking: none inside; the caller serializes, together with all calls on the
 * engine. A guest may write anything in any order: no assertion, allocation or
 * log line is reached, and one call consumes one slice of commands at the most.
 */
#ifndef SMMUV3_REGS_H
#define SMMUV3_REGS_H

#include "smmuv3-engine.h"

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

/* What the register file asks of the VMM. None may call back into it. */
typedef struct SMMUv3RegsOps {
    /* Copies @len bytes to guest memory at @addr; 0, or -EFAULT. */
    int (*write)(void *opaque, uint64_t addr, const void *buf, size_t len);

    /*
     * An edge of a wired interrupt that SMMU_IRQ_CTRL has enabled (3.18), and
     * for which the guest has set no MSI.
     */
    void (*irq)(void *opaque, SMMUv3Irq irq);

    /* As SMMUv3FrontendOps.msi. */
    int (*msi)(void *opaque, uint64_t addr, uint32_t data);

    /*
     * Commands are left after a slice: call smmuv3_regs_resume() soon, when
     * the guest had its thread back; or, as the host refused the next one, in
     * @delay_ms of real time (0: soon), and only then. Asked again for every
     * slice. A reset makes the last @delay_ms void.
     */
    void (*resume)(void *opaque, unsigned delay_ms);

    /*
     * Optional, for a VMM that traces: of @n events the first @written went
     * into the guest's queue, and the rest nowhere; @lost: there had been more.
     */
    void (*recorded)(void *opaque, const SMMUv3EventRecord *records,
                     unsigned n, unsigned written, bool lost);
} SMMUv3RegsOps;

/* Counters since smmuv3_regs_new(); exact, never reset. */
typedef struct SMMUv3RegsStats {
    uint64_t prod_writes;        /* of SMMU_CMDQ_PROD */
    uint64_t events_written;     /* to the guest's EVENTQ */
    /* it is off, an abort not acknowledged, or CR2.RECINVSID not set */
    uint64_t events_dropped;
    uint64_t events_overflowed;  /* it was full (7.4) */
} SMMUv3RegsStats;

typedef struct SMMUv3RegFile SMMUv3RegFile;

/*
 * All registers zero until the first smmuv3_regs_reset(). Never fails. @engine,
 * @ops and @opaque are borrowed until smmuv3_regs_free().
 */
SMMUv3RegFile *smmuv3_regs_new(SMMUv3Engine *engine, const SMMUv3RegsOps *ops,
                               void *opaque);

/* NULL is allowed. The engine stays. */
void smmuv3_regs_free(SMMUv3RegFile *f);

/*
 * Reset: everything off, GBPA is bypass, queues as large as @idr has them.
 * @idr, SMMU_IDR0..5, is what the guest is promised from now on; with IDR3.HAD,
 * mandatory from there on, it is an SMMUv3.1, else an SMMUv3.0. The engine is
 * told, and every stream is re-driven. What was being consumed stops. @idr
 * promises no more than the head of this file allows.
 */
void smmuv3_regs_reset(SMMUv3RegFile *f, const uint32_t idr[6]);

/*
 * A guest's access of @size bytes at @offset from the base of page 0. False if
 * it is misaligned or neither of 4 nor of 8 bytes (6.2): it has done nothing
 * and read zero. 8 bytes at two 32-bit registers are both of them, and both are
 * written before either sets anything going. Places without a register are
 * RAZ/WI.
 */
bool smmuv3_regs_read(SMMUv3RegFile *f, uint64_t offset, unsigned size,
                      uint64_t *value);
bool smmuv3_regs_write(SMMUv3RegFile *f, uint64_t offset, unsigned size,
                       uint64_t value);

/* The shortest way to the same as a write of @prod to SMMU_CMDQ_PROD. */
void smmuv3_regs_write_prod(SMMUv3RegFile *f, uint32_t prod);

/*
 * The value is in the register; what it sets going is left to ops->resume().
 * For who has to have the registers as they are, but no time for commands.
 */
void smmuv3_regs_post_prod(SMMUv3RegFile *f, uint32_t prod);

/*
 * smmuv3_regs_write_prod() in two halves. The first is quiet
 * (smmuv3_engine_cmdq_run()): it raises no interrupt and needs no lock but the
 * one that serializes calls. If it returns false, something is left to do, and
 * smmuv3_regs_settle(), with the locks that any other call needs, comes before
 * all calls but this one, reading, and smmuv3_regs_post_prod(). At other times
 * it does nothing.
 */
bool smmuv3_regs_write_prod_quiet(SMMUv3RegFile *f, uint32_t prod);
void smmuv3_regs_settle(SMMUv3RegFile *f);

/*
 * The next slice of commands, as ops->resume() asked for. Nothing happens if
 * the guest has switched the queue off since, or a reset came between.
 */
void smmuv3_regs_resume(SMMUv3RegFile *f);

/*
 * While paused no command is consumed, so nothing is written to the guest's
 * memory and no interrupt is raised, whatever registers are written: a VM that
 * is stopped, or migrated, stays as it is. The VMM settles first, and brings no
 * events. The end of a pause asks for what is left by ops->resume(). A new
 * register file is not paused; a reset and a load leave it as it is.
 */
void smmuv3_regs_pause(SMMUv3RegFile *f, bool paused);

/*
 * The host's events can be read (SMMUv3FrontendOps.watch): puts those that are
 * there, SMMUV3_HOST_EVENTS_MAX at the most, into the guest's EVENTQ, with one
 * interrupt. A queue that is off drops them, a full one sets OVFLG (7.4), one
 * that cannot be written raises GERROR.EVENTQ_ABT_ERR (7.2.1). C_BAD_STREAMID
 * is written with CR2.RECINVSID only (6.3.12).
 */
void smmuv3_regs_host_events(SMMUv3RegFile *f);

/*
 * The same for @n records, little-endian, that the VMM makes itself; @lost:
 * there were more than it could keep. Lost events set OVFLG, with an interrupt,
 * also if none came.
 */
void smmuv3_regs_record(SMMUv3RegFile *f, const SMMUv3EventRecord *records,
                        unsigned n, bool lost);

/* Of @f for as long as it lives; each call on @f moves the counters. */
const SMMUv3RegsStats *smmuv3_regs_stats(const SMMUv3RegFile *f);

/*
 * Where the command queue's ring lies, for a VMM that keeps it mapped: its size
 * in bytes, at most 8 MiB, and its guest physical address in *@addr. That is
 * what SMMUv3FrontendOps.read is asked for next.
 */
uint64_t smmuv3_regs_cmdq_ring(const SMMUv3RegFile *f, uint64_t *addr);

/* To look at, or to migrate; valid until the next call on @f. */
const SMMUv3Regs *smmuv3_regs_state(const SMMUv3RegFile *f);

/*
 * Takes over a state that smmuv3_regs_state() gave elsewhere: streams are
 * re-driven, and what was left in the command queue is asked for by
 * ops->resume(). The identification registers stay as smmuv3_regs_reset() made
 * them. @from is not trusted: bits that do not exist are dropped.
 */
void smmuv3_regs_load(SMMUv3RegFile *f, const SMMUv3Regs *from);

#endif
