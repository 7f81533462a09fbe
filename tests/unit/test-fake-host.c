/*
 * The fake host by itself: what it answers where the engine never asks. It is
 * what the engine's tests are judged by.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>

#include "scene.h"

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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engine/group-kernel", test_group_kernel);
    g_test_add_func("/engine/group-kernel/rules", test_group_rules_kernel);
    g_test_add_func("/engine/rules-kernel", test_rules_kernel);
    g_test_add_func("/engine/ste-kernel", test_ste_kernel);
    g_test_add_func("/engine/count-kernel", test_count_kernel);
    return g_test_run();
}
