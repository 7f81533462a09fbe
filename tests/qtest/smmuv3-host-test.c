/*
 * vfio-pci behind an accelerated arm-smmuv3, on a simulated host kernel.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The unmodified QEMU with all that lies between a guest's register write and
 * the kernel: hw/arm, hw/vfio and the engine. This file holds what each
 * command does; -streams.c STEs, registers and resets; -plug.c refusals,
 * plugging and interrupts; -props.c what the guest is promised; -errors.c what
 * becomes of the kernel's errors; -sweep.c each call of each sequence failing
 * in turn; -events.c events of the host; -emulated*.c emulated endpoints beside
 * the others; -query.c what QMP tells; -migrate.c stopping, saving and loading;
 * -ports.c ports that wake.
 */
#include "smmuv3-host-scene.h"

/* A command is forwarded (as it is or in another form), local, or illegal. */
typedef enum Fate { LOCAL, FORWARDED, ILLEGAL } Fate;

enum { ATS = 1, SMMU_OFF = 2, NO_DEVICE = 4 };

typedef struct Row {
    const char *name;
    uint64_t dw0, dw1;
    Fate fate;
    unsigned scene;
    uint64_t as0, as1;      /* the form that the host gets; 0: as it is */
} Row;

/* The device's StreamID, and one without a device */
#define MINE            SID(2 << 3)
#define OTHER           SID(0x77)
#define VA              0x123456789000ull

