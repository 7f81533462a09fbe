// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Points about registers: Arm IHI 0070 6.2 (access sizes) and 6.3. "(choice)"
 * in a name: the architecture would allow something else, too, such as RES0
 * bits that keep what was written; what reads back zero misleads nobody.
 */
#include "probe.h"

#define MOST 0xffffffffu

static bool promised(const struct smmu *s, uint32_t idr0_bit)
{
    return smmu_get(s, IDR0) & idr0_bit;
}

/* Writes, and expects to read want */
static void written(struct smmu *s, const char *name, unsigned off, uint32_t v,
                    uint32_t want)
{
    smmu_set(s, off, v);
    expect(smmu_get(s, off), want, "%s after writing %#x", name, v);
}

static void written64(struct smmu *s, const char *name, unsigned off,
                      uint64_t v, uint64_t want)
{
    smmu_set64(s, off, v);
    expect(smmu_get64(s, off), want, "%s after writing %#llx", name,
           (unsigned long long)v);
}

static void ignored(struct smmu *s, const char *name, unsigned off, uint32_t v)
{
    written(s, name, off, v, smmu_get(s, off));
}

static void ignored64(struct smmu *s, const char *name, unsigned off,
                      uint64_t v)
{
    written64(s, name, off, v, smmu_get64(s, off));
}

/* ---- 6.2 ---- */

static void halves_of(struct smmu *s, const char *name, unsigned off,
                      uint64_t a, uint64_t b)
{
    smmu_set64(s, off, a);
    expect(smmu_get(s, off), (uint32_t)a, "%s[31:0]", name);
    expect(smmu_get(s, off + 4), a >> 32, "%s[63:32]", name);
    smmu_set(s, off + 4, b >> 32);
    smmu_set(s, off, (uint32_t)b);
    expect(smmu_get64(s, off), b, "%s written as two halves", name);
}

static void halves(struct smmu *s)
{
    smmu_enable(s, 0);
    halves_of(s, "STRTAB_BASE", STRTAB_BASE, 0x4000000f12345000,
              0x000000ce9abcd000);
    halves_of(s, "CMDQ_BASE", CMDQ_BASE, 0x4000000f12345005,
              0x000000ce9abcd003);
    halves_of(s, "EVENTQ_BASE", EVENTQ_BASE, 0x4000000f12345005,
              0x000000ce9abcd003);
}

/* FreeBSD reads both indices of the event queue like this. */
static void pairs(struct smmu *s)
{
    static const unsigned offsets[] = {
        IDR0, CR1, GERROR, CMDQ_PROD, EVENTQ_PROD, EVENTQ_PROD & 0xffff,
    };

    smmu_enable(s, 0);
    smmu_set64(s, CMDQ_PROD, 0x0000000300000003);
    smmu_set64(s, EVENTQ_PROD, 0x0000000200000002);
    expect(smmu_get64(s, CMDQ_PROD), 0x0000000300000003, "CMDQ_PROD, _CONS");
    expect(smmu_get64(s, EVENTQ_PROD), 0x0000000200000002,
           "EVENTQ_PROD, _CONS");
    for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        expect(smmu_get64(s, offsets[i]), smmu_get(s, offsets[i]) |
               (uint64_t)smmu_get(s, offsets[i] + 4) << 32, "offset %#x",
               offsets[i]);
    }
}

static void narrow_accesses(struct smmu *s)
{
    volatile uint8_t *b = s->reg + CR1;
    volatile uint16_t *h = (volatile uint16_t *)(s->reg + CR1);

    smmu_enable(s, 0);
    smmu_set(s, CR1, 0);
    (void)*b;
    *b = 0x15;
    expect(smmu_get(s, CR1), 0, "CR1 after an 8-bit write of 0x15");
    (void)*h;
    *h = 0x15;
    expect(smmu_get(s, CR1), 0, "CR1 after a 16-bit write of 0x15");
}

static void undefined_offsets(struct smmu *s)
{
    static const unsigned offsets[] = {
        0x30, 0x3c, 0x4c, 0x58, 0x78, 0x8c, 0xe0, 0x1f0, 0x400, 0x4000,
        0x8000, 0x8020, 0x8090, /* Secure: RAZ/WI to us */
    };

    for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        smmu_set(s, offsets[i], MOST);
        expect(smmu_get(s, offsets[i]), 0, "offset %#x", offsets[i]);
    }
    expect(smmu_get(s, CR0ACK), CR0_CMDQEN, "CR0ACK");
}

