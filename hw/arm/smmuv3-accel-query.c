/*
 * arm-smmuv3,accel=on: queries over QMP and HMP.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * query-smmuv3-accel copies the state of the engine and of the other files into
 * the types of qapi/smmuv3-accel.json; info smmuv3-accel prints these. Neither
 * asks the guest's memory or the host.
 */
#include "qemu/osdep.h"
#include "monitor/hmp.h"
#include "monitor/monitor.h"
#include "qapi/qapi-commands-smmuv3-accel.h"
#include "hw/pci/pci_bus.h"
#include "smmuv3/ste.h"

#include "smmuv3-accel.h"
#include "smmuv3-decode.h"

/* ---- QMP ---- */

static SMMUv3AccelStreamState accel_query_stream_state(SMMUv3StreamKind kind)
{
    switch (kind) {
    case SMMUV3_STREAM_TRANSLATE:
        return SMMUV3_ACCEL_STREAM_STATE_TRANSLATE;
    case SMMUV3_STREAM_BYPASS:
        return SMMUV3_ACCEL_STREAM_STATE_BYPASS;
    default:
        return SMMUV3_ACCEL_STREAM_STATE_ABORT;
    }
}

static void accel_query_tell_event(SMMUv3AccelDeviceInfo *out,
                                   SMMUv3EventType event)
{
    out->has_event = true;
    switch (event) {
    case SMMUV3_EVENT_C_BAD_STREAMID:
        out->event = SMMUV3_ACCEL_EVENT_C_BAD_STREAMID;
        break;
    case SMMUV3_EVENT_F_STE_FETCH:
        out->event = SMMUV3_ACCEL_EVENT_F_STE_FETCH;
        break;
    case SMMUV3_EVENT_C_BAD_STE:
        out->event = SMMUV3_ACCEL_EVENT_C_BAD_STE;
        break;
    default:
        out->has_event = false;
    }
}

static uint32List *accel_query_granules(uint32_t page_sizes)
{
    uint32List *list = NULL, **tail = &list;

    for (; page_sizes; page_sizes &= page_sizes - 1) {
        QAPI_LIST_APPEND(tail, page_sizes & -page_sizes);
    }
    return list;
}

/*
 * Without ATS and OAS: no register of a host tells them, because they are not
 * on the kernel's list of what is valid.
 */
static SMMUv3AccelFeatures *accel_query_features(const uint32_t idr[6],
                                                 const SMMUv3Features *from)
{
    SMMUv3AccelFeatures *f = g_new0(SMMUv3AccelFeatures, 1);
    uint32List **tail = &f->idr;

    for (unsigned i = 0; i < 6; i++) {
        QAPI_LIST_APPEND(tail, idr[i]);
    }
    f->stage1 = from->stage1;
    f->stage2 = from->stage2;
    f->s2fwb = from->s2fwb;
    f->ril = from->ril;
    f->msi = from->msi;
    f->bbml = from->bbml;
    f->asid_bits = from->asid_bits;
    f->sidsize = from->sid_bits;
    f->ssidsize = from->ssid_bits;
    f->granules = accel_query_granules(from->page_sizes);
    f->two_level_cd = from->two_level_cds;
    f->stall_model = from->stall_model;
    return f;
}

static SMMUv3AccelFeatures *accel_query_promise(const SMMUv3Accel *a)
{
    SMMUv3Features from = smmuv3_decode_features(a->promise.idr);
    SMMUv3AccelFeatures *f = accel_query_features(a->promise.idr, &from);

    f->has_ats = f->has_oas = true;
    f->ats = from.ats;
    f->oas = from.oas_bits;
    return f;
}

static SMMUv3AccelFeatures *
accel_query_host_features(const SMMUv3HostInfo *info)
{
    SMMUv3Features from = smmuv3_decode_features(info->idr);

    return accel_query_features(info->idr, &from);
}

static SMMUv3AccelProperties *
accel_query_properties(const SMMUv3AccelFeatures *f)
{
    SMMUv3AccelProperties *p = g_new0(SMMUv3AccelProperties, 1);

    p->ril = f->ril;
    p->ats = f->ats;
    p->ssidsize = f->ssidsize;
    p->oas = f->oas;
    p->cmdqv = false;
    return p;
}

