/* SPDX-License-Identifier: MIT */
/*
 * Timers: a pairing heap, whose links lie in the timers themselves, so that setting one cannot
 * fail. Setting costs O(1); cancelling and firing cost O(log n) amortised.
 *
 * Invariants: a timer in the heap has is_set; the root has neither `next` nor `previous`; of any
 * other `previous` is the sibling to its left, or its parent where it is the first child.
 */
#include "loop/loop-private.h"

static bool is_before(const struct loop_timer *a, const struct loop_timer *b)
{
	if (a->due_ms != b->due_ms)
		return a->due_ms < b->due_ms;
	return a->sequence < b->sequence;
}

static struct loop_timer *meld(struct loop_timer *a, struct loop_timer *b)
{
	if (!a || !b)
		return a ? a : b;
	if (is_before(b, a))
		return meld(b, a);
	b->previous = a;
	b->next = a->child;
	if (b->next)
		b->next->previous = b;
	a->child = b;
	return a;
}

/* Cuts the first of a row of siblings off the others; returns those. */
static struct loop_timer *cut_first(struct loop_timer *first)
{
	struct loop_timer *rest = first->next;

	first->next = first->previous = NULL;
	return rest;
}

static struct loop_timer *meld_all(struct loop_timer *siblings)
{
	struct loop_timer *pairs = NULL, *root = NULL;

	while (siblings) {
		struct loop_timer *a = siblings, *b = cut_first(a);

		siblings = b ? cut_first(b) : NULL;
		a = meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		struct loop_timer *pair = pairs;

		pairs = cut_first(pair);
		root = meld(root, pair);
	}
	return root;
}

static void unlink_subtree(struct loop_timer *timer)
{
	if (timer->previous->child == timer)
		timer->previous->child = timer->next;
	else
		timer->previous->next = timer->next;
	if (timer->next)
		timer->next->previous = timer->previous;
	timer->next = timer->previous = NULL;
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
	struct loop_timer *children;

	if (!timer->is_set)
		return;
	children = meld_all(timer->child);
	if (loop->timers == timer) {
		loop->timers = children;
	} else {
		unlink_subtree(timer);
		loop->timers = meld(loop->timers, children);
	}
	timer->child = NULL;
	timer->is_set = false;
}

void loop_timers_insert(struct loop *loop, struct loop_timer *timer, uint64_t due_ms)
{
	timer->due_ms = due_ms;
	timer->sequence = loop->timer_sequence++;
	timer->child = timer->next = timer->previous = NULL;
	timer->is_set = true;
	loop->timers = meld(loop->timers, timer);
}

uint64_t loop_timers_due(const struct loop *loop)
{
	return loop->timers ? loop->timers->due_ms : UINT64_MAX;
}

void loop_timers_run(struct loop *loop)
{
	/* What is set from here on waits for the next turn, even when it is due at once. */
	uint64_t end = loop->timer_sequence;

	while (loop->timers && loop->timers->due_ms <= loop->now_ms &&
	       loop->timers->sequence < end) {
		struct loop_timer *timer = loop->timers;

		loop_timer_cancel(loop, timer);
		timer->fire(timer);
	}
}
