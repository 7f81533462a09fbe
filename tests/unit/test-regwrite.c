/*
 * What a register write sets going: streams, the command queue, its errors and
 * their acknowledgement, slices and pauses.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "regs.h"

/* ---- GBPA and streams ---- */

static void expect_kind(Regs *t, SMMUv3StreamKind kind)
{
    g_assert_cmpint(scene_kind(&t->scene, 0), ==, kind);
}

static void test_gbpa(void)
{
    Regs t;

    regs_init_stream(&t);
    expect_kind(&t, SMMUV3_STREAM_BYPASS);
    g_assert_cmphex(rd(&t, GBPA), ==, 0x1000);
    wr(&t, GBPA, ABORT);                    /* without Update: nothing */
    g_assert_cmphex(rd(&t, GBPA), ==, 0x1000);
    expect_kind(&t, SMMUV3_STREAM_BYPASS);
    wr(&t, GBPA, UPDATE | ABORT);
    g_assert_cmphex(rd(&t, GBPA), ==, ABORT);
    expect_kind(&t, SMMUV3_STREAM_ABORT);
    wr(&t, GBPA, UINT32_MAX);
    g_assert_cmphex(rd(&t, GBPA), ==, 0x103000);
    wr(&t, GBPA, UPDATE | 0x1000);
    g_assert_cmphex(rd(&t, GBPA), ==, 0x1000);
    expect_kind(&t, SMMUV3_STREAM_BYPASS);
    regs_done(&t);
}

/* While SMMUEN=1 it is written, but the streams follow at SMMUEN 1->0. */
static void test_gbpa_while_enabled(void)
{
    Regs t;

    regs_init_stream(&t);
    strtab_set(t.scene.guest, &t.scene.regs, FIRST_SID, ste_s1(CONTEXT_PTR));
    wr(&t, CR0, SMMUEN);
    expect_kind(&t, SMMUV3_STREAM_TRANSLATE);
    t.scene.guest->reads = 0;
    wr(&t, GBPA, UPDATE | ABORT);
    g_assert_cmphex(rd(&t, GBPA), ==, ABORT);
    expect_kind(&t, SMMUV3_STREAM_TRANSLATE);
    g_assert_cmpuint(t.scene.guest->reads, ==, 0);
    wr(&t, CR0, 0);
    expect_kind(&t, SMMUV3_STREAM_ABORT);
    wr(&t, CR0, SMMUEN);
    expect_kind(&t, SMMUV3_STREAM_TRANSLATE);
    regs_done(&t);
}

/* The table's registers hold still while SMMUEN=1, 6.3.24. */
static void test_strtab_while_enabled(void)
{
    Regs t;

    regs_init_stream(&t);
    strtab_set(t.scene.guest, &t.scene.regs, FIRST_SID, ste_s1(CONTEXT_PTR));
    wr(&t, CR0, SMMUEN);
    wr64(&t, STRTAB_BASE, 0);
    wr(&t, STRTAB_BASE_CFG, 0);
    t.scene.guest->reads = 0;
    wr(&t, CR0, SMMUEN | EVENTQEN);         /* SMMUEN stays: not looked at */
    g_assert_cmpuint(t.scene.guest->reads, ==, 0);
    wr(&t, CR0, 0);
    expect_kind(&t, SMMUV3_STREAM_BYPASS);
    wr(&t, CR0, SMMUEN);
    expect_kind(&t, SMMUV3_STREAM_TRANSLATE);
    smmuv3_engine_reset(t.scene.engine, plain_idr);
    expect_kind(&t, SMMUV3_STREAM_BYPASS);
    regs_done(&t);
}

/* ---- CR0ACK ---- */

static void ack_is_late(Guest *g, uint64_t addr G_GNUC_UNUSED,
                        size_t len G_GNUC_UNUSED)
{
    Regs *t = g->hook_data;
    const SMMUv3Regs *r = smmuv3_engine_state(t->scene.engine);

    g_assert_cmphex(r->cr0, ==, SMMUEN | EVENTQEN);
    g_assert_cmphex(r->cr0ack, ==, EVENTQEN);
}

