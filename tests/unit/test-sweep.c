/*
 * The life of devices with every call to the host failing in turn.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A script sets devices up, reconfigures them, or tears them down. It runs
 * once in peace, to count its calls; then the n-th call fails, for each n and
 * each errno that the kernel has for that call; then n and the one after it, n
 * and two after it (so that what the engine falls back on fails as well), n and
 * a later one, and everything from n on (the device, or the host, is gone).
 *
 * Asked at every moment, see watch.h: no device is on a translation that is
 * not the guest's. Asked after each step: what the engine says of a device is
 * so; who is not where the guest wants it aborts, and the VMM was told. At the
 * end: the host works again and all is as the guest wants; the object table is
 * empty, no id was freed twice, none of the kernel's rules was broken.
 *
 * The last test asks whether the sweeps reached each function of the port with
 * each of its errors. What invalidate's do to CONS: test-errors.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "watch.h"

/* A port function that the fake host does not count cannot be swept. */
_Static_assert(sizeof(SMMUv3HostOps) - sizeof(size_t) ==
               FAKE_CALLS * sizeof(int (*)(void)), "FakeCall has them all");

/*
 * Linux 7.3: what the kernel can answer. EFAULT, and EINVAL for a structure
 * that is wrong in itself, come of arguments that the port never passes.
 */
static const struct KernelError {
    FakeCall call;
    int err;
    const char *why;
} kernel_errors[] = {
    { FAKE_GET_INFO, ENOENT, "no such device, or it is going" },
    { FAKE_GET_INFO, ENOMEM, "arm_smmu_hw_info()" },
    { FAKE_GET_INFO, EOPNOTSUPP, "a device without IOMMU" },
    { FAKE_GET_INFO, ENODEV, "the port's: not an SMMUv3" },
    { FAKE_VIOMMU_ALLOC, ENOENT, "device or parent is going" },
    { FAKE_VIOMMU_ALLOC, EOPNOTSUPP, "arm_smmu_get_viommu_size() is 0" },
    { FAKE_VIOMMU_ALLOC, EINVAL, "no nesting parent, or of another SMMU" },
    { FAKE_VIOMMU_ALLOC, ENOMEM, "_iommufd_object_alloc()" },
    { FAKE_VIOMMU_ALLOC, EBUSY, "xa_alloc(): no id is left" },
    { FAKE_VDEVICE_ALLOC, ENOENT, "the device is going" },
    { FAKE_VDEVICE_ALLOC, EEXIST, "vSID or device has one" },
    { FAKE_VDEVICE_ALLOC, EINVAL, "behind another SMMU" },
    { FAKE_VDEVICE_ALLOC, EOPNOTSUPP, "a device with several StreamIDs" },
    { FAKE_VDEVICE_ALLOC, ENOMEM, "_iommufd_object_alloc(), xa_insert()" },
    { FAKE_VDEVICE_ALLOC, EBUSY, "xa_alloc(): no id is left" },
    { FAKE_HWPT_ALLOC, ENOENT, "the device is going" },
    { FAKE_HWPT_ALLOC, EINVAL, "no such vIOMMU, or of another SMMU" },
    { FAKE_HWPT_ALLOC, EIO, "arm_smmu_validate_vste()" },
    { FAKE_HWPT_ALLOC, EOPNOTSUPP, "the vIOMMU's driver has no nesting" },
    { FAKE_HWPT_ALLOC, ENOMEM, "arm_vsmmu_alloc_domain_nested()" },
    { FAKE_HWPT_ALLOC, EBUSY, "xa_alloc(): no id is left" },
    { FAKE_ATTACH, EBUSY, "the device is being reset, or has PASIDs" },
    { FAKE_ATTACH, ENOMEM, "arm_smmu_attach_prepare(), xa_reserve()" },
    { FAKE_ATTACH, ENOENT, "no such HWPT, or no vDEVICE" },
    { FAKE_ATTACH, EINVAL, "of another SMMU; or access was not granted" },
    { FAKE_ATTACH, EADDRINUSE, "its reserved regions are mapped" },
    { FAKE_ATTACH, EIO, "vfio: the device does not resume" },
    { FAKE_ATTACH, ENODEV, "vfio: the device is gone" },
    { FAKE_DETACH, EINVAL, "vfio: access was not granted" },
    { FAKE_DETACH, EIO, "vfio: the device does not resume" },
    { FAKE_DETACH, ENODEV, "vfio: the device is gone" },
    { FAKE_INVALIDATE, ENOMEM, "kzalloc of the array" },
    { FAKE_INVALIDATE, EIO, "arm_vsmmu_validate_user_cmd()" },
    { FAKE_INVALIDATE, ETIMEDOUT, "arm_smmu_cmdq_poll_until_sync()" },
    { FAKE_INVALIDATE, ENOENT, "no such vIOMMU" },
    { FAKE_INVALIDATE, EINVAL, "the id is of another kind" },
    { FAKE_INVALIDATE, EOPNOTSUPP, "the vIOMMU's driver has none" },
    { FAKE_VEVENTQ_ALLOC, ENOTTY, "Linux before 6.15" },
    { FAKE_VEVENTQ_ALLOC, EOPNOTSUPP, "the type is unknown" },
    { FAKE_VEVENTQ_ALLOC, EINVAL, "the depth is too much" },
    { FAKE_VEVENTQ_ALLOC, ENOENT, "no such vIOMMU" },
    { FAKE_VEVENTQ_ALLOC, EEXIST, "the vIOMMU has one" },
    { FAKE_VEVENTQ_ALLOC, ENOMEM, "object or file" },
    { FAKE_VEVENTQ_ALLOC, EMFILE, "no descriptor is left" },
    { FAKE_VEVENTQ_ALLOC, ENFILE, "no file is left" },
    { FAKE_VEVENTQ_ALLOC, EBUSY, "xa_alloc(): no id is left" },
    { FAKE_VEVENTQ_READ, ENOMEM, "a copy of the lost events' header" },
    { FAKE_VEVENTQ_READ, EIO, "any; the port does not tell them apart" },
    { FAKE_VEVENTQ_CLOSE, 0, "cannot fail" },
    { FAKE_DESTROY, EBUSY, "a reference is left" },
};

