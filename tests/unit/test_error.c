/* SPDX-License-Identifier: MIT */
/*
 * Errors' sentences: whole, or cut where it does not hurt. error.c is compiled into this test with
 * the POSIX form of strerror_r, which musl has; every other test runs with this system's own.
 */
#include <string.h>

int __xpg_strerror_r(int code, char *place, size_t size);

#ifdef __GLIBC__
#define strerror_r __xpg_strerror_r
#endif
#include "../../src/base/error.c"
#undef strerror_r

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

static void the_system_s_words_are_whole(void **state)
{
	struct sluice_error error;
	char words[ERROR_WORDS];

	assert_string_equal(error_words(ENOSPC, words), "No space left on device");
	assert_non_null(strstr(error_words(123456, words), "123456"));
	assert_int_equal(error_set_errno(&error, EACCES, "opening %s", "x"), -EACCES);
	assert_string_equal(error.text, "opening x: Permission denied");
	assert_int_equal(error.code, EACCES);
	assert_int_equal(error_set_errno(NULL, EACCES, "opening"), -EACCES);
}

static void its_kind_follows_from_errno_or_is_told(void **state)
{
	struct sluice_error error;

	memset(&error, 0x55, sizeof(error));
	error_set(&error, ENOSPC, "writing");
	assert_int_equal(error.kind, SLUICE_ERROR_SPACE);
	assert_int_equal(error.http_status, 0);
	error_set_errno(&error, ECONNRESET, "reading");
	assert_int_equal(error.kind, SLUICE_ERROR_NETWORK);
	error_set(&error, ENOMEM, "buffer");
	assert_int_equal(error.kind, SLUICE_ERROR_SYSTEM);
	assert_int_equal(error_as_http(&error, 401, error_set(&error, EPROTO, "refused")), -EPROTO);
	error_append(&error, ", twice");
	assert_int_equal(error.kind, SLUICE_ERROR_HTTP);
	assert_int_equal(error.http_status, 401);
	assert_int_equal(error.code, EPROTO);
	assert_string_equal(error.text, "refused, twice");
	assert_int_equal(error_as_http(NULL, 401, -EPROTO), -EPROTO);
}

static char *long_name(char byte, size_t length)
{
	char *name = malloc(length + 1);

	assert_non_null(name);
	memset(name, byte, length);
	name[length] = '\0';
	return name;
}

static void a_long_name_loses_its_middle(void **state)
{
	struct sluice_error error;
	char *name = long_name('n', 8000), *other = long_name('o', 8000);

	memcpy(name, "http://h", 8);
	memcpy(name + 7992, "last.bin", 8);
	error_set_errno(&error, ENOENT, "renaming %s to %s", name, other);
	assert_true(strlen(error.text) < sizeof(error.text));
	assert_true(strlen(error.text) > sizeof(error.text) / 2);
	assert_int_equal(strncmp(error.text, "renaming http://hnnn", 20), 0);
	assert_non_null(strstr(error.text, "nnn...nnn"));
	assert_non_null(strstr(error.text, "last.bin to ooo"));
	assert_non_null(strstr(error.text, "ooo...ooo"));
	assert_non_null(strstr(error.text, "ooo: No such file or directory"));
	free(name);
	free(other);
}

static void what_is_appended_stays(void **state)
{
	struct sluice_error error;
	char *name = long_name('n', 600);

	error_set(&error, EIO, "cannot read %s", name);
	error_append(&error, "; %s has the first %d bytes", name, 12);
	assert_int_equal(error.code, EIO);
	assert_int_equal(strncmp(error.text, "cannot read nnn", 15), 0);
	assert_non_null(strstr(error.text, "nnn; nnn"));
	assert_non_null(strstr(error.text, "nnn has the first 12 bytes"));
	free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_system_s_words_are_whole),
		cmocka_unit_test(its_kind_follows_from_errno_or_is_told),
		cmocka_unit_test(a_long_name_loses_its_middle),
		cmocka_unit_test(what_is_appended_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
