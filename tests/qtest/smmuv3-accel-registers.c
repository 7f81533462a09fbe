/*
 * Registers of an arm-smmuv3 without a host device, as a driver sees them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each register's value at reset, the bits that can be written, and what locks
 * them, by each width of access.
 */
#include "smmuv3-accel-test.h"

static void check_common_idrs(Scene *s)
{
    uint32_t idr0 = reg(s, IDR0), idr1 = reg(s, IDR1), idr5 = reg(s, IDR5);

    g_assert_cmpuint(extract32(idr0, 1, 1), ==, 1);     /* S1P */
    g_assert_cmpuint(extract32(idr0, 0, 1), ==, 0);     /* S2P */
    g_assert_cmpuint(extract32(idr0, 2, 2), ==, 2);     /* TTF: AArch64 */
    g_assert_cmpuint(extract32(idr0, 4, 1), ==, 1);     /* COHACC */
    g_assert_cmpuint(extract32(idr0, 10, 1), ==, 0);    /* ATS */
    g_assert_cmpuint(extract32(idr0, 16, 1), ==, 0);    /* PRI */
    g_assert_cmpuint(extract32(idr0, 24, 2), ==, 1);    /* STALL_MODEL: none */
    g_assert_cmpuint(extract32(idr0, 27, 2), ==, 1);    /* ST_LEVEL: two */
    g_assert_cmpuint(extract32(idr1, 0, 6), ==, 16);    /* SIDSIZE */
    g_assert_cmpuint(extract32(idr1, 21, 5), ==, 19);   /* CMDQS */
    g_assert_cmpuint(extract32(idr1, 16, 5), ==, 19);   /* EVENTQS */
    g_assert_cmpuint(extract32(reg(s, IDR3), 10, 1), ==, 1);    /* RIL */
    g_assert_cmpuint(extract32(idr5, 0, 3), ==, 4);     /* OAS: 44 bits */
    g_assert_cmpuint(extract32(idr5, 4, 3), ==, 7);     /* GRAN4K, 16K, 64K */
    g_assert_cmpuint(reg(s, AIDR), ==, 1);              /* SMMUv3.1 */
}

static void test_idr_accel(void)
{
    Scene s = start(ACCEL);

    check_common_idrs(&s);
    g_assert_cmpuint(extract32(reg(&s, IDR0), 13, 1), ==, 1);   /* MSI */
    g_assert_cmpuint(extract32(reg(&s, IDR3), 2, 1), ==, 1);    /* HAD */
    g_assert_cmpuint(extract32(reg(&s, IDR3), 4, 1), ==, 0);    /* XNX */
    g_assert_cmpuint(extract32(reg(&s, IDR3), 8, 1), ==, 0);    /* FWB */
    g_assert_cmpuint(extract32(reg(&s, IDR3), 11, 2), ==, 0);   /* BBML */
    end(&s);
}

static void test_idr_emulated(void)
{
    Scene s = start(EMULATED);

    check_common_idrs(&s);
    g_assert_cmpuint(extract32(reg(&s, IDR3), 2, 1), ==, 1);    /* HAD */
    g_assert_cmpuint(extract32(reg(&s, IDR3), 11, 2), ==, 2);   /* BBML */
    end(&s);
}

/* A register of an accelerated instance with nothing behind it. */
typedef struct RegCase {
    const char *name;
    uint32_t offset;
    unsigned bytes;
    uint64_t reset;
    uint64_t bits;          /* that can be written while all is off */
    uint32_t lock;          /* bits of CR0 that lock... */
    uint64_t locked;        /* ...these bits of it */
} RegCase;

#define SMMUEN          CR0_SMMUEN
#define EVENTQEN        CR0_EVENTQEN
#define CMDQEN          CR0_CMDQEN
#define QUEUES          (CMDQEN | EVENTQEN)
#define BASE            0x40000fffffffffffULL   /* RA or WA, 44 bits, size */
#define TABLE           0x40000fffffffffc0ULL

