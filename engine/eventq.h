/*
 * The guest's event queue, GERROR, and their MSIs.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_EVENTQ_H
#define ENGINE_EVENTQ_H

#include "internal.h"

/*
 * 6.3.18: makes @error of SMMU_GERROR active, with its interrupt; nothing if it
 * is active already. If GERROR's own MSI is aborted, MSI_GERROR_ABT_ERR becomes
 * active without an interrupt.
 */
void smmuv3_eventq_raise_gerror(SMMUv3Engine *e, uint32_t error);

/* Writes the events of illegal STEs that are due (ste-events.h). */
void smmuv3_eventq_record_own(SMMUv3Engine *e);

#endif
