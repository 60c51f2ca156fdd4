/* SPDX-License-Identifier: MIT */
/*
 * A download under way, as a state machine on a loop. A private part of fetch/: get.c is the whole,
 * each other file a step of it with a state of its own, which that file alone writes to.
 *
 * A step returns -EAGAIN where it has to wait; `download_wake` has get.c call it again, from where
 * it was. Nothing turns the loop but the loop's owner. What fails is said in download->error.
 */
#ifndef SLUICE_FETCH_DOWNLOAD_H
#define SLUICE_FETCH_DOWNLOAD_H

#include "base/meter.h"
#include "base/pace.h"
#include "base/tally.h"
#include "digest/follow.h"
#include "fetch/dealer.h"
#include "fetch/exchange.h"
#include "fetch/origin.h"
#include "fetch/retry.h"
#include "fetch/stream.h"
#include "fetch/verdict.h"
#include "http/bill.h"
#include "landing/batch.h"
#include "landing/landing.h"

struct download;

/* A file operation, or work on a helper thread. A download is freed when none is under way. */
struct job {
	struct loop_op op;
	struct download *download;
	int64_t result;
	enum { JOB_IDLE, JOB_BUSY, JOB_DONE } state;
};

/* output.c: where the bytes go */
struct output {
	const struct path_recv *path; /* NULL: the plan chooses */
	bool keeps_nothing;           /* path discard */
	int fd;                       /* -1: to a file by way of its part */
	bool owns_fd;
	bool syncs_fd;   /* it is a disk */
	bool is_fifo;    /* whose reader may be yet to come */
	bool is_skipped; /* the file is there, and is to stay */
	bool is_new;     /* nothing has the name of the file, or one that goes with it */
	struct loop_timer timer;
	char file[4096]; /* its name; empty for a descriptor and for nothing */
};

/* ask.c: what is asked for, and what the answer means */
struct asking {
	enum { ASK_NEXT, ASK_PAUSE, ASK_EXCHANGE, ASK_REFUSED } phase;
	struct question question;   /* what is asked for */
	struct validator validator; /* of what comes */
	struct origin origin;       /* of what is there, complete, */
	bool has_origin;            /* where it is from this URL and untouched */
	bool has_asked_again;
	bool is_over;         /* all of the file was asked for because something was wrong, */
	bool is_spoilt;       /* and with what is here: it cannot be gone on with */
	bool has_answer;      /* the last question has one of use */
	bool is_unchanged;    /* nothing has to come */
	bool is_all;          /* all of the file comes, from its first byte on */
	bool keeps_alive;     /* the connection, when the body has come */
	bool has_no_ranges;   /* asked for a part, the server sent all */
	unsigned status;      /* of the answer; 0: there is none */
	unsigned overs;       /* how often it was started over */
	uint64_t first, end;  /* of the file, what comes */
	uint64_t expected;    /* size of the whole file; UINT64_MAX: not known */
	uint64_t resume;      /* bytes that an earlier call brought */
	const char *why_over; /* why it is started over; NULL: it is not */
	bool has_newer;       /* only a file that changed behind this is wanted */
	time_t newer_than;
	bool has_modified; /* when the server says that the file changed last */
	time_t modified;
};

/* refusal.c: what a server says that refuses */
struct refusal {
	bool is_late;
	struct loop_timer timer;
	struct http_chunked *chunked;
	uint64_t left; /* of a body whose length is known */
	size_t length;
	char *body;
};

/* body.c: the bytes, from the connection to the disk */
struct body {
	struct landing_range *range;
	struct http_chunked *chunked;
	const char *data;    /* what is being taken, */
	size_t left;         /* and how much of it is */
	bool has_ended;      /* a chunked body */
	uint64_t at;         /* of the file: the body's next byte, */
	uint64_t end;        /* behind the last one that is taken, */
	uint64_t answer_end; /* and behind the last one that the answer has */
	uint64_t compared;   /* from here on what comes is compared, */
	uint64_t done;       /* and from here on taken; what is before is here */
	uint64_t written_to_fd;
	struct loop_watch watch; /* of the descriptor */
	bool is_watched;
	struct tally tally;
	const char *tls_version, *tls_suite; /* NULL: it comes without */
	char *here;                          /* what is read to compare, */
	struct path_file *file;              /* from this */
	struct job read, sync;
	uint64_t turn;           /* bytes received since others had their turn */
	uint64_t waits_since_ns; /* for the network; 0: it does not */
	bool has_come, is_confirmed;
};

