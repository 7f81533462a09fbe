/*
 * Batches and the host's errors: who is to blame for a call that failed, which
 * calls that takes, counts that lie, hosts that want commands twice. Time-outs
 * of devices: test-atc; each error at each place: test-errors.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>

#include "commands.h"

/* ---- Refusals: who is to blame ---- */

static bool is_range_or_page_41(const SMMUv3Cmd *cmd)
{
    return is_range(cmd) || (cmd->dw[1] & SMMUV3_TLBI1_VA) == 41 * 0x1000;
}

static bool is_nh_all(const SMMUv3Cmd *cmd)
{
    return (cmd->dw[0] & SMMUV3_CMD0_OPCODE) == SMMUV3_CMD_TLBI_NH_ALL;
}

/* TLBI_NH_ALL stands where it was written: what is before it stays done. */
static void test_all_refused(void)
{
    SMMUv3Cmd all = cmd_raw(SMMUV3_CMD_TLBI_NH_ALL, 0);
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 0);
    s.host->refuses = is_nh_all;
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    queue_push(&s.queue, all);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    expect_stops(&s, 1, SMMUV3_CERROR_ILL);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    s.host->refuses = NULL;
    expect_drains(&s);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 2);
    scene_done(&s);
}

/* Nor does CONS go back past a batch that went before an attachment. */
static void test_all_refused_behind_ste(void)
{
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 0);
    s.host->refuses = is_nh_all;
    strtab_set(s.guest, &s.regs, FIRST_SID, ste_s1(CONTEXT_PTR + 0x1000));
    push_tlbis(&s, 0, 3);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    queue_push(&s.queue, cmd_cfgi_ste(FIRST_SID));
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    queue_push(&s.queue, cmd_raw(SMMUV3_CMD_TLBI_NH_ALL, 0));
    expect_stops(&s, 6, SMMUV3_CERROR_ILL);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 2);
    s.host->refuses = NULL;
    expect_drains(&s);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 2);
    scene_done(&s);
}

/* What it swallowed is named as it was written. */
static void test_all_swallowed_refused(void)
{
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 0);
    push_tlbis(&s, 0, 3);
    queue_push(&s.queue, cmd_raw(SMMUV3_CMD_TLBI_NH_ALL, 0));
    push_tlbis(&s, 3, 3);
    s.host->refuses = is_nh_all;
    expect_stops(&s, 3, SMMUV3_CERROR_ILL);
    s.host->refuses = NULL;
    expect_drains(&s);
    scene_done(&s);
}

/* So does the one that a range becomes for a host without them. */
static void test_widened_refused(void)
{
    uint32_t host[6];
    Scene s;

    memcpy(host, host_idr, sizeof(host));
    host[3] &= ~(uint32_t)SMMUV3_IDR3_RIL;
    scene_init_idr(&s, host, guest_idr);
    scene_add(&s, 0);
    scene_enable(&s);
    s.host->refuses = is_nh_all;
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    queue_push(&s.queue, cmd_raw(SMMUV3_CMD_TLBI_NH_VA |
                                 SMMUV3_PREP(SMMUV3_TLBI0_NUM, 31) |
                                 SMMUV3_PREP(SMMUV3_TLBI0_SCALE, 10),
                                 SMMUV3_PREP(SMMUV3_TLBI1_TG, SMMUV3_TG_4K)));
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    expect_stops(&s, 1, SMMUV3_CERROR_ILL);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    s.host->refuses = NULL;
    expect_drains(&s);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 2);
    scene_done(&s);
}

static bool is_range_or_page_11(const SMMUv3Cmd *cmd)
{
    return is_range(cmd) || (cmd->dw[1] & SMMUV3_TLBI1_VA) == 11 * 0x1000;
}

/* What was merged is refused: what it was merged from is not. */
static void test_merged_refused(void)
{
    Scene s;

    scene_init_translating(&s);
    push_tlbis(&s, 0, 10);
    push_pages(&s, 100);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    s.host->refuses = is_range;
    expect_drains(&s);
    for (unsigned i = 0; i < 100; i++) {
        g_assert_true(is_issued(&s, cmd_tlbi_va(2, 0x1000 * i)));
    }
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    scene_done(&s);
}

