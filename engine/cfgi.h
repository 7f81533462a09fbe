/*
 * CFGI_STE, CFGI_STE_RANGE and CFGI_ALL: streams are configured.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_CFGI_H
#define ENGINE_CFGI_H

#include "window.h"

/*
 * The next device, from place *@n on, whose stream @cmd configures; NULL: there
 * is no more. @cmd is a CFGI_STE or CFGI_STE_RANGE.
 */
SMMUv3EngineDevice *smmuv3_cfgi_next_device(const SMMUv3Engine *e,
                                            const SMMUv3Cmd *cmd, guint *n);

/* The command for an STE that the host does not see change, 4.3.1. */
SMMUv3Cmd smmuv3_cfgi_cd_all(const SMMUv3EngineDevice *d);

/* Can the host have CDs of @d's stream in its caches? */
bool smmuv3_cfgi_may_have_cds(const SMMUv3EngineDevice *d);

/* Runs command @i of @w. False: the window has ended. */
bool smmuv3_cfgi_ste(SMMUv3Window *w, uint32_t i);

#endif
