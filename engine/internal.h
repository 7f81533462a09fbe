/*
 * What the engine's files share: the engine's and a device's state.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H

#include <glib.h>

#include "batch.h"
#include "coalesce.h"
#include "forward.h"
#include "hwpt.h"
#include "smmuv3-engine.h"
#include "stream.h"
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

/* Where a device is attached. */
typedef enum SMMUv3Place {
    SMMUV3_ON_PARENT,               /* stage 2 alone, as it came: bypass */
    SMMUV3_ON_NESTED,
    SMMUV3_BLOCKED,                 /* detached: abort */
} SMMUv3Place;

struct SMMUv3Engine {
    const SMMUv3FrontendOps *fe;
    void *opaque;
    uint32_t idr[6];                /* promised to the guest */
    SMMUv3StreamRegs regs;
    SMMUv3VsidTable *vsids;
    GPtrArray *devices;             /* SMMUv3EngineDevice *, not owned */
    SMMUv3EngineStats stats;

    /* Of the first device; there is no vIOMMU without a device. */
    const SMMUv3HostOps *ops;
    SMMUv3Host *host;
    SMMUv3HostInfo info;
    SMMUv3HostId parent;
    SMMUv3HostId viommu;
    SMMUv3HwptTable *hwpts;
    bool tlb_stale;                 /* TLBIs went nowhere: there was none */

    bool events_wanted;
    SMMUv3HostId veventq;           /* 0: none; then events_fd means nothing */
    int events_fd;
    uint32_t next_sequence;         /* of the host's next event */
    unsigned events_due;            /* devices with event_due */

    SMMUv3Cmd *window;              /* SMMUV3_WINDOW_MAX, host byte order */
    uint32_t *syncs;                /* the window's CMD_SYNCs */
    uint64_t msi_field;             /* a CMD_SYNC's MSIAddress; 0: no MSIs */
    uint64_t msi_bits;              /* those of it that exist */
    SMMUv3ForwardRules rules;
    SMMUv3Coalesce gathered;
    SMMUv3Batch batch;
    unsigned tries;                 /* at CONS, that the host refused */
    SMMUv3HostCall refused;         /* the call that it refused last */
    bool atc_timed_out;             /* the next CMD_SYNC has to say so */
    unsigned atc_round;             /* between two that said so; see below */
};

struct SMMUv3EngineDevice {
    SMMUv3Engine *engine;
    SMMUv3HostDevice *host_dev;
    void *cookie;
    bool joined;                    /* who adds it need not be told twice */
    bool no_ats;                    /* it has no ATC to invalidate */
    bool atc_suspected;             /* it has not answered... */
    unsigned atc_round;             /* ...in this round of the engine's */
    bool has_vsid;
    bool renumbered;                /* and not looked at since */
    uint32_t vsid;
    SMMUv3HostId vdevice;           /* 0: none */
    SMMUv3Place place;
    SMMUv3Hwpt *hwpt;               /* SMMUV3_ON_NESTED; otherwise NULL */
    SMMUv3StreamConfig config;      /* what its place stands for */
    bool event_due;                 /* an illegal STE is to be told of */
    bool event_told;                /* it has been, and stands */
    bool cds_due;                   /* its CDs are to be dropped, see cmdq.c */
};

/*
 * A device whose ATC may not have answered an invalidation is sent no more of
 * them until the guest has been told, by its next CMD_SYNC.
 */
static inline void smmuv3_atc_suspect(SMMUv3EngineDevice *d)
{
    d->atc_suspected = true;
    d->atc_round = d->engine->atc_round;
}

/* True for NULL, no device. */
static inline bool smmuv3_atc_suspected(const SMMUv3EngineDevice *d)
{
    return !d || (d->atc_suspected && d->atc_round == d->engine->atc_round);
}

/* The guest was told, or nobody is there to be told any more. */
static inline void smmuv3_atc_told(SMMUv3Engine *e)
{
    e->atc_timed_out = false;
    e->atc_round++;
}

/*
 * Hardware refuses no command, so that one which the host refuses waits at CONS
 * for the host to do better: tried again after 1, 2, 4, ... 128 ms and five
 * times 128 more. That is 895 ms in all, because Linux gives a CMD_SYNC up
 * after a second.
 */
#define SMMUV3_TRIES_MAX 13
#define SMMUV3_WAIT_MAX_MS 128

/* The promise or the host changed: how commands are forwarded. */
void smmuv3_cmdq_set_idr(SMMUv3Engine *e);

/* event.c: the host's queue, and what an illegal STE is to tell. */
void smmuv3_events_open(SMMUv3Engine *e);
void smmuv3_events_close(SMMUv3Engine *e);

/* A command names @d's stream: see smmuv3_engine_own_events(). */
void smmuv3_event_due(SMMUv3EngineDevice *d);

/* There is nothing to tell of @d's stream, and nothing was told. */
void smmuv3_event_forget(SMMUv3EngineDevice *d);

/* device.c: how a stream's decision becomes an attachment. */

/* What the registers and the stream table say of @d's stream now. */
SMMUv3StreamConfig smmuv3_device_evaluate(const SMMUv3EngineDevice *d);

/* Would smmuv3_device_apply() cost system calls? */
bool smmuv3_device_changes(const SMMUv3EngineDevice *d,
                           const SMMUv3StreamConfig *config);

/*
 * Attach first, free after. 0; or a negative errno, the refused call in
 * engine->refused, and the stream where it was (or aborting, if it could not
 * stay there).
 */
int smmuv3_device_try(SMMUv3EngineDevice *d, const SMMUv3StreamConfig *config);

/*
 * The host's last word was @err: the stream aborts, and the VMM is told. False:
 * it does not, as the host refuses that as well, and stays where it was.
 */
bool smmuv3_device_give_up(SMMUv3EngineDevice *d, int err);

/* 0; or a negative errno, with the stream given up. */
int smmuv3_device_apply(SMMUv3EngineDevice *d,
                        const SMMUv3StreamConfig *config);

/* Back to the parent, vDEVICE gone. */
void smmuv3_device_release(SMMUv3EngineDevice *d);

/* Has a device another vSID than the table says? */
bool smmuv3_vsids_stale(SMMUv3Engine *e);

/*
 * Takes the guest's numbering over. Whose number has changed aborts, or has
 * none, until it is applied: the caller's to do, for each that is renumbered.
 */
void smmuv3_vsids_sync(SMMUv3Engine *e);

#endif
