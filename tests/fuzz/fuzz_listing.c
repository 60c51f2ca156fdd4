/* SPDX-License-Identifier: MIT */
/* Any bytes as a file's name: the JSON is valid, and nothing of the name is markup in the page. */
#include "fuzz.h"

#include "http/listing.h"
#include "http/url.h"

#include <jansson.h>

/* Text and attribute values alike: between the fixed page and a name stands no '<', '>' or quote.
 */
static size_t count_of(const char *text, const char *bytes)
{
	size_t count = 0;

	for (; *text; text++)
		count += strchr(bytes, *text) != NULL;
	return count;
}

static void write_one(struct buffer *out, const char *path, const struct http_entry *entry,
		      bool is_json)
{
	const struct http_listing listing = {path, entry, 1, is_json};

	for (size_t number = 0; number < 3; number++)
		http_listing_piece(out, &listing, number);
	CHECK(!out->failed);
}

static void check_page(const struct http_entry *entry)
{
	struct http_entry harmless = {.name = "a", .is_directory = entry->is_directory};
	struct buffer page = {0}, plain = {0};

	write_one(&page, entry->name, entry, false);
	write_one(&plain, "a", &harmless, false);
	CHECK(count_of(page.data, "<>\"'") == count_of(plain.data, "<>\"'"));
	buffer_free(&page);
	buffer_free(&plain);
}

/* The link leads back to the very name. */
static void check_href(const char *href, const char *name)
{
	struct buffer target = {0};
	char path[8192];

	buffer_printf(&target, "/%s", href);
	if (http_target_path(http_text_of(target.data), path, sizeof(path)) == 200 &&
	    name[0] != '/' && !strstr(name, "//"))
		CHECK(!strcmp(path, name));
	buffer_free(&target);
}

static void check_json(const struct http_entry *entry)
{
	struct buffer text = {0};
	json_t *root, *listed;

	write_one(&text, entry->name, entry, true);
	root = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, NULL);
	CHECK(root);
	listed = json_array_get(json_object_get(root, "entries"), 0);
	CHECK(json_is_string(json_object_get(listed, "name")));
	if (!entry->is_directory)
		check_href(json_string_value(json_object_get(listed, "href")), entry->name);
	json_decref(root);
	buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = strndup((const char *)data, size);
	struct http_entry entry = {.name = name, .is_directory = size % 2, .size = size};

	CHECK(name);
	if (*name) {
		check_page(&entry);
		check_json(&entry);
	}
	free(name);
	return 0;
}
