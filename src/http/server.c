/* SPDX-License-Identifier: MIT */
/*
 * The public server: finds the directory and the listening sockets, one per worker on the same
 * address, and runs the workers' threads.
 */
#include "base/cleanup.h"
#include "base/meter.h"
#include "base/options.h"
#include "base/sys.h"
#include "base/tally.h"
#include "base/text.h"
#include "base/thread.h"
#include "http/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
	BACKLOG = 1024,
	WORKERS_MAX = 256,
	FILES_MAX = 1024,
	DESCRIPTORS_APART = 32,
	DESCRIPTORS_PER_WORKER = 8,
	CONNECTIONS_PER_CENT = 60, /* of the descriptors; the rest is for files and pipes */
};

struct server_address {
	struct sockaddr_storage address;
	socklen_t size;
};

struct sluice_server {
	struct server_settings settings;
	struct served_root *root; /* until the workers have it */
	struct served_news news;
	struct admission admission;
	struct log_writer log;
	struct worker *workers;
	unsigned worker_count;
	char url[80], pin[TLS_PIN];
};

static unsigned core_count(void)
{
	cpu_set_t cores;

	return sched_getaffinity(0, sizeof(cores), &cores) == 0 ? (unsigned)CPU_COUNT(&cores) : 1;
}

static bool is_port(const char *text)
{
	size_t length = strlen(text);

	return length > 0 && length <= 5 && strspn(text, "0123456789") == length &&
	       atoi(text) <= UINT16_MAX;
}

/* Splits "ADDRESS:PORT" or "[IPV6]:PORT" and looks it up. */
static int parse_listen(const char *text, struct server_address *out, struct sluice_error *error)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found;
	const char *colon = strrchr(text, ':'), *whole = text;
	char host[256];
	size_t length = colon ? (size_t)(colon - text) : 0;
	int result;

	if (colon && *text == '[' && length >= 2 && colon[-1] == ']') {
		text++;
		length -= 2;
	}
	if (!colon || !is_port(colon + 1) || length == 0 || length >= sizeof(host) ||
	    memchr(text, '[', length))
		return error_set(error, EINVAL,
				 "listen address '%s': expected ADDRESS:PORT or [IPV6]:PORT",
				 whole);
	snprintf(host, sizeof(host), "%.*s", (int)length, text);
	result = getaddrinfo(host, colon + 1, &hints, &found);
	if (result != 0)
		return error_set(error, EINVAL, "listen address %s port %s: %s", host, colon + 1,
				 gai_strerror(result));
	out->size = found->ai_addrlen;
	memcpy(&out->address, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

static int open_listening(const struct server_address *address, const char *congestion,
			  struct sluice_error *error)
{
	_cleanup_fd_ int fd =
		sys_socket(address->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int result;

	if (fd < 0)
		return error_set_errno(error, -fd, "socket");
	sys_setsockopt_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (address->address.ss_family == AF_INET6)
		sys_setsockopt_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	result = sys_setsockopt_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (result == 0)
		result = sys_bind(fd, (const struct sockaddr *)&address->address, address->size);
	if (result < 0)
		return error_set_errno(error, -result, "cannot listen there");
	result = congestion ? host_socket_set_congestion(fd, congestion) : 0;
	if (result < 0)
		return error_set_errno(
			error, -result,
			"congestion control '%s' (see net.ipv4.tcp_%s_congestion_control)",
			congestion, result == -EPERM ? "allowed" : "available");
	result = sys_listen(fd, BACKLOG);
	if (result < 0)
		return error_set_errno(error, -result, "cannot listen there");
	return take_fd(&fd);
}

/*
 * SO_REUSEPORT lets any process of this user share the address, so that a second server would
 * silently take half of the requests: a socket without it says whether somebody is there already.
 */
static int check_free(const struct server_address *address, struct sluice_error *error)
{
	_cleanup_fd_ int fd = sys_socket(address->address.ss_family, SOCK_STREAM, 0);
	int result;

	if (fd < 0)
		return error_set_errno(error, -fd, "socket");
	sys_setsockopt_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	result = sys_bind(fd, (const struct sockaddr *)&address->address, address->size);
	return result < 0 ? error_set_errno(error, -result, "cannot listen there") : 0;
}

static void name_address(const struct sockaddr_storage *address, char text[INET6_ADDRSTRLEN])
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;
	bool is_v6 = address->ss_family == AF_INET6;

	*text = '\0';
	inet_ntop(address->ss_family, is_v6 ? (const void *)&v6->sin6_addr : &v4->sin_addr, text,
		  INET6_ADDRSTRLEN);
}

static void name_url(struct sluice_server *server, const struct sockaddr_storage *address)
{
	char text[INET6_ADDRSTRLEN];
	bool is_v6 = address->ss_family == AF_INET6;

	name_address(address, text);
	snprintf(server->url, sizeof(server->url), is_v6 ? "%s://[%s]:%u/" : "%s://%s:%u/",
		 server->settings.tls ? "https" : "http", text,
		 ntohs(is_v6 ? ((const struct sockaddr_in6 *)address)->sin6_port
			     : ((const struct sockaddr_in *)address)->sin_port));
}

static int open_worker(struct sluice_server *server, struct server_address *address,
		       const char *congestion, struct sluice_error *error)
{
	struct worker *worker = &server->workers[server->worker_count];
	int fd = open_listening(address, congestion, error);
	int result;

	if (fd < 0)
		return fd;
	if (server->worker_count == 0) {
		/* Port 0 has become a number now, which the other workers share. */
		sys_getsockname(fd, &address->address);
		name_url(server, &address->address);
		host_socket_congestion(fd, server->settings.congestion);
		server->settings.may_be_paced =
			!congestion && strncmp(server->settings.congestion, "bbr", 3) == 0;
	}
	result = worker_open(worker, &server->settings, server->root, fd, error);
	if (result == 0)
		server->worker_count++;
	return result;
}

/* What a worker may have for its connections, files and pipes. */
static unsigned descriptors_per_worker(unsigned workers)
{
	unsigned apart = DESCRIPTORS_APART + DESCRIPTORS_PER_WORKER * workers;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > (1u << 24))
		limit.rlim_cur = 1u << 24;
	return limit.rlim_cur > apart ? (unsigned)(limit.rlim_cur - apart) / workers : 0;
}

