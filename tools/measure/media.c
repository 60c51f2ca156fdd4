/* SPDX-License-Identifier: MIT */
/* Opens all modules, goes over all their rows round after round, and takes the medians. */
#include "measure/media.h"

#include "base/error.h"
#include "host/memory.h"
#include "measure/media-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* The storage pyramid from its top, then what the kernel takes. */
static const struct media_module *const modules[] = {
	&media_cpu, &media_page_cache, &media_disk, &media_network, &media_kernel,
};

#define MODULES (sizeof(modules) / sizeof(*modules))

struct media_row_values {
	double values[MEASURE_MEDIA_RUNS_MAX];
	size_t count;
};

struct media_session {
	struct media_host host;
	struct measure_media *media;
	void *states[MODULES];
	bool is_open[MODULES];
	struct media_row_values values[MEASURE_MEDIA_ROWS];
};

static void skip(struct measure_media_row *row, const struct sluice_error *error)
{
	snprintf(row->skipped, sizeof(row->skipped), "%s", error->text);
	row->method[0] = '\0';
}

static struct measure_media_row *add_row(struct measure_media *media,
					 const struct media_probe *probe)
{
	struct measure_media_row *row = &media->rows[media->count++];

	*row = (struct measure_media_row){
		.name = probe->name,
		.group = probe->group,
		.label = probe->label,
		.kind = probe->kind,
	};
	snprintf(row->method, sizeof(row->method), "%s", probe->method);
	return row;
}

static void pin(const struct media_session *session, const struct media_module *module)
{
	/* Where that is refused the figures are only less steady; the thread switch says so. */
	if (module->is_pinned)
		media_pin(session->host.cpu);
	else
		sched_setaffinity(0, sizeof(session->host.allowed), &session->host.allowed);
}

static void open_module(struct media_session *session, size_t number)
{
	const struct media_module *module = modules[number];
	struct sluice_error error = {0};

	pin(session, module);
	session->is_open[number] =
		module->open(&session->host, &session->states[number], &error) >= 0;
	for (size_t i = 0; i < module->count; i++) {
		struct measure_media_row *row = add_row(session->media, &module->probes[i]);

		if (!session->is_open[number])
			skip(row, &error);
	}
}

static int run_row(struct media_session *session, size_t number, const struct media_probe *probe,
		   size_t index, unsigned run)
{
	const struct measure_media_options *options = session->host.options;
	struct measure_media_row *row = &session->media->rows[index];
	struct media_row_values *values = &session->values[index];
	struct sluice_error error = {0};
	double value = 0;

	if (row->skipped[0])
		return 0;
	if (!options->go_on(options->argument, row->label, run))
		return -ECANCELED;
	if (probe->run(session->states[number], probe, row, &value, &error) < 0)
		skip(row, &error);
	else
		values->values[values->count++] = value;
	return 0;
}

static int run_round(struct media_session *session, unsigned run)
{
	size_t index = 0;

	for (size_t number = 0; number < MODULES; number++) {
		pin(session, modules[number]);
		for (size_t i = 0; i < modules[number]->count; i++) {
			int status =
				run_row(session, number, &modules[number]->probes[i], index++, run);

			if (status < 0)
				return status;
		}
	}
	return 0;
}

static void conclude(struct media_session *session)
{
	for (size_t i = 0; i < session->media->count; i++) {
		struct measure_media_row *row = &session->media->rows[i];
		struct media_row_values *values = &session->values[i];

		if (row->skipped[0])
			continue;
		row->value = measure_spread_of(values->values, values->count);
		row->is_noisy = measure_spread_is_noisy(&row->value);
	}
}

static void look_at_host(struct media_host *host)
{
	CPU_ZERO(&host->allowed);
	if (sched_getaffinity(0, sizeof(host->allowed), &host->allowed) < 0)
		CPU_SET(0, &host->allowed);
	/* The last one: interrupts like the first. */
	host->cpu = host->other_cpu = -1;
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0 && host->other_cpu < 0; cpu--)
		if (CPU_ISSET(cpu, &host->allowed))
			*(host->cpu < 0 ? &host->cpu : &host->other_cpu) = cpu;
	if (host->other_cpu < 0)
		host->other_cpu = host->cpu;
	host->available = host_memory_available();
}

static int measure(struct media_session *session)
{
	const struct measure_media_options *options = session->host.options;
	int status = 0;

	for (size_t number = 0; number < MODULES && status == 0; number++)
		if (options->go_on(options->argument, modules[number]->name, 0))
			open_module(session, number);
		else
			status = -ECANCELED;
	for (unsigned run = 1; run <= options->runs && status == 0; run++)
		status = run_round(session, run);
	for (size_t number = 0; number < MODULES; number++)
		if (session->is_open[number])
			modules[number]->close(session->states[number]);
	sched_setaffinity(0, sizeof(session->host.allowed), &session->host.allowed);
	return status;
}

static int check_disk(const char *disk, struct sluice_error *error)
{
	struct stat status;

	if (stat(disk, &status) < 0)
		return error_set_errno(error, errno, "%s", disk);
	if (!S_ISDIR(status.st_mode) && !S_ISBLK(status.st_mode))
		return error_set(error, ENOTDIR, "%s is neither a directory nor a block device",
				 disk);
	return 0;
}

int measure_media_run(const struct measure_media_options *options, struct measure_media *media,
		      struct sluice_error *error)
{
	struct media_session *session;
	int status = check_disk(options->disk, error);

	if (status < 0)
		return status;
	session = calloc(1, sizeof(*session));
	if (!session)
		return error_set_errno(error, ENOMEM, "media");
	*media = (struct measure_media){0};
	session->host.options = options;
	session->media = media;
	look_at_host(&session->host);
	status = measure(session);
	if (status == 0)
		conclude(session);
	else
		error_set(error, -status, "interrupted");
	free(session);
	return status;
}
