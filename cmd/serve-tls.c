/* SPDX-License-Identifier: MIT */
/* SIGHUP is waited for by a thread of its own: reading files is nothing for a signal handler. */
#include "serve-tls.h"

#include "command.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static pthread_t thread;
static bool has_thread;
static bool is_ending; /* atomic */

static void block_hangup(int how)
{
	sigset_t hangup;

	sigemptyset(&hangup);
	sigaddset(&hangup, SIGHUP);
	pthread_sigmask(how, &hangup, NULL);
}

void serve_tls_prepare(const struct sluice_server_options *options)
{
	if (options->tls)
		block_hangup(SIG_BLOCK);
}

static void *reload_at_hangup(void *argument)
{
	struct sluice_error error;
	sigset_t hangup;
	int number;

	sigemptyset(&hangup);
	sigaddset(&hangup, SIGHUP);
	while (sigwait(&hangup, &number) == 0 && !__atomic_load_n(&is_ending, __ATOMIC_ACQUIRE))
		if (sluice_server_reload(argument, &error) < 0)
			command_failed("%s: still using the old certificate and key", error.text);
		else
			command_failed("new connections use the certificate and key as they are "
				       "now");
	return NULL;
}

/* Where the server listens on all addresses, its name is one that others may know. */
static void print_command(const struct sluice_server *server)
{
	const char *url = sluice_server_url(server), *port = strrchr(url, ':');
	char name[256] = "";
	bool is_any = strstr(url, "//0.0.0.0:") || strstr(url, "//[::]:");

	if (is_any && gethostname(name, sizeof(name) - 1) == 0 && *name)
		fprintf(stderr, "sluice: to fetch: sluice get --pin %s https://%s%sNAME\n",
			sluice_server_pin(server), name, port);
	else
		fprintf(stderr, "sluice: to fetch: sluice get --pin %s %sNAME\n",
			sluice_server_pin(server), url);
}

void serve_tls_begin(struct sluice_server *server, const struct sluice_server_options *options)
{
	if (!options->tls)
		return;
	/* With a real certificate nobody needs a pin. */
	if (!options->tls_certificate)
		print_command(server);
	has_thread = pthread_create(&thread, NULL, reload_at_hangup, server) == 0;
}

void serve_tls_end(void)
{
	if (!has_thread)
		return;
	__atomic_store_n(&is_ending, true, __ATOMIC_RELEASE);
	pthread_kill(thread, SIGHUP);
	pthread_join(thread, NULL);
	has_thread = false;
}
