/*
 * arm-smmuv3 as a pluggable device, without a guest and without a host device.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Registers and the command queue as a driver sees them, by qtest's reads and
 * writes; what a host device would add is in the engine's unit tests and in
 * tests/e2e.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "libqtest.h"
#include "smmuv3-spec.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qobject/qnum.h"

/* The first dynamic device's place in the virt machine, and one in its RAM */
#define SMMU_ADDR       0x0c000000
#define RING            0x42000000
#define LOG2SIZE        4

#define MACHINE         "-M virt,gic-version=3 -nodefaults "
#define PLUGGED         "-device arm-smmuv3,primary-bus=pcie.0,id=smmu"
#define ACCEL           PLUGGED ",accel=on"
#define EMULATED        PLUGGED ",accel=off"

/* A machine and its SMMU's command queue */
typedef struct Scene {
    QTestState *qts;
    uint64_t ring;
    unsigned log2size;
    uint32_t prod;
} Scene;

static uint32_t reg(Scene *s, uint32_t offset)
{
    return qtest_readl(s->qts, SMMU_ADDR + offset);
}

static void set_reg(Scene *s, uint32_t offset, uint32_t value)
{
    qtest_writel(s->qts, SMMU_ADDR + offset, value);
}

static Scene start(const char *smmu)
{
    return (Scene) { .qts = qtest_initf(MACHINE "%s", smmu) };
}

static void end(Scene *s)
{
    qtest_quit(s->qts);
}

static void enable_queue(Scene *s, uint64_t ring, unsigned log2size)
{
    s->ring = ring;
    s->log2size = log2size;
    s->prod = 0;
    qtest_writeq(s->qts, SMMU_ADDR + CMDQ_BASE, ring | log2size);
    set_reg(s, CMDQ_PROD, 0);
    set_reg(s, CMDQ_CONS, 0);
    set_reg(s, CR0, CR0_CMDQEN);
}

static Scene start_queue(const char *smmu)
{
    Scene s = start(smmu);

    enable_queue(&s, RING, LOG2SIZE);
    return s;
}

/* Writes a command at the ring index that @prod names. */
static void put_at(Scene *s, uint32_t prod, uint64_t dw0, uint64_t dw1)
{
    uint64_t cmd[2] = { cpu_to_le64(dw0), cpu_to_le64(dw1) };
    uint32_t index = prod & ((1u << s->log2size) - 1);

    qtest_memwrite(s->qts, s->ring + index * sizeof(cmd), cmd, sizeof(cmd));
}

static void put(Scene *s, uint64_t dw0, uint64_t dw1)
{
    put_at(s, s->prod, dw0, dw1);
    s->prod = (s->prod + 1) & ((2u << s->log2size) - 1);
}

static void put_many(Scene *s, uint64_t dw0, unsigned n)
{
    g_autofree uint64_t *cmds = g_new0(uint64_t, 2 * n);

    for (unsigned i = 0; i < n; i++) {
        cmds[2 * i] = cpu_to_le64(dw0);
    }
    qtest_bufwrite(s->qts, s->ring, cmds, 2 * n * sizeof(*cmds));
    s->prod += n;
}

static void ring_bell(Scene *s)
{
    set_reg(s, CMDQ_PROD, s->prod);
}

static uint32_t cons(Scene *s)
{
    return reg(s, CMDQ_CONS) & 0xfffff;
}

static uint32_t cerror(Scene *s)
{
    return extract32(reg(s, CMDQ_CONS), 24, 7);
}

static bool cmdq_err(Scene *s)
{
    return (reg(s, GERROR) ^ reg(s, GERRORN)) & GERROR_CMDQ_ERR;
}

static void expect_drained(Scene *s)
{
    g_assert_cmphex(cons(s), ==, s->prod);
    g_assert_false(cmdq_err(s));
}

static void expect_stopped(Scene *s, uint32_t at, uint32_t error)
{
    g_assert_cmphex(cons(s), ==, at);
    g_assert_cmpuint(cerror(s), ==, error);
    g_assert_true(cmdq_err(s));
}

static void acknowledge(Scene *s)
{
    set_reg(s, GERRORN, reg(s, GERROR));
}

/* ---- Creation and properties ---- */

static QObject *property(Scene *s, const char *path, const char *name)
{
    QDict *reply = qtest_qmp(s->qts, "{ 'execute': 'qom-get', 'arguments':"
                             " { 'path': %s, 'property': %s } }", path, name);
    QObject *value = qdict_get(reply, "return");

    g_assert_nonnull(value);
    qobject_ref(value);
    qobject_unref(reply);
    return value;
}

static uint64_t uint_property(Scene *s, const char *path, const char *name)
{
    QNum *num = qobject_to(QNum, property(s, path, name));
    uint64_t value;

    g_assert_nonnull(num);
    value = qnum_get_uint(num);
    qobject_unref(num);
    return value;
}

