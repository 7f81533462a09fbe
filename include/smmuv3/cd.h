/*
 * The level 1 Context Descriptor, and how a CD is found.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Arm IHI 0070 5.3, and S1Fmt and S1DSS of 5.2. A CD's content is not here,
 * because the host's SMMU walks the tables.
 */
#ifndef SMMUV3_CD_H
#define SMMUV3_CD_H

#include "smmuv3/field.h"

#define SMMUV3_CD_LOG2SIZE        6
#define SMMUV3_L1CD_LOG2SIZE      3

#define SMMUV3_L1CD_V             SMMUV3_BIT(0)
#define SMMUV3_L1CD_L2PTR         SMMUV3_BITS(51, 12)

/* STE.S1Fmt, which counts if there are substreams */
enum SMMUv3SteS1Fmt {
    SMMUV3_STE_S1FMT_LINEAR = 0,
    SMMUV3_STE_S1FMT_4K_L2 = 1,     /* 64 CDs in a table */
    SMMUV3_STE_S1FMT_64K_L2 = 2,    /* 1024 */
};

/* STE.S1DSS: a transaction without SubstreamID, if there are substreams */
enum SMMUv3SteS1Dss {
    SMMUV3_STE_S1DSS_TERMINATE = 0,
    SMMUV3_STE_S1DSS_BYPASS = 1,
    SMMUV3_STE_S1DSS_SUBSTREAM0 = 2,
};

#endif
