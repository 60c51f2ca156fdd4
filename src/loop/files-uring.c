/* SPDX-License-Identifier: MIT */
/*
 * File I/O by io_uring. Operations wait in `queued` until a batch is complete or the turn ends, and
 * then go to the kernel together; completions are read from the shared ring without a system call.
 *
 * Invariants: at most as many operations are in flight as the completion ring has room for, so it
 * cannot overflow; only `enter` calls io_uring_enter; whether the kernel lets us is found out at
 * open, by trying. No flag binds the ring to a thread: a loop may be opened in one and run in
 * another.
 */
#include "base/error.h"
#include "base/sys.h"
#include "loop/loop-private.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

#define ENTRIES    256
#define BATCH      8           /* the device works on one while the next is prepared */
#define LENGTH_MAX 0x7ffff000u /* what read(2) moves at most; an SQE has 32 bits for it */

struct loop_uring {
	struct io_uring ring;
	struct loop_queue queued, refused;
	unsigned queued_count, in_flight, limit;
	bool has_table, can_pin;
};

static int enter(struct io_uring *ring, unsigned wait)
{
	sys_count(CALL_io_uring_enter);
	return io_uring_submit_and_wait(ring, wait);
}

/* Runs one operation on no file: a kernel that knows it and lets us says -EBADF, and no other. */
static int try_operation(struct io_uring *ring, int operation)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	int status;

	io_uring_prep_rw(operation, sqe, -1, NULL, 0, 0);
	status = enter(ring, 1);
	if (status < 0)
		return status;
	if (io_uring_peek_cqe(ring, &cqe) < 0)
		return -EIO;
	status = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return status == -EBADF ? 0 : -EOPNOTSUPP;
}

static int try_operations(struct io_uring *ring)
{
	static const int operations[] = {IORING_OP_READ, IORING_OP_WRITE, IORING_OP_FSYNC};

	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		int status = try_operation(ring, operations[i]);

		if (status < 0)
			return status;
	}
	return 0;
}

static int init_ring(struct loop_uring *uring, struct io_uring_params *params)
{
	sys_count(CALL_io_uring_setup);
	return io_uring_queue_init_params(ENTRIES, &uring->ring, params);
}

static void exit_ring(struct loop_uring *uring)
{
	sys_count(CALL_close);
	io_uring_queue_exit(&uring->ring);
}

static int create_ring(struct loop_uring *uring)
{
	struct io_uring_params params = {.flags = IORING_SETUP_COOP_TASKRUN};
	int status = init_ring(uring, &params);

	if (status == -EINVAL) {
		params = (struct io_uring_params){0};
		status = init_ring(uring, &params);
	}
	if (status < 0)
		return status;
	uring->limit = params.cq_entries;
	status = try_operations(&uring->ring);
	if (status < 0)
		exit_ring(uring);
	return status;
}

static int watch_ring(struct loop *loop, struct loop_uring *uring)
{
	struct epoll_event event = {.events = EPOLLIN};

	return sys_epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, uring->ring.ring_fd, &event);
}

static int uring_open(struct loop *loop, struct sluice_error *error)
{
	struct loop_uring *uring = calloc(1, sizeof(*uring));
	int status;

	if (!uring)
		return error_set_errno(error, ENOMEM, "io_uring");
	status = create_ring(uring);
	if (status < 0)
		goto fail;
	status = watch_ring(loop, uring);
	if (status < 0) {
		exit_ring(uring);
		goto fail;
	}
	uring->can_pin = true;
	loop->uring = uring;
	return 0;
fail:
	free(uring);
	return error_set_errno(error, -status, "io_uring");
}

static void uring_close(struct loop *loop)
{
	exit_ring(loop->uring);
	free(loop->uring);
}

static void prepare_transfer(struct loop *loop, struct io_uring_sqe *sqe, const struct loop_op *op)
{
	int arena = loop_buffers_pinned(loop, op->data, op->length);
	unsigned length = op->length < LENGTH_MAX ? (unsigned)op->length : LENGTH_MAX;
	bool is_read = op->kind == OP_READ;

	if (arena < 0) {
		io_uring_prep_rw(is_read ? IORING_OP_READ : IORING_OP_WRITE, sqe, op->fd, op->data,
				 length, op->offset);
		sqe->rw_flags = op->rw_flags;
		return;
	}
	io_uring_prep_rw(is_read ? IORING_OP_READ_FIXED : IORING_OP_WRITE_FIXED, sqe, op->fd,
			 op->data, length, op->offset);
	sqe->rw_flags = op->rw_flags;
	sqe->buf_index = (uint16_t)arena;
}

