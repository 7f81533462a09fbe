/*
 * The port over IOMMUFD: what each function puts into its ioctl, what it
 * takes out, and what a refusal says.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fake-ioctl.c checks number, size and reserved fields of every call.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "fake-ioctl.h"
#include "smmuv3-iommufd.h"

#define IOMMUFD 41
#define DEVICE_FD 42
#define DEV_ID 0x1001
#define PARENT 0x2002
#define VIOMMU 0x3003
#define NEW_ID 0x4004
#define UNTOUCHED 0x5eed5eed

static SMMUv3Host host = { .iommufd = IOMMUFD };
static SMMUv3HostDevice dev = { .device_fd = DEVICE_FD, .dev_id = DEV_ID };
static const SMMUv3HostOps *ops = &smmuv3_iommufd_ops;

/* struct iommu_hw_info_arm_smmuv3, words: flags, reserved, idr, iidr, aidr */
static const uint32_t hw_info[] = {
    1, 0, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x43b, 0x3,
};

static void setup(void)
{
    fake_ioctl_reset();
    fake_ioctl.id = NEW_ID;
    fake_ioctl.info_type = 2;
    fake_ioctl.info = hw_info;
    fake_ioctl.info_len = sizeof(hw_info);
}

/* The only call of the test so far. */
static const FakeIoctlCall *only_call(int fd, unsigned long op)
{
    const FakeIoctlCall *c = fake_ioctl_call(0);

    g_assert_cmpuint(fake_ioctl_calls(), ==, 1);
    g_assert_cmpint(c->fd, ==, fd);
    g_assert_cmphex(c->op, ==, op);
    return c;
}

static void test_get_info(void)
{
    SMMUv3HostInfo info;
    const FakeIoctlCall *c;

    setup();
    memset(&info, 0xff, sizeof(info));
    g_assert_cmpint(ops->get_info(&host, &dev, &info), ==, 0);
    c = only_call(IOMMUFD, FAKE_IOMMU_GET_HW_INFO);
    g_assert_cmphex(fake_ioctl_u32(c, 8), ==, DEV_ID);
    g_assert_cmpuint(fake_ioctl_u32(c, 12), ==, sizeof(hw_info));
    for (unsigned i = 0; i < 6; i++) {
        g_assert_cmphex(info.idr[i], ==, 0x10 + i);
    }
    g_assert_cmphex(info.iidr, ==, 0x43b);
    g_assert_cmphex(info.aidr, ==, 3);
    g_assert_cmpint(info.repeat_tlbi_cfgi, ==, 1);
}

typedef struct DeviceCase {
    uint64_t capabilities;
    int no_ats, exec, priv;
} DeviceCase;

/* enum iommufd_hw_capabilities; dirty tracking is none of our business. */
static void test_get_info_device(void)
{
    static const DeviceCase cases[] = {
        { 0, 0, 0, 0 }, { 1 << 0, 0, 0, 0 }, { 1 << 1, 0, 1, 0 },
        { 1 << 2, 0, 0, 1 }, { 1 << 3, 1, 0, 0 }, { 0xf, 1, 1, 1 },
    };
    SMMUv3HostInfo info;

    setup();
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        fake_ioctl.capabilities = cases[i].capabilities;
        fake_ioctl.max_pasid_log2 = 20 - i;
        memset(&info, 0xff, sizeof(info));
        g_assert_cmpint(ops->get_info(&host, &dev, &info), ==, 0);
        g_assert_cmpint(info.no_ats, ==, cases[i].no_ats);
        g_assert_cmpint(info.pasid_exec, ==, cases[i].exec);
        g_assert_cmpint(info.pasid_priv, ==, cases[i].priv);
        g_assert_cmpuint(info.pasid_bits, ==, 20 - i);
    }
}

