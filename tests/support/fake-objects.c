/*
 * The fake host's objects, attachments and events. See fake-host.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Objects as in iommufd, and STEs as in the arm-smmu-v3 driver of Linux 7.3.
 */
#include <errno.h>

#include "fake-host-internal.h"
#include "smmuv3/registers.h"
#include "smmuv3/ste.h"

static uint64_t ste_config(uint64_t dw0)
{
    return dw0 & SMMUV3_STE0_V ? SMMUV3_GET(SMMUV3_STE0_CONFIG, dw0)
                               : SMMUV3_STE_CONFIG_ABORT;
}

FakeObject *fake_object(const SMMUv3Host *h, SMMUv3HostId id)
{
    return g_hash_table_lookup(h->objects, GUINT_TO_POINTER(id));
}

FakeObject *fake_object_of_kind(SMMUv3Host *h, SMMUv3HostId id,
                                FakeKind kind)
{
    FakeObject *o = fake_object(h, id);

    return o && o->kind == kind ? o : NULL;
}

SMMUv3HostId fake_object_new(SMMUv3Host *h, FakeObject o)
{
    FakeObject *copy = g_new(FakeObject, 1);

    *copy = o;
    copy->id = ++h->last_id;
    g_hash_table_insert(h->objects, GUINT_TO_POINTER(copy->id), copy);
    return copy->id;
}

/* Children and attached devices hold a reference. */
static bool object_in_use(SMMUv3Host *h, SMMUv3HostId id)
{
    GHashTableIter iter;
    gpointer value;

    for (guint i = 0; i < h->devices->len; i++) {
        SMMUv3HostDevice *dev = g_ptr_array_index(h->devices, i);

        if (dev->pt == id) {
            return true;
        }
    }
    g_hash_table_iter_init(&iter, h->objects);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (((FakeObject *)value)->of == id) {
            return true;
        }
    }
    return false;
}

FakeObject *fake_find_vdevice(const SMMUv3Host *h, SMMUv3HostId viommu,
                              uint32_t vsid)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, h->objects);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        FakeObject *o = value;

        if (o->kind == FAKE_VDEVICE && o->of == viommu && o->vsid == vsid) {
            return o;
        }
    }
    return NULL;
}

static int get_info(SMMUv3Host *h, SMMUv3HostDevice *dev,
                    SMMUv3HostInfo *info)
{
    int ret = fake_called(h, FAKE_GET_INFO);

    if (!ret && !dev->smmu) {
        ret = -ENODEV;
    }
    if (!ret) {
        *info = dev->smmu->info;
        info->no_ats = dev->no_ats;
        info->shares_group = fake_device_shares_group(dev);
        info->pasid_bits = dev->pasid_bits;
        info->pasid_exec = dev->pasid_exec;
        info->pasid_priv = dev->pasid_priv;
    }
    return fake_record(h, FAKE_GET_INFO, dev, 0, 0, ret);
}

/* Both stages, and S2FWB against no-snoop: arm_smmu_get_viommu_size(). */
static bool can_nest(const FakeSmmu *smmu)
{
    const uint32_t stages = SMMUV3_IDR0_S1P | SMMUV3_IDR0_S2P;

    return smmu && (smmu->info.idr[0] & stages) == stages &&
           (smmu->info.idr[3] & SMMUV3_IDR3_FWB);
}

static int viommu_check(SMMUv3Host *h, SMMUv3HostDevice *dev,
                        SMMUv3HostId parent)
{
    FakeObject *p = fake_object_of_kind(h, parent, FAKE_PARENT);

    if (!can_nest(dev->smmu)) {
        return -EOPNOTSUPP;
    }
    if (!p) {
        return fake_broken(h, ENOENT);
    }
    return p->smmu == dev->smmu ? 0 : -EINVAL;
}

static int viommu_alloc(SMMUv3Host *h, SMMUv3HostDevice *dev,
                        SMMUv3HostId parent, SMMUv3HostId *viommu)
{
    int ret = fake_called(h, FAKE_VIOMMU_ALLOC);

    if (!ret) {
        ret = viommu_check(h, dev, parent);
    }
    if (!ret) {
        *viommu = fake_object_new(h, (FakeObject) {
            .kind = FAKE_VIOMMU, .smmu = dev->smmu, .of = parent,
        });
    }
    return fake_record(h, FAKE_VIOMMU_ALLOC, dev, ret ? 0 : *viommu, 0, ret);
}

