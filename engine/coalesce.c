/*
 * Gathering, sorting and merging. See coalesce.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <glib.h>

#include "coalesce.h"

/* Up to so many entries an insertion sort is cheaper than counting. */
#define INSERTION_MAX 32

#define PAGE_SHIFT SMMUV3_KEY_PAGE_SHIFT
#define KEY_OPCODE_SHIFT SMMUV3_KEY_OPCODE_SHIFT
#define KEY_ASID_SHIFT SMMUV3_KEY_ASID_SHIFT
#define RANGE (SMMUV3_TLBI0_NUM | SMMUV3_TLBI0_SCALE)

void smmuv3_coalesce_init(SMMUv3Coalesce *c, uint32_t capacity,
                          SMMUv3EngineStats *stats)
{
    *c = (SMMUv3Coalesce) {
        .stats = stats,
        .sorted = true,
        .entries = g_new(SMMUv3CoalesceEntry, capacity),
        .scratch = g_new(SMMUv3CoalesceEntry, capacity),
    };
}

void smmuv3_coalesce_destroy(SMMUv3Coalesce *c)
{
    g_free(c->entries);
    g_free(c->scratch);
}

void smmuv3_coalesce_set_idr(SMMUv3Coalesce *c, const uint32_t guest_idr[6],
                             const uint32_t host_idr[6])
{
    static const struct { uint32_t bit; uint8_t tg; } promises[] = {
        { SMMUV3_IDR5_GRAN4K, SMMUV3_TG_4K },
        { SMMUV3_IDR5_GRAN16K, SMMUV3_TG_16K },
        { SMMUV3_IDR5_GRAN64K, SMMUV3_TG_64K },
    };

    c->ranges = host_idr[3] & SMMUV3_IDR3_RIL;
    c->granules = 0;
    c->singles_max = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(promises); i++) {
        if (guest_idr[5] & promises[i].bit) {
            c->granules |= 1u << promises[i].tg;
            c->singles_max++;
        }
    }
    if (!c->granules || !c->ranges) {
        c->singles_max = UINT32_MAX;
    }
}

/* An upper bound of the commands that @e becomes. */
static uint32_t coalesce_cost(const SMMUv3Coalesce *c,
                              const SMMUv3CoalesceEntry *e)
{
    if (!smmuv3_entry_is_by_address(e)) {
        return 1;
    }
    if (!smmuv3_entry_tg(e)) {
        return MIN(e->pages, c->singles_max);
    }
    return c->ranges ? 1 : MIN(smmuv3_entry_singles(e), SMMUV3_EXPAND_MAX);
}

/* Gathering. */

static bool coalesce_after(const SMMUv3CoalesceEntry *a,
                           const SMMUv3CoalesceEntry *b)
{
    return a->key[1] != b->key[1] ? a->key[1] > b->key[1]
                                  : a->key[0] > b->key[0];
}

/* Do the addresses of @e begin inside @run or right behind it? */
static bool coalesce_touches(const SMMUv3CoalesceEntry *run,
                             const SMMUv3CoalesceEntry *e)
{
    return run->key[1] == e->key[1] &&
           e->key[0] - run->key[0] <= run->pages;
}

/*
 * An exact duplicate leaves @run as written. Any other @e, also one inside of
 * @run, makes it a merged range, because a range with TTL that is not aligned
 * to blocks need not drop what @e alone does (emit_merged_granules()).
 */
static void coalesce_join(SMMUv3CoalesceEntry *run,
                          const SMMUv3CoalesceEntry *e)
{
    uint64_t pages = e->key[0] - run->key[0] + e->pages;

    run->index = MIN(run->index, e->index);
    if (e->key[0] != run->key[0] || e->pages != run->pages) {
        run->pages = MAX(run->pages, pages);
        run->range = SMMUV3_RANGE_MERGED;
    }
}

