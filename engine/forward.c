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

static SMMUv3Cmd make_cmd(uint64_t opcode, uint64_t dw0, uint64_t dw1)
{
    return (SMMUv3Cmd) { .dw = { opcode | dw0, dw1 } };
}

/* An 8-bit ASID leaves the upper byte RES0 on either side, 4.4.1. */
static uint64_t asid_field(SMMUv3Cmd cmd, const uint32_t guest_idr[6],
                           const uint32_t host_idr[6])
{
    uint64_t mask = SMMUV3_TLBI0_ASID;

    if (!(guest_idr[0] & host_idr[0] & SMMUV3_IDR0_ASID16)) {
        mask = SMMUV3_BITS(55, 48);
    }
    return cmd.dw[0] & mask;
}

/* Can the host take the range as it stands? 4.4.1.1: what is reserved. */
static bool range_acceptable(SMMUv3Cmd cmd)
{
    uint64_t num = SMMUV3_GET(SMMUV3_TLBI0_NUM, cmd.dw[0]);
    uint64_t scale = SMMUV3_GET(SMMUV3_TLBI0_SCALE, cmd.dw[0]);
    uint64_t ttl = SMMUV3_GET(SMMUV3_TLBI1_TTL, cmd.dw[1]);
    uint64_t tg = SMMUV3_GET(SMMUV3_TLBI1_TG, cmd.dw[1]);

    if (scale > 31 || (!num && !scale && !ttl)) {
        return false;
    }
    return !(tg == SMMUV3_TG_16K && ttl == 1);
}

static SMMUv3Cmd widen(bool *widened)
{
    *widened = true;
    return make_cmd(SMMUV3_CMD_TLBI_NH_ALL, 0, 0);
}

static SMMUv3Cmd canonical_va(SMMUv3Cmd cmd, const uint32_t guest_idr[6],
                              const uint32_t host_idr[6], bool *widened)
{
    uint64_t opcode = cmd.dw[0] & SMMUV3_CMD0_OPCODE;
    uint64_t asid = opcode == SMMUV3_CMD_TLBI_NH_VA
                    ? asid_field(cmd, guest_idr, host_idr) : 0;
    uint64_t range = cmd.dw[0] & (SMMUV3_TLBI0_NUM | SMMUV3_TLBI0_SCALE);
    uint64_t hints = cmd.dw[1] & (SMMUV3_TLBI1_TG | SMMUV3_TLBI1_TTL);
    uint64_t dw1 = cmd.dw[1] & (SMMUV3_TLBI1_VA | SMMUV3_TLBI1_LEAF);

    /* Without RIL, or with TG=0, the range fields are RES0: one address. */
    if (!(guest_idr[3] & SMMUV3_IDR3_RIL) || !(hints & SMMUV3_TLBI1_TG)) {
        return make_cmd(opcode, asid, dw1);
    }
    if (!range_acceptable(cmd)) {
        return widen(widened);
    }
    if (host_idr[3] & SMMUV3_IDR3_RIL) {
        return make_cmd(opcode, asid | range, dw1 | hints);
    }
    /* One address without a level hint covers one page with it. */
    return range ? widen(widened) : make_cmd(opcode, asid, dw1);
}

/* Substreams only where the guest has them and the host does. */
static uint64_t ssid_fields(uint64_t fields, const uint32_t guest_idr[6],
                            const uint32_t host_idr[6])
{
    return SMMUV3_GET(SMMUV3_IDR1_SSIDSIZE, guest_idr[1]) &&
           SMMUV3_GET(SMMUV3_IDR1_SSIDSIZE, host_idr[1]) ? fields : 0;
}

static SMMUv3Cmd canonical_atc(SMMUv3Cmd cmd, const uint32_t guest_idr[6],
                               const uint32_t host_idr[6], bool *widened)
{
    uint64_t keep = SMMUV3_CMD0_SID |
                    ssid_fields(SMMUV3_CMD0_SSV | SMMUV3_CMD0_SSID |
                                SMMUV3_ATC0_GLOBAL, guest_idr, host_idr);
    uint64_t size = SMMUV3_GET(SMMUV3_ATC1_SIZE, cmd.dw[1]);
    uint64_t addr = cmd.dw[1] & SMMUV3_ATC1_ADDR;

    if (size > SMMUV3_ATC_SIZE_ALL) {
        size = SMMUV3_ATC_SIZE_ALL;
        addr = 0;
        *widened = true;
    }
    return make_cmd(SMMUV3_CMD_ATC_INV, cmd.dw[0] & keep,
                    addr | SMMUV3_PREP(SMMUV3_ATC1_SIZE, size));
}

SMMUv3Cmd smmuv3_forward_canonical(SMMUv3Cmd cmd, const uint32_t guest_idr[6],
                                   const uint32_t host_idr[6], bool *widened)
{
    uint64_t opcode = cmd.dw[0] & SMMUV3_CMD0_OPCODE;

    *widened = false;
    switch (opcode) {
    case SMMUV3_CMD_TLBI_NH_VA:
    case SMMUV3_CMD_TLBI_NH_VAA:
        return canonical_va(cmd, guest_idr, host_idr, widened);
    case SMMUV3_CMD_TLBI_NH_ASID:
        return make_cmd(opcode, asid_field(cmd, guest_idr, host_idr), 0);
    case SMMUV3_CMD_CFGI_CD:
        return make_cmd(opcode,
                        cmd.dw[0] & (SMMUV3_CMD0_SID |
                                     ssid_fields(SMMUV3_CMD0_SSID, guest_idr,
                                                 host_idr)),
                        cmd.dw[1] & SMMUV3_CFGI1_LEAF);
    case SMMUV3_CMD_CFGI_CD_ALL:
        return make_cmd(opcode, cmd.dw[0] & SMMUV3_CMD0_SID, 0);
    case SMMUV3_CMD_ATC_INV:
        return canonical_atc(cmd, guest_idr, host_idr, widened);
    default: /* TLBI_NH_ALL, TLBI_NSNH_ALL */
        return make_cmd(opcode, 0, 0);
    }
}
