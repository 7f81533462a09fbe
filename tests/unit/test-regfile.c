/*
 * The register file: what each register holds, who may write it when, and what
 * of it travels.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "regs.h"

#define IDR0_MSI        (1u << 13)
#define IDR0_ATS        (1u << 10)

/* ---- Each register by itself ---- */

typedef struct Row {
    const char *name;
    uint32_t offset;
    unsigned bytes;
    uint64_t reset;
    uint64_t bits;          /* that can be written */
    uint32_t cr0_off;       /* each of these bits in CR0 locks all of them */
} Row;

static const Row rows[] = {
    { "idr0", 0x00, 4, 0x0d40101a, 0, 0 },
    { "idr1", 0x04, 4, 0x02730010, 0, 0 },
    { "idr2", 0x08, 4, 0, 0, 0 },
    { "idr3", 0x0c, 4, 0x00000404, 0, 0 },
    { "idr4", 0x10, 4, 0, 0, 0 },
    { "idr5", 0x14, 4, 0x00000074, 0, 0 },
    { "iidr", 0x18, 4, 0, 0, 0 },
    { "aidr", 0x1c, 4, 1, 0, 0 },
    { "cr0", CR0, 4, 0, 0xd, 0 },
    { "cr0ack", CR0ACK, 4, 0, 0, 0 },
    { "cr1", CR1, 4, 0, 0xfff, 0 },
    { "cr2", CR2, 4, 0, 0x2, SMMUEN },
    { "0x30", 0x30, 4, 0, 0, 0 },
    { "statusr", 0x40, 4, 0, 0, 0 },
    { "agbpa", 0x48, 4, 0, 0, 0 },
    { "irq-ctrl", IRQ_CTRL, 4, 0, 0x5, 0 },
    { "irq-ctrlack", IRQ_CTRLACK, 4, 0, 0, 0 },
    { "gerror", GERROR, 4, 0, 0, 0 },
    { "gerrorn", GERRORN, 4, 0, 0x105, 0 },
    { "gerror-irq-cfg0", GERROR_IRQ_CFG0, 8, 0, 0, 0 },
    { "gerror-irq-cfg1", GERROR_IRQ_CFG1, 4, 0, 0, 0 },
    { "gerror-irq-cfg2", GERROR_IRQ_CFG2, 4, 0, 0, 0 },
    { "strtab-base", STRTAB_BASE, 8, 0, 0x40000fffffffffc0, SMMUEN },
    { "strtab-base-cfg", STRTAB_BASE_CFG, 4, 0, 0x307ff, SMMUEN },
    { "cmdq-base", CMDQ_BASE, 8, 19, 0x40000fffffffffff, CMDQEN },
    { "cmdq-prod", CMDQ_PROD, 4, 0, 0xfffff, 0 },
    { "cmdq-cons", CMDQ_CONS, 4, 0, 0x7f0fffff, CMDQEN },
    { "eventq-base", EVENTQ_BASE, 8, 19, 0x40000fffffffffff, EVENTQEN },
    { "eventq-prod", EVENTQ_PROD - PAGE1, 4, 0, 0x800fffff, EVENTQEN },
    { "eventq-cons", EVENTQ_CONS - PAGE1, 4, 0, 0x800fffff, 0 },
    { "eventq-irq-cfg0", EVENTQ_IRQ_CFG0, 8, 0, 0, 0 },
    { "eventq-irq-cfg1", EVENTQ_IRQ_CFG1, 4, 0, 0, 0 },
    { "eventq-irq-cfg2", EVENTQ_IRQ_CFG2, 4, 0, 0, 0 },
    { "priq-base", 0xc0, 8, 0, 0, 0 },
    { "priq-prod", 0xc8, 4, 0, 0, 0 },
    { "priq-cons", 0xcc, 4, 0, 0, 0 },
    { "priq-irq-cfg0", 0xd0, 8, 0, 0, 0 },
    { "priq-irq-cfg1", 0xd8, 4, 0, 0, 0 },
    { "priq-irq-cfg2", 0xdc, 4, 0, 0, 0 },
    { "gatos-ctrl", 0x100, 4, 0, 0, 0 },
    { "gatos-sid", 0x108, 8, 0, 0, 0 },
    { "mpamidr", 0x130, 4, 0, 0, 0 },
    { "vatos-sel", 0x180, 4, 0, 0, 0 },
    { "idr6", 0x190, 4, 0, 0, 0 },
    { "dpt-base", 0x200, 8, 0, 0, 0 },
    { "implementation-defined", 0xe00, 4, 0, 0, 0 },
    { "pidr4", 0xfd0, 4, 0x04, 0, 0 },
    { "pidr5", 0xfd4, 4, 0, 0, 0 },
    { "pidr0", 0xfe0, 4, 0x84, 0, 0 },
    { "pidr1", 0xfe4, 4, 0xb4, 0, 0 },
    { "pidr2", 0xfe8, 4, 0xf0, 0, 0 },
    { "pidr3", 0xfec, 4, 0x10, 0, 0 },
    { "cidr0", 0xff0, 4, 0x0d, 0, 0 },
    { "cidr1", 0xff4, 4, 0xf0, 0, 0 },
    { "cidr2", 0xff8, 4, 0x05, 0, 0 },
    { "cidr3", 0xffc, 4, 0xb1, 0, 0 },
    { "after-cidr3", 0x1000, 4, 0, 0, 0 },
    { "last-of-page0", 0xfffc, 4, 0, 0, 0 },
    { "beyond", 0x20020, 4, 0, 0, 0 },
    { "far-beyond", 0xfffffffc, 4, 0, 0, 0 },
};

