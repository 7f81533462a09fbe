/*
 * Devices and registers: adding, refusing, enabling, removing. With every call
 * to the host failing in turn: test-sweep.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>

#include "scene.h"

#define ABORT_STE (ste_config(SMMUV3_STE_CONFIG_ABORT).dw[0])
#define BYPASS_STE (ste_config(SMMUV3_STE_CONFIG_BYPASS).dw[0])

static void test_empty(void)
{
    SMMUv3Engine *e;
    Guest *g = guest_new();
    SMMUv3HostInfo info;
    SMMUv3StreamRegs regs = { .cr0 = SMMUV3_CR0_SMMUEN };

    smmuv3_engine_free(NULL);
    e = smmuv3_engine_new(&guest_ops, g);
    g_assert_false(smmuv3_engine_host_info(e, &info));
    smmuv3_attach_all(e, &regs);
    g_assert_cmpuint(smmuv3_engine_stats(e)->attaches, ==, 0);
    smmuv3_engine_free(e);
    guest_free(g);
}

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

static const FakeObject *attached_hwpt(const Scene *s, unsigned i)
{
    return g_hash_table_lookup(s->host->objects,
                               GUINT_TO_POINTER(s->dev[i]->pt));
}

/* A CD could ask for stalls that the guest was told there are none of. */
static void test_no_stalls(void)
{
    uint32_t host[6];
    Scene s;

    memcpy(host, host_idr, sizeof(host));
    host[0] &= ~(uint32_t)SMMUV3_IDR0_STALL_MODEL;
    scene_init_idr(&s, host, guest_idr);
    scene_add(&s, 0);
    scene_enable(&s);
    scene_install(&s, 0, ste_s1(0x80000));
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    g_assert_true(GUINT64_FROM_LE(attached_hwpt(&s, 0)->ste[1]) &
                  SMMUV3_STE1_S1STALLD);
    scene_done(&s);

    scene_init_translating(&s);
    g_assert_false(GUINT64_FROM_LE(attached_hwpt(&s, 0)->ste[1]) &
                   SMMUV3_STE1_S1STALLD);
    scene_done(&s);
}

/* A device that moved translates again without a command that names it. */
static void test_renumbered_is_driven(void)
{
    Scene s;

    scene_init(&s);
    scene_add(&s, 0);
    scene_add(&s, 1);
    scene_enable(&s);
    scene_install(&s, 0, ste_s1(0x80000));
    scene_install(&s, 1, ste_s1(0x90000));
    guest_set_vsid(s.guest, s.dev[0], FIRST_SID + 8);
    strtab_set(s.guest, &s.regs, FIRST_SID + 8, ste_s1(0xa0000));
    scene_command(&s, cmd_cfgi_ste(FIRST_SID + 1));
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    g_assert_cmphex(GUINT64_FROM_LE(attached_hwpt(&s, 0)->ste[0]) &
                    SMMUV3_STE0_S1CONTEXTPTR, ==, 0xa0000);
    scene_done(&s);
}

/* Two devices of one number: the second aborts, and splits no batch. */
static void test_contended_vsid_is_quiet(void)
{
    unsigned calls;
    Scene s;

    scene_init(&s);
    guest_set_vsid(s.guest, s.dev[1], FIRST_SID);
    scene_add(&s, 0);
    scene_add(&s, 1);
    scene_enable(&s);
    scene_install(&s, 0, ste_s1(0x80000));
    calls = s.host->calls[FAKE_CALLS];
    for (unsigned i = 0; i < 4; i++) {
        queue_push(&s.queue, cmd_tlbi_va(1, 0x1000 * i));
        queue_push(&s.queue, cmd_cfgi_ste(FIRST_SID));
    }
    g_assert_cmpint(queue_run(&s.queue, s.engine).status, ==,
                    SMMUV3_CMDQ_DRAINED);
    g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, calls + 1);
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    g_assert_cmpint(scene_kind(&s, 1), ==, SMMUV3_STREAM_ABORT);
    scene_done(&s);
}

static void test_failure_is_told(void)
{
    Scene s;

    scene_init(&s);
    scene_add(&s, 0);
    scene_enable(&s);
    fake_host_fail_nth(s.host, FAKE_HWPT_ALLOC, 1, ENOSPC);
    scene_install(&s, 0, ste_s1(0x80000));
    g_assert_cmpuint(s.guest->failures, ==, 1);
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_ABORT);
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

