/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a response's head, and what follows it as a chunked body: taken apart in pieces
 * whose sizes come from the input, and again all at once. Both must give the same bytes and the
 * same end.
 */
#include "fuzz.h"

#include "http/coding.h"
#include "http/markup.h"
#include "http/message.h"
#include "http/range.h"

#include <errno.h>

struct decoded {
	char *body;
	size_t length, consumed;
	int result;
};

/* Sizes 1..16 from the seed's bits, or everything at once where the seed is 0. */
static size_t next_piece(uint32_t *seed, size_t left)
{
	size_t piece;

	if (!*seed)
		return left;
	*seed = *seed * 1664525 + 1013904223;
	piece = (*seed >> 28) + 1;
	*seed |= 1;
	return piece < left ? piece : left;
}

static void decode_piece(struct http_chunked *chunked, const char *data, size_t length,
			 struct decoded *out)
{
	char *copy = exact_copy(data, length);
	struct http_text body;
	size_t used = 0;

	out->result = http_chunked_decode(chunked, copy, length, &used, &body);
	if (out->result >= 0) {
		CHECK(used <= length && (used || out->result == 1));
		CHECK(!body.length ||
		      (body.data >= copy && body.data + body.length <= copy + used));
		if (body.length)
			memcpy(out->body + out->length, body.data, body.length);
		out->length += body.length;
		out->consumed += used;
	}
	free(copy);
}

static struct decoded decode(const char *data, size_t length, uint32_t seed)
{
	struct decoded out = {.body = malloc(length + 1)};
	struct http_chunked *chunked;

	CHECK(out.body && http_chunked_open(&chunked) == 0);
	while (!out.result && out.consumed < length)
		decode_piece(chunked, data + out.consumed, next_piece(&seed, length - out.consumed),
			     &out);
	http_chunked_close(chunked);
	return out;
}

static void check_chunked(const char *data, size_t length, uint32_t seed)
{
	struct decoded whole = decode(data, length, 0), pieces = decode(data, length, seed);

	CHECK(whole.result == pieces.result && whole.length == pieces.length);
	CHECK(!memcmp(whole.body, pieces.body, whole.length));
	CHECK(whole.result < 0 || whole.consumed == pieces.consumed);
	free(whole.body);
	free(pieces.body);
}

static void check_accepted(const struct http_response *response)
{
	struct http_content_range range;

	CHECK(response->status >= 100 && response->status <= 999 && response->minor <= 1);
	CHECK(!(response->chunked && response->has_content_length));
	CHECK(!response->etag.length || !memchr(response->etag.data, '\n', response->etag.length));
	if (response->content_range.data &&
	    http_content_range_parse(response->content_range, &range))
		CHECK(!range.has_range || range.length);
}

static void check_error(const struct sluice_error *error)
{
	CHECK(error->code == EPROTO && error->text[0]);
	for (const char *at = error->text; *at; at++)
		CHECK(*at >= 0x20 && *at < 0x7f);
}

/* A head that was looked at before all of it was there reads as one that comes at once. */
static void check_again(const uint8_t *data, size_t size, size_t cut, int expected, size_t used)
{
	struct http_response response;
	struct sluice_error error;
	char *copy = exact_copy(data, size);
	size_t again = 0;
	int result = http_response_parse(&response, copy, cut, &again, &error);

	if (result == -EAGAIN)
		result = http_response_parse(&response, copy, size, &again, &error);
	CHECK(result == expected && (result || again == used));
	free(copy);
}

/* The same bytes as the body of an error, and as its fields. */
static void check_words(const char *data, size_t length)
{
	char words[32];

	http_markup_words((struct http_text){data, length}, words, sizeof(words));
	CHECK(strlen(words) < sizeof(words) && !strstr(words, "  "));
	http_markup_is_text((struct http_text){data, length});
	http_coding_keeps((struct http_text){data, length}, "file.tar.gz");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_response response;
	struct sluice_error error;
	char *copy = exact_copy(data, size);
	size_t used = 0;
	uint32_t seed = 1;
	int result = http_response_parse(&response, copy, size, &used, &error);

	CHECK(result == 0 || result == -EAGAIN || result == -EPROTO);
	if (result == -EPROTO)
		check_error(&error);
	if (!result) {
		CHECK(used <= size && used <= HTTP_RESPONSE_HEAD_MAX);
		check_accepted(&response);
	}
	for (size_t i = 0; i < size; i++)
		seed = seed * 31 + data[i];
	check_again(data, size, size ? seed % size : 0, result, used);
	check_words(copy + used, size - used);
	check_chunked(copy + used, size - used, seed | 1);
	free(copy);
	return 0;
}