/*
 * An idle connection needs one descriptor; one that is sending needs up to four more (the file, its
 * O_DIRECT twin, a pipe). Where too many send at once, worker_make_room finds some, and who comes
 * then in vain is told to try again.
 */
static void divide_descriptors(struct server_settings *settings, unsigned workers)
{
	unsigned all = descriptors_per_worker(workers);
	unsigned files = all / 8 + 1; /* two descriptors each */

	settings->connections_max = all * CONNECTIONS_PER_CENT / 100;
	if (settings->connections_max == 0)
		settings->connections_max = 1;
	settings->files_max = files < FILES_MAX ? files : FILES_MAX;
}

static int open_workers(struct sluice_server *server, unsigned workers, const char *congestion,
			struct server_address *address, struct sluice_error *error)
{
	int result = check_free(address, error);

	server->workers = calloc(workers, sizeof(*server->workers));
	if (!server->workers)
		return error_set_errno(error, ENOMEM, "workers");
	divide_descriptors(&server->settings, workers);
	server->settings.workers = server->workers;
	server->settings.worker_count = workers;
	for (unsigned i = 0; result == 0 && i < workers; i++)
		result = open_worker(server, address, congestion, error);
	return result;
}

static int open_root(struct sluice_server *server, const char *path, struct sluice_error *error)
{
	int result = served_name_open(&server->settings.served, path);

	if (result == 0)
		result = served_root_open(&server->settings.served, &server->root);
	if (result < 0)
		return error_set_errno(error, -result, "directory %s", path);
	server->news.inode = server->root->inode;
	return 0;
}

static int check_tls(const struct sluice_server_options *options, struct sluice_error *error)
{
	const char *least = options->tls_min;

	if (!options->tls_certificate != !options->tls_key)
		return error_set(error, EINVAL, "a certificate and a key go together");
	if (!options->tls && (options->tls_certificate || options->client_ca || least))
		return error_set(error, EINVAL,
				 "certificates, clients' CAs and versions of TLS need TLS");
	if (least && strcmp(least, "1.2") != 0 && strcmp(least, "1.3") != 0)
		return error_set(error, EINVAL, "least version of TLS '%s': expected 1.2 or 1.3",
				 least);
	return 0;
}

static int open_tls(struct sluice_server *server, const struct sluice_server_options *options,
		    const struct server_address *address, struct sluice_error *error)
{
	struct tls_server_options tls = {
		.certificate = options->tls_certificate,
		.key = options->tls_key,
		.client_ca = options->client_ca,
		.allows_tls12 = options->tls_min && strcmp(options->tls_min, "1.2") == 0,
	};
	_cleanup_free_ char *own = NULL;
	char host[INET6_ADDRSTRLEN];
	int result = check_tls(options, error);

	if (result < 0 || !options->tls)
		return result;
	name_address(&address->address, host);
	if (!tls.certificate)
		result = tls_identity(&own, host, error);
	if (own)
		tls.certificate = tls.key = own;
	if (result == 0)
		result = tls_server_open(&server->settings.tls, &tls, error);
	if (result == 0)
		tls_server_pin(server->settings.tls, server->pin);
	return result;
}

static int apply(struct sluice_server *server, const struct sluice_server_options *options,
		 struct sluice_error *error)
{
	struct server_settings *settings = &server->settings;

	int result = log_writer_open(&server->log, options);

