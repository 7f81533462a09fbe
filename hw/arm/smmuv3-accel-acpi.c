/*
 * arm-smmuv3 in ACPI, for a guest that firmware starts.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The IO Remapping Table (Arm DEN 0049, IORT) of a machine with pluggable
 * SMMUs: the ITS, a node for each instance, one root complex node (all root
 * buses are PCI segment 0) that maps each root bus to its SMMU or past it, and
 * behind an accelerated instance a Reserved Memory Range for the IOVAs of the
 * host's MSI doorbell, which the guest has to map one to one.
 *
 * An RMR names StreamIDs, and with them bus numbers, which firmware gives. So
 * the tables are made again when firmware has numbered the buses and reads
 * them, and _DSM function 5 of the host bridge asks the guest to keep the
 * numbers. Before that there is no RMR.
 *
 * No bus number is trusted here, and none is reported, because a guest can
 * number buses as it likes.
 */
#include "qemu/osdep.h"
#include "hw/acpi/aml-build.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"

#include "smmuv3-accel.h"

/* DEN 0049E.e, table 5 (nodes), and the length of each */
#define NODE_ITS        0
#define NODE_RC         2
#define NODE_SMMUV3     4
#define NODE_RMR        6

#define ITS_SIZE        24
#define RC_SIZE         36
#define SMMUV3_SIZE     68
#define RMR_SIZE        48      /* with one range */
#define RMR_RANGE       28      /* offset of the range */
#define MAPPING_SIZE    20

#define IORT_HEADER     48
#define IORT_E_B        3       /* revision without RMR nodes, as QEMU's own */
#define IORT_E_D        5
#define IORT_E_E        6       /* with SMMUv3 nodes of revision 5 */

#define COHACC_OVERRIDE 1
#define DEVICEID_VALID  (1 << 4)
#define SINGLE_MAPPING  1
#define RMR_REMAP_PERMITTED 1
#define RMR_DEVICE_NGNRE (1 << 2)   /* access attributes are bits 9:2 */

#define SPI_BASE        32      /* of interrupt numbers (GSIV) */
#define ALL_IDS         0x10000

/* StreamIDs @first to @last. */
typedef struct IdRange {
    unsigned first;
    unsigned last;
} IdRange;

typedef struct Iort {
    VirtMachineState *vms;
    GArray *data;
    AcpiTable table;
    GArray *roots;              /* SMMUv3AccelRootBus */
    bool its;
    uint32_t *nodes;            /* by root: its SMMU's offset in the table */
    uint32_t next_id;
    unsigned n_nodes;
    uint8_t revision;           /* lowest that has the nodes so far */
} Iort;

static void accel_acpi_put(Iort *t, uint64_t value, int size)
{
    build_append_int_noprefix(t->data, value, size);
}

static SMMUv3AccelRootBus *accel_acpi_root(const Iort *t, unsigned i)
{
    return smmuv3_accel_topology_root(t->roots, i);
}

static void accel_acpi_need(Iort *t, uint8_t revision)
{
    t->revision = MAX(t->revision, revision);
}

/* Common header of nodes; returns the node's offset in the table. */
static uint32_t accel_acpi_begin_node(Iort *t, int type, unsigned size,
                                      int revision, unsigned mappings)
{
    uint32_t offset = t->data->len - t->table.table_offset;

    accel_acpi_put(t, type, 1);
    accel_acpi_put(t, size + mappings * MAPPING_SIZE, 2);
    accel_acpi_put(t, revision, 1);
    accel_acpi_put(t, t->next_id++, 4);
    accel_acpi_put(t, mappings, 4);
    accel_acpi_put(t, mappings ? size : 0, 4);
    t->n_nodes++;
    return offset;
}

