/*
 * Fuzz target: stream tables in a guest that changes them while they are read.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The input chooses features and the stream table's registers, writes words
 * into the tables, and arms changes that strike behind the engine's next
 * reads. After each re-evaluation
 *
 *   - the kernel was asked for nothing that it refuses;
 *   - a device that translates does so by what one STE means for the guest
 *     (ste-model.h), as it was read, whole, in this very step, and by none that
 *     was there before: so a failed replacement, or a failed fetch, never
 *     leaves the old translation;
 *   - while SMMUEN=0 devices are where GBPA says, or abort;
 *   - an event of the engine's own is C_BAD_STE, of a stream that aborts and
 *     whose STE, with V=1 and illegal, was read in this very step.
 */
#include "fuzz.h"
#include "ste-model.h"

/* The tables' place; what is read may lie anywhere. */
enum { TABLE = 0x8000, ACTIONS = 200, CHANGES = 16, SEEN = 256 };

typedef struct Change {
    uint16_t offset;
    uint64_t value;
} Change;

typedef struct Fuzz {
    FuzzInput in;
    Scene s;
    Change changes[CHANGES];
    unsigned armed;
    uint32_t idr[6];            /* the guest's */
    uint64_t seen[SEEN][2];     /* STEs read in this step */
    unsigned n_seen;
} Fuzz;

/* What was read stands in memory still; afterwards it changes. */
static void after_read(Guest *g, uint64_t addr, size_t len)
{
    Fuzz *f = g->hook_data;

    if (len == 2 * sizeof(uint64_t) && f->n_seen < SEEN) {
        const uint64_t *words = guest_at(g, addr, len);
        uint64_t *seen = f->seen[f->n_seen++];

        seen[0] = GUINT64_FROM_LE(words[0]);
        seen[1] = GUINT64_FROM_LE(words[1]);
    }
    if (f->armed) {
        Change *c = &f->changes[--f->armed];

        guest_write64(g, STRTAB_ADDR + (c->offset & ~7) % TABLE, c->value);
    }
}

/*
 * Is @host, for an SMMU that has everything, what @guest is for one that has
 * what was promised? S1STALLD may be added.
 */
static bool does_the_same(const Fuzz *f, const uint64_t guest[2],
                          const uint64_t host[2])
{
    static const uint32_t all[6] = {
        SMMUV3_IDR0_ATS | SMMUV3_IDR0_CD2L, SMMUV3_IDR1_SSIDSIZE,
        [5] = SMMUV3_IDR5_OAS,
    };
    SteModel a = ste_model(guest, f->idr), b = ste_model(host, all);

    return a.kind == STE_MODEL_STAGE_1 && a.kind == b.kind &&
           a.context_ptr == b.context_ptr && a.cdmax == b.cdmax &&
           a.fmt == b.fmt && a.dss == b.dss && a.memory == b.memory &&
           a.eats == b.eats && a.stalld <= b.stalld;
}

static bool was_read(const Fuzz *f, const uint64_t ste[2])
{
    for (unsigned i = 0; i < f->n_seen; i++) {
        if (does_the_same(f, f->seen[i], ste)) {
            return true;
        }
    }
    return false;
}

/* Is device @i alone in saying that its number is one of @sid's? */
static bool answers(const Fuzz *f, unsigned i, uint32_t sid, uint32_t ignored)
{
    uint32_t mine, other;

    if (!guest_ops.vsid(f->s.guest, f->s.dev[i], &mine) ||
        ((mine ^ sid) & ~ignored)) {
        return false;
    }
    for (unsigned j = 0; j < SCENE_DEVICES; j++) {
        if (j != i && guest_ops.vsid(f->s.guest, f->s.dev[j], &other) &&
            other == mine) {
            return false;
        }
    }
    return true;
}

/* The streams in question are those of @sid but for the @ignored bits. */
static void check(const Fuzz *f, uint32_t sid, uint32_t ignored)
{
    fuzz_check_scene(&f->s);
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        const SMMUv3HostDevice *dev = f->s.dev[i];

        if (!f->s.edev[i] ||
            scene_kind(&f->s, i) != SMMUV3_STREAM_TRANSLATE) {
            continue;
        }
        g_assert_true(f->s.regs.cr0 & SMMUV3_CR0_SMMUEN);
        if (answers(f, i, sid, ignored) && f->n_seen < SEEN) {
            g_assert_true(was_read(f, fake_object(f->s.host, dev->pt)->ste));
        }
    }
}

/* Is there an illegal STE with V=1 among those that were read? */
static bool read_illegal(const Fuzz *f)
{
    for (unsigned i = 0; i < f->n_seen; i++) {
        if ((f->seen[i][0] & 1) &&
            ste_model(f->seen[i], f->idr).kind == STE_MODEL_ILLEGAL) {
            return true;
        }
    }
    return false;
}

static void check_own_event(const Fuzz *f, const SMMUv3EventRecord *record)
{
    uint64_t dw0 = GUINT64_FROM_LE(record->dw[0]);
    bool aborts = false;
    uint32_t vsid;

    g_assert_cmphex((uint32_t)dw0, ==, 0x04);
    g_assert_cmphex(record->dw[1] | record->dw[2] | record->dw[3], ==, 0);
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        aborts |= f->s.edev[i] &&
                  guest_ops.vsid(f->s.guest, f->s.dev[i], &vsid) &&
                  vsid == dw0 >> 32 &&
                  scene_kind(&f->s, i) == SMMUV3_STREAM_ABORT;
    }
    g_assert_true(aborts);
    g_assert_true(f->n_seen == SEEN || read_illegal(f));
}

