/*
 * Fuzz target: command windows, against the reference model of caches.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The input chooses features, the queue's geometry, and then does this and
 * that: writes commands, moves PROD and CONS, runs slices, lets the host fail,
 * plugs devices, changes STEs. After each slice
 *
 *   - the kernel was asked for nothing that it refuses;
 *   - CONS went from where it was towards PROD, and says why it stopped;
 *     queue_run(): never back, past a CMD_SYNC that was signalled;
 *   - what a consumed TLBI or CFGI drops for sure was dropped;
 *   - what a TLBI drops that is consumed while there is no device, is dropped
 *     before the next one comes;
 *   - a CFGI before a CMD_SYNC was complete before a TLBI behind it began;
 *   - the calls stay below what a window can need, and behind one that timed
 *     out there are two at the most.
 */
#include "fuzz.h"
#include "tlb-model.h"

enum { ACTIONS = 300, LOG2SIZE_MAX = 8, RUNS = 40 };

typedef struct Fuzz {
    FuzzInput in;
    Scene s;
    uint32_t idr[6];            /* the guest's */
    bool failing;               /* something was injected */
    bool had_device;            /* at some time, so there may be TLB entries */
    bool lost;                  /* this was consumed while there was none */
    SMMUv3Cmd lost_cmd;
    unsigned runs;
} Fuzz;

/* Commands that mean something, with few bytes. */

static uint64_t take_va(FuzzInput *in)
{
    static const uint64_t bases[] = {
        0, 0x100000000, 0xffff000000000000, 0xfffffffffff00000,
    };
    uint64_t at = fuzz_take(in, 1);

    return bases[at & 3] + (at >> 2) * 0x1000 * (1 + fuzz_below(in, 17));
}

static SMMUv3Cmd take_tlbi(FuzzInput *in, uint64_t opcode)
{
    uint64_t hints = fuzz_take(in, 1), range = fuzz_take(in, 2);
    SMMUv3Cmd cmd = cmd_raw(opcode |
                            SMMUV3_PREP(SMMUV3_TLBI0_ASID, hints >> 6 << 7),
                            take_va(in) | (hints & SMMUV3_TLBI1_LEAF));

    cmd.dw[1] |= SMMUV3_PREP(SMMUV3_TLBI1_TTL, hints >> 1) |
                 SMMUV3_PREP(SMMUV3_TLBI1_TG, hints >> 3);
    if (hints >> 5 & 1) {
        cmd.dw[0] |= SMMUV3_PREP(SMMUV3_TLBI0_NUM, range) |
                     SMMUV3_PREP(SMMUV3_TLBI0_SCALE, range >> 5);
    }
    return cmd;
}

static SMMUv3Cmd take_stream_cmd(FuzzInput *in, uint64_t opcode)
{
    uint64_t dw0 = opcode | (fuzz_take(in, 3) << 8 & 0xffffff00);

    return cmd_raw((dw0 & ~SMMUV3_CMD0_SSEC) |
                   SMMUV3_PREP(SMMUV3_CMD0_SID, FIRST_SID + fuzz_below(in, 4)),
                   fuzz_take(in, 2));
}

static SMMUv3Cmd take_cmd(FuzzInput *in)
{
    static const uint8_t ops[] = {
        SMMUV3_CMD_TLBI_NH_VA, SMMUV3_CMD_TLBI_NH_VA, SMMUV3_CMD_TLBI_NH_VAA,
        SMMUV3_CMD_TLBI_NH_ASID, SMMUV3_CMD_TLBI_NH_ALL,
        SMMUV3_CMD_TLBI_NSNH_ALL, SMMUV3_CMD_CFGI_CD, SMMUV3_CMD_CFGI_CD_ALL,
        SMMUV3_CMD_ATC_INV, SMMUV3_CMD_CFGI_STE, SMMUV3_CMD_CFGI_STE_RANGE,
        SMMUV3_CMD_PREFETCH_CONFIG,
    };
    unsigned op = fuzz_below(in, G_N_ELEMENTS(ops) + 2);

    if (op == G_N_ELEMENTS(ops)) {
        return cmd_sync(fuzz_below(in, 4));
    }
    if (op > G_N_ELEMENTS(ops)) {
        uint64_t dw0 = fuzz_take(in, 8);

        return cmd_raw(dw0, fuzz_take(in, 8));
    }
    return op < 6 ? take_tlbi(in, ops[op]) : take_stream_cmd(in, ops[op]);
}

