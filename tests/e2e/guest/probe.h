/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the points of smmu-probe share: a point is a function that restarts
 * the device and says what it expects; smmu-probe.c runs and reports them.
 */
#ifndef PROBE_H
#define PROBE_H

#include "smmu-dev.h"

struct point {
    const char *section;        /* of Arm IHI 0070 */
    const char *name;
    void (*run)(struct smmu *s);
};

extern const struct point register_points[];
extern const unsigned n_register_points;
extern const struct point command_points[];
extern const unsigned n_command_points;

extern const struct point fault_points[];
extern const unsigned n_fault_points;
extern const struct point freebsd_points[];
extern const unsigned n_freebsd_points;

/* The point fails unless got is want; what[] is printf's, then it fails */
void expect(uint64_t got, uint64_t want, const char *what, ...)
    __attribute__((format(printf, 3, 4)));
void expect_text(const char *got, const char *want, const char *what, ...)
    __attribute__((format(printf, 3, 4)));
/* The device promises something else, so the point says nothing of it */
void skip(const char *why);
/* Failures of this point so far: a long loop may stop early */
unsigned failures(void);

/* smmu-probe --streams: changes that only the host sees, between marks */
int probe_streams(struct smmu *s);
/* smmu-probe --faults: the edu device's BAR, and its StreamID */
void probe_faults_open(uint64_t bar, uint32_t sid);
void probe_freebsd_open(uint32_t sid);
void probe_dma(uint64_t iova, uint64_t bytes);
/* smmu-probe --random: rounds of 255 random commands */
int probe_random(struct smmu *s, unsigned rounds, uint64_t seed);
/* smmu-probe --translate: these two streams translate one to one, no other */
int probe_translate(struct smmu *s, uint32_t a, uint32_t b);

#endif
