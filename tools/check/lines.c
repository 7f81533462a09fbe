/*
 * The lines that a run collects.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "check.h"

static void lines_add(Check *c, const CheckDevice *about, const char *name,
                      CheckVerdict verdict, const char *remedy, char *seen)
{
    CheckLine *line = g_new(CheckLine, 1);

    *line = (CheckLine) {
        .about = g_strdup(about ? about->address : "host"),
        .name = name,
        .verdict = verdict,
        .seen = seen,
        .remedy = g_strdup(remedy),
    };
    g_ptr_array_add(c->lines, line);
}

void check_ok(Check *c, const CheckDevice *about, const char *name,
              const char *seen, ...)
{
    va_list ap;

    va_start(ap, seen);
    lines_add(c, about, name, CHECK_OK, NULL, g_strdup_vprintf(seen, ap));
    va_end(ap);
}

void check_no(Check *c, const CheckDevice *about, const char *name,
              const char *remedy, const char *seen, ...)
{
    va_list ap;

    va_start(ap, seen);
    lines_add(c, about, name, CHECK_NO, remedy, g_strdup_vprintf(seen, ap));
    va_end(ap);
}

void check_unknown(Check *c, const CheckDevice *about, const char *name,
                   const char *remedy, const char *seen, ...)
{
    va_list ap;

    va_start(ap, seen);
    lines_add(c, about, name, CHECK_UNKNOWN, remedy,
              g_strdup_vprintf(seen, ap));
    va_end(ap);
}

void check_line_free(gpointer line)
{
    CheckLine *l = line;

    g_free(l->about);
    g_free(l->seen);
    g_free(l->remedy);
    g_free(l);
}
