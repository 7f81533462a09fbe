/*
 * arm-smmuv3,accel=on: who may be at the engine. See smmuv3-accel-lock.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/main-loop.h"
#include "qemu/thread.h"

#include "smmuv3-accel-lock.h"

/*
 * That there is a value: a bit that PROD has not (6.3.27), so that the register
 * file drops it.
 */
#define POSTED BIT(31)

/* A vCPU consumes for others so many times before the main loop does. */
#define ROUNDS_MAX 4

/* What a vCPU has left; 0: nothing. */
static uint32_t accel_lock_take_posted(SMMUv3AccelLock *l)
{
    return qatomic_xchg(&l->posted, 0);
}

/* ---- Without the BQL ---- */

/*
 * A vCPU posts and then tries the mutex; who unlocks the mutex looks at what
 * is posted afterwards. Both are ordered by a full barrier, so there are two
 * outcomes. Either the vCPU gets the mutex, or the one who has it unlocks it
 * after the value was posted, and sees the value.
 */
static void accel_lock_unlock(SMMUv3AccelLock *l)
{
    qemu_mutex_unlock(&l->mutex);
    smp_mb();
}

static bool accel_lock_try(SMMUv3AccelLock *l)
{
    return !qatomic_read(&l->wanted) && !qemu_mutex_trylock(&l->mutex);
}

/* ---- With the BQL ---- */

static bool accel_lock_take(SMMUv3AccelLock *l)
{
    g_assert(bql_locked());
    if (l->inside) {
        return false;
    }
    /* vCPUs that take turns would keep it for ever. */
    qatomic_set_mb(&l->wanted, true);
    qemu_mutex_lock(&l->mutex);
    qatomic_set(&l->wanted, false);
    l->inside = true;
    return true;
}

bool smmuv3_accel_lock_hold(SMMUv3AccelLock *l)
{
    uint32_t posted;

    if (!accel_lock_take(l)) {
        return false;
    }
    posted = accel_lock_take_posted(l);
    if (posted) {
        smmuv3_engine_post_prod(l->engine, posted);
    }
    return true;
}

static void accel_lock_leave(SMMUv3AccelLock *l)
{
    l->inside = false;
    accel_lock_unlock(l);
}

void smmuv3_accel_lock_release(SMMUv3AccelLock *l)
{
    accel_lock_leave(l);
    if (qatomic_read(&l->posted)) {
        l->later(l->opaque);
    }
}

bool smmuv3_accel_lock_enter(SMMUv3AccelLock *l)
{
    uint32_t posted;

    if (!accel_lock_take(l)) {
        return false;
    }
    smmuv3_engine_settle(l->engine);
    posted = accel_lock_take_posted(l);
    if (posted) {
        smmuv3_engine_write_prod(l->engine, posted);
    }
    return true;
}

void smmuv3_accel_lock_be_loud(SMMUv3AccelLock *l)
{
    qatomic_set(&l->loud, true);
    if (smmuv3_accel_lock_enter(l)) {
        smmuv3_accel_lock_release(l);
    }
}

/* ---- Looking ---- */

bool smmuv3_accel_lock_look(SMMUv3AccelLock *l)
{
    if (bql_locked()) {
        return accel_lock_take(l);
    }
    if (qatomic_read(&l->wanted)) {
        /* Behind the one who has the BQL: readers that take turns would win. */
        BQL_LOCK_GUARD();
    }
    qemu_mutex_lock(&l->mutex);
    return true;
}

void smmuv3_accel_lock_looked(SMMUv3AccelLock *l)
{
    if (bql_locked()) {
        accel_lock_leave(l);
    } else {
        accel_lock_unlock(l);
    }
}

/* ---- CMDQ_PROD ---- */

/* An older value that nobody has seen is as if it had never been written. */
void smmuv3_accel_lock_post(SMMUv3AccelLock *l, uint32_t prod)
{
    qatomic_xchg(&l->posted, POSTED | prod);
    /* It is seen before consume() looks at "wanted" and at the mutex. */
    smp_mb__after_rmw();
}

/* False: there is something left to do, or all, with the BQL. */
static bool accel_lock_consume_quietly(SMMUv3AccelLock *l)
{
    uint32_t posted;

    if (qatomic_read(&l->loud)) {
        return false;
    }
    posted = accel_lock_take_posted(l);
    return !posted || smmuv3_engine_write_prod_quiet(l->engine, posted);
}

static void accel_lock_consume_with_bql(SMMUv3AccelLock *l)
{
    BQL_LOCK_GUARD();
    if (smmuv3_accel_lock_enter(l)) {
        accel_lock_leave(l);
    }
}

void smmuv3_accel_lock_consume(SMMUv3AccelLock *l)
{
    for (unsigned n = 0; n < ROUNDS_MAX; n++) {
        bool done;

        if (!qatomic_read(&l->posted) || !accel_lock_try(l)) {
            return;
        }
        done = accel_lock_consume_quietly(l);
        accel_lock_unlock(l);
        if (!done) {
            accel_lock_consume_with_bql(l);
        }
    }
    if (qatomic_read(&l->posted)) {
        l->later(l->opaque);
    }
}

/* ---- Life ---- */

void smmuv3_accel_lock_init(SMMUv3AccelLock *l, SMMUv3Engine *engine,
                            void (*later)(void *opaque), void *opaque)
{
    *l = (SMMUv3AccelLock) {
        .engine = engine, .later = later, .opaque = opaque,
    };
    qemu_mutex_init(&l->mutex);
}

void smmuv3_accel_lock_destroy(SMMUv3AccelLock *l)
{
    qemu_mutex_destroy(&l->mutex);
}
