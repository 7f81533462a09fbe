/*
 * A port between the engine and another port: prints and counts each request.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Without a port below, it answers for a host that can keep any promise, which
 * shows the requests on a machine without an SMMU. It is also an example of a
 * port that is not IOMMUFD's; smmuv3-host.h is the contract.
 */
#include <errno.h>
#include <stdio.h>

#include <glib.h>

#include "smmuv3/registers.h"
#include "smmuv3/ste.h"
#include "vmm.h"

static const SMMUv3HostOps *below;
static SMMUv3HostId last_id = 100;
static Seen seen;

void spy_on(const SMMUv3HostOps *ops)
{
    below = ops;
}

const Seen *spy_seen(void)
{
    return &seen;
}

static int new_id(SMMUv3HostId *id)
{
    *id = ++last_id;
    return 0;
}

static int get_info(SMMUv3Host *host, SMMUv3HostDevice *dev,
                    SMMUv3HostInfo *info)
{
    if (below) {
        return below->get_info(host, dev, info);
    }
    *info = (SMMUv3HostInfo) {
        .idr = {
            SMMUV3_IDR0_S1P | SMMUV3_IDR0_S2P | SMMUV3_IDR0_ASID16 |
            SMMUV3_PREP(SMMUV3_IDR0_TTF, 2) |
            SMMUV3_PREP(SMMUV3_IDR0_STALL_MODEL, 1),
            SMMUV3_PREP(SMMUV3_IDR1_SIDSIZE, 16),
            0,
            SMMUV3_IDR3_RIL | SMMUV3_IDR3_FWB,
            0,
            SMMUV3_IDR5_GRAN4K | SMMUV3_IDR5_GRAN64K,
        },
        .aidr = 2,
    };
    return 0;
}

static int viommu_alloc(SMMUv3Host *host, SMMUv3HostDevice *dev,
                        SMMUv3HostId parent, SMMUv3HostId *viommu)
{
    int ret = below ? below->viommu_alloc(host, dev, parent, viommu)
                    : new_id(viommu);

    seen.made += !ret;
    printf("# host: vIOMMU on parent %u: %d\n", parent, ret);
    return ret;
}

static int vdevice_alloc(SMMUv3Host *host, SMMUv3HostId viommu,
                         SMMUv3HostDevice *dev, uint32_t vsid,
                         SMMUv3HostId *vdevice)
{
    int ret = below ? below->vdevice_alloc(host, viommu, dev, vsid, vdevice)
                    : new_id(vdevice);

    seen.made += !ret;
    seen.vdevices += !ret;
    seen.vsid = vsid;
    printf("# host: vDEVICE for vSID 0x%x: %d\n", vsid, ret);
    return ret;
}

static int hwpt_alloc(SMMUv3Host *host, SMMUv3HostId viommu,
                      SMMUv3HostDevice *dev, const uint64_t ste[2],
                      SMMUv3HostId *hwpt)
{
    uint64_t word = GUINT64_FROM_LE(ste[0]);
    unsigned config = SMMUV3_GET(SMMUV3_STE0_CONFIG, word);
    int ret = below ? below->hwpt_alloc(host, viommu, dev, ste, hwpt)
                    : new_id(hwpt);

    seen.made += !ret;
    seen.translate += !ret && config == SMMUV3_STE_CONFIG_S1;
    printf("# host: nested HWPT, STE.Config %u, S1ContextPtr 0x%" PRIx64
           ": %d\n", config, word & SMMUV3_STE0_S1CONTEXTPTR, ret);
    return ret;
}

static int attach(SMMUv3Host *host, SMMUv3HostDevice *dev, SMMUv3HostId pt)
{
    int ret = below ? below->attach(host, dev, pt) : 0;

    seen.attached = ret ? seen.attached : pt;
    printf("# host: attach to %u: %d\n", pt, ret);
    return ret;
}

static int detach(SMMUv3Host *host, SMMUv3HostDevice *dev)
{
    int ret = below ? below->detach(host, dev) : 0;

    printf("# host: detach: %d\n", ret);
    return ret;
}

static int invalidate(SMMUv3Host *host, SMMUv3HostId viommu,
                      const SMMUv3Cmd *cmds, uint32_t n, uint32_t *done)
{
    int ret = 0;

    *done = n;
    if (below) {
        ret = below->invalidate(host, viommu, cmds, n, done);
    }
    seen.invalidate_calls++;
    seen.commands += n;
    printf("# host: %u command(s) in one call: %d\n", n, ret);
    for (uint32_t i = 0; i < n; i++) {
        printf("# host:     0x%016" PRIx64 " 0x%016" PRIx64 "\n",
               GUINT64_FROM_LE(cmds[i].dw[0]), GUINT64_FROM_LE(cmds[i].dw[1]));
    }
    return ret;
}

static int veventq_alloc(SMMUv3Host *host, SMMUv3HostId viommu,
                         uint32_t depth, SMMUv3HostId *veventq, int *fd)
{
    int ret = below ? below->veventq_alloc(host, viommu, depth, veventq, fd)
                    : -EOPNOTSUPP;

    seen.made += !ret;
    printf("# host: vEVENTQ for %u events: %d\n", depth, ret);
    return ret;
}

static int veventq_read(SMMUv3Host *host, int fd, SMMUv3HostEvent *events,
                        unsigned n)
{
    return below ? below->veventq_read(host, fd, events, n) : 0;
}

static void veventq_close(SMMUv3Host *host, int fd)
{
    if (below) {
        below->veventq_close(host, fd);
    }
}

static int destroy(SMMUv3Host *host, SMMUv3HostId id)
{
    int ret = below ? below->destroy(host, id) : 0;

    seen.destroyed += !ret;
    printf("# host: destroy %u: %d\n", id, ret);
    return ret;
}

const SMMUv3HostOps spy_ops = {
    .size = sizeof(SMMUv3HostOps),
    .get_info = get_info,
    .viommu_alloc = viommu_alloc,
    .vdevice_alloc = vdevice_alloc,
    .hwpt_alloc = hwpt_alloc,
    .attach = attach,
    .detach = detach,
    .invalidate = invalidate,
    .veventq_alloc = veventq_alloc,
    .veventq_read = veventq_read,
    .veventq_close = veventq_close,
    .destroy = destroy,
};
