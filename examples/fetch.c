/* SPDX-License-Identifier: MIT */
/* Fetches a URL into a file and prints what it cost: the shortest use of the library. */
#include <sluice.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct sluice_get_options options = {.size = sizeof(options),
					     .output = argc > 2 ? argv[2] : NULL};
	struct sluice_get_result *result;
	struct sluice_error error;

	if (argc < 2) {
		fprintf(stderr, "usage: fetch URL [FILE]\n");
		return 2;
	}
	if (sluice_get(argv[1], &options, &result, &error) < 0) {
		fprintf(stderr, "fetch: %s\n", error.text);
		sluice_get_result_free(result);
		return 1;
	}
	printf("%s: %llu bytes in %.3f s, %.3f s of CPU time\n", result->file,
	       (unsigned long long)result->bill->bytes, result->bill->seconds,
	       result->bill->cpu_user_seconds + result->bill->cpu_system_seconds);
	sluice_get_result_free(result);
	return 0;
}