static void push(Fuzz *f)
{
    SMMUv3Cmd cmd = take_cmd(&f->in);
    unsigned n = 1 + fuzz_below(&f->in, 80);
    uint64_t step = 0x1000 * (uint64_t)fuzz_below(&f->in, 33);

    /* A run of them, or the same again. */
    for (unsigned i = 0; i < n; i++) {
        if (queue_pending(&f->s.queue) >= 1u << f->s.queue.log2size) {
            break;
        }
        queue_push(&f->s.queue, cmd);
        cmd.dw[1] += step;
    }
}

/* Judging a slice. */

typedef struct Slice {
    SMMUv3Cmd cmds[1 << LOG2SIZE_MAX];
    uint32_t n;                 /* what PROD claims, at most the queue's size */
    uint32_t prod, cons;
    unsigned cfgis;
    uint64_t consumed;          /* commands, before */
    bool plain;                 /* the ring is where the target wrote it */
    bool translates[SCENE_DEVICES];
} Slice;

static void look_before(const Fuzz *f, Slice *slice)
{
    const GuestQueue *q = &f->s.queue;
    uint32_t size = 1u << q->log2size;

    slice->prod = q->regs.prod;
    slice->cons = q->regs.cons;
    slice->plain = q->regs.base == (q->addr | q->log2size) &&
                   queue_pending(q) <= size;
    slice->n = MIN(queue_pending(q), size);
    slice->cfgis = 0;
    slice->consumed = smmuv3_engine_stats(f->s.engine)->commands;
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        slice->translates[i] = f->s.edev[i] && scene_kind(&f->s, i) ==
                               SMMUV3_STREAM_TRANSLATE;
    }
    for (uint32_t i = 0; i < slice->n; i++) {
        const uint64_t *slot = guest_at(f->s.guest, q->addr + 16 *
                                        ((slice->cons + i) & (size - 1)), 16);

        slice->cmds[i] = cmd_raw(GUINT64_FROM_LE(slot[0]),
                                 GUINT64_FROM_LE(slot[1]));
        slice->cfgis += (slot[0] & 0xfe) != 0x12;
    }
}

static void check_entry(const Fuzz *f, const SMMUv3Cmd *cmd, CacheEntry e)
{
    const GArray *reached = f->s.host->reached;

    if (cache_drops(cmd, f->idr, &e)) {
        g_assert_true(cache_drops_of((const SMMUv3Cmd *)reached->data,
                                     reached->len, f->s.smmu->info.idr,
                                     &e).any);
    }
}

/* CDs and L1CDs of the streams that translated before the slice. */
static void check_cds(const Fuzz *f, const Slice *slice, const SMMUv3Cmd *cmd)
{
    for (unsigned i = 0; i < 2 * SCENE_DEVICES; i++) {
        CacheEntry e = {
            .kind = CACHE_CD, .leaf = i & 1, .sid = FIRST_SID + i / 2,
        };

        if (slice->translates[i / 2]) {
            check_entry(f, cmd, e);
        }
    }
}

/* Entries of any kind at the command's first and last address. */
static void check_cmd(const Fuzz *f, const SMMUv3Cmd *cmd, unsigned salt)
{
    const uint32_t *idr = f->idr;
    unsigned tg = SMMUV3_GET(SMMUV3_TLBI1_TG, cmd->dw[1]);
    uint64_t pages = (SMMUV3_GET(SMMUV3_TLBI0_NUM, cmd->dw[0]) + 1)
                     << SMMUV3_GET(SMMUV3_TLBI0_SCALE, cmd->dw[0]);
    uint64_t va = cmd->dw[1] & SMMUV3_TLBI1_VA;
    bool all = idr[5] & SMMUV3_IDR5_GRAN16K;
    CacheEntry e = {
        .kind = CACHE_TLB, .tg = all ? 1 + salt % 3 : 1, .leaf = salt & 4,
        .level = 1 + (salt >> 3) % 2 + (salt >> 2) % 2, .global = salt & 32,
        .asid = SMMUV3_GET(SMMUV3_TLBI0_ASID, cmd->dw[0]),
    };
    unsigned shift;

    if (!(idr[0] & SMMUV3_IDR0_ASID16)) {
        e.asid &= 0xff;
    }
    /* Tables have no level 3; 16K tables without LPA2 no blocks at 1. */
    e.level = !e.leaf ? MIN(e.level, 2)
              : e.tg == SMMUV3_TG_16K ? MAX(e.level, 2) : e.level;
    shift = cache_tlb_shift(e.tg, e.level);
    e.va = va >> shift << shift;
    check_entry(f, cmd, e);
    e.va = (va + pages * (UINT64_C(1) << cache_tlb_shift(tg, 3)) - 1)
           >> shift << shift;
    check_entry(f, cmd, e);
}

