/* SPDX-License-Identifier: MIT */
#include "landing/journal.h"

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/size.h"
#include "base/sys.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum {
	VERSION = 2,
	SECTOR = 512,         /* what a disk writes whole or not at all */
	TEXT_MAX = 512 << 10, /* a long URL, escaped */
	BLOCK = 4096,         /* where a download continues, so that it can use O_DIRECT again */
};

/* How the sector ends. */
#define SEAL "\n  \"checksum\": \"%016" PRIx64 "\","
enum {
	SEAL_LENGTH = 34,
	DONE_ROOM = SECTOR - SEAL_LENGTH - 123, /* what is before it has 124 bytes at most */
};

void journal_prepare(void)
{
	json_object_seed(0);
}

void journal_clear(struct journal *journal)
{
	free(journal->url);
	*journal = (struct journal){0};
}

/* Reading */

static bool take_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
	return strlen(from) < size;
}

/* The first version's: one stretch, to the byte. */
static bool take_bytes(struct journal *journal, json_t *bytes)
{
	json_int_t done = json_integer_value(bytes);
	uint64_t size = journal->size == UINT64_MAX ? 0 : journal->size;
	struct intervals set = {0};

	if (!json_is_integer(bytes) || done < 0 || (uint64_t)done > size)
		return false;
	intervals_add(&set, 0, (uint64_t)done);
	journal_set_done(journal, &set);
	return true;
}

static bool take_block(json_t *number, uint64_t size, uint64_t *offset)
{
	json_int_t block = json_integer_value(number);

	if (!json_is_integer(number) || block < 0 || block > INT64_MAX / BLOCK)
		return false;
	*offset = (uint64_t)block * BLOCK;
	if (*offset > size_round_up(size, BLOCK))
		return false;
	*offset = size_min(*offset, size);
	return true;
}

/* Each behind the one before, with a gap between. */
static bool take_blocks(struct journal *journal, json_t *pairs)
{
	uint64_t size = journal->size == UINT64_MAX ? 0 : journal->size;
	struct intervals *done = &journal->done;

	if (!json_is_array(pairs) || json_array_size(pairs) > INTERVALS_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(pairs); i++) {
		json_t *pair = json_array_get(pairs, i);
		uint64_t from, to;

		if (!json_is_array(pair) || json_array_size(pair) != 2 ||
		    !take_block(json_array_get(pair, 0), size, &from) ||
		    !take_block(json_array_get(pair, 1), size, &to) || from >= to ||
		    (i > 0 && from <= intervals_end(done)))
			return false;
		intervals_add(done, from, to);
	}
	return true;
}

static bool take_done(struct journal *journal, json_t *root, json_int_t version)
{
	return version == 1 ? take_bytes(journal, json_object_get(root, "done_bytes"))
			    : take_blocks(journal, json_object_get(root, "done_blocks"));
}

static bool take_size(struct journal *journal, json_int_t size)
{
	journal->size = size < 0 ? UINT64_MAX : (uint64_t)size;
	return size >= -1;
}

static bool unpack(struct journal *journal, json_t *root, json_int_t version)
{
	const char *url, *etag, *date, *device, *born, *sample, *modified;
	json_int_t inode, size;

	if (json_unpack(root, "{s:s, s:s, s:I, s:s, s:s, s:I, s:s, s:s, s:s}", "sample", &sample,
			"part_modified", &modified, "part_inode", &inode, "part_device", &device,
			"part_born", &born, "size_bytes", &size, "etag", &etag, "last_modified",
			&date, "url", &url) < 0)
		return false;
	journal->inode = (uint64_t)inode;
	journal->url = strdup(url);
	return journal->url && take_size(journal, size) && take_done(journal, root, version) &&
	       validator_set(&journal->validator, etag, date) &&
	       take_text(journal->device, sizeof(journal->device), device) &&
	       take_text(journal->born, sizeof(journal->born), born) &&
	       take_text(journal->sample, sizeof(journal->sample), sample) &&
	       take_text(journal->modified, sizeof(journal->modified), modified);
}

static uint64_t checksum(uint64_t rest_digest, const char *sector)
{
	return digest_add(rest_digest, sector, SECTOR - SEAL_LENGTH);
}

static uint64_t digest_rest(const char *text, size_t length)
{
	return digest_add(DIGEST_START, text + SECTOR, length - SECTOR);
}

uint64_t journal_checksum(const char *text, size_t length)
{
	return checksum(digest_rest(text, length), text);
}

static bool is_sealed(const char *text, size_t length)
{
	char seal[SEAL_LENGTH + 1];

	if (length < SECTOR)
		return false;
	snprintf(seal, sizeof(seal), SEAL, journal_checksum(text, length));
	return memcmp(text + SECTOR - SEAL_LENGTH, seal, SEAL_LENGTH) == 0;
}

