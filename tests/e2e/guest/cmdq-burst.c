// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bursts of commands, so that a test decides exactly which commands one write
 * to CMDQ_PROD hands over. smmu-dev.h says how the guest has to boot.
 *
 *   cmdq-burst tlbi BASE            255 scattered TLBI_NH_VA and a CMD_SYNC
 *   cmdq-burst ste BASE             installs a translating stream by CFGI_STE
 *                                   and CMD_SYNC; then 16 x the same pair,
 *                                   each its own CMDQ_PROD write, and nothing
 *                                   changes
 *   cmdq-burst scattered-4k BASE    4096 scattered TLBI_NH_VA and a CMD_SYNC
 *   cmdq-burst scattered-16k BASE   16383 scattered TLBI_NH_VA, and nothing
 *                                   else, by one CMDQ_PROD write
 *   cmdq-burst contiguous-16k BASE  the same with addresses 4 KiB apart
 *   cmdq-burst cfgi-16k BASE        16383 CFGI_STE of a translating stream that
 *                                   stays as it is: looks at guest memory only
 *   cmdq-burst sync-16k BASE        16383 CMD_SYNC that ask for an interrupt
 *   cmdq-burst posted BASE          200 times: while one processor's write of
 *                                   CMDQ_PROD is being consumed, the other one
 *                                   writes it, and once more while that is;
 *                                   both wait for their MSIs in memory, and
 *                                   look at no register
 *   cmdq-burst others BASE          51 times 4000 TLBI_NH_VA by one CMDQ_PROD
 *                                   write, while the other processor reads
 *                                   another device's register again and again.
 *                                   reads: how often during one of them; the
 *                                   median, and of five tries the most, as the
 *                                   reader may be kept from running, too
 *
 * The host reads its counters at the marks MODE-ready and MODE-done (ste:
 * ste-installed, ste-unchanged). The long bursts then repeat. Prints
 * key=value lines: prod, cons, gerror, failed; store_us and done_us (the vCPU
 * was back from the CMDQ_PROD write; CONS was read at PROD), and of all
 * repetitions store_us_median, store_us_longest, done_us_median. Exit status 0
 * when CONS reached PROD without an error.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smmu-dev.h"

#define REPETITIONS 9

#define TLBI (TLBI_NH_VA | ASID(1))
#define CFGI (CFGI_STE | SID(OUR_SID))
#define SYNC_IRQ (CMD_SYNC | 1 << 12)

struct burst {
    const char *mode;
    uint64_t command;           /* word 0 */
    unsigned log2, count;
    uint64_t stride;            /* of the addresses in word 1 */
    bool sync;
    bool repeat;
};

/* 28 KiB apart: no range describes them */
static const struct burst bursts[] = {
    { "tlbi", TLBI, 9, 255, 0x7000, true, false },
    { "scattered-4k", TLBI, 13, 4096, 0x7000, true, true },
    { "scattered-16k", TLBI, 14, 16383, 0x7000, false, true },
    { "contiguous-16k", TLBI, 14, 16383, 0x1000, false, true },
    { "cfgi-16k", CFGI, 14, 16383, 0, false, true },
    { "sync-16k", SYNC_IRQ, 14, 16383, 0, false, true },
};

struct times {
    uint64_t store, done;
};

/* One CMDQ_PROD write; 0: all consumed without an error */
static int submit(struct smmu *s, struct times *t)
{
    uint64_t start = ticks();
    enum smmu_end end;

    t->store = ticks_to_us(smmu_kick(s));
    end = smmu_wait(s);
    t->done = ticks_to_us(ticks() - start);
    return end != SMMU_DONE;
}

static void print_state(const struct smmu *s)
{
    printf("prod=%#x\ncons=%#x\ngerror=%#x\n", s->prod,
           smmu_get(s, CMDQ_CONS), smmu_get(s, GERROR) ^ smmu_get(s, GERRORN));
}

/* TLBIs: ASID 1, Leaf, from 4 GiB on */
static void push_burst(struct smmu *s, const struct burst *b)
{
    for (unsigned i = 0; i < b->count; i++) {
        uint64_t address = b->stride ? 0x100000000ull + i * b->stride : 0;

        smmu_push(s, b->command, b->command == SYNC_IRQ ? 0
                                                        : LEAF | address);
    }
    if (b->sync) {
        smmu_push(s, CMD_SYNC, 0);
    }
}

