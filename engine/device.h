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
    SMMUV3_ON_PARENT,               /* stage 2 alone: bypass; as plugged */
    SMMUV3_ON_NESTED,
    SMMUV3_BLOCKED,                 /* detached: abort */
} SMMUv3Place;

struct SMMUv3EngineDevice {
    SMMUv3Engine *engine;
    SMMUv3HostDevice *host_dev;
    void *cookie;
    bool joined;                    /* smmuv3_engine_plug() has succeeded */
    bool no_ats;                    /* no ATC to invalidate */
    SMMUv3AtcState atc;
    bool has_vsid;
    bool renumbered;                /* the vSID changed; not attached since */
    uint32_t vsid;
    SMMUv3HostId vdevice;           /* 0: none */
    SMMUv3Place place;
    SMMUv3Hwpt *hwpt;               /* SMMUV3_ON_NESTED; otherwise NULL */
    SMMUv3StreamConfig config;      /* that place and hwpt carry out */
    bool event_due;                 /* an illegal STE is to be reported */
    bool event_told;                /* that STE was reported, and stands */
    bool cds_due;                   /* the CDs are to be dropped, see cfgi.c */
};

#endif
