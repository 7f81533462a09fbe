/*
 * An emulated endpoint behind an accelerated SMMU, and its driver.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The endpoint is QEMU's edu, which copies between guest memory and a buffer
 * of its own. It translates by the guest's tables in software, and caches what
 * it found; so a page that moved is seen where it was until the guest
 * invalidates it, by the same commands that go to the host.
 */
#ifndef SMMUV3_HOST_EDU_H
#define SMMUV3_HOST_EDU_H

#include "smmuv3-host-scene.h"

#define EDU_SLOT        10
#define EDU_SID         (EDU_SLOT << 3)
#define EDU_BAR         0x10800000
#define EDU_ARGS        "-device edu,id=edu,dma_mask=0xffffffffffffffff,"
#define EDU             EDU_ARGS "bus=pcie.0,addr=0xa "

/* edu's registers, its buffer, and what its DMA takes of virtual time */
#define EDU_RAISE       0x60
#define EDU_SRC         0x80
#define EDU_DST         0x88
#define EDU_COUNT       0x90
#define EDU_COMMAND     0x98
#define EDU_RUN         1
#define EDU_TO_MEMORY   2
#define EDU_BUFFER      0x40000
#define EDU_NS          100000000

/* Stage-1 tables of three levels, 4 KiB pages, a 39-bit IOVA */
#define TABLES          0x45000000
#define TABLES_SIZE     0x10000
#define PAGE_A          0x46000000
#define PAGE_B          0x46001000
#define SOURCE          0x46002000
#define CONTENT         0x11223344
#define PTE_TABLE       3ull
#define PTE_PAGE        (3ull | 1ull << 6 | BIT_ULL(10))    /* RW, AF */
#define IOVA            0x12345000ull
#define CONTEXT         8               /* the endpoint's */
#define ASID_EDU        7

/* At its place on the bus, its BAR at EDU_BAR */
void enable_edu(Scene *s, unsigned bus, unsigned devfn);

/* Its buffer gets what lands() looks for, while the SMMU is off. */
void fill_buffer(Scene *s);

/* Does a DMA write to @iova land at @page, and nowhere else? */
bool lands(Scene *s, uint64_t iova, uint64_t page);
bool lands_nowhere(Scene *s, uint64_t iova);

/* Page tables: there are several sets, @n names one. */
void put_word(Scene *s, uint64_t addr, uint64_t value);
uint64_t edu_tables(unsigned n);
void map_page(Scene *s, unsigned n, uint64_t iova, uint64_t page);
void put_cd(Scene *s, unsigned context, unsigned n, unsigned asid);

/* A command and CMD_SYNC; an STE and CFGI_STE; IOVA to PAGE_A, by CONTEXT */
void run_with_sync(Scene *s, uint64_t dw0, uint64_t dw1);
void install_edu(Scene *s, uint32_t sid, uint64_t dw0, uint64_t dw1);
void translate_edu(Scene *s, uint32_t sid);

/* An edu that translates IOVA to PAGE_A, and @n translating vfio-pci. */
bool start_with_edu(Scene *s, const char *more, unsigned n);
bool start_edu(Scene *s, unsigned n);

/* The same edu behind accel=off, without a vfio-pci */
bool start_edu_off(Scene *s);

/* EVENTQ_PROD; a word of a record; the newest one, @event, is of that type */
uint32_t edu_events(Scene *s);
uint64_t edu_event_word(Scene *s, unsigned event, unsigned word);
void expect_event(Scene *s, unsigned event, unsigned type);
void expect_event_of(Scene *s, unsigned event, unsigned type, uint32_t sid);

/* The lists of tests with it, a file each */
void add_emulated_tables_tests(void);
void add_emulated_events_tests(void);
void add_emulated_plug_tests(void);

#endif
