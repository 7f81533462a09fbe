/*
 * vfio-pci behind an accelerated arm-smmuv3, on a simulated host kernel.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "smmuv3-nested-scene.h"

static void test_first(void)
{
    Scene s;

    if (!scene_init_translating(&s)) {
        return;
    }
    g_assert_cmpuint(s.k->device[0].vsid, ==, nth_sid(0));
    put_tlbis(&s, 0, 3);
    put(&s, CMD_SYNC, 0);
    ring_bell(&s);
    expect_drained(&s);
    expect_tlbis(&s, 0, 3);
    g_assert_cmpuint(s.k->calls[FK_INVALIDATE], ==, 1);
    scene_done(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("smmuv3-nested/first", test_first);
    return g_test_run();
}
