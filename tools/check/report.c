/*
 * --report: what an owner of real hardware can pass on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * It is made of numbers that say what a kind of machine is, and of verdicts. No
 * text that a line has seen goes in, because such texts name addresses,
 * interfaces and disks; devices and SMMUs are numbered instead.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "check.h"


/* "6.15.3" of "6.15.3-NAME-arm64", because the rest may name somebody */
static void report_kernel(const Check *c, GString *text)
{
    size_t n = strspn(c->release ?: "", "0123456789.");
    struct utsname u;

    g_string_append_printf(text, "smmuv3-accel-check %s\nkernel: Linux %.*s\n"
                           "machine: %s, pages of %lu KiB\n", CHECK_VERSION,
                           (int)n, c->release ?: "", uname(&u) ? "?" :
                           u.machine, c->page_size >> 10);
}

static void report_smmus(const Check *c, GString *text)
{
    for (guint i = 0; c->smmus && i < c->smmus->len; i++) {
        const CheckSmmu *s = g_ptr_array_index(c->smmus, i);

        if (s->has_features) {
            g_string_append_printf(text, "SMMU %u: features 0x%08x\n", i + 1,
                                   s->features);
        } else {
            g_string_append_printf(text, "SMMU %u: features not told\n", i + 1);
        }
    }
}

static guint report_smmu_number(const Check *c, const CheckDevice *d)
{
    for (guint i = 0; c->smmus && d->smmu && i < c->smmus->len; i++) {
        const CheckSmmu *s = g_ptr_array_index(c->smmus, i);

        if (!strcmp(s->name, d->smmu)) {
            return i + 1;
        }
    }
    return 0;
}

static void report_idrs(const CheckDevice *d, GString *text)
{
    const SMMUv3HostInfo *info = &d->info;

    for (unsigned i = 0; i < G_N_ELEMENTS(info->idr); i++) {
        g_string_append_printf(text, "  IDR%u: 0x%08x\n", i, info->idr[i]);
    }
    g_string_append_printf(text, "  IIDR: 0x%08x\n  AIDR: 0x%08x\n"
                           "  repeat TLBI and CFGI: %s\n  ATS: %s\n"
                           "  PASID: %u bits\n", info->iidr, info->aidr,
                           info->repeat_tlbi_cfgi ? "yes" : "no",
                           info->no_ats ? "the kernel says no"
                                        : "the kernel does not say no",
                           info->pasid_bits);
}

/* Hexadecimal numbers of sysfs; other text stays out. */
static unsigned long report_number(const Check *c, const CheckDevice *d,
                                   const char *file)
{
    g_autofree char *text = check_read(c, "/sys/bus/pci/devices/%s/%s",
                                       d->address, file);

    return text ? strtoul(text, NULL, 16) : 0;
}

static void report_device(const Check *c, const CheckDevice *d, guint number,
                          GString *text)
{
    guint smmu = report_smmu_number(c, d);

    if (!d->present) {
        g_string_append_printf(text, "device %u: there is none\n", number);
        return;
    }
    g_string_append_printf(text, "device %u: %04lx:%04lx, class %06lx\n",
                           number, report_number(c, d, "vendor"),
                           report_number(c, d, "device"),
                           report_number(c, d, "class"));
    if (smmu) {
        g_string_append_printf(text, "  SMMU: %u\n", smmu);
    }
    if (d->tried) {
        report_idrs(d, text);
    }
}

static guint report_device_number(const Check *c, const CheckLine *l)
{
    for (guint i = 0; i < c->devices->len; i++) {
        const CheckDevice *d = g_ptr_array_index(c->devices, i);

        if (!strcmp(d->address, l->about)) {
            return i + 1;
        }
    }
    return 0;
}

static void report_verdicts(const Check *c, GString *text)
{
    for (guint i = 0; i < c->lines->len; i++) {
        const CheckLine *l = g_ptr_array_index(c->lines, i);
        guint number = report_device_number(c, l);

        if (number) {
            g_string_append_printf(text, "result: device %u %s: %s\n", number,
                                   l->name, check_verdict_name(l->verdict));
        } else {
            g_string_append_printf(text, "result: host %s: %s\n", l->name,
                                   check_verdict_name(l->verdict));
        }
    }
}

char *check_report(const Check *c)
{
    GString *text = g_string_new(NULL);

    report_kernel(c, text);
    report_smmus(c, text);
    for (guint i = 0; i < c->devices->len; i++) {
        report_device(c, g_ptr_array_index(c->devices, i), i + 1, text);
    }
    report_verdicts(c, text);
    return g_string_free(text, FALSE);
}
