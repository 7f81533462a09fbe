/*
 * The preloaded kernel: descriptors, dispatch, failures, journal.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One lock is around every entry, because any of QEMU's threads may call.
 * Before a request the test's settings are taken over into fake-host.c. After
 * it the journal and the state of all objects are published.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fake-kernel-internal.h"

#define IOMMUFDS 4
#define VFIO_PREFIX "/dev/vfio/devices/vfio"

FakeKernel *fake_kernel;
VfioDevice fake_devices[FAKE_KERNEL_DEVICES];

static Iommufd *iommufds[IOMMUFDS];
/* Recursive, because closing our own eventfds calls this file again. */
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

Iommufd *fake_kernel_iommufd(int fd)
{
    for (unsigned i = 0; i < IOMMUFDS; i++) {
        if (fd >= 0 && iommufds[i] && iommufds[i]->fd == fd) {
            return iommufds[i];
        }
    }
    return NULL;
}

static VfioDevice *find_device(int fd)
{
    for (unsigned i = 0; i < FAKE_KERNEL_DEVICES; i++) {
        if (fake_devices[i].fd == fd) {
            return &fake_devices[i];
        }
    }
    return NULL;
}

/* Takes the test's settings over, before a request. */
static void take_over(SMMUv3Host *h)
{
    const FakeKernel *k = fake_kernel;

    for (guint i = 0; i < h->smmus->len; i++) {
        SMMUv3HostInfo *info = &((FakeSmmu *)g_ptr_array_index(h->smmus, i))
                               ->info;

        memcpy(info->idr, k->smmu[i].idr, sizeof(info->idr));
        info->iidr = k->smmu[i].iidr;
        info->aidr = k->smmu[i].aidr;
        info->repeat_tlbi_cfgi = k->smmu[i].repeat_tlbi_cfgi;
    }
    h->nomem_from = k->nomem_from;
    h->atc_timeout = k->atc_timeout;
    h->issue_countdown = k->issue_countdown;
    h->issue_errno = k->issue_errno;
    h->refusing = k->refusing;
    h->refused_dw1 = k->refused_dw1;
}

static void publish_commands(SMMUv3Host *h)
{
    for (guint i = 0; i < h->issued->len; i++) {
        const SMMUv3Cmd *cmd = fake_issued(h, i);
        uint32_t at = fake_kernel->commands++;

        if (at < FAKE_KERNEL_ISSUED) {
            fake_kernel->issued[at].dw[0] = GUINT64_FROM_LE(cmd->dw[0]);
            fake_kernel->issued[at].dw[1] = GUINT64_FROM_LE(cmd->dw[1]);
        }
    }
    g_array_set_size(h->issued, 0);
    g_array_set_size(h->reached, 0);
    g_array_set_size(h->rounds, 0);
}

/* Publishes what the request left, countdowns that the test armed included. */
static void publish_host(SMMUv3Host *h)
{
    FakeKernel *k = fake_kernel;

    publish_commands(h);
    g_array_set_size(h->journal, 0);
    k->issue_countdown = h->issue_countdown;
    k->rule_breaks += h->rule_breaks;
    h->rule_breaks = 0;
}

static void publish_objects(void)
{
    FakeKernel *k = fake_kernel;

    k->iommufds = k->ioass = k->maps = k->parents = 0;
    k->viommus = k->vdevices = k->nested = 0;
    k->mapped = 0;
    for (unsigned i = 0; i < IOMMUFDS; i++) {
        const Iommufd *f = iommufds[i];

        if (!f) {
            continue;
        }
        k->iommufds++;
        k->ioass += g_hash_table_size(f->ioass);
        k->maps += fake_iommufd_maps(f, &k->mapped);
        k->parents += fake_objects(f->host, FAKE_PARENT);
        k->viommus += fake_objects(f->host, FAKE_VIOMMU);
        k->vdevices += fake_objects(f->host, FAKE_VDEVICE);
        k->nested += fake_objects(f->host, FAKE_NESTED);
    }
}