/* to-file.c: a body, or several, to the name of the file; landing is its, too */
enum to_file_phase {
	FILE_OPEN,
	FILE_START,
	FILE_BEGIN,
	FILE_BODY,
	FILE_CONFIRM,
	FILE_STALE,
	FILE_CLEAR,
	FILE_END,
	FILE_REST,
	FILE_NEXT,
	FILE_FAILED,
	FILE_LAND,
	FILE_ABANDON,
	/* The end: there is another question, or there is none. */
	FILE_ASK,
	FILE_DONE,
};

struct to_file {
	enum to_file_phase phase;
	enum { LAND_IDLE, LAND_BUSY, LAND_DONE } call; /* of the landing */
	int landed;                                    /* how it ended */
	bool is_first; /* to start it, and so the user has not been told yet where it goes */
	bool is_abandoned;
	int result;                /* what the download fails with, while things are put in order */
	unsigned tiny;             /* answers of next to nothing */
	uint64_t total_at_failure; /* bytes that were here when the body failed last */
	int64_t resident;          /* of the part's bytes, before any came; -1: not known */
};

/* digest.c: what the file is to have */
struct checked {
	struct digest expected; /* without an algorithm: nothing particular */
	bool is_servers;        /* by what its answer says */
	struct follow *follow;  /* of what is there already */
	struct hash *hash;      /* of what goes to a descriptor */
};

/* small.c: a body in memory, and on its way to the disk with others */
struct small {
	enum { SMALL_NONE, SMALL_GATHER, SMALL_GIVE, SMALL_LANDING, SMALL_LANDED } phase;
	struct batch_file *file;
	uint64_t filled, length;
	int result;
};

/* confirm.c: whether the file is still the same; sample.c: whether it only grew */
struct confirm {
	enum { CONFIRM_NEXT, CONFIRM_HEAD, CONFIRM_CHANGED, CONFIRM_SAMPLES } phase;
	bool is_long;
};

struct sample {
	enum { SAMPLE_FLUSH, SAMPLE_ASK, SAMPLE_HEAD, SAMPLE_BODY, SAMPLE_COMPARE } phase;
	unsigned index;
	uint64_t written; /* bytes that are here */
	char *data;
	size_t length, filled;
};

/* again.c: what is tried again, and when */
struct again {
	struct retry retry;
	struct loop_timer timer;
	bool is_waiting;
};

/* mirrors.c: from where */
enum { MIRRORS_MAX = 16 };

struct mirrors {
	char *urls[MIRRORS_MAX]; /* the URL itself is one of them, until it is dropped */
	unsigned total, count;   /* those behind count are dropped; 0: there are none */
	unsigned at;
	unsigned failed; /* in a row, since there was a pause */
};

/* rate.c: how fast it may be */
struct rate {
	struct pace own;
	struct pace *shared; /* with others on the engine; NULL: there is none */
	struct loop_timer timer;
	uint64_t paid_ms; /* when all that has come is paid for, */
	bool is_settling; /* while that is waited for */
};

/* server-bill.c: the server's side of the bill */
struct bill_request {
	enum { BILL_NEXT, BILL_HEAD, BILL_BODY } phase;
	char path[HTTP_BILL_PATH]; /* empty: there is none */
	struct buffer text;
	struct http_bill answer;
	bool has_bill;
};

struct download {
	/* get.c: */
	struct sluice_get_options options; /* its pointers: what is needed later is copied */
	struct proxies proxies;            /* what of it is for them */
	struct buffer fields;              /* of the program, as lines */
	char *url;
	struct loop *loop; /* NULL: not begun */
	struct sluice_error error;
	struct meter meter;
	struct loop_task task;
	struct loop_timer report;
	void (*run)(struct download *download);     /* steps on */
	void (*release)(struct download *download); /* frees what it is in */
	unsigned jobs;                              /* under way */
	bool is_small;                              /* as it comes: see small.c */
	bool is_cancelled;                          /* the caller wants no more */
	bool is_closed;                             /* nobody has it any more but jobs */

	struct exchange exchange;
	struct landing *landing; /* to-file.c's; NULL: none, or none yet */
	struct batch *batch;     /* of small files, the engine's; NULL: none */
	struct dealer dealer;    /* of the file, where its size is known: the body is stream 0 */
	struct streams streams;  /* beside it */
	struct output output;
	struct asking asking;
	struct refusal refusal;
	struct body body;
	struct to_file to_file;
	struct checked checked;
	struct small small;
	struct confirm confirm;
	struct sample sample;
	struct again again;
	struct mirrors mirrors;
	struct rate rate;
	struct bill_request bill;
};

