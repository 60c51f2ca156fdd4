/* SPDX-License-Identifier: MIT */
/*
 * Each loop is there once for every CPU, in vectors of 16 bytes, and on x86 once more for those
 * with AVX2, in vectors of 32. The asm statements have no instruction: they only keep the compiler
 * from leaving out work whose result nobody uses.
 */
#include "measure/media-stream.h"

#include <stdbool.h>
#include <stdint.h>

#define STREAM(suffix, width, attributes)                                                          \
	attributes static void read_##suffix(const void *data, size_t length)                      \
	{                                                                                          \
		const uint64_t __attribute__((vector_size(width))) *from = data;                   \
		uint64_t __attribute__((vector_size(width))) a = {0}, b = a, c = a, d = a;         \
                                                                                                   \
		for (size_t i = 0; i < length / (width); i += 4) {                                 \
			a |= from[i];                                                              \
			b |= from[i + 1];                                                          \
			c |= from[i + 2];                                                          \
			d |= from[i + 3];                                                          \
		}                                                                                  \
		a |= b | c | d;                                                                    \
		__asm__ volatile("" : : "r"(&a) : "memory");                                       \
	}                                                                                          \
                                                                                                   \
	attributes static void write_##suffix(void *data, size_t length)                           \
	{                                                                                          \
		uint64_t __attribute__((vector_size(width))) *to = data;                           \
		uint64_t __attribute__((vector_size(width))) pattern = {1, 2};                     \
                                                                                                   \
		for (size_t i = 0; i < length / (width); i += 4) {                                 \
			to[i] = pattern;                                                           \
			to[i + 1] = pattern;                                                       \
			to[i + 2] = pattern;                                                       \
			to[i + 3] = pattern;                                                       \
		}                                                                                  \
		__asm__ volatile("" : : "r"(data) : "memory");                                     \
	}

STREAM(plain, 16, )

#ifdef __x86_64__
STREAM(wide, 32, __attribute__((target("avx2"))))

static bool is_wide(void)
{
	return __builtin_cpu_supports("avx2");
}
#else
#define read_wide  read_plain
#define write_wide write_plain

static bool is_wide(void)
{
	return false;
}
#endif

void media_stream_read(const void *data, size_t length)
{
	(is_wide() ? read_wide : read_plain)(data, length);
}

void media_stream_write(void *data, size_t length)
{
	(is_wide() ? write_wide : write_plain)(data, length);
}