	if (result < 0)
		return error_set_errno(error, -result, "log");
	settings->explains = options->explain;
	if (options->path && strcmp(options->path, "auto") != 0) {
		settings->path = path_send_find(options->path);
		if (!settings->path)
			return error_set(error, EINVAL, "no send path '%s'", options->path);
	}
	result = http_extra_open(&settings->extra, options->headers, options->cors, error);
	if (result < 0)
		return result;
	if (resolve_links_find(options->follow_links, &settings->links) < 0)
		return error_set(error, EINVAL, "follow links '%s': expected inside, all or none",
				 options->follow_links);
	if (options->token_file)
		result = tokens_open(&settings->tokens, options->token_file, error);
	if (result < 0)
		return result;
	media_types_read(&settings->types);
	return open_root(server, options->directory, error);
}

static int open_server(struct sluice_server *server, const struct sluice_server_options *options,
		       struct sluice_error *error)
{
	const char *listen = options->listen ? options->listen : "127.0.0.1:8080";
	const char *congestion = options->congestion && strcmp(options->congestion, "auto") != 0
					 ? options->congestion
					 : NULL;
	unsigned workers = options->workers ? options->workers : core_count();
	struct server_address address = {0};
	struct sluice_error inner = {0};
	int result;

	server->settings.listings = listings_open();
	server->settings.digests = digests_open();
	if (!server->settings.listings || !server->settings.digests)
		return error_set_errno(error, ENOMEM, "server");
	if (workers > WORKERS_MAX)
		return error_set(error, EINVAL, "%u workers: at most %d", workers, WORKERS_MAX);
	result = apply(server, options, error);
	if (result == 0)
		result = parse_listen(listen, &address, error);
	if (result == 0)
		result = open_tls(server, options, &address, error);
	if (result < 0)
		return result;
	result = open_workers(server, workers, congestion, &address, &inner);
	return result < 0 ? error_set(error, inner.code, "%s: %s", listen, inner.text) : 0;
}

int sluice_server_open(struct sluice_server **out, const struct sluice_server_options *options,
		       struct sluice_error *error)
{
	struct sluice_server_options ours;
	struct sluice_server *server;
	int result = OPTIONS_TAKE(&ours, options, "sluice_server_options", error);

	if (result == 0 && !ours.directory)
		result = error_set(error, EINVAL, "no directory to serve: set options.directory");
	if (result < 0)
		return result;
	server = calloc(1, sizeof(*server));
	if (!server)
		return error_set_errno(error, ENOMEM, "server");
	server->settings.channel_kind = &channel_plain;
	server->settings.served.base = AT_FDCWD;
	server->settings.news = &server->news;
	server->settings.admission = &server->admission;
	server->settings.log = &server->log;
	result = open_server(server, &ours, error);
	served_root_release(server->root);
	server->root = NULL;
	if (result < 0)
		sluice_server_close(server);
	else
		*out = server;
	return result;
}

const char *sluice_server_url(const struct sluice_server *server)
{
	return server->url;
}

const char *sluice_server_pin(const struct sluice_server *server)
{
	return *server->pin ? server->pin : NULL;
}

int sluice_server_reload(struct sluice_server *server, struct sluice_error *error)
{
	return server->settings.tls ? tls_server_load(server->settings.tls, error) : 0;
}

void sluice_server_stop(struct sluice_server *server)
{
	for (unsigned i = 0; i < server->worker_count; i++)
		worker_stop(&server->workers[i]);
}

int sluice_server_run(struct sluice_server *server, struct sluice_bill **bill,
		      struct sluice_error *error)
{
	unsigned started = 0;
	struct tally tally = {0};
	struct bill *full = bill ? bill_new() : NULL;
	struct meter meter;
	int result;

	if (bill) {
		*bill = NULL;
		if (!full)
			return error_set_errno(error, ENOMEM, "bill");
	}
	result = log_writer_start(&server->log);
	if (result < 0) {
		free(full);
		return error_set_errno(error, -result, "log: pthread_create");
	}
	meter_start(&meter);
	for (; result == 0 && started < server->worker_count; started++)
		result = thread_start(&server->workers[started].thread, worker_run,
				      &server->workers[started]);
	if (result < 0) {
		started--;
		sluice_server_stop(server);
		error_set_errno(error, -result, "pthread_create");
	}
	for (unsigned i = 0; i < started; i++) {
		struct worker *worker = &server->workers[i];

		pthread_join(worker->thread, NULL);
		if (worker->result < 0 && result == 0)
			result = error_set_errno(error, -worker->result, "worker's loop");
	}
	log_writer_stop(&server->log);
	if (full) {
		meter_read(&meter, full);
		for (unsigned i = 0; i < server->worker_count; i++)
			tally_merge(&tally, &server->workers[i].tally);
		tally_to_bill(&tally, full);
		*bill = &full->public;
	}
	return result;
}

void sluice_server_close(struct sluice_server *server)
{
	if (!server)
		return;
	for (unsigned i = 0; i < server->worker_count; i++)
		worker_close(&server->workers[i]);
	log_writer_close(&server->log);
	tls_server_close(server->settings.tls);
	tokens_close(server->settings.tokens);
	free(server->workers);
	http_extra_close(&server->settings.extra);
	media_types_free(&server->settings.types);
	listings_release(server->settings.listings);
	digests_close(server->settings.digests);
	served_name_close(&server->settings.served);
	free(server);
}