/* A vIOMMU takes requests only for devices behind its own SMMU. */
static int same_smmu(SMMUv3Host *h, SMMUv3HostId viommu,
                     const SMMUv3HostDevice *dev)
{
    FakeObject *v = fake_object_of_kind(h, viommu, FAKE_VIOMMU);

    if (!v) {
        return fake_broken(h, ENOENT);
    }
    return v->smmu == dev->smmu ? 0 : fake_broken(h, EINVAL);
}

static int vdevice_check(SMMUv3Host *h, SMMUv3HostId viommu,
                         SMMUv3HostDevice *dev, uint32_t vsid)
{
    int ret = same_smmu(h, viommu, dev);

    if (ret) {
        return ret;
    }
    if (dev->vdevice || fake_find_vdevice(h, viommu, vsid)) {
        return fake_broken(h, EEXIST);
    }
    return 0;
}

static int vdevice_alloc(SMMUv3Host *h, SMMUv3HostId viommu,
                         SMMUv3HostDevice *dev, uint32_t vsid,
                         SMMUv3HostId *vdevice)
{
    int ret = fake_called(h, FAKE_VDEVICE_ALLOC);

    if (!ret) {
        ret = vdevice_check(h, viommu, dev, vsid);
    }
    if (!ret) {
        *vdevice = fake_object_new(h, (FakeObject) {
            .kind = FAKE_VDEVICE, .smmu = dev->smmu, .of = viommu,
            .dev = dev, .vsid = vsid,
        });
        dev->vdevice = *vdevice;
    }
    return fake_record(h, FAKE_VDEVICE_ALLOC, dev, ret ? 0 : *vdevice, vsid,
                       ret);
}

/* arm_smmu_validate_vste() */
static bool ste_legal(uint64_t dw0, uint64_t dw1)
{
    uint64_t config = SMMUV3_GET(SMMUV3_STE0_CONFIG, dw0);

    if (!(dw0 & SMMUV3_STE0_V)) {
        return true;
    }
    if ((dw0 & ~SMMUV3_STE0_NESTED_MASK) || (dw1 & ~SMMUV3_STE1_NESTED_MASK)) {
        return false;
    }
    if (config != SMMUV3_STE_CONFIG_ABORT &&
        config != SMMUV3_STE_CONFIG_BYPASS && config != SMMUV3_STE_CONFIG_S1) {
        return false;
    }
    return SMMUV3_GET(SMMUV3_STE1_EATS, dw1) <= SMMUV3_STE_EATS_FULL;
}

static int hwpt_check(SMMUv3Host *h, SMMUv3HostId viommu,
                      const SMMUv3HostDevice *dev, const uint64_t ste[2])
{
    int ret = same_smmu(h, viommu, dev);

    if (ret) {
        return ret;
    }
    return ste_legal(GUINT64_FROM_LE(ste[0]), GUINT64_FROM_LE(ste[1]))
           ? 0 : fake_broken(h, EIO);
}

static int hwpt_alloc(SMMUv3Host *h, SMMUv3HostId viommu,
                      SMMUv3HostDevice *dev, const uint64_t ste[2],
                      SMMUv3HostId *hwpt)
{
    int ret = fake_called(h, FAKE_HWPT_ALLOC);

    if (!ret) {
        ret = hwpt_check(h, viommu, dev, ste);
    }
    if (!ret) {
        *hwpt = fake_object_new(h, (FakeObject) {
            .kind = FAKE_NESTED, .smmu = dev->smmu, .of = viommu,
            .ste = { GUINT64_FROM_LE(ste[0]), GUINT64_FROM_LE(ste[1]) },
        });
    }
    return fake_record(h, FAKE_HWPT_ALLOC, dev, ret ? 0 : *hwpt, 0, ret);
}

