/*
 * The engine's life: what it is made of, and what it asks of its caller.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * PROJECT_VERSION is meson's.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "scene.h"

static void test_empty(void)
{
    SMMUv3Engine *e;
    Guest *g = guest_new();
    SMMUv3HostInfo info;
    SMMUv3StreamRegs regs = { .cr0 = SMMUV3_CR0_SMMUEN };

    smmuv3_engine_free(NULL);
    e = smmuv3_engine_new(&guest_ops, g);
    g_assert_false(smmuv3_engine_host_info(e, &info));
    smmuv3_attach_all(e, &regs);
    g_assert_cmpuint(smmuv3_engine_stats(e)->attaches, ==, 0);
    smmuv3_engine_free(e);
    guest_free(g);
}

static void test_version(void)
{
    unsigned n[3];

    g_assert_cmpint(sscanf(PROJECT_VERSION, "%u.%u.%u", &n[0], &n[1], &n[2]),
                    ==, 3);
    g_assert_cmpuint(SMMUV3_ENGINE_VERSION, ==,
                     n[0] * 10000 + n[1] * 100 + n[2]);
}

/* ---- The table of callbacks ---- */

typedef void (*AnyFunction)(void);

typedef struct Callback {
    const char *name;
    size_t offset;
} Callback;

#define CALLBACK(name) { #name, offsetof(SMMUv3FrontendOps, name) }

static const Callback mandatory[] = {
    CALLBACK(read), CALLBACK(read_words), CALLBACK(write), CALLBACK(irq),
    CALLBACK(sync_irq), CALLBACK(resume), CALLBACK(stream_failed),
    CALLBACK(vsid), CALLBACK(watch), CALLBACK(events_failed),
};

static const Callback optional[] = {
    CALLBACK(msi), CALLBACK(msi_is_quiet), CALLBACK(consumed),
    CALLBACK(window_done), CALLBACK(batch_done), CALLBACK(stream_changed),
    CALLBACK(hwpt_changed), CALLBACK(recorded),
};

/* A new callback belongs to one of the two. */
G_STATIC_ASSERT(sizeof(SMMUv3FrontendOps) ==
                sizeof(size_t) + sizeof(AnyFunction) *
                (G_N_ELEMENTS(mandatory) + G_N_ELEMENTS(optional)));

/* All before this are mandatory, or not the last that is. */
#define ENOUGH (offsetof(SMMUv3FrontendOps, events_failed) + \
                sizeof(AnyFunction))

/*
 * What a caller has who knows @size bytes of the struct. There is no more
 * memory than that, because a sanitizer sees then who reads on.
 */
static void *ops_of_size(size_t size)
{
    char *ops = g_malloc0(MAX(size, sizeof(size)));

    memcpy(ops, &guest_ops, MIN(size, sizeof(guest_ops)));
    memcpy(ops, &size, sizeof(size));
    return ops;
}

/* Frees @ops at once, because the engine has a copy. */
static bool is_taken(void *ops)
{
    SMMUv3Engine *e = smmuv3_engine_new(ops, NULL);
    bool taken = e != NULL;

    g_free(ops);
    smmuv3_engine_free(e);
    return taken;
}

static bool is_taken_without(const Callback *c)
{
    char *ops = ops_of_size(sizeof(SMMUv3FrontendOps));

    memset(ops + c->offset, 0, sizeof(AnyFunction));
    return is_taken(ops);
}

static void test_without_mandatory(gconstpointer data)
{
    g_assert_false(is_taken_without(data));
}

static void test_without_optional(gconstpointer data)
{
    g_assert_true(is_taken_without(data));
}

static void test_all_there(void)
{
    g_assert_true(is_taken(ops_of_size(sizeof(SMMUv3FrontendOps))));
}

/* Not even the size is there, whatever it says. */
static void test_no_size(void)
{
    for (size_t size = 0; size < sizeof(size_t); size++) {
        g_assert_false(is_taken(ops_of_size(size)));
    }
}

/* A caller of an earlier version: what it does not know is missing. */
static void test_smaller(void)
{
    for (size_t size = sizeof(size_t); size < sizeof(SMMUv3FrontendOps);
         size += sizeof(AnyFunction)) {
        g_assert_cmpint(is_taken(ops_of_size(size)), ==, size >= ENOUGH);
    }
}

/* One of a later version may know more, but may not want it. */
static void test_larger(void)
{
    const size_t known = sizeof(SMMUv3FrontendOps), more = 3;

    for (size_t tail = 1; tail <= more * sizeof(AnyFunction); tail++) {
        g_assert_true(is_taken(ops_of_size(known + tail)));
        for (size_t i = 0; i < tail; i++) {
            char *ops = ops_of_size(known + tail);

            ops[known + i] = 1;
            g_assert_false(is_taken(ops));
        }
    }
}

static void never_window(void *opaque G_GNUC_UNUSED,
                         const SMMUv3WindowInfo *window G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

static void never_batch(void *opaque G_GNUC_UNUSED,
                        const SMMUv3BatchInfo *batch G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

/* What stands behind the end of a smaller one is never called. */
static void test_smaller_lives(void)
{
    SMMUv3FrontendOps ops = guest_ops;
    Scene s;

    ops.size = ENOUGH;
    ops.window_done = never_window;
    ops.batch_done = never_batch;
    scene_init(&s);
    smmuv3_engine_free(s.engine);
    s.engine = smmuv3_engine_new(&ops, s.guest);
    g_assert_nonnull(s.engine);
    smmuv3_features_set(s.engine, guest_idr);
    scene_add(&s, 0);
    scene_enable(&s);
    scene_install(&s, 0, ste_s1(CONTEXT_PTR));
    g_assert_cmpint(scene_command(&s, cmd_tlbi_va(1, 0x1000)).status, ==,
                    SMMUV3_CMDQ_DRAINED);
    g_assert_cmpuint(s.host->calls[FAKE_INVALIDATE], ==, 1);
    scene_done(&s);
}

static void add_callbacks(const char *what, const Callback *callbacks,
                          unsigned n, GTestDataFunc func)
{
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf("/engine/new/%s/%s", what,
                                                callbacks[i].name);

        g_test_add_data_func(path, &callbacks[i], func);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engine/empty", test_empty);
    g_test_add_func("/engine/version", test_version);
    g_test_add_func("/engine/new/all-there", test_all_there);
    g_test_add_func("/engine/new/no-size", test_no_size);
    g_test_add_func("/engine/new/smaller", test_smaller);
    g_test_add_func("/engine/new/smaller-lives", test_smaller_lives);
    g_test_add_func("/engine/new/larger", test_larger);
    add_callbacks("without-mandatory", mandatory, G_N_ELEMENTS(mandatory),
                  test_without_mandatory);
    add_callbacks("without-optional", optional, G_N_ELEMENTS(optional),
                  test_without_optional);
    return g_test_run();
}
