/* SPDX-License-Identifier: MIT */
/*
 * Gets what there is to get: one file after the other where all go to one place (-o), else several
 * at once, on one engine. One that has come and only waits for the disk makes room for the next.
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
#include <sys/resource.h>

struct all;

enum {
	UNDER_WAY_MAX = 2048, /* those that wait for the disk included */
	DESCRIPTORS = 4096,
	TELL_SECONDS = 1, /* between two lines of --progress about a file */
};

/* A file on its way. */
struct one {
	struct all *all;
	struct sluice_get *handle;
	char *url;
	char *shown; /* without what may be a password in it */
	struct get_digest digest;
	struct sidecar sidecar;
	bool has_come, is_seen; /* is_seen: long enough under way to be shown */
	struct sluice_progress state;
	struct progress_rate rate;
	double told; /* when --progress told it last */
	struct one *next, *previous;
};

struct all {
	struct get *get;
	struct urls urls;
	struct sluice_engine *engine;
	bool is_single; /* there is one URL */
	uint64_t begun, complete, failed, words;
	struct progress_rate rate; /* of all */
	unsigned under_way, coming;
	struct one *first;
	struct meter meter;
	struct tally tally; /* of those that are complete */
};

static struct one *add(struct all *all, const char *url)
{
	struct one *one = calloc(1, sizeof(*one));

	if (!one)
		return NULL;
	*one = (struct one){.all = all,
			    .url = strdup(url),
			    .shown = http_credentials_cut(url),
			    .next = all->first};
	if (all->first)
		all->first->previous = one;
	all->first = one;
	return one;
}

static void drop(struct one *one)
{
	*(one->previous ? &one->previous->next : &one->all->first) = one->next;
	if (one->next)
		one->next->previous = one->previous;
	free(one->url);
	free(one->shown);
	free(one);
}

/* What the library calls */

static const char *name_of(const struct one *one)
{
	const char *slash = strrchr(one->shown, '/');

	return slash && slash[1] ? slash + 1 : one->shown;
}

/* What is complete, and what is here of the others. */
static uint64_t count_bytes(const struct all *all)
{
	uint64_t bytes = all->tally.bytes;

	for (const struct one *one = all->first; one; one = one->next)
		bytes += one->state.done_bytes - one->state.resumed_bytes;
	return bytes;
}

static void draw(struct all *all)
{
	struct progress_file files[PROGRESS_LINES];
	struct progress_whole whole = {all->complete, all->failed, 0, count_bytes(all), 0};
	unsigned count = 0;

	for (const struct one *one = all->first; one && count < PROGRESS_LINES - 1; one = one->next)
		if (one->is_seen && !one->has_come)
			files[count++] = (struct progress_file){
				.name = name_of(one),
				.done_bytes = one->state.done_bytes,
				.total_bytes = one->state.total_bytes,
				.rate = one->rate.now,
				.streams = one->state.streams,
			};
	if (!all->get->input)
		whole.files = all->words;
	progress_measure(&all->rate, meter_seconds(&all->meter), whole.done_bytes);
	whole.rate = all->rate.now;
	progress_draw(&all->get->progress, files, count, all->is_single ? NULL : &whole);
}

static bool on_progress(void *argument, const struct sluice_progress *progress)
{
	struct one *one = argument;
	struct all *all = one->all;

	one->state = *progress;
	one->is_seen = true;
	progress_measure(&one->rate, progress->seconds,
			 progress->done_bytes - progress->resumed_bytes);
	if (all->get->shows_progress && progress->seconds - one->told >= TELL_SECONDS) {
		one->told = progress->seconds;
		get_print_progress(one->shown, progress, one->rate.now);
	}
	if (!all->get->is_quiet && !all->get->is_json && progress_is_due(&all->get->progress))
		draw(all);
	return !get_is_interrupted();
}

static void on_explain(void *argument, const char *line)
{
	struct one *one = argument;

	get_clear(one->all->get);
	if (one->all->is_single)
		command_failed("%s", line); /* for its escaping: this is no failure */
	else
		command_failed("%s (%s)", line, one->shown);
}