static const RegCase reg_cases[] = {
    { "idr2", IDR2, 4 },
    { "idr4", IDR4, 4 },
    { "iidr", IIDR, 4 },
    { "aidr", AIDR, 4, 1 },
    { "cr0ack", CR0ACK, 4 },
    { "cr1-table", CR1, 4, 0, 0xfff, SMMUEN, 0xfc0 },
    { "cr1-queue", CR1, 4, 0, 0xfff, QUEUES, 0x03f },
    { "cr2", CR2, 4, 0, 0x2, SMMUEN, 0x2 },
    { "statusr", STATUSR, 4 },
    { "agbpa", AGBPA, 4 },
    { "irq-ctrl", IRQ_CTRL, 4, 0, 0x5 },
    { "irq-ctrl-ack", IRQ_CTRLACK, 4 },
    { "gerror", GERROR, 4 },
    { "gerrorn", GERRORN, 4, 0, 0x1b5 },
    { "gerror-irq-cfg0", GERROR_IRQ_CFG0, 8, 0, 0xffffffffffcULL },
    { "gerror-irq-cfg1", GERROR_IRQ_CFG1, 4, 0, 0xffffffff },
    { "gerror-irq-cfg2", GERROR_IRQ_CFG2, 4, 0, 0x3f },
    { "strtab-base", STRTAB_BASE, 8, 0, TABLE, SMMUEN, TABLE },
    { "strtab-base-cfg", STRTAB_BASE_CFG, 4, 0, 0x307ff, SMMUEN, 0x307ff },
    { "cmdq-base", CMDQ_BASE, 8, 19, BASE, CMDQEN, BASE },
    { "cmdq-prod", CMDQ_PROD, 4, 0, 0xfffff },
    { "cmdq-cons", CMDQ_CONS, 4, 0, 0x7f0fffff, CMDQEN, 0x7f0fffff },
    { "eventq-base", EVENTQ_BASE, 8, 19, BASE, EVENTQEN, BASE },
    { "eventq-prod", PAGE0(EVENTQ_PROD), 4, 0, 0x800fffff, EVENTQEN,
      0x800fffff },
    { "eventq-cons", PAGE0(EVENTQ_CONS), 4, 0, 0x800fffff },
    { "eventq-irq-cfg0", EVENTQ_IRQ_CFG0, 8, 0, 0xffffffffffcULL },
    { "eventq-irq-cfg1", EVENTQ_IRQ_CFG1, 4, 0, 0xffffffff },
    { "eventq-irq-cfg2", EVENTQ_IRQ_CFG2, 4, 0, 0x3f },
    { "priq-base", PRIQ_BASE, 8 },
    { "priq-prod", PAGE0(PRIQ_PROD), 4 },
    { "priq-cons", PAGE0(PRIQ_CONS), 4 },
    { "idr6", IDR6, 4 },
    { "pidr4", PIDR4, 4, 0x04 },
    { "pidr0", PIDR0, 4, 0x84 },
    { "pidr1", PIDR1, 4, 0xb4 },
    { "pidr2", PIDR2, 4, 0xf0 },
    { "pidr3", PIDR3, 4, 0x10 },
    { "cidr0", CIDR0, 4, 0x0d },
    { "cidr3", CIDR3, 4, 0xb1 },
};

static void write_case(Scene *s, const RegCase *c, uint64_t value)
{
    if (c->bytes == 8) {
        set_reg64(s, c->offset, value);
    } else {
        set_reg(s, c->offset, value);
    }
}

/* In one piece, in halves, and in page 1 (an alias, which 6.1 permits) */
static void expect_case(Scene *s, const RegCase *c, uint64_t value)
{
    if (c->bytes == 8) {
        g_assert_cmphex(reg64(s, c->offset), ==, value);
        g_assert_cmphex(reg(s, c->offset + 4), ==, value >> 32);
    }
    g_assert_cmphex(reg(s, c->offset), ==, (uint32_t)value);
    g_assert_cmphex(reg(s, PAGE1 + c->offset), ==, (uint32_t)value);
}

