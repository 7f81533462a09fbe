/*
 * Calls of the port (SMMUv3HostOps), each counted.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The counters and the call that failed last cannot be wrong, because nothing
 * else in engine/ calls the port. Results are the port's (smmuv3-host.h).
 */
#ifndef ENGINE_HOST_H
#define ENGINE_HOST_H

#include "smmuv3-engine.h"

typedef struct SMMUv3HostPort {
    SMMUv3HostOps ops;
    SMMUv3Host *host;
    SMMUv3HostId viommu;        /* 0: there is none */
    SMMUv3HostInfo info;        /* the first device's */
    SMMUv3EngineStats *stats;
    SMMUv3HostCall failed;      /* the call that failed last */
} SMMUv3HostPort;

/* Copies @ops; false: it lacks a function, or has unknown ones. */
bool smmuv3_host_take_ops(SMMUv3HostPort *p, const SMMUv3HostOps *ops);

int smmuv3_host_get_info(SMMUv3HostPort *p, SMMUv3HostDevice *dev,
                         SMMUv3HostInfo *info);

/* Sets p->viommu. */
int smmuv3_host_viommu_alloc(SMMUv3HostPort *p, SMMUv3HostDevice *dev,
                             SMMUv3HostId parent);
int smmuv3_host_vdevice_alloc(SMMUv3HostPort *p, SMMUv3HostDevice *dev,
                              uint32_t vsid, SMMUv3HostId *vdevice);
int smmuv3_host_hwpt_alloc(SMMUv3HostPort *p, SMMUv3HostDevice *dev,
                           const uint64_t ste[2], SMMUv3HostId *hwpt);
int smmuv3_host_attach(SMMUv3HostPort *p, SMMUv3HostDevice *dev,
                       SMMUv3HostId pt);
int smmuv3_host_detach(SMMUv3HostPort *p, SMMUv3HostDevice *dev);
int smmuv3_host_veventq_alloc(SMMUv3HostPort *p, uint32_t depth,
                              SMMUv3HostId *veventq, int *fd);
int smmuv3_host_veventq_read(SMMUv3HostPort *p, int fd,
                             SMMUv3HostEvent *events, unsigned n);

/* Inline, because there is one for each window. */
static inline int smmuv3_host_invalidate(SMMUv3HostPort *p,
                                         const SMMUv3Cmd *cmds, uint32_t n,
                                         uint32_t *done)
{
    SMMUv3EngineStats *stats = p->stats;
    int ret;

    stats->entries += n;
    stats->calls[SMMUV3_CALL_INVALIDATE]++;
    ret = p->ops.invalidate(p->host, p->viommu, cmds, n, done);
    if (ret) {
        p->failed = SMMUV3_CALL_INVALIDATE;
    }
    return ret;
}

/* Closes @fd, then destroys @veventq. */
void smmuv3_host_veventq_close(SMMUv3HostPort *p, SMMUv3HostId veventq,
                               int fd);

/* @id 0 is allowed, and destroys nothing. */
void smmuv3_host_destroy(SMMUv3HostPort *p, SMMUv3HostId id);

#endif
