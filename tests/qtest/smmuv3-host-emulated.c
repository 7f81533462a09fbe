/*
 * Emulated endpoints behind an accelerated SMMU, beside a passed-through one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The endpoint is QEMU's edu, which copies between guest memory and a buffer
 * of its own. It translates by the guest's tables in software, and caches what
 * it found; so a page that moved is seen where it was until the guest
 * invalidates it, by the same commands that go to the host.
 */
#include "smmuv3-host-scene.h"

#include "hw/pci/pci.h"

#define EDU_SLOT        10
#define EDU_SID         (EDU_SLOT << 3)
#define EDU_BAR         0x10800000
#define EDU_ARGS        "-device edu,id=edu,dma_mask=0xffffffffffffffff,"
#define EDU             EDU_ARGS "bus=pcie.0,addr=0xa "

/* edu's registers, its buffer, and what its DMA takes of virtual time */
#define EDU_RAISE       0x60
#define EDU_SRC         0x80
#define EDU_DST         0x88
#define EDU_COUNT       0x90
#define EDU_COMMAND     0x98
#define EDU_RUN         1
#define EDU_TO_MEMORY   2
#define EDU_BUFFER      0x40000
#define EDU_NS          100000000

/* Stage-1 tables of three levels, 4 KiB pages, a 39-bit IOVA */
#define TABLES          0x45000000
#define TABLES_SIZE     0x10000
#define PAGE_A          0x46000000
#define PAGE_B          0x46001000
#define SOURCE          0x46002000
#define CONTENT         0x11223344
#define PTE_TABLE       3ull
#define PTE_PAGE        (3ull | 1ull << 6 | BIT_ULL(10))    /* RW, AF */
#define IOVA            0x12345000ull
#define CONTEXT         8               /* the endpoint's */
#define ASID_EDU        7


/* ---- The endpoint ---- */

