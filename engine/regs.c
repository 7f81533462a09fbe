/*
 * The register file. See smmuv3-regs.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Two tables: registers (where, how wide, what a write sets going) and their
 * writable fields (which bits, needing which feature, locked by what). Both
 * follow Arm IHI 0070 chapter 6.3; what they do not list is RES0. A value is
 * stored with no other bits than a field of it allows, so reading needs no
 * masks but for the indices of queues.
 */
#include <glib.h>
#include <string.h>

#include "smmuv3-promise.h"
#include "smmuv3-regs.h"

struct SMMUv3RegFile {
    SMMUv3Engine *engine;
    const SMMUv3RegsOps *ops;
    void *opaque;
    SMMUv3Regs regs;
    SMMUv3RegsStats stats;
    bool paused;
    bool waiting;               /* for the host; resume() was asked for */
    bool restarted;             /* CMDQEN, since the queue was last looked at */
    bool unsettled;             /* a quiet write has left... */
    SMMUv3CmdqResult rest;      /* this to be acted upon */
};

/* ---- What writes set going ---- */

static uint32_t queue_log2size(uint64_t base, uint32_t idr1_size)
{
    uint32_t log2size = SMMUV3_GET(SMMUV3_CMDQ_BASE_LOG2SIZE, base);

    return MIN(MIN(log2size, idr1_size), SMMUV3_QUEUE_LOG2SIZE_MAX);
}

static uint32_t cmdq_log2size(const SMMUv3Regs *r)
{
    return queue_log2size(r->cmdq_base,
                          SMMUV3_GET(SMMUV3_IDR1_CMDQS, r->idr[1]));
}

static uint32_t eventq_log2size(const SMMUv3Regs *r)
{
    return queue_log2size(r->eventq_base,
                          SMMUV3_GET(SMMUV3_IDR1_EVENTQS, r->idr[1]));
}

static void drive_streams(SMMUv3RegFile *f)
{
    SMMUv3StreamRegs regs = {
        .cr0 = f->regs.cr0,
        .gbpa = f->regs.gbpa,
        .strtab_base = f->regs.strtab_base,
        .strtab_base_cfg = f->regs.strtab_base_cfg,
    };

    smmuv3_engine_set_regs(f->engine, &regs);
}

static bool is_active(const SMMUv3Regs *r, uint32_t error)
{
    return (r->gerror ^ r->gerrorn) & error;
}

/* 3.18: an MSI, once it has an address, else an edge; 0, or -EFAULT. */
static int interrupt(SMMUv3RegFile *f, SMMUv3Irq irq)
{
    const SMMUv3Regs *r = &f->regs;
    bool gerror = irq == SMMUV3_IRQ_GERROR;
    uint64_t addr = gerror ? r->gerror_irq_cfg0 : r->eventq_irq_cfg0;

    if (addr) {
        return f->ops->msi(f->opaque, addr, gerror ? r->gerror_irq_cfg1
                                                   : r->eventq_irq_cfg1);
    }
    f->ops->irq(f->opaque, irq);
    return 0;
}

/*
 * 6.3.18: toggled to become active, nothing if it is already. That its own MSI
 * was aborted is all that raises no interrupt.
 */
static void raise_gerror(SMMUv3RegFile *f, uint32_t error)
{
    SMMUv3Regs *r = &f->regs;

    if (is_active(r, error)) {
        return;
    }
    r->gerror ^= error;
    if ((r->irq_ctrl & SMMUV3_IRQ_CTRL_GERROR) &&
        interrupt(f, SMMUV3_IRQ_GERROR) &&
        !is_active(r, SMMUV3_GERROR_MSI_GERROR_ABT_ERR)) {
        r->gerror ^= SMMUV3_GERROR_MSI_GERROR_ABT_ERR;
    }
}

/* ---- The event queue ---- */

static uint32_t eventq_size(const SMMUv3Regs *r)
{
    return 1u << eventq_log2size(r);
}

/* A CONS that claims more than was written is a full queue. */
static uint32_t eventq_free(const SMMUv3Regs *r)
{
    uint32_t size = eventq_size(r);
    uint32_t used = (r->eventq_prod - r->eventq_cons) & (2 * size - 1);

    return size - MIN(used, size);
}

