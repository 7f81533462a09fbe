/*
 * The host's events: opening its queue and reading it. See host-events.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The host's queue loses events when it is full. It shows that by a gap in the
 * sequence numbers, or, if no event came after, by an entry without a record
 * (struct iommufd_vevent_header). eventq.c decides what the guest sees of it.
 */
#include "host-events.h"

/* How many events the kernel queues; a read takes SMMUV3_HOST_EVENTS_MAX. */
#define VEVENTQ_DEPTH 4096

static void host_events_open_queue(SMMUv3Engine *e)
{
    int ret;

    ret = smmuv3_host_veventq_alloc(&e->port, VEVENTQ_DEPTH, &e->veventq,
                                    &e->events_fd);
    if (ret) {
        e->fe.events_failed(e->opaque, ret);
        return;
    }
    e->next_sequence = 0;
    e->fe.watch(e->opaque, e->events_fd);
}

/* The queue needs a guest that wants events, and a vIOMMU. */
void smmuv3_host_events_open(SMMUv3Engine *e)
{
    if (e->events_wanted && e->port.viommu && !e->veventq) {
        host_events_open_queue(e);
    }
}

void smmuv3_host_events_close(SMMUv3Engine *e)
{
    if (e->veventq) {
        e->fe.watch(e->opaque, -1);
        smmuv3_host_veventq_close(&e->port, e->veventq, e->events_fd);
        e->veventq = 0;
    }
}

void smmuv3_host_events_want(SMMUv3Engine *e, bool wanted)
{
    e->events_wanted = wanted;
    smmuv3_host_events_open(e);
}

/* Sequence numbers go from 0 to INT32_MAX, then from 0 again. */
static bool host_events_in_sequence(SMMUv3Engine *e,
                                    const SMMUv3HostEvent *event)
{
    bool expected = event->sequence == e->next_sequence;

    e->next_sequence = (event->sequence + 1) & INT32_MAX;
    return expected;
}

/* False: the device has gone, or has another vSID, since the event. */
static bool host_events_is_known(const SMMUv3Engine *e,
                                 const SMMUv3EventRecord *record)
{
    uint64_t dw0 = GUINT64_FROM_LE(record->dw[0]);

    return smmuv3_vsid_find(e->vsids, SMMUV3_GET(SMMUV3_EVENT0_SID, dw0));
}

unsigned smmuv3_host_events_read(SMMUv3Engine *e, SMMUv3EventRecord *out,
                                 unsigned max, bool *lost)
{
    SMMUv3HostEvent events[SMMUV3_HOST_EVENTS_MAX];
    unsigned n = 0;
    int got;

    *lost = false;
    if (!e->veventq) {
        return 0;
    }
    got = smmuv3_host_veventq_read(&e->port, e->events_fd, events,
                                   MIN(max, SMMUV3_HOST_EVENTS_MAX));
    for (int i = 0; i < got; i++) {
        if (!host_events_in_sequence(e, &events[i]) || events[i].lost) {
            e->stats.events_lost++;
            *lost = true;
        }
        if (events[i].lost) {
            continue;
        }
        if (host_events_is_known(e, &events[i].record)) {
            out[n++] = events[i].record;
        } else {
            e->stats.events_unknown++;
        }
    }
    e->stats.events += n;
    return n;
}
