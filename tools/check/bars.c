/*
 * A device's BARs: their sizes, how a guest reaches them, and the window of PCI
 * addresses that the machine needs for them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The virt machine shares its window among the root buses: each gets the same
 * power of two of it, and a BAR of half a share fits, because large BARs are
 * aligned to their size. The guide in docs/ has the table.
 */
#include <inttypes.h>
#include <stdio.h>

#include "check.h"

#define BARS            6

/* Flags of struct resource, which sysfs shows as they are */
#define FLAG_MEMORY     0x200
#define FLAG_64         0x100000

#define DEFAULT_WINDOW  512     /* GiB */
#define GIB             30
#define PAGE_64K        0x10000

typedef struct Bars {
    GString *sizes;             /* "0: 64 KiB, 2: 16 GiB" */
    uint64_t largest;           /* of the 64-bit ones */
    bool small;                 /* one is smaller than 64 KiB */
    unsigned trapped;           /* how many a guest reaches through QEMU only */
} Bars;

uint64_t check_bars_window(uint64_t bar, unsigned n)
{
    uint64_t window = DEFAULT_WINDOW, share = 1;

    while (n > 1) {
        share *= 2;
        n = (n + 1) / 2;
    }
    while (window << GIB < 2 * bar * share) {
        window *= 2;
    }
    return window;
}

static char *bars_size(uint64_t size)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    unsigned unit = 0;

    while (unit + 1 < G_N_ELEMENTS(units) && size >= 1024 &&
           size % 1024 == 0) {
        size /= 1024;
        unit++;
    }
    return g_strdup_printf("%" PRIu64 " %s", size, units[unit]);
}

/* A line of "resource": FIRST LAST FLAGS; all 0 where there is none */
static void bars_add(const Check *c, Bars *b, unsigned index, const char *line)
{
    g_autofree char *words = NULL;
    uint64_t first, last, flags, size;

    if (sscanf(line, "%" SCNx64 " %" SCNx64 " %" SCNx64, &first, &last,
               &flags) != 3 || !(flags & FLAG_MEMORY) || last < first) {
        return;
    }
    size = last - first + 1;
    words = bars_size(size);
    g_string_append_printf(b->sizes, "%sBAR %u: %s", b->sizes->len ? ", " : "",
                           index, words);
    if (flags & FLAG_64) {
        b->largest = MAX(b->largest, size);
    }
    b->small |= size < PAGE_64K;
    b->trapped += (first & (c->page_size - 1)) != 0;
}

/* Of the window: what the machine has by itself, or what it needs */
static void bars_windows(GString *text, uint64_t largest)
{
    static const unsigned buses[] = { 1, 2, 4, 8 };
    static const char *const names[] = {
        "1 root bus", "2", "3 or 4", "5 to 8",
    };

    if (check_bars_window(largest, 8) == DEFAULT_WINDOW) {
        g_string_append(text, "; the default highmem-mmio-size is enough");
        return;
    }
    g_string_append(text, "; highmem-mmio-size:");
    for (unsigned i = 0; i < G_N_ELEMENTS(buses); i++) {
        uint64_t gib = check_bars_window(largest, buses[i]);

        g_string_append_printf(text, "%s %" PRIu64 "%c with %s", i ? "," : "",
                               gib >= 1024 ? gib / 1024 : gib,
                               gib >= 1024 ? 'T' : 'G', names[i]);
    }
}

/* VFIO maps a BAR by whole pages; other ones QEMU accesses for the guest. */
static void bars_pages(Check *c, const CheckDevice *d, const Bars *b)
{
    if (b->trapped) {
        check_ok(c, d, "bar-pages", "%u BAR not aligned to pages of %lu KiB:"
                 " QEMU does the guest's accesses", b->trapped,
                 c->page_size >> 10);
    } else if (b->small) {
        check_ok(c, d, "bar-pages", "a BAR is smaller than 64 KiB: where host"
                 " or guest has such pages, QEMU does the accesses");
    } else {
        check_ok(c, d, "bar-pages", "each BAR has pages of 64 KiB for itself");
    }
}

static void bars_say(Check *c, const CheckDevice *d, const Bars *b)
{
    GString *text = g_string_new(b->sizes->len ? b->sizes->str : "no BAR");

    bars_windows(text, b->largest);
    check_ok(c, d, "bars", "%s", text->str);
    g_string_free(text, TRUE);
    if (b->sizes->len) {
        bars_pages(c, d, b);
        check_ok(c, d, "peer-to-peer", "no other device's DMA reaches its BARs,"
                 " as QEMU cannot map them by IOMMUFD");
    }
}

void check_bars(Check *c, const CheckDevice *d)
{
    g_autofree char *text = check_read(c, "/sys/bus/pci/devices/%s/resource",
                                       d->address);
    g_auto(GStrv) lines = NULL;
    Bars b = { 0 };

    if (!text) {
        check_unknown(c, d, "bars", "look at its Region lines: lspci -v -s"
                      " ADDRESS", "its file resource cannot be read");
        return;
    }
    b.sizes = g_string_new(NULL);
    lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; i < BARS && lines[i]; i++) {
        bars_add(c, &b, i, lines[i]);
    }
    bars_say(c, d, &b);
    g_string_free(b.sizes, TRUE);
}
