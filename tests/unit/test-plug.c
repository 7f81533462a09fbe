/*
 * Plugging and unplugging: who is taken, who is refused and why, what is left
 * behind, and what is made up for when devices come again.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "scene.h"

static void test_add_remove(void)
{
    SMMUv3HostInfo info;
    Scene s;

    scene_init(&s);
    scene_add(&s, 0);
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_BYPASS);
    g_assert_true(fake_device_on_parent(s.dev[0]));
    g_assert_cmpuint(s.host->calls[FAKE_HWPT_ALLOC], ==, 0);
    g_assert_cmpuint(s.host->calls[FAKE_ATTACH], ==, 0);
    g_assert_true(smmuv3_engine_host_info(s.engine, &info));
    g_assert_cmpmem(info.idr, sizeof(info.idr), host_idr, sizeof(info.idr));
    g_assert_cmpuint(fake_objects(s.host, FAKE_VIOMMU), ==, 1);
    scene_remove(&s, 0);
    fake_host_assert_clean(s.host);
    g_assert_true(fake_device_on_parent(s.dev[0]));
    g_assert_false(smmuv3_engine_host_info(s.engine, &info));
    scene_add(&s, 0);
    scene_done(&s);
}

/* One vIOMMU for all; it goes with the last, whatever the order. */
static void test_remove_order(gconstpointer data)
{
    static const unsigned orders[][3] = {
        { 0, 1, 2 }, { 2, 1, 0 }, { 1, 0, 2 }, { 0, 2, 1 },
    };
    const unsigned *order = orders[GPOINTER_TO_UINT(data)];
    Scene s;

    scene_init(&s);
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        scene_add(&s, i);
    }
    scene_enable(&s);
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        scene_install(&s, i, ste_s1(CONTEXT_PTR + 0x1000 * (i / 2)));
    }
    g_assert_cmpuint(fake_objects(s.host, FAKE_VIOMMU), ==, 1);
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        g_assert_cmpuint(fake_objects(s.host, FAKE_VIOMMU), ==, 1);
        scene_remove(&s, order[i]);
        g_assert_true(fake_device_on_parent(s.dev[order[i]]));
        g_assert_cmpuint(s.dev[order[i]]->vdevice, ==, 0);
    }
    fake_host_assert_clean(s.host);
    scene_done(&s);
}

/* A vDEVICE goes before its device's fd closes, i.e. within remove(). */
static void test_remove_all_calls(void)
{
    const FakeRecord *r;
    Scene s;

    scene_init_translating(&s);
    scene_remove(&s, 0);
    r = &g_array_index(s.host->journal, FakeRecord, 0);
    g_assert_cmpint(r[0].call, ==, FAKE_ATTACH);
    g_assert_cmpuint(r[0].id, ==, s.parent);
    for (guint i = 1; i < s.host->journal->len; i++) {
        g_assert_cmpint(r[i].call, ==, FAKE_DESTROY);
        g_assert_cmpint(r[i].ret, ==, 0);
    }
    scene_done(&s);
}

/* The parent cannot be had again: the device is blocked, never nested. */
static void test_remove_blocks(void)
{
    Scene s;

    scene_init_translating(&s);
    fake_host_fail_nth(s.host, FAKE_ATTACH, 1, ENOMEM);
    scene_remove(&s, 0);
    g_assert_cmpuint(s.dev[0]->pt, ==, 0);
    fake_host_assert_clean(s.host);
    scene_done(&s);
}

/* Hot plug: what joins an enabled SMMU goes where its STE says at once. */
static void test_hotplug(void)
{
    Scene s;

    scene_init_translating(&s);
    strtab_set(s.guest, &s.regs, FIRST_SID + 1, ste_s1(CONTEXT_PTR));
    scene_add(&s, 1);
    scene_add(&s, 2);
    g_assert_cmpint(scene_kind(&s, 1), ==, SMMUV3_STREAM_TRANSLATE);
    g_assert_cmpuint(s.dev[1]->pt, ==, s.dev[0]->pt);
    g_assert_cmpint(scene_kind(&s, 2), ==, SMMUV3_STREAM_ABORT);
    scene_done(&s);
}