static void eventq_advance(SMMUv3Regs *r, uint32_t n)
{
    uint32_t mask = 2 * eventq_size(r) - 1;
    uint32_t index = (r->eventq_prod + n) & mask;

    r->eventq_prod = (r->eventq_prod & SMMUV3_EVENTQ_PROD_OVFLG) | index;
}

/* 7.4: told once, until the guest has acknowledged it. False: it was. */
static bool eventq_overflow(SMMUv3Regs *r)
{
    if ((r->eventq_prod ^ r->eventq_cons) & SMMUV3_EVENTQ_PROD_OVFLG) {
        return false;
    }
    r->eventq_prod ^= SMMUV3_EVENTQ_PROD_OVFLG;
    return true;
}

/* At most up to the ring's end; how many. 0: the write was aborted. */
static uint32_t eventq_write(SMMUv3RegFile *f,
                             const SMMUv3EventRecord *records, uint32_t n)
{
    const SMMUv3Regs *r = &f->regs;
    uint32_t size = eventq_size(r), at = r->eventq_prod & (size - 1);
    uint64_t bytes = size * sizeof(*records);
    uint64_t ring = r->eventq_base & SMMUV3_EVENTQ_BASE_ADDR & ~(bytes - 1);

    n = MIN(n, size - at);
    return f->ops->write(f->opaque, ring + at * sizeof(*records), records,
                         n * sizeof(*records)) ? 0 : n;
}

/* 7.2.1: nothing is written while an aborted write is not acknowledged. */
static bool may_record(const SMMUv3Regs *r)
{
    return (r->cr0 & SMMUV3_CR0_EVENTQEN) &&
           !is_active(r, SMMUV3_GERROR_EVENTQ_ABT_ERR);
}

/* As many of @n as could be written; there is room for all of them. */
static uint32_t append(SMMUv3RegFile *f, const SMMUv3EventRecord *records,
                       uint32_t n)
{
    uint32_t done = 0;

    while (done < n) {
        uint32_t written = eventq_write(f, records + done, n - done);

        if (!written) {
            raise_gerror(f, SMMUV3_GERROR_EVENTQ_ABT_ERR);
            break;
        }
        eventq_advance(&f->regs, written);
        done += written;
    }
    return done;
}

static void tell(SMMUv3RegFile *f, const SMMUv3EventRecord *records,
                 uint32_t n, uint32_t written, bool lost)
{
    if (f->ops->recorded && (n || lost)) {
        f->ops->recorded(f->opaque, records, n, written, lost);
    }
}

static void interrupt_eventq(SMMUv3RegFile *f)
{
    if ((f->regs.irq_ctrl & SMMUV3_IRQ_CTRL_EVENTQ) &&
        interrupt(f, SMMUV3_IRQ_EVENTQ)) {
        raise_gerror(f, SMMUV3_GERROR_MSI_EVENTQ_ABT_ERR);
    }
}

/* 6.3.12: C_BAD_STREAMID is for those who ask for it. */
static bool is_wanted(const SMMUv3Regs *r, const SMMUv3EventRecord *record)
{
    return (r->cr2 & SMMUV3_CR2_RECINVSID) ||
           SMMUV3_GET(SMMUV3_EVENT0_TYPE, GUINT64_FROM_LE(record->dw[0])) !=
           SMMUV3_EVENT_C_BAD_STREAMID;
}

/* How many of @n are left, at the front. */
static uint32_t drop_unwanted(SMMUv3RegFile *f, SMMUv3EventRecord *records,
                              uint32_t n)
{
    uint32_t left = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (is_wanted(&f->regs, &records[i])) {
            records[left++] = records[i];
        }
    }
    f->stats.events_dropped += n - left;
    return left;
}

/* @lost: there were more than are here. @records are moved. */
static void record(SMMUv3RegFile *f, SMMUv3EventRecord *records, uint32_t n,
                   bool lost)
{
    SMMUv3Regs *r = &f->regs;
    bool overflowed = false;
    uint32_t fit, done;

    n = drop_unwanted(f, records, n);
    if (!may_record(r)) {
        f->stats.events_dropped += n;
        tell(f, records, n, 0, lost);
        return;
    }
    fit = MIN(n, eventq_free(r));
    done = append(f, records, fit);
    f->stats.events_written += done;
    f->stats.events_dropped += fit - done;
    f->stats.events_overflowed += n - fit;
    if (lost || n > fit) {
        overflowed = eventq_overflow(r);
    }
    tell(f, records, n, done, lost);
    /* A full queue has been told of; that the host's was full has not. */
    if (done || (lost && overflowed)) {
        interrupt_eventq(f);
    }
}

