/* SPDX-License-Identifier: MIT */
/*
 * The protocol of the buffer pool, held against a model: streams that take, give, lend, wait and
 * end at random, from a seed (SLUICE_TEST_SEED, SLUICE_TEST_STEPS). After each step:
 *
 * - the pool's books are right: what is held is held once, and what is free is nobody's;
 *
 * - nothing is free while somebody waits, and the longest waiter is served first;
 *
 * - a piece is taken away only from a stream that lends: a spare one, or any of them where its peer
 *   was idle for LOOP_IDLE_MS and somebody had none;
 *
 * - when all lend what they do not use, everybody who waits gets a piece within bounded turns.
 */
#include "loop-kinds.h"

enum { STREAMS = 300, PIECES = 16, TURNS = 40 };

struct stream {
	struct loop_claim claim;
	struct loop_piece pieces[PIECES];
	unsigned count;
	uint64_t idle_since_ms;
	uint64_t ticket; /* its place in line; 0: it does not wait */
	bool lends, is_sending, is_reading;
};

static struct loop *loop;
static struct stream streams[STREAMS];
static uint64_t random_state, tickets, served;

static unsigned pick(unsigned below)
{
	random_state = random_state * 6364136223846793005 + 1442695040888963407;
	return (unsigned)(random_state >> 33) % below;
}

static unsigned waiting(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < STREAMS; i++)
		count += streams[i].ticket && streams[i].claim.piece.data == NULL;
	return count;
}

/* Held by streams, or on the way to them. */
static void check_books(void)
{
	static char owner[LOOP_BUFFERS_MAX * 16];
	unsigned used = 0, users = 0, lent = 0;

	memset(owner, 0, sizeof(owner));
	for (unsigned i = 0; i < STREAMS; i++) {
		const struct stream *stream = &streams[i];
		size_t held = 0;

		for (unsigned k = 0; k <= stream->count; k++) {
			struct loop_piece piece =
				k < stream->count ? stream->pieces[k] : stream->claim.piece;
			size_t at = (size_t)(piece.data - loop->buffers.base) / LOOP_PIECE_MIN;

			if (!piece.data)
				continue;
			assert_int_equal((uintptr_t)piece.data % piece.size, 0);
			for (size_t u = 0; u < piece.size / LOOP_PIECE_MIN; u++, used++)
				assert_int_equal(owner[at + u]++, 0);
			held += piece.size;
		}
		assert_int_equal(stream->claim.held, held);
		users += held > 0 || stream->ticket;
		lent += stream->lends && held > 0;
	}
	assert_int_equal(loop->buffers.free, sizeof(owner) - used);
	assert_int_equal(loop->buffers.users, users);
	assert_int_equal(loop->buffers.lent, lent);
	if (waiting() > 0)
		assert_int_equal(loop->buffers.free, 0);
}

static void got(struct stream *stream, struct loop_piece piece)
{
	if (stream->ticket) {
		assert_true(stream->ticket > served);
		served = stream->ticket;
	}
	stream->ticket = 0;
	stream->lends = false;
	stream->pieces[stream->count++] = piece;
}

static void lend(struct stream *stream)
{
	stream->lends = true;
	loop_claim_lend(&stream->claim, stream->count > stream->is_sending, stream->idle_since_ms);
}

static void give(struct stream *stream)
{
	struct loop_piece *last = &stream->pieces[--stream->count];

	stream->lends = stream->lends && stream->count > 0;
	loop_claim_give(&stream->claim, last);
}

static void on_granted(struct loop_claim *claim, struct loop_piece piece)
{
	struct stream *stream = (struct stream *)claim;

	assert_int_equal(stream->count, 0);
	/* Those whose turn came while this one waited for its call are served already. */
	if (stream->ticket < served)
		stream->ticket = 0;
	got(stream, piece);
	if (pick(4) == 0)
		give(stream);
	else if (pick(2) == 0)
		lend(stream);
}

static bool on_reclaim(struct loop_claim *claim, bool all)
{
	struct stream *stream = (struct stream *)claim;

	assert_true(stream->lends);
	if (all) {
		assert_true(loop_now_ms(loop) - stream->idle_since_ms >= LOOP_IDLE_MS);
		assert_true(waiting() > 0);
	}
	if (stream->is_reading)
		stream->lends = stream->lends && !all; /* the pool forgets it: it will lend again */
	if (stream->is_reading || stream->count <= (stream->is_sending && !all)) {
		stream->lends = stream->lends && !all;
		return false;
	}
	give(stream);
	return true;
}

