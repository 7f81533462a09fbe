/*
 * Calls of the port. See host.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <glib.h>
#include <string.h>

#include "host.h"

/* Counts @call, which ended with @ret, and gives @ret back. */
static int host_count(SMMUv3HostPort *p, SMMUv3HostCall call, int ret)
{
    p->stats->calls[call]++;
    if (ret < 0) {
        p->failed = call;
    }
    return ret;
}

/* A later version may have more functions, as long as they are NULL. */
static bool host_knows_all(const SMMUv3HostOps *ops)
{
    const char *bytes = (const char *)ops;

    for (size_t i = sizeof(*ops); i < ops->size; i++) {
        if (bytes[i]) {
            return false;
        }
    }
    return true;
}

bool smmuv3_host_take_ops(SMMUv3HostPort *p, const SMMUv3HostOps *ops)
{
    SMMUv3HostOps *to = &p->ops;

    memset(to, 0, sizeof(*to));
    if (ops->size < sizeof(ops->size) || !host_knows_all(ops)) {
        return false;
    }
    memcpy(to, ops, MIN(ops->size, sizeof(*to)));
    return to->get_info && to->viommu_alloc && to->vdevice_alloc &&
           to->hwpt_alloc && to->attach && to->detach && to->invalidate &&
           to->veventq_alloc && to->veventq_read && to->veventq_close &&
           to->destroy;
}

int smmuv3_host_get_info(SMMUv3HostPort *p, SMMUv3HostDevice *dev,
                         SMMUv3HostInfo *info)
{
    return host_count(p, SMMUV3_CALL_GET_INFO,
                      p->ops.get_info(p->host, dev, info));
}

int smmuv3_host_viommu_alloc(SMMUv3HostPort *p, SMMUv3HostDevice *dev,
                             SMMUv3HostId parent)
{
    return host_count(p, SMMUV3_CALL_VIOMMU_ALLOC,
                      p->ops.viommu_alloc(p->host, dev, parent,
                                           &p->viommu));
}

int smmuv3_host_vdevice_alloc(SMMUv3HostPort *p, SMMUv3HostDevice *dev,
                              uint32_t vsid, SMMUv3HostId *vdevice)
{
    int ret = host_count(p, SMMUV3_CALL_VDEVICE_ALLOC,
                         p->ops.vdevice_alloc(p->host, p->viommu, dev, vsid,
                                               vdevice));

    p->stats->vdevices += !ret;
    return ret;
}

int smmuv3_host_hwpt_alloc(SMMUv3HostPort *p, SMMUv3HostDevice *dev,
                           const uint64_t ste[2], SMMUv3HostId *hwpt)
{
    return host_count(p, SMMUV3_CALL_HWPT_ALLOC,
                      p->ops.hwpt_alloc(p->host, p->viommu, dev, ste, hwpt));
}

int smmuv3_host_attach(SMMUv3HostPort *p, SMMUv3HostDevice *dev,
                       SMMUv3HostId pt)
{
    int ret = host_count(p, SMMUV3_CALL_ATTACH,
                         p->ops.attach(p->host, dev, pt));

    p->stats->attaches += !ret;
    return ret;
}

int smmuv3_host_detach(SMMUv3HostPort *p, SMMUv3HostDevice *dev)
{
    return host_count(p, SMMUV3_CALL_DETACH, p->ops.detach(p->host, dev));
}

int smmuv3_host_veventq_alloc(SMMUv3HostPort *p, uint32_t depth,
                              SMMUv3HostId *veventq, int *fd)
{
    return host_count(p, SMMUV3_CALL_VEVENTQ_ALLOC,
                      p->ops.veventq_alloc(p->host, p->viommu, depth,
                                            veventq, fd));
}

int smmuv3_host_veventq_read(SMMUv3HostPort *p, int fd,
                             SMMUv3HostEvent *events, unsigned n)
{
    return host_count(p, SMMUV3_CALL_VEVENTQ_READ,
                      p->ops.veventq_read(p->host, fd, events, n));
}

void smmuv3_host_veventq_close(SMMUv3HostPort *p, SMMUv3HostId veventq,
                               int fd)
{
    p->ops.veventq_close(p->host, fd);
    smmuv3_host_destroy(p, veventq);
}

void smmuv3_host_destroy(SMMUv3HostPort *p, SMMUv3HostId id)
{
    if (id) {
        p->stats->calls[SMMUV3_CALL_DESTROY]++;
        p->ops.destroy(p->host, id);
    }
}
