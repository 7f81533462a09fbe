/*
 * Plugging devices behind an accelerated SMMU: refusals, hot-plug, bus
 * numbers, interrupts, several SMMUs, accelerators.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "smmuv3-host-scene.h"

#include "hw/pci/pci.h"
#include "qobject/qdict.h"

/* ---- Refusals ---- */

typedef struct RefusalCase {
    const char *name;
    unsigned device;
    FakeKernelCall call;        /* with err: fails once; FK_CALLS: none */
    int err;
    uint32_t clear_idr0, clear_idr3, clear_idr5;
    uint32_t iidr;
    const char *words;          /* what the message says */
} RefusalCase;

static const RefusalCase refusals[] = {
    { "other-iommu", 7, .call = FK_CALLS,
      .words = "describes no SMMUv3 behind the device" },
    { "no-stage-2", 0, .call = FK_CALLS, .clear_idr0 = IDR0_S2P,
      .words = "does not implement both stages (IDR0.S1P=1 IDR0.S2P=0)" },
    { "no-stage-1", 0, .call = FK_CALLS, .clear_idr0 = IDR0_S1P,
      .words = "does not implement both stages (IDR0.S1P=0 IDR0.S2P=1)" },
    { "no-s2fwb", 0, .call = FK_CALLS, .clear_idr3 = IDR3_FWB,
      .words = "its SMMU has no S2FWB (IDR3.FWB=0)" },
    { "old-kernel", 0, .call = FK_VIOMMU_ALLOC, .err = ENOTTY,
      .words = "does not know IOMMU_VIOMMU_ALLOC" },
    { "erratum", 0, .call = FK_VIOMMU_ALLOC, .err = EOPNOTSUPP,
      .iidr = 0x4831043b, .words = "MMU-600 erratum 1209401" },
    { "unseen", 0, .call = FK_VIOMMU_ALLOC, .err = EOPNOTSUPP,
      .words = "looks capable" },
    { "no-parent", 0, .call = FK_PARENT_ALLOC, .err = ENOMEM,
      .words = "not allocated as a nesting parent" },
    { "no-memory", 0, .call = FK_VIOMMU_ALLOC, .err = ENOMEM,
      .words = "Cannot allocate memory" },
    /* Promised at reset, when there was no device yet to ask */
    { "granule", 0, .call = FK_CALLS, .clear_idr5 = IDR5_GRAN16K,
      .words = "lacks IDR5.GRAN16K: it has 0, the guest was promised 1" },
    { "asid16", 0, .call = FK_CALLS, .clear_idr0 = IDR0_ASID16,
      .words = "lacks IDR0.ASID16: it has 0, the guest was promised 1" },
};

static void test_refusal(const void *opaque)
{
    const RefusalCase *c = opaque;
    g_autofree char *error = NULL;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    s.k->smmu[0].idr[0] &= ~c->clear_idr0;
    s.k->smmu[0].idr[3] &= ~c->clear_idr3;
    s.k->smmu[0].idr[5] &= ~c->clear_idr5;
    s.k->smmu[0].iidr = c->iidr;
    if (c->err) {
        fail_nth(&s, c->call, 1, c->err);
    }
    error = try_plug(&s, c->device, "rp0");
    g_assert_nonnull(error);
    if (!strstr(error, c->words)) {
        g_test_message("%s", error);
        g_assert_nonnull(strstr(error, c->words));
    }
    expect_nothing_left(&s);
    scene_done(&s);
}

/* The first device decides on the SMMU. */
static void test_second_smmu(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 2);
    plug(&s, 0, 0);
    expect_refused(&s, 6, "rp1", "another physical SMMU");
    expect_stage2(&s, 0);
    g_assert_cmpuint(s.k->parents, ==, 1);
    /* And the right one still comes in, there. */
    plug(&s, 1, 1);
    expect_stage2(&s, 1);
    scene_done(&s);
}

