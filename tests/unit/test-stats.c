/*
 * What can be looked at: visitors, counters, and what a tracing VMM is told.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Calls, entries and commands by class are checked at the end of every scene
 * of every test (scene_done()); here is the rest.
 */
#include <errno.h>

#include "scene.h"

#define EVENTQ_ADDR (GUEST_BASE + 0xa00000)
#define LEAF 1

static const SMMUv3EngineStats *stats(const Scene *s)
{
    return smmuv3_engine_stats(s->engine);
}

/* ---- Visitors ---- */

typedef struct Seen {
    unsigned devices, hwpts;
    SMMUv3DeviceInfo device[SCENE_MAX];
    SMMUv3HwptInfo hwpt[16];
} Seen;

static void see_device(void *opaque, const SMMUv3DeviceInfo *device)
{
    Seen *seen = opaque;

    g_assert_cmpuint(seen->devices, <, G_N_ELEMENTS(seen->device));
    seen->device[seen->devices++] = *device;
}

static void see_hwpt(void *opaque, const SMMUv3HwptInfo *hwpt)
{
    Seen *seen = opaque;

    g_assert_cmpuint(seen->hwpts, <, G_N_ELEMENTS(seen->hwpt));
    g_assert_true(!seen->hwpts ||
                  seen->hwpt[seen->hwpts - 1].id < hwpt->id);
    seen->hwpt[seen->hwpts++] = *hwpt;
}

static Seen look(const Scene *s)
{
    Seen seen = { 0 };
    unsigned calls = s->host->calls[FAKE_CALLS], reads = s->guest->reads;

    smmuv3_engine_for_each_device(s->engine, see_device, &seen);
    smmuv3_engine_for_each_hwpt(s->engine, see_hwpt, &seen);
    g_assert_cmpuint(s->host->calls[FAKE_CALLS], ==, calls);
    g_assert_cmpuint(s->guest->reads, ==, reads);
    return seen;
}

static void expect_user(const Seen *seen, unsigned i)
{
    for (unsigned h = 0; h < seen->hwpts; h++) {
        if (seen->hwpt[h].id == seen->device[i].hwpt) {
            g_assert_cmpint(seen->hwpt[h].kind, ==, seen->device[i].kind);
            return;
        }
    }
    g_assert_not_reached();
}

static void test_nothing(void)
{
    SMMUv3EngineObjects objects;
    Seen seen;
    Scene s;

    scene_init(&s);
    seen = look(&s);
    objects = smmuv3_engine_objects(s.engine);
    g_assert_cmpuint(seen.devices + seen.hwpts, ==, 0);
    g_assert_cmpuint(objects.viommu | objects.parent | objects.veventq, ==, 0);
    scene_done(&s);
}

static void test_devices(void)
{
    SMMUv3EngineObjects objects;
    Seen seen;
    Scene s;

    scene_init_translating(&s);
    scene_add(&s, 1);
    seen = look(&s);
    g_assert_cmpuint(seen.devices, ==, 2);
    g_assert_true(seen.device[0].cookie == s.dev[0]);
    g_assert_true(seen.device[0].has_vsid);
    g_assert_cmphex(seen.device[0].vsid, ==, FIRST_SID);
    g_assert_cmpuint(seen.device[0].vdevice, ==, s.dev[0]->vdevice);
    g_assert_cmpuint(seen.device[0].hwpt, ==, s.dev[0]->pt);
    g_assert_cmpint(seen.device[0].kind, ==, SMMUV3_STREAM_TRANSLATE);
    g_assert_cmpint(seen.device[0].event, ==, SMMUV3_EVENT_NONE);
    g_assert_cmphex(seen.device[1].vsid, ==, FIRST_SID + 1);
    g_assert_cmpint(seen.device[1].kind, ==, SMMUV3_STREAM_ABORT);
    expect_user(&seen, 0);
    expect_user(&seen, 1);

    objects = smmuv3_engine_objects(s.engine);
    g_assert_cmpuint(objects.parent, ==, s.parent);
    g_assert_cmpuint(objects.viommu, !=, 0);
    g_assert_cmpuint(objects.veventq, ==, 0);
    smmuv3_host_events_want(s.engine, true);
    g_assert_cmpuint(smmuv3_engine_objects(s.engine).veventq, !=, 0);

    scene_remove(&s, 0);
    seen = look(&s);
    g_assert_cmpuint(seen.devices, ==, 1);
    g_assert_true(seen.device[0].cookie == s.dev[1]);
    scene_done(&s);
}