/* Refusals: the reason, the errno, and the device as it was. */

static void expect_refused(Scene *s, unsigned i, int ret, SMMUv3Refusal why)
{
    SMMUv3HostId pt = s->dev[i]->pt;
    SMMUv3Refusal got = SMMUV3_REFUSAL_NONE;

    s->edev[i] = NULL;
    g_assert_cmpint(scene_try_add(s, i, &got), ==, ret);
    g_assert_cmpint(got, ==, why);
    g_assert_null(s->edev[i]);
    g_assert_cmpuint(s->dev[i]->pt, ==, pt);
    g_assert_cmpuint(s->dev[i]->vdevice, ==, 0);
}

static void test_refuse_info(void)
{
    Scene s;

    scene_init(&s);
    fake_host_fail_nth(s.host, FAKE_GET_INFO, 1, EIO);
    expect_refused(&s, 0, -EIO, SMMUV3_REFUSAL_INFO);
    fake_host_assert_clean(s.host);
    scene_add(&s, 0);
    scene_done(&s);
}

static void test_refuse_not_smmuv3(void)
{
    Scene s;

    scene_init(&s);
    s.dev[0]->smmu = NULL;
    expect_refused(&s, 0, -ENODEV, SMMUV3_REFUSAL_NOT_SMMUV3);
    g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, 1);
    scene_done(&s);
}

static void test_refuse_no_nesting(void)
{
    uint32_t host[6];
    Scene s;

    memcpy(host, host_idr, sizeof(host));
    host[3] &= ~(uint32_t)SMMUV3_IDR3_FWB;
    scene_init_idr(&s, host, guest_idr);
    expect_refused(&s, 0, -EOPNOTSUPP, SMMUV3_REFUSAL_NO_NESTING);
    fake_host_assert_clean(s.host);
    scene_done(&s);
}

static void test_refuse_attach(void)
{
    Scene s;

    scene_init(&s);
    strtab_set(s.guest, &s.regs, FIRST_SID, ste_s1(CONTEXT_PTR));
    scene_enable(&s);
    fake_host_fail_nth(s.host, FAKE_ATTACH, 1, EBUSY);
    expect_refused(&s, 0, -EBUSY, SMMUV3_REFUSAL_ATTACH);
    fake_host_assert_clean(s.host);
    fake_host_fail_nth(s.host, FAKE_HWPT_ALLOC, 1, ENOMEM);
    expect_refused(&s, 0, -ENOMEM, SMMUV3_REFUSAL_ATTACH);
    fake_host_assert_clean(s.host);
    scene_add(&s, 0);
    scene_done(&s);
}

typedef struct FeatureCase {
    const char *name;
    unsigned reg;
    uint64_t host_clear, host_set;
    bool needed;
} FeatureCase;

/* Which field is whose business: test-promise.c. */
static const FeatureCase feature_cases[] = {
    { "GRAN16K", 5, SMMUV3_IDR5_GRAN16K, 0, true },
    { "SSIDSIZE", 1, SMMUV3_IDR1_SSIDSIZE, 0, true },
    { "RIL", 3, SMMUV3_IDR3_RIL, 0, false },
    { "stalls-forced", 0, SMMUV3_IDR0_STALL_MODEL,
      SMMUV3_PREP(SMMUV3_IDR0_STALL_MODEL, 2), true },
};

static void test_feature(gconstpointer data)
{
    const FeatureCase *c = data;
    uint32_t host[6];
    Scene s;

    memcpy(host, host_idr, sizeof(host));
    host[c->reg] &= ~(uint32_t)c->host_clear;
    host[c->reg] |= c->host_set;
    scene_init_idr(&s, host, guest_idr);
    if (c->needed) {
        expect_refused(&s, 0, -EOPNOTSUPP, SMMUV3_REFUSAL_FEATURE);
    } else {
        scene_add(&s, 0);
    }
    scene_done(&s);
}

