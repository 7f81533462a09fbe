/*
 * Emitting runs as the commands that the host has. See emit.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <glib.h>

#include "emit.h"

#define PAGE_SHIFT SMMUV3_KEY_PAGE_SHIFT
#define KEY_OPCODE_SHIFT SMMUV3_KEY_OPCODE_SHIFT
#define KEY_ASID_SHIFT SMMUV3_KEY_ASID_SHIFT
#define RANGE (SMMUV3_TLBI0_NUM | SMMUV3_TLBI0_SCALE)

/* NUM + 1 is at most 32; SCALE is at most 31 where the host lacks IDR5.DS. */
#define RANGE_NUM_MAX 32
#define RANGE_SCALE_MAX 31

typedef struct EmitRun {
    const SMMUv3Coalesce *c;
    SMMUv3Batch *b;
    const SMMUv3CoalesceEntry *e;
    SMMUv3Cmd cmd;          /* with opcode, ASID and Leaf only */
} EmitRun;

/* A TLBI by address without its address. */
static inline SMMUv3Cmd emit_va_cmd(const SMMUv3CoalesceEntry *e)
{
    uint64_t leaf = (smmuv3_entry_opcode(e) - SMMUV3_CMD_TLBI_NH_VA) >> 1;

    return (SMMUv3Cmd) {
        .dw = {
            (smmuv3_entry_opcode(e) - 2 * leaf) |
            (e->key[1] << KEY_ASID_SHIFT & SMMUV3_TLBI0_ASID),
            leaf,
        },
    };
}

static inline void emit_one(SMMUv3Batch *b, const SMMUv3CoalesceEntry *e,
                            SMMUv3Cmd cmd, uint64_t more0, uint64_t more1)
{
    cmd.dw[0] |= more0;
    cmd.dw[1] |= more1;
    smmuv3_batch_add(b, cmd, e->index);
}

static void emit_addresses(const EmitRun *o, unsigned shift)
{
    uint64_t first = o->e->key[0] >> shift;
    uint64_t n = smmuv3_units(o->e->key[0], o->e->pages, shift);

    for (uint64_t i = 0; i < n; i++) {
        emit_one(o->b, o->e, o->cmd, 0, (first + i) << shift << PAGE_SHIFT);
    }
}

/*
 * NUM and SCALE for @n granules: exact where the encoding allows it, as Linux
 * has them, else up to a sixteenth more. False: @n is beyond any range.
 */
static bool emit_encode_range(uint64_t n, uint64_t *range)
{
    unsigned scale = MIN(__builtin_ctzll(n), RANGE_SCALE_MAX);

    while ((n >> scale) > RANGE_NUM_MAX) {
        scale = 64 - __builtin_clzll(n) - 5;
        n = (n + SMMUV3_BIT(scale) - 1) & ~(SMMUV3_BIT(scale) - 1);
    }
    *range = SMMUV3_PREP(SMMUV3_TLBI0_NUM, (n >> scale) - 1) |
             SMMUV3_PREP(SMMUV3_TLBI0_SCALE, scale);
    return scale <= RANGE_SCALE_MAX;
}

/*
 * The range begins at @shift's boundary. One granule without TTL is sent as an
 * address, because NUM=SCALE=TTL=0 is reserved.
 */
static void emit_range(const EmitRun *o, unsigned tg, unsigned shift,
                       uint64_t range)
{
    uint64_t ttl = o->e->key[1] & SMMUV3_TLBI1_TTL;
    uint64_t hints = range || ttl ? ttl | SMMUV3_PREP(SMMUV3_TLBI1_TG, tg) : 0;

    emit_one(o->b, o->e, o->cmd, range, hints | o->e->key[0] >> shift <<
             shift << PAGE_SHIFT);
}

/* A run of single addresses as one range for each of the guest's granules. */
static void emit_ranges(const EmitRun *o)
{
    for (unsigned tg = SMMUV3_TG_4K; tg <= SMMUV3_TG_64K; tg++) {
        unsigned shift = smmuv3_granule_shift(tg);
        uint64_t range;

        /* Cannot fail, because the window's length bounds the run. */
        if (o->c->granules & (1u << tg)) {
            emit_encode_range(smmuv3_units(o->e->key[0], o->e->pages, shift),
                              &range);
            emit_range(o, tg, shift, range);
        }
    }
}

/*
 * What was merged is rounded to whole blocks of the level that TTL names,
 * because only a range that begins at their boundary is sure to drop anything
 * (4.4.1.1).
 */
static uint64_t emit_merged_granules(const SMMUv3CoalesceEntry *e)
{
    unsigned shift =
        smmuv3_level_shift(smmuv3_entry_tg(e), smmuv3_entry_ttl(e));

    return smmuv3_units(e->key[0], e->pages, shift)
           << (shift - smmuv3_granule_shift(smmuv3_entry_tg(e)));
}

