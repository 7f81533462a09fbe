/*
 * The BQL. See osdep.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_QEMU_MAIN_LOOP_H
#define TESTS_QEMU_MAIN_LOOP_H

#include <stdbool.h>

void bql_lock(void);
void bql_unlock(void);
bool bql_locked(void);

/* Locks it, unless this thread has it; true: to be unlocked again. */
static inline bool bql_guard_lock(void)
{
    if (bql_locked()) {
        return false;
    }
    bql_lock();
    return true;
}

static inline void bql_guard_unlock(bool *taken)
{
    if (*taken) {
        bql_unlock();
    }
}

#define BQL_LOCK_GUARD() \
    __attribute__((cleanup(bql_guard_unlock), unused)) \
    bool bql_taken = bql_guard_lock()

#endif
