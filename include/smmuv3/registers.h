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

/* Offsets in page 0, 6.2; those of page 1 lie SMMUV3_REG_PAGE1 above. */
enum SMMUv3RegOffset {
    SMMUV3_REG_IDR0            = 0x00,
    SMMUV3_REG_IDR1            = 0x04,
    SMMUV3_REG_IDR2            = 0x08,
    SMMUV3_REG_IDR3            = 0x0c,
    SMMUV3_REG_IDR4            = 0x10,
    SMMUV3_REG_IDR5            = 0x14,
    SMMUV3_REG_IIDR            = 0x18,
    SMMUV3_REG_AIDR            = 0x1c,
    SMMUV3_REG_CR0             = 0x20,
    SMMUV3_REG_CR0ACK          = 0x24,
    SMMUV3_REG_CR1             = 0x28,
    SMMUV3_REG_CR2             = 0x2c,
    SMMUV3_REG_STATUSR         = 0x40,
    SMMUV3_REG_GBPA            = 0x44,
    SMMUV3_REG_AGBPA           = 0x48,
    SMMUV3_REG_IRQ_CTRL        = 0x50,
    SMMUV3_REG_IRQ_CTRLACK     = 0x54,
    SMMUV3_REG_GERROR          = 0x60,
    SMMUV3_REG_GERRORN         = 0x64,
    SMMUV3_REG_GERROR_IRQ_CFG0 = 0x68, /* 64-bit */
    SMMUV3_REG_GERROR_IRQ_CFG1 = 0x70,
    SMMUV3_REG_GERROR_IRQ_CFG2 = 0x74,
    SMMUV3_REG_STRTAB_BASE     = 0x80, /* 64-bit */
    SMMUV3_REG_STRTAB_BASE_CFG = 0x88,
    SMMUV3_REG_CMDQ_BASE       = 0x90, /* 64-bit */
    SMMUV3_REG_CMDQ_PROD       = 0x98,
    SMMUV3_REG_CMDQ_CONS       = 0x9c,
    SMMUV3_REG_EVENTQ_BASE     = 0xa0, /* 64-bit */
    SMMUV3_REG_EVENTQ_PROD     = 0xa8, /* page 1 */
    SMMUV3_REG_EVENTQ_CONS     = 0xac, /* page 1 */
    SMMUV3_REG_EVENTQ_IRQ_CFG0 = 0xb0, /* 64-bit */
    SMMUV3_REG_EVENTQ_IRQ_CFG1 = 0xb8,
    SMMUV3_REG_EVENTQ_IRQ_CFG2 = 0xbc,
    SMMUV3_REG_PRIQ_BASE       = 0xc0, /* 64-bit */
    SMMUV3_REG_PRIQ_PROD       = 0xc8, /* page 1 */
    SMMUV3_REG_PRIQ_CONS       = 0xcc, /* page 1 */
    SMMUV3_REG_PRIQ_IRQ_CFG0   = 0xd0, /* 64-bit */
    SMMUV3_REG_PRIQ_IRQ_CFG1   = 0xd8,
    SMMUV3_REG_PRIQ_IRQ_CFG2   = 0xdc,
    SMMUV3_REG_PIDR4           = 0xfd0, /* PIDR4-7, PIDR0-3, CIDR0-3 */
    SMMUV3_REG_CIDR3           = 0xffc,
    SMMUV3_REG_PAGE1           = 0x10000,
    SMMUV3_REG_SIZE            = 0x20000, /* both pages */
};

/* SMMU_IDR0, 6.3.1 */
#define SMMUV3_IDR0_S2P           SMMUV3_BIT(0)
#define SMMUV3_IDR0_S1P           SMMUV3_BIT(1)
#define SMMUV3_IDR0_TTF           SMMUV3_BITS(3, 2)
#define SMMUV3_IDR0_COHACC        SMMUV3_BIT(4)
#define SMMUV3_IDR0_BTM           SMMUV3_BIT(5)
#define SMMUV3_IDR0_HYP           SMMUV3_BIT(9)
#define SMMUV3_IDR0_ATS           SMMUV3_BIT(10)
#define SMMUV3_IDR0_ASID16        SMMUV3_BIT(12)
#define SMMUV3_IDR0_MSI           SMMUV3_BIT(13)
#define SMMUV3_IDR0_PRI           SMMUV3_BIT(16)
#define SMMUV3_IDR0_VMW           SMMUV3_BIT(17)
#define SMMUV3_IDR0_CD2L          SMMUV3_BIT(19)
#define SMMUV3_IDR0_TTENDIAN      SMMUV3_BITS(22, 21)
#define SMMUV3_IDR0_ATSRECERR     SMMUV3_BIT(23)
#define SMMUV3_IDR0_STALL_MODEL   SMMUV3_BITS(25, 24)
#define SMMUV3_IDR0_TERM_MODEL    SMMUV3_BIT(26)
#define SMMUV3_IDR0_ST_LEVEL      SMMUV3_BITS(28, 27)

/* SMMU_IDR1, 6.3.2 */
#define SMMUV3_IDR1_SIDSIZE       SMMUV3_BITS(5, 0)
#define SMMUV3_IDR1_SSIDSIZE      SMMUV3_BITS(10, 6)
#define SMMUV3_IDR1_EVENTQS       SMMUV3_BITS(20, 16)
#define SMMUV3_IDR1_CMDQS         SMMUV3_BITS(25, 21)
#define SMMUV3_IDR1_ATTR_PERMS_OVR SMMUV3_BIT(26)
#define SMMUV3_IDR1_ATTR_TYPES_OVR SMMUV3_BIT(27)

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

