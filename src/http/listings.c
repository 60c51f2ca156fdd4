/* SPDX-License-Identifier: MIT */
/*
 * Invariants: held[] is the sum of what the makings have charged and the bytes of the listings in
 * the list; a listing in the list has a reference at least. Nothing waits under the lock.
 */
#include "http/listings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#define PIECE ((size_t)4 << 10) /* is charged at once */

static const size_t room[] = {LISTINGS_SMALL_MAX, LISTINGS_LARGE_MAX};

/* glibc keeps tens of MiB for each thread that once freed as much. */
static void give_back(bool is_large)
{
#ifdef __GLIBC__
	if (is_large)
		malloc_trim(0);
#else
	(void)is_large;
#endif
}

struct listings *listings_open(void)
{
	struct listings *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	pthread_mutex_init(&all->lock, NULL);
	all->references = 1;
	return all;
}

struct listings *listings_use(struct listings *all)
{
	__atomic_add_fetch(&all->references, 1, __ATOMIC_RELAXED);
	return all;
}

void listings_release(struct listings *all)
{
	if (!all || __atomic_sub_fetch(&all->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	pthread_mutex_destroy(&all->lock);
	free(all);
}

uint64_t listings_now(struct listings *all)
{
	return __atomic_add_fetch(&all->clock, 1, __ATOMIC_SEQ_CST);
}

struct listing *listings_find(struct listings *all, const struct served_root *root,
			      const char *path, bool is_json, uint64_t then)
{
	struct listing *listing;

	pthread_mutex_lock(&all->lock);
	for (listing = all->newest; listing; listing = listing->older)
		if (listing->is_json == is_json && listing->begun > then &&
		    strcmp(listing->path, path) == 0 && served_is_same(&listing->root, root))
			break;
	if (listing)
		listing->references++;
	pthread_mutex_unlock(&all->lock);
	return listing;
}

static void unlink_listing(struct listing *listing)
{
	*(listing->newer ? &listing->newer->older : &listing->all->newest) = listing->older;
	if (listing->older)
		listing->older->newer = listing->newer;
	listing->all->held[listing->is_large] -= listing->bytes;
}

void listing_release(struct listing *listing)
{
	bool is_last, is_large;

	if (!listing)
		return;
	pthread_mutex_lock(&listing->all->lock);
	is_last = --listing->references == 0;
	if (is_last)
		unlink_listing(listing);
	pthread_mutex_unlock(&listing->all->lock);
	if (!is_last)
		return;
	is_large = listing->is_large;
	buffer_free(&listing->text);
	free(listing);
	give_back(is_large);
}

bool listings_are_busy(struct listings *all, bool is_apart)
{
	return __atomic_load_n(&all->is_making_large[is_apart], __ATOMIC_RELAXED);
}

void listing_begin(struct listing_making *making, struct listings *all, bool is_apart)
{
	*making = (struct listing_making){
		.all = all,
		.begun = listings_now(all),
		.is_apart = is_apart,
	};
}

static int become_large(struct listing_making *making)
{
	struct listings *all = making->all;

	if (all->is_making_large[making->is_apart])
		return -EBUSY;
	__atomic_store_n(&all->is_making_large[making->is_apart], true, __ATOMIC_RELAXED);
	making->is_large = true;
	all->held[false] -= making->charged;
	all->held[true] += making->charged;
	return 0;
}

static int charge(struct listing_making *making, size_t bytes)
{
	size_t *held, others;

	if (bytes > LISTING_SMALL && !making->is_large && become_large(making) < 0)
		return -EBUSY;
	held = &making->all->held[making->is_large];
	others = *held - making->charged;
	if (others + bytes > room[making->is_large] && (others > 0 || !making->is_large))
		return -ENOBUFS;
	*held = others + bytes;
	making->charged = bytes;
	return 0;
}

int listing_need(struct listing_making *making, size_t bytes)
{
	int result;

	if (bytes <= making->charged)
		return 0;
	pthread_mutex_lock(&making->all->lock);
	result = charge(making, (bytes + PIECE - 1) / PIECE * PIECE);
	pthread_mutex_unlock(&making->all->lock);
	return result;
}

void listing_end(struct listing_making *making)
{
	struct listings *all = making->all;

	pthread_mutex_lock(&all->lock);
	all->held[making->is_large] -= making->charged;
	if (making->is_large)
		__atomic_store_n(&all->is_making_large[making->is_apart], false, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&all->lock);
	give_back(making->is_large);
	*making = (struct listing_making){0};
}

/* Whether that is its text, to the last byte; without making another one. */
static bool is_text_of(const struct listing *listing, const struct http_listing *what)
{
	const struct buffer *text = &listing->text;
	struct buffer piece = {0};
	size_t at = 0, number = 0;

	for (; number < what->count + 2; number++) {
		piece.length = 0;
		http_listing_piece(&piece, what, number);
		if (piece.failed || piece.length > text->length - at ||
		    memcmp(text->data + at, piece.data, piece.length) != 0)
			break;
		at += piece.length;
	}
	buffer_free(&piece);
	return number == what->count + 2 && at == text->length;
}

static int write_text(struct listing_making *making, const struct http_listing *what,
		      struct listing *listing)
{
	struct buffer *text = &listing->text;
	size_t others = making->charged + listing->bytes;
	int result = 0;
	char *shrunk;

	for (size_t number = 0; number < what->count + 2 && result == 0; number++) {
		http_listing_piece(text, what, number);
		result = text->failed ? -ENOMEM : listing_need(making, others + text->length + 1);
	}
	if (result < 0)
		return result;
	listing->bytes += text->length + 1;
	shrunk = realloc(text->data, text->length + 1);
	text->data = shrunk ? shrunk : text->data;
	return 0;
}

/* What the making has charged for it is the listing's from now on. */
static void link_newest(struct listing_making *making, struct listing *listing)
{
	struct listings *all = making->all;

	pthread_mutex_lock(&all->lock);
	listing->is_large = making->is_large;
	making->charged -= listing->bytes;
	listing->older = all->newest;
	if (all->newest)
		all->newest->newer = listing;
	all->newest = listing;
	pthread_mutex_unlock(&all->lock);
}

static int make_new(struct listing_making *making, const struct served_root *root,
		    const struct http_listing *what, struct listing **out)
{
	size_t size = sizeof(struct listing) + strlen(what->path) + 1;
	struct listing *listing = calloc(1, size);
	int result;

	if (!listing)
		return -ENOMEM;
	listing->all = making->all;
	listing->references = 1;
	listing->begun = making->begun;
	listing->root = *root;
	listing->is_json = what->is_json;
	listing->bytes = size;
	memcpy(listing->path, what->path, strlen(what->path) + 1);
	result = write_text(making, what, listing);
	if (result < 0) {
		buffer_free(&listing->text);
		free(listing);
		return result;
	}
	link_newest(making, listing);
	*out = listing;
	return 0;
}

int listing_make(struct listing_making *making, const struct served_root *root,
		 const struct http_listing *what, struct listing **out)
{
	struct listing *listing = listings_find(making->all, root, what->path, what->is_json, 0);

	if (!listing || !is_text_of(listing, what)) {
		listing_release(listing);
		return make_new(making, root, what, out);
	}
	/* It is what is there now, too. */
	pthread_mutex_lock(&making->all->lock);
	if (listing->begun < making->begun)
		listing->begun = making->begun;
	pthread_mutex_unlock(&making->all->lock);
	*out = listing;
	return 0;
}
