/*
 * The vSID table, and what a guest's renumbering of its buses does.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "scene.h"
#include "vsid.h"

/* Devices are only handed through. */
static SMMUv3EngineDevice *handle(uintptr_t n)
{
    return (SMMUv3EngineDevice *)n;
}

static void test_table(void)
{
    SMMUv3VsidTable *t = smmuv3_vsid_table_new();

    g_assert_null(smmuv3_vsid_find(t, 0));
    g_assert_true(smmuv3_vsid_insert(t, 0, handle(8)));
    g_assert_true(smmuv3_vsid_insert(t, 0xffffffff, handle(16)));
    g_assert_false(smmuv3_vsid_insert(t, 0, handle(24)));
    g_assert_true(smmuv3_vsid_find(t, 0) == handle(8));
    g_assert_true(smmuv3_vsid_find(t, 0xffffffff) == handle(16));
    g_assert_null(smmuv3_vsid_find(t, 0x10000));
    smmuv3_vsid_remove(t, 0);
    smmuv3_vsid_remove(t, 7);
    g_assert_null(smmuv3_vsid_find(t, 0));
    g_assert_true(smmuv3_vsid_insert(t, 0, handle(24)));
    smmuv3_vsid_table_free(t);
}

static FakeObject *vdevice(const Scene *s, unsigned i)
{
    return fake_object(s->host, s->dev[i]->vdevice);
}

/* The vDEVICE comes before the translate attach (or the fake refuses). */
static void test_vdevice(void)
{
    Scene s;

    scene_init_translating(&s);
    g_assert_cmpuint(vdevice(&s, 0)->vsid, ==, FIRST_SID);
    g_assert_cmpuint(smmuv3_engine_stats(s.engine)->vdevices, ==, 1);
    scene_remove(&s, 0);
    g_assert_cmpuint(fake_objects(s.host, FAKE_VDEVICE), ==, 0);
    scene_done(&s);
}

/* No vSID yet: the device aborts, and a CFGI for it finds nothing. */
static void test_unknown_vsid(void)
{
    Scene s;

    scene_init(&s);
    guest_clear_vsid(s.guest, s.dev[0]);
    scene_add(&s, 0);
    scene_enable(&s);
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_ABORT);
    scene_install(&s, 0, ste_s1(CONTEXT_PTR));
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_ABORT);
    guest_set_vsid(s.guest, s.dev[0], FIRST_SID);
    scene_install(&s, 0, ste_s1(CONTEXT_PTR));
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    scene_done(&s);
}

/* Firmware numbers the buses after plug time and before SMMUEN. */
static void test_learned_at_enable(void)
{
    Scene s;

    scene_init(&s);
    guest_clear_vsid(s.guest, s.dev[0]);
    scene_add(&s, 0);
    guest_set_vsid(s.guest, s.dev[0], FIRST_SID);
    strtab_set(s.guest, &s.regs, FIRST_SID, ste_s1(CONTEXT_PTR));
    scene_enable(&s);
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    g_assert_cmpuint(vdevice(&s, 0)->vsid, ==, FIRST_SID);
    scene_done(&s);
}

static void test_renumber(void)
{
    Scene s;

    scene_init_translating(&s);
    guest_set_vsid(s.guest, s.dev[0], 0x42);
    strtab_set(s.guest, &s.regs, 0x42, ste_s1(CONTEXT_PTR));
    scene_command(&s, cmd_cfgi_ste(0x42));
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    g_assert_cmpuint(vdevice(&s, 0)->vsid, ==, 0x42);
    g_assert_cmpuint(fake_objects(s.host, FAKE_VDEVICE), ==, 1);
    scene_done(&s);
}

/* The old number's CFGI_STE must not reach the device any more. */
static void test_renumber_old(void)
{
    Scene s;

    scene_init_translating(&s);
    guest_set_vsid(s.guest, s.dev[0], 0x42);
    scene_command(&s, cmd_cfgi_ste(FIRST_SID));
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_ABORT);
    scene_done(&s);
}

/* A bypassing stream that is renumbered does not stay on bypass. */
static void test_renumber_bypass(void)
{
    Scene s;

    scene_init(&s);
    scene_add(&s, 0);
    scene_enable(&s);
    scene_install(&s, 0, ste_config(SMMUV3_STE_CONFIG_BYPASS));
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_BYPASS);
    guest_set_vsid(s.guest, s.dev[0], 0x42);
    scene_command(&s, cmd_cfgi_ste(FIRST_SID + 1));
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_ABORT);
    scene_done(&s);
}

/* It loses its number: it aborts, and to stay so costs no further call. */
static void test_renumber_none(void)
{
    unsigned calls;
    Scene s;

    scene_init_translating(&s);
    guest_clear_vsid(s.guest, s.dev[0]);
    scene_command(&s, cmd_cfgi_ste(FIRST_SID));
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_ABORT);
    g_assert_cmphex(fake_device_ste0(s.dev[0]), ==,
                    ste_config(SMMUV3_STE_CONFIG_ABORT).dw[0]);
    g_assert_cmpuint(fake_objects(s.host, FAKE_VDEVICE), ==, 0);
    calls = s.host->calls[FAKE_CALLS];
    scene_command(&s, cmd_cfgi_range(0, 31));
    smmuv3_attach_all(s.engine, &s.regs);
    g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, calls);
    guest_set_vsid(s.guest, s.dev[0], FIRST_SID);
    scene_command(&s, cmd_cfgi_ste(FIRST_SID));
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    scene_done(&s);
}