/* The guest is told of its own command, not of the range it went into. */
static void test_merged_blame(void)
{
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 0);
    push_tlbis(&s, 0, 10);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    push_pages(&s, 100);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    s.host->refuses = is_range_or_page_41;
    expect_stops(&s, 11 + 41, SMMUV3_CERROR_ILL);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    for (unsigned i = 0; i < 100; i++) {
        g_assert_cmpint(is_issued(&s, cmd_tlbi_va(2, 0x1000 * i)), ==,
                        i < 41);
    }
    s.host->refuses = NULL;
    expect_drains(&s);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 2);
    scene_done(&s);
}

/*
 * A refusal is found one by one, and in that a time-out, after which nothing is
 * searched for: CERROR_ABT, the guest goes on, and then the refusal is found.
 */
static void test_merged_blame_and_timeout(void)
{
    Scene s;

    scene_init_translating(&s);
    queue_seek(&s.queue, 0);
    queue_push(&s.queue, some_atc_inv());
    push_pages(&s, 100);
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    s.host->atc_timeout = true;
    s.host->refuses = is_range_or_page_41;
    expect_stops(&s, 1, SMMUV3_CERROR_ABT);
    expect_stops(&s, 1 + 41, SMMUV3_CERROR_ILL);
    s.host->refuses = NULL;
    expect_stops(&s, 1 + 100, SMMUV3_CERROR_ATC_INV_SYNC);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 0);
    s.host->atc_timeout = false;
    expect_drains(&s);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    scene_done(&s);
}

/* ---- Hosts with the erratum ---- */

static void init_repeating(Scene *s)
{
    scene_init(s);
    s->smmu->info.repeat_tlbi_cfgi = 1;
    scene_add(s, 0);
    scene_enable(s);
    scene_install(s, 0, ste_s1(CONTEXT_PTR));
    fake_host_forget(s->host);
}

static unsigned times_issued(const Scene *s, SMMUv3Cmd cmd)
{
    unsigned times = 0;

    for (guint j = 0; j < s->host->issued->len; j++) {
        times += !memcmp(fake_issued(s->host, j), &cmd, sizeof(cmd));
    }
    return times;
}

/* Hosts with the erratum do not repeat for us: TLBI and CFGI go twice... */
static void test_repeat(void)
{
    Scene s;

    init_repeating(&s);
    push_tlbis(&s, 0, 100);
    queue_push(&s.queue, cmd_cfgi_cd(FIRST_SID, 0));
    queue_push(&s.queue, some_atc_inv());
    expect_drains(&s);
    for (unsigned i = 0; i < 100; i++) {
        g_assert_cmpuint(times_issued(&s, nth_tlbi(i)), ==, 2);
    }
    g_assert_cmpuint(times_issued(&s, cmd_cfgi_cd(FIRST_SID, 0)), ==, 2);
    /* ...and ATC_INV once, behind both. */
    g_assert_cmpuint(times_issued(&s, some_atc_inv()), ==, 1);
    g_assert_true(is_issued(&s, some_atc_inv()));
    g_assert_cmpuint(SMMUV3_GET(SMMUV3_CMD0_OPCODE,
                                fake_issued(s.host, s.host->issued->len - 1)
                                ->dw[0]), ==, SMMUV3_CMD_ATC_INV);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 2);
    scene_done(&s);
}

static unsigned calls_made;
static int third_error;

static int fails_first_and_third(SMMUv3Host *h G_GNUC_UNUSED, FakeCall call)
{
    if (call != FAKE_INVALIDATE) {
        return 0;
    }
    calls_made++;
    return calls_made == 1 ? ETIMEDOUT : calls_made == 3 ? third_error : 0;
}

/* The guest is told of an ATC_INV that was not made, or it is made after all. */
static void test_repeat_atc_not_reached(gconstpointer data)
{
    Scene s;

    init_repeating(&s);
    queue_seek(&s.queue, 0);
    push_tlbis(&s, 0, 1);
    queue_push(&s.queue, some_atc_inv());
    queue_push(&s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    calls_made = 0;
    third_error = GPOINTER_TO_INT(data);
    s.host->fails = fails_first_and_third;
    expect_stops(&s, 0, SMMUV3_CERROR_ABT);
    if (third_error == ETIMEDOUT) {
        expect_stops(&s, 2, SMMUV3_CERROR_ATC_INV_SYNC);
    }
    g_assert_cmpuint(s.guest->sync_irqs, ==, 0);
    expect_drains(&s);
    g_assert_cmpint(is_issued(&s, some_atc_inv()), ==,
                    third_error != ETIMEDOUT);
    g_assert_cmpuint(s.guest->sync_irqs, ==, 1);
    scene_done(&s);
}

static void test_repeat_no_atc_inv(void)
{
    Scene s;

    init_repeating(&s);
    for (unsigned i = 0; i < 3; i++) {
        queue_push(&s.queue, cmd_atc_inv(FIRST_SID, nth_va(i), 0));
    }
    expect_drains(&s);
    g_assert_cmpuint(s.host->issued->len, ==, 3);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 1);
    scene_done(&s);
}