static const Row rows[] = {
    /* Unchanged STEs: the CDs fetched through them go, 4.3.1. */
    { "cfgi-ste", CFGI_STE | MINE, 1, FORWARDED, 0, CFGI_CD_ALL | MINE, 0 },
    { "cfgi-ste-smmu-off", CFGI_STE | MINE, 1, LOCAL, SMMU_OFF },
    { "cfgi-ste-other", CFGI_STE | OTHER, 1, LOCAL },
    { "cfgi-ste-huge-sid", CFGI_STE | SID(0xffffffff), 1, LOCAL },
    { "cfgi-ste-ssec", CFGI_STE | MINE | SSEC, 1, ILLEGAL },
    { "cfgi-ste-range", CFGI_STE_RANGE | MINE, 3, FORWARDED, 0,
      CFGI_CD_ALL | MINE, 0 },
    { "cfgi-all", CFGI_STE_RANGE, 31, FORWARDED, 0, CFGI_CD_ALL | MINE, 0 },
    { "cfgi-all-ssec", CFGI_STE_RANGE | SSEC, 31, ILLEGAL },
    { "cfgi-cd", CFGI_CD | MINE, LEAF, FORWARDED },
    { "cfgi-cd-all", CFGI_CD_ALL | MINE, 0, FORWARDED },
    { "cfgi-cd-other", CFGI_CD | OTHER, LEAF, LOCAL },
    { "cfgi-cd-all-other", CFGI_CD_ALL | OTHER, 0, LOCAL },
    { "cfgi-cd-ssec", CFGI_CD | MINE | SSEC, LEAF, ILLEGAL },
    { "cfgi-cd-all-ssec", CFGI_CD_ALL | MINE | SSEC, 0, ILLEGAL },
    { "cfgi-cd-garbage", CFGI_CD | MINE | BIT_ULL(9) | BIT_ULL(11),
      ~0ull, FORWARDED, 0, CFGI_CD | MINE, LEAF },
    { "cfgi-cd-no-device", CFGI_CD | MINE, LEAF, LOCAL, NO_DEVICE },
    { "prefetch-config", PREFETCH_CONFIG | MINE, 0, LOCAL },
    { "prefetch-addr", PREFETCH_ADDR | MINE, VA, LOCAL },
    { "prefetch-config-ssec", PREFETCH_CONFIG | SSEC, 0, ILLEGAL },
    { "prefetch-addr-ssec", PREFETCH_ADDR | SSEC, VA, ILLEGAL },
    { "tlbi-nh-all", TLBI_NH_ALL, 0, FORWARDED },
    { "tlbi-nh-asid", TLBI_NH_ASID | ASID(3), 0, FORWARDED },
    { "tlbi-nh-asid-16", TLBI_NH_ASID | ASID(0xabcd), 0, FORWARDED },
    { "tlbi-nh-va", TLBI_NH_VA | ASID(3), VA | LEAF, FORWARDED },
    { "tlbi-nh-va-not-leaf", TLBI_NH_VA | ASID(3), VA, FORWARDED },
    { "tlbi-nh-vaa", TLBI_NH_VAA, VA | LEAF, FORWARDED },
    { "tlbi-nsnh-all", TLBI_NSNH_ALL, 0, FORWARDED },
    { "tlbi-nh-va-range", TLBI_NH_VA | ASID(3) | NUM(5) | SCALE(2),
      VA | TG_4K | TTL(3) | LEAF, FORWARDED },
    { "tlbi-nh-vaa-range", TLBI_NH_VAA | NUM(31), VA | TG_4K, FORWARDED },
    { "tlbi-nh-va-ttl", TLBI_NH_VA | ASID(3), VA | TG_4K | TTL(2), FORWARDED },
    /* Bits that the kernel would refuse are not the guest's error. */
    { "tlbi-nh-all-garbage", TLBI_NH_ALL | VMID(7) | ASID(9) | 0xff00ull,
      ~0ull, FORWARDED, 0, TLBI_NH_ALL, 0 },
    { "tlbi-nsnh-all-garbage", TLBI_NSNH_ALL | ~0xffull, ~0ull, FORWARDED, 0,
      TLBI_NSNH_ALL, 0 },
    { "tlbi-nh-va-vmid", TLBI_NH_VA | ASID(3) | VMID(7), VA | LEAF, FORWARDED,
      0, TLBI_NH_VA | ASID(3), VA | LEAF },
    { "tlbi-nh-va-tg0", TLBI_NH_VA | ASID(3) | NUM(5) | SCALE(2),
      VA | TTL(3) | LEAF, FORWARDED, 0, TLBI_NH_VA | ASID(3), VA | LEAF },
    { "tlbi-nh-vaa-asid", TLBI_NH_VAA | ASID(3), VA, FORWARDED, 0,
      TLBI_NH_VAA, VA },
    /* 4.4.1.1: a granule alone is illegal, what is reserved is widened. */
    { "tlbi-nh-va-granule", TLBI_NH_VA | ASID(3), VA | TG_4K, ILLEGAL },
    { "tlbi-nh-vaa-granule", TLBI_NH_VAA, VA | TG_64K, ILLEGAL },
    { "tlbi-nh-va-granule-ttl1-16k", TLBI_NH_VA | ASID(3),
      VA | TG_16K | TTL(1), ILLEGAL },
    { "tlbi-nh-va-scale", TLBI_NH_VA | ASID(3) | NUM(1) | SCALE(32),
      VA | TG_64K, FORWARDED, 0, TLBI_NH_ALL, 0 },
    { "tlbi-nh-va-ttl1-16k", TLBI_NH_VA | ASID(3) | NUM(1),
      VA | TG_16K | TTL(1), FORWARDED, 0, TLBI_NH_ALL, 0 },
    { "tlbi-smmu-off", TLBI_NH_ALL, 0, FORWARDED, SMMU_OFF },
    { "tlbi-no-device", TLBI_NH_ALL, 0, LOCAL, NO_DEVICE },
    { "tlbi-el3-all", TLBI_EL3_ALL, 0, ILLEGAL },
    { "tlbi-el3-va", TLBI_EL3_VA, VA, ILLEGAL },
    { "tlbi-el2-all", TLBI_EL2_ALL, 0, ILLEGAL },
    { "tlbi-el2-asid", TLBI_EL2_ASID, 0, ILLEGAL },
    { "tlbi-el2-va", TLBI_EL2_VA, VA, ILLEGAL },
    { "tlbi-el2-vaa", TLBI_EL2_VAA, VA, ILLEGAL },
    { "tlbi-s12-vmall", TLBI_S12_VMALL, 0, ILLEGAL },
    { "tlbi-s2-ipa", TLBI_S2_IPA, VA, ILLEGAL },
    { "atc-inv-without-ats", ATC_INV | MINE, 52, ILLEGAL },
    { "atc-inv-without-ats-off", ATC_INV | MINE, 52, ILLEGAL, SMMU_OFF },
    { "atc-inv", ATC_INV | MINE, 52, FORWARDED, ATS },
    { "atc-inv-page", ATC_INV | MINE, VA, FORWARDED, ATS },
    { "atc-inv-size", ATC_INV | MINE, VA | 63, FORWARDED, ATS,
      ATC_INV | MINE, 52 },
    { "atc-inv-other", ATC_INV | OTHER, 52, LOCAL, ATS },
    { "atc-inv-smmu-off", ATC_INV | MINE, 52, LOCAL, ATS | SMMU_OFF },
    { "atc-inv-ssec", ATC_INV | MINE | SSEC, 52, ILLEGAL, ATS },
    { "pri-resp", PRI_RESP | MINE, 0, ILLEGAL },
    { "resume", RESUME | MINE, 0, ILLEGAL },
    { "stall-term", STALL_TERM | MINE, 0, ILLEGAL },
    { "sync", CMD_SYNC, 0, LOCAL },
    { "sync-irq", CMD_SYNC | SYNC_CS(1), 0, LOCAL },
    { "sync-sev", CMD_SYNC | SYNC_CS(2), 0, LOCAL },
    { "sync-cs-reserved", CMD_SYNC | SYNC_CS(3), 0, ILLEGAL },
    { "opcode-00", 0x00, 0, ILLEGAL },
    { "opcode-ff", 0xff, 0, ILLEGAL },
};

