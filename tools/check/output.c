/*
 * The lines as text and as JSON, and the exit status that follows from them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "check.h"


const char *check_verdict_name(CheckVerdict verdict)
{
    static const char *const names[] = { "ok", "cannot tell", "no" };

    return names[verdict];
}

static CheckVerdict output_worst(const Check *c)
{
    CheckVerdict worst = CHECK_OK;

    for (guint i = 0; i < c->lines->len; i++) {
        const CheckLine *l = g_ptr_array_index(c->lines, i);

        worst = MAX(worst, l->verdict);
    }
    return worst;
}

int check_status(const Check *c)
{
    switch (output_worst(c)) {
    case CHECK_NO:
        return CHECK_STATUS_NO;
    case CHECK_UNKNOWN:
        return CHECK_STATUS_UNKNOWN;
    default:
        return CHECK_STATUS_OK;
    }
}

/* One line each, also if a file had several in it */
static void output_flat(GString *text, const char *s)
{
    for (; *s; s++) {
        g_string_append_c(text, (unsigned char)*s < 0x20 ? ' ' : *s);
    }
}

char *check_text(const Check *c)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < c->lines->len; i++) {
        const CheckLine *l = g_ptr_array_index(c->lines, i);

        g_string_append_printf(text, "%-11s  %s %s: ",
                               check_verdict_name(l->verdict), l->about,
                               l->name);
        output_flat(text, l->seen);
        if (l->remedy) {
            g_string_append(text, "; ");
            output_flat(text, l->remedy);
        }
        g_string_append_c(text, '\n');
    }
    return g_string_free(text, FALSE);
}

char *check_json(const Check *c)
{
    CheckJson j = { .text = g_string_new(NULL) };

    check_json_open(&j, NULL, '{');
    check_json_string(&j, "program", "smmuv3-accel-check");
    check_json_string(&j, "version", CHECK_VERSION);
    check_json_string(&j, "verdict", check_verdict_name(output_worst(c)));
    check_json_number(&j, "status", check_status(c));
    check_json_string(&j, "kernel", c->release);
    check_json_open(&j, "lines", '[');
    for (guint i = 0; i < c->lines->len; i++) {
        const CheckLine *l = g_ptr_array_index(c->lines, i);

        check_json_open(&j, NULL, '{');
        check_json_string(&j, "about", l->about);
        check_json_string(&j, "check", l->name);
        check_json_string(&j, "verdict", check_verdict_name(l->verdict));
        check_json_string(&j, "seen", l->seen);
        check_json_string(&j, "remedy", l->remedy);
        check_json_close(&j, '}');
    }
    check_json_close(&j, ']');
    check_json_close(&j, '}');
    g_string_append_c(j.text, '\n');
    return g_string_free(j.text, FALSE);
}