/* In the guest's order, when one is looked for that was refused. */
static void test_repeat_refused(void)
{
    Scene s;

    init_repeating(&s);
    queue_seek(&s.queue, 0);
    queue_push(&s.queue, some_atc_inv());
    push_pages(&s, 20);
    queue_push(&s.queue, cmd_atc_inv(FIRST_SID, 0x9000, 0));
    s.host->refuses = is_range_or_page_11;
    expect_stops(&s, 1 + 11, SMMUV3_CERROR_ILL);
    for (unsigned i = 0; i < 11; i++) {
        g_assert_cmpuint(times_issued(&s, cmd_tlbi_va(2, 0x1000 * i)), >=, 2);
    }
    s.host->refuses = NULL;
    fake_host_forget(s.host);
    expect_drains(&s);
    g_assert_cmpuint(times_issued(&s, cmd_atc_inv(FIRST_SID, 0x9000, 0)), ==,
                     1);
    scene_done(&s);
}

/* ---- One flush by itself: its calls, and what it says of them ---- */

enum { DEVICES = 3, CAPACITY = SMMUV3_HOST_INVALIDATE_MAX + 512 };

/* Devices are the batch's only to be suspected. */
typedef struct Direct {
    SMMUv3Host *host;
    SMMUv3HostPort port;
    SMMUv3EngineStats stats;
    SMMUv3VsidTable *vsids;
    SMMUv3HostId vdevices[DEVICES];
    SMMUv3EngineDevice devices[DEVICES];
    SMMUv3AtcRound round;
    SMMUv3Batch batch;
} Direct;

static void direct_init(Direct *t)
{
    FakeSmmu *smmu;
    SMMUv3HostId parent;

    *t = (Direct) { .host = fake_host_new() };
    smmu = fake_smmu_new(t->host, host_idr);
    parent = fake_parent_new(t->host, smmu);
    t->vsids = smmuv3_vsid_table_new();
    t->port.host = t->host;
    t->port.stats = &t->stats;
    g_assert_true(smmuv3_host_take_ops(&t->port, &fake_host_ops));
    for (unsigned i = 0; i < DEVICES; i++) {
        SMMUv3HostDevice *dev = fake_device_new(t->host, smmu, parent);

        if (!i) {
            smmuv3_host_viommu_alloc(&t->port, dev, parent);
        }
        smmuv3_host_vdevice_alloc(&t->port, dev, FIRST_SID + i,
                                  &t->vdevices[i]);
        smmuv3_vsid_insert(t->vsids, FIRST_SID + i, &t->devices[i]);
    }
    smmuv3_batch_init(&t->batch, CAPACITY, &t->port, t->vsids, &t->round);
    fake_host_forget(t->host);
}

static void direct_done(Direct *t)
{
    g_assert_cmpuint(t->batch.n, ==, 0);
    g_assert_cmpuint(t->stats.calls[SMMUV3_CALL_INVALIDATE], ==,
                     t->host->all_calls[FAKE_INVALIDATE]);
    g_assert_cmpuint(t->stats.entries, ==, t->host->all_entries);
    for (unsigned i = 0; i < DEVICES; i++) {
        smmuv3_host_destroy(&t->port, t->vdevices[i]);
    }
    smmuv3_host_destroy(&t->port, t->port.viommu);
    g_assert_cmpuint(t->host->rule_breaks, ==, 0);
    fake_host_free(t->host);
    smmuv3_batch_destroy(&t->batch);
    smmuv3_vsid_table_free(t->vsids);
}

/* Places in a window are not those in a batch, which is sorted. */
static uint32_t direct_index(unsigned i)
{
    return 5000 + 10 * i;
}

