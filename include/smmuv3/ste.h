/*
 * The Stream Table Entry and the level 1 Stream Table Descriptor.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Arm IHI 0070 5.1 and 5.2. An STE is 64 bytes, eight 64-bit words. Only the
 * first two words carry what a stage-1 stream needs.
 */
#ifndef SMMUV3_STE_H
#define SMMUV3_STE_H

#include <assert.h>

#include "smmuv3/field.h"

typedef struct SMMUv3Ste {
    uint64_t dw[8];
} SMMUv3Ste;

static_assert(sizeof(SMMUv3Ste) == 64, "an STE is 64 bytes (5.2)");

#define SMMUV3_STE0_V             SMMUV3_BIT(0)
#define SMMUV3_STE0_CONFIG        SMMUV3_BITS(3, 1)
#define SMMUV3_STE0_S1FMT         SMMUV3_BITS(5, 4)
#define SMMUV3_STE0_S1CONTEXTPTR  SMMUV3_BITS(51, 6)
#define SMMUV3_STE0_S1CDMAX       SMMUV3_BITS(63, 59)

#define SMMUV3_STE1_S1DSS         SMMUV3_BITS(1, 0)
#define SMMUV3_STE1_S1CIR         SMMUV3_BITS(3, 2)
#define SMMUV3_STE1_S1COR         SMMUV3_BITS(5, 4)
#define SMMUV3_STE1_S1CSH         SMMUV3_BITS(7, 6)
#define SMMUV3_STE1_S1STALLD      SMMUV3_BIT(27)
#define SMMUV3_STE1_EATS          SMMUV3_BITS(29, 28)
#define SMMUV3_STE1_STRW          SMMUV3_BITS(31, 30)

/* STE.Config, 5.2: 0b0xx aborts without an event */
enum SMMUv3SteConfig {
    SMMUV3_STE_CONFIG_ABORT = 0,
    SMMUV3_STE_CONFIG_BYPASS = 4,
    SMMUV3_STE_CONFIG_S1 = 5,
    SMMUV3_STE_CONFIG_S2 = 6,
    SMMUV3_STE_CONFIG_NESTED = 7,
};

enum SMMUv3SteEats {
    SMMUV3_STE_EATS_ABORT = 0,
    SMMUV3_STE_EATS_FULL = 1,
};

/* Bits that a nested HWPT may have: struct iommu_hwpt_arm_smmuv3 of the uAPI */
#define SMMUV3_STE0_NESTED_MASK                                         \
    (SMMUV3_STE0_V | SMMUV3_STE0_CONFIG | SMMUV3_STE0_S1FMT |           \
     SMMUV3_STE0_S1CONTEXTPTR | SMMUV3_STE0_S1CDMAX)
#define SMMUV3_STE1_NESTED_MASK                                         \
    (SMMUV3_STE1_S1DSS | SMMUV3_STE1_S1CIR | SMMUV3_STE1_S1COR |        \
     SMMUV3_STE1_S1CSH | SMMUV3_STE1_S1STALLD | SMMUV3_STE1_EATS)

/*
 * Level 1 Stream Table Descriptor, 5.1: a Span of n has 2^(n-1) STEs. A Span of
 * 0, or of more than SPLIT+1 as reserved values are, is invalid.
 */
#define SMMUV3_L1STD_SPAN         SMMUV3_BITS(4, 0)
#define SMMUV3_L1STD_L2PTR        SMMUV3_BITS(51, 6)
#define SMMUV3_L1STD_SIZE         8

#endif
