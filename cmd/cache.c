/* SPDX-License-Identifier: MIT */
#include "cache.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/size.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static volatile sig_atomic_t was_stopped;

static void on_signal(int number)
{
	(void)number;
	was_stopped = 1;
}

bool cache_is_stopped(void)
{
	return was_stopped;
}

static const char help[] =
	"Usage: sluice cache FILE|DIR... [OPTION...]\n"
	"\n"
	"Shows how much of each file is in the page cache, and where, or changes it.\n"
	"\n"
	"  --warm            read in what is not resident, except holes\n"
	"  --rate SIZE       with --warm: at most this many bytes per second\n"
	"  --evict           write back and drop; says what stayed, and why\n"
	"  --flush           write back and wait until it is on the disk\n"
	"  --watch           look again every second, until Ctrl-C\n"
	"  --count N         with --watch: N times\n"
	"  --read-ahead N    set the read-ahead of the disk below, as root; 'show' only shows it\n"
	"  -s, --summarize   the total only\n"
	"  -L, --dereference follow symbolic links\n"
	"  -x, --one-file-system\n"
	"                    stay on the file system of each FILE or DIR\n"
	"  --json            print one JSON object, with the resident ranges of each file\n"
	"  --help\n";

static int choose(struct cache_run *run, enum cache_action action)
{
	if (run->action != CACHE_LOOK && run->action != action)
		return command_misused("cache: --warm, --evict, --flush, --watch and --read-ahead "
				       "exclude one another: give one");
	run->action = action;
	return EXIT_DONE;
}

static int parse_rate(struct cache_run *run)
{
	if (!size_parse(optarg, &run->rate) || run->rate == 0)
		return command_misused("cache: --rate %s: expected bytes per second, such as 100M",
				       optarg);
	return EXIT_DONE;
}

static int parse_count(struct cache_run *run)
{
	if (!command_number(optarg, 1000000000, &run->count) || run->count == 0)
		return command_misused("cache: --count %s: expected a number from 1 up", optarg);
	return EXIT_DONE;
}

static int parse_ahead(struct cache_run *run)
{
	uint64_t bytes;

	run->ahead = optarg;
	if (strcmp(optarg, "show") != 0 &&
	    (!size_parse(optarg, &bytes) || bytes % KIB || bytes > GIB))
		return command_misused("cache: --read-ahead %s: expected 'show', or a size in "
				       "whole KiB up to 1G, such as 128K",
				       optarg);
	return choose(run, CACHE_AHEAD);
}

static int parse_option(struct cache_run *run, int option, char **argv)
{
	switch (option) {
	case 'a':
		return parse_ahead(run);
	case 'c':
		return parse_count(run);
	case 'e':
		return choose(run, CACHE_EVICT);
	case 'f':
		return choose(run, CACHE_FLUSH);
	case 'j':
		run->is_json = true;
		return EXIT_DONE;
	case 'L':
		run->tree_options.follow = true;
		return EXIT_DONE;
	case 'r':
		return parse_rate(run);
	case 's':
		run->is_summary = true;
		return EXIT_DONE;
	case 'W':
		return choose(run, CACHE_WATCH);
	case 'w':
		return choose(run, CACHE_WARM);
	case 'x':
		run->tree_options.one_file_system = true;
		return EXIT_DONE;
	default:
		return command_bad_option(argv, option);
	}
}

static int check(const struct cache_run *run)
{
	if (!*run->paths)
		return command_misused("cache: missing operand FILE");
	if (run->rate && run->action != CACHE_WARM)
		return command_misused("cache: --rate requires --warm");
	if (run->count && run->action != CACHE_WATCH)
		return command_misused("cache: --count requires --watch");
	return EXIT_DONE;
}

const char *cache_why_unknown(int code)
{
	switch (code) {
	case EPERM:
		return "of another user: the kernel does not say";
	case ENOSYS:
		return "the kernel does not say";
	case EOPNOTSUPP:
		return "its file system does not say";
	default:
		return strerror(code);
	}
}

bool cache_is_total_known(const struct cache_total *total)
{
	return total->unknown == 0 || total->size > total->unknown_size;
}

bool cache_is_total_done_known(const struct cache_total *total)
{
	return total->files == 0 || total->done_files > 0;
}

void cache_print_error(struct cache_run *run, const char *path, const char *text)
{
	progress_clear(&run->progress);
	fflush(stdout);
	if (!run->is_quiet)
		command_failed("%s: %s", path, text);
}

/* One file */