/* arm_smmu_attach_prepare_vmaster(): a vDEVICE of this very vIOMMU. */
static bool has_vdevice_on(SMMUv3Host *h, SMMUv3HostDevice *dev,
                           SMMUv3HostId viommu)
{
    FakeObject *v = fake_object(h, dev->vdevice);

    return v && v->of == viommu;
}

/* May a device without a vDEVICE be attached to an HWPT of @config? */
static int bare_attach_check(SMMUv3Host *h, uint64_t config)
{
    switch (h->rules) {
    case FAKE_RULES_6_13:
        return 0;
    case FAKE_RULES_6_15:
        return fake_broken(h, ENOENT);
    default:
        return config == SMMUV3_STE_CONFIG_S1 ? fake_broken(h, ENOENT) : 0;
    }
}

/* Is @other attached with @dev, because they share a group? */
static bool goes_along(const SMMUv3HostDevice *dev,
                       const SMMUv3HostDevice *other)
{
    return other != dev && dev->group && other->group == dev->group;
}

bool fake_device_shares_group(const SMMUv3HostDevice *dev)
{
    for (guint i = 0; i < dev->host->devices->len; i++) {
        if (goes_along(dev, g_ptr_array_index(dev->host->devices, i))) {
            return true;
        }
    }
    return false;
}

/* __iommu_group_set_domain_internal(): all devices must be able to attach. */
static int group_check(SMMUv3Host *h, const SMMUv3HostDevice *dev,
                       const FakeObject *pt)
{
    for (guint i = 0; i < h->devices->len; i++) {
        SMMUv3HostDevice *other = g_ptr_array_index(h->devices, i);

        if (goes_along(dev, other) && !has_vdevice_on(h, other, pt->of) &&
            bare_attach_check(h, ste_config(pt->ste[0]))) {
            return -ENOENT;
        }
    }
    return 0;
}

static int attach_check(SMMUv3Host *h, SMMUv3HostDevice *dev,
                        SMMUv3HostId pt)
{
    FakeObject *o = fake_object(h, pt);

    if (!o) {
        return fake_broken(h, ENOENT);
    }
    if ((o->kind != FAKE_PARENT && o->kind != FAKE_NESTED) ||
        o->smmu != dev->smmu) {
        return fake_broken(h, EINVAL);
    }
    if (o->kind != FAKE_NESTED) {
        return 0;
    }
    if (!has_vdevice_on(h, dev, o->of)) {
        int ret = bare_attach_check(h, ste_config(o->ste[0]));

        if (ret) {
            return ret;
        }
    }
    return group_check(h, dev, o);
}

/*
 * arm_smmu_make_nested_domain_ste(): @dev's physical STE while @dev is attached
 * to @o. It has EATS only if the device has an ATC.
 */
static SMMUv3Ste physical_ste(const SMMUv3HostDevice *dev, const FakeObject *o)
{
    SMMUv3Ste ste = { { 0 } };

    if (!o) {
        return ste;
    }
    ste.dw[0] = SMMUV3_STE0_V |
                SMMUV3_PREP(SMMUV3_STE0_CONFIG, SMMUV3_STE_CONFIG_S2);
    if (o->kind == FAKE_NESTED) {
        switch (ste_config(o->ste[0])) {
        case SMMUV3_STE_CONFIG_S1:
            ste = (SMMUv3Ste) { { o->ste[0], o->ste[1] } };
            break;
        case SMMUV3_STE_CONFIG_ABORT:
            ste.dw[0] = SMMUV3_STE0_V;
            break;
        }
    }
    if (dev->no_ats || !(dev->smmu->info.idr[0] & SMMUV3_IDR0_ATS)) {
        ste.dw[1] &= ~SMMUV3_STE1_EATS;
    }
    return ste;
}

/*
 * arm_smmu_write_entry(): CFGI_STE and CMD_SYNC if the STE changes. If only the
 * HWPT changes, it sends nothing. A device behind an IOMMU of another kind has
 * no STE.
 */
