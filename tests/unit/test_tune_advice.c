/* SPDX-License-Identifier: MIT */
/* The advice as a table: machines, what they are advised, and why that suits them. */
#include "tune/advice.h"

#include "base/size.h"
#include "sluice.h"
#include "tune/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MB          1000000ULL
#define GB          1000000000ULL
#define TRIPLE_RMEM "4096 131072 6291456"
#define TRIPLE_WMEM "4096 16384 4194304"

/* What a kernel starts with. */
static const struct tune_values defaults = {{
	[TUNE_BACKGROUND_BYTES] = "0",
	[TUNE_BACKGROUND_RATIO] = "10",
	[TUNE_DIRTY_BYTES] = "0",
	[TUNE_DIRTY_RATIO] = "20",
	[TUNE_EXPIRE] = "3000",
	[TUNE_WRITEBACK] = "500",
	[TUNE_SWAPPINESS] = "60",
	[TUNE_READ_AHEAD] = "128",
	[TUNE_RMEM_MAX] = "212992",
	[TUNE_WMEM_MAX] = "212992",
	[TUNE_TCP_RMEM] = TRIPLE_RMEM,
	[TUNE_TCP_WMEM] = TRIPLE_WMEM,
}};

#define KEEP "keep" /* there is a line, and it changes nothing */
#define IDLE "idle" /* there is a line, and it says that the value does nothing */
#define NONE "none" /* there is a line, and it says what is missing */

struct expected {
	const char *background, *dirty, *expire, *writeback, *swappiness, *read_ahead, *rmem_max,
		*tcp_rmem, *tcp_wmem;
};

static const struct row {
	const char *machine, *why;
	struct tune_facts facts;
	struct expected expected;
} rows[] = {
	{
		"laptop, 8 GiB, HDD",
		"20 % of the memory is 1.4 GB, 14 s of this disk: a saved document would wait as "
		"long. 200 MB is the 2 s allowed. The disk is shared by several programs that "
		"read: "
		"long runs. Swapping on a rotating disk stops the desktop, so seldom. Wi-Fi at 300 "
		"Mbit/s is slower than the disk, so write-back may start late, and 10 ms fit in "
		"the "
		"buffers that are there, but for programs that set their own",
		{4, 8 * GIB, 7 * GB, TUNE_DISK_HDD, 100 * MB, false, "sda", 300 * MB, 0,
		 TUNE_SWAP_HDD},
		{"vm.dirty_background_bytes=99614720", "vm.dirty_bytes=199229440", KEEP, KEEP, "10",
		 "4096", "1048576", KEEP, KEEP},
	},
	{
		"VM, 2 cores, 2 GiB, virtual disk",
		"20 % of the memory is 360 MB, 0.7 s of the disk: nobody waits long, and the "
		"kernel's "
		"own ratios are right on so small a memory. Only the read-ahead is too short for a "
		"disk behind a host",
		{2, 2 * GIB, 1800 * MB, TUNE_DISK_VIRTUAL, 500 * MB, false, "vda", 0, 0,
		 TUNE_SWAP_NONE},
		{KEEP, KEEP, KEEP, KEEP, IDLE, "4096", NONE, NONE, NONE},
	},
	{
		"64 cores, 512 GiB, NVMe, 100 GbE",
		"20 % of 512 GiB is 98 GB, 16 s even of this disk: 12 GB is 2 s. The network "
		"brings "
		"12.5 GB/s against 6: waiting wins nothing, so write-back starts at an eighth. 100 "
		"Gbit/s over 10 ms are 125 MB under way, twice that in buffers. Memory of this "
		"size is "
		"steered by bytes: one per cent would be 5 GB",
		{64, 512 * GIB, 490 * GB, TUNE_DISK_NVME, 6 * GB, false, "nvme0n1", 100 * GB, 0,
		 TUNE_SWAP_NONE},
		{"vm.dirty_background_bytes=1476395008", "vm.dirty_bytes=11945377792", KEEP, KEEP,
		 IDLE, "1024", "250609664", "4096 131072 250609664", "4096 16384 250609664"},
	},
	{
		"storage server, 1 TiB, RAID of HDDs, 25 GbE",
		"20 % of 1 TiB is 200 GB, 100 s of this array. 4 GB is 2 s, and still several "
		"seconds "
		"of random small writes to be sorted. The network brings 3.1 GB/s against 2: start "
		"early. Reads must reach all the disks at once",
		{32, 1024 * GIB, 1000 * GB, TUNE_DISK_RAID, 2 * GB, false, "md0", 25 * GB, 0.001,
		 TUNE_SWAP_NONE},
		{"vm.dirty_background_bytes=494927872", "vm.dirty_bytes=3959422976", KEEP, KEEP,
		 IDLE, "16384", "6291456", KEEP, "4096 16384 6291456"},
	},
	{
		"board, 1 GiB, eMMC",
		"20 % of the memory is 170 MB, 8.5 s of this eMMC: a fsync of a data base would "
		"hang. 40 "
		"MB is 2 s, and above the 32 MiB that writers need. 128 KiB read ahead are right "
		"for "
		"flash that is slow, not late. 100 Mbit/s are slower than the disk",
		{4, GIB, 850 * MB, TUNE_DISK_EMMC, 20 * MB, false, "mmcblk0", 100 * MB, 0,
		 TUNE_SWAP_NONE},
		{"vm.dirty_background_bytes=19922944", "vm.dirty_bytes=39845888", KEEP, KEEP, IDLE,
		 KEEP, "1048576", KEEP, KEEP},
	},
	{
		"server without swap, 16 GiB, SSD",
		"without swap vm.swappiness does nothing, which is said. 20 % is 3 GB, 6 s of "
		"a "
		"SATA SSD",
		{8, 16 * GIB, 15 * GB, TUNE_DISK_SSD, 500 * MB, false, "sda", GB, 0.001,
		 TUNE_SWAP_NONE},
		{"vm.dirty_background_bytes=499122176", "vm.dirty_bytes=999292928", KEEP, KEEP,
		 IDLE, KEEP, "1048576", KEEP, KEEP},
	},
	{
		"laptop with zram, 8 GiB, NVMe",
		"zram is memory: to compress a page costs microseconds, to read one from the disk "
		"more, "
		"so swap is preferred to dropping files. 2 s of this disk are more than the memory "
		"should hold: the kernel's ratios are right",
		{8, 8 * GIB, 7 * GB, TUNE_DISK_NVME, 3 * GB, false, "nvme0n1", 0, 0,
		 TUNE_SWAP_ZRAM},
		{KEEP, KEEP, KEEP, KEEP, "150", "1024", NONE, NONE, NONE},
	},
};

