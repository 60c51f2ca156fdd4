/* SPDX-License-Identifier: MIT */
/* The loop without files: opening, readiness, waking, work on helper threads. */
#include "loop-kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* How many turns the loop takes while so much time passes. */
static int turns_within(struct loop *loop, int ms)
{
	uint64_t start = clock_ms();
	int turns = 0;

	for (; clock_ms() - start < (uint64_t)ms; turns++)
		assert_int_equal(loop_run(loop, ms), 0);
	return turns;
}

/* Readiness */

struct peer {
	struct loop_watch watch;
	struct loop *loop;
	struct peer *victim;
	int far;
	int calls;
	uint32_t events;
};

static void note_ready(struct loop_watch *watch, uint32_t events)
{
	struct peer *peer = (struct peer *)watch;

	peer->calls++;
	peer->events = events;
}

static void peer_open(struct peer *peer, struct loop *loop, uint32_t events,
		      void (*ready)(struct loop_watch *watch, uint32_t events))
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	*peer = (struct peer){.watch.ready = ready, .loop = loop, .far = fds[1]};
	assert_int_equal(loop_watch_add(loop, &peer->watch, fds[0], events), 0);
	assert_int_equal(peer->watch.fd, fds[0]);
}

static void peer_close(struct peer *peer)
{
	loop_watch_remove(peer->loop, &peer->watch);
	close(peer->watch.fd);
	close(peer->far);
}

static void test_edge(void **state)
{
	struct loop *loop = loop_new();
	struct peer peer;
	char bytes[8];

	peer_open(&peer, loop, EPOLLIN | EPOLLRDHUP, note_ready);
	assert_int_equal(loop_run(loop, 0), 0);
	assert_int_equal(peer.calls, 0);
	assert_int_equal(write(peer.far, "a", 1), 1);
	assert_int_equal(loop_run(loop, WAIT_MS), 0);
	assert_int_equal(peer.calls, 1);
	assert_int_equal(peer.events, EPOLLIN);
	/* Still readable, but nothing new came. */
	assert_int_equal(loop_run(loop, 0), 0);
	assert_int_equal(peer.calls, 1);
	assert_int_equal(write(peer.far, "b", 1), 1);
	assert_int_equal(loop_run(loop, WAIT_MS), 0);
	assert_int_equal(peer.calls, 2);
	assert_int_equal(read(peer.watch.fd, bytes, sizeof(bytes)), 2);
	assert_memory_equal(bytes, "ab", 2);
	shutdown(peer.far, SHUT_WR);
	assert_int_equal(loop_run(loop, WAIT_MS), 0);
	assert_int_equal(peer.calls, 3);
	assert_true(peer.events & EPOLLRDHUP);
	peer_close(&peer);
	assert_int_equal(loop_run(loop, 0), 0);
	assert_int_equal(peer.calls, 3);
	loop_close(loop);
}

static void test_watch_errors(void **state)
{
	struct loop *loop = loop_new();
	struct loop_watch watch = {.ready = note_ready};
	int file = open("/var/tmp", O_TMPFILE | O_RDWR, 0600);

	assert_int_equal(loop_watch_add(loop, &watch, -1, EPOLLIN), -EBADF);
	if (file >= 0) {
		assert_int_equal(loop_watch_add(loop, &watch, file, EPOLLIN), -EPERM);
		close(file);
	}
	loop_close(loop);
}

static int removals;
static struct peer *survivor;

static void remove_other(struct loop_watch *watch, uint32_t events)
{
	struct peer *peer = (struct peer *)watch;

	removals++;
	survivor = peer;
	peer_close(peer->victim);
	free(peer->victim);
}

static void test_remove_other(void **state)
{
	struct loop *loop = loop_new();
	struct peer *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b));

	removals = 0;
	peer_open(a, loop, EPOLLIN, remove_other);
	peer_open(b, loop, EPOLLIN, remove_other);
	a->victim = b;
	b->victim = a;
	assert_int_equal(write(a->far, "x", 1), 1);
	assert_int_equal(write(b->far, "x", 1), 1);
	assert_int_equal(loop_run(loop, WAIT_MS), 0);
	assert_int_equal(removals, 1);
	assert_int_equal(loop_run(loop, 0), 0);
	assert_int_equal(removals, 1);
	peer_close(survivor);
	free(survivor);
	loop_close(loop);
}

