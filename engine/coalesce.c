/*
 * Merging and ordering a window's commands. See coalesce.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <glib.h>

#include "coalesce.h"

#define RANGE_MERGED UINT32_MAX

/* Below, insertion is cheaper than counting. */
#define INSERTION_MAX 32

#define PAGE_SHIFT SMMUV3_KEY_PAGE_SHIFT
#define KEY_OPCODE_SHIFT SMMUV3_KEY_OPCODE_SHIFT
#define KEY_ASID_SHIFT SMMUV3_KEY_ASID_SHIFT
#define RANGE (SMMUV3_TLBI0_NUM | SMMUV3_TLBI0_SCALE)

/* NUM + 1 is at most 32; SCALE is at most 31 where the host lacks IDR5.DS. */
#define RANGE_NUM_MAX 32
#define RANGE_SCALE_MAX 31

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

/* What an entry is. */

static unsigned key_opcode(const SMMUv3CoalesceEntry *e)
{
    return e->key[1] >> KEY_OPCODE_SHIFT;
}

static bool is_by_address(const SMMUv3CoalesceEntry *e)
{
    return e->pages != 0;
}

static unsigned entry_tg(const SMMUv3CoalesceEntry *e)
{
    return SMMUV3_GET(SMMUV3_TLBI1_TG, e->key[1]);
}

static unsigned entry_ttl(const SMMUv3CoalesceEntry *e)
{
    return SMMUV3_GET(SMMUV3_TLBI1_TTL, e->key[1]);
}

/* log2 of a granule in pages of 4 KiB; 0 for TG=0, a single address. */
static unsigned granule_shift(unsigned tg)
{
    return tg ? 2 * (tg - 1) : 0;
}

/* log2 of what an entry of level @ttl maps; without a hint, of the granule. */
static unsigned level_shift(unsigned tg, unsigned ttl)
{
    unsigned granule = granule_shift(tg);

    return ttl ? granule + (3 - ttl) * (9 + granule) : granule;
}

static uint64_t units(uint64_t first, uint64_t pages, unsigned shift)
{
    uint64_t mask = SMMUV3_BIT(shift) - 1;

    return ((first & mask) + pages + mask) >> shift;
}

/* How many single addresses do for @e on a host without RIL? */
static uint64_t single_addresses(const SMMUv3CoalesceEntry *e)
{
    return units(e->key[0], e->pages, level_shift(entry_tg(e), entry_ttl(e)));
}

/* An upper bound of the commands that @e becomes. */
static uint32_t entry_cost(const SMMUv3Coalesce *c,
                           const SMMUv3CoalesceEntry *e)
{
    if (!is_by_address(e)) {
        return 1;
    }
    if (!entry_tg(e)) {
        return MIN(e->pages, c->singles_max);
    }
    return c->ranges ? 1 : MIN(single_addresses(e), SMMUV3_EXPAND_MAX);
}

/* Gathering. */

static bool after(const SMMUv3CoalesceEntry *a, const SMMUv3CoalesceEntry *b)
{
    return a->key[1] != b->key[1] ? a->key[1] > b->key[1]
                                  : a->key[0] > b->key[0];
}

/* Do the addresses of @e begin in @run or right behind it? */
static bool touches(const SMMUv3CoalesceEntry *run,
                    const SMMUv3CoalesceEntry *e)
{
    return run->key[1] == e->key[1] &&
           e->key[0] - run->key[0] <= run->pages;
}

/*
 * Only what is said again stays as it was written. A range with TTL may be
 * sure of nothing (see merged_granules()) that a page in it was sure of.
 */
static void join(SMMUv3CoalesceEntry *run, const SMMUv3CoalesceEntry *e)
{
    uint64_t pages = e->key[0] - run->key[0] + e->pages;

    run->index = MIN(run->index, e->index);
    if (e->key[0] != run->key[0] || e->pages != run->pages) {
        run->pages = MAX(run->pages, pages);
        run->range = RANGE_MERGED;
    }
}

