/*
 * The guest's event queue, GERROR, and their MSIs. See eventq.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <string.h>

#include "eventq.h"
#include "host-events.h"
#include "regfile.h"
#include "ste-events.h"

/* 3.18: an MSI if the guest has set its address, else an edge; or -EFAULT. */
static int eventq_interrupt_for(SMMUv3Engine *e, SMMUv3Irq irq)
{
    const SMMUv3Regs *r = &e->regs;
    bool gerror = irq == SMMUV3_IRQ_GERROR;
    uint64_t addr = gerror ? r->gerror_irq_cfg0 : r->eventq_irq_cfg0;

    if (addr) {
        return smmuv3_send_msi(e, addr, gerror ? r->gerror_irq_cfg1
                                               : r->eventq_irq_cfg1);
    }
    e->fe.irq(e->opaque, irq);
    return 0;
}

void smmuv3_eventq_raise_gerror(SMMUv3Engine *e, uint32_t error)
{
    SMMUv3Regs *r = &e->regs;

    if (smmuv3_regfile_has_error(r, error)) {
        return;
    }
    r->gerror ^= error;
    if ((r->irq_ctrl & SMMUV3_IRQ_CTRL_GERROR) &&
        eventq_interrupt_for(e, SMMUV3_IRQ_GERROR) &&
        !smmuv3_regfile_has_error(r, SMMUV3_GERROR_MSI_GERROR_ABT_ERR)) {
        r->gerror ^= SMMUV3_GERROR_MSI_GERROR_ABT_ERR;
    }
}

static uint32_t eventq_size(const SMMUv3Regs *r)
{
    return 1u << smmuv3_regfile_eventq_log2size(r);
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

/* 7.4: sets OVFLG. False: the guest has not acknowledged the last overflow. */
static bool eventq_overflow(SMMUv3Regs *r)
{
    if ((r->eventq_prod ^ r->eventq_cons) & SMMUV3_EVENTQ_PROD_OVFLG) {
        return false;
    }
    r->eventq_prod ^= SMMUV3_EVENTQ_PROD_OVFLG;
    return true;
}

/* Writes up to the ring's end; returns how many. 0: the write was aborted. */
static uint32_t eventq_write(SMMUv3Engine *e,
                             const SMMUv3EventRecord *records, uint32_t n)
{
    const SMMUv3Regs *r = &e->regs;
    uint32_t size = eventq_size(r), at = r->eventq_prod & (size - 1);
    uint64_t bytes = size * sizeof(*records);
    uint64_t ring = r->eventq_base & SMMUV3_EVENTQ_BASE_ADDR & ~(bytes - 1);

    n = MIN(n, size - at);
    return e->fe.write(e->opaque, ring + at * sizeof(*records), records,
                       n * sizeof(*records)) ? 0 : n;
}

/* 7.2.1: nothing is written while an aborted write is not acknowledged. */
static bool eventq_may_record(const SMMUv3Regs *r)
{
    return (r->cr0 & SMMUV3_CR0_EVENTQEN) &&
           !smmuv3_regfile_has_error(r, SMMUV3_GERROR_EVENTQ_ABT_ERR);
}

/* Writes @n records, for which there is room; returns how many it wrote. */
static uint32_t eventq_append(SMMUv3Engine *e, const SMMUv3EventRecord *records,
                              uint32_t n)
{
    uint32_t done = 0;

    while (done < n) {
        uint32_t written = eventq_write(e, records + done, n - done);

        if (!written) {
            smmuv3_eventq_raise_gerror(e, SMMUV3_GERROR_EVENTQ_ABT_ERR);
            break;
        }
        eventq_advance(&e->regs, written);
        done += written;
    }
    return done;
}

static void eventq_tell(SMMUv3Engine *e, const SMMUv3EventRecord *records,
                        uint32_t n, uint32_t written, bool lost)
{
    if (e->fe.recorded && (n || lost)) {
        e->fe.recorded(e->opaque, records, n, written, lost);
    }
}

static void eventq_interrupt(SMMUv3Engine *e)
{
    if ((e->regs.irq_ctrl & SMMUV3_IRQ_CTRL_EVENTQ) &&
        eventq_interrupt_for(e, SMMUV3_IRQ_EVENTQ)) {
        smmuv3_eventq_raise_gerror(e, SMMUV3_GERROR_MSI_EVENTQ_ABT_ERR);
    }
}

/* 6.3.12: C_BAD_STREAMID is recorded with CR2.RECINVSID only. */
static bool eventq_is_wanted(const SMMUv3Regs *r,
                             const SMMUv3EventRecord *record)
{
    return (r->cr2 & SMMUV3_CR2_RECINVSID) ||
           SMMUV3_GET(SMMUV3_EVENT0_TYPE, GUINT64_FROM_LE(record->dw[0])) !=
           SMMUV3_EVENT_C_BAD_STREAMID;
}

/* Moves the wanted ones of @n records to the front; returns how many. */
static uint32_t eventq_drop_unwanted(SMMUv3Engine *e,
                                     SMMUv3EventRecord *records, uint32_t n)
{
    uint32_t left = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (eventq_is_wanted(&e->regs, &records[i])) {
            records[left++] = records[i];
        }
    }
    e->stats.events_dropped += n - left;
    return left;
}

/* @lost: the host, or the VMM, had more than these. Moves @records. */
static void eventq_record(SMMUv3Engine *e, SMMUv3EventRecord *records,
                          uint32_t n, bool lost)
{
    SMMUv3Regs *r = &e->regs;
    bool overflowed = false;
    uint32_t fit, done;

    n = eventq_drop_unwanted(e, records, n);
    if (!eventq_may_record(r)) {
        e->stats.events_dropped += n;
        eventq_tell(e, records, n, 0, lost);
        return;
    }
    fit = MIN(n, eventq_free(r));
    done = eventq_append(e, records, fit);
    e->stats.events_written += done;
    e->stats.events_dropped += fit - done;
    e->stats.events_overflowed += n - fit;
    if (lost || n > fit) {
        overflowed = eventq_overflow(r);
    }
    eventq_tell(e, records, n, done, lost);
    /* A full queue has had its interrupt; OVFLG for @lost events has not. */
    if (done || (lost && overflowed)) {
        eventq_interrupt(e);
    }
}

void smmuv3_engine_record_events(SMMUv3Engine *e,
                                 const SMMUv3EventRecord *records, unsigned n,
                                 bool lost)
{
    SMMUv3EventRecord some[SMMUV3_HOST_EVENTS_MAX];

    do {
        unsigned taken = MIN(n, G_N_ELEMENTS(some));

        memcpy(some, records, taken * sizeof(*some));
        records += taken;
        n -= taken;
        eventq_record(e, some, taken, lost && !n);
    } while (n);
}

void smmuv3_engine_host_events(SMMUv3Engine *e)
{
    SMMUv3EventRecord records[SMMUV3_HOST_EVENTS_MAX];
    bool lost;
    unsigned n = smmuv3_host_events_read(e, records, G_N_ELEMENTS(records),
                                         &lost);

    eventq_record(e, records, n, lost);
}

void smmuv3_eventq_record_own(SMMUv3Engine *e)
{
    SMMUv3EventRecord records[16];
    unsigned n;

    while ((n = smmuv3_ste_events_take(e, records, G_N_ELEMENTS(records)))) {
        eventq_record(e, records, n, false);
    }
}
