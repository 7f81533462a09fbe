/*
 * What goes down is never less than what the guest asked for: windows of
 * random commands against the reference model of caches (tlb-model.h).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A black box: commands go in through the queue, and what the fake host's
 * hardware received is compared, by the guest and by the kernel, which drops
 * the CDs of an STE that it changes. For entries sampled around the commands'
 * addresses four things hold:
 *
 *   subset   what the guest's commands drop for sure, the issued ones drop;
 *   order    an entry is dropped after what it could be filled again from:
 *            TLB after CD, ATC after TLB;
 *   complete what stands before a CMD_SYNC is complete before what stands
 *            behind it, of a later class, begins;
 *   signal   a CMD_SYNC's interrupt comes after what stands before it, and
 *            CONS does not pass what is not issued.
 *
 * The seed is fixed in meson.build; --seed=R02S... tries another.
 */
#include <errno.h>
#include <inttypes.h>

#include "scene.h"
#include "tlb-model.h"

/* A guest's promise and a host. */
typedef struct Config {
    const char *name;
    bool guest_ril, host_ril, all_granules, asid16, ssids, host_ds;
} Config;

static const Config configs[] = {
    { "plain", true, true, true, true, true, false },
    { "4K", true, true, false, true, true, false },
    { "host without RIL", true, false, true, true, true, false },
    { "host without RIL, 4K", true, false, false, true, true, false },
    { "guest without RIL", false, true, true, true, true, false },
    { "guest without RIL, 4K", false, true, false, true, true, false },
    { "no RIL", false, false, true, true, true, false },
    { "no RIL, 4K", false, false, false, true, true, false },
    { "8-bit ASIDs", true, true, true, false, true, false },
    { "no substreams", true, true, true, true, false, false },
    { "host with DS", true, true, true, true, true, true },
};

enum { DEVICES = 2, WINDOW = 255, SAMPLES = 96 };

typedef struct Trial {
    const Config *config;
    Scene scene;
    uint32_t idr[6];            /* the guest's */
    uint64_t base;              /* what this window's addresses are near */
    GArray *asked;              /* of SMMUv3Cmd */
    bool translates[DEVICES];   /* before the window: it may have cached CDs */

    /* Of each interrupt: how much had reached the hardware. */
    guint reached_at_first_irq, reached_at_last_irq;
    bool irq;
} Trial;

static void note_irq(Guest *g)
{
    Trial *t = g->hook_data;

    t->reached_at_last_irq = t->scene.host->reached->len;
    if (!t->irq) {
        t->reached_at_first_irq = t->reached_at_last_irq;
    }
    t->irq = true;
}

static void clear_unless(bool keep, uint32_t *reg, uint64_t bits)
{
    *reg &= keep ? ~0u : ~(uint32_t)bits;
}

static void trial_init(Trial *t, const Config *c)
{
    uint32_t host[6];

    *t = (Trial) { .config = c };
    memcpy(t->idr, guest_idr, sizeof(t->idr));
    memcpy(host, host_idr, sizeof(host));
    clear_unless(c->guest_ril, &t->idr[3], SMMUV3_IDR3_RIL);
    clear_unless(c->host_ril, &host[3], SMMUV3_IDR3_RIL);
    clear_unless(c->all_granules, &t->idr[5],
                 SMMUV3_IDR5_GRAN16K | SMMUV3_IDR5_GRAN64K);
    clear_unless(c->asid16, &t->idr[0], SMMUV3_IDR0_ASID16);
    clear_unless(c->ssids, &t->idr[1], SMMUV3_IDR1_SSIDSIZE);
    host[5] |= c->host_ds ? SMMUV3_IDR5_DS : 0;
    scene_init_idr(&t->scene, host, t->idr);
    /* EATS in its STE is nothing to the physical one's. */
    t->scene.dev[1]->no_ats = true;
    scene_enable(&t->scene);
    for (unsigned i = 0; i < DEVICES; i++) {
        scene_add(&t->scene, i);
        scene_install(&t->scene, i, ste_s1(CONTEXT_PTR));
    }
    t->asked = g_array_new(FALSE, FALSE, sizeof(SMMUv3Cmd));
    t->scene.guest->hook_data = t;
    t->scene.guest->on_sync_irq = note_irq;
}

