/*
 * The port in memory. See fake-host.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The objects first, as iommufd keeps them; then the STE and the invalidation
 * as the arm-smmu-v3 driver of Linux 7.3 treats them; then the harness.
 */
#include <errno.h>

#include "fake-host.h"
#include "smmuv3/registers.h"
#include "smmuv3/ste.h"

static uint64_t ste_config(uint64_t dw0)
{
    return dw0 & SMMUV3_STE0_V ? SMMUV3_GET(SMMUV3_STE0_CONFIG, dw0)
                               : SMMUV3_STE_CONFIG_ABORT;
}

/* The journal and failures on request. */

static bool countdown(SMMUv3Host *h, unsigned i)
{
    return h->fail_countdown[i] && !--h->fail_countdown[i];
}

/* 0, or the negative errno with which this call was told to fail. */
static int called(SMMUv3Host *h, FakeCall call)
{
    bool one, any;
    int err;

    h->calls[call]++;
    h->all_calls[call]++;
    h->calls[FAKE_CALLS]++;
    one = countdown(h, call);
    any = countdown(h, FAKE_CALLS);
    if (one || any) {
        h->injected = true;
        return -h->fail_errno[one ? call : FAKE_CALLS];
    }
    err = h->fails ? h->fails(h, call) : 0;
    h->injected |= err != 0;
    return -err;
}

static int record(SMMUv3Host *h, FakeCall call, SMMUv3HostDevice *dev,
                  SMMUv3HostId id, uint32_t n, int ret)
{
    FakeRecord r = {
        .call = call, .dev = dev, .id = id, .n = n, .ret = ret,
    };

    g_array_append_val(h->journal, r);
    if (h->watch) {
        h->watch(h, &r);
    }
    return ret;
}

static int broken(SMMUv3Host *h, int err)
{
    h->rule_breaks++;
    return -err;
}

/* The hardware is given @cmds, in the round that this is. */
static void reach(SMMUv3Host *h, const SMMUv3Cmd *cmds, uint32_t n)
{
    g_array_append_vals(h->reached, cmds, n);
    for (uint32_t i = 0; i < n; i++) {
        g_array_append_val(h->rounds, h->round);
    }
}

/* Objects. */

FakeObject *fake_object(const SMMUv3Host *h, SMMUv3HostId id)
{
    return g_hash_table_lookup(h->objects, GUINT_TO_POINTER(id));
}

static FakeObject *object_of_kind(SMMUv3Host *h, SMMUv3HostId id,
                                  FakeKind kind)
{
    FakeObject *o = fake_object(h, id);

    return o && o->kind == kind ? o : NULL;
}

static SMMUv3HostId object_new(SMMUv3Host *h, FakeObject o)
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

static FakeObject *find_vdevice(const SMMUv3Host *h, SMMUv3HostId viommu,
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
    int ret = called(h, FAKE_GET_INFO);

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
    return record(h, FAKE_GET_INFO, dev, 0, 0, ret);
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
    FakeObject *p = object_of_kind(h, parent, FAKE_PARENT);

    if (!can_nest(dev->smmu)) {
        return -EOPNOTSUPP;
    }
    if (!p) {
        return broken(h, ENOENT);
    }
    return p->smmu == dev->smmu ? 0 : -EINVAL;
}

static int viommu_alloc(SMMUv3Host *h, SMMUv3HostDevice *dev,
                        SMMUv3HostId parent, SMMUv3HostId *viommu)
{
    int ret = called(h, FAKE_VIOMMU_ALLOC);

    if (!ret) {
        ret = viommu_check(h, dev, parent);
    }
    if (!ret) {
        *viommu = object_new(h, (FakeObject) {
            .kind = FAKE_VIOMMU, .smmu = dev->smmu, .of = parent,
        });
    }
    return record(h, FAKE_VIOMMU_ALLOC, dev, ret ? 0 : *viommu, 0, ret);
}

