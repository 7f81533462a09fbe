/*
 * The register file. See regfile.h.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Two tables: registers (offset, width) and their writable fields (bits, the
 * feature that they need, the enable that locks them). Both follow Arm IHI 0070
 * chapter 6.3; what they do not list is RES0. Reading masks only the indices of
 * queues, because a value is stored with the bits of its fields alone.
 */
#include <glib.h>
#include <string.h>

#include "regfile.h"
#include "smmuv3-promise.h"

static uint32_t regfile_log2size(uint64_t base, uint32_t idr1_size)
{
    uint32_t log2size = SMMUV3_GET(SMMUV3_CMDQ_BASE_LOG2SIZE, base);

    return MIN(MIN(log2size, idr1_size), SMMUV3_QUEUE_LOG2SIZE_MAX);
}

static uint32_t regfile_cmdq_log2size(const SMMUv3Regs *r)
{
    return regfile_log2size(r->cmdq_base,
                            SMMUV3_GET(SMMUV3_IDR1_CMDQS, r->idr[1]));
}

uint32_t smmuv3_regfile_eventq_log2size(const SMMUv3Regs *r)
{
    return regfile_log2size(r->eventq_base,
                            SMMUV3_GET(SMMUV3_IDR1_EVENTQS, r->idr[1]));
}

/* ---- The tables ---- */

typedef enum Index { NO_INDEX, CMDQ_INDEX, EVENTQ_INDEX } Index;

typedef struct Reg {
    uint16_t offset;
    uint8_t bytes;
    bool read_only;         /* it has no fields */
    Index index;            /* the queue whose size hides bits */
    size_t at;              /* offset in SMMUv3Regs */
} Reg;

#define AT(field) \
    .bytes = sizeof(((SMMUv3Regs *)0)->field), \
    .at = offsetof(SMMUv3Regs, field)
#define RW(name, field) SMMUV3_REG_##name, AT(field)
#define RO(name, field) SMMUV3_REG_##name, AT(field), .read_only = true

/* The busiest first. STATUSR and AGBPA have no bits here, 6.3.13 and 6.3.15. */
static const Reg registers[] = {
    { RW(CMDQ_PROD, cmdq_prod), .index = CMDQ_INDEX },
    { RW(CMDQ_CONS, cmdq_cons), .index = CMDQ_INDEX },
    { RW(EVENTQ_PROD, eventq_prod), .index = EVENTQ_INDEX },
    { RW(EVENTQ_CONS, eventq_cons), .index = EVENTQ_INDEX },
    { RO(GERROR, gerror) },
    { RW(GERRORN, gerrorn) },
    { RW(CR0, cr0) },
    { RO(CR0ACK, cr0ack) },
    { RW(CR1, cr1) },
    { RW(CR2, cr2) },
    { RW(GBPA, gbpa) },
    { RW(IRQ_CTRL, irq_ctrl) },
    { RO(IRQ_CTRLACK, irq_ctrl) },
    { RW(STRTAB_BASE, strtab_base) },
    { RW(STRTAB_BASE_CFG, strtab_base_cfg) },
    { RW(CMDQ_BASE, cmdq_base) },
    { RW(EVENTQ_BASE, eventq_base) },
    { RW(GERROR_IRQ_CFG0, gerror_irq_cfg0) },
    { RW(GERROR_IRQ_CFG1, gerror_irq_cfg1) },
    { RW(GERROR_IRQ_CFG2, gerror_irq_cfg2) },
    { RW(EVENTQ_IRQ_CFG0, eventq_irq_cfg0) },
    { RW(EVENTQ_IRQ_CFG1, eventq_irq_cfg1) },
    { RW(EVENTQ_IRQ_CFG2, eventq_irq_cfg2) },
    { RO(IDR0, idr[0]) },
    { RO(IDR1, idr[1]) },
    { RO(IDR2, idr[2]) },
    { RO(IDR3, idr[3]) },
    { RO(IDR4, idr[4]) },
    { RO(IDR5, idr[5]) },
    { RO(IIDR, iidr) },
    { RO(AIDR, aidr) },
};

typedef struct Field {
    uint16_t reg;
    bool address;           /* bits above IDR5.OAS are RES0, 3.4.3 */
    uint64_t bits;
    uint32_t idr0;          /* unless 0: RES0 if IDR0 has none of these */
    uint32_t idr1;          /* unless 0: RES0 if IDR1 has none of these */
    uint32_t cr0_off;       /* read-only while CR0 has one of these bits */
    uint32_t irq_off;       /* read-only while IRQ_CTRL has one of these */
} Field;