/* Of the only instance, as query-smmuv3-accel has it */
static QDict *stats(Scene *s, QDict **reply)
{
    QList *list;

    *reply = qtest_qmp(s->qts, "{ 'execute': 'query-smmuv3-accel' }");
    list = qdict_get_qlist(*reply, "return");
    g_assert_nonnull(list);
    g_assert_cmpuint(qlist_size(list), ==, 1);
    return qdict_get_qdict(qobject_to(QDict, qlist_peek(list)), "stats");
}

static uint64_t counter(Scene *s, const char *name)
{
    QDict *reply;
    uint64_t value = qdict_get_int(stats(s, &reply), name);

    qobject_unref(reply);
    return value;
}

/* Of what is counted by kind, all of them */
static uint64_t sum(Scene *s, const char *name)
{
    QDict *reply, *kinds = qdict_get_qdict(stats(s, &reply), name);
    uint64_t value = 0;

    g_assert_nonnull(kinds);
    for (const QDictEntry *e = qdict_first(kinds); e;
         e = qdict_next(kinds, e)) {
        value += qdict_get_int(kinds, qdict_entry_key(e));
    }
    qobject_unref(reply);
    return value;
}

static void test_defaults(void)
{
    static const char path[] = "/machine/peripheral/smmu";
    Scene s = start(PLUGGED);

    g_assert_false(qtest_qom_get_bool(s.qts, path, "accel"));
    g_assert_true(qtest_qom_get_bool(s.qts, path, "smmu_per_bus"));
    g_assert_cmpuint(uint_property(&s, path, "identifier"), ==, 0);
    end(&s);
}

static void test_accel_properties(void)
{
    static const char path[] = "/machine/peripheral/smmu";
    Scene s = start(ACCEL);

    g_assert_true(qtest_qom_get_bool(s.qts, path, "accel"));
    g_assert_true(qtest_qom_get_bool(s.qts, path, "smmu_per_bus"));
    /* GITS_TRANSLATER */
    g_assert_cmphex(uint_property(&s, path, "msi-gpa"), ==, 0x08090040);
    end(&s);
}

static void test_gicv2m_doorbell(void)
{
    Scene s = { .qts = qtest_init("-M virt,gic-version=2 -nodefaults "
                                  ACCEL) };

    /* MSI_SETSPI_NS */
    g_assert_cmphex(uint_property(&s, "/machine/peripheral/smmu", "msi-gpa"),
                    ==, 0x08020040);
    end(&s);
}

static void test_two_instances(void)
{
    Scene s = start("-device pxb-pcie,id=pcie.1,bus_nr=32,bus=pcie.0 " ACCEL
                    " -device arm-smmuv3,primary-bus=pcie.1,id=far,accel=on");

    g_assert_cmpuint(uint_property(&s, "/machine/peripheral/smmu",
                                   "identifier"), ==, 0);
    g_assert_cmpuint(uint_property(&s, "/machine/peripheral/far",
                                   "identifier"), ==, 1);
    /* The second one's registers follow the first one's 128 KiB. */
    g_assert_cmphex(qtest_readl(s.qts, SMMU_ADDR + REGISTERS_SIZE + IDR1), ==,
                    reg(&s, IDR1));
    set_reg(&s, CR1, 0xd75);
    g_assert_cmphex(qtest_readl(s.qts, SMMU_ADDR + REGISTERS_SIZE + CR1),
                    ==, 0);
    end(&s);
}

/* ---- Registers ---- */

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
/* A register of page 1 at its alias in page 0 */
#define PAGE0(reg)      ((reg) - PAGE1)
#define GBPA_RESET      0x1000          /* SHCFG: use incoming */
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

static uint64_t reg64(Scene *s, uint32_t offset)
{
    return qtest_readq(s->qts, SMMU_ADDR + offset);
}

static void set_reg64(Scene *s, uint32_t offset, uint64_t value)
{
    qtest_writeq(s->qts, SMMU_ADDR + offset, value);
}

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
    enable_queue(&s, RING, LOG2SIZE);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    end(&s);
}

/* ---- The command queue ---- */

static void test_tlbi_and_sync(const void *smmu)
{
    Scene s = start_queue(smmu);

    put(&s, TLBI_NH_VA, 0x7000);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    end(&s);
}

static void test_disabled_queue(const void *smmu)
{
    Scene s = start_queue(smmu);

    set_reg(&s, CR0, 0);
    put(&s, TLBI_NH_ALL, 0);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    g_assert_cmphex(cons(&s), ==, 0);
    set_reg(&s, CR0, CR0_CMDQEN);
    expect_drained(&s);
    end(&s);
}

