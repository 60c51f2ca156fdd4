/* SPDX-License-Identifier: MIT */
/*
 * The head of an answer, as a client reads it (RFC 9112 2.2, 4 to 6). See message.h.
 *
 * Our own parser, although requests go through llhttp: real servers send folded lines, lines that
 * end in LF, blanks before a colon, a length twice or beside "chunked". RFC 9112 lets a client
 * accept these, but which of them llhttp accepts depends on its release, and the packaged one has
 * no flag for most. So everything with only one possible meaning is accepted. Anything from which
 * two readers could derive different body lengths is refused: lengths that differ or are not
 * numbers, codings other than chunked, a lone CR, a NUL, a name that only resembles a framing
 * field.
 *
 * Folds are undone in place: the line end becomes blanks. So nothing moves, and parsing a head
 * again when more has arrived gives the same result.
 */
#include "base/error.h"
#include "http/message.h"

#include <errno.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum repeat {
	FIRST,   /* of several lines the first counts */
	SAME,    /* further lines must say the same */
	AGREEING /* where further lines say something else, none counts: the value is empty */
};

static const struct slot {
	const char *name;
	size_t offset;
	enum repeat repeat;
} slots[] = {
	{"etag", offsetof(struct http_response, etag), AGREEING},
	{"last-modified", offsetof(struct http_response, last_modified), AGREEING},
	{"content-range", offsetof(struct http_response, content_range), SAME},
	{"content-encoding", offsetof(struct http_response, content_encoding), SAME},
	{"location", offsetof(struct http_response, location), SAME},
	{"content-type", offsetof(struct http_response, content_type), FIRST},
	{"date", offsetof(struct http_response, date), FIRST},
	{"retry-after", offsetof(struct http_response, retry_after), FIRST},
	{"repr-digest", offsetof(struct http_response, repr_digest), AGREEING},
	{"content-digest", offsetof(struct http_response, content_digest), AGREEING},
	{"sluice-bill", offsetof(struct http_response, bill), SAME},
};

struct reader {
	struct http_response *response;
	struct sluice_error *error;
	char *at, *end; /* what is still to be read */
	bool has_coding, closes, keeps;
	struct http_text junk; /* a line that is none; absent: there is none */
};

