/*
 * SMMUv3 commands: opcodes and fields.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Arm IHI 0070 chapter 4. A command is 16 bytes, two 64-bit words, dw[0]
 * first; field names carry the word they stand in.
 */
#ifndef SMMUV3_CMD_H
#define SMMUV3_CMD_H

#include <assert.h>

#include "smmuv3/field.h"

typedef struct SMMUv3Cmd {
    uint64_t dw[2];
} SMMUv3Cmd;

static_assert(sizeof(SMMUv3Cmd) == 16, "a command is 16 bytes (4.1.1)");

/* Opcodes, table 4.1 in 4.1.1 */
typedef enum SMMUv3Opcode {
    SMMUV3_CMD_PREFETCH_CONFIG = 0x01,
    SMMUV3_CMD_PREFETCH_ADDR   = 0x02,
    SMMUV3_CMD_CFGI_STE        = 0x03,
    SMMUV3_CMD_CFGI_STE_RANGE  = 0x04, /* with Range = 31: CMD_CFGI_ALL */
    SMMUV3_CMD_CFGI_CD         = 0x05,
    SMMUV3_CMD_CFGI_CD_ALL     = 0x06,
    SMMUV3_CMD_TLBI_NH_ALL     = 0x10,
    SMMUV3_CMD_TLBI_NH_ASID    = 0x11,
    SMMUV3_CMD_TLBI_NH_VA      = 0x12,
    SMMUV3_CMD_TLBI_NH_VAA     = 0x13,
    SMMUV3_CMD_TLBI_EL3_ALL    = 0x18,
    SMMUV3_CMD_TLBI_EL3_VA     = 0x1a,
    SMMUV3_CMD_TLBI_EL2_ALL    = 0x20,
    SMMUV3_CMD_TLBI_EL2_ASID   = 0x21,
    SMMUV3_CMD_TLBI_EL2_VA     = 0x22,
    SMMUV3_CMD_TLBI_EL2_VAA    = 0x23,
    SMMUV3_CMD_TLBI_S12_VMALL  = 0x28,
    SMMUV3_CMD_TLBI_S2_IPA     = 0x2a,
    SMMUV3_CMD_TLBI_NSNH_ALL   = 0x30,
    SMMUV3_CMD_ATC_INV         = 0x40,
    SMMUV3_CMD_PRI_RESP        = 0x41,
    SMMUV3_CMD_RESUME          = 0x44,
    SMMUV3_CMD_STALL_TERM      = 0x45,
    SMMUV3_CMD_SYNC            = 0x46,
} SMMUv3Opcode;

#define SMMUV3_CMD0_OPCODE        SMMUV3_BITS(7, 0)
#define SMMUV3_CMD0_SSEC          SMMUV3_BIT(10)
#define SMMUV3_CMD0_SSV           SMMUV3_BIT(11)
#define SMMUV3_CMD0_SSID          SMMUV3_BITS(31, 12)
#define SMMUV3_CMD0_SID           SMMUV3_BITS(63, 32)

/* CMD_CFGI_*, 4.3 */
#define SMMUV3_CFGI1_LEAF         SMMUV3_BIT(0)
#define SMMUV3_CFGI1_RANGE        SMMUV3_BITS(4, 0)

/* CMD_TLBI_*, 4.4 */
#define SMMUV3_TLBI0_NUM          SMMUV3_BITS(16, 12)
#define SMMUV3_TLBI0_SCALE        SMMUV3_BITS(25, 20)
#define SMMUV3_TLBI0_VMID         SMMUV3_BITS(47, 32)
#define SMMUV3_TLBI0_ASID         SMMUV3_BITS(63, 48)
#define SMMUV3_TLBI1_LEAF         SMMUV3_BIT(0)
#define SMMUV3_TLBI1_TTL          SMMUV3_BITS(9, 8)
#define SMMUV3_TLBI1_TG           SMMUV3_BITS(11, 10)
#define SMMUV3_TLBI1_VA           SMMUV3_BITS(63, 12)

enum SMMUv3TlbiTg {
    SMMUV3_TG_NONE = 0,     /* a single address; NUM, SCALE, TTL are RES0 */
    SMMUV3_TG_4K = 1,
    SMMUV3_TG_16K = 2,
    SMMUV3_TG_64K = 3,
};

/* CMD_ATC_INV, 4.5.1; Size 52 and above means the whole address space */
#define SMMUV3_ATC0_GLOBAL        SMMUV3_BIT(9)
#define SMMUV3_ATC1_SIZE          SMMUV3_BITS(5, 0)
#define SMMUV3_ATC1_ADDR          SMMUV3_BITS(63, 12)
#define SMMUV3_ATC_SIZE_ALL       52

/* CMD_SYNC, 4.7.3 */
#define SMMUV3_SYNC0_CS           SMMUV3_BITS(13, 12)
#define SMMUV3_SYNC0_MSIDATA      SMMUV3_BITS(63, 32)
#define SMMUV3_SYNC1_MSIADDR      SMMUV3_BITS(55, 2)

enum SMMUv3SyncCs {
    SMMUV3_SYNC_NONE = 0,
    SMMUV3_SYNC_IRQ = 1,
    SMMUV3_SYNC_SEV = 2,
    SMMUV3_SYNC_RESERVED = 3, /* CERROR_ILL */
};

#endif
