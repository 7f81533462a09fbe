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

/* The most commands of a window, after which the VMM has its thread back. */
#define SMMUV3_WINDOW_MAX 16384

/*
 * A slice ends earlier if its commands are expensive. A command for the host
 * costs 1, so that a slice of them is one invalidate call; an MSI costs 1. A
 * call that a CMD_SYNC asks for costs 8, as does a look at the stream table; a
 * changed attachment costs 56 more. A range of StreamIDs costs 1 for 8 devices,
 * because it is compared with each.
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

    /* regwrite.c: the guest's registers, and the state of its queue. */
    SMMUv3Regs regs;
    bool paused;
    bool waiting;                   /* for the host, until engine_resume() */
    bool restarted;                 /* CMDQEN was set since the last run */
    bool unsettled;                 /* rest is still to be acted upon */
    SMMUv3CmdqResult rest;          /* a quiet run's result, if unsettled */

    /* attach.c, renumber.c: streams. */
    SMMUv3StreamRegs driven;        /* the registers that streams go by */
    SMMUv3VsidTable *vsids;
    GPtrArray *devices;             /* SMMUv3EngineDevice *, not owned */
    SMMUv3EngineStats stats;

    /* plug.c: made with the first device, gone with the last. */
    SMMUv3HostPort port;
    SMMUv3HostId parent;
    SMMUv3HwptTable *hwpts;
    bool tlb_stale;                 /* no vIOMMU took TLBIs for a while */

    /* host-events.c, ste-events.c */
    bool events_wanted;
    SMMUv3HostId veventq;           /* 0: none */
    int events_fd;                  /* veventq's, unless that is 0 */
    uint32_t next_sequence;         /* of the host's next event */
    unsigned events_due;            /* how many devices have event_due */

    /* cmdq.c, window.c: the window in progress. */
    SMMUv3Cmd *window;              /* SMMUV3_WINDOW_MAX, host byte order */
    uint32_t *syncs;                /* the window's CMD_SYNCs */
    uint64_t msi_field;             /* a CMD_SYNC's MSIAddress; 0: no MSIs */
    uint64_t msi_bits;              /* msi_field's bits below OAS */
    SMMUv3ForwardRules rules;
    SMMUv3Coalesce gathered;
    SMMUv3Batch batch;
    unsigned tries;                 /* how often the host refused at CONS */
    SMMUv3AtcRound atc;
};

/*
 * A command that the host refuses waits at CONS, because hardware refuses none.
 * It is tried again after 1, 2, 4, ... 128 ms and five times 128 more. That is
 * 895 ms in all, because Linux gives a CMD_SYNC up after a second.
 */
#define SMMUV3_TRIES_MAX 13
#define SMMUV3_WAIT_MAX_MS 128

/* An MSI, which is aborted if the VMM has promised MSIs and takes none. */
static inline int smmuv3_send_msi(SMMUv3Engine *e, uint64_t addr,
                                  uint32_t data)
{
    return e->fe.msi ? e->fe.msi(e->opaque, addr, data) : -EFAULT;
}

/* engine.c: sets the promise. */
void smmuv3_features_set(SMMUv3Engine *e, const uint32_t idr[6]);

#endif
