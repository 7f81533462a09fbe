/*
 * Windows, asked for and judged. See trial.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <inttypes.h>

#include "trial.h"

const Config configs[CONFIGS] = {
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

void trial_init(Trial *t, const Config *c)
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
    /* So EATS in its STE does not change the physical STE. */
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

void trial_done(Trial *t)
{
    g_array_free(t->asked, TRUE);
    scene_done(&t->scene);
}

static const uint32_t *trial_host_idr(const Trial *t)
{
    return t->scene.smmu->info.idr;
}

uint32_t below(uint32_t n)
{
    return (uint32_t)g_test_rand_int() % n;
}

bool one_in(uint32_t n)
{
    return below(n) == 0;
}

uint64_t random64(void)
{
    return ((uint64_t)(uint32_t)g_test_rand_int() << 32) |
           (uint32_t)g_test_rand_int();
}

void ask(Trial *t, SMMUv3Cmd cmd)
{
    if (t->asked->len < WINDOW && !cache_illegal(&cmd, t->idr)) {
        g_array_append_val(t->asked, cmd);
    }
}

const SMMUv3Cmd *asked(const Trial *t, guint i)
{
    return &g_array_index(t->asked, SMMUv3Cmd, i);
}

/* Two of them are the same ASID if ASIDs have 8 bits. */
uint16_t random_asid(void)
{
    static const uint16_t asids[] = { 1, 2, 0x101, 0xff02 };

    return asids[below(G_N_ELEMENTS(asids))];
}

unsigned random_tg(const Trial *t)
{
    return t->config->all_granules ? 1 + below(3) : SMMUV3_TG_4K;
}

uint64_t page_size(unsigned tg)
{
    return UINT64_C(1) << cache_tlb_shift(tg, 3);
}

void ask_at(Trial *t, SMMUv3Cmd style, uint64_t va)
{
    style.dw[1] |= va & SMMUV3_TLBI1_VA;
    ask(t, style);
}

/* Sampling entries near the window's addresses. */

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
    /* Without LPA2 16K tables have no blocks above level 2. */
    if (e.leaf && e.tg == SMMUV3_TG_16K) {
        e.level = 2 + below(2);
    }
    /* 64K tables have no level 0. */
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

void accuse(const Trial *t, const char *what, const Sample *a,
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

Sample judge(const Trial *t)
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

/* The index of the first or last CMD_SYNC with an interrupt. */
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

/* @after can be filled from @before. */
static void check_order(const Trial *t, const Sample *before,
                        const Sample *after)
{
    if (before->entry.kind < after->entry.kind &&
        before->asked.first < after->asked.last &&
        before->reached.first > after->reached.last) {
        accuse(t, "reordered", before, after);
    }
}

/* Does one command drop both? Then neither is dropped before the other. */
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

void push_window(Trial *t)
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

void run_window(Trial *t)
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