static void test_refuse_other_host(void)
{
    SMMUv3EngineDevice *out = NULL;
    SMMUv3Refusal why = SMMUV3_REFUSAL_NONE;
    SMMUv3HostDevice *dev;
    SMMUv3HostId parent;
    SMMUv3Host *other;
    SMMUv3Plug plug;
    FakeSmmu *smmu;
    Scene s;

    scene_init(&s);
    scene_add(&s, 0);
    other = fake_host_new();
    smmu = fake_smmu_new(other, host_idr);
    parent = fake_parent_new(other, smmu);
    dev = fake_device_new(other, smmu, parent);
    plug = (SMMUv3Plug) {
        .ops = &fake_host_ops, .host = other, .dev = dev, .parent = parent,
        .cookie = dev,
    };
    g_assert_cmpint(smmuv3_engine_plug(s.engine, &plug, &out, &why), <, 0);
    g_assert_cmpint(why, ==, SMMUV3_REFUSAL_OTHER_HOST);
    g_assert_null(out);
    g_assert_true(fake_device_on_parent(dev));
    /* When the first host's devices are gone, the other may be the first. */
    scene_remove(&s, 0);
    g_assert_cmpint(smmuv3_engine_plug(s.engine, &plug, &out, &why), ==, 0);
    smmuv3_engine_unplug(s.engine, out);
    g_assert_cmpuint(other->rule_breaks, ==, 0);
    /* The engine's counters are of both. */
    for (unsigned i = 0; i < FAKE_CALLS; i++) {
        s.host->all_calls[i] += other->all_calls[i];
    }
    s.host->all_entries += other->all_entries;
    fake_host_free(other);
    scene_done(&s);
}

static void test_refuse_other_smmu(void)
{
    FakeSmmu *other;
    Scene s;

    scene_init(&s);
    scene_add(&s, 0);
    other = fake_smmu_new(s.host, host_idr);
    s.parent = fake_parent_new(s.host, other);
    s.dev[1] = fake_device_new(s.host, other, s.parent);
    expect_refused(&s, 1, -EXDEV, SMMUV3_REFUSAL_OTHER_SMMU);
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_BYPASS);
    g_assert_cmpuint(fake_objects(s.host, FAKE_VIOMMU), ==, 1);
    scene_done(&s);
}

/* With both of them for this guest, and with a sibling that nobody gave. */
static void test_refuse_group(void)
{
    Scene s;

    scene_init(&s);
    s.dev[0]->group = s.dev[1]->group = 7;
    expect_refused(&s, 0, -EXDEV, SMMUV3_REFUSAL_SHARED_GROUP);
    expect_refused(&s, 1, -EXDEV, SMMUV3_REFUSAL_SHARED_GROUP);
    fake_host_assert_clean(s.host);
    scene_add(&s, 2);
    scene_enable(&s);
    expect_refused(&s, 0, -EXDEV, SMMUV3_REFUSAL_SHARED_GROUP);
    /* A group of its own is none that is shared. */
    s.dev[1]->group = 8;
    scene_add(&s, 0);
    scene_install(&s, 0, ste_s1(CONTEXT_PTR));
    g_assert_true(fake_device_on_parent(s.dev[1]));
    scene_done(&s);
}

/* What the guest said while nobody was there to be told is made up for. */

static SMMUv3Cmd nh_all(void)
{
    return cmd_raw(SMMUV3_CMD_TLBI_NH_ALL, 0);
}

static void remove_and_lose_a_tlbi(Scene *s)
{
    scene_remove(s, 0);
    fake_host_forget(s->host);
    g_assert_cmpint(scene_command(s, cmd_tlbi_va(1, 0x1000)).status, ==,
                    SMMUV3_CMDQ_DRAINED);
    g_assert_cmpuint(s->host->calls[FAKE_CALLS], ==, 0);
}

static void expect_nh_all(const Scene *s, unsigned times)
{
    SMMUv3Cmd cmd = nh_all();

    g_assert_cmpuint(s->host->issued->len, ==, times);
    for (unsigned i = 0; i < times; i++) {
        g_assert_cmpmem(fake_issued(s->host, i), sizeof(cmd), &cmd,
                        sizeof(cmd));
    }
}

