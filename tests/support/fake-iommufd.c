/*
 * The preloaded kernel: /dev/iommu. See smmuv3-fake-kernel.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * IOASs and stage-2 HWPTs are kept here, as far as QEMU's VFIO needs them.
 * Requests for nesting are decoded and handed to fake-host.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <linux/iommufd.h>

#include "fake-kernel-internal.h"
#include "smmuv3/registers.h"

#define PAGE 4096

/* The least size of @type, because a kernel's structures grow behind @last. */
#define UP_TO(type, last) \
    (offsetof(struct type, last) + sizeof(((struct type *)0)->last))

static int broken(int err)
{
    fake_kernel->rule_breaks++;
    return -err;
}

static SMMUv3HostId new_id(Iommufd *f)
{
    return ++f->host->last_id;
}

static SMMUv3HostDevice *find_dev(Iommufd *f, uint32_t dev_id)
{
    return g_hash_table_lookup(f->devices, GUINT_TO_POINTER(dev_id));
}

static GArray *find_ioas(Iommufd *f, uint32_t id)
{
    return g_hash_table_lookup(f->ioass, GUINT_TO_POINTER(id));
}

/* IOASs. */

static int ioas_alloc(Request *r)
{
    struct iommu_ioas_alloc *arg = r->arg;

    r->id = arg->out_ioas_id = new_id(r->iommufd);
    g_hash_table_insert(r->iommufd->ioass, GUINT_TO_POINTER(r->id),
                        g_array_new(FALSE, FALSE, sizeof(IoasMap)));
    return 0;
}

/* All IOVAs but the SMMUv3 driver's range for the MSI doorbell. */
static int iova_ranges(Request *r)
{
    static const struct iommu_iova_range ranges[] = {
        { 0, 0x07ffffff }, { 0x08100000, 0xffffffffffff },
    };
    struct iommu_ioas_iova_ranges *arg = r->arg;
    struct iommu_iova_range *to = (void *)(uintptr_t)arg->allowed_iovas;
    unsigned room = arg->num_iovas;

    if (!find_ioas(r->iommufd, arg->ioas_id)) {
        return broken(ENOENT);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(ranges) && i < room; i++) {
        to[i] = ranges[i];
    }
    arg->num_iovas = G_N_ELEMENTS(ranges);
    arg->out_iova_alignment = PAGE;
    return room < G_N_ELEMENTS(ranges) ? -EMSGSIZE : 0;
}

static bool overlaps(const IoasMap *m, uint64_t iova, uint64_t length)
{
    return m->iova < iova + length && iova < m->iova + m->length;
}

static int ioas_map(Request *r)
{
    struct iommu_ioas_map *arg = r->arg;
    GArray *maps = find_ioas(r->iommufd, arg->ioas_id);
    IoasMap m = { arg->iova, arg->length };

    if (!maps || !(arg->flags & IOMMU_IOAS_MAP_FIXED_IOVA)) {
        return broken(ENOENT);
    }
    if (!m.length || (m.iova | m.length | arg->user_va) % PAGE) {
        return broken(EINVAL);
    }
    for (guint i = 0; i < maps->len; i++) {
        if (overlaps(&g_array_index(maps, IoasMap, i), m.iova, m.length)) {
            return -EEXIST;
        }
    }
    g_array_append_val(maps, m);
    return 0;
}

/* Removes the maps that lie inside, because the kernel does not split one. */
static int ioas_unmap(Request *r)
{
    struct iommu_ioas_unmap *arg = r->arg;
    GArray *maps = find_ioas(r->iommufd, arg->ioas_id);
    uint64_t last = arg->iova + arg->length - 1, bytes = 0;

    if (!maps) {
        return broken(ENOENT);
    }
    for (guint i = maps->len; i-- > 0;) {
        IoasMap *m = &g_array_index(maps, IoasMap, i);

        if (m->iova >= arg->iova && m->iova + m->length - 1 <= last) {
            bytes += m->length;
            g_array_remove_index_fast(maps, i);
        }
    }
    arg->length = bytes;
    return bytes ? 0 : -ENOENT;
}

unsigned fake_iommufd_maps(const Iommufd *f, uint64_t *bytes)
{
    GHashTableIter iter;
    gpointer value;
    unsigned n = 0;

    g_hash_table_iter_init(&iter, f->ioass);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        GArray *maps = value;

        n += maps->len;
        for (guint i = 0; i < maps->len; i++) {
            *bytes += g_array_index(maps, IoasMap, i).length;
        }
    }
    return n;
}

