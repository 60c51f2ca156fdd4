/* SPDX-License-Identifier: MIT */
/*
 * Records go through `sealed`, which takes all that OpenSSL writes, so that no call of OpenSSL ever
 * has to be repeated with the same bytes, and several records are one system call. OpenSSL reads
 * from the socket itself, several records at once (read_ahead).
 *
 * Invariants: what a send took is sealed and sent, or held in `sealed`; with bytes held there,
 * nothing is taken. An idle connection holds no buffer, of ours or of OpenSSL.
 */
#include "channel/tls-private.h"

#include "base/error.h"
#include "base/size.h"
#include "base/sys.h"

#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RECORD = 16 << 10, /* plaintext in one, at most */
	SEND = 4 * RECORD, /* plaintext taken at once */
	OVERHEAD = 256,    /* of a record, at most, and of what OpenSSL says for itself */
	SEALED_MAX = 128 << 10,
	UPDATES_MAX = 32, /* of keys, in a row: RFC 8446 has no use for so many */
};

/* The socket, for OpenSSL */

static int bio_read(BIO *bio, char *data, int length)
{
	struct tls *tls = BIO_get_data(bio);
	int64_t count;

	BIO_clear_retry_flags(bio);
	if (tls->failed)
		return -1;
	do
		count = sys_recv(tls->fd, data, (size_t)length, 0);
	while (count == -EINTR);
	tls->may_have_more = count == length;
	for (int64_t i = 0; i < count && tls->first_length < sizeof(tls->first); i++)
		tls->first[tls->first_length++] = (unsigned char)data[i];
	if (count == -EAGAIN)
		BIO_set_retry_read(bio);
	else if (count < 0)
		tls->failed = (int)count;
	else if (count == 0)
		tls->saw_end = true;
	return count < 0 ? -1 : (int)count;
}

static bool make_room(struct tls *tls, size_t length)
{
	size_t needed = tls->filled + length;
	char *grown;

	if (tls->sealed && needed <= tls->room)
		return true;
	grown = needed <= SEALED_MAX ? realloc(tls->sealed, needed) : NULL;
	if (!grown)
		return false;
	tls->sealed = grown;
	tls->room = needed;
	return true;
}

static int bio_write(BIO *bio, const char *data, int length)
{
	struct tls *tls = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (!make_room(tls, (size_t)length)) {
		tls->failed = -ENOBUFS;
		return -1;
	}
	memcpy(tls->sealed + tls->filled, data, (size_t)length);
	tls->filled += (size_t)length;
	return length;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
	const struct tls *tls = BIO_get_data(bio);

	switch (command) {
	case BIO_CTRL_EOF:
		return tls->saw_end;
	case BIO_CTRL_FLUSH:
		return 1;
	default:
		return 0;
	}
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
	bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sluice");
	if (!bio_method)
		return;
	BIO_meth_set_read(bio_method, bio_read);
	BIO_meth_set_write(bio_method, bio_write);
	BIO_meth_set_ctrl(bio_method, bio_control);
}

static BIO *bio_new(struct tls *tls)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	BIO *bio;

	pthread_once(&once, make_bio_method);
	bio = bio_method ? BIO_new(bio_method) : NULL;
	if (bio) {
		BIO_set_data(bio, tls);
		BIO_set_init(bio, 1);
	}
	return bio;
}

/* Words */

static bool is_http(const struct tls *tls)
{
	return tls->first_length == 4 && memcmp(tls->first, "HTTP", 4) == 0;
}

/* What OpenSSL's own words do not make plain. */
static const char *plain_words(const struct tls *tls, int reason)
{
	if (SSL_is_server(tls->ssl))
		return NULL;
	if (!tls->is_shaken && is_http(tls))
		return "the server does not speak TLS on this port: use http:// if the network is "
		       "trusted";
	switch (reason) {
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
		return "the server wants a client's certificate";
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		return "the server and we have no version of TLS in common (we have 1.2 and 1.3)";
	case SSL_R_WRONG_VERSION_NUMBER:
		return tls->is_shaken ? NULL : "the server does not speak TLS on this port";
	default:
		return NULL;
	}
}

static void say(struct tls *tls, int reason)
{
	const char *plain = plain_words(tls, reason);
	char words[ERROR_WORDS];

	tls_reason(words);
	snprintf(tls->words, sizeof(tls->words), "%s%s",
		 plain ? "" : "TLS: ", plain ? plain : words);
}

/* Notes why the connection is of no further use. */
static int fail(struct tls *tls)
{
	int reason = ERR_GET_REASON(ERR_peek_error());

	if (tls->is_refused)
		tls->failed = -EKEYREJECTED;
	else if (tls->failed == 0)
		tls->failed = reason == SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC ? -ECONNABORTED
										  : -EPROTO;
	if (!*tls->words && (tls->failed == -EPROTO || tls->failed == -ECONNABORTED))
		say(tls, reason);
	ERR_clear_error();
	return tls->failed;
}

