/*
 * arm-smmuv3,accel=on: which thread may call the engine. See
 * smmuv3-accel-lock.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/main-loop.h"
#include "qemu/thread.h"

#include "smmuv3-accel-lock.h"

/*
 * Marks a posted value, which may be 0. PROD has no such bit (6.3.27), so the
 * engine drops it.
 */
#define POSTED BIT(31)

/* How many posted values a vCPU consumes before the main loop takes over. */
#define ROUNDS_MAX 4

/* The posted value, which the caller consumes; 0: there is none. */
static uint32_t accel_lock_take_posted(SMMUv3AccelLock *l)
{
    return qatomic_xchg(&l->posted, 0);
}

/* ---- Without the BQL ---- */

/*
 * A posted value is never left behind, because a full barrier orders both
 * sides:
 *
 *     a vCPU                     the holder
 *     1 posts the value          A unlocks the mutex
 *     2 tries the mutex          B looks for a posted value
 *
 * 1 2 A B: the vCPU fails at 2, and the holder finds the value at B.
 * 1 A 2 B, or A 1 2 B: the vCPU gets the mutex at 2; or another thread has it
 * by then, which is the holder from here on.
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
    /* Because vCPUs that take turns would keep the mutex for ever. */
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
        /* Waits for the BQL's holder, because readers would win for ever. */
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

/* Replaces an older value that nobody has taken, which needs no consuming. */
void smmuv3_accel_lock_post(SMMUv3AccelLock *l, uint32_t prod)
{
    qatomic_xchg(&l->posted, POSTED | prod);
    /* Visible before _consume() looks at "wanted" and at the mutex. */
    smp_mb__after_rmw();
}

/* False: something is left that needs the BQL. */
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