/* A kernel that knows fewer fields, and one that knows more. */
static void test_get_info_lengths(void)
{
    uint32_t longer[16] = { 0xfffffffe, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9 };
    SMMUv3HostInfo info;

    setup();
    fake_ioctl.info_len = 16;
    memset(&info, 0xff, sizeof(info));
    g_assert_cmpint(ops->get_info(&host, &dev, &info), ==, 0);
    g_assert_cmphex(info.idr[1], ==, 0x11);
    g_assert_cmphex(info.idr[2], ==, 0);
    g_assert_cmphex(info.aidr, ==, 0);

    fake_ioctl.info = longer;
    fake_ioctl.info_len = sizeof(longer);
    g_assert_cmpint(ops->get_info(&host, &dev, &info), ==, 0);
    g_assert_cmphex(info.idr[5], ==, 6);
    g_assert_cmphex(info.aidr, ==, 8);
    g_assert_cmpint(info.repeat_tlbi_cfgi, ==, 0);
}

static void assert_info_untouched(int expected)
{
    SMMUv3HostInfo info, before;

    memset(&info, 0x5e, sizeof(info));
    before = info;
    g_assert_cmpint(ops->get_info(&host, &dev, &info), ==, expected);
    g_assert_cmpmem(&info, sizeof(info), &before, sizeof(before));
}

/* No driver information, VT-d, CMDQV: no SMMUv3's. */
static void test_get_info_other_iommu(void)
{
    static const uint32_t types[] = { 0, 1, 3, 4, 99 };

    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        setup();
        fake_ioctl.info_type = types[i];
        assert_info_untouched(-ENODEV);
    }
    setup();
    fake_ioctl.err = ENOENT;
    assert_info_untouched(-ENOENT);
}

static void test_viommu_alloc(void)
{
    SMMUv3HostId id = UNTOUCHED;
    const FakeIoctlCall *c;

    setup();
    g_assert_cmpint(ops->viommu_alloc(&host, &dev, PARENT, &id), ==, 0);
    c = only_call(IOMMUFD, FAKE_IOMMU_VIOMMU_ALLOC);
    g_assert_cmpuint(fake_ioctl_u32(c, 8), ==, 1);      /* ARM_SMMUV3 */
    g_assert_cmphex(fake_ioctl_u32(c, 12), ==, DEV_ID);
    g_assert_cmphex(fake_ioctl_u32(c, 16), ==, PARENT);
    g_assert_cmphex(id, ==, NEW_ID);
}

/* All 32 bits of a StreamID, zero-extended. */
static void test_vdevice_alloc(void)
{
    SMMUv3HostId id = UNTOUCHED;
    const FakeIoctlCall *c;

    setup();
    g_assert_cmpint(ops->vdevice_alloc(&host, VIOMMU, &dev, 0xfedcba98, &id),
                    ==, 0);
    c = only_call(IOMMUFD, FAKE_IOMMU_VDEVICE_ALLOC);
    g_assert_cmphex(fake_ioctl_u32(c, 4), ==, VIOMMU);
    g_assert_cmphex(fake_ioctl_u32(c, 8), ==, DEV_ID);
    g_assert_cmphex(fake_ioctl_u64(c, 16), ==, 0xfedcba98);
    g_assert_cmphex(id, ==, NEW_ID);
}

/* Little-endian words go down byte for byte. */
static void test_hwpt_alloc(void)
{
    static const uint8_t bytes[16] = {
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    };
    SMMUv3HostId id = UNTOUCHED;
    const FakeIoctlCall *c;
    uint64_t ste[2];
    gsize len;

    setup();
    memcpy(ste, bytes, sizeof(ste));
    g_assert_cmpint(ops->hwpt_alloc(&host, VIOMMU, &dev, ste, &id), ==, 0);
    c = only_call(IOMMUFD, FAKE_IOMMU_HWPT_ALLOC);
    g_assert_cmphex(fake_ioctl_u32(c, 8), ==, DEV_ID);
    g_assert_cmphex(fake_ioctl_u32(c, 12), ==, VIOMMU);
    g_assert_cmpuint(fake_ioctl_u32(c, 24), ==, 2);     /* ARM_SMMUV3 */
    g_assert_cmpmem(g_bytes_get_data(c->data, &len), 16, bytes, 16);
    g_assert_cmpuint(len, ==, 16);
    g_assert_cmphex(id, ==, NEW_ID);
}

