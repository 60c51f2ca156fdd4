/* SPDX-License-Identifier: MIT */
/* The page cache of files for a person: a row each, a map of those that are resident in part. */
#include "cache.h"

#include "base/size.h"
#include "base/text.h"
#include "pagecache/map.h"

#include <langinfo.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

unsigned cache_columns(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void begin(struct cache_run *run)
{
	(void)run;
	printf("%10s %10s %5s %10s %10s %10s  %s\n", "size", "resident", "", "dirty", "write-back",
	       "evicted", "file");
}

/* Never 0 % or 100 % of what is neither. */
static const char *percent(char text[8], uint64_t part, uint64_t whole)
{
	double share = whole ? 100.0 * (double)part / (double)whole : 0;

	if (part > 0 && share < 1)
		return "<1 %";
	if (part < whole && share > 99)
		return ">99 %";
	snprintf(text, 8, "%.0f %%", share > 100 ? 100 : share);
	return whole ? text : "";
}

static uint64_t whole_pages(uint64_t size)
{
	return size_round_up(size, (uint64_t)sysconf(_SC_PAGESIZE));
}

static void print_row(uint64_t size, const struct cache_figures *figures, bool is_known,
		      uint64_t whole)
{
	char texts[5][SIZE_TEXT], share[8];

	if (!is_known) {
		printf("%10s %10s %5s %10s %10s %10s  ", size_format(texts[0], size), "unknown", "",
		       "unknown", "unknown", "unknown");
		return;
	}
	printf("%10s %10s %5s ", size_format(texts[0], size),
	       size_format(texts[1], figures->resident_bytes),
	       percent(share, figures->resident_bytes, whole));
	if (!figures->has_states)
		printf("%10s %10s %10s  ", "unknown", "unknown", "unknown");
	else
		printf("%10s %10s %10s  ", size_format(texts[2], figures->dirty_bytes),
		       size_format(texts[3], figures->writeback_bytes),
		       size_format(texts[4], figures->recently_evicted_bytes));
}

static void print_cell(unsigned eighths)
{
	static const char *const blocks[] = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char plain[] = ".1234567#";

	if (strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
		fputs(blocks[eighths], stdout);
	else
		putchar(plain[eighths]);
}

static int add_range(void *argument, uint64_t offset, uint64_t length)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	cache_map_add(argument, offset / page, length / page);
	return 0;
}

void cache_print_map(int fd, uint64_t size)
{
	unsigned columns = cache_columns();
	struct cache_map map;

	if (columns < 14)
		return;
	cache_map_open(&map, whole_pages(size) / (uint64_t)sysconf(_SC_PAGESIZE), columns - 4);
	if (map.width == 0 || cache_ranges(fd, size, add_range, &map) < 0)
		return;
	fputs("  [", stdout);
	for (unsigned i = 0; i < map.width; i++)
		print_cell(cache_map_eighths(&map, i));
	fputs("]\n", stdout);
}

/* What was done with the bytes; NULL where they were looked at only. */
static const char *words_for(enum cache_action action)
{
	switch (action) {
	case CACHE_WARM:
		return "read in";
	case CACHE_EVICT:
		return "taken out";
	case CACHE_FLUSH:
		return "written";
	default:
		return NULL;
	}
}

static void print_done(const struct cache_run *run, const struct cache_file *file)
{
	char text[SIZE_TEXT];

	if (file->has_done)
		printf("  (%s %s)", size_format(text, file->done_bytes), words_for(run->action));
	if (!file->is_known)
		printf("  (%s)", cache_why_unknown(file->unknown_code));
}

static void print_holders(const struct holders *holders)
{
	char resident[SIZE_TEXT], locked[SIZE_TEXT], name[256];

	for (unsigned i = 0; i < holders->count && i < HOLDERS_MAX; i++) {
		const struct holder *holder = &holders->list[i];

		printf("    mapped by process %ld (%s), %s of it in its memory", (long)holder->pid,
		       text_for_terminal(name, sizeof(name), holder->name),
		       size_format(resident, holder->resident_bytes));
		if (holder->locked_bytes)
			printf(", %s locked there", size_format(locked, holder->locked_bytes));
		putchar('\n');
	}
	if (holders->count > HOLDERS_MAX)
		printf("    and by %u more processes\n", holders->count - HOLDERS_MAX);
	if (holders->hidden_count)
		printf("    %u processes may map it, too, but cannot be examined%s\n",
		       holders->hidden_count, geteuid() ? " by you: root sees more" : "");
}

/* What is not explained by a process is in the kernel's hands. */
static void print_rest(uint64_t stayed, const struct holders *holders, bool has_states)
{
	char text[SIZE_TEXT];

	for (unsigned i = 0; i < holders->count && i < HOLDERS_MAX; i++)
		stayed -= size_min(stayed, holders->list[i].resident_bytes);
	if (stayed && holders->count <= HOLDERS_MAX && !holders->hidden_count)
		printf("    %s %sin use by the kernel: in transit through a connection or a pipe, "
		       "under direct I/O, or in a large page with something in use\n",
		       size_format(text, stayed),
		       has_states ? "" : "written to again meanwhile, under write-back, or ");
}

static void print_stayed(const struct cache_file *file)
{
	const struct cache_figures *figures = &file->figures;
	uint64_t clean = figures->resident_bytes;
	char text[SIZE_TEXT];

	printf("    stayed: %s\n", size_format(text, figures->resident_bytes));
	if (file->evicted->is_memory) {
		puts("    its file system is in memory: there is no other place for it");
		return;
	}
	if (figures->dirty_bytes)
		printf("    %s dirty: written to again meanwhile\n",
		       size_format(text, figures->dirty_bytes));
	if (figures->writeback_bytes)
		printf("    %s under write-back\n", size_format(text, figures->writeback_bytes));
	clean -= size_min(clean, figures->dirty_bytes);
	clean -= size_min(clean, figures->writeback_bytes);
	print_holders(file->holders);
	if (clean)
		print_rest(clean, file->holders, figures->has_states);
}

static void print_file(struct cache_run *run, struct cache_file *file, int fd)
{
	uint64_t whole = whole_pages(file->size);
	char name[4096];
	bool is_mixed;

	if (run->is_summary && !file->evicted)
		return;
	print_row(file->size, &file->figures, file->is_known, whole);
	fputs(text_for_terminal(name, sizeof(name), file->path), stdout);
	print_done(run, file);
	putchar('\n');
	is_mixed = file->figures.resident_bytes > 0 && file->figures.resident_bytes < whole;
	if (file->is_known && (file->is_operand || is_mixed) && !run->is_summary)
		cache_print_map(fd, file->size);
	if (file->evicted)
		print_stayed(file);
}

static void note(uint64_t count, const char *one, const char *many)
{
	if (count)
		printf("  %llu %s\n", (unsigned long long)count, count == 1 ? one : many);
}

static void end(struct cache_run *run)
{
	const struct cache_total *total = &run->total;
	char text[SIZE_TEXT];

	print_row(total->size, &total->figures, cache_is_total_known(total),
		  total->size - total->unknown_size);
	printf("total of %llu file%s", (unsigned long long)total->files,
	       total->files == 1 ? "" : "s");
	print_done(run, &(struct cache_file){.is_known = true,
					     .has_done = words_for(run->action) != NULL &&
							 cache_is_total_done_known(total),
					     .done_bytes = total->done_bytes});
	putchar('\n');
	if (total->unknown)
		printf("  %llu of them with %s unknown, and not in the other figures\n",
		       (unsigned long long)total->unknown, size_format(text, total->unknown_size));
	note(total->failed, "could not be looked at or processed",
	     "could not be looked at or processed");
	note(total->vanished, "vanished during the walk", "vanished during the walk");
	note(total->links, "symbolic link not followed (-L follows)",
	     "symbolic links not followed (-L follows)");
	note(total->special, "FIFO, socket or device left out",
	     "FIFOs, sockets and devices left out");
	note(total->elsewhere, "on another file system left out", "on other file systems left out");
	note(total->loops, "directory that contains itself left out",
	     "directories that contain themselves left out");
	if (run->is_forgetful)
		puts("  too many files with several names: some are counted more than once");
}

const struct cache_printer cache_table = {begin, print_file, cache_print_error, end};

static void silent(struct cache_run *run)
{
	(void)run;
}

static void silent_file(struct cache_run *run, struct cache_file *file, int fd)
{
	(void)run, (void)file, (void)fd;
}

const struct cache_printer cache_silent = {silent, silent_file, cache_print_error, silent};