/* What was formatted anew by somebody could not be updated. */
static int take_root(struct journal *journal, json_t *root, const char *text, size_t length)
{
	json_int_t version;

	if (json_unpack(root, "{s:I}", "version", &version) < 0 || version < 1 || version > VERSION)
		return -EINVAL;
	if (version == VERSION && !is_sealed(text, length))
		return -EBADMSG;
	if (length <= SECTOR || text[SECTOR] != '\n' || !unpack(journal, root, version))
		return -EINVAL;
	journal->rest_digest = digest_rest(text, length);
	return 0;
}

int journal_parse(struct journal *journal, const char *text, size_t length)
{
	json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	int result;

	*journal = (struct journal){0};
	result = root ? take_root(journal, root, text, length) : -EINVAL;
	json_decref(root);
	if (result < 0)
		journal_clear(journal);
	return result;
}

int journal_read(struct journal *journal, int fd)
{
	_cleanup_free_ char *text = malloc(TEXT_MAX + 1);
	size_t length = 0;
	int64_t count = 1;

	*journal = (struct journal){0};
	while (text && length <= TEXT_MAX && count > 0) {
		count = sys_pread(fd, text + length, TEXT_MAX + 1 - length, length);
		length += count > 0 ? (size_t)count : 0;
	}
	if (!text || count < 0)
		return text ? (int)count : -ENOMEM;
	if (length == 0)
		return -ENODATA;
	return length > TEXT_MAX ? -EINVAL : journal_parse(journal, text, length);
}

/* Writing */

/* JSON is UTF-8. What is not cannot be continued, but is to be read by people. */
static json_t *to_json(const char *text)
{
	json_t *string = json_string(text);
	struct buffer escaped = {0};

	if (string)
		return string;
	text_escape(&escaped, text, strlen(text));
	string = json_string(escaped.failed ? "" : escaped.data);
	buffer_free(&escaped);
	return string;
}

/* "[0,5],[7,9]"; returns its length, which fits when it is less than size. */
static size_t format_done(char *text, size_t size, const struct intervals *done)
{
	size_t length = 0;

	*text = '\0';
	for (unsigned i = 0; i < done->count && length < size; i++)
		length += (size_t)snprintf(text + length, size - length,
					   "%s[%" PRIu64 ",%" PRIu64 "]", i > 0 ? "," : "",
					   done->at[i].from / BLOCK,
					   size_round_up(done->at[i].to, BLOCK) / BLOCK);
	return length;
}

static void format_sector(char sector[SECTOR + 1], const struct journal *journal)
{
	char done[DONE_ROOM];
	int length;

	format_done(done, sizeof(done), &journal->done);
	length = snprintf(sector, SECTOR + 1,
			  "{\n  \"version\": %d,\n  \"part_modified\": \"%s\",\n"
			  "  \"sample\": \"%s\",\n  \"done_blocks\": [%s],",
			  VERSION, journal->modified, journal->sample, done);
	memset(sector + length, ' ', (size_t)(SECTOR - length));
	snprintf(sector + SECTOR - SEAL_LENGTH, SEAL_LENGTH + 1, SEAL,
		 checksum(journal->rest_digest, sector));
}

/* What does not change: the sector is its beginning. */
static char *format_rest(const struct journal *journal)
{
	json_t *root = json_pack(
		"{s:I, s:s, s:s, s:I, s:o, s:o, s:o}", "part_inode", (json_int_t)journal->inode,
		"part_device", journal->device, "part_born", journal->born, "size_bytes",
		journal->size > INT64_MAX ? (json_int_t)-1 : (json_int_t)journal->size, "etag",
		to_json(validator_etag(&journal->validator)), "last_modified",
		to_json(validator_date(&journal->validator)), "url", to_json(journal->url));
	char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;

	json_decref(root);
	return text;
}

int journal_format(struct journal *journal, struct buffer *text)
{
	_cleanup_free_ char *rest = format_rest(journal);
	char sector[SECTOR + 1];

	if (!rest)
		return -ENOMEM;
	/* Without its brace. */
	journal->rest_digest = digest_add(DIGEST_START, rest + 1, strlen(rest + 1));
	format_sector(sector, journal);
	buffer_append(text, sector, SECTOR);
	buffer_text(text, rest + 1);
	return text->failed ? -ENOMEM : 0;
}

static int write_all(int fd, const char *data, size_t length, uint64_t offset)
{
	int64_t count = sys_pwrite(fd, data, length, offset);

	if (count < 0)
		return (int)count;
	return count == (int64_t)length ? 0 : -ENOSPC;
}

