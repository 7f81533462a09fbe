/*
 * The vSID table: the StreamID that the guest sees -> the host's device.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A vSID belongs to one device at the most. The table is a hash, because a vSID
 * may have up to 32 bits.
 */
#ifndef ENGINE_VSID_H
#define ENGINE_VSID_H

#include "smmuv3-engine.h"

typedef struct SMMUv3VsidTable SMMUv3VsidTable;

SMMUv3VsidTable *smmuv3_vsid_table_new(void);
void smmuv3_vsid_table_free(SMMUv3VsidTable *t);

/* False if another device has @vsid. */
bool smmuv3_vsid_insert(SMMUv3VsidTable *t, uint32_t vsid,
                        SMMUv3EngineDevice *d);
void smmuv3_vsid_remove(SMMUv3VsidTable *t, uint32_t vsid);

/* NULL if no device has @vsid. */
SMMUv3EngineDevice *smmuv3_vsid_find(const SMMUv3VsidTable *t, uint32_t vsid);

#endif
