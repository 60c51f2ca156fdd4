/* SPDX-License-Identifier: MIT */
/* Validators and conditional requests. See condition.h. */
#include "http/condition.h"

#include "http/date.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	WEAK_DATE_SECONDS = 60,
	SETTLED_NS = 20000000, /* two ticks of the slowest kernel's clock, HZ=100 */
	/* File systems with the coarsest time stamps (FAT), or with a server's clock. */
	SETTLED_SECONDS = 2,
	SECOND_NS = 1000000000,
};

/* From a time stamp to now; of a stamp in the future, negative. */
static int64_t age_ns(struct statx_timestamp stamp, struct timespec now)
{
	int64_t seconds = now.tv_sec - stamp.tv_sec;

	if (seconds > SETTLED_SECONDS || seconds < -SETTLED_SECONDS)
		return seconds > 0 ? INT64_MAX : INT64_MIN;
	return seconds * SECOND_NS + now.tv_nsec - stamp.tv_nsec;
}

/*
 * Every change sets ctime to the clock's last tick; if that is a whole second, the file system
 * counts in seconds. A program can set mtime to anything, even the future, so mtime only shows that
 * somebody is writing now.
 */
static bool is_young(const struct statx *status, struct timespec now)
{
	int64_t modified = age_ns(status->stx_mtime, now);
	int64_t settled =
		status->stx_ctime.tv_nsec ? SETTLED_NS : SETTLED_SECONDS * (int64_t)SECOND_NS;

	return age_ns(status->stx_ctime, now) < settled ||
	       (modified >= 0 && modified < SETTLED_SECONDS * (int64_t)SECOND_NS);
}

void http_etag_format(char etag[HTTP_ETAG_SIZE], const struct statx *status, struct timespec now)
{
	snprintf(etag, HTTP_ETAG_SIZE,
		 "%s\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 ".%" PRIx32 "-%" PRIx64
		 ".%" PRIx32 "\"",
		 is_young(status, now) ? "W/" : "",
		 (uint64_t)status->stx_dev_major << 32 | status->stx_dev_minor,
		 (uint64_t)status->stx_ino, (uint64_t)status->stx_size,
		 (uint64_t)status->stx_mtime.tv_sec, status->stx_mtime.tv_nsec,
		 (uint64_t)status->stx_ctime.tv_sec, status->stx_ctime.tv_nsec);
}

/* Cuts one quoted opaque-tag off the front; the absent text where there is none (RFC 9110 8.8.3).
 */
static struct http_text cut_opaque_tag(struct http_text *text)
{
	struct http_text tag = *text;
	struct http_text body;

	if (!http_text_cut(text, "\""))
		return (struct http_text){0};
	body = http_text_cut_until(text, '"');
	for (size_t i = 0; i < body.length; i++) {
		unsigned char byte = (unsigned char)body.data[i];

		if (byte <= 0x20 || byte == 0x7f)
			return (struct http_text){0};
	}
	if (!http_text_cut(text, "\""))
		return (struct http_text){0};
	tag.length = body.length + 2;
	return tag;
}

bool http_etag_is_strong(struct http_text etag)
{
	return cut_opaque_tag(&etag).data && !etag.length;
}

/* Cuts "W/" off; it is case-sensitive, unlike what http_text_cut takes. */
static bool cut_weak(struct http_text *text)
{
	return text->length && text->data[0] == 'W' && http_text_cut(text, "W/");
}

/*
 * Whether a list of entity tags names the current one. A list is read up to what is malformed in
 * it: a tag that we cannot read is not ours.
 */
static bool list_has(struct http_text list, const char *etag, bool is_weak_enough)
{
	struct http_text current = http_text_of(etag);

	if (cut_weak(&current) && !is_weak_enough)
		return false;
	do {
		struct http_text rest = http_text_trim(list);
		bool is_weak = cut_weak(&rest);
		struct http_text tag = {0};

		if (rest.length && rest.data[0] != ',') {
			tag = cut_opaque_tag(&rest);
			if (!tag.data)
				return false;
		}
		if (tag.data && http_text_is(tag, current.data) && (is_weak_enough || !is_weak))
			return true;
		list = http_text_trim(rest);
	} while (http_text_cut(&list, ","));
	return false;
}

static bool matches(struct http_text list, const struct http_validators *current,
		    bool is_weak_enough)
{
	return http_text_is(list, "*") ||
	       (current->etag && list_has(list, current->etag, is_weak_enough));
}

/* Whether the representation is newer than the date; `otherwise` where it is not a date. */
static bool is_modified_since(struct http_text date, const struct http_validators *current,
			      bool otherwise)
{
	time_t when;

	if (!http_date_parse(date, current->now, &when))
		return otherwise;
	return current->modified > when;
}

static bool is_412(const struct http_request *request, const struct http_validators *current)
{
	if (request->if_match.data)
		return !matches(request->if_match, current, false);
	return is_modified_since(request->if_unmodified_since, current, false);
}

int http_conditions(const struct http_request *request, const struct http_validators *current)
{
	bool is_read = request->method == HTTP_GET || request->method == HTTP_HEAD;

	if (is_412(request, current))
		return 412;
	if (request->if_none_match.data) {
		if (!matches(request->if_none_match, current, true))
			return 200;
		return is_read ? 304 : 412;
	}
	return is_read && !is_modified_since(request->if_modified_since, current, true) ? 304 : 200;
}

/* A file may change twice within a second: only an old date names one state of it (8.8.2.2). */
static bool is_strong_date(const struct http_validators *current)
{
	return current->modified <= current->now - WEAK_DATE_SECONDS;
}

bool http_if_range_holds(const struct http_request *request, const struct http_validators *current)
{
	struct http_text wanted = request->if_range;
	time_t when;

	if (!wanted.data)
		return true;
	if (http_etag_is_strong(wanted))
		return current->etag && http_text_is(wanted, current->etag);
	return http_date_parse(wanted, current->now, &when) && when == current->modified &&
	       is_strong_date(current);
}
