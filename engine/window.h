/*
 * A window of commands: sending, completing, signalling, and blame.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A window is what one run of the command queue consumes. cmdq.c fetches it and
 * looks at each command, gather.c takes in what the host has to do, cfgi.c
 * configures streams. window.c sends what was gathered, completes and signals
 * what is done, and decides which command a failure is reported at.
 */
#ifndef ENGINE_WINDOW_H
#define ENGINE_WINDOW_H

#include "internal.h"
#include "opcodes.h"

/*
 * The caches that commands empty, each filled from those before it. A guest's
 * CMD_SYNC between the commands of two caches ends the array (4.7.3), because
 * the later cache could otherwise be filled again from what the earlier one has
 * not dropped yet: the kernel puts its CMD_SYNCs where its blocks end. Between
 * commands of one cache a CMD_SYNC ends nothing.
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
    uint32_t signalled;     /* how many of the CMD_SYNCs are signalled */
    bool msi_aborted;
    uint32_t forwarded;
    uint32_t flushed;       /* forwarded, up to the last flush */
    uint32_t cds_to;        /* CDs are gathered for commands before it */
    uint8_t gathered;       /* bit n: commands of cache n since the flush */
    SMMUv3Cache synced;     /* lowest gathered at a CMD_SYNC; CACHES: none */
    uint32_t others;        /* commands taken, neither TLBI nor CMD_SYNC */
    bool numbered;          /* new StreamIDs were taken over */
    bool quiet;             /* see smmuv3_cmdq_run() */
    bool loud;              /* a quiet run met a command that it may not do */
    bool waits;             /* the host refused cmds[done]; to be retried */
    bool immovable;         /* the host does not even let a stream abort */
    uint64_t widened;       /* the counter's value at the last flush */
} SMMUv3Window;

/* Does a CMD_SYNC ask for an interrupt (4.7.3, SIG_IRQ)? */
static inline bool smmuv3_window_wants_signal(const SMMUv3Cmd *cmd)
{
    return SMMUV3_GET(SMMUV3_SYNC0_CS, cmd->dw[0]) == SMMUV3_SYNC_IRQ;
}

/* 4.7.3: has a CMD_SYNC an MSI? Address bits beyond OAS count, too. */
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
 * Sends what was gathered and completes the commands before @end. A command for
 * several streams may be at @end, with CDs of some of them gathered. False: the
 * window ends here, after a time-out in any case, because others that wait for
 * the engine shall not wait for another time-out.
 */
bool smmuv3_window_flush(SMMUv3Window *w, uint32_t end);

/* Fails command @i with @cerror, unless one before it fails. Returns false. */
bool smmuv3_window_fail(SMMUv3Window *w, uint32_t i, SMMUv3CmdError cerror);

/*
 * The host refused cmds[done], and all before it is done: the window ends, to
 * be run again from there. False: there were SMMUV3_TRIES_MAX tries already.
 */
bool smmuv3_window_wait(SMMUv3Window *w);

/* A quiet window met a command that it may not do. Returns false. */
bool smmuv3_window_give_up_quiet(SMMUv3Window *w);

#endif
