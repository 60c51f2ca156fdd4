/* SPDX-License-Identifier: MIT */
/*
 * The digest that the file is to have, by the caller's word or the server's: whether what is there
 * has it already, and whether what goes to a descriptor does. What goes to a file is the landing's
 * to check.
 */
#include "base/cleanup.h"
#include "base/error.h"
#include "base/sys.h"
#include "fetch/download.h"
#include "http/digest-field.h"

#include <errno.h>
#include <fcntl.h>

int download_expect(struct download *download)
{
	const char *text = download->options.digest;
	struct checked *checked = &download->checked;

	if (!text)
		return 0;
	if (!digest_parse(&checked->expected, text))
		return error_set(&download->error, EINVAL,
				 "'%s' is no digest: expected sha256:, sha512: or blake2b: and "
				 "its hexadecimal digits",
				 text);
	if (download_wants_part(download) || download->output.keeps_nothing)
		return error_set(&download->error, EINVAL,
				 "a digest is that of a whole file, of which nothing may be left "
				 "out or dropped");
	if (download->landing)
		landing_expect(download->landing, &checked->expected);
	return 0;
}

/* What the server says of its file: only where nobody else has said what is wanted. */
static void take_answers(struct download *download)
{
	const struct http_response *head = &download->exchange.head;
	struct checked *checked = &download->checked;

	if (checked->expected.algorithm && !checked->is_servers)
		return;
	checked->is_servers = true;
	checked->expected.algorithm = NULL;
	for (const struct hash_algorithm *const *at = hash_algorithms; *at; at++)
		if (http_digest_find(head->repr_digest, *at, &checked->expected) ||
		    (head->status != 206 &&
		     http_digest_find(head->content_digest, *at, &checked->expected)))
			return;
	checked->expected.algorithm = NULL;
}

void download_expect_answers(struct download *download)
{
	struct checked *checked = &download->checked;

	take_answers(download);
	landing_expect(download->landing, checked->expected.algorithm ? &checked->expected : NULL);
}

/* Of what is there */

static void on_follow(void *owner)
{
	download_wake(owner);
}

static int follow_there(struct download *download, struct path_file *file)
{
	const struct follow_options options = {on_follow, download, &download->body.tally};
	struct checked *checked = &download->checked;
	int result = follow_open(&checked->follow, download->loop, file,
				 checked->expected.algorithm, 0, &options);

	if (result == 0)
		follow_advance(checked->follow, file->status.stx_size, true);
	return result;
}

/* 1: there is a file that may have the digest; 0: there is none that can be read. */
static int open_there(struct download *download)
{
	const struct landing_found *found = landing_found(download->landing);
	_cleanup_fd_ int fd = sys_open(found->directory, found->name,
				       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	struct path_file *file;
	int result = fd < 0 ? fd : path_file_open(&file, fd, false, false);

	if (result < 0)
		return 0;
	result = S_ISREG(file->status.stx_mode) ? follow_there(download, file) : -EINVAL;
	path_file_release(file);
	return result == 0;
}

int download_has_digest(struct download *download)
{
	struct checked *checked = &download->checked;
	struct digest digest;
	int result;

	if (!checked->expected.algorithm || !download->landing)
		return 0;
	if (!checked->follow && !open_there(download))
		return 0;
	result = follow_result(checked->follow, &digest);
	if (result == -EAGAIN)
		return download_wait_job(download);
	follow_close(checked->follow);
	checked->follow = NULL;
	if (result == 0 && digest_equal(&digest, &checked->expected))
		return 1;
	/* Whatever the server says of its age, it is not what is wanted. */
	download_question(download, NULL);
	return 0;
}

/* Of what goes to a descriptor */

int checked_begin(struct download *download)
{
	struct checked *checked = &download->checked;
	int result;

	/* What comes now is put behind that. */
	if (download->body.written_to_fd > 0)
		return 0;
	hash_close(checked->hash);
	checked->hash = NULL;
	if (download->output.fd < 0 || download_wants_part(download))
		return 0;
	take_answers(download);
	if (!checked->expected.algorithm)
		return 0;
	result = hash_open(&checked->hash, checked->expected.algorithm);
	return result < 0 ? error_set_errno(&download->error, -result, "computing the %s digest",
					    checked->expected.algorithm->name)
			  : 0;
}

void checked_add(struct download *download, const char *data, size_t length)
{
	if (download->checked.hash)
		hash_add(download->checked.hash, data, length);
}

int checked_end(struct download *download)
{
	struct checked *checked = &download->checked;
	struct digest digest;
	int result;

	if (!checked->hash)
		return 0;
	result = hash_end(checked->hash, &digest);
	hash_close(checked->hash);
	checked->hash = NULL;
	if (result < 0)
		return error_set_errno(&download->error, -result, "computing the %s digest",
				       digest.algorithm->name);
	if (digest_equal(&digest, &checked->expected))
		return 0;
	result = digest_refuse(&digest, &checked->expected, &download->error);
	error_append(&download->error, "; it has been written all the same");
	return result;
}

void checked_close(struct download *download)
{
	follow_close(download->checked.follow);
	hash_close(download->checked.hash);
	download->checked.follow = NULL;
	download->checked.hash = NULL;
}
