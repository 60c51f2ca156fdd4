/* SPDX-License-Identifier: MIT */
/*
 * A new pair of certificate and key is a new context; connections keep the one that they began
 * with, which OpenSSL counts.
 */
#include "channel/tls-private.h"

#include "base/error.h"

#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct tls_server {
	char *certificate, *key, *client_ca;
	bool allows_tls12;
	pthread_mutex_t lock; /* of: */
	SSL_CTX *context;
};

/* http/1.1, and nothing else (RFC 7301); a client that names no protocol is fine. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_length,
			   const unsigned char *offered, unsigned length, void *argument)
{
	static const unsigned char ours[] = "\x08http/1.1";
	int found = SSL_select_next_proto((unsigned char **)out, out_length, ours, sizeof(ours) - 1,
					  offered, length);

	return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int want_clients(SSL_CTX *context, const char *ca, struct sluice_error *error)
{
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca);

	if (!names || !SSL_CTX_load_verify_file(context, ca)) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return tls_fail(error, EINVAL, "the clients' CAs in %s", ca);
	}
	SSL_CTX_set_client_CA_list(context, names);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return 0;
}

int tls_server_load(struct tls_server *server, struct sluice_error *error)
{
	SSL_CTX *context, *old;
	int result = tls_context_new(&context, true, error);

	if (result < 0)
		return result;
	if (!server->allows_tls12)
		SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
	SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
	result = tls_context_use(context, server->certificate, server->key, error);
	if (result == 0 && server->client_ca)
		result = want_clients(context, server->client_ca, error);
	if (result < 0) {
		SSL_CTX_free(context);
		return result;
	}
	pthread_mutex_lock(&server->lock);
	old = server->context;
	server->context = context;
	pthread_mutex_unlock(&server->lock);
	SSL_CTX_free(old);
	return 0;
}

int tls_server_open(struct tls_server **out, const struct tls_server_options *options,
		    struct sluice_error *error)
{
	struct tls_server *server = calloc(1, sizeof(*server));
	int result = 0;

	if (!server)
		return error_set_errno(error, ENOMEM, "TLS");
	pthread_mutex_init(&server->lock, NULL);
	server->certificate = strdup(options->certificate);
	server->key = strdup(options->key);
	server->client_ca = options->client_ca ? strdup(options->client_ca) : NULL;
	server->allows_tls12 = options->allows_tls12;
	if (!server->certificate || !server->key || (options->client_ca && !server->client_ca))
		result = error_set_errno(error, ENOMEM, "TLS");
	if (result == 0)
		result = tls_server_load(server, error);
	if (result < 0)
		tls_server_close(server);
	else
		*out = server;
	return result;
}

void tls_server_pin(struct tls_server *server, char pin[TLS_PIN])
{
	pthread_mutex_lock(&server->lock);
	tls_pin_of(SSL_CTX_get0_certificate(server->context), pin);
	pthread_mutex_unlock(&server->lock);
}

void tls_server_close(struct tls_server *server)
{
	if (!server)
		return;
	SSL_CTX_free(server->context);
	pthread_mutex_destroy(&server->lock);
	free(server->certificate);
	free(server->key);
	free(server->client_ca);
	free(server);
}

int tls_accept(struct channel *channel, int fd, struct tls_server *server)
{
	int result;

	pthread_mutex_lock(&server->lock);
	result = tls_channel_new(channel, fd, server->context);
	pthread_mutex_unlock(&server->lock);
	if (result < 0)
		return result;
	SSL_set_accept_state(((struct tls *)channel->state)->ssl);
	channel->cpu_passes =
		2; /* into the record, and from there to those that are sent at once */
	return 0;
}