static int no_attach(SMMUv3Host *host, FakeCall call)
{
    (void)host;
    return call == FAKE_ATTACH ? EIO : 0;
}

/* A device without a number, with a bad STE, and one that is blocked. */
static void test_odd_devices(void)
{
    Seen seen;
    Scene s;

    scene_init_translating(&s);
    guest_clear_vsid(s.guest, s.dev[1]);
    scene_add(&s, 1);
    seen = look(&s);
    g_assert_false(seen.device[1].has_vsid);
    g_assert_cmpuint(seen.device[1].vdevice, ==, 0);

    scene_install(&s, 0, ste_invalid());
    seen = look(&s);
    g_assert_cmpint(seen.device[0].kind, ==, SMMUV3_STREAM_ABORT);
    g_assert_cmpint(seen.device[0].event, ==, SMMUV3_EVENT_C_BAD_STE);

    scene_install(&s, 0, ste_s1(CONTEXT_PTR));
    fake_host_fail_nth(s.host, FAKE_ATTACH, 1, EIO);
    strtab_set(s.guest, &s.regs, FIRST_SID, ste_s1(CONTEXT_PTR + 0x1000));
    scene_command(&s, cmd_cfgi_ste(FIRST_SID));
    seen = look(&s);
    g_assert_cmpint(seen.device[0].kind, ==, SMMUV3_STREAM_ABORT);
    g_assert_cmpuint(seen.device[0].hwpt, ==, s.dev[0]->pt);

    s.host->fails = no_attach;
    scene_command(&s, cmd_cfgi_ste(FIRST_SID));
    seen = look(&s);
    g_assert_cmpint(seen.device[0].kind, ==, SMMUV3_STREAM_ABORT);
    g_assert_cmpuint(seen.device[0].hwpt, ==, 0);
    g_assert_cmpuint(s.dev[0]->pt, ==, 0);
    s.host->fails = NULL;
    scene_done(&s);
}

static const SMMUv3HwptInfo *translating(const Seen *seen, uint64_t ptr)
{
    for (unsigned h = 0; h < seen->hwpts; h++) {
        if (seen->hwpt[h].kind == SMMUV3_STREAM_TRANSLATE &&
            (seen->hwpt[h].ste[0] & SMMUV3_STE0_S1CONTEXTPTR) == ptr) {
            return &seen->hwpt[h];
        }
    }
    g_assert_not_reached();
}

/* The words are those that the host was given, users go up and down. */
static void test_hwpts(void)
{
    const SMMUv3HwptInfo *hwpt;
    SMMUv3Ste ste = ste_s1(CONTEXT_PTR);
    Seen seen;
    Scene s;

    scene_init_translating(&s);
    seen = look(&s);
    hwpt = translating(&seen, CONTEXT_PTR);
    g_assert_cmpuint(hwpt->users, ==, 1);
    g_assert_cmphex(hwpt->ste[0], ==, ste.dw[0]);
    g_assert_cmphex(hwpt->ste[0], ==,
                    GUINT64_FROM_LE(fake_device_ste0(s.dev[0])));

    scene_add(&s, 1);
    scene_install(&s, 1, ste_s1(CONTEXT_PTR));
    seen = look(&s);
    g_assert_cmpuint(translating(&seen, CONTEXT_PTR)->users, ==, 2);
    g_assert_cmpuint(stats(&s)->hwpt_shared, ==, 1);

    scene_install(&s, 0, ste_config(SMMUV3_STE_CONFIG_BYPASS));
    scene_install(&s, 1, ste_config(SMMUV3_STE_CONFIG_BYPASS));
    seen = look(&s);
    g_assert_cmpuint(translating(&seen, CONTEXT_PTR)->users, ==, 0);
    g_assert_cmpint(seen.device[1].kind, ==, SMMUV3_STREAM_BYPASS);
    scene_done(&s);
}

/* ---- Counters ---- */

static void push_pages(Scene *s, unsigned n, uint64_t step)
{
    for (unsigned i = 0; i < n; i++) {
        queue_push(&s->queue, cmd_tlbi_va(1, 0x100000000 + step * i));
    }
}

