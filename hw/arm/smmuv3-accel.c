/*
 * arm-smmuv3,accel=on: registers, guest memory, interrupts.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qapi/error.h"
#include "exec/address-spaces.h"
#include "exec/memory.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_bridge.h"
#include "hw/qdev-core.h"
#include "system/dma.h"
#include "trace.h"

#include "hw/arm/smmuv3.h"
#include "smmuv3-internal.h"
#include "smmuv3-accel.h"

const char *smmuv3_accel_name(const SMMUv3State *s)
{
    const char *id = DEVICE(s)->id;

    return id ? id : TYPE_ARM_SMMUV3;
}

/* Queues and tables live in RAM; reading a device here could loop back. */
static const MemTxAttrs ram_only = { .memory = 1 };

static int frontend_read(void *opaque, uint64_t addr, void *buf, size_t len)
{
    return dma_memory_read(&address_space_memory, addr, buf, len, ram_only)
           == MEMTX_OK ? 0 : -EFAULT;
}

static int frontend_read_words(void *opaque, uint64_t addr, uint64_t *words,
                               size_t n)
{
    hwaddr xlat, len = n * sizeof(*words);
    const uint64_t *ram;
    MemoryRegion *mr;

    RCU_READ_LOCK_GUARD();
    mr = address_space_translate(&address_space_memory, addr, &xlat, &len,
                                 false, ram_only);
    if (!memory_access_is_direct(mr, false, ram_only) ||
        len < n * sizeof(*words)) {
        return -EFAULT;
    }
    ram = memory_region_get_ram_ptr(mr) + xlat;
    for (size_t i = 0; i < n; i++) {
        words[i] = qatomic_read__nocheck(&ram[i]);
    }
    return 0;
}

static void frontend_sync_irq(void *opaque)
{
    SMMUv3Accel *a = opaque;

    smmuv3_trigger_irq(a->smmu, SMMU_IRQ_CMD_SYNC, 0);
}

static bool frontend_vsid(void *opaque, void *cookie, uint32_t *vsid)
{
    return smmuv3_accel_pci_vsid(cookie, vsid);
}

static void frontend_stream_failed(void *opaque, void *cookie, int err)
{
    smmuv3_accel_pci_stream_failed(cookie, err);
}

static const SMMUv3FrontendOps frontend_ops = {
    .read = frontend_read,
    .read_words = frontend_read_words,
    .sync_irq = frontend_sync_irq,
    .stream_failed = frontend_stream_failed,
    .vsid = frontend_vsid,
};

/*
 * The stream table's base is read at enabling only (6.3.24: it is read-only
 * while SMMUEN=1), and GBPA matters only while SMMUEN=0.
 */
static bool regs_changed(const SMMUv3StreamRegs *old, const SMMUv3State *s)
{
    if ((old->cr0 ^ s->cr[0]) & SMMUV3_CR0_SMMUEN) {
        return true;
    }
    return !(s->cr[0] & SMMUV3_CR0_SMMUEN) && old->gbpa != s->gbpa;
}

static void tell_regs(SMMUv3State *s)
{
    SMMUv3Accel *a = s->accel_state;

    a->regs = (SMMUv3StreamRegs) {
        .cr0 = s->cr[0],
        .gbpa = s->gbpa,
        .strtab_base = s->strtab_base,
        .strtab_base_cfg = s->strtab_base_cfg,
    };
    trace_smmuv3_accel_regs(smmuv3_accel_name(s), s->cr[0], s->gbpa,
                            s->strtab_base);
    smmuv3_engine_set_regs(a->engine, &a->regs);
}

void smmuv3_accel_regs_written(SMMUv3State *s)
{
    if (s->accel && regs_changed(&s->accel_state->regs, s)) {
        tell_regs(s);
    }
}