/* What a vIOMMU takes only from devices behind its own SMMU. */
static int same_smmu(SMMUv3Host *h, SMMUv3HostId viommu,
                     const SMMUv3HostDevice *dev)
{
    FakeObject *v = object_of_kind(h, viommu, FAKE_VIOMMU);

    if (!v) {
        return broken(h, ENOENT);
    }
    return v->smmu == dev->smmu ? 0 : broken(h, EINVAL);
}

static int vdevice_check(SMMUv3Host *h, SMMUv3HostId viommu,
                         SMMUv3HostDevice *dev, uint32_t vsid)
{
    int ret = same_smmu(h, viommu, dev);

    if (ret) {
        return ret;
    }
    if (dev->vdevice || find_vdevice(h, viommu, vsid)) {
        return broken(h, EEXIST);
    }
    return 0;
}

static int vdevice_alloc(SMMUv3Host *h, SMMUv3HostId viommu,
                         SMMUv3HostDevice *dev, uint32_t vsid,
                         SMMUv3HostId *vdevice)
{
    int ret = called(h, FAKE_VDEVICE_ALLOC);

    if (!ret) {
        ret = vdevice_check(h, viommu, dev, vsid);
    }
    if (!ret) {
        *vdevice = object_new(h, (FakeObject) {
            .kind = FAKE_VDEVICE, .smmu = dev->smmu, .of = viommu,
            .dev = dev, .vsid = vsid,
        });
        dev->vdevice = *vdevice;
    }
    return record(h, FAKE_VDEVICE_ALLOC, dev, ret ? 0 : *vdevice, vsid, ret);
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
           ? 0 : broken(h, EIO);
}

static int hwpt_alloc(SMMUv3Host *h, SMMUv3HostId viommu,
                      SMMUv3HostDevice *dev, const uint64_t ste[2],
                      SMMUv3HostId *hwpt)
{
    int ret = called(h, FAKE_HWPT_ALLOC);

    if (!ret) {
        ret = hwpt_check(h, viommu, dev, ste);
    }
    if (!ret) {
        *hwpt = object_new(h, (FakeObject) {
            .kind = FAKE_NESTED, .smmu = dev->smmu, .of = viommu,
            .ste = { GUINT64_FROM_LE(ste[0]), GUINT64_FROM_LE(ste[1]) },
        });
    }
    return record(h, FAKE_HWPT_ALLOC, dev, ret ? 0 : *hwpt, 0, ret);
}

/* arm_smmu_attach_prepare_vmaster(): a vDEVICE of this very vIOMMU. */
static bool has_vdevice_on(SMMUv3Host *h, SMMUv3HostDevice *dev,
                           SMMUv3HostId viommu)
{
    FakeObject *v = fake_object(h, dev->vdevice);

    return v && v->of == viommu;
}

/* Of a device without a vDEVICE. */
static int bare_attach_check(SMMUv3Host *h, uint64_t config)
{
    switch (h->rules) {
    case FAKE_RULES_6_13:
        return 0;
    case FAKE_RULES_6_15:
        return broken(h, ENOENT);
    default:
        return config == SMMUV3_STE_CONFIG_S1 ? broken(h, ENOENT) : 0;
    }
}

/* Does @other go where @dev goes? */
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

/* __iommu_group_set_domain_internal(): one that cannot holds up the others. */
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
        return broken(h, ENOENT);
    }
    if ((o->kind != FAKE_PARENT && o->kind != FAKE_NESTED) ||
        o->smmu != dev->smmu) {
        return broken(h, EINVAL);
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
 * arm_smmu_make_nested_domain_ste(): what @dev's physical STE says while it is
 * attached to @o. EATS is there only if the device has an ATC.
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
 * arm_smmu_write_entry(): CFGI_STE and CMD_SYNC if the STE is another one, and
 * nothing if it is not, though the table is another one. A device behind an
 * IOMMU of another kind has no STE.
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
        reach(h, &cmd, 1);
    }
}

/*
 * arm_smmu_attach_prepare_vmaster(), and its commit. To be attached again where
 * one is, is nothing (iommufd_device_do_replace()).
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

/* Of all that are in its group. */
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
    int ret = called(h, FAKE_ATTACH);

    if (!ret) {
        ret = attach_check(h, dev, pt);
    }
    if (!ret) {
        set_pt(h, dev, pt);
    }
    return record(h, FAKE_ATTACH, dev, pt, 0, ret);
}

