/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a request. What is accepted lies within the input and is what we say we accept; what
 * comes in pieces is judged no differently than what comes at once.
 */
#include "fuzz.h"

#include "http/condition.h"
#include "http/message.h"

#include <errno.h>

static void check_text(struct http_text text, const char *data, size_t used)
{
	if (!text.data || !text.length)
		return;
	CHECK(text.data >= data && text.data + text.length <= data + used);
	for (size_t i = 0; i < text.length; i++)
		CHECK(text.data[i] && text.data[i] != '\r' && text.data[i] != '\n');
}

static void check_accepted(const struct http_request *request, const char *data, size_t used)
{
	CHECK(used <= HTTP_HEAD_MAX && used >= 4 && !memcmp(data + used - 4, "\r\n\r\n", 4));
	CHECK(request->method != HTTP_METHOD_UNKNOWN && request->minor <= 1);
	CHECK(request->target.length && request->target.length <= HTTP_TARGET_MAX);
	CHECK(request->host.data || request->minor == 0);
	check_text(request->method_text, data, used);
	check_text(request->target, data, used);
	check_text(request->host, data, used);
	check_text(request->range, data, used);
	check_text(request->if_range, data, used);
	check_text(request->if_match, data, used);
	check_text(request->if_none_match, data, used);
	check_text(request->if_modified_since, data, used);
	check_text(request->if_unmodified_since, data, used);
	check_text(request->accept, data, used);
}

static void try_conditions(const struct http_request *request)
{
	static const struct http_validators current = {"\"x\"", 784111777, 784115377};
	int status = http_conditions(request, &current);

	CHECK(status == 200 || status == 304 || status == 412);
	http_if_range_holds(request, &current);
}

static int parse(const uint8_t *data, size_t size, size_t *used)
{
	char *copy = exact_copy(data, size);
	struct http_request request;
	int result;

	*used = 0;
	result = http_request_parse(&request, copy, size, used);
	CHECK(result == 0 || result == -EAGAIN || result == 400 || result == 414 || result == 431 ||
	      result == 501 || result == 505);
	if (!result) {
		CHECK(*used <= size);
		check_accepted(&request, copy, *used);
		try_conditions(&request);
	}
	free(copy);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t used, part_used;
	int whole = parse(data, size, &used);

	/* A few cuts are enough: the fuzzer moves what they cut. */
	for (size_t cut = size; cut-- > 0 && size - cut <= 8;) {
		int part = parse(data, cut, &part_used);

		CHECK(part == -EAGAIN || part == whole || (part > 0 && whole > 0));
		CHECK(part || part_used == used);
	}
	if (!whole && used > 1)
		CHECK(parse(data, used - 1, &part_used) == -EAGAIN);
	return 0;
}