/* What the host does to a group; why the engine takes none of its devices. */
static void test_group_kernel(void)
{
    const uint64_t ste[2] = { GUINT64_TO_LE(ABORT_STE), 0 };
    SMMUv3HostId viommu, hwpt, vdevice[2];
    Scene s;

    scene_init(&s);
    s.dev[0]->group = s.dev[1]->group = 7;
    g_assert_cmpint(fake_host_ops.viommu_alloc(s.host, s.dev[0], s.parent,
                                               &viommu), ==, 0);
    g_assert_cmpint(fake_host_ops.hwpt_alloc(s.host, viommu, s.dev[0], ste,
                                             &hwpt), ==, 0);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpint(fake_host_ops.vdevice_alloc(s.host, viommu, s.dev[i],
                                                    i, &vdevice[i]), ==, 0);
    }
    g_assert_cmpint(fake_host_ops.attach(s.host, s.dev[0], hwpt), ==, 0);
    g_assert_cmpuint(s.dev[1]->pt, ==, hwpt);
    g_assert_true(fake_device_on_parent(s.dev[2]));
    g_assert_cmpint(fake_host_ops.attach(s.host, s.dev[1], s.parent), ==, 0);
    g_assert_true(fake_device_on_parent(s.dev[0]));
    fake_host_ops.destroy(s.host, vdevice[0]);
    fake_host_ops.destroy(s.host, vdevice[1]);
    fake_host_ops.destroy(s.host, hwpt);
    fake_host_ops.destroy(s.host, viommu);
    memset(s.host->all_calls, 0, sizeof(s.host->all_calls));
    scene_done(&s);
}

/* The host by itself: what it answers where the engine never asks. */
typedef struct Bare {
    Scene s;
    SMMUv3HostId viommu, bypass, translate, vdevice;
} Bare;

static SMMUv3HostId bare_hwpt(Bare *b, SMMUv3Ste ste)
{
    const uint64_t words[2] = {
        GUINT64_TO_LE(ste.dw[0]), GUINT64_TO_LE(ste.dw[1]),
    };
    SMMUv3HostId hwpt;

    g_assert_cmpint(fake_host_ops.hwpt_alloc(b->s.host, b->viommu, b->s.dev[0],
                                             words, &hwpt), ==, 0);
    return hwpt;
}

static void bare_init(Bare *b)
{
    scene_init(&b->s);
    g_assert_cmpint(fake_host_ops.viommu_alloc(b->s.host, b->s.dev[0],
                                               b->s.parent, &b->viommu), ==, 0);
    b->bypass = bare_hwpt(b, ste_config(SMMUV3_STE_CONFIG_BYPASS));
    b->translate = bare_hwpt(b, ste_s1(CONTEXT_PTR));
}

static void bare_give_vdevice(Bare *b)
{
    g_assert_cmpint(fake_host_ops.vdevice_alloc(b->s.host, b->viommu,
                                                b->s.dev[0], FIRST_SID,
                                                &b->vdevice), ==, 0);
}

static void expect_attach(Bare *b, SMMUv3HostId pt, int ret)
{
    SMMUv3HostId was = b->s.dev[0]->pt;

    g_assert_cmpint(fake_host_ops.attach(b->s.host, b->s.dev[0], pt), ==, ret);
    g_assert_cmpuint(b->s.dev[0]->pt, ==, ret ? was : pt);
}

static void bare_done(Bare *b)
{
    SMMUv3Host *h = b->s.host;

    expect_attach(b, b->s.parent, 0);
    fake_host_ops.destroy(h, b->vdevice);
    fake_host_ops.destroy(h, b->bypass);
    fake_host_ops.destroy(h, b->translate);
    fake_host_ops.destroy(h, b->viommu);
    memset(h->all_calls, 0, sizeof(h->all_calls));
    h->all_entries = 0;
    h->rule_breaks = 0;
    scene_done(&b->s);
}

static bool rules_are(const char *version)
{
    const char *chosen = g_getenv(FAKE_RULES_ENV);

    return !strcmp(chosen ? chosen : "6.19", version);
}