static void expect_sum(const Scene *s)
{
    g_assert_cmpuint(stats(s)->sent, ==, stats(s)->forwarded -
                     stats(s)->coalesced + stats(s)->expanded);
}

static void test_coalesced(void)
{
    Scene s;

    scene_init_translating(&s);
    push_pages(&s, 100, 0x1000);
    g_assert_cmpint(queue_run(&s.queue, s.engine).status, ==,
                    SMMUV3_CMDQ_DRAINED);
    g_assert_cmpuint(stats(&s)->forwarded, ==, 100);
    g_assert_cmpuint(stats(&s)->coalesced, ==, 97);
    g_assert_cmpuint(stats(&s)->expanded, ==, 0);
    g_assert_cmpuint(stats(&s)->batches, ==, 1);
    g_assert_cmpuint(stats(&s)->entries, ==, 3);
    expect_sum(&s);
    push_pages(&s, 10, 0x5000000);
    queue_run(&s.queue, s.engine);
    g_assert_cmpuint(stats(&s)->coalesced, ==, 97);
    g_assert_cmpuint(stats(&s)->batches, ==, 2);
    g_assert_cmpuint(stats(&s)->entries, ==, 13);
    expect_sum(&s);
    scene_done(&s);
}

/* A host without RIL is sent the pages of a range one by one. */
static void test_expanded(void)
{
    uint32_t host[6];
    Scene s;

    memcpy(host, host_idr, sizeof(host));
    host[3] &= ~(uint32_t)SMMUV3_IDR3_RIL;
    scene_init_idr(&s, host, guest_idr);
    scene_add(&s, 0);
    scene_enable(&s);
    scene_command(&s, cmd_raw(SMMUV3_CMD_TLBI_NH_VA | 1ull << 48 |
                              SMMUV3_PREP(SMMUV3_TLBI0_NUM, 6),
                              0x100000000 | LEAF |
                              SMMUV3_PREP(SMMUV3_TLBI1_TG, 1)));
    g_assert_cmpuint(stats(&s)->forwarded, ==, 1);
    g_assert_cmpuint(stats(&s)->expanded, ==, 6);
    g_assert_cmpuint(stats(&s)->coalesced, ==, 0);
    g_assert_cmpuint(stats(&s)->sent, ==, 7);
    expect_sum(&s);
    scene_done(&s);
}

/* What is behind a command that fails is neither consumed nor counted yet. */
static void test_classes_after_error(void)
{
    const uint64_t *n;
    Scene s;

    scene_init_translating(&s);
    n = stats(&s)->by_class;
    g_assert_cmpuint(n[SMMUV3_CLASS_CFGI_STE], ==, 1);
    queue_push(&s.queue, cmd_cfgi_cd(FIRST_SID, 0));
    queue_push(&s.queue, cmd_tlbi_va(1, 0x1000));
    queue_push(&s.queue, cmd_raw(0xff, 0));
    queue_push(&s.queue, cmd_raw(SMMUV3_CMD_PREFETCH_ADDR, 0));
    queue_push(&s.queue, cmd_sync(0));
    g_assert_cmpint(queue_run(&s.queue, s.engine).status, ==,
                    SMMUV3_CMDQ_STOPPED);
    g_assert_cmpuint(n[SMMUV3_CLASS_CFGI_CD], ==, 1);
    g_assert_cmpuint(n[SMMUV3_CLASS_TLBI], ==, 1);
    g_assert_cmpuint(n[SMMUV3_CLASS_PREFETCH], ==, 0);
    g_assert_cmpuint(n[SMMUV3_CLASS_SYNC], ==, 0);
    g_assert_cmpuint(stats(&s)->errors[SMMUV3_CERROR_ILL], ==, 1);
    queue_patch(&s.queue, 0, cmd_sync(0));
    queue_run(&s.queue, s.engine);
    g_assert_cmpuint(n[SMMUV3_CLASS_PREFETCH], ==, 1);
    g_assert_cmpuint(n[SMMUV3_CLASS_SYNC], ==, 2);
    g_assert_cmpuint(n[SMMUV3_CLASS_TLBI], ==, 1);
    scene_done(&s);
}

