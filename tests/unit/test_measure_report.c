/* SPDX-License-Identifier: MIT */
/* The machine's facts, and how a report gets to its name. What the page shows: tests/e2e. */
#include "measure/facts.h"
#include "measure/report.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/var/tmp/sluice-report-XXXXXX";
static char file[64];

static int set_up(void **state)
{
	if (!mkdtemp(directory))
		return -1;
	snprintf(file, sizeof(file), "%s/report.html", directory);
	return 0;
}

static int tear_down(void **state)
{
	remove(file);
	return rmdir(directory); /* fails where something is left */
}

static unsigned files_here(void)
{
	DIR *dir = opendir(directory);
	unsigned count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

static char *content(void)
{
	FILE *in = fopen(file, "re");
	char *text = NULL;
	size_t size = 0;

	assert_non_null(in);
	assert_true(getdelim(&text, &size, '\0', in) > 0);
	fclose(in);
	return text;
}

static void test_facts(void **state)
{
	static const char *const names[] = {
		"time",   "kernel",       "architecture", "cpu",
		"cores",  "memory_bytes", "page_bytes",   "congestion_control",
		"folder", "file_system",  "device",
	};
	json_t *facts = measure_facts_json(directory);

	assert_int_equal(json_object_size(facts), sizeof(names) / sizeof(names[0]));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_non_null(json_object_get(facts, names[i]));
	assert_string_equal(json_string_value(json_object_get(facts, "folder")), directory);
	assert_true(json_is_string(json_object_get(facts, "file_system")));
	assert_int_equal(json_integer_value(json_object_get(facts, "page_bytes")),
			 sysconf(_SC_PAGESIZE));
	json_decref(facts);
}

static void test_facts_that_nobody_knows(void **state)
{
	json_t *facts = measure_facts_json(NULL);

	assert_true(json_is_null(json_object_get(facts, "folder")));
	assert_true(json_is_null(json_object_get(facts, "file_system")));
	assert_true(json_is_null(json_object_get(facts, "device")));
	json_decref(facts);
	facts = measure_facts_json("/no/such\xff");
	assert_string_equal(json_string_value(json_object_get(facts, "folder")), "/no/such\\xFF");
	assert_true(json_is_null(json_object_get(facts, "file_system")));
	json_decref(facts);
}

static void test_document_is_in_the_page(void **state)
{
	json_t *document = json_pack("{s:s}", "name", "</script><script>alert(1)</script><!--");
	struct sluice_error error;
	struct stat status;
	mode_t mask = umask(022);
	char *page;

	assert_int_equal(report_write(file, "bench", document, &error), 0);
	assert_int_equal(stat(file, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0644);
	assert_int_equal(files_here(), 1);
	page = content();
	assert_non_null(strstr(page, "data-kind=\"bench\">{\"name\":\"\\u003c/script>\\u003cscript>"
				     "alert(1)\\u003c/script>\\u003c!--\"}</script>"));
	assert_non_null(strstr(page, "</html>"));
	assert_null(strstr(page, "@"
				 "DOCUMENT@"));
	free(page);
	json_decref(document);
	umask(mask);
}

static void test_existing_report_is_replaced(void **state)
{
	json_t *document = json_pack("{s:i}", "second", 2);
	struct sluice_error error;
	char *page;

	assert_int_equal(report_check(file, &error), 0);
	assert_int_equal(report_write(file, "media", document, &error), 0);
	assert_int_equal(files_here(), 1);
	page = content();
	assert_non_null(strstr(page, "data-kind=\"media\">{\"second\":2}</script>"));
	free(page);
	json_decref(document);
}

static void test_what_cannot_be_written(void **state)
{
	static const struct {
		const char *file;
		int code;
	} rows[] = {
		{"/dev/null", EINVAL},
		{"/var/tmp", EINVAL},
		{"/no/such/directory/report.html", ENOENT},
		{"", EINVAL},
	};
	json_t *document = json_object();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sluice_error error = {0};

		assert_int_equal(report_check(rows[i].file, &error), -rows[i].code);
		assert_int_equal(report_write(rows[i].file, "media", document, &error),
				 -rows[i].code);
		assert_non_null(strstr(error.text, rows[i].file));
	}
	json_decref(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_facts_that_nobody_knows),
		cmocka_unit_test(test_document_is_in_the_page),
		cmocka_unit_test(test_existing_report_is_replaced),
		cmocka_unit_test(test_what_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
