/* SPDX-License-Identifier: MIT */
/*
 * A file that is being received. One landing, any number of ranges, which arrive in any order and
 * at once, on one loop. Where the bytes come from is no concern of a landing: get and receive land
 * the same way.
 *
 * The landing owns the file. It takes the space once, knows which bytes are written (settled),
 * brings the journal up to date every 5 s, about nothing that is not on the disk, syncs, takes its
 * own pages out of the page cache, and at the end gives the file its name: part, fsync, name, fsync
 * of the directory. Whatever can wait for a disk is done on a helper thread, one thing at a time.
 *
 * There are two kinds. One has names: NAME, and NAME.part with its journal, which a later landing
 * goes on with. The other writes into a descriptor of the caller's, or keeps nothing: no names, no
 * journal.
 *
 * The contract. All calls belong to the loop's thread, but for landing_open_name, which may wait
 * for a disk and needs no loop. Of start, resume, finish and abandon one is under way at a time: it
 * ends in `done`, which runs in loop_run, never inside the call. An error that was passed is filled
 * by then. In `done` the next may be called, and landing_close. Only abandon may come while another
 * is under way, whose `done` it takes. While finish or abandon is under way, the open ranges are
 * the landing's, which closes them: their owners let go of them.
 *
 * Where a digest is expected, the bytes are hashed while they arrive, or are read again past the
 * page cache; the file gets its name only if that is its digest.
 *
 * What fails in the background, a save of the journal, a range is told at its next step. A sync
 * that failed is told only once by the kernel: nothing is claimed after that.
 */
#ifndef SLUICE_LANDING_LANDING_H
#define SLUICE_LANDING_LANDING_H

#include "base/buffer.h"
#include "digest/hash.h"
#include "landing/intervals.h"
#include "landing/validator.h"
#include "plan/plan.h"

struct landing;
struct landing_range;

/* What a library reads once for itself is no part of a bill: before that starts. */
void landing_prepare(void);

struct landing_options {
	void (*done)(void *owner, int result);
	void *owner;
	const struct path_recv *forced; /* NULL: the plan chooses */
	struct tally *tally;            /* bytes are added to it */
	bool keep_cached, no_sync;
	bool keeps_existing; /* what has the file's name by then is not replaced: -EEXIST */
	bool explains;       /* keep lines for landing_explain */
	bool sparse;         /* zeros take no space, and so none is taken in advance */
};

/* Where it lands, and what an earlier landing left that this one can go on with. */
struct landing_found {
	int directory;    /* an open descriptor */
	const char *name; /* the file's in it */
	const char *part; /* and that of its part */
	struct intervals there;
	uint64_t size;              /* of the whole; with there */
	struct validator validator; /* of the source */
	bool had_part;              /* there was one that cannot be gone on with */
	const char *aside; /* what lies at the usual names and is not ours; empty: nothing does */
};

/*
 * For a file of this name, from this URL: opens the directory and looks
 * for what is there. Changes nothing. Errors name the file.
 */
int landing_open_name(struct landing **landing, const char *path, const char *url,
		      const struct landing_options *options, struct sluice_error *error);
/*
 * Into an open file, of which a reference is kept; NULL: nothing is kept. What comes lies between
 * offset and offset + length; UINT64_MAX: nobody knows how much it is. Ranges can be opened at
 * once.
 */
int landing_open_file(struct landing **landing, struct loop *loop, struct path_file *file,
		      uint64_t offset, uint64_t length, const struct landing_options *options,
		      struct sluice_error *error);
/*
 * At any time; NULL is allowed. Closes the ranges, too. What is under way ends by itself, and
 * `done` is not called. What has names is left as by a kill.
 */
void landing_close(struct landing *landing);

/* With names */

const struct landing_found *landing_found(const struct landing *landing);
bool landing_is_begun(const struct landing *landing);   /* start or resume was called */
bool landing_can_resume(const struct landing *landing); /* no sync has failed */
/*
 * All of the file comes, of this size (UINT64_MAX: not known) and validator (an empty one: a later
 * landing cannot go on with it). Makes or empties the part. Again where what came is of no use.
 */
void landing_start(struct landing *landing, struct loop *loop, const struct validator *validator,
		   uint64_t size, struct sluice_error *error);
/* Goes on with what was found, of which this stays. Once, instead of the first start. */
void landing_resume(struct landing *landing, struct loop *loop, const struct intervals *keep,
		    struct sluice_error *error);
/*
 * What all of the file is to have; NULL: whatever it has. For the next start or resume. Where
 * finish ends in -EBADMSG it is another one: then abandon leaves the part as it is, and its journal
 * goes.
 */
void landing_expect(struct landing *landing, const struct digest *expected);
/*
 * Once begun: ends it without success. Saves what can be gone on with, and removes the rest, unless
 * it is to stay anyway; says which behind the error, which may be NULL. `done` gets -ECANCELED; or
 * 0 where it was too late because finish had just given the file its name.
 */
void landing_abandon(struct landing *landing, bool stays_anyway, struct sluice_error *error);

/*
 * Before the file gets its name, its bytes being on the disk: calls stamp on a helper thread, for
 * what lies beside them, as attributes. The argument becomes the landing's, which frees it.
 */
void landing_stamp(struct landing *landing, void (*stamp)(void *argument, int fd), void *argument);

/* Ranges */

/*
 * The range takes length bytes (UINT64_MAX: until the peer closes) from a channel that must outlive
 * it. What is settled already may come again only as it is. wake: a completion came, so step, push
 * or flush again, but not in this call.
 */
int landing_range_open(struct landing_range **range, struct landing *landing,
		       struct channel *channel, uint64_t offset, uint64_t length,
		       void (*wake)(void *owner), void *owner, struct sluice_error *error);
/* As range_recv_step, range_recv_push, range_recv_flush. */
int64_t landing_range_step(struct landing_range *range, uint64_t most);
int64_t landing_range_push(struct landing_range *range, const void *data, size_t length);
int landing_range_flush(struct landing_range *range);
bool landing_range_waits_for_socket(const struct landing_range *range);
uint64_t landing_range_offset(const struct landing_range *range); /* of the next byte to receive */
/* Every byte of it below is written. */
uint64_t landing_range_settled(const struct landing_range *range);
/* Counts what is written; what is not written yet is lost: flush before. NULL is allowed. */
void landing_range_close(struct landing_range *range);

/* The whole */

/* What is written: by ranges that are closed and by those that are open. */
struct intervals landing_settled(const struct landing *landing);
/* How many bytes have come, written or not, with those that stayed. */
uint64_t landing_total(const struct landing *landing);
/* The file that is written to, for reading; NULL: none. */
struct path_file *landing_file(const struct landing *landing);
/* Which bytes came by which path and why, a line each, of all ranges so far. */
void landing_explain(const struct landing *landing, struct buffer *lines);
/* Says what it means that writing failed with this code; returns it. */
int landing_failed(const struct landing *landing, int64_t code, struct sluice_error *error);
/*
 * Flushes and closes the ranges, syncs; with names: the file, now whole with `size` bytes
 * (UINT64_MAX: as many as came), gets its name. After a failure it can still be abandoned.
 */
void landing_finish(struct landing *landing, uint64_t size, struct sluice_error *error);

#endif
