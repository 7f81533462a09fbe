/*
 * arm-smmuv3 as a pluggable device, without a guest and without a host device.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Registers and the command queue as a driver sees them, by qtest's reads and
 * writes; what a host device would add is in the engine's unit tests and in
 * tests/e2e. The numbers below are written anew from Arm IHI 0070 and not
 * shared with the code under test.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "libqtest.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qnum.h"
#include "qobject/qstring.h"

/* Registers, 6.3 */
#define IDR0            0x00
#define IDR1            0x04
#define IDR3            0x0c
#define IDR5            0x14
#define AIDR            0x1c
#define CR0             0x20
#define CR0ACK          0x24
#define CR1             0x28
#define GBPA            0x44
#define IRQ_CTRL        0x50
#define IRQ_CTRL_ACK    0x54
#define GERROR          0x60
#define GERRORN         0x64
#define CMDQ_BASE       0x90
#define CMDQ_PROD       0x98
#define CMDQ_CONS       0x9c

#define CR0_SMMUEN      BIT(0)
#define CR0_EVENTQEN    BIT(2)
#define CR0_CMDQEN      BIT(3)
#define GBPA_UPDATE     BIT(31)
#define GBPA_ABORT      BIT(20)
#define GBPA_RESET      0x1000          /* SHCFG: use incoming */
#define GERROR_CMDQ_ERR BIT(0)

#define CERROR_NONE     0
#define CERROR_ILL      1
#define CERROR_ABT      2

/* Commands, 4.1.3; the arguments of double word 0 */
#define SSEC            BIT_ULL(10)
#define SID(sid)        ((uint64_t)(sid) << 32)
#define SYNC_CS(cs)     ((uint64_t)(cs) << 12)

#define PREFETCH_CONFIG 0x01
#define CFGI_STE        0x03
#define CFGI_ALL        0x04
#define CFGI_CD         0x05
#define TLBI_NH_ALL     0x10
#define TLBI_NH_ASID    0x11
#define TLBI_NH_VA      0x12
#define TLBI_NH_VAA     0x13
#define TLBI_NSNH_ALL   0x30
#define CMD_SYNC        0x46

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

/* A counter of property "stats", a string that holds JSON */
static uint64_t counter(Scene *s, const char *name)
{
    QString *json = qobject_to(QString,
                               property(s, "/machine/peripheral/smmu",
                                        "stats"));
    QDict *stats;
    uint64_t value;

    g_assert_nonnull(json);
    stats = qobject_to(QDict, qobject_from_json(qstring_get_str(json),
                                                &error_abort));
    g_assert_nonnull(stats);
    g_assert_true(qdict_haskey(stats, name));
    value = qdict_get_int(stats, name);
    qobject_unref(stats);
    qobject_unref(json);
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
    g_assert_cmphex(qtest_readl(s.qts, SMMU_ADDR + 0x20000 + IDR1), ==,
                    reg(&s, IDR1));
    set_reg(&s, CR1, 0xd75);
    g_assert_cmphex(qtest_readl(s.qts, SMMU_ADDR + 0x20000 + CR1), ==, 0);
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
    g_assert_cmpuint(extract32(reg(&s, IDR3), 2, 1), ==, 0);    /* HAD */
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
    g_assert_cmphex(reg(&s, IRQ_CTRL_ACK), ==, 5);
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
    { "cfgi-all", CFGI_ALL, 31, CERROR_NONE },
    { "cfgi-all-ssec", CFGI_ALL | SSEC, 31, CERROR_ILL },
    { "cfgi-cd", CFGI_CD | SID(8), 1, CERROR_NONE },
    { "cfgi-cd-ssec", CFGI_CD | SSEC, 1, CERROR_ILL },
    { "cfgi-cd-all", 0x06, 0, CERROR_NONE },
    { "tlbi-nh-all", TLBI_NH_ALL, 0, CERROR_NONE },
    { "tlbi-nh-asid", TLBI_NH_ASID | 3ULL << 48, 0, CERROR_NONE },
    { "tlbi-nh-va", TLBI_NH_VA, 0x1000, CERROR_NONE },
    { "tlbi-nh-va-range", TLBI_NH_VA | 5ULL << 12 | 31ULL << 20,
      0x1000 | 1ULL << 10, CERROR_NONE },
    { "tlbi-nh-vaa", TLBI_NH_VAA, 0x1001, CERROR_NONE },
    { "tlbi-nsnh-all", TLBI_NSNH_ALL, 0, CERROR_NONE },
    { "tlbi-el3-all", 0x18, 0, CERROR_ILL },
    { "tlbi-el2-all", 0x20, 0, CERROR_ILL },
    { "tlbi-el2-va", 0x22, 0, CERROR_ILL },
    { "tlbi-s12-vmall", 0x28, 0, CERROR_ILL },
    { "tlbi-s2-ipa", 0x2a, 0, CERROR_ILL },
    { "atc-inv-without-ats", 0x40, 0, CERROR_ILL },
    { "pri-resp", 0x41, 0, CERROR_ILL },
    { "resume", 0x44, 0, CERROR_ILL },
    { "stall-term", 0x45, 0, CERROR_ILL },
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
    g_assert_cmpuint(counter(&s, "errors"), ==, c->error ? 1 : 0);
    g_assert_cmpuint(counter(&s, "commands"), ==, c->error ? 1 : 3);
    g_assert_cmpuint(counter(&s, "forwarded"), ==, 0);
    end(&s);
}