static const struct tune_line *find(const struct tune_advice *advice, const char *part)
{
	for (unsigned i = 0; i < advice->count; i++)
		if (strstr(advice->lines[i].name, part) && !*advice->lines[i].instead)
			return &advice->lines[i];
	return NULL;
}

static const struct tune_line *find_name(const struct tune_advice *advice, const char *name)
{
	for (unsigned i = 0; i < advice->count; i++)
		if (strcmp(advice->lines[i].name, name) == 0)
			return &advice->lines[i];
	return NULL;
}

/* A ratio that points to its twin: which has a line behind it, and says what it comes to. */
static void expect_instead(const char *machine, const struct tune_advice *advice,
			   const struct tune_facts *facts, const struct tune_line *line)
{
	const struct tune_line *twin = find_name(advice, line->instead);
	uint64_t ratio = 0, bytes = 0;
	double percent;
	char text[32];

	if (!twin || twin <= line)
		fail_msg("%s: %s points to %s", machine, line->name, line->instead);
	if (!tune_value_number(line->advised, &ratio) || !tune_value_number(twin->advised, &bytes))
		fail_msg("%s: %s: '%s', '%s'", machine, line->name, line->advised, twin->advised);
	percent = 100.0 * (double)bytes / (double)facts->available_bytes;
	assert_float_equal(line->available_percent, percent, 1e-9);
	assert_float_equal(twin->available_percent, percent, 1e-9);
	if (ratio < 1 ||
	    (ratio > 1 && ((double)ratio > percent + 0.51 || (double)ratio < percent - 0.51)))
		fail_msg("%s: %s = %s for %g %%", machine, line->name, line->advised, percent);
	snprintf(text, sizeof(text), "come to %.3g %%", percent);
	assert_non_null(strstr(line->reason, text));
	assert_non_null(strstr(line->reason, line->instead));
	assert_non_null(strstr(line->reason, twin->advised));
	assert_false(line->is_change);
}