static void trial_done(Trial *t)
{
    g_array_free(t->asked, TRUE);
    scene_done(&t->scene);
}

static const uint32_t *trial_host_idr(const Trial *t)
{
    return t->scene.smmu->info.idr;
}

/* Writing a window. */

static uint32_t below(uint32_t n)
{
    return (uint32_t)g_test_rand_int() % n;
}

static bool one_in(uint32_t n)
{
    return below(n) == 0;
}

static uint64_t random64(void)
{
    return ((uint64_t)(uint32_t)g_test_rand_int() << 32) |
           (uint32_t)g_test_rand_int();
}

/* Nothing that would stop the queue. */
static void ask(Trial *t, SMMUv3Cmd cmd)
{
    if (t->asked->len < WINDOW && !cache_illegal(&cmd, t->idr)) {
        g_array_append_val(t->asked, cmd);
    }
}

static const SMMUv3Cmd *asked(const Trial *t, guint i)
{
    return &g_array_index(t->asked, SMMUv3Cmd, i);
}

/* Two of these are the same where ASIDs have 8 bits. */
static uint16_t random_asid(void)
{
    static const uint16_t asids[] = { 1, 2, 0x101, 0xff02 };

    return asids[below(G_N_ELEMENTS(asids))];
}

static unsigned random_tg(const Trial *t)
{
    return t->config->all_granules ? 1 + below(3) : SMMUV3_TG_4K;
}

static uint64_t page_size(unsigned tg)
{
    return UINT64_C(1) << cache_tlb_shift(tg, 3);
}

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

