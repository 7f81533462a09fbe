/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PCI device driven from user space by VFIO: by its character device and an
 * iommufd ("cdev"), or by its group and a container ("container").
 *
 * Whatever fails ends the program with status 1 and a line that says what.
 */
#ifndef VFIO_USER_H
#define VFIO_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vfio_user {
    int device;
    int container;              /* or the iommufd */
    bool cdev;
    uint32_t ioas[2];           /* cdev: equal ones; the first is attached */
};

/* Ends the program. _sys() adds what errno says. */
void fail(const char *what) __attribute__((noreturn));
void fail_sys(const char *what) __attribute__((noreturn));

/* @address as 0000:01:00.0; the device is bound to vfio-pci. */
void vfio_open(struct vfio_user *v, const char *address, bool cdev);

/* Memory that the device reaches at @iova, in all address spaces. */
void *vfio_memory(struct vfio_user *v, uint64_t iova, size_t size);
void vfio_map(struct vfio_user *v, uint64_t iova, void *memory, size_t size);
void vfio_unmap(struct vfio_user *v, uint64_t iova, size_t size);

/* cdev: the device gets the other address space, and never none. */
void vfio_attach(struct vfio_user *v, unsigned ioas);

/* cdev: none. */
void vfio_detach(struct vfio_user *v);

/* Switches memory decoding and bus mastering on, and maps the BAR. */
volatile void *vfio_start(struct vfio_user *v, unsigned bar, size_t size);

/* Eventfds for the first @n vectors of an interrupt index, or none at all. */
void vfio_interrupts(struct vfio_user *v, unsigned index, int *fds, unsigned n);

void vfio_reset(struct vfio_user *v);

/* An eventfd that has been signalled within @ms? Takes the event. */
bool vfio_wait(int fd, int ms);

#endif
