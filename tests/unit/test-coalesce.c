/*
 * What goes down is never less than what the guest asked for: windows of
 * random commands, and some by hand, against the reference model of caches
 * (trial.h, tlb-model.h). That it is less in number: test-emit.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The seed is fixed in meson.build; --seed=R02S... tries another.
 */
#include <errno.h>

#include "trial.h"

/* Writing a window. */

static uint64_t random_base(void)
{
    static const uint64_t bases[] = {
        0, 0x100000000, 0x7fffffe00000, 0xffff000000000000,
        0xffffffffffe00000, 0xfffffffffffc0000,
    };

    return one_in(4) ? random64() & SMMUV3_TLBI1_VA
                     : bases[below(G_N_ELEMENTS(bases))];
}

/* All of a TLBI by address but the address. */
static SMMUv3Cmd random_style(const Trial *t)
{
    SMMUv3Cmd cmd = cmd_raw(SMMUV3_CMD_TLBI_NH_VA |
                            SMMUV3_PREP(SMMUV3_TLBI0_ASID, random_asid()),
                            below(2) ? SMMUV3_TLBI1_LEAF : 0);

    if (one_in(4)) {
        cmd.dw[0] = SMMUV3_CMD_TLBI_NH_VAA;
    }
    if (one_in(8)) {
        cmd.dw[0] |= SMMUV3_PREP(SMMUV3_TLBI0_VMID, random64());
    }
    if (one_in(2)) {
        cmd.dw[1] |= SMMUV3_PREP(SMMUV3_TLBI1_TG, random_tg(t)) |
                     SMMUV3_PREP(SMMUV3_TLBI1_TTL,
                                 one_in(2) ? 3 : below(4));
    } else if (one_in(8)) {
        /* RES0 while TG=0: to be ignored, not to be believed. */
        cmd.dw[0] |= random64() & (SMMUV3_TLBI0_NUM | SMMUV3_TLBI0_SCALE);
        cmd.dw[1] |= random64() & SMMUV3_TLBI1_TTL;
    }
    return cmd;
}

static unsigned style_tg(const Trial *t, SMMUv3Cmd style)
{
    unsigned tg = SMMUV3_GET(SMMUV3_TLBI1_TG, style.dw[1]);

    return tg ? tg : random_tg(t);
}

static void ask_dense(Trial *t)
{
    for (unsigned n = 1 + below(60); n; n--) {
        ask_at(t, random_style(t), t->base + 0x1000 * below(64));
    }
}

static void ask_sparse(Trial *t)
{
    SMMUv3Cmd style = random_style(t);

    for (unsigned n = 1 + below(60); n; n--) {
        ask_at(t, style, random64());
    }
}

/* A run of neighbours: in order or backwards, perhaps with holes. */
static void ask_run(Trial *t)
{
    SMMUv3Cmd style = random_style(t);
    uint64_t step = page_size(style_tg(t, style));
    uint64_t va = t->base + step * below(16);
    unsigned holes = one_in(3) ? 8 : 1000000;

    if (one_in(3)) {
        step = -step;
    }
    for (unsigned n = 1 + below(200); n; n--, va += step) {
        if (!one_in(holes)) {
            ask_at(t, style, va);
        }
    }
}

static void ask_shuffled(Trial *t)
{
    SMMUv3Cmd style = random_style(t);
    uint64_t step = page_size(style_tg(t, style));
    unsigned at[64], n = 2 + below(62);

    for (unsigned i = 0; i < n; i++) {
        unsigned j = below(i + 1);

        at[i] = at[j];
        at[j] = i;
    }
    for (unsigned i = 0; i < n; i++) {
        ask_at(t, style, t->base + step * at[i]);
    }
}

static void ask_interleaved(Trial *t)
{
    SMMUv3Cmd one = random_style(t), two = one;
    uint64_t step = page_size(style_tg(t, one));

    two.dw[0] = (two.dw[0] & ~SMMUV3_TLBI0_ASID) |
                SMMUV3_PREP(SMMUV3_TLBI0_ASID, random_asid());
    two.dw[1] ^= one_in(4) ? SMMUV3_TLBI1_LEAF : 0;
    for (unsigned i = 0; i < 20; i++) {
        ask_at(t, one, t->base + step * i);
        ask_at(t, two, t->base + step * i);
    }
}

static void ask_range(Trial *t)
{
    SMMUv3Cmd style = random_style(t);
    unsigned tg = random_tg(t);

    style.dw[0] &= ~(SMMUV3_TLBI0_NUM | SMMUV3_TLBI0_SCALE);
    style.dw[0] |= SMMUV3_PREP(SMMUV3_TLBI0_NUM, below(32)) |
                   SMMUV3_PREP(SMMUV3_TLBI0_SCALE,
                               one_in(8) ? below(64) : below(6));
    style.dw[1] &= ~SMMUV3_TLBI1_TG;
    style.dw[1] |= SMMUV3_PREP(SMMUV3_TLBI1_TG, tg);
    ask_at(t, style, t->base + page_size(tg) * below(32));
}