/* @e becomes whole granules: NUM and SCALE count from the address's one on. */
static void coalesce_set_range(SMMUv3Coalesce *c, SMMUv3CoalesceEntry *e,
                               SMMUv3Cmd cmd)
{
    unsigned shift = smmuv3_granule_shift(smmuv3_entry_tg(e));
    uint64_t n = (SMMUV3_GET(SMMUV3_TLBI0_NUM, cmd.dw[0]) + 1) <<
                 SMMUV3_GET(SMMUV3_TLBI0_SCALE, cmd.dw[0]);
    uint64_t below = e->key[0] & (SMMUV3_BIT(shift) - 1);

    e->pages = (n + (below != 0)) << shift;
    e->key[0] -= below;
    e->range = below ? SMMUV3_RANGE_MERGED : cmd.dw[0] & RANGE;
    c->has_ranges = true;
}

static void coalesce_join_last(SMMUv3Coalesce *c, const SMMUv3CoalesceEntry *e)
{
    SMMUv3CoalesceEntry *last = &c->entries[c->n - 1];

    c->cost -= coalesce_cost(c, last);
    coalesce_join(last, e);
    c->cost += coalesce_cost(c, last);
}

/* Addresses that touch the last entry, the usual case, take no new entry. */
static void coalesce_append(SMMUv3Coalesce *c, const SMMUv3CoalesceEntry *e)
{
    SMMUv3CoalesceEntry *at = &c->entries[c->n];

    if (c->n && coalesce_touches(at - 1, e)) {
        coalesce_join_last(c, e);
        return;
    }
    if (c->n && coalesce_after(at - 1, e)) {
        c->sorted = false;
    }
    *at = *e;
    c->n++;
    c->cost += coalesce_cost(c, e);
}

static void coalesce_add_va(SMMUv3Coalesce *c, SMMUv3Cmd cmd, uint32_t index)
{
    SMMUv3CoalesceEntry e = {
        .key = { cmd.dw[1] >> PAGE_SHIFT, smmuv3_coalesce_kind(cmd) },
        .pages = 1,
        .index = index,
    };

    if (cmd.dw[1] & SMMUV3_TLBI1_TG) {
        coalesce_set_range(c, &e, cmd);
    }
    coalesce_append(c, &e);
}

static void coalesce_add_other(SMMUv3Coalesce *c, SMMUv3Cmd cmd, uint32_t index)
{
    SMMUv3CoalesceEntry e = {
        .key = {
            cmd.dw[1],
            cmd.dw[0] >> 8 | cmd.dw[0] << KEY_OPCODE_SHIFT,
        },
        .index = index,
    };

    coalesce_append(c, &e);
}

void smmuv3_coalesce_add_any(SMMUv3Coalesce *c, SMMUv3Cmd cmd, uint32_t index)
{
    uint64_t opcode = cmd.dw[0] & SMMUV3_CMD0_OPCODE;

    if (smmuv3_is_tlbi_va(cmd)) {
        if (!c->all) {
            coalesce_add_va(c, cmd, index);
        }
    } else if (opcode == SMMUV3_CMD_TLBI_NH_ALL ||
               opcode == SMMUV3_CMD_TLBI_NSNH_ALL) {
        if (!c->all) {
            c->cost++;
            c->all_index = index;
        }
        c->all = opcode;
    } else {
        coalesce_add_other(c, cmd, index);
    }
}

