/*
 * Which commands the host is sent, and taking them into the window.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_GATHER_H
#define ENGINE_GATHER_H

#include "window.h"

/* Is @cmd sent to the host now? The kernel knows only vSIDs with a vDEVICE. */
bool smmuv3_gather_is_forwarded(const SMMUv3Engine *e, SMMUv3Action action,
                                const SMMUv3Cmd *cmd);

/* The canonical form of @cmd; counts it if that is wider. */
SMMUv3Cmd smmuv3_gather_canonical(SMMUv3Engine *e, SMMUv3Cmd cmd);

/*
 * Each function below takes command @i, which is legal, into the window. If a
 * CMD_SYNC asks for it, the commands of earlier caches are completed first.
 * False: the window has ended.
 */

/* A TLBI of a single address, which is what a guest sends most. */
bool smmuv3_gather_single(SMMUv3Window *w, uint32_t i);

/* A TLBI of a range of addresses, or of all. */
bool smmuv3_gather_tlbi(SMMUv3Window *w, uint32_t i);

/* A CFGI_CD, CFGI_CD_ALL or ATC_INV. */
bool smmuv3_gather_command(SMMUv3Window *w, uint32_t i, SMMUv3Action action,
                           SMMUv3Cache cache);

/* Takes in @cmd, of window index @i; earlier caches are completed already. */
static inline void smmuv3_gather_cmd(SMMUv3Window *w, uint32_t i,
                                     SMMUv3Cmd cmd, SMMUv3Cache cache)
{
    w->gathered |= 1u << cache;
    smmuv3_coalesce_add(&w->engine->gathered, cmd, i);
    w->forwarded++;
}

#endif