static int detach(SMMUv3Host *h, SMMUv3HostDevice *dev)
{
    int ret = called(h, FAKE_DETACH);

    if (!ret) {
        set_pt(h, dev, 0);
    }
    return record(h, FAKE_DETACH, dev, 0, 0, ret);
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
    if (!object_of_kind(h, viommu, FAKE_VIOMMU)) {
        return broken(h, ENOENT);
    }
    if (find_veventq(h, viommu)) {
        return broken(h, EEXIST);
    }
    return depth ? 0 : broken(h, EINVAL);
}

static int veventq_alloc(SMMUv3Host *h, SMMUv3HostId viommu, uint32_t depth,
                         SMMUv3HostId *veventq, int *fd)
{
    int ret = called(h, FAKE_VEVENTQ_ALLOC);

    if (!ret) {
        ret = veventq_check(h, viommu, depth);
    }
    if (!ret) {
        *veventq = object_new(h, (FakeObject) {
            .kind = FAKE_VEVENTQ, .of = viommu, .depth = depth,
            .events = g_array_new(FALSE, FALSE, sizeof(SMMUv3HostEvent)),
            .fd_open = true,
        });
        *fd = FAKE_VEVENTQ_FD(*veventq);
    }
    return record(h, FAKE_VEVENTQ_ALLOC, NULL, ret ? 0 : *veventq, depth, ret);
}

static FakeObject *veventq_of_fd(SMMUv3Host *h, int fd)
{
    FakeObject *o = object_of_kind(h, fd - FAKE_VEVENTQ_FD(0), FAKE_VEVENTQ);

    if (!o || !o->fd_open) {
        broken(h, EBADF);
        return NULL;
    }
    return o;
}

static int veventq_read(SMMUv3Host *h, int fd, SMMUv3HostEvent *events,
                        unsigned n)
{
    FakeObject *o = veventq_of_fd(h, fd);

    if (called(h, FAKE_VEVENTQ_READ) || !o) {
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

    called(h, FAKE_VEVENTQ_CLOSE);
    if (o) {
        o->fd_open = false;
    }
}

/* Full: a single entry at the tail says that, with the latest number. */
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

static void free_object(gpointer p)
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
        return broken(h, ENOENT);
    }
    if (object_in_use(h, id) || o->fd_open) {
        h->busy_destroys++;
        return broken(h, EBUSY);
    }
    if (o->kind == FAKE_VDEVICE) {
        o->dev->vdevice = 0;
    }
    g_hash_table_remove(h->objects, GUINT_TO_POINTER(id));
    return 0;
}

static int destroy(SMMUv3Host *h, SMMUv3HostId id)
{
    int ret = called(h, FAKE_DESTROY);

    if (!ret) {
        ret = destroy_object(h, id);
    }
    return record(h, FAKE_DESTROY, NULL, id, 0, ret);
}

/* Invalidation: arm_vsmmu_validate_range() */

static bool range_legal(const SMMUv3HostInfo *info, uint64_t dw0, uint64_t dw1)
{
    bool range = dw0 & (SMMUV3_TLBI0_NUM | SMMUV3_TLBI0_SCALE);
    uint64_t ttl = SMMUV3_GET(SMMUV3_TLBI1_TTL, dw1);
    uint64_t tg = SMMUV3_GET(SMMUV3_TLBI1_TG, dw1);

    if (!tg) {
        return !range && !ttl;
    }
    if (tg == SMMUV3_TG_16K && ttl == 1 &&
        !(info->idr[5] & SMMUV3_IDR5_DS)) {
        return false;
    }
    return range || ttl;
}

/* An SMMU with 8-bit ASIDs treats the upper 8 bits as RES0. */
static uint64_t asid_mask(const SMMUv3HostInfo *info)
{
    return info->idr[0] & SMMUV3_IDR0_ASID16 ? SMMUV3_TLBI0_ASID
                                             : SMMUV3_BITS(55, 48);
}

