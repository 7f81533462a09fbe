/*
 * arm-smmuv3,accel=on: which thread may call the engine.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The engine has no lock of its own; this is the lock of an instance. There are
 * three ways to take it:
 *
 *  - A vCPU that has written CMDQ_PROD tries the lock, without the BQL. If it
 *    gets it, it consumes commands for as long as they are invalidations and
 *    CMD_SYNCs polled in memory (a quiet run, smmuv3-engine.h). If not, the
 *    holder consumes the posted value.
 *  - A reader of a register waits for the lock without the BQL, and lets a
 *    thread that waits for the lock with the BQL go first.
 *  - Every other caller (writes of other registers, plugging, reset, events,
 *    migration, the monitor, memory changes) takes the BQL first. It then waits
 *    for the lock, for one slice of commands at the most.
 *
 * A thread that has the lock without the BQL never waits for the BQL: it
 * releases the lock first, and leaves what needs the BQL as it is
 * (smmuv3_engine_settle()). Otherwise it would deadlock with a thread that has
 * the BQL and waits for the lock.
 *
 * The file needs of QEMU only mutexes, atomics and the BQL, so that
 * tests/threads can build it with the engine alone, under ThreadSanitizer.
 */
#ifndef HW_ARM_SMMUV3_ACCEL_LOCK_H
#define HW_ARM_SMMUV3_ACCEL_LOCK_H

#include "qemu/thread.h"
#include "smmuv3-engine.h"

typedef struct SMMUv3AccelLock {
    QemuMutex mutex;            /* around calls of the engine */
    bool wanted;                /* the BQL's holder waits for mutex; atomic */
    bool inside;                /* the BQL's holder has mutex; under both */
    bool loud;                  /* no run may be quiet; atomic */
    uint32_t posted;            /* a CMDQ_PROD not yet taken; atomic */
    SMMUv3Engine *engine;
    void (*later)(void *opaque);
    void *opaque;
} SMMUv3AccelLock;

/*
 * @later, called from any thread, has smmuv3_accel_lock_enter() called from the
 * main loop.
 */
void smmuv3_accel_lock_init(SMMUv3AccelLock *l, SMMUv3Engine *engine,
                            void (*later)(void *opaque), void *opaque);
void smmuv3_accel_lock_destroy(SMMUv3AccelLock *l);

/*
 * Under the BQL, around calls of the engine. False: this thread has the lock
 * already, and does not release it. Both put a posted CMDQ_PROD into its
 * register. _enter() also consumes its commands; _hold() leaves them for later.
 */
bool smmuv3_accel_lock_hold(SMMUv3AccelLock *l);
bool smmuv3_accel_lock_enter(SMMUv3AccelLock *l);
void smmuv3_accel_lock_release(SMMUv3AccelLock *l);

/*
 * Around smmuv3_engine_read(), with the BQL or without. False as above. A
 * posted value, and what is left to settle, stay; follow up with _consume().
 */
bool smmuv3_accel_lock_look(SMMUv3AccelLock *l);
void smmuv3_accel_lock_looked(SMMUv3AccelLock *l);

/* Posts a vCPU's CMDQ_PROD, without any lock. Follow up with _consume(). */
void smmuv3_accel_lock_post(SMMUv3AccelLock *l, uint32_t prod);

/* Consumes a posted value, or leaves it to the holder; with or without BQL. */
void smmuv3_accel_lock_consume(SMMUv3AccelLock *l);

/* Under the BQL. Once it returns, no quiet run is in progress, or begins. */
void smmuv3_accel_lock_be_loud(SMMUv3AccelLock *l);

#endif