static bool reached[G_N_ELEMENTS(kernel_errors)];

/* The @k-th error of @call, counted round; their number in *@n. */
static unsigned nth_error(FakeCall call, unsigned k, unsigned *n)
{
    unsigned of_call[G_N_ELEMENTS(kernel_errors)], count = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(kernel_errors); i++) {
        if (kernel_errors[i].call == call) {
            of_call[count++] = i;
        }
    }
    g_assert_cmpuint(count, >, 0);
    if (n) {
        *n = count;
    }
    return of_call[k % count];
}

enum { FOREVER = 1000000, TRIES_MORE = 13 };

/* What fails: calls first, first + 1, ... first + length - 1. */
typedef struct Outage {
    unsigned first;             /* 0: none */
    unsigned length;
    unsigned also;              /* this call, too; 0: none */
    unsigned k;                 /* nth_error() */
    bool spares_destroy;        /* the device is gone, the iommufd is not */
    bool to_the_end;            /* also while the engine is freed */
} Outage;

typedef struct Sweep {
    Scene s;
    Watch watch;
    Outage outage;
    bool armed;
    unsigned calls;             /* since it was armed */
    FakeCall kinds[4096];       /* of these calls */
    unsigned hits;              /* failed calls */
    unsigned hits_before;       /* ...as the step began */
    unsigned told_before;
    bool destroy_failed;        /* what was left can be in the way later */
    bool detach_failed;
    bool wants_events;
    bool lost[SCENE_MAX];       /* not where the guest wants it */
} Sweep;

typedef struct Script {
    const char *name;
    unsigned devices;
    void (*prepare)(Sweep *w);  /* in peace */
    void (*act)(Sweep *w);      /* swept */
} Script;

static Sweep *sweep_of(SMMUv3Host *h)
{
    Watch *watch = h->hook_data;

    return (Sweep *)((char *)watch - offsetof(Sweep, watch));
}

