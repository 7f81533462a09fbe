/*
 * Opcodes and their legality. See opcodes.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "opcodes.h"

#define RULE(action, class, has_ssec) \
    { SMMUV3_ACTION_##action, SMMUV3_CLASS_##class, has_ssec }

/*
 * What is not listed is CERROR_ILL: unknown opcodes, stage 2 and EL2 and EL3
 * invalidation (4.4), PRI_RESP, RESUME and STALL_TERM while neither PRI nor
 * stalls are offered (4.6).
 */
const SMMUv3OpcodeRule smmuv3_opcode_rules[SMMUV3_CMD0_OPCODE + 1] = {
    [SMMUV3_CMD_PREFETCH_CONFIG] = RULE(PREFETCH, PREFETCH, true),
    [SMMUV3_CMD_PREFETCH_ADDR] = RULE(PREFETCH, PREFETCH, true),
    [SMMUV3_CMD_CFGI_STE] = RULE(CFGI_STE, CFGI_STE, true),
    [SMMUV3_CMD_CFGI_STE_RANGE] = RULE(CFGI_STE_RANGE, CFGI_STE, true),
    [SMMUV3_CMD_CFGI_CD] = RULE(CFGI_CD, CFGI_CD, true),
    [SMMUV3_CMD_CFGI_CD_ALL] = RULE(CFGI_CD, CFGI_CD, true),
    [SMMUV3_CMD_TLBI_NH_ALL] = RULE(TLBI, TLBI, false),
    [SMMUV3_CMD_TLBI_NH_ASID] = RULE(TLBI, TLBI, false),
    [SMMUV3_CMD_TLBI_NH_VA] = RULE(TLBI, TLBI, false),
    [SMMUV3_CMD_TLBI_NH_VAA] = RULE(TLBI, TLBI, false),
    [SMMUV3_CMD_TLBI_NSNH_ALL] = RULE(TLBI, TLBI, false),
    [SMMUV3_CMD_ATC_INV] = RULE(ATC_INV, ATC_INV, true),
    [SMMUV3_CMD_SYNC] = RULE(SYNC, SYNC, false),
};
