/*
 * The command line, JSON, and the report, which has no address in it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "tree.h"

#define DEV TREE_DEVICE

/* A reader that tells no more than whether text is JSON; NULL: it is not */
static const char *json_value(const char *at);

static const char *json_blank(const char *at)
{
    return at ? at + strspn(at, " \n\t\r") : NULL;
}

static const char *json_string(const char *at)
{
    if (*at++ != '"') {
        return NULL;
    }
    while (*at != '"') {
        if ((unsigned char)*at < 0x20) {
            return NULL;
        }
        if (*at == '\\' && !strchr("\"\\/bfnrtu", *++at)) {
            return NULL;
        }
        at++;
    }
    return at + 1;
}

static const char *json_members(const char *at, char closing)
{
    at = json_blank(at + 1);
    while (at && *at != closing) {
        if (closing == '}') {
            at = json_blank(json_string(at));
            if (!at || *at++ != ':') {
                return NULL;
            }
        }
        at = json_blank(json_value(at));
        if (at && *at == ',') {
            at = json_blank(at + 1);
            if (*at == closing) {
                return NULL;
            }
        } else if (at && *at != closing) {
            return NULL;
        }
    }
    return at ? at + 1 : NULL;
}

static const char *json_value(const char *at)
{
    at = json_blank(at);
    switch (*at) {
    case '{':
        return json_members(at, '}');
    case '[':
        return json_members(at, ']');
    case '"':
        return json_string(at);
    case 'n':
        return g_str_has_prefix(at, "null") ? at + 4 : NULL;
    default:
        return strspn(at, "0123456789") ? at + strspn(at, "0123456789") : NULL;
    }
}

static void assert_json(const char *text)
{
    const char *end = json_blank(json_value(text));

    g_assert_true(g_utf8_validate(text, -1, NULL));
    if (!end || *end) {
        g_error("this is no JSON: %s", text);
    }
}

static void assert_has(const char *part)
{
    if (!strstr(tree_output(), part)) {
        g_error("there is no \"%s\" in: %s", part, tree_output());
    }
}

static void test_json(void)
{
    tree_begin();
    g_assert_cmpint(tree_run("--json", DEV, NULL), ==, CHECK_STATUS_OK);
    assert_json(tree_output());
    assert_has("\"verdict\": \"ok\", \"status\": 0, \"kernel\":"
               " \"6.19.0-test\"");
    assert_has("{\"about\": \"" DEV "\", \"check\": \"group\", \"verdict\":"
               " \"ok\", \"seen\": \"alone in IOMMU group 7\", \"remedy\":"
               " null}");
    tree_remove("/dev/iommu");
    g_assert_cmpint(tree_run("--json", NULL), ==, CHECK_STATUS_NO);
    assert_json(tree_output());
    assert_has("\"verdict\": \"no\", \"status\": 1");
    assert_has("\"remedy\": \"modprobe iommufd\"");
    tree_end();
}

/* Quotes, what is no UTF-8, and what is below a blank */
static void test_json_odd(void)
{
    tree_begin();
    tree_write("/proc/sys/kernel/osrelease", "6.19 \"a\\b\"\x01\xff");
    tree_run("--json", NULL);
    assert_json(tree_output());
    assert_has("6.19 \\\"a\\\\b\\\"\\u0001");
    tree_end();
}

/* Each answer, empty tables included, is JSON. */
static void test_json_empty(void)
{
    CheckJson j = { .text = g_string_new(NULL) };

    check_json_open(&j, NULL, '{');
    check_json_open(&j, "a", '[');
    check_json_close(&j, ']');
    check_json_open(&j, "b", '{');
    check_json_close(&j, '}');
    check_json_number(&j, "c", UINT64_MAX);
    check_json_string(&j, "d", NULL);
    check_json_close(&j, '}');
    assert_json(j.text->str);
    g_assert_cmpstr(j.text->str, ==, "{\"a\": [], \"b\": {}, \"c\":"
                    " 18446744073709551615, \"d\": null}");
    g_string_free(j.text, TRUE);
}

/* What names a place, a machine or a person */
static const char *const private_patterns[] = {
    "[0-9a-f]{2,4}:[0-9a-f]{2}\\.[0-7]",        /* a PCI address */
    "([0-9a-f]{2}:){5}[0-9a-f]{2}",             /* a MAC */
    "smmu3\\.",                                 /* an SMMU's address */
    "0x[0-9a-f]{9,}",                           /* any other one */
    "[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+",        /* of IPv4 */
    "nvme0|eth0|SERIAL|somebody|/data",
    "/dev/|/sys/|/proc/|/boot/",
};

