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

typedef struct SMMUv3OpcodeRule {
    uint8_t action;
    uint8_t command_class;
    bool has_ssec;      /* SSec=1 is illegal on the Non-secure queue, 4.1.6 */
} SMMUv3OpcodeRule;

/* By opcode. */
extern const SMMUv3OpcodeRule smmuv3_opcode_rules[SMMUV3_CMD0_OPCODE + 1];

/* What the opcode of @cmd (host byte order) asks for. Pure. */
static inline SMMUv3Action smmuv3_opcode_action(const SMMUv3Cmd *cmd)
{
    return (SMMUv3Action)
           smmuv3_opcode_rules[cmd->dw[0] & SMMUV3_CMD0_OPCODE].action;
}

/*
 * Is @cmd legal for a guest that was promised @idr? @rules are made of the same
 * promise. False is CERROR_ILL. Pure; inline, because each command is asked.
 */
static inline bool smmuv3_opcode_legal(const SMMUv3Cmd *cmd,
                                       const uint32_t idr[6],
                                       const SMMUv3ForwardRules *rules)
{
    const SMMUv3OpcodeRule *rule =
        &smmuv3_opcode_rules[cmd->dw[0] & SMMUV3_CMD0_OPCODE];

    if (rule->has_ssec && (cmd->dw[0] & SMMUV3_CMD0_SSEC)) {
        return false;
    }
    switch (rule->action) {
    case SMMUV3_ACTION_ILLEGAL:
        return false;
    case SMMUV3_ACTION_TLBI:
        return smmuv3_forward_is_single(rules, *cmd) ||
               !smmuv3_is_tlbi_va(*cmd) ||
               !smmuv3_forward_illegal(rules, *cmd);
    case SMMUV3_ACTION_ATC_INV:
        return idr[0] & SMMUV3_IDR0_ATS;
    case SMMUV3_ACTION_SYNC:
        /* 4.7.3: CS=3 is reserved. */
        return SMMUV3_GET(SMMUV3_SYNC0_CS, cmd->dw[0]) !=
               SMMUV3_SYNC_RESERVED;
    default:
        return true;
    }
}

/* Which counter of SMMUv3EngineStats.by_class a legal @cmd belongs to. Pure. */
static inline SMMUv3CommandClass smmuv3_opcode_class(const SMMUv3Cmd *cmd)
{
    return (SMMUv3CommandClass)
           smmuv3_opcode_rules[cmd->dw[0] & SMMUV3_CMD0_OPCODE].command_class;
}

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
