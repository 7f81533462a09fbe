// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Drives a vSMMU's command queue without a kernel driver, so that a test
 * decides exactly which commands one write to CMDQ_PROD hands over. The guest
 * boots with initcall_blacklist=arm_smmu_driver_init (nobody else touches the
 * SMMU) and mem=448M (the RAM above that is ours). Registers and RAM are
 * reached through /dev/mem.
 *
 *   cmdq-burst tlbi [BASE]   255 TLBI_NH_VA and a CMD_SYNC by one CMDQ_PROD
 *                            write, between the marks tlbi-ready and tlbi-done
 *   cmdq-burst ste [BASE]    installs a translating stream by CFGI_STE and
 *                            CMD_SYNC; then, between the marks ste-installed
 *                            and ste-unchanged, 16 x the same pair, each its
 *                            own CMDQ_PROD write, and nothing changes
 *
 * Prints key=value lines: prod, cons, gerror, polls, failed. Exit status 0
 * when CONS reached PROD without an error.
 * Arm IHI 0070: registers 6.3, commands 4.1, STE 5.2.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    CR0 = 0x20,
    CR0ACK = 0x24,
    GERROR = 0x60,
    GERRORN = 0x64,
    STRTAB_BASE = 0x80,
    STRTAB_BASE_CFG = 0x88,
    CMDQ_BASE = 0x90,
    CMDQ_PROD = 0x98,
    CMDQ_CONS = 0x9c,
};
enum { CR0_SMMUEN = 1 << 0, CR0_CMDQEN = 1 << 3 };
enum { CMD_CFGI_STE = 0x03, CMD_TLBI_NH_VA = 0x12, CMD_SYNC = 0x46 };

#define RAM_BASE     0x40000000ull
#define OUR_RAM      (RAM_BASE + (448ull << 20))
#define QUEUE_LOG2   9                         /* 512 commands */
#define QUEUE_MASK   ((2u << QUEUE_LOG2) - 1)  /* index and wrap bit */
#define TABLE_OFFSET 0x400000                  /* aligned to the table's size */
#define TABLE_LOG2   16                        /* linear, every bus number */
#define CDS_OFFSET   0x800000
#define MAP_SIZE     (16u << 20)
#define SID          0x100u                    /* behind the first root port */

struct smmu {
    volatile uint8_t *reg;
    volatile uint64_t *ram;
    uint32_t prod;
};

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static uint32_t get(struct smmu *s, unsigned off)
{
    return *(volatile uint32_t *)(s->reg + off);
}

static void set(struct smmu *s, unsigned off, uint32_t v)
{
    *(volatile uint32_t *)(s->reg + off) = v;
}

static void set64(struct smmu *s, unsigned off, uint64_t v)
{
    *(volatile uint64_t *)(s->reg + off) = v;
}

static char node[512];

static int find_node(const char *path, const struct stat *st, int type,
                     struct FTW *ftw)
{
    char text[64] = "";
    FILE *f;

    (void)st;
    if (type != FTW_F || strcmp(path + ftw->base, "compatible") ||
        !(f = fopen(path, "r"))) {
        return 0;
    }
    if (fread(text, 1, sizeof(text) - 1, f) && !strcmp(text, "arm,smmu-v3")) {
        snprintf(node, sizeof(node), "%.*s", ftw->base, path);
    }
    fclose(f);
    return node[0] != 0;
}

/* The device tree's first SMMU, below a bus of two address cells */
static uint64_t base_from_device_tree(void)
{
    char path[600];
    uint64_t reg[2];
    FILE *f;

    nftw("/sys/firmware/devicetree/base", find_node, 8, FTW_PHYS);
    snprintf(path, sizeof(path), "%sreg", node);
    f = fopen(path, "r");
    if (!node[0] || !f || fread(reg, 1, 16, f) != 16) {
        fprintf(stderr, "no arm,smmu-v3 node: give the base address\n");
        exit(2);
    }
    fclose(f);
    return be64toh(reg[0]);
}

static void *map(uint64_t base, size_t size)
{
    int fd = open("/dev/mem", O_RDWR | O_SYNC);
    void *p;

    if (fd < 0) {
        die("/dev/mem");
    }
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)base);
    if (p == MAP_FAILED) {
        die("/dev/mem");
    }
    close(fd);
    return p;
}

/* Puts a command into the queue; the SMMU sees it after submit() */
static void push(struct smmu *s, uint64_t w0, uint64_t w1)
{
    unsigned i = s->prod & ((1u << QUEUE_LOG2) - 1);

    s->ram[2 * i] = w0;
    s->ram[2 * i + 1] = w1;
    s->prod = (s->prod + 1) & QUEUE_MASK;
}

