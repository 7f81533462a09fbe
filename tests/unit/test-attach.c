/*
 * Attaching: where a stream's decision puts its device, when that is looked at
 * again, what it costs, and what becomes of one that the host refuses. With
 * every call to the host failing in turn: test-sweep.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>

#include "scene.h"

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

/* What a boot costs, beside VFIO's own HWPT and attachment. */

static void expect_calls(const Scene *s, unsigned allocs, unsigned attaches,
                         unsigned detaches)
{
    g_assert_cmpuint(s->host->calls[FAKE_HWPT_ALLOC], ==, allocs);
    g_assert_cmpuint(s->host->calls[FAKE_ATTACH], ==, attaches);
    g_assert_cmpuint(smmuv3_engine_stats(s->engine)->attaches, ==, attaches);
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

/* ---- To be given up ---- */

/* What it is to change to is another table. */
static SMMUv3StreamConfig init_changing(Scene *s)
{
    scene_init_translating(s);
    strtab_set(s->guest, &s->regs, FIRST_SID, ste_s1(CONTEXT_PTR + 0x1000));
    return smmuv3_attach_evaluate(s->edev[0]);
}

/* To try leaves the stream where it is; to give up aborts it, and says why. */
static void test_give_up(void)
{
    SMMUv3HostId was;
    SMMUv3StreamConfig config;
    Scene s;

    config = init_changing(&s);
    was = s.dev[0]->pt;
    g_assert_true(smmuv3_attach_changes(s.edev[0], &config));
    fake_host_fail_nth(s.host, FAKE_HWPT_ALLOC, 1, ENOSPC);
    g_assert_cmpint(smmuv3_attach_try(s.edev[0], &config), ==, -ENOSPC);
    g_assert_cmpuint(s.dev[0]->pt, ==, was);
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    g_assert_cmpuint(s.guest->failures, ==, 0);
    g_assert_true(smmuv3_attach_give_up(s.edev[0], -ENOSPC));
    expect_aborting(&s, 0);
    g_assert_cmphex(fake_device_ste0(s.dev[0]), ==, ABORT_STE);
    g_assert_cmpuint(s.guest->failures, ==, 1);
    g_assert_cmpint(s.guest->failed_call, ==, SMMUV3_CALL_HWPT_ALLOC);
    scene_done(&s);
}

static int moving_errno;

static int no_moving(SMMUv3Host *h G_GNUC_UNUSED, FakeCall call)
{
    return call == FAKE_ATTACH || call == FAKE_DETACH ? moving_errno : 0;
}

/* One that the host does not let abort stays, unless it does no DMA anyway. */
static void test_give_up_stays(gconstpointer data)
{
    SMMUv3HostId was;
    SMMUv3StreamConfig config;
    Scene s;

    config = init_changing(&s);
    was = s.dev[0]->pt;
    moving_errno = GPOINTER_TO_INT(data);
    s.host->fails = no_moving;
    g_assert_cmpint(smmuv3_attach_try(s.edev[0], &config), ==, -moving_errno);
    g_assert_cmpint(smmuv3_attach_give_up(s.edev[0], -moving_errno), ==,
                    moving_errno == ENODEV || moving_errno == EIO);
    g_assert_cmpuint(s.dev[0]->pt, ==, was);
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    g_assert_cmpuint(s.guest->failures, ==, 1);
    g_assert_cmpint(s.guest->failed_call, ==, SMMUV3_CALL_ATTACH);
    g_assert_cmpuint(smmuv3_engine_stats(s.engine)->attach_failures, ==, 1);
    s.host->fails = NULL;
    scene_done(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engine/no-stalls", test_no_stalls);
    g_test_add_func("/engine/renumbered-is-driven", test_renumbered_is_driven);
    g_test_add_func("/engine/contended-vsid-is-quiet",
                    test_contended_vsid_is_quiet);
    g_test_add_func("/engine/failure-is-told", test_failure_is_told);
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
    g_test_add_data_func("/engine/failed-replace/hwpt",
                         GUINT_TO_POINTER(FAKE_HWPT_ALLOC),
                         test_failed_replace);
    g_test_add_data_func("/engine/failed-replace/attach",
                         GUINT_TO_POINTER(FAKE_ATTACH), test_failed_replace);
    g_test_add_func("/engine/failed-replace/abort", test_failed_abort);
    g_test_add_func("/attach/give-up/aborts", test_give_up);
    g_test_add_data_func("/attach/give-up/stays", GINT_TO_POINTER(EBUSY),
                         test_give_up_stays);
    g_test_add_data_func("/attach/give-up/gone", GINT_TO_POINTER(ENODEV),
                         test_give_up_stays);
    g_test_add_data_func("/attach/give-up/asleep", GINT_TO_POINTER(EIO),
                         test_give_up_stays);
    return g_test_run();
}
