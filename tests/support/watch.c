/*
 * Where devices are attached. See watch.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <inttypes.h>

#include "watch.h"

static bool is_on(const Watch *w, unsigned i, uint64_t ste0)
{
    const SMMUv3HostDevice *dev = w->scene->dev[i];

    if (ste0 == WATCH_PARENT ||
        (ste0 == WATCH_BYPASS && fake_device_on_parent(dev))) {
        return fake_device_on_parent(dev);
    }
    return fake_device_ste0(dev) == ste0 || (ste0 == WATCH_ABORT && !dev->pt);
}

bool watch_right(const Watch *w, unsigned i)
{
    return is_on(w, i, w->right[i]);
}

bool watch_harmless(const Watch *w, unsigned i)
{
    return is_on(w, i, WATCH_ABORT) || w->scene->dev[i]->pt == w->stuck[i];
}

static void look(const Watch *w, unsigned i)
{
    const SMMUv3HostDevice *dev = w->scene->dev[i];

    if ((w->strict || !watch_harmless(w, i)) && !watch_right(w, i) &&
        !is_on(w, i, w->was[i])) {
        g_error("device %u is on %#" PRIx64 ", was %#" PRIx64
                ", right is %#" PRIx64, i, fake_device_ste0(dev), w->was[i],
                w->right[i]);
    }
    if (fake_device_ste0(dev) && !is_on(w, i, WATCH_ABORT) &&
        dev->pt != w->stuck[i]) {
        g_assert_cmpuint(dev->vdevice, !=, 0);
    }
}

static void watch_call(SMMUv3Host *h, const FakeRecord *r)
{
    Watch *w = h->hook_data;

    for (unsigned i = 0; i < w->n; i++) {
        const SMMUv3HostDevice *dev = w->scene->dev[i];

        if (r->call == FAKE_DETACH && r->ret && r->dev == dev) {
            w->stuck[i] = dev->pt;
        } else if (dev->pt != w->stuck[i]) {
            w->stuck[i] = 0;
        }
        look(w, i);
    }
}

void watch_init(Watch *w, Scene *s, unsigned n)
{
    *w = (Watch) { .scene = s, .n = n };
    s->host->watch = watch_call;
    s->host->hook_data = w;
}

void watch_expect(Watch *w, unsigned i, uint64_t ste0)
{
    w->was[i] = w->right[i];
    w->right[i] = ste0;
}

void watch_settle(Watch *w)
{
    for (unsigned i = 0; i < w->n; i++) {
        w->was[i] = w->right[i];
        look(w, i);
    }
}

static uint64_t table_wants(const Watch *w, uint32_t vsid)
{
    const SMMUv3StreamRegs *regs = &w->scene->regs;
    uint64_t dw0, log2size = SMMUV3_GET(SMMUV3_STRTAB_CFG_LOG2SIZE,
                                        regs->strtab_base_cfg);

    if (vsid >> log2size) {
        return WATCH_ABORT;
    }
    memcpy(&dw0, guest_at(w->scene->guest, regs->strtab_base +
                          sizeof(SMMUv3Ste) * vsid, sizeof(dw0)),
           sizeof(dw0));
    dw0 = GUINT64_FROM_LE(dw0);
    if (!(dw0 & SMMUV3_STE0_V)) {
        return WATCH_ABORT;
    }
    switch (SMMUV3_GET(SMMUV3_STE0_CONFIG, dw0)) {
    case SMMUV3_STE_CONFIG_S1:
        return dw0;
    case SMMUV3_STE_CONFIG_BYPASS:
        return WATCH_BYPASS;
    default:
        return WATCH_ABORT;
    }
}

uint64_t watch_guest_wants(const Watch *w, unsigned i)
{
    Scene *s = w->scene;
    uint32_t vsid;

    if (!(s->regs.cr0 & SMMUV3_CR0_SMMUEN)) {
        return s->regs.gbpa & SMMUV3_GBPA_ABORT ? WATCH_ABORT : WATCH_PARENT;
    }
    return guest_ops.vsid(s->guest, s->dev[i], &vsid) ? table_wants(w, vsid)
                                                      : WATCH_ABORT;
}

void watch_assert_told_truth(const Watch *w, unsigned i)
{
    uint64_t ste0 = fake_device_ste0(w->scene->dev[i]);

    switch (scene_kind(w->scene, i)) {
    case SMMUV3_STREAM_ABORT:
        g_assert_true(watch_harmless(w, i));
        break;
    case SMMUV3_STREAM_BYPASS:
        g_assert_true(is_on(w, i, WATCH_BYPASS));
        break;
    case SMMUV3_STREAM_TRANSLATE:
        g_assert_cmphex(SMMUV3_GET(SMMUV3_STE0_CONFIG, ste0), ==,
                        SMMUV3_STE_CONFIG_S1);
        break;
    }
}
