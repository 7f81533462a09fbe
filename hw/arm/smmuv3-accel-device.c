/*
 * arm-smmuv3,accel=on: a host device, as the engine asks for it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The device is the cookie that smmuv3-accel-pci.c gives to the engine. Here
 * are its present StreamID, and the message when the host refuses its
 * configuration.
 */
#include "qemu/osdep.h"
#include <glib-unix.h>
#include "qemu/error-report.h"
#include "hw/pci/pci_bus.h"
#include "trace.h"

#include "smmuv3-accel.h"

SMMUv3AccelDevice *smmuv3_accel_device_find(SMMUv3Accel *a, PCIBus *bus,
                                            int devfn)
{
    for (guint i = 0; i < a->devices.all->len; i++) {
        SMMUv3AccelDevice *d = g_ptr_array_index(a->devices.all, i);

        if (d->bus == bus && d->devfn == devfn) {
            return d;
        }
    }
    return NULL;
}

SMMUv3AccelDevice *smmuv3_accel_device_new(SMMUv3Accel *a, PCIBus *bus,
                                           int devfn)
{
    SMMUv3AccelDevice *d = g_new0(SMMUv3AccelDevice, 1);

    d->accel = a;
    d->bus = bus;
    d->devfn = devfn;
    g_ptr_array_add(a->devices.all, d);
    return d;
}

void smmuv3_accel_device_free(SMMUv3AccelDevice *d)
{
    g_ptr_array_remove(d->accel->devices.all, d);
    g_free(d->name);
    g_free(d);
}

/* The guest gives bus numbers; below a bridge 0 is one not given yet. */
bool smmuv3_accel_device_vsid(void *accel, void *cookie, uint32_t *vsid)
{
    SMMUv3AccelDevice *d = cookie;
    int bus_num = pci_bus_num(d->bus);

    *vsid = PCI_BUILD_BDF(bus_num, d->devfn);
    return bus_num || pci_bus_is_root(d->bus);
}

/*
 * 0 if it cannot be read, because the guest has switched decoding off, or the
 * device is gone. The kernel reads it, because a load would end QEMU then.
 */
static uint64_t accel_device_msix_address(const void *entry)
{
    uint64_t address = 0;
    int fds[2];

    if (!g_unix_open_pipe(fds, FD_CLOEXEC, NULL)) {
        return 0;
    }
    if (write(fds[1], entry, sizeof(address)) != sizeof(address) ||
        read(fds[0], &address, sizeof(address)) != sizeof(address)) {
        address = 0;
    }
    close(fds[0]);
    close(fds[1]);
    return le64_to_cpu(address);
}

/* Once an address is there that Linux may have put there, it stays. */
void smmuv3_accel_device_check_doorbell(SMMUv3AccelDevice *d,
                                        const void *entry)
{
    const SMMUv3AccelMsiRange *range = smmuv3_accel_msi_range_told();
    uint64_t address, guest = d->accel->smmu->msi_gpa;

    if (d->doorbell_checked) {
        return;
    }
    address = accel_device_msix_address(entry);
    if (address - range->base >= range->size) {
        return;
    }
    d->doorbell_checked = true;
    if (address != guest) {
        warn_report("%s: the host maps the MSI doorbell of %s at 0x%" PRIx64
                    ", and the guest's is at 0x%" PRIx64 ": user space of a"
                    " guest whose pages do not reach from one to the other"
                    " gets no interrupts. Devices whose interrupts pass another"
                    " ITS of the host need an arm-smmuv3, and an iommufd"
                    " object, of their own", d->accel->name, d->name, address,
                    guest);
    }
}

/* The ioctl of a call at which a new configuration may fail. */
static const char *accel_device_name_of_call(SMMUv3HostCall call)
{
    switch (call) {
    case SMMUV3_CALL_VDEVICE_ALLOC:
        return "IOMMU_VDEVICE_ALLOC";
    case SMMUV3_CALL_HWPT_ALLOC:
        return "IOMMU_HWPT_ALLOC";
    case SMMUV3_CALL_DETACH:
        return "VFIO_DEVICE_DETACH_IOMMUFD_PT";
    default:
        return "VFIO_DEVICE_ATTACH_IOMMUFD_PT";
    }
}

/* Warns once for each device, because a guest that repeats it fills a log. */
void smmuv3_accel_device_failed(void *accel, void *cookie,
                                SMMUv3HostCall call, int err)
{
    SMMUv3AccelDevice *d = cookie;

    trace_smmuv3_accel_stream_failed(d->accel->name, d->name, err);
    if (!d->failure_told) {
        d->failure_told = true;
        warn_report("%s: the host refused the guest's configuration of %s"
                    " (%s: %s); its DMA is blocked until the guest gives"
                    " another. This is said once for each device",
                    d->accel->name, d->name, accel_device_name_of_call(call),
                    strerror(-err));
    }
}
