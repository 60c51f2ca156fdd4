/* SPDX-License-Identifier: MIT */
#include "tune/prove.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/size.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BUDGET_SECONDS 60.0
#define SETTLE_SECONDS 1.0
#define BURST_SECONDS  15 /* the longest burst, at the rate of the disk */
#define LEAST_BURST    (256 * MIB)

int prove_plan(struct prove_plan *plan, uint64_t dirty_before, uint64_t dirty_after,
	       uint64_t available_bytes, uint64_t free_bytes, uint64_t disk_bytes_per_second,
	       struct sluice_error *error)
{
	uint64_t most = dirty_before > dirty_after ? dirty_before : dirty_after;
	const struct {
		uint64_t bytes;
		const char *what;
	} caps[] = {
		{available_bytes / 2, "half of the available memory"},
		{free_bytes / 4, "a quarter of the free space"},
		{disk_bytes_per_second * BURST_SECONDS, "a quarter of a minute of the disk"},
	};

	*plan = (struct prove_plan){.burst_bytes = most + most / 2};
	if (plan->burst_bytes < LEAST_BURST)
		plan->burst_bytes = LEAST_BURST;
	for (size_t i = 0; i < sizeof(caps) / sizeof(*caps); i++)
		if (plan->burst_bytes > caps[i].bytes) {
			plan->burst_bytes = caps[i].bytes;
			plan->is_capped = true;
			plan->cap = caps[i].what;
		}
	plan->burst_bytes = size_round_down(plan->burst_bytes, MIB);
	if (plan->burst_bytes < LEAST_BURST / 4)
		return error_set(error, ENOSPC,
				 "no room for the experiment: a burst of %s is too small to see "
				 "anything; choose another --folder, or free some",
				 plan->cap);
	return 0;
}

static struct burst_run *new_run(void)
{
	void *run = mmap(NULL, sizeof(struct burst_run), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return run == MAP_FAILED ? NULL : run;
}

static void free_side(struct prove_side *side)
{
	for (unsigned i = 0; i < PROVE_ROUNDS; i++)
		if (side->runs[i])
			munmap(side->runs[i], sizeof(struct burst_run));
}

void proof_free(struct proof *proof)
{
	free_side(&proof->before);
	free_side(&proof->after);
	memset(proof, 0, sizeof(*proof));
}

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
enum { ENDING = sizeof(ending) / sizeof(*ending) };

/*
 * Those that end a program, and the child's end: they are waited for, never handled. What whoever
 * started us has told to be ignored, as nohup(1) does, ends nothing.
 */
static void signals_waited_for(sigset_t *set)
{
	struct sigaction inherited;

	sigemptyset(set);
	for (int i = 0; i < ENDING; i++)
		if (sigaction(ending[i], NULL, &inherited) == 0 && inherited.sa_handler != SIG_IGN)
			sigaddset(set, ending[i]);
	sigaddset(set, SIGCHLD);
}

/* The lock is the parent's: where that one is killed, --revert need not wait for the child's end.
 */
static _Noreturn void be_the_child(struct tune_system *system, const struct burst_files *files,
				   uint64_t bytes, struct burst_run *run, pid_t parent)
{
	tune_unlock(system);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	burst_make(files, bytes, run);
	_exit(0);
}

/* Waits for the child, or for a signal that ends the child; *interrupted is the signal. */
static int wait_for(pid_t child, const sigset_t *set, int *interrupted)
{
	int status = 0;

	do {
		int caught = sigwaitinfo(set, NULL);

		if (caught > 0 && caught != SIGCHLD) {
			*interrupted = caught;
			kill(child, SIGKILL);
		}
	} while (waitpid(child, &status, WNOHANG) == 0);
	return status;
}

/* One burst under the values of now. Signals are blocked by the caller. */
static int run_once(struct tune_system *system, const struct burst_files *files, uint64_t bytes,
		    struct burst_run *run, struct sluice_error *error)
{
	int interrupted = 0, status;
	pid_t parent = getpid(), child;
	sigset_t set;

	signals_waited_for(&set);
	child = fork();
	if (child < 0)
		return error_set_errno(error, errno, "cannot start the experiment's process");
	if (child == 0)
		be_the_child(system, files, bytes, run, parent);
	status = wait_for(child, &set, &interrupted);
	if (interrupted)
		return error_set(error, EINTR, "interrupted by %s: the values are as they were",
				 strsignal(interrupted));
	if (WIFSIGNALED(status))
		return error_set(
			error, ECHILD,
			"the experiment's process ended by %s: the values are as they were",
			strsignal(WTERMSIG(status)));
	if (run->error.code)
		return error_set(error, run->error.code, "%s", run->error.text);
	return 0;
}

/* Returns a signal that came meanwhile, or 0. */
static int settle(void)
{
	struct timespec pause = {.tv_sec = (time_t)SETTLE_SECONDS};
	sigset_t set;
	int caught;

	signals_waited_for(&set);
	do
		caught = sigtimedwait(&set, NULL, &pause);
	while (caught == SIGCHLD);
	return caught > 0 ? caught : 0;
}

static int measure(struct prove_side *side, struct tune_system *system,
		   const struct burst_files *files, uint64_t bytes, struct sluice_error *error)
{
	struct burst_run *run = new_run();
	int result, caught = settle();

	if (!run)
		return error_set(error, ENOMEM, "no memory for the experiment");
	side->runs[side->rounds] = run;
	if (caught)
		return error_set(error, EINTR, "interrupted by %s: the values are as they were",
				 strsignal(caught));
	result = run_once(system, files, bytes, run, error);
	side->rounds += result == 0;
	return result;
}

/* With the advice in force, and the old values back before it returns. */
static int measure_after(struct proof *proof, struct tune_system *system,
			 const struct tune_advice *advice, const struct burst_files *files,
			 struct sluice_error *error)
{
	struct tune_state saved, found;
	struct sluice_error reverting;
	int result = tune_apply(system, advice, error), reverted;

