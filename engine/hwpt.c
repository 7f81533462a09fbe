/*
 * The shared nested-HWPT table. See hwpt.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <glib.h>

#include "hwpt.h"
#include "smmuv3/ste.h"

/* How many translate HWPTs without references are kept for the next attach. */
#define HWPT_KEPT_MAX 8

struct SMMUv3Hwpt {
    SMMUv3StreamConfig config;
    SMMUv3HostId id;
    unsigned refs;
    GList *kept;        /* link in SMMUv3HwptTable.kept; translate only */
};

struct SMMUv3HwptTable {
    SMMUv3HostPort *port;
    bool no_stalls;
    const SMMUv3FrontendOps *fe;    /* NULL: no VMM traces */
    void *opaque;
    GHashTable *by_config;
    GQueue kept;        /* head: most recently used */
};

static guint hwpt_config_hash(gconstpointer p)
{
    const SMMUv3StreamConfig *c = p;
    uint64_t h = c->key[0] * UINT64_C(0x9e3779b97f4a7c15);

    h ^= (c->key[1] ^ c->kind) * UINT64_C(0xc2b2ae3d27d4eb4f);
    return h ^ (h >> 32);
}

static gboolean hwpt_config_equal(gconstpointer a, gconstpointer b)
{
    return smmuv3_ste_config_equal(a, b);
}

SMMUv3HwptTable *smmuv3_hwpt_table_new(SMMUv3HostPort *port, bool no_stalls)
{
    SMMUv3HwptTable *t = g_new0(SMMUv3HwptTable, 1);

    t->port = port;
    t->no_stalls = no_stalls;
    t->by_config = g_hash_table_new(hwpt_config_hash, hwpt_config_equal);
    g_queue_init(&t->kept);
    return t;
}

void smmuv3_hwpt_table_tell(SMMUv3HwptTable *t, const SMMUv3FrontendOps *fe,
                            void *opaque)
{
    t->fe = fe;
    t->opaque = opaque;
}

/* The one place where a decision becomes an STE for the kernel. */
static void hwpt_encode_ste(const SMMUv3HwptTable *t,
                            const SMMUv3StreamConfig *config, uint64_t ste[2])
{
    uint64_t dw0 = config->key[0], dw1 = config->key[1];

    switch (config->kind) {
    case SMMUV3_STREAM_TRANSLATE:
        dw1 |= t->no_stalls ? SMMUV3_STE1_S1STALLD : 0;
        break;
    case SMMUV3_STREAM_BYPASS:
        dw0 = SMMUV3_STE0_V | SMMUV3_PREP(SMMUV3_STE0_CONFIG,
                                          SMMUV3_STE_CONFIG_BYPASS);
        break;
    case SMMUV3_STREAM_ABORT:
        dw0 = SMMUV3_STE0_V | SMMUV3_PREP(SMMUV3_STE0_CONFIG,
                                          SMMUV3_STE_CONFIG_ABORT);
        break;
    }
    ste[0] = dw0;
    ste[1] = dw1;
}

static SMMUv3HwptInfo hwpt_describe(const SMMUv3HwptTable *t,
                                    const SMMUv3Hwpt *hwpt)
{
    SMMUv3HwptInfo info = {
        .id = hwpt->id, .kind = hwpt->config.kind, .users = hwpt->refs,
    };

    hwpt_encode_ste(t, &hwpt->config, info.ste);
    return info;
}

static void hwpt_tell(const SMMUv3HwptTable *t, const SMMUv3Hwpt *hwpt,
                      bool made)
{
    if (t->fe && t->fe->hwpt_changed) {
        SMMUv3HwptInfo info = hwpt_describe(t, hwpt);

        t->fe->hwpt_changed(t->opaque, &info, made);
    }
}

static void hwpt_destroy(SMMUv3HwptTable *t, SMMUv3Hwpt *hwpt)
{
    hwpt_tell(t, hwpt, false);
    smmuv3_host_destroy(t->port, hwpt->id);
    g_free(hwpt);
}

static void hwpt_drop_oldest(SMMUv3HwptTable *t)
{
    SMMUv3Hwpt *oldest = g_queue_pop_tail(&t->kept);

    g_hash_table_remove(t->by_config, &oldest->config);
    hwpt_destroy(t, oldest);
}

