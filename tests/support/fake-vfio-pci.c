/*
 * The preloaded kernel: /dev/vfio/devices/vfioN. See smmuv3-fake-kernel.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A PCIe function with two BARs, FLR and MSI-X, as vfio-pci shows one. Its
 * regions lie one after the other in a memfd, so that pread, pwrite and mmap
 * need no interposing.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "fake-kernel-internal.h"

/* The offset of region @i in the file. */
#define REGION_OFFSET(i) ((uint64_t)(i) << 20)
#define CONFIG_SIZE 4096
#define EXP_CAP 0x80

static int broken(int err)
{
    fake_kernel->rule_breaks++;
    return -err;
}

static uint64_t fake_doorbell(const VfioDevice *d)
{
    return fake_kernel->device[d - fake_devices].doorbell;
}

/* The function's configuration space. */

static void put16(uint8_t *config, unsigned at, uint16_t v)
{
    v = GUINT16_TO_LE(v);
    memcpy(config + at, &v, sizeof(v));
}

static void put32(uint8_t *config, unsigned at, uint32_t v)
{
    v = GUINT32_TO_LE(v);
    memcpy(config + at, &v, sizeof(v));
}

static void put_msix(uint8_t *config)
{
    config[FAKE_PCI_MSIX_CAP] = PCI_CAP_ID_MSIX;
    config[FAKE_PCI_MSIX_CAP + PCI_CAP_LIST_NEXT] = EXP_CAP;
    put16(config, FAKE_PCI_MSIX_CAP + PCI_MSIX_FLAGS, FAKE_PCI_VECTORS - 1);
    put32(config, FAKE_PCI_MSIX_CAP + PCI_MSIX_TABLE, FAKE_PCI_MSIX_TABLE);
    put32(config, FAKE_PCI_MSIX_CAP + PCI_MSIX_PBA,
          FAKE_PCI_MSIX_TABLE + 0x1000);
}

static void put_express(uint8_t *config)
{
    config[EXP_CAP] = PCI_CAP_ID_EXP;
    put16(config, EXP_CAP + PCI_EXP_FLAGS, 2 | PCI_EXP_TYPE_ENDPOINT << 4);
    put32(config, EXP_CAP + PCI_EXP_DEVCAP,
          PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR);
    put16(config, EXP_CAP + PCI_EXP_LNKCAP, PCI_EXP_LNKCAP_SLS_2_5GB | 1 << 4);
    put16(config, EXP_CAP + PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_CLS_2_5GB | 1 << 4);
}

static void put_config(uint8_t config[CONFIG_SIZE])
{
    put16(config, PCI_VENDOR_ID, FAKE_PCI_VENDOR);
    put16(config, PCI_DEVICE_ID, FAKE_PCI_DEVICE);
    put16(config, PCI_STATUS, PCI_STATUS_CAP_LIST);
    put16(config, PCI_CLASS_DEVICE, 0x0880);
    put32(config, PCI_BASE_ADDRESS_0, PCI_BASE_ADDRESS_MEM_TYPE_32);
    put32(config, PCI_BASE_ADDRESS_2, PCI_BASE_ADDRESS_MEM_TYPE_32);
    config[PCI_CAPABILITY_LIST] = FAKE_PCI_MSIX_CAP;
    put_msix(config);
    put_express(config);
    /* ATS as vfio-pci shows it, not writable. The list's last capability. */
    put32(config, FAKE_PCI_ATS_CAP, PCI_EXT_CAP_ID_ATS | 1 << 16);
}

int fake_vfio_memfd(unsigned index)
{
    g_autofree char *name = g_strdup_printf("vfio%u", index);
    uint8_t config[CONFIG_SIZE] = { 0 };
    int fd = memfd_create(name, MFD_CLOEXEC);

    put_config(config);
    if (fake_kernel->device[index].network) {
        put16(config, PCI_CLASS_DEVICE, 0x0200);
    }
    put32(config, CONFIG_SIZE - 8, fake_kernel->device[index].config_tail);
    if (ftruncate(fd, REGION_OFFSET(VFIO_PCI_NUM_REGIONS)) ||
        pwrite(fd, config, sizeof(config),
               REGION_OFFSET(VFIO_PCI_CONFIG_REGION_INDEX)) !=
        sizeof(config)) {
        g_error("no room for a device");
    }
    return fd;
}

/* Interrupts. */

static void drop_vector(VfioDevice *d, unsigned i)
{
    if (d->vectors[i] >= 0) {
        close(d->vectors[i]);
        d->vectors[i] = -1;
    }
}

static void drop_vectors(VfioDevice *d)
{
    for (unsigned i = 0; i < FAKE_PCI_VECTORS; i++) {
        drop_vector(d, i);
    }
}

unsigned fake_vfio_vectors(const VfioDevice *d)
{
    unsigned n = 0;

    for (unsigned i = 0; i < FAKE_PCI_VECTORS; i++) {
        n += d->fd >= 0 && d->vectors[i] >= 0;
    }
    return n;
}

