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
	VERSION = 1,
	SECTOR = 512,         /* what a disk writes whole or not at all */
	TEXT_MAX = 512 << 10, /* a long URL, escaped */
	BLOCK = 4096,         /* where a download continues, so that it can use O_DIRECT again */
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

static bool take_numbers(struct journal *journal, json_int_t size, json_int_t done)
{
	journal->size = size < 0 ? UINT64_MAX : (uint64_t)size;
	journal->done = (uint64_t)done;
	return size >= -1 && done >= 0 && done <= (size < 0 ? 0 : size);
}

static bool unpack(struct journal *journal, json_t *root)
{
	const char *url, *etag, *date, *device, *born, *sample, *modified;
	json_int_t version, inode, size, done;

	if (json_unpack(root, "{s:I, s:I, s:s, s:s, s:I, s:s, s:s, s:I, s:s, s:s, s:s}", "version",
			&version, "done_bytes", &done, "sample", &sample, "part_modified",
			&modified, "part_inode", &inode, "part_device", &device, "part_born", &born,
			"size_bytes", &size, "etag", &etag, "last_modified", &date, "url",
			&url) < 0 ||
	    version != VERSION)
		return false;
	journal->inode = (uint64_t)inode;
	journal->url = strdup(url);
	return journal->url && take_numbers(journal, size, done) &&
	       validator_set(&journal->validator, etag, date) &&
	       take_text(journal->device, sizeof(journal->device), device) &&
	       take_text(journal->born, sizeof(journal->born), born) &&
	       take_text(journal->sample, sizeof(journal->sample), sample) &&
	       take_text(journal->modified, sizeof(journal->modified), modified);
}

static int parse(struct journal *journal, const char *text, size_t length)
{
	json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	bool is_good = root && unpack(journal, root);

	json_decref(root);
	if (!is_good)
		journal_clear(journal);
	return is_good ? 0 : -EINVAL;
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
	return length > TEXT_MAX ? -EINVAL : parse(journal, text, length);
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

static void format_sector(char sector[SECTOR + 1], const struct journal *journal)
{
	int length = snprintf(sector, SECTOR + 1,
			      "{\n  \"version\": %d,\n  \"done_bytes\": %" PRIu64
			      ",\n  \"sample\": \"%s\",\n  \"part_modified\": \"%s\",",
			      VERSION, journal->done, journal->sample, journal->modified);

	memset(sector + length, ' ', (size_t)(SECTOR - length));
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

static int write_all(int fd, const char *data, size_t length, uint64_t offset)
{
	int64_t count = sys_pwrite(fd, data, length, offset);

	if (count < 0)
		return (int)count;
	return count == (int64_t)length ? 0 : -ENOSPC;
}

int journal_write(const struct journal *journal, int fd)
{
	_cleanup_free_ char *rest = format_rest(journal);
	struct buffer text = {0};
	char sector[SECTOR + 1];
	int result;

	if (!rest)
		return -ENOMEM;
	format_sector(sector, journal);
	buffer_append(&text, sector, SECTOR);
	buffer_text(&text, rest + 1); /* without its brace */
	result = text.failed ? -ENOMEM : sys_ftruncate(fd, 0);
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

/* The part */

uint64_t journal_continue_at(uint64_t done, uint64_t size)
{
	/* One byte less than all, so that there is always something left to ask for. */
	if (done == size && done > 0)
		done--;
	return size_round_down(done, BLOCK);
}

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

/* Whoever can write here needs no attack on a digest. */
static int take_sample(char sample[17], int part, uint64_t end)
{
	unsigned char block[BLOCK];
	int64_t count = sys_pread(part, block, BLOCK, end - BLOCK);

	if (count < BLOCK)
		return count < 0 ? (int)count : -ENODATA;
	snprintf(sample, 17, "%016" PRIx64, digest_add(DIGEST_START, block, BLOCK));
	return 0;
}

int journal_take_sample(struct journal *journal, int part)
{
	uint64_t end = journal_continue_at(journal->done, journal->size);

	*journal->sample = '\0';
	return end == 0 ? 0 : take_sample(journal->sample, part, end);
}

const char *journal_compare(const struct journal *journal, int part, const struct statx *status)
{
	struct journal now = {.done = journal->done, .size = journal->size};

	if (!journal_is_of(journal, status))
		return "it is not the file that its journal speaks of";
	journal_set_modified(&now, status);
	if (*journal->modified && strcmp(journal->modified, now.modified) != 0)
		return "it was written to after its journal";
	if (status->stx_size < journal->done)
		return "it is shorter than its journal says";
	if (journal_take_sample(&now, part) < 0 || strcmp(journal->sample, now.sample) != 0)
		return "its content is not what its journal speaks of";
	return NULL;
}
