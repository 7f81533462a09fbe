/*
 * A host that is made up: a folder with what smmuv3-accel-check reads.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * tree_begin() makes a host and a device of which nothing is to be said but
 * "ok": Linux 6.19, one SMMU that nests, the device TREE_DEVICE with vfio-pci.
 * A test changes a file or two and says which line is another one then.
 */
#ifndef TESTS_CHECK_TREE_H
#define TESTS_CHECK_TREE_H

#include "check.h"

#define TREE_DEVICE     "0000:01:00.0"
#define TREE_SMMU       "smmu3.0x0000000009050000"
#define TREE_PCI        "/sys/devices/pci0000:00/0000:00:01.0/"
#define TREE_SYSFS      TREE_PCI TREE_DEVICE

/* A file of the tree. NULL: it goes; "-> ..." is a link */
typedef struct TreeChange {
    const char *path;
    const char *text;
} TreeChange;

/* What is done to the tree, and the line that follows from it */
typedef struct TreeCase {
    const char *about;          /* NULL: the host */
    const char *check;
    CheckVerdict verdict;
    const char *says;           /* a part of the line */
    TreeChange changes[8];      /* the last one has no path */
} TreeCase;

void tree_begin(void);
void tree_end(void);
const char *tree_root(void);
void tree_write(const char *path, const char *text);
void tree_write_bytes(const char *path, const void *data, size_t size);
void tree_link(const char *path, const char *to);
void tree_remove(const char *path);
void tree_change(const TreeChange *change);

/* The door of the next runs; tree_begin() sets one that allows everything. */
extern CheckDoor tree_door;

/* Runs it with "--root TREE" and these words; NULL ends them */
int tree_run(const char *word, ...);
const char *tree_output(void);
const char *tree_errors(void);

/* The line of the last run; fails if there is not exactly one */
char *tree_line(const char *about, const char *check);
void tree_assert_line(const char *about, const char *check,
                      CheckVerdict verdict, const char *says);

/* A fresh tree, changed; the line and the exit status that follows from it */
void tree_assert_case(const TreeCase *one);

#endif