static void check_halves(Scene *s, const RegCase *c)
{
    set_reg(s, c->offset, 0);
    expect_case(s, c, c->bits >> 32 << 32);
    set_reg(s, c->offset, 0xffffffff);
    set_reg(s, c->offset + 4, 0);
    expect_case(s, c, (uint32_t)c->bits);
}

/* 8 bytes at two registers of 4 are both of them, 6.2. */
static void check_pair(Scene *s, const RegCase *c)
{
    uint64_t both = reg(s, c->offset) |
                    (uint64_t)reg(s, c->offset + 4) << 32;

    g_assert_cmphex(reg64(s, c->offset), ==, both);
    g_assert_cmphex(reg64(s, PAGE1 + c->offset), ==, both);
    set_reg64(s, c->offset, 0);
    expect_case(s, c, c->bits ? 0 : c->reset);
    set_reg64(s, PAGE1 + c->offset, ~0ULL >> 32);
    expect_case(s, c, c->bits ? c->bits : c->reset);
}

static void test_register(const void *opaque)
{
    const RegCase *c = opaque;
    Scene s = start(ACCEL);

    expect_case(&s, c, c->reset);
    write_case(&s, c, ~0ULL);
    expect_case(&s, c, c->bits ? c->bits : c->reset);
    if (c->bytes == 8) {
        check_halves(&s, c);
    } else if (c->offset % 8 == 0) {
        check_pair(&s, c);
    }
    write_case(&s, c, 0);
    expect_case(&s, c, c->bits ? 0 : c->reset);
    qtest_system_reset(s.qts);
    expect_case(&s, c, c->reset);
    end(&s);
}

/* Each bit of CR0 locks what it shall lock, and nothing else. */
static void test_register_lock(const void *opaque)
{
    static const uint32_t enables[] = { SMMUEN, EVENTQEN, CMDQEN };
    const RegCase *c = opaque;
    uint64_t value = c->bits & 0x40000fffffffffe5ULL;
    Scene s = start(ACCEL);

    for (int i = 0; i < ARRAY_SIZE(enables); i++) {
        uint64_t locked = c->lock & enables[i] ? c->locked : 0;

        set_reg(&s, CR0, 0);
        set_reg(&s, CMDQ_PROD, 0);
        set_reg(&s, CMDQ_CONS, 0);
        write_case(&s, c, value);
        if (c->offset == CMDQ_CONS) {
            set_reg(&s, CMDQ_PROD, value);
        }
        set_reg(&s, CR0, enables[i]);
        write_case(&s, c, 0);
        if (c->offset == CR1) {
            /* Its other half has another lock. */
            g_assert_cmphex(reg(&s, CR1) & c->locked, ==, value & locked);
        } else {
            expect_case(&s, c, value & locked);
        }
    }
    end(&s);
}

/*
 * 1 and 2 bytes reach no register, 6.2. What is not aligned, QEMU's core cuts
 * up before the device sees it: here into 1 and 2 bytes.
 */
static void test_access_sizes(void)
{
    Scene s = start(ACCEL);

    set_reg(&s, CR1, 0xd75);
    qtest_writeb(s.qts, SMMU_ADDR + CR1, 0);
    qtest_writew(s.qts, SMMU_ADDR + CR1, 0);
    qtest_writel(s.qts, SMMU_ADDR + CR1 - 2, 0);
    qtest_writel(s.qts, SMMU_ADDR + CR1 + 1, 0);
    g_assert_cmphex(reg(&s, CR1), ==, 0xd75);
    g_assert_cmphex(qtest_readb(s.qts, SMMU_ADDR + CR1), ==, 0);
    g_assert_cmphex(qtest_readw(s.qts, SMMU_ADDR + CR1), ==, 0);
    end(&s);
}

