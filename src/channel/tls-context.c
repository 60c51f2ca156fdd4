/* SPDX-License-Identifier: MIT */
#include "channel/tls-private.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>

enum { READ_AHEAD = 4 * 0x401e }; /* records read at once; curl found more to be slower */

/* The oldest of them: what came after it came of it. */
int tls_reason(char words[ERROR_WORDS])
{
	unsigned long code = ERR_peek_error();
	const char *reason = ERR_reason_error_string(code);
	int number = ERR_SYSTEM_ERROR(code) ? ERR_GET_REASON(code) : 0;
	char other[ERROR_WORDS];

	if (number)
		snprintf(words, ERROR_WORDS, "%s", error_words(number, other));
	else if (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE)
		snprintf(words, ERROR_WORDS, "there is none in it");
	else if (reason)
		snprintf(words, ERROR_WORDS, "%s", reason);
	else
		snprintf(words, ERROR_WORDS, "OpenSSL's error %lx", code);
	ERR_clear_error();
	return number;
}

int tls_fail(struct sluice_error *error, int code, const char *format, ...)
{
	char words[ERROR_WORDS], what[TLS_WORDS];
	va_list arguments;
	int number = tls_reason(words);

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	return error_set(error, number ? number : code, "%s: %s", what, words);
}

bool tls_is_address(const char *host)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

int tls_context_new(SSL_CTX **out, bool is_server, struct sluice_error *error)
{
	SSL_CTX *context;

	ERR_clear_error();
	context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
	if (!context)
		return tls_fail(error, ENOMEM, "TLS");
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					     SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF |
					     SSL_OP_CIPHER_SERVER_PREFERENCE |
					     SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_security_level(context, 2);
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_default_read_buffer_len(context, READ_AHEAD);
	/* AES-256 costs a fifth more, and guards against nothing that 128 does not. */
	if (!SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
					       "TLS_CHACHA20_POLY1305_SHA256") ||
	    !SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL")) {
		SSL_CTX_free(context);
		return tls_fail(error, EOPNOTSUPP, "TLS");
	}
	*out = context;
	return 0;
}

int tls_context_use(SSL_CTX *context, const char *certificate, const char *key,
		    struct sluice_error *error)
{
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
		return tls_fail(error, EINVAL, "certificate %s", certificate);
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
		return tls_fail(error, EINVAL, "key %s", key);
	return 0;
}