static void test_attach_detach(void)
{
    const FakeIoctlCall *c;

    setup();
    g_assert_cmpint(ops->attach(&host, &dev, PARENT), ==, 0);
    c = only_call(DEVICE_FD, FAKE_VFIO_ATTACH);
    g_assert_cmphex(fake_ioctl_u32(c, 8), ==, PARENT);

    setup();
    g_assert_cmpint(ops->detach(&host, &dev), ==, 0);
    only_call(DEVICE_FD, FAKE_VFIO_DETACH);

    setup();
    fake_ioctl.err = EBUSY;
    g_assert_cmpint(ops->attach(&host, &dev, PARENT), ==, -EBUSY);
    g_assert_cmpint(ops->detach(&host, &dev), ==, -EBUSY);
}

static void test_destroy(void)
{
    const FakeIoctlCall *c;

    setup();
    g_assert_cmpint(ops->destroy(&host, NEW_ID), ==, 0);
    c = only_call(IOMMUFD, FAKE_IOMMU_DESTROY);
    g_assert_cmphex(fake_ioctl_u32(c, 4), ==, NEW_ID);

    fake_ioctl.err = EBUSY;
    g_assert_cmpint(ops->destroy(&host, NEW_ID), ==, -EBUSY);
}

static void test_veventq(void)
{
    const FakeIoctlCall *c;
    SMMUv3HostId id = 0;
    int fd = -5;

    setup();
    fake_ioctl.fd = 77;
    g_assert_cmpint(ops->veventq_alloc(&host, 3, 4096, &id, &fd), ==, 0);
    c = only_call(IOMMUFD, FAKE_IOMMU_VEVENTQ_ALLOC);
    g_assert_cmpuint(fake_ioctl_u32(c, 8), ==, 3);
    g_assert_cmpuint(fake_ioctl_u32(c, 12), ==, 1);
    g_assert_cmpuint(fake_ioctl_u32(c, 16), ==, 4096);
    g_assert_cmphex(id, ==, NEW_ID);
    g_assert_cmpint(fd, ==, 77);
    fake_ioctl.err = EOPNOTSUPP;
    id = fd = 9;
    g_assert_cmpint(ops->veventq_alloc(&host, 3, 1, &id, &fd), ==,
                    -EOPNOTSUPP);
    g_assert_cmpuint(id, ==, 9);
    g_assert_cmpint(fd, ==, 9);
}

/* As the kernel writes them: 8 bytes of header, 32 of record unless lost. */
static void put_event(int fd, uint32_t sequence, uint32_t lost)
{
    uint32_t event[10] = { lost, sequence };

    for (unsigned i = 2; i < G_N_ELEMENTS(event); i++) {
        event[i] = sequence * 16 + i;
    }
    g_assert_cmpint(write(fd, event, lost ? 8 : 40), ==, lost ? 8 : 40);
}

static void expect_event(const SMMUv3HostEvent *e, uint32_t sequence)
{
    uint32_t words[8];

    memcpy(words, &e->record, sizeof(words));
    g_assert_cmpuint(e->sequence, ==, sequence);
    g_assert_false(e->lost);
    for (unsigned i = 0; i < 8; i++) {
        g_assert_cmpuint(words[i], ==, sequence * 16 + i + 2);
    }
}

/* Reads as the kernel's descriptor does: what is there, without waiting. */
static void open_pipe(int fds[2])
{
    g_assert_cmpint(pipe(fds), ==, 0);
    g_assert_cmpint(fcntl(fds[0], F_SETFL, O_NONBLOCK), ==, 0);
}

