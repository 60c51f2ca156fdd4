/* SPDX-License-Identifier: MIT */
/*
 * The experiment: bursts before and after the advice, one after the other, several times. The
 * advice is in force only while its bursts run; what was there before comes back whatever happens,
 * and where this process is killed, the saved values wait for --revert.
 */
#ifndef SLUICE_TUNE_PROVE_H
#define SLUICE_TUNE_PROVE_H

#include "measure/spread.h"
#include "tune/advice.h"
#include "tune/apply.h"
#include "tune/burst.h"
#include "tune/simulate.h"

#define PROVE_ROUNDS 5

struct prove_plan {
	uint64_t burst_bytes;
	bool is_capped;  /* smaller than the thresholds asked for */
	const char *cap; /* by what */
};

/* What the fill may be: beyond both limits, within what memory, disk and a minute allow. Pure. */
int prove_plan(struct prove_plan *plan, uint64_t dirty_before, uint64_t dirty_after,
	       uint64_t available_bytes, uint64_t free_bytes, uint64_t disk_bytes_per_second,
	       struct sluice_error *error);

struct prove_side {
	unsigned rounds;
	struct burst_run *runs[PROVE_ROUNDS];
	struct burst_run *middle;      /* the run of median throughput */
	struct measure_spread rate;    /* bytes per second to the end of the final sync */
	struct measure_spread longest; /* fsync of each round, seconds */
	double fsync_p50, fsync_p99, read_p99, longest_read, longest_write; /* of all rounds */
	unsigned fsync_count;
	struct tune_curve simulation;
	double distance; /* of the simulation from the middle run */
};

enum prove_verdict { PROVE_NOTHING_TO_DO, PROVE_HOLDS, PROVE_NO_EFFECT };

struct proof {
	struct prove_plan plan;
	double fill_rate, drain_rate;    /* bytes per second, of the middle run before */
	struct prove_side before, after; /* after has no rounds where the advice changes nothing */
	double seconds;
	enum prove_verdict verdict;
	char text[512]; /* the verdict with its figures */
};

struct prove_options {
	const char *directory;
	double wake_seconds, expire_seconds; /* of the flusher, for the simulation */
	/* what is done now, and how far it is (0 to 1) */
	void (*progress)(void *argument, const char *what, double part);
	void *argument;
};

/* -EINTR where a signal ended it. proof is freed by proof_free in any case. */
int prove(struct proof *proof, struct tune_system *system, const struct tune_advice *advice,
	  const struct prove_plan *plan, const struct prove_options *options,
	  struct sluice_error *error);
void proof_free(struct proof *proof);

/* The whole as JSON, but for command, version and machine: see sluice-tune(1). */
struct json_t *proof_json(const struct proof *proof);

/* prove-sum.c: what runs come to. Pure. */
void prove_side_sum(struct prove_side *side);
void prove_rates(struct proof *proof);
void prove_simulate(struct proof *proof, const struct prove_options *options);
void prove_judge(struct proof *proof);

#endif
