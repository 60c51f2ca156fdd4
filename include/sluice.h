/* SPDX-License-Identifier: MIT */
/*
 * libsluice: moves files between Linux machines at the speed of the hardware, without harm to
 * other programs' page cache, and says what each transfer cost.
 *
 * Conventions that hold for every call:
 * - Calls that can fail return 0 (or a count) or a negative errno value; a struct sluice_error that
 *   the caller passes is then filled with a sentence. It may be NULL.
 * - A struct of options begins with its size: {.size = sizeof(options)}. Its other members may be
 *   zero, and a pointer to options NULL. So a program and a library of different ages work
 *   together: what the older one does not have is zero. -E2BIG: a member is set that this library
 *   does not have.
 * - Structs that the library fills are the library's: bills, results and progress may have more
 *   members in a later version, behind those that they have now.
 * - The library never exits, never prints, and never changes a signal handler. A peer that is gone
 *   is an error, -EPIPE, and never a SIGPIPE: it is blocked where a call raises it.
 * - File descriptors are borrowed: the caller closes what the caller opened.
 * - Sizes and offsets are in bytes, times in seconds, unless a name says otherwise.
 * - One engine belongs to one thread at a time. Nothing else is shared between threads.
 * - A call blocks only where it says so. One that opens or closes something may wait for a disk,
 * but for no peer.
 * - Errors that any call may return: -ENOMEM, -EMFILE and -ENFILE, -E2BIG (above), -EINVAL for an
 *   argument that cannot be.
 */
#ifndef SLUICE_H
#define SLUICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_VERSION       "0.1.0"
#define SLUICE_VERSION_MAJOR 0
#define SLUICE_VERSION_MINOR 1
#define SLUICE_VERSION_PATCH 0
/* Grows with every version, so that one can be compared with another. */
#define SLUICE_VERSION_NUMBER                                                                      \
	(SLUICE_VERSION_MAJOR << 16 | SLUICE_VERSION_MINOR << 8 | SLUICE_VERSION_PATCH)

#if defined(__GNUC__)
#define SLUICE_API __attribute__((visibility("default")))
#else
#define SLUICE_API
#endif

/* Of the library that runs; the macros are those of the header. */
SLUICE_API const char *sluice_version(void);
SLUICE_API unsigned sluice_version_number(void);

/* What kind of thing went wrong, for a program that has to decide what to do. */
enum sluice_error_kind {
	SLUICE_ERROR_NONE,
	SLUICE_ERROR_USAGE,       /* an argument or an option that cannot be */
	SLUICE_ERROR_SYSTEM,      /* memory, descriptors, threads: this process or its machine */
	SLUICE_ERROR_FILE,        /* a file, a directory or a disk of this machine */
	SLUICE_ERROR_SPACE,       /* the disk, or a quota, is full */
	SLUICE_ERROR_BUSY,        /* somebody else is at it */
	SLUICE_ERROR_UNSUPPORTED, /* the path that was named cannot work here */
	SLUICE_ERROR_DNS,         /* the host's name has no address */
	SLUICE_ERROR_NETWORK,     /* the peer could not be reached, or left */
	SLUICE_ERROR_TIMEOUT,     /* nothing moved for as long as that was waited for */
	SLUICE_ERROR_HTTP,        /* the server refused: http_status says how */
	SLUICE_ERROR_PROTOCOL,    /* the server's answer is malformed, or not what was asked for */
	SLUICE_ERROR_ENDED,       /* the file, the peer or the answer ended early */
	SLUICE_ERROR_CHANGED,     /* the file changed meanwhile */
	SLUICE_ERROR_LIMIT,       /* the file is larger than it may be */
	SLUICE_ERROR_CANCELLED,   /* a callback wanted it so */
	SLUICE_ERROR_DIGEST,      /* what came has another digest than it should have */
	SLUICE_ERROR_TRUST,       /* the server's certificate or key is not one that is trusted */
};

/* What went wrong: of use after a call has failed, and not after any other. */
struct sluice_error {
	int code; /* errno's value, positive */
	enum sluice_error_kind kind;
	unsigned http_status; /* of the answer that refuses; 0: there is none */
	unsigned reserved[5];
	char text[512]; /* a sentence that names the call, the file and the place */
};

