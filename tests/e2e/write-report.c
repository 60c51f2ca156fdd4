/* SPDX-License-Identifier: MIT */
/* write-report KIND DOCUMENT.json REPORT.html: the report around a document that a test made up. */
#include "measure/report.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	struct sluice_error error;
	json_error_t where;
	json_t *document;

	if (argc != 4) {
		fputs("usage: write-report KIND DOCUMENT.json REPORT.html\n", stderr);
		return 2;
	}
	document = json_load_file(argv[2], 0, &where);
	if (!document || report_write(argv[3], argv[1], document, &error) < 0) {
		fprintf(stderr, "%s\n", document ? error.text : where.text);
		return 1;
	}
	json_decref(document);
	return 0;
}