/* Group 7 in the host's sysfs: device 0 and function @sibling. */
static void make_group(Scene *s, const char *sibling)
{
    g_autofree char *devices = g_build_filename(s->dir, "7", "devices", NULL);
    g_autofree char *other = g_build_filename(devices, sibling, NULL);
    g_autofree char *sysfs = scene_sysfs(s, 0);
    g_autofree char *name = g_path_get_basename(sysfs);
    g_autofree char *own = g_build_filename(devices, name, NULL);
    g_autofree char *link = g_build_filename(sysfs, "iommu_group", NULL);

    g_assert_cmpint(g_mkdir_with_parents(own, 0700), ==, 0);
    g_assert_cmpint(g_mkdir_with_parents(other, 0700), ==, 0);
    g_assert_cmpint(symlink("../7", link), ==, 0);
}

static void drop_group(Scene *s, const char *sibling)
{
    g_autofree char *sysfs = scene_sysfs(s, 0);
    g_autofree char *name = g_path_get_basename(sysfs);
    g_autofree char *link = g_build_filename(sysfs, "iommu_group", NULL);
    const char *parts[] = { "7/devices", "7" };

    g_assert_cmpint(unlink(link), ==, 0);
    for (unsigned i = 0; i < 4; i++) {
        g_autofree char *path =
            i < 2 ? g_build_filename(s->dir, "7/devices", i ? name : sibling,
                                     NULL)
                  : g_build_filename(s->dir, parts[i - 2], NULL);

        g_assert_cmpint(rmdir(path), ==, 0);
    }
}

/* Whether or not the sibling is given to the guest, too. */
static void test_group(const void *opaque)
{
    const char *sibling = opaque;
    g_autofree char *words = g_strdup_printf("shares IOMMU group 7 with %s",
                                             sibling);
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    make_group(&s, sibling);
    s.k->device[0].group = s.k->device[1].group = 7;
    scene_start_ports(&s, 2);
    expect_refused(&s, 0, "rp0", words);
    expect_nothing_left(&s);
    /* One that is alone is taken, there. */
    plug(&s, 2, 0);
    expect_stage2(&s, 2);
    drop_group(&s, sibling);
    scene_done(&s);
}

/* ---- Where the host has the MSI doorbell ---- */

#define USUAL_RANGE "0x0000000008000000 0x00000000080fffff msi\n"
#define OTHER_RANGE "0x00000000a0000000 0x00000000a01fffff msi\n"

/* Is it in the device tree, as two cells and two cells? */
static bool is_told(Scene *s, uint64_t base, uint64_t size)
{
    g_autofree char *path = g_build_filename(s->dir, "tree", NULL);
    g_autofree char *tree = NULL;
    uint64_t cells[2] = { cpu_to_be64(base), cpu_to_be64(size) };
    gsize length;
    bool told;

    qtest_qmp_assert_success(s->qts, "{ 'execute': 'dumpdtb', 'arguments':"
                             " { 'filename': %s } }", path);
    g_assert_true(g_file_get_contents(path, &tree, &length, NULL));
    told = memmem(tree, length, cells, sizeof(cells)) != NULL;
    g_assert_cmpint(unlink(path), ==, 0);
    return told;
}

static void expect_msi_refusal(Scene *s, unsigned i, const char *bus,
                               const char *words)
{
    expect_refused(s, i, bus, words);
    g_assert_cmpuint(s->k->device[i].open, ==, 0);
}

/* A device that is there from the start decides for all. */
static void test_msi_range(void)
{
    g_autofree char *device = NULL;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_set_regions(&s, 0, OTHER_RANGE);
    scene_set_regions(&s, 1, USUAL_RANGE);
    scene_set_regions(&s, 2, OTHER_RANGE);
    device = scene_device(&s, 0);
    scene_start(&s, "-device pcie-root-port,id=rp0,chassis=1,bus=pcie.0,addr=2"
                " -device pcie-root-port,id=rp1,chassis=2,bus=pcie.0,addr=3"
                " -device %s,bus=rp0", device);
    set_bus(&s, 0, 1);
    set_bus(&s, 1, 2);
    g_assert_true(is_told(&s, 0xa0000000, 0x200000));
    g_assert_false(is_told(&s, 0x08000000, 0x100000));
    expect_msi_refusal(&s, 1, "rp1", "the guest is told of 0xa0000000,"
                       " 0x200000 bytes");
    plug(&s, 2, 1);
    for (unsigned i = 0; i < 3; i++) {
        scene_drop_regions(&s, i);
    }
    scene_done(&s);
}

