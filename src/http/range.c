/* SPDX-License-Identifier: MIT */
/* Range and Content-Range. See range.h. */
#include "http/range.h"

enum spec { SPEC_MALFORMED, SPEC_UNSATISFIABLE, SPEC_EMPTY, SPEC_RANGE };

/*
 * "-N": the last N bytes. Of nothing, they are nothing, which is satisfiable but has no
 * Content-Range: the answer is the whole (RFC 9110 14.1.2).
 */
static enum spec parse_suffix(struct http_text text, uint64_t size, struct http_range *range)
{
	uint64_t suffix;
	bool is_huge;

	if (!http_text_cut_number(&text, &suffix, &is_huge) || text.length)
		return SPEC_MALFORMED;
	range->length = suffix < size ? suffix : size;
	range->offset = size - range->length;
	if (range->length)
		return SPEC_RANGE;
	return suffix ? SPEC_EMPTY : SPEC_UNSATISFIABLE;
}

/* One of "first-last", "first-", "-suffix". */
static enum spec parse_spec(struct http_text text, uint64_t size, struct http_range *range)
{
	uint64_t first, last = UINT64_MAX;
	bool is_huge;

	if (http_text_cut(&text, "-"))
		return parse_suffix(text, size, range);
	if (!http_text_cut_number(&text, &first, &is_huge) || !http_text_cut(&text, "-"))
		return SPEC_MALFORMED;
	if (text.length && (!http_text_cut_number(&text, &last, &is_huge) || text.length))
		return SPEC_MALFORMED;
	if (last < first)
		return SPEC_MALFORMED;
	if (first >= size)
		return SPEC_UNSATISFIABLE;
	range->offset = first;
	range->length = last < size ? last - first + 1 : size - first;
	return SPEC_RANGE;
}

/* Both lie within a size that fits 64 bits, so the sums cannot overflow. */
static bool overlaps(const struct http_range *a, const struct http_range *b)
{
	return a->offset < b->offset + b->length && b->offset < a->offset + a->length;
}

static void unite(struct http_range *into, const struct http_range *other)
{
	uint64_t end = into->offset + into->length;
	uint64_t other_end = other->offset + other->length;

	if (other->offset < into->offset)
		into->offset = other->offset;
	into->length = (end > other_end ? end : other_end) - into->offset;
}

/*
 * Adds one range to those already there, which do not overlap one another: so one pass finds all
 * that the new one touches. They become one, in the place of the first.
 */
static unsigned add_range(struct http_range *ranges, unsigned count, struct http_range added)
{
	unsigned kept = 0, place = count;

	for (unsigned i = 0; i < count; i++) {
		if (overlaps(&ranges[i], &added)) {
			unite(&added, &ranges[i]);
			if (place < count)
				continue;
			place = kept;
		}
		ranges[kept++] = ranges[i];
	}
	if (place == count)
		place = kept++;
	ranges[place] = added;
	return kept;
}

int http_ranges_parse(struct http_text value, uint64_t size, struct http_range *ranges,
		      unsigned *count)
{
	bool is_empty = false;
	unsigned asked = 0;

	*count = 0;
	value = http_text_trim(value);
	if (!http_text_cut(&value, "bytes="))
		return 200;
	do {
		struct http_text piece = http_text_trim(http_text_cut_until(&value, ','));
		struct http_range range;
		enum spec spec;

		if (!piece.length)
			continue; /* empty list elements are to be ignored (RFC 9110 5.6.1.2) */
		spec = parse_spec(piece, size, &range);
		if (spec == SPEC_MALFORMED)
			return 200;
		asked++;
		is_empty |= spec == SPEC_EMPTY;
		if (spec == SPEC_RANGE && asked <= HTTP_RANGES_MAX)
			*count = add_range(ranges, *count, range);
	} while (http_text_cut(&value, ","));
	if (!asked || (is_empty && asked <= HTTP_RANGES_MAX))
		return 200;
	return *count && asked <= HTTP_RANGES_MAX ? 206 : 416;
}

static bool parse_positions(struct http_text *text, struct http_content_range *range)
{
	uint64_t first, last;
	bool is_huge;

	if (!http_text_cut_number(text, &first, &is_huge) || is_huge || !http_text_cut(text, "-"))
		return false;
	if (!http_text_cut_number(text, &last, &is_huge) || is_huge || last < first)
		return false;
	range->has_range = true;
	range->offset = first;
	return !__builtin_add_overflow(last - first, UINT64_C(1), &range->length);
}

bool http_content_range_parse(struct http_text value, struct http_content_range *range)
{
	*range = (struct http_content_range){0};
	value = http_text_trim(value);
	if (!http_text_cut(&value, "bytes "))
		return false;
	if (!http_text_cut(&value, "*") && !parse_positions(&value, range))
		return false;
	if (!http_text_cut(&value, "/"))
		return false;
	if (range->has_range && http_text_is(value, "*"))
		return true;
	range->has_size = http_text_number(value, &range->size);
	if (!range->has_size)
		return false;
	return !range->has_range ||
	       (range->offset < range->size && range->length <= range->size - range->offset);
}
