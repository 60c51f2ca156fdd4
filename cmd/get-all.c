/* SPDX-License-Identifier: MIT */
/*
 * Gets what there is to get: one file after the other where all go to one place (-o), else several
 * at once, on one engine. Invariant: a slot is taken from the open of its get until its end.
 */
#include "base/cleanup.h"
#include "base/error.h"
#include "base/meter.h"
#include "get-sidecar.h"
#include "get-urls.h"
#include "get.h"
#include "http/credentials.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct all;

/* A file on its way. */
struct slot {
	struct all *all;
	struct sluice_get *handle;
	char *url;   /* NULL: free */
	char *shown; /* without what may be a password in it */
	struct get_digest digest;
	struct sidecar sidecar;
};

struct all {
	struct get *get;
	struct urls urls;
	struct sluice_engine *engine;
	bool is_single; /* there is one URL */
	uint64_t begun, complete, failed;
	unsigned under_way;
	struct meter meter;
	struct tally tally; /* of those that are complete */
	struct slot slots[GET_AT_ONCE_MAX];
};

static void clear(struct slot *slot)
{
	free(slot->url);
	free(slot->shown);
	slot->url = slot->shown = NULL;
}

/* What the library calls */

static bool on_progress(void *argument, const struct sluice_progress *progress)
{
	struct slot *slot = argument;
	struct get *get = slot->all->get;

	if (!get->is_quiet && slot->all->is_single)
		progress_show(&get->progress, progress);
	return !get_is_interrupted();
}

static void on_note(void *argument, const char *line)
{
	struct slot *slot = argument;
	struct get *get = slot->all->get;

	if (get->is_quiet)
		return;
	get_clear(get);
	if (slot->all->is_single)
		command_failed("%s", line); /* for its escaping: a note is no failure */
	else
		command_failed("%s (%s)", line, slot->shown);
}

static void on_explain(void *argument, const char *line)
{
	struct slot *slot = argument;

	get_clear(slot->all->get);
	if (slot->all->is_single)
		command_failed("%s", line);
	else
		command_failed("%s (%s)", line, slot->shown);
}

/* The end of one */

static void add_to_tally(struct tally *sum, const struct sluice_bill *bill)
{
	for (unsigned i = 0; i < bill->path_count; i++)
		tally_add(sum, bill->paths[i].path, bill->paths[i].bytes);
	sum->cpu_copied_bytes += bill->cpu_copied_bytes;
	sum->cpu_ciphered_bytes += bill->cpu_ciphered_bytes;
	sum->is_device_unknown |= bill->device_moved_bytes < 0;
	if (bill->device_moved_bytes > 0)
		sum->device_moved_bytes += (uint64_t)bill->device_moved_bytes;
}

/* A list of many small files is told by its total. */
static bool has_line(const struct all *all, const struct sluice_get_result *result)
{
	return !all->get->input || all->get->is_json || result->bill->bytes >= 1 << 20;
}

static void end(struct slot *slot, int code, const struct sluice_get_result *result,
		const struct sluice_error *error)
{
	struct all *all = slot->all;
	int printed = EXIT_DONE;

	get_clear(all->get);
	if (result)
		add_to_tally(&all->tally, result->bill);
	if (code < 0)
		command_failed("%s (%s)", error->text, slot->shown);
	else if (all->is_single)
		printed = get_print(all->get, slot->shown, result);
	else if (has_line(all, result))
		printed = get_print_line(all->get, slot->shown, result);
	if (code < 0 || printed != EXIT_DONE)
		all->failed++;
	else
		all->complete++;
	clear(slot);
}

/* One after the other */

static struct sluice_get_options options_of(struct slot *slot)
{
	struct sluice_get_options options = slot->all->get->options;

	options.argument = slot;
	options.progress = on_progress;
	options.note = on_note;
	if (options.explain)
		options.explain = on_explain;
	if (*slot->digest.text)
		options.digest = slot->digest.text;
	return options;
}

/* The sidecar has come. */
static int read_sidecar(struct slot *slot, struct sluice_error *error)
{
	char name[256];
	int code = get_file_name(slot->all->get, slot->url, name, error);

	if (code == 0)
		code = sidecar_read(&slot->sidecar, name, &slot->digest, error);
	sidecar_close(&slot->sidecar);
	return code;
}