/* options.c: copies what is needed later, and checks it. 0, or -errno with error. */
int download_own_options(struct download *download);
void download_free_options(struct download *download);

/* download.c: waiting */

/* Steps on at the end of this turn. */
void download_wake(struct download *download);
/* Begins: the reports of progress, until the download is freed. */
void download_start(struct download *download);
/* From now on, if the program wants reports of progress. */
void download_report(struct download *download);
/* Frees it when no job is under way any more. */
void download_free(struct download *download);
/* For the loop's call that starts the job. */
struct loop_op *job_begin(struct download *download, struct job *job);
/* Whether it has ended; only then *result is set, and the job can begin again. */
bool job_end(struct job *job, int64_t *result);
/* What a step returns that waits for the connection, or for a completion: -EAGAIN; or another
 * -errno with error, where the download is to end. */
int download_wait(struct download *download, const char *what);
int download_wait_job(struct download *download);
int download_wait_exchange(struct download *download);
/* For how long a connection may be without progress, by the caller's wish. */
unsigned download_limit(const struct download *download);
/* 0; or -EFBIG with error where so many bytes are more than the program wants. */
int download_check_limit(struct download *download, uint64_t bytes);
/* Whether a part of the file is all that is wanted. */
bool download_wants_part(const struct download *download);
/* Tells the user. */
void download_note(const struct download *download, const char *line);
/* Bytes of the file that are here. */
uint64_t download_done(const struct download *download);
/* Of the first `length` bytes of the part, in the page cache; -1 where the kernel does not tell. */
int64_t download_resident(const struct download *download, uint64_t length);

/* output.c: finds out where the bytes go: to a descriptor, to a landing, or nowhere. Looks at
 * files, and so may wait for a disk. */
int download_choose_output(struct download *download);
/* Step: opens what could not be opened at once. */
int download_open_output(struct download *download);
void download_close_output(struct download *download);
/* Where the output is a file: its landing, which need not be opened before there is an answer. */
int output_open_landing(struct download *download);
/* Whether files may be made in this open directory. 0, or -errno with error. */
int output_check_directory(struct download *download, int directory);

/*
 * ask.c. Step: asks the question, follows redirects, and asks another one where the answer is of no
 * use, until bytes come, as `asking` says; or nothing has to (is_unchanged).
 */
int download_ask(struct download *download);
/* Asked not to encode the file, the server did: what comes is something else. */
bool download_is_encoded(const struct download *download, const struct exchange *exchange);
/* What is asked for first: what is missing behind what the journal says; or all, unless what is
 * there, complete, is still the same (origin: NULL where that is not known). */
void download_question(struct download *download, const struct origin *origin);
/* The stretch of the same file that is dealt to the body, from this place before it on. */
void download_question_rest(struct download *download, uint64_t from);
/* The next question, after a pause, is for what is missing, now that a try has failed. */
void download_question_again(struct download *download);
/* Whether that can be had without what is here. */
bool download_question_can_go_on(const struct download *download);
/* The answer was of no use, or did not fit what is here. The next question is the same once more;
 * or it is for all of the file. 0, or -errno with error where that was tried before. */
int download_ask_again(struct download *download, const char *why);
/* Why it is started over, told once; NULL: it is not. */
const char *download_why_over(struct download *download);
int download_start_over(struct download *download, const char *why);

/* stamp.c: what the file remembers of where it came from, when it gets its name. */
void download_stamp(struct download *download);
/* What a landing calls for that, and with what: for free(3), NULL without memory. */
void stamp_file(void *argument, int fd);
void *stamp_new(const struct download *download);

/* digest.c. When it is known where the bytes go. */
int download_expect(struct download *download);
/* What comes, before the landing starts, if the answer says what that is to have. */
void download_expect_answers(struct download *download);
/* Step: 1: what is there has the digest that is expected; 0: it has not, or none is; or -errno with
 * error. */
int download_has_digest(struct download *download);
/* Of what goes to a descriptor: all of it, from the first byte on. */
int checked_begin(struct download *download);
void checked_add(struct download *download, const char *data, size_t length);
int checked_end(struct download *download);
void checked_close(struct download *download);

/*
 * again.c. After a failure with error: 0: it will be tried again, after a pause, with another
 * question; or code, which is final.
 */