void smmuv3_regs_record(SMMUv3RegFile *f, const SMMUv3EventRecord *records,
                        unsigned n, bool lost)
{
    SMMUv3EventRecord some[SMMUV3_HOST_EVENTS_MAX];

    do {
        unsigned taken = MIN(n, G_N_ELEMENTS(some));

        memcpy(some, records, taken * sizeof(*some));
        records += taken;
        n -= taken;
        record(f, some, taken, lost && !n);
    } while (n);
}

void smmuv3_regs_host_events(SMMUv3RegFile *f)
{
    SMMUv3EventRecord records[SMMUV3_HOST_EVENTS_MAX];
    bool lost;
    unsigned n = smmuv3_engine_read_events(f->engine, records,
                                           G_N_ELEMENTS(records), &lost);

    record(f, records, n, lost);
}

static void record_own(SMMUv3RegFile *f)
{
    SMMUv3EventRecord records[16];
    unsigned n;

    while ((n = smmuv3_engine_own_events(f->engine, records,
                                         G_N_ELEMENTS(records)))) {
        record(f, records, n, false);
    }
}

/* ---- The command queue ---- */

/* CONS and its ERR are in place before the error can be seen, 7.1. */
static void stop(SMMUv3RegFile *f, SMMUv3CmdError cerror)
{
    f->regs.cmdq_cons &= ~SMMUV3_CMDQ_CONS_ERR;
    f->regs.cmdq_cons |= SMMUV3_PREP(SMMUV3_CMDQ_CONS_ERR, cerror);
    raise_gerror(f, SMMUV3_GERROR_CMDQ_ERR);
}

/* Commands are consumed while the queue is on and no error waits, 7.1. */
static bool may_consume(const SMMUv3RegFile *f)
{
    return !f->paused && !f->waiting && (f->regs.cr0 & SMMUV3_CR0_CMDQEN) &&
           !is_active(&f->regs, SMMUV3_GERROR_CMDQ_ERR);
}

/* With the size that IDR1 allows. */
static uint64_t effective_cmdq_base(const SMMUv3Regs *r)
{
    return (r->cmdq_base & ~SMMUV3_CMDQ_BASE_LOG2SIZE) | cmdq_log2size(r);
}

static SMMUv3CmdqResult run(SMMUv3RegFile *f, bool quiet)
{
    SMMUv3Regs *r = &f->regs;
    SMMUv3CmdqRegs q = {
        .base = effective_cmdq_base(r),
        .prod = r->cmdq_prod,
        .cons = r->cmdq_cons & SMMUV3_QUEUE_INDEX,
        .quiet = quiet, .restarted = f->restarted,
    };
    SMMUv3CmdqResult result = smmuv3_engine_cmdq_run(f->engine, &q);

    f->restarted = false;
    /* What an STE raises is told before CONS says so; in no quiet run. */
    if (result.events_due) {
        record_own(f);
    }
    r->cmdq_cons = (r->cmdq_cons & ~SMMUV3_QUEUE_INDEX) | q.cons;
    return result;
}

static void act_upon(SMMUv3RegFile *f, const SMMUv3CmdqResult *result)
{
    if (result->msi_aborted) {
        raise_gerror(f, SMMUV3_GERROR_MSI_CMDQ_ABT_ERR);
    }
    if (result->status == SMMUV3_CMDQ_STOPPED) {
        stop(f, result->cerror);
    } else if (result->status == SMMUV3_CMDQ_MORE) {
        f->ops->resume(f->opaque, 0);
    } else if (result->status == SMMUV3_CMDQ_WAIT) {
        f->waiting = true;
        f->ops->resume(f->opaque, result->wait_ms);
    }
}

static void consume(SMMUv3RegFile *f)
{
    if (may_consume(f)) {
        SMMUv3CmdqResult result = run(f, false);

        act_upon(f, &result);
    }
}

