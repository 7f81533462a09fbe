/*
 * --try on a kernel that is made up, under the rules of three versions of
 * Linux: each call made and undone, and each one failing.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The kernel is the one that tests preload into QEMU (smmuv3-fake-kernel.h).
 * Here open(), close() and ioctl() are replaced at link time. It counts what
 * no correct caller does, and what is left when an iommufd closes.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake-kernel-internal.h"
#include "smmuv3/registers.h"

/* check.h has the port's SMMUv3HostDevice, which is not the fake host's. */
enum { STATUS_OK, STATUS_NO };
#define CHECK_NO 2
#define CHECK_OK 0
#define TREE_DEVICE     "0000:01:00.0"

void tree_begin(void);
void tree_end(void);
const char *tree_root(void);
const char *tree_output(void);
void tree_remove(const char *path);
void tree_write(const char *path, const char *text);
int tree_run(const char *word, ...);
void tree_assert_line(const char *about, const char *check, int verdict,
                      const char *says);

static FakeKernel kernel;

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __real_ioctl(int fd, unsigned long op, ...);
int __wrap_ioctl(int fd, unsigned long op, ...);
int __real_close(int fd);
int __wrap_close(int fd);

/* The tree's /dev is the kernel's. */
int __wrap_open64(const char *path, int flags, ...)
{
    const char *root = tree_root();
    mode_t mode;
    va_list ap;
    int ret;

    va_start(ap, flags);
    mode = va_arg(ap, mode_t);
    va_end(ap);
    if (root && g_str_has_prefix(path, root) &&
        fake_kernel_owns(path + strlen(root))) {
        ret = fake_kernel_open(path + strlen(root));
        errno = ret < 0 ? -ret : errno;
        return ret < 0 ? -1 : ret;
    }
    return __real_open64(path, flags, mode);
}

int __wrap_ioctl(int fd, unsigned long op, ...)
{
    va_list ap;
    void *arg;
    int ret;

    va_start(ap, op);
    arg = va_arg(ap, void *);
    va_end(ap);
    if (!fake_kernel_is_ours(fd)) {
        return __real_ioctl(fd, op, arg);
    }
    ret = fake_kernel_ioctl(fd, op, arg);
    errno = ret < 0 ? -ret : errno;
    return ret < 0 ? -1 : ret;
}

int __wrap_close(int fd)
{
    if (fake_kernel_is_ours(fd)) {
        fake_kernel_closing(fd);
    }
    return __real_close(fd);
}

static bool rules_are(const char *version)
{
    return !g_strcmp0(g_getenv("SMMUV3_HOST_RULES"), version);
}

/* Both stages, S2FWB, range invalidation */
static void begin(void)
{
    g_autofree char *shared = NULL;

    tree_begin();
    shared = g_strconcat(tree_root(), "/kernel", NULL);
    g_setenv(FAKE_KERNEL_ENV, shared, TRUE);
    memset(&kernel, 0, sizeof(kernel));
    kernel.smmu[0].idr[0] = SMMUV3_IDR0_S1P | SMMUV3_IDR0_S2P |
                            SMMUV3_PREP(SMMUV3_IDR0_TTF, 2);
    kernel.smmu[0].idr[1] = SMMUV3_PREP(SMMUV3_IDR1_SIDSIZE, 16);
    kernel.smmu[0].idr[3] = SMMUV3_IDR3_RIL | SMMUV3_IDR3_FWB;
    kernel.smmu[0].idr[5] = SMMUV3_IDR5_GRAN4K;
    kernel.smmu[0].iidr = 0x43b;
    fake_kernel_start(&kernel);
}

/* Nothing is left, whatever went wrong. */
static void end(void)
{
    g_assert_cmpuint(kernel.iommufds, ==, 0);
    g_assert_cmpuint(kernel.device[0].open, ==, 0);
    g_assert_cmpuint(kernel.rule_breaks, ==, 0);
    tree_end();
}

static int try(void)
{
    return tree_run("--try", TREE_DEVICE, NULL);
}

static void test_all(void)
{
    begin();
    if (rules_are("6.13")) {
        /* The vEVENTQ is what that kernel does not have. */
        g_assert_cmpint(try(), ==, STATUS_NO);
        tree_assert_line(TREE_DEVICE, "try", CHECK_NO,
                         "IOMMU_VEVENTQ_ALLOC failed");
        tree_assert_line(TREE_DEVICE, "try", CHECK_NO, "6.15 or newer");
    } else {
        g_assert_cmpint(try(), ==, STATUS_OK);
        tree_assert_line(TREE_DEVICE, "try", CHECK_OK, "a vDEVICE");
        tree_assert_line(TREE_DEVICE, "coherence", CHECK_OK, "S2FWB");
        g_assert_cmpuint(kernel.calls[FK_NESTED_ALLOC], ==, 2);
        g_assert_cmpuint(kernel.calls[FK_VEVENTQ_ALLOC], ==, 1);
    }
    tree_assert_line(TREE_DEVICE, "idrs", CHECK_OK, "IIDR 0x0000043b");
    g_assert_cmpuint(kernel.leaked, ==, 0);
    end();
}

/* How many calls there are when none fails: opened, made and undone */
static unsigned calls_of_all(void)
{
    unsigned n;

    begin();
    try();
    n = kernel.calls[FK_CALLS];
    end();
    return n;
}

