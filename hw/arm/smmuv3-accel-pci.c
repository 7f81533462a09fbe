/*
 * arm-smmuv3,accel=on: the PCI devices behind an instance.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two kinds: vfio-pci on an iommufd, which the host's SMMU serves, and
 * emulated endpoints, which smmuv3-accel-emul.c serves. Bridges are neither,
 * because they send nothing but MSIs. MSIs go to the machine's doorbell,
 * whatever address the guest gave them, because nobody walks the guest's stage
 * 1 for an MSI that KVM injects.
 */
#include "qemu/osdep.h"
#include <sys/sysmacros.h>
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "exec/address-spaces.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/vfio/vfio-common.h"
#include "system/host_iommu_device.h"
#include "trace.h"

#include "smmuv3-accel.h"
#include "smmuv3-decode.h"
#include "smmuv3-iommufd.h"

static bool accel_pci_is_bridge(PCIDevice *dev)
{
    return IS_PCI_BRIDGE(dev) ||
           PCI_DEVICE_GET_CLASS(dev)->class_id == PCI_CLASS_BRIDGE_HOST;
}

static bool accel_pci_accept_vfio(PCIDevice *dev, Error **errp)
{
    ERRP_GUARD();

    if (!object_property_get_link(OBJECT(dev), "iommufd", NULL)) {
        error_setg(errp, "vfio-pci behind an arm-smmuv3 with accel=on needs"
                   " an iommufd");
        error_append_hint(errp, "Add -object iommufd,id=iommufd0 and give the"
                          " device iommufd=iommufd0.\n");
        return false;
    }
    return true;
}

static bool accel_pci_accept_device(PCIBus *bus, void *opaque, int devfn,
                                    PCIDevice *dev, Error **errp)
{
    SMMUv3Accel *a = opaque;

    if (smmuv3_accel_is_vfio(dev)) {
        return accel_pci_accept_vfio(dev, errp);
    }
    if (!accel_pci_is_bridge(dev)) {
        smmuv3_accel_emul_be_present(a);
    }
    return true;
}

static void accel_pci_note_early_device(PCIBus *bus, PCIDevice *dev,
                                        void *opaque)
{
    SMMUv3Accel *a = opaque;

    if (!accel_pci_is_bridge(dev)) {
        smmuv3_accel_emul_be_present(a);
    }
}

/*
 * VFIO gets the guest's memory, which it maps at stage 2. Any other device gets
 * an address space that is translated. So does an empty slot, because a device
 * asks before it is in bus->devices; VFIO asks again afterwards.
 */
static AddressSpace *accel_pci_get_address_space(PCIBus *bus, void *opaque,
                                                 int devfn)
{
    PCIDevice *dev = bus->devices[devfn];

    return dev && smmuv3_accel_is_vfio(dev)
           ? &address_space_memory
           : smmuv3_accel_emul_address_space(opaque, bus, devfn);
}

static void *accel_pci_nesting_owner(PCIBus *bus, void *opaque, int devfn)
{
    return opaque;
}

static bool accel_pci_msi_doorbell(PCIBus *bus, void *opaque, int devfn,
                                   hwaddr *gpa)
{
    SMMUv3Accel *a = opaque;

    *gpa = a->smmu->msi_gpa;
    return *gpa != 0;
}

/* With its-msi-iova=on the guest's user space has to get the MSIs, too. */
static void accel_pci_show_msix_entry(PCIBus *bus, void *opaque, int devfn,
                                      const void *entry)
{
    SMMUv3AccelDevice *d = smmuv3_accel_device_find(opaque, bus, devfn);

    if (d && smmuv3_accel_its_is_moved()) {
        smmuv3_accel_device_check_doorbell(d, entry);
    }
}

/*
 * The device's PASID capability for the guest, whose PASIDs are SubstreamIDs of
 * this SMMU. The host's SMMU driver has enabled PASID if it could, so the
 * guest's tables decide which PASIDs work.
 */
static uint16_t accel_pci_pasid_cap(PCIBus *bus, void *opaque, int devfn)
{
    SMMUv3Accel *a = opaque;
    SMMUv3AccelDevice *d = smmuv3_accel_device_find(a, bus, devfn);
    unsigned bits = d ? smmuv3_decode_pasid_bits(a->promise.idr, &d->info) : 0;

    if (!bits) {
        return 0;
    }
    return bits << 8 |
           (d->info.pasid_exec ? PCI_PASID_CAP_EXEC : 0) |
           (d->info.pasid_priv ? PCI_PASID_CAP_PRIV : 0);
}