/* SMMUEN is acknowledged when the streams follow it, 6.3.10. */
static void test_cr0ack(void)
{
    Regs t;

    regs_init_stream(&t);
    wr(&t, CR0, EVENTQEN);
    g_assert_cmphex(rd(&t, CR0ACK), ==, EVENTQEN);
    t.scene.guest->after_read = ack_is_late;
    t.scene.guest->hook_data = &t;
    t.scene.guest->reads = 0;
    wr(&t, CR0, SMMUEN | EVENTQEN);
    g_assert_cmpuint(t.scene.guest->reads, >, 0);
    t.scene.guest->after_read = NULL;
    g_assert_cmphex(rd(&t, CR0ACK), ==, SMMUEN | EVENTQEN);
    wr(&t, CR0, UINT32_MAX);
    g_assert_cmphex(rd(&t, CR0), ==, 0xd);
    g_assert_cmphex(rd(&t, CR0ACK), ==, 0xd);
    wr(&t, CR0ACK, 0);
    g_assert_cmphex(rd(&t, CR0ACK), ==, 0xd);
    wr(&t, CR0, 0);
    g_assert_cmphex(rd(&t, CR0ACK), ==, 0);
    regs_done(&t);
}

/* ---- The command queue ---- */

static void init_queue(Regs *t, unsigned log2size, uint32_t at)
{
    regs_init(t);
    regs_set_up_queue(t, log2size, at);
    wr(t, CR0, CMDQEN);
}

static void push_many(Regs *t, unsigned n)
{
    while (n--) {
        regs_push(t, cmd_raw(SMMUV3_CMD_TLBI_NH_ALL, 0));
    }
}

static void expect_cons(Regs *t, uint32_t at, unsigned cerror)
{
    g_assert_cmphex(rd(t, CMDQ_CONS) & 0xfffff, ==, at);
    g_assert_cmphex(rd(t, CMDQ_CONS) >> 24, ==, cerror);
}

/* Overwrites the command at ring index @at. */
static void repair(Regs *t, uint32_t at)
{
    guest_write64(t->scene.guest, CMDQ_ADDR + 16 * at, SMMUV3_CMD_SYNC);
}

static void acknowledge(Regs *t)
{
    wr(t, GERRORN, rd(t, GERROR));
}

/* CMDQEN 0->1 consumes what is there; while it is 0, PROD moves nothing. */
static void test_enable_consumes(void)
{
    Regs t;

    regs_init(&t);
    regs_set_up_queue(&t, 4, 0);
    push_many(&t, 3);
    regs_ring_bell(&t);
    wr(&t, CR0, EVENTQEN);
    wr(&t, GERRORN, 0);
    smmuv3_engine_resume(t.scene.engine);
    expect_cons(&t, 0, 0);
    g_assert_cmpuint(regs_stats(&t)->commands, ==, 0);
    wr(&t, CR0, CMDQEN);
    expect_cons(&t, 3, 0);
    g_assert_cmpuint(regs_stats(&t)->commands, ==, 3);
    push_many(&t, 1);
    regs_ring_bell(&t);
    expect_cons(&t, 4, 0);
    wr(&t, CR0, 0);
    push_many(&t, 1);
    regs_ring_bell(&t);
    expect_cons(&t, 4, 0);
    regs_done(&t);
}

/* CMDQEN is set in CR0ACK before the first command is consumed, 6.3.9. */
static void queue_is_acknowledged(Guest *g)
{
    Regs *t = g->hook_data;

    g_assert_cmphex(smmuv3_engine_state(t->scene.engine)->cr0ack, ==, CMDQEN);
}

static void test_enable_acknowledged(void)
{
    Regs t;

    regs_init(&t);
    regs_set_up_queue(&t, 4, 0);
    regs_push(&t, cmd_sync(SMMUV3_SYNC_IRQ));
    regs_ring_bell(&t);
    t.scene.guest->on_sync_irq = queue_is_acknowledged;
    t.scene.guest->hook_data = &t;
    wr(&t, CR0, CMDQEN);
    g_assert_cmpuint(t.scene.guest->sync_irqs, ==, 1);
    regs_done(&t);
}

/* CONS, ERR and GERROR stand when the interrupt comes, 7.1. */
static void error_is_visible(Regs *t)
{
    const SMMUv3Regs *r = smmuv3_engine_state(t->scene.engine);

    g_assert_cmphex(r->cmdq_cons, ==, 0x01000001);
    g_assert_cmphex(r->gerror, ==, CMDQ_ERR);
}

