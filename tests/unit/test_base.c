/* SPDX-License-Identifier: MIT */
/* Sizes, text and bills. */
#include "base/meter.h"
#include "base/size.h"
#include "base/sys.h"
#include "base/tally.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void sizes_are_parsed(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"0", 0},          {"512", 512},       {"64K", 65536}, {"64k", 65536},
		{"64KiB", 65536},  {"64KB", 65536},    {"7B", 7},      {"1.5G", 3 * GIB / 2},
		{"0.5M", MIB / 2}, {"2T", 2048 * GIB}, {"1M", MIB},
	};
	static const char *const bad[] = {"",    "K",   "-1",  "1X",  "1KK",   "1 K",
					  "0x1", "1e3", "nan", "inf", "1.5.5", "99999999999999T"};
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(size_parse(good[i].text, &bytes));
		assert_int_equal(bytes, good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(size_parse(bad[i], &bytes));
}

static void sizes_are_formatted(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{0, "0 B"},           {1023, "1023 B"}, {1024, "1.0 KiB"},       {1536, "1.5 KiB"},
		{MIB - 1, "1.0 MiB"}, {GIB, "1.0 GiB"}, {UINT64_MAX, "16.0 EiB"}};
	char text[SIZE_TEXT];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(size_format(text, rows[i].bytes), rows[i].text);
}

static void sums_are_checked(void **state)
{
	uint64_t sum;

	assert_true(size_add(UINT64_MAX - 1, 1, &sum));
	assert_int_equal(sum, UINT64_MAX);
	assert_false(size_add(UINT64_MAX, 1, &sum));
	assert_int_equal(size_round_up(4097, 4096), 8192);
	assert_int_equal(size_round_up(4096, 4096), 4096);
	assert_int_equal(size_round_down(4095, 4096), 0);
}

static void lines_come_out_one_by_one(void **state)
{
	char text[] = "one\n\nthree", *at = text, *none = NULL;

	assert_string_equal(text_next_line(&at), "one");
	assert_string_equal(text_next_line(&at), "");
	assert_string_equal(text_next_line(&at), "three");
	assert_null(text_next_line(&at));
	assert_null(text_next_line(&none));
}

static void lines_break_between_words(void **state)
{
	assert_int_equal(text_line("", 4), 0);
	assert_int_equal(text_line("word", 4), 4);
	assert_int_equal(text_line("two words", 4), 3);
	assert_int_equal(text_line("four more", 4), 4);
	assert_int_equal(text_line("longer word", 4), 6);
}

static void long_words_lose_their_middle(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *expected;
	} rows[] = {
		{"fits", 5, "fits"},
		{"no name is to blame", 10, "no nam..."},
		{"no name", 4, "..."},
		{"no name", 1, ""},
		{"a 0123456789abcdefghijklmnopqrst failed", 32, "a 012345678...klmnopqrst failed"},
		{"0123456789abcdefghijklmnopqrst 0123456789abcdefghijklmnopqrst", 48, NULL},
		/* The dots never stand in the middle of a character. */
		{"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		 "\xc3\xa4"
		 "\xc3\xa4\xc3\xa4 x",
		 26, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[128], safe[128];

		strcpy(text, rows[i].text);
		text_fit(text, rows[i].size);
		assert_true(strlen(text) < rows[i].size);
		assert_string_equal(text_for_terminal(safe, sizeof(safe), text), text);
		if (rows[i].expected)
			assert_string_equal(text, rows[i].expected);
		else
			assert_non_null(strstr(text, "..."));
	}
}

static void outside_text_is_escaped(void **state)
{
	static const struct {
		const char *text, *escaped;
	} rows[] = {
		{"plain name.txt", "plain name.txt"},
		{"\033[31mred", "\\x1B[31mred"},
		{"a\nb", "a\\x0Ab"},
		{"say \"hi\" \\", "say \\x22hi\\x22 \\x5C"},
		{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x9f", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x9f"},
		{"\xc2\x9b"
		 "31m",
		 "\\xC2\\x9B31m"}, /* the 8-bit CSI */
		{"\xe2\x80\xae"
		 "txt",
		 "\\xE2\\x80\\xAEtxt"},              /* right-to-left override */
		{"\xc0\x80", "\\xC0\\x80"},          /* overlong */
		{"\xed\xa0\x80", "\\xED\\xA0\\x80"}, /* surrogate */
		{"\xf5\x80\x80\x80", "\\xF5\\x80\\x80\\x80"},
		{"cut\xe2\x82", "cut\\xE2\\x82"},
	};
	char text[128];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buffer out = {0};

		text_escape(&out, rows[i].text, strlen(rows[i].text));
		assert_string_equal(out.data, rows[i].escaped);
		buffer_free(&out);
	}
	assert_string_equal(text_for_terminal(text, 4, "abcdef"), "abc");
	assert_string_equal(text_for_terminal(text, sizeof(text), "a \"b\" \\ \033[1m"),
			    "a \"b\" \\ \\x1B[1m");
}

