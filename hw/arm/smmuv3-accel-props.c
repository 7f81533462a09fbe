/*
 * arm-smmuv3: the properties that say what the guest is promised.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ril, ats, ssidsize and oas, as libvirt passes them. The engine makes the
 * promise of them and of the host (smmuv3-promise.h). It is made again until
 * the guest runs, because a device that is plugged before then decides what is
 * left to the host. From then on the promise stands, also over resets and
 * unplugging, so that a guest finds after a reboot the SMMU that it had.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "trace.h"

#include "smmuv3-accel.h"

static int accel_props_from_on_off(OnOffAuto value)
{
    return value == ON_OFF_AUTO_AUTO ? SMMUV3_AUTO
                                     : value == ON_OFF_AUTO_ON;
}

/* "auto", or a number as libvirt writes it; NULL is auto. */
static bool accel_props_parse_bits(const char *text, int *bits)
{
    if (!text || !strcmp(text, "auto")) {
        *bits = SMMUV3_AUTO;
        return true;
    }
    return g_ascii_isdigit(*text) && qemu_strtoi(text, NULL, 10, bits) == 0;
}

static bool accel_props_parse_ssidsize(const SMMUv3State *s, int *bits,
                                       Error **errp)
{
    ERRP_GUARD();

    if (!accel_props_parse_bits(s->ssidsize, bits) ||
        *bits > SMMUV3_SSIDSIZE_MAX) {
        error_setg(errp, "ssidsize=%s is no width of SubstreamIDs",
                   s->ssidsize);
        error_append_hint(errp, "Give 0 to %d, or drop ssidsize: auto is what"
                          " the host has.\n", SMMUV3_SSIDSIZE_MAX);
        return false;
    }
    return true;
}

static bool accel_props_parse_oas(const SMMUv3State *s, int *bits, Error **errp)
{
    ERRP_GUARD();

    if (!accel_props_parse_bits(s->oas, bits) ||
        (*bits != SMMUV3_AUTO && !smmuv3_oas_valid(*bits))) {
        error_setg(errp, "oas=%s is no output address size", s->oas);
        error_append_hint(errp, "Give 44 or 48, or drop oas: auto is 44.\n");
        return false;
    }
    return true;
}

static bool accel_props_parse_wishes(const SMMUv3State *s, SMMUv3Wishes *w,
                                     Error **errp)
{
    w->ril = accel_props_from_on_off(s->ril);
    w->ats = accel_props_from_on_off(s->ats);
    return accel_props_parse_ssidsize(s, &w->ssidsize, errp) &&
           accel_props_parse_oas(s, &w->oas, errp);
}

static bool accel_props_check_accel(const SMMUv3State *s, Error **errp)
{
    ERRP_GUARD();

    /* Because that SMMU has no doorbell, and no MSI range in the tables. */
    if (!s->smmu_per_bus) {
        error_setg(errp, "accel=on is not for the machine's own SMMU"
                   " (iommu=smmuv3), which serves all buses");
        error_append_hint(errp, "Drop iommu=smmuv3, and add -device"
                          " arm-smmuv3,accel=on with a primary-bus.\n");
        return false;
    }
    if (s->stage && strcmp(s->stage, "1")) {
        error_setg(errp, "stage=%s cannot be combined with accel=on: the guest"
                   " gets stage 1, the host keeps stage 2", s->stage);
        return false;
    }
    return true;
}

/* Is a feature wished for that the emulated SMMU does not have? */
static bool accel_props_check_emulated(const SMMUv3State *s,
                                       const SMMUv3Wishes *w, Error **errp)
{
    ERRP_GUARD();

    if (w->ats == 1) {
        error_setg(errp, "ats=on needs accel=on: the emulated SMMUv3 has no"
                   " ATS");
    } else if (w->ssidsize > 0) {
        error_setg(errp, "ssidsize=%d needs accel=on: the emulated SMMUv3 has"
                   " no substreams", w->ssidsize);
    } else if (w->oas != SMMUV3_AUTO && w->oas != 44) {
        error_setg(errp, "oas=%d needs accel=on: the emulated SMMUv3 has 44"
                   " bits", w->oas);
    } else {
        return true;
    }
    error_append_hint(errp, "Drop it, or give accel=on.\n");
    return false;
}

/* libvirt and QEMU 11 have the property; here it can only be off. */
static bool accel_props_check_cmdqv(const SMMUv3State *s, Error **errp)
{
    ERRP_GUARD();

    if (s->cmdqv == ON_OFF_AUTO_ON) {
        error_setg(errp, "cmdqv=on is not supported: this arm-smmuv3 has no"
                   " NVIDIA command queue virtualization (CMDQV)");
        error_append_hint(errp, "Drop cmdqv, or give cmdqv=off.\n");
        return false;
    }
    return true;
}