/* The sealed bytes to the socket: 0 when it has them all. */
static int push(struct tls *tls, bool has_more)
{
	while (tls->sent < tls->filled) {
		int64_t count = sys_send(tls->fd, tls->sealed + tls->sent, tls->filled - tls->sent,
					 has_more ? MSG_MORE : 0);

		if (count == -EINTR)
			continue;
		if (count < 0 && count != -EAGAIN)
			tls->failed = (int)count;
		if (count < 0)
			return (int)count;
		tls->sent += (size_t)count;
	}
	tls->sent = tls->filled = 0;
	if (tls->must_shut) {
		tls->must_shut = false;
		sys_shutdown(tls->fd, SHUT_WR);
	}
	return 0;
}

/* What a call of OpenSSL that did not succeed means: -EAGAIN, 0 at the end, or -errno. */
static int judge(struct tls *tls)
{
	switch (SSL_get_error(tls->ssl, 0)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		/* A socket that ends without the peer having said so may have been cut. */
		if (!tls->has_ended && tls->saw_end)
			tls->ended = -ENODATA;
		tls->has_ended = true;
		return tls->ended;
	default:
		break;
	}
	if (tls->failed == 0 && tls->saw_end)
		tls->failed = -ECONNRESET;
	fail(tls);
	push(tls, false); /* the alert that says why */
	return tls->failed;
}

/* It has not ended yet. */
static int shake_on(struct tls *tls)
{
	int result = judge(tls);

	if (result == -EAGAIN)
		return push(tls, false) < 0 ? tls->failed : -EAGAIN;
	if (!tls->has_ended)
		return result;
	snprintf(tls->words, sizeof(tls->words),
		 "the peer ended the connection during the TLS "
		 "handshake");
	return tls->failed = -ECONNRESET;
}

static int handshake(struct channel *channel)
{
	struct tls *tls = channel->state;
	int result;

	if (tls->failed)
		return tls->failed;
	ERR_clear_error();
	if (SSL_do_handshake(tls->ssl) != 1) {
		result = shake_on(tls);
		return result == 0 ? -EAGAIN : result;
	}
	tls->is_shaken = true;
	result = push(tls, false);
	return result == -EAGAIN ? 0 : result; /* what is left goes before all else */
}

/* Small pieces are one record. */
static size_t gather(char *together, const struct iovec *pieces, int count)
{
	size_t length = 0;

	for (int i = 0; i < count; i++) {
		if (pieces[i].iov_len > RECORD - length)
			return 0;
		if (pieces[i].iov_len == 0)
			continue;
		memcpy(together + length, pieces[i].iov_base, pieces[i].iov_len);
		length += pieces[i].iov_len;
	}
	return length;
}

static int seal(struct tls *tls, const void *data, size_t length)
{
	size_t taken;

	if (length == 0 || SSL_write_ex(tls->ssl, data, length, &taken) == 1)
		return 0;
	return judge(tls) == -EAGAIN ? (tls->failed = -EPROTO) : tls->failed;
}

/* As many bytes as it takes at once: how many, or -errno. */
static int64_t seal_pieces(struct tls *tls, const struct iovec *pieces, int count)
{
	char together[RECORD];
	size_t length = count > 1 ? gather(together, pieces, count) : 0, taken = 0;
	int result = 0;

	if (length > 0)
		return seal(tls, together, length) < 0 ? tls->failed : (int64_t)length;
	for (int i = 0; result == 0 && i < count && taken < SEND; i++) {
		size_t part = size_min(pieces[i].iov_len, SEND - taken);

		make_room(tls, part + (part / RECORD + 1) * OVERHEAD);
		result = seal(tls, pieces[i].iov_base, part);
		taken += part;
	}
	return result < 0 ? result : (int64_t)taken;
}

static int64_t send_(struct channel *channel, const struct iovec *pieces, int count, bool has_more)
{
	struct tls *tls = channel->state;
	int result = tls->failed ? tls->failed : push(tls, has_more);
	int64_t taken;

	if (result < 0)
		return result;
	ERR_clear_error();
	tls->updates = 0;
	taken = seal_pieces(tls, pieces, count);
	if (taken > 0)
		push(tls, has_more);
	return tls->failed ? tls->failed : taken;
}

static int flush(struct channel *channel)
{
	struct tls *tls = channel->state;
	int result = tls->failed ? tls->failed : push(tls, false);

	if (result == 0) {
		free(tls->sealed);
		tls->sealed = NULL;
	}
	return result;
}

static bool has_pending(const struct channel *channel)
{
	const struct tls *tls = channel->state;

	return tls->saw_end || (!tls->is_dry && (tls->may_have_more || SSL_has_pending(tls->ssl)));
}