static void test_veventq_read(void)
{
    SMMUv3HostEvent events[SMMUV3_HOST_EVENTS_MAX];
    int fds[2];

    open_pipe(fds);
    g_assert_cmpint(ops->veventq_read(&host, fds[0], events, 128), ==, 0);
    for (unsigned i = 0; i < 5; i++) {
        put_event(fds[1], 7 + i, 0);
    }
    put_event(fds[1], 20, 1);
    g_assert_cmpint(ops->veventq_read(&host, fds[0], events, 3), ==, 3);
    for (unsigned i = 0; i < 3; i++) {
        expect_event(&events[i], 7 + i);
    }
    g_assert_cmpint(ops->veventq_read(&host, fds[0], events, 128), ==, 3);
    expect_event(&events[0], 10);
    expect_event(&events[1], 11);
    g_assert_true(events[2].lost);
    g_assert_cmpuint(events[2].sequence, ==, 20);
    g_assert_cmpint(ops->veventq_read(&host, fds[0], events, 128), ==, 0);
    ops->veventq_close(&host, fds[0]);
    g_assert_cmpint(fcntl(fds[0], F_GETFD), ==, -1);
    close(fds[1]);
}

/* A header without all of its record is none. */
static void test_veventq_short(void)
{
    SMMUv3HostEvent events[2];
    uint32_t cut[9] = { 0, 1 };
    int fds[2];

    open_pipe(fds);
    put_event(fds[1], 0, 0);
    g_assert_cmpint(write(fds[1], cut, sizeof(cut)), ==, sizeof(cut));
    g_assert_cmpint(ops->veventq_read(&host, fds[0], events, 2), ==, 1);
    close(fds[0]);
    close(fds[1]);
}

static void fill_cmds(SMMUv3Cmd *cmds, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        cmds[i].dw[0] = GUINT64_TO_LE(0x0123456789abcd12 + ((uint64_t)i << 32));
        cmds[i].dw[1] = GUINT64_TO_LE(UINT64_C(0xfedcba9876543000) | i);
    }
}

static void assert_array(const FakeIoctlCall *c, const SMMUv3Cmd *cmds,
                         unsigned n)
{
    gsize len;
    const uint8_t *data = g_bytes_get_data(c->data, &len);

    g_assert_cmphex(fake_ioctl_u32(c, 4), ==, VIOMMU);
    g_assert_cmpuint(fake_ioctl_u32(c, 16), ==, 1);     /* ARM_SMMUV3 */
    g_assert_cmpuint(fake_ioctl_u32(c, 20), ==, 16);
    g_assert_cmpuint(fake_ioctl_u32(c, 24), ==, n);
    g_assert_cmpmem(data, len, cmds, n * sizeof(*cmds));
}

/* One call, whatever the number; the opcode is the first byte in memory. */
static void test_invalidate(void)
{
    static const unsigned sizes[] = { 1, 63, 64, SMMUV3_HOST_INVALIDATE_MAX };
    g_autofree SMMUv3Cmd *cmds = g_new(SMMUv3Cmd, SMMUV3_HOST_INVALIDATE_MAX);
    const FakeIoctlCall *c;
    const uint8_t *data;
    uint32_t done;

    fill_cmds(cmds, SMMUV3_HOST_INVALIDATE_MAX);
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        setup();
        done = UNTOUCHED;
        g_assert_cmpint(ops->invalidate(&host, VIOMMU, cmds, sizes[i], &done),
                        ==, 0);
        c = only_call(IOMMUFD, FAKE_IOMMU_HWPT_INVALIDATE);
        assert_array(c, cmds, sizes[i]);
        g_assert_cmpuint(done, ==, sizes[i]);
        data = g_bytes_get_data(c->data, NULL);
        g_assert_cmphex(data[0], ==, 0x12);
        g_assert_cmphex(data[7], ==, 0x01);
        g_assert_cmphex(data[8], ==, 0x00);
        g_assert_cmphex(data[15], ==, 0xfe);
    }
}

