/*
 * The vSID table. See vsid.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <glib.h>

#include "vsid.h"

struct SMMUv3VsidTable {
    GHashTable *devices;
};

SMMUv3VsidTable *smmuv3_vsid_table_new(void)
{
    SMMUv3VsidTable *t = g_new0(SMMUv3VsidTable, 1);

    t->devices = g_hash_table_new(NULL, NULL);
    return t;
}

void smmuv3_vsid_table_free(SMMUv3VsidTable *t)
{
    g_hash_table_destroy(t->devices);
    g_free(t);
}

bool smmuv3_vsid_insert(SMMUv3VsidTable *t, uint32_t vsid,
                        SMMUv3EngineDevice *d)
{
    if (smmuv3_vsid_find(t, vsid)) {
        return false;
    }
    g_hash_table_insert(t->devices, GUINT_TO_POINTER(vsid), d);
    return true;
}

void smmuv3_vsid_remove(SMMUv3VsidTable *t, uint32_t vsid)
{
    g_hash_table_remove(t->devices, GUINT_TO_POINTER(vsid));
}

SMMUv3EngineDevice *smmuv3_vsid_find(const SMMUv3VsidTable *t, uint32_t vsid)
{
    return g_hash_table_lookup(t->devices, GUINT_TO_POINTER(vsid));
}
