/*
 * Events of illegal STEs, which the host never sees.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * An SMMU tells of a bad configuration with a transaction (7.2), but the host
 * aborts the transactions silently. So C_BAD_STE of an STE with V=1 that is
 * illegal (5.2.2) is told without one: once, when a CFGI_STE or CFGI_STE_RANGE
 * names the stream, and the STE still stands when the run of the queue ends.
 * Nothing is told of V=0, of a StreamID beyond the tables, nor of tables that
 * cannot be read, because drivers have them on the way (3.21.3.1).
 */
#ifndef ENGINE_STE_EVENTS_H
#define ENGINE_STE_EVENTS_H

#include "internal.h"

/* A command names @d's stream. */
void smmuv3_ste_event_due(SMMUv3EngineDevice *d);

/* There is nothing to tell of @d's stream, and nothing was told. */
void smmuv3_ste_event_forget(SMMUv3EngineDevice *d);

/*
 * At most @max of those that are due, little-endian as they go to the guest's
 * EVENTQ. How many; call until it gives 0, while engine->events_due.
 */
unsigned smmuv3_ste_events_take(SMMUv3Engine *e, SMMUv3EventRecord *out,
                                unsigned max);

#endif