#define FIELD(name, ...) { SMMUV3_REG_##name, .bits = __VA_ARGS__ }
#define QUEUES_EN (SMMUV3_CR0_CMDQEN | SMMUV3_CR0_EVENTQEN)

/* An MSI's address, data and attributes: only with IDR0.MSI. */
#define IRQ_CFG(name, enable)                                              \
    FIELD(name##_IRQ_CFG0, SMMUV3_IRQ_CFG0_ADDR, .address = true,          \
          .idr0 = SMMUV3_IDR0_MSI, .irq_off = enable),                     \
    FIELD(name##_IRQ_CFG1, SMMUV3_IRQ_CFG1_DATA, .idr0 = SMMUV3_IDR0_MSI,  \
          .irq_off = enable),                                              \
    FIELD(name##_IRQ_CFG2, SMMUV3_IRQ_CFG2_ATTR, .idr0 = SMMUV3_IDR0_MSI,  \
          .irq_off = enable)

/*
 * A register's fields stand together, the busiest register first.
 *
 * GBPA.SHCFG exists without ATTR_TYPES_OVR, too, because its reset value says
 * that the incoming attribute is used.
 */
static const Field fields[] = {
    FIELD(CMDQ_PROD, SMMUV3_QUEUE_INDEX),
    FIELD(CMDQ_CONS, SMMUV3_QUEUE_INDEX | SMMUV3_CMDQ_CONS_ERR,
          .cr0_off = SMMUV3_CR0_CMDQEN),
    FIELD(EVENTQ_PROD, SMMUV3_QUEUE_INDEX | SMMUV3_EVENTQ_PROD_OVFLG,
          .cr0_off = SMMUV3_CR0_EVENTQEN),
    FIELD(EVENTQ_CONS, SMMUV3_QUEUE_INDEX | SMMUV3_EVENTQ_CONS_OVACKFLG),
    FIELD(GERRORN, SMMUV3_GERROR_CMDQ_ERR | SMMUV3_GERROR_EVENTQ_ABT_ERR |
          SMMUV3_GERROR_SFM_ERR),
    FIELD(GERRORN, SMMUV3_GERROR_MSI_CMDQ_ABT_ERR |
          SMMUV3_GERROR_MSI_EVENTQ_ABT_ERR | SMMUV3_GERROR_MSI_GERROR_ABT_ERR,
          .idr0 = SMMUV3_IDR0_MSI),
    FIELD(CR0, SMMUV3_CR0_SMMUEN | QUEUES_EN),
    FIELD(CR0, SMMUV3_CR0_ATSCHK, .idr0 = SMMUV3_IDR0_ATS),
    FIELD(CR0, SMMUV3_CR0_VMW, .idr0 = SMMUV3_IDR0_VMW),
    FIELD(CR1, SMMUV3_CR1_TABLE, .cr0_off = SMMUV3_CR0_SMMUEN),
    FIELD(CR1, SMMUV3_CR1_QUEUE, .cr0_off = QUEUES_EN),
    FIELD(CR2, SMMUV3_CR2_RECINVSID, .cr0_off = SMMUV3_CR0_SMMUEN),
    FIELD(CR2, SMMUV3_CR2_E2H, .idr0 = SMMUV3_IDR0_HYP,
          .cr0_off = SMMUV3_CR0_SMMUEN),
    FIELD(CR2, SMMUV3_CR2_PTM, .idr0 = SMMUV3_IDR0_BTM,
          .cr0_off = SMMUV3_CR0_SMMUEN),
    FIELD(CR2, SMMUV3_CR2_REC_CFG_ATS, .idr0 = SMMUV3_IDR0_ATSRECERR,
          .cr0_off = SMMUV3_CR0_SMMUEN),
    FIELD(GBPA, SMMUV3_GBPA_ABORT | SMMUV3_GBPA_SHCFG),
    FIELD(GBPA, SMMUV3_GBPA_INSTCFG | SMMUV3_GBPA_PRIVCFG,
          .idr1 = SMMUV3_IDR1_ATTR_PERMS_OVR),
    FIELD(GBPA, SMMUV3_GBPA_ALLOCCFG | SMMUV3_GBPA_MTCFG | SMMUV3_GBPA_MEMATTR,
          .idr1 = SMMUV3_IDR1_ATTR_TYPES_OVR),
    FIELD(IRQ_CTRL, SMMUV3_IRQ_CTRL_GERROR | SMMUV3_IRQ_CTRL_EVENTQ),
    IRQ_CFG(GERROR, SMMUV3_IRQ_CTRL_GERROR),
    IRQ_CFG(EVENTQ, SMMUV3_IRQ_CTRL_EVENTQ),
    FIELD(STRTAB_BASE, SMMUV3_STRTAB_BASE_RA, .cr0_off = SMMUV3_CR0_SMMUEN),
    FIELD(STRTAB_BASE, SMMUV3_STRTAB_BASE_ADDR, .address = true,
          .cr0_off = SMMUV3_CR0_SMMUEN),
    FIELD(STRTAB_BASE_CFG, SMMUV3_STRTAB_CFG_LOG2SIZE,
          .cr0_off = SMMUV3_CR0_SMMUEN),
    FIELD(STRTAB_BASE_CFG, SMMUV3_STRTAB_CFG_FMT | SMMUV3_STRTAB_CFG_SPLIT,
          .idr0 = SMMUV3_IDR0_ST_LEVEL, .cr0_off = SMMUV3_CR0_SMMUEN),
    FIELD(CMDQ_BASE, SMMUV3_CMDQ_BASE_RA | SMMUV3_CMDQ_BASE_LOG2SIZE,
          .cr0_off = SMMUV3_CR0_CMDQEN),
    FIELD(CMDQ_BASE, SMMUV3_CMDQ_BASE_ADDR, .address = true,
          .cr0_off = SMMUV3_CR0_CMDQEN),
    FIELD(EVENTQ_BASE, SMMUV3_EVENTQ_BASE_WA | SMMUV3_EVENTQ_BASE_LOG2SIZE,
          .cr0_off = SMMUV3_CR0_EVENTQEN),
    FIELD(EVENTQ_BASE, SMMUV3_EVENTQ_BASE_ADDR, .address = true,
          .cr0_off = SMMUV3_CR0_EVENTQEN),
};

