/* SPDX-License-Identifier: MIT */
#include "host/mounts.h"

#include "host/read.h"

#include <stdlib.h>
#include <string.h>

/* \040 and its like stand for what would end a field. */
static void unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in; out++) {
		unsigned code;

		if (in[0] == '\\' && sscanf(in + 1, "%3o", &code) == 1) {
			*out = (char)code;
			in += 4;
		} else {
			*out = *in++;
		}
	}
	*out = '\0';
}

FILE *host_mounts_open(int root)
{
	return host_open(root, "proc/self/mountinfo");
}

/* id parent major:minor root point options [optional...] - type source super-options */
static bool parse(struct host_mount *mount)
{
	char *rest = strstr(mount->line, " - "), *front = mount->line;
	char *fields[6];
	unsigned parent;
	int length = 0;

	if (!rest || sscanf(front, "%u %u %u:%u %n", &mount->id, &parent, &mount->major,
			    &mount->minor, &length) != 4)
		return false;
	*rest = '\0';
	rest += 3;
	front += length;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		fields[i] = strsep(i < 3 ? &front : &rest, " \n");
		if (!fields[i])
			return false;
		unescape(fields[i]);
	}
	mount->root = fields[0];
	mount->point = fields[1];
	mount->options = fields[2];
	mount->type = fields[3];
	mount->source = fields[4];
	mount->super_options = fields[5];
	return true;
}

bool host_mount_next(FILE *mounts, struct host_mount *mount)
{
	while (getline(&mount->line, &mount->capacity, mounts) >= 0)
		if (parse(mount))
			return true;
	return false;
}

void host_mount_free(struct host_mount *mount)
{
	free(mount->line);
}

bool host_mount_holds(const struct host_mount *mount, const struct statx *status)
{
	if (status->stx_mask & STATX_MNT_ID)
		return mount->id == statx_more(status).mount_id;
	return mount->major == status->stx_dev_major && mount->minor == status->stx_dev_minor;
}

const char *host_list_value(const char *list, const char *name, size_t *length)
{
	size_t size = strlen(name);

	for (const char *word = list; word; word = strchr(word, ',')) {
		word += *word == ',';
		if (strncmp(word, name, size) == 0 && word[size] == '=') {
			word += size + 1;
			*length = strcspn(word, ",");
			return word;
		}
	}
	return NULL;
}

bool host_list_has(const char *list, const char *word)
{
	size_t size = strlen(word);

	for (; list; list = strchr(list, ',')) {
		list += *list == ',';
		if (strncmp(list, word, size) == 0 && (list[size] == ',' || list[size] == '\0'))
			return true;
	}
	return false;
}