static void name_sidecar(struct slot *slot, struct sluice_error *error)
{
	error_append(error, "; that was %s, with its checksum", slot->sidecar.url);
	sidecar_close(&slot->sidecar);
}

static int get_sidecar(struct slot *slot, struct sluice_error *error)
{
	struct sluice_get_options options = options_of(slot);
	int code = sidecar_open(&slot->sidecar, slot->url, error);

	if (code < 0)
		return code;
	sidecar_set(&slot->sidecar, &options);
	code = sluice_get(slot->sidecar.url, &options, NULL, error);
	if (code == 0)
		return read_sidecar(slot, error);
	name_sidecar(slot, error);
	return code;
}

static void get_one(struct slot *slot)
{
	struct sluice_get_result *result = NULL;
	struct sluice_get_options options;
	struct sluice_error error = {0};
	int code = get_find_digest(slot->all->get, slot->url, &slot->digest, &error);

	if (code == 0 && slot->all->get->wants_sidecar)
		code = get_sidecar(slot, &error);
	if (code == 0) {
		options = options_of(slot);
		code = sluice_get(slot->url, &options, &result, &error);
	}
	end(slot, code, result, &error);
	sluice_get_result_free(result);
}

/* The next URL into a slot: 1; 0: there is none; -EAGAIN; or another -errno: try again. */
static int next(struct all *all, struct slot *slot, bool waits)
{
	const char *url;
	int result = urls_next(&all->urls, waits, &url);

	if (result <= 0)
		return result;
	slot->all = all;
	slot->url = strdup(url);
	slot->shown = http_credentials_cut(url);
	if (!slot->url || !slot->shown) {
		clear(slot);
		all->failed++;
		command_failed("out of memory");
		return -ENOMEM;
	}
	all->begun++;
	return 1;
}

static void get_in_turn(struct all *all)
{
	struct slot *slot = &all->slots[0];
	int result = 1;

	while (result != 0 && !get_is_interrupted()) {
		result = next(all, slot, true);
		if (result > 0)
			get_one(slot);
	}
}

/* Several at once */

static void on_done(void *argument, int code, const struct sluice_get_result *result,
		    const struct sluice_error *error)
{
	struct slot *slot = argument;

	end(slot, code, result, error);
	slot->all->under_way--;
	sluice_get_close(slot->handle);
}

static int begin_file(struct slot *slot, struct sluice_error *error)
{
	struct sluice_get_options options = options_of(slot);

	return sluice_get_open(&slot->handle, slot->all->engine, slot->url, &options, on_done, slot,
			       error);
}

static void on_sidecar(void *argument, int code, const struct sluice_get_result *result,
		       const struct sluice_error *said)
{
	struct slot *slot = argument;
	struct sluice_error error = *said;

	sluice_get_close(slot->handle);
	if (code < 0)
		name_sidecar(slot, &error);
	else
		code = read_sidecar(slot, &error);
	if (code == 0)
		code = begin_file(slot, &error);
	if (code == 0)
		return;
	end(slot, code, NULL, &error);
	slot->all->under_way--;
}

static int begin_sidecar(struct slot *slot, struct sluice_error *error)
{
	struct sluice_get_options options = options_of(slot);
	int code = sidecar_open(&slot->sidecar, slot->url, error);

	if (code < 0)
		return code;
	sidecar_set(&slot->sidecar, &options);
	code = sluice_get_open(&slot->handle, slot->all->engine, slot->sidecar.url, &options,
			       on_sidecar, slot, error);
	if (code < 0)
		name_sidecar(slot, error);
	return code;
}

static void begin(struct all *all, struct slot *slot)
{
	struct sluice_error error = {0};
	int code = get_find_digest(all->get, slot->url, &slot->digest, &error);

	if (code == 0)
		code = all->get->wants_sidecar ? begin_sidecar(slot, &error)
					       : begin_file(slot, &error);
	if (code < 0)
		end(slot, code, NULL, &error);
	else
		all->under_way++;
}

