// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Faults of a real device, and what the event queue does with them: points
 * that need a device to make DMA, QEMU's edu without a driver. It reads RAM
 * four bytes at a time, so a DMA of n bytes to nowhere is n / 4 faults.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe.h"

#define ON (CR0_CMDQEN | CR0_SMMUEN | CR0_EVENTQEN)
#define IOVA 0x7eef0000ull
#define TTB_OFFSET (CDS_OFFSET + 0x1000)

/* The edu device: registers, and its buffer as a DMA address */
enum { EDU_SRC = 0x80, EDU_DST = 0x88, EDU_COUNT = 0x90, EDU_CMD = 0x98 };
#define EDU_BUFFER 0x40000
#define EDU_RUN 1

static volatile uint8_t *edu;
static uint32_t edu_sid;

static void edu_set(unsigned off, uint64_t v)
{
    *(volatile uint64_t *)(edu + off) = v;
}

/* A DMA, and 1 s at most until the device has tried all of it */
void probe_dma(uint64_t iova, uint64_t bytes)
{
    edu_set(EDU_SRC, iova);
    edu_set(EDU_DST, EDU_BUFFER);
    edu_set(EDU_COUNT, bytes);
    edu_set(EDU_CMD, EDU_RUN);
    for (unsigned i = 0; i < 1000; i++) {
        if (!(*(volatile uint64_t *)(edu + EDU_CMD) & EDU_RUN)) {
            return;
        }
        usleep(1000);
    }
}

static void dma(uint64_t bytes)
{
    probe_dma(IOVA, bytes);
}

static uint32_t prod(struct smmu *s)
{
    return smmu_get(s, EVENTQ_PROD);
}

/* Events come by way of the host's kernel: 2 s at most until PROD is there */
static uint32_t wait_prod(struct smmu *s, uint32_t want)
{
    for (unsigned i = 0; i < 2000 && prod(s) != want; i++) {
        usleep(1000);
    }
    return prod(s);
}

/* 5.4: 39 bits, 4 KiB pages, AArch64, R, A; an empty table */
static void write_cd(struct smmu *s, bool valid)
{
    volatile uint64_t *cd = s->ram + CDS_OFFSET / 8;

    for (unsigned i = 0; i < 512; i++) {
        s->ram[TTB_OFFSET / 8 + i] = 0;
    }
    cd[1] = OUR_RAM + TTB_OFFSET;
    cd[3] = 0xff;
    cd[0] = 25 | 1ull << 30 | (uint64_t)valid << 31 | 2ull << 32 |
            1ull << 41 | 1ull << 45 | 1ull << 46 | 1ull << 47 | 7ull << 48;
}

/* Translating, with an event queue of 1 << log2 at base */
static void start(struct smmu *s, bool valid_cd, uint64_t base, unsigned log2)
{
    smmu_use_linear_table(s);
    smmu_translating_ste(s, TABLE_OFFSET + edu_sid * 64);
    write_cd(s, valid_cd);
    smmu_set64(s, EVENTQ_BASE, base | log2);
    smmu_set(s, EVENTQ_PROD, 0);
    smmu_set(s, EVENTQ_CONS, 0);
    smmu_barrier();
    expect(smmu_enable(s, ON), true, "SMMUEN and EVENTQEN");
}

static uint64_t event(struct smmu *s, unsigned slot, unsigned word)
{
    smmu_barrier();
    return s->ram[EVENT_OFFSET / 8 + slot * 4 + word];
}

static void expect_event(struct smmu *s, unsigned slot, unsigned type,
                         uint64_t addr)
{
    expect(event(s, slot, 0) & 0xff, type, "type of event %u", slot);
    expect(event(s, slot, 0) >> 32, edu_sid, "StreamID of event %u", slot);
    expect(event(s, slot, 2), addr, "address of event %u", slot);
}

static void translation(struct smmu *s)
{
    start(s, true, OUR_RAM + EVENT_OFFSET, 6);
    dma(8);
    expect(wait_prod(s, 2), 2, "EVENTQ_PROD");
    expect_event(s, 0, F_TRANSLATION, IOVA);
    expect_event(s, 1, F_TRANSLATION, IOVA + 4);
}

static void bad_cd(struct smmu *s)
{
    start(s, false, OUR_RAM + EVENT_OFFSET, 6);
    dma(4);
    expect(wait_prod(s, 1), 1, "EVENTQ_PROD");
    expect(event(s, 0, 0) & 0xff, C_BAD_CD, "type");
    expect(event(s, 0, 0) >> 32, edu_sid, "StreamID");
}

