/*
 * The command line, and which checks are made in which order.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <unistd.h>

#include "check.h"

typedef struct Options {
    char **devices, **bind, **try;
    gboolean force, json, report, version, help;
    char *root;                 /* hidden: for tests */
    int page_size;              /* hidden: for tests */
} Options;

/* GOptionEntry wants constant places. */
static Options given;

static const GOptionEntry options_entries[] = {
    { "bind", 0, 0, G_OPTION_ARG_STRING_ARRAY, &given.bind,
      "Give the device to vfio-pci", "DEVICE" },
    { "force", 0, 0, G_OPTION_ARG_NONE, &given.force,
      "With --bind: also if the device is in use", NULL },
    { "try", 0, 0, G_OPTION_ARG_STRING_ARRAY, &given.try,
      "Ask the kernel for all that a guest needs, and let go again", "DEVICE" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &given.json, "Print JSON", NULL },
    { "report", 0, 0, G_OPTION_ARG_NONE, &given.report,
      "Print what can be passed on: no address, no serial number", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &given.version, "Print the version",
      NULL },
    { "help", 'h', 0, G_OPTION_ARG_NONE, &given.help, "Print this", NULL },
    { "root", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &given.root,
      NULL, NULL },
    { "page-size", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_INT,
      &given.page_size, NULL, NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &given.devices,
      NULL, "[DEVICE...]" },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
};

static const char options_summary[] =
    "Says of this host, and of each DEVICE (0000:01:00.0), whether guests can"
    " have it\nbehind an accelerated SMMUv3. A line each: ok, no or cannot"
    " tell, what was seen,\nand what helps. Only --bind and --try change"
    " anything.";

static const char options_description[] =
    "Exit status:\n"
    "  0  all is ok\n"
    "  1  something is no\n"
    "  2  the command line is wrong\n"
    "  3  nothing is no, and something cannot be told\n";

static GOptionContext *options_context(void)
{
    GOptionContext *context = g_option_context_new(NULL);

    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_set_summary(context, options_summary);
    g_option_context_set_description(context, options_description);
    g_option_context_add_main_entries(context, options_entries, NULL);
    return context;
}

/* What is wrong with the words together; NULL: nothing */
static const char *options_wrong(void)
{
    if (given.json && given.report) {
        return "--json and --report exclude each other";
    }
    if (given.force && !given.bind) {
        return "--force is for --bind, which is not given";
    }
    if (given.page_size < 0 || (given.page_size & (given.page_size - 1))) {
        return "--page-size is no power of two";
    }
    return NULL;
}

/* Arguments are copied, because parsing takes those that it knows. */
static bool options_read(int argc, char **argv, FILE *out, FILE *err,
                         int *status)
{
    g_autoptr(GOptionContext) context = options_context();
    g_auto(GStrv) words = g_new0(char *, argc + 1);
    g_autoptr(GError) error = NULL;
    const char *wrong;

    for (int i = 0; i < argc; i++) {
        words[i] = g_strdup(argv[i]);
    }
    *status = CHECK_STATUS_USAGE;
    if (!g_option_context_parse_strv(context, &words, &error)) {
        fprintf(err, "smmuv3-accel-check: %s\n", error->message);
        return false;
    }
    wrong = options_wrong();
    if (wrong) {
        fprintf(err, "smmuv3-accel-check: %s\n", wrong);
        return false;
    }
    if (given.help) {
        g_autofree char *text = g_option_context_get_help(context, TRUE, NULL);

        fputs(text, out);
    } else if (given.version) {
        fputs("smmuv3-accel-check " CHECK_VERSION "\n", out);
    } else {
        return true;
    }
    *status = CHECK_STATUS_OK;
    return false;
}

/* Each device once, in the order of the command line */
static CheckDevice *options_device(Check *c, const char *address)
{
    CheckDevice *d = check_device_new(c, address);

    for (guint i = 0; i < c->devices->len; i++) {
        CheckDevice *other = g_ptr_array_index(c->devices, i);

        if (!strcmp(other->address, d->address)) {
            check_device_free(d);
            return other;
        }
    }
    g_ptr_array_add(c->devices, d);
    return d;
}

static void options_devices(Check *c)
{
    for (char **a = given.devices; a && *a; a++) {
        options_device(c, *a);
    }
    for (char **a = given.bind; a && *a; a++) {
        options_device(c, *a)->wants_bind = true;
    }
    for (char **a = given.try; a && *a; a++) {
        options_device(c, *a)->wants_try = true;
    }
}

/* A driver is looked at behind --bind, coherence behind --try. */
static void options_check_device(Check *c, CheckDevice *d)
{
    if (!check_device(c, d)) {
        return;
    }
    if (d->wants_bind) {
        check_bind(c, d);
    }
    check_device_driver(c, d);
    if (d->wants_try) {
        check_try(c, d);
    }
    check_coherence(c, d);
}

static void options_check(Check *c)
{
    check_kernel_look(c);
    if (!check_smmus(c)) {
        return;
    }
    check_kernel(c);
    check_rights(c);
    options_devices(c);
    if (!c->devices->len) {
        check_host_coherence(c);
    }
    for (guint i = 0; i < c->devices->len; i++) {
        options_check_device(c, g_ptr_array_index(c->devices, i));
    }
}

static int options_run(const CheckDoor *door, FILE *out)
{
    Check c = {
        .root = given.root ?: "",
        .page_size = given.page_size ?: sysconf(_SC_PAGESIZE),
        .force = given.force,
        .door = door,
        .ops = &smmuv3_iommufd_ops,
        .lines = g_ptr_array_new_with_free_func(check_line_free),
        .devices = g_ptr_array_new_with_free_func(check_device_free),
    };
    g_autofree char *text = NULL;
    int status;

    options_check(&c);
    text = given.report ? check_report(&c)
                        : given.json ? check_json(&c) : check_text(&c);
    fputs(text, out);
    status = check_status(&c);
    g_ptr_array_unref(c.lines);
    g_ptr_array_unref(c.smmus);
    g_ptr_array_unref(c.devices);
    g_free(c.release);
    g_free(c.log);
    return status;
}

static void options_forget(void)
{
    g_strfreev(given.devices);
    g_strfreev(given.bind);
    g_strfreev(given.try);
    g_free(given.root);
    given = (Options) { 0 };
}

int check_main(int argc, char **argv, const CheckDoor *door, FILE *out,
               FILE *err)
{
    int status;

    if (options_read(argc, argv, out, err, &status)) {
        status = options_run(door, out);
    }
    options_forget();
    return status;
}