/* The kernel's count is handed on, believable or not; nothing is retried. */
static void test_invalidate_fails(void)
{
    static const struct {
        int err;
        uint32_t done;
    } cases[] = {
        { EIO, 0 }, { EIO, 63 }, { ETIMEDOUT, 62 }, { ENOMEM, 70 },
        { EINVAL, 0 }, { EFAULT, 70 },
    };
    SMMUv3Cmd cmds[70];
    uint32_t done;

    fill_cmds(cmds, G_N_ELEMENTS(cmds));
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        setup();
        fake_ioctl.err = cases[i].err;
        fake_ioctl.done = cases[i].done;
        done = UNTOUCHED;
        g_assert_cmpint(ops->invalidate(&host, VIOMMU, cmds, 70, &done),
                        ==, -cases[i].err);
        g_assert_cmpuint(done, ==, cases[i].done);
        g_assert_cmpuint(fake_ioctl_calls(), ==, 1);
    }
}

/* Each retry carries the whole array, although entry_num was overwritten. */
static void test_invalidate_interrupted(void)
{
    SMMUv3Cmd cmds[5];
    uint32_t done = UNTOUCHED;

    setup();
    fill_cmds(cmds, 5);
    fake_ioctl.interrupts = 3;
    g_assert_cmpint(ops->invalidate(&host, VIOMMU, cmds, 5, &done), ==, 0);
    g_assert_cmpuint(fake_ioctl_calls(), ==, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_array(fake_ioctl_call(i), cmds, 5);
    }
    g_assert_cmpuint(done, ==, 5);
}

/* Every function by one door: what it returns, and the id it writes. */
static int call_op(unsigned op, SMMUv3HostId *id)
{
    static const uint64_t ste[2];
    SMMUv3HostInfo info;

    switch (op) {
    case 0:
        return ops->get_info(&host, &dev, &info);
    case 1:
        return ops->viommu_alloc(&host, &dev, PARENT, id);
    case 2:
        return ops->vdevice_alloc(&host, VIOMMU, &dev, 1, id);
    case 3:
        return ops->hwpt_alloc(&host, VIOMMU, &dev, ste, id);
    case 4:
        return ops->attach(&host, &dev, PARENT);
    case 5:
        return ops->detach(&host, &dev);
    default:
        return ops->destroy(&host, NEW_ID);
    }
}

#define OPS 7

static void test_interrupted(void)
{
    for (unsigned op = 0; op < OPS; op++) {
        SMMUv3HostId id = NEW_ID;

        setup();
        fake_ioctl.interrupts = 1000;
        g_assert_cmpint(call_op(op, &id), ==, 0);
        g_assert_cmpuint(fake_ioctl_calls(), ==, 1001);
        g_assert_cmphex(id, ==, NEW_ID);
    }
}

/* The errno as it came, one call, and no output. */
static void test_failure(void)
{
    static const int errs[] = { EIO, ENOMEM, EOPNOTSUPP, ENOTTY, EEXIST };

    for (unsigned i = 0; i < OPS * G_N_ELEMENTS(errs); i++) {
        SMMUv3HostId id = UNTOUCHED;

        setup();
        fake_ioctl.err = errs[i / OPS];
        g_assert_cmpint(call_op(i % OPS, &id), ==, -errs[i / OPS]);
        g_assert_cmpuint(fake_ioctl_calls(), ==, 1);
        g_assert_cmphex(id, ==, UNTOUCHED);
    }
}

/* IDR0: S2P bit 0, S1P bit 1; IDR3: FWB bit 8. */
typedef struct ExplainCase {
    const char *name;
    int err;
    uint32_t idr0, idr3, iidr;
    const char *says[3];
    const char *not;            /* what it must not blame */
} ExplainCase;

#define FWB (1u << 8)

