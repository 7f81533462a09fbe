/*
 * Renumbering: the guest gives its devices StreamIDs, and other ones later.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_RENUMBER_H
#define ENGINE_RENUMBER_H

#include "internal.h"

/* Has a device another vSID than the table says? */
bool smmuv3_renumber_due(SMMUv3Engine *e);

/*
 * Takes the guest's numbering over. Whose number has changed aborts, or has
 * none, until it is applied: the caller's to do, for each that is renumbered.
 */
void smmuv3_renumber(SMMUv3Engine *e);

#endif
