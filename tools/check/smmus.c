/*
 * The host's SMMUs: which there are, what the kernel's log says of them, and
 * whether a guest could go past the caches.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The driver names each SMMU "smmu3.ADDRESS" in /sys/class/iommu and prints its
 * features once, when it starts: "arm-smmu-v3 NAME: ... (features 0x...)". Only
 * the bits named below are read; they have stood since Linux 6.13, while other
 * bits and older kernels have them elsewhere.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "smmuv3/registers.h"

#define FEAT_ATS        (1u << 5)
#define FEAT_COHERENCY  (1u << 8)
#define FEAT_TRANS_S1   (1u << 9)
#define FEAT_TRANS_S2   (1u << 10)
#define FEAT_RANGE_INV  (1u << 15)
#define FEAT_NESTING    (1u << 19)
#define FEAT_S2FWB      (1u << 23)

static void smmus_free(gpointer smmu)
{
    CheckSmmu *s = smmu;

    g_free(s->name);
    g_free(s->driver_name);
    g_free(s);
}

/* The log's last line counts, because a driver may have been bound again. */
static void smmus_read_features(const Check *c, CheckSmmu *s)
{
    g_autofree char *prefix = g_strdup_printf("arm-smmu-v3 %s: ",
                                              s->driver_name);
    const char *at = c->log;

    while (at && (at = strstr(at, prefix))) {
        const char *end = strchrnul(at, '\n');
        const char *features = strstr(at, "(features 0x");

        if (features && features < end) {
            s->features = strtoul(features + strlen("(features "), NULL, 16);
            s->has_features = true;
        }
        at = end;
    }
}

static void smmus_find(Check *c)
{
    g_autoptr(GPtrArray) names = check_names(c, "/sys/class/iommu");

    c->smmus = g_ptr_array_new_with_free_func(smmus_free);
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        CheckSmmu *s;

        if (!g_str_has_prefix(name, "smmu3.")) {
            continue;
        }
        s = g_new0(CheckSmmu, 1);
        s->name = g_strdup(name);
        s->driver_name = check_link(c, "/sys/class/iommu/%s/device", name);
        if (!s->driver_name) {
            s->driver_name = g_strdup("?");
        }
        smmus_read_features(c, s);
        g_ptr_array_add(c->smmus, s);
    }
}

/* One line, and the only one: nothing else matters then. */
static void smmus_say_none(Check *c)
{
    CheckIort iort = check_iort(c);

    if (iort.smmus) {
        check_no(c, NULL, "smmu", "use a kernel with CONFIG_ARM_SMMU_V3, and"
                 " look for arm-smmu-v3 in dmesg", "the firmware's IORT"
                 " describes %u SMMUv3, and the kernel drives none",
                 iort.smmus);
    } else {
        check_no(c, NULL, "smmu", "use an arm64 machine that has one; where the"
                 " hardware has, its firmware has to describe it, and the"
                 " kernel needs CONFIG_ARM_SMMU_V3", "this machine has no"
                 " SMMUv3 (there is no smmu3.* in /sys/class/iommu)");
    }
}

static void smmus_say_features(Check *c, const CheckSmmu *s)
{
    const uint32_t f = s->features;

    if (!(f & FEAT_TRANS_S1) || !(f & FEAT_TRANS_S2)) {
        check_no(c, NULL, "smmu", "nesting needs a machine whose SMMU has"
                 " stage 1 and stage 2", "%s has stage %s only (features"
                 " 0x%08x)", s->name, f & FEAT_TRANS_S1 ? "1" : "2", f);
    } else if (!(f & FEAT_NESTING)) {
        check_no(c, NULL, "smmu", "nesting needs a later revision of the"
                 " hardware", "%s has both stages, and the kernel does not nest"
                 " on it because of an erratum (features 0x%08x)", s->name, f);
    } else if (!(f & FEAT_COHERENCY)) {
        check_no(c, NULL, "smmu", "VFIO takes devices of a coherent SMMU only;"
                 " look for newer firmware, which may say that it is (COHACC"
                 " in the IORT, dma-coherent in the device tree)", "%s does not"
                 " snoop the caches (features 0x%08x)", s->name, f);
    } else {
        check_ok(c, NULL, "smmu", "%s nests; range invalidation: %s, ATS: %s"
                 " (features 0x%08x)", s->name,
                 f & FEAT_RANGE_INV ? "yes" : "no", f & FEAT_ATS ? "yes" : "no",
                 f);
    }
}