int smmuv3_accel_consume(SMMUv3State *s)
{
    SMMUv3Accel *a = s->accel_state;
    const SMMUv3EngineStats *stats = smmuv3_engine_stats(a->engine);
    uint64_t forwarded = stats->forwarded, calls = stats->invalidate_calls;
    SMMUv3CmdqRegs q = {
        .base = s->cmdq.base,
        .prod = s->cmdq.prod,
        .cons = s->cmdq.cons,
    };
    SMMUv3CmdqResult result;

    smmuv3_accel_regs_written(s);
    if (!smmuv3_cmdq_enabled(s) ||
        FIELD_EX32(s->gerror ^ s->gerrorn, GERROR, CMDQ_ERR)) {
        return SMMU_CERROR_NONE;
    }
    result = smmuv3_engine_cmdq_run(a->engine, &q);
    trace_smmuv3_accel_window(smmuv3_accel_name(s), s->cmdq.cons, q.cons,
                              stats->forwarded - forwarded,
                              stats->invalidate_calls - calls);
    s->cmdq.cons = (s->cmdq.cons & R_CMDQ_CONS_ERR_MASK) | q.cons;
    if (result.status == SMMUV3_CMDQ_MORE) {
        qemu_bh_schedule(a->bh);
    }
    return result.cerror;
}

static void consume_bh(void *opaque)
{
    SMMUv3Accel *a = opaque;

    smmuv3_cmdq_consume(a->smmu);
}

/* Narrows what the guest is promised to what the host has. */
static void narrow_idr(uint32_t idr[6], const SMMUv3HostInfo *info)
{
    uint32_t granules = SMMUV3_IDR5_GRAN4K | SMMUV3_IDR5_GRAN16K |
                        SMMUV3_IDR5_GRAN64K;
    uint32_t bbml = MIN(SMMUV3_GET(SMMUV3_IDR3_BBML, idr[3]),
                        SMMUV3_GET(SMMUV3_IDR3_BBML, info->idr[3]));

    idr[0] &= info->idr[0] | ~(uint32_t)SMMUV3_IDR0_ASID16;
    idr[3] &= info->idr[3] | ~(uint32_t)SMMUV3_IDR3_RIL;
    idr[3] = (idr[3] & ~SMMUV3_IDR3_BBML) |
             SMMUV3_PREP(SMMUV3_IDR3_BBML, bbml);
    idr[5] &= info->idr[5] | ~granules;
}

/*
 * Stage 1 only. Hierarchical attributes are not among what hw_info lists, so
 * they are not promised; break-before-make levels only if the host is known.
 */
static void promise(SMMUv3State *s)
{
    SMMUv3Accel *a = s->accel_state;
    SMMUv3HostInfo info;

    s->idr[0] = (s->idr[0] & ~SMMUV3_IDR0_S2P) | SMMUV3_IDR0_S1P;
    s->idr[0] |= s->ats ? SMMUV3_IDR0_ATS : 0;
    s->idr[3] &= ~(SMMUV3_IDR3_HAD | SMMUV3_IDR3_FWB | R_IDR3_XNX_MASK);
    if (smmuv3_engine_host_info(a->engine, &info)) {
        narrow_idr(s->idr, &info);
    } else {
        s->idr[3] &= ~SMMUV3_IDR3_BBML;
    }
    smmuv3_engine_set_features(a->engine, s->idr);
}

void smmuv3_accel_reset(SMMUv3State *s)
{
    if (s->accel) {
        qemu_bh_cancel(s->accel_state->bh);
        promise(s);
        tell_regs(s);
    }
}

/* Migration is blocked while there is a host device, not without one. */
int smmuv3_accel_post_load(void *opaque, int version_id)
{
    SMMUv3State *s = opaque;

    if (s->accel) {
        tell_regs(s);
        qemu_bh_schedule(s->accel_state->bh);
    }
    return 0;
}

static void append_stat(GString *json, const char *name, uint64_t value)
{
    g_string_append_printf(json, "%s\"%s\": %" PRIu64,
                           json->len > 1 ? ", " : "", name, value);
}

#define APPEND(json, stats, field) append_stat(json, #field, (stats)->field)