/* The host fails the second of two flushes: only the first is consumed. */
static void test_classes_after_host_error(void)
{
    const uint64_t *n;
    Scene s;

    scene_init_translating(&s);
    n = stats(&s)->by_class;
    queue_push(&s.queue, cmd_sync(0));
    queue_push(&s.queue, cmd_tlbi_va(1, 0x1000));
    queue_push(&s.queue, cmd_sync(0));
    fake_host_fail_nth(s.host, FAKE_INVALIDATE, 1, EIO);
    g_assert_cmpint(queue_run(&s.queue, s.engine).status, ==,
                    SMMUV3_CMDQ_STOPPED);
    g_assert_cmpuint(n[SMMUV3_CLASS_SYNC], ==, 1);
    g_assert_cmpuint(n[SMMUV3_CLASS_TLBI], ==, 0);
    scene_done(&s);
}

/* ---- What is told ---- */

typedef struct Told {
    Scene s;
    SMMUv3FrontendOps ops;
    unsigned windows, batches, streams, made, freed;
    SMMUv3WindowInfo window;
    SMMUv3Cmd failed;
    SMMUv3BatchInfo batch;
    SMMUv3DeviceInfo stream;
    SMMUv3HwptInfo hwpt;
} Told;

static Told *told;

static void on_window(void *opaque, const SMMUv3WindowInfo *window)
{
    (void)opaque;
    told->windows++;
    told->window = *window;
    if (window->failed) {
        told->failed = *window->failed;
    }
}

static void on_batch(void *opaque, const SMMUv3BatchInfo *batch)
{
    (void)opaque;
    told->batches++;
    told->batch = *batch;
}

static void on_stream(void *opaque, const SMMUv3DeviceInfo *device)
{
    (void)opaque;
    told->streams++;
    told->stream = *device;
}

static void on_hwpt(void *opaque, const SMMUv3HwptInfo *hwpt, bool made)
{
    (void)opaque;
    told->made += made;
    told->freed += !made;
    told->hwpt = *hwpt;
}

/* The scene's own guest, and who traces beside. */
static void told_init(Told *t)
{
    *t = (Told) { .ops = guest_ops };
    t->ops.window_done = on_window;
    t->ops.batch_done = on_batch;
    t->ops.stream_changed = on_stream;
    t->ops.hwpt_changed = on_hwpt;
    told = t;
    scene_init(&t->s);
    smmuv3_engine_free(t->s.engine);
    t->s.engine = smmuv3_engine_new(&t->ops, t->s.guest);
    smmuv3_features_set(t->s.engine, guest_idr);
    scene_add(&t->s, 0);
    scene_enable(&t->s);
    scene_install(&t->s, 0, ste_s1(CONTEXT_PTR));
}

static void test_told_of_windows(void)
{
    Told t;
    Scene *s = &t.s;
    uint32_t from;

    told_init(&t);
    t.windows = t.batches = 0;
    from = s->queue.regs.cons;
    push_pages(s, 100, 0x1000);
    queue_run(&s->queue, s->engine);
    g_assert_cmpuint(t.windows, ==, 1);
    g_assert_cmpuint(t.window.from, ==, from);
    g_assert_cmpuint(t.window.to, ==, s->queue.regs.cons);
    g_assert_cmpuint(t.window.forwarded, ==, 100);
    g_assert_cmpint(t.window.cerror, ==, SMMUV3_CERROR_NONE);
    g_assert_cmpuint(t.batches, ==, 1);
    g_assert_cmpuint(t.batch.forwarded, ==, 100);
    g_assert_cmpuint(t.batch.sent, ==, 3);
    g_assert_cmpuint(t.batch.calls, ==, 1);

    /* Nothing for the host: a window and no batch. */
    scene_command(s, cmd_sync(0));
    g_assert_cmpuint(t.windows, ==, 2);
    g_assert_cmpuint(t.batches, ==, 1);

    /* Two batches around a change of a stream, each with its own. */
    push_pages(s, 2, 0x5000000);
    strtab_set(s->guest, &s->regs, FIRST_SID,
               ste_config(SMMUV3_STE_CONFIG_BYPASS));
    queue_push(&s->queue, cmd_cfgi_ste(FIRST_SID));
    push_pages(s, 3, 0x5000000);
    queue_run(&s->queue, s->engine);
    g_assert_cmpuint(t.batches, ==, 3);
    g_assert_cmpuint(t.batch.forwarded, ==, 3);
    g_assert_cmpuint(t.window.forwarded, ==, 5);
    scene_done(s);
}

