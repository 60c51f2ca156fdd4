/* SPDX-License-Identifier: MIT */
/* What the files of `sluice cache` share: one run, and the two ways to print it. */
#ifndef SLUICE_CMD_CACHE_H
#define SLUICE_CMD_CACHE_H

#include "command.h"
#include "pagecache/evict.h"
#include "pagecache/holders.h"
#include "pagecache/ranges.h"
#include "pagecache/warm.h"
#include "progress.h"
#include "tree/tree.h"

enum cache_action { CACHE_LOOK, CACHE_WARM, CACHE_EVICT, CACHE_FLUSH, CACHE_WATCH, CACHE_AHEAD };

/* One file, after what was to be done with it. */
struct cache_file {
	const char *path;
	uint64_t size;
	bool is_operand; /* named on the command line, not found in a directory */
	bool is_known;   /* figures hold; else the kernel did not tell */
	struct cache_figures figures;
	int unknown_code;    /* why not */
	int failed_code;     /* of the action; 0: none */
	uint64_t done_bytes; /* read in, gone, or written */
	bool has_done;
	const struct evicted *evicted; /* NULL where nothing stayed */
	const struct holders *holders;
};

struct cache_total {
	uint64_t files, links, special, vanished, elsewhere, loops, failed, unknown;
	uint64_t size, unknown_size, done_bytes;
	uint64_t done_files;          /* those that done_bytes is known of */
	struct cache_figures figures; /* of those that are known */
};

struct cache_run;

struct cache_printer {
	void (*begin)(struct cache_run *run);
	/* May correct the resident bytes by what it saw of the ranges. */
	void (*file)(struct cache_run *run, struct cache_file *file, int fd);
	/* What could not be opened. */
	void (*failed)(struct cache_run *run, const char *path, const char *text);
	void (*end)(struct cache_run *run);
};

extern const struct cache_printer cache_table, cache_json, cache_silent;

struct cache_run {
	enum cache_action action;
	bool is_json, is_summary;
	struct tree_options tree_options;
	uint64_t rate;
	unsigned count; /* of --watch; 0: no end */
	const char *ahead;
	char *const *paths;

	const struct cache_printer *printer;
	struct cache_total total;
	uint64_t directories;
	bool is_forgetful;
	struct warm *warm;
	struct progress progress;
	uint64_t wanted_bytes; /* of --warm; UINT64_MAX: unknown */
	bool is_first;         /* nothing was printed yet */
	bool is_quiet;         /* errors were told before */
	bool is_operand;       /* the walk is at the path that was named */
	double start_seconds;  /* of the clock */
};

bool cache_is_stopped(void);
/* Walks all paths, adding to a new total; 0, or -errno where it was ended. */
int cache_walk(struct cache_run *run);

int cache_watch(struct cache_run *run);
int cache_read_ahead(struct cache_run *run);

unsigned cache_columns(void); /* of the window on standard output */
void cache_print_map(int fd, uint64_t size);
/* Whether the figures say anything: not where all that has a size is unknown. */
bool cache_is_total_known(const struct cache_total *total);
/* The same of what was done. */
bool cache_is_total_done_known(const struct cache_total *total);
const char *cache_why_unknown(int code);
/* On standard error, between what is printed. */
void cache_print_error(struct cache_run *run, const char *path, const char *text);
/* Writes the members "path" and "path_hex" of an object, without a comma behind them. */
void cache_json_path(const char *path);

#endif
