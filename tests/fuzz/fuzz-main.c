/*
 * Replays a corpus where there is no libFuzzer.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fuzz-TARGET FILE|DIRECTORY...: each file is an input, in the order of names.
 * Prints TAP. An input that is found wanting ends the program.
 */
#include <stdio.h>

#include "fuzz.h"

static int compare(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add(GPtrArray *files, const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    const char *name;

    if (!dir) {
        g_ptr_array_add(files, g_strdup(path));
        return;
    }
    while ((name = g_dir_read_name(dir))) {
        g_ptr_array_add(files, g_build_filename(path, name, NULL));
    }
    g_dir_close(dir);
}

static bool replay(const char *path)
{
    g_autofree char *data = NULL;
    gsize size;

    if (!g_file_get_contents(path, &data, &size, NULL)) {
        return false;
    }
    return LLVMFuzzerTestOneInput((const uint8_t *)data, size) == 0;
}

int main(int argc, char **argv)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    int failed = 0;

    for (int i = 1; i < argc; i++) {
        add(files, argv[i]);
    }
    g_ptr_array_sort(files, compare);
    printf("1..%u\n", files->len);
    for (guint i = 0; i < files->len; i++) {
        const char *path = g_ptr_array_index(files, i);
        g_autofree char *name = g_path_get_basename(path);
        bool ok = replay(path);

        failed |= !ok;
        printf("%s %u %s\n", ok ? "ok" : "not ok", i + 1, name);
        fflush(stdout);
    }
    return failed;
}
