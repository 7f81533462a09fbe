/*
 * Machines with vfio-pci devices behind an accelerated SMMU.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * QEMU runs with smmuv3-fake-kernel.h's library for a host: eight
 * devices, of which 0 to 5 sit behind SMMU 0, 6 behind SMMU 1 and 7 behind no
 * SMMU. Here is what puts them into a machine, what makes the host fail or
 * fault, and what reached it. What a guest's driver does is in smmuv3-scene.h.
 */
#ifndef SMMUV3_HOST_SCENE_H
#define SMMUV3_HOST_SCENE_H

#include "smmuv3-scene.h"

#define LOG2SIZE        8
#define BAR_ADDR        0x10000000
#define ECAM            0x3f000000ull

#define MACHINE         "-M virt,gic-version=2,highmem-ecam=off -m 128 " \
                        "-nodefaults -object iommufd,id=iommufd0 "
#define SMMU            "-device arm-smmuv3,primary-bus=pcie.0,id=smmu," \
                        "accel=on "

/* Behind MACHINE: the ITS is where Linux maps the doorbell. */
#define MOVED_ITS       "-M gic-version=3,its-msi-iova=on "

/* False and the test marked as skipped, if the library is not at hand. */
bool scene_init(Scene *s);

/* Kills QEMU, and asserts that no request broke the kernel's rules. */
void scene_done(Scene *s);

/* Starts QEMU: MACHINE and SMMU, then what @fmt says. */
void scene_start(Scene *s, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
void scene_start_bare(Scene *s, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
void scene_quit(Scene *s);

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
void scene_start_ports_with(Scene *s, const char *more, unsigned n);

/* What the guest's PCI code does for port @port. */
void set_bus(Scene *s, unsigned port, unsigned bus);

/*
 * device_add of host device @i to bus @bus; its error, NULL for none. What
 * QEMU had opened for one that failed is closed again on return.
 */
char *try_plug(Scene *s, unsigned i, const char *bus);
void plug(Scene *s, unsigned i, unsigned port);

/* try_plug() fails, and its error has these words. */
void expect_refused(Scene *s, unsigned i, const char *bus, const char *words);

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

/* STE, CFGI_STE and CMD_SYNC; the queue drains. */
void install(Scene *s, unsigned device, uint64_t dw0, uint64_t dw1);
void translate(Scene *s, unsigned device, unsigned context);

/* What the kernel gives to read() from a vEVENTQ: a header and a record */
typedef struct HostEvent {
    uint32_t flags, sequence;
    uint64_t record[4];
} HostEvent;

/* An F_TRANSLATION of stream @sid; the vEVENTQ's writing end; one through it */
HostEvent a_fault(uint32_t sequence, uint32_t sid, uint64_t addr);
int open_events(Scene *s, int flags);
void fault(Scene *s, uint32_t sequence, uint32_t sid, uint64_t addr);

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

/*
 * Device 0 is plugged into the port in slot 2, which sleeps and then has told.
 * It is smmuv3-host-ports.c's.
 */
void send_and_take_pme(Scene *s);

#endif
