/*
 * Interposes between QEMU and the C library: LD_PRELOAD. See
 * smmuv3-fake-kernel.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * /dev/iommu and /dev/vfio/devices/vfioN are opened as a memfd of ours, which
 * reads, writes and maps by itself. Only opening, the device number, ioctls,
 * closing, and the write that raises an interrupt are interposed. Without the
 * environment variable everything passes through.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake-kernel-internal.h"

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static __attribute__((constructor)) void start(void)
{
    const char *path = getenv(FAKE_KERNEL_ENV);
    void *shared;
    int fd;

    if (!path) {
        return;
    }
    fd = NEXT(open64)(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    shared = mmap(NULL, sizeof(FakeKernel), PROT_READ | PROT_WRITE,
                  MAP_SHARED, fd, 0);
    NEXT(close)(fd);
    if (shared != MAP_FAILED) {
        fake_kernel_start(shared);
    }
}

static int result(int ret)
{
    if (ret < 0) {
        errno = -ret;
        return -1;
    }
    return ret;
}

int open64(const char *path, int flags, ...)
{
    mode_t mode = 0;

    if (flags & (O_CREAT | __O_TMPFILE)) {
        va_list ap;

        va_start(ap, flags);
        mode = va_arg(ap, mode_t);
        va_end(ap);
    }
    if (fake_kernel_owns(path)) {
        return result(fake_kernel_open(path));
    }
    return NEXT(open64)(path, flags, mode);
}

int __open64_2(const char *path, int flags);

/* open64() without a mode, as _FORTIFY_SOURCE spells it */
int __open64_2(const char *path, int flags)
{
    return open64(path, flags);
}

int fstat64(int fd, struct stat64 *st)
{
    int ret = NEXT(fstat64)(fd, st);
    dev_t rdev;

    if (!ret && fake_kernel_rdev(fd, &rdev)) {
        st->st_mode = S_IFCHR | 0600;
        st->st_rdev = rdev;
    }
    return ret;
}

int ioctl(int fd, unsigned long op, ...)
{
    va_list ap;
    void *arg;

    va_start(ap, op);
    arg = va_arg(ap, void *);
    va_end(ap);
    if (fake_kernel_is_ours(fd)) {
        return result(fake_kernel_ioctl(fd, op, arg));
    }
    return ((int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl"))
           (fd, op, arg);
}

int close(int fd)
{
    if (fake_kernel_is_ours(fd)) {
        fake_kernel_closing(fd);
    }
    return NEXT(close)(fd);
}

ssize_t pwrite64(int fd, const void *buf, size_t len, off64_t at)
{
    ssize_t ret = NEXT(pwrite64)(fd, buf, len, at);

    if (ret > 0 && fake_kernel_is_ours(fd)) {
        fake_kernel_written(fd, buf, ret, at);
    }
    return ret;
}
