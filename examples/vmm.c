/*
 * The VMM's side of the engine. See vmm.h, and docs/vmm.md for the reasons.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <glib.h>

#include "smmuv3-promise.h"
#include "vmm.h"

/* ---- The engine's callbacks ---- */

/* NULL: the guest has no RAM there, but maybe an MMIO region. */
static void *ram_at(const Vmm *vmm, uint64_t addr, uint64_t len)
{
    uint64_t offset = addr - RAM_BASE;

    return offset < RAM_SIZE && len <= RAM_SIZE - offset
           ? vmm->ram + offset : NULL;
}

static int read_ram(void *opaque, uint64_t addr, void *buf, size_t len)
{
    const void *ram = ram_at(opaque, addr, len);

    if (!ram) {
        return -EFAULT;
    }
    memcpy(buf, ram, len);
    return 0;
}

static int read_words(void *opaque, uint64_t addr, uint64_t *words, size_t n)
{
    const uint64_t *ram = ram_at(opaque, addr, n * sizeof(*words));

    if (!ram) {
        return -EFAULT;
    }
    for (size_t i = 0; i < n; i++) {
        words[i] = __atomic_load_n(&ram[i], __ATOMIC_RELAXED);
    }
    return 0;
}

static void sync_irq(void *opaque)
{
    Vmm *vmm = opaque;

    vmm->sync_irqs++;           /* a VMM pulses its interrupt line */
}

/* A VMM with an ITS also accepts the address of its doorbell here. */
static int send_msi(void *opaque, uint64_t addr, uint32_t data)
{
    uint32_t *ram = ram_at(opaque, addr, sizeof(*ram));

    if (!ram) {
        return -EFAULT;
    }
    __atomic_store_n(ram, GUINT32_TO_LE(data), __ATOMIC_RELEASE);
    return 0;
}

/* Says it once, because a guest can repeat it. */
static void stream_failed(void *opaque, void *cookie, SMMUv3HostCall call,
                          int err)
{
    Vmm *vmm = opaque;

    (void)cookie;
    if (vmm->refused++ == 0) {
        printf("# the host refused (SMMUv3HostCall %d): %s\n", call,
               strerror(-err));
    }
}

/* The cookie is what vmm_plug() gave; here there is one device. */
static bool vsid(void *opaque, void *cookie, uint32_t *out)
{
    const Vmm *vmm = opaque;

    (void)cookie;
    *out = vmm->rid;
    return true;
}

static void watch(void *opaque, int fd)
{
    Vmm *vmm = opaque;

    vmm->events_fd = fd;
}

static void events_failed(void *opaque, int err)
{
    (void)opaque;
    printf("# this host cannot tell of faults: %s\n", strerror(-err));
}

static int write_ram(void *opaque, uint64_t addr, const void *buf, size_t len)
{
    void *ram = ram_at(opaque, addr, len);

    if (!ram) {
        return -EFAULT;
    }
    memcpy(ram, buf, len);
    return 0;
}

static void irq(void *opaque, SMMUv3Irq which)
{
    Vmm *vmm = opaque;

    vmm->irqs[which]++;         /* a VMM pulses its interrupt line */
}

static int64_t now_ms(void)
{
    return g_get_monotonic_time() / 1000;
}

static void resume(void *opaque, unsigned delay_ms)
{
    Vmm *vmm = opaque;

    vmm->resume = true;
    vmm->resume_at = now_ms() + delay_ms;
}

static const SMMUv3FrontendOps frontend_ops = {
    .size = sizeof(SMMUv3FrontendOps),
    .read = read_ram,
    .read_words = read_words,
    .write = write_ram,
    .irq = irq,
    .sync_irq = sync_irq,
    .msi = send_msi,
    .resume = resume,
    .stream_failed = stream_failed,
    .vsid = vsid,
    .watch = watch,
    .events_failed = events_failed,
};

/* ---- The VMM's calls ---- */

static void promise(Vmm *vmm, const SMMUv3HostInfo *info)
{
    SMMUv3Wishes wishes = {
        .ril = SMMUV3_AUTO, .ats = SMMUV3_AUTO,
        .ssidsize = SMMUV3_AUTO, .oas = SMMUV3_AUTO,
    };
    uint32_t idr[6];

    smmuv3_promise(&wishes, info, idr);
    smmuv3_engine_reset(vmm->engine, idr);
}

