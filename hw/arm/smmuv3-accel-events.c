/*
 * arm-smmuv3,accel=on: the host's events, and watching their descriptor.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The engine reads the events and writes the guest's event queue. Events of
 * emulated endpoints are in smmuv3-accel-emul.c.
 */
#include "qemu/osdep.h"
#include <sys/epoll.h>
#include "qemu/error-report.h"
#include "qemu/main-loop.h"

#include "smmuv3-accel.h"

static void accel_events_readable(void *opaque)
{
    SMMUv3Accel *a = opaque;

    if (smmuv3_accel_enter(a)) {
        smmuv3_engine_host_events(a->engine);
        smmuv3_accel_release(a);
    }
}

/* Warns once, because a guest can repeat what fails. */
void smmuv3_accel_events_failed(void *accel, int err)
{
    SMMUv3Accel *a = accel;

    if (!a->events.failure_told) {
        a->events.failure_told = true;
        warn_report("%s: the host's kernel cannot tell of translation faults"
                    " (%s), so the guest will not see them; Linux 6.15 or"
                    " newer can", a->name, strerror(-err));
    }
}

/*
 * A thread that polls a descriptor keeps its file open until poll() returns.
 * The main loop sleeps in poll() while a vCPU unplugs the last device, so the
 * host's queue could not be destroyed (EBUSY), and the vIOMMU would stay. An
 * epoll descriptor between them lets go of the queue at once.
 */
static int accel_events_poll_through(int fd)
{
    struct epoll_event readable = { .events = EPOLLIN };
    int ep = epoll_create1(EPOLL_CLOEXEC);

    if (ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &readable) < 0) {
        close(ep);
        ep = -1;
    }
    return ep;
}

void smmuv3_accel_events_listen(SMMUv3Accel *a, bool on)
{
    if (a->events.poll >= 0) {
        qemu_set_fd_handler(a->events.poll, on ? accel_events_readable : NULL,
                            NULL, a);
    }
}

void smmuv3_accel_events_watch(void *accel, int fd)
{
    SMMUv3Accel *a = accel;

    if (a->events.poll >= 0) {
        smmuv3_accel_events_listen(a, false);
        epoll_ctl(a->events.poll, EPOLL_CTL_DEL, a->events.fd, NULL);
        close(a->events.poll);
    }
    a->events.fd = fd;
    a->events.poll = fd >= 0 ? accel_events_poll_through(fd) : -1;
    if (a->events.poll >= 0) {
        smmuv3_accel_events_listen(a, a->running);
    } else if (fd >= 0) {
        smmuv3_accel_events_failed(a, -errno);
    }
}

void smmuv3_accel_events_init(SMMUv3Accel *a)
{
    a->events.fd = -1;
    a->events.poll = -1;
}