/* Devices and HWPTs. */

static bool both_stages(const SMMUv3HostDevice *dev)
{
    uint32_t stages = SMMUV3_IDR0_S1P | SMMUV3_IDR0_S2P;

    return dev->smmu && (dev->smmu->info.idr[0] & stages) == stages;
}

static bool has_fwb(const SMMUv3HostDevice *dev)
{
    return dev->smmu && (dev->smmu->info.idr[3] & SMMUV3_IDR3_FWB);
}

static void give_info(struct iommu_hw_info *arg, const SMMUv3HostInfo *info)
{
    struct iommu_hw_info_arm_smmuv3 data = {
        .flags = info->repeat_tlbi_cfgi, .iidr = info->iidr,
        .aidr = info->aidr,
    };
    uint8_t *buf = (void *)(uintptr_t)arg->data_uptr;
    uint32_t len = MIN(arg->data_len, sizeof(data));

    memcpy(data.idr, info->idr, sizeof(data.idr));
    memcpy(buf, &data, len);
    memset(buf + len, 0, arg->data_len - len);
    arg->data_len = sizeof(data);
    arg->out_data_type = IOMMU_HW_INFO_TYPE_ARM_SMMUV3;
    arg->out_max_pasid_log2 = info->pasid_bits;
    /* IOMMU_HW_CAP_PCI_*: PASID_EXEC, PASID_PRIV, ATS_NOT_SUPPORTED */
    arg->out_capabilities = info->pasid_exec << 1 | info->pasid_priv << 2 |
                            info->no_ats << 3;
}

static int hw_info(Request *r)
{
    struct iommu_hw_info *arg = r->arg;
    SMMUv3HostDevice *dev = find_dev(r->iommufd, arg->dev_id);
    SMMUv3HostInfo info;
    int ret;

    if (!dev) {
        return broken(ENOENT);
    }
    arg->out_capabilities = 0;
    ret = fake_host_ops.get_info(r->iommufd->host, dev, &info);
    if (ret == -ENODEV) {
        memset((void *)(uintptr_t)arg->data_uptr, 0, arg->data_len);
        arg->data_len = 0;
        arg->out_data_type = IOMMU_HW_INFO_TYPE_NONE;
        return 0;
    }
    if (!ret) {
        give_info(arg, &info);
    }
    return ret;
}

/* arm_smmu_domain_alloc_paging_flags(): a stage 2, if the SMMU has it. */
static int parent_alloc(Request *r, SMMUv3HostDevice *dev)
{
    struct iommu_hwpt_alloc *arg = r->arg;
    bool nest = arg->flags & IOMMU_HWPT_ALLOC_NEST_PARENT;

    if (!find_ioas(r->iommufd, arg->pt_id)) {
        return broken(ENOENT);
    }
    if ((arg->flags & ~IOMMU_HWPT_ALLOC_NEST_PARENT) ||
        (nest && !both_stages(dev))) {
        return -EOPNOTSUPP;
    }
    r->id = fake_parent_new(r->iommufd->host, dev->smmu);
    fake_object(r->iommufd->host, r->id)->of = arg->pt_id;
    if (!nest) {
        g_hash_table_add(r->iommufd->plain, GUINT_TO_POINTER(r->id));
    }
    return 0;
}

static int nested_alloc(Request *r, SMMUv3HostDevice *dev)
{
    struct iommu_hwpt_alloc *arg = r->arg;
    const struct iommu_hwpt_arm_smmuv3 *data =
        (void *)(uintptr_t)arg->data_uptr;
    uint64_t ste[2];

    if (arg->data_type != IOMMU_HWPT_DATA_ARM_SMMUV3 || arg->flags ||
        arg->data_len != sizeof(*data)) {
        return broken(EINVAL);
    }
    ste[0] = data->ste[0];
    ste[1] = data->ste[1];
    return fake_host_ops.hwpt_alloc(r->iommufd->host, arg->pt_id, dev, ste,
                                    &r->id);
}