/* The change is complete when CR0ACK says so, 6.3.10. */
static void cr0_written(SMMUv3RegFile *f, uint64_t old)
{
    if ((f->regs.cr0 ^ old) & SMMUV3_CR0_SMMUEN) {
        drive_streams(f);
    }
    f->restarted |= (f->regs.cr0 & ~old & SMMUV3_CR0_CMDQEN) != 0;
    smmuv3_engine_want_events(f->engine, f->regs.cr0 & SMMUV3_CR0_EVENTQEN);
    f->regs.cr0ack = f->regs.cr0;
    consume(f);
}

/* GBPA means nothing while SMMUEN=1; the change to 0 looks at it again. */
static void gbpa_written(SMMUv3RegFile *f, uint64_t old)
{
    if (!(f->regs.cr0 & SMMUV3_CR0_SMMUEN) && f->regs.gbpa != old) {
        drive_streams(f);
    }
}

static void prod_written(SMMUv3RegFile *f, uint64_t old G_GNUC_UNUSED)
{
    f->stats.prod_writes++;
    consume(f);
}

/* An acknowledged CMDQ_ERR resumes the queue. */
static void gerrorn_written(SMMUv3RegFile *f, uint64_t old G_GNUC_UNUSED)
{
    consume(f);
}

/* ---- The tables ---- */

typedef enum Index { NO_INDEX, CMDQ_INDEX, EVENTQ_INDEX } Index;

typedef struct Reg {
    uint16_t offset;
    uint8_t bytes;
    bool read_only;         /* has no fields */
    Index index;            /* bits above the queue's size are hidden */
    size_t at;              /* in SMMUv3Regs */
    void (*written)(SMMUv3RegFile *f, uint64_t old);
} Reg;

#define AT(field) \
    .bytes = sizeof(((SMMUv3Regs *)0)->field), \
    .at = offsetof(SMMUv3Regs, field)
#define RW(name, field) SMMUV3_REG_##name, AT(field)
#define RO(name, field) SMMUV3_REG_##name, AT(field), .read_only = true

/* The busiest first. STATUSR and AGBPA have no bits here, 6.3.13 and 6.3.15. */
static const Reg registers[] = {
    { RW(CMDQ_PROD, cmdq_prod), .index = CMDQ_INDEX,
      .written = prod_written },
    { RW(CMDQ_CONS, cmdq_cons), .index = CMDQ_INDEX },
    { RW(EVENTQ_PROD, eventq_prod), .index = EVENTQ_INDEX },
    { RW(EVENTQ_CONS, eventq_cons), .index = EVENTQ_INDEX },
    { RO(GERROR, gerror) },
    { RW(GERRORN, gerrorn), .written = gerrorn_written },
    { RW(CR0, cr0), .written = cr0_written },
    { RO(CR0ACK, cr0ack) },
    { RW(CR1, cr1) },
    { RW(CR2, cr2) },
    { RW(GBPA, gbpa), .written = gbpa_written },
    { RW(IRQ_CTRL, irq_ctrl) },
    { RO(IRQ_CTRLACK, irq_ctrl) },
    { RW(STRTAB_BASE, strtab_base) },
    { RW(STRTAB_BASE_CFG, strtab_base_cfg) },
    { RW(CMDQ_BASE, cmdq_base) },
    { RW(EVENTQ_BASE, eventq_base) },
    { RW(GERROR_IRQ_CFG0, gerror_irq_cfg0) },
    { RW(GERROR_IRQ_CFG1, gerror_irq_cfg1) },
    { RW(GERROR_IRQ_CFG2, gerror_irq_cfg2) },
    { RW(EVENTQ_IRQ_CFG0, eventq_irq_cfg0) },
    { RW(EVENTQ_IRQ_CFG1, eventq_irq_cfg1) },
    { RW(EVENTQ_IRQ_CFG2, eventq_irq_cfg2) },
    { RO(IDR0, idr[0]) },
    { RO(IDR1, idr[1]) },
    { RO(IDR2, idr[2]) },
    { RO(IDR3, idr[3]) },
    { RO(IDR4, idr[4]) },
    { RO(IDR5, idr[5]) },
    { RO(IIDR, iidr) },
    { RO(AIDR, aidr) },
};