static void test_told_of_errors(void)
{
    Told t;

    told_init(&t);
    queue_push(&t.s.queue, cmd_sync(0));
    queue_push(&t.s.queue, cmd_raw(0xfe, 0x1234));
    queue_run(&t.s.queue, t.s.engine);
    g_assert_cmpint(t.window.cerror, ==, SMMUV3_CERROR_ILL);
    g_assert_nonnull(t.window.failed);
    g_assert_cmphex(t.failed.dw[0], ==, 0xfe);
    g_assert_cmphex(t.failed.dw[1], ==, 0x1234);
    g_assert_cmpuint(t.window.to, ==, t.s.queue.regs.cons);

    /* One that cannot be read has no words to tell. */
    queue_patch(&t.s.queue, 0, cmd_sync(0));
    guest_hole(t.s.guest, CMDQ_ADDR, 0x1000);
    queue_run(&t.s.queue, t.s.engine);
    g_assert_cmpint(t.window.cerror, ==, SMMUV3_CERROR_ABT);
    g_assert_null(t.window.failed);
    guest_no_holes(t.s.guest);
    scene_done(&t.s);
}

static void test_told_of_streams(void)
{
    Told t;
    Scene *s = &t.s;
    unsigned streams;

    told_init(&t);
    g_assert_true(t.stream.cookie == s->dev[0]);
    g_assert_cmpint(t.stream.kind, ==, SMMUV3_STREAM_TRANSLATE);
    g_assert_cmpuint(t.stream.hwpt, ==, s->dev[0]->pt);
    g_assert_cmphex(t.hwpt.ste[0], ==, ste_s1(CONTEXT_PTR).dw[0]);
    g_assert_cmpuint(t.made, ==, stats(s)->hwpt_translate +
                     stats(s)->hwpt_bypass + stats(s)->hwpt_abort);
    g_assert_cmpuint(t.freed, ==, 0);

    /* Nothing changes: nothing is told. */
    streams = t.streams;
    scene_command(s, cmd_cfgi_ste(FIRST_SID));
    g_assert_cmpuint(t.streams, ==, streams);

    /* Aborting for another reason is told, though no call is made. */
    scene_install(s, 0, ste_config(SMMUV3_STE_CONFIG_ABORT));
    streams = t.streams;
    scene_install(s, 0, ste_invalid());
    g_assert_cmpuint(t.streams, ==, streams + 1);
    g_assert_cmpint(t.stream.event, ==, SMMUV3_EVENT_C_BAD_STE);

    /* Renumbered: the old number goes, the new one comes. */
    guest_set_vsid(s->guest, s->dev[0], FIRST_SID + 7);
    smmuv3_attach_all(s->engine, &s->regs);
    g_assert_true(t.stream.has_vsid);
    g_assert_cmphex(t.stream.vsid, ==, FIRST_SID + 7);

    scene_remove(s, 0);
    g_assert_cmpuint(t.freed, ==, t.made);
    scene_done(s);
}

/* ---- The register file's ---- */

typedef struct File {
    Scene s;
    unsigned told, n, written;
    bool lost;
} File;

static void on_irq(void *opaque, SMMUv3Irq irq)
{
    (void)opaque;
    (void)irq;
}

static void on_resume(void *opaque, unsigned delay_ms G_GNUC_UNUSED)
{
    (void)opaque;
}

static int on_write(void *opaque, uint64_t addr, const void *buf, size_t len)
{
    File *f = opaque;

    return guest_write(f->s.guest, addr, buf, len);
}

static void on_recorded(void *opaque, const SMMUv3EventRecord *records,
                        unsigned n, unsigned written, bool lost)
{
    File *f = opaque;

    (void)records;
    f->told++;
    f->n = n;
    f->written = written;
    f->lost = lost;
}

static const GuestHooks regs_ops = {
    .write = on_write, .irq = on_irq, .resume = on_resume,
    .recorded = on_recorded,
};

static void wr(File *f, uint64_t offset, unsigned size, uint64_t value)
{
    g_assert_true(smmuv3_engine_write(f->s.engine, offset, size, value));
}

static void expect_events(const File *f, unsigned written, unsigned dropped,
                          unsigned overflowed)
{
    const SMMUv3EngineStats *stats = smmuv3_engine_stats(f->s.engine);

    g_assert_cmpuint(stats->events_written, ==, written);
    g_assert_cmpuint(stats->events_dropped, ==, dropped);
    g_assert_cmpuint(stats->events_overflowed, ==, overflowed);
}

