/* SPDX-License-Identifier: MIT */
#include "base/size.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The power of 1024 that a suffix stands for, or -1. */
static int suffix_power(const char *suffix)
{
	static const char units[] = "KMGT";
	const char *unit;

	if (!*suffix || strcmp(suffix, "B") == 0)
		return 0;
	unit = strchr(units, toupper((unsigned char)*suffix));
	if (!unit)
		return -1;
	suffix++;
	if (*suffix && strcmp(suffix, "iB") != 0 && strcmp(suffix, "B") != 0)
		return -1;
	return (int)(unit - units) + 1;
}

bool size_parse(const char *text, uint64_t *bytes)
{
	char *end;
	double value;
	int power;

	if (!isdigit((unsigned char)*text) || strpbrk(text, "xXeEpPnN"))
		return false;
	errno = 0;
	value = strtod(text, &end);
	power = suffix_power(end);
	if (errno || power < 0)
		return false;
	value = ldexp(value, 10 * power);
	if (value >= 0x1p63)
		return false;
	*bytes = (uint64_t)value;
	return true;
}

char *size_format(char text[SIZE_TEXT], uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes;
	unsigned unit = 0;

	while (value >= 1023.95 && unit < 6) {
		value /= 1024;
		unit++;
	}
	snprintf(text, SIZE_TEXT, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return text;
}
