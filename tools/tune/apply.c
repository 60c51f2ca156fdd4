/* SPDX-License-Identifier: MIT */
#include "tune/apply.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/sys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct step {
	const char *name, *value;                  /* to set */
	char was_name[TUNE_NAME], was[TUNE_VALUE]; /* in force now */
};

/* Everything that can be refused is, before anything changes. */
static int look_ahead(struct tune_system *system, struct step *step, struct sluice_error *error)
{
	int result = tune_value_check(step->name, step->value, error);

	if (result == 0)
		result = tune_sysctl_can_write(system, step->name, error);
	if (result == 0)
		result = tune_sysctl_in_force(system, step->name, step->was_name, step->was, error);
	if (result == 0)
		result = tune_sysctl_can_write(system, step->was_name, error);
	return result;
}

/* Puts the first count steps back, the last first; the first failure is told. */
static int take_back(struct tune_system *system, struct step *steps, unsigned count,
		     struct sluice_error *error)
{
	int result = 0;

	while (count-- > 0) {
		struct sluice_error ignored;
		int failed = tune_sysctl_set(system, steps[count].was_name, steps[count].was,
					     result == 0 ? error : &ignored);

		if (result == 0)
			result = failed;
	}
	return result;
}

/* All or none. A state that is to be kept because taking back failed too is told by
 * -ENOTRECOVERABLE.
 */
static int set_all(struct tune_system *system, struct step *steps, unsigned count,
		   struct sluice_error *error)
{
	struct sluice_error why, why_not_back;

	for (unsigned i = 0; i < count; i++) {
		int result = tune_sysctl_set(system, steps[i].name, steps[i].value, &why);

		if (result == 0)
			continue;
		if (take_back(system, steps, i + 1, &why_not_back) < 0)
			return error_set(error, ENOTRECOVERABLE,
					 "%.110s; and not every previous value could be restored: "
					 "%.80s. Run sluice tune --revert",
					 why.text, why_not_back.text);
		return error_set(error, why.code,
				 "%.200s; nothing is changed: the values already set were restored",
				 why.text);
	}
	return 0;
}

static struct tune_saved *find_saved(struct tune_state *state, const char *name)
{
	char device[32], other_device[32];
	int key = tune_key_find(name, device);

	for (unsigned i = 0; i < state->count; i++) {
		int other = tune_key_find(state->saved[i].name, other_device);

		if ((key == other || tune_key_twin((enum tune_key)key) == (enum tune_key)other) &&
		    strcmp(device, other_device) == 0)
			return &state->saved[i];
	}
	return NULL;
}

/* Adds a step to what is saved; the value from before an earlier --apply is the one to go back to.
 */
static int save(struct tune_state *state, const struct step *step, struct sluice_error *error)
{
	struct tune_saved *saved = find_saved(state, step->name);

	if (!saved) {
		if (state->count == TUNE_LINES)
			return error_set(error, ENOSPC,
					 TUNE_STATE_FILE
					 " is full: run sluice tune --revert first");
		saved = &state->saved[state->count++];
		snprintf(saved->name, TUNE_NAME, "%s", step->was_name);
		snprintf(saved->value, TUNE_VALUE, "%s", step->was);
	}
	snprintf(saved->new_name, TUNE_NAME, "%s", step->name);
	snprintf(saved->new_value, TUNE_VALUE, "%s", step->value);
	return 0;
}

static int restore_state(struct tune_system *system, const struct tune_state *before)
{
	return before->count ? tune_state_write(system->root, before, NULL)
			     : tune_state_remove(system->root, NULL);
}

static int apply_steps(struct tune_system *system, struct step *steps, unsigned count,
		       struct sluice_error *error)
{
	struct tune_state before, after;
	int result = tune_state_read(system->root, &before, error);

