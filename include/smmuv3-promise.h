/*
 * The promise: what SMMU_IDR0..5 tell the guest.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Made of what the one who configures the VMM wishes and of what the host has,
 * before the guest runs; from then on it stands, and a host that cannot keep
 * it is refused. All functions are pure.
 */
#ifndef SMMUV3_PROMISE_H
#define SMMUV3_PROMISE_H

#include <stdbool.h>
#include <stdint.h>

#include "smmuv3-host.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A wish that leaves it to the host, or to what every host can keep. */
#define SMMUV3_AUTO (-1)

/* IDR1.SSIDSIZE, 6.3.2: a PASID has 20 bits. */
#define SMMUV3_SSIDSIZE_MAX 20

typedef struct SMMUv3Wishes {
    int ril;                    /* 0, 1; AUTO is 1: the engine does without */
    int ats;                    /* 0, 1; AUTO is 0: no field tells of it */
    int ssidsize;               /* bits, 0 .. 20; AUTO is the host's */
    int oas;                    /* bits; AUTO is 44: no field tells of it */
} SMMUv3Wishes;

/* A feature that a host lacks, and both values of its field. */
typedef struct SMMUv3Shortfall {
    const char *feature;        /* "IDR5.GRAN16K" */
    unsigned wanted;
    unsigned host;
} SMMUv3Shortfall;

/* May @bits be wished for as the output address size? */
bool smmuv3_oas_valid(int bits);

/* IDR5.OAS of @idr5 in bits, 6.3.6; its reserved value is the largest. */
unsigned smmuv3_oas_bits(uint32_t idr5);

/*
 * Stage 1 only, of @info what the guest can use. @info NULL: no host is known
 * yet; then it is what most hosts have, without substreams or levels of
 * break-before-make. Wishes are promised whether @info has them or not.
 */
void smmuv3_promise(const SMMUv3Wishes *w, const SMMUv3HostInfo *info,
                    uint32_t idr[6]);

/*
 * Could smmuv3_promise() have made @idr, of whatever wishes and host? What a
 * guest brings from elsewhere is not trusted.
 */
bool smmuv3_promise_valid(const uint32_t idr[6]);

/*
 * Whether a wish that is not AUTO is another than @idr, a valid promise, keeps.
 * Then *@out is the first: ->feature is the wish's name, ->wanted what @idr
 * has of it, ->host what is wished for.
 */
bool smmuv3_promise_denied(const uint32_t idr[6], const SMMUv3Wishes *w,
                           SMMUv3Shortfall *out);

/*
 * Whether @info lacks something that @idr promises or that any guest needs;
 * then *@out is the first such field.
 */
bool smmuv3_promise_broken(const uint32_t idr[6], const SMMUv3HostInfo *info,
                           SMMUv3Shortfall *out);

#ifdef __cplusplus
}
#endif

#endif
