/*
 * SMMUv3 event records.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Arm IHI 0070 7.3. A record is 32 bytes; its type is bits [7:0] of word 0.
 */
#ifndef SMMUV3_EVENT_H
#define SMMUV3_EVENT_H

#include <assert.h>

#include "smmuv3/field.h"

typedef struct SMMUv3EventRecord {
    uint64_t dw[4];
} SMMUv3EventRecord;

static_assert(sizeof(SMMUv3EventRecord) == 32, "an event is 32 bytes (7.3)");

#define SMMUV3_EVENT0_TYPE        SMMUV3_BITS(7, 0)
#define SMMUV3_EVENT0_SID         SMMUV3_BITS(63, 32)

/* The events that a stream's configuration can cause */
typedef enum SMMUv3EventType {
    SMMUV3_EVENT_NONE          = 0x00,
    SMMUV3_EVENT_C_BAD_STREAMID = 0x02,
    SMMUV3_EVENT_F_STE_FETCH   = 0x03,
    SMMUV3_EVENT_C_BAD_STE     = 0x04,
    SMMUV3_EVENT_F_STREAM_DISABLED = 0x06,
    SMMUV3_EVENT_C_BAD_SUBSTREAMID = 0x08,
    SMMUV3_EVENT_F_CD_FETCH    = 0x09,
} SMMUv3EventType;

#endif