/* One error: named, nothing after it consumed, resumed by acknowledging. */
static void test_error_and_resume(const void *smmu)
{
    Scene s = start_queue(smmu);
    uint32_t gerror;

    put(&s, TLBI_NH_ALL, 0);
    put(&s, 0xff, 0);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_stopped(&s, 1, CERROR_ILL);
    gerror = reg(&s, GERROR);
    g_assert_cmphex(gerror, ==, GERROR_CMDQ_ERR);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_stopped(&s, 1, CERROR_ILL);
    g_assert_cmphex(reg(&s, GERROR), ==, gerror);

    put_at(&s, 1, CMD_SYNC, 0);
    acknowledge(&s);
    expect_drained(&s);
    g_assert_cmphex(reg(&s, GERROR), ==, gerror);

    /* The next error toggles it back. */
    put(&s, 0xff, 0);
    ring_bell(&s);
    expect_stopped(&s, 4, CERROR_ILL);
    g_assert_cmphex(reg(&s, GERROR), ==, 0);
    end(&s);
}

/* Acknowledged without a repair, the command fails again. */
static void test_error_again(void)
{
    Scene s = start_queue(ACCEL);

    put(&s, 0xff, 0);
    ring_bell(&s);
    expect_stopped(&s, 0, CERROR_ILL);
    acknowledge(&s);
    expect_stopped(&s, 0, CERROR_ILL);
    g_assert_cmphex(reg(&s, GERROR), ==, 0);
    g_assert_cmphex(reg(&s, GERRORN), ==, GERROR_CMDQ_ERR);
    end(&s);
}

typedef struct CommandCase {
    const char *name;
    uint64_t dw0, dw1;
    uint32_t error;
} CommandCase;

/* With nothing behind the SMMU: what is legal, for one with stage 1 only. */
static const CommandCase commands[] = {
    { "prefetch", PREFETCH_CONFIG | SID(8), 0, CERROR_NONE },
    { "prefetch-ssec", PREFETCH_CONFIG | SSEC, 0, CERROR_ILL },
    { "cfgi-ste-unknown-sid", CFGI_STE | SID(0x1234), 1, CERROR_NONE },
    { "cfgi-ste-huge-sid", CFGI_STE | SID(0xffffffff), 1, CERROR_NONE },
    { "cfgi-ste-ssec", CFGI_STE | SSEC, 1, CERROR_ILL },
    { "cfgi-all", CFGI_STE_RANGE, 31, CERROR_NONE },
    { "cfgi-all-ssec", CFGI_STE_RANGE | SSEC, 31, CERROR_ILL },
    { "cfgi-cd", CFGI_CD | SID(8), 1, CERROR_NONE },
    { "cfgi-cd-ssec", CFGI_CD | SSEC, 1, CERROR_ILL },
    { "cfgi-cd-all", CFGI_CD_ALL, 0, CERROR_NONE },
    { "tlbi-nh-all", TLBI_NH_ALL, 0, CERROR_NONE },
    { "tlbi-nh-asid", TLBI_NH_ASID | ASID(3), 0, CERROR_NONE },
    { "tlbi-nh-va", TLBI_NH_VA, 0x1000, CERROR_NONE },
    { "tlbi-nh-va-range", TLBI_NH_VA | NUM(5) | SCALE(31),
      0x1000 | TG_4K, CERROR_NONE },
    { "tlbi-nh-va-granule", TLBI_NH_VA, 0x1000 | TG_4K, CERROR_ILL },
    { "tlbi-nh-vaa", TLBI_NH_VAA, 0x1001, CERROR_NONE },
    { "tlbi-nsnh-all", TLBI_NSNH_ALL, 0, CERROR_NONE },
    { "tlbi-el3-all", TLBI_EL3_ALL, 0, CERROR_ILL },
    { "tlbi-el2-all", TLBI_EL2_ALL, 0, CERROR_ILL },
    { "tlbi-el2-va", TLBI_EL2_VA, 0, CERROR_ILL },
    { "tlbi-s12-vmall", TLBI_S12_VMALL, 0, CERROR_ILL },
    { "tlbi-s2-ipa", TLBI_S2_IPA, 0, CERROR_ILL },
    { "atc-inv-without-ats", ATC_INV, 0, CERROR_ILL },
    { "pri-resp", PRI_RESP, 0, CERROR_ILL },
    { "resume", RESUME, 0, CERROR_ILL },
    { "stall-term", STALL_TERM, 0, CERROR_ILL },
    { "sync", CMD_SYNC, 0, CERROR_NONE },
    { "sync-irq", CMD_SYNC | SYNC_CS(1), 0, CERROR_NONE },
    { "sync-sev", CMD_SYNC | SYNC_CS(2), 0, CERROR_NONE },
    { "sync-cs-reserved", CMD_SYNC | SYNC_CS(3), 0, CERROR_ILL },
    { "opcode-00", 0x00, 0, CERROR_ILL },
    { "opcode-ff", 0xff, 0, CERROR_ILL },
};

