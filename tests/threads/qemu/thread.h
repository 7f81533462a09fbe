/*
 * QemuMutex. See osdep.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_QEMU_THREAD_H
#define TESTS_QEMU_THREAD_H

#include <glib.h>
#include <pthread.h>

typedef struct QemuMutex {
    pthread_mutex_t lock;
} QemuMutex;

static inline void qemu_mutex_init(QemuMutex *m)
{
    g_assert_cmpint(pthread_mutex_init(&m->lock, NULL), ==, 0);
}

static inline void qemu_mutex_destroy(QemuMutex *m)
{
    g_assert_cmpint(pthread_mutex_destroy(&m->lock), ==, 0);
}

static inline void qemu_mutex_lock(QemuMutex *m)
{
    g_assert_cmpint(pthread_mutex_lock(&m->lock), ==, 0);
}

static inline int qemu_mutex_trylock(QemuMutex *m)
{
    return pthread_mutex_trylock(&m->lock);
}

static inline void qemu_mutex_unlock(QemuMutex *m)
{
    g_assert_cmpint(pthread_mutex_unlock(&m->lock), ==, 0);
}

#endif