static SMMUv3AccelHost *accel_query_host(const SMMUv3Accel *a)
{
    SMMUv3EngineObjects objects = smmuv3_engine_objects(a->engine);
    SMMUv3AccelHost *h;
    SMMUv3HostInfo info;

    if (!smmuv3_engine_host_info(a->engine, &info)) {
        return NULL;
    }
    h = g_new0(SMMUv3AccelHost, 1);
    h->iommufd = object_get_canonical_path(OBJECT(a->devices.backend));
    h->viommu = objects.viommu;
    h->stage2_hwpt = objects.parent;
    h->events = objects.veventq != 0;
    h->features = accel_query_host_features(&info);
    h->iidr = info.iidr;
    h->aidr = info.aidr;
    h->repeat_invalidations = info.repeat_tlbi_cfgi;
    return h;
}

/* A register as the guest reads it, so indices without hidden bits. */
static uint64_t accel_query_reg(const SMMUv3Accel *a, uint32_t offset,
                                unsigned size)
{
    uint64_t value;

    smmuv3_engine_read(a->engine, offset, size, &value);
    return value;
}

static SMMUv3AccelRegisters *accel_query_registers(const SMMUv3Accel *a)
{
    SMMUv3AccelRegisters *r = g_new0(SMMUv3AccelRegisters, 1);

    r->cr0 = accel_query_reg(a, SMMUV3_REG_CR0, 4);
    r->gbpa = accel_query_reg(a, SMMUV3_REG_GBPA, 4);
    r->strtab_base = accel_query_reg(a, SMMUV3_REG_STRTAB_BASE, 8);
    r->strtab_base_cfg = accel_query_reg(a, SMMUV3_REG_STRTAB_BASE_CFG, 4);
    r->cmdq_base = accel_query_reg(a, SMMUV3_REG_CMDQ_BASE, 8);
    r->cmdq_prod = accel_query_reg(a, SMMUV3_REG_CMDQ_PROD, 4);
    r->cmdq_cons = accel_query_reg(a, SMMUV3_REG_CMDQ_CONS, 4);
    r->eventq_base = accel_query_reg(a, SMMUV3_REG_EVENTQ_BASE, 8);
    r->eventq_prod = accel_query_reg(a, SMMUV3_REG_EVENTQ_PROD, 4);
    r->eventq_cons = accel_query_reg(a, SMMUV3_REG_EVENTQ_CONS, 4);
    r->gerror = accel_query_reg(a, SMMUV3_REG_GERROR, 4);
    r->gerrorn = accel_query_reg(a, SMMUV3_REG_GERRORN, 4);
    r->irq_ctrl = accel_query_reg(a, SMMUV3_REG_IRQ_CTRL, 4);
    return r;
}

static void accel_query_add_device(void *opaque, const SMMUv3DeviceInfo *info)
{
    SMMUv3AccelDeviceInfoList ***tail = opaque;
    const SMMUv3AccelDevice *d = info->cookie;
    DeviceState *dev = DEVICE(d->bus->devices[d->devfn]);
    SMMUv3AccelDeviceInfo *out = g_new0(SMMUv3AccelDeviceInfo, 1);

    out->id = g_strdup(dev->id);
    out->qom_path = object_get_canonical_path(OBJECT(dev));
    out->host = g_strdup(d->name);
    out->host_id = d->host_dev.dev_id;
    out->has_vsid = info->has_vsid;
    out->vsid = info->vsid;
    out->has_vdevice = info->vdevice != 0;
    out->vdevice = info->vdevice;
    out->state = accel_query_stream_state(info->kind);
    out->has_hwpt = info->hwpt != 0;
    out->hwpt = info->hwpt;
    accel_query_tell_event(out, info->event);
    out->ats = !d->info.no_ats;
    out->pasid_bits = d->info.pasid_bits;
    QAPI_LIST_APPEND(*tail, out);
}

static void accel_query_add_hwpt(void *opaque, const SMMUv3HwptInfo *info)
{
    SMMUv3AccelHwptList ***tail = opaque;
    SMMUv3AccelHwpt *out = g_new0(SMMUv3AccelHwpt, 1);
    uint64List **words = &out->ste;

    out->id = info->id;
    out->state = accel_query_stream_state(info->kind);
    QAPI_LIST_APPEND(words, info->ste[0]);
    QAPI_LIST_APPEND(words, info->ste[1]);
    if (info->kind == SMMUV3_STREAM_TRANSLATE) {
        out->has_s1_context_ptr = out->has_s1cdmax = true;
        out->s1_context_ptr = info->ste[0] & SMMUV3_STE0_S1CONTEXTPTR;
        out->s1cdmax = SMMUV3_GET(SMMUV3_STE0_S1CDMAX, info->ste[0]);
    }
    out->users = info->users;
    QAPI_LIST_APPEND(*tail, out);
}

