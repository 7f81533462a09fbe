/*
 * Registers, commands, STEs and events of Arm IHI 0070, for the tests.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * These numbers are written anew from the architecture and not taken from
 * include/smmuv3, because a wrong one there has to show in a test. This is
 * the only place of tests/qtest and tests/e2e where they stand, for the device
 * tests, the programs that a guest in the box runs, and tests in Python. Those
 * read the text (scene.py, facts.py), so a register or an opcode is a plain
 * number. The guest's programs have no QEMU, so nothing but stdint.h is needed.
 * Registers stand in a file of their own, because the unit tests have them, too.
 */
#ifndef TESTS_SMMUV3_SPEC_H
#define TESTS_SMMUV3_SPEC_H

#include <stdint.h>

#include "smmuv3-offsets.h"

/* Fields of registers */
#define IDR0_S2P                (1u << 0)
#define IDR0_S1P                (1u << 1)
#define IDR0_HYP                (1u << 9)
#define IDR0_ATS                (1u << 10)
#define IDR0_ASID16             (1u << 12)
#define IDR0_MSI                (1u << 13)
#define IDR0_ATOS               (1u << 15)
#define IDR0_PRI                (1u << 16)
#define IDR0_VMW                (1u << 17)
#define IDR3_FWB                (1u << 8)
#define IDR3_RIL                (1u << 10)
#define IDR5_GRAN16K            (1u << 5)
#define CR0_SMMUEN              (1u << 0)
#define CR0_PRIQEN              (1u << 1)
#define CR0_EVENTQEN            (1u << 2)
#define CR0_CMDQEN              (1u << 3)
#define CR0_ATSCHK              (1u << 4)
#define CR2_E2H                 (1u << 0)
#define CR2_RECINVSID           (1u << 1)
#define CR2_PTM                 (1u << 2)
#define GBPA_ABORT              (1u << 20)
#define GBPA_UPDATE             (1u << 31)
#define IRQ_CTRL_GERROR         (1u << 0)
#define IRQ_CTRL_PRIQ           (1u << 1)
#define IRQ_CTRL_EVENTQ         (1u << 2)
#define GERROR_CMDQ_ERR         (1u << 0)
#define GERROR_EVENTQ_ABT_ERR   (1u << 2)
#define GERROR_MSI_CMDQ_ABT_ERR (1u << 4)
#define EVENTQ_OVFLG            (1u << 31) /* PROD's; CONS has OVACKFLG there */

/* CMDQ_CONS.ERR, 4.1.3 and 7.1 */
#define CERROR_NONE             0
#define CERROR_ILL              1
#define CERROR_ABT              2
#define CERROR_ATC_INV_SYNC     3

/* Commands, 4.1.3 */
#define PREFETCH_CONFIG         0x01
#define PREFETCH_ADDR           0x02
#define CFGI_STE                0x03
#define CFGI_STE_RANGE          0x04    /* with Range=31: CFGI_ALL */
#define CFGI_CD                 0x05
#define CFGI_CD_ALL             0x06
#define TLBI_NH_ALL             0x10
#define TLBI_NH_ASID            0x11
#define TLBI_NH_VA              0x12
#define TLBI_NH_VAA             0x13
#define TLBI_EL3_ALL            0x18
#define TLBI_EL3_VA             0x1a
#define TLBI_EL2_ALL            0x20
#define TLBI_EL2_ASID           0x21
#define TLBI_EL2_VA             0x22
#define TLBI_EL2_VAA            0x23
#define TLBI_S12_VMALL          0x28
#define TLBI_S2_IPA             0x2a
#define TLBI_NSNH_ALL           0x30
#define ATC_INV                 0x40
#define PRI_RESP                0x41
#define RESUME                  0x44
#define STALL_TERM              0x45
#define CMD_SYNC                0x46

/* Arguments of commands: of word 0, then of word 1 */
#define SSEC                    (1ull << 10)
#define SSID(ssid)              ((uint64_t)(ssid) << 12)
#define SID(sid)                ((uint64_t)(sid) << 32)
#define VMID(vmid)              ((uint64_t)(vmid) << 32)
#define ASID(asid)              ((uint64_t)(asid) << 48)
#define NUM(n)                  ((uint64_t)(n) << 12)
#define SCALE(n)                ((uint64_t)(n) << 20)
#define SYNC_CS(cs)             ((uint64_t)(cs) << 12)
#define SYNC_MSI_DATA(data)     ((uint64_t)(data) << 32)
#define LEAF                    1
#define TTL(n)                  ((uint64_t)(n) << 8)
#define TG_4K                   (1ull << 10)
#define TG_16K                  (2ull << 10)
#define TG_64K                  (3ull << 10)

/* STEs, 5.2: word 0, then word 1 */
#define STE_V                   (1ull << 0)
#define STE_ABORT               (STE_V | 0ull << 1)
#define STE_BYPASS              (STE_V | 4ull << 1)
#define STE_S1                  (STE_V | 5ull << 1)
#define STE_CONFIG(word0)       ((word0) >> 1 & 7)
#define STE_S1FMT_4K_L2         (1ull << 4)
#define STE_S1CDMAX(n)          ((uint64_t)(n) << 59)
#define STE_S1DSS_BYPASS        1ull
#define STE_EATS_FULL           (1ull << 28)
#define STE_SHCFG_INCOMING      (1ull << 44)
/* S1CIR and S1COR write-back, S1CSH inner shareable: what Linux writes */
#define S1_DW1                  (1ull << 2 | 1ull << 4 | 3ull << 6)

/* Events, 7.3 */
#define C_BAD_STREAMID          0x02
#define F_STE_FETCH             0x03
#define C_BAD_STE               0x04
#define F_STREAM_DISABLED       0x06
#define F_CD_FETCH              0x09
#define C_BAD_CD                0x0a
#define F_WALK_EABT             0x0b
#define F_TRANSLATION           0x10

#endif
