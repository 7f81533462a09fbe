/*
 * Guest memory that a thread without the BQL may access: plain RAM.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A device's registers take the BQL, and so does a vfio-pci BAR, although QEMU
 * calls it RAM. A thread that waited for the BQL with the engine's lock or the
 * emulated SMMU's mutex could deadlock with the BQL's holder, which may wait
 * for that lock. So an SMMU's own accesses (queues, tables, MSIs that are
 * polled) go through these functions, also with the BQL, because the guest has
 * to get the same answer in either case.
 *
 * Addresses are guest physical. False: something in the range is not plain RAM,
 * and nothing behind it was accessed. Any thread may call; no lock is taken.
 */
#ifndef HW_ARM_SMMUV3_ACCEL_RAM_H
#define HW_ARM_SMMUV3_ACCEL_RAM_H

#include "exec/hwaddr.h"

bool smmuv3_accel_ram_read(hwaddr addr, void *buf, size_t len);
bool smmuv3_accel_ram_write(hwaddr addr, const void *buf, size_t len);

/*
 * @n words at @addr, 8-byte aligned, each by one 64-bit load, as they stand in
 * memory (little-endian). Not across the end of a memory region.
 */
bool smmuv3_accel_ram_read_words(hwaddr addr, uint64_t *words, size_t n);

/* @value, 4-byte aligned, little-endian, by one store with release semantics */
bool smmuv3_accel_ram_store(hwaddr addr, uint32_t value);

#endif
