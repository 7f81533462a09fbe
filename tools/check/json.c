/*
 * A writer of JSON (RFC 8259): objects, arrays, strings, numbers, null.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Text that is no UTF-8 (a name in sysfs may be anything) is made so.
 */
#include "check.h"

static void json_quote(GString *text, const char *value)
{
    g_autofree char *valid = g_utf8_make_valid(value, -1);

    g_string_append_c(text, '"');
    for (const char *p = valid; *p; p++) {
        if (*p == '"' || *p == '\\') {
            g_string_append_c(text, '\\');
            g_string_append_c(text, *p);
        } else if ((unsigned char)*p < 0x20) {
            g_string_append_printf(text, "\\u%04x", (unsigned char)*p);
        } else {
            g_string_append_c(text, *p);
        }
    }
    g_string_append_c(text, '"');
}

/* What stands before a value: a comma but for the first one, and its key. */
static void json_begin(CheckJson *j, const char *key)
{
    if (j->comma) {
        g_string_append(j->text, ", ");
    }
    j->comma = true;
    if (key) {
        json_quote(j->text, key);
        g_string_append(j->text, ": ");
    }
}

void check_json_open(CheckJson *j, const char *key, char bracket)
{
    json_begin(j, key);
    g_string_append_c(j->text, bracket);
    j->comma = false;
}

void check_json_close(CheckJson *j, char bracket)
{
    g_string_append_c(j->text, bracket);
    j->comma = true;
}

void check_json_string(CheckJson *j, const char *key, const char *value)
{
    json_begin(j, key);
    if (value) {
        json_quote(j->text, value);
    } else {
        g_string_append(j->text, "null");
    }
}

void check_json_number(CheckJson *j, const char *key, uint64_t value)
{
    json_begin(j, key);
    g_string_append_printf(j->text, "%" G_GUINT64_FORMAT, (guint64)value);
}