/* Whatever the machine and its values, these have their line, each once. */
static void expect_five(const char *machine, const struct tune_advice *advice,
			const struct tune_facts *facts)
{
	static const char *const names[] = {
		"vm.dirty_background_ratio",    "vm.dirty_ratio", "vm.dirty_expire_centisecs",
		"vm.dirty_writeback_centisecs", "vm.swappiness",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct tune_line *line = find_name(advice, names[i]);

		if (!line) {
			fail_msg("%s: no line about %s", machine, names[i]);
			return;
		}
		if (strlen(line->reason) <= 20 || strlen(line->reason) >= sizeof(line->reason) - 1)
			fail_msg("%s: %s: %s", machine, names[i], line->reason);
		assert_non_null(line->source);
		if (*line->instead)
			expect_instead(machine, advice, facts, line);
		assert_int_equal(line->is_without_effect, i == 4 && facts->swap == TUNE_SWAP_NONE);
	}
	assert_in_range(advice->count, 5, TUNE_LINES);
	for (unsigned i = 0; i < advice->count; i++)
		assert_ptr_equal(find_name(advice, advice->lines[i].name), &advice->lines[i]);
}

static void expect(const char *machine, const struct tune_advice *advice, const char *part,
		   const char *expected)
{
	const struct tune_line *line = find(advice, part);
	char value[TUNE_NAME + TUNE_VALUE + 1];

	if (!line) {
		fail_msg("%s: nothing about %s", machine, part);
		return;
	}
	assert_true(strlen(line->reason) > 20);
	assert_true(strlen(line->reason) < sizeof(line->reason) - 1);
	assert_non_null(line->source);
	snprintf(value, sizeof(value), "%s=%s", line->name, line->advised);
	if (strcmp(expected, NONE) == 0) {
		if (line->is_change || *line->advised || !strstr(line->reason, "no advice without"))
			fail_msg("%s: %s: %s", machine, value, line->reason);
		return;
	}
	if (line->is_without_effect != (strcmp(expected, IDLE) == 0))
		fail_msg("%s: %s: %s", machine, value, line->reason);
	if (strcmp(expected, KEEP) == 0 || strcmp(expected, IDLE) == 0) {
		if (line->is_change || strcmp(line->advised, line->current) != 0)
			fail_msg("%s: %s instead of being left alone", machine, value);
		return;
	}
	if (!line->is_change ||
	    strcmp(strchr(expected, '=') ? value : line->advised, expected) != 0)
		fail_msg("%s: %s instead of %s: %s", machine, value, expected, line->reason);
}

static void expect_all(const char *machine, const struct tune_advice *advice,
		       const struct expected *expected)
{
	expect(machine, advice, "vm.dirty_background_", expected->background);
	expect(machine, advice,
	       strstr(expected->dirty, "bytes") ? "vm.dirty_bytes" : "vm.dirty_ratio",
	       expected->dirty);
	expect(machine, advice, "expire", expected->expire);
	expect(machine, advice, "writeback", expected->writeback);
	expect(machine, advice, "swappiness", expected->swappiness);
	expect(machine, advice, "read_ahead", expected->read_ahead);
	expect(machine, advice, "rmem_max", expected->rmem_max);
	expect(machine, advice, "wmem_max", expected->rmem_max);
	expect(machine, advice, "tcp_rmem", expected->tcp_rmem);
	expect(machine, advice, "tcp_wmem", expected->tcp_wmem);
}

static void machines(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct tune_advice advice;

		tune_advise(&advice, &rows[i].facts, &defaults, true, TUNE_WAIT_SECONDS);
		expect_all(rows[i].machine, &advice, &rows[i].expected);
		expect_five(rows[i].machine, &advice, &rows[i].facts);
	}
}

