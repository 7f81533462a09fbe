/*
 * Forwarded commands in canonical form: no bit that means nothing.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A command is masked per opcode, and a range that is reserved, but no error,
 * becomes TLBI_NH_ALL, because Linux 7.3 answers EIO to reserved ranges and to
 * any bit that it does not know for an opcode. TLBI_NH_ASID would narrow the
 * range, because it leaves global entries (4.4.2), which a TLBI_NH_VA drops.
 * Ranges on a host without range invalidation are coalesce.h's and emit.h's.
 */
#ifndef ENGINE_FORWARD_H
#define ENGINE_FORWARD_H

#include "smmuv3-engine.h"

/* The bits that a command keeps, by the guest's promise and the host. */
typedef struct SMMUv3ForwardRules {
    uint64_t tlbi[2];       /* word 0 of TLBI_NH_VA and _ASID; of _VAA */
    uint64_t range[2];      /* NUM and SCALE; TG and TTL */
    uint64_t cfgi_cd;       /* word 0 */
    uint64_t atc_inv;       /* word 0 */
} SMMUv3ForwardRules;

void smmuv3_forward_rules(SMMUv3ForwardRules *rules,
                          const uint32_t guest_idr[6],
                          const uint32_t host_idr[6]);

/* Is @cmd a TLBI_NH_VA, or a TLBI_NH_VAA (bit 0 of the opcode set)? */
static inline bool smmuv3_is_tlbi_va(SMMUv3Cmd cmd)
{
    return (cmd.dw[0] & SMMUV3_CMD0_OPCODE & ~UINT64_C(1)) ==
           SMMUV3_CMD_TLBI_NH_VA;
}

/*
 * 4.4.1.1: a TLBI_NH_VA or _VAA with TG that has neither a range nor a level is
 * CERROR_ILL. TTL=1 with 16K is no level, because no guest is promised IDR5.DS.
 * False for any other command. Pure.
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
 * The canonical form of a single address. Inline, because it is what a guest
 * sends most. Without RIL, or with TG=0, the range fields are RES0.
 */
static inline SMMUv3Cmd smmuv3_forward_single(const SMMUv3ForwardRules *rules,
                                              SMMUv3Cmd cmd)
{
    cmd.dw[0] &= rules->tlbi[cmd.dw[0] & 1];
    cmd.dw[1] &= SMMUV3_TLBI1_VA | SMMUV3_TLBI1_LEAF;
    return cmd;
}

/*
 * @cmd's canonical form. @cmd is legal, and one of TLBI_NH_*, TLBI_NSNH_ALL,
 * CFGI_CD, CFGI_CD_ALL, ATC_INV. Increments *@widened if the result drops more
 * than @cmd asks for. Pure.
 */
SMMUv3Cmd smmuv3_forward_canonical(const SMMUv3ForwardRules *rules,
                                   SMMUv3Cmd cmd, uint64_t *widened);

#endif