/* Is the @nth call (from 1) one of those that fail? */
static bool concerned(const Outage *o, unsigned nth)
{
    return (o->also && nth == o->also) ||
           (o->first && nth >= o->first && nth - o->first < o->length);
}

static int fails(SMMUv3Host *h, FakeCall call)
{
    Sweep *w = sweep_of(h);
    unsigned error;

    if (!w->armed) {
        return 0;
    }
    g_assert_cmpuint(w->calls, <, G_N_ELEMENTS(w->kinds));
    w->kinds[w->calls++] = call;
    if (!concerned(&w->outage, w->calls) ||
        (call == FAKE_DESTROY && w->outage.spares_destroy)) {
        return 0;
    }
    error = nth_error(call, w->outage.k, NULL);
    reached[error] = true;
    w->hits += kernel_errors[error].err != 0;
    w->destroy_failed |= call == FAKE_DESTROY;
    w->detach_failed |= call == FAKE_DETACH;
    return kernel_errors[error].err;
}

/* Steps, and what is asked after each. */

static void begin(Sweep *w)
{
    w->hits_before = w->hits;
    w->told_before = w->s.guest->failures;
}

static bool hit(const Sweep *w)
{
    return w->hits != w->hits_before;
}

/* Is there a reason why the step may not have succeeded? */
static bool excused(const Sweep *w)
{
    return hit(w) || w->destroy_failed;
}

/* @driven: the step looked at the device's stream. */
static void check_device(Sweep *w, unsigned i, bool driven)
{
    bool told = w->s.guest->failures != w->told_before;

    if (!w->s.edev[i]) {
        g_assert_true(watch_right(&w->watch, i) ||
                      watch_harmless(&w->watch, i));
        w->lost[i] = false;
        return;
    }
    watch_assert_told_truth(&w->watch, i);
    if (watch_right(&w->watch, i)) {
        w->lost[i] = false;
        return;
    }
    g_assert_true(watch_harmless(&w->watch, i));
    g_assert_true(excused(w) || !driven);
    g_assert_true(told || w->lost[i]);
    w->lost[i] = true;
}

/* What the VMM polls is the queue that there is; if none, it was told. */
static void check_events(Sweep *w)
{
    const Guest *g = w->s.guest;
    GHashTableIter iter;
    gpointer value;
    int fd = -1;

    g_hash_table_iter_init(&iter, w->s.host->objects);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const FakeObject *o = value;

        if (o->kind == FAKE_VEVENTQ && o->fd_open) {
            g_assert_cmpint(fd, ==, -1);
            fd = FAKE_VEVENTQ_FD(o->id);
        }
    }
    g_assert_cmpint(g->events_fd, ==, fd);
    if (w->wants_events && fd == -1 && fake_objects(w->s.host, FAKE_VIOMMU) &&
        !w->destroy_failed && !w->detach_failed) {
        g_assert_cmpuint(g->events_failures, >, 0);
    }
}

static void end(Sweep *w, unsigned first, unsigned n)
{
    unsigned told = w->s.guest->failures - w->told_before;

    watch_settle(&w->watch);
    for (unsigned i = 0; i < w->watch.n; i++) {
        check_device(w, i, i >= first && i < first + n);
    }
    /*
     * Renumbering drives a stream to abort and on, then the command does: as
     * often as it is tried, because its CDs could not be dropped.
     */
    g_assert_cmpuint(told, <=, excused(w) ? (3 + TRIES_MORE) * n : 0);
    check_events(w);
}

static void want(Sweep *w, unsigned i)
{
    watch_expect(&w->watch, i, w->s.edev[i] ? watch_guest_wants(&w->watch, i)
                                            : WATCH_PARENT);
}

static void want_all(Sweep *w)
{
    for (unsigned i = 0; i < w->watch.n; i++) {
        want(w, i);
    }
}

static bool any_lost(const Sweep *w)
{
    for (unsigned i = 0; i < w->watch.n; i++) {
        if (w->lost[i]) {
            return true;
        }
    }
    return false;
}