static int64_t receive(struct channel *channel, void *data, size_t length)
{
	struct tls *tls = channel->state;
	size_t filled = 0, count;
	int result = 0;

	if (tls->failed)
		return tls->failed;
	push(tls, false);
	tls->is_dry = false;
	ERR_clear_error();
	do {
		if (SSL_read_ex(tls->ssl, (char *)data + filled, length - filled, &count) != 1) {
			result = judge(tls);
			break;
		}
		filled += count;
		tls->updates = 0;
	} while (filled < length && has_pending(channel));
	tls->is_dry = result == -EAGAIN;
	if (!has_pending(channel))
		SSL_free_buffers(tls->ssl);
	return filled > 0 ? (int64_t)filled : result;
}

static int attend(struct channel *channel)
{
	struct tls *tls = channel->state;
	size_t count;
	char byte;
	int result;

	if (tls->failed)
		return tls->failed;
	/* Behind bytes of the peer nothing can be taken. */
	if (SSL_pending(tls->ssl) > 0 || tls->has_ended)
		return 0;
	ERR_clear_error();
	tls->is_dry = false;
	if (SSL_peek_ex(tls->ssl, &byte, 1, &count) == 1)
		return 0;
	result = judge(tls);
	tls->is_dry = result == -EAGAIN;
	return tls->failed;
}

static int finish(struct channel *channel)
{
	struct tls *tls = channel->state;
	int result;

	if (tls->failed)
		return tls->failed;
	if (!tls->was_told_end) {
		ERR_clear_error();
		SSL_shutdown(tls->ssl);
		tls->was_told_end = tls->must_shut = true;
	}
	result = push(tls, false);
	return result == -EAGAIN ? 0 : result;
}

static void close_(struct channel *channel)
{
	struct tls *tls = channel->state;

	if (tls->is_shaken && !tls->failed && !tls->was_told_end) {
		ERR_clear_error();
		SSL_shutdown(tls->ssl);
		push(tls, false);
	}
	SSL_free(tls->ssl);
	ERR_clear_error();
	free(tls->sealed);
	free(tls->peer);
	free(tls);
	channel->state = NULL;
}

static const char *words(const struct channel *channel)
{
	const struct tls *tls = channel->state;

	return *tls->words ? tls->words : NULL;
}

const struct channel_kind channel_tls = {
	.name = "tls",
	.ciphers = true,
	.handshake = handshake,
	.send = send_,
	.flush = flush,
	.receive = receive,
	.has_pending = has_pending,
	.attend = attend,
	.finish = finish,
	.close = close_,
	.words = words,
};

/* A peer that does nothing but this costs more than it pays. */
static void on_message(int is_sent, int version, int type, const void *data, size_t length,
		       SSL *ssl, void *argument)
{
	struct tls *tls = argument;

	if (is_sent || type != SSL3_RT_HANDSHAKE || length == 0 || !tls->is_shaken ||
	    *(const unsigned char *)data != SSL3_MT_KEY_UPDATE || ++tls->updates <= UPDATES_MAX)
		return;
	snprintf(tls->words, sizeof(tls->words), "TLS: one key update after the other");
	tls->failed = -EPROTO;
}

int tls_channel_new(struct channel *channel, int fd, SSL_CTX *context)
{
	struct tls *tls = calloc(1, sizeof(*tls));
	BIO *bio = tls ? bio_new(tls) : NULL;

	if (bio)
		tls->ssl = SSL_new(context);
	if (!bio || !tls->ssl) {
		BIO_free(bio);
		free(tls);
		return -ENOMEM;
	}
	tls->fd = fd;
	SSL_set_bio(tls->ssl, bio, bio);
	SSL_set_app_data(tls->ssl, tls);
	SSL_set_msg_callback(tls->ssl, on_message);
	SSL_set_msg_callback_arg(tls->ssl, tls);
	*channel = channel_open(&channel_tls, fd, fd);
	channel->state = tls;
	return 0;
}

const char *tls_version(const struct channel *channel)
{
	const struct tls *tls = channel->state;

	return channel->kind == &channel_tls ? SSL_get_version(tls->ssl) : NULL;
}

const char *tls_suite(const struct channel *channel)
{
	const struct tls *tls = channel->state;

	return channel->kind == &channel_tls ? SSL_get_cipher_name(tls->ssl) : NULL;
}

const char *tls_peer_name(const struct channel *channel)
{
	struct tls *tls = channel->state;
	X509 *certificate;
	char name[256];

	if (channel->kind != &channel_tls)
		return NULL;
	certificate = tls->peer ? NULL : SSL_get0_peer_certificate(tls->ssl);
	if (certificate && X509_NAME_get_text_by_NID(X509_get_subject_name(certificate),
						     NID_commonName, name, sizeof(name)) > 0)
		tls->peer = strdup(name);
	return tls->peer;
}

bool tls_is_plain_http(const struct channel *channel)
{
	const struct tls *tls = channel->state;

	/* A method; a hello begins with 22. */
	return channel->kind == &channel_tls && !tls->is_shaken && tls->first_length > 0 &&
	       tls->first[0] >= 'A' && tls->first[0] <= 'Z';
}