void vmm_init(Vmm *vmm)
{
    *vmm = (Vmm) { .lock = PTHREAD_MUTEX_INITIALIZER, .events_fd = -1 };
    vmm->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    g_assert(vmm->ram != MAP_FAILED);
    vmm->engine = smmuv3_engine_new(&frontend_ops, vmm);
    g_assert(vmm->engine);
    promise(vmm, NULL);
}

static void explain(const Host *host, const SMMUv3HostInfo *info,
                    SMMUv3Refusal why, int err)
{
    char *nesting, *others;
    unsigned group;

    switch (why) {
    case SMMUV3_REFUSAL_SHARED_GROUP:
        others = smmuv3_iommufd_group_others(&host->device, &group);
        printf("# it shares IOMMU group %u with %s\n", group,
               others ? others : "others");
        g_free(others);
        break;
    case SMMUV3_REFUSAL_NOT_SMMUV3:
    case SMMUV3_REFUSAL_NO_NESTING:
        nesting = smmuv3_iommufd_explain_no_nesting(info, err);
        printf("# the host cannot nest stage 1: %s\n", nesting);
        g_free(nesting);
        break;
    default:
        printf("# refused (SMMUv3Refusal %d): %s\n", why, strerror(-err));
    }
}

bool vmm_plug(Vmm *vmm, const SMMUv3HostOps *ops, Host *host, uint32_t rid)
{
    SMMUv3Plug plug = {
        .ops = ops, .host = &host->iommufd, .dev = &host->device,
        .parent = host->parent, .cookie = host,
    };
    SMMUv3HostInfo info = { 0 };
    SMMUv3Refusal why;
    int ret;

    pthread_mutex_lock(&vmm->lock);
    vmm->rid = rid;
    if (ops->get_info(&host->iommufd, &host->device, &info) == 0) {
        promise(vmm, &info);    /* the guest does not run yet */
    }
    ret = smmuv3_engine_plug(vmm->engine, &plug, &vmm->plugged, &why);
    pthread_mutex_unlock(&vmm->lock);
    if (ret) {
        explain(host, &info, why, ret);
    }
    return ret == 0;
}

/* The guest reboots: all but the promise is as at power-on. */
void vmm_reset(Vmm *vmm)
{
    uint32_t idr[6];

    pthread_mutex_lock(&vmm->lock);
    memcpy(idr, smmuv3_engine_state(vmm->engine)->idr, sizeof(idr));
    vmm->resume = false;
    smmuv3_engine_reset(vmm->engine, idr);
    pthread_mutex_unlock(&vmm->lock);
}

void vmm_unplug(Vmm *vmm)
{
    pthread_mutex_lock(&vmm->lock);
    smmuv3_engine_unplug(vmm->engine, vmm->plugged);
    vmm->plugged = NULL;
    pthread_mutex_unlock(&vmm->lock);
    /* From now on the VMM may close the device's file descriptor. */
}

void vmm_destroy(Vmm *vmm)
{
    smmuv3_engine_free(vmm->engine);
    munmap(vmm->ram, RAM_SIZE);
}

/* Handle a vCPU's exits for accesses to the SMMU's two pages. */
uint64_t vmm_mmio_read(Vmm *vmm, uint64_t offset, unsigned size)
{
    uint64_t value;

    pthread_mutex_lock(&vmm->lock);
    smmuv3_engine_read(vmm->engine, offset, size, &value);
    pthread_mutex_unlock(&vmm->lock);
    return value;
}

void vmm_mmio_write(Vmm *vmm, uint64_t offset, unsigned size, uint64_t value)
{
    pthread_mutex_lock(&vmm->lock);
    smmuv3_engine_write(vmm->engine, offset, size, value);
    pthread_mutex_unlock(&vmm->lock);
}

/* In how many ms commands are to be resumed; -1: none are left. */
static int until_resume(const Vmm *vmm)
{
    return vmm->resume ? MAX(vmm->resume_at - now_ms(), 0) : -1;
}

/* One turn of a VMM's event loop. */
void vmm_main_loop(Vmm *vmm, int timeout_ms)
{
    struct pollfd events = { .fd = vmm->events_fd, .events = POLLIN };

    if (poll(&events, 1, vmm->resume ? until_resume(vmm) : timeout_ms) > 0) {
        pthread_mutex_lock(&vmm->lock);
        smmuv3_engine_host_events(vmm->engine);
        pthread_mutex_unlock(&vmm->lock);
    }
    if (until_resume(vmm) == 0) {
        pthread_mutex_lock(&vmm->lock);
        vmm->resume = false;
        smmuv3_engine_resume(vmm->engine);
        pthread_mutex_unlock(&vmm->lock);
    }
}
