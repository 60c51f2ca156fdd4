/* SPDX-License-Identifier: MIT */
#include "measure/matrix.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_LEAST   (16 * MIB)
#define SPARE_DISK   (64 * MIB)  /* that nothing of it fills to the brim */
#define SPARE_MEMORY (192 * MIB) /* buffers of both ends, and what a writer has under way */

struct bench {
	struct measure_matrix *matrix;
	int source;
	int directory; /* on the file system that is written to */
};

struct turn {
	const struct bench *bench;
	const struct measure_row *row;
};

static int prepare(void *argument, struct sluice_error *error)
{
	const struct turn *turn = argument;
	uint64_t size = turn->bench->matrix->size;

	/* What earlier rows left to be written would be written beside this one. */
	syncfs(turn->bench->directory);
	return turn->row->is_cold ? measure_cool(turn->bench->source, size, error)
				  : measure_warm(turn->bench->source, size, error);
}

static int measure(const struct bench *bench, struct measure_row *row, struct sluice_error *error)
{
	_cleanup_fd_ int target = measure_scratch_open(bench->matrix->directory, error);
	struct turn turn = {bench, row};
	const struct measure_pair_job job = {
		.send = row->send,
		.receive = row->receive,
		.source = bench->source,
		.target = target,
		.length = bench->matrix->size,
		.prepare = prepare,
		.argument = &turn,
	};
	int result;

	if (target < 0)
		return target;
	result = measure_pair_run(&job, &row->results[row->runs], error);
	if (result == 0)
		row->runs++;
	return result;
}

static void skip(struct measure_row *row, const char *reason)
{
	row->runs = 0;
	snprintf(row->skipped, sizeof(row->skipped), "%s", reason);
}

static void run_round(const struct bench *bench, unsigned round)
{
	struct measure_matrix *matrix = bench->matrix;

	for (unsigned turn = 0; turn < matrix->row_count; turn++) {
		struct measure_row *row = &matrix->rows[measure_matrix_turn(matrix, round, turn)];
		struct sluice_error error = {0};

		if (*row->skipped)
			continue;
		if (matrix->progress)
			matrix->progress(matrix->argument, row,
					 round * matrix->row_count + turn + 1,
					 matrix->runs * matrix->row_count);
		if (measure(bench, row, &error) < 0)
			skip(row, error.text);
	}
}

static int allocate(struct measure_matrix *matrix, struct sluice_error *error)
{
	for (unsigned i = 0; i < matrix->row_count; i++) {
		struct measure_row *row = &matrix->rows[i];

		row->results = calloc(matrix->runs, sizeof(*row->results));
		if (!row->results)
			return error_set_errno(error, ENOMEM, "memory for the results");
	}
	return 0;
}

static int check_measured(const struct measure_matrix *matrix, struct sluice_error *error)
{
	for (unsigned i = 0; i < matrix->row_count; i++)
		if (matrix->rows[i].runs > 0)
			return 0;
	return error_set(error, EOPNOTSUPP, "nothing could be measured: %s",
			 matrix->rows[0].skipped);
}

int measure_matrix_run(struct measure_matrix *matrix, struct sluice_error *error)
{
	_cleanup_fd_ int source = measure_scratch_open(matrix->directory, error);
	_cleanup_fd_ int directory = open(matrix->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct bench bench = {matrix, source, directory};
	int result = source < 0 ? source : allocate(matrix, error);

	if (result == 0)
		result = measure_fill_random(source, matrix->size, error);
	if (result < 0)
		return result;
	for (unsigned round = 0; round < matrix->runs; round++)
		run_round(&bench, round);
	measure_matrix_sum(matrix);
	return check_measured(matrix, error);
}

void measure_matrix_free(struct measure_matrix *matrix)
{
	for (unsigned i = 0; i < matrix->row_count; i++)
		free(matrix->rows[i].results);
	matrix->row_count = 0;
}

/* Source and copy; on a file system in memory both are memory. */
static uint64_t disk_needed(const struct measure_matrix *matrix, uint64_t size)
{
	return size * (measure_matrix_writes(matrix) ? 2 : 1) + SPARE_DISK;
}

static uint64_t memory_needed(const struct measure_matrix *matrix, const struct measure_room *room,
			      uint64_t size)
{
	return SPARE_MEMORY + (room->is_memory ? disk_needed(matrix, size) : size);
}

static bool has_memory(const struct measure_matrix *matrix, const struct measure_room *room,
		       uint64_t size)
{
	return room->memory_bytes == 0 || room->memory_bytes >= memory_needed(matrix, room, size);
}

uint64_t measure_matrix_fitting(const struct measure_matrix *matrix,
				const struct measure_room *room, uint64_t most)
{
	uint64_t size = most;

	while (size > SIZE_LEAST &&
	       (room->disk_bytes < disk_needed(matrix, size) || !has_memory(matrix, room, size)))
		size /= 2;
	return size;
}

static int check_disk(const struct measure_matrix *matrix, const struct measure_room *room,
		      struct sluice_error *error)
{
	char needed[SIZE_TEXT], there[SIZE_TEXT];

	if (room->disk_bytes >= disk_needed(matrix, matrix->size))
		return 0;
	return error_set(error, ENOSPC,
			 "%s has %s free, but %s are needed: use --dir DIR or a smaller --size",
			 matrix->directory, size_format(there, room->disk_bytes),
			 size_format(needed, disk_needed(matrix, matrix->size)));
}

int measure_matrix_check(struct measure_matrix *matrix, const struct measure_room *room,
			 struct sluice_error *error)
{
	bool is_enough = has_memory(matrix, room, matrix->size);
	char needed[SIZE_TEXT], there[SIZE_TEXT], reason[256];
	bool has_rows = false;
	int result = check_disk(matrix, room, error);

	if (result < 0)
		return result;
	size_format(needed, memory_needed(matrix, room, matrix->size));
	size_format(there, room->memory_bytes);
	if (room->is_memory && !is_enough)
		return error_set(error, ENOMEM,
				 "%s is in memory, of which %s are available, but %s are needed: "
				 "use --dir DIR or a smaller --size",
				 matrix->directory, there, needed);
	snprintf(reason, sizeof(reason),
		 "a warm source needs %s of memory, but %s are available: use a smaller --size",
		 needed, there);
	for (unsigned i = 0; i < matrix->row_count; i++) {
		struct measure_row *row = &matrix->rows[i];

		if (row->is_cold && room->is_memory)
			skip(row, "the source is in memory, where it is never cold: use --dir DIR");
		else if (!row->is_cold && !is_enough)
			skip(row, reason);
		has_rows |= !*row->skipped;
	}
	return has_rows ? 0 : error_set(error, ENOMEM, "%s", reason);
}
