/*
 * A reference model of the stream table: where an STE lies, what it means.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Arm IHI 0070 5.1, 5.2 and 6.3.24 for a Non-secure stream of an SMMU without
 * stage 2, written for tests and from nothing of the engine's: masks are
 * numbers here. Tests compare what the engine makes of a table with what this
 * does, for random tables and for each value of each field.
 */
#ifndef TESTS_STE_MODEL_H
#define TESTS_STE_MODEL_H

#include "guest.h"

/* A lookup's end: an STE's address, or an event. */
typedef struct SteModelPlace {
    SMMUv3EventType event;      /* NONE, C_BAD_STREAMID, F_STE_FETCH */
    uint64_t addr;              /* of the STE, or of what cannot be read */
} SteModelPlace;

SteModelPlace ste_model_locate(Guest *g, const SMMUv3StreamRegs *regs,
                               const uint32_t idr[6], uint32_t sid);

#endif