static int refuse(struct reader *reader, const char *reason, struct http_text culprit)
{
	char printable[160];

	if (!culprit.data)
		return error_set(reader->error, EPROTO, "the answer is not valid HTTP: %s", reason);
	return error_set(reader->error, EPROTO, "the answer is not valid HTTP: %s: \"%s\"", reason,
			 http_text_printable(culprit, printable, sizeof(printable)));
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

static bool holds(struct http_text text, char byte)
{
	return text.length && memchr(text.data, byte, text.length);
}

/* Goes on from `at` to the end of the line that begins at start; NULL where it is not there yet. */
static char *find_end(const struct reader *reader, char *start, char *at, struct http_text *line)
{
	char *feed = memchr(at, '\n', (size_t)(reader->end - at));
	char *stop = feed && feed > start && feed[-1] == '\r' ? feed - 1 : feed;

	if (!feed)
		return NULL;
	*line = (struct http_text){start, (size_t)(stop - start)};
	return feed + 1;
}

static int take_end(struct reader *reader, struct http_text line, char *next)
{
	if (holds(line, '\r'))
		return refuse(reader, "a CR that no LF follows", line);
	if (holds(line, '\0'))
		return refuse(reader, "a NUL in its head", line);
	reader->at = next;
	return 0;
}

/* The next line without its end; -EAGAIN where it is not complete. */
static int cut_line(struct reader *reader, struct http_text *line)
{
	char *next = find_end(reader, reader->at, reader->at, line);

	return next ? take_end(reader, *line, next) : -EAGAIN;
}

/* The next field, its folds undone, or the empty line at the end. */
static int cut_field(struct reader *reader, struct http_text *line)
{
	char *start = reader->at, *next = find_end(reader, start, start, line);

	while (next && line->length) {
		if (next == reader->end)
			return -EAGAIN; /* the next line may belong to this one */
		if (!is_blank(*next))
			break;
		memset(start + line->length, ' ', (size_t)(next - start) - line->length);
		next = find_end(reader, start, next, line);
	}
	return next ? take_end(reader, *line, next) : -EAGAIN;
}

static bool holds_word(struct http_text text, const char *word)
{
	for (; text.length; text.data++, text.length--) {
		struct http_text rest = text;

		if (http_text_cut(&rest, word))
			return true;
	}
	return false;
}

/* Whether another reader could find the body's length in what is none of its fields to us. */
static bool hides_framing(struct http_text text)
{
	return holds_word(text, "content-length") || holds_word(text, "transfer-encoding");
}

static size_t cut_blanks(struct http_text *text)
{
	size_t length = text->length;

	while (text->length && is_blank(text->data[0])) {
		text->data++;
		text->length--;
	}
	return length - text->length;
}

/* "HTTP/1.1"; of a later minor version we know what 1.1 has (RFC 9110 2.5), and 1 alone is 1.0. */
static int cut_version(struct reader *reader, struct http_text *rest)
{
	struct http_text line = *rest;
	uint64_t major, minor = 0;
	bool is_huge;

	if (!http_text_cut(rest, "HTTP/") || !http_text_cut_number(rest, &major, &is_huge) ||
	    (http_text_cut(rest, ".") && !http_text_cut_number(rest, &minor, &is_huge)))
		return refuse(reader, "it does not begin with an HTTP version", line);
	if (major != 1)
		return refuse(reader, "it is of an unknown version",
			      http_text_cut_until(&line, ' '));
	reader->response->minor = minor > 0;
	return 0;
}

/* "HTTP/1.1 200 OK", with any blanks, and with any reason or none. */
static int take_status_line(struct reader *reader, struct http_text line)
{
	struct http_text rest = line, digits;
	int result = cut_version(reader, &rest);
	uint64_t status;
	bool is_huge;

	if (result < 0)
		return result;
	if (!cut_blanks(&rest))
		return refuse(reader, "not a status of three digits", line);
	digits = rest;
	if (!http_text_cut_number(&rest, &status, &is_huge) || digits.length - rest.length != 3 ||
	    status < 100 || (rest.length && !is_blank(rest.data[0])))
		return refuse(reader, "not a status of three digits", line);
	reader->response->status = (unsigned)status;
	return 0;
}

/* RFC 9110 8.6: the same number again, or in a list, counts once. */
static int take_length(struct reader *reader, struct http_text value)
{
	struct http_response *response = reader->response;
	struct http_text rest = value;
	uint64_t length;

	do {
		struct http_text member = http_text_trim(http_text_cut_until(&rest, ','));

		if (!http_text_number(member, &length))
			return refuse(reader, "Content-Length is not a number of bytes", value);
		if (response->has_content_length && response->content_length != length)
			return refuse(reader, "different Content-Lengths", value);
		response->has_content_length = true;
		response->content_length = length;
	} while (http_text_cut(&rest, ","));
	return 0;
}

/* Chunked twice is chunked once: nobody may apply it twice (RFC 9112 6.1). */
static int take_coding(struct reader *reader, struct http_text value)
{
	struct http_text rest = value;

	do {
		struct http_text member = http_text_trim(http_text_cut_until(&rest, ','));

		if (http_text_is_nocase(member, "chunked"))
			reader->response->chunked = true;
		else if (member.length && !http_text_is_nocase(member, "identity") &&
			 !http_text_is_nocase(member, "none"))
			return refuse(reader, "a transfer coding other than chunked", value);
	} while (http_text_cut(&rest, ","));
	reader->has_coding = true;
	return 0;
}

static int take_connection(struct reader *reader, struct http_text value)
{
	do {
		struct http_text member = http_text_trim(http_text_cut_until(&value, ','));

		reader->closes |= http_text_is_nocase(member, "close");
		reader->keeps |= http_text_is_nocase(member, "keep-alive");
	} while (http_text_cut(&value, ","));
	return 0;
}

static int take_slot(struct reader *reader, const struct slot *slot, struct http_text value)
{
	struct http_text *kept = (struct http_text *)((char *)reader->response + slot->offset);

	if (!kept->data)
		*kept = value;
	else if (slot->repeat == SAME && !http_text_equal(*kept, value))
		return refuse(reader, "a repeated field", http_text_of(slot->name));
	else if (slot->repeat == AGREEING && !http_text_equal(*kept, value))
		kept->length = 0;
	return 0;
}

static int take_field(struct reader *reader, struct http_text name, struct http_text value)
{
	if (http_text_is_nocase(name, "content-length"))
		return take_length(reader, value);
	if (http_text_is_nocase(name, "transfer-encoding"))
		return take_coding(reader, value);
	if (http_text_is_nocase(name, "connection"))
		return take_connection(reader, value);
	for (size_t i = 0; i < COUNT(slots); i++)
		if (http_text_is_nocase(name, slots[i].name))
			return take_slot(reader, &slots[i], value);
	return 0;
}

/* A line whose name no field may have is skipped: it means nothing to anybody. */
static int take_line(struct reader *reader, struct http_text line)
{
	struct http_text rest = line, name = http_text_trim(http_text_cut_until(&rest, ':'));
	bool has_colon = http_text_cut(&rest, ":");

	if (has_colon && http_text_is_token(name))
		return take_field(reader, name, http_text_trim(rest));
	if (hides_framing(name))
		return refuse(reader, "not a field name", name);
	if (!has_colon)
		reader->junk = line;
	return 0;
}

/* RFC 9112 2.2: lines before the first field that begin with a blank are read over. */
static int skip_indented(struct reader *reader)
{
	struct http_text line;
	int result = 0;

	while (result == 0 && reader->at < reader->end && is_blank(*reader->at)) {
		result = cut_line(reader, &line);
		if (result == 0 && hides_framing(line))
			result = refuse(reader, "a folded line without a field", line);
	}
	return result;
}

static bool has_no_body(unsigned status)
{
	return status < 200 || status == 204 || status == 304;
}

/*
 * RFC 9112 6.1, 6.3: chunked counts, and not a length beside it. After such an answer, or a coding
 * in HTTP/1.0, what else comes on the connection is in doubt.
 */
static int settle(struct reader *reader)
{
	struct http_response *response = reader->response;
	bool is_doubtful =
		reader->has_coding && (response->has_content_length || response->minor == 0);
	bool persists = response->minor > 0 || reader->keeps;

	/* Where the empty line is missing, such lines are of the body: its end must tell. */
	if (reader->junk.data && !response->chunked && !response->has_content_length)
		return refuse(reader, "a line without a colon", reader->junk);
	if (response->chunked) {
		response->has_content_length = false;
		response->content_length = 0;
	}
	response->keep_alive = persists && !reader->closes && !is_doubtful &&
			       (response->chunked || response->has_content_length ||
				has_no_body(response->status));
	return 0;
}

/* A peer that speaks something else may never end its line: it is told by its first bytes. */
static bool may_be_http(const char *data, size_t length)
{
	static const char start[] = "HTTP/";
	struct http_text begin = {data, length < sizeof(start) - 1 ? length : sizeof(start) - 1};
	struct http_text wanted = {start, begin.length};

	while (begin.length && (begin.data[0] | 0x20) == (wanted.data[0] | 0x20)) {
		begin.data++, wanted.data++;
		begin.length--;
	}
	return !begin.length;
}

static int refuse_begin(struct reader *reader)
{
	struct http_text rest = {reader->at, (size_t)(reader->end - reader->at)};
	struct http_text line = http_text_cut_until(&rest, '\n');

	if (line.length && line.data[line.length - 1] == '\r')
		line.length--;
	if (line.length > 1 && !memcmp(line.data, "\x15\x03", 2)) /* an alert */
		return error_set(reader->error, EPROTO,
				 "the server speaks TLS here: the URL may begin with https://");
	return refuse(reader, "it does not begin with an HTTP version", line);
}

static int read_head(struct reader *reader)
{
	struct http_text line;
	int result;

	/* Empty lines that belong to nothing */
	while (reader->at < reader->end && (*reader->at == '\n' || *reader->at == '\r')) {
		result = cut_line(reader, &line);
		if (result < 0)
			return result;
		if (line.length)
			return refuse(reader, "it does not begin with an HTTP version", line);
	}
	if (!may_be_http(reader->at, (size_t)(reader->end - reader->at)))
		return refuse_begin(reader);
	result = cut_line(reader, &line);
	if (result == 0)
		result = take_status_line(reader, line);
	if (result == 0)
		result = skip_indented(reader);
	while (result == 0 && (result = cut_field(reader, &line)) == 0 && line.length)
		result = take_line(reader, line);
	return result;
}

int http_response_parse(struct http_response *response, char *data, size_t length, size_t *used,
			struct sluice_error *error)
{
	bool is_cut = length >= HTTP_RESPONSE_HEAD_MAX;
	struct reader reader = {.response = response, .error = error, .at = data};
	int result;

	*response = (struct http_response){0};
	reader.end = data + (is_cut ? HTTP_RESPONSE_HEAD_MAX : length);
	result = read_head(&reader);
	if (result == -EAGAIN && is_cut)
		return refuse(&reader, "its head is longer than 256 KiB", (struct http_text){0});
	if (result == 0)
		result = settle(&reader);
	if (result == 0)
		*used = (size_t)(reader.at - data);
	return result;
}