static void test_error(void)
{
    Regs t;

    init_queue(&t, 4, 0);
    wr(&t, IRQ_CTRL, GERROR_IRQEN);
    t.on_irq = error_is_visible;
    regs_push(&t, cmd_sync(SMMUV3_SYNC_NONE));
    regs_push(&t, ILLEGAL);
    push_many(&t, 1);
    regs_ring_bell(&t);
    t.on_irq = NULL;
    expect_cons(&t, 1, 1);
    g_assert_cmphex(rd(&t, GERROR), ==, CMDQ_ERR);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_GERROR], ==, 1);
    /* Nothing moves it but the acknowledgement. */
    push_many(&t, 1);
    regs_ring_bell(&t);
    wr(&t, CR0, CMDQEN | EVENTQEN);
    wr(&t, CR0, 0);
    wr(&t, CR0, CMDQEN);
    wr(&t, GERRORN, 0);
    smmuv3_engine_resume(t.scene.engine);
    expect_cons(&t, 1, 1);
    g_assert_cmphex(rd(&t, GERROR), ==, CMDQ_ERR);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_GERROR], ==, 1);
    g_assert_cmpuint(regs_stats(&t)->errors[SMMUV3_CERROR_ILL], ==, 1);
    repair(&t, 1);
    acknowledge(&t);
    expect_cons(&t, 4, 1);                  /* ERR says what was last */
    regs_expect_error(&t, false);
    g_assert_cmphex(rd(&t, GERROR), ==, CMDQ_ERR);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_GERROR], ==, 1);
    regs_done(&t);
}

/* Acknowledged and not repaired: it fails again, and GERROR toggles back. */
static void test_error_again(void)
{
    Regs t;

    init_queue(&t, 4, 0);
    regs_push(&t, ILLEGAL);
    regs_ring_bell(&t);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_GERROR], ==, 0);     /* not enabled */
    wr(&t, IRQ_CTRL, EVENTQ_IRQEN);
    acknowledge(&t);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_GERROR], ==, 0);
    expect_cons(&t, 0, 1);
    regs_expect_error(&t, true);
    g_assert_cmphex(rd(&t, GERROR), ==, 0);
    g_assert_cmphex(rd(&t, GERRORN), ==, CMDQ_ERR);
    wr(&t, IRQ_CTRL, GERROR_IRQEN);
    acknowledge(&t);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_GERROR], ==, 1);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_EVENTQ], ==, 0);
    g_assert_cmphex(rd(&t, GERROR), ==, CMDQ_ERR);
    regs_done(&t);
}

/* ERR holds the last reason only. */
static void test_error_reasons(void)
{
    Regs t;

    init_queue(&t, 4, 0);
    regs_push(&t, cmd_raw(0xff, 0));
    regs_ring_bell(&t);
    expect_cons(&t, 0, 1);
    guest_hole(t.scene.guest, CMDQ_ADDR, 16);
    acknowledge(&t);
    expect_cons(&t, 0, 2);
    guest_no_holes(t.scene.guest);
    acknowledge(&t);
    expect_cons(&t, 0, 1);
    regs_done(&t);
}

static void test_error_then_reset(void)
{
    Regs t;

    init_queue(&t, 4, 0);
    regs_push(&t, ILLEGAL);
    regs_ring_bell(&t);
    regs_expect_error(&t, true);
    smmuv3_engine_reset(t.scene.engine, plain_idr);
    regs_expect_error(&t, false);
    expect_cons(&t, 0, 0);
    regs_set_up_queue(&t, 4, 0);
    push_many(&t, 1);
    regs_ring_bell(&t);
    wr(&t, CR0, CMDQEN);
    expect_cons(&t, 1, 0);
    regs_done(&t);
}

/* The guest activates an error by toggling what is not active, 6.3.19. */
static void test_error_made_up(void)
{
    Regs t;

    init_queue(&t, 4, 0);
    wr(&t, IRQ_CTRL, GERROR_IRQEN);
    wr(&t, GERRORN, CMDQ_ERR);
    push_many(&t, 1);
    regs_ring_bell(&t);
    expect_cons(&t, 0, 0);
    g_assert_cmphex(rd(&t, GERROR), ==, 0);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_GERROR], ==, 0);
    wr(&t, GERRORN, 0);
    expect_cons(&t, 1, 0);
    regs_done(&t);
}

/* CONS keeps its place through an error that another register raised. */
static void test_other_errors(void)
{
    Regs t;

    init_queue(&t, 4, 0);
    wr(&t, GERRORN, 0x104);
    push_many(&t, 1);
    regs_ring_bell(&t);
    expect_cons(&t, 1, 0);
    regs_done(&t);
}

