/*
 * A guest's SMMUv3 driver, cut down to one stream. See vmm.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The driver does not know the engine. It accesses registers, and tables in the
 * guest's RAM.
 */
#include <glib.h>

#include "smmuv3/cmd.h"
#include "smmuv3/registers.h"
#include "smmuv3/ste.h"
#include "vmm.h"

/* Addresses of the tables, each aligned to its size. */
#define STRTAB      (RAM_BASE + 0x10000)
#define STRTAB_LOG2 4
#define CMDQ        (RAM_BASE + 0x20000)
#define CMDQ_LOG2   8
#define EVENTQ      (RAM_BASE + 0x30000)
#define EVENTQ_LOG2 4
#define CD          (RAM_BASE + 0x40000)
#define TABLE_L1    (RAM_BASE + 0x41000)
#define TABLE_L2    (RAM_BASE + 0x42000)

#define ASID        1

/* Context descriptor, 5.4: 39 bits of VA in 4 KiB granules, TTB0 only. */
#define CD0_T0SZ    UINT64_C(25)
#define CD0_WBWA_IS (UINT64_C(1) << 8 | UINT64_C(1) << 10 | UINT64_C(3) << 12)
#define CD0_EPD1    SMMUV3_BIT(30)
#define CD0_V       SMMUV3_BIT(31)
#define CD0_IPS_44  (UINT64_C(4) << 32)
#define CD0_AA64    SMMUV3_BIT(41)
#define CD0_R_A     (SMMUV3_BIT(45) | SMMUV3_BIT(46))
#define CD0_ASET    SMMUV3_BIT(47)
#define CD3_MAIR_WB UINT64_C(0xff)

/* Descriptors of stage 1 tables (Arm ARM, VMSAv8-64). */
#define DESC_TABLE  UINT64_C(3)
#define DESC_BLOCK  (UINT64_C(1) | SMMUV3_BIT(6) | UINT64_C(3) << 8 | \
                     SMMUV3_BIT(10) | SMMUV3_BIT(11))

static void put(Vmm *vmm, uint64_t addr, uint64_t value)
{
    uint64_t *at = (uint64_t *)(vmm->ram + (addr - RAM_BASE));

    __atomic_store_n(at, GUINT64_TO_LE(value), __ATOMIC_RELEASE);
}

static uint64_t get(Vmm *vmm, uint64_t addr)
{
    const uint64_t *at = (const uint64_t *)(vmm->ram + (addr - RAM_BASE));

    return GUINT64_FROM_LE(__atomic_load_n(at, __ATOMIC_ACQUIRE));
}

static uint32_t reg(Vmm *vmm, uint64_t offset)
{
    return vmm_mmio_read(vmm, offset, 4);
}

static void set_reg(Vmm *vmm, uint64_t offset, uint32_t value)
{
    vmm_mmio_write(vmm, offset, 4, value);
}

/* Puts a command into the queue, and leaves CMDQ_PROD as it is. */
static uint32_t queue(Vmm *vmm, uint32_t prod, uint64_t dw0, uint64_t dw1)
{
    uint64_t at = CMDQ + 16 * (prod & ((1 << CMDQ_LOG2) - 1));

    put(vmm, at, dw0);
    put(vmm, at + 8, dw1);
    return (prod + 1) & ((2 << CMDQ_LOG2) - 1);
}

/* Adds a CMD_SYNC, writes PROD, and waits until CONS is PROD, as Linux does. */
static void sync(Vmm *vmm, uint32_t prod)
{
    prod = queue(vmm, prod, SMMUV3_CMD_SYNC, 0);
    set_reg(vmm, SMMUV3_REG_CMDQ_PROD, prod);
    while (reg(vmm, SMMUV3_REG_CMDQ_CONS) != prod &&
           reg(vmm, SMMUV3_REG_GERROR) == reg(vmm, SMMUV3_REG_GERRORN)) {
        vmm_main_loop(vmm, 0);
    }
}

static uint64_t for_stream(SMMUv3Opcode opcode, uint32_t sid)
{
    return opcode | SMMUV3_PREP(SMMUV3_CMD0_SID, sid);
}