static void accel_pci_explain_group(Error **errp, const SMMUv3HostDevice *dev)
{
    ERRP_GUARD();
    unsigned group;
    g_autofree char *others = smmuv3_iommufd_group_others(dev, &group);

    error_setg(errp, "it shares IOMMU group %u with %s, and the host's kernel"
               " gives a group only one translation", group,
               others ? others : "another device");
    error_append_hint(errp, "Plug the device into a slot whose port has ACS,"
                      " or take what shares the group away from the host (echo"
                      " 1 > /sys/bus/pci/devices/ADDRESS/remove).\n");
}

/* Why the engine did not take the device, as an error message. */
static void accel_pci_explain(Error **errp, SMMUv3Accel *a,
                              SMMUv3AccelDevice *d, SMMUv3Refusal why, int err)
{
    ERRP_GUARD();
    g_autofree char *nesting = NULL;

    switch (why) {
    case SMMUV3_REFUSAL_SHARED_GROUP:
        accel_pci_explain_group(errp, &d->host_dev);
        break;
    case SMMUV3_REFUSAL_OTHER_SMMU:
        error_setg(errp, "it sits behind another physical SMMU than the"
                   " devices already behind this arm-smmuv3");
        error_append_hint(errp, "Give it an arm-smmuv3 of its own, with"
                          " primary-bus naming a pxb-pcie of its own.\n");
        break;
    case SMMUV3_REFUSAL_FEATURE:
        smmuv3_accel_props_explain(errp, a, &d->info);
        break;
    case SMMUV3_REFUSAL_INFO:
        error_setg_errno(errp, -err, "IOMMU_GET_HW_INFO failed");
        break;
    case SMMUV3_REFUSAL_NOT_SMMUV3:
    case SMMUV3_REFUSAL_NO_NESTING:
        nesting = smmuv3_iommufd_explain_no_nesting(&d->info, err);
        error_setg(errp, "the host cannot nest stage 1: %s", nesting);
        break;
    default:
        error_setg_errno(errp, -err, "cannot attach the device");
        break;
    }
}

static void accel_pci_promise_again(SMMUv3Accel *a, const SMMUv3HostInfo *info)
{
    if (!a->promise.frozen) {
        smmuv3_accel_props_promise(a, info);
        smmuv3_accel_engine_reset(a);
    }
}

/* Until the guest runs, the first device's host decides the promise. */
static bool accel_pci_show_host(SMMUv3Accel *a, SMMUv3AccelDevice *d,
                                Error **errp)
{
    int ret = smmuv3_iommufd_ops.get_info(&a->devices.host, &d->host_dev,
                                          &d->info);

    if (ret) {
        accel_pci_explain(errp, a, d,
                          ret == -ENODEV ? SMMUV3_REFUSAL_NOT_SMMUV3
                                         : SMMUV3_REFUSAL_INFO,
                          ret);
        return false;
    }
    if (!a->devices.taken) {
        accel_pci_promise_again(a, &d->info);
    }
    return true;
}

/*
 * sysfs is silent where a profile of AppArmor's or SELinux' keeps QEMU from it.
 * The guest was told of a range before the device came, so that it is the best
 * guess.
 */
static bool accel_pci_take_msi_range(SMMUv3AccelDevice *d, Error **errp)
{
    SMMUv3AccelMsiRange range;

    if (!smmuv3_iommufd_msi_range(&d->host_dev, &range.base, &range.size)) {
        range = *smmuv3_accel_msi_range_told();
        warn_report("%s: sysfs does not tell where the host maps the MSI"
                    " doorbell of %s; 0x%" PRIx64 " is taken for granted",
                    d->accel->name, d->name, range.base);
        return true;
    }
    return smmuv3_accel_msi_range_take(&range, errp);
}

static void accel_pci_forget_host(SMMUv3Accel *a)
{
    if (!a->devices.taken) {
        accel_pci_promise_again(a, NULL);
    }
}

static bool accel_pci_engine_add(SMMUv3Accel *a, SMMUv3AccelDevice *d,
                                 SMMUv3HostId parent, Error **errp)
{
    SMMUv3Plug plug = {
        .ops = &smmuv3_iommufd_ops, .host = &a->devices.host,
        .dev = &d->host_dev, .parent = parent, .cookie = d,
    };
    bool first = smmuv3_accel_enter(a);
    SMMUv3Refusal why;
    int ret = smmuv3_engine_plug(a->engine, &plug, &d->engine_dev, &why);

    if (first) {
        smmuv3_accel_release(a);
    }
    if (ret) {
        accel_pci_explain(errp, a, d, why, ret);
    }
    return ret == 0;
}

