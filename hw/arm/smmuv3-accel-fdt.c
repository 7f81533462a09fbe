/*
 * arm-smmuv3 in the device tree, for a guest that is started with -kernel. For
 * one that firmware starts see smmuv3-accel-acpi.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tree is completed at machine-done time, when every device has its
 * place. It describes:
 *  - each instance, as an arm,smmu-v3 node, and the root bus it serves, with
 *    an iommu-map;
 *  - the extra root buses of pxb-pcie devices, which QEMU leaves to firmware:
 *    each gets a pci-host-ecam-generic node and a share of the windows;
 *  - behind an accelerated instance, the range that the host's kernel uses
 *    for the physical MSI doorbell, which the guest has to map one to one: a
 *    reserved-memory node with iommu-addresses for each endpoint. Functions
 *    that may be plugged while the guest runs are in the tree as well, because
 *    Linux takes the range from the function's own node
 *    (accel_fdt_add_bus_nodes()).
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/units.h"
#include "hw/arm/fdt.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie_host.h"
#include "system/device_tree.h"

#include <libfdt.h>

#include "smmuv3-accel.h"

/* What an empty port may take: a device, or a port with a device. */
#define PLUG_LEVELS 2

/* Bytes for later nodes: regions, memory, /chosen with the command line. */
#define TREE_SPARE  (64 * KiB)

/* The tree being completed. */
typedef struct Tree {
    VirtMachineState *vms;
    void *fdt;
    GArray *roots;          /* SMMUv3AccelRootBus, by ascending bus number */
    uint32_t msi_region;    /* phandle; 0: not made yet */
    GArray *msi_addresses;  /* msi_region's iommu-addresses, big-endian */
} Tree;

/* The SMMU's node; returns its phandle. */
static uint32_t accel_fdt_add_smmu_node(const Tree *t, SMMUv3State *s)
{
    hwaddr base = smmuv3_accel_topology_mmio(t->vms, s);
    static const char names[] = "eventq\0priq\0cmdq-sync\0gerror";
    uint32_t phandle = qemu_fdt_alloc_phandle(t->fdt);
    g_autofree char *node = g_strdup_printf("/smmuv3@%" PRIx64, base);
    uint32_t irqs[4][3];

    for (int i = 0; i < ARRAY_SIZE(irqs); i++) {
        irqs[i][0] = cpu_to_be32(GIC_FDT_IRQ_TYPE_SPI);
        irqs[i][1] = cpu_to_be32(smmuv3_accel_topology_spi(t->vms, s, i));
        irqs[i][2] = cpu_to_be32(GIC_FDT_IRQ_FLAGS_EDGE_LO_HI);
    }
    qemu_fdt_add_subnode(t->fdt, node);
    qemu_fdt_setprop_string(t->fdt, node, "compatible", "arm,smmu-v3");
    qemu_fdt_setprop_sized_cells(t->fdt, node, "reg", 2, base, 2,
                                 memory_region_size(&s->smmu_state.iomem));
    qemu_fdt_setprop(t->fdt, node, "interrupts", irqs, sizeof(irqs));
    qemu_fdt_setprop(t->fdt, node, "interrupt-names", names, sizeof(names));
    qemu_fdt_setprop(t->fdt, node, "dma-coherent", NULL, 0);
    qemu_fdt_setprop_cell(t->fdt, node, "#iommu-cells", 1);
    if (smmuv3_accel_topology_sends_msis(t->vms, s)) {
        qemu_fdt_setprop_cells(t->fdt, node, "msi-parent", t->vms->msi_phandle,
                               smmuv3_accel_own_device_id(s));
    }
    qemu_fdt_setprop_cell(t->fdt, node, "phandle", phandle);
    return phandle;
}

/* One entry of iommu-addresses: phandle, PCI address (3 cells), size (2). */
static void accel_fdt_reserve_msi_range(Tree *t, uint32_t phandle)
{
    const SMMUv3AccelMsiRange *range = smmuv3_accel_msi_range_told();
    uint32_t entry[] = {
        cpu_to_be32(phandle), 0,
        cpu_to_be32(range->base >> 32), cpu_to_be32(range->base),
        cpu_to_be32(range->size >> 32), cpu_to_be32(range->size),
    };

    g_array_append_vals(t->msi_addresses, entry, ARRAY_SIZE(entry));
}

/*
 * The nodes of PCI functions can fill the tree. That is found here, because
 * code that adds to it later would end QEMU with an error of libfdt.
 */