static void publish_device(const VfioDevice *d, FakeKernelDevice *to)
{
    const SMMUv3HostDevice *dev = d->dev;
    const FakeObject *pt = dev ? fake_object(dev->host, dev->pt) : NULL;
    const FakeObject *vdevice = dev ? fake_object(dev->host, dev->vdevice)
                                    : NULL;

    to->open = d->fd >= 0;
    to->bound = dev != NULL;
    to->hwpt = pt ? pt->id : 0;
    to->table = !pt ? FAKE_NOT_ATTACHED
                    : pt->kind == FAKE_NESTED ? FAKE_ON_NESTED
                                              : FAKE_ON_PARENT;
    to->ste[0] = to->table == FAKE_ON_NESTED ? pt->ste[0] : 0;
    to->ste[1] = to->table == FAKE_ON_NESTED ? pt->ste[1] : 0;
    to->has_vdevice = vdevice != NULL;
    to->vsid = vdevice ? vdevice->vsid : 0;
    to->vectors = fake_vfio_vectors(d);
}

static void enter(void)
{
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < IOMMUFDS; i++) {
        if (iommufds[i]) {
            take_over(iommufds[i]->host);
        }
    }
}

static void leave(void)
{
    for (unsigned i = 0; i < IOMMUFDS; i++) {
        if (iommufds[i]) {
            publish_host(iommufds[i]->host);
        }
    }
    publish_objects();
    for (unsigned i = 0; i < FAKE_KERNEL_DEVICES; i++) {
        publish_device(&fake_devices[i], &fake_kernel->device[i]);
    }
    pthread_mutex_unlock(&lock);
}

static bool countdown(uint32_t *n)
{
    return *n && !--*n;
}

/* 0, or the negative errno with which this call is to fail. */
static int inject(FakeKernelCall call)
{
    FakeKernel *k = fake_kernel;
    bool one, any;

    k->calls[call]++;
    k->calls[FK_CALLS]++;
    one = countdown(&k->fail_countdown[call]);
    any = countdown(&k->fail_countdown[FK_CALLS]);
    if (one || any) {
        k->injected++;
        return -k->fail_errno[one ? call : FK_CALLS];
    }
    k->injected += k->always[call] != 0;
    return -k->always[call];
}

static int record(const Request *r, int ret)
{
    FakeKernel *k = fake_kernel;
    uint32_t at = k->records++;

    if (at < FAKE_KERNEL_JOURNAL) {
        k->journal[at] = (FakeKernelRecord) {
            .call = r->call,
            .device = r->device ? r->device - fake_devices : -1,
            .id = r->id,
            .n = r->n,
            .ret = ret,
        };
    }
    return ret;
}

bool fake_kernel_owns(const char *path)
{
    return fake_kernel && (!strcmp(path, "/dev/iommu") ||
                           g_str_has_prefix(path, VFIO_PREFIX));
}

static int open_iommufd(void)
{
    for (unsigned i = 0; i < IOMMUFDS; i++) {
        if (!iommufds[i]) {
            int fd = memfd_create("iommufd", MFD_CLOEXEC);

            iommufds[i] = fake_iommufd_new(fd);
            return fd;
        }
    }
    return -EMFILE;
}

/* vfio_df_open(): a device has one user. */
static int open_device(unsigned index, Request *r)
{
    VfioDevice *d;

    if (index >= FAKE_KERNEL_DEVICES || fake_kernel->device[index].gone) {
        return -ENODEV;
    }
    d = r->device = &fake_devices[index];
    if (d->fd >= 0) {
        return -EBUSY;
    }
    d->fd = fake_vfio_memfd(index);
    for (unsigned i = 0; i < FAKE_PCI_VECTORS; i++) {
        d->vectors[i] = -1;
    }
    return d->fd;
}

int fake_kernel_open(const char *path)
{
    Request r = { .call = FK_OPEN };
    unsigned index;
    int ret;

    enter();
    ret = inject(FK_OPEN);
    if (ret) {
        /* the error stays */
    } else if (sscanf(path, VFIO_PREFIX "%u", &index) == 1) {
        ret = open_device(index, &r);
    } else {
        ret = open_iommufd();
    }
    record(&r, MIN(ret, 0));
    leave();
    return ret;
}

/* Opens @path as descriptor @to. */
static void open_as(const char *path, int to)
{
    int fd = fake_kernel_open(path);
    VfioDevice *d = find_device(fd);

    if (fd < 0 || dup3(fd, to, O_CLOEXEC) < 0) {
        g_error("%s cannot be passed to QEMU", path);
    }
    *(d ? &d->fd : &fake_kernel_iommufd(fd)->fd) = to;
    close(fd);                  /* @to is ours now, and @fd is not */
}

