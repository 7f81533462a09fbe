/*
 * Quiet runs: what a VMM does without its big lock, and what is left for it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Guest.quiet has the frontend assert that nothing else of it is called.
 */
#include <errno.h>

#include "offsets.h"
#include "scene.h"

#define ON          (SMMUEN | CMDQEN)
#define MSI_ABT     0x10u

#define MSI_ADDR    (GUEST_BASE + 0xb00000)
#define DOORBELL    (GUEST_BASE + 0xc00000)
#define NOWHERE     UINT64_C(0x1000)

typedef struct Quiet {
    Scene s;
    uint32_t prod;
    unsigned irqs, resumes;
} Quiet;

static int on_write(void *opaque G_GNUC_UNUSED, uint64_t addr G_GNUC_UNUSED,
                    const void *buf G_GNUC_UNUSED, size_t len G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

static void on_irq(void *opaque, SMMUv3Irq irq)
{
    Quiet *t = opaque;

    g_assert_false(t->s.guest->quiet);
    g_assert_cmpint(irq, ==, SMMUV3_IRQ_GERROR);
    t->irqs++;
}

static void on_resume(void *opaque, unsigned delay_ms G_GNUC_UNUSED)
{
    Quiet *t = opaque;

    g_assert_false(t->s.guest->quiet);
    t->resumes++;
}

static const GuestHooks ops = {
    .write = on_write, .irq = on_irq, .resume = on_resume,
};

static uint32_t rd(Quiet *t, uint64_t offset)
{
    uint64_t value;

    g_assert_true(smmuv3_engine_read(t->s.engine, offset, 4, &value));
    return value;
}

static void wr(Quiet *t, uint64_t offset, unsigned size, uint64_t value)
{
    g_assert_true(smmuv3_engine_write(t->s.engine, offset, size, value));
}

/* One translating device, a queue of 8192, GERROR's interrupt on. */
static void init(Quiet *t)
{
    uint32_t idr[6];

    *t = (Quiet) { };
    memcpy(idr, guest_idr, sizeof(idr));
    idr[0] = (idr[0] | SMMUV3_IDR0_MSI) & ~SMMUV3_IDR0_ATS;
    idr[1] |= 19 << 21 | 19 << 16;
    scene_init_translating(&t->s);
    t->s.guest->doorbell = DOORBELL;
    guest_hook(t->s.guest, &ops, t);
    smmuv3_engine_reset(t->s.engine, idr);
    queue_init(&t->s.queue, t->s.guest, CMDQ_ADDR, 13);
    wr(t, STRTAB_BASE, 8, STRTAB_ADDR);
    wr(t, STRTAB_BASE_CFG, 4, 8);
    wr(t, CMDQ_BASE, 8, CMDQ_ADDR | 13);
    wr(t, IRQ_CTRL, 4, 1);
    wr(t, CR0, 4, ON);
    g_assert_cmpint(scene_kind(&t->s, 0), ==, SMMUV3_STREAM_TRANSLATE);
    fake_host_forget(t->s.host);
}

static void done(Quiet *t)
{
    scene_done(&t->s);
}

static void push(Quiet *t, SMMUv3Cmd cmd)
{
    uint64_t addr = CMDQ_ADDR + 16 * (t->prod++ & 0x1fff);

    guest_write64(t->s.guest, addr, cmd.dw[0]);
    guest_write64(t->s.guest, addr + 8, cmd.dw[1]);
}

static bool write_prod(Quiet *t)
{
    bool all;

    t->s.guest->quiet = true;
    all = smmuv3_engine_write_prod_quiet(t->s.engine, t->prod);
    t->s.guest->quiet = false;
    return all;
}

static unsigned calls(const Quiet *t)
{
    return t->s.host->calls[FAKE_INVALIDATE];
}

static void expect_settled(Quiet *t, uint32_t cons)
{
    unsigned before = t->s.host->calls[FAKE_CALLS];

    smmuv3_engine_settle(t->s.engine);
    g_assert_cmpuint(t->s.host->calls[FAKE_CALLS], ==, before);
    g_assert_cmphex(rd(t, CMDQ_CONS), ==, cons);
    g_assert_cmpuint(t->irqs, ==, 0);
}

static void test_invalidations(void)
{
    Quiet t;

    init(&t);
    push(&t, cmd_tlbi_va(1, 0x7000));
    push(&t, cmd_cfgi_cd(FIRST_SID, 0));
    push(&t, cmd_raw(SMMUV3_CMD_PREFETCH_CONFIG, 0));
    push(&t, cmd_sync(0));
    push(&t, cmd_sync_msi(MSI_ADDR, 0x5a17));
    g_assert_true(write_prod(&t));
    g_assert_cmphex(rd(&t, CMDQ_CONS), ==, 5);
    g_assert_cmphex(guest_read32(t.s.guest, MSI_ADDR), ==, 0x5a17);
    g_assert_cmpuint(calls(&t), ==, 1);
    g_assert_cmpuint(t.s.host->issued->len, ==, 2);
    g_assert_cmpuint(smmuv3_engine_stats(t.s.engine)->prod_writes, ==, 1);
    expect_settled(&t, 5);
    done(&t);
}

/* A CMD_SYNC between two classes is completed in a quiet run as well. */
static void test_classes(void)
{
    Quiet t;

    init(&t);
    push(&t, cmd_cfgi_cd(FIRST_SID, 0));
    push(&t, cmd_sync_msi(MSI_ADDR, 1));
    push(&t, cmd_tlbi_va(1, 0x7000));
    push(&t, cmd_sync_msi(MSI_ADDR, 2));
    g_assert_true(write_prod(&t));
    g_assert_cmphex(rd(&t, CMDQ_CONS), ==, 4);
    g_assert_cmphex(guest_read32(t.s.guest, MSI_ADDR), ==, 2);
    g_assert_cmpuint(t.s.guest->msis, ==, 2);
    g_assert_cmpuint(calls(&t), ==, 2);
    expect_settled(&t, 4);
    done(&t);
}

/* What was done of it stays done; the rest is for who has the locks. */
static void test_loud_behind_class(void)
{
    const SMMUv3EngineStats *stats;
    Quiet t;

    init(&t);
    stats = smmuv3_engine_stats(t.s.engine);
    push(&t, cmd_cfgi_cd(FIRST_SID, 0));
    push(&t, cmd_sync_msi(MSI_ADDR, 1));
    /* Reserved, so widened: counted when it is done. */
    push(&t, cmd_raw(SMMUV3_CMD_TLBI_NH_VA | 1 << 12 | 32 << 20, 1 << 10));
    push(&t, cmd_sync_msi(MSI_ADDR, 2));
    push(&t, cmd_cfgi_ste(0x77));
    push(&t, cmd_sync_msi(MSI_ADDR, 3));
    g_assert_false(write_prod(&t));
    g_assert_cmphex(rd(&t, CMDQ_CONS), ==, 2);
    g_assert_cmphex(guest_read32(t.s.guest, MSI_ADDR), ==, 1);
    g_assert_cmpuint(calls(&t), ==, 1);
    g_assert_cmpuint(stats->forwarded, ==, 1);
    g_assert_cmpuint(stats->widened, ==, 0);
    smmuv3_engine_settle(t.s.engine);
    g_assert_cmpuint(t.resumes, ==, 1);
    smmuv3_engine_resume(t.s.engine);
    g_assert_cmphex(rd(&t, CMDQ_CONS), ==, 6);
    g_assert_cmphex(guest_read32(t.s.guest, MSI_ADDR), ==, 3);
    g_assert_cmpuint(calls(&t), ==, 2);
    g_assert_cmpuint(stats->forwarded, ==, 2);
    g_assert_cmpuint(stats->widened, ==, 1);
    g_assert_cmpuint(t.s.guest->msis, ==, 3);
    done(&t);
}

/* What makes a run loud, behind an invalidation: nothing at all is done. */
static void expect_loud(Quiet *t, SMMUv3Cmd cmd)
{
    SMMUv3EngineStats before = *smmuv3_engine_stats(t->s.engine);
    uint32_t cons = rd(t, CMDQ_CONS);

    push(t, cmd_tlbi_va(1, 0x7000));
    push(t, cmd);
    push(t, cmd_sync_msi(MSI_ADDR, 3));
    g_assert_false(write_prod(t));
    g_assert_cmphex(rd(t, CMDQ_CONS), ==, cons);
    g_assert_cmpuint(calls(t), ==, 0);
    before.prod_writes++;
    g_assert_cmpmem(&before, sizeof(before), smmuv3_engine_stats(t->s.engine),
                    sizeof(before));
    g_assert_cmphex(guest_read32(t->s.guest, MSI_ADDR), ==, 0);
}

/* All of it in one window, as if it had never been tried. */
static void test_loud(void)
{
    const SMMUv3Cmd loud[] = {
        cmd_cfgi_ste(FIRST_SID), cmd_cfgi_range(0, 31),
        cmd_raw(0x46 | 1 << 12, 0),             /* SIG_IRQ without an MSI */
        cmd_sync_msi(DOORBELL, 1),
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(loud); i++) {
        Quiet t;

        init(&t);
        expect_loud(&t, loud[i]);
        smmuv3_engine_settle(t.s.engine);
        g_assert_cmphex(rd(&t, CMDQ_CONS), ==, 3);
        g_assert_cmpuint(calls(&t), ==, 1);
        /* The CDs of an STE that was not changed, and the address. */
        g_assert_cmpuint(t.s.host->issued->len, ==, i < 2 ? 2 : 1);
        g_assert_cmphex(guest_read32(t.s.guest, MSI_ADDR), ==, 3);
        g_assert_cmpuint(t.s.guest->sync_irqs, ==, i == 2);
        g_assert_cmpuint(t.s.guest->msis, ==, i == 3 ? 2 : 1);
        expect_settled(&t, 3);
        done(&t);
    }
}

static void expect_error(Quiet *t, uint32_t cons, SMMUv3CmdError cerror)
{
    g_assert_cmphex(rd(t, CMDQ_CONS), ==, cons | (uint32_t)cerror << 24);
    g_assert_cmphex(rd(t, GERROR) ^ rd(t, GERRORN), ==, CMDQ_ERR);
    g_assert_cmpuint(t->irqs, ==, 1);
}

static void test_illegal(void)
{
    const SMMUv3Cmd illegal[] = {
        cmd_raw(0xff, 0), cmd_sync(3),
        cmd_raw(SMMUV3_CMD_TLBI_NH_VA, 1 << 10),
        cmd_raw(SMMUV3_CMD_CFGI_CD | SMMUV3_CMD0_SSEC, 0),
        cmd_atc_inv(FIRST_SID, 0, 0),           /* IDR0.ATS=0 */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(illegal); i++) {
        Quiet t;

        init(&t);
        expect_loud(&t, illegal[i]);
        g_assert_cmphex(rd(&t, GERROR), ==, 0);
        smmuv3_engine_settle(t.s.engine);
        expect_error(&t, 1, SMMUV3_CERROR_ILL);
        g_assert_cmpuint(t.s.host->issued->len, ==, 1);
        done(&t);
    }
}

static void test_unreadable(void)
{
    Quiet t;

    init(&t);
    push(&t, cmd_sync(0));
    push(&t, cmd_sync(0));
    guest_hole(t.s.guest, CMDQ_ADDR + 16, 16);
    g_assert_false(write_prod(&t));
    g_assert_cmphex(rd(&t, CMDQ_CONS), ==, 0);
    smmuv3_engine_settle(t.s.engine);
    expect_error(&t, 1, SMMUV3_CERROR_ABT);
    done(&t);
}

/* The host's failure shows in CONS, and as an error only when settled. */
static void test_host_fails(void)
{
    Quiet t;

    init(&t);
    fake_host_fail_nth(t.s.host, FAKE_INVALIDATE, 1, EIO);
    push(&t, cmd_tlbi_va(1, 0x7000));
    push(&t, cmd_sync_msi(MSI_ADDR, 1));
    g_assert_false(write_prod(&t));
    g_assert_cmphex(rd(&t, GERROR), ==, 0);
    g_assert_cmpuint(t.irqs, ==, 0);
    smmuv3_engine_settle(t.s.engine);
    expect_error(&t, 0, SMMUV3_CERROR_ILL);
    g_assert_cmphex(guest_read32(t.s.guest, MSI_ADDR), ==, 0);

    /* The queue has stopped, for quiet writes as well. */
    push(&t, cmd_sync(0));
    g_assert_true(write_prod(&t));
    g_assert_cmphex(rd(&t, CMDQ_CONS) & 0xfffff, ==, 0);
    wr(&t, GERRORN, 4, CMDQ_ERR);
    g_assert_cmphex(rd(&t, CMDQ_CONS) & 0xfffff, ==, 3);
    done(&t);
}

static void test_msi_aborted(void)
{
    Quiet t;

    init(&t);
    push(&t, cmd_sync_msi(NOWHERE, 1));
    g_assert_false(write_prod(&t));
    g_assert_cmphex(rd(&t, CMDQ_CONS), ==, 1);
    g_assert_cmphex(rd(&t, GERROR), ==, 0);
    smmuv3_engine_settle(t.s.engine);
    g_assert_cmphex(rd(&t, GERROR), ==, MSI_ABT);
    g_assert_cmpuint(t.irqs, ==, 1);
    done(&t);
}

/* What comes before it is settled waits for that, and is consumed then. */
static void test_unsettled(void)
{
    Quiet t;

    init(&t);
    push(&t, cmd_sync_msi(NOWHERE, 1));
    g_assert_false(write_prod(&t));
    push(&t, cmd_tlbi_va(1, 0x7000));
    g_assert_false(write_prod(&t));
    g_assert_cmpuint(calls(&t), ==, 0);
    g_assert_cmphex(rd(&t, CMDQ_CONS), ==, 1);
    smmuv3_engine_settle(t.s.engine);
    g_assert_cmpuint(calls(&t), ==, 1);
    g_assert_cmphex(rd(&t, CMDQ_CONS), ==, 2);
    g_assert_cmphex(rd(&t, GERROR), ==, MSI_ABT);
    g_assert_cmpuint(smmuv3_engine_stats(t.s.engine)->prod_writes, ==, 2);
    push(&t, cmd_tlbi_va(1, 0x9000));
    g_assert_true(write_prod(&t));
    done(&t);
}

static void test_slice(void)
{
    Quiet t;

    init(&t);
    for (unsigned i = 0; i < 5000; i++) {
        push(&t, cmd_tlbi_va(1, 0x7000 * (uint64_t)i));
    }
    g_assert_false(write_prod(&t));
    g_assert_cmphex(rd(&t, CMDQ_CONS), ==, 4096);
    g_assert_cmpuint(calls(&t), ==, 1);
    smmuv3_engine_settle(t.s.engine);
    g_assert_cmpuint(calls(&t), ==, 1);
    g_assert_cmpuint(t.resumes, ==, 1);
    smmuv3_engine_resume(t.s.engine);
    g_assert_cmphex(rd(&t, CMDQ_CONS), ==, 5000);
    done(&t);
}

static void test_off(void)
{
    Quiet t;

    init(&t);
    wr(&t, CR0, 4, 0);
    push(&t, cmd_raw(0xff, 0));
    g_assert_true(write_prod(&t));
    g_assert_cmphex(rd(&t, CMDQ_PROD), ==, 1);
    expect_settled(&t, 0);
    done(&t);
}

/* Neither the error nor the invalidation before it is left over. */
static void test_reset(void)
{
    uint32_t idr[6];
    Quiet t;

    init(&t);
    memcpy(idr, smmuv3_engine_state(t.s.engine)->idr, sizeof(idr));
    push(&t, cmd_tlbi_va(1, 0x7000));
    push(&t, cmd_raw(0xff, 0));
    g_assert_false(write_prod(&t));
    smmuv3_engine_reset(t.s.engine, idr);
    smmuv3_engine_settle(t.s.engine);
    g_assert_cmphex(rd(&t, GERROR), ==, 0);
    g_assert_cmpuint(t.irqs, ==, 0);

    wr(&t, CMDQ_BASE, 8, CMDQ_ADDR | 13);
    wr(&t, CR0, 4, ON);
    t.prod = 0;
    push(&t, cmd_sync(0));
    g_assert_true(write_prod(&t));
    g_assert_cmphex(rd(&t, CMDQ_CONS), ==, 1);
    g_assert_cmpuint(calls(&t), ==, 0);
    done(&t);
}

/* A quiet write of a single CMD_SYNC is consumed: nothing is unsettled. */
static void expect_quiet_again(Quiet *t, uint32_t cons)
{
    push(t, cmd_sync(0));
    g_assert_true(write_prod(t));
    g_assert_cmphex(rd(t, CMDQ_CONS), ==, cons);
}

/*
 * A reset ends the run that was not settled, so that the next quiet write does
 * not wait for a smmuv3_engine_settle() that the VMM has no reason to call.
 */
static void test_reset_settles(void)
{
    uint32_t idr[6];
    Quiet t;

    init(&t);
    memcpy(idr, smmuv3_engine_state(t.s.engine)->idr, sizeof(idr));
    push(&t, cmd_raw(0xff, 0));
    g_assert_false(write_prod(&t));
    smmuv3_engine_reset(t.s.engine, idr);
    wr(&t, CMDQ_BASE, 8, CMDQ_ADDR | 13);
    wr(&t, CR0, 4, ON);
    t.prod = 0;
    expect_quiet_again(&t, 1);
    done(&t);
}

/* So does a state that is loaded, which has a queue of its own. */
static void test_load_settles(void)
{
    SMMUv3Regs state;
    Quiet t;

    init(&t);
    state = *smmuv3_engine_state(t.s.engine);
    push(&t, cmd_raw(0xff, 0));
    g_assert_false(write_prod(&t));
    smmuv3_engine_set_state(t.s.engine, &state);
    t.prod = 0;
    expect_quiet_again(&t, 1);
    done(&t);
}

/* A reserved range is sent as more; that is counted once. */
static void test_widened(void)
{
    Quiet t;

    init(&t);
    push(&t, cmd_raw(SMMUV3_CMD_TLBI_NH_VA | 1 << 12 | 32 << 20, 1 << 10));
    push(&t, cmd_cfgi_ste(0x77));
    g_assert_false(write_prod(&t));
    g_assert_cmpuint(smmuv3_engine_stats(t.s.engine)->widened, ==, 0);
    smmuv3_engine_settle(t.s.engine);
    g_assert_cmpuint(smmuv3_engine_stats(t.s.engine)->widened, ==, 1);
    g_assert_cmpuint(t.s.host->issued->len, ==, 1);
    done(&t);
}

/* A VMM that cannot say so has no MSI that is quiet. */
static void test_no_msi_is_quiet(void)
{
    SMMUv3FrontendOps fe = guest_ops;
    uint32_t idr[6];
    SMMUv3Engine *e;
    Quiet t;

    init(&t);
    memcpy(idr, smmuv3_engine_state(t.s.engine)->idr, sizeof(idr));
    fe.msi_is_quiet = NULL;
    e = smmuv3_engine_new(&fe, t.s.guest);
    smmuv3_features_set(e, idr);
    queue_push(&t.s.queue, cmd_sync_msi(MSI_ADDR, 1));
    t.s.queue.regs.quiet = true;
    g_assert_cmpint(queue_run(&t.s.queue, e).status, ==,
                    SMMUV3_CMDQ_NOT_QUIET);
    g_assert_cmpuint(t.s.guest->msis, ==, 0);
    smmuv3_engine_free(e);
    done(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/quiet/invalidations", test_invalidations);
    g_test_add_func("/quiet/classes", test_classes);
    g_test_add_func("/quiet/loud", test_loud);
    g_test_add_func("/quiet/loud-behind-class", test_loud_behind_class);
    g_test_add_func("/quiet/illegal", test_illegal);
    g_test_add_func("/quiet/unreadable", test_unreadable);
    g_test_add_func("/quiet/host-fails", test_host_fails);
    g_test_add_func("/quiet/msi-aborted", test_msi_aborted);
    g_test_add_func("/quiet/unsettled", test_unsettled);
    g_test_add_func("/quiet/slice", test_slice);
    g_test_add_func("/quiet/off", test_off);
    g_test_add_func("/quiet/reset", test_reset);
    g_test_add_func("/quiet/reset-settles", test_reset_settles);
    g_test_add_func("/quiet/load-settles", test_load_settles);
    g_test_add_func("/quiet/widened", test_widened);
    g_test_add_func("/quiet/no-msi-is-quiet", test_no_msi_is_quiet);
    return g_test_run();
}