static void bills_add_up(void **state)
{
	struct tally tally = {.cpu_copied_bytes = 11, .device_moved_bytes = 7}, total = {0};
	struct bill bill;
	const struct sluice_bill *sum = &bill.public;

	bill_init(&bill);
	bill.public.seconds = 1;
	tally_add(&tally, "direct", 10);
	tally_add(&tally, "sendfile", 5);
	tally_add(&tally, "direct", 1);
	tally_merge(&total, &tally);
	tally_merge(&total, &tally);
	tally_to_bill(&total, &bill);
	assert_int_equal(sum->bytes, 32);
	assert_int_equal(sum->path_count, 2);
	assert_string_equal(sum->paths[0].path, "direct");
	assert_int_equal(sum->paths[0].bytes, 22);
	assert_int_equal(sum->paths[1].bytes, 10);
	assert_int_equal(sum->cpu_copied_bytes, 22);
	assert_int_equal(sum->device_moved_bytes, 14);
	assert_true(sum->seconds == 1);
	total.is_device_unknown = true;
	tally_to_bill(&total, &bill);
	assert_int_equal(sum->device_moved_bytes, -1);
}

static uint64_t sum_of_shares(const struct tally *tally)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < tally->path_count; i++)
		sum += tally->paths[i].bytes;
	return sum;
}

/* However many paths there are, no byte is without a place on the bill. */
static void every_byte_has_a_place_on_the_bill(void **state)
{
	static char names[100][8];
	struct tally tally = {0}, total = {0};
	struct bill bill;

	for (unsigned i = 0; i < 100; i++)
		snprintf(names[i], sizeof(names[i]), "path%u", i);
	for (unsigned i = 0; i < 9; i++)
		tally_add(&tally, names[i], i + 1);
	bill_init(&bill);
	tally_to_bill(&tally, &bill);
	assert_int_equal(bill.public.path_count, 9);
	assert_string_equal(bill.public.paths[8].path, "path8");
	assert_int_equal(bill.public.paths[8].bytes, 9);
	for (unsigned i = 9; i < 100; i++) {
		tally_add(&tally, names[i], i + 1);
		assert_int_equal(sum_of_shares(&tally), tally.bytes);
	}
	tally_move(&tally, "path99", "path0", 100);
	tally_merge(&total, &tally);
	tally_to_bill(&total, &bill);
	assert_int_equal(bill.public.bytes, 100 * 101 / 2);
	assert_int_equal(sum_of_shares(&total), bill.public.bytes);
	assert_int_equal(bill.public.path_count, TALLY_PATHS);
	assert_string_equal(bill.public.paths[TALLY_PATHS - 1].path, "other");
	assert_int_equal(bill.public.paths[0].bytes, 101);
}

static void a_copy_of_a_bill_stands_alone(void **state)
{
	struct tally tally = {0};
	struct sluice_bill *copy;
	struct bill bill;

	bill_init(&bill);
	tally_add(&tally, "direct", 10);
	tally_to_bill(&tally, &bill);
	copy = sluice_bill_copy(&(struct sluice_bill){.bytes = 7});
	assert_int_equal(copy->bytes, 7);
	assert_int_equal(copy->path_count, 0);
	sluice_bill_free(copy);
	copy = sluice_bill_copy(&bill.public);
	memset(&bill, 0x55, sizeof(bill));
	assert_int_equal(copy->bytes, 10);
	assert_int_equal(copy->path_count, 1);
	assert_string_equal(copy->paths[0].path, "direct");
	assert_int_equal(copy->paths[0].bytes, 10);
	assert_int_equal(copy->page_cache_before_bytes, -1);
	sluice_bill_free(copy);
	sluice_bill_free(NULL);
}

static void system_calls_are_counted_and_errors_returned(void **state)
{
	struct bill room;
	const struct sluice_bill *bill = &room.public;
	struct meter meter;
	char byte;

	bill_init(&room);
	meter_start(&meter);
	assert_int_equal(sys_read(-1, &byte, 1), -9 /* EBADF */);
	assert_int_equal(sys_write(-1, &byte, 1), -9);
	assert_int_equal(sys_read(-1, &byte, 1), -9);
	meter_read(&meter, &room);
	assert_int_equal(bill->system_calls, 3);
	assert_int_equal(bill->mode_switches, 6);
	assert_int_equal(bill->system_call_count, 2);
	assert_string_equal(bill->system_calls_by_name[0].name, "read");
	assert_int_equal(bill->system_calls_by_name[0].count, 2);
	assert_string_equal(bill->system_calls_by_name[1].name, "write");
	assert_int_equal(bill->system_calls_by_name[1].count, 1);
	assert_string_equal(sys_call_name(CALL_openat2), "openat2");
}

/* As Linux 5.9 and 5.10 say 0 where bytes are. */
static void a_read_without_waiting_knows_no_end_of_file(void **state)
{
	char bytes[8];
	int fd = open("/var/tmp", O_TMPFILE | O_RDWR, 0600);

	assert_true(fd >= 0);
	assert_int_equal(sys_write(fd, "abc", 3), 3);
	assert_int_equal(sys_pread_nowait(fd, bytes, sizeof(bytes), 3), -EAGAIN);
	assert_int_equal(sys_pread_nowait(fd, bytes, 0, 3), 0);
	assert_int_equal(sys_pread(fd, bytes, sizeof(bytes), 3), 0);
	sys_close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_parsed),
		cmocka_unit_test(sizes_are_formatted),
		cmocka_unit_test(sums_are_checked),
		cmocka_unit_test(lines_come_out_one_by_one),
		cmocka_unit_test(lines_break_between_words),
		cmocka_unit_test(long_words_lose_their_middle),
		cmocka_unit_test(outside_text_is_escaped),
		cmocka_unit_test(bills_add_up),
		cmocka_unit_test(every_byte_has_a_place_on_the_bill),
		cmocka_unit_test(a_copy_of_a_bill_stands_alone),
		cmocka_unit_test(system_calls_are_counted_and_errors_returned),
		cmocka_unit_test(a_read_without_waiting_knows_no_end_of_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
