/*
 * QEMU's atomics, as ThreadSanitizer understands them. See osdep.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_QEMU_ATOMIC_H
#define TESTS_QEMU_ATOMIC_H

#define qatomic_read(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define qatomic_set(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define qatomic_xchg(p, v) ({ __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); })
#define qatomic_set_mb(p, v) qatomic_xchg(p, v)

/*
 * ThreadSanitizer does not know fences. An exchange is one for the processor;
 * each thread has a variable of its own for it, because one that they shared
 * would order threads that nothing else orders, and hide their races.
 */
static inline void smp_mb(void)
{
    static __thread int own;

    qatomic_xchg(&own, 0);
}

#define smp_mb__after_rmw() smp_mb()

#endif