/* Linux 6.13 asks for no vDEVICE, 6.15 always, 6.19 of what translates. */
static void test_rules_kernel(void)
{
    Bare b;

    bare_init(&b);
    expect_attach(&b, b.bypass, rules_are("6.15") ? -ENOENT : 0);
    expect_attach(&b, b.translate, rules_are("6.13") ? 0 : -ENOENT);
    expect_attach(&b, b.s.parent, 0);
    bare_give_vdevice(&b);
    expect_attach(&b, b.bypass, 0);
    expect_attach(&b, b.translate, 0);
    bare_done(&b);
}

/* A sibling without a vDEVICE holds up who has one. */
static void test_group_rules_kernel(void)
{
    Bare b;

    bare_init(&b);
    b.s.dev[0]->group = b.s.dev[1]->group = 7;
    bare_give_vdevice(&b);
    expect_attach(&b, b.bypass, rules_are("6.15") ? -ENOENT : 0);
    expect_attach(&b, b.translate, rules_are("6.13") ? 0 : -ENOENT);
    bare_done(&b);
}

/* From a table to another: which of them the SMMU is told of, by CFGI_STE. */
static void test_ste_kernel(void)
{
    SMMUv3Ste with_eats = ste_s1(CONTEXT_PTR);
    SMMUv3HostId same, eats;
    Bare b;

    with_eats.dw[1] |= SMMUV3_PREP(SMMUV3_STE1_EATS, SMMUV3_STE_EATS_FULL);
    bare_init(&b);
    bare_give_vdevice(&b);
    same = bare_hwpt(&b, ste_s1(CONTEXT_PTR));
    eats = bare_hwpt(&b, with_eats);
    expect_attach(&b, b.translate, 0);
    for (unsigned no_ats = 0; no_ats < 2; no_ats++) {
        b.s.dev[0]->no_ats = no_ats;
        fake_host_forget(b.s.host);
        expect_attach(&b, same, 0);
        g_assert_cmpuint(b.s.host->reached->len, ==, 0);
        expect_attach(&b, eats, 0);
        g_assert_cmpuint(b.s.host->reached->len, ==, !no_ats);
        expect_attach(&b, b.translate, 0);
        g_assert_cmpuint(b.s.host->reached->len, ==, no_ats ? 0 : 2);
    }
    fake_host_ops.destroy(b.s.host, same);
    fake_host_ops.destroy(b.s.host, eats);
    bare_done(&b);
}

enum { COUNTED = SMMUV3_HOST_BLOCK + 7 };

static uint32_t count_of_failure(Bare *b, int err)
{
    SMMUv3Cmd cmds[COUNTED];
    uint32_t done = UINT32_MAX;

    for (unsigned i = 0; i < COUNTED; i++) {
        SMMUv3Cmd cmd = i < SMMUV3_HOST_BLOCK
                        ? cmd_tlbi_va(1, 0x1000 * i)
                        : cmd_atc_inv(FIRST_SID, 0x1000 * i, 0);

        cmds[i].dw[0] = GUINT64_TO_LE(cmd.dw[0]);
        cmds[i].dw[1] = GUINT64_TO_LE(cmd.dw[1]);
    }
    g_assert_cmpint(fake_host_ops.invalidate(b->s.host, b->viommu, cmds,
                                             COUNTED, &done), ==, -err);
    return done;
}

/* Of a block without an answer it is the last; one before its end. */
static void test_count_kernel(void)
{
    static const struct {
        int err;
        uint32_t done;
    } injected[] = {
        { ETIMEDOUT, SMMUV3_HOST_BLOCK - 1 }, { ENOMEM, COUNTED },
        { ENODEV, 0 },
    };
    Bare b;

    bare_init(&b);
    bare_give_vdevice(&b);
    expect_attach(&b, b.translate, 0);
    b.s.host->atc_dead[b.s.host->n_atc_dead++] = FIRST_SID;
    g_assert_cmpuint(count_of_failure(&b, ETIMEDOUT), ==, COUNTED - 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(injected); i++) {
        fake_host_fail_nth(b.s.host, FAKE_INVALIDATE, 1, injected[i].err);
        g_assert_cmpuint(count_of_failure(&b, injected[i].err), ==,
                         injected[i].done);
    }
    bare_done(&b);
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

/* Registers. */

static void test_gbpa(void)
{
    Scene s;

    scene_init(&s);
    scene_add(&s, 0);
    scene_add(&s, 1);
    s.regs.gbpa = SMMUV3_GBPA_ABORT;
    smmuv3_attach_all(s.engine, &s.regs);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmphex(fake_device_ste0(s.dev[i]), ==, ABORT_STE);
        g_assert_cmpint(scene_kind(&s, i), ==, SMMUV3_STREAM_ABORT);
    }
    s.regs.gbpa = 0;
    smmuv3_attach_all(s.engine, &s.regs);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_true(fake_device_on_parent(s.dev[i]));
    }
    scene_done(&s);
}

