/* SPDX-License-Identifier: MIT */
/*
 * Ranges that arrive at once, in any order, with bad luck: the file has the right bytes, and its
 * journal never claims what no sync has covered. What a sync covers is known from a copy that is
 * taken of the part when one begins; the clock is the test's, so that journals are due often.
 */
#include "landing/journal.h"
#include "landing/landing-private.h"
#include "loop-kinds.h"
#include "random.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { SIZE_MAX_BYTES = 6 << 20, PEERS = 8, ROUNDS = 60, LATE_MS = 6000 };

static const char url[] = "http://example.org/file";
static const struct validator strong = {.text = "\"v1\""};
static char *content;
static char folder[256];

/* What is on the disk, and what is claimed */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *durable; /* the part's bytes at its last sync */
static uint64_t durable_size;
static unsigned lies;
static unsigned syncs_left, writes_back_left; /* the one that fails; 0: none does */
static bool has_lost;                         /* one has failed: no later one makes up for it */
static int error_seen_by = -1; /* the descriptor whose failed write-back no sync has seen yet */
static bool reads_fail;        /* of the part */
static uint64_t skew_ms;
static struct {
	bool holds;
	sem_t entered, released;
} gate; /* before a sync of the part */

static char *path_of(char path[300], const char *name)
{
	snprintf(path, 300, "%s/%s", folder, name);
	return path;
}

static bool is_file(int fd, const char *name)
{
	struct stat opened, named;
	char path[300];

	return fstat(fd, &opened) == 0 && stat(path_of(path, name), &named) == 0 &&
	       opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

static void check_claims(int fd)
{
	struct journal journal;

	if (journal_read(&journal, fd) < 0)
		return;
	for (unsigned i = 0; i < journal.done.count; i++) {
		const struct interval *at = &journal.done.at[i];

		if (at->to > durable_size ||
		    memcmp(durable + at->from, content + at->from, at->to - at->from) != 0)
			lies++;
	}
	journal_clear(&journal);
}

static int synchronize(int fd)
{
	int result = 0;

	if (gate.holds && is_file(fd, "file.part")) {
		gate.holds = false;
		sem_post(&gate.entered);
		sem_wait(&gate.released);
	}
	pthread_mutex_lock(&lock);
	if (is_file(fd, "file.part.state"))
		check_claims(fd);
	if (is_file(fd, "file.part")) {
		if (syncs_left > 0 && --syncs_left == 0)
			has_lost = true, result = -1;
		if (error_seen_by >= 0 && error_seen_by != fd)
			error_seen_by = -1, result = -1;
		if (!has_lost)
			durable_size = (uint64_t)pread(fd, durable, SIZE_MAX_BYTES, 0);
	}
	pthread_mutex_unlock(&lock);
	errno = EIO;
	return result;
}

/* The library's calls come here, and no further: the copy is the disk. */
int fdatasync(int fd)
{
	return synchronize(fd);
}

int fsync(int fd)
{
	return synchronize(fd);
}

/* The kernel reports a failed write-back once to each open file, wherever in the file it was. */
int sync_file_range(int fd, off_t offset, off_t length, unsigned flags)
{
	bool fails;

	pthread_mutex_lock(&lock);
	fails = writes_back_left > 0 && --writes_back_left == 0;
	if (fails)
		has_lost = true, error_seen_by = fd;
	pthread_mutex_unlock(&lock);
	errno = EIO;
	return fails ? -1 : 0;
}

ssize_t pread(int fd, void *data, size_t length, off_t offset)
{
	errno = EIO;
	if (reads_fail && is_file(fd, "file.part"))
		return -1;
	return syscall(SYS_pread64, fd, data, length, offset);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, now);

	now->tv_sec += clock == CLOCK_MONOTONIC ? (time_t)(skew_ms / 1000) : 0;
	return result;
}

/* Files */