static void write_ste(SMMUv3Host *h, const SMMUv3HostDevice *dev,
                      SMMUv3HostId pt)
{
    const FakeObject *v = fake_object(h, dev->vdevice);
    SMMUv3Ste from, to;

    if (!dev->smmu) {
        return;
    }
    from = physical_ste(dev, fake_object(h, dev->pt));
    to = physical_ste(dev, fake_object(h, pt));
    if (v && memcmp(&from, &to, sizeof(from))) {
        SMMUv3Cmd cmd = {
            .dw = { GUINT64_TO_LE(SMMUV3_CMD_CFGI_STE |
                                  SMMUV3_PREP(SMMUV3_CMD0_SID, v->vsid)) },
        };

        h->round++;
        fake_reach(h, &cmd, 1);
    }
}

/*
 * arm_smmu_attach_prepare_vmaster(), and its commit. Attaching to the same HWPT
 * again does nothing (iommufd_device_do_replace()).
 */
static void set_one_pt(SMMUv3Host *h, SMMUv3HostDevice *dev, SMMUv3HostId pt)
{
    const FakeObject *o = fake_object(h, pt);

    if (dev->pt == pt) {
        return;
    }
    write_ste(h, dev, pt);
    dev->pt = pt;
    dev->tells = 0;
    if (o && o->kind == FAKE_NESTED && has_vdevice_on(h, dev, o->of)) {
        dev->tells = o->of;
        dev->tells_vsid = fake_object(h, dev->vdevice)->vsid;
    }
}

/* Attaches @dev and all other devices of its group. */
static void set_pt(SMMUv3Host *h, SMMUv3HostDevice *dev, SMMUv3HostId pt)
{
    set_one_pt(h, dev, pt);
    for (guint i = 0; i < h->devices->len; i++) {
        SMMUv3HostDevice *other = g_ptr_array_index(h->devices, i);

        if (goes_along(dev, other)) {
            set_one_pt(h, other, pt);
        }
    }
}

static int attach(SMMUv3Host *h, SMMUv3HostDevice *dev, SMMUv3HostId pt)
{
    int ret = fake_called(h, FAKE_ATTACH);

    if (!ret) {
        ret = attach_check(h, dev, pt);
    }
    if (!ret) {
        set_pt(h, dev, pt);
    }
    return fake_record(h, FAKE_ATTACH, dev, pt, 0, ret);
}

static int detach(SMMUv3Host *h, SMMUv3HostDevice *dev)
{
    int ret = fake_called(h, FAKE_DETACH);

    if (!ret) {
        set_pt(h, dev, 0);
    }
    return fake_record(h, FAKE_DETACH, dev, 0, 0, ret);
}

/* Events: iommufd/eventq.c and iommufd_viommu_report_event() */

static FakeObject *find_veventq(const SMMUv3Host *h, SMMUv3HostId viommu)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, h->objects);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        FakeObject *o = value;

        if (o->kind == FAKE_VEVENTQ && o->of == viommu) {
            return o;
        }
    }
    return NULL;
}

static int veventq_check(SMMUv3Host *h, SMMUv3HostId viommu, uint32_t depth)
{
    if (h->rules == FAKE_RULES_6_13) {
        return -ENOTTY;
    }
    if (!fake_object_of_kind(h, viommu, FAKE_VIOMMU)) {
        return fake_broken(h, ENOENT);
    }
    if (find_veventq(h, viommu)) {
        return fake_broken(h, EEXIST);
    }
    return depth ? 0 : fake_broken(h, EINVAL);
}

static int veventq_alloc(SMMUv3Host *h, SMMUv3HostId viommu, uint32_t depth,
                         SMMUv3HostId *veventq, int *fd)
{
    int ret = fake_called(h, FAKE_VEVENTQ_ALLOC);

    if (!ret) {
        ret = veventq_check(h, viommu, depth);
    }
    if (!ret) {
        *veventq = fake_object_new(h, (FakeObject) {
            .kind = FAKE_VEVENTQ, .of = viommu, .depth = depth,
            .events = g_array_new(FALSE, FALSE, sizeof(SMMUv3HostEvent)),
            .fd_open = true,
        });
        *fd = FAKE_VEVENTQ_FD(*veventq);
    }
    return fake_record(h, FAKE_VEVENTQ_ALLOC, NULL, ret ? 0 : *veventq, depth,
                       ret);
}