/* With a command before and one after it, in one window. */
static void test_command(const void *opaque)
{
    const CommandCase *c = opaque;
    Scene s = start_queue(ACCEL);

    put(&s, TLBI_NH_ALL, 0);
    put(&s, c->dw0, c->dw1);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    if (c->error) {
        expect_stopped(&s, 1, c->error);
    } else {
        expect_drained(&s);
    }
    g_assert_cmpuint(sum(&s, "command-errors"), ==, c->error ? 1 : 0);
    g_assert_cmpuint(sum(&s, "commands"), ==, c->error ? 1 : 3);
    g_assert_cmpuint(counter(&s, "forwarded"), ==, 0);
    end(&s);
}

/* CFGI while SMMUEN=1 and the stream table is nowhere: never an error. */
static void test_cfgi_while_enabled(void)
{
    Scene s = start_queue(ACCEL);

    set_reg(&s, CR0, CR0_SMMUEN | CR0_CMDQEN);
    put(&s, CFGI_STE | SID(0x100), 1);
    put(&s, CFGI_STE_RANGE, 31);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    end(&s);
}

/* Three rounds and a half through a ring of 8, 5 at a time */
static void test_wrap(const void *smmu)
{
    Scene s = start(smmu);

    enable_queue(&s, RING, 3);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 5; i++) {
            put(&s, TLBI_NH_ALL, 0);
        }
        ring_bell(&s);
        expect_drained(&s);
    }
    /* 25 commands: index 1, wrap bit 1. The first of the next round fails. */
    g_assert_cmphex(s.prod, ==, 9);
    for (int i = 0; i < 7; i++) {
        put(&s, TLBI_NH_ALL, 0);
    }
    put(&s, 0xff, 0);
    ring_bell(&s);
    expect_stopped(&s, 0, CERROR_ILL);
    end(&s);
}

static void test_full(const void *smmu)
{
    Scene s = start(smmu);

    enable_queue(&s, RING, 3);
    for (int i = 0; i < 8; i++) {
        put(&s, CMD_SYNC, 0);
    }
    g_assert_cmphex(s.prod, ==, 8);
    ring_bell(&s);
    expect_drained(&s);
    end(&s);
}

/* A PROD that claims more than the queue holds, 3.5.1: work stays bounded. */
static void test_overfull(void)
{
    Scene s = start(ACCEL);

    enable_queue(&s, RING, 3);
    for (int i = 0; i < 8; i++) {
        put(&s, CMD_SYNC, 0);
    }
    s.prod = 8 + 3;
    ring_bell(&s);
    expect_drained(&s);
    g_assert_cmpuint(sum(&s, "commands"), <=, 8);
    end(&s);
}

/* A hole, a device's registers: neither is memory that a queue can be in. */
static void test_unreadable(const void *opaque)
{
    Scene s = start(ACCEL);

    enable_queue(&s, *(const uint64_t *)opaque, LOG2SIZE);
    s.prod = 1;
    ring_bell(&s);
    expect_stopped(&s, 0, CERROR_ABT);
    set_reg(&s, CR0, 0);
    acknowledge(&s);
    enable_queue(&s, RING, LOG2SIZE);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    end(&s);
}

/* The window's first half is in RAM, its second half is not. */
static void test_memory_ends(void)
{
    Scene s = { .qts = qtest_init("-M virt,gic-version=3 -nodefaults -m 65568k "
                                  ACCEL) };

    enable_queue(&s, 0x44000000, 12);
    put_many(&s, TLBI_NH_ALL, 2048);
    s.prod = 2050;
    ring_bell(&s);
    expect_stopped(&s, 2048, CERROR_ABT);
    end(&s);
}

/* More than one slice: the rest comes from a bottom half. */
static void test_long_window(void)
{
    unsigned n = 20000, polls = 0;
    Scene s = start(ACCEL);

    enable_queue(&s, RING, 15);
    put_many(&s, TLBI_NH_ALL, n);
    ring_bell(&s);
    while (cons(&s) != s.prod) {
        g_assert_cmpuint(polls++, <, 1000);
    }
    expect_drained(&s);
    g_assert_cmpuint(sum(&s, "commands"), ==, n);
    g_assert_cmpuint(counter(&s, "windows"), >=, 2);
    end(&s);
}

/* An error in the second slice is named like one in the first. */
static void test_long_window_error(void)
{
    unsigned polls = 0;
    Scene s = start(ACCEL);

    enable_queue(&s, RING, 15);
    put_many(&s, TLBI_NH_ALL, 20000);
    put_at(&s, 17000, 0xff, 0);
    ring_bell(&s);
    while (!cmdq_err(&s)) {
        g_assert_cmpuint(polls++, <, 1000);
    }
    expect_stopped(&s, 17000, CERROR_ILL);
    put_at(&s, 17000, CMD_SYNC, 0);
    acknowledge(&s);
    expect_drained(&s);
    end(&s);
}