static bool start_row(Scene *s, unsigned scene)
{
    const char *more = scene & ATS ? "-global arm-smmuv3.ats=on" : "";

    if (!(scene & NO_DEVICE)) {
        if (!scene_init_translating_with(s, more)) {
            return false;
        }
        if (scene & SMMU_OFF) {
            disable_smmu(s);
        }
    } else {
        if (!scene_init(s)) {
            return false;
        }
        scene_start_with(s, more, 0);
        enable_queue(s, LOG2SIZE);
        enable_smmu(s);
    }
    return true;
}

/* Rows of one kind share a machine: a failure ends the program anyway. */
static Scene machines[ATS + SMMU_OFF + NO_DEVICE + 1];

static Scene *row_scene(unsigned scene)
{
    Scene *s = &machines[scene];

    if (!s->qts && !start_row(s, scene)) {
        return NULL;
    }
    scene_forget(s);
    return s;
}

static void stop_machines(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(machines); i++) {
        if (machines[i].qts) {
            scene_done(&machines[i]);
        }
    }
}

static void expect_forwarded(Scene *s, const Row *row)
{
    g_assert_cmpuint(s->k->commands, ==, 1);
    g_assert_cmphex(s->k->issued[0].dw[0], ==,
                    row->as0 ? row->as0 : row->dw0);
    g_assert_cmphex(s->k->issued[0].dw[1], ==,
                    row->as0 ? row->as1 : row->dw1);
    g_assert_cmpuint(s->k->calls[FK_CALLS], ==, 1);
}

/* What a driver does about an illegal command */
static void repair(Scene *s, uint32_t at)
{
    put_at(s, at, CMD_SYNC, 0);
    acknowledge(s);
    expect_drained(s);
}