/* Takes a line of text, without a newline; it is the library's, and valid during the call. */
typedef void sluice_line_fn(void *argument, const char *line);

/*
 * Paths: the ways to move bytes. "auto" (or NULL) lets the plan choose for each window of the file,
 * from facts. A path that is named is never replaced: where it cannot work the call fails with
 * -EOPNOTSUPP. sluice(1) says what each of them does.
 */
/* Their names, one after the other from index 0; NULL behind the last. "auto" is not among them. */
SLUICE_API const char *sluice_send_path_name(unsigned index);
SLUICE_API const char *sluice_receive_path_name(unsigned index);

struct sluice_path_bytes {
	const char *path; /* static */
	uint64_t bytes;
};

struct sluice_call_count {
	const char *name; /* static; strace(1)'s name for it */
	uint64_t count;
};

/*
 * What a transfer cost. The library makes every bill, lists included; sluice_bill_free frees one
 * that a call handed out. CPU time, system calls and context switches are those of the whole
 * process while the transfer ran (getrusage(2), RUSAGE_SELF), the kernel's helper threads for
 * io_uring included: exact for a process that does one transfer at a time. System calls are those
 * that the library makes; what the C library does for itself (memory, threads and their locks,
 * looking up a host name) is not among them. sluice(1) says how copied and moved bytes are known.
 */
struct sluice_bill {
	uint64_t bytes; /* of the file, moved by this transfer */
	double seconds;
	double cpu_user_seconds, cpu_system_seconds;
	uint64_t system_calls;
	uint64_t mode_switches; /* two for each system call */
	uint64_t context_switches_voluntary, context_switches_involuntary;
	unsigned path_count;
	const struct sluice_path_bytes *paths;
	/* Sends by MSG_ZEROCOPY, and how many of them the kernel copied after all. */
	uint64_t zerocopy_sends, zerocopy_copied;
	/*
	 * On this end, by construction of the paths: what the CPU copied, and what disk and network
	 * card moved by DMA. A byte that was copied twice counts twice. -1: not known.
	 */
	uint64_t cpu_copied_bytes;
	int64_t device_moved_bytes;
	/* Of this end's file, resident before and after; -1 where the kernel does not tell. */
	int64_t page_cache_before_bytes, page_cache_after_bytes;
	/* Those that were made; the most often made first. */
	unsigned system_call_count;
	const struct sluice_call_count *system_calls_by_name;
	/* Under TLS: bytes of the file that the CPU enciphered or deciphered, and by what; static,
	 * or NULL where it is not known or not one. */
	uint64_t cpu_ciphered_bytes;
	const char *tls_version, *tls_suite;
};

/* A bill to keep, of one that belongs to somebody else; NULL without memory. */
SLUICE_API struct sluice_bill *sluice_bill_copy(const struct sluice_bill *bill);
SLUICE_API void sluice_bill_free(struct sluice_bill *bill); /* NULL is allowed */

/*
 * An engine runs transfers: an event loop with asynchronous file I/O (io_uring, or threads where it
 * is refused) and a bounded pool of buffers. Callbacks run inside sluice_engine_run only.
 */
struct sluice_engine;

struct sluice_engine_options {
	size_t size;
	const char *backend;       /* NULL or "auto", "io_uring" or "epoll" */
	uint64_t bytes_per_second; /* at most, of all its gets together; 0: as many as can be */
};

/* -EINVAL: no such backend; -ENOSYS, -EPERM: io_uring was named, and the kernel refuses it. */
SLUICE_API int sluice_engine_open(struct sluice_engine **engine,
				  const struct sluice_engine_options *options,
				  struct sluice_error *error);
/* Blocks while file operations are under way. Close the transfers on it first. */
SLUICE_API void sluice_engine_close(struct sluice_engine *engine);
/*
 * One turn: waits at most timeout_ms (-1: until something happens; 0: not at all), then runs what
 * is due. Blocks for that long at most. Returns 0, also where a signal ended the wait early, or the
 * error of epoll_wait(2). Errors of transfers go to their `done`.
 */