static uint64_t regfile_address_bits(const SMMUv3Regs *r)
{
    return SMMUV3_BIT(smmuv3_oas_bits(r->idr[5])) - 1;
}

static uint64_t regfile_existing(const Field *field, const SMMUv3Regs *r)
{
    if ((field->idr0 && !(field->idr0 & r->idr[0])) ||
        (field->idr1 && !(field->idr1 & r->idr[1]))) {
        return 0;
    }
    return field->address ? field->bits & regfile_address_bits(r) : field->bits;
}

static bool regfile_locked(const Field *field, const SMMUv3Regs *r)
{
    return (field->cr0_off & r->cr0) || (field->irq_off & r->irq_ctrl);
}

/* The bits of a register that exist; with @now those that are not locked. */
static uint64_t regfile_writable(const SMMUv3Regs *r, uint16_t offset, bool now)
{
    const Field *field = fields, *end = fields + G_N_ELEMENTS(fields);
    uint64_t bits = 0;

    while (field < end && field->reg != offset) {
        field++;
    }
    for (; field < end && field->reg == offset; field++) {
        if (!now || !regfile_locked(field, r)) {
            bits |= regfile_existing(field, r);
        }
    }
    return bits;
}

/* ---- Access ---- */

static uint64_t regfile_get(const SMMUv3Regs *r, const Reg *reg)
{
    const void *p = (const char *)r + reg->at;

    return reg->bytes == 8 ? *(const uint64_t *)p : *(const uint32_t *)p;
}

static void regfile_set(SMMUv3Regs *r, const Reg *reg, uint64_t value)
{
    void *p = (char *)r + reg->at;

    if (reg->bytes == 8) {
        *(uint64_t *)p = value;
    } else {
        *(uint32_t *)p = value;
    }
}

/* 6.3.27: index bits above the wrap bit are RES0. */
static uint64_t regfile_hidden(const SMMUv3Regs *r, Index index)
{
    uint32_t log2size;

    if (index == NO_INDEX) {
        return 0;
    }
    log2size = index == CMDQ_INDEX ? regfile_cmdq_log2size(r)
        : smmuv3_regfile_eventq_log2size(r);
    return SMMUV3_QUEUE_INDEX & ~SMMUV3_BITS(log2size, 0);
}

static bool regfile_legal(uint64_t offset, unsigned size)
{
    return (size == 4 || size == 8) && offset % size == 0;
}

/* Finds a register, also by its halves. NULL: none, or @size is too wide. */
static const Reg *regfile_find(uint64_t offset, unsigned size)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++) {
        const Reg *reg = &registers[i];

        if (offset - reg->offset < reg->bytes) {
            return size <= reg->bytes ? reg : NULL;
        }
    }
    return NULL;
}

/* PIDR4-7, PIDR0-3, CIDR0-3 of Arm's MMU-600, as QEMU's SMMUv3 has them. */
static uint64_t regfile_id(uint64_t offset)
{
    static const uint8_t ids[] = {
        0x04, 0x00, 0x00, 0x00, 0x84, 0xb4, 0xf0, 0x10, 0x0d, 0xf0, 0x05, 0xb1,
    };

    return offset >= SMMUV3_REG_PIDR4 && offset <= SMMUV3_REG_CIDR3
           ? ids[(offset - SMMUV3_REG_PIDR4) / 4] : 0;
}

