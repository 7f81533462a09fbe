/*
 * The guest's event queue, GERROR, and their MSIs.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_EVENTQ_H
#define ENGINE_EVENTQ_H

#include "internal.h"

/*
 * 6.3.18: @error of SMMU_GERROR is toggled to become active, with its
 * interrupt; nothing if it is active already. That GERROR's own MSI was aborted
 * is all that raises no interrupt.
 */
void smmuv3_eventq_raise_gerror(SMMUv3Engine *e, uint32_t error);

/* Writes the events of illegal STEs that are due (ste-events.h). */
void smmuv3_eventq_record_own(SMMUv3Engine *e);

#endif