SLUICE_API int sluice_engine_run(struct sluice_engine *engine, int timeout_ms);
/* A descriptor that polls readable (POLLIN) when sluice_engine_run(engine, 0) has work to do. */
SLUICE_API int sluice_engine_fd(struct sluice_engine *engine);
/* "io_uring" or "epoll": how this engine does file I/O. */
SLUICE_API const char *sluice_engine_backend(const struct sluice_engine *engine);

struct sluice_progress {
	uint64_t done_bytes;    /* of the whole, what an earlier get brought included */
	uint64_t resumed_bytes; /* of them, what an earlier get brought */
	uint64_t total_bytes;   /* UINT64_MAX where it is not known */
	double seconds;
	unsigned streams; /* connections that take bytes now; 0: not counted */
};

/* Whether to go on. */
typedef bool sluice_progress_fn(void *argument, const struct sluice_progress *progress);
typedef void sluice_received_fn(void *argument);

/* Of a send or a receive. The strings and the struct are not needed when the call has returned. */
struct sluice_transfer_options {
	size_t size;
	const char *path;          /* NULL or "auto", or a path's name */
	const char *congestion;    /* NULL or "auto", or a TCP congestion control */
	uint64_t bytes_per_second; /* at most, on average; 0: as many as can be */
	unsigned timeout_seconds;  /* in which the peer takes or sends nothing; 0: any number */
	bool keep_cached;          /* receive: leave the file in the page cache */
	bool no_sync;              /* receive: do not wait for the disk */
	/*
	 * Both are called inside sluice_engine_run, and may not close the transfer. progress: about
	 * every 100 ms until done; returning false ends the transfer with -ECANCELED. explain: when
	 * a range of the file has moved, a line that names its path, and why that was chosen.
	 */
	sluice_progress_fn *progress;
	sluice_line_fn *explain;
	void *argument;
};

/*
 * Called once, inside sluice_engine_run, when the transfer ended: result is 0, or -errno with error
 * saying where. The transfer may be closed inside the callback; bill and error are gone with it.
 */
typedef void sluice_done_fn(void *argument, int result, const struct sluice_bill *bill,
			    const struct sluice_error *error);

/*
 * Sends length bytes of file from offset to a connected, non-blocking stream socket, or to a pipe
 * or a terminal, non-blocking as well; the parameter's name stands for all of them. Returns at
 * once; the engine does the work. Errors of the call: -EBADF (file is not open for reading), -EBUSY
 * (the socket is in another transfer on this engine), -EINVAL (a range beyond the file, no regular
 * file, no such path), -EOPNOTSUPP (the path cannot work here). Errors of the transfer: -ENODATA
 * (the file ended early), -ESTALE (it changed meanwhile, and not by growing; the peer then has
 * fewer than length bytes), -EPIPE, -ECONNRESET, -EIO, ...: the socket's stream is then of no
 * further use. Both descriptors must stay open, and the socket must not be in another transfer or
 * watched by another engine, until done ran or sluice_send_close returned.
 */
struct sluice_send;

SLUICE_API int sluice_send_open(struct sluice_send **send, struct sluice_engine *engine, int socket,
				int file, uint64_t offset, uint64_t length,
				const struct sluice_transfer_options *options, sluice_done_fn *done,
				void *argument, struct sluice_error *error);
SLUICE_API void sluice_send_close(struct sluice_send *send);

/*
 * The same, on an engine of its own: blocks until the transfer ended, and returns the errors of
 * both. *bill is then what it cost,
 * for sluice_bill_free, or NULL where it could not begin; bill may be NULL.
 */
SLUICE_API int sluice_send_file(int socket, int file, uint64_t offset, uint64_t length,
				const struct sluice_transfer_options *options,
				struct sluice_bill **bill, struct sluice_error *error);

/*
 * Tells, a line for each range, by which path the file at `path` would be sent right now, and why.
 * Opens the file and looks at the page cache; moves nothing. Errors: those of open(2), and -EINVAL
 * for what is no regular file.
 */
SLUICE_API int sluice_explain(const char *path, sluice_line_fn *line, void *argument,
			      struct sluice_error *error);

