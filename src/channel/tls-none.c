/* SPDX-License-Identifier: MIT */
/* A build without OpenSSL. */
#include "channel/tls.h"

#include "base/error.h"

#include <errno.h>

const struct channel_kind channel_tls = {.name = "tls"};

static int lacking(struct sluice_error *error)
{
	return error_set(error, EOPNOTSUPP, "this sluice was built without TLS");
}

int tls_server_open(struct tls_server **server, const struct tls_server_options *options,
		    struct sluice_error *error)
{
	return lacking(error);
}

int tls_server_load(struct tls_server *server, struct sluice_error *error)
{
	return lacking(error);
}

void tls_server_pin(struct tls_server *server, char pin[TLS_PIN])
{
	*pin = '\0';
}

void tls_server_close(struct tls_server *server)
{
}

int tls_accept(struct channel *channel, int fd, struct tls_server *server)
{
	return -EOPNOTSUPP;
}

int tls_client_open(struct tls_client **client, const struct tls_client_options *options,
		    struct sluice_error *error)
{
	return lacking(error);
}

void tls_client_close(struct tls_client *client)
{
}

int tls_connect(struct channel *channel, int fd, struct tls_client *client, const char *host,
		const char *pins)
{
	return -EOPNOTSUPP;
}

bool tls_are_pins(const char *text)
{
	return true;
}

const char *tls_version(const struct channel *channel)
{
	return NULL;
}

const char *tls_suite(const struct channel *channel)
{
	return NULL;
}

const char *tls_peer_name(const struct channel *channel)
{
	return NULL;
}

bool tls_is_plain_http(const struct channel *channel)
{
	return false;
}

int tls_identity(char **file, const char *host, struct sluice_error *error)
{
	return lacking(error);
}
