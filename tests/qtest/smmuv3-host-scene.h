/*
 * A machine with vfio-pci devices behind an accelerated SMMU, and a driver.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * QEMU runs with smmuv3-fake-kernel.h's library for a host: eight
 * devices, of which 0 to 5 sit behind SMMU 0, 6 behind SMMU 1 and 7 behind no
 * SMMU. Here is what puts them into a machine, and what a guest's driver does
 * to the SMMU: its registers, stream table and command queue.
 */
#ifndef SMMUV3_HOST_SCENE_H
#define SMMUV3_HOST_SCENE_H

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "libqtest.h"
#include "smmuv3-fake-kernel.h"
#include "smmuv3-spec.h"

/* The guest's memory */
#define SMMU_ADDR       0x0c000000      /* the first on the platform bus */
#define MACHINE_SMMU_ADDR 0x09050000    /* with iommu=smmuv3 */
#define RING            0x42000000
#define LOG2SIZE        8
#define STRTAB          0x43000000
#define STRTAB_LOG2SIZE 12              /* 16 buses */
#define CONTEXTS        0x44000000
#define BAR_ADDR        0x10000000
#define ECAM            0x3f000000ull

#define MACHINE         "-M virt,gic-version=2,highmem-ecam=off -m 128 " \
                        "-nodefaults -object iommufd,id=iommufd0 "
#define SMMU            "-device arm-smmuv3,primary-bus=pcie.0,id=smmu," \
                        "accel=on "

typedef struct Scene {
    FakeKernel *k;
    char *dir;                  /* of the host's sysfs and the shared file */
    QTestState *qts;            /* NULL: not started */
    uint64_t smmu;              /* its registers, SMMU_ADDR at first */
    uint64_t ring;
    unsigned log2size;
    uint32_t prod;
    uint32_t cr0;
    uint32_t sid[FAKE_KERNEL_DEVICES];
} Scene;

/* False and the test marked as skipped, if the library is not at hand. */
bool scene_init(Scene *s);

/* Kills QEMU, and asserts that no request broke the kernel's rules. */
void scene_done(Scene *s);