/*
 * Receives length bytes from a socket, a pipe or a terminal as above into file (open for writing)
 * at offset; UINT64_MAX: until the peer closes. When it is done the bytes are on the disk
 * (fsync(2)). Returns at once. Errors of the call: -EBADF (file is not open for writing), -EBUSY,
 * -EINVAL (open with O_APPEND, more than a file holds, no such path), -EOPNOTSUPP. Errors of the
 * transfer: -ENODATA (the peer closed early), -ENOSPC, -EDQUOT, -EIO, ...
 */
struct sluice_receive;

SLUICE_API int sluice_receive_open(struct sluice_receive **receive, struct sluice_engine *engine,
				   int socket, int file, uint64_t offset, uint64_t length,
				   const struct sluice_transfer_options *options,
				   sluice_done_fn *done, void *argument,
				   struct sluice_error *error);
SLUICE_API void sluice_receive_close(struct sluice_receive *receive);

/* Blocks, as sluice_send_file does. */
SLUICE_API int sluice_receive_file(int socket, int file, uint64_t offset, uint64_t length,
				   const struct sluice_transfer_options *options,
				   struct sluice_bill **bill, struct sluice_error *error);

/*
 * Gets a URL from any HTTP/1.1 server into a file. Writes NAME.part (and NAME.part.state, which
 * lets a later call continue), and renames it to NAME only when data and directory are synced.
 * Blocks until it is done. An existing NAME is untouched until then.
 */
struct sluice_get_options {
	size_t size;
	const char *output; /* file to write; NULL: the name that the URL suggests */
	int output_fd;      /* with to_fd: write the body there, in order, and sync nothing */
	bool to_fd;
	const char *path;       /* receive path, as above */
	const char *congestion; /* as above */
	bool keep_cached;       /* leave the file in the page cache for a reader that comes next */
	bool no_sync;           /* do not wait for the disk */
	bool server_bill;       /* ask a server that is sluice for its side, in a second request */
	unsigned timeout_seconds; /* without any progress; 0: 30 */
	/*
	 * About every 100 ms while it runs; returning false ends it with -ECANCELED, but not while
	 * the file is given its name.
	 */
	sluice_progress_fn *progress;
	/* Something that the user should know. */
	sluice_line_fn *note;
	sluice_line_fn *explain;
	void *argument;
	/*
	 * Fields "NAME: VALUE" of the request, ended by NULL. They go to the URL's own scheme, host
	 * and port, and nowhere else that it redirects to, as do the user name and the password of
	 * the URL.
	 */
	const char *const *headers;
	uint64_t max_bytes;      /* -EFBIG where more would come; 0: any number may */
	uint64_t expected_bytes; /* -EPROTO where the file has another size; 0: it may have any */
	/*
	 * Of the file, these bytes alone: with to_fd. A length of 0 is up to the end. -EPROTO
	 * where the server does not send parts of files.
	 */
	uint64_t range_offset, range_length;
	const char *directory; /* without output: where the file is written; NULL: here */
	/*
	 * What the whole file is to have: "sha256:", "sha512:" or "blake2b:" and its hexadecimal
	 * digits. It is computed while the file arrives. -EBADMSG where it is another one: NAME is
	 * as it was, and what came is left in NAME.part. A file NAME that has this digest already
	 * is not fetched: status 304.
	 */
	const char *digest;
	/*
	 * Proxies for URLs of each scheme, "http://HOST:PORT", with a user name and a password or
	 * not; NULL or "": none. The environment is not read. no_proxy: hosts that are fetched from
	 * directly, as in the variable of this name.
	 */
	const char *http_proxy, *https_proxy, *no_proxy;
	unsigned ip_version; /* 4 or 6: only such addresses of hosts and proxies; 0: any */
	/*
	 * How often what may pass is tried, without a byte of progress in between: a connection
	 * that is refused or breaks, a status such as 503, a name that cannot be looked up just
	 * now. 0: 20 times, over about 20 minutes; 1: once; UINT_MAX: for ever. note says why and
	 * when. What a descriptor got stays; the rest is put behind it where the server lets a
	 * download be continued.
	 */
	unsigned tries;
	/*
	 * Connections that share a file of known size with a strong ETag or an old date: 1 to 16.
	 * As many as the server takes: less where it refuses; one where it does not send ranges.
	 */
	unsigned streams;
	/*
	 * Of https. ca_file: a PEM file of CAs, instead of the system's. pin: "sha256//BASE64=", or
	 * several with ';' between: the server that the URL names must have one of these keys, and
	 * then needs no certificate that a CA signed. certificate and certificate_key: PEM files,
	 * to show to that server if it asks.
	 */
	const char *ca_file, *pin;
	const char *certificate, *certificate_key;
	bool no_clobber; /* an existing file stays, and nothing is fetched: see is_skipped */
	/*
	 * Only a file that the server changed later than the existing one was; else status 304.
	 * And: the file's time of change is the server's, where it says one.
	 */
	bool only_newer, keep_time;
	uint64_t bytes_per_second; /* at most, over the whole; 0: as many as can be */
	/* 64 KiB of zeros and more take no space on the disk. Not by the path splice. */
	bool sparse;
	/*
	 * Other URLs of the file, ended by NULL, 15 at most: where one fails, the next goes on. One
	 * that has a file of another size or strong ETag is dropped, and a digest is worth more
	 * than an ETag. headers and the credentials of the URL go to its own origin alone.
	 */
	const char *const *mirrors;
	/*
	 * May be called when all of the file has come, and before it is on the disk: a program that
	 * limits its gets may begin the next one.
	 */
	sluice_received_fn *received;
};