static void accel_fdt_check_room(const Tree *t)
{
    uint32_t used = fdt_off_dt_strings(t->fdt) + fdt_size_dt_strings(t->fdt);
    uint32_t wanted = t->msi_addresses->len * sizeof(uint32_t) + TREE_SPARE;

    if (fdt_totalsize(t->fdt) < used + wanted) {
        error_report("arm-smmuv3: the device tree has no room for all PCI"
                     " functions that these ports can take");
        error_printf("Give fewer ports behind accel=on, or hotplug=off to"
                     " those where nothing will be plugged.\n");
        exit(EXIT_FAILURE);
    }
}

static char *accel_fdt_add_pci_node(const Tree *t, const char *parent,
                                    const char *name, PCIBus *bus, int devfn)
{
    g_autofree char *function = PCI_FUNC(devfn)
                                ? g_strdup_printf(",%x", PCI_FUNC(devfn))
                                : g_strdup("");
    char *node = g_strdup_printf("%s/%s@%x%s", parent, name, PCI_SLOT(devfn),
                                 function);
    /* Buses below bridges get their numbers from the guest. */
    unsigned bus_num = bus && pci_bus_is_root(bus) ? pci_bus_num(bus) : 0;

    accel_fdt_check_room(t);
    qemu_fdt_add_subnode(t->fdt, node);
    qemu_fdt_setprop_cells(t->fdt, node, "reg",
                           PCI_BUILD_BDF(bus_num, devfn) << 8, 0, 0, 0, 0);
    return node;
}

static void accel_fdt_make_endpoint(Tree *t, const char *node)
{
    uint32_t phandle = qemu_fdt_alloc_phandle(t->fdt);

    if (!t->msi_region) {
        t->msi_region = qemu_fdt_alloc_phandle(t->fdt);
    }
    qemu_fdt_setprop_cell(t->fdt, node, "phandle", phandle);
    qemu_fdt_setprop_cell(t->fdt, node, "memory-region", t->msi_region);
    accel_fdt_reserve_msi_range(t, phandle);
}

static void accel_fdt_make_bridge(const Tree *t, const char *node)
{
    qemu_fdt_setprop_string(t->fdt, node, "device_type", "pci");
    qemu_fdt_setprop_cell(t->fdt, node, "#address-cells", 3);
    qemu_fdt_setprop_cell(t->fdt, node, "#size-cells", 2);
    qemu_fdt_setprop(t->fdt, node, "ranges", NULL, 0);
}

/* The bus below @dev; NULL if vfio-pci cannot be on it. */
static PCIBus *accel_fdt_bus_below(PCIDevice *dev)
{
    PCIBus *bus = dev && IS_PCI_BRIDGE(dev)
                  ? pci_bridge_get_sec_bus(PCI_BRIDGE(dev)) : NULL;

    return bus && pci_bus_is_express(bus) ? bus : NULL;
}

static int accel_fdt_unused_devfn(const PCIBus *bus)
{
    int devfn = PCI_DEVFN_MAX - 1;

    while (bus && devfn > 0 && bus->devices[devfn]) {
        devfn--;
    }
    return devfn;
}

/*
 * Linux refuses a virtio device whose node has more than one child
 * (virtio_device_of_init()), and a virtio device may take a bridge's place.
 * Linux looks for functions inside of a node of this name as well
 * (of_pci_find_child_device()).
 */
static char *accel_fdt_add_only_child(const Tree *t, const char *parent,
                                      PCIBus *bus)
{
    char *node = accel_fdt_add_pci_node(t, parent, "multifunc-device", bus,
                                        accel_fdt_unused_devfn(bus));

    qemu_fdt_setprop_cell(t->fdt, node, "#address-cells", 3);
    qemu_fdt_setprop_cell(t->fdt, node, "#size-cells", 2);
    return node;
}

static void accel_fdt_add_bus_nodes(Tree *t, const char *parent, PCIBus *bus,
                                    unsigned levels);