static void add(Sweep *w, unsigned i)
{
    SMMUv3Refusal why = SMMUV3_REFUSAL_NONE;
    bool others = any_lost(w);
    int ret;

    begin(w);
    w->s.edev[i] = NULL;
    /* A device that could not be given up properly was opened anew since. */
    w->s.dev[i]->pt = w->s.parent;
    watch_expect(&w->watch, i, watch_guest_wants(&w->watch, i));
    ret = scene_try_add(&w->s, i, &why);
    g_assert_cmpint(ret != 0, ==, why != SMMUV3_REFUSAL_NONE);
    g_assert_cmpint(ret == 0, ==, w->s.edev[i] != NULL);
    if (ret) {
        g_assert_true(excused(w));
        /* The answer says it; it is not said twice. */
        g_assert_true(others || w->s.guest->failures == w->told_before);
        watch_expect(&w->watch, i, WATCH_PARENT);
    }
    end(w, i, 1);
}

static void del(Sweep *w, unsigned i)
{
    if (!w->s.edev[i]) {
        return;
    }
    begin(w);
    watch_expect(&w->watch, i, WATCH_PARENT);
    scene_remove(&w->s, i);
    end(w, i, 1);
    g_assert_cmpuint(w->s.guest->failures, ==, w->told_before);
    g_assert_true(w->destroy_failed || !w->s.dev[i]->vdevice);
}

/* Registers are written: everyone is looked at. */
static void drive(Sweep *w)
{
    begin(w);
    want_all(w);
    smmuv3_attach_all(w->s.engine, &w->s.regs);
    end(w, 0, w->watch.n);
}

static void enable(Sweep *w)
{
    w->s.regs.cr0 |= SMMUV3_CR0_SMMUEN;
    drive(w);
}

static void disable(Sweep *w)
{
    w->s.regs.cr0 &= ~(uint32_t)SMMUV3_CR0_SMMUEN;
    drive(w);
}

/* CR0.EVENTQEN */
static void want_events(Sweep *w, bool wanted)
{
    bool without = w->s.host->rules == FAKE_RULES_6_13;
    unsigned failures = w->s.guest->events_failures;

    begin(w);
    w->wants_events = wanted;
    smmuv3_host_events_want(w->s.engine, wanted);
    end(w, 0, 0);
    g_assert_true(excused(w) || without ||
                  w->s.guest->events_failures == failures);
}

/* A fault of device 0 arrives, at the second time if the first failed. */
static void fault(Sweep *w)
{
    const SMMUv3EventRecord record = { { GUINT64_TO_LE(0x10), 1, 2, 3 } };
    SMMUv3EventRecord got;
    unsigned n = 0, tries;
    bool lost, told = fake_host_fault(w->s.host, w->s.dev[0], record);

    begin(w);
    for (tries = 0; !n && tries < 2; tries++) {
        n = smmuv3_host_events_read(w->s.engine, &got, 1, &lost);
        g_assert_false(lost);
    }
    end(w, 0, 0);
    g_assert_true(n || excused(w) || !told);
    g_assert_true(!n || tries == 1 || hit(w));
    if (n) {
        g_assert_cmphex(GUINT64_FROM_LE(got.dw[0]), ==,
                        SMMUV3_PREP(SMMUV3_EVENT0_SID, FIRST_SID) | 0x10);
    }
}

/* The guest's driver gives up a command that is refused, and goes on. */
static void drain(Sweep *w)
{
    unsigned runs = 0;

    while (queue_pending(&w->s.queue)) {
        SMMUv3CmdqResult r = queue_run(&w->s.queue, w->s.engine);

        if (r.status == SMMUV3_CMDQ_STOPPED) {
            g_assert_true(excused(w));
            queue_patch(&w->s.queue, 0, cmd_sync(SMMUV3_SYNC_NONE));
        }
        g_assert_cmpuint(++runs, <, 200);
    }
}

static void set_ste(Sweep *w, unsigned i, SMMUv3Ste ste)
{
    strtab_set(w->s.guest, &w->s.regs, FIRST_SID + i, ste);
}