/* NUM and SCALE, for whole granules, whether or not the address is aligned. */
static void set_range(SMMUv3Coalesce *c, SMMUv3CoalesceEntry *e,
                      SMMUv3Cmd cmd)
{
    unsigned shift = granule_shift(entry_tg(e));
    uint64_t n = (SMMUV3_GET(SMMUV3_TLBI0_NUM, cmd.dw[0]) + 1) <<
                 SMMUV3_GET(SMMUV3_TLBI0_SCALE, cmd.dw[0]);
    uint64_t below = e->key[0] & (SMMUV3_BIT(shift) - 1);

    e->pages = (n + (below != 0)) << shift;
    e->key[0] -= below;
    e->range = below ? RANGE_MERGED : cmd.dw[0] & RANGE;
    c->has_ranges = true;
}

static void join_last(SMMUv3Coalesce *c, const SMMUv3CoalesceEntry *e)
{
    SMMUv3CoalesceEntry *last = &c->entries[c->n - 1];

    c->cost -= entry_cost(c, last);
    join(last, e);
    c->cost += entry_cost(c, last);
}

/* Addresses in order, the usual case, never take room of their own. */
static void append(SMMUv3Coalesce *c, const SMMUv3CoalesceEntry *e)
{
    SMMUv3CoalesceEntry *at = &c->entries[c->n];

    if (c->n && touches(at - 1, e)) {
        join_last(c, e);
        return;
    }
    if (c->n && after(at - 1, e)) {
        c->sorted = false;
    }
    *at = *e;
    c->n++;
    c->cost += entry_cost(c, e);
}

static void add_va(SMMUv3Coalesce *c, SMMUv3Cmd cmd, uint32_t index)
{
    SMMUv3CoalesceEntry e = {
        .key = { cmd.dw[1] >> PAGE_SHIFT, smmuv3_coalesce_kind(cmd) },
        .pages = 1,
        .index = index,
    };

    if (cmd.dw[1] & SMMUV3_TLBI1_TG) {
        set_range(c, &e, cmd);
    }
    append(c, &e);
}

static void add_other(SMMUv3Coalesce *c, SMMUv3Cmd cmd, uint32_t index)
{
    SMMUv3CoalesceEntry e = {
        .key = {
            cmd.dw[1],
            cmd.dw[0] >> 8 | cmd.dw[0] << KEY_OPCODE_SHIFT,
        },
        .index = index,
    };

    append(c, &e);
}