static void ask_duplicates(Trial *t)
{
    for (unsigned n = below(20); n && t->asked->len; n--) {
        ask(t, *asked(t, below(t->asked->len)));
    }
}

static void ask_all(Trial *t)
{
    static const uint64_t ops[] = {
        SMMUV3_CMD_TLBI_NH_ASID, SMMUV3_CMD_TLBI_NH_ASID,
        SMMUV3_CMD_TLBI_NH_ASID, SMMUV3_CMD_TLBI_NH_ALL,
        SMMUV3_CMD_TLBI_NSNH_ALL,
    };

    ask(t, cmd_raw(ops[below(G_N_ELEMENTS(ops))] |
                   SMMUV3_PREP(SMMUV3_TLBI0_ASID, random_asid()), 0));
}

/* One more stream than there are devices. */
static uint32_t random_sid(void)
{
    return FIRST_SID + below(DEVICES + 1);
}

static void ask_cd(Trial *t)
{
    SMMUv3Cmd cmd = cmd_cfgi_cd(random_sid(), below(3));

    cmd.dw[1] = below(2);
    if (one_in(3)) {
        cmd.dw[0] ^= SMMUV3_CMD_CFGI_CD ^ SMMUV3_CMD_CFGI_CD_ALL;
    }
    ask(t, cmd);
}

/* Mostly the same again, for new CDs; EATS and another table now and then. */
static void change_ste(Trial *t)
{
    SMMUv3Ste ste = ste_s1(CONTEXT_PTR + (one_in(3) ? 0x1000 : 0));

    if (one_in(3)) {
        ste.dw[1] |= SMMUV3_PREP(SMMUV3_STE1_EATS, SMMUV3_STE_EATS_FULL);
    }
    if (one_in(8)) {
        ste = ste_config(SMMUV3_STE_CONFIG_BYPASS);
    }
    strtab_set(t->scene.guest, &t->scene.regs, FIRST_SID + below(DEVICES),
               ste);
}

static void ask_ste(Trial *t)
{
    if (one_in(2)) {
        change_ste(t);
    }
    ask(t, one_in(2) ? cmd_cfgi_ste(random_sid())
                     : cmd_cfgi_range(random_sid(), one_in(2) ? 31 : below(3)));
}

static void ask_atc(Trial *t)
{
    SMMUv3Cmd cmd = cmd_atc_inv(random_sid(), t->base + 0x1000 * below(64),
                                one_in(8) ? below(64) : below(5));

    if (one_in(2)) {
        cmd.dw[0] |= SMMUV3_CMD0_SSV |
                     SMMUV3_PREP(SMMUV3_CMD0_SSID, below(3)) |
                     (one_in(4) ? SMMUV3_ATC0_GLOBAL : 0);
    }
    ask(t, cmd);
}

static void ask_sync(Trial *t)
{
    ask(t, cmd_sync(below(3)));
}

static void ask_something(Trial *t)
{
    static void (*const something[])(Trial *) = {
        ask_dense, ask_sparse, ask_run, ask_run, ask_shuffled,
        ask_interleaved, ask_range, ask_range, ask_range, ask_duplicates,
        ask_cd, ask_cd, ask_ste, ask_ste, ask_atc, ask_atc, ask_sync, ask_sync,
    };

    if (one_in(12)) {
        ask_all(t);
    } else {
        something[below(G_N_ELEMENTS(something))](t);
    }
}

static void ask_window(Trial *t)
{
    unsigned parts = 1 + below(10);

    t->base = random_base();
    while (parts--) {
        ask_something(t);
    }
}

static void test_random(gconstpointer data)
{
    Trial t;

    trial_init(&t, data);
    for (unsigned i = 0; i < 200; i++) {
        ask_window(&t);
        run_window(&t);
    }
    trial_done(&t);
}

/*
 * The host fails now and then. CONS may stop, but it never stands behind a
 * command whose entries were not dropped; acknowledged, all goes down.
 */

static void inject(SMMUv3Host *h)
{
    static const int errs[] = { ENOMEM, EIO, ETIMEDOUT };
    int err = errs[below(G_N_ELEMENTS(errs))];

    h->nomem_from = one_in(4) ? 2 + below(64) : 0;
    h->n_atc_dead = one_in(6);
    h->atc_dead[0] = FIRST_SID;
    h->lying = one_in(4);
    h->lie = one_in(2) ? below(300) : UINT32_MAX;
    if (one_in(2)) {
        fake_host_fail_nth(h, FAKE_INVALIDATE, 1 + below(3), err);
    } else {
        fake_host_fail_issue(h, 1 + below(200), err);
    }
}

