/* SPDX-License-Identifier: MIT */
/* Which rows a matrix has, in which order they are measured, what their results come to, and what
 * that says about zero-copy. */
#include "base/size.h"
#include "measure/claims.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct measure_matrix matrix;

static void plan(struct measure_matrix_wish wish)
{
	memset(&matrix, 0, sizeof(matrix));
	matrix.directory = "DIRECTORY";
	matrix.runs = 3;
	measure_matrix_plan(&matrix, &wish);
}

static const struct measure_row *find(const char *send, const char *receive, bool is_cold)
{
	for (unsigned i = 0; i < matrix.row_count; i++)
		if (strcmp(matrix.rows[i].send, send) == 0 &&
		    strcmp(matrix.rows[i].receive, receive) == 0 &&
		    matrix.rows[i].is_cold == is_cold)
			return &matrix.rows[i];
	return NULL;
}

static void assert_baselines(void)
{
	for (unsigned i = 0; i < matrix.row_count; i++) {
		const struct measure_row *row = &matrix.rows[i];
		const struct measure_row *baseline = &matrix.rows[row->baseline];
		bool keeps = strcmp(row->receive, "discard") != 0;

		assert_true(row->baseline <= (int)i);
		assert_string_equal(baseline->send, "readwrite");
		assert_string_equal(baseline->receive, keeps ? "readwrite" : "discard");
		assert_int_equal(baseline->is_cold, row->is_cold);
	}
}

static void test_default_has_every_path(void **state)
{
	const char *name;

	plan((struct measure_matrix_wish){0});
	assert_baselines();
	for (unsigned i = 0; (name = sluice_send_path_name(i)); i++)
		assert_non_null(find(name, "discard", false));
	for (unsigned i = 0; (name = sluice_receive_path_name(i)); i++)
		assert_non_null(find("sendfile", name, false));
	assert_non_null(find("auto", "auto", false));
	assert_non_null(find("auto", "discard", false));
	assert_true(measure_matrix_writes(&matrix));
}

static void test_cold_doubles_the_rows(void **state)
{
	unsigned warm;

	plan((struct measure_matrix_wish){0});
	warm = matrix.row_count;
	plan((struct measure_matrix_wish){.with_cold = true});
	assert_int_equal(matrix.row_count, 2 * warm);
	assert_baselines();
	assert_non_null(find("auto", "auto", true));
}

static void test_named_paths_are_a_product(void **state)
{
	plan((struct measure_matrix_wish){.send = {"splice", "mmap"},
					  .receive = {"direct", "splice"}});
	assert_baselines();
	assert_int_equal(matrix.row_count, 5); /* with readwrite -> readwrite */
	assert_non_null(find("mmap", "splice", false));
	assert_null(find("mmap", "discard", false));
}

static void test_one_list_alone(void **state)
{
	plan((struct measure_matrix_wish){.send = {"direct"}});
	assert_int_equal(matrix.row_count, 2);
	assert_non_null(find("direct", "discard", false));
	assert_false(measure_matrix_writes(&matrix));
	plan((struct measure_matrix_wish){.receive = {"discard", "direct"}});
	assert_int_equal(matrix.row_count, 4);
	assert_non_null(find("sendfile", "direct", false));
}

static void test_the_largest_matrix_fits(void **state)
{
	struct measure_matrix_wish wish = {
		.send = {"auto"}, .receive = {"auto"}, .with_cold = true};
	unsigned sends = 0, receives = 0;

	while ((wish.send[sends + 1] = sluice_send_path_name(sends)))
		sends++;
	while ((wish.receive[receives + 1] = sluice_receive_path_name(receives)))
		receives++;
	plan(wish);
	assert_int_equal(matrix.row_count, 2 * (sends + 1) * (receives + 1));
	assert_true(matrix.row_count <= MEASURE_ROWS_MAX);
}

static void test_every_other_round_goes_backwards(void **state)
{
	plan((struct measure_matrix_wish){0});
	assert_int_equal(measure_matrix_turn(&matrix, 0, 0), 0);
	assert_int_equal(measure_matrix_turn(&matrix, 1, 0), matrix.row_count - 1);
	assert_int_equal(measure_matrix_turn(&matrix, 1, matrix.row_count - 1), 0);
	assert_int_equal(measure_matrix_turn(&matrix, 2, 1), 1);
}

