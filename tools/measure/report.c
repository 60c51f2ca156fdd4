/* SPDX-License-Identifier: MIT */
#include "measure/report.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "measure/report-page.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The new file, under the name that it has until it is complete; NULL with *code set. */
static FILE *open_part(const char *file, char name[PATH_MAX], int *code)
{
	FILE *part = NULL;

	*code = ENAMETOOLONG;
	/* Another name where a killed process with our number left its own. */
	for (int i = 0; !part && i < 100; i++) {
		if (snprintf(name, PATH_MAX, "%s.part-%d-%d", file, getpid(), i) >= PATH_MAX)
			return NULL;
		part = fopen(name, "wxe");
		*code = errno;
		if (!part && *code != EEXIST)
			return NULL;
	}
	return part;
}

static int open_report(const char *file, FILE **part, char name[PATH_MAX],
		       struct sluice_error *error)
{
	struct stat status;
	int code;

	if (!*file)
		return error_set(error, EINVAL, "cannot write the report: its name is empty");
	/* Renaming onto /dev/null would succeed. */
	if (lstat(file, &status) == 0 && !S_ISREG(status.st_mode))
		return error_set(error, EINVAL,
				 "cannot write the report %s: the name exists and is not a regular "
				 "file; choose another",
				 file);
	*part = open_part(file, name, &code);
	if (!*part)
		return error_set_errno(error, code, "cannot write the report %s", file);
	return 0;
}

int report_check(const char *file, struct sluice_error *error)
{
	char name[PATH_MAX];
	FILE *part;
	int r = open_report(file, &part, name, error);

	if (r < 0)
		return r;
	fclose(part);
	remove(name);
	return 0;
}

/* No name in the document can end the element that holds it. */
static void write_json(FILE *out, const char *json)
{
	for (; *json; json++)
		if (*json == '<')
			fputs("\\u003c", out);
		else
			putc_unlocked(*json, out);
}

static int write_page(FILE *out, const char *kind, const char *json)
{
	errno = 0;
	fwrite(report_page_head, 1, report_page_head_size, out);
	fputs(kind, out);
	fwrite(report_page_middle, 1, report_page_middle_size, out);
	write_json(out, json);
	fwrite(report_page_tail, 1, report_page_tail_size, out);
	/* A write that failed is remembered by the stream, and what it said by nobody but errno. */
	if (fflush(out) < 0 || ferror(out))
		return errno ? -errno : -EIO;
	return fsync(fileno(out)) < 0 ? -errno : 0;
}

int report_write(const char *file, const char *kind, const json_t *document,
		 struct sluice_error *error)
{
	_cleanup_free_ char *json = json_dumps(document, JSON_COMPACT);
	char name[PATH_MAX];
	FILE *part;
	int r;

	if (!json)
		return error_set(error, ENOMEM, "no memory for the report %s", file);
	r = open_report(file, &part, name, error);
	if (r < 0)
		return r;
	r = write_page(part, kind, json);
	if (fclose(part) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(name, file) < 0)
		r = -errno;
	if (r == 0)
		return 0;
	remove(name);
	return error_set_errno(error, -r, "cannot write the report %s", file);
}