static int compare_times(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static int repeat_burst(struct smmu *s, const struct burst *b)
{
    uint64_t store[REPETITIONS], done[REPETITIONS];
    int bad = 0;

    for (unsigned i = 0; i < REPETITIONS; i++) {
        struct times t;

        push_burst(s, b);
        bad |= submit(s, &t);
        store[i] = t.store;
        done[i] = t.done;
    }
    qsort(store, REPETITIONS, sizeof(*store), compare_times);
    qsort(done, REPETITIONS, sizeof(*done), compare_times);
    printf("store_us_median=%llu\nstore_us_longest=%llu\ndone_us_median=%llu\n",
           (unsigned long long)store[REPETITIONS / 2],
           (unsigned long long)store[REPETITIONS - 1],
           (unsigned long long)done[REPETITIONS / 2]);
    return bad;
}

static int announce_stream(struct smmu *s)
{
    struct times t;

    smmu_push(s, CFGI_STE | SID(OUR_SID), LEAF);
    smmu_push(s, CMD_SYNC, 0);
    return submit(s, &t);
}

static int install_stream(struct smmu *s)
{
    int bad;

    smmu_use_linear_table(s);
    smmu_translating_ste(s, TABLE_OFFSET + OUR_SID * 64);
    bad = !smmu_enable(s, CR0_CMDQEN | CR0_SMMUEN);
    return bad | announce_stream(s);
}

static int run_burst(struct smmu *s, const struct burst *b)
{
    char name[64];
    struct times t;
    int bad = !smmu_restart(s, b->log2);

    if (b->command == CFGI) {
        bad |= install_stream(s);
    }
    push_burst(s, b);
    snprintf(name, sizeof(name), "%s-ready", b->mode);
    mark(name);
    bad |= submit(s, &t);
    snprintf(name, sizeof(name), "%s-done", b->mode);
    mark(name);
    print_state(s);
    printf("store_us=%llu\ndone_us=%llu\n", (unsigned long long)t.store,
           (unsigned long long)t.done);
    return b->repeat ? bad | repeat_burst(s, b) : bad;
}

static int unchanged_stream(struct smmu *s)
{
    int bad = !smmu_restart(s, 9);

    bad |= install_stream(s);
    mark("ste-installed");
    for (int i = 0; i < 16; i++) {
        bad |= announce_stream(s);
    }
    mark("ste-unchanged");
    print_state(s);
    return bad;
}

/* ---- Two processors ---- */

enum { BEGUN, FIRST, BEGUN_SECOND, SECOND, THIRD, WORDS };
#define ROUNDS 200

static struct smmu *shared;
static volatile uint32_t second_prod, third_prod;

static volatile uint32_t *msi_word(const struct smmu *s, unsigned n)
{
    return (volatile uint32_t *)&s->ram[MSI_OFFSET / 8 + 8 * n];
}

static void push_msi(struct smmu *s, unsigned word, uint32_t data)
{
    smmu_push(s, SYNC_IRQ | (uint64_t)data << 32,
              OUR_RAM + MSI_OFFSET + 64 * word);
}

static int wait_word(const struct smmu *s, unsigned word, uint32_t data)
{
    uint64_t start = ticks();

    while (*msi_word(s, word) != data) {
        if (ticks_to_us(ticks() - start) > 1000000) {
            return 1;
        }
    }
    return 0;
}

/*
 * A window with a CMD_SYNC that is signalled before it ends, as a stream's
 * change may come next, then enough to be busy with.
 */
static uint32_t push_window(struct smmu *s, unsigned begun, unsigned end,
                            uint32_t round)
{
    push_msi(s, begun, round);
    smmu_push(s, CFGI, LEAF);
    for (unsigned i = 0; i < 2000; i++) {
        smmu_push(s, TLBI, LEAF | (0x100000000ull + i * 0x7000ull));
    }
    push_msi(s, end, round);
    return s->prod;
}

/* Returns the first CMDQ_PROD; the others are for the other processor. */
static uint32_t push_round(struct smmu *s, uint32_t round)
{
    uint32_t first = push_window(s, BEGUN, FIRST, round);

    second_prod = push_window(s, BEGUN_SECOND, SECOND, round);
    smmu_push(s, TLBI, LEAF | 0x200000000ull);
    push_msi(s, THIRD, round);
    third_prod = s->prod;
    smmu_barrier();
    return first;
}

/* The stream is another one for each window. */
static void change_stream(struct smmu *s, bool bypass)
{
    if (bypass) {
        smmu_write_ste(s, TABLE_OFFSET + OUR_SID * 64, 1 | 4 << 1, 0);
    } else {
        smmu_translating_ste(s, TABLE_OFFSET + OUR_SID * 64);
    }
    smmu_barrier();
}

static int run_on(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set) != 0;
}

