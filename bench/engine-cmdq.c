/*
 * What a forwarded command costs in the engine, without kernel and SMMU.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Windows of commands of which the last is a CMD_SYNC, on a port that does
 * nothing. Beside each time stands the ratio to a plain copy of the same
 * commands in the same run, as times alone mean nothing on a shared machine.
 * With arguments, MIX WINDOW N, it runs N windows of that size and prints
 * nothing: for an instruction count (valgrind --tool=callgrind).
 *
 * The mixes: TLBI_NH_VA "apart", ascending with gaps, so that nothing merges;
 * "shuffled", the same out of order; "together", page by page, one run; and
 * "mixed", of every 16 commands 12 TLBI_NH_VA apart, two TLBI_NH_ASID, a
 * CFGI_CD and a CMD_SYNC.
 */
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "internal.h"
#include "smmuv3/ste.h"

#define LOG2SIZE 13
#define QUEUE_SIZE (1u << LOG2SIZE)
#define SID 8

static SMMUv3Cmd queue[QUEUE_SIZE];

static int read_queue(void *opaque, uint64_t addr, void *buf, size_t len)
{
    memcpy(buf, (char *)queue + addr, len);
    return 0;
}

/* Every STE translates. */
static int read_words(void *opaque, uint64_t addr, uint64_t *words, size_t n)
{
    memset(words, 0, n * sizeof(*words));
    words[0] = GUINT64_TO_LE(SMMUV3_STE0_V |
                             SMMUV3_PREP(SMMUV3_STE0_CONFIG,
                                         SMMUV3_STE_CONFIG_S1));
    return 0;
}

static void sync_irq(void *opaque)
{
}

static void stream_failed(void *opaque, void *cookie, SMMUv3HostCall call,
                          int err)
{
}

static void watch(void *opaque, int fd)
{
}

static void events_failed(void *opaque, int err)
{
}

static bool vsid(void *opaque, void *cookie, uint32_t *out)
{
    *out = SID;
    return true;
}

static int write_event(void *opaque, uint64_t addr, const void *buf, size_t len)
{
    return 0;
}

static void irq(void *opaque, SMMUv3Irq which)
{
}

static void resume(void *opaque, unsigned delay_ms)
{
}

static const SMMUv3FrontendOps frontend = {
    .size = sizeof(SMMUv3FrontendOps),
    .read = read_queue, .read_words = read_words, .write = write_event,
    .irq = irq, .resume = resume, .sync_irq = sync_irq,
    .stream_failed = stream_failed, .vsid = vsid, .watch = watch,
    .events_failed = events_failed,
};

static int get_info(SMMUv3Host *host, SMMUv3HostDevice *dev,
                    SMMUv3HostInfo *info)
{
    memset(info, 0, sizeof(*info));
    info->idr[0] = SMMUV3_IDR0_ASID16 | SMMUV3_PREP(SMMUV3_IDR0_TTF, 2);
    info->idr[3] = SMMUV3_IDR3_RIL;
    info->idr[5] = SMMUV3_IDR5_GRAN4K | SMMUV3_IDR5_GRAN16K |
                   SMMUV3_IDR5_GRAN64K;
    return 0;
}

static int give_id(SMMUv3HostId *id)
{
    static SMMUv3HostId last;

    *id = ++last;
    return 0;
}

static int viommu_alloc(SMMUv3Host *host, SMMUv3HostDevice *dev,
                        SMMUv3HostId parent, SMMUv3HostId *viommu)
{
    return give_id(viommu);
}

static int vdevice_alloc(SMMUv3Host *host, SMMUv3HostId viommu,
                         SMMUv3HostDevice *dev, uint32_t id,
                         SMMUv3HostId *vdevice)
{
    return give_id(vdevice);
}

static int hwpt_alloc(SMMUv3Host *host, SMMUv3HostId viommu,
                      SMMUv3HostDevice *dev, const uint64_t ste[2],
                      SMMUv3HostId *hwpt)
{
    return give_id(hwpt);
}

static int attach(SMMUv3Host *host, SMMUv3HostDevice *dev, SMMUv3HostId pt)
{
    return 0;
}

static int detach(SMMUv3Host *host, SMMUv3HostDevice *dev)
{
    return 0;
}

static uint64_t calls, commands;

static int invalidate(SMMUv3Host *host, SMMUv3HostId viommu,
                      const SMMUv3Cmd *cmds, uint32_t n, uint32_t *done)
{
    calls++;
    commands += n;
    *done = n;
    return 0;
}

static int destroy(SMMUv3Host *host, SMMUv3HostId id)
{
    return 0;
}

/* No guest here wants events. */
static int veventq_alloc(SMMUv3Host *host, SMMUv3HostId viommu,
                         uint32_t depth, SMMUv3HostId *veventq, int *fd)
{
    return -EOPNOTSUPP;
}

static int veventq_read(SMMUv3Host *host, int fd, SMMUv3HostEvent *events,
                        unsigned n)
{
    return 0;
}

static void veventq_close(SMMUv3Host *host, int fd)
{
}

static const SMMUv3HostOps port = {
    .size = sizeof(SMMUv3HostOps),
    .get_info = get_info, .viommu_alloc = viommu_alloc,
    .vdevice_alloc = vdevice_alloc, .hwpt_alloc = hwpt_alloc,
    .attach = attach, .detach = detach, .invalidate = invalidate,
    .veventq_alloc = veventq_alloc, .veventq_read = veventq_read,
    .veventq_close = veventq_close, .destroy = destroy,
};

typedef enum Mix { APART, SHUFFLED, TOGETHER, MIXED, MIXES } Mix;

