/*
 * Opcodes and their legality. See opcodes.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "opcodes.h"

/*
 * What is not listed is CERROR_ILL: unknown opcodes, stage 2 and EL2 and EL3
 * invalidation (4.4), PRI_RESP, RESUME and STALL_TERM while neither PRI nor
 * stalls are offered (4.6).
 */
const SMMUv3OpcodeRule smmuv3_opcode_rules[SMMUV3_CMD0_OPCODE + 1] = {
    [SMMUV3_CMD_PREFETCH_CONFIG] = { SMMUV3_ACTION_PREFETCH, true },
    [SMMUV3_CMD_PREFETCH_ADDR] = { SMMUV3_ACTION_PREFETCH, true },
    [SMMUV3_CMD_CFGI_STE] = { SMMUV3_ACTION_CFGI_STE, true },
    [SMMUV3_CMD_CFGI_STE_RANGE] = { SMMUV3_ACTION_CFGI_STE_RANGE, true },
    [SMMUV3_CMD_CFGI_CD] = { SMMUV3_ACTION_CFGI_CD, true },
    [SMMUV3_CMD_CFGI_CD_ALL] = { SMMUV3_ACTION_CFGI_CD, true },
    [SMMUV3_CMD_TLBI_NH_ALL] = { SMMUV3_ACTION_TLBI, false },
    [SMMUV3_CMD_TLBI_NH_ASID] = { SMMUV3_ACTION_TLBI, false },
    [SMMUV3_CMD_TLBI_NH_VA] = { SMMUV3_ACTION_TLBI, false },
    [SMMUV3_CMD_TLBI_NH_VAA] = { SMMUV3_ACTION_TLBI, false },
    [SMMUV3_CMD_TLBI_NSNH_ALL] = { SMMUV3_ACTION_TLBI, false },
    [SMMUV3_CMD_ATC_INV] = { SMMUV3_ACTION_ATC_INV, true },
    [SMMUV3_CMD_SYNC] = { SMMUV3_ACTION_SYNC, false },
};

/* 4.7.3: CS=3 is reserved. */
static bool opcode_sync_legal(const SMMUv3Cmd *cmd)
{
    return SMMUV3_GET(SMMUV3_SYNC0_CS, cmd->dw[0]) != SMMUV3_SYNC_RESERVED;
}

bool smmuv3_opcode_legal_fields(const SMMUv3Cmd *cmd, const uint32_t idr[6],
                                const SMMUv3ForwardRules *rules)
{
    switch (smmuv3_opcode_action(cmd)) {
    case SMMUV3_ACTION_ILLEGAL:
        return false;
    case SMMUV3_ACTION_TLBI:
        return !smmuv3_forward_illegal(rules, *cmd);
    case SMMUV3_ACTION_ATC_INV:
        return idr[0] & SMMUV3_IDR0_ATS;
    case SMMUV3_ACTION_SYNC:
        return opcode_sync_legal(cmd);
    default:
        return true;
    }
}

SMMUv3CommandClass smmuv3_opcode_class(const SMMUv3Cmd *cmd)
{
    switch (smmuv3_opcode_action(cmd)) {
    case SMMUV3_ACTION_CFGI_STE:
    case SMMUV3_ACTION_CFGI_STE_RANGE:
        return SMMUV3_CLASS_CFGI_STE;
    case SMMUV3_ACTION_CFGI_CD:
        return SMMUV3_CLASS_CFGI_CD;
    case SMMUV3_ACTION_ATC_INV:
        return SMMUV3_CLASS_ATC_INV;
    case SMMUV3_ACTION_PREFETCH:
        return SMMUV3_CLASS_PREFETCH;
    case SMMUV3_ACTION_SYNC:
        return SMMUV3_CLASS_SYNC;
    default:
        return SMMUV3_CLASS_TLBI;
    }
}