static void add_to_total(struct cache_total *total, const struct cache_file *file)
{
	const struct cache_figures *figures = &file->figures;

	total->files++;
	total->size += file->size;
	total->done_bytes += file->done_bytes;
	total->done_files += file->has_done;
	if (!file->is_known) {
		total->unknown++;
		total->unknown_size += file->size;
		return;
	}
	total->figures.resident_bytes += figures->resident_bytes;
	total->figures.dirty_bytes += figures->dirty_bytes;
	total->figures.writeback_bytes += figures->writeback_bytes;
	total->figures.evicted_bytes += figures->evicted_bytes;
	total->figures.recently_evicted_bytes += figures->recently_evicted_bytes;
	total->figures.has_states &= figures->has_states;
}

static void tell(struct cache_run *run, struct cache_file *file, int fd)
{
	run->printer->file(run, file, fd);
	add_to_total(&run->total, file);
	if (!file->failed_code)
		return;
	run->total.failed++;
	cache_print_error(run, file->path, strerror(file->failed_code));
}

static void look(struct cache_file *file, int fd)
{
	file->unknown_code = -cache_figures(fd, file->size, &file->figures);
	file->is_known = file->unknown_code == 0;
}

static void evict(struct cache_run *run, struct cache_file *file, int fd, const struct stat *status)
{
	struct evicted evicted;
	struct holders holders = {0};

	file->failed_code = -evict_file(fd, file->size, &evicted);
	look(file, fd);
	if (evicted.has_before && file->is_known) {
		file->has_done = true;
		if (evicted.before.resident_bytes > file->figures.resident_bytes)
			file->done_bytes =
				evicted.before.resident_bytes - file->figures.resident_bytes;
	}
	if (file->is_known && file->figures.resident_bytes > 0) {
		if (!evicted.is_memory)
			holders_find(fd, status->st_dev, status->st_ino, &holders);
		file->evicted = &evicted;
		file->holders = &holders;
	}
	tell(run, file, fd);
}

static void flush(struct cache_run *run, struct cache_file *file, int fd)
{
	uint64_t unwritten;

	look(file, fd);
	unwritten = file->figures.dirty_bytes + file->figures.writeback_bytes;
	file->failed_code = -sys_fsync(fd);
	if (file->failed_code == 0 && file->is_known && file->figures.has_states) {
		file->has_done = true;
		file->done_bytes = unwritten;
	}
	look(file, fd);
	tell(run, file, fd);
}

static void on_warmed(void *argument, const char *path, int fd, int64_t came_bytes, int code)
{
	struct cache_run *run = argument;
	struct cache_file file = {.path = path,
				  .done_bytes = came_bytes < 0 ? 0 : (uint64_t)came_bytes,
				  .has_done = came_bytes >= 0,
				  .failed_code = code,
				  .is_operand = run->is_operand};
	struct stat status;

	if (fstat(fd, &status) == 0)
		file.size = (uint64_t)status.st_size;
	progress_clear(&run->progress);
	look(&file, fd);
	tell(run, &file, fd);
}

static bool on_warm_progress(void *argument, uint64_t seen_bytes, uint64_t read_bytes)
{
	struct cache_run *run = argument;
	struct sluice_progress state = {.done_bytes = seen_bytes,
					.resumed_bytes =
						seen_bytes - size_min(seen_bytes, read_bytes),
					.total_bytes = run->wanted_bytes};

	state.seconds = clock_seconds() - run->start_seconds;
	if (state.total_bytes < seen_bytes) /* the file grew */
		state.total_bytes = seen_bytes;
	progress_show(&run->progress, &state);
	return !was_stopped;
}

static int on_file(void *argument, const char *path, int *fd, const struct stat *status)
{
	struct cache_run *run = argument;
	struct cache_file file = {
		.path = path, .size = (uint64_t)status->st_size, .is_operand = run->is_operand};

	if (was_stopped)
		return -ECANCELED;
	switch (run->action) {
	case CACHE_WARM:
		return warm_take(run->warm, path, take_fd(fd), file.size);
	case CACHE_EVICT:
		evict(run, &file, *fd, status);
		break;
	case CACHE_FLUSH:
		flush(run, &file, *fd);
		break;
	default:
		look(&file, *fd);
		tell(run, &file, *fd);
	}
	return 0;
}

static void fail(struct cache_run *run, const char *path, const char *text)
{
	run->total.failed++;
	run->printer->failed(run, path, text);
}

static int on_skipped(void *argument, const char *path, enum tree_skip skip, int code)
{
	struct cache_run *run = argument;
	struct cache_total *total = &run->total;

	if (was_stopped)
		return -ECANCELED;
	switch (skip) {
	case TREE_FAILED:
		fail(run, path, strerror(code));
		break;
	case TREE_VANISHED:
		total->vanished++;
		break;
	case TREE_SPECIAL:
		total->special++;
		if (run->is_operand)
			fail(run, path, "neither a regular file nor a directory");
		break;
	case TREE_LINK:
		total->links++;
		if (run->is_operand)
			fail(run, path, "a symbolic link, which only -L follows");
		break;
	case TREE_LOOP:
		total->loops++;
		break;
	case TREE_ELSEWHERE:
		total->elsewhere++;
		break;
	}
	return 0;
}

