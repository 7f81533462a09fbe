/*
 * A trial: windows of commands, and whether the issued commands were enough.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A black box. Commands go in through the queue. The commands that the fake
 * host's hardware received are judged by the reference model of caches
 * (tlb-model.h). They include the kernel's own, by which it drops the CDs of an
 * STE that it changes. Entries are sampled around the commands' addresses, and
 * for each of them holds:
 *
 *   subset   if the guest's commands are sure to drop it, so are the issued;
 *   order    it is dropped after the entries that could fill it again: TLB
 *            after CD, ATC after TLB;
 *   complete a command before a CMD_SYNC is complete before a command of a
 *            later class behind the CMD_SYNC begins;
 *   signal   a CMD_SYNC's interrupt comes after the commands before it, and
 *            CONS does not pass a command that is not issued.
 *
 * The samples depend on the seed of GLib's random numbers.
 */
#ifndef TESTS_TRIAL_H
#define TESTS_TRIAL_H

#include "scene.h"
#include "tlb-model.h"

/* A guest's promise and a host. */
typedef struct Config {
    const char *name;
    bool guest_ril, host_ril, all_granules, asid16, ssids, host_ds;
} Config;

#define CONFIGS 11

extern const Config configs[CONFIGS];

enum { DEVICES = 2, WINDOW = 255, SAMPLES = 96 };

typedef struct Trial {
    const Config *config;
    Scene scene;
    uint32_t idr[6];            /* the guest's */
    uint64_t base;              /* this window's addresses are near it */
    GArray *asked;              /* SMMUv3Cmds */
    bool translates[DEVICES];   /* before the window, so CDs may be cached */

    /* How many commands had reached the hardware at an interrupt. */
    guint reached_at_first_irq, reached_at_last_irq;
    bool irq;
} Trial;

/* An entry, and which commands asked for, and issued, drop it. */
typedef struct Sample {
    CacheEntry entry;
    CacheDrops asked, reached;
    CacheDrops by_class[CACHE_CLASSES];     /* of asked */
} Sample;

/* Fields of TLBIs, and the two opcodes by address. */
#define ASID(n) SMMUV3_PREP(SMMUV3_TLBI0_ASID, n)
#define NUM(n) SMMUV3_PREP(SMMUV3_TLBI0_NUM, n)
#define SCALE(n) SMMUV3_PREP(SMMUV3_TLBI0_SCALE, n)
#define VMID(n) SMMUV3_PREP(SMMUV3_TLBI0_VMID, n)
#define TG(n) SMMUV3_PREP(SMMUV3_TLBI1_TG, n)
#define TTL(n) SMMUV3_PREP(SMMUV3_TLBI1_TTL, n)
#define VA SMMUV3_CMD_TLBI_NH_VA
#define VAA SMMUV3_CMD_TLBI_NH_VAA

/* Makes two devices that translate; the second has no ATC. */
void trial_init(Trial *t, const Config *c);
void trial_done(Trial *t);

/* Random: a number of [0, n), true once in @n times, a number of 64 bits. */
uint32_t below(uint32_t n);
bool one_in(uint32_t n);
uint64_t random64(void);

/* Random: one of the four ASIDs of windows, one of the guest's granules. */
uint16_t random_asid(void);
unsigned random_tg(const Trial *t);
uint64_t page_size(unsigned tg);

/* Adds @cmd to the window, unless that is full or @cmd would stop the queue. */
void ask(Trial *t, SMMUv3Cmd cmd);
void ask_at(Trial *t, SMMUv3Cmd style, uint64_t va);
const SMMUv3Cmd *asked(const Trial *t, guint i);

/* Puts the window into the queue; _run also drains, judges and forgets it. */
void push_window(Trial *t);
void run_window(Trial *t);

/* Samples an entry, and which commands drop it; fails with a report. */
Sample judge(const Trial *t);
void accuse(const Trial *t, const char *what, const Sample *a,
            const Sample *b);

#endif
