/*
 * The host's events: opening its queue and reading it.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_HOST_EVENTS_H
#define ENGINE_HOST_EVENTS_H

#include "internal.h"

/* Called when there is a vIOMMU, and before it goes. */
void smmuv3_host_events_open(SMMUv3Engine *e);
void smmuv3_host_events_close(SMMUv3Engine *e);

/*
 * Sets whether the guest wants events (CR0.EVENTQEN). The host's queue is made
 * when the guest wants events and there is a vIOMMU, and stays for as long as
 * the vIOMMU.
 */
void smmuv3_host_events_want(SMMUv3Engine *e, bool wanted);

/*
 * Takes at most @max (SMMUV3_HOST_EVENTS_MAX) of the host's events, little-
 * endian as they go to the guest's EVENTQ; never blocks. Returns how many.
 * *@lost: the host has lost some since the last call.
 */
unsigned smmuv3_host_events_read(SMMUv3Engine *e, SMMUv3EventRecord *out,
                                 unsigned max, bool *lost);

#endif