/* ---- 6.3: identification and control ---- */

static void stage_1_only(struct smmu *s)
{
    expect(smmu_get(s, IDR0) & (IDR0_S1P | IDR0_S2P), IDR0_S1P,
           "IDR0.S1P, S2P");
}

static void identification(struct smmu *s)
{
    for (unsigned off = IDR0; off <= AIDR; off += 4) {
        ignored(s, "identification", off, ~smmu_get(s, off));
    }
}

/* Enabling queues with reserved bits set: they must not stick */
static void cr0_reserved(struct smmu *s)
{
    uint32_t queues = CR0_CMDQEN | CR0_EVENTQEN;
    uint32_t absent = 0xfffffa20 |
                      (promised(s, IDR0_PRI) ? 0 : CR0_PRIQEN) |
                      (promised(s, IDR0_ATS) ? 0 : CR0_ATSCHK) |
                      (promised(s, IDR0_VMW) ? 0 : 7u << 6);

    smmu_set(s, CR0, queues | absent);
    expect(smmu_get(s, CR0), queues, "CR0 after writing %#x", queues | absent);
    expect(smmu_get(s, CR0ACK), queues, "CR0ACK after writing %#x",
           queues | absent);
}

static void cr0ack_follows(struct smmu *s)
{
    static const uint32_t values[] = {
        0, CR0_EVENTQEN, CR0_EVENTQEN | CR0_CMDQEN, CR0_CMDQEN, 0,
    };

    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        expect(smmu_enable(s, values[i]), true, "CR0ACK reads %#x", values[i]);
        expect(smmu_get(s, CR0), values[i], "CR0");
    }
    smmu_use_linear_table(s);
    expect(smmu_enable(s, CR0_SMMUEN), true, "CR0ACK.SMMUEN");
    expect(smmu_enable(s, 0), true, "CR0ACK.SMMUEN clear again");
}

static void cr0ack_read_only(struct smmu *s)
{
    ignored(s, "CR0ACK", CR0ACK, 0);
    ignored(s, "CR0ACK", CR0ACK, CR0_SMMUEN | CR0_EVENTQEN);
    expect(smmu_get(s, CR0), CR0_CMDQEN, "CR0");
}

static void cr1_fields(struct smmu *s)
{
    smmu_enable(s, 0);
    written(s, "CR1", CR1, MOST, 0xfff);
    written(s, "CR1", CR1, 0xd75, 0xd75);
    written(s, "CR1", CR1, 0, 0);
}

static void cr1_guards(struct smmu *s)
{
    smmu_enable(s, 0);
    smmu_use_linear_table(s);
    smmu_set(s, CR1, 0x555);
    smmu_enable(s, CR0_CMDQEN);
    written(s, "CR1 with CMDQEN=1", CR1, 0xfea, 0xfd5);
    smmu_enable(s, CR0_EVENTQEN);
    written(s, "CR1 with EVENTQEN=1", CR1, 0x56a, 0x555);
    smmu_enable(s, CR0_SMMUEN);
    written(s, "CR1 with SMMUEN=1", CR1, 0xaaa, 0x56a);
}

static void cr2_fields(struct smmu *s)
{
    smmu_enable(s, 0);
    smmu_set(s, CR2, MOST);
    expect(smmu_get(s, CR2) & 0xfffffff0, 0, "CR2[31:4]");
    if (!promised(s, IDR0_HYP)) {
        expect(smmu_get(s, CR2) & 1, 0, "CR2.E2H without IDR0.Hyp");
    }
    expect(smmu_get(s, CR2) >> 1 & 1, 1, "CR2.RECINVSID");
    smmu_set(s, CR2, 0);
    expect(smmu_get(s, CR2), 0, "CR2");
}

static void cr2_guard(struct smmu *s)
{
    smmu_enable(s, 0);
    smmu_use_linear_table(s);
    smmu_set(s, CR2, 0);
    smmu_enable(s, CR0_SMMUEN);
    written(s, "CR2 with SMMUEN=1", CR2, 2, 0);
    smmu_enable(s, 0);
    written(s, "CR2 with SMMUEN=0", CR2, 2, 2);
    smmu_set(s, CR2, 0);
}

static void gbpa(struct smmu *s)
{
    smmu_enable(s, 0);
    smmu_set(s, GBPA, GBPA_UPDATE);
    written(s, "GBPA without UPDATE", GBPA, GBPA_ABORT, 0);
    written(s, "GBPA with UPDATE", GBPA, GBPA_UPDATE | GBPA_ABORT, GBPA_ABORT);
    written(s, "GBPA without UPDATE", GBPA, 0, GBPA_ABORT);
    written(s, "GBPA with UPDATE", GBPA, GBPA_UPDATE, 0);
}

