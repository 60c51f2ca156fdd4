/* SPDX-License-Identifier: MIT */
/* What each file is to have: by --sha256, or by a file of checksums. See get-sidecar.c, too. */
#include "base/error.h"
#include "get.h"

#include <errno.h>
#include <string.h>

static int read_checksums(struct get *get)
{
	char words[ERROR_WORDS];
	int result = sums_read(&get->sums, get->checksums, NULL);

	if (result < 0)
		return command_failed("%s: %s", get->checksums, error_words(-result, words));
	if (get->sums.count == 0)
		return command_failed("%s: no properly formatted checksum lines found",
				      get->checksums);
	return EXIT_DONE;
}

int get_open_digests(struct get *get, char *const *urls)
{
	struct digest digest;

	if ((get->sha256 != NULL) + (get->checksums != NULL) + get->wants_sidecar > 1)
		return command_misused("get: --sha256, --checksums and --sidecar each say what is "
				       "expected: choose one");
	if (get->sha256 &&
	    !digest_from_hex(&digest, &hash_sha256, get->sha256, strlen(get->sha256)))
		return command_misused("get: --sha256 %s: expected 64 hexadecimal digits",
				       get->sha256);
	if (get->sha256 && (get->input || urls[1]))
		return command_misused("get: --sha256 is that of one file, but there are several "
				       "URLs: use --checksums");
	return get->checksums ? read_checksums(get) : EXIT_DONE;
}

void get_digest_set(struct get_digest *text, const struct digest *digest)
{
	char hex[HASH_HEX];

	snprintf(text->text, sizeof(text->text), "%s:%s", digest->algorithm->name,
		 digest_to_hex(digest, hex));
}

int get_file_name(const struct get *get, const char *url, char name[256],
		  struct sluice_error *error)
{
	const char *output = get->options.output;

	if (!output || get->options.to_fd)
		return sluice_url_filename(url, name, error);
	snprintf(name, 256, "%s", strrchr(output, '/') ? strrchr(output, '/') + 1 : output);
	return 0;
}

static int find_line(const struct get *get, const char *url, struct get_digest *text,
		     struct sluice_error *error)
{
	const struct sums_line *line;
	char name[256];
	int result = get_file_name(get, url, name, error);

	if (result < 0)
		return result;
	line = sums_find(&get->sums, name);
	if (!line)
		return error_set(error, ENOENT, "%s has no line for %s, or several that differ",
				 get->checksums, name);
	get_digest_set(text, &line->digest);
	return 0;
}

int get_find_digest(const struct get *get, const char *url, struct get_digest *text,
		    struct sluice_error *error)
{
	*text->text = '\0';
	if (get->sha256)
		snprintf(text->text, sizeof(text->text), "sha256:%s", get->sha256);
	return get->checksums ? find_line(get, url, text, error) : 0;
}
