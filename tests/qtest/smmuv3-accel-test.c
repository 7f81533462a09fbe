/*
 * arm-smmuv3 as a pluggable device, without a guest and without a host device.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Registers and the command queue as a driver sees them, by qtest's reads and
 * writes; what a host device would add is in smmuv3-host-test.c and in
 * tests/e2e. This file has creation, properties and migration; -registers.c,
 * -queue.c and -interrupts.c are the other parts of the program.
 */
#include "smmuv3-accel-test.h"

#include "qobject/qdict.h"
#include "qobject/qnum.h"

/* ---- What the files of this program share ---- */

Scene start_line(const char *line)
{
    return (Scene) { .qts = qtest_init(line), .smmu = SMMU_ADDR };
}

Scene start(const char *smmu)
{
    g_autofree char *line = g_strdup_printf(MACHINE "%s", smmu);

    return start_line(line);
}

Scene start_queue(const char *smmu)
{
    Scene s = start(smmu);

    enable_queue_at(&s, RING, LOG2SIZE);
    return s;
}

void end(Scene *s)
{
    qtest_quit(s->qts);
}

void add(const char *dir, const char *name, const void *data,
         GTestDataFunc test)
{
    g_autofree char *path = g_strdup_printf("smmuv3-accel/%s/%s", dir, name);

    qtest_add_data_func(path, data, test);
}

void add_both(const BothCase *cases, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        add("accel", cases[i].name, ACCEL, cases[i].test);
        add("emulated", cases[i].name, EMULATED, cases[i].test);
    }
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
    Scene s = start_line("-M virt,gic-version=2 -nodefaults " ACCEL);

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

/* ---- Migration, which nothing forbids while there is no host device ---- */

static void migrate(Scene *s, const char *file)
{
    g_autofree char *uri = g_strdup_printf("file:%s", file);

    qtest_qmp_assert_success(s->qts, "{ 'execute': 'migrate',"
                             " 'arguments': { 'uri': %s } }", uri);
    qtest_qmp_eventwait(s->qts, "STOP");
    wait_for_migration(s, "completed");
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
    set_reg(&s, CR0, CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN);
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
    add_register_tests();
    for (int i = 0; i < ARRAY_SIZE(released); i++) {
        add("released", released[i].machine, &released[i], test_released);
    }
    add_interrupt_tests();
    qtest_add_func("smmuv3-accel/accel/migration", test_migration);
    add_queue_tests();
    return g_test_run();
}