/* By itself between two SYNCs, so that there is nothing to merge it with. */
static void test_row(const void *opaque)
{
    const Row *row = opaque;
    Scene *s = row_scene(row->scene);
    uint32_t at;

    if (!s) {
        return;
    }
    put(s, CMD_SYNC, 0);
    at = s->prod;
    put(s, row->dw0, row->dw1);
    put(s, CMD_SYNC, 0);
    ring_bell(s);
    if (row->fate == ILLEGAL) {
        expect_stopped(s, at, CERROR_ILL);
        repair(s, at);
    } else {
        expect_drained(s);
    }
    if (row->fate == FORWARDED) {
        expect_forwarded(s, row);
    } else {
        g_assert_cmpuint(s->k->calls[FK_CALLS], ==, 0);
    }
}

/* What has no legal row is illegal: all 256, on one machine. */
static void test_all_opcodes(void)
{
    bool legal[256] = { false };
    Scene s;

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        legal[rows[i].dw0 & 0xff] |= rows[i].fate != ILLEGAL;
    }
    if (!scene_init_translating_with(&s, "-global arm-smmuv3.ats=on")) {
        return;
    }
    for (unsigned op = 0; op < 256; op++) {
        run_one(&s, op | MINE, 0);
        if (legal[op]) {
            expect_drained(&s);
        } else {
            expect_stopped(&s, cons(&s), CERROR_ILL);
            repair(&s, cons(&s));
        }
    }
    scene_done(&s);
}

/* ---- Windows ---- */

static void test_one_call_a_window(void)
{
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    for (unsigned i = 0; i < 80; i++) {
        put_tlbis(&s, 2 * i, 2);
        put(&s, CMD_SYNC, 0);
    }
    ring_bell(&s);
    expect_drained(&s);
    expect_tlbis(&s, 0, 160);
    g_assert_cmpuint(s.k->calls[FK_CALLS], ==, 1);
    scene_done(&s);
}

/* But where a CMD_SYNC stands between two classes: 4.7.3, 4.8. */
static void test_class_by_class(void)
{
    Scene s;

    if (!scene_init_translating_with(&s, "-global arm-smmuv3.ats=on")) {
        return;
    }
    put(&s, CFGI_CD | SID(s.sid[0]), LEAF);
    put(&s, CMD_SYNC, 0);
    put(&s, TLBI_NH_VA | ASID(1), nth_va(0));
    put(&s, CMD_SYNC, 0);
    put_tlbis(&s, 1, 2);
    put(&s, CMD_SYNC, 0);
    put(&s, ATC_INV | SID(s.sid[0]), nth_va(0));
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    g_assert_cmpuint(s.k->commands, ==, 5);
    g_assert_cmpuint(s.k->calls[FK_INVALIDATE], ==, 4);
    g_assert_cmpuint(s.k->calls[FK_CALLS], ==, 4);
    scene_done(&s);
}

/* What precedes an illegal command is done, what follows is not. */
static void test_illegal_in_window(void)
{
    uint32_t bad, gerror;
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    gerror = reg(&s, GERROR);
    put_tlbis(&s, 0, 10);
    bad = s.prod;
    put(&s, 0xff, 0);
    put_tlbis(&s, 10, 10);
    ring_bell(&s);
    expect_stopped(&s, bad, CERROR_ILL);
    expect_tlbis(&s, 0, 10);
    g_assert_cmphex(reg(&s, GERROR), ==, gerror ^ GERROR_CMDQ_ERR);
    /* Nothing is consumed before the acknowledgement. */
    put_tlbis(&s, 20, 1);
    ring_bell(&s);
    expect_stopped(&s, bad, CERROR_ILL);
    expect_tlbis(&s, 0, 10);
    put_at(&s, bad, CMD_SYNC, 0);
    acknowledge(&s);
    expect_drained(&s);
    expect_tlbis(&s, 0, 21);
    g_assert_cmphex(reg(&s, GERROR), ==, gerror ^ GERROR_CMDQ_ERR);
    scene_done(&s);
}