/* The node of @dev, NULL if there is none yet, at @devfn; @levels as below. */
static void accel_fdt_add_function_node(Tree *t, const char *parent,
                                        PCIBus *bus, int devfn, PCIDevice *dev,
                                        unsigned levels)
{
    g_autofree char *node = NULL;
    PCIBus *child = accel_fdt_bus_below(dev);
    unsigned below = PCI_FUNC(devfn) == 0 && levels ? levels - 1 : 0;

    if (child && qbus_is_hotpluggable(BUS(child))) {
        below = PLUG_LEVELS;
    }
    if (!levels && !child && !smmuv3_accel_is_vfio(dev)) {
        return;
    }
    node = accel_fdt_add_pci_node(t, parent, "pci", bus, devfn);
    if (levels || !child) {
        accel_fdt_make_endpoint(t, node);
    }
    if (below || child) {
        g_autofree char *only_child = NULL;

        accel_fdt_make_bridge(t, node);
        if (levels) {
            only_child = accel_fdt_add_only_child(t, node, child);
        }
        accel_fdt_add_bus_nodes(t, levels ? only_child : node, child, below);
    }
}

/*
 * Adds the functions on @bus (NULL: there is no bus yet). With @levels 1 it
 * adds all that can be plugged into a port's only slot, eight functions; with 2
 * also a port as function 0, with the functions behind it. A device that is
 * there now may go, so each function gets the node of whatever its slot can
 * take. Ports may be plugged into ports without end; the tree has one level of
 * them. QEMU plugs nothing behind the upstream port of a switch.
 */
static void accel_fdt_add_bus_nodes(Tree *t, const char *parent, PCIBus *bus,
                                    unsigned levels)
{
    for (int devfn = 0; devfn < PCI_DEVFN_MAX; devfn++) {
        PCIDevice *dev = bus ? bus->devices[devfn] : NULL;
        unsigned here = PCI_SLOT(devfn) == 0 ? levels : 0;

        if (dev || here) {
            accel_fdt_add_function_node(t, parent, bus, devfn, dev, here);
        }
    }
}

static void accel_fdt_add_msi_region(Tree *t)
{
    const SMMUv3AccelMsiRange *range = smmuv3_accel_msi_range_told();
    g_autofree char *node = g_strdup_printf("/reserved-memory/msi@%" PRIx64,
                                            range->base);

    if (!t->msi_region) {
        return;
    }
    if (fdt_path_offset(t->fdt, "/reserved-memory") < 0) {
        qemu_fdt_add_subnode(t->fdt, "/reserved-memory");
        qemu_fdt_setprop_cell(t->fdt, "/reserved-memory", "#address-cells", 2);
        qemu_fdt_setprop_cell(t->fdt, "/reserved-memory", "#size-cells", 2);
        qemu_fdt_setprop(t->fdt, "/reserved-memory", "ranges", NULL, 0);
    }
    qemu_fdt_add_subnode(t->fdt, node);
    qemu_fdt_setprop_sized_cells(t->fdt, node, "reg",
                                 2, range->base, 2, range->size);
    qemu_fdt_setprop(t->fdt, node, "iommu-addresses", t->msi_addresses->data,
                     t->msi_addresses->len * sizeof(uint32_t));
    qemu_fdt_setprop_cell(t->fdt, node, "phandle", t->msi_region);
}

/* Maps the bus of @r, whose host bridge is @node, to its SMMU. */
static void accel_fdt_map_bus(Tree *t, const SMMUv3AccelRootBus *r,
                              const char *node)
{
    uint32_t phandle;

    if (!r->smmu) {
        return;
    }
    phandle = accel_fdt_add_smmu_node(t, r->smmu);
    qemu_fdt_setprop_cells(t->fdt, node, "iommu-map", r->first << 8, phandle,
                           r->first << 8, (r->end - r->first) << 8);
    /* A property of the host bridge, without which Linux uses no ATS. */
    if (smmuv3_accel_props_ats(r->smmu)) {
        qemu_fdt_setprop(t->fdt, node, "ats-supported", NULL, 0);
    }
    if (r->smmu->accel) {
        accel_fdt_add_bus_nodes(t, node, r->bus, 0);
    }
}

/* A root bus's share of a window */
typedef struct Share {
    hwaddr base, size;
} Share;

/*
 * A share is a power of two, and aligned as BARs are, so that a BAR of half its
 * size fits beside others. The last share has the rest of the window, too.
 */
static Share accel_fdt_share(const MemMapEntry *window, unsigned index,
                             unsigned shares)
{
    hwaddr size = pow2floor(window->size / shares);
    hwaddr offset = index * size;

    return (Share) {
        .base = window->base + offset,
        .size = index == shares - 1 ? window->size - offset : size,
    };
}

