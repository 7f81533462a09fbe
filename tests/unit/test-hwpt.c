/*
 * The shared nested-HWPT table: keys, references, what is kept.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hwpt.h"
#include "scene.h"

/* The table alone, on a vIOMMU of the fake. */
typedef struct TableScene {
    SMMUv3Host *host;
    SMMUv3HostDevice *dev;
    SMMUv3HostPort port;
    SMMUv3EngineStats stats;
    SMMUv3HwptTable *table;
} TableScene;

static void table_init(TableScene *t)
{
    FakeSmmu *smmu;
    SMMUv3HostId parent;

    *t = (TableScene) { .host = fake_host_new() };
    smmu = fake_smmu_new(t->host, host_idr);
    parent = fake_parent_new(t->host, smmu);
    t->dev = fake_device_new(t->host, smmu, parent);
    t->port = (SMMUv3HostPort) { .host = t->host, .stats = &t->stats };
    g_assert_true(smmuv3_host_take_ops(&t->port, &fake_host_ops));
    g_assert_cmpint(smmuv3_host_viommu_alloc(&t->port, t->dev, parent), ==, 0);
    t->table = smmuv3_hwpt_table_new(&t->port, false);
    fake_host_forget(t->host);
}

static void table_done(TableScene *t)
{
    smmuv3_hwpt_table_free(t->table);
    g_assert_cmpint(fake_host_ops.destroy(t->host, t->port.viommu), ==, 0);
    g_assert_cmpuint(t->host->rule_breaks, ==, 0);
    fake_host_free(t->host);
}

static SMMUv3StreamConfig key(uint64_t ptr, uint64_t dw1)
{
    SMMUv3Ste ste = ste_s1(ptr);

    return (SMMUv3StreamConfig) {
        .kind = SMMUV3_STREAM_TRANSLATE, .key = { ste.dw[0], dw1 },
    };
}

static SMMUv3Hwpt *get(TableScene *t, SMMUv3StreamConfig config)
{
    SMMUv3Hwpt *hwpt = NULL;

    g_assert_cmpint(smmuv3_hwpt_get(t->table, t->dev, &config, &hwpt), ==, 0);
    g_assert_nonnull(hwpt);
    return hwpt;
}

static unsigned allocs(const TableScene *t)
{
    return t->host->calls[FAKE_HWPT_ALLOC];
}

static void test_share(void)
{
    TableScene t;
    SMMUv3Hwpt *a, *b;

    table_init(&t);
    a = get(&t, key(0x1000, 4));
    b = get(&t, key(0x1000, 4));
    g_assert_true(a == b);
    g_assert_cmpuint(allocs(&t), ==, 1);
    g_assert_cmpuint(t.stats.hwpt_shared, ==, 1);
    g_assert_cmpuint(t.stats.hwpt_translate, ==, 1);
    smmuv3_hwpt_put(t.table, a);
    g_assert_true(get(&t, key(0x1000, 4)) == b);
    g_assert_cmpuint(t.stats.hwpt_reused, ==, 0);
    smmuv3_hwpt_put(t.table, b);
    smmuv3_hwpt_put(t.table, b);
    table_done(&t);
}

/* Either word alone tells two keys apart. */
static void test_no_share(void)
{
    TableScene t;
    SMMUv3Hwpt *h[3];

    table_init(&t);
    h[0] = get(&t, key(0x1000, 4));
    h[1] = get(&t, key(0x1000, 8));
    h[2] = get(&t, key(0x2000, 4));
    g_assert_cmpuint(allocs(&t), ==, 3);
    g_assert_cmpuint(smmuv3_hwpt_id(h[0]), !=, smmuv3_hwpt_id(h[1]));
    g_assert_cmpuint(smmuv3_hwpt_id(h[0]), !=, smmuv3_hwpt_id(h[2]));
    g_assert_cmpuint(t.stats.hwpt_shared, ==, 0);
    for (int i = 0; i < 3; i++) {
        smmuv3_hwpt_put(t.table, h[i]);
    }
    table_done(&t);
}

/* What the kernel is given: the key; and for abort and bypass, just that. */
static void test_encoding(void)
{
    static const struct {
        SMMUv3StreamKind kind;
        uint64_t config;
    } cases[] = {
        { SMMUV3_STREAM_ABORT, SMMUV3_STE_CONFIG_ABORT },
        { SMMUV3_STREAM_BYPASS, SMMUV3_STE_CONFIG_BYPASS },
    };
    TableScene t;
    SMMUv3Hwpt *hwpt;
    FakeObject *o;

    table_init(&t);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        hwpt = get(&t, (SMMUv3StreamConfig) { .kind = cases[i].kind });
        o = fake_object(t.host, smmuv3_hwpt_id(hwpt));
        g_assert_cmphex(o->ste[0], ==, SMMUV3_STE0_V |
                        SMMUV3_PREP(SMMUV3_STE0_CONFIG, cases[i].config));
        g_assert_cmphex(o->ste[1], ==, 0);
        smmuv3_hwpt_put(t.table, hwpt);
    }
    hwpt = get(&t, key(0x1000, 4));
    o = fake_object(t.host, smmuv3_hwpt_id(hwpt));
    g_assert_cmphex(o->ste[0], ==, key(0x1000, 4).key[0]);
    g_assert_cmphex(o->ste[1], ==, 4);
    smmuv3_hwpt_put(t.table, hwpt);
    g_assert_cmpuint(t.stats.hwpt_abort, ==, 1);
    g_assert_cmpuint(t.stats.hwpt_bypass, ==, 1);
    table_done(&t);
}