static void direct_add_tlbis(Direct *t, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        smmuv3_batch_add(&t->batch, nth_tlbi(i), direct_index(i));
    }
}

static void direct_add_atc_inv(Direct *t, unsigned device, uint32_t index)
{
    smmuv3_batch_add(&t->batch, cmd_atc_inv(FIRST_SID + device, 0x1000, 0),
                     index);
}

/* The invalidates took as many entries as @entries says, up to a 0. */
static void direct_expect_calls(const Direct *t, const unsigned *entries)
{
    const GArray *journal = t->host->journal;
    guint i = 0;

    for (; entries[i]; i++) {
        g_assert_cmpuint(i, <, journal->len);
        g_assert_cmpuint(g_array_index(journal, FakeRecord, i).n, ==,
                         entries[i]);
    }
    g_assert_cmpuint(journal->len, ==, i);
}

#define EXPECT_CALLS(t, ...) \
    direct_expect_calls(t, (const unsigned[]) { __VA_ARGS__, 0 })

/* The first @n TLBIs and nothing else, each at least once, in their order. */
static void direct_expect_tlbis(const Direct *t, unsigned n)
{
    unsigned next = 0;

    for (guint i = 0; i < t->host->issued->len; i++) {
        uint64_t va = fake_issued(t->host, i)->dw[1];

        g_assert_cmphex(va, <=, nth_tlbi(next).dw[1]);
        next += va == nth_tlbi(next).dw[1];
    }
    g_assert_cmpuint(next, ==, n);
}

static void direct_expect_success(SMMUv3BatchResult r)
{
    g_assert_cmpint(r.cerror, ==, SMMUV3_CERROR_NONE);
    g_assert_false(r.refused);
    g_assert_false(r.timed_out);
    g_assert_false(r.atc_timed_out);
}

static void test_flush_empty(void)
{
    Direct t;

    direct_init(&t);
    direct_expect_success(smmuv3_batch_flush(&t.batch));
    g_assert_cmpuint(t.host->calls[FAKE_CALLS], ==, 0);
    g_assert_cmpuint(t.stats.batches, ==, 0);
    direct_done(&t);
}

static void test_flush_once(void)
{
    Direct t;

    direct_init(&t);
    direct_add_tlbis(&t, 100);
    direct_expect_success(smmuv3_batch_flush(&t.batch));
    direct_expect_success(smmuv3_batch_flush(&t.batch));
    EXPECT_CALLS(&t, 100);
    direct_expect_tlbis(&t, 100);
    g_assert_cmpuint(t.stats.batches, ==, 1);
    g_assert_cmpuint(t.stats.sent, ==, 100);
    direct_done(&t);
}

/* More than the port takes in a call is still one batch. */
static void test_flush_long(void)
{
    Direct t;

    direct_init(&t);
    direct_add_tlbis(&t, SMMUV3_HOST_INVALIDATE_MAX + 100);
    direct_expect_success(smmuv3_batch_flush(&t.batch));
    EXPECT_CALLS(&t, SMMUV3_HOST_INVALIDATE_MAX, 100);
    direct_expect_tlbis(&t, SMMUV3_HOST_INVALIDATE_MAX + 100);
    g_assert_cmpuint(t.stats.batches, ==, 1);
    g_assert_cmpuint(t.stats.sent, ==, SMMUV3_HOST_INVALIDATE_MAX + 100);
    direct_done(&t);
}

/* Short of memory once: half as many, and then all that are left. */
static void test_flush_regrows(void)
{
    Direct t;

    direct_init(&t);
    direct_add_tlbis(&t, 100);
    fake_host_fail_nth(t.host, FAKE_INVALIDATE, 1, ENOMEM);
    direct_expect_success(smmuv3_batch_flush(&t.batch));
    EXPECT_CALLS(&t, 100, 50, 50);
    direct_expect_tlbis(&t, 100);
    direct_done(&t);
}

/* A count is no reason to send as few as it says: nothing was done. */
static void test_flush_no_memory_lies(void)
{
    Direct t;

    direct_init(&t);
    direct_add_tlbis(&t, 100);
    t.host->lying = true;
    t.host->lie = 3;
    fake_host_fail_nth(t.host, FAKE_INVALIDATE, 1, ENOMEM);
    direct_expect_success(smmuv3_batch_flush(&t.batch));
    EXPECT_CALLS(&t, 100, 50, 50);
    direct_expect_tlbis(&t, 100);
    direct_done(&t);
}

