/* SPDX-License-Identifier: MIT */
/*
 * tls: a channel whose bytes OpenSSL seals and opens. tls_server and tls_client are what
 * connections share: keys, certificates, whom to trust. The channel itself is tls.c; built without
 * OpenSSL (-Dtls=disabled), opening either of the two fails and says so (tls-none.c).
 */
#ifndef SLUICE_CHANNEL_TLS_H
#define SLUICE_CHANNEL_TLS_H

#include "channel/channel.h"
#include "sluice.h"

/* Connections that come in. tls_server_load and tls_accept may run in different threads. */
struct tls_server;

struct tls_server_options {
	const char *certificate, *key; /* PEM files; a chain begins with the server's own */
	const char *client_ca;         /* PEM file: clients must have a certificate from these CAs;
					* NULL: anybody may come */
	bool allows_tls12;
};

/* Strings are copied. */
int tls_server_open(struct tls_server **server, const struct tls_server_options *options,
		    struct sluice_error *error);
/* Reads the files anew, for new connections; where it fails, all stays as it was. */
int tls_server_load(struct tls_server *server, struct sluice_error *error);
/* Puts "sha256//BASE64=", by which a client can know the server's key, into pin. */
#define TLS_PIN 64
void tls_server_pin(struct tls_server *server, char pin[TLS_PIN]);
void tls_server_close(struct tls_server *server);

/* The channel of a connection that has come in; it outlives the server. */
int tls_accept(struct channel *channel, int fd, struct tls_server *server);

/* Connections to servers. */
struct tls_client;

struct tls_client_options {
	const char *ca;                /* PEM file, instead of the system's CAs; or NULL */
	const char *certificate, *key; /* our own, PEM; or NULL */
};

int tls_client_open(struct tls_client **client, const struct tls_client_options *options,
		    struct sluice_error *error);
void tls_client_close(struct tls_client *client);

/*
 * host is a name, or an address without brackets; its interface, behind '%', is not looked at.
 * pins: NULL, or what takes the place of the CAs, of the name and of the dates for this connection:
 * the server's key must be one of these. client and pins must outlive the handshake.
 */
int tls_connect(struct channel *channel, int fd, struct tls_client *client, const char *host,
		const char *pins);
/* Whether these are pins: one or more "sha256//BASE64=", with ';' between. */
bool tls_are_pins(const char *text);

/* Of a channel whose handshake is done; NULL for channels of other kinds. */
const char *tls_version(const struct channel *channel); /* "TLSv1.3" */
const char *tls_suite(const struct channel *channel);
/* The common name in the certificate of the client; NULL where it showed none. */
const char *tls_peer_name(const struct channel *channel);
/* The handshake failed because the client spoke HTTP without TLS. */
bool tls_is_plain_http(const struct channel *channel);

extern const struct channel_kind channel_tls;

/* tls-identity.c: a key and a certificate of our own, made once, in one file. Its name, for free,
 * below $XDG_STATE_HOME or ~/.local/state. */
int tls_identity(char **file, const char *host, struct sluice_error *error);

#endif
