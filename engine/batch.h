/*
 * A batch: forwarded commands on their way to the kernel, each with its place
 * in the window, and the kernel's error contract.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_BATCH_H
#define ENGINE_BATCH_H

#include "smmuv3-engine.h"

typedef struct SMMUv3Batch {
    SMMUv3Cmd *cmds;        /* little-endian, canonical */
    uint32_t *index;        /* of each in the window */
    uint32_t n;
} SMMUv3Batch;

/* How a flush ended. */
typedef struct SMMUv3BatchResult {
    SMMUv3CmdError cerror;  /* NONE: all are complete */
    uint32_t failed;        /* otherwise: this window index, all before done */
    bool atc_timed_out;     /* an ATC_INV did; all others are complete */
    uint32_t atc_index;     /* of the first that did */
} SMMUv3BatchResult;

void smmuv3_batch_init(SMMUv3Batch *b, uint32_t capacity);
void smmuv3_batch_destroy(SMMUv3Batch *b);

/* @cmd in host byte order; there is room, as the capacity is the window's. */
void smmuv3_batch_add(SMMUv3Batch *b, SMMUv3Cmd cmd, uint32_t index);

/* Sends everything and empties the batch. */
SMMUv3BatchResult smmuv3_batch_flush(SMMUv3Batch *b, SMMUv3Engine *e);

#endif