/* Keeps a descriptor of our own, because the kernel holds the eventfd, too. */
static void set_vectors(VfioDevice *d, const struct vfio_irq_set *arg)
{
    const int32_t *fds = (const int32_t *)arg->data;

    for (uint32_t i = 0; i < arg->count; i++) {
        drop_vector(d, arg->start + i);
        if (fds[i] >= 0) {
            d->vectors[arg->start + i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
        }
    }
}

/* pci_write_msi_msg() */
static void put_message(const VfioDevice *d, unsigned vector, uint64_t doorbell)
{
    uint64_t address = GUINT64_TO_LE(doorbell);

    if (pwrite(d->fd, &address, sizeof(address),
               REGION_OFFSET(VFIO_PCI_BAR0_REGION_INDEX) + FAKE_PCI_MSIX_TABLE +
               vector * PCI_MSIX_ENTRY_SIZE) != sizeof(address)) {
        g_error("no room for a message");
    }
}

/* iommu_dma_prepare_msi(): because a blocked device has no doorbell. */
static bool msis_refused(const VfioDevice *d)
{
    return d->dev && !d->dev->pt && d->dev->host->rules != FAKE_RULES_6_13;
}

static int set_irqs(Request *r)
{
    const struct vfio_irq_set *arg = r->arg;
    uint32_t data = arg->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;

    if (arg->index != VFIO_PCI_MSIX_IRQ_INDEX) {
        return arg->index < VFIO_PCI_NUM_IRQS ? 0 : broken(EINVAL);
    }
    if (arg->start > FAKE_PCI_VECTORS ||
        arg->count > FAKE_PCI_VECTORS - arg->start) {
        return broken(EINVAL);
    }
    if (data == VFIO_IRQ_SET_DATA_NONE && !arg->count) {
        drop_vectors(r->device);
    } else if (data == VFIO_IRQ_SET_DATA_EVENTFD) {
        if (msis_refused(r->device)) {
            return -EOPNOTSUPP;
        }
        set_vectors(r->device, arg);
        for (uint32_t i = 0; i < arg->count && fake_doorbell(r->device); i++) {
            put_message(r->device, arg->start + i, fake_doorbell(r->device));
        }
    }
    return 0;
}

/* A write to BAR 0 offset 0 raises the interrupt of that number. */
void fake_vfio_written(VfioDevice *d, const void *buf, size_t len, off_t at)
{
    uint64_t one = 1;
    uint32_t vector;

    if (at != REGION_OFFSET(VFIO_PCI_BAR0_REGION_INDEX) ||
        len != sizeof(vector)) {
        return;
    }
    memcpy(&vector, buf, sizeof(vector));
    vector = GUINT32_FROM_LE(vector);
    if (vector < FAKE_PCI_VECTORS && d->vectors[vector] >= 0 &&
        write(d->vectors[vector], &one, sizeof(one)) != sizeof(one)) {
        g_warning("an interrupt is lost");
    }
}

/* Device information. */

static int get_info(Request *r)
{
    struct vfio_device_info *arg = r->arg;

    arg->flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
    arg->num_regions = VFIO_PCI_NUM_REGIONS;
    arg->num_irqs = VFIO_PCI_NUM_IRQS;
    return 0;
}

/* vfio_pci_core: a table that may be mapped is a capability of its BAR. */
static void tell_msix_mappable(struct vfio_region_info *arg, uint32_t room)
{
    const struct vfio_info_cap_header cap = {
        .id = VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, .version = 1,
    };

    arg->flags |= VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS;
    arg->argsz = sizeof(*arg) + sizeof(cap);
    if (room >= arg->argsz) {
        arg->cap_offset = sizeof(*arg);
        memcpy(arg + 1, &cap, sizeof(cap));
    }
}

static int get_region_info(Request *r)
{
    struct vfio_region_info *arg = r->arg;
    uint32_t room = arg->argsz;

    if (arg->index >= VFIO_PCI_NUM_REGIONS) {
        return -EINVAL;
    }
    arg->argsz = sizeof(*arg);
    arg->offset = REGION_OFFSET(arg->index);
    arg->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
    arg->cap_offset = 0;
    switch (arg->index) {
    case VFIO_PCI_BAR2_REGION_INDEX:
        arg->flags |= VFIO_REGION_INFO_FLAG_MMAP;
        arg->size = FAKE_PCI_BAR_SIZE;
        return 0;
    case VFIO_PCI_BAR0_REGION_INDEX:
        arg->size = FAKE_PCI_BAR_SIZE;
        if (fake_doorbell(r->device)) {
            tell_msix_mappable(arg, room);
        }
        return 0;
    case VFIO_PCI_CONFIG_REGION_INDEX:
        arg->size = CONFIG_SIZE;
        return 0;
    default:
        arg->size = 0;
        arg->flags = 0;
        return arg->index == VFIO_PCI_VGA_REGION_INDEX ? -EINVAL : 0;
    }
}

static int get_irq_info(Request *r)
{
    struct vfio_irq_info *arg = r->arg;

    arg->flags = VFIO_IRQ_INFO_EVENTFD;
    switch (arg->index) {
    case VFIO_PCI_MSIX_IRQ_INDEX:
        arg->count = FAKE_PCI_VECTORS;
        return 0;
    case VFIO_PCI_ERR_IRQ_INDEX:
    case VFIO_PCI_REQ_IRQ_INDEX:
        arg->count = 1;
        return 0;
    default:
        arg->count = 0;
        return arg->index < VFIO_PCI_NUM_IRQS ? 0 : -EINVAL;
    }
}

static int reset(Request *r)
{
    fake_kernel->device[r->device - fake_devices].resets++;
    return 0;
}

/* No migration, no dirty tracking. */
static int feature(Request *r)
{
    (void)r;
    return -ENOTTY;
}

/* IOMMUFD. */

static void tell_of_device(SMMUv3HostDevice *dev, const FakeKernelDevice *k)
{
    dev->no_ats = k->no_ats;
    dev->group = k->group;
    dev->pasid_bits = k->pasid_bits;
    dev->pasid_exec = k->pasid_exec;
    dev->pasid_priv = k->pasid_priv;
}

static int bind(Request *r)
{
    struct vfio_device_bind_iommufd *arg = r->arg;
    Iommufd *f = fake_kernel_iommufd(arg->iommufd);
    VfioDevice *d = r->device;
    int32_t smmu = fake_kernel->device[d - fake_devices].smmu;

    if (!f || d->iommufd) {
        return broken(EINVAL);
    }
    d->iommufd = f;
    d->dev = fake_device_new(f->host, smmu < 0 ? NULL
                             : g_ptr_array_index(f->host->smmus, smmu), 0);
    tell_of_device(d->dev, &fake_kernel->device[d - fake_devices]);
    r->id = d->dev_id = arg->out_devid = ++f->host->last_id;
    g_hash_table_insert(f->devices, GUINT_TO_POINTER(d->dev_id), d->dev);
    f->bound++;
    return 0;
}

/* Another SMMU's stage 2 is EINVAL, but no broken rule, because VFIO tries. */
static int attach(Request *r)
{
    struct vfio_device_attach_iommufd_pt *arg = r->arg;
    SMMUv3HostDevice *dev = r->device->dev;
    FakeObject *pt;
    int ret;

    r->id = arg->pt_id;
    if (!dev) {
        return broken(EINVAL);
    }
    pt = fake_object(dev->host, arg->pt_id);
    if (pt && pt->kind == FAKE_PARENT && pt->smmu != dev->smmu) {
        return -EINVAL;
    }
    ret = fake_host_ops.attach(dev->host, dev, arg->pt_id);
    if (!ret && pt->kind == FAKE_PARENT) {
        dev->parent = arg->pt_id;
    }
    return ret;
}

static int detach(Request *r)
{
    SMMUv3HostDevice *dev = r->device->dev;

    return dev ? fake_host_ops.detach(dev->host, dev) : broken(EINVAL);
}

/* struct iommu_vdevice_alloc: the vDEVICE is destroyed before this. */
void fake_vfio_close(VfioDevice *d)
{
    drop_vectors(d);
    if (!d->dev) {
        return;
    }
    if (d->dev->vdevice) {
        broken(EBUSY);
        fake_host_ops.destroy(d->dev->host, d->dev->vdevice);
    }
    g_hash_table_remove(d->iommufd->devices, GUINT_TO_POINTER(d->dev_id));
    g_ptr_array_remove(d->iommufd->host->devices, d->dev);
    d->iommufd->bound--;
    d->iommufd = NULL;
    d->dev = NULL;
}

#define ARGSZ(type) sizeof(struct type)

static const Handler handlers[] = {
    { VFIO_DEVICE_GET_INFO, FK_DEVICE_INFO, 20, get_info },
    { VFIO_DEVICE_GET_REGION_INFO, FK_REGION_INFO, ARGSZ(vfio_region_info),
      get_region_info },
    { VFIO_DEVICE_GET_IRQ_INFO, FK_IRQ_INFO, ARGSZ(vfio_irq_info),
      get_irq_info },
    { VFIO_DEVICE_SET_IRQS, FK_SET_IRQS, ARGSZ(vfio_irq_set), set_irqs },
    { VFIO_DEVICE_RESET, FK_RESET, 0, reset },
    { VFIO_DEVICE_FEATURE, FK_FEATURE, ARGSZ(vfio_device_feature), feature },
    { VFIO_DEVICE_BIND_IOMMUFD, FK_BIND, 16, bind },
    { VFIO_DEVICE_ATTACH_IOMMUFD_PT, FK_ATTACH, 12, attach },
    { VFIO_DEVICE_DETACH_IOMMUFD_PT, FK_DETACH, 8, detach },
};

const Handler *fake_vfio_handler(unsigned long op)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(handlers); i++) {
        if (handlers[i].op == op) {
            return &handlers[i];
        }
    }
    return NULL;
}