static void overflow(struct smmu *s)
{
    start(s, true, OUR_RAM + EVENT_OFFSET, 3);
    dma(64);
    expect(wait_prod(s, EVENTQ_OVFLG | 8), EVENTQ_OVFLG | 8, "full");
    expect_event(s, 0, F_TRANSLATION, IOVA);
    expect_event(s, 7, F_TRANSLATION, IOVA + 28);
    dma(4);
    usleep(100000);
    expect(prod(s), EVENTQ_OVFLG | 8, "full, OVFLG not acknowledged");
    smmu_set(s, EVENTQ_CONS, EVENTQ_OVFLG | 8);
    dma(4);
    expect(wait_prod(s, EVENTQ_OVFLG | 9), EVENTQ_OVFLG | 9, "acknowledged");
    dma(64);
    expect(wait_prod(s, 0), 0, "full again: OVFLG toggles back");
    expect(smmu_get(s, GERROR) ^ smmu_get(s, GERRORN), 0, "GERROR");
}

static void disabled(struct smmu *s)
{
    start(s, true, OUR_RAM + EVENT_OFFSET, 6);
    expect(smmu_enable(s, CR0_CMDQEN | CR0_SMMUEN), true, "EVENTQEN off");
    dma(16);
    usleep(100000);
    expect(prod(s), 0, "EVENTQ_PROD");
    expect(smmu_enable(s, ON), true, "EVENTQEN on");
    dma(4);
    expect(wait_prod(s, 1), 1, "EVENTQ_PROD");
}

static void write_abort(struct smmu *s)
{
    uint32_t active = 0;

    start(s, true, NO_RAM, 6);
    dma(4);
    for (unsigned i = 0; i < 2000 && !active; i++) {
        active = smmu_get(s, GERROR) ^ smmu_get(s, GERRORN);
        usleep(1000);
    }
    expect(active, GERROR_EVENTQ_ABT_ERR, "active errors");
    expect(prod(s), 0, "EVENTQ_PROD");
    smmu_set(s, GERRORN, smmu_get(s, GERROR));
}

/* 1024 faults at once: all are there, in order, and the device is alive */
static void burst(struct smmu *s)
{
    start(s, true, OUR_RAM + EVENT_OFFSET, 12);
    dma(4096);
    expect(wait_prod(s, 1024), 1024, "EVENTQ_PROD");
    for (unsigned i = 0; i < 1024 && !failures(); i++) {
        expect_event(s, i, F_TRANSLATION, IOVA + 4 * i);
    }
    dma(4);
    expect(wait_prod(s, 1025), 1025, "one more");
}

static void install(struct smmu *s, uint64_t w0)
{
    smmu_write_ste(s, TABLE_OFFSET + edu_sid * 64, w0, 0);
    smmu_push(s, CFGI_STE | SID(edu_sid), LEAF);
    smmu_push(s, CMD_SYNC, 0);
    smmu_kick(s);
    expect(smmu_wait(s), SMMU_DONE, "the queue");
}

/* 3.21.3.1, down and up again: V=0, all else in place, V=1 */
static void update_procedure(struct smmu *s)
{
    const uint64_t ste = (OUR_RAM + CDS_OFFSET) | 5 << 1;

    start(s, true, OUR_RAM + EVENT_OFFSET, 6);
    install(s, ste);
    install(s, 0);
    install(s, ste);
    install(s, ste | 1);
    expect(prod(s), 0, "EVENTQ_PROD");
    dma(4);
    expect(wait_prod(s, 1), 1, "EVENTQ_PROD after a fault");
    expect_event(s, 0, F_TRANSLATION, IOVA);
}

/* What the host cannot report: the STE itself is not to be used */
static void bad_ste(struct smmu *s)
{
    start(s, true, OUR_RAM + EVENT_OFFSET, 6);
    install(s, (OUR_RAM + CDS_OFFSET) | 7 << 1 | 1);
    expect(prod(s), 1, "EVENTQ_PROD");
    expect(event(s, 0, 0), C_BAD_STE | SID(edu_sid), "event");
}

const struct point fault_points[] = {
    { "7.3.12", "DMA to an unmapped address is F_TRANSLATION", translation },
    { "7.3.11", "DMA with an invalid CD is C_BAD_CD", bad_cd },
    { "7.4", "A full event queue toggles OVFLG, once each time", overflow },
    { "7.2", "A disabled event queue drops events", disabled },
    { "7.2.1", "A write abort is EVENTQ_ABT_ERR", write_abort },
    { "7.2", "1024 faults in a burst", burst },
    { "7.2", "An STE that is made valid in steps is no event",
      update_procedure },
    { "7.3.5", "CFGI_STE of an STE for stage 2 is C_BAD_STE (choice)",
      bad_ste },
};
const unsigned n_fault_points = sizeof(fault_points) / sizeof(fault_points[0]);

void probe_faults_open(uint64_t bar, uint32_t sid)
{
    int fd = open("/dev/mem", O_RDWR | O_SYNC);
    void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, bar);

    if (map == MAP_FAILED) {
        perror("edu's BAR");
        exit(2);
    }
    edu = map;
    edu_sid = sid;
}
