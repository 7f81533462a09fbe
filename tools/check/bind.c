/*
 * --bind: gives a device to vfio-pci, or leaves it as it was.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The kernel's way: driver_override names the driver, "unbind" takes the one
 * that has the device away, drivers_probe looks for one. What was written is
 * taken back in reverse order if a later write fails, or if another driver has
 * the device then.
 */
#include <errno.h>
#include <string.h>

#include "check.h"

#define DEVICE          "/sys/bus/pci/devices/"
#define DRIVERS         "/sys/bus/pci/drivers/"
#define PROBE           "/sys/bus/pci/drivers_probe"
#define VFIO            "vfio-pci"

typedef struct Bind {
    Check *c;
    CheckDevice *d;
    char *override;             /* what driver_override was; "" for none */
    char *driver;               /* the one that had the device; NULL: none */
    char *failed;               /* the write that did, and why */
} Bind;

static bool bind_write(Bind *b, const char *text, const char *path)
{
    g_autofree char *whole = check_path(b->c, "%s", path);
    int ret = b->c->door->write(whole, text);

    if (ret && !b->failed) {
        b->failed = g_strdup_printf("writing to %s: %s", path,
                                    g_strerror(-ret));
    }
    return !ret;
}

/* An empty line takes the name away. */
static bool bind_override(Bind *b, const char *driver)
{
    g_autofree char *path = g_strconcat(DEVICE, b->d->address,
                                        "/driver_override", NULL);
    g_autofree char *line = g_strconcat(driver, "\n", NULL);

    return bind_write(b, line, path);
}

static bool bind_release(Bind *b, const char *driver)
{
    g_autofree char *path = g_strconcat(DRIVERS, driver, "/unbind", NULL);

    return bind_write(b, b->d->address, path);
}

static bool bind_has(Bind *b, const char *driver)
{
    check_device_look(b->c, b->d);
    return !g_strcmp0(b->d->driver, driver);
}

static bool bind_give(Bind *b)
{
    if (!bind_override(b, VFIO) ||
        (b->driver && !bind_release(b, b->driver)) ||
        !bind_write(b, b->d->address, PROBE)) {
        return false;
    }
    if (!bind_has(b, VFIO)) {
        b->failed = g_strdup_printf("vfio-pci did not take it; %s has it; dmesg"
                                    " may say why", b->d->driver ?: "nobody");
        return false;
    }
    return true;
}

/* As it was before; false: it is not. */
static bool bind_back(Bind *b)
{
    g_autofree char *path = g_strconcat(DRIVERS, b->driver ?: "", "/bind",
                                        NULL);

    bind_override(b, b->override);
    if (!bind_has(b, b->driver)) {
        if (b->d->driver) {
            bind_release(b, b->d->driver);
        }
        if (b->driver) {
            bind_write(b, b->d->address, path);
        }
    }
    return bind_has(b, b->driver);
}

static void bind_look(Bind *b)
{
    char *was = check_read(b->c, DEVICE "%s/driver_override", b->d->address);

    /* How the kernel shows that there is none */
    if (was && !strcmp(was, "(null)")) {
        g_clear_pointer(&was, g_free);
    }
    b->override = was ?: g_strdup("");
    b->driver = g_strdup(b->d->driver);
}

static void bind_do(Bind *b)
{
    Check *c = b->c;
    CheckDevice *d = b->d;

    bind_look(b);
    if (bind_give(b)) {
        check_ok(c, d, "bind", "vfio-pci has it, and %s had it before",
                 b->driver ?: "no driver");
    } else if (bind_back(b)) {
        check_no(c, d, "bind", "run this as root, and look at dmesg", "%s;"
                 " it is as it was before (driver: %s)", b->failed,
                 b->driver ?: "none");
    } else {
        check_no(c, d, "bind", "give it back by hand: write its address to"
                 " unbind of its driver and to bind of the other one", "%s;"
                 " and it could not be put back: %s had it, %s has it now",
                 b->failed, b->driver ?: "no driver", d->driver ?: "no driver");
    }
    g_free(b->override);
    g_free(b->driver);
    g_free(b->failed);
}

void check_bind(Check *c, CheckDevice *d)
{
    Bind b = { .c = c, .d = d };

    if (d->in_use && !c->force) {
        check_no(c, d, "bind", "end that use first; --force takes it away all"
                 " the same", "not given to vfio-pci, because it is in use");
    } else if (!g_strcmp0(d->driver, VFIO)) {
        check_ok(c, d, "bind", "vfio-pci has it already");
    } else if (!check_exists(c, DRIVERS VFIO)) {
        check_no(c, d, "bind", "modprobe vfio-pci", "the driver vfio-pci is not"
                 " loaded");
    } else {
        bind_do(&b);
    }
}