/* Maps IDs to themselves: RequesterID = StreamID = DeviceID. */
static void accel_acpi_put_mapping(Iort *t, IdRange r, uint32_t node)
{
    accel_acpi_put(t, r.first, 4);
    accel_acpi_put(t, r.last - r.first, 4);
    accel_acpi_put(t, r.first, 4);
    accel_acpi_put(t, node, 4);
    accel_acpi_put(t, 0, 4);
}

/* The node's own DeviceID, for which no IDs come in. */
static void accel_acpi_put_own_mapping(Iort *t, uint32_t device_id)
{
    accel_acpi_put(t, 0, 4);
    accel_acpi_put(t, 0, 4);
    accel_acpi_put(t, device_id, 4);
    accel_acpi_put(t, IORT_HEADER, 4);
    accel_acpi_put(t, SINGLE_MAPPING, 4);
}

static void accel_acpi_put_its(Iort *t)
{
    accel_acpi_begin_node(t, NODE_ITS, ITS_SIZE, 1, 0);
    accel_acpi_put(t, 1, 4);            /* number of ITSs */
    accel_acpi_put(t, 0, 4);            /* the ITS: MADT's translation_id */
}

static unsigned accel_acpi_gsiv(const Iort *t, SMMUv3State *s, SMMUIrq irq)
{
    return SPI_BASE + smmuv3_accel_topology_spi(t->vms, s, irq);
}

/* DEN 0049E.e: with GSIVs a DeviceID counts only if a flag says so. */
static uint32_t accel_acpi_put_smmu(Iort *t, SMMUv3State *s)
{
    bool msis = smmuv3_accel_topology_sends_msis(t->vms, s);
    uint32_t node = accel_acpi_begin_node(t, NODE_SMMUV3, SMMUV3_SIZE,
                                          msis ? 5 : 4, t->its + msis);

    accel_acpi_need(t, msis ? IORT_E_E : 0);
    accel_acpi_put(t, smmuv3_accel_topology_mmio(t->vms, s), 8);
    accel_acpi_put(t, COHACC_OVERRIDE | (msis ? DEVICEID_VALID : 0), 4);
    accel_acpi_put(t, 0, 4);
    accel_acpi_put(t, 0, 8);            /* VATOS */
    accel_acpi_put(t, 0, 4);            /* model: generic */
    accel_acpi_put(t, accel_acpi_gsiv(t, s, SMMU_IRQ_EVTQ), 4);
    accel_acpi_put(t, accel_acpi_gsiv(t, s, SMMU_IRQ_PRIQ), 4);
    accel_acpi_put(t, accel_acpi_gsiv(t, s, SMMU_IRQ_GERROR), 4);
    accel_acpi_put(t, accel_acpi_gsiv(t, s, SMMU_IRQ_CMD_SYNC), 4);
    accel_acpi_put(t, 0, 4);            /* proximity domain, not valid */
    accel_acpi_put(t, msis, 4);         /* index of its own mapping */
    if (t->its) {
        accel_acpi_put_mapping(t, (IdRange) { 0, ALL_IDS - 1 }, IORT_HEADER);
    }
    if (msis) {
        accel_acpi_put_own_mapping(t, smmuv3_accel_own_device_id(s));
    }
    return node;
}

static void accel_acpi_put_smmus(Iort *t)
{
    for (unsigned i = 0; i < t->roots->len; i++) {
        if (accel_acpi_root(t, i)->smmu) {
            t->nodes[i] = accel_acpi_put_smmu(t, accel_acpi_root(t, i)->smmu);
        }
    }
}

/* Is there a node for the IDs of this root bus to go to? */
static bool accel_acpi_is_mapped(const Iort *t, const SMMUv3AccelRootBus *r)
{
    return r->end > r->first && (r->smmu || t->its);
}

static bool accel_acpi_any_ats(const Iort *t)
{
    for (unsigned i = 0; i < t->roots->len; i++) {
        if (accel_acpi_root(t, i)->smmu &&
            smmuv3_accel_props_ats(accel_acpi_root(t, i)->smmu)) {
            return true;
        }
    }
    return false;
}