typedef struct Field {
    uint16_t reg;
    bool address;           /* bits above IDR5.OAS are RES0, 3.4.3 */
    uint64_t bits;
    uint32_t idr0;          /* without any of these in IDR0 it is RES0 */
    uint32_t idr1;          /* the same of IDR1 */
    uint32_t cr0_off;       /* read-only while one of these is set in CR0 */
    uint32_t irq_off;       /* read-only while one of these is in IRQ_CTRL */
} Field;

#define FIELD(name, ...) { SMMUV3_REG_##name, .bits = __VA_ARGS__ }
#define QUEUES_EN (SMMUV3_CR0_CMDQEN | SMMUV3_CR0_EVENTQEN)

/* An MSI's address, data and attributes: only with IDR0.MSI. */
#define IRQ_CFG(name, enable)                                              \
    FIELD(name##_IRQ_CFG0, SMMUV3_IRQ_CFG0_ADDR, .address = true,          \
          .idr0 = SMMUV3_IDR0_MSI, .irq_off = enable),                     \
    FIELD(name##_IRQ_CFG1, SMMUV3_IRQ_CFG1_DATA, .idr0 = SMMUV3_IDR0_MSI,  \
          .irq_off = enable),                                              \
    FIELD(name##_IRQ_CFG2, SMMUV3_IRQ_CFG2_ATTR, .idr0 = SMMUV3_IDR0_MSI,  \
          .irq_off = enable)

/*
 * Those of a register stand together; the busiest first.
 *
 * GBPA.SHCFG is kept in any case: without ATTR_TYPES_OVR the incoming
 * attribute is used, and the field's reset value says so.
 */
static const Field fields[] = {
    FIELD(CMDQ_PROD, SMMUV3_QUEUE_INDEX),
    FIELD(CMDQ_CONS, SMMUV3_QUEUE_INDEX | SMMUV3_CMDQ_CONS_ERR,
          .cr0_off = SMMUV3_CR0_CMDQEN),
    FIELD(EVENTQ_PROD, SMMUV3_QUEUE_INDEX | SMMUV3_EVENTQ_PROD_OVFLG,
          .cr0_off = SMMUV3_CR0_EVENTQEN),
    FIELD(EVENTQ_CONS, SMMUV3_QUEUE_INDEX | SMMUV3_EVENTQ_CONS_OVACKFLG),
    FIELD(GERRORN, SMMUV3_GERROR_CMDQ_ERR | SMMUV3_GERROR_EVENTQ_ABT_ERR |
          SMMUV3_GERROR_SFM_ERR),
    FIELD(GERRORN, SMMUV3_GERROR_MSI_CMDQ_ABT_ERR |
          SMMUV3_GERROR_MSI_EVENTQ_ABT_ERR | SMMUV3_GERROR_MSI_GERROR_ABT_ERR,
          .idr0 = SMMUV3_IDR0_MSI),
    FIELD(CR0, SMMUV3_CR0_SMMUEN | QUEUES_EN),
    FIELD(CR0, SMMUV3_CR0_ATSCHK, .idr0 = SMMUV3_IDR0_ATS),
    FIELD(CR0, SMMUV3_CR0_VMW, .idr0 = SMMUV3_IDR0_VMW),
    FIELD(CR1, SMMUV3_CR1_TABLE, .cr0_off = SMMUV3_CR0_SMMUEN),
    FIELD(CR1, SMMUV3_CR1_QUEUE, .cr0_off = QUEUES_EN),
    FIELD(CR2, SMMUV3_CR2_RECINVSID, .cr0_off = SMMUV3_CR0_SMMUEN),
    FIELD(CR2, SMMUV3_CR2_E2H, .idr0 = SMMUV3_IDR0_HYP,
          .cr0_off = SMMUV3_CR0_SMMUEN),
    FIELD(CR2, SMMUV3_CR2_PTM, .idr0 = SMMUV3_IDR0_BTM,
          .cr0_off = SMMUV3_CR0_SMMUEN),
    FIELD(CR2, SMMUV3_CR2_REC_CFG_ATS, .idr0 = SMMUV3_IDR0_ATSRECERR,
          .cr0_off = SMMUV3_CR0_SMMUEN),
    FIELD(GBPA, SMMUV3_GBPA_ABORT | SMMUV3_GBPA_SHCFG),
    FIELD(GBPA, SMMUV3_GBPA_INSTCFG | SMMUV3_GBPA_PRIVCFG,
          .idr1 = SMMUV3_IDR1_ATTR_PERMS_OVR),
    FIELD(GBPA, SMMUV3_GBPA_ALLOCCFG | SMMUV3_GBPA_MTCFG | SMMUV3_GBPA_MEMATTR,
          .idr1 = SMMUV3_IDR1_ATTR_TYPES_OVR),
    FIELD(IRQ_CTRL, SMMUV3_IRQ_CTRL_GERROR | SMMUV3_IRQ_CTRL_EVENTQ),
    IRQ_CFG(GERROR, SMMUV3_IRQ_CTRL_GERROR),
    IRQ_CFG(EVENTQ, SMMUV3_IRQ_CTRL_EVENTQ),
    FIELD(STRTAB_BASE, SMMUV3_STRTAB_BASE_RA, .cr0_off = SMMUV3_CR0_SMMUEN),
    FIELD(STRTAB_BASE, SMMUV3_STRTAB_BASE_ADDR, .address = true,
          .cr0_off = SMMUV3_CR0_SMMUEN),
    FIELD(STRTAB_BASE_CFG, SMMUV3_STRTAB_CFG_LOG2SIZE,
          .cr0_off = SMMUV3_CR0_SMMUEN),
    FIELD(STRTAB_BASE_CFG, SMMUV3_STRTAB_CFG_FMT | SMMUV3_STRTAB_CFG_SPLIT,
          .idr0 = SMMUV3_IDR0_ST_LEVEL, .cr0_off = SMMUV3_CR0_SMMUEN),
    FIELD(CMDQ_BASE, SMMUV3_CMDQ_BASE_RA | SMMUV3_CMDQ_BASE_LOG2SIZE,
          .cr0_off = SMMUV3_CR0_CMDQEN),
    FIELD(CMDQ_BASE, SMMUV3_CMDQ_BASE_ADDR, .address = true,
          .cr0_off = SMMUV3_CR0_CMDQEN),
    FIELD(EVENTQ_BASE, SMMUV3_EVENTQ_BASE_WA | SMMUV3_EVENTQ_BASE_LOG2SIZE,
          .cr0_off = SMMUV3_CR0_EVENTQEN),
    FIELD(EVENTQ_BASE, SMMUV3_EVENTQ_BASE_ADDR, .address = true,
          .cr0_off = SMMUV3_CR0_EVENTQEN),
};

