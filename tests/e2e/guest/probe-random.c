// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random queues: legal commands, legal opcodes with random bits, and anything;
 * random STEs under them, and now and then a PROD out of the blue. After each
 * error the queue is mended as Linux does it: the command that failed becomes
 * a CMD_SYNC, and the error is acknowledged. What must not happen is a wedge:
 * a queue that neither goes on nor fails.
 */
#include <stdio.h>

#include "probe.h"

#define COMMANDS 255
#define LOG2 9
#define WARM_UP 8
#define JUMP_EVERY 16

struct random {
    struct smmu *s;
    uint64_t state;
    unsigned errors, odd_errors, wedges, jumps;
};

/* splitmix64: the same on every machine */
static uint64_t next(struct random *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static unsigned below(struct random *r, unsigned n)
{
    return next(r) % n;
}

/* An MSI to anywhere would be this guest overwriting itself */
static void push(struct random *r, uint64_t w0, uint64_t w1)
{
    smmu_push(r->s, w0, (w0 & 0xff) == CMD_SYNC ? OUR_RAM + MSI_OFFSET : w1);
}

static void push_random(struct random *r)
{
    static const uint8_t opcodes[] = {
        TLBI_NH_VA, TLBI_NH_VAA, TLBI_NH_ASID, TLBI_NH_ALL, TLBI_NSNH_ALL,
        CFGI_STE, CFGI_STE_RANGE, CFGI_CD, CFGI_CD_ALL, PREFETCH_CONFIG,
        CMD_SYNC, CMD_SYNC,
    };
    uint64_t opcode = opcodes[below(r, sizeof(opcodes))];
    uint64_t bits = next(r) & ~0xffull;
    uint64_t to = below(r, 2) ? SID(OUR_SID) : next(r) & 0xffffffff00000000ull;

    switch (below(r, 8)) {
    case 0:
        push(r, next(r), next(r));
        break;
    case 1:
        push(r, opcode | bits, next(r));
        break;
    case 2:
        push(r, TLBI_NH_VA | (bits & ~SSEC), next(r));
        break;
    default:
        push(r, opcode | to, next(r) & ~0xfffull);
    }
}

static void random_stes(struct random *r)
{
    uint64_t w0 = next(r), w1 = next(r);

    switch (below(r, 4)) {
    case 0:
        smmu_write_ste(r->s, TABLE_OFFSET + OUR_SID * 64, w0, w1);
        break;
    case 1:     /* translating, and the CD anywhere: the device is idle */
        smmu_write_ste(r->s, TABLE_OFFSET + OUR_SID * 64,
                       (w0 & 0xffffffffc0ull) | 5 << 1 | 1, 0);
        break;
    case 2:
        smmu_write_ste(r->s, TABLE_OFFSET + OUR_SID * 64,
                       (w0 & 0xffffffffc0ull) | (w1 & 7) << 1 | 1, 0);
        break;
    case 3:
        smmu_translating_ste(r->s, TABLE_OFFSET + OUR_SID * 64);
    }
}

static bool restart(struct random *r)
{
    return smmu_restart(r->s, LOG2) &&
           smmu_enable(r->s, CR0_CMDQEN | CR0_SMMUEN);
}

static void mend(struct random *r)
{
    struct smmu *s = r->s;

    r->errors++;
    r->odd_errors += smmu_error_code(s) != CERROR_ILL;
    smmu_put(s, smmu_get(s, CMDQ_CONS) & smmu_mask(s), CMD_SYNC, 0);
    smmu_barrier();
    smmu_set(s, GERRORN, smmu_get(s, GERROR));
}

static void one_round(struct random *r)
{
    enum smmu_end end = SMMU_ERROR;

    random_stes(r);
    for (unsigned i = 0; i < COMMANDS; i++) {
        push_random(r);
    }
    smmu_kick(r->s);
    for (unsigned i = 0; i <= COMMANDS && end == SMMU_ERROR; i++) {
        end = smmu_wait(r->s);
        if (end == SMMU_ERROR) {
            mend(r);
        }
    }
    if (end != SMMU_DONE) {
        r->wedges++;
        restart(r);
    }
}

/* Whatever comes of it: afterwards everything is switched off and on */
static void jump(struct random *r)
{
    r->jumps++;
    smmu_set(r->s, CMDQ_PROD, next(r));
    for (unsigned i = 0; i < 4; i++) {
        smmu_set(r->s, GERRORN, smmu_get(r->s, GERROR));
    }
    r->wedges += !restart(r);
}

static void rounds_of(struct random *r, unsigned n)
{
    for (unsigned i = 1; i <= n; i++) {
        one_round(r);
        if (i % JUMP_EVERY == 0) {
            jump(r);
        }
    }
}

static void announce(struct random *r)
{
    smmu_push(r->s, CFGI_STE | SID(OUR_SID), LEAF);
    smmu_push(r->s, CMD_SYNC, 0);
    smmu_kick(r->s);
    r->wedges += smmu_wait(r->s) != SMMU_DONE;
}

/* From bypass to translation: does the device still do what it is for? */
static void install_stream(struct random *r)
{
    r->wedges += !restart(r);
    smmu_write_ste(r->s, TABLE_OFFSET + OUR_SID * 64, 4 << 1 | 1, 0);
    announce(r);
    mark("after-random-bypass");
    smmu_translating_ste(r->s, TABLE_OFFSET + OUR_SID * 64);
    announce(r);
    mark("after-random-translate");
}

int probe_random(struct smmu *s, unsigned rounds, uint64_t seed)
{
    struct random r = { .s = s, .state = seed };

    smmu_stop(s, LOG2);
    smmu_use_linear_table(s);
    restart(&r);
    rounds_of(&r, WARM_UP);     /* what QEMU needs once, it has then */
    mark("random-ready");
    rounds_of(&r, rounds);
    mark("random-done");
    install_stream(&r);
    smmu_stop(s, LOG2);
    printf("E2E random.rounds=%u;\nE2E random.errors=%u;\n"
           "E2E random.odd_errors=%u;\nE2E random.jumps=%u;\n"
           "E2E random.wedges=%u;\n",
           rounds, r.errors, r.odd_errors, r.jumps, r.wedges);
    return r.wedges != 0;
}
