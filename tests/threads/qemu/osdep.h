/*
 * What hw/arm/smmuv3-accel-lock.c takes from QEMU, for a program without QEMU.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_QEMU_OSDEP_H
#define TESTS_QEMU_OSDEP_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define BIT(n) (1ul << (n))

#endif