/* One CMDQ_PROD write, then waits for CONS. 0: all consumed without an error */
static int submit(struct smmu *s)
{
    unsigned polls = 0;
    uint32_t cons;

    __asm__ volatile("dsb sy" ::: "memory");
    set(s, CMDQ_PROD, s->prod);
    do {
        cons = get(s, CMDQ_CONS);
    } while (cons != s->prod && ++polls < 2000);
    printf("prod=%#x\ncons=%#x\ngerror=%#x\npolls=%u\n", s->prod, cons,
           get(s, GERROR) ^ get(s, GERRORN), polls);
    return cons != s->prod || get(s, GERROR) != get(s, GERRORN);
}

static void enable(struct smmu *s, uint32_t bits)
{
    set(s, CR0, bits);
    while (get(s, CR0ACK) != bits) {
    }
}

/* Empty queue at index 0, all errors acknowledged */
static void set_up_queue(struct smmu *s)
{
    enable(s, 0);
    set(s, GERRORN, get(s, GERROR));
    set64(s, CMDQ_BASE, OUR_RAM | QUEUE_LOG2);
    set(s, CMDQ_PROD, 0);
    set(s, CMDQ_CONS, 0);
    s->prod = 0;
    enable(s, CR0_CMDQEN);
}

/* Lets the host read its counters (guest/init does the same from the shell) */
static void mark(const char *name)
{
    char answer[32];

    dprintf(2, "E2E mark %s;\n", name);
    if (!fgets(answer, sizeof(answer), stdin)) {
        die("no answer from the host");
    }
}

static int burst_of_tlbi(struct smmu *s)
{
    unsigned i;
    int bad;

    for (i = 0; i < 255; i++) {
        /* ASID 1, Leaf, scattered pages that no range could describe */
        push(s, CMD_TLBI_NH_VA | 1ull << 48,
             1 | (0x100000000ull + i * 0x7000ull));
    }
    push(s, CMD_SYNC, 0);
    mark("tlbi-ready");
    bad = submit(s);
    mark("tlbi-done");
    return bad;
}

/*
 * A translating STE for SID with an empty CD table. The device is idle, so
 * nothing is ever fetched through it.
 */
static void install_stream(struct smmu *s)
{
    volatile uint64_t *ste = s->ram + (TABLE_OFFSET + SID * 64) / 8;
    unsigned i;

    for (i = 0; i < (64u << TABLE_LOG2) / 8; i++) {
        s->ram[TABLE_OFFSET / 8 + i] = 0;
    }
    for (i = 0; i < 8; i++) {
        s->ram[CDS_OFFSET / 8 + i] = 0;
    }
    /* S1CIR, S1COR write-back, S1CSH inner shareable */
    ste[1] = 1ull << 2 | 1ull << 4 | 3ull << 6;
    /* S1ContextPtr, Config = stage 1, V */
    ste[0] = (OUR_RAM + CDS_OFFSET) | 5ull << 1 | 1;
    set64(s, STRTAB_BASE, OUR_RAM + TABLE_OFFSET);
    set(s, STRTAB_BASE_CFG, TABLE_LOG2);
    __asm__ volatile("dsb sy" ::: "memory");
    enable(s, CR0_CMDQEN | CR0_SMMUEN);
}

static int announce_stream(struct smmu *s)
{
    push(s, CMD_CFGI_STE | (uint64_t)SID << 32, 1);
    push(s, CMD_SYNC, 0);
    return submit(s);
}

static int unchanged_stream(struct smmu *s)
{
    int i, bad;

    install_stream(s);
    bad = announce_stream(s);
    mark("ste-installed");
    for (i = 0; i < 16; i++) {
        bad |= announce_stream(s);
    }
    mark("ste-unchanged");
    return bad;
}

int main(int argc, char **argv)
{
    struct smmu s = { 0 };
    uint64_t base;
    int bad;

    if (argc < 2 || (strcmp(argv[1], "tlbi") && strcmp(argv[1], "ste"))) {
        fprintf(stderr, "usage: cmdq-burst tlbi|ste [BASE]\n");
        return 2;
    }
    base = argc > 2 ? strtoull(argv[2], NULL, 0) : base_from_device_tree();
    s.reg = map(base, 0x20000);
    s.ram = map(OUR_RAM, MAP_SIZE);
    printf("base=%#llx\n", (unsigned long long)base);
    set_up_queue(&s);
    bad = argv[1][0] == 't' ? burst_of_tlbi(&s) : unchanged_stream(&s);
    printf("failed=%d\n", bad);
    fflush(stdout);
    enable(&s, 0);
    return bad;
}