/* One GB in this time, at this CPU time on each end. */
static struct measure_pair_result result(double seconds, double send_cpu, double receive_cpu)
{
	return (struct measure_pair_result){
		.seconds = seconds,
		.send.public = {.bytes = 1000000000, .cpu_user_seconds = send_cpu},
		.receive.public = {.bytes = 1000000000, .cpu_system_seconds = receive_cpu},
	};
}

static void test_sums(void **state)
{
	struct measure_pair_result plain[] = {result(2, 1, 1), result(4, 1, 1), result(2.5, 1, 1)};
	struct measure_pair_result fast[] = {result(0.5, 0.25, 0.25), result(0.5, 0.25, 0.25)};

	plan((struct measure_matrix_wish){.send = {"sendfile", "splice"}});
	matrix.rows[0].results = plain;
	matrix.rows[0].runs = 3;
	matrix.rows[1].results = fast;
	matrix.rows[1].runs = 2;
	measure_matrix_sum(&matrix);
	assert_float_equal(matrix.rows[0].rate.median, 4e8, 1);
	assert_float_equal(matrix.rows[0].rate.max, 5e8, 1);
	assert_ptr_equal(matrix.rows[0].typical, &plain[2]);
	assert_true(matrix.rows[0].is_noisy);
	assert_float_equal(matrix.rows[0].rate_ratio, 1, 0);
	assert_float_equal(matrix.rows[1].rate_ratio, 5, 1e-9);
	assert_float_equal(matrix.rows[1].cpu.median, 0.5, 1e-9);
	assert_float_equal(matrix.rows[1].cpu_ratio, 0.25, 1e-9);
	assert_false(matrix.rows[1].is_noisy);
	assert_float_equal(matrix.rows[2].rate_ratio, 0, 0); /* was not measured */
}

static int check(uint64_t size, struct measure_room room, struct sluice_error *error)
{
	matrix.size = size;
	for (unsigned i = 0; i < matrix.row_count; i++)
		*matrix.rows[i].skipped = '\0';
	return measure_matrix_check(&matrix, &room, error);
}

static void test_a_lack_of_room_is_refused(void **state)
{
	struct sluice_error error;

	plan((struct measure_matrix_wish){.with_cold = true});
	assert_int_equal(check(GIB, (struct measure_room){2 * GIB, 8 * GIB, false}, &error),
			 -ENOSPC);
	assert_non_null(strstr(error.text, "--dir"));
	assert_int_equal(check(GIB, (struct measure_room){3 * GIB, 8 * GIB, false}, &error), 0);
	assert_int_equal(check(GIB, (struct measure_room){UINT64_MAX, 0, false}, &error), 0);
	assert_int_equal(check(GIB, (struct measure_room){8 * GIB, 2 * GIB, true}, &error),
			 -ENOMEM);
	plan((struct measure_matrix_wish){
		.send = {"sendfile"}}); /* nothing is written but the source */
	assert_int_equal(check(GIB, (struct measure_room){GIB + GIB / 2, 8 * GIB, false}, &error),
			 0);
}

static void test_a_lack_of_memory_leaves_out_what_is_warm(void **state)
{
	struct sluice_error error;

	plan((struct measure_matrix_wish){.with_cold = true});
	assert_int_equal(check(GIB, (struct measure_room){4 * GIB, GIB, false}, &error), 0);
	assert_non_null(strstr(find("auto", "auto", false)->skipped, "--size"));
	assert_string_equal(find("auto", "auto", true)->skipped, "");
	plan((struct measure_matrix_wish){0});
	assert_int_equal(check(GIB, (struct measure_room){4 * GIB, GIB, false}, &error), -ENOMEM);
}

static void test_nothing_in_memory_is_cold(void **state)
{
	struct sluice_error error;

	plan((struct measure_matrix_wish){.with_cold = true});
	assert_int_equal(check(GIB, (struct measure_room){4 * GIB, 4 * GIB, true}, &error), 0);
	assert_string_equal(find("auto", "auto", false)->skipped, "");
	assert_non_null(strstr(find("auto", "auto", true)->skipped, "never cold"));
}

static void test_fitting(void **state)
{
	const struct measure_room room = {4 * GIB, GIB, false}, small = {GIB, 8 * GIB, false},
				  none = {0, 0, false};

	plan((struct measure_matrix_wish){0});
	assert_int_equal(measure_matrix_fitting(&matrix, &room, GIB), GIB / 2);
	assert_int_equal(measure_matrix_fitting(&matrix, &small, GIB), GIB / 4);
	assert_int_equal(measure_matrix_fitting(&matrix, &none, GIB), 16 * MIB);
}