/* The event that an aborting stream would raise makes no other HWPT. */
static void test_one_abort(void)
{
    TableScene t;
    SMMUv3StreamConfig config = { .kind = SMMUV3_STREAM_ABORT };
    SMMUv3Hwpt *a, *b;

    table_init(&t);
    a = get(&t, config);
    config.event = SMMUV3_EVENT_C_BAD_STE;
    b = get(&t, config);
    g_assert_true(a == b);
    smmuv3_hwpt_put(t.table, a);
    smmuv3_hwpt_put(t.table, b);
    table_done(&t);
}

static void test_kept(void)
{
    TableScene t;
    SMMUv3HostId id;
    SMMUv3Hwpt *hwpt;

    table_init(&t);
    hwpt = get(&t, key(0x1000, 0));
    id = smmuv3_hwpt_id(hwpt);
    smmuv3_hwpt_put(t.table, hwpt);
    g_assert_nonnull(fake_object(t.host, id));
    hwpt = get(&t, key(0x1000, 0));
    g_assert_cmpuint(smmuv3_hwpt_id(hwpt), ==, id);
    g_assert_cmpuint(allocs(&t), ==, 1);
    g_assert_cmpuint(t.stats.hwpt_reused, ==, 1);
    smmuv3_hwpt_put(t.table, hwpt);
    smmuv3_hwpt_put(t.table, NULL);
    table_done(&t);
}

/* A few are kept, the least recently used goes first. */
static void test_lru(void)
{
    const unsigned n = 100;
    TableScene t;
    unsigned kept, before;

    table_init(&t);
    for (unsigned i = 0; i < n; i++) {
        smmuv3_hwpt_put(t.table, get(&t, key(0x1000 * (i + 1), 0)));
        /* Used again and again, so it stays. */
        smmuv3_hwpt_put(t.table, get(&t, key(0x1000, 0)));
    }
    kept = fake_objects(t.host, FAKE_NESTED);
    g_assert_cmpuint(kept, >=, 2);
    g_assert_cmpuint(kept, <, 32);
    before = allocs(&t);
    g_assert_cmpuint(before, ==, n);
    smmuv3_hwpt_put(t.table, get(&t, key(0x1000, 0)));
    smmuv3_hwpt_put(t.table, get(&t, key(0x1000 * n, 0)));
    g_assert_cmpuint(allocs(&t), ==, before);
    smmuv3_hwpt_put(t.table, get(&t, key(0x2000, 0)));
    g_assert_cmpuint(allocs(&t), ==, before + 1);
    g_assert_cmpuint(fake_objects(t.host, FAKE_NESTED), ==, kept);
    table_done(&t);
}

/* However many are in use, none of those goes. */
static void test_referenced_stay(void)
{
    TableScene t;
    SMMUv3Hwpt *h[64];

    table_init(&t);
    for (unsigned i = 0; i < G_N_ELEMENTS(h); i++) {
        h[i] = get(&t, key(0x1000 * (i + 1), 0));
    }
    g_assert_cmpuint(fake_objects(t.host, FAKE_NESTED), ==, 64);
    g_assert_cmpuint(t.host->calls[FAKE_DESTROY], ==, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(h); i++) {
        smmuv3_hwpt_put(t.table, h[i]);
    }
    table_done(&t);
}

static void test_alloc_fails(void)
{
    TableScene t;
    SMMUv3Hwpt *hwpt = NULL;
    SMMUv3StreamConfig config = key(0x1000, 0);

    table_init(&t);
    fake_host_fail_nth(t.host, FAKE_HWPT_ALLOC, 1, ENOMEM);
    g_assert_cmpint(smmuv3_hwpt_get(t.table, t.dev, &config, &hwpt), ==,
                    -ENOMEM);
    g_assert_null(hwpt);
    g_assert_cmpuint(t.stats.hwpt_translate, ==, 0);
    smmuv3_hwpt_put(t.table, get(&t, config));
    table_done(&t);
}

/* Through the engine. */

static void test_streams_share(void)
{
    Scene s;

    scene_init(&s);
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        scene_add(&s, i);
    }
    scene_enable(&s);
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        scene_install(&s, i, ste_s1(CONTEXT_PTR));
    }
    g_assert_cmpuint(s.dev[0]->pt, ==, s.dev[1]->pt);
    g_assert_cmpuint(s.dev[0]->pt, ==, s.dev[2]->pt);
    g_assert_cmpuint(smmuv3_engine_stats(s.engine)->hwpt_translate, ==, 1);
    scene_install(&s, 1, ste_s1(CONTEXT_PTR + 0x1000));
    g_assert_cmpuint(s.dev[0]->pt, !=, s.dev[1]->pt);
    g_assert_cmpuint(s.dev[0]->pt, ==, s.dev[2]->pt);
    scene_done(&s);
}

