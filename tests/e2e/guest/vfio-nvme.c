// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vfio-nvme cdev|container ADDRESS STEP...: an NVMe controller driven from user
 * space, by VFIO. Prints "KEY=VALUE" for each step; ends with status 0 if all
 * that it waited for came. In the order in which they are given:
 *
 *   poll=FILE    identifies, reads the first 4 MiB into FILE, and looks for
 *                completions in memory
 *   msix=FILE    reads them again; each completion comes as an MSI-X, which
 *                is an event on an eventfd, and the queue is not looked at before
 *   fault        unmaps the memory, and reads into it: what was there stays
 *   switch=N     N reads, each in another address space than the one before,
 *                which the device gets while it is enabled (cdev only)
 *   blocked      the device gets no address space while it is enabled, and reads
 *                nothing; then it has one again, and reads (cdev only)
 *   large=MIB    maps so much, unmaps it at once, and reads
 *   reset        resets the function, and reads
 *   hold         reads until the program is killed, or the device is to go
 *
 * NVM Express Base Specification 2.0: figures are of that.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "vfio-user.h"

#define KIB 1024u
#define MIB (1024u * KIB)
#define PAGE 4096u                      /* the controller's, CC.MPS = 0 */
#define ENTRIES 16u

/* 3.1.3, offsets in BAR 0; doorbells are of the usual stride (CAP.DSTRD = 0) */
#define REG_CC 0x14
#define REG_CSTS 0x1c
#define REG_AQA 0x24
#define REG_ASQ 0x28
#define REG_ACQ 0x30
#define REG_DOORBELL(n) (0x1000 + (n) * 4)
#define REGS_SIZE (8 * KIB)
#define CC_EN 1u
#define CC_SIZES (6u << 16 | 4u << 20)  /* entries of 64 and 16 bytes */
#define CSTS_RDY 1u

#define ADMIN_CREATE_SQ 0x01
#define ADMIN_CREATE_CQ 0x05
#define ADMIN_IDENTIFY 0x06
#define NVM_READ 0x02

/* IOVAs, and offsets in the memory behind the first of them */
#define IOVA_CONTROL 0x40000000ull
#define IOVA_DATA    0x80000000ull
#define IOVA_LARGE   0x200000000ull
#define ASQ_AT 0u
#define ACQ_AT (1 * PAGE)
#define SQ_AT (2 * PAGE)
#define CQ_AT (3 * PAGE)
#define IDENTIFY_AT (4 * PAGE)
#define LIST_AT (5 * PAGE)
#define CONTROL_SIZE (64 * KIB)
#define DATA_SIZE (4 * MIB)
#define CHUNK (128 * KIB)
#define PIECE (16 * MIB)
#define WAIT_MS 20000

struct sqe {
    uint32_t cdw0, nsid, cdw2, cdw3;
    uint64_t mptr, prp1, prp2;
    uint32_t cdw10, cdw11, cdw12, cdw13, cdw14, cdw15;
};

struct cqe {
    uint32_t dw0, dw1;
    uint16_t sq_head, sq_id, cid, status;       /* status: bit 0 is the phase */
};

struct queue {
    struct sqe *sq;
    volatile struct cqe *cq;
    unsigned id, tail, head;
    bool phase;
    int event;                  /* where its completions are told; -1: nowhere */
};

struct nvme {
    struct vfio_user vfio;
    volatile uint8_t *regs;
    uint8_t *control, *data;
    struct queue admin, io;
    unsigned lba_shift;
    bool msix;                  /* VFIO has the events */
    int events[2];
    unsigned interrupts;
};

static uint32_t get32(const struct nvme *n, unsigned at)
{
    return *(volatile uint32_t *)(n->regs + at);
}

static void set32(const struct nvme *n, unsigned at, uint32_t value)
{
    __sync_synchronize();
    *(volatile uint32_t *)(n->regs + at) = value;
}

static void set64(const struct nvme *n, unsigned at, uint64_t value)
{
    set32(n, at, value);
    set32(n, at + 4, value >> 32);
}

static long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- Queues ---- */

