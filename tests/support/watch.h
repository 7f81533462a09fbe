/*
 * Watches where each device is attached, at every moment between two calls.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A test says beforehand which translation is right for a device from now on;
 * until watch_settle() the one that was right before may still be there. At no
 * time may there be a third: aborting and blocked always may, and where the
 * kernel refuses even to detach, the device stays where it was. A strict watch
 * is for tests in which nothing fails: aborting needs to be right, too.
 *
 * A translation is named by word 0 of the STE of the HWPT. WATCH_PARENT is
 * stage 2 alone: a device that the engine does not have, or all while SMMUEN=0.
 * The parent is also bypass, and detached also abort, as the device sees it.
 */
#ifndef TESTS_WATCH_H
#define TESTS_WATCH_H

#include "scene.h"

#define WATCH_ABORT ABORT_STE
#define WATCH_BYPASS BYPASS_STE
#define WATCH_PARENT UINT64_C(0)

typedef struct Watch {
    Scene *scene;
    unsigned n;                     /* devices of the scene */
    bool strict;                    /* aborting is no better than others */
    uint64_t was[SCENE_MAX];
    uint64_t right[SCENE_MAX];
    SMMUv3HostId stuck[SCENE_MAX];  /* a detach from it failed; 0: none did */
} Watch;

/* No device is in the engine yet. Takes the fake host's watch(). */
void watch_init(Watch *w, Scene *s, unsigned n);

void watch_expect(Watch *w, unsigned i, uint64_t ste0);

/* Only what is right now may be there from here on. */
void watch_settle(Watch *w);

/*
 * What the guest's registers and stream table (a linear one) make of device
 * @i now, if it is in the engine and no other has its number.
 */
uint64_t watch_guest_wants(const Watch *w, unsigned i);

/* Aborting, blocked, or where the kernel holds it. */
bool watch_harmless(const Watch *w, unsigned i);

/* On the translation that is right. */
bool watch_right(const Watch *w, unsigned i);

/* What the engine says of its device is what the host has. */
void watch_assert_told_truth(const Watch *w, unsigned i);

#endif
