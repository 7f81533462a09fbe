/*
 * The scene that most tests begin with. See scene.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "scene.h"

#define IDR0_COMMON                                                     \
    (SMMUV3_IDR0_S1P | SMMUV3_IDR0_COHACC | SMMUV3_IDR0_ASID16 |        \
     SMMUV3_IDR0_CD2L | SMMUV3_IDR0_TERM_MODEL |                        \
     SMMUV3_PREP(SMMUV3_IDR0_TTF, 2) |                                  \
     SMMUV3_PREP(SMMUV3_IDR0_TTENDIAN, 2) |                             \
     SMMUV3_PREP(SMMUV3_IDR0_ST_LEVEL, 1))
#define IDR5_COMMON                                                     \
    (SMMUV3_PREP(SMMUV3_IDR5_OAS, 4) | SMMUV3_IDR5_GRAN4K |             \
     SMMUV3_IDR5_GRAN16K | SMMUV3_IDR5_GRAN64K)

const uint32_t guest_idr[6] = {
    IDR0_COMMON | SMMUV3_IDR0_ATS | SMMUV3_PREP(SMMUV3_IDR0_STALL_MODEL, 1),
    SMMUV3_PREP(SMMUV3_IDR1_SIDSIZE, 16) |
    SMMUV3_PREP(SMMUV3_IDR1_SSIDSIZE, 10),
    0,
    SMMUV3_IDR3_HAD | SMMUV3_IDR3_RIL,
    0,
    IDR5_COMMON,
};

const uint32_t host_idr[6] = {
    IDR0_COMMON | SMMUV3_IDR0_S2P | SMMUV3_IDR0_ATS | SMMUV3_IDR0_HYP |
    SMMUV3_PREP(SMMUV3_IDR0_STALL_MODEL, 1),
    SMMUV3_PREP(SMMUV3_IDR1_SIDSIZE, 32) |
    SMMUV3_PREP(SMMUV3_IDR1_SSIDSIZE, 20),
    0,
    SMMUV3_IDR3_HAD | SMMUV3_IDR3_RIL | SMMUV3_IDR3_FWB |
    SMMUV3_PREP(SMMUV3_IDR3_BBML, 2),
    0,
    IDR5_COMMON,
};

void scene_init_idr(Scene *s, const uint32_t host[6], const uint32_t guest[6])
{
    *s = (Scene) { .host = fake_host_new(), .guest = guest_new() };
    s->smmu = fake_smmu_new(s->host, host);
    s->parent = fake_parent_new(s->host, s->smmu);
    s->engine = smmuv3_engine_new(&guest_ops, s->guest);
    smmuv3_features_set(s->engine, guest);
    scene_populate(s, SCENE_DEVICES);
    strtab_linear(s->guest, &s->regs, STRTAB_ADDR, 8);
    for (unsigned sid = 0; sid < 256; sid++) {
        strtab_set(s->guest, &s->regs, sid,
                   ste_config(SMMUV3_STE_CONFIG_ABORT));
    }
    s->regs.cr0 = 0;
    queue_init(&s->queue, s->guest, CMDQ_ADDR, 8);
}

void scene_populate(Scene *s, unsigned n)
{
    g_assert_cmpuint(n, <=, SCENE_MAX);
    for (unsigned i = 0; i < n; i++) {
        if (!s->dev[i]) {
            s->dev[i] = fake_device_new(s->host, s->smmu, s->parent);
            guest_set_vsid(s->guest, s->dev[i], FIRST_SID + i);
        }
    }
}

void scene_init(Scene *s)
{
    scene_init_idr(s, host_idr, guest_idr);
}

/* Compares each counter of the engine with the fake's own count. */
static void expect_exact_stats(const Scene *s)
{
    static const FakeCall calls[SMMUV3_CALLS] = {
        [SMMUV3_CALL_GET_INFO] = FAKE_GET_INFO,
        [SMMUV3_CALL_VIOMMU_ALLOC] = FAKE_VIOMMU_ALLOC,
        [SMMUV3_CALL_VDEVICE_ALLOC] = FAKE_VDEVICE_ALLOC,
        [SMMUV3_CALL_HWPT_ALLOC] = FAKE_HWPT_ALLOC,
        [SMMUV3_CALL_ATTACH] = FAKE_ATTACH,
        [SMMUV3_CALL_DETACH] = FAKE_DETACH,
        [SMMUV3_CALL_INVALIDATE] = FAKE_INVALIDATE,
        [SMMUV3_CALL_VEVENTQ_ALLOC] = FAKE_VEVENTQ_ALLOC,
        [SMMUV3_CALL_VEVENTQ_READ] = FAKE_VEVENTQ_READ,
        [SMMUV3_CALL_DESTROY] = FAKE_DESTROY,
    };
    const SMMUv3EngineStats *stats = smmuv3_engine_stats(s->engine);
    uint64_t commands = 0;

    for (unsigned i = 0; i < SMMUV3_CALLS; i++) {
        g_assert_cmpuint(stats->calls[i], ==, s->host->all_calls[calls[i]]);
    }
    g_assert_cmpuint(stats->entries, ==, s->host->all_entries);
    for (unsigned i = 0; i < SMMUV3_CLASSES; i++) {
        g_assert_cmpuint(stats->by_class[i], ==, s->guest->classes[i]);
        commands += stats->by_class[i];
    }
    g_assert_cmpuint(stats->commands, ==, commands);
}

