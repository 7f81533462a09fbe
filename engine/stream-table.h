/*
 * The guest's stream table: where the STE of a StreamID is.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_STREAM_TABLE_H
#define ENGINE_STREAM_TABLE_H

#include "ste.h"

/*
 * Finds and decodes the STE of @vsid in a linear or two-level table, bounded by
 * IDR1.SIDSIZE and STRTAB_BASE_CFG (3.3, 6.3.25). Reads each word once.
 */
SMMUv3StreamConfig smmuv3_stream_table_lookup(SMMUv3ReadWords read_words,
                                              void *opaque,
                                              const SMMUv3StreamRegs *regs,
                                              const uint32_t idr[6],
                                              uint32_t vsid);

#endif