/* Who was told of the usual range cannot be told of another one later. */
static void test_msi_range_late(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_set_regions(&s, 0, OTHER_RANGE);
    scene_set_regions(&s, 1, USUAL_RANGE);
    scene_start_ports(&s, 2);
    g_assert_true(is_told(&s, 0x08000000, 0x100000));
    expect_msi_refusal(&s, 0, "rp0", "the guest is told of 0x8000000,"
                       " 0x100000 bytes");
    expect_nothing_left(&s);
    plug(&s, 1, 0);
    scene_drop_regions(&s, 0);
    scene_drop_regions(&s, 1);
    scene_done(&s);
}

typedef struct RangeCase {
    const char *name, *regions, *words;
} RangeCase;

static const RangeCase ranges[] = {
    { "unaligned", "0x00000000a0001000 0x00000000a0100fff msi\n",
      "which no guest can be told: both have to be multiples of 64 KiB" },
    { "in-ram", "0x0000000041000000 0x00000000410fffff msi\n",
      "where the guest has RAM" },
};

/* Of which no guest can be told. */
static void test_msi_range_refused(const void *opaque)
{
    const RangeCase *c = opaque;
    g_autofree char *device = NULL, *said = NULL;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_set_regions(&s, 0, c->regions);
    device = scene_device(&s, 0);
    g_assert_cmpint(scene_try_start(&s, device, &said), ==, 1);
    g_test_message("%s", said);
    g_assert_nonnull(strstr(said, c->words));
    g_free(said);
    /* The machine starts with one that has it where they all have. */
    scene_set_regions(&s, 0, USUAL_RANGE);
    g_assert_cmpint(scene_try_start(&s, device, &said), ==, 0);
    scene_drop_regions(&s, 0);
    scene_done(&s);
}

/* Of a host that keeps QEMU from looking, the usual range is expected. */
static void test_msi_range_untold(void)
{
    static const char words[] = "sysfs does not tell where the host maps the"
                                " MSI doorbell";
    g_autofree char *device = NULL, *said = NULL;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    device = scene_device(&s, 0);
    g_assert_cmpint(scene_try_start(&s, device, &said), ==, 0);
    g_assert_nonnull(strstr(said, words));
    g_free(said);
    scene_set_regions(&s, 0, USUAL_RANGE);
    g_assert_cmpint(scene_try_start(&s, device, &said), ==, 0);
    g_assert_null(strstr(said, words));
    scene_drop_regions(&s, 0);
    scene_done(&s);
}

/* A guest whose ITS is where Linux maps the doorbell wants a host like that. */
static void test_msi_range_its(void)
{
    g_autofree char *device = NULL, *said = NULL, *more = NULL;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_set_regions(&s, 0, OTHER_RANGE);
    device = scene_device(&s, 0);
    more = g_strdup_printf("%s,bus=pcie.0,addr=3 " MOVED_ITS
                           "-device pcie-root-port", device);
    g_assert_cmpint(scene_try_start(&s, more, &said), ==, 1);
    g_test_message("%s", said);
    g_assert_nonnull(strstr(said, "mapped at 0xa0000000, and its-msi-iova=on"
                            " has put the guest's at 0x8000000"));
    g_free(said);
    scene_set_regions(&s, 0, USUAL_RANGE);
    g_assert_cmpint(scene_try_start(&s, more, &said), ==, 0);
    scene_drop_regions(&s, 0);
    scene_done(&s);
}

