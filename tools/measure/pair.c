/* SPDX-License-Identifier: MIT */
/*
 * The ends report through memory that they share with the parent. An end says that it is ready by a
 * byte on its channel, and starts on a byte from there; the channel's end is the end of the
 * process.
 */
#include "measure/pair.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "measure/loopback.h"
#include "path/path.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { SENDER, RECEIVER, ENDS };

/* What an end leaves behind for the parent. */
struct report {
	double start, end; /* CLOCK_MONOTONIC */
	int result;
	bool has_ended;
	struct bill bill;
	struct sluice_error error;
};

struct pair {
	const struct measure_pair_job *job;
	struct report *reports; /* ENDS of them, shared */
	struct measure_loopback loopback;
	int channels[ENDS];
	pid_t parent, pids[ENDS]; /* 0: not started, or reaped */
};

/* The end's own process */

static void note_end(void *argument, int result, const struct sluice_bill *bill,
		     const struct sluice_error *error)
{
	struct report *report = argument;

	report->end = clock_seconds();
	report->result = result;
	bill_copy(&report->bill, bill);
	report->error = *error;
	report->has_ended = true;
}

static int transfer(const struct pair *pair, int end, struct sluice_engine *engine)
{
	const struct measure_pair_job *job = pair->job;
	struct report *report = &pair->reports[end];
	const struct sluice_transfer_options options = {
		.size = sizeof(options), .path = end == SENDER ? job->send : job->receive};
	struct sluice_send *send = NULL;
	struct sluice_receive *receive = NULL;
	int result;

	report->start = clock_seconds();
	if (end == SENDER)
		result = sluice_send_open(&send, engine, pair->loopback.ends[end], job->source, 0,
					  job->length, &options, note_end, report, &report->error);
	else
		result = sluice_receive_open(&receive, engine, pair->loopback.ends[end],
					     job->target, 0, job->length, &options, note_end,
					     report, &report->error);
	while (result == 0 && !report->has_ended)
		result = sluice_engine_run(engine, -1);
	sluice_send_close(send);
	sluice_receive_close(receive);
	return result < 0 ? result : report->result;
}

/* Says that it is ready, and waits for the start. */
static bool may_start(int channel)
{
	char byte = 0;

	return write(channel, &byte, 1) == 1 && read(channel, &byte, 1) == 1;
}

static void live(const struct pair *pair, int end, int channel)
{
	struct report *report = &pair->reports[end];
	struct sluice_engine *engine;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != pair->parent)
		return;
	signal(SIGPIPE, SIG_IGN);
	close(pair->loopback.ends[!end]);
	report->result = sluice_engine_open(&engine, NULL, &report->error);
	if (report->result < 0 || !may_start(channel))
		return;
	report->result = transfer(pair, end, engine);
	sluice_engine_close(engine);
}

/* The parent */

static int start(struct pair *pair, int end, struct sluice_error *error)
{
	int channel[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) < 0)
		return error_set_errno(error, errno, "socketpair");
	pair->channels[end] = channel[0];
	pair->reports[end].result = -ECHILD; /* unless it gets to say something else */
	pair->pids[end] = fork();
	if (pair->pids[end] == 0) {
		live(pair, end, channel[1]);
		_exit(0);
	}
	close(channel[1]);
	if (pair->pids[end] > 0)
		return 0;
	pair->pids[end] = 0;
	return error_set_errno(error, errno, "fork");
}

static const char *end_name(int end)
{
	return end == SENDER ? "sending" : "receiving";
}

static int reap(struct pair *pair, int end, struct sluice_error *error)
{
	int status;
	pid_t pid = pair->pids[end];

	pair->pids[end] = 0;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return error_set_errno(error, errno, "waitpid");
	if (WIFSIGNALED(status))
		return error_set(error, ECHILD, "the %s process was ended by signal %d (%s)",
				 end_name(end), WTERMSIG(status), strsignal(WTERMSIG(status)));
	return 0;
}

static void close_sockets(struct pair *pair)
{
	for (int end = 0; end < ENDS; end++) {
		cleanup_fd(&pair->loopback.ends[end]);
		pair->loopback.ends[end] = -1;
	}
}

static void kill_rest(struct pair *pair)
{
	for (int end = 0; end < ENDS; end++) {
		if (pair->pids[end]) {
			kill(pair->pids[end], SIGKILL);
			reap(pair, end, NULL);
		}
		cleanup_fd(&pair->channels[end]);
	}
	close_sockets(pair);
}

/* What the other end's failure looks like from here. */
static bool is_symptom(int result)
{
	return result == -EPIPE || result == -ECONNRESET || result == -ENODATA;
}