/* GBPA says nothing while SMMUEN=1. */
static void test_gbpa_enabled(void)
{
    Scene s;

    scene_init_translating(&s);
    s.regs.gbpa = SMMUV3_GBPA_ABORT;
    smmuv3_attach_all(s.engine, &s.regs);
    g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, 0);
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    scene_disable(&s);
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_ABORT);
    scene_done(&s);
}

/* 0->1 drives every stream, named in a command or not; 1->0 as well. */
static void test_smmuen(void)
{
    Scene s;

    scene_init(&s);
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        scene_add(&s, i);
    }
    strtab_set(s.guest, &s.regs, FIRST_SID, ste_s1(CONTEXT_PTR));
    strtab_set(s.guest, &s.regs, FIRST_SID + 1,
               ste_config(SMMUV3_STE_CONFIG_BYPASS));
    scene_enable(&s);
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    g_assert_cmpint(scene_kind(&s, 1), ==, SMMUV3_STREAM_BYPASS);
    g_assert_cmpint(scene_kind(&s, 2), ==, SMMUV3_STREAM_ABORT);
    g_assert_cmphex(fake_device_ste0(s.dev[0]), ==, ste_s1(CONTEXT_PTR).dw[0]);
    g_assert_cmphex(fake_device_ste0(s.dev[1]), ==, BYPASS_STE);
    g_assert_cmphex(fake_device_ste0(s.dev[2]), ==, ABORT_STE);
    scene_disable(&s);
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        g_assert_true(fake_device_on_parent(s.dev[i]));
    }
    scene_done(&s);
}

/* What a boot costs, beside VFIO's own HWPT and attachment. */

static void expect_calls(const Scene *s, unsigned allocs, unsigned attaches,
                         unsigned detaches)
{
    g_assert_cmpuint(s->host->calls[FAKE_HWPT_ALLOC], ==, allocs);
    g_assert_cmpuint(s->host->calls[FAKE_ATTACH], ==, attaches);
    g_assert_cmpuint(s->host->calls[FAKE_DETACH], ==, detaches);
}

/* The buses are numbered when the driver of the SMMU is there already. */
static void test_boot(void)
{
    Scene s;

    scene_init(&s);
    guest_clear_vsid(s.guest, s.dev[0]);
    scene_add(&s, 0);
    expect_calls(&s, 0, 0, 0);
    scene_enable(&s);
    expect_calls(&s, 0, 0, 1);
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_ABORT);
    g_assert_cmpuint(s.dev[0]->pt, ==, 0);
    smmuv3_attach_all(s.engine, &s.regs);
    scene_command(&s, cmd_cfgi_range(0, 31));
    expect_calls(&s, 0, 0, 1);
    guest_set_vsid(s.guest, s.dev[0], FIRST_SID);
    /* Linux writes an STE in two steps; the first leaves it aborting. */
    scene_install(&s, 0, ste_config(SMMUV3_STE_CONFIG_ABORT));
    g_assert_cmphex(fake_device_ste0(s.dev[0]), ==, ABORT_STE);
    scene_install(&s, 0, ste_s1(CONTEXT_PTR));
    expect_calls(&s, 2, 2, 1);
    scene_done(&s);
}

/* Firmware has numbered them before. */
static void test_boot_firmware(void)
{
    Scene s;

    scene_init(&s);
    scene_add(&s, 0);
    scene_enable(&s);
    g_assert_cmphex(fake_device_ste0(s.dev[0]), ==, ABORT_STE);
    scene_install(&s, 0, ste_s1(CONTEXT_PTR));
    expect_calls(&s, 2, 2, 0);
    scene_done(&s);
}