void scene_done(Scene *s)
{
    expect_exact_stats(s);
    smmuv3_engine_free(s->engine);
    g_assert_cmpuint(s->host->rule_breaks, ==, 0);
    fake_host_free(s->host);
    guest_free(s->guest);
}

int scene_try_add(Scene *s, unsigned i, SMMUv3Refusal *why)
{
    SMMUv3Plug plug = {
        .ops = &fake_host_ops, .host = s->host, .dev = s->dev[i],
        .parent = s->parent, .cookie = s->dev[i],
    };

    return smmuv3_engine_plug(s->engine, &plug, &s->edev[i], why);
}

void scene_add(Scene *s, unsigned i)
{
    SMMUv3Refusal why = SMMUV3_REFUSAL_NONE;

    g_assert_cmpint(scene_try_add(s, i, &why), ==, 0);
    g_assert_nonnull(s->edev[i]);
}

void scene_remove(Scene *s, unsigned i)
{
    smmuv3_engine_unplug(s->engine, s->edev[i]);
    s->edev[i] = NULL;
}

void scene_enable(Scene *s)
{
    s->regs.cr0 |= SMMUV3_CR0_SMMUEN;
    smmuv3_attach_all(s->engine, &s->regs);
}

void scene_disable(Scene *s)
{
    s->regs.cr0 &= ~(uint32_t)SMMUV3_CR0_SMMUEN;
    smmuv3_attach_all(s->engine, &s->regs);
}

SMMUv3CmdqResult scene_command(Scene *s, SMMUv3Cmd cmd)
{
    queue_push(&s->queue, cmd);
    return queue_run(&s->queue, s->engine);
}

void scene_install(Scene *s, unsigned i, SMMUv3Ste ste)
{
    SMMUv3CmdqResult r;

    strtab_set(s->guest, &s->regs, FIRST_SID + i, ste);
    r = scene_command(s, cmd_cfgi_ste(FIRST_SID + i));
    g_assert_cmpint(r.status, ==, SMMUV3_CMDQ_DRAINED);
}

void scene_init_translating(Scene *s)
{
    scene_init(s);
    scene_add(s, 0);
    scene_enable(s);
    scene_install(s, 0, ste_s1(CONTEXT_PTR));
    g_assert_cmpint(scene_kind(s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    fake_host_forget(s->host);
    s->guest->reads = 0;
}

SMMUv3StreamKind scene_kind(const Scene *s, unsigned i)
{
    SMMUv3DeviceInfo info;

    smmuv3_engine_device_info(s->edev[i], &info);
    return info.kind;
}

SMMUv3EventType scene_event(const Scene *s, unsigned i)
{
    SMMUv3DeviceInfo info;

    smmuv3_engine_device_info(s->edev[i], &info);
    return info.event;
}
