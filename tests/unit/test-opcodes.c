/*
 * What each command is by its opcode: legal or not, forwarded or not, alone in
 * the queue.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "commands.h"

typedef enum Fate {
    NOTHING,
    FORWARDED,
    DROPS_CDS,                  /* of the one translating stream */
    ILLEGAL,
} Fate;

enum { NO_ATS = 1, SMMU_OFF = 2, NO_DEVICE = 4 };

typedef struct Row {
    const char *name;
    uint64_t dw[2];
    unsigned scene;
    Fate fate;
} Row;

#define SID SMMUV3_PREP(SMMUV3_CMD0_SID, FIRST_SID)
#define OTHER SMMUV3_PREP(SMMUV3_CMD0_SID, 0x77)
#define SSEC SMMUV3_CMD0_SSEC
#define CS(n) SMMUV3_PREP(SMMUV3_SYNC0_CS, n)

static const Row rows[] = {
    { "CFGI_STE", { SMMUV3_CMD_CFGI_STE | SID, 1 }, 0, DROPS_CDS },
    { "CFGI_STE Leaf=0", { SMMUV3_CMD_CFGI_STE | SID, 0 }, 0, DROPS_CDS },
    { "CFGI_STE, SMMUEN=0", { SMMUV3_CMD_CFGI_STE | SID, 1 }, SMMU_OFF,
      NOTHING },
    { "CFGI_STE, no device", { SMMUV3_CMD_CFGI_STE | SID, 1 }, NO_DEVICE,
      NOTHING },
    { "CFGI_STE other", { SMMUV3_CMD_CFGI_STE | OTHER, 0 }, 0, NOTHING },
    { "CFGI_STE SSec", { SMMUV3_CMD_CFGI_STE | SID | SSEC, 1 }, 0, ILLEGAL },
    { "CFGI_STE_RANGE", { SMMUV3_CMD_CFGI_STE_RANGE | SID, 3 }, 0,
      DROPS_CDS },
    { "CFGI_STE_RANGE other", { SMMUV3_CMD_CFGI_STE_RANGE | OTHER, 3 }, 0,
      NOTHING },
    { "CFGI_ALL", { SMMUV3_CMD_CFGI_STE_RANGE, 31 }, 0, DROPS_CDS },
    { "CFGI_ALL SSec", { SMMUV3_CMD_CFGI_STE_RANGE | SSEC, 31 }, 0, ILLEGAL },
    { "CFGI_CD", { SMMUV3_CMD_CFGI_CD | SID, 1 }, 0, FORWARDED },
    { "CFGI_CD other", { SMMUV3_CMD_CFGI_CD | OTHER, 1 }, 0, NOTHING },
    { "CFGI_CD SSec", { SMMUV3_CMD_CFGI_CD | SID | SSEC, 1 }, 0, ILLEGAL },
    { "CFGI_CD_ALL", { SMMUV3_CMD_CFGI_CD_ALL | SID, 0 }, 0, FORWARDED },
    { "CFGI_CD_ALL other", { SMMUV3_CMD_CFGI_CD_ALL | OTHER, 0 }, 0,
      NOTHING },
    { "CFGI_CD_ALL SSec", { SMMUV3_CMD_CFGI_CD_ALL | SID | SSEC, 0 }, 0,
      ILLEGAL },
    { "PREFETCH_CONFIG", { SMMUV3_CMD_PREFETCH_CONFIG | SID, 0 }, 0,
      NOTHING },
    { "PREFETCH_CONFIG SSec", { SMMUV3_CMD_PREFETCH_CONFIG | SSEC, 0 }, 0,
      ILLEGAL },
    { "PREFETCH_ADDR", { SMMUV3_CMD_PREFETCH_ADDR | SID, 0 }, 0, NOTHING },
    { "PREFETCH_ADDR SSec", { SMMUV3_CMD_PREFETCH_ADDR | SSEC, 0 }, 0,
      ILLEGAL },
    { "TLBI_NH_ALL", { SMMUV3_CMD_TLBI_NH_ALL, 0 }, 0, FORWARDED },
    { "TLBI_NH_ASID", { SMMUV3_CMD_TLBI_NH_ASID, 0 }, 0, FORWARDED },
    { "TLBI_NH_VA", { SMMUV3_CMD_TLBI_NH_VA, 0x1000 }, 0, FORWARDED },
    { "TLBI_NH_VAA", { SMMUV3_CMD_TLBI_NH_VAA, 0x1000 }, 0, FORWARDED },
    { "TLBI_NH_VA range", { SMMUV3_CMD_TLBI_NH_VA | 1 << 12, 1 << 10 }, 0,
      FORWARDED },
    { "TLBI_NH_VA level", { SMMUV3_CMD_TLBI_NH_VA, 1 << 10 | 3 << 8 }, 0,
      FORWARDED },
    { "TLBI_NH_VA granule", { SMMUV3_CMD_TLBI_NH_VA, 1 << 10 }, 0, ILLEGAL },
    { "TLBI_NH_VAA granule", { SMMUV3_CMD_TLBI_NH_VAA, 3 << 10 }, 0,
      ILLEGAL },
    { "TLBI_NH_VA 16K level 1", { SMMUV3_CMD_TLBI_NH_VA, 2 << 10 | 1 << 8 }, 0,
      ILLEGAL },
    { "TLBI_NH_VA granule, no device",
      { SMMUV3_CMD_TLBI_NH_VA, 1 << 10 }, NO_DEVICE, ILLEGAL },
    { "TLBI_NSNH_ALL", { SMMUV3_CMD_TLBI_NSNH_ALL, 0 }, 0, FORWARDED },
    { "TLBI, SMMUEN=0", { SMMUV3_CMD_TLBI_NSNH_ALL, 0 }, SMMU_OFF,
      FORWARDED },
    { "TLBI, no device", { SMMUV3_CMD_TLBI_NSNH_ALL, 0 }, NO_DEVICE,
      NOTHING },
    { "CFGI_CD, no device", { SMMUV3_CMD_CFGI_CD | SID, 0 }, NO_DEVICE,
      NOTHING },
    { "TLBI_S12_VMALL", { SMMUV3_CMD_TLBI_S12_VMALL, 0 }, 0, ILLEGAL },
    { "TLBI_S2_IPA", { SMMUV3_CMD_TLBI_S2_IPA, 0 }, 0, ILLEGAL },
    { "TLBI_EL2_ALL", { SMMUV3_CMD_TLBI_EL2_ALL, 0 }, 0, ILLEGAL },
    { "TLBI_EL2_ASID", { SMMUV3_CMD_TLBI_EL2_ASID, 0 }, 0, ILLEGAL },
    { "TLBI_EL2_VA", { SMMUV3_CMD_TLBI_EL2_VA, 0 }, 0, ILLEGAL },
    { "TLBI_EL2_VAA", { SMMUV3_CMD_TLBI_EL2_VAA, 0 }, 0, ILLEGAL },
    { "TLBI_EL3_ALL", { SMMUV3_CMD_TLBI_EL3_ALL, 0 }, 0, ILLEGAL },
    { "TLBI_EL3_VA", { SMMUV3_CMD_TLBI_EL3_VA, 0 }, 0, ILLEGAL },
    { "ATC_INV", { SMMUV3_CMD_ATC_INV | SID, 52 }, 0, FORWARDED },
    { "ATC_INV other", { SMMUV3_CMD_ATC_INV | OTHER, 52 }, 0, NOTHING },
    { "ATC_INV, no ATS", { SMMUV3_CMD_ATC_INV | SID, 52 }, NO_ATS, ILLEGAL },
    { "ATC_INV other, no ATS", { SMMUV3_CMD_ATC_INV | OTHER, 52 }, NO_ATS,
      ILLEGAL },
    { "ATC_INV, SMMUEN=0", { SMMUV3_CMD_ATC_INV | SID, 52 }, SMMU_OFF,
      NOTHING },
    { "ATC_INV, both", { SMMUV3_CMD_ATC_INV | SID, 52 }, SMMU_OFF | NO_ATS,
      ILLEGAL },
    { "PRI_RESP", { SMMUV3_CMD_PRI_RESP | SID, 0 }, 0, ILLEGAL },
    { "RESUME", { SMMUV3_CMD_RESUME | SID, 0 }, 0, ILLEGAL },
    { "STALL_TERM", { SMMUV3_CMD_STALL_TERM | SID, 0 }, 0, ILLEGAL },
    { "SYNC", { SMMUV3_CMD_SYNC | CS(0), 0 }, 0, NOTHING },
    { "SYNC SIG_IRQ", { SMMUV3_CMD_SYNC | CS(1), 0 }, 0, NOTHING },
    { "SYNC SIG_SEV", { SMMUV3_CMD_SYNC | CS(2), 0 }, 0, NOTHING },
    /* 4.7.3: CMD_SYNC has no SSec. */
    { "SYNC bit 10", { SMMUV3_CMD_SYNC | SSEC, 0 }, 0, NOTHING },
    { "SYNC reserved CS", { SMMUV3_CMD_SYNC | CS(3), 0 }, 0, ILLEGAL },
};

