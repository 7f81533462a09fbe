/*
 * Registers' offsets, and the bits that most tests set, written anew.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From Arm IHI 0070 6.3, and not shared with the code under test, because a
 * wrong number there has to be noticed. tests/unit, tests/fuzz and
 * tests/threads share them.
 */
#ifndef TESTS_OFFSETS_H
#define TESTS_OFFSETS_H

enum {
    IDR0            = 0x00,
    IDR1            = 0x04,
    IDR2            = 0x08,
    IDR3            = 0x0c,
    IDR4            = 0x10,
    IDR5            = 0x14,
    IIDR            = 0x18,
    AIDR            = 0x1c,
    CR0             = 0x20,
    CR0ACK          = 0x24,
    CR1             = 0x28,
    CR2             = 0x2c,
    STATUSR         = 0x40,
    GBPA            = 0x44,
    AGBPA           = 0x48,
    IRQ_CTRL        = 0x50,
    IRQ_CTRLACK     = 0x54,
    GERROR          = 0x60,
    GERRORN         = 0x64,
    GERROR_IRQ_CFG0 = 0x68,
    GERROR_IRQ_CFG1 = 0x70,
    GERROR_IRQ_CFG2 = 0x74,
    STRTAB_BASE     = 0x80,
    STRTAB_BASE_CFG = 0x88,
    CMDQ_BASE       = 0x90,
    CMDQ_PROD       = 0x98,
    CMDQ_CONS       = 0x9c,
    EVENTQ_BASE     = 0xa0,
    EVENTQ_PROD     = 0xa8,         /* the alias; drivers use page 1's */
    EVENTQ_CONS     = 0xac,
    EVENTQ_IRQ_CFG0 = 0xb0,
    EVENTQ_IRQ_CFG1 = 0xb8,
    EVENTQ_IRQ_CFG2 = 0xbc,
    PAGE1           = 0x10000,
};

/* CR0, CR0ACK */
#define SMMUEN          0x1u
#define EVENTQEN        0x4u
#define CMDQEN          0x8u

/* IRQ_CTRL, IRQ_CTRLACK */
#define GERROR_IRQEN    0x1u
#define EVENTQ_IRQEN    0x4u

/* GERROR, GERRORN */
#define CMDQ_ERR        0x1u

/* GBPA */
#define UPDATE          0x80000000u
#define ABORT           0x00100000u

#endif
