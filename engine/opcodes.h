/*
 * What a command is by its opcode, and whether it is legal.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Arm IHI 0070 chapter 4, for an SMMU with stage 1 only. Because legality is
 * decided here alone, and before anything is forwarded, the kernel never sees a
 * command that it would refuse as illegal.
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

/* Beside SSec: what legality depends on. See smmuv3_opcode_legal(). */
bool smmuv3_opcode_legal_fields(const SMMUv3Cmd *cmd, const uint32_t idr[6],
                                const SMMUv3ForwardRules *rules);

/*
 * Is @cmd legal for a guest that was promised @idr? @rules are made of the same
 * promise. False is CERROR_ILL. Pure; inline for the TLBI of a single address,
 * because a guest sends that all the time.
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
    return smmuv3_forward_is_single(rules, *cmd) ||
           smmuv3_opcode_legal_fields(cmd, idr, rules);
}

/* Which counter of SMMUv3EngineStats.by_class a legal @cmd belongs to. Pure. */
SMMUv3CommandClass smmuv3_opcode_class(const SMMUv3Cmd *cmd);

/* CFGI_STE, CFGI_STE_RANGE (CFGI_ALL is one of these)? */
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
