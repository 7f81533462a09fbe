/*
 * --bind: what is written, and that a device is as it was when a write fails.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The kernel's part is a door: "unbind" takes the link to the driver away,
 * "bind" and drivers_probe make one.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"

#define DEV TREE_DEVICE
#define DRIVER TREE_SYSFS "/driver"
#define DRIVER_OF(name) "-> ../../../../bus/pci/drivers/" name

static GString *writes;         /* "FILE=TEXT FILE=TEXT ..." */
static unsigned fail_at;        /* the n-th write fails; 0: none */
static bool vfio_refuses;

static void drop_driver(void)
{
    g_autofree char *link = g_strconcat(tree_root(), DRIVER, NULL);

    unlink(link);
}

static void set_driver(const char *name)
{
    g_autofree char *to = g_strconcat("../../../../bus/pci/drivers/", name,
                                      NULL);

    tree_link(DRIVER, to);
}

/* Which driver takes the device: the one that is named, or the disk's */
static void probe(void)
{
    g_autofree char *path = g_strconcat(tree_root(), TREE_SYSFS,
                                        "/driver_override", NULL);
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_strstrip(text);
    if (!strcmp(text, "vfio-pci") && !vfio_refuses) {
        set_driver("vfio-pci");
    } else if (!*text || !strcmp(text, "(null)")) {
        set_driver("nvme");
    }
}

static int kernel_write(const char *path, const char *text)
{
    const char *file = path + strlen(tree_root());
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *driver = g_path_get_basename(folder);

    g_string_append_printf(writes, "%s=%.*s ", name,
                           (int)strcspn(text, "\n"), text);
    if (fail_at && !--fail_at) {
        return -EIO;
    }
    if (!strcmp(name, "driver_override")) {
        tree_write(file, text);
    } else if (!strcmp(name, "unbind")) {
        drop_driver();
    } else if (!strcmp(name, "bind")) {
        set_driver(driver);
    } else {
        probe();
    }
    return 0;
}

static void begin(const char *driver)
{
    tree_begin();
    tree_door.write = kernel_write;
    writes = g_string_new(NULL);
    fail_at = 0;
    vfio_refuses = false;
    if (driver) {
        set_driver(driver);
    } else {
        drop_driver();
    }
}

static void end(void)
{
    g_string_free(writes, TRUE);
    tree_end();
}

static char *driver_now(void)
{
    g_autofree char *path = g_strconcat(tree_root(), DRIVER, NULL);
    g_autofree char *to = g_file_read_link(path, NULL);

    return to ? g_path_get_basename(to) : NULL;
}

static void assert_driver(const char *expected)
{
    g_autofree char *now = driver_now();

    g_assert_cmpstr(now, ==, expected);
}

static void test_gives(void)
{
    begin("nvme");
    g_assert_cmpint(tree_run("--bind", DEV, NULL), ==, CHECK_STATUS_OK);
    tree_assert_line(DEV, "bind", CHECK_OK, "nvme had it before");
    tree_assert_line(DEV, "driver", CHECK_OK, "vfio-pci");
    g_assert_cmpstr(writes->str, ==, "driver_override=vfio-pci unbind=" DEV
                    " drivers_probe=" DEV " ");
    assert_driver("vfio-pci");
    end();
}

static void test_gives_without_driver(void)
{
    begin(NULL);
    g_assert_cmpint(tree_run("--bind=1:0.0", NULL), ==, CHECK_STATUS_OK);
    g_assert_cmpstr(writes->str, ==,
                    "driver_override=vfio-pci drivers_probe=" DEV " ");
    assert_driver("vfio-pci");
    end();
}

static void test_has_it(void)
{
    begin("vfio-pci");
    g_assert_cmpint(tree_run("--bind", DEV, NULL), ==, CHECK_STATUS_OK);
    tree_assert_line(DEV, "bind", CHECK_OK, "already");
    g_assert_cmpstr(writes->str, ==, "");
    end();
}

/* Nothing is written without --bind. */
static void test_not_asked(void)
{
    begin("nvme");
    g_assert_cmpint(tree_run(DEV, NULL), ==, CHECK_STATUS_OK);
    g_assert_cmpstr(writes->str, ==, "");
    end();
}

