/*
 * Machines with an arm-smmuv3 and without a host device.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the files of smmuv3-accel-test share. A driver's work is in
 * smmuv3-scene.h.
 */
#ifndef SMMUV3_ACCEL_TEST_H
#define SMMUV3_ACCEL_TEST_H

#include "smmuv3-scene.h"

#define LOG2SIZE        4

#define MACHINE         "-M virt,gic-version=3 -nodefaults "
#define PLUGGED         "-device arm-smmuv3,primary-bus=pcie.0,id=smmu"
#define ACCEL           PLUGGED ",accel=on"
#define EMULATED        PLUGGED ",accel=off"

#define GBPA_RESET      0x1000          /* SHCFG: use incoming */

/* A register of page 1 at its alias in page 0, which 6.1 permits */
#define PAGE0(reg)      ((reg) - PAGE1)

/* MACHINE with @smmu, or any command line; the same with its queue enabled */
Scene start(const char *smmu);
Scene start_line(const char *line);
Scene start_queue(const char *smmu);
void end(Scene *s);

/* A test that gets @data: smmuv3-accel/@dir/@name */
void add(const char *dir, const char *name, const void *data,
         GTestDataFunc test);

/* A test of accel=on and of accel=off, which gets ACCEL or EMULATED */
typedef struct BothCase {
    const char *name;
    GTestDataFunc test;
} BothCase;

void add_both(const BothCase *cases, unsigned n);

/* The lists of tests, a file each */
void add_register_tests(void);
void add_queue_tests(void);
void add_interrupt_tests(void);

#endif