static FakeObject *veventq_of_fd(SMMUv3Host *h, int fd)
{
    FakeObject *o = fake_object_of_kind(h, fd - FAKE_VEVENTQ_FD(0),
                                        FAKE_VEVENTQ);

    if (!o || !o->fd_open) {
        fake_broken(h, EBADF);
        return NULL;
    }
    return o;
}

static int veventq_read(SMMUv3Host *h, int fd, SMMUv3HostEvent *events,
                        unsigned n)
{
    FakeObject *o = veventq_of_fd(h, fd);

    if (fake_called(h, FAKE_VEVENTQ_READ) || !o) {
        return 0;
    }
    n = MIN(n, o->events->len);
    if (n) {
        memcpy(events, o->events->data, n * sizeof(*events));
        g_array_remove_range(o->events, 0, n);
    }
    return n;
}

static void veventq_close(SMMUv3Host *h, int fd)
{
    FakeObject *o = veventq_of_fd(h, fd);

    fake_called(h, FAKE_VEVENTQ_CLOSE);
    if (o) {
        o->fd_open = false;
    }
}

/* A full queue has one lost entry at its tail, with the latest sequence. */
static void queue_event(FakeObject *o, SMMUv3EventRecord fault)
{
    guint n = o->events->len;
    SMMUv3HostEvent *tail = n ? &g_array_index(o->events, SMMUv3HostEvent,
                                               n - 1) : NULL;
    SMMUv3HostEvent event = { .sequence = o->sequence, .record = fault };

    o->sequence = (o->sequence + 1) & INT32_MAX;
    if (tail && tail->lost) {
        g_array_set_size(o->events, --n);
    }
    if (n >= o->depth) {
        event.lost = true;
        memset(&event.record, 0xa5, sizeof(event.record));
    }
    g_array_append_val(o->events, event);
}

bool fake_host_fault(SMMUv3Host *h, SMMUv3HostDevice *dev,
                     SMMUv3EventRecord fault)
{
    FakeObject *queue = dev->tells ? find_veventq(h, dev->tells) : NULL;
    uint64_t dw0 = GUINT64_FROM_LE(fault.dw[0]) & ~SMMUV3_EVENT0_SID;

    if (queue) {
        dw0 |= SMMUV3_PREP(SMMUV3_EVENT0_SID, dev->tells_vsid);
        fault.dw[0] = GUINT64_TO_LE(dw0);
        queue_event(queue, fault);
    }
    return queue != NULL;
}

void fake_free_object(gpointer p)
{
    FakeObject *o = p;

    if (o->events) {
        g_array_free(o->events, TRUE);
    }
    g_free(o);
}

static int destroy_object(SMMUv3Host *h, SMMUv3HostId id)
{
    FakeObject *o = fake_object(h, id);

    if (!o) {
        h->unknown_ids++;
        return fake_broken(h, ENOENT);
    }
    if (object_in_use(h, id) || o->fd_open) {
        h->busy_destroys++;
        return fake_broken(h, EBUSY);
    }
    if (o->kind == FAKE_VDEVICE) {
        o->dev->vdevice = 0;
    }
    g_hash_table_remove(h->objects, GUINT_TO_POINTER(id));
    return 0;
}

static int destroy(SMMUv3Host *h, SMMUv3HostId id)
{
    int ret = fake_called(h, FAKE_DESTROY);

    if (!ret) {
        ret = destroy_object(h, id);
    }
    return fake_record(h, FAKE_DESTROY, NULL, id, 0, ret);
}

const SMMUv3HostOps fake_host_ops = {
    .size = sizeof(SMMUv3HostOps),
    .get_info = get_info,
    .viommu_alloc = viommu_alloc,
    .vdevice_alloc = vdevice_alloc,
    .hwpt_alloc = hwpt_alloc,
    .attach = attach,
    .detach = detach,
    .invalidate = fake_invalidate,
    .veventq_alloc = veventq_alloc,
    .veventq_read = veventq_read,
    .veventq_close = veventq_close,
    .destroy = destroy,
};