/* Both indices of a queue by one access, while it is off and while it is on */
static void test_index_pairs(void)
{
    Scene s = start(ACCEL);

    set_reg64(&s, CMDQ_BASE, RING | 5);
    set_reg64(&s, CMDQ_PROD, 0x0000000900000009ULL);
    g_assert_cmphex(reg64(&s, CMDQ_PROD), ==, 0x0000000900000009ULL);
    set_reg(&s, CR0, CMDQEN);
    qtest_writeq(s.qts, RING + 16 * 9, CMD_SYNC);
    qtest_writeq(s.qts, RING + 16 * 9 + 8, 0);
    set_reg64(&s, CMDQ_PROD, 0x000000010000000aULL);
    g_assert_cmphex(reg64(&s, CMDQ_PROD), ==, 0x0000000a0000000aULL);
    set_reg64(&s, PAGE0(EVENTQ_PROD), 0x8000000380000002ULL);
    g_assert_cmphex(reg64(&s, PAGE0(EVENTQ_PROD)), ==, 0x8000000380000002ULL);
    end(&s);
}

/* A size reads back as written; indices have the bits of the real one. */
static void test_index_bits(void)
{
    Scene s = start(ACCEL);

    set_reg64(&s, CMDQ_BASE, RING | 31);
    set_reg(&s, CMDQ_PROD, 0xffffffff);
    g_assert_cmphex(reg64(&s, CMDQ_BASE), ==, RING | 31);
    g_assert_cmphex(reg(&s, CMDQ_PROD), ==, 0xfffff);
    set_reg64(&s, CMDQ_BASE, RING | 3);
    g_assert_cmphex(reg(&s, CMDQ_PROD), ==, 0xf);
    set_reg64(&s, EVENTQ_BASE, RING | 5);
    set_reg(&s, PAGE0(EVENTQ_PROD), 0xffffffff);
    set_reg(&s, PAGE0(EVENTQ_CONS), 0x7fffffff);
    g_assert_cmphex(reg(&s, PAGE0(EVENTQ_PROD)), ==, 0x8000003f);
    g_assert_cmphex(reg(&s, PAGE0(EVENTQ_CONS)), ==, 0x3f);
    end(&s);
}

static void test_cr0_exact(void)
{
    Scene s = start(ACCEL);

    set_reg(&s, CR0, 0xffffffff);
    g_assert_cmphex(reg(&s, CR0), ==, SMMUEN | QUEUES);
    g_assert_cmphex(reg(&s, CR0ACK), ==, SMMUEN | QUEUES);
    end(&s);
}

static void test_gbpa_exact(void)
{
    Scene s = start(ACCEL);

    set_reg(&s, GBPA, 0xffffffff);
    g_assert_cmphex(reg(&s, GBPA), ==, GBPA_ABORT | 0x3000);
    set_reg(&s, GBPA, 0x7fffffff & ~GBPA_ABORT);
    g_assert_cmphex(reg(&s, GBPA), ==, GBPA_ABORT | 0x3000);
    /* While SMMUEN=1 it is written, and means nothing. */
    set_reg(&s, CR0, SMMUEN);
    set_reg(&s, GBPA, GBPA_UPDATE | GBPA_RESET);
    g_assert_cmphex(reg(&s, GBPA), ==, GBPA_RESET);
    end(&s);
}

static void test_ril(void)
{
    Scene on = start(ACCEL ",ril=on"), off = start(ACCEL ",ril=off");

    g_assert_cmphex(reg(&on, IDR3) ^ reg(&off, IDR3), ==, IDR3_RIL);
    g_assert_cmphex(reg(&off, IDR3) & IDR3_RIL, ==, 0);
    qtest_system_reset(off.qts);
    g_assert_cmphex(reg(&off, IDR3) & IDR3_RIL, ==, 0);
    end(&on);
    end(&off);
}

static void test_cr0(const void *smmu)
{
    Scene s = start(smmu);

    g_assert_cmphex(reg(&s, CR0), ==, 0);
    g_assert_cmphex(reg(&s, CR0ACK), ==, 0);
    set_reg(&s, CR0, CR0_EVENTQEN);
    g_assert_cmphex(reg(&s, CR0ACK), ==, CR0_EVENTQEN);
    set_reg(&s, CR0, CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN);
    g_assert_cmphex(reg(&s, CR0ACK), ==,
                    CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN);
    /* Reserved bits are not acknowledged. */
    set_reg(&s, CR0, 0xffffffff);
    g_assert_cmphex(reg(&s, CR0ACK) & 0xfffffc20, ==, 0);
    set_reg(&s, CR0, 0);
    g_assert_cmphex(reg(&s, CR0ACK), ==, 0);
    end(&s);
}

