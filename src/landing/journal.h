/* SPDX-License-Identifier: MIT */
/*
 * What lets an interrupted download continue: NAME.part.state, a small JSON file beside NAME.part.
 *
 * It claims only bytes that are on the disk: it is written after they were synced. It knows its
 * part: which file that is, what it had at some places, and when it was last written to. It knows
 * its source: URL, validator, size. What changes while bytes come lies in the first 512 bytes, a
 * sector, which is written in place through a descriptor that stays open. So an update is whole or
 * has not happened, needs no room on the disk, no second file and no name. It ends in a checksum of
 * the whole.
 *
 * The stretches that are there are told in blocks, as far as they fit; the smallest are left out.
 * The first version knew of one, from the file's start on, and had no checksum: it is read, too,
 * and the next update makes it one of this version.
 */
#ifndef SLUICE_LANDING_JOURNAL_H
#define SLUICE_LANDING_JOURNAL_H

#include "landing/intervals.h"
#include "landing/validator.h"

#include <stddef.h>

struct buffer;
struct statx;

struct journal {
	char *url;                  /* as it was given */
	struct validator validator; /* without one the download cannot be continued */
	uint64_t size;              /* of the whole file; UINT64_MAX: not known */

	/* Which file the part is. No number is enough: see journal_is_of. */
	uint64_t inode;
	char device[24]; /* "major:minor" */
	char born[32];   /* empty where the file system does not tell */

	/* In the first sector */
	struct intervals done; /* what is there: see journal_set_done */
	char sample[17];       /* digest of the last blocks of what can be continued from */
	char modified[32];     /* when the part was last written to; empty: it is being written */

	uint64_t rest_digest; /* of what is behind the sector */
};

#define JOURNAL_STATX (STATX_INO | STATX_BTIME | STATX_MTIME | STATX_SIZE)

/* What the JSON library reads once for itself is no part of a download's bill: before it starts. */
void journal_prepare(void);
/* Frees what the journal owns, and empties it. */
void journal_clear(struct journal *journal);

/* Pure: from and to text. Results as of journal_read; format returns 0 or -ENOMEM. */
int journal_parse(struct journal *journal, const char *text, size_t length);
int journal_format(struct journal *journal, struct buffer *text);
/* Of such a text, at least 512 bytes long. */
uint64_t journal_checksum(const char *text, size_t length);

/* 0; -ENODATA where the file is empty; -EINVAL where it is no journal of a version that is known;
 * -EBADMSG where it is damaged. */
int journal_read(struct journal *journal, int fd);
/* The whole text, over what the file has. Returns 0 or -errno. */
int journal_write(struct journal *journal, int fd);
/* The first sector. The rest must be as journal_write wrote it, or journal_read found it. */
int journal_update(const struct journal *journal, int fd);

/* Remembers that these are there: whole blocks of them, and as many as fit. */
void journal_set_done(struct journal *journal, const struct intervals *done);
/* Those from which a download continues, which always leave something to ask for. */
struct intervals journal_usable(const struct journal *journal);
/* Remembers which file the part is, ... */
void journal_set_part(struct journal *journal, const struct statx *part);
/* ... and tells whether it is this one. */
bool journal_is_of(const struct journal *journal, const struct statx *part);
/* Sets `modified` to when it is said to have been written to. */
void journal_set_modified(struct journal *journal, const struct statx *part);
/* Fills sample from the open part, for what `done` says. Returns 0 or -errno. */
int journal_take_sample(struct journal *journal, int part);
/* Why the open part is not as the journal left it; NULL: it is. */
const char *journal_compare(const struct journal *journal, int part, const struct statx *status);

#endif
