/*
 * Replays a corpus where there is no libFuzzer.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fuzz-TARGET FILE|DIRECTORY...: each file is an input, in the order of names.
 * Prints TAP, a result for each argument. An input that is found wanting ends
 * the program, and was named before; a directory without inputs fails.
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

static void replay(const char *path)
{
    g_autofree char *data = NULL;
    gsize size;

    if (!g_file_get_contents(path, &data, &size, NULL)) {
        g_error("cannot read %s", path);
    }
    printf("# %s\n", path);
    LLVMFuzzerTestOneInput((const uint8_t *)data, size);
}

int main(int argc, char **argv)
{
    int failed = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("1..%d\n", argc - 1);
    for (int i = 1; i < argc; i++) {
        g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);

        add(files, argv[i]);
        g_ptr_array_sort(files, compare);
        for (guint k = 0; k < files->len; k++) {
            replay(g_ptr_array_index(files, k));
        }
        failed |= !files->len;
        printf("%s %d %u inputs\n", files->len ? "ok" : "not ok", i,
               files->len);
    }
    return failed;
}