static void remove_self(struct loop_watch *watch, uint32_t events)
{
	removals++;
	peer_close((struct peer *)watch);
	free(watch);
}

static void test_remove_self(void **state)
{
	struct loop *loop = loop_new();

	removals = 0;
	for (int i = 0; i < 400; i++) {
		struct peer *peer = malloc(sizeof(*peer));

		peer_open(peer, loop, EPOLLIN | EPOLLOUT, remove_self);
	}
	/* More than one batch takes. */
	run_until(loop, &removals, 400);
	assert_int_equal(loop_run(loop, 0), 0);
	assert_int_equal(removals, 400);
	loop_close(loop);
}

/* The victim's memory serves a new watch at once: an event of the old one must not reach it. */
static void reuse_other(struct loop_watch *watch, uint32_t events)
{
	struct peer *peer = (struct peer *)watch, *victim = peer->victim;

	if (removals++ > 0)
		return;
	peer_close(victim);
	peer_open(victim, peer->loop, EPOLLIN, note_ready);
}

static void test_reuse_memory(void **state)
{
	struct loop *loop = loop_new();
	struct peer a, b;

	removals = 0;
	peer_open(&a, loop, EPOLLIN, reuse_other);
	peer_open(&b, loop, EPOLLIN, reuse_other);
	a.victim = &b;
	b.victim = &a;
	assert_int_equal(write(a.far, "x", 1), 1);
	assert_int_equal(write(b.far, "x", 1), 1);
	assert_int_equal(loop_run(loop, WAIT_MS), 0);
	assert_int_equal(loop_run(loop, 0), 0);
	assert_int_equal(removals, 1);
	assert_int_equal(a.calls + b.calls, 0);
	peer_close(&a);
	peer_close(&b);
	loop_close(loop);
}

/* Waking */

static bool is_woken;

static void *wake_later(void *loop)
{
	usleep(30000);
	__atomic_store_n(&is_woken, true, __ATOMIC_RELEASE);
	loop_wake(loop);
	return NULL;
}

/* A lost wake-up never ends: the runner ends it. The end of an earlier ring may end a wait, too. */
static void run_until_woken(struct loop *loop)
{
	while (!__atomic_load_n(&is_woken, __ATOMIC_ACQUIRE))
		assert_int_equal(loop_run(loop, -1), 0);
	__atomic_store_n(&is_woken, false, __ATOMIC_RELEASE);
}

static void test_wake_thread(void **state)
{
	struct loop *loop = loop_new();
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, wake_later, loop), 0);
	run_until_woken(loop);
	pthread_join(thread, NULL);
	loop_close(loop);
}

static void test_wake_once(void **state)
{
	struct loop *loop = loop_new();

	loop_wake(loop);
	loop_wake(loop);
	assert_int_equal(loop_run(loop, -1), 0);
	assert_true(turns_within(loop, 50) < 10);
	loop_close(loop);
}

static struct loop *signalled;

static void on_signal(int number)
{
	if (signalled)
		loop_wake(signalled);
}

static void test_wake_signal(void **state)
{
	struct loop *loop = loop_new();
	struct sigaction action = {.sa_handler = on_signal}, before;

	assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
	signalled = loop;
	/* Before the wait: only the wake can end it. */
	raise(SIGUSR1);
	assert_int_equal(loop_run(loop, -1), 0);
	signalled = NULL;
	sigaction(SIGUSR1, &before, NULL);
	loop_close(loop);
}

/* More than one: the first may come before the wait. */
static void *signal_later(void *thread)
{
	usleep(30000);
	__atomic_store_n(&is_woken, true, __ATOMIC_RELEASE);
	do {
		pthread_kill(*(pthread_t *)thread, SIGUSR1);
		usleep(10000);
	} while (__atomic_load_n(&is_woken, __ATOMIC_ACQUIRE));
	return NULL;
}

static void test_signal_ends_wait(void **state)
{
	struct loop *loop = loop_new();
	struct sigaction action = {.sa_handler = on_signal}, before;
	pthread_t self = pthread_self(), thread;

	assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
	assert_int_equal(pthread_create(&thread, NULL, signal_later, &self), 0);
	run_until_woken(loop);
	pthread_join(thread, NULL);
	sigaction(SIGUSR1, &before, NULL);
	loop_close(loop);
}