static void pass_descriptors(void)
{
    open_as("/dev/iommu", FAKE_KERNEL_PASSED);
    for (unsigned i = 0; i < fake_kernel->passed; i++) {
        g_autofree char *path = g_strdup_printf(VFIO_PREFIX "%u", i);

        open_as(path, FAKE_KERNEL_PASSED + 1 + i);
    }
}

void fake_kernel_start(FakeKernel *shared)
{
    for (unsigned i = 0; i < FAKE_KERNEL_DEVICES; i++) {
        fake_devices[i].fd = -1;
    }
    sem_init(&shared->closed, 1, 0);
    fake_kernel = shared;
    fake_kernel->size = sizeof(*shared);
    fake_kernel->started = 1;
    fake_threads_start(shared);
    if (shared->passed) {
        pass_descriptors();
    }
}

bool fake_kernel_is_ours(int fd)
{
    bool ours;

    if (!fake_kernel || fd < 0) {
        return false;
    }
    pthread_mutex_lock(&lock);
    ours = find_device(fd) || fake_kernel_iommufd(fd);
    pthread_mutex_unlock(&lock);
    return ours;
}

bool fake_kernel_rdev(int fd, dev_t *rdev)
{
    VfioDevice *d;

    if (!fake_kernel || fd < 0) {
        return false;
    }
    pthread_mutex_lock(&lock);
    d = find_device(fd);
    pthread_mutex_unlock(&lock);
    if (d) {
        *rdev = makedev(FAKE_KERNEL_MAJOR, d - fake_devices);
    }
    return d != NULL;
}

/* Sets entry_num to the kernel's count for a call that did nothing. */
static void fail_invalidate(Request *r, int ret)
{
    uint32_t *entry_num = (uint32_t *)r->arg + 6;

    r->n = *entry_num;
    *entry_num = fake_failed_count(ret, r->n);
}

static int dispatch(Request *r, const Handler *h)
{
    int ret = inject(r->call);

    if (ret) {
        if (r->call == FK_INVALIDATE) {
            fail_invalidate(r, ret);
        }
        return ret;
    }
    if (!h) {
        return -ENOTTY;
    }
    if (r->device && fake_kernel->device[r->device - fake_devices].gone) {
        return -ENODEV;
    }
    if (h->min_size && *(uint32_t *)r->arg < h->min_size) {
        fake_kernel->rule_breaks++;
        return -EINVAL;
    }
    return h->run(r);
}

int fake_kernel_ioctl(int fd, unsigned long op, void *arg)
{
    Request r = { .arg = arg, .call = FK_OTHER };
    const Handler *h;
    int ret;

    enter();
    r.device = find_device(fd);
    if (r.device) {
        h = fake_vfio_handler(op);
        r.call = h ? h->call : FK_OTHER;
    } else {
        r.iommufd = fake_kernel_iommufd(fd);
        h = fake_iommufd_handler(op);
        r.call = h ? fake_iommufd_call(h, arg) : FK_OTHER;
    }
    ret = record(&r, dispatch(&r, h));
    leave();
    return ret;
}

/* A bound device holds a reference, so the context may outlive its fd. */
static void put_iommufd(Iommufd *f)
{
    if (f->fd >= 0 || f->bound) {
        return;
    }
    for (unsigned i = 0; i < IOMMUFDS; i++) {
        if (iommufds[i] == f) {
            publish_host(f->host);
            iommufds[i] = NULL;
        }
    }
    fake_kernel->leaked += fake_iommufd_free(f);
}

static void close_device(VfioDevice *d)
{
    Iommufd *f = d->iommufd;

    fake_vfio_close(d);
    d->fd = -1;
    if (f) {
        put_iommufd(f);
    }
}

void fake_kernel_closing(int fd)
{
    VfioDevice *d;
    Iommufd *f;

    enter();
    d = find_device(fd);
    f = fake_kernel_iommufd(fd);
    if (d) {
        close_device(d);
    } else if (f) {
        f->fd = -1;
        put_iommufd(f);
    }
    leave();
    if (d) {
        sem_post(&fake_kernel->closed);
    }
}

void fake_kernel_written(int fd, const void *buf, size_t len, off_t at)
{
    VfioDevice *d;

    pthread_mutex_lock(&lock);
    d = find_device(fd);
    if (d) {
        fake_vfio_written(d, buf, len, at);
    }
    pthread_mutex_unlock(&lock);
}