static bool has_substreams(const SMMUv3HostInfo *info)
{
    return SMMUV3_GET(SMMUV3_IDR1_SSIDSIZE, info->idr[1]) != 0;
}

static bool allowed_va(const SMMUv3HostInfo *info, const SMMUv3Cmd *cmd,
                       uint64_t allowed[2])
{
    if (info->idr[3] & SMMUV3_IDR3_RIL) {
        if (!range_legal(info, cmd->dw[0], cmd->dw[1])) {
            return false;
        }
        allowed[0] |= SMMUV3_TLBI0_NUM | SMMUV3_TLBI0_SCALE;
        allowed[1] |= SMMUV3_TLBI1_TG | SMMUV3_TLBI1_TTL;
        if (!(info->idr[5] & SMMUV3_IDR5_DS)) {
            allowed[0] &= ~SMMUV3_BIT(25); /* SCALE above 31 */
        }
    }
    allowed[0] |= SMMUV3_TLBI0_VMID;
    allowed[1] |= SMMUV3_TLBI1_LEAF | SMMUV3_TLBI1_VA;
    return true;
}

static bool allowed_atc(const SMMUv3HostInfo *info, const SMMUv3Cmd *cmd,
                        uint64_t allowed[2])
{
    if (!(info->idr[0] & SMMUV3_IDR0_ATS) ||
        SMMUV3_GET(SMMUV3_ATC1_SIZE, cmd->dw[1]) > SMMUV3_ATC_SIZE_ALL) {
        return false;
    }
    if (has_substreams(info)) {
        allowed[0] |= SMMUV3_CMD0_SSV | SMMUV3_CMD0_SSID | SMMUV3_ATC0_GLOBAL;
    }
    allowed[0] |= SMMUV3_CMD0_SID;
    allowed[1] |= SMMUV3_ATC1_SIZE | SMMUV3_ATC1_ADDR;
    return true;
}

/* The bits that may be set, per opcode: arm_vsmmu_validate_user_cmd() */
static bool allowed_bits(const SMMUv3HostInfo *info, const SMMUv3Cmd *cmd,
                         uint64_t allowed[2])
{
    switch (cmd->dw[0] & SMMUV3_CMD0_OPCODE) {
    case SMMUV3_CMD_TLBI_NSNH_ALL:
        return true;
    case SMMUV3_CMD_TLBI_NH_VA:
        allowed[0] |= asid_mask(info);
        return allowed_va(info, cmd, allowed);
    case SMMUV3_CMD_TLBI_NH_VAA:
        return allowed_va(info, cmd, allowed);
    case SMMUV3_CMD_TLBI_NH_ASID:
        allowed[0] |= SMMUV3_TLBI0_VMID | asid_mask(info);
        return true;
    case SMMUV3_CMD_TLBI_NH_ALL:
        allowed[0] |= SMMUV3_TLBI0_VMID;
        return true;
    case SMMUV3_CMD_ATC_INV:
        return allowed_atc(info, cmd, allowed);
    case SMMUV3_CMD_CFGI_CD:
        allowed[0] |= has_substreams(info) ? SMMUV3_CMD0_SSID : 0;
        allowed[0] |= SMMUV3_CMD0_SID;
        allowed[1] |= SMMUV3_CFGI1_LEAF;
        return true;
    case SMMUV3_CMD_CFGI_CD_ALL:
        allowed[0] |= SMMUV3_CMD0_SID;
        return true;
    default:
        return false;
    }
}

bool fake_kernel_accepts(const SMMUv3HostInfo *info, const SMMUv3Cmd *cmd)
{
    uint64_t allowed[2] = { SMMUV3_CMD0_OPCODE, 0 };

    return allowed_bits(info, cmd, allowed) &&
           !(cmd->dw[0] & ~allowed[0]) && !(cmd->dw[1] & ~allowed[1]);
}

static bool names_stream(const SMMUv3Cmd *cmd)
{
    switch (cmd->dw[0] & SMMUV3_CMD0_OPCODE) {
    case SMMUV3_CMD_ATC_INV:
    case SMMUV3_CMD_CFGI_CD:
    case SMMUV3_CMD_CFGI_CD_ALL:
        return true;
    default:
        return false;
    }
}