static void on_note(void *argument, const char *line)
{
	struct one *one = argument;
	const struct get *get = one->all->get;

	if (get->shows_progress)
		get_print_event("note", one->shown, line);
	if (!get->is_quiet)
		on_explain(one, line);
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

static void end(struct one *one, int code, const struct sluice_get_result *result,
		const struct sluice_error *error)
{
	struct all *all = one->all;
	int printed = EXIT_DONE;

	get_clear(all->get);
	if (result)
		add_to_tally(&all->tally, result->bill);
	if (code < 0 && all->get->shows_progress)
		get_print_event("failed", one->shown, error->text);
	if (code < 0)
		command_failed("%s (%s)", error->text, one->shown);
	else if (all->is_single)
		printed = get_print(all->get, one->shown, result);
	else if (has_line(all, result))
		printed = get_print_line(all->get, one->shown, result);
	if (code < 0 || printed != EXIT_DONE)
		all->failed++;
	else
		all->complete++;
	drop(one);
}

/* One after the other */

static struct sluice_get_options options_of(struct one *one)
{
	struct sluice_get_options options = one->all->get->options;

	options.argument = one;
	options.progress = on_progress;
	options.note = on_note;
	if (one->all->get->wants_explain)
		options.explain = on_explain;
	if (*one->digest.text)
		options.digest = one->digest.text;
	return options;
}

/* The sidecar has come. */
static int read_sidecar(struct one *one, struct sluice_error *error)
{
	char name[256];
	int code = get_file_name(one->all->get, one->url, name, error);

	if (code == 0)
		code = sidecar_read(&one->sidecar, name, &one->digest, error);
	sidecar_close(&one->sidecar);
	return code;
}

static void name_sidecar(struct one *one, struct sluice_error *error)
{
	error_append(error, "; that was %s, with its checksum", one->sidecar.shown);
	sidecar_close(&one->sidecar);
}

static int get_sidecar(struct one *one, struct sluice_error *error)
{
	struct sluice_get_options options = options_of(one);
	int code = sidecar_open(&one->sidecar, one->url, error);

	if (code < 0)
		return code;
	sidecar_set(&one->sidecar, &options);
	code = sluice_get(one->sidecar.url, &options, NULL, error);
	if (code == 0)
		return read_sidecar(one, error);
	name_sidecar(one, error);
	return code;
}

static void get_one(struct one *one)
{
	struct sluice_get_result *result = NULL;
	struct sluice_get_options options;
	struct sluice_error error = {0};
	int code = get_find_digest(one->all->get, one->url, &one->digest, &error);

	if (code == 0 && one->all->get->wants_sidecar)
		code = get_sidecar(one, &error);
	if (code == 0) {
		options = options_of(one);
		code = sluice_get(one->url, &options, &result, &error);
	}
	end(one, code, result, &error);
	sluice_get_result_free(result);
}

/* The next URL: 1; 0: there is none; -EAGAIN; or another -errno: try again. */
static int next(struct all *all, bool waits, struct one **one)
{
	const char *url;
	int result = urls_next(&all->urls, waits, &url);

	if (result <= 0)
		return result;
	*one = add(all, url);
	if (*one && (*one)->url && (*one)->shown) {
		all->begun++;
		return 1;
	}
	if (*one)
		drop(*one);
	all->failed++;
	command_failed("out of memory");
	return -ENOMEM;
}

static void get_in_turn(struct all *all)
{
	struct one *one;
	int result = 1;

	while (result != 0 && !get_is_interrupted()) {
		result = next(all, true, &one);
		if (result > 0)
			get_one(one);
	}
}

/* Several at once */

static void on_received(void *argument)
{
	struct one *one = argument;

	if (!one->has_come)
		one->all->coming--;
	one->has_come = true;
}

static void on_done(void *argument, int code, const struct sluice_get_result *result,
		    const struct sluice_error *error)
{
	struct one *one = argument;
	struct sluice_get *handle = one->handle;

	on_received(one);
	one->all->under_way--;
	end(one, code, result, error);
	sluice_get_close(handle);
}

static int begin_file(struct one *one, struct sluice_error *error)
{
	struct sluice_get_options options = options_of(one);

	options.received = on_received;
	return sluice_get_open(&one->handle, one->all->engine, one->url, &options, on_done, one,
			       error);
}

static void on_sidecar(void *argument, int code, const struct sluice_get_result *result,
		       const struct sluice_error *said)
{
	struct one *one = argument;
	struct sluice_error error = *said;

	sluice_get_close(one->handle);
	if (code < 0)
		name_sidecar(one, &error);
	else
		code = read_sidecar(one, &error);
	if (code == 0)
		code = begin_file(one, &error);
	if (code == 0)
		return;
	on_received(one);
	one->all->under_way--;
	end(one, code, NULL, &error);
}

static int begin_sidecar(struct one *one, struct sluice_error *error)
{
	struct sluice_get_options options = options_of(one);
	int code = sidecar_open(&one->sidecar, one->url, error);

	if (code < 0)
		return code;
	sidecar_set(&one->sidecar, &options);
	code = sluice_get_open(&one->handle, one->all->engine, one->sidecar.url, &options,
			       on_sidecar, one, error);
	if (code < 0)
		name_sidecar(one, error);
	return code;
}

static void begin(struct all *all, struct one *one)
{
	struct sluice_error error = {0};
	int code = get_find_digest(all->get, one->url, &one->digest, &error);

	if (code == 0)
		code = all->get->wants_sidecar ? begin_sidecar(one, &error)
					       : begin_file(one, &error);
	if (code < 0) {
		end(one, code, NULL, &error);
		return;
	}
	all->under_way++;
	all->coming++;
}

/* Begins as many as there may be. 0: there are no more; -EAGAIN: there may be; 1: there are enough.
 */
static int begin_more(struct all *all)
{
	struct one *one;
	int result = 1;

	while (result != 0 && !get_is_interrupted() && all->coming < all->get->at_once &&
	       all->under_way < UNDER_WAY_MAX) {
		/* Nothing else is to be done meanwhile. */
		result = next(all, all->under_way == 0, &one);
		if (result == -EAGAIN)
			return result;
		if (result > 0)
			begin(all, one);
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
	while (all->first) {
		sluice_get_close(all->first->handle);
		drop(all->first);
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

	if (all->is_single || all->get->is_quiet || all->get->is_json)
		return;
	bill_init(&bill);
	meter_read(&all->meter, &bill);
	tally_to_bill(&all->tally, &bill);
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

/* A thousand small files are open while they are synced. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < DESCRIPTORS &&
	    limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
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
	for (char *const *url = urls; *url; url++)
		all->words++;
	/* A second request for each file: not for a list of them. */
	get->options.server_bill = get->is_json ? !get->input : !get->is_quiet && all->is_single;
	raise_limit();
	if (!all->is_single) /* whose own bill it would disturb */
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