/* One iommufd is one kernel's context: vIOMMU and devices share it. */
static void test_second_iommufd(void)
{
    g_autofree char *path = NULL;
    QDict *error;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 2);
    qtest_qmp_assert_success(s.qts, "{ 'execute': 'object-add', 'arguments':"
                             " { 'qom-type': 'iommufd', 'id': 'other' } }");
    plug(&s, 0, 0);
    path = scene_sysfs(&s, 1);
    error = qtest_qmp_assert_failure_ref(
        s.qts, "{ 'execute': 'device_add', 'arguments':"
        " { 'driver': 'vfio-pci', 'bus': 'rp1', 'iommufd': 'other',"
        " 'sysfsdev': %s } }", path);
    g_assert_nonnull(strstr(qdict_get_str(error, "desc"),
                            "another iommufd object"));
    qobject_unref(error);
    wait_closed(&s, 1);
    g_assert_cmpuint(s.k->iommufds, ==, 1);
    g_assert_cmpuint(s.k->leaked, ==, 0);
    expect_stage2(&s, 0);
    scene_done(&s);
}

/* Behind the bridge all have one StreamID, the emulated ones as well. */
static void test_conventional_bridge(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start(&s, "-device pcie-pci-bridge,id=bridge,bus=pcie.0,addr=2");
    expect_refused(&s, 0, "bridge", "hides the device's StreamID");
    expect_nothing_left(&s);
    scene_done(&s);
}

/* A narrower host seen before the guest starts is no reason to refuse. */
static void test_narrow_host(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    s.k->smmu[0].idr[0] &= ~IDR0_ASID16;
    s.k->smmu[0].idr[5] &= ~IDR5_GRAN16K;
    scene_start_devices(&s, 1);
    g_assert_cmpuint(extract32(reg(&s, IDR0), 12, 1), ==, 0);
    g_assert_cmpuint(extract32(reg(&s, IDR5), 4, 3), ==, 5);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    scene_forget(&s);
    /* 8-bit ASIDs: the upper byte is RES0. */
    put(&s, TLBI_NH_ASID | ASID(0xab12), 0);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    g_assert_true(is_issued(&s, TLBI_NH_ASID | ASID(0x12), 0));
    scene_done(&s);
}

/* ---- As libvirt does it ---- */

#define SMMU_JSON \
    "{\"driver\":\"arm-smmuv3\",\"primary-bus\":\"pcie.0\"," \
    "\"id\":\"smmu\",\"accel\":true,\"ssidsize\":\"16\"}"
#define IOMMUFD_JSON \
    "{\"qom-type\":\"iommufd\",\"id\":\"iommufd0\",\"fd\":\"%u\"}"
#define VFIO_JSON \
    "{\"driver\":\"vfio-pci\",\"id\":\"dev%u\",\"iommufd\":\"iommufd0\"," \
    "\"fd\":\"%u\",\"bus\":\"pcie.0\",\"addr\":\"0x%u\"}"

/* Descriptors, and no address of a host device. */
static void test_descriptors(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    s.k->passed = 2;
    scene_start_bare(&s, "-M virt,gic-version=2,highmem-ecam=off -m 128 "
                     "-nodefaults -device '" SMMU_JSON "' -object '"
                     IOMMUFD_JSON "' -device '" VFIO_JSON "' -device '"
                     VFIO_JSON "'", FAKE_KERNEL_PASSED,
                     0, FAKE_KERNEL_PASSED + 1, 2,
                     1, FAKE_KERNEL_PASSED + 2, 3);
    s.sid[0] = 2 << 3;
    s.sid[1] = 3 << 3;
    enable_queue(&s, 6);
    enable_smmu(&s);
    translate(&s, 0, 0);
    translate(&s, 1, 1);
    expect_translating(&s, 0, 0);
    expect_translating(&s, 1, 1);
    g_assert_cmpuint(s.k->iommufds, ==, 1);
    scene_done(&s);
}

/* ---- Hot-plug ---- */

static void test_hotplug(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 2);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    for (unsigned round = 0; round < 3; round++) {
        plug(&s, 0, 0);
        /* SMMUEN=1 and no STE of its own yet */
        expect_kind(&s, 0, STE_ABORT);
        translate(&s, 0, round);
        expect_translating(&s, 0, round);
        plug(&s, 1, 1);
        translate(&s, 1, round);
        unplug(&s, 0, 0);
        expect_translating(&s, 1, round);
        unplug(&s, 1, 1);
        expect_nothing_left(&s);
        install(&s, 0, STE_ABORT, 0);
        install(&s, 1, STE_ABORT, 0);
    }
    scene_done(&s);
}