/* What a get came to, or how far it came before it failed. The library makes it. */
struct sluice_get_result {
	/* Of the last answer: 200, 206, 404, ...; 304: the file is complete, and nothing came;
	 * 0: there was none */
	unsigned status;
	uint64_t resumed_from_bytes;
	const char *file; /* the file written; empty with to_fd and for path discard */
	const struct sluice_bill *bill;
	/*
	 * The server's, where it was asked for and had one; else NULL. With server_was_alone the
	 * server served nobody else meanwhile, and CPU time, system calls and context switches are
	 * all of the server's. Else they are those of the one thread that served this: what others
	 * cost there is among them, and what helper threads did for it is not.
	 */
	const struct sluice_bill *server_bill;
	bool server_was_alone;
	uint64_t streams; /* connections that took bytes at once, at most */
	bool is_skipped;  /* with no_clobber: the file was there */
};

/*
 * Gets on an engine: as many at once as there is room for. sluice_get_open looks at the output and
 * opens it; everything else the engine does, and done is called once, inside sluice_engine_run, as
 * with a send. What the callbacks are passed is theirs until they return. done may close the get;
 * progress, note and explain may not. With to_fd, open the descriptor with O_NONBLOCK, or the
 * engine waits when it is written to.
 *
 * Errors of the call: -EINVAL (the URL), -EISDIR, -ENOENT and others of open(2) for the output,
 * -EBUSY (another process is at it). Errors of the get: -EHOSTUNREACH (no address), -ECONNREFUSED,
 * -ECONNRESET, -ETIMEDOUT, -EACCES, -ENOENT or -EPROTO (what the server answered), -ENODATA (the
 * answer ended early), -ENOSPC, -EIO, ...; error->kind and error->http_status say it in fewer
 * words.
 *
 * sluice_get_close leaves a get that has not ended as if the process had been killed: NAME.part and
 * its state stay, and a later get continues.
 */
struct sluice_get;

typedef void sluice_get_done_fn(void *argument, int code, const struct sluice_get_result *result,
				const struct sluice_error *error);

SLUICE_API int sluice_get_open(struct sluice_get **get, struct sluice_engine *engine,
			       const char *url, const struct sluice_get_options *options,
			       sluice_get_done_fn *done, void *argument,
			       struct sluice_error *error);
SLUICE_API void sluice_get_close(struct sluice_get *get);

/* Whether sluice_get could take this URL: 0, or -EINVAL with error saying what is wrong with it. */
SLUICE_API int sluice_url_check(const char *url, struct sluice_error *error);
/* The file name that sluice_get would give it: 0, or -EINVAL with error where there is none. */
SLUICE_API int sluice_url_filename(const char *url, char name[256], struct sluice_error *error);
/*
 * The same, on an engine of its own: blocks until the get ended. *result is then for
 * sluice_get_result_free, of a get that failed as well, or NULL where it could not begin; result
 * may be NULL.
 */