/* A 64-bit register's two halves, or the one of a 32-bit register. */
static void write_by_words(Regs *t, const Row *row, uint64_t value)
{
    for (unsigned at = 0; at < row->bytes; at += 4) {
        wr(t, row->offset + at, value >> (8 * at));
    }
}

static uint64_t read_by_words(Regs *t, uint64_t base, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned at = 0; at < bytes; at += 4) {
        value |= (uint64_t)rd(t, base + at) << (8 * at);
    }
    return value;
}

static void expect(Regs *t, const Row *row, uint64_t value)
{
    g_assert_cmphex(read_by_words(t, row->offset, row->bytes), ==, value);
    g_assert_cmphex(rd_size(t, row->offset, row->bytes), ==, value);
    /* Page 1 is an alias, 6.1. */
    if (row->offset < PAGE1) {
        g_assert_cmphex(rd_size(t, PAGE1 + row->offset, row->bytes), ==,
                        value);
    }
}

/* The bits of writable registers; what is read-only keeps its reset value. */
static uint64_t written(const Row *row, uint64_t value)
{
    return row->bits ? value & row->bits : row->reset;
}

static void write_and_expect(Regs *t, const Row *row, uint64_t value)
{
    write_by_words(t, row, value);
    expect(t, row, written(row, value));
}

/* Largest queues: every bit of an index counts. */
static bool sizes_index(const Row *row)
{
    return row->offset == CMDQ_BASE || row->offset == EVENTQ_BASE;
}

static void test_row(gconstpointer data)
{
    const Row *row = data;
    Regs t;

    regs_init(&t);
    expect(&t, row, row->reset);
    write_and_expect(&t, row, UINT64_MAX);
    write_and_expect(&t, row, 0);
    if (row->bits && !sizes_index(row)) {
        write_and_expect(&t, row, 0x5555555555555555);
        write_and_expect(&t, row, 0xaaaaaaaaaaaaaaaa);
    }
    smmuv3_engine_reset(t.scene.engine, plain_idr);
    expect(&t, row, row->reset);
    regs_done(&t);
}

static void test_row_access(gconstpointer data)
{
    const Row *row = data;
    uint64_t value = 0x5aa5c33c96690ff0, low = (uint32_t)written(row, value);
    Regs t;

    regs_init(&t);
    if (row->bytes == 8) {
        wr64(&t, row->offset, value);
        expect(&t, row, written(row, value));
        /* Each half leaves the other one alone. */
        wr(&t, row->offset, 0);
        expect(&t, row, row->bits ? (value & row->bits) >> 32 << 32
                                  : row->reset);
        wr(&t, row->offset, value);
        wr(&t, row->offset + 4, 0);
        expect(&t, row, low);
    }
    smmuv3_engine_reset(t.scene.engine, plain_idr);
    if (row->offset < PAGE1) {
        wr_size(&t, PAGE1 + row->offset, row->bytes, value);
        expect(&t, row, written(row, value));
    }
    regs_done(&t);
}

