/*
 * SMMUv3 registers as far as a stage-1 guest view needs them.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Field positions of Arm IHI 0070 chapter 6.3; nothing here computes.
 */
#ifndef SMMUV3_REGISTERS_H
#define SMMUV3_REGISTERS_H

#include "smmuv3/field.h"

/* SMMU_IDR0, 6.3.1 */
#define SMMUV3_IDR0_S2P           SMMUV3_BIT(0)
#define SMMUV3_IDR0_S1P           SMMUV3_BIT(1)
#define SMMUV3_IDR0_TTF           SMMUV3_BITS(3, 2)
#define SMMUV3_IDR0_COHACC        SMMUV3_BIT(4)
#define SMMUV3_IDR0_HYP           SMMUV3_BIT(9)
#define SMMUV3_IDR0_ATS           SMMUV3_BIT(10)
#define SMMUV3_IDR0_ASID16        SMMUV3_BIT(12)
#define SMMUV3_IDR0_MSI           SMMUV3_BIT(13)
#define SMMUV3_IDR0_PRI           SMMUV3_BIT(16)
#define SMMUV3_IDR0_CD2L          SMMUV3_BIT(19)
#define SMMUV3_IDR0_TTENDIAN      SMMUV3_BITS(22, 21)
#define SMMUV3_IDR0_STALL_MODEL   SMMUV3_BITS(25, 24)
#define SMMUV3_IDR0_TERM_MODEL    SMMUV3_BIT(26)
#define SMMUV3_IDR0_ST_LEVEL      SMMUV3_BITS(28, 27)

/* SMMU_IDR1, 6.3.2 */
#define SMMUV3_IDR1_SIDSIZE       SMMUV3_BITS(5, 0)
#define SMMUV3_IDR1_SSIDSIZE      SMMUV3_BITS(10, 6)

/* SMMU_IDR3, 6.3.4 */
#define SMMUV3_IDR3_HAD           SMMUV3_BIT(2)
#define SMMUV3_IDR3_FWB           SMMUV3_BIT(8)
#define SMMUV3_IDR3_RIL           SMMUV3_BIT(10)
#define SMMUV3_IDR3_BBML          SMMUV3_BITS(12, 11)

/* SMMU_IDR5, 6.3.6 */
#define SMMUV3_IDR5_OAS           SMMUV3_BITS(2, 0)
#define SMMUV3_IDR5_GRAN4K        SMMUV3_BIT(4)
#define SMMUV3_IDR5_GRAN16K       SMMUV3_BIT(5)
#define SMMUV3_IDR5_GRAN64K       SMMUV3_BIT(6)
#define SMMUV3_IDR5_DS            SMMUV3_BIT(7)
#define SMMUV3_IDR5_VAX           SMMUV3_BITS(11, 10)

/* SMMU_CR0, 6.3.9 */
#define SMMUV3_CR0_SMMUEN         SMMUV3_BIT(0)
#define SMMUV3_CR0_CMDQEN         SMMUV3_BIT(3)

/* SMMU_GBPA, 6.3.14 */
#define SMMUV3_GBPA_ABORT         SMMUV3_BIT(20)

/* SMMU_STRTAB_BASE, 6.3.24 */
#define SMMUV3_STRTAB_BASE_ADDR   SMMUV3_BITS(51, 6)

/* SMMU_STRTAB_BASE_CFG, 6.3.25; reserved FMT is linear, reserved SPLIT is 6 */
#define SMMUV3_STRTAB_CFG_LOG2SIZE SMMUV3_BITS(5, 0)
#define SMMUV3_STRTAB_CFG_SPLIT    SMMUV3_BITS(10, 6)
#define SMMUV3_STRTAB_CFG_FMT      SMMUV3_BITS(17, 16)

enum SMMUv3StrtabFmt {
    SMMUV3_STRTAB_LINEAR = 0,
    SMMUV3_STRTAB_2LVL = 1,
};

/* SMMU_CMDQ_BASE, 6.3.26 */
#define SMMUV3_CMDQ_BASE_LOG2SIZE SMMUV3_BITS(4, 0)
#define SMMUV3_CMDQ_BASE_ADDR     SMMUV3_BITS(51, 5)

/* SMMU_CMDQ_CONS, 6.3.28 */
#define SMMUV3_CMDQ_CONS_ERR      SMMUV3_BITS(30, 24)

/* The largest queue that SMMU_IDR1.CMDQS can announce, 6.3.2. */
#define SMMUV3_QUEUE_LOG2SIZE_MAX 19

/* CMDQ_CONS.ERR, 4.1.3 and 7.1 */
typedef enum SMMUv3CmdError {
    SMMUV3_CERROR_NONE = 0x0,
    SMMUV3_CERROR_ILL = 0x1,
    SMMUV3_CERROR_ABT = 0x2,
    SMMUV3_CERROR_ATC_INV_SYNC = 0x3,
} SMMUv3CmdError;

#endif