/* 6.3.9, in Linux's order: queues first, SMMUEN last. */
void guest_enable(Vmm *vmm)
{
    uint32_t prod;

    vmm_mmio_write(vmm, SMMUV3_REG_STRTAB_BASE, 8, STRTAB);
    set_reg(vmm, SMMUV3_REG_STRTAB_BASE_CFG, STRTAB_LOG2);
    vmm_mmio_write(vmm, SMMUV3_REG_CMDQ_BASE, 8, CMDQ | CMDQ_LOG2);
    vmm_mmio_write(vmm, SMMUV3_REG_EVENTQ_BASE, 8, EVENTQ | EVENTQ_LOG2);
    set_reg(vmm, SMMUV3_REG_IRQ_CTRL,
            SMMUV3_IRQ_CTRL_GERROR | SMMUV3_IRQ_CTRL_EVENTQ);

    set_reg(vmm, SMMUV3_REG_CR0, SMMUV3_CR0_CMDQEN);
    prod = queue(vmm, 0, SMMUV3_CMD_CFGI_STE_RANGE, SMMUV3_CFGI1_RANGE);
    prod = queue(vmm, prod, SMMUV3_CMD_TLBI_NSNH_ALL, 0);
    sync(vmm, prod);

    set_reg(vmm, SMMUV3_REG_CR0, SMMUV3_CR0_CMDQEN | SMMUV3_CR0_EVENTQEN |
            SMMUV3_CR0_SMMUEN);
}

/* Word 0 has V and is last, because the SMMU may read the STE at any time. */
void guest_write_ste(Vmm *vmm, uint32_t sid, const uint64_t ste[2])
{
    uint64_t at = STRTAB + 64 * sid;

    put(vmm, at + 8, ste[1]);
    put(vmm, at, ste[0]);
    sync(vmm, queue(vmm, reg(vmm, SMMUV3_REG_CMDQ_PROD),
                    for_stream(SMMUV3_CMD_CFGI_STE, sid), SMMUV3_CFGI1_LEAF));
}

/* Page tables, a CD that points to them, and an STE that points to the CD. */
void guest_translate(Vmm *vmm, uint32_t sid)
{
    const uint64_t ste[2] = {
        SMMUV3_STE0_V | SMMUV3_PREP(SMMUV3_STE0_CONFIG, SMMUV3_STE_CONFIG_S1) |
        (CD & SMMUV3_STE0_S1CONTEXTPTR),
        SMMUV3_PREP(SMMUV3_STE1_S1CIR, 1) | SMMUV3_PREP(SMMUV3_STE1_S1COR, 1) |
        SMMUV3_PREP(SMMUV3_STE1_S1CSH, 3),
    };

    put(vmm, TABLE_L1, TABLE_L2 | DESC_TABLE);
    put(vmm, TABLE_L2 + 8 * (IOVA_BUFFER >> 21), IPA_BUFFER | DESC_BLOCK);
    put(vmm, CD + 8, TABLE_L1);
    put(vmm, CD + 24, CD3_MAIR_WB);
    put(vmm, CD, CD0_T0SZ | CD0_WBWA_IS | CD0_EPD1 | CD0_V | CD0_IPS_44 |
        CD0_AA64 | CD0_R_A | CD0_ASET | (uint64_t)ASID << 48);
    guest_write_ste(vmm, sid, ste);
}

/* An STE that is illegal for an SMMU without stage 2 (5.2). */
void guest_break_ste(Vmm *vmm, uint32_t sid)
{
    const uint64_t ste[2] = {
        SMMUV3_STE0_V | SMMUV3_PREP(SMMUV3_STE0_CONFIG, SMMUV3_STE_CONFIG_S2),
    };

    guest_write_ste(vmm, sid, ste);
}

/* Unmaps the buffer: @pages commands, one CMD_SYNC, one write of PROD. */
void guest_unmap(Vmm *vmm, unsigned pages)
{
    uint32_t prod = reg(vmm, SMMUV3_REG_CMDQ_PROD);

    put(vmm, TABLE_L2 + 8 * (IOVA_BUFFER >> 21), 0);
    for (unsigned i = 0; i < pages; i++) {
        prod = queue(vmm, prod, SMMUV3_CMD_TLBI_NH_VA |
                     SMMUV3_PREP(SMMUV3_TLBI0_ASID, ASID),
                     (IOVA_BUFFER + i * 4096) | SMMUV3_TLBI1_LEAF);
    }
    sync(vmm, prod);
}

bool guest_next_event(Vmm *vmm, SMMUv3EventRecord *event)
{
    uint32_t cons = reg(vmm, SMMUV3_REG_PAGE1 + SMMUV3_REG_EVENTQ_CONS);
    uint64_t at = EVENTQ + 32 * (cons & ((1 << EVENTQ_LOG2) - 1));

    if (reg(vmm, SMMUV3_REG_PAGE1 + SMMUV3_REG_EVENTQ_PROD) == cons) {
        return false;
    }
    for (unsigned i = 0; i < 4; i++) {
        event->dw[i] = get(vmm, at + 8 * i);
    }
    set_reg(vmm, SMMUV3_REG_PAGE1 + SMMUV3_REG_EVENTQ_CONS,
            (cons + 1) & ((2 << EVENTQ_LOG2) - 1));
    return true;
}
