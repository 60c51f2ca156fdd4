/* SPDX-License-Identifier: MIT */
/* Trusts what the system does, a CA file, or a key by its pin; there is no way to trust all. */
#include "channel/tls-private.h"

#include "base/error.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

struct tls_client {
	SSL_CTX *context;
};

/* Whether it was rehashed, so that a CA can be found by its name. */
static bool has_hashes(const char *directory)
{
	DIR *opened = opendir(directory);
	const struct dirent *entry;
	bool found = false;

	while (opened && !found && (entry = readdir(opened)))
		found = strlen(entry->d_name) == 10 && strcmp(entry->d_name + 8, ".0") == 0;
	if (opened)
		closedir(opened);
	return found;
}

/*
 * The file with all of the system's CAs takes tens of milliseconds to read, the directory nothing
 * until one of them is wanted.
 */
static int trust_system(SSL_CTX *context, struct sluice_error *error)
{
	const char *file = getenv(X509_get_default_cert_file_env());
	const char *directory = getenv(X509_get_default_cert_dir_env());

	if (file || directory) {
		if (!SSL_CTX_load_verify_locations(context, file, directory))
			return tls_fail(error, EINVAL, "the CAs of SSL_CERT_FILE or SSL_CERT_DIR");
		return 0;
	}
	if (has_hashes(X509_get_default_cert_dir()))
		SSL_CTX_load_verify_dir(context, X509_get_default_cert_dir());
	else
		SSL_CTX_set_default_verify_paths(context);
	/* Where there are none, no certificate is accepted. */
	ERR_clear_error();
	return 0;
}

static int trust(SSL_CTX *context, const char *ca, struct sluice_error *error)
{
	if (!ca)
		return trust_system(context, error);
	ERR_clear_error();
	return SSL_CTX_load_verify_file(context, ca) ? 0
						     : tls_fail(error, EINVAL, "CA file %s", ca);
}

int tls_client_open(struct tls_client **out, const struct tls_client_options *options,
		    struct sluice_error *error)
{
	static const unsigned char protocols[] = "\x08http/1.1";
	struct tls_client *client = calloc(1, sizeof(*client));
	int result;

	if (!client)
		return error_set_errno(error, ENOMEM, "TLS");
	result = tls_context_new(&client->context, false, error);
	if (result == 0) {
		SSL_CTX_set_alpn_protos(client->context, protocols, sizeof(protocols) - 1);
		SSL_CTX_set_verify(client->context, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_cert_verify_callback(client->context, tls_verify, NULL);
		result = trust(client->context, options->ca, error);
	}
	if (result == 0 && options->certificate)
		result =
			tls_context_use(client->context, options->certificate, options->key, error);
	if (result < 0)
		tls_client_close(client);
	else
		*out = client;
	return result;
}

void tls_client_close(struct tls_client *client)
{
	if (!client)
		return;
	SSL_CTX_free(client->context);
	free(client);
}

/* An address is not sent along (RFC 6066 3), and looked for among the certificate's addresses. */
static bool expect(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
						       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (tls_is_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(param, host);
	return SSL_set_tlsext_host_name(ssl, host) && X509_VERIFY_PARAM_set1_host(param, host, 0);
}

/* Without an interface, and without the dot behind a name. */
static void copy_host(char copy[256], const char *host)
{
	size_t length = strcspn(host, "%");

	length = length < 255 ? length : 255;
	memcpy(copy, host, length);
	while (length > 0 && copy[length - 1] == '.')
		length--;
	copy[length] = '\0';
}

int tls_connect(struct channel *channel, int fd, struct tls_client *client, const char *host,
		const char *pins)
{
	int result = tls_channel_new(channel, fd, client->context);
	struct tls *tls;
	char copy[256];

	if (result < 0)
		return result;
	tls = channel->state;
	tls->host = host;
	tls->pins = pins;
	SSL_set_connect_state(tls->ssl);
	channel->cpu_passes = 1; /* out of the record */
	copy_host(copy, host);
	if (expect(tls->ssl, copy))
		return 0;
	channel_close(channel);
	return -EINVAL;
}