/* What stands behind the row at @offset, RES0 where there is no row. */
static const Row *row_at(uint32_t offset)
{
    static const Row res0 = { .bytes = 4 };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].offset == offset) {
            return &rows[i];
        }
    }
    return &res0;
}

/* 8 bytes at two 32-bit registers are both of them, 6.2, on both pages. */
static void test_pair(gconstpointer data)
{
    const Row *low = data, *high = row_at(low->offset + 4);
    uint64_t values[] = { UINT64_MAX, 0, 0x5555555555555555,
                          0xaaaaaaaaaaaaaaaa, 0x0000000500000003 };
    Regs t;

    regs_init(&t);
    for (unsigned i = 0; i < 2 * G_N_ELEMENTS(values); i++) {
        uint64_t page = i & 1 && low->offset < PAGE1 ? PAGE1 : 0;
        uint64_t value = values[i / 2], want;

        want = (uint32_t)written(low, (uint32_t)value) |
               written(high, value >> 32) << 32;
        /* CR0ACK and IRQ_CTRLACK follow. */
        want |= low->offset == CR0 || low->offset == IRQ_CTRL ? want << 32 : 0;
        wr64(&t, page + low->offset, value);
        g_assert_cmphex(rd_size(&t, low->offset, 8), ==, want);
        g_assert_cmphex(rd_size(&t, page + low->offset, 8), ==, want);
        g_assert_cmphex(rd(&t, low->offset), ==, (uint32_t)want);
        g_assert_cmphex(rd(&t, low->offset + 4), ==, want >> 32);
    }
    regs_done(&t);
}

static void test_row_lock(gconstpointer data)
{
    static const uint32_t enables[] = { SMMUEN, EVENTQEN, CMDQEN };
    const Row *row = data;
    uint64_t value;
    Regs t;

    regs_init(&t);
    /* All of the fields, as far as a queue of 32 may be on with it. */
    value = row->bits & 0xffffffffffffffe5;
    wr_size(&t, row->offset, row->bytes, value);
    wr(&t, CMDQ_PROD, row->offset == CMDQ_CONS ? value : 5);
    wr(&t, CMDQ_CONS, row->offset == CMDQ_CONS ? value : 5);
    for (unsigned i = 0; i < G_N_ELEMENTS(enables); i++) {
        wr(&t, CR0, enables[i]);
        wr_size(&t, row->offset, row->bytes, 0);
        expect(&t, row, row->cr0_off & enables[i] ? value : 0);
        write_by_words(&t, row, 0);
        expect(&t, row, row->cr0_off & enables[i] ? value : 0);
        wr(&t, CR0, 0);
        wr_size(&t, row->offset, row->bytes, 0);
        expect(&t, row, 0);
        wr_size(&t, row->offset, row->bytes, value);
        expect(&t, row, value);
    }
    regs_done(&t);
}

/* CR1 has two halves with locks of their own, 6.3.11. */
static void test_cr1_lock(void)
{
    static const struct {
        uint32_t cr0, locked;
    } cases[] = {
        { SMMUEN, 0xfc0 }, { EVENTQEN, 0x03f }, { CMDQEN, 0x03f },
        { SMMUEN | CMDQEN, 0xfff },
    };
    Regs t;

    regs_init(&t);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        wr(&t, CR0, 0);
        wr(&t, CR1, 0);
        wr(&t, CR0, cases[i].cr0);
        wr(&t, CR1, UINT32_MAX);
        g_assert_cmphex(rd(&t, CR1), ==, 0xfff & ~cases[i].locked);
    }
    regs_done(&t);
}

