/*
 * Attaching: from a stream's decision to its place in the kernel.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef ENGINE_ATTACH_H
#define ENGINE_ATTACH_H

#include "internal.h"

/* What the registers and the stream table say of @d's stream now. */
SMMUv3StreamConfig smmuv3_attach_evaluate(const SMMUv3EngineDevice *d);

/* Would smmuv3_attach_apply() cost system calls? */
bool smmuv3_attach_changes(const SMMUv3EngineDevice *d,
                           const SMMUv3StreamConfig *config);

/*
 * Attach first, free after. 0; or a negative errno, the refused call in
 * engine->port.failed, and the stream where it was (or aborting, if it could
 * not stay there).
 */
int smmuv3_attach_try(SMMUv3EngineDevice *d, const SMMUv3StreamConfig *config);

/*
 * The host's last word was @err: the stream aborts, and the VMM is told. False:
 * it does not, as the host refuses that as well, and stays where it was.
 */
bool smmuv3_attach_give_up(SMMUv3EngineDevice *d, int err);

/* 0; or a negative errno, with the stream given up. */
int smmuv3_attach_apply(SMMUv3EngineDevice *d,
                        const SMMUv3StreamConfig *config);

/* The same for what the registers and the stream table say now. */
int smmuv3_attach_now(SMMUv3EngineDevice *d);

/*
 * The registers changed (CR0.SMMUEN, GBPA while SMMUEN=0, the stream table's
 * base at enabling; 6.3.9, 6.3.14, 6.3.24): re-drives every stream. Costs no
 * system call for a stream that stays as it was.
 */
void smmuv3_attach_all(SMMUv3Engine *e, const SMMUv3StreamRegs *regs);

/* Back to the parent, vDEVICE and vSID gone. */
void smmuv3_attach_release(SMMUv3EngineDevice *d);

/* Destroys @d's vDEVICE, if it has one. No stream of it translates. */
void smmuv3_attach_drop_vdevice(SMMUv3EngineDevice *d);

/* The VMM, if it traces, is told how @d's stream stands. */
void smmuv3_attach_tell(const SMMUv3EngineDevice *d);

#endif
