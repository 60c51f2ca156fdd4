/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a journal, as they are and with the checksum that they should have. What is believed
 * is within the file, in order, and after it was written anew the same.
 */
#include "fuzz.h"

#include "base/buffer.h"
#include "landing/journal.h"

#include <inttypes.h>
#include <stdio.h>

enum { SECTOR = 512, DIGITS = 16, BEHIND = 2 };

static void check_claims(const struct journal *journal)
{
	const struct intervals *done = &journal->done;
	uint64_t size = journal->size == UINT64_MAX ? 0 : journal->size;

	CHECK(done->count <= INTERVALS_MAX);
	CHECK(intervals_end(done) <= size);
	for (unsigned i = 0; i < done->count; i++) {
		CHECK(done->at[i].from < done->at[i].to);
		CHECK(i == 0 || done->at[i - 1].to < done->at[i].from);
	}
}

static void check_same(const struct journal *one, const struct journal *other)
{
	CHECK(one->size == other->size && one->inode == other->inode);
	CHECK(intervals_equal(&one->done, &other->done));
	CHECK(validator_equal(&one->validator, &other->validator));
	CHECK(strcmp(one->device, other->device) == 0 && strcmp(one->born, other->born) == 0);
	CHECK(strcmp(one->url, other->url) == 0);
}

static void check(const char *text, size_t length)
{
	struct journal journal, again;
	struct buffer written = {0};

	if (journal_parse(&journal, text, length) < 0)
		return;
	check_claims(&journal);
	journal_usable(&journal);
	/* As a call that takes it over does: both are of no more use. */
	*journal.sample = *journal.modified = '\0';
	journal_set_done(&journal,
			 &(struct intervals){journal.done.count > 0, {journal.done.at[0]}});
	CHECK(journal_format(&journal, &written) == 0);
	CHECK(journal_parse(&again, written.data, written.length) == 0);
	check_same(&journal, &again);
	buffer_free(&written);
	journal_clear(&journal);
	journal_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = exact_copy((const char *)data, size);
	char sum[DIGITS + 1];

	check(copy, size);
	if (size >= SECTOR) {
		snprintf(sum, sizeof(sum), "%016" PRIx64, journal_checksum(copy, size));
		memcpy(copy + SECTOR - BEHIND - DIGITS, sum, DIGITS);
		check(copy, size);
	}
	free(copy);
	return 0;
}