/* TLBIs that no device was there for are made up for before the next one. */
static void test_tlbis_between(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    plug(&s, 0, 0);
    g_assert_false(is_issued(&s, TLBI_NH_ALL, 0));
    translate(&s, 0, 0);
    unplug(&s, 0, 0);
    put(&s, TLBI_NH_ASID | ASID(1), 0);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    scene_forget(&s);
    plug(&s, 0, 0);
    g_assert_true(is_issued(&s, TLBI_NH_ALL, 0));
    g_assert_cmpuint(s.k->calls[FK_INVALIDATE], ==, 1);
    scene_done(&s);
}

/* What is forwarded for a device goes nowhere when it is gone. */
static void test_commands_after_unplug(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    plug(&s, 0, 0);
    translate(&s, 0, 0);
    unplug(&s, 0, 0);
    scene_forget(&s);
    put_tlbis(&s, 0, 3);
    put(&s, CFGI_CD | SID(s.sid[0]), LEAF);
    put(&s, CFGI_STE | SID(s.sid[0]), LEAF);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    g_assert_cmpuint(s.k->calls[FK_CALLS], ==, 0);
    scene_done(&s);
}

/* In each order: the only one, the first and the last of two leave. */
static void test_plug_at_once(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 3);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    for (unsigned round = 0; round < 20; round++) {
        plug(&s, 0, 0);
        switch_off(&s, 0);
        plug(&s, 1, 1);
        plug(&s, 2, 2);
        switch_off(&s, 1);
        plug(&s, 3, 0);
        translate(&s, 3, round % 4);
        switch_off(&s, 0);
        plug(&s, 4, 1);
        switch_off(&s, 2);
        plug(&s, 5, 2);
        translate(&s, 5, round % 4);
        expect_translating(&s, 5, round % 4);
        switch_off(&s, 1);
        switch_off(&s, 2);
        for (unsigned i = 0; i < 6; i++) {
            wait_closed(&s, i);
        }
        expect_nothing_left(&s);
    }
    scene_done(&s);
}

/* The same without any SMMU in the machine: VFIO's own bookkeeping */
static void test_plug_at_once_without(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_bare(&s, "%s", MACHINE "-device pcie-root-port,id=rp0,"
                     "chassis=1,bus=pcie.0,addr=2 -device pcie-root-port,"
                     "id=rp1,chassis=2,bus=pcie.0,addr=3");
    for (unsigned round = 0; round < 20; round++) {
        plug(&s, 0, 0);
        switch_off(&s, 0);
        plug(&s, 1, 1);
        switch_off(&s, 1);
        wait_closed(&s, 0);
        wait_closed(&s, 1);
    }
    expect_nothing_left(&s);
    scene_done(&s);
}

/*
 * Two devices of one iommufd come and go, several times. What VFIO registers
 * for both is gone with the second, or the next one writes to freed memory.
 */
static void test_two_come_and_go(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    g_setenv("MALLOC_PERTURB_", "165", true);
    scene_start_ports(&s, 2);
    g_unsetenv("MALLOC_PERTURB_");
    for (unsigned round = 0; round < 5; round++) {
        plug(&s, 0, 0);
        plug(&s, 1, 1);
        unplug(&s, round % 2, round % 2);
        unplug(&s, !(round % 2), !(round % 2));
        expect_nothing_left(&s);
    }
    scene_done(&s);
}

/* ---- Bus numbers ---- */

/* The guest gives a bus another number: another vSID, another vDEVICE. */
static void test_renumber(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    plug(&s, 0, 0);
    translate(&s, 0, 0);
    g_assert_cmphex(s.k->device[0].vsid, ==, 0x100);
    set_bus(&s, 0, 5);
    s.sid[0] = 0x500;
    translate(&s, 0, 1);
    expect_translating(&s, 0, 1);
    g_assert_cmphex(s.k->device[0].vsid, ==, 0x500);
    g_assert_cmpuint(s.k->vdevices, ==, 1);
    scene_done(&s);
}