/* A reset between two slices: nothing is consumed after it. */
static void test_reset_in_window(void)
{
    Scene s = start(ACCEL);

    enable_queue(&s, RING, 15);
    put_many(&s, TLBI_NH_ALL, 32768);
    ring_bell(&s);
    qtest_system_reset(s.qts);
    g_assert_cmphex(reg(&s, CMDQ_CONS), ==, 0);
    g_assert_cmphex(reg(&s, CMDQ_CONS), ==, 0);
    g_assert_cmphex(reg(&s, GERROR), ==, 0);
    end(&s);
}

/* 6.3.28: the guest moves CONS only while the queue is off. */
static void test_cons_read_only(void)
{
    Scene s = start_queue(ACCEL);

    set_reg(&s, CMDQ_CONS, 5);
    g_assert_cmphex(reg(&s, CMDQ_CONS), ==, 0);
    set_reg(&s, CR0, 0);
    set_reg(&s, CMDQ_CONS, 5);
    g_assert_cmphex(reg(&s, CMDQ_CONS), ==, 5);
    end(&s);
}

/* Bases are aligned to the queue's size, 6.3.26. */
static void test_base_alignment(void)
{
    Scene s = start(ACCEL);

    enable_queue(&s, RING, 6);
    set_reg(&s, CR0, 0);
    set_reg64(&s, CMDQ_BASE, (RING + 0x3e0) | 6);
    g_assert_cmphex(reg64(&s, CMDQ_BASE), ==, (RING + 0x3e0) | 6);
    set_reg(&s, CR0, CR0_CMDQEN);
    put(&s, CMD_SYNC, 0);
    put(&s, 0xff, 0);
    ring_bell(&s);
    expect_stopped(&s, 1, CERROR_ILL);
    end(&s);
}

/* An error waits: switching the queue off and on is no acknowledgement. */
static void test_error_survives_enable(void)
{
    Scene s = start_queue(ACCEL);

    put(&s, 0xff, 0);
    ring_bell(&s);
    put_at(&s, 0, CMD_SYNC, 0);
    set_reg(&s, CR0, 0);
    set_reg(&s, CR0, CR0_CMDQEN);
    expect_stopped(&s, 0, CERROR_ILL);
    acknowledge(&s);
    expect_drained(&s);
    end(&s);
}

/* The GIC's distributor, and the first instance's interrupts in it */
#define GICD            0x08000000
#define INTID_EVENTQ    144
#define INTID_SYNC      (INTID_EVENTQ + 2)
#define INTID_GERROR    (INTID_EVENTQ + 3)

/* Wired interrupts are edges, 3.18: latched by the GIC if it expects edges. */
static void expect_edges(Scene *s)
{
    qtest_writel(s->qts, GICD + 0xc00 + INTID_EVENTQ / 4, 0xaaaaaaaa);
}

/* Was there one since it was last asked? */
static bool edge(Scene *s, unsigned intid)
{
    uint32_t bit = BIT(intid % 32), at = intid / 32 * 4;
    bool pending = qtest_readl(s->qts, GICD + 0x200 + at) & bit;

    qtest_writel(s->qts, GICD + 0x280 + at, bit);
    return pending;
}

static void test_gerror_irq(void)
{
    Scene s = start_queue(ACCEL);

    expect_edges(&s);
    put(&s, 0xff, 0);
    ring_bell(&s);
    g_assert_false(edge(&s, INTID_GERROR));     /* IRQ_CTRL is 0 */
    set_reg(&s, IRQ_CTRL, IRQ_CTRL_GERROR);
    g_assert_false(edge(&s, INTID_GERROR));
    acknowledge(&s);                            /* fails again */
    g_assert_true(edge(&s, INTID_GERROR));
    ring_bell(&s);
    g_assert_false(edge(&s, INTID_GERROR));
    put_at(&s, 0, CMD_SYNC, 0);
    acknowledge(&s);
    g_assert_false(edge(&s, INTID_GERROR));
    expect_drained(&s);
    g_assert_false(edge(&s, INTID_SYNC));
    g_assert_false(edge(&s, INTID_EVENTQ));
    end(&s);
}

static void test_sync_irq(void)
{
    Scene s = start_queue(ACCEL);

    expect_edges(&s);
    put(&s, CMD_SYNC | SYNC_CS(0), 0);
    ring_bell(&s);
    g_assert_false(edge(&s, INTID_SYNC));
    put(&s, CMD_SYNC | SYNC_CS(1), 0);
    ring_bell(&s);
    g_assert_true(edge(&s, INTID_SYNC));
    g_assert_false(edge(&s, INTID_GERROR));
    end(&s);
}

/* ---- MSIs ---- */

#define MSI_RAM         0x43000000

static void sync_msi(Scene *s, uint64_t addr, uint32_t data)
{
    put(s, CMD_SYNC | SYNC_CS(1) | SYNC_MSI_DATA(data), addr);
    ring_bell(s);
}

static uint32_t errors(Scene *s)
{
    return reg(s, GERROR) ^ reg(s, GERRORN);
}

