/*
 * What the fuzz targets share. See fuzz.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>

#include "fuzz.h"

uint64_t fuzz_take(FuzzInput *in, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes && in->left; i++, in->left--) {
        value |= (uint64_t)*in->data++ << (8 * i);
    }
    return value;
}

unsigned fuzz_below(FuzzInput *in, unsigned n)
{
    return fuzz_take(in, 1) % n;
}

/* Each bit of the next bytes takes a feature away. */
void fuzz_scene_init(Scene *s, FuzzInput *in, uint32_t idr[6])
{
    static const struct { bool host, guest; unsigned reg; uint64_t bits; }
    features[] = {
        { true, false, 3, SMMUV3_IDR3_RIL },
        { false, true, 3, SMMUV3_IDR3_RIL },
        { false, true, 5, SMMUV3_IDR5_GRAN16K | SMMUV3_IDR5_GRAN64K },
        { true, true, 0, SMMUV3_IDR0_ASID16 },
        { false, true, 0, SMMUV3_IDR0_ASID16 },
        { true, true, 1, SMMUV3_IDR1_SSIDSIZE },
        { false, true, 1, SMMUV3_IDR1_SSIDSIZE },
        { true, true, 0, SMMUV3_IDR0_ATS },
        { false, true, 0, SMMUV3_IDR0_ATS },
        { false, true, 0, SMMUV3_IDR0_ST_LEVEL },
        { false, true, 0, SMMUV3_IDR0_CD2L },
        { true, true, 0, SMMUV3_IDR0_STALL_MODEL },
    };
    uint32_t host[6], absent = fuzz_take(in, 2);

    memcpy(host, host_idr, sizeof(host));
    memcpy(idr, guest_idr, 6 * sizeof(*idr));
    for (unsigned i = 0; i < G_N_ELEMENTS(features); i++) {
        uint32_t keep = absent >> i & 1 ? ~(uint32_t)features[i].bits : ~0u;

        host[features[i].reg] &= features[i].host ? keep : ~0u;
        idr[features[i].reg] &= features[i].guest ? keep : ~0u;
    }
    scene_init_idr(s, host, idr);
    s->smmu->info.repeat_tlbi_cfgi = absent >> 15 & 1;
}

void fuzz_inject(Scene *s, FuzzInput *in)
{
    static const int errs[] = { EIO, ENOMEM, ETIMEDOUT, ENODEV, EBUSY };
    static const FakeCall calls[] = {
        FAKE_GET_INFO, FAKE_VIOMMU_ALLOC, FAKE_VDEVICE_ALLOC,
        FAKE_HWPT_ALLOC, FAKE_ATTACH, FAKE_INVALIDATE,
    };
    SMMUv3Host *h = s->host;
    unsigned what = fuzz_below(in, G_N_ELEMENTS(calls) + 4);
    unsigned nth = 1 + fuzz_below(in, 200);
    int err = errs[fuzz_below(in, G_N_ELEMENTS(errs))];

    if (what < G_N_ELEMENTS(calls)) {
        fake_host_fail_nth(h, calls[what], 1 + nth % 8, err);
    } else if (what == G_N_ELEMENTS(calls)) {
        fake_host_fail_issue(h, nth, err);
    } else if (what == G_N_ELEMENTS(calls) + 1) {
        h->nomem_from = nth;
    } else if (what == G_N_ELEMENTS(calls) + 2) {
        h->atc_timeout = true;
    } else if (h->n_atc_dead < G_N_ELEMENTS(h->atc_dead)) {
        h->atc_dead[h->n_atc_dead++] = FIRST_SID + nth % SCENE_DEVICES;
    }
}

void fuzz_heal(Scene *s)
{
    SMMUv3Host *h = s->host;

    for (unsigned call = 0; call <= FAKE_CALLS; call++) {
        fake_host_fail_nth(h, call, 0, 0);
    }
    fake_host_fail_issue(h, 0, 0);
    h->nomem_from = 0;
    h->atc_timeout = false;
    h->n_atc_dead = 0;
}

void fuzz_plug(Scene *s, FuzzInput *in)
{
    unsigned i = fuzz_below(in, SCENE_DEVICES);
    SMMUv3Refusal why;

    if (s->edev[i]) {
        scene_remove(s, i);
    } else {
        /* A device that could not be given up properly was opened anew. */
        s->dev[i]->pt = s->parent;
        scene_try_add(s, i, &why);
    }
}

static SMMUv3StreamKind attached_kind(const SMMUv3HostDevice *dev)
{
    if (fake_device_on_parent(dev)) {
        return SMMUV3_STREAM_BYPASS;
    }
    switch (SMMUV3_GET(SMMUV3_STE0_CONFIG, fake_device_ste0(dev))) {
    case SMMUV3_STE_CONFIG_S1:
        return SMMUV3_STREAM_TRANSLATE;
    case SMMUV3_STE_CONFIG_BYPASS:
        return SMMUV3_STREAM_BYPASS;
    default:
        return SMMUV3_STREAM_ABORT;
    }
}

void fuzz_check_scene(const Scene *s)
{
    g_assert_cmpuint(s->host->rule_breaks, ==, 0);
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        if (s->edev[i]) {
            g_assert_cmpint(scene_kind(s, i), ==, attached_kind(s->dev[i]));
        } else {
            g_assert_cmpuint(s->dev[i]->vdevice, ==, 0);
        }
    }
}