static SMMUv3AccelCommands *accel_query_commands(const SMMUv3EngineStats *s)
{
    SMMUv3AccelCommands *c = g_new0(SMMUv3AccelCommands, 1);

    c->cfgi_ste = s->by_class[SMMUV3_CLASS_CFGI_STE];
    c->cfgi_cd = s->by_class[SMMUV3_CLASS_CFGI_CD];
    c->tlbi = s->by_class[SMMUV3_CLASS_TLBI];
    c->atc_inv = s->by_class[SMMUV3_CLASS_ATC_INV];
    c->prefetch = s->by_class[SMMUV3_CLASS_PREFETCH];
    c->sync = s->by_class[SMMUV3_CLASS_SYNC];
    return c;
}

static SMMUv3AccelCommandErrors *
accel_query_command_errors(const SMMUv3EngineStats *s)
{
    SMMUv3AccelCommandErrors *e = g_new0(SMMUv3AccelCommandErrors, 1);

    e->ill = s->errors[SMMUV3_CERROR_ILL];
    e->abt = s->errors[SMMUV3_CERROR_ABT];
    e->atc_inv_sync = s->errors[SMMUV3_CERROR_ATC_INV_SYNC];
    return e;
}

static SMMUv3AccelHostCalls *accel_query_host_calls(const SMMUv3EngineStats *s)
{
    SMMUv3AccelHostCalls *c = g_new0(SMMUv3AccelHostCalls, 1);

    c->get_hw_info = s->calls[SMMUV3_CALL_GET_INFO];
    c->viommu_alloc = s->calls[SMMUV3_CALL_VIOMMU_ALLOC];
    c->vdevice_alloc = s->calls[SMMUV3_CALL_VDEVICE_ALLOC];
    c->hwpt_alloc = s->calls[SMMUV3_CALL_HWPT_ALLOC];
    c->attach = s->calls[SMMUV3_CALL_ATTACH];
    c->detach = s->calls[SMMUV3_CALL_DETACH];
    c->invalidate = s->calls[SMMUV3_CALL_INVALIDATE];
    c->veventq_alloc = s->calls[SMMUV3_CALL_VEVENTQ_ALLOC];
    c->veventq_read = s->calls[SMMUV3_CALL_VEVENTQ_READ];
    c->destroy = s->calls[SMMUV3_CALL_DESTROY];
    return c;
}

static SMMUv3AccelStats *accel_query_stats(const SMMUv3Accel *a)
{
    const SMMUv3EngineStats *e = smmuv3_engine_stats(a->engine);
    SMMUv3AccelStats *s = g_new0(SMMUv3AccelStats, 1);

    *s = (SMMUv3AccelStats) {
        .prod_writes = stat64_get(&a->mmio.prod_writes),
        .windows = e->windows,
        .windows_forwarding = e->windows_forwarding,
        .commands = accel_query_commands(e),
        .forwarded = e->forwarded,
        .coalesced = e->coalesced,
        .expanded = e->expanded,
        .widened = e->widened,
        .sent = e->sent,
        .batches = e->batches,
        .entries = e->entries,
        .hwpt_translate = e->hwpt_translate,
        .hwpt_bypass = e->hwpt_bypass,
        .hwpt_abort = e->hwpt_abort,
        .hwpt_shared = e->hwpt_shared,
        .hwpt_reused = e->hwpt_reused,
        .attaches = e->attaches,
        .attach_failures = e->attach_failures,
        .waits = e->waits,
        .vdevices = e->vdevices,
        .ste_unchanged = e->ste_unchanged,
        .events = e->events,
        .events_own = e->events_own,
        .events_lost = e->events_lost,
        .events_unknown = e->events_unknown,
        .events_written = e->events_written,
        .events_dropped = e->events_dropped,
        .events_overflowed = e->events_overflowed,
        .command_errors = accel_query_command_errors(e),
        .host_calls = accel_query_host_calls(e),
    };
    return s;
}

