/* SPDX-License-Identifier: MIT */
/* Tasks and timers, in the loop and where the loop itself is polled. */
#include "loop-kinds.h"

#include "base/meter.h"

/* Tasks */

struct step {
	struct loop_task task;
	struct loop *loop;
	struct step *cancels;
	char name;
	bool again;
};

static char trace[32];
static int trace_length;

static void step_run(struct loop_task *task)
{
	struct step *step = (struct step *)task;

	trace[trace_length++] = step->name;
	trace[trace_length] = '\0';
	if (step->cancels)
		loop_task_cancel(step->loop, &step->cancels->task);
	if (step->again)
		loop_task_queue(step->loop, task);
}

static void trace_clear(void)
{
	trace_length = 0;
	trace[0] = '\0';
}

static struct step make_step(struct loop *loop, char name)
{
	return (struct step){.task.run = step_run, .loop = loop, .name = name};
}

static void test_task_order(void **state)
{
	struct loop *loop = loop_new();
	struct step a = make_step(loop, 'a'), b = make_step(loop, 'b'), c = make_step(loop, 'c');

	trace_clear();
	loop_task_queue(loop, &b.task);
	loop_task_queue(loop, &a.task);
	loop_task_queue(loop, &b.task);
	loop_task_queue(loop, &c.task);
	assert_int_equal(trace_length, 0);
	assert_int_equal(loop_run(loop, -1), 0);
	assert_string_equal(trace, "bac");
	assert_int_equal(loop_run(loop, 0), 0);
	assert_string_equal(trace, "bac");
	loop_close(loop);
}

static void test_task_again(void **state)
{
	struct loop *loop = loop_new();
	struct step a = make_step(loop, 'a'), b = make_step(loop, 'b');

	trace_clear();
	a.again = true;
	loop_task_queue(loop, &a.task);
	loop_task_queue(loop, &b.task);
	assert_int_equal(loop_run(loop, -1), 0);
	assert_string_equal(trace, "ab");
	/* A task that queues itself keeps the loop from waiting, not from turning. */
	assert_int_equal(loop_run(loop, -1), 0);
	assert_string_equal(trace, "aba");
	loop_task_cancel(loop, &a.task);
	assert_int_equal(loop_run(loop, 0), 0);
	assert_string_equal(trace, "aba");
	loop_close(loop);
}

static void test_task_cancel(void **state)
{
	struct loop *loop = loop_new();
	struct step a = make_step(loop, 'a'), b = make_step(loop, 'b'), c = make_step(loop, 'c');

	trace_clear();
	loop_task_cancel(loop, &a.task);
	a.cancels = &b;
	loop_task_queue(loop, &a.task);
	loop_task_queue(loop, &b.task);
	loop_task_queue(loop, &c.task);
	assert_int_equal(loop_run(loop, -1), 0);
	assert_string_equal(trace, "ac");
	loop_task_queue(loop, &b.task);
	assert_int_equal(loop_run(loop, -1), 0);
	assert_string_equal(trace, "acb");
	loop_close(loop);
}

/* Queueing inside a turn costs no system call. */
static void test_task_is_free(void **state)
{
	struct loop *loop = loop_new();
	struct step a = make_step(loop, 'a');
	struct bill bill;
	struct meter meter;

	trace_clear();
	a.again = true;
	loop_task_queue(loop, &a.task);
	bill_init(&bill);
	meter_start(&meter);
	for (int i = 0; i < 10; i++)
		loop_run(loop, -1);
	meter_read(&meter, &bill);
	assert_int_equal(trace_length, 10);
	assert_int_equal(bill.public.system_calls, 10);
	loop_close(loop);
}

/* Timers */

struct alarm {
	struct loop_timer timer;
	struct loop *loop;
	struct alarm *cancels;
	bool again;
	int fired;
	int order;
};

static int alarms_fired;

static void alarm_fire(struct loop_timer *timer)
{
	struct alarm *alarm = (struct alarm *)timer;

	assert_true(loop_now_ms(alarm->loop) >= timer->due_ms);
	alarm->fired++;
	alarm->order = alarms_fired++;
	if (alarm->cancels)
		loop_timer_cancel(alarm->loop, &alarm->cancels->timer);
	if (alarm->again)
		loop_timer_set(alarm->loop, timer, 0);
}

static struct alarm make_alarm(struct loop *loop)
{
	return (struct alarm){.timer.fire = alarm_fire, .loop = loop};
}

static void test_timer_wait(void **state)
{
	struct loop *loop = loop_new();
	struct alarm alarm = make_alarm(loop);
	uint64_t start = clock_ms();

	loop_timer_set(loop, &alarm.timer, 30);
	assert_int_equal(loop_run(loop, 0), 0);
	assert_int_equal(alarm.fired, 0);
	run_until(loop, &alarm.fired, 1);
	assert_true(clock_ms() - start >= 30);
	assert_int_equal(loop_run(loop, 0), 0);
	assert_int_equal(alarm.fired, 1);
	loop_timer_set(loop, &alarm.timer, UINT64_MAX);
	assert_int_equal(loop_run(loop, 1), 0);
	assert_int_equal(alarm.fired, 1);
	loop_timer_cancel(loop, &alarm.timer);
	loop_timer_cancel(loop, &alarm.timer);
	loop_close(loop);
}

