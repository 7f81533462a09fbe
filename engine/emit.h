/*
 * Emits what was gathered as commands for the host.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_EMIT_H
#define ENGINE_EMIT_H

#include "batch.h"
#include "coalesce.h"

/* Settles @c, appends its commands to @b, and empties @c. */
void smmuv3_emit(SMMUv3Coalesce *c, SMMUv3Batch *b);

#endif