static void test_word1_differs(void)
{
    SMMUv3Ste other = ste_s1(CONTEXT_PTR);
    Scene s;

    other.dw[1] ^= SMMUV3_PREP(SMMUV3_STE1_S1CSH, 1);
    scene_init(&s);
    scene_add(&s, 0);
    scene_add(&s, 1);
    scene_enable(&s);
    scene_install(&s, 0, ste_s1(CONTEXT_PTR));
    scene_install(&s, 1, other);
    g_assert_cmphex(fake_device_ste0(s.dev[0]), ==,
                    fake_device_ste0(s.dev[1]));
    g_assert_cmpuint(s.dev[0]->pt, !=, s.dev[1]->pt);
    scene_done(&s);
}

/* What the kernel does not see does not keep two streams apart. */
static void test_ignored_bits_share(void)
{
    SMMUv3Ste other = ste_s1(CONTEXT_PTR);
    Scene s;

    other.dw[0] |= SMMUV3_BIT(53);
    other.dw[1] |= SMMUV3_PREP(SMMUV3_STE1_STRW, 2);
    scene_init(&s);
    scene_add(&s, 0);
    scene_add(&s, 1);
    scene_enable(&s);
    scene_install(&s, 0, ste_s1(CONTEXT_PTR));
    scene_install(&s, 1, other);
    g_assert_cmpuint(s.dev[0]->pt, ==, s.dev[1]->pt);
    scene_done(&s);
}

static void test_unchanged(void)
{
    uint64_t unchanged;
    Scene s;

    scene_init_translating(&s);
    unchanged = smmuv3_engine_stats(s.engine)->ste_unchanged;
    scene_command(&s, cmd_cfgi_ste(FIRST_SID));
    scene_command(&s, cmd_cfgi_range(0, 31));
    smmuv3_attach_all(s.engine, &s.regs);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 2);
    g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, 2);
    g_assert_cmpuint(smmuv3_engine_stats(s.engine)->ste_unchanged, ==,
                     unchanged + 3);
    scene_done(&s);
}

/* Attach first, free after; and nothing in between. */
static void test_replace_order(void)
{
    SMMUv3HostId old;
    const FakeRecord *r;
    Scene s;

    scene_init_translating(&s);
    old = s.dev[0]->pt;
    scene_install(&s, 0, ste_s1(CONTEXT_PTR + 0x1000));
    g_assert_cmpuint(s.host->journal->len, >=, 2);
    r = &g_array_index(s.host->journal, FakeRecord, 0);
    g_assert_cmpint(r[0].call, ==, FAKE_HWPT_ALLOC);
    g_assert_cmpint(r[1].call, ==, FAKE_ATTACH);
    g_assert_cmpuint(r[1].id, ==, r[0].id);
    for (guint i = 2; i < s.host->journal->len; i++) {
        g_assert_cmpint(r[i].call, ==, FAKE_DESTROY);
    }
    g_assert_cmpuint(s.dev[0]->pt, !=, old);
    scene_done(&s);
}

/* A driver's unbind and bind: two attaches, nothing else. */
static void test_unbind_bind(void)
{
    SMMUv3HostId old;
    Scene s;

    scene_init_translating(&s);
    old = s.dev[0]->pt;
    scene_install(&s, 0, ste_config(SMMUV3_STE_CONFIG_ABORT));
    scene_install(&s, 0, ste_s1(CONTEXT_PTR));
    g_assert_cmpuint(s.dev[0]->pt, ==, old);
    g_assert_cmpuint(s.host->calls[FAKE_ATTACH], ==, 2);
    g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, 2);
    scene_done(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hwpt/share", test_share);
    g_test_add_func("/hwpt/no-share", test_no_share);
    g_test_add_func("/hwpt/encoding", test_encoding);
    g_test_add_func("/hwpt/one-abort", test_one_abort);
    g_test_add_func("/hwpt/kept", test_kept);
    g_test_add_func("/hwpt/lru", test_lru);
    g_test_add_func("/hwpt/referenced-stay", test_referenced_stay);
    g_test_add_func("/hwpt/alloc-fails", test_alloc_fails);
    g_test_add_func("/hwpt/streams/share", test_streams_share);
    g_test_add_func("/hwpt/streams/word-1", test_word1_differs);
    g_test_add_func("/hwpt/streams/ignored-bits", test_ignored_bits_share);
    g_test_add_func("/hwpt/streams/unchanged", test_unchanged);
    g_test_add_func("/hwpt/streams/replace-order", test_replace_order);
    g_test_add_func("/hwpt/streams/unbind-bind", test_unbind_bind);
    return g_test_run();
}
