// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A guest that tries everything: is a vSMMU what Arm IHI 0070 says an SMMUv3
 * with stage 1 is? smmu-dev.h says how the guest has to boot.
 *
 *   smmu-probe BASE                      every point, as TAP
 *   smmu-probe --streams BASE            what only the host sees (marks)
 *   smmu-probe --random ROUNDS SEED BASE random queues, then every point
 *   smmu-probe --translate SID SID BASE  these streams only, one to one
 *
 * A point is a line "ok N - SECTION NAME", with "# WHAT: got X, want Y" after
 * one that failed. What the device does not promise (its IDRs) is skipped.
 * Exit status: 0, or 1 when a point failed.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"

#define DETAILS_MAX 6

static unsigned failed_here;
static const char *skipped;
static char details[DETAILS_MAX][160];

unsigned failures(void)
{
    return failed_here;
}

void skip(const char *why)
{
    skipped = why;
}

static void fail(const char *got, const char *want, const char *what,
                 va_list args)
{
    char name[96];

    if (failed_here < DETAILS_MAX) {
        vsnprintf(name, sizeof(name), what, args);
        snprintf(details[failed_here], sizeof(details[0]),
                 "%s: got %s, want %s", name, got, want);
    }
    failed_here++;
}

void expect_text(const char *got, const char *want, const char *what, ...)
{
    va_list args;

    if (strcmp(got, want)) {
        va_start(args, what);
        fail(got, want, what, args);
        va_end(args);
    }
}

void expect(uint64_t got, uint64_t want, const char *what, ...)
{
    char g[24], w[24];
    va_list args;

    if (got != want) {
        snprintf(g, sizeof(g), "%#llx", (unsigned long long)got);
        snprintf(w, sizeof(w), "%#llx", (unsigned long long)want);
        va_start(args, what);
        fail(g, w, what, args);
        va_end(args);
    }
}

static bool run_point(struct smmu *s, const struct point *p, unsigned number)
{
    failed_here = 0;
    skipped = NULL;
    expect(smmu_restart(s, 4), true, "the device restarts");
    if (!failed_here) {
        p->run(s);
    }
    printf("%s %u - %s %s%s%s\n", failed_here ? "not ok" : "ok", number,
           p->section, p->name, skipped ? " # SKIP " : "",
           skipped ? skipped : "");
    for (unsigned i = 0; i < failed_here && i < DETAILS_MAX; i++) {
        printf("# %s\n", details[i]);
    }
    if (failed_here > DETAILS_MAX) {
        printf("# and %u more\n", failed_here - DETAILS_MAX);
    }
    fflush(stdout);
    return !failed_here;
}

static int run_table(struct smmu *s, const struct point *points, unsigned n,
                     unsigned number)
{
    bool good = true;

    for (unsigned i = 0; i < n; i++) {
        good &= run_point(s, &points[i], number + i);
    }
    return !good;
}

static int run_points(struct smmu *s, const char *phase)
{
    int bad;

    printf("1..%u # %s\n", n_register_points + n_command_points, phase);
    bad = run_table(s, register_points, n_register_points, 1);
    bad |= run_table(s, command_points, n_command_points,
                     n_register_points + 1);
    smmu_stop(s, 4);
    return bad;
}

static int run_faults(struct smmu *s, uint64_t bar, uint32_t sid)
{
    int bad;

    probe_faults_open(bar, sid);
    probe_freebsd_open(sid);
    printf("1..%u # faults\n", n_fault_points + n_freebsd_points);
    bad = run_table(s, fault_points, n_fault_points, 1);
    bad |= run_table(s, freebsd_points, n_freebsd_points, n_fault_points + 1);
    smmu_stop(s, 4);
    return bad;
}

static int usage(void)
{
    fprintf(stderr, "usage: smmu-probe [--streams | --random ROUNDS SEED |"
            " --faults EDU-BAR EDU-SID | --translate SID SID] BASE\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct smmu s;

    if (argc < 2) {
        return usage();
    }
    smmu_open(&s, strtoull(argv[argc - 1], NULL, 0));
    if (argc == 2) {
        return run_points(&s, "conformance");
    }
    if (argc == 3 && !strcmp(argv[1], "--streams")) {
        return probe_streams(&s);
    }
    if (argc == 5 && !strcmp(argv[1], "--faults")) {
        return run_faults(&s, strtoull(argv[2], NULL, 0),
                          strtoul(argv[3], NULL, 0));
    }
    if (argc == 5 && !strcmp(argv[1], "--random")) {
        int bad = probe_random(&s, strtoul(argv[2], NULL, 0),
                               strtoull(argv[3], NULL, 0));

        return run_points(&s, "after-random") | bad;
    }
    if (argc == 5 && !strcmp(argv[1], "--translate")) {
        return probe_translate(&s, strtoul(argv[2], NULL, 0),
                               strtoul(argv[3], NULL, 0));
    }
    return usage();
}
