/*
 * Fuzz target: register accesses in any order, of any size.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Behind the register file stand an engine with a device, a queue and a stream
 * table in guest memory, and a host that fails now and then. After each access
 *
 *   - the kernel was asked for nothing that it refuses;
 *   - what identifies reads as ever, acknowledgements equal what they
 *     acknowledge, what must not change while it is in use did not;
 *   - reading changed nothing, and neither does saving and loading; 8 bytes
 *     read as two times 4;
 *   - a queue that is resumed as often as it asks comes to an end.
 *
 * Offsets are those of offsets.h.
 */
#include "fuzz.h"
#include "offsets.h"

enum { ACTIONS = 300, RESUMES = 20000, REGISTERS_END = 0xc0 };

typedef struct Fuzz {
    FuzzInput in;
    Scene s;
    uint32_t idr[6];
    bool resume;                /* asked for */
    bool paused;
    uint32_t paused_at;         /* invalidate calls by then */
} Fuzz;

static void on_irq(void *opaque, SMMUv3Irq irq)
{
    g_assert_false(((Fuzz *)opaque)->s.guest->quiet);
    g_assert_true(irq == SMMUV3_IRQ_GERROR || irq == SMMUV3_IRQ_EVENTQ);
}

static void on_resume(void *opaque, unsigned delay_ms G_GNUC_UNUSED)
{
    g_assert_false(((Fuzz *)opaque)->s.guest->quiet);
    ((Fuzz *)opaque)->resume = true;
}

static int on_write(void *opaque, uint64_t addr, const void *buf, size_t len)
{
    g_assert_false(((Fuzz *)opaque)->s.guest->quiet);
    g_assert_false(((Fuzz *)opaque)->paused);
    return guest_write(((Fuzz *)opaque)->s.guest, addr, buf, len);
}

static const GuestHooks regs_ops = {
    .write = on_write, .irq = on_irq, .resume = on_resume,
};

static uint64_t rd(const Fuzz *f, uint64_t offset, unsigned size)
{
    uint64_t value = ~UINT64_C(0);
    bool ok = smmuv3_engine_read(f->s.engine, offset, size, &value);

    g_assert_cmpint(ok, ==, (size == 4 || size == 8) && offset % size == 0);
    if (size < 8) {
        g_assert_cmphex(value, <=, UINT32_MAX);
    }
    return value;
}

/* All of page 0 that there is. */
typedef struct Image {
    uint32_t reg[REGISTERS_END / 4];
} Image;

static Image image(const Fuzz *f)
{
    Image i;

    for (unsigned offset = 0; offset < REGISTERS_END; offset += 4) {
        i.reg[offset / 4] = rd(f, offset, 4);
    }
    return i;
}

static uint32_t reg(const Image *i, unsigned offset)
{
    return i->reg[offset / 4];
}

static void expect_same(const Image *a, const Image *b, unsigned offset,
                        unsigned words)
{
    for (unsigned i = 0; i < words; i++) {
        g_assert_cmphex(reg(a, offset + 4 * i), ==, reg(b, offset + 4 * i));
    }
}

static void check_locked(const Image *before, const Image *after)
{
    uint32_t on = reg(before, CR0) & reg(after, CR0);

    if (on & SMMUV3_CR0_SMMUEN) {
        expect_same(before, after, STRTAB_BASE, 3);
    }
    if (on & SMMUV3_CR0_CMDQEN) {
        expect_same(before, after, CMDQ_BASE, 2);
    }
    if (on & SMMUV3_CR0_EVENTQEN) {
        expect_same(before, after, EVENTQ_BASE, 2);
    }
    /* With an error active, and none acknowledged, CONS rests. */
    if ((on & SMMUV3_CR0_CMDQEN) &&
        reg(before, GERRORN) == reg(after, GERRORN) &&
        ((reg(before, GERROR) ^ reg(before, GERRORN)) &
         SMMUV3_GERROR_CMDQ_ERR)) {
        expect_same(before, after, CMDQ_CONS, 1);
    }
}

static void check(const Fuzz *f, const Image *before, const Image *after)
{
    Image again = image(f);

    expect_same(after, &again, 0, REGISTERS_END / 4);
    expect_same(before, after, IDR0, 8);
    g_assert_cmphex(reg(after, CR0ACK), ==, reg(after, CR0));
    g_assert_cmphex(reg(after, IRQ_CTRLACK), ==, reg(after, IRQ_CTRL));
    g_assert_cmphex(reg(after, GBPA) & SMMUV3_GBPA_UPDATE, ==, 0);
    check_locked(before, after);
    fuzz_check_scene(&f->s);
}