static void prepare(struct loop *loop, struct io_uring_sqe *sqe, struct loop_op *op)
{
	if (op->kind == OP_READ || op->kind == OP_WRITE)
		prepare_transfer(loop, sqe, op);
	else
		io_uring_prep_fsync(sqe, op->fd,
				    op->kind == OP_DATA_SYNC ? IORING_FSYNC_DATASYNC : 0);
	io_uring_sqe_set_data(sqe, op);
}

/* Moves what fits from the queue into the ring; returns how many the kernel has yet to take. */
static unsigned fill_ring(struct loop *loop)
{
	struct loop_uring *uring = loop->uring;

	while (uring->queued.first && uring->in_flight < uring->limit) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);

		if (!sqe)
			break;
		prepare(loop, sqe, loop_queue_pop(&uring->queued));
		uring->queued_count--;
		uring->in_flight++;
	}
	return io_uring_sq_ready(&uring->ring);
}

/*
 * The kernel accepts no more (a sandbox closed behind us): takes back what it did not consume,
 * which is safe without a polling kernel thread, and fails it.
 */
static void refuse(struct loop_uring *uring, int code)
{
	struct io_uring_sq *ring = &uring->ring.sq;
	unsigned head = *ring->khead;

	for (unsigned i = head; i != ring->sqe_tail; i++) {
		struct io_uring_sqe *sqe = &ring->sqes[i & ring->ring_mask];
		struct loop_op *op = (void *)(uintptr_t)sqe->user_data;

		op->result = code;
		loop_queue_push(&uring->refused, op);
		uring->in_flight--;
	}
	ring->sqe_head = ring->sqe_tail = *ring->ktail = head;
}

static bool is_transient(int code)
{
	return code == -EAGAIN || code == -EBUSY || code == -EINTR;
}

static void submit(struct loop *loop)
{
	struct loop_uring *uring = loop->uring;

	while (fill_ring(loop) > 0) {
		int status = enter(&uring->ring, 0);

		if (status == 0 || is_transient(status))
			return;
		if (status < 0)
			refuse(uring, status);
	}
}

static int uring_flush(struct loop *loop)
{
	struct loop_uring *uring = loop->uring;

	submit(loop);
	if (io_uring_cq_ready(&uring->ring) || uring->refused.first)
		return 0;
	/* The kernel was short of something: nothing will tell us when to try again. */
	return io_uring_sq_ready(&uring->ring) ? 1 : -1;
}

static void uring_start(struct loop *loop, struct loop_op *op)
{
	struct loop_uring *uring = loop->uring;

	loop_queue_push(&uring->queued, op);
	if (++uring->queued_count % BATCH == 0)
		submit(loop);
}

static void uring_reap(struct loop *loop, struct loop_queue *done)
{
	struct loop_uring *uring = loop->uring;
	struct io_uring_cqe *cqe;
	unsigned head, count = 0;

	loop_queue_move(done, &uring->refused);
	io_uring_for_each_cqe(&uring->ring, head, cqe)
	{
		struct loop_op *op = io_uring_cqe_get_data(cqe);

		op->result = cqe->res;
		loop_queue_push(done, op);
		count++;
	}
	io_uring_cq_advance(&uring->ring, count);
	uring->in_flight -= count;
}

static bool create_table(struct loop_uring *uring)
{
	if (!uring->has_table) {
		sys_count(CALL_io_uring_register);
		uring->has_table = io_uring_register_buffers_sparse(&uring->ring, LOOP_ARENAS) == 0;
	}
	return uring->has_table;
}

static int set_arena(struct loop_uring *uring, unsigned arena, void *data, size_t length)
{
	struct iovec vector = {.iov_base = data, .iov_len = length};
	__u64 tag = 0;

	sys_count(CALL_io_uring_register);
	return io_uring_register_buffers_update_tag(&uring->ring, arena, &vector, &tag, 1);
}

static bool uring_pin(struct loop *loop, unsigned arena)
{
	struct loop_uring *uring = loop->uring;

	if (!uring->can_pin)
		return false;
	/* An older kernel, or RLIMIT_MEMLOCK: plain reads and writes do it too, only slower. */
	uring->can_pin =
		create_table(uring) &&
		set_arena(uring, arena, loop_arena_data(loop, arena), LOOP_ARENA_SIZE) == 1;
	return uring->can_pin;
}

static void uring_unpin(struct loop *loop, unsigned arena)
{
	set_arena(loop->uring, arena, NULL, 0);
}

const struct loop_files loop_files_uring = {
	.name = "io_uring",
	.kind = LOOP_URING,
	.open = uring_open,
	.close = uring_close,
	.start = uring_start,
	.flush = uring_flush,
	.reap = uring_reap,
	.pin = uring_pin,
	.unpin = uring_unpin,
};
