/* SPDX-License-Identifier: MIT */
/* The buffer pool: its bound, who gets what comes free, and what goes back to the system. */
#include "loop-requests.h"

static void test_pool(void **state)
{
	struct loop *loop = loop_new();
	char *all[LOOP_BUFFERS_MAX];

	for (int i = 0; i < LOOP_BUFFERS_MAX; i++) {
		all[i] = loop_buffer_take(loop);
		assert_non_null(all[i]);
		assert_int_equal((uintptr_t)all[i] % LOOP_BUFFER_SIZE, 0);
		all[i][0] = (char)i;
		all[i][LOOP_BUFFER_SIZE - 1] = (char)-i;
	}
	assert_null(loop_buffer_take(loop));
	for (int i = 0; i < LOOP_BUFFERS_MAX; i++) {
		assert_int_equal(all[i][0], (char)i);
		assert_int_equal(all[i][LOOP_BUFFER_SIZE - 1], (char)-i);
	}
	loop_buffer_give(loop, all[40]);
	assert_ptr_equal(loop_buffer_take(loop), all[40]);
	assert_null(loop_buffer_take(loop));
	loop_buffer_give(loop, all[7]);
	loop_buffer_give(loop, all[3]);
	assert_ptr_equal(loop_buffer_take(loop), all[3]);
	assert_ptr_equal(loop_buffer_take(loop), all[7]);
	loop_close(loop);
}

/* A stream that keeps what it is granted. */
struct stream {
	struct loop_claim claim;
	struct loop_piece pieces[LOOP_BUFFERS_MAX];
	unsigned count, grants, robberies;
	unsigned keeps; /* pieces that it says it needs for what it is sending */
};

static void on_granted(struct loop_claim *claim, struct loop_piece piece)
{
	struct stream *stream = (struct stream *)claim;

	stream->pieces[stream->count++] = piece;
	stream->grants++;
}

static bool on_reclaim(struct loop_claim *claim, bool all)
{
	struct stream *stream = (struct stream *)claim;

	if (stream->count <= (all ? 0 : stream->keeps))
		return false;
	stream->robberies++;
	loop_claim_give(claim, &stream->pieces[--stream->count]);
	return true;
}

static void open_streams(struct loop *loop, struct stream *streams, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		streams[i] = (struct stream){
			.claim.granted = on_granted, .claim.reclaim = on_reclaim, .keeps = 1};
		loop_claim_open(&streams[i].claim, loop);
	}
}

/* The size of the piece, 0 for none. */
static size_t take(struct stream *stream, size_t wanted)
{
	struct loop_piece piece;

	if (!loop_claim_take(&stream->claim, wanted, &piece))
		return 0;
	stream->pieces[stream->count++] = piece;
	return piece.size;
}

static void give(struct stream *stream)
{
	loop_claim_give(&stream->claim, &stream->pieces[--stream->count]);
}

static char *take_all(struct loop *loop)
{
	char *data, *last = NULL;

	while ((data = loop_buffer_take(loop)))
		last = data;
	return last;
}

static void test_waiters(void **state)
{
	struct loop *loop = loop_new();
	struct stream streams[3], *a = &streams[0], *b = &streams[1], *c = &streams[2];
	char *last = take_all(loop);

	open_streams(loop, streams, 3);
	assert_int_equal(take(a, LOOP_BUFFER_SIZE), 0);
	assert_int_equal(take(b, LOOP_BUFFER_SIZE), 0);
	assert_int_equal(take(a, LOOP_BUFFER_SIZE), 0); /* it waits already */
	assert_int_equal(loop_run(loop, 0), 0);
	assert_int_equal(a->grants + b->grants, 0);
	loop_buffer_give(loop, last);
	assert_null(loop_buffer_take(loop));
	assert_int_equal(take(c, LOOP_BUFFER_SIZE), 0); /* nobody overtakes */
	assert_int_equal(loop_run(loop, -1), 0);
	assert_ptr_equal(a->pieces[0].data, last);
	assert_int_equal(b->grants + c->grants, 0);
	/* What was granted and not handed over yet goes on to the next one. */
	give(a);
	loop_claim_close(&b->claim);
	assert_int_equal(loop_run(loop, -1), 0);
	assert_int_equal(b->grants, 0);
	assert_ptr_equal(c->pieces[0].data, last);
	/* It may be fetched before the turn in which it would come. */
	assert_int_equal(take(a, LOOP_BUFFER_SIZE), 0);
	give(c);
	assert_int_equal(take(a, LOOP_BUFFER_SIZE), LOOP_BUFFER_SIZE);
	assert_int_equal(loop_run(loop, 0), 0);
	assert_int_equal(a->grants, 1);
	loop_close(loop);
}

