/*
 * --try: asks the kernel for all that a guest with this device needs, and lets
 * go of it again in reverse order.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The order is the one that a VMM keeps (examples/host-vfio.c, smmuv3-host.h).
 * A vDEVICE comes before the first nested HWPT is attached, because Linux 6.15
 * to 6.18 want one for each, and newer kernels for one that translates. The
 * device does no DMA meanwhile: vfio-pci leaves it without bus mastering.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "check.h"
#include "smmuv3/registers.h"
#include "smmuv3/ste.h"

#define EVENTS 16               /* any depth does */

typedef struct Try {
    const Check *c;
    const CheckDevice *d;
    SMMUv3Host host;
    SMMUv3HostDevice dev;
    SMMUv3HostInfo info;
    bool has_info;
    SMMUv3HostId ioas, parent, viommu, vdevice, bypass, translate, veventq;
    int veventq_fd;
} Try;

typedef struct Step {
    const char *call;           /* as the kernel names it */
    int (*make)(Try *t);
    int (*undo)(Try *t);        /* NULL: nothing to undo */
} Step;

static int try_ioctl(int fd, unsigned long op, void *arg)
{
    int ret;

    do {
        ret = ioctl(fd, op, arg);
    } while (ret < 0 && errno == EINTR);
    return ret < 0 ? -errno : 0;
}

static int try_open(const Try *t, const char *path, int *fd)
{
    g_autofree char *whole = check_path(t->c, "%s", path);

    *fd = open(whole, O_RDWR | O_CLOEXEC);
    return *fd < 0 ? -errno : 0;
}

static int try_open_iommufd(Try *t)
{
    return try_open(t, "/dev/iommu", &t->host.iommufd);
}

static int try_close_iommufd(Try *t)
{
    return close(t->host.iommufd) ? -errno : 0;
}

static int try_open_cdev(Try *t)
{
    g_autofree char *path = g_strconcat("/dev/vfio/devices/", t->d->cdev, NULL);

    return try_open(t, path, &t->dev.device_fd);
}

static int try_close_cdev(Try *t)
{
    return close(t->dev.device_fd) ? -errno : 0;
}

/* Closing the device unbinds it. Only what Linux 6.6 knows is handed over. */
static int try_bind(Try *t)
{
    struct vfio_device_bind_iommufd bind = {
        .argsz = offsetof(struct vfio_device_bind_iommufd, out_devid) +
                 sizeof(bind.out_devid),
        .iommufd = t->host.iommufd,
    };
    int ret = try_ioctl(t->dev.device_fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);

    t->dev.dev_id = bind.out_devid;
    return ret;
}

static int try_get_info(Try *t)
{
    int ret = t->c->ops->get_info(&t->host, &t->dev, &t->info);

    t->has_info = !ret;
    return ret;
}

static int try_ioas(Try *t)
{
    struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
    int ret = try_ioctl(t->host.iommufd, IOMMU_IOAS_ALLOC, &alloc);

    t->ioas = alloc.out_ioas_id;
    return ret;
}

static int try_free_ioas(Try *t)
{
    return t->c->ops->destroy(&t->host, t->ioas);
}

static int try_parent(Try *t)
{
    struct iommu_hwpt_alloc alloc = {
        .size = sizeof(alloc),
        .flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
        .dev_id = t->dev.dev_id,
        .pt_id = t->ioas,
    };
    int ret = try_ioctl(t->host.iommufd, IOMMU_HWPT_ALLOC, &alloc);

    t->parent = alloc.out_hwpt_id;
    return ret;
}

static int try_free_parent(Try *t)
{
    return t->c->ops->destroy(&t->host, t->parent);
}

static int try_attach_parent(Try *t)
{
    return t->c->ops->attach(&t->host, &t->dev, t->parent);
}

static int try_detach(Try *t)
{
    return t->c->ops->detach(&t->host, &t->dev);
}

static int try_viommu(Try *t)
{
    return t->c->ops->viommu_alloc(&t->host, &t->dev, t->parent, &t->viommu);
}

static int try_free_viommu(Try *t)
{
    return t->c->ops->destroy(&t->host, t->viommu);
}

/* Any vSID does, as the vIOMMU has no other device. */
static int try_vdevice(Try *t)
{
    return t->c->ops->vdevice_alloc(&t->host, t->viommu, &t->dev, 0,
                                    &t->vdevice);
}

static int try_free_vdevice(Try *t)
{
    return t->c->ops->destroy(&t->host, t->vdevice);
}

