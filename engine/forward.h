/*
 * Forwarded commands in canonical form: no bit that means nothing.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Linux 7.3 answers EIO to any bit that it does not know for an opcode and to
 * reserved ranges. A command is therefore masked per opcode, and a range that
 * is reserved, but no error, becomes TLBI_NH_ALL: widened, never narrowed.
 * TLBI_NH_ASID would be narrower, as it leaves global entries (4.4.2), which a
 * TLBI_NH_VA drops. What the host lacks of range invalidation is coalesce.h's
 * business.
 */
#ifndef ENGINE_FORWARD_H
#define ENGINE_FORWARD_H

#include "smmuv3-engine.h"

/* The bits that a command keeps, for one guest's promise on one host. */
typedef struct SMMUv3ForwardRules {
    uint64_t tlbi[2];       /* word 0 of TLBI_NH_VA and _ASID; of _VAA */
    uint64_t range[2];      /* NUM and SCALE; TG and TTL */
    uint64_t cfgi_cd;       /* word 0 */
    uint64_t atc_inv;       /* word 0 */
} SMMUv3ForwardRules;

void smmuv3_forward_rules(SMMUv3ForwardRules *rules,
                          const uint32_t guest_idr[6],
                          const uint32_t host_idr[6]);

/* TLBI_NH_VA or TLBI_NH_VAA, the one with bit 0? */
static inline bool smmuv3_is_tlbi_va(SMMUv3Cmd cmd)
{
    return (cmd.dw[0] & SMMUV3_CMD0_OPCODE & ~UINT64_C(1)) ==
           SMMUV3_CMD_TLBI_NH_VA;
}

/*
 * 4.4.1.1: a TLBI_NH_VA or _VAA with TG that has neither a range nor a level is
 * CERROR_ILL, and so is TTL=1 with 16K, which counts as 0 without IDR5.DS. No
 * guest is promised that. False for any other command. Pure.
 */
bool smmuv3_forward_illegal(const SMMUv3ForwardRules *rules, SMMUv3Cmd cmd);

/* Is @cmd a TLBI_NH_VA or _VAA of a single address? */
static inline bool smmuv3_forward_is_single(const SMMUv3ForwardRules *rules,
                                            SMMUv3Cmd cmd)
{
    return smmuv3_is_tlbi_va(cmd) &&
           !(cmd.dw[1] & rules->range[1] & SMMUV3_TLBI1_TG);
}

/*
 * The canonical form of one. Inline, as this is what a guest sends all the
 * time. Without RIL, or with TG=0, the range fields are RES0.
 */
static inline SMMUv3Cmd smmuv3_forward_single(const SMMUv3ForwardRules *rules,
                                              SMMUv3Cmd cmd)
{
    cmd.dw[0] &= rules->tlbi[cmd.dw[0] & 1];
    cmd.dw[1] &= SMMUV3_TLBI1_VA | SMMUV3_TLBI1_LEAF;
    return cmd;
}

/*
 * @cmd's canonical form. @cmd is a legal one of TLBI_NH_*, TLBI_NSNH_ALL,
 * CFGI_CD, CFGI_CD_ALL, ATC_INV. *@widened is counted up if the result covers
 * more than was asked. Pure.
 */
SMMUv3Cmd smmuv3_forward_canonical(const SMMUv3ForwardRules *rules,
                                   SMMUv3Cmd cmd, uint64_t *widened);

#endif
