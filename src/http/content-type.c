/* SPDX-License-Identifier: MIT */
/*
 * Media types by extension. A table of our own rather than the system's, so that the same file has
 * the same type on every machine. What a browser would run or misread goes out as what it is;
 * formats without a registered type are octet streams, which every client saves.
 */
#include "http/content-type.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OCTETS "application/octet-stream"
#define PLAIN  "text/plain; charset=utf-8"

struct media_type {
	const char *extension, *type;
};

/* Sorted by extension: it is searched by halves. */
static const struct media_type types[] = {
	{"7z", "application/x-7z-compressed"},
	{"aac", "audio/aac"},
	{"arrow", "application/vnd.apache.arrow.file"},
	{"avi", "video/x-msvideo"},
	{"avif", "image/avif"},
	{"avro", "application/vnd.apache.avro"},
	{"bin", OCTETS},
	{"bmp", "image/bmp"},
	{"bz2", "application/x-bzip2"},
	{"c", PLAIN},
	{"cfg", PLAIN},
	{"ckpt", OCTETS},
	{"conf", PLAIN},
	{"css", "text/css; charset=utf-8"},
	{"csv", "text/csv; charset=utf-8"},
	{"deb", "application/vnd.debian.binary-package"},
	{"flac", "audio/flac"},
	{"gguf", OCTETS},
	{"gif", "image/gif"},
	{"gz", "application/gzip"},
	{"h", PLAIN},
	{"h5", "application/x-hdf5"},
	{"hdf5", "application/x-hdf5"},
	{"htm", "text/html; charset=utf-8"},
	{"html", "text/html; charset=utf-8"},
	{"ico", "image/vnd.microsoft.icon"},
	{"img", OCTETS},
	{"ini", PLAIN},
	{"ipynb", "application/x-ipynb+json"},
	{"iso", "application/x-iso9660-image"},
	{"jar", "application/java-archive"},
	{"jpeg", "image/jpeg"},
	{"jpg", "image/jpeg"},
	{"js", "text/javascript; charset=utf-8"},
	{"json", "application/json"},
	{"jsonl", "application/jsonl"},
	{"log", PLAIN},
	{"lz4", "application/x-lz4"},
	{"m4a", "audio/mp4"},
	{"md", "text/markdown; charset=utf-8"},
	{"mjs", "text/javascript; charset=utf-8"},
	{"mkv", "video/matroska"},
	{"mov", "video/quicktime"},
	{"mp3", "audio/mpeg"},
	{"mp4", "video/mp4"},
	{"mpeg", "video/mpeg"},
	{"mpg", "video/mpeg"},
	{"nc", "application/netcdf"},
	{"ndjson", "application/x-ndjson"},
	{"npy", OCTETS},
	{"npz", "application/zip"},
	{"ogg", "audio/ogg"},
	{"onnx", OCTETS},
	{"parquet", "application/vnd.apache.parquet"},
	{"pdf", "application/pdf"},
	{"png", "image/png"},
	{"pt", OCTETS},
	{"pth", OCTETS},
	{"py", PLAIN},
	{"qcow2", "application/x-qemu-disk"},
	{"raw", OCTETS},
	{"rpm", "application/x-rpm"},
	{"rst", PLAIN},
	{"safetensors", OCTETS},
	{"sh", PLAIN},
	{"sql", "application/sql"},
	{"sqlite", "application/vnd.sqlite3"},
	{"svg", "image/svg+xml"},
	{"tar", "application/x-tar"},
	{"tgz", "application/gzip"},
	{"tif", "image/tiff"},
	{"tiff", "image/tiff"},
	{"toml", "application/toml"},
	{"ts", "video/mp2t"},
	{"tsv", "text/tab-separated-values; charset=utf-8"},
	{"txt", PLAIN},
	{"vdi", "application/x-virtualbox-vdi"},
	{"vhd", "application/x-virtualbox-vhd"},
	{"vmdk", "application/x-virtualbox-vmdk"},
	{"warc", "application/warc"},
	{"wasm", "application/wasm"},
	{"wav", "audio/wav"},
	{"webm", "video/webm"},
	{"webp", "image/webp"},
	{"whl", "application/zip"},
	{"woff2", "font/woff2"},
	{"xml", "text/xml; charset=utf-8"},
	{"xz", "application/x-xz"},
	{"yaml", "application/yaml"},
	{"yml", "application/yaml"},
	{"zip", "application/zip"},
	{"zst", "application/zstd"},
};

static int compare(const void *extension, const void *type)
{
	return strcasecmp(extension, ((const struct media_type *)type)->extension);
}

const char *http_content_type(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *file = slash ? slash + 1 : name;
	const char *dot = strrchr(file, '.');
	const struct media_type *found = NULL;

	/* A leading dot hides a file; it does not begin an extension. */
	if (dot && dot != file)
		found = bsearch(dot + 1, types, sizeof(types) / sizeof(types[0]), sizeof(types[0]),
				compare);
	return found ? found->type : OCTETS;
}
