/* SPDX-License-Identifier: MIT */
/* HTTP dates, by calendar arithmetic of our own. See date.h for why. */
#include "http/date.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define DAY_SECONDS    86400
#define FIRST_SECOND   INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define LAST_SECOND    INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define NAME_NOT_FOUND (-1)

static const char *const days_short[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const days_long[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
					"Thursday", "Friday", "Saturday"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
				     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct civil {
	int year, month, day; /* month 1..12 */
	int hour, minute, second;
	int weekday; /* 0: Sunday */
};

/*
 * Days since 1970-01-01, and back. Years are counted from March, so that the leap day is the last
 * of a year, in eras of 400 years (146097 days); 719468 days lie between 0000-03-01 and 1970-01-01.
 */
static int64_t days_from_civil(int year, int month, int day)
{
	int64_t from_march = month > 2 ? year : year - 1;
	int64_t era = (from_march >= 0 ? from_march : from_march - 399) / 400;
	int64_t year_of_era = from_march - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - 719468;
}

static void set_day(struct civil *civil, int64_t days)
{
	int64_t shifted = days + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t of_era = shifted - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153; /* 0: March */

	civil->day = (int)(of_year - (153 * month + 2) / 5 + 1);
	civil->month = (int)(month < 10 ? month + 3 : month - 9);
	civil->year = (int)(year + era * 400 + (civil->month <= 2));
	civil->weekday = (int)(((days + 4) % 7 + 7) % 7);
}

static struct civil civil_from(time_t when)
{
	int64_t seconds =
		when < FIRST_SECOND ? FIRST_SECOND : (when > LAST_SECOND ? LAST_SECOND : when);
	int64_t of_day = ((seconds % DAY_SECONDS) + DAY_SECONDS) % DAY_SECONDS;
	struct civil civil = {.hour = (int)(of_day / 3600),
			      .minute = (int)(of_day / 60 % 60),
			      .second = (int)(of_day % 60)};

	set_day(&civil, (seconds - of_day) / DAY_SECONDS);
	return civil;
}

void http_date_format(char text[HTTP_DATE_SIZE], time_t when)
{
	struct civil c = civil_from(when);

	/* The masks change nothing; they show the compiler that the text fits. */
	snprintf(text, HTTP_DATE_SIZE, "%s, %02u %s %04u %02u:%02u:%02u GMT", days_short[c.weekday],
		 c.day & 31U, months[c.month - 1], (unsigned)c.year % 10000U, c.hour & 31U,
		 c.minute & 63U, c.second & 63U);
}

void http_date_format_iso(char text[HTTP_DATE_ISO_SIZE], time_t when)
{
	struct civil c = civil_from(when);

	snprintf(text, HTTP_DATE_ISO_SIZE, "%04u-%02u-%02uT%02u:%02u:%02uZ",
		 (unsigned)c.year % 10000U, c.month & 15U, c.day & 31U, c.hour & 31U,
		 c.minute & 63U, c.second & 63U);
}

/* The index of the name that text begins with, which is cut off. Names are case-sensitive (5.6.7).
 */
static int cut_name(struct http_text *text, const char *const *names, int count)
{
	for (int i = 0; i < count; i++) {
		size_t length = strlen(names[i]);

		if (text->length >= length && !memcmp(text->data, names[i], length)) {
			text->data += length;
			text->length -= length;
			return i;
		}
	}
	return NAME_NOT_FOUND;
}

static bool cut_month(struct http_text *text, struct civil *civil)
{
	civil->month = cut_name(text, months, 12) + 1;
	return civil->month > 0;
}

/* Exactly `count` digits. */
static bool cut_digits(struct http_text *text, size_t count, int *value)
{
	struct http_text digits = {text->data, count};
	uint64_t number;

	if (text->length < count || !http_text_number(digits, &number))
		return false;
	*value = (int)number;
	text->data += count;
	text->length -= count;
	return true;
}

static bool cut_time(struct http_text *text, struct civil *civil)
{
	return cut_digits(text, 2, &civil->hour) && http_text_cut(text, ":") &&
	       cut_digits(text, 2, &civil->minute) && http_text_cut(text, ":") &&
	       cut_digits(text, 2, &civil->second);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", after the day's name */
static bool cut_fixdate(struct http_text *text, struct civil *civil)
{
	return http_text_cut(text, ", ") && cut_digits(text, 2, &civil->day) &&
	       http_text_cut(text, " ") && cut_month(text, civil) && http_text_cut(text, " ") &&
	       cut_digits(text, 4, &civil->year) && http_text_cut(text, " ") &&
	       cut_time(text, civil) && http_text_is(*text, " GMT");
}

/* "Sunday, 06-Nov-94 08:49:37 GMT", after the day's name */
static bool cut_rfc850(struct http_text *text, struct civil *civil)
{
	return http_text_cut(text, ", ") && cut_digits(text, 2, &civil->day) &&
	       http_text_cut(text, "-") && cut_month(text, civil) && http_text_cut(text, "-") &&
	       cut_digits(text, 2, &civil->year) && http_text_cut(text, " ") &&
	       cut_time(text, civil) && http_text_is(*text, " GMT");
}

/* "Sun Nov  6 08:49:37 1994", after the day's name */
static bool cut_asctime(struct http_text *text, struct civil *civil)
{
	return http_text_cut(text, " ") && cut_month(text, civil) && http_text_cut(text, " ") &&
	       cut_digits(text, http_text_cut(text, " ") ? 1 : 2, &civil->day) &&
	       http_text_cut(text, " ") && cut_time(text, civil) && http_text_cut(text, " ") &&
	       cut_digits(text, 4, &civil->year) && !text->length;
}

static int month_days(int year, int month)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return lengths[month - 1] + (month == 2 && is_leap);
}

static bool is_possible(const struct civil *civil)
{
	return civil->year >= 1 && civil->day >= 1 &&
	       civil->day <= month_days(civil->year, civil->month) && civil->hour <= 23 &&
	       civil->minute <= 59 && civil->second <= 60;
}

static int64_t seconds_from(const struct civil *civil)
{
	return days_from_civil(civil->year, civil->month, civil->day) * DAY_SECONDS +
	       civil->hour * 3600 + civil->minute * 60 + civil->second;
}

/* The latest year with these two digits that is not more than 50 years after now (5.6.7). */
static void set_century(struct civil *civil, time_t now)
{
	struct civil limit = civil_from(now);

	limit.year += 50;
	civil->year += limit.year / 100 * 100;
	/* Field by field, as 29 February 50 years on may not exist. */
	if (civil->year > limit.year ||
	    (civil->year == limit.year &&
	     (civil->month - limit.month) * 32 + civil->day - limit.day > 0))
		civil->year -= 100;
}

bool http_date_parse(struct http_text text, time_t now, time_t *when)
{
	struct civil civil = {0};
	struct http_text rest = text;
	bool is_read;

	if (!text.data)
		return false;
	if (cut_name(&rest, days_long, 7) != NAME_NOT_FOUND) {
		is_read = cut_rfc850(&rest, &civil);
		if (is_read)
			set_century(&civil, now);
	} else {
		is_read = cut_name(&rest, days_short, 7) != NAME_NOT_FOUND && rest.length &&
			  (rest.data[0] == ',' ? cut_fixdate : cut_asctime)(&rest, &civil);
	}
	if (!is_read || !is_possible(&civil))
		return false;
	*when = (time_t)seconds_from(&civil);
	return true;
}