/* Two ports swap their numbers: never two streams under one vSID. */
static void test_swap_buses(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 2);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    plug(&s, 0, 0);
    plug(&s, 1, 1);
    translate(&s, 0, 0);
    translate(&s, 1, 1);
    set_bus(&s, 0, 2);
    set_bus(&s, 1, 1);
    put(&s, CFGI_STE_RANGE, 31);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    expect_translating(&s, 0, 1);
    expect_translating(&s, 1, 0);
    g_assert_cmphex(s.k->device[0].vsid, ==, 0x200);
    g_assert_cmphex(s.k->device[1].vsid, ==, 0x100);
    scene_done(&s);
}

/* Without a number the device has no StreamID and no vDEVICE: detached. */
static void test_no_number(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    set_bus(&s, 0, 0);
    enable_queue(&s, LOG2SIZE);
    put_ste(&s, 0, STE_BYPASS, 0);
    enable_smmu(&s);
    plug(&s, 0, 0);
    g_assert_cmpuint(s.k->device[0].table, ==, FAKE_NOT_ATTACHED);
    g_assert_false(s.k->device[0].has_vdevice);
    set_bus(&s, 0, 1);
    install(&s, 0, STE_ABORT, 0);
    expect_kind(&s, 0, STE_ABORT);
    translate(&s, 0, 0);
    expect_translating(&s, 0, 0);
    scene_done(&s);
}

/* ---- Several SMMUs ---- */

/*
 * Devices of two physical SMMUs behind two instances; and two instances on
 * one physical SMMU, which share no stage 2.
 */
static void test_two_instances(const void *second)
{
    unsigned other = *(const unsigned *)second;
    g_autofree char *near = NULL, *far = NULL;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    near = scene_device(&s, 0);
    far = scene_device(&s, other);
    scene_start(&s, "-device pxb-pcie,id=pcie.1,bus_nr=8,bus=pcie.0,addr=9 "
                "-device arm-smmuv3,primary-bus=pcie.1,id=far,accel=on "
                "-device pcie-root-port,id=farport,bus=pcie.1,chassis=9 "
                "-device %s,bus=pcie.0,addr=2 -device %s,bus=farport",
                near, far);
    s.sid[0] = 2 << 3;
    g_assert_cmpuint(s.k->viommus, ==, 2);
    g_assert_cmpuint(s.k->parents, ==, 2);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    translate(&s, 0, 0);
    expect_translating(&s, 0, 0);
    expect_stage2(&s, other);
    scene_done(&s);
}

/* ---- Interrupts ---- */

/* What QEMU has printed since then, which goes to @file in place of stderr */
static int divert_stderr(const char *file)
{
    int kept = dup(STDERR_FILENO);
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(dup2(fd, STDERR_FILENO), ==, STDERR_FILENO);
    close(fd);
    return kept;
}

#define V2M_FIRST_SPI   80

