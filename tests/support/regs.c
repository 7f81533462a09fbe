/*
 * A scene behind its registers. See regs.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "regs.h"

const uint32_t plain_idr[6] = {
    0x0d40101a, 0x02730010, 0, 0x00000404, 0, 0x00000074,
};

static void on_irq(void *opaque, SMMUv3Irq irq)
{
    Regs *t = opaque;

    t->irqs[irq]++;
    if (t->on_irq) {
        t->on_irq(t);
    }
}

static void on_resume(void *opaque, unsigned delay_ms G_GNUC_UNUSED)
{
    Regs *t = opaque;

    t->resumes++;
}

static int on_write(void *opaque, uint64_t addr, const void *buf, size_t len)
{
    Regs *t = opaque;

    return guest_write(t->scene.guest, addr, buf, len);
}

static const GuestHooks ops = {
    .write = on_write, .irq = on_irq, .resume = on_resume,
};

void regs_init_idr(Regs *t, const uint32_t idr[6])
{
    *t = (Regs) { };
    scene_init_idr(&t->scene, host_idr, idr);
    guest_hook(t->scene.guest, &ops, t);
    smmuv3_engine_reset(t->scene.engine, idr);
}

void regs_init(Regs *t)
{
    regs_init_idr(t, plain_idr);
}

void regs_done(Regs *t)
{
    scene_done(&t->scene);
}

void regs_init_stream(Regs *t)
{
    regs_init(t);
    scene_add(&t->scene, 0);
    wr64(t, STRTAB_BASE, t->scene.regs.strtab_base);
    wr(t, STRTAB_BASE_CFG, t->scene.regs.strtab_base_cfg);
}

const SMMUv3EngineStats *regs_stats(Regs *t)
{
    return smmuv3_engine_stats(t->scene.engine);
}

void regs_set_up_queue(Regs *t, unsigned log2size, uint32_t at)
{
    queue_init(&t->scene.queue, t->scene.guest, CMDQ_ADDR, log2size);
    queue_seek(&t->scene.queue, at);
    wr64(t, CMDQ_BASE, CMDQ_ADDR | log2size);
    wr(t, CMDQ_PROD, at);
    wr(t, CMDQ_CONS, at);
}

void regs_push(Regs *t, SMMUv3Cmd cmd)
{
    t->scene.queue.regs.cons = rd(t, CMDQ_CONS) & 0xfffff;
    queue_push(&t->scene.queue, cmd);
}

void regs_ring_bell(Regs *t)
{
    wr(t, CMDQ_PROD, t->scene.queue.regs.prod);
}

void regs_expect_error(Regs *t, bool active)
{
    g_assert_cmpint((rd(t, GERROR) ^ rd(t, GERRORN)) & CMDQ_ERR, ==, active);
}