/* From the last index with the wrap bit set, round to the first without. */
static void test_wrap(void)
{
    Regs t;

    init_queue(&t, 3, 14);
    for (unsigned round = 0; round < 9; round++) {
        push_many(&t, 5);
        regs_ring_bell(&t);
        expect_cons(&t, (14 + 5 * (round + 1)) & 0xf, 0);
        g_assert_cmphex(rd(&t, CMDQ_PROD), ==, rd(&t, CMDQ_CONS));
    }
    g_assert_cmpuint(regs_stats(&t)->commands, ==, 45);
    push_many(&t, 8);                           /* full is not empty */
    regs_ring_bell(&t);
    g_assert_cmpuint(regs_stats(&t)->commands, ==, 53);
    regs_done(&t);
}

/* Bits above the wrap bit have no effect, 6.3.27. */
static void test_stray_bits(void)
{
    Regs t;

    init_queue(&t, 3, 0);
    push_many(&t, 2);
    wr(&t, CMDQ_PROD, 0xffff0002);
    expect_cons(&t, 2, 0);
    g_assert_cmphex(rd(&t, CMDQ_PROD), ==, 2);
    g_assert_cmpuint(regs_stats(&t)->commands, ==, 2);
    regs_done(&t);
}

/* A queue of 2^31 is one of IDR1.CMDQS, here 2^4; its base aligned to that. */
static void test_capped_consumption(void)
{
    uint32_t idr[6];
    Regs t;

    memcpy(idr, plain_idr, sizeof(idr));
    idr[1] = 0x00930010;
    regs_init_idr(&t, idr);
    regs_set_up_queue(&t, 4, 0x1e);
    wr64(&t, CMDQ_BASE, (CMDQ_ADDR + 0x20) | 31);
    wr(&t, CR0, CMDQEN);
    push_many(&t, 4);
    regs_push(&t, ILLEGAL);
    regs_ring_bell(&t);
    expect_cons(&t, 2, 1);
    g_assert_cmpuint(regs_stats(&t)->commands, ==, 4);
    regs_done(&t);
}

/* ---- Pairs of which one half sets something going ---- */

/* FreeBSD's interrupt filter reads both indices at once. */
static void test_pair_queues(void)
{
    Regs t;

    init_queue(&t, 4, 3);
    push_many(&t, 2);
    wr64(&t, CMDQ_PROD, 0x0000000700000005);    /* CONS is read-only now */
    expect_cons(&t, 5, 0);
    g_assert_cmphex(rd_size(&t, CMDQ_PROD, 8), ==, 0x0000000500000005);
    wr(&t, CR0, 0);
    wr64(&t, CMDQ_PROD, 0x0000000700000009);
    g_assert_cmphex(rd_size(&t, CMDQ_PROD, 8), ==, 0x0000000700000009);
    g_assert_cmpuint(regs_stats(&t)->commands, ==, 2);
    wr64(&t, EVENTQ_BASE, (CMDQ_ADDR + 0x1000) | 4);
    wr64(&t, EVENTQ_PROD, 0x8000000380000002);
    g_assert_cmphex(rd_size(&t, EVENTQ_PROD, 8), ==,
                    0x8000000380000002);
    wr(&t, CR0, EVENTQEN);
    wr64(&t, EVENTQ_PROD, 0x0000000000000001);
    g_assert_cmphex(rd_size(&t, EVENTQ_PROD, 8), ==, 0x80000002);
    regs_done(&t);
}

/* GBPA's Update is in its own half; the other half has no bits. */
static void test_pair_gbpa(void)
{
    Regs t;

    regs_init(&t);
    wr64(&t, 0x40, (uint64_t)ABORT << 32 | UPDATE);
    g_assert_cmphex(rd_size(&t, 0x40, 8), ==, 0x0000100000000000);
    wr64(&t, 0x40, (uint64_t)(UPDATE | ABORT) << 32);
    g_assert_cmphex(rd_size(&t, 0x40, 8), ==, 0x0010000000000000);
    regs_done(&t);
}