static struct queue queue_at(struct nvme *n, unsigned id, unsigned sq,
                             unsigned cq, int event)
{
    memset(n->control + sq, 0, PAGE);
    memset(n->control + cq, 0, PAGE);
    return (struct queue) {
        .sq = (struct sqe *)(n->control + sq),
        .cq = (struct cqe *)(n->control + cq),
        .id = id, .phase = true, .event = event,
    };
}

static bool is_complete(const struct queue *q)
{
    return (q->cq[q->head].status & 1) == q->phase;
}

/* By its event alone, if the queue has one; by its memory otherwise. */
static void wait_for_completion(struct nvme *n, struct queue *q)
{
    long end = now_ms() + WAIT_MS;

    if (q->event >= 0) {
        if (!vfio_wait(q->event, WAIT_MS)) {
            fail("no interrupt came");
        }
        n->interrupts++;
        if (!is_complete(q)) {
            fail("an interrupt came, and no completion");
        }
        return;
    }
    while (!is_complete(q)) {
        if (now_ms() > end) {
            fail("no completion came");
        }
        usleep(10);
    }
}

/* Returns the status field, without the phase. */
static unsigned execute(struct nvme *n, struct queue *q, struct sqe cmd)
{
    unsigned status;

    q->sq[q->tail] = cmd;
    q->tail = (q->tail + 1) % ENTRIES;
    set32(n, REG_DOORBELL(2 * q->id), q->tail);
    wait_for_completion(n, q);
    __sync_synchronize();
    status = q->cq[q->head].status >> 1;
    q->head = (q->head + 1) % ENTRIES;
    q->phase ^= q->head == 0;
    set32(n, REG_DOORBELL(2 * q->id + 1), q->head);
    return status;
}

static void must_succeed(unsigned status, const char *what)
{
    if (status) {
        printf("status=0x%x\n", status);
        fail(what);
    }
}

/* ---- The controller ---- */

static void wait_for_ready(struct nvme *n, uint32_t ready)
{
    long end = now_ms() + WAIT_MS;

    while ((get32(n, REG_CSTS) & CSTS_RDY) != ready) {
        if (now_ms() > end) {
            fail("CSTS.RDY does not change");
        }
        usleep(1000);
    }
}

static void identify(struct nvme *n)
{
    uint8_t *data = n->control + IDENTIFY_AT;
    struct sqe cmd = { .cdw0 = ADMIN_IDENTIFY, .nsid = 1,
                       .prp1 = IOVA_CONTROL + IDENTIFY_AT };
    uint32_t format;

    cmd.cdw10 = 1;
    must_succeed(execute(n, &n->admin, cmd), "identify controller");
    printf("serial=%.20s\n", data + 4);
    cmd.cdw10 = 0;
    must_succeed(execute(n, &n->admin, cmd), "identify namespace");
    memcpy(&format, data + 128 + (data[26] & 15) * 4, sizeof(format));
    n->lba_shift = format >> 16 & 0xff;
}

static void create_io_queue(struct nvme *n, bool interrupts)
{
    struct sqe cq = {
        .cdw0 = ADMIN_CREATE_CQ, .prp1 = IOVA_CONTROL + CQ_AT,
        .cdw10 = (ENTRIES - 1) << 16 | 1,
        .cdw11 = interrupts ? 1 << 16 | 3 : 1,
    };
    struct sqe sq = {
        .cdw0 = ADMIN_CREATE_SQ, .prp1 = IOVA_CONTROL + SQ_AT,
        .cdw10 = (ENTRIES - 1) << 16 | 1, .cdw11 = 1 << 16 | 1,
    };

    n->io = queue_at(n, 1, SQ_AT, CQ_AT, interrupts ? n->events[1] : -1);
    must_succeed(execute(n, &n->admin, cq), "create a completion queue");
    must_succeed(execute(n, &n->admin, sq), "create a submission queue");
}

static void set_msix(struct nvme *n, bool on)
{
    /* VFIO refuses to switch off what is not on. */
    if (n->msix != on) {
        vfio_interrupts(&n->vfio, VFIO_PCI_MSIX_IRQ_INDEX, n->events,
                        on ? 2 : 0);
        n->msix = on;
    }
}