static void enable_bar_and_msix(Scene *s, unsigned slot)
{
    unsigned devfn = PCI_DEVFN(slot, 0);

    qtest_writel(s->qts, config_addr(0, devfn, PCI_BASE_ADDRESS_0), BAR_ADDR);
    qtest_writew(s->qts, config_addr(0, devfn, PCI_COMMAND),
                 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    qtest_writew(s->qts, config_addr(0, devfn, FAKE_PCI_MSIX_CAP +
                                     PCI_MSIX_FLAGS), PCI_MSIX_FLAGS_ENABLE);
}

/* @addr is an IOVA of the guest's stage 1, which QEMU cannot walk. */
static void set_vector(Scene *s, unsigned vector, uint64_t addr, uint32_t data)
{
    uint64_t entry = BAR_ADDR + FAKE_PCI_MSIX_TABLE +
                     vector * PCI_MSIX_ENTRY_SIZE;

    qtest_writel(s->qts, entry + PCI_MSIX_ENTRY_LOWER_ADDR, addr);
    qtest_writel(s->qts, entry + PCI_MSIX_ENTRY_UPPER_ADDR, addr >> 32);
    qtest_writel(s->qts, entry + PCI_MSIX_ENTRY_DATA, data);
    qtest_writel(s->qts, entry + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
}

/* The eventfd is handled in QEMU's main loop, at the latest one round on. */
static void expect_interrupt(Scene *s, unsigned vector, unsigned irq)
{
    unsigned rounds = 0;

    qtest_writel(s->qts, BAR_ADDR, vector);
    while (!is_pending(s, irq)) {
        g_assert_cmpuint(rounds++, <, 1000);
    }
}

/* Starts with device 0, whose MSIs go to @doorbell; what QEMU says of that */
static char *said_of_doorbell(Scene *s, const char *machine, uint64_t doorbell)
{
    g_autofree char *device = scene_device(s, 0);
    g_autofree char *file = g_build_filename(s->dir, "said", NULL);
    char *said = NULL;
    int kept;

    s->k->device[0].doorbell = doorbell;
    kept = divert_stderr(file);
    scene_start(s, "%s -device %s,bus=pcie.0,addr=2", machine, device);
    dup2(kept, STDERR_FILENO);
    close(kept);
    enable_bar_and_msix(s, 2);
    for (unsigned i = 0; i < 3; i++) {
        set_vector(s, i, 0xdead0000, V2M_FIRST_SPI);
    }
    g_assert_cmpuint(s->k->device[0].vectors, >=, 3);
    g_assert_true(g_file_get_contents(file, &said, NULL, NULL));
    g_test_message("%s", said);
    g_assert_cmpint(unlink(file), ==, 0);
    return said;
}

static unsigned count_of(const char *text, const char *word)
{
    unsigned n = 0;

    while ((text = strstr(text, word))) {
        text += strlen(word);
        n++;
    }
    return n;
}

typedef struct DoorbellCase {
    const char *name, *machine;
    uint64_t doorbell;
    unsigned warnings;
} DoorbellCase;

static const DoorbellCase doorbells[] = {
    { "where-it-is", MOVED_ITS, 0x08000040, 0 },
    { "second-its", MOVED_ITS, 0x08001040, 1 },
    { "without-the-option", "", 0x08001040, 0 },
    /* As of a device that is gone, and as no Linux has it */
    { "all-ones", MOVED_ITS, UINT64_MAX, 0 },
    { "not-of-the-range", MOVED_ITS, 0xfee00000, 0 },
};

/* Behind another ITS of the host, and told of once, if it matters. */
static void test_doorbell(const void *opaque)
{
    const DoorbellCase *c = opaque;
    g_autofree char *said = NULL;
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    said = said_of_doorbell(&s, c->machine, c->doorbell);
    g_assert_cmpuint(count_of(said, "and the guest's is at"), ==, c->warnings);
    g_assert_cmpuint(count_of(said, "at 0x8001040, and the guest's is at"
                              " 0x8000040"), ==, c->warnings);
    scene_done(&s);
}

static void test_msi(void)
{
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    watch_interrupts(&s);
    enable_bar_and_msix(&s, 2);
    set_vector(&s, 0, 0xdead0000, V2M_FIRST_SPI);
    set_vector(&s, 3, 0x123456789000, V2M_FIRST_SPI + 1);
    g_assert_cmpuint(s.k->device[0].vectors, >=, 2);
    g_assert_false(is_pending(&s, V2M_FIRST_SPI));
    expect_interrupt(&s, 0, V2M_FIRST_SPI);
    g_assert_false(is_pending(&s, V2M_FIRST_SPI + 1));
    expect_interrupt(&s, 3, V2M_FIRST_SPI + 1);
    scene_done(&s);
}

/* ---- The rest ---- */

/* No KVM is asked for: the same under TCG. */
static void test_tcg(void)
{
    Scene s;

    if (!qtest_has_accel("tcg")) {
        g_test_skip("no TCG");
        return;
    }
    if (!scene_init_translating_with(&s, "-accel tcg -global"
                                     " cpu.start-powered-off=on")) {
        return;
    }
    put_tlbis(&s, 0, 3);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    expect_tlbis(&s, 0, 3);
    scene_done(&s);
}

static void test_migration_blocked(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    scene_start_ports(&s, 1);
    g_assert_false(scene_blocks_migration(&s));
    plug(&s, 0, 0);
    g_assert_true(scene_blocks_migration(&s));
    unplug(&s, 0, 0);
    g_assert_false(scene_blocks_migration(&s));
    scene_done(&s);
}

static void test_emulated_next_to_it(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    /* With accel=off the same device is passed through without nesting. */
    scene_start_bare(&s, "%s", MACHINE "-device pcie-root-port,id=rp0,"
                     "chassis=1,bus=pcie.0,addr=2");
    plug(&s, 0, 0);
    g_assert_cmpuint(s.k->device[0].table, ==, FAKE_ON_PARENT);
    g_assert_cmpuint(s.k->viommus, ==, 0);
    unplug(&s, 0, 0);
    expect_nothing_left(&s);
    scene_done(&s);
}

static void add_refusal_tests(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *path = g_strdup_printf("smmuv3-host/refuse/%s",
                                                refusals[i].name);

        qtest_add_data_func(path, &refusals[i], test_refusal);
    }
    qtest_add_func("smmuv3-host/msi-range/start", test_msi_range);
    qtest_add_func("smmuv3-host/msi-range/late", test_msi_range_late);
    qtest_add_func("smmuv3-host/msi-range/its", test_msi_range_its);
    qtest_add_func("smmuv3-host/msi-range/untold", test_msi_range_untold);
    for (unsigned i = 0; i < G_N_ELEMENTS(ranges); i++) {
        g_autofree char *path = g_strdup_printf("smmuv3-host/msi-range/%s",
                                                ranges[i].name);

        qtest_add_data_func(path, &ranges[i], test_msi_range_refused);
    }
    qtest_add_data_func("smmuv3-host/refuse/group", "0000:02:00.0",
                        test_group);
    qtest_add_data_func("smmuv3-host/refuse/group-sibling", "0000:00:1f.1",
                        test_group);
    qtest_add_func("smmuv3-host/refuse/second-smmu", test_second_smmu);
    qtest_add_func("smmuv3-host/refuse/second-iommufd",
                   test_second_iommufd);
    qtest_add_func("smmuv3-host/refuse/conventional-bridge",
                   test_conventional_bridge);
}

void add_plug_tests(void)
{
    static const unsigned other_smmu = 6, same_smmu = 1;

    add_refusal_tests();
    qtest_add_func("smmuv3-host/plug/descriptors", test_descriptors);
    qtest_add_func("smmuv3-host/plug/narrow-host", test_narrow_host);
    qtest_add_func("smmuv3-host/plug/hotplug", test_hotplug);
    qtest_add_func("smmuv3-host/plug/commands-after",
                   test_commands_after_unplug);
    qtest_add_func("smmuv3-host/plug/tlbis-between", test_tlbis_between);
    qtest_add_func("smmuv3-host/plug/no-smmu", test_emulated_next_to_it);
    qtest_add_func("smmuv3-host/bus/renumber", test_renumber);
    qtest_add_func("smmuv3-host/bus/swap", test_swap_buses);
    qtest_add_func("smmuv3-host/bus/none", test_no_number);
    qtest_add_data_func("smmuv3-host/two/physical", &other_smmu,
                        test_two_instances);
    qtest_add_data_func("smmuv3-host/two/instances", &same_smmu,
                        test_two_instances);
    qtest_add_func("smmuv3-host/msi", test_msi);
    for (unsigned i = 0; i < G_N_ELEMENTS(doorbells); i++) {
        g_autofree char *path = g_strdup_printf("smmuv3-host/doorbell/%s",
                                                doorbells[i].name);

        qtest_add_data_func(path, &doorbells[i], test_doorbell);
    }
    qtest_add_func("smmuv3-host/tcg", test_tcg);
    qtest_add_func("smmuv3-host/migration", test_migration_blocked);
    qtest_add_func("smmuv3-host/at-once/orders", test_plug_at_once);
    qtest_add_func("smmuv3-host/at-once/without-smmu",
                   test_plug_at_once_without);
    qtest_add_func("smmuv3-host/at-once/two-come-and-go",
                   test_two_come_and_go);
}