/* arm_vsmmu_convert_user_cmd() */
static int convert(SMMUv3Host *h, const FakeObject *viommu,
                   const SMMUv3Cmd *cmd)
{
    if ((h->refusing && cmd->dw[1] == h->refused_dw1) ||
        (h->refuses && h->refuses(cmd))) {
        return -EIO;
    }
    if (!fake_kernel_accepts(&viommu->smmu->info, cmd)) {
        return broken(h, EIO);
    }
    if (names_stream(cmd) &&
        !find_vdevice(h, viommu->id, SMMUV3_GET(SMMUV3_CMD0_SID, cmd->dw[0]))) {
        return broken(h, EIO);
    }
    return 0;
}

static bool is_atc_inv(const SMMUv3Cmd *cmd)
{
    return (cmd->dw[0] & SMMUV3_CMD0_OPCODE) == SMMUV3_CMD_ATC_INV;
}

/* An ATC_INV whose device does not answer */
static bool hangs(const SMMUv3Host *h, const SMMUv3Cmd *cmd)
{
    if (!is_atc_inv(cmd)) {
        return false;
    }
    for (unsigned i = 0; i < h->n_atc_dead; i++) {
        if (SMMUV3_GET(SMMUV3_CMD0_SID, cmd->dw[0]) == h->atc_dead[i]) {
            return true;
        }
    }
    return h->atc_timeout;
}

/*
 * 4.7.3: of a block that times out for it, other devices have been asked, and
 * answer. Of the rest nothing is known.
 */
static bool times_out(SMMUv3Host *h, const SMMUv3Cmd *cmds, uint32_t n)
{
    bool hung = false;

    for (uint32_t i = 0; i < n; i++) {
        hung |= hangs(h, &cmds[i]);
    }
    for (uint32_t i = 0; hung && i < n; i++) {
        if (is_atc_inv(&cmds[i]) && !hangs(h, &cmds[i])) {
            g_array_append_val(h->issued, cmds[i]);
            reach(h, &cmds[i], 1);
        }
    }
    return hung;
}

/* __arm_smmu_cmdq_issue_cmdlist() with its CMD_SYNC */
static int issue(SMMUv3Host *h, const SMMUv3Cmd *cmds, uint32_t n)
{
    unsigned countdown = h->issue_countdown;

    h->issue_countdown -= MIN(countdown, n);
    if (countdown && countdown <= n) {
        h->gone_errno = h->issue_for_good ? h->issue_errno : 0;
        return -h->issue_errno;
    }
    if (times_out(h, cmds, n)) {
        return -ETIMEDOUT;
    }
    g_array_append_vals(h->issued, cmds, n);
    reach(h, cmds, n);
    return 0;
}

/* arm_vsmmu_cache_invalidate(), its miscounting included */
static int cache_invalidate(SMMUv3Host *h, const FakeObject *viommu,
                            const SMMUv3Cmd *cmds, uint32_t n, uint32_t *done)
{
    uint32_t cur = 0, last = 0;
    int ret = 0;

    while (cur != n) {
        SMMUv3Cmd cmd = {
            .dw = { GUINT64_FROM_LE(cmds[cur].dw[0]),
                    GUINT64_FROM_LE(cmds[cur].dw[1]) },
        };

        ret = convert(h, viommu, &cmd);
        if (ret) {
            break;
        }
        cur++;
        if (cur != n && cur - last != SMMUV3_HOST_BLOCK) {
            continue;
        }
        ret = issue(h, cmds + last, cur - last);
        if (ret) {
            cur--;
            break;
        }
        last = cur;
    }
    *done = cur;
    return ret;
}

uint32_t fake_failed_count(int ret, uint32_t n)
{
    return ret == -ENOMEM ? n
           : ret == -ETIMEDOUT ? MIN(n, SMMUV3_HOST_BLOCK) - 1 : 0;
}