/* SMMU_AIDR, 6.3.8 */
#define SMMUV3_AIDR_REV           SMMUV3_BITS(7, 0)
#define SMMUV3_AIDR_3_0           UINT32_C(0x00)
#define SMMUV3_AIDR_3_1           UINT32_C(0x01)

/* SMMU_CR0 and SMMU_CR0ACK, 6.3.9 and 6.3.10 */
#define SMMUV3_CR0_SMMUEN         SMMUV3_BIT(0)
#define SMMUV3_CR0_EVENTQEN       SMMUV3_BIT(2)
#define SMMUV3_CR0_CMDQEN         SMMUV3_BIT(3)
#define SMMUV3_CR0_ATSCHK         SMMUV3_BIT(4)
#define SMMUV3_CR0_VMW            SMMUV3_BITS(8, 6)

/* SMMU_CR1, 6.3.11: attributes of accesses to tables and to queues */
#define SMMUV3_CR1_QUEUE          SMMUV3_BITS(5, 0)
#define SMMUV3_CR1_TABLE          SMMUV3_BITS(11, 6)

/* SMMU_CR2, 6.3.12 */
#define SMMUV3_CR2_E2H            SMMUV3_BIT(0)
#define SMMUV3_CR2_RECINVSID      SMMUV3_BIT(1)
#define SMMUV3_CR2_PTM            SMMUV3_BIT(2)
#define SMMUV3_CR2_REC_CFG_ATS    SMMUV3_BIT(3)

/* SMMU_GBPA, 6.3.14 */
#define SMMUV3_GBPA_MEMATTR       SMMUV3_BITS(3, 0)
#define SMMUV3_GBPA_MTCFG         SMMUV3_BIT(4)
#define SMMUV3_GBPA_ALLOCCFG      SMMUV3_BITS(11, 8)
#define SMMUV3_GBPA_SHCFG         SMMUV3_BITS(13, 12)
#define SMMUV3_GBPA_PRIVCFG       SMMUV3_BITS(17, 16)
#define SMMUV3_GBPA_INSTCFG       SMMUV3_BITS(19, 18)
#define SMMUV3_GBPA_ABORT         SMMUV3_BIT(20)
#define SMMUV3_GBPA_UPDATE        SMMUV3_BIT(31)

#define SMMUV3_GBPA_SHCFG_INCOMING 1

/* SMMU_IRQ_CTRL and SMMU_IRQ_CTRLACK, 6.3.16 and 6.3.17 */
#define SMMUV3_IRQ_CTRL_GERROR    SMMUV3_BIT(0)
#define SMMUV3_IRQ_CTRL_EVENTQ    SMMUV3_BIT(2)

/* SMMU_GERROR and SMMU_GERRORN, 6.3.18 and 6.3.19 */
#define SMMUV3_GERROR_CMDQ_ERR           SMMUV3_BIT(0)
#define SMMUV3_GERROR_EVENTQ_ABT_ERR     SMMUV3_BIT(2)
#define SMMUV3_GERROR_MSI_CMDQ_ABT_ERR   SMMUV3_BIT(4)
#define SMMUV3_GERROR_MSI_EVENTQ_ABT_ERR SMMUV3_BIT(5)
#define SMMUV3_GERROR_MSI_GERROR_ABT_ERR SMMUV3_BIT(7)
#define SMMUV3_GERROR_SFM_ERR            SMMUV3_BIT(8)

/* SMMU_*_IRQ_CFG0 and SMMU_*_IRQ_CFG2; CFG1 is the MSI's data. */
#define SMMUV3_IRQ_CFG0_ADDR      SMMUV3_BITS(51, 2)
#define SMMUV3_IRQ_CFG1_DATA      SMMUV3_BITS(31, 0)
#define SMMUV3_IRQ_CFG2_ATTR      SMMUV3_BITS(5, 0) /* SH, MEMATTR */

/* SMMU_STRTAB_BASE, 6.3.24 */
#define SMMUV3_STRTAB_BASE_ADDR   SMMUV3_BITS(51, 6)
#define SMMUV3_STRTAB_BASE_RA     SMMUV3_BIT(62)

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
#define SMMUV3_CMDQ_BASE_RA       SMMUV3_BIT(62)

/* Index and wrap bit of SMMU_*_PROD and SMMU_*_CONS in the largest queue */
#define SMMUV3_QUEUE_INDEX        SMMUV3_BITS(19, 0)

/* SMMU_CMDQ_CONS, 6.3.28 */
#define SMMUV3_CMDQ_CONS_ERR      SMMUV3_BITS(30, 24)

/* SMMU_EVENTQ_BASE, 6.3.29 */
#define SMMUV3_EVENTQ_BASE_LOG2SIZE SMMUV3_BITS(4, 0)
#define SMMUV3_EVENTQ_BASE_ADDR   SMMUV3_BITS(51, 5)
#define SMMUV3_EVENTQ_BASE_WA     SMMUV3_BIT(62)

/* SMMU_EVENTQ_PROD and SMMU_EVENTQ_CONS, 6.3.30 and 6.3.31 */
#define SMMUV3_EVENTQ_PROD_OVFLG    SMMUV3_BIT(31)
#define SMMUV3_EVENTQ_CONS_OVACKFLG SMMUV3_BIT(31)

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