static unsigned place_of(const Scene *s, FakeCall call)
{
    for (guint i = 0; i < s->host->journal->len; i++) {
        if (g_array_index(s->host->journal, FakeRecord, i).call == call) {
            return i;
        }
    }
    g_assert_not_reached();
}

static void test_reopen(void)
{
    Scene s;

    scene_init(&s);
    scene_enable(&s);
    strtab_set(s.guest, &s.regs, FIRST_SID, ste_s1(CONTEXT_PTR));
    scene_add(&s, 0);
    expect_nh_all(&s, 0);           /* the parent is new, and so is its VMID */
    remove_and_lose_a_tlbi(&s);
    scene_add(&s, 0);
    expect_nh_all(&s, 1);
    g_assert_cmpuint(smmuv3_engine_stats(s.engine)->sent, ==,
                     smmuv3_engine_stats(s.engine)->forwarded);
    g_assert_cmpuint(place_of(&s, FAKE_INVALIDATE), <,
                     place_of(&s, FAKE_ATTACH));
    scene_add(&s, 1);
    expect_nh_all(&s, 1);
    scene_done(&s);
}

static void test_reopen_repeat(void)
{
    Scene s;

    scene_init(&s);
    s.smmu->info.repeat_tlbi_cfgi = 1;
    scene_add(&s, 0);
    remove_and_lose_a_tlbi(&s);
    scene_add(&s, 0);
    expect_nh_all(&s, 2);
    scene_done(&s);
}

/* No device on top of a TLB that is not clean; the next try cleans it. */
static void test_reopen_fails(void)
{
    Scene s;

    scene_init(&s);
    scene_add(&s, 0);
    remove_and_lose_a_tlbi(&s);
    fake_host_fail_nth(s.host, FAKE_INVALIDATE, 1, ENOENT);
    expect_refused(&s, 0, -EIO, SMMUV3_REFUSAL_ATTACH);
    fake_host_forget(s.host);
    scene_add(&s, 0);
    expect_nh_all(&s, 1);
    scene_done(&s);
}

/* ---- The port: what is missing in it, and what is too much ---- */

typedef void (*AnyFunction)(void);

typedef struct PortFunction {
    const char *name;
    size_t offset;
} PortFunction;

#define FUNCTION(name) { #name, offsetof(SMMUv3HostOps, name) }

/* All are mandatory. */
static const PortFunction functions[] = {
    FUNCTION(get_info), FUNCTION(viommu_alloc), FUNCTION(vdevice_alloc),
    FUNCTION(hwpt_alloc), FUNCTION(attach), FUNCTION(detach),
    FUNCTION(invalidate), FUNCTION(veventq_alloc), FUNCTION(veventq_read),
    FUNCTION(veventq_close), FUNCTION(destroy),
};

G_STATIC_ASSERT(sizeof(SMMUv3HostOps) ==
                sizeof(size_t) + sizeof(AnyFunction) *
                G_N_ELEMENTS(functions));

/* No more memory than @size, because a sanitizer sees then who reads on. */
static void *ops_of_size(size_t size)
{
    char *ops = g_malloc0(MAX(size, sizeof(size)));

    memcpy(ops, &fake_host_ops, MIN(size, sizeof(fake_host_ops)));
    memcpy(ops, &size, sizeof(size));
    return ops;
}

/* Plugs device @i with @ops and frees them. */
static int plug_with(Scene *s, unsigned i, void *ops, SMMUv3Refusal *why)
{
    SMMUv3Plug plug = {
        .ops = ops, .host = s->host, .dev = s->dev[i], .parent = s->parent,
        .cookie = s->dev[i],
    };
    int ret = smmuv3_engine_plug(s->engine, &plug, &s->edev[i], why);

    g_free(ops);
    return ret;
}

