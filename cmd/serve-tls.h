/* SPDX-License-Identifier: MIT */
/* What `sluice serve` does for TLS beside setting options. Nothing where options.tls is not set. */
#ifndef SLUICE_CMD_SERVE_TLS_H
#define SLUICE_CMD_SERVE_TLS_H

#include "sluice.h"

/* Before there is any other thread: from now on SIGHUP ends nothing. */
void serve_tls_prepare(const struct sluice_server_options *options);
/* Says how to fetch, and reads the certificate anew at each SIGHUP, until serve_tls_end. */
void serve_tls_begin(struct sluice_server *server, const struct sluice_server_options *options);
void serve_tls_end(void);

#endif
