/*
 * Renumbering: the guest gives its devices StreamIDs, and may change them.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_RENUMBER_H
#define ENGINE_RENUMBER_H

#include "internal.h"

/* Does smmuv3_renumber(), or its caller, have anything to do? */
bool smmuv3_renumber_due(SMMUv3Engine *e);

/*
 * Takes the guest's numbering over. The caller attaches each device that is
 * renumbered; until then its stream aborts, or goes as GBPA says if SMMUEN=0.
 */
void smmuv3_renumber(SMMUv3Engine *e);

#endif