/* Always short of it: as many as it has memory for. */
static void test_flush_no_memory(void)
{
    Direct t;

    direct_init(&t);
    direct_add_tlbis(&t, 20);
    t.host->nomem_from = 10;
    direct_expect_success(smmuv3_batch_flush(&t.batch));
    EXPECT_CALLS(&t, 20, 10, 5, 10, 5, 10, 5, 5);
    direct_expect_tlbis(&t, 20);
    direct_done(&t);
}

/*
 * It refuses everything, and counts a block of 63 but one, then nothing: the
 * first is told of, to be tried again.
 */
static void test_flush_refused(void)
{
    SMMUv3BatchResult r;
    Direct t;

    direct_init(&t);
    direct_add_tlbis(&t, 64);
    fake_host_go_away(t.host, 1, ENODEV);
    r = smmuv3_batch_flush(&t.batch);
    g_assert_cmpint(r.cerror, ==, SMMUV3_CERROR_ABT);
    g_assert_cmpuint(r.failed, ==, direct_index(0));
    g_assert_true(r.refused);
    g_assert_false(r.timed_out);
    EXPECT_CALLS(&t, 64, 62, 31, 15, 7, 3, 1);
    direct_done(&t);
}

/* Whatever it counts, what is illegal is found, and all before it is done. */
static void test_flush_lies(gconstpointer data)
{
    SMMUv3BatchResult r;
    Direct t;

    direct_init(&t);
    direct_add_tlbis(&t, 100);
    fake_host_refuse(t.host, nth_tlbi(41).dw[1]);
    t.host->lying = true;
    t.host->lie = GPOINTER_TO_UINT(data);
    r = smmuv3_batch_flush(&t.batch);
    g_assert_cmpint(r.cerror, ==, SMMUV3_CERROR_ILL);
    g_assert_cmpuint(r.failed, ==, direct_index(41));
    g_assert_false(r.refused);
    g_assert_cmpuint(t.host->calls[FAKE_INVALIDATE], <=, 64);
    direct_expect_tlbis(&t, 41);
    direct_done(&t);
}

/*
 * Of a block without an answer each is suspected. The first in the window is
 * told of, wherever it is in the batch.
 */
static void test_flush_atc_index(void)
{
    SMMUv3BatchResult r;
    Direct t;

    direct_init(&t);
    direct_add_tlbis(&t, 5);
    direct_add_atc_inv(&t, 0, 90);
    direct_add_atc_inv(&t, 1, 300);
    direct_add_atc_inv(&t, 0, 7);
    direct_add_atc_inv(&t, 0, 40);
    t.host->atc_dead[t.host->n_atc_dead++] = FIRST_SID;
    r = smmuv3_batch_flush(&t.batch);
    g_assert_cmpint(r.cerror, ==, SMMUV3_CERROR_NONE);
    g_assert_true(r.timed_out);
    g_assert_true(r.atc_timed_out);
    g_assert_cmpuint(r.atc_index, ==, 7);
    g_assert_true(smmuv3_atc_suspected(&t.devices[0].atc, &t.round));
    g_assert_true(smmuv3_atc_suspected(&t.devices[1].atc, &t.round));
    g_assert_false(smmuv3_atc_suspected(&t.devices[2].atc, &t.round));
    EXPECT_CALLS(&t, 9, 5);
    direct_done(&t);
}

static int never_answers(SMMUv3Host *h G_GNUC_UNUSED, FakeCall call)
{
    return call == FAKE_INVALIDATE ? ETIMEDOUT : 0;
}

/* Nobody can be suspected: the first of what is left, after a second call. */
static void test_flush_hopeless(void)
{
    SMMUv3BatchResult r;
    Direct t;

    direct_init(&t);
    smmuv3_batch_add(&t.batch, nth_tlbi(1), 70);
    smmuv3_batch_add(&t.batch, nth_tlbi(0), 30);
    smmuv3_batch_add(&t.batch, nth_tlbi(2), 50);
    t.host->fails = never_answers;
    r = smmuv3_batch_flush(&t.batch);
    g_assert_cmpint(r.cerror, ==, SMMUV3_CERROR_ABT);
    g_assert_cmpuint(r.failed, ==, 30);
    g_assert_false(r.refused);
    g_assert_true(r.timed_out);
    g_assert_false(r.atc_timed_out);
    EXPECT_CALLS(&t, 3, 3);
    direct_done(&t);
}