static const ExplainCase explain_cases[] = {
    { "old-kernel", -ENOTTY, 3, FWB, 0,
      { "IOMMU_VIOMMU_ALLOC", "Linux 6.15", "CONFIG_ARM_SMMU_V3_IOMMUFD=y" },
      "IDR" },
    { "no-hw-info", -ENODEV, 0, 0, 0,
      { "no SMMUv3", "CONFIG_ARM_SMMU_V3_IOMMUFD=y" }, "IDR" },
    { "no-info", -EOPNOTSUPP, 0, 0, 0,
      { "no SMMUv3", "CONFIG_ARM_SMMU_V3_IOMMUFD=y" }, "IDR" },
    { "stage-1-only", -EOPNOTSUPP, 2, FWB, 0,
      { "IDR0.S1P=1 IDR0.S2P=0", "stage 2", "machine" }, "CONFIG" },
    { "stage-2-only", -EOPNOTSUPP, 1, FWB, 0,
      { "IDR0.S1P=0 IDR0.S2P=1", "stage 1" }, "CONFIG" },
    { "stages-before-fwb", -EOPNOTSUPP, 2, 0, 0,
      { "IDR0.S2P=0" }, "FWB" },
    { "no-fwb", -EOPNOTSUPP, 3, ~FWB, 0,
      { "S2FWB (IDR3.FWB=0)", "CANWBS", "IORT" }, "CONFIG" },
    { "mmu-600-r1", -EOPNOTSUPP, 3, FWB, 0x4831043b,
      { "MMU-600 erratum 1209401", "IIDR=0x4831043b" }, "CONFIG" },
    { "mmu-600-r2", -EOPNOTSUPP, 3, FWB, 0x4832043b,
      { "looks capable" }, "erratum" },
    { "mmu-700-r1p0", -EOPNOTSUPP, 3, FWB, 0x4871043b,
      { "MMU-700 errata 2268618" }, "CONFIG" },
    { "mmu-700-r1p1", -EOPNOTSUPP, 3, FWB, 0x4871143b,
      { "looks capable" }, "errat" },
    { "another-implementer", -EOPNOTSUPP, 3, FWB, 0x48300111,
      { "looks capable" }, "errat" },
    { "capable", -EOPNOTSUPP, 3, FWB, 0x12345678,
      { "IDR0.S1P=1 IDR0.S2P=1 IDR3.FWB=1", "IIDR=0x12345678",
        "CONFIG_ARM_SMMU_V3_IOMMUFD=y" }, NULL },
    { "parent", -EINVAL, 3, FWB, 0,
      { "nesting parent", "another SMMU", "pxb-pcie" }, "CONFIG" },
    { "memory", -ENOMEM, 3, FWB, 0,
      { "IOMMUFD answered: " }, "CONFIG" },
};

static void test_explain(gconstpointer opaque)
{
    const ExplainCase *c = opaque;
    SMMUv3HostInfo info = { .iidr = c->iidr };
    g_autofree char *text = NULL;

    info.idr[0] = c->idr0;
    info.idr[3] = c->idr3;
    text = smmuv3_iommufd_explain_no_nesting(&info, c->err);
    for (unsigned i = 0; i < G_N_ELEMENTS(c->says) && c->says[i]; i++) {
        g_assert_nonnull(strstr(text, c->says[i]));
    }
    g_assert_true(!c->not || !strstr(text, c->not));
    g_assert_null(strchr(text, '\n'));
    g_assert_false(g_str_has_suffix(text, "."));
}

static void test_explain_null(void)
{
    static const int errs[] = { ENOTTY, ENODEV, EOPNOTSUPP, EINVAL, EPERM };

    for (unsigned i = 0; i < G_N_ELEMENTS(errs); i++) {
        g_autofree char *text =
            smmuv3_iommufd_explain_no_nesting(NULL, -errs[i]);

        g_assert_cmpuint(strlen(text), >, 20);
    }
}

static void add_explain_tests(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(explain_cases); i++) {
        g_autofree char *path = g_strdup_printf("/iommufd/explain/%s",
                                                explain_cases[i].name);

        g_test_add_data_func(path, &explain_cases[i], test_explain);
    }
    g_test_add_func("/iommufd/explain/null", test_explain_null);
}

