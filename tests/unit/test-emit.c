/*
 * What merging is for: less goes down than was asked for. That it is never less
 * than what was asked for is judged as in test-coalesce.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "trial.h"

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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
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
    return g_test_run();
}