static bool accel_pci_check_host_device(SMMUv3Accel *a, HostIOMMUDevice *hiod,
                                        PCIBus *bus, int devfn, Error **errp)
{
    ERRP_GUARD();
    VFIODevice *vdev = hiod->agent;

    if (!object_dynamic_cast(OBJECT(hiod),
                             TYPE_HOST_IOMMU_DEVICE_IOMMUFD_VFIO) ||
        !vdev->hwpt) {
        error_setg(errp, "the device has no stage-2 HWPT of an iommufd");
        return false;
    }
    /* Because emulated endpoints beside the device would have its StreamID. */
    if (hiod->aliased_bus != bus || hiod->aliased_devfn != devfn ||
        !pci_bus_is_express(bus)) {
        error_setg(errp, "a PCIe-to-PCI bridge hides the device's StreamID");
        error_append_hint(errp, "Plug it into a pcie-root-port.\n");
        return false;
    }
    if (a->devices.taken && a->devices.backend != vdev->iommufd) {
        error_setg(errp, "it uses another iommufd object than the devices"
                   " already behind this arm-smmuv3");
        error_append_hint(errp, "Give all of them the same iommufd=.\n");
        return false;
    }
    return true;
}

/*
 * The host's PCI address. VFIO does not know it if the device came as a
 * descriptor, as libvirt gives them; sysfs has it by the character device.
 */
static char *accel_pci_host_name(const VFIODevice *vdev)
{
    g_autofree char *path = NULL;
    g_autofree char *target = NULL;
    struct stat st;

    if (!vdev->sysfsdev && fstat(vdev->fd, &st) == 0) {
        path = g_strdup_printf("/sys/dev/char/%u:%u/device", major(st.st_rdev),
                               minor(st.st_rdev));
        target = g_file_read_link(path, NULL);
    }
    return target ? g_path_get_basename(target) : g_strdup(vdev->name);
}

static SMMUv3AccelDevice *accel_pci_begin_device(SMMUv3Accel *a, PCIBus *bus,
                                                 int devfn, VFIODevice *vdev)
{
    SMMUv3AccelDevice *d = smmuv3_accel_device_new(a, bus, devfn);

    a->devices.backend = vdev->iommufd;
    a->devices.host.iommufd = vdev->iommufd->fd;
    d->name = accel_pci_host_name(vdev);
    d->host_dev.device_fd = vdev->fd;
    d->host_dev.dev_id = vdev->devid;
    d->host_dev.sysfs = vdev->sysfsdev;
    return d;
}

static void accel_pci_end_device(SMMUv3AccelDevice *d)
{
    SMMUv3Accel *a = d->accel;

    smmuv3_accel_migrate_unblock(d);
    smmuv3_accel_device_free(d);
    accel_pci_forget_host(a);
}

static bool accel_pci_set_iommu_device(PCIBus *bus, void *opaque, int devfn,
                                       HostIOMMUDevice *hiod, Error **errp)
{
    SMMUv3Accel *a = opaque;
    VFIODevice *vdev = hiod->agent;
    SMMUv3AccelDevice *d;

    if (!accel_pci_check_host_device(a, hiod, bus, devfn, errp)) {
        return false;
    }
    d = accel_pci_begin_device(a, bus, devfn, vdev);
    if (!smmuv3_accel_migrate_block(d, errp) ||
        !accel_pci_show_host(a, d, errp) ||
        !accel_pci_take_msi_range(d, errp) ||
        !accel_pci_engine_add(a, d, vdev->hwpt->hwpt_id, errp)) {
        accel_pci_end_device(d);
        return false;
    }
    a->devices.taken++;
    trace_smmuv3_accel_device(a->name, d->name, "taken");
    return true;
}

static void accel_pci_unset_iommu_device(PCIBus *bus, void *opaque, int devfn)
{
    SMMUv3Accel *a = opaque;
    SMMUv3AccelDevice *d = smmuv3_accel_device_find(a, bus, devfn);
    bool first;

    if (!d) {
        return;
    }
    trace_smmuv3_accel_device(a->name, d->name, "given up");
    first = smmuv3_accel_enter(a);
    smmuv3_engine_unplug(a->engine, d->engine_dev);
    if (first) {
        smmuv3_accel_release(a);
    }
    a->devices.taken--;
    accel_pci_end_device(d);
}

static const PCIIOMMUOps accel_iommu_ops = {
    .get_address_space = accel_pci_get_address_space,
    .set_iommu_device = accel_pci_set_iommu_device,
    .unset_iommu_device = accel_pci_unset_iommu_device,
    .accept_device = accel_pci_accept_device,
    .nesting_owner = accel_pci_nesting_owner,
    .msi_doorbell = accel_pci_msi_doorbell,
    .show_msix_entry = accel_pci_show_msix_entry,
    .pasid_cap = accel_pci_pasid_cap,
};

void smmuv3_accel_pci_setup(SMMUv3Accel *a)
{
    PCIBus *bus = a->smmu->smmu_state.primary_bus;

    a->devices.all = g_ptr_array_new();
    pci_setup_iommu(bus, &accel_iommu_ops, a);
    smmuv3_accel_topology_for_each(bus, accel_pci_note_early_device, a);
}
