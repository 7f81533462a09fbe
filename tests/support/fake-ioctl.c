/*
 * The ioctl boundary. See fake-ioctl.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "fake-ioctl.h"

#define NONE 0xff
#define SCRIBBLE 0xa5a5a5a5u

/* A stretch of the structure. */
typedef struct Span {
    uint8_t offset;
    uint8_t len;
} Span;

/* The layout of a request; offsets as in linux/iommufd.h and linux/vfio.h. */
typedef struct Layout {
    unsigned long op;
    uint8_t size;
    Span zero[3];               /* flags, reserved and unused fields */
    uint8_t out_id;
    uint8_t ptr;                /* a user pointer to data */
    uint8_t len;                /* the length of an entry of the data */
    uint8_t count;              /* the number of entries */
} Layout;

static const Layout layouts[] = {
    { FAKE_VFIO_ATTACH, 16, { { 4, 4 }, { 12, 4 } }, NONE, NONE, NONE, NONE },
    { FAKE_VFIO_DETACH, 12, { { 4, 8 } }, NONE, NONE, NONE, NONE },
    { FAKE_IOMMU_DESTROY, 8, { { 0, 0 } }, NONE, NONE, NONE, NONE },
    { FAKE_IOMMU_HWPT_ALLOC, 48, { { 4, 4 }, { 20, 4 }, { 40, 8 } },
      16, 32, 28, NONE },
    { FAKE_IOMMU_GET_HW_INFO, 40, { { 4, 4 }, { 24, 16 } },
      NONE, NONE, NONE, NONE },
    { FAKE_IOMMU_HWPT_INVALIDATE, 32, { { 28, 4 } }, NONE, 8, 20, 24 },
    { FAKE_IOMMU_VIOMMU_ALLOC, 40, { { 4, 4 }, { 24, 16 } },
      20, NONE, NONE, NONE },
    { FAKE_IOMMU_VDEVICE_ALLOC, 24, { { 0, 0 } }, 12, NONE, NONE, NONE },
    { FAKE_IOMMU_VEVENTQ_ALLOC, 32, { { 4, 4 }, { 20, 12 } },
      20, NONE, NONE, NONE },
};

FakeIoctlAnswer fake_ioctl;
static GArray *calls;           /* of FakeIoctlCall */

static uint32_t get32(const uint8_t *arg, unsigned offset)
{
    uint32_t v;

    memcpy(&v, arg + offset, sizeof(v));
    return v;
}

static uint64_t get64(const uint8_t *arg, unsigned offset)
{
    uint64_t v;

    memcpy(&v, arg + offset, sizeof(v));
    return v;
}

static void put32(uint8_t *arg, unsigned offset, uint32_t v)
{
    if (offset != NONE) {
        memcpy(arg + offset, &v, sizeof(v));
    }
}

static void *pointer(const uint8_t *arg, unsigned offset)
{
    return (void *)(uintptr_t)get64(arg, offset);
}

static const Layout *find_layout(unsigned long op)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(layouts); i++) {
        if (layouts[i].op == op) {
            return &layouts[i];
        }
    }
    g_error("ioctl 0x%lx is none of ours", op);
}

static void check(const Layout *l, const uint8_t *arg)
{
    g_assert_cmpuint(get32(arg, 0), ==, l->size);
    for (unsigned i = 0; i < G_N_ELEMENTS(l->zero); i++) {
        for (unsigned j = 0; j < l->zero[i].len; j++) {
            g_assert_cmpuint(arg[l->zero[i].offset + j], ==, 0);
        }
    }
}

static GBytes *copy_data(const Layout *l, const uint8_t *arg)
{
    size_t len;

    if (l->ptr == NONE) {
        return NULL;
    }
    len = get32(arg, l->len);
    if (l->count != NONE) {
        len *= get32(arg, l->count);
    }
    return g_bytes_new(pointer(arg, l->ptr), len);
}

static void record(int fd, const Layout *l, const uint8_t *arg)
{
    FakeIoctlCall c = { .fd = fd, .op = l->op, .data = copy_data(l, arg) };

    memcpy(c.arg, arg, l->size);
    if (!calls) {
        calls = g_array_new(FALSE, FALSE, sizeof(c));
    }
    g_array_append_val(calls, c);
}

/* Copies as the kernel does: the shorter of the two lengths, then zeroes. */
static void give_info(uint8_t *arg)
{
    uint8_t *buf = pointer(arg, 16);
    uint32_t room = get32(arg, 12), len = MIN(room, fake_ioctl.info_len);

    if (len) {
        memcpy(buf, fake_ioctl.info, len);
    }
    memset(buf + len, 0, room - len);
    put32(arg, 12, fake_ioctl.info_len);
    put32(arg, 24, fake_ioctl.info_type);
    put32(arg, 28, fake_ioctl.max_pasid_log2);
    put32(arg, 32, fake_ioctl.capabilities);
}

static int fail(const Layout *l, uint8_t *arg, int err, uint32_t done)
{
    put32(arg, l->out_id, SCRIBBLE);
    if (l->op == FAKE_IOMMU_GET_HW_INFO) {
        memset(pointer(arg, 16), 0xa5, get32(arg, 12));
    } else if (l->op == FAKE_IOMMU_HWPT_INVALIDATE) {
        put32(arg, 24, done);
    }
    errno = err;
    return -1;
}

static int answer(const Layout *l, uint8_t *arg)
{
    if (fake_ioctl.interrupts) {
        fake_ioctl.interrupts--;
        return fail(l, arg, EINTR, 1);
    }
    if (fake_ioctl.err) {
        return fail(l, arg, fake_ioctl.err, fake_ioctl.done);
    }
    put32(arg, l->out_id, fake_ioctl.id);
    if (l->op == FAKE_IOMMU_VEVENTQ_ALLOC) {
        put32(arg, 24, fake_ioctl.fd);
    }
    if (l->op == FAKE_IOMMU_GET_HW_INFO) {
        give_info(arg);
    }
    return 0;
}

int __wrap_ioctl(int fd, unsigned long op, ...);

int __wrap_ioctl(int fd, unsigned long op, ...)
{
    const Layout *l = find_layout(op);
    uint8_t *arg;
    va_list ap;

    va_start(ap, op);
    arg = va_arg(ap, uint8_t *);
    va_end(ap);
    check(l, arg);
    record(fd, l, arg);
    return answer(l, arg);
}

void fake_ioctl_reset(void)
{
    for (unsigned i = 0; i < fake_ioctl_calls(); i++) {
        g_clear_pointer(&g_array_index(calls, FakeIoctlCall, i).data,
                        g_bytes_unref);
    }
    g_clear_pointer(&calls, g_array_unref);
    memset(&fake_ioctl, 0, sizeof(fake_ioctl));
}

unsigned fake_ioctl_calls(void)
{
    return calls ? calls->len : 0;
}

const FakeIoctlCall *fake_ioctl_call(unsigned i)
{
    g_assert_cmpuint(i, <, fake_ioctl_calls());
    return &g_array_index(calls, FakeIoctlCall, i);
}

uint32_t fake_ioctl_u32(const FakeIoctlCall *c, unsigned offset)
{
    return get32(c->arg, offset);
}

uint64_t fake_ioctl_u64(const FakeIoctlCall *c, unsigned offset)
{
    return get64(c->arg, offset);
}