/* ---- Interrupts ---- */

static void test_sync_irq(void)
{
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    watch_interrupts(&s);
    put_tlbis(&s, 0, 3);
    put(&s, CMD_SYNC, 0);
    put(&s, CMD_SYNC | SYNC_CS(2), 0);
    ring_bell(&s);
    expect_drained(&s);
    g_assert_false(is_pending(&s, IRQ_CMD_SYNC));
    put_tlbis(&s, 3, 3);
    put(&s, CMD_SYNC | SYNC_CS(1), 0);
    ring_bell(&s);
    expect_drained(&s);
    g_assert_true(is_pending(&s, IRQ_CMD_SYNC));
    g_assert_false(is_pending(&s, IRQ_GERROR));
    scene_done(&s);
}

/* A SYNC that is not reached does not say that it is done. */
static void test_sync_irq_after_error(void)
{
    uint32_t bad;
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    watch_interrupts(&s);
    set_reg(&s, IRQ_CTRL, IRQ_CTRL_GERROR);
    g_assert_cmphex(reg(&s, IRQ_CTRLACK), ==, IRQ_CTRL_GERROR);
    put_tlbis(&s, 0, 3);
    bad = s.prod;
    put(&s, 0xff, 0);
    put(&s, CMD_SYNC | SYNC_CS(1), 0);
    ring_bell(&s);
    expect_stopped(&s, bad, CERROR_ILL);
    g_assert_true(is_pending(&s, IRQ_GERROR));
    g_assert_false(is_pending(&s, IRQ_CMD_SYNC));
    clear_pending(&s, IRQ_GERROR);
    repair(&s, bad);
    g_assert_true(is_pending(&s, IRQ_CMD_SYNC));
    g_assert_false(is_pending(&s, IRQ_GERROR));
    scene_done(&s);
}

/* ---- Long windows ---- */

/* TLBI_NH_VAs of addresses that lie @stride apart */
static void put_long_window(Scene *s, unsigned n, uint64_t stride)
{
    g_autofree uint64_t *cmds = g_new0(uint64_t, 2 * n);

    for (unsigned i = 0; i < n; i++) {
        cmds[2 * i] = cpu_to_le64(TLBI_NH_VA | ASID(1));
        cmds[2 * i + 1] = cpu_to_le64((nth_va(0) + i * stride) | LEAF);
    }
    qtest_bufwrite(s->qts, s->ring, cmds, 2 * n * sizeof(*cmds));
    s->prod = n;
}

/* What is left after a slice comes from a bottom half. */
static void wait_drained(Scene *s)
{
    unsigned polls = 0;

    while (cons(s) != s->prod) {
        g_assert_cmpuint(polls++, <, 1000);
    }
    expect_drained(s);
}

static bool start_long(Scene *s)
{
    if (!scene_init(s)) {
        return false;
    }
    scene_start_devices(s, 1);
    enable_queue(s, 14);
    enable_smmu(s);
    scene_forget(s);
    return true;
}

/* A full 16k queue: slices, and as few calls as the limit of 4096 allows. */
static void test_long_window(void)
{
    Scene s;

    if (!start_long(&s)) {
        return;
    }
    put_long_window(&s, 16383, nth_va(1) - nth_va(0));
    ring_bell(&s);
    wait_drained(&s);
    g_assert_cmpuint(s.k->commands, ==, 16383);
    g_assert_cmpuint(s.k->calls[FK_INVALIDATE], <=, 5);
    for (unsigned i = 0; i < 16383; i += 1000) {
        g_assert_true(is_tlbi_issued(&s, i));
    }
    scene_done(&s);
}

