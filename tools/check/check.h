/*
 * smmuv3-accel-check: is this host able, and is this device?
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A run collects lines, each with a verdict, what was seen and a remedy; at the
 * end they are printed as text, as JSON or as a report. The files, from the top
 * to the bottom; each calls only those below it:
 *
 *   main     the program
 *   options  the command line, and which checks are made in which order
 *   report   what an owner of real hardware can pass on: no address in it
 *   output   the lines as text or JSON, and the exit status
 *   json     writes JSON
 *   bind     gives a device to vfio-pci, or puts it back
 *   try      asks the kernel for all that a guest needs, and lets go again
 *   device   what sysfs says of a device
 *   bars     the device's BARs, and the window that they need
 *   use      who uses the device now: disks, networks, guests
 *   rights   may this user open the files, and lock the memory?
 *   smmus    the host's SMMUs, and their coherence
 *   iort     the ACPI table IORT
 *   kernel   its version, its options and its log
 *   lines    the lines
 *   files    reads and writes below the root, which a test moves
 *
 * Nothing is changed on the host but by bind and try.
 */
#ifndef SMMUV3_ACCEL_CHECK_H
#define SMMUV3_ACCEL_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <glib.h>

#include "smmuv3-iommufd.h"

typedef enum CheckVerdict {
    CHECK_OK,
    CHECK_UNKNOWN,
    CHECK_NO,
} CheckVerdict;

/* The exit status; documented in the man page and in docs/check.md. */
enum {
    CHECK_STATUS_OK = 0,
    CHECK_STATUS_NO = 1,
    CHECK_STATUS_USAGE = 2,
    CHECK_STATUS_UNKNOWN = 3,
};

typedef struct CheckLine {
    char *about;                /* "host", or a device's address */
    const char *name;           /* what was checked, one word */
    CheckVerdict verdict;
    char *seen;
    char *remedy;               /* NULL: there is nothing to do */
} CheckLine;

/* A physical SMMUv3; the host's, in the order of their names. */
typedef struct CheckSmmu {
    char *name;                 /* in /sys/class/iommu */
    char *driver_name;          /* of the platform device, as the log has it */
    bool has_features;          /* the log told them */
    uint32_t features;          /* Linux' ARM_SMMU_FEAT_* */
} CheckSmmu;

/* What is known of a device; kept for the report. */
typedef struct CheckDevice {
    char *address;              /* 0000:01:00.0 */
    char *sysfs;                /* its folder, with the root before it */
    char *driver;               /* NULL: it has none */
    char *cdev;                 /* vfio0; NULL: it has no character device */
    char *smmu;                 /* its SMMU's name; NULL: not behind one */
    bool present;
    bool in_use;
    bool wants_bind;
    bool wants_try;
    bool tried;                 /* and get_info has answered: */
    SMMUv3HostInfo info;
} CheckDevice;

typedef struct Check Check;

/* What no folder of a test can be: its writes act, and it knows users. */
typedef struct CheckDoor {
    /* Writes to a file of sysfs: 0, or a negative errno. */
    int (*write)(const char *path, const char *text);
    /* Does anything in the kernel claim that disk for itself alone? */
    bool (*is_claimed)(const char *path);
    /* May this user read and write that file? */
    bool (*may_open)(const char *path);
} CheckDoor;

struct Check {
    const char *root;           /* "" but for tests */
    unsigned long page_size;
    bool force;
    const CheckDoor *door;
    const SMMUv3HostOps *ops;
    char *release;              /* uname -r */
    unsigned major, minor;
    char *log;                  /* the kernel's; NULL: it cannot be read */
    GPtrArray *lines;           /* CheckLine */
    GPtrArray *smmus;           /* CheckSmmu */
    GPtrArray *devices;         /* CheckDevice */
};

/* options.c: the whole program; returns the exit status */
int check_main(int argc, char **argv, const CheckDoor *door, FILE *out,
               FILE *err);

