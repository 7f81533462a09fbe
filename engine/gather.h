/*
 * Which commands the host is sent, and taking them into the window.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_GATHER_H
#define ENGINE_GATHER_H

#include "window.h"

/* Does @cmd concern the host now? The kernel knows vSIDs with a vDEVICE. */
bool smmuv3_gather_is_forwarded(const SMMUv3Engine *e, SMMUv3Action action,
                                const SMMUv3Cmd *cmd);

/* The form in which the host gets @cmd; counts what becomes wider. */
SMMUv3Cmd smmuv3_gather_canonical(SMMUv3Engine *e, SMMUv3Cmd cmd);

/*
 * Each of the rest takes command @i, which is legal, into the window, after
 * completing what a CMD_SYNC wants complete before it. False: the window has
 * ended.
 */

/* A TLBI of a single address: what a guest sends all the time. */
bool smmuv3_gather_single(SMMUv3Window *w, uint32_t i);

/* A TLBI of a range of addresses, or of all. */
bool smmuv3_gather_tlbi(SMMUv3Window *w, uint32_t i);

/* A CFGI_CD, CFGI_CD_ALL or ATC_INV. */
bool smmuv3_gather_command(SMMUv3Window *w, uint32_t i, SMMUv3Action action,
                           SMMUv3Cache cache);

/* @cmd, of window index @i, is the host's to do; its cache was entered. */
static inline void smmuv3_gather_cmd(SMMUv3Window *w, uint32_t i,
                                     SMMUv3Cmd cmd, SMMUv3Cache cache)
{
    w->gathered |= 1u << cache;
    smmuv3_coalesce_add(&w->engine->gathered, cmd, i);
    w->forwarded++;
}

#endif