static const char *const mix_names[MIXES] = {
    "apart", "shuffled", "together", "mixed",
};

static const unsigned windows[] = { 2, 8, 32, 128, 255, 1024, 4096 };

static uint64_t nth_page(Mix mix, unsigned i)
{
    switch (mix) {
    case APART:
    case MIXED:
        return 7 * (uint64_t)i;
    case SHUFFLED:      /* an odd factor is a permutation of 0..2^20 - 1 */
        return 7 * (uint64_t)((i * 0x9e3b1u) & 0xfffff);
    default:
        return i;
    }
}

static SMMUv3Cmd make_cmd(uint64_t dw0, uint64_t dw1)
{
    return (SMMUv3Cmd) { { GUINT64_TO_LE(dw0), GUINT64_TO_LE(dw1) } };
}

static SMMUv3Cmd nth_command(Mix mix, unsigned i)
{
    uint64_t asid = SMMUV3_PREP(SMMUV3_TLBI0_ASID, 1);

    switch (mix == MIXED ? i % 16 : 0) {
    case 5:
    case 11:
        return make_cmd(SMMUV3_CMD_TLBI_NH_ASID |
                        SMMUV3_PREP(SMMUV3_TLBI0_ASID, 2 + i % 7), 0);
    case 13:
        return make_cmd(SMMUV3_CMD_CFGI_CD | SMMUV3_PREP(SMMUV3_CMD0_SID, SID),
                        SMMUV3_CFGI1_LEAF);
    case 15:
        return make_cmd(SMMUV3_CMD_SYNC, 0);
    default:
        return make_cmd(SMMUV3_CMD_TLBI_NH_VA | asid, nth_page(mix, i) << 12);
    }
}

static void fill_queue(unsigned window, Mix mix)
{
    for (unsigned i = 0; i < QUEUE_SIZE; i++) {
        bool last = i % window == window - 1;

        queue[i] = last ? make_cmd(SMMUV3_CMD_SYNC, 0) : nth_command(mix, i);
    }
}

static void run_windows(SMMUv3Engine *e, unsigned window, unsigned n)
{
    SMMUv3CmdqRegs q = { .base = LOG2SIZE };

    while (n--) {
        q.prod = (q.prod + window) & (2 * QUEUE_SIZE - 1);
        while (smmuv3_cmdq_run(e, &q).status == SMMUV3_CMDQ_MORE) {
        }
    }
}

static gint64 time_engine(SMMUv3Engine *e, unsigned window, unsigned n)
{
    gint64 start = g_get_monotonic_time();

    run_windows(e, window, n);
    return g_get_monotonic_time() - start;
}

/* Window by window along the ring, as the engine does it, to one place. */
static gint64 time_copy(unsigned window, unsigned n)
{
    static SMMUv3Cmd copy[QUEUE_SIZE];
    gint64 start = g_get_monotonic_time();
    unsigned at = 0;

    while (n--) {
        memcpy(copy, queue + at, window * sizeof(*copy));
        __asm__ volatile("" : : "r"(copy) : "memory");
        at = at + 2 * window <= QUEUE_SIZE ? at + window : 0;
    }
    return g_get_monotonic_time() - start;
}

static void measure(SMMUv3Engine *e, unsigned window, Mix mix)
{
    unsigned n = 8 * 1024 * 1024 / window;
    double total = (double)n * window;
    gint64 engine, copy;

    fill_queue(window, mix);
    calls = commands = 0;
    engine = time_engine(e, window, n);
    copy = time_copy(window, n);
    g_print("%-9s %6u  %8.1f  %8.1f  %9.3f  %10.1f\n", mix_names[mix],
            window, engine * 1000 / total, copy ? (double)engine / copy : 0,
            calls / (double)n, calls ? commands / (double)calls : 0);
}

static void measure_all(SMMUv3Engine *e)
{
    g_print("mix       window  ns/cmd    x copy    calls/PROD  cmds/call\n");
    for (Mix mix = 0; mix < MIXES; mix++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(windows); i++) {
            measure(e, windows[i], mix);
        }
    }
}

static bool count_one(SMMUv3Engine *e, const char *name, unsigned window,
                      unsigned n)
{
    for (Mix mix = 0; mix < MIXES; mix++) {
        if (!strcmp(name, mix_names[mix])) {
            fill_queue(window, mix);
            run_windows(e, window, n);
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    static const uint32_t idr[6] = {
        SMMUV3_IDR0_S1P | SMMUV3_IDR0_ASID16, 16, 0, SMMUV3_IDR3_RIL, 0,
        SMMUV3_IDR5_GRAN4K | SMMUV3_IDR5_GRAN16K | SMMUV3_IDR5_GRAN64K,
    };
    static const SMMUv3StreamRegs regs = {
        .cr0 = SMMUV3_CR0_SMMUEN,
        .strtab_base_cfg = SMMUV3_PREP(SMMUV3_STRTAB_CFG_LOG2SIZE, 8),
    };
    static const SMMUv3Plug plug = { .ops = &port, .parent = 1 };
    SMMUv3Engine *e = smmuv3_engine_new(&frontend, NULL);
    SMMUv3EngineDevice *d;
    SMMUv3Refusal why;
    bool ok = true;

    smmuv3_features_set(e, idr);
    if (smmuv3_engine_plug(e, &plug, &d, &why)) {
        return EXIT_FAILURE;
    }
    smmuv3_attach_all(e, &regs);
    if (argc == 4) {
        ok = count_one(e, argv[1], atoi(argv[2]), atoi(argv[3]));
    } else {
        measure_all(e);
    }
    smmuv3_engine_free(e);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
