/*
 * The engine's state, which its files share.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H

#include <errno.h>
#include <glib.h>

#include "batch.h"
#include "cmdq.h"
#include "coalesce.h"
#include "device.h"
#include "entry.h"
#include "forward.h"
#include "host.h"
#include "vsid.h"

/* A window: at most so many commands before the VMM gets its thread back. */
#define SMMUV3_WINDOW_MAX 16384

/*
 * Less if they are expensive. The host being sent a command costs 1, so that
 * a slice of those is what one invalidate call takes; an MSI as much; a call
 * that a CMD_SYNC asks for, and a look at the stream table, 8; a changed
 * attachment 56 more. A range of StreamIDs is compared with each device: with 8
 * for 1.
 */
#define SMMUV3_SLICE_COST SMMUV3_HOST_INVALIDATE_MAX
#define SMMUV3_COST_MSI 1
#define SMMUV3_COST_SYNCED 8
#define SMMUV3_COST_LOOKUP 8
#define SMMUV3_COST_CHANGE 56
#define SMMUV3_COMPARED_FOR_1 8

/* The last command may be a range that becomes SMMUV3_EXPAND_MAX addresses. */
#define SMMUV3_BATCH_MAX (SMMUV3_SLICE_COST + SMMUV3_EXPAND_MAX)

struct SMMUv3Engine {
    SMMUv3FrontendOps fe;
    void *opaque;
    uint32_t idr[6];                /* promised to the guest */

    /* regwrite.c: the guest's registers, and what they have set going. */
    SMMUv3Regs regs;
    bool paused;
    bool waiting;                   /* for the host; resume() was asked for */
    bool restarted;                 /* CMDQEN, since the queue was looked at */
    bool unsettled;                 /* a quiet write has left... */
    SMMUv3CmdqResult rest;          /* ...this to be acted upon */

    /* attach.c, renumber.c: streams. */
    SMMUv3StreamRegs driven;        /* what streams were last driven by */
    SMMUv3VsidTable *vsids;
    GPtrArray *devices;             /* SMMUv3EngineDevice *, not owned */
    SMMUv3EngineStats stats;

    /* plug.c: of the first device; there is no vIOMMU without a device. */
    SMMUv3HostPort port;
    SMMUv3HostId parent;
    SMMUv3HwptTable *hwpts;
    bool tlb_stale;                 /* TLBIs went nowhere: there was none */

    /* host-events.c, ste-events.c */
    bool events_wanted;
    SMMUv3HostId veventq;           /* 0: none; then events_fd means nothing */
    int events_fd;
    uint32_t next_sequence;         /* of the host's next event */
    unsigned events_due;            /* devices with event_due */

    /* cmdq.c, window.c: the window on its way. */
    SMMUv3Cmd *window;              /* SMMUV3_WINDOW_MAX, host byte order */
    uint32_t *syncs;                /* the window's CMD_SYNCs */
    uint64_t msi_field;             /* a CMD_SYNC's MSIAddress; 0: no MSIs */
    uint64_t msi_bits;              /* those of it that exist */
    SMMUv3ForwardRules rules;
    SMMUv3Coalesce gathered;
    SMMUv3Batch batch;
    unsigned tries;                 /* at CONS, that the host refused */
    SMMUv3AtcRound atc;
};

/*
 * Hardware refuses no command, so that one which the host refuses waits at CONS
 * for the host to do better: tried again after 1, 2, 4, ... 128 ms and five
 * times 128 more. That is 895 ms in all, because Linux gives a CMD_SYNC up
 * after a second.
 */
#define SMMUV3_TRIES_MAX 13
#define SMMUV3_WAIT_MAX_MS 128

/* An MSI, which is aborted if the VMM has promised MSIs and takes none. */
static inline int smmuv3_send_msi(SMMUv3Engine *e, uint64_t addr,
                                  uint32_t data)
{
    return e->fe.msi ? e->fe.msi(e->opaque, addr, data) : -EFAULT;
}

/* engine.c: what the guest is promised from now on. */
void smmuv3_features_set(SMMUv3Engine *e, const uint32_t idr[6]);

#endif
