// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Streams that are translated, but one to one: a driver that knows of no SMMU
 * works through them. What is set up stays when the program has ended, and
 * the next call changes StreamIDs only, on a running SMMU.
 */
#include "probe.h"

#define LOG2 8
#define STES (1u << TABLE_LOG2)
#define GIB_BLOCK(i) ((uint64_t)(i) << 30 | 1)

/* VMSAv8-64, 4 KiB granule: first level, 1 GiB each */
static void map_one_to_one(struct smmu *s)
{
    const uint64_t af = 1 << 10, inner = 3 << 8, unprivileged = 1 << 6;

    for (unsigned i = 0; i < 512; i++) {
        s->ram[L1_OFFSET / 8 + i] = 0;
    }
    /* Devices, the MSI doorbell among them; RAM */
    for (unsigned i = 0; i < 2; i++) {
        s->ram[L1_OFFSET / 8 + i] = GIB_BLOCK(i) | af | inner | unprivileged;
    }
}

/*
 * 5.4: ASID 1, ASET, A, R, AA64, IPS 40 bits, V, EPD1, inner shareable
 * write-back walks, TG0 4 KiB, T0SZ 25
 */
static void write_cd(struct smmu *s)
{
    volatile uint64_t *cd = s->ram + CDS_OFFSET / 8;

    for (unsigned i = 4; i < 8; i++) {
        cd[i] = 0;
    }
    cd[3] = 0xff;               /* MAIR: attribute 0 is write-back memory */
    cd[2] = 0;
    cd[1] = OUR_RAM + L1_OFFSET;
    cd[0] = 1ull << 48 | 1ull << 47 | 1ull << 46 | 1ull << 45 | 1ull << 41 |
            2ull << 32 | 1ull << 31 | 1ull << 30 | 3 << 12 | 1 << 10 |
            1 << 8 | 25;
}

static bool set_up(struct smmu *s)
{
    if (!smmu_restart(s, LOG2)) {
        return false;
    }
    smmu_use_linear_table(s);
    map_one_to_one(s);
    write_cd(s);
    return true;
}

/* Every other stream has an STE that is not valid. */
static void write_stes(struct smmu *s, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < STES; i++) {
        if (i != a && i != b) {
            s->ram[TABLE_OFFSET / 8 + i * 8] = 0;
        }
    }
    smmu_write_ste(s, TABLE_OFFSET + a * 64, STE_STAGE1, S1_DW1);
    smmu_write_ste(s, TABLE_OFFSET + b * 64, STE_STAGE1, S1_DW1);
}

int probe_translate(struct smmu *s, uint32_t a, uint32_t b)
{
    if (a >= STES || b >= STES) {
        return 2;
    }
    if (!(smmu_get(s, CR0) & CR0_SMMUEN)) {
        if (!set_up(s)) {
            return 1;
        }
    } else {
        s->log2 = LOG2;
        s->prod = smmu_get(s, CMDQ_PROD) & smmu_mask(s);
    }
    write_stes(s, a, b);
    smmu_push(s, CFGI_STE_RANGE, 31);
    smmu_push(s, TLBI_NSNH_ALL, 0);
    smmu_push(s, CMD_SYNC, 0);
    smmu_kick(s);
    return smmu_wait(s) != SMMU_DONE ||
           !smmu_enable(s, CR0_CMDQEN | CR0_SMMUEN);
}