static void smmus_say(Check *c, const CheckSmmu *s)
{
    if (!s->has_features || !check_kernel_is(c, 6, 13)) {
        check_unknown(c, NULL, "smmu", "read dmesg as root soon after booting,"
                      " or ask the kernel: smmuv3-accel-check --try DEVICE",
                      "%s: the kernel's log %s its features", s->name,
                      c->log ? "does not tell" : "cannot be read for");
    } else {
        smmus_say_features(c, s);
    }
}

bool check_smmus(Check *c)
{
    smmus_find(c);
    if (!c->smmus->len) {
        smmus_say_none(c);
        return false;
    }
    for (guint i = 0; i < c->smmus->len; i++) {
        smmus_say(c, g_ptr_array_index(c->smmus, i));
    }
    return true;
}

static const CheckSmmu *smmus_of(const Check *c, const CheckDevice *d)
{
    for (guint i = 0; d->smmu && i < c->smmus->len; i++) {
        const CheckSmmu *s = g_ptr_array_index(c->smmus, i);

        if (g_str_equal(s->name, d->smmu)) {
            return s;
        }
    }
    return NULL;
}

/* What is known of the two: 1 yes, 0 no, -1 not told */
typedef struct SmmusCoherence {
    int fwb;
    int canwbs;
} SmmusCoherence;

static SmmusCoherence smmus_coherence(const Check *c, const CheckSmmu *s,
                                      unsigned segment)
{
    SmmusCoherence known = { -1, check_iort_canwbs(c, segment) };

    if (s && s->has_features && check_kernel_is(c, 6, 13)) {
        known.fwb = !!(s->features & FEAT_S2FWB);
    }
    if (known.canwbs < 0 && !check_exists(c, "/sys/firmware/acpi/tables")) {
        known.canwbs = 0;       /* a device tree has no such flag */
    }
    return known;
}

static const char *smmus_told(int answer)
{
    return answer < 0 ? "not told" : answer ? "yes" : "no";
}

/* S2FWB is the SMMU's, CANWBS the root complex's; either is enough. */
static void smmus_say_coherence(Check *c, const CheckDevice *d,
                                const char *whose, SmmusCoherence known)
{
    if (known.fwb == 1) {
        check_ok(c, d, "coherence", "%s has S2FWB", whose);
    } else if (known.canwbs == 1) {
        check_ok(c, d, "coherence", "%s: the root complex has CANWBS (IORT)",
                 whose);
    } else if (known.fwb == 0 && known.canwbs == 0) {
        check_no(c, d, "coherence", "nesting needs one of the two: look for"
                 " newer firmware, or use a machine with S2FWB", "%s has no"
                 " S2FWB, and the firmware promises no CANWBS", whose);
    } else {
        check_unknown(c, d, "coherence", "run this as root, or ask the kernel:"
                      " smmuv3-accel-check --try DEVICE", "%s: S2FWB: %s;"
                      " CANWBS: %s", whose, smmus_told(known.fwb),
                      smmus_told(known.canwbs));
    }
}

void check_coherence(Check *c, const CheckDevice *d)
{
    SmmusCoherence known = smmus_coherence(c, smmus_of(c, d),
                                           strtoul(d->address, NULL, 16));

    if (d->tried) {
        known.fwb = !!(d->info.idr[3] & SMMUV3_IDR3_FWB);
    }
    smmus_say_coherence(c, d, "its SMMU", known);
}

void check_host_coherence(Check *c)
{
    for (guint i = 0; i < c->smmus->len; i++) {
        const CheckSmmu *s = g_ptr_array_index(c->smmus, i);

        smmus_say_coherence(c, NULL, s->name, smmus_coherence(c, s, 0));
    }
}