static uint64_t address_bits(const SMMUv3Regs *r)
{
    return SMMUV3_BIT(smmuv3_oas_bits(r->idr[5])) - 1;
}

static uint64_t existing(const Field *field, const SMMUv3Regs *r)
{
    if ((field->idr0 && !(field->idr0 & r->idr[0])) ||
        (field->idr1 && !(field->idr1 & r->idr[1]))) {
        return 0;
    }
    return field->address ? field->bits & address_bits(r) : field->bits;
}

static bool locked(const Field *field, const SMMUv3Regs *r)
{
    return (field->cr0_off & r->cr0) || (field->irq_off & r->irq_ctrl);
}

/* The bits of a register that exist; @now: that can be written now. */
static uint64_t writable(const SMMUv3Regs *r, uint16_t offset, bool now)
{
    const Field *field = fields, *end = fields + G_N_ELEMENTS(fields);
    uint64_t bits = 0;

    while (field < end && field->reg != offset) {
        field++;
    }
    for (; field < end && field->reg == offset; field++) {
        if (!now || !locked(field, r)) {
            bits |= existing(field, r);
        }
    }
    return bits;
}

/* ---- Access ---- */

static uint64_t get(const SMMUv3Regs *r, const Reg *reg)
{
    const void *p = (const char *)r + reg->at;

    return reg->bytes == 8 ? *(const uint64_t *)p : *(const uint32_t *)p;
}

static void set(SMMUv3Regs *r, const Reg *reg, uint64_t value)
{
    void *p = (char *)r + reg->at;

    if (reg->bytes == 8) {
        *(uint64_t *)p = value;
    } else {
        *(uint32_t *)p = value;
    }
}

/* 6.3.27: index bits above the wrap bit are RES0. */
static uint64_t hidden(const SMMUv3Regs *r, Index index)
{
    uint32_t log2size;

    if (index == NO_INDEX) {
        return 0;
    }
    log2size = index == CMDQ_INDEX ? cmdq_log2size(r) : eventq_log2size(r);
    return SMMUV3_QUEUE_INDEX & ~SMMUV3_BITS(log2size, 0);
}