static int do_invalidate(SMMUv3Host *h, SMMUv3HostId viommu,
                         const SMMUv3Cmd *cmds, uint32_t n, uint32_t *done)
{
    FakeObject *v = object_of_kind(h, viommu, FAKE_VIOMMU);

    if (!n || n > SMMUV3_HOST_INVALIDATE_MAX) {
        *done = 0;
        return broken(h, EINVAL);
    }
    if (!v) {
        *done = 0;
        return broken(h, ENOENT);
    }
    if (h->gone_errno) {
        *done = fake_failed_count(-h->gone_errno, n);
        return -h->gone_errno;
    }
    if (h->nomem_from && n >= h->nomem_from) {
        *done = n;
        return -ENOMEM;
    }
    return cache_invalidate(h, v, cmds, n, done);
}

static int invalidate(SMMUv3Host *h, SMMUv3HostId viommu,
                      const SMMUv3Cmd *cmds, uint32_t n, uint32_t *done)
{
    int ret = called(h, FAKE_INVALIDATE);

    /* Its blocks have CMD_SYNCs, but how long they are is the kernel's. */
    h->round++;
    h->all_entries += n;
    if (ret) {
        *done = fake_failed_count(ret, n);
    } else {
        ret = do_invalidate(h, viommu, cmds, n, done);
    }
    if (ret && h->lying) {
        *done = h->lie;
    }
    return record(h, FAKE_INVALIDATE, NULL, viommu, n, ret);
}

const SMMUv3HostOps fake_host_ops = {
    .size = sizeof(SMMUv3HostOps),
    .get_info = get_info,
    .viommu_alloc = viommu_alloc,
    .vdevice_alloc = vdevice_alloc,
    .hwpt_alloc = hwpt_alloc,
    .attach = attach,
    .detach = detach,
    .invalidate = invalidate,
    .veventq_alloc = veventq_alloc,
    .veventq_read = veventq_read,
    .veventq_close = veventq_close,
    .destroy = destroy,
};

/* The harness. */

static FakeRules rules_of_environment(void)
{
    const char *version = g_getenv(FAKE_RULES_ENV);

    if (!version || !strcmp(version, "6.19")) {
        return FAKE_RULES_6_19;
    }
    if (!strcmp(version, "6.15")) {
        return FAKE_RULES_6_15;
    }
    if (strcmp(version, "6.13")) {
        g_error("%s: no such rules as those of %s", FAKE_RULES_ENV, version);
    }
    return FAKE_RULES_6_13;
}

SMMUv3Host *fake_host_new(void)
{
    SMMUv3Host *h = g_new0(SMMUv3Host, 1);

    h->rules = rules_of_environment();
    h->objects = g_hash_table_new_full(NULL, NULL, NULL, free_object);
    h->devices = g_ptr_array_new_with_free_func(g_free);
    h->smmus = g_ptr_array_new_with_free_func(g_free);
    h->journal = g_array_new(FALSE, FALSE, sizeof(FakeRecord));
    h->issued = g_array_new(FALSE, FALSE, sizeof(SMMUv3Cmd));
    h->reached = g_array_new(FALSE, FALSE, sizeof(SMMUv3Cmd));
    h->rounds = g_array_new(FALSE, FALSE, sizeof(unsigned));
    return h;
}

void fake_host_discard(SMMUv3Host *h)
{
    g_hash_table_destroy(h->objects);
    g_ptr_array_free(h->devices, TRUE);
    g_ptr_array_free(h->smmus, TRUE);
    g_array_free(h->journal, TRUE);
    g_array_free(h->issued, TRUE);
    g_array_free(h->reached, TRUE);
    g_array_free(h->rounds, TRUE);
    g_free(h);
}

void fake_host_free(SMMUv3Host *h)
{
    fake_host_assert_clean(h);
    fake_host_discard(h);
}

FakeSmmu *fake_smmu_new(SMMUv3Host *h, const uint32_t idr[6])
{
    FakeSmmu *smmu = g_new0(FakeSmmu, 1);

    smmu->info.aidr = 2;        /* SMMUv3.2: it has S2FWB */
    for (int i = 0; i < 6; i++) {
        smmu->info.idr[i] = idr[i];
    }
    g_ptr_array_add(h->smmus, smmu);
    return smmu;
}

