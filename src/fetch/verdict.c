/* SPDX-License-Identifier: MIT */
#include "fetch/verdict.h"

#include "fetch/policy.h"
#include "http/date.h"
#include "http/range.h"

static const char has_changed[] = "the file has changed on the server";

/* Without a validator, something else tells. */
static bool differs(const struct question *question, const struct http_response *head)
{
	return question->validator && validator_differs(question->validator, head);
}

static bool is_as_before(const struct question *question, const struct http_response *head)
{
	return !question->validator || validator_is_in(question->validator, head);
}

/* Of no use, for this reason: what can be done depends on what was asked. */
static struct verdict useless(const struct question *question, const char *why)
{
	bool is_plain = !question->is_part && !question->is_conditional;

	return (struct verdict){.kind = is_plain ? VERDICT_REFUSE : VERDICT_ASK_ALL, .why = why};
}

static struct verdict take(uint64_t first, uint64_t end, uint64_t size)
{
	return (struct verdict){.kind = VERDICT_TAKE, .first = first, .end = end, .size = size};
}

static bool contradicts(const struct http_response *head, uint64_t length)
{
	return head->has_content_length && head->content_length != length;
}

static struct verdict of_partial(const struct question *question, const struct http_response *head)
{
	struct http_content_range range = {0};
	uint64_t end;

	if (!head->content_range.data || !http_content_range_parse(head->content_range, &range) ||
	    !range.has_range)
		return useless(question, "the server does not say which bytes it sends");
	if (!range.has_size && !question->is_part)
		return useless(question, "the server sends a part and does not say of how much");
	if (!range.has_size)
		range.size = question->size;
	end = range.offset + range.length;
	if (range.size > INT64_MAX || contradicts(head, range.length))
		return useless(question,
			       "the server contradicts itself about how many bytes it sends");
	if (question->is_part &&
	    (range.size != question->size || end > question->size || differs(question, head)))
		return useless(question, has_changed);
	if (question->is_part && !is_as_before(question, head))
		return useless(question, "the server does not say that the file is as before");
	if (range.offset > question->here || end <= question->from)
		return useless(question, "the server sends other bytes than requested");
	return take(range.offset, end, range.size);
}

/* A 200 with a Content-Range has no meaning, but there are servers that send a part so. */
static bool is_part(const struct http_response *head)
{
	struct http_content_range range;

	return head->content_range.data && http_content_range_parse(head->content_range, &range) &&
	       range.has_range &&
	       (range.offset > 0 || contradicts(head, range.length) ||
		(range.has_size && range.length != range.size));
}

/*
 * Whether a 200 to a request for a part is all of the file. There are servers that send the part
 * and forget to say so; asking again costs one request.
 */
static bool is_surely_whole(const struct question *question, const struct http_response *head)
{
	if (!head->has_content_length)
		return false;
	if (head->content_length == question->size)
		return true;
	return head->content_length != question->size - question->from &&
	       !is_as_before(question, head);
}

static struct verdict of_whole(const struct question *question, const struct http_response *head)
{
	uint64_t size = head->has_content_length ? head->content_length : UINT64_MAX;

	if (head->has_content_length && size > INT64_MAX)
		return useless(question, "the server claims a length that no file can have");
	if (is_part(head))
		return useless(question, "the server sends a part and calls it the whole");
	if (question->is_part && !is_surely_whole(question, head))
		return useless(question, "the server may have sent a part and called it the whole");
	return take(0, size, size);
}

static struct verdict of_failure(const struct question *question, unsigned status)
{
	struct verdict verdict = useless(question, NULL);

	/* Of very large objects some stores send only ranges. */
	if (verdict.kind == VERDICT_REFUSE && status == 400 && !question->is_by_range)
		verdict.kind = VERDICT_ASK_RANGE;
	if (verdict.kind != VERDICT_ASK_ALL)
		return verdict;
	verdict.why = status == 416 ? "the server has no data past the partial file"
				    : "the server refuses to continue the download";
	if (policy_may_pass(status))
		verdict.kind = VERDICT_ASK_AGAIN;
	return verdict;
}

/* A status that nobody knows is as good as the first of its kind (RFC 9110 15); 203 is one of 200.
 */
static bool is_success(unsigned status)
{
	return status == 200 || status == 203 || (status >= 209 && status <= 299 && status != 226);
}

/*
 * Some servers call whatever is older not modified, and so a file that an older one replaced: what
 * the 304 names must be what was asked by (RFC 9110 15.4.5).
 */
static struct verdict of_not_modified(const struct question *question,
				      const struct http_response *head)
{
	if (differs(question, head))
		return useless(question, has_changed);
	return (struct verdict){.kind = VERDICT_SAME};
}

struct verdict verdict_of(const struct question *question, const struct http_response *head)
{
	if (head->status == 206)
		return of_partial(question, head);
	if (is_success(head->status))
		return of_whole(question, head);
	if (head->status == 304 && question->is_conditional)
		return of_not_modified(question, head);
	return of_failure(question, head->status);
}

bool verdict_is_not_newer(time_t than, const struct http_response *head, time_t now)
{
	time_t modified;

	if (head->status == 304)
		return true;
	return (is_success(head->status) || head->status == 206) &&
	       http_date_parse(head->last_modified, now, &modified) && modified <= than;
}

static struct verdict refuse(const char *why)
{
	return (struct verdict){.kind = VERDICT_REFUSE, .why = why};
}

static bool is_the_part(uint64_t offset, uint64_t length, const struct http_response *head,
			const struct http_content_range *range)
{
	if (range->offset != offset || contradicts(head, range->length))
		return false;
	if (range->length == length)
		return true;
	/* It ends with the file. */
	return (length == 0 || range->length < length) && range->has_size &&
	       range->offset + range->length == range->size;
}

struct verdict verdict_of_part(uint64_t offset, uint64_t length, const struct http_response *head)
{
	struct http_content_range range = {0};

	if (is_success(head->status))
		return refuse("the server sends files only as a whole");
	if (head->status != 206)
		return refuse(NULL);
	if (!head->content_range.data || !http_content_range_parse(head->content_range, &range) ||
	    !range.has_range)
		return refuse("the server does not say which bytes it sends");
	if (!is_the_part(offset, length, head, &range))
		return refuse("the server sends other bytes than requested");
	return take(offset, offset + range.length,
		    range.has_size ? range.size : offset + range.length);
}