static void limit_files(uint64_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes > limit.rlim_max ? limit.rlim_max : bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void clean(void)
{
	DIR *directory = opendir(folder);
	struct dirent *entry;

	assert_non_null(directory);
	while ((entry = readdir(directory)))
		if (*entry->d_name != '.')
			assert_int_equal(unlinkat(dirfd(directory), entry->d_name, 0), 0);
	closedir(directory);
	durable_size = 0;
}

static void assert_only(const char *name)
{
	DIR *directory = opendir(folder);
	struct dirent *entry;

	while ((entry = readdir(directory)))
		if (*entry->d_name != '.')
			assert_string_equal(entry->d_name, name);
	closedir(directory);
}

static void assert_content(uint64_t size)
{
	char path[300], *copy = malloc(size + 1);
	int fd = open(path_of(path, "file"), O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, copy, size + 1), size);
	assert_true(memcmp(copy, content, size) == 0);
	close(fd);
	free(copy);
}

static void forget_losses(void)
{
	has_lost = false;
	error_seen_by = -1;
}

static int set_up(void **state)
{
	const char *disk = getenv("SLUICE_TEST_DIR");

	snprintf(folder, sizeof(folder), "%s/sluice-landing-XXXXXX", disk ? disk : "/var/tmp");
	assert_non_null(mkdtemp(folder));
	signal(SIGXFSZ, SIG_IGN);
	random_state = 0x5107ce;
	forget_losses();
	content = malloc(SIZE_MAX_BYTES);
	durable = malloc(SIZE_MAX_BYTES);
	for (size_t i = 0; i < SIZE_MAX_BYTES; i++)
		content[i] = (char)random_below(256);
	return 0;
}

static int tear_down(void **state)
{
	clean();
	rmdir(folder);
	free(content);
	free(durable);
	return 0;
}

/* A landing and its peers */

struct peer {
	struct landing_range *range; /* NULL: none */
	uint64_t at, end;            /* what is sent next; of the file */
	int pair[2];
	struct channel channel;
	bool pushes;
};

struct scene {
	struct loop *loop;
	struct landing *landing;
	struct sluice_error error;
	struct tally tally;
	struct peer peers[PEERS];
	struct intervals dealt; /* what was given to a range */
	uint64_t size;
	bool is_done;
	int result, failed;
};

static void on_done(void *owner, int result)
{
	struct scene *scene = owner;

	scene->is_done = true;
	scene->result = result;
}

static void on_wake(void *owner)
{
}

static int await(struct scene *scene)
{
	while (!scene->is_done)
		assert_int_equal(loop_run(scene->loop, WAIT_MS), 0);
	scene->is_done = false;
	return scene->result;
}

static const struct path_recv *any_path(void)
{
	return random_below(2) == 0 ? &path_recv_readwrite : NULL;
}

static void open_landing(struct scene *scene, const struct path_recv *forced)
{
	struct landing_options options = {.done = on_done,
					  .owner = scene,
					  .tally = &scene->tally,
					  .forced = forced,
					  .explains = true};
	char path[300];

	assert_int_equal(landing_open_name(&scene->landing, path_of(path, "file"), url, &options,
					   &scene->error),
			 0);
}

static void begin(struct scene *scene)
{
	const struct landing_found *found = landing_found(scene->landing);

	scene->dealt = (struct intervals){0};
	scene->failed = 0;
	if (found->there.count > 0) {
		assert_int_equal(found->size, scene->size);
		scene->dealt = found->there;
		landing_resume(scene->landing, scene->loop, &found->there, &scene->error);
	} else {
		landing_start(scene->landing, scene->loop, &strong, scene->size, &scene->error);
	}
	assert_int_equal(await(scene), 0);
}

static void open_scene(struct scene *scene, uint64_t size)
{
	*scene = (struct scene){.loop = loop_new(), .size = size};
	open_landing(scene, any_path());
}

/* That the file has the digest of these bytes. */
static void expect(struct scene *scene, const char *bytes)
{
	struct digest digest;

	assert_int_equal(hash_all(hash_algorithms[random_below(3)], bytes, scene->size, &digest),
			 0);
	landing_expect(scene->landing, &digest);
}

static void close_peer(struct peer *peer)
{
	if (!peer->range)
		return;
	close(peer->pair[0]);
	close(peer->pair[1]);
	peer->range = NULL;
}

/* However it ended. */
static void close_scene(struct scene *scene)
{
	landing_close(scene->landing);
	for (unsigned i = 0; i < PEERS; i++)
		close_peer(&scene->peers[i]);
	loop_close(scene->loop);
}

