/*
 * A window of commands on its way: what is gathered, sent, done and signalled.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A window is what one run of the command queue consumes. cmdq.c fetches it and
 * looks at each command, gather.c takes in what the host has to do, cfgi.c
 * configures streams; this file sends what was gathered, completes and signals
 * what is done, and decides on which command a failure is.
 */
#ifndef ENGINE_WINDOW_H
#define ENGINE_WINDOW_H

#include "internal.h"
#include "opcodes.h"

/*
 * The caches that commands empty, each filled from those before it. The kernel
 * has a CMD_SYNC behind an array, not in it. A guest's CMD_SYNC between the
 * commands of two caches therefore ends an array (4.7.3), because the later
 * cache could otherwise be filled again from what the earlier one has not
 * dropped yet. Between commands of one cache it need not.
 */
typedef enum SMMUv3Cache {
    SMMUV3_CACHE_CFG,
    SMMUV3_CACHE_WALKS,
    SMMUV3_CACHE_LEAVES,
    SMMUV3_CACHE_ATC,
    SMMUV3_CACHES,
} SMMUv3Cache;

/* A window being consumed. */
typedef struct SMMUv3Window {
    SMMUv3Engine *engine;
    const SMMUv3Cmd *cmds;
    uint32_t n;             /* copied */
    uint32_t taken;         /* looked at */
    uint32_t done;          /* complete and signalled */
    int32_t budget;         /* SMMUV3_COST_*; the slice ends at 0 */
    SMMUv3CmdError cerror;  /* of cmds[done] */
    uint32_t n_syncs;       /* CMD_SYNCs seen, in engine->syncs */
    uint32_t signalled;     /* the first of them, so many */
    bool msi_aborted;
    uint32_t forwarded;
    uint32_t flushed;       /* of the forwarded ones */
    uint32_t cds_to;        /* CDs are dropped for commands before it */
    uint8_t gathered;       /* bit n: some of cache n, since the last flush */
    SMMUv3Cache synced;     /* a CMD_SYNC is behind some of it; CACHES: none */
    uint32_t others;        /* taken that are neither TLBI nor SYNC */
    bool numbered;          /* the guest's StreamIDs have been asked for */
    bool quiet;             /* see smmuv3_cmdq_run() */
    bool loud;              /* cmds[done] is what no quiet run may do */
    bool waits;             /* the host is to do better at cmds[done] */
    bool immovable;         /* a stream that it does not even let abort */
    uint64_t widened;       /* the counter, at the last flush */
} SMMUv3Window;

/* Does a CMD_SYNC ask for an interrupt (4.7.3, SIG_IRQ)? */
static inline bool smmuv3_window_wants_signal(const SMMUv3Cmd *cmd)
{
    return SMMUV3_GET(SMMUV3_SYNC0_CS, cmd->dw[0]) == SMMUV3_SYNC_IRQ;
}

/* 4.7.3: has a CMD_SYNC an MSI? The whole field says so, beyond OAS, too. */
static inline bool smmuv3_window_has_msi(const SMMUv3Engine *e,
                                         const SMMUv3Cmd *cmd)
{
    return smmuv3_window_wants_signal(cmd) && (cmd->dw[1] & e->msi_field);
}

static inline uint64_t smmuv3_window_msi_address(const SMMUv3Engine *e,
                                                 const SMMUv3Cmd *cmd)
{
    return cmd->dw[1] & e->msi_bits;
}

/*
 * Sends what was gathered before @end and completes up to there. A command
 * about several streams may be at @end, and have some of its CDs in it. False:
 * the window ends here. After a time-out it does, because who is behind it may
 * not wait for the next one, too.
 */
bool smmuv3_window_flush(SMMUv3Window *w, uint32_t end);

/* Command @i is @cerror's, unless something before it fails. False. */
bool smmuv3_window_fail(SMMUv3Window *w, uint32_t i, SMMUv3CmdError cerror);

/*
 * The host is to do better at cmds[done], all before which is done. False: it
 * has had its tries there.
 */
bool smmuv3_window_wait(SMMUv3Window *w);

/* A quiet window met what it may not do; nothing gathered stays. False. */
bool smmuv3_window_give_up_quiet(SMMUv3Window *w);

#endif
