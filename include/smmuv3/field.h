/*
 * Bit fields of 64-bit and 32-bit words, by mask.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A field is named by its mask alone; the shift follows from it. FIELD_GET
 * and FIELD_PREP style access keeps each position written down exactly once.
 */
#ifndef SMMUV3_FIELD_H
#define SMMUV3_FIELD_H

#include <stdint.h>

/* Bits hi..lo, both included, as Arm IHI 0070 writes them: [hi:lo]. */
#define SMMUV3_BITS(hi, lo) \
    ((~UINT64_C(0) >> (63 - (hi))) & (~UINT64_C(0) << (lo)))

#define SMMUV3_BIT(n) (UINT64_C(1) << (n))

#define SMMUV3_GET(mask, word) (((word) & (mask)) / ((mask) & -(mask)))

#define SMMUV3_PREP(mask, value) \
    (((uint64_t)(value) * ((mask) & -(mask))) & (mask))

#endif
