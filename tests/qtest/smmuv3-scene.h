/*
 * A QEMU with an arm-smmuv3, and what a guest's driver does to it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Both device test programs stand on this: registers, command queue, stream
 * table and event queue as a driver writes them, the interrupt controller, and
 * what QMP tells. smmuv3-accel-test.h has machines without a host device,
 * smmuv3-host-scene.h those with vfio-pci on a simulated host, which a test
 * recognises by Scene.k.
 */
#ifndef SMMUV3_SCENE_H
#define SMMUV3_SCENE_H

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "libqtest.h"
#include "smmuv3-fake-kernel.h"
#include "smmuv3-spec.h"

/* The guest's memory */
#define SMMU_ADDR       0x0c000000      /* the first on the platform bus */
#define MACHINE_SMMU_ADDR 0x09050000    /* with iommu=smmuv3 */
#define RING            0x42000000
#define STRTAB          0x43000000
#define STRTAB_LOG2SIZE 12              /* 16 buses */
#define CONTEXTS        0x44000000
#define EVENTQ          0x44800000

/* The first SMMU's on the platform bus: SPI 112 and following */
#define IRQ_EVENTQ      (32 + 112 + 0)
#define IRQ_CMD_SYNC    (32 + 112 + 2)
#define IRQ_GERROR      (32 + 112 + 3)

typedef struct Scene {
    FakeKernel *k;              /* NULL: no host; smmuv3-host-scene.h */
    char *dir;                  /* of the host's sysfs and the shared file */
    QTestState *qts;            /* NULL: not started */
    uint64_t smmu;              /* its registers, SMMU_ADDR at first */
    uint64_t ring;
    unsigned log2size;
    uint32_t prod;
    uint32_t cr0;
    uint32_t sid[FAKE_KERNEL_DEVICES];
} Scene;

/* As "stop" and "cont" do it; returns when QEMU has told of it. */
void stop_machine(Scene *s);
void resume_machine(Scene *s);

/* Registers */
uint32_t reg(Scene *s, uint32_t offset);
uint64_t reg64(Scene *s, uint32_t offset);
void set_reg(Scene *s, uint32_t offset, uint32_t value);
void set_reg64(Scene *s, uint32_t offset, uint64_t value);
void set_gbpa(Scene *s, uint32_t value);
uint32_t cons(Scene *s);
uint32_t cerror(Scene *s);
bool cmdq_err(Scene *s);
void acknowledge(Scene *s);

/* The driver's set-up: an aborting stream table, the queue; CR0.CMDQEN */
void enable_queue(Scene *s, unsigned log2size);
void enable_smmu(Scene *s);
void disable_smmu(Scene *s);

/* The queue alone, at @ring */
void enable_queue_at(Scene *s, uint64_t ring, unsigned log2size);

/* An event queue of 1 << @log2size, and CR0.EVENTQEN */
void enable_events(Scene *s, unsigned log2size);

/* The stream table */
void put_ste(Scene *s, uint32_t sid, uint64_t dw0, uint64_t dw1);
uint64_t s1_dw0(unsigned context);      /* a stage-1 STE's word 0 */

/* The command queue */
void put(Scene *s, uint64_t dw0, uint64_t dw1);
void put_at(Scene *s, uint32_t prod, uint64_t dw0, uint64_t dw1);
void put_many(Scene *s, uint64_t dw0, unsigned n);  /* from the ring's start */
void ring_bell(Scene *s);
void run_one(Scene *s, uint64_t dw0, uint64_t dw1); /* then ring_bell() */

/*
 * A host may refuse for a moment, so with one these wait for the queue. Without
 * a host it has to be there already, because nothing can hold it up.
 */
void expect_drained(Scene *s);
void expect_stopped(Scene *s, uint32_t at, uint32_t error);

/* No two of these are neighbours, so no two could become one range. */
uint64_t nth_va(unsigned i);
void put_tlbis(Scene *s, unsigned first, unsigned n);

/* The interrupt controller, by interrupt id */
void watch_interrupts(Scene *s);
bool is_pending(Scene *s, unsigned irq);
void clear_pending(Scene *s, unsigned irq);
bool take_pending(Scene *s, unsigned irq);      /* is_pending(), then clear */

/*
 * The reply to query-smmuv3-accel, which has @n instances; *@instance is the
 * @i-th of them, NULL if there are none.
 */
QDict *query_smmus(Scene *s, unsigned n, unsigned i, QDict **instance);

/* A counter of the only instance; of a kind of counters, all of them */
uint64_t query_stat(Scene *s, const char *name);
uint64_t query_stat_sum(Scene *s, const char *name);

/* Until query-migrate says @status */
void wait_for_migration(Scene *s, const char *status);

#endif
