/*
 * Canonical forwarded commands. See forward.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The VMID is never sent: the kernel puts its own there (struct
 * iommu_viommu_arm_smmuv3_invalidate), and a stage-1-only guest has none.
 */
#include <glib.h>

#include "forward.h"

/* Substreams exist where both the guest and the host have them. */
static bool forward_have_substreams(const uint32_t guest_idr[6],
                                    const uint32_t host_idr[6])
{
    return SMMUV3_GET(SMMUV3_IDR1_SSIDSIZE, guest_idr[1]) &&
           SMMUV3_GET(SMMUV3_IDR1_SSIDSIZE, host_idr[1]);
}

void smmuv3_forward_rules(SMMUv3ForwardRules *rules,
                          const uint32_t guest_idr[6],
                          const uint32_t host_idr[6])
{
    *rules = (SMMUv3ForwardRules) {
        .tlbi = { SMMUV3_CMD0_OPCODE | SMMUV3_TLBI0_ASID, SMMUV3_CMD0_OPCODE },
        .cfgi_cd = SMMUV3_CMD0_OPCODE | SMMUV3_CMD0_SID,
        .atc_inv = SMMUV3_CMD0_OPCODE | SMMUV3_CMD0_SID,
    };
    /* An 8-bit ASID leaves the upper byte RES0 on either side, 4.4.1. */
    if (!(guest_idr[0] & host_idr[0] & SMMUV3_IDR0_ASID16)) {
        rules->tlbi[0] = SMMUV3_CMD0_OPCODE | SMMUV3_BITS(55, 48);
    }
    if (guest_idr[3] & SMMUV3_IDR3_RIL) {
        rules->range[0] = SMMUV3_TLBI0_NUM | SMMUV3_TLBI0_SCALE;
        rules->range[1] = SMMUV3_TLBI1_TG | SMMUV3_TLBI1_TTL;
    }
    if (forward_have_substreams(guest_idr, host_idr)) {
        rules->cfgi_cd |= SMMUV3_CMD0_SSID;
        rules->atc_inv |= SMMUV3_CMD0_SSV | SMMUV3_CMD0_SSID |
                          SMMUV3_ATC0_GLOBAL;
    }
}

static SMMUv3Cmd forward_make_cmd(uint64_t dw0, uint64_t dw1)
{
    return (SMMUv3Cmd) { .dw = { dw0, dw1 } };
}

/* SCALE has five bits without IDR5.DS; its bit 25 is RES0 then. */
#define SCALE_MAX 31

/* 16K with TTL=1 is reserved without IDR5.DS. */
static bool forward_level_reserved(uint64_t hints)
{
    return SMMUV3_GET(SMMUV3_TLBI1_TTL, hints) == 1 &&
           SMMUV3_GET(SMMUV3_TLBI1_TG, hints) == SMMUV3_TG_16K;
}

static bool forward_range_reserved(uint64_t range, uint64_t hints)
{
    return SMMUV3_GET(SMMUV3_TLBI0_SCALE, range) > SCALE_MAX ||
           forward_level_reserved(hints);
}

bool smmuv3_forward_illegal(const SMMUv3ForwardRules *rules, SMMUv3Cmd cmd)
{
    uint64_t hints = cmd.dw[1] & rules->range[1];
    uint64_t scale = SMMUV3_GET(SMMUV3_TLBI0_SCALE, cmd.dw[0]) & SCALE_MAX;

    return smmuv3_is_tlbi_va(cmd) && (hints & SMMUV3_TLBI1_TG) && !scale &&
           !(cmd.dw[0] & SMMUV3_TLBI0_NUM) &&
           (!(hints & SMMUV3_TLBI1_TTL) || forward_level_reserved(hints));
}

static SMMUv3Cmd forward_canonical_range(const SMMUv3ForwardRules *rules,
                                         SMMUv3Cmd cmd, uint64_t *widened)
{
    uint64_t range = cmd.dw[0] & rules->range[0];
    uint64_t hints = cmd.dw[1] & rules->range[1];

    if (forward_range_reserved(range, hints)) {
        (*widened)++;
        return forward_make_cmd(SMMUV3_CMD_TLBI_NH_ALL, 0);
    }
    return forward_make_cmd(range | (cmd.dw[0] & rules->tlbi[cmd.dw[0] & 1]),
                            hints |
                            (cmd.dw[1] &
                             (SMMUV3_TLBI1_VA | SMMUV3_TLBI1_LEAF)));
}

static SMMUv3Cmd forward_canonical_atc(const SMMUv3ForwardRules *rules,
                                       SMMUv3Cmd cmd, uint64_t *widened)
{
    uint64_t size = SMMUV3_GET(SMMUV3_ATC1_SIZE, cmd.dw[1]);
    uint64_t addr = cmd.dw[1] & SMMUV3_ATC1_ADDR;

    if (size > SMMUV3_ATC_SIZE_ALL) {
        size = SMMUV3_ATC_SIZE_ALL;
        addr = 0;
        (*widened)++;
    }
    return forward_make_cmd(cmd.dw[0] & rules->atc_inv,
                            addr | SMMUV3_PREP(SMMUV3_ATC1_SIZE, size));
}

SMMUv3Cmd smmuv3_forward_canonical(const SMMUv3ForwardRules *rules,
                                   SMMUv3Cmd cmd, uint64_t *widened)
{
    uint64_t opcode = cmd.dw[0] & SMMUV3_CMD0_OPCODE;

    switch (opcode) {
    case SMMUV3_CMD_TLBI_NH_VA:
    case SMMUV3_CMD_TLBI_NH_VAA:
        return smmuv3_forward_is_single(rules, cmd)
               ? smmuv3_forward_single(rules, cmd)
               : forward_canonical_range(rules, cmd, widened);
    case SMMUV3_CMD_TLBI_NH_ASID:
        return forward_make_cmd(cmd.dw[0] & rules->tlbi[0], 0);
    case SMMUV3_CMD_CFGI_CD:
        return forward_make_cmd(cmd.dw[0] & rules->cfgi_cd,
                                cmd.dw[1] & SMMUV3_CFGI1_LEAF);
    case SMMUV3_CMD_CFGI_CD_ALL:
        return forward_make_cmd(opcode | (cmd.dw[0] & SMMUV3_CMD0_SID), 0);
    case SMMUV3_CMD_ATC_INV:
        return forward_canonical_atc(rules, cmd, widened);
    default: /* TLBI_NH_ALL, TLBI_NSNH_ALL */
        return forward_make_cmd(opcode, 0);
    }
}