static const char *needs_of(const struct measure_pair_job *job, int end)
{
	const struct path_send *send = path_send_find(job->send);
	const struct path_recv *receive = path_recv_find(job->receive);

	if (end == SENDER)
		return send ? send->needs : NULL;
	return receive ? receive->needs : NULL;
}

static int explain(const struct pair *pair, int end, struct sluice_error *error)
{
	const struct report *report = &pair->reports[end];
	const char *name = end == SENDER ? pair->job->send : pair->job->receive;
	const char *needs = needs_of(pair->job, end);

	if (report->result == -EOPNOTSUPP && needs)
		return error_set(error, EOPNOTSUPP, "%s path %s needs %s",
				 end == SENDER ? "send" : "receive", name, needs);
	if (!*report->error.text)
		return error_set_errno(error, -report->result, "%s end", end_name(end));
	return error_set(error, -report->result, "%s end: %s", end_name(end), report->error.text);
}

/* Of two failures the cause, not the symptom. */
static int judge(const struct pair *pair, struct sluice_error *error)
{
	int first = pair->reports[SENDER].result, second = pair->reports[RECEIVER].result;

	if (first == 0 && second == 0)
		return 0;
	if (first == 0 || (second < 0 && is_symptom(first) && !is_symptom(second)))
		return explain(pair, RECEIVER, error);
	return explain(pair, SENDER, error);
}

static int reap_both(struct pair *pair, struct sluice_error *error)
{
	int result = reap(pair, SENDER, error);
	int second = reap(pair, RECEIVER, result < 0 ? NULL : error);

	if (result == 0)
		result = second;
	return result < 0 ? result : judge(pair, error);
}

static int await_ready(struct pair *pair, struct sluice_error *error)
{
	char byte;

	for (int end = 0; end < ENDS; end++) {
		ssize_t count;

		do
			count = read(pair->channels[end], &byte, 1);
		while (count < 0 && errno == EINTR);
		if (count == 1)
			continue;
		/* It ended instead; the other one waits for a start that does not come. */
		count = reap(pair, end, error);
		return count < 0 ? (int)count : explain(pair, end, error);
	}
	return 0;
}

static int go(struct pair *pair, struct sluice_error *error)
{
	for (int end = ENDS; end-- > 0;)
		if (send(pair->channels[end], "", 1, MSG_NOSIGNAL) != 1)
			return error_set_errno(error, errno, "starting the %s process",
					       end_name(end));
	return reap_both(pair, error);
}

static int connect_ends(struct pair *pair)
{
	int result = measure_loopback_open(&pair->loopback);

	for (int end = 0; result == 0 && end < ENDS; end++)
		if (fcntl(pair->loopback.ends[end], F_SETFL, O_NONBLOCK) < 0)
			result = -errno;
	return result;
}

static int run(struct pair *pair, struct sluice_error *error)
{
	int result = connect_ends(pair);

	if (result < 0)
		return error_set_errno(error, -result, "a connection on 127.0.0.1");
	for (int end = 0; result == 0 && end < ENDS; end++)
		result = start(pair, end, error);
	/* With ours open, the end of one process would not be seen by the other. */
	close_sockets(pair);
	if (result == 0)
		result = await_ready(pair, error);
	if (result == 0)
		result = pair->job->prepare(pair->job->argument, error);
	return result < 0 ? result : go(pair, error);
}

static void fill(struct measure_pair_result *result, const struct pair *pair)
{
	const struct report *send = &pair->reports[SENDER], *receive = &pair->reports[RECEIVER];
	double start = send->start < receive->start ? send->start : receive->start;
	double end = send->end > receive->end ? send->end : receive->end;

	result->seconds = end - start;
	bill_copy(&result->send, &send->bill.public);
	bill_copy(&result->receive, &receive->bill.public);
	memcpy(result->congestion, pair->loopback.congestion, sizeof(result->congestion));
}

int measure_pair_run(const struct measure_pair_job *job, struct measure_pair_result *result,
		     struct sluice_error *error)
{
	size_t size = ENDS * sizeof(struct report);
	struct pair pair = {
		.job = job,
		.loopback.ends = {-1, -1},
		.channels = {-1, -1},
		.parent = getpid(),
		.reports =
			mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
	};
	int code;

	if (pair.reports == MAP_FAILED)
		return error_set_errno(error, errno, "memory for two reports");
	code = run(&pair, error);
	kill_rest(&pair);
	if (code == 0)
		fill(result, &pair);
	munmap(pair.reports, size);
	return code;
}
