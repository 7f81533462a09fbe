/*
 * A device behind the engine, and its stream.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_DEVICE_H
#define ENGINE_DEVICE_H

#include "atc.h"
#include "hwpt.h"
#include "ste.h"

/* Where a device is attached. */
typedef enum SMMUv3Place {
    SMMUV3_ON_PARENT,               /* stage 2 alone, as it came: bypass */
    SMMUV3_ON_NESTED,
    SMMUV3_BLOCKED,                 /* detached: abort */
} SMMUv3Place;

struct SMMUv3EngineDevice {
    SMMUv3Engine *engine;
    SMMUv3HostDevice *host_dev;
    void *cookie;
    bool joined;                    /* who plugs it need not be told twice */
    bool no_ats;                    /* it has no ATC to invalidate */
    SMMUv3AtcState atc;
    bool has_vsid;
    bool renumbered;                /* and not looked at since */
    uint32_t vsid;
    SMMUv3HostId vdevice;           /* 0: none */
    SMMUv3Place place;
    SMMUv3Hwpt *hwpt;               /* SMMUV3_ON_NESTED; otherwise NULL */
    SMMUv3StreamConfig config;      /* what its place stands for */
    bool event_due;                 /* an illegal STE is to be told of */
    bool event_told;                /* it has been, and stands */
    bool cds_due;                   /* its CDs are to be dropped, see cfgi.c */
};

#endif