/* A page whose walk began at a CD that was dropped does not stay, 4.3.8. */
static void check_completion(const Fuzz *f, const Slice *slice, uint32_t done,
                             CacheEntry cd, CacheEntry page)
{
    const SMMUv3Host *h = f->s.host;
    const SMMUv3Cmd *reached = (const SMMUv3Cmd *)h->reached->data;
    const uint32_t *host_idr = f->s.smmu->info.idr;
    CacheDrops asked[2][CACHE_CLASSES], cds, pages;

    cache_drops_by_class(slice->cmds, done, f->idr, &cd, asked[0]);
    cache_drops_by_class(slice->cmds, done, f->idr, &page, asked[1]);
    if (cache_completion_owed(slice->cmds, asked[0], asked[1])) {
        cds = cache_drops_of(reached, h->reached->len, host_idr, &cd);
        pages = cache_drops_of(reached, h->reached->len, host_idr, &page);
        g_assert_cmpuint(g_array_index(h->rounds, unsigned, cds.first), <,
                         g_array_index(h->rounds, unsigned, pages.last));
    }
}

/* For the last TLBI by address that is done. */
static void check_completions(const Fuzz *f, const Slice *slice, uint32_t done)
{
    uint32_t i = done;

    while (i && (slice->cmds[i - 1].dw[0] & 0xfe) != SMMUV3_CMD_TLBI_NH_VA) {
        i--;
    }
    for (unsigned device = 0; i && device < SCENE_DEVICES; device++) {
        const SMMUv3Cmd *cmd = &slice->cmds[i - 1];
        CacheEntry cd = {
            .kind = CACHE_CD, .leaf = true, .sid = FIRST_SID + device,
        };
        CacheEntry page = {
            .kind = CACHE_TLB, .leaf = true, .global = true, .level = 3,
            .tg = SMMUV3_GET(SMMUV3_TLBI1_TG, cmd->dw[1]) ?: SMMUV3_TG_4K,
        };
        unsigned shift = cache_tlb_shift(page.tg, 3);

        page.va = (cmd->dw[1] & SMMUV3_TLBI1_VA) >> shift << shift;
        if (slice->translates[device]) {
            check_completion(f, slice, done, cd, page);
        }
    }
}

static bool has_device(const Fuzz *f)
{
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        if (f->s.edev[i]) {
            return true;
        }
    }
    return false;
}

static void check_dropped(Fuzz *f, const Slice *slice, uint32_t done)
{
    if (!slice->plain) {
        return;
    }
    if (!has_device(f)) {
        if (done && f->had_device) {
            f->lost = true;
            f->lost_cmd = slice->cmds[done - 1];
        }
        return;
    }
    for (uint32_t i = 0; i < done; i++) {
        g_assert_false(cache_illegal(&slice->cmds[i], f->idr));
        check_cmd(f, &slice->cmds[i], i * 7 + done);
        check_cds(f, slice, &slice->cmds[i]);
    }
    check_completions(f, slice, done);
}

static void check_indices(const Fuzz *f, const Slice *slice, uint32_t done,
                          SMMUv3CmdqResult r)
{
    const SMMUv3CmdqRegs *q = &f->s.queue.regs;
    uint32_t mask = (2u << f->s.queue.log2size) - 1;

    uint64_t consumed = smmuv3_engine_stats(f->s.engine)->commands -
                        slice->consumed;

    g_assert_cmphex(q->prod, ==, slice->prod);
    /* Whatever PROD claims: no more than the queue holds. */
    g_assert_cmpuint(consumed, <=, UINT64_C(1) << (q->base & 31));
    g_assert_cmpint(r.cerror != SMMUV3_CERROR_NONE, ==,
                    r.status == SMMUV3_CMDQ_STOPPED);
    if (!slice->plain) {
        return;
    }
    g_assert_cmpuint(done, <=, slice->n);
    g_assert_cmpuint(consumed, ==, done);
    g_assert_cmpint(r.status == SMMUV3_CMDQ_DRAINED, ==,
                    !((q->prod ^ q->cons) & mask));
    if (r.status == SMMUV3_CMDQ_MORE) {
        g_assert_cmpuint(done, >, 0);
    }
}