/* Starts QEMU: MACHINE and SMMU, then what @fmt says. */
void scene_start(Scene *s, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
void scene_start_bare(Scene *s, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
void scene_quit(Scene *s);

/* As "stop" and "cont" do it; returns when QEMU has told of it. */
void stop_machine(Scene *s);
void resume_machine(Scene *s);

/* Host device @i in sysfs; vfio-pci of it, its id dev@i, without a place. */
char *scene_sysfs(const Scene *s, unsigned i);

/* What it says of device @i's reserved regions; taken back in the end. */
void scene_set_regions(Scene *s, unsigned i, const char *regions);
void scene_drop_regions(Scene *s, unsigned i);
char *scene_device(const Scene *s, unsigned i);

/*
 * Starts a machine with @device, which is told to quit at once. What it printed
 * on stderr, the caller's; returns its exit status.
 */
int scene_try_start(Scene *s, const char *device, char **said);

/* Devices 0 .. @n - 1 in slots 2, 3, ... of pcie.0, QEMU started. */
void scene_start_devices(Scene *s, unsigned n);

/* The same with further arguments, like "-global arm-smmuv3.ats=on". */
void scene_start_with(Scene *s, const char *more, unsigned n);

/* Root ports rp0 .. @n - 1 in slots 2, 3, ..., their buses 1, 2, ... */
void scene_start_ports(Scene *s, unsigned n);

/* What the guest's PCI code does for port @port. */
void set_bus(Scene *s, unsigned port, unsigned bus);

/*
 * device_add of host device @i to bus @bus; its error, NULL for none. What
 * QEMU had opened for one that failed is closed again on return.
 */
char *try_plug(Scene *s, unsigned i, const char *bus);
void plug(Scene *s, unsigned i, unsigned port);

/* What QEMU frees goes a moment later (RCU). */
void wait_closed(Scene *s, unsigned i);

/* As the guest does it: power off. Waits until the device is closed. */
void unplug(Scene *s, unsigned i, unsigned port);

/* The same for whatever sits in @port; what a driver does before it looks. */
void power_off(Scene *s, unsigned port);
void power_on(Scene *s, unsigned port);

/*
 * As power_off(), but without waiting: the device leaves the machine at once,
 * and is closed an RCU grace period later.
 */
void switch_off(Scene *s, unsigned port);

/* Is migration blocked for a host device's sake? */
bool scene_blocks_migration(Scene *s);

/* The interrupt controller, by interrupt id */
void watch_interrupts(Scene *s);
bool is_pending(Scene *s, unsigned irq);
void clear_pending(Scene *s, unsigned irq);

/* The first SMMU's on the platform bus: SPI 112 and following */
#define IRQ_EVENTQ      (32 + 112 + 0)
#define IRQ_CMD_SYNC    (32 + 112 + 2)
#define IRQ_GERROR      (32 + 112 + 3)

/* Configuration space, by ECAM */
uint64_t config_addr(unsigned bus, unsigned devfn, unsigned offset);

/* A device in slot 2, translating, and an empty journal. */
bool scene_init_translating(Scene *s);
bool scene_init_translating_with(Scene *s, const char *more);

/* QEMU's environment and command line, for who starts it by itself. */
char **scene_environment(const Scene *s);

/* Forgets the journal and the issued commands. */
void scene_forget(Scene *s);

/* Each kind of call, and FK_CALLS for any. */
void fail_nth(Scene *s, FakeKernelCall call, unsigned nth, int err);
void fail_nothing(Scene *s);

/* Registers */
uint32_t reg(Scene *s, uint32_t offset);
void set_reg(Scene *s, uint32_t offset, uint32_t value);
uint32_t cons(Scene *s);
uint32_t cerror(Scene *s);
bool cmdq_err(Scene *s);
void acknowledge(Scene *s);
void set_gbpa(Scene *s, uint32_t value);

/* The driver's set-up: an aborting stream table, the queue; CR0.CMDQEN */
void enable_queue(Scene *s, unsigned log2size);
void enable_smmu(Scene *s);
void disable_smmu(Scene *s);

/* The stream table */
void put_ste(Scene *s, uint32_t sid, uint64_t dw0, uint64_t dw1);
uint64_t s1_dw0(unsigned context);      /* a stage-1 STE's word 0 */

/* STE, CFGI_STE and CMD_SYNC; the queue drains. */
void install(Scene *s, unsigned device, uint64_t dw0, uint64_t dw1);
void translate(Scene *s, unsigned device, unsigned context);

/* The command queue */
void put(Scene *s, uint64_t dw0, uint64_t dw1);
void put_at(Scene *s, uint32_t prod, uint64_t dw0, uint64_t dw1);
void ring_bell(Scene *s);
void expect_drained(Scene *s);
void expect_stopped(Scene *s, uint32_t at, uint32_t error);
void run_one(Scene *s, uint64_t dw0, uint64_t dw1); /* then ring_bell() */

/* No two of these are neighbours, so no two could become one range. */
uint64_t nth_va(unsigned i);
void put_tlbis(Scene *s, unsigned first, unsigned n);

/* What reached the host */
bool is_issued(Scene *s, uint64_t dw0, uint64_t dw1);
unsigned times_issued(Scene *s, uint64_t dw0, uint64_t dw1);
bool is_tlbi_issued(Scene *s, unsigned i);
void expect_tlbis(Scene *s, unsigned first, unsigned n);
void expect_translating(Scene *s, unsigned device, unsigned context);
void expect_kind(Scene *s, unsigned device, uint64_t ste_dw0);
void expect_stage2(Scene *s, unsigned device);  /* alone: SMMUEN=0 */
bool is_blocked(Scene *s, unsigned device);     /* aborting, or detached */
void expect_nothing_left(Scene *s);

/* The lists of tests, a file each */
void add_stream_tests(void);
void add_plug_tests(void);
void add_props_tests(void);
void add_error_tests(void);
void add_emulated_tests(void);
void add_sweep_tests(void);
void add_event_tests(void);
void add_query_tests(void);
void add_migrate_tests(void);
void add_ports_tests(void);

/* Device 0 is plugged into the port in slot 2, which sleeps and then has told. */
void send_and_take_pme(Scene *s);

#endif
