/*
 * What a guest's stream table, commands and registers mean, decoded.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * For a VMM that translates for emulated devices itself, beside those that the
 * host's SMMU serves. It walks page tables and keeps caches; all other
 * decisions are here. The engine decides by the same code, so that both kinds
 * of devices see one SMMU.
 *
 * All functions are pure, except that they read guest memory. They touch no
 * engine, so any thread may call them, under the lock that the VMM has for its
 * own copy of the registers.
 */
#ifndef SMMUV3_DECODE_H
#define SMMUV3_DECODE_H

#include "smmuv3-engine.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The guest's registers that streams depend on (6.3). */
typedef struct SMMUv3StreamRegs {
    uint32_t cr0;
    uint32_t gbpa;
    uint64_t strtab_base;
    uint32_t strtab_base_cfg;
} SMMUv3StreamRegs;

/* What becomes of a stream's transactions without a SubstreamID. */
typedef struct SMMUv3DecodedStream {
    SMMUv3StreamKind kind;
    SMMUv3EventType event;      /* abort: the event of each; may be NONE */
    uint64_t event_addr;        /* FetchAddr of F_STE_FETCH and F_CD_FETCH */
    uint64_t cd;                /* translate: the address of the CD */
} SMMUv3DecodedStream;

/*
 * Decodes the stream @sid of an SMMU with @idr and @regs: GBPA while SMMUEN=0
 * (6.3.14), else the STE (5.1, 5.2) and its CD (S1DSS, S1Fmt, 5.3). The caller
 * may record C_BAD_STREAMID always, because smmuv3_engine_record_events() looks
 * at CR2.RECINVSID. It may cache the result until smmuv3_decode_command() gives
 * SMMUV3_INVALIDATE_CONFIG, or @regs change.
 */
void smmuv3_decode_stream(SMMUv3ReadWords read_words, void *opaque,
                          const SMMUv3StreamRegs *regs, const uint32_t idr[6],
                          uint32_t sid, SMMUv3DecodedStream *out);

/*
 * Word 0 of an STE that does what @stream does, without substreams (5.2): V,
 * Config, and a single CD. The other words are 0. For a VMM whose own code
 * takes an STE.
 */
uint64_t smmuv3_decode_plain_ste(const SMMUv3DecodedStream *stream);

/*
 * Does @a decode every stream as @b does, with the same tables in memory? All
 * bits of CR0, GBPA, STRTAB_BASE and STRTAB_BASE_CFG are compared (6.3.9,
 * 6.3.14, 6.3.24, 6.3.25), because a difference that does not matter costs a
 * VMM only its caches.
 */
bool smmuv3_decode_same_regs(const SMMUv3StreamRegs *a,
                             const SMMUv3StreamRegs *b);

typedef enum SMMUv3InvalidationKind {
    SMMUV3_INVALIDATE_NOTHING,
    SMMUV3_INVALIDATE_CONFIG,   /* STEs, L1STDs, CDs, L1CDs of StreamIDs */
    SMMUV3_INVALIDATE_ALL,      /* all translations */
    SMMUV3_INVALIDATE_ASID,     /* an ASID's translations, not global ones */
    SMMUV3_INVALIDATE_PAGES,    /* by address */
} SMMUv3InvalidationKind;

/* What has to be dropped. Dropping more is allowed. */
typedef struct SMMUv3Invalidation {
    SMMUv3InvalidationKind kind;
    uint32_t first_sid, last_sid;   /* CONFIG */
    uint16_t asid;                  /* ASID; PAGES, global ones included */
    bool any_asid;                  /* PAGES: of all ASIDs */
    /*
     * PAGES: @pages times 2^@granule_bits bytes from @addr on, aligned to the
     * granule and never beyond 2^64. Each entry that translates one of these
     * bytes goes, whatever its level, with the table walks that led to it. If
     * @granule_bits is 0, it is a single address in pages of any granule.
     */
    uint64_t addr;
    uint64_t pages;
    unsigned granule_bits;
    unsigned tg;                /* SMMUv3TlbiTg; TG_NONE: no granule_bits */
} SMMUv3Invalidation;

/*
 * What @cmd invalidates. @cmd is legal for a guest that was promised @idr, and
 * in host byte order, as SMMUv3FrontendOps.consumed() has it. ATC_INV
 * invalidates nothing, because emulated devices have no ATC.
 */
SMMUv3Invalidation smmuv3_decode_command(const uint32_t idr[6],
                                         const SMMUv3Cmd *cmd);

/*
 * Takes the largest block that is aligned to its own size off the front of
 * @inv, an invalidation of PAGES: *@pages, a power of two, from *@addr on.
 * False: nothing was left. For a VMM whose caches take such blocks and no
 * ranges (4.4.1.1). @inv has 128 of them at the most.
 */
bool smmuv3_decode_next_block(SMMUv3Invalidation *inv, uint64_t *addr,
                              uint64_t *pages);

/* The fields of SMMU_IDR0..5, 6.3.1 to 6.3.6; "bits" are widths. */
typedef struct SMMUv3Features {
    bool stage1, stage2;
    bool two_level_cds;         /* CD2L */
    bool ats;
    bool msi;                   /* the SMMU's own interrupts */
    bool s2fwb;
    bool ril;
    unsigned bbml;              /* the level, 0 to 2 */
    unsigned stall_model;
    unsigned asid_bits;
    unsigned sid_bits;
    unsigned ssid_bits;
    unsigned oas_bits;
    uint32_t page_sizes;        /* in bytes, or'ed */
} SMMUv3Features;

SMMUv3Features smmuv3_decode_features(const uint32_t idr[6]);

/*
 * The width of PASIDs that a guest with the promise @idr may be told of, for
 * the device of @info. It is no wider than IDR1.SSIDSIZE (6.3.2), because a
 * PASID is the SubstreamID (3.9). 0: the device has none.
 */
unsigned smmuv3_decode_pasid_bits(const uint32_t idr[6],
                                  const SMMUv3HostInfo *info);

/*
 * Is @offset, from the base of page 0, one of SMMU_CMDQ_PROD? There are two,
 * because page 1 is an alias of page 0 (6.1).
 */
bool smmuv3_decode_is_cmdq_prod(uint64_t offset);

#ifdef __cplusplus
}
#endif

#endif