/* Within the ring, where Linux has it, and elsewhere in RAM. */
static void test_sync_msi(void)
{
    Scene s = start_queue(ACCEL);

    expect_edges(&s);
    sync_msi(&s, RING, 0);
    g_assert_cmphex(qtest_readl(s.qts, RING), ==, 0);
    sync_msi(&s, RING + 0xfc, 0x5a17c0de);
    g_assert_cmphex(qtest_readl(s.qts, RING + 0xfc), ==, 0x5a17c0de);
    sync_msi(&s, MSI_RAM, 0x12345678);
    g_assert_cmphex(qtest_readl(s.qts, MSI_RAM), ==, 0x12345678);
    g_assert_cmphex(qtest_readl(s.qts, MSI_RAM + 4), ==, 0);
    g_assert_false(edge(&s, INTID_SYNC));
    g_assert_cmphex(errors(&s), ==, 0);
    expect_drained(&s);
    end(&s);
}

/* A ring that moved is read, and written, where it is now. */
static void test_moved_ring(void)
{
    Scene s = start_queue(ACCEL);

    sync_msi(&s, RING, 1);
    set_reg(&s, CR0, 0);
    enable_queue(&s, RING + 0x10000, LOG2SIZE + 1);
    sync_msi(&s, RING + 0x10000, 2);
    g_assert_cmphex(qtest_readl(s.qts, RING + 0x10000), ==, 2);
    sync_msi(&s, RING, 3);
    g_assert_cmphex(qtest_readl(s.qts, RING), ==, 3);
    expect_drained(&s);
    end(&s);
}

/* No device but the doorbell: not this one, nor flash, nor what is nowhere. */
static void test_msi_to_device(void)
{
    static const uint64_t places[] = {
        SMMU_ADDR + CMDQ_PROD, SMMU_ADDR + CR0, 0x09000000, 0x00000000 + 8,
        0x08000000, 0x3000000000,
    };
    Scene s = start_queue(ACCEL);

    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        sync_msi(&s, places[i], 0);
        g_assert_cmphex(errors(&s), ==, GERROR_MSI_CMDQ_ABT_ERR);
        expect_drained(&s);
        acknowledge(&s);
        g_assert_cmphex(errors(&s), ==, 0);
    }
    g_assert_cmphex(reg(&s, CR0), ==, CR0_CMDQEN);
    end(&s);
}

static void test_gerror_msi(void)
{
    Scene s = start_queue(ACCEL);

    expect_edges(&s);
    qtest_writeq(s.qts, SMMU_ADDR + GERROR_IRQ_CFG0, MSI_RAM);
    set_reg(&s, GERROR_IRQ_CFG1, 0x77);
    set_reg(&s, IRQ_CTRL, IRQ_CTRL_GERROR);
    put(&s, 0xff, 0);
    ring_bell(&s);
    g_assert_true(cmdq_err(&s));
    g_assert_cmphex(qtest_readl(s.qts, MSI_RAM), ==, 0x77);
    g_assert_false(edge(&s, INTID_GERROR));
    end(&s);
}

/* The ITS and its tables; 1 MiB each is more than they need. */
#define GITS            0x08080000
#define GITS_TRANSLATER (GITS + 0x10040)
#define GICR            0x080a0000
#define ITS_RAM         0x44000000
#define ITS_TABLE(n)    (ITS_RAM + (n) * 0x100000ULL)
#define LPI             8195
#define EVENT           5

static void its_command(Scene *s, unsigned n, uint64_t w0, uint64_t w1,
                        uint64_t w2)
{
    uint64_t cmd[4] = { cpu_to_le64(w0), cpu_to_le64(w1), cpu_to_le64(w2) };

    qtest_memwrite(s->qts, ITS_TABLE(0) + n * sizeof(cmd), cmd, sizeof(cmd));
}

/* Event EVENT of @device_id becomes LPI, pending at processor 0. */
static void set_up_its(Scene *s, uint32_t device_id)
{
    qtest_writeq(s->qts, GICR + 0x70, ITS_TABLE(1) | 15);       /* PROPBASER */
    qtest_writeq(s->qts, GICR + 0x78, ITS_TABLE(2));            /* PENDBASER */
    qtest_writel(s->qts, GICR, 1);                              /* EnableLPIs */
    qtest_writeq(s->qts, GITS + 0x100, BIT_ULL(63) | ITS_TABLE(3) | 0xff);
    qtest_writeq(s->qts, GITS + 0x108, BIT_ULL(63) | ITS_TABLE(4) | 0xff);
    qtest_writeq(s->qts, GITS + 0x80, BIT_ULL(63) | ITS_TABLE(0));
    qtest_writel(s->qts, GITS, 1);
    its_command(s, 0, 0x08 | (uint64_t)device_id << 32, 4,      /* MAPD */
                BIT_ULL(63) | ITS_TABLE(5));
    its_command(s, 1, 0x09, 0, BIT_ULL(63));                    /* MAPC */
    its_command(s, 2, 0x0a | (uint64_t)device_id << 32,         /* MAPTI */
                (uint64_t)LPI << 32 | EVENT, 0);
    qtest_writeq(s->qts, GITS + 0x88, 3 * 32);                  /* CWRITER */
    g_assert_cmphex(qtest_readq(s->qts, GITS + 0x90), ==, 3 * 32);
}

