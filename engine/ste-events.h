/*
 * Events of illegal STEs, which the host never sees.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * An SMMU reports a bad configuration with a transaction (7.2), but the host
 * aborts the transactions silently. So an illegal STE with V=1 (5.2.2) is
 * C_BAD_STE without a transaction: once, if a CFGI_STE or CFGI_STE_RANGE named
 * the stream and the STE still stands when the run of the queue ends. V=0, a
 * StreamID beyond the tables and tables that cannot be read are not reported,
 * because drivers have them on the way (3.21.3.1).
 */
#ifndef ENGINE_STE_EVENTS_H
#define ENGINE_STE_EVENTS_H

#include "internal.h"

/* A command names @d's stream: if its STE is illegal, an event is due. */
void smmuv3_ste_event_due(SMMUv3EngineDevice *d);

/* @d's stream has no illegal STE any more: none is due, none was reported. */
void smmuv3_ste_event_forget(SMMUv3EngineDevice *d);

/*
 * Takes at most @max of the events that are due, little-endian as they go to
 * the guest's EVENTQ. Returns how many; 0: none is left.
 */
unsigned smmuv3_ste_events_take(SMMUv3Engine *e, SMMUv3EventRecord *out,
                                unsigned max);

#endif