/* What features add to CR2 is locked as well, 6.3.12. */
static void test_cr2_lock(void)
{
    uint32_t idr[6];
    Regs t;

    memcpy(idr, plain_idr, sizeof(idr));
    idr[0] |= 1u << 9 | 1u << 5 | 1u << 23;     /* Hyp, BTM, ATSRECERR */
    regs_init_idr(&t, idr);
    wr(&t, CR0, SMMUEN);
    wr(&t, CR2, UINT32_MAX);
    g_assert_cmphex(rd(&t, CR2), ==, 0);
    wr(&t, CR0, EVENTQEN | CMDQEN);
    wr(&t, CR2, UINT32_MAX);
    g_assert_cmphex(rd(&t, CR2), ==, 0xf);
    wr(&t, CR0, SMMUEN);
    wr(&t, CR2, 0);
    g_assert_cmphex(rd(&t, CR2), ==, 0xf);
    regs_done(&t);
}

/* ---- Accesses that are none ---- */

static void test_illegal_access(void)
{
    static const struct {
        uint64_t offset;
        unsigned size;
    } cases[] = {
        { CR1, 0 }, { CR1, 1 }, { CR1, 2 }, { CR1, 3 }, { CR1, 16 },
        { CR1 + 1, 4 }, { CR1 + 2, 4 }, { CR1 + 3, 4 }, { CR1 + 1, 1 },
        { CR1 + 2, 2 }, { CMDQ_BASE + 1, 8 }, { CMDQ_BASE + 4, 8 },
        { CMDQ_BASE + 2, 4 }, { CMDQ_BASE, 2 }, { CMDQ_BASE, 16 },
        { CR2, 8 }, { 0x1002, 4 }, { 0x1004, 8 }, { 0xfffffffffffffffc, 8 },
    };
    Regs t;

    regs_init(&t);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint64_t value = 1;

        g_assert_false(smmuv3_engine_read(t.scene.engine, cases[i].offset,
                                        cases[i].size, &value));
        g_assert_cmphex(value, ==, 0);
        g_assert_false(smmuv3_engine_write(t.scene.engine, cases[i].offset,
                                         cases[i].size, UINT64_MAX));
        g_assert_cmphex(rd(&t, CR1), ==, 0);
        g_assert_cmphex(rd(&t, CR2), ==, 0);
        g_assert_cmphex(rd_size(&t, CMDQ_BASE, 8), ==, 19);
    }
    regs_done(&t);
}

/* ---- What features bring ---- */

typedef struct FeatureRow {
    const char *name;
    unsigned idr;
    uint32_t set, clear;
    uint32_t offset;
    unsigned bytes;
    uint64_t bits;
} FeatureRow;

static const FeatureRow features[] = {
    { "ats", 0, IDR0_ATS, 0, CR0, 4, 0x1d },
    { "vmw", 0, 1u << 17, 0, CR0, 4, 0x1cd },
    { "pri", 0, 1u << 16, 0, CR0, 4, 0xd },
    { "hyp", 0, 1u << 9, 0, CR2, 4, 0x3 },
    { "btm", 0, 1u << 5, 0, CR2, 4, 0x6 },
    { "atsrecerr", 0, 1u << 23, 0, CR2, 4, 0xa },
    { "perms-ovr", 1, 1u << 26, 0, GBPA, 4, 0x1f3000 },
    { "types-ovr", 1, 1u << 27, 0, GBPA, 4, 0x103f1f },
    { "msi/gerrorn", 0, IDR0_MSI, 0, GERRORN, 4, 0x1b5 },
    { "msi/gerror-cfg0", 0, IDR0_MSI, 0, GERROR_IRQ_CFG0, 8, 0xffffffffffc },
    { "msi/gerror-cfg1", 0, IDR0_MSI, 0, GERROR_IRQ_CFG1, 4, 0xffffffff },
    { "msi/gerror-cfg2", 0, IDR0_MSI, 0, GERROR_IRQ_CFG2, 4, 0x3f },
    { "msi/eventq-cfg0", 0, IDR0_MSI, 0, EVENTQ_IRQ_CFG0, 8, 0xffffffffffc },
    { "msi/eventq-cfg1", 0, IDR0_MSI, 0, EVENTQ_IRQ_CFG1, 4, 0xffffffff },
    { "msi/eventq-cfg2", 0, IDR0_MSI, 0, EVENTQ_IRQ_CFG2, 4, 0x3f },
    { "linear-only", 0, 0, 3u << 27, STRTAB_BASE_CFG, 4, 0x3f },
    { "oas-32", 5, 0, 7, STRTAB_BASE, 8, 0x40000000ffffffc0 },
    { "oas-36", 5, 1, 7, STRTAB_BASE, 8, 0x4000000fffffffc0 },
    { "oas-40", 5, 2, 7, CMDQ_BASE, 8, 0x400000ffffffffff },
    { "oas-42", 5, 3, 7, EVENTQ_BASE, 8, 0x400003ffffffffff },
    { "oas-48", 5, 5, 7, CMDQ_BASE, 8, 0x4000ffffffffffff },
    { "oas-52", 5, 6, 7, STRTAB_BASE, 8, 0x400fffffffffffc0 },
    { "oas-reserved", 5, 7, 7, STRTAB_BASE, 8, 0x400fffffffffffc0 },
};

