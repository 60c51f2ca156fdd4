/* SPDX-License-Identifier: MIT */
/* Names of files that a server suggests (RFC 6266): which are taken, and which are not. */
#include "http-text.h"

#include "http/filename.h"

static void test_dispositions(void **state)
{
	static const struct {
		const char *field, *name; /* NULL: it has none of use */
	} cases[] = {
		{"attachment; filename=\"a b.iso\"", "a b.iso"},
		{"attachment;filename=a.iso", "a.iso"},
		{"ATTACHMENT; FILENAME = \"a.iso\" ", "a.iso"},
		{"inline; filename=a b.iso; x=y", "a b.iso"},
		{"; filename=a", "a"},
		{"attachment; x=\"; filename=b\"; filename=a", "a"},
		{"attachment; x; filename=a", "a"},
		{"attachment; filename=\"a;b\\\"c\\\\d\"", "a;b\"c\\d"},
		{"attachment; filename=\"a\"b; filename*=UTF-8''c", "c"},
		{"attachment; filename=\"never closed", "never closed"},
		{"attachment; filename=first; filename=second", "first"},
		/* RFC 8187 */
		{"attachment; filename=a; filename*=UTF-8''%e2%82%ac%20x", "\xe2\x82\xac x"},
		{"attachment; filename*=utf-8'en'x; filename=a", "x"},
		{"attachment; filename*=iso-8859-1''%e4%41", "\xc3\xa4"
							     "A"},
		{"attachment; filename*=\"UTF-8''quoted\"", "quoted"},
		{"attachment; filename=a; filename*=EBCDIC''b", "a"},
		{"attachment; filename=a; filename*=UTF-8''%zz", "a"},
		{"attachment; filename=a; filename*=UTF-8b", "a"},
		{"attachment; filename=a; filename*=UTF-8''%2fetc", "a"},
		{"attachment; filename=\"a%20b\"", "a%20b"},
		{"attachment; filename=\"\xc3\xa4\"", "\xc3\xa4"},
		/* Of no use */
		{NULL, NULL},
		{"", NULL},
		{"attachment", NULL},
		{"attachment; filename", NULL},
		{"attachment; filename=", NULL},
		{"attachment; filename=\"\"", NULL},
		{"attachment; filename=\" \"", NULL},
		{"attachment; xfilename=a", NULL},
		{"attachment; filename=../a", NULL},
		{"attachment; filename=\"/etc/passwd\"", NULL},
		{"attachment; filename=\"a/\"", NULL},
		{"attachment; filename=.", NULL},
		{"attachment; filename=..", NULL},
		{"attachment; filename=.profile", NULL},
		{"attachment; filename=\"a\tb\"", NULL},
		{"attachment; filename=\"a\x1b[2J\"", NULL},
		{"attachment; filename*=UTF-8''a%00b", NULL},
		{"attachment; filename*=UTF-8''a%0ab", NULL},
		{"attachment; filename*=UTF-8''%2e%2e", NULL},
		{"attachment; filename*=UTF-8''", NULL},
		{"filename=a", NULL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t length = cases[i].field ? strlen(cases[i].field) : 0;
		char name[HTTP_FILENAME] = "", *field = NULL;
		bool is;

		if (cases[i].field)
			field = exact_copy(cases[i].field, length);
		is = http_filename_of_disposition((struct http_text){field, length}, name);
		free(field);
		if (is != !!cases[i].name || (is && strcmp(name, cases[i].name)))
			fail_msg("%s: %s", cases[i].field, is ? name : "none");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dispositions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
