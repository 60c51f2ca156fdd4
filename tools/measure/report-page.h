/* SPDX-License-Identifier: MIT */
/* The page around a document, in three pieces; page/embed.py writes them. */
#ifndef SLUICE_MEASURE_REPORT_PAGE_H
#define SLUICE_MEASURE_REPORT_PAGE_H

#include <stddef.h>

/* Up to the document's kind, from there to the document, and what is behind it. */
extern const unsigned char report_page_head[], report_page_middle[], report_page_tail[];
extern const size_t report_page_head_size, report_page_middle_size, report_page_tail_size;

#endif
