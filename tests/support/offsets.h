/*
 * Registers, and those of their bits that most unit tests set.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Written anew from Arm IHI 0070 6.3, and not shared with the code under test,
 * because a wrong number there has to be noticed.
 */
#ifndef TESTS_OFFSETS_H
#define TESTS_OFFSETS_H

#include "../qtest/smmuv3-offsets.h"

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
