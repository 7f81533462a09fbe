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
 * Attaches @d as @config says. 0; or a negative errno with the refused call in
 * engine->port.failed: the stream is where it was, or aborts if it could not
 * stay there.
 */
int smmuv3_attach_try(SMMUv3EngineDevice *d, const SMMUv3StreamConfig *config);

/*
 * The host refused @d's configuration with @err: the stream aborts, and the VMM
 * is told. False: the host refuses that as well, so the stream stays as it was,
 * and its device may do DMA.
 */
bool smmuv3_attach_give_up(SMMUv3EngineDevice *d, int err);

/* 0; or a negative errno, with the stream given up. */
int smmuv3_attach_apply(SMMUv3EngineDevice *d,
                        const SMMUv3StreamConfig *config);

/* smmuv3_attach_apply() of what smmuv3_attach_evaluate() says. */
int smmuv3_attach_now(SMMUv3EngineDevice *d);

/*
 * The registers changed (CR0.SMMUEN, GBPA while SMMUEN=0, the stream table's
 * base at enabling; 6.3.9, 6.3.14, 6.3.24): evaluates every stream again. A
 * stream that stays as it was costs no system call.
 */
void smmuv3_attach_all(SMMUv3Engine *e, const SMMUv3StreamRegs *regs);

/* Attaches @d to the parent again; its vDEVICE and its vSID are gone. */
void smmuv3_attach_release(SMMUv3EngineDevice *d);

/* Destroys @d's vDEVICE, if it has one. The stream no longer translates. */
void smmuv3_attach_drop_vdevice(SMMUv3EngineDevice *d);

/* Tells a VMM that traces the state of @d's stream. */
void smmuv3_attach_tell(const SMMUv3EngineDevice *d);

#endif
