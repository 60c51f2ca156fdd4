/* SPDX-License-Identifier: MIT */
#include "tune/state.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#define DIRECTORY "run/sluice"
#define NAME      "tune.state"

enum { TEXT_MAX = 16 << 10 };

static void boot_id(int root, char id[64])
{
	_cleanup_fd_ int fd = sys_open(root, "proc/sys/kernel/random/boot_id", O_RDONLY, 0);
	int64_t length = fd < 0 ? 0 : sys_read(fd, id, 63);

	id[length > 0 ? length : 0] = '\0';
	id[strcspn(id, "\n")] = '\0';
}

static int open_directory(int root)
{
	return sys_open(root, DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

int tune_state_lock(int root, struct sluice_error *error)
{
	_cleanup_fd_ int fd = -1;

	if (mkdirat(root, DIRECTORY, 0755) < 0 && errno != EEXIST) {
		int code = errno;

		if (code == EACCES)
			return error_set(error, code,
					 "cannot save values in /%s: it needs root; run "
					 "it with sudo",
					 DIRECTORY);
		return error_set_errno(error, code,
				       "cannot create the directory /%s to save values in",
				       DIRECTORY);
	}
	fd = open_directory(root);
	if (fd < 0)
		return error_set_errno(error, -fd, "cannot open the directory /%s", DIRECTORY);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(error, errno,
				 "another sluice tune is running: wait for it to finish");
	return take_fd(&fd);
}

static bool parse_one(struct tune_saved *saved, json_t *one)
{
	const char *name, *value, *new_name, *new_value;

	if (json_unpack(one, "{s:s, s:s, s:s, s:s}", "name", &name, "value", &value, "new_name",
			&new_name, "new_value", &new_value) < 0)
		return false;
	if (tune_value_check(name, value, NULL) < 0 ||
	    tune_value_check(new_name, new_value, NULL) < 0)
		return false;
	snprintf(saved->name, TUNE_NAME, "%s", name);
	snprintf(saved->value, TUNE_VALUE, "%s", value);
	snprintf(saved->new_name, TUNE_NAME, "%s", new_name);
	snprintf(saved->new_value, TUNE_VALUE, "%s", new_value);
	return true;
}

static bool parse(struct tune_state *state, const char *text, size_t length, const char *boot)
{
	json_t *root = json_loadb(text, length, 0, NULL), *values = json_object_get(root, "values"),
	       *one;
	const char *its_boot = json_string_value(json_object_get(root, "boot_id"));
	bool is_good = its_boot && json_is_array(values) && json_array_size(values) <= TUNE_LINES;
	size_t i;

	memset(state, 0, sizeof(*state));
	state->is_stale = is_good && strcmp(its_boot, boot) != 0;
	if (is_good) {
		json_array_foreach(values, i, one) is_good =
			is_good && parse_one(&state->saved[state->count++], one);
	}
	json_decref(root);
	return is_good;
}

int tune_state_read(int root, struct tune_state *state, struct sluice_error *error)
{
	_cleanup_fd_ int directory = open_directory(root), fd = -1;
	char text[TEXT_MAX], boot[64];
	int64_t length;

	memset(state, 0, sizeof(*state));
	if (directory == -ENOENT)
		return 0;
	fd = directory < 0 ? directory
			   : sys_open(directory, NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd == -ENOENT)
		return 0;
	length = fd < 0 ? fd : sys_read(fd, text, sizeof(text));
	if (length < 0)
		return error_set_errno(error, (int)-length, "cannot read " TUNE_STATE_FILE);
	boot_id(root, boot);
	if (!parse(state, text, (size_t)length, boot))
		return error_set(error, EBADMSG,
				 TUNE_STATE_FILE
				 " is damaged, so what was there before --apply is "
				 "not known: set the values by hand or restart the machine, and "
				 "remove the file");
	return 1;
}

static json_t *state_json(int root, const struct tune_state *state)
{
	json_t *values = json_array();
	char boot[64];

	boot_id(root, boot);
	for (unsigned i = 0; i < state->count; i++) {
		const struct tune_saved *saved = &state->saved[i];

		json_array_append_new(values,
				      json_pack("{s:s, s:s, s:s, s:s}", "name", saved->name,
						"value", saved->value, "new_name", saved->new_name,
						"new_value", saved->new_value));
	}
	return json_pack("{s:s, s:o}", "boot_id", boot, "values", values);
}

static int write_durably(int directory, const char *text)
{
	_cleanup_fd_ int fd =
		sys_open(directory, NAME ".new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
	int64_t written = fd < 0 ? fd : sys_write(fd, text, strlen(text));
	int result = written < 0 ? (int)written : 0;

	if (result == 0 && written != (int64_t)strlen(text))
		result = -ENOSPC;
	if (result == 0)
		result = sys_fsync(fd);
	if (result == 0)
		result = sys_rename(directory, NAME ".new", NAME);
	if (result < 0)
		sys_unlink(directory, NAME ".new");
	return result < 0 ? result : sys_fsync(directory);
}

int tune_state_write(int root, const struct tune_state *state, struct sluice_error *error)
{
	_cleanup_fd_ int directory = open_directory(root);
	json_t *json = state_json(root, state);
	_cleanup_free_ char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
	int result = directory < 0 ? directory : text ? write_durably(directory, text) : -ENOMEM;

	json_decref(json);
	if (result < 0)
		return error_set_errno(error, -result,
				       "cannot save the old values in " TUNE_STATE_FILE);
	return 0;
}

int tune_state_remove(int root, struct sluice_error *error)
{
	_cleanup_fd_ int directory = open_directory(root);
	int result = directory < 0 ? directory : sys_unlink(directory, NAME);

	if (result < 0 && result != -ENOENT)
		return error_set_errno(error, -result, "cannot remove " TUNE_STATE_FILE);
	return 0;
}