SMMUv3HostId fake_parent_new(SMMUv3Host *h, FakeSmmu *smmu)
{
    return object_new(h, (FakeObject) { .kind = FAKE_PARENT, .smmu = smmu });
}

SMMUv3HostDevice *fake_device_new(SMMUv3Host *h, FakeSmmu *smmu,
                                  SMMUv3HostId parent)
{
    SMMUv3HostDevice *dev = g_new0(SMMUv3HostDevice, 1);

    dev->host = h;
    dev->smmu = smmu;
    dev->parent = parent;
    dev->pt = parent;
    g_ptr_array_add(h->devices, dev);
    return dev;
}

void fake_host_fail_nth(SMMUv3Host *h, FakeCall call, unsigned nth, int err)
{
    h->fail_countdown[call] = nth;
    h->fail_errno[call] = err;
    h->injected = false;
}

void fake_host_fail_issue(SMMUv3Host *h, unsigned kth, int err)
{
    h->issue_countdown = kth;
    h->issue_errno = err;
    h->issue_for_good = false;
}

void fake_host_go_away(SMMUv3Host *h, unsigned kth, int err)
{
    fake_host_fail_issue(h, kth, err);
    h->issue_for_good = kth != 0;
    h->gone_errno = 0;
}

void fake_host_refuse(SMMUv3Host *h, uint64_t dw1)
{
    h->refusing = true;
    h->refused_dw1 = dw1;
}

void fake_host_accept(SMMUv3Host *h)
{
    h->refusing = false;
}

unsigned fake_calls_after_timeout(const SMMUv3Host *h)
{
    bool timed_out = false;
    unsigned n = 0;

    for (guint i = 0; i < h->journal->len; i++) {
        const FakeRecord *r = &g_array_index(h->journal, FakeRecord, i);

        if (r->call == FAKE_INVALIDATE) {
            n += timed_out;
            timed_out |= r->ret == -ETIMEDOUT;
        }
    }
    return n;
}

void fake_host_forget(SMMUv3Host *h)
{
    g_array_set_size(h->journal, 0);
    g_array_set_size(h->issued, 0);
    g_array_set_size(h->reached, 0);
    g_array_set_size(h->rounds, 0);
    for (int i = 0; i <= FAKE_CALLS; i++) {
        h->calls[i] = 0;
    }
}

unsigned fake_objects(const SMMUv3Host *h, FakeKind kind)
{
    GHashTableIter iter;
    gpointer value;
    unsigned n = 0;

    g_hash_table_iter_init(&iter, h->objects);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        n += ((FakeObject *)value)->kind == kind;
    }
    return n;
}

void fake_host_assert_clean(const SMMUv3Host *h)
{
    g_assert_cmpuint(fake_objects(h, FAKE_VIOMMU), ==, 0);
    g_assert_cmpuint(fake_objects(h, FAKE_VDEVICE), ==, 0);
    g_assert_cmpuint(fake_objects(h, FAKE_NESTED), ==, 0);
    g_assert_cmpuint(fake_objects(h, FAKE_VEVENTQ), ==, 0);
    for (guint i = 0; i < h->devices->len; i++) {
        SMMUv3HostDevice *dev = g_ptr_array_index(h->devices, i);

        g_assert_cmpuint(dev->vdevice, ==, 0);
        if (dev->pt) {
            g_assert_cmpuint(dev->pt, ==, dev->parent);
        }
    }
}

uint64_t fake_device_ste0(const SMMUv3HostDevice *dev)
{
    FakeObject *o = fake_object(dev->host, dev->pt);

    return o && o->kind == FAKE_NESTED ? o->ste[0] : 0;
}

bool fake_device_on_parent(const SMMUv3HostDevice *dev)
{
    return dev->pt && dev->pt == dev->parent;
}

const SMMUv3Cmd *fake_issued(const SMMUv3Host *h, guint i)
{
    g_assert_cmpuint(i, <, h->issued->len);
    return &g_array_index(h->issued, SMMUv3Cmd, i);
}