/* The engine's counters, as JSON: for tests and for the curious. */
static char *get_stats(Object *obj, Error **errp)
{
    SMMUv3State *s = ARM_SMMUV3(obj);
    const SMMUv3EngineStats *st;
    GString *json = g_string_new("{");

    if (s->accel_state) {
        st = smmuv3_engine_stats(s->accel_state->engine);
        APPEND(json, st, windows);
        APPEND(json, st, commands);
        APPEND(json, st, forwarded);
        APPEND(json, st, windows_forwarding);
        APPEND(json, st, invalidate_calls);
        APPEND(json, st, widened);
        APPEND(json, st, hwpt_translate);
        APPEND(json, st, hwpt_bypass);
        APPEND(json, st, hwpt_abort);
        APPEND(json, st, hwpt_shared);
        APPEND(json, st, hwpt_reused);
        APPEND(json, st, attaches);
        APPEND(json, st, attach_failures);
        APPEND(json, st, vdevices);
        APPEND(json, st, ste_unchanged);
        append_stat(json, "errors", st->errors[SMMUV3_CERROR_ILL] +
                    st->errors[SMMUV3_CERROR_ABT] +
                    st->errors[SMMUV3_CERROR_ATC_INV_SYNC]);
    }
    return g_string_free(g_string_append_c(json, '}'), FALSE);
}

void smmuv3_accel_instance_init(Object *obj)
{
    object_property_add_str(obj, "stats", get_stats, NULL);
    object_property_set_description(obj, "stats",
                                    "Counters of the accelerated command pass");
}

static bool is_root_bus(PCIBus *bus)
{
    return pci_bus_is_root(bus) && pci_bus_is_express(bus);
}

bool smmuv3_accel_check_bus(SMMUv3State *s, Error **errp)
{
    ERRP_GUARD();
    PCIBus *bus = s->smmu_state.primary_bus;

    if (!bus) {
        error_setg(errp, "property 'primary-bus' is not set");
        error_append_hint(errp, "Name the PCIe root bus that this SMMU serves:"
                          " primary-bus=pcie.0, or the id of a pxb-pcie.\n");
        return false;
    }
    if (!is_root_bus(bus)) {
        error_setg(errp, "primary-bus '%s' is not a PCIe root bus",
                   BUS(bus)->name);
        error_append_hint(errp, "An SMMU serves pcie.0 or the bus of a"
                          " pxb-pcie, with everything below it.\n");
        return false;
    }
    if (bus->iommu_ops) {
        error_setg(errp, "bus '%s' has an IOMMU already", BUS(bus)->name);
        error_append_hint(errp, "Give each arm-smmuv3 a root bus of its own"
                          " (another pxb-pcie).\n");
        return false;
    }
    if (s->smmu_per_bus && pci_bus_bypass_iommu(bus)) {
        error_setg(errp, "bus '%s' bypasses its IOMMU (bypass_iommu=on)",
                   BUS(bus)->name);
        error_append_hint(errp, "Drop bypass_iommu of the pxb-pcie, or"
                          " default-bus-bypass-iommu of the machine.\n");
        return false;
    }
    if (s->accel && s->stage && strcmp(s->stage, "1")) {
        error_setg(errp, "stage=%s cannot be combined with accel=on: the guest"
                   " gets stage 1, the host keeps stage 2", s->stage);
        return false;
    }
    return smmuv3_accel_pci_check_bus(bus, s->accel, errp);
}

/* smmu-common.c has just set the emulated SMMU's PCIIOMMUOps. */
void smmuv3_accel_realize(SMMUv3State *s)
{
    SMMUv3Accel *a;

    s->smmu_state.primary_bus->iommu_per_bus = s->smmu_per_bus;
    if (!s->accel) {
        return;
    }
    a = g_new0(SMMUv3Accel, 1);
    a->smmu = s;
    a->engine = smmuv3_engine_new(&frontend_ops, a);
    a->bh = qemu_bh_new_guarded(consume_bh, a,
                                &DEVICE(s)->mem_reentrancy_guard);
    a->devices = g_ptr_array_new();
    s->accel_state = a;
    smmuv3_accel_pci_setup(a);
}