/* As first device and as second; nothing is asked of the host. */
static void expect_incomplete(void *(*make)(size_t n), size_t n)
{
    SMMUv3Refusal why;
    Scene s;

    scene_init(&s);
    for (unsigned i = 0; i < 2; i++) {
        unsigned calls = s.host->calls[FAKE_CALLS];

        why = SMMUV3_REFUSAL_NONE;
        g_assert_cmpint(plug_with(&s, i, make(n), &why), ==, -EINVAL);
        g_assert_cmpint(why, ==, SMMUV3_REFUSAL_INFO);
        g_assert_null(s.edev[i]);
        g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, calls);
        g_assert_true(fake_device_on_parent(s.dev[i]));
        scene_add(&s, i);
    }
    scene_done(&s);
}

static void expect_complete(size_t size)
{
    SMMUv3Refusal why = SMMUV3_REFUSAL_NONE;
    Scene s;

    scene_init(&s);
    g_assert_cmpint(plug_with(&s, 0, ops_of_size(size), &why), ==, 0);
    scene_enable(&s);
    scene_install(&s, 0, ste_s1(CONTEXT_PTR));
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    scene_done(&s);
}

static void *ops_without(size_t n)
{
    char *ops = ops_of_size(sizeof(SMMUv3HostOps));

    memset(ops + functions[n].offset, 0, sizeof(AnyFunction));
    return ops;
}

static void test_port_without(gconstpointer data)
{
    expect_incomplete(ops_without, GPOINTER_TO_SIZE(data));
}

/* Of an earlier version, or without even the whole size. */
static void test_port_smaller(void)
{
    size_t size = 0;

    for (; size < sizeof(size); size++) {
        expect_incomplete(ops_of_size, size);
    }
    for (; size < sizeof(SMMUv3HostOps); size += sizeof(AnyFunction)) {
        expect_incomplete(ops_of_size, size);
    }
}

static void *ops_with_tail(size_t at)
{
    char *ops = ops_of_size(sizeof(SMMUv3HostOps) + 2 * sizeof(AnyFunction));

    ops[sizeof(SMMUv3HostOps) + at] = 1;
    return ops;
}

/* Of a later version: it may know more, but not use it. */
static void test_port_larger(void)
{
    expect_complete(sizeof(SMMUv3HostOps));
    for (size_t tail = 0; tail < 2 * sizeof(AnyFunction); tail++) {
        expect_complete(sizeof(SMMUv3HostOps) + tail + 1);
        expect_incomplete(ops_with_tail, tail);
    }
}

static void add_port(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(functions); i++) {
        g_autofree char *path = g_strdup_printf("/plug/port/without/%s",
                                                functions[i].name);

        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_port_without);
    }
    g_test_add_func("/plug/port/smaller", test_port_smaller);
    g_test_add_func("/plug/port/larger", test_port_larger);
}

static void add_cases(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(feature_cases); i++) {
        g_autofree char *path = g_strdup_printf("/engine/feature/%s",
                                                feature_cases[i].name);

        g_test_add_data_func(path, &feature_cases[i], test_feature);
    }
    for (unsigned i = 0; i < 4; i++) {
        g_autofree char *path = g_strdup_printf("/engine/remove/order/%u", i);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_remove_order);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_cases();
    add_port();
    g_test_add_func("/engine/add-remove", test_add_remove);
    g_test_add_func("/engine/remove/calls", test_remove_all_calls);
    g_test_add_func("/engine/remove/blocks", test_remove_blocks);
    g_test_add_func("/engine/reopen/tlbi", test_reopen);
    g_test_add_func("/engine/reopen/repeat", test_reopen_repeat);
    g_test_add_func("/engine/reopen/fails", test_reopen_fails);
    g_test_add_func("/engine/refuse/info", test_refuse_info);
    g_test_add_func("/engine/refuse/not-smmuv3", test_refuse_not_smmuv3);
    g_test_add_func("/engine/refuse/no-nesting", test_refuse_no_nesting);
    g_test_add_func("/engine/refuse/attach", test_refuse_attach);
    g_test_add_func("/engine/refuse/other-host", test_refuse_other_host);
    g_test_add_func("/engine/refuse/other-smmu", test_refuse_other_smmu);
    g_test_add_func("/engine/refuse/group", test_refuse_group);
    g_test_add_func("/engine/hotplug", test_hotplug);
    return g_test_run();
}
