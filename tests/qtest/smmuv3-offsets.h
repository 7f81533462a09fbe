/*
 * Where registers are, for all tests; see smmuv3-spec.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_SMMUV3_OFFSETS_H
#define TESTS_SMMUV3_OFFSETS_H

/* Registers, 6.2 and 6.3; the offset of one in page 1 has that of the page. */
#define IDR0                    0x00
#define IDR1                    0x04
#define IDR2                    0x08
#define IDR3                    0x0c
#define IDR4                    0x10
#define IDR5                    0x14
#define IIDR                    0x18
#define AIDR                    0x1c
#define CR0                     0x20
#define CR0ACK                  0x24
#define CR1                     0x28
#define CR2                     0x2c
#define STATUSR                 0x40
#define GBPA                    0x44
#define AGBPA                   0x48
#define IRQ_CTRL                0x50
#define IRQ_CTRLACK             0x54
#define GERROR                  0x60
#define GERRORN                 0x64
#define GERROR_IRQ_CFG0         0x68
#define GERROR_IRQ_CFG1         0x70
#define GERROR_IRQ_CFG2         0x74
#define STRTAB_BASE             0x80
#define STRTAB_BASE_CFG         0x88
#define CMDQ_BASE               0x90
#define CMDQ_PROD               0x98
#define CMDQ_CONS               0x9c
#define EVENTQ_BASE             0xa0
#define EVENTQ_IRQ_CFG0         0xb0
#define EVENTQ_IRQ_CFG1         0xb8
#define EVENTQ_IRQ_CFG2         0xbc
#define PRIQ_BASE               0xc0
#define PRIQ_IRQ_CFG0           0xd0
#define GATOS_CTRL              0x100
#define IDR6                    0x190
#define PIDR4                   0xfd0
#define PIDR0                   0xfe0
#define PIDR1                   0xfe4
#define PIDR2                   0xfe8
#define PIDR3                   0xfec
#define CIDR0                   0xff0
#define CIDR3                   0xffc
#define PAGE1                   0x10000
#define EVENTQ_PROD             0x100a8
#define EVENTQ_CONS             0x100ac
#define PRIQ_PROD               0x100c8
#define PRIQ_CONS               0x100cc
#define REGISTERS_SIZE          0x20000

#endif