static void heal(SMMUv3Host *h)
{
    h->nomem_from = 0;
    h->n_atc_dead = 0;
    h->lying = false;
    fake_host_fail_nth(h, FAKE_INVALIDATE, 0, 0);
    fake_host_fail_issue(h, 0, 0);
}

/* Of what stands before CONS. An ATC_INV may have timed out. */
static void check_done(const Trial *t, guint done)
{
    for (unsigned i = 0; i < SAMPLES / 2; i++) {
        Sample s = judge(t);

        if (s.asked.any && s.asked.first < done && !s.reached.any &&
            s.entry.kind != CACHE_ATC) {
            accuse(t, "CONS passed what is not done", &s, NULL);
        }
    }
}

static void run_failing(Trial *t)
{
    GuestQueue *q = &t->scene.queue;
    SMMUv3CmdqResult r;
    unsigned stops = 0;

    push_window(t);
    inject(t->scene.host);
    do {
        g_array_set_size(t->scene.host->journal, 0);
        r = queue_run(q, t->scene.engine);
        g_assert_cmpuint(fake_calls_after_timeout(t->scene.host), <=, 2);
        check_done(t, t->asked->len - queue_pending(q));
        if (r.status == SMMUV3_CMDQ_STOPPED) {
            g_assert_cmpuint(++stops, <=, 8);
        }
    } while (r.status != SMMUV3_CMDQ_DRAINED);
    heal(t->scene.host);
    /* If an ATC_INV timed out at the end, the next CMD_SYNC says so. */
    if (scene_command(&t->scene, cmd_sync(0)).status != SMMUV3_CMDQ_DRAINED) {
        scene_command(&t->scene, cmd_sync(0));
    }
    g_assert_cmpuint(queue_pending(q), <=, 1);
    queue_run(q, t->scene.engine);
    g_assert_cmpuint(t->scene.host->rule_breaks, ==, 0);
}

static void test_failing(gconstpointer data)
{
    Trial t;

    trial_init(&t, data);
    for (unsigned i = 0; i < 100; i++) {
        ask_window(&t);
        if (t.asked->len) {
            run_failing(&t);
        }
        g_array_set_size(t.asked, 0);
    }
    trial_done(&t);
}

/* Windows by hand, each for all configurations. */

typedef struct Hand {
    const char *name;
    SMMUv3Cmd cmds[4];
} Hand;

#define SYNC { { SMMUV3_CMD_SYNC, 0 } }
#define OF_DEVICE SMMUV3_PREP(SMMUV3_CMD0_SID, FIRST_SID)

