/*
 * Guest memory that a thread without the BQL may access. See
 * smmuv3-accel-ram.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/rcu.h"
#include "exec/address-spaces.h"
#include "exec/memory.h"

#include "smmuv3-accel-ram.h"

/* A stretch of guest memory in one piece of RAM; valid while RCU is held. */
typedef struct Piece {
    MemoryRegion *mr;
    hwaddr at;                  /* in @mr */
    hwaddr len;
    void *ram;
} Piece;

/* The first of @len bytes at @addr that can be read in one piece; or false. */
static bool accel_ram_find_piece(Piece *p, hwaddr addr, hwaddr len)
{
    MemTxAttrs attrs = MEMTXATTRS_UNSPECIFIED;

    p->len = len;
    p->mr = address_space_translate(&address_space_memory, addr, &p->at,
                                    &p->len, false, attrs);
    if (!memory_access_is_direct(p->mr, false, attrs)) {
        return false;
    }
    p->ram = memory_region_get_ram_ptr(p->mr) + p->at;
    return p->len != 0;
}

bool smmuv3_accel_ram_read(hwaddr addr, void *buf, size_t len)
{
    Piece p;

    RCU_READ_LOCK_GUARD();
    for (size_t done = 0; done < len; done += p.len) {
        if (!accel_ram_find_piece(&p, addr + done, len - done)) {
            return false;
        }
        memcpy((char *)buf + done, p.ram, p.len);
    }
    return true;
}

/* How many of @len bytes at @addr can be written in one piece. */
static hwaddr accel_ram_map_piece(MemoryRegionCache *c, hwaddr addr, hwaddr len)
{
    int64_t mapped = address_space_cache_init(c, &address_space_memory, addr,
                                              len, true);

    if (mapped >= 0 && !c->ptr) {
        address_space_cache_destroy(c);
    }
    return mapped >= 0 && c->ptr ? mapped : 0;
}

/* Marks the page dirty, and drops code that was translated from it. */
static void accel_ram_unmap_piece(MemoryRegionCache *c, hwaddr written)
{
    address_space_cache_invalidate(c, 0, written);
    address_space_cache_destroy(c);
}

bool smmuv3_accel_ram_write(hwaddr addr, const void *buf, size_t len)
{
    MemoryRegionCache c;
    hwaddr piece;

    for (size_t done = 0; done < len; done += piece) {
        piece = accel_ram_map_piece(&c, addr + done, len - done);
        if (!piece) {
            return false;
        }
        memcpy(c.ptr, (const char *)buf + done, piece);
        accel_ram_unmap_piece(&c, piece);
    }
    return true;
}

bool smmuv3_accel_ram_read_words(hwaddr addr, uint64_t *words, size_t n)
{
    const uint64_t *ram;
    Piece p;

    RCU_READ_LOCK_GUARD();
    if (!accel_ram_find_piece(&p, addr, n * sizeof(*words)) ||
        p.len < n * sizeof(*words) || !QEMU_PTR_IS_ALIGNED(p.ram, 8)) {
        return false;
    }
    ram = p.ram;
    for (size_t i = 0; i < n; i++) {
        words[i] = qatomic_read__nocheck(&ram[i]);
    }
    return true;
}

bool smmuv3_accel_ram_store(hwaddr addr, uint32_t value)
{
    MemoryRegionCache c;
    hwaddr piece = accel_ram_map_piece(&c, addr, sizeof(value));
    bool whole = piece == sizeof(value) &&
                 QEMU_PTR_IS_ALIGNED(c.ptr, sizeof(value));

    if (whole) {
        qatomic_store_release((uint32_t *)c.ptr, cpu_to_le32(value));
    }
    if (piece) {
        accel_ram_unmap_piece(&c, whole ? piece : 0);
    }
    return whole;
}
