/*
 * Threads inside QEMU that access memory without the BQL, as KVM's vCPUs and
 * iothreads do. See smmuv3-fake-kernel.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two accesses by qtest never run at once, because qtest hands each to QEMU's
 * main loop, which holds the BQL. A thread of this file calls the function that
 * a vCPU or an iothread calls: address_space_rw() on the machine's memory, or
 * on the address space that an endpoint's DMA goes through. QEMU's functions
 * are found by name in the process, which has to export them
 * (scripts/qemu-sanitize). If it does not, starting a thread is refused.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "fake-kernel-internal.h"

/* The length of one DMA; it may cross a page. */
#define DMA_BYTES 64

/* MemTxAttrs of include/exec/memattrs.h: eight bytes, passed by value */
typedef struct Attrs {
    uint32_t bits;
    uint8_t unspecified;
    uint8_t reserved[3];
} Attrs;

typedef struct Functions {
    void *memory;               /* AddressSpace address_space_memory */
    uint32_t (*rw)(void *as, uint64_t addr, Attrs attrs, void *buf,
                   uint64_t len, bool is_write);
    void (*register_thread)(void);
    void (*unregister_thread)(void);
    void (*lock)(const char *file, int line);
    void (*unlock)(void);
    void *(*resolve)(const char *path, bool *ambiguous);
    void *(*address_space_of)(void *pci_device);
} Functions;

static Functions qemu;

static bool find(void *where, const char *name)
{
    void *found = dlsym(RTLD_DEFAULT, name);

    memcpy(where, &found, sizeof(found));
    return found != NULL;
}

static bool find_functions(void)
{
    return find(&qemu.memory, "address_space_memory") &&
           find(&qemu.rw, "address_space_rw") &&
           find(&qemu.register_thread, "rcu_register_thread") &&
           find(&qemu.unregister_thread, "rcu_unregister_thread") &&
           find(&qemu.lock, "bql_lock_impl") &&
           find(&qemu.unlock, "bql_unlock") &&
           find(&qemu.resolve, "object_resolve_path") &&
           find(&qemu.address_space_of, "pci_device_iommu_address_space");
}

/* The test never unplugs the device, because its address space is kept. */
static void *address_space_of(const char *path)
{
    void *device, *as;

    qemu.lock(__FILE__, __LINE__);
    device = qemu.resolve(path, NULL);
    as = device ? qemu.address_space_of(device) : NULL;
    qemu.unlock();
    return as;
}

static bool access_memory(void *as, uint64_t addr, void *buf, uint64_t len,
                          bool is_write)
{
    return qemu.rw(as, addr, (Attrs) { .unspecified = 1 }, buf, len,
                   is_write) == 0;
}

/* All writers share one count, so that they go round the ring together. */
static bool write_prod(FakeKernelThread *t)
{
    uint32_t mask = (2u << t->log2size) - 1;
    uint32_t prod = __atomic_add_fetch(&fake_kernel->prod, t->step,
                                       __ATOMIC_SEQ_CST) & mask;
    uint32_t le = GUINT32_TO_LE(prod);

    return access_memory(qemu.memory, t->address, &le, sizeof(le), true);
}

static bool read_register(FakeKernelThread *t)
{
    uint32_t value;

    return access_memory(qemu.memory, t->address, &value, sizeof(value),
                         false);
}

static bool move_block(FakeKernelThread *t, void *as)
{
    uint8_t block[DMA_BYTES] = { 0 };

    return access_memory(as, t->address, block, sizeof(block),
                         t->accesses % 2);
}

static bool access_once(FakeKernelThread *t, void *as)
{
    switch (t->kind) {
    case FAKE_THREAD_PROD:
        return write_prod(t);
    case FAKE_THREAD_READ:
        return read_register(t);
    default:
        return move_block(t, as);
    }
}

static bool is_stopped(FakeKernelThread *t)
{
    return __atomic_load_n(&t->stop, __ATOMIC_ACQUIRE);
}

/* Accesses memory until the thread is stopped, and is outside of QEMU then. */
static void work(FakeKernelThread *t)
{
    void *as = NULL;

    qemu.register_thread();
    if (t->kind == FAKE_THREAD_DMA) {
        as = address_space_of(t->device);
        t->refused = !as;
    }
    while (!t->refused && !is_stopped(t)) {
        t->failed += !access_once(t, as);
        __atomic_add_fetch(&t->accesses, 1, __ATOMIC_RELEASE);
        if (t->pause_us) {
            usleep(t->pause_us);
        } else {
            sched_yield();
        }
    }
    qemu.unregister_thread();
}

static void *serve(void *opaque)
{
    FakeKernelThread *t = opaque;

    for (;;) {
        while (sem_wait(&t->go)) {
            /* EINTR */
        }
        t->refused = !find_functions();
        if (!t->refused) {
            work(t);
        }
        sem_post(&t->quiescent);
    }
    return NULL;
}

/* Blocks signals in these threads, because QEMU reads some from descriptors. */
void fake_threads_start(FakeKernel *shared)
{
    pthread_t thread;
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (unsigned i = 0; i < shared->threads; i++) {
        sem_init(&shared->thread[i].go, 1, 0);
        sem_init(&shared->thread[i].quiescent, 1, 0);
        if (pthread_create(&thread, NULL, serve, &shared->thread[i])) {
            g_error("no room for a thread");
        }
        pthread_detach(thread);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}