static bool lpi_pending(Scene *s)
{
    return qtest_readb(s->qts, ITS_TABLE(2) + LPI / 8) & BIT(LPI % 8);
}

/* With the DeviceID that firmware and device tree tell the guest. */
static void test_msi_by_its(void)
{
    Scene s = start_queue(ACCEL);

    set_up_its(&s, 0xffff);
    sync_msi(&s, GITS_TRANSLATER, EVENT + 1);
    g_assert_false(lpi_pending(&s));
    sync_msi(&s, GITS_TRANSLATER, EVENT);
    g_assert_true(lpi_pending(&s));
    g_assert_cmphex(errors(&s), ==, 0);
    end(&s);
}

/* ---- Migration, which nothing forbids while there is no host device ---- */

static void migrate(Scene *s, const char *file)
{
    g_autofree char *uri = g_strdup_printf("file:%s", file);

    qtest_qmp_assert_success(s->qts, "{ 'execute': 'migrate',"
                             " 'arguments': { 'uri': %s } }", uri);
    qtest_qmp_eventwait(s->qts, "STOP");
    for (int polls = 0; polls < 1000; polls++) {
        QDict *reply = qtest_qmp_assert_success_ref(
            s->qts, "{ 'execute': 'query-migrate' }");
        bool done = g_str_equal(qdict_get_str(reply, "status"), "completed");

        qobject_unref(reply);
        if (done) {
            return;
        }
        g_usleep(10 * 1000);
    }
    g_assert_not_reached();
}

/* Stopped by an error, with values in every register that holds some */
static Scene start_to_migrate(void)
{
    Scene s = start_queue(ACCEL);

    set_reg(&s, CR0, 0);
    set_reg(&s, CR1, 0xd75);
    set_reg(&s, CR2, CR2_RECINVSID);
    set_reg(&s, GBPA, GBPA_UPDATE | GBPA_ABORT);
    set_reg(&s, IRQ_CTRL, 5);
    set_reg64(&s, STRTAB_BASE, BIT_ULL(62) | 0x43000000);
    set_reg(&s, STRTAB_BASE_CFG, 0x10188);
    set_reg64(&s, EVENTQ_BASE, 0x43100000 | 7);
    set_reg(&s, PAGE0(EVENTQ_PROD), 0x80000012);
    set_reg(&s, PAGE0(EVENTQ_CONS), 0x00000011);
    set_reg(&s, CR0, SMMUEN | QUEUES);
    put(&s, CMD_SYNC, 0);
    put(&s, 0xff, 0);
    ring_bell(&s);
    expect_stopped(&s, 1, CERROR_ILL);
    return s;
}

static void test_migration(void)
{
    g_autofree char *file = NULL, *incoming = NULL;
    int fd = g_file_open_tmp("smmuv3-XXXXXX", &file, NULL);
    Scene s = start_to_migrate(), to = s;

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    migrate(&s, file);
    incoming = g_strdup_printf(ACCEL " -incoming file:%s", file);
    to.qts = start(incoming).qts;
    qtest_qmp_eventwait(to.qts, "RESUME");
    for (uint32_t offset = 0; offset < 0x1000; offset += 4) {
        g_assert_cmphex(reg(&to, offset), ==, reg(&s, offset));
    }
    /* And it goes on there. */
    put_at(&to, 1, CMD_SYNC, 0);
    acknowledge(&to);
    expect_drained(&to);
    unlink(file);
    end(&s);
    end(&to);
}

/* ---- The list ---- */

typedef struct BothCase {
    const char *name;
    GTestDataFunc test;
} BothCase;

static const BothCase both[] = {
    { "registers/cr0", test_cr0 },
    { "registers/gbpa", test_gbpa },
    { "registers/gerror", test_gerror_read_only },
    { "registers/reset", test_reset },
    { "cmdq/tlbi-and-sync", test_tlbi_and_sync },
    { "cmdq/disabled", test_disabled_queue },
    { "cmdq/error-and-resume", test_error_and_resume },
    { "cmdq/wrap", test_wrap },
    { "cmdq/full", test_full },
};

/* A PCIe window, the GIC's distributor, beyond everything */
static const uint64_t unreadable[] = { 0x20000000, 0x08000000, 0xff0000000000 };

static void add(const char *dir, const char *name, const void *data,
                GTestDataFunc test)
{
    g_autofree char *path = g_strdup_printf("smmuv3-accel/%s/%s", dir, name);

    qtest_add_data_func(path, data, test);
}