/* One GB at this rate, with these copies of a byte and switches on the sending end. */
static struct measure_pair_result way(double rate, unsigned copies, unsigned mode_switches)
{
	struct measure_pair_result result = {
		.seconds = 1e9 / rate,
		.send.public = {.bytes = 1000000000,
				.cpu_copied_bytes = copies * 1000000000ULL,
				.mode_switches = mode_switches},
		.receive.public = {.bytes = 1000000000},
	};

	return result;
}

static void judge(struct measure_pair_result plain[3], struct measure_pair_result other[3],
		  struct measure_claim claims[MEASURE_CLAIMS])
{
	plan((struct measure_matrix_wish){.send = {"sendfile"}});
	matrix.rows[0].results = plain;
	matrix.rows[1].results = other;
	matrix.rows[0].runs = matrix.rows[1].runs = 3;
	measure_matrix_sum(&matrix);
	measure_claims_judge(&matrix, claims);
}

static void test_claims_that_hold(void **state)
{
	struct measure_pair_result plain[] = {way(2e9, 2, 4000), way(2e9, 2, 4000),
					      way(2e9, 2, 4000)};
	struct measure_pair_result other[] = {way(4e9, 1, 2000), way(4e9, 1, 2000),
					      way(4e9, 1, 2000)};
	struct measure_claim claims[MEASURE_CLAIMS];

	judge(plain, other, claims);
	for (int i = 0; i < MEASURE_CLAIMS; i++)
		assert_int_equal(claims[i].verdict, MEASURE_TRUE);
	assert_non_null(strstr(claims[0].text, "1.00 times by sendfile"));
	assert_non_null(strstr(claims[1].text, "2000 times a GB by sendfile"));
	assert_non_null(strstr(claims[2].text, "sendfile moves 4.00 GB/s"));
}

static void test_claims_that_do_not(void **state)
{
	struct measure_pair_result plain[] = {way(2e9, 2, 4000), way(2e9, 2, 4000),
					      way(2e9, 2, 4000)};
	struct measure_pair_result other[] = {way(3.9e9, 2, 2001), way(3.9e9, 2, 2001),
					      way(3.9e9, 2, 2001)};
	struct measure_claim claims[MEASURE_CLAIMS];

	judge(plain, other, claims);
	for (int i = 0; i < MEASURE_CLAIMS; i++)
		assert_int_equal(claims[i].verdict, MEASURE_FALSE);
}

static void test_claims_in_noise(void **state)
{
	struct measure_pair_result plain[] = {way(1e9, 2, 4), way(2e9, 2, 4), way(2e9, 2, 4)};
	struct measure_pair_result other[] = {way(3e9, 0, 4), way(5e9, 0, 4), way(5e9, 0, 4)};
	struct measure_claim claims[MEASURE_CLAIMS];

	judge(plain, other, claims);
	assert_int_equal(claims[0].verdict, MEASURE_TRUE); /* copies do not depend on the noise */
	assert_int_equal(claims[2].verdict, MEASURE_UNKNOWN);
	other[0] = way(4.5e9, 0, 4); /* noise, but all of it on one side */
	plain[0] = way(2e9, 2, 4);
	judge(plain, other, claims);
	assert_int_equal(claims[2].verdict, MEASURE_TRUE);
}

static void test_claims_without_rows(void **state)
{
	struct measure_claim claims[MEASURE_CLAIMS];

	plan((struct measure_matrix_wish){0});
	measure_matrix_sum(&matrix);
	measure_claims_judge(&matrix, claims);
	for (int i = 0; i < MEASURE_CLAIMS; i++) {
		assert_int_equal(claims[i].verdict, MEASURE_UNKNOWN);
		assert_non_null(strstr(claims[i].text, "nothing to compare"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default_has_every_path),
		cmocka_unit_test(test_cold_doubles_the_rows),
		cmocka_unit_test(test_named_paths_are_a_product),
		cmocka_unit_test(test_one_list_alone),
		cmocka_unit_test(test_the_largest_matrix_fits),
		cmocka_unit_test(test_every_other_round_goes_backwards),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_a_lack_of_room_is_refused),
		cmocka_unit_test(test_a_lack_of_memory_leaves_out_what_is_warm),
		cmocka_unit_test(test_nothing_in_memory_is_cold),
		cmocka_unit_test(test_fitting),
		cmocka_unit_test(test_claims_that_hold),
		cmocka_unit_test(test_claims_that_do_not),
		cmocka_unit_test(test_claims_in_noise),
		cmocka_unit_test(test_claims_without_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