SLUICE_API int sluice_get(const char *url, const struct sluice_get_options *options,
			  struct sluice_get_result **result, struct sluice_error *error);
SLUICE_API void sluice_get_result_free(struct sluice_get_result *result); /* NULL is allowed */

/*
 * Serves a directory over HTTP/1.1. Where its name leads to another one later, that one is served,
 * from a second later at most; what has begun ends with the old one.
 */
struct sluice_server;

/* Takes how many lines are missing here. */
typedef void sluice_lost_fn(void *argument, uint64_t lines);

struct sluice_server_options {
	size_t size;
	const char *directory;  /* must be set */
	const char *listen;     /* ADDRESS:PORT, [IPV6]:PORT; NULL: 127.0.0.1:8080; port 0: any */
	unsigned workers;       /* threads with a loop each; 0: one per core */
	const char *path;       /* send path, as above */
	const char *congestion; /* as above */
	/*
	 * Fields "NAME: VALUE" of every answer (Cache-Control, Expires, Pragma and
	 * X-Content-Type-Options: of those with a file), and the origins whose pages may read the
	 * answers (CORS): "*", or as browsers write them. Each list ends in NULL, or is NULL.
	 */
	const char *const *headers;
	const char *const *cors;
	/*
	 * Which symbolic links are followed: "inside" (or NULL), those that lead to what is in the
	 * directory; "all"; "none".
	 */
	const char *follow_links;
	/*
	 * One line per answered request; from one thread of the server's own,
	 * so that no client waits for who takes them. What does not fit into 4 MiB that wait to be
	 * taken is lost, and `lost` is told how many lines, at the place where they are missing.
	 */
	sluice_line_fn *log;
	sluice_line_fn *explain; /* likewise */
	/* Likewise: that the served directory is another one by now, or is gone. */
	sluice_line_fn *note;
	sluice_lost_fn *lost;
	void *argument;
	/*
	 * TLS 1.3, and 1.2 as well where tls_min is "1.2". The certificate (with what leads to its
	 * CA behind it) and the key are PEM files; without them the server uses a key of its own,
	 * made once, in $XDG_STATE_HOME/sluice (or ~/.local/state/sluice), which clients know by
	 * its pin. -EOPNOTSUPP where the library was built without TLS.
	 */
	bool tls;
	const char *tls_certificate, *tls_key;
	const char *tls_min;
	/* With tls, a PEM file: clients must show a certificate that these CAs have signed. */
	const char *client_ca;
	/*
	 * Lines of "NAME TOKEN" or "NAME TOKEN DIRECTORY": who requests a file must show one of the
	 * tokens ("Authorization: Bearer TOKEN"), and may have what is below its directory.
	 */
	const char *token_file;
};

/* Errors: those of open(2) for the directory, and of bind(2); -EINVAL for an option. */
SLUICE_API int sluice_server_open(struct sluice_server **server,
				  const struct sluice_server_options *options,
				  struct sluice_error *error);
/* "http://127.0.0.1:8080/" or "https://...", valid as long as the server. */
SLUICE_API const char *sluice_server_url(const struct sluice_server *server);
/* "sha256//BASE64=": what the server's key is known by; NULL without TLS. */
SLUICE_API const char *sluice_server_pin(const struct sluice_server *server);
/*
 * Reads certificate, key and the clients' CAs anew, for connections that come later. Where that
 * fails all stays as it was. From any thread, but not from a signal handler.
 */
SLUICE_API int sluice_server_reload(struct sluice_server *server, struct sluice_error *error);
/*
 * Serves until sluice_server_stop; then finishes what is being sent (30 s at most) and returns 0
 * with the bill of it all, or -errno, when the last line was taken. Blocks. *bill is for
 * sluice_bill_free, or NULL where nothing was served; bill may be NULL.
 */
SLUICE_API int sluice_server_run(struct sluice_server *server, struct sluice_bill **bill,
				 struct sluice_error *error);
/* From any thread, or a signal handler. */
SLUICE_API void sluice_server_stop(struct sluice_server *server);
SLUICE_API void sluice_server_close(struct sluice_server *server);

#ifdef __cplusplus
}
#endif

#endif
