/*
 * The register file: SMMU_* of Arm IHI 0070 chapter 6 as values.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Which registers there are, which of their bits exist, and when they may be
 * written. What a write sets going is regwrite.c's, because this file knows no
 * engine. What an SMMU with stage 1 only and without PRI, ECMDQ, ATOS, MPAM or
 * DPT does not have reads as zero and ignores writes. Page 1 is an alias of
 * page 0, which 6.1 permits.
 */
#ifndef ENGINE_REGFILE_H
#define ENGINE_REGFILE_H

#include "smmuv3-engine.h"

#define SMMUV3_NO_REGISTER UINT16_MAX

/* A register that was written, and what it held. */
typedef struct SMMUv3RegWrite {
    uint16_t reg;               /* its offset, or SMMUV3_NO_REGISTER */
    uint64_t old;
} SMMUv3RegWrite;

/* See smmuv3_engine_read(). */
bool smmuv3_regfile_read(const SMMUv3Regs *r, uint64_t offset, unsigned size,
                         uint64_t *value);

/*
 * See smmuv3_engine_write(). 8 bytes at two 32-bit registers are both of them,
 * and both are written, the lower one in @written[0], when this returns.
 */
bool smmuv3_regfile_write(SMMUv3Regs *r, uint64_t offset, unsigned size,
                          uint64_t value, SMMUv3RegWrite written[2]);

/* SMMU_CMDQ_BASE with the size that IDR1 allows. */
uint64_t smmuv3_regfile_cmdq_base(const SMMUv3Regs *r);

/* log2 of how many records the event queue holds. */
uint32_t smmuv3_regfile_eventq_log2size(const SMMUv3Regs *r);

/* Everything off, GBPA is bypass, queues as large as @idr has them. */
void smmuv3_regfile_reset(SMMUv3Regs *r, const uint32_t idr[6]);

/*
 * Takes over the values of @from; bits that do not exist are dropped, and the
 * identification registers stay.
 */
void smmuv3_regfile_load(SMMUv3Regs *r, const SMMUv3Regs *from);

/* 6.3.16: has @error of SMMU_GERROR not been acknowledged? */
static inline bool smmuv3_regfile_has_error(const SMMUv3Regs *r,
                                            uint32_t error)
{
    return (r->gerror ^ r->gerrorn) & error;
}

#endif
