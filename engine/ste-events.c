/*
 * Events of illegal STEs. See ste-events.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ste-events.h"

/*
 * 7.2: an event comes with a transaction, so V=0, or a table that is not there
 * yet, is no event. Only an STE with V=1 that is illegal is reported without a
 * transaction.
 */
void smmuv3_ste_event_due(SMMUv3EngineDevice *d)
{
    if (d->config.illegal && !d->event_due && !d->event_told) {
        d->event_due = true;
        d->engine->events_due++;
    }
}

static void ste_events_no_longer_due(SMMUv3EngineDevice *d)
{
    if (d->event_due) {
        d->event_due = false;
        d->engine->events_due--;
    }
}

void smmuv3_ste_event_forget(SMMUv3EngineDevice *d)
{
    ste_events_no_longer_due(d);
    d->event_told = false;
}

/* 7.3.5; without a SubstreamID, because there was no transaction. */
static SMMUv3EventRecord ste_events_record(const SMMUv3EngineDevice *d)
{
    return (SMMUv3EventRecord) {
        .dw[0] = GUINT64_TO_LE(SMMUV3_EVENT_C_BAD_STE |
                               SMMUV3_PREP(SMMUV3_EVENT0_SID, d->vsid)),
    };
}

unsigned smmuv3_ste_events_take(SMMUv3Engine *e, SMMUv3EventRecord *out,
                                unsigned max)
{
    unsigned n = 0;

    for (guint i = 0; e->events_due && n < max && i < e->devices->len; i++) {
        SMMUv3EngineDevice *d = g_ptr_array_index(e->devices, i);

        if (d->event_due) {
            ste_events_no_longer_due(d);
            d->event_told = true;
            out[n++] = ste_events_record(d);
        }
    }
    e->stats.events_own += n;
    return n;
}