/* Its device has gone: nobody to suspect, and not to be asked again. */
static void test_flush_gone(void)
{
    SMMUv3BatchResult r;
    Direct t;

    direct_init(&t);
    smmuv3_vsid_remove(t.vsids, FIRST_SID);
    direct_add_tlbis(&t, 2);
    direct_add_atc_inv(&t, 0, 9);
    t.host->atc_timeout = true;
    r = smmuv3_batch_flush(&t.batch);
    g_assert_cmpint(r.cerror, ==, SMMUV3_CERROR_NONE);
    g_assert_true(r.atc_timed_out);
    g_assert_cmpuint(r.atc_index, ==, 9);
    EXPECT_CALLS(&t, 3, 2);
    direct_expect_tlbis(&t, 2);
    direct_done(&t);
}

/* With the erratum: before an ATC_INV, and once more together with it. */
static void test_flush_repeats(void)
{
    Direct t;

    direct_init(&t);
    t.port.info.repeat_tlbi_cfgi = 1;
    direct_add_tlbis(&t, 2);
    direct_add_atc_inv(&t, 0, 7);
    smmuv3_batch_add(&t.batch, nth_tlbi(2), 8);
    direct_expect_success(smmuv3_batch_flush(&t.batch));
    EXPECT_CALLS(&t, 2, 3, 1, 1);
    g_assert_cmpuint(t.stats.sent, ==, 4);
    g_assert_cmpuint(t.stats.entries, ==, 7);
    direct_done(&t);
}

static void add_flushes(void)
{
    static const uint32_t lies[] = { 0, 1, 40, 41, 42, 99, 100, UINT32_MAX };

    g_test_add_func("/batch/empty", test_flush_empty);
    g_test_add_func("/batch/once", test_flush_once);
    g_test_add_func("/batch/long", test_flush_long);
    g_test_add_func("/batch/regrows", test_flush_regrows);
    g_test_add_func("/batch/no-memory", test_flush_no_memory);
    g_test_add_func("/batch/no-memory-lies", test_flush_no_memory_lies);
    g_test_add_func("/batch/refused", test_flush_refused);
    for (unsigned i = 0; i < G_N_ELEMENTS(lies); i++) {
        g_autofree char *path = g_strdup_printf("/batch/lies/%u", lies[i]);

        g_test_add_data_func(path, GUINT_TO_POINTER(lies[i]),
                             test_flush_lies);
    }
    g_test_add_func("/batch/atc-index", test_flush_atc_index);
    g_test_add_func("/batch/hopeless", test_flush_hopeless);
    g_test_add_func("/batch/gone", test_flush_gone);
    g_test_add_func("/batch/repeats", test_flush_repeats);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_flushes();
    g_test_add_func("/cmdq/error/all-refused", test_all_refused);
    g_test_add_func("/cmdq/error/all-refused-behind-ste",
                    test_all_refused_behind_ste);
    g_test_add_func("/cmdq/error/all-swallowed-refused",
                    test_all_swallowed_refused);
    g_test_add_func("/cmdq/error/widened-refused", test_widened_refused);
    g_test_add_func("/cmdq/error/merged-refused", test_merged_refused);
    g_test_add_func("/cmdq/error/merged-blame", test_merged_blame);
    g_test_add_func("/cmdq/error/merged-blame-and-timeout",
                    test_merged_blame_and_timeout);
    g_test_add_func("/cmdq/repeat/twice", test_repeat);
    g_test_add_func("/cmdq/repeat/no-atc-inv", test_repeat_no_atc_inv);
    g_test_add_data_func("/cmdq/repeat/atc-not-reached/timeout",
                         GINT_TO_POINTER(ETIMEDOUT),
                         test_repeat_atc_not_reached);
    g_test_add_data_func("/cmdq/repeat/atc-not-reached/no-memory",
                         GINT_TO_POINTER(ENOMEM), test_repeat_atc_not_reached);
    g_test_add_func("/cmdq/repeat/refused", test_repeat_refused);
    return g_test_run();
}
