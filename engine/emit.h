/*
 * From what was gathered to commands for the host.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_EMIT_H
#define ENGINE_EMIT_H

#include "batch.h"
#include "coalesce.h"

/* Appends the commands that @c has become to @b; @c is empty afterwards. */
void smmuv3_emit(SMMUv3Coalesce *c, SMMUv3Batch *b);

#endif