static void enable_edu(Scene *s, unsigned bus, unsigned devfn)
{
    uint64_t command = config_addr(bus, devfn, PCI_COMMAND);

    qtest_writel(s->qts, config_addr(bus, devfn, PCI_BASE_ADDRESS_0), EDU_BAR);
    qtest_writew(s->qts, command, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    g_assert_cmphex(qtest_readl(s->qts, EDU_BAR) & 0xff, ==, 0xed);
}

static void dma(Scene *s, uint64_t src, uint64_t dst, unsigned command)
{
    qtest_writeq(s->qts, EDU_BAR + EDU_SRC, src);
    qtest_writeq(s->qts, EDU_BAR + EDU_DST, dst);
    qtest_writeq(s->qts, EDU_BAR + EDU_COUNT, 4);
    qtest_writeq(s->qts, EDU_BAR + EDU_COMMAND, command | EDU_RUN);
    qtest_clock_step(s->qts, 2 * EDU_NS);
    g_assert_cmphex(qtest_readq(s->qts, EDU_BAR + EDU_COMMAND) & EDU_RUN, ==,
                    0);
}

/* Its buffer gets what lands() looks for, while the SMMU is off. */
static void fill_buffer(Scene *s)
{
    qtest_writeq(s->qts, SOURCE, CONTENT);
    dma(s, SOURCE, EDU_BUFFER, 0);
}

/* Does a DMA write to @iova land at @page, and nowhere else? */
static bool lands(Scene *s, uint64_t iova, uint64_t page)
{
    static const uint64_t pages[] = { PAGE_A, PAGE_B };
    bool right = false, wrong = false;

    for (unsigned i = 0; i < G_N_ELEMENTS(pages); i++) {
        qtest_writeq(s->qts, pages[i], 0);
    }
    dma(s, EDU_BUFFER, iova, EDU_TO_MEMORY);
    for (unsigned i = 0; i < G_N_ELEMENTS(pages); i++) {
        uint64_t found = qtest_readq(s->qts, pages[i]);

        if (pages[i] == page) {
            right = found == CONTENT;
        } else {
            wrong |= found != 0;
        }
    }
    return right && !wrong;
}

static bool lands_nowhere(Scene *s, uint64_t iova)
{
    return !lands(s, iova, PAGE_A) && qtest_readq(s->qts, PAGE_A) == 0 &&
           qtest_readq(s->qts, PAGE_B) == 0;
}

/* ---- What a driver does for it ---- */

static void put_word(Scene *s, uint64_t addr, uint64_t value)
{
    qtest_writeq(s->qts, addr, value);
}

/* @n: which set of tables */
static uint64_t tables(unsigned n)
{
    return TABLES + n * TABLES_SIZE;
}

static void map(Scene *s, unsigned n, uint64_t iova, uint64_t page)
{
    uint64_t l1 = tables(n), l2 = l1 + 0x1000, l3 = l1 + 0x2000;

    put_word(s, l1 + 8 * extract64(iova, 30, 9), l2 | PTE_TABLE);
    put_word(s, l2 + 8 * extract64(iova, 21, 9), l3 | PTE_TABLE);
    put_word(s, l3 + 8 * extract64(iova, 12, 9), page | PTE_PAGE);
}

/* T0SZ=25, TTB1 off, V, IPS=40 bits, AA64, R, A */
static void put_cd(Scene *s, unsigned context, unsigned n, unsigned asid)
{
    uint64_t cd = CONTEXTS + 64 * context;

    qtest_memset(s->qts, cd, 0, 64);
    put_word(s, cd, 25 | BIT_ULL(30) | BIT_ULL(31) | 2ull << 32 |
             BIT_ULL(41) | BIT_ULL(45) | BIT_ULL(46) | ASID(asid));
    put_word(s, cd + 8, tables(n));
}

static void run_with_sync(Scene *s, uint64_t dw0, uint64_t dw1)
{
    put(s, dw0, dw1);
    put(s, CMD_SYNC, 0);
    ring_bell(s);
    expect_drained(s);
}

static void install_edu(Scene *s, uint32_t sid, uint64_t dw0, uint64_t dw1)
{
    put_ste(s, sid, dw0, dw1);
    run_with_sync(s, CFGI_STE | SID(sid), LEAF);
}

static void translate_edu(Scene *s, uint32_t sid)
{
    put_cd(s, CONTEXT, 0, ASID_EDU);
    map(s, 0, IOVA, PAGE_A);
    install_edu(s, sid, s1_dw0(CONTEXT), S1_DW1);
}

/* An edu that translates IOVA to PAGE_A, and @n translating vfio-pci. */
static bool start_with(Scene *s, const char *more, unsigned n)
{
    g_autofree char *args = g_strdup_printf(EDU "%s", more);

    if (!scene_init(s)) {
        return false;
    }
    scene_start_with(s, args, n);
    enable_edu(s, 0, EDU_SLOT << 3);
    fill_buffer(s);
    enable_queue(s, LOG2SIZE);
    enable_smmu(s);
    for (unsigned i = 0; i < n; i++) {
        translate(s, i, i);
    }
    translate_edu(s, EDU_SID);
    g_assert_true(lands(s, IOVA, PAGE_A));
    scene_forget(s);
    return true;
}

static bool start(Scene *s, unsigned n)
{
    return start_with(s, "", n);
}

/* ---- Tests ---- */

static void test_translates(void)
{
    Scene s;

    if (!start(&s, 1)) {
        return;
    }
    map(&s, 0, IOVA + 0x1000, PAGE_B);
    g_assert_true(lands(&s, IOVA + 0x1000, PAGE_B));
    g_assert_true(lands_nowhere(&s, IOVA + 0x2000));
    g_assert_true(lands_nowhere(&s, PAGE_A));
    /* Nothing of that is the host's, or the other device's. */
    g_assert_cmpuint(s.k->calls[FK_CALLS], ==, 0);
    expect_translating(&s, 0, 0);
    scene_done(&s);
}

/* No host, no vIOMMU, and all the same. */
static void test_alone(void)
{
    Scene s;

    if (!start(&s, 0)) {
        return;
    }
    map(&s, 0, IOVA, PAGE_B);
    run_with_sync(&s, TLBI_NH_VA | ASID(ASID_EDU), IOVA | LEAF);
    g_assert_true(lands(&s, IOVA, PAGE_B));
    g_assert_cmpuint(s.k->calls[FK_CALLS], ==, 0);
    scene_done(&s);
}

/* Read-only pages stay as they are. */
static void test_permission(void)
{
    Scene s;

    if (!start(&s, 1)) {
        return;
    }
    map(&s, 0, IOVA + 0x1000, PAGE_B | BIT_ULL(7));
    g_assert_true(lands_nowhere(&s, IOVA + 0x1000));
    scene_done(&s);
}

/* What makes a page that moved be seen where it is */
typedef struct Invalidation {
    const char *name;
    uint64_t dw0, dw1;
    const char *more;           /* arguments */
} Invalidation;

static const Invalidation invalidations[] = {
    { "va", TLBI_NH_VA | ASID(ASID_EDU), IOVA | LEAF },
    { "va-not-leaf", TLBI_NH_VA | ASID(ASID_EDU), IOVA },
    { "va-ttl", TLBI_NH_VA | ASID(ASID_EDU), IOVA | TG_4K | 3 << 8 },
    { "vaa", TLBI_NH_VAA, IOVA | LEAF },
    { "range", TLBI_NH_VA | ASID(ASID_EDU) | NUM(7),
      (IOVA - 0x3000) | TG_4K | LEAF },
    { "range-scaled", TLBI_NH_VAA | NUM(1) | SCALE(9),
      (IOVA & ~0x1fffffull) | TG_4K | LEAF },
    { "range-of-64k", TLBI_NH_VA | ASID(ASID_EDU) | NUM(1),
      (IOVA & ~0xffffull) | TG_64K },
    /* Whatever is reserved or odd is more, not less. */
    { "range-unaligned", TLBI_NH_VA | ASID(ASID_EDU) | NUM(1),
      (IOVA & ~0x1fffull) | TG_64K },
    { "range-reserved", TLBI_NH_VA | ASID(ASID_EDU) | NUM(1) | SCALE(32),
      0x1000 | TG_4K },
    { "range-to-the-end", TLBI_NH_VA | ASID(ASID_EDU) | NUM(31) | SCALE(31),
      TG_64K },
    { "no-ril", TLBI_NH_VA | ASID(ASID_EDU) | NUM(3) | SCALE(3),
      IOVA | TG_64K | 3 << 8, "-global arm-smmuv3.ril=off" },
    { "asid", TLBI_NH_ASID | ASID(ASID_EDU), 0 },
    { "nh-all", TLBI_NH_ALL, 0 },
    { "nsnh-all", TLBI_NSNH_ALL, 0 },
};

static void test_invalidate(const void *opaque)
{
    const Invalidation *c = opaque;
    Scene s;

    if (!start_with(&s, c->more ?: "", 1)) {
        return;
    }
    map(&s, 0, IOVA, PAGE_B);
    /* What proves nothing without a cache */
    g_assert_true(lands(&s, IOVA, PAGE_A));
    run_with_sync(&s, TLBI_NH_ASID | ASID(ASID_EDU + 1), 0);
    run_with_sync(&s, TLBI_NH_VA | ASID(ASID_EDU), 0x1000);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    scene_forget(&s);
    run_with_sync(&s, c->dw0, c->dw1);
    g_assert_true(lands(&s, IOVA, PAGE_B));
    /* And the host had it as well, with one call. */
    g_assert_cmpuint(s.k->calls[FK_INVALIDATE], ==, 1);
    scene_done(&s);
}

/* A queue full of ranges, the last of which counts */
static void test_long_window(void)
{
    unsigned n = (1 << LOG2SIZE) - 1;
    Scene s;

    if (!start(&s, 1)) {
        return;
    }
    map(&s, 0, IOVA, PAGE_B);
    for (unsigned i = 0; i + 1 < n; i++) {
        put(&s, TLBI_NH_VA | ASID(1) | NUM(2), nth_va(i) | TG_4K);
    }
    run_with_sync(&s, TLBI_NH_VA | ASID(ASID_EDU), IOVA);
    g_assert_true(lands(&s, IOVA, PAGE_B));
    scene_done(&s);
}

/* Behind a command that stops the queue nothing has happened. */
static void test_illegal_before(void)
{
    uint32_t at;
    Scene s;

    if (!start(&s, 1)) {
        return;
    }
    map(&s, 0, IOVA, PAGE_B);
    at = s.prod;
    put(&s, 0xff, 0);
    put(&s, TLBI_NH_VA | ASID(ASID_EDU), IOVA);
    ring_bell(&s);
    expect_stopped(&s, at, CERROR_ILL);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    put_at(&s, at, CMD_SYNC, 0);
    acknowledge(&s);
    expect_drained(&s);
    g_assert_true(lands(&s, IOVA, PAGE_B));
    scene_done(&s);
}

/* Configuration: by which command, for which stream */
typedef struct Configuration {
    const char *name;
    uint64_t dw0, dw1;
    bool other_cd;              /* another CD there; or else an aborting STE */
} Configuration;

static const Configuration configurations[] = {
    { "ste", CFGI_STE | SID(EDU_SID), LEAF },
    { "ste-range", CFGI_STE_RANGE | SID(EDU_SID + 3), 2 },
    { "ste-all", CFGI_STE_RANGE, 31 },
    { "cd", CFGI_CD | SID(EDU_SID), LEAF, true },
    { "cd-all", CFGI_CD_ALL | SID(EDU_SID), 0, true },
};

static void test_configuration(const void *opaque)
{
    const Configuration *c = opaque;
    Scene s;

    if (!start(&s, 1)) {
        return;
    }
    if (c->other_cd) {
        map(&s, 1, IOVA, PAGE_B);
        put_cd(&s, CONTEXT, 1, ASID_EDU + 1);
    } else {
        put_ste(&s, EDU_SID, STE_ABORT, 0);
    }
    g_assert_true(lands(&s, IOVA, PAGE_A));
    run_with_sync(&s, CFGI_STE | SID(EDU_SID + 1), LEAF);
    run_with_sync(&s, CFGI_STE_RANGE | SID(EDU_SID + 8), 1);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    run_with_sync(&s, c->dw0, c->dw1);
    g_assert_true(c->other_cd ? lands(&s, IOVA, PAGE_B)
                              : lands_nowhere(&s, IOVA));
    expect_translating(&s, 0, 0);
    scene_done(&s);
}

static void test_stes(void)
{
    Scene s;

    if (!start(&s, 1)) {
        return;
    }
    install_edu(&s, EDU_SID, STE_BYPASS, 0);
    g_assert_true(lands(&s, PAGE_B, PAGE_B));
    install_edu(&s, EDU_SID, 0, 0);
    g_assert_true(lands_nowhere(&s, IOVA));
    g_assert_true(lands_nowhere(&s, PAGE_B));
    install_edu(&s, EDU_SID, STE_V | 6 << 1, 0);    /* stage 2 */
    g_assert_true(lands_nowhere(&s, IOVA));
    install_edu(&s, EDU_SID, s1_dw0(CONTEXT), S1_DW1);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    scene_done(&s);
}

/* The registers that decide over streams decide over this one, too. */
static void test_registers(void)
{
    Scene s;

    if (!start(&s, 1)) {
        return;
    }
    disable_smmu(&s);
    g_assert_true(lands(&s, PAGE_B, PAGE_B));
    set_gbpa(&s, GBPA_ABORT);
    g_assert_true(lands_nowhere(&s, PAGE_B));
    enable_smmu(&s);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    disable_smmu(&s);
    set_gbpa(&s, 0);
    g_assert_true(lands(&s, PAGE_B, PAGE_B));
    enable_smmu(&s);
    g_assert_true(lands_nowhere(&s, PAGE_B));
    g_assert_true(lands(&s, IOVA, PAGE_A));
    scene_done(&s);
}

/* Two levels, and back: in either the table is where it says. */
static void test_two_levels(void)
{
    const uint64_t l1 = STRTAB + (64 << STRTAB_LOG2SIZE);
    Scene s;

    if (!start(&s, 1)) {
        return;
    }
    disable_smmu(&s);
    qtest_memset(s.qts, l1, 0, 0x1000);
    put_word(&s, l1 + 8 * (EDU_SID >> 8), STRTAB | 9);
    set_reg64(&s, STRTAB_BASE, l1);
    set_reg(&s, STRTAB_BASE_CFG, 1 << 16 | 8 << 6 | STRTAB_LOG2SIZE);
    enable_smmu(&s);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    disable_smmu(&s);
    set_reg64(&s, STRTAB_BASE, STRTAB);
    set_reg(&s, STRTAB_BASE_CFG, STRTAB_LOG2SIZE);
    enable_smmu(&s);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    scene_done(&s);
}

static void test_reset(void)
{
    Scene s;

    if (!start(&s, 1)) {
        return;
    }
    qtest_system_reset(s.qts);
    enable_edu(&s, 0, EDU_SLOT << 3);
    g_assert_true(lands(&s, PAGE_B, PAGE_B));
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    map(&s, 0, IOVA, PAGE_B);
    install_edu(&s, EDU_SID, s1_dw0(CONTEXT), S1_DW1);
    g_assert_true(lands(&s, IOVA, PAGE_B));
    scene_done(&s);
}

/* Its MSI reaches the doorbell whatever address the guest gave it. */
static void test_msi(void)
{
    uint64_t cap = config_addr(0, EDU_SLOT << 3, 0);
    unsigned irq = 80;          /* GICv2m's first */
    Scene s;

    if (!start(&s, 1)) {
        return;
    }
    watch_interrupts(&s);
    cap += qtest_readb(s.qts, cap + PCI_CAPABILITY_LIST);
    g_assert_cmphex(qtest_readb(s.qts, cap), ==, PCI_CAP_ID_MSI);
    qtest_writel(s.qts, cap + PCI_MSI_ADDRESS_LO, 0xdead0000);
    qtest_writew(s.qts, cap + PCI_MSI_DATA_64, irq);
    qtest_writew(s.qts, cap + PCI_MSI_FLAGS, PCI_MSI_FLAGS_ENABLE);
    g_assert_false(is_pending(&s, irq));
    qtest_writel(s.qts, EDU_BAR + EDU_RAISE, 1);
    g_assert_true(is_pending(&s, irq));
    scene_done(&s);
}

/* ---- Events ---- */


static uint32_t events(Scene *s)
{
    return reg(s, EVENTQ_PROD);
}

static uint64_t event_word(Scene *s, unsigned event, unsigned word)
{
    return qtest_readq(s->qts, EVENTQ + 32 * event + 8 * word);
}

static void expect_event_of(Scene *s, unsigned event, unsigned type,
                            uint32_t sid)
{
    g_assert_cmpuint(events(s), ==, event + 1);
    g_assert_cmphex(event_word(s, event, 0) & 0xff, ==, type);
    g_assert_cmphex(event_word(s, event, 0) >> 32, ==, sid);
}

static void expect_event(Scene *s, unsigned event, unsigned type)
{
    expect_event_of(s, event, type, EDU_SID);
}

/* A fault arrives with StreamID and address, and its interrupt. */
static void test_events(void)
{
    Scene s;

    if (!start(&s, 1)) {
        return;
    }
    g_assert_true(lands_nowhere(&s, IOVA + 0x1000));
    enable_events(&s, 3);
    watch_interrupts(&s);
    set_reg(&s, IRQ_CTRL, IRQ_CTRL_EVENTQ);
    g_assert_cmpuint(events(&s), ==, 0);
    g_assert_true(lands_nowhere(&s, IOVA + 0x1008));
    expect_event(&s, 0, F_TRANSLATION);
    g_assert_cmphex(event_word(&s, 0, 2), ==, IOVA + 0x1008);
    g_assert_cmphex(event_word(&s, 0, 1) & BIT_ULL(35), ==, 0);  /* RnW */
    g_assert_true(is_pending(&s, IRQ_EVENTQ));
    install_edu(&s, EDU_SID, s1_dw0(CONTEXT + 1), S1_DW1);
    qtest_memset(s.qts, CONTEXTS + 64 * (CONTEXT + 1), 0, 64);
    g_assert_true(lands_nowhere(&s, IOVA));
    expect_event(&s, 1, C_BAD_CD);
    install_edu(&s, EDU_SID, 0, 0);
    g_assert_true(lands_nowhere(&s, IOVA));
    expect_event(&s, 2, C_BAD_STE);
    scene_done(&s);
}

/* CD 0 of eight, or none, is what serves who has no substreams (5.2, S1DSS). */
static void test_substreams(void)
{
    uint64_t dw0 = s1_dw0(CONTEXT) | STE_S1CDMAX(3);
    Scene s;

    if (!start(&s, 1)) {
        return;
    }
    enable_events(&s, 3);
    install_edu(&s, EDU_SID, dw0, S1_DW1 | 2);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    install_edu(&s, EDU_SID, dw0, S1_DW1 | 1);
    g_assert_true(lands(&s, PAGE_B, PAGE_B));
    g_assert_cmpuint(events(&s), ==, 0);
    install_edu(&s, EDU_SID, dw0, S1_DW1 | 3);      /* behaves as 0 */
    g_assert_true(lands_nowhere(&s, IOVA));
    expect_event(&s, 0, F_STREAM_DISABLED);
    scene_done(&s);
}

#define L1_TABLE (STRTAB + 0x80000)
#define L2_TABLE (STRTAB + 0x90000)

/* The endpoint's STE is the 17th of its level 2 table: SPLIT is 6. */
static void use_two_levels(Scene *s, unsigned span, uint32_t cr2)
{
    uint64_t ste[2] = { s1_dw0(CONTEXT), S1_DW1 };

    disable_smmu(s);
    set_reg(s, CR2, cr2);
    set_reg64(s, STRTAB_BASE, L1_TABLE);
    set_reg(s, STRTAB_BASE_CFG, 8 | 6 << 6 | 1 << 16);
    put_word(s, L1_TABLE + 8 * (EDU_SID >> 6), L2_TABLE | span);
    qtest_memwrite(s->qts, L2_TABLE + 64 * (EDU_SID & 63), ste, sizeof(ste));
    enable_smmu(s);
}

/* 2^(Span-1) STEs, and C_BAD_STREAMID for who asks for it. */
static void test_level_2_bounds(void)
{
    Scene s;

    if (!start(&s, 0)) {
        return;
    }
    enable_events(&s, 3);
    use_two_levels(&s, 6, 0);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    use_two_levels(&s, 5, 0);
    g_assert_true(lands_nowhere(&s, IOVA));
    use_two_levels(&s, 8, 0);
    g_assert_true(lands_nowhere(&s, IOVA));
    g_assert_cmpuint(events(&s), ==, 0);
    use_two_levels(&s, 5, CR2_RECINVSID);
    g_assert_true(lands_nowhere(&s, IOVA));
    expect_event(&s, 0, C_BAD_STREAMID);
    scene_done(&s);
}

/* A table in a device's registers is none: they are not looked at. */
static void test_tables_in_registers(void)
{
    Scene s;

    if (!start(&s, 0)) {
        return;
    }
    disable_smmu(&s);
    set_reg64(&s, STRTAB_BASE, SMMU_ADDR);
    enable_smmu(&s);
    enable_events(&s, 3);
    g_assert_true(lands_nowhere(&s, IOVA));
    expect_event(&s, 0, F_STE_FETCH);
    disable_smmu(&s);
    set_reg64(&s, STRTAB_BASE, STRTAB);
    enable_smmu(&s);
    put_word(&s, CONTEXTS + 64 * CONTEXT + 8, SMMU_ADDR);
    run_with_sync(&s, CFGI_CD | SID(EDU_SID), LEAF);
    run_with_sync(&s, TLBI_NH_ALL, 0);
    g_assert_true(lands_nowhere(&s, IOVA));
    expect_event(&s, 1, F_WALK_EABT);
    scene_done(&s);
}

static void test_events_overflow(void)
{
    Scene s;

    if (!start(&s, 1)) {
        return;
    }
    enable_events(&s, 3);
    for (unsigned i = 0; i < 8; i++) {
        g_assert_true(lands_nowhere(&s, IOVA + 0x1000));
        g_assert_cmphex(events(&s), ==, i + 1);
    }
    g_assert_true(lands_nowhere(&s, IOVA + 0x1000));
    g_assert_cmphex(events(&s), ==, EVENTQ_OVFLG | 8);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    g_assert_cmphex(reg(&s, GERROR), ==, reg(&s, GERRORN));
    scene_done(&s);
}

/* ---- Plugging ---- */

static void plug_edu(Scene *s, unsigned port)
{
    g_autofree char *bus = g_strdup_printf("rp%u", port);

    qtest_qmp_assert_success(s->qts, "{ 'execute': 'device_add', 'arguments':"
                             " { 'driver': 'edu', 'id': 'edu', 'bus': %s,"
                             " 'dma_mask': %" PRIu64 " } }", bus,
                             UINT64_MAX);
    power_on(s, port);
}

static void set_window(Scene *s, unsigned port)
{
    uint64_t window = EDU_BAR >> 16 | (EDU_BAR >> 16) << 16;

    qtest_writel(s->qts, config_addr(0, PCI_DEVFN(port + 2, 0),
                                     PCI_MEMORY_BASE), window);
    qtest_writew(s->qts, config_addr(0, PCI_DEVFN(port + 2, 0), PCI_COMMAND),
                 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/* The slot's next device is a passed-through one, and again the other way. */
static void test_take_turns(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 2);
    set_window(&s, 0);
    for (unsigned round = 0; round < 2; round++) {
        plug(&s, 0, 0);
        expect_stage2(&s, 0);
        g_assert_cmpuint(s.k->mapped, >=, 128 << 20);
        unplug(&s, 0, 0);
        plug_edu(&s, 0);
        enable_edu(&s, 1, 0);
        fill_buffer(&s);
        enable_queue(&s, LOG2SIZE);
        enable_smmu(&s);
        translate_edu(&s, 1 << 8);
        g_assert_true(lands(&s, IOVA, PAGE_A));
        g_assert_true(lands_nowhere(&s, PAGE_A));
        set_reg(&s, CR0, 0);
        power_off(&s, 0);
    }
    expect_nothing_left(&s);
    scene_done(&s);
}

/* A bus that gets another number: its stream is that of the new one. */
static void test_renumber(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    set_window(&s, 0);
    plug_edu(&s, 0);
    enable_edu(&s, 1, 0);
    fill_buffer(&s);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    translate_edu(&s, 1 << 8);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    set_bus(&s, 0, 5);
    map(&s, 0, IOVA, PAGE_B);
    run_with_sync(&s, TLBI_NH_ASID | ASID(ASID_EDU), 0);
    /* All of its old configuration is forgotten with this one. */
    install_edu(&s, 5 << 8, STE_ABORT, 0);
    g_assert_true(lands_nowhere(&s, IOVA));
    install_edu(&s, 5 << 8, s1_dw0(CONTEXT), S1_DW1);
    g_assert_true(lands(&s, IOVA, PAGE_B));
    scene_done(&s);
}

/* ---- A bridge that goes, and leaves what was cached below it ---- */

#define BRIDGE_BUS      2
#define BEHIND_SID      (BRIDGE_BUS << 8)       /* all that is behind it */

/* rp0, bus 1; a conventional bridge in it, bus 2; edu in its slot 1 */
#define BRIDGE          "-device pcie-root-port,id=rp0,chassis=1,bus=pcie.0," \
                        "addr=2 -device pcie-pci-bridge,id=br,bus=rp0 " \
                        EDU_ARGS "bus=br,addr=1 "

static void number_bridges(Scene *s)
{
    set_window(s, 0);
    qtest_writeb(s->qts, config_addr(0, PCI_DEVFN(2, 0), PCI_SECONDARY_BUS),
                 1);
    qtest_writeb(s->qts, config_addr(0, PCI_DEVFN(2, 0),
                                     PCI_SUBORDINATE_BUS), BRIDGE_BUS);
    qtest_writeb(s->qts, config_addr(1, 0, PCI_SECONDARY_BUS), BRIDGE_BUS);
    qtest_writeb(s->qts, config_addr(1, 0, PCI_SUBORDINATE_BUS), BRIDGE_BUS);
    qtest_writel(s->qts, config_addr(1, 0, PCI_MEMORY_BASE),
                 EDU_BAR >> 16 | (EDU_BAR >> 16) << 16);
    qtest_writew(s->qts, config_addr(1, 0, PCI_COMMAND),
                 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/* What names the SMMU, and where its registers are */
typedef struct Kind {
    const char *machine;
    bool accel;
} Kind;

static const Kind accelerated = { MACHINE SMMU, true };
static const Kind machine_wide = {
    "-M virt,gic-version=2,highmem-ecam=off,iommu=smmuv3 -m 128 -nodefaults ",
};

/* edu's DMA behind the bridge goes through. */
static void start_bridge(Scene *s, const Kind *kind)
{
    /* Freed memory is filled, so that whoever looks there is seen. */
    g_setenv("MALLOC_PERTURB_", "165", true);
    scene_start_bare(s, "%s" BRIDGE, kind->machine);
    g_unsetenv("MALLOC_PERTURB_");
    s->smmu = kind->accel ? SMMU_ADDR : MACHINE_SMMU_ADDR;
    number_bridges(s);
    enable_edu(s, BRIDGE_BUS, 1 << 3);
    fill_buffer(s);
    enable_queue(s, LOG2SIZE);
    enable_smmu(s);
    translate_edu(s, BEHIND_SID);
    g_assert_true(lands(s, IOVA, PAGE_A));
}

/* Then its slot, bridge and bus are gone. */
static void lose_bridge(Scene *s, const Kind *kind)
{
    start_bridge(s, kind);
    switch_off(s, 0);
    qtest_qmp_eventwait(s->qts, "DEVICE_DELETED");
    qtest_qmp_eventwait(s->qts, "DEVICE_DELETED");
}

static void test_bridge_gone(const void *opaque)
{
    const Kind *kind = opaque;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    lose_bridge(&s, kind);
    run_with_sync(&s, CFGI_CD | SID(0x123), LEAF);
    run_with_sync(&s, CFGI_STE | SID(BEHIND_SID), LEAF);
    run_with_sync(&s, CFGI_STE_RANGE | SID(BEHIND_SID), 7);
    run_with_sync(&s, CFGI_STE_RANGE, 31);
    disable_smmu(&s);
    enable_smmu(&s);
    scene_done(&s);
}

/* Stage 2 with tables of AArch32, which no SMMU of QEMU has (5.2, S2AA64) */
static void test_stage2_aarch32(const void *opaque)
{
    static const unsigned configs[] = { 6, 7 };
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    start_bridge(&s, opaque);
    enable_events(&s, 3);
    for (unsigned i = 0; i < G_N_ELEMENTS(configs); i++) {
        install_edu(&s, BEHIND_SID, 1 | configs[i] << 1, 0);
        g_assert_true(lands_nowhere(&s, IOVA));
        expect_event_of(&s, i, C_BAD_STE, BEHIND_SID);
    }
    scene_done(&s);
}

/* ---- Queues and tables in the BAR of a passed-through device ---- */

/*
 * QEMU calls the BAR RAM, and takes the BQL to reach it. So it is no place for
 * what an SMMU reads on its own, whoever holds the BQL.
 */
#define VFIO_BAR        0x10000000

static void map_vfio_bar(Scene *s)
{
    uint64_t bar = config_addr(0, 2 << 3, PCI_BASE_ADDRESS_2);

    qtest_writel(s->qts, bar, VFIO_BAR);
    qtest_writew(s->qts, config_addr(0, 2 << 3, PCI_COMMAND),
                 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    qtest_writeq(s->qts, VFIO_BAR, 0x5a5a);
    g_assert_cmphex(qtest_readq(s->qts, VFIO_BAR), ==, 0x5a5a);
}

static void test_queue_in_bar(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_devices(&s, 1);
    map_vfio_bar(&s);
    enable_queue(&s, LOG2SIZE);
    set_reg(&s, CR0, 0);
    s.ring = VFIO_BAR;
    set_reg64(&s, CMDQ_BASE, s.ring | 4);
    set_reg(&s, CR0, CR0_CMDQEN);
    s.log2size = 4;
    put(&s, TLBI_NH_ALL, 0);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_stopped(&s, 0, CERROR_ABT);
    scene_done(&s);
}

static void test_tables_in_bar(void)
{
    static const uint64_t words[] = { STE_BYPASS, 0 };
    Scene s;

    if (!start(&s, 1)) {
        return;
    }
    map_vfio_bar(&s);
    enable_events(&s, 3);
    /* A stream table that would let everything through */
    disable_smmu(&s);
    for (unsigned sid = 0; sid < 0x100; sid++) {
        qtest_memwrite(s.qts, VFIO_BAR + 64 * sid, words, sizeof(words));
    }
    set_reg64(&s, STRTAB_BASE, VFIO_BAR);
    set_reg(&s, STRTAB_BASE_CFG, 8);
    enable_smmu(&s);
    g_assert_true(lands_nowhere(&s, PAGE_A));
    expect_event(&s, 0, F_STE_FETCH);
    disable_smmu(&s);
    set_reg64(&s, STRTAB_BASE, STRTAB);
    set_reg(&s, STRTAB_BASE_CFG, STRTAB_LOG2SIZE);
    enable_smmu(&s);
    /* A first level of tables that leads to those in RAM */
    qtest_memset(s.qts, VFIO_BAR, 0, 0x1000);
    put_word(&s, VFIO_BAR + 8 * extract64(IOVA, 30, 9),
             (tables(0) + 0x1000) | PTE_TABLE);
    put_word(&s, CONTEXTS + 64 * CONTEXT + 8, VFIO_BAR);
    run_with_sync(&s, CFGI_CD | SID(EDU_SID), LEAF);
    run_with_sync(&s, TLBI_NH_ALL, 0);
    g_assert_true(lands_nowhere(&s, IOVA));
    expect_event(&s, 1, F_WALK_EABT);
    /* A CD, the same as the one in RAM */
    put_word(&s, CONTEXTS + 64 * CONTEXT + 8, tables(0));
    for (unsigned i = 0; i < 64; i += 8) {
        put_word(&s, VFIO_BAR + i,
                 qtest_readq(s.qts, CONTEXTS + 64 * CONTEXT + i));
    }
    install_edu(&s, EDU_SID, STE_S1 | VFIO_BAR, S1_DW1);
    g_assert_true(lands_nowhere(&s, IOVA));
    expect_event(&s, 2, F_CD_FETCH);
    scene_done(&s);
}

/* ---- While the machine is stopped ---- */

/* A controller that fetches a command in the main loop, stopped or not */
#define NVME            "-device nvme,serial=none,bus=pcie.0,addr=0xb "
#define NVME_DEVFN      (11 << 3)
#define NVME_BAR        0x10900000
#define NVME_CC         0x14
#define NVME_AQA        0x24
#define NVME_ASQ        0x28
#define NVME_ACQ        0x30
#define NVME_SQ0_TAIL   0x1000

/* Its admin queue is where its stage 1 has nothing; it tries on and on. */
static void start_nvme(Scene *s)
{
    qtest_writel(s->qts, config_addr(0, NVME_DEVFN, PCI_BASE_ADDRESS_0),
                 NVME_BAR);
    qtest_writew(s->qts, config_addr(0, NVME_DEVFN, PCI_COMMAND),
                 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    qtest_writel(s->qts, NVME_BAR + NVME_AQA, 63 << 16 | 63);
    qtest_writeq(s->qts, NVME_BAR + NVME_ASQ, IOVA + 0x10000);
    qtest_writeq(s->qts, NVME_BAR + NVME_ACQ, IOVA + 0x20000);
    qtest_writel(s->qts, NVME_BAR + NVME_CC, 4 << 20 | 6 << 16 | 1);
}

static void fault_of_nvme(Scene *s)
{
    qtest_writel(s->qts, NVME_BAR + NVME_SQ0_TAIL, 1);
}

/* A fault after STOP is told at the RESUME; but not to another guest. */
static void test_events_of_stopped(void)
{
    Scene s;

    if (!start_with(&s, NVME, 0)) {
        return;
    }
    install_edu(&s, NVME_DEVFN, s1_dw0(CONTEXT), S1_DW1);
    enable_events(&s, 3);
    stop_machine(&s);
    start_nvme(&s);
    fault_of_nvme(&s);
    for (unsigned i = 0; i < 50; i++) {
        g_assert_cmpuint(events(&s), ==, 0);
        g_usleep(1000);
    }
    resume_machine(&s);
    for (unsigned i = 0; i < 5000 && !events(&s); i++) {
        g_usleep(1000);
    }
    g_assert_cmphex(event_word(&s, 0, 0) & 0xff, ==, F_TRANSLATION);
    g_assert_cmphex(event_word(&s, 0, 0) >> 32, ==, NVME_DEVFN);

    stop_machine(&s);
    start_nvme(&s);
    fault_of_nvme(&s);
    g_usleep(50 * 1000);
    qtest_system_reset(s.qts);
    s.cr0 = 0;
    enable_events(&s, 3);
    resume_machine(&s);
    g_usleep(50 * 1000);
    g_assert_cmpuint(events(&s), ==, 0);
    scene_done(&s);
}

/* ---- What the fuzz found in QEMU's own emulation ---- */

/* accel=off, and an edu that translates */
static bool start_off(Scene *s)
{
    if (!scene_init(s)) {
        return false;
    }
    scene_start_bare(s, "%s", MACHINE "-device arm-smmuv3,primary-bus=pcie.0,"
                     "id=smmu,accel=off " EDU);
    enable_edu(s, 0, EDU_SLOT << 3);
    fill_buffer(s);
    enable_queue(s, LOG2SIZE);
    enable_smmu(s);
    translate_edu(s, EDU_SID);
    g_assert_true(lands(s, IOVA, PAGE_A));
    return true;
}

/* An endpoint's event is not written into a device's registers. */
static void test_events_to_registers(void)
{
    Scene s;

    if (!start_off(&s)) {
        return;
    }
    /* A queue of one event, where edu has its DMA registers */
    set_reg64(&s, EVENTQ_BASE, EDU_BAR + EDU_SRC);
    set_reg(&s, CR0, s.cr0 | CR0_EVENTQEN);
    g_assert_true(lands_nowhere(&s, IOVA + 0x1000));
    g_assert_cmphex(qtest_readq(s.qts, EDU_BAR + EDU_SRC), ==, EDU_BUFFER);
    g_assert_cmphex(reg(&s, GERROR) ^ reg(&s, GERRORN), ==,
                    GERROR_EVENTQ_ABT_ERR);
    scene_done(&s);
}

/* A table of 2^63 entries begins at 0, whatever its base says. */
static void test_largest_table(void)
{
    Scene s;

    if (!start_off(&s)) {
        return;
    }
    disable_smmu(&s);
    set_reg(&s, STRTAB_BASE_CFG, 63);
    enable_smmu(&s);
    run_with_sync(&s, CFGI_STE_RANGE, 31);
    g_assert_true(lands_nowhere(&s, IOVA));
    disable_smmu(&s);
    set_reg(&s, STRTAB_BASE_CFG, STRTAB_LOG2SIZE);
    enable_smmu(&s);
    run_with_sync(&s, CFGI_STE_RANGE, 31);
    g_assert_true(lands(&s, IOVA, PAGE_A));
    scene_done(&s);
}

void add_emulated_tests(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(invalidations); i++) {
        g_autofree char *path = g_strdup_printf(
            "smmuv3-host/emulated/invalidate/%s", invalidations[i].name);

        qtest_add_data_func(path, &invalidations[i], test_invalidate);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(configurations); i++) {
        g_autofree char *path = g_strdup_printf(
            "smmuv3-host/emulated/configuration/%s", configurations[i].name);

        qtest_add_data_func(path, &configurations[i], test_configuration);
    }
    qtest_add_func("smmuv3-host/emulated/translates", test_translates);
    qtest_add_func("smmuv3-host/emulated/alone", test_alone);
    qtest_add_func("smmuv3-host/emulated/permission", test_permission);
    qtest_add_func("smmuv3-host/emulated/long-window", test_long_window);
    qtest_add_func("smmuv3-host/emulated/illegal-before",
                   test_illegal_before);
    qtest_add_func("smmuv3-host/emulated/stes", test_stes);
    qtest_add_func("smmuv3-host/emulated/registers", test_registers);
    qtest_add_func("smmuv3-host/emulated/two-levels", test_two_levels);
    qtest_add_func("smmuv3-host/emulated/reset", test_reset);
    qtest_add_func("smmuv3-host/emulated/msi", test_msi);
    qtest_add_func("smmuv3-host/emulated/events", test_events);
    qtest_add_func("smmuv3-host/emulated/substreams", test_substreams);
    qtest_add_func("smmuv3-host/emulated/level-2-bounds",
                   test_level_2_bounds);
    qtest_add_func("smmuv3-host/emulated/tables-in-registers",
                   test_tables_in_registers);
    qtest_add_func("smmuv3-host/emulated/events-overflow",
                   test_events_overflow);
    qtest_add_func("smmuv3-host/emulated/events-of-stopped",
                   test_events_of_stopped);
    qtest_add_func("smmuv3-host/emulated/take-turns", test_take_turns);
    qtest_add_func("smmuv3-host/emulated/renumber", test_renumber);
    qtest_add_data_func("smmuv3-host/emulated/bridge-gone/accel",
                        &accelerated, test_bridge_gone);
    qtest_add_data_func("smmuv3-host/emulated/bridge-gone/machine-wide",
                        &machine_wide, test_bridge_gone);
    qtest_add_data_func("smmuv3-host/emulated/aarch32/accel", &accelerated,
                        test_stage2_aarch32);
    qtest_add_data_func("smmuv3-host/emulated/aarch32/machine-wide",
                        &machine_wide, test_stage2_aarch32);
    qtest_add_func("smmuv3-host/emulated/off/events-to-registers",
                   test_events_to_registers);
    qtest_add_func("smmuv3-host/emulated/off/largest-table",
                   test_largest_table);
    qtest_add_func("smmuv3-host/emulated/queue-in-bar", test_queue_in_bar);
    qtest_add_func("smmuv3-host/emulated/tables-in-bar",
                   test_tables_in_bar);
}
