/* SPDX-License-Identifier: MIT */
#include "tune/conf.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/sys.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { WIDTH = 96 };

/* As comment lines of at most WIDTH characters, broken between words. */
static void comment(struct buffer *out, const char *text)
{
	while (*text) {
		size_t length = text_line(text, WIDTH);

		buffer_text(out, "# ");
		buffer_append(out, text, length);
		buffer_text(out, "\n");
		text += length;
		text += strspn(text, " ");
	}
}

static void head(struct buffer *out, const struct tune_facts *facts, double wait_seconds)
{
	buffer_text(out, "# Written by sluice tune.\n#\n# Made for:");
	if (facts->cores)
		buffer_printf(out, " %u cores,", facts->cores);
	if (facts->memory_bytes)
		buffer_printf(out, " %.1f GiB of memory,", (double)facts->memory_bytes / (1 << 30));
	buffer_printf(out, " disk: %s", tune_disk_name(facts->disk));
	if (facts->disk_bytes_per_second)
		buffer_printf(out, " that writes %.3g GB/s%s",
			      (double)facts->disk_bytes_per_second / 1e9,
			      facts->is_disk_measured ? " (measured)" : "");
	if (facts->network_bits_per_second)
		buffer_printf(out, ", network: %.3g Gbit/s",
			      (double)facts->network_bits_per_second / 1e9);
	buffer_printf(out, ".\n# An fsync or a throttled writer may wait %.3g s for the disk.\n",
		      wait_seconds);
	buffer_text(out, "# Put it in /etc/sysctl.d and run: sysctl --system\n");
}

/* The read-ahead is no sysctl: it is udev that sets it at each start. */
static void read_ahead(struct buffer *out, const struct tune_line *line, const char *device)
{
	comment(out, "Not a sysctl; as a line in /etc/udev/rules.d/60-read-ahead.rules:");
	buffer_printf(
		out, "# ACTION==\"add|change\", KERNEL==\"%s\", ATTR{queue/read_ahead_kb}=\"%s\"\n",
		*device ? device : "DEVICE", line->advised);
}

/* Why there is no setting; a sysctl.d file that sets both of a pair would undo the first. */
static void not_set(struct buffer *out, const struct tune_line *line)
{
	if (!*line->advised)
		buffer_printf(out, "# Nothing can be said about %s.\n", line->name);
	else if (*line->instead)
		buffer_printf(out, "# %s is not set: %s is.\n", line->name, line->instead);
	else if (line->is_without_effect)
		buffer_printf(out, "# %s is not set: it does nothing here.\n", line->name);
	else
		buffer_printf(out, "# %s is right already.\n", line->name);
}

void tune_conf_text(struct buffer *out, const struct tune_advice *advice,
		    const struct tune_facts *facts, double wait_seconds)
{
	head(out, facts, wait_seconds);
	for (unsigned i = 0; i < advice->count; i++) {
		const struct tune_line *line = &advice->lines[i];
		bool is_set = *line->advised && (line->is_change || !*line->current) &&
			      !*line->instead && !line->is_without_effect;

		buffer_text(out, "\n");
		comment(out, line->reason);
		buffer_printf(out, "# Source: %s\n", line->source);
		if (*line->current)
			buffer_printf(out, "# It was: %s = %s\n",
				      *line->current_name ? line->current_name : line->name,
				      line->current);
		if (line->name[0] == '/')
			read_ahead(out, line, facts->device);
		else if (is_set)
			buffer_printf(out, "%s = %s\n", line->name, line->advised);
		else
			not_set(out, line);
	}
}

/* "x/.y.sluice" for "x/y": in the same directory, so that it can be renamed. */
static int name_beside(const char *file, char *name, size_t size)
{
	const char *slash = strrchr(file, '/');
	int head_length = slash ? (int)(slash - file) + 1 : 0;
	int length = snprintf(name, size, "%.*s.%s.sluice", head_length, file, file + head_length);

	return length < (int)size ? 0 : -ENAMETOOLONG;
}

static int write_and_rename(const char *beside, const char *file, const struct buffer *text)
{
	_cleanup_fd_ int fd =
		sys_open(AT_FDCWD, beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
	int result = fd < 0 ? fd : 0;

	for (size_t done = 0; done < text->length && result == 0;) {
		int64_t written = sys_write(fd, text->data + done, text->length - done);

		if (written < 0)
			result = (int)written;
		else
			done += (size_t)written;
	}
	if (result == 0)
		result = sys_fsync(fd);
	if (result == 0)
		result = sys_rename(AT_FDCWD, beside, file);
	if (result < 0 && fd >= 0)
		sys_unlink(AT_FDCWD, beside);
	return result;
}

int tune_conf_write(const char *file, const struct tune_advice *advice,
		    const struct tune_facts *facts, double wait_seconds, struct sluice_error *error)
{
	struct buffer text = {0};
	char beside[4096];
	struct stat status;
	int result = name_beside(file, beside, sizeof(beside));

	if (result == 0 && stat(file, &status) == 0 && !S_ISREG(status.st_mode))
		return error_set(error, EINVAL,
				 "cannot write %s: it exists and is not a regular file", file);
	tune_conf_text(&text, advice, facts, wait_seconds);
	if (text.failed)
		result = -ENOMEM;
	if (result == 0)
		result = write_and_rename(beside, file, &text);
	buffer_free(&text);
	return result < 0 ? error_set_errno(error, -result, "cannot write %s", file) : 0;
}