static void ask_at(Trial *t, SMMUv3Cmd style, uint64_t va)
{
    style.dw[1] |= va & SMMUV3_TLBI1_VA;
    ask(t, style);
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

/* Sampling entries near what was asked. */

static uint64_t near_range(const SMMUv3Cmd *cmd)
{
    unsigned tg = SMMUV3_GET(SMMUV3_TLBI1_TG, cmd->dw[1]);
    uint64_t va = cmd->dw[1] & SMMUV3_TLBI1_VA;
    uint64_t length = page_size(tg) *
                      ((SMMUV3_GET(SMMUV3_TLBI0_NUM, cmd->dw[0]) + 1)
                       << SMMUV3_GET(SMMUV3_TLBI0_SCALE, cmd->dw[0]));

    switch (below(5)) {
    case 0:
        return va - 1;
    case 1:
        return va + length;
    case 2:
        return va + length - 1;
    case 3:
        return va + (length ? random64() % length : 0);
    default:
        return va;
    }
}

static uint64_t align_down(uint64_t va, unsigned shift)
{
    return va >> shift << shift;
}

static CacheEntry sample_tlb(const Trial *t, const SMMUv3Cmd *cmd)
{
    CacheEntry e = {
        .kind = CACHE_TLB, .leaf = one_in(2), .global = one_in(4),
        .tg = random_tg(t),
        .asid = one_in(4) ? random_asid()
                          : SMMUV3_GET(SMMUV3_TLBI0_ASID, cmd->dw[0]),
    };

    if (!t->config->asid16) {
        e.asid &= 0xff;
    }
    e.level = e.leaf ? 1 + below(3) : below(3);
    /* Without LPA2 16K tables have no blocks above level 2... */
    if (e.leaf && e.tg == SMMUV3_TG_16K) {
        e.level = 2 + below(2);
    }
    /* ...and 64K tables have no level 0. */
    if (e.tg == SMMUV3_TG_64K && e.level == 0) {
        e.level = 1;
    }
    e.va = align_down(near_range(cmd), cache_tlb_shift(e.tg, e.level));
    return e;
}

static CacheEntry sample_stream(const Trial *t, const SMMUv3Cmd *cmd,
                                CacheKind kind)
{
    unsigned size = SMMUV3_GET(SMMUV3_ATC1_SIZE, cmd->dw[1]);
    CacheEntry e = {
        .kind = kind, .sid = FIRST_SID + below(DEVICES),
        .leaf = one_in(2), .global = one_in(4),
        .ssid = t->config->ssids ? below(3) : 0,
        .has_ssid = t->config->ssids && one_in(2),
        .va = (cmd->dw[1] & SMMUV3_ATC1_ADDR) +
              0x1000 * (random64() % (UINT64_C(2) << MIN(size, 51))),
    };

    if (!e.has_ssid && kind == CACHE_ATC) {
        e.ssid = 0;
    }
    return e;
}

static CacheEntry sample(const Trial *t)
{
    const SMMUv3Cmd *cmd = asked(t, below(t->asked->len));

    switch (cmd->dw[0] & SMMUV3_CMD0_OPCODE) {
    case SMMUV3_CMD_CFGI_STE:
    case SMMUV3_CMD_CFGI_STE_RANGE:
    case SMMUV3_CMD_CFGI_CD:
    case SMMUV3_CMD_CFGI_CD_ALL:
        return sample_stream(t, cmd, CACHE_CD);
    case SMMUV3_CMD_ATC_INV:
        return sample_stream(t, cmd, CACHE_ATC);
    default:
        return sample_tlb(t, cmd);
    }
}

/* Judging. */

typedef struct Sample {
    CacheEntry entry;
    CacheDrops asked, reached;
    CacheDrops by_class[CACHE_CLASSES];     /* of those asked */
} Sample;

static void print_cmds(const char *what, const GArray *cmds)
{
    for (guint i = 0; i < cmds->len; i++) {
        const SMMUv3Cmd *c = &g_array_index(cmds, SMMUv3Cmd, i);

        g_test_message("%s %3u: %016" PRIx64 " %016" PRIx64, what, i,
                       c->dw[0], c->dw[1]);
    }
}

static void print_sample(const Sample *s)
{
    const CacheEntry *e = &s->entry;

    g_test_message("kind %d leaf %d global %d asid %#x tg %u level %u sid %#x "
                   "ssid %d %#x va %#" PRIx64, e->kind, e->leaf, e->global,
                   e->asid, e->tg, e->level, e->sid, e->has_ssid, e->ssid,
                   e->va);
    g_test_message("asked for by %d %zu..%zu, dropped by %d %zu..%zu",
                   s->asked.any, s->asked.first, s->asked.last,
                   s->reached.any, s->reached.first, s->reached.last);
}

static void accuse(const Trial *t, const char *what, const Sample *a,
                   const Sample *b)
{
    print_cmds("asked", t->asked);
    print_cmds("reached", t->scene.host->reached);
    print_sample(a);
    if (b) {
        print_sample(b);
    }
    g_error("%s", what);
}

/* A CD is fetched for a stream that translates; device 1 has no ATC. */
static bool can_cache(const Trial *t, const CacheEntry *e)
{
    switch (e->kind) {
    case CACHE_CD:
        return t->translates[e->sid - FIRST_SID];
    case CACHE_ATC:
        return e->sid == FIRST_SID;
    default:
        return true;
    }
}

static Sample judge(const Trial *t)
{
    const GArray *reached = t->scene.host->reached;
    Sample s = { .entry = sample(t) };

    if (!can_cache(t, &s.entry)) {
        return s;
    }
    s.asked = cache_drops_of(asked(t, 0), t->asked->len, t->idr, &s.entry);
    if (s.asked.any) {
        s.reached = cache_drops_of((const SMMUv3Cmd *)reached->data,
                                   reached->len, trial_host_idr(t), &s.entry);
        cache_drops_by_class(asked(t, 0), t->asked->len, t->idr, &s.entry,
                             s.by_class);
    }
    return s;
}

/* The place of the first or last CMD_SYNC with an interrupt. */
static bool find_irq_sync(const Trial *t, bool last, guint *place)
{
    bool found = false;

    for (guint i = 0; i < t->asked->len && (last || !found); i++) {
        uint64_t dw0 = asked(t, i)->dw[0];

        if ((dw0 & SMMUV3_CMD0_OPCODE) == SMMUV3_CMD_SYNC &&
            SMMUV3_GET(SMMUV3_SYNC0_CS, dw0) == SMMUV3_SYNC_IRQ) {
            found = true;
            *place = i;
        }
    }
    return found;
}

static void check_signal(const Trial *t, const Sample *s)
{
    guint place;

    if (!find_irq_sync(t, false, &place)) {
        g_assert_false(t->irq);
        return;
    }
    g_assert_true(t->irq);
    if (s->asked.first < place && s->reached.first >= t->reached_at_first_irq) {
        accuse(t, "signalled before it was done", s, NULL);
    }
    find_irq_sync(t, true, &place);
    if (s->asked.first < place && s->reached.first >= t->reached_at_last_irq) {
        accuse(t, "signalled before it was done", s, NULL);
    }
}

/* @after is filled from what @before is. */
static void check_order(const Trial *t, const Sample *before,
                        const Sample *after)
{
    if (before->entry.kind < after->entry.kind &&
        before->asked.first < after->asked.last &&
        before->reached.first > after->reached.last) {
        accuse(t, "reordered", before, after);
    }
}

/* One that drops both has neither before the other. */
static bool drops_both(const Trial *t, const Sample *a, const Sample *b)
{
    const GArray *reached = t->scene.host->reached;

    for (guint i = 0; i < reached->len; i++) {
        const SMMUv3Cmd *cmd = &g_array_index(reached, SMMUv3Cmd, i);

        if (cache_drops(cmd, trial_host_idr(t), &a->entry) &&
            cache_drops(cmd, trial_host_idr(t), &b->entry)) {
            return true;
        }
    }
    return false;
}

static void check_completion(const Trial *t, const Sample *before,
                             const Sample *after)
{
    const GArray *rounds = t->scene.host->rounds;

    if (cache_fills(&before->entry, &after->entry) &&
        cache_completion_owed(asked(t, 0), before->by_class,
                              after->by_class) &&
        g_array_index(rounds, unsigned, before->reached.first) >=
        g_array_index(rounds, unsigned, after->reached.last) &&
        !drops_both(t, before, after)) {
        accuse(t, "a CMD_SYNC was dropped", before, after);
    }
}

static void check_window(const Trial *t)
{
    Sample samples[SAMPLES];
    unsigned n = 0;

    for (unsigned i = 0; i < SAMPLES && t->asked->len; i++) {
        Sample s = judge(t);

        if (!s.asked.any) {
            continue;
        }
        if (!s.reached.any) {
            accuse(t, "narrowed", &s, NULL);
        }
        check_signal(t, &s);
        samples[n++] = s;
    }
    for (unsigned i = 0; i < n; i++) {
        for (unsigned j = 0; j < n; j++) {
            check_order(t, &samples[i], &samples[j]);
            check_completion(t, &samples[i], &samples[j]);
        }
    }
}

static void push_window(Trial *t)
{
    fake_host_forget(t->scene.host);
    for (unsigned i = 0; i < DEVICES; i++) {
        t->translates[i] = scene_kind(&t->scene, i) == SMMUV3_STREAM_TRANSLATE;
    }
    t->irq = false;
    for (guint i = 0; i < t->asked->len; i++) {
        queue_push(&t->scene.queue, *asked(t, i));
    }
}

static void run_window(Trial *t)
{
    SMMUv3CmdqResult r;
    unsigned runs = 0;

    push_window(t);
    do {
        r = queue_run(&t->scene.queue, t->scene.engine);
        g_assert_cmpuint(++runs, <=, 4);
    } while (r.status == SMMUV3_CMDQ_MORE);
    g_assert_cmpint(r.status, ==, SMMUV3_CMDQ_DRAINED);
    g_assert_cmpuint(t->scene.host->rule_breaks, ==, 0);
    check_window(t);
    g_array_set_size(t->asked, 0);
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

#define ASID(n) SMMUV3_PREP(SMMUV3_TLBI0_ASID, n)
#define NUM(n) SMMUV3_PREP(SMMUV3_TLBI0_NUM, n)
#define SCALE(n) SMMUV3_PREP(SMMUV3_TLBI0_SCALE, n)
#define VMID(n) SMMUV3_PREP(SMMUV3_TLBI0_VMID, n)
#define TG(n) SMMUV3_PREP(SMMUV3_TLBI1_TG, n)
#define TTL(n) SMMUV3_PREP(SMMUV3_TLBI1_TTL, n)
#define VA SMMUV3_CMD_TLBI_NH_VA
#define VAA SMMUV3_CMD_TLBI_NH_VAA

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

/* What merging is for: less goes down than was asked for. */

typedef struct Less {
    const char *name;
    bool all_granules;          /* promised to the guest */
    SMMUv3Cmd style;
    uint64_t step;
} Less;

static const Less less[] = {
    { "4K, no hint", false, { { VA | ASID(1), 1 } }, 0x1000 },
    { "4K, no hint, tables", false, { { VA | ASID(1), 0 } }, 0x1000 },
    { "4K, no hint, any ASID", false, { { VAA, 1 } }, 0x1000 },
    { "4K", true, { { VA | ASID(1), TG(1) | TTL(3) | 1 } }, 0x1000 },
    { "16K", true, { { VA | ASID(1), TG(2) | TTL(3) | 1 } }, 0x4000 },
    { "64K", true, { { VA | ASID(1), TG(3) | TTL(3) | 1 } }, 0x10000 },
};

static guint issued_for_window(Trial *t)
{
    run_window(t);
    return t->scene.host->issued->len;
}

static void trial_init_less(Trial *t, bool all_granules)
{
    trial_init(t, all_granules ? &configs[0] : &configs[1]);
    t->base = 0x100000000;
}

/* Neighbours become a few ranges; no more than NUM and SCALE ask for. */
static void test_less_run(gconstpointer data)
{
    static const unsigned lengths[] = { 2, 7, 64, 254 };
    const Less *l = data;
    Trial t;

    trial_init_less(&t, l->all_granules);
    for (unsigned i = 0; i < G_N_ELEMENTS(lengths); i++) {
        for (unsigned n = 0; n < lengths[i]; n++) {
            ask_at(&t, l->style, t.base + n * l->step);
        }
        ask(&t, cmd_sync(SMMUV3_SYNC_IRQ));
        g_assert_cmpuint(issued_for_window(&t), <=, 3);
    }
    trial_done(&t);
}

/*
 * Ranges that touch become one as long as NUM and SCALE can say it: up to
 * 32 << 31 granules. What is longer is widened to TLBI_NH_ALL.
 */
static const struct {
    const char *name;
    uint64_t granules[2];
    uint64_t range;             /* of what is sent; 0: TLBI_NH_ALL */
} long_cases[] = {
    { "2^31", { UINT64_C(1) << 30, UINT64_C(1) << 30 }, SCALE(31) },
    { "2^32", { UINT64_C(1) << 31, UINT64_C(1) << 31 }, NUM(1) | SCALE(31) },
    { "2^33", { UINT64_C(2) << 31, UINT64_C(2) << 31 }, NUM(3) | SCALE(31) },
    { "3 * 2^32", { UINT64_C(4) << 31, UINT64_C(2) << 31 },
      NUM(5) | SCALE(31) },
    { "2^36", { UINT64_C(16) << 31, UINT64_C(16) << 31 },
      NUM(31) | SCALE(31) },
    { "more than 2^35", { UINT64_C(16) << 31, UINT64_C(1) << 12 },
      NUM(16) | SCALE(31) },
    { "more than 2^36", { UINT64_C(32) << 31, 1 }, 0 },
};

/* NUM and SCALE that say @granules exactly */
static uint64_t exact_range(uint64_t granules)
{
    unsigned scale = 0;

    while (granules > 32) {
        g_assert_cmpuint(granules & 1, ==, 0);
        granules >>= 1;
        scale++;
    }
    return NUM(granules - 1) | SCALE(scale);
}

static void test_long(gconstpointer data)
{
    unsigned n = GPOINTER_TO_UINT(data);
    uint64_t va = 0;
    SMMUv3Cmd sent;
    Trial t;

    trial_init_less(&t, true);
    for (unsigned i = 0; i < 2; i++) {
        ask(&t, cmd_raw(VA | ASID(1) | exact_range(long_cases[n].granules[i]),
                        va | TG(1) | TTL(3) | 1));
        va += long_cases[n].granules[i] << 12;
    }
    g_assert_cmpuint(issued_for_window(&t), ==, 1);
    sent = *fake_issued(t.scene.host, 0);
    if (long_cases[n].range) {
        g_assert_cmphex(sent.dw[0], ==, VA | ASID(1) | long_cases[n].range);
        g_assert_cmphex(sent.dw[1], ==, TG(1) | TTL(3) | 1);
    } else {
        g_assert_cmphex(sent.dw[0], ==, SMMUV3_CMD_TLBI_NH_ALL);
    }
    trial_done(&t);
}

/* Of a class, an exact repetition goes once, whatever SYNCs are between. */
static void test_less_duplicates(void)
{
    const SMMUv3Cmd cmds[] = {
        cmd_tlbi_va(1, 0x1000), cmd_tlbi_va(2, 0x7000), cmd_tlbi_va(1, 0x9000),
        cmd_raw(SMMUV3_CMD_TLBI_NH_VAA, 0x5001),
    };
    Trial t;

    trial_init_less(&t, true);
    for (unsigned i = 0; i < 40; i++) {
        ask(&t, cmds[i % G_N_ELEMENTS(cmds)]);
        if (i % 8 == 7) {
            ask(&t, cmd_sync(SMMUV3_SYNC_IRQ));
        }
    }
    g_assert_cmpuint(issued_for_window(&t), ==, G_N_ELEMENTS(cmds));
    trial_done(&t);
}

/* TLBI_NH_ALL and NSNH_ALL leave nothing for the others to do. */
static void test_less_all(gconstpointer data)
{
    Trial t;

    trial_init_less(&t, true);
    for (unsigned i = 0; i < 100; i++) {
        ask(&t, i == 50 ? cmd_raw(GPOINTER_TO_UINT(data), 0)
                        : cmd_tlbi_va(1, 0x7000 * i));
    }
    g_assert_cmpuint(issued_for_window(&t), ==, 1);
    trial_done(&t);
}

static void add_less(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(less); i++) {
        g_autofree char *path = g_strdup_printf("/coalesce/less/run/%s",
                                                less[i].name);

        g_test_add_data_func(path, &less[i], test_less_run);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(long_cases); i++) {
        g_autofree char *path = g_strdup_printf("/coalesce/less/long/%s",
                                                long_cases[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_long);
    }
    g_test_add_func("/coalesce/less/duplicates", test_less_duplicates);
    g_test_add_data_func("/coalesce/less/NH_ALL",
                         GUINT_TO_POINTER(SMMUV3_CMD_TLBI_NH_ALL),
                         test_less_all);
    g_test_add_data_func("/coalesce/less/NSNH_ALL",
                         GUINT_TO_POINTER(SMMUV3_CMD_TLBI_NSNH_ALL),
                         test_less_all);
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
    add_less();
    return g_test_run();
}