static void test_feature(gconstpointer data)
{
    const FeatureRow *row = data;
    uint32_t idr[6];
    Regs t;

    memcpy(idr, plain_idr, sizeof(idr));
    idr[row->idr] = (idr[row->idr] & ~row->clear) | row->set;
    regs_init_idr(&t, idr);
    g_assert_cmphex(rd(&t, 4 * row->idr), ==, idr[row->idr]);
    wr_size(&t, row->offset, row->bytes, UINT64_MAX);
    g_assert_cmphex(rd_size(&t, row->offset, row->bytes), ==, row->bits);
    regs_done(&t);
}

/* 6.3.4: HAD is mandatory from SMMUv3.1 on, so without it it is SMMUv3.0. */
static void test_version(void)
{
    uint32_t idr[6];
    Regs t;

    memcpy(idr, plain_idr, sizeof(idr));
    idr[3] &= ~4u;
    regs_init_idr(&t, idr);
    g_assert_cmphex(rd(&t, 0x1c), ==, 0);
    smmuv3_engine_reset(t.scene.engine, plain_idr);
    g_assert_cmphex(rd(&t, 0x1c), ==, 1);
    regs_done(&t);
}

/* A size is read back as written; what it does is capped by IDR1, 6.3.26. */
static void test_capped_queue(gconstpointer data)
{
    bool cmdq = GPOINTER_TO_UINT(data) == CMDQ_BASE;
    uint32_t base = GPOINTER_TO_UINT(data), prod = base + 8, cons = base + 12;
    uint32_t idr[6];
    Regs t;

    memcpy(idr, plain_idr, sizeof(idr));
    idr[1] = cmdq ? 0x00930010 : 0x02640010;        /* 2^4 */
    regs_init_idr(&t, idr);
    g_assert_cmphex(rd_size(&t, base, 8), ==, 4);
    wr64(&t, base, 31);
    g_assert_cmphex(rd_size(&t, base, 8), ==, 31);
    wr(&t, prod, 0xfffff);
    wr(&t, cons, 0xfffff);
    g_assert_cmphex(rd(&t, prod), ==, 0x1f);
    g_assert_cmphex(rd(&t, cons), ==, 0x1f);
    wr64(&t, base, 0);
    g_assert_cmphex(rd(&t, prod), ==, 0x1);
    wr64(&t, base, 2);
    g_assert_cmphex(rd(&t, prod), ==, 0x7);
    g_assert_cmphex(rd(&t, cons), ==, 0x7);
    regs_done(&t);
}

/* Index first, base after: a driver may do it in any order, 6.3.27. */
static void test_index_before_base(void)
{
    uint32_t idr[6];
    Regs t;

    memcpy(idr, plain_idr, sizeof(idr));
    regs_init_idr(&t, idr);
    wr64(&t, CMDQ_BASE, 0);
    wr(&t, CMDQ_PROD, 0x15);
    wr(&t, CMDQ_CONS, 0x15);
    g_assert_cmphex(rd(&t, CMDQ_PROD), ==, 0x1);
    wr64(&t, CMDQ_BASE, 4);
    g_assert_cmphex(rd(&t, CMDQ_PROD), ==, 0x15);
    g_assert_cmphex(rd(&t, CMDQ_CONS), ==, 0x15);
    regs_done(&t);
}

