/* SPDX-License-Identifier: MIT */
/* Content-Encodings: which of them leave a file as it is. */
#include "http-text.h"

#include "http/coding.h"

static void encodings(void **state)
{
	static const struct {
		const char *encoding, *name;
		bool keeps;
	} cases[] = {
		{NULL, "/file", true},
		{"", "/file", true},
		{"identity", "/file", true},
		{"Identity, , identity", "/file", true},
		{"none", "/file", true},
		{"UTF-8", "/file", true},
		{"binary", "/file", true},
		{"aws-chunked", "/file", true},
		{"iso-8859-1", "/file", true},
		{"gzip", "/file", false},
		{"GZip", "/file.tar", false},
		{"x-gzip", "/a.gz/file", false},
		{"br", "/file.gz", false},
		{"deflate", "/file", false},
		{"zstd", "/file.bin", false},
		{"identity, gzip", "/file", false},
		{"aws-chunked,gzip", "/file", false},
		{"dcb", "/file.dcb", false},
		{"gzip", "/file.gz", true},
		{"x-gzip", "/src.tar.gz", true},
		{"application/gzip", "/SRC.TGZ?signature=x.y", true},
		{"gzip", "/file?name=x.gz", false},
		{"gzip", "/.gz", true},
		{"gzip", ".gz", false},
		{"gzip", "", false},
		{"gzip", "gz", false},
		{"aws-chunked, gzip", "/file.gz", true},
		{"gzip, br", "/file.gz", false},
		{"zstd", "/file.tar.zst", true},
		{"x-compress", "/file.Z", true},
		{"x-bzip2", "/file.tar.bz2", true},
		{"xz", "/file.txz", true},
		{"br", "/file.js.br", true},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		if (http_coding_keeps(http_text_of(cases[i].encoding), cases[i].name) !=
		    cases[i].keeps)
			fail_msg("not %d: %s of %s", cases[i].keeps, cases[i].encoding,
				 cases[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(encodings)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