static void controller_start(struct nvme *n, bool interrupts)
{
    set_msix(n, interrupts);
    set32(n, REG_CC, 0);
    wait_for_ready(n, 0);
    n->admin = queue_at(n, 0, ASQ_AT, ACQ_AT, interrupts ? n->events[0] : -1);
    set32(n, REG_AQA, (ENTRIES - 1) << 16 | (ENTRIES - 1));
    set64(n, REG_ASQ, IOVA_CONTROL + ASQ_AT);
    set64(n, REG_ACQ, IOVA_CONTROL + ACQ_AT);
    set32(n, REG_CC, CC_SIZES | CC_EN);
    wait_for_ready(n, CSTS_RDY);
    identify(n);
    create_io_queue(n, interrupts);
}

/* ---- Reading ---- */

/* A page, or more than two of them, because two have no list. */
static unsigned read_bytes(struct nvme *n, size_t at, size_t size)
{
    uint64_t *list = (uint64_t *)(n->control + LIST_AT);
    struct sqe cmd = {
        .cdw0 = NVM_READ, .nsid = 1, .prp1 = IOVA_DATA + at,
        .prp2 = size > PAGE ? IOVA_CONTROL + LIST_AT : 0,
        .cdw10 = at >> n->lba_shift, .cdw12 = (size >> n->lba_shift) - 1,
    };

    for (unsigned i = 1; i < size / PAGE; i++) {
        list[i - 1] = IOVA_DATA + at + i * PAGE;
    }
    return execute(n, &n->io, cmd);
}

static unsigned read_chunk(struct nvme *n, size_t at)
{
    return read_bytes(n, at, CHUNK);
}

static void read_all(struct nvme *n)
{
    memset(n->data, 0xa5, DATA_SIZE);
    for (size_t at = 0; at < DATA_SIZE; at += CHUNK) {
        must_succeed(read_chunk(n, at), "read");
    }
}

static void write_file(struct nvme *n, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || write(fd, n->data, DATA_SIZE) != DATA_SIZE) {
        fail_sys(path);
    }
    close(fd);
}

/* ---- Steps ---- */

static void step_read(struct nvme *n, const char *path, bool interrupts)
{
    controller_start(n, interrupts);
    n->interrupts = 0;
    read_all(n);
    write_file(n, path);
    if (interrupts) {
        printf("interrupts=%u\n", n->interrupts);
    }
}

/* One page, because the controller tries each few bytes of it. */
static void step_fault(struct nvme *n)
{
    unsigned touched = 0;

    memset(n->data, 0xa5, DATA_SIZE);
    vfio_unmap(&n->vfio, IOVA_DATA, DATA_SIZE);
    printf("status=0x%x\n", read_bytes(n, 0, PAGE));
    for (size_t i = 0; i < PAGE; i++) {
        touched += n->data[i] != 0xa5;
    }
    printf("touched=%u\n", touched);
    vfio_map(&n->vfio, IOVA_DATA, n->data, DATA_SIZE);
}

/* The same bytes each time, or the step fails. */
static void read_chunk_again(struct nvme *n, const uint8_t *want)
{
    memset(n->data, 0xa5, CHUNK);
    must_succeed(read_chunk(n, 0), "read");
    if (memcmp(n->data, want, CHUNK)) {
        fail("other bytes than before");
    }
}

static uint8_t *first_chunk(struct nvme *n)
{
    uint8_t *want = malloc(CHUNK);

    must_succeed(read_chunk(n, 0), "read");
    return memcpy(want, n->data, CHUNK);
}

static void step_switch(struct nvme *n, unsigned times)
{
    uint8_t *want = first_chunk(n);

    for (unsigned i = 1; i <= times; i++) {
        vfio_attach(&n->vfio, i % 2);
        read_chunk_again(n, want);
    }
    vfio_attach(&n->vfio, 0);
    free(want);
    printf("switched=%u\n", times);
}