static void add_tables(void)
{
    for (int i = 0; i < ARRAY_SIZE(both); i++) {
        add("accel", both[i].name, ACCEL, both[i].test);
        add("emulated", both[i].name, EMULATED, both[i].test);
    }
    for (int i = 0; i < ARRAY_SIZE(reg_cases); i++) {
        add("register", reg_cases[i].name, &reg_cases[i], test_register);
        if (reg_cases[i].lock || reg_cases[i].offset == PAGE0(EVENTQ_CONS)) {
            add("lock", reg_cases[i].name, &reg_cases[i], test_register_lock);
        }
    }
    for (int i = 0; i < ARRAY_SIZE(commands); i++) {
        add("command", commands[i].name, &commands[i], test_command);
    }
    for (int i = 0; i < ARRAY_SIZE(unreadable); i++) {
        g_autofree char *name = g_strdup_printf("0x%" PRIx64, unreadable[i]);

        add("accel/cmdq/unreadable", name, &unreadable[i], test_unreadable);
    }
}

/* ---- What guests of released machine types have always read ---- */

typedef struct Released {
    const char *machine;
    uint32_t idr[6];            /* of QEMU 10.0 without a patch */
} Released;

static const Released released[] = {
    { "virt-9.1", { 0x0d44101a, 0x02730010, 0, 0x1404, 0, 0x74 } },
    { "virt-9.2", { 0x0d44101b, 0x02730010, 0, 0x1414, 0, 0x74 } },
    { "virt-10.0", { 0x0d44101b, 0x02730010, 0, 0x1414, 0, 0x74 } },
};

#define MACHINE_SMMU_ADDR 0x09050000

static void test_released(const void *opaque)
{
    const Released *c = opaque;
    QTestState *qts = qtest_initf("-M %s,gic-version=3,iommu=smmuv3 "
                                  "-nodefaults", c->machine);

    for (int i = 0; i < ARRAY_SIZE(c->idr); i++) {
        g_assert_cmphex(qtest_readl(qts, MACHINE_SMMU_ADDR + 4 * i), ==,
                        c->idr[i]);
    }
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("smmuv3-accel/create/defaults", test_defaults);
    qtest_add_func("smmuv3-accel/create/accel", test_accel_properties);
    qtest_add_func("smmuv3-accel/create/gicv2m", test_gicv2m_doorbell);
    qtest_add_func("smmuv3-accel/create/two", test_two_instances);
    qtest_add_func("smmuv3-accel/accel/registers/idr", test_idr_accel);
    qtest_add_func("smmuv3-accel/emulated/registers/idr", test_idr_emulated);
    add_tables();
    for (int i = 0; i < ARRAY_SIZE(released); i++) {
        add("released", released[i].machine, &released[i], test_released);
    }
    qtest_add_func("smmuv3-accel/register/sizes", test_access_sizes);
    qtest_add_func("smmuv3-accel/register/index-pairs", test_index_pairs);
    qtest_add_func("smmuv3-accel/register/index-bits", test_index_bits);
    qtest_add_func("smmuv3-accel/register/cr0", test_cr0_exact);
    qtest_add_func("smmuv3-accel/register/gbpa", test_gbpa_exact);
    qtest_add_func("smmuv3-accel/register/ril", test_ril);
    qtest_add_func("smmuv3-accel/accel/irq/gerror", test_gerror_irq);
    qtest_add_func("smmuv3-accel/accel/irq/sync", test_sync_irq);
    qtest_add_func("smmuv3-accel/accel/msi/sync", test_sync_msi);
    qtest_add_func("smmuv3-accel/accel/msi/moved-ring", test_moved_ring);
    qtest_add_func("smmuv3-accel/accel/msi/to-device", test_msi_to_device);
    qtest_add_func("smmuv3-accel/accel/msi/gerror", test_gerror_msi);
    qtest_add_func("smmuv3-accel/accel/msi/its", test_msi_by_its);
    qtest_add_func("smmuv3-accel/accel/migration", test_migration);
    qtest_add_func("smmuv3-accel/accel/cmdq/base-alignment",
                   test_base_alignment);
    qtest_add_func("smmuv3-accel/accel/cmdq/error-survives-enable",
                   test_error_survives_enable);
    qtest_add_func("smmuv3-accel/accel/cmdq/error-again", test_error_again);
    qtest_add_func("smmuv3-accel/accel/cmdq/cfgi-enabled",
                   test_cfgi_while_enabled);
    qtest_add_func("smmuv3-accel/accel/cmdq/cons-read-only",
                   test_cons_read_only);
    qtest_add_func("smmuv3-accel/accel/cmdq/overfull", test_overfull);
    qtest_add_func("smmuv3-accel/accel/cmdq/memory-ends", test_memory_ends);
    qtest_add_func("smmuv3-accel/accel/cmdq/long-window", test_long_window);
    qtest_add_func("smmuv3-accel/accel/cmdq/long-window-error",
                   test_long_window_error);
    qtest_add_func("smmuv3-accel/accel/cmdq/reset-in-window",
                   test_reset_in_window);
    return g_test_run();
}
