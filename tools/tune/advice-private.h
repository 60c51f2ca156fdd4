/* SPDX-License-Identifier: MIT */
/* What the files of rules share. */
#ifndef SLUICE_TUNE_ADVICE_PRIVATE_H
#define SLUICE_TUNE_ADVICE_PRIVATE_H

#include "tune/advice.h"

#define SOURCE_VM    "kernel: admin-guide/sysctl/vm.rst"
#define SOURCE_NET   "kernel: admin-guide/sysctl/net.rst"
#define SOURCE_TCP   "kernel: networking/ip-sysctl.rst"
#define SOURCE_BLOCK "kernel: ABI/stable/sysfs-block"
#define SOURCE_TUNED "profile: tuned throughput-performance"
#define SOURCE_ARRAY "profile: tuned enterprise-storage"

struct rules {
	struct tune_advice *advice;
	const struct tune_facts *facts;
	const struct tune_values *current;
	bool is_known;
	double wait_seconds;
};

/* The key of a pair that is in force: of two zeros, the ratio. Without a twin, the key itself. */
enum tune_key rules_in_force(const struct rules *rules, enum tune_key key);
/* Adds the line of a key, with its current value or that of its twin, where that is in force. */
struct tune_line *rules_line(struct rules *rules, enum tune_key key, const char *source);
/* Adds the line of a key that stays as it is, with its current value. */
struct tune_line *rules_keep(struct rules *rules, enum tune_key key, const char *source);
/* Adds the line of a key that is to have this value. */
struct tune_line *rules_change(struct rules *rules, enum tune_key key, const char *source,
			       const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Adds the line of a key about which nothing can be said without this. */
void rules_cannot(struct rules *rules, enum tune_key key, const char *source, const char *missing);
/* The value of now as a number; false where it is not known. */
bool rules_current(const struct rules *rules, enum tune_key key, uint64_t *value);

void rules_dirty(struct rules *rules);   /* advice-dirty.c */
void rules_network(struct rules *rules); /* advice-network.c */

#define RATE_TEXT 32

/* "150 MB", "1.2 GB": decimal, as rates are printed; returns text. */
char *tune_amount(char text[RATE_TEXT], double bytes);

#endif