uint32_t smmuv3_coalesce_add_alike(SMMUv3Coalesce *c, const SMMUv3Cmd *cmds,
                                   uint32_t index, uint32_t n,
                                   uint64_t granule)
{
    const SMMUv3Cmd *before = &cmds[-1];
    uint64_t same = SMMUV3_TLBI1_LEAF | granule;
    SMMUv3CoalesceEntry *last;
    bool sorted = c->sorted;
    uint64_t kind;
    uint32_t i;

    /* The command before was swallowed, or does not end the last run. */
    if (c->all || !c->n) {
        return 0;
    }
    last = &c->entries[c->n - 1];
    kind = last->key[1];
    if (last->key[0] + last->pages - 1 != before->dw[1] >> PAGE_SHIFT) {
        return 0;
    }
    for (i = 0; i < n && cmds[i].dw[0] == before->dw[0] &&
         !((cmds[i].dw[1] ^ before->dw[1]) & same); i++) {
        uint64_t page = cmds[i].dw[1] >> PAGE_SHIFT;
        uint64_t ahead = page - last->key[0];

        if (ahead > last->pages) {
            sorted &= page > last->key[0];
            *++last = (SMMUv3CoalesceEntry) {
                .key = { page, kind }, .pages = 1, .index = index + i,
            };
        } else if (ahead == last->pages && ahead >= c->singles_max) {
            last->pages++;
        } else {
            break;
        }
    }
    c->cost += last + 1 - c->entries - c->n;
    c->n = last + 1 - c->entries;
    c->sorted = sorted;
    return i;
}

/* Sorting: stable, and of bounded cost whatever a guest writes. */

static void coalesce_insertion_sort(SMMUv3Coalesce *c)
{
    for (uint32_t i = 1; i < c->n; i++) {
        SMMUv3CoalesceEntry e = c->entries[i];
        uint32_t j = i;

        for (; j && coalesce_after(&c->entries[j - 1], &e); j--) {
            c->entries[j] = c->entries[j - 1];
        }
        c->entries[j] = e;
    }
}

/* Sorts by one byte of the key: that at @shift in @word. */
static void coalesce_counting_pass(SMMUv3Coalesce *c, unsigned word,
                                   unsigned shift)
{
    uint32_t at[256] = { 0 }, sum = 0;
    SMMUv3CoalesceEntry *sorted = c->scratch;

    for (uint32_t i = 0; i < c->n; i++) {
        at[(uint8_t)(c->entries[i].key[word] >> shift)]++;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(at); i++) {
        uint32_t count = at[i];

        at[i] = sum;
        sum += count;
    }
    for (uint32_t i = 0; i < c->n; i++) {
        sorted[at[(uint8_t)(c->entries[i].key[word] >> shift)]++] =
            c->entries[i];
    }
    c->scratch = c->entries;
    c->entries = sorted;
}

/* Bytes in which no two keys differ, most of the sixteen, need no pass. */
static void coalesce_radix_sort(SMMUv3Coalesce *c)
{
    uint64_t differs[2] = { 0, 0 };

    for (uint32_t i = 1; i < c->n; i++) {
        differs[0] |= c->entries[i].key[0] ^ c->entries[0].key[0];
        differs[1] |= c->entries[i].key[1] ^ c->entries[0].key[1];
    }
    for (unsigned word = 0; word < 2; word++) {
        for (unsigned shift = 0; shift < 64; shift += 8) {
            if (differs[word] >> shift & 0xff) {
                coalesce_counting_pass(c, word, shift);
            }
        }
    }
}

static void coalesce_sort(SMMUv3Coalesce *c)
{
    if (c->n <= INSERTION_MAX) {
        coalesce_insertion_sort(c);
    } else {
        coalesce_radix_sort(c);
    }
}

/* Entries that are not by address touch only if they are equal. */
static void coalesce_merge(SMMUv3Coalesce *c)
{
    uint32_t kept = 1;

    for (uint32_t i = 1; i < c->n; i++) {
        SMMUv3CoalesceEntry *run = &c->entries[kept - 1];

        if (coalesce_touches(run, &c->entries[i])) {
            coalesce_join(run, &c->entries[i]);
        } else {
            if (kept != i) {
                c->entries[kept] = c->entries[i];
            }
            kept++;
        }
    }
    c->n = MIN(c->n, kept);
}

void smmuv3_coalesce_sort(SMMUv3Coalesce *c)
{
    coalesce_sort(c);
    coalesce_merge(c);
}