/* A stretch that nobody has; often one that O_DIRECT takes. */
static struct interval deal(const struct scene *scene)
{
	struct interval gap = intervals_gap(&scene->dealt, random_below(scene->size), scene->size);
	uint64_t unit = random_below(2) == 0 ? 1 : 4096;

	if (gap.from == gap.to)
		gap = intervals_gap(&scene->dealt, 0, scene->size);
	if (random_below(3) > 0)
		gap.from += random_below(gap.to - gap.from + 1) / unit * unit;
	if (random_below(3) > 0 && gap.from < gap.to)
		gap.to = gap.from + 1 + random_below(gap.to - gap.from);
	return gap;
}

static void open_peer(struct scene *scene, struct peer *peer)
{
	struct interval stretch = deal(scene);

	if (stretch.from == stretch.to)
		return;
	*peer = (struct peer){
		.at = stretch.from, .end = stretch.to, .pushes = random_below(3) == 0};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, peer->pair), 0);
	peer->channel = channel_open(&channel_plain, peer->pair[1], peer->pair[1]);
	scene->failed = landing_range_open(&peer->range, scene->landing, &peer->channel, peer->at,
					   peer->end - peer->at, on_wake, scene, &scene->error);
	assert_int_equal(scene->failed, 0);
	intervals_add(&scene->dealt, stretch.from, stretch.to);
}

static int64_t move(struct peer *peer)
{
	uint64_t length = 1 + random_below((uint64_t)1 << random_below(20));
	int64_t count = (int64_t)(length < peer->end - peer->at ? length : peer->end - peer->at);

	if (peer->pushes) {
		count = landing_range_push(peer->range, content + peer->at, (size_t)count);
		peer->at += count > 0 ? (uint64_t)count : 0;
		return count;
	}
	if (count > 0)
		count = send(peer->pair[0], content + peer->at, (size_t)count, MSG_DONTWAIT);
	peer->at += count > 0 ? (uint64_t)count : 0;
	return landing_range_step(peer->range, 0);
}

/* Writes what is held, and ends: all came, or the peer is lost. */
static int64_t end_peer(struct peer *peer)
{
	int result = landing_range_flush(peer->range);

	if (result < 0)
		return result;
	landing_range_close(peer->range);
	close_peer(peer);
	return 0;
}

static void lose_peer(struct peer *peer)
{
	landing_range_close(peer->range);
	close_peer(peer);
}

static void act(struct scene *scene)
{
	struct peer *peer = &scene->peers[random_below(PEERS)];
	int64_t result = 0;

	if (!peer->range)
		open_peer(scene, peer);
	else if (random_below(200) == 0)
		lose_peer(peer);
	else if (landing_range_offset(peer->range) == peer->end)
		result = end_peer(peer);
	else
		result = move(peer);
	if (result < 0 && result != -EAGAIN)
		scene->failed = (int)result;
	if (random_below(50) == 0)
		skew_ms += LATE_MS;
	assert_int_equal(loop_run(scene->loop, 0), 0);
}

static bool has_ranges(const struct scene *scene)
{
	for (unsigned i = 0; i < PEERS; i++)
		if (scene->peers[i].range)
			return true;
	return false;
}

static bool is_whole(struct scene *scene)
{
	if (has_ranges(scene) || intervals_total(&scene->dealt) < scene->size)
		return false;
	/* What was lost is dealt again. */
	scene->dealt = landing_settled(scene->landing);
	return intervals_total(&scene->dealt) == scene->size;
}

/* What a kill, or with it the power, leaves. */
static void fail_power(void)
{
	char path[300];
	int fd = open(path_of(path, "file.part"), O_WRONLY);

	if (fd < 0)
		return;
	assert_int_equal(ftruncate(fd, (off_t)durable_size), 0);
	assert_int_equal(pwrite(fd, durable, durable_size, 0), durable_size);
	close(fd);
}

static void assert_honest(void)
{
	char path[300];
	int fd = open(path_of(path, "file.part.state"), O_RDONLY);

	if (fd >= 0) {
		check_claims(fd);
		close(fd);
	}
	assert_int_equal(lies, 0);
}

/* As on a file system without O_DIRECT and RWF_DONTCACHE. */
static void use_page_cache(const struct scene *scene)
{
	struct path_file *file = landing_file(scene->landing);

	file->can_direct = file->can_dontcache = false;
}