/* The bus of a pxb-pcie is a root complex of its own, in the same segment. */
static void accel_acpi_put_rc(Iort *t)
{
    unsigned mappings = 0;

    for (unsigned i = 0; i < t->roots->len; i++) {
        mappings += accel_acpi_is_mapped(t, accel_acpi_root(t, i));
    }
    accel_acpi_begin_node(t, NODE_RC, RC_SIZE, 3, mappings);
    accel_acpi_put(t, 1, 4);            /* fully coherent */
    accel_acpi_put(t, 0, 1);            /* no allocation hints */
    accel_acpi_put(t, 0, 2);
    accel_acpi_put(t, 3, 1);            /* coherent path, and attributes */
    accel_acpi_put(t, accel_acpi_any_ats(t), 4);
    accel_acpi_put(t, 0, 4);            /* segment */
    accel_acpi_put(t, 64, 1);           /* address bits */
    accel_acpi_put(t, 0, 3);
    for (unsigned i = 0; i < t->roots->len; i++) {
        const SMMUv3AccelRootBus *r = accel_acpi_root(t, i);
        IdRange ids = { r->first << 8, (r->end << 8) - 1 };

        if (accel_acpi_is_mapped(t, r)) {
            accel_acpi_put_mapping(t, ids, r->smmu ? t->nodes[i] : IORT_HEADER);
        }
    }
}

/* ---- Reserved memory ranges ---- */

static gint accel_acpi_by_first(gconstpointer a, gconstpointer b)
{
    const IdRange *x = a, *y = b;

    return (int)x->first - (int)y->first;
}

/* Ranges that touch or overlap become one. */
static void accel_acpi_merge(GArray *ranges)
{
    unsigned kept = 0;

    g_array_sort(ranges, accel_acpi_by_first);
    for (unsigned i = 1; i < ranges->len; i++) {
        IdRange *last = &g_array_index(ranges, IdRange, kept);
        IdRange r = g_array_index(ranges, IdRange, i);

        if (r.first <= last->last + 1) {
            last->last = MAX(last->last, r.last);
        } else {
            g_array_index(ranges, IdRange, ++kept) = r;
        }
    }
    g_array_set_size(ranges, ranges->len ? kept + 1 : 0);
}

/*
 * Adds all IDs that may be below the bridge @dev; none if its bus numbers are
 * not set, or not within those of its root bus.
 */
static void accel_acpi_add_below(GArray *ranges, const SMMUv3AccelRootBus *r,
                                 PCIDevice *dev)
{
    unsigned first = dev->config[PCI_SECONDARY_BUS];
    unsigned last = dev->config[PCI_SUBORDINATE_BUS];
    IdRange ids = { first << 8, last << 8 | 0xff };

    if (first > r->first && first <= last && last < r->end &&
        pci_bus_is_express(pci_bridge_get_sec_bus(PCI_BRIDGE(dev)))) {
        g_array_append_val(ranges, ids);
    }
}

/* The StreamIDs that need the MSI range. */
static GArray *accel_acpi_msi_ids(const SMMUv3AccelRootBus *r)
{
    GArray *ranges = g_array_new(false, false, sizeof(IdRange));

    for (int devfn = 0; devfn < PCI_DEVFN_MAX; devfn++) {
        PCIDevice *dev = r->bus->devices[devfn];
        unsigned id = r->first << 8 | devfn;
        IdRange own = { id, id };

        if (dev && IS_PCI_BRIDGE(dev)) {
            accel_acpi_add_below(ranges, r, dev);
        } else if (dev && smmuv3_accel_is_vfio(dev)) {
            g_array_append_val(ranges, own);
        }
    }
    accel_acpi_merge(ranges);
    return ranges;
}

