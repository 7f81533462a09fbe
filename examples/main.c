/*
 * vmm-example [CDEV]: the life of a device behind the engine, step by step.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Without an argument the host is made up (host-spy.c). With the cdev of a
 * device that vfio-pci has (/dev/vfio/devices/vfio0) the host is this machine's
 * kernel and SMMU. Prints TAP, and every request to the host. Exit status 1: a
 * check failed.
 */
#include <stdio.h>

#include <glib.h>

#include "smmuv3/registers.h"
#include "vmm.h"

#define RID 8                   /* 00:01.0 */

static unsigned number, failed;

static void check(bool ok, const char *what)
{
    printf("%s %u - %s\n", ok ? "ok" : "not ok", ++number, what);
    failed += !ok;
}

static bool is(const Vmm *vmm, SMMUv3StreamKind kind)
{
    SMMUv3DeviceInfo info;

    smmuv3_engine_device_info(vmm->plugged, &info);
    return info.kind == kind;
}

static bool no_errors(Vmm *vmm)
{
    return vmm_mmio_read(vmm, SMMUV3_REG_GERROR, 4) ==
           vmm_mmio_read(vmm, SMMUV3_REG_GERRORN, 4);
}

static void the_guest_boots(Vmm *vmm)
{
    guest_enable(vmm);
    check(vmm_mmio_read(vmm, SMMUV3_REG_CR0ACK, 4) ==
          (SMMUV3_CR0_SMMUEN | SMMUV3_CR0_CMDQEN | SMMUV3_CR0_EVENTQEN),
          "the guest's driver switched the SMMU on");
    check(is(vmm, SMMUV3_STREAM_ABORT),
          "without an STE the device's DMA aborts");
    guest_translate(vmm, RID);
    check(is(vmm, SMMUV3_STREAM_TRANSLATE) && spy_seen()->translate == 1,
          "CMD_CFGI_STE put it on the guest's tables");
    check(spy_seen()->vdevices == 1 && spy_seen()->vsid == RID,
          "the host knows the guest's StreamID");
}

static void the_guest_unmaps(Vmm *vmm)
{
    Seen before = *spy_seen();

    guest_unmap(vmm, 64);
    check(spy_seen()->invalidate_calls == before.invalidate_calls + 1 &&
          spy_seen()->commands > before.commands &&
          spy_seen()->commands < before.commands + 64,
          "64 invalidations were one call, merged");
}

static void the_guest_errs(Vmm *vmm)
{
    SMMUv3EventRecord event = { 0 };
    unsigned irqs;

    while (guest_next_event(vmm, &event)) {
        /* Drops the events of DMA that failed before. */
    }
    irqs = vmm->irqs[SMMUV3_IRQ_EVENTQ];
    guest_break_ste(vmm, RID);
    check(is(vmm, SMMUV3_STREAM_ABORT), "an illegal STE aborts");
    check(guest_next_event(vmm, &event) &&
          SMMUV3_GET(SMMUV3_EVENT0_TYPE, event.dw[0]) ==
          SMMUV3_EVENT_C_BAD_STE &&
          SMMUV3_GET(SMMUV3_EVENT0_SID, event.dw[0]) == RID &&
          vmm->irqs[SMMUV3_IRQ_EVENTQ] == irqs + 1,
          "and the guest is told, with one interrupt");
    check(no_errors(vmm), "no command was an error");
}

static void the_guest_reboots(Vmm *vmm, const Host *host)
{
    vmm_reset(vmm);
    check(is(vmm, SMMUV3_STREAM_BYPASS) &&
          spy_seen()->attached == host->parent,
          "after reset the device bypasses stage 1");
}

static void dma(Vmm *vmm, const Host *host, bool mapped)
{
    if (!edu_found(host)) {
        return;
    }
    if (mapped) {
        check(edu_copies_through_the_iommu(vmm, host),
              "DMA goes through the guest's tables");
    } else {
        check(edu_fault_is_reported(vmm, host),
              "DMA to what is unmapped faults, and the guest is told");
    }
}

/* Counts no parent, because the VMM has made it, and keeps it. */
static void the_device_goes(Vmm *vmm)
{
    vmm_unplug(vmm);
    check(spy_seen()->made > 0 && spy_seen()->destroyed == spy_seen()->made,
          "unplugged: nothing of it is left at the host");
}

int main(int argc, char **argv)
{
    Host host = { .iommufd = { -1 }, .device = { .device_fd = -1 }, .parent = 1 };
    Vmm vmm;

    setvbuf(stdout, NULL, _IOLBF, 0);
    vmm_init(&vmm);
    if (argc > 1) {
        if (!host_open(&host, argv[1], vmm.ram)) {
            return 1;
        }
        spy_on(&smmuv3_iommufd_ops);
    }
    if (!vmm_plug(&vmm, &spy_ops, &host, RID)) {
        return 1;
    }
    check(is(&vmm, SMMUV3_STREAM_BYPASS), "plugged: stage 1 is off");
    the_guest_boots(&vmm);
    dma(&vmm, &host, true);
    the_guest_unmaps(&vmm);
    dma(&vmm, &host, false);
    the_guest_errs(&vmm);
    the_guest_reboots(&vmm, &host);
    the_device_goes(&vmm);
    vmm_destroy(&vmm);
    printf("1..%u\n", number);
    return failed ? 1 : 0;
}