/* With SMMUEN=0 a stream has no STE, so that another number changes nothing. */
static void test_renumber_while_off(void)
{
    Scene s;

    scene_init(&s);
    scene_add(&s, 0);
    fake_host_forget(s.host);
    guest_set_vsid(s.guest, s.dev[0], 0x42);
    smmuv3_attach_all(s.engine, &s.regs);
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_BYPASS);
    g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, 0);
    strtab_set(s.guest, &s.regs, 0x42, ste_s1(CONTEXT_PTR));
    scene_enable(&s);
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    g_assert_cmpuint(vdevice(&s, 0)->vsid, ==, 0x42);
    scene_done(&s);
}

static SMMUv3HostDevice *watched;
static unsigned destroyed;

/* A vDEVICE goes only when its device does not translate any more. */
static int on_destroy(SMMUv3Host *h G_GNUC_UNUSED, FakeCall call)
{
    if (call == FAKE_DESTROY) {
        g_assert_cmphex(SMMUV3_GET(SMMUV3_STE0_CONFIG,
                                   fake_device_ste0(watched)), !=,
                        SMMUV3_STE_CONFIG_S1);
        destroyed++;
    }
    return 0;
}

/* The write that clears SMMUEN is the first to see the new number. */
static void test_renumber_and_off(void)
{
    Scene s;

    scene_init_translating(&s);
    watched = s.dev[0];
    destroyed = 0;
    s.host->fails = on_destroy;
    guest_set_vsid(s.guest, s.dev[0], 0x42);
    scene_disable(&s);
    g_assert_cmpuint(destroyed, >, 0);
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_BYPASS);
    g_assert_cmpuint(fake_objects(s.host, FAKE_VDEVICE), ==, 0);
    s.host->fails = NULL;
    scene_done(&s);
}

static void test_swap(void)
{
    Scene s;

    scene_init(&s);
    scene_add(&s, 0);
    scene_add(&s, 1);
    scene_enable(&s);
    scene_install(&s, 0, ste_s1(CONTEXT_PTR));
    scene_install(&s, 1, ste_s1(CONTEXT_PTR + 0x1000));
    guest_set_vsid(s.guest, s.dev[0], FIRST_SID + 1);
    guest_set_vsid(s.guest, s.dev[1], FIRST_SID);
    scene_command(&s, cmd_cfgi_range(0, 31));
    g_assert_cmpuint(vdevice(&s, 0)->vsid, ==, FIRST_SID + 1);
    g_assert_cmpuint(vdevice(&s, 1)->vsid, ==, FIRST_SID);
    g_assert_cmphex(fake_device_ste0(s.dev[0]) & SMMUV3_STE0_S1CONTEXTPTR,
                    ==, CONTEXT_PTR + 0x1000);
    g_assert_cmphex(fake_device_ste0(s.dev[1]) & SMMUV3_STE0_S1CONTEXTPTR,
                    ==, CONTEXT_PTR);
    scene_done(&s);
}

/* Two devices with one number: the second has none, and aborts. */
static void test_duplicate(void)
{
    Scene s;

    scene_init_translating(&s);
    guest_set_vsid(s.guest, s.dev[1], FIRST_SID);
    scene_add(&s, 1);
    scene_command(&s, cmd_cfgi_range(0, 31));
    g_assert_cmpint(scene_kind(&s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    g_assert_cmpint(scene_kind(&s, 1), ==, SMMUV3_STREAM_ABORT);
    g_assert_cmpuint(fake_objects(s.host, FAKE_VDEVICE), ==, 1);
    /* The first goes; then the number is free for the second. */
    scene_remove(&s, 0);
    scene_command(&s, cmd_cfgi_range(0, 31));
    g_assert_cmpint(scene_kind(&s, 1), ==, SMMUV3_STREAM_TRANSLATE);
    scene_done(&s);
}

/* CFGI_CD and ATC_INV go where the vSID says, and nowhere else. */
static void test_forward_after_renumber(void)
{
    Scene s;

    scene_init_translating(&s);
    guest_set_vsid(s.guest, s.dev[0], 0x42);
    strtab_set(s.guest, &s.regs, 0x42, ste_s1(CONTEXT_PTR));
    scene_command(&s, cmd_cfgi_ste(0x42));
    fake_host_forget(s.host);
    scene_command(&s, cmd_cfgi_cd(FIRST_SID, 0));
    g_assert_cmpuint(s.host->issued->len, ==, 0);
    scene_command(&s, cmd_cfgi_cd(0x42, 0));
    g_assert_cmpuint(s.host->issued->len, ==, 1);
    scene_done(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vsid/table", test_table);
    g_test_add_func("/vsid/vdevice", test_vdevice);
    g_test_add_func("/vsid/unknown", test_unknown_vsid);
    g_test_add_func("/vsid/learned-at-enable", test_learned_at_enable);
    g_test_add_func("/vsid/renumber/new", test_renumber);
    g_test_add_func("/vsid/renumber/old", test_renumber_old);
    g_test_add_func("/vsid/renumber/bypass", test_renumber_bypass);
    g_test_add_func("/vsid/renumber/none", test_renumber_none);
    g_test_add_func("/vsid/renumber/while-off", test_renumber_while_off);
    g_test_add_func("/vsid/renumber/and-off", test_renumber_and_off);
    g_test_add_func("/vsid/renumber/swap", test_swap);
    g_test_add_func("/vsid/renumber/forward", test_forward_after_renumber);
    g_test_add_func("/vsid/duplicate", test_duplicate);
    return g_test_run();
}
