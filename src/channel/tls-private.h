/* SPDX-License-Identifier: MIT */
/* Shared by the files of tls. */
#ifndef SLUICE_CHANNEL_TLS_PRIVATE_H
#define SLUICE_CHANNEL_TLS_PRIVATE_H

#include "base/error.h"
#include "channel/tls.h"

#include <openssl/ssl.h>

enum { TLS_WORDS = 384 };

/* A connection; the SSL's app data. */
struct tls {
	SSL *ssl;
	int fd;
	int failed; /* -errno: it is of no further use */
	int ended;  /* -errno: nothing comes any more */
	bool is_shaken, is_refused, has_ended, was_told_end, must_shut;
	bool saw_end;       /* of the socket, and maybe not of the stream */
	bool may_have_more; /* the last read from the socket was all that it was asked for */
	bool is_dry;        /* what came since then is not a whole record */
	unsigned updates;   /* of the peer's keys, and nothing else since */
	char *sealed;       /* what the socket has not taken yet: sealed[sent..filled) */
	size_t sent, filled, room;
	unsigned char first[4]; /* that came, to know other protocols by */
	size_t first_length;
	const char *host, *pins; /* of a client */
	char seen[TLS_PIN];      /* the server's */
	char *peer;
	char words[TLS_WORDS];
};

bool tls_is_address(const char *host); /* and not a name */
/* What both ends have in common. */
int tls_context_new(SSL_CTX **context, bool is_server, struct sluice_error *error);
/* Our certificate and key, from PEM files. */
int tls_context_use(SSL_CTX *context, const char *certificate, const char *key,
		    struct sluice_error *error);
int tls_channel_new(struct channel *channel, int fd, SSL_CTX *context);
/* Fails with what OpenSSL says. */
int tls_fail(struct sluice_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* OpenSSL's words for what went wrong, which it then forgets; the errno value in it, or 0. */
int tls_reason(char words[ERROR_WORDS]);

/* tls-verify.c: the callback of a client's context; fills `seen`. */
int tls_verify(X509_STORE_CTX *store, void *argument);
void tls_pin_of(X509 *certificate, char pin[TLS_PIN]);

#endif