/* What was advised, put in force. */
static void follow(struct tune_values *values, const struct tune_advice *advice)
{
	char device[32];

	for (unsigned i = 0; i < advice->count; i++) {
		int key = tune_key_find(advice->lines[i].name, device);

		if (!advice->lines[i].is_change)
			continue;
		strcpy(values->text[key], advice->lines[i].advised);
		if (tune_key_twin((enum tune_key)key) != (enum tune_key)key)
			strcpy(values->text[tune_key_twin((enum tune_key)key)], "0");
	}
}

/* Who followed the advice is advised nothing more, also when the disk is measured a tenth off. */
static void followed(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct tune_facts facts = rows[i].facts;
		struct tune_values values = defaults;
		struct tune_advice advice;

		tune_advise(&advice, &facts, &values, true, TUNE_WAIT_SECONDS);
		follow(&values, &advice);
		for (int percent = 90; percent <= 110; percent += 10) {
			facts.disk_bytes_per_second =
				rows[i].facts.disk_bytes_per_second / 100 * (uint64_t)percent;
			tune_advise(&advice, &facts, &values, true, TUNE_WAIT_SECONDS);
			expect_five(rows[i].machine, &advice, &facts);
			if (advice.changes)
				fail_msg("%s: %u more changes at %d %%", rows[i].machine,
					 advice.changes, percent);
		}
	}
}

/* On any machine: background below the limit, the limit within the time, values the kernel takes.
 */
static void bounds(void **state)
{
	static const uint64_t memories[] = {16 * MIB, GIB, 4 * GIB, 64 * GIB, 4096 * GIB};
	static const uint64_t rates[] = {MB, 50 * MB, GB, 30 * GB};
	static const uint64_t networks[] = {0, 10 * MB, 10 * GB, 400 * GB};
	static const double waits[] = {0.05, 2, 30};

	for (unsigned i = 0; i < 5 * 4 * 4 * 3 * 2; i++) {
		struct tune_facts facts = {.cores = 1 + i % 128,
					   .memory_bytes = memories[i % 5],
					   .available_bytes = memories[i % 5] / 10 * 9,
					   .disk = TUNE_DISK_VIRTUAL,
					   .device = "vda",
					   .disk_bytes_per_second = rates[i / 5 % 4],
					   .network_bits_per_second = networks[i / 20 % 4],
					   .round_trip_seconds = 0.1,
					   .swap = (enum tune_swap)(i / 3 % TUNE_SWAP_COUNT)};
		double wait = waits[i / 80 % 3], most;
		struct tune_advice advice;

		tune_advise(&advice, &facts, &defaults, i >= 240, wait);
		expect_five("bounds", &advice, &facts);
		assert_true(advice.background_bytes > 0);
		assert_true(advice.background_bytes < advice.dirty_bytes);
		assert_true(advice.dirty_bytes <= facts.available_bytes / 5 + MIB);
		/* but for the room that writers need anyway */
		most = wait * (double)facts.disk_bytes_per_second;
		most = most > 32 * MIB ? most : 32 * MIB;
		most = most > facts.cores * 4 * MIB ? most : (double)(facts.cores * 4 * MIB);
		assert_true((double)advice.dirty_bytes <= 1.25 * most);
		for (unsigned line = 0; line < advice.count; line++) {
			struct sluice_error error;

			if (*advice.lines[line].advised &&
			    tune_value_check(advice.lines[line].name, advice.lines[line].advised,
					     &error) < 0)
				fail_msg("%u: %s", i, error.text);
		}
	}
}

/* For another machine nothing is known of its values, and nothing counts as a change. */
static void another_machine(void **state)
{
	struct tune_values unknown = {0};
	struct tune_advice advice;

	tune_advise(&advice, &rows[2].facts, &unknown, false, TUNE_WAIT_SECONDS);
	assert_int_equal(advice.changes, 0);
	expect_five(rows[2].machine, &advice, &rows[2].facts);
	for (unsigned i = 0; i < advice.count; i++) {
		assert_string_equal(advice.lines[i].current, "");
		assert_true(strlen(advice.lines[i].advised) > 0);
	}
	assert_string_equal(find(&advice, "dirty_bytes")->advised, "11945377792");
}

