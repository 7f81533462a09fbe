/*
 * The host's events: opening its queue and reading it.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_HOST_EVENTS_H
#define ENGINE_HOST_EVENTS_H

#include "internal.h"

/* There is a vIOMMU now, or soon there is none. */
void smmuv3_host_events_open(SMMUv3Engine *e);
void smmuv3_host_events_close(SMMUv3Engine *e);

/*
 * Whether the guest wants events now (CR0.EVENTQEN). The host's queue is made
 * when there are both a guest that wants them and a vIOMMU, and stays for as
 * long as the vIOMMU.
 */
void smmuv3_host_events_want(SMMUv3Engine *e, bool wanted);

/*
 * Takes at most @max (SMMUV3_HOST_EVENTS_MAX) of the host's events, little-
 * endian as they go to the guest's EVENTQ; never blocks. How many; *@lost is
 * set if the host lost some since the last call.
 */
unsigned smmuv3_host_events_read(SMMUv3Engine *e, SMMUv3EventRecord *out,
                                 unsigned max, bool *lost);

#endif
