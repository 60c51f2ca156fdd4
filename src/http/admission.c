/* SPDX-License-Identifier: MIT */
#include "http/admission.h"

#include "host/memory.h"

#include <sys/stat.h>

enum {
	MINUTES = 10,
	MINUTE_BITS = 20,
	MEASURE_MS = 1000, /* how long a look at the memory is good for */
};

#define MINUTE_MASK (((uint64_t)1 << MINUTE_BITS) - 1)

/* splitmix64 */
static uint64_t mix(uint64_t value)
{
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
	value = (value ^ value >> 27) * 0x94d049bb133111ebu;
	return value ^ value >> 31;
}

static uint64_t hash_of(const struct statx *status)
{
	uint64_t device = (uint64_t)status->stx_dev_major << 32 | status->stx_dev_minor;

	return mix(status->stx_ino + mix(device));
}

static uint64_t available(struct admission *admission, uint64_t now_ms)
{
	uint64_t measured = __atomic_load_n(&admission->measured_ms, __ATOMIC_RELAXED);

	if (measured == 0 || now_ms - measured > MEASURE_MS) {
		__atomic_store_n(&admission->available_bytes, host_memory_available(),
				 __ATOMIC_RELAXED);
		__atomic_store_n(&admission->measured_ms, now_ms, __ATOMIC_RELAXED);
	}
	return __atomic_load_n(&admission->available_bytes, __ATOMIC_RELAXED);
}

bool admission_ask(struct admission *admission, const struct statx *status, uint64_t now_ms)
{
	uint64_t hash = hash_of(status), minute = now_ms / 60000 & MINUTE_MASK;
	uint64_t *slot = &admission->slots[hash % ADMISSION_SLOTS];
	uint64_t entry = __atomic_load_n(slot, __ATOMIC_RELAXED);
	uint64_t fresh = (hash & ~MINUTE_MASK) | minute;
	bool is_again = entry != 0 && (entry & ~MINUTE_MASK) == (hash & ~MINUTE_MASK) &&
			((minute - entry) & MINUTE_MASK) < MINUTES;

	__atomic_store_n(slot, fresh, __ATOMIC_RELAXED);
	return is_again && status->stx_size <= available(admission, now_ms) / 4;
}
