// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What FreeBSD's driver does to an SMMU, in its order (sys/arm64/iommu/smmu.c):
 * one CMDQ_PROD write for each command, every CMD_SYNC an MSI into its own
 * entry, invalidations before and after each step of an STE, EATS where there
 * is no ATS, and an event queue whose indices are read both at once.
 */
#include <unistd.h>

#include "probe.h"

#define LOG2 8
#define EVENTS_LOG2 6
#define ALLOCATE (1ull << 62)   /* RA of tables and queues, WA of events */
#define TTB_OFFSET (CDS_OFFSET + 0x1000)
#define DRIVER_ASID 3
#define IOVA 0x7eef0000ull

#define CR1_WRITE_BACK_INNER_SHAREABLE 0xd75u

static uint32_t sid;

static void command(struct smmu *s, uint64_t w0, uint64_t w1)
{
    smmu_push(s, w0, w1);
    smmu_kick(s);
}

/* 4.7.3: CS=SIG_IRQ, MSIData 0. The entry's first word is 0 within 1 s. */
static void complete(struct smmu *s)
{
    uint32_t slot = s->prod & ((1u << LOG2) - 1);
    volatile uint64_t *entry = s->ram + QUEUE_OFFSET / 8 + slot * 2;
    uint64_t start = ticks();

    command(s, CMD_SYNC | 1ull << 12 | 3ull << 22 | 15ull << 24,
            OUR_RAM + QUEUE_OFFSET + slot * 16);
    while ((uint32_t)*entry && ticks_to_us(ticks() - start) < 1000000) {
        continue;
    }
    expect((uint32_t)*entry, 0, "CMD_SYNC's own entry %u", slot);
}

static void set_acked(struct smmu *s, unsigned reg, unsigned ack, uint32_t v)
{
    smmu_set(s, reg, v);
    for (unsigned i = 0; i < 1000 && smmu_get(s, ack) != v; i++) {
        usleep(1000);
    }
    expect(smmu_get(s, ack), v, "acknowledged at %#x", ack);
}

static void interrupts(struct smmu *s)
{
    const unsigned cfg0[] = { GERROR_IRQ_CFG0, EVENTQ_IRQ_CFG0 };

    for (unsigned i = 0; i < 2; i++) {
        smmu_set64(s, cfg0[i], 0);
        smmu_set(s, cfg0[i] + 8, 0);
        smmu_set(s, cfg0[i] + 12, 0);
    }
    set_acked(s, IRQ_CTRL, IRQ_CTRLACK, 0);
    set_acked(s, IRQ_CTRL, IRQ_CTRLACK, IRQ_CTRL_EVENTQ | IRQ_CTRL_GERROR);
}

static void command_queue(struct smmu *s)
{
    s->log2 = LOG2;
    s->prod = 0;
    smmu_set64(s, CMDQ_BASE, ALLOCATE | (OUR_RAM + QUEUE_OFFSET) | LOG2);
    smmu_set(s, CMDQ_PROD, 0);
    smmu_set(s, CMDQ_CONS, 0);
    set_acked(s, CR0, CR0ACK, CR0_CMDQEN);
    command(s, CFGI_STE_RANGE, 31);
    complete(s);
    command(s, TLBI_NSNH_ALL, 0);
    complete(s);
}

static void event_queue(struct smmu *s)
{
    smmu_set64(s, EVENTQ_BASE,
               ALLOCATE | (OUR_RAM + EVENT_OFFSET) | EVENTS_LOG2);
    smmu_set(s, EVENTQ_PROD, 0);
    smmu_set(s, EVENTQ_CONS, 0);
    set_acked(s, CR0, CR0ACK, CR0_CMDQEN | CR0_EVENTQEN);
}

static void bring_up(struct smmu *s)
{
    set_acked(s, CR0, CR0ACK, smmu_get(s, CR0) & ~CR0_SMMUEN);
    set_acked(s, CR0, CR0ACK, 0);
    interrupts(s);
    smmu_set(s, CR1, CR1_WRITE_BACK_INNER_SHAREABLE);
    smmu_set(s, CR2, CR2_PTM | CR2_RECINVSID | CR2_E2H);
    smmu_use_linear_table(s);
    command_queue(s);
    event_queue(s);
    set_acked(s, CR0, CR0ACK, CR0_CMDQEN | CR0_EVENTQEN | CR0_SMMUEN);
}

