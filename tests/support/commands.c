/*
 * What tests of the command queue push and expect. See commands.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "commands.h"

uint64_t nth_va(unsigned i)
{
    return 0x100000000 + 0x7000 * (uint64_t)i;
}

SMMUv3Cmd nth_tlbi(unsigned i)
{
    return cmd_tlbi_va(1, nth_va(i));
}

SMMUv3Cmd cd_all(unsigned device)
{
    return cmd_raw(SMMUV3_CMD_CFGI_CD_ALL |
                   SMMUV3_PREP(SMMUV3_CMD0_SID, FIRST_SID + device), 0);
}

void push_tlbis(Scene *s, unsigned first, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        queue_push(&s->queue, nth_tlbi(first + i));
    }
}

bool is_issued(const Scene *s, SMMUv3Cmd cmd)
{
    for (guint i = 0; i < s->host->issued->len; i++) {
        if (!memcmp(fake_issued(s->host, i), &cmd, sizeof(cmd))) {
            return true;
        }
    }
    return false;
}

void expect_tlbis(const Scene *s, unsigned first, unsigned n)
{
    g_assert_cmpuint(s->host->issued->len, ==, n);
    for (unsigned i = 0; i < n; i++) {
        SMMUv3Cmd cmd = nth_tlbi(first + i);

        g_assert_cmpmem(fake_issued(s->host, i), sizeof(cmd),
                        &cmd, sizeof(cmd));
    }
}

void expect_drained(Scene *s, SMMUv3CmdqResult r)
{
    g_assert_cmpint(r.status, ==, SMMUV3_CMDQ_DRAINED);
    g_assert_cmpint(r.cerror, ==, SMMUV3_CERROR_NONE);
    g_assert_cmphex(s->queue.regs.cons, ==, s->queue.regs.prod);
}

void expect_stopped(Scene *s, SMMUv3CmdqResult r, uint32_t cons,
                    SMMUv3CmdError cerror)
{
    g_assert_cmpint(r.status, ==, SMMUV3_CMDQ_STOPPED);
    g_assert_cmpint(r.cerror, ==, cerror);
    g_assert_cmphex(s->queue.regs.cons, ==, cons);
}

void expect_drains(Scene *s)
{
    expect_drained(s, queue_run(&s->queue, s->engine));
}

void expect_stops(Scene *s, uint32_t cons, SMMUv3CmdError cerror)
{
    expect_stopped(s, queue_run(&s->queue, s->engine), cons, cerror);
}

SMMUv3Cmd some_atc_inv(void)
{
    return cmd_atc_inv(FIRST_SID, 0x1000, 0);
}

void push_pages(Scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        queue_push(&s->queue, cmd_tlbi_va(2, 0x1000 * i));
    }
}

void init_long_queue(Scene *s)
{
    scene_init_translating(s);
    queue_init(&s->queue, s->guest, CMDQ_ADDR, 14);
    queue_seek(&s->queue, 9000);
}

bool is_range(const SMMUv3Cmd *cmd)
{
    return cmd->dw[1] & SMMUV3_TLBI1_TG;
}
