/*
 * A reference model of the stream table: where an STE lies, what it means.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Arm IHI 0070 5.1, 5.2 and 6.3.24 for a Non-secure stream of an SMMU without
 * stage 2, Hyp or DPT. It shares no code with the engine; masks are numbers
 * here. Tests compare the engine with the model, for random tables and for each
 * value of each field.
 */
#ifndef TESTS_STE_MODEL_H
#define TESTS_STE_MODEL_H

#include "guest.h"

/* A lookup's end: an STE's address, or an event. */
typedef struct SteModelPlace {
    SMMUv3EventType event;      /* NONE, C_BAD_STREAMID, F_STE_FETCH */
    uint64_t addr;              /* the STE's, or of a word not readable */
} SteModelPlace;

SteModelPlace ste_model_locate(Guest *g, const SMMUv3StreamRegs *regs,
                               const uint32_t idr[6], uint32_t sid);

typedef enum SteModelKind {
    STE_MODEL_ILLEGAL,          /* or V=0: C_BAD_STE */
    STE_MODEL_ABORT,            /* without an event */
    STE_MODEL_BYPASS,
    STE_MODEL_STAGE_1,
} SteModelKind;

/* What an STE does. All fields but the first are stage 1's. */
typedef struct SteModel {
    SteModelKind kind;
    uint64_t context_ptr;
    unsigned cdmax, fmt, dss;   /* 0 where there are no substreams */
    unsigned memory;            /* S1CIR, S1COR, S1CSH */
    bool stalld;
    unsigned eats;
} SteModel;

/* SteIllegal() of 5.2.2, and the description of each field in 5.2 */
SteModel ste_model(const uint64_t dw[2], const uint32_t idr[6]);

#endif
