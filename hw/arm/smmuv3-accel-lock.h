/*
 * arm-smmuv3,accel=on: who may be at the engine.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The engine and the register file have no lock of their own; here is the one
 * of an instance. It is taken in three ways:
 *
 *  - A vCPU that has written CMDQ_PROD tries it, without the BQL, and consumes
 *    commands for as long as they are invalidations and CMD_SYNCs polled in
 *    memory (a quiet run, smmuv3-engine.h). If it is taken, whoever has it
 *    consumes what was posted.
 *  - A reader of a register waits for it without the BQL, and lets whoever
 *    waits for it with the BQL go first.
 *  - Everybody else (writes of other registers, plugging, reset, events,
 *    migration, the monitor, memory changes) has the BQL first, and waits for
 *    it then: for a slice of commands at the most.
 *
 * Who has it without the BQL never waits for the BQL: it lets go first, and
 * leaves what needs the BQL as it is (smmuv3_engine_settle()). So nobody who
 * waits for it with the BQL in hand can wait for ever.
 *
 * The file needs of QEMU only mutexes, atomics and the BQL, so that
 * tests/threads can build it with the engine alone, under ThreadSanitizer.
 */
#ifndef HW_ARM_SMMUV3_ACCEL_LOCK_H
#define HW_ARM_SMMUV3_ACCEL_LOCK_H

#include "qemu/thread.h"
#include "smmuv3-engine.h"

typedef struct SMMUv3AccelLock {
    QemuMutex mutex;            /* the engine and the register file */
    bool wanted;                /* who has the BQL waits for it; atomic */
    bool inside;                /* who has the BQL has it, too; under both */
    bool loud;                  /* no run may be quiet; atomic */
    uint32_t posted;            /* CMDQ_PROD, nobody has seen it; atomic */
    SMMUv3Engine *engine;
    void (*later)(void *opaque);
    void *opaque;
} SMMUv3AccelLock;

/* @later asks for smmuv3_accel_lock_enter() from the main loop; any thread. */
void smmuv3_accel_lock_init(SMMUv3AccelLock *l, SMMUv3Engine *engine,
                            void (*later)(void *opaque), void *opaque);
void smmuv3_accel_lock_destroy(SMMUv3AccelLock *l);

/*
 * Under the BQL, around whatever calls the engine or the register file. False:
 * this thread has the lock already, and nothing is to be done. With either of
 * them what was posted is in its register. smmuv3_accel_lock_enter() has acted
 * upon it, too; smmuv3_accel_lock_hold() leaves that for later.
 */
bool smmuv3_accel_lock_hold(SMMUv3AccelLock *l);
bool smmuv3_accel_lock_enter(SMMUv3AccelLock *l);
void smmuv3_accel_lock_release(SMMUv3AccelLock *l);

/*
 * Around a look at the register file that changes nothing, with the BQL or
 * without. False as above. What was posted, or is left to settle, stays; follow
 * up with consume().
 */
bool smmuv3_accel_lock_look(SMMUv3AccelLock *l);
void smmuv3_accel_lock_looked(SMMUv3AccelLock *l);

/* A vCPU writes CMDQ_PROD; without any lock. Follow up with consume(). */
void smmuv3_accel_lock_post(SMMUv3AccelLock *l, uint32_t prod);

/* Consumes what is posted, unless somebody else will; with or without BQL. */
void smmuv3_accel_lock_consume(SMMUv3AccelLock *l);

/* Under the BQL. From when it returns no run is quiet, and none is going on. */
void smmuv3_accel_lock_be_loud(SMMUv3AccelLock *l);

#endif