	if (result < 0)
		return result;
	result = measure(&proof->after, system, files, proof->plan.burst_bytes, error);
	reverted = tune_revert(system, &saved, &found, &reverting);
	if (reverted < 0)
		return error_set(error, -reverted, "%.200s; run sluice tune --revert",
				 reverting.text);
	return result;
}

static void tell(const struct prove_options *options, const char *what, double part)
{
	if (options->progress)
		options->progress(options->argument, what, part);
}

static int rounds(struct proof *proof, struct tune_system *system, const struct tune_advice *advice,
		  const struct burst_files *files, const struct prove_options *options,
		  double start, struct sluice_error *error)
{
	double first = clock_seconds(), now = first;
	int result = 0;

	for (unsigned i = 0; i < PROVE_ROUNDS && result == 0; i++) {
		double part = (double)i / PROVE_ROUNDS;

		/* One round more must fit; one is made in any case. */
		if (i > 0 && now - start + (now - first) / i > BUDGET_SECONDS)
			break;
		tell(options, "bursts before", part);
		result = measure(&proof->before, system, files, proof->plan.burst_bytes, error);
		if (result == 0 && advice->changes) {
			tell(options, "bursts after", part);
			result = measure_after(proof, system, advice, files, error);
		}
		now = clock_seconds();
	}
	return result;
}

static void on_filled(void *argument, double part)
{
	tell(argument, "filling the burst's file", part);
}

/* Blocks the signals that end a program, so that it is here where they do. */
static int rounds_undisturbed(struct proof *proof, struct tune_system *system,
			      const struct tune_advice *advice, const struct burst_files *files,
			      const struct prove_options *options, double start,
			      struct sluice_error *error)
{
	/* Inherited as ignored, the child's end would not be told, and waited for in vain. */
	const struct sigaction usual = {.sa_handler = SIG_DFL};
	struct sigaction inherited;
	sigset_t set, before;
	int result;

	sigaction(SIGCHLD, &usual, &inherited);
	signals_waited_for(&set);
	sigprocmask(SIG_BLOCK, &set, &before);
	result = rounds(proof, system, advice, files, options, start, error);
	sigprocmask(SIG_SETMASK, &before, NULL);
	sigaction(SIGCHLD, &inherited, NULL);
	return result;
}

/* Everything that can be refused is, before anything is written. Takes the lock for all rounds. */
static int begin(struct tune_system *system, const struct tune_advice *advice,
		 struct sluice_error *error)
{
	struct tune_state state;
	int result = 0;

	for (unsigned i = 0; i < advice->count && result == 0; i++)
		if (advice->lines[i].is_change)
			result = tune_sysctl_can_write(system, advice->lines[i].name, error);
	if (result == 0 && advice->changes)
		result = tune_lock(system, error);
	if (result == 0)
		result = tune_state_read(system->root, &state, error);
	if (result > 0 && !state.is_stale)
		return error_set(
			error, EBUSY,
			"values of an earlier --apply are in force, so there is no before: "
			"run sluice tune --revert first");
	return result < 0 ? result : 0;
}

static int experiment(struct proof *proof, struct tune_system *system,
		      const struct tune_advice *advice, const struct prove_options *options,
		      double start, struct sluice_error *error)
{
	struct burst_files files;
	int result = begin(system, advice, error);

	if (result < 0)
		return result;
	result = burst_files_open(&files, options->directory, proof->plan.burst_bytes, on_filled,
				  (void *)options, error);
	if (result < 0)
		return result;
	result = rounds_undisturbed(proof, system, advice, &files, options, start, error);
	burst_files_close(&files);
	return result;
}

int prove(struct proof *proof, struct tune_system *system, const struct tune_advice *advice,
	  const struct prove_plan *plan, const struct prove_options *options,
	  struct sluice_error *error)
{
	double start = clock_seconds();
	int result;

	memset(proof, 0, sizeof(*proof));
	proof->plan = *plan;
	result = experiment(proof, system, advice, options, start, error);
	tune_unlock(system);
	if (result < 0)
		return result;
	prove_side_sum(&proof->before);
	prove_side_sum(&proof->after);
	prove_rates(proof);
	prove_simulate(proof, options);
	proof->seconds = clock_seconds() - start;
	prove_judge(proof);
	return 0;
}
