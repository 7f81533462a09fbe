/*
 * The command queue: fetches a window, looks at each command, runs it.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_CMDQ_H
#define ENGINE_CMDQ_H

#include "smmuv3-engine.h"

/* The command queue's registers. CONS's ERR field is the caller's to write. */
typedef struct SMMUv3CmdqRegs {
    uint64_t base;              /* SMMU_CMDQ_BASE, 6.3.26 */
    uint32_t prod;              /* index and wrap bit, 6.3.27 */
    uint32_t cons;              /* index and wrap bit, 6.3.28; advanced */
    bool quiet;                 /* see smmuv3_cmdq_run() */
    bool restarted;             /* CMDQEN was 0 since the last run */
} SMMUv3CmdqRegs;

typedef enum SMMUv3CmdqStatus {
    SMMUV3_CMDQ_DRAINED,        /* CONS reached PROD */
    SMMUV3_CMDQ_MORE,           /* a slice is done; call again soon */
    SMMUV3_CMDQ_WAIT,           /* the host refused; call again in wait_ms */
    SMMUV3_CMDQ_STOPPED,        /* CONS names the failing command, see cerror */
    SMMUV3_CMDQ_NOT_QUIET,      /* nothing was done: run it without quiet */
} SMMUv3CmdqStatus;

typedef struct SMMUv3CmdqResult {
    SMMUv3CmdqStatus status;
    SMMUv3CmdError cerror;
    unsigned wait_ms;           /* with WAIT; otherwise 0 */
    bool msi_aborted;           /* a CMD_SYNC's: GERROR.MSI_CMDQ_ABT_ERR */
    bool events_due;            /* smmuv3_ste_events_take() has some */
} SMMUv3CmdqResult;

/*
 * Consumes from @q->cons to @q->prod, one slice at the most, as one window: a
 * single copy out of guest memory, as few invalidate calls as the port's limit
 * allows. A slice is 16384 commands, of them at most 4096 that the host is sent
 * or that send an MSI, 512 that look at a stream table, or 64 that change an
 * attachment. A call that timed out ends it, after two more at the most. A PROD
 * that claims more than the queue holds is bounded by its size.
 *
 * The caller has checked that CMDQEN=1 and that no CMDQ_ERR is unacknowledged.
 * On STOPPED it writes ERR and toggles GERROR; for an aborted MSI it toggles
 * GERROR.
 *
 * A command that the host refuses, though not as illegal (the device is being
 * reset, memory is short), waits at CONS with the stream as it was: WAIT, 13
 * times at the most, 0.9 s in all. After that a stream aborts
 * (stream_failed()), and an invalidation is CERROR_ABT. So is the configuration
 * of a stream that the host does not even let abort.
 *
 * A quiet run forwards invalidations and completes CMD_SYNCs, as nearly all
 * runs do. If its slice has anything else (a stream's configuration, a wired
 * interrupt, an illegal command), the run does nothing; or, if a CMD_SYNC had
 * to be completed first, it ends before that command, with MORE. It calls read,
 * msi, msi_is_quiet, consumed, window_done and batch_done of the VMM, and
 * invalidate of the port, so a VMM needs no locks for its other callbacks.
 * Calls are serialized all the same.
 */
SMMUv3CmdqResult smmuv3_cmdq_run(SMMUv3Engine *e, SMMUv3CmdqRegs *q);

/*
 * The size in bytes of the command queue whose SMMU_CMDQ_BASE is @base, and in
 * *@addr its address.
 */
uint64_t smmuv3_cmdq_ring(uint64_t base, uint64_t *addr);

/* The promise or the host changed: derives how commands are forwarded. */
void smmuv3_cmdq_set_idr(SMMUv3Engine *e);

#endif