static void row_scene(Scene *s, unsigned what)
{
    scene_init_translating(s);
    if (what & NO_ATS) {
        uint32_t idr[6];

        memcpy(idr, guest_idr, sizeof(idr));
        idr[0] &= ~(uint32_t)SMMUV3_IDR0_ATS;
        smmuv3_features_set(s->engine, idr);
    }
    if (what & SMMU_OFF) {
        scene_disable(s);
    }
    if (what & NO_DEVICE) {
        scene_remove(s, 0);
    }
    fake_host_forget(s->host);
    queue_seek(&s->queue, 0);
}

static void expect_one_issued(const Scene *s, uint64_t dw0, uint64_t dw1)
{
    g_assert_cmpuint(s->host->calls[FAKE_CALLS], ==, 1);
    g_assert_cmpuint(s->host->issued->len, ==, 1);
    g_assert_cmphex(fake_issued(s->host, 0)->dw[0], ==, dw0);
    g_assert_cmphex(fake_issued(s->host, 0)->dw[1], ==, dw1);
}

static void test_row(gconstpointer data)
{
    const Row *row = data;
    Scene s;

    row_scene(&s, row->scene);
    queue_push(&s.queue, cmd_raw(row->dw[0], row->dw[1]));
    if (row->fate == ILLEGAL) {
        expect_stops(&s, 0, SMMUV3_CERROR_ILL);
        g_assert_cmpuint(smmuv3_engine_stats(s.engine)->errors[1], ==, 1);
    } else {
        expect_drains(&s);
    }
    if (row->fate == FORWARDED) {
        expect_one_issued(&s, row->dw[0], row->dw[1]);
    } else if (row->fate == DROPS_CDS) {
        expect_one_issued(&s, SMMUV3_CMD_CFGI_CD_ALL | SID, 0);
    } else {
        g_assert_cmpuint(s.host->calls[FAKE_CALLS], ==, 0);
    }
    scene_done(&s);
}

/* What has no row that is legal is illegal: all 256. */
static void test_all_opcodes(void)
{
    bool legal[256] = { false };
    Scene s;

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        legal[rows[i].dw[0] & 0xff] |= rows[i].fate != ILLEGAL;
    }
    scene_init_translating(&s);
    for (unsigned op = 0; op < 256; op++) {
        SMMUv3CmdqResult r;

        queue_seek(&s.queue, 5);
        r = scene_command(&s, cmd_raw(op | SID, 0));
        if (legal[op]) {
            expect_drained(&s, r);
        } else {
            expect_stopped(&s, r, 5, SMMUV3_CERROR_ILL);
        }
    }
    scene_done(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/cmdq/legality/%s",
                                                rows[i].name);

        g_test_add_data_func(path, &rows[i], test_row);
    }
    g_test_add_func("/cmdq/legality/all-opcodes", test_all_opcodes);
    return g_test_run();
}