/* Work on helper threads */

struct job {
	struct loop_op op;
	struct loop *loop;
	int number;
	int64_t result;
	int calls;
	bool again;
};

static int jobs_done, jobs_inside, jobs_inside_most;
static pthread_mutex_t jobs_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t main_thread;

static int64_t job_work(void *argument)
{
	const struct job *job = argument;
	bool is_main = pthread_equal(pthread_self(), main_thread);

	pthread_mutex_lock(&jobs_lock);
	if (++jobs_inside > jobs_inside_most)
		jobs_inside_most = jobs_inside;
	pthread_mutex_unlock(&jobs_lock);
	usleep(2000);
	pthread_mutex_lock(&jobs_lock);
	jobs_inside--;
	pthread_mutex_unlock(&jobs_lock);
	return is_main ? -1 : job->number * 7;
}

static void job_done(struct loop_op *op, int64_t result)
{
	struct job *job = (struct job *)op;

	assert_true(pthread_equal(pthread_self(), main_thread));
	job->result = result;
	job->calls++;
	jobs_done++;
	if (job->again) {
		job->again = false;
		loop_work(job->loop, op, job_work, job);
	}
}

static int never[2]; /* a pipe that nobody writes to before the end */

static int64_t hang(void *argument)
{
	char byte;

	return read(never[0], &byte, 1);
}

static void test_work_that_hangs(void **state)
{
	static struct job hung[2 * LOOP_THREADS];
	struct loop *loop = loop_new();
	struct job job = {.op.done = job_done, .number = 1};

	main_thread = pthread_self();
	jobs_done = 0;
	assert_int_equal(pipe(never), 0);
	for (int i = 0; i < 2 * LOOP_THREADS; i++) {
		hung[i] = (struct job){.op.done = job_done};
		loop_work_apart(loop, &hung[i].op, hang, &hung[i]);
	}
	loop_work(loop, &job.op, job_work, &job);
	run_until(loop, &jobs_done, 1);
	assert_int_equal(job.result, 7);
	loop_close(loop);
	assert_int_equal(jobs_done, 1);
	close(never[1]);
	usleep(10000); /* for the threads to end, so that no tool finds them */
	close(never[0]);
}

#define JOBS 24

static void test_work(void **state)
{
	struct loop *loop = loop_new();
	struct job jobs[JOBS];

	main_thread = pthread_self();
	jobs_done = jobs_inside_most = 0;
	for (int i = 0; i < JOBS; i++) {
		jobs[i] = (struct job){.op.done = job_done, .number = i + 1};
		loop_work(loop, &jobs[i].op, job_work, &jobs[i]);
	}
	assert_int_equal(loop_pending(loop), JOBS);
	assert_int_equal(jobs_done, 0);
	run_until(loop, &jobs_done, JOBS);
	assert_int_equal(loop_pending(loop), 0);
	for (int i = 0; i < JOBS; i++) {
		assert_int_equal(jobs[i].result, (i + 1) * 7);
		assert_int_equal(jobs[i].calls, 1);
	}
	assert_true(jobs_inside_most > 1);
	assert_true(jobs_inside_most <= LOOP_THREADS);
	loop_close(loop);
}

static int64_t read_pipe(void *fd)
{
	char byte = 0;

	return read(*(int *)fd, &byte, 1) == 1 ? byte : -1;
}

struct beat {
	struct loop_timer timer;
	int fired;
};

static void beat_fire(struct loop_timer *timer)
{
	((struct beat *)timer)->fired++;
}

/* The loop turns while a helper blocks: only a later turn ends the helper's wait. */
static void test_work_blocks_nobody(void **state)
{
	struct loop *loop = loop_new();
	struct job job = {.op.done = job_done};
	struct beat beat = {.timer.fire = beat_fire};
	int fds[2];

	jobs_done = 0;
	main_thread = pthread_self();
	assert_int_equal(pipe(fds), 0);
	loop_work(loop, &job.op, read_pipe, &fds[0]);
	loop_timer_set(loop, &beat.timer, 10);
	run_until(loop, &beat.fired, 1);
	assert_int_equal(jobs_done, 0);
	assert_int_equal(write(fds[1], "k", 1), 1);
	run_until(loop, &jobs_done, 1);
	assert_int_equal(job.result, 'k');
	close(fds[0]);
	close(fds[1]);
	loop_close(loop);
}