int journal_write(struct journal *journal, int fd)
{
	struct buffer text = {0};
	int result = journal_format(journal, &text);

	if (result == 0)
		result = sys_ftruncate(fd, 0);
	if (result == 0)
		result = write_all(fd, text.data, text.length, 0);
	buffer_free(&text);
	return result;
}

int journal_update(const struct journal *journal, int fd)
{
	char sector[SECTOR + 1];

	format_sector(sector, journal);
	return write_all(fd, sector, SECTOR, 0);
}

void journal_set_done(struct journal *journal, const struct intervals *done)
{
	struct intervals *set = &journal->done;
	char text[DONE_ROOM];

	*set = (struct intervals){0};
	for (unsigned i = 0; i < done->count; i++) {
		uint64_t to = done->at[i].to;

		intervals_add(set, size_round_up(done->at[i].from, BLOCK),
			      to == journal->size ? to : size_round_down(to, BLOCK));
	}
	while (format_done(text, sizeof(text), set) >= sizeof(text))
		intervals_forget_smallest(set);
}

struct intervals journal_usable(const struct journal *journal)
{
	struct intervals set = journal->done;

	if (journal->size > 0 && intervals_prefix(&set) == journal->size)
		set = (struct intervals){
			.count = journal->size > BLOCK,
			.at = {{0, size_round_down(journal->size - 1, BLOCK)}},
		};
	return set;
}

/* The part */

static void format_time(char *text, size_t size, const struct statx_timestamp *when)
{
	snprintf(text, size, "%lld.%09u", (long long)when->tv_sec, when->tv_nsec);
}

static void identify(struct journal *journal, const struct statx *part)
{
	journal->inode = part->stx_ino;
	snprintf(journal->device, sizeof(journal->device), "%u:%u", part->stx_dev_major,
		 part->stx_dev_minor);
	*journal->born = '\0';
	if (part->stx_mask & STATX_BTIME)
		format_time(journal->born, sizeof(journal->born), &part->stx_btime);
}

void journal_set_part(struct journal *journal, const struct statx *part)
{
	identify(journal, part);
}

/*
 * An inode's number is given again to another file, and a device's to another device. Birth time
 * and inode name a file, on whatever device number it is found after a reboot. Without a birth time
 * there are both numbers; but network file systems and FUSE, whose device numbers are made up
 * (major 0), give both anew with each mount, and then only the sample can tell.
 */
bool journal_is_of(const struct journal *journal, const struct statx *part)
{
	struct journal now = {0};

	identify(&now, part);
	if (*journal->born && *now.born)
		return journal->inode == now.inode && strcmp(journal->born, now.born) == 0;
	if (strcmp(journal->device, now.device) == 0)
		return journal->inode == now.inode;
	return strncmp(journal->device, "0:", 2) == 0 && strncmp(now.device, "0:", 2) == 0;
}

void journal_set_modified(struct journal *journal, const struct statx *part)
{
	format_time(journal->modified, sizeof(journal->modified), &part->stx_mtime);
}

/* Of the last whole block of each. Whoever can write here needs no attack on a digest. */
int journal_take_sample(struct journal *journal, int part)
{
	struct intervals usable = journal_usable(journal);
	uint64_t digest = DIGEST_START;
	bool is_empty = true;

	*journal->sample = '\0';
	for (unsigned i = 0; i < usable.count; i++) {
		uint64_t end = size_round_down(usable.at[i].to, BLOCK);
		char block[BLOCK];
		int64_t count;

		if (end <= usable.at[i].from)
			continue;
		count = sys_pread(part, block, BLOCK, end - BLOCK);
		if (count < BLOCK)
			return count < 0 ? (int)count : -ENODATA;
		digest = digest_add(digest, block, BLOCK);
		is_empty = false;
	}
	if (!is_empty)
		snprintf(journal->sample, sizeof(journal->sample), "%016" PRIx64, digest);
	return 0;
}

const char *journal_compare(const struct journal *journal, int part, const struct statx *status)
{
	struct journal now = {.done = journal->done, .size = journal->size};

	if (!journal_is_of(journal, status))
		return "it is not the file that its journal speaks of";
	journal_set_modified(&now, status);
	if (*journal->modified && strcmp(journal->modified, now.modified) != 0)
		return "it was written to after its journal";
	if (status->stx_size < intervals_end(&journal->done))
		return "it is shorter than its journal says";
	if (journal_take_sample(&now, part) < 0 || strcmp(journal->sample, now.sample) != 0)
		return "its content is not what its journal speaks of";
	return NULL;
}
