/*
 * DMA by QEMU's edu device (docs/specs/edu.rst of QEMU), by way of VFIO.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The device copies on request. Its reads and writes by IOVA go through the
 * guest's stage 1 and the host's stage 2, in the hardware.
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "vmm.h"

#define EDU_ID          0x11e81234
#define EDU_DMA_SRC     0x80
#define EDU_DMA_DST     0x88
#define EDU_DMA_COUNT   0x90
#define EDU_DMA_CMD     0x98
#define EDU_BUFFER      0x40000
#define CMD_START       1
#define CMD_TO_RAM      2
#define PCI_COMMAND     4
#define PCI_MEMORY_AND_MASTER 6

#define F_TRANSLATION   0x10    /* Arm IHI 0070 7.3.13 */

static uint64_t region(const Host *host, unsigned index)
{
    struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

    return ioctl(host->device.device_fd, VFIO_DEVICE_GET_REGION_INFO, &info)
           ? 0 : info.offset;
}

bool edu_found(const Host *host)
{
    uint32_t id = 0;

    return pread(host->device.device_fd, &id, sizeof(id),
                 region(host, VFIO_PCI_CONFIG_REGION_INDEX)) == sizeof(id) &&
           id == EDU_ID;
}

static bool set(const Host *host, unsigned offset, uint32_t value)
{
    uint64_t bar = region(host, VFIO_PCI_BAR0_REGION_INDEX);

    return pwrite(host->device.device_fd, &value, sizeof(value),
                  bar + offset) == sizeof(value);
}

static bool busy(const Host *host)
{
    uint64_t bar = region(host, VFIO_PCI_BAR0_REGION_INDEX);
    uint32_t cmd = 0;

    return pread(host->device.device_fd, &cmd, sizeof(cmd),
                 bar + EDU_DMA_CMD) == sizeof(cmd) && (cmd & CMD_START);
}

/* Waits for ten seconds at the most; the device takes a tenth of one. */
static bool copy(const Host *host, uint32_t from, uint32_t to, uint32_t count,
                 uint32_t direction)
{
    if (!set(host, EDU_DMA_SRC, from) || !set(host, EDU_DMA_DST, to) ||
        !set(host, EDU_DMA_COUNT, count) ||
        !set(host, EDU_DMA_CMD, CMD_START | direction)) {
        return false;
    }
    for (unsigned i = 0; i < 1000 && busy(host); i++) {
        usleep(10000);
    }
    return !busy(host);
}

static bool enable(const Host *host)
{
    uint16_t command = PCI_MEMORY_AND_MASTER;

    return pwrite(host->device.device_fd, &command, sizeof(command),
                  region(host, VFIO_PCI_CONFIG_REGION_INDEX) + PCI_COMMAND) ==
           sizeof(command);
}

/* IOVA -> the device -> IOVA. Fails if the page table is not walked. */
bool edu_copies_through_the_iommu(Vmm *vmm, const Host *host)
{
    static const char text[] = "this went through the guest's stage 1";
    char *from = (char *)vmm->ram + (IPA_BUFFER - RAM_BASE);
    char *to = from + 4096;

    strcpy(from, text);
    return enable(host) &&
           copy(host, IOVA_BUFFER, EDU_BUFFER, sizeof(text), 0) &&
           copy(host, EDU_BUFFER, IOVA_BUFFER + 4096, sizeof(text),
                CMD_TO_RAM) &&
           !strcmp(to, text);
}

/* After guest_unmap(): a fault, reported with the guest's StreamID and IOVA. */
bool edu_fault_is_reported(Vmm *vmm, const Host *host)
{
    SMMUv3EventRecord event;

    copy(host, IOVA_BUFFER, EDU_BUFFER, 4, 0);
    for (unsigned i = 0; i < 100; i++) {
        if (guest_next_event(vmm, &event)) {
            printf("# guest: event 0x%02x of StreamID 0x%x at 0x%" PRIx64 "\n",
                   (unsigned)SMMUV3_GET(SMMUV3_EVENT0_TYPE, event.dw[0]),
                   (unsigned)SMMUV3_GET(SMMUV3_EVENT0_SID, event.dw[0]),
                   event.dw[2]);
            return SMMUV3_GET(SMMUV3_EVENT0_TYPE, event.dw[0]) ==
                   F_TRANSLATION &&
                   SMMUV3_GET(SMMUV3_EVENT0_SID, event.dw[0]) == vmm->rid &&
                   event.dw[2] == IOVA_BUFFER;
        }
        vmm_main_loop(vmm, 100);
    }
    return false;
}