static void expect_quiet(struct smmu *s)
{
    expect(smmu_get64(s, EVENTQ_PROD), 0, "EVENTQ_PROD and CONS at once");
    expect(smmu_get(s, GERROR) ^ smmu_get(s, GERRORN), 0, "active errors");
    expect(smmu_get64(s, CMDQ_PROD), (uint64_t)s->prod << 32 | s->prod,
           "CMDQ_PROD and CONS at once");
}

static void start(struct smmu *s)
{
    bring_up(s);
    expect_quiet(s);
}

/* 5.4: 40 bits, 4 KiB pages, TT1 off, AArch64, R, A, ASET; an empty table */
static void write_cd(struct smmu *s)
{
    volatile uint64_t *cd = s->ram + CDS_OFFSET / 8;

    for (unsigned i = 0; i < 512; i++) {
        s->ram[TTB_OFFSET / 8 + i] = 0;
    }
    cd[1] = OUR_RAM + TTB_OFFSET;
    cd[2] = 0;
    cd[3] = 0xbb44ff00;
    cd[0] = 24 | 1ull << 30 | 1ull << 31 | 5ull << 32 | 1ull << 41 |
            1ull << 45 | 1ull << 46 | 1ull << 47 | ASID(DRIVER_ASID);
}

/* The STE's words but the first, CFGI_STE; the first, CFGI_STE */
static void write_ste(struct smmu *s, uint64_t w0, uint64_t w1, bool has_cd)
{
    size_t ste = TABLE_OFFSET + sid * 64;

    smmu_write_ste(s, ste, 0, w1);
    command(s, CFGI_STE | SID(sid), 0);
    complete(s);
    smmu_write_ste(s, ste, w0, w1);
    command(s, CFGI_STE | SID(sid), 0);
    complete(s);
    if (has_cd) {
        command(s, CFGI_CD | SID(sid), LEAF);
        command(s, CFGI_STE | SID(sid), 0);
        complete(s);
    }
    command(s, PREFETCH_CONFIG | SID(sid), 0);
    complete(s);
    complete(s);
}

static void bypass(struct smmu *s)
{
    bring_up(s);
    write_ste(s, 4 << 1 | 1, STE_SHCFG_INCOMING | STE_EATS_FULL, false);
    expect_quiet(s);
}

/* The interrupt filter: an event is taken before it is asked for the next */
static unsigned take_events(struct smmu *s)
{
    unsigned n = 0;
    uint64_t both;

    do {
        both = smmu_get64(s, EVENTQ_PROD);
        smmu_set(s, EVENTQ_CONS, (both >> 32) + 1);
        both = smmu_get64(s, EVENTQ_PROD);
    } while ((uint32_t)both != both >> 32 && ++n < 100);
    return n + 1;
}

static void stream(struct smmu *s)
{
    bring_up(s);
    write_cd(s);
    command(s, TLBI_NH_ASID | ASID(DRIVER_ASID), 0);
    complete(s);
    write_ste(s, STE_STAGE1, S1_DW1 | STE_EATS_FULL, true);
    expect_quiet(s);
    command(s, TLBI_NH_VA | ASID(DRIVER_ASID), IOVA | LEAF);
    complete(s);
    probe_dma(IOVA, 8);
    for (unsigned i = 0; i < 2000 && smmu_get(s, EVENTQ_PROD) != 2; i++) {
        usleep(1000);
    }
    smmu_barrier();
    expect(s->ram[EVENT_OFFSET / 8] & 0xff, F_TRANSLATION, "type");
    expect(s->ram[EVENT_OFFSET / 8] >> 32, sid, "StreamID");
    expect(take_events(s), 2, "events");
    expect(smmu_get64(s, EVENTQ_PROD), 2ull << 32 | 2, "the empty queue");
}

const struct point freebsd_points[] = {
    { "6.3", "FreeBSD's bring-up, each SYNC an MSI into its entry", start },
    { "5.2", "FreeBSD's order of a bypass STE, EATS set: no event", bypass },
    { "7.2", "FreeBSD's order of a stream, and its interrupt filter", stream },
};
const unsigned n_freebsd_points =
    sizeof(freebsd_points) / sizeof(freebsd_points[0]);

void probe_freebsd_open(uint32_t edu_sid)
{
    sid = edu_sid;
}