static bool legal(uint64_t offset, unsigned size)
{
    return (size == 4 || size == 8) && offset % size == 0;
}

/* A 64-bit register answers to its halves, too; NULL: not @size at once. */
static const Reg *find(uint64_t offset, unsigned size)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++) {
        const Reg *reg = &registers[i];

        if (offset - reg->offset < reg->bytes) {
            return size <= reg->bytes ? reg : NULL;
        }
    }
    return NULL;
}

/* PIDR4-7, PIDR0-3, CIDR0-3: those of Arm's MMU-600, as QEMU has them. */
static uint64_t id_register(uint64_t offset)
{
    static const uint8_t ids[] = {
        0x04, 0x00, 0x00, 0x00, 0x84, 0xb4, 0xf0, 0x10, 0x0d, 0xf0, 0x05, 0xb1,
    };

    return offset >= SMMUV3_REG_PIDR4 && offset <= SMMUV3_REG_CIDR3
           ? ids[(offset - SMMUV3_REG_PIDR4) / 4] : 0;
}

/* A register, one of its halves, or what stands where there is none */
static uint64_t read_one(const SMMUv3Regs *r, uint64_t offset, unsigned size)
{
    const Reg *reg = find(offset, size);
    uint64_t value;

    if (!reg) {
        return id_register(offset);
    }
    value = get(r, reg) & ~hidden(r, reg->index);
    value >>= 8 * (offset - reg->offset);
    return size == 4 ? (uint32_t)value : value;
}

/* 6.2: 8 bytes at two 32-bit registers are both of them. */
static bool is_pair(uint64_t offset, unsigned size)
{
    return size == 8 && !find(offset, 8);
}

bool smmuv3_regs_read(SMMUv3RegFile *f, uint64_t offset, unsigned size,
                      uint64_t *value)
{
    *value = 0;
    if (!legal(offset, size)) {
        return false;
    }
    offset &= ~(uint64_t)SMMUV3_REG_PAGE1;
    if (is_pair(offset, size)) {
        *value = read_one(&f->regs, offset, 4) |
                 read_one(&f->regs, offset + 4, 4) << 32;
    } else {
        *value = read_one(&f->regs, offset, size);
    }
    return true;
}

/* A register that was written, if @reg is one, and what it held. */
typedef struct Written {
    const Reg *reg;
    uint64_t old;
} Written;

static Written write_one(SMMUv3Regs *r, uint64_t offset, unsigned size,
                         uint64_t value)
{
    Written w = { .reg = find(offset, size) };
    unsigned shift;
    uint64_t bits;

    /* 6.3.14: without Update nothing is written; Update itself reads zero. */
    if (!w.reg || (w.reg->offset == SMMUV3_REG_GBPA &&
                   !(value & SMMUV3_GBPA_UPDATE))) {
        return (Written) { .reg = NULL };
    }
    shift = 8 * (offset - w.reg->offset);
    bits = writable(r, w.reg->offset, true);
    bits &= size == 8 ? UINT64_MAX : (uint64_t)UINT32_MAX << shift;
    w.old = get(r, w.reg);
    set(r, w.reg, (w.old & ~bits) | (value << shift & bits));
    return w;
}

static void set_going(SMMUv3RegFile *f, Written w)
{
    if (w.reg && w.reg->written) {
        w.reg->written(f, w.old);
    }
}

bool smmuv3_regs_write(SMMUv3RegFile *f, uint64_t offset, unsigned size,
                       uint64_t value)
{
    SMMUv3Regs *r = &f->regs;

    if (!legal(offset, size)) {
        return false;
    }
    offset &= ~(uint64_t)SMMUV3_REG_PAGE1;
    if (is_pair(offset, size)) {
        /* Both stand before either sets anything going. */
        Written low = write_one(r, offset, 4, (uint32_t)value);
        Written high = write_one(r, offset + 4, 4, value >> 32);

        set_going(f, low);
        set_going(f, high);
    } else {
        set_going(f, write_one(r, offset, size, value));
    }
    return true;
}

void smmuv3_regs_write_prod(SMMUv3RegFile *f, uint32_t prod)
{
    f->regs.cmdq_prod = prod & SMMUV3_QUEUE_INDEX;
    prod_written(f, 0);
}