/* An event queue of four. */
static void file_init(File *f)
{
    uint32_t idr[6];

    memcpy(idr, guest_idr, sizeof(idr));
    idr[1] |= 19u << 21 | 19u << 16;
    *f = (File) { .told = 0 };
    scene_init(&f->s);
    guest_hook(f->s.guest, &regs_ops, f);
    smmuv3_engine_reset(f->s.engine, idr);
    wr(f, SMMUV3_REG_CMDQ_BASE, 8, CMDQ_ADDR | 8);
    wr(f, SMMUV3_REG_EVENTQ_BASE, 8, EVENTQ_ADDR | 2);
}

static void file_done(File *f)
{
    scene_done(&f->s);
}

static void test_prod_writes(void)
{
    const SMMUv3EngineStats *stats;
    File f;

    file_init(&f);
    stats = smmuv3_engine_stats(f.s.engine);
    g_assert_cmpuint(stats->prod_writes, ==, 0);
    wr(&f, SMMUV3_REG_CMDQ_PROD, 4, 0);
    wr(&f, SMMUV3_REG_CR0, 4, SMMUV3_CR0_CMDQEN);
    wr(&f, SMMUV3_REG_CMDQ_PROD, 4, 0);
    wr(&f, SMMUV3_REG_GERRORN, 4, 0);
    g_assert_cmpuint(stats->prod_writes, ==, 2);
    g_assert_cmpuint(smmuv3_engine_stats(f.s.engine)->windows, ==, 0);
    file_done(&f);
}

static void test_events(void)
{
    SMMUv3EventRecord records[6] = { 0 };
    File f;

    file_init(&f);
    smmuv3_engine_record_events(f.s.engine, records, 2,
                                false);      /* it is off */
    expect_events(&f, 0, 2, 0);
    g_assert_cmpuint(f.written, ==, 0);
    wr(&f, SMMUV3_REG_CR0, 4, SMMUV3_CR0_EVENTQEN);
    smmuv3_engine_record_events(f.s.engine, records, 3, false);
    expect_events(&f, 3, 2, 0);
    g_assert_cmpuint(f.written, ==, 3);
    smmuv3_engine_record_events(f.s.engine, records, 6,
                                true);       /* room for one */
    expect_events(&f, 4, 2, 5);
    g_assert_cmpuint(f.n, ==, 6);
    g_assert_cmpuint(f.written, ==, 1);
    g_assert_true(f.lost);
    g_assert_cmpuint(f.told, ==, 3);
    file_done(&f);
}

/* A write that aborts, and what comes while that is not acknowledged. */
static void test_events_aborted(void)
{
    SMMUv3EventRecord records[2] = { 0 };
    File f;

    file_init(&f);
    wr(&f, SMMUV3_REG_CR0, 4, SMMUV3_CR0_EVENTQEN);
    guest_hole(f.s.guest, EVENTQ_ADDR, 0x1000);
    smmuv3_engine_record_events(f.s.engine, records, 2, false);
    expect_events(&f, 0, 2, 0);
    guest_no_holes(f.s.guest);
    smmuv3_engine_record_events(f.s.engine, records, 1, false);
    expect_events(&f, 0, 3, 0);
    file_done(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stats/nothing", test_nothing);
    g_test_add_func("/stats/devices", test_devices);
    g_test_add_func("/stats/odd-devices", test_odd_devices);
    g_test_add_func("/stats/hwpts", test_hwpts);
    g_test_add_func("/stats/coalesced", test_coalesced);
    g_test_add_func("/stats/expanded", test_expanded);
    g_test_add_func("/stats/classes-after-error", test_classes_after_error);
    g_test_add_func("/stats/classes-after-host-error",
                    test_classes_after_host_error);
    g_test_add_func("/stats/told-of-windows", test_told_of_windows);
    g_test_add_func("/stats/told-of-errors", test_told_of_errors);
    g_test_add_func("/stats/told-of-streams", test_told_of_streams);
    g_test_add_func("/stats/prod-writes", test_prod_writes);
    g_test_add_func("/stats/events", test_events);
    g_test_add_func("/stats/events-aborted", test_events_aborted);
    return g_test_run();
}
