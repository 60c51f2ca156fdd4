/* SPDX-License-Identifier: MIT */
/*
 * A download under way, and its waiting: every wait goes through these calls, which is where the
 * time limit, the progress report and the wish to stop are seen to. A private part of fetch/:
 * get.c is the whole, ask.c the exchanges with servers, body.c the bytes.
 */
#ifndef SLUICE_FETCH_DOWNLOAD_H
#define SLUICE_FETCH_DOWNLOAD_H

#include "base/meter.h"
#include "base/tally.h"
#include "fetch/origin.h"
#include "fetch/verdict.h"
#include "http/bill.h"
#include "http/client.h"
#include "landing/target.h"
#include "range/recv.h"

/* What the public result points into, and is made of at the end. */
struct get_result {
	struct sluice_get_result public;
	char file[4096];
	struct bill bill;
	struct http_bill server_bill;
	bool has_server_bill;
};

struct download {
	const struct sluice_get_options *options;
	struct get_result *result;
	struct sluice_error *error;
	const struct path_recv *path; /* NULL: the plan chooses */
	bool keeps_nothing;           /* path discard */
	int output_fd;                /* -1: to a file by way of its part */
	bool owns_output_fd;
	bool syncs_output_fd; /* it is a disk */
	const char *url_text;
	struct http_url url, base;
	struct loop *loop;
	struct http_client client;
	struct http_response head;
	struct target target;
	struct range_recv *range;
	struct http_chunked *chunked;
	struct meter meter;
	struct tally tally;
	bool has_card; /* between us and the server */
	struct loop_op save;
	uint64_t save_offset, saved_ms;
	int64_t save_result; /* of all so far: 0 or the failure */
	bool is_saving, is_woken;
	uint64_t expected; /* size of the whole file; UINT64_MAX: not known */
	uint64_t resume;   /* bytes that an earlier call brought */
	uint64_t done;     /* bytes that are here, and written, while no range is open */
	uint64_t at, end;  /* of the file: the body's next byte, and where this answer ends */
	uint64_t written_to_fd;
	struct question question;   /* what is asked for */
	struct validator validator; /* of what comes */
	struct origin origin;       /* of what is there, complete, */
	bool has_origin;            /* where it is from this URL and untouched */
	unsigned patience_seconds;  /* at most the time limit; 0: the time limit */
	unsigned overs, tiny;       /* how often it was started over; answers of next to nothing */
	bool has_asked_again, is_connected, is_unchanged;
	int failure; /* why there is no answer */
	struct loop_op read;
	int64_t read_result;
	bool is_reading;
	struct buffer lines;             /* explanations of ranges that are closed */
	char bill_path[HTTP_BILL_PATH];  /* where the server has its side; empty: nowhere */
	const char *why_over;            /* why it is started over; NULL: it is not */
	uint64_t active_ms, reported_ms; /* when there was progress last, and a report */
};

/* Bytes of the file that are here. */
uint64_t download_done(const struct download *download);
/* There was progress: the time limit starts anew. */
void download_mark_active(struct download *download);
/* Tells the progress, when it was not told for a while. 0, or -ECANCELED with error. */
int download_report(struct download *download);
/* Wait for the client's socket (what: the waiting, "connecting", in words), or for whatever the
 * range waits for. 0, or -errno with error when the download is to end. */
int download_wait_socket(struct download *download, const char *what);
int download_wait_range(struct download *download);
/* A completion came, for the range's options: owner is the download. */
void download_wake(void *owner);
/* Of the first `length` bytes of the part, in the page cache; -1 where the kernel does not tell. */
int64_t download_resident(const struct download *download, uint64_t length);

/* output.c: finds out where the bytes go: to output_fd, to the target, or nowhere. */
int download_choose_output(struct download *download);
/*
 * ask.c: asks the question, follows redirects, and asks another one where the answer is of no use,
 * until bytes come: at, end, expected and the journal are set; or nothing has to (is_unchanged).
 */
int download_ask(struct download *download);
/* Sends a request for the URL on the connection, with these lines behind its own. 0 or -errno. */
int download_send_request(struct download *download, const char *method, const char *fields);
/* The answer was of no use, or did not fit what is here. The next question is the same once more;
 * or it is for all of the file. 0, or -errno with error where that was tried before. */
int download_ask_again(struct download *download, const char *why);
int download_start_over(struct download *download, const char *why);
/* refusal.c: fails with what the answer's status means, and what the server says about it. */
int download_refuse_status(struct download *download);
/* body.c: the range from `done` to `end` of the file, ... */
int download_open_range(struct download *download);
/* ... which the body goes to, as far as it is not here already: that is compared (-ESTALE: it
 * differs; -EMSGSIZE: more comes than was said). To output_fd where there is one. */
int download_receive_body(struct download *download);
/* Whether these bytes of the file, from offset on, are what is here. */
bool download_is_here(struct download *download, uint64_t offset, const char *data, size_t length);
/* What came is on the disk. */
int download_finish_range(struct download *download);
/* What came, whole or not, is counted in `done`, and there is no range any more. */
void download_close_range(struct download *download);
/* Brings the journal up to date. */
void download_save(struct download *download, uint64_t done);
/* Says what failed; returns code, or what else comes of it. */
int download_body_failed(struct download *download, int64_t code);
int download_to_fd(struct download *download);

/* to-file.c: takes the body to the file, to the disk, to its name. 0; DOWNLOAD_ASK: there is
 * another question to be asked; or -errno. */
#define DOWNLOAD_ASK 1
int download_to_file(struct download *download);
int download_to_nothing(struct download *download);

/* confirm.c: asks whether the file is still what it was. 0: nothing speaks against it; -ESTALE: it
 * is not; -ECANCELED with error. */
int download_confirm(struct download *download);
/* A request beside the download, on its connection, and the head of the answer; -errno with error.
 */
int download_ask_aside(struct download *download, const char *method, const char *fields,
		       struct http_response *head);

/* sample.c: 1: the server still has what is here, as far as samples of it tell; 0: it does not, or
 * there is nothing to compare with; or -errno. */
int download_is_same_so_far(struct download *download);

/* server-bill.c: looks in the answer's head for the server's side of the bill, ... */
void download_note_bill(struct download *download);
/* ... and asks for it on the connection, once all is done. Fills the result, or leaves it. */
void download_fetch_bill(struct download *download, struct channel *channel);

#endif