static void emit_run(const EmitRun *o)
{
    const SMMUv3CoalesceEntry *e = o->e;
    unsigned tg = smmuv3_entry_tg(e);
    uint64_t range = e->range;

    if (!tg && e->pages > o->c->singles_max) {
        emit_ranges(o);
    } else if (!tg || !o->c->ranges) {
        emit_addresses(o, smmuv3_level_shift(tg, smmuv3_entry_ttl(e)));
    } else if (range == SMMUV3_RANGE_MERGED) {
        emit_encode_range(emit_merged_granules(e), &range);
        emit_range(o, tg, smmuv3_level_shift(tg, smmuv3_entry_ttl(e)), range);
    } else {
        emit_range(o, tg, smmuv3_granule_shift(tg), range);
    }
}

/* Is @e beyond any range, or more single addresses than are worth sending? */
static bool emit_too_long(const SMMUv3Coalesce *c, const SMMUv3CoalesceEntry *e)
{
    uint64_t range;

    if (!smmuv3_entry_tg(e)) {
        return false;
    }
    if (!c->ranges) {
        return smmuv3_entry_singles(e) > SMMUV3_EXPAND_MAX;
    }
    return e->range == SMMUV3_RANGE_MERGED &&
           !emit_encode_range(emit_merged_granules(e), &range);
}

static bool emit_is_tlbi(const SMMUv3CoalesceEntry *e)
{
    return smmuv3_entry_is_by_address(e) ||
           smmuv3_entry_opcode(e) == SMMUV3_CMD_TLBI_NH_ASID;
}

static void emit_widen_too_long(SMMUv3Coalesce *c)
{
    for (uint32_t i = 0; i < c->n && !c->all; i++) {
        if (smmuv3_entry_is_by_address(&c->entries[i]) &&
            emit_too_long(c, &c->entries[i])) {
            c->all = SMMUV3_CMD_TLBI_NH_ALL;
            c->all_index = c->entries[i].index;
            c->stats->widened++;
        }
    }
}

static void emit_other(SMMUv3Batch *b, const SMMUv3CoalesceEntry *e)
{
    uint64_t high = e->key[1];
    SMMUv3Cmd cmd = {
        .dw = { high << 8 | high >> KEY_OPCODE_SHIFT, e->key[0] },
    };

    smmuv3_batch_add(b, cmd, e->index);
}

/* Emits single pages of one kind from @i on; returns the next entry's index. */
static uint32_t emit_singles(const SMMUv3Coalesce *c, SMMUv3Batch *b,
                             uint32_t i, uint32_t to)
{
    const SMMUv3CoalesceEntry *e = &c->entries[i], *end = &c->entries[to];
    uint64_t kind = e->key[1];
    SMMUv3Cmd cmd = emit_va_cmd(e);

    for (; e < end && e->key[1] == kind && e->pages == 1; e++) {
        emit_one(b, e, cmd, 0, e->key[0] << PAGE_SHIFT);
    }
    return e - c->entries;
}

static void emit_entries(SMMUv3Coalesce *c, SMMUv3Batch *b, uint32_t from,
                         uint32_t to)
{
    for (uint32_t i = from; i < to;) {
        const SMMUv3CoalesceEntry *e = &c->entries[i];

        if (e->pages == 1 && !smmuv3_entry_tg(e)) {
            i = emit_singles(c, b, i, to);
        } else if (smmuv3_entry_is_by_address(e)) {
            emit_run(&(EmitRun) {
                .c = c, .b = b, .e = e, .cmd = emit_va_cmd(e),
            });
            i++;
        } else {
            emit_other(b, e);
            i++;
        }
    }
}

/*
 * TLBI_NH_ALL or TLBI_NSNH_ALL takes the place of all TLBIs. It has the index
 * of the first one, because none of them is done before it is.
 */
static void emit_all(SMMUv3Coalesce *c, SMMUv3Batch *b)
{
    SMMUv3Cmd all = { .dw = { c->all, 0 } };
    uint32_t from = 0, to, index = c->all_index;

    while (from < c->n && !emit_is_tlbi(&c->entries[from])) {
        from++;
    }
    for (to = from; to < c->n && emit_is_tlbi(&c->entries[to]); to++) {
        index = MIN(index, c->entries[to].index);
    }
    /* Without other TLBIs its place is before the ATC_INVs. */
    while (from == to && from &&
           smmuv3_entry_opcode(&c->entries[from - 1]) == SMMUV3_CMD_ATC_INV) {
        to = --from;
    }
    emit_entries(c, b, 0, from);
    smmuv3_batch_add(b, all, index);
    emit_entries(c, b, to, c->n);
}

void smmuv3_emit(SMMUv3Coalesce *c, SMMUv3Batch *b)
{
    if (!c->sorted) {
        smmuv3_coalesce_sort(c);
    }
    if (c->has_ranges) {
        emit_widen_too_long(c);
    }
    if (c->all) {
        emit_all(c, b);
    } else {
        emit_entries(c, b, 0, c->n);
    }
    smmuv3_coalesce_clear(c);
}
