/*
 * Nested HWPTs of one vIOMMU, shared by streams of the same configuration.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * One HWPT for each key (both STE words as they act), one for abort, one for
 * bypass; references are counted. Abort and bypass stay once they are made. A
 * few of the others are kept without references, because a guest driver's
 * unbind and bind then costs attaches only; the least recently used goes first.
 */
#ifndef ENGINE_HWPT_H
#define ENGINE_HWPT_H

#include "host.h"
#include "ste.h"

typedef struct SMMUv3Hwpt SMMUv3Hwpt;
typedef struct SMMUv3HwptTable SMMUv3HwptTable;

/*
 * @port is borrowed, and has a vIOMMU. @no_stalls: the host's SMMU can stall,
 * and the guest was promised that faults do not. Then every STE disables stalls
 * (5.2, S1STALLD), because a CD, which only the hardware reads, could ask for
 * them.
 */
SMMUv3HwptTable *smmuv3_hwpt_table_new(SMMUv3HostPort *port, bool no_stalls);

/* Has @fe->hwpt_changed, if set, called for each HWPT. @fe is borrowed. */
void smmuv3_hwpt_table_tell(SMMUv3HwptTable *t, const SMMUv3FrontendOps *fe,
                            void *opaque);

/* Destroys every HWPT; no device is attached to any. */
void smmuv3_hwpt_table_free(SMMUv3HwptTable *t);

/*
 * Takes a reference to the HWPT for @config, which @dev allocates if there is
 * none. 0, or the host's negative errno.
 */
int smmuv3_hwpt_get(SMMUv3HwptTable *t, SMMUv3HostDevice *dev,
                    const SMMUv3StreamConfig *config, SMMUv3Hwpt **out);

/* Drops a reference, by which no device is attached; NULL is allowed. */
void smmuv3_hwpt_put(SMMUv3HwptTable *t, SMMUv3Hwpt *hwpt);

SMMUv3HostId smmuv3_hwpt_id(const SMMUv3Hwpt *hwpt);

/* See smmuv3_engine_for_each_hwpt(). */
void smmuv3_hwpt_for_each(
    const SMMUv3HwptTable *t,
    void (*visit)(void *opaque, const SMMUv3HwptInfo *hwpt), void *opaque);

#endif