static void gbpa_reserved(struct smmu *s)
{
    smmu_enable(s, 0);
    smmu_set(s, GBPA, GBPA_UPDATE | 0x7fecc0a0);
    expect(smmu_get(s, GBPA) & 0xffe0c0e0, 0, "GBPA[31:21], [15:14], [7:5]");
    smmu_set(s, GBPA, GBPA_UPDATE);
}

static void irq_ctrl(struct smmu *s)
{
    uint32_t all = IRQ_CTRL_GERROR | IRQ_CTRL_EVENTQ |
                   (promised(s, IDR0_PRI) ? IRQ_CTRL_PRIQ : 0);

    written(s, "IRQ_CTRL", IRQ_CTRL, MOST, all);
    expect(smmu_get(s, IRQ_CTRLACK), all, "IRQ_CTRLACK");
    written(s, "IRQ_CTRL", IRQ_CTRL, IRQ_CTRL_EVENTQ, IRQ_CTRL_EVENTQ);
    expect(smmu_get(s, IRQ_CTRLACK), IRQ_CTRL_EVENTQ, "IRQ_CTRLACK");
    written(s, "IRQ_CTRL", IRQ_CTRL, 0, 0);
    expect(smmu_get(s, IRQ_CTRLACK), 0, "IRQ_CTRLACK");
}

static void irq_ctrlack_read_only(struct smmu *s)
{
    ignored(s, "IRQ_CTRLACK", IRQ_CTRLACK, IRQ_CTRL_GERROR | IRQ_CTRL_EVENTQ);
    expect(smmu_get(s, IRQ_CTRL), 0, "IRQ_CTRL");
}

static void gerror_read_only(struct smmu *s)
{
    ignored(s, "GERROR", GERROR, ~smmu_get(s, GERROR));
    expect(smmu_error_active(s), false, "an error is active");
    /* [9:8] and [7:2] are errors, bit 1 and [31:10] are reserved */
    expect(smmu_get(s, GERROR) & 0xfffffc02, 0, "GERROR, reserved bits");
    smmu_set(s, GERRORN, smmu_get(s, GERROR) | 0xfffffc02);
    expect(smmu_get(s, GERRORN) & 0xfffffc02, 0, "GERRORN, reserved bits");
}

/* ---- MSI configuration, absent without IDR0.MSI ---- */

static void irq_cfg(struct smmu *s, uint32_t irqen, const char *name,
                    unsigned cfg0, unsigned cfg1, unsigned cfg2)
{
    bool msi = promised(s, IDR0_MSI);

    smmu_set(s, IRQ_CTRL, 0);
    written64(s, name, cfg0, 0xff345678, msi ? 0xff345678 : 0);
    written(s, name, cfg1, 0x12345678, msi ? 0x12345678 : 0);
    written(s, name, cfg2, MOST, msi ? 0x3f : 0);
    smmu_set(s, IRQ_CTRL, irqen);
    ignored64(s, name, cfg0, 0);
    ignored(s, name, cfg1, 0);
    ignored(s, name, cfg2, 0);
    smmu_set(s, IRQ_CTRL, 0);
    smmu_set64(s, cfg0, 0);
    smmu_set(s, cfg1, 0);
    smmu_set(s, cfg2, 0);
}

static void gerror_irq_cfg(struct smmu *s)
{
    irq_cfg(s, IRQ_CTRL_GERROR, "GERROR_IRQ_CFG", GERROR_IRQ_CFG0,
            GERROR_IRQ_CFG1, GERROR_IRQ_CFG2);
}

static void eventq_irq_cfg(struct smmu *s)
{
    irq_cfg(s, IRQ_CTRL_EVENTQ, "EVENTQ_IRQ_CFG", EVENTQ_IRQ_CFG0,
            EVENTQ_IRQ_CFG1, EVENTQ_IRQ_CFG2);
}

/* ---- Tables and queues ---- */

static void strtab_fields(struct smmu *s)
{
    uint64_t v;

    smmu_enable(s, 0);
    smmu_set64(s, STRTAB_BASE, ~0ull);
    v = smmu_get64(s, STRTAB_BASE);
    expect(v & 0xbf0000000000003full, 0, "STRTAB_BASE, reserved bits");
    expect(v & 0x40000000ffffffc0ull, 0x40000000ffffffc0ull,
           "STRTAB_BASE, RA and address bits");
    smmu_set64(s, STRTAB_BASE, 0);
    written(s, "STRTAB_BASE_CFG", STRTAB_BASE_CFG, MOST, 0x307ff);
    written(s, "STRTAB_BASE_CFG", STRTAB_BASE_CFG, 0x10188, 0x10188);
}

