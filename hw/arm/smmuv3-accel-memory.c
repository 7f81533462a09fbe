/*
 * arm-smmuv3,accel=on: the engine's accesses to guest memory.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Queues and tables live in plain RAM (smmuv3-accel-ram.h). The command queue's
 * ring stays mapped from one CMDQ_PROD to the next, until the guest moves the
 * ring, or the machine's memory changes.
 */
#include "qemu/osdep.h"
#include "exec/address-spaces.h"
#include "exec/memory.h"

#include "smmuv3-accel.h"
#include "smmuv3-accel-ram.h"

/* ---- The ring ---- */

static void accel_memory_unmap_ring(SMMUv3Accel *a)
{
    if (a->ring.size) {
        address_space_cache_destroy(&a->ring.cache);
        a->ring.size = 0;
    }
}

/* May be called inside of an access, because attaching can change memory. */
static void accel_memory_changed(MemoryListener *listener)
{
    SMMUv3Accel *a = container_of(listener, SMMUv3Accel, ring.listener);
    bool first = smmuv3_accel_hold(a);

    accel_memory_unmap_ring(a);
    if (first) {
        smmuv3_accel_release(a);
    }
}

/* Maps nothing if the ring is not RAM, or not in one piece. */
static void accel_memory_map_ring(SMMUv3Accel *a)
{
    uint64_t size = smmuv3_engine_cmdq_ring(a->engine, &a->ring.base);
    int64_t mapped = address_space_cache_init(&a->ring.cache,
                                              &address_space_memory,
                                              a->ring.base, size, true);

    if (mapped < 0) {
        return;
    }
    a->ring.size = size;
    if ((uint64_t)mapped < size || !a->ring.cache.ptr) {
        accel_memory_unmap_ring(a);
    }
}

static bool accel_memory_in_ring(const SMMUv3Accel *a, uint64_t addr,
                                 size_t len)
{
    return addr >= a->ring.base && addr - a->ring.base < a->ring.size &&
           len <= a->ring.size - (addr - a->ring.base);
}

int smmuv3_accel_memory_read(void *accel, uint64_t addr, void *buf,
                             size_t len)
{
    SMMUv3Accel *a = accel;

    if (!accel_memory_in_ring(a, addr, len)) {
        accel_memory_unmap_ring(a);
        accel_memory_map_ring(a);
    }
    if (accel_memory_in_ring(a, addr, len)) {
        address_space_read_cached(&a->ring.cache, addr - a->ring.base, buf,
                                  len);
        return 0;
    }
    return smmuv3_accel_ram_read(addr, buf, len) ? 0 : -EFAULT;
}

/* ---- Words and blocks ---- */

int smmuv3_accel_memory_read_words(void *accel, uint64_t addr, uint64_t *words,
                                   size_t n)
{
    return smmuv3_accel_ram_read_words(addr, words, n) ? 0 : -EFAULT;
}

int smmuv3_accel_memory_write(void *accel, uint64_t addr, const void *buf,
                              size_t len)
{
    return smmuv3_accel_ram_write(addr, buf, len) ? 0 : -EFAULT;
}

/* Looks at the ring first, because a CMD_SYNC of Linux has its MSI there. */
int smmuv3_accel_memory_store(SMMUv3Accel *a, uint64_t addr, uint32_t value)
{
    uint32_t *ram;
    hwaddr at;

    if (!accel_memory_in_ring(a, addr, sizeof(value))) {
        return smmuv3_accel_ram_store(addr, value) ? 0 : -EFAULT;
    }
    at = addr - a->ring.base;
    ram = (uint32_t *)(a->ring.cache.ptr + at);
    qatomic_store_release(ram, cpu_to_le32(value));
    address_space_cache_invalidate(&a->ring.cache, at, sizeof(value));
    return 0;
}

/* ---- Life ---- */

void smmuv3_accel_memory_init(SMMUv3Accel *a)
{
    a->ring.listener = (MemoryListener) {
        .name = "smmuv3-accel", .commit = accel_memory_changed,
    };
    memory_listener_register(&a->ring.listener, &address_space_memory);
}