static void install(Sweep *w, unsigned i, SMMUv3Ste ste)
{
    begin(w);
    set_ste(w, i, ste);
    want(w, i);
    queue_push(&w->s.queue, cmd_tlbi_va(1, 0x1000));
    queue_push(&w->s.queue, cmd_cfgi_ste(FIRST_SID + i));
    queue_push(&w->s.queue, cmd_cfgi_cd(FIRST_SID + i, 0));
    queue_push(&w->s.queue, cmd_sync(SMMUV3_SYNC_NONE));
    drain(w);
    end(w, i, 1);
}

static void cfgi_all(Sweep *w)
{
    begin(w);
    want_all(w);
    queue_push(&w->s.queue, cmd_cfgi_range(0, 31));
    drain(w);
    end(w, 0, w->watch.n);
}

static SMMUv3Ste s1(unsigned n)
{
    return ste_s1(CONTEXT_PTR + 0x1000 * n);
}

static const SMMUv3Ste bypass = { { SMMUV3_STE0_V |
                                    SMMUV3_STE_CONFIG_BYPASS << 1 } };
static const SMMUv3Ste aborting = { { SMMUV3_STE0_V } };

/* Scripts: how they begin. */

static void alone(Sweep *w G_GNUC_UNUSED)
{
}

static void enabled(Sweep *w)
{
    want_events(w, true);
    set_ste(w, 0, s1(0));
    enable(w);
}

static void translating(Sweep *w)
{
    enabled(w);
    add(w, 0);
}

static void all_but_last(Sweep *w)
{
    want_events(w, true);
    enable(w);
    for (unsigned i = 0; i < w->watch.n; i++) {
        set_ste(w, i, s1(0));
        if (i + 1 < w->watch.n) {
            add(w, i);
        }
    }
}

/* Translating, translating with the same CD, bypass; SMMUEN=1. */
static void mixed(Sweep *w)
{
    set_ste(w, 0, s1(0));
    set_ste(w, 1, s1(0));
    set_ste(w, 2, bypass);
    want_events(w, true);
    for (unsigned i = 0; i < w->watch.n; i++) {
        add(w, i);
    }
    enable(w);
}

static void mixed_off(Sweep *w)
{
    mixed(w);
    disable(w);
}

/* Scripts: what they do. */

static void add_and_remove(Sweep *w)
{
    add(w, w->watch.n - 1);
    del(w, w->watch.n - 1);
}

static void plug_all(Sweep *w)
{
    mixed(w);
}

static void change_stes(Sweep *w)
{
    install(w, 0, s1(1));
    install(w, 1, s1(1));
    install(w, 0, aborting);
    install(w, 0, bypass);
    install(w, 2, s1(2));
    install(w, 0, ste_invalid());
    install(w, 1, s1(0));
    install(w, 0, s1(2));
}

/* More than are kept for later, so that the oldest go. */
static void change_tables_often(Sweep *w)
{
    for (unsigned i = 0; i < 12; i++) {
        install(w, 0, s1(i));
    }
    install(w, 0, s1(11));
    install(w, 0, s1(8));
}

/* Who fails to join two others leaves their table to them. */
static void join_and_change_often(Sweep *w)
{
    install(w, 2, s1(0));
    install(w, 2, bypass);
    for (unsigned i = 1; i < 12; i++) {
        install(w, 0, s1(i));
    }
}

static void change_all_at_once(Sweep *w)
{
    set_ste(w, 0, s1(1));
    set_ste(w, 1, bypass);
    set_ste(w, 2, s1(1));
    cfgi_all(w);
    cfgi_all(w);
}

static void switch_off_and_on(Sweep *w)
{
    disable(w);
    enable(w);
    disable(w);
    set_ste(w, 0, bypass);
    set_ste(w, 2, s1(2));
    enable(w);
}

static void change_gbpa(Sweep *w)
{
    w->s.regs.gbpa = SMMUV3_GBPA_ABORT;
    drive(w);
    w->s.regs.gbpa = 0;
    drive(w);
    w->s.regs.gbpa = SMMUV3_GBPA_ABORT;
    drive(w);
    enable(w);
    disable(w);
}