static void check_page1(const Fuzz *f)
{
    for (unsigned offset = 0; offset < REGISTERS_END; offset += 4) {
        g_assert_cmphex(rd(f, 0x10000 + offset, 4), ==, rd(f, offset, 4));
    }
}

/* 8 bytes are two times 4, whatever stands there. */
static void check_pairs(const Fuzz *f)
{
    for (unsigned offset = 0; offset < REGISTERS_END; offset += 8) {
        g_assert_cmphex(rd(f, offset, 8), ==,
                        rd(f, offset, 4) | rd(f, offset + 4, 4) << 32);
    }
}

/* Actions. */

static uint64_t take_offset(FuzzInput *in)
{
    unsigned where = fuzz_take(in, 1);

    return where == 0xff ? fuzz_take(in, 4)
                         : (where & 63) * 4 + (where & 0x40 ? 0x10000 : 0);
}

static uint64_t take_value(FuzzInput *in)
{
    switch (fuzz_below(in, 6)) {
    case 0:
        return CMDQ_ADDR | fuzz_below(in, 10);
    case 1:
        return STRTAB_ADDR;
    case 2:
        return fuzz_take(in, 1);
    case 3:
        return fuzz_take(in, 3);
    case 4:
        return fuzz_take(in, 1) | SMMUV3_GBPA_UPDATE |
               (fuzz_below(in, 2) ? SMMUV3_GBPA_ABORT : 0);
    default:
        return fuzz_take(in, 8);
    }
}

static unsigned take_size(FuzzInput *in)
{
    static const unsigned sizes[] = { 4, 4, 4, 8, 8, 1, 2, 16 };

    return sizes[fuzz_below(in, G_N_ELEMENTS(sizes))];
}

static void write_reg(Fuzz *f)
{
    uint64_t offset = take_offset(&f->in);
    unsigned size = take_size(&f->in);
    bool ok =
        smmuv3_engine_write(f->s.engine, offset, size, take_value(&f->in));

    g_assert_cmpint(ok, ==, (size == 4 || size == 8) && offset % size == 0);
}

/* What a driver does first. */
static void bring_up(Fuzz *f)
{
    unsigned log2size = fuzz_below(&f->in, 9);

    smmuv3_engine_write(f->s.engine, CR0, 4, 0);
    smmuv3_engine_write(f->s.engine, CMDQ_BASE, 8, CMDQ_ADDR | log2size);
    smmuv3_engine_write(f->s.engine, CMDQ_PROD, 4, 0);
    smmuv3_engine_write(f->s.engine, CMDQ_CONS, 4, 0);
    smmuv3_engine_write(f->s.engine, STRTAB_BASE, 8, STRTAB_ADDR);
    smmuv3_engine_write(f->s.engine, STRTAB_BASE_CFG, 4, 8);
    smmuv3_engine_write(f->s.engine, CR0, 4, SMMUV3_CR0_SMMUEN |
                        SMMUV3_CR0_CMDQEN);
}

static void write_cmd(Fuzz *f)
{
    static const SMMUv3Cmd cmds[] = {
        { { SMMUV3_CMD_SYNC | 1 << 12, 0 } },
        { { SMMUV3_CMD_TLBI_NSNH_ALL, 0 } },
        { { SMMUV3_CMD_TLBI_NH_VA, 0x1000 } },
        { { SMMUV3_CMD_CFGI_STE | (uint64_t)FIRST_SID << 32, 1 } },
        { { SMMUV3_CMD_CFGI_STE_RANGE, 31 } },
        { { SMMUV3_CMD_CFGI_CD | (uint64_t)FIRST_SID << 32, 1 } },
        { { SMMUV3_CMD_ATC_INV | (uint64_t)FIRST_SID << 32, 52 } },
        { { 0xff, 0 } },
    };
    uint64_t addr = CMDQ_ADDR + 16 * fuzz_take(&f->in, 1);
    const SMMUv3Cmd *cmd = &cmds[fuzz_below(&f->in, G_N_ELEMENTS(cmds))];

    for (unsigned n = 1 + fuzz_below(&f->in, 64); n; n--, addr += 16) {
        guest_write64(f->s.guest, addr, cmd->dw[0]);
        guest_write64(f->s.guest, addr + 8, cmd->dw[1]);
    }
}

/* CMDQ_PROD, in one piece or in two. */
static void write_prod(Fuzz *f)
{
    uint32_t prod = fuzz_take(&f->in, 1);

    if (fuzz_below(&f->in, 2)) {
        smmuv3_engine_write(f->s.engine, CMDQ_PROD, 4, prod);
        return;
    }
    f->s.guest->quiet = true;
    smmuv3_engine_write_prod_quiet(f->s.engine, prod);
    f->s.guest->quiet = false;
    smmuv3_engine_settle(f->s.engine);
}

