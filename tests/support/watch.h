/*
 * Watches where each device is attached, at every moment between two calls.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A test says beforehand which translation is right for a device from now on.
 * Until watch_settle() the translation that was right before is allowed as
 * well. No third one is, except that a device may abort, be blocked, or stay
 * where it was if the kernel refuses even to detach it. In a strict watch, for
 * tests in which nothing fails, a device may not abort unless that is right.
 *
 * A translation is named by word 0 of the STE of the HWPT. WATCH_PARENT is
 * stage 2 alone, for a device that the engine does not have, and for all while
 * SMMUEN=0. The parent counts as bypass, too, and detached as abort, because
 * the device sees no difference.
 */
#ifndef TESTS_WATCH_H
#define TESTS_WATCH_H

#include "scene.h"

#define WATCH_ABORT ABORT_STE
#define WATCH_BYPASS BYPASS_STE
#define WATCH_PARENT UINT64_C(0)

typedef struct Watch {
    Scene *scene;
    unsigned n;                     /* how many devices of the scene */
    bool strict;                    /* aborting is allowed only if right */
    uint64_t was[SCENE_MAX];        /* allowed until watch_settle() */
    uint64_t right[SCENE_MAX];
    SMMUv3HostId stuck[SCENE_MAX];  /* HWPT whose detach failed; 0: none */
} Watch;

/* Sets the fake host's watch(). No device is in the engine yet. */
void watch_init(Watch *w, Scene *s, unsigned n);

void watch_expect(Watch *w, unsigned i, uint64_t ste0);

/* Allows only the right translation from here on. */
void watch_settle(Watch *w);

/*
 * The translation of device @i by the guest's registers and stream table (a
 * linear one) now, if it is in the engine and no other device has its vSID.
 */
uint64_t watch_guest_wants(const Watch *w, unsigned i);

/* Does device @i abort, or is it blocked, or where the kernel holds it? */
bool watch_harmless(const Watch *w, unsigned i);

/* Is device @i on the right translation? */
bool watch_right(const Watch *w, unsigned i);

/* Asserts that the engine's device info is what the host has. */
void watch_assert_told_truth(const Watch *w, unsigned i);

#endif