	if (result < 0)
		return result;
	if (before.is_stale)
		before.count = 0;
	after = before;
	for (unsigned i = 0; i < count; i++) {
		result = look_ahead(system, &steps[i], error);
		if (result == 0)
			result = save(&after, &steps[i], error);
		if (result < 0)
			return result;
	}
	result = tune_state_write(system->root, &after, error);
	if (result < 0)
		return result;
	result = set_all(system, steps, count, error);
	if (result < 0 && result != -ENOTRECOVERABLE)
		restore_state(system, &before);
	return result;
}

int tune_lock(struct tune_system *system, struct sluice_error *error)
{
	system->lock = tune_state_lock(system->root, error);
	return system->lock < 0 ? system->lock : 0;
}

void tune_unlock(struct tune_system *system)
{
	if (system->lock >= 0)
		sys_close(system->lock);
	system->lock = -1;
}

/* For one call: *lock stays -1 where it is held already. */
static int lock_unless_held(const struct tune_system *system, int *lock, struct sluice_error *error)
{
	if (system->lock >= 0)
		return 0;
	*lock = tune_state_lock(system->root, error);
	return *lock < 0 ? *lock : 0;
}

int tune_apply(struct tune_system *system, const struct tune_advice *advice,
	       struct sluice_error *error)
{
	_cleanup_fd_ int lock = -1;
	struct step steps[TUNE_LINES];
	unsigned count = 0;
	int result;

	for (unsigned i = 0; i < advice->count; i++)
		if (advice->lines[i].is_change)
			steps[count++] = (struct step){.name = advice->lines[i].name,
						       .value = advice->lines[i].advised};
	if (count == 0)
		return 0;
	/* Before the directory is made: what is wrong is told about the values, not about it. */
	for (unsigned i = 0; i < count; i++) {
		result = tune_sysctl_can_write(system, steps[i].name, error);
		if (result < 0)
			return result;
	}
	result = lock_unless_held(system, &lock, error);
	return result < 0 ? result : apply_steps(system, steps, count, error);
}

static int revert_steps(struct tune_system *system, const struct tune_state *state,
			struct tune_state *found, struct sluice_error *error)
{
	struct step steps[TUNE_LINES];
	int result;

	memset(found, 0, sizeof(*found));
	for (unsigned i = 0; i < state->count; i++) {
		steps[i] =
			(struct step){.name = state->saved[i].name, .value = state->saved[i].value};
		result = look_ahead(system, &steps[i], error);
		if (result < 0)
			return result;
		found->count++;
		memcpy(found->saved[i].name, steps[i].was_name, TUNE_NAME);
		memcpy(found->saved[i].value, steps[i].was, TUNE_VALUE);
	}
	result = set_all(system, steps, state->count, error);
	return result < 0 ? result : tune_state_remove(system->root, error);
}

/* A disk that was taken out has taken its read-ahead with it: that must not hold up the rest. */
static void forget_gone(struct tune_system *system, struct tune_state *state)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < state->count; i++) {
		char device[32];
		const char *name = state->saved[i].name;

		if (tune_key_find(name, device) == TUNE_READ_AHEAD &&
		    tune_sysctl_can_write(system, name, NULL) == -ENOENT)
			continue;
		state->saved[kept++] = state->saved[i];
	}
	state->count = kept;
}

int tune_revert(struct tune_system *system, struct tune_state *state, struct tune_state *found,
		struct sluice_error *error)
{
	_cleanup_fd_ int lock = -1;
	int result = tune_state_read(system->root, state, error);

	if (result < 0)
		return result;
	if (result == 0)
		return error_set(error, ENOENT,
				 "nothing to revert: no values are saved in " TUNE_STATE_FILE);
	result = lock_unless_held(system, &lock, error);
	if (result < 0)
		return result;
	result = tune_state_read(system->root, state, error);
	if (result < 0)
		return result;
	if (state->is_stale) {
		result = tune_state_remove(system->root, error);
		return result < 0 ? result
				  : error_set(error, ESTALE,
					      "nothing to revert: the saved values are from before "
					      "the last boot, which undid what was applied");
	}
	forget_gone(system, state);
	return revert_steps(system, state, found, error);
}