static void test_not_loaded(void)
{
    begin("nvme");
    tree_remove("/sys/bus/pci/drivers/vfio-pci");
    g_assert_cmpint(tree_run("--bind", DEV, NULL), ==, CHECK_STATUS_NO);
    tree_assert_line(DEV, "bind", CHECK_NO, "modprobe vfio-pci");
    g_assert_cmpstr(writes->str, ==, "");
    end();
}

/* Not without --force; and with it "use" still is no. */
static void test_in_use(void)
{
    begin("nvme");
    tree_write(TREE_SYSFS "/sriov_numvfs", "2\n");
    g_assert_cmpint(tree_run("--bind", DEV, NULL), ==, CHECK_STATUS_NO);
    tree_assert_line(DEV, "bind", CHECK_NO, "--force");
    g_assert_cmpstr(writes->str, ==, "");
    assert_driver("nvme");

    g_assert_cmpint(tree_run("--bind", DEV, "--force", NULL), ==,
                    CHECK_STATUS_NO);
    tree_assert_line(DEV, "use", CHECK_NO, "2 virtual functions");
    tree_assert_line(DEV, "bind", CHECK_OK, "vfio-pci has it");
    assert_driver("vfio-pci");
    end();
}

/* A device that is behind no IOMMU is not taken from its driver in vain. */
static void test_no_such_device(void)
{
    begin("nvme");
    g_assert_cmpint(tree_run("--bind", "0000:09:00.0", NULL), ==,
                    CHECK_STATUS_NO);
    g_assert_cmpstr(writes->str, ==, "");
    end();
}

/* What driver_override was is put back, also if somebody had set it. */
static void assert_undone(const char *driver, const char *override)
{
    g_autofree char *path = g_strconcat(tree_root(), TREE_SYSFS,
                                        "/driver_override", NULL);
    g_autofree char *text = NULL;

    assert_driver(driver);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(g_strstrip(text), ==, override);
    tree_assert_line(DEV, "bind", CHECK_NO, "it is as it was before");
}

/* The n-th write fails, until none does. */
static void sweep(const char *driver, unsigned writes_of_all)
{
    for (unsigned n = 1; n <= writes_of_all; n++) {
        begin(driver);
        fail_at = n;
        g_assert_cmpint(tree_run("--bind", DEV, NULL), ==, CHECK_STATUS_NO);
        assert_undone(driver, "");
        end();
    }
    begin(driver);
    fail_at = writes_of_all + 1;
    g_assert_cmpint(tree_run("--bind", DEV, NULL), ==, CHECK_STATUS_OK);
    g_assert_cmpuint(fail_at, ==, 1);
    end();
}

static void test_sweep(void)
{
    sweep("nvme", 3);
    sweep(NULL, 2);
}

static void test_refused(void)
{
    begin("nvme");
    vfio_refuses = true;
    tree_write(TREE_SYSFS "/driver_override", "nvme\n");
    g_assert_cmpint(tree_run("--bind", DEV, NULL), ==, CHECK_STATUS_NO);
    tree_assert_line(DEV, "bind", CHECK_NO, "vfio-pci did not take it");
    assert_undone("nvme", "nvme");
    end();
}

static int always_fails(const char *path, const char *text)
{
    (void)text;
    if (g_str_has_suffix(path, "/unbind")) {
        drop_driver();
        return 0;
    }
    return g_str_has_suffix(path, "/driver_override") ? 0 : -EACCES;
}

static void test_cannot_be_undone(void)
{
    begin("nvme");
    tree_door.write = always_fails;
    g_assert_cmpint(tree_run("--bind", DEV, NULL), ==, CHECK_STATUS_NO);
    tree_assert_line(DEV, "bind", CHECK_NO, "could not be put back: nvme had"
                     " it, no driver has it now");
    tree_assert_line(DEV, "bind", CHECK_NO, "Permission denied");
    end();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/check/bind/gives", test_gives);
    g_test_add_func("/check/bind/gives-without-driver",
                    test_gives_without_driver);
    g_test_add_func("/check/bind/has-it", test_has_it);
    g_test_add_func("/check/bind/not-asked", test_not_asked);
    g_test_add_func("/check/bind/not-loaded", test_not_loaded);
    g_test_add_func("/check/bind/in-use", test_in_use);
    g_test_add_func("/check/bind/no-such-device", test_no_such_device);
    g_test_add_func("/check/bind/sweep", test_sweep);
    g_test_add_func("/check/bind/refused", test_refused);
    g_test_add_func("/check/bind/cannot-be-undone", test_cannot_be_undone);
    return g_test_run();
}