static void check_own_events(const Fuzz *f)
{
    SMMUv3EventRecord records[2];
    unsigned n;

    while ((n = smmuv3_ste_events_take(f->s.engine, records,
                                         G_N_ELEMENTS(records)))) {
        for (unsigned i = 0; i < n; i++) {
            check_own_event(f, &records[i]);
        }
    }
}

/* Steps. */

static uint64_t take_ste0(FuzzInput *in)
{
    unsigned what = fuzz_take(in, 1);
    uint64_t dw0 = ste_s1(CONTEXT_PTR).dw[0];

    dw0 ^= (uint64_t)(what & 3) << 12;
    return what & 0x80 ? dw0 ^ fuzz_take(in, 8)
                       : dw0 ^ (uint64_t)(what >> 2 & 7) << (what >> 5 & 3);
}

static uint64_t take_word(FuzzInput *in)
{
    switch (fuzz_below(in, 4)) {
    case 0:
        return take_ste0(in);
    case 1:             /* a descriptor of a table in the same place */
        return STRTAB_ADDR + 64 * (uint64_t)fuzz_take(in, 1) +
               fuzz_below(in, 32);
    case 2:
        return ste_s1(0).dw[1] ^ fuzz_take(in, 4);
    default:
        return fuzz_take(in, 8);
    }
}

/* Near the devices' STEs of a linear table more often than elsewhere. */
static uint16_t take_offset(FuzzInput *in)
{
    unsigned where = fuzz_take(in, 1);

    return where & 0x80 ? fuzz_take(in, 2)
                        : sizeof(SMMUv3Ste) * (FIRST_SID + where % 4) +
                          8 * (where >> 2 & 1);
}

static void write_word(Fuzz *f)
{
    uint64_t offset = (take_offset(&f->in) & ~7) % TABLE;

    guest_write64(f->s.guest, STRTAB_ADDR + offset, take_word(&f->in));
}

static void arm_change(Fuzz *f)
{
    if (f->armed < CHANGES) {
        f->changes[f->armed].offset = take_offset(&f->in);
        f->changes[f->armed++].value = take_word(&f->in);
    }
}

static void set_regs(Fuzz *f)
{
    SMMUv3StreamRegs *regs = &f->s.regs;
    unsigned what = fuzz_take(&f->in, 1);

    regs->cr0 = what & 3 ? SMMUV3_CR0_SMMUEN : 0;
    regs->gbpa = what & 4 ? SMMUV3_GBPA_ABORT : 0;
    if (what & 8) {
        regs->strtab_base_cfg = fuzz_take(&f->in, 3);
    }
    if (what & 16) {
        regs->strtab_base = STRTAB_ADDR + fuzz_take(&f->in, 2);
    }
    if (what & 32) {
        regs->strtab_base = fuzz_take(&f->in, 8);
    }
    if (what & 64) {
        *regs = (SMMUv3StreamRegs) { SMMUV3_CR0_SMMUEN, 0, STRTAB_ADDR, 8 };
    }
    smmuv3_attach_all(f->s.engine, regs);
    check(f, 0, ~0u);
}

static void cfgi(Fuzz *f)
{
    unsigned what = fuzz_take(&f->in, 1), range = what & 31;
    uint32_t sid = FIRST_SID + (what >> 5 & 3);

    f->s.queue.regs.cons = f->s.queue.regs.prod;
    if (what & 0x80) {
        scene_command(&f->s, cmd_cfgi_range(sid, range));
        check(f, sid, (UINT64_C(2) << range) - 1);
    } else {
        scene_command(&f->s, cmd_cfgi_ste(sid));
        check(f, sid, 0);
    }
    check_own_events(f);
}

static void renumber(Fuzz *f)
{
    unsigned i = fuzz_below(&f->in, SCENE_DEVICES);
    unsigned sid = fuzz_take(&f->in, 1);

    if (sid & 0x80) {
        guest_clear_vsid(f->s.guest, f->s.dev[i]);
    } else {
        guest_set_vsid(f->s.guest, f->s.dev[i], FIRST_SID + sid % 4);
    }
}

static void act(Fuzz *f)
{
    f->n_seen = 0;
    switch (fuzz_below(&f->in, 12)) {
    case 0 ... 2:
        write_word(f);
        break;
    case 3:
        arm_change(f);
        break;
    case 4 ... 5:
        set_regs(f);
        break;
    case 6 ... 8:
        cfgi(f);
        break;
    case 9:
        fuzz_inject(&f->s, &f->in);
        break;
    case 10:
        fuzz_plug(&f->s, &f->in);
        fuzz_check_scene(&f->s);
        break;
    default:
        renumber(f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Fuzz f = { .in = { data, size } };

    fuzz_scene_init(&f.s, &f.in, f.idr);
    f.s.guest->hook_data = &f;
    f.s.guest->after_read = after_read;
    for (unsigned i = 0; i < SCENE_DEVICES; i++) {
        scene_add(&f.s, i);
    }
    for (unsigned i = 0; i < ACTIONS && f.in.left; i++) {
        act(&f);
    }
    fuzz_heal(&f.s);
    f.s.guest->after_read = NULL;
    scene_done(&f.s);
    return 0;
}
