/* SPDX-License-Identifier: MIT */
#include "fetch/secure.h"

#include "base/digest.h"
#include "base/error.h"
#include "channel/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct secure {
	const struct sluice_get_options *options;
	struct tls_client *named, *others; /* NULL: not wanted yet */
};

static int check(const struct sluice_get_options *options, struct sluice_error *error)
{
	if (!options->certificate != !options->certificate_key)
		return error_set(error, EINVAL, "a certificate and its key go together");
	if (options->pin && !tls_are_pins(options->pin))
		return error_set(error, EINVAL,
				 "pin '%s': expected sha256// and 44 characters of base64",
				 options->pin);
	return 0;
}

int secure_open(struct secure **out, const struct sluice_get_options *options,
		struct sluice_error *error)
{
	struct secure *secure;
	int result = check(options, error);

	if (result < 0)
		return result;
	secure = calloc(1, sizeof(*secure));
	if (!secure)
		return error_set_errno(error, ENOMEM, "TLS");
	secure->options = options;
	*out = secure;
	return 0;
}

void secure_close(struct secure *secure)
{
	if (!secure)
		return;
	tls_client_close(secure->named);
	tls_client_close(secure->others);
	free(secure);
}

static int want(struct secure *secure, bool is_named, struct tls_client **out,
		struct sluice_error *error)
{
	bool shows = is_named && secure->options->certificate;
	const struct tls_client_options options = {
		.ca = secure->options->ca_file,
		.certificate = shows ? secure->options->certificate : NULL,
		.key = shows ? secure->options->certificate_key : NULL,
	};
	struct tls_client **client = shows ? &secure->named : &secure->others;
	int result = *client ? 0 : tls_client_open(client, &options, error);

	*out = *client;
	return result;
}

int secure_begin(struct secure *secure, struct channel *channel, const struct http_url *url,
		 bool is_named, struct sluice_error *error)
{
	int fd = channel->in, result;
	struct tls_client *client;

	result = want(secure, is_named, &client, error);
	if (result < 0)
		return result;
	result =
		tls_connect(channel, fd, client, url->host, is_named ? secure->options->pin : NULL);
	return result < 0 ? error_set_errno(error, -result, "TLS to %s", url->host) : 0;
}

uint64_t secure_digest(const struct secure *secure)
{
	const struct sluice_get_options *options = secure->options;
	const char *const all[] = {options->ca_file, options->pin, options->certificate,
				   options->certificate_key};
	uint64_t digest = DIGEST_START;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		digest = digest_add(digest, all[i] ? all[i] : "-", all[i] ? strlen(all[i]) + 1 : 1);
	return digest;
}