static void test_irq_cfg_lock(gconstpointer data)
{
    bool eventq = GPOINTER_TO_UINT(data) == EVENTQ_IRQ_CFG0;
    uint32_t cfg0 = GPOINTER_TO_UINT(data), cfg1 = cfg0 + 8, cfg2 = cfg0 + 12;
    uint32_t mine = eventq ? EVENTQ_IRQEN : GERROR_IRQEN;
    uint32_t others = mine ^ (EVENTQ_IRQEN | GERROR_IRQEN);
    uint32_t idr[6];
    Regs t;

    memcpy(idr, plain_idr, sizeof(idr));
    idr[0] |= IDR0_MSI;
    regs_init_idr(&t, idr);
    wr(&t, IRQ_CTRL, others);
    wr64(&t, cfg0, 0x123456000);
    wr(&t, cfg1, 0x77);
    wr(&t, cfg2, 0x1f);
    wr(&t, IRQ_CTRL, mine);
    g_assert_cmphex(rd(&t, IRQ_CTRLACK), ==, mine);
    wr64(&t, cfg0, 0);
    wr(&t, cfg0, 0);
    wr(&t, cfg0 + 4, 0);
    wr(&t, cfg1, 0);
    wr(&t, cfg2, 0);
    g_assert_cmphex(rd_size(&t, cfg0, 8), ==, 0x123456000);
    g_assert_cmphex(rd(&t, cfg1), ==, 0x77);
    g_assert_cmphex(rd(&t, cfg2), ==, 0x1f);
    wr(&t, IRQ_CTRL, 0);
    wr(&t, cfg1, 0x78);
    g_assert_cmphex(rd(&t, cfg1), ==, 0x78);
    regs_done(&t);
}

/* ---- Load ---- */

/* Every register of a running SMMU reads the same after a load. */
static void test_load(void)
{
    Regs t, u;
    SMMUv3Regs state;

    regs_init_stream(&t);
    regs_set_up_queue(&t, 5, 0x33);
    wr(&t, CR1, 0xd75);
    wr(&t, CR2, 2);
    wr(&t, GBPA, UPDATE | 0x2000);
    wr(&t, IRQ_CTRL, EVENTQ_IRQEN);
    wr64(&t, EVENTQ_BASE, (CMDQ_ADDR + 0x1000) | 7);
    wr(&t, EVENTQ_PROD - PAGE1, 0x80000012);
    wr(&t, EVENTQ_CONS - PAGE1, 0x80000011);
    regs_push(&t, ILLEGAL);
    regs_ring_bell(&t);
    wr(&t, CR0, SMMUEN | EVENTQEN | CMDQEN);
    regs_expect_error(&t, true);

    regs_init_stream(&u);
    strtab_set(u.scene.guest, &u.scene.regs, FIRST_SID, ste_s1(CONTEXT_PTR));
    smmuv3_engine_set_state(u.scene.engine, smmuv3_engine_state(t.scene.engine));
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        expect(&u, &rows[i], rd_size(&t, rows[i].offset, rows[i].bytes));
    }
    g_assert_cmphex(rd(&u, CR0ACK), ==, 0xd);
    g_assert_cmpint(scene_kind(&u.scene, 0), ==, SMMUV3_STREAM_TRANSLATE);
    /* An error waits there as well: nothing to resume. */
    g_assert_cmpuint(u.resumes, ==, 0);
    state = *smmuv3_engine_state(u.scene.engine);
    state.gerrorn = state.gerror;
    smmuv3_engine_set_state(u.scene.engine, &state);
    g_assert_cmpuint(u.resumes, ==, 1);
    g_assert_cmpuint(regs_stats(&u)->commands, ==, 0);
    regs_done(&t);
    regs_done(&u);
}