static int try_nested(Try *t, enum SMMUv3SteConfig config, SMMUv3HostId *hwpt)
{
    const uint64_t ste[2] = {
        GUINT64_TO_LE(SMMUV3_STE0_V | SMMUV3_PREP(SMMUV3_STE0_CONFIG, config)),
    };

    return t->c->ops->hwpt_alloc(&t->host, t->viommu, &t->dev, ste, hwpt);
}

static int try_bypass(Try *t)
{
    return try_nested(t, SMMUV3_STE_CONFIG_BYPASS, &t->bypass);
}

static int try_free_bypass(Try *t)
{
    return t->c->ops->destroy(&t->host, t->bypass);
}

static int try_translate(Try *t)
{
    return try_nested(t, SMMUV3_STE_CONFIG_S1, &t->translate);
}

static int try_free_translate(Try *t)
{
    return t->c->ops->destroy(&t->host, t->translate);
}

static int try_attach_bypass(Try *t)
{
    return t->c->ops->attach(&t->host, &t->dev, t->bypass);
}

static int try_attach_translate(Try *t)
{
    return t->c->ops->attach(&t->host, &t->dev, t->translate);
}

static int try_veventq(Try *t)
{
    return t->c->ops->veventq_alloc(&t->host, t->viommu, EVENTS, &t->veventq,
                                    &t->veventq_fd);
}

static int try_free_veventq(Try *t)
{
    t->c->ops->veventq_close(&t->host, t->veventq_fd);
    return t->c->ops->destroy(&t->host, t->veventq);
}

/* What is attached instead of a step's HWPT is what was attached before it. */
static const Step steps[] = {
    { "opening /dev/iommu", try_open_iommufd, try_close_iommufd },
    { "opening its character device", try_open_cdev, try_close_cdev },
    { "VFIO_DEVICE_BIND_IOMMUFD", try_bind, NULL },
    { "IOMMU_GET_HW_INFO", try_get_info, NULL },
    { "IOMMU_IOAS_ALLOC", try_ioas, try_free_ioas },
    { "IOMMU_HWPT_ALLOC of a nesting parent", try_parent, try_free_parent },
    { "VFIO_DEVICE_ATTACH_IOMMUFD_PT of the parent", try_attach_parent,
      try_detach },
    { "IOMMU_VIOMMU_ALLOC", try_viommu, try_free_viommu },
    { "IOMMU_VEVENTQ_ALLOC", try_veventq, try_free_veventq },
    { "IOMMU_VDEVICE_ALLOC", try_vdevice, try_free_vdevice },
    { "IOMMU_HWPT_ALLOC of a nested bypass", try_bypass, try_free_bypass },
    { "IOMMU_HWPT_ALLOC of a nested translation", try_translate,
      try_free_translate },
    { "VFIO_DEVICE_ATTACH_IOMMUFD_PT of the bypass", try_attach_bypass,
      try_attach_parent },
    { "VFIO_DEVICE_ATTACH_IOMMUFD_PT of the translation", try_attach_translate,
      try_attach_bypass },
};

static bool try_is(unsigned step, int (*make)(Try *t))
{
    return steps[step].make == make;
}

/* EPERM has two reasons: the group's owner, and MSIs (iommufd/device.c). */
static char *try_explain_eperm(const Try *t)
{
    unsigned group;
    g_autofree char *others = smmuv3_iommufd_group_others(&t->dev, &group);

    if (others) {
        return g_strdup_printf("a driver of this host, or another guest, has one"
                               " of the devices with which it shares IOMMU group"
                               " %u: %s", group, others);
    }
    return g_strdup("the machine does not isolate one device's MSIs from"
                    " another's (a GIC without ITS); use one that does, or, if"
                    " every guest is trusted with the host, write 1 to"
                    " /sys/module/iommufd/parameters/allow_unsafe_interrupts");
}

static char *try_explain_bind(const Try *t, int err)
{
    switch (err) {
    case -EPERM:
        return try_explain_eperm(t);
    case -EINVAL:
        return g_strdup("another process has the device open (a guest: end it),"
                        " or its SMMU is not coherent (COHACC), which VFIO"
                        " wants");
    case -EBUSY:
        return g_strdup("another process has its group open by /dev/vfio/GROUP:"
                        " end the guest that has it");
    case -EACCES:
        return g_strdup("it is a virtual function whose physical function"
                        " vfio-pci has, too, which wants a token: give that one"
                        " back to the host");
    default:
        return g_strdup("look at dmesg");
    }
}