static void test_gbpa(const void *smmu)
{
    Scene s = start(smmu);

    g_assert_cmphex(reg(&s, GBPA), ==, GBPA_RESET);
    /* Without Update it is ignored, 6.3.14. */
    set_reg(&s, GBPA, GBPA_ABORT);
    g_assert_cmphex(reg(&s, GBPA), ==, GBPA_RESET);
    set_reg(&s, GBPA, GBPA_UPDATE | GBPA_ABORT);
    g_assert_cmphex(reg(&s, GBPA), ==, GBPA_ABORT);
    set_reg(&s, GBPA, GBPA_UPDATE | GBPA_RESET);
    g_assert_cmphex(reg(&s, GBPA), ==, GBPA_RESET);
    end(&s);
}

static void test_gerror_read_only(const void *smmu)
{
    Scene s = start(smmu);

    set_reg(&s, GERROR, GERROR_CMDQ_ERR);
    g_assert_cmphex(reg(&s, GERROR), ==, 0);
    g_assert_cmphex(reg(&s, GERRORN), ==, 0);
    set_reg(&s, IRQ_CTRL, 5);
    g_assert_cmphex(reg(&s, IRQ_CTRLACK), ==, 5);
    end(&s);
}

static void test_reset(const void *smmu)
{
    Scene s = start_queue(smmu);
    uint32_t idr0 = reg(&s, IDR0), idr3 = reg(&s, IDR3);

    put(&s, 0xff, 0);
    ring_bell(&s);
    expect_stopped(&s, 0, CERROR_ILL);
    set_reg(&s, GBPA, GBPA_UPDATE | GBPA_ABORT);
    set_reg(&s, CR0, CR0_SMMUEN | CR0_CMDQEN);
    qtest_system_reset(s.qts);
    g_assert_cmphex(reg(&s, CR0), ==, 0);
    g_assert_cmphex(reg(&s, CR0ACK), ==, 0);
    g_assert_cmphex(reg(&s, GBPA), ==, GBPA_RESET);
    g_assert_cmphex(reg(&s, GERROR), ==, 0);
    g_assert_cmphex(reg(&s, GERRORN), ==, 0);
    g_assert_cmphex(reg(&s, CMDQ_PROD), ==, 0);
    g_assert_cmphex(reg(&s, CMDQ_CONS), ==, 0);
    g_assert_cmphex(reg(&s, IDR0), ==, idr0);
    g_assert_cmphex(reg(&s, IDR3), ==, idr3);
    /* And the queue works again. */
    enable_queue_at(&s, RING, LOG2SIZE);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    end(&s);
}

static const BothCase both[] = {
    { "registers/cr0", test_cr0 },
    { "registers/gbpa", test_gbpa },
    { "registers/gerror", test_gerror_read_only },
    { "registers/reset", test_reset },
};

void add_register_tests(void)
{
    qtest_add_func("smmuv3-accel/accel/registers/idr", test_idr_accel);
    qtest_add_func("smmuv3-accel/emulated/registers/idr", test_idr_emulated);
    add_both(both, ARRAY_SIZE(both));
    for (int i = 0; i < ARRAY_SIZE(reg_cases); i++) {
        add("register", reg_cases[i].name, &reg_cases[i], test_register);
        if (reg_cases[i].lock || reg_cases[i].offset == PAGE0(EVENTQ_CONS)) {
            add("lock", reg_cases[i].name, &reg_cases[i], test_register_lock);
        }
    }
    qtest_add_func("smmuv3-accel/register/sizes", test_access_sizes);
    qtest_add_func("smmuv3-accel/register/index-pairs", test_index_pairs);
    qtest_add_func("smmuv3-accel/register/index-bits", test_index_bits);
    qtest_add_func("smmuv3-accel/register/cr0", test_cr0_exact);
    qtest_add_func("smmuv3-accel/register/gbpa", test_gbpa_exact);
    qtest_add_func("smmuv3-accel/register/ril", test_ril);
}