/* A register or one of its halves; else an ID byte, or 0. */
static uint64_t regfile_read_one(const SMMUv3Regs *r, uint64_t offset,
                                 unsigned size)
{
    const Reg *reg = regfile_find(offset, size);
    uint64_t value;

    if (!reg) {
        return regfile_id(offset);
    }
    value = regfile_get(r, reg) & ~regfile_hidden(r, reg->index);
    value >>= 8 * (offset - reg->offset);
    return size == 4 ? (uint32_t)value : value;
}

/* 6.2: 8 bytes at two 32-bit registers are both of them. */
static bool regfile_is_pair(uint64_t offset, unsigned size)
{
    return size == 8 && !regfile_find(offset, 8);
}

bool smmuv3_regfile_read(const SMMUv3Regs *r, uint64_t offset, unsigned size,
                         uint64_t *value)
{
    *value = 0;
    if (!regfile_legal(offset, size)) {
        return false;
    }
    offset &= ~(uint64_t)SMMUV3_REG_PAGE1;
    if (regfile_is_pair(offset, size)) {
        *value = regfile_read_one(r, offset, 4) |
                 regfile_read_one(r, offset + 4, 4) << 32;
    } else {
        *value = regfile_read_one(r, offset, size);
    }
    return true;
}

static SMMUv3RegWrite regfile_write_one(SMMUv3Regs *r, uint64_t offset,
                                        unsigned size, uint64_t value)
{
    const Reg *reg = regfile_find(offset, size);
    SMMUv3RegWrite w;
    unsigned shift;
    uint64_t bits;

    /* 6.3.14: without Update nothing is written; Update itself reads zero. */
    if (!reg || (reg->offset == SMMUV3_REG_GBPA &&
                 !(value & SMMUV3_GBPA_UPDATE))) {
        return (SMMUv3RegWrite) { .reg = SMMUV3_NO_REGISTER };
    }
    shift = 8 * (offset - reg->offset);
    bits = regfile_writable(r, reg->offset, true);
    bits &= size == 8 ? UINT64_MAX : (uint64_t)UINT32_MAX << shift;
    w = (SMMUv3RegWrite) { .reg = reg->offset, .old = regfile_get(r, reg) };
    regfile_set(r, reg, (w.old & ~bits) | (value << shift & bits));
    return w;
}

bool smmuv3_regfile_write(SMMUv3Regs *r, uint64_t offset, unsigned size,
                          uint64_t value, SMMUv3RegWrite written[2])
{
    written[0].reg = written[1].reg = SMMUV3_NO_REGISTER;
    if (!regfile_legal(offset, size)) {
        return false;
    }
    offset &= ~(uint64_t)SMMUV3_REG_PAGE1;
    if (regfile_is_pair(offset, size)) {
        written[0] = regfile_write_one(r, offset, 4, (uint32_t)value);
        written[1] = regfile_write_one(r, offset + 4, 4, value >> 32);
    } else {
        written[0] = regfile_write_one(r, offset, size, value);
    }
    return true;
}

uint64_t smmuv3_regfile_cmdq_base(const SMMUv3Regs *r)
{
    return (r->cmdq_base &
            ~SMMUV3_CMDQ_BASE_LOG2SIZE) | regfile_cmdq_log2size(r);
}

void smmuv3_regfile_reset(SMMUv3Regs *r, const uint32_t idr[6])
{
    *r = (SMMUv3Regs) {
        .aidr = idr[3] & SMMUV3_IDR3_HAD ? SMMUV3_AIDR_3_1 : SMMUV3_AIDR_3_0,
        .gbpa = SMMUV3_PREP(SMMUV3_GBPA_SHCFG, SMMUV3_GBPA_SHCFG_INCOMING),
        .cmdq_base = SMMUV3_GET(SMMUV3_IDR1_CMDQS, idr[1]),
        .eventq_base = SMMUV3_GET(SMMUV3_IDR1_EVENTQS, idr[1]),
    };
    memcpy(r->idr, idr, sizeof(r->idr));
}

void smmuv3_regfile_load(SMMUv3Regs *r, const SMMUv3Regs *from)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++) {
        const Reg *reg = &registers[i];

        if (!reg->read_only) {
            regfile_set(r, reg, regfile_get(from, reg) &
                        regfile_writable(r, reg->offset, false));
        }
    }
    r->gerror = from->gerror & regfile_writable(r, SMMUV3_REG_GERRORN, false);
    r->cr0ack = r->cr0;
}