/* ---- IOMMU groups, as sysfs tells of them ---- */

/* A tree of sysfs: devices/ADDRESS/iommu_group -> groups/7, and its devices. */
typedef struct Sysfs {
    char *root;
    GPtrArray *paths;           /* all of it, in the order of making */
} Sysfs;

static const char *made(Sysfs *s, char *path)
{
    g_ptr_array_add(s->paths, path);
    return path;
}

static const char *sysfs_dir(Sysfs *s, const char *name)
{
    char *path = g_build_filename(s->root, name, NULL);

    g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
    return made(s, path);
}

static void sysfs_link(Sysfs *s, const char *to, const char *name)
{
    char *path = g_build_filename(s->root, name, NULL);

    g_assert_cmpint(symlink(to, path), ==, 0);
    made(s, path);
}

/* The folder of 0000:00:1d.0, in a group with @others more functions. */
static char *sysfs_new(Sysfs *s, unsigned others)
{
    *s = (Sysfs) {
        .root = g_dir_make_tmp("smmuv3-XXXXXX", NULL),
        .paths = g_ptr_array_new_with_free_func(g_free),
    };
    g_assert_nonnull(s->root);
    sysfs_dir(s, "devices");
    sysfs_dir(s, "groups");
    sysfs_dir(s, "groups/7");
    sysfs_dir(s, "groups/7/devices");
    sysfs_dir(s, "devices/0000:00:1d.0");
    sysfs_link(s, "../../groups/7", "devices/0000:00:1d.0/iommu_group");
    for (unsigned i = 0; i <= others; i++) {
        g_autofree char *name = g_strdup_printf("groups/7/devices/"
                                                "0000:00:1d.%u", i);

        sysfs_link(s, "../../../devices", name);
    }
    return g_build_filename(s->root, "devices/0000:00:1d.0", NULL);
}

static void sysfs_drop(Sysfs *s)
{
    for (guint i = s->paths->len; i > 0; i--) {
        g_assert_cmpint(g_remove(g_ptr_array_index(s->paths, i - 1)), ==, 0);
    }
    g_assert_cmpint(g_rmdir(s->root), ==, 0);
    g_ptr_array_free(s->paths, TRUE);
    g_free(s->root);
}

static void expect_group(unsigned others, const char *words)
{
    unsigned number = 0;
    SMMUv3HostDevice d = { .device_fd = -1, .dev_id = DEV_ID };
    SMMUv3HostInfo info;
    Sysfs s;
    g_autofree char *path = sysfs_new(&s, others);
    g_autofree char *got = NULL;

    d.sysfs = path;
    got = smmuv3_iommufd_group_others(&d, &number);
    g_assert_cmpuint(number, ==, 7);
    g_assert_cmpstr(got, ==, words);
    setup();
    g_assert_cmpint(ops->get_info(&host, &d, &info), ==, 0);
    g_assert_cmpint(info.shares_group, ==, words != NULL);
    sysfs_drop(&s);
}

static void test_group_alone(void)
{
    expect_group(0, NULL);
}

static void test_group_two(void)
{
    expect_group(1, "0000:00:1d.1");
}

static void test_group_many(void)
{
    expect_group(7, "0000:00:1d.1, 0000:00:1d.2, 0000:00:1d.3,"
                    " 0000:00:1d.4 and 3 more");
}

/* No such folder, no descriptor, one of another device: nothing is known. */
static void test_group_unknown(void)
{
    SMMUv3HostDevice d = { .device_fd = -1, .sysfs = "/nowhere" };
    unsigned number;

    g_assert_null(smmuv3_iommufd_group_others(&d, &number));
    d.sysfs = NULL;
    g_assert_null(smmuv3_iommufd_group_others(&d, &number));
    d.device_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    g_assert_null(smmuv3_iommufd_group_others(&d, &number));
    close(d.device_fd);
}

typedef struct MsiCase {
    const char *name;
    const char *regions;        /* reserved_regions; NULL: there is none */
    uint64_t base, size;        /* size 0: none is found */
} MsiCase;

