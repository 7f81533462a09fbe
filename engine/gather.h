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

/*
 * Completes what is gathered if a CMD_SYNC is behind commands of an earlier
 * cache than @cache (window.h). False: the window has ended.
 */
static inline bool smmuv3_gather_enter(SMMUv3Window *w, uint32_t i,
                                       SMMUv3Cache cache)
{
    if (cache <= w->synced) {
        return true;
    }
    w->budget -= SMMUV3_COST_SYNCED;
    return smmuv3_window_flush(w, i);
}

/* A TLBI of a single address; inline, because a guest sends it all the time. */
static inline bool smmuv3_gather_single(SMMUv3Window *w, uint32_t i)
{
    SMMUv3Engine *e = w->engine;
    SMMUv3Cmd cmd = w->cmds[i];
    SMMUv3Cache cache = cmd.dw[1] & SMMUV3_TLBI1_LEAF ? SMMUV3_CACHE_LEAVES
                                                      : SMMUV3_CACHE_WALKS;

    if (!e->port.viommu) {
        return true;
    }
    if (!smmuv3_gather_enter(w, i, cache)) {
        return false;
    }
    smmuv3_gather_cmd(w, i, smmuv3_forward_single(&e->rules, cmd), cache);
    return true;
}

#endif