static const Hand hands[] = {
    { "asid swallows no globals", {
        { { VA | ASID(1), 0x1000 } },
        { { SMMUV3_CMD_TLBI_NH_ASID | ASID(1), 0 } } } },
    { "asid swallows no vaa", {
        { { VAA, 0x1000 } },
        { { SMMUV3_CMD_TLBI_NH_ASID | ASID(1), 0 } } } },
    { "two pages, any granule", {
        { { VA | ASID(1), 0x3000 } }, { { VA | ASID(1), 0x4000 } } } },
    { "two pages, leaf and not", {
        { { VA | ASID(1), 0x4001 } }, { { VA | ASID(1), 0x5000 } } } },
    { "two pages, two granules", {
        { { VA | ASID(1), 0x10000 | TG(1) | TTL(3) } },
        { { VA | ASID(1), 0x11000 | TG(2) | TTL(3) } } } },
    { "two levels", {
        { { VA | ASID(1), 0x200001 | TG(1) | TTL(2) } },
        { { VA | ASID(1), 0x201001 | TG(1) | TTL(3) } } } },
    { "two blocks", {
        { { VA | ASID(1), 0x200001 | TG(1) | TTL(2) } },
        { { VA | ASID(1), 0x400001 | TG(1) | TTL(2) } } } },
    { "pages of a block", {
        { { VA | ASID(1), 0x1ff001 | TG(1) | TTL(2) } },
        { { VA | ASID(1), 0x200001 | TG(1) | TTL(2) } } } },
    { "range that is sure of nothing, and a page", {
        { { VA | ASID(1) | NUM(21) | SCALE(1), 0x83001 | TG(1) | TTL(2) } },
        { { VA | ASID(1), 0x84001 | TG(1) | TTL(2) } } } },
    { "page, and a range that is sure of nothing", {
        { { VA | ASID(1), 0x83001 | TG(1) | TTL(2) } },
        { { VA | ASID(1) | NUM(21) | SCALE(1),
            0x83001 | TG(1) | TTL(2) } } } },
    { "16K, level 1", {
        { { VA | ASID(1), 0x10000 | TG(2) | TTL(1) } },
        { { VA | ASID(1) | NUM(3), 0x10000 | TG(2) | TTL(1) } } } },
    { "reserved range", {
        { { VA | ASID(1) | NUM(1), 0x10000 | TG(2) | TTL(1) } } } },
    { "widest range", {
        { { VA | ASID(1) | NUM(31) | SCALE(31), TG(3) } },
        { { VAA | NUM(31) | SCALE(39), 0x1000 | TG(1) } } } },
    { "range beyond the top", {
        { { VA | ASID(1) | NUM(31) | SCALE(5),
            0xffffffffffff0000 | TG(1) } } } },
    { "pages to the top", {
        { { VA | ASID(1), 0xffffffffffffe001 } },
        { { VA | ASID(1), 0xfffffffffffff001 } },
        { { VA | ASID(1), 0x0000000000000001 } } } },
    { "VMID is not the guest's", {
        { { VA | ASID(1) | VMID(7), 0x1000 } },
        { { VA | ASID(1) | VMID(9), 0x2000 } } } },
    { "8 bits of ASID", {
        { { VA | ASID(0x101), 0x1000 } }, { { VA | ASID(1), 0x2000 } },
        { { SMMUV3_CMD_TLBI_NH_ASID | ASID(0x201), 0 } } } },
    { "CD, TLB, ATC", {
        { { SMMUV3_CMD_CFGI_CD |
            SMMUV3_PREP(SMMUV3_CMD0_SID, FIRST_SID), 1 } },
        { { VA | ASID(1), 0x1000 } },
        { { SMMUV3_CMD_ATC_INV |
            SMMUV3_PREP(SMMUV3_CMD0_SID, FIRST_SID), 0x1000 } } } },
    { "ATC between two of a run", {
        { { VA | ASID(1), 0x1000 } },
        { { SMMUV3_CMD_ATC_INV |
            SMMUV3_PREP(SMMUV3_CMD0_SID, FIRST_SID), 0x1000 } },
        { { VA | ASID(1), 0x2000 } },
        { { SMMUV3_CMD_ATC_INV |
            SMMUV3_PREP(SMMUV3_CMD0_SID, FIRST_SID), 0x2000 } } } },
    { "CD, complete, TLB", {
        { { SMMUV3_CMD_CFGI_CD | OF_DEVICE, 1 } }, SYNC,
        { { VA | ASID(1), 0x1001 } } } },
    { "STE, complete, TLB", {
        { { SMMUV3_CMD_CFGI_STE | OF_DEVICE, 1 } }, SYNC,
        { { VA | ASID(1), 0x1001 } } } },
    { "CD, complete, ATC", {
        { { SMMUV3_CMD_CFGI_CD_ALL | OF_DEVICE, 0 } }, SYNC,
        { { SMMUV3_CMD_ATC_INV | OF_DEVICE, 0x1000 } } } },
    { "TLB, complete, ATC", {
        { { VA | ASID(1), 0x1001 } }, SYNC,
        { { SMMUV3_CMD_ATC_INV | OF_DEVICE, 0x1000 } } } },
    { "tables, complete, leaves", {
        { { VA | ASID(1), 0x1000 } }, SYNC,
        { { VA | ASID(1), 0x3001 } }, SYNC } },
    { "CD between two of a run", {
        { { VA | ASID(1), 0x1000 } },
        { { SMMUV3_CMD_CFGI_CD_ALL |
            SMMUV3_PREP(SMMUV3_CMD0_SID, FIRST_SID), 0 } },
        { { VA | ASID(1), 0x2000 } }, { { VA | ASID(1), 0x1000 } } } },
};

static void test_hand(gconstpointer data)
{
    const Hand *hand = data;

    for (unsigned c = 0; c < G_N_ELEMENTS(configs); c++) {
        Trial t;

        trial_init(&t, &configs[c]);
        for (unsigned round = 0; round < 8; round++) {
            for (unsigned i = 0; i < G_N_ELEMENTS(hand->cmds); i++) {
                if (hand->cmds[i].dw[0]) {
                    ask(&t, hand->cmds[i]);
                }
            }
            run_window(&t);
        }
        trial_done(&t);
    }
}

static void add_configs(const char *what, GTestDataFunc func)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(configs); i++) {
        g_autofree char *path = g_strdup_printf("/coalesce/%s/%s", what,
                                                configs[i].name);

        g_test_add_data_func(path, &configs[i], func);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(hands); i++) {
        g_autofree char *path = g_strdup_printf("/coalesce/hand/%s",
                                                hands[i].name);

        g_test_add_data_func(path, &hands[i], test_hand);
    }
    add_configs("random", test_random);
    add_configs("failing", test_failing);
    return g_test_run();
}