static SMMUv3AccelInfo *accel_query_instance(SMMUv3Accel *a)
{
    SMMUv3AccelInfo *out = g_new0(SMMUv3AccelInfo, 1);
    SMMUv3AccelDeviceInfoList **devices = &out->devices;
    SMMUv3AccelHwptList **hwpts = &out->hwpts;
    bool first = smmuv3_accel_hold(a);

    out->id = g_strdup(DEVICE(a->smmu)->id);
    out->qom_path = object_get_canonical_path(OBJECT(a->smmu));
    out->bus = g_strdup(BUS(a->smmu->smmu_state.primary_bus)->name);
    out->promise = accel_query_promise(a);
    out->properties = accel_query_properties(out->promise);
    out->promise_final = a->promise.frozen;
    out->emulated_devices = a->emul.present;
    out->registers = accel_query_registers(a);
    out->host = accel_query_host(a);
    smmuv3_engine_for_each_device(a->engine, accel_query_add_device, &devices);
    smmuv3_engine_for_each_hwpt(a->engine, accel_query_add_hwpt, &hwpts);
    out->stats = accel_query_stats(a);
    if (first) {
        smmuv3_accel_release(a);
    }
    return out;
}

static int accel_query_add_instance(Object *obj, void *opaque)
{
    SMMUv3AccelInfoList ***tail = opaque;
    Object *smmu = object_dynamic_cast(obj, TYPE_ARM_SMMUV3);

    if (smmu && ARM_SMMUV3(smmu)->accel_state) {
        QAPI_LIST_APPEND(*tail,
                         accel_query_instance(ARM_SMMUV3(smmu)->accel_state));
    }
    return 0;
}

SMMUv3AccelInfoList *qmp_query_smmuv3_accel(Error **errp)
{
    SMMUv3AccelInfoList *list = NULL, **tail = &list;

    object_child_foreach_recursive(object_get_root(), accel_query_add_instance,
                                   &tail);
    return list;
}

/* ---- HMP ---- */

static const char *accel_query_on_off(bool on)
{
    return on ? "on" : "off";
}

static void accel_query_print_features(Monitor *mon,
                                       const SMMUv3AccelFeatures *f)
{
    uint32List *item;
    unsigned i = 0;

    monitor_printf(mon, "   ");
    for (item = f->idr; item; item = item->next) {
        monitor_printf(mon, " IDR%u 0x%x", i++, item->value);
    }
    monitor_printf(mon, "\n    %s%s%s%s%s%s%u-bit ASIDs, BBML %u,"
                   " SIDSIZE %u, SSIDSIZE %u, stall model %u, pages of",
                   f->stage1 ? "stage 1, " : "", f->stage2 ? "stage 2, " : "",
                   f->s2fwb ? "S2FWB, " : "", f->ril ? "RIL, " : "",
                   f->msi ? "MSI, " : "",
                   f->two_level_cd ? "2-level CDs, " : "", f->asid_bits,
                   f->bbml, f->sidsize, f->ssidsize, f->stall_model);
    for (item = f->granules; item; item = item->next) {
        monitor_printf(mon, "%s%uK", item == f->granules ? " " : ", ",
                       item->value / 1024);
    }
    if (f->has_oas) {
        monitor_printf(mon, ", OAS %u", f->oas);
    }
    monitor_printf(mon, ", ATS %s\n",
                   f->has_ats ? accel_query_on_off(f->ats) : "unknown");
}

static void accel_query_print_head(Monitor *mon, const SMMUv3AccelInfo *i)
{
    const SMMUv3AccelProperties *p = i->properties;

    monitor_printf(mon, "%s: serves %s%s\n", i->id ? i->id : i->qom_path,
                   i->bus,
                   i->emulated_devices ? ", emulated devices beside" : "");
    monitor_printf(mon,
                   "  properties: ril=%s ats=%s ssidsize=%u oas=%u"
                   " cmdqv=%s%s\n",
                   accel_query_on_off(p->ril), accel_query_on_off(p->ats),
                   p->ssidsize, p->oas, accel_query_on_off(p->cmdqv),
                   i->promise_final ? "" : " (until the guest runs)");
    monitor_printf(mon, "  guest's SMMU:\n");
    accel_query_print_features(mon, i->promise);
}

