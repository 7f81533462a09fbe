/*
 * Finding an STE in the guest's stream table. See stream-table.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <glib.h>

#include "smmuv3/ste.h"
#include "stream-table.h"

#define LOG2_STE_SIZE 6
#define LOG2_L1STD_SIZE 3

/*
 * The base is aligned to the table's size by LOG2SIZE, even if SIDSIZE lets
 * less of the table be reached, and to at least 64 bytes (6.3.24).
 */
static uint64_t stream_table_base(uint64_t base, unsigned log2bytes)
{
    return log2bytes > 63 ? 0 : base & SMMUV3_STRTAB_BASE_ADDR &
                                ~(SMMUV3_BIT(log2bytes) - 1);
}

static unsigned stream_table_split(uint32_t cfg)
{
    unsigned split = SMMUV3_GET(SMMUV3_STRTAB_CFG_SPLIT, cfg);

    return split == 8 || split == 10 ? split : 6;
}

/*
 * The address of @vsid's STE in a two-level table; or an event (7.3.3: an
 * invalid or too short level 2 table is C_BAD_STREAMID). With F_STE_FETCH
 * *@addr is that of the descriptor that could not be read.
 */
static SMMUv3EventType stream_table_locate_2lvl(SMMUv3ReadWords read_words,
                                                void *opaque,
                                                const SMMUv3StreamRegs *regs,
                                                unsigned log2size,
                                                uint32_t vsid, uint64_t *addr)
{
    unsigned split = stream_table_split(regs->strtab_base_cfg);
    unsigned log2l1 = log2size > split ? log2size - split : 0;
    uint64_t l1 =
        stream_table_base(regs->strtab_base, log2l1 + LOG2_L1STD_SIZE);
    uint32_t l2_index = vsid & (SMMUV3_BIT(split) - 1);
    uint64_t desc, span;

    *addr = l1 + SMMUV3_L1STD_SIZE * (vsid >> split);
    if (read_words(opaque, *addr, &desc, 1)) {
        return SMMUV3_EVENT_F_STE_FETCH;
    }
    desc = GUINT64_FROM_LE(desc);
    span = SMMUV3_GET(SMMUV3_L1STD_SPAN, desc);
    /* A span beyond what the split can index is invalid (5.1.1, 7.3.3). */
    if (!span || span > split + 1 || l2_index >= SMMUV3_BIT(span - 1)) {
        return SMMUV3_EVENT_C_BAD_STREAMID;
    }
    *addr = (desc & SMMUV3_L1STD_L2PTR &
             ~(sizeof(SMMUv3Ste) * SMMUV3_BIT(span - 1) - 1)) +
            sizeof(SMMUv3Ste) * l2_index;
    return SMMUV3_EVENT_NONE;
}

static SMMUv3EventType stream_table_locate(SMMUv3ReadWords read_words,
                                           void *opaque,
                                           const SMMUv3StreamRegs *regs,
                                           const uint32_t idr[6], uint32_t vsid,
                                           uint64_t *addr)
{
    unsigned sidsize = MIN(SMMUV3_GET(SMMUV3_IDR1_SIDSIZE, idr[1]), 32);
    unsigned log2size = SMMUV3_GET(SMMUV3_STRTAB_CFG_LOG2SIZE,
                                   regs->strtab_base_cfg);

    if (vsid >= SMMUV3_BIT(MIN(log2size, sidsize))) {
        return SMMUV3_EVENT_C_BAD_STREAMID;
    }
    if (SMMUV3_GET(SMMUV3_STRTAB_CFG_FMT, regs->strtab_base_cfg) ==
        SMMUV3_STRTAB_2LVL && (idr[0] & SMMUV3_IDR0_ST_LEVEL)) {
        return stream_table_locate_2lvl(read_words, opaque, regs, log2size,
                                        vsid, addr);
    }
    *addr = stream_table_base(regs->strtab_base, log2size + LOG2_STE_SIZE) +
            sizeof(SMMUv3Ste) * vsid;
    return SMMUV3_EVENT_NONE;
}

SMMUv3StreamConfig smmuv3_stream_table_lookup(SMMUv3ReadWords read_words,
                                              void *opaque,
                                              const SMMUv3StreamRegs *regs,
                                              const uint32_t idr[6],
                                              uint32_t vsid)
{
    uint64_t addr = 0, dw[2];
    SMMUv3EventType event =
        stream_table_locate(read_words, opaque, regs, idr, vsid, &addr);
    SMMUv3StreamConfig config;

    if (event == SMMUV3_EVENT_NONE &&
        read_words(opaque, addr, dw, G_N_ELEMENTS(dw))) {
        event = SMMUV3_EVENT_F_STE_FETCH;
    }
    if (event != SMMUV3_EVENT_NONE) {
        config = smmuv3_ste_abort(event);
        /* Other events, C_BAD_STREAMID included, have RES0 there. */
        config.event_addr = event == SMMUV3_EVENT_F_STE_FETCH ? addr : 0;
        return config;
    }
    dw[0] = GUINT64_FROM_LE(dw[0]);
    dw[1] = GUINT64_FROM_LE(dw[1]);
    return smmuv3_ste_decode(dw, idr);
}