#define ALARMS 500

static bool is_ordered(const struct alarm *a, const struct alarm *b)
{
	if (a->timer.due_ms != b->timer.due_ms)
		return (a->timer.due_ms < b->timer.due_ms) == (a->order < b->order);
	return (a->timer.sequence < b->timer.sequence) == (a->order < b->order);
}

/* Sets, moves and cancels at random, then compares the order of every pair. */
static void test_timer_order(void **state)
{
	static struct alarm alarms[ALARMS];
	static bool is_set[ALARMS];
	struct loop *loop = loop_new();
	unsigned seed = 1;
	int wanted = 0;

	alarms_fired = 0;
	for (int i = 0; i < ALARMS; i++)
		alarms[i] = make_alarm(loop);
	for (int i = 0; i < ALARMS * 6; i++) {
		int which = rand_r(&seed) % ALARMS;

		is_set[which] = rand_r(&seed) % 4;
		if (is_set[which])
			loop_timer_set(loop, &alarms[which].timer, rand_r(&seed) % 30);
		else
			loop_timer_cancel(loop, &alarms[which].timer);
	}
	for (int i = 0; i < ALARMS; i++)
		wanted += is_set[i];
	run_until(loop, &alarms_fired, wanted);
	assert_int_equal(loop_run(loop, 40), 0);
	assert_int_equal(alarms_fired, wanted);
	for (int i = 0; i < ALARMS; i++) {
		assert_int_equal(alarms[i].fired, is_set[i]);
		for (int j = 0; j < i; j++)
			if (is_set[i] && is_set[j])
				assert_true(is_ordered(&alarms[i], &alarms[j]));
	}
	loop_close(loop);
}

static void test_timer_inside(void **state)
{
	struct loop *loop = loop_new();
	struct alarm a = make_alarm(loop), b = make_alarm(loop), c = make_alarm(loop);

	a.cancels = &b;
	c.again = true;
	loop_timer_set(loop, &a.timer, 0);
	loop_timer_set(loop, &b.timer, 0);
	loop_timer_set(loop, &c.timer, 0);
	assert_int_equal(loop_run(loop, -1), 0);
	assert_int_equal(a.fired, 1);
	assert_int_equal(b.fired, 0);
	assert_int_equal(c.fired, 1);
	/* Set again by itself: due, but in the next turn. */
	assert_int_equal(loop_run(loop, -1), 0);
	assert_int_equal(c.fired, 2);
	loop_close(loop);
}

/* Polling from outside */

static void test_poll_tasks(void **state)
{
	struct loop *loop = loop_new();
	struct step a = make_step(loop, 'a'), b = make_step(loop, 'b');

	trace_clear();
	loop_task_queue(loop, &a.task);
	assert_int_equal(is_readable(loop, 0), 1);
	loop_run(loop, 0);
	assert_string_equal(trace, "a");
	assert_int_equal(is_readable(loop, 0), 0);
	a.again = true;
	loop_task_queue(loop, &a.task);
	loop_task_queue(loop, &b.task);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(is_readable(loop, 0), 1);
		loop_run(loop, 0);
	}
	assert_string_equal(trace, "aabaa");
	a.again = false;
	loop_run(loop, 0);
	assert_int_equal(is_readable(loop, 0), 0);
	loop_close(loop);
}

static void test_poll_timers(void **state)
{
	struct loop *loop = loop_new();
	struct alarm a = make_alarm(loop), b = make_alarm(loop);
	uint64_t start = clock_ms();

	loop_timer_set(loop, &a.timer, 30);
	loop_timer_set(loop, &b.timer, 100000);
	assert_int_equal(is_readable(loop, 0), 0);
	assert_int_equal(is_readable(loop, WAIT_MS), 1);
	assert_true(clock_ms() - start >= 29);
	loop_run(loop, 0);
	assert_int_equal(a.fired, 1);
	assert_int_equal(is_readable(loop, 0), 0);
	/* Due at once, and at the very time for which the timer was armed before. */
	a.again = true;
	loop_timer_set(loop, &a.timer, 0);
	for (int i = 2; i < 6; i++) {
		assert_int_equal(is_readable(loop, 0), 1);
		loop_run(loop, 0);
		assert_int_equal(a.fired, i);
	}
	loop_timer_cancel(loop, &a.timer);
	loop_run(loop, 0);
	loop_timer_set(loop, &b.timer, 20);
	assert_int_equal(is_readable(loop, WAIT_MS), 1);
	loop_run(loop, 0);
	assert_int_equal(b.fired, 1);
	loop_close(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_task_order),   cmocka_unit_test(test_task_again),
		cmocka_unit_test(test_task_cancel),  cmocka_unit_test(test_task_is_free),
		cmocka_unit_test(test_timer_wait),   cmocka_unit_test(test_timer_order),
		cmocka_unit_test(test_timer_inside), cmocka_unit_test(test_poll_tasks),
		cmocka_unit_test(test_poll_timers),
	};

	return RUN_BOTH(tests);
}