/* To set GBPA.ABORT is to abort, with a StreamID and without. */
static void test_boot_gbpa(void)
{
    Scene s;

    scene_init(&s);
    guest_clear_vsid(s.guest, s.dev[1]);
    scene_add(&s, 0);
    scene_add(&s, 1);
    s.regs.gbpa = SMMUV3_GBPA_ABORT;
    smmuv3_attach_all(s.engine, &s.regs);
    g_assert_cmphex(fake_device_ste0(s.dev[0]), ==, ABORT_STE);
    g_assert_cmpuint(s.dev[1]->pt, ==, 0);
    expect_calls(&s, 1, 1, 1);
    s.regs.gbpa = 0;
    smmuv3_attach_all(s.engine, &s.regs);
    g_assert_true(fake_device_on_parent(s.dev[0]));
    g_assert_true(fake_device_on_parent(s.dev[1]));
    expect_calls(&s, 1, 3, 1);
    scene_done(&s);
}

/* A device that never left the parent costs nothing when it goes. */
static void test_unused(void)
{
    Scene s;

    scene_init(&s);
    scene_add(&s, 0);
    scene_remove(&s, 0);
    expect_calls(&s, 0, 0, 0);
    scene_done(&s);
}

/*
 * Stage 2 alone while SMMUEN=0; the guest's own bypass is nested, so that the
 * kernel knows whose events are whose.
 */
static void test_bypass_is_told(void)
{
    Scene s;

    scene_init(&s);
    scene_add(&s, 0);
    strtab_set(s.guest, &s.regs, FIRST_SID,
               ste_config(SMMUV3_STE_CONFIG_BYPASS));
    g_assert_cmpuint(s.dev[0]->tells, ==, 0);
    scene_enable(&s);
    g_assert_cmphex(fake_device_ste0(s.dev[0]), ==, BYPASS_STE);
    g_assert_cmpuint(s.dev[0]->tells, !=, 0);
    g_assert_cmphex(s.dev[0]->tells_vsid, ==, FIRST_SID);
    scene_disable(&s);
    g_assert_true(fake_device_on_parent(s.dev[0]));
    scene_done(&s);
}

static int no_vdevice(SMMUv3Host *h G_GNUC_UNUSED, FakeCall call)
{
    return call == FAKE_VDEVICE_ALLOC ? ENOMEM : 0;
}

/* A host that gives no vDEVICE: only what translates fails. */
static void test_no_vdevice(void)
{
    unsigned calls;
    Scene s;

    scene_init(&s);
    scene_add(&s, 0);
    scene_add(&s, 1);
    strtab_set(s.guest, &s.regs, FIRST_SID,
               ste_config(SMMUV3_STE_CONFIG_BYPASS));
    s.host->fails = no_vdevice;
    scene_enable(&s);
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_BYPASS);
    g_assert_true(fake_device_on_parent(s.dev[0]));
    g_assert_cmpint(scene_kind(&s, 1), ==, SMMUV3_STREAM_ABORT);
    g_assert_cmpuint(s.dev[1]->pt, ==, 0);
    g_assert_cmpuint(s.guest->failures, ==, 0);
    calls = s.host->calls[FAKE_CALLS];
    scene_command(&s, cmd_cfgi_ste(FIRST_SID));
    g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, calls + 1);
    scene_install(&s, 0, ste_s1(CONTEXT_PTR));
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_ABORT);
    g_assert_cmpuint(s.guest->failures, ==, 1);
    s.host->fails = NULL;
    scene_command(&s, cmd_cfgi_range(0, 31));
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    g_assert_cmphex(fake_device_ste0(s.dev[1]), ==, ABORT_STE);
    scene_done(&s);
}

/* Another stream table, as a kexec'ed guest sets one up. */
static void test_new_strtab(void)
{
    Scene s;

    scene_init_translating(&s);
    strtab_linear(s.guest, &s.regs, STRTAB_ADDR + 0x10000, 8);
    strtab_set(s.guest, &s.regs, FIRST_SID, ste_s1(CONTEXT_PTR + 0x1000));
    smmuv3_attach_all(s.engine, &s.regs);
    g_assert_cmphex(fake_device_ste0(s.dev[0]), ==,
                    ste_s1(CONTEXT_PTR + 0x1000).dw[0]);
    scene_done(&s);
}