static void accel_fdt_set_windows(Tree *t, const char *node, unsigned index,
                                  unsigned shares)
{
    const MemMapEntry *map = t->vms->memmap;
    Share low = accel_fdt_share(&map[VIRT_PCIE_MMIO], index, shares);
    Share high = accel_fdt_share(&map[VIRT_HIGH_PCIE_MMIO], index, shares);
    const MemMapEntry *pio = &map[VIRT_PCIE_PIO];
    uint64_t cells[] = {
        1, FDT_PCI_RANGE_MMIO, 2, low.base, 2, low.base, 2, low.size,
        1, FDT_PCI_RANGE_MMIO_64BIT, 2, high.base, 2, high.base, 2, high.size,
        /* I/O ports stay with pcie.0 */
        1, FDT_PCI_RANGE_IOPORT, 2, 0, 2, pio->base, 2, pio->size,
    };
    unsigned ranges = index ? 2 : 3;

    if (!t->vms->highmem_mmio) {
        memmove(&cells[8], &cells[16], 8 * sizeof(cells[0]));
        ranges--;
    }
    qemu_fdt_setprop_sized_cells_from_array(t->fdt, node, "ranges",
                                            ranges * 4, cells);
}

static void accel_fdt_set_bus_range(Tree *t, const char *node,
                                    const SMMUv3AccelRootBus *r)
{
    hwaddr base = smmuv3_accel_topology_ecam(t->vms, r->first);

    qemu_fdt_setprop_cells(t->fdt, node, "bus-range", r->first, r->end - 1);
    qemu_fdt_setprop_sized_cells(t->fdt, node, "reg", 2, base, 2,
                                 (r->end - r->first) * PCIE_MMCFG_SIZE_MIN);
}

static void accel_fdt_copy_prop(Tree *t, const char *to, const char *prop)
{
    const char *from = t->vms->pciehb_nodename;
    int len;
    const void *value = qemu_fdt_getprop(t->fdt, from, prop, &len, NULL);

    if (value) {
        g_autofree void *copy = g_memdup2(value, len);

        qemu_fdt_setprop(t->fdt, to, prop, copy, len);
    }
}

/* Has pcie.0's interrupt map, because a pxb's pins are swizzled alike. */
static char *accel_fdt_add_pxb_node(Tree *t, const SMMUv3AccelRootBus *r,
                                    unsigned index)
{
    static const char *const same[] = {
        "compatible", "device_type", "#address-cells", "#size-cells",
        "dma-coherent", "msi-map", "#interrupt-cells", "interrupt-map",
        "interrupt-map-mask",
    };
    hwaddr ecam = smmuv3_accel_topology_ecam(t->vms, r->first);
    char *node = g_strdup_printf("/pcie@%" PRIx64, ecam);

    qemu_fdt_add_subnode(t->fdt, node);
    for (int i = 0; i < ARRAY_SIZE(same); i++) {
        accel_fdt_copy_prop(t, node, same[i]);
    }
    /* Linux refuses a second bridge of a domain; bus numbers stay unique. */
    qemu_fdt_setprop_cell(t->fdt, node, "linux,pci-domain", index);
    return node;
}

/* Root buses share the ECAM by bus numbers, and the windows. */
static void accel_fdt_add_root_bus(Tree *t, unsigned index)
{
    const SMMUv3AccelRootBus *r = smmuv3_accel_topology_root(t->roots, index);
    g_autofree char *node = r->bus == t->vms->bus
                            ? g_strdup(t->vms->pciehb_nodename)
                            : accel_fdt_add_pxb_node(t, r, index);

    if (t->roots->len > 1) {
        accel_fdt_set_bus_range(t, node, r);
        accel_fdt_set_windows(t, node, index, t->roots->len);
    }
    accel_fdt_map_bus(t, r, node);
}

void smmuv3_accel_fdt_complete(VirtMachineState *vms, GArray *roots)
{
    Tree t = { .vms = vms, .fdt = MACHINE(vms)->fdt, .roots = roots };

    t.msi_addresses = g_array_new(false, false, sizeof(uint32_t));
    /* Backwards, because a new node is put before the others. */
    for (unsigned i = roots->len; i-- > 0;) {
        const SMMUv3AccelRootBus *r = smmuv3_accel_topology_root(roots, i);

        if (r->end > r->first) {
            accel_fdt_add_root_bus(&t, i);
        }
    }
    accel_fdt_add_msi_region(&t);
    g_array_free(t.msi_addresses, true);
}
