// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A vSMMU driven from user space. See smmu-dev.h.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "smmu-dev.h"

#define PATIENCE_US 1000000

void *smmu_map(uint64_t base, size_t size)
{
    int fd = open("/dev/mem", O_RDWR | O_SYNC);
    void *p = MAP_FAILED;

    if (fd >= 0) {
        p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                 (off_t)base);
    }
    if (p == MAP_FAILED) {
        perror("/dev/mem");
        exit(2);
    }
    close(fd);
    return p;
}

void smmu_open(struct smmu *s, uint64_t base)
{
    s->reg = smmu_map(base, 0x20000);
    s->ram = smmu_map(OUR_RAM, MAP_SIZE);
}

uint32_t smmu_get(const struct smmu *s, unsigned off)
{
    return *(volatile uint32_t *)(s->reg + off);
}

void smmu_set(const struct smmu *s, unsigned off, uint32_t v)
{
    *(volatile uint32_t *)(s->reg + off) = v;
}

uint64_t smmu_get64(const struct smmu *s, unsigned off)
{
    return *(volatile uint64_t *)(s->reg + off);
}

void smmu_set64(const struct smmu *s, unsigned off, uint64_t v)
{
    *(volatile uint64_t *)(s->reg + off) = v;
}

void smmu_barrier(void)
{
    __asm__ volatile("dsb sy" ::: "memory");
}

uint64_t ticks(void)
{
    uint64_t t;

    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(t) :: "memory");
    return t;
}

uint64_t ticks_to_us(uint64_t t)
{
    uint64_t hz;

    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hz));
    return t * 1000000 / hz;
}

bool smmu_enable(const struct smmu *s, uint32_t bits)
{
    uint64_t start = ticks();

    smmu_barrier();
    smmu_set(s, CR0, bits);
    while (smmu_get(s, CR0ACK) != bits) {
        if (ticks_to_us(ticks() - start) > PATIENCE_US) {
            return false;
        }
    }
    return true;
}

bool smmu_stop(struct smmu *s, unsigned log2)
{
    bool ok = smmu_enable(s, 0);

    smmu_set(s, IRQ_CTRL, 0);
    smmu_set(s, GERRORN, smmu_get(s, GERROR));
    smmu_set64(s, CMDQ_BASE, (OUR_RAM + QUEUE_OFFSET) | log2);
    smmu_set(s, CMDQ_PROD, 0);
    smmu_set(s, CMDQ_CONS, 0);
    s->log2 = log2;
    s->prod = 0;
    return ok && !smmu_error_active(s);
}

bool smmu_restart(struct smmu *s, unsigned log2)
{
    return smmu_stop(s, log2) && smmu_enable(s, CR0_CMDQEN);
}

uint32_t smmu_mask(const struct smmu *s)
{
    return (2u << s->log2) - 1;
}

void smmu_put(struct smmu *s, uint32_t index, uint64_t w0, uint64_t w1)
{
    uint32_t i = index & ((1u << s->log2) - 1);

    s->ram[QUEUE_OFFSET / 8 + 2 * i] = w0;
    s->ram[QUEUE_OFFSET / 8 + 2 * i + 1] = w1;
}

void smmu_push(struct smmu *s, uint64_t w0, uint64_t w1)
{
    smmu_put(s, s->prod, w0, w1);
    s->prod = (s->prod + 1) & smmu_mask(s);
}

uint64_t smmu_kick(struct smmu *s)
{
    uint64_t start;

    smmu_barrier();
    start = ticks();
    smmu_set(s, CMDQ_PROD, s->prod);
    smmu_barrier();
    return ticks() - start;
}

bool smmu_error_active(const struct smmu *s)
{
    return (smmu_get(s, GERROR) ^ smmu_get(s, GERRORN)) & GERROR_CMDQ_ERR;
}

unsigned smmu_error_code(const struct smmu *s)
{
    return smmu_get(s, CMDQ_CONS) >> 24 & 0x7f;
}

enum smmu_end smmu_wait(const struct smmu *s)
{
    uint64_t start = ticks();

    do {
        uint32_t cons = smmu_get(s, CMDQ_CONS) & smmu_mask(s);

        if (smmu_error_active(s)) {
            return SMMU_ERROR;
        }
        if (cons == s->prod) {
            return SMMU_DONE;
        }
    } while (ticks_to_us(ticks() - start) < PATIENCE_US);
    return SMMU_STUCK;
}

void smmu_write_ste(struct smmu *s, size_t offset, uint64_t w0, uint64_t w1)
{
    volatile uint64_t *ste = s->ram + offset / 8;

    for (unsigned i = 2; i < 8; i++) {
        ste[i] = 0;
    }
    ste[1] = w1;
    ste[0] = w0;
    smmu_barrier();
}

void smmu_translating_ste(struct smmu *s, size_t offset)
{
    for (unsigned i = 0; i < 8; i++) {
        s->ram[CDS_OFFSET / 8 + i] = 0;
    }
    smmu_write_ste(s, offset, STE_STAGE1, S1_DW1);
}

void smmu_use_linear_table(struct smmu *s)
{
    for (unsigned i = 0; i < (64u << TABLE_LOG2) / 8; i++) {
        s->ram[TABLE_OFFSET / 8 + i] = 0;
    }
    smmu_set64(s, STRTAB_BASE, OUR_RAM + TABLE_OFFSET);
    smmu_set(s, STRTAB_BASE_CFG, TABLE_LOG2);
}

void mark(const char *name)
{
    char answer[32];

    fflush(stdout);
    dprintf(2, "E2E mark %s;\n", name);
    if (!fgets(answer, sizeof(answer), stdin)) {
        perror("no answer from the host");
        exit(2);
    }
}