enum luck { GOOD, BAD_SYNC, BAD_WRITE_BACK, BAD_WRITE, IMPATIENT, KILLED, LUCKS };

/* Whether the file is there. */
static bool attempt(uint64_t size, enum luck luck)
{
	struct scene scene;
	unsigned left =
		luck == IMPATIENT || luck == KILLED ? 1 + (unsigned)random_below(400) : UINT32_MAX;
	bool is_there = false;

	forget_losses();
	open_scene(&scene, size);
	if (random_below(2) == 0)
		expect(&scene, content);
	begin(&scene);
	if (random_below(2) == 0)
		use_page_cache(&scene);
	writes_back_left = luck == BAD_WRITE_BACK ? 1 + (unsigned)random_below(3) : 0;
	syncs_left = luck == BAD_SYNC ? 1 + (unsigned)random_below(3) : 0;
	if (luck == BAD_WRITE)
		limit_files((64 << 10) + random_below(size));
	while (left-- > 0 && !scene.failed && !is_whole(&scene))
		act(&scene);
	if (luck != KILLED && !scene.failed && is_whole(&scene)) {
		landing_finish(scene.landing, size, &scene.error);
		is_there = await(&scene) == 0;
	}
	if (luck != KILLED && !is_there) {
		landing_abandon(scene.landing, random_below(2) == 0, &scene.error);
		assert_int_equal(await(&scene), -ECANCELED);
	}
	close_scene(&scene);
	limit_files(RLIM_INFINITY);
	syncs_left = writes_back_left = 0;
	if (luck == KILLED && random_below(2) == 0)
		fail_power();
	assert_honest();
	return is_there;
}

static void test_ranges_in_any_order_with_bad_luck(void **state)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t size = 1 + random_below((uint64_t)1 << (6 + random_below(17)));
		unsigned attempts = (unsigned)random_below(4);
		bool is_there = false;

		while (!is_there && attempts-- > 0)
			is_there = attempt(size, (enum luck)random_below(LUCKS));
		if (!is_there && !attempt(size, GOOD))
			fail_msg("round %u: %" PRIu64 " bytes", round, size);
		assert_content(size);
		assert_only("file");
		clean();
	}
}

static struct landing_range *push_all(struct scene *scene, uint64_t from, uint64_t to)
{
	struct landing_range *range;

	assert_int_equal(landing_range_open(&range, scene->landing, NULL, from, to - from, on_wake,
					    scene, &scene->error),
			 0);
	while (landing_range_offset(range) < to) {
		uint64_t at = landing_range_offset(range);

		assert_true(landing_range_push(range, content + at, to - at) != -EMSGSIZE);
		assert_int_equal(loop_run(scene->loop, 1), 0);
	}
	assert_int_equal(landing_range_push(range, content, 1), -EMSGSIZE);
	return range; /* which finish or abandon closes */
}

static void flush(struct scene *scene, struct landing_range *range)
{
	while (landing_range_flush(range) == -EAGAIN)
		assert_int_equal(loop_run(scene->loop, WAIT_MS), 0);
}

static void land_all(struct scene *scene)
{
	push_all(scene, 0, scene->size);
	landing_finish(scene->landing, scene->size, &scene->error);
	assert_int_equal(await(scene), 0);
	close_scene(scene);
	assert_content(scene->size);
	assert_only("file");
}

static void test_what_has_a_gap_gets_no_name(void **state)
{
	struct scene scene;
	struct interval gap;

	open_scene(&scene, 100 << 12);
	begin(&scene);
	push_all(&scene, 0, 10 << 12);
	push_all(&scene, 90 << 12, 100 << 12);
	landing_finish(scene.landing, scene.size, &scene.error);
	assert_int_equal(await(&scene), -ENODATA);
	assert_string_equal(scene.error.text, "file.part is not whole");
	landing_abandon(scene.landing, false, &scene.error);
	assert_int_equal(await(&scene), -ECANCELED);
	assert_string_equal(scene.error.text, "file.part is not whole; file.part has 81920 bytes: "
					      "run the same command again to continue");
	close_scene(&scene);
	open_scene(&scene, 100 << 12);
	gap = intervals_gap(&landing_found(scene.landing)->there, 0, scene.size);
	assert_int_equal(gap.from, 10 << 12);
	assert_int_equal(gap.to, 90 << 12);
	begin(&scene);
	push_all(&scene, gap.from, gap.to);
	landing_finish(scene.landing, scene.size, &scene.error);
	assert_int_equal(await(&scene), 0);
	close_scene(&scene);
	assert_content(scene.size);
	assert_only("file");
}