/* A reset, and the same guest again: nothing piles up. */
static void test_reset(void)
{
    unsigned objects = 0;
    Scene s;

    scene_init_translating(&s);
    for (unsigned i = 0; i < 10; i++) {
        SMMUv3StreamRegs regs = s.regs, zero = { 0 };

        smmuv3_attach_all(s.engine, &zero);
        g_assert_true(fake_device_on_parent(s.dev[0]));
        smmuv3_features_set(s.engine, guest_idr);
        smmuv3_attach_all(s.engine, &regs);
        g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_TRANSLATE);
        if (!i) {
            objects = g_hash_table_size(s.host->objects);
        }
        g_assert_cmpuint(g_hash_table_size(s.host->objects), ==, objects);
    }
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

/* A failed replacement. */

static void expect_aborting(const Scene *s, unsigned i)
{
    g_assert_cmpint(scene_kind(s, i), ==, SMMUV3_STREAM_ABORT);
    if (s->dev[i]->pt) {
        g_assert_cmphex(fake_device_ste0(s->dev[i]), ==, ABORT_STE);
    }
}

static void test_failed_replace(gconstpointer data)
{
    FakeCall call = GPOINTER_TO_UINT(data);
    Scene s;

    scene_init_translating(&s);
    fake_host_fail_nth(s.host, call, 1, EINVAL);
    scene_install(&s, 0, ste_s1(CONTEXT_PTR + 0x1000));
    g_assert_true(s.host->injected);
    expect_aborting(&s, 0);
    g_assert_cmpuint(smmuv3_engine_stats(s.engine)->attach_failures, ==, 1);
    /* The guest tries again; now it works. */
    scene_command(&s, cmd_cfgi_ste(FIRST_SID));
    g_assert_cmphex(fake_device_ste0(s.dev[0]), ==,
                    ste_s1(CONTEXT_PTR + 0x1000).dw[0]);
    scene_done(&s);
}

/* Not even the abort HWPT can be attached: the device is blocked. */
static void test_failed_abort(void)
{
    Scene s;

    scene_init_translating(&s);
    fake_host_fail_nth(s.host, FAKE_ATTACH, 1, EINVAL);
    fake_host_fail_nth(s.host, FAKE_CALLS, 3, ENOMEM);
    scene_install(&s, 0, ste_s1(CONTEXT_PTR + 0x1000));
    g_assert_cmpuint(s.dev[0]->pt, ==, 0);
    expect_aborting(&s, 0);
    scene_command(&s, cmd_cfgi_ste(FIRST_SID));
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    scene_done(&s);
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_cases();
    g_test_add_func("/engine/no-stalls", test_no_stalls);
    g_test_add_func("/engine/renumbered-is-driven", test_renumbered_is_driven);
    g_test_add_func("/engine/contended-vsid-is-quiet",
                    test_contended_vsid_is_quiet);
    g_test_add_func("/engine/failure-is-told", test_failure_is_told);
    g_test_add_func("/engine/empty", test_empty);
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
    g_test_add_func("/engine/group-kernel", test_group_kernel);
    g_test_add_func("/engine/group-kernel/rules", test_group_rules_kernel);
    g_test_add_func("/engine/rules-kernel", test_rules_kernel);
    g_test_add_func("/engine/ste-kernel", test_ste_kernel);
    g_test_add_func("/engine/count-kernel", test_count_kernel);
    g_test_add_func("/engine/regs/gbpa", test_gbpa);
    g_test_add_func("/engine/regs/gbpa-enabled", test_gbpa_enabled);
    g_test_add_func("/engine/regs/smmuen", test_smmuen);
    g_test_add_func("/engine/boot", test_boot);
    g_test_add_func("/engine/boot/firmware", test_boot_firmware);
    g_test_add_func("/engine/boot/gbpa", test_boot_gbpa);
    g_test_add_func("/engine/unused", test_unused);
    g_test_add_func("/engine/bypass-is-told", test_bypass_is_told);
    g_test_add_func("/engine/no-vdevice", test_no_vdevice);
    g_test_add_func("/engine/regs/new-strtab", test_new_strtab);
    g_test_add_func("/engine/regs/reset", test_reset);
    g_test_add_func("/engine/hotplug", test_hotplug);
    g_test_add_data_func("/engine/failed-replace/hwpt",
                         GUINT_TO_POINTER(FAKE_HWPT_ALLOC),
                         test_failed_replace);
    g_test_add_data_func("/engine/failed-replace/attach",
                         GUINT_TO_POINTER(FAKE_ATTACH), test_failed_replace);
    g_test_add_func("/engine/failed-replace/abort", test_failed_abort);
    return g_test_run();
}
