/* SPDX-License-Identifier: MIT */
/* The plan as a table: each rule, each "cannot". */
#include "plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LARGE  ((uint64_t)1 << 30)
#define WINDOW PLAN_WINDOW
#define PIECE  PLAN_PIECE
#define SMALL  PLAN_SMALL_SEND

static void sending(void **state)
{
	const struct path_send *readwrite = &path_send_readwrite, *sendfile = &path_send_sendfile,
			       *splice = &path_send_splice, *direct = &path_send_direct;
	const struct {
		struct plan_send_facts facts;
		const struct path_send *path;
	} rows[] = {
		/* forced, size, length, state, dirty, admitted, can direct, sendfile, splice,
		 * takes files */
		{{direct, 1, 1, CACHE_RESIDENT, true, false, false, false, false, true}, direct},
		{{readwrite, LARGE, WINDOW, CACHE_COLD, false, false, true, true, true, true},
		 readwrite},
		{{NULL, LARGE, WINDOW, CACHE_RESIDENT, false, false, true, true, true, true},
		 splice},
		{{NULL, LARGE, WINDOW, CACHE_RESIDENT, true, false, true, true, true, true},
		 splice},
		{{NULL, LARGE, PIECE, CACHE_RESIDENT, false, false, true, true, true, true},
		 sendfile},
		{{NULL, LARGE, WINDOW, CACHE_RESIDENT, false, false, true, true, false, true},
		 sendfile},
		{{NULL, LARGE, WINDOW, CACHE_RESIDENT, false, false, true, false, true, true},
		 splice},
		{{NULL, LARGE, PIECE, CACHE_RESIDENT, false, false, true, false, true, true},
		 readwrite},
		{{NULL, 100, 100, CACHE_RESIDENT, false, false, true, true, true, true}, sendfile},
		{{NULL, LARGE, WINDOW, CACHE_RESIDENT, false, false, true, false, false, true},
		 readwrite},
		{{NULL, LARGE, WINDOW, CACHE_MIXED, true, false, true, true, true, true},
		 readwrite},
		{{NULL, LARGE, WINDOW, CACHE_COLD, false, false, true, true, true, true}, direct},
		{{NULL, LARGE, PIECE, CACHE_MIXED, false, false, true, true, true, true}, direct},
		{{NULL, LARGE, WINDOW, CACHE_UNKNOWN, false, false, true, true, true, true},
		 direct},
		{{NULL, LARGE, WINDOW, CACHE_COLD, false, false, false, true, true, true},
		 readwrite},
		{{NULL, LARGE, WINDOW, CACHE_UNKNOWN, false, false, false, true, true, true},
		 readwrite},
		{{NULL, SMALL, SMALL, CACHE_COLD, false, false, true, true, true, true}, readwrite},
		{{NULL, LARGE, WINDOW, CACHE_COLD, false, true, true, true, true, true}, readwrite},
		{{NULL, LARGE, WINDOW, CACHE_RESIDENT, false, true, true, true, true, true},
		 splice},
		{{NULL, LARGE, WINDOW, CACHE_RESIDENT, false, false, true, true, true, false},
		 readwrite},
		{{NULL, LARGE, PIECE, CACHE_RESIDENT, true, false, true, true, true, false},
		 readwrite},
		{{NULL, LARGE, WINDOW, CACHE_COLD, false, false, true, true, true, false}, direct},
		{{NULL, SMALL + 1, SMALL + 1, CACHE_COLD, false, false, true, true, true, true},
		 direct},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct plan_send plan = plan_send(&rows[i].facts);

		if (plan.path != rows[i].path)
			fail_msg("row %zu: %s (%s)", i, plan.path->name, plan.reason);
		assert_true(strlen(plan.reason) > 0);
	}
}

static void receiving(void **state)
{
	const struct path_recv *readwrite = &path_recv_readwrite, *direct = &path_recv_direct,
			       *dontcache = &path_recv_dontcache;
	const struct {
		struct plan_recv_facts facts;
		const struct path_recv *path;
	} rows[] = {
		/* forced, offset, length, can direct, can dontcache, align, keep cached */
		{{&path_recv_discard, 0, LARGE, true, true, 4096, false}, &path_recv_discard},
		{{direct, 1, 1, false, false, 0, true}, direct},
		{{NULL, 0, LARGE, true, true, 4096, false}, direct},
		{{NULL, 4096, LARGE, true, true, 4096, false}, direct},
		{{NULL, 4097, LARGE, true, true, 4096, false}, dontcache},
		{{NULL, 4097, LARGE, true, false, 4096, false}, readwrite},
		{{NULL, 0, LARGE, false, true, 0, false}, dontcache},
		{{NULL, 0, LARGE, false, false, 0, false}, readwrite},
		{{NULL, 0, LARGE, true, true, 4096, true}, readwrite},
		{{NULL, 0, UINT64_MAX, true, true, 4096, false}, dontcache},
		{{NULL, 0, UINT64_MAX, true, false, 4096, false}, readwrite},
		{{NULL, 0, PLAN_SMALL_RECV, true, true, 4096, false}, readwrite},
		{{NULL, 0, PLAN_SMALL_RECV + 1, true, true, 4096, false}, direct},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct plan_recv plan = plan_recv(&rows[i].facts);

		if (plan.path != rows[i].path)
			fail_msg("row %zu: %s (%s)", i, plan.path->name, plan.reason);
		assert_true(strlen(plan.reason) > 0);
	}
}

static void why_not_direct(void **state)
{
	struct plan_send_facts send = {.file_size = LARGE, .length = WINDOW, .state = CACHE_COLD};
	struct plan_recv_facts recv = {.length = LARGE};

	assert_non_null(strstr(plan_send(&send).reason, "no O_DIRECT"));
	assert_non_null(strstr(plan_recv(&recv).reason, "no O_DIRECT"));
	send.lacks_descriptor = recv.lacks_descriptor = true;
	assert_non_null(strstr(plan_send(&send).reason, "no descriptor"));
	assert_non_null(strstr(plan_recv(&recv).reason, "no descriptor"));
}

static void congestion(void **state)
{
	const struct {
		struct plan_congestion_facts facts;
		const char *first, *second;
	} rows[] = {
		{{true, "bbr"}, "cubic", "reno"}, {{true, "bbr2"}, "cubic", "reno"},
		{{false, "bbr"}, NULL, NULL},     {{true, "cubic"}, NULL, NULL},
		{{true, "reno"}, NULL, NULL},     {{true, ""}, NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *const *names = plan_congestion(&rows[i].facts);

		if (!rows[i].first) {
			assert_null(names[0]);
			continue;
		}
		assert_string_equal(names[0], rows[i].first);
		assert_string_equal(names[1], rows[i].second);
		assert_null(names[2]);
	}
}

static void paths_are_found_by_name(void **state)
{
	assert_ptr_equal(path_send_find("sendfile"), &path_send_sendfile);
	assert_ptr_equal(path_recv_find("direct"), &path_recv_direct);
	assert_null(path_send_find("discard"));
	assert_null(path_recv_find(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sending),
		cmocka_unit_test(receiving),
		cmocka_unit_test(why_not_direct),
		cmocka_unit_test(congestion),
		cmocka_unit_test(paths_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