/* The same identification, and all other bits set */
static SMMUv3Regs garbage_for(const Regs *t)
{
    const SMMUv3Regs *own = smmuv3_engine_state(t->scene.engine);
    SMMUv3Regs garbage;

    memset(&garbage, 0xff, sizeof(garbage));
    memcpy(garbage.idr, own->idr, sizeof(garbage.idr));
    garbage.iidr = own->iidr;
    garbage.aidr = own->aidr;
    return garbage;
}

/* A state of an SMMU that promised something else is no state of this one. */
static void test_load_other_promise(void)
{
    SMMUv3Regs before, garbage;
    Regs t;

    regs_init(&t);
    before = *smmuv3_engine_state(t.scene.engine);
    for (unsigned i = 0; i < 8; i++) {
        garbage = garbage_for(&t);
        *(i < 6 ? &garbage.idr[i] : i == 6 ? &garbage.iidr : &garbage.aidr) ^=
            1;
        g_assert_false(smmuv3_engine_set_state(t.scene.engine, &garbage));
        g_assert_cmpmem(&before, sizeof(before),
                        smmuv3_engine_state(t.scene.engine), sizeof(before));
    }
    regs_done(&t);
}

/* What comes in from elsewhere is not trusted. */
static void test_load_garbage(void)
{
    SMMUv3Regs garbage;
    Regs t;

    regs_init(&t);
    garbage = garbage_for(&t);
    g_assert_true(smmuv3_engine_set_state(t.scene.engine, &garbage));
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        const Row *row = &rows[i];
        uint64_t want = row->bits ? row->bits : row->reset;

        if (row->offset == GBPA || row->offset == CR0ACK ||
            row->offset == IRQ_CTRLACK || row->offset == GERROR) {
            continue;
        }
        expect(&t, row, want);
    }
    g_assert_cmphex(rd(&t, GBPA), ==, 0x103000);
    g_assert_cmphex(rd(&t, CR0ACK), ==, 0xd);
    g_assert_cmphex(rd(&t, IRQ_CTRLACK), ==, 0x5);
    g_assert_cmphex(rd(&t, GERROR), ==, 0x105);
    regs_done(&t);
}

/* ---- The list ---- */

static void add(const char *dir, const char *name, const void *data,
                GTestDataFunc func)
{
    g_autofree char *path = g_strdup_printf("/regs/%s/%s", dir, name);

    g_test_add_data_func(path, data, func);
}

static void add_rows(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        add("value", rows[i].name, &rows[i], test_row);
        add("access", rows[i].name, &rows[i], test_row_access);
        if (rows[i].bytes == 4 && rows[i].offset % 8 == 0 &&
            rows[i].offset + 4 != GBPA) {
            add("pair", rows[i].name, &rows[i], test_pair);
        }
        if (rows[i].bits && rows[i].offset != CR0 && rows[i].offset != CR1 &&
            rows[i].offset != CMDQ_PROD && rows[i].offset != GERRORN) {
            add("lock", rows[i].name, &rows[i], test_row_lock);
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(features); i++) {
        add("feature", features[i].name, &features[i], test_feature);
    }
    add("capped", "cmdq", GUINT_TO_POINTER(CMDQ_BASE), test_capped_queue);
    add("capped", "eventq", GUINT_TO_POINTER(EVENTQ_BASE), test_capped_queue);
    add("lock", "gerror-irq-cfg", GUINT_TO_POINTER(GERROR_IRQ_CFG0),
        test_irq_cfg_lock);
    add("lock", "eventq-irq-cfg", GUINT_TO_POINTER(EVENTQ_IRQ_CFG0),
        test_irq_cfg_lock);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_rows();
    g_test_add_func("/regs/lock/cr1", test_cr1_lock);
    g_test_add_func("/regs/lock/cr2-features", test_cr2_lock);
    g_test_add_func("/regs/version", test_version);
    g_test_add_func("/regs/access/illegal", test_illegal_access);
    g_test_add_func("/regs/index-before-base", test_index_before_base);
    g_test_add_func("/regs/load/same", test_load);
    g_test_add_func("/regs/load/other-promise", test_load_other_promise);
    g_test_add_func("/regs/load/garbage", test_load_garbage);
    return g_test_run();
}