/* What comes free goes in pieces to as many as wait. */
static void test_shares(void **state)
{
	enum { COUNT = LOOP_BUFFERS_MAX * 16 + 1 };
	struct loop *loop = loop_new();
	struct stream *streams = calloc(COUNT, sizeof(*streams));
	uint64_t taken = 0;

	open_streams(loop, streams, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		size_t size = take(&streams[i], LOOP_BUFFER_SIZE);

		taken += size;
		if (i < 32)
			assert_int_equal(size, LOOP_BUFFER_SIZE);
	}
	assert_int_equal(taken, LOOP_BUFFERS_MAX * LOOP_BUFFER_SIZE);
	assert_int_equal(take(&streams[COUNT - 1], LOOP_BUFFER_SIZE), 0);
	give(&streams[0]);
	assert_int_equal(loop_run(loop, 0), 0);
	for (unsigned i = 1; i < COUNT; i++)
		assert_true(streams[i].count <= 1);
	free(streams);
	loop_close(loop);
}

/* Further pieces leave something for others, and a small wish gets a small piece. */
static void test_more(void **state)
{
	struct loop *loop = loop_new();
	struct stream streams[2], *a = &streams[0], *b = &streams[1];

	open_streams(loop, streams, 2);
	while (take(a, LOOP_BUFFER_SIZE))
		;
	assert_int_equal(a->count, LOOP_BUFFERS_MAX - LOOP_BUFFERS_MAX / 8);
	assert_int_equal(take(b, 1), LOOP_PIECE_MIN);
	assert_int_equal(take(b, LOOP_PIECE_MIN + 1), 0);
	for (unsigned i = 0; i < LOOP_BUFFERS_MAX / 4; i++)
		give(a);
	assert_int_equal(take(b, LOOP_PIECE_MIN + 1), 2 * LOOP_PIECE_MIN);
	/* a has more than half, and gets no more while b could use it. */
	assert_int_equal(take(a, LOOP_BUFFER_SIZE), 0);
	loop_claim_lend(&b->claim, true, loop_now_ms(loop));
	assert_int_equal(take(a, LOOP_BUFFER_SIZE), LOOP_BUFFER_SIZE);
	loop_close(loop);
}

/* Who has none gets spare pieces at once, and of them no more than it takes. */
static void test_spare(void **state)
{
	struct loop *loop = loop_new();
	struct stream streams[3], *a = &streams[0], *b = &streams[1], *c = &streams[2];

	open_streams(loop, streams, 3);
	for (int i = 0; i < 3; i++)
		assert_true(take(a, LOOP_BUFFER_SIZE) > 0);
	assert_true(take(b, LOOP_BUFFER_SIZE) > 0);
	take_all(loop);
	loop_claim_lend(&b->claim, false, loop_now_ms(loop));
	loop_claim_lend(&a->claim, true, loop_now_ms(loop));
	assert_true(take(c, LOOP_BUFFER_SIZE) > 0);
	assert_int_equal(a->robberies, 1);
	assert_int_equal(b->robberies, 0);
	/* Whose loan is over is left alone. */
	loop_claim_use(&a->claim);
	give(c);
	take_all(loop);
	assert_int_equal(take(c, LOOP_BUFFER_SIZE), 0);
	assert_int_equal(a->robberies + b->robberies, 1);
	loop_claim_lend(&a->claim, true, loop_now_ms(loop));
	assert_int_equal(loop_run(loop, 0), 0);
	assert_int_equal(c->count, 1);
	assert_int_equal(a->count, 1);
	loop_close(loop);
}