static char *try_explain_open(unsigned step, int err)
{
    bool iommufd = try_is(step, try_open_iommufd);

    if (err == -EACCES || err == -EPERM) {
        return g_strdup("run this as root, or give the file to this user");
    }
    if (err == -ENOENT || err == -ENODEV) {
        return g_strdup(iommufd ? "modprobe iommufd; the kernel needs"
                                  " CONFIG_IOMMUFD"
                                : "the kernel needs CONFIG_VFIO_DEVICE_CDEV=y,"
                                  " and udev makes the file");
    }
    return g_strdup("look at dmesg");
}

static char *try_explain_attach(const Try *t, int err)
{
    if (err == -EPERM) {
        return try_explain_eperm(t);
    }
    if (err == -EBUSY) {
        return g_strdup("another device of its IOMMU group is attached"
                        " elsewhere");
    }
    return g_strdup_printf("look at dmesg; the kernel refuses to attach the"
                           " device (%s)", g_strerror(-err));
}

/* What helps, by the step that failed */
static char *try_explain(const Try *t, unsigned step, int err)
{
    if (try_is(step, try_open_iommufd) || try_is(step, try_open_cdev)) {
        return try_explain_open(step, err);
    }
    if (try_is(step, try_bind)) {
        return try_explain_bind(t, err);
    }
    if (try_is(step, try_get_info) || try_is(step, try_parent) ||
        try_is(step, try_viommu)) {
        return smmuv3_iommufd_explain_no_nesting(t->has_info ? &t->info : NULL,
                                                 err);
    }
    if (try_is(step, try_veventq) && (err == -ENOTTY || err == -EOPNOTSUPP)) {
        return g_strdup("the kernel has no vEVENTQs, and a guest would not hear"
                        " of translation faults; use Linux 6.15 or newer");
    }
    if (g_str_has_prefix(steps[step].call, "VFIO_DEVICE_ATTACH")) {
        return try_explain_attach(t, err);
    }
    return g_strdup("look at dmesg; Linux 6.15 or newer gives it on an SMMU"
                    " that nests");
}

/* Undoes the steps before @n, all of them; *@failed is the first that did. */
static int try_let_go(Try *t, unsigned n, unsigned *failed)
{
    int first = 0;

    while (n-- > 0) {
        int ret = steps[n].undo ? steps[n].undo(t) : 0;

        if (ret && !first) {
            first = ret;
            *failed = n;
        }
    }
    return first;
}

static void try_run(Check *c, CheckDevice *d)
{
    Try t = { .c = c, .d = d, .dev.sysfs = d->sysfs };
    unsigned done = 0, stuck;
    g_autofree char *remedy = NULL;
    int ret = 0, left;

    while (done < G_N_ELEMENTS(steps) && !(ret = steps[done].make(&t))) {
        done++;
    }
    if (ret) {
        remedy = try_explain(&t, done, ret);
        check_no(c, d, "try", remedy, "%s failed: %s (errno %d)",
                 steps[done].call, g_strerror(-ret), -ret);
    } else {
        check_ok(c, d, "try", "the kernel gave a nesting parent, a vIOMMU, a"
                 " vEVENTQ, a vDEVICE, and attached a nested bypass and a"
                 " nested translation");
    }
    left = try_let_go(&t, done, &stuck);
    if (left) {
        check_no(c, d, "let-go", "the kernel frees all of it when this program"
                 " ends; report it", "undoing %s failed: %s (errno %d)",
                 steps[stuck].call, g_strerror(-left), -left);
    }
    d->tried = t.has_info;
    d->info = t.info;
}

static void try_say_idrs(Check *c, const CheckDevice *d)
{
    const SMMUv3HostInfo *i = &d->info;

    check_ok(c, d, "idrs", "IDR0 0x%08x, IDR1 0x%08x, IDR3 0x%08x, IDR5 0x%08x,"
             " IIDR 0x%08x, AIDR 0x%08x", i->idr[0], i->idr[1], i->idr[3],
             i->idr[5], i->iidr, i->aidr);
}

void check_try(Check *c, CheckDevice *d)
{
    if (g_strcmp0(d->driver, "vfio-pci") || !d->cdev) {
        g_autofree char *remedy = g_strdup_printf("give it to vfio-pci first:"
                                                  " smmuv3-accel-check --bind"
                                                  " %s", d->address);

        check_no(c, d, "try", remedy, "vfio-pci does not have it, so that the"
                 " kernel cannot be asked");
        return;
    }
    try_run(c, d);
    if (d->tried) {
        try_say_idrs(c, d);
    }
}