static void change_strtab(Sweep *w)
{
    disable(w);
    w->s.regs.strtab_base = STRTAB_ADDR + 0x10000;
    for (unsigned i = 0; i < w->watch.n; i++) {
        set_ste(w, i, s1(4 + i));
    }
    enable(w);
    disable(w);
    w->s.regs.strtab_base_cfg = 4;
    enable(w);
}

static void renumber(Sweep *w)
{
    guest_set_vsid(w->s.guest, w->s.dev[0], 0x80);
    set_ste(w, 0x80 - FIRST_SID, s1(3));
    cfgi_all(w);
    guest_clear_vsid(w->s.guest, w->s.dev[0]);
    cfgi_all(w);
    guest_set_vsid(w->s.guest, w->s.dev[0], 0x80);
    cfgi_all(w);
    guest_set_vsid(w->s.guest, w->s.dev[0], FIRST_SID);
    drive(w);
}

/* Each takes what another had. */
static void rotate(Sweep *w)
{
    for (unsigned shift = 1; shift <= 3; shift++) {
        for (unsigned i = 0; i < 3; i++) {
            guest_set_vsid(w->s.guest, w->s.dev[i],
                           FIRST_SID + (i + shift) % 3);
        }
        cfgi_all(w);
    }
}

static void rotate_numbers(Sweep *w)
{
    set_ste(w, 1, s1(1));
    cfgi_all(w);
    rotate(w);
}

/* To the same translation under another number. */
static void rotate_alike(Sweep *w)
{
    set_ste(w, 2, s1(0));
    cfgi_all(w);
    rotate(w);
}

static void rotate_numbers_off(Sweep *w)
{
    for (unsigned i = 0; i < 3; i++) {
        guest_set_vsid(w->s.guest, w->s.dev[i], FIRST_SID + (i + 1) % 3);
    }
    drive(w);
    enable(w);
}

static void reset(Sweep *w)
{
    SMMUv3StreamRegs regs = w->s.regs;

    for (unsigned i = 0; i < 2; i++) {
        w->s.regs = (SMMUv3StreamRegs) { .cr0 = 0 };
        smmuv3_features_set(w->s.engine, guest_idr);
        drive(w);
        w->s.regs = regs;
        enable(w);
    }
}

static void invalidate(Sweep *w)
{
    begin(w);
    for (unsigned i = 0; i < 3; i++) {
        queue_push(&w->s.queue, cmd_cfgi_cd(FIRST_SID + i, 0));
        queue_push(&w->s.queue, cmd_tlbi_va(1, 0x7000 * i));
        queue_push(&w->s.queue, cmd_atc_inv(FIRST_SID + i, 0, 0));
        queue_push(&w->s.queue, cmd_sync(SMMUV3_SYNC_IRQ));
    }
    drain(w);
    end(w, 0, w->watch.n);
}

/* Made with the vIOMMU, or when the guest asks; it stays till that goes. */
static void have_events(Sweep *w)
{
    want_events(w, true);
    set_ste(w, 0, s1(0));
    enable(w);
    add(w, 0);
    fault(w);
    want_events(w, false);
    want_events(w, true);
    fault(w);
    del(w, 0);
    want_events(w, false);
    add(w, 0);
    want_events(w, true);
    fault(w);
    del(w, 0);
}

static void tear_down(Sweep *w, unsigned a, unsigned b, unsigned c)
{
    del(w, a);
    del(w, b);
    del(w, c);
    if (!w->destroy_failed && !w->detach_failed) {
        fake_host_assert_clean(w->s.host);
    }
    add(w, a);
}

static void remove_012(Sweep *w) { tear_down(w, 0, 1, 2); }
static void remove_021(Sweep *w) { tear_down(w, 0, 2, 1); }
static void remove_102(Sweep *w) { tear_down(w, 1, 0, 2); }
static void remove_120(Sweep *w) { tear_down(w, 1, 2, 0); }
static void remove_201(Sweep *w) { tear_down(w, 2, 0, 1); }
static void remove_210(Sweep *w) { tear_down(w, 2, 1, 0); }

