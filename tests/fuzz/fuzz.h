/*
 * What the fuzz targets share: an input that is taken apart byte by byte, and
 * scenes whose features the input chooses.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A target is one file with LLVMFuzzerTestOneInput(): it makes what it needs,
 * asserts, and leaves nothing behind. It goes through the public headers, on
 * the fake host and the fake guest. With libFuzzer it is a fuzzer (make fuzz);
 * with fuzz-main.c it replays its corpus, in check-fast.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include "scene.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct FuzzInput {
    const uint8_t *data;
    size_t left;
} FuzzInput;

/* The next @bytes (at most 8) bytes, little-endian; zeros behind the end. */
uint64_t fuzz_take(FuzzInput *in, unsigned bytes);

/* The next byte, modulo @n. */
unsigned fuzz_below(FuzzInput *in, unsigned n);

/* A scene with features as the next bytes say; @idr becomes the guest's. */
void fuzz_scene_init(Scene *s, FuzzInput *in, uint32_t idr[6]);

/*
 * Lets a host call, or a block of commands, fail; once. Never a destroy or a
 * detach: nothing could be clean afterwards.
 */
void fuzz_inject(Scene *s, FuzzInput *in);

/* Nothing is to fail any more. */
void fuzz_heal(Scene *s);

/* Plugs the device that the next byte names, or takes it away. */
void fuzz_plug(Scene *s, FuzzInput *in);

/*
 * What holds after each call of the engine: the kernel's rules were kept, and
 * each device is attached to what the engine says it is.
 */
void fuzz_check_scene(const Scene *s);

#endif