static void accel_query_print_host(Monitor *mon, const SMMUv3AccelHost *h)
{
    if (!h) {
        monitor_printf(mon, "  host's SMMU: not known without a device\n");
        return;
    }
    monitor_printf(mon,
                   "  host's SMMU: %s, vIOMMU %u, stage-2 HWPT %u,"
                   " events %s, IIDR 0x%x, AIDR 0x%x%s\n",
                   h->iommufd, h->viommu, h->stage2_hwpt,
                   accel_query_on_off(h->events), h->iidr, h->aidr,
                   h->repeat_invalidations ? ", invalidates twice" : "");
    accel_query_print_features(mon, h->features);
}

static void accel_query_print_registers(Monitor *mon,
                                        const SMMUv3AccelRegisters *r)
{
    monitor_printf(mon, "  registers:\n"
                   "    CR0 0x%x GBPA 0x%x IRQ_CTRL 0x%x GERROR 0x%x GERRORN"
                   " 0x%x\n", r->cr0, r->gbpa, r->irq_ctrl, r->gerror,
                   r->gerrorn);
    monitor_printf(mon, "    STRTAB_BASE 0x%" PRIx64 " CFG 0x%x\n",
                   r->strtab_base, r->strtab_base_cfg);
    monitor_printf(mon, "    CMDQ_BASE 0x%" PRIx64 " PROD 0x%x CONS 0x%x\n",
                   r->cmdq_base, r->cmdq_prod, r->cmdq_cons);
    monitor_printf(mon, "    EVENTQ_BASE 0x%" PRIx64 " PROD 0x%x CONS 0x%x\n",
                   r->eventq_base, r->eventq_prod, r->eventq_cons);
}

static void accel_query_print_device(Monitor *mon,
                                     const SMMUv3AccelDeviceInfo *d)
{
    monitor_printf(mon, "    %s: host %s (id %u), vSID ",
                   d->id ? d->id : d->qom_path, d->host, d->host_id);
    if (d->has_vsid) {
        monitor_printf(mon, "0x%x", d->vsid);
    } else {
        monitor_printf(mon, "none");
    }
    if (d->has_vdevice) {
        monitor_printf(mon, " (vDEVICE %u)", d->vdevice);
    }
    monitor_printf(mon, ", %s", SMMUv3AccelStreamState_str(d->state));
    if (d->has_event) {
        monitor_printf(mon, " (%s)", SMMUv3AccelEvent_str(d->event));
    }
    if (d->has_hwpt) {
        monitor_printf(mon, ", HWPT %u", d->hwpt);
    } else {
        /* Of those without a nested HWPT only the parent's bypass. */
        monitor_printf(mon, ", %s",
                       d->state == SMMUV3_ACCEL_STREAM_STATE_BYPASS
                       ? "stage 2 alone" : "blocked by the host");
    }
    monitor_printf(mon, ", %s%u PASID bits\n", d->ats ? "" : "no ATS, ",
                   d->pasid_bits);
}

static void accel_query_print_hwpt(Monitor *mon, const SMMUv3AccelHwpt *h)
{
    monitor_printf(mon, "    %u: %s, %u user%s, STE 0x%" PRIx64 " 0x%" PRIx64,
                   h->id, SMMUv3AccelStreamState_str(h->state), h->users,
                   h->users == 1 ? "" : "s", h->ste->value,
                   h->ste->next->value);
    if (h->has_s1_context_ptr) {
        monitor_printf(mon, ", S1ContextPtr 0x%" PRIx64 " S1CDMax %u",
                       h->s1_context_ptr, h->s1cdmax);
    }
    monitor_printf(mon, "\n");
}