static int hwpt_alloc(Request *r)
{
    struct iommu_hwpt_alloc *arg = r->arg;
    SMMUv3HostDevice *dev = find_dev(r->iommufd, arg->dev_id);
    int ret;

    if (!dev || arg->__reserved || arg->__reserved2 || arg->fault_id) {
        return broken(EINVAL);
    }
    ret = arg->data_type == IOMMU_HWPT_DATA_NONE ? parent_alloc(r, dev)
                                                 : nested_alloc(r, dev);
    arg->out_hwpt_id = r->id;
    return ret;
}

/* Nesting. */

static int viommu_alloc(Request *r)
{
    struct iommu_viommu_alloc *arg = r->arg;
    SMMUv3HostDevice *dev = find_dev(r->iommufd, arg->dev_id);
    int ret;

    if (!dev || arg->flags || arg->type != IOMMU_VIOMMU_TYPE_ARM_SMMUV3) {
        return broken(EINVAL);
    }
    if (g_hash_table_contains(r->iommufd->plain,
                              GUINT_TO_POINTER(arg->hwpt_id))) {
        return both_stages(dev) && has_fwb(dev) ? -EINVAL : -EOPNOTSUPP;
    }
    ret = fake_host_ops.viommu_alloc(r->iommufd->host, dev, arg->hwpt_id,
                                     &r->id);
    arg->out_viommu_id = r->id;
    return ret;
}

static int vdevice_alloc(Request *r)
{
    struct iommu_vdevice_alloc *arg = r->arg;
    SMMUv3HostDevice *dev = find_dev(r->iommufd, arg->dev_id);
    int ret;

    if (!dev || arg->virt_id > UINT32_MAX) {
        return broken(EINVAL);
    }
    ret = fake_host_ops.vdevice_alloc(r->iommufd->host, arg->viommu_id, dev,
                                      arg->virt_id, &r->id);
    arg->out_vdevice_id = r->id;
    return ret;
}

static int invalidate(Request *r)
{
    struct iommu_hwpt_invalidate *arg = r->arg;
    const SMMUv3Cmd *cmds = (void *)(uintptr_t)arg->data_uptr;
    uint32_t done = 0;
    int ret;

    r->id = arg->hwpt_id;
    r->n = arg->entry_num;
    if (arg->entry_len != sizeof(*cmds) || arg->__reserved ||
        arg->data_type != IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3) {
        return broken(EINVAL);
    }
    ret = fake_host_ops.invalidate(r->iommufd->host, arg->hwpt_id, cmds,
                                   arg->entry_num, &done);
    arg->entry_num = ret ? done : r->n;
    return ret;
}

/* Opened at both ends, so that a test can open and close its end. */
static int open_events(void)
{
    g_autofree char *path = g_strconcat(getenv(FAKE_KERNEL_ENV),
                                        FAKE_KERNEL_EVENTS, NULL);

    if (mkfifo(path, 0600) && errno != EEXIST) {
        return -errno;
    }
    return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

static int veventq_alloc(Request *r)
{
    struct iommu_veventq_alloc *arg = r->arg;
    int fd, ret;

    if (arg->flags || arg->__reserved ||
        arg->type != IOMMU_VEVENTQ_TYPE_ARM_SMMUV3) {
        return broken(EOPNOTSUPP);
    }
    ret = fake_host_ops.veventq_alloc(r->iommufd->host, arg->viommu_id,
                                      arg->veventq_depth, &r->id, &fd);
    if (ret) {
        return ret;
    }
    fd = open_events();
    g_hash_table_insert(r->iommufd->events, GUINT_TO_POINTER(r->id),
                        GINT_TO_POINTER(fd));
    arg->out_veventq_id = r->id;
    arg->out_veventq_fd = fd;
    return fd < 0 ? -EMFILE : 0;
}

/* Closes the vEVENTQ @id if QEMU has closed its descriptor. */
static void see_closed(Iommufd *f, uint32_t id)
{
    const FakeObject *o = fake_object(f->host, id);
    int fd;

    if (!o || o->kind != FAKE_VEVENTQ || !o->fd_open) {
        return;
    }
    fd = GPOINTER_TO_INT(g_hash_table_lookup(f->events, GUINT_TO_POINTER(id)));
    if (fcntl(fd, F_GETFD) < 0) {
        fake_host_ops.veventq_close(f->host, FAKE_VEVENTQ_FD(id));
        g_hash_table_remove(f->events, GUINT_TO_POINTER(id));
    }
}

static bool ioas_in_use(Iommufd *f, uint32_t id)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, f->host->objects);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        FakeObject *o = value;

        if (o->kind == FAKE_PARENT && o->of == id) {
            return true;
        }
    }
    return false;
}

