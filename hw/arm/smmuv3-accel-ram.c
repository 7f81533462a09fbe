/*
 * Guest memory as a thread without the BQL may reach it. See
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

/* What of @len bytes at @addr lies in one piece; false: no plain RAM there. */
static bool find_piece(Piece *p, hwaddr addr, hwaddr len, bool to_write)
{
    MemTxAttrs attrs = MEMTXATTRS_UNSPECIFIED;

    p->len = len;
    p->mr = address_space_translate(&address_space_memory, addr, &p->at,
                                    &p->len, to_write, attrs);
    if (!memory_access_is_direct(p->mr, to_write, attrs)) {
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
        if (!find_piece(&p, addr + done, len - done, false)) {
            return false;
        }
        memcpy((char *)buf + done, p.ram, p.len);
    }
    return true;
}

bool smmuv3_accel_ram_write(hwaddr addr, const void *buf, size_t len)
{
    Piece p;

    RCU_READ_LOCK_GUARD();
    for (size_t done = 0; done < len; done += p.len) {
        if (!find_piece(&p, addr + done, len - done, true)) {
            return false;
        }
        memcpy(p.ram, (const char *)buf + done, p.len);
        memory_region_set_dirty(p.mr, p.at, p.len);
    }
    return true;
}

bool smmuv3_accel_ram_read_words(hwaddr addr, uint64_t *words, size_t n)
{
    const uint64_t *ram;
    Piece p;

    RCU_READ_LOCK_GUARD();
    if (!find_piece(&p, addr, n * sizeof(*words), false) ||
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
    uint32_t *ram;
    Piece p;

    RCU_READ_LOCK_GUARD();
    if (!find_piece(&p, addr, sizeof(value), true) ||
        p.len < sizeof(value) || !QEMU_PTR_IS_ALIGNED(p.ram, 4)) {
        return false;
    }
    ram = p.ram;
    qatomic_store_release(ram, cpu_to_le32(value));
    memory_region_set_dirty(p.mr, p.at, sizeof(value));
    return true;
}