/* What came is found to be of no use just when the journal is being saved. */
static void test_starting_over_waits_for_the_journal(void **state)
{
	struct landing_range *range;
	struct scene scene;

	open_scene(&scene, 1 << 20);
	begin(&scene);
	sem_init(&gate.entered, 0, 0);
	sem_init(&gate.released, 0, 0);
	range = push_all(&scene, 0, 100 << 12);
	flush(&scene, range);
	gate.holds = true;
	skew_ms += LATE_MS;
	assert_int_equal(loop_run(scene.loop, 1), 0);
	sem_wait(&gate.entered);
	landing_range_close(range);
	landing_start(scene.landing, scene.loop, &strong, scene.size, &scene.error);
	assert_int_equal(loop_run(scene.loop, 0), 0);
	assert_false(scene.is_done);
	sem_post(&gate.released);
	assert_int_equal(await(&scene), 0);
	assert_int_equal(landing_settled(scene.landing).count, 0);
	land_all(&scene);
	assert_honest();
}

static void test_what_has_another_digest_gets_no_name(void **state)
{
	static const struct interval halves[] = {{1 << 20, 3 << 20}, {0, 1 << 20}};
	struct scene scene;
	char path[300];

	open_scene(&scene, 3 << 20);
	expect(&scene, content + 1);
	begin(&scene);
	for (int i = 0; i < 2; i++)
		push_all(&scene, halves[i].from, halves[i].to);
	landing_finish(scene.landing, scene.size, &scene.error);
	assert_int_equal(await(&scene), -EBADMSG);
	assert_int_equal(scene.error.kind, SLUICE_ERROR_DIGEST);
	landing_abandon(scene.landing, false, &scene.error);
	assert_int_equal(await(&scene), -ECANCELED);
	assert_non_null(strstr(scene.error.text, "; file.part is left, and is not continued"));
	close_scene(&scene);
	assert_only("file.part");
	assert_int_equal(rename(path_of(path, "file.part"), path_of((char[300]){0}, "file")), 0);
	assert_content(3 << 20);
}

static void test_another_start_is_hashed_anew(void **state)
{
	struct landing_range *range;
	struct scene scene;

	open_scene(&scene, 3 << 20);
	expect(&scene, content);
	begin(&scene);
	range = push_all(&scene, 0, 2 << 20);
	flush(&scene, range);
	landing_range_close(range);
	landing_start(scene.landing, scene.loop, &strong, scene.size, &scene.error);
	assert_int_equal(await(&scene), 0);
	land_all(&scene);
}

/* Of one range: the other's bytes may be the ones that are lost. */
static void test_nothing_is_claimed_after_a_failed_write_back(void **state)
{
	const uint64_t half = 5 << 19;
	struct landing_range *range;
	struct scene scene;

	scene = (struct scene){.loop = loop_new(), .size = 2 * half};
	open_landing(&scene, NULL);
	begin(&scene);
	use_page_cache(&scene);
	push_all(&scene, 0, half);
	range = push_all(&scene, half, 2 * half);
	writes_back_left = 1;
	flush(&scene, range);
	assert_int_equal(writes_back_left, 0);
	landing_abandon(scene.landing, false, &scene.error);
	assert_int_equal(await(&scene), -ECANCELED);
	close_scene(&scene);
	assert_honest();
	clean();
}

static void test_a_save_that_fails_leaves_the_one_before(void **state)
{
	const uint64_t half = 5 << 19;
	struct scene scene = {.loop = loop_new(), .size = 2 * half};
	struct landing_range *range;

	open_landing(&scene, &path_recv_readwrite);
	begin(&scene);
	push_all(&scene, 0, half);
	skew_ms += LATE_MS;
	while (scene.landing->work != SAVING)
		assert_int_equal(loop_run(scene.loop, WAIT_MS), 0);
	while (scene.landing->work == SAVING)
		assert_int_equal(loop_run(scene.loop, WAIT_MS), 0);
	range = push_all(&scene, half, 2 * half);
	flush(&scene, range);
	reads_fail = true;
	landing_abandon(scene.landing, false, &scene.error);
	assert_int_equal(await(&scene), -ECANCELED);
	reads_fail = false;
	landing_close(scene.landing);
	open_landing(&scene, NULL);
	assert_in_range(intervals_total(&landing_found(scene.landing)->there), 1, half);
	close_scene(&scene);
	assert_honest();
	clean();
}

