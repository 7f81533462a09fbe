/*
 * The promise: what SMMU_IDR0..5 tell the guest.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * It is made of the VMM's configuration (wishes) and of what the host has,
 * until the guest runs. From then on it stands, and a host that cannot keep it
 * is refused. All functions are pure.
 */
#ifndef SMMUV3_PROMISE_H
#define SMMUV3_PROMISE_H

#include <stdbool.h>
#include <stdint.h>

#include "smmuv3-host.h"

#ifdef __cplusplus
extern "C" {
#endif

/* No wish: as the host has it, or as every host can keep it. */
#define SMMUV3_AUTO (-1)

/* IDR1.SSIDSIZE, 6.3.2: a PASID has 20 bits. */
#define SMMUV3_SSIDSIZE_MAX 20

typedef struct SMMUv3Wishes {
    int ril;                    /* 0, 1; AUTO is 1: hosts need not have it */
    int ats;                    /* 0, 1; AUTO is 0: no host tells whether */
    int ssidsize;               /* bits, 0 .. 20; AUTO is the host's */
    int oas;                    /* bits; AUTO is 44: no host tells its own */
} SMMUv3Wishes;

/* A feature that a host lacks, and both values of its field. */
typedef struct SMMUv3Shortfall {
    const char *feature;        /* "IDR5.GRAN16K" */
    unsigned wanted;
    unsigned host;
} SMMUv3Shortfall;

/* May @bits be a wish for the output address size? */
bool smmuv3_oas_valid(int bits);

/* IDR5.OAS of @idr5 in bits, 6.3.6; its reserved value is the largest. */
unsigned smmuv3_oas_bits(uint32_t idr5);

/*
 * Makes a promise of stage 1 with what @info has and a guest can use. @info
 * NULL: no host is known yet; then the promise is what most hosts have, without
 * substreams or levels of break-before-make. Wishes are promised whether @info
 * has them or not.
 */
void smmuv3_promise(const SMMUv3Wishes *w, const SMMUv3HostInfo *info,
                    uint32_t idr[6]);

/*
 * Could smmuv3_promise() have made @idr, of some wishes and some host? Asked
 * because the promise of a guest that is loaded is not trusted.
 */
bool smmuv3_promise_valid(const uint32_t idr[6]);

/*
 * Does a wish that is not AUTO differ from @idr, a valid promise? Then *@out is
 * the first such wish: ->feature is its name, ->wanted the value that @idr has,
 * ->host the value that @w has.
 */
bool smmuv3_promise_denied(const uint32_t idr[6], const SMMUv3Wishes *w,
                           SMMUv3Shortfall *out);

/*
 * Does @info lack a feature that @idr promises, or that any guest needs? Then
 * *@out is the first such field.
 */
bool smmuv3_promise_broken(const uint32_t idr[6], const SMMUv3HostInfo *info,
                           SMMUv3Shortfall *out);

#ifdef __cplusplus
}
#endif

#endif