static struct slot *find_free(struct all *all)
{
	for (unsigned i = 0; i < all->get->at_once; i++)
		if (!all->slots[i].url)
			return &all->slots[i];
	return NULL;
}

/* Begins as many as there may be. 0: there are no more; -EAGAIN: there may be; 1: all slots are
 * taken. */
static int begin_more(struct all *all)
{
	struct slot *slot;
	int result = 1;

	while (result != 0 && !get_is_interrupted() && (slot = find_free(all))) {
		/* Nothing else is to be done meanwhile. */
		result = next(all, slot, all->under_way == 0);
		if (result == -EAGAIN)
			return result;
		if (result > 0)
			begin(all, slot);
	}
	return get_is_interrupted() ? 0 : result;
}

/* A turn of the engine, or as soon as there is another line to read. */
static int turn(struct all *all, bool reads)
{
	if (reads) {
		struct pollfd ends[] = {{all->urls.fd, POLLIN, 0},
					{sluice_engine_fd(all->engine), POLLIN, 0}};

		(void)poll(ends, 2, -1); /* what ends it is found out below */
	}
	return sluice_engine_run(all->engine, reads ? 0 : -1);
}

static void give_up(struct all *all, int result)
{
	command_failed("event loop: %s", strerror(-result));
	for (unsigned i = 0; i < all->get->at_once; i++) {
		if (!all->slots[i].url)
			continue;
		sluice_get_close(all->slots[i].handle);
		clear(&all->slots[i]);
		all->failed++;
	}
}

static void get_at_once(struct all *all)
{
	int more = begin_more(all), result = 0;

	while (result == 0 && (all->under_way > 0 || more != 0)) {
		result = turn(all, more == -EAGAIN);
		more = begin_more(all);
	}
	if (result < 0)
		give_up(all, result);
}

/* All */

static void tell_interruption(const struct all *all)
{
	if (all->begun == 0)
		command_failed("interrupted before anything was fetched");
	else if (!all->is_single)
		command_failed("interrupted with %llu files complete: run the same command again "
			       "to continue",
			       (unsigned long long)all->complete);
}

static void tell_total(struct all *all)
{
	struct bill bill;
	char title[96];

	bill_init(&bill);
	meter_read(&all->meter, &bill);
	tally_to_bill(&all->tally, &bill);
	if (all->is_single || all->get->is_quiet || all->get->is_json)
		return;
	snprintf(title, sizeof(title), "%llu of %llu files:", (unsigned long long)all->complete,
		 (unsigned long long)(all->begun + all->urls.failed));
	command_print_bill(stderr, title, &bill.public);
}

static int open_all(struct all *all)
{
	struct sluice_error error;
	const struct sluice_engine_options options = {
		.size = sizeof(options),
		.bytes_per_second = all->get->options.bytes_per_second,
	};
	int result = urls_open(&all->urls, all->get, all->urls.words);

	if (result < 0)
		return command_failed("%s: %s", all->get->input, strerror(-result));
	/* With -o there is an engine for each, opened when the output is: it may be a descriptor.
	 */
	if (!all->get->options.output && sluice_engine_open(&all->engine, &options, &error) < 0)
		return command_failed("%s", error.text);
	return EXIT_DONE;
}

int get_all(struct get *get, char *const *urls)
{
	_cleanup_free_ struct all *all = calloc(1, sizeof(*all));
	int result;

	if (!all)
		return command_failed("out of memory");
	all->get = get;
	all->urls.words = urls;
	all->is_single = !get->input && !urls[1];
	/* A second request for each file: not for a list of them. */
	get->options.server_bill = get->is_json ? !get->input : !get->is_quiet && all->is_single;
	meter_start(&all->meter);
	result = open_all(all);
	if (result == EXIT_DONE && get->options.output)
		get_in_turn(all);
	else if (result == EXIT_DONE)
		get_at_once(all);
	if (get_is_interrupted())
		tell_interruption(all);
	if (result == EXIT_DONE)
		tell_total(all);
	urls_close(&all->urls);
	sluice_engine_close(all->engine);
	return all->failed + all->urls.failed > 0 || get_is_interrupted() ? EXIT_FAILED : result;
}