void smmuv3_hwpt_table_free(SMMUv3HwptTable *t)
{
    GHashTableIter iter;
    gpointer hwpt;

    g_hash_table_iter_init(&iter, t->by_config);
    while (g_hash_table_iter_next(&iter, NULL, &hwpt)) {
        g_hash_table_iter_steal(&iter);
        hwpt_destroy(t, hwpt);
    }
    g_queue_clear(&t->kept);
    g_hash_table_destroy(t->by_config);
    g_free(t);
}

static void hwpt_count_alloc(SMMUv3EngineStats *stats, SMMUv3StreamKind kind)
{
    switch (kind) {
    case SMMUV3_STREAM_TRANSLATE:
        stats->hwpt_translate++;
        break;
    case SMMUV3_STREAM_BYPASS:
        stats->hwpt_bypass++;
        break;
    case SMMUV3_STREAM_ABORT:
        stats->hwpt_abort++;
        break;
    }
}

static int hwpt_new(SMMUv3HwptTable *t, SMMUv3HostDevice *dev,
                    const SMMUv3StreamConfig *config, SMMUv3Hwpt **out)
{
    SMMUv3HostId id = 0;
    uint64_t ste[2];
    int ret;

    hwpt_encode_ste(t, config, ste);
    ste[0] = GUINT64_TO_LE(ste[0]);
    ste[1] = GUINT64_TO_LE(ste[1]);
    ret = smmuv3_host_hwpt_alloc(t->port, dev, ste, &id);
    if (ret) {
        return ret;
    }
    *out = g_new0(SMMUv3Hwpt, 1);
    (*out)->config = *config;
    (*out)->id = id;
    g_hash_table_insert(t->by_config, &(*out)->config, *out);
    hwpt_count_alloc(t->port->stats, config->kind);
    hwpt_tell(t, *out, true);
    return 0;
}

int smmuv3_hwpt_get(SMMUv3HwptTable *t, SMMUv3HostDevice *dev,
                    const SMMUv3StreamConfig *config, SMMUv3Hwpt **out)
{
    SMMUv3Hwpt *hwpt = g_hash_table_lookup(t->by_config, config);

    if (!hwpt) {
        int ret = hwpt_new(t, dev, config, &hwpt);

        if (ret) {
            return ret;
        }
    } else if (hwpt->refs) {
        t->port->stats->hwpt_shared++;
    } else {
        if (hwpt->kept) {
            g_queue_delete_link(&t->kept, hwpt->kept);
            hwpt->kept = NULL;
        }
        t->port->stats->hwpt_reused++;
    }
    hwpt->refs++;
    *out = hwpt;
    return 0;
}

void smmuv3_hwpt_put(SMMUv3HwptTable *t, SMMUv3Hwpt *hwpt)
{
    if (!hwpt || --hwpt->refs ||
        hwpt->config.kind != SMMUV3_STREAM_TRANSLATE) {
        return;
    }
    g_queue_push_head(&t->kept, hwpt);
    hwpt->kept = t->kept.head;
    if (g_queue_get_length(&t->kept) > HWPT_KEPT_MAX) {
        hwpt_drop_oldest(t);
    }
}

SMMUv3HostId smmuv3_hwpt_id(const SMMUv3Hwpt *hwpt)
{
    return hwpt->id;
}

static gint hwpt_by_id(gconstpointer a, gconstpointer b)
{
    const SMMUv3Hwpt *const *p = a, *const *q = b;

    return ((*p)->id > (*q)->id) - ((*p)->id < (*q)->id);
}

void smmuv3_hwpt_for_each(
    const SMMUv3HwptTable *t,
    void (*visit)(void *opaque, const SMMUv3HwptInfo *hwpt), void *opaque)
{
    GPtrArray *all = g_ptr_array_new();
    GHashTableIter iter;
    gpointer hwpt;

    g_hash_table_iter_init(&iter, t->by_config);
    while (g_hash_table_iter_next(&iter, NULL, &hwpt)) {
        g_ptr_array_add(all, hwpt);
    }
    g_ptr_array_sort(all, hwpt_by_id);
    for (guint i = 0; i < all->len; i++) {
        SMMUv3HwptInfo info = hwpt_describe(t, g_ptr_array_index(all, i));

        visit(opaque, &info);
    }
    g_ptr_array_free(all, TRUE);
}
