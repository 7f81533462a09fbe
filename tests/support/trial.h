/*
 * A trial: windows of commands, and whether what went down was enough.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A black box: commands go in through the queue, and what the fake host's
 * hardware received is compared, by the guest and by the kernel, which drops
 * the CDs of an STE that it changes, with what the reference model of caches
 * (tlb-model.h) says. For entries sampled around the commands' addresses four
 * things hold:
 *
 *   subset   what the guest's commands drop for sure, the issued ones drop;
 *   order    an entry is dropped after what it could be filled again from:
 *            TLB after CD, ATC after TLB;
 *   complete what stands before a CMD_SYNC is complete before what stands
 *            behind it, of a later class, begins;
 *   signal   a CMD_SYNC's interrupt comes after what stands before it, and
 *            CONS does not pass what is not issued.
 *
 * What is sampled depends on the seed of GLib's random numbers.
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
    uint64_t base;              /* what this window's addresses are near */
    GArray *asked;              /* of SMMUv3Cmd */
    bool translates[DEVICES];   /* before the window: it may have cached CDs */

    /* Of each interrupt: how much had reached the hardware. */
    guint reached_at_first_irq, reached_at_last_irq;
    bool irq;
} Trial;

/* An entry, and what the commands asked for and sent drop of it. */
typedef struct Sample {
    CacheEntry entry;
    CacheDrops asked, reached;
    CacheDrops by_class[CACHE_CLASSES];     /* of those asked */
} Sample;

/* Fields of TLBIs, and the two by address. */
#define ASID(n) SMMUV3_PREP(SMMUV3_TLBI0_ASID, n)
#define NUM(n) SMMUV3_PREP(SMMUV3_TLBI0_NUM, n)
#define SCALE(n) SMMUV3_PREP(SMMUV3_TLBI0_SCALE, n)
#define VMID(n) SMMUV3_PREP(SMMUV3_TLBI0_VMID, n)
#define TG(n) SMMUV3_PREP(SMMUV3_TLBI1_TG, n)
#define TTL(n) SMMUV3_PREP(SMMUV3_TLBI1_TTL, n)
#define VA SMMUV3_CMD_TLBI_NH_VA
#define VAA SMMUV3_CMD_TLBI_NH_VAA

/* Two devices that translate, of which the second has no ATC. */
void trial_init(Trial *t, const Config *c);
void trial_done(Trial *t);

/* Random numbers: of [0, n), once in @n times, and of all bits. */
uint32_t below(uint32_t n);
bool one_in(uint32_t n);
uint64_t random64(void);

/* Of the four ASIDs that windows use, and of the guest's granules. */
uint16_t random_asid(void);
unsigned random_tg(const Trial *t);
uint64_t page_size(unsigned tg);

/* @cmd joins the window, unless that is full or it would stop the queue. */
void ask(Trial *t, SMMUv3Cmd cmd);
void ask_at(Trial *t, SMMUv3Cmd style, uint64_t va);
const SMMUv3Cmd *asked(const Trial *t, guint i);

/* Puts the window into the queue; and lets it drain, judges, and forgets it. */
void push_window(Trial *t);
void run_window(Trial *t);

/* An entry near what was asked for; fails with all that is known. */
Sample judge(const Trial *t);
void accuse(const Trial *t, const char *what, const Sample *a,
            const Sample *b);

#endif
