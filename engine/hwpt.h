/*
 * Nested HWPTs of one vIOMMU, shared by streams of the same configuration.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * One HWPT for each key (both STE words as they act), one for abort, one for
 * bypass; counted references. Abort and bypass stay once they are there. Of
 * the others a few that nobody references are kept, least recently used first
 * to go, so that a guest driver's unbind and bind costs attaches only.
 */
#ifndef ENGINE_HWPT_H
#define ENGINE_HWPT_H

#include "host.h"
#include "ste.h"

typedef struct SMMUv3Hwpt SMMUv3Hwpt;
typedef struct SMMUv3HwptTable SMMUv3HwptTable;

/*
 * @port is borrowed, and has a vIOMMU. @no_stalls: the host's SMMU can stall
 * and the guest was promised that it cannot, so every STE disables it (5.2
 * S1STALLD); a CD, which only the hardware reads, could ask for it otherwise.
 */
SMMUv3HwptTable *smmuv3_hwpt_table_new(SMMUv3HostPort *port, bool no_stalls);

/* Tells @fe->hwpt_changed, if there is one, of each HWPT. Borrowed. */
void smmuv3_hwpt_table_tell(SMMUv3HwptTable *t, const SMMUv3FrontendOps *fe,
                            void *opaque);

/* Destroys every HWPT; no device is attached to any. */
void smmuv3_hwpt_table_free(SMMUv3HwptTable *t);

/*
 * A reference to the HWPT for @config, allocated through @dev if there is
 * none. 0, or the host's negative errno.
 */
int smmuv3_hwpt_get(SMMUv3HwptTable *t, SMMUv3HostDevice *dev,
                    const SMMUv3StreamConfig *config, SMMUv3Hwpt **out);

/* Drops a reference; NULL is allowed. No device is attached through it. */
void smmuv3_hwpt_put(SMMUv3HwptTable *t, SMMUv3Hwpt *hwpt);

SMMUv3HostId smmuv3_hwpt_id(const SMMUv3Hwpt *hwpt);

/* See smmuv3_engine_for_each_hwpt(). */
void smmuv3_hwpt_for_each(
    const SMMUv3HwptTable *t,
    void (*visit)(void *opaque, const SMMUv3HwptInfo *hwpt), void *opaque);

#endif
