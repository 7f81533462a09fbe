/*
 * Guest memory as a thread without the BQL may reach it: plain RAM, or not at
 * all.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A device's registers take the BQL, and so does a vfio-pci BAR, although QEMU
 * calls it RAM. Whoever waits for the BQL with the engine or the emulated
 * SMMU's mutex in hand waits for a thread that may be waiting for just that.
 * So whatever an SMMU reads and writes on its own behalf (queues, tables, MSIs
 * that are polled) goes through these functions, with the BQL or without: the
 * guest gets the same answer in either case.
 *
 * Addresses are guest physical. False: something in the range is not plain RAM,
 * and nothing beyond that has been touched. Any thread; no lock is taken.
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