/* What an unsettled run has left is smmuv3_regs_settle()'s to see to. */
static void resume_later(SMMUv3RegFile *f)
{
    if (!f->unsettled && may_consume(f)) {
        f->ops->resume(f->opaque, 0);
    }
}

void smmuv3_regs_post_prod(SMMUv3RegFile *f, uint32_t prod)
{
    f->regs.cmdq_prod = prod & SMMUV3_QUEUE_INDEX;
    f->stats.prod_writes++;
    resume_later(f);
}

bool smmuv3_regs_write_prod_quiet(SMMUv3RegFile *f, uint32_t prod)
{
    f->regs.cmdq_prod = prod & SMMUV3_QUEUE_INDEX;
    f->stats.prod_writes++;
    if (!f->unsettled && may_consume(f)) {
        f->rest = run(f, true);
        f->unsettled = f->rest.status != SMMUV3_CMDQ_DRAINED ||
                       f->rest.msi_aborted;
    }
    return !f->unsettled;
}

void smmuv3_regs_settle(SMMUv3RegFile *f)
{
    if (f->unsettled) {
        f->unsettled = false;
        act_upon(f, &f->rest);
        if (f->rest.status != SMMUV3_CMDQ_MORE) {
            consume(f);
        }
    }
}

void smmuv3_regs_resume(SMMUv3RegFile *f)
{
    f->waiting = false;
    consume(f);
}

void smmuv3_regs_pause(SMMUv3RegFile *f, bool paused)
{
    f->paused = paused;
    resume_later(f);
}

/* ---- Life ---- */

SMMUv3RegFile *smmuv3_regs_new(SMMUv3Engine *engine, const SMMUv3RegsOps *ops,
                               void *opaque)
{
    SMMUv3RegFile *f = g_new0(SMMUv3RegFile, 1);

    f->engine = engine;
    f->ops = ops;
    f->opaque = opaque;
    return f;
}

void smmuv3_regs_free(SMMUv3RegFile *f)
{
    g_free(f);
}

void smmuv3_regs_reset(SMMUv3RegFile *f, const uint32_t idr[6])
{
    SMMUv3Regs *r = &f->regs;

    f->unsettled = false;
    f->waiting = false;
    *r = (SMMUv3Regs) {
        .aidr = idr[3] & SMMUV3_IDR3_HAD ? SMMUV3_AIDR_3_1 : SMMUV3_AIDR_3_0,
        .gbpa = SMMUV3_PREP(SMMUV3_GBPA_SHCFG, SMMUV3_GBPA_SHCFG_INCOMING),
        .cmdq_base = SMMUV3_GET(SMMUV3_IDR1_CMDQS, idr[1]),
        .eventq_base = SMMUV3_GET(SMMUV3_IDR1_EVENTQS, idr[1]),
    };
    memcpy(r->idr, idr, sizeof(r->idr));
    smmuv3_engine_set_features(f->engine, idr);
    smmuv3_engine_want_events(f->engine, false);
    drive_streams(f);
}

const SMMUv3RegsStats *smmuv3_regs_stats(const SMMUv3RegFile *f)
{
    return &f->stats;
}

const SMMUv3Regs *smmuv3_regs_state(const SMMUv3RegFile *f)
{
    return &f->regs;
}

uint64_t smmuv3_regs_cmdq_ring(const SMMUv3RegFile *f, uint64_t *addr)
{
    const SMMUv3Regs *r = &f->regs;

    return smmuv3_engine_cmdq_ring(effective_cmdq_base(r), addr);
}

void smmuv3_regs_load(SMMUv3RegFile *f, const SMMUv3Regs *from)
{
    SMMUv3Regs *r = &f->regs;

    f->unsettled = false;
    f->waiting = false;
    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++) {
        const Reg *reg = &registers[i];

        if (!reg->read_only) {
            set(r, reg, get(from, reg) & writable(r, reg->offset, false));
        }
    }
    r->gerror = from->gerror & writable(r, SMMUV3_REG_GERRORN, false);
    drive_streams(f);
    smmuv3_engine_want_events(f->engine, r->cr0 & SMMUV3_CR0_EVENTQEN);
    r->cr0ack = r->cr0;
    resume_later(f);
}
