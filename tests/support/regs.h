/*
 * A scene that a test reaches by its registers, as a guest does.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_REGS_H
#define TESTS_REGS_H

#include "offsets.h"
#include "scene.h"

/* An opcode that does not exist. */
#define ILLEGAL cmd_raw(0xff, 0)

typedef struct Regs {
    Scene scene;
    unsigned irqs[2];
    unsigned resumes;
    void (*on_irq)(struct Regs *t);
} Regs;

/*
 * S1P, AArch64, COHACC, ASID16, no stalls, two-level tables, queues of 2^19,
 * OAS 44
 */
extern const uint32_t plain_idr[6];

/* Make a scene without a device, reset with @idr, or with plain_idr. */
void regs_init_idr(Regs *t, const uint32_t idr[6]);
void regs_init(Regs *t);
void regs_done(Regs *t);

/* Makes a scene with a device, and a stream table that is not enabled. */
void regs_init_stream(Regs *t);

/* Sets up an empty command queue, both indices @at; it is off. */
void regs_set_up_queue(Regs *t, unsigned log2size, uint32_t at);

/* Writes a command to memory; regs_ring_bell() writes PROD. */
void regs_push(Regs *t, SMMUv3Cmd cmd);
void regs_ring_bell(Regs *t);

/* Asserts that GERROR.CMDQ_ERR is @active. */
void regs_expect_error(Regs *t, bool active);
const SMMUv3EngineStats *regs_stats(Regs *t);

static inline uint64_t rd_size(Regs *t, uint64_t offset, unsigned size)
{
    uint64_t value = 0x5a5a5a5a5a5a5a5a;

    g_assert_true(smmuv3_engine_read(t->scene.engine, offset, size, &value));
    return value;
}

static inline void wr_size(Regs *t, uint64_t offset, unsigned size,
                           uint64_t value)
{
    g_assert_true(smmuv3_engine_write(t->scene.engine, offset, size, value));
}

static inline uint32_t rd(Regs *t, uint64_t offset)
{
    uint64_t value = rd_size(t, offset, 4);

    g_assert_cmphex(value, <=, UINT32_MAX);
    return value;
}

static inline void wr(Regs *t, uint64_t offset, uint32_t value)
{
    wr_size(t, offset, 4, value);
}

static inline void wr64(Regs *t, uint64_t offset, uint64_t value)
{
    wr_size(t, offset, 8, value);
}

#endif
