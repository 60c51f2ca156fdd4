/* SPDX-License-Identifier: MIT */
/* What listings may take up together, who gives way, and which ones are shared. */
#include "http/listings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIB          ((size_t)1 << 20)
#define SMALL        LISTING_SMALL

/* Some are being made, in this order, and want so much; what each is told. */
static void room(void **state)
{
	static const struct {
		const char *what;
		struct {
			unsigned who;
			bool is_apart;
			size_t bytes;
			int result;
		} steps[6];
	} cases[] = {
		{"small ones beside each other", {{0, false, SMALL, 0}, {1, false, SMALL, 0}}},
		{"one large one at a time",
		 {{0, false, SMALL + 1, 0}, {1, false, SMALL + 1, -EBUSY}}},
		{"small ones beside it", {{0, false, 50 * MIB, 0}, {1, false, SMALL, 0}}},
		{"one below a mount beside it",
		 {{0, false, SMALL + 1, 0}, {1, true, SMALL + 1, 0}, {2, true, MIB, -EBUSY}}},
		{"both share the room",
		 {{0, false, 30 * MIB, 0}, {1, true, 26 * MIB, 0}, {1, true, 27 * MIB, -ENOBUFS}}},
		{"alone it may be larger",
		 {{0, false, 56 * MIB, 0}, {0, false, 500 * MIB, 0}, {1, true, MIB, -ENOBUFS}}},
		{"it grows and counts once",
		 {{0, false, SMALL, 0},
		  {0, false, MIB, 0},
		  {0, false, 55 * MIB, 0},
		  {1, true, MIB, 0},
		  {1, true, 2 * MIB, -ENOBUFS}}},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct listings *all = listings_open();
		struct listing_making makings[3] = {0};

		for (size_t step = 0; cases[i].steps[step].bytes; step++) {
			struct listing_making *making = &makings[cases[i].steps[step].who];
			int result;

			if (!making->all)
				listing_begin(making, all, cases[i].steps[step].is_apart);
			result = listing_need(making, cases[i].steps[step].bytes);
			if (result != cases[i].steps[step].result)
				fail_msg("%s, step %zu: %d", cases[i].what, step, result);
		}
		for (size_t who = 0; who < COUNT(makings); who++)
			if (makings[who].all)
				listing_end(&makings[who]);
		assert_int_equal(all->held[false] + all->held[true], 0);
		assert_false(listings_are_busy(all, false) || listings_are_busy(all, true));
		listings_release(all);
	}
}

static const struct served_root here = {.device = 1, .inode = 2, .mount = 3};
static const struct served_root elsewhere = {.device = 1, .inode = 4, .mount = 3};

static int make(struct listings *all, const char *path, bool is_json, size_t size,
		struct listing **out)
{
	struct http_entry entry = {.name = "name", .size = size};
	const struct http_listing what = {path, &entry, 1, is_json};
	struct listing_making making;
	int result;

	listing_begin(&making, all, false);
	result = listing_make(&making, &here, &what, out);
	listing_end(&making);
	return result;
}

static void equal_ones_are_shared(void **state)
{
	static const struct {
		const char *path;
		bool is_json;
		size_t size;
		bool is_shared;
	} cases[] = {
		{"a/", false, 1, true},  {"a/", false, 2, false}, {"a/", true, 1, false},
		{"b/", false, 1, false}, {"", false, 1, false},
	};
	struct listings *all = listings_open();
	struct listing *first, *other;

	assert_int_equal(make(all, "a/", false, 1, &first), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t held = all->held[false];

		assert_int_equal(make(all, cases[i].path, cases[i].is_json, cases[i].size, &other),
				 0);
		assert_int_equal(other == first, cases[i].is_shared);
		assert_int_equal(all->held[false] > held, !cases[i].is_shared);
		assert_int_equal(other->text.length, strlen(other->text.data));
		listing_release(other);
		assert_int_equal(all->held[false], held);
	}
	listing_release(first);
	assert_int_equal(all->held[false], 0);
	listings_release(all);
}

/* Who asked before it was begun may have it; a look from before the question is no answer. */
static void only_later_ones_answer(void **state)
{
	struct listings *all = listings_open();
	uint64_t before = listings_now(all), between;
	struct listing *first, *again, *found;

	assert_null(listings_find(all, &here, "a/", false, before));
	assert_int_equal(make(all, "a/", false, 1, &first), 0);
	between = listings_now(all);
	found = listings_find(all, &here, "a/", false, before);
	assert_ptr_equal(found, first);
	listing_release(found);
	assert_null(listings_find(all, &here, "a/", true, before));
	assert_null(listings_find(all, &elsewhere, "a/", false, before));
	assert_null(listings_find(all, &here, "a/", false, between));
	assert_int_equal(make(all, "a/", false, 1, &again), 0);
	assert_ptr_equal(again, first);
	found = listings_find(all, &here, "a/", false, between);
	assert_ptr_equal(found, first);
	listing_release(found);
	listing_release(again);
	listing_release(first);
	assert_null(listings_find(all, &here, "a/", false, 0));
	listings_release(all);
}

/* One that finds no room leaves nothing behind, and there is room again when others are gone. */
static void no_room(void **state)
{
	struct listings *all = listings_open();
	struct listing_making making;
	struct listing *listing = NULL;

	listing_begin(&making, all, false);
	while (listing_need(&making, making.charged + 1) == 0 && making.charged < SMALL)
		;
	all->held[false] += LISTINGS_SMALL_MAX - SMALL;
	assert_int_equal(make(all, "a/", false, 1, &listing), -ENOBUFS);
	assert_null(listing);
	assert_null(all->newest);
	assert_int_equal(all->held[false], LISTINGS_SMALL_MAX);
	all->held[false] -= LISTINGS_SMALL_MAX - SMALL;
	listing_end(&making);
	assert_int_equal(make(all, "a/", false, 1, &listing), 0);
	listing_release(listing);
	listings_release(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(room),
		cmocka_unit_test(equal_ones_are_shared),
		cmocka_unit_test(only_later_ones_answer),
		cmocka_unit_test(no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
