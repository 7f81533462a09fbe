/*
 * The engine's life: what it is made of, and what it asks of its caller.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engine/empty", test_empty);
    return g_test_run();
}