/* A reset between two slices: nothing more is consumed or issued. */
static void test_reset_in_window(void)
{
    uint32_t issued;
    Scene s;

    if (!start_long(&s)) {
        return;
    }
    put_long_window(&s, 16383, nth_va(1) - nth_va(0));
    ring_bell(&s);
    qtest_system_reset(s.qts);
    issued = s.k->commands;
    g_assert_cmphex(reg(&s, CMDQ_CONS), ==, 0);
    g_assert_cmphex(reg(&s, CMDQ_CONS), ==, 0);
    g_assert_cmpuint(s.k->commands, ==, issued);
    scene_done(&s);
}

/* A full 16k queue of neighbours: one call, with a few range commands in it. */
static void test_contiguous(void)
{
    Scene s;

    if (!start_long(&s)) {
        return;
    }
    put_long_window(&s, 16383, 0x1000);
    ring_bell(&s);
    wait_drained(&s);
    g_assert_cmpuint(s.k->calls[FK_INVALIDATE], ==, 1);
    g_assert_cmpuint(s.k->commands, >=, 1);
    g_assert_cmpuint(s.k->commands, <=, 64);
    scene_done(&s);
}

/* TLBI_NH_ALL says it for all; CFGI_CD is none of its business. */
static void test_swallowed(void)
{
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    put_tlbis(&s, 0, 20);
    put(&s, CFGI_CD | SID(s.sid[0]), LEAF);
    put(&s, TLBI_NH_ALL, 0);
    put_tlbis(&s, 20, 20);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    g_assert_cmpuint(s.k->commands, ==, 2);
    g_assert_true(is_issued(&s, TLBI_NH_ALL, 0));
    g_assert_true(is_issued(&s, CFGI_CD | SID(s.sid[0]), LEAF));
    scene_done(&s);
}

/* The guest has range invalidation all the same; single pages are sent. */
static void test_host_without_ril(void)
{
    Scene s;

    if (!scene_init(&s)) {
        return;
    }
    s.k->smmu[0].idr[3] &= ~IDR3_RIL;
    scene_start_devices(&s, 1);
    g_assert_cmpuint(extract32(reg(&s, IDR3), 10, 1), ==, 1);
    enable_queue(&s, LOG2SIZE);
    enable_smmu(&s);
    translate(&s, 0, 0);
    scene_forget(&s);
    put(&s, TLBI_NH_VA | ASID(1) | NUM(3), nth_va(0) | TG_4K | LEAF);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    for (unsigned i = 0; i < 4 && !is_issued(&s, TLBI_NH_ALL, 0); i++) {
        g_assert_true(is_issued(&s, TLBI_NH_VA | ASID(1),
                                (nth_va(0) + 0x1000 * i) | LEAF));
    }
    scene_done(&s);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("smmuv3-host/command/%s",
                                                rows[i].name);

        qtest_add_data_func(path, &rows[i], test_row);
    }
    qtest_add_func("smmuv3-host/command/all-opcodes", test_all_opcodes);
    qtest_add_func("smmuv3-host/window/one-call", test_one_call_a_window);
    qtest_add_func("smmuv3-host/window/class-by-class", test_class_by_class);
    qtest_add_func("smmuv3-host/window/illegal", test_illegal_in_window);
    qtest_add_func("smmuv3-host/irq/sync", test_sync_irq);
    qtest_add_func("smmuv3-host/irq/sync-after-error",
                   test_sync_irq_after_error);
    qtest_add_func("smmuv3-host/window/long", test_long_window);
    qtest_add_func("smmuv3-host/window/contiguous", test_contiguous);
    qtest_add_func("smmuv3-host/window/swallowed", test_swallowed);
    qtest_add_func("smmuv3-host/window/reset", test_reset_in_window);
    qtest_add_func("smmuv3-host/window/host-without-ril",
                   test_host_without_ril);
    add_stream_tests();
    add_plug_tests();
    add_props_tests();
    add_error_tests();
    add_emulated_tests();
    add_sweep_tests();
    add_event_tests();
    add_query_tests();
    add_migrate_tests();
    add_ports_tests();
    ret = g_test_run();
    stop_machines();
    return ret;
}