/* A host that fails: test-errors has the same bounds. */
static unsigned most_calls(const SMMUv3Host *h, unsigned flushes)
{
    unsigned in_pieces = h->nomem_from > 1 ?
                         4 * h->issued->len / (h->nomem_from - 1) : 0;

    return 600 * flushes + in_pieces;
}

static void check_calls(const Fuzz *f, const Slice *slice)
{
    const SMMUv3Host *h = f->s.host;
    unsigned flushes = slice->cfgis + 2 + h->issued->len / 2048;

    /* Each of these may take a second. */
    g_assert_cmpuint(fake_calls_after_timeout(h), <=, 2);
    /* Each flush once, where the host does not fail */
    if (slice->plain) {
        g_assert_cmpuint(h->calls[FAKE_INVALIDATE], <=,
                         f->failing ? most_calls(h, flushes) : 2 * flushes);
    }
}

static void run(Fuzz *f)
{
    Slice slice;
    SMMUv3CmdqResult r;
    uint32_t done;

    if (f->runs++ >= RUNS) {
        return;
    }
    look_before(f, &slice);
    fake_host_forget(f->s.host);
    r = queue_run(&f->s.queue, f->s.engine);
    done = (f->s.queue.regs.cons - slice.cons) &
           ((2u << f->s.queue.log2size) - 1);
    check_indices(f, &slice, done, r);
    check_calls(f, &slice);
    check_dropped(f, &slice, slice.plain ? done : 0);
    /* What a driver does: the command is replaced, the error acknowledged. */
    if (r.status == SMMUV3_CMDQ_STOPPED && slice.plain) {
        queue_patch(&f->s.queue, 0, cmd_sync(SMMUV3_SYNC_NONE));
    }
}

static void plug(Fuzz *f)
{
    bool had = has_device(f);

    fake_host_forget(f->s.host);
    fuzz_plug(&f->s, &f->in);
    f->had_device |= had || has_device(f);
    if (!had && has_device(f) && f->lost) {
        check_cmd(f, &f->lost_cmd, 5);
        f->lost = false;
    }
}

static void move_registers(Fuzz *f)
{
    GuestQueue *q = &f->s.queue;

    switch (fuzz_below(&f->in, 4)) {
    case 0:
        q->regs.prod = fuzz_take(&f->in, 4);
        break;
    case 1:
        q->regs.cons = fuzz_take(&f->in, 4);
        break;
    case 2:
        q->regs.base = fuzz_take(&f->in, 8);
        break;
    default:
        queue_init(q, f->s.guest, CMDQ_ADDR, fuzz_below(&f->in,
                                                        LOG2SIZE_MAX + 1));
        queue_seek(q, fuzz_take(&f->in, 2) & ((2u << q->log2size) - 1));
    }
}

static void change_ste(Fuzz *f)
{
    static const unsigned configs[] = {
        SMMUV3_STE_CONFIG_ABORT, SMMUV3_STE_CONFIG_BYPASS,
        SMMUV3_STE_CONFIG_S1, SMMUV3_STE_CONFIG_S2,
    };
    unsigned what = fuzz_take(&f->in, 1);
    SMMUv3Ste ste = ste_config(configs[what & 3]);

    ste.dw[0] |= (uint64_t)(what >> 4) << 12;
    strtab_set(f->s.guest, &f->s.regs, FIRST_SID + (what >> 2) % 3, ste);
}

static void act(Fuzz *f)
{
    switch (fuzz_below(&f->in, 16)) {
    case 0 ... 5:
        push(f);
        break;
    case 6 ... 8:
        run(f);
        break;
    case 9:
        move_registers(f);
        break;
    case 10:
        fuzz_inject(&f->s, &f->in);
        f->failing = true;
        break;
    case 11:
        fuzz_heal(&f->s);
        f->failing = false;
        break;
    case 12:
        plug(f);
        break;
    case 13:
        change_ste(f);
        break;
    case 14:
        f->s.regs.cr0 ^= SMMUV3_CR0_SMMUEN;
        smmuv3_attach_all(f->s.engine, &f->s.regs);
        break;
    default:
        guest_hole(f->s.guest, CMDQ_ADDR + 16 * fuzz_take(&f->in, 1), 16);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Fuzz f = { .in = { data, size } };

    fuzz_scene_init(&f.s, &f.in, f.idr);
    plug(&f);
    scene_enable(&f.s);
    for (unsigned i = 0; i < ACTIONS && f.in.left; i++) {
        act(&f);
        fuzz_check_scene(&f.s);
    }
    fuzz_heal(&f.s);
    run(&f);
    scene_done(&f.s);
    return 0;
}
