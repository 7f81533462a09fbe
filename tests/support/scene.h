/*
 * The scene that most tests begin with: one host, one guest, one engine.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A nesting SMMU with a parent HWPT and devices whose vSIDs are FIRST_SID,
 * FIRST_SID + 1, ...; a guest with a linear stream table of aborting STEs
 * that is not enabled yet, and a command queue of 256.
 */
#ifndef TESTS_SCENE_H
#define TESTS_SCENE_H

#include "attach.h"
#include "cmdq.h"
#include "fake-host.h"
#include "guest.h"
#include "host-events.h"
#include "internal.h"
#include "ste-events.h"

#define SCENE_DEVICES 3
#define SCENE_MAX 64
#define FIRST_SID 0x10
#define STRTAB_ADDR (GUEST_BASE + 0x100000)
#define CMDQ_ADDR (GUEST_BASE + 0x400000)
#define CONTEXT_PTR (GUEST_BASE + 0x800000)

typedef struct Scene {
    SMMUv3Host *host;
    FakeSmmu *smmu;
    SMMUv3HostId parent;
    SMMUv3HostDevice *dev[SCENE_MAX];
    Guest *guest;
    SMMUv3StreamRegs regs;
    GuestQueue queue;
    SMMUv3Engine *engine;
    SMMUv3EngineDevice *edev[SCENE_MAX];    /* NULL: not added */
} Scene;

/* The guest's promise, and the host's IDRs, unless a test sets others. */
extern const uint32_t guest_idr[6];
extern const uint32_t host_idr[6];

/* Make a scene without devices in the engine. */
void scene_init(Scene *s);
void scene_init_idr(Scene *s, const uint32_t host[6], const uint32_t guest[6]);

/* Makes @n devices in all, instead of SCENE_DEVICES, with the next vSIDs. */
void scene_populate(Scene *s, unsigned n);

/*
 * Asserts that nothing is left in the host, no rule was broken, and commands
 * and calls were counted exactly.
 */
void scene_done(Scene *s);

/* Adds device @i, and asserts success. */
void scene_add(Scene *s, unsigned i);
int scene_try_add(Scene *s, unsigned i, SMMUv3Refusal *why);
void scene_remove(Scene *s, unsigned i);

/* Sets SMMUEN, with the stream table as it stands. */
void scene_enable(Scene *s);
void scene_disable(Scene *s);

/* Writes the STE of device @i, and runs a CFGI_STE for it. */
void scene_install(Scene *s, unsigned i, SMMUv3Ste ste);

/* A scene with one translating device, and an empty journal. */
void scene_init_translating(Scene *s);

/* Runs a single command through the queue. */
SMMUv3CmdqResult scene_command(Scene *s, SMMUv3Cmd cmd);

SMMUv3StreamKind scene_kind(const Scene *s, unsigned i);
SMMUv3EventType scene_event(const Scene *s, unsigned i);

#endif
