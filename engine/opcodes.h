/*
 * Opcodes: what a command asks for, and whether it is legal.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Arm IHI 0070 chapter 4, for an SMMU with stage 1 only. Legality is decided
 * before anything is forwarded, so the kernel never sees a command that it
 * would refuse as illegal.
 */
#ifndef ENGINE_OPCODES_H
#define ENGINE_OPCODES_H

#include "forward.h"

typedef enum SMMUv3Action {
    SMMUV3_ACTION_ILLEGAL,
    SMMUV3_ACTION_PREFETCH,
    SMMUV3_ACTION_CFGI_STE,
    SMMUV3_ACTION_CFGI_STE_RANGE,
    SMMUV3_ACTION_CFGI_CD,
    SMMUV3_ACTION_TLBI,
    SMMUV3_ACTION_ATC_INV,
    SMMUV3_ACTION_SYNC,
} SMMUv3Action;

/* What the opcode of @cmd (host byte order) asks for. Pure. */
SMMUv3Action smmuv3_opcode_action(const SMMUv3Cmd *cmd);

/*
 * Is @cmd legal for a guest that was promised @idr? @rules are made of the same
 * promise. False is CERROR_ILL. Pure.
 */
bool smmuv3_opcode_legal(const SMMUv3Cmd *cmd, const uint32_t idr[6],
                         const SMMUv3ForwardRules *rules);

/* Which counter of SMMUv3EngineStats.by_class a legal @cmd belongs to. Pure. */
SMMUv3CommandClass smmuv3_opcode_class(const SMMUv3Cmd *cmd);

/* Is it a CFGI_STE or CFGI_STE_RANGE? CFGI_ALL is one with Range=31. */
static inline bool smmuv3_opcode_configures(SMMUv3Action action)
{
    return action == SMMUV3_ACTION_CFGI_STE ||
           action == SMMUV3_ACTION_CFGI_STE_RANGE;
}

/* The StreamID bits that a CFGI_STE_RANGE ignores, 4.3.2; Range=31 is all. */
static inline uint64_t smmuv3_cfgi_ignored_bits(const SMMUv3Cmd *cmd)
{
    return SMMUV3_BIT(SMMUV3_GET(SMMUV3_CFGI1_RANGE, cmd->dw[1]) + 1) - 1;
}

#endif
