// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Changes of a stream's configuration that a guest cannot see, but its host
 * can: each step changes one thing, then lets the host count attachments.
 * Whether a step attaches the device once or not at all is in cases/probe.ini.
 */
#include <stdio.h>

#include "probe.h"

#define ON (CR0_CMDQEN | CR0_SMMUEN)
#define OUR_STE (TABLE_OFFSET + OUR_SID * 64)

static int bad;

static void command(struct smmu *s, uint64_t w0, uint64_t w1)
{
    smmu_push(s, w0, w1);
    smmu_push(s, CMD_SYNC, 0);
    smmu_kick(s);
    bad |= smmu_wait(s) != SMMU_DONE;
}

static void enable(struct smmu *s, uint32_t bits)
{
    bad |= !smmu_enable(s, bits);
}

static void set_gbpa(struct smmu *s, uint32_t v)
{
    smmu_set(s, GBPA, GBPA_UPDATE | v);
}

/* GBPA counts while SMMUEN=0 only, 6.3.14; SMMUEN looks at every stream */
static void gbpa_and_smmuen(struct smmu *s)
{
    set_gbpa(s, GBPA_ABORT);
    mark("gbpa-abort");
    set_gbpa(s, 0);
    mark("gbpa-bypass");
    smmu_translating_ste(s, OUR_STE);
    enable(s, ON);
    mark("smmuen-on");
    set_gbpa(s, GBPA_ABORT);
    mark("gbpa-while-on");
    set_gbpa(s, 0);
    enable(s, CR0_CMDQEN);
    mark("smmuen-off");
    enable(s, ON);
    mark("smmuen-on-again");
    enable(s, CR0_CMDQEN);
    mark("smmuen-off-again");
    smmu_write_ste(s, OUR_STE, 0, 0);
    enable(s, ON);
    mark("smmuen-on-invalid-ste");
}

/* 4.3.1, 4.3.2: the low Range+1 bits of the StreamID do not count */
static void cfgi(struct smmu *s)
{
    smmu_translating_ste(s, OUR_STE);
    command(s, CFGI_STE_RANGE | SID(OUR_SID ^ 1), 0);
    mark("range-of-two");
    smmu_write_ste(s, OUR_STE, 1 | 4 << 1, 0);
    command(s, CFGI_STE_RANGE | SID(OUR_SID + 0x40), 3);
    mark("range-beside");
    command(s, CFGI_STE_RANGE | SID(0xffffffff), 31);
    mark("range-of-all");
}

/* Not legal for stage 1 alone: aborts, 5.2. Last, since it undoes some SMMUs */
static void nested_ste(struct smmu *s)
{
    enable(s, CR0_CMDQEN);
    set_gbpa(s, 0);
    smmu_use_linear_table(s);
    smmu_write_ste(s, OUR_STE, 1 | 4 << 1, 0);
    enable(s, ON);
    command(s, CFGI_STE | SID(OUR_SID), LEAF);
    mark("nested-ready");
    smmu_write_ste(s, OUR_STE, (OUR_RAM + CDS_OFFSET) | 7 << 1 | 1, 0);
    command(s, CFGI_STE | SID(OUR_SID), LEAF);
    mark("nested-ste");
}

/*
 * Two levels, SPLIT=7, which is reserved and counts as 6 (6.3.25). Before,
 * GBPA aborts: a table that is misread aborts, too, and attaches nothing.
 */
static void two_levels(struct smmu *s)
{
    volatile uint64_t *l1 = s->ram + L1_OFFSET / 8 + (OUR_SID >> 6);

    enable(s, CR0_CMDQEN);
    set_gbpa(s, GBPA_ABORT);
    for (unsigned i = 0; i < 0x2000 / 8; i++) {
        s->ram[L1_OFFSET / 8 + i] = 0;
    }
    smmu_translating_ste(s, L2_OFFSET + (OUR_SID & 63) * 64);
    *l1 = (OUR_RAM + L2_OFFSET) | 7;
    smmu_set64(s, STRTAB_BASE, OUR_RAM + L1_OFFSET);
    smmu_set(s, STRTAB_BASE_CFG, 1 << 16 | 7 << 6 | TABLE_LOG2);
    mark("two-levels-ready");
    enable(s, ON);
    command(s, CFGI_STE | SID(OUR_SID), LEAF);
    mark("reserved-split");
    *l1 = NO_RAM | 7;
    smmu_barrier();
    command(s, CFGI_STE | SID(OUR_SID), LEAF);
    mark("ste-fetch-fails");
}

int probe_streams(struct smmu *s)
{
    bad = !smmu_restart(s, 8);
    set_gbpa(s, 0);
    smmu_use_linear_table(s);
    mark("streams-ready");
    gbpa_and_smmuen(s);
    cfgi(s);
    two_levels(s);
    nested_ste(s);
    smmu_stop(s, 4);
    set_gbpa(s, 0);
    printf("E2E streams.failed=%d;\n", bad);
    return bad;
}