/* CFGI while SMMUEN=1 and the stream table is nowhere: never an error. */
static void test_cfgi_while_enabled(void)
{
    Scene s = start_queue(ACCEL);

    set_reg(&s, CR0, CR0_SMMUEN | CR0_CMDQEN);
    put(&s, CFGI_STE | SID(0x100), 1);
    put(&s, CFGI_ALL, 31);
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
    g_assert_cmpuint(counter(&s, "commands"), <=, 8);
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
    unsigned n = 8192, polls = 0;
    Scene s = start(ACCEL);

    enable_queue(&s, RING, 13);
    put_many(&s, TLBI_NH_ALL, n);
    ring_bell(&s);
    while (cons(&s) != s.prod) {
        g_assert_cmpuint(polls++, <, 1000);
    }
    expect_drained(&s);
    g_assert_cmpuint(counter(&s, "commands"), ==, n);
    g_assert_cmpuint(counter(&s, "windows"), >=, 2);
    end(&s);
}

/* An error in the second slice is named like one in the first. */
static void test_long_window_error(void)
{
    unsigned polls = 0;
    Scene s = start(ACCEL);

    enable_queue(&s, RING, 13);
    put_many(&s, TLBI_NH_ALL, 8000);
    put_at(&s, 7000, 0xff, 0);
    ring_bell(&s);
    while (!cmdq_err(&s)) {
        g_assert_cmpuint(polls++, <, 1000);
    }
    expect_stopped(&s, 7000, CERROR_ILL);
    put_at(&s, 7000, CMD_SYNC, 0);
    acknowledge(&s);
    expect_drained(&s);
    end(&s);
}

/* A reset between two slices: nothing is consumed after it. */
static void test_reset_in_window(void)
{
    Scene s = start(ACCEL);

    enable_queue(&s, RING, 13);
    put_many(&s, TLBI_NH_ALL, 8192);
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
    for (int i = 0; i < ARRAY_SIZE(commands); i++) {
        add("command", commands[i].name, &commands[i], test_command);
    }
    for (int i = 0; i < ARRAY_SIZE(unreadable); i++) {
        g_autofree char *name = g_strdup_printf("0x%" PRIx64, unreadable[i]);

        add("accel/cmdq/unreadable", name, &unreadable[i], test_unreadable);
    }
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