/*
 * A range that may not be remapped keeps the guest's kernel from giving the
 * device to user space. With the ITS moved it may be remapped, because what the
 * kernel maps there for user space, the guest's doorbell, has that address.
 */
static uint32_t accel_acpi_rmr_flags(void)
{
    return RMR_DEVICE_NGNRE |
           (smmuv3_accel_its_is_moved() ? RMR_REMAP_PERMITTED : 0);
}

static void accel_acpi_put_rmr(Iort *t, GArray *ids, uint32_t smmu)
{
    accel_acpi_need(t, IORT_E_D);
    accel_acpi_begin_node(t, NODE_RMR, RMR_SIZE, 3, ids->len);
    accel_acpi_put(t, accel_acpi_rmr_flags(), 4);
    accel_acpi_put(t, 1, 4);
    accel_acpi_put(t, RMR_RANGE, 4);
    accel_acpi_put(t, smmuv3_accel_msi_range_told()->base, 8);
    accel_acpi_put(t, smmuv3_accel_msi_range_told()->size, 8);
    accel_acpi_put(t, 0, 4);
    for (unsigned i = 0; i < ids->len; i++) {
        accel_acpi_put_mapping(t, g_array_index(ids, IdRange, i), smmu);
    }
}

static void accel_acpi_put_rmrs(Iort *t)
{
    for (unsigned i = 0; i < t->roots->len; i++) {
        const SMMUv3AccelRootBus *r = accel_acpi_root(t, i);
        g_autoptr(GArray) ids = NULL;

        if (!r->smmu || !r->smmu->accel) {
            continue;
        }
        ids = accel_acpi_msi_ids(r);
        if (ids->len) {
            accel_acpi_put_rmr(t, ids, t->nodes[i]);
        }
    }
}

/* ---- Hooks ---- */

/* Sets the revision and the number of nodes, which are known in the end. */
static void accel_acpi_finish(Iort *t, BIOSLinker *linker)
{
    uint8_t *table = (uint8_t *)t->data->data + t->table.table_offset;

    table[8] = t->revision;
    stl_le_p(table + 36, t->n_nodes);
    acpi_table_end(linker, &t->table);
}

void smmuv3_accel_build_iort(VirtMachineState *vms, GArray *table_data,
                             BIOSLinker *linker)
{
    Iort t = {
        .vms = vms, .data = table_data,
        .table = { .sig = "IORT", .rev = IORT_E_B, .oem_id = vms->oem_id,
                   .oem_table_id = vms->oem_table_id },
        .roots = smmuv3_accel_topology_roots(vms),
        .its = vms->msi_controller == VIRT_MSI_CTRL_ITS,
        .revision = IORT_E_B,
    };

    t.nodes = g_new0(uint32_t, t.roots->len);
    acpi_table_begin(&t.table, table_data);
    accel_acpi_put(&t, 0, 4);           /* nodes, see accel_acpi_finish() */
    accel_acpi_put(&t, IORT_HEADER, 4);
    accel_acpi_put(&t, 0, 4);
    if (t.its) {
        accel_acpi_put_its(&t);
    }
    accel_acpi_put_smmus(&t);
    accel_acpi_put_rc(&t);
    accel_acpi_put_rmrs(&t);
    accel_acpi_finish(&t, linker);
    g_free(t.nodes);
    g_array_free(t.roots, true);
}

/* DEN 0049E.d, 3.1.1.5: because StreamIDs in an RMR have to stay valid. */
bool smmuv3_accel_keeps_pci_config(PCIBus *bus)
{
    VirtMachineState *vms = VIRT_MACHINE(qdev_get_machine());
    g_autoptr(GArray) roots = smmuv3_accel_topology_roots(vms);

    for (unsigned i = 0; i < roots->len; i++) {
        const SMMUv3AccelRootBus *r = smmuv3_accel_topology_root(roots, i);

        if (r->bus == bus) {
            return r->smmu && r->smmu->accel;
        }
    }
    return false;
}