static void missing_facts(void **state)
{
	struct tune_facts facts = {0};
	struct tune_advice advice;

	tune_advise(&advice, &facts, &defaults, true, TUNE_WAIT_SECONDS);
	assert_int_equal(advice.changes, 0);
	assert_string_equal(find(&advice, "dirty_ratio")->advised, "");
	assert_non_null(strstr(find(&advice, "dirty_ratio")->reason, "--disk"));
	expect_five("nothing is known", &advice, &facts);
	assert_string_equal(find(&advice, "swappiness")->advised, "");
	assert_non_null(strstr(find(&advice, "swappiness")->reason, "--swap"));
	assert_null(find(&advice, "read_ahead"));
	assert_string_equal(find(&advice, "tcp_rmem")->advised, "");
	assert_non_null(strstr(find(&advice, "tcp_rmem")->reason, "--network"));
}

/* Values that somebody set, and what is said about them. */
static void odd_values(void **state)
{
	static const struct {
		enum tune_key key;
		const char *value, *advised, *reason;
	} odd[] = {
		{TUNE_WRITEBACK, "0", "500", "switches periodic write-back off"},
		{TUNE_WRITEBACK, "5", "500", "CPU time"},
		{TUNE_WRITEBACK, "6000", "500", "longer than"},
		{TUNE_EXPIRE, "100", "3000", "again and again"},
		{TUNE_EXPIRE, "360000", "3000", "power cut"},
		{TUNE_DIRTY_RATIO, "90", "20", "The price"},
		{TUNE_DIRTY_RATIO, "1", "20", "s of the disk"},
		{TUNE_BACKGROUND_RATIO, "30", "5", "write-back starts at"},
		{TUNE_BACKGROUND_RATIO, "1", "5", "write-back starts at"},
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		struct tune_values values = defaults;
		struct tune_advice advice;
		char name[TUNE_NAME];
		const struct tune_line *line;

		strcpy(values.text[odd[i].key], odd[i].value);
		tune_advise(&advice, &rows[1].facts, &values, true, TUNE_WAIT_SECONDS);
		line = find(&advice, tune_key_name(odd[i].key, "vda", name));
		if (!line || strcmp(line->advised, odd[i].advised) != 0)
			fail_msg("%s = %s: %s", name, odd[i].value,
				 line ? line->advised : "no line");
		if (!strstr(line->reason, odd[i].reason))
			fail_msg("%s = %s: %s", name, odd[i].value, line->reason);
	}
}

/* Bytes that somebody set: in force, and right, wrong, or not to be judged. */
static void bytes_in_force(void **state)
{
	static const struct {
		unsigned row;
		const char *background, *dirty;
		bool is_disk_known;
	} set[] = {
		{5, "499122176", "999292928", true},  {5, "5000000000", "9000000000", true},
		{5, "499122176", "999292928", false}, {1, "8388608", "16777216", true},
		{1, "90000000", "360000000", true},
	};

	for (size_t i = 0; i < sizeof(set) / sizeof(*set); i++) {
		struct tune_facts facts = rows[set[i].row].facts;
		struct tune_values values = defaults;
		struct tune_advice advice;
		const struct tune_line *line;

		strcpy(values.text[TUNE_BACKGROUND_BYTES], set[i].background);
		strcpy(values.text[TUNE_BACKGROUND_RATIO], "0");
		strcpy(values.text[TUNE_DIRTY_BYTES], set[i].dirty);
		strcpy(values.text[TUNE_DIRTY_RATIO], "0");
		if (!set[i].is_disk_known)
			facts.disk_bytes_per_second = 0;
		tune_advise(&advice, &facts, &values, true, TUNE_WAIT_SECONDS);
		expect_five("bytes in force", &advice, &facts);
		line = find_name(&advice, "vm.dirty_ratio");
		assert_string_equal(line->current_name, "vm.dirty_bytes");
		assert_string_equal(line->current, set[i].dirty);
		follow(&values, &advice);
		tune_advise(&advice, &facts, &values, true, TUNE_WAIT_SECONDS);
		assert_int_equal(advice.changes, 0);
	}
}