/* All of them */

/* The kind of file, as in st_mode; 0 where there is none. */
static mode_t kind_of(const struct cache_run *run, const char *path)
{
	struct stat status;
	int result = (run->tree_options.follow ? stat : lstat)(path, &status);

	return result == 0 ? status.st_mode & S_IFMT : 0;
}

int cache_walk(struct cache_run *run)
{
	const struct tree_visitor visitor = {on_file, on_skipped, run};
	struct tree *tree;
	int result;

	run->total = (struct cache_total){.figures.has_states = true};
	run->tree_options.once = run->paths[1] != NULL;
	result = tree_open(&tree, &run->tree_options, &visitor);
	for (char *const *path = run->paths; *path && result >= 0; path++) {
		run->is_operand = kind_of(run, *path) != S_IFDIR;
		result = tree_walk(tree, *path);
	}
	if (!tree)
		return result;
	run->directories = tree_directory_count(tree);
	run->is_forgetful = tree_is_forgetful(tree);
	tree_close(tree);
	return result;
}

/* What --warm will look at, holes left out, where no directory has to be walked first. */
static uint64_t wanted_bytes(const struct cache_run *run)
{
	uint64_t wanted = 0;

	for (char *const *path = run->paths; *path; path++) {
		struct stat status;
		int result = (run->tree_options.follow ? stat : lstat)(*path, &status);

		if (result < 0 || S_ISDIR(status.st_mode))
			return UINT64_MAX;
		if (S_ISREG(status.st_mode))
			wanted += size_min((uint64_t)status.st_size,
					   (uint64_t)status.st_blocks * 512);
	}
	return wanted;
}

static int warm_all(struct cache_run *run)
{
	const struct warm_events events = {on_warmed, on_warm_progress, run};
	struct sluice_error error = {0};
	int result, finished;

	run->wanted_bytes = wanted_bytes(run);
	result = warm_open(&run->warm, run->rate, &events, &error);
	if (result < 0) {
		fail(run, "the event loop", error.text);
		return result;
	}
	result = cache_walk(run);
	finished = warm_finish(run->warm);
	warm_close(run->warm);
	progress_clear(&run->progress);
	return result < 0 ? result : finished;
}

static int run_all(struct cache_run *run)
{
	int result;

	run->printer = run->is_json ? &cache_json : &cache_table;
	run->printer->begin(run);
	result = run->action == CACHE_WARM ? warm_all(run) : cache_walk(run);
	run->printer->end(run);
	if (result == -ECANCELED)
		return command_failed("cache: interrupted: the remaining files were not looked at");
	if (result < 0)
		return command_failed("cache: %s", strerror(-result));
	if (fflush(stdout) || ferror(stdout))
		return command_failed("cache: standard output: %s", strerror(errno));
	return run->total.failed || run->total.unknown ? EXIT_FAILED : EXIT_DONE;
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{"count", required_argument, NULL, 'c'},
		{"dereference", no_argument, NULL, 'L'},
		{"evict", no_argument, NULL, 'e'},
		{"flush", no_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},
		{"one-file-system", no_argument, NULL, 'x'},
		{"rate", required_argument, NULL, 'r'},
		{"read-ahead", required_argument, NULL, 'a'},
		{"summarize", no_argument, NULL, 's'},
		{"warm", no_argument, NULL, 'w'},
		{"watch", no_argument, NULL, 'W'},
		{0},
	};
	struct cache_run cache = {.is_first = true};
	int option, result;

	while ((option = getopt_long(argc, argv, ":hLsx", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return EXIT_DONE;
		}
		result = parse_option(&cache, option, argv);
		if (result != EXIT_DONE)
			return result;
	}
	cache.paths = argv + optind;
	result = check(&cache);
	if (result != EXIT_DONE)
		return result;
	catch_signals();
	progress_open(&cache.progress);
	cache.start_seconds = clock_seconds();
	if (cache.action == CACHE_WATCH)
		return cache_watch(&cache);
	return cache.action == CACHE_AHEAD ? cache_read_ahead(&cache) : run_all(&cache);
}

const struct command command_cache = {
	.name = "cache",
	.run = run,
	.arguments = "FILE|DIR... [--warm | --evict | --flush | --watch] [--json] ...",
	.description = "show which parts of files are in the page cache; warm, evict or flush them",
};
