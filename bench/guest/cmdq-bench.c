// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a guest waits for its command queue. tests/e2e/guest/smmu-dev.h says how
 * the guest has to boot.
 *
 *   cmdq-bench time BASE    times, in nanoseconds, of many repetitions
 *   cmdq-bench count BASE   each once, between marks NAME-ready and NAME-done
 *
 * A burst is N commands and a CMD_SYNC by one CMDQ_PROD write, until CMDQ_CONS
 * has been read at CMDQ_PROD: N = 1 ... 16383; "contiguous" addresses are 4 KiB
 * apart, "scattered" ones 28 KiB; "mixed" are, of every 16 commands, 12
 * scattered TLBI_NH_VA, two TLBI_NH_ASID, a CFGI_CD and a CMD_SYNC.
 *
 * "single-cons" is a TLBI_NH_VA and a CMD_SYNC waited for in the same way, and
 * "single-msi" the same with the MSI polled for in memory, where IDR0.MSI has
 * it: in turns, as times drift. "ste" is an STE changed between bypass and
 * stage 1, with CFGI_STE and CMD_SYNC.
 *
 * Prints "NAME.us=median minimum maximum repetitions;" lines, with a decimal
 * point. Exit status 0: every burst ended without an error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smmu-dev.h"

#define LOG2 15
#define MAX_REPETITIONS 201
#define SINGLES 1001
#define PATIENCE_US 5000000

enum kind { CONTIGUOUS, SCATTERED, MIXED, KINDS };

static const char *const kinds[KINDS] = { "contiguous", "scattered", "mixed" };
static const unsigned counts[] = { 1, 4, 16, 64, 256, 1024, 4096, 16383 };

static uint64_t hz(void)
{
    uint64_t v;

    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(v));
    return v;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void print_times(const char *name, uint64_t *t, unsigned n)
{
    double us = 1e6 / (double)hz();

    qsort(t, n, sizeof(*t), compare);
    printf("%s.us=%.2f %.2f %.2f %u\n", name, (double)t[n / 2] * us,
           (double)t[0] * us, (double)t[n - 1] * us, n);
    fflush(stdout);
}

/* ---- Bursts ---- */

static void push_mixed(struct smmu *s, unsigned i)
{
    switch (i % 16) {
    case 5:
    case 11:
        smmu_push(s, TLBI_NH_ASID | ASID(2 + i % 7), 0);
        break;
    case 13:
        smmu_push(s, CFGI_CD | SID(OUR_SID), LEAF);
        break;
    case 15:
        smmu_push(s, CMD_SYNC, 0);
        break;
    default:
        smmu_push(s, TLBI_NH_VA | ASID(1),
                  LEAF | (0x100000000ull + i * 0x7000ull));
    }
}

static void push_burst(struct smmu *s, enum kind kind, unsigned n)
{
    uint64_t stride = kind == CONTIGUOUS ? 0x1000 : 0x7000;

    for (unsigned i = 0; i < n; i++) {
        if (kind == MIXED) {
            push_mixed(s, i);
        } else {
            smmu_push(s, TLBI_NH_VA | ASID(1),
                      LEAF | (0x100000000ull + i * stride));
        }
    }
    smmu_push(s, CMD_SYNC, 0);
}

/* CMDQ_CONS alone, as a driver does; errors are looked for afterwards. */
static bool wait_cons(const struct smmu *s, uint64_t start)
{
    while ((smmu_get(s, CMDQ_CONS) & smmu_mask(s)) != s->prod) {
        if (ticks_to_us(ticks() - start) > PATIENCE_US) {
            return false;
        }
    }
    return true;
}

static bool submit(struct smmu *s, uint64_t *t)
{
    uint64_t start = ticks();
    bool done;

    smmu_kick(s);
    done = wait_cons(s, start);
    *t = ticks() - start;
    return done && !smmu_error_active(s);
}

static unsigned repetitions(unsigned n)
{
    return n <= 64 ? MAX_REPETITIONS : n <= 1024 ? 41 : 15;
}

static bool time_burst(struct smmu *s, enum kind kind, unsigned n)
{
    uint64_t t[MAX_REPETITIONS];
    unsigned reps = repetitions(n);
    char name[64];
    bool ok = true;

    for (unsigned i = 0; i < reps && ok; i++) {
        push_burst(s, kind, n);
        ok = submit(s, &t[i]);
    }
    snprintf(name, sizeof(name), "%s.%u", kinds[kind], n);
    print_times(name, t, ok ? reps : 1);
    return ok;
}