static void *second(void *unused)
{
    (void)unused;
    if (run_on(1)) {
        return shared;
    }
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        if (wait_word(shared, BEGUN, round)) {
            return shared;
        }
        /* The first window has read its STE by now. */
        change_stream(shared, false);
        smmu_set(shared, CMDQ_PROD, second_prod);
        if (wait_word(shared, BEGUN_SECOND, round)) {
            return shared;
        }
        smmu_set(shared, CMDQ_PROD, third_prod);
        if (wait_word(shared, THIRD, round)) {
            return shared;
        }
    }
    return NULL;
}

static int posted(struct smmu *s)
{
    int bad = !smmu_restart(s, 14);
    void *failed = NULL;
    pthread_t thread;

    bad |= install_stream(s);
    shared = s;
    for (unsigned i = 0; i < WORDS; i++) {
        *msi_word(s, i) = 0;
    }
    bad |= run_on(0) | pthread_create(&thread, NULL, second, NULL);
    for (uint32_t round = 1; round <= ROUNDS && !bad; round++) {
        change_stream(s, true);
        smmu_set(s, CMDQ_PROD, push_round(s, round));
        bad |= wait_word(s, FIRST, round) | wait_word(s, SECOND, round) |
               wait_word(s, THIRD, round);
    }
    pthread_join(thread, &failed);
    bad |= failed != NULL;
    print_state(s);
    return bad;
}

/* ---- Another device meanwhile ---- */

#define RTC 0x09010000          /* virt's PL031; its first register is the time */
#define TIMES 51
#define TRIES 5

static volatile uint32_t reads;
static volatile bool reading = true;

static void *read_rtc(void *rtc)
{
    if (run_on(1)) {
        return rtc;
    }
    while (reading) {
        (void)*(volatile uint32_t *)rtc;
        reads++;
    }
    return NULL;
}

static int compare_counts(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* How many reads while one window is being consumed? */
static int one_window(struct smmu *s, uint32_t round, uint32_t *count)
{
    uint32_t before;
    int bad;

    for (unsigned i = 0; i < 4000; i++) {
        smmu_push(s, TLBI, LEAF | (0x100000000ull + i * 0x7000ull));
    }
    push_msi(s, FIRST, round);
    smmu_barrier();
    before = reads;
    smmu_set(s, CMDQ_PROD, s->prod);
    bad = wait_word(s, FIRST, round);
    *count = reads - before;
    return bad;
}

static int one_try(struct smmu *s, uint32_t *most)
{
    uint32_t count[TIMES] = { 0 };
    int bad = 0;

    *msi_word(s, FIRST) = 0;
    for (uint32_t i = 0; i < TIMES && !bad; i++) {
        bad = one_window(s, i + 1, &count[i]);
    }
    qsort(count, TIMES, sizeof(*count), compare_counts);
    if (count[TIMES / 2] > *most) {
        *most = count[TIMES / 2];
    }
    return bad;
}

static int others(struct smmu *s)
{
    int bad = !smmu_restart(s, 14);
    void *failed = NULL;
    uint32_t most = 0;
    pthread_t thread;

    bad |= run_on(0) ||
           pthread_create(&thread, NULL, read_rtc, smmu_map(RTC, 0x1000));
    for (unsigned i = 0; i < TRIES && !bad; i++) {
        bad = one_try(s, &most);
    }
    reading = false;
    pthread_join(thread, &failed);
    printf("reads=%u\n", most);
    print_state(s);
    return bad | (failed != NULL);
}

static int run_mode(struct smmu *s, const char *mode)
{
    if (!strcmp(mode, "others")) {
        return others(s);
    }
    if (!strcmp(mode, "posted")) {
        return posted(s);
    }
    if (!strcmp(mode, "ste")) {
        return unchanged_stream(s);
    }
    for (unsigned i = 0; i < sizeof(bursts) / sizeof(bursts[0]); i++) {
        if (!strcmp(mode, bursts[i].mode)) {
            return run_burst(s, &bursts[i]);
        }
    }
    fprintf(stderr, "cmdq-burst: no mode %s\n", mode);
    exit(2);
}

int main(int argc, char **argv)
{
    struct smmu s;
    int bad;

    if (argc != 3) {
        fprintf(stderr, "usage: cmdq-burst MODE BASE\n");
        return 2;
    }
    smmu_open(&s, strtoull(argv[2], NULL, 0));
    bad = run_mode(&s, argv[1]);
    printf("failed=%d\n", bad);
    smmu_enable(&s, 0);
    return bad;
}