static void test_close_waits_for_work(void **state)
{
	struct loop *loop = loop_new();
	struct job jobs[JOBS];

	main_thread = pthread_self();
	jobs_done = 0;
	for (int i = 0; i < JOBS; i++) {
		jobs[i] = (struct job){
			.op.done = job_done, .loop = loop, .number = i, .again = i % 2};
		loop_work(loop, &jobs[i].op, job_work, &jobs[i]);
	}
	loop_close(loop);
	assert_int_equal(jobs_done, JOBS + JOBS / 2);
	for (int i = 0; i < JOBS; i++) {
		assert_int_equal(jobs[i].calls, 1 + i % 2);
		assert_int_equal(jobs[i].result, i * 7);
	}
}

/* Polling from outside */

static void test_poll_sockets_and_work(void **state)
{
	struct loop *loop = loop_new();
	struct job job = {.op.done = job_done, .number = 1};
	struct peer peer;

	main_thread = pthread_self();
	jobs_done = 0;
	assert_int_equal(is_readable(loop, 0), 0);
	peer_open(&peer, loop, EPOLLIN, note_ready);
	assert_int_equal(write(peer.far, "x", 1), 1);
	assert_int_equal(is_readable(loop, 0), 1);
	loop_run(loop, 0);
	assert_int_equal(peer.calls, 1);
	assert_int_equal(is_readable(loop, 0), 0);
	loop_wake(loop);
	assert_int_equal(is_readable(loop, 0), 1);
	loop_run(loop, 0);
	assert_int_equal(is_readable(loop, 0), 0);
	loop_work(loop, &job.op, job_work, &job);
	while (!jobs_done) {
		assert_int_equal(is_readable(loop, WAIT_MS), 1);
		loop_run(loop, 0);
	}
	assert_int_equal(job.result, 7);
	peer_close(&peer);
	loop_close(loop);
}

/* Opening */

static void test_environment(void **state)
{
	struct loop *loop;
	struct sluice_error error;

	assert_int_equal(setenv("SLUICE_LOOP", "epoll", 1), 0);
	assert_int_equal(loop_open(&loop, LOOP_AUTO, &error), 0);
	assert_string_equal(loop_name(loop), "epoll");
	loop_close(loop);
	/* Who asks for a backend gets that one. */
	loop = loop_new();
	assert_string_equal(loop_name(loop), kind == LOOP_EPOLL ? "epoll" : "io_uring");
	loop_close(loop);
	assert_int_equal(unsetenv("SLUICE_LOOP"), 0);
	assert_int_equal(loop_open(&loop, LOOP_AUTO, &error), 0);
	if (kind == LOOP_URING)
		assert_string_equal(loop_name(loop), "io_uring");
	loop_close(loop);
}

/* Every descriptor that open needs fails once; nothing may leak on the way. */
static void test_descriptors_short(void **state)
{
	struct rlimit before, now;
	struct loop *loop;
	struct sluice_error error;
	int lowest = dup(0), status = -EMFILE;

	assert_true(lowest >= 0);
	close(lowest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	now = before;
	for (int more = 0; status == -EMFILE && more < 8; more++) {
		int after;

		now.rlim_cur = (rlim_t)(lowest + more);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
		error.code = 0;
		status = loop_open(&loop, kind, &error);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		if (status == 0)
			loop_close(loop);
		else
			assert_int_equal(error.code, EMFILE);
		after = dup(0);
		assert_int_equal(after, lowest);
		close(after);
	}
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edge),
		cmocka_unit_test(test_watch_errors),
		cmocka_unit_test(test_remove_other),
		cmocka_unit_test(test_remove_self),
		cmocka_unit_test(test_reuse_memory),
		cmocka_unit_test(test_wake_thread),
		cmocka_unit_test(test_wake_once),
		cmocka_unit_test(test_wake_signal),
		cmocka_unit_test(test_signal_ends_wait),
		cmocka_unit_test(test_work),
		cmocka_unit_test(test_work_that_hangs),
		cmocka_unit_test(test_work_blocks_nobody),
		cmocka_unit_test(test_close_waits_for_work),
		cmocka_unit_test(test_poll_sockets_and_work),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_descriptors_short),
	};

	return RUN_BOTH(tests);
}