/* report.c, output.c */
char *check_report(const Check *c);
char *check_text(const Check *c);
char *check_json(const Check *c);
int check_status(const Check *c);
const char *check_verdict_name(CheckVerdict verdict);

/* bind.c, try.c, device.c, bars.c, use.c */
void check_bind(Check *c, CheckDevice *d);
void check_try(Check *c, CheckDevice *d);
CheckDevice *check_device_new(const Check *c, const char *address);
void check_device_free(gpointer device);
/* Reads the driver and the character device again, after they changed. */
void check_device_look(const Check *c, CheckDevice *d);
/* False: there is no such device, which has been said. */
bool check_device(Check *c, CheckDevice *d);
void check_device_driver(Check *c, const CheckDevice *d);
void check_bars(Check *c, const CheckDevice *d);
/* The least highmem-mmio-size, in GiB, for @n root buses with such a BAR. */
uint64_t check_bars_window(uint64_t bar, unsigned n);
void check_use(Check *c, CheckDevice *d);

/* rights.c */
void check_rights(Check *c);
bool check_may_open(const Check *c, const char *path);

/* smmus.c: false if there is none, which has been said */
bool check_smmus(Check *c);
void check_coherence(Check *c, const CheckDevice *d);
/* For a run without a device; takes the root complex of segment 0. */
void check_host_coherence(Check *c);

/* iort.c */
typedef struct CheckIort {
    bool read;
    unsigned smmus;             /* nodes of SMMUv3s */
} CheckIort;

CheckIort check_iort(const Check *c);
/* What the root complex of @segment says of CANWBS: 1, 0; -1: not told */
int check_iort_canwbs(const Check *c, unsigned segment);

/* kernel.c */
void check_kernel_look(Check *c);
void check_kernel(Check *c);
bool check_kernel_is(const Check *c, unsigned major, unsigned minor);

/* json.c: a value per call, commas and quotes as they are needed */
typedef struct CheckJson {
    GString *text;
    bool comma;
} CheckJson;

void check_json_open(CheckJson *j, const char *key, char bracket);
void check_json_close(CheckJson *j, char bracket);
/* @value NULL is null. */
void check_json_string(CheckJson *j, const char *key, const char *value);
void check_json_number(CheckJson *j, const char *key, uint64_t value);

/* lines.c: @about NULL is the host */
void check_ok(Check *c, const CheckDevice *about, const char *name,
              const char *seen, ...) G_GNUC_PRINTF(4, 5);
void check_no(Check *c, const CheckDevice *about, const char *name,
              const char *remedy, const char *seen, ...) G_GNUC_PRINTF(5, 6);
void check_unknown(Check *c, const CheckDevice *about, const char *name,
                   const char *remedy, const char *seen, ...)
    G_GNUC_PRINTF(5, 6);
void check_line_free(gpointer line);

/* files.c: paths are the host's, without the root, where "path" stands alone */
extern const CheckDoor check_door;
char *check_path(const Check *c, const char *path, ...) G_GNUC_PRINTF(2, 3);
/* The text without blanks around it; NULL, and errno: it cannot be read */
char *check_read(const Check *c, const char *path, ...) G_GNUC_PRINTF(2, 3);
bool check_read_bytes(const Check *c, const char *path, char **data,
                      size_t *size);
bool check_exists(const Check *c, const char *path, ...) G_GNUC_PRINTF(2, 3);
/* The last part of where a link leads; NULL: there is no such link */
char *check_link(const Check *c, const char *path, ...) G_GNUC_PRINTF(2, 3);
/* The names in a folder, sorted; empty if it is not there */
GPtrArray *check_names(const Check *c, const char *path, ...)
    G_GNUC_PRINTF(2, 3);
/* Does the path @inner lead into the folder @outer (a real path)? */
bool check_is_below(const char *inner, const char *outer);

#endif