static void facts_as_text(void **state)
{
	struct tune_facts facts = {0};
	struct sluice_error error;
	double seconds;

	assert_int_equal(tune_parse_cores(&facts, "64", &error), 0);
	assert_int_equal(tune_parse_memory(&facts, "512G", &error), 0);
	assert_int_equal(tune_parse_disk(&facts, "nvme:6G", &error), 0);
	assert_int_equal(tune_parse_network(&facts, "100G:20ms", &error), 0);
	assert_int_equal(tune_parse_swap(&facts, "zram", &error), 0);
	assert_int_equal(tune_facts_check(&facts, &error), 0);
	assert_int_equal(facts.cores, 64);
	assert_int_equal(facts.memory_bytes, 512 * GIB);
	assert_int_equal(facts.disk, TUNE_DISK_NVME);
	assert_int_equal(facts.disk_bytes_per_second, 6 * GB);
	assert_int_equal(facts.network_bits_per_second, 100 * GB);
	assert_float_equal(facts.round_trip_seconds, 0.02, 1e-9);
	assert_int_equal(facts.swap, TUNE_SWAP_ZRAM);
	assert_int_equal(tune_parse_time("100us", &seconds), 0);
	assert_float_equal(seconds, 1e-4, 1e-12);
	assert_int_equal(tune_parse_time("0.5", &seconds), 0);
}

typedef int parse_function(struct tune_facts *, const char *, struct sluice_error *);

static void bad_facts(void **state)
{
	static const struct {
		parse_function *parse;
		const char *text;
	} bad[] = {
		{tune_parse_cores, "0"},
		{tune_parse_cores, "-4"},
		{tune_parse_cores, "4.5"},
		{tune_parse_cores, "many"},
		{tune_parse_cores, "99999999"},
		{tune_parse_cores, ""},
		{tune_parse_memory, "0"},
		{tune_parse_memory, "lots"},
		{tune_parse_memory, "-1G"},
		{tune_parse_memory, "9999999T"},
		{tune_parse_disk, "tape"},
		{tune_parse_disk, "tape:6G"},
		{tune_parse_disk, "nvme:"},
		{tune_parse_disk, "nvme:0"},
		{tune_parse_disk, "nvme:fast"},
		{tune_parse_disk, "nvme:6X"},
		{tune_parse_disk, ""},
		{tune_parse_disk, "unknown"},
		{tune_parse_disk, "nvme:6G:7"},
		{tune_parse_disk, ":6G"},
		{tune_parse_network, "0"},
		{tune_parse_network, "fast"},
		{tune_parse_network, "10G:"},
		{tune_parse_network, "10G:20m"},
		{tune_parse_network, "10G:-1ms"},
		{tune_parse_network, "10G:0"},
		{tune_parse_network, "10G:1e9s"},
		{tune_parse_network, "nan"},
		{tune_parse_network, "inf"},
		{tune_parse_network, "10G:900s"},
		{tune_parse_swap, "disk"},
		{tune_parse_swap, "unknown"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct tune_facts facts = {0};
		struct sluice_error error = {0};

		if (bad[i].parse(&facts, bad[i].text, &error) >= 0)
			fail_msg("'%s' was taken", bad[i].text);
		assert_non_null(strstr(error.text, "--"));
	}
}

static void impossible(void **state)
{
	static const struct tune_facts machines[] = {
		{.disk = TUNE_DISK_HDD, .disk_bytes_per_second = 6 * GB},
		{.disk = TUNE_DISK_EMMC, .disk_bytes_per_second = 6 * GB},
		{.disk = TUNE_DISK_SSD, .disk_bytes_per_second = 30 * GB},
		{.cores = 4096, .memory_bytes = 64 * MIB},
	};

	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++) {
		struct sluice_error error = {0};

		if (tune_facts_check(&machines[i], &error) >= 0)
			fail_msg("%zu was taken", i);
		assert_true(strlen(error.text) > 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(machines),       cmocka_unit_test(followed),
		cmocka_unit_test(bounds),         cmocka_unit_test(another_machine),
		cmocka_unit_test(missing_facts),  cmocka_unit_test(odd_values),
		cmocka_unit_test(bytes_in_force), cmocka_unit_test(facts_as_text),
		cmocka_unit_test(bad_facts),      cmocka_unit_test(impossible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