static void assert_private(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(private_patterns); i++) {
        if (g_regex_match_simple(private_patterns[i], tree_output(),
                                 G_REGEX_CASELESS, 0)) {
            g_error("%s is in the report:\n%s", private_patterns[i],
                    tree_output());
        }
    }
}

/* A host on which the lines themselves name all of it */
static void test_report(void)
{
    tree_begin();
    tree_write("/proc/sys/kernel/osrelease", "6.19.3-somebody-laptop\n");
    tree_link("/sys/class/block/nvme0n1", "../../devices/pci0000:00/"
              "0000:00:01.0/" DEV "/nvme/nvme0/nvme0n1");
    tree_write(TREE_SYSFS "/nvme/nvme0/nvme0n1/dev", "259:0\n");
    tree_write(TREE_SYSFS "/nvme/nvme0/serial", "SERIAL\n");
    tree_write("/proc/self/mountinfo", "9 1 259:0 / /data rw - ext4 x rw\n");
    tree_write("/sys/kernel/iommu_groups/7/devices/0000:01:00.1", "");
    g_assert_cmpint(tree_run("--report", DEV, "0000:09:00.0", NULL), ==,
                    CHECK_STATUS_NO);
    assert_private();
    assert_has("kernel: Linux 6.19.3\n");
    assert_has("SMMU 1: features 0x008c8f0d\n");
    assert_has("device 1: 1b36:0010, class 010802\n");
    assert_has("result: device 1 use: no\n");
    assert_has("result: device 2 device: no\n");
    assert_has("result: host kernel: ok\n");
    /* and the pattern is one that the lines would not pass */
    tree_run(DEV, NULL);
    for (unsigned i = 0; i < 1; i++) {
        g_assert_true(g_regex_match_simple(private_patterns[i], tree_output(),
                                           G_REGEX_CASELESS, 0));
    }
    tree_end();
}

static void assert_usage(const char *says)
{
    g_assert_cmpstr(tree_output(), ==, "");
    g_assert_nonnull(strstr(tree_errors(), says));
}

static void test_usage(void)
{
    tree_begin();
    g_assert_cmpint(tree_run("--nonsense", NULL), ==, CHECK_STATUS_USAGE);
    assert_usage("--nonsense");
    g_assert_cmpint(tree_run("--bind", NULL), ==, CHECK_STATUS_USAGE);
    assert_usage("--bind");
    g_assert_cmpint(tree_run("--json", "--report", NULL), ==,
                    CHECK_STATUS_USAGE);
    assert_usage("exclude each other");
    g_assert_cmpint(tree_run("--force", NULL), ==, CHECK_STATUS_USAGE);
    assert_usage("--force is for --bind");
    g_assert_cmpint(tree_run("--page-size", "3", NULL), ==, CHECK_STATUS_USAGE);
    assert_usage("power of two");
    tree_end();
}

static void test_help(void)
{
    tree_begin();
    g_assert_cmpint(tree_run("--help", NULL), ==, CHECK_STATUS_OK);
    assert_has("--try=DEVICE");
    assert_has("3  nothing is no");
    g_assert_null(strstr(tree_output(), "--root"));
    g_assert_cmpint(tree_run("--version", NULL), ==, CHECK_STATUS_OK);
    assert_has("smmuv3-accel-check ");
    tree_end();
}

/* What the page shows is what a run prints. */
static void test_page(void)
{
    g_autofree char *page = NULL, *block = NULL;

    g_assert_true(g_file_get_contents(CHECK_PAGE, &page, NULL, NULL));
    tree_begin();
    g_assert_cmpint(tree_run(DEV, NULL), ==, CHECK_STATUS_OK);
    block = g_strdup_printf("```text\n%s```\n", tree_output());
    if (!strstr(page, block)) {
        g_error("docs/check.md does not show:\n%s", tree_output());
    }
    tree_end();
}

/* One line each, whatever is in a file */
static void test_text(void)
{
    tree_begin();
    tree_write(TREE_SYSFS "/class", "0x010802\nno: second\n");
    g_assert_cmpint(tree_run(DEV, NULL), ==, CHECK_STATUS_OK);
    tree_assert_line(DEV, "device", CHECK_OK, "0x010802 no: second");
    tree_end();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/check/output/json", test_json);
    g_test_add_func("/check/output/json-odd", test_json_odd);
    g_test_add_func("/check/output/json-empty", test_json_empty);
    g_test_add_func("/check/output/report", test_report);
    g_test_add_func("/check/output/usage", test_usage);
    g_test_add_func("/check/output/help", test_help);
    g_test_add_func("/check/output/text", test_text);
    g_test_add_func("/check/output/page", test_page);
    return g_test_run();
}
