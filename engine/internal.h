/*
 * What the engine's files share: the engine's and a device's state.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H

#include <glib.h>

#include "batch.h"
#include "hwpt.h"
#include "smmuv3-engine.h"
#include "stream.h"
#include "vsid.h"

/* One window: what is consumed before the VMM gets its thread back. */
#define SMMUV3_WINDOW_MAX 4096

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

    SMMUv3Cmd *window;              /* SMMUV3_WINDOW_MAX, host byte order */
    SMMUv3Batch batch;
    bool atc_timed_out;             /* the next CMD_SYNC has to say so */
};

struct SMMUv3EngineDevice {
    SMMUv3Engine *engine;
    SMMUv3HostDevice *host_dev;
    void *cookie;
    bool has_vsid;
    uint32_t vsid;
    SMMUv3HostId vdevice;           /* 0: none */
    SMMUv3Hwpt *hwpt;               /* NULL: on the parent, or blocked */
    SMMUv3StreamConfig config;      /* what hwpt stands for */
};

/* device.c: how a stream's decision becomes an attachment. */

/* What the registers and the stream table say of @d's stream now. */
SMMUv3StreamConfig smmuv3_device_evaluate(const SMMUv3EngineDevice *d);

/* Would smmuv3_device_apply() cost system calls? */
bool smmuv3_device_changes(const SMMUv3EngineDevice *d,
                           const SMMUv3StreamConfig *config);

/*
 * Attach first, free after. 0; or a negative errno with the stream aborting,
 * never on its old translation.
 */
int smmuv3_device_apply(SMMUv3EngineDevice *d,
                        const SMMUv3StreamConfig *config);

/* Back to the parent, vDEVICE gone. */
void smmuv3_device_release(SMMUv3EngineDevice *d);

/* Has a device another vSID than the table says? */
bool smmuv3_vsids_stale(SMMUv3Engine *e);

/* Takes the guest's numbering over, and what it changes for every stream. */
void smmuv3_vsids_sync(SMMUv3Engine *e);

#endif