static void accel_query_print_command_stats(Monitor *mon,
                                            const SMMUv3AccelStats *s)
{
    const SMMUv3AccelCommands *c = s->commands;
    const SMMUv3AccelCommandErrors *e = s->command_errors;

    monitor_printf(mon, "    PROD writes %" PRIu64 ", windows %" PRIu64
                   " (%" PRIu64 " forwarding)\n", s->prod_writes, s->windows,
                   s->windows_forwarding);
    monitor_printf(mon, "    commands: CFGI_STE %" PRIu64 ", CFGI_CD %" PRIu64
                   ", TLBI %" PRIu64 ", ATC_INV %" PRIu64 ", PREFETCH %"
                   PRIu64 ", SYNC %" PRIu64 "\n", c->cfgi_ste, c->cfgi_cd,
                   c->tlbi, c->atc_inv, c->prefetch, c->sync);
    monitor_printf(mon, "    errors: ILL %" PRIu64 ", ABT %" PRIu64
                   ", ATC_INV_SYNC %" PRIu64 "\n", e->ill, e->abt,
                   e->atc_inv_sync);
    monitor_printf(mon, "    forwarded %" PRIu64 ", coalesced %" PRIu64
                   ", expanded %" PRIu64 ", widened %" PRIu64 ", sent %" PRIu64
                   ", batches %" PRIu64 ", entries %" PRIu64 "\n",
                   s->forwarded, s->coalesced, s->expanded, s->widened,
                   s->sent, s->batches, s->entries);
}

static void accel_query_print_stream_stats(Monitor *mon,
                                           const SMMUv3AccelStats *s)
{
    monitor_printf(mon, "    HWPTs: %" PRIu64 " translate, %" PRIu64
                   " bypass, %" PRIu64 " abort, %" PRIu64 " shared, %" PRIu64
                   " reused\n", s->hwpt_translate, s->hwpt_bypass,
                   s->hwpt_abort, s->hwpt_shared, s->hwpt_reused);
    monitor_printf(mon, "    streams: %" PRIu64 " attached, %" PRIu64
                   " refused, %" PRIu64 " unchanged, %" PRIu64 " vDEVICEs, %"
                   PRIu64 " waits\n",
                   s->attaches, s->attach_failures, s->ste_unchanged,
                   s->vdevices, s->waits);
    monitor_printf(mon, "    events: host %" PRIu64 ", own %" PRIu64
                   ", lost %" PRIu64 ", unknown %" PRIu64 "; written %" PRIu64
                   ", dropped %" PRIu64 ", overflowed %" PRIu64 "\n",
                   s->events, s->events_own, s->events_lost,
                   s->events_unknown, s->events_written, s->events_dropped,
                   s->events_overflowed);
}

static void accel_query_print_calls(Monitor *mon, const SMMUv3AccelHostCalls *c)
{
    monitor_printf(mon, "    host calls: GET_HW_INFO %" PRIu64
                   ", VIOMMU_ALLOC %" PRIu64 ", VDEVICE_ALLOC %" PRIu64
                   ", HWPT_ALLOC %" PRIu64 ", ATTACH %" PRIu64
                   ", DETACH %" PRIu64 ", HWPT_INVALIDATE %" PRIu64
                   ", VEVENTQ_ALLOC %" PRIu64 ", VEVENTQ read %" PRIu64
                   ", DESTROY %" PRIu64 "\n", c->get_hw_info,
                   c->viommu_alloc, c->vdevice_alloc, c->hwpt_alloc,
                   c->attach, c->detach, c->invalidate, c->veventq_alloc,
                   c->veventq_read, c->destroy);
}

static void accel_query_print_instance(Monitor *mon,
                                       const SMMUv3AccelInfo *info)
{
    SMMUv3AccelDeviceInfoList *d;
    SMMUv3AccelHwptList *h;

    accel_query_print_head(mon, info);
    accel_query_print_host(mon, info->host);
    accel_query_print_registers(mon, info->registers);
    monitor_printf(mon, "  devices:%s\n", info->devices ? "" : " none");
    for (d = info->devices; d; d = d->next) {
        accel_query_print_device(mon, d->value);
    }
    monitor_printf(mon, "  HWPTs:%s\n", info->hwpts ? "" : " none");
    for (h = info->hwpts; h; h = h->next) {
        accel_query_print_hwpt(mon, h->value);
    }
    monitor_printf(mon, "  counters:\n");
    accel_query_print_command_stats(mon, info->stats);
    accel_query_print_stream_stats(mon, info->stats);
    accel_query_print_calls(mon, info->stats->host_calls);
}

void hmp_info_smmuv3_accel(Monitor *mon, const QDict *qdict)
{
    g_autoptr(SMMUv3AccelInfoList) list = qmp_query_smmuv3_accel(NULL);

    if (!list) {
        monitor_printf(mon, "No arm-smmuv3 with accel=on\n");
    }
    for (SMMUv3AccelInfoList *i = list; i; i = i->next) {
        accel_query_print_instance(mon, i->value);
    }
}
