/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vSMMU driven from user space, for guests whose own driver is kept off:
 * boot with initcall_blacklist=arm_smmu_driver_init (nobody else touches the
 * SMMU) and mem=448M (the RAM above that is ours). Registers and RAM are
 * reached through /dev/mem.
 *
 * Offsets and encodings are written down from Arm IHI 0070 (6.3, 4.1, 5.2) a
 * second time on purpose: a wrong value in include/smmuv3 has to show here.
 * Every wait is bounded, so that a wedged device cannot hang a caller.
 */
#ifndef SMMU_DEV_H
#define SMMU_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    IDR0 = 0x00, IDR1 = 0x04, IDR3 = 0x0c, IDR5 = 0x14, IIDR = 0x18,
    AIDR = 0x1c,
    CR0 = 0x20, CR0ACK = 0x24, CR1 = 0x28, CR2 = 0x2c, GBPA = 0x44,
    IRQ_CTRL = 0x50, IRQ_CTRLACK = 0x54, GERROR = 0x60, GERRORN = 0x64,
    GERROR_IRQ_CFG0 = 0x68, GERROR_IRQ_CFG1 = 0x70, GERROR_IRQ_CFG2 = 0x74,
    STRTAB_BASE = 0x80, STRTAB_BASE_CFG = 0x88,
    CMDQ_BASE = 0x90, CMDQ_PROD = 0x98, CMDQ_CONS = 0x9c,
    EVENTQ_BASE = 0xa0, EVENTQ_IRQ_CFG0 = 0xb0, EVENTQ_IRQ_CFG1 = 0xb8,
    EVENTQ_IRQ_CFG2 = 0xbc,
    PRIQ_BASE = 0xc0, PRIQ_IRQ_CFG0 = 0xd0, GATOS_CTRL = 0x100,
    /* page 1 */
    EVENTQ_PROD = 0x100a8, EVENTQ_CONS = 0x100ac,
    PRIQ_PROD = 0x100c8, PRIQ_CONS = 0x100cc,
};

enum {
    CR0_SMMUEN = 1 << 0, CR0_PRIQEN = 1 << 1, CR0_EVENTQEN = 1 << 2,
    CR0_CMDQEN = 1 << 3, CR0_ATSCHK = 1 << 4,
};
enum {
    IDR0_S2P = 1 << 0, IDR0_S1P = 1 << 1, IDR0_HYP = 1 << 9,
    IDR0_ATS = 1 << 10, IDR0_MSI = 1 << 13, IDR0_ATOS = 1 << 15,
    IDR0_PRI = 1 << 16, IDR0_VMW = 1 << 17,
};
enum { IDR3_RIL = 1 << 10 };
enum { IRQ_GERROR = 1 << 0, IRQ_PRIQ = 1 << 1, IRQ_EVENTQ = 1 << 2 };
#define GBPA_UPDATE     (1u << 31)
#define GBPA_ABORT      (1u << 20)
#define GERROR_CMDQ_ERR 1u
#define QUEUE_OVFLG     (1u << 31)

enum {
    CMD_PREFETCH_CONFIG = 0x01, CMD_PREFETCH_ADDR = 0x02,
    CMD_CFGI_STE = 0x03, CMD_CFGI_STE_RANGE = 0x04,
    CMD_CFGI_CD = 0x05, CMD_CFGI_CD_ALL = 0x06,
    CMD_TLBI_NH_ALL = 0x10, CMD_TLBI_NH_ASID = 0x11, CMD_TLBI_NH_VA = 0x12,
    CMD_TLBI_NH_VAA = 0x13, CMD_TLBI_EL3_ALL = 0x18, CMD_TLBI_EL3_VA = 0x1a,
    CMD_TLBI_EL2_ALL = 0x20, CMD_TLBI_EL2_ASID = 0x21,
    CMD_TLBI_EL2_VA = 0x22, CMD_TLBI_EL2_VAA = 0x23,
    CMD_TLBI_S12_VMALL = 0x28, CMD_TLBI_S2_IPA = 0x2a,
    CMD_TLBI_NSNH_ALL = 0x30, CMD_ATC_INV = 0x40, CMD_PRI_RESP = 0x41,
    CMD_RESUME = 0x44, CMD_STALL_TERM = 0x45, CMD_SYNC = 0x46,
};
#define CMD_SSEC  (1ull << 10)
#define CMD_LEAF  1ull          /* word 1 of CFGI_STE, CFGI_CD and TLBI_*VA* */
#define CMD_SID(sid) ((uint64_t)(sid) << 32)
#define TLBI_ASID(asid) ((uint64_t)(asid) << 48)

enum { CERROR_ILL = 1, CERROR_ABT = 2 };

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
#define SID          0x100u             /* behind the first root port */

/* An STE's words 0 and 1: S1ContextPtr, Config = stage 1, V; S1CIR and S1COR
 * write-back, S1CSH inner shareable */
#define STE_STAGE1 ((OUR_RAM + CDS_OFFSET) | 5ull << 1 | 1)
#define STE_WALKS  (1ull << 2 | 1ull << 4 | 3ull << 6)

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