/* What the device is told then is lost, and its controller with it. */
static void step_blocked(struct nvme *n)
{
    uint8_t *want = first_chunk(n);

    vfio_detach(&n->vfio);
    set32(n, REG_DOORBELL(2 * n->io.id), (n->io.tail + 1) % ENTRIES);
    usleep(500000);
    printf("blocked.completed=%d\n", is_complete(&n->io));
    vfio_attach(&n->vfio, 0);
    controller_start(n, false);
    read_chunk_again(n, want);
    free(want);
    printf("blocked=1\n");
}

/* One range of addresses, with the same memory in each of its pieces. */
static uint8_t *memory_many_times(size_t size)
{
    int fd = memfd_create("piece", MFD_CLOEXEC);
    uint8_t *memory = mmap(NULL, size, PROT_NONE, MAP_PRIVATE |
                           MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (fd < 0 || ftruncate(fd, PIECE) || memory == MAP_FAILED) {
        fail_sys("memory");
    }
    for (size_t at = 0; at < size; at += PIECE) {
        if (mmap(memory + at, PIECE, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
            fail_sys("memory");
        }
    }
    close(fd);
    return memory;
}

static void step_large(struct nvme *n, unsigned mib)
{
    size_t size = (size_t)mib * MIB;
    uint8_t *want = first_chunk(n), *memory = memory_many_times(size);

    vfio_map(&n->vfio, IOVA_LARGE, memory, size);
    vfio_unmap(&n->vfio, IOVA_LARGE, size);
    munmap(memory, size);
    read_chunk_again(n, want);
    free(want);
    printf("large=%u\n", mib);
}

static void step_reset(struct nvme *n)
{
    uint8_t *want = first_chunk(n);

    vfio_reset(&n->vfio);
    n->regs = vfio_start(&n->vfio, 0, REGS_SIZE);
    controller_start(n, false);
    read_chunk_again(n, want);
    free(want);
    printf("reset=1\n");
}

/* VFIO signals the eventfd when somebody wants to take the device away. */
static void step_hold(struct nvme *n)
{
    int request = eventfd(0, EFD_CLOEXEC);

    vfio_interrupts(&n->vfio, VFIO_PCI_REQ_IRQ_INDEX, &request, 1);
    printf("holding=1\n");
    fflush(stdout);
    while (!vfio_wait(request, 0)) {
        must_succeed(read_chunk(n, 0), "read");
    }
    printf("asked=1\n");
}

static void step(struct nvme *n, const char *word)
{
    const char *value = strchr(word, '=');
    size_t length = value ? (size_t)(value++ - word) : strlen(word);

#define IS(name) (length == strlen(name) && !strncmp(word, name, length))
    if (IS("poll")) {
        step_read(n, value, false);
    } else if (IS("msix")) {
        step_read(n, value, true);
    } else if (IS("fault")) {
        step_fault(n);
    } else if (IS("switch")) {
        step_switch(n, atoi(value));
    } else if (IS("blocked")) {
        step_blocked(n);
    } else if (IS("large")) {
        step_large(n, atoi(value));
    } else if (IS("reset")) {
        step_reset(n);
    } else if (IS("hold")) {
        step_hold(n);
    } else {
        fail("unknown step");
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct nvme n = { 0 };

    if (argc < 4) {
        fprintf(stderr, "usage: vfio-nvme cdev|container ADDRESS STEP...\n");
        return 2;
    }
    vfio_open(&n.vfio, argv[2], !strcmp(argv[1], "cdev"));
    n.control = vfio_memory(&n.vfio, IOVA_CONTROL, CONTROL_SIZE);
    n.data = vfio_memory(&n.vfio, IOVA_DATA, DATA_SIZE);
    n.regs = vfio_start(&n.vfio, 0, REGS_SIZE);
    for (unsigned i = 0; i < 2; i++) {
        n.events[i] = eventfd(0, EFD_CLOEXEC);
    }
    for (int i = 3; i < argc; i++) {
        step(&n, argv[i]);
    }
    set32(&n, REG_CC, 0);
    printf("done=1\n");
    return 0;
}