/* GERRORN in the upper half resumes the queue, as it does alone. */
static void test_pair_gerror(void)
{
    Regs t;

    init_queue(&t, 4, 0);
    wr(&t, GERRORN, CMDQ_ERR);
    push_many(&t, 1);
    wr(&t, CMDQ_PROD, 1);
    expect_cons(&t, 0, 0);
    g_assert_cmphex(rd_size(&t, GERROR, 8), ==, 0x0000000100000000);
    wr64(&t, GERROR, 0x00000000ffffffff);
    expect_cons(&t, 1, 0);
    g_assert_cmphex(rd_size(&t, GERROR, 8), ==, 0);
    regs_done(&t);
}

/* ---- Slices ---- */

#define SLICE 16384

static void init_slices(Regs *t)
{
    init_queue(t, 16, 0);
    push_many(t, 2 * SLICE + 4);
    regs_ring_bell(t);
    expect_cons(t, SLICE, 0);
    g_assert_cmpuint(t->resumes, ==, 1);
}

static void test_resume(void)
{
    Regs t;

    init_slices(&t);
    smmuv3_engine_resume(t.scene.engine);
    expect_cons(&t, 2 * SLICE, 0);
    g_assert_cmpuint(t.resumes, ==, 2);
    smmuv3_engine_resume(t.scene.engine);
    expect_cons(&t, 2 * SLICE + 4, 0);
    g_assert_cmpuint(t.resumes, ==, 2);
    smmuv3_engine_resume(t.scene.engine);
    expect_cons(&t, 2 * SLICE + 4, 0);
    g_assert_cmpuint(t.resumes, ==, 2);
    regs_done(&t);
}

static void test_resume_after_off(void)
{
    Regs t;

    init_slices(&t);
    wr(&t, CR0, 0);
    smmuv3_engine_resume(t.scene.engine);
    expect_cons(&t, SLICE, 0);
    g_assert_cmpuint(t.resumes, ==, 1);
    wr(&t, CR0, CMDQEN);
    expect_cons(&t, 2 * SLICE, 0);
    g_assert_cmpuint(t.resumes, ==, 2);
    regs_done(&t);
}

static void test_resume_after_reset(void)
{
    Regs t;

    init_slices(&t);
    smmuv3_engine_reset(t.scene.engine, plain_idr);
    smmuv3_engine_resume(t.scene.engine);
    expect_cons(&t, 0, 0);
    g_assert_cmpuint(regs_stats(&t)->commands, ==, SLICE);
    regs_done(&t);
}

/* An error in a later slice is reported like one in the first. */
static void test_resume_error(void)
{
    Regs t;

    init_queue(&t, 16, 0);
    wr(&t, IRQ_CTRL, GERROR_IRQEN);
    push_many(&t, 20000);
    regs_push(&t, ILLEGAL);
    push_many(&t, 20000);
    regs_ring_bell(&t);
    smmuv3_engine_resume(t.scene.engine);
    expect_cons(&t, 20000, 1);
    regs_expect_error(&t, true);
    g_assert_cmpuint(t.irqs[SMMUV3_IRQ_GERROR], ==, 1);
    g_assert_cmpuint(t.resumes, ==, 1);
    smmuv3_engine_resume(t.scene.engine);
    expect_cons(&t, 20000, 1);
    repair(&t, 20000);
    acknowledge(&t);
    g_assert_cmpuint(t.resumes, ==, 2);
    smmuv3_engine_resume(t.scene.engine);
    g_assert_cmphex(rd(&t, CMDQ_CONS) & 0xfffff, ==, 40001);
    regs_done(&t);
}

/* ---- Pauses ---- */

/* Whatever is written, a paused SMMU stands still; then it catches up. */
static void test_pause(void)
{
    Regs t;

    init_slices(&t);
    smmuv3_engine_pause(t.scene.engine, true);
    g_assert_cmpuint(t.resumes, ==, 1);
    smmuv3_engine_resume(t.scene.engine);
    regs_ring_bell(&t);
    g_assert_true(smmuv3_engine_write_prod_quiet(t.scene.engine, 2 * SLICE + 4));
    smmuv3_engine_settle(t.scene.engine);
    wr(&t, GERRORN, 0);
    wr(&t, CR0, 0);
    wr(&t, CR0, CMDQEN);
    expect_cons(&t, SLICE, 0);
    g_assert_cmpuint(regs_stats(&t)->commands, ==, SLICE);
    g_assert_cmpuint(t.resumes, ==, 1);
    smmuv3_engine_pause(t.scene.engine, false);
    g_assert_cmpuint(t.resumes, ==, 2);
    expect_cons(&t, SLICE, 0);
    smmuv3_engine_resume(t.scene.engine);
    expect_cons(&t, 2 * SLICE, 0);
    regs_done(&t);
}