static int destroy(Request *r)
{
    const struct iommu_destroy *arg = r->arg;
    Iommufd *f = r->iommufd;
    int ret;

    r->id = arg->id;
    if (find_ioas(f, arg->id)) {
        if (ioas_in_use(f, arg->id)) {
            return broken(EBUSY);
        }
        g_hash_table_remove(f->ioass, GUINT_TO_POINTER(arg->id));
        return 0;
    }
    see_closed(f, arg->id);
    ret = fake_host_ops.destroy(f->host, arg->id);
    if (!ret) {
        g_hash_table_remove(f->plain, GUINT_TO_POINTER(arg->id));
    }
    return ret;
}

static const Handler handlers[] = {
    { IOMMU_DESTROY, FK_DESTROY, UP_TO(iommu_destroy, id), destroy },
    { IOMMU_IOAS_ALLOC, FK_IOAS_ALLOC, UP_TO(iommu_ioas_alloc, out_ioas_id),
      ioas_alloc },
    { IOMMU_IOAS_IOVA_RANGES, FK_IOVA_RANGES,
      UP_TO(iommu_ioas_iova_ranges, out_iova_alignment), iova_ranges },
    { IOMMU_IOAS_MAP, FK_MAP, UP_TO(iommu_ioas_map, iova), ioas_map },
    { IOMMU_IOAS_UNMAP, FK_UNMAP, UP_TO(iommu_ioas_unmap, length),
      ioas_unmap },
    { IOMMU_HWPT_ALLOC, FK_PARENT_ALLOC, UP_TO(iommu_hwpt_alloc, __reserved),
      hwpt_alloc },
    { IOMMU_GET_HW_INFO, FK_HW_INFO, UP_TO(iommu_hw_info, __reserved),
      hw_info },
    { IOMMU_HWPT_INVALIDATE, FK_INVALIDATE,
      UP_TO(iommu_hwpt_invalidate, __reserved), invalidate },
    { IOMMU_VIOMMU_ALLOC, FK_VIOMMU_ALLOC,
      UP_TO(iommu_viommu_alloc, out_viommu_id), viommu_alloc },
    { IOMMU_VDEVICE_ALLOC, FK_VDEVICE_ALLOC,
      UP_TO(iommu_vdevice_alloc, virt_id), vdevice_alloc },
    { IOMMU_VEVENTQ_ALLOC, FK_VEVENTQ_ALLOC,
      UP_TO(iommu_veventq_alloc, __reserved), veventq_alloc },
};

const Handler *fake_iommufd_handler(unsigned long op)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(handlers); i++) {
        if (handlers[i].op == op) {
            return &handlers[i];
        }
    }
    return NULL;
}

/* HWPT_ALLOC is two kinds of call: a parent's, and a nested HWPT's. */
FakeKernelCall fake_iommufd_call(const Handler *h, const void *arg)
{
    const struct iommu_hwpt_alloc *alloc = arg;

    if (h->op == IOMMU_HWPT_ALLOC &&
        alloc->data_type != IOMMU_HWPT_DATA_NONE) {
        return FK_NESTED_ALLOC;
    }
    return h->call;
}

static void free_maps(gpointer maps)
{
    g_array_free(maps, TRUE);
}

Iommufd *fake_iommufd_new(int fd)
{
    Iommufd *f = g_new0(Iommufd, 1);

    f->fd = fd;
    f->host = fake_host_new();
    f->ioass = g_hash_table_new_full(NULL, NULL, NULL, free_maps);
    f->plain = g_hash_table_new(NULL, NULL);
    f->devices = g_hash_table_new(NULL, NULL);
    f->events = g_hash_table_new(NULL, NULL);
    for (unsigned i = 0; i < FAKE_KERNEL_SMMUS; i++) {
        fake_smmu_new(f->host, fake_kernel->smmu[i].idr);
    }
    return f;
}

unsigned fake_iommufd_free(Iommufd *f)
{
    unsigned left = g_hash_table_size(f->ioass) +
                    g_hash_table_size(f->host->objects);

    fake_host_discard(f->host);
    g_hash_table_destroy(f->ioass);
    g_hash_table_destroy(f->plain);
    g_hash_table_destroy(f->devices);
    g_hash_table_destroy(f->events);
    g_free(f);
    return left;
}