int download_try_again(struct download *download, int code);
/* Step: the pause, if there is one. */
int download_pause(struct download *download);
/* Whether what may pass would be tried again. */
bool again_is_possible(const struct download *download);
/* Whether it may be the range that the server fails at: trying has not helped. */
bool again_doubts_range(const struct download *download);
void again_open(struct download *download);
void again_close(struct download *download);

/* mirrors.c: the place that is asked; */
const char *mirrors_url(const struct download *download);
/* whether it is not the URL's own; and the digest, not a validator, says whether it is the file. */
bool mirrors_is_at_one(const struct download *download);
bool mirrors_know_by_digest(const struct download *download);
/* Where a stream asks; and that such a place is of no use. False: there is no other. */
const char *mirrors_pick(const struct download *download, unsigned place);
bool mirrors_drop(struct download *download, const char *url, const char *why);
/* This place has failed, with error. True: another one is asked next. */
bool mirrors_go_on(struct download *download, bool may_pass);
int mirrors_open(struct download *download);
void mirrors_close(struct download *download);

/* rate.c: how many bytes may come now, UINT64_MAX: any number; 0: the download and its streams are
 * woken when there may be more. Step: the same, more than 0. */
uint64_t rate_bytes(struct download *download);
int rate_allow(struct download *download, uint64_t *most);
void rate_moved(struct download *download, uint64_t bytes);
/* Step: until what has come is paid for. */
int rate_settle(struct download *download);
void rate_open(struct download *download, struct pace *shared);
void rate_close(struct download *download);

/* refusal.c. Step: fails with what the answer's status means, and what the server says about it. */
int download_refuse_status(struct download *download);
void refusal_close(struct download *download);

/* body.c: what was brought before up to `here` is compared from `from` on. */
void body_has(struct download *download, uint64_t from, uint64_t here);
/* The answer that comes now, */
void body_begin(struct download *download);
/* to a range of its own, from `done` on. */
int body_open_range(struct download *download);
/* Whether what comes behind the stretch of the same answer is the body's, too. */
bool body_goes_on(struct download *download);
/* Whether it takes another stretch that is still to come in this answer; else the connection is
 * closed where more is on its way. */
bool body_takes_next(struct download *download);
/* Step: takes the body, as far as it is not here already: that is compared (-ESTALE: it differs;
 * -EMSGSIZE: more comes than was said). To output.fd where there is one. */
int body_receive(struct download *download);
/* Step: what came, whole or not, is counted in `done`, and there is no range any more. What could
 * not be written is told. */
int body_settle(struct download *download);
/* The range, if there is one, is the landing's now. */
void body_hand_over(struct download *download);
/* Step: how many of these bytes are what the file has here from offset on; 0: they differ. */
int body_is_here(struct download *download, uint64_t offset, const char *data, size_t length);
/* What came is of no use. */
void body_forget(struct download *download);
/* Step: the body to a descriptor, to its end. */
int download_to_fd(struct download *download);
void body_close(struct download *download);

/* to-file.c. Step: takes the body to the file, to the disk, to its name. 0; DOWNLOAD_ASK: there is
 * another question to be asked; or -errno. */
#define DOWNLOAD_ASK 1
int download_to_file(struct download *download);
/* Whether the file's bytes are on their way, and nothing is being decided. */
bool download_takes_bytes(const struct download *download);
/* There is no answer any more: the next step puts things in order, and ends in result. */
void download_give_up(struct download *download, int result);
/* Says what failed while bytes came. */
int body_failed(struct download *download, int64_t code);
/* How it lands. */
struct landing_options download_landing(struct download *download);

/* small.c: whether what comes is such a file; then the step, which returns what download_to_file
 * does. */
bool download_is_small(const struct download *download);
int download_small(struct download *download);
void small_close(struct download *download);

/* confirm.c. Step: asks whether the file is still what it was. 0: nothing speaks against it;
 * -ESTALE: it is not; -ECANCELED with error. */
int download_confirm(struct download *download);

/* sample.c. Step: 1: the server still has what is here, as far as samples of it tell; 0: it does
 * not, or there is nothing to compare with; or -errno. */
int download_is_same_so_far(struct download *download);
void sample_close(struct download *download);

/* server-bill.c: looks in the answer's head for the server's side of the bill, ... */
void download_note_bill(struct download *download);
/* ... and asks for it on the connection, once all is done. A step, that ends in 0. */
int download_fetch_bill(struct download *download);

#endif
