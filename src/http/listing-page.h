/* SPDX-License-Identifier: MIT */
/*
 * The fixed parts of the directory page, in the order in which listing.c puts them around the
 * names. The page asks for nothing from elsewhere; without scripts the headings are plain text.
 */
#ifndef SLUICE_HTTP_LISTING_PAGE_H
#define SLUICE_HTTP_LISTING_PAGE_H

extern const char http_listing_page_top[];   /* up to the title's text */
extern const char http_listing_page_style[]; /* from there to the heading's text */
extern const char http_listing_page_table[]; /* the table and its headings */
extern const char http_listing_page_up[];    /* the row that leads to the directory above */
extern const char http_listing_page_end[];   /* after the last row: the script that sorts */

#endif
