/*
 * A batch: forwarded commands on their way to the kernel, each with its place
 * in the window, and the kernel's error contract.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_BATCH_H
#define ENGINE_BATCH_H

#include <glib.h>

#include "atc.h"
#include "host.h"
#include "vsid.h"

typedef struct SMMUv3Batch {
    SMMUv3HostPort *port;
    const SMMUv3VsidTable *vsids;
    const SMMUv3AtcRound *atc;
    SMMUv3Cmd *cmds;        /* little-endian, canonical */
    uint32_t *index;        /* each command's place in the window */
    uint32_t n;
} SMMUv3Batch;

/* @cmd in host byte order. */
static inline bool smmuv3_is_atc_inv(SMMUv3Cmd cmd)
{
    return (cmd.dw[0] & SMMUV3_CMD0_OPCODE) == SMMUV3_CMD_ATC_INV;
}

/* How a flush ended. */
typedef struct SMMUv3BatchResult {
    SMMUv3CmdError cerror;  /* NONE: all complete, except atc_timed_out */
    uint32_t failed;        /* with cerror: window index; all before are done */
    bool refused;           /* failed alone, not as illegal: worth a retry */
    bool timed_out;         /* a call did; the next ones may, too */
    bool atc_timed_out;     /* some ATC_INVs did, and are not complete */
    uint32_t atc_index;     /* window index of the first such ATC_INV */
} SMMUv3BatchResult;

/* Borrows the pointers. Only a flush needs a vIOMMU. */
void smmuv3_batch_init(SMMUv3Batch *b, uint32_t capacity, SMMUv3HostPort *port,
                       const SMMUv3VsidTable *vsids,
                       const SMMUv3AtcRound *atc);
void smmuv3_batch_destroy(SMMUv3Batch *b);

/* @cmd in host byte order. The caller keeps to the capacity. */
static inline void smmuv3_batch_add(SMMUv3Batch *b, SMMUv3Cmd cmd,
                                    uint32_t index)
{
    b->cmds[b->n].dw[0] = GUINT64_TO_LE(cmd.dw[0]);
    b->cmds[b->n].dw[1] = GUINT64_TO_LE(cmd.dw[1]);
    b->index[b->n++] = index;
}

/* Sends everything and empties the batch. */
SMMUv3BatchResult smmuv3_batch_flush(SMMUv3Batch *b);

#endif
