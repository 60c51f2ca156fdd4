/* SPDX-License-Identifier: MIT */
/*
 * What the connections of a get need for https: whom to trust, and who we are. Made when the first
 * of them wants it. A pin and our certificate are for the host that the user named, and for no
 * other that it redirects to.
 */
#ifndef SLUICE_FETCH_SECURE_H
#define SLUICE_FETCH_SECURE_H

#include "channel/channel.h"
#include "http/url.h"

struct secure;

/* By options' ca_file, pin, certificate and certificate_key; options must outlive it. */
int secure_open(struct secure **secure, const struct sluice_get_options *options,
		struct sluice_error *error);
void secure_close(struct secure *secure); /* NULL is allowed */
/* Puts TLS into a plain channel, before any byte. url must outlive the handshake. */
int secure_begin(struct secure *secure, struct channel *channel, const struct http_url *url,
		 bool is_named, struct sluice_error *error);
/* Two that trust the same have the same. */
uint64_t secure_digest(const struct secure *secure);

#endif
