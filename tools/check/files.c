/*
 * Files of the host: sysfs, proc and dev, below a root that a test moves.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

static char *files_path(const Check *c, const char *path, va_list ap)
{
    g_autofree char *below = g_strdup_vprintf(path, ap);

    return g_strconcat(c->root, below, NULL);
}

char *check_path(const Check *c, const char *path, ...)
{
    va_list ap;
    char *whole;

    va_start(ap, path);
    whole = files_path(c, path, ap);
    va_end(ap);
    return whole;
}

/* read() until the end; files of sysfs and proc do not know their size. */
static GString *files_read(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    GString *text;
    char buf[4096];
    ssize_t n;

    if (fd < 0) {
        return NULL;
    }
    text = g_string_new(NULL);
    while ((n = read(fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR)) {
        g_string_append_len(text, buf, MAX(n, 0));
    }
    if (n < 0) {
        int err = errno;

        g_string_free(text, TRUE);
        text = NULL;
        errno = err;
    }
    close(fd);
    return text;
}

char *check_read(const Check *c, const char *path, ...)
{
    g_autofree char *whole = NULL;
    GString *text;
    va_list ap;

    va_start(ap, path);
    whole = files_path(c, path, ap);
    va_end(ap);
    text = files_read(whole);
    return text ? g_strstrip(g_string_free(text, FALSE)) : NULL;
}

bool check_read_bytes(const Check *c, const char *path, char **data,
                      size_t *size)
{
    g_autofree char *whole = check_path(c, "%s", path);
    GString *text = files_read(whole);

    if (!text) {
        return false;
    }
    *size = text->len;
    *data = g_string_free(text, FALSE);
    return true;
}

bool check_exists(const Check *c, const char *path, ...)
{
    g_autofree char *whole = NULL;
    va_list ap;

    va_start(ap, path);
    whole = files_path(c, path, ap);
    va_end(ap);
    return access(whole, F_OK) == 0;
}

char *check_link(const Check *c, const char *path, ...)
{
    g_autofree char *whole = NULL, *to = NULL;
    va_list ap;

    va_start(ap, path);
    whole = files_path(c, path, ap);
    va_end(ap);
    to = g_file_read_link(whole, NULL);
    return to ? g_path_get_basename(to) : NULL;
}

static gint files_by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

GPtrArray *check_names(const Check *c, const char *path, ...)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *whole = NULL;
    const char *name;
    va_list ap;
    GDir *dir;

    va_start(ap, path);
    whole = files_path(c, path, ap);
    va_end(ap);
    dir = g_dir_open(whole, 0, NULL);
    while (dir && (name = g_dir_read_name(dir))) {
        g_ptr_array_add(names, g_strdup(name));
    }
    g_clear_pointer(&dir, g_dir_close);
    g_ptr_array_sort(names, files_by_name);
    return names;
}

bool check_is_below(const char *inner, const char *outer)
{
    char *real = realpath(inner, NULL);
    size_t n = strlen(outer);
    bool below = real && !strncmp(real, outer, n) &&
                 (real[n] == '/' || !real[n]);

    free(real);
    return below;
}

/* One write(), because a file of sysfs takes each as a whole. */
static int files_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n;
    int err;

    if (fd < 0) {
        return -errno;
    }
    do {
        n = write(fd, text, strlen(text));
    } while (n < 0 && errno == EINTR);
    err = n < 0 ? errno : 0;
    close(fd);
    return -err;
}

/* Who mounts a disk, or builds on it, has it for itself alone (O_EXCL). */
static bool files_is_claimed(const char *path)
{
    int fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);
    bool busy = fd < 0 && errno == EBUSY;

    if (fd >= 0) {
        close(fd);
    }
    return busy;
}

static bool files_may_open(const char *path)
{
    return access(path, R_OK | W_OK) == 0;
}

const CheckDoor check_door = {
    .write = files_write,
    .is_claimed = files_is_claimed,
    .may_open = files_may_open,
};
