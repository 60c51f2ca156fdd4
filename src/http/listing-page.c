/* SPDX-License-Identifier: MIT */
/* The directory page's HTML, style and script. See listing-page.h. */
#include "http/listing-page.h"

/* clang-format off */
const char http_listing_page_top[] =
"<!doctype html>\n"
"<html lang=en>\n"
"<meta charset=utf-8>\n"
"<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
"<meta name=color-scheme content=\"light dark\">\n"
"<link rel=icon href=\"data:,\">\n"
"<title>";

const char http_listing_page_style[] =
"</title>\n"
"<style>\n"
":root { --back: #fff; --text: #1c1f23; --faint: #6a727c; --line: #e3e6ea; --hover: #f4f6f8;\n"
"  --link: #0b5cad; }\n"
"@media (prefers-color-scheme: dark) {\n"
"  :root { --back: #14171a; --text: #e4e7eb; --faint: #939ca6; --line: #2a2f35; --hover: #1c2126;\n"
"    --link: #7ab7f5; }\n"
"}\n"
"* { box-sizing: border-box; }\n"
"body { margin: 0 auto; max-width: 62rem; padding: 2rem 1rem 4rem; background: var(--back);\n"
"  color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }\n"
"h1 { margin: 0; font-size: 1.4rem; font-weight: 600; overflow-wrap: anywhere; }\n"
"p { margin: .25rem 0 1.5rem; color: var(--faint); font-size: .9rem; }\n"
"table { width: 100%; border-collapse: collapse; }\n"
"th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); text-align: left;\n"
"  vertical-align: top; }\n"
"th { color: var(--faint); font-size: .85rem; font-weight: 600; white-space: nowrap; }\n"
"th button { all: unset; cursor: pointer; }\n"
"th button:hover { color: var(--text); }\n"
"th button:focus-visible, a:focus-visible { outline: 2px solid var(--link);\n"
"  outline-offset: 2px; }\n"
"th[aria-sort=ascending] button::after { content: \" \\2191\"; }\n"
"th[aria-sort=descending] button::after { content: \" \\2193\"; }\n"
"tbody tr:hover { background: var(--hover); }\n"
"a { color: var(--link); text-decoration: none; }\n"
"a:hover { text-decoration: underline; }\n"
".name { width: 100%; overflow-wrap: anywhere; white-space: pre-wrap; }\n"
".size, .date { white-space: nowrap; font-variant-numeric: tabular-nums; }\n"
"th.size, td.size { text-align: right; }\n"
"td.size, td.date { color: var(--faint); }\n"
"tr[data-directory=\"1\"] a { font-weight: 600; }\n"
"@media (max-width: 36rem) {\n"
"  body { padding: 1rem .5rem 3rem; }\n"
"  td.date, th.date { font-size: .8rem; white-space: normal; min-width: 6rem; }\n"
"}\n"
"</style>\n"
"<h1>";

const char http_listing_page_table[] =
"<table>\n"
"<thead><tr><th class=name data-key=name aria-sort=ascending>Name"
"<th class=size data-key=size>Size"
"<th class=date data-key=date>Modified (UTC)";

const char http_listing_page_up[] =
"<tr><td class=name colspan=3><a href=\"../\">../ up</a>";

const char http_listing_page_end[] =
"</tbody>\n"
"</table>\n"
"<script>\n"
"const body = document.querySelector(\"tbody\");\n"
"const heads = document.querySelectorAll(\"th[data-key]\");\n"
"const names = new Intl.Collator(undefined, { numeric: true });\n"
"const order = {\n"
"  name: (a, b) => names.compare(a.dataset.name, b.dataset.name),\n"
"  size: (a, b) => a.dataset.size - b.dataset.size,\n"
"  date: (a, b) => a.dataset.date - b.dataset.date,\n"
"};\n"
"function sort(head) {\n"
"  const down = head.getAttribute(\"aria-sort\") == \"ascending\", sign = down ? -1 : 1;\n"
"  const rows = [...body.rows].sort((a, b) => b.dataset.directory - a.dataset.directory ||\n"
"    sign * order[head.dataset.key](a, b) || order.name(a, b));\n"
"  heads.forEach(other => other.removeAttribute(\"aria-sort\"));\n"
"  head.setAttribute(\"aria-sort\", down ? \"descending\" : \"ascending\");\n"
"  body.append(...rows);\n"
"}\n"
"heads.forEach(head => {\n"
"  const button = document.createElement(\"button\");\n"
"  button.append(...head.childNodes);\n"
"  button.onclick = () => sort(head);\n"
"  head.append(button);\n"
"});\n"
"</script>\n";
/* clang-format on */