void smmuv3_coalesce_add_any(SMMUv3Coalesce *c, SMMUv3Cmd cmd, uint32_t index)
{
    uint64_t opcode = cmd.dw[0] & SMMUV3_CMD0_OPCODE;

    if (smmuv3_is_tlbi_va(cmd)) {
        if (!c->all) {
            add_va(c, cmd, index);
        }
    } else if (opcode == SMMUV3_CMD_TLBI_NH_ALL ||
               opcode == SMMUV3_CMD_TLBI_NSNH_ALL) {
        if (!c->all) {
            c->cost++;
            c->all_index = index;
        }
        c->all = opcode;
    } else {
        add_other(c, cmd, index);
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

    /* The one before was swallowed, or is somewhere inside of a run. */
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

/* Sorting: stable, and bounded whatever a guest writes. */

static void insertion_sort(SMMUv3Coalesce *c)
{
    for (uint32_t i = 1; i < c->n; i++) {
        SMMUv3CoalesceEntry e = c->entries[i];
        uint32_t j = i;

        for (; j && after(&c->entries[j - 1], &e); j--) {
            c->entries[j] = c->entries[j - 1];
        }
        c->entries[j] = e;
    }
}

/* By one byte of the key: a word of it, and a shift. */
static void counting_pass(SMMUv3Coalesce *c, unsigned word, unsigned shift)
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

/* Bytes in which no two keys differ, most of the sixteen, cost nothing. */
static void radix_sort(SMMUv3Coalesce *c)
{
    uint64_t differs[2] = { 0, 0 };

    for (uint32_t i = 1; i < c->n; i++) {
        differs[0] |= c->entries[i].key[0] ^ c->entries[0].key[0];
        differs[1] |= c->entries[i].key[1] ^ c->entries[0].key[1];
    }
    for (unsigned word = 0; word < 2; word++) {
        for (unsigned shift = 0; shift < 64; shift += 8) {
            if (differs[word] >> shift & 0xff) {
                counting_pass(c, word, shift);
            }
        }
    }
}

static void sort(SMMUv3Coalesce *c)
{
    if (c->n <= INSERTION_MAX) {
        insertion_sort(c);
    } else {
        radix_sort(c);
    }
}

/* Without addresses, touching is being equal. */
static void merge(SMMUv3Coalesce *c)
{
    uint32_t kept = 1;

    for (uint32_t i = 1; i < c->n; i++) {
        SMMUv3CoalesceEntry *run = &c->entries[kept - 1];

        if (touches(run, &c->entries[i])) {
            join(run, &c->entries[i]);
        } else {
            if (kept != i) {
                c->entries[kept] = c->entries[i];
            }
            kept++;
        }
    }
    c->n = MIN(c->n, kept);
}

/* Writing commands. */

typedef struct Out {
    const SMMUv3Coalesce *c;
    SMMUv3Batch *b;
    const SMMUv3CoalesceEntry *e;
    SMMUv3Cmd cmd;          /* opcode, ASID and Leaf */
} Out;

/* A TLBI by address without its address. */
static inline SMMUv3Cmd va_cmd(const SMMUv3CoalesceEntry *e)
{
    uint64_t leaf = (key_opcode(e) - SMMUV3_CMD_TLBI_NH_VA) >> 1;

    return (SMMUv3Cmd) {
        .dw = {
            (key_opcode(e) - 2 * leaf) |
            (e->key[1] << KEY_ASID_SHIFT & SMMUV3_TLBI0_ASID),
            leaf,
        },
    };
}

static inline void put(SMMUv3Batch *b, const SMMUv3CoalesceEntry *e,
                       SMMUv3Cmd cmd, uint64_t more0, uint64_t more1)
{
    cmd.dw[0] |= more0;
    cmd.dw[1] |= more1;
    smmuv3_batch_add(b, cmd, e->index);
}

static void put_addresses(const Out *o, unsigned shift)
{
    uint64_t first = o->e->key[0] >> shift;
    uint64_t n = units(o->e->key[0], o->e->pages, shift);

    for (uint64_t i = 0; i < n; i++) {
        put(o->b, o->e, o->cmd, 0, (first + i) << shift << PAGE_SHIFT);
    }
}

/*
 * NUM and SCALE for @n granules: exactly if they can say it, as Linux does,
 * else up to a sixteenth more. False: more than any range.
 */
static bool encode_range(uint64_t n, uint64_t *range)
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
 * From @shift's boundary on. NUM=SCALE=TTL=0 is reserved, and an address alone
 * says the same.
 */
static void put_range(const Out *o, unsigned tg, unsigned shift,
                      uint64_t range)
{
    uint64_t ttl = o->e->key[1] & SMMUV3_TLBI1_TTL;
    uint64_t hints = range || ttl ? ttl | SMMUV3_PREP(SMMUV3_TLBI1_TG, tg) : 0;

    put(o->b, o->e, o->cmd, range,
        hints | o->e->key[0] >> shift << shift << PAGE_SHIFT);
}

/* A run of single addresses, for entries of each granule there may be. */
static void put_ranges(const Out *o)
{
    for (unsigned tg = SMMUV3_TG_4K; tg <= SMMUV3_TG_64K; tg++) {
        unsigned shift = granule_shift(tg);
        uint64_t range;

        /* Bounded by the window's length, so it can be said. */
        if (o->c->granules & (1u << tg)) {
            encode_range(units(o->e->key[0], o->e->pages, shift), &range);
            put_range(o, tg, shift, range);
        }
    }
}

/*
 * A range with TTL is sure to drop something only if it begins at a boundary
 * of that level (4.4.1.1), so what was merged is rounded to whole ones.
 */
static uint64_t merged_granules(const SMMUv3CoalesceEntry *e)
{
    unsigned shift = level_shift(entry_tg(e), entry_ttl(e));

    return units(e->key[0], e->pages, shift)
           << (shift - granule_shift(entry_tg(e)));
}

static void put_run(const Out *o)
{
    const SMMUv3CoalesceEntry *e = o->e;
    unsigned tg = entry_tg(e);
    uint64_t range = e->range;

    if (!tg && e->pages > o->c->singles_max) {
        put_ranges(o);
    } else if (!tg || !o->c->ranges) {
        put_addresses(o, level_shift(tg, entry_ttl(e)));
    } else if (range == RANGE_MERGED) {
        encode_range(merged_granules(e), &range);
        put_range(o, tg, level_shift(tg, entry_ttl(e)), range);
    } else {
        put_range(o, tg, granule_shift(tg), range);
    }
}

/* Is @e beyond what the host can be told, or what is worth telling it? */
static bool too_long(const SMMUv3Coalesce *c, const SMMUv3CoalesceEntry *e)
{
    uint64_t range;

    if (!entry_tg(e)) {
        return false;
    }
    if (!c->ranges) {
        return single_addresses(e) > SMMUV3_EXPAND_MAX;
    }
    return e->range == RANGE_MERGED &&
           !encode_range(merged_granules(e), &range);
}

static bool is_tlbi(const SMMUv3CoalesceEntry *e)
{
    return is_by_address(e) || key_opcode(e) == SMMUV3_CMD_TLBI_NH_ASID;
}

static void widen_too_long(SMMUv3Coalesce *c)
{
    for (uint32_t i = 0; i < c->n && !c->all; i++) {
        if (is_by_address(&c->entries[i]) && too_long(c, &c->entries[i])) {
            c->all = SMMUV3_CMD_TLBI_NH_ALL;
            c->all_index = c->entries[i].index;
            c->stats->widened++;
        }
    }
}

static void put_other(SMMUv3Batch *b, const SMMUv3CoalesceEntry *e)
{
    uint64_t high = e->key[1];
    SMMUv3Cmd cmd = {
        .dw = { high << 8 | high >> KEY_OPCODE_SHIFT, e->key[0] },
    };

    smmuv3_batch_add(b, cmd, e->index);
}

/* Single pages from @i on of one kind; where the next entry stands. */
static uint32_t put_singles(const SMMUv3Coalesce *c, SMMUv3Batch *b,
                            uint32_t i, uint32_t to)
{
    const SMMUv3CoalesceEntry *e = &c->entries[i], *end = &c->entries[to];
    uint64_t kind = e->key[1];
    SMMUv3Cmd cmd = va_cmd(e);

    for (; e < end && e->key[1] == kind && e->pages == 1; e++) {
        put(b, e, cmd, 0, e->key[0] << PAGE_SHIFT);
    }
    return e - c->entries;
}

static void put_entries(SMMUv3Coalesce *c, SMMUv3Batch *b, uint32_t from,
                        uint32_t to)
{
    for (uint32_t i = from; i < to;) {
        const SMMUv3CoalesceEntry *e = &c->entries[i];

        if (e->pages == 1 && !entry_tg(e)) {
            i = put_singles(c, b, i, to);
        } else if (is_by_address(e)) {
            put_run(&(Out) { .c = c, .b = b, .e = e, .cmd = va_cmd(e) });
            i++;
        } else {
            put_other(b, e);
            i++;
        }
    }
}

/*
 * TLBI_NH_ALL or TLBI_NSNH_ALL takes the place of all TLBIs, and stands for the
 * first of them: none of them is done before it is.
 */
static void put_all(SMMUv3Coalesce *c, SMMUv3Batch *b)
{
    SMMUv3Cmd all = { .dw = { c->all, 0 } };
    uint32_t from = 0, to, index = c->all_index;

    while (from < c->n && !is_tlbi(&c->entries[from])) {
        from++;
    }
    for (to = from; to < c->n && is_tlbi(&c->entries[to]); to++) {
        index = MIN(index, c->entries[to].index);
    }
    /* Without any, the place is before the ATC_INVs. */
    while (from == to && from &&
           key_opcode(&c->entries[from - 1]) == SMMUV3_CMD_ATC_INV) {
        to = --from;
    }
    put_entries(c, b, 0, from);
    smmuv3_batch_add(b, all, index);
    put_entries(c, b, to, c->n);
}

void smmuv3_coalesce_clear(SMMUv3Coalesce *c)
{
    c->n = 0;
    c->cost = 0;
    c->all = 0;
    c->sorted = true;
    c->has_ranges = false;
}

void smmuv3_coalesce_emit(SMMUv3Coalesce *c, SMMUv3Batch *b)
{
    /* What came in order was merged as it came. */
    if (!c->sorted) {
        sort(c);
        merge(c);
    }
    if (c->has_ranges) {
        widen_too_long(c);
    }
    if (c->all) {
        put_all(c, b);
    } else {
        put_entries(c, b, 0, c->n);
    }
    smmuv3_coalesce_clear(c);
}