/* Neither a reset nor a load ends it. */
static void test_pause_stays(void)
{
    SMMUv3Regs state;
    Regs t;

    init_slices(&t);
    state = *smmuv3_engine_state(t.scene.engine);
    smmuv3_engine_pause(t.scene.engine, true);
    smmuv3_engine_reset(t.scene.engine, plain_idr);
    smmuv3_engine_set_state(t.scene.engine, &state);
    g_assert_cmpuint(t.resumes, ==, 1);
    smmuv3_engine_resume(t.scene.engine);
    expect_cons(&t, SLICE, 0);
    smmuv3_engine_pause(t.scene.engine, false);
    g_assert_cmpuint(t.resumes, ==, 2);
    regs_done(&t);
}

/* A queue that is off, or stopped by an error, is not asked for. */
static void test_pause_idle(void)
{
    Regs t;

    init_queue(&t, 5, 0);
    wr(&t, CR0, 0);
    smmuv3_engine_pause(t.scene.engine, true);
    smmuv3_engine_pause(t.scene.engine, false);
    g_assert_cmpuint(t.resumes, ==, 0);
    wr(&t, CR0, CMDQEN);
    regs_push(&t, ILLEGAL);
    regs_ring_bell(&t);
    regs_expect_error(&t, true);
    smmuv3_engine_pause(t.scene.engine, true);
    smmuv3_engine_pause(t.scene.engine, false);
    g_assert_cmpuint(t.resumes, ==, 0);
    regs_done(&t);
}

/* A posted value is the register's at once; its commands come by resume. */
static void test_post_prod(void)
{
    uint64_t before;
    Regs t;

    init_queue(&t, 5, 0);
    before = smmuv3_engine_stats(t.scene.engine)->prod_writes;
    regs_push(&t, cmd_sync(SMMUV3_SYNC_NONE));
    smmuv3_engine_post_prod(t.scene.engine, 1);
    g_assert_cmphex(rd(&t, CMDQ_PROD), ==, 1);
    expect_cons(&t, 0, 0);
    g_assert_cmpuint(smmuv3_engine_stats(t.scene.engine)->prod_writes, ==, before + 1);
    g_assert_cmpuint(t.resumes, ==, 1);
    smmuv3_engine_resume(t.scene.engine);
    expect_cons(&t, 1, 0);
    regs_done(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/regs/gbpa/update", test_gbpa);
    g_test_add_func("/regs/gbpa/while-enabled", test_gbpa_while_enabled);
    g_test_add_func("/regs/strtab/while-enabled", test_strtab_while_enabled);
    g_test_add_func("/regs/cr0ack", test_cr0ack);
    g_test_add_func("/regs/cmdq/enable-consumes", test_enable_consumes);
    g_test_add_func("/regs/cmdq/enable-acknowledged",
                    test_enable_acknowledged);
    g_test_add_func("/regs/cmdq/error", test_error);
    g_test_add_func("/regs/cmdq/error-again", test_error_again);
    g_test_add_func("/regs/cmdq/error-reasons", test_error_reasons);
    g_test_add_func("/regs/cmdq/error-reset", test_error_then_reset);
    g_test_add_func("/regs/cmdq/error-made-up", test_error_made_up);
    g_test_add_func("/regs/cmdq/other-errors", test_other_errors);
    g_test_add_func("/regs/cmdq/wrap", test_wrap);
    g_test_add_func("/regs/cmdq/stray-bits", test_stray_bits);
    g_test_add_func("/regs/cmdq/capped", test_capped_consumption);
    g_test_add_func("/regs/pair-of/queues", test_pair_queues);
    g_test_add_func("/regs/pair-of/gbpa", test_pair_gbpa);
    g_test_add_func("/regs/pair-of/gerror", test_pair_gerror);
    g_test_add_func("/regs/slices/resume", test_resume);
    g_test_add_func("/regs/slices/off", test_resume_after_off);
    g_test_add_func("/regs/slices/reset", test_resume_after_reset);
    g_test_add_func("/regs/slices/error", test_resume_error);
    g_test_add_func("/regs/pause/stands-still", test_pause);
    g_test_add_func("/regs/pause/stays", test_pause_stays);
    g_test_add_func("/regs/pause/idle", test_pause_idle);
    g_test_add_func("/regs/post-prod", test_post_prod);
    return g_test_run();
}