/* All that are left go with the engine. */
static void free_engine(Sweep *w)
{
    for (unsigned i = 0; i < w->watch.n; i++) {
        w->s.edev[i] = NULL;
        watch_expect(&w->watch, i, WATCH_PARENT);
    }
    smmuv3_engine_free(w->s.engine);
    w->s.engine = NULL;
    watch_settle(&w->watch);
}

static const Script scripts[] = {
    { "add/first", 1, alone, add_and_remove },
    { "add/first-enabled", 1, enabled, add_and_remove },
    { "add/second", 2, all_but_last, add_and_remove },
    { "add/64th", 64, all_but_last, add_and_remove },
    { "add/all", 3, alone, plug_all },
    { "ste/change", 3, mixed, change_stes },
    { "ste/often", 1, translating, change_tables_often },
    { "ste/join", 3, mixed, join_and_change_often },
    { "ste/all", 3, mixed, change_all_at_once },
    { "regs/smmuen", 3, mixed, switch_off_and_on },
    { "regs/gbpa", 3, mixed_off, change_gbpa },
    { "regs/strtab", 3, mixed, change_strtab },
    { "regs/reset", 3, mixed, reset },
    { "vsid/renumber", 3, mixed, renumber },
    { "vsid/rotate", 3, mixed, rotate_numbers },
    { "vsid/rotate-alike", 3, mixed, rotate_alike },
    { "vsid/rotate-off", 3, mixed_off, rotate_numbers_off },
    { "invalidate", 3, mixed, invalidate },
    { "events", 1, alone, have_events },
    { "remove/012", 3, mixed, remove_012 },
    { "remove/021", 3, mixed, remove_021 },
    { "remove/102", 3, mixed, remove_102 },
    { "remove/120", 3, mixed, remove_120 },
    { "remove/201", 3, mixed, remove_201 },
    { "remove/210", 3, mixed, remove_210 },
    { "free", 3, mixed, free_engine },
    { "free/64", 64, all_but_last, free_engine },
};

/* A run. */

/* Whose stage 1 is the guest's the kernel knows, for commands and events. */
static void check_identity(Sweep *w, unsigned i)
{
    const SMMUv3HostDevice *dev = w->s.dev[i];
    uint32_t vsid;

    if (!w->s.edev[i] || w->destroy_failed || !fake_device_ste0(dev) ||
        scene_kind(&w->s, i) == SMMUV3_STREAM_ABORT) {
        return;
    }
    g_assert_true(guest_ops.vsid(w->s.guest, w->s.dev[i], &vsid));
    g_assert_cmpuint(dev->vdevice, !=, 0);
    g_assert_cmphex(fake_object(w->s.host, dev->vdevice)->vsid, ==, vsid);
    g_assert_cmpuint(dev->tells, !=, 0);
    g_assert_cmphex(dev->tells_vsid, ==, vsid);
}

/* The host is back; the next look at the streams mends what there is. */
static void recover(Sweep *w)
{
    w->armed = false;
    if (!w->s.engine) {
        return;
    }
    drive(w);
    for (unsigned i = 0; i < w->watch.n; i++) {
        check_identity(w, i);
    }
}

static void finish(Sweep *w)
{
    SMMUv3Host *h = w->s.host;

    if (w->s.engine) {
        free_engine(w);
    }
    g_assert_cmpuint(h->unknown_ids, ==, 0);
    if (!w->destroy_failed) {
        g_assert_cmpuint(h->rule_breaks, ==, h->busy_destroys);
    }
    if (!w->destroy_failed && !w->detach_failed) {
        g_assert_cmpuint(h->busy_destroys, ==, 0);
        fake_host_assert_clean(h);
    }
    for (unsigned i = 0; i < w->watch.n && !w->detach_failed; i++) {
        g_assert_true(!w->s.dev[i]->pt || fake_device_on_parent(w->s.dev[i]));
    }
    fake_host_discard(h);
    guest_free(w->s.guest);
}

/* A failed assertion says in which of many thousand lives. */
static char where[200];
static unsigned lives;

static void say_where(int sig)
{
    ssize_t written = write(STDERR_FILENO, where, strlen(where));

    (void)written;
    signal(sig, SIG_DFL);
    raise(sig);
}