static void mark_at(const char *name, const char *moment)
{
    char text[96];

    snprintf(text, sizeof(text), "%s-%s", name, moment);
    mark(text);
}

static bool count_burst(struct smmu *s, enum kind kind, unsigned n)
{
    char name[64];
    uint64_t t;
    bool ok;

    snprintf(name, sizeof(name), "%s-%u", kinds[kind], n);
    push_burst(s, kind, n);
    mark_at(name, "ready");
    ok = submit(s, &t);
    mark_at(name, "done");
    return ok;
}

/* ---- One command, as Linux waits for it with IDR0.MSI ---- */

static bool submit_msi(struct smmu *s, uint32_t data, uint64_t *t)
{
    volatile uint64_t *word = &s->ram[MSI_OFFSET / 8];
    uint64_t start;

    smmu_push(s, TLBI_NH_VA | ASID(1), LEAF | 0x100000000ull);
    smmu_push(s, CMD_SYNC | 1 << 12 | (uint64_t)data << 32,
              OUR_RAM + MSI_OFFSET);
    *word = 0;
    start = ticks();
    smmu_kick(s);
    while ((uint32_t)*word != data) {
        if (ticks_to_us(ticks() - start) > PATIENCE_US) {
            return false;
        }
    }
    *t = ticks() - start;
    return !smmu_error_active(s);
}

static bool time_single(struct smmu *s)
{
    static uint64_t cons[SINGLES], msi[SINGLES];
    bool has_msi = smmu_get(s, IDR0) & IDR0_MSI;

    for (unsigned i = 0; i < SINGLES; i++) {
        push_burst(s, SCATTERED, 1);
        if (!submit(s, &cons[i]) ||
            (has_msi && !submit_msi(s, i + 1, &msi[i]))) {
            return false;
        }
    }
    print_times("single-cons", cons, SINGLES);
    if (has_msi) {
        print_times("single-msi", msi, SINGLES);
    }
    return true;
}

static bool count_single(struct smmu *s)
{
    uint64_t t;
    bool ok;

    if (!(smmu_get(s, IDR0) & IDR0_MSI)) {
        return true;
    }
    mark("single-msi-ready");
    ok = submit_msi(s, 1, &t);
    mark("single-msi-done");
    return ok;
}

/* ---- A stream's configuration ---- */

static void write_ste(struct smmu *s, bool translate)
{
    size_t ste = TABLE_OFFSET + OUR_SID * 64;

    if (translate) {
        smmu_translating_ste(s, ste);
    } else {
        smmu_write_ste(s, ste, 1 | 4 << 1, 0);
    }
    smmu_push(s, CFGI_STE | SID(OUR_SID), LEAF);
    smmu_push(s, CMD_SYNC, 0);
}

static bool set_up(struct smmu *s)
{
    uint64_t t;

    if (!smmu_stop(s, LOG2)) {
        return false;
    }
    smmu_use_linear_table(s);
    write_ste(s, true);
    return smmu_enable(s, CR0_CMDQEN | CR0_SMMUEN) && submit(s, &t);
}

static bool time_ste(struct smmu *s)
{
    uint64_t t[40];

    for (unsigned i = 0; i < 40; i++) {
        write_ste(s, i % 2);
        if (!submit(s, &t[i])) {
            return false;
        }
    }
    print_times("ste", t, 40);
    return true;
}

static bool count_ste(struct smmu *s)
{
    bool ok = true;
    uint64_t t;

    for (unsigned i = 0; i < 2; i++) {      /* as if it had been before */
        write_ste(s, i % 2);
        ok = submit(s, &t) && ok;
    }
    mark("ste-ready");
    for (unsigned i = 0; i < 2; i++) {
        write_ste(s, i % 2);
        ok = submit(s, &t) && ok;
    }
    mark("ste-done");
    return ok;
}

/* ---- All of them ---- */

static bool run(struct smmu *s, bool count)
{
    bool ok = count ? count_single(s) : time_single(s);

    for (enum kind k = 0; k < KINDS; k++) {
        for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
            ok = (count ? count_burst(s, k, counts[i])
                        : time_burst(s, k, counts[i])) && ok;
        }
    }
    return (count ? count_ste(s) : time_ste(s)) && ok;
}

int main(int argc, char **argv)
{
    struct smmu s;
    bool ok;

    if (argc != 3) {
        fprintf(stderr, "usage: cmdq-bench time|count BASE\n");
        return 2;
    }
    smmu_open(&s, strtoull(argv[2], NULL, 0));
    ok = set_up(&s) && run(&s, !strcmp(argv[1], "count"));
    smmu_enable(&s, 0);
    return !ok;
}