/* As reserved_regions_show() prints them. */
static const MsiCase msi_cases[] = {
    { "linux", "0x0000000008000000 0x00000000080fffff msi\n",
      0x08000000, 0x00100000 },
    { "behind-others", "0x0000000000000000 0x0000000000000fff direct\n"
                       "0x00000000a0000000 0x00000000a00fffff msi\n"
                       "0x0000000100000000 0x00000001ffffffff reserved\n",
      0xa0000000, 0x00100000 },
    { "high", "0x0000008000000000 0x000000800001ffff msi\n",
      0x8000000000, 0x20000 },
    { "none", "0x0000000008000000 0x00000000080fffff direct-relaxable\n",
      0, 0 },
    { "backwards", "0x00000000080fffff 0x0000000008000000 msi\n", 0, 0 },
    { "garbage", "msi\n0x0000000008000000\n\n", 0, 0 },
    { "empty", "", 0, 0 },
    { "absent", NULL, 0, 0 },
};

static void test_msi_range(gconstpointer data)
{
    const MsiCase *c = data;
    SMMUv3HostDevice d = { .device_fd = -1, .dev_id = DEV_ID };
    uint64_t base = 0, size = 0;
    Sysfs s;
    g_autofree char *path = sysfs_new(&s, 0);
    g_autofree char *file = g_build_filename(s.root,
                                             "groups/7/reserved_regions", NULL);

    d.sysfs = path;
    if (c->regions) {
        g_assert_true(g_file_set_contents(file, c->regions, -1, NULL));
    }
    g_assert_cmpint(smmuv3_iommufd_msi_range(&d, &base, &size), ==,
                    c->size != 0);
    g_assert_cmphex(base, ==, c->base);
    g_assert_cmphex(size, ==, c->size);
    if (c->regions) {
        g_assert_cmpint(g_remove(file), ==, 0);
    }
    sysfs_drop(&s);
}

static void add_msi_tests(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(msi_cases); i++) {
        g_autofree char *path = g_strdup_printf("/iommufd/msi-range/%s",
                                                msi_cases[i].name);

        g_test_add_data_func(path, &msi_cases[i], test_msi_range);
    }
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/iommufd/get-info", test_get_info);
    g_test_add_func("/iommufd/get-info/lengths", test_get_info_lengths);
    g_test_add_func("/iommufd/get-info/device", test_get_info_device);
    g_test_add_func("/iommufd/get-info/other-iommu",
                    test_get_info_other_iommu);
    g_test_add_func("/iommufd/viommu-alloc", test_viommu_alloc);
    g_test_add_func("/iommufd/vdevice-alloc", test_vdevice_alloc);
    g_test_add_func("/iommufd/hwpt-alloc", test_hwpt_alloc);
    g_test_add_func("/iommufd/attach-detach", test_attach_detach);
    g_test_add_func("/iommufd/destroy", test_destroy);
    g_test_add_func("/iommufd/veventq/alloc", test_veventq);
    g_test_add_func("/iommufd/veventq/read", test_veventq_read);
    g_test_add_func("/iommufd/veventq/short", test_veventq_short);
    g_test_add_func("/iommufd/invalidate", test_invalidate);
    g_test_add_func("/iommufd/invalidate/fails", test_invalidate_fails);
    g_test_add_func("/iommufd/invalidate/interrupted",
                    test_invalidate_interrupted);
    g_test_add_func("/iommufd/interrupted", test_interrupted);
    g_test_add_func("/iommufd/failure", test_failure);
    g_test_add_func("/iommufd/group/alone", test_group_alone);
    g_test_add_func("/iommufd/group/two", test_group_two);
    g_test_add_func("/iommufd/group/many", test_group_many);
    g_test_add_func("/iommufd/group/unknown", test_group_unknown);
    add_explain_tests();
    add_msi_tests();
    ret = g_test_run();
    fake_ioctl_reset();
    return ret;
}
