/* SPDX-License-Identifier: MIT */
#include "http/coding.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The content codings there are: those of IANA's list, and what servers label files with. */
static const struct coding {
	const char *names[5];
	const char *ends[7];
} codings[] = {
	{{"gzip", "x-gzip", "application/gzip", "application/x-gzip"},
	 {".gz", ".tgz", ".taz", ".gzip", ".svgz", ".crate"}},
	{{"compress", "x-compress"}, {".z", ".taz"}},
	{{"deflate", "x-deflate"}, {".zz", ".zlib"}},
	{{"br"}, {".br"}},
	{{"zstd", "x-zstd"}, {".zst", ".tzst", ".zstd"}},
	{{"bzip2", "x-bzip2", "bzip", "x-bzip", "application/x-bzip2"},
	 {".bz2", ".tbz2", ".tbz", ".tb2", ".bz"}},
	{{"xz", "x-xz", "application/x-xz"}, {".xz", ".txz"}},
	{{"lzma", "x-lzma"}, {".lzma", ".tlz"}},
	{{"lzip", "x-lzip"}, {".lz"}},
	{{"lz4", "x-lz4"}, {".lz4"}},
	{{"snappy", "x-snappy", "x-snappy-framed"}, {".sz", ".snappy"}},
	{{"zip", "x-zip", "application/zip", "x-zip-compressed"}, {".zip"}},
	{{"pack200-gzip"}, {".pack.gz"}},
	{{"exi"}, {".exi"}},
	{{"aes128gcm"}, {NULL}},
	{{"dcb", "dcz", "sdch"}, {NULL}},
};

static const struct coding *find(struct http_text name)
{
	for (size_t i = 0; i < COUNT(codings); i++)
		for (size_t j = 0; j < COUNT(codings[i].names) && codings[i].names[j]; j++)
			if (http_text_is_nocase(name, codings[i].names[j]))
				return &codings[i];
	return NULL;
}

static bool ends_so(struct http_text name, const struct coding *coding)
{
	for (size_t i = 0; i < COUNT(coding->ends) && coding->ends[i]; i++) {
		size_t length = strlen(coding->ends[i]);
		struct http_text end = {name.data + name.length - length, length};

		if (name.length > length && http_text_is_nocase(end, coding->ends[i]))
			return true;
	}
	return false;
}

bool http_coding_keeps(struct http_text encoding, const char *name)
{
	struct http_text rest = http_text_of(name);
	struct http_text path = http_text_cut_until(&rest, '?');

	if (!encoding.data)
		return true;
	do {
		struct http_text member = http_text_trim(http_text_cut_until(&encoding, ','));
		const struct coding *coding = find(member);

		if (coding && !ends_so(path, coding))
			return false;
	} while (http_text_cut(&encoding, ","));
	return true;
}
