/*
 * An emulated endpoint behind an accelerated SMMU, and its driver.
 * See smmuv3-host-edu.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "smmuv3-host-edu.h"

#include "hw/pci/pci.h"

/* ---- The endpoint ---- */

void enable_edu(Scene *s, unsigned bus, unsigned devfn)
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

void fill_buffer(Scene *s)
{
    qtest_writeq(s->qts, SOURCE, CONTENT);
    dma(s, SOURCE, EDU_BUFFER, 0);
}

bool lands(Scene *s, uint64_t iova, uint64_t page)
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

bool lands_nowhere(Scene *s, uint64_t iova)
{
    return !lands(s, iova, PAGE_A) && qtest_readq(s->qts, PAGE_A) == 0 &&
           qtest_readq(s->qts, PAGE_B) == 0;
}

/* ---- What a driver does for it ---- */

void put_word(Scene *s, uint64_t addr, uint64_t value)
{
    qtest_writeq(s->qts, addr, value);
}

uint64_t edu_tables(unsigned n)
{
    return TABLES + n * TABLES_SIZE;
}

void map_page(Scene *s, unsigned n, uint64_t iova, uint64_t page)
{
    uint64_t l1 = edu_tables(n), l2 = l1 + 0x1000, l3 = l1 + 0x2000;

    put_word(s, l1 + 8 * extract64(iova, 30, 9), l2 | PTE_TABLE);
    put_word(s, l2 + 8 * extract64(iova, 21, 9), l3 | PTE_TABLE);
    put_word(s, l3 + 8 * extract64(iova, 12, 9), page | PTE_PAGE);
}

/* T0SZ=25, TTB1 off, V, IPS=40 bits, AA64, R, A */
void put_cd(Scene *s, unsigned context, unsigned n, unsigned asid)
{
    uint64_t cd = CONTEXTS + 64 * context;

    qtest_memset(s->qts, cd, 0, 64);
    put_word(s, cd, 25 | BIT_ULL(30) | BIT_ULL(31) | 2ull << 32 |
             BIT_ULL(41) | BIT_ULL(45) | BIT_ULL(46) | ASID(asid));
    put_word(s, cd + 8, edu_tables(n));
}

void run_with_sync(Scene *s, uint64_t dw0, uint64_t dw1)
{
    put(s, dw0, dw1);
    put(s, CMD_SYNC, 0);
    ring_bell(s);
    expect_drained(s);
}

void install_edu(Scene *s, uint32_t sid, uint64_t dw0, uint64_t dw1)
{
    put_ste(s, sid, dw0, dw1);
    run_with_sync(s, CFGI_STE | SID(sid), LEAF);
}

void translate_edu(Scene *s, uint32_t sid)
{
    put_cd(s, CONTEXT, 0, ASID_EDU);
    map_page(s, 0, IOVA, PAGE_A);
    install_edu(s, sid, s1_dw0(CONTEXT), S1_DW1);
}

bool start_with_edu(Scene *s, const char *more, unsigned n)
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

bool start_edu(Scene *s, unsigned n)
{
    return start_with_edu(s, "", n);
}

bool start_edu_off(Scene *s)
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

/* ---- Events ---- */

uint32_t edu_events(Scene *s)
{
    return reg(s, EVENTQ_PROD);
}

uint64_t edu_event_word(Scene *s, unsigned event, unsigned word)
{
    return qtest_readq(s->qts, EVENTQ + 32 * event + 8 * word);
}

void expect_event_of(Scene *s, unsigned event, unsigned type, uint32_t sid)
{
    g_assert_cmpuint(edu_events(s), ==, event + 1);
    g_assert_cmphex(edu_event_word(s, event, 0) & 0xff, ==, type);
    g_assert_cmphex(edu_event_word(s, event, 0) >> 32, ==, sid);
}

void expect_event(Scene *s, unsigned event, unsigned type)
{
    expect_event_of(s, event, type, EDU_SID);
}
