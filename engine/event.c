/*
 * Events: the host's, and those of illegal STEs, which the host never sees.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The host's queue loses events when it is full, and says so by a gap in the
 * sequence numbers, or by an entry without a record when none came after
 * (struct iommufd_vevent_header). What the guest sees of it is decided where
 * its EVENTQ is (regs.c).
 */
#include "internal.h"

/* How many events the kernel keeps for us; a read takes 128. */
#define VEVENTQ_DEPTH 4096

static void open_queue(SMMUv3Engine *e)
{
    int ret;

    e->stats.calls[SMMUV3_CALL_VEVENTQ_ALLOC]++;
    ret = e->ops->veventq_alloc(e->host, e->viommu, VEVENTQ_DEPTH,
                                &e->veventq, &e->events_fd);
    if (ret) {
        e->fe->events_failed(e->opaque, ret);
        return;
    }
    e->next_sequence = 0;
    e->fe->watch(e->opaque, e->events_fd);
}

/* There has to be a guest that wants them, and a vIOMMU. */
void smmuv3_events_open(SMMUv3Engine *e)
{
    if (e->events_wanted && e->viommu && !e->veventq) {
        open_queue(e);
    }
}

void smmuv3_events_close(SMMUv3Engine *e)
{
    if (e->veventq) {
        e->fe->watch(e->opaque, -1);
        e->ops->veventq_close(e->host, e->events_fd);
        e->stats.calls[SMMUV3_CALL_DESTROY]++;
        e->ops->destroy(e->host, e->veventq);
        e->veventq = 0;
    }
}

void smmuv3_engine_want_events(SMMUv3Engine *e, bool wanted)
{
    e->events_wanted = wanted;
    smmuv3_events_open(e);
}

/* Numbers go from 0 to INT32_MAX and begin again. */
static bool in_sequence(SMMUv3Engine *e, const SMMUv3HostEvent *event)
{
    bool expected = event->sequence == e->next_sequence;

    e->next_sequence = (event->sequence + 1) & INT32_MAX;
    return expected;
}

/* A device may have gone, or have got another number, since. */
static bool is_known(const SMMUv3Engine *e, const SMMUv3EventRecord *record)
{
    uint64_t dw0 = GUINT64_FROM_LE(record->dw[0]);

    return smmuv3_vsid_find(e->vsids, SMMUV3_GET(SMMUV3_EVENT0_SID, dw0));
}

unsigned smmuv3_engine_read_events(SMMUv3Engine *e, SMMUv3EventRecord *out,
                                   unsigned max, bool *lost)
{
    SMMUv3HostEvent events[SMMUV3_HOST_EVENTS_MAX];
    unsigned n = 0;
    int got;

    *lost = false;
    if (!e->veventq) {
        return 0;
    }
    e->stats.calls[SMMUV3_CALL_VEVENTQ_READ]++;
    got = e->ops->veventq_read(e->host, e->events_fd, events,
                               MIN(max, SMMUV3_HOST_EVENTS_MAX));
    for (int i = 0; i < got; i++) {
        if (!in_sequence(e, &events[i]) || events[i].lost) {
            e->stats.events_lost++;
            *lost = true;
        }
        if (events[i].lost) {
            continue;
        }
        if (is_known(e, &events[i].record)) {
            out[n++] = events[i].record;
        } else {
            e->stats.events_unknown++;
        }
    }
    e->stats.events += n;
    return n;
}

/*
 * 7.2: an event comes with a transaction, so that V=0, or a table that is not
 * there yet, is no event. Only an STE that says that it is valid, and is not,
 * is told of without one.
 */
void smmuv3_event_due(SMMUv3EngineDevice *d)
{
    if (d->config.illegal && !d->event_due && !d->event_told) {
        d->event_due = true;
        d->engine->events_due++;
    }
}

static void no_longer_due(SMMUv3EngineDevice *d)
{
    if (d->event_due) {
        d->event_due = false;
        d->engine->events_due--;
    }
}

void smmuv3_event_forget(SMMUv3EngineDevice *d)
{
    no_longer_due(d);
    d->event_told = false;
}

/* 7.3.5; no SubstreamID, as there was no transaction. */
static SMMUv3EventRecord own_event(const SMMUv3EngineDevice *d)
{
    return (SMMUv3EventRecord) {
        .dw[0] = GUINT64_TO_LE(SMMUV3_EVENT_C_BAD_STE |
                               SMMUV3_PREP(SMMUV3_EVENT0_SID, d->vsid)),
    };
}

unsigned smmuv3_engine_own_events(SMMUv3Engine *e, SMMUv3EventRecord *out,
                                  unsigned max)
{
    unsigned n = 0;

    for (guint i = 0; e->events_due && n < max && i < e->devices->len; i++) {
        SMMUv3EngineDevice *d = g_ptr_array_index(e->devices, i);

        if (d->event_due) {
            no_longer_due(d);
            d->event_told = true;
            out[n++] = own_event(d);
        }
    }
    e->stats.events_own += n;
    return n;
}