static void run(Sweep *w, const Script *script, Outage outage)
{
    g_snprintf(where, sizeof(where),
               "# %s: %u calls fail from the %uth on, and the %uth, "
               "error %u%s%s\n", script->name, outage.length, outage.first,
               outage.also, outage.k,
               outage.spares_destroy ? ", not destroy" : "",
               outage.to_the_end ? ", to the end" : "");
    lives++;
    *w = (Sweep) { .outage = outage };
    scene_init(&w->s);
    scene_populate(&w->s, script->devices);
    watch_init(&w->watch, &w->s, script->devices);
    w->s.host->fails = fails;
    script->prepare(w);
    w->armed = true;
    script->act(w);
    if (!outage.to_the_end) {
        recover(w);
    }
    finish(w);
}

static void sweep_errnos(Sweep *w, const Script *script, unsigned n,
                         FakeCall call)
{
    unsigned errors;

    nth_error(call, 0, &errors);
    for (unsigned k = 0; k < errors; k++) {
        run(w, script, (Outage) { .first = n, .length = 1, .k = k });
        g_assert_cmpuint(w->hits, ==, call != FAKE_VEVENTQ_CLOSE);
    }
}

static void sweep_outages(Sweep *w, const Script *script, unsigned n)
{
    static const Outage outages[] = {
        { .length = 2 }, { .length = 3 }, { .length = FOREVER },
        { .length = FOREVER, .to_the_end = true },
        { .length = FOREVER, .to_the_end = true, .spares_destroy = true },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(outages); i++) {
        Outage outage = outages[i];

        outage.first = n;
        outage.k = n + i;
        run(w, script, outage);
    }
}

/* And one later, near and far. */
static void sweep_pairs(Sweep *w, const Script *script, unsigned n)
{
    static const unsigned distances[] = { 2, 3, 5, 8, 13, 21, 34 };

    for (unsigned i = 0; i < G_N_ELEMENTS(distances); i++) {
        run(w, script, (Outage) {
            .first = n, .length = 1, .also = n + distances[i], .k = n + i,
        });
    }
}

static void test_script(gconstpointer data)
{
    const Script *script = data;
    g_autofree Sweep *w = g_new(Sweep, 1);
    g_autofree FakeCall *kinds = NULL;
    unsigned calls;

    run(w, script, (Outage) { .first = 0 });
    g_assert_cmpuint(w->calls, >, 0);
    calls = w->calls;
    kinds = g_memdup2(w->kinds, calls * sizeof(*kinds));
    for (unsigned n = 1; n <= calls; n++) {
        sweep_errnos(w, script, n, kinds[n - 1]);
        sweep_outages(w, script, n);
        sweep_pairs(w, script, n);
    }
}

/* If not all scripts were run before, as with -p, they are now. */
static void test_covers_the_port(void)
{
    const struct KernelError *e = kernel_errors;
    bool all = true;

    if (!g_strcmp0(g_getenv(FAKE_RULES_ENV), "6.13")) {
        g_test_skip("that kernel has no events");
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(kernel_errors); i++) {
        all &= reached[i];
    }
    for (unsigned i = 0; !all && i < G_N_ELEMENTS(scripts); i++) {
        test_script(&scripts[i]);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(kernel_errors); i++) {
        if (!reached[i]) {
            g_error("call %u never failed with %s (%s)", e[i].call,
                    g_strerror(e[i].err), e[i].why);
        }
    }
    for (unsigned call = 0; call < FAKE_CALLS; call++) {
        g_assert_true(reached[nth_error(call, 0, NULL)]);
    }
    g_test_message("%u lives", lives);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGABRT, say_where);
    signal(SIGTRAP, say_where);
    for (unsigned i = 0; i < G_N_ELEMENTS(scripts); i++) {
        g_autofree char *path = g_strdup_printf("/sweep/%s",
                                                scripts[i].name);

        g_test_add_data_func(path, &scripts[i], test_script);
    }
    g_test_add_func("/sweep/port/covered", test_covers_the_port);
    return g_test_run();
}