bool smmuv3_accel_props_check(SMMUv3State *s, Error **errp)
{
    SMMUv3Wishes w;

    return accel_props_check_cmdqv(s, errp) &&
           accel_props_parse_wishes(s, &w, errp) &&
           (s->accel ? accel_props_check_accel(s, errp)
                     : accel_props_check_emulated(s, &w, errp));
}

void smmuv3_accel_props_promise(SMMUv3Accel *a, const SMMUv3HostInfo *info)
{
    SMMUv3Wishes w;

    accel_props_parse_wishes(a->smmu, &w, &error_abort);
    smmuv3_promise(&w, info, a->promise.idr);
    trace_smmuv3_accel_promise(a->name, a->promise.idr[0], a->promise.idr[1],
                               a->promise.idr[3], a->promise.idr[5]);
}

/* A property's value as a user writes it */
static char *accel_props_value(const char *name, unsigned value)
{
    bool is_switch = !strcmp(name, "ril") || !strcmp(name, "ats");

    return is_switch ? g_strdup(value ? "on" : "off")
                     : g_strdup_printf("%u", value);
}

static void accel_props_explain_denied(Error **errp,
                                       const SMMUv3Shortfall *lack)
{
    ERRP_GUARD();
    const char *name = lack->feature;
    g_autofree char *given = accel_props_value(name, lack->host);
    g_autofree char *promised = accel_props_value(name, lack->wanted);

    error_setg(errp, "%s=%s is not what the guest was promised at its source:"
               " %s=%s", name, given, name, promised);
    error_append_hint(errp, "Give %s=%s, or %s=auto: what the guest comes"
                      " with.\n", name, promised, name);
}

static bool accel_props_devices_keep(const SMMUv3Accel *a,
                                     const uint32_t idr[6], Error **errp)
{
    ERRP_GUARD();
    SMMUv3Shortfall lack;

    for (guint i = 0; i < a->devices.all->len; i++) {
        const SMMUv3AccelDevice *d = g_ptr_array_index(a->devices.all, i);

        if (smmuv3_promise_broken(idr, &d->info, &lack)) {
            error_setg(errp, "the SMMU of %s lacks %s: it has %u, the guest"
                       " was promised %u at its source", d->name,
                       lack.feature, lack.host, lack.wanted);
            error_append_hint(errp, "Move the guest to a host whose SMMU has"
                              " it, or without that device.\n");
            return false;
        }
    }
    return true;
}

bool smmuv3_accel_props_take(SMMUv3Accel *a, const uint32_t idr[6],
                             Error **errp)
{
    ERRP_GUARD();
    SMMUv3Shortfall lack;
    SMMUv3Wishes w;

    if (!smmuv3_promise_valid(idr)) {
        error_setg(errp, "the guest comes with no promise (IDR0 to IDR5) that"
                   " this arm-smmuv3 could keep: 0x%x 0x%x 0x%x 0x%x 0x%x"
                   " 0x%x", idr[0], idr[1], idr[2], idr[3], idr[4], idr[5]);
        error_append_hint(errp, "Its source needs accel=on, too, and a version"
                          " that sends what it promised.\n");
        return false;
    }
    accel_props_parse_wishes(a->smmu, &w, &error_abort);
    if (smmuv3_promise_denied(idr, &w, &lack)) {
        accel_props_explain_denied(errp, &lack);
        return false;
    }
    if (!accel_props_devices_keep(a, idr, errp)) {
        return false;
    }
    memcpy(a->promise.idr, idr, sizeof(a->promise.idr));
    a->promise.frozen = true;
    return true;
}

/* As in smmuv3_promise(), auto is off. */
bool smmuv3_accel_props_ats(const SMMUv3State *s)
{
    return s->ats == ON_OFF_AUTO_ON;
}

void smmuv3_accel_props_explain(Error **errp, SMMUv3Accel *a,
                                const SMMUv3HostInfo *info)
{
    ERRP_GUARD();
    SMMUv3Shortfall lack = { .feature = "a feature" };
    bool asked;
    SMMUv3Wishes w;

    accel_props_parse_wishes(a->smmu, &w, &error_abort);
    smmuv3_promise_broken(a->promise.idr, info, &lack);
    asked = !strcmp(lack.feature, "IDR1.SSIDSIZE") &&
            w.ssidsize != SMMUV3_AUTO;
    error_setg(errp, "the host's SMMU lacks %s: it has %u, %s %u",
               lack.feature, lack.host,
               asked ? "ssidsize asks for" :
               a->promise.frozen ? "the guest was promised" : "any guest needs",
               lack.wanted);
    if (asked) {
        error_append_hint(errp, "Give ssidsize=%u%s, or drop ssidsize and"
                          " start the guest with the device plugged.\n",
                          lack.host, lack.host ? " or less" : "");
    } else if (a->promise.frozen) {
        error_append_hint(errp, "The promise stands since the guest was"
                          " started. Start it with the device plugged.\n");
    }
}
