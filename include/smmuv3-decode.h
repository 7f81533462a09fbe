/*
 * What a guest's stream table and commands mean, decoded.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * For a VMM that translates for emulated devices itself, beside those that the
 * host's SMMU serves: it walks page tables and keeps caches, and decides over
 * nothing else. The engine decides by the same code, so that both kinds of
 * devices see one SMMU.
 *
 * All functions are pure, but for reading guest memory. No engine is touched,
 * so they may be called from any thread, under whatever lock the VMM has for
 * its own copy of the registers.
 */
#ifndef SMMUV3_DECODE_H
#define SMMUV3_DECODE_H

#include "smmuv3-engine.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The guest's registers that decide over streams (6.3). */
typedef struct SMMUv3StreamRegs {
    uint32_t cr0;
    uint32_t gbpa;
    uint64_t strtab_base;
    uint32_t strtab_base_cfg;
} SMMUv3StreamRegs;

/* How the transactions of a stream go that come without a SubstreamID. */
typedef struct SMMUv3DecodedStream {
    SMMUv3StreamKind kind;
    SMMUv3EventType event;      /* abort: what each records; may be NONE */
    uint64_t event_addr;        /* FetchAddr of F_STE_FETCH and F_CD_FETCH */
    uint64_t cd;                /* translate: the address of the CD */
} SMMUv3DecodedStream;

/*
 * What an SMMU finds for @sid that was promised @idr and has @regs: GBPA while
 * SMMUEN=0 (6.3.14), else the STE (5.1, 5.2) and where it leads (S1DSS, S1Fmt,
 * 5.3). C_BAD_STREAMID is to be recorded with CR2.RECINVSID only, which
 * smmuv3_engine_record_events() sees to. What it has read is cached until
 * smmuv3_decode_command() says SMMUV3_INVALIDATE_CONFIG, or @regs change.
 */
void smmuv3_decode_stream(SMMUv3ReadWords read_words, void *opaque,
                          const SMMUv3StreamRegs *regs, const uint32_t idr[6],
                          uint32_t sid, SMMUv3DecodedStream *out);

typedef enum SMMUv3InvalidationKind {
    SMMUV3_INVALIDATE_NOTHING,
    SMMUV3_INVALIDATE_CONFIG,   /* STEs, L1STDs, CDs, L1CDs of StreamIDs */
    SMMUV3_INVALIDATE_ALL,      /* all translations */
    SMMUV3_INVALIDATE_ASID,     /* those of an ASID that are not global */
    SMMUV3_INVALIDATE_PAGES,    /* by address */
} SMMUv3InvalidationKind;

/* What is to be dropped at the least; more may be. */
typedef struct SMMUv3Invalidation {
    SMMUv3InvalidationKind kind;
    uint32_t first_sid, last_sid;   /* CONFIG */
    uint16_t asid;                  /* ASID; PAGES, which drops global ones */
    bool any_asid;                  /* PAGES of all of them */
    /*
     * PAGES: @pages times 2^@granule_bits bytes from @addr on, aligned to one
     * and never beyond 2^64. Any entry that translates one of these bytes
     * goes, whatever its level, and the tables that led to it. Without
     * @granule_bits it is a single address, of a page of any granule.
     */
    uint64_t addr;
    uint64_t pages;
    unsigned granule_bits;
} SMMUv3Invalidation;

/*
 * What @cmd invalidates, which is legal, in host byte order, and was written
 * by a guest that was promised @idr: as SMMUv3FrontendOps.consumed() has it.
 * ATC_INV is nothing, as an emulated device without an ATC has no use for it.
 */
SMMUv3Invalidation smmuv3_decode_command(const uint32_t idr[6],
                                         const SMMUv3Cmd *cmd);

#ifdef __cplusplus
}
#endif

#endif
