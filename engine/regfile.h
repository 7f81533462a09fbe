/*
 * The register file: SMMU_* of Arm IHI 0070 chapter 6 as values.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Which registers there are, which of their bits exist, and when they may be
 * written. What a write sets going is in regwrite.c, because this file knows no
 * engine. The SMMU has stage 1 only, and no PRI, ECMDQ, ATOS, MPAM or DPT, so
 * their registers read as zero and ignore writes. Page 1 is an alias of page 0,
 * which 6.1 permits.
 */
#ifndef ENGINE_REGFILE_H
#define ENGINE_REGFILE_H

#include "smmuv3-engine.h"

#define SMMUV3_NO_REGISTER UINT16_MAX

/* A write that was done. */
typedef struct SMMUv3RegWrite {
    uint16_t reg;               /* its offset, or SMMUV3_NO_REGISTER */
    uint64_t old;               /* the register's value before */
} SMMUv3RegWrite;

/* See smmuv3_engine_read(). */
bool smmuv3_regfile_read(const SMMUv3Regs *r, uint64_t offset, unsigned size,
                         uint64_t *value);

/*
 * See smmuv3_engine_write(). 8 bytes at two 32-bit registers write both; the
 * lower one is in @written[0].
 */
bool smmuv3_regfile_write(SMMUv3Regs *r, uint64_t offset, unsigned size,
                          uint64_t value, SMMUv3RegWrite written[2]);

/* SMMU_CMDQ_BASE with the size that IDR1 allows. */
uint64_t smmuv3_regfile_cmdq_base(const SMMUv3Regs *r);

/* log2 of the number of records that the event queue holds. */
uint32_t smmuv3_regfile_eventq_log2size(const SMMUv3Regs *r);

/* Everything off, GBPA is bypass, queues as large as @idr has them. */
void smmuv3_regfile_reset(SMMUv3Regs *r, const uint32_t idr[6]);

/*
 * Takes over the values of @from, without bits that do not exist. The
 * identification registers stay.
 */
void smmuv3_regfile_load(SMMUv3Regs *r, const SMMUv3Regs *from);

/* 6.3.18, 6.3.19: is @error of SMMU_GERROR active, so not acknowledged? */
static inline bool smmuv3_regfile_has_error(const SMMUv3Regs *r,
                                            uint32_t error)
{
    return (r->gerror ^ r->gerrorn) & error;
}

#endif