/* The n-th call fails, until none does. */
static void test_sweep(void)
{
    unsigned n = calls_of_all();

    g_assert_cmpuint(n, >, 20 - 8 * rules_are("6.13"));
    for (unsigned i = 1; i <= n; i++) {
        begin();
        kernel.fail_countdown[FK_CALLS] = i;
        kernel.fail_errno[FK_CALLS] = ENOMEM;
        g_assert_cmpint(try(), ==, STATUS_NO);
        g_assert_cmpuint(kernel.injected, ==, 1);
        g_assert_nonnull(strstr(tree_output(), "(errno 12)"));
        if (strstr(tree_output(), "let-go")) {
            kernel.rule_breaks = 0;     /* what stands on it cannot go */
        }
        end();
    }
}

typedef struct ErrorCase {
    FakeKernelCall call;
    int err;
    const char *says[2];
} ErrorCase;

static void test_explained(void)
{
    static const ErrorCase cases[] = {
        { FK_BIND, EPERM, { "VFIO_DEVICE_BIND_IOMMUFD failed",
                            "allow_unsafe_interrupts" } },
        { FK_BIND, EINVAL, { "errno 22", "is not coherent" } },
        { FK_BIND, EBUSY, { "errno 16", "has its group open" } },
        { FK_BIND, EACCES, { "errno 13", "wants a token" } },
        { FK_ATTACH, EPERM, { "ATTACH_IOMMUFD_PT of the parent",
                              "allow_unsafe_interrupts" } },
        { FK_HW_INFO, ENODEV, { "IOMMU_GET_HW_INFO", "describes no SMMUv3" } },
        { FK_PARENT_ALLOC, EOPNOTSUPP, { "nesting parent",
                                         "kernel refuses nevertheless" } },
        { FK_VIOMMU_ALLOC, ENOTTY, { "IOMMU_VIOMMU_ALLOC failed",
                                     "Linux 6.15 or newer" } },
        { FK_OPEN, EACCES, { "opening /dev/iommu", "run this as root" } },
        { FK_OPEN, ENOENT, { "opening /dev/iommu", "modprobe iommufd" } },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        const ErrorCase *e = &cases[i];

        begin();
        kernel.always[e->call] = e->err;
        g_assert_cmpint(try(), ==, STATUS_NO);
        tree_assert_line(TREE_DEVICE, "try", CHECK_NO, e->says[0]);
        tree_assert_line(TREE_DEVICE, "try", CHECK_NO, e->says[1]);
        kernel.always[e->call] = 0;
        end();
    }
}

/* The same errno as without isolated MSIs, for another reason */
static void test_group_has_owner(void)
{
    begin();
    tree_write("/sys/kernel/iommu_groups/7/devices/0000:01:00.1", "");
    kernel.always[FK_BIND] = EPERM;
    g_assert_cmpint(try(), ==, STATUS_NO);
    tree_assert_line(TREE_DEVICE, "try", CHECK_NO, "group 7: 0000:01:00.1");
    kernel.always[FK_BIND] = 0;
    end();
}

/* What hardware lacks: the kernel refuses, and the port says why. */
static void test_hardware(void)
{
    begin();
    kernel.smmu[0].idr[3] &= ~SMMUV3_IDR3_FWB;
    g_assert_cmpint(try(), ==, STATUS_NO);
    tree_assert_line(TREE_DEVICE, "try", CHECK_NO, "no S2FWB (IDR3.FWB=0)");
    tree_assert_line(TREE_DEVICE, "coherence", CHECK_NO, "no S2FWB");
    end();

    begin();
    kernel.smmu[0].idr[0] &= ~SMMUV3_IDR0_S2P;
    g_assert_cmpint(try(), ==, STATUS_NO);
    tree_assert_line(TREE_DEVICE, "try", CHECK_NO, "IDR0.S2P=0");
    end();

    begin();
    kernel.device[0].smmu = -1;
    g_assert_cmpint(try(), ==, STATUS_NO);
    tree_assert_line(TREE_DEVICE, "try", CHECK_NO, "describes no SMMUv3");
    end();
}

/* Who does not have it is told how to get it, and the kernel is not asked. */
static void test_other_driver(void)
{
    begin();
    tree_remove("/sys/devices/pci0000:00/0000:00:01.0/" TREE_DEVICE "/driver");
    g_assert_cmpint(try(), ==, STATUS_NO);
    tree_assert_line(TREE_DEVICE, "try", CHECK_NO, "--bind " TREE_DEVICE);
    g_assert_cmpuint(kernel.calls[FK_CALLS], ==, 0);
    end();
}

/* The report has what hardware says of itself, and where it is not. */
static void test_report(void)
{
    begin();
    g_assert_cmpint(tree_run("--report", "--try", TREE_DEVICE, NULL), ==,
                    rules_are("6.13") ? STATUS_NO : STATUS_OK);
    g_assert_nonnull(strstr(tree_output(), "  IIDR: 0x0000043b\n"));
    g_assert_nonnull(strstr(tree_output(), "  IDR3: 0x00000500\n"));
    g_assert_null(strstr(tree_output(), TREE_DEVICE));
    end();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/check/try/all", test_all);
    g_test_add_func("/check/try/sweep", test_sweep);
    g_test_add_func("/check/try/explained", test_explained);
    g_test_add_func("/check/try/group-has-owner", test_group_has_owner);
    g_test_add_func("/check/try/hardware", test_hardware);
    g_test_add_func("/check/try/other-driver", test_other_driver);
    g_test_add_func("/check/try/report", test_report);
    return g_test_run();
}