/* What is being sent goes only when the peer took nothing for long, and somebody has none. */
static void test_idle(void **state)
{
	struct loop *loop = loop_new();
	struct stream streams[3], *a = &streams[0], *b = &streams[1], *c = &streams[2];

	open_streams(loop, streams, 3);
	assert_true(take(a, LOOP_BUFFER_SIZE) > 0);
	assert_true(take(b, LOOP_BUFFER_SIZE) > 0);
	take_all(loop);
	loop_claim_lend(&a->claim, false, loop_now_ms(loop));
	loop_claim_lend(&b->claim, false, loop_now_ms(loop) - LOOP_IDLE_MS);
	assert_int_equal(a->robberies + b->robberies, 0);
	assert_true(take(c, LOOP_BUFFER_SIZE) > 0);
	assert_int_equal(a->robberies, 0);
	assert_int_equal(b->robberies, 1);
	assert_int_equal(take(b, LOOP_BUFFER_SIZE), 0);
	assert_true(loop->buffers.reclaim.is_set);
	a->claim.idle_since_ms -= LOOP_IDLE_MS;
	loop_timer_set(loop, &loop->buffers.reclaim, 0);
	assert_int_equal(loop_run(loop, 0), 0);
	assert_int_equal(a->count, 0);
	assert_int_equal(b->count, 1);
	loop_close(loop);
}

/* Those who want more get what others have spare only when these were idle for a while. */
static void test_spare_for_more(void **state)
{
	struct loop *loop = loop_new();
	struct stream streams[2], *a = &streams[0], *b = &streams[1];

	open_streams(loop, streams, 2);
	while (take(a, LOOP_BUFFER_SIZE))
		;
	assert_true(take(b, LOOP_BUFFER_SIZE) > 0);
	loop_claim_lend(&a->claim, true, loop_now_ms(loop));
	assert_int_equal(take(b, LOOP_BUFFER_SIZE), 0);
	loop_claim_lend(&a->claim, true, loop_now_ms(loop) - LOOP_IDLE_MS);
	assert_true(take(b, LOOP_BUFFER_SIZE) > 0);
	loop_close(loop);
}

static void let_trim(struct loop *loop)
{
	loop_timer_set(loop, &loop->buffers.trim, 0);
	assert_int_equal(loop_run(loop, 0), 0);
}

/* What an idle spell leaves unused goes back to the system, and comes again when needed. */
static void test_trim(void **state)
{
	struct loop *loop = loop_new();
	char *pattern = make_pattern(), *all[6];
	int fd = open_pattern(pattern);
	bool is_pinned;

	for (int i = 0; i < 6; i++)
		memset(all[i] = loop_buffer_take(loop), 'x', LOOP_BUFFER_SIZE);
	is_pinned = loop->buffers.pinned != 0;
	assert_int_equal(loop->buffers.touched, 7);
	loop_buffer_give(loop, all[0]);
	loop_buffer_give(loop, all[1]);
	loop_buffer_give(loop, all[2]);
	loop_buffer_give(loop, all[3]);
	assert_true(loop->buffers.trim.is_set);
	let_trim(loop);
	assert_int_equal(loop->buffers.touched, 7);
	let_trim(loop);
	assert_int_equal(loop->buffers.touched, 5);
	assert_int_equal(loop->buffers.pinned, is_pinned ? 5 : 0);
	assert_int_equal(all[1][5], 'x');
	assert_int_equal(all[2][5], 0);
	assert_int_equal(all[4][5], 'x');
	for (int i = 0; i < 4; i++) {
		assert_ptr_equal(loop_buffer_take(loop), all[i]);
		assert_int_equal(read_all(loop, fd, all[i], LOOP_BUFFER_SIZE,
					  (uint64_t)i * LOOP_BUFFER_SIZE),
				 LOOP_BUFFER_SIZE);
		assert_memory_equal(all[i], pattern + (size_t)i * LOOP_BUFFER_SIZE,
				    LOOP_BUFFER_SIZE);
	}
	assert_int_equal(loop->buffers.pinned, is_pinned ? 7 : 0);
	for (int i = 0; i < 6; i++)
		loop_buffer_give(loop, all[i]);
	let_trim(loop);
	let_trim(loop);
	assert_int_equal(loop->buffers.touched, 1);
	assert_false(loop->buffers.trim.is_set);
	close(fd);
	free(pattern);
	loop_close(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool),   cmocka_unit_test(test_waiters),
		cmocka_unit_test(test_shares), cmocka_unit_test(test_more),
		cmocka_unit_test(test_spare),  cmocka_unit_test(test_spare_for_more),
		cmocka_unit_test(test_idle),   cmocka_unit_test(test_trim),
	};

	return RUN_BOTH(tests);
}
