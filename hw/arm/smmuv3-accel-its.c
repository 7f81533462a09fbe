/*
 * arm-smmuv3 on the virt machine: its-msi-iova=on, an ITS at the address that
 * Linux maps the doorbell of MSIs at.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * User space of the guest (VFIO there) gets the MSIs of a passed-through device
 * only if three addresses are one: the IOVA that the host's kernel has put into
 * the device, the IOVA that the guest's kernel maps in the domain of its user
 * space, and the guest-physical address that it maps there, which is that of
 * its ITS. The first two are MSI_IOVA_BASE of Linux. So the ITS moves there:
 *
 *   0x07ff0000   GITS_CTLR ...      over the last 64 KiB of the second flash
 *   0x08000000   GITS_TRANSLATER    where the distributor is otherwise
 *   0x08010000   the distributor    where GICv2 has its CPU interface
 *
 * The flash devices keep their size, because an image has to have its device's
 * size. Firmware and the guest are told of a second flash that ends one sector
 * earlier, so that they put nothing where the ITS is.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/units.h"
#include "hw/intc/arm_gicv3_its_common.h"
#include "hw/qdev-core.h"
#include "qapi/error.h"

#include "smmuv3-accel.h"

#define ITS_BASE        (SMMUV3_ACCEL_MSI_IOVA - 64 * KiB)
#define DIST_BASE       (SMMUV3_ACCEL_MSI_IOVA + 64 * KiB)
#define FLASH_SECTOR    (256 * KiB)

/* There is one machine. */
static bool moved;

bool smmuv3_accel_its_is_moved(void)
{
    return moved;
}

hwaddr smmuv3_accel_its_covers_flash(void)
{
    return moved ? FLASH_SECTOR : 0;
}

static bool accel_its_get(Object *obj, Error **errp)
{
    return moved;
}

static void accel_its_set(Object *obj, bool value, Error **errp)
{
    if (phase_check(PHASE_MACHINE_INITIALIZED)) {
        error_setg(errp, "its-msi-iova cannot be changed any more, because the"
                   " ITS has its place");
        return;
    }
    moved = value;
}

void smmuv3_accel_its_class_init(ObjectClass *oc)
{
    object_class_property_add_bool(oc, "its-msi-iova", accel_its_get,
                                   accel_its_set);
    object_class_property_set_description(oc, "its-msi-iova",
        "Put the ITS where Linux maps the doorbell of MSIs, for VFIO in a"
        " guest behind an arm-smmuv3 with accel=on");
}

static bool accel_its_is_there(const VirtMachineState *vms)
{
    const char *its = its_class_name();

    return vms->gic_version != VIRT_GIC_VERSION_2 && vms->its && its &&
           (strcmp(its, "arm-gicv3-its") || vms->tcg_its);
}

static void accel_its_end(const char *remedy)
{
    error_printf("%s, or drop its-msi-iova=on.\n", remedy);
    exit(EXIT_FAILURE);
}

void smmuv3_accel_its_place(VirtMachineState *vms)
{
    if (!moved) {
        return;
    }
    if (!accel_its_is_there(vms)) {
        error_report("its-msi-iova=on moves the ITS, and this machine has none");
        accel_its_end("Give the machine one (gic-version=3, its=on)");
    }
    /* Secure firmware has addresses of the distributor built in. */
    if (vms->secure) {
        error_report("its-msi-iova=on moves the distributor, which firmware of"
                     " the Secure state expects where it is otherwise");
        accel_its_end("Drop secure=on");
    }
    vms->memmap[VIRT_GIC_ITS].base = ITS_BASE;
    vms->memmap[VIRT_GIC_DIST].base = DIST_BASE;
}

void smmuv3_accel_its_check_use(bool accelerated, bool tree_alone)
{
    if (!moved) {
        return;
    }
    if (!accelerated) {
        error_report("its-msi-iova=on is for arm-smmuv3 with accel=on, and this"
                     " machine has none");
        accel_its_end("Add one");
    }
    if (tree_alone) {
        warn_report("its-msi-iova=on: this guest learns from a device tree"
                    " that the range of MSIs is mapped one to one, and Linux"
                    " then refuses VFIO all the same; start it by UEFI, with"
                    " ACPI");
    }
}