static void write_ste(Fuzz *f)
{
    uint32_t sid = FIRST_SID + fuzz_below(&f->in, SCENE_DEVICES);
    unsigned what = fuzz_take(&f->in, 1);
    SMMUv3Ste ste = what & 1 ? ste_s1(CONTEXT_PTR + 0x1000 * what)
                             : ste_config(what >> 1 & 7);

    guest_write_ste(f->s.guest, STRTAB_ADDR + 64 * sid, ste);
}

static void resume_all(Fuzz *f)
{
    unsigned n = 0;

    while (f->resume) {
        f->resume = false;
        smmuv3_engine_resume(f->s.engine);
        g_assert_cmpuint(++n, <, RESUMES);
    }
}

/*
 * While paused, commands are not consumed whatever else is done: the host gets
 * no invalidation.
 */
static void pause_or_go_on(Fuzz *f)
{
    f->paused = !f->paused;
    smmuv3_engine_settle(f->s.engine);
    smmuv3_engine_pause(f->s.engine, f->paused);
    f->paused_at = f->s.host->calls[FAKE_INVALIDATE];
}

static void save_and_load(Fuzz *f)
{
    SMMUv3Regs state = *smmuv3_engine_state(f->s.engine);
    Image before = image(f), after;

    smmuv3_engine_set_state(f->s.engine, &state);
    after = image(f);
    expect_same(&before, &after, 0, REGISTERS_END / 4);
}

/* With another identification a state is refused, which test-regwrite tries. */
static void load_garbage(Fuzz *f)
{
    const SMMUv3Regs *own = smmuv3_engine_state(f->s.engine);
    SMMUv3Regs state;

    for (size_t i = 0; i < sizeof(state); i++) {
        ((uint8_t *)&state)[i] = fuzz_take(&f->in, 1);
    }
    memcpy(state.idr, own->idr, sizeof(state.idr));
    state.iidr = own->iidr;
    state.aidr = own->aidr;
    g_assert_true(smmuv3_engine_set_state(f->s.engine, &state));
}

/* True: what was locked may have changed. */
static bool act(Fuzz *f)
{
    switch (fuzz_below(&f->in, 20)) {
    case 0 ... 8:
        write_reg(f);
        return false;
    case 9:
        bring_up(f);
        return true;
    case 10 ... 11:
        write_cmd(f);
        write_prod(f);
        return false;
    case 12:
        write_ste(f);
        return false;
    case 13:
        f->resume = false;
        smmuv3_engine_resume(f->s.engine);
        return false;
    case 14:
        resume_all(f);
        return false;
    case 15:
        save_and_load(f);
        return false;
    case 16:
        load_garbage(f);
        return true;
    case 17:
        fuzz_plug(&f->s, &f->in);
        /* A first device that comes again cleans the TLB. */
        f->paused_at = f->s.host->calls[FAKE_INVALIDATE];
        return false;
    case 18:
        smmuv3_engine_reset(f->s.engine, f->idr);
        return true;
    default:
        switch (fuzz_below(&f->in, 4)) {
        case 0:
            pause_or_go_on(f);
            return false;
        case 1:
        case 2:
            fuzz_inject(&f->s, &f->in);
            return false;
        default:
            fuzz_heal(&f->s);
            return false;
        }
    }
}

static void step(Fuzz *f)
{
    Image before = image(f), after;
    bool unlocked = act(f);

    after = image(f);
    if (f->paused) {
        g_assert_cmpuint(f->s.host->calls[FAKE_INVALIDATE], ==, f->paused_at);
    }
    check(f, unlocked ? &after : &before, &after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Fuzz f = { .in = { data, size } };

    fuzz_scene_init(&f.s, &f.in, f.idr);
    f.idr[1] |= SMMUV3_PREP(SMMUV3_IDR1_CMDQS, fuzz_below(&f.in, 20)) |
                SMMUV3_PREP(SMMUV3_IDR1_EVENTQS, fuzz_below(&f.in, 20));
    guest_hook(f.s.guest, &regs_ops, &f);
    smmuv3_engine_reset(f.s.engine, f.idr);
    fuzz_plug(&f.s, &f.in);
    for (unsigned i = 0; i < ACTIONS && f.in.left; i++) {
        step(&f);
    }
    fuzz_heal(&f.s);
    f.paused = false;
    smmuv3_engine_pause(f.s.engine, false);
    resume_all(&f);
    check_page1(&f);
    check_pairs(&f);
    scene_done(&f.s);
    return 0;
}
