/* SPDX-License-Identifier: MIT */
/*
 * A download under way, and its waiting: every wait goes through these calls, which is where the
 * time limit, the progress report and the wish to stop are seen to. A private part of transfer/:
 * get.c is the whole, ask.c the exchanges with servers, body.c the bytes.
 */
#ifndef SLUICE_TRANSFER_DOWNLOAD_H
#define SLUICE_TRANSFER_DOWNLOAD_H

#include "base/meter.h"
#include "base/tally.h"
#include "http/bill.h"
#include "http/client.h"
#include "stream/recv.h"
#include "transfer/target.h"

struct download {
	const struct sluice_get_options *options;
	struct sluice_get_result *result;
	struct sluice_error *error;
	const struct path_recv *path; /* NULL: the plan chooses */
	bool keeps_nothing;           /* path discard */
	int output_fd;                /* -1: to a file by way of its part */
	bool owns_output_fd;
	const char *url_text;
	struct http_url url, base;
	struct loop *loop;
	struct http_client client;
	struct http_response head;
	struct target target;
	struct stream_recv *stream;
	struct http_chunked *chunked;
	struct meter meter;
	struct tally tally;
	bool has_card; /* between us and the server */
	struct loop_op save;
	uint64_t save_offset, saved_ms;
	int64_t save_result; /* of all so far: 0 or the failure */
	bool is_saving, is_woken;
	uint64_t expected; /* size of the whole file; UINT64_MAX: not known */
	uint64_t resume, written_to_fd;
	char bill_path[HTTP_BILL_PATH];  /* where the server has its side; empty: nowhere */
	const char *why_over;            /* why an earlier call's part is not used; NULL: it is */
	uint64_t active_ms, reported_ms; /* when there was progress last, and a report */
};

/* Bytes of the file that are here. */
uint64_t download_done(const struct download *download);
/* There was progress: the time limit starts anew. */
void download_mark_active(struct download *download);
/* Tells the progress, when it was not told for a while. 0, or -ECANCELED with error. */
int download_report(struct download *download);
/* Wait for the client's socket (what: the waiting, "connecting", in words), or for whatever the
 * stream waits for. 0, or -errno with error when the download is to end. */
int download_wait_socket(struct download *download, const char *what);
int download_wait_stream(struct download *download);
/* A completion came, for the stream's options: owner is the download. */
void download_wake(void *owner);
/* Of the first `length` bytes of the part, in the page cache; -1 where the kernel does not tell. */
int64_t download_resident(const struct download *download, uint64_t length);

/* ask.c: asks for the file, follows redirects, and decides from the answer what is to come: resume,
 * expected and the journal are set. */
int download_ask(struct download *download);
/* refusal.c: fails with what the answer's status means, and what the server says about it. */
int download_refuse_status(struct download *download);
/* body.c: takes the body to the file, to the disk, to its name; or to the descriptor. */
int download_to_file(struct download *download);
int download_to_fd(struct download *download);
int download_to_nothing(struct download *download);

/* server-bill.c: looks in the answer's head for the server's side of the bill, ... */
void download_note_bill(struct download *download);
/* ... and asks for it on the connection, once all is done. Fills the result, or leaves it. */
void download_fetch_bill(struct download *download, int fd);

#endif
