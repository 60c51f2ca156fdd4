/* SPDX-License-Identifier: MIT */
#include "tune/sysctl.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/sys.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { PATH_TEXT = TUNE_NAME + 16 };

void tune_system_init(struct tune_system *system, int root)
{
	system->root = root;
	system->lock = -1;
	system->write = tune_system_write;
}

/* "proc/sys/vm/dirty_bytes", below the root */
static const char *path_of(const char *name, char path[PATH_TEXT])
{
	if (*name == '/') {
		snprintf(path, PATH_TEXT, "%s", name + 1);
		return path;
	}
	snprintf(path, PATH_TEXT, "proc/sys/%s", name);
	for (char *dot = path; (dot = strchr(dot, '.'));)
		*dot = '/';
	return path;
}

/* Single blanks, none at the ends. */
static void tidy(char *text)
{
	char *out = text;

	for (const char *in = text; *in; in++)
		if (!isspace((unsigned char)*in))
			*out++ = *in;
		else if (out > text && out[-1] != ' ')
			*out++ = ' ';
	if (out > text && out[-1] == ' ')
		out--;
	*out = '\0';
}

static int cannot(const char *name, const char *what, int code, struct sluice_error *error)
{
	char path[PATH_TEXT];

	path_of(name, path);
	switch (code) {
	case EROFS:
		return error_set(error, code,
				 "cannot %s %s: /%s is mounted read-only, as in a container; run "
				 "sluice tune on the host itself",
				 what, name, path);
	case EACCES:
	case EPERM:
		if (geteuid() != 0)
			return error_set(error, code,
					 "cannot %s %s: it needs root; run it with sudo", what,
					 name);
		return error_set(error, code,
				 "cannot %s %s: refused although this is root, as in a container; "
				 "run sluice tune on the host itself",
				 what, name);
	case ENOENT:
		return error_set(error, code,
				 "cannot %s %s: there is no /%s; this kernel does not have it, or "
				 "a container or network namespace hides it: run sluice tune on "
				 "the host itself",
				 what, name, path);
	case EINVAL:
	case ERANGE:
		return error_set(error, code, "cannot %s %s: the kernel rejects this value", what,
				 name);
	default:
		return error_set_errno(error, code, "cannot %s %s (/%s)", what, name, path);
	}
}

int tune_system_write(struct tune_system *system, const char *name, const char *value)
{
	char path[PATH_TEXT];
	_cleanup_fd_ int fd = sys_open(system->root, path_of(name, path), O_WRONLY | O_TRUNC, 0);
	int64_t written = fd < 0 ? fd : sys_write(fd, value, strlen(value));

	if (written < 0)
		return (int)written;
	return written == (int64_t)strlen(value) ? 0 : -EIO;
}

int tune_sysctl_read(struct tune_system *system, const char *name, char value[TUNE_VALUE],
		     struct sluice_error *error)
{
	char path[PATH_TEXT], text[256];
	_cleanup_fd_ int fd = sys_open(system->root, path_of(name, path), O_RDONLY, 0);
	int64_t length = fd < 0 ? fd : sys_read(fd, text, sizeof(text) - 1);

	if (length < 0)
		return cannot(name, "read", (int)-length, error);
	text[length] = '\0';
	tidy(text);
	if (strlen(text) >= TUNE_VALUE)
		return error_set(error, EOVERFLOW,
				 "cannot read %s: '%.40s...' is not a valid value", name, text);
	snprintf(value, TUNE_VALUE, "%s", text);
	return 0;
}

void tune_sysctl_read_all(struct tune_system *system, const char *device,
			  struct tune_values *values)
{
	char name[TUNE_NAME];

	for (int key = 0; key < TUNE_KEYS; key++) {
		tune_key_name((enum tune_key)key, device, name);
		values->text[key][0] = '\0';
		if (key == TUNE_READ_AHEAD && !*device)
			continue;
		if (tune_sysctl_read(system, name, values->text[key], NULL) < 0)
			values->text[key][0] = '\0';
	}
}

int tune_sysctl_can_write(struct tune_system *system, const char *name, struct sluice_error *error)
{
	char path[PATH_TEXT];
	_cleanup_fd_ int fd = sys_open(system->root, path_of(name, path), O_WRONLY, 0);

	return fd < 0 ? cannot(name, "set", -fd, error) : 0;
}

int tune_sysctl_set(struct tune_system *system, const char *name, const char *value,
		    struct sluice_error *error)
{
	char now[TUNE_VALUE], device[32];
	int result = tune_value_check(name, value, error), key = tune_key_find(name, device);

	if (result < 0)
		return result;
	/* A ratio that is 0 beside its twin stays so, and the twin in force, where 0 is written. */
	if ((key == TUNE_DIRTY_RATIO || key == TUNE_BACKGROUND_RATIO) && strcmp(value, "0") == 0)
		system->write(system, name, "1");
	result = system->write(system, name, value);
	if (result < 0)
		return cannot(name, "set", -result, error);
	result = tune_sysctl_read(system, name, now, error);
	if (result < 0)
		return result;
	if (strcmp(now, value) != 0)
		return error_set(error, EINVAL,
				 "cannot set %s: the kernel kept %s where %s was written", name,
				 now, value);
	return 0;
}

int tune_sysctl_in_force(struct tune_system *system, const char *name, char its_name[TUNE_NAME],
			 char value[TUNE_VALUE], struct sluice_error *error)
{
	char device[32], twin[TUNE_NAME];
	int key = tune_key_find(name, device), result;
	uint64_t number;

	if (key < 0)
		return error_set(error, EINVAL, "sluice tune does not know the setting %s", name);
	tune_key_name(tune_key_twin((enum tune_key)key), device, twin);
	snprintf(its_name, TUNE_NAME, "%s", twin);
	result = tune_sysctl_read(system, twin, value, error);
	if (result < 0)
		return result;
	if (tune_value_number(value, &number) && number > 0)
		return 0;
	/* Of two zeros it is the ratio: dirty_bytes cannot be set to 0. */
	if (key == TUNE_DIRTY_BYTES || key == TUNE_BACKGROUND_BYTES) {
		result = tune_sysctl_read(system, name, value, error);
		if (result < 0 || (tune_value_number(value, &number) && number > 0)) {
			snprintf(its_name, TUNE_NAME, "%s", name);
			return result;
		}
		snprintf(value, TUNE_VALUE, "0");
		return 0;
	}
	snprintf(its_name, TUNE_NAME, "%s", name);
	return tune_sysctl_read(system, name, value, error);
}
