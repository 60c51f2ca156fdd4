/* SPDX-License-Identifier: MIT */
/*
 * A JSON document as a page to look at: one HTML file that holds the document whole, the script
 * that draws it, and Chart.js. It opens anywhere, offline, and asks nobody for anything.
 *
 * The parts are in page/; the build puts them together (page/embed.py).
 */
#ifndef SLUICE_MEASURE_REPORT_H
#define SLUICE_MEASURE_REPORT_H

#include "sluice.h"

#include <jansson.h>

/*
 * Whether report_write could write this file: to be asked before a measurement that takes minutes.
 * 0, or -errno with error saying what is in the way.
 */
int report_check(const char *file, struct sluice_error *error);

/*
 * Writes the page for a document of this kind: "bench", "media" or "prove". An existing file is
 * replaced when the new one is complete; where that fails it stays as it was, and nothing is left
 * beside it. Only regular files are replaced. 0, or -errno with error.
 */
int report_write(const char *file, const char *kind, const json_t *document,
		 struct sluice_error *error);

#endif
