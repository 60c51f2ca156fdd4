/* SPDX-License-Identifier: MIT */
#include "http/billing.h"

#include "base/sys.h"
#include "http/connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Turns of all connections but this one, of all workers. */
static uint64_t others_turns(const struct connection *connection)
{
	const struct server_settings *settings = connection->worker->settings;
	uint64_t turns = 0;

	for (unsigned i = 0; i < settings->worker_count; i++)
		turns += __atomic_load_n(&settings->workers[i].turns, __ATOMIC_RELAXED);
	return turns - connection->turns;
}

/* A number that nobody can guess, or no bill. */
static int make_path(char path[HTTP_BILL_PATH])
{
	uint64_t random[2];

	if (sys_getrandom(random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		return -EAGAIN;
	snprintf(path, HTTP_BILL_PATH, HTTP_BILL_DIRECTORY "%016llx%016llx",
		 (unsigned long long)random[0], (unsigned long long)random[1]);
	return 0;
}

void billing_start(struct connection *connection)
{
	const struct http_request *request = &connection->request;
	struct billing *billing;

	if (!request->prefer.data || request->method != HTTP_GET || !request->keep_alive ||
	    !http_bill_is_preferred(request->prefer))
		return;
	billing = calloc(1, sizeof(*billing));
	if (!billing || make_path(billing->path) < 0) {
		free(billing);
		return;
	}
	free(connection->billing);
	bill_init(&billing->bill.bill);
	connection->billing = billing;
	connection->response.bill_path = billing->path;
	billing->others = others_turns(connection);
	meter_start(&billing->process);
	meter_start_thread(&billing->thread);
}

/* Of the ranges that are sent; -1 where it is not known. */
static int64_t resident_bytes(const struct response *response)
{
	int64_t bytes = 0;

	for (unsigned i = 0; i < response->billed_count; i++) {
		const struct http_range *range = &response->ranges[i];
		struct cache_residency residency =
			cache_look(response->cached->file->fd, range->offset, range->length);

		if (!residency.has_bytes)
			return -1;
		bytes += (int64_t)residency.resident_bytes;
	}
	return bytes;
}

void billing_begin(struct connection *connection)
{
	const struct response *response = &connection->response;

	if (response->bill_path && response->billed_count > 0)
		connection->billing->bill.bill.public.page_cache_before_bytes =
			resident_bytes(response);
}

void billing_finish(struct connection *connection)
{
	const struct response *response = &connection->response;
	struct billing *billing = connection->billing;
	struct http_bill *bill;

	if (!response->bill_path || response->billed_count == 0)
		return;
	bill = &billing->bill;
	bill->is_alone = others_turns(connection) == billing->others;
	bill->bill.public.page_cache_after_bytes = resident_bytes(response);
	meter_read(bill->is_alone ? &billing->process : &billing->thread, &bill->bill);
	tally_to_bill(&response->tally, &bill->bill);
	bill->bill.public.tls_version = tls_version(&connection->channel);
	bill->bill.public.tls_suite = tls_suite(&connection->channel);
	billing->is_done = true;
}

char *billing_find(const struct connection *connection, const char *path)
{
	const struct billing *billing = connection->billing;

	if (!billing || !billing->is_done || strcmp(path, billing->path + 1) != 0)
		return NULL;
	return http_bill_format(&billing->bill);
}