static void strtab_guard(struct smmu *s)
{
    smmu_enable(s, 0);
    smmu_use_linear_table(s);
    smmu_enable(s, CR0_SMMUEN);
    ignored64(s, "STRTAB_BASE with SMMUEN=1", STRTAB_BASE, 0x50000000);
    ignored(s, "STRTAB_BASE_CFG with SMMUEN=1", STRTAB_BASE_CFG, 0x10188);
    smmu_enable(s, 0);
    written64(s, "STRTAB_BASE with SMMUEN=0", STRTAB_BASE, 0x50000000,
              0x50000000);
}

static void queue_base_fields(struct smmu *s, const char *name, unsigned off)
{
    uint64_t v;

    smmu_enable(s, 0);
    smmu_set64(s, off, ~0ull);
    v = smmu_get64(s, off);
    expect(v & 0xbf00000000000000ull, 0, "%s, reserved bits", name);
    expect(v & 0x40000000ffffffe0ull, 0x40000000ffffffe0ull,
           "%s, hint and address bits", name);
    expect(v & 0x1f, 0x1f, "%s.LOG2SIZE reads as written", name);
    smmu_set64(s, off, 0);
}

static void cmdq_base_fields(struct smmu *s)
{
    queue_base_fields(s, "CMDQ_BASE", CMDQ_BASE);
}

static void eventq_base_fields(struct smmu *s)
{
    queue_base_fields(s, "EVENTQ_BASE", EVENTQ_BASE);
}

static void cmdq_base_guard(struct smmu *s)
{
    ignored64(s, "CMDQ_BASE with CMDQEN=1", CMDQ_BASE,
              (OUR_RAM + EVENT_OFFSET) | 6);
}

static void cmdq_prod_fields(struct smmu *s)
{
    smmu_stop(s, 4);
    written(s, "CMDQ_PROD of 16 commands", CMDQ_PROD, MOST, 0x1f);
    written(s, "CMDQ_PROD of 16 commands", CMDQ_PROD, 0x2a, 0xa);
    smmu_set(s, CMDQ_PROD, 0);
}

static void cmdq_cons_guard(struct smmu *s)
{
    expect(smmu_get(s, CMDQ_CONS) & 0x1f, 0, "CMDQ_CONS at the start");
    smmu_set(s, CMDQ_CONS, 7);
    expect(smmu_get(s, CMDQ_CONS) & 0x1f, 0,
           "CMDQ_CONS after writing 7 with CMDQEN=1");
    smmu_set(s, CMDQ_CONS, 7 | 1u << 24);
    expect(smmu_get(s, CMDQ_CONS), 0, "CMDQ_CONS after writing ERR, too");
    smmu_stop(s, 4);
    smmu_set(s, CMDQ_PROD, 7);
    smmu_set(s, CMDQ_CONS, 7);
    expect(smmu_get(s, CMDQ_CONS) & 0xfffff, 7,
           "CMDQ_CONS after writing 7 with CMDQEN=0");
}

static void eventq_guard(struct smmu *s)
{
    smmu_enable(s, 0);
    smmu_set64(s, EVENTQ_BASE, (OUR_RAM + EVENT_OFFSET) | 5);
    written(s, "EVENTQ_PROD with EVENTQEN=0", EVENTQ_PROD, 3, 3);
    smmu_set(s, EVENTQ_CONS, 3);
    smmu_enable(s, CR0_EVENTQEN);
    ignored64(s, "EVENTQ_BASE with EVENTQEN=1", EVENTQ_BASE, OUR_RAM | 6);
    ignored(s, "EVENTQ_PROD with EVENTQEN=1", EVENTQ_PROD, 9);
    smmu_enable(s, 0);
}

/* An index of 5 bits, a wrap bit, and the overflow flag on top */
static void eventq_indices(struct smmu *s)
{
    smmu_enable(s, 0);
    smmu_set64(s, EVENTQ_BASE, (OUR_RAM + EVENT_OFFSET) | 5);
    written(s, "EVENTQ_PROD of 32 events", EVENTQ_PROD, MOST,
            EVENTQ_OVFLG | 0x3f);
    written(s, "EVENTQ_CONS of 32 events", EVENTQ_CONS, MOST,
            EVENTQ_OVFLG | 0x3f);
    written(s, "EVENTQ_PROD", EVENTQ_PROD, 0, 0);
    written(s, "EVENTQ_CONS", EVENTQ_CONS, 0, 0);
}