/* Closed in each state */

/* A turn, if there is one left. */
static bool turn(struct scene *scene, unsigned *left)
{
	if (*left == 0)
		return false;
	--*left;
	assert_int_equal(loop_run(scene->loop, 1), 0);
	return true;
}

static bool await_turns(struct scene *scene, unsigned *left)
{
	while (!scene->is_done)
		if (!turn(scene, left))
			return false;
	scene->is_done = false;
	return true;
}

static bool fill_ranges(struct scene *scene, unsigned *left)
{
	for (unsigned i = 0; i < 3; i++) {
		struct peer *peer = &scene->peers[i];

		peer->at = scene->size / 3 * i;
		peer->end = i < 2 ? scene->size / 3 * (i + 1) : scene->size;
		assert_int_equal(landing_range_open(&peer->range, scene->landing, NULL, peer->at,
						    peer->end - peer->at, on_wake, scene, NULL),
				 0);
	}
	for (unsigned i = 0; i < 3; i++)
		for (struct peer *peer = &scene->peers[i]; peer->at < peer->end;) {
			int64_t count = landing_range_push(peer->range, content + peer->at,
							   peer->end - peer->at);

			assert_true(count > 0 || count == -EAGAIN);
			peer->at += count > 0 ? (uint64_t)count : 0;
			if (!turn(scene, left))
				return false;
		}
	/* The journal is due. */
	skew_ms += LATE_MS;
	return turn(scene, left);
}

enum end { FINISHED, ABANDONED, FINISHED_AND_ABANDONED, ENDS };

/* Whether it came to its end. */
static bool play(struct scene *scene, unsigned left, bool has_names, enum end end)
{
	if (has_names) {
		landing_start(scene->landing, scene->loop, &strong, scene->size, NULL);
		if (!await_turns(scene, &left))
			return false;
	}
	if (!fill_ranges(scene, &left))
		return false;
	if (end != ABANDONED)
		landing_finish(scene->landing, scene->size, NULL);
	if (end == FINISHED_AND_ABANDONED && !turn(scene, &left))
		return false;
	if (end != FINISHED)
		landing_abandon(scene->landing, false, &scene->error);
	return await_turns(scene, &left);
}

static bool play_and_close(unsigned left, bool has_names, enum end end)
{
	struct scene scene = {.loop = loop_new(), .size = 3 << 20};
	struct path_file *file;
	char path[300];
	bool has_ended;
	int fd = open(path_of(path, "other"), O_RDWR | O_CREAT, 0600);

	assert_int_equal(path_file_open(&file, fd, true, true), 0);
	if (has_names)
		open_landing(&scene, any_path());
	else
		assert_int_equal(landing_open_file(&scene.landing, scene.loop, file, 0, scene.size,
						   &(struct landing_options){.done = on_done,
									     .owner = &scene,
									     .tally = &scene.tally},
						   NULL),
				 0);
	path_file_release(file);
	has_ended = play(&scene, left, has_names, end);
	landing_close(scene.landing);
	loop_close(scene.loop);
	clean();
	return has_ended;
}

/* AddressSanitizer sees what leaks, and what is used too late. */
static void test_closing_in_each_state(void **state)
{
	for (enum end end = FINISHED; end < ENDS; end++)
		for (int has_names = 0; has_names < 2; has_names++)
			for (unsigned turns = 0; !play_and_close(turns, has_names, end); turns++)
				assert_true(turns < 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ranges_in_any_order_with_bad_luck, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_what_has_a_gap_gets_no_name, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_starting_over_waits_for_the_journal, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_what_has_another_digest_gets_no_name, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_another_start_is_hashed_anew, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_is_claimed_after_a_failed_write_back,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_save_that_fails_leaves_the_one_before,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_closing_in_each_state, set_up, tear_down),
	};

	return RUN_BOTH(tests);
}