static void open_stream(struct stream *stream)
{
	*stream = (struct stream){.claim.granted = on_granted, .claim.reclaim = on_reclaim};
	stream->is_sending = pick(2);
	loop_claim_open(&stream->claim, loop);
}

static void close_stream(struct stream *stream)
{
	while (stream->count > 0)
		give(stream);
	loop_claim_close(&stream->claim);
	stream->ticket = 0;
}

static void take(struct stream *stream)
{
	struct loop_piece piece;

	if (stream->count == PIECES)
		return;
	stream->lends = false;
	if (stream->count == 0 && !stream->ticket)
		stream->ticket = ++tickets;
	if (loop_claim_take(&stream->claim, 1 + pick(LOOP_BUFFER_SIZE), &piece)) {
		if (stream->ticket < served)
			stream->ticket = 0;
		got(stream, piece);
	}
}

/* Without standing in line. */
static void take_more(struct stream *stream)
{
	struct loop_piece piece;

	if (stream->count == PIECES || stream->ticket)
		return;
	stream->lends = false;
	if (loop_claim_take_more(&stream->claim, 1 + pick(LOOP_BUFFER_SIZE), &piece))
		got(stream, piece);
}

static void time_passes(void)
{
	uint64_t ms = pick(LOOP_IDLE_MS);

	for (unsigned i = 0; i < STREAMS; i++) {
		streams[i].idle_since_ms -= ms;
		streams[i].claim.idle_since_ms -= ms;
	}
	if (loop->buffers.reclaim.is_set)
		loop_timer_set(loop, &loop->buffers.reclaim, 0);
}

static void act(struct stream *stream)
{
	switch (pick(10)) {
	case 0:
		if (stream->count > 0)
			give(stream);
		break;
	case 1:
	case 2:
		stream->is_reading = pick(3) == 0;
		stream->idle_since_ms = loop_now_ms(loop) - pick(2 * LOOP_IDLE_MS);
		if (stream->count > 0)
			lend(stream);
		break;
	case 3:
		stream->lends = false;
		loop_claim_use(&stream->claim);
		break;
	case 4:
		if (pick(10) == 0) {
			close_stream(stream);
			open_stream(stream);
		}
		break;
	case 5:
		loop_run(loop, 0);
		break;
	case 6:
		if (pick(20) == 0)
			time_passes();
		break;
	case 7:
		take_more(stream);
		break;
	default:
		take(stream);
	}
}

static void check_everybody_is_served(void)
{
	for (unsigned turn = 0; waiting() > 0 && turn < TURNS; turn++) {
		for (unsigned i = 0; i < STREAMS; i++) {
			streams[i].is_reading = false;
			streams[i].idle_since_ms = loop_now_ms(loop) - LOOP_IDLE_MS;
			if (streams[i].count > 0)
				lend(&streams[i]);
		}
		loop_run(loop, 0);
		check_books();
	}
	assert_int_equal(waiting(), 0);
}

static uint64_t setting(const char *name, uint64_t usual)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 10) : usual;
}

static void play(uint64_t seed, uint64_t steps)
{
	loop = loop_new();
	random_state = seed;
	tickets = served = 0;
	for (unsigned i = 0; i < STREAMS; i++)
		open_stream(&streams[i]);
	for (uint64_t step = 0; step < steps; step++) {
		act(&streams[pick(STREAMS)]);
		check_books();
		if (step % 1000 == 999)
			check_everybody_is_served();
	}
	for (unsigned i = 0; i < STREAMS; i++)
		close_stream(&streams[i]);
	assert_int_equal(loop->buffers.free, LOOP_BUFFERS_MAX * 16);
	assert_int_equal(loop->buffers.users + loop->buffers.lent, 0);
	loop_close(loop);
}

static void test_random_streams(void **state)
{
	uint64_t seed = setting("SLUICE_TEST_SEED", 1), steps = setting("SLUICE_TEST_STEPS", 20000);

	print_message("seeds %llu and the next two, %llu steps\n", (unsigned long long)seed,
		      (unsigned long long)steps);
	for (unsigned i = 0; i < 3; i++)
		play(seed + i, steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_streams)};

	return cmocka_run_group_tests(tests, set_epoll, NULL);
}