static void priq_absent(struct smmu *s)
{
    if (promised(s, IDR0_PRI)) {
        skip("IDR0.PRI=1");
        return;
    }
    smmu_enable(s, 0);
    written64(s, "PRIQ_BASE", PRIQ_BASE, OUR_RAM | 5, 0);
    written(s, "PRIQ_PROD", PRIQ_PROD, 3, 0);
    written(s, "PRIQ_CONS", PRIQ_CONS, 3, 0);
    written64(s, "PRIQ_IRQ_CFG0", PRIQ_IRQ_CFG0, 0xff345678, 0);
}

static void gatos_absent(struct smmu *s)
{
    if (promised(s, IDR0_ATOS)) {
        skip("IDR0.ATOS=1");
        return;
    }
    written(s, "GATOS_CTRL", GATOS_CTRL, 1, 0);
}

const struct point register_points[] = {
    { "6.2", "64-bit registers are also two 32-bit ones", halves },
    { "6.2", "two 32-bit registers by one access are both (choice)", pairs },
    { "6.2", "8- and 16-bit accesses change nothing (choice)",
      narrow_accesses },
    { "6.3", "undefined and Secure offsets are RAZ/WI", undefined_offsets },
    { "6.3.1", "IDR0 promises stage 1 and not stage 2", stage_1_only },
    { "6.3.1", "IDR0-5, IIDR and AIDR are read-only", identification },
    { "6.3.9", "CR0: reserved bits do not stick", cr0_reserved },
    { "6.3.10", "CR0ACK follows CR0", cr0ack_follows },
    { "6.3.10", "CR0ACK is read-only", cr0ack_read_only },
    { "6.3.11", "CR1: reserved bits do not stick (choice)", cr1_fields },
    { "6.3.11", "CR1: TABLE_*, QUEUE_* fixed while in use", cr1_guards },
    { "6.3.12", "CR2: reserved bits, E2H without Hyp do not stick (choice)",
      cr2_fields },
    { "6.3.12", "CR2 is fixed while SMMUEN=1", cr2_guard },
    { "6.3.14", "GBPA changes only with UPDATE, which reads 0 then", gbpa },
    { "6.3.14", "GBPA: reserved bits do not stick (choice)", gbpa_reserved },
    { "6.3.16", "IRQ_CTRL and IRQ_CTRLACK agree, no reserved bits", irq_ctrl },
    { "6.3.17", "IRQ_CTRLACK is read-only", irq_ctrlack_read_only },
    { "6.3.18", "GERROR is read-only, no reserved bits", gerror_read_only },
    { "6.3.20", "GERROR_IRQ_CFG0-2 need IDR0.MSI, fixed while in use",
      gerror_irq_cfg },
    { "6.3.24", "STRTAB_BASE, _CFG: fields", strtab_fields },
    { "6.3.24", "STRTAB_BASE, _CFG are fixed while SMMUEN=1", strtab_guard },
    { "6.3.26", "CMDQ_BASE: fields, LOG2SIZE reads as written",
      cmdq_base_fields },
    { "6.3.26", "CMDQ_BASE is fixed while CMDQEN=1", cmdq_base_guard },
    { "6.3.27", "CMDQ_PROD has an index and a wrap bit", cmdq_prod_fields },
    { "6.3.28", "CMDQ_CONS is writable only while CMDQEN=0",
      cmdq_cons_guard },
    { "6.3.29", "EVENTQ_BASE: fields, LOG2SIZE reads as written",
      eventq_base_fields },
    { "6.3.29", "EVENTQ_BASE, _PROD are fixed while EVENTQEN=1",
      eventq_guard },
    { "6.3.30", "EVENTQ_PROD, _CONS: index, wrap bit and flag",
      eventq_indices },
    { "6.3.32", "EVENTQ_IRQ_CFG0-2 need IDR0.MSI, fixed while in use",
      eventq_irq_cfg },
    { "6.3.35", "PRIQ_* are RES0 without IDR0.PRI", priq_absent },
    { "6.3.42", "GATOS_CTRL is RES0 without IDR0.ATOS", gatos_absent },
};
const unsigned n_register_points =
    sizeof(register_points) / sizeof(register_points[0]);
