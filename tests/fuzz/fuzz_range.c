/* SPDX-License-Identifier: MIT */
/*
 * Any size (the input's first 8 bytes) and any Range value: what comes out lies within the
 * representation, is never empty, and never overlaps. Content-Range and dates take the same bytes.
 */
#include "fuzz.h"

#include "http/date.h"
#include "http/range.h"

static void check_within(const struct http_range *range, uint64_t size)
{
	CHECK(range->length && range->offset < size && range->length <= size - range->offset);
}

static void check_ranges(struct http_text value, uint64_t size)
{
	struct http_range ranges[HTTP_RANGES_MAX];
	unsigned count = 0;
	int status = http_ranges_parse(value, size, ranges, &count);

	CHECK(status == 200 || status == 206 || status == 416);
	if (status != 206)
		return;
	CHECK(count >= 1 && count <= HTTP_RANGES_MAX);
	for (unsigned i = 0; i < count; i++) {
		check_within(&ranges[i], size);
		for (unsigned j = 0; j < i; j++)
			CHECK(ranges[i].offset >= ranges[j].offset + ranges[j].length ||
			      ranges[j].offset >= ranges[i].offset + ranges[i].length);
	}
}

static void check_content_range(struct http_text value)
{
	struct http_content_range range;
	struct http_range as_range;

	if (!http_content_range_parse(value, &range))
		return;
	CHECK(range.has_range || range.has_size);
	as_range = (struct http_range){range.offset, range.length};
	if (range.has_range)
		check_within(&as_range, range.has_size ? range.size : UINT64_MAX);
}

/* What is read as a date is written the same way twice. */
static void check_date(struct http_text text)
{
	char once[HTTP_DATE_SIZE];
	time_t when, again;

	if (!http_date_parse(text, 1700000000, &when))
		return;
	http_date_format(once, when);
	CHECK(http_date_parse(http_text_of(once), 1700000000, &again) && again == when);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_text value;
	uint64_t representation;
	char *copy;

	if (size < sizeof(representation))
		return 0;
	memcpy(&representation, data, sizeof(representation));
	copy = exact_copy(data + sizeof(representation), size - sizeof(representation));
	value = (struct http_text){copy, size - sizeof(representation)};
	check_ranges(value, representation);
	check_content_range(value);
	check_date(value);
	free(copy);
	return 0;
}
