/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vSMMU driven from user space, for guests whose own driver is kept off:
 * boot with initcall_blacklist=arm_smmu_driver_init (nobody else touches the
 * SMMU) and mem=448M (the RAM above that is ours). Registers and RAM are
 * reached through /dev/mem.
 *
 * Offsets and encodings are those that the tests have for themselves, because
 * a wrong value in include/smmuv3 has to show here. Every wait is bounded, so
 * that a wedged device cannot hang a caller.
 */
#ifndef SMMU_DEV_H
#define SMMU_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../qtest/smmuv3-spec.h"

/* Our RAM, as offsets from its physical start */
#define OUR_RAM      (0x40000000ull + (448ull << 20))
#define QUEUE_OFFSET 0x000000           /* up to 1 MiB */
#define MSI_OFFSET   0x100000
#define EVENT_OFFSET 0x200000
#define TABLE_OFFSET 0x400000           /* 4 MiB, aligned to its size */
#define TABLE_LOG2   16                 /* linear, every bus number */
#define CDS_OFFSET   0x800000
#define L1_OFFSET    0x900000
#define L2_OFFSET    0xa00000
#define MAP_SIZE     (16u << 20)
#define NO_RAM       0x3000000000ull    /* nothing is there on either side */
#define OUR_SID      0x100u             /* behind the first root port */

/* Word 0 of an STE that translates by our CDs; word 1 is S1_DW1. */
#define STE_STAGE1 ((OUR_RAM + CDS_OFFSET) | STE_S1)

struct smmu {
    volatile uint8_t *reg;
    volatile uint64_t *ram;
    unsigned log2;              /* of the command queue's size */
    uint32_t prod;              /* what the next CMDQ_PROD write will be */
};

/* How a submission ended */
enum smmu_end { SMMU_DONE, SMMU_ERROR, SMMU_STUCK };

/* Physical addresses; exits with 2 if that does not work. */
void *smmu_map(uint64_t base, size_t size);
void smmu_open(struct smmu *s, uint64_t base);

uint32_t smmu_get(const struct smmu *s, unsigned off);
void smmu_set(const struct smmu *s, unsigned off, uint32_t v);
uint64_t smmu_get64(const struct smmu *s, unsigned off);
void smmu_set64(const struct smmu *s, unsigned off, uint64_t v);

/* Makes writes to our RAM visible before what follows */
void smmu_barrier(void);

/* CR0 = bits, and waits for CR0ACK; false: not acknowledged within 1 s */
bool smmu_enable(const struct smmu *s, uint32_t bits);

/*
 * Everything off, errors acknowledged, interrupts off, an empty queue of
 * 1 << log2 commands at index 0; smmu_restart() also switches it on.
 */
bool smmu_stop(struct smmu *s, unsigned log2);
bool smmu_restart(struct smmu *s, unsigned log2);

/* Puts a command into the queue; the SMMU sees it after smmu_kick() */
void smmu_push(struct smmu *s, uint64_t w0, uint64_t w1);
void smmu_put(struct smmu *s, uint32_t index, uint64_t w0, uint64_t w1);
uint32_t smmu_mask(const struct smmu *s);       /* index and wrap bit */

/* One CMDQ_PROD write; returns its duration in ticks of the counter */
uint64_t smmu_kick(struct smmu *s);

/* Waits, 1 s at most, until CONS is prod or an error is active */
enum smmu_end smmu_wait(const struct smmu *s);
bool smmu_error_active(const struct smmu *s);
unsigned smmu_error_code(const struct smmu *s); /* CMDQ_CONS.ERR */

/* An STE's first two words; the rest is zero */
void smmu_write_ste(struct smmu *s, size_t offset, uint64_t w0, uint64_t w1);
/* Translating, with an empty CD table: the device must be idle */
void smmu_translating_ste(struct smmu *s, size_t offset);
/* Empties our linear table, and names it in STRTAB_BASE and _CFG */
void smmu_use_linear_table(struct smmu *s);

uint64_t ticks(void);
uint64_t ticks_to_us(uint64_t t);

/* Lets the host read its counters (guest/init does the same from the shell) */
void mark(const char *name);

#endif
